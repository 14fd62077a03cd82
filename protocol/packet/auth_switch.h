// A server's wish, in the login, that the client prove itself by another plugin, with a new nonce.
// Any thread.
// Manual: page_protocol_connection_phase_packets_protocol_auth_switch_request,
// ..._old_auth_switch_request
#pragma once

#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

enum { AUTH_SWITCH_HEADER = 0xFE }; // first byte of the payload

struct auth_switch {
    struct slice plugin;
    struct slice data; // as the plugin wants it: mostly a nonce of 20 bytes and a zero byte
};

// Reads a payload; the slices point into it. One byte alone is the old form, which asks for
// "mysql_old_password". False where it is no such packet.
__attribute__((warn_unused_result)) bool auth_switch_decode(struct auth_switch *request,
                                                            struct slice payload);
// Writes a payload, in the long form.
void auth_switch_encode(const struct auth_switch *request, struct writer *writer);
