// An owner of a stream that writes down what happens to it, and the other end of its socket, a
// plain descriptor. For tests of streams.
#pragma once

#include "proxy/base/buffer.h"
#include "proxy/net/stream.h"
#include "tests/unit/proxy/net/fixture.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

struct owner {
    struct stream stream;
    struct buffer got;  // bytes used
    size_t use_at_most; // of what is shown, at each showing; SIZE_MAX: all
    size_t use_from;    // nothing is used while less is shown
    int shown;          // calls of on_data()
    size_t shown_last;  // bytes at the last of them
    int connected, secured, writable, closed;
    enum stream_end end;
    struct error error;
    char left[64];               // what was unread at the end
    bool inside;                 // in a call of the stream's functions: no callback may come
    void (*act)(struct owner *); // done in on_data()
    void (*act_secured)(struct owner *);
    void (*act_closed)(struct owner *);
};

static inline struct owner *owner_of(struct stream *stream)
{
    return container_of(stream, struct owner, stream);
}

static inline void owner_connected(struct stream *stream)
{
    assert_false(owner_of(stream)->inside);
    owner_of(stream)->connected++;
}

static inline void owner_secured(struct stream *stream)
{
    struct owner *owner = owner_of(stream);
    assert_false(owner->inside);
    owner->secured++;
    if (owner->act_secured != NULL) {
        owner->act_secured(owner);
    }
}

static inline void owner_writable(struct stream *stream)
{
    assert_false(owner_of(stream)->inside);
    owner_of(stream)->writable++;
}

static inline size_t owner_data(struct stream *stream, const uint8_t *bytes, size_t len)
{
    struct owner *owner = owner_of(stream);
    assert_false(owner->inside);
    assert_true(len > 0);
    owner->shown++;
    owner->shown_last = len;
    size_t used = len < owner->use_from ? 0 : len;
    used = used < owner->use_at_most ? used : owner->use_at_most;
    buffer_append(&owner->got, bytes, used);
    if (owner->act != NULL) {
        owner->act(owner);
    }
    return used;
}

static inline void owner_closed(struct stream *stream, enum stream_end end,
                                const struct error *error)
{
    struct owner *owner = owner_of(stream);
    assert_false(owner->inside);
    assert_int_equal(stream->state, STREAM_CLOSED);
    owner->closed++;
    owner->end = end;
    owner->error = *error;
    snprintf(owner->left, sizeof(owner->left), "%.*s", SLICE_ARG(stream_unread(stream)));
    if (owner->act_closed != NULL) {
        owner->act_closed(owner);
    }
}

enum { OWNER_HIGH = 64 * 1024, OWNER_LOW = 16 * 1024 };

static const struct stream_handler owner_handler = {
    .on_connected = owner_connected,
    .on_secured = owner_secured,
    .on_data = owner_data,
    .on_writable = owner_writable,
    .on_closed = owner_closed,
    .high_water = OWNER_HIGH,
    .low_water = OWNER_LOW,
};

static inline void owner_init(struct owner *owner, struct loop *loop)
{
    *owner = (struct owner){.use_at_most = SIZE_MAX};
    stream_init(&owner->stream, loop, &owner_handler, METRIC_SIDE_CLIENT);
}

static inline void owner_release(struct owner *owner)
{
    stream_close(&owner->stream);
    buffer_release(&owner->got);
}

// A stream on one end of a pair of sockets; returns the other end, non-blocking.
static inline int owner_pair(struct owner *owner, struct loop *loop)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    owner_init(owner, loop);
    stream_adopt(&owner->stream, fds[0]);
    return fds[1];
}

static inline bool owner_has(const struct owner *owner, const char *text)
{
    return slice_equal(buffer_slice(&owner->got), slice_text(text));
}

static inline void peer_write(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

// Reads until `len` bytes are in `out`, while the loop runs.
static inline void peer_read(int fd, struct loop *loop, struct buffer *out, size_t len)
{
    while (buffer_len(out) < len) {
        ssize_t n = read(fd, buffer_reserve(out, 65536), 65536);
        if (n > 0) {
            buffer_added(out, (size_t)n);
        } else {
            assert_true(n < 0 && errno == EAGAIN);
            loop_turn(loop);
        }
    }
}

// Reads until the stream's end, while the loop runs as long as it has to.
static inline void peer_read_end(int fd, struct loop *loop, struct buffer *out)
{
    for (;;) {
        ssize_t n = read(fd, buffer_reserve(out, 65536), 65536);
        if (n == 0) {
            return;
        }
        if (n > 0) {
            buffer_added(out, (size_t)n);
        } else {
            assert_int_equal(errno, EAGAIN);
            loop_turn(loop);
        }
    }
}
