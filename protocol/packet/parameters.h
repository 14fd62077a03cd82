// The block of parameters in COM_STMT_EXECUTE, and of attributes in COM_QUERY: which are NULL, what
// types they have, their values. It stays bytes until somebody asks. Any thread.
// Manual: page_protocol_com_stmt_execute, page_protocol_com_query
#pragma once

#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

enum { PARAMETERS_MAX = UINT16_MAX };

struct parameters {
    size_t count;
    bool has_names;         // a name stands behind each type (CAPABILITY_QUERY_ATTRIBUTES)
    bool are_types_sent;    // this packet holds the types; else the last one that did is meant
    struct slice nulls;     // a bit for each
    struct slice types;     // with the names; the caller puts the ones meant here where not sent
    struct slice long_data; // a bit for each whose value came by COM_STMT_SEND_LONG_DATA: the
                            // caller's; empty: none
    struct slice values;    // of all those that are neither NULL nor long data
};

struct parameter {
    uint8_t type; // see value.h
    bool is_unsigned;
    bool is_long_data;
    struct slice name;  // may be empty
    struct slice value; // the content; the pointer is NULL where the value is, or is long data
};

// Reads a block of `count` parameters up to its values; fails the reader where it is cut short or
// `count` is above PARAMETERS_MAX. `values` is all that is left in the reader, which stays there.
// No parameters have no block.
void parameters_read(struct parameters *parameters, struct reader *reader, uint64_t count,
                     bool has_names);

// Writes the first `count` parameters, with names or without: the translation between a client and
// a server that differ in CAPABILITY_QUERY_ATTRIBUTES. Names that the block lacks are written
// empty. Fails where the block is malformed, or has fewer, or where types are missing to find the
// end of the values.
void parameters_write(const struct parameters *parameters, size_t count, bool with_names,
                      struct writer *writer);

// The first `count` of some types, with their names where they have such. False where there are
// fewer.
__attribute__((warn_unused_result)) bool parameters_types_first(struct slice *types, size_t count,
                                                                bool has_names);

// Walks over a block. The slices point into it.
struct parameter_walk {
    const struct parameters *parameters;
    size_t index; // of the next one
    struct reader types;
    struct reader values; // what is left of them
};

struct parameter_walk parameter_walk(const struct parameters *parameters);
// The next parameter; false behind the last one, and where the block is malformed.
bool parameter_next(struct parameter_walk *walk, struct parameter *parameter);
// The same of the types alone: the values are neither read nor needed.
bool parameter_type_next(struct parameter_walk *walk, struct parameter *parameter);
// Whether the walk met malformed bytes.
bool parameter_walk_is_failed(const struct parameter_walk *walk);
