// COM_STMT_CLOSE: forgets a prepared statement; has no answer. Any thread.
// Manual: page_protocol_com_stmt_close
#pragma once

#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

struct stmt_close {
    uint32_t statement_id;
};

// Reads a payload. False where it is no such packet.
__attribute__((warn_unused_result)) bool stmt_close_decode(struct stmt_close *stmt_close,
                                                           struct slice payload);
// Writes a payload.
void stmt_close_encode(const struct stmt_close *stmt_close, struct writer *writer);
