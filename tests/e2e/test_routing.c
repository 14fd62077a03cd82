// Single statements of fresh sessions: each is answered where it belongs, told by the servers' own
// logs.
#include "tests/lib/site.h"

#include <stdio.h>
#include <string.h>

struct routed {
    char where;            // 'R': a replica, 'P': the primary
    const char *statement; // %s: the mark
};

#define SCHEMA                                                                                     \
    "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, a INT, b TEXT);"                       \
    "INSERT INTO app.t (a, b) VALUES (1, 'one'), (2, 'two'), (3, 'three');"                        \
    "CREATE TABLE app.counter (n INT);"                                                            \
    "INSERT INTO app.counter VALUES (0);"                                                          \
    "CREATE FUNCTION app.counted() RETURNS INT NOT DETERMINISTIC MODIFIES SQL DATA "               \
    "BEGIN UPDATE app.counter SET n = n + 1; RETURN (SELECT n FROM app.counter); END;"             \
    "CREATE PROCEDURE app.show_t() SELECT * FROM app.t;"                                           \
    "CREATE VIEW app.plain_view AS SELECT id, a FROM app.t;"                                       \
    "CREATE VIEW app.counting_view AS SELECT app.counted() AS n;"

static int setup(void **state)
{
    const char *schema = dialect(SCHEMA "CREATE SEQUENCE app.numbers", SCHEMA);
    struct site *site = site_create(site_logging, schema, NULL);
    instance_wait_catalogue(site->instance);
    *state = site;
    return 0;
}

// Runs the statement in a session of its own and holds the log against what is expected.
static void routed_check(struct site *site, const struct routed *routed)
{
    static unsigned number;
    char mark[32], statement[1024];
    snprintf(mark, sizeof(mark), "/* mark %u. */", ++number);
    int len = snprintf(statement, sizeof(statement), routed->statement, mark);
    assert_true(len < (int)sizeof(statement));
    MYSQL *client = site_client(site);
    client_run(client, statement);
    const char *server = site_server_of(site, mark);
    bool is_on_primary = strcmp(server, "db1") == 0;
    if (is_on_primary != (routed->where == 'P')) {
        fail_msg("%s was run on %s", statement, server);
    }
    mysql_close(client);
}

static void routed_check_all(struct site *site, const struct routed *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        routed_check(site, &rows[i]);
    }
}

#define CHECK_ALL(site, rows) routed_check_all((site), (rows), sizeof(rows) / sizeof((rows)[0]))

static void plain_reads_go_to_replicas(void **state)
{
    static const struct routed rows[] = {
        {'R', "SELECT a FROM t %s"},
        {'R', "%s SELECT a FROM t"},
        {'R', "SELECT %s COUNT(*) FROM t WHERE b = 'for update'"},
        {'R', "SELECT `a` FROM `app`.`t` %s WHERE `id` = 1"},
        {'R', "(SELECT a FROM t %s) UNION ALL (SELECT id FROM t) ORDER BY 1 LIMIT 2"},
        {'R', "WITH c AS (SELECT a FROM t) SELECT * FROM c %s"},
        {'R', "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 5) "
              "SELECT MAX(i) FROM n %s"},
        {'R', "SELECT * FROM (SELECT MAX(a) AS m FROM t GROUP BY b) AS d %s"},
        {'R', "SELECT NOW(), a FROM t WHERE id IN (SELECT MIN(id) FROM t) %s"},
        {'R', "SELECT a, ROW_NUMBER() OVER (ORDER BY a) FROM t %s"},
        {'R', "SELECT 'a'';DELETE FROM t', \"b\\\"c\" FROM t %s"},
        {'R', "SELECT a FROM t -- for update\n %s"},
        {'R', "SELECT a FROM t # INTO OUTFILE\n %s"},
        {'R', "EXPLAIN SELECT a FROM t %s"},
        {'R', "DESCRIBE t %s"},
        {'R', "SHOW CREATE TABLE t %s"},
        {'R', "SELECT id FROM plain_view %s"},
    };
    const struct routed values[] = {
        {'R', dialect("VALUES (1, 2), (3, 4) %s", "VALUES ROW(1, 2), ROW(3, 4) %s")},
    };
    CHECK_ALL((struct site *)*state, rows);
    CHECK_ALL((struct site *)*state, values);
}

static void writes_and_all_that_may_write_go_to_the_primary(void **state)
{
    static const struct routed rows[] = {
        {'P', "INSERT INTO t (a, b) VALUES (4, 'four') %s"},
        {'P', "%s UPDATE t SET b = 'x' WHERE id = 1"},
        {'P', "DELETE FROM t WHERE id = 99 %s"},
        {'P', "REPLACE INTO t (id, a, b) VALUES (1, 1, 'one') %s"},
        {'P', "INSERT INTO t (a) SELECT a FROM t WHERE id = 2 %s"},
        {'P', "WITH c AS (SELECT 1 AS i) SELECT i FROM c INTO @v %s"},
        {'P', "SELECT a FROM t WHERE id = 1 FOR UPDATE %s"},
        {'P', "SELECT a FROM t WHERE id = 1 LOCK IN SHARE MODE %s"},
        {'P', "SELECT a FROM t WHERE id = (SELECT MIN(id) FROM t FOR UPDATE) %s"},
        {'P', "SELECT a FROM t /*!50000 FOR UPDATE */ %s"},
        {'P', "SELECT a FROM t /*M!100100 FOR UPDATE */ %s"},
        {'P', "SELECT counted() %s"},
        {'P', "SELECT n FROM counting_view %s"},
        {'P', "CALL show_t() %s"},
        {'P', "SELECT GET_LOCK('l', 0) %s"},
        {'P', "SELECT IS_FREE_LOCK('l') %s"},
        {'P', "DO RELEASE_LOCK('l') %s"},
        {'P', "CREATE TABLE made (a INT) %s"},
        {'P', "ALTER TABLE made ADD COLUMN c INT %s"},
        {'P', "TRUNCATE TABLE made %s"},
        {'P', "DROP TABLE made %s"},
        {'P', "ANALYZE TABLE t %s"},
        {'P', "EXPLAIN UPDATE t SET a = 1 WHERE id = 1 %s"},
        {'P', "LOCK TABLES t READ %s"},
        {'P', "CREATE TEMPORARY TABLE temporary_t (a INT) %s"},
    };
    CHECK_ALL((struct site *)*state, rows);
}

static void sequences_of_mariadb_go_to_the_primary(void **state)
{
    static const struct routed rows[] = {
        {'P', "SELECT NEXTVAL(numbers) %s"},
        {'P', "SELECT NEXT VALUE FOR numbers %s"},
    };
    if (servers_are_mysql()) {
        skip();
    }
    CHECK_ALL((struct site *)*state, rows);
}

static void what_mysql_alone_has_goes_where_it_belongs(void **state)
{
    static const struct routed rows[] = {
        {'R', "TABLE t %s"},
        {'R', "SELECT * FROM t, LATERAL (SELECT t.a AS x) AS l %s"},
        {'P', "SELECT a FROM t WHERE id = 1 FOR SHARE %s"},
        {'P', "SELECT a FROM t WHERE id = 1 FOR UPDATE OF t SKIP LOCKED %s"},
        {'P', "WITH c AS (SELECT 1 AS i) UPDATE t SET a = a WHERE id IN (SELECT i FROM c) %s"},
        {'P', "WITH c AS (SELECT 99 AS i) DELETE FROM t WHERE id IN (SELECT i FROM c) %s"},
    };
    if (!servers_are_mysql()) {
        skip();
    }
    CHECK_ALL((struct site *)*state, rows);
}

static void what_each_server_answers_differently_goes_to_the_primary(void **state)
{
    static const struct routed rows[] = {
        {'P', "SELECT @@server_id %s"},
        {'P', "SELECT @@global.read_only %s"},
        {'P', "SHOW STATUS LIKE 'Uptime' %s"},
        {'P', "SHOW GLOBAL VARIABLES LIKE 'server_id' %s"},
        {'P', "SELECT COUNT(*) FROM information_schema.tables %s"},
    };
    CHECK_ALL((struct site *)*state, rows);
    MYSQL *client = site_client(*state);
    assert_client_number(client, "SELECT @@server_id", 1);
    mysql_close(client);
}

static void hints_choose_among_what_is_safe(void **state)
{
    static const struct routed rows[] = {
        {'P', "/* sluice: primary */ SELECT a FROM t %s"},
        {'P', "SELECT /* sluice: primary */ a FROM t %s"},
        {'R', "/* sluice: replica */ SELECT a FROM t %s"},
        {'P', "/* sluice: replica */ UPDATE t SET a = a WHERE id = 1 %s"},
        {'P', "/* sluice: replica */ SELECT a FROM t FOR UPDATE %s"},
        {'P', "/* sluice: backend=db1 */ SELECT a FROM t %s"},
    };
    struct site *site = *state;
    CHECK_ALL(site, rows);
    MYSQL *client = site_client(site);
    for (int i = 0; i < 10; i++) {
        assert_client_text(client, "/* sluice: backend=db3 */ SELECT name FROM whoami", "db3");
    }
    mysql_close(client);
}

static void an_unknown_hint_leaves_a_warning(void **state)
{
    MYSQL *client = site_client(*state);
    client_run(client, "/* sluice: nonsense */ SELECT 1");
    assert_non_null(strstr(client_column(client, "SHOW WARNINGS", "Message").text, "nonsense"));
    mysql_close(client);
}

static void reads_are_spread_over_all_replicas(void **state)
{
    size_t hits[2] = {0, 0};
    MYSQL *client = site_client(*state);
    for (int i = 0; i < 200; i++) {
        struct client_text where = site_where(client);
        assert_true(strcmp(where.text, "db2") == 0 || strcmp(where.text, "db3") == 0);
        hits[where.text[2] - '2']++;
    }
    assert_true(hits[0] > 0 && hits[1] > 0);
    mysql_close(client);
}

// Reads of one session answered by db2 and db3.
struct share {
    int db2;
    int db3;
};

static struct share share_of(struct site *site, int reads)
{
    struct share share = {0, 0};
    MYSQL *client = site_client(site);
    for (int i = 0; i < reads; i++) {
        struct client_text where = site_where(client);
        share.db2 += strcmp(where.text, "db2") == 0;
        share.db3 += strcmp(where.text, "db3") == 0;
    }
    mysql_close(client);
    assert_int_equal(share.db2 + share.db3, reads);
    return share;
}

static void round_robin_takes_turns(void **state)
{
    struct site *site = *state;
    site_restart(site,
                 (const char *const[]){"routing.balance = round_robin", "proxy.workers = 1", NULL});
    struct share share = share_of(site, 100);
    assert_true(share.db2 >= 49 && share.db2 <= 51);
}

static void least_connections_avoids_the_busy_one(void **state)
{
    struct site *site = *state;
    site_restart(site, (const char *const[]){"routing.balance = least_connections",
                                             "proxy.workers = 1", NULL});
    MYSQL *busy = site_client(site);
    client_send(busy, "/* sluice: backend=db2 */ SELECT SLEEP(1) FROM whoami");
    assert_soon(
        instance_admin_number(site->instance, "SELECT used FROM backends WHERE name = 'db2'") == 1);
    assert_int_equal(share_of(site, 20).db3, 20);
    assert_int_equal(client_finish(busy), 0);
    mysql_close(busy);
}

static void weights_share_the_reads_out(void **state)
{
    struct site *site = *state;
    site_restart(site, (const char *const[]){"backend:db2.weight = 0", NULL});
    assert_int_equal(share_of(site, 50).db3, 50);
    site_restart(site, (const char *const[]){"routing.balance = round_robin", "proxy.workers = 1",
                                             "backend:db2.weight = 300", NULL});
    struct share share = share_of(site, 200);
    assert_true(share.db2 >= 140 && share.db2 <= 160);
}

static void default_target_keeps_reads_on_the_primary(void **state)
{
    struct site *site = *state;
    site_restart(site, (const char *const[]){"routing.default_target = primary", NULL});
    MYSQL *client = site_client(site);
    for (int i = 0; i < 20; i++) {
        assert_on_primary(client);
    }
    assert_client_text(client, "/* sluice: backend=db3 */ SELECT name FROM whoami", "db3");
    mysql_close(client);
}

static void one_write_sends_a_whole_multi_statement_to_the_primary(void **state)
{
    struct site *site = *state;
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    options.flags = CLIENT_MULTI_STATEMENTS;
    MYSQL *client = client_connect(&options);
    client_run(client, "SELECT a FROM t /* multi 1. */; SELECT id FROM t");
    assert_string_not_equal(site_server_of(site, "/* multi 1. */"), "db1");
    client_run(client, "SELECT a FROM t /* multi 2. */; UPDATE t SET a = a WHERE id = 1");
    assert_string_equal(site_server_of(site, "/* multi 2. */"), "db1");
    mysql_close(client);
}

static void what_the_proxy_counts_is_what_the_servers_did(void **state)
{
    struct site *site = *state;
    static const char reads[] = "SELECT COALESCE(SUM(count), 0) FROM routes WHERE reason = 'read'";
    static const char writes[] =
        "SELECT COALESCE(SUM(count), 0) FROM routes WHERE reason = 'write'";
    long long reads_before = instance_admin_number(site->instance, reads);
    long long writes_before = instance_admin_number(site->instance, writes);
    MYSQL *client = site_client(site);
    for (int i = 0; i < 7; i++) {
        client_run(client, "SELECT a FROM t");
    }
    for (int i = 0; i < 3; i++) {
        client_run(client, "UPDATE t SET a = a WHERE id = 1");
    }
    mysql_close(client);
    assert_int_equal(instance_admin_number(site->instance, reads) - reads_before, 7);
    assert_int_equal(instance_admin_number(site->instance, writes) - writes_before, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_reads_go_to_replicas),
        cmocka_unit_test(writes_and_all_that_may_write_go_to_the_primary),
        cmocka_unit_test(sequences_of_mariadb_go_to_the_primary),
        cmocka_unit_test(what_mysql_alone_has_goes_where_it_belongs),
        cmocka_unit_test(what_each_server_answers_differently_goes_to_the_primary),
        cmocka_unit_test(hints_choose_among_what_is_safe),
        cmocka_unit_test(an_unknown_hint_leaves_a_warning),
        cmocka_unit_test(reads_are_spread_over_all_replicas),
        cmocka_unit_test(one_write_sends_a_whole_multi_statement_to_the_primary),
        cmocka_unit_test(what_the_proxy_counts_is_what_the_servers_did),
        cmocka_unit_test(round_robin_takes_turns),
        cmocka_unit_test(least_connections_avoids_the_busy_one),
        cmocka_unit_test(weights_share_the_reads_out),
        cmocka_unit_test(default_target_keeps_reads_on_the_primary),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
