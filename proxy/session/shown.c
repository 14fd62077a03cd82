// What of a statement's text is shown, in views, lists and the log: where a password may stand in
// it, no more than its digest tells.
#include "proxy/session/session_priv.h"

#include "router/sql/digest.h"

static bool has_word(struct slice sql, struct slice word)
{
    for (size_t i = 0; i + word.len <= sql.len; i++) {
        if (slice_starts_nocase(slice_from(sql, i), word)) {
            return true;
        }
    }
    return false;
}

// Whether the server is told somebody's password: of an account, a source, or another server. What
// applications keep in their tables is theirs.
static bool may_tell_password(const struct statement *statement, struct slice sql)
{
    switch (statement->kind) {
    case STATEMENT_ACCOUNT:
    case STATEMENT_ADMINISTRATION:
        return true;
    case STATEMENT_CREATE: // SERVER
    case STATEMENT_ALTER:
    case STATEMENT_PREPARE:
    case STATEMENT_EXECUTE:
    case STATEMENT_COMPOUND:
    case STATEMENT_UNKNOWN:
        return has_word(sql, S("password")) || has_word(sql, S("identified"));
    default:
        return statement_has(statement, EFFECT_ACCOUNT) ||
               (statement->count > 1 && has_word(sql, S("password")));
    }
}

struct slice shown_text(const struct session *session, size_t most, char room[SHOWN_ROOM])
{
    const struct run *run = session->run;
    struct slice text = slice_first(run->sql, most);
    size_t len = 0;
    if (!may_tell_password(&run->statement, text)) {
        return text;
    }
    sql_digest_text(run->sql, &session->syntax, room, SHOWN_ROOM, &len);
    return slice_first(slice_make(room, len), most);
}
