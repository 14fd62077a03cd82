#include "proxy/net/stream.h"

#include "proxy/base/memory.h"
#include "proxy/net/loop_priv.h"
#include "proxy/net/socket.h"
#include "proxy/net/stream_priv.h"
#include "proxy/net/tls_engine.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <string.h>

// --- why streams end ----------------------------------------------------------------------------

static const struct {
    const char *word;
    const char *sentence;
} ends[STREAM_END_COUNT] = {
    [STREAM_END_NONE] = {"open", "The connection is open."},
#define STREAM_END(name, word, sentence) [STREAM_END_##name] = {word, sentence},
#include "proxy/net/stream_end.def"
#undef STREAM_END
};

const char *stream_end_word(enum stream_end end)
{
    return ends[end].word;
}

const char *stream_end_sentence(enum stream_end end)
{
    return ends[end].sentence;
}

enum stream_end stream_end_of_errno(int code)
{
    return code == ECONNRESET || code == EPIPE ? STREAM_END_RESET : STREAM_END_IO;
}

// --- states -------------------------------------------------------------------------------------

// The only place that changes the state. What is true in each:
//   CLOSED      no socket, no TLS, no output, nothing watched
//   CONNECTING  output, and a socket unless that failed at once; only `writable` is watched
//   OPEN        socket; `readable` is watched unless reading is OFF
//   HANDSHAKE   as OPEN, with TLS; `readable` is watched
//   SECURE      as OPEN, with TLS
void stream_state_set(struct stream *stream, enum stream_state state)
{
    static const uint8_t from[] = {
        [STREAM_CLOSED] =
            1 << STREAM_CONNECTING | 1 << STREAM_OPEN | 1 << STREAM_HANDSHAKE | 1 << STREAM_SECURE,
        [STREAM_CONNECTING] = 1 << STREAM_CLOSED,
        [STREAM_OPEN] = 1 << STREAM_CLOSED | 1 << STREAM_CONNECTING,
        [STREAM_HANDSHAKE] = 1 << STREAM_OPEN,
        [STREAM_SECURE] = 1 << STREAM_HANDSHAKE,
    };
    assert((from[state] & 1 << stream->state) != 0);
    stream->state = state;
}

// --- ending -------------------------------------------------------------------------------------

// Gives back everything but unread bytes.
static void stream_shut(struct stream *stream)
{
    outbox_send(&stream->loop->outbox, stream);
    if (stream->state != STREAM_CONNECTING && stream->reading != STREAM_READING_OFF) {
        loop_unwatch(stream->loop, &stream->readable);
    }
    stream_output_drop(stream);
    packing_drop(stream);
    if (stream->tls != NULL) {
        tls_engine_detach(stream->tls);
        stream->tls = NULL;
    }
    if (stream->fd >= 0) {
        socket_close(stream->fd);
        stream->fd = -1;
    }
    stream->failed = STREAM_END_NONE;
    loop_task_cancel(&stream->task);
    stream_state_set(stream, STREAM_CLOSED);
}

void stream_tell_end(struct stream *stream, enum stream_end end, const struct error *error)
{
    stream_shut(stream);
    stream->handler->on_closed(stream, end, error);
    if (stream->state == STREAM_CLOSED) {
        buffer_release(&stream->unread);
    }
}

void stream_end_errno(struct stream *stream, enum stream_end end, int code)
{
    char peer[ADDRESS_TEXT_SIZE];
    char reason[128];
    struct error error;
    struct address address =
        stream->state == STREAM_CONNECTING ? stream->output->connected : stream_peer(stream);
    error_set(&error, code, address_print(&address, peer), "%s",
              code != 0 ? strerror_r(code, reason, sizeof(reason)) : stream_end_sentence(end));
    stream_tell_end(stream, end, &error);
}

// What was put off: told from the loop, never from inside a call of the owner's. A reset that
// sending met is told by reading, which comes to the same end after all that the peer had still
// sent: its last words (too many connections, say) are worth more than ours.
static bool failure_is_due(const struct stream *stream)
{
    return stream->failed != STREAM_END_NONE &&
           (stream->failed != STREAM_END_RESET || stream->reading == STREAM_READING_PAUSED ||
            stream->reading == STREAM_READING_OFF);
}

void stream_failure_note(struct stream *stream, enum stream_end end, int code)
{
    stream->failed = end;
    stream->failed_code = code;
    if (failure_is_due(stream)) {
        loop_defer(stream->loop, &stream->task);
    }
}

// --- what the loop calls ------------------------------------------------------------------------

// At the end of a turn: what could not be told or shown where it came up.
static void task_run(struct loop_task *task)
{
    struct stream *stream = container_of(task, struct stream, task);
    if (failure_is_due(stream)) {
        stream_end_errno(stream, stream->failed, stream->failed_code);
    } else if (stream->state == STREAM_HANDSHAKE && stream_has_unread(stream)) {
        stream_handshake_unread(stream);
    } else if (stream->reading == STREAM_READING) {
        stream_unread_show(stream);
    }
}

void stream_connect_finish(struct stream *stream)
{
    int result = socket_connect_result(stream->fd);
    if (result != 0) {
        stream_end_errno(stream, STREAM_END_CONNECT, -result);
        return;
    }
    stream_state_set(stream, STREAM_OPEN);
    stream_read_begin(stream);
    timer_release(&stream->output->timeout);
    if (stream_queued(stream) == 0) {
        stream_output_drop(stream);
    }
    if (stream->handler->on_connected != NULL) {
        stream->handler->on_connected(stream);
    }
}

void stream_connect_timed_out(struct timer *timer)
{
    struct stream_output *output = container_of(timer, struct stream_output, timeout);
    stream_end_errno(output->stream, STREAM_END_CONNECT_TIMEOUT, ETIMEDOUT);
}

// --- life ---------------------------------------------------------------------------------------

void stream_init(struct stream *stream, struct loop *loop, const struct stream_handler *handler,
                 enum metric_side side)
{
    memset(stream, 0, sizeof(*stream));
    stream->handler = handler;
    stream->loop = loop;
    stream->unread = BUFFER_INIT;
    stream->fd = -1;
    stream->state = STREAM_CLOSED;
    stream->side = (uint8_t)side;
    loop_task_init(&stream->task, task_run);
}

void stream_adopt(struct stream *stream, int fd)
{
    stream_state_set(stream, STREAM_OPEN);
    buffer_release(&stream->unread);
    stream->fd = fd;
    stream->reading = STREAM_READING;
    stream_read_begin(stream);
}

void stream_connect(struct stream *stream, const struct address *address, int64_t timeout_us)
{
    stream_state_set(stream, STREAM_CONNECTING);
    buffer_release(&stream->unread);
    stream->reading = STREAM_READING;
    int result = socket_connect(address, &stream->fd);
    struct stream_output *output = stream_output_make(stream);
    output->connected = *address;
    if (stream->fd < 0) {
        stream_failure_note(stream, STREAM_END_CONNECT, -result);
    } else {
        timer_set(&output->timeout, stream->loop, timeout_us);
    }
}

static void tls_prepare(struct loop *loop)
{
    if (loop->tls == NULL) {
        loop->tls = tls_engine_create();
        loop->record_area = mem_alloc(LOOP_RECORD_SIZE);
    }
}

void stream_start_tls(struct stream *stream, struct tls_context *context)
{
    tls_prepare(stream->loop);
    stream_state_set(stream, STREAM_HANDSHAKE);
    stream->tls = tls_engine_attach(stream->loop->tls, context);
    stream_resume(stream); // what is unread is looked at again, as the handshake's
    if (tls_context_is_server(context)) {
        return;
    }
    tls_engine_input(stream->loop->tls, NULL, 0);
    if (tls_engine_handshake(stream->loop->tls, stream->tls) != TLS_WANTS) {
        stream_failure_note(stream, STREAM_END_TLS, 0);
    }
    stream_tls_send(stream);
}

// One try: a goodbye that does not fit the socket is not waited for.
static void goodbye_send(struct stream *stream)
{
    outbox_send(&stream->loop->outbox, stream);
    if (stream->output != NULL) {
        return;
    }
    struct tls_engine *engine = stream->loop->tls;
    tls_engine_shutdown(engine, stream->tls);
    (void)socket_send(stream->fd, buffer_ptr(&engine->output), buffer_len(&engine->output));
    tls_engine_sent(engine);
}

void stream_leave(struct stream *stream)
{
    if (stream->state != STREAM_CLOSED) {
        stream_shut(stream);
    }
    buffer_release(&stream->unread);
}

void stream_close(struct stream *stream)
{
    if (stream->state == STREAM_SECURE && stream->output == NULL &&
        stream->failed == STREAM_END_NONE && stream->reading != STREAM_READING_DRAIN) {
        goodbye_send(stream);
    }
    stream_leave(stream);
}

void stream_finish(struct stream *stream)
{
    assert(stream_is_open(stream));
    if (stream->reading == STREAM_READING_OFF) {
        loop_watch(stream->loop, &stream->readable);
    }
    if (stream->state == STREAM_SECURE && stream->reading != STREAM_READING_DRAIN) {
        tls_engine_shutdown(stream->loop->tls, stream->tls);
        stream_tls_send(stream);
    }
    stream->reading = STREAM_READING_DRAIN;
    buffer_release(&stream->unread);
    outbox_send(&stream->loop->outbox, stream);
    if (stream->output == NULL) {
        socket_end_sending(stream->fd);
    }
}

// --- reading ------------------------------------------------------------------------------------

void stream_pause(struct stream *stream)
{
    if (stream->reading == STREAM_READING) {
        stream->reading = STREAM_READING_PAUSED;
        if (stream->tls != NULL) {
            tls_engine_rest(stream->tls);
        }
    }
    if (failure_is_due(stream)) {
        loop_defer(stream->loop, &stream->task);
    }
}

void stream_resume(struct stream *stream)
{
    if (stream->state == STREAM_CLOSED || stream->reading == STREAM_READING_DRAIN) {
        return;
    }
    if (stream->reading == STREAM_READING_OFF) {
        loop_watch(stream->loop, &stream->readable);
    }
    stream->reading = STREAM_READING;
    if (stream_has_unread(stream) || packing_is_waiting(stream) || stream_is_ended(stream)) {
        loop_defer(stream->loop, &stream->task);
    }
}

// --- asking -------------------------------------------------------------------------------------

struct address stream_peer(const struct stream *stream)
{
    return socket_peer(stream->fd);
}

void stream_watch(const struct stream *stream, bool closely)
{
    socket_watch(stream->fd, closely);
}

bool stream_is_unheard(const struct stream *stream)
{
    return socket_is_unheard(stream->fd);
}

const char *stream_tls_version(const struct stream *stream)
{
    return stream->tls != NULL ? SSL_get_version(stream->tls) : NULL;
}

const char *stream_tls_cipher(const struct stream *stream)
{
    return stream->tls != NULL ? SSL_get_cipher_name(stream->tls) : NULL;
}

bool stream_tls_is_resumed(const struct stream *stream)
{
    return stream->tls != NULL && SSL_session_reused(stream->tls) == 1;
}
