// The connection went away, or is let go of: what the client is told, what may run again, and what
// is given back.
#include "proxy/session/session_priv.h"

// --- losing the connection -----------------------------------------------------------------------

static bool is_harmless(const struct run *run)
{
    return run->statement.class == STATEMENT_CLASS_READ ||
           run->statement.class == STATEMENT_CLASS_SERVER_READ ||
           run->command == COMMAND_STMT_PREPARE;
}

// Whether the statement may have committed the transaction in which it was sent.
static bool may_have_committed(const struct run *run)
{
    const struct statement *statement = &run->statement;
    const uint64_t commits = EFFECT_BIT(EFFECT_END) | EFFECT_BIT(EFFECT_BEGIN) |
                             EFFECT_BIT(EFFECT_IMPLICIT_COMMIT) | EFFECT_BIT(EFFECT_UNKNOWN);
    bool only_rolls_back = statement->kind == STATEMENT_ROLLBACK && statement->count == 1;
    bool runs = run->command == COMMAND_QUERY || execution_is_meant(run);
    return run->is_sent && runs && !only_rolls_back &&
           ((statement->effects & commits) != 0 || statement->kind == STATEMENT_CALL);
}

// The client has a packet up to its middle.
static bool is_cut(const struct run *run)
{
    return run->is_forwarded && !reply_is_at_boundary(&run->reply);
}

// The errors of a connection lost under a command. Returns whether the session can go on.
static bool loss_answer(struct session *session, const struct conn_loss *loss, bool had_transaction,
                        bool had_pins)
{
    struct run *run = session->run;
    struct slice name = session->worker->topology->servers[run->route.server].name;
    struct slice text = slice_text(loss->error->text);

    if (is_cut(run)) {
        return false; // nothing of ours can be said
    }
    if (run->is_forwarded && !had_transaction && is_harmless(run)) {
        answer_error(session, SERVER_LOST_IN_RESULT, SLICE_ARG(name), SLICE_ARG(text));
    } else if (loss->end == CONN_END_PROTOCOL) {
        answer_error(session, SERVER_ANSWER_BAD, SLICE_ARG(name), SLICE_ARG(text));
        return !had_transaction && !had_pins;
    } else if (had_transaction && may_have_committed(run)) {
        answer_error(session, COMMIT_UNKNOWN, SLICE_ARG(name), SLICE_ARG(text));
        return false;
    } else if (had_transaction && session->is_transaction_unsure) {
        answer_error(session, TRANSACTION_UNKNOWN, SLICE_ARG(name), SLICE_ARG(text));
        return false;
    } else if (had_pins && !had_transaction && run->is_sent && !is_harmless(run)) {
        answer_error(session, SERVER_LOST, SLICE_ARG(name), SLICE_ARG(text));
        return false;
    } else if (had_pins) {
        struct slice pin = pin_reason_name(effects_shown_pin(session));
        answer_error(session, SESSION_STATE_LOST, SLICE_ARG(name), SLICE_ARG(pin));
        return false;
    } else if (had_transaction) {
        answer_error(session, TRANSACTION_LOST, SLICE_ARG(name), SLICE_ARG(text));
    } else if (is_harmless(run)) {
        answer_error(session, SERVER_LOST_IN_READ, SLICE_ARG(name), SLICE_ARG(text));
    } else {
        answer_error(session, SERVER_LOST, SLICE_ARG(name), SLICE_ARG(text));
    }
    return !had_pins;
}

// What may run again elsewhere, though the server may have run it: it changed nothing, and the
// connection is closed.
static bool is_repeatable(const struct run *run)
{
    bool has_text = run->command == COMMAND_QUERY || run->command == COMMAND_STMT_EXECUTE;
    return run->command == COMMAND_STMT_PREPARE ||
           (has_text && run->statement.class == STATEMENT_CLASS_READ);
}

// Nothing of it was sent on, and it was never sent or is harmless.
static bool may_retry(const struct session *session, bool had_transaction, bool had_pins)
{
    const struct run *run = session->run;
    return (!run->is_sent || is_repeatable(run)) && !run->is_forwarded &&
           run->order == ORDER_NONE && !had_transaction && !had_pins &&
           !session_autocommit_is_off(session) && run->attempts + 1 < QUERY_ATTEMPTS_MOST;
}

static void query_retry(struct session *session, int server)
{
    struct worker *worker = session->worker;
    session->run->attempts++;
    session->run->answered_us = 0;
    session->run->is_sent = false;
    session->run->answer = ANSWER_RELAYED;
    session->run->is_ahead = false;
    metric_add(worker->metrics, METRIC_RETRIES, 1, metric_backend(server));
    session_enter(session, SESSION_IDLE);
    query_route(session);
}

// The server refused the state that the statement wants, and the connection is gone.
static void refused_answer(struct session *session, const struct conn_loss *loss,
                           bool had_transaction, bool had_pins)
{
    session->status &= (uint16_t) ~(STATUS_IN_TRANSACTION | STATUS_IN_READ_ONLY_TRANSACTION);
    if (!had_transaction && !had_pins) {
        attach_refused(session, loss);
    } else if (!loss_answer(session, loss, had_transaction, had_pins)) {
        session_finish(session);
    }
}

void query_lost(struct session *session, const struct conn_loss *loss)
{
    struct worker *worker = session->worker;
    int server = pooled_server(session->pooled);
    bool had_transaction = session_transaction(session) != TRANSACTION_NONE;
    bool had_pins = session->pins != 0;

    if (session->state == SESSION_RUNNING || session->state == SESSION_UPLOADING) {
        written_lost(session);
    }
    pool_lost(session->pooled, loss->end);
    session->pooled = NULL;
    if (session->state == SESSION_PREPARING && loss->end == CONN_END_PREPARE) {
        session->run->is_ahead = session->run->is_sent = false;
        session_enter(session, SESSION_IDLE);
        refused_answer(session, loss, had_transaction, had_pins);
        return;
    }
    session->status &= (uint16_t) ~(STATUS_IN_TRANSACTION | STATUS_IN_READ_ONLY_TRANSACTION);
    worker->shared->report(worker->shared->context, server, loss);
    log_warn(&session->source, "backend.lost", kv_slice("backend", worker->targets[server]->name),
             kv_str("end", conn_end_word(loss->end)), kv_error("error", loss->error));
    bool was_settling = session->state == SESSION_SETTLING;
    if (was_settling) { // the client has its answer, and may have sent its next command
        command_end(session);
        session_enter(session, SESSION_IDLE);
    }
    if (session->run == NULL && had_transaction && !had_pins) {
        session->lost_on = server; // the next statement hears of it
        if (was_settling) {
            session_idle(session);
        }
        return;
    }
    if (session->run == NULL) { // between two commands: what was there is gone
        if (had_pins) {
            struct slice name = worker->targets[server]->name;
            struct slice pin = pin_reason_name(effects_shown_pin(session));
            answer_error(session, SESSION_STATE_LOST, SLICE_ARG(name), SLICE_ARG(pin));
            session_finish(session);
        } else if (was_settling) {
            session_idle(session);
        }
        return;
    }
    if (session->state == SESSION_UPLOADING) {
        session_close(session); // the client is in the middle of a file: nothing can be said
        return;
    }
    session->run->route.server = server;
    if (may_retry(session, had_transaction, had_pins)) {
        query_retry(session, server);
        return;
    }
    bool was_cut = is_cut(session->run);
    if (!loss_answer(session, loss, had_transaction, had_pins)) {
        was_cut ? session_close(session) : session_finish(session);
    }
}

void query_let_go(struct session *session)
{
    struct pooled *pooled = session->pooled;
    if (pooled != NULL) {
        enum conn_state state = conn_state(pooled_conn(pooled));
        // Whether or not an order is on its way: nobody gets the connection.
        if (session->run != NULL && (state == CONN_RELAYING || session->run->is_ahead)) {
            kill_pooled(session->worker, pooled);
        }
        bool is_clean = session->pins == 0 && !held_wants_reset(session->held) &&
                        (session->status & STATUS_IN_TRANSACTION) == 0 &&
                        !session_autocommit_is_off(session);
        // A reset does not part it from a prepared XA transaction: MariaDB would keep the locks,
        // also once another session has ended it. Nor does it take a role away.
        const uint32_t lasting = PIN_BIT(PIN_XA) | PIN_BIT(PIN_ROLE);
        bool is_hit = session->run != NULL && session->run->is_order_out;
        bool is_over = state != CONN_READY || is_hit || (session->pins & lasting) != 0;
        session->pooled = NULL;
        pool_give(pooled, is_over ? POOL_CLOSE : is_clean ? POOL_KEEP : POOL_RESET);
    }
}

void query_abandon(struct session *session)
{
    list_remove(&session->holding);
    pool_cancel(&session->waiter);
    outcome_abort(session);
    query_let_go(session);
    command_end(session);
}
