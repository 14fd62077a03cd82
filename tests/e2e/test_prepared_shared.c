// Statements prepared by many sessions on few connections: where they run, what is shared and what
// is not, and what happens to them while servers, tables and the session itself change.
#include "tests/lib/site.h"
#include "tests/lib/statement.h"

#include "proxy/base/memory.h"

#include <mariadb/errmsg.h>
#include <stdio.h>
#include <string.h>

static const char schema[] =
    "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, a INT, b LONGTEXT);"
    "INSERT INTO app.t (a, b) SELECT i, CONCAT('row ', i) FROM " NUMBERS_TO(
        500) ";"
             "CREATE TABLE other.t (a INT); INSERT INTO other.t VALUES (-1)";

static const char *const expected[] = {"backend.*", "monitor.*", "pool.*", "topology.*", NULL};

static int setup(void **state)
{
    struct site *site = site_create(site_logging, schema, NULL);
    site->expected = expected;
    *state = site;
    return 0;
}

static const char where[] = "SELECT name FROM app.whoami";

static bool is_pinned(const struct site *site, const char *reason)
{
    char query[128];
    snprintf(query, sizeof(query), "SELECT COUNT(*) FROM sessions WHERE pin_reason = '%s'", reason);
    return instance_admin_number(site->instance, query) == 1;
}

// --- where they run ------------------------------------------------------------------------------

static void reads_are_split_and_writes_go_to_the_primary(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    MYSQL_STMT *read = statement_prepare(client, where);
    MYSQL_STMT *write = statement_prepare(client, "UPDATE t SET a = a WHERE id = 1");
    bool were_asked[4] = {false};
    for (int i = 0; i < 100; i++) {
        char name = statement_text(read).text[2];
        assert_in_range(name, '2', '3');
        were_asked[name - '0'] = true;
    }
    assert_true(were_asked[2] && were_asked[3]);
    statement_execute(write); // on a replica it would be refused
    assert_int_equal(
        instance_admin_number(site->instance, "SELECT COUNT(*) FROM sessions WHERE backend <> ''"),
        0); // the session keeps no connection
    mysql_stmt_close(read);
    mysql_stmt_close(write);
    mysql_close(client);
}

static void in_a_transaction_they_stay_with_it(void **state)
{
    MYSQL *client = site_client(*state);
    MYSQL_STMT *read = statement_prepare(client, where);
    client_run(client, "START TRANSACTION");
    assert_statement_text(read, "db1");
    MYSQL_STMT *more = statement_prepare(client, "SELECT CONCAT(name, '!') FROM app.whoami");
    assert_statement_text(more, "db1!");
    client_run(client, "COMMIT");
    client_run(client, "START TRANSACTION READ ONLY");
    struct client_text replica = statement_text(read);
    assert_string_not_equal(replica.text, "db1");
    assert_statement_text(read, replica.text);
    mysql_stmt_close(more);
    more = statement_prepare(client, "SELECT CONCAT(name, '?') FROM app.whoami");
    char expected_text[16];
    snprintf(expected_text, sizeof(expected_text), "%.3s?", replica.text);
    assert_statement_text(more, expected_text);
    client_run(client, "COMMIT");
    mysql_stmt_close(more);
    mysql_stmt_close(read);
    mysql_close(client);
}

static void what_a_session_asks_of_its_last_statement_is_its_own(void **state)
{
    MYSQL *client = site_client(*state), *other = site_client(*state);
    MYSQL_STMT *insert = statement_prepare(client, "INSERT INTO t (a) VALUES (?)");
    MYSQL_STMT *id = statement_prepare(client, "SELECT LAST_INSERT_ID()");
    int number = 7;
    char expected_id[32];
    statement_bind_number(insert, &number);
    statement_execute(insert);
    snprintf(expected_id, sizeof(expected_id), "%llu",
             (unsigned long long)mysql_stmt_insert_id(insert));
    client_run(other, "INSERT INTO t (a) VALUES (1), (2)");
    assert_statement_text(id, expected_id);
    client_run(client, "SELECT SQL_CALC_FOUND_ROWS a FROM t WHERE id <= 20 LIMIT 3");
    MYSQL_STMT *found = statement_prepare(client, "SELECT FOUND_ROWS()");
    assert_statement_text(found, "20");
    mysql_stmt_close(found);
    mysql_stmt_close(id);
    mysql_stmt_close(insert);
    client_run(client, "DELETE FROM t WHERE id > 500");
    mysql_close(other);
    mysql_close(client);
}

// --- sharing -------------------------------------------------------------------------------------

static void many_sessions_share_the_statements_of_few_connections(void **state)
{
    enum { SESSIONS = 100, TEXTS = 100, RUN_BY_EACH = 5 };
    const struct site *site = *state;
    static MYSQL *clients[SESSIONS];
    static MYSQL_STMT *statements[SESSIONS][TEXTS];
    uint64_t before = process_resident_bytes(site->instance->process.pid);
    for (int i = 0; i < SESSIONS; i++) {
        clients[i] = site_client(site);
        for (int j = 0; j < TEXTS; j++) {
            char text[64];
            snprintf(text, sizeof(text), "SELECT a + %d FROM t WHERE id = ?", j);
            statements[i][j] = statement_prepare(clients[i], text);
        }
    }
    uint64_t after = process_resident_bytes(site->instance->process.pid);
    print_message("# bytes of a session with %d statements: %lld\n", TEXTS,
                  ((long long)after - (long long)before) / SESSIONS);
    for (int i = 0; i < SESSIONS; i++) {
        for (int k = 0; k < RUN_BY_EACH; k++) {
            int j = (i * 7 + k * 13) % TEXTS, id = 1 + i % 500;
            char expected_sum[32];
            snprintf(expected_sum, sizeof(expected_sum), "%d", id + j);
            statement_bind_number(statements[i][j], &id);
            assert_statement_text(statements[i][j], expected_sum);
        }
    }
    for (size_t i = 0; i < site->stack->count; i++) {
        const char *name = site->stack->servers[i].name;
        long long connections = site_connections_to(site, name);
        long long open = site_statements_on(site, name);
        print_message("# %s: %lld statements on %lld connections\n", name, open, connections);
        assert_in_range(open, 0, connections * TEXTS);
    }
    for (int i = 0; i < SESSIONS; i++) {
        for (int j = 0; j < TEXTS; j++) {
            mysql_stmt_close(statements[i][j]);
        }
        mysql_close(clients[i]);
    }
}

// Two sessions run the text, whose answer is the parameter and what stands behind it.
static void types_stay_apart(const struct site *site, const char *text, const char *behind,
                             unsigned long cursor)
{
    MYSQL *one = site_client(site), *two = site_client(site);
    MYSQL_STMT *of_one = statement_prepare(one, text), *of_two = statement_prepare(two, text);
    mysql_stmt_attr_set(of_one, STMT_ATTR_CURSOR_TYPE, &cursor);
    mysql_stmt_attr_set(of_two, STMT_ATTR_CURSOR_TYPE, &cursor);
    int number = 0;
    char word[16] = "";
    unsigned long len = 0;
    statement_bind_number(of_one, &number); // the types go with the first execution alone
    statement_bind_text(of_two, word, &len);
    for (int i = 0; i < 50; i++) {
        char expected_one[32], expected_two[32];
        number = 70000 + i;
        len = (unsigned long)snprintf(word, sizeof(word), "w%d", i);
        snprintf(expected_one, sizeof(expected_one), "%d%s", number, behind);
        snprintf(expected_two, sizeof(expected_two), "%s%s", word, behind);
        assert_statement_text(of_one, expected_one);
        assert_statement_text(of_two, expected_two);
        if (i % 3 == 0) {
            assert_statement_text(of_two, expected_two);
        }
    }
    mysql_stmt_close(of_one);
    mysql_stmt_close(of_two);
    mysql_close(one);
    mysql_close(two);
}

// Trap 27: a server takes parameters for what the last execution said that they are; MySQL, where
// nothing else in the statement says what they must be, for what the first one said.
static void types_are_each_sessions_own(void **state)
{
    types_stay_apart(*state, "SELECT CONCAT(?, '.')", ".", CURSOR_TYPE_NO_CURSOR);
    types_stay_apart(*state, "SELECT ?", "", CURSOR_TYPE_NO_CURSOR);
    types_stay_apart(*state, "SELECT COALESCE(?, name) FROM whoami", "", CURSOR_TYPE_NO_CURSOR);
    types_stay_apart(*state, "SELECT ? FROM whoami", "", CURSOR_TYPE_READ_ONLY);
}

static void a_server_with_little_room_for_statements_is_enough(void **state)
{
    enum { TEXTS = 120 };
    struct site *site = *state;
    site_restart(site, (const char *const[]){"proxy.workers = 1", NULL});
    MYSQL *client = site_client(site);
    MYSQL_STMT *statements[TEXTS];
    for (size_t i = 0; i < site->stack->count; i++) {
        stack_run_alone(site->stack, site->stack->servers[i].name,
                        "SET GLOBAL max_prepared_stmt_count = 20");
    }
    for (int i = 0; i < TEXTS; i++) {
        char text[64];
        snprintf(text, sizeof(text), "SELECT %d + 1000 FROM t WHERE id = 1", i);
        statements[i] = statement_prepare(client, text);
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < TEXTS; i++) {
            char expected_number[32];
            snprintf(expected_number, sizeof(expected_number), "%d", i + 1000);
            assert_statement_text(statements[i], expected_number);
        }
    }
    for (int i = 0; i < TEXTS; i++) {
        mysql_stmt_close(statements[i]);
    }
    mysql_close(client);
    for (size_t i = 0; i < site->stack->count; i++) {
        stack_run_alone(site->stack, site->stack->servers[i].name,
                        "SET GLOBAL max_prepared_stmt_count = DEFAULT");
    }
}

// --- what the text was read by -------------------------------------------------------------------

// Trap 33: a statement keeps the schema that it was prepared in, on whichever connection it runs.
static void a_statement_keeps_the_schema_it_was_prepared_in(void **state)
{
    MYSQL *client = site_client(*state);
    MYSQL_STMT *ours = statement_prepare(client, "SELECT a FROM t WHERE a = 5 OR a = -1");
    assert_statement_text(ours, "5");
    client_run(client, "USE other");
    MYSQL_STMT *others = statement_prepare(client, "SELECT a FROM t WHERE a = 5 OR a = -1");
    for (int i = 0; i < 20; i++) {
        assert_statement_text(others, "-1");
        assert_statement_text(ours, "5");
        assert_client_text(client, "SELECT DATABASE()", "other");
        assert_client_number(client, "SELECT a FROM t", -1);
    }
    mysql_stmt_close(ours);
    mysql_stmt_close(others);
    mysql_close(client);
}

static void a_statement_keeps_the_sql_mode_it_was_prepared_in(void **state)
{
    MYSQL *client = site_client(*state), *other = site_client(*state);
    MYSQL_STMT *plain = statement_prepare(client, "SELECT \"a\" FROM t WHERE id = 3");
    client_run(client, "SET sql_mode = 'ANSI_QUOTES'");
    MYSQL_STMT *quoted = statement_prepare(client, "SELECT \"a\" FROM t WHERE id = 3");
    MYSQL_STMT *foreign = statement_prepare(other, "SELECT \"a\" FROM t WHERE id = 3");
    for (int i = 0; i < 20; i++) {
        assert_statement_text(plain, "a");
        assert_statement_text(quoted, "3");
        assert_statement_text(foreign, "a");
    }
    mysql_stmt_close(plain);
    mysql_stmt_close(quoted);
    mysql_stmt_close(foreign);
    mysql_close(client);
    mysql_close(other);
}

// The connection becomes for a moment what the text was prepared under, which says autocommit = 1.
static void to_prepare_it_again_ends_no_transaction(void **state)
{
    MYSQL *client = site_client(*state);
    MYSQL_STMT *read = statement_prepare(client, "SELECT \"b\" FROM app.whoami");
    client_run(client, "SET sql_mode = 'ANSI_QUOTES', autocommit = 0");
    client_run(client, "INSERT INTO t (id, a) VALUES (990, 1)");
    assert_statement_text(read, "b");
    client_run(client, "ROLLBACK");
    client_run(client, "SET autocommit = 1");
    assert_client_number(client, "SELECT COUNT(*) FROM t WHERE id = 990 /* sluice: primary */", 0);
    mysql_stmt_close(read);
    mysql_close(client);
}

// --- what changes meanwhile ----------------------------------------------------------------------

static void a_changed_table_is_prepared_for_anew(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site), *other = site_client(site);
    client_run(other, "CREATE TABLE changing (id INT PRIMARY KEY, a INT)");
    client_run(other, "INSERT INTO changing VALUES (1, 10)");
    stack_sync(site->stack);
    MYSQL_STMT *read = statement_prepare(client, "SELECT a FROM changing WHERE id = 1");
    MYSQL_STMT *write = statement_prepare(client, "UPDATE changing SET a = a + 1 WHERE id = 1");
    assert_statement_text(read, "10");
    client_run(other, "ALTER TABLE changing MODIFY a VARCHAR(20), ADD b INT FIRST");
    stack_sync(site->stack);
    for (int i = 0; i < 10; i++) {
        assert_statement_text(read, "10");
    }
    statement_execute(write);
    stack_sync(site->stack);
    assert_statement_text(read, "11");
    client_run(other, "DROP TABLE changing");
    stack_sync(site->stack);
    assert_statement_error(read, 1146);
    assert_statement_error(write, 1146);
    assert_int_equal(statement_prepare_error(client, "SELECT a FROM changing WHERE id = 1"), 1146);
    client_run(other, "CREATE TABLE changing (id INT PRIMARY KEY, a INT)");
    client_run(other, "INSERT INTO changing VALUES (1, 20)");
    stack_sync(site->stack);
    assert_statement_text(read, "20");
    statement_execute(write);
    mysql_stmt_close(read);
    mysql_stmt_close(write);
    client_run(other, "DROP TABLE changing");
    mysql_close(client);
    mysql_close(other);
}

static void all_columns_are_those_that_there_are(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    client_run(client, "CREATE TABLE growing (a INT)");
    stack_sync(site->stack);
    for (unsigned columns = 1; columns < 5; columns++) {
        MYSQL_STMT *read = statement_prepare(client, "SELECT * FROM growing");
        assert_int_equal(mysql_stmt_field_count(read), columns);
        statement_execute(read);
        assert_int_equal(mysql_stmt_fetch(read), MYSQL_NO_DATA);
        mysql_stmt_close(read);
        client_runf(client, "ALTER TABLE growing ADD b%u INT", columns);
        stack_sync(site->stack);
    }
    client_run(client, "DROP TABLE growing");
    mysql_close(client);
}

static bool backend_is(const struct site *site, const char *name, const char *backend_state)
{
    char query[128];
    snprintf(query, sizeof(query),
             "SELECT COUNT(*) FROM backends WHERE name = '%s' AND state = '%s'", name,
             backend_state);
    return instance_admin_number(site->instance, query) == 1;
}

static void a_server_that_dies_between_prepare_and_execute_costs_nothing(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    MYSQL_STMT *read = statement_prepare(client, where);
    for (int i = 0; i < 20; i++) {
        statement_text(read);
    }
    stack_server_do(site->stack, "db2", "kill");
    for (int i = 0; i < 20; i++) {
        assert_statement_text(read, "db3");
    }
    stack_server_do(site->stack, "db2", "start");
    assert_soon(backend_is(site, "db2", "up"));
    for (struct deadline deadline = deadline_in(WAIT_MS);
         strcmp(statement_text(read).text, "db2") != 0;) {
        assert_true(deadline_pause(deadline));
    }
    mysql_stmt_close(read);
    mysql_close(client);
}

static void temporary_tables_are_seen_by_statements_prepared_before(void **state)
{
    MYSQL *client = site_client(*state), *other = site_client(*state);
    MYSQL_STMT *read = statement_prepare(client, "SELECT a FROM t WHERE id = 4");
    MYSQL_STMT *others = statement_prepare(other, "SELECT a FROM t WHERE id = 4");
    assert_statement_text(read, "4");
    client_run(client, "CREATE TEMPORARY TABLE t (id INT, a INT)");
    client_run(client, "INSERT INTO t VALUES (4, -4)");
    assert_statement_text(read, "-4");
    assert_statement_text(others, "4");
    client_run(client, "DROP TEMPORARY TABLE t");
    assert_statement_text(read, "4");
    assert_statement_text(others, "4");
    mysql_stmt_close(read);
    mysql_stmt_close(others);
    mysql_close(client);
    mysql_close(other);
}

// --- long data -----------------------------------------------------------------------------------

// Trap 28: it belongs to one statement of one session until that runs or is reset.
static void long_data_of_several_sessions_is_not_mixed(void **state)
{
    enum { SESSIONS = 4, PIECES = 5 };
    MYSQL *clients[SESSIONS];
    MYSQL_STMT *statements[SESSIONS];
    MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_STRING};
    for (int i = 0; i < SESSIONS; i++) {
        clients[i] = site_client(*state);
        statements[i] = statement_prepare(clients[i], "SELECT CONCAT('<', ?, '>')");
        assert_int_equal(mysql_stmt_bind_param(statements[i], &bind), 0);
    }
    for (int piece = 0; piece < PIECES; piece++) {
        for (int i = 0; i < SESSIONS; i++) {
            char text[8];
            snprintf(text, sizeof(text), "%d.%d;", i, piece);
            assert_int_equal(mysql_stmt_send_long_data(statements[i], 0, text, strlen(text)), 0);
        }
    }
    assert_int_equal(mysql_stmt_reset(statements[0]), 0);
    assert_int_equal(mysql_stmt_send_long_data(statements[0], 0, "anew", 4), 0);
    for (int i = SESSIONS - 1; i > 0; i--) {
        char expected_text[64];
        snprintf(expected_text, sizeof(expected_text), "<%d.0;%d.1;%d.2;%d.3;%d.4;>", i, i, i, i,
                 i);
        assert_statement_text(statements[i], expected_text);
    }
    assert_statement_text(statements[0], "<anew>");
    for (int i = 0; i < SESSIONS; i++) {
        mysql_stmt_close(statements[i]);
        mysql_close(clients[i]);
    }
}

static void long_data_above_the_limit_is_told_when_it_runs(void **state)
{
    enum { PIECE = 1 << 20, PIECES = 70 };
    MYSQL *client = site_client(*state);
    MYSQL_STMT *statement = statement_prepare(client, "SELECT LENGTH(?)");
    MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_STRING};
    assert_int_equal(mysql_stmt_bind_param(statement, &bind), 0);
    char *piece = mem_zero(1, PIECE);
    for (int i = 0; i < PIECES; i++) {
        assert_int_equal(mysql_stmt_send_long_data(statement, 0, piece, PIECE), 0);
    }
    assert_statement_error(statement, 1153);
    assert_int_equal(mysql_stmt_send_long_data(statement, 0, piece, PIECE), 0);
    assert_statement_text(statement, "1048576");
    mem_free(piece);
    mysql_stmt_close(statement);
    mysql_close(client);
}

// --- cursors -------------------------------------------------------------------------------------

static MYSQL_STMT *cursor_open(MYSQL *client, const char *text, unsigned long rows)
{
    MYSQL_STMT *statement = statement_prepare(client, text);
    unsigned long type = CURSOR_TYPE_READ_ONLY;
    mysql_stmt_attr_set(statement, STMT_ATTR_CURSOR_TYPE, &type);
    mysql_stmt_attr_set(statement, STMT_ATTR_PREFETCH_ROWS, &rows);
    statement_execute(statement);
    return statement;
}

static void fetch_expect(MYSQL_STMT *statement, int expected_id)
{
    int id = 0;
    MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_LONG, .buffer = &id};
    assert_int_equal(mysql_stmt_bind_result(statement, &bind), 0);
    assert_int_equal(mysql_stmt_fetch(statement), 0);
    assert_int_equal(id, expected_id);
}

// Trap 29.
static void a_cursor_keeps_its_connection_up_to_the_last_row(void **state)
{
    static const char text[] = "SELECT id FROM t WHERE id <= 100 ORDER BY id";
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    MYSQL_STMT *cursor = cursor_open(client, text, 10);
    MYSQL_STMT *write = statement_prepare(client, "UPDATE t SET a = ? WHERE id = 3");
    MYSQL_STMT *same = statement_prepare(client, text);
    assert_true(is_pinned(site, "cursor"));
    for (int id = 1; id <= 100; id++) {
        fetch_expect(cursor, id);
        statement_bind_number(write, &id); // what applications do between the rows
        statement_execute(write);
    }
    statement_execute(same); // has no cursor, and does not touch the other's
    assert_int_equal(mysql_stmt_store_result(same), 0);
    assert_int_equal(mysql_stmt_num_rows(same), 100);
    assert_int_equal(mysql_stmt_fetch(cursor), MYSQL_NO_DATA);
    assert_false(is_pinned(site, "cursor"));
    statement_execute(cursor); // again
    assert_true(is_pinned(site, "cursor"));
    fetch_expect(cursor, 1);
    assert_int_equal(mysql_stmt_close(cursor), 0);
    assert_client_number(client, "SELECT 1", 1);
    assert_false(is_pinned(site, "cursor"));
    mysql_stmt_close(same);
    mysql_stmt_close(write);
    client_run(client, "UPDATE t SET a = 3 WHERE id = 3");
    mysql_close(client);
}

static void two_cursors_of_one_text_are_two(void **state)
{
    static const char text[] = "SELECT id FROM t WHERE id <= 40 ORDER BY id";
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    MYSQL_STMT *one = cursor_open(client, text, 3), *two = cursor_open(client, text, 5);
    for (int id = 1; id <= 20; id++) {
        fetch_expect(one, id);
        fetch_expect(two, id);
    }
    assert_int_equal(mysql_stmt_reset(one), 0);
    assert_true(is_pinned(site, "cursor"));
    for (int id = 21; id <= 40; id++) {
        fetch_expect(two, id);
    }
    assert_int_equal(mysql_stmt_fetch(two), MYSQL_NO_DATA);
    assert_false(is_pinned(site, "cursor"));
    statement_execute(one);
    fetch_expect(one, 1);
    mysql_stmt_close(one);
    mysql_stmt_close(two);
    mysql_close(client);
}

// --- answers -------------------------------------------------------------------------------------

// Trap 41: an error behind rows ends a binary result as well.
static void an_error_among_binary_rows_ends_the_result(void **state)
{
    MYSQL *client = site_client(*state);
    MYSQL_STMT *read =
        statement_prepare(client, "SELECT IF(id < 400, b, (SELECT b FROM t)) FROM t ORDER BY id");
    int rows = 0;
    if (mysql_stmt_execute(read) == 0) {
        while (mysql_stmt_fetch(read) == 0) {
            rows++;
        }
    }
    assert_int_equal(mysql_stmt_errno(read) + mysql_errno(client), 1242); // wherever it keeps it
    mysql_stmt_free_result(read);
    mysql_stmt_close(read);
    assert_client_number(client, "SELECT 1", 1);
    read = statement_prepare(client, "SELECT b FROM t WHERE id = 2");
    assert_statement_text(read, "row 2");
    mysql_stmt_close(read);
    mysql_close(client);
}

// Trap 30: MariaDB's clients prepare and run in one go, without having heard of the id.
static void preparing_and_running_in_one_go(void **state)
{
    static const char text[] = "SELECT b FROM t WHERE id = 9";
    static const char wrong[] = "SELECT b FROM missing";
    MYSQL *client = site_client(*state);
    for (int i = 0; i < 10; i++) {
        MYSQL_STMT *statement = mysql_stmt_init(client);
        assert_int_equal(mariadb_stmt_execute_direct(statement, text, sizeof(text) - 1), 0);
        assert_string_equal(statement_result(statement).text, "row 9");
        assert_statement_text(statement, "row 9"); // by its id, which the client has by now
        mysql_stmt_close(statement);
        statement = mysql_stmt_init(client);
        assert_int_not_equal(mariadb_stmt_execute_direct(statement, wrong, sizeof(wrong) - 1), 0);
        mysql_stmt_close(statement);
    }
    assert_client_number(client, "SELECT 1", 1);
    mysql_close(client);
}

static void a_session_may_have_so_many_statements(void **state)
{
    enum { MOST = 16382 };
    MYSQL *client = site_client(*state);
    MYSQL_STMT **statements = mem_zero(MOST, sizeof(MYSQL_STMT *));
    for (int i = 0; i < MOST; i++) {
        statements[i] = statement_prepare(client, "SELECT a FROM t WHERE id = ?");
    }
    assert_int_equal(statement_prepare_error(client, "SELECT a FROM t WHERE id = ?"), 1461);
    for (int i = 0; i < MOST; i++) {
        mysql_stmt_close(statements[i]);
    }
    assert_int_equal(statement_prepare_error(client, "SELECT a FROM t WHERE id = ?"), 0);
    mem_free(statements);
    mysql_close(client);
}

// What a temporary table makes of a text is known to its session alone.
static void others_do_not_hear_of_columns_of_a_temporary_table(void **state)
{
    static const char sql[] = "SELECT a FROM shadow";
    MYSQL *client = site_client(*state), *other = site_client(*state);
    client_run(client, "CREATE TEMPORARY TABLE shadow (a VARCHAR(3))");
    assert_int_equal(statement_prepare_error(client, sql), 0);
    assert_int_equal(statement_prepare_error(other, sql), 1146);
    mysql_close(client);
    mysql_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_sessions_share_the_statements_of_few_connections), // of nobody else
        cmocka_unit_test(reads_are_split_and_writes_go_to_the_primary),
        cmocka_unit_test(in_a_transaction_they_stay_with_it),
        cmocka_unit_test(what_a_session_asks_of_its_last_statement_is_its_own),
        cmocka_unit_test(types_are_each_sessions_own),
        cmocka_unit_test(a_server_with_little_room_for_statements_is_enough),
        cmocka_unit_test(a_statement_keeps_the_schema_it_was_prepared_in),
        cmocka_unit_test(a_statement_keeps_the_sql_mode_it_was_prepared_in),
        cmocka_unit_test(to_prepare_it_again_ends_no_transaction),
        cmocka_unit_test(a_changed_table_is_prepared_for_anew),
        cmocka_unit_test(all_columns_are_those_that_there_are),
        cmocka_unit_test(a_server_that_dies_between_prepare_and_execute_costs_nothing),
        cmocka_unit_test(temporary_tables_are_seen_by_statements_prepared_before),
        cmocka_unit_test(long_data_of_several_sessions_is_not_mixed),
        cmocka_unit_test(long_data_above_the_limit_is_told_when_it_runs),
        cmocka_unit_test(a_cursor_keeps_its_connection_up_to_the_last_row),
        cmocka_unit_test(two_cursors_of_one_text_are_two),
        cmocka_unit_test(an_error_among_binary_rows_ends_the_result),
        cmocka_unit_test(preparing_and_running_in_one_go),
        cmocka_unit_test(a_session_may_have_so_many_statements),
        cmocka_unit_test(others_do_not_hear_of_columns_of_a_temporary_table),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
