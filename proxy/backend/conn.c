#include "proxy/backend/conn_priv.h"

#include "protocol/packet/command.h"
#include "proxy/base/memory.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum { HIGH_WATER = 256 * 1024, LOW_WATER = 64 * 1024 };

// A connection that somebody broke: the holder hears of it at the end of the turn.
struct conn_break {
    enum conn_end end;
    char text[ERROR_TEXT_SIZE];
};

// --- words ---------------------------------------------------------------------------------------

static const struct {
    const char *word;
    const char *sentence;
} ends[CONN_END_COUNT] = {
#define CONN_END(name, word, sentence) [CONN_END_##name] = {word, sentence},
#include "proxy/backend/conn_end.def"
#undef CONN_END
};

const char *conn_end_word(enum conn_end end)
{
    return ends[end].word;
}

const char *conn_end_sentence(enum conn_end end)
{
    return ends[end].sentence;
}

// --- state ---------------------------------------------------------------------------------------

#define FROM(state) (1U << CONN_##state)

// From which states each state may be entered.
static const unsigned entered_from[CONN_STATE_COUNT] = {
    [CONN_CLOSED] = ~0U,
    [CONN_CONNECTING] = FROM(CLOSED) | FROM(CONNECTING),
    [CONN_LOGIN] = FROM(CONNECTING) | FROM(PREPARING),
    [CONN_PREPARING] = FROM(LOGIN) | FROM(READY),
    [CONN_READY] = FROM(PREPARING) | FROM(LOGIN) | FROM(RELAYING),
    [CONN_RELAYING] = FROM(READY),
};

void conn_enter(struct conn *conn, enum conn_state state)
{
    assert(entered_from[state] >> conn->state & 1);
    conn->state = state;
}

enum conn_state conn_state(const struct conn *conn)
{
    return conn->state;
}

// --- ending --------------------------------------------------------------------------------------

static void task_run(struct loop_task *task)
{
    struct conn *conn = container_of(task, struct conn, task);
    if (conn->state == CONN_CLOSED) {
        mem_free(conn->broken);
        mem_free(conn);
        return;
    }
    struct conn_break *broken = conn->broken;
    conn->broken = NULL;
    conn_end(conn, broken->end, SLICE_NONE, "%s", broken->text);
    mem_free(broken);
}

// Lets go of everything but the struct itself, which stays until the end of the turn.
static void conn_shut(struct conn *conn)
{
    stream_close(&conn->stream);
    opening_release(conn);
    work_release(conn);
    image_unref(&conn->image);
    statements_release(&conn->statements);
    conn_enter(conn, CONN_CLOSED);
    loop_defer(conn->stream.loop, &conn->task);
}

bool conn_loss_is_of_account(const struct conn_loss *loss)
{
    switch (loss->end == CONN_END_REFUSED ? loss->code : 0) {
    case 1045: // ER_ACCESS_DENIED_ERROR
    case 1130: // ER_HOST_NOT_PRIVILEGED
    case 1698: // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
    case 1862: // ER_MUST_CHANGE_PASSWORD_LOGIN
    case 3118: // ER_ACCOUNT_HAS_BEEN_LOCKED of MySQL
    case 4151: // the same of MariaDB
    case 3955: // ER_USER_ACCESS_DENIED_FOR_USER_ACCOUNT_BLOCKED_BY_PASSWORD_LOCK of MySQL
    case 4150: // ER_USER_IS_BLOCKED of MariaDB, behind too many wrong passwords
        return true;
    default:
        return false;
    }
}

bool conn_loss_is_full(const struct conn_loss *loss)
{
    return loss->end == CONN_END_EXHAUSTED || loss->code == 1040 || loss->code == 1203 ||
           loss->code == 1226;
}

bool conn_loss_tells_of_server(const struct conn_loss *loss)
{
    switch (loss->end) {
    case CONN_END_PREPARE:
    case CONN_END_IDLE:
    case CONN_END_LOGIN:
    case CONN_END_EXHAUSTED:
        return false;
    case CONN_END_REFUSED:
        return conn_loss_is_full(loss);
    default:
        return true;
    }
}

void conn_end(struct conn *conn, enum conn_end end, struct slice refusal, const char *format, ...)
{
    struct error error = {.code = (int)end};
    struct buffer kept = BUFFER_INIT; // the refusal may stand in what is released
    va_list args;

    va_start(args, format);
    vsnprintf(error.text, sizeof(error.text), format, args);
    va_end(args);
    slice_to_text(conn->target->name, error.where, sizeof(error.where));
    buffer_append_slice(&kept, refusal);

    struct conn_loss loss = {.end = end, .refusal = buffer_slice(&kept), .error = &error};
    struct err err;
    if (err_decode(&err, loss.refusal)) {
        loss.code = err.code;
    }
    conn_shut(conn);
    conn->handler->on_closed(conn, &loss);
    buffer_release(&kept);
}

void conn_break(struct conn *conn, enum conn_end end, const char *text)
{
    if (conn->state == CONN_CLOSED || conn->broken != NULL) {
        return;
    }
    conn->broken = mem_alloc(sizeof(*conn->broken));
    conn->broken->end = end;
    snprintf(conn->broken->text, sizeof(conn->broken->text), "%s", text);
    loop_defer(conn->stream.loop, &conn->task);
}

void conn_close(struct conn *conn)
{
    static const uint8_t quit[] = {1, 0, 0, 0, COMMAND_QUIT};
    if (conn->state == CONN_CLOSED) {
        return;
    }
    if (conn->state == CONN_READY) {
        stream_send(&conn->stream, quit, sizeof(quit));
    }
    conn_shut(conn);
}

void conn_watch(const struct conn *conn, bool closely)
{
    stream_watch(&conn->stream, closely);
}

bool conn_is_unheard(const struct conn *conn)
{
    return stream_is_unheard(&conn->stream);
}

// --- the stream's callbacks ----------------------------------------------------------------------

static struct conn *conn_of(struct stream *stream)
{
    return container_of(stream, struct conn, stream);
}

static void on_connected(struct stream *stream)
{
    opening_connected(conn_of(stream));
}

static void on_secured(struct stream *stream)
{
    opening_secured(conn_of(stream));
}

// Nobody asked: the server says why it is about to close (4031, 1053, 1927), or has lost its mind.
static size_t idle_data(struct conn *conn, const uint8_t *bytes, size_t len)
{
    struct err err;
    struct frame frame = {0};
    if (len > FRAME_HEADER_SIZE) {
        frame = frame_read(bytes);
    }
    struct slice payload =
        slice_first(slice_make(bytes + FRAME_HEADER_SIZE,
                               len > FRAME_HEADER_SIZE ? len - FRAME_HEADER_SIZE : 0),
                    frame.len);
    if (err_decode(&err, payload)) {
        conn_end(conn, CONN_END_IDLE, payload, "the server closes the connection: %.*s (%u)",
                 SLICE_ARG(err.message), err.code);
    } else {
        conn_end(conn, CONN_END_PROTOCOL, SLICE_NONE,
                 "the server sent bytes that nobody asked for");
    }
    return len;
}

// What comes behind the answers to commands of our own is the holder's, where it sent something
// behind them.
static size_t preparing_data(struct conn *conn, const uint8_t *bytes, size_t len)
{
    size_t used = work_data(conn, bytes, len);
    if (conn->state == CONN_RELAYING && used < len) {
        used += conn->handler->on_answer(conn, bytes + used, len - used);
    }
    return used;
}

static size_t on_data(struct stream *stream, const uint8_t *bytes, size_t len)
{
    struct conn *conn = conn_of(stream);
    switch (conn->state) {
    case CONN_RELAYING:
        return conn->handler->on_answer(conn, bytes, len);
    case CONN_PREPARING:
        return preparing_data(conn, bytes, len);
    case CONN_LOGIN:
        return opening_data(conn, bytes, len);
    default:
        return idle_data(conn, bytes, len);
    }
}

static void on_writable(struct stream *stream)
{
    struct conn *conn = conn_of(stream);
    bool is_lent = conn->state == CONN_RELAYING || conn->state == CONN_READY;
    if (is_lent && conn->handler->on_writable != NULL) {
        conn->handler->on_writable(conn);
    }
}

// Whether what was wanting is this machine's, not the server's.
static bool is_exhausted(int code)
{
    return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM ||
           code == EADDRNOTAVAIL;
}

static enum conn_end end_of(enum stream_end end, enum conn_state state, int code)
{
    switch (end) {
    case STREAM_END_CONNECT:
        return is_exhausted(code) ? CONN_END_EXHAUSTED : CONN_END_CONNECT;
    case STREAM_END_CONNECT_TIMEOUT:
        return CONN_END_TIMEOUT;
    case STREAM_END_TLS:
    case STREAM_END_TLS_VERIFY:
    case STREAM_END_TLS_INJECTED:
        return CONN_END_TLS;
    default:
        return state == CONN_READY ? CONN_END_IDLE : CONN_END_LOST;
    }
}

static void on_closed(struct stream *stream, enum stream_end end, const struct error *error)
{
    struct conn *conn = conn_of(stream);
    if (conn->state == CONN_CONNECTING && opening_retry(conn)) {
        return;
    }
    conn_end(conn, end_of(end, conn->state, error->code), SLICE_NONE, "%s", error->text);
}

static const struct stream_handler stream_handler = {
    .on_connected = on_connected,
    .on_secured = on_secured,
    .on_data = on_data,
    .on_writable = on_writable,
    .on_closed = on_closed,
    .high_water = HIGH_WATER,
    .low_water = LOW_WATER,
};

// --- life ----------------------------------------------------------------------------------------

struct conn *conn_open(const struct conn_settings *settings, const struct conn_handler *handler,
                       void *holder)
{
    struct conn *conn = mem_zero(1, sizeof(*conn));
    conn->handler = handler;
    conn->holder = holder;
    conn->target = settings->target;
    conn->images = settings->images;
    conn->is_replica = settings->is_replica;
    loop_task_init(&conn->task, task_run);
    statements_init(&conn->statements, settings->target->statements);
    stream_init(&conn->stream, settings->loop, &stream_handler, METRIC_SIDE_BACKEND);
    conn_enter(conn, CONN_CONNECTING);
    opening_start(conn, settings);
    return conn;
}

void conn_hold(struct conn *conn, const struct conn_handler *handler, void *holder)
{
    conn->handler = handler;
    conn->holder = holder;
}

void *conn_holder(const struct conn *conn)
{
    return conn->holder;
}

void conn_tell_ready(struct conn *conn)
{
    conn->handler->on_ready(conn);
}

// --- passing through -----------------------------------------------------------------------------

void conn_relay(struct conn *conn)
{
    conn_enter(conn, CONN_RELAYING);
}

void conn_settle(struct conn *conn)
{
    conn_enter(conn, CONN_READY);
}

struct stream *conn_stream(struct conn *conn)
{
    return &conn->stream;
}

// --- asking --------------------------------------------------------------------------------------

bool conn_is_as(const struct conn *conn, const struct image *image)
{
    return conn->image == image && conn->state == CONN_READY && conn->broken == NULL;
}

struct statements *conn_statements(struct conn *conn)
{
    return &conn->statements;
}

// At once where nothing is under way; else with the next command.
static void closing_send(struct statements *statements)
{
    struct conn *conn = container_of(statements, struct conn, statements);
    struct slice closing = buffer_slice(&statements->closing);
    if (conn->state == CONN_READY) {
        stream_send(&conn->stream, closing.ptr, closing.len);
        buffer_release(&statements->closing);
    }
}

bool conn_shrink_statements(struct conn *conn)
{
    return conn->statements.budget != NULL && statements_shrink(&conn->statements, closing_send);
}

struct image *conn_image(const struct conn *conn)
{
    return conn->image;
}

void conn_became(struct conn *conn, struct image *image)
{
    image_unref(&conn->image);
    conn->image = image;
}

const struct conn_target *conn_target(const struct conn *conn)
{
    return conn->target;
}

const struct login_peer *conn_peer(const struct conn *conn)
{
    return &conn->peer;
}

bool conn_is_replica(const struct conn *conn)
{
    return conn->is_replica;
}

void conn_note_access_mode(struct conn *conn, struct slice value)
{
    bool is_on = slice_equal_nocase(value, S("ON")) || slice_equal(value, S("1"));
    conn->has_lost_guard = conn->is_replica && !is_on;
}

bool conn_has_lost_guard(const struct conn *conn)
{
    return conn->has_lost_guard;
}
