// COM_QUERY: a statement as text, with attributes before it where both sides have
// CAPABILITY_QUERY_ATTRIBUTES. Any thread.
// Manual: page_protocol_com_query
#pragma once

#include "protocol/packet/capability.h"
#include "protocol/packet/parameters.h"
#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

struct query {
    struct parameters attributes; // none without the capability
    struct slice text;
};

// Reads a payload; the slices point into it. `capabilities`: those of the connection it came by.
// False where it is no such packet or its attributes are malformed.
__attribute__((warn_unused_result)) bool query_decode(struct query *query, struct slice payload,
                                                      uint64_t capabilities);
// Writes a payload for a connection with these capabilities; without the capability the attributes
// are left out.
void query_encode(const struct query *query, struct writer *writer, uint64_t capabilities);
