#include "proxy/admin/client_priv.h"

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

static void table_answer(struct client *client, const struct table *table)
{
    struct buffer packets = BUFFER_INIT;
    struct writer writer = writer_make(&packets, 1);
    if (!table_write(table, &writer, client->capabilities, client->is_binary, STATUS_AUTOCOMMIT)) {
        buffer_clear(&packets);
        client_answer_fault(client, ADMIN_FAILED,
                            SLICE_ARG(S("the result does not fit the protocol")));
    }
    client_send(client, &packets);
}

static void answer_came(void *owner, const struct exchange_answer *answer)
{
    struct client *client = owner;
    client->exchange = NULL;
    if (answer->error.code != 0) {
        client_answer_error(client, &answer->error);
    } else if (answer->table.width > 0) {
        table_answer(client, &answer->table);
    } else {
        client_answer_ok(client, answer->info);
    }
    if (answer->schema.len > 0) {
        slice_to_text(answer->schema, client->schema, sizeof(client->schema));
    }
    if (stream_is_congested(&client->stream)) {
        client_enter(client, CLIENT_SENDING);
    } else {
        client_enter(client, CLIENT_READY);
        stream_resume(&client->stream);
    }
}

void client_ask(struct client *client, struct slice text, const struct cell *parameters)
{
    struct asker asker = client_asker(client);
    client_enter(client, CLIENT_BUSY);
    client->exchange =
        exchange_start(&client->front->desk, text, parameters, &asker, answer_came, client);
}

// --- the commands -------------------------------------------------------------------------------

static void query_run(struct client *client, struct slice payload)
{
    struct query query;
    if (!query_decode(&query, payload, client->capabilities)) {
        client_malformed(client, "no COM_QUERY");
        return;
    }
    client->is_binary = false;
    client_ask(client, query.text, NULL);
}

static void init_db_run(struct client *client, struct slice payload)
{
    struct init_db init_db;
    struct arena arena = ARENA_INIT;
    if (!init_db_decode(&init_db, payload)) {
        client_malformed(client, "no COM_INIT_DB");
        return;
    }
    client_ask(client, arena_print(&arena, "USE `%.*s`", SLICE_ARG(init_db.schema)), NULL);
    arena_release(&arena);
}

static void process_kill_run(struct client *client, struct slice payload)
{
    struct process_kill process_kill;
    struct arena arena = ARENA_INIT;
    if (!process_kill_decode(&process_kill, payload)) {
        client_malformed(client, "no COM_PROCESS_KILL");
        return;
    }
    client_ask(client, arena_print(&arena, "KILL %u", process_kill.connection_id), NULL);
    arena_release(&arena);
}

static void field_list_run(struct client *client, struct slice payload)
{
    struct field_list field_list;
    if (!field_list_decode(&field_list, payload)) {
        client_malformed(client, "no COM_FIELD_LIST");
        return;
    }
    enum view view = view_find(field_list.table);
    if (view == VIEW_COUNT) {
        client_answer_fault(client, ADMIN_UNKNOWN_VIEW,
                            SLICE_ARG(slice_first(field_list.table, 64)));
        return;
    }
    struct buffer packets = BUFFER_INIT;
    struct writer writer = writer_make(&packets, 1);
    if (!table_fields_write(view_info(view), &writer, client->capabilities, STATUS_AUTOCOMMIT)) {
        client_close(client);
    }
    client_send(client, &packets);
}

// Any option: there is one statement at a time here, whatever the client would like.
static void set_option_run(struct client *client, struct slice payload)
{
    struct set_option set_option;
    if (!set_option_decode(&set_option, payload)) {
        client_malformed(client, "no COM_SET_OPTION");
        return;
    }
    struct buffer packets = BUFFER_INIT;
    struct writer writer = writer_make(&packets, 1);
    if (!table_end_write(&writer, client->capabilities, STATUS_AUTOCOMMIT)) {
        client_close(client);
    }
    client_send(client, &packets);
}

static void statistics_run(struct client *client, struct slice payload)
{
    const struct front *front = client->front;
    struct buffer packets = BUFFER_INIT;
    struct arena arena = ARENA_INIT;
    struct writer writer = writer_make(&packets, 1);
    int64_t up_us = loop_now_us(front->desk.loop) - front->started_us;
    (void)payload;
    writer_packet(&writer, arena_print(&arena, "Uptime: %lld  Threads: %u  (admin port)",
                                       (long long)(up_us / CLOCK_SECOND), front->client_count));
    arena_release(&arena);
    client_send(client, &packets);
}

static void ping_run(struct client *client, struct slice payload)
{
    (void)payload;
    client_answer_ok(client, SLICE_NONE);
}

static void reset_run(struct client *client, struct slice payload)
{
    (void)payload;
    client_statements_release(client);
    client_answer_ok(client, SLICE_NONE);
}

static void quit_run(struct client *client, struct slice payload)
{
    (void)payload;
    client_close(client);
}

// By their code. Those that are not here get an error.
static void (*const runs[256])(struct client *client, struct slice payload) = {
    [COMMAND_QUIT] = quit_run,
    [COMMAND_INIT_DB] = init_db_run,
    [COMMAND_QUERY] = query_run,
    [COMMAND_FIELD_LIST] = field_list_run,
    [COMMAND_STATISTICS] = statistics_run,
    [COMMAND_PROCESS_KILL] = process_kill_run,
    [COMMAND_DEBUG] = ping_run,
    [COMMAND_PING] = ping_run,
    [COMMAND_CHANGE_USER] = client_login_change,
    [COMMAND_STMT_PREPARE] = client_prepare,
    [COMMAND_STMT_EXECUTE] = client_execute,
    [COMMAND_STMT_SEND_LONG_DATA] = client_long_data,
    [COMMAND_STMT_CLOSE] = client_statement_close,
    [COMMAND_STMT_RESET] = client_statement_reset,
    [COMMAND_SET_OPTION] = set_option_run,
    [COMMAND_STMT_FETCH] = client_fetch,
    [COMMAND_RESET_CONNECTION] = reset_run,
};

void client_command(struct client *client, struct slice payload)
{
    if (payload.len == 0) {
        client_malformed(client, "an empty command");
        return;
    }
    uint8_t code = (uint8_t)payload.ptr[0];
    if (runs[code] != NULL) {
        runs[code](client, payload);
        return;
    }
    const struct command_row *row = command_find(code);
    struct slice name = row != NULL ? row->name : S("unknown");
    client_answer_fault(client, UNKNOWN_COMMAND, (unsigned)code, SLICE_ARG(name));
}
