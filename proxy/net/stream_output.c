#include "proxy/net/stream.h"

#include "proxy/base/memory.h"
#include "proxy/net/loop_priv.h"
#include "proxy/net/socket.h"
#include "proxy/net/stream_priv.h"
#include "proxy/net/tls_engine.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>

static_assert((int)STREAM_PARTS_MAX == (int)SOCKET_PARTS_MAX,
              "parts go to the system as they come");

// --- output -------------------------------------------------------------------------------------

static void output_writable(evutil_socket_t fd, short what, void *arg);

struct stream_output *stream_output_make(struct stream *stream)
{
    struct stream_output *output = mem_zero(1, sizeof(*output));
    output->stream = stream;
    timer_init(&output->timeout, stream_connect_timed_out);
    event_assign(&output->writable, stream->loop->base, stream->fd, EV_WRITE | EV_PERSIST,
                 output_writable, output);
    if (stream->fd >= 0) {
        loop_watch(stream->loop, &output->writable);
    }
    stream->output = output;
    return output;
}

void stream_output_drop(struct stream *stream)
{
    struct stream_output *output = stream->output;
    if (output == NULL) {
        return;
    }
    if (stream->fd >= 0) {
        loop_unwatch(stream->loop, &output->writable);
    }
    timer_release(&output->timeout);
    buffer_release(&output->bytes);
    mem_free(output);
    stream->output = NULL;
}

static void output_queue(struct stream *stream, const struct slice *parts, size_t count)
{
    struct stream_output *output =
        stream->output != NULL ? stream->output : stream_output_make(stream);
    for (size_t i = 0; i < count; i++) {
        buffer_append_slice(&output->bytes, parts[i]);
    }
    output->was_congested |= stream_is_congested(stream);
}

size_t stream_queued(const struct stream *stream)
{
    return stream->output != NULL ? buffer_len(&stream->output->bytes) : 0;
}

// --- sending ------------------------------------------------------------------------------------

static void send_failed(struct stream *stream, int code)
{
    stream_output_drop(stream);
    stream_failure_note(stream, stream_end_of_errno(code), code);
}

static void sent_count(struct stream *stream, size_t n)
{
    metric_add(stream->loop->metrics, METRIC_BYTES_SENT, n, stream->side);
}

// Queues what the system did not take: all parts but the first `n` bytes.
static void parts_queue(struct stream *stream, const struct slice *parts, size_t count, size_t n)
{
    for (size_t i = 0; i < count; i++) {
        struct slice left = slice_from(parts[i], n);
        n -= parts[i].len - left.len;
        if (left.len > 0) {
            output_queue(stream, &left, 1);
        }
    }
}

// To the system at once, or behind bytes that wait for it.
void stream_wire_send(struct stream *stream, const struct slice *parts, size_t count)
{
    if (stream->output != NULL) {
        output_queue(stream, parts, count);
        return;
    }
    ssize_t n = count == 1 ? socket_send(stream->fd, parts[0].ptr, parts[0].len)
                           : socket_send_parts(stream->fd, parts, count);
    if (n < 0 && n != -EAGAIN) {
        send_failed(stream, (int)-n);
        return;
    }
    size_t taken = n > 0 ? (size_t)n : 0;
    sent_count(stream, taken);
    parts_queue(stream, parts, count, taken);
}

// Bytes for the wire: at the end of the turn where there is one and they are few.
static void wire_send(struct stream *stream, const struct slice *parts, size_t count)
{
    struct loop *loop = stream->loop;
    bool is_kept = loop->is_turning && stream->output == NULL &&
                   outbox_put(&loop->outbox, stream, parts, count);
    if (!is_kept) {
        stream_wire_send(stream, parts, count);
    }
}

void stream_tls_send(struct stream *stream)
{
    struct tls_engine *engine = stream->loop->tls;
    struct slice bytes = buffer_slice(&engine->output);
    if (bytes.len > 0 && stream->failed == STREAM_END_NONE) {
        wire_send(stream, &bytes, 1);
    }
    tls_engine_sent(engine);
}

static void secure_send(struct stream *stream, const struct slice *parts, size_t count)
{
    bool is_written = tls_engine_write(stream->loop->tls, stream->tls, parts, count);
    stream_tls_send(stream);
    if (!is_written) {
        stream_failure_note(stream, STREAM_END_TLS, 0);
    }
}

// Bytes as they go through the socket or TLS.
static void open_send(struct stream *stream, const struct slice *parts, size_t count)
{
    switch ((enum stream_state)stream->state) {
    case STREAM_OPEN:
    case STREAM_CONNECTING:
        wire_send(stream, parts, count);
        break;
    case STREAM_SECURE:
        secure_send(stream, parts, count);
        break;
    case STREAM_HANDSHAKE:
    case STREAM_CLOSED:
        break;
    }
}

void stream_send_parts(struct stream *stream, const struct slice *parts, size_t count)
{
    assert(count <= STREAM_PARTS_MAX);
    if (stream->failed != STREAM_END_NONE || stream->reading == STREAM_READING_DRAIN) {
        return;
    }
    if (stream->packing != NULL) {
        struct slice packed = packing_encode(stream, parts, count);
        open_send(stream, &packed, 1);
        packing_sent(stream);
        return;
    }
    open_send(stream, parts, count);
}

void stream_send(struct stream *stream, const void *bytes, size_t len)
{
    struct slice part = slice_make(bytes, len);
    if (len > 0) {
        stream_send_parts(stream, &part, 1);
    }
}

// --- the queue goes out -------------------------------------------------------------------------

// Everything is out; on_writable() is told where somebody waits for it.
static void output_done(struct stream *stream)
{
    bool is_owed = stream->output->was_congested;
    stream_output_drop(stream);
    if (stream->reading == STREAM_READING_DRAIN) {
        socket_end_sending(stream->fd);
    }
    if (is_owed && stream->handler->on_writable != NULL) {
        stream->handler->on_writable(stream);
    }
}

static void output_fell(struct stream *stream)
{
    struct stream_output *output = stream->output;
    if (output->was_congested && buffer_len(&output->bytes) <= stream->handler->low_water) {
        output->was_congested = false;
        if (stream->handler->on_writable != NULL) {
            stream->handler->on_writable(stream);
        }
    }
}

static void output_send(struct stream *stream)
{
    struct stream_output *output = stream->output;
    struct slice bytes = buffer_slice(&output->bytes);
    ssize_t n = socket_send(stream->fd, bytes.ptr, bytes.len);
    if (n == -EAGAIN) {
        return;
    }
    if (n < 0) {
        send_failed(stream, (int)-n);
        return;
    }
    sent_count(stream, (size_t)n);
    buffer_consume(&output->bytes, (size_t)n);
    if (buffer_is_empty(&output->bytes)) {
        output_done(stream);
    } else {
        output_fell(stream);
    }
}

static void output_writable(evutil_socket_t fd, short what, void *arg)
{
    struct stream_output *output = arg;
    (void)fd;
    (void)what;
    if (output->stream->state == STREAM_CONNECTING) {
        stream_connect_finish(output->stream);
    } else {
        output_send(output->stream);
    }
}
