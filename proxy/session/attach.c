// Getting a connection for a statement, making it what the session wants, and sending the statement
// on it.
#include "proxy/session/session_priv.h"

#include "proxy/base/clock.h"

// --- getting a connection ------------------------------------------------------------------------

static void conn_adopt(struct session *session, struct pooled *pooled)
{
    session->pooled = pooled;
    session->worker->server_collation = conn_peer(pooled_conn(pooled))->collation;
    session->last.is_here = false;
    conn_hold(pooled_conn(pooled), &session_conn_handler, session);
}

// --- the insert id -------------------------------------------------------------------------------
//
// An OK tells of the id that a statement generated, and of one that it was given (INSERT ... (id)
// VALUES (600)), which LAST_INSERT_ID() is not: then that is as it was. Where the session comes to
// another connection, what it was there is another session's. So the connection is believed where
// it names an id that it has told the session of.

void attach_forget_told_ids(struct session *session)
{
    memset(session->told_ids, 0, sizeof(session->told_ids));
}

void attach_note_insert_id(struct session *session, uint64_t id)
{
    uint64_t *told = session->told_ids;
    bool is_elsewhere = session->ties.of[POOL_TIE_INSERT_ID].pooled != session->pooled;
    if (is_elsewhere) {
        session->insert_id = told[0] != 0 ? told[0] : session->insert_id;
        attach_forget_told_ids(session);
    }
    pool_tie_bind(&session->ties, POOL_TIE_INSERT_ID, session->pooled, true);
    if (is_elsewhere || told[0] != 0) {
        size_t moved = TOLD_IDS_MOST - 1 - (told[TOLD_IDS_MOST - 1] != 0); // the first one stays
        memmove(told + 1, told, moved * sizeof(*told));
        told[0] = id;
    } else {
        session->insert_id = id; // as good as is known without asking
    }
}

void attach_know_insert_id(struct session *session, uint64_t id)
{
    const uint64_t *told = session->told_ids;
    bool is_known = told[0] == 0;
    for (size_t i = 0; i < TOLD_IDS_MOST && !is_known; i++) {
        is_known = told[i] != 0 && told[i] == id;
    }
    if (is_known) {
        session->insert_id = id;
    }
    attach_forget_told_ids(session);
}

// The statement asks for the insert id, and the session's connection has somebody else's or none,
// or may have.
bool attach_wants_insert_id(const struct session *session)
{
    return statement_asks(&session->run->statement, ASK_INSERT_ID) &&
           (session->ties.of[POOL_TIE_INSERT_ID].pooled != session->pooled ||
            session->told_ids[0] != 0);
}

static void insert_id_restored(struct conn *conn, const struct conn_result *result, void *context)
{
    struct session *session = context;
    (void)conn;
    (void)result;
    pool_tie_bind(&session->ties, POOL_TIE_INSERT_ID, session->pooled, true);
    attach_forget_told_ids(session);
    attach_send(session);
}

static void insert_id_restore(struct session *session)
{
    char sql[64];
    session->insert_id = session->told_ids[0] != 0 ? session->told_ids[0] : session->insert_id;
    int len = snprintf(sql, sizeof(sql), "SET last_insert_id=%llu",
                       (unsigned long long)session->insert_id);
    session_enter(session, SESSION_PREPARING);
    conn_query(pooled_conn(session->pooled), slice_make(sql, (size_t)len), insert_id_restored,
               session);
}

static void insert_id_told(struct conn *conn, const struct conn_result *result, void *context)
{
    struct session *session = context;
    uint64_t id = 0;
    (void)conn;
    bool is_told = result->code == 0 && result->row_count == 1 && result->column_count == 1 &&
                   slice_to_u64(result->rows[0].cells[0], &id);
    attach_know_insert_id(session, is_told ? id : session->told_ids[0]);
    if (is_told && session->insert_id == id) {
        attach_send(session);
    } else {
        insert_id_restore(session);
    }
}

// What the session wrote is waited for first; then the insert id that only the session knows is
// given back.
void attach_go(struct session *session)
{
    if (session->run->route.wait_us > 0) {
        wait_begin(session);
    } else if (!attach_wants_insert_id(session)) {
        attach_send(session);
    } else if (session->ties.of[POOL_TIE_INSERT_ID].pooled == session->pooled) {
        session_enter(session, SESSION_PREPARING);
        conn_query(pooled_conn(session->pooled), S("SELECT LAST_INSERT_ID()"), insert_id_told,
                   session);
    } else {
        insert_id_restore(session);
    }
}

// Whether the statement may go out behind the session's state, in one piece: it does no harm where
// the server refuses that, and needs nothing else before it.
static bool can_follow_image(const struct session *session)
{
    const struct run *run = session->run;
    return run->command == COMMAND_QUERY && run->statement.class == STATEMENT_CLASS_READ &&
           run->route.wait_us == 0 && run->processes == NULL && !attach_wants_insert_id(session);
}

// Brings the connection to what the session wants.
static void image_apply(struct session *session)
{
    struct run *run = session->run;
    struct conn *conn = pooled_conn(session->pooled);
    session_enter(session, SESSION_PREPARING);
    run->applied = session->image;
    run->is_ahead = run->is_sent = can_follow_image(session);
    conn_apply_ahead(conn, session->image, run->is_ahead ? run_packet(run) : SLICE_NONE);
}

void attach_own(struct session *session)
{
    struct conn *conn = pooled_conn(session->pooled);
    if (conn_is_as(conn, session->image)) {
        attach_go(session);
    } else {
        image_apply(session);
    }
}

// A connection that others may have used since this session's last statement.
static void attach_granted(struct session *session, struct pooled *pooled)
{
    conn_adopt(session, pooled);
    attach_own(session);
}

static void granted(struct pool_waiter *waiter, struct pooled *pooled)
{
    struct session *session = container_of(waiter, struct session, waiter);
    session->run->connect_us += waiter->connect_us;
    attach_granted(session, pooled);
}

// Another server may be right now: decides again, unless that was done often enough.
static void attach_again(struct session *session, const struct conn_loss *loss)
{
    struct run *run = session->run;
    struct slice name = session->worker->topology->servers[run->route.server].name;
    if (loss != NULL) {
        slice_to_text(slice_text(loss->error->text), run->trouble, sizeof(run->trouble));
    }
    if (loss != NULL && loss->end == CONN_END_LOGIN) {
        answer_error(session, CONNECT_FAILED, SLICE_ARG(name), SLICE_ARG(slice_text(run->trouble)));
    } else if (++run->attempts < QUERY_ATTEMPTS_MOST) {
        query_route(session);
    } else {
        query_hold(session); // the monitor will say how things stand
    }
}

enum { ER_DATABASE_DENIED = 1044, ER_ACCESS_DENIED = 1045, ER_UNKNOWN_DATABASE = 1049 };

// What the session wants is what the server refuses; another connection would fare the same.
static bool is_own_fault(const struct conn_loss *loss)
{
    return loss->end == CONN_END_PREPARE ||
           (loss->end == CONN_END_REFUSED &&
            (loss->code == ER_DATABASE_DENIED || loss->code == ER_UNKNOWN_DATABASE));
}

// Where the primary was not asked yet.
static bool may_go_to_primary(const struct session *session)
{
    const struct topology *topology = session->worker->topology;
    return !session->run->wants_primary && topology->primary >= 0 &&
           session->run->route.server != topology->primary;
}

// The server does not let the account in any more, and every worker asks again. The session goes on
// where it has connections still, on the primary at least, or ends with what it reads now.
static void account_refused(struct session *session, const struct conn_loss *loss)
{
    struct buffer account = BUFFER_INIT;
    account_forget(session->worker, account_name(session, session->user, &account));
    buffer_release(&account);
    if (may_go_to_primary(session)) {
        session->run->wants_primary = true;
        query_route(session);
        return;
    }
    if (loss->code == ER_ACCESS_DENIED) {
        struct slice name = session->worker->topology->servers[session->run->route.server].name;
        answer_error(session, LOGIN_CHANGED, SLICE_ARG(name), SLICE_ARG(session->user));
    } else {
        answer_refusal(session, loss->refusal);
    }
    session_finish(session);
}

// Whether that is what the server says to the session's state, whoever wants it: neither to the
// account nor to the statement.
static bool is_about_state(struct session *session, const struct conn_loss *loss)
{
    static const uint16_t codes[] = {
        ER_UNKNOWN_DATABASE,
        1054, // unknown column: a word that it does not know
        1064, // syntax, of an introducer that it does not know
        1115, // unknown character set
        1193, // unknown variable
        1229, // variable that is global there
        1231, // wrong value
        1232, // wrong type
        1238, // read-only variable
        1253, // collation of another character set
        1273, // unknown collation
        1286, // unknown storage engine
        1298, // unknown time zone
    };
    struct run *run = session->run;
    struct slice schema = session->image->schema;
    bool is_own = run->applied == session->image;
    if (loss->end == CONN_END_REFUSED) { // a login, which may have named another's schema
        struct slice quoted = arena_print(&run->arena, "'%.*s'", SLICE_ARG(schema));
        is_own = slice_find_slice(loss->refusal, quoted) < loss->refusal.len;
    }
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]) && is_own; i++) {
        if (loss->code == codes[i]) {
            return true;
        }
    }
    return false;
}

// What a replica refuses the primary may have taken: a schema that is not there yet, a variable or
// value that another version of the server does not know.
void attach_refused(struct session *session, const struct conn_loss *loss)
{
    struct run *run = session->run;
    if (!may_go_to_primary(session) || run->route.target == ROUTE_BACKEND) {
        answer_refusal(session, loss->refusal); // what the client set cannot be had there
        return;
    }
    if (is_about_state(session, loss)) {
        image_note_refusal(session->image, run->route.server, loop_now_us(session->worker->loop));
    }
    run->wants_primary = true;
    query_route(session);
}

static void refused(struct pool_waiter *waiter, enum pool_refusal refusal,
                    const struct conn_loss *loss)
{
    struct session *session = container_of(waiter, struct session, waiter);
    struct run *run = session->run;
    run->connect_us += waiter->connect_us;
    if (refusal == POOL_TIMED_OUT) {
        struct slice name = session->worker->topology->servers[run->route.server].name;
        answer_error(session, QUEUE_TIMEOUT, SLICE_ARG(name),
                     (unsigned)(session->worker->config->proxy.queue_timeout_us / CLOCK_MS));
    } else if (refusal == POOL_FAILED && conn_loss_is_of_account(loss)) {
        account_refused(session, loss);
    } else if (refusal == POOL_FAILED && is_own_fault(loss)) {
        run->applied = session->image; // as the waiter wanted it
        attach_refused(session, loss);
    } else {
        attach_again(session, loss);
    }
}

static void attached_leave(struct session *session)
{
    struct pooled *pooled = session->pooled;
    session->pooled = NULL;
    session->status &= (uint16_t) ~(STATUS_IN_TRANSACTION | STATUS_IN_READ_ONLY_TRANSACTION);
    pool_give(pooled, POOL_RESET);
}

// Whether the statement may run on another server than its own: it reads, and begins nothing.
static bool is_free(const struct session *session)
{
    return session->run->statement.class <= STATEMENT_CLASS_SERVER_READ &&
           (session->status & STATUS_AUTOCOMMIT) != 0;
}

// Whether it reads nothing that another server could lack.
static bool reads_nothing(const struct statement *statement)
{
    return statement->tables_count == 0 && statement->are_tables_complete &&
           !statement->runs_program;
}

bool attach_take_tied(struct session *session, enum pool_tie_kind kind)
{
    struct pooled *tied = session->ties.of[kind].pooled;
    bool may_move = is_free(session) && reads_nothing(&session->run->statement);
    if (tied == NULL || !conn_can_become(pooled_conn(tied), session->image) ||
        (session->run->route.server != pooled_server(tied) && !may_move)) {
        return false;
    }
    struct pooled *own = pool_take_tied(&session->ties, kind);
    if (own == NULL) {
        return false;
    }
    session->run->route.server = pooled_server(own);
    session->run->route.wait_us = 0;
    conn_adopt(session, own);
    return true;
}

// A statement that asks of one of the session's last statements gets the connection that ran it,
// while nobody else has used that.
static bool take_asked(struct session *session)
{
    const struct statement *statement = &session->run->statement;
    return (statement_asks(statement, ASK_INSERT_ID) &&
            attach_take_tied(session, POOL_TIE_INSERT_ID)) ||
           (statement_asks(statement, ASK_STATUS) && attach_take_tied(session, POOL_TIE_LAST));
}

void attach_begin(struct session *session)
{
    struct worker *worker = session->worker;
    struct route *route = &session->run->route;
    if (session->pooled != NULL && pooled_server(session->pooled) == route->server) {
        attach_own(session); // a statement that could not be prepared leaves another image
        return;
    }
    if (session->pooled != NULL) {
        attached_leave(session);
    } else if (take_asked(session)) {
        attach_own(session);
        return;
    }
    int64_t waited_us = loop_now_us(worker->loop) - session->run->started_us;
    struct pool_request request = {
        .account = session->account,
        .server = route->server,
        .collation = session->collation,
        .image = session->image,
        .will_apply = true,
        .timeout_us = worker->config->proxy.queue_timeout_us - waited_us,
    };
    struct pooled *pooled = pool_take(worker->pools, &request, &session->waiter, &session->ties);
    if (pooled != NULL) {
        attach_granted(session, pooled);
        return;
    }
    session->waiter.granted = granted;
    session->waiter.refused = refused;
    session_enter(session, SESSION_WAITING);
}

// --- sending -------------------------------------------------------------------------------------

static void relaying_begin(struct session *session)
{
    session->run->sent_us = loop_now_us(session->worker->loop);
    relay_begin(session);
    session_enter(session, SESSION_RUNNING);
    conn_relay(pooled_conn(session->pooled));
}

static void answer_await(struct session *session)
{
    struct worker *worker = session->worker;
    struct run *run = session->run;
    if (command_find((uint8_t)run->command)->reply == COMMAND_REPLY_NONE) {
        outcome_end(session, &(struct outcome){.is_error = false});
    } else if (run->route.timeout_us > 0) {
        timer_set(&session->timer, worker->loop, run->route.timeout_us);
    } else {
        timer_clear(&session->timer);
    }
}

static void packet_send(struct session *session)
{
    struct conn *conn = pooled_conn(session->pooled);
    struct buffer *closing = &conn_statements(conn)->closing;
    struct slice parts[EXECUTION_PARTS_MOST];
    size_t count = execution_pack(session, parts);
    stream_send_parts(conn_stream(conn), parts, count);
    if (!buffer_is_empty(closing)) {
        buffer_release(closing);
    }
}

void attach_send(struct session *session)
{
    if (!execution_is_ready(session)) {
        return;
    }
    if (conn_is_replica(pooled_conn(session->pooled))) {
        guard_put(session);
    }
    if (statement_asks(&session->run->statement, ASK_OTHER_PLAN)) {
        other_plan_put(session);
    }
    if (session->run->kill != RUN_KILL_NONE) {
        kill_compute(session);
        return;
    }
    if (session->run->processes != NULL) {
        id_table_put(session);
    }
    relaying_begin(session);
    packet_send(session);
    session->run->is_sent = true;
    answer_await(session);
}

void attach_sent(struct session *session)
{
    relaying_begin(session);
    session->run->is_sent = true;
    answer_await(session);
}

// --- the connection's callbacks ------------------------------------------------------------------

// PREPARING is over.
static void on_ready(struct conn *conn)
{
    struct session *session = conn_holder(conn);
    bool is_ahead = session->run->is_ahead;
    session->run->is_ahead = false;
    is_ahead ? attach_sent(session) : attach_go(session);
}

static size_t on_answer(struct conn *conn, const uint8_t *bytes, size_t len)
{
    return relay_answer(conn_holder(conn), bytes, len);
}

static void on_writable(struct conn *conn)
{
    relay_server_writable(conn_holder(conn));
}

static void on_closed(struct conn *conn, const struct conn_loss *loss)
{
    query_lost(conn_holder(conn), loss);
}

const struct conn_handler session_conn_handler = {
    .on_ready = on_ready,
    .on_answer = on_answer,
    .on_writable = on_writable,
    .on_closed = on_closed,
};
