// The text that the server gets in place of the client's.
#include "proxy/session/rewriting.h"
#include "proxy/session/session_priv.h"

#include "protocol/wire/writer.h"

enum { ROOM_MOST = 64 * 1024 }; // a text that comes near the end of its frame stays as it is

struct slice run_text(const struct run *run)
{
    size_t head = FRAME_HEADER_SIZE + 1 + run->attributes.len;
    return buffer_is_empty(&run->sent) ? run->sql : slice_from(buffer_slice(&run->sent), head);
}

bool run_is_momentary(const struct run *run)
{
    const struct statement *statement = &run->statement;
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

void run_put_text(struct run *run, struct slice sql)
{
    size_t size = 1 + run->attributes.len + sql.len;
    if (run->payload.len >= FRAME_PAYLOAD_MAX || size >= FRAME_PAYLOAD_MAX) {
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
    struct buffer text = BUFFER_INIT;
    struct rewriting at;
    if (run->payload.len > FRAME_PAYLOAD_MAX - ROOM_MOST) {
        return;
    }
    rewriting_begin(&at, run_text(run), &session->syntax, &text);
    rewriting_calls(&at, false, take, session);
    if (rewriting_end(&at)) {
        run_put_text(run, buffer_slice(&text));
    }
    buffer_release(&text);
}
