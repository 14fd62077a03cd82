// Behind an answer: what it was is counted and remembered, and the connection is kept, given back
// or closed.
#include "proxy/session/session_priv.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"

#include <stdarg.h>

enum { TEXT_MOST = 512 };

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

void outcome_log_slow(struct session *session, int64_t now_us)
{
    const struct run *run = session->run;
    int64_t slow_us = session->worker->config->log.slow_query_us;
    int64_t took_us = now_us - run->started_us;
    char room[SHOWN_ROOM];
    if (slow_us == 0 || took_us < slow_us || run->sql.len == 0) {
        return;
    }
    struct slice backend =
        session->pooled != NULL ? conn_target(pooled_conn(session->pooled))->name : SLICE_NONE;
    log_warn(&session->source, "query.slow", kv_us("took", took_us),
             kv_str("target", route_target_name(run->route.target)), kv_slice("backend", backend),
             kv_slice("query", shown_text(session, SHOWN_ROOM, room)));
}

static void query_count(struct session *session, enum metric_result result)
{
    struct worker *worker = session->worker;
    const struct run *run = session->run;
    int server = pooled_server(session->pooled);
    enum metric_target target = target_metric(run->route.target);
    int64_t now_us = loop_now_us(worker->loop);

    metric_add(worker->metrics, METRIC_QUERIES, 1, target, metric_backend(server), result);
    phases_count(session, target, now_us);
    if (run->answered_us != 0 && result != METRIC_RESULT_ABORTED) {
        latency_note(worker, server, run->answered_us - run->sent_us);
    }
    digests_count(session, target, result != METRIC_RESULT_OK, now_us);
    outcome_log_slow(session, now_us);
}

void outcome_abort(struct session *session)
{
    const struct run *run = session->run;
    bool is_counted = run == NULL || session->state == SESSION_SETTLING;
    if (is_counted) {
        return;
    }
    if (session->pooled != NULL && run->is_sent) {
        query_count(session, METRIC_RESULT_ABORTED);
    } else {
        answer_count(session, METRIC_RESULT_ABORTED);
    }
}

// What the flags say of the syntax is the statement's own, not the session's.
static bool has_own_mode(const struct statement *statement)
{
    return statement->has_optimizer_hints || effects_is_for_statement(statement, S("sql_mode"));
}

void outcome_status_note(struct session *session, uint16_t status)
{
    session->is_transaction_unsure = false;
    const uint16_t of_mode = STATUS_NO_BACKSLASH_ESCAPES | STATUS_ANSI_QUOTES;
    if (has_own_mode(&session->run->statement)) {
        status = (uint16_t)((status & ~of_mode) | (session->status & of_mode));
    }
    bool was_open = (session->status & STATUS_IN_TRANSACTION) != 0;
    bool is_open = (status & STATUS_IN_TRANSACTION) != 0;
    bool was_autocommit = !session_autocommit_is_off(session);
    if (is_open && !was_open) {
        session->transaction_us = session->run->started_us;
        metric_add(session->worker->metrics, METRIC_PINS, 1, PIN_TRANSACTION);
    }
    if (was_autocommit && (status & STATUS_AUTOCOMMIT) == 0) {
        metric_add(session->worker->metrics, METRIC_PINS, 1, PIN_AUTOCOMMIT_OFF);
    }
    session->status =
        status & (STATUS_IN_TRANSACTION | STATUS_AUTOCOMMIT | STATUS_NO_BACKSLASH_ESCAPES |
                  STATUS_IN_READ_ONLY_TRANSACTION | STATUS_ANSI_QUOTES);
    session->syntax.no_backslash_escapes = (status & STATUS_NO_BACKSLASH_ESCAPES) != 0;
    if (was_open && !is_open) {
        session->pins &= ~PIN_BIT(PIN_NEXT_TRANSACTION);
    }
}

// Whether the statement has just ended the transaction: of SET, one of autocommit.
static bool ends_transaction(const struct statement *statement)
{
    return statement->kind == STATEMENT_COMMIT || statement->kind == STATEMENT_ROLLBACK ||
           (statement->kind == STATEMENT_SET && statement_has(statement, EFFECT_IMPLICIT_COMMIT));
}

static bool is_without_tables(const struct statement *statement)
{
    return statement->tables_count == 0 && statement->are_tables_complete &&
           !statement->runs_program;
}

// With autocommit off a connection is free again only where a statement has just ended the
// transaction, or was the first on it and did nothing that begins one. On a replica, where only
// READ ONLY transactions begin, what the server's word that there is none does not cover is reset.
static bool ends_work(const struct session *session)
{
    const struct run *run = session->run;
    const struct statement *statement = &run->statement;
    bool sets = statement->kind == STATEMENT_SET || statement->kind == STATEMENT_USE ||
                statement->kind == STATEMENT_SET_TRANSACTION;
    return conn_is_replica(pooled_conn(session->pooled)) || ends_transaction(statement) ||
           (sets && !run->had_connection && is_without_tables(statement));
}

// With autocommit off a read leaves locks on the definitions of its tables, and an error may leave
// a snapshot, though no transaction shows.
static bool leaves_traces(const struct session *session)
{
    const struct run *run = session->run;
    bool is_clean = run->reply.error == 0 && run->statement.count <= 1 &&
                    (ends_transaction(&run->statement) || is_without_tables(&run->statement));
    return session_autocommit_is_off(session) && !is_clean &&
           conn_is_replica(pooled_conn(session->pooled));
}

// Whether nothing but pins may keep the connection.
static bool can_settle(const struct session *session)
{
    return (session->status & STATUS_IN_TRANSACTION) == 0 &&
           session->worker->config->routing.multiplexing &&
           (!session_autocommit_is_off(session) || ends_work(session));
}

static bool must_keep(const struct session *session)
{
    return session->pins != 0 || !can_settle(session);
}

static void conn_release(struct session *session)
{
    struct pooled *pooled = session->pooled;
    bool wants_reset = held_wants_reset(session->held) || leaves_traces(session);
    session->pooled = NULL;
    held_clear(&session->held, HELD_TRACKING);
    held_clear(&session->held, HELD_TRACES);
    pool_give(pooled, wants_reset ? POOL_RESET : POOL_KEEP);
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
    if (statement_asks(&run->statement, ASK_WARNINGS)) {
        return;
    }
    mem_free(session->hint_warning);
    session->hint_warning = NULL;
    if (run->command != COMMAND_QUERY) {
        return;
    }
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
    char room[SHOWN_ROOM];
    if (session->run->sql.len > 0) {
        struct slice shown = shown_text(session, LAST_QUERY_SIZE, room);
        session->last_query_len = (uint8_t)shown.len;
        memcpy(session->last_query, shown.ptr, shown.len);
    }
}

// The server closes the connection behind it, or may: it is going, or could not read the packet.
static bool is_farewell(uint16_t code)
{
    enum { SHUTDOWN = 1053, SHUTDOWN_NORMAL = 1077, CONNECTION_KILLED = 1927 };
    enum { SESSION_KILLED = 3169, IDLE_TOO_LONG = 4031 };
    enum { PACKET_TOO_LARGE = 1153, PACKETS_OUT_OF_ORDER = 1156, WRITE_INTERRUPTED = 1161 };
    return code == SHUTDOWN || code == SHUTDOWN_NORMAL || code == CONNECTION_KILLED ||
           code == SESSION_KILLED || code == IDLE_TOO_LONG || code == PACKET_TOO_LARGE ||
           (code >= PACKETS_OUT_OF_ORDER && code <= WRITE_INTERRUPTED);
}

// An order to end the statement is out, and that one did not end by it: the next one may.
static bool may_be_hit(const struct run *run)
{
    return run->is_order_out && run->reply.error != ER_QUERY_INTERRUPTED;
}

// Whether the connection may still do something to the next statement, or is about to go.
static bool is_tainted(const struct run *run, const struct outcome *outcome)
{
    return outcome->has_leftover || may_be_hit(run) || is_farewell(run->reply.error);
}

void outcome_end_session(struct session *session)
{
    struct pooled *pooled = session->pooled;
    session->pooled = NULL;
    pool_give(pooled, POOL_CLOSE);
    command_end(session);
    session_finish(session);
}

// Closes the connection; the session too where the connection held something of it. Returns whether
// the session goes on.
static bool taint_close(struct session *session)
{
    if (must_keep(session)) {
        outcome_end_session(session);
        return false;
    }
    struct pooled *pooled = session->pooled;
    session->pooled = NULL;
    pool_give(pooled, POOL_CLOSE);
    return true;
}

// The server has closed the connection behind its OK, and a client of its own would have lost it.
static bool ends_session(const struct session *session, const struct outcome *outcome)
{
    const struct statement *statement = &session->run->statement;
    const uint64_t ends = EFFECT_BIT(EFFECT_RELEASE) | EFFECT_BIT(EFFECT_END);
    if (outcome->is_error || (statement->effects & ends) == 0) {
        return false;
    }
    const struct image_variable *completion = image_variable(session->image, S("completion_type"));
    bool is_usual = completion != NULL && (slice_equal(completion->value, S("2")) ||
                                           slice_equal_nocase(completion->value, S("release")));
    const uint64_t others = EFFECT_BIT(EFFECT_NO_RELEASE) | EFFECT_BIT(EFFECT_XA);
    return statement_has(statement, EFFECT_RELEASE) ||
           (is_usual && statement->count == 1 && (statement->effects & others) == 0);
}

void outcome_release(struct session *session)
{
    if (!must_keep(session)) {
        conn_release(session);
    }
}

void outcome_settled(struct session *session)
{
    if (session->pooled != NULL) {
        outcome_release(session);
    }
    command_end(session);
    session_idle(session);
}

// Whether the server may have ended the transaction though the statement failed: it commits what is
// open before it runs, or the server rolled back all of it.
static bool may_have_ended(struct session *session)
{
    enum { LOCK_WAIT_TIMEOUT = 1205, LOCK_DEADLOCK = 1213 };
    const uint64_t ends = EFFECT_BIT(EFFECT_BEGIN) | EFFECT_BIT(EFFECT_END) |
                          EFFECT_BIT(EFFECT_IMPLICIT_COMMIT) | EFFECT_BIT(EFFECT_UNKNOWN);
    const struct run *run = session->run;
    return run->reply.error == LOCK_WAIT_TIMEOUT || run->reply.error == LOCK_DEADLOCK ||
           (run->statement.effects & ends) != 0 || effects_may_have_turned(session);
}

void outcome_end(struct session *session, const struct outcome *outcome)
{
    struct conn *conn = pooled_conn(session->pooled);
    bool was_in_transaction = (session->status & STATUS_IN_TRANSACTION) != 0;

    conn_settle(conn);
    query_remember(session);
    if (outcome->has_status || outcome->status != 0) { // of several results, one that ended well
        outcome_status_note(session, outcome->status); // before an ERR
    }
    if (outcome->is_error) { // an ERR says nothing of it
        session->run->is_status_unknown = effects_may_have_turned(session);
        session->is_transaction_unsure |= was_in_transaction && may_have_ended(session);
    }
    if (session->run->text != NULL) {
        execution_end(session, outcome->is_error);
    }
    written_end(session, outcome->is_error, was_in_transaction);
    effects_end(session, outcome->is_error);
    bool was_run = session->run->refusal.len == 0; // else the connection is as it was prepared for
    if (was_run && conn_image(conn) != session->image) {
        conn_became(conn, image_ref(session->image));
    }
    query_count(session, outcome->is_error ? METRIC_RESULT_ERROR : METRIC_RESULT_OK);
    if (outcome->is_error) {
        metric_add(session->worker->metrics, METRIC_BACKEND_ERRORS, 1,
                   metric_backend(pooled_server(session->pooled)));
    }
    hints_note(session);
    if (ends_session(session, outcome)) {
        outcome_end_session(session);
        return;
    }
    bool is_hit_alone = may_be_hit(session->run) && !outcome->has_leftover &&
                        !is_farewell(session->run->reply.error);
    if (is_hit_alone && must_keep(session)) {
        kill_await(session);
        return;
    }
    if (is_tainted(session->run, outcome)) {
        if (!taint_close(session)) {
            return;
        }
    } else if (can_settle(session) && settle_begin(session)) {
        return;
    }
    outcome_settled(session);
}

void outcome_absorbed(struct session *session)
{
    if (!can_settle(session) || !settle_begin(session)) {
        outcome_settled(session);
    }
}
