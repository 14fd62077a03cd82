// Prepared statements: by the binary protocol and by name, read and write, with all that belongs to
// them.
#include "tests/lib/site.h"
#include "tests/lib/statement.h"

#include "proxy/base/memory.h"

#include <stdio.h>
#include <string.h>

static const char schema[] =
    "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, a INT, b LONGTEXT, d DOUBLE, "
    "at DATETIME(6));"
    "INSERT INTO app.t (a, b) SELECT i, CONCAT('row ', i) FROM " NUMBERS_TO(500);

static int setup(void **state)
{
    *state = site_create(site_logging, schema, NULL);
    return 0;
}

static void parameters_and_results_pass(void **state)
{
    MYSQL *client = site_client(*state);
    MYSQL_STMT *read = statement_prepare(client, "SELECT b FROM t WHERE id = ?");
    assert_int_equal(mysql_stmt_param_count(read), 1);
    assert_int_equal(mysql_stmt_field_count(read), 1);
    for (int id = 1; id <= 100; id++) {
        char expected[32];
        snprintf(expected, sizeof(expected), "row %d", id);
        statement_bind_number(read, &id);
        statement_execute(read);
        assert_string_equal(statement_result(read).text, expected);
    }
    mysql_stmt_close(read);
    mysql_close(client);
}

static void statements_of_several_sessions_are_not_confused(void **state)
{
    enum { CLIENTS = 8 };
    MYSQL *clients[CLIENTS];
    MYSQL_STMT *statements[CLIENTS][3];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = site_client(*state);
        for (int j = 0; j < 3; j++) {
            char text[64];
            snprintf(text, sizeof(text), "SELECT 'of %d.%d' FROM t WHERE id = ?", i, j);
            statements[i][j] = statement_prepare(clients[i], text);
        }
    }
    for (int round = 0; round < 3; round++) {
        for (int i = CLIENTS - 1; i >= 0; i--) {
            for (int j = 0; j < 3; j++) {
                char expected[32];
                int id = 1 + round;
                snprintf(expected, sizeof(expected), "of %d.%d", i, j);
                statement_bind_number(statements[i][j], &id);
                statement_execute(statements[i][j]);
                assert_string_equal(statement_result(statements[i][j]).text, expected);
            }
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        for (int j = 0; j < 3; j++) {
            mysql_stmt_close(statements[i][j]);
        }
        mysql_close(clients[i]);
    }
}

static void writes_of_every_type_arrive(void **state)
{
    MYSQL *client = site_client(*state);
    MYSQL_STMT *write =
        statement_prepare(client, "INSERT INTO t (a, b, d, at) VALUES (?, ?, ?, ?)");
    int number = -7;
    double real = 2.5;
    char text[] = "it's a \\ text";
    unsigned long len = sizeof(text) - 1;
    MYSQL_TIME at = {.year = 2024,
                     .month = 2,
                     .day = 29,
                     .hour = 23,
                     .minute = 59,
                     .second = 58,
                     .second_part = 123456,
                     .time_type = MYSQL_TIMESTAMP_DATETIME};
    MYSQL_BIND binds[] = {
        {.buffer_type = MYSQL_TYPE_LONG, .buffer = &number},
        {.buffer_type = MYSQL_TYPE_STRING, .buffer = text, .buffer_length = len, .length = &len},
        {.buffer_type = MYSQL_TYPE_DOUBLE, .buffer = &real},
        {.buffer_type = MYSQL_TYPE_DATETIME, .buffer = &at},
    };
    assert_int_equal(mysql_stmt_bind_param(write, binds), 0);
    statement_execute(write);
    assert_int_equal(mysql_stmt_affected_rows(write), 1);
    unsigned long long id = mysql_stmt_insert_id(write);
    assert_true(id > 500);
    char check[128];
    snprintf(check, sizeof(check),
             "SELECT CONCAT_WS('|', a, b, d, at) FROM t WHERE id = %llu FOR UPDATE", id);
    assert_client_text(client, check, "-7|it's a \\ text|2.5|2024-02-29 23:59:58.123456");

    my_bool is_null = 1;
    for (int i = 0; i < 4; i++) {
        binds[i].is_null = &is_null;
    }
    assert_int_equal(mysql_stmt_bind_param(write, binds), 0);
    statement_execute(write);
    snprintf(check, sizeof(check),
             "SELECT COUNT(*) FROM t WHERE a IS NULL AND b IS NULL AND d IS NULL AND at IS NULL "
             "FOR UPDATE");
    assert_client_number(client, check, 1);
    mysql_stmt_close(write);
    client_run(client, "DELETE FROM t WHERE id > 500");
    mysql_close(client);
}

static void long_data_is_sent_in_pieces(void **state)
{
    enum { PIECE = 1 << 20, PIECES = 20 };
    MYSQL *client = site_client(*state);
    MYSQL_STMT *write = statement_prepare(client, "UPDATE t SET b = ? WHERE id = 1");
    MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_STRING};
    assert_int_equal(mysql_stmt_bind_param(write, &bind), 0);
    char *piece = mem_alloc(PIECE);
    for (int i = 0; i < PIECES; i++) {
        memset(piece, 'a' + i, PIECE);
        assert_int_equal(mysql_stmt_send_long_data(write, 0, piece, PIECE), 0);
    }
    statement_execute(write);
    assert_client_number(client, "SELECT LENGTH(b) FROM t WHERE id = 1 FOR UPDATE",
                         (long long)PIECE * PIECES);
    assert_client_text(client, "SELECT SUBSTR(b, 7 * 1048576, 2) FROM t WHERE id = 1 FOR UPDATE",
                       "gh");
    mem_free(piece);
    assert_int_equal(mysql_stmt_reset(write), 0);
    mysql_stmt_close(write);
    client_run(client, "UPDATE t SET b = 'row 1' WHERE id = 1");
    mysql_close(client);
}

static void a_cursor_fetches_piece_by_piece(void **state)
{
    MYSQL *client = site_client(*state);
    MYSQL_STMT *read = statement_prepare(client, "SELECT id FROM t ORDER BY id");
    unsigned long type = CURSOR_TYPE_READ_ONLY, rows = 7;
    mysql_stmt_attr_set(read, STMT_ATTR_CURSOR_TYPE, &type);
    mysql_stmt_attr_set(read, STMT_ATTR_PREFETCH_ROWS, &rows);
    statement_execute(read);
    int id = 0, expected = 1;
    MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_LONG, .buffer = &id};
    assert_int_equal(mysql_stmt_bind_result(read, &bind), 0);
    for (; mysql_stmt_fetch(read) == 0; expected++) {
        assert_int_equal(id, expected);
    }
    assert_int_equal(expected, 501);
    mysql_stmt_close(read);
    assert_client_number(client, "SELECT 1", 1);
    mysql_close(client);
}

static void errors_of_prepare_and_execute_are_the_servers(void **state)
{
    MYSQL *client = site_client(*state);
    MYSQL_STMT *statement = mysql_stmt_init(client);
    static const char wrong[] = "SELECT * FROM missing";
    assert_int_not_equal(mysql_stmt_prepare(statement, wrong, sizeof(wrong) - 1), 0);
    assert_int_equal(mysql_stmt_errno(statement), 1146);
    mysql_stmt_close(statement);
    statement = statement_prepare(client, "INSERT INTO t (id) VALUES (?)");
    int id = 1;
    statement_bind_number(statement, &id);
    assert_int_not_equal(mysql_stmt_execute(statement), 0);
    assert_int_equal(mysql_stmt_errno(statement), 1062);
    mysql_stmt_close(statement);
    assert_client_number(client, "SELECT 1", 1);
    mysql_close(client);
}

static void prepared_statements_join_transactions(void **state)
{
    MYSQL *client = site_client(*state);
    MYSQL_STMT *write = statement_prepare(client, "UPDATE t SET a = a + ? WHERE id = 2");
    int step = 5;
    client_run(client, "START TRANSACTION");
    statement_bind_number(write, &step);
    statement_execute(write);
    assert_client_number(client, "SELECT a FROM t WHERE id = 2", 7);
    client_run(client, "ROLLBACK");
    assert_client_number(client, "SELECT a FROM t WHERE id = 2 FOR UPDATE", 2);
    mysql_stmt_close(write);
    mysql_close(client);
}

static void statements_by_name_are_the_sessions_own(void **state)
{
    MYSQL *one = site_client(*state), *two = site_client(*state);
    client_run(one, "PREPARE s FROM 'SELECT b FROM t WHERE id = ?'");
    client_run(two, "PREPARE s FROM 'SELECT a FROM t WHERE id = ?'");
    client_run(one, "SET @id = 3");
    client_run(two, "SET @id = 4");
    assert_client_text(one, "EXECUTE s USING @id", "row 3");
    assert_client_text(two, "EXECUTE s USING @id", "4");
    client_run(one, "DEALLOCATE PREPARE s");
    assert_client_error(one, "EXECUTE s USING @id", 1243, "");
    assert_client_text(two, "EXECUTE s USING @id", "4");
    mysql_close(one);
    mysql_close(two);
}

static void statements_by_name_pin_until_the_last_is_gone(void **state)
{
    static const char pinned[] = "SELECT COUNT(*) FROM sessions WHERE pin_reason = 'prepared_text'";
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    client_run(client, "PREPARE one FROM 'SELECT b FROM t WHERE id = 5'");
    client_run(client, "PREPARE two FROM 'UPDATE t SET a = a WHERE id = 1'");
    assert_int_equal(instance_admin_number(site->instance, pinned), 1);
    assert_client_text(client, "EXECUTE one", "row 5");
    client_run(client, "EXECUTE two");
    client_run(client, "DEALLOCATE PREPARE one");
    assert_on_primary(client);
    client_run(client, "DROP PREPARE Two");
    assert_int_equal(instance_admin_number(site->instance, pinned), 0);
    assert_soon(strcmp(site_where(client).text, "db1") != 0); // once a replica has what it wrote
    mysql_close(client);
}

// MariaDB's clients send many rows at once.
static void many_rows_run_in_one_go(void **state)
{
    enum { ROWS = 200 };
    const struct site *site = *state;
    if (servers_are_mysql()) {
        skip(); // it knows nothing of that, and its clients are not offered it
    }
    MYSQL *client = site_client(site), *other = site_client(site);
    static const char text[] = "INSERT INTO t (a, b) VALUES (?, ?)";
    static int numbers[ROWS];
    static char words[ROWS][16];
    static char *texts[ROWS];
    static unsigned long lens[ROWS];
    for (int i = 0; i < ROWS; i++) {
        numbers[i] = 5000 + i;
        lens[i] = (unsigned long)snprintf(words[i], sizeof(words[i]), "bulk %d", i);
        texts[i] = words[i];
    }
    MYSQL_STMT *bulk = mysql_stmt_init(client);
    MYSQL_STMT *single = statement_prepare(other, text);
    unsigned rows = ROWS;
    mysql_stmt_attr_set(bulk, STMT_ATTR_ARRAY_SIZE, &rows);
    assert_int_equal(mysql_stmt_prepare(bulk, text, sizeof(text) - 1), 0);
    MYSQL_BIND binds[] = {
        {.buffer_type = MYSQL_TYPE_LONG, .buffer = numbers},
        {.buffer_type = MYSQL_TYPE_STRING, .buffer = texts, .length = lens},
    };
    assert_int_equal(mysql_stmt_bind_param(bulk, binds), 0);
    char number[] = "6000", word[] = "single"; // other types, on the same statement of the server
    unsigned long number_len = 4, word_len = 6;
    MYSQL_BIND single_binds[] = {
        {.buffer_type = MYSQL_TYPE_STRING, .buffer = number, .length = &number_len},
        {.buffer_type = MYSQL_TYPE_STRING, .buffer = word, .length = &word_len},
    };
    assert_int_equal(mysql_stmt_bind_param(single, single_binds), 0);
    for (int round = 0; round < 3; round++) {
        statement_execute(bulk);
        assert_int_equal(mysql_stmt_affected_rows(bulk), ROWS);
        statement_execute(single);
    }
    assert_client_number(client,
                         "SELECT COUNT(*) FROM t WHERE a BETWEEN 5000 AND 5199 AND "
                         "b = CONCAT('bulk ', a - 5000) FOR UPDATE",
                         3 * ROWS);
    assert_client_number(client,
                         "SELECT COUNT(*) FROM t WHERE a = 6000 AND b = 'single' FOR UPDATE", 3);
    mysql_stmt_close(bulk);
    mysql_stmt_close(single);
    client_run(client, "DELETE FROM t WHERE id > 500");
    mysql_close(client);
    mysql_close(other);
}

// What an application that puts its values into its texts prepares, and closes, does not pile up.
static void closed_statements_do_not_pile_up_on_the_servers(void **state)
{
    enum { TEXTS = 1000, KEPT_MOST = 64 };
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    for (int i = 0; i < TEXTS; i++) {
        char text[64];
        snprintf(text, sizeof(text), "SELECT a FROM t WHERE id = %d", i);
        mysql_stmt_close(statement_prepare(client, text));
    }
    MYSQL_STMT *left = statement_prepare(client, "SELECT 'not closed before its client'");
    mysql_close(client);
    mysql_stmt_close(left);
    for (size_t i = 0; i < site->stack->count; i++) {
        const char *name = site->stack->servers[i].name;
        assert_in_range(site_statements_on(site, name), 0,
                        KEPT_MOST * site_connections_to(site, name));
    }
}

static void statements_end_with_a_reset_or_a_change_of_user(void **state)
{
    MYSQL *client = site_client(*state);
    MYSQL_STMT *read = statement_prepare(client, "SELECT 'before'");
    assert_statement_text(read, "before");
    assert_int_equal(mysql_reset_connection(client), 0);
    // The library has forgotten it too; the bytes go past it.
    mysql_stmt_close(read);
    read = statement_prepare(client, "SELECT 'between'");
    assert_statement_text(read, "between");
    assert_int_equal(mysql_change_user(client, "app", "app-secret", "app"), 0);
    mysql_stmt_close(read);
    read = statement_prepare(client, "SELECT 'behind'");
    assert_statement_text(read, "behind");
    mysql_stmt_close(read);
    mysql_close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_and_results_pass),
        cmocka_unit_test(statements_of_several_sessions_are_not_confused),
        cmocka_unit_test(writes_of_every_type_arrive),
        cmocka_unit_test(long_data_is_sent_in_pieces),
        cmocka_unit_test(a_cursor_fetches_piece_by_piece),
        cmocka_unit_test(errors_of_prepare_and_execute_are_the_servers),
        cmocka_unit_test(prepared_statements_join_transactions),
        cmocka_unit_test(statements_by_name_are_the_sessions_own),
        cmocka_unit_test(statements_by_name_pin_until_the_last_is_gone),
        cmocka_unit_test(many_rows_run_in_one_go),
        cmocka_unit_test(closed_statements_do_not_pile_up_on_the_servers),
        cmocka_unit_test(statements_end_with_a_reset_or_a_change_of_user),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
