// Answers of every shape and size come through as the server gave them, and so does what the client
// sends.
#include "tests/lib/family.h"
#include "tests/lib/peer.h"
#include "tests/lib/site.h"

#include "protocol/packet/capability.h"
#include "proxy/base/memory.h"

#include <mariadb/errmsg.h>
#include <stdio.h>
#include <string.h>

enum { MIB = 1024 * 1024 };

static const char schema[] =
    "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, a INT);"
    "INSERT INTO app.t (a) SELECT i FROM " NUMBERS_TO(
        1000) ";"
              "CREATE TABLE app.big (id INT PRIMARY KEY, b LONGBLOB);"
              "CREATE TABLE app.loaded (a INT PRIMARY KEY, b VARCHAR(100));"
              "CREATE TABLE app.typed (j JSON);"
              "CREATE PROCEDURE app.two_results() BEGIN SELECT 1 AS a; SELECT 2 AS b, 3 AS c; END;"
              "CREATE PROCEDURE app.result_then_error() BEGIN SELECT 1 AS a; SELECT * FROM "
              "app.missing; END;"
              "CREATE PROCEDURE app.given_back(IN a INT, OUT b INT) SET b = a * 2;"
              "CREATE PROCEDURE app.handled() BEGIN DECLARE CONTINUE HANDLER FOR SQLEXCEPTION "
              "SELECT 'handled' AS a; SELECT n, 9223372036854775807 + n AS sum FROM "
              "(SELECT 0 AS n UNION ALL SELECT 1) AS numbers; END";

static int setup(void **state)
{
    *state =
        site_create(site_logging, schema, (const char *const[]){"proxy.max_packet = 128M", NULL});
    return 0;
}

static void results_of_many_rows_are_whole(void **state)
{
    MYSQL *client = site_client(*state);
    assert_int_equal(mysql_query(client, "SELECT x.a, y.a FROM t AS x, t AS y ORDER BY 1, 2"), 0);
    MYSQL_RES *result = mysql_use_result(client);
    assert_non_null(result);
    char expected[2][16];
    for (int i = 0; i < 1000 * 1000; i++) {
        MYSQL_ROW row = mysql_fetch_row(result);
        assert_non_null(row);
        snprintf(expected[0], sizeof(expected[0]), "%d", i / 1000 + 1);
        snprintf(expected[1], sizeof(expected[1]), "%d", i % 1000 + 1);
        if (strcmp(row[0], expected[0]) != 0 || strcmp(row[1], expected[1]) != 0) {
            fail_msg("row %d is %s, %s", i, row[0], row[1]);
        }
    }
    assert_null(mysql_fetch_row(result));
    assert_int_equal(mysql_errno(client), 0);
    mysql_free_result(result);
    assert_client_number(client, "SELECT 1", 1);
    mysql_close(client);
}

static void empty_results_keep_their_columns(void **state)
{
    MYSQL *client = site_client(*state);
    assert_int_equal(mysql_query(client, "SELECT id, a AS renamed FROM t WHERE id < 0"), 0);
    MYSQL_RES *result = mysql_store_result(client);
    assert_int_equal(mysql_num_rows(result), 0);
    assert_int_equal(mysql_num_fields(result), 2);
    assert_string_equal(mysql_fetch_field_direct(result, 1)->name, "renamed");
    assert_string_equal(mysql_fetch_field_direct(result, 1)->org_name, "a");
    mysql_free_result(result);
    mysql_close(client);
}

// What MariaDB says of a column beyond its type: that a text is JSON, a string an INET6.
static void extended_types_are_told_as_they_are_directly(void **state)
{
    if (servers_are_mysql()) {
        skip(); // its types are all in one byte
    }
    MYSQL *client = site_client(*state);
    assert_int_equal(mysql_query(client, "SELECT j, CAST('::1' AS INET6), 1 FROM typed"), 0);
    MYSQL_RES *result = mysql_store_result(client);
    MARIADB_CONST_STRING told;
    assert_int_equal(mariadb_field_attr(&told, mysql_fetch_field_direct(result, 0),
                                        MARIADB_FIELD_ATTR_FORMAT_NAME),
                     0);
    assert_true(slice_equal(slice_make(told.str, told.length), S("json"))); // not NUL-terminated
    assert_int_equal(mariadb_field_attr(&told, mysql_fetch_field_direct(result, 1),
                                        MARIADB_FIELD_ATTR_DATA_TYPE_NAME),
                     0);
    assert_true(slice_equal(slice_make(told.str, told.length), S("inet6")));
    assert_int_not_equal(mariadb_field_attr(&told, mysql_fetch_field_direct(result, 2),
                                            MARIADB_FIELD_ATTR_FORMAT_NAME),
                         0); // a number is no more than its type
    mysql_free_result(result);
    assert_client_number(client, "SELECT CONNECTION_ID() > 0", 1);
    mysql_close(client);
}

// A text that differs at each place, so that a shifted or lost piece shows.
static char *pattern_make(size_t len)
{
    char *text = mem_alloc(len);
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)('a' + (i * 31 + i / 255 + i / 65535) % 26);
    }
    return text;
}

static void big_store(MYSQL *client, int id, const char *bytes, size_t len)
{
    size_t head, cap = len + 128;
    char *statement = mem_alloc(cap);
    head = (size_t)snprintf(statement, cap, "REPLACE INTO big VALUES (%d, '", id);
    memcpy(statement + head, bytes, len);
    memcpy(statement + head + len, "')", 2);
    assert_int_equal(mysql_real_query(client, statement, head + len + 2), 0);
    mem_free(statement);
}

static void big_check(MYSQL *client, int id, const char *bytes, size_t len)
{
    char statement[128];
    int statement_len =
        snprintf(statement, sizeof(statement), "SELECT b FROM big WHERE id = %d", id);
    assert_int_equal(mysql_real_query(client, statement, (unsigned long)statement_len), 0);
    MYSQL_RES *result = mysql_use_result(client);
    MYSQL_ROW row = mysql_fetch_row(result);
    assert_non_null(row);
    assert_int_equal(mysql_fetch_lengths(result)[0], len);
    assert_memory_equal(row[0], bytes, len);
    assert_null(mysql_fetch_row(result));
    mysql_free_result(result);
}

// Sizes around the places where a payload is cut into frames, and one of several frames.
static void values_over_16_mib_pass_both_ways(void **state)
{
    static const size_t lens[] = {0xFFFFFF - 40, 0xFFFFFF - 5, 0xFFFFFF - 4, 0xFFFFFF - 3,
                                  0xFFFFFF,      0xFFFFFF + 1, 40 * MIB};
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    char *bytes = pattern_make(40 * MIB);
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        big_store(client, (int)i, bytes, lens[i]);
    }
    stack_sync(site->stack);
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        big_check(client, (int)i, bytes, lens[i]);
    }
    assert_on_replica(client);
    mysql_close(client);
    mem_free(bytes);
}

// The statement's own text ends at each byte around a frame's end.
static void statements_around_16_mib_are_whole(void **state)
{
    MYSQL *client = site_client(*state);
    static const char head[] = "SELECT LENGTH('", tail[] = "') FROM DUAL";
    for (size_t len = 0xFFFFFF - 2; len <= 0xFFFFFF + 1; len++) {
        size_t fill = len - 1 - (sizeof(head) - 1) - (sizeof(tail) - 1); // one byte is the command
        char *statement = mem_alloc(len);
        memcpy(statement, head, sizeof(head) - 1);
        memset(statement + sizeof(head) - 1, 'x', fill);
        memcpy(statement + sizeof(head) - 1 + fill, tail, sizeof(tail));
        char expected[32];
        snprintf(expected, sizeof(expected), "%zu", fill);
        assert_client_text(client, statement, expected);
        mem_free(statement);
    }
    mysql_close(client);
}

static void a_packet_over_the_limit_gets_an_error(void **state)
{
    const struct site *site = *state;
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    MYSQL *client = client_connect(&options);
    unsigned long most = 1024 * MIB;
    mysql_optionsv(client, MYSQL_OPT_MAX_ALLOWED_PACKET, &most);
    char *bytes = pattern_make(130 * MIB);
    memcpy(bytes, "SELECT '", 8);
    assert_int_not_equal(mysql_real_query(client, bytes, 130 * MIB), 0);
    unsigned number = mysql_errno(client);
    assert_true(number == 1153 || number == CR_SERVER_GONE_ERROR || number == CR_SERVER_LOST);
    mem_free(bytes);
    mysql_close(client);
    client = client_connect(&options);
    assert_client_number(client, "SELECT 1", 1);
    mysql_close(client);
}

static void an_error_of_sluice_s_own_is_read_behind_several_frames(void **state)
{
    static const char head[] = "SELECT LENGTH('", tail[] = "'); KILL 12";
    const struct site *site = *state;
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    options.flags = CLIENT_MULTI_STATEMENTS;
    MYSQL *client = client_connect(&options);
    size_t len = 40 * MIB;
    char *statement = pattern_make(len);
    memcpy(statement, head, sizeof(head) - 1);
    memcpy(statement + len - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
    assert_int_not_equal(mysql_real_query(client, statement, len), 0);
    assert_int_equal(mysql_errno(client), 1235);
    assert_client_number(client, "SELECT 1", 1);
    mem_free(statement);
    mysql_close(client);
}

static void multi_statements_answer_one_by_one(void **state)
{
    const struct site *site = *state;
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    options.flags = CLIENT_MULTI_STATEMENTS;
    MYSQL *client = client_connect(&options);
    assert_int_equal(mysql_query(client, "SELECT 1; UPDATE t SET a = a WHERE id = 1; SELECT 2, 3"),
                     0);
    MYSQL_RES *result = mysql_store_result(client);
    assert_int_equal(mysql_num_fields(result), 1);
    mysql_free_result(result);
    assert_int_equal(mysql_next_result(client), 0);
    assert_null(mysql_store_result(client));
    assert_int_equal(mysql_field_count(client), 0);
    assert_int_equal(mysql_next_result(client), 0);
    result = mysql_store_result(client);
    assert_int_equal(mysql_num_fields(result), 2);
    mysql_free_result(result);
    assert_int_equal(mysql_next_result(client), -1);

    // An error stops the rest.
    assert_client_error(client, "SELECT 1; SELECT * FROM missing; DELETE FROM t", 1146, "missing");
    assert_client_number(client, "SELECT COUNT(*) FROM t", 1000);
    mysql_close(client);
}

static void multi_statements_are_off_until_asked_for(void **state)
{
    MYSQL *client = site_client(*state);
    assert_client_error(client, "SELECT 1; SELECT 2", 1064, "");
    assert_int_equal(mysql_set_server_option(client, MYSQL_OPTION_MULTI_STATEMENTS_ON), 0);
    client_run(client, "SELECT 1; SELECT 2");
    assert_int_equal(mysql_set_server_option(client, MYSQL_OPTION_MULTI_STATEMENTS_OFF), 0);
    assert_client_error(client, "SELECT 1; SELECT 2", 1064, "");
    mysql_close(client);
}

static void procedures_give_several_results(void **state)
{
    MYSQL *client = site_client(*state);
    assert_int_equal(mysql_query(client, "CALL two_results()"), 0);
    MYSQL_RES *result = mysql_store_result(client);
    assert_int_equal(mysql_num_fields(result), 1);
    mysql_free_result(result);
    assert_int_equal(mysql_next_result(client), 0);
    result = mysql_store_result(client);
    assert_int_equal(mysql_num_fields(result), 2);
    mysql_free_result(result);
    assert_int_equal(mysql_next_result(client), 0); // the procedure's own OK
    assert_null(mysql_store_result(client));
    assert_int_equal(mysql_next_result(client), -1);
    assert_client_error(client, "CALL result_then_error()", 1146, "missing");
    client_run(client, "CALL given_back(21, @b)");
    assert_client_number(client, "SELECT @b", 42);
    mysql_close(client);
}

// Trap: the servers end the first result by an EOF packet, though the client wants none.
static void a_result_may_be_cut_short_by_an_error_that_the_procedure_handles(void **state)
{
    MYSQL *client = site_client(*state);
    static const char *const expected[] = {"0", "handled"};
    assert_int_equal(mysql_query(client, "CALL handled()"), 0);
    for (int i = 0; i < 2; i++) {
        MYSQL_RES *result = mysql_store_result(client);
        assert_non_null(result);
        assert_int_equal(mysql_num_rows(result), 1);
        assert_string_equal(mysql_fetch_row(result)[0], expected[i]);
        mysql_free_result(result);
        assert_int_equal(mysql_next_result(client), 0);
    }
    assert_null(mysql_store_result(client));
    assert_int_equal(mysql_next_result(client), -1);
    assert_client_number(client, "SELECT 1", 1);
    mysql_close(client);
}

static void an_error_in_the_middle_of_rows_ends_the_result(void **state)
{
    MYSQL *client = site_client(*state);
    client_run(client, dialect("SET max_statement_time = 0.3", "SET max_execution_time = 300"));
    assert_int_equal(
        mysql_query(client, "SELECT a, SLEEP(IF(id > 20, 0.05, 0)), REPEAT('x', 20000) FROM t"), 0);
    MYSQL_RES *result = mysql_use_result(client);
    assert_non_null(result);
    while (mysql_fetch_row(result) != NULL) {
    }
    assert_int_equal(mysql_errno(client), servers_are_mysql() ? 3024 : 1969);
    mysql_free_result(result);
    client_run(client, dialect("SET max_statement_time = 0", "SET max_execution_time = 0"));
    assert_client_number(client, "SELECT 1", 1);
    mysql_close(client);
}

static void affected_rows_and_info_are_the_servers(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    client_run(client, "UPDATE t SET a = 1 WHERE id <= 3");
    assert_int_equal(mysql_affected_rows(client), 2); // one was 1 already
    assert_non_null(strstr(mysql_info(client), "Rows matched: 3"));
    client_run(client, "UPDATE t SET a = id WHERE id <= 3");
    mysql_close(client);

    struct client_options options = instance_options(site->instance, "app", "app-secret");
    options.flags = CLIENT_FOUND_ROWS;
    client = client_connect(&options);
    client_run(client, "UPDATE t SET a = id WHERE id <= 3");
    assert_int_equal(mysql_affected_rows(client), 3);
    mysql_close(client);
}

static void errors_are_the_servers_own(void **state)
{
    MYSQL *client = site_client(*state);
    assert_client_error(client, "SELEC 1", 1064, "syntax");
    assert_string_equal(mysql_sqlstate(client), "42000");
    assert_client_error(client, "SELECT * FROM missing", 1146, "app.missing");
    assert_string_equal(mysql_sqlstate(client), "42S02");
    assert_client_error(client, "", 1065, "");
    assert_client_error(client, "INSERT INTO t (id) VALUES (1)", 1062, "");
    assert_client_error(client, "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'of my own'", 1644,
                        "of my own");
    assert_client_number(client, "SELECT 1", 1);
    mysql_close(client);
}

static MYSQL *local_files_client(const struct site *site)
{
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    options.with_local_files = true;
    return client_connect(&options);
}

static void local_files_are_loaded_whole(void **state)
{
    const struct site *site = *state;
    char path[FILE_PATH_SIZE + 16];
    snprintf(path, sizeof(path), "%s/rows.csv", site->instance->folder);
    struct buffer rows = BUFFER_INIT;
    for (int i = 0; i < 200000; i++) {
        buffer_print(&rows, "%d,the row of number %d\n", i, i);
    }
    file_write(path, buffer_slice(&rows));
    buffer_release(&rows);

    MYSQL *client = local_files_client(site);
    client_runf(client, "LOAD DATA LOCAL INFILE '%s' INTO TABLE loaded FIELDS TERMINATED BY ','",
                path);
    assert_int_equal(mysql_affected_rows(client), 200000);
    assert_client_number(client, "SELECT SUM(a) FROM loaded FOR UPDATE", 199999LL * 100000);
    assert_soon_on_replica(client);
    client_run(client, "DELETE FROM loaded");
    mysql_close(client);
}

// What fills a frame to the last byte has an empty frame behind it, which is not the file's end.
static void a_piece_of_a_local_file_may_fill_its_frame(void **state)
{
    enum { FRAME_MOST = 0xFFFFFF };
    const struct site *site = *state;
    struct buffer payload = BUFFER_INIT;
    struct peer *peer = peer_connect(site->instance->port);
    peer_read_greeting(peer);
    peer_login_payload(peer, "app", "app-secret", "app", CAPABILITY_LOCAL_FILES, &payload);
    peer_send_packet(peer, buffer_slice(&payload));
    buffer_release(&payload);
    peer_read_login(peer, "app-secret");
    peer_send_query(peer, "LOAD DATA LOCAL INFILE 'any' INTO TABLE loaded "
                          "FIELDS TERMINATED BY ',' IGNORE 1 LINES");
    assert_int_equal((uint8_t)peer_read(peer).ptr[0], 0xFB);
    char *line = mem_alloc(FRAME_MOST);
    memset(line, 'x', FRAME_MOST);
    line[FRAME_MOST - 1] = '\n';
    peer_send_packet(peer, slice_make(line, FRAME_MOST));
    mem_free(line);
    peer_send_packet(peer, S("7,seven\n"));
    peer_send_packet(peer, SLICE_NONE);
    assert_peer_ok(peer);
    assert_true(slice_equal(
        peer_query_value(peer, "SELECT COUNT(*) FROM loaded WHERE a = 7 FOR UPDATE"), S("1")));
    peer_query(peer, "DELETE FROM loaded");
    peer_close(peer);
}

static void a_missing_local_file_leaves_the_session_usable(void **state)
{
    MYSQL *client = local_files_client(*state);
    assert_int_not_equal(
        mysql_query(client, "LOAD DATA LOCAL INFILE '/nowhere/at/all' INTO TABLE loaded"), 0);
    assert_client_number(client, "SELECT 1", 1);
    mysql_close(client);
}

static void commands_besides_statements_are_answered(void **state)
{
    MYSQL *client = site_client(*state);
    assert_int_equal(mysql_ping(client), 0);
    assert_non_null(mysql_stat(client));
    assert_int_equal(mysql_errno(client), 0);
    MYSQL_RES *fields = mysql_list_fields(client, "t", NULL);
    assert_non_null(fields);
    assert_int_equal(mysql_num_fields(fields), 2);
    mysql_free_result(fields);
    assert_int_equal(mysql_ping(client), 0);
    mysql_close(client);
}

static void a_slow_reader_does_not_fill_the_proxy(void **state)
{
    enum { MOST = 16 * MIB + PROCESS_SANITIZER_BYTES };
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    uint64_t before = process_resident_bytes(site->instance->process.pid);
    assert_int_equal(mysql_query(client, "SELECT x.a, REPEAT('y', 1000) FROM t AS x, t AS z"), 0);
    MYSQL_RES *result = mysql_use_result(client); // a GB, of which nothing is read yet
    assert_non_null(result);
    MYSQL *other = site_client(site);
    for (int i = 0; i < 200; i++) {
        assert_client_number(other, "SELECT 1", 1);
    }
    assert_true(process_resident_bytes(site->instance->process.pid) < before + MOST);
    size_t rows = 0;
    while (mysql_fetch_row(result) != NULL) {
        rows++;
    }
    assert_int_equal(rows, 1000 * 1000);
    mysql_free_result(result);
    assert_true(process_resident_bytes(site->instance->process.pid) < before + MOST);
    mysql_close(client);
    mysql_close(other);
}

// Constants, of which there may be more than columns of a table.
static void a_result_may_have_more_columns_than_sixteen_bits_count(void **state)
{
    enum { COLUMNS = 68001 };
    MYSQL *client = site_client(*state);
    struct buffer sql = BUFFER_INIT;
    buffer_print(&sql, "SELECT 1");
    for (int i = 1; i < COLUMNS; i++) {
        buffer_append(&sql, ",1", 2);
    }
    buffer_append(&sql, "", 1);
    client_send(client, (const char *)buffer_ptr(&sql));
    assert_int_equal(mysql_read_query_result(client), 0);
    MYSQL_RES *result = mysql_store_result(client);
    assert_non_null(result);
    assert_int_equal(mysql_num_fields(result), COLUMNS);
    mysql_free_result(result);
    assert_client_number(client, "SELECT 13", 13);
    buffer_release(&sql);
    mysql_close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_of_many_rows_are_whole),
        cmocka_unit_test(empty_results_keep_their_columns),
        cmocka_unit_test(extended_types_are_told_as_they_are_directly),
        cmocka_unit_test(values_over_16_mib_pass_both_ways),
        cmocka_unit_test(statements_around_16_mib_are_whole),
        cmocka_unit_test(a_packet_over_the_limit_gets_an_error),
        cmocka_unit_test(an_error_of_sluice_s_own_is_read_behind_several_frames),
        cmocka_unit_test(multi_statements_answer_one_by_one),
        cmocka_unit_test(multi_statements_are_off_until_asked_for),
        cmocka_unit_test(procedures_give_several_results),
        cmocka_unit_test(a_result_may_be_cut_short_by_an_error_that_the_procedure_handles),
        cmocka_unit_test(an_error_in_the_middle_of_rows_ends_the_result),
        cmocka_unit_test(affected_rows_and_info_are_the_servers),
        cmocka_unit_test(errors_are_the_servers_own),
        cmocka_unit_test(local_files_are_loaded_whole),
        cmocka_unit_test(a_piece_of_a_local_file_may_fill_its_frame),
        cmocka_unit_test(a_missing_local_file_leaves_the_session_usable),
        cmocka_unit_test(commands_besides_statements_are_answered),
        cmocka_unit_test(a_slow_reader_does_not_fill_the_proxy),
        cmocka_unit_test(a_result_may_have_more_columns_than_sixteen_bits_count),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
