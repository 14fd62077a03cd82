// More load than the servers can take: clients wait or are told so, whoever they are each gets
// something, memory stays bounded, and when the load goes everything is as before.
#include "tests/lib/site.h"

#include "proxy/base/clock.h"

#include <pthread.h>
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

static void loads_run(struct load loads[CLIENTS])
{
    pthread_t threads[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        loads[i].until_us = clock_now_us() + LOAD_SECONDS * CLOCK_SECOND;
        assert_int_equal(pthread_create(&threads[i], NULL, load_run, &loads[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
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
    loads_run(loads);
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
        cmocka_unit_test(behind_the_load_all_is_as_before),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
