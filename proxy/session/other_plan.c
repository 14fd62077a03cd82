// EXPLAIN FOR CONNECTION, SHOW EXPLAIN FOR and SHOW ANALYZE FOR: the plan of what another session
// runs. It is named by sluice's id, which no server knows: the statement goes to the server that
// runs it, with the id that this server has for the connection. What ran may be over by then; the
// server says so, as it would say it directly.
#include "proxy/session/process_list.h"
#include "proxy/session/session_priv.h"

#include "router/sql/lexer.h"

// The id, which is the statement's last word. Not one that is computed, and not where the plan goes
// into a user variable, of which the session would not know.
static bool id_find(const struct session *session, struct slice sql, struct slice *word,
                    uint64_t *id)
{
    struct lexer lexer;
    struct token token, last = {0};
    bool is_into = false;
    lexer_init(&lexer, sql, &session->syntax, 0);
    lexer_next(&lexer, &token);
    while (token.kind != TOKEN_END && token.kind != TOKEN_BROKEN) {
        is_into |= token.keyword == KEYWORD_INTO;
        last = token;
        lexer_next(&lexer, &token);
    }
    *word = token_text(&last);
    return token.kind == TOKEN_END && last.kind == TOKEN_NUMBER && !is_into &&
           slice_to_u64(*word, id);
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

// To that server, as if a hint had named it.
static void ask(struct session *session, const struct process *process, struct slice word)
{
    struct run *run = session->run;
    struct statement *statement = &run->statement;
    struct slice name = session->worker->topology->servers[process->server].name;
    struct slice sql = run->sql;
    size_t at = (size_t)(word.ptr - sql.ptr);
    struct slice before = slice_first(sql, at), behind = slice_from(sql, at + word.len);
    run_put_text(run, arena_print(&run->arena, "%.*s%u%.*s", SLICE_ARG(before), process->server_id,
                                  SLICE_ARG(behind)));
    statement->class = STATEMENT_CLASS_SERVER_READ;
    statement->reason = ROUTE_REASON_SERVER_SPECIFIC;
    statement->asks &= ~ASK_BIT(ASK_OTHER_PLAN);
    statement->hints.target = HINT_TARGET_BACKEND;
    statement->hints.backend = arena_copy(&run->arena, name);
    query_route(session);
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
    if (session->run->command == COMMAND_QUERY && id_find(session, session->run->sql, &word, &id) &&
        id != session->id) {
        process_list_for_plan(session);
    } else {
        answer_error(session, NOT_BUILT,
                     SLICE_ARG(S("the plan of one's own connection, of one that is computed or "
                                 "prepared, or into a variable")));
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
