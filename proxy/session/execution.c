// The commands of statements that were prepared: each execution is routed as its text would be, and
// runs under the id that the statement has on the connection that it gets. Where it has none yet,
// it is prepared there first.
//
// A server remembers the types that came with the last execution, whoever's that was: they are sent
// again where the last ones were others. What came by COM_STMT_SEND_LONG_DATA is kept here and goes
// out in front of the execution. A statement with an open cursor is the session's own, and so is
// its connection, up to the last row.
#include "proxy/session/session_priv.h"

#include "protocol/packet/statement_id.h"
#include "protocol/packet/stmt_bulk_execute.h"
#include "protocol/packet/stmt_execute.h"
#include "proxy/backend/parameter_kinds.h"
#include "proxy/base/memory.h"

enum {
    REPEATS_MOST = 10,       // of one command: a server without room may need to hear it as often
    BEHIND_MOST = 16 * 1024, // bytes of an execution that is sent right behind its preparation
    ER_UNKNOWN_STATEMENT = 1243,
    ER_TOO_MANY_STATEMENTS = 1461,
    ER_NEED_REPREPARE = 1615,
    CURSORS = STMT_EXECUTE_CURSOR_READ_ONLY | STMT_EXECUTE_CURSOR_FOR_UPDATE |
              STMT_EXECUTE_CURSOR_SCROLLABLE,
};

static struct statements *statements_of(const struct session *session)
{
    return conn_statements(pooled_conn(session->pooled));
}

// --- which statement -----------------------------------------------------------------------------

// The statement that the command names, or NULL; `*id` is what it named.
static struct prepared *prepared_named(const struct session *session, uint32_t *id)
{
    struct slice payload = session->run->payload;
    bool has_id = statement_id_get((const uint8_t *)payload.ptr, payload.len, id);
    return has_id ? prepared_find(&session->prepared, *id) : NULL;
}

// Bytes that the packet has at least.
static size_t command_size(enum command command)
{
    return 1 + sizeof(uint32_t) * (command == COMMAND_STMT_FETCH ? 2 : 1);
}

// The same, or the client is told that there is none.
static struct prepared *prepared_wanted(struct session *session)
{
    uint32_t id = 0;
    struct run *run = session->run;
    struct prepared *prepared = prepared_named(session, &id);
    if (run->payload.len < command_size(run->command)) {
        answer_error(session, PACKET_MALFORMED,
                     SLICE_ARG(command_find((uint8_t)run->command)->name));
        return NULL;
    }
    if (prepared == NULL) {
        answer_error(session, UNKNOWN_STATEMENT, id);
        return NULL;
    }
    run->prepared = prepared;
    run->text = prepared_text_ref(prepared->text);
    return prepared;
}

static void command_over(struct session *session)
{
    command_end(session);
    session_idle(session);
}

// --- cursors -------------------------------------------------------------------------------------

static void cursor_unpin(struct session *session)
{
    if (session->prepared.cursors == 0) {
        session->pins &= ~PIN_BIT(PIN_CURSOR);
    }
}

static void cursor_begin(struct session *session, struct prepared *prepared)
{
    struct statements *statements = statements_of(session);
    struct prepared_text *text = session->run->text;
    if (!prepared_has_cursor(prepared)) {
        struct server_statement *statement = statements_find(statements, text);
        prepared->cursor_id = statement->id;
        prepared->cursor_kinds = statement->kinds;
        statement->kinds = NULL;
        prepared->is_cursor_of_other = text != prepared->text;
        session->prepared.cursors++;
        statements_forget(statements, text);
    }
    effects_pin(session, PIN_CURSOR);
}

// The server's statement is anybody's again.
static void cursor_end(struct session *session, struct prepared *prepared)
{
    struct statements *statements = statements_of(session);
    uint32_t id = prepared->cursor_id;
    prepared->cursor_id = 0;
    session->prepared.cursors--;
    if (!prepared->is_cursor_of_other && statements_find(statements, prepared->text) == NULL) {
        statements_add(statements, prepared->text, id)->kinds = prepared->cursor_kinds;
    } else {
        statements_close_id(statements, id);
        mem_free(prepared->cursor_kinds);
    }
    prepared->cursor_kinds = NULL;
    cursor_unpin(session);
}

// --- executing -----------------------------------------------------------------------------------

static bool names_parameters(const struct session *session)
{
    return capability_has(session->capabilities, CAPABILITY_QUERY_ATTRIBUTES);
}

// Keeps the types that came with the execution. False where none have ever come.
static bool types_note(struct run *run, struct slice bytes)
{
    struct prepared *prepared = run->prepared;
    struct prepared_types *types = prepared->types;
    if (!run->are_types_sent) {
        return types != NULL;
    }
    if (types == NULL || !slice_equal(slice_make(types->bytes, types->len), bytes)) {
        types = prepared_types_take(prepared->text, bytes);
        prepared_types_set(prepared->text, &prepared->types, types);
        prepared_types_set(prepared->text, &types, NULL);
    }
    return true;
}

// Those that the client has sent last.
static struct slice types_of(const struct run *run)
{
    const struct prepared_types *types = run->prepared->types;
    return types != NULL ? slice_make(types->bytes, types->len) : SLICE_NONE;
}

// The types of so many parameters, of those that the client has sent before. An execution may have
// fewer attributes behind its parameters than the one before had.
static bool types_recall(const struct session *session, size_t count, struct slice *types)
{
    *types = types_of(session->run);
    return !names_parameters(session) || parameters_types_first(types, count, true);
}

static bool parameters_note(struct session *session, const struct stmt_execute *execute)
{
    struct run *run = session->run;
    struct parameters parameters;
    struct slice types;
    uint16_t count = run->text->parameters;
    if (!stmt_execute_parameters(execute, count, session->capabilities, &parameters)) {
        return false;
    }
    run->parameters = parameters.count;
    if (parameters.count == 0) {
        return true;
    }
    run->are_types_sent = parameters.are_types_sent;
    return types_note(run, parameters.types) &&
           (run->are_types_sent || types_recall(session, parameters.count, &types));
}

// Rows of a cursor come from one connection, which the session keeps: one that may write, for that
// is what applications do between them.
static void cursor_route(struct statement *statement)
{
    if (statement->class == STATEMENT_CLASS_READ) {
        statement->class = STATEMENT_CLASS_CONNECTION;
        statement->reason = ROUTE_REASON_PREPARED;
    }
}

static bool is_text(const struct parameter *parameter)
{
    return parameter->value.ptr != NULL &&
           (parameter->type == TYPE_VAR_STRING || parameter->type == TYPE_STRING ||
            parameter->type == TYPE_VARCHAR || parameter->type == TYPE_BLOB);
}

// The text that was given for that parameter, from 1; empty: another kind of value.
static struct slice text_given(const struct session *session, const struct stmt_execute *execute,
                               uint16_t number)
{
    const struct run *run = session->run;
    struct parameters parameters;
    struct parameter parameter;
    if (run->prepared->long_data != NULL ||
        !stmt_execute_parameters(execute, run->text->parameters, session->capabilities,
                                 &parameters) ||
        (!parameters.are_types_sent &&
         !types_recall(session, parameters.count, &parameters.types))) {
        return SLICE_NONE;
    }
    struct parameter_walk walk = parameter_walk(&parameters);
    for (uint16_t i = 1; parameter_next(&walk, &parameter); i++) {
        if (i == number) {
            return is_text(&parameter) ? parameter.value : SLICE_NONE;
        }
    }
    return SLICE_NONE;
}

// What the text leaves to parameters has the names that they give.
static void subjects_name(struct session *session, const struct stmt_execute *execute)
{
    struct run *run = session->run;
    struct statement *statement = &run->statement;
    size_t size = statement->subjects_count * sizeof(*statement->subjects);
    if (size == 0 || !statement->has_parameters) {
        return;
    }
    struct statement_subject *subjects = arena_alloc(&run->arena, size);
    memcpy(subjects, statement->subjects, size);
    for (uint32_t i = 0; i < statement->subjects_count; i++) {
        if (subjects[i].parameter > 0) {
            subjects[i].name =
                arena_copy(&run->arena, text_given(session, execute, subjects[i].parameter));
        }
    }
    statement->subjects = subjects;
}

void execution_read(struct session *session)
{
    struct run *run = session->run;
    struct stmt_execute execute;
    run->sql = run->text->text;
    run->statement = *preparation_statement(session, run->text);
    query_null_asks(session, &run->statement);
    if (run->command != COMMAND_STMT_EXECUTE || !stmt_execute_decode(&execute, run->payload)) {
        return;
    }
    if ((execute.flags & CURSORS) != 0) {
        cursor_route(&run->statement);
    }
    subjects_name(session, &execute);
}

void execution_begin(struct session *session)
{
    struct run *run = session->run;
    struct stmt_execute execute;
    if (!stmt_execute_decode(&execute, run->payload)) {
        answer_error(session, PACKET_MALFORMED, SLICE_ARG(S("COM_STMT_EXECUTE")));
        return;
    }
    struct prepared *prepared = prepared_wanted(session);
    if (prepared == NULL) {
        return;
    }
    if (!parameters_note(session, &execute)) {
        answer_error(session, PACKET_MALFORMED, SLICE_ARG(S("parameters of COM_STMT_EXECUTE")));
        return;
    }
    if (prepared->long_data != NULL && prepared->long_data->is_too_long) {
        prepared_drop_long_data(prepared);
        answer_error(session, PACKET_TOO_LARGE,
                     (unsigned long long)session->worker->config->proxy.max_packet_bytes);
        return;
    }
    execution_read(session);
    query_go(session);
}

void execution_begin_bulk(struct session *session)
{
    struct run *run = session->run;
    struct stmt_bulk_execute execute;
    if (prepared_wanted(session) == NULL) {
        return;
    }
    if (!stmt_bulk_execute_decode(&execute, run->payload, run->text->parameters)) {
        answer_error(session, PACKET_MALFORMED, SLICE_ARG(S("COM_STMT_BULK_EXECUTE")));
        return;
    }
    run->parameters = run->text->parameters;
    run->are_types_sent = (execute.flags & STMT_BULK_SEND_TYPES) != 0;
    if (!types_note(run, execute.types)) {
        answer_error(session, PACKET_MALFORMED, SLICE_ARG(S("types of COM_STMT_BULK_EXECUTE")));
        return;
    }
    execution_read(session);
    query_go(session);
}

// --- what is sent --------------------------------------------------------------------------------

static void packet_id_set(uint8_t *packet, uint32_t id)
{
    bool is_set = statement_id_set(packet + FRAME_HEADER_SIZE, 1 + sizeof(id), id);
    (void)is_set;
}

// Each packet of long data begins with a frame of sequence id 0.
static void long_data_id_set(struct buffer *packets, uint32_t id)
{
    uint8_t *bytes = buffer_ptr(packets);
    for (size_t at = 0; at < buffer_len(packets);) {
        struct frame frame = frame_read(bytes + at);
        if (frame.sequence == 0) {
            packet_id_set(bytes + at, id);
        }
        at += FRAME_HEADER_SIZE + frame.len;
    }
}

static bool wire_write_one(struct session *session, struct writer *writer)
{
    const struct run *run = session->run;
    struct stmt_execute execute;
    struct parameters parameters;
    uint16_t count = run->text->parameters;
    if (!stmt_execute_decode(&execute, run->payload) ||
        !stmt_execute_parameters(&execute, count, session->capabilities, &parameters) ||
        !types_recall(session, parameters.count, &parameters.types)) {
        return false;
    }
    parameters.are_types_sent = true;
    stmt_execute_encode(&execute, &parameters, count, writer, session->capabilities);
    return true;
}

static bool wire_write_bulk(const struct run *run, struct slice types, struct writer *writer)
{
    struct stmt_bulk_execute execute;
    if (!stmt_bulk_execute_decode(&execute, run->payload, run->text->parameters)) {
        return false;
    }
    execute.types = types;
    stmt_bulk_execute_encode(&execute, writer);
    return true;
}

// The execution with the types that the client sent with an earlier one.
static bool wire_write(struct session *session)
{
    struct run *run = session->run;
    struct writer writer = writer_make(&run->sent, 0);
    writer_packet_begin(&writer);
    bool is_written = run->command == COMMAND_STMT_BULK_EXECUTE
                          ? wire_write_bulk(run, types_of(run), &writer)
                          : wire_write_one(session, &writer);
    if (!is_written || !writer_packet_end(&writer)) {
        return false;
    }
    size_t frames = frame_count(run->payload.len);
    size_t sent = frame_count_in(buffer_len(&run->sent));
    if (sent != frames) { // the answer begins where the client's frames end
        run->reply.sequence = (uint8_t)sent;
        run->reply.shift = (uint8_t)(frames - sent);
    }
    return true;
}

// Servers need not remember the types of these for the next execution.
static bool has_attributes(const struct run *run)
{
    return run->parameters > run->text->parameters;
}

// `types`: those that the server has from whoever ran the statement last.
static struct slice execute_write(struct session *session, const struct prepared_types *types,
                                  uint32_t id)
{
    struct run *run = session->run;
    struct buffer *packet = &run->packet;
    bool has_types = run->parameters == 0 || run->are_types_sent ||
                     (types == run->prepared->types && !has_attributes(run));
    buffer_clear(&run->sent);
    if (!has_types && wire_write(session)) {
        packet = &run->sent;
    }
    packet_id_set(buffer_ptr(packet), id);
    return buffer_slice(packet);
}

// Whether the server would take the parameters for what they are, whoever ran its statement before.
static bool takes_parameters(const struct session *session,
                             const struct server_statement *statement)
{
    const struct run *run = session->run;
    bool is_as_before = statement->kinds == NULL || statement->types == run->prepared->types;
    return run->text->parameters == 0 || is_as_before ||
           parameter_kinds_fit(statement->kinds, run->text->parameters, types_of(run),
                               names_parameters(session));
}

static void kinds_keep(const struct session *session, struct server_statement *statement)
{
    const struct run *run = session->run;
    size_t count = run->text->parameters;
    bool is_as_before = statement->kinds != NULL && statement->types == run->prepared->types;
    if (count == 0 || is_as_before || conn_peer(pooled_conn(session->pooled))->is_mariadb) {
        return;
    }
    if (statement->kinds == NULL) {
        statement->kinds = mem_zero(count, sizeof(*statement->kinds));
    }
    parameter_kinds_note(statement->kinds, count, types_of(run), names_parameters(session));
}

// The server has the types now. Those of a text that took the place of the client's belong to the
// client's, and are sent each time.
static void types_keep(const struct session *session, struct server_statement *statement)
{
    const struct run *run = session->run;
    kinds_keep(session, statement);
    if (run->text == run->prepared->text) {
        struct prepared_types *types = has_attributes(run) ? NULL : run->prepared->types;
        prepared_types_set(run->text, &statement->types, types);
    }
}

size_t execution_pack(struct session *session, struct slice parts[EXECUTION_PARTS_MOST])
{
    struct run *run = session->run;
    struct prepared *prepared = run->prepared;
    struct statements *statements = statements_of(session);
    size_t count = 0;

    if (!buffer_is_empty(&statements->closing)) {
        parts[count++] = buffer_slice(&statements->closing);
    }
    if (prepared == NULL || !execution_is_meant(run)) {
        if (prepared != NULL) {
            packet_id_set(buffer_ptr(&run->packet), prepared->cursor_id);
        }
        parts[count++] = run_packet(run);
        return count;
    }
    struct server_statement *statement =
        prepared_has_cursor(prepared) ? NULL : statements_find(statements, run->text);
    uint32_t id = statement != NULL ? statement->id : prepared->cursor_id;
    if (prepared->long_data != NULL) {
        long_data_id_set(&prepared->long_data->packets, id);
        parts[count++] = buffer_slice(&prepared->long_data->packets);
    }
    parts[count++] = execute_write(session, statement != NULL ? statement->types : NULL, id);
    if (statement != NULL) {
        types_keep(session, statement);
    }
    return count;
}

// --- on a connection that does not have it -------------------------------------------------------

// Sends what the server said when the statement was to be prepared, as the answer to its execution.
static void refusal_answer(struct session *session)
{
    struct run *run = session->run;
    struct buffer packet = BUFFER_INIT;
    struct writer writer = answer_writer_make(session, &packet);
    struct err err = {0};
    bool is_err = err_decode(&err, run->refusal);
    (void)is_err; // it was when it came
    if (!relay_timeout_write(session, &writer, err.code)) {
        writer_packet(&writer, run->refusal);
    }
    stream_send(&session->stream, buffer_ptr(&packet), buffer_len(&packet));
    buffer_release(&packet);
    reply_begin(&run->reply, COMMAND_REPLY_NONE, 0, 0);
    run->reply.error = err.code;
    outcome_end(session, &(struct outcome){.is_error = true});
}

static bool is_repeated(struct run *run)
{
    return run->repeats++ < REPEATS_MOST;
}

// The statement could not be prepared, and nothing more is to come of the server.
static void refused(struct session *session)
{
    struct run *run = session->run;
    struct err err;
    bool is_err = err_decode(&err, run->refusal);
    bool is_full = is_err && err.code == ER_TOO_MANY_STATEMENTS;
    if (is_err && missing_is_worth_a_try(session, err.code)) {
        missing_go_on(session, false);
    } else if (is_full && is_repeated(run) &&
               conn_shrink_statements(pooled_conn(session->pooled))) {
        run->refusal = SLICE_NONE;
        conn_settle(pooled_conn(session->pooled));
        attach_send(session);
    } else {
        refusal_answer(session);
    }
}

static void prepared_there(struct conn *conn, struct slice refusal, void *context)
{
    struct session *session = context;
    if (refusal.len == 0) {
        attach_send(session);
        return;
    }
    session->run->refusal = arena_copy(&session->run->arena, refusal);
    conn_relay(conn);
    refused(session);
}

// The execution was sent right behind.
static void prepared_before(struct conn *conn, struct slice refusal, void *context)
{
    struct session *session = context;
    struct run *run = session->run;
    conn_relay(conn);
    relay_begin(session);
    if (refusal.len > 0) {
        run->refusal = arena_copy(&run->arena, refusal);
        run->answer = ANSWER_DISCARDED; // the server says that it has nothing to run
        return;
    }
    types_keep(session, statements_find(conn_statements(conn), run->text));
}

// Whether the execution may follow its preparation unheard, under the id that means "the last one"
// to MariaDB: where the preparation fails, the server may take it for one that was there before,
// and that one must be harmless.
static bool can_follow(const struct session *session)
{
    const struct run *run = session->run;
    struct conn *conn = pooled_conn(session->pooled);
    return conn_peer(conn)->is_mariadb && conn_statements(conn)->is_last_harmless &&
           run->prepared->long_data == NULL && buffer_len(&run->packet) <= BEHIND_MOST &&
           conn_image(conn) == session->image && run->command == COMMAND_STMT_EXECUTE;
}

static void prepare_there(struct session *session)
{
    struct run *run = session->run;
    struct conn *conn = pooled_conn(session->pooled);
    session_enter(session, SESSION_RUNNING);
    run->sent_us = loop_now_us(session->worker->loop);
    run->is_sent = can_follow(session);
    if (run->is_sent) {
        struct slice behind = execute_write(session, NULL, STATEMENT_ID_LAST);
        conn_prepare(conn, run->text, behind, prepared_before, session);
    } else {
        conn_prepare(conn, run->text, SLICE_NONE, prepared_there, session);
    }
    if (run->route.timeout_us > 0) {
        timer_set(&session->timer, session->worker->loop, run->route.timeout_us);
    }
}

// Under the session state that the text was read by, though the session has another by now.
static void prepare_as_meant(struct session *session)
{
    const struct prepared_text *text = session->run->text;
    struct conn *conn = pooled_conn(session->pooled);
    struct image *meant = prepared_text_meant(text, conn_image(conn));
    if (meant == conn_image(conn) || prepared_text_fits(text, conn_image(conn))) {
        prepare_there(session);
    } else {
        session_enter(session, SESSION_PREPARING);
        session->run->applied = meant;
        conn_apply(conn, meant);
    }
    image_unref(&meant);
}

// Where clients are told of MariaDB, and a server is a MySQL.
static bool can_bulk(const struct session *session, const struct conn *conn)
{
    return session->run->command != COMMAND_STMT_BULK_EXECUTE ||
           (conn_peer(conn)->capabilities & CAPABILITY_MARIADB_BULK) != 0;
}

bool execution_is_ready(struct session *session)
{
    struct run *run = session->run;
    struct conn *conn = pooled_conn(session->pooled);
    if (run->text == NULL) {
        return true;
    }
    if (run->command == COMMAND_STMT_PREPARE) {
        statements_close(conn_statements(conn), run->text);
        return true;
    }
    if (!can_bulk(session, conn)) {
        outcome_release(session);
        answer_error(session, UNKNOWN_COMMAND, (unsigned)run->command,
                     SLICE_ARG(S("STMT_BULK_EXECUTE")));
        return false;
    }
    if (prepared_has_cursor(run->prepared)) {
        return true;
    }
    const struct server_statement *statement = statements_find(conn_statements(conn), run->text);
    if (statement != NULL && takes_parameters(session, statement)) {
        if (conn_image(conn) == session->image) {
            return true;
        }
        session_enter(session, SESSION_PREPARING);
        run->applied = session->image;
        conn_apply(conn, session->image); // back from how it was prepared
    } else {
        prepare_as_meant(session);
    }
    return false;
}

// --- answers -------------------------------------------------------------------------------------

// A procedure may have come far before a statement of its own was refused so.
static bool is_one_statement(const struct statement *statement)
{
    return statement->kind != STATEMENT_CALL && statement->kind != STATEMENT_COMPOUND &&
           statement->kind != STATEMENT_EXECUTE && statement->kind != STATEMENT_UNKNOWN;
}

// The server does not have the statement that it is given, whatever happened to it.
static bool is_unknown_there(const struct run *run, const struct err *err)
{
    return err->code == ER_UNKNOWN_STATEMENT &&
           (is_one_statement(&run->statement) ||
            slice_find_slice(err->message, S("mysqld_stmt_")) < err->message.len);
}

bool execution_takes_error(struct session *session, const struct err *err)
{
    struct run *run = session->run;
    bool is_repeating = false;
    if (run->is_forwarded || run->text == NULL || run->order != ORDER_NONE) {
        return false;
    }
    struct statements *statements = statements_of(session);
    if (run->command == COMMAND_STMT_PREPARE) {
        is_repeating = err->code == ER_TOO_MANY_STATEMENTS && is_repeated(run) &&
                       conn_shrink_statements(pooled_conn(session->pooled));
    } else if (execution_is_meant(run) && !prepared_has_cursor(run->prepared)) {
        if (is_unknown_there(run, err) && is_repeated(run)) {
            statements_forget(statements, run->text);
            is_repeating = true;
        } else if (err->code == ER_NEED_REPREPARE && is_one_statement(&run->statement) &&
                   is_repeated(run)) {
            statements_close(statements, run->text);
            is_repeating = true;
        }
    }
    run->answer = is_repeating ? ANSWER_REPEATED : run->answer;
    return is_repeating;
}

void execution_go_on(struct session *session)
{
    struct run *run = session->run;
    bool was_discarded = run->answer == ANSWER_DISCARDED;
    run->answer = ANSWER_RELAYED;
    if (was_discarded) {
        refused(session);
        return;
    }
    run->is_sent = false;
    run->answered_us = 0;
    conn_settle(pooled_conn(session->pooled));
    attach_send(session);
}

static void executed(struct session *session, bool is_error)
{
    struct run *run = session->run;
    struct prepared *prepared = run->prepared;
    struct statements *statements = statements_of(session);
    bool had_long_data = prepared->long_data != NULL;
    bool opens = !is_error && (run->reply.status & STATUS_CURSOR_EXISTS) != 0;

    prepared_drop_long_data(prepared);
    if (opens) {
        cursor_begin(session, prepared);
    } else if (prepared_has_cursor(prepared)) {
        cursor_end(session, prepared);
    }
    if (is_error && !prepared_has_cursor(prepared)) {
        // What the server made of types and data that it did not like is not known.
        struct server_statement *statement = statements_find(statements, run->text);
        if (statement != NULL && had_long_data) {
            statements_close(statements, run->text);
        } else if (statement != NULL) {
            prepared_types_set(run->text, &statement->types, NULL);
        }
    }
}

void execution_end(struct session *session, bool is_error)
{
    struct run *run = session->run;
    switch (run->command) {
    case COMMAND_STMT_PREPARE:
        preparation_end(session, is_error);
        break;
    case COMMAND_STMT_EXECUTE:
    case COMMAND_STMT_BULK_EXECUTE:
        executed(session, is_error);
        break;
    case COMMAND_STMT_FETCH:
        if (!is_error && (run->reply.status & STATUS_LAST_ROW_SENT) != 0) {
            cursor_end(session, run->prepared);
        }
        break;
    case COMMAND_STMT_RESET:
        if (!is_error) {
            cursor_end(session, run->prepared);
        }
        break;
    default:
        break;
    }
}

// --- the other commands --------------------------------------------------------------------------

void execution_fetch(struct session *session)
{
    struct prepared *prepared = prepared_wanted(session);
    if (prepared == NULL) {
        return;
    }
    if (!prepared_has_cursor(prepared)) {
        answer_error(session, NO_CURSOR, prepared->id);
        return;
    }
    query_begin_attached(session);
}

void execution_reset(struct session *session)
{
    struct prepared *prepared = prepared_wanted(session);
    if (prepared == NULL) {
        return;
    }
    prepared_drop_long_data(prepared);
    if (prepared_has_cursor(prepared)) {
        query_begin_attached(session);
    } else {
        answer_ok(session);
    }
}

void execution_close(struct session *session)
{
    uint32_t id = 0;
    struct prepared *prepared = prepared_named(session, &id);
    if (prepared != NULL && prepared_has_cursor(prepared)) {
        prepared->is_cursor_of_other = true; // the server's goes too: it is open there
        cursor_end(session, prepared);
    }
    if (prepared != NULL) {
        prepared_remove(&session->prepared, prepared);
    }
    session->run->statement = (struct statement){.kind = STATEMENT_EMPTY};
    if (session->pooled != NULL) {
        outcome_release(session);
    }
    command_over(session);
}

void execution_add_long_data(struct session *session)
{
    uint32_t id = 0;
    struct prepared *prepared = prepared_named(session, &id);
    if (prepared != NULL) { // else nobody may be told
        prepared_add_long_data(prepared, buffer_slice(&session->run->packet),
                               session->worker->config->proxy.max_packet_bytes);
    }
    command_over(session);
}
