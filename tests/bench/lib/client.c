#include "tests/bench/lib/client.h"

#include "tests/bench/lib/die.h"

#include "protocol/packet/capability.h"
#include "protocol/packet/column.h"
#include "proxy/base/memory.h"

enum { RECEIVE_SIZE = 256 * 1024, MAX_PACKET = 64 * 1024 * 1024 };

// All clients read into the same memory: nothing stays there.
static uint8_t received[RECEIVE_SIZE];

// --- logging in

static void login_act(struct client *client, enum login_verb verb);

// A fast server answers while the first step of the handshake is still made.
static void shake(struct client *client)
{
    client->is_shaking = !line_shake(&client->line);
    if (!client->is_shaking) {
        login_act(client, login_client_tls_started(client->login));
    }
}

static void login_act(struct client *client, enum login_verb verb)
{
    struct login_client *login = client->login;
    line_send(&client->line, buffer_slice(&login->out));
    login_client_sent(login);
    if (verb == LOGIN_START_TLS) {
        line_start_tls(&client->line);
        shake(client);
    } else if (verb == LOGIN_ACCEPTED) {
        client->capabilities = login_client_peer(login)->capabilities;
        login_client_release(login);
        mem_free(login);
        client->login = NULL;
    } else if (verb == LOGIN_REFUSED) {
        die("login refused: %.*s", SLICE_ARG(refusal_phrase(login_client_refusal(login))));
    }
}

static void login_feed(struct client *client)
{
    while (client->login != NULL && buffer_len(&client->unread) >= FRAME_HEADER_SIZE) {
        struct frame frame = frame_read(buffer_ptr(&client->unread));
        struct slice payload =
            slice_first(slice_from(buffer_slice(&client->unread), FRAME_HEADER_SIZE), frame.len);
        if (frame.len > LOGIN_PACKET_MAX) {
            die("a frame of %u bytes within the login", frame.len);
        }
        if (payload.len < frame.len) {
            return;
        }
        login_act(client, login_client_feed(client->login, payload, frame.sequence));
        buffer_consume(&client->unread, FRAME_HEADER_SIZE + frame.len);
    }
}

void client_open(struct client *client, const struct options *options, uint16_t port)
{
    static uint64_t numbers;
    static struct secret *secret; // of all clients, for the life of the program
    if (secret == NULL) {
        secret = secret_from_password(options->password);
    }
    const struct login_client_options login_options = {
        .server = S("server"),
        .user = options->user,
        .schema = options->schema,
        .secret = secret,
        .capabilities = CAPABILITY_DEPRECATE_EOF,
        .collation = COLUMN_UTF8MB4,
        .max_packet = MAX_PACKET,
        .tls = options->is_tls ? LOGIN_CLIENT_TLS_REQUIRED : LOGIN_CLIENT_TLS_DISABLED,
    };
    *client = (struct client){
        .line = line_connect(port),
        .options = options,
        .number = numbers++,
        .login = mem_alloc(sizeof(struct login_client)),
    };
    login_client_init(client->login, &login_options);
    login_act(client, login_client_connect(client->login));
}

void client_close(struct client *client)
{
    static const char quit[] = {1, 0, 0, 0, COMMAND_QUIT};
    line_send(&client->line, slice_make(quit, sizeof(quit)));
    line_close(&client->line);
    buffer_release(&client->unread);
}

// --- asking

static void command_send(struct client *client, struct slice bytes, enum command_reply kind)
{
    reply_begin(&client->reply, kind, client->capabilities, 1);
    line_send(&client->line, bytes);
}

static void prepare(struct client *client)
{
    struct buffer out = BUFFER_INIT;
    request_write_prepare(&client->options->statements[client->prepared_count], &out);
    command_send(client, buffer_slice(&out), COMMAND_REPLY_PREPARED);
    buffer_release(&out);
}

void client_ask(struct client *client, size_t statement, uint64_t number)
{
    static struct buffer out; // keeps its memory for the next
    const struct request *request = &client->options->statements[statement];
    if (client->options->is_prepared) {
        request_write_execute(request, client->prepared[statement], number, &out);
    } else {
        request_write_query(request, number, &out);
    }
    command_send(client, buffer_slice(&out), COMMAND_REPLY_RESULT);
}

static void setup_send(struct client *client)
{
    struct buffer out = BUFFER_INIT;
    request_write_query(&client->options->setups[client->setup_count++], client->number, &out);
    command_send(client, buffer_slice(&out), COMMAND_REPLY_RESULT);
    buffer_release(&out);
}

// Sends the next of what comes before the load, and returns whether there was one.
static bool begin_next(struct client *client)
{
    const struct options *options = client->options;
    client->is_beginning = true;
    if (client->setup_count < options->setup_count) {
        setup_send(client);
    } else if (options->is_prepared && client->prepared_count < options->statement_count) {
        prepare(client);
    } else {
        client->is_beginning = false;
    }
    return client->is_beginning;
}

// --- answers

static void held_look(struct client *client, const struct reply_step *step)
{
    if (step->event == REPLY_FAULT || step->event == REPLY_UPLOAD) {
        die("an answer that none can be: %.*s", SLICE_ARG(reply_fault_text(client->reply.fault)));
    }
    if (step->packet == REPLY_PACKET_ERR) {
        die("error %u: %.*s", step->err.code, SLICE_ARG(step->err.message));
    }
    if (step->packet == REPLY_PACKET_PREPARED) {
        client->prepared[client->prepared_count++] = step->prepared.statement_id;
    }
}

// How many bytes of the answer were read.
static size_t answer_feed(struct client *client, uint8_t *bytes, size_t len)
{
    size_t at = 0;
    struct reply_step step = {.event = REPLY_HELD};
    while (step.event == REPLY_HELD && !reply_is_ended(&client->reply)) {
        reply_feed(&client->reply, bytes + at, len - at, &step);
        at += step.forward + step.held;
        held_look(client, &step);
    }
    return at;
}

// The usual answer comes whole and is never copied.
static void answer_read(struct client *client, uint8_t *bytes, size_t len)
{
    if (buffer_is_empty(&client->unread)) {
        size_t read = answer_feed(client, bytes, len);
        buffer_append(&client->unread, bytes + read, len - read);
        return;
    }
    buffer_append(&client->unread, bytes, len);
    buffer_consume(&client->unread,
                   answer_feed(client, buffer_ptr(&client->unread), buffer_len(&client->unread)));
}

static enum client_news login_read(struct client *client, size_t len)
{
    buffer_append(&client->unread, received, len);
    login_feed(client);
    if (client->login != NULL) {
        return CLIENT_BUSY;
    }
    buffer_release(&client->unread);
    return begin_next(client) ? CLIENT_BUSY : CLIENT_READY;
}

static enum client_news command_read_answer(struct client *client, size_t len)
{
    answer_read(client, received, len);
    if (!reply_is_ended(&client->reply)) {
        return CLIENT_BUSY;
    }
    if (!buffer_is_empty(&client->unread)) {
        die("bytes behind the end of an answer");
    }
    if (client->is_beginning) {
        return begin_next(client) ? CLIENT_BUSY : CLIENT_READY;
    }
    return CLIENT_ANSWERED;
}

// TLS may hold more than one reading: it is emptied, as no event tells of the rest. But while hands
// are shaken that is not for reading to go on with.
static bool is_drained(const struct client *client, size_t got)
{
    return client->line.ssl == NULL || client->is_shaking || got == 0;
}

enum client_news client_read(struct client *client, uint64_t *bytes)
{
    enum client_news news = CLIENT_BUSY;
    size_t got = 0;
    if (client->is_shaking) {
        shake(client);
    }
    if (client->is_shaking) {
        return CLIENT_BUSY;
    }
    do {
        got = line_receive(&client->line, received, sizeof(received));
        *bytes += got;
        if (got > 0) {
            news =
                client->login != NULL ? login_read(client, got) : command_read_answer(client, got);
        }
    } while (!is_drained(client, got));
    return news;
}
