// The view `digests`: what statements are counted as one, and what is counted of them.
#include "tests/lib/family.h"
#include "tests/lib/http.h"
#include "tests/lib/site.h"

#include <stdio.h>
#include <string.h>

static const char schema[] =
    "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, a INT);"
    "INSERT INTO app.t (a) SELECT i FROM " NUMBERS_TO(100) ";"
                                                           "CREATE TABLE other.t (a INT)";

static int setup(void **state)
{
    *state = site_create(NULL, schema,
                         (const char *const[]){"proxy.workers = 4", "rule:stop.tables = app.none",
                                               "rule:stop.route = block", NULL});
    return 0;
}

// Everything about one digest, of all targets together, as "count errors rows".
static struct client_text counted(const struct site *site, const char *text)
{
    char statement[512];
    MYSQL *admin = instance_admin(site->instance);
    snprintf(statement, sizeof(statement),
             "SELECT SUM(count) || ' ' || SUM(errors) || ' ' || SUM(rows) FROM digests WHERE text "
             "= '%s'",
             text);
    struct client_text found = client_text(admin, statement);
    mysql_close(admin);
    return found;
}

#define assert_counted(site, digest, expected)                                                     \
    assert_string_equal(counted((site), (digest)).text, (expected))

static void literals_and_comments_are_folded(void **state)
{
    MYSQL *client = site_client(*state);
    for (int i = 1; i <= 10; i++) {
        client_runf(client, "SELECT a FROM t WHERE id=%d /* request %d */", i, i);
    }
    client_run(client, "select a from t  where `id` = '3'");
    assert_counted(*state, "SELECT a FROM t WHERE id = ?", "11 0 11");
    mysql_close(client);
}

static void lists_of_any_length_are_alike(void **state)
{
    MYSQL *client = site_client(*state);
    client_run(client, "SELECT a FROM t WHERE id IN (1)");
    client_run(client, "SELECT a FROM t WHERE id IN (1, 2)");
    client_run(client, "SELECT a FROM t WHERE id IN (1,2,3,4,5,6,7)");
    assert_counted(*state, "SELECT a FROM t WHERE id IN (?, ...)", "3 0 10");
    mysql_close(client);
}

static void changed_rows_count_as_rows(void **state)
{
    MYSQL *client = site_client(*state);
    client_run(client, "INSERT INTO t (a) VALUES (1), (2), (3)");
    client_run(client, "INSERT INTO t (a) VALUES (4)");
    client_run(client, "DELETE FROM t WHERE id > 100");
    assert_counted(*state, "INSERT INTO t (a) VALUES (?, ...)", "2 0 4");
    assert_counted(*state, "DELETE FROM t WHERE id > ?", "1 0 4");
    mysql_close(client);
}

static void errors_are_counted_wherever_they_are_made(void **state)
{
    MYSQL *client = site_client(*state);
    assert_client_error(client, "SELECT missing FROM t", 1054, "");
    assert_client_error(client, "SELECT missing FROM t", 1054, "");
    assert_client_error(client, "SELECT 1 FROM none", 1148, "");
    assert_client_error(client, "SELECT 'not closed", 1064, "");
    assert_counted(*state, "SELECT missing FROM t", "2 2 0");
    assert_counted(*state, "SELECT ? FROM none", "1 1 0");
    assert_counted(*state, "SELECT ?", "1 1 0");
    MYSQL *admin = instance_admin(((struct site *)*state)->instance);
    assert_client_text(admin, "SELECT target FROM digests WHERE text = 'SELECT ? FROM none'",
                       "blocked");
    mysql_close(admin);
    mysql_close(client);
}

// What the session wants is refused by the server before the statement is sent to it.
static void a_connection_that_cannot_be_had_is_an_error_too(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    stack_run(site->stack, "db1",
              "CREATE DATABASE app_gone; GRANT SELECT ON app_gone.* TO app@'%'");
    client_run(client, "USE app_gone");
    stack_run(site->stack, "db1", "DROP DATABASE app_gone");
    stack_sync(site->stack);
    // Another server is not asked in its place.
    assert_client_error(client, "SELECT 1 AS refused /* sluice: backend=db2 */", 1049, "app_gone");
    assert_counted(site, "SELECT ? AS refused", "1 1 0");
    mysql_close(client);
}

static void user_schema_and_target_tell_entries_apart(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site), *admin = instance_admin(site->instance);
    static const char statement[] = "SELECT COUNT(*) AS apart FROM t";
    static const char digest[] = "FROM digests WHERE text = 'SELECT COUNT(*) AS apart FROM t'";
    char query[256];
    client_run(client, statement);
    client_run(client, "START TRANSACTION");
    client_run(client, statement);
    client_run(client, "COMMIT");
    client_run(client, "USE other");
    client_run(client, statement);
    snprintf(query, sizeof(query),
             "SELECT GROUP_CONCAT(schema || ' ' || target || ' ' || count, "
             "', ') FROM (SELECT * %s ORDER BY schema, target)",
             digest);
    assert_client_text(admin, query, "app primary 1, app replica 1, other replica 1");
    snprintf(query, sizeof(query),
             "SELECT COUNT(DISTINCT digest) || ' ' || MAX(LENGTH(digest)) || "
             "' ' || MAX(user) %s",
             digest);
    assert_client_text(admin, query, "1 16 app");
    mysql_close(admin);
    mysql_close(client);
}

static void what_several_workers_counted_is_one_row(void **state)
{
    enum { CLIENTS = 12 };
    const struct site *site = *state;
    MYSQL *clients[CLIENTS], *admin = instance_admin(site->instance);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = site_client(site);
        client_runf(clients[i], "SELECT a + %d AS spread FROM t LIMIT 2", i);
    }
    assert_counted(site, "SELECT a + ? AS spread FROM t LIMIT ?", "12 0 24");
    assert_client_number(
        admin, "SELECT COUNT(*) FROM digests WHERE text = 'SELECT a + ? AS spread FROM t LIMIT ?'",
        1);
    for (int i = 0; i < CLIENTS; i++) {
        mysql_close(clients[i]);
    }
    mysql_close(admin);
}

static void times_are_those_of_the_client(void **state)
{
    MYSQL *client = site_client(*state), *admin = instance_admin(((struct site *)*state)->instance);
    for (int i = 0; i < 3; i++) {
        client_run(client, "SELECT SLEEP(0.2)");
    }
    static const char query[] =
        "SELECT p50_us >= 194000 AND p50_us < p99_us * 1.01 AND p95_us <= p99_us AND total_us >= "
        "600000 AND total_us < 5000000 AND first_seen < last_seen AND last_seen LIKE '2%-%-%T%Z' "
        "FROM digests WHERE text = 'SELECT SLEEP(?)'";
    assert_client_number(admin, query, 1);
    assert_client_text(admin, "SELECT text FROM digests ORDER BY total_us DESC LIMIT 1",
                       "SELECT SLEEP(?)");
    assert_true(client_row_count(admin, "SHOW DIGESTS") > 5);
    mysql_close(admin);
    mysql_close(client);
}

// --- prepared statements ------------------------------------------------------------------------

static MYSQL_STMT *statement_prepare(MYSQL *client, const char *text)
{
    MYSQL_STMT *statement = mysql_stmt_init(client);
    if (mysql_stmt_prepare(statement, text, strlen(text)) != 0) {
        fail_msg("%s: %s", text, mysql_stmt_error(statement));
    }
    return statement;
}

static void execute(MYSQL_STMT *statement)
{
    assert_int_equal(mysql_stmt_execute(statement), 0);
    assert_int_equal(mysql_stmt_store_result(statement), 0);
    mysql_stmt_free_result(statement);
}

static void executions_count_under_the_text_that_was_prepared(void **state)
{
    MYSQL *client = site_client(*state);
    MYSQL_STMT *first = statement_prepare(client, "SELECT a AS first FROM t WHERE id < 5");
    MYSQL_STMT *second = statement_prepare(client, "SELECT a AS second FROM t WHERE id < 3");
    execute(second);
    execute(first);
    execute(second);
    mysql_stmt_close(first);
    execute(second);
    client_run(client, "SELECT a AS second FROM t WHERE id < 2");
    assert_counted(*state, "SELECT a AS first FROM t WHERE id < ?", "1 0 4");
    assert_counted(*state, "SELECT a AS second FROM t WHERE id < ?", "4 0 7");
    mysql_stmt_close(second);
    mysql_close(client);
}

static void a_statement_that_is_only_prepared_did_not_run(void **state)
{
    MYSQL *client = site_client(*state);
    mysql_stmt_close(statement_prepare(client, "SELECT a AS unused FROM t"));
    assert_counted(*state, "SELECT a AS unused FROM t", "NULL");
    MYSQL_STMT *wrong = mysql_stmt_init(client);
    static const char text[] = "SELECT wrong FROM t";
    assert_int_not_equal(mysql_stmt_prepare(wrong, text, sizeof(text) - 1), 0);
    assert_counted(*state, "SELECT wrong FROM t", "1 1 0");
    mysql_stmt_close(wrong);
    mysql_close(client);
}

static void rows_of_a_cursor_are_counted_as_they_are_fetched(void **state)
{
    MYSQL *client = site_client(*state);
    MYSQL_STMT *read = statement_prepare(client, "SELECT id AS fetched FROM t ORDER BY id");
    unsigned long type = CURSOR_TYPE_READ_ONLY, rows = 7;
    int id = 0;
    mysql_stmt_attr_set(read, STMT_ATTR_CURSOR_TYPE, &type);
    mysql_stmt_attr_set(read, STMT_ATTR_PREFETCH_ROWS, &rows);
    assert_int_equal(mysql_stmt_execute(read), 0);
    MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_LONG, .buffer = &id};
    assert_int_equal(mysql_stmt_bind_result(read, &bind), 0);
    while (mysql_stmt_fetch(read) == 0) {
    }
    assert_int_equal(id, 100);
    assert_counted(*state, "SELECT id AS fetched FROM t ORDER BY id", "1 0 100");
    mysql_stmt_close(read);
    mysql_close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_and_comments_are_folded),
        cmocka_unit_test(lists_of_any_length_are_alike),
        cmocka_unit_test(changed_rows_count_as_rows),
        cmocka_unit_test(errors_are_counted_wherever_they_are_made),
        cmocka_unit_test(a_connection_that_cannot_be_had_is_an_error_too),
        cmocka_unit_test(user_schema_and_target_tell_entries_apart),
        cmocka_unit_test(what_several_workers_counted_is_one_row),
        cmocka_unit_test(times_are_those_of_the_client),
        cmocka_unit_test(executions_count_under_the_text_that_was_prepared),
        cmocka_unit_test(a_statement_that_is_only_prepared_did_not_run),
        cmocka_unit_test(rows_of_a_cursor_are_counted_as_they_are_fetched),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
