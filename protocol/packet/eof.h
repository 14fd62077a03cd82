// The packet that ends the columns and the rows of a result, without CAPABILITY_DEPRECATE_EOF. Any
// thread.
// Manual: page_protocol_basic_eof_packet
#pragma once

#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

enum {
    EOF_HEADER = 0xFE,
    EOF_SIZE = 5,
    EOF_SIZE_MAX = 8, // a longer payload under that header is a row
};

struct eof {
    uint16_t warnings;
    uint16_t status; // see status.h
};

// Reads a payload. False where it is no such packet.
__attribute__((warn_unused_result)) bool eof_decode(struct eof *eof, struct slice payload);
// Writes a payload.
void eof_encode(const struct eof *eof, struct writer *writer);

// Puts other status flags into a payload, in place. False where it is no such packet.
__attribute__((warn_unused_result)) bool eof_status_set(uint8_t *payload, size_t len,
                                                        uint16_t status);
