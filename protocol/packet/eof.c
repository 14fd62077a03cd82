#include "protocol/packet/eof.h"

#include "protocol/wire/reader.h"

bool eof_decode(struct eof *eof, struct slice payload)
{
    struct reader reader = reader_make(payload);

    if (reader_u8(&reader) != EOF_HEADER || payload.len > EOF_SIZE_MAX) {
        return false;
    }
    eof->warnings = reader_u16(&reader);
    eof->status = reader_u16(&reader);
    return !reader_is_failed(&reader);
}

void eof_encode(const struct eof *eof, struct writer *writer)
{
    writer_u8(writer, EOF_HEADER);
    writer_u16(writer, eof->warnings);
    writer_u16(writer, eof->status);
}

bool eof_status_set(uint8_t *payload, size_t len, uint16_t status)
{
    struct reader reader = reader_make(slice_make(payload, len));

    reader_skip(&reader, 1);
    (void)reader_u16(&reader);
    size_t at = len - reader_left(&reader);
    (void)reader_u16(&reader);
    if (reader_is_failed(&reader)) {
        return false;
    }
    status = htole16(status);
    memcpy(payload + at, &status, sizeof(status));
    return true;
}
