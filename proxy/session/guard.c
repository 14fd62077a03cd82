// Connections to replicas are READ ONLY, by their server and by a setting of sluice's own: a second
// line against writes that are misrouted. Where a session would see that, its statement's text is
// another one there.
#include "proxy/session/rewriting.h"
#include "proxy/session/session_priv.h"

// A replica of MariaDB's that is read-only takes a savepoint for a write, and refuses to commit it
// (1290). Nothing was written there: rolling back is the same, and COMMIT's clauses are ROLLBACK's.
static bool take_commit(struct rewriting *at, void *context)
{
    (void)context;
    if (at->token.kind != TOKEN_WORD || at->token.keyword != KEYWORD_COMMIT) {
        return false;
    }
    rewriting_replace(at, at->token.ptr);
    buffer_append_slice(at->out, S("ROLLBACK"));
    return true;
}

// MariaDB kept the older name when it took the other one.
static bool is_access_mode(const struct conn *conn, struct slice name)
{
    return slice_equal_nocase(name, conn_access_mode_name(conn)) ||
           (conn_peer(conn)->is_mariadb && slice_equal_nocase(name, S("tx_read_only")));
}

// The session's own, in place of the connection's. What the server does not know by that name, it
// says itself. The expression has the type that MySQL gives the variable.
static bool take_access_mode(struct rewriting *at, void *context)
{
    const struct session *session = context;
    const char *start = at->token.ptr;
    struct slice name;
    bool is_it =
        rewriting_take_variable(at, &name) && is_access_mode(pooled_conn(session->pooled), name);
    if (is_it) {
        rewriting_replace(at, start);
        buffer_append_slice(at->out, session->image->is_read_only ? S("IF(TRUE,TRUE,NULL)")
                                                                  : S("IF(TRUE,FALSE,NULL)"));
    }
    return is_it;
}

static rewriting_take_fn *take_of(const struct session *session)
{
    const struct statement *statement = &session->run->statement;
    bool is_mariadb = conn_peer(pooled_conn(session->pooled))->is_mariadb;
    if (is_mariadb && statement->kind == STATEMENT_COMMIT && statement->count == 1) {
        return take_commit;
    }
    return statement_asks(statement, ASK_ACCESS_MODE) ? take_access_mode : NULL;
}

void guard_put(struct session *session)
{
    rewriting_take_fn *take = take_of(session);
    if (take != NULL && session->run->command == COMMAND_QUERY) {
        run_rewrite(session, take);
    }
}
