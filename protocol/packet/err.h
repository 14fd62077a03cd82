// The packet that ends a command badly. It may stand in place of any answer, and in the middle of a
// result. Any thread.
// Manual: page_protocol_basic_err_packet
#pragma once

#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

enum { ERR_HEADER = 0xFF, ERR_SQLSTATE_SIZE = 5 };

struct err {
    uint16_t code;
    struct slice sqlstate; // ERR_SQLSTATE_SIZE bytes, or empty: before the login servers may leave
                           // it out
    struct slice message;
};

// Reads a payload; the slices point into it. False where it is no such packet,
// or has code 0.
__attribute__((warn_unused_result)) bool err_decode(struct err *err, struct slice payload);
// Writes a payload; without an sqlstate where it is empty, fails where it has another size.
void err_encode(const struct err *err, struct writer *writer);
