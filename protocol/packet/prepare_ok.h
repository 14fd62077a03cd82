// The first packet of a good answer to COM_STMT_PREPARE: the statement's id, and how many parameter
// and column definitions follow. Any thread.
// Manual: page_protocol_com_stmt_prepare, "COM_STMT_PREPARE_OK"
#pragma once

#include "protocol/packet/capability.h"
#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

struct prepare_ok {
    uint32_t statement_id; // see statement_id.h
    uint16_t columns;
    uint16_t parameters;
    uint16_t warnings;
    bool has_definitions; // false: none follow (only with CAPABILITY_OPTIONAL_METADATA)
};

// Reads a payload. `capabilities`: those of the connection it came by. False where it is no such
// packet.
__attribute__((warn_unused_result)) bool
prepare_ok_decode(struct prepare_ok *ok, struct slice payload, uint64_t capabilities);
// Writes a payload for a connection with these capabilities.
void prepare_ok_encode(const struct prepare_ok *ok, struct writer *writer, uint64_t capabilities);
