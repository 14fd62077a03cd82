// The definition of a column of a result, or of a parameter of a prepared statement. Any thread.
// Manual: page_protocol_com_query_response_text_resultset_column_definition
#pragma once

#include "protocol/packet/capability.h"
#include "protocol/packet/value.h"
#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

enum column_flag {
    COLUMN_NOT_NULL = 1,
    COLUMN_PRIMARY_KEY = 2,
    COLUMN_UNIQUE_KEY = 4,
    COLUMN_KEY = 8,
    COLUMN_BLOB = 16,
    COLUMN_UNSIGNED = 32,
    COLUMN_ZEROFILL = 64,
    COLUMN_BINARY = 128,
};

enum column_collation { COLUMN_UTF8MB4 = 45, COLUMN_BYTES = 63 }; // ids that sluice itself uses

struct column {
    struct slice schema;
    struct slice table;     // as the statement names it
    struct slice org_table; // as the schema names it
    struct slice name;
    struct slice org_name;
    struct slice extended; // with CAPABILITY_MARIADB_EXTENDED_TYPES: as it came
    uint16_t collation;
    uint32_t length; // longest value, in bytes
    uint8_t type;    // see value.h
    uint16_t flags;
    uint8_t decimals;
    bool has_default; // in answers to COM_FIELD_LIST
    struct slice default_value;
};

// Reads a payload; the slices point into it. `capabilities`: those of the connection it came by.
// False where it is no such packet.
__attribute__((warn_unused_result)) bool column_decode(struct column *column, struct slice payload,
                                                       uint64_t capabilities);
// Writes a payload for a connection with these capabilities.
void column_encode(const struct column *column, struct writer *writer, uint64_t capabilities);
