#include "proxy/admin/guest_priv.h"

#include "protocol/packet/command.h"
#include "protocol/packet/field_list.h"
#include "protocol/packet/init_db.h"
#include "protocol/packet/process_kill.h"
#include "protocol/packet/query.h"
#include "protocol/packet/set_option.h"
#include "protocol/packet/status.h"
#include "proxy/admin/fault.h"
#include "proxy/base/arena.h"
#include "proxy/base/clock.h"

// --- asking, and what came of it ----------------------------------------------------------------

static void table_answer(struct guest *guest, const struct table *table)
{
    struct buffer packets = BUFFER_INIT;
    struct writer writer = writer_make(&packets, 1);
    if (!table_write(table, &writer, guest->capabilities, guest->is_binary, STATUS_AUTOCOMMIT)) {
        buffer_clear(&packets);
        guest_answer_fault(guest, ADMIN_FAILED,
                           SLICE_ARG(S("the result does not fit the protocol")));
    }
    guest_send(guest, &packets);
}

static void answer_came(void *owner, const struct exchange_answer *answer)
{
    struct guest *guest = owner;
    guest->exchange = NULL;
    if (answer->error.code != 0) {
        guest_answer_error(guest, &answer->error);
    } else if (answer->table.width > 0) {
        table_answer(guest, &answer->table);
    } else {
        guest_answer_ok(guest, answer->info);
    }
    if (answer->schema.len > 0) {
        slice_to_text(answer->schema, guest->schema, sizeof(guest->schema));
    }
    if (guest->state != GUEST_BUSY) {
        return; // the answer could not be written, and that was the end
    }
    if (stream_is_congested(&guest->stream)) {
        guest_enter(guest, GUEST_SENDING);
    } else {
        guest_enter(guest, GUEST_READY);
        stream_resume(&guest->stream);
    }
}

void guest_ask(struct guest *guest, struct slice text, const struct cell *parameters)
{
    struct asker asker = guest_asker(guest);
    guest_enter(guest, GUEST_BUSY);
    guest->exchange =
        exchange_start(&guest->front->desk, text, parameters, &asker, answer_came, guest);
}

// --- the commands -------------------------------------------------------------------------------

static void query_run(struct guest *guest, struct slice payload)
{
    struct query query;
    if (!query_decode(&query, payload, guest->capabilities)) {
        guest_malformed(guest, "no COM_QUERY");
        return;
    }
    guest->is_binary = false;
    guest_ask(guest, query.text, NULL);
}

static void init_db_run(struct guest *guest, struct slice payload)
{
    struct init_db init_db;
    struct arena arena = ARENA_INIT;
    if (!init_db_decode(&init_db, payload)) {
        guest_malformed(guest, "no COM_INIT_DB");
        return;
    }
    guest_ask(guest, arena_print(&arena, "USE `%.*s`", SLICE_ARG(init_db.schema)), NULL);
    arena_release(&arena);
}

static void process_kill_run(struct guest *guest, struct slice payload)
{
    struct process_kill process_kill;
    struct arena arena = ARENA_INIT;
    if (!process_kill_decode(&process_kill, payload)) {
        guest_malformed(guest, "no COM_PROCESS_KILL");
        return;
    }
    guest_ask(guest, arena_print(&arena, "KILL %u", process_kill.connection_id), NULL);
    arena_release(&arena);
}

static void field_list_run(struct guest *guest, struct slice payload)
{
    struct field_list field_list;
    if (!field_list_decode(&field_list, payload)) {
        guest_malformed(guest, "no COM_FIELD_LIST");
        return;
    }
    enum view view = view_find(field_list.table);
    if (view == VIEW_COUNT) {
        guest_answer_fault(guest, ADMIN_UNKNOWN_VIEW, SLICE_ARG(slice_first(field_list.table, 64)));
        return;
    }
    struct buffer packets = BUFFER_INIT;
    struct writer writer = writer_make(&packets, 1);
    if (!table_fields_write(view_info(view), &writer, guest->capabilities, STATUS_AUTOCOMMIT)) {
        guest_close(guest);
    }
    guest_send(guest, &packets);
}

// Any option: there is one statement at a time here, whatever the guest would like.
static void set_option_run(struct guest *guest, struct slice payload)
{
    struct set_option set_option;
    if (!set_option_decode(&set_option, payload)) {
        guest_malformed(guest, "no COM_SET_OPTION");
        return;
    }
    struct buffer packets = BUFFER_INIT;
    struct writer writer = writer_make(&packets, 1);
    if (!table_end_write(&writer, guest->capabilities, STATUS_AUTOCOMMIT)) {
        guest_close(guest);
    }
    guest_send(guest, &packets);
}

static void statistics_run(struct guest *guest, struct slice payload)
{
    const struct front *front = guest->front;
    struct buffer packets = BUFFER_INIT;
    struct arena arena = ARENA_INIT;
    struct writer writer = writer_make(&packets, 1);
    int64_t up_us = loop_now_us(front->desk.loop) - front->started_us;
    (void)payload;
    writer_packet(&writer, arena_print(&arena, "Uptime: %lld  Threads: %u  (admin port)",
                                       (long long)(up_us / CLOCK_SECOND), front->guest_count));
    arena_release(&arena);
    guest_send(guest, &packets);
}

static void ping_run(struct guest *guest, struct slice payload)
{
    (void)payload;
    guest_answer_ok(guest, SLICE_NONE);
}

static void reset_run(struct guest *guest, struct slice payload)
{
    (void)payload;
    guest_statements_release(guest);
    guest_answer_ok(guest, SLICE_NONE);
}

static void quit_run(struct guest *guest, struct slice payload)
{
    (void)payload;
    guest_close(guest);
}

// By their code. Those that are not here get an error.
static void (*const runs[256])(struct guest *guest, struct slice payload) = {
    [COMMAND_QUIT] = quit_run,
    [COMMAND_INIT_DB] = init_db_run,
    [COMMAND_QUERY] = query_run,
    [COMMAND_FIELD_LIST] = field_list_run,
    [COMMAND_STATISTICS] = statistics_run,
    [COMMAND_PROCESS_KILL] = process_kill_run,
    [COMMAND_DEBUG] = ping_run,
    [COMMAND_PING] = ping_run,
    [COMMAND_CHANGE_USER] = guest_login_change,
    [COMMAND_STMT_PREPARE] = guest_prepare,
    [COMMAND_STMT_EXECUTE] = guest_execute,
    [COMMAND_STMT_SEND_LONG_DATA] = guest_long_data,
    [COMMAND_STMT_CLOSE] = guest_statement_close,
    [COMMAND_STMT_RESET] = guest_statement_reset,
    [COMMAND_SET_OPTION] = set_option_run,
    [COMMAND_STMT_FETCH] = guest_fetch,
    [COMMAND_RESET_CONNECTION] = reset_run,
};

void guest_command(struct guest *guest, struct slice payload)
{
    if (payload.len == 0) {
        guest_malformed(guest, "an empty command");
        return;
    }
    uint8_t code = (uint8_t)payload.ptr[0];
    if (runs[code] != NULL) {
        runs[code](guest, payload);
        return;
    }
    const struct command_row *row = command_find(code);
    struct slice name = row != NULL ? row->name : S("unknown");
    guest_answer_fault(guest, UNKNOWN_COMMAND, (unsigned)code, SLICE_ARG(name));
}
