// CONNECTION_ID() and @@pseudo_thread_id are sluice's id of the session, which the client was
// greeted with, and no server knows: the statement gets the number in their place. So does
// IS_USED_LOCK() where the session holds the lock itself. What stands in a
// view, a routine or a text prepared from a string is the server's own to answer.
#include "proxy/session/rewriting.h"
#include "proxy/session/session_priv.h"

// IS_USED_LOCK(...), up to its last parenthesis. Not one with a parameter: it would be there twice.
static bool take_lock_owner(struct rewriting *at, const struct session *session)
{
    const char *start = at->token.ptr;
    bool is_it = at->token.kind == TOKEN_WORD && !token_is_symbol(&at->last, '.') &&
                 slice_equal_nocase(token_text(&at->token), S("is_used_lock"));
    if (!is_it) {
        return false;
    }
    rewriting_advance(at);
    int depth = token_is_symbol(&at->token, '(');
    bool is_call = depth > 0;
    while (depth > 0 && is_call) {
        rewriting_advance(at);
        depth += token_is_symbol(&at->token, '(');
        depth -= token_is_symbol(&at->token, ')');
        is_call = at->token.kind != TOKEN_END && at->token.kind != TOKEN_PARAMETER;
    }
    if (!is_call) {
        return false;
    }
    struct slice call = slice_make(start, (size_t)(token_end(&at->token) - start));
    rewriting_replace(at, start);
    buffer_print(at->out, "IF(%.*s=CONNECTION_ID(),%u,%.*s)", SLICE_ARG(call), session->id,
                 SLICE_ARG(call));
    return true;
}

static bool take_id(struct rewriting *at, void *context)
{
    const struct session *session = context;
    const char *start = at->token.ptr;
    struct rewriting before = *at;
    struct slice name;
    if (take_lock_owner(at, session)) {
        return true;
    }
    *at = before;
    bool is_set = session->run->statement.kind == STATEMENT_SET; // it may be what is set
    bool is_it = !is_set && rewriting_take_variable(at, &name) &&
                 slice_equal_nocase(name, S("pseudo_thread_id"));
    if (!is_it) {
        *at = before;
        is_it = rewriting_take_call(at, S("connection_id"));
    }
    if (!is_it) {
        return false;
    }
    rewriting_replace(at, start);
    buffer_print(at->out, "%u", session->id);
    return true;
}

void own_id_put(struct session *session)
{
    if (run_is_momentary(session->run) && !session->syntax.is_mode_unknown) {
        run_rewrite(session, take_id);
    }
}
