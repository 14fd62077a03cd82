// COM_STMT_FETCH: gets rows from a prepared statement's cursor. Any thread.
// Manual: page_protocol_com_stmt_fetch
#pragma once

#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

struct stmt_fetch {
    uint32_t statement_id;
    uint32_t rows; // at most so many
};

// Reads a payload. False where it is no such packet.
__attribute__((warn_unused_result)) bool stmt_fetch_decode(struct stmt_fetch *stmt_fetch,
                                                           struct slice payload);
// Writes a payload.
void stmt_fetch_encode(const struct stmt_fetch *stmt_fetch, struct writer *writer);
