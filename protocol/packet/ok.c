#include "protocol/packet/ok.h"

#include "protocol/packet/status.h"
#include "protocol/wire/reader.h"

// Where the current schema's charset is one of utf16, ucs2 or utf32, servers fill the length up to
// whole characters of it, with zeros before it (MariaDB 10.11). Such a length is never
// 0.
static struct slice changes_read(struct reader *reader)
{
    while (reader_left(reader) > 1 && reader_peek(reader) == 0) {
        reader_skip(reader, 1);
    }
    return reader_lenenc_slice(reader);
}

// Servers leave the message out where it is empty and nothing follows it. It has its length before
// it with session tracking or without: the manual has it bare without, and servers and clients do
// otherwise.
static void tail_read(struct ok *ok, struct reader *reader, uint64_t capabilities)
{
    if (reader_left(reader) > 0) {
        ok->message = reader_lenenc_slice(reader);
    }
    if (capability_has(capabilities, CAPABILITY_SESSION_TRACK) &&
        (ok->status & STATUS_SESSION_CHANGED) != 0 && reader_left(reader) > 0) {
        ok->session = changes_read(reader);
    }
}

bool ok_decode(struct ok *ok, struct slice payload, uint64_t capabilities)
{
    struct reader reader = reader_make(payload);
    *ok = (struct ok){0};

    uint8_t header = reader_u8(&reader);
    ok->is_end_of_result = header == OK_HEADER_END_OF_RESULT;
    if (header != OK_HEADER && header != OK_HEADER_END_OF_RESULT) {
        return false;
    }
    ok->affected_rows = reader_lenenc(&reader);
    ok->insert_id = reader_lenenc(&reader);
    ok->status = reader_u16(&reader);
    ok->warnings = reader_u16(&reader);
    tail_read(ok, &reader, capabilities);
    return !reader_is_failed(&reader);
}

bool ok_status_set(uint8_t *payload, size_t len, uint16_t status)
{
    struct reader reader = reader_make(slice_make(payload, len));

    reader_skip(&reader, 1);
    (void)reader_lenenc(&reader);
    (void)reader_lenenc(&reader);
    size_t at = len - reader_left(&reader);
    (void)reader_u16(&reader);
    if (reader_is_failed(&reader)) {
        return false;
    }
    status = htole16(status);
    memcpy(payload + at, &status, sizeof(status));
    return true;
}

void ok_encode(const struct ok *ok, struct writer *writer, uint64_t capabilities)
{
    bool is_tracked = capability_has(capabilities, CAPABILITY_SESSION_TRACK);
    bool has_session = is_tracked && ok->session.len > 0;
    uint16_t status = ok->status & (uint16_t)~STATUS_SESSION_CHANGED;

    writer_u8(writer, ok->is_end_of_result ? OK_HEADER_END_OF_RESULT : OK_HEADER);
    writer_lenenc(writer, ok->affected_rows);
    writer_lenenc(writer, ok->insert_id);
    writer_u16(writer, has_session ? status | STATUS_SESSION_CHANGED : status);
    writer_u16(writer, ok->warnings);
    if (ok->message.len > 0 || has_session) {
        writer_lenenc_slice(writer, ok->message);
    }
    if (has_session) {
        writer_lenenc_slice(writer, ok->session);
    }
}
