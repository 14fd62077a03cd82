// Servers of several kinds at once: a family each behind two proxies, and two versions of one
// family behind one. Wants the servers of tests/servers/binaries; without them it says so.
#include "tests/lib/http.h"
#include "tests/lib/site.h"

#include "proxy/base/memory.h"

#include <stdio.h>
#include <string.h>

struct mixed {
    struct site *mariadb;
    struct site *mysql; // NULL: not unpacked
    struct site
        *versions; // MariaDB: db1 of this machine's, db2 and db3 of 11.8; NULL: not unpacked
};

static const char schema[] = "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, a INT);"
                             "INSERT INTO app.t (a) VALUES (1), (2), (3)";

static int setup(void **state)
{
    static const char *const newer[] = {"--replica-release", "mariadb-11", NULL};
    static const char *const expected[] = {"backend.*", "monitor.*", "topology.*", NULL};
    struct mixed *mixed = mem_zero(1, sizeof(*mixed));
    *state = mixed;
    mixed->mariadb = site_create_of(SERVERS_MARIADB, NULL, schema, NULL);
    if (servers_are_there(SERVERS_MYSQL)) {
        mixed->mysql = site_create_of(SERVERS_MYSQL, NULL, schema, NULL);
    }
    if (servers_are_there(SERVERS_MARIADB_11)) {
        mixed->versions = site_create_of(SERVERS_MARIADB, newer, schema, NULL);
        mixed->versions->expected = expected; // of the test that changes the primary
    }
    return 0;
}

static int teardown(void **state)
{
    struct mixed *mixed = *state;
    if (mixed == NULL) { // the setup failed
        return 0;
    }
    void *sites[] = {mixed->mariadb, mixed->mysql, mixed->versions};
    for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++) {
        site_teardown(&sites[i]);
    }
    mem_free(mixed);
    return 0;
}

// --- a family each behind two proxies -----------------------------------------------------------

static const struct mixed *both(void **state)
{
    const struct mixed *mixed = *state;
    if (mixed->mysql == NULL) {
        print_message("no MySQL: make mysql-server\n");
        skip();
    }
    return mixed;
}

static void each_proxy_announces_its_own_servers(void **state)
{
    const struct mixed *mixed = both(state);
    MYSQL *mariadb = site_client(mixed->mariadb), *mysql = site_client(mixed->mysql);
    assert_non_null(strstr(mysql_get_server_info(mariadb), "MariaDB"));
    assert_int_equal(strncmp(mysql_get_server_info(mysql), "9.7.", 4), 0);
    assert_client_number(mysql, "SELECT VERSION() LIKE '9.7.%'", 1);
    assert_client_number(mariadb, "SELECT VERSION() LIKE '%MariaDB%'", 1);
    mysql_close(mariadb);
    mysql_close(mysql);
}

static void accounts_work(const struct site *site, const char *user, const char *password)
{
    struct client_options options = instance_options(site->instance, user, password);
    char expected[32];
    snprintf(expected, sizeof(expected), "%s@%%", user);
    for (int i = 0; i < 2; i++) {
        MYSQL *client = client_connect(&options);
        assert_client_text(client, "SELECT CURRENT_USER()", expected);
        assert_soon_on_replica(client);
        mysql_close(client);
        options.with_tls = true;
    }
    options.password = "wrong";
    assert_login_error(&options, 1045, "Access denied");
}

static void accounts_of_proxy_ini_and_of_the_servers_work_behind_each(void **state)
{
    const struct mixed *mixed = both(state);
    accounts_work(mixed->mariadb, "app", "app-secret");
    accounts_work(mixed->mysql, "app", "app-secret");
    accounts_work(mixed->mariadb, "guest", "guest-secret");
    accounts_work(mixed->mysql, "guest", "guest-secret");
}

static void reads_are_split_and_writes_stay_with_their_family(void **state)
{
    const struct mixed *mixed = both(state);
    MYSQL *mariadb = site_client(mixed->mariadb), *mysql = site_client(mixed->mysql);
    client_run(mariadb, "UPDATE t SET a = a + 10");
    client_run(mysql, "UPDATE t SET a = a + 20");
    stack_sync(mixed->mariadb->stack);
    stack_sync(mixed->mysql->stack);
    for (int i = 0; i < 20; i++) {
        assert_soon_on_replica(mariadb);
        assert_soon_on_replica(mysql);
        assert_client_number(mariadb, "SELECT SUM(a) FROM t", 36);
        assert_client_number(mysql, "SELECT SUM(a) FROM t", 66);
    }
    client_run(mariadb, "UPDATE t SET a = a - 10");
    client_run(mysql, "UPDATE t SET a = a - 20");
    mysql_close(mariadb);
    mysql_close(mysql);
}

struct error_pair {
    const char *statement;
    unsigned mariadb, mysql;
};

static void errors_are_each_familys_own(void **state)
{
    static const struct error_pair pairs[] = {
        // the servers' own
        {"SELECT NEXT VALUE FOR t", 4089, 1064},
        {"SET max_statement_time = 1, max_execution_time = 1", 1193, 1193},
        {"SELECT no_such_function(1)", 1305, 1305},
        // sluice's
        {"/* sluice: timeout=50ms */ SELECT SLEEP(20) FROM t", 1969, 3024},
    };
    const struct mixed *mixed = both(state);
    MYSQL *mariadb = site_client(mixed->mariadb), *mysql = site_client(mixed->mysql);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        assert_client_error(mariadb, pairs[i].statement, pairs[i].mariadb, "");
        assert_client_error(mysql, pairs[i].statement, pairs[i].mysql, "");
    }
    assert_client_error(mariadb, "SELEKT 1", 1064, "your MariaDB server version");
    assert_client_error(mysql, "SELEKT 1", 1064, "your MySQL server version");
    mysql_close(mariadb);
    mysql_close(mysql);
}

// --- two versions of one family behind one proxy ------------------------------------------------

static struct site *versions(void **state)
{
    const struct mixed *mixed = *state;
    if (mixed->versions == NULL) {
        print_message("no MariaDB 11.8: make mariadb-11\n");
        skip();
    }
    return mixed->versions;
}

static void the_announced_version_is_the_lowest(void **state)
{
    const struct site *site = versions(state);
    MYSQL *client = site_client(site);
    MYSQL *primary = stack_connect(site->stack, "db1");
    assert_string_equal(mysql_get_server_info(client), mysql_get_server_info(primary));
    assert_int_equal(stack_number(site->stack, "db2", "SELECT VERSION() LIKE '11.8.%'"), 1);
    mysql_close(primary);
    mysql_close(client);
}

static void reads_are_answered_by_the_newer_replicas_and_by_the_older_primary(void **state)
{
    const struct site *site = versions(state);
    MYSQL *client = site_client(site);
    for (int i = 0; i < 20; i++) {
        assert_soon_on_replica(client);
    }
    client_run(client, "START TRANSACTION");
    assert_on_primary(client);
    client_run(client, "UPDATE t SET a = a + 1");
    client_run(client, "COMMIT");
    stack_sync(site->stack);
    assert_client_number(client, "SELECT SUM(a) FROM t", 9);
    mysql_close(client);
}

#define COLLATION_AND_SERVER "SELECT CONCAT(COLLATION('a'), ' ', name) FROM whoami"

// Versions differ in what they make of a character set alone.
static void a_session_has_one_collation_wherever_it_is_answered(void **state)
{
    static const char *const names[] = {"SET NAMES utf8mb4", "SET NAMES utf8mb3",
                                        "SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci"};
    const struct site *site = versions(state);
    MYSQL *client = site_client(site);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        client_run(client, names[i]);
        struct client_text primary =
            client_text(client, "/* sluice: primary */ " COLLATION_AND_SERVER);
        for (int j = 0; j < 4; j++) {
            struct client_text replica = client_text(client, COLLATION_AND_SERVER);
            assert_null(strstr(replica.text, " db1"));
            strchr(replica.text, ' ')[0] = '\0';
            assert_int_equal(strncmp(primary.text, replica.text, strlen(replica.text)), 0);
            assert_int_equal(primary.text[strlen(replica.text)], ' ');
        }
    }
    mysql_close(client);
}

static void a_newer_server_may_be_promoted_and_the_older_one_follow(void **state)
{
    const struct site *site = versions(state);
    MYSQL *client = site_client(site);
    stack_promote(site->stack, "db2");
    assert_soon(instance_admin_number(site->instance, "SELECT COUNT(*) FROM backends WHERE name = "
                                                      "'db2' AND role = 'primary'") == 1);
    client_run(client, "UPDATE t SET a = 5");
    assert_int_equal(stack_number(site->stack, "db2", "SELECT SUM(a) FROM app.t"), 15);
    assert_soon(strcmp(site_where(client).text, "db1") == 0); // the older one is a replica now
    stack_promote(site->stack, "db1");
    assert_soon(instance_admin_number(site->instance, "SELECT COUNT(*) FROM backends WHERE name = "
                                                      "'db1' AND role = 'primary'") == 1);
    mysql_close(client);
}

static void the_proxies_leave_nothing_behind(void **state)
{
    const struct mixed *mixed = *state;
    void *sites[] = {mixed->mariadb, mixed->mysql, mixed->versions};
    for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++) {
        if (sites[i] != NULL) {
            the_proxy_leaves_nothing_behind(&sites[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_proxy_announces_its_own_servers),
        cmocka_unit_test(accounts_of_proxy_ini_and_of_the_servers_work_behind_each),
        cmocka_unit_test(reads_are_split_and_writes_stay_with_their_family),
        cmocka_unit_test(errors_are_each_familys_own),
        cmocka_unit_test(the_announced_version_is_the_lowest),
        cmocka_unit_test(reads_are_answered_by_the_newer_replicas_and_by_the_older_primary),
        cmocka_unit_test(a_session_has_one_collation_wherever_it_is_answered),
        cmocka_unit_test(a_newer_server_may_be_promoted_and_the_older_one_follow),
        cmocka_unit_test(the_proxies_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
