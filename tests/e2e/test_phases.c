// Where the time of statements went: the phases of sluice_query_duration_seconds.
#include "tests/lib/family.h"
#include "tests/lib/http.h"
#include "tests/lib/site.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char schema[] = "CREATE TABLE app.t (id INT PRIMARY KEY, a INT);"
                             "INSERT INTO app.t VALUES (1, 10), (2, 20)";

static const char *const options[] = {"proxy.workers = 1", "proxy.queue_timeout = 5s",
                                      "backend:db1.max_connections = 1", NULL};

static int setup(void **state)
{
    struct site *site = site_create(NULL, schema, options);
    *state = site;
    return 0;
}

enum what { COUNT, SECONDS };

static double phase(const struct site *site, enum what what, const char *labels)
{
    return http_metric_sum(site->instance->http_port,
                           what == COUNT ? "sluice_query_duration_seconds_count"
                                         : "sluice_query_duration_seconds_sum",
                           labels);
}

#define PRIMARY(phase) "target=\"primary\",phase=\"" phase "\""
#define REPLICA(phase) "target=\"replica\",phase=\"" phase "\""
#define PROXY(phase)   "target=\"proxy\",phase=\"" phase "\""

// Waits until the session has been in that state for so long.
static void wait_in_state(const struct site *site, MYSQL *client, const char *word, int ms)
{
    char query[160];
    MYSQL *admin = instance_admin(site->instance);
    snprintf(query, sizeof(query),
             "SELECT COUNT(*) FROM sessions WHERE id = %lu AND state = '%s' AND since_ms >= %d",
             mysql_thread_id(client), word, ms);
    assert_soon(client_number(admin, query) == 1);
    mysql_close(admin);
}

static void opening_a_connection_is_connect_and_using_it_is_not(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    double before = phase(site, COUNT, REPLICA("connect"));
    for (int i = 0; i < 20; i++) {
        client_run(client, "SELECT a FROM t");
    }
    double opened = phase(site, COUNT, REPLICA("connect")) - before;
    assert_true(opened >= 1 && opened <= 2); // replicas
    assert_true(phase(site, SECONDS, REPLICA("connect")) > 0);
    assert_true(phase(site, COUNT, REPLICA("queue")) >= 20);
    assert_true(phase(site, COUNT, REPLICA("server")) >= 20);
    mysql_close(client);
}

static void waiting_for_a_connection_is_queue(void **state)
{
    const struct site *site = *state;
    MYSQL *holder = site_client(site), *waiter = site_client(site);
    client_run(holder, "START TRANSACTION");
    client_run(holder, "UPDATE t SET a = 11 WHERE id = 1");
    double queued = phase(site, SECONDS, PRIMARY("queue"));
    double connected = phase(site, COUNT, PRIMARY("connect"));
    client_send(waiter, "UPDATE t SET a = 22 WHERE id = 2");
    wait_in_state(site, waiter, "waiting", 300);
    client_run(holder, "COMMIT");
    assert_int_equal(client_finish(waiter), 0);
    assert_true(phase(site, SECONDS, PRIMARY("queue")) - queued >= 0.3);
    assert_true(phase(site, COUNT, PRIMARY("connect")) == connected);
    mysql_close(holder);
    mysql_close(waiter);
}

static void what_waits_in_vain_was_in_the_queue_too(void **state)
{
    const struct site *site = *state;
    MYSQL *holder = site_client(site), *waiter = site_client(site);
    client_run(holder, "START TRANSACTION");
    client_run(holder, "UPDATE t SET a = 11 WHERE id = 1");
    double queued = phase(site, SECONDS, PROXY("queue"));
    double total = phase(site, SECONDS, PROXY("total"));
    assert_client_error(waiter, "UPDATE t SET a = 22 WHERE id = 2", 1205, "became free");
    assert_true(phase(site, SECONDS, PROXY("queue")) - queued >= 4.9);
    assert_true(phase(site, SECONDS, PROXY("total")) - total >= 4.9);
    client_run(holder, "ROLLBACK");
    mysql_close(holder);
    mysql_close(waiter);
}

static void the_server_is_what_is_waited_for_after_sending(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    double server = phase(site, SECONDS, REPLICA("server"));
    double clogged = phase(site, COUNT, REPLICA("client"));
    client_run(client, "SELECT SLEEP(0.3)");
    assert_true(phase(site, SECONDS, REPLICA("server")) - server >= 0.3);
    assert_true(phase(site, COUNT, REPLICA("client")) == clogged);
    mysql_close(client);
}

static void a_client_that_does_not_read_is_client(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    double clogged = phase(site, SECONDS, REPLICA("client"));
    double server = phase(site, SECONDS, REPLICA("server"));
    double total = phase(site, SECONDS, REPLICA("total"));
    client_send(client, "SELECT REPEAT('x', 1000000) FROM " NUMBERS_TO(60));
    wait_in_state(site, client, "running", 1500);
    assert_int_equal(client_finish(client), 0);
    double took = phase(site, SECONDS, REPLICA("total")) - total;
    assert_true(took >= 1.5);
    assert_true(phase(site, SECONDS, REPLICA("client")) - clogged >= 0.5);
    assert_true(phase(site, SECONDS, REPLICA("server")) - server <= took - 0.5);
    mysql_close(client);
}

static void phases_add_up(void **state)
{
    static const char *const targets[] = {"primary", "replica"};
    static const char *const parts[] = {"queue", "connect", "wait", "server", "client"};
    const struct site *site = *state;
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        char labels[64];
        double sum = 0;
        for (size_t j = 0; j < sizeof(parts) / sizeof(parts[0]); j++) {
            snprintf(labels, sizeof(labels), "target=\"%s\",phase=\"%s\"", targets[i], parts[j]);
            sum += phase(site, SECONDS, labels);
        }
        snprintf(labels, sizeof(labels), "target=\"%s\",phase=\"total\"", targets[i]);
        assert_true(sum > 0 && fabs(sum - phase(site, SECONDS, labels)) < 0.0001);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_a_connection_is_connect_and_using_it_is_not),
        cmocka_unit_test(waiting_for_a_connection_is_queue),
        cmocka_unit_test(what_waits_in_vain_was_in_the_queue_too),
        cmocka_unit_test(the_server_is_what_is_waited_for_after_sending),
        cmocka_unit_test(a_client_that_does_not_read_is_client),
        cmocka_unit_test(phases_add_up),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
