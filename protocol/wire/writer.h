// Writes packets into a buffer: the mirror of reader.h. A value that its field cannot hold sets
// `failed`, which stays set; writer_packet_end() takes such a packet back as if it had never begun.
// So write all fields, then ask once. Embedded or on the stack; borrows the buffer, whose content
// may not be consumed while a packet is open. Numbers are little-endian. One thread.
//
//     struct writer writer = writer_make(&stream->out, sequence);
//     writer_packet_begin(&writer);
//     ok_encode(&ok, &writer, capabilities);      // encoders write payloads
//     if (!writer_packet_end(&writer)) ...         // false: nothing was written
//     sequence = writer.sequence;                  // of the next packet of this conversation
#pragma once

#include "protocol/wire/frame.h"

#include "proxy/base/buffer.h"

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct writer {
    struct buffer *buf;
    size_t packet;    // offset of the open packet's first header in the buffer's content
    uint8_t sequence; // id of the next frame
    bool is_open;     // between packet_begin and packet_end
    bool failed;
};

static inline struct writer writer_make(struct buffer *buf, uint8_t sequence)
{
    return (struct writer){.buf = buf, .sequence = sequence};
}

static inline bool writer_is_failed(const struct writer *writer)
{
    return writer->failed;
}

// Sets the error: for encoders that are given a value that cannot be.
static inline void writer_fail(struct writer *writer)
{
    writer->failed = true;
}

// --- packets -----------------------------------------------------------------------------------

// Leaves room for a frame header. No other packet is open.
void writer_packet_begin(struct writer *writer);

// Fills in the header; a payload of FRAME_PAYLOAD_MAX bytes or more is cut into as many frames as
// it takes, the empty last one included. `sequence` moves by the frames written. Returns false, and
// takes the packet out of the buffer, where a write failed; the writer may then be used again.
__attribute__((warn_unused_result)) bool writer_packet_end(struct writer *writer);

// Bytes of payload written since packet_begin.
static inline size_t writer_packet_len(const struct writer *writer)
{
    return buffer_len(writer->buf) - writer->packet - FRAME_HEADER_SIZE;
}

// A packet whose payload is at hand.
void writer_packet(struct writer *writer, struct slice payload);

// --- numbers -----------------------------------------------------------------------------------

// Room for `n` bytes at the end, which count as written.
static inline uint8_t *writer_space(struct writer *writer, size_t n)
{
    uint8_t *space = buffer_reserve(writer->buf, n);
    buffer_added(writer->buf, n);
    return space;
}

static inline void writer_u8(struct writer *writer, uint8_t value)
{
    *writer_space(writer, 1) = value;
}

static inline void writer_u16(struct writer *writer, uint16_t value)
{
    value = htole16(value);
    memcpy(writer_space(writer, sizeof(value)), &value, sizeof(value));
}

static inline void writer_u32(struct writer *writer, uint32_t value)
{
    value = htole32(value);
    memcpy(writer_space(writer, sizeof(value)), &value, sizeof(value));
}

static inline void writer_u64(struct writer *writer, uint64_t value)
{
    value = htole64(value);
    memcpy(writer_space(writer, sizeof(value)), &value, sizeof(value));
}

// Fails above 2^24 - 1.
void writer_u24(struct writer *writer, uint32_t value);

// A length-encoded number in its shortest form.
void writer_lenenc(struct writer *writer, uint64_t value);

// How many bytes writer_lenenc() takes for `value`.
static inline size_t writer_lenenc_size(uint64_t value)
{
    return value < 0xFB ? 1 : value <= 0xFFFF ? 3 : value <= 0xFFFFFF ? 4 : 9;
}

// --- bytes -------------------------------------------------------------------------------------

// The bytes alone, without length or end.
static inline void writer_slice(struct writer *writer, struct slice bytes)
{
    buffer_append_slice(writer->buf, bytes);
}

// `n` bytes of `value`.
void writer_fill(struct writer *writer, uint8_t value, size_t n);

// A length-encoded length and the bytes.
void writer_lenenc_slice(struct writer *writer, struct slice bytes);

// As writer_lenenc_slice(); a slice whose pointer is NULL is written as LENENC_NULL.
void writer_lenenc_slice_or_null(struct writer *writer, struct slice bytes);

// One byte of length and the bytes; fails above 255 of them.
void writer_u8_slice(struct writer *writer, struct slice bytes);

// The bytes and a zero byte; fails where they hold one.
void writer_nul_slice(struct writer *writer, struct slice text);
