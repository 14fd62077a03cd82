// A statement on its way: read, decide where it goes, get a connection, send, and clear up behind
// its answer.
#include "proxy/session/session_priv.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"
#include "router/sql/digest.h"

#include <stdarg.h>

#include <assert.h>

enum { TEXT_MOST = 512 };

static void query_take(struct session *session);
static void query_send(struct session *session);

// --- what the session is like --------------------------------------------------------------------

bool session_is_attached(const struct session *session)
{
    return session->pooled != NULL;
}

bool session_autocommit_is_off(const struct session *session)
{
    return (session->status & STATUS_AUTOCOMMIT) == 0;
}

static bool variable_is(const struct session *session, struct slice name, struct slice a,
                        struct slice b)
{
    const struct image_variable *variable = image_variable(session->image, name);
    return variable != NULL &&
           (slice_equal_nocase(variable->value, a) || slice_equal_nocase(variable->value, b));
}

enum route_transaction session_transaction(const struct session *session)
{
    if (session->pooled == NULL) {
        return TRANSACTION_NONE;
    }
    if ((session->status & STATUS_IN_TRANSACTION) == 0) {
        return session_autocommit_is_off(session) && session->pooled != NULL
                   ? TRANSACTION_READ_WRITE
                   : TRANSACTION_NONE;
    }
    return (session->status & STATUS_IN_READ_ONLY_TRANSACTION) != 0 ? TRANSACTION_READ_ONLY
                                                                    : TRANSACTION_READ_WRITE;
}

// The address that rules match, in the form of the sockets' interface. NULL: a Unix socket.
static const struct sockaddr *client_address(const struct session *session,
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

static struct route_session facts_of(const struct session *session,
                                     struct sockaddr_storage *storage)
{
    enum pin_reason pin = effects_shown_pin(session);
    int server = session->pooled != NULL ? pooled_server(session->pooled) : -1;
    return (struct route_session){
        .user = session->user,
        .conf_user = session->conf_user,
        .schema = session->image->schema,
        .client = session->worker->setup->rules != NULL ? client_address(session, storage) : NULL,
        .listen = session->listen,
        .transaction = session_transaction(session),
        .transaction_server = server,
        .autocommit_is_off = session_autocommit_is_off(session),
        .next_is_read_only = variable_is(session, S("transaction_read_only"), S("1"), S("ON")),
        .is_serializable =
            variable_is(session, S("transaction_isolation"), S("SERIALIZABLE"), S("3")),
        .pin = session->pooled != NULL ? pin : PIN_NONE,
        .pin_server = pin != PIN_NONE ? server : -1,
    };
}

static const struct server_load *loads_of(struct worker *worker)
{
    int count = worker->topology != NULL ? worker->topology->count : 0;
    for (int i = 0; i < count; i++) {
        worker->loads[i].used = pools_used(worker->pools, i);
        worker->loads[i].latency_us = worker->latency_us[i];
    }
    return worker->loads;
}

// --- reading -------------------------------------------------------------------------------------

// The answer depends on what the session did last on its connection: that very one, as it is.
static bool asks_last_statement(const struct statement *statement)
{
    return statement_asks(statement, ASK_WARNINGS) || statement_asks(statement, ASK_FOUND_ROWS) ||
           statement_asks(statement, ASK_ROW_COUNT) || statement_asks(statement, ASK_PROFILE);
}

// The next statement does not ask about the last one: what was kept for that is free.
static void last_statement_leave(struct session *session)
{
    if (session_keeps_last_statement(session) && !asks_last_statement(&session->run->statement)) {
        session->pins = 0;
        query_let_go(session);
    }
}

// The server of an open transaction went away between two statements. A ROLLBACK is what happened
// already; anything else must not run as if the transaction were still there.
static void lost_transaction_tell(struct session *session)
{
    struct slice name = session->worker->targets[session->lost_on]->name;
    session->lost_on = -1;
    if (session->run->statement.kind == STATEMENT_ROLLBACK) {
        answer_ok(session);
    } else {
        answer_error(session, TRANSACTION_LOST, SLICE_ARG(name),
                     SLICE_ARG(S("between two statements")));
    }
}

void query_begin(struct session *session, struct slice sql)
{
    struct run *run = session->run;
    const struct worker *worker = session->worker;
    struct statement_context context = {
        .syntax = session->syntax,
        .schema = session->image->schema,
        .catalogue = worker->catalogue,
        .pure_functions = worker->config->routing.pure_functions,
        .pure_functions_count = worker->config->routing.pure_functions_count,
    };
    run->sql = sql;
    statement_parse(&run->statement, &run->arena, sql, &context);
    last_statement_leave(session);
    if (session->lost_on >= 0) {
        lost_transaction_tell(session);
        return;
    }
    if (statement_has(&run->statement, EFFECT_LOCAL_FILE) &&
        (session->capabilities & CAPABILITY_LOCAL_FILES) == 0) {
        answer_error(session, LOCAL_INFILE_REFUSED);
        return;
    }
    query_route(session);
}

void query_begin_command(struct session *session, const struct statement *statement)
{
    session->run->sql = SLICE_NONE;
    session->run->statement = *statement;
    last_statement_leave(session);
    query_route(session);
}

void query_begin_attached(struct session *session)
{
    struct run *run = session->run;
    run->sql = SLICE_NONE;
    run->statement = (struct statement){.kind = STATEMENT_EXECUTE,
                                        .class = STATEMENT_CLASS_CONNECTION,
                                        .reason = ROUTE_REASON_PREPARED,
                                        .count = 1};
    run->route = (struct route){
        .target = conn_is_replica(pooled_conn(session->pooled)) ? ROUTE_REPLICA : ROUTE_PRIMARY,
        .server = pooled_server(session->pooled),
        .reason = ROUTE_REASON_PREPARED,
        .timeout_us = session->worker->config->proxy.query_timeout_us,
    };
    query_send(session);
}

// --- deciding ------------------------------------------------------------------------------------

enum { DIGEST_MOST = 16 * 1024 }; // bytes that rules see

// The text of the statement's digest, in the run's memory.
static struct slice digest_of(struct session *session)
{
    struct run *run = session->run;
    char *text = arena_alloc(&run->arena, DIGEST_MOST);
    size_t len = 0;
    sql_digest_text(run->sql, &session->syntax, text, DIGEST_MOST, &len);
    return slice_make(text, len);
}

static void route_decide(struct session *session)
{
    struct worker *worker = session->worker;
    struct sockaddr_storage storage;
    struct route_session facts = facts_of(session, &storage);
    const struct rules *rules = worker->setup->rules;
    struct decide_input input = {
        .config = worker->config,
        .statement = &session->run->statement,
        .session = &facts,
        .rules = rules,
        .text = session->run->sql,
        .digest = rules_want_digest(rules) ? digest_of(session) : SLICE_NONE,
        .scratch = worker->scratch,
        .topology = worker->topology,
        .loads = loads_of(worker),
        .balancer = &worker->balancer,
    };
    decide_route(&session->run->route, &input);
}

// A statement is prepared where it will run: on the connection that the session has from then on,
// to the primary.
static bool prepare_adjust(struct session *session)
{
    struct route *route = &session->run->route;
    if (route->target == ROUTE_BLOCKED) {
        return true;
    }
    if (session->pooled != NULL && conn_is_replica(pooled_conn(session->pooled))) {
        answer_error(session, NOT_BUILT,
                     SLICE_ARG(S("a prepared statement inside a READ ONLY transaction")));
        return false;
    }
    int primary = session->worker->topology->primary;
    route->target = ROUTE_PRIMARY;
    route->server = session->pooled != NULL ? pooled_server(session->pooled) : primary;
    route->must_wait = route->server < 0;
    route->reason = ROUTE_REASON_PREPARED;
    return true;
}

static void blocked_answer(struct session *session)
{
    const struct route *route = &session->run->route;
    if (route->reason == ROUTE_REASON_USER_READ_ONLY) {
        struct slice why = route_reason_name(session->run->statement.reason);
        answer_error(session, READ_ONLY_USER, SLICE_ARG(session->user), SLICE_ARG(why));
    } else if (route->rule != NULL && route->reason == ROUTE_REASON_RULE_BLOCKED) {
        answer_error(session, BLOCKED_BY_RULE, SLICE_ARG(route->rule->conf->name),
                     SLICE_ARG(route->message));
    } else if (route->reason == ROUTE_REASON_READ_ONLY_TRANSACTION) {
        answer_error(session, READ_ONLY_TRANSACTION);
    } else {
        struct slice name = conn_target(pooled_conn(session->pooled))->name;
        answer_error(session, SERVER_NOT_USABLE, SLICE_ARG(name),
                     SLICE_ARG(S("not the primary any more")));
    }
}

// No server may run it now: it waits for the monitor's next word, up to queue_timeout since it
// came.
static void query_hold(struct session *session)
{
    struct worker *worker = session->worker;
    int64_t left_us = session->run->started_us + worker->config->proxy.queue_timeout_us -
                      loop_now_us(worker->loop);
    if (!list_is_linked(&session->holding)) {
        list_push_back(&worker->holding, &session->holding);
    }
    session_enter(session, SESSION_HOLDING);
    timer_set(&session->timer, worker->loop, left_us);
}

static void log_rule(struct session *session)
{
    const struct route *route = &session->run->route;
    log_info(&session->source, "rule.log", kv_slice("rule", route->rule->conf->name),
             kv_str("target", route_target_name(route->target)),
             kv_slice("query", slice_first(session->run->sql, 1000)));
}

// SHOW WARNINGS behind a statement whose hints sluice did not understand: the server knows nothing
// of it.
static bool answers_warnings(const struct session *session)
{
    const struct run *run = session->run;
    return session->hint_warning != NULL && run->command == COMMAND_QUERY &&
           run->statement.kind == STATEMENT_SHOW && statement_asks(&run->statement, ASK_WARNINGS);
}

static void route_count(struct session *session)
{
    struct worker *worker = session->worker;
    const struct route *route = &session->run->route;
    metric_add(worker->metrics, METRIC_ROUTE_REASONS, 1, route->reason);
    worker->routes[route->reason][route->target]++;
    if (route->rule != NULL) {
        struct rule_hits *hits = &worker->rule_hits[route->rule->index];
        hits->count++;
        hits->last_us = clock_wall_us();
    }
}

void query_route(struct session *session)
{
    struct run *run = session->run;
    struct route *route = &run->route;

    list_remove(&session->holding);
    timer_clear(&session->timer);
    bool is_held = session->worker->is_paused && session->pooled == NULL;
    if (session->worker->topology == NULL || is_held) {
        *route = (struct route){.server = -1, .must_wait = true, .reason = ROUTE_REASON_NO_SERVER};
        query_hold(session);
        return;
    }
    route_decide(session);
    if (run->command == COMMAND_STMT_PREPARE && !prepare_adjust(session)) {
        return;
    }
    bool is_blocked = route->target == ROUTE_BLOCKED;
    bool is_ours = route->target == ROUTE_PROXY || answers_warnings(session);
    if (!is_blocked && !is_ours && (route->must_wait || route->server < 0)) {
        query_hold(session); // it is decided anew, and counts when it goes
        return;
    }
    if (route->log && route->rule != NULL) {
        log_rule(session);
    }
    route_count(session);
    if (is_blocked) {
        blocked_answer(session);
    } else if (is_ours) {
        answer_statement(session);
    } else {
        query_take(session);
    }
}

// --- getting a connection ------------------------------------------------------------------------

static void conn_adopt(struct session *session, struct pooled *pooled)
{
    session->pooled = pooled;
    conn_hold(pooled_conn(pooled), &session_conn_handler, session);
}

// The statement asks for the insert id, and the session's connection has somebody else's or none.
static bool wants_insert_id(const struct session *session)
{
    return statement_asks(&session->run->statement, ASK_INSERT_ID) &&
           session->ties.of[POOL_TIE_INSERT_ID].pooled != session->pooled;
}

// No warning of another session's stands there any more.
static void traces_covered(struct conn *conn, const struct conn_result *result, void *context)
{
    (void)conn;
    (void)result;
    query_send(context);
}

static void insert_id_restored(struct conn *conn, const struct conn_result *result, void *context)
{
    struct session *session = context;
    (void)conn;
    (void)result;
    pool_tie_bind(&session->ties, POOL_TIE_INSERT_ID, session->pooled);
    query_send(session);
}

// The session has its connection: what only the session knows is given back to it first.
static void query_go(struct session *session)
{
    char sql[64];
    if (session->run->is_foreign) {
        session->run->is_foreign = false;
        session_enter(session, SESSION_PREPARING);
        conn_query(pooled_conn(session->pooled), S("DO 0"), traces_covered, session);
        return;
    }
    if (!wants_insert_id(session)) {
        query_send(session);
        return;
    }
    int len = snprintf(sql, sizeof(sql), "SET last_insert_id=%llu",
                       (unsigned long long)session->insert_id);
    session_enter(session, SESSION_PREPARING);
    conn_query(pooled_conn(session->pooled), slice_make(sql, (size_t)len), insert_id_restored,
               session);
}

// The connection is as the image wants it. What only the session knows is given back to it first.
static void query_granted(struct session *session, struct pooled *pooled)
{
    conn_adopt(session, pooled);
    query_go(session);
}

static void granted(struct pool_waiter *waiter, struct pooled *pooled)
{
    query_granted(container_of(waiter, struct session, waiter), pooled);
}

// Another server may be right now: decides again, unless that was done often enough.
static void query_again(struct session *session, const struct conn_loss *loss)
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

static void refused(struct pool_waiter *waiter, enum pool_refusal refusal,
                    const struct conn_loss *loss)
{
    struct session *session = container_of(waiter, struct session, waiter);
    struct run *run = session->run;
    if (refusal == POOL_TIMED_OUT) {
        struct slice name = session->worker->topology->servers[run->route.server].name;
        answer_error(session, QUEUE_TIMEOUT, SLICE_ARG(name),
                     (unsigned)(session->worker->config->proxy.queue_timeout_us / CLOCK_MS));
    } else if (refusal == POOL_FAILED && loss->end == CONN_END_REFUSED &&
               loss->code == ER_ACCESS_DENIED) {
        struct slice name = session->worker->topology->servers[run->route.server].name;
        account_forget(session->worker, session->user);
        answer_error(session, LOGIN_CHANGED, SLICE_ARG(name), SLICE_ARG(session->user));
        session_finish(session);
    } else if (refusal == POOL_FAILED && is_own_fault(loss)) {
        answer_payload(
            session,
            loss->refusal); // what the client set cannot be had there: the server's own words
    } else {
        query_again(session, loss);
    }
}

static bool wants_own_connection(const struct statement *statement)
{
    return asks_last_statement(statement) || statement_asks(statement, ASK_INSERT_ID);
}

// What the last statement left is with a connection that has served others since. That it left no
// warnings is known (and a profile is only with a connection that is kept); its counts are not, and
// a stranger's would be wrong ones.
static bool is_forgotten(const struct session *session)
{
    const struct statement *statement = &session->run->statement;
    bool asks_counts =
        statement_asks(statement, ASK_FOUND_ROWS) || statement_asks(statement, ASK_ROW_COUNT);
    bool asks_warnings = statement_asks(statement, ASK_WARNINGS) && session->had_warnings;
    return session->has_traces && (asks_counts || asks_warnings);
}

static void attached_leave(struct session *session)
{
    struct pooled *pooled = session->pooled;
    session->pooled = NULL;
    session->status &= (uint16_t) ~(STATUS_IN_TRANSACTION | STATUS_IN_READ_ONLY_TRANSACTION);
    pool_give(pooled, POOL_RESET);
}

static bool take_own(struct session *session)
{
    const struct statement *statement = &session->run->statement;
    enum pool_tie_kind kind =
        statement_asks(statement, ASK_INSERT_ID) ? POOL_TIE_INSERT_ID : POOL_TIE_LAST;
    struct pooled *tied = session->ties.of[kind].pooled;
    if (tied == NULL || !conn_can_become(pooled_conn(tied), session->image)) {
        return false;
    }
    struct pooled *own = pool_take_tied(&session->ties, kind);
    if (own == NULL) {
        return false;
    }
    session->run->route.server = pooled_server(own);
    conn_adopt(session, own);
    if (conn_is_as(pooled_conn(own), session->image)) {
        query_send(session);
    } else {
        session_enter(session, SESSION_PREPARING);
        conn_apply(pooled_conn(own), session->image);
    }
    return true;
}

static void query_take(struct session *session)
{
    struct worker *worker = session->worker;
    struct route *route = &session->run->route;
    if (session->pooled != NULL && pooled_server(session->pooled) == route->server) {
        query_go(session);
        return;
    }
    if (session->pooled != NULL) {
        attached_leave(session);
    } else if (wants_own_connection(&session->run->statement)) {
        if (take_own(session)) {
            return;
        }
        if (is_forgotten(session)) {
            answer_error(
                session, NOT_BUILT,
                SLICE_ARG(S("asking about the last statement after its connection served another "
                            "session")));
            return;
        }
        session->run->is_foreign = asks_last_statement(&session->run->statement);
    }
    int64_t waited_us = loop_now_us(worker->loop) - session->run->started_us;
    struct pool_request request = {
        .account = session->account,
        .server = route->server,
        .collation = session->collation,
        .image = session->image,
        .timeout_us = worker->config->proxy.queue_timeout_us - waited_us,
    };
    struct pooled *pooled = pool_take(worker->pools, &request, &session->waiter, &session->ties);
    if (pooled != NULL) {
        query_granted(session, pooled);
        return;
    }
    session->waiter.granted = granted;
    session->waiter.refused = refused;
    session_enter(session, SESSION_WAITING);
}

// --- sending -------------------------------------------------------------------------------------

static void packet_send(struct session *session)
{
    struct run *run = session->run;
    struct conn *conn = pooled_conn(session->pooled);
    conn_relay(conn);
    stream_send(conn_stream(conn), buffer_ptr(&run->packet), buffer_len(&run->packet));
}

static void query_send(struct session *session)
{
    struct worker *worker = session->worker;
    struct run *run = session->run;
    bool has_reply = command_find((uint8_t)run->command)->reply != COMMAND_REPLY_NONE;

    run->sent_us = loop_now_us(worker->loop);
    relay_begin(session, run->command);
    session_enter(session, SESSION_RUNNING);
    packet_send(session);
    if (!has_reply) {
        query_end(session, false, 0, false);
    } else if (run->route.timeout_us > 0) {
        timer_set(&session->timer, worker->loop, run->route.timeout_us);
    } else {
        timer_clear(&session->timer);
    }
}

// --- behind the answer ---------------------------------------------------------------------------

static enum metric_target target_metric(enum route_target target)
{
    return (enum metric_target)target; // the same words in the same order
}

_Static_assert((int)ROUTE_PRIMARY == (int)METRIC_TARGET_PRIMARY, "the words of target");
_Static_assert((int)ROUTE_REPLICA == (int)METRIC_TARGET_REPLICA, "the words of target");
_Static_assert((int)ROUTE_BACKEND == (int)METRIC_TARGET_BACKEND, "the words of target");
_Static_assert((int)ROUTE_CACHE == (int)METRIC_TARGET_CACHE, "the words of target");
_Static_assert((int)ROUTE_PROXY == (int)METRIC_TARGET_PROXY, "the words of target");
_Static_assert((int)ROUTE_BLOCKED == (int)METRIC_TARGET_BLOCKED, "the words of target");

static void latency_note(struct worker *worker, int server, int64_t took_us)
{
    uint32_t *latency = &worker->latency_us[server];
    uint32_t sample = took_us < 1                ? 1
                      : took_us > UINT32_MAX / 8 ? UINT32_MAX / 8
                                                 : (uint32_t)took_us;
    *latency = *latency == 0 ? sample : *latency - *latency / 8 + sample / 8;
}

static void slow_log(struct session *session, int64_t took_us)
{
    const struct run *run = session->run;
    log_warn(&session->source, "query.slow", kv_us("took", took_us),
             kv_str("target", route_target_name(run->route.target)),
             kv_slice("backend", conn_target(pooled_conn(session->pooled))->name),
             kv_slice("query", slice_first(run->sql, 1000)));
}

static void query_count(struct session *session, enum metric_result result)
{
    struct worker *worker = session->worker;
    const struct run *run = session->run;
    int server = pooled_server(session->pooled);
    enum metric_target target = target_metric(run->route.target);
    int64_t now_us = loop_now_us(worker->loop);
    int64_t total_us = now_us - run->started_us;

    metric_add(worker->metrics, METRIC_QUERIES, 1, target, metric_backend(server), result);
    metric_record(worker->metrics, METRIC_QUERY_DURATION, total_us, target, METRIC_PHASE_TOTAL);
    metric_record(worker->metrics, METRIC_QUERY_DURATION, run->sent_us - run->started_us, target,
                  METRIC_PHASE_QUEUE);
    if (run->answered_us != 0) {
        metric_record(worker->metrics, METRIC_QUERY_DURATION, run->answered_us - run->sent_us,
                      target, METRIC_PHASE_SERVER);
        latency_note(worker, server, run->answered_us - run->sent_us);
    }
    int64_t slow_us = worker->config->log.slow_query_us;
    if (slow_us > 0 && total_us >= slow_us) {
        slow_log(session, total_us);
    }
}

static void status_note(struct session *session, uint16_t status)
{
    bool was_open = (session->status & STATUS_IN_TRANSACTION) != 0;
    bool is_open = (status & STATUS_IN_TRANSACTION) != 0;
    if (is_open && !was_open) {
        session->transaction_us = session->run->started_us;
    }
    session->status =
        status & (STATUS_IN_TRANSACTION | STATUS_AUTOCOMMIT | STATUS_NO_BACKSLASH_ESCAPES |
                  STATUS_IN_READ_ONLY_TRANSACTION | STATUS_ANSI_QUOTES);
    session->syntax.no_backslash_escapes = (status & STATUS_NO_BACKSLASH_ESCAPES) != 0;
    if (was_open && !is_open) {
        session->pins &= ~PIN_BIT(PIN_NEXT_TRANSACTION);
    }
}

// With autocommit off a connection is free again only where a statement has just ended the
// transaction.
static bool ends_work(const struct statement *statement)
{
    return statement->kind == STATEMENT_COMMIT || statement->kind == STATEMENT_ROLLBACK ||
           statement->kind == STATEMENT_SET || statement->kind == STATEMENT_USE;
}

static bool must_keep(const struct session *session)
{
    if ((session->status & STATUS_IN_TRANSACTION) != 0 || session->pins != 0 ||
        !session->worker->config->routing.multiplexing) {
        return true;
    }
    return session_autocommit_is_off(session) && !ends_work(&session->run->statement);
}

static void conn_release(struct session *session)
{
    struct pooled *pooled = session->pooled;
    session->pooled = NULL;
    pool_give(pooled, POOL_KEEP);
}

// Printed on the heap, for mem_free().
__attribute__((format(printf, 1, 2))) static char *text_print(const char *format, ...)
{
    char text[TEXT_MOST];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return mem_text(text, strlen(text));
}

// What SHOW WARNINGS is to say of the statement's hints.
static void hints_note(struct session *session)
{
    const struct run *run = session->run;
    const struct hints *hints = &run->statement.hints;
    if (run->command != COMMAND_QUERY || statement_asks(&run->statement, ASK_WARNINGS)) {
        return;
    }
    mem_free(session->hint_warning);
    session->hint_warning = NULL;
    if (hints->unknown_count > 0) {
        session->hint_warning = text_print("sluice: unknown hint: %.*s", SLICE_ARG(hints->unknown));
    } else if (run->route.unknown_backend.len > 0) {
        session->hint_warning = text_print("sluice: hint names an unknown backend: %.*s",
                                           SLICE_ARG(run->route.unknown_backend));
    }
}

// The beginning of the statement, for the view `sessions`.
static void query_remember(struct session *session)
{
    if (session->run->sql.len > 0) {
        session->last_query_len = (uint8_t)slice_first(session->run->sql, LAST_QUERY_SIZE).len;
        memcpy(session->last_query, session->run->sql.ptr, session->last_query_len);
    }
}

enum { ER_QUERY_INTERRUPTED = 1317 };

// Whether the connection may still do something to the next statement: an order to end the last one
// is on its way (that one did not end by it), or bytes came behind the answer.
static bool is_tainted(struct session *session)
{
    const struct run *run = session->run;
    bool is_ordered = run->is_timed_out || session->is_killed;
    session->is_killed = false;
    return run->has_leftover || (is_ordered && run->reply.error != ER_QUERY_INTERRUPTED);
}

// Closes the connection; the session too where the connection held something of it. Returns whether
// the session goes on.
static bool taint_close(struct session *session)
{
    session->pins &= ~PIN_BIT(PIN_LAST_STATEMENT);
    bool is_lost = must_keep(session);
    struct pooled *pooled = session->pooled;
    session->pooled = NULL;
    pool_give(pooled, POOL_CLOSE);
    if (is_lost) {
        command_end(session);
        session_finish(session);
    }
    return !is_lost;
}

void query_end(struct session *session, bool has_status, uint16_t status, bool is_error)
{
    struct conn *conn = pooled_conn(session->pooled);

    conn_settle(conn);
    query_remember(session);
    if (has_status || status != 0) { // of several results, one that ended well before an ERR
        status_note(session, status);
    }
    effects_end(session, is_error);
    if (conn_image(conn) != session->image) {
        conn_became(conn, image_ref(session->image));
    }
    query_count(session, is_error ? METRIC_RESULT_ERROR : METRIC_RESULT_OK);
    if (is_error) {
        metric_add(session->worker->metrics, METRIC_BACKEND_ERRORS, 1,
                   metric_backend(pooled_server(session->pooled)));
    }
    hints_note(session);
    if (is_tainted(session)) {
        if (!taint_close(session)) {
            return;
        }
    } else if (!must_keep(session)) {
        conn_release(session);
    }
    command_end(session);
    session_idle(session);
}

// --- time limits ---------------------------------------------------------------------------------

static void hold_timed_out(struct session *session)
{
    const struct topology *topology = session->worker->topology;
    unsigned waited_ms =
        (unsigned)((loop_now_us(session->worker->loop) - session->run->started_us) / CLOCK_MS);
    struct slice why = slice_text(session->run->trouble);
    if (topology != NULL && topology->no_primary.len > 0) {
        why = topology->no_primary;
    } else if (why.len == 0) {
        why = topology == NULL ? S("no server has been probed yet") : S("none is up");
    }
    list_remove(&session->holding);
    if (session->run->statement.class == STATEMENT_CLASS_READ) {
        answer_error(session, NO_SERVER, waited_ms, SLICE_ARG(why));
    } else {
        answer_error(session, NO_PRIMARY, waited_ms, SLICE_ARG(why));
    }
}

void query_timed_out(struct session *session)
{
    struct run *run = session->run;
    if (session->state == SESSION_HOLDING) {
        hold_timed_out(session);
    } else if (session->state == SESSION_RUNNING && !run->is_timed_out) {
        run->is_timed_out = true;
        kill_statement(session);
    }
}

// --- the connection's callbacks ------------------------------------------------------------------

static void on_ready(struct conn *conn)
{
    query_go(conn_holder(conn)); // PREPARING is over
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
