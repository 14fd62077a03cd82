// More load than the servers can take: clients wait or are told so, whoever they are each gets
// something, memory stays bounded, and when the load goes everything is as before.
#include "tests/lib/peer.h"
#include "tests/lib/site.h"

#include "proxy/base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const char schema[] = "CREATE TABLE app.t (id INT PRIMARY KEY, a INT);"
                             "INSERT INTO app.t VALUES (1, 10)";

enum { CLIENTS = 64, CONNECTIONS = 2, LOAD_SECONDS = 4, ER_LOCK_WAIT_TIMEOUT = 1205 };

static const char *const narrow[] = {"proxy.workers = 4",
                                     "proxy.queue_timeout = 400ms",
                                     "backend:db1.max_connections = 2",
                                     "backend:db2.max_connections = 2",
                                     "backend:db3.max_connections = 2",
                                     NULL};

static int setup(void **state)
{
    static const char *const expected[] = {"pool.*", NULL};
    struct site *site = site_create(NULL, schema, narrow);
    site->expected = expected;
    *state = site;
    return 0;
}

// One client with a thread of its own.
struct load {
    pthread_t thread;
    MYSQL *client;
    const char *statement;
    int64_t until_us;
    unsigned served, refused;
    unsigned unexpected; // the number of an error that is none of sluice's; 0: none came
};

static void *load_run(void *context)
{
    struct load *load = context;
    MYSQL *client = load->client;
    while (clock_now_us() < load->until_us && load->unexpected == 0) {
        if (mysql_query(client, load->statement) == 0) {
            mysql_free_result(mysql_store_result(client));
            load->served++;
        } else if (mysql_errno(client) == ER_LOCK_WAIT_TIMEOUT &&
                   strstr(mysql_error(client), "sluice: no connection to server") != NULL) {
            load->refused++;
        } else {
            load->unexpected = mysql_errno(client);
        }
    }
    mysql_thread_end();
    return NULL;
}

static void loads_begin(struct load loads[CLIENTS])
{
    for (int i = 0; i < CLIENTS; i++) {
        loads[i].until_us = clock_now_us() + LOAD_SECONDS * CLOCK_SECOND;
        assert_int_equal(pthread_create(&loads[i].thread, NULL, load_run, &loads[i]), 0);
    }
}

static void loads_end(struct load loads[CLIENTS])
{
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(loads[i].thread, NULL);
        mysql_close(loads[i].client);
        assert_int_equal(loads[i].unexpected, 0);
    }
}

// The servers have all that they may have, for statements that take a while: few of the clients can
// be served in the time that they wait. Two accounts, which share no connections, on four workers,
// which share none either.
static void clients_wait_or_are_told_and_every_account_gets_something(void **state)
{
    enum { GROWTH_MOST = 8 * 1024 * 1024 };
    const struct site *site = *state;
    static const char *const statements[] = {"SELECT SLEEP(0.05)",
                                             "UPDATE t SET a = a WHERE SLEEP(0.05) = 0"};
    static const char *const users[][2] = {{"app", "app-secret"}, {"guest", "guest-secret"}};
    struct load loads[CLIENTS] = {0};
    unsigned served[2][2] = {{0}}, refused = 0;
    for (int i = 0; i < CLIENTS; i++) {
        const char *const *user = users[i % 2];
        struct client_options options = instance_options(site->instance, user[0], user[1]);
        loads[i].client = client_connect(&options);
        loads[i].statement = statements[i / 2 % 2];
    }
    uint64_t before = process_resident_bytes(site->instance->process.pid);
    loads_begin(loads);
    loads_end(loads);
    uint64_t after = process_resident_bytes(site->instance->process.pid);
    for (int i = 0; i < CLIENTS; i++) {
        served[i % 2][i / 2 % 2] += loads[i].served;
        refused += loads[i].refused;
    }
    assert_true(refused > 0);
    for (int user = 0; user < 2; user++) {
        for (int statement = 0; statement < 2; statement++) {
            if (served[user][statement] < LOAD_SECONDS) {
                fail_msg("%s was served %u times: %s", users[user][0], served[user][statement],
                         statements[statement]);
            }
        }
    }
    assert_in_range(after, 0, before + GROWTH_MOST + PROCESS_SANITIZER_BYTES);
}

static bool wait_with(const struct site *site, long long connections)
{
    return site_connections_to(site, "db1") == connections &&
           instance_admin_number(site->instance, "SELECT SUM(waiting) FROM pools") > 0;
}

static void a_limit_that_is_lowered_is_kept_to_while_clients_wait(void **state)
{
    struct site *site = *state;
    struct load loads[CLIENTS] = {0};
    site_restart(site, (const char *const[]){"proxy.workers = 1", "proxy.queue_timeout = 400ms",
                                             "backend:db1.max_connections = 6", NULL});
    for (int i = 0; i < CLIENTS; i++) {
        loads[i].client = site_client(site);
        loads[i].statement = "UPDATE t SET a = a WHERE SLEEP(0.02) = 0";
    }
    MYSQL *admin = instance_admin(site->instance);
    loads_begin(loads);
    assert_soon(wait_with(site, 6));
    client_run(admin, "SET backend:db1.max_connections = 1");
    assert_soon(wait_with(site, 1));
    loads_end(loads);
    mysql_close(admin);
    site_restart(site, narrow);
}

// Clients have taken all descriptors: statements share the connections that are open, and no server
// is blamed.
static void without_descriptors_statements_wait_for_what_is_open(void **state)
{
    enum { DESCRIPTORS = 80, STRANGERS = 100 };
    struct site *site = *state;
    char limit[32];
    struct peer *strangers[STRANGERS];
    snprintf(limit, sizeof(limit), "--nofile=%d:%d", DESCRIPTORS, DESCRIPTORS);
    instance_stop(site->instance, site->expected);
    site->instance = instance_start_under(
        site->stack, (const char *const[]){"proxy.workers = 1", "proxy.queue_timeout = 10s", NULL},
        (const char *const[]){"prlimit", limit, NULL}, NULL);
    MYSQL *holder = site_client(site), *waiter = site_client(site);
    client_run(holder, "START TRANSACTION");
    client_run(holder, "UPDATE t SET a = 11");
    int count = 0;
    bool is_greeted = true;
    while (is_greeted) {
        assert_true(count < STRANGERS);
        strangers[count] = peer_connect(site->instance->port);
        struct slice first;
        is_greeted = peer_try_read(strangers[count], &first) && (uint8_t)first.ptr[0] != 0xFF;
        count++;
    }
    client_send(waiter, "UPDATE t SET a = a + 1");
    for (int i = 0; i < 50; i++) { // it has tried, and waits
        assert_client_number(holder, "SELECT a FROM t", 11);
    }
    client_run(holder, "COMMIT");
    assert_int_equal(mysql_read_query_result(waiter), 0);
    while (count > 0) {
        peer_close(strangers[--count]);
    }
    assert_client_number(waiter, "SELECT a FROM t FOR UPDATE", 12);
    MYSQL *admin = instance_admin(site->instance);
    assert_client_number(admin, "SELECT COUNT(*) FROM backends WHERE state = 'up'", 3);
    assert_client_number(
        admin, "SELECT COUNT(*) FROM events WHERE kind = 'backend.state' AND text NOT LIKE '%up%'",
        0);
    mysql_close(admin);
    mysql_close(holder);
    mysql_close(waiter);
    site_restart(site, narrow);
}

static void behind_the_load_all_is_as_before(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    assert_soon(instance_admin_number(site->instance, "SELECT SUM(waiting) FROM pools") == 0);
    for (int i = 0; i < 20; i++) {
        assert_client_number(client, "SELECT id FROM t", 1);
        client_runf(client, "UPDATE t SET a = %d", i);
    }
    mysql_close(client);
    assert_site_idle(site);
    for (int i = 0; i < 3; i++) {
        static const char *const servers[] = {"db1", "db2", "db3"};
        assert_in_range(site_connections_to(site, servers[i]), 0, CONNECTIONS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_wait_or_are_told_and_every_account_gets_something),
        cmocka_unit_test(a_limit_that_is_lowered_is_kept_to_while_clients_wait),
        cmocka_unit_test(without_descriptors_statements_wait_for_what_is_open),
        cmocka_unit_test(behind_the_load_all_is_as_before),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
