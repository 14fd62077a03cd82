// The compressed protocol, to clients and to servers, each on its own: what passes is the same,
// however it travels.
#include "tests/lib/peer.h"
#include "tests/lib/site.h"

#include "protocol/packet/capability.h"
#include "proxy/base/memory.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char schema[] = "CREATE TABLE app.big (id INT PRIMARY KEY AUTO_INCREMENT, a LONGBLOB);"
                             "CREATE TABLE app.many (a INT PRIMARY KEY, b VARCHAR(200));"
                             "CREATE TABLE app.loaded (a INT, b VARCHAR(100));"
                             "INSERT INTO app.many SELECT i, REPEAT(CHAR(97 + i % 26), i % 150) "
                             "FROM " NUMBERS_TO(1000);

static int setup(void **state)
{
    static const char *const mariadb[] = {
        "--general-log", "--set", "max-allowed-packet=64M", "--set", "local-infile=ON", NULL};
    *state = site_create(mariadb, schema, NULL);
    return 0;
}

static MYSQL *client_of(const struct site *site, bool with_compression, bool with_tls)
{
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    options.with_compression = with_compression;
    options.with_tls = with_tls;
    options.with_local_files = true;
    return client_connect(&options);
}

static uint64_t rows_sum(MYSQL *client, const char *statement)
{
    uint64_t sum = 1469598103934665603u;
    client_send(client, statement);
    assert_int_equal(mysql_read_query_result(client), 0);
    MYSQL_RES *result = mysql_use_result(client);
    assert_non_null(result);
    for (MYSQL_ROW row; (row = mysql_fetch_row(result)) != NULL;) {
        unsigned long *lengths = mysql_fetch_lengths(result);
        for (unsigned i = 0; i < mysql_num_fields(result); i++) {
            sum = sum * 31 + slice_hash(slice_make(row[i], lengths[i]));
        }
    }
    assert_int_equal(mysql_errno(client), 0);
    mysql_free_result(result);
    return sum;
}

// A packet of more than 16 MiB there and back, of the kind that shrinks and of the kind that does
// not.
static void big_packets_pass(MYSQL *client, const struct site *site)
{
    enum { SIZE = 17 * 1024 * 1024 };
    char *text = mem_alloc(SIZE + 100);
    (void)site;
    for (int kind = 0; kind < 2; kind++) {
        size_t len = (size_t)snprintf(text, 64, "INSERT INTO big (id, a) VALUES (%d, '", kind + 1);
        uint32_t seed = 1;
        for (size_t i = 0; i < SIZE; i++) {
            seed = seed * 1103515245 + 12345;
            text[len++] = kind == 0 ? 'x' : (char)('A' + (seed >> 16) % 26);
        }
        len += (size_t)snprintf(text + len, 8, "')");
        client_run(client, "DELETE FROM big");
        if (mysql_real_query(client, text, len) != 0) {
            fail_msg("%u %s", mysql_errno(client), mysql_error(client));
        }
        client_run(client, "START TRANSACTION"); // on the primary, at once
        assert_client_number(client, "SELECT LENGTH(a) FROM big", SIZE);
        MYSQL_RES *result;
        assert_int_equal(mysql_query(client, "SELECT a FROM big"), 0);
        result = mysql_store_result(client);
        assert_non_null(result);
        MYSQL_ROW row = mysql_fetch_row(result);
        assert_memory_equal(row[0], text + 36, SIZE);
        mysql_free_result(result);
        client_run(client, "COMMIT");
    }
    mem_free(text);
}

static void usual_things_pass(MYSQL *client, const struct site *site)
{
    static const char many[] = "SELECT x.a, x.b, y.b FROM many x JOIN many y ON y.a <= 20";
    MYSQL *direct = stack_connect(site->stack, "db1");
    uint64_t expected = rows_sum(direct, many);
    mysql_close(direct);
    assert_true(rows_sum(client, many) == expected);
    assert_client_number(client, "SELECT 1", 1);
    assert_client_error(client, "SELECT nonsense FROM many", 1054, "nonsense");
    assert_client_error(client, "SELECT a, (SELECT a FROM many WHERE a > x.a - 999) FROM many x",
                        1242, "");
    assert_client_number(client, "SELECT COUNT(*) FROM many", 1000);
    for (int i = 0; i < 50; i++) {
        assert_client_number(client, "SELECT 7 FROM many LIMIT 1", 7);
    }
    MYSQL_STMT *stmt = mysql_stmt_init(client);
    assert_int_equal(mysql_stmt_prepare(stmt, many, sizeof(many) - 1), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mysql_stmt_execute(stmt), 0);
        assert_int_equal(mysql_stmt_store_result(stmt), 0);
        assert_int_equal(mysql_stmt_num_rows(stmt), 20000);
        mysql_stmt_free_result(stmt);
    }
    mysql_stmt_close(stmt);
    assert_int_equal(mysql_change_user(client, "app", "app-secret", "app"), 0);
    assert_client_number(client, "SELECT COUNT(*) FROM many", 1000);
}

// More than 256 packets, so that their ids wrap.
static void a_file_passes(MYSQL *client, const struct site *site)
{
    char path[FILE_PATH_SIZE + 16], statement[FILE_PATH_SIZE + 80];
    snprintf(path, sizeof(path), "%s/upload", site->stack->folder);
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 60000; i++) {
        fprintf(file, "%d\tthe row of number %d\n", i, i);
    }
    fclose(file);
    snprintf(statement, sizeof(statement), "LOAD DATA LOCAL INFILE '%s' INTO TABLE loaded", path);
    client_run(client, "DELETE FROM loaded");
    client_run(client, statement);
    assert_int_equal(mysql_affected_rows(client), 60000);
    client_run(client, "SELECT 1");
    unlink(path);
}

static void everything_passes(const struct site *site, bool with_compression, bool with_tls)
{
    MYSQL *client = client_of(site, with_compression, with_tls);
    usual_things_pass(client, site);
    big_packets_pass(client, site);
    a_file_passes(client, site);
    mysql_close(client);
}

static void a_client_that_compresses_before_servers_that_do_not(void **state)
{
    everything_passes(*state, true, false);
    everything_passes(*state, true, true);
}

// How many connections of ours the primary sees compressed.
static void assert_servers_compress(const struct site *site, MYSQL *client, const char *algorithm)
{
    if (servers_are_mysql()) {
        assert_client_text(client,
                           "SELECT VARIABLE_VALUE FROM performance_schema.session_status WHERE "
                           "VARIABLE_NAME = 'Compression_algorithm'",
                           algorithm);
        return;
    }
    (void)site;
    assert_client_text(client,
                       "SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE "
                       "VARIABLE_NAME = 'Compression'",
                       algorithm[0] != '\0' ? "ON" : "OFF");
}

static const char *const zlib_servers[] = {"backend:db1.compression = zlib",
                                           "backend:db2.compression = zlib",
                                           "backend:db3.compression = zlib", NULL};
static const char *const zstd_servers[] = {
    "backend:db1.compression = zstd", "backend:db2.compression = zstd",
    "backend:db3.compression = zstd", "backend:db1.tls = disabled", NULL};

static void servers_that_compress(void **state)
{
    site_restart(*state, zlib_servers);
    MYSQL *client = site_client(*state);
    assert_servers_compress(*state, client, "zlib");
    mysql_close(client);
    everything_passes(*state, false, false);
    everything_passes(*state, true, false);
}

// MariaDB has no zstd here: the connections are plain.
static void servers_that_compress_by_zstd_or_cannot(void **state)
{
    site_restart(*state, zstd_servers);
    MYSQL *client = site_client(*state);
    assert_servers_compress(*state, client, servers_are_mysql() ? "zstd" : "");
    mysql_close(client);
    everything_passes(*state, false, false);
    everything_passes(*state, true, true);
}

// MySQL's own client, which knows zstd.
static void a_client_that_compresses_by_zstd(void **state)
{
    const struct site *site = *state;
    static const char program[] = "build/binaries/mysql-server/usr/bin/mysql";
    char port[32];
    struct buffer output = BUFFER_INIT;
    if (!servers_are_there(SERVERS_MYSQL) || access(program, X_OK) != 0) {
        print_message("no MySQL: make mysql-server\n");
        skip();
    }
    snprintf(port, sizeof(port), "--port=%u", site->instance->port);
    static const char sql[] =
        "SHOW STATUS LIKE 'nothing'; SELECT COUNT(*), SUM(LENGTH(b)) FROM many;"
        "SELECT LENGTH(REPEAT('sluice', 1000000));"
        "SELECT REPEAT('z', 100000)";
    static const char *const algorithms[] = {"--compression-algorithms=zstd",
                                             "--compression-algorithms=zlib"};
    for (int i = 0; i < 2; i++) {
        const char *const argv[] = {program,       "--no-defaults",
                                    "-h127.0.0.1", port,
                                    "-uapp",       "-papp-secret",
                                    algorithms[i], "--zstd-compression-level=7",
                                    "-N",          "-e",
                                    sql,           "app",
                                    NULL};
        buffer_clear(&output);
        int code = process_run(argv, NULL, &output, WAIT_MS);
        struct slice text = buffer_slice(&output);
        if (code != 0 || slice_find_slice(text, S("1000\t")) == text.len ||
            slice_find_slice(text, S("6000000")) == text.len || text.len < 100000) {
            fail_msg("%d: %.*s", code, SLICE_ARG(slice_first(text, 2000)));
        }
    }
    buffer_release(&output);
}

static void a_client_that_may_not_compress_is_plain(void **state)
{
    site_restart(*state, (const char *const[]){"proxy.compression = no", NULL});
    struct peer *peer = peer_connect(((const struct site *)*state)->instance->port);
    peer_read_greeting(peer);
    assert_int_equal(peer->offered & (CAPABILITY_COMPRESS | CAPABILITY_ZSTD_COMPRESS), 0);
    peer_close(peer);
    MYSQL *client = client_of(*state, true, false);
    assert_client_number(client, "SELECT COUNT(*) FROM many", 1000);
    mysql_close(client);
    site_restart(*state, NULL);
}

// --- frames that are none ------------------------------------------------------------------------

static struct peer *compressing_peer(const struct site *site)
{
    struct peer *peer = peer_connect(site->instance->port);
    struct buffer payload = BUFFER_INIT;
    peer_read_greeting(peer);
    peer_login_payload(peer, "app", "app-secret", "app", CAPABILITY_COMPRESS, &payload);
    peer_send_packet(peer, buffer_slice(&payload));
    peer_read_login(peer, "app-secret");
    buffer_release(&payload);
    return peer;
}

static void frames_that_lie_end_the_connection(void **state)
{
    static const struct slice lies[] = {
        SLICE_INIT("\5\0\0\0\1\0\0hello"),
        SLICE_INIT("\1\0\0\0\3SELECT 1"), // as if nothing were compressed
        SLICE_INIT("\2\0\0\0\xff\xff\xff\x78\x9c\x00\x00\x00\xff\xff"),
    };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct peer *peer = compressing_peer(*state);
        peer_send(peer, lies[i]);
        shutdown(peer->fd, SHUT_WR);
        assert_peer_closed(peer);
        peer_close(peer);
    }
    assert_site_idle(*state);
}

static void frames_of_one_byte_at_a_time_are_read(void **state)
{
    const struct site *site = *state;
    struct peer *peer = peer_connect(site->instance->port);
    struct buffer out = BUFFER_INIT;
    peer_read_greeting(peer);
    peer_login_payload(peer, "app", "app-secret", "app",
                       CAPABILITY_COMPRESS | CAPABILITY_PLUGIN_AUTH, &out);
    peer_send_packet(peer, buffer_slice(&out));
    buffer_release(&out);
    peer_read_login(peer, "app-secret");
    for (int round = 0; round < 3; round++) {
        struct slice ping = S("\5\0\0\0\0\0\0\1\0\0\0\x0e");
        for (size_t i = 0; i < ping.len; i++) { // a byte at a time
            peer_send(peer, slice_first(slice_from(ping, i), 1));
        }
        uint8_t answer[18];
        for (size_t have = 0; have < sizeof(answer);) {
            size_t n = peer_read_bytes(peer, answer + have, sizeof(answer) - have);
            assert_true(n > 0);
            have += n;
        }
        assert_memory_equal(answer, "\x0b\0\0\1\0\0\0\x07\0\0\1\0\0\0\2\0\0\0", 18);
    }
    peer_close(peer);
}

static void a_client_that_leaves_in_a_frame_leaves_nothing(void **state)
{
    for (size_t len = 0; len < 12; len++) {
        struct peer *peer = compressing_peer(*state);
        peer_send(peer, slice_first(S("\5\0\0\0\0\0\0\1\0\0\0\x0e"), len));
        len % 2 == 0 ? peer_close(peer) : peer_reset(peer);
    }
    assert_site_idle(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_that_compresses_before_servers_that_do_not),
        cmocka_unit_test(a_client_that_compresses_by_zstd),
        cmocka_unit_test(frames_that_lie_end_the_connection),
        cmocka_unit_test(frames_of_one_byte_at_a_time_are_read),
        cmocka_unit_test(a_client_that_leaves_in_a_frame_leaves_nothing),
        cmocka_unit_test(servers_that_compress),
        cmocka_unit_test(servers_that_compress_by_zstd_or_cannot),
        cmocka_unit_test(a_client_that_may_not_compress_is_plain),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
