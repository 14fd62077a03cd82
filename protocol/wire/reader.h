// Reads the fields of a packet, never past its end. The first read that finds too few bytes, or
// bytes that are no such field, sets `failed` and empties the reader: it and every later read give
// zero. So read all fields, then ask reader_is_failed() once. Slices point into the packet
// (borrowed from its owner). Numbers are little-endian. Any thread. Manual:
// page_protocol_basic_data_types
#pragma once

#include "proxy/base/slice.h"

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct reader {
    const uint8_t *ptr; // next byte
    const uint8_t *end;
    bool failed;
};

// First bytes of a length-encoded number that say more than the number.
enum {
    LENENC_NULL = 0xFB, // no value: SQL's NULL
    LENENC_U16 = 0xFC,  // two bytes follow
    LENENC_U24 = 0xFD,
    LENENC_U64 = 0xFE,
    LENENC_BAD = 0xFF, // never a number: the first byte of an error
};

// Where a reader of no bytes points: nothing may be added to a NULL pointer, not even zero.
extern const uint8_t reader_nothing[];

static inline struct reader reader_make(struct slice bytes)
{
    const uint8_t *ptr = bytes.ptr != NULL ? (const uint8_t *)bytes.ptr : reader_nothing;
    return (struct reader){.ptr = ptr, .end = ptr + bytes.len};
}

static inline bool reader_is_failed(const struct reader *reader)
{
    return reader->failed;
}

static inline size_t reader_left(const struct reader *reader)
{
    return (size_t)(reader->end - reader->ptr);
}

// True where all bytes were read and no read failed.
static inline bool reader_is_done(const struct reader *reader)
{
    return !reader->failed && reader->ptr == reader->end;
}

// Sets the error: for decoders that find a value that cannot be.
static inline void reader_fail(struct reader *reader)
{
    reader->failed = true;
    reader->ptr = reader->end;
}

// Moves over `n` bytes and returns where they start, or NULL where there are fewer.
static inline const uint8_t *reader_take(struct reader *reader, size_t n)
{
    if (__builtin_expect(n > reader_left(reader), 0)) {
        reader_fail(reader);
        return NULL;
    }
    const uint8_t *bytes = reader->ptr;
    reader->ptr += n;
    return bytes;
}

// --- looking ahead -----------------------------------------------------------------------------

// The next byte, which stays unread; -1 at the end.
static inline int reader_peek(const struct reader *reader)
{
    return reader->ptr < reader->end ? *reader->ptr : -1;
}

// --- numbers -----------------------------------------------------------------------------------

static inline uint8_t reader_u8(struct reader *reader)
{
    const uint8_t *bytes = reader_take(reader, 1);
    return bytes != NULL ? bytes[0] : 0;
}

static inline uint16_t reader_u16(struct reader *reader)
{
    const uint8_t *bytes = reader_take(reader, 2);
    return bytes != NULL ? (uint16_t)(bytes[0] | bytes[1] << 8) : 0;
}

static inline uint32_t reader_u24(struct reader *reader)
{
    const uint8_t *bytes = reader_take(reader, 3);
    return bytes != NULL ? (uint32_t)(bytes[0] | bytes[1] << 8 | bytes[2] << 16) : 0;
}

static inline uint32_t reader_u32(struct reader *reader)
{
    const uint8_t *bytes = reader_take(reader, 4);
    uint32_t value = 0;
    if (bytes != NULL) {
        memcpy(&value, bytes, sizeof(value));
    }
    return le32toh(value);
}

static inline uint64_t reader_u64(struct reader *reader)
{
    const uint8_t *bytes = reader_take(reader, 8);
    uint64_t value = 0;
    if (bytes != NULL) {
        memcpy(&value, bytes, sizeof(value));
    }
    return le64toh(value);
}

// The forms of reader_lenenc() that start with a byte above 0xFA.
uint64_t reader_lenenc_long(struct reader *reader);

// A length-encoded number, in the shortest form or a longer one. LENENC_NULL and LENENC_BAD fail.
static inline uint64_t reader_lenenc(struct reader *reader)
{
    if (__builtin_expect(reader->ptr < reader->end && *reader->ptr < LENENC_NULL, 1)) {
        return *reader->ptr++;
    }
    return reader_lenenc_long(reader);
}

// --- bytes -------------------------------------------------------------------------------------

// `n` bytes.
static inline struct slice reader_slice(struct reader *reader, uint64_t n)
{
    if (__builtin_expect(n > reader_left(reader), 0)) {
        reader_fail(reader);
        return SLICE_NONE;
    }
    return slice_make(reader_take(reader, (size_t)n), (size_t)n);
}

static inline void reader_skip(struct reader *reader, uint64_t n)
{
    (void)reader_slice(reader, n);
}

// A length-encoded length and as many bytes.
static inline struct slice reader_lenenc_slice(struct reader *reader)
{
    return reader_slice(reader, reader_lenenc(reader));
}

// As reader_lenenc_slice(), where LENENC_NULL stands for no value: a slice whose pointer is NULL.
// An empty value has a pointer.
static inline struct slice reader_lenenc_slice_or_null(struct reader *reader)
{
    if (reader_peek(reader) == LENENC_NULL) {
        reader->ptr++;
        return SLICE_NONE;
    }
    return reader_lenenc_slice(reader);
}

// One byte of length and as many bytes.
static inline struct slice reader_u8_slice(struct reader *reader)
{
    return reader_slice(reader, reader_u8(reader));
}

// Up to a zero byte, which is read and not returned. No zero byte fails.
struct slice reader_nul_slice(struct reader *reader);

// All that is left; may be empty.
static inline struct slice reader_rest(struct reader *reader)
{
    return reader_slice(reader, reader_left(reader));
}
