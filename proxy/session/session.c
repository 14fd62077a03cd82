#include "proxy/session/session_priv.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"

#include <assert.h>

// A client that does not read costs what is above the high-water mark, and one receive call's
// bytes.
enum { HIGH_WATER = 16 * 1024, LOW_WATER = 8 * 1024, FINISH_SECONDS = 5, AHEAD_MOST = 64 * 1024 };

// --- states --------------------------------------------------------------------------------------

#define FROM(state) (1U << SESSION_##state)
#define ANY         (~0U)

static const struct {
    const char *word;
    unsigned from;
} states[SESSION_STATE_COUNT] = {
#define STATE(name, word, from, sentence) [SESSION_##name] = {word, from},
#include "proxy/session/states.def"
#undef STATE
};

#undef FROM
#undef ANY

const char *session_state_word(enum session_state state)
{
    return states[state].word;
}

void session_enter(struct session *session, enum session_state state)
{
    assert(states[state].from >> session->state & 1);
    if (state != SESSION_HOLDING) {
        list_remove(&session->holding);
    }
    session->state = state;
    session->since_us = loop_now_us(session->worker->loop);
}

bool session_is_mariadb(const struct session *session)
{
    const struct topology *topology = session->worker->topology;
    struct version version;
    if (topology == NULL || !version_parse(topology->server_version, &version)) {
        return true;
    }
    return version.family == FAMILY_MARIADB;
}

struct slice session_login_collation(const struct session *session,
                                     const struct collation *collation)
{
    return collation_of_login(collation, session_is_mariadb(session) &&
                                             session->worker->images.has_one_default);
}

uint16_t session_status(const struct session *session)
{
    return session->status;
}

const struct sockaddr *session_sockaddr(const struct session *session,
                                        struct sockaddr_storage *storage)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;
    memset(storage, 0, sizeof(*storage));
    switch (session->peer.kind) {
    case ADDRESS_IP4:
        v4->sin_family = AF_INET;
        memcpy(&v4->sin_addr, session->peer.ip4, sizeof(session->peer.ip4));
        return (struct sockaddr *)storage;
    case ADDRESS_IP6:
        v6->sin6_family = AF_INET6;
        memcpy(&v6->sin6_addr, session->peer.ip6, sizeof(session->peer.ip6));
        return (struct sockaddr *)storage;
    default:
        return NULL;
    }
}

struct address session_announced(const struct session *session)
{
    const struct config *config = session->worker->config;
    struct address client = session->peer;
    client.port = ADDRESS_PORT_NONE; // connections are shared by the clients of an address
    client.scope = 0;
    for (size_t i = 0; i < config->backend_count; i++) {
        bool is_ip = client.kind == ADDRESS_IP4 || client.kind == ADDRESS_IP6;
        if (config->backends[i].send_proxy == CONF_SEND_PROXY_V2 && is_ip) {
            return client;
        }
    }
    return (struct address){.kind = ADDRESS_NONE};
}

// --- time limits ---------------------------------------------------------------------------------

static void idle_timed_out(struct session *session)
{
    const struct conf_proxy *proxy = &session->worker->config->proxy;
    bool is_transaction = proxy->max_transaction_time_us > 0 &&
                          (session->status & STATUS_IN_TRANSACTION) != 0 &&
                          loop_now_us(session->worker->loop) - session->transaction_us >=
                              proxy->max_transaction_time_us;
    if (is_transaction) {
        answer_error(session, TRANSACTION_TIMEOUT,
                     (unsigned)(proxy->max_transaction_time_us / CLOCK_SECOND));
    } else {
        answer_error(session, IDLE_TIMEOUT, (unsigned)(proxy->idle_timeout_us / CLOCK_SECOND));
    }
    session_finish(session);
}

static void idle_timer_set(struct session *session)
{
    const struct conf_proxy *proxy = &session->worker->config->proxy;
    int64_t now_us = loop_now_us(session->worker->loop), delay_us = TIMER_NEVER;
    if (proxy->idle_timeout_us > 0) {
        delay_us = session->since_us + proxy->idle_timeout_us - now_us;
    }
    if (proxy->max_transaction_time_us > 0 && (session->status & STATUS_IN_TRANSACTION) != 0) {
        int64_t left_us = session->transaction_us + proxy->max_transaction_time_us - now_us;
        delay_us = left_us < delay_us ? left_us : delay_us;
    }
    if (delay_us == TIMER_NEVER) {
        timer_clear(&session->timer);
    } else {
        timer_set(&session->timer, session->worker->loop, delay_us);
    }
}

void session_limits_changed(struct session *session)
{
    if (session->state == SESSION_IDLE) {
        idle_timer_set(session);
    }
}

static void timed_out(struct timer *timer)
{
    struct session *session = container_of(timer, struct session, timer);
    switch (session->state) {
    case SESSION_HEADER:
        header_timed_out(session);
        break;
    case SESSION_LOGIN:
    case SESSION_ASKING:
        greet_timed_out(session);
        break;
    case SESSION_IDLE:
        idle_timed_out(session);
        break;
    case SESSION_FINISHING:
        session_close(session);
        break;
    default:
        query_timed_out(session);
        break;
    }
}

void session_idle(struct session *session)
{
    session_enter(session, SESSION_IDLE);
    idle_timer_set(session);
    if (session->worker->is_draining && session_drain(session)) {
        return;
    }
    if (stream_has_unread(&session->stream)) {
        stream_resume(&session->stream);
    }
}

// --- the client's stream -------------------------------------------------------------------------

static struct session *session_of(struct stream *stream)
{
    return container_of(stream, struct session, stream);
}

// A client may send commands ahead; they wait unread, but not without end.
static size_t wait_unread(struct session *session, size_t len)
{
    if (len > AHEAD_MOST) {
        stream_pause(&session->stream);
    }
    return 0;
}

// The client does not read its answers, or the server does not read what needs no answer: nothing
// new is begun.
static bool is_clogged(const struct session *session)
{
    return stream_is_congested(&session->stream) ||
           (session->pooled != NULL &&
            stream_is_congested(conn_stream(pooled_conn(session->pooled))));
}

static size_t on_data(struct stream *stream, const uint8_t *bytes, size_t len)
{
    struct session *session = session_of(stream);
    size_t used = 0;
    if (session->state != SESSION_RUNNING) {
        stream_turn(stream); // what is read now is answered next
    }
    if (session->state == SESSION_HEADER) {
        used = header_data(session, bytes, len);
    }
    if (session->state == SESSION_LOGIN) {
        bool was_compressed = stream_is_compressed(stream);
        used += greet_data(session, bytes + used, len - used);
        if (session->state != SESSION_IDLE || stream_is_compressed(stream) != was_compressed) {
            return used;
        }
    }
    if (session->state == SESSION_UPLOADING) {
        return relay_upload(session, bytes, len);
    }
    while (session->state == SESSION_IDLE && used < len && !is_clogged(session)) {
        size_t taken = command_begin(session, bytes + used, len - used);
        if (taken == 0) {
            return used;
        }
        used += taken;
    }
    if (session->state == SESSION_IDLE && used < len) {
        stream_pause(stream); // until on_writable(), the client's or the server's
        return used;
    }
    return used > 0 || used == len ? used : wait_unread(session, len);
}

static void on_secured(struct stream *stream)
{
    greet_secured(session_of(stream));
}

static void on_writable(struct stream *stream)
{
    struct session *session = session_of(stream);
    if (session->state == SESSION_RUNNING) {
        relay_client_writable(session);
    } else if (session->state == SESSION_IDLE) {
        stream_resume(stream);
    }
}

static void on_closed(struct stream *stream, enum stream_end end, const struct error *error)
{
    struct session *session = session_of(stream);
    if (session->state != SESSION_FINISHING) {
        metric_add(session->worker->metrics, METRIC_CLIENTS_ABORTED, 1);
        log_debug(&session->source, "client.gone", kv_str("end", stream_end_word(end)),
                  kv_error("error", error));
    }
    session_close(session);
}

static const struct stream_handler handler = {
    .on_data = on_data,
    .on_secured = on_secured,
    .on_writable = on_writable,
    .on_closed = on_closed,
    .high_water = HIGH_WATER,
    .low_water = LOW_WATER,
};

// --- life ----------------------------------------------------------------------------------------

static void source_describe(const struct log_source *source, struct log_line *line)
{
    const struct session *session = container_of(source, struct session, source);
    char peer[ADDRESS_TEXT_SIZE];
    log_line_add(line, kv_uint("session", session->id));
    log_line_add(line, kv_slice("user", session->user));
    log_line_add(line, kv_str("client", address_print(&session->peer, peer)));
}

static void task_run(struct loop_task *task)
{
    mem_free(container_of(task, struct session, task));
}

// A connection that was waited for has told what it knew.
static void wake_run(struct loop_task *task)
{
    struct session *session = container_of(task, struct session, wake);
    // Not where it waits for something else that is asked for it.
    if (session->state == SESSION_HOLDING && list_is_linked(&session->holding)) {
        query_route(session);
    }
}

struct session *session_create(struct worker *worker, int fd, const struct address *peer,
                               struct slice listen)
{
    struct session *session = mem_zero(1, sizeof(*session));
    session->worker = worker;
    session->peer = *peer;
    session->listen = listen;
    session->status = worker_first_status(worker);
    session->lost_on = -1;
    session->syntax = SQL_SYNTAX_DEFAULT;
    session->source = (struct log_source){worker->shared->log, source_describe};
    session->id = worker->next_id++ * worker->shared->count + worker->index + 1;
    list_init(&session->holding);
    list_push_back(&worker->sessions, &session->link);
    worker->session_count++;
    loop_task_init(&session->task, task_run);
    loop_task_init(&session->wake, wake_run);
    last_release(&session->last);
    timer_init(&session->timer, timed_out);
    pool_ties_init(&session->ties, last_saved);
    pool_waiter_init(&session->waiter);
    stream_init(&session->stream, worker->loop, &handler, METRIC_SIDE_CLIENT);
    stream_adopt(&session->stream, fd);
    metric_add(worker->metrics, METRIC_CLIENTS, 1);
    metric_add(worker->metrics, METRIC_CLIENTS_ACCEPTED, 1);
    if (header_is_due(session)) {
        session_enter(session, SESSION_HEADER);
        header_start(session);
    } else {
        session_enter(session, SESSION_LOGIN);
        greet_start(session);
    }
    return session;
}

void session_close(struct session *session)
{
    struct worker *worker = session->worker;
    if (session->state == SESSION_CLOSED) {
        return;
    }
    query_abandon(session);
    greet_release(session);
    stream_close(&session->stream);
    session_enter(session, SESSION_CLOSED);
    timer_release(&session->timer);
    loop_task_cancel(&session->wake);
    pool_ties_cut(&session->ties);
    last_release(&session->last);
    pools_account_leave(&session->account);
    image_unref(&session->image);
    mem_free((char *)session->user.ptr);
    session->user = SLICE_NONE;
    mem_free(session->hint_warning);
    session->hint_warning = NULL;
    prepared_release(&session->prepared);
    named_release(&session->named);
    held_release(&session->held);
    tracking_release(session);
    limit_give(&session->client_token);
    limit_give(&session->user_token);
    list_remove(&session->link);
    worker->session_count--;
    atomic_fetch_sub(&worker->shared->sessions[worker->index], 1);
    metric_add(worker->metrics, METRIC_CLIENTS, -1);
    loop_defer(worker->loop, &session->task);
}

void session_finish(struct session *session)
{
    if (session->state == SESSION_CLOSED || session->state == SESSION_FINISHING) {
        return;
    }
    query_abandon(session);
    greet_release(session);
    session_enter(session, SESSION_FINISHING);
    stream_finish(&session->stream);
    timer_set(&session->timer, session->worker->loop, FINISH_SECONDS * CLOCK_SECOND);
}

bool session_drain(struct session *session)
{
    if (session->state == SESSION_HEADER || session->state == SESSION_LOGIN ||
        session->state == SESSION_ASKING) {
        session_close(session);
        return true;
    }
    if (session->state != SESSION_IDLE || (session->status & STATUS_IN_TRANSACTION) != 0) {
        return false;
    }
    answer_error(session, SHUTDOWN);
    session_finish(session);
    return true;
}
