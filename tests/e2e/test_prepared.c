// Prepared statements: by the binary protocol and by name, read and write, with all that belongs to
// them.
#include "tests/lib/site.h"

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

static MYSQL_STMT *statement_prepare(MYSQL *client, const char *text)
{
    MYSQL_STMT *statement = mysql_stmt_init(client);
    if (mysql_stmt_prepare(statement, text, strlen(text)) != 0) {
        fail_msg("%s: %u %s", text, mysql_stmt_errno(statement), mysql_stmt_error(statement));
    }
    return statement;
}

static void statement_execute(MYSQL_STMT *statement)
{
    if (mysql_stmt_execute(statement) != 0) {
        fail_msg("execute: %u %s", mysql_stmt_errno(statement), mysql_stmt_error(statement));
    }
}

static void bind_number(MYSQL_STMT *statement, int *number)
{
    MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_LONG, .buffer = number};
    assert_int_equal(mysql_stmt_bind_param(statement, &bind), 0);
}

// The one text of the one row of an executed statement.
static struct client_text statement_text(MYSQL_STMT *statement)
{
    struct client_text value;
    unsigned long len = 0;
    MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_STRING,
                       .buffer = value.text,
                       .buffer_length = sizeof(value.text) - 1,
                       .length = &len};
    assert_int_equal(mysql_stmt_bind_result(statement, &bind), 0);
    assert_int_equal(mysql_stmt_fetch(statement), 0);
    assert_true(len < sizeof(value.text));
    value.text[len] = '\0';
    assert_int_equal(mysql_stmt_fetch(statement), MYSQL_NO_DATA);
    mysql_stmt_free_result(statement);
    return value;
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
        bind_number(read, &id);
        statement_execute(read);
        assert_string_equal(statement_text(read).text, expected);
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
                bind_number(statements[i][j], &id);
                statement_execute(statements[i][j]);
                assert_string_equal(statement_text(statements[i][j]).text, expected);
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
    bind_number(statement, &id);
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
    bind_number(write, &step);
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

static void closed_statements_leave_nothing_on_the_servers(void **state)
{
    const struct site *site = *state;
    const char *count = dialect("SELECT VARIABLE_VALUE FROM information_schema.global_status "
                                "WHERE VARIABLE_NAME = 'Prepared_stmt_count'",
                                "SELECT VARIABLE_VALUE FROM performance_schema.global_status "
                                "WHERE VARIABLE_NAME = 'Prepared_stmt_count'");
    MYSQL *client = site_client(site);
    for (int i = 0; i < 50; i++) {
        MYSQL_STMT *statement = statement_prepare(client, "SELECT a FROM t WHERE id = ?");
        mysql_stmt_close(statement);
    }
    MYSQL_STMT *left = statement_prepare(client, "SELECT 'not closed before its client'");
    mysql_close(client);
    mysql_stmt_close(left);
    for (size_t i = 0; i < site->stack->count; i++) {
        assert_soon(stack_number(site->stack, site->stack->servers[i].name, count) == 0);
    }
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
        cmocka_unit_test(closed_statements_leave_nothing_on_the_servers),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
