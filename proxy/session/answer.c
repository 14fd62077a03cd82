// What sluice says by itself: OKs, errors, and the answers to statements that only sluice can
// answer.
#include "proxy/session/session_priv.h"

#include "protocol/packet/eof.h"
#include "protocol/packet/err.h"
#include "protocol/packet/ok.h"
#include "protocol/packet/result_writer.h"
#include "proxy/base/memory.h"

// Sequence id of a packet of ours: behind the command, or what the answer has already sent.
struct writer answer_writer_make(struct session *session, struct buffer *buf)
{
    const struct run *run = session->run;
    if (run == NULL) {
        bool is_unasked = session->state == SESSION_IDLE || session->state == SESSION_HEADER;
        return writer_make(buf, is_unasked ? 0 : 1);
    }
    if (run->is_forwarded) {
        return writer_make(buf, (uint8_t)(run->reply.sequence + run->reply.shift));
    }
    return writer_make(buf, run->frames);
}

static void command_over(struct session *session)
{
    command_end(session);
    if (session->state != SESSION_CLOSED && session->state != SESSION_FINISHING &&
        session->state != SESSION_LOGIN && session->state != SESSION_ASKING) {
        session_idle(session);
    }
}

static void count_own(struct session *session, enum metric_target target, enum metric_result result)
{
    metric_add(session->worker->metrics, METRIC_QUERIES, 1, target, metric_backend(-1), result);
    int64_t now_us = loop_now_us(session->worker->loop);
    phases_count_own(session, target, now_us);
    digests_count(session, target, result != METRIC_RESULT_OK, now_us);
    outcome_log_slow(session, now_us);
}

void answer_count(struct session *session, enum metric_result result)
{
    count_own(session, METRIC_TARGET_PROXY, result);
}

void answer_packets(struct session *session, struct slice packets)
{
    stream_send(&session->stream, packets.ptr, packets.len);
    count_own(session, METRIC_TARGET_PROXY, METRIC_RESULT_OK);
    command_over(session);
}

void answer_payload(struct session *session, struct slice payload)
{
    struct buffer packet = BUFFER_INIT;
    struct writer writer = answer_writer_make(session, &packet);
    writer_packet(&writer, payload);
    stream_send(&session->stream, buffer_ptr(&packet), buffer_len(&packet));
    buffer_release(&packet);
    command_over(session);
}

// An ERR is what the statement leaves, as a server's own would be.
static void error_note(struct session *session, struct slice payload)
{
    struct err err;
    if (session->run != NULL && err_decode(&err, payload)) {
        last_refused(session, &err);
    }
}

void answer_refusal(struct session *session, struct slice refusal)
{
    error_note(session, refusal);
    count_own(session, METRIC_TARGET_PROXY, METRIC_RESULT_ERROR);
    answer_payload(session, refusal);
}

void answer_send_error(struct session *session, struct writer *writer, enum error_row row)
{
    if (!writer_packet_end(writer)) {
        session_close(session);
        return;
    }
    stream_send(&session->stream, buffer_ptr(writer->buf), buffer_len(writer->buf));
    error_note(session, slice_from(buffer_slice(writer->buf), FRAME_HEADER_SIZE));
    metric_add(session->worker->metrics, METRIC_CLIENT_ERRORS, 1, row);
    if (session->run != NULL) {
        bool is_blocked = session->run->route.target == ROUTE_BLOCKED;
        count_own(session, is_blocked ? METRIC_TARGET_BLOCKED : METRIC_TARGET_PROXY,
                  METRIC_RESULT_FAILED);
        log_debug(&session->source, "client.error",
                  kv_slice("error", error_rows(&(size_t){0})[row].name));
        command_over(session);
    }
}

static void answer_with(struct session *session, struct ok ok)
{
    struct buffer payload = BUFFER_INIT;
    struct writer writer = writer_make(&payload, 0);
    ok.status = session_status(session);
    ok_encode(&ok, &writer, session->capabilities);
    count_own(session, METRIC_TARGET_PROXY, METRIC_RESULT_OK);
    answer_payload(session, buffer_slice(&payload));
    buffer_release(&payload);
}

void answer_affected(struct session *session, uint64_t rows)
{
    answer_with(session, (struct ok){.affected_rows = rows});
}

void answer_warned(struct session *session, uint16_t warnings)
{
    answer_with(session, (struct ok){.warnings = warnings});
}

void answer_ok(struct session *session)
{
    answer_affected(session, 0);
}

void answer_eof(struct session *session)
{
    struct buffer payload = BUFFER_INIT;
    struct writer writer = writer_make(&payload, 0);
    struct eof eof = {.status = session_status(session)};
    if (session->capabilities & CAPABILITY_DEPRECATE_EOF) {
        answer_ok(session);
        return;
    }
    eof_encode(&eof, &writer);
    count_own(session, METRIC_TARGET_PROXY, METRIC_RESULT_OK);
    answer_payload(session, buffer_slice(&payload));
    buffer_release(&payload);
}

// A number that is given as text, in as many bytes as its column's type has.
static struct slice number_pack(struct arena *arena, const struct column *column, struct slice text)
{
    size_t size = column->type == TYPE_LONGLONG ? sizeof(uint64_t)
                  : column->type == TYPE_LONG   ? sizeof(uint32_t)
                                                : 0;
    uint64_t number = 0;
    if (size == 0 || text.ptr == NULL || !slice_to_u64(text, &number)) {
        return text;
    }
    char *bytes = arena_alloc(arena, size);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)(uint8_t)(number >> 8 * i);
    }
    return slice_make(bytes, size);
}

// `values` as the rows of a prepared statement have them.
static const struct slice *values_pack(struct arena *arena, const struct column *columns,
                                       size_t column_count, const struct slice *values,
                                       size_t row_count)
{
    struct slice *packed = arena_alloc(arena, (column_count * row_count + 1) * sizeof(*packed));
    for (size_t i = 0; i < column_count * row_count; i++) {
        packed[i] = number_pack(arena, &columns[i % column_count], values[i]);
    }
    return packed;
}

void answer_rows(struct session *session, const struct column *columns, size_t column_count,
                 const struct slice *values, size_t row_count)
{
    struct buffer packets = BUFFER_INIT;
    struct writer writer = answer_writer_make(session, &packets);
    struct result_writer result = result_writer_make(&writer, session->capabilities);
    result.is_binary = session->run->command == COMMAND_STMT_EXECUTE;
    if (result.is_binary) {
        values = values_pack(&session->run->arena, columns, column_count, values, row_count);
    }
    result_writer_begin(&result, columns, column_count, session_status(session));
    for (size_t i = 0; i < row_count; i++) {
        result_writer_row(&result, values + i * column_count);
    }
    if (result_writer_end(&result, session_status(session), 0)) {
        stream_send(&session->stream, buffer_ptr(&packets), buffer_len(&packets));
    }
    buffer_release(&packets);
    count_own(session, METRIC_TARGET_PROXY, METRIC_RESULT_OK);
    command_over(session);
}

// --- statements ----------------------------------------------------------------------------------

static void answer_kill(struct session *session, const struct statement_kill *kill)
{
    switch (kill->form) {
    case KILL_ID:
        kill_begin(session, kill->id, kill->is_query);
        break;
    case KILL_SELF:
        kill_begin(session, session->id, kill->is_query);
        break;
    case KILL_USER:
        kill_user_begin(session, kill);
        break;
    case KILL_OTHER:
        kill_begin_expression(session);
        break;
    default:
        answer_error(session, KILL_FORM);
        break;
    }
}

static void answer_warnings(struct session *session)
{
    static const struct column columns[] = {
        {.name = SLICE_INIT("Level"),
         .collation = COLUMN_UTF8MB4,
         .length = 28,
         .type = TYPE_VAR_STRING},
        {.name = SLICE_INIT("Code"), .collation = COLUMN_BYTES, .length = 4, .type = TYPE_LONG},
        {.name = SLICE_INIT("Message"),
         .collation = COLUMN_UTF8MB4,
         .length = 2048,
         .type = TYPE_VAR_STRING},
    };
    struct slice row[] = {S("Warning"), S("1105"), slice_text(session->hint_warning)};
    answer_rows(session, columns, sizeof(columns) / sizeof(columns[0]), row, 1);
}

void answer_statement(struct session *session)
{
    const struct statement *statement = &session->run->statement;
    const struct statement *executed = kill_executed(session);
    if (statement->count > 1) {
        answer_error(
            session, NOT_BUILT,
            SLICE_ARG(S("a text of several statements of which sluice answers one, such as "
                        "KILL")));
    } else if (statement_has(statement, EFFECT_KILL)) {
        answer_kill(session, &statement->kill);
    } else if (executed != NULL && executed->count == 1 && executed->kill.form != KILL_OTHER) {
        answer_kill(session, &executed->kill);
    } else if (executed != NULL) {
        answer_error(session, NOT_BUILT, SLICE_ARG(S("KILL of an expression by EXECUTE")));
    } else if (statement_asks(statement, ASK_PROCESSLIST)) {
        process_list_begin(session);
    } else if (statement_asks(statement, ASK_WARNINGS)) {
        answer_warnings(session);
    } else if (statement_asks(statement, ASK_OTHER_PLAN)) {
        other_plan_begin(session);
    } else {
        answer_error(session, NOT_BUILT, SLICE_ARG(S("@@sluice_token")));
    }
}
