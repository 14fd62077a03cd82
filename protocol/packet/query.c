#include "protocol/packet/query.h"

#include "protocol/packet/command.h"
#include "protocol/wire/reader.h"

enum { PARAMETER_SETS = 1 }; // a count that the protocol has room for and servers fix

// The block's values end where walking over them says; the text follows. Attributes without types
// cannot be walked: servers refuse them, too.
static void attributes_read(struct query *query, struct reader *reader)
{
    struct parameter attribute;

    uint64_t count = reader_lenenc(reader);
    if (reader_lenenc(reader) != PARAMETER_SETS) {
        reader_fail(reader);
    }
    parameters_read(&query->attributes, reader, count, true);
    if (query->attributes.count == 0 || reader_is_failed(reader)) {
        return;
    }
    struct parameter_walk walk = parameter_walk(&query->attributes);
    while (parameter_next(&walk, &attribute)) {
    }
    if (parameter_walk_is_failed(&walk)) {
        reader_fail(reader);
        return;
    }
    size_t size = query->attributes.values.len - reader_left(&walk.values);
    query->attributes.values = reader_slice(reader, size);
}

bool query_decode(struct query *query, struct slice payload, uint64_t capabilities)
{
    struct reader reader = reader_make(payload);
    *query = (struct query){0};

    command_read(&reader, COMMAND_QUERY);
    if (capability_has(capabilities, CAPABILITY_QUERY_ATTRIBUTES)) {
        attributes_read(query, &reader);
    }
    query->text = reader_rest(&reader);
    return !reader_is_failed(&reader);
}

void query_encode(const struct query *query, struct writer *writer, uint64_t capabilities)
{
    writer_u8(writer, COMMAND_QUERY);
    if (capability_has(capabilities, CAPABILITY_QUERY_ATTRIBUTES)) {
        writer_lenenc(writer, query->attributes.count);
        writer_lenenc(writer, PARAMETER_SETS);
        parameters_write(&query->attributes, query->attributes.count, true, writer);
    }
    writer_slice(writer, query->text);
}
