#include "proxy/admin/guest_priv.h"

#include "protocol/packet/prepare_ok.h"
#include "protocol/packet/statement_id.h"
#include "protocol/packet/status.h"
#include "protocol/packet/stmt_close.h"
#include "protocol/packet/stmt_execute.h"
#include "protocol/packet/stmt_long_data.h"
#include "protocol/packet/stmt_prepare.h"
#include "protocol/packet/stmt_reset.h"
#include "protocol/packet/value.h"
#include "proxy/admin/fault.h"
#include "proxy/base/memory.h"

#include <stdio.h>

// A prepared statement is its text: it is prepared anew each time it runs.
struct guest_statement {
    struct list link; // in guest->statements
    uint32_t id;
    size_t parameter_count;
    struct buffer types; // as the guest sent them last
    bool has_long_data;  // sent, and not taken
    struct buffer text;
};

static void statement_free(struct guest *guest, struct guest_statement *statement)
{
    list_remove(&statement->link);
    guest->statement_count--;
    buffer_release(&statement->types);
    buffer_release(&statement->text);
    mem_free(statement);
}

void guest_statements_release(struct guest *guest)
{
    list_each_safe (link, &guest->statements) {
        statement_free(guest, list_entry(link, struct guest_statement, link));
    }
}

static struct guest_statement *statement_find(struct guest *guest, uint32_t id)
{
    if (id == STATEMENT_ID_LAST) {
        id = guest->last_statement_id;
    }
    list_each (link, &guest->statements) {
        struct guest_statement *statement = list_entry(link, struct guest_statement, link);
        if (statement->id == id) {
            return statement;
        }
    }
    return NULL;
}

// The one that a packet names, or NULL with an error told.
static struct guest_statement *statement_named(struct guest *guest, uint32_t id)
{
    struct guest_statement *statement = statement_find(guest, id);
    if (statement == NULL) {
        guest_answer_fault(guest, UNKNOWN_STATEMENT, id);
    }
    return statement;
}

// --- preparing ----------------------------------------------------------------------------------

static struct guest_statement *statement_make(struct guest *guest, struct slice text,
                                              size_t parameter_count)
{
    struct guest_statement *statement = mem_zero(1, sizeof(*statement));
    statement->id = ++guest->last_statement_id;
    statement->parameter_count = parameter_count;
    buffer_append_slice(&statement->text, text);
    list_push_back(&guest->statements, &statement->link);
    guest->statement_count++;
    return statement;
}

static void prepared_answer(struct guest *guest, const struct guest_statement *statement,
                            const struct exchange_outline *outline)
{
    struct buffer packets = BUFFER_INIT;
    struct writer writer = writer_make(&packets, 1);
    struct prepare_ok ok = {
        .statement_id = statement->id,
        .columns = (uint16_t)outline->column_count,
        .parameters = (uint16_t)outline->parameter_count,
        .has_definitions = true,
    };
    writer_packet_begin(&writer);
    prepare_ok_encode(&ok, &writer, guest->capabilities);
    bool is_whole = writer_packet_end(&writer);
    is_whole &= table_definitions_write(NULL, outline->parameter_count, &writer,
                                        guest->capabilities, STATUS_AUTOCOMMIT);
    is_whole &= table_definitions_write(outline->columns, outline->column_count, &writer,
                                        guest->capabilities, STATUS_AUTOCOMMIT);
    if (!is_whole) {
        guest_close(guest);
    }
    guest_send(guest, &packets);
}

void guest_prepare(struct guest *guest, struct slice payload)
{
    struct stmt_prepare prepare;
    struct arena arena = ARENA_INIT;
    struct asker asker = guest_asker(guest);
    struct exchange_outline outline = {0};
    struct error error = ERROR_NONE;
    if (!stmt_prepare_decode(&prepare, payload)) {
        guest_malformed(guest, "no COM_STMT_PREPARE");
    } else if (guest->statement_count >= GUEST_STATEMENTS_MAX) {
        guest_answer_fault(guest, TOO_MANY_STATEMENTS, guest->statement_count);
    } else if (!exchange_inspect(&guest->front->desk, prepare.text, &asker, &arena, &outline,
                                 &error)) {
        guest_answer_error(guest, &error);
    } else {
        prepared_answer(guest, statement_make(guest, prepare.text, outline.parameter_count),
                        &outline);
    }
    arena_release(&arena);
}

// --- running ------------------------------------------------------------------------------------

// A date or time of the binary protocol as text. Manual: page_protocol_binary_resultset,
// "Binary Protocol Value", ProtocolBinary::MYSQL_TYPE_DATETIME and ..._TIME.
static struct slice datetime_text(struct slice content, struct arena *arena)
{
    struct reader reader = reader_make(content);
    unsigned year = content.len >= 4 ? reader_u16(&reader) : 0;
    unsigned month = content.len >= 4 ? reader_u8(&reader) : 0;
    unsigned day = content.len >= 4 ? reader_u8(&reader) : 0;
    if (content.len <= 4) {
        return arena_print(arena, "%04u-%02u-%02u", year, month, day);
    }
    unsigned hour = reader_u8(&reader);
    unsigned minute = reader_u8(&reader);
    unsigned second = reader_u8(&reader);
    return arena_print(arena, "%04u-%02u-%02u %02u:%02u:%02u", year, month, day, hour, minute,
                       second);
}

static struct slice time_text(struct slice content, struct arena *arena)
{
    struct reader reader = reader_make(content);
    bool is_negative = content.len > 0 && reader_u8(&reader) != 0;
    unsigned days = content.len > 0 ? reader_u32(&reader) : 0;
    unsigned hour = content.len > 0 ? reader_u8(&reader) : 0;
    unsigned minute = content.len > 0 ? reader_u8(&reader) : 0;
    unsigned second = content.len > 0 ? reader_u8(&reader) : 0;
    return arena_print(arena, "%s%02u:%02u:%02u", is_negative ? "-" : "", days * 24 + hour, minute,
                       second);
}

static double real_of(uint8_t type, struct slice content)
{
    float single = 0;
    double real = 0;
    if (type == TYPE_FLOAT && content.len == sizeof(single)) {
        memcpy(&single, content.ptr, sizeof(single));
        return (double)single;
    }
    if (content.len == sizeof(real)) {
        memcpy(&real, content.ptr, sizeof(real));
    }
    return real;
}

static struct cell parameter_cell(const struct parameter *parameter, struct arena *arena)
{
    struct slice content = parameter->value;
    if (content.ptr == NULL) {
        return (struct cell){.kind = CELL_NULL};
    }
    switch (parameter->type) {
    case TYPE_TINY:
    case TYPE_SHORT:
    case TYPE_LONG:
    case TYPE_INT24:
    case TYPE_LONGLONG:
    case TYPE_YEAR:
        return cell_int(value_integer(parameter->type, parameter->is_unsigned, content));
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
        return cell_real(real_of(parameter->type, content));
    case TYPE_DATE:
    case TYPE_DATETIME:
    case TYPE_TIMESTAMP:
        return cell_text(datetime_text(content, arena));
    case TYPE_TIME:
        return cell_text(time_text(content, arena));
    default:
        return cell_text(content);
    }
}

// The statement's parameters as cells; NULL where the packet is malformed. Types that were sent are
// kept for the next time.
static const struct cell *values_read(const struct guest *guest, struct guest_statement *statement,
                                      const struct stmt_execute *execute, struct arena *arena)
{
    struct parameters parameters = {0};
    if (!stmt_execute_parameters(execute, statement->parameter_count, guest->capabilities,
                                 &parameters)) {
        return NULL;
    }
    if (parameters.are_types_sent) {
        buffer_clear(&statement->types);
        buffer_append_slice(&statement->types, parameters.types);
    } else {
        parameters.types = buffer_slice(&statement->types);
    }
    struct cell *cells = arena_alloc(arena, (statement->parameter_count + 1) * sizeof(*cells));
    struct parameter_walk walk = parameter_walk(&parameters);
    for (size_t i = 0; i < statement->parameter_count; i++) {
        struct parameter parameter;
        if (!parameter_next(&walk, &parameter)) {
            return NULL;
        }
        cells[i] = parameter_cell(&parameter, arena);
    }
    return cells;
}

void guest_execute(struct guest *guest, struct slice payload)
{
    struct stmt_execute execute;
    if (!stmt_execute_decode(&execute, payload)) {
        guest_malformed(guest, "no COM_STMT_EXECUTE");
        return;
    }
    struct guest_statement *statement = statement_named(guest, execute.statement_id);
    if (statement == NULL) {
        return;
    }
    if (statement->has_long_data) {
        guest_answer_fault(guest, ADMIN_FAILED,
                           SLICE_ARG(S("parameters can't be sent in pieces here")));
        return;
    }
    struct arena arena = ARENA_INIT;
    const struct cell *cells = values_read(guest, statement, &execute, &arena);
    if (cells == NULL) {
        guest_malformed(guest, "the parameters of COM_STMT_EXECUTE");
    } else {
        guest->is_binary = true;
        guest_ask(guest, buffer_slice(&statement->text), cells);
    }
    arena_release(&arena);
}

// --- the rest of them ---------------------------------------------------------------------------

// No answer, be it known or not.
void guest_statement_close(struct guest *guest, struct slice payload)
{
    struct stmt_close stmt_close;
    if (!stmt_close_decode(&stmt_close, payload)) {
        guest_malformed(guest, "no COM_STMT_CLOSE");
        return;
    }
    struct guest_statement *statement = statement_find(guest, stmt_close.statement_id);
    if (statement != NULL) {
        statement_free(guest, statement);
    }
}

void guest_statement_reset(struct guest *guest, struct slice payload)
{
    struct stmt_reset stmt_reset;
    if (!stmt_reset_decode(&stmt_reset, payload)) {
        guest_malformed(guest, "no COM_STMT_RESET");
        return;
    }
    struct guest_statement *statement = statement_named(guest, stmt_reset.statement_id);
    if (statement != NULL) {
        statement->has_long_data = false;
        guest_answer_ok(guest, SLICE_NONE);
    }
}

// No answer: the next COM_STMT_EXECUTE says that it is not taken.
void guest_long_data(struct guest *guest, struct slice payload)
{
    struct stmt_long_data long_data;
    if (!stmt_long_data_decode(&long_data, payload)) {
        guest_malformed(guest, "no COM_STMT_SEND_LONG_DATA");
        return;
    }
    struct guest_statement *statement = statement_find(guest, long_data.statement_id);
    if (statement != NULL) {
        statement->has_long_data = true;
    }
}

void guest_fetch(struct guest *guest, struct slice payload)
{
    (void)payload;
    guest_answer_fault(guest, ADMIN_FAILED,
                       SLICE_ARG(S("there are no cursors here: all rows come at once")));
}
