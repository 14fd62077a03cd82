#include "protocol/packet/column.h"

#include "protocol/wire/reader.h"

enum { FIXED_SIZE = 12 }; // bytes of the fields of fixed width, two unused ones included

#define CATALOG S("def") // the only one that servers have

static void fixed_read(struct column *column, struct slice fields)
{
    struct reader reader = reader_make(fields);

    column->collation = reader_u16(&reader);
    column->length = reader_u32(&reader);
    column->type = reader_u8(&reader);
    column->flags = reader_u16(&reader);
    column->decimals = reader_u8(&reader);
}

bool column_decode(struct column *column, struct slice payload, uint64_t capabilities)
{
    struct reader reader = reader_make(payload);
    *column = (struct column){0};

    (void)reader_lenenc_slice(&reader);
    column->schema = reader_lenenc_slice(&reader);
    column->table = reader_lenenc_slice(&reader);
    column->org_table = reader_lenenc_slice(&reader);
    column->name = reader_lenenc_slice(&reader);
    column->org_name = reader_lenenc_slice(&reader);
    if (capability_has(capabilities, CAPABILITY_MARIADB_EXTENDED_TYPES)) {
        column->extended = reader_lenenc_slice(&reader);
    }
    struct slice fixed = reader_lenenc_slice(&reader);
    if (reader_is_failed(&reader) || fixed.len < FIXED_SIZE) {
        return false;
    }
    fixed_read(column, fixed);
    column->has_default = reader_left(&reader) > 0;
    if (column->has_default) {
        column->default_value = reader_lenenc_slice_or_null(&reader);
    }
    return !reader_is_failed(&reader);
}

void column_encode(const struct column *column, struct writer *writer, uint64_t capabilities)
{
    writer_lenenc_slice(writer, CATALOG);
    writer_lenenc_slice(writer, column->schema);
    writer_lenenc_slice(writer, column->table);
    writer_lenenc_slice(writer, column->org_table);
    writer_lenenc_slice(writer, column->name);
    writer_lenenc_slice(writer, column->org_name);
    if (capability_has(capabilities, CAPABILITY_MARIADB_EXTENDED_TYPES)) {
        writer_lenenc_slice(writer, column->extended);
    }
    writer_lenenc(writer, FIXED_SIZE);
    writer_u16(writer, column->collation);
    writer_u32(writer, column->length);
    writer_u8(writer, column->type);
    writer_u16(writer, column->flags);
    writer_u8(writer, column->decimals);
    writer_u16(writer, 0);
    if (column->has_default) {
        writer_lenenc_slice_or_null(writer, column->default_value);
    }
}
