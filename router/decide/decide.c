#include "router/decide/decide.h"

#include "router/decide/choose_priv.h"
#include "router/statement/variable.h"

#include <assert.h>

const char *route_target_name(enum route_target target)
{
    static const char *const names[] = {
        [ROUTE_PRIMARY] = "primary", [ROUTE_REPLICA] = "replica", [ROUTE_BACKEND] = "backend",
        [ROUTE_CACHE] = "cache",     [ROUTE_PROXY] = "proxy",     [ROUTE_BLOCKED] = "blocked",
    };
    return names[target];
}

static struct want want_of(enum want_kind kind, enum route_reason reason)
{
    return (struct want){.kind = kind, .server = -1, .reason = reason};
}

static struct want want_server(enum want_kind kind, int server, enum route_reason reason)
{
    return (struct want){.kind = kind, .server = server, .reason = reason};
}

// --- what hint, rule and account say beside the target

// Those that are only tried out are passed over; the first of them is counted.
static void rule_find(struct route *out, const struct decide_input *in)
{
    if (in->rules == NULL) {
        return;
    }
    const struct rules_input input = {
        .statement = in->statement,
        .text = in->text,
        .digest = in->digest,
        .user = in->session->user,
        .schema = in->session->schema,
        .client = in->session->client,
        .listen = in->session->listen,
    };
    const struct rule *rule = rules_match(in->rules, in->scratch, &input, 0);
    while (rule != NULL && rule->conf->dry_run) {
        out->tried_rule = out->tried_rule != NULL ? out->tried_rule : rule;
        rule = rules_match(in->rules, in->scratch, &input, rule->index + 1);
    }
    out->rule = rule;
}

static const struct conf_rule *rule_of(const struct route *out)
{
    return out->rule != NULL ? out->rule->conf : NULL;
}

static enum conf_consistency consistency_of(const struct route *out, const struct decide_input *in)
{
    static const enum conf_consistency hinted[] = {
        [HINT_CONSISTENCY_NONE] = CONF_CONSISTENCY_INHERIT,
        [HINT_CONSISTENCY_EVENTUAL] = CONF_CONSISTENCY_EVENTUAL,
        [HINT_CONSISTENCY_SESSION] = CONF_CONSISTENCY_SESSION,
        [HINT_CONSISTENCY_GLOBAL] = CONF_CONSISTENCY_GLOBAL,
    };
    const struct conf_rule *rule = rule_of(out);
    const struct conf_user *user = in->session->conf_user;
    const enum conf_consistency said[] = {
        hinted[in->statement->hints.consistency],
        rule != NULL ? rule->consistency : CONF_CONSISTENCY_INHERIT,
        user != NULL ? user->consistency : CONF_CONSISTENCY_INHERIT,
    };
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        if (said[i] != CONF_CONSISTENCY_INHERIT) {
            return said[i];
        }
    }
    return in->config->routing.consistency;
}

static void limits_fill(struct route *out, const struct decide_input *in)
{
    const struct hints *hints = &in->statement->hints;
    const struct conf_rule *rule = rule_of(out);

    out->consistency = consistency_of(out, in);
    out->log = rule != NULL && rule->log;
    out->timeout_us = in->config->proxy.query_timeout_us;
    if (hints->has_timeout) {
        out->timeout_us = hints->timeout_us;
    } else if (rule != NULL && rule->timeout_us != CONF_LEFT_OUT) {
        out->timeout_us = rule->timeout_us;
    }
    if (hints->has_max_lag) {
        out->max_lag_us = hints->max_lag_us > 0 ? hints->max_lag_us : 1; // 0 stands for no limit
    } else if (rule != NULL && rule->max_lag_us != CONF_LEFT_OUT) {
        out->max_lag_us = rule->max_lag_us;
    }
}

// --- block

static struct want want_block(struct route *out, enum route_reason reason)
{
    out->target = ROUTE_BLOCKED;
    return want_of(WANT_NONE, reason);
}

static bool is_blocked(struct route *out, const struct decide_input *in, struct want *want)
{
    const struct conf_rule *rule = rule_of(out);
    if (rule != NULL && rule->route.target == CONF_TARGET_BLOCK) {
        out->message = rule->message;
        *want = want_block(out, ROUTE_REASON_RULE_BLOCKED);
        return true;
    }
    const struct conf_user *user = in->session->conf_user;
    if (user != NULL && user->readonly && in->statement->may_write) {
        *want = want_block(out, ROUTE_REASON_USER_READ_ONLY);
        return true;
    }
    return false;
}

// --- safety: what the session is bound to

// Effects that leave nothing on the connection that the session does not know itself: a statement
// with no others may run on a replica's connection as well as on the primary's.
static const uint64_t portable_effects =
    EFFECT_BIT(EFFECT_SCHEMA) | EFFECT_BIT(EFFECT_CHARSET) | EFFECT_BIT(EFFECT_VARIABLE);

static bool is_portable(const struct statement *statement)
{
    for (uint32_t i = 0; i < statement->assignments_count; i++) {
        const struct assignment *assignment = &statement->assignments[i];
        if (!assignment_is_literal(assignment) || variable_is_of_connection(assignment->name)) {
            return false;
        }
    }
    return (statement->effects & ~portable_effects) == 0;
}

// BEGIN or START TRANSACTION, and nothing else in the text.
static bool is_begin(const struct statement *statement)
{
    return statement->class == STATEMENT_CLASS_TRANSACTION && statement->count == 1 &&
           statement->kind == STATEMENT_BEGIN;
}

static bool begins_read_only(const struct decide_input *in)
{
    enum statement_access access = in->statement->access;
    return is_begin(in->statement) &&
           (access == STATEMENT_READ_ONLY ||
            (access == STATEMENT_ACCESS_DEFAULT && in->session->next_is_read_only));
}

static bool is_replica(const struct decide_input *in, int server)
{
    return in->topology->servers[server].role != ROLE_PRIMARY;
}

// Its own reason, unless that would be "a plain read".
static enum route_reason bound_reason(const struct statement *statement, enum route_reason binding)
{
    return statement->class == STATEMENT_CLASS_READ ? binding : statement->reason;
}

// Whether it would write on a server that is not the primary (any more): no guard of the server's
// is asked whether it holds.
static bool would_write(const struct decide_input *in, int server)
{
    const struct statement *statement = in->statement;
    bool writes =
        statement->class == STATEMENT_CLASS_WRITE ||
        (statement->class == STATEMENT_CLASS_TRANSACTION && statement->kind != STATEMENT_ROLLBACK);
    return writes && is_replica(in, server);
}

// Values that only the server knows are asked for when the transaction is over. A read may be one
// of these because of what the session has set (sql_auto_is_null).
static bool fits_replica_session(const struct statement *statement)
{
    uint64_t fitting = portable_effects | EFFECT_BIT(EFFECT_NEXT_TRANSACTION) |
                       EFFECT_BIT(EFFECT_USER_VARIABLE) | EFFECT_BIT(EFFECT_DEALLOCATE) |
                       EFFECT_BIT(EFFECT_FOUND_ROWS);
    if (statement->kind == STATEMENT_SET) { // of autocommit, which may end the transaction
        fitting |= EFFECT_BIT(EFFECT_IMPLICIT_COMMIT);
    }
    return (statement->effects & ~fitting) == 0;
}

// Whether it may run inside a READ ONLY transaction on a replica: it leaves nothing behind on that
// connection that a write would have to share later.
static bool fits_replica_transaction(const struct statement *statement)
{
    switch (statement->class) {
    case STATEMENT_CLASS_READ:
    case STATEMENT_CLASS_SERVER_READ:
    case STATEMENT_CLASS_TRANSACTION:
    case STATEMENT_CLASS_PROXY:
        return true;
    case STATEMENT_CLASS_CONNECTION:
    case STATEMENT_CLASS_SESSION:
        return fits_replica_session(statement);
    case STATEMENT_CLASS_WRITE:
        break;
    }
    return false;
}

static bool is_in_replica_transaction(const struct decide_input *in)
{
    return in->session->transaction == TRANSACTION_READ_ONLY &&
           is_replica(in, in->session->transaction_server);
}

// START TRANSACTION in a READ ONLY transaction ends that and, where it is to write, begins the next
// one on the primary.
static bool is_leaving(const struct decide_input *in)
{
    enum pin_reason pin = in->session->pin;
    return is_in_replica_transaction(in) && is_begin(in->statement) && !begins_read_only(in) &&
           (pin == PIN_NONE || pin == PIN_TRANSACTION);
}

static struct want transaction_want(struct route *out, const struct decide_input *in)
{
    int server = in->session->transaction_server;
    if (in->session->transaction == TRANSACTION_READ_ONLY) {
        if (is_replica(in, server) && !fits_replica_transaction(in->statement)) {
            return want_block(out, ROUTE_REASON_READ_ONLY_TRANSACTION);
        }
        return want_server(WANT_BOUND, server, ROUTE_REASON_READ_ONLY_TRANSACTION);
    }
    if (would_write(in, server)) {
        return want_block(out, ROUTE_REASON_TRANSACTION);
    }
    return want_server(WANT_BOUND, server,
                       bound_reason(in->statement, in->session->autocommit_is_off
                                                       ? ROUTE_REASON_AUTOCOMMIT_OFF
                                                       : ROUTE_REASON_TRANSACTION));
}

static struct want pin_want(struct route *out, const struct decide_input *in)
{
    int server = in->session->pin_server;
    if (would_write(in, server)) {
        return want_block(out, ROUTE_REASON_PINNED);
    }
    return want_server(WANT_BOUND, server, bound_reason(in->statement, ROUTE_REASON_PINNED));
}

static bool is_bound(struct route *out, const struct decide_input *in, struct want *want)
{
    bool has_kill = in->statement->count > 1 && statement_has(in->statement, EFFECT_KILL);
    if (in->statement->class == STATEMENT_CLASS_PROXY || has_kill) {
        out->target = ROUTE_PROXY;
        *want = want_of(WANT_NONE, in->statement->reason);
        return true;
    }
    if (is_leaving(in)) {
        out->leaves_transaction = true;
        return false;
    }
    if (in->session->transaction != TRANSACTION_NONE) {
        *want = transaction_want(out, in);
        return true;
    }
    if (in->session->pin != PIN_NONE) {
        *want = pin_want(out, in);
        return true;
    }
    return false;
}

// --- what was asked for: hint, rule, default

static bool can_have(const struct route *out, const struct decide_input *in,
                     const struct server *server)
{
    return server != NULL && server_can_read(in->topology, server->index, out->max_lag_us);
}

static bool hint_want(struct route *out, const struct decide_input *in, struct want *want)
{
    const struct hints *hints = &in->statement->hints;
    const struct server *server;
    switch (hints->target) {
    case HINT_TARGET_NONE:
        return false;
    case HINT_TARGET_PRIMARY:
        *want = want_of(WANT_NEWEST, ROUTE_REASON_HINT);
        return true;
    case HINT_TARGET_REPLICA:
        *want = want_of(WANT_REPLICA, ROUTE_REASON_HINT);
        return true;
    case HINT_TARGET_BACKEND:
        server = topology_find(in->topology, hints->backend);
        if (server == NULL) {
            out->unknown_backend = hints->backend;
        }
        if (can_have(out, in, server)) {
            *want = want_server(WANT_BACKEND, server->index, ROUTE_REASON_HINT);
            return true;
        }
        return false;
    }
    return false;
}

static bool rule_want(const struct route *out, const struct decide_input *in, struct want *want)
{
    const struct conf_rule *rule = rule_of(out);
    const struct server *server;
    switch (rule != NULL ? rule->route.target : CONF_TARGET_INHERIT) {
    case CONF_TARGET_PRIMARY:
        *want = want_of(WANT_NEWEST, ROUTE_REASON_RULE);
        return true;
    case CONF_TARGET_REPLICA:
        *want = want_of(WANT_REPLICA, ROUTE_REASON_RULE);
        return true;
    case CONF_TARGET_BACKEND:
        server = topology_find(in->topology, rule->route.backend_name);
        if (can_have(out, in, server)) {
            *want = want_server(WANT_BACKEND, server->index, ROUTE_REASON_RULE);
            return true;
        }
        return false;
    case CONF_TARGET_INHERIT:
    case CONF_TARGET_SPLIT:
    case CONF_TARGET_BLOCK:
        break;
    }
    return false;
}

static struct want default_want(const struct decide_input *in, enum route_reason reason)
{
    switch (in->config->routing.default_target) {
    case CONF_TARGET_PRIMARY:
        return want_of(WANT_NEWEST, ROUTE_REASON_DEFAULT_TARGET);
    case CONF_TARGET_REPLICA:
        return want_of(WANT_REPLICA, ROUTE_REASON_DEFAULT_TARGET);
    default:
        return want_of(WANT_REPLICA, reason);
    }
}

static struct want asked_want(struct route *out, const struct decide_input *in,
                              struct want otherwise)
{
    struct want want;
    return hint_want(out, in, &want) || rule_want(out, in, &want) ? want : otherwise;
}

// --- what the statement itself says

// It begins a transaction that cannot write: on any server, and the rest of it there as well.
static struct want read_only_want(struct route *out, const struct decide_input *in)
{
    out->opens_read_only = true;
    return asked_want(out, in, default_want(in, ROUTE_REASON_READ_ONLY_TRANSACTION));
}

static struct want read_want(struct route *out, const struct decide_input *in)
{
    if (in->session->is_serializable) {
        return want_of(WANT_PRIMARY, ROUTE_REASON_SERIALIZABLE);
    }
    if (in->session->autocommit_is_off) {
        return in->session->next_is_read_only ? read_only_want(out, in)
                                              : want_of(WANT_PRIMARY, ROUTE_REASON_AUTOCOMMIT_OFF);
    }
    return asked_want(out, in, default_want(in, ROUTE_REASON_READ));
}

static struct want transaction_control_want(struct route *out, const struct decide_input *in)
{
    const struct statement *statement = in->statement;
    bool is_plain = !in->session->autocommit_is_off && !in->session->is_serializable;
    if (begins_read_only(in) && !in->session->is_serializable) {
        return read_only_want(out, in);
    }
    // Without a transaction there is nothing to end: any server says so.
    uint64_t effects = statement->effects & ~EFFECT_BIT(EFFECT_NO_RELEASE);
    bool is_idle_end = effects == EFFECT_BIT(EFFECT_END) && is_plain;
    return want_of(is_idle_end || is_portable(statement) ? WANT_ANSWER : WANT_PRIMARY,
                   statement->reason);
}

static struct want statement_want(struct route *out, const struct decide_input *in)
{
    const struct statement *statement = in->statement;
    struct want answer = want_of(WANT_ANSWER, statement->reason);
    switch (statement->class) {
    case STATEMENT_CLASS_READ:
        return read_want(out, in);
    case STATEMENT_CLASS_SERVER_READ: // with autocommit off it begins a transaction
        return in->session->autocommit_is_off ? answer : asked_want(out, in, answer);
    case STATEMENT_CLASS_CONNECTION:
    case STATEMENT_CLASS_SESSION:
        return is_portable(statement) ? answer : want_of(WANT_PRIMARY, statement->reason);
    case STATEMENT_CLASS_TRANSACTION:
        return transaction_control_want(out, in);
    case STATEMENT_CLASS_PROXY:
    case STATEMENT_CLASS_WRITE:
        break;
    }
    return want_of(WANT_PRIMARY, statement->reason);
}

// --- public

void decide_route(struct route *out, const struct decide_input *in)
{
    struct want want;

    *out = (struct route){.server = -1};
    rule_find(out, in);
    limits_fill(out, in);
    if (!is_blocked(out, in, &want) && !is_bound(out, in, &want)) {
        want = statement_want(out, in);
    }
    want_choose(out, in, &want);
    want_explain(out, in, &want);
}
