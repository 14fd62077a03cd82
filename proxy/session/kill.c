// Ending: a statement on a server, by a connection of its own; a session or its statement on this
// or another worker.
#include "proxy/session/session_priv.h"

#include "proxy/base/memory.h"

#include <stdio.h>

enum { ER_PARSE = 1064 };

// --- on the server -------------------------------------------------------------------------------

// Lives from the order to the server's answer, whatever becomes of the session. Where the server
// does not let it in, it comes again while the statement runs.
struct killer {
    struct list link; // in worker->killers
    struct worker *worker;
    struct conn *conn; // NULL: it waits for its next try
    struct timer timer;
    int64_t pause_us; // before that
    bool is_in;       // the order may have gone out
    int server;
    uint32_t thread_id;
    uint32_t session; // whose statement it is; 0: nobody's
    uint64_t serial;  // and which of its commands
};
enum { KILLER_FIRST_PAUSE_US = 500 * 1000, KILLER_LONGEST_PAUSE_US = 30 * 1000 * 1000 };

static void killer_free(struct killer *killer)
{
    timer_release(&killer->timer);
    list_remove(&killer->link);
    mem_free(killer);
}

// The session whose statement it is to end, running or over; else NULL.
static struct session *killer_session(const struct killer *killer)
{
    struct session *session =
        killer->session != 0 ? worker_session(killer->worker, killer->session) : NULL;
    bool is_there = session != NULL && session->queries == killer->serial && session->run != NULL &&
                    session->run->is_order_out;
    return is_there ? session : NULL;
}

// An order that came behind its statement hits the next one: which is this.
static void absorbed(struct conn *conn, const struct conn_result *result, void *context)
{
    struct session *session = context;
    (void)conn;
    (void)result;
    session->run->is_order_out = false;
    outcome_absorbed(session);
}

static void absorb(struct session *session)
{
    conn_query(pooled_conn(session->pooled), S("DO 0"), absorbed, session);
}

void kill_await(struct session *session)
{
    session_enter(session, SESSION_SETTLING);
    if (session->run->is_order_done) {
        absorb(session);
    }
}

static void killer_ended(struct conn *conn, const struct conn_result *result, void *context)
{
    struct killer *killer = context;
    struct session *session = killer_session(killer);
    (void)result;
    if (session != NULL) {
        session->run->is_order_done = true;
        if (session->state == SESSION_SETTLING) {
            absorb(session);
        }
    }
    conn_close(conn);
    killer_free(killer);
}

static size_t killer_answer(struct conn *conn, const uint8_t *bytes, size_t len)
{
    (void)conn;
    (void)bytes;
    return len;
}

// The session whose statement it is to end, while that runs there; else NULL.
static struct session *killer_victim(const struct killer *killer)
{
    struct session *session = worker_session(killer->worker, killer->session);
    if (session == NULL || session->queries != killer->serial || session->pooled == NULL ||
        (session->state != SESSION_RUNNING && session->state != SESSION_UPLOADING)) {
        return NULL;
    }
    const struct conn *conn = pooled_conn(session->pooled);
    bool is_there = pooled_server(session->pooled) == killer->server &&
                    conn_peer(conn)->connection_id == killer->thread_id;
    return is_there ? session : NULL;
}

static void killer_ready(struct conn *conn)
{
    struct killer *killer = conn_holder(conn);
    char sql[64];
    int len = snprintf(sql, sizeof(sql), "KILL QUERY %u", killer->thread_id);
    struct session *victim = killer->session != 0 ? killer_victim(killer) : NULL;
    if (killer->session != 0 && victim == NULL) { // it has ended by itself
        conn_close(conn);
        killer_free(killer);
        return;
    }
    if (victim != NULL) {
        victim->run->is_order_out = true;
    }
    killer->is_in = true;
    conn_query(conn, slice_make(sql, (size_t)len), killer_ended, killer);
}

static void killer_closed(struct conn *conn, const struct conn_loss *loss)
{
    struct killer *killer = conn_holder(conn);
    struct session *waiting = killer->is_in ? killer_session(killer) : NULL;
    const struct session *session = killer_victim(killer);
    if (waiting != NULL && waiting->state == SESSION_SETTLING) {
        outcome_end_session(waiting); // nobody knows what the order will hit
    }
    if (session == NULL || killer->is_in || conn_loss_is_of_account(loss)) {
        killer_free(killer);
        return;
    }
    if (killer->pause_us == KILLER_FIRST_PAUSE_US) {
        log_warn(&session->source, "query.kill_failed", kv_error("error", loss->error));
    }
    killer->conn = NULL;
    timer_set(&killer->timer, killer->worker->loop, killer->pause_us);
    killer->pause_us = killer->pause_us < KILLER_LONGEST_PAUSE_US / 2 ? killer->pause_us * 2
                                                                      : KILLER_LONGEST_PAUSE_US;
}

static const struct conn_handler killer_handler = {
    .on_ready = killer_ready,
    .on_answer = killer_answer,
    .on_closed = killer_closed,
};

static void killer_open(struct killer *killer, const struct pooled *pooled)
{
    const struct pool_account *account = pooled_account(pooled);
    const struct conn_settings settings = {
        .loop = killer->worker->loop,
        .target = conn_target(pooled_conn(pooled)),
        .user = pool_account_user(account),
        .secret = pool_account_secret(account, pooled_server(pooled)),
        .traits = {.client = pool_account_traits(account)->client},
        .collation = COLLATION_UTF8MB4_GENERAL_CI,
    };
    killer->conn = conn_open(&settings, &killer_handler, killer);
}

static void killer_again(struct timer *timer)
{
    struct killer *killer = container_of(timer, struct killer, timer);
    const struct session *session = killer_victim(killer);
    if (session == NULL) {
        killer_free(killer);
    } else {
        killer_open(killer, session->pooled);
    }
}

static struct killer *killer_send(struct worker *worker, const struct pooled *pooled)
{
    struct killer *killer = mem_zero(1, sizeof(*killer));
    killer->worker = worker;
    killer->pause_us = KILLER_FIRST_PAUSE_US;
    killer->server = pooled_server(pooled);
    killer->thread_id = conn_peer(pooled_conn(pooled))->connection_id;
    timer_init(&killer->timer, killer_again);
    metric_add(worker->metrics, METRIC_KILLS, 1, metric_backend(killer->server));
    list_push_back(&worker->killers, &killer->link);
    killer_open(killer, pooled);
    return killer;
}

void kill_pooled(struct worker *worker, const struct pooled *pooled)
{
    killer_send(worker, pooled);
}

void kill_statement(struct session *session)
{
    struct killer *killer = killer_send(session->worker, session->pooled);
    killer->session = session->id;
    killer->serial = session->queries;
}

void kills_release(struct worker *worker)
{
    list_each_safe (link, &worker->killers) {
        struct killer *killer = container_of(link, struct killer, link);
        if (killer->conn != NULL) {
            conn_close(killer->conn);
        }
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
            if (session->run->order == ORDER_NONE) { // a second one could hit the next statement
                session->run->order = ORDER_KILL;
                kill_statement(session);
            }
        } else if (session->state == SESSION_PREPARING || session->state == SESSION_CATCHING) {
            preparing_kill(session);
        } else if (session->state == SESSION_WAITING || session->state == SESSION_HOLDING ||
                   session->state == SESSION_LEARNING) {
            pool_cancel(&session->waiter);
            list_remove(&session->holding);
            answer_error(session, QUERY_KILLED);
        }
        return;
    }
    session_close(session); // as servers do: without a word
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

// A session of another user: an account with the right to may end it all the same.
static void client_kill_judged(struct session *session, unsigned rights, void *context)
{
    struct client_kill *kill = context;
    if (session != NULL && (rights & RIGHT_KILL) != 0) {
        session_enter(session, SESSION_HOLDING);
        kill->request.is_operator = true;
        worker_kill(session->worker->shared, &kill->request);
        return;
    }
    if (session != NULL) {
        answer_error(session, KILL_DENIED, (unsigned long long)kill->request.id);
    }
    mem_free(kill);
}

static void client_kill_done(struct kill_request *request)
{
    struct client_kill *kill = container_of(request, struct client_kill, request);
    struct session *session = session_of_command(kill->worker, kill->from, kill->serial);
    if (session != NULL && request->result == KILL_DENIED) {
        rights_ask(session, client_kill_judged, kill);
        return;
    }
    if (session != NULL && request->result == KILL_DONE) {
        answer_ok(session);
    } else if (session != NULL) {
        answer_error(session, UNKNOWN_SESSION, (unsigned long long)request->id);
    }
    mem_free(kill);
}

// In the words of the servers.
static void own_kill(struct session *session, bool is_query)
{
    if (is_query || !session_is_mariadb(session)) {
        answer_error(session, QUERY_KILLED);
    } else {
        answer_error(session, SESSION_KILLED);
    }
    if (!is_query) {
        session_finish(session);
    }
}

void kill_begin(struct session *session, uint64_t id, bool is_query)
{
    if (id == session->id) {
        own_kill(session, is_query);
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

// --- KILL behind a name --------------------------------------------------------------------------

// The server would take the id of a client for that of one of its own threads.
const struct statement *kill_executed(struct session *session)
{
    const struct statement *statement = &session->run->statement;
    bool is_alone = statement_has(statement, EFFECT_EXECUTE) && statement->count == 1;
    const struct statement *inner = is_alone ? effects_inner(session, statement) : NULL;
    return inner != NULL && statement_has(inner, EFFECT_KILL) ? inner : NULL;
}

// --- KILL with an expression ---------------------------------------------------------------------

// As the server takes an expression for an id: rounded, and 0 for what is none.
void kill_begin_expression(struct session *session)
{
    struct run *run = session->run;
    const struct statement_kill kill = run->statement.kill;
    if (run->command != COMMAND_QUERY || kill.expression.len == 0) {
        answer_error(session, KILL_FORM);
        return;
    }
    struct slice sql =
        arena_print(&run->arena, "SELECT CAST((%.*s) AS UNSIGNED)", SLICE_ARG(kill.expression));
    statement_entry_unref(&run->entry); // the text above is a copy
    query_read(session, sql);
    bool calls_function = run->statement.class == STATEMENT_CLASS_WRITE;
    if (calls_function || run->statement.tables_count > 0 ||
        statement_asks(&run->statement, ASK_SEQUENCE)) { // servers refuse it too
        answer_error(session, KILL_EXPRESSION);
        return;
    }
    run->kill = kill.is_query ? RUN_KILL_QUERY : RUN_KILL_SESSION;
    if (run->statement.class == STATEMENT_CLASS_READ) {
        run->statement.class = STATEMENT_CLASS_SERVER_READ;
        run->statement.reason = ROUTE_REASON_SERVER_SPECIFIC;
    }
    query_route(session);
}

// The error is the server's, of an expression that it does not understand.
static void computed_badly(struct session *session, const struct conn_result *result)
{
    struct buffer payload = BUFFER_INIT;
    struct writer writer = writer_make(&payload, 0);
    struct slice why = result->code != 0 ? result->error : S("KILL takes one value");
    struct err err = {.code = ER_PARSE, .sqlstate = S("42000"), .message = why};
    if (result->code != 0) {
        err.code = result->code;
        err.sqlstate = result->sqlstate;
    }
    err_encode(&err, &writer);
    answer_refusal(session, buffer_slice(&payload));
    buffer_release(&payload);
}

static void computed(struct conn *conn, const struct conn_result *result, void *context)
{
    struct session *session = context;
    bool is_query = session->run->kill == RUN_KILL_QUERY;
    bool has_value = result->code == 0 && result->row_count == 1 && result->column_count == 1;
    uint64_t id = 0; // of NULL
    (void)conn;
    if (has_value) {
        slice_to_u64(result->rows[0].cells[0], &id);
    }
    effects_end(session, !has_value);
    outcome_release(session);
    session_enter(session, SESSION_IDLE);
    if (has_value) {
        kill_begin(session, id, is_query);
    } else {
        computed_badly(session, result);
    }
}

void kill_compute(struct session *session)
{
    struct run *run = session->run;
    struct slice sql = run_text(run);
    if (session->state != SESSION_PREPARING) {
        session_enter(session, SESSION_PREPARING);
    }
    conn_query(pooled_conn(session->pooled), sql, computed, session);
}

// --- KILL USER -----------------------------------------------------------------------------------

// Visits every worker in turn and comes back to the one that asked.
struct user_kill {
    struct worker_question question;
    struct worker_shared *shared;
    unsigned at;     // worker being asked
    unsigned home;   // worker that asked
    uint32_t from;   // the session that asked
    uint64_t serial; // and with which of its commands
    uint64_t count;  // sessions that it ended, or whose statement
    bool is_query;
    bool is_own;       // the asker is one of them
    struct slice user; // owned
    struct slice host; // owned; empty: every host
};

static void user_kill_free(struct user_kill *kill)
{
    mem_free((char *)kill->user.ptr);
    mem_free((char *)kill->host.ptr);
    mem_free(kill);
}

// Whether the session's client is at that host, by its address, or by the servers' word for their
// own machine.
static bool is_from(const struct session *session, struct slice host)
{
    char text[ADDRESS_TEXT_SIZE];
    struct slice address = slice_text(address_print_host(&session->peer, text));
    bool is_here = session->peer.kind == ADDRESS_NONE || slice_equal(address, S("127.0.0.1")) ||
                   slice_equal(address, S("::1"));
    return host.len == 0 || slice_equal(host, S("%")) || slice_equal_nocase(host, address) ||
           (is_here && slice_equal_nocase(host, S("localhost")));
}

static void user_kill_here(struct user_kill *kill, struct worker *worker)
{
    list_each_safe (link, &worker->sessions) {
        struct session *session = container_of(link, struct session, link);
        if (session->id != kill->from && slice_equal(session->user, kill->user) &&
            is_from(session, kill->host)) {
            kill->count++;
            session_kill(session, kill->is_query);
        }
    }
}

// An asker of that user goes last.
static void user_kill_ask(struct worker_question *question)
{
    struct user_kill *kill = container_of(question, struct user_kill, question);
    if (kill->at < kill->shared->count) {
        user_kill_here(kill, question->worker);
        kill->at++;
        unsigned next = kill->at < kill->shared->count ? kill->at : kill->home;
        worker_ask(kill->shared->workers[next], question);
        return;
    }
    struct session *session = session_of_command(question->worker, kill->from, kill->serial);
    if (session != NULL && kill->is_own) {
        kill_begin(session, session->id, kill->is_query);
    } else if (session != NULL) {
        answer_affected(session, kill->count);
    }
    user_kill_free(kill);
}

static void user_kill_judged(struct session *session, unsigned rights, void *context)
{
    struct user_kill *kill = context;
    if (session != NULL && (rights & RIGHT_KILL) != 0) {
        session_enter(session, SESSION_HOLDING);
        worker_ask(kill->shared->workers[0], &kill->question);
        return;
    }
    if (session != NULL) {
        answer_error(session, KILL_USER_DENIED, SLICE_ARG(kill->user));
    }
    user_kill_free(kill);
}

void kill_user_begin(struct session *session, const struct statement_kill *asked)
{
    struct user_kill *kill = mem_zero(1, sizeof(*kill));
    struct slice user = asked->user.len > 0 ? asked->user : session->user;
    kill->shared = session->worker->shared;
    kill->home = session->worker->index;
    kill->from = session->id;
    kill->serial = session->queries;
    kill->is_query = asked->is_query;
    kill->is_own = slice_equal(user, session->user) && is_from(session, asked->host);
    kill->user = slice_make(slice_copy_text(user), user.len);
    kill->host = slice_make(slice_copy_text(asked->host), asked->host.len);
    kill->question.ask = user_kill_ask;
    if (slice_equal(user, session->user)) {
        session_enter(session, SESSION_HOLDING);
        worker_ask(kill->shared->workers[0], &kill->question);
    } else {
        rights_ask(session, user_kill_judged, kill);
    }
}
