#include "protocol/wire/reader.h"

const uint8_t reader_nothing[1] = {0};

uint64_t reader_lenenc_long(struct reader *reader)
{
    switch (reader_peek(reader)) {
    case LENENC_U16:
        reader->ptr++;
        return reader_u16(reader);
    case LENENC_U24:
        reader->ptr++;
        return reader_u24(reader);
    case LENENC_U64:
        reader->ptr++;
        return reader_u64(reader);
    default: // LENENC_NULL, LENENC_BAD, or nothing left
        reader_fail(reader);
        return 0;
    }
}

struct slice reader_nul_slice(struct reader *reader)
{
    size_t left = reader_left(reader);
    const uint8_t *nul = left > 0 ? memchr(reader->ptr, 0, left) : NULL;
    if (nul == NULL) {
        reader_fail(reader);
        return SLICE_NONE;
    }
    struct slice text = slice_make(reader->ptr, (size_t)(nul - reader->ptr));
    reader->ptr = nul + 1;
    return text;
}
