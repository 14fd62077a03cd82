// The packet that ends a command well: rows affected, insert id, status flags, warnings, and what
// changed in the session. With CAPABILITY_DEPRECATE_EOF it also ends results, under EOF's first
// byte. Any thread. Manual: page_protocol_basic_ok_packet
#pragma once

#include "protocol/packet/capability.h"
#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

enum {
    OK_HEADER = 0x00,
    OK_HEADER_END_OF_RESULT = 0xFE, // only in a payload shorter than FRAME_PAYLOAD_MAX
};

struct ok {
    bool is_end_of_result; // the first byte is OK_HEADER_END_OF_RESULT
    uint64_t affected_rows;
    uint64_t insert_id;
    uint16_t status; // see status.h
    uint16_t warnings;
    struct slice message;
    struct slice session; // with STATUS_SESSION_CHANGED: see session_change.h; else empty
};

// Reads a payload; the slices point into it. `capabilities`: those of the connection it came by.
// False where it is no such packet.
__attribute__((warn_unused_result)) bool ok_decode(struct ok *ok, struct slice payload,
                                                   uint64_t capabilities);
// Writes a payload for a connection with these capabilities. The session's changes are left out
// without CAPABILITY_SESSION_TRACK; STATUS_SESSION_CHANGED is set where some are sent, and only
// there.
void ok_encode(const struct ok *ok, struct writer *writer, uint64_t capabilities);

// Puts other status flags into a payload, in place. False where it is no such packet.
__attribute__((warn_unused_result)) bool ok_status_set(uint8_t *payload, size_t len,
                                                       uint16_t status);
