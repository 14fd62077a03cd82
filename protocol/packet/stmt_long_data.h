// COM_STMT_SEND_LONG_DATA: a piece of a parameter's value; has no answer. Any thread.
// Manual: page_protocol_com_stmt_send_long_data
#pragma once

#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

struct stmt_long_data {
    uint32_t statement_id;
    uint16_t parameter; // its index
    struct slice data;  // joins what was sent before
};

// Reads a payload; the slice points into it. False where it is no such packet.
__attribute__((warn_unused_result)) bool
stmt_long_data_decode(struct stmt_long_data *stmt_long_data, struct slice payload);
// Writes a payload.
void stmt_long_data_encode(const struct stmt_long_data *stmt_long_data, struct writer *writer);
