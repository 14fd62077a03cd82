// CONNECTION_ID() and @@pseudo_thread_id are sluice's id of the session, which the client was
// greeted with, and no server knows: the statement gets the number in their place. What stands in a
// view, a routine or a text prepared from a string is the server's own to answer.
#include "proxy/session/rewriting.h"
#include "proxy/session/session_priv.h"

#include "protocol/wire/writer.h"

enum { ROOM_MOST = 64 * 1024 }; // a text that comes near the end of its frame stays as it is

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

// Statements whose text is over once they ran: elsewhere the number would outlive the session.
static bool is_momentary(const struct statement *statement)
{
    switch (statement->kind) {
    case STATEMENT_SELECT:
        return true;
    case STATEMENT_INSERT:
    case STATEMENT_REPLACE:
    case STATEMENT_UPDATE:
    case STATEMENT_DELETE:
    case STATEMENT_SET:
    case STATEMENT_DO:
    case STATEMENT_CALL:
        return statement->count == 1;
    default:
        return false;
    }
}

struct slice own_id_text(const struct run *run)
{
    return slice_from(buffer_slice(&run->sent), FRAME_HEADER_SIZE + 1 + run->attributes.len);
}

void run_put_text(struct run *run, struct slice sql)
{
    if (1 + run->attributes.len + sql.len >= FRAME_PAYLOAD_MAX) {
        return;
    }
    buffer_release(&run->sent);
    struct writer writer = writer_make(&run->sent, 0);
    writer_packet_begin(&writer);
    writer_u8(&writer, (uint8_t)run->command);
    writer_slice(&writer, run->attributes);
    writer_slice(&writer, sql);
    if (!writer_packet_end(&writer)) {
        buffer_release(&run->sent);
    }
}

void run_rewrite(struct session *session, bool (*take)(struct rewriting *at, void *context))
{
    struct run *run = session->run;
    struct slice sql = buffer_is_empty(&run->sent) ? run->sql : own_id_text(run);
    struct buffer text = BUFFER_INIT;
    struct rewriting at;
    rewriting_begin(&at, sql, &session->syntax, &text);
    rewriting_calls(&at, false, take, session);
    if (rewriting_end(&at)) {
        run_put_text(run, buffer_slice(&text));
    }
    buffer_release(&text);
}

void own_id_put(struct session *session, struct slice sql)
{
    struct run *run = session->run;
    struct buffer text = BUFFER_INIT;
    struct rewriting at;
    if (is_momentary(&run->statement) && !session->syntax.is_mode_unknown &&
        sql.len < FRAME_PAYLOAD_MAX - ROOM_MOST) {
        rewriting_begin(&at, sql, &session->syntax, &text);
        rewriting_calls(&at, false, take_id, session);
        if (rewriting_end(&at)) {
            run_put_text(run, buffer_slice(&text));
        }
    }
    buffer_release(&text);
}
