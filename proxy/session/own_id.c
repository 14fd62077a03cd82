// CONNECTION_ID() and @@pseudo_thread_id are sluice's id of the session, which the client was
// greeted with, and no server knows: the statement gets the number in their place. What stands in a
// view, a routine or a text prepared from a string is the server's own to answer.
#include "proxy/session/rewriting.h"
#include "proxy/session/session_priv.h"

static bool take_id(struct rewriting *at, void *context)
{
    const struct session *session = context;
    const char *start = at->token.ptr;
    struct rewriting before = *at;
    struct slice name;
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
