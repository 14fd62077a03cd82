// A row of a prepared statement's result: a bit for each NULL, then each value as its column's type
// has it. Any thread.
// Manual: page_protocol_binary_resultset, "Binary Protocol Resultset Row"
#pragma once

#include "protocol/packet/column.h"
#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

enum { BINARY_ROW_HEADER = 0x00 };

// Reads a payload of `count` values of these columns; they are contents as in value.h and point
// into it, the pointer of a NULL is NULL. False where it is no such row.
__attribute__((warn_unused_result)) bool binary_row_decode(struct slice *values,
                                                           const struct column *columns,
                                                           size_t count, struct slice payload);
// Writes a payload; fails where a value is not as wide as its column's type.
void binary_row_encode(const struct slice *values, const struct column *columns, size_t count,
                       struct writer *writer);
