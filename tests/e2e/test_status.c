// Trap 40. The status flags that a client sees are its session's truth, whichever server answered,
// and sluice itself: after each step of a session they are those of a direct connection.
#include "tests/lib/site.h"

#include <stdio.h>
#include <string.h>

static const char schema[] =
    "CREATE TABLE app.t (id INT PRIMARY KEY, a INT);"
    "INSERT INTO app.t VALUES (1, 1), (2, 2), (3, 3);"
    "CREATE PROCEDURE app.two() BEGIN SELECT a FROM app.t; SELECT 2; END;"
    "CREATE PROCEDURE app.open_one() BEGIN SET autocommit = 0; UPDATE app.t SET a = a + 1; END;"
    "CREATE PROCEDURE app.fails() BEGIN SELECT a FROM app.t; SELECT no_such_column FROM app.t; END";

static int setup(void **state)
{
    static const char *const options[] = {"--general-log", "--set",
                                          "log-bin-trust-function-creators=ON", NULL};
    *state = site_create(options, schema, NULL);
    return 0;
}

// What only tells how a server ran the statement.
enum {
    NO_GOOD_INDEX = 1 << 4,
    NO_INDEX = 1 << 5,
    WAS_SLOW = 1 << 11,
    IGNORED = NO_GOOD_INDEX | NO_INDEX | WAS_SLOW,
};

enum { STEPS_MOST = 512 };

struct seen {
    size_t count;
    unsigned flags[STEPS_MOST];
    char steps[STEPS_MOST][96];
};

static void note(struct seen *seen, MYSQL *client, const char *step, int part)
{
    assert_true(seen->count < STEPS_MOST);
    unsigned flags = client->server_status & ~(unsigned)IGNORED;
    if (mysql_errno(client) != 0) {
        flags = mysql_errno(client); // an ERR has none
    }
    snprintf(seen->steps[seen->count], sizeof(seen->steps[0]), "%zu: %.70s (%d)", seen->count, step,
             part);
    seen->flags[seen->count++] = flags;
}

static void run(struct seen *seen, MYSQL *client, const char *statement)
{
    int part = 0;
    bool is_error = mysql_query(client, statement) != 0;
    note(seen, client, statement, part);
    while (!is_error) {
        MYSQL_RES *result = mysql_store_result(client);
        if (result != NULL) {
            mysql_free_result(result);
        }
        note(seen, client, statement, ++part);
        int next = mysql_next_result(client);
        if (next < 0) {
            return;
        }
        is_error = next > 0;
        note(seen, client, statement, ++part);
    }
}

static void ping(struct seen *seen, MYSQL *client)
{
    assert_int_equal(mysql_ping(client), 0);
    note(seen, client, "ping", 0);
}

static void execute(struct seen *seen, MYSQL *client, const char *statement, bool with_cursor)
{
    MYSQL_STMT *stmt = mysql_stmt_init(client);
    unsigned long cursor = CURSOR_TYPE_READ_ONLY, one = 1;
    bool is_prepared = mysql_stmt_prepare(stmt, statement, strlen(statement)) == 0;
    note(seen, client, statement, 100);
    if (is_prepared && with_cursor) {
        mysql_stmt_attr_set(stmt, STMT_ATTR_CURSOR_TYPE, &cursor);
        mysql_stmt_attr_set(stmt, STMT_ATTR_PREFETCH_ROWS, &one);
    }
    for (int round = 0; round < 2 && is_prepared; round++) {
        mysql_stmt_execute(stmt);
        note(seen, client, statement, 101);
        while (mysql_stmt_field_count(stmt) > 0 && mysql_stmt_fetch(stmt) == 0) {
            note(seen, client, statement, 102);
        }
        note(seen, client, statement, 103);
        mysql_stmt_free_result(stmt);
        note(seen, client, statement, 104);
    }
    mysql_stmt_close(stmt);
}

typedef void script_fn(struct seen *seen, MYSQL *client);

// The script on a server, then through the proxy.
static void assert_seen_alike(const struct site *site, script_fn *script)
{
    static struct seen direct, proxied;
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    options.flags = CLIENT_MULTI_STATEMENTS;
    options.with_tls = true;
    MYSQL *client = client_connect(&options);
    options.port = site->stack->servers[0].port;
    MYSQL *server = client_connect(&options);
    direct.count = proxied.count = 0;
    note(&direct, server, "login", 0);
    note(&proxied, client, "login", 0);
    script(&direct, server);
    mysql_close(server);
    stack_sync(site->stack);
    script(&proxied, client);
    mysql_close(client);
    size_t wrong = 0;
    for (size_t i = 0; i < direct.count && i < proxied.count; i++) {
        if (proxied.flags[i] != direct.flags[i] || strcmp(proxied.steps[i], direct.steps[i]) != 0) {
            print_message("%s: 0x%x in place of 0x%x (%s)\n", proxied.steps[i], proxied.flags[i],
                          direct.flags[i], direct.steps[i]);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    assert_int_equal(proxied.count, direct.count);
    assert_true(direct.count > 5);
}

static void reads_and_writes_script(struct seen *seen, MYSQL *client)
{
    for (int round = 0; round < 3; round++) {
        run(seen, client, "SELECT a FROM t");
        run(seen, client, "SELECT a FROM t WHERE id = 1");
        ping(seen, client);
        run(seen, client, "UPDATE t SET a = a + 1 WHERE id = 1");
        run(seen, client, "SELECT 1");
        run(seen, client, "DO 1");
    }
}

static void after_reads_and_writes(void **state)
{
    assert_seen_alike(*state, reads_and_writes_script);
}

// In a READ ONLY transaction on a replica sluice refuses a table that is to be made, where a server
// would end the transaction; and MySQL's own BEGIN leaves it READ ONLY, sluice's does not.
static bool is_otherwise(const char *begin, const char *end)
{
    bool is_refused = strstr(end, "CREATE") != NULL;
    bool is_left = servers_are_mysql() && strcmp(end, "BEGIN") == 0;
    return strstr(begin, "READ ONLY") != NULL && (is_refused || is_left);
}

static void transactions_script(struct seen *seen, MYSQL *client)
{
    static const char *const begins[] = {"BEGIN", "START TRANSACTION READ ONLY",
                                         "START TRANSACTION READ WRITE",
                                         "START TRANSACTION WITH CONSISTENT SNAPSHOT"};
    static const char *const ends[] = {"COMMIT", "ROLLBACK", "CREATE TABLE IF NOT EXISTS t (a INT)",
                                       "BEGIN"};
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        for (size_t k = 0; k < sizeof(ends) / sizeof(ends[0]); k++) {
            if (is_otherwise(begins[i], ends[k])) {
                continue;
            }
            run(seen, client, begins[i]);
            ping(seen, client);
            run(seen, client, "SELECT a FROM t WHERE id = 1");
            run(seen, client, "SELECT no_such_column FROM t");
            run(seen, client, "SHOW PROCESSLIST");
            run(seen, client, ends[k]);
            run(seen, client, "SELECT a FROM t WHERE id = 1");
            ping(seen, client);
            run(seen, client, "COMMIT");
        }
    }
    run(seen, client, "BEGIN");
    run(seen, client, "UPDATE t SET a = a + 1 WHERE id = 1");
    if (!servers_are_mysql()) { // which says of it that something changed, and not what
        run(seen, client, "COMMIT AND CHAIN");
    }
    run(seen, client, "SAVEPOINT s");
    run(seen, client, "ROLLBACK TO s");
    run(seen, client, "COMMIT");
    run(seen, client, "SELECT a FROM t WHERE id = 1");
}

static void in_and_after_transactions(void **state)
{
    assert_seen_alike(*state, transactions_script);
}

static void autocommit_script(struct seen *seen, MYSQL *client)
{
    for (int round = 0; round < 2; round++) {
        run(seen, client, "SET autocommit = 0");
        ping(seen, client);
        run(seen, client, "SELECT 1");
        run(seen, client, "SELECT a FROM t WHERE id = 1");
        ping(seen, client);
        run(seen, client, "SHOW PROCESSLIST");
        run(seen, client, "UPDATE t SET a = a + 1 WHERE id = 2");
        run(seen, client, "COMMIT");
        ping(seen, client);
        run(seen, client, "SET autocommit = 1");
        run(seen, client, "SELECT a FROM t WHERE id = 1");
        mysql_autocommit(client, 0);
        note(seen, client, "mysql_autocommit(0)", 0);
        mysql_autocommit(client, 1);
        note(seen, client, "mysql_autocommit(1)", 0);
    }
    run(seen, client, "SET autocommit = 0");
    assert_int_equal(mysql_reset_connection(client), 0);
    note(seen, client, "reset", 0);
    run(seen, client, "SELECT a FROM t WHERE id = 1");
    run(seen, client, "CALL open_one()");
    ping(seen, client);
    run(seen, client, "ROLLBACK");
    run(seen, client, "SET autocommit = 1");
}

static void with_autocommit_off_and_on(void **state)
{
    assert_seen_alike(*state, autocommit_script);
}

static void modes_script(struct seen *seen, MYSQL *client)
{
    static const char *const modes[] = {"NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "ANSI", "",
                                        "NO_BACKSLASH_ESCAPES,ANSI_QUOTES"};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        char set[96];
        snprintf(set, sizeof(set), "SET sql_mode = '%s'", modes[i]);
        run(seen, client, set);
        ping(seen, client);
        for (int round = 0; round < 3; round++) {
            run(seen, client, "SELECT a FROM t WHERE id = 1");
        }
        run(seen, client, "SHOW PROCESSLIST");
        run(seen, client, "UPDATE t SET a = a + 1 WHERE id = 1");
        run(seen, client, "SELECT a FROM t WHERE id = 1");
        run(seen, client, "SELEKT");
        ping(seen, client);
    }
    assert_int_equal(mysql_reset_connection(client), 0);
    note(seen, client, "reset", 0);
    ping(seen, client);
}

static void with_sql_modes(void **state)
{
    assert_seen_alike(*state, modes_script);
}

static void results_script(struct seen *seen, MYSQL *client)
{
    run(seen, client, "SELECT 1; SELECT a FROM t; SELECT 3");
    run(seen, client, "UPDATE t SET a = a + 1 WHERE id = 3; SELECT a FROM t WHERE id = 3");
    run(seen, client, "BEGIN; SELECT 1; UPDATE t SET a = 1 WHERE id = 3");
    ping(seen, client);
    run(seen, client, "COMMIT; SELECT 1");
    run(seen, client, "SELECT 1; SELECT no_such_column FROM t; SELECT 2");
    ping(seen, client);
    run(seen, client, "SET autocommit = 0; SELEKT");
    ping(seen, client);
    run(seen, client, "SET autocommit = 1");
    run(seen, client, "CALL two()");
    run(seen, client, "CALL fails()");
    ping(seen, client);
    run(seen, client, "SELECT 1");
    assert_int_equal(mysql_set_server_option(client, MYSQL_OPTION_MULTI_STATEMENTS_OFF), 0);
    note(seen, client, "multi off", 0);
    run(seen, client, "SELECT 1; SELECT 2");
    assert_int_equal(mysql_set_server_option(client, MYSQL_OPTION_MULTI_STATEMENTS_ON), 0);
    note(seen, client, "multi on", 0);
    run(seen, client, "SELECT 1; SELECT 2");
}

static void of_several_results(void **state)
{
    assert_seen_alike(*state, results_script);
}

// What the servers report of the session in their OKs.
static void changes_script(struct seen *seen, MYSQL *client)
{
    run(seen, client, "USE other");
    run(seen, client, "USE app");
    assert_int_equal(mysql_select_db(client, "other"), 0);
    note(seen, client, "other by command", 0);
    assert_int_equal(mysql_select_db(client, "app"), 0);
    note(seen, client, "app by command", 0);
    run(seen, client, "SET time_zone = '+05:00'");
    run(seen, client, "SET NAMES latin1");
    run(seen, client, "SET NAMES utf8mb4");
    run(seen, client, "SET character_set_results = NULL");
    run(seen, client, "SET lc_time_names = 'de_DE'"); // not tracked by default
    run(seen, client, "SET @mine = 1");
    run(seen, client, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
    run(seen, client, "SELECT a FROM t WHERE id = 1");
    run(seen, client, "CREATE TEMPORARY TABLE mine (a INT)");
    run(seen, client, "INSERT INTO mine VALUES (1)");
    run(seen, client, "SELECT a FROM mine");
    run(seen, client, "DROP TEMPORARY TABLE mine");
    run(seen, client, "USE no_such_schema");
    ping(seen, client);
    assert_int_equal(mysql_change_user(client, "app", "app-secret", "app"), 0);
    note(seen, client, "change user", 0);
    run(seen, client, "SELECT a FROM t WHERE id = 1");
}

static void with_changes_of_the_session(void **state)
{
    assert_seen_alike(*state, changes_script);
}

static void prepared_script(struct seen *seen, MYSQL *client)
{
    for (int with_cursor = 0; with_cursor < 2; with_cursor++) {
        execute(seen, client, "SELECT a FROM t", with_cursor != 0);
        execute(seen, client, "UPDATE t SET a = a + 1 WHERE id = 1", with_cursor != 0);
        execute(seen, client, "SELECT no_such_column FROM t", with_cursor != 0);
        run(seen, client, "BEGIN");
        execute(seen, client, "SELECT a FROM t", with_cursor != 0);
        run(seen, client, "COMMIT");
        run(seen, client, "SET sql_mode = 'NO_BACKSLASH_ESCAPES'");
        execute(seen, client, "SELECT a FROM t WHERE id = 1", with_cursor != 0);
        run(seen, client, "SET sql_mode = ''");
        run(seen, client, "SET autocommit = 0");
        execute(seen, client, "SELECT a FROM t WHERE id = 1", with_cursor != 0);
        run(seen, client, "SET autocommit = 1");
        execute(seen, client, "SELECT a FROM t WHERE id = 1", with_cursor != 0);
    }
}

static void of_prepared_statements(void **state)
{
    assert_seen_alike(*state, prepared_script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_reads_and_writes),
        cmocka_unit_test(in_and_after_transactions),
        cmocka_unit_test(with_autocommit_off_and_on),
        cmocka_unit_test(with_sql_modes),
        cmocka_unit_test(of_several_results),
        cmocka_unit_test(with_changes_of_the_session),
        cmocka_unit_test(of_prepared_statements),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
