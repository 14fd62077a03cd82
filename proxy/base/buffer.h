// A growing run of bytes that is filled at its end and emptied at its front. Embedded in its owner;
// holds no memory until the first byte comes, and none after buffer_release(). One thread.
//
//     data            start              end            cap
//      |---- consumed --|---- content -----|---- space ---|
#pragma once

#include "proxy/base/slice.h"

#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *data; // NULL where cap is 0
    size_t start;
    size_t end;
    size_t cap;
};

#define BUFFER_INIT ((struct buffer){NULL, 0, 0, 0})

// Frees the memory; the buffer is empty and may be used again.
void buffer_release(struct buffer *buf);
// As buffer_release(), and clears what was held: for secrets. (Memory that the buffer outgrew was
// cleared as it was left.)
void buffer_wipe(struct buffer *buf);

static inline size_t buffer_len(const struct buffer *buf)
{
    return buf->end - buf->start;
}

static inline bool buffer_is_empty(const struct buffer *buf)
{
    return buf->start == buf->end;
}

// First byte of the content. Borrowed: valid until the buffer changes.
static inline uint8_t *buffer_ptr(const struct buffer *buf)
{
    return buf->data != NULL ? buf->data + buf->start : NULL;
}

static inline struct slice buffer_slice(const struct buffer *buf)
{
    return slice_make(buffer_ptr(buf), buffer_len(buf));
}

// Makes room for at least `n` more bytes and returns where they go; buffer_added() says how many
// came.
uint8_t *buffer_reserve(struct buffer *buf, size_t n);

static inline void buffer_added(struct buffer *buf, size_t n)
{
    buf->end += n;
}

void buffer_append(struct buffer *buf, const void *bytes, size_t n);
void buffer_append_slice(struct buffer *buf, struct slice s);
__attribute__((format(printf, 2, 3))) void buffer_print(struct buffer *buf, const char *format,
                                                        ...);

// Drops `n` bytes at the front (at most all).
void buffer_consume(struct buffer *buf, size_t n);
// Drops all but the first `n` bytes.
void buffer_truncate(struct buffer *buf, size_t n);

// Drops the content and keeps the memory.
static inline void buffer_clear(struct buffer *buf)
{
    buf->start = buf->end = 0;
}
