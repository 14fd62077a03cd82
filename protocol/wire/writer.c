#include "protocol/wire/writer.h"

#include "protocol/wire/reader.h"

#include <assert.h>

// --- packets -----------------------------------------------------------------------------------

void writer_packet_begin(struct writer *writer)
{
    assert(!writer->is_open);
    writer->is_open = true;
    writer->packet = buffer_len(writer->buf);
    (void)writer_space(writer, FRAME_HEADER_SIZE);
}

// Makes room for `count` - 1 headers more between the chunks of a payload of `len` bytes. The last
// chunk moves furthest, so it moves first; each byte moves once.
static void chunks_spread(uint8_t *packet, size_t len, size_t count)
{
    uint8_t *payload = packet + FRAME_HEADER_SIZE;

    for (size_t i = count - 1; i > 0; i--) {
        size_t from = i * FRAME_PAYLOAD_MAX;
        size_t size = i == count - 1 ? len - from : FRAME_PAYLOAD_MAX;
        memmove(payload + from + i * FRAME_HEADER_SIZE, payload + from, size);
    }
}

static void headers_write(struct writer *writer, uint8_t *packet, size_t len, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t from = i * FRAME_PAYLOAD_MAX;
        size_t size = i == count - 1 ? len - from : FRAME_PAYLOAD_MAX;
        struct frame frame = {.len = (uint32_t)size, .sequence = writer->sequence++};
        frame_write(packet + from + i * FRAME_HEADER_SIZE, frame);
    }
}

bool writer_packet_end(struct writer *writer)
{
    assert(writer->is_open);
    writer->is_open = false;
    if (writer->failed) {
        writer->failed = false;
        buffer_truncate(writer->buf, writer->packet);
        return false;
    }
    size_t len = writer_packet_len(writer);
    size_t count = frame_count(len);
    if (count > 1) {
        (void)writer_space(writer, (count - 1) * FRAME_HEADER_SIZE);
        chunks_spread(buffer_ptr(writer->buf) + writer->packet, len, count);
    }
    headers_write(writer, buffer_ptr(writer->buf) + writer->packet, len, count);
    return true;
}

void writer_packet(struct writer *writer, struct slice payload)
{
    assert(!writer->is_open);
    struct slice rest = payload;
    bool is_continued = true;

    while (is_continued) {
        struct slice chunk = slice_first(rest, FRAME_PAYLOAD_MAX);
        struct frame frame = {.len = (uint32_t)chunk.len, .sequence = writer->sequence++};
        frame_write(writer_space(writer, FRAME_HEADER_SIZE), frame);
        writer_slice(writer, chunk);
        rest = slice_from(rest, chunk.len);
        is_continued = frame_is_continued(frame);
    }
}

// --- numbers -----------------------------------------------------------------------------------

void writer_u24(struct writer *writer, uint32_t value)
{
    if (value > 0xFFFFFF) {
        writer_fail(writer);
        return;
    }
    uint8_t *bytes = writer_space(writer, 3);
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
    bytes[2] = (uint8_t)(value >> 16);
}

void writer_lenenc(struct writer *writer, uint64_t value)
{
    if (value < LENENC_NULL) {
        writer_u8(writer, (uint8_t)value);
    } else if (value <= 0xFFFF) {
        writer_u8(writer, LENENC_U16);
        writer_u16(writer, (uint16_t)value);
    } else if (value <= 0xFFFFFF) {
        writer_u8(writer, LENENC_U24);
        writer_u24(writer, (uint32_t)value);
    } else {
        writer_u8(writer, LENENC_U64);
        writer_u64(writer, value);
    }
}

// --- bytes -------------------------------------------------------------------------------------

void writer_fill(struct writer *writer, uint8_t value, size_t n)
{
    memset(writer_space(writer, n), value, n);
}

void writer_lenenc_slice(struct writer *writer, struct slice bytes)
{
    writer_lenenc(writer, bytes.len);
    writer_slice(writer, bytes);
}

void writer_lenenc_slice_or_null(struct writer *writer, struct slice bytes)
{
    if (bytes.ptr == NULL) {
        writer_u8(writer, LENENC_NULL);
    } else {
        writer_lenenc_slice(writer, bytes);
    }
}

void writer_u8_slice(struct writer *writer, struct slice bytes)
{
    if (bytes.len > UINT8_MAX) {
        writer_fail(writer);
        return;
    }
    writer_u8(writer, (uint8_t)bytes.len);
    writer_slice(writer, bytes);
}

void writer_nul_slice(struct writer *writer, struct slice text)
{
    if (slice_find(text, '\0') != text.len) {
        writer_fail(writer);
        return;
    }
    writer_slice(writer, text);
    writer_u8(writer, 0);
}
