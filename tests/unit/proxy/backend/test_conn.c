#include "proxy/backend/conn.h"

#include "proxy/base/clock.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/fake.h"
#include "tests/unit/proxy/backend/scripted_server.h"
#include "tests/unit/proxy/net/fixture.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

// Who has the connection, and what it was told.
struct holder {
    int ready;
    int writable;
    struct buffer answer;
    size_t takes; // bytes of an answer that it takes at a time; 0: all
    int closed;
    enum conn_end end;
    uint16_t code;
    char text[ERROR_TEXT_SIZE];
    char server[ERROR_WHERE_SIZE];
};

// What conn_query() and conn_ping() brought.
struct collected {
    int done;
    size_t columns, rows;
    char names[64];  // of the columns, each with a semicolon
    char cells[256]; // each with a semicolon, a line for each row
    uint16_t code;
    char error[64];
    uint16_t status;
    enum conn_state state; // of the connection when it was told
};

struct bench {
    struct fixture fixture;
    struct scripted_server server;
    struct conn_target target;
    struct image_table images;
    struct secret *secret;
    struct holder holder;
    struct conn *conn;
};

// --- the holder ----------------------------------------------------------------------------------

static void on_ready(struct conn *conn)
{
    struct holder *holder = conn_holder(conn);
    assert_int_equal(conn_state(conn), CONN_READY);
    holder->ready++;
}

static size_t on_answer(struct conn *conn, const uint8_t *bytes, size_t len)
{
    struct holder *holder = conn_holder(conn);
    size_t taken = holder->takes > 0 && holder->takes < len ? holder->takes : len;
    buffer_append(&holder->answer, bytes, taken);
    return taken;
}

static void on_writable(struct conn *conn)
{
    struct holder *holder = conn_holder(conn);
    holder->writable++;
}

static void on_closed(struct conn *conn, const struct conn_loss *loss)
{
    struct holder *holder = conn_holder(conn);
    assert_int_equal(conn_state(conn), CONN_CLOSED);
    assert_non_null(loss->error);
    holder->closed++;
    holder->end = loss->end;
    holder->code = loss->code;
    snprintf(holder->text, sizeof(holder->text), "%s", loss->error->text);
    snprintf(holder->server, sizeof(holder->server), "%s", loss->error->where);
}

static const struct conn_handler handler = {on_ready, on_answer, on_writable, on_closed};

// --- the bench -----------------------------------------------------------------------------------

static void bench_open(struct bench *bench)
{
    memset(bench, 0, sizeof(*bench));
    fixture_open(&bench->fixture);
    server_open(&bench->server, bench->fixture.loop);
    bench->target = (struct conn_target){
        .name = S("db1"),
        .address = {.kind = CONF_ADDRESS_TCP,
                    .host = S("127.0.0.1"),
                    .port = listener_address(bench->server.listener)->port},
        .tls = CONF_TLS_DISABLED,
        .connect_timeout_us = 30 * CLOCK_SECOND,
    };
    image_table_init(&bench->images);
    bench->secret = secret_from_password(S("secret"));
}

static void bench_close(struct bench *bench)
{
    if (bench->conn != NULL && bench->holder.closed == 0) {
        conn_close(bench->conn);
    }
    server_close(&bench->server);
    secret_unref(&bench->secret);
    buffer_release(&bench->holder.answer);
    fixture_close(&bench->fixture);
    image_table_release(&bench->images); // every reference was given back
}

static struct conn_settings settings_of(struct bench *bench)
{
    return (struct conn_settings){
        .loop = bench->fixture.loop,
        .target = &bench->target,
        .user = S("app"),
        .secret = bench->secret,
        .collation = COLLATION_UTF8MB4_GENERAL_CI,
        .schema = S("shop"),
        .images = &bench->images,
    };
}

static void open_as(struct bench *bench, const struct conn_settings *settings)
{
    bench->conn = conn_open(settings, &handler, &bench->holder);
    assert_int_equal(conn_state(bench->conn), CONN_CONNECTING);
    assert_int_equal(bench->holder.ready + bench->holder.closed, 0); // never from inside the call
    turn_until(bench->fixture.loop, bench->holder.ready + bench->holder.closed > 0);
}

// A connection that is ready, of which the server was asked nothing yet.
static void open_ready(struct bench *bench)
{
    struct conn_settings settings = settings_of(bench);
    open_as(bench, &settings);
    assert_int_equal(bench->holder.ready, 1);
    bench->server.asked[0] = '\0';
    bench->holder.ready = 0;
}

// As the monitor's: no image, nothing set up.
static void open_plain(struct bench *bench)
{
    struct conn_settings settings = settings_of(bench);
    settings.images = NULL;
    open_as(bench, &settings);
    assert_int_equal(bench->holder.ready, 1);
    bench->holder.ready = 0;
}

static void wait_closed(struct bench *bench)
{
    turn_until(bench->fixture.loop, bench->holder.closed > 0);
    assert_int_equal(bench->holder.closed, 1);
}

static struct image *image_of_bench(struct bench *bench)
{
    return image_make(&bench->images, S("utf8mb4"), SLICE_NONE, S("shop"), false);
}

#define assert_asked(bench, expected) assert_string_equal((bench)->server.asked, (expected))
#define assert_holds(text, part)      assert_non_null(strstr((text), (part)))

// --- opening -------------------------------------------------------------------------------------

static void a_connection_is_set_up_before_it_is_ready(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    struct conn_settings settings = settings_of(&bench);
    open_as(&bench, &settings);
    assert_int_equal(bench.holder.ready, 1);
    // What servers are to report, under the names that this one has, and the charset anew.
    assert_holds(bench.server.asked,
                 "Q:SET session_track_schema=1,session_track_system_variables='autocommit,");
    assert_holds(bench.server.asked, ",tx_isolation,tx_read_only,last_gtid',NAMES 'utf8mb4'");
    assert_null(strchr(strchr(bench.server.asked, '\n') + 1, '\n')); // one command
    assert_null(strstr(bench.server.asked, "tx_read_only=1"));
    assert_true(conn_peer(bench.conn)->is_mariadb);
    assert_int_equal(conn_peer(bench.conn)->connection_id, 1);
    struct image *image = image_of_bench(&bench);
    assert_true(conn_is_as(bench.conn, image));
    image_unref(&image);
    bench_close(&bench);
}

static void a_replica_s_connection_refuses_writes_by_itself(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    struct conn_settings settings = settings_of(&bench);
    settings.is_replica = true;
    open_as(&bench, &settings);
    assert_true(conn_is_replica(bench.conn));
    assert_holds(bench.server.asked, ",tx_read_only=1,");
    bench_close(&bench);
}

static void the_login_asks_for_what_cannot_be_changed_later(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    struct conn_settings settings = settings_of(&bench);
    settings.traits = (struct conn_traits){.found_rows = true, .interactive = true};
    settings.multi_statements = true;
    open_as(&bench, &settings);
    const struct login_request *request =
        login_server_request(&server_last_link(&bench.server)->login);
    assert_true(slice_equal(request->user, S("app")));
    assert_true(slice_equal(request->schema, S("shop")));
    assert_int_equal(request->collation, COLLATION_UTF8MB4_GENERAL_CI);
    const uint64_t chosen = CAPABILITY_FOUND_ROWS | CAPABILITY_IGNORE_SPACE |
                            CAPABILITY_INTERACTIVE | CAPABILITY_MULTI_STATEMENTS;
    assert_int_equal(request->capabilities & chosen,
                     CAPABILITY_FOUND_ROWS | CAPABILITY_INTERACTIVE | CAPABILITY_MULTI_STATEMENTS);
    assert_true(conn_image(bench.conn)->multi_statements);
    bench_close(&bench);
}

static void a_connection_without_an_image_is_asked_for_nothing(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    open_plain(&bench);
    assert_asked(&bench, "");
    assert_null(conn_image(bench.conn));
    bench_close(&bench);
}

static void a_wrong_password_is_the_server_s_refusal(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    secret_unref(&bench.secret);
    bench.secret = secret_from_password(S("wrong"));
    struct conn_settings settings = settings_of(&bench);
    open_as(&bench, &settings);
    assert_int_equal(bench.holder.closed, 1);
    assert_int_equal(bench.holder.end, CONN_END_REFUSED);
    assert_int_equal(bench.holder.code, 1045);
    assert_string_equal(bench.holder.server, "db1");
    bench_close(&bench);
}

static void a_server_that_is_full_says_so(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    bench.server.refuse_login = 1040;
    struct conn_settings settings = settings_of(&bench);
    open_as(&bench, &settings);
    assert_int_equal(bench.holder.end, CONN_END_REFUSED);
    assert_int_equal(bench.holder.code, 1040);
    assert_holds(bench.holder.text, "go away");
    bench_close(&bench);
}

static void a_port_without_a_server_is_told_as_such(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    uint16_t port;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); // bound, but nobody listens
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    port = ntohs(address.sin_port);
    bench.target.address.port = port;
    struct conn_settings settings = settings_of(&bench);
    open_as(&bench, &settings);
    assert_int_equal(bench.holder.end, CONN_END_CONNECT);
    assert_int_equal(bench.holder.code, 0);
    close(fd);
    bench_close(&bench);
}

// Whose fault it is that there is no socket.
static void without_descriptors_no_server_is_blamed(void **state)
{
    struct bench bench;
    struct rlimit before, none;
    (void)state;
    bench_open(&bench);
    int lowest = dup(0);
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)lowest;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct conn_settings settings = settings_of(&bench);
    open_as(&bench, &settings);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(bench.holder.end, CONN_END_EXHAUSTED);
    const struct conn_loss loss = {.end = bench.holder.end};
    assert_false(conn_loss_tells_of_server(&loss));
    assert_true(conn_loss_is_full(&loss));
    bench_close(&bench);
}

static void a_server_that_does_not_greet_costs_connect_timeout(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    bench.server.greets_nobody = true;
    bench.target.connect_timeout_us = 20 * CLOCK_MS;
    struct conn_settings settings = settings_of(&bench);
    open_as(&bench, &settings);
    assert_int_equal(bench.holder.end, CONN_END_TIMEOUT);
    bench_close(&bench);
}

static void a_server_that_hangs_up_in_the_login_is_lost(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    bench.server.greets_nobody = true;
    struct conn_settings settings = settings_of(&bench);
    bench.conn = conn_open(&settings, &handler, &bench.holder);
    turn_until(bench.fixture.loop, conn_state(bench.conn) == CONN_LOGIN);
    turn_until(bench.fixture.loop, bench.server.link_count == 1);
    stream_finish(&server_last_link(&bench.server)->stream);
    wait_closed(&bench);
    assert_int_equal(bench.holder.end, CONN_END_LOST);
    bench_close(&bench);
}

static void a_name_is_looked_up(void **state)
{
    struct bench bench;
    struct error error;
    (void)state;
    bench_open(&bench);
    bench.target.address.host = S("localhost"); // of /etc/hosts; nobody is asked
    bench.target.resolver =
        resolver_create(bench.fixture.loop, &(struct resolver_settings){0}, &error);
    open_ready(&bench);
    conn_close(bench.conn);
    bench.conn = NULL;
    resolver_destroy(bench.target.resolver);
    bench_close(&bench);
}

static void a_server_that_knows_no_such_variable_is_of_no_use(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    bench.server.refuse_text = "session_track_schema";
    struct conn_settings settings = settings_of(&bench);
    open_as(&bench, &settings);
    assert_int_equal(bench.holder.end, CONN_END_PREPARE);
    assert_int_equal(bench.holder.code, 1231);
    bench_close(&bench);
}

// --- images --------------------------------------------------------------------------------------

static void an_image_is_applied_in_one_round_trip(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    open_ready(&bench);
    struct image *image = image_of_bench(&bench);
    image_set_schema(&image, S("other"));
    image_set_multi_statements(&image, true);
    image_set_variable(&image, S("time_zone"), S("+02:00"), false);
    assert_false(conn_is_as(bench.conn, image));
    assert_true(conn_can_become(bench.conn, image));
    bench.server.arrivals = 0;
    conn_apply(bench.conn, image);
    assert_int_equal(conn_state(bench.conn), CONN_PREPARING);
    turn_until(bench.fixture.loop, bench.holder.ready > 0);
    assert_asked(&bench, "C:27 \nC:2 other\nQ:SET time_zone='+02:00'\n");
    assert_int_equal(bench.server.arrivals, 1);
    assert_true(conn_is_as(bench.conn, image));
    assert_ptr_equal(conn_image(bench.conn), image);

    bench.server.asked[0] = '\0';
    image_unset_variable(&image, S("time_zone"));
    conn_apply(bench.conn, image);
    turn_until(bench.fixture.loop, bench.holder.ready > 1);
    assert_asked(&bench, "Q:SET time_zone=DEFAULT\n"); // and nothing that it has already
    image_unref(&image);
    bench_close(&bench);
}

static void an_image_that_makes_no_difference_costs_a_ping(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    open_ready(&bench);
    struct image *image = image_of_bench(&bench);
    conn_apply(bench.conn, image);
    turn_until(bench.fixture.loop, bench.holder.ready > 0);
    assert_asked(&bench, "C:14 \n");
    image_unref(&image);
    bench_close(&bench);
}

// The first error decides, whatever the answers behind it say.
static void what_the_server_refuses_ends_the_connection_in_its_words(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    open_ready(&bench);
    struct buffer second = BUFFER_INIT;
    fake_write_err(&second, 1298, "unknown time zone");
    bench.server.refuse_text = "other";
    server_answer(&bench.server, "SET time_zone", buffer_slice(&second));
    struct image *image = image_of_bench(&bench);
    image_set_schema(&image, S("other"));
    image_set_variable(&image, S("time_zone"), S("+02:00"), false);
    conn_apply(bench.conn, image);
    wait_closed(&bench);
    assert_int_equal(bench.holder.end, CONN_END_PREPARE);
    assert_int_equal(bench.holder.code, 1231);
    assert_string_equal(bench.holder.text, "the server refused the session state: no such value");
    assert_int_equal(bench.holder.ready, 0);
    buffer_release(&second);
    image_unref(&image);
    bench_close(&bench);
}

static void a_schema_once_chosen_cannot_be_left(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    open_ready(&bench);
    struct image *none =
        image_make(&bench.images, S("utf8mb4"), S("utf8mb4_general_ci"), SLICE_NONE, false);
    assert_false(conn_can_become(bench.conn, none));
    conn_became(bench.conn, image_ref(none));
    assert_true(conn_can_become(bench.conn, none));
    conn_became(bench.conn, NULL); // unknown: nothing can be made of it but by a reset
    assert_false(conn_can_become(bench.conn, none));
    image_set_schema(&none, S("other"));
    assert_false(conn_can_become(bench.conn, none));
    image_unref(&none);
    bench_close(&bench);
}

static void of_an_unknown_connection_everything_is_set(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    open_ready(&bench);
    struct image *image = image_of_bench(&bench);
    conn_became(bench.conn, NULL);
    conn_apply(bench.conn, image);
    turn_until(bench.fixture.loop, bench.holder.ready > 0);
    assert_holds(bench.server.asked, "C:2 shop\n");
    assert_holds(bench.server.asked, "SET NAMES 'utf8mb4'");
    assert_true(conn_is_as(bench.conn, image));
    image_unref(&image);
    bench_close(&bench);
}

static void a_reset_forgets_everything_but_the_schema(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    open_ready(&bench);
    struct image *image = image_of_bench(&bench);
    image_set_variable(&image, S("time_zone"), S("+02:00"), false);
    conn_became(bench.conn, image);
    conn_reset(bench.conn);
    turn_until(bench.fixture.loop, bench.holder.ready > 0);
    assert_int_equal(strncmp(bench.server.asked, "C:31 \nQ:SET session_track_schema=1,", 35), 0);
    assert_null(strstr(bench.server.asked, "+02:00"));
    struct image *plain = image_of_bench(&bench);
    assert_true(conn_is_as(bench.conn, plain));
    image_unref(&plain);
    bench_close(&bench);
}

static void the_servers_are_asked_to_report_what_the_image_follows(void **state)
{
    (void)state;
    assert_true(conn_tracks(S("sql_mode")));
    assert_true(conn_tracks(S("Time_Zone")));
    assert_true(conn_tracks(S("low_priority_updates"))); // the last of them
    assert_true(conn_tracks(S("transaction_isolation")));
    assert_false(conn_tracks(S("timestamp")));
    assert_false(conn_tracks(S("sql_mod")));
    assert_false(conn_tracks(S("")));
}

// --- passing through -----------------------------------------------------------------------------

static void query_write(struct buffer *out, const char *sql)
{
    struct writer writer = writer_make(out, 0);
    writer_packet_begin(&writer);
    writer_u8(&writer, COMMAND_QUERY);
    writer_slice(&writer, slice_text(sql));
    assert_true(writer_packet_end(&writer));
}

static void relay_send(struct bench *bench, const char *sql)
{
    struct buffer out = BUFFER_INIT;
    query_write(&out, sql);
    stream_send(conn_stream(bench->conn), buffer_ptr(&out), buffer_len(&out));
    buffer_release(&out);
}

static void an_answer_goes_to_the_holder_as_it_comes(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    open_ready(&bench);
    struct buffer rows = BUFFER_INIT;
    fake_write_rows(&rows, 3, 2000);
    server_answer(&bench.server, "SELECT", buffer_slice(&rows));
    bench.holder.takes = 100; // the rest is shown again
    conn_relay(bench.conn);
    assert_int_equal(conn_state(bench.conn), CONN_RELAYING);
    relay_send(&bench, "SELECT a FROM t");
    while (buffer_len(&bench.holder.answer) < buffer_len(&rows)) {
        loop_turn(bench.fixture.loop);
        stream_resume(conn_stream(bench.conn));
    }
    assert_memory_equal(buffer_ptr(&bench.holder.answer), buffer_ptr(&rows), buffer_len(&rows));
    conn_settle(bench.conn);
    assert_int_equal(conn_state(bench.conn), CONN_READY);
    assert_asked(&bench, "Q:SELECT a FROM t\n");
    assert_int_equal(bench.holder.ready, 0); // settling is the holder's own doing
    buffer_release(&rows);
    bench_close(&bench);
}

static void who_takes_a_connection_over_is_told_from_then_on(void **state)
{
    struct bench bench;
    struct holder other = {0};
    (void)state;
    bench_open(&bench);
    open_ready(&bench);
    conn_hold(bench.conn, &handler, &other);
    assert_ptr_equal(conn_holder(bench.conn), &other);
    conn_reset(bench.conn);
    turn_until(bench.fixture.loop, other.ready > 0);
    assert_int_equal(bench.holder.ready, 0);
    bench_close(&bench);
}

static void a_server_that_goes_in_an_answer_is_lost(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    open_ready(&bench);
    server_answer_cut(&bench.server, "SELECT", S("\x01\0"));
    conn_relay(bench.conn);
    relay_send(&bench, "SELECT a FROM t");
    wait_closed(&bench);
    assert_int_equal(bench.holder.end, CONN_END_LOST);
    assert_int_equal(buffer_len(&bench.holder.answer), 2); // what came before was shown
    bench_close(&bench);
}

// --- while nobody asks ---------------------------------------------------------------------------

static void a_server_that_goes_while_nobody_asks_is_told_apart(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    open_ready(&bench);
    stream_finish(&server_last_link(&bench.server)->stream);
    wait_closed(&bench);
    assert_int_equal(bench.holder.end, CONN_END_IDLE);
    assert_int_equal(bench.holder.code, 0);
    bench_close(&bench);
}

static void the_last_words_of_a_server_are_kept(void **state)
{
    struct bench bench;
    struct buffer last = BUFFER_INIT;
    (void)state;
    bench_open(&bench);
    open_ready(&bench);
    fake_write_err(&last, 4031, "disconnected by the server because of inactivity");
    struct server_link *link = server_last_link(&bench.server);
    stream_send(&link->stream, buffer_ptr(&last), buffer_len(&last));
    wait_closed(&bench);
    assert_int_equal(bench.holder.end, CONN_END_IDLE);
    assert_int_equal(bench.holder.code, 4031);
    assert_holds(bench.holder.text, "because of inactivity");
    buffer_release(&last);
    bench_close(&bench);
}

static void bytes_that_nobody_asked_for_end_the_connection(void **state)
{
    static const struct slice uncalled[] = {
        SLICE_INIT("\x07\0\0\0\0\0\0\x02\0\0\0"), // an OK
        SLICE_INIT("x"),
        SLICE_INIT("\x05\0\0\0\xfe\0\0\x02\0"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof(uncalled) / sizeof(uncalled[0]); i++) {
        struct bench bench;
        bench_open(&bench);
        open_ready(&bench);
        stream_send(&server_last_link(&bench.server)->stream, uncalled[i].ptr, uncalled[i].len);
        wait_closed(&bench);
        assert_int_equal(bench.holder.end, CONN_END_PROTOCOL);
        bench_close(&bench);
    }
}

// --- ending --------------------------------------------------------------------------------------

static void closing_says_goodbye_and_nothing_is_told(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    open_ready(&bench);
    conn_break(bench.conn, CONN_END_DEMOTED, "not the primary any more");
    conn_close(bench.conn); // before it was told of
    bench.conn = NULL;
    turn_until(bench.fixture.loop, server_links_open(&bench.server) == 0);
    assert_asked(&bench, "C:1 \n");
    assert_int_equal(bench.holder.closed, 0);
    bench_close(&bench);
}

static void in_the_middle_of_an_answer_there_is_no_goodbye(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    open_ready(&bench);
    conn_relay(bench.conn);
    conn_close(bench.conn);
    bench.conn = NULL;
    turn_until(bench.fixture.loop, server_links_open(&bench.server) == 0);
    assert_asked(&bench, "");
    bench_close(&bench);
}

static void a_broken_connection_is_told_of_from_the_loop(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    open_ready(&bench);
    struct image *image = image_of_bench(&bench);
    assert_true(conn_is_as(bench.conn, image));
    conn_break(bench.conn, CONN_END_DEMOTED, "not the primary any more");
    conn_break(bench.conn, CONN_END_EXPIRED, "the first reason counts");
    assert_int_equal(bench.holder.closed, 0);
    assert_false(conn_is_as(bench.conn, image)); // nobody may take it as it is
    wait_closed(&bench);
    assert_int_equal(bench.holder.end, CONN_END_DEMOTED);
    assert_string_equal(bench.holder.text, "not the primary any more");
    image_unref(&image);
    bench_close(&bench);
}

static void every_end_has_a_word_and_a_sentence(void **state)
{
    (void)state;
    for (int i = 0; i < CONN_END_COUNT; i++) {
        assert_true(strlen(conn_end_word((enum conn_end)i)) > 0);
        assert_true(strlen(conn_end_sentence((enum conn_end)i)) > 10);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(conn_end_word((enum conn_end)i),
                                    conn_end_word((enum conn_end)j));
        }
    }
}

// --- commands of our own -------------------------------------------------------------------------

static void collect(struct conn *conn, const struct conn_result *result, void *context)
{
    struct collected *to = context;
    to->done++;
    to->columns = result->column_count;
    to->rows = result->row_count;
    to->code = result->code;
    to->status = result->status;
    to->state = conn_state(conn);
    snprintf(to->error, sizeof(to->error), "%.*s", SLICE_ARG(result->error));
    for (size_t i = 0; i < result->column_count; i++) {
        size_t len = strlen(to->names);
        snprintf(to->names + len, sizeof(to->names) - len, "%.*s;", SLICE_ARG(result->columns[i]));
    }
    for (size_t row = 0; row < result->row_count; row++) {
        for (size_t i = 0; i <= result->column_count; i++) {
            size_t len = strlen(to->cells);
            struct slice cell = i == result->column_count ? S("\n")
                                : result->rows[row].cells[i].ptr == NULL
                                    ? S("NULL;")
                                    : result->rows[row].cells[i];
            bool is_value = i < result->column_count && result->rows[row].cells[i].ptr != NULL;
            snprintf(to->cells + len, sizeof(to->cells) - len, "%.*s%s", SLICE_ARG(cell),
                     is_value ? ";" : "");
        }
    }
}

static struct collected query(struct bench *bench, const char *sql)
{
    struct collected collected = {0};
    conn_query(bench->conn, slice_text(sql), collect, &collected);
    assert_int_equal(collected.done, 0);
    turn_until(bench->fixture.loop, collected.done + bench->holder.closed > 0);
    return collected;
}

static struct column column_named(struct slice name)
{
    return (struct column){
        .name = name, .type = TYPE_VAR_STRING, .collation = COLUMN_UTF8MB4, .length = 100};
}

// Two columns; rows ("1", NULL) and ("", "two").
static void result_write(struct buffer *out, uint64_t capabilities)
{
    struct column columns[] = {column_named(S("id")), column_named(S("name"))};
    struct slice rows[][2] = {{S("1"), SLICE_NONE}, {slice_make("", 0), S("two")}};
    struct writer writer = writer_make(out, 1);
    struct result_writer result = result_writer_make(&writer, capabilities);
    result_writer_begin(&result, columns, 2, STATUS_AUTOCOMMIT);
    result_writer_row(&result, rows[0]);
    result_writer_row(&result, rows[1]);
    assert_true(result_writer_end(&result, STATUS_AUTOCOMMIT | STATUS_IN_TRANSACTION, 0));
}

static void a_result_is_collected(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    open_plain(&bench);
    struct buffer bytes = BUFFER_INIT;
    result_write(&bytes, bench.server.capabilities);
    server_answer(&bench.server, "SELECT", buffer_slice(&bytes));
    for (int i = 0; i < 2; i++) { // the connection is as good as new behind it
        struct collected got = query(&bench, "SELECT id, name FROM t");
        assert_int_equal(got.done, 1);
        assert_string_equal(got.names, "id;name;");
        assert_string_equal(got.cells, "1;NULL;\n;two;\n");
        assert_int_equal(got.status, STATUS_AUTOCOMMIT | STATUS_IN_TRANSACTION);
        assert_int_equal(got.code, 0);
        assert_int_equal(got.state, CONN_READY);
    }
    buffer_release(&bytes);
    bench_close(&bench);
}

static void a_result_that_ends_in_an_ok_is_collected_too(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    bench.server.capabilities |= CAPABILITY_DEPRECATE_EOF;
    struct conn_settings settings = settings_of(&bench);
    settings.images = NULL;
    settings.traits.deprecate_eof = true;
    open_as(&bench, &settings);
    struct buffer bytes = BUFFER_INIT;
    result_write(&bytes, conn_peer(bench.conn)->capabilities);
    server_answer(&bench.server, "SELECT", buffer_slice(&bytes));
    struct collected got = query(&bench, "SELECT id, name FROM t");
    assert_string_equal(got.cells, "1;NULL;\n;two;\n");
    assert_int_equal(got.status, STATUS_AUTOCOMMIT | STATUS_IN_TRANSACTION);
    buffer_release(&bytes);
    bench_close(&bench);
}

// A client that was promised extended types would misread the columns of a server without them.
static void a_server_without_the_extended_types_of_the_client_is_not_used(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    struct conn_settings settings = settings_of(&bench);
    settings.traits.extended_types = true;
    open_as(&bench, &settings);
    assert_int_equal(bench.holder.closed, 1);
    assert_int_equal(bench.holder.end, CONN_END_LOGIN);
    bench_close(&bench);

    bench_open(&bench);
    bench.server.capabilities |= CAPABILITY_MARIADB_EXTENDED_TYPES;
    bench.server.capabilities &= ~(uint64_t)CAPABILITY_LONG_PASSWORD;
    settings = settings_of(&bench);
    settings.traits.extended_types = true;
    open_as(&bench, &settings);
    assert_int_equal(bench.holder.ready, 1);
    assert_true(
        capability_has(conn_peer(bench.conn)->capabilities, CAPABILITY_MARIADB_EXTENDED_TYPES));
    bench_close(&bench);
}

// Its client counts on results that end in OK.
static void
a_server_that_ends_results_in_the_older_way_is_not_used_for_who_wants_the_newer(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    bench.server.capabilities &= ~(uint64_t)CAPABILITY_DEPRECATE_EOF;
    struct conn_settings settings = settings_of(&bench);
    settings.traits.deprecate_eof = true;
    open_as(&bench, &settings);
    assert_int_equal(bench.holder.closed, 1);
    assert_int_equal(bench.holder.end, CONN_END_LOGIN);
    bench_close(&bench);
}

// Nor may one take its statements apart that does not know of attributes in front of them.
static void a_server_without_the_query_attributes_of_the_client_is_not_used(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    struct conn_settings settings = settings_of(&bench);
    settings.traits.query_attributes = true;
    open_as(&bench, &settings);
    assert_int_equal(bench.holder.closed, 1);
    assert_int_equal(bench.holder.end, CONN_END_LOGIN);
    bench_close(&bench);
}

static void of_several_results_the_last_one_counts(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    open_plain(&bench);
    struct buffer bytes = BUFFER_INIT;
    fake_write_two_results(&bytes, 2, 3);
    server_answer(&bench.server, "CALL", buffer_slice(&bytes));
    struct collected got = query(&bench, "CALL p()");
    assert_int_equal(got.rows, 2);
    assert_string_equal(got.cells, "xxx;\nxxx;\n");

    // A procedure's last result is an OK: no rows.
    struct buffer end = BUFFER_INIT;
    fake_write_ok(&end);
    size_t eof = buffer_len(&bytes) / 2; // the first result, which says that more come
    buffer_truncate(&bytes, eof);
    buffer_ptr(&end)[3] = (uint8_t)(buffer_ptr(&bytes)[eof - 6] + 1);
    buffer_append_slice(&bytes, buffer_slice(&end));
    server_answer(&bench.server, "CALL", buffer_slice(&bytes));
    got = query(&bench, "CALL p()");
    assert_int_equal(got.done, 1);
    assert_int_equal(got.rows, 0);
    buffer_release(&end);
    buffer_release(&bytes);
    bench_close(&bench);
}

static void an_error_is_a_result_too(void **state)
{
    struct bench bench;
    struct buffer bytes = BUFFER_INIT;
    (void)state;
    bench_open(&bench);
    open_plain(&bench);
    fake_write_err(&bytes, 1146, "no such table");
    server_answer(&bench.server, "SELECT", buffer_slice(&bytes));
    struct collected got = query(&bench, "SELECT 1 FROM missing");
    assert_int_equal(got.code, 1146);
    assert_string_equal(got.error, "no such table");
    assert_int_equal(got.rows, 0);
    assert_int_equal(bench.holder.closed, 0);
    struct collected ping = {0};
    conn_ping(bench.conn, collect, &ping);
    turn_until(bench.fixture.loop, ping.done > 0);
    assert_int_equal(ping.code, 0);
    buffer_release(&bytes);
    bench_close(&bench);
}

static void an_answer_byte_by_byte_is_whole(void **state)
{
    struct bench bench;
    struct buffer bytes = BUFFER_INIT;
    struct collected got = {0};
    (void)state;
    bench_open(&bench);
    open_plain(&bench);
    server_answer(&bench.server, "SELECT", SLICE_NONE);
    result_write(&bytes, bench.server.capabilities);
    conn_query(bench.conn, S("SELECT id, name FROM t"), collect, &got);
    for (size_t i = 0; i < buffer_len(&bytes); i++) {
        assert_int_equal(got.done, 0);
        stream_send(&server_last_link(&bench.server)->stream, buffer_ptr(&bytes) + i, 1);
        loop_turn(bench.fixture.loop);
    }
    turn_until(bench.fixture.loop, got.done > 0);
    assert_string_equal(got.cells, "1;NULL;\n;two;\n");
    buffer_release(&bytes);
    bench_close(&bench);
}

static void an_answer_cut_at_each_byte_is_none(void **state)
{
    struct buffer bytes = BUFFER_INIT;
    (void)state;
    result_write(&bytes, CAPABILITIES_OFFERED & ~(uint64_t)CAPABILITY_DEPRECATE_EOF);
    for (size_t len = 0; len < buffer_len(&bytes); len++) {
        struct bench bench;
        bench_open(&bench);
        open_plain(&bench);
        server_answer_cut(&bench.server, "SELECT", slice_first(buffer_slice(&bytes), len));
        struct collected got = query(&bench, "SELECT id, name FROM t");
        assert_int_equal(got.done, 0);
        assert_int_equal(bench.holder.end, CONN_END_LOST);
        bench_close(&bench);
    }
    buffer_release(&bytes);
}

static void an_answer_that_is_none_ends_the_connection(void **state)
{
    static const struct slice answers[] = {
        SLICE_INIT("\0\0\0\x01"),               // an empty packet
        SLICE_INIT("\x01\0\0\x01\x00"),         // half an OK
        SLICE_INIT("\x03\0\0\x01\xfc\x01\x10"), // more columns than there may be
        SLICE_INIT("\x01\0\0\x01\xfb"),         // a wish for a file
        SLICE_INIT("\x01\0\0\x01\x01\x02\0\0\x02\x05x"
                   "\x05\0\0\x03\xfe\0\0\x02\0"
                   "\x05\0\0\x04\xfe\0\0\x02\0"), // half a column
        SLICE_INIT("\xff\xff\xff\x01\0"),         // an OK packet that goes on
        SLICE_INIT("\x01\0\0\x01\x01\x06\0\0\x02\0\0\0\0\x01"
                   "a\x01\0\0\x03\x01"), // a row where the end should be
        SLICE_INIT("\x01\0\0\x01\x01\x06\0\0\x02\0\0\0\0\x01"
                   "a\x05\0\0\x03\xfe\0\0\x02\0"
                   "\x02\0\0\x04\x05x"
                   "\x05\0\0\x05\xfe\0\0\x02\0"), // half a cell
        SLICE_INIT("\x01\0\0\x01\x01\x06\0\0\x02\0\0\0\0\x01"
                   "a\x05\0\0\x03\xfe\0\0\x02\0"
                   "\x04\0\0\x04\x01x\x01y"
                   "\x05\0\0\x05\xfe\0\0\x02\0"), // a cell too many
    };
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct bench bench;
        bench_open(&bench);
        open_plain(&bench);
        server_answer(&bench.server, "SELECT", answers[i]);
        struct collected got = query(&bench, "SELECT id, name FROM t");
        if (got.done > 0 || bench.holder.end != CONN_END_PROTOCOL) {
            fail_msg("answer %zu passed", i);
        }
        bench_close(&bench);
    }
}

static void a_result_without_end_is_not_collected(void **state)
{
    enum { PIECE = 1 << 20 };
    struct bench bench;
    struct buffer bytes = BUFFER_INIT;
    struct collected got = {0};
    (void)state;
    bench_open(&bench);
    open_plain(&bench);
    fake_write_rows(&bytes, CONN_RESULT_MOST / PIECE + 1, PIECE);
    server_answer(&bench.server, "SELECT", buffer_slice(&bytes));
    conn_query(bench.conn, S("SELECT a FROM t"), collect, &got);
    wait_closed(&bench);
    assert_int_equal(got.done, 0);
    assert_int_equal(bench.holder.end, CONN_END_PROTOCOL);
    buffer_release(&bytes);
    bench_close(&bench);
}

static void a_server_that_does_not_answer_us_costs_connect_timeout(void **state)
{
    struct bench bench;
    struct collected got = {0};
    (void)state;
    bench_open(&bench);
    bench.target.connect_timeout_us = 30 * CLOCK_SECOND;
    open_plain(&bench);
    bench.target.connect_timeout_us = 20 * CLOCK_MS;
    bench.server.is_silent = true;
    conn_query(bench.conn, S("SELECT 1"), collect, &got);
    wait_closed(&bench);
    assert_int_equal(got.done, 0);
    assert_int_equal(bench.holder.end, CONN_END_TIMEOUT);
    bench_close(&bench);
}

// The monitor's next question is asked by what takes the answer of the one before.
static void ask_again(struct conn *conn, const struct conn_result *result, void *context)
{
    assert_int_equal(result->row_count, 2);
    conn_query(conn, S("SELECT again"), collect, context);
}

static void an_answer_may_bring_the_next_question(void **state)
{
    struct bench bench;
    struct buffer bytes = BUFFER_INIT;
    struct collected got = {0};
    (void)state;
    bench_open(&bench);
    open_plain(&bench);
    result_write(&bytes, bench.server.capabilities);
    server_answer(&bench.server, "SELECT", buffer_slice(&bytes));
    conn_query(bench.conn, S("SELECT first"), ask_again, &got);
    turn_until(bench.fixture.loop, got.done > 0);
    assert_asked(&bench, "Q:SELECT first\nQ:SELECT again\n");
    assert_string_equal(got.names, "id;name;");
    buffer_release(&bytes);
    bench_close(&bench);
}

// The holder's own statement went out behind ours: it relays the answer from there on.
static void relay_on(struct conn *conn, const struct conn_result *result, void *context)
{
    collect(conn, result, context);
    conn_relay(conn);
}

static void what_was_sent_behind_a_question_is_answered_to_the_holder(void **state)
{
    struct bench bench;
    struct buffer first = BUFFER_INIT, second = BUFFER_INIT, behind = BUFFER_INIT;
    struct collected got = {0};
    (void)state;
    bench_open(&bench);
    open_plain(&bench);
    result_write(&first, bench.server.capabilities);
    fake_write_rows(&second, 3, 2000);
    server_answer(&bench.server, "SELECT first", buffer_slice(&first));
    server_answer(&bench.server, "SELECT second", buffer_slice(&second));
    query_write(&behind, "SELECT second");
    conn_query_ahead(bench.conn, S("SELECT first"), buffer_slice(&behind), relay_on, &got);
    turn_until(bench.fixture.loop, buffer_len(&bench.holder.answer) == buffer_len(&second));
    assert_int_equal(got.done, 1);
    assert_int_equal(got.rows, 2);
    assert_memory_equal(buffer_ptr(&bench.holder.answer), buffer_ptr(&second), buffer_len(&second));
    assert_asked(&bench, "Q:SELECT first\nQ:SELECT second\n");
    conn_settle(bench.conn);
    buffer_release(&first);
    buffer_release(&second);
    buffer_release(&behind);
    bench_close(&bench);
}

static void a_question_may_be_left_in_the_middle(void **state)
{
    struct bench bench;
    struct collected got = {0};
    (void)state;
    bench_open(&bench);
    open_plain(&bench);
    bench.server.is_silent = true;
    conn_query(bench.conn, S("SELECT 1"), collect, &got);
    conn_close(bench.conn);
    bench.conn = NULL;
    turn_until(bench.fixture.loop, server_links_open(&bench.server) == 0);
    assert_int_equal(got.done, 0);
    assert_int_equal(bench.holder.closed, 0);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_is_set_up_before_it_is_ready),
        cmocka_unit_test(a_replica_s_connection_refuses_writes_by_itself),
        cmocka_unit_test(the_login_asks_for_what_cannot_be_changed_later),
        cmocka_unit_test(a_connection_without_an_image_is_asked_for_nothing),
        cmocka_unit_test(a_wrong_password_is_the_server_s_refusal),
        cmocka_unit_test(a_server_that_is_full_says_so),
        cmocka_unit_test(a_port_without_a_server_is_told_as_such),
        cmocka_unit_test(without_descriptors_no_server_is_blamed),
        cmocka_unit_test(a_server_that_does_not_greet_costs_connect_timeout),
        cmocka_unit_test(a_server_that_hangs_up_in_the_login_is_lost),
        cmocka_unit_test(a_name_is_looked_up),
        cmocka_unit_test(a_server_that_knows_no_such_variable_is_of_no_use),
        cmocka_unit_test(an_image_is_applied_in_one_round_trip),
        cmocka_unit_test(an_image_that_makes_no_difference_costs_a_ping),
        cmocka_unit_test(what_the_server_refuses_ends_the_connection_in_its_words),
        cmocka_unit_test(a_schema_once_chosen_cannot_be_left),
        cmocka_unit_test(of_an_unknown_connection_everything_is_set),
        cmocka_unit_test(a_reset_forgets_everything_but_the_schema),
        cmocka_unit_test(the_servers_are_asked_to_report_what_the_image_follows),
        cmocka_unit_test(an_answer_goes_to_the_holder_as_it_comes),
        cmocka_unit_test(who_takes_a_connection_over_is_told_from_then_on),
        cmocka_unit_test(a_server_that_goes_in_an_answer_is_lost),
        cmocka_unit_test(a_server_that_goes_while_nobody_asks_is_told_apart),
        cmocka_unit_test(the_last_words_of_a_server_are_kept),
        cmocka_unit_test(bytes_that_nobody_asked_for_end_the_connection),
        cmocka_unit_test(closing_says_goodbye_and_nothing_is_told),
        cmocka_unit_test(in_the_middle_of_an_answer_there_is_no_goodbye),
        cmocka_unit_test(a_broken_connection_is_told_of_from_the_loop),
        cmocka_unit_test(every_end_has_a_word_and_a_sentence),
        cmocka_unit_test(a_result_is_collected),
        cmocka_unit_test(a_result_that_ends_in_an_ok_is_collected_too),
        cmocka_unit_test(a_server_without_the_extended_types_of_the_client_is_not_used),
        cmocka_unit_test(
            a_server_that_ends_results_in_the_older_way_is_not_used_for_who_wants_the_newer),
        cmocka_unit_test(a_server_without_the_query_attributes_of_the_client_is_not_used),
        cmocka_unit_test(of_several_results_the_last_one_counts),
        cmocka_unit_test(an_error_is_a_result_too),
        cmocka_unit_test(an_answer_byte_by_byte_is_whole),
        cmocka_unit_test(an_answer_cut_at_each_byte_is_none),
        cmocka_unit_test(an_answer_that_is_none_ends_the_connection),
        cmocka_unit_test(a_result_without_end_is_not_collected),
        cmocka_unit_test(a_server_that_does_not_answer_us_costs_connect_timeout),
        cmocka_unit_test(an_answer_may_bring_the_next_question),
        cmocka_unit_test(what_was_sent_behind_a_question_is_answered_to_the_holder),
        cmocka_unit_test(a_question_may_be_left_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
