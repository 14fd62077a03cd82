// One more turn of a plugin's own conversation, from the server. What the client answers is bare
// data, a packet without a first byte of its own. Any thread.
// Manual: page_protocol_connection_phase_packets_protocol_auth_more_data
#pragma once

#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

enum { AUTH_MORE_HEADER = 0x01 }; // first byte of the payload

struct auth_more {
    struct slice data;
};

// Reads a payload; the slice points into it. False where it is no such packet.
__attribute__((warn_unused_result)) bool auth_more_decode(struct auth_more *more,
                                                          struct slice payload);
// Writes a payload.
void auth_more_encode(const struct auth_more *more, struct writer *writer);
