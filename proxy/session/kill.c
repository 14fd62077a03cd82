// Ending: a statement on a server, by a connection of its own; a session or its statement on this
// or another worker.
#include "proxy/session/session_priv.h"

#include "proxy/base/memory.h"

#include <stdio.h>

// --- on the server -------------------------------------------------------------------------------

// Lives from the order to the server's answer, whatever becomes of the session.
struct killer {
    struct list link; // in worker->killers
    struct conn *conn;
    uint32_t thread_id;
};

static void killer_free(struct killer *killer)
{
    list_remove(&killer->link);
    mem_free(killer);
}

static void killer_ended(struct conn *conn, const struct conn_result *result, void *context)
{
    (void)result;
    conn_close(conn);
    killer_free(context);
}

static void killer_ready(struct conn *conn)
{
    struct killer *killer = conn_holder(conn);
    char sql[64];
    int len = snprintf(sql, sizeof(sql), "KILL QUERY %u", killer->thread_id);
    conn_query(conn, slice_make(sql, (size_t)len), killer_ended, killer);
}

static size_t killer_answer(struct conn *conn, const uint8_t *bytes, size_t len)
{
    (void)conn;
    (void)bytes;
    return len;
}

static void killer_closed(struct conn *conn, const struct conn_loss *loss)
{
    (void)loss;
    killer_free(conn_holder(conn));
}

static const struct conn_handler killer_handler = {
    .on_ready = killer_ready,
    .on_answer = killer_answer,
    .on_closed = killer_closed,
};

void kill_statement(struct session *session)
{
    struct worker *worker = session->worker;
    struct conn *victim = pooled_conn(session->pooled);
    struct killer *killer = mem_zero(1, sizeof(*killer));
    struct conn_settings settings = {
        .loop = worker->loop,
        .target = conn_target(victim),
        .user = session->user,
        .secret = pool_account_secret(session->account),
        .collation = COLLATION_UTF8MB4_GENERAL_CI,
    };
    killer->thread_id = conn_peer(victim)->connection_id;
    metric_add(worker->metrics, METRIC_KILLS, 1, metric_backend(pooled_server(session->pooled)));
    killer->conn = conn_open(&settings, &killer_handler, killer);
    list_push_back(&worker->killers, &killer->link);
}

void kills_release(struct worker *worker)
{
    list_each_safe (link, &worker->killers) {
        struct killer *killer = container_of(link, struct killer, link);
        conn_close(killer->conn);
        killer_free(killer);
    }
}

// --- sessions ------------------------------------------------------------------------------------

// The statement has not begun; its connection is busy with what comes before it, and goes.
static void preparing_kill(struct session *session)
{
    bool is_lost = session->pins != 0 || (session->status & STATUS_IN_TRANSACTION) != 0;
    query_let_go(session);
    answer_error(session, QUERY_KILLED);
    if (is_lost) {
        session_finish(session);
    }
}

static void session_kill(struct session *session, bool is_query)
{
    if (is_query) {
        if (session->state == SESSION_RUNNING || session->state == SESSION_UPLOADING) {
            session->run->order = ORDER_KILL;
            kill_statement(session);
        } else if (session->state == SESSION_PREPARING) {
            preparing_kill(session);
        } else if (session->state == SESSION_WAITING || session->state == SESSION_HOLDING) {
            pool_cancel(&session->waiter);
            list_remove(&session->holding);
            answer_error(session, QUERY_KILLED);
        }
        return;
    }
    if (session->state == SESSION_IDLE) {
        answer_error(session, SESSION_KILLED);
        session_finish(session);
    } else {
        session_close(session);
    }
}

static void request_answer(struct loop_message *message, struct loop *loop)
{
    struct kill_request *request = container_of(message, struct kill_request, back);
    (void)loop;
    request->done(request);
}

static void request_arrived(struct worker_question *question)
{
    struct kill_request *request = container_of(question, struct kill_request, question);
    struct session *session = worker_session(question->worker, request->id);
    if (session == NULL) {
        request->result = KILL_UNKNOWN;
    } else if (!request->is_operator && !slice_equal(session->user, slice_text(request->user))) {
        request->result = KILL_DENIED;
    } else {
        session_kill(session, request->is_query);
        request->result = KILL_DONE;
    }
    request->back.run = request_answer;
    loop_post(request->reply, &request->back);
}

void worker_kill(struct worker_shared *shared, struct kill_request *request)
{
    unsigned worker = (request->id - 1) % shared->count;
    request->question.ask = request_arrived;
    worker_ask(shared->workers[worker], &request->question);
}

// --- KILL of a client ----------------------------------------------------------------------------

struct client_kill {
    struct kill_request request;
    struct worker *worker;
    uint32_t from;   // the session that asked
    uint64_t serial; // and with which of its commands
};

static void client_kill_done(struct kill_request *request)
{
    struct client_kill *kill = container_of(request, struct client_kill, request);
    struct session *session = worker_session(kill->worker, kill->from);
    if (session != NULL && session->state == SESSION_HOLDING && session->run != NULL &&
        session->queries == kill->serial) {
        switch (request->result) {
        case KILL_DONE:
            answer_ok(session);
            break;
        case KILL_UNKNOWN:
            answer_error(session, UNKNOWN_SESSION, (unsigned long long)request->id);
            break;
        case KILL_DENIED:
            answer_error(session, KILL_DENIED, (unsigned long long)request->id);
            break;
        }
    }
    mem_free(kill);
}

void kill_begin(struct session *session, uint64_t id, bool is_query)
{
    if (id == session->id && is_query) {
        answer_error(session, QUERY_KILLED);
        return;
    }
    if (id == session->id) {
        answer_error(session, SESSION_KILLED);
        session_finish(session);
        return;
    }
    if (id == 0 || id > UINT32_MAX) {
        answer_error(session, UNKNOWN_SESSION, (unsigned long long)id);
        return;
    }
    struct client_kill *kill = mem_zero(1, sizeof(*kill));
    kill->worker = session->worker;
    kill->from = session->id;
    kill->serial = session->queries;
    kill->request.reply = session->worker->loop;
    kill->request.id = (uint32_t)id;
    kill->request.is_query = is_query;
    kill->request.done = client_kill_done;
    slice_to_text(session->user, kill->request.user, sizeof(kill->request.user));
    session_enter(session, SESSION_HOLDING);
    worker_kill(session->worker->shared, &kill->request);
}
