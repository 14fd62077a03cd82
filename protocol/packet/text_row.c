#include "protocol/packet/text_row.h"

#include "protocol/wire/reader.h"

bool text_row_decode(struct slice *values, size_t count, struct slice payload)
{
    struct reader reader = reader_make(payload);

    for (size_t i = 0; i < count; i++) {
        values[i] = reader_lenenc_slice_or_null(&reader);
    }
    return reader_is_done(&reader);
}

void text_row_encode(const struct slice *values, size_t count, struct writer *writer)
{
    for (size_t i = 0; i < count; i++) {
        writer_lenenc_slice_or_null(writer, values[i]);
    }
}
