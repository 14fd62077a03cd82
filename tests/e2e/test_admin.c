// The admin port: every view by SHOW and by SELECT, the commands, and who may do what.
#include "tests/lib/site.h"

#include <stdio.h>
#include <string.h>

static const char schema[] = "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, a INT);"
                             "INSERT INTO app.t (a) VALUES (1), (2), (3)";

static int setup(void **state)
{
    static const char *const expected[] = {"admin.login_refused", "backend.lost", NULL};
    struct site *site = site_create(
        site_logging, schema,
        (const char *const[]){"admin.password = admin-secret", "admin.stats_user = stats",
                              "admin.stats_password = stats-secret",
                              "rule:reports.match = ^SELECT .* FROM t WHERE a > 1000",
                              "rule:reports.route = primary", "rule:stop.tables = other.forbidden",
                              "rule:stop.route = block", "rule:stop.message = not today", NULL});
    site->expected = expected;
    *state = site;
    return 0;
}

static MYSQL *admin_as(struct site *site, const char *user, const char *password)
{
    return client_connect(&(struct client_options){
        .port = site->instance->admin_port, .user = user, .password = password});
}

static MYSQL *admin_open(struct site *site)
{
    return admin_as(site, "admin", "admin-secret");
}

struct view {
    const char *name;
    const char *columns; // that must be there, in this order
};

static const struct view views[] = {
    {"backends", "name address role state reason lag_ms gtid weight used idle max queries errors "
                 "latency_us since"},
    {"pools", "backend user used idle waiting opened reused closed"},
    {"sessions", "id user client schema state since_ms backend in_transaction pin_reason queries "
                 "query"},
    {"digests", "digest schema user target count errors rows p50_us p95_us p99_us total_us "
                "cache_hits first_seen last_seen text"},
    {"routes", "reason target count"},
    {"rules", "name hits last_hit definition"},
    {"config", "section key value default_value changeable description"},
    {"status", "name value"},
    {"events", "at kind backend text"},
};

static void columns_check(MYSQL *admin, const char *statement, const char *expected)
{
    char found[1024] = "";
    size_t used = 0;
    if (mysql_query(admin, statement) != 0) {
        fail_msg("%s: %s", statement, mysql_error(admin));
    }
    MYSQL_RES *result = mysql_store_result(admin);
    assert_non_null(result);
    for (unsigned i = 0; i < mysql_num_fields(result); i++) {
        used += (size_t)snprintf(found + used, sizeof(found) - used, "%s%s", i > 0 ? " " : "",
                                 mysql_fetch_field_direct(result, i)->name);
    }
    mysql_free_result(result);
    if (strncmp(found, expected, strlen(expected)) != 0) {
        fail_msg("%s has the columns %s", statement, found);
    }
}

static void every_view_is_shown_and_selected(void **state)
{
    MYSQL *admin = admin_open(*state);
    for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
        char statement[128];
        snprintf(statement, sizeof(statement), "SHOW %s", views[i].name);
        columns_check(admin, statement, views[i].columns);
        snprintf(statement, sizeof(statement), "SELECT * FROM %s", views[i].name);
        columns_check(admin, statement, views[i].columns);
        snprintf(statement, sizeof(statement), "SELECT COUNT(*) FROM %s WHERE 1 = 0",
                 views[i].name);
        assert_client_number(admin, statement, 0);
    }
    mysql_close(admin);
}

static void views_can_be_filtered_joined_and_ordered(void **state)
{
    MYSQL *admin = admin_open(*state);
    assert_client_text(admin, "SELECT name FROM backends WHERE role = 'primary'", "db1");
    assert_client_text(admin,
                       "SELECT GROUP_CONCAT(name, ' ') FROM (SELECT name FROM backends ORDER BY "
                       "name DESC)",
                       "db3 db2 db1");
    assert_client_number(
        admin,
        "SELECT COUNT(*) FROM backends b JOIN config c ON c.section = 'backend:' || b.name "
        "WHERE c.key = 'address' AND c.value = b.address",
        3);
    assert_client_number(admin, "SELECT COUNT(*) FROM status WHERE name LIKE 'sluice_%'",
                         client_number(admin, "SELECT COUNT(*) FROM status"));
    assert_client_error(admin, "SELECT * FROM no_such_view", 1146, "no_such_view");
    assert_client_error(admin, "SELECT no_such_column FROM backends", 1064, "no_such_column");
    mysql_close(admin);
}

static void nothing_can_be_written_by_sql(void **state)
{
    static const char *const statements[] = {
        "DELETE FROM backends",
        "UPDATE config SET value = 1",
        "INSERT INTO routes VALUES (1, 2, 3)",
        "CREATE TABLE x (a INT)",
        "ATTACH DATABASE '/tmp/x' AS x",
        "PRAGMA journal_mode = DELETE",
        "SELECT load_extension('x')",
        "SELECT writefile('/tmp/x', 'y')",
        "SELECT 1; DELETE FROM backends",
    };
    MYSQL *admin = admin_open(*state);
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        assert_int_not_equal(mysql_query(admin, statements[i]), 0);
    }
    assert_client_number(admin, "SELECT COUNT(*) FROM backends", 3);
    mysql_close(admin);
}

static void a_select_without_end_is_ended(void **state)
{
    MYSQL *admin = admin_open(*state);
    assert_int_not_equal(
        mysql_query(admin, "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) "
                           "SELECT COUNT(*) FROM n"),
        0);
    assert_client_number(admin, "SELECT COUNT(*) FROM backends", 3);
    mysql_close(admin);
}

static void sessions_are_shown_as_they_are(void **state)
{
    struct site *site = *state;
    MYSQL *admin = admin_open(site), *client = site_client(site);
    char where[96], query[256];
    snprintf(where, sizeof(where), "FROM sessions WHERE id = %lu", mysql_thread_id(client));
    client_run(client, "START TRANSACTION");
    client_run(client, "UPDATE t SET a = a");
    snprintf(query, sizeof(query),
             "SELECT user || ' ' || schema || ' ' || backend || ' ' || in_transaction %s", where);
    assert_client_text(admin, query, "app app db1 1");
    static const char sleeping[] = "SELECT SLEEP(30) FROM whoami";
    client_send(client, sleeping);
    snprintf(query, sizeof(query), "SELECT COUNT(*) %s AND query = '%s'", where, sleeping);
    assert_soon(client_number(admin, query) == 1);
    client_runf(admin, "KILL QUERY %lu", mysql_thread_id(client));
    assert_int_equal(client_finish(client), 1317);
    client_run(client, "COMMIT");
    snprintf(query, sizeof(query), "SELECT in_transaction || ' ' || COALESCE(pin_reason, '-') %s",
             where);
    assert_client_text(admin, query, "0 -");
    client_run(client, "CREATE TEMPORARY TABLE mine (a INT)");
    assert_client_text(admin, query, "0 temporary_table");
    mysql_close(client);
    snprintf(query, sizeof(query), "SELECT COUNT(*) %s", where);
    assert_soon(client_number(admin, query) == 0);
    mysql_close(admin);
}

static void passwords_are_masked(void **state)
{
    MYSQL *admin = admin_open(*state);
    assert_client_number(admin, "SELECT COUNT(*) FROM config WHERE value LIKE '%secret%'", 0);
    assert_client_number(
        admin, "SELECT COUNT(*) FROM config WHERE key = 'password' AND value = '********'", 3);
    mysql_close(admin);
}

static void explain_route_tells_without_running(void **state)
{
    struct site *site = *state;
    MYSQL *admin = admin_open(site);
    columns_check(admin, "EXPLAIN ROUTE SELECT 1",
                  "kind target backend reason wait cache effects servers");
    static const struct {
        const char *statement, *target, *reason;
    } rows[] = {
        {"EXPLAIN ROUTE USER app SCHEMA app SELECT a FROM t", "replica", "read"},
        {"EXPLAIN ROUTE USER app SCHEMA app UPDATE t SET a = 99", "primary", "write"},
        {"EXPLAIN ROUTE SCHEMA app SELECT a FROM t FOR UPDATE", "primary", "locking_read"},
        {"EXPLAIN ROUTE SELECT GET_LOCK('x', 1)", "primary", "user_lock"},
        {"EXPLAIN ROUTE DROP TABLE app.t", "primary", "ddl"},
        {"EXPLAIN ROUTE /* sluice: primary */ SELECT a FROM app.t", "primary", "hint"},
        {"EXPLAIN ROUTE SCHEMA app SELECT a FROM t WHERE a > 1000", "primary", "rule"},
        {"EXPLAIN ROUTE SELECT * FROM other.forbidden", "blocked", "rule_blocked"},
        {"EXPLAIN ROUTE SELECT no_such_function(1)", "primary", "unknown_function"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(client_column(admin, rows[i].statement, "target").text, rows[i].target);
        assert_string_equal(client_column(admin, rows[i].statement, "reason").text, rows[i].reason);
    }
    assert_int_equal(stack_number(site->stack, "db1", "SELECT COUNT(*) FROM app.t"), 3);
    assert_non_null(strstr(client_column(admin, rows[0].statement, "servers").text, "db1: "));
    mysql_close(admin);
}

static void rules_are_obeyed_and_counted(void **state)
{
    struct site *site = *state;
    MYSQL *admin = admin_open(site), *client = site_client(site);
    static const char hits[] = "SELECT hits FROM rules WHERE name = 'reports'";
    long long before = client_number(admin, hits);
    client_run(client, "  /* comment first */ select a FROM t WHERE a > 1000 /* rule mark */");
    assert_string_equal(site_server_of(site, "/* rule mark */"), "db1");
    assert_client_number(admin, hits, before + 1);
    assert_client_error(client, "SELECT * FROM other.forbidden", 1148, "not today");
    assert_on_replica(client);
    mysql_close(client);
    mysql_close(admin);
}

static void a_drained_server_takes_nothing_new(void **state)
{
    struct site *site = *state;
    MYSQL *admin = admin_open(site), *client = site_client(site);
    client_run(admin, "SET BACKEND db2 DRAIN");
    assert_client_text(admin, "SELECT state FROM backends WHERE name = 'db2'", "draining");
    assert_soon(client_number(admin, "SELECT used FROM backends WHERE name = 'db2'") == 0);
    for (int i = 0; i < 30; i++) {
        assert_client_text(client, "SELECT name FROM whoami", "db3");
    }
    client_run(admin, "SET BACKEND db2 OFFLINE");
    assert_client_text(admin, "SELECT state FROM backends WHERE name = 'db2'", "offline");
    client_run(admin, "SET BACKEND db2 ONLINE");
    assert_soon(
        client_number(admin, "SELECT COUNT(*) FROM backends WHERE name = 'db2' AND state = 'up'") ==
        1);
    assert_soon(strcmp(site_where(client).text, "db2") == 0);
    assert_client_error(admin, "SET BACKEND nothing DRAIN", 1105, "nothing");
    assert_true(client_number(admin, "SELECT COUNT(*) FROM events WHERE backend = 'db2'") > 0);
    mysql_close(client);
    mysql_close(admin);
}

// Neither idle ones nor those of open transactions.
static void an_offline_server_has_no_connections(void **state)
{
    struct site *site = *state;
    MYSQL *admin = admin_open(site), *client = site_client(site), *other = site_client(site);
    client_run(client, "START TRANSACTION READ ONLY");
    struct client_text where = client_text(client, "SELECT name FROM whoami");
    client_runf(other, "/* sluice: backend=%s */ SELECT 1 FROM whoami", where.text);
    char open[sizeof(where) + 64];
    snprintf(open, sizeof(open), "SELECT used + idle FROM backends WHERE name = '%s'", where.text);
    assert_true(client_number(admin, open) >= 2);
    client_runf(admin, "SET BACKEND %s OFFLINE", where.text);
    assert_soon(client_number(admin, open) == 0);
    assert_client_error(client, "SELECT name FROM whoami", 1213, "sluice: lost server");
    assert_on_replica(client);
    assert_on_replica(other);
    assert_client_number(admin, open, 0);
    client_runf(admin, "SET BACKEND %s ONLINE", where.text);
    instance_wait_up(site->instance);
    mysql_close(client);
    mysql_close(other);
    mysql_close(admin);
}

static void the_statistics_user_may_only_look(void **state)
{
    struct site *site = *state;
    MYSQL *stats = admin_as(site, "stats", "stats-secret");
    assert_client_number(stats, "SELECT COUNT(*) FROM backends", 3);
    assert_true(client_row_count(stats, "SHOW ROUTES") > 0);
    assert_client_error(stats, "SHUTDOWN", 1227, "stats");
    assert_client_error(stats, "SET BACKEND db2 DRAIN", 1227, "stats");
    assert_client_error(stats, "RELOAD", 1227, "stats");
    assert_client_error(stats, "KILL 1", 1227, "stats");
    mysql_close(stats);
}

static void strangers_are_refused(void **state)
{
    struct site *site = *state;
    struct client_options options = {
        .port = site->instance->admin_port, .user = "admin", .password = "wrong"};
    assert_login_error(&options, 1045, "admin");
    options.user = "app";
    options.password = "app-secret";
    assert_login_error(&options, 1045, "app");
}

static void help_names_every_view_and_command(void **state)
{
    MYSQL *admin = admin_open(*state);
    struct buffer text = BUFFER_INIT;
    assert_int_equal(mysql_query(admin, "HELP"), 0);
    MYSQL_RES *result = mysql_store_result(admin);
    assert_non_null(result);
    for (MYSQL_ROW row; (row = mysql_fetch_row(result)) != NULL;) {
        for (unsigned i = 0; i < mysql_num_fields(result); i++) {
            buffer_print(&text, "%s ", row[i] != NULL ? row[i] : "");
        }
    }
    mysql_free_result(result);
    static const char *const words[] = {"EXPLAIN ROUTE", "RELOAD", "SET BACKEND", "KILL",
                                        "SHUTDOWN",      "PAUSE",  "RESUME"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct slice help = buffer_slice(&text);
        if (slice_find_slice(help, slice_text(words[i])) == help.len) {
            fail_msg("HELP says nothing of %s", words[i]);
        }
    }
    buffer_release(&text);
    mysql_close(admin);
}

static void nonsense_gets_an_error_that_helps(void **state)
{
    MYSQL *admin = admin_open(*state);
    assert_client_error(admin, "FROBNICATE", 1064, "HELP");
    assert_client_error(admin, "SHOW NOTHING", 1146, "HELP");
    assert_client_number(admin, "SELECT 1", 1);
    mysql_close(admin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_view_is_shown_and_selected),
        cmocka_unit_test(views_can_be_filtered_joined_and_ordered),
        cmocka_unit_test(nothing_can_be_written_by_sql),
        cmocka_unit_test(a_select_without_end_is_ended),
        cmocka_unit_test(sessions_are_shown_as_they_are),
        cmocka_unit_test(passwords_are_masked),
        cmocka_unit_test(explain_route_tells_without_running),
        cmocka_unit_test(rules_are_obeyed_and_counted),
        cmocka_unit_test(a_drained_server_takes_nothing_new),
        cmocka_unit_test(an_offline_server_has_no_connections),
        cmocka_unit_test(the_statistics_user_may_only_look),
        cmocka_unit_test(strangers_are_refused),
        cmocka_unit_test(help_names_every_view_and_command),
        cmocka_unit_test(nonsense_gets_an_error_that_helps),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
