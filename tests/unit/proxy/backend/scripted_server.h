// A server for tests of connections, pools and sessions: lives on the test's own loop, lets
// everybody in whose password is right, and answers each command as the script says (OK where it
// says nothing). What it was asked is kept as text.
#pragma once

#include "proxy/base/memory.h"
#include "proxy/net/listener.h"
#include "proxy/net/stream.h"
#include "protocol/login/login_server.h"
#include "protocol/packet/command.h"
#include "protocol/packet/eof.h"
#include "protocol/packet/err.h"
#include "protocol/packet/result_writer.h"
#include "protocol/packet/status.h"
#include "protocol/wire/frame.h"

#include <stdio.h>

enum { SERVER_LINKS_MAX = 64, SERVER_ASKED_SIZE = 16384, SERVER_ANSWERS_MAX = 32 };

struct scripted_server;

// One client of it.
struct server_link {
    struct stream stream;
    struct scripted_server *server;
    struct login_server login;
    bool is_logged_in;
    bool is_closed;
    unsigned commands; // answered since the login
};

// What statements that start so get: these bytes, framed; none: the server is silent. A command
// other than COM_QUERY is told by its byte: "\x16SELECT" is what prepares such a statement.
struct server_answer {
    char statement[96];
    struct buffer bytes;
    bool hangs_up; // behind them
};

struct scripted_server {
    struct loop *loop;
    struct listener *listener;
    struct server_link *links[SERVER_LINKS_MAX];
    size_t link_count;
    char asked[SERVER_ASKED_SIZE]; // "Q:text" or "C:number", one a line
    unsigned arrivals;             // times that commands came: what comes in one piece is one
    // The script.
    uint64_t capabilities; // offered to those who come from now on
    bool greets_nobody;
    struct server_answer answers[SERVER_ANSWERS_MAX];
    size_t answer_count;
    uint16_t refuse_login;   // error number that every login gets; 0: none
    size_t links_most;       // with so many open, logins get 1040; 0: no limit
    const char *refuse_text; // a statement that holds this gets 1231; NULL: none
    bool is_silent;          // commands get no answer
    uint64_t insert_id;      // what SELECT LAST_INSERT_ID() gives
};

// From now on; replaces what was said of the same beginning. Where several fit, the last one said
// first counts.
static inline void server_answer(struct scripted_server *server, const char *statement,
                                 struct slice bytes)
{
    size_t at = 0;
    while (at < server->answer_count && strcmp(server->answers[at].statement, statement) != 0) {
        at++;
    }
    assert_true(at < SERVER_ANSWERS_MAX);
    struct server_answer *answer = &server->answers[at];
    server->answer_count += at == server->answer_count;
    snprintf(answer->statement, sizeof(answer->statement), "%s", statement);
    buffer_clear(&answer->bytes);
    buffer_append_slice(&answer->bytes, bytes);
    answer->hangs_up = false;
}

static inline struct server_answer *server_answer_find(struct scripted_server *server,
                                                       struct slice statement)
{
    for (size_t at = server->answer_count; at > 0; at--) {
        if (slice_starts_nocase(statement, slice_text(server->answers[at - 1].statement))) {
            return &server->answers[at - 1];
        }
    }
    return NULL;
}

// The same, and it hangs up behind them.
static inline void server_answer_cut(struct scripted_server *server, const char *statement,
                                     struct slice bytes)
{
    server_answer(server, statement, bytes);
    server_answer_find(server, slice_text(statement))->hangs_up = true;
}

static inline void link_send(struct server_link *link, struct buffer *bytes)
{
    stream_send(&link->stream, buffer_ptr(bytes), buffer_len(bytes));
    buffer_release(bytes);
}

static inline void link_ok(struct server_link *link)
{
    struct buffer bytes = BUFFER_INIT;
    struct writer writer = writer_make(&bytes, 1);
    struct ok ok = {.status = STATUS_AUTOCOMMIT};
    writer_packet_begin(&writer);
    ok_encode(&ok, &writer, login_server_request(&link->login)->capabilities);
    assert_true(writer_packet_end(&writer));
    link_send(link, &bytes);
}

static inline void link_err(struct server_link *link, uint16_t number, const char *text)
{
    struct buffer bytes = BUFFER_INIT;
    struct writer writer = writer_make(&bytes, 1);
    struct err err = {number, S("HY000"), slice_text(text)};
    writer_packet_begin(&writer);
    err_encode(&err, &writer);
    assert_true(writer_packet_end(&writer));
    link_send(link, &bytes);
}

// One row of one column, for connections without CAPABILITY_DEPRECATE_EOF.
static inline void link_value(struct server_link *link, uint64_t value)
{
    static const uint8_t column[] = "\x03"
                                    "def\0\0\0\x01"
                                    "a\0\x0c\x3f\0\x15\0\0\0\x08\0\0\0\0\0";
    static const uint8_t eof[] = {0xfe, 0, 0, 2, 0};
    char text[32];
    int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    struct buffer bytes = BUFFER_INIT;
    struct writer writer = writer_make(&bytes, 1);
    writer_packet(&writer, slice_make("\x01", 1));
    writer_packet(&writer, slice_make(column, sizeof(column) - 1));
    writer_packet(&writer, slice_make(eof, sizeof(eof)));
    writer_packet_begin(&writer);
    writer_lenenc_slice(&writer, slice_make(text, (size_t)len));
    assert_true(writer_packet_end(&writer));
    writer_packet(&writer, slice_make(eof, sizeof(eof)));
    link_send(link, &bytes);
}

static inline void server_note(struct scripted_server *server, struct slice payload)
{
    size_t len = strlen(server->asked);
    uint8_t command = (uint8_t)payload.ptr[0];
    struct slice text = slice_from(payload, 1);
    if (command == COMMAND_QUERY) {
        snprintf(server->asked + len, sizeof(server->asked) - len, "Q:%.*s\n", SLICE_ARG(text));
    } else {
        snprintf(server->asked + len, sizeof(server->asked) - len, "C:%u %.*s\n", command,
                 command == COMMAND_INIT_DB ? (int)text.len : 0, text.ptr != NULL ? text.ptr : "");
    }
}

static inline void link_command(struct server_link *link, struct slice payload)
{
    struct scripted_server *server = link->server;
    struct slice text = slice_from(payload, 1);
    server_note(server, payload);
    link->commands++;
    bool has_reply = command_find((uint8_t)payload.ptr[0])->reply != COMMAND_REPLY_NONE;
    if (server->is_silent || !has_reply) {
        return;
    }
    bool is_query = (uint8_t)payload.ptr[0] == COMMAND_QUERY;
    struct server_answer *answer = server_answer_find(server, is_query ? text : payload);
    if (answer != NULL) {
        stream_send(&link->stream, buffer_ptr(&answer->bytes), buffer_len(&answer->bytes));
        if (answer->hangs_up) {
            stream_finish(&link->stream);
        }
        return;
    }
    if (server->refuse_text != NULL &&
        slice_find_slice(text, slice_text(server->refuse_text)) < text.len) {
        link_err(link, 1231, "no such value");
    } else if (slice_starts_nocase(text, S("SELECT LAST_INSERT_ID()"))) {
        link_value(link, server->insert_id);
    } else {
        link_ok(link);
    }
}

static inline size_t server_links_open(const struct scripted_server *server)
{
    size_t open = 0;
    for (size_t i = 0; i < server->link_count; i++) {
        open += !server->links[i]->is_closed;
    }
    return open;
}

static inline void link_login(struct server_link *link, enum login_verb verb);

static inline void link_login_end(struct server_link *link)
{
    struct ok ok = {.status = STATUS_AUTOCOMMIT};
    size_t most = link->server->links_most;
    bool is_full = most > 0 && server_links_open(link->server) > most;
    uint16_t refused = is_full ? 1040 : link->server->refuse_login;
    if (refused != 0) {
        struct err err = {refused, S("HY000"), S("go away")};
        link_login(link, login_server_refuse(&link->login, &err));
        return;
    }
    login_server_accept(&link->login, &ok);
    stream_send(&link->stream, buffer_ptr(&link->login.out), buffer_len(&link->login.out));
    buffer_clear(&link->login.out);
    link->is_logged_in = true;
}

static inline void link_login(struct server_link *link, enum login_verb verb)
{
    struct login_account account = {.password = S("secret"), .has_password = true};
    stream_send(&link->stream, buffer_ptr(&link->login.out), buffer_len(&link->login.out));
    buffer_clear(&link->login.out);
    if (verb == LOGIN_LOOK_UP) {
        link_login(link, login_server_account(&link->login, &account));
    } else if (verb == LOGIN_ACCEPTED) {
        link_login_end(link);
    } else if (verb == LOGIN_REFUSED) {
        stream_finish(&link->stream);
    }
}

static inline size_t link_data(struct stream *stream, const uint8_t *bytes, size_t len)
{
    struct server_link *link = container_of(stream, struct server_link, stream);
    size_t used = 0;
    link->server->arrivals += link->is_logged_in;
    while (len - used >= FRAME_HEADER_SIZE) {
        struct frame frame = frame_read(bytes + used);
        if (len - used - FRAME_HEADER_SIZE < frame.len) {
            break;
        }
        struct slice payload = slice_make(bytes + used + FRAME_HEADER_SIZE, frame.len);
        used += FRAME_HEADER_SIZE + frame.len;
        if (link->is_logged_in) {
            link_command(link, payload);
        } else {
            link_login(link, login_server_feed(&link->login, payload, frame.sequence));
        }
    }
    return used;
}

static inline void link_closed(struct stream *stream, enum stream_end end,
                               const struct error *error)
{
    (void)end;
    (void)error;
    container_of(stream, struct server_link, stream)->is_closed = true;
}

static const struct stream_handler link_handler = {
    .on_data = link_data,
    .on_closed = link_closed,
    .high_water = 1 << 20,
};

static inline void server_accept(struct listener *listener, int fd, const struct address *peer)
{
    static const struct account_fakes fakes = {.accounts = 1};
    struct scripted_server *server = listener_owner(listener);
    struct server_link *link = mem_zero(1, sizeof(*link));
    (void)peer;
    assert_true(server->link_count < SERVER_LINKS_MAX);
    server->links[server->link_count++] = link;
    link->server = server;
    stream_init(&link->stream, server->loop, &link_handler, METRIC_SIDE_OTHER);
    stream_adopt(&link->stream, fd);
    struct login_server_options options = {
        .server_version = S("5.5.5-10.11.6-MariaDB"),
        .connection_id = (uint32_t)server->link_count,
        .capabilities = server->capabilities,
        .collation = 45,
        .status = STATUS_AUTOCOMMIT,
        .is_secure = true,
        .fakes = &fakes,
    };
    login_server_init(&link->login, &options);
    if (!server->greets_nobody) {
        link_login(link, login_server_greet(&link->login));
    }
}

static inline void server_open_at(struct scripted_server *server, struct loop *loop,
                                  const struct address *address)
{
    struct error error;
    memset(server, 0, sizeof(*server));
    server->loop = loop;
    server->capabilities = CAPABILITIES_OFFERED & ~(uint64_t)CAPABILITY_DEPRECATE_EOF;
    struct listener_settings settings = {.on_accept = server_accept, .owner = server};
    server->listener = listener_create(loop, address, &settings, &error);
    assert_non_null(server->listener);
}

// On a free port.
static inline void server_open(struct scripted_server *server, struct loop *loop)
{
    struct address address;
    assert_true(address_from_ip(&address, S("127.0.0.1"), 0));
    server_open_at(server, loop, &address);
}

static inline void server_close(struct scripted_server *server)
{
    listener_close(server->listener);
    for (size_t i = 0; i < server->link_count; i++) {
        stream_close(&server->links[i]->stream);
        login_server_release(&server->links[i]->login);
        mem_free(server->links[i]);
    }
    for (size_t i = 0; i < server->answer_count; i++) {
        buffer_release(&server->answers[i].bytes);
    }
}

// The one that came last.
static inline struct server_link *server_last_link(const struct scripted_server *server)
{
    assert_true(server->link_count > 0);
    return server->links[server->link_count - 1];
}
