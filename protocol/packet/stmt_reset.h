// COM_STMT_RESET: forgets a prepared statement's long data and closes its cursor. Any thread.
// Manual: page_protocol_com_stmt_reset
#pragma once

#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

struct stmt_reset {
    uint32_t statement_id;
};

// Reads a payload. False where it is no such packet.
__attribute__((warn_unused_result)) bool stmt_reset_decode(struct stmt_reset *stmt_reset,
                                                           struct slice payload);
// Writes a payload.
void stmt_reset_encode(const struct stmt_reset *stmt_reset, struct writer *writer);
