// COM_FIELD_LIST: lists the columns of a table. Any thread.
// Manual: page_protocol_com_field_list
#pragma once

#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

struct field_list {
    struct slice table;
    struct slice wildcard; // of column names, as LIKE has them; may be empty
};

// Reads a payload; the slices point into it. False where it is no such packet.
__attribute__((warn_unused_result)) bool field_list_decode(struct field_list *field_list,
                                                           struct slice payload);
// Writes a payload.
void field_list_encode(const struct field_list *field_list, struct writer *writer);
