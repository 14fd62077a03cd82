#include "proxy/admin/client_priv.h"

#include "protocol/packet/ok.h"
#include "protocol/packet/status.h"
#include "protocol/wire/frame.h"
#include "protocol/wire/writer.h"
#include "proxy/admin/fault.h"
#include "proxy/base/clock.h"
#include "proxy/base/memory.h"

#include <assert.h>

#define LOGIN_US   (10 * CLOCK_SECOND)
#define IDLE_US    (8 * 3600 * CLOCK_SECOND)
#define SENDING_US (60 * CLOCK_SECOND)
#define CLOSING_US (2 * CLOCK_SECOND)

// --- states -------------------------------------------------------------------------------------

static const struct {
    unsigned from; // bits of the states that it is entered from
    const char *sentence;
} states[] = {
#define FROM(state)                        (1u << CLIENT_##state)
#define CLIENT_STATE(name, from, sentence) [CLIENT_##name] = {from, sentence},
#include "proxy/admin/client_states.def"
#undef CLIENT_STATE
#undef FROM
};

// Its time limit; an exchange has one of its own.
static int64_t limit_of(enum client_state state)
{
    switch (state) {
    case CLIENT_LOGIN:
    case CLIENT_SECURING:
    case CLIENT_DECRYPTING:
        return LOGIN_US;
    case CLIENT_READY:
        return IDLE_US;
    case CLIENT_SENDING:
        return SENDING_US;
    case CLIENT_CLOSING:
        return CLOSING_US;
    case CLIENT_BUSY:
    case CLIENT_GONE:
    default:
        return TIMER_NEVER;
    }
}

static bool is_login(enum client_state state)
{
    return state == CLIENT_LOGIN || state == CLIENT_SECURING || state == CLIENT_DECRYPTING;
}

void client_enter(struct client *client, enum client_state state)
{
    assert(states[state].from & (1u << client->state));
    bool is_same_limit = is_login(client->state) && is_login(state) && client->login != NULL;
    client->state = state;
    if (is_same_limit) {
        return; // one limit for all of a login
    }
    if (limit_of(state) == TIMER_NEVER) {
        timer_clear(&client->timer);
    } else {
        timer_set(&client->timer, client->front->desk.loop, limit_of(state));
    }
}

// --- life ---------------------------------------------------------------------------------------

static void client_describe(const struct log_source *source, struct log_line *line)
{
    const struct client *client = container_of(source, struct client, source);
    log_line_add(line, kv_uint("admin_client", client->id));
    log_line_add(line, kv_str("peer", client->host));
    if (client->user[0] != '\0') {
        log_line_add(line, kv_str("user", client->user));
    }
}

static void client_free(struct loop_task *task)
{
    mem_free(container_of(task, struct client, task));
}

void client_close(struct client *client)
{
    if (client->state == CLIENT_GONE) {
        return;
    }
    exchange_abandon(&client->exchange);
    client_login_release(client);
    client_statements_release(client);
    client_enter(client, CLIENT_GONE);
    timer_release(&client->timer);
    stream_close(&client->stream);
    list_remove(&client->link);
    client->front->client_count--;
    loop_defer(client->front->desk.loop, &client->task);
}

void client_finish(struct client *client)
{
    if (client->state == CLIENT_CLOSING || client->state == CLIENT_GONE) {
        return;
    }
    exchange_abandon(&client->exchange);
    client_login_release(client);
    client_enter(client, CLIENT_CLOSING);
    stream_finish(&client->stream);
}

static void client_timed_out(struct timer *timer)
{
    struct client *client = container_of(timer, struct client, timer);
    if (client->state != CLIENT_CLOSING) {
        log_info(&client->source, "admin.client_timeout",
                 kv_str("state", states[client->state].sentence));
    }
    client_close(client);
}

// --- packets out --------------------------------------------------------------------------------

void client_send(struct client *client, struct buffer *packets)
{
    stream_send(&client->stream, buffer_ptr(packets), buffer_len(packets));
    buffer_release(packets);
}

void client_answer_ok(struct client *client, struct slice info)
{
    struct buffer packets = BUFFER_INIT;
    struct writer writer = writer_make(&packets, 1);
    struct ok ok = {.status = STATUS_AUTOCOMMIT, .message = info};
    writer_packet_begin(&writer);
    ok_encode(&ok, &writer, client->capabilities);
    if (!writer_packet_end(&writer)) {
        client_close(client);
    }
    client_send(client, &packets);
}

void client_answer_error(struct client *client, const struct error *error)
{
    struct buffer packets = BUFFER_INIT;
    struct writer writer = writer_make(&packets, 1);
    writer_packet_begin(&writer);
    fault_write(error, &writer);
    if (!writer_packet_end(&writer)) {
        client_close(client);
    }
    client_send(client, &packets);
}

void client_malformed(struct client *client, const char *what)
{
    client_answer_fault(client, PACKET_MALFORMED, SLICE_ARG(slice_text(what)));
    client_finish(client);
}

struct asker client_asker(const struct client *client)
{
    return (struct asker){
        .id = client->id,
        .user = slice_text(client->user),
        .host = slice_text(client->host),
        .schema = slice_text(client->schema),
        .tls_version = slice_text(stream_tls_version(&client->stream)),
        .tls_cipher = slice_text(stream_tls_cipher(&client->stream)),
        .right = client->right,
    };
}

// --- frames in ----------------------------------------------------------------------------------

static void command_frame(struct client *client, struct slice payload, uint8_t sequence)
{
    if (sequence != 0) {
        client_answer_fault(client, PACKET_OUT_OF_ORDER, (unsigned)sequence, 0u);
        client_finish(client);
        return;
    }
    client_command(client, payload);
}

static void frame_too_long(struct client *client, uint8_t sequence)
{
    if (client->state == CLIENT_LOGIN) {
        client_login_too_long(client, sequence);
        return;
    }
    struct error error;
    error_set(&error, error_row_code(ERROR_ROW_PACKET_TOO_LARGE, false)->number, "",
              "sluice: the packet is larger than %d bytes, which is the most that the admin port "
              "takes",
              CLIENT_PACKET_MAX);
    client_answer_error(client, &error);
    client_finish(client);
}

static uint32_t frame_limit(const struct client *client)
{
    return client->state == CLIENT_LOGIN ? (uint32_t)LOGIN_PACKET_MAX : (uint32_t)CLIENT_PACKET_MAX;
}

// Whether the client has the word: one frame is taken after the other while it has.
static bool is_listening(const struct client *client)
{
    return client->state == CLIENT_LOGIN || client->state == CLIENT_READY;
}

// While an answer is being made, what comes is left, and not even looked for once it is much.
static void left_unread(struct client *client, size_t len)
{
    if (client->state == CLIENT_BUSY && len > CLIENT_PACKET_MAX) {
        stream_pause(&client->stream);
    }
}

static size_t on_data(struct stream *stream, const uint8_t *bytes, size_t len)
{
    struct client *client = container_of(stream, struct client, stream);
    size_t used = 0;
    while (is_listening(client) && len - used >= FRAME_HEADER_SIZE) {
        struct frame frame = frame_read(bytes + used);
        if (frame.len > frame_limit(client)) {
            frame_too_long(client, frame.sequence);
            return len;
        }
        if (len - used - FRAME_HEADER_SIZE < frame.len) {
            break;
        }
        struct slice payload = slice_make(bytes + used + FRAME_HEADER_SIZE, frame.len);
        used += FRAME_HEADER_SIZE + frame.len;
        if (client->state == CLIENT_LOGIN) {
            client_login_frame(client, payload, frame.sequence);
        } else {
            command_frame(client, payload, frame.sequence);
        }
    }
    if (client->state == CLIENT_CLOSING || client->state == CLIENT_GONE) {
        return len;
    }
    left_unread(client, len - used);
    return used;
}

static void on_secured(struct stream *stream)
{
    client_login_secured(container_of(stream, struct client, stream));
}

static void on_writable(struct stream *stream)
{
    struct client *client = container_of(stream, struct client, stream);
    if (client->state == CLIENT_SENDING) {
        client_enter(client, CLIENT_READY);
        stream_resume(stream);
    }
}

static void on_closed(struct stream *stream, enum stream_end end, const struct error *error)
{
    struct client *client = container_of(stream, struct client, stream);
    if (is_login(client->state)) {
        log_info(&client->source, "admin.login_broken_off", kv_str("end", stream_end_word(end)),
                 kv_error("error", error));
    }
    client_close(client);
}

static const struct stream_handler handler = {
    .on_secured = on_secured,
    .on_data = on_data,
    .on_writable = on_writable,
    .on_closed = on_closed,
    .high_water = 256 << 10,
    .low_water = 64 << 10,
};

// --- coming -------------------------------------------------------------------------------------

static void refuse_too_many(struct client *client)
{
    struct error error;
    error_set(&error, error_row_code(ERROR_ROW_TOO_MANY_CLIENTS, false)->number, "",
              "sluice: the admin port has %d clients, which is the most that it takes; close some",
              CLIENTS_MAX);
    client_login_refuse(client, &error);
}

void client_open(struct front *front, int fd, const struct address *peer)
{
    struct client *client = mem_zero(1, sizeof(*client));
    client->front = front;
    client->peer = *peer;
    client->id = ++front->last_id;
    client->state = CLIENT_LOGIN;
    client->source = (struct log_source){
        .log = front->desk.log != NULL ? front->desk.log->log : NULL,
        .describe = client_describe,
    };
    address_print_host(peer, client->host);
    list_init(&client->statements);
    list_push_back(&front->clients, &client->link);
    front->client_count++;
    timer_init(&client->timer, client_timed_out);
    timer_set(&client->timer, front->desk.loop, LOGIN_US);
    loop_task_init(&client->task, client_free);
    stream_init(&client->stream, front->desk.loop, &handler, METRIC_SIDE_ADMIN);
    stream_adopt(&client->stream, fd);
    if (front->client_count > CLIENTS_MAX) {
        refuse_too_many(client);
    } else {
        client_login_start(client);
    }
}

void clients_close(struct front *front)
{
    list_each_safe (link, &front->clients) {
        client_close(list_entry(link, struct client, link));
    }
}
