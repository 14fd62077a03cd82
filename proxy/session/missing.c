// A table, column, schema or function that a replica does not have may be one that it does not have
// yet: the primary is asked before the client hears of it.
#include "proxy/session/session_priv.h"

static bool is_about_missing(uint16_t code)
{
    enum { UNKNOWN_SCHEMA = 1049, UNKNOWN_COLUMN = 1054, UNKNOWN_TABLE = 1146 };
    enum { UNKNOWN_ROUTINE = 1305 };
    return code == UNKNOWN_SCHEMA || code == UNKNOWN_COLUMN || code == UNKNOWN_TABLE ||
           code == UNKNOWN_ROUTINE;
}

// Whether nobody has asked for that replica.
static bool is_open_to_all(enum route_reason reason)
{
    return reason == ROUTE_REASON_READ || reason == ROUTE_REASON_DEFAULT_TARGET ||
           reason == ROUTE_REASON_RULE;
}

bool missing_is_worth_a_try(const struct session *session, uint16_t code)
{
    const struct run *run = session->run;
    return is_about_missing(code) && run->statement.class == STATEMENT_CLASS_READ &&
           run->route.target == ROUTE_REPLICA && is_open_to_all(run->route.reason) &&
           !run->wants_primary && !run->is_forwarded && run->order == ORDER_NONE &&
           conn_is_replica(pooled_conn(session->pooled)) &&
           session->worker->topology->primary >= 0 && session->pins == 0 &&
           session_transaction(session) == TRANSACTION_NONE && !session_autocommit_is_off(session);
}

// Whether the server that it is sent to next gets all of it once more.
static bool can_run_again(const struct run *run)
{
    switch (run->command) {
    case COMMAND_QUERY:
    case COMMAND_STMT_PREPARE:
        return true;
    case COMMAND_STMT_EXECUTE:
        return !prepared_has_cursor(run->prepared) && run->prepared->long_data == NULL;
    default:
        return false;
    }
}

bool missing_takes_error(struct session *session, const struct err *err)
{
    struct run *run = session->run;
    if (!can_run_again(run) || !missing_is_worth_a_try(session, err->code)) {
        return false;
    }
    if (run->command == COMMAND_STMT_EXECUTE) {
        // What the replica made of the types that it was given is not known.
        statements_close(conn_statements(pooled_conn(session->pooled)), run->text);
    }
    run->answer = ANSWER_MISSING;
    return true;
}

void missing_go_on(struct session *session, bool has_leftover)
{
    struct run *run = session->run;
    struct pooled *pooled = session->pooled;
    metric_add(session->worker->metrics, METRIC_RETRIES, 1, metric_backend(pooled_server(pooled)));
    conn_settle(pooled_conn(pooled));
    last_cover(session, true); // the error has taken its place
    session->pooled = NULL;
    pool_give(pooled, has_leftover ? POOL_CLOSE : POOL_KEEP);
    run->answer = ANSWER_RELAYED;
    run->refusal = SLICE_NONE;
    run->answered_us = 0;
    run->is_sent = run->is_ahead = false;
    run->wants_primary = true;
    session_enter(session, SESSION_IDLE);
    query_route(session);
}
