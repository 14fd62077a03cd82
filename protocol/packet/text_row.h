// A row of a text result: every value as text, or NULL. Any thread.
// Manual: page_protocol_com_query_response_text_resultset_row
#pragma once

#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

// Reads a payload of `count` values; they point into it, the pointer of a NULL is NULL. False where
// it has fewer values or more.
__attribute__((warn_unused_result)) bool text_row_decode(struct slice *values, size_t count,
                                                         struct slice payload);
// Writes a payload.
void text_row_encode(const struct slice *values, size_t count, struct writer *writer);
