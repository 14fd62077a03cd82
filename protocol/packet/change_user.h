// COM_CHANGE_USER: logs in anew on the same connection and forgets the session's state. The
// server's answer is a login conversation. Any thread.
// Manual: page_protocol_com_change_user
#pragma once

#include "protocol/packet/attribute.h"
#include "protocol/packet/capability.h"
#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

struct change_user {
    struct slice user;
    struct slice auth_data;  // the proof, for the nonce of the handshake; up to 255 bytes
    struct slice schema;     // may be empty: none
    bool has_collation;      // sent, and with it what stands below; old clients end before it
    uint16_t collation;      // 0 where it was not sent
    struct slice plugin;     // with CAPABILITY_PLUGIN_AUTH; else empty
    struct slice attributes; // with CAPABILITY_CONNECT_ATTRS: for attribute_next()
};

// Reads a payload; the slices point into it. `capabilities`: those of the connection it came by.
// False where it is no such packet or holds more than 64 KiB of attributes.
__attribute__((warn_unused_result)) bool
change_user_decode(struct change_user *change, struct slice payload, uint64_t capabilities);
// Writes a payload for a connection with these capabilities.
void change_user_encode(const struct change_user *change, struct writer *writer,
                        uint64_t capabilities);
