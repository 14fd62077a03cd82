// What an application does most, on MySQL: the part of `make e2e-mysql` that `make test` runs.
// Wants the servers of `make mysql-server`; without them it says so.
#include "tests/lib/http.h"
#include "tests/lib/site.h"

#include <stdio.h>
#include <string.h>

static const char schema[] = "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, a INT);"
                             "INSERT INTO app.t (a) VALUES (1), (2), (3)";

static int setup(void **state)
{
    static const char *const expected[] = {"backend.*", "monitor.*", "topology.*", NULL};
    if (servers_are_there(SERVERS_MYSQL)) {
        struct site *site = site_create_of(
            SERVERS_MYSQL, site_logging, schema,
            (const char *const[]){"backend:db1.tls = required", "backend:db2.tls = disabled",
                                  "backend:db3.tls = preferred", NULL});
        site->expected = expected; // of the test that changes the primary
        *state = site;
    }
    return 0;
}

static void the_primary_is_found_and_mysql_is_announced(void **state)
{
    struct site *site = site_or_skip(state);
    MYSQL *client = site_client(site);
    assert_int_equal(strncmp(mysql_get_server_info(client), "9.7.", 4), 0);
    assert_int_equal(instance_admin_number(site->instance,
                                           "SELECT COUNT(*) FROM backends WHERE state = 'up' AND "
                                           "role = IIF(name = 'db1', 'primary', 'replica')"),
                     3);
    mysql_close(client);
}

// What a client tells of itself is what the connections tell that are opened for it.
static void servers_are_told_which_program_it_is(void **state)
{
    static const char of_shop[] =
        "SELECT COUNT(*) FROM performance_schema.session_connect_attrs AS a JOIN "
        "performance_schema.session_connect_attrs AS p USING (processlist_id) WHERE "
        "a.attr_name = 'program_name' AND a.attr_value = 'shop' AND p.attr_name = '_proxy' AND "
        "p.attr_value = 'sluice'";
    static const char of_process[] =
        "SELECT COUNT(*) FROM performance_schema.session_connect_attrs AS a JOIN "
        "performance_schema.session_connect_attrs AS p USING (processlist_id) WHERE "
        "a.attr_value = 'sluice' AND p.attr_name = '_pid'";
    struct site *site = site_or_skip(state);
    MYSQL *client = mysql_init(NULL);
    mysql_optionsv(client, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "shop");
    assert_non_null(mysql_real_connect(client, "127.0.0.1", "guest", "guest-secret", "app",
                                       site->instance->port, NULL, 0));
    client_run(client, "UPDATE t SET a = a");
    assert_true(stack_number(site->stack, "db1", of_shop) >= 1);
    assert_int_equal((int)stack_number(site->stack, "db1", of_process), 0);
    mysql_close(client);
}

static void reads_go_to_replicas_and_writes_to_the_primary(void **state)
{
    struct site *site = site_or_skip(state);
    MYSQL *client = site_client(site);
    for (int i = 0; i < 10; i++) {
        assert_soon_on_replica(client);
    }
    client_run(client, "UPDATE t SET a = a + 10 /* mysql write. */");
    assert_string_equal(site_server_of(site, "/* mysql write. */"), "db1");
    assert_int_equal(mysql_affected_rows(client), 3);
    client_run(client, "UPDATE t SET a = a - 10");
    mysql_close(client);
}

static void the_servers_own_accounts_log_in(void **state)
{
    struct site *site = site_or_skip(state);
    struct client_options options = instance_options(site->instance, "guest", "guest-secret");
    for (int i = 0; i < 2; i++) { // learnt, then known
        MYSQL *client = client_connect(&options);
        assert_client_text(client, "SELECT CURRENT_USER()", "guest@%");
        assert_soon_on_replica(client);
        mysql_close(client);
    }
    options.password = "wrong";
    assert_login_error(&options, 1045, "Access denied for user 'guest'");
    options = instance_options(site->instance, "nobody", "secret");
    assert_login_error(&options, 1045, "Access denied for user 'nobody'");
}

static void a_read_only_transaction_is_whole_on_one_replica(void **state)
{
    MYSQL *client = site_client(site_or_skip(state));
    client_run(client, "START TRANSACTION READ ONLY");
    struct client_text first = site_where(client);
    assert_string_not_equal(first.text, "db1");
    for (int i = 0; i < 10; i++) {
        assert_string_equal(site_where(client).text, first.text);
    }
    assert_client_error(client, "UPDATE t SET a = 1", 1792, "READ ONLY");
    client_run(client, "COMMIT");
    mysql_close(client);
}

static void a_transaction_stays_on_the_primary(void **state)
{
    MYSQL *client = site_client(site_or_skip(state));
    client_run(client, "START TRANSACTION");
    assert_on_primary(client);
    client_run(client, "UPDATE t SET a = 0");
    assert_client_number(client, "SELECT SUM(a) FROM t", 0);
    client_run(client, "ROLLBACK");
    assert_client_number(client, "SELECT SUM(a) FROM t FOR UPDATE", 6);
    assert_soon_on_replica(client);
    mysql_close(client);
}

static void the_last_insert_id_is_the_sessions_own(void **state)
{
    const struct site *site = site_or_skip(state);
    MYSQL *one = site_client(site), *two = site_client(site);
    client_run(one, "INSERT INTO t (a) VALUES (10)");
    client_run(two, "INSERT INTO t (a) VALUES (20), (30)");
    long long id = (long long)mysql_insert_id(one);
    assert_client_number(one, "SELECT LAST_INSERT_ID()", id);
    assert_client_number(two, "SELECT LAST_INSERT_ID()", id + 1);
    client_run(one, "DELETE FROM t WHERE a >= 10");
    mysql_close(one);
    mysql_close(two);
}

static void prepared_statements_are_executed(void **state)
{
    MYSQL *client = site_client(site_or_skip(state));
    static const char text[] = "SELECT a FROM t WHERE id = ?";
    MYSQL_STMT *statement = mysql_stmt_init(client);
    assert_int_equal(mysql_stmt_prepare(statement, text, sizeof(text) - 1), 0);
    for (int id = 1; id <= 3; id++) {
        int a = 0;
        MYSQL_BIND given = {.buffer_type = MYSQL_TYPE_LONG, .buffer = &id};
        MYSQL_BIND found = {.buffer_type = MYSQL_TYPE_LONG, .buffer = &a};
        assert_int_equal(mysql_stmt_bind_param(statement, &given), 0);
        assert_int_equal(mysql_stmt_execute(statement), 0);
        assert_int_equal(mysql_stmt_bind_result(statement, &found), 0);
        assert_int_equal(mysql_stmt_fetch(statement), 0);
        assert_int_equal(a, id);
        assert_int_equal(mysql_stmt_fetch(statement), MYSQL_NO_DATA);
        mysql_stmt_free_result(statement);
    }
    mysql_stmt_close(statement);
    mysql_close(client);
}

static bool hears_of_gtids(MYSQL *client)
{
    const char *data;
    size_t len;
    return mysql_session_track_get_first(client, SESSION_TRACK_GTIDS, &data, &len) == 0 &&
           len > strlen("00000000-0000-0000-0000-000000000000:");
}

// Sluice has every primary's connection report them, for reads of what was written.
static void gtids_are_told_to_a_client_that_asked_for_them(void **state)
{
    const struct site *site = site_or_skip(state);
    MYSQL *client = site_client(site);
    MYSQL *other = site_client(site);
    assert_client_text(client, "SELECT @@session_track_gtids", "OFF");
    client_run(client, "SET SESSION session_track_gtids = OWN_GTID");
    for (int i = 0; i < 5; i++) {
        client_run(client, "UPDATE t SET a = a + 1 WHERE id = 1");
        assert_true(hears_of_gtids(client));
        client_run(other, "UPDATE t SET a = a - 1 WHERE id = 1");
        assert_false(hears_of_gtids(other));
        assert_client_text(client, "SELECT @@session_track_gtids", "OWN_GTID");
        assert_client_text(other, "SELECT @@session_track_gtids", "OFF");
    }
    assert_site_pin(site, "session_track_gtids = OWN_GTID", "");
    client_run(client, "SET session_track_gtids = ALL_GTIDS");
    assert_site_pin(site, "session_track_gtids = ALL_GTIDS", "session_variable");
    client_run(client, "UPDATE t SET a = a WHERE id = 1");
    assert_client_text(client, "SELECT @@session_track_gtids", "ALL_GTIDS");
    client_run(client, "SET session_track_gtids = OFF");
    assert_site_pin(site, "session_track_gtids = OFF", "");
    client_run(client, "UPDATE t SET a = a + 0 WHERE id = 1");
    assert_false(hears_of_gtids(client));
    mysql_close(other);
    mysql_close(client);
}

static void each_server_is_reached_by_tls_as_its_section_says(void **state)
{
    static const char encrypted[] = "SELECT COUNT(*) FROM performance_schema.threads WHERE "
                                    "PROCESSLIST_USER IN ('app', 'monitor') AND "
                                    "CONNECTION_TYPE = 'SSL/TLS'";
    static const char plain[] = "SELECT COUNT(*) FROM performance_schema.threads WHERE "
                                "PROCESSLIST_USER IN ('app', 'monitor') AND "
                                "CONNECTION_TYPE = 'TCP/IP'";
    const struct site *site = site_or_skip(state);
    for (size_t i = 0; i < site->stack->count; i++) {
        const char *name = site->stack->servers[i].name;
        bool is_plain = strcmp(name, "db2") == 0;
        assert_true(stack_number(site->stack, name, is_plain ? plain : encrypted) > 0);
        assert_int_equal(stack_number(site->stack, name, is_plain ? encrypted : plain), 0);
    }
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    options.with_tls = true;
    MYSQL *client = client_connect(&options);
    assert_non_null(mysql_get_ssl_cipher(client));
    assert_soon_on_replica(client);
    mysql_close(client);
}

static void a_change_of_the_primary_is_followed(void **state)
{
    const struct site *site = site_or_skip(state);
    MYSQL *client = site_client(site);
    stack_promote(site->stack, "db2");
    assert_soon(instance_admin_number(site->instance, "SELECT COUNT(*) FROM backends WHERE name = "
                                                      "'db2' AND role = 'primary'") == 1);
    client_run(client, "UPDATE t SET a = a + 1");
    assert_int_equal(stack_number(site->stack, "db2", "SELECT SUM(a) FROM app.t"), 9);
    assert_soon(strcmp(site_where(client).text, "db2") != 0);
    stack_promote(site->stack, "db1");
    assert_soon(instance_admin_number(site->instance, "SELECT COUNT(*) FROM backends WHERE name = "
                                                      "'db1' AND role = 'primary'") == 1);
    client_run(client, "UPDATE t SET a = a - 1");
    assert_int_equal(stack_number(site->stack, "db1", "SELECT SUM(a) FROM app.t"), 6);
    mysql_close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_primary_is_found_and_mysql_is_announced),
        cmocka_unit_test(servers_are_told_which_program_it_is),
        cmocka_unit_test(reads_go_to_replicas_and_writes_to_the_primary),
        cmocka_unit_test(the_servers_own_accounts_log_in),
        cmocka_unit_test(a_read_only_transaction_is_whole_on_one_replica),
        cmocka_unit_test(a_transaction_stays_on_the_primary),
        cmocka_unit_test(the_last_insert_id_is_the_sessions_own),
        cmocka_unit_test(prepared_statements_are_executed),
        cmocka_unit_test(gtids_are_told_to_a_client_that_asked_for_them),
        cmocka_unit_test(each_server_is_reached_by_tls_as_its_section_says),
        cmocka_unit_test(a_change_of_the_primary_is_followed),
        cmocka_unit_test(the_proxy_leaves_nothing_behind_where_there_is_one),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
