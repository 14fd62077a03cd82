#include "protocol/packet/binary_row.h"

#include "protocol/wire/reader.h"

enum { NULLS_OFFSET = 2 }; // the bitmap's first bits mean nothing

static size_t nulls_size(size_t count)
{
    return (count + NULLS_OFFSET + 7) / 8;
}

static bool is_null(const uint8_t *nulls, size_t index)
{
    size_t bit = index + NULLS_OFFSET;

    return (nulls[bit / 8] >> bit % 8 & 1) != 0;
}

bool binary_row_decode(struct slice *values, const struct column *columns, size_t count,
                       struct slice payload)
{
    struct reader reader = reader_make(payload);

    if (reader_u8(&reader) != BINARY_ROW_HEADER) {
        return false;
    }
    const uint8_t *nulls = reader_take(&reader, nulls_size(count));
    if (nulls == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        values[i] = is_null(nulls, i) ? SLICE_NONE : value_read(&reader, columns[i].type);
    }
    return reader_is_done(&reader);
}

static void nulls_write(const struct slice *values, size_t count, struct writer *writer)
{
    uint8_t *nulls = writer_space(writer, nulls_size(count));

    memset(nulls, 0, nulls_size(count));
    for (size_t i = 0; i < count; i++) {
        size_t bit = i + NULLS_OFFSET;
        nulls[bit / 8] |= (uint8_t)((values[i].ptr == NULL) << bit % 8);
    }
}

void binary_row_encode(const struct slice *values, const struct column *columns, size_t count,
                       struct writer *writer)
{
    writer_u8(writer, BINARY_ROW_HEADER);
    nulls_write(values, count, writer);
    for (size_t i = 0; i < count; i++) {
        if (values[i].ptr != NULL) {
            value_write(writer, columns[i].type, values[i]);
        }
    }
}
