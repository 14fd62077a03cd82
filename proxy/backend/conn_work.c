// Commands of our own on a connection: all of one piece of work are sent at once, their answers are
// read one after the other, and the first error decides.
#include "proxy/backend/conn_priv.h"

#include "protocol/packet/command.h"
#include "protocol/packet/eof.h"
#include "protocol/packet/err.h"
#include "protocol/packet/ok.h"
#include "protocol/packet/status.h"
#include "protocol/wire/reader.h"
#include "proxy/base/arena.h"
#include "proxy/base/memory.h"
#include "router/topology/version.h"

enum { COLUMNS_MOST = 4096 };

// What comes next of the answer being read.
enum expected { EXPECT_FIRST, EXPECT_COLUMN, EXPECT_COLUMNS_END, EXPECT_ROW };

struct conn_work {
    struct conn *conn;
    struct timer timer; // a server that hangs here costs the connection
    unsigned answers;   // still to come, the one being read included
    enum expected expected;
    uint64_t columns_left;
    bool is_reset;         // then everything is set up anew
    struct image *image;   // what the connection is once the work is done; NULL: as before
    struct buffer refusal; // payload of the first ERR
    conn_result_fn *done;  // NULL: nobody collects
    void *context;
    struct arena arena;
    struct conn_result result;
    size_t row_room;
    size_t size; // bytes of rows collected
};

// --- sending -------------------------------------------------------------------------------------

static void work_timed_out(struct timer *timer)
{
    struct conn *conn = container_of(timer, struct conn_work, timer)->conn;
    conn_end(conn, CONN_END_TIMEOUT, SLICE_NONE, "no answer to sluice within connect_timeout");
}

static struct conn_work *work_begin(struct conn *conn)
{
    struct conn_work *work = mem_zero(1, sizeof(*work));
    work->conn = conn;
    timer_init(&work->timer, work_timed_out);
    timer_set(&work->timer, conn->stream.loop, conn->target->connect_timeout_us);
    conn_enter(conn, CONN_PREPARING);
    conn->work = work;
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
    buffer_release(&work->refusal);
    arena_release(&work->arena);
    mem_free(work->result.rows);
    mem_free(work);
}

static void command_add(struct conn_work *work, struct buffer *out, enum command command,
                        struct slice argument)
{
    struct writer writer = writer_make(out, 0);
    writer_packet_begin(&writer);
    writer_u8(&writer, (uint8_t)command);
    writer_slice(&writer, argument);
    if (writer_packet_end(&writer)) {
        work->answers++;
    }
}

static void work_send(struct conn *conn, struct buffer *out)
{
    stream_send(&conn->stream, buffer_ptr(out), buffer_len(out));
    buffer_release(out);
}

static bool has_tx_names(const struct conn *conn)
{
    struct version version;
    version_parse(slice_text(conn->peer.version), &version);
    return conn->peer.is_mariadb ? version.number < 110101 : version.number < 50720;
}

static struct image_dialect dialect_of(const struct conn *conn)
{
    return (struct image_dialect){
        .has_tx_names = has_tx_names(conn),
        .keeps_access_mode = conn->is_replica,
    };
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

// What every connection of ours has, and the charset again: a reset leaves MySQL with the server's
// own.
static void set_up_write(struct conn *conn, struct buffer *sql)
{
    bool tx_names = has_tx_names(conn);
    buffer_print(sql, "SET session_track_schema=1,session_track_system_variables='%s,%s,%s'",
                 tracked, tx_names ? "tx_isolation" : "transaction_isolation",
                 tx_names ? "tx_read_only" : "transaction_read_only");
    if (conn->is_replica) {
        buffer_print(sql, ",%s=1", tx_names ? "tx_read_only" : "transaction_read_only");
    }
    for (size_t i = 0; conn->image != NULL && i < conn->image->count; i++) {
        const struct image_variable *variable = &conn->image->variables[i];
        buffer_print(sql, ",%.*s=", SLICE_ARG(variable->name));
        image_value_write(variable, sql);
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

void conn_apply(struct conn *conn, struct image *image)
{
    struct image_difference difference = image_compare(conn->image, image, dialect_of(conn));
    struct buffer out = BUFFER_INIT;
    struct buffer sql = BUFFER_INIT;
    struct conn_work *work = work_begin(conn);

    work->image = image_ref(image);
    if (difference.multi_statements) {
        uint8_t option[] = {image->multi_statements ? 0 : 1, 0};
        command_add(work, &out, COMMAND_SET_OPTION, slice_make(option, sizeof(option)));
    }
    if (difference.schema) {
        command_add(work, &out, COMMAND_INIT_DB, image->schema);
    }
    if (difference.variables) {
        image_difference_write(conn->image, image, dialect_of(conn), &sql);
        command_add(work, &out, COMMAND_QUERY, buffer_slice(&sql));
    }
    if (work->answers == 0) {
        command_add(work, &out, COMMAND_PING,
                    SLICE_NONE); // equal on this server: on_ready() comes from the loop
    }
    buffer_release(&sql);
    work_send(conn, &out);
}

bool conn_can_become(const struct conn *conn, const struct image *image)
{
    return conn->image != NULL && !image_compare(conn->image, image, dialect_of(conn)).change_user;
}

// The image that a reset leaves: the charset that the connection came with is set again by us, the
// schema stays, and so does the permission for several statements.
static struct image *image_after_reset(struct conn *conn)
{
    const struct image *was = conn->image;
    struct slice charset = S("utf8mb4");
    struct slice collation = S("utf8mb4_general_ci");
    return image_make(conn->images, charset, collation, was != NULL ? was->schema : SLICE_NONE,
                      was != NULL && was->multi_statements);
}

void conn_reset(struct conn *conn)
{
    struct buffer out = BUFFER_INIT;
    struct conn_work *work = work_begin(conn);
    struct image *image = image_after_reset(conn);

    image_unref(&conn->image);
    conn->image = image;
    command_add(work, &out, COMMAND_RESET_CONNECTION, SLICE_NONE);
    set_up_add(conn, &out);
    work_send(conn, &out);
}

static void work_query(struct conn *conn, enum command command, struct slice argument,
                       conn_result_fn *done, void *context)
{
    struct buffer out = BUFFER_INIT;
    struct conn_work *work = work_begin(conn);
    work->done = done;
    work->context = context;
    command_add(work, &out, command, argument);
    work_send(conn, &out);
}

void conn_query(struct conn *conn, struct slice sql, conn_result_fn *done, void *context)
{
    work_query(conn, COMMAND_QUERY, sql, done, context);
}

void conn_ping(struct conn *conn, conn_result_fn *done, void *context)
{
    work_query(conn, COMMAND_PING, SLICE_NONE, done, context);
}

// --- answers -------------------------------------------------------------------------------------

// Everything was answered. The work is taken off the connection first: the holder may begin
// another.
static void work_done(struct conn *conn)
{
    struct conn_work *work = conn->work;
    if (work->done == NULL && !buffer_is_empty(&work->refusal)) {
        struct err err = {0};
        bool is_err = err_decode(&err, buffer_slice(&work->refusal));
        conn_end(conn, CONN_END_PREPARE, buffer_slice(&work->refusal),
                 "the server refused the session state: %.*s", SLICE_ARG(err.message));
        (void)is_err;
        return;
    }
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

// The answer being read is complete. False where it was the last.
static bool answer_ended(struct conn *conn, uint16_t status)
{
    struct conn_work *work = conn->work;
    work->expected = EXPECT_FIRST;
    work->result.status = status;
    if (status & STATUS_MORE_RESULTS) {
        work->result.row_count = 0;
        return true;
    }
    if (--work->answers > 0) {
        return true;
    }
    work_done(conn);
    return false;
}

static bool answer_refused(struct conn *conn, struct slice payload)
{
    struct conn_work *work = conn->work;
    struct err err = {0};
    if (buffer_is_empty(&work->refusal) && err_decode(&err, payload)) {
        buffer_append_slice(&work->refusal, payload);
        work->result.code = err.code;
        work->result.error = arena_copy(&work->arena, err.message);
    }
    return answer_ended(conn, 0);
}

static bool columns_begin(struct conn_work *work, struct slice payload)
{
    struct reader reader = reader_make(payload);
    uint64_t count = reader_lenenc(&reader);
    if (reader_is_failed(&reader) || count == 0 || count > COLUMNS_MOST) {
        return false;
    }
    work->columns_left = count;
    work->expected = EXPECT_COLUMN;
    work->result.column_count = 0;
    work->result.row_count = 0;
    work->result.columns = arena_alloc(&work->arena, count * sizeof(struct slice));
    return true;
}

// catalog, schema, table alias, table, alias, ...: the fifth is what people call the column.
static bool column_add(struct conn *conn, struct slice payload)
{
    struct conn_work *work = conn->work;
    struct reader reader = reader_make(payload);
    struct slice name = SLICE_NONE;
    for (int i = 0; i < 5; i++) {
        name = reader_lenenc_slice(&reader);
    }
    if (reader_is_failed(&reader)) {
        return false;
    }
    work->result.columns[work->result.column_count++] = arena_copy(&work->arena, name);
    if (--work->columns_left == 0) {
        bool has_eof = (conn->peer.capabilities & CAPABILITY_DEPRECATE_EOF) == 0;
        work->expected = has_eof ? EXPECT_COLUMNS_END : EXPECT_ROW;
    }
    return true;
}

static bool row_add(struct conn_work *work, struct slice payload)
{
    struct conn_result *result = &work->result;
    struct reader reader = reader_make(payload);
    size_t count = result->column_count;

    work->size += payload.len + count * sizeof(struct slice);
    if (work->size > CONN_RESULT_MOST) {
        return false;
    }
    struct slice *cells = arena_alloc(&work->arena, count * sizeof(*cells));
    for (size_t i = 0; i < count; i++) {
        struct slice cell = reader_lenenc_slice_or_null(&reader);
        cells[i] = cell.ptr != NULL ? arena_copy(&work->arena, cell) : SLICE_NONE;
    }
    if (result->row_count == work->row_room) {
        work->row_room = work->row_room > 0 ? work->row_room * 2 : 16;
        result->rows = mem_grow(result->rows, work->row_room * sizeof(*result->rows));
    }
    result->rows[result->row_count++].cells = cells;
    return reader_is_done(&reader);
}

static bool is_result_end(const struct conn *conn, struct slice payload)
{
    bool has_eof = (conn->peer.capabilities & CAPABILITY_DEPRECATE_EOF) == 0;
    return payload.len > 0 && (uint8_t)payload.ptr[0] == OK_HEADER_END_OF_RESULT &&
           payload.len < (has_eof ? 9 : FRAME_PAYLOAD_MAX);
}

// Status flags of a packet that ends something; false where it is none.
static bool status_read(const struct conn *conn, struct slice payload, uint16_t *status)
{
    struct ok ok;
    struct eof eof;
    bool has_eof = (conn->peer.capabilities & CAPABILITY_DEPRECATE_EOF) == 0;
    if (has_eof && is_result_end(conn, payload)) {
        bool is_eof = eof_decode(&eof, payload);
        *status = is_eof ? eof.status : 0;
        return is_eof;
    }
    bool is_ok = ok_decode(&ok, payload, conn->peer.capabilities);
    *status = is_ok ? ok.status : 0;
    return is_ok;
}

enum packet_fate { PACKET_READ, PACKET_LAST, PACKET_BAD };

static enum packet_fate fate_of(bool goes_on)
{
    return goes_on ? PACKET_READ : PACKET_LAST;
}

static enum packet_fate packet_first(struct conn *conn, struct slice payload)
{
    uint16_t status;
    uint8_t first = (uint8_t)payload.ptr[0];
    if (first == OK_HEADER || first == OK_HEADER_END_OF_RESULT) {
        return status_read(conn, payload, &status) ? fate_of(answer_ended(conn, status))
                                                   : PACKET_BAD;
    }
    return columns_begin(conn->work, payload) ? PACKET_READ : PACKET_BAD;
}

static enum packet_fate packet_row(struct conn *conn, struct slice payload)
{
    uint16_t status;
    if (!is_result_end(conn, payload)) {
        return row_add(conn->work, payload) ? PACKET_READ : PACKET_BAD;
    }
    return status_read(conn, payload, &status) ? fate_of(answer_ended(conn, status)) : PACKET_BAD;
}

static enum packet_fate packet_read(struct conn *conn, struct slice payload)
{
    if (payload.len == 0) {
        return PACKET_BAD;
    }
    if ((uint8_t)payload.ptr[0] == ERR_HEADER) {
        return fate_of(answer_refused(conn, payload));
    }
    switch (conn->work->expected) {
    case EXPECT_FIRST:
        return packet_first(conn, payload);
    case EXPECT_COLUMN:
        return column_add(conn, payload) ? PACKET_READ : PACKET_BAD;
    case EXPECT_COLUMNS_END:
        conn->work->expected = EXPECT_ROW;
        return is_result_end(conn, payload) ? PACKET_READ : PACKET_BAD;
    case EXPECT_ROW:
        return packet_row(conn, payload);
    }
    return PACKET_BAD;
}

size_t work_data(struct conn *conn, const uint8_t *bytes, size_t len)
{
    size_t used = 0;
    while (len - used >= FRAME_HEADER_SIZE) {
        struct frame frame = frame_read(bytes + used);
        if (frame.len >= CONN_RESULT_MOST || frame_is_continued(frame)) {
            conn_end(conn, CONN_END_PROTOCOL, SLICE_NONE, "an answer to sluice is too large");
            return len;
        }
        if (len - used - FRAME_HEADER_SIZE < frame.len) {
            break;
        }
        struct slice payload = slice_make(bytes + used + FRAME_HEADER_SIZE, frame.len);
        used += FRAME_HEADER_SIZE + frame.len;
        enum packet_fate fate = packet_read(conn, payload);
        if (fate == PACKET_BAD) {
            conn_end(conn, CONN_END_PROTOCOL, SLICE_NONE,
                     "the server's answer to sluice is malformed");
            return len;
        }
        if (fate == PACKET_LAST) {
            break;
        }
    }
    return used;
}
