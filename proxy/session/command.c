#include "proxy/session/session_priv.h"

#include "protocol/packet/init_db.h"
#include "protocol/packet/process_kill.h"
#include "protocol/packet/query.h"
#include "protocol/packet/set_option.h"
#include "protocol/packet/stmt_prepare.h"

// --- the commands --------------------------------------------------------------------------------

static void run_quit(struct session *session)
{
    command_end(session);
    if (stream_queued(&session->stream) > 0) { // of what it asked for before
        session_finish(session);
        return;
    }
    stream_leave(&session->stream);
    session_close(session);
}

static void run_query(struct session *session)
{
    struct run *run = session->run;
    struct query query;
    if (!query_decode(&query, run->payload, session->capabilities)) {
        answer_error(session, PACKET_MALFORMED, SLICE_ARG(S("COM_QUERY")));
        return;
    }
    const char *attributes = run->payload.ptr + 1;
    run->attributes = slice_make(attributes, (size_t)(query.text.ptr - attributes));
    query_begin(session, query.text);
}

static void run_init_db(struct session *session)
{
    struct init_db init_db;
    if (!init_db_decode(&init_db, session->run->payload)) {
        answer_error(session, PACKET_MALFORMED, SLICE_ARG(S("COM_INIT_DB")));
        return;
    }
    struct statement statement = {
        .kind = STATEMENT_USE,
        .class = STATEMENT_CLASS_SESSION,
        .reason = ROUTE_REASON_SESSION_STATE,
        .count = 1,
        .effects = EFFECT_BIT(EFFECT_SCHEMA),
        .schema = init_db.schema,
    };
    query_begin_command(session, &statement);
}

static void run_ping(struct session *session)
{
    last_counted(session, 0);
    answer_ok(session);
}

// Commands whose answer is each server's own.
static void run_server_read(struct session *session)
{
    struct statement statement = {
        .kind = STATEMENT_ADMINISTRATION,
        .class = STATEMENT_CLASS_SERVER_READ,
        .reason = ROUTE_REASON_COMMAND,
        .count = 1,
    };
    query_begin_command(session, &statement);
}

static void run_process_info(struct session *session)
{
    struct statement statement = {
        .kind = STATEMENT_SHOW,
        .class = STATEMENT_CLASS_PROXY,
        .reason = ROUTE_REASON_PROXY_STATEMENT,
        .count = 1,
        .asks = ASK_BIT(ASK_PROCESSLIST),
    };
    query_begin_command(session, &statement);
}

static void run_set_option(struct session *session)
{
    struct set_option option;
    if (!set_option_decode(&option, session->run->payload) ||
        option.option > SET_OPTION_MULTI_STATEMENTS_OFF) {
        answer_error(session, PACKET_MALFORMED, SLICE_ARG(S("COM_SET_OPTION")));
        return;
    }
    if (session_is_attached(session)) {
        query_begin_attached(session); // the server hears it too; query_end() notes it
        return;
    }
    image_set_multi_statements(&session->image, option.option == SET_OPTION_MULTI_STATEMENTS_ON);
    last_counted(session, -1);
    answer_eof(session);
}

static void run_process_kill(struct session *session)
{
    struct process_kill kill;
    if (!process_kill_decode(&kill, session->run->payload)) {
        answer_error(session, PACKET_MALFORMED, SLICE_ARG(S("COM_PROCESS_KILL")));
        return;
    }
    kill_begin(session, kill.connection_id, false);
}

static void run_change_user(struct session *session)
{
    greet_change_user(session);
}

static void run_reset(struct session *session)
{
    query_let_go(session);
    effects_reset(session);
    answer_ok(session);
}

static void run_prepare(struct session *session)
{
    struct stmt_prepare prepare;
    if (!stmt_prepare_decode(&prepare, session->run->payload)) {
        answer_error(session, PACKET_MALFORMED, SLICE_ARG(S("COM_STMT_PREPARE")));
        return;
    }
    preparation_begin(session, prepare.text);
}

static const struct {
    enum command command;
    void (*run)(struct session *session);
} handlers[] = {
    {COMMAND_QUERY, run_query},
    {COMMAND_QUIT, run_quit},
    {COMMAND_INIT_DB, run_init_db},
    {COMMAND_PING, run_ping},
    {COMMAND_STMT_PREPARE, run_prepare},
    {COMMAND_STMT_EXECUTE, execution_begin},
    {COMMAND_STMT_BULK_EXECUTE, execution_begin_bulk},
    {COMMAND_STMT_CLOSE, execution_close},
    {COMMAND_STMT_RESET, execution_reset},
    {COMMAND_STMT_FETCH, execution_fetch},
    {COMMAND_STMT_SEND_LONG_DATA, execution_add_long_data},
    {COMMAND_RESET_CONNECTION, run_reset},
    {COMMAND_CHANGE_USER, run_change_user},
    {COMMAND_SET_OPTION, run_set_option},
    {COMMAND_FIELD_LIST, run_server_read},
    {COMMAND_STATISTICS, run_server_read},
    {COMMAND_DEBUG, run_server_read},
    {COMMAND_PROCESS_INFO, run_process_info},
    {COMMAND_PROCESS_KILL, run_process_kill},
};

static void command_run(struct session *session)
{
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (handlers[i].command == session->run->command) {
            handlers[i].run(session);
            return;
        }
    }
    const struct command_row *row = command_find((uint8_t)session->run->command);
    struct slice name = row != NULL ? row->name : S("unknown");
    answer_error(session, UNKNOWN_COMMAND, (unsigned)session->run->command, SLICE_ARG(name));
}

// --- packets -------------------------------------------------------------------------------------

// What a packet of one or more frames is like, as far as it has come.
struct packet_look {
    size_t size;    // bytes with headers, once it is whole
    size_t payload; // bytes without
    unsigned frames;
    uint8_t expected; // sequence id that a frame should have had
    uint8_t found;
    bool is_whole;
    bool is_in_order;
};

static struct packet_look packet_look(const struct session *session, const uint8_t *bytes,
                                      size_t len)
{
    // Clients that compress number what is outside, and inside as they like: libmariadb all 0.
    bool is_numbered = !stream_is_compressed(&session->stream);
    struct packet_look look = {.is_in_order = true};
    while (len - look.size >= FRAME_HEADER_SIZE) {
        struct frame frame = frame_read(bytes + look.size);
        if (is_numbered && frame.sequence != look.expected) {
            look.found = frame.sequence;
            look.is_in_order = false;
            return look;
        }
        look.expected++;
        look.payload += frame.len;
        look.frames++;
        if (len - look.size - FRAME_HEADER_SIZE < frame.len) {
            return look;
        }
        look.size += FRAME_HEADER_SIZE + frame.len;
        if (!frame_is_continued(frame)) {
            look.is_whole = true;
            return look;
        }
    }
    return look;
}

// As a client that does not compress numbers them.
static void frames_number(struct run *run, const struct packet_look *look)
{
    uint8_t *bytes = buffer_ptr(&run->packet);
    uint8_t sequence = 0;
    for (size_t at = 0; at < look->size;) {
        struct frame frame = frame_read(bytes + at);
        frame.sequence = sequence++;
        frame_write(bytes + at, frame);
        at += FRAME_HEADER_SIZE + frame.len;
    }
}

// The payload in one piece: frames after the first lose their headers.
static struct slice payload_join(struct run *run, const struct packet_look *look)
{
    const uint8_t *bytes = buffer_ptr(&run->packet);
    if (look->frames == 1) {
        return slice_make(bytes + FRAME_HEADER_SIZE, look->payload);
    }
    char *joined = arena_alloc(&run->arena, look->payload);
    size_t len = 0;
    for (size_t at = 0; at < look->size;) {
        struct frame frame = frame_read(bytes + at);
        memcpy(joined + len, bytes + at + FRAME_HEADER_SIZE, frame.len);
        len += frame.len;
        at += FRAME_HEADER_SIZE + frame.len;
    }
    return slice_make(joined, len);
}

// False where the packet breaks the protocol or a limit: the session was told and ends.
static bool packet_check(struct session *session, const struct packet_look *look)
{
    uint64_t most = session->worker->config->proxy.max_packet_bytes;
    bool is_empty = look->is_whole && look->payload == 0;
    if (look->is_in_order && look->payload <= most && !is_empty) {
        return true;
    }
    session->run = run_take(session->worker); // the error answers a command, though none was read
    session->run->frames = look->frames > 0 ? (uint8_t)look->frames : 1;
    session->run->started_us = loop_now_us(session->worker->loop);
    if (!look->is_in_order) {
        answer_error(session, PACKET_OUT_OF_ORDER, (unsigned)look->found, (unsigned)look->expected);
    } else if (look->payload > most) {
        answer_error(session, PACKET_TOO_LARGE, (unsigned long long)most);
    } else {
        answer_error(session, PACKET_MALFORMED, SLICE_ARG(S("a command without a byte")));
    }
    session_finish(session);
    return false;
}

size_t command_begin(struct session *session, const uint8_t *bytes, size_t len)
{
    struct packet_look look = packet_look(session, bytes, len);
    if (!packet_check(session, &look)) {
        return len;
    }
    if (!look.is_whole) {
        return 0;
    }
    struct run *run = run_take(session->worker);
    session->run = run;
    buffer_append(&run->packet, bytes, look.size);
    if (stream_is_compressed(&session->stream)) {
        frames_number(run, &look);
    }
    run->payload = payload_join(run, &look);
    run->frames = (uint8_t)look.frames;
    run->had_connection = session->pooled != NULL;
    run->command = (enum command)(uint8_t)run->payload.ptr[0];
    run->started_us = loop_now_us(session->worker->loop);
    session->queries++;
    timer_clear(&session->timer);
    command_run(session);
    return look.size;
}

void command_end(struct session *session)
{
    struct run *run = session->run;
    if (run != NULL && run->prepared != NULL && execution_is_meant(run)) {
        prepared_drop_long_data(run->prepared); // whoever answered
    }
    if (run != NULL) {
        run_give(session->worker, session->run);
        session->run = NULL;
    }
}
