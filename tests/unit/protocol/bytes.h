// Bytes for tests, written in hexadecimal. Each run of bytes stands on the heap in exactly its
// size, so that a sanitizer sees a read past its end.
#pragma once

#include "protocol/wire/frame.h"

#include "proxy/base/memory.h"
#include "proxy/base/slice.h"

#include <assert.h>

static inline int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The bytes of `hex`, in which spaces mean nothing. For bytes_free().
static inline struct slice bytes_from_hex(const char *hex)
{
    size_t digits = 0;
    for (const char *at = hex; *at != '\0'; at++) {
        digits += *at != ' ';
    }
    assert(digits % 2 == 0);
    uint8_t *bytes = mem_alloc(digits / 2 + (digits == 0));
    size_t len = 0;
    int high = -1;
    for (const char *at = hex; *at != '\0'; at++) {
        if (*at == ' ') {
            continue;
        }
        int digit = hex_digit(*at);
        assert(digit >= 0);
        if (high < 0) {
            high = digit;
        } else {
            bytes[len++] = (uint8_t)(high << 4 | digit);
            high = -1;
        }
    }
    return slice_make(bytes, len);
}

// A copy of its own of `bytes`. For bytes_free().
static inline struct slice bytes_copy(struct slice bytes)
{
    uint8_t *copy = mem_alloc(bytes.len > 0 ? bytes.len : 1);
    if (bytes.len > 0) {
        memcpy(copy, bytes.ptr, bytes.len);
    }
    return slice_make(copy, bytes.len);
}

static inline void bytes_free(struct slice bytes)
{
    mem_free((void *)bytes.ptr);
}

// The payload of the `index`th frame in `frames`.
static inline struct slice bytes_payload(struct slice frames, size_t index)
{
    for (;;) {
        assert(frames.len >= FRAME_HEADER_SIZE);
        struct frame frame = frame_read((const uint8_t *)frames.ptr);
        struct slice payload = slice_first(slice_from(frames, FRAME_HEADER_SIZE), frame.len);
        assert(payload.len == frame.len);
        if (index-- == 0) {
            return payload;
        }
        frames = slice_from(frames, FRAME_HEADER_SIZE + frame.len);
    }
}
