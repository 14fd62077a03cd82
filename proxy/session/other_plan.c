// EXPLAIN FOR CONNECTION, SHOW EXPLAIN FOR and SHOW ANALYZE FOR: the plan of what another session
// runs. It is named by sluice's id, which no server knows: the statement goes to the server that
// runs it, with the id that this server has for the connection. What ran may be over by then; the
// server says so, as it would say it directly.
#include "proxy/session/process_list.h"
#include "proxy/session/session_priv.h"

#include "router/sql/lexer.h"

// The id, which is the statement's last word. Not one that is computed.
static bool id_find(const struct session *session, struct slice sql, struct slice *word,
                    uint64_t *id)
{
    struct lexer lexer;
    struct token token, last = {0};
    lexer_init(&lexer, sql, &session->syntax, 0);
    lexer_next(&lexer, &token);
    while (token.kind != TOKEN_END && token.kind != TOKEN_BROKEN) {
        last = token;
        lexer_next(&lexer, &token);
    }
    *word = token_text(&last);
    return token.kind == TOKEN_END && last.kind == TOKEN_NUMBER && slice_to_u64(*word, id);
}

static const struct process *process_find(const struct process_list *list, uint64_t id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->processes[i].id == id) {
            return &list->processes[i];
        }
    }
    return NULL;
}

// Whether the statement can be asked of that server now.
static bool can_ask(const struct session *session, int server)
{
    bool is_bound = session->pooled != NULL && pooled_server(session->pooled) != server &&
                    (session->pins != 0 || session_transaction(session) != TRANSACTION_NONE);
    return !is_bound && server_state_takes_reads(session->worker->topology->servers[server].state);
}

static void id_put(struct run *run, struct slice word, uint32_t server_id)
{
    struct slice sql = run->sql;
    size_t at = (size_t)(word.ptr - sql.ptr);
    struct slice before = slice_first(sql, at), behind = slice_from(sql, at + word.len);
    run_put_text(run, arena_print(&run->arena, "%.*s%u%.*s", SLICE_ARG(before), server_id,
                                  SLICE_ARG(behind)));
}

static void go_on(struct session *session)
{
    session->run->statement.class = STATEMENT_CLASS_SERVER_READ;
    session->run->statement.reason = ROUTE_REASON_SERVER_SPECIFIC;
    query_route(session);
}

// To that server, as if a hint had named it.
static void ask(struct session *session, const struct process *process, struct slice word)
{
    struct run *run = session->run;
    struct slice name = session->worker->topology->servers[process->server].name;
    id_put(run, word, process->server_id);
    run->statement.asks &= ~ASK_BIT(ASK_OTHER_PLAN);
    run->statement.hints.target = HINT_TARGET_BACKEND;
    run->statement.hints.backend = arena_copy(&run->arena, name);
    go_on(session);
}

// A session that runs nothing has no connection, or none that it needs.
static void nothing_answer(struct session *session)
{
    if (session_is_mariadb(session)) {
        answer_error(session, NO_PLAN);
    } else {
        answer_ok(session);
    }
}

void other_plan_begin(struct session *session)
{
    struct slice word;
    uint64_t id;
    if (session->run->command != COMMAND_QUERY ||
        !id_find(session, session->run->sql, &word, &id)) {
        answer_error(session, NOT_BUILT,
                     SLICE_ARG(S("the plan of what a session runs whose id is computed, or by a "
                                 "prepared statement")));
    } else if (id == session->id) {
        go_on(session); // the server says what is wrong with that
    } else {
        process_list_for_plan(session);
    }
}

void other_plan_put(struct session *session)
{
    struct slice word;
    uint64_t id;
    if (id_find(session, session->run->sql, &word, &id)) {
        id_put(session->run, word, conn_peer(pooled_conn(session->pooled))->connection_id);
    }
}

void other_plan_go(struct session *session, const struct process_list *list)
{
    struct slice word;
    uint64_t id = 0;
    id_find(session, session->run->sql, &word, &id);
    const struct process *process = process_find(list, id);
    if (process == NULL) {
        answer_error(session, UNKNOWN_SESSION, (unsigned long long)id);
    } else if (process->server < 0) {
        nothing_answer(session);
    } else if (!can_ask(session, process->server)) {
        answer_error(session, NOT_BUILT,
                     SLICE_ARG(S("the plan of what another server runs, from within a transaction "
                                 "or what else keeps this connection")));
    } else {
        ask(session, process, word);
    }
}
