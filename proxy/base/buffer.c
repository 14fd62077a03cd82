#include "proxy/base/buffer.h"

#include "proxy/base/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum { SMALLEST = 256 };

void buffer_release(struct buffer *buf)
{
    mem_free(buf->data);
    *buf = BUFFER_INIT;
}

void buffer_wipe(struct buffer *buf)
{
    if (buf->data != NULL) {
        mem_wipe(buf->data, buf->cap);
    }
    buffer_release(buf);
}

uint8_t *buffer_reserve(struct buffer *buf, size_t n)
{
    if (buf->cap - buf->end >= n && buf->data != NULL) {
        return buf->data + buf->end;
    }
    size_t len = buffer_len(buf);
    if (buf->start > 0 && buf->cap - len >= n) {
        memmove(buf->data, buf->data + buf->start, len);
    } else {
        assert(n <= SIZE_MAX / 4);
        size_t cap = buf->cap > 0 ? buf->cap : SMALLEST;
        while (cap - len < n) {
            cap *= 2;
        }
        uint8_t *data = mem_alloc(cap);
        if (len > 0) {
            memcpy(data, buf->data + buf->start, len);
        }
        mem_wipe(buf->data, buf->cap); // it may have held a secret; growing is rare
        mem_free(buf->data);
        buf->data = data;
        buf->cap = cap;
    }
    buf->start = 0;
    buf->end = len;
    return buf->data + len;
}

void buffer_append(struct buffer *buf, const void *bytes, size_t n)
{
    if (n > 0) {
        memcpy(buffer_reserve(buf, n), bytes, n);
        buf->end += n;
    }
}

void buffer_append_slice(struct buffer *buf, struct slice s)
{
    buffer_append(buf, s.ptr, s.len);
}

void buffer_print(struct buffer *buf, const char *format, ...)
{
    va_list args;
    va_list again;

    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(len >= 0);
    char *to = (char *)buffer_reserve(buf, (size_t)len + 1);
    vsnprintf(to, (size_t)len + 1, format, again);
    va_end(again);
    buf->end += (size_t)len;
}

void buffer_consume(struct buffer *buf, size_t n)
{
    if (n >= buffer_len(buf)) {
        buffer_clear(buf);
    } else {
        buf->start += n;
    }
}

void buffer_truncate(struct buffer *buf, size_t n)
{
    if (n < buffer_len(buf)) {
        buf->end = buf->start + n;
    }
}
