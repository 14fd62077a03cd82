// What the tests of sessions stand on: workers on the test's own thread, a scripted primary (db1)
// and replica (db2), and clients that log in and ask, all on the first worker's loop. Everything is
// seen from outside: what clients get, what servers are asked, what the view `sessions` shows.
#pragma once

#include "proxy/session/worker.h"

#include "tests/lib/cmocka.h"
#include "tests/lib/fake.h"
#include "tests/lib/file.h"
#include "tests/unit/proxy/backend/scripted_server.h"
#include "tests/unit/proxy/net/fixture.h"

#include "conf/diagnostic.h"
#include "protocol/login/login_client.h"
#include "protocol/packet/eof.h"
#include "protocol/packet/error_row.h"
#include "protocol/packet/session_change.h"
#include "proxy/base/clock.h"
#include "router/statement/pin.h"

#include <string.h>
#include <sys/socket.h>

enum { BENCH_WORKERS = 2, BENCH_SERVERS = 2 };

// The servers have no GTIDs, and where reads go is not to depend on the time since a write.
static const char bench_ini[] = "[routing]\nwrite_hold = 0\n"
                                "[backend:db1]\naddress = %s/db1\ntls = disabled\n"
                                "[backend:db2]\naddress = %s/db2\ntls = disabled\n"
                                "[user:app]\npassword = secret\n"
                                "[user:other]\npassword = secret\n";

struct bench {
    struct worker_shared shared;
    struct worker *workers[BENCH_WORKERS];
    struct worker_setup *setup;
    struct scripted_server servers[BENCH_SERVERS];
    struct loop *loop;           // the first worker's
    char folder[FILE_PATH_SIZE]; // of the servers' sockets
    int reports;                 // of servers to the monitor
    int reported_code;
    int catalogue_changes;
};

// --- the world around the workers ----------------------------------------------------------------

static inline void bench_report(void *context, int server, const struct conn_loss *loss)
{
    struct bench *bench = context;
    (void)server;
    bench->reports++;
    bench->reported_code = loss->code;
}

static inline void bench_catalogue_changed(void *context)
{
    struct bench *bench = context;
    bench->catalogue_changes++;
}

static inline struct worker_setup *bench_setup_make(const struct config *config)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    struct worker_setup *setup = mem_zero(1, sizeof(*setup));
    struct limit_row servers[BENCH_SERVERS] = {{S("db1"), 10}, {S("db2"), 10}};
    struct limit_row clients = {S("clients"), config->proxy.max_clients};
    struct limit_row users[] = {{S("app"), 0}, {S("other"), 1}};
    size_t errors;
    error_rows(&errors);
    refcount_init(&setup->refs);
    setup->config = config;
    setup->rules = rules_compile(config, &diagnostics);
    setup->tokens = pool_tokens_create(servers, BENCH_SERVERS, NULL);
    setup->clients = limit_tokens_create(&clients, 1, NULL);
    setup->users = limit_tokens_create(users, sizeof(users) / sizeof(users[0]), NULL);
    setup->labels = (struct metric_labels){
        .size = {[METRIC_GIVEN(METRIC_DIMENSION_BACKEND)] = BENCH_SERVERS + 1,
                 [METRIC_GIVEN(METRIC_DIMENSION_REASON)] = ROUTE_REASON_COUNT,
                 [METRIC_GIVEN(METRIC_DIMENSION_PIN)] = PIN_COUNT,
                 [METRIC_GIVEN(METRIC_DIMENSION_CLOSE)] = CONN_END_COUNT,
                 [METRIC_GIVEN(METRIC_DIMENSION_ERROR)] = (unsigned)errors}};
    diagnostics_release(&diagnostics);
    return setup;
}

// The primary may be missing: then statements for it wait.
static inline void bench_topology(struct bench *bench, bool has_primary)
{
    struct topology *topology = topology_create(BENCH_SERVERS);
    static const char *const names[] = {"db1", "db2"};
    for (int i = 0; i < BENCH_SERVERS; i++) {
        topology->servers[i].name = topology_text(topology, slice_text(names[i]));
        topology->servers[i].role = i == 0 ? ROLE_PRIMARY : ROLE_REPLICA;
        topology->servers[i].state = i == 0 && !has_primary ? SERVER_DOWN : SERVER_UP;
        topology->servers[i].weight = 100;
    }
    topology->primary = has_primary ? 0 : -1;
    topology->last_primary = 0;
    topology->is_settled = true;
    for (int i = 0; i < BENCH_WORKERS; i++) {
        worker_set_topology(bench->workers[i], topology);
        loop_turn(worker_loop(bench->workers[i]));
    }
    topology_unref(topology);
}

// `more` is put behind the usual proxy.ini; may be NULL.
static inline void bench_open(struct bench *bench, const char *more)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    struct buffer ini = BUFFER_INIT;
    alarm(FIXTURE_PATIENCE_S);
    memset(bench, 0, sizeof(*bench));
    folder_create(bench->folder);
    buffer_print(&ini, bench_ini, bench->folder, bench->folder);
    buffer_append_slice(&ini, slice_text(more != NULL ? more : ""));
    const struct config *config =
        config_parse(buffer_slice(&ini), "proxy.ini", CONFIG_SEALED, &diagnostics);
    buffer_release(&ini);
    if (config == NULL) {
        diagnostics_print(&diagnostics, stderr);
    }
    assert_non_null(config);
    diagnostics_release(&diagnostics);
    bench->setup = bench_setup_make(config);
    assert_non_null(bench->setup->rules);
    bench->shared.workers = bench->workers;
    bench->shared.count = BENCH_WORKERS;
    bench->shared.log = log_create_capture(LOG_INFO, LOG_TEXT);
    bench->shared.helpers = helpers_create(1);
    bench->shared.fakes.accounts = 1;
    bench->shared.report = bench_report;
    bench->shared.catalogue_changed = bench_catalogue_changed;
    bench->shared.context = bench;
    for (unsigned i = 0; i < BENCH_WORKERS; i++) {
        bench->workers[i] = worker_create(&bench->shared, i, bench->setup);
    }
    bench->loop = worker_loop(bench->workers[0]);
    for (int i = 0; i < BENCH_SERVERS; i++) {
        struct address address;
        char path[FILE_PATH_SIZE + 16];
        snprintf(path, sizeof(path), "%s/db%d", bench->folder, i + 1);
        assert_true(address_from_path(&address, slice_text(path)));
        server_open_at(&bench->servers[i], bench->loop, &address);
    }
    bench_topology(bench, true);
}

static inline void bench_close(struct bench *bench)
{
    for (int i = 0; i < BENCH_SERVERS; i++) {
        server_close(&bench->servers[i]);
    }
    for (unsigned i = 0; i < BENCH_WORKERS; i++) {
        worker_destroy(bench->workers[i]);
    }
    helpers_destroy(bench->shared.helpers);
    log_destroy(bench->shared.log);
    worker_setup_unref(bench->setup);
    folder_remove(bench->folder);
    alarm(0);
}

// What messages to the other worker bring.
static inline void bench_turn_others(struct bench *bench)
{
    loop_turn(worker_loop(bench->workers[1]));
}

static inline void tick_came(struct timer *timer)
{
    (void)timer;
}

// A turn of each worker, of a millisecond at most where nothing happens.
static inline void bench_tick(struct bench *bench)
{
    for (int i = 0; i < BENCH_WORKERS; i++) {
        struct timer timer;
        timer_init(&timer, tick_came);
        timer_set(&timer, worker_loop(bench->workers[i]), CLOCK_MS);
        loop_turn(worker_loop(bench->workers[i]));
        timer_release(&timer);
    }
}

#define tick_until(bench, condition)                                                               \
    do {                                                                                           \
        while (!(condition)) {                                                                     \
            bench_tick(bench);                                                                     \
        }                                                                                          \
    } while (0)

// --- what servers answer -------------------------------------------------------------------------

// An OK with these status flags and changes of the session (see change_add()), to statements that
// start so.
static inline void server_answer_ok(struct scripted_server *server, const char *statement,
                                    struct ok ok)
{
    struct buffer bytes = BUFFER_INIT;
    struct writer writer = writer_make(&bytes, 1);
    writer_packet_begin(&writer);
    ok_encode(&ok, &writer, CAPABILITIES_ASKED);
    assert_true(writer_packet_end(&writer));
    server_answer(server, statement, buffer_slice(&bytes));
    buffer_release(&bytes);
}

static inline void server_answer_status(struct scripted_server *server, const char *statement,
                                        uint16_t status)
{
    server_answer_ok(server, statement, (struct ok){.status = status});
}

static inline void server_answer_err(struct scripted_server *server, const char *statement,
                                     uint16_t number, const char *text)
{
    struct buffer bytes = BUFFER_INIT;
    fake_write_err(&bytes, number, text);
    server_answer(server, statement, buffer_slice(&bytes));
    buffer_release(&bytes);
}

static inline void change_add(struct buffer *changes, enum session_change_type type,
                              struct slice name, struct slice value)
{
    struct writer writer = writer_make(changes, 0);
    struct session_change change = {.type = (uint8_t)type, .name = name, .value = value};
    session_change_encode(&change, &writer);
}

// --- clients -------------------------------------------------------------------------------------

struct client {
    struct stream stream;
    struct bench *bench;
    struct login_client login;
    struct login_peer peer;
    bool is_in;
    bool is_closed;
    struct buffer in; // what came behind the login
    uint8_t sequence; // of the next packet either way
};

static inline void client_act(struct client *client, enum login_verb verb)
{
    stream_send(&client->stream, buffer_ptr(&client->login.out), buffer_len(&client->login.out));
    login_client_sent(&client->login);
    client->is_in = verb == LOGIN_ACCEPTED;
    client->is_closed |= verb == LOGIN_REFUSED;
}

static inline size_t client_data(struct stream *stream, const uint8_t *bytes, size_t len)
{
    struct client *client = container_of(stream, struct client, stream);
    size_t used = 0;
    while (!client->is_in && len - used >= FRAME_HEADER_SIZE &&
           len - used >= FRAME_HEADER_SIZE + frame_read(bytes + used).len) {
        struct frame frame = frame_read(bytes + used);
        struct slice payload = slice_make(bytes + used + FRAME_HEADER_SIZE, frame.len);
        used += FRAME_HEADER_SIZE + frame.len;
        client_act(client, login_client_feed(&client->login, payload, frame.sequence));
    }
    if (client->is_in) {
        buffer_append(&client->in, bytes + used, len - used);
        used = len;
    }
    return used;
}

static inline void client_closed(struct stream *stream, enum stream_end end,
                                 const struct error *error)
{
    (void)end;
    (void)error;
    container_of(stream, struct client, stream)->is_closed = true;
}

static const struct stream_handler client_handler = {
    .on_data = client_data,
    .on_closed = client_closed,
    .high_water = 1 << 20,
};

// Logs in as `user` with the password of both, as over a Unix socket; is_in tells how it went.
static inline void client_open_as(struct client *client, struct bench *bench, const char *user,
                                  const char *schema, uint64_t capabilities)
{
    int fds[2];
    struct secret *secret = secret_from_password(S("secret"));
    struct address peer = {.kind = ADDRESS_PATH};
    memset(client, 0, sizeof(*client));
    client->bench = bench;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    stream_init(&client->stream, bench->loop, &client_handler, METRIC_SIDE_OTHER);
    stream_adopt(&client->stream, fds[1]);
    login_client_init(&client->login, &(struct login_client_options){
                                          .server = S("sluice"),
                                          .user = slice_text(user),
                                          .schema = slice_text(schema),
                                          .secret = secret,
                                          .capabilities = capabilities,
                                          .collation = COLLATION_UTF8MB4_GENERAL_CI,
                                          .max_packet = 1 << 30,
                                          .is_secure = true,
                                      });
    client_act(client, login_client_connect(&client->login));
    worker_accept(bench->workers[0], fds[0], &peer, S("listen"));
    turn_until(bench->loop, client->is_in || client->is_closed);
    client->peer = *login_client_peer(&client->login);
    login_client_release(&client->login);
    secret_unref(&secret);
}

static inline void client_open(struct client *client, struct bench *bench)
{
    client_open_as(client, bench, "app", "shop", 0);
    assert_true(client->is_in);
}

// The session ends with it.
static inline void client_close(struct client *client)
{
    size_t before = worker_session_count(client->bench->workers[0]);
    bool was_closed = client->is_closed;
    stream_close(&client->stream);
    buffer_release(&client->in);
    if (!was_closed) {
        turn_until(client->bench->loop, worker_session_count(client->bench->workers[0]) < before);
    }
}

static inline void client_send_bytes(struct client *client, struct slice bytes)
{
    stream_send(&client->stream, bytes.ptr, bytes.len);
}

static inline void client_send(struct client *client, uint8_t command, struct slice argument)
{
    struct buffer out = BUFFER_INIT;
    struct writer writer = writer_make(&out, 0);
    writer_packet_begin(&writer);
    writer_u8(&writer, command);
    writer_slice(&writer, argument);
    assert_true(writer_packet_end(&writer));
    client_send_bytes(client, buffer_slice(&out));
    client->sequence = 1;
    buffer_release(&out);
}

// The next packet's payload, to be freed by bytes_free(); ptr NULL where the session ended.
static inline struct slice client_packet(struct client *client)
{
    struct buffer *in = &client->in;
    turn_until(client->bench->loop,
               client->is_closed ||
                   (buffer_len(in) >= FRAME_HEADER_SIZE &&
                    buffer_len(in) >= FRAME_HEADER_SIZE + frame_read(buffer_ptr(in)).len));
    if (buffer_len(in) < FRAME_HEADER_SIZE) {
        return SLICE_NONE;
    }
    struct frame frame = frame_read(buffer_ptr(in));
    assert_int_equal(frame.sequence, client->sequence++);
    char *copy = mem_alloc(frame.len + 1);
    memcpy(copy, buffer_ptr(in) + FRAME_HEADER_SIZE, frame.len);
    buffer_consume(in, FRAME_HEADER_SIZE + frame.len);
    return slice_make(copy, frame.len);
}

enum answer_kind { ANSWER_OK, ANSWER_ERR, ANSWER_EOF, ANSWER_ROWS, ANSWER_END };

// One whole answer.
struct answer {
    enum answer_kind kind;
    uint16_t status;
    uint16_t code;     // ANSWER_ERR
    char text[512];    // of the error, or of the first row's first cell
    char changes[256]; // of the session that an OK tells of: "name=value;", the schema's name empty
    size_t rows;
};

static inline void answer_changes(struct answer *answer, const struct ok *ok)
{
    struct reader reader = reader_make(ok->session);
    struct session_change change;
    while (ok->session.len > 0 && session_change_next(&reader, &change)) {
        size_t len = strlen(answer->changes);
        snprintf(answer->changes + len, sizeof(answer->changes) - len, "%.*s=%.*s;",
                 SLICE_ARG(change.name), SLICE_ARG(change.value));
    }
}

// Packets up to an EOF; how many came before it. The first cell of the first goes to `text`.
static inline size_t answer_until_eof(struct client *client, struct answer *answer, char *text)
{
    for (size_t count = 0;; count++) {
        struct slice payload = client_packet(client);
        struct eof eof;
        assert_non_null(payload.ptr);
        bool is_eof = eof_decode(&eof, payload);
        if (!is_eof && count == 0 && text != NULL) {
            struct reader reader = reader_make(payload);
            slice_to_text(reader_lenenc_slice(&reader), text, sizeof(answer->text));
        }
        mem_free((char *)payload.ptr);
        if (is_eof) {
            answer->status = eof.status;
            return count;
        }
    }
}

static inline struct answer client_answer(struct client *client)
{
    struct answer answer = {.kind = ANSWER_ROWS};
    struct slice payload = client_packet(client);
    struct ok ok;
    struct err err;
    struct eof eof;
    if (payload.ptr == NULL) {
        answer.kind = ANSWER_END;
    } else if (err_decode(&err, payload)) {
        answer.kind = ANSWER_ERR;
        answer.code = err.code;
        slice_to_text(err.message, answer.text, sizeof(answer.text));
    } else if (eof_decode(&eof, payload)) {
        answer.kind = ANSWER_EOF;
        answer.status = eof.status;
    } else if ((uint8_t)payload.ptr[0] == OK_HEADER) {
        answer.kind = ANSWER_OK;
        assert_true(ok_decode(&ok, payload, client->peer.capabilities));
        answer.status = ok.status;
        answer_changes(&answer, &ok);
    } else {
        answer_until_eof(client, &answer, NULL);
        answer.rows = answer_until_eof(client, &answer, answer.text);
    }
    mem_free((char *)payload.ptr);
    return answer;
}

static inline struct answer client_command(struct client *client, uint8_t command,
                                           struct slice argument)
{
    client_send(client, command, argument);
    return client_answer(client);
}

static inline struct answer client_query(struct client *client, const char *sql)
{
    return client_command(client, COMMAND_QUERY, slice_text(sql));
}

static inline void client_run(struct client *client, const char *sql)
{
    struct answer answer = client_query(client, sql);
    if (answer.kind == ANSWER_ERR || answer.kind == ANSWER_END) {
        fail_msg("%s: %u %s", sql, answer.code, answer.text);
    }
}

static inline void assert_query_error(struct client *client, const char *sql, uint16_t code)
{
    struct answer answer = client_query(client, sql);
    if (answer.kind != ANSWER_ERR || answer.code != code) {
        fail_msg("%s: kind %d, error %u %s", sql, answer.kind, answer.code, answer.text);
    }
}

// --- where and how it stands ---------------------------------------------------------------------

// Whether the primary or the replica got this statement last since the servers' notes were wiped.
static inline bool server_was_asked(const struct scripted_server *server, const char *sql)
{
    char line[256];
    snprintf(line, sizeof(line), "Q:%s\n", sql);
    return strstr(server->asked, line) != NULL;
}

static inline void notes_wipe(struct bench *bench)
{
    for (int i = 0; i < BENCH_SERVERS; i++) {
        bench->servers[i].asked[0] = '\0';
    }
}

// Runs it and says which server got it: "db1", "db2", or "" (sluice answered).
static inline const char *client_where(struct client *client, const char *sql)
{
    struct bench *bench = client->bench;
    notes_wipe(bench);
    client_query(client, sql);
    return server_was_asked(&bench->servers[0], sql)   ? "db1"
           : server_was_asked(&bench->servers[1], sql) ? "db2"
                                                       : "";
}

#define assert_where(client, sql, expected) assert_string_equal(client_where(client, sql), expected)

// The only session, as the view shows it.
struct shown {
    int sessions;
    char state[32], pin[64], schema[64];
    int backend;
    bool in_transaction;
    uint64_t queries;
};

static inline void shown_fill(const struct session_facts *facts, void *context)
{
    struct shown *shown = context;
    shown->sessions++;
    snprintf(shown->state, sizeof(shown->state), "%s", facts->state);
    slice_to_text(facts->pin_reason, shown->pin, sizeof(shown->pin));
    slice_to_text(facts->schema, shown->schema, sizeof(shown->schema));
    shown->backend = facts->backend;
    shown->in_transaction = facts->in_transaction;
    shown->queries = facts->queries;
}

static inline struct shown bench_shown(const struct bench *bench)
{
    struct shown shown = {0};
    worker_each_session(bench->workers[0], shown_fill, &shown);
    return shown;
}

#define assert_pin(bench, expected) assert_string_equal(bench_shown(bench).pin, expected)
