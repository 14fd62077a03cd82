// COM_STMT_PREPARE: prepares a statement. Any thread.
// Manual: page_protocol_com_stmt_prepare
#pragma once

#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

struct stmt_prepare {
    struct slice text;
};

// Reads a payload; the slice points into it. False where it is no such packet.
__attribute__((warn_unused_result)) bool stmt_prepare_decode(struct stmt_prepare *stmt_prepare,
                                                             struct slice payload);
// Writes a payload.
void stmt_prepare_encode(const struct stmt_prepare *stmt_prepare, struct writer *writer);
