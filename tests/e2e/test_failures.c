// Servers that stop, hang, lag, refuse and come back: what costs a client something, and what does
// not.
#include "tests/lib/site.h"
#include "tests/lib/statement.h"

#include <mariadb/errmsg.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

static const char schema[] = "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, a INT);"
                             "INSERT INTO app.t (a) VALUES (1), (2), (3);"
                             "CREATE TABLE app.many AS SELECT i FROM " NUMBERS_TO(1000);

static const char *const expected[] = {"backend.*",  "monitor.*", "pool.*",
                                       "topology.*", "session.*", NULL};

static const char *const changes[] = {"proxy.queue_timeout = 1500ms", "monitor.timeout = 300ms",
                                      "monitor.failures = 2", "monitor.max_lag = 1s", NULL};

static int setup(void **state)
{
    struct site *site = site_create(NULL, schema, changes);
    site->expected = expected;
    *state = site;
    return 0;
}

static bool backend_is(const struct site *site, const char *name, const char *state)
{
    char query[256];
    snprintf(query, sizeof(query),
             "SELECT COUNT(*) FROM backends WHERE name = '%s' AND state = '%s'", name, state);
    return instance_admin_number(site->instance, query) == 1;
}

static void all_up_again(const struct site *site)
{
    assert_soon(backend_is(site, "db1", "up") && backend_is(site, "db2", "up") &&
                backend_is(site, "db3", "up"));
}

// Before each test: whatever the one before left, db1 is the primary and the others follow it.
static int heal(void **state)
{
    struct site *site = *state;
    for (size_t i = 0; i < site->stack->count; i++) {
        const char *name = site->stack->servers[i].name;
        stack_server_do(site->stack, name, "thaw");
        stack_server_do(site->stack, name, "start");
    }
    stack_promote(site->stack, "db1");
    if (site->instance == NULL) {
        site_replace(site, changes);
    }
    all_up_again(site);
    return 0;
}

static void a_replica_that_dies_costs_no_later_read(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    stack_server_do(site->stack, "db2", "kill");
    assert_soon(backend_is(site, "db2", "down"));
    for (int i = 0; i < 50; i++) {
        assert_client_text(client, "SELECT name FROM whoami", "db3");
    }
    stack_server_do(site->stack, "db2", "start");
    all_up_again(site);
    struct deadline deadline = deadline_in(WAIT_MS);
    while (strcmp(site_where(client).text, "db2") != 0) {
        assert_true(deadline_pause(deadline));
    }
    mysql_close(client);
}

// Dead connections in the pools are never handed out: not even the first read after the death
// fails, once it is known.
static void connections_that_died_idle_are_not_handed_out(void **state)
{
    const struct site *site = *state;
    enum { CLIENTS = 10 };
    MYSQL *clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = site_client(site);
        assert_on_replica(clients[i]);
    }
    stack_server_do(site->stack, "db3", "kill");
    stack_server_do(site->stack, "db3", "start");
    all_up_again(site);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            assert_on_replica(clients[i]);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        mysql_close(clients[i]);
    }
}

static bool has_no_connections_of_app(const struct site *site)
{
    long long count = 0;
    for (size_t i = 0; i < site->stack->count; i++) {
        count +=
            stack_number(site->stack, site->stack->servers[i].name,
                         "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app'");
    }
    return count == 0;
}

static void everywhere_run(const struct site *site, const char *statement)
{
    for (size_t i = 0; i < site->stack->count; i++) {
        stack_run(site->stack, site->stack->servers[i].name, statement);
    }
}

// MySQL says so, to whoever reads it, before it closes; MariaDB just closes.
static void connections_that_servers_close_for_idleness_are_not_handed_out(void **state)
{
    struct site *site = *state;
    everywhere_run(site, "SET GLOBAL wait_timeout = 1");
    site_restart(site, changes);
    MYSQL *client = site_client(site), *pinned = site_client(site);
    for (int round = 0; round < 2; round++) {
        assert_on_replica(client);
        client_run(client, "UPDATE t SET a = a");
        assert_soon(has_no_connections_of_app(site));
    }
    assert_soon_on_replica(client);
    client_run(pinned, "START TRANSACTION");
    client_run(pinned, "UPDATE t SET a = a");
    assert_soon(has_no_connections_of_app(site));
    assert_client_error(pinned, "UPDATE t SET a = a", 1213, "sluice:");
    assert_soon_on_replica(pinned);
    mysql_close(client);
    mysql_close(pinned);
    everywhere_run(site, "SET GLOBAL wait_timeout = 28800");
    site_restart(site, changes);
}

static void a_frozen_replica_costs_its_own_statements_only(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    stack_server_do(site->stack, "db2", "freeze");
    assert_soon(backend_is(site, "db2", "down"));
    for (int i = 0; i < 20; i++) {
        assert_client_text(client, "SELECT name FROM whoami", "db3");
    }
    stack_server_do(site->stack, "db2", "thaw");
    all_up_again(site);
    mysql_close(client);
}

enum { READERS = 24 };

// Each reads again and again; true once so many answers have come from now on. `got`: to each.
static bool readers_get(MYSQL *readers[READERS], int answers, int got[READERS])
{
    struct deadline deadline = deadline_in(WAIT_MS);
    struct pollfd polls[READERS];
    memset(got, 0, READERS * sizeof(*got));
    for (int i = 0; i < READERS; i++) {
        polls[i] = (struct pollfd){.fd = mysql_get_socket(readers[i]), .events = POLLIN};
    }
    while (answers > 0 && poll(polls, READERS, deadline_left_ms(deadline)) > 0) {
        for (int i = 0; i < READERS; i++) {
            if ((polls[i].revents & POLLIN) != 0) {
                assert_int_equal(client_finish(readers[i]), 0);
                client_send(readers[i], "SELECT MAX(i) FROM many WHERE i < 5");
                answers--;
                got[i]++;
            }
        }
    }
    return answers <= 0;
}

// Long before the monitor calls it down: those that wait for it do, and who comes next goes round
// it.
static void a_replica_that_hangs_does_not_collect_all_readers(void **state)
{
    struct site *site = *state;
    MYSQL *readers[READERS];
    int got[READERS], going = 0;
    site_restart(site, (const char *const[]){"proxy.workers = 1", "monitor.timeout = 60s", NULL});
    for (int i = 0; i < READERS; i++) {
        readers[i] = site_client(site);
        client_send(readers[i], "SELECT 1");
    }
    assert_true(readers_get(readers, 500, got));
    stack_server_do(site->stack, "db2", "freeze");
    assert_true(readers_get(readers, 2000, got));
    assert_true(readers_get(readers, 3000, got));
    for (int i = 0; i < READERS; i++) {
        going += got[i] > 0;
    }
    assert_true(going >= READERS / 4); // half of them may have waited for it when it froze
    assert_true(backend_is(site, "db2", "up"));
    stack_server_do(site->stack, "db2", "thaw");
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(client_finish(readers[i]), 0);
        mysql_close(readers[i]);
    }
    site_restart(site, changes);
}

static void replication_delay(const struct site *site, const char *name, int seconds)
{
    char statements[160];
    const char *verbs = dialect("STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = %d; START SLAVE",
                                "STOP REPLICA; CHANGE REPLICATION SOURCE TO SOURCE_DELAY = %d; "
                                "START REPLICA");
    snprintf(statements, sizeof(statements), verbs, seconds);
    stack_run(site->stack, name, statements);
}

// Behind, not only stopped: where replication is started anew it is up again in between.
static bool lags_behind(const struct site *site, const char *name)
{
    char query[160];
    snprintf(
        query, sizeof(query),
        "SELECT COUNT(*) FROM backends WHERE name = '%s' AND state = 'lagging' AND lag_ms > 1000",
        name);
    return instance_admin_number(site->instance, query) == 1;
}

static void a_lagging_replica_takes_no_reads(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    replication_delay(site, "db3", 3600);
    client_run(client, "UPDATE t SET a = a + 1");
    assert_soon(lags_behind(site, "db3"));
    for (int i = 0; i < 20; i++) {
        assert_client_text(client, "SELECT name FROM whoami", "db2");
    }
    replication_delay(site, "db3", 0);
    all_up_again(site);
    mysql_close(client);
}

static void stopped_replication_counts_as_lag(void **state)
{
    const struct site *site = *state;
    stack_run(site->stack, "db3", dialect("STOP SLAVE", "STOP REPLICA"));
    assert_soon(backend_is(site, "db3", "lagging"));
    assert_int_equal(
        instance_admin_number(
            site->instance, "SELECT COUNT(*) FROM backends WHERE name = 'db3' AND lag_ms IS NULL"),
        1);
    stack_run(site->stack, "db3", dialect("START SLAVE", "START REPLICA"));
    all_up_again(site);
}

static void a_running_read_is_not_killed_for_lag(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    static const char read[] =
        "/* sluice: backend=db3 */ SELECT CONCAT(name, SLEEP(2)) FROM whoami";
    client_send(client, read);
    assert_soon(stack_number(site->stack, "db3",
                             "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE "
                             "'%SLEEP(2)) FROM whoami' AND user = 'app'") == 1);
    stack_run(site->stack, "db3", dialect("STOP SLAVE", "STOP REPLICA"));
    assert_soon(backend_is(site, "db3", "lagging"));
    assert_int_equal(mysql_read_query_result(client), 0);
    MYSQL_RES *result = mysql_store_result(client);
    assert_string_equal(mysql_fetch_row(result)[0], "db30");
    mysql_free_result(result);
    stack_run(site->stack, "db3", dialect("START SLAVE", "START REPLICA"));
    all_up_again(site);
    mysql_close(client);
}

static void without_replicas_reads_go_to_the_primary(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    stack_server_do(site->stack, "db2", "kill");
    stack_server_do(site->stack, "db3", "kill");
    assert_soon(backend_is(site, "db2", "down") && backend_is(site, "db3", "down"));
    for (int i = 0; i < 10; i++) {
        assert_on_primary(client);
    }
    assert_true(
        instance_admin_number(site->instance,
                              "SELECT SUM(count) FROM routes WHERE reason = 'no_replica'") >= 10);
    stack_server_do(site->stack, "db2", "start");
    stack_server_do(site->stack, "db3", "start");
    all_up_again(site);
    assert_on_replica(client);
    mysql_close(client);
}

static void without_a_primary_reads_go_on_and_writes_wait_then_fail(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    stack_server_do(site->stack, "db1", "kill");
    assert_soon(backend_is(site, "db1", "down"));
    assert_on_replica(client);
    assert_client_error(client, "UPDATE t SET a = 0", 1290, "sluice: no primary");
    assert_on_replica(client);
    assert_client_number(client, "SELECT @@server_id > 1", 1); // greetings of drivers go on
    stack_server_do(site->stack, "db1", "start");
    all_up_again(site);
    client_run(client, "UPDATE t SET a = 0");
    mysql_close(client);
}

static void a_write_waits_for_a_primary_that_comes_back(void **state)
{
    struct site *site = *state;
    site_restart(
        site, (const char *const[]){"proxy.queue_timeout = 20s", "monitor.timeout = 300ms", NULL});
    MYSQL *client = site_client(site);
    stack_server_do(site->stack, "db1", "stop");
    assert_soon(backend_is(site, "db1", "down"));
    static const char write[] = "UPDATE t SET a = 5";
    client_send(client, write);
    stack_server_do(site->stack, "db1", "start");
    assert_int_equal(mysql_read_query_result(client), 0);
    assert_int_equal(mysql_affected_rows(client), 3);
    mysql_close(client);
    all_up_again(site);
    site_restart(site, changes);
}

static void a_write_that_waited_has_its_time_from_then_on(void **state)
{
    static const char waiting[] =
        "SELECT COUNT(*) FROM sessions WHERE query LIKE 'UPDATE t SET a = a + SLEEP%'";
    struct site *site = *state;
    site_restart(
        site, (const char *const[]){"proxy.queue_timeout = 3s", "monitor.timeout = 300ms", NULL});
    MYSQL *client = site_client(site);
    stack_server_do(site->stack, "db1", "freeze"); // a start may take longer than queue_timeout
    assert_soon(backend_is(site, "db1", "down"));
    client_send(client, "UPDATE t SET a = a + SLEEP(2) WHERE id <= 2");
    assert_soon(instance_admin_number(site->instance, waiting) == 1);
    stack_server_do(site->stack, "db1", "thaw");
    assert_int_equal(mysql_read_query_result(client), 0);
    mysql_close(client);
    all_up_again(site);
    site_restart(site, changes);
}

static void a_primary_that_dies_in_a_write_leaves_it_unknown_and_is_not_asked_again(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    static const char write[] = "UPDATE t SET a = a + 1 + SLEEP(20)";
    client_send(client, write);
    assert_soon(stack_number(site->stack, "db1",
                             "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE "
                             "'UPDATE t SET a%' AND user = 'app'") == 1);
    stack_server_do(site->stack, "db1", "kill");
    assert_int_not_equal(mysql_read_query_result(client), 0);
    assert_int_equal(mysql_errno(client), 1158);
    assert_non_null(strstr(mysql_error(client), "unknown"));
    stack_server_do(site->stack, "db1", "start");
    all_up_again(site);
    assert_client_number(client, "SELECT SUM(a) FROM t FOR UPDATE", 15);
    mysql_close(client);
}

static void a_primary_that_dies_takes_open_transactions_with_it(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    client_run(client, "START TRANSACTION");
    client_run(client, "UPDATE t SET a = 99");
    stack_server_do(site->stack, "db1", "kill");
    stack_server_do(site->stack, "db1", "start");
    all_up_again(site);
    assert_client_error(client, "UPDATE t SET a = 98", 1213, "sluice:");
    assert_soon_on_replica(client); // the session goes on, outside of any transaction
    assert_client_number(client, "SELECT SUM(a) FROM t FOR UPDATE", 15);
    mysql_close(client);
}

// The first result is with the client already. Neither that the transaction is gone nor that a
// write may have happened may be hidden behind the advice to run the text again.
static void a_primary_that_dies_behind_a_first_result_is_not_told_as_a_read(void **state)
{
    static const struct {
        const char *before;
        const char *text;
        unsigned error;
        const char *words;
    } cases[] = {
        {"START TRANSACTION", "SELECT 1; SELECT SLEEP(30)", 1213, "sluice:"},
        {"DO 0", "DELETE FROM t WHERE id = -1; SELECT SLEEP(30)", 1158, "unknown"},
    };
    const struct site *site = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client_options options = instance_options(site->instance, "app", "app-secret");
        options.flags = CLIENT_MULTI_STATEMENTS;
        MYSQL *client = client_connect(&options);
        client_run(client, cases[i].before);
        client_run(client, "UPDATE t SET a = a WHERE id = 1");
        assert_int_equal(mysql_query(client, cases[i].text), 0);
        mysql_free_result(mysql_store_result(client));
        stack_server_do(site->stack, "db1", "kill");
        assert_true(mysql_next_result(client) > 0);
        if (mysql_errno(client) != cases[i].error ||
            strstr(mysql_error(client), cases[i].words) == NULL) {
            fail_msg("%s: %u %s", cases[i].text, mysql_errno(client), mysql_error(client));
        }
        mysql_close(client);
        stack_server_do(site->stack, "db1", "start");
        all_up_again(site);
    }
}

static void a_replica_that_dies_in_a_result_does_not_fool_the_client(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    assert_int_equal(mysql_query(client, "/* sluice: backend=db3 */ SELECT REPEAT('x', 1000), "
                                         "SLEEP(IF(x.i > 20, 1, 0)) FROM many AS x "
                                         "STRAIGHT_JOIN many AS y"),
                     0);
    MYSQL_RES *result = mysql_use_result(client);
    assert_non_null(mysql_fetch_row(result));
    stack_server_do(site->stack, "db3", "kill");
    while (mysql_fetch_row(result) != NULL) {
    }
    // Inside of a packet nothing can be said: the connection ends. Where the server stopped is
    // chance; tests/peer/test_bad_servers.c tries each place.
    bool is_told = mysql_errno(client) == 1158;
    assert_true(is_told ? strstr(mysql_error(client), "in the middle of the result") != NULL
                        : mysql_errno(client) == CR_SERVER_LOST);
    mysql_free_result(result);
    mysql_close(client);
    stack_server_do(site->stack, "db3", "start");
    all_up_again(site);
}

static void a_full_pool_is_waited_for_and_then_refused(void **state)
{
    struct site *site = *state;
    site_restart(site, (const char *const[]){"proxy.queue_timeout = 300ms", "proxy.workers = 1",
                                             "backend:db1.max_connections = 1", NULL});
    MYSQL *one = site_client(site), *two = site_client(site);
    client_run(one, "START TRANSACTION");
    client_run(one, "UPDATE t SET a = a");
    assert_client_error(two, "UPDATE t SET a = a", 1205, "sluice: no connection to server db1");
    assert_soon_on_replica(two);
    static const char write[] = "UPDATE t SET a = 5";
    client_run(one, "COMMIT");
    client_run(two, write);
    mysql_close(one);
    mysql_close(two);
    site_restart(site, changes);
}

// Whoever ended the execution: the next one has what is sent for it.
static void data_sent_ahead_is_gone_with_its_execution(void **state)
{
    struct site *site = *state;
    site_restart(site, (const char *const[]){"proxy.queue_timeout = 300ms", "proxy.workers = 1",
                                             "backend:db1.max_connections = 1", NULL});
    MYSQL *one = site_client(site), *two = site_client(site);
    char text[] = "";
    unsigned long len = 0;
    MYSQL_STMT *statement = statement_prepare(two, "UPDATE t SET a = LENGTH(?)");
    statement_bind_text(statement, text, &len);
    client_run(one, "START TRANSACTION");
    client_run(one, "UPDATE t SET a = a");
    assert_int_equal(mysql_stmt_send_long_data(statement, 0, "abc", 3), 0);
    assert_statement_error(statement, 1205);
    client_run(one, "COMMIT");
    assert_int_equal(mysql_stmt_send_long_data(statement, 0, "defg", 4), 0);
    statement_execute(statement);
    assert_client_number(two, "SELECT MAX(a) FROM t FOR UPDATE", 4);
    mysql_stmt_close(statement);
    mysql_close(one);
    mysql_close(two);
    site_restart(site, changes);
}

static void a_promotion_by_somebody_else_is_followed(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    stack_promote(site->stack, "db2");
    assert_soon(instance_admin_number(site->instance, "SELECT COUNT(*) FROM backends WHERE name = "
                                                      "'db2' AND role = 'primary'") == 1);
    client_run(client, "UPDATE t SET a = 42");
    assert_int_equal(stack_number(site->stack, "db2", "SELECT MIN(a) FROM app.t"), 42);
    assert_soon(strcmp(site_where(client).text, "db2") != 0);
    assert_int_equal(instance_admin_number(site->instance,
                                           "SELECT COUNT(*) FROM backends WHERE role = 'primary'"),
                     1);
    stack_promote(site->stack, "db1");
    assert_soon(instance_admin_number(site->instance, "SELECT COUNT(*) FROM backends WHERE name = "
                                                      "'db1' AND role = 'primary'") == 1);
    client_run(client, "UPDATE t SET a = 43");
    assert_int_equal(stack_number(site->stack, "db1", "SELECT MIN(a) FROM app.t"), 43);
    mysql_close(client);
}

// The machine of the old primary has vanished, or it hangs: nobody can ask it what it is.
static void a_primary_that_hangs_holds_nobody_once_another_one_is_promoted(void **state)
{
    const struct site *site = *state;
    MYSQL *writer = site_client(site), *idle = site_client(site);
    client_run(idle, "START TRANSACTION");
    client_run(idle, "UPDATE t SET a = a WHERE id = 1");
    client_send(writer, "UPDATE t SET a = a + SLEEP(20) WHERE id = 2");
    assert_soon(stack_number(site->stack, "db1",
                             "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE "
                             "'UPDATE t SET a%' AND user = 'app'") == 1);
    stack_server_do(site->stack, "db1", "freeze");
    assert_soon(backend_is(site, "db1", "down"));
    stack_promote(site->stack, "db2");
    assert_int_not_equal(mysql_read_query_result(writer), 0);
    assert_int_equal(mysql_errno(writer), 1158);
    assert_non_null(strstr(mysql_error(writer), "unknown"));
    assert_client_error(idle, "UPDATE t SET a = 1", 1213, "sluice:");
    client_run(idle, "UPDATE t SET a = 44");
    assert_int_equal(stack_number(site->stack, "db2", "SELECT MIN(a) FROM app.t"), 44);
    mysql_close(writer);
    mysql_close(idle);
    stack_server_do(site->stack, "db1", "thaw");
    stack_promote(site->stack, "db2"); // the old one follows, and has what was written meanwhile
    stack_promote(site->stack, "db1");
}

// Two servers say that they are writable: writes stay with the one that the others follow.
static void a_second_writable_server_gets_no_writes(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    stack_run(site->stack, "db3", "SET GLOBAL read_only = 0");
    assert_soon(instance_admin_number(site->instance,
                                      "SELECT COUNT(*) FROM backends WHERE name = 'db3' AND "
                                      "reason LIKE '%writable%'") == 1);
    for (int i = 0; i < 10; i++) {
        client_run(client, "UPDATE t SET a = a + 1");
    }
    assert_int_equal(stack_number(site->stack, "db1", "SELECT MIN(a) FROM app.t"), 53);
    stack_run(site->stack, "db3", "SET GLOBAL read_only = 1");
    all_up_again(site);
    mysql_close(client);
}

static void a_server_that_refuses_connections_is_reported(void **state)
{
    const struct site *site = *state;
    stack_run(site->stack, "db2", "SET GLOBAL max_connections = 10");
    MYSQL *others[16];
    size_t count = 0;
    struct client_options options = {.port = stack_server(site->stack, "db2")->port,
                                     .user = "guest",
                                     .password = "guest-secret"};
    while (count < 16 && client_try(&options, &others[count])) {
        count++;
    }
    MYSQL *client = site_client(site);
    for (int i = 0; i < 30; i++) {
        assert_on_replica(client);
    }
    mysql_close(client);
    for (size_t i = 0; i <= count && i < 16; i++) {
        mysql_close(others[i]);
    }
    stack_run(site->stack, "db2", "SET GLOBAL max_connections = 500");
    all_up_again(site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_replica_that_dies_costs_no_later_read, heal),
        cmocka_unit_test_setup(connections_that_died_idle_are_not_handed_out, heal),
        cmocka_unit_test_setup(connections_that_servers_close_for_idleness_are_not_handed_out,
                               heal),
        cmocka_unit_test_setup(a_frozen_replica_costs_its_own_statements_only, heal),
        cmocka_unit_test_setup(a_replica_that_hangs_does_not_collect_all_readers, heal),
        cmocka_unit_test_setup(a_lagging_replica_takes_no_reads, heal),
        cmocka_unit_test_setup(stopped_replication_counts_as_lag, heal),
        cmocka_unit_test_setup(a_running_read_is_not_killed_for_lag, heal),
        cmocka_unit_test_setup(without_replicas_reads_go_to_the_primary, heal),
        cmocka_unit_test_setup(without_a_primary_reads_go_on_and_writes_wait_then_fail, heal),
        cmocka_unit_test_setup(a_write_waits_for_a_primary_that_comes_back, heal),
        cmocka_unit_test_setup(a_write_that_waited_has_its_time_from_then_on, heal),
        cmocka_unit_test_setup(
            a_primary_that_dies_in_a_write_leaves_it_unknown_and_is_not_asked_again, heal),
        cmocka_unit_test_setup(a_primary_that_dies_takes_open_transactions_with_it, heal),
        cmocka_unit_test_setup(a_primary_that_dies_behind_a_first_result_is_not_told_as_a_read,
                               heal),
        cmocka_unit_test_setup(a_replica_that_dies_in_a_result_does_not_fool_the_client, heal),
        cmocka_unit_test_setup(a_full_pool_is_waited_for_and_then_refused, heal),
        cmocka_unit_test_setup(data_sent_ahead_is_gone_with_its_execution, heal),
        cmocka_unit_test_setup(a_promotion_by_somebody_else_is_followed, heal),
        cmocka_unit_test_setup(a_second_writable_server_gets_no_writes, heal),
        cmocka_unit_test_setup(a_server_that_refuses_connections_is_reported, heal),
        cmocka_unit_test_setup(a_primary_that_hangs_holds_nobody_once_another_one_is_promoted,
                               heal),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
