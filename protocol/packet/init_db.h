// COM_INIT_DB: makes a schema the current one. Any thread.
// Manual: page_protocol_com_init_db
#pragma once

#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

struct init_db {
    struct slice schema;
};

// Reads a payload; the slice points into it. False where it is no such packet.
__attribute__((warn_unused_result)) bool init_db_decode(struct init_db *init_db,
                                                        struct slice payload);
// Writes a payload.
void init_db_encode(const struct init_db *init_db, struct writer *writer);
