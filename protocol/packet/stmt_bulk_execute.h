// COM_STMT_BULK_EXECUTE of MariaDB: runs a prepared statement once for each of many rows of
// parameters. How many parameters a row has is known from the statement. Any thread.
// MariaDB: connection protocol, "COM_STMT_BULK_EXECUTE"
#pragma once

#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

enum stmt_bulk_flag {
    STMT_BULK_UNIT_RESULTS = 64, // each row has a result
    STMT_BULK_SEND_TYPES = 128,  // the types of the parameters stand in front of the rows
};

struct stmt_bulk_execute {
    uint32_t statement_id; // see statement_id.h
    uint16_t flags;
    struct slice types; // two bytes for each parameter; empty where they are not sent
    struct slice rows;  // for each parameter an indicator and, where that is 0, a value
};

// Reads a payload of a statement that has `count` parameters; the slices point into it. False where
// it is no such packet.
__attribute__((warn_unused_result)) bool
stmt_bulk_execute_decode(struct stmt_bulk_execute *execute, struct slice payload, size_t count);
// Writes a payload; types that are there are sent, whatever the flags say.
void stmt_bulk_execute_encode(const struct stmt_bulk_execute *execute, struct writer *writer);
