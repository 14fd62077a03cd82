// COM_STMT_EXECUTE: runs a prepared statement. How many parameters there are is not in the packet
// but known from the statement, so it is read in two steps. Any thread.
// Manual: page_protocol_com_stmt_execute
#pragma once

#include "protocol/packet/capability.h"
#include "protocol/packet/parameters.h"
#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

enum stmt_execute_flag {
    STMT_EXECUTE_CURSOR_READ_ONLY = 0x01,
    STMT_EXECUTE_CURSOR_FOR_UPDATE = 0x02,
    STMT_EXECUTE_CURSOR_SCROLLABLE = 0x04,
    STMT_EXECUTE_HAS_COUNT = 0x08, // with CAPABILITY_QUERY_ATTRIBUTES: parameters are counted
};

struct stmt_execute {
    uint32_t statement_id; // see statement_id.h
    uint8_t flags;
    uint32_t iterations; // always 1
    struct slice block;  // the parameters: for stmt_execute_parameters()
};

// Reads a payload up to the parameters; the slice points into it. False where it is no such packet.
__attribute__((warn_unused_result)) bool stmt_execute_decode(struct stmt_execute *execute,
                                                             struct slice payload);

// Reads the parameters of a statement that has `count` of them; attributes, which have names, may
// stand behind them. `capabilities`: those of the connection it came by. False where the block is
// malformed or has fewer than `count`.
__attribute__((warn_unused_result)) bool stmt_execute_parameters(const struct stmt_execute *execute,
                                                                 size_t count,
                                                                 uint64_t capabilities,
                                                                 struct parameters *parameters);

// Writes a payload for a connection with these capabilities: the parameters of a statement that has
// `count` of them, and the attributes behind them where the connection can have them.
void stmt_execute_encode(const struct stmt_execute *execute, const struct parameters *parameters,
                         size_t count, struct writer *writer, uint64_t capabilities);
