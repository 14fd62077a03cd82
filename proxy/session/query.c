// A statement: read, decide where it goes, and wait where no server may run it yet.
#include "proxy/session/session_priv.h"

#include "proxy/base/clock.h"
#include "router/sql/digest.h"

// --- what the session is like --------------------------------------------------------------------

bool session_is_attached(const struct session *session)
{
    return session->pooled != NULL;
}

bool session_autocommit_is_off(const struct session *session)
{
    return (session->status & STATUS_AUTOCOMMIT) == 0;
}

enum route_transaction session_transaction(const struct session *session)
{
    if (session->pooled == NULL) {
        return TRANSACTION_NONE;
    }
    if ((session->status & STATUS_IN_TRANSACTION) == 0) {
        bool may_begin =
            session_autocommit_is_off(session) && !conn_is_replica(pooled_conn(session->pooled));
        return may_begin ? TRANSACTION_READ_WRITE : TRANSACTION_NONE;
    }
    return (session->status & STATUS_IN_READ_ONLY_TRANSACTION) != 0 ? TRANSACTION_READ_ONLY
                                                                    : TRANSACTION_READ_WRITE;
}

static struct route_session facts_of(const struct session *session,
                                     struct sockaddr_storage *storage)
{
    const struct run *run = session->run;
    enum pin_reason pin = effects_shown_pin(session);
    int server = session->pooled != NULL ? pooled_server(session->pooled) : -1;
    return (struct route_session){
        .user = session->user,
        .conf_user = session->conf_user,
        .schema = (run->text != NULL ? run->text->image : session->image)->schema,
        .client = session->worker->setup->rules != NULL ? session_sockaddr(session, storage) : NULL,
        .listen = session->listen,
        .transaction = session_transaction(session),
        .transaction_server = server,
        .autocommit_is_off = session_autocommit_is_off(session),
        .next_is_read_only = session->image->is_read_only,
        .is_serializable = session->image->is_serializable,
        .pin = session->pooled != NULL ? pin : PIN_NONE,
        .pin_server = pin != PIN_NONE ? server : -1,
    };
}

static const struct server_load *loads_of(const struct session *session)
{
    struct worker *worker = session->worker;
    int count = worker->topology != NULL ? worker->topology->count : 0;
    for (int i = 0; i < count; i++) {
        struct pool_queue queue = pool_account_queue(session->account, i);
        worker->loads[i] = (struct server_load){
            .used = pools_used(worker->pools, i),
            .latency_us = worker->latency_us[i],
            .waiting = queue.waiting,
            .stalled_us = queue.stalled_us < UINT32_MAX ? (uint32_t)queue.stalled_us : UINT32_MAX,
        };
    }
    return worker->loads;
}

// --- reading -------------------------------------------------------------------------------------

// The server of an open transaction went away between two statements. A ROLLBACK is what happened
// already; anything else must not run as if the transaction were still there.
static void lost_transaction_tell(struct session *session)
{
    struct slice name = session->worker->targets[session->lost_on]->name;
    session->lost_on = -1;
    if (session->run->statement.kind == STATEMENT_ROLLBACK &&
        session->run->command != COMMAND_STMT_PREPARE) {
        answer_ok(session);
    } else if (session->is_transaction_unsure) {
        answer_error(session, TRANSACTION_UNKNOWN, SLICE_ARG(name),
                     SLICE_ARG(S("between two statements")));
    } else {
        answer_error(session, TRANSACTION_LOST, SLICE_ARG(name),
                     SLICE_ARG(S("between two statements")));
    }
    session->is_transaction_unsure = false;
}

void query_null_asks(const struct session *session, struct statement *statement)
{
    if (!session->image->is_null_last_id) {
        return;
    }
    statement->asks |= ASK_BIT(ASK_INSERT_ID);
    if (statement->class == STATEMENT_CLASS_READ) {
        statement->class = STATEMENT_CLASS_CONNECTION;
        statement->reason = ROUTE_REASON_INSERT_ID;
    }
}

// EXECUTE asks for the last insert id where the text does that it runs, or may.
static void execute_asks(struct session *session)
{
    struct statement *statement = &session->run->statement;
    const struct statement *inner =
        statement->count == 1 ? effects_inner(session, statement) : NULL;
    if (inner == NULL || statement_asks(inner, ASK_INSERT_ID)) {
        statement->asks |= ASK_BIT(ASK_INSERT_ID);
    }
}

void query_read_text(struct session *session, struct slice sql)
{
    struct run *run = session->run;
    const struct worker *worker = session->worker;
    struct statement_context context = {
        .syntax = session->syntax,
        .schema = session->image->schema,
        .catalogue = worker->catalogue,
        .is_catalogue_old = learn_is_due(worker),
        .pure_functions = worker->config->routing.pure_functions,
        .pure_functions_count = worker->config->routing.pure_functions_count,
    };
    run->sql = sql;
    if (context.is_catalogue_old) {
        statement_parse(&run->statement, &run->arena, sql, &context);
    } else {
        run->entry =
            statement_cache_read(worker->statements, &run->statement, &run->arena, sql, &context);
    }
    query_null_asks(session, &run->statement);
    if (statement_has(&run->statement, EFFECT_EXECUTE)) {
        execute_asks(session);
    }
}

void query_read(struct session *session, struct slice sql)
{
    query_read_text(session, sql);
    if (statement_asks(&session->run->statement, ASK_CONNECTION_ID)) {
        own_id_put(session);
    }
    if (statement_asks(&session->run->statement, ASK_TRACKING)) {
        tracking_put(session);
    }
}

void query_begin(struct session *session, struct slice sql)
{
    query_read(session, sql);
    if (statement_asks(&session->run->statement, ASK_ID_TABLE) && id_table_is_wanted(session)) {
        process_list_gather(session);
    } else {
        query_go(session);
    }
}

void query_go(struct session *session)
{
    struct run *run = session->run;
    if (session->lost_on >= 0) {
        lost_transaction_tell(session);
        return;
    }
    if (statement_has(&run->statement, EFFECT_LOCAL_FILE) &&
        (session->capabilities & CAPABILITY_LOCAL_FILES) == 0) {
        answer_error(session, LOCAL_INFILE_REFUSED);
        return;
    }
    if (!learn_begin(session)) {
        query_route(session);
    }
}

void query_begin_command(struct session *session, const struct statement *statement)
{
    session->run->sql = SLICE_NONE;
    session->run->statement = *statement;
    query_route(session);
}

void query_begin_attached(struct session *session)
{
    struct run *run = session->run;
    run->sql = run->text != NULL ? run->text->text : SLICE_NONE;
    uint64_t shape = run->text != NULL ? preparation_statement(session, run->text)->shape : 0;
    run->statement = (struct statement){.kind = STATEMENT_PREPARE,
                                        .class = STATEMENT_CLASS_CONNECTION,
                                        .reason = ROUTE_REASON_PREPARED,
                                        .shape = shape,
                                        .count = 1};
    run->route = (struct route){
        .target = conn_is_replica(pooled_conn(session->pooled)) ? ROUTE_REPLICA : ROUTE_PRIMARY,
        .server = pooled_server(session->pooled),
        .reason = ROUTE_REASON_PREPARED,
        .timeout_us = session->worker->config->proxy.query_timeout_us,
    };
    attach_own(session);
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

// What its reads must see. A build that is broken on purpose forgets it, and a test must notice.
static const struct position *position_of(const struct session *session)
{
#ifdef SLUICE_BROKEN_wait
    (void)session;
    return NULL;
#else
    return &session->position;
#endif
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
        .loads = loads_of(session),
        .balancer = &worker->balancer,
        .positions = &worker->positions,
        .position = position_of(session),
        .wait_us = session->run->has_waited ? 0 : worker->config->routing.consistency_wait_us,
        .now_us = loop_now_us(worker->loop),
    };
    decide_route(&session->run->route, &input);
}

// A replica refused what the statement needs to run there at all: the primary has it, or nobody.
static void primary_adjust(struct session *session)
{
    struct route *route = &session->run->route;
    int primary = session->worker->topology->primary;
    if (route->server < 0 || primary < 0 || route->server == primary) {
        return;
    }
    bool is_free = session_transaction(session) == TRANSACTION_NONE && session->pins == 0;
    bool is_refused =
        is_free && route->target == ROUTE_REPLICA &&
        image_is_refused(session->image, route->server, loop_now_us(session->worker->loop));
    if (session->run->wants_primary || is_refused) {
        route->target = ROUTE_PRIMARY;
        route->server = primary;
        route->wait_us = 0;
        route->reason = ROUTE_REASON_RETRY;
    }
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
void query_hold(struct session *session)
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
    char room[SHOWN_ROOM];
    log_info(&session->source, "rule.log", kv_slice("rule", route->rule->conf->name),
             kv_str("target", route_target_name(route->target)),
             kv_slice("query", shown_text(session, SHOWN_ROOM, room)));
}

// SHOW WARNINGS behind a statement whose hints sluice did not understand: the server knows nothing
// of it.
static bool answers_warnings(const struct session *session)
{
    const struct run *run = session->run;
    return session->hint_warning != NULL && run->command == COMMAND_QUERY &&
           run->statement.kind == STATEMENT_SHOW && statement_asks(&run->statement, ASK_WARNINGS) &&
           recall_is_show_warnings(session);
}

static void rule_count(struct worker *worker, const struct rule *rule)
{
    if (rule != NULL) {
        struct rule_hits *hits = &worker->rule_hits[rule->index];
        hits->count++;
        hits->last_us = clock_wall_us();
    }
}

static void route_count(struct session *session)
{
    struct worker *worker = session->worker;
    const struct route *route = &session->run->route;
    metric_add(worker->metrics, METRIC_ROUTE_REASONS, 1, route->reason);
    worker->routes[route->reason][route->target]++;
    rule_count(worker, route->rule);
    rule_count(worker, route->tried_rule);
}

// Whether the statement goes on to where it is routed to: it does not ask about the last one, or
// what it asks for stands in its text now.
static bool recall_begin(struct session *session)
{
    switch (recall_find(session)) {
    case RECALL_ANSWER:
        session->run->route.target = ROUTE_PROXY;
        route_count(session);
        recall_answer(session);
        return false;
    case RECALL_TIED:
        route_count(session);
        attach_own(session);
        return false;
    case RECALL_WAIT:
        query_hold(session);
        return false;
    case RECALL_GONE:
        answer_error(session, LAST_STATEMENT_GONE);
        return false;
    default:
        return true;
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
    primary_adjust(session);
    bool is_blocked = route->target == ROUTE_BLOCKED;
    bool is_ours =
        route->target == ROUTE_PROXY || answers_warnings(session) || kill_executed(session) != NULL;
    if (!is_blocked && !is_ours && !recall_begin(session)) {
        return;
    }
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
        attach_begin(session);
    }
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
    if (session->state == SESSION_LEARNING) {
        learn_timed_out(session);
    } else if (session->state == SESSION_HOLDING) {
        hold_timed_out(session);
    } else if (session->state == SESSION_RUNNING && run->order == ORDER_NONE) {
        run->order = ORDER_TIME_LIMIT;
        kill_statement(session);
    }
}
