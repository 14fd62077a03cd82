// Commands of our own on a connection: all of one piece of work are sent at once, their answers are
// followed one after the other, and the first error decides. The answer to a conn_query() is
// gathered as it comes and read once it is whole.
#include "proxy/backend/conn_priv.h"

#include "protocol/packet/command.h"
#include "protocol/packet/err.h"
#include "protocol/packet/query.h"
#include "protocol/packet/status.h"
#include "protocol/reply/answer.h"
#include "protocol/reply/reply.h"
#include "proxy/base/arena.h"
#include "proxy/base/memory.h"

#include <assert.h>

enum { COMMANDS_MOST = CONN_QUERIES_MOST, COLUMNS_MOST = 4096, SET_USUAL = 512 };

struct conn_work {
    struct conn *conn;
    struct timer timer; // a server that hangs here costs the connection
    enum command commands[COMMANDS_MOST];
    size_t count;               // of them
    size_t at;                  // whose answer is being read
    struct reply reply;         // that answer
    struct image *image;        // what the connection is once the work is done; NULL: as before
    struct buffer refusal;      // payload of the first ERR, where nobody collects
    conn_result_fn *done;       // NULL: nobody collects
    bool tells_each;            // `done` is called for every command, not for the last alone
    struct prepared_text *text; // being prepared; a reference
    conn_prepared_fn *prepared_done; // with a text
    uint32_t prepared_id;            // what the server calls it
    uint16_t prepared_parameters;
    void *context;
    struct buffer answer; // collected so far
    struct arena arena;   // what the result holds beside those bytes
    struct conn_result result;
};

// --- sending -------------------------------------------------------------------------------------

static void work_timed_out(struct timer *timer)
{
    struct conn *conn = container_of(timer, struct conn_work, timer)->conn;
    conn_end(conn, CONN_END_TIMEOUT, SLICE_NONE, "no answer to sluice within connect_timeout");
}

// Without a limit of time.
static struct conn_work *work_open(struct conn *conn)
{
    struct conn_work *work = mem_zero(1, sizeof(*work));
    work->conn = conn;
    timer_init(&work->timer, work_timed_out);
    conn_enter(conn, CONN_PREPARING);
    conn->work = work;
    return work;
}

static struct conn_work *work_begin(struct conn *conn)
{
    struct conn_work *work = work_open(conn);
    timer_set(&work->timer, conn->stream.loop, conn->target->connect_timeout_us);
    return work;
}

void work_release(struct conn *conn)
{
    struct conn_work *work = conn->work;
    conn->work = NULL;
    if (work == NULL) {
        return;
    }
    timer_release(&work->timer);
    image_unref(&work->image);
    prepared_text_unref(&work->text);
    buffer_release(&work->refusal);
    buffer_release(&work->answer);
    arena_release(&work->arena);
    mem_free(work->result.rows);
    mem_free(work);
}

static void command_sent(struct conn_work *work, enum command command)
{
    assert(work->count < COMMANDS_MOST);
    work->commands[work->count++] = command;
}

// A command up to its argument: statements of ours have no attributes, which has to be said where
// they might.
static void command_write(const struct conn *conn, struct writer *writer, enum command command)
{
    if (command == COMMAND_QUERY) {
        query_encode(&(struct query){0}, writer, conn->peer.capabilities);
    } else {
        writer_u8(writer, (uint8_t)command);
    }
}

static void command_add(struct conn_work *work, struct buffer *out, enum command command,
                        struct slice argument)
{
    struct writer writer = writer_make(out, 0);
    writer_packet_begin(&writer);
    command_write(work->conn, &writer, command);
    writer_slice(&writer, argument);
    if (writer_packet_end(&writer)) {
        command_sent(work, command);
    }
}

static void answer_begin(struct conn *conn)
{
    struct conn_work *work = conn->work;
    enum command_reply kind = command_find((uint8_t)work->commands[work->at])->reply;
    uint8_t frames = work->text != NULL ? (uint8_t)frame_count(1 + work->text->text.len) : 1;
    reply_begin(&work->reply, kind, conn->peer.capabilities, frames);
}

static void work_send(struct conn *conn, struct buffer *out)
{
    answer_begin(conn);
    stream_send(&conn->stream, buffer_ptr(out), buffer_len(out));
    buffer_release(out);
}

// --- what is done --------------------------------------------------------------------------------

// Variables whose changes the servers report with each OK: those that applications set, and none
// that a server changes by itself all the time.
static const char tracked[] = "autocommit,character_set_client,character_set_connection,character_"
                              "set_results,collation_connection,"
                              "sql_mode,time_zone,foreign_key_checks,unique_checks,sql_auto_is_"
                              "null,sql_safe_updates,sql_select_limit,"
                              "group_concat_max_len,lc_time_names,div_precision_increment,max_join_"
                              "size,wait_timeout,interactive_timeout,"
                              "net_read_timeout,net_write_timeout,lock_wait_timeout,innodb_lock_"
                              "wait_timeout,sql_big_selects,sql_notes,"
                              "sql_warnings,default_week_format,low_priority_updates";

bool conn_tracks(struct slice name)
{
    struct slice rest = slice_make(tracked, sizeof(tracked) - 1);
    struct slice one = SLICE_NONE;
    while (slice_cut(&rest, ',', &one)) {
        if (slice_equal_nocase(one, name)) {
            return true;
        }
    }
    return slice_equal(name, S("transaction_isolation")) ||
           slice_equal(name, S("transaction_read_only"));
}

struct slice conn_access_mode_name(const struct conn *conn)
{
    return conn->dialect.has_tx_names ? S("tx_read_only") : S("transaction_read_only");
}

// What every connection of ours has, and the charset again: a reset leaves MySQL with the server's
// own.
static void set_up_write(struct conn *conn, struct buffer *sql)
{
    bool tx_names = conn->dialect.has_tx_names;
    bool is_mariadb = conn->peer.is_mariadb;
    buffer_print(sql, "SET session_track_schema=1,session_track_system_variables='%s,%s,%s%s'",
                 tracked, tx_names ? "tx_isolation" : "transaction_isolation",
                 tx_names ? "tx_read_only" : "transaction_read_only",
                 is_mariadb && !conn->is_replica ? ",last_gtid" : "");
    if (!is_mariadb && !conn->is_replica) {
        buffer_append_slice(sql, S(",session_track_gtids=OWN_GTID"));
    }
    if (conn->is_replica) {
        buffer_print(sql, ",%.*s=1", SLICE_ARG(conn_access_mode_name(conn)));
        conn->has_lost_guard = false;
    }
    if (conn->image != NULL) {
        struct buffer state = BUFFER_INIT;
        image_difference_write(NULL, conn->image, conn->dialect, &state);
        buffer_append(sql, ",", 1);
        buffer_append_slice(sql, slice_from(buffer_slice(&state), sizeof("SET ") - 1));
        buffer_release(&state);
    }
}

static void set_up_add(struct conn *conn, struct buffer *out)
{
    struct buffer sql = BUFFER_INIT;
    set_up_write(conn, &sql);
    command_add(conn->work, out, COMMAND_QUERY, buffer_slice(&sql));
    buffer_release(&sql);
}

void work_set_up(struct conn *conn)
{
    struct buffer out = BUFFER_INIT;
    if (conn->images == NULL) {
        conn_enter(conn, CONN_READY);
        conn_tell_ready(conn);
        return;
    }
    work_begin(conn);
    set_up_add(conn, &out);
    work_send(conn, &out);
}

// The SET that brings the connection's variables from `from` to the image's, unless they are. A
// build that is broken on purpose leaves them as they are, and a test must notice.
static void variables_add(struct conn *conn, const struct image *from, const struct image *image,
                          struct buffer *out)
{
#ifdef SLUICE_BROKEN_restore
    (void)conn, (void)from, (void)image, (void)out;
#else
    size_t before = buffer_len(out);
    struct writer writer = writer_make(out, 0);
    writer_packet_begin(&writer);
    command_write(conn, &writer, COMMAND_QUERY);
    size_t head = buffer_len(out);
    image_difference_write(from, image, conn->dialect, out);
    if (buffer_len(out) == head) {
        buffer_truncate(out, before);
    } else if (writer_packet_end(&writer)) {
        command_sent(conn->work, COMMAND_QUERY);
    }
#endif
}

// The charset that a schema's name is in, which the connection must have to be told it: servers
// tell names in UTF-8; a client that logged in may have named one in its own. Empty: any will do.
static struct slice schema_charset(const struct image *image)
{
    if (slice_is_ascii(image->schema)) {
        return SLICE_NONE;
    }
    if (slice_is_utf8(image->schema, 4)) {
        return S("utf8mb4");
    }
    const struct image_variable *client = image_variable(image, S("character_set_client"));
    return client != NULL ? client->value : SLICE_NONE;
}

// Chooses the schema. `from`, what the connection is, may become another image.
static void schema_add(struct conn *conn, struct image **from, const struct image *image,
                       struct buffer *out)
{
    struct slice charset = schema_charset(image);
    if (charset.len > 0 && *from != NULL) {
        struct image *client = image_ref(*from);
        image_set_variable(&client, S("character_set_client"), charset, false);
        variables_add(conn, *from, client, out);
        image_unref(from);
        *from = client;
    }
    command_add(conn->work, out, COMMAND_INIT_DB, image->schema);
}

void conn_apply(struct conn *conn, struct image *image)
{
    conn_apply_ahead(conn, image, SLICE_NONE);
}

void conn_apply_ahead(struct conn *conn, struct image *image, struct slice behind)
{
    struct image_difference difference = image_compare(conn->image, image);
    struct buffer out = BUFFER_INIT;
    struct conn_work *work = work_begin(conn);

    buffer_reserve(&out, SET_USUAL + behind.len);
    work->image = image_ref(image);
    if (difference.multi_statements) {
        uint8_t option[] = {image->multi_statements ? 0 : 1, 0};
        command_add(work, &out, COMMAND_SET_OPTION, slice_make(option, sizeof(option)));
    }
    struct image *from = conn->image != NULL ? image_ref(conn->image) : NULL;
    if (difference.schema) {
        schema_add(conn, &from, image, &out);
    }
    variables_add(conn, from, image, &out);
    image_unref(&from);
    if (work->count == 0) {
        command_add(work, &out, COMMAND_PING,
                    SLICE_NONE); // equal on this server: on_ready() comes from the loop
    }
    buffer_append_slice(&out, behind);
    work_send(conn, &out);
}

bool conn_can_become(const struct conn *conn, const struct image *image)
{
    return conn->image != NULL && !image_compare(conn->image, image).change_user;
}

// The image that a reset leaves: the charset that the connection came with is set again by us, the
// schema stays, and so does the permission for several statements.
static struct image *image_after_reset(struct conn *conn)
{
    const struct image *was = conn->image;
    const struct collation *usual = collation_by_number(COLLATION_UTF8MB4_GENERAL_CI);
    struct slice collation =
        collation_of_login(usual, conn->peer.is_mariadb && conn->images->has_one_default);
    return image_make(conn->images, usual->charset, collation,
                      was != NULL ? was->schema : SLICE_NONE, was != NULL && was->multi_statements);
}

void conn_reset(struct conn *conn)
{
    struct buffer out = BUFFER_INIT;
    struct conn_work *work = work_begin(conn);
    struct image *image = image_after_reset(conn);

    image_unref(&conn->image);
    conn->image = image;
    statements_forget_all(&conn->statements);
    command_add(work, &out, COMMAND_RESET_CONNECTION, SLICE_NONE);
    set_up_add(conn, &out);
    work_send(conn, &out);
}

static void work_query(struct conn_work *work, enum command command, struct slice argument,
                       struct slice behind, conn_result_fn *done, void *context)
{
    struct buffer out = BUFFER_INIT;
    work->done = done;
    work->context = context;
    command_add(work, &out, command, argument);
    buffer_append_slice(&out, behind);
    work_send(work->conn, &out);
}

void conn_query(struct conn *conn, struct slice sql, conn_result_fn *done, void *context)
{
    work_query(work_begin(conn), COMMAND_QUERY, sql, SLICE_NONE, done, context);
}

void conn_query_ahead(struct conn *conn, struct slice sql, struct slice behind,
                      conn_result_fn *done, void *context)
{
    work_query(work_open(conn), COMMAND_QUERY, sql, behind, done, context);
}

void conn_query_all(struct conn *conn, const struct slice *texts, size_t count,
                    conn_result_fn *done, void *context)
{
    struct conn_work *work = work_begin(conn);
    struct buffer out = BUFFER_INIT;
    work->done = done;
    work->context = context;
    work->tells_each = true;
    for (size_t i = 0; i < count; i++) {
        command_add(work, &out, COMMAND_QUERY, texts[i]);
    }
    work_send(conn, &out);
}

void conn_ping(struct conn *conn, conn_result_fn *done, void *context)
{
    work_query(work_begin(conn), COMMAND_PING, SLICE_NONE, SLICE_NONE, done, context);
}

void conn_prepare(struct conn *conn, struct prepared_text *text, struct slice behind,
                  conn_prepared_fn *done, void *context)
{
    struct buffer *closing = &conn->statements.closing;
    struct buffer out = BUFFER_INIT;
    struct conn_work *work = work_begin(conn);
    timer_clear(&work->timer); // a table that somebody has locked may take as long as it likes
    work->text = prepared_text_ref(text);
    work->prepared_done = done;
    work->context = context;
    statements_close(&conn->statements, text);
    buffer_append_slice(&out, buffer_slice(closing));
    buffer_release(closing);
    command_add(work, &out, COMMAND_STMT_PREPARE, text->text);
    buffer_append_slice(&out, behind);
    work_send(conn, &out);
}

// --- the end -------------------------------------------------------------------------------------

// The answer to a preparation is there, or the refusal. The work is taken off the connection first.
static void work_prepared(struct conn *conn)
{
    struct conn_work *work = conn->work;
    struct slice refusal = buffer_slice(&work->refusal);
    conn_enter(conn, CONN_READY);
    conn->work = NULL;
    struct conn ended = {.work = work}; // for work_release() alone
    if (refusal.len == 0) {
        work->text->parameters = work->prepared_parameters;
        statements_add(&conn->statements, work->text, work->prepared_id);
    }
    work->prepared_done(conn, refusal, work->context);
    work_release(&ended);
}

// The server would not have the session state: the connection is of no use.
static void work_refused(struct conn *conn)
{
    struct slice refusal = buffer_slice(&conn->work->refusal);
    struct err err = {0};
    bool is_err = err_decode(&err, refusal);
    assert(is_err);
    (void)is_err;
    conn_end(conn, CONN_END_PREPARE, refusal, "the server refused the session state: %.*s",
             SLICE_ARG(err.message));
}

// Everything was answered. The work is taken off the connection first: the holder may begin
// another.
static void work_done(struct conn *conn)
{
    struct conn_work *work = conn->work;
    conn_enter(conn, CONN_READY);
    if (work->image != NULL) {
        image_unref(&conn->image);
        conn->image = work->image;
        work->image = NULL;
    }
    conn->work = NULL;
    struct conn ended = {.work = work}; // for work_release() alone
    if (work->done != NULL) {
        work->done(conn, &work->result, work->context);
    } else {
        conn_tell_ready(conn);
    }
    work_release(&ended);
}

// --- the collected answer ------------------------------------------------------------------------

static bool columns_read(struct conn_work *work, const struct answer *answer)
{
    struct conn_result *result = &work->result;
    result->column_count = answer->columns;
    result->columns = arena_alloc(&work->arena, answer->columns * sizeof(struct slice));
    result->definitions = arena_alloc(&work->arena, answer->columns * sizeof(struct column));
    for (size_t i = 0; i < answer->columns; i++) {
        if (!answer_definition(answer, i, &result->definitions[i])) {
            return false;
        }
        result->columns[i] = result->definitions[i].name;
    }
    return true;
}

static void rows_read(struct conn_work *work, struct answer *answer)
{
    struct conn_result *result = &work->result;
    size_t row_size = answer->columns * sizeof(struct slice);
    size_t room = (size_t)work->reply.rows;
    struct slice *cells = arena_alloc(&work->arena, row_size);

    result->rows = mem_zero(room, sizeof(*result->rows));
    while (result->row_count < room && answer_row(answer, cells)) {
        result->rows[result->row_count++].cells = cells;
        cells = arena_alloc(&work->arena, row_size);
    }
    (void)answer_row(answer, cells); // what ended them
}

// False where the bytes are no answer.
static bool result_read(struct conn *conn)
{
    struct conn_work *work = conn->work;
    struct conn_result *result = &work->result;
    struct answer answer;
    bool is_open = answer_open(&answer, buffer_slice(&work->answer), conn->peer.capabilities);

    if (is_open && answer.columns > 0) {
        if (!columns_read(work, &answer)) {
            return false;
        }
        rows_read(work, &answer);
    }
    result->status = answer.ok.status;
    result->code = answer.err.code;
    result->error = answer.err.message;
    result->sqlstate = answer.err.sqlstate;
    return !answer.failed;
}

// --- answers -------------------------------------------------------------------------------------

static void answer_malformed(struct conn *conn)
{
    conn_end(conn, CONN_END_PROTOCOL, SLICE_NONE, "the server's answer to sluice is malformed");
}

// Whether the held packet ends a result with another one behind it.
static bool is_before_another(const struct reply_step *step)
{
    return (step->packet == REPLY_PACKET_OK || step->packet == REPLY_PACKET_EOF) &&
           step->event == REPLY_HELD && (step->ok.status & STATUS_MORE_RESULTS) != 0;
}

// False where the connection had to be ended for it.
static bool answer_collect(struct conn *conn, const uint8_t *bytes, const struct reply_step *step)
{
    struct conn_work *work = conn->work;
    size_t len = step->forward + step->held;
    if (work->done == NULL) {
        if (step->packet == REPLY_PACKET_ERR && buffer_is_empty(&work->refusal)) {
            buffer_append_slice(&work->refusal, reply_held_payload(step, bytes));
        } else if (step->packet == REPLY_PACKET_PREPARED) {
            work->prepared_id = step->prepared.statement_id;
            work->prepared_parameters = step->prepared.parameters;
        }
        return true;
    }
    if (len > CONN_RESULT_MOST - buffer_len(&work->answer)) {
        conn_end(conn, CONN_END_PROTOCOL, SLICE_NONE, "an answer to sluice is too large");
        return false;
    }
    if (work->reply.packets_left > COLUMNS_MOST) {
        answer_malformed(conn);
        return false;
    }
    buffer_append(&work->answer, bytes, len);
    if (is_before_another(step)) {
        buffer_clear(&work->answer);
    }
    return true;
}

// One of several has come. False where the bytes are no answer.
static bool result_tell(struct conn *conn)
{
    struct conn_work *work = conn->work;
    if (!result_read(conn)) {
        return false;
    }
    work->result.left = work->count - work->at;
    work->done(conn, &work->result, work->context);
    mem_free(work->result.rows);
    work->result = (struct conn_result){0};
    buffer_clear(&work->answer);
    arena_release(&work->arena);
    work->arena = ARENA_INIT;
    return true;
}

// The answer being read is complete. False where nothing more is to be read.
static bool answer_ended(struct conn *conn)
{
    struct conn_work *work = conn->work;
    if (++work->at < work->count) {
        if (work->tells_each && !result_tell(conn)) {
            answer_malformed(conn);
            return false;
        }
        answer_begin(conn);
        return true;
    }
    if (work->text != NULL) {
        work_prepared(conn);
    } else if (!buffer_is_empty(&work->refusal)) {
        work_refused(conn);
    } else if (work->done != NULL && !result_read(conn)) {
        answer_malformed(conn);
    } else {
        work_done(conn);
    }
    return false;
}

size_t work_data(struct conn *conn, const uint8_t *bytes, size_t len)
{
    struct reply_step step;
    size_t used = 0;

    for (;;) {
        // Writable, though shown as const; and not written to, for no sequence id is shifted.
        reply_feed(&conn->work->reply, (uint8_t *)bytes + used, len - used, &step);
        if (!answer_collect(conn, bytes + used, &step)) {
            return len;
        }
        used += step.forward + step.held;
        switch (step.event) {
        case REPLY_HELD:
            break;
        case REPLY_END:
            if (!answer_ended(conn)) {
                return used;
            }
            break;
        case REPLY_MORE:
            return used;
        default: // a fault, or the wish for a file
            answer_malformed(conn);
            return len;
        }
    }
}
