// The first packet of a result set: how many columns it has. Any thread.
// Manual: page_protocol_com_query_response_text_resultset; what it says of the flag's place is
// not so: the flag stands behind the count, as both families send it.
#pragma once

#include "protocol/packet/capability.h"
#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

// Tables have 4096 at most; a list of constants has as many as fit into the statement.
enum { RESULT_COLUMNS_MAX = 1 << 22 };

struct result_header {
    uint32_t columns;     // at least 1
    bool has_definitions; // false: rows follow at once (only with CAPABILITY_OPTIONAL_METADATA or
                          // CAPABILITY_MARIADB_CACHE_METADATA)
};

// Reads a payload. `capabilities`: those of the connection it came by. False where it is no such
// packet.
__attribute__((warn_unused_result)) bool
result_header_decode(struct result_header *header, struct slice payload, uint64_t capabilities);
// Writes a payload for a connection with these capabilities.
void result_header_encode(const struct result_header *header, struct writer *writer,
                          uint64_t capabilities);
