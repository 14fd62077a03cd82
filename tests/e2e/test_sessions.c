// What a session sets is its own, follows it from server to server, and reaches nobody else, on
// pools so small that sessions must share connections.
#include "tests/lib/site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char schema[] = "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, a INT);"
                             "INSERT INTO app.t (a) VALUES (1), (2), (3);"
                             "CREATE TABLE app.fixed AS SELECT i AS a FROM " NUMBERS_TO(
                                 3) ";"
                                    "CREATE TABLE other.only_here (a INT);"
                                    "INSERT INTO other.only_here VALUES (5)";

enum { CLIENTS = 12 };

static int setup(void **state)
{
    *state =
        site_create(site_logging, schema,
                    (const char *const[]){"proxy.workers = 1", "backend:db1.max_connections = 4",
                                          "backend:db2.max_connections = 2",
                                          "backend:db3.max_connections = 2", NULL});
    return 0;
}

static void clients_open(const struct site *site, MYSQL *clients[CLIENTS])
{
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = site_client(site);
    }
}

static void clients_close(MYSQL *clients[CLIENTS])
{
    for (int i = 0; i < CLIENTS; i++) {
        mysql_close(clients[i]);
    }
}

static void more_sessions_than_connections_are_served(void **state)
{
    const struct site *site = *state;
    MYSQL *clients[CLIENTS];
    clients_open(site, clients);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            assert_soon_on_replica(clients[i]);
        }
    }
    assert_true(instance_admin_number(site->instance, "SELECT SUM(used + idle) FROM backends") <=
                8);
    clients_close(clients);
}

static void variables_follow_the_session_and_nobody_else(void **state)
{
    static const char *const zones[] = {"+01:00", "+02:00", "-03:00", "SYSTEM"};
    MYSQL *clients[CLIENTS];
    clients_open(*state, clients);
    for (int i = 0; i < CLIENTS; i++) {
        client_runf(clients[i], "SET time_zone = '%s', group_concat_max_len = %d", zones[i % 4],
                    1000 + i);
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            assert_client_text(clients[i], "SELECT @@time_zone FROM t LIMIT 1", zones[i % 4]);
            assert_client_number(clients[i], "SELECT @@group_concat_max_len FROM t LIMIT 1",
                                 1000 + i);
            assert_client_text(clients[i], "SELECT @@time_zone FROM t LIMIT 1 FOR UPDATE",
                               zones[i % 4]);
        }
    }
    clients_close(clients);
    MYSQL *fresh = site_client(*state);
    assert_client_text(fresh, "SELECT @@time_zone FROM t LIMIT 1", "SYSTEM");
    mysql_close(fresh);
}

static void sql_mode_and_charset_follow_the_session(void **state)
{
    MYSQL *clients[CLIENTS];
    clients_open(*state, clients);
    for (int i = 0; i < CLIENTS; i += 2) {
        client_run(clients[i], "SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'");
        client_run(clients[i], "SET NAMES latin1");
    }
    for (int i = 0; i < CLIENTS; i++) {
        bool is_ansi = i % 2 == 0;
        assert_client_text(clients[i], "SELECT 'a' || 'b' FROM t LIMIT 1", is_ansi ? "ab" : "0");
        assert_client_text(clients[i], "SELECT \"a\" FROM t ORDER BY id LIMIT 1",
                           is_ansi ? "1" : "a");
        assert_client_text(clients[i], "SELECT 'M\xC3\xBC' FROM t LIMIT 1", "M\xC3\xBC");
        assert_client_number(clients[i], "SELECT CHAR_LENGTH('M\xC3\xBC') FROM t LIMIT 1",
                             is_ansi ? 3 : 2);
        assert_client_text(clients[i], "SELECT @@character_set_client FROM t LIMIT 1",
                           is_ansi ? "latin1" : "utf8mb4");
    }
    clients_close(clients);
}

static void collations_follow_the_session(void **state)
{
    MYSQL *clients[CLIENTS];
    clients_open(*state, clients);
    for (int i = 0; i < CLIENTS; i++) {
        client_run(clients[i], i % 2 == 0 ? "SET NAMES utf8mb4 COLLATE utf8mb4_bin"
                                          : "SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci");
    }
    for (int i = 0; i < CLIENTS; i++) {
        assert_client_number(clients[i], "SELECT 'a' = 'A' FROM t LIMIT 1", i % 2);
        assert_client_text(clients[i], "SELECT @@collation_connection",
                           i % 2 == 0 ? "utf8mb4_bin" : "utf8mb4_unicode_ci");
    }
    clients_close(clients);
}

static void the_charset_of_the_login_counts(void **state)
{
    const struct site *site = *state;
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    options.charset = "latin1";
    MYSQL *client = client_connect(&options);
    assert_client_text(client, "SELECT @@character_set_client FROM t LIMIT 1", "latin1");
    assert_client_text(client, "SELECT HEX('\xFC') FROM t LIMIT 1", "FC");
    mysql_close(client);
}

// The name is in the charset of the login, for the server that is asked and for every connection.
static void a_schema_is_named_in_the_charset_of_the_login(void **state)
{
    const struct site *site = *state;
    MYSQL *root = stack_connect(site->stack, "db1");
    client_run(root, "SET NAMES utf8mb4");
    client_run(root, "CREATE DATABASE `caf\xC3\xA9`");
    client_run(root, "GRANT ALL ON `caf\xC3\xA9`.* TO guest");
    stack_sync(site->stack);
    struct client_options options = instance_options(site->instance, "guest", "guest-secret");
    options.with_tls = true;
    options.charset = "latin1";
    options.schema = "caf\xE9";
    MYSQL *client = client_connect(&options);
    assert_client_text(client, "SELECT HEX(CONVERT(DATABASE() USING utf8mb4))", "636166C3A9");
    client_run(client, "CREATE TABLE t (id INT)");
    assert_client_number(client, "SELECT COUNT(*) FROM t", 0);
    client_run(root, "DROP DATABASE `caf\xC3\xA9`");
    mysql_close(client);
    mysql_close(root);
}

// Whoever logs in begins with the global values of that time, and keeps them.
static void a_global_value_is_that_of_the_login(void **state)
{
    const struct site *site = *state;
    MYSQL *root = stack_connect(site->stack, "db1");
    client_run(root, "CREATE USER setter IDENTIFIED BY 'setter-secret'");
    client_run(root, "GRANT ALL ON *.* TO setter");
    stack_sync(site->stack);
    struct client_options options = instance_options(site->instance, "setter", "setter-secret");
    options.with_tls = true;
    MYSQL *before = client_connect(&options), *after[4];
    static const char asked[] = "SELECT @@net_write_timeout /* sluice: primary */";
    long long old = client_number(before, asked);
    char set[64], set_back[64];
    snprintf(set, sizeof(set), "SET GLOBAL net_write_timeout = %lld", old + 1);
    snprintf(set_back, sizeof(set_back), "SET GLOBAL net_write_timeout = %lld", old);
    client_run(before, set);
    for (int i = 0; i < 4; i++) {
        after[i] = client_connect(&options);
        assert_client_number(after[i], asked, old + 1);
        assert_client_number(before, asked, old);
    }
    client_run(before, set_back);
    for (int i = 0; i < 4; i++) {
        assert_client_number(after[i], asked, old + 1);
        mysql_close(after[i]);
    }
    mysql_close(before);
    client_run(root, "DROP USER setter");
    mysql_close(root);
}

static void each_session_has_its_own_schema(void **state)
{
    MYSQL *clients[CLIENTS];
    clients_open(*state, clients);
    for (int i = 0; i < CLIENTS; i++) {
        if (i % 3 == 1) {
            client_run(clients[i], "USE other");
        } else if (i % 3 == 2) {
            assert_int_equal(mysql_select_db(clients[i], "other"), 0);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        const char *schema_name = i % 3 == 0 ? "app" : "other";
        assert_client_text(clients[i], "SELECT DATABASE()", schema_name);
        assert_client_text(clients[i], "SELECT DATABASE() FROM app.t LIMIT 1", schema_name);
        if (i % 3 != 0) {
            assert_client_number(clients[i], "SELECT a FROM only_here", 5);
        }
    }
    clients_close(clients);
}

static void use_of_a_missing_schema_leaves_the_old_one(void **state)
{
    MYSQL *client = site_client(*state);
    assert_client_error(client, "USE nowhere", 1044, "nowhere");
    assert_int_not_equal(mysql_select_db(client, "nowhere"), 0);
    assert_client_text(client, "SELECT DATABASE()", "app");
    assert_client_text(client, "SELECT DATABASE() FROM t LIMIT 1", "app");
    mysql_close(client);
}

static void user_variables_are_kept(void **state)
{
    MYSQL *clients[CLIENTS / 4];
    for (int i = 0; i < CLIENTS / 4; i++) {
        clients[i] = site_client(*state);
        client_runf(clients[i], "SET @mine = %d", i);
    }
    for (int i = 0; i < CLIENTS / 4; i++) {
        assert_client_number(clients[i], "SELECT @mine", i);
        assert_client_number(clients[i], "SELECT @mine + a - a FROM t LIMIT 1", i);
    }
    for (int i = 0; i < CLIENTS / 4; i++) {
        mysql_close(clients[i]);
    }
    MYSQL *fresh = site_client(*state);
    assert_client_text(fresh, "SELECT @mine", "NULL");
    mysql_close(fresh);
}

static void temporary_tables_are_the_sessions_own(void **state)
{
    MYSQL *one = site_client(*state), *two = site_client(*state);
    client_run(one, "CREATE TEMPORARY TABLE mine AS SELECT 1 AS a");
    client_run(two, "CREATE TEMPORARY TABLE mine AS SELECT 2 AS a");
    assert_client_number(one, "SELECT a FROM mine", 1);
    assert_client_number(two, "SELECT a FROM mine", 2);
    // One that hides a real table hides it from reads as well.
    client_run(one, "CREATE TEMPORARY TABLE t AS SELECT 77 AS a");
    assert_client_number(one, "SELECT a FROM t", 77);
    assert_client_number(two, "SELECT COUNT(*) FROM t", 3);
    mysql_close(one);
    mysql_close(two);
    MYSQL *fresh = site_client(*state);
    assert_client_error(fresh, "SELECT a FROM mine FOR UPDATE", 1146, "mine");
    mysql_close(fresh);
}

static void user_locks_hold_until_released(void **state)
{
    MYSQL *one = site_client(*state), *two = site_client(*state);
    assert_client_number(one, "SELECT GET_LOCK('l', 5)", 1);
    for (int i = 0; i < 5; i++) {
        assert_client_number(two, "SELECT GET_LOCK('l', 0)", 0);
    }
    assert_client_number(one, "SELECT RELEASE_LOCK('l')", 1);
    assert_client_number(two, "SELECT GET_LOCK('l', 0)", 1);
    mysql_close(two);
    MYSQL *three = site_client(*state);
    assert_client_number(three, "SELECT GET_LOCK('l', 5)", 1);
    mysql_close(three);
    mysql_close(one);
}

// No reset takes a role away from a connection.
static void a_role_is_nobody_elses(void **state)
{
    static const char question[] = "SELECT CURRENT_ROLE() FROM t LIMIT 1 FOR UPDATE";
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    char none[sizeof(((struct client_text *)NULL)->text)];
    stack_run(site->stack, "db1", "CREATE ROLE chief; GRANT chief TO app");
    stack_sync(site->stack);
    snprintf(none, sizeof(none), "%s", client_text(client, question).text);
    client_run(client, "SET ROLE chief");
    assert_non_null(strstr(client_text(client, question).text, "chief"));
    assert_int_equal(mysql_reset_connection(client), 0);
    MYSQL *clients[CLIENTS];
    clients_open(site, clients);
    for (int i = 0; i < CLIENTS; i++) {
        assert_client_text(clients[i], question, none);
    }
    clients_close(clients);
    mysql_close(client);
    stack_run(site->stack, "db1", "DROP ROLE chief");
}

static void locked_tables_stay_locked(void **state)
{
    MYSQL *client = site_client(*state);
    client_run(client, "LOCK TABLES t WRITE");
    client_run(client, "UPDATE t SET a = a");
    assert_client_number(client, "SELECT COUNT(*) FROM t", 3);
    assert_client_error(client, "SELECT * FROM whoami", 1100, "whoami");
    client_run(client, "UNLOCK TABLES");
    assert_soon_on_replica(client);
    mysql_close(client);
}

static void the_last_insert_id_is_the_sessions_own(void **state)
{
    MYSQL *clients[CLIENTS / 4];
    unsigned long long ids[CLIENTS / 4];
    for (int i = 0; i < CLIENTS / 4; i++) {
        clients[i] = site_client(*state);
        client_run(clients[i], "INSERT INTO t (a) VALUES (10)");
        ids[i] = mysql_insert_id(clients[i]);
    }
    for (int i = 0; i < CLIENTS / 4; i++) {
        assert_client_number(clients[i], "SELECT LAST_INSERT_ID()", (long long)ids[i]);
        assert_client_number(clients[i], "SELECT @@identity", (long long)ids[i]);
        mysql_close(clients[i]);
    }
    MYSQL *client = site_client(*state);
    assert_client_number(client, "SELECT LAST_INSERT_ID()", 0);
    client_run(client, "DELETE FROM t WHERE a = 10");
    assert_int_equal(mysql_affected_rows(client), CLIENTS / 4);
    mysql_close(client);
}

// The rows that RETURNING sends do not tell of an insert id.
static void the_insert_id_behind_returning_is_found(void **state)
{
    if (servers_are_mysql()) {
        skip();
    }
    MYSQL *client = site_client(*state), *other = site_client(*state);
    for (int i = 0; i < 3; i++) {
        client_run(client, "INSERT INTO t (a) VALUES (30)");
        client_run(other, "BEGIN");
        long long id = client_number(client, "INSERT INTO t (a) VALUES (30) RETURNING id");
        client_run(other, "INSERT INTO t (a) VALUES (30)");
        client_run(other, "COMMIT");
        client_run(client, "SELECT 1 FROM t LIMIT 1");
        assert_client_number(client, "SELECT LAST_INSERT_ID()", id);
        client_runf(client, "INSERT INTO t (id, a) VALUES (%lld, 30) RETURNING id", id + 1000);
        assert_client_number(client, "SELECT LAST_INSERT_ID()", id);
    }
    client_run(client, "DELETE FROM t WHERE a = 30");
    mysql_close(client);
    mysql_close(other);
}

static void questions_about_the_last_statement_find_it(void **state)
{
    MYSQL *client = site_client(*state);
    for (int i = 0; i < 5; i++) {
        client_run(client, "SELECT SQL_CALC_FOUND_ROWS a FROM fixed LIMIT 1");
        assert_client_number(client, "SELECT FOUND_ROWS()", 3);
        client_run(client, "UPDATE t SET a = a + 1 WHERE id <= 2");
        assert_client_number(client, "SELECT ROW_COUNT()", 2);
    }
    mysql_close(client);
}

static void the_insert_id_and_the_row_count_are_asked_for_at_once(void **state)
{
    MYSQL *client = site_client(*state);
    client_run(client, "SELECT LAST_INSERT_ID(), ROW_COUNT()");
    client_run(client, "INSERT INTO t (a) VALUES (20)");
    assert_client_number(client, "SELECT LAST_INSERT_ID() > 0 AND ROW_COUNT() = 1", 1);
    client_run(client, "DELETE FROM t WHERE a = 20");
    mysql_close(client);
}

static void warnings_are_those_of_the_statement_before(void **state)
{
    MYSQL *client = site_client(*state);
    for (int i = 0; i < 5; i++) {
        client_run(client, "SELECT CAST('1x' AS SIGNED) FROM t LIMIT 1");
        assert_int_equal(mysql_warning_count(client), 1);
        assert_int_equal(client_row_count(client, "SHOW WARNINGS"), 1);
        assert_client_number(client, "SELECT @@warning_count", 1);
        client_run(client, "SELECT 1 FROM t");
        assert_int_equal(client_row_count(client, "SHOW WARNINGS"), 0);
        assert_client_error(client, "SELECT missing FROM t", 1054, "missing");
        assert_int_equal(client_row_count(client, "SHOW ERRORS"), 1);
    }
    mysql_close(client);
}

static void a_reset_clears_everything(void **state)
{
    MYSQL *client = site_client(*state);
    client_run(client, "SET time_zone = '+05:00', @mine = 3");
    client_run(client, "CREATE TEMPORARY TABLE mine (a INT)");
    client_run(client, "START TRANSACTION");
    assert_int_equal(mysql_reset_connection(client), 0);
    assert_client_text(client, "SELECT @@time_zone FROM t LIMIT 1", "SYSTEM");
    assert_client_text(client, "SELECT @mine", "NULL");
    assert_client_error(client, "SELECT * FROM mine FOR UPDATE", 1146, "mine");
    assert_client_text(client, "SELECT DATABASE()", "app");
    assert_soon_on_replica(client);
    mysql_close(client);
}

static void change_user_starts_afresh_as_somebody_else(void **state)
{
    MYSQL *client = site_client(*state);
    client_run(client, "SET @mine = 3, time_zone = '+05:00'");
    assert_int_equal(mysql_change_user(client, "guest", "guest-secret", "app"), 0);
    assert_client_text(client, "SELECT CURRENT_USER()", "guest@%");
    assert_client_text(client, "SELECT @mine", "NULL");
    assert_client_text(client, "SELECT @@time_zone FROM t LIMIT 1", "SYSTEM");
    assert_client_error(client, "SELECT * FROM other.only_here", 1142, "only_here");
    assert_int_equal(mysql_change_user(client, "app", "app-secret", NULL), 0);
    assert_client_text(client, "SELECT CURRENT_USER()", "app@%");
    assert_client_text(client, "SELECT DATABASE()", "NULL");
    assert_client_number(client, "SELECT a FROM other.only_here", 5);
    mysql_close(client);
}

// --- COM_CHANGE_USER that is refused -------------------------------------------------------------

// A session with state of every kind, in an open transaction.
static MYSQL *session_with_state(struct client_options options)
{
    options.with_tls = true;
    MYSQL *client = client_connect(&options);
    client_run(client, "SET @mine = 3, time_zone = '+05:00'");
    client_run(client, "USE other");
    client_run(client, "CREATE TEMPORARY TABLE mine (a INT)");
    client_run(client, "START TRANSACTION");
    client_run(client, "UPDATE only_here SET a = 6");
    return client;
}

struct change {
    const char *user, *password, *schema;
};

static void assert_changes_alike(MYSQL *client, MYSQL *direct, const struct change *change)
{
    int outcome = mysql_change_user(direct, change->user, change->password, change->schema);
    assert_int_equal(mysql_change_user(client, change->user, change->password, change->schema),
                     outcome);
    assert_int_equal(mysql_errno(client), mysql_errno(direct));
    assert_string_equal(mysql_sqlstate(client), mysql_sqlstate(direct));
}

// Its answer, or its error.
static struct client_text seen(MYSQL *client, const char *statement)
{
    struct client_text text;
    if (mysql_query(client, statement) != 0) {
        snprintf(text.text, sizeof(text.text), "error %u", mysql_errno(client));
        return text;
    }
    MYSQL_RES *result = mysql_store_result(client);
    MYSQL_ROW row = mysql_fetch_row(result);
    snprintf(text.text, sizeof(text.text), "%s", row != NULL ? row[0] : "nothing");
    mysql_free_result(result);
    return text;
}

// Returns whether the two go on.
static bool assert_alike(MYSQL *client, MYSQL *direct)
{
    static const char *const statements[] = {
        "SELECT CONCAT_WS(',', CURRENT_USER(), IFNULL(@mine, '-'), DATABASE(), @@autocommit)",
        "SELECT @@time_zone", "SELECT a FROM other.only_here FOR UPDATE",
        "SELECT COUNT(*) FROM mine"};
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        struct client_text text = seen(direct, statements[i]);
        assert_string_equal(seen(client, statements[i]).text, text.text);
    }
    return mysql_ping(direct) == 0;
}

// Trap 32. MySQL ends the connection; with MariaDB it goes on as who it was, with nothing of its
// state, and may try again three times.
static void a_refused_change_of_user_is_what_a_direct_connection_shows(void **state)
{
    static const struct change refused[] = {
        {"guest", "wrong", "app"},
        {"nobody_of_that_name", "secret", "app"},
        {"guest", "guest-secret", "no_such_schema"},
    };
    const struct site *site = *state;
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    struct client_options server = options;
    server.port = site->stack->servers[0].port;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        MYSQL *client = session_with_state(options);
        assert_client_number(client, "SELECT a FROM other.only_here", 6);
        assert_int_not_equal(
            mysql_change_user(client, refused[i].user, refused[i].password, refused[i].schema), 0);
        mysql_close(client);
        client = session_with_state(options);
        client_run(client, "ROLLBACK"); // else the other would wait for its row
        MYSQL *direct = session_with_state(server);
        assert_changes_alike(client, direct, &refused[i]);
        if (assert_alike(client, direct)) {
            assert_changes_alike(client, direct, &(struct change){"guest", "guest-secret", "app"});
            assert_alike(client, direct);
        }
        mysql_close(client);
        mysql_close(direct);
    }
}

static void a_user_is_changed_in_vain_three_times_and_no_more(void **state)
{
    const struct site *site = *state;
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    struct client_options server = options;
    server.port = site->stack->servers[0].port;
    MYSQL *client = session_with_state(options);
    client_run(client, "ROLLBACK");
    MYSQL *direct = session_with_state(server);
    bool goes_on = true;
    for (int i = 0; i < 3 && goes_on; i++) {
        assert_changes_alike(client, direct, &(struct change){"guest", "wrong", "app"});
        goes_on = assert_alike(client, direct);
    }
    assert_int_equal(goes_on, !servers_are_mysql());
    if (goes_on) {
        assert_changes_alike(client, direct, &(struct change){"guest", "guest-secret", "app"});
        assert_alike(client, direct);
    }
    mysql_close(client);
    mysql_close(direct);
}

static void a_text_that_the_server_does_not_understand_pins_nothing(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    assert_client_error(client, "SELEKT 1", 1064, "SELEKT");
    assert_soon_on_replica(client);
    char query[160];
    snprintf(query, sizeof(query), "SELECT COALESCE(pin_reason, '-') FROM sessions WHERE id = %lu",
             mysql_thread_id(client));
    MYSQL *admin = instance_admin(site->instance);
    assert_client_text(admin, query, "-");
    mysql_close(admin);
    mysql_close(client);
}

static void the_processlist_has_the_ids_that_clients_know(void **state)
{
    MYSQL *client = site_client(*state);
    struct client_text id = client_column(client, "SHOW PROCESSLIST", "Id");
    assert_int_equal(strtoul(id.text, NULL, 10), mysql_thread_id(client));
    mysql_close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_sessions_than_connections_are_served),
        cmocka_unit_test(variables_follow_the_session_and_nobody_else),
        cmocka_unit_test(sql_mode_and_charset_follow_the_session),
        cmocka_unit_test(collations_follow_the_session),
        cmocka_unit_test(the_charset_of_the_login_counts),
        cmocka_unit_test(a_schema_is_named_in_the_charset_of_the_login),
        cmocka_unit_test(a_global_value_is_that_of_the_login),
        cmocka_unit_test(each_session_has_its_own_schema),
        cmocka_unit_test(use_of_a_missing_schema_leaves_the_old_one),
        cmocka_unit_test(user_variables_are_kept),
        cmocka_unit_test(temporary_tables_are_the_sessions_own),
        cmocka_unit_test(user_locks_hold_until_released),
        cmocka_unit_test(a_role_is_nobody_elses),
        cmocka_unit_test(locked_tables_stay_locked),
        cmocka_unit_test(the_last_insert_id_is_the_sessions_own),
        cmocka_unit_test(the_insert_id_behind_returning_is_found),
        cmocka_unit_test(questions_about_the_last_statement_find_it),
        cmocka_unit_test(the_insert_id_and_the_row_count_are_asked_for_at_once),
        cmocka_unit_test(warnings_are_those_of_the_statement_before),
        cmocka_unit_test(a_reset_clears_everything),
        cmocka_unit_test(change_user_starts_afresh_as_somebody_else),
        cmocka_unit_test(a_refused_change_of_user_is_what_a_direct_connection_shows),
        cmocka_unit_test(a_user_is_changed_in_vain_three_times_and_no_more),
        cmocka_unit_test(a_text_that_the_server_does_not_understand_pins_nothing),
        cmocka_unit_test(the_processlist_has_the_ids_that_clients_know),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
