#include "proxy/net/stream.h"

#include "proxy/net/loop_priv.h"
#include "proxy/net/socket.h"
#include "proxy/net/stream_priv.h"
#include "proxy/net/tls_engine.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <string.h>

// --- showing bytes to the owner -----------------------------------------------------------------

// Where bytes that come next are put, so that they stand behind those that were kept: as long as
// these are few, in front of the loop's area; else in their own memory, which grows.
struct sink sink_open(struct stream *stream, size_t room)
{
    uint8_t *middle = stream->loop->read_area + LOOP_READ_FRONT;
    struct sink sink = {.len = buffer_len(&stream->unread), .room = room, .held = BUFFER_INIT};
    if (sink.len > LOOP_READ_FRONT) {
        sink.held = stream->unread;
        buffer_reserve(&sink.held, room);
        sink.bytes = buffer_ptr(&sink.held);
        stream->unread = BUFFER_INIT;
        return sink;
    }
    sink.bytes = middle - sink.len;
    if (sink.len > 0) {
        memcpy(sink.bytes, buffer_ptr(&stream->unread), sink.len);
        buffer_release(&stream->unread);
    }
    return sink;
}

void sink_added(struct sink *sink, size_t n)
{
    sink->len += n;
    if (sink->held.data != NULL) {
        buffer_added(&sink->held, n);
    }
}

// Puts what is left behind the first `used` bytes back into the stream, where they are still
// wanted.
static void sink_keep(struct stream *stream, struct sink *sink, size_t used)
{
    bool is_over = stream->state == STREAM_CLOSED || stream->reading == STREAM_READING_DRAIN;
    if (used == sink->len || is_over) {
        buffer_release(&sink->held);
    } else if (sink->held.data != NULL) {
        buffer_consume(&sink->held, used);
        stream->unread = sink->held;
    } else {
        buffer_append(&stream->unread, sink->bytes + used, sink->len - used);
    }
}

// Shows the bytes, and keeps what the owner leaves. Meanwhile it may close the stream, or start
// TLS: then the rest is for that.
void sink_show(struct stream *stream, struct sink *sink)
{
    size_t used = 0;
    bool was_packed = stream->packing != NULL;
    if (sink->len > 0 && stream->reading == STREAM_READING && stream_is_open(stream)) {
        used = stream->handler->on_data(stream, sink->bytes, sink->len);
        assert(used <= sink->len);
    }
    sink_keep(stream, sink, used);
    if (!was_packed && stream->packing != NULL && stream_has_unread(stream)) {
        packing_begin(stream);
    }
    if (stream->state == STREAM_HANDSHAKE && stream_has_unread(stream)) {
        loop_defer(stream->loop, &stream->task);
    }
}

// --- receiving ----------------------------------------------------------------------------------

// One receive call; the bytes that came, 0 at the peer's end, or a negative errno.
static ssize_t wire_receive(struct stream *stream, uint8_t *out, size_t size)
{
    ssize_t n = socket_recv(stream->fd, out, size);
    if (n > 0) {
        metric_add(stream->loop->metrics, METRIC_BYTES_RECEIVED, n, stream->side);
    }
    return n;
}

// Tells what a receive call that brought no bytes means.
static void receive_end(struct stream *stream, ssize_t n)
{
    if (n == 0) {
        stream_end_errno(stream, STREAM_END_PEER, 0);
    } else if (n != -EAGAIN) {
        stream_end_errno(stream, stream_end_of_errno((int)-n), (int)-n);
    }
}

static void packed_readable(struct stream *stream)
{
    uint8_t *area = packing_area(stream->loop);
    ssize_t n = wire_receive(stream, area, LOOP_READ_SIZE);
    if (n > 0) {
        packing_input(stream, slice_make(area, (size_t)n));
    } else {
        receive_end(stream, n);
    }
}

static void plain_readable(struct stream *stream)
{
    struct sink sink = sink_open(stream, LOOP_READ_SIZE);
    ssize_t n = wire_receive(stream, sink.bytes + sink.len, sink.room);
    if (n > 0) {
        sink_added(&sink, (size_t)n);
        sink_show(stream, &sink);
    } else {
        sink_keep(stream, &sink, 0);
        receive_end(stream, n);
    }
}

static void drain_readable(struct stream *stream)
{
    ssize_t n = wire_receive(stream, stream->loop->read_area, LOOP_READ_SIZE);
    if (n <= 0) {
        receive_end(stream, n);
    }
}

void reading_off(struct stream *stream)
{
    loop_unwatch(stream->loop, &stream->readable);
    stream->reading = STREAM_READING_OFF;
}

// Something came that the owner does not want yet. Where it is the peer's end it is told all the
// same, unless there are bytes to be seen first.
static void paused_readable(struct stream *stream)
{
    bool has_more = stream_has_unread(stream) || packing_is_waiting(stream);
    ssize_t n = has_more ? 1 : socket_peek(stream->fd);
    if (n > 0) {
        reading_off(stream);
    } else {
        receive_end(stream, n);
    }
}

// --- TLS ----------------------------------------------------------------------------------------

static void tls_end(struct stream *stream)
{
    struct error error;
    struct address peer = stream_peer(stream);
    enum stream_end end = STREAM_END_TLS;
    tls_engine_error(stream->tls, &error);
    address_print(&peer, error.where);
    if (stream->state == STREAM_HANDSHAKE) {
        metric_add(stream->loop->metrics, METRIC_TLS_HANDSHAKES, 1, stream->side,
                   METRIC_TLS_FAILED);
        end = tls_engine_is_unverified(stream->tls) ? STREAM_END_TLS_VERIFY : STREAM_END_TLS;
    }
    stream_tell_end(stream, end, &error);
}

// Goes on with the handshake as far as the engine's input leads. True once it is done.
static bool handshake_step(struct stream *stream)
{
    enum tls_result result = tls_engine_handshake(stream->loop->tls, stream->tls);
    stream_tls_send(stream);
    if (result == TLS_DONE) {
        stream_state_set(stream, STREAM_SECURE);
        metric_add(stream->loop->metrics, METRIC_TLS_HANDSHAKES, 1, stream->side,
                   SSL_session_reused(stream->tls) ? METRIC_TLS_RESUMED : METRIC_TLS_FULL);
        return true;
    }
    if (result != TLS_WANTS) {
        tls_end(stream);
    }
    return false;
}

// Decrypts the engine's input, and uncompresses what comes of it: the room is enough as below.
static void secure_packed_input(struct stream *stream)
{
    size_t n;
    uint8_t *area = packing_area(stream->loop);
    enum tls_result result =
        tls_engine_read(stream->loop->tls, stream->tls, area, LOOP_READ_SIZE + LOOP_READ_BACK, &n);
    assert(result != TLS_DONE || stream->loop->tls->input_len == 0);
    stream_tls_send(stream);
    packing_input(stream, slice_make(area, n));
    if (stream->state == STREAM_CLOSED) {
        return;
    }
    if (result == TLS_FAILED) {
        tls_end(stream);
    } else if (result == TLS_ENDED && stream->reading == STREAM_READING) {
        stream_end_errno(stream, STREAM_END_PEER, 0);
    }
}

// Decrypts the engine's input and shows what comes of it. The room is enough for all: what the wire
// brought in one call, and the record begun before. on_secured() comes after the decrypting, since
// what it sends goes through the same engine.
static void secure_input(struct stream *stream, bool is_new)
{
    size_t n;
    struct sink sink = sink_open(stream, LOOP_READ_SIZE + LOOP_READ_BACK);
    enum tls_result result =
        tls_engine_read(stream->loop->tls, stream->tls, sink.bytes + sink.len, sink.room, &n);
    assert(result != TLS_DONE || stream->loop->tls->input_len == 0);
    sink_added(&sink, n);
    stream_tls_send(stream);
    if (is_new && stream->handler->on_secured != NULL) {
        stream->handler->on_secured(stream);
    }
    sink_show(stream, &sink);
    if (stream->state == STREAM_CLOSED) {
        return;
    }
    if (result == TLS_FAILED) {
        tls_end(stream);
    } else if (stream->reading == STREAM_READING_PAUSED && stream_has_unread(stream)) {
        reading_off(stream); // a goodbye waits until these are seen
    } else if (result == TLS_ENDED) {
        stream_end_errno(stream, STREAM_END_PEER, 0);
    }
}

static void tls_input(struct stream *stream, const uint8_t *bytes, size_t len)
{
    bool is_new = false;
    tls_engine_input(stream->loop->tls, bytes, len);
    if (stream->state == STREAM_HANDSHAKE) {
        is_new = handshake_step(stream);
    }
    if (stream->state == STREAM_SECURE && stream->packing != NULL) {
        secure_packed_input(stream);
    } else if (stream->state == STREAM_SECURE) {
        secure_input(stream, is_new);
    }
}

void stream_handshake_unread(struct stream *stream)
{
    struct buffer bytes = stream->unread;
    if (!tls_context_is_server(tls_engine_context(stream->tls))) {
        stream_end_errno(stream, STREAM_END_TLS_INJECTED, 0);
        return;
    }
    if (buffer_len(&bytes) > LOOP_READ_SIZE) { // no handshake begins with so much
        stream_end_errno(stream, STREAM_END_TLS, 0);
        return;
    }
    stream->unread = BUFFER_INIT;
    tls_input(stream, buffer_ptr(&bytes), buffer_len(&bytes));
    buffer_release(&bytes);
}

bool stream_is_ended(const struct stream *stream)
{
    return stream->state == STREAM_SECURE &&
           (SSL_get_shutdown(stream->tls) & SSL_RECEIVED_SHUTDOWN) != 0;
}

void stream_unread_show(struct stream *stream)
{
    if (stream->packing != NULL) {
        packing_input(stream, SLICE_NONE);
    } else {
        struct sink sink = sink_open(stream, 0);
        sink_show(stream, &sink);
    }
    if (stream_is_ended(stream) && stream->reading == STREAM_READING) {
        stream_end_errno(stream, STREAM_END_PEER, 0);
    }
}

static void tls_readable(struct stream *stream)
{
    uint8_t *area = stream->loop->record_area;
    ssize_t n = wire_receive(stream, area, LOOP_RECORD_SIZE);
    if (n > 0) {
        tls_input(stream, area, (size_t)n);
    } else {
        receive_end(stream, n);
    }
}

// --- what the loop calls ------------------------------------------------------------------------

// What was put off comes before what comes new; the socket stays readable for the next turn.
static void readable(evutil_socket_t fd, short what, void *arg)
{
    struct stream *stream = arg;
    (void)fd;
    (void)what;
    if (list_is_linked(&stream->task.link)) {
        loop_task_cancel(&stream->task);
        stream->task.run(&stream->task);
    } else if (stream->reading == STREAM_READING_DRAIN) {
        drain_readable(stream);
    } else if (stream->tls != NULL) {
        tls_readable(stream);
    } else if (stream->reading == STREAM_READING_PAUSED) {
        paused_readable(stream);
    } else if (stream->packing != NULL) {
        packed_readable(stream);
    } else {
        plain_readable(stream);
    }
}

void stream_read_begin(struct stream *stream)
{
    event_assign(&stream->readable, stream->loop->base, stream->fd, EV_READ | EV_PERSIST, readable,
                 stream);
    loop_watch(stream->loop, &stream->readable);
}
