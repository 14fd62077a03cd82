// What sluice says by itself: OKs, errors, and the answers to statements that only sluice can
// answer.
#include "proxy/session/session_priv.h"

#include "protocol/packet/eof.h"
#include "protocol/packet/ok.h"
#include "protocol/packet/result_writer.h"
#include "proxy/base/memory.h"

// Sequence id of a packet of ours: behind what the answer has already sent.
struct writer answer_writer_make(struct session *session, struct buffer *buf)
{
    uint8_t sequence = 1;
    if (session->run == NULL) {
        sequence = session->state == SESSION_IDLE ? 0 : 1;
    } else if (session->run->is_forwarded) {
        sequence = (uint8_t)(session->run->reply.sequence + session->run->reply.shift);
    }
    return writer_make(buf, sequence);
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

void answer_refusal(struct session *session, struct slice refusal)
{
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

void answer_ok(struct session *session)
{
    struct buffer payload = BUFFER_INIT;
    struct writer writer = writer_make(&payload, 0);
    struct ok ok = {.status = session_status(session)};
    ok_encode(&ok, &writer, session->capabilities);
    count_own(session, METRIC_TARGET_PROXY, METRIC_RESULT_OK);
    answer_payload(session, buffer_slice(&payload));
    buffer_release(&payload);
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

// --- SHOW PROCESSLIST ----------------------------------------------------------------------------

enum { PROCESS_COLUMNS = 8 };

static const struct column process_columns[PROCESS_COLUMNS] = {
#define PROCESS_COLUMN(title, kind, size)                                                          \
    {                                                                                              \
        .name = SLICE_INIT(title), .collation = COLUMN_UTF8MB4, .length = (size), .type = (kind)   \
    }
    PROCESS_COLUMN("Id", TYPE_LONGLONG, 21),        PROCESS_COLUMN("User", TYPE_VAR_STRING, 128),
    PROCESS_COLUMN("Host", TYPE_VAR_STRING, 256),   PROCESS_COLUMN("db", TYPE_VAR_STRING, 64),
    PROCESS_COLUMN("Command", TYPE_VAR_STRING, 16), PROCESS_COLUMN("Time", TYPE_LONG, 11),
    PROCESS_COLUMN("State", TYPE_VAR_STRING, 64),   PROCESS_COLUMN("Info", TYPE_VAR_STRING, 1024),
#undef PROCESS_COLUMN
};

// The question visits every worker in turn, collecting, and comes back to the one that asked. The
// session may be gone by then: it is found again by its id.
struct process_list {
    struct worker_question question;
    struct worker_shared *shared;
    unsigned at;       // worker being asked
    unsigned home;     // worker that asked
    uint32_t id;       // session that asked
    uint64_t serial;   // and with which of its commands
    struct slice user; // owned
    struct arena arena;
    struct slice (*rows)[PROCESS_COLUMNS];
    size_t count, room;
};

static void process_add(const struct session_facts *facts, void *context)
{
    struct process_list *list = context;
    if (!slice_equal(facts->user, list->user)) {
        return;
    }
    if (list->count == list->room) {
        list->room = list->room > 0 ? list->room * 2 : 16;
        list->rows = mem_grow(list->rows, list->room * sizeof(*list->rows));
    }
    struct slice *row = list->rows[list->count++];
    bool is_idle = !facts->is_running;
    row[0] = arena_print(&list->arena, "%u", facts->id);
    row[1] = arena_copy(&list->arena, facts->user);
    row[2] = arena_copy(&list->arena, slice_text(facts->client));
    row[3] = facts->schema.len > 0 ? arena_copy(&list->arena, facts->schema) : SLICE_NONE;
    row[4] = is_idle ? S("Sleep") : S("Query");
    row[5] = arena_print(&list->arena, "%lld", (long long)(facts->since_ms / 1000));
    row[6] = is_idle ? S("") : slice_text(facts->state);
    row[7] = is_idle ? SLICE_NONE : arena_copy(&list->arena, slice_first(facts->query, 100));
}

static void process_list_free(struct process_list *list)
{
    arena_release(&list->arena);
    mem_free(list->rows);
    mem_free((char *)list->user.ptr);
    mem_free(list);
}

static void rows_answer(struct session *session, const struct column *columns, size_t column_count,
                        const struct slice *values, size_t row_count)
{
    struct buffer packets = BUFFER_INIT;
    struct writer writer = answer_writer_make(session, &packets);
    struct result_writer result = result_writer_make(&writer, session->capabilities);
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

static void process_list_ask(struct worker_question *question)
{
    struct process_list *list = container_of(question, struct process_list, question);
    if (list->at < list->shared->count) {
        worker_each_session(question->worker, process_add, list);
        list->at++;
        unsigned next = list->at < list->shared->count ? list->at : list->home;
        worker_ask(list->shared->workers[next], question);
        return;
    }
    struct session *session = worker_session(question->worker, list->id);
    if (session != NULL && session->state == SESSION_HOLDING && session->run != NULL &&
        session->queries == list->serial) {
        rows_answer(session, process_columns, PROCESS_COLUMNS, list->rows[0], list->count);
    }
    process_list_free(list);
}

static void answer_process_list(struct session *session)
{
    struct process_list *list = mem_zero(1, sizeof(*list));
    list->shared = session->worker->shared;
    list->home = session->worker->index;
    list->id = session->id;
    list->serial = session->queries;
    list->user = slice_make(slice_copy_text(session->user), session->user.len);
    list->question.ask = process_list_ask;
    session_enter(session, SESSION_HOLDING);
    worker_ask(list->shared->workers[0], &list->question);
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
    default:
        answer_error(session, NOT_BUILT, SLICE_ARG(S("KILL by anything but a session's id")));
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
    rows_answer(session, columns, sizeof(columns) / sizeof(columns[0]), row, 1);
}

void answer_statement(struct session *session)
{
    const struct statement *statement = &session->run->statement;
    if (statement->count > 1) {
        answer_error(session, NOT_BUILT,
                     SLICE_ARG(S("a text of several statements of which sluice answers one")));
    } else if (statement_has(statement, EFFECT_KILL)) {
        answer_kill(session, &statement->kill);
    } else if (statement_asks(statement, ASK_PROCESSLIST)) {
        answer_process_list(session);
    } else if (statement_asks(statement, ASK_WARNINGS)) {
        answer_warnings(session);
    } else {
        answer_error(session, NOT_BUILT, SLICE_ARG(S("@@sluice_token")));
    }
}
