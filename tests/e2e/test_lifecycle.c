// The life of the program and of its sessions: KILL, drain, reload, SHUTDOWN, time limits.
#include "tests/lib/http.h"
#include "tests/lib/peer.h"
#include "tests/lib/site.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

// Of a statement that ran out of time, as the servers of the family have it.
static unsigned too_slow(void)
{
    return servers_are_mysql() ? 3024 : 1969;
}

static const char schema[] = "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, a INT);"
                             "INSERT INTO app.t (a) VALUES (1), (2), (3)";

static int setup(void **state)
{
    *state = site_create(site_logging, schema, NULL);
    return 0;
}

// A statement is sent and seen to run on a server; its answer is still out.
static void start_sleeping(const struct site *site, MYSQL *client, const char *statement)
{
    char query[512];
    snprintf(query, sizeof(query),
             "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app' AND info = "
             "\"%s\"",
             statement);
    client_send(client, statement);
    struct deadline deadline = deadline_in(WAIT_MS);
    for (size_t i = 0; stack_number(site->stack, site->stack->servers[i % 3].name, query) == 0;
         i++) {
        assert_true(i % 3 != 2 || deadline_pause(deadline));
    }
}

static bool runs_somewhere(const struct site *site, const char *part)
{
    char query[512];
    snprintf(query, sizeof(query),
             "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app' AND info LIKE "
             "'%%%s%%'",
             part);
    long long count = 0;
    for (size_t i = 0; i < site->stack->count; i++) {
        count += stack_number(site->stack, site->stack->servers[i].name, query);
    }
    return count > 0;
}

static void kill_query_ends_the_statement_on_its_server(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site), *other = site_client(site);
    static const char sleeping[] = "SELECT SLEEP(30) FROM whoami";
    start_sleeping(site, client, sleeping);
    client_runf(other, "KILL QUERY %lu", mysql_thread_id(client));
    assert_int_equal(client_finish(client), 1317);
    assert_false(runs_somewhere(site, "SLEEP(30)"));
    for (int i = 0; i < 10; i++) { // the kill does not reach into what comes after
        assert_on_replica(client);
    }
    mysql_close(client);
    mysql_close(other);
}

static void kill_ends_the_session(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site), *other = site_client(site);
    client_runf(other, "KILL %lu", mysql_thread_id(client));
    assert_soon(mysql_ping(client) != 0);
    mysql_close(client);

    client = site_client(site);
    start_sleeping(site, client, "SELECT SLEEP(31) FROM whoami");
    client_runf(other, "KILL CONNECTION %lu", mysql_thread_id(client));
    assert_int_not_equal(client_finish(client), 0);
    assert_soon(!runs_somewhere(site, "SLEEP(31)"));
    mysql_close(client);
    mysql_close(other);
}

static void kill_obeys_who_may(void **state)
{
    const struct site *site = *state;
    struct client_options options = instance_options(site->instance, "guest", "guest-secret");
    MYSQL *client = site_client(site), *guest = client_connect(&options);
    char statement[64];
    snprintf(statement, sizeof(statement), "KILL %lu", mysql_thread_id(client));
    assert_client_error(guest, statement, 1095, "not owner");
    assert_on_replica(client);
    assert_client_error(guest, "KILL 4000000000", 1094, "Unknown thread");
    mysql_close(client);
    mysql_close(guest);
}

static void the_operator_kills_by_the_admin_port(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site), *admin = instance_admin(site->instance);
    client_runf(admin, "KILL %lu", mysql_thread_id(client));
    assert_soon(mysql_ping(client) != 0);
    assert_client_error(admin, "KILL 4000000000", 1094, "");
    mysql_close(client);
    mysql_close(admin);
}

static void a_client_that_goes_away_ends_its_statement(void **state)
{
    const struct site *site = *state;
    uint16_t http = site->instance->http_port;
    static const char aborted[] = "result=\"aborted\"";
    double before = http_metric_sum(http, "sluice_queries_total", aborted);
    MYSQL *client = site_client(site);
    start_sleeping(site, client, "SELECT SLEEP(32) FROM whoami");
    shutdown((int)mysql_get_socket(client), SHUT_RDWR);
    assert_soon(!runs_somewhere(site, "SLEEP(32)"));
    mysql_close(client);
    // Statements that nobody waited for are counted, goodbyes are not.
    mysql_close(site_client(site));
    assert_soon(http_metric_sum(http, "sluice_clients", "") == 0);
    assert_int_equal(http_metric_sum(http, "sluice_queries_total", aborted) - before, 1);
}

// As a server reads it: what was asked for is sent before the goodbye is looked at.
static void a_goodbye_behind_a_question_waits_for_the_answer(void **state)
{
    static const char question[] = "SELECT REPEAT('x', 6000000) FROM whoami";
    const struct site *site = *state;
    struct peer *peer = peer_connect(site->instance->port);
    struct buffer both = BUFFER_INIT;
    uint8_t frame[] = {sizeof(question), 0, 0, 0, 3};
    static const uint8_t quit[] = {1, 0, 0, 0, 1};
    peer_login(peer, "app", "app-secret", "app");
    buffer_append(&both, frame, sizeof(frame));
    buffer_append(&both, question, sizeof(question) - 1);
    buffer_append(&both, quit, sizeof(quit));
    peer_send(peer, buffer_slice(&both));
    peer->sequence = 1;
    for (bool is_long = false; !is_long;) {
        is_long = peer_read(peer).len > 6000000;
    }
    peer_read(peer); // and what ends the rows
    assert_peer_closed(peer);
    peer_close(peer);
    buffer_release(&both);
}

// MySQL's SLEEP() returns 1 where it is killed. The order must not hit what comes next, nor cost
// the transaction.
static void an_order_that_its_statement_did_not_end_by_hits_nothing_else(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site), *other = site_client(site);
    client_run(client, "START TRANSACTION");
    client_run(client, "UPDATE t SET a = 4711");
    for (int i = 0; i < 5; i++) {
        client_send(client, "SELECT SLEEP(20) AS order_of_its_own");
        assert_soon(stack_number(site->stack, "db1",
                                 "SELECT COUNT(*) FROM information_schema.processlist WHERE info "
                                 "LIKE 'SELECT SLEEP(20) AS order%'") == 1);
        client_runf(other, "KILL QUERY %lu", mysql_thread_id(client));
        if (mysql_read_query_result(client) == 0) {
            mysql_free_result(mysql_store_result(client));
        }
        assert_client_number(client, "SELECT MAX(a) FROM t", 4711);
    }
    client_run(client, "ROLLBACK");
    assert_client_number(client, "SELECT COUNT(*) FROM t WHERE a = 4711 FOR UPDATE", 0);
    mysql_close(client);
    mysql_close(other);
}

static void time_limits_end_statements_and_idle_clients(void **state)
{
    struct site *site = *state;
    site_restart(site,
                 (const char *const[]){"proxy.query_timeout = 200ms", "proxy.idle_timeout = 1s",
                                       "proxy.max_transaction_time = 700ms", NULL});
    MYSQL *client = site_client(site);
    assert_client_error(client, "SELECT BENCHMARK(1000000000, SHA2('x', 256)) FROM whoami",
                        too_slow(), "sluice:");
    assert_on_replica(client);
    mysql_close(client);

    // Told where nobody asked, then closed: a client library would show one or the other.
    struct peer *peer = peer_connect(site->instance->port);
    peer_login(peer, "app", "app-secret", "app");
    peer_query(peer, "START TRANSACTION");
    peer_query(peer, "UPDATE t SET a = a");
    peer->sequence = 0;
    assert_peer_refused(peer, servers_are_mysql() ? 3169 : 1927,
                        "(max_transaction_time) and was rolled back");
    peer_close(peer);

    peer = peer_connect(site->instance->port);
    peer_login(peer, "app", "app-secret", "app");
    peer->sequence = 0;
    assert_peer_refused(peer, 4031, "(idle_timeout)");
    peer_close(peer);
    site_restart(site, NULL);
}

static void a_time_limit_that_is_reloaded_reaches_who_is_idle_already(void **state)
{
    struct site *site = *state;
    MYSQL *admin = instance_admin(site->instance);
    struct peer *idle = peer_connect(site->instance->port);
    peer_login(idle, "app", "app-secret", "app");
    struct peer *writer = peer_connect(site->instance->port);
    peer_login(writer, "app", "app-secret", "app");
    peer_query(writer, "START TRANSACTION");
    peer_query(writer, "UPDATE t SET a = a");
    client_run(admin, "SET proxy.max_transaction_time = '100ms'");
    writer->sequence = 0;
    assert_peer_refused(writer, servers_are_mysql() ? 3169 : 1927, "(max_transaction_time)");
    client_run(admin, "SET proxy.idle_timeout = '1s'");
    idle->sequence = 0;
    assert_peer_refused(idle, 4031, "(idle_timeout)");
    peer_close(writer);
    peer_close(idle);
    mysql_close(admin);
    site_restart(site, NULL);
}

static void hints_and_rules_limit_time_too(void **state)
{
    struct site *site = *state;
    site_restart(site, (const char *const[]){"rule:slow.match = too slow",
                                             "rule:slow.timeout = 100ms", NULL});
    MYSQL *client = site_client(site);
    assert_client_error(
        client,
        "/* sluice: timeout=100ms */ SELECT BENCHMARK(1000000000, SHA2('x', 256)) FROM whoami",
        too_slow(), "sluice:");
    assert_client_error(client,
                        "SELECT BENCHMARK(1000000000, SHA2('x', 256)), 'too slow' FROM whoami",
                        too_slow(), "sluice:");
    assert_on_replica(client);
    mysql_close(client);
    site_restart(site, NULL);
}

static void sigterm_drains(void **state)
{
    struct site *site = *state;
    MYSQL *busy = site_client(site);
    struct peer *idle = peer_connect(site->instance->port);
    peer_login(idle, "app", "app-secret", "app");
    peer_query(idle, "SELECT 1");
    client_run(busy, "START TRANSACTION");
    client_run(busy, "UPDATE t SET a = 77 WHERE id = 1");
    process_signal(&site->instance->process, SIGTERM);
    idle->sequence = 0;
    assert_peer_refused(idle, 1053, "sluice: shutting down");
    peer_close(idle);
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    MYSQL *refused;
    assert_false(client_try(&options, &refused));
    mysql_close(refused);
    assert_int_not_equal(http_get(site->instance->http_port, "/readyz", NULL), 200);

    client_run(busy, "UPDATE t SET a = 78 WHERE id = 1");
    assert_true(process_is_running(&site->instance->process));
    client_run(busy, "COMMIT");
    assert_int_equal(stack_number(site->stack, "db1", "SELECT a FROM app.t WHERE id = 1"), 78);
    assert_true(process_wait(&site->instance->process, WAIT_MS));
    assert_int_equal(site->instance->process.code, 0);
    mysql_close(busy);
    site_replace(site, NULL);
}

static void drain_timeout_ends_what_does_not_end(void **state)
{
    struct site *site = *state;
    site_restart(site, (const char *const[]){"proxy.drain_timeout = 300ms", NULL});
    MYSQL *busy = site_client(site);
    client_run(busy, "START TRANSACTION");
    client_run(busy, "UPDATE t SET a = 5 WHERE id = 1");
    process_signal(&site->instance->process, SIGTERM);
    assert_true(process_wait(&site->instance->process, WAIT_MS));
    assert_int_equal(site->instance->process.code, 0);
    mysql_close(busy);
    // What the transaction did is rolled back.
    assert_int_equal(
        stack_number(site->stack, "db1", "SELECT a FROM app.t WHERE id = 1 FOR UPDATE"), 78);
    site_replace(site, NULL);
}

static void a_second_signal_ends_it_at_once(void **state)
{
    struct site *site = *state;
    MYSQL *busy = site_client(site);
    client_run(busy, "START TRANSACTION");
    client_run(busy, "UPDATE t SET a = 5 WHERE id = 1");
    process_signal(&site->instance->process, SIGTERM);
    assert_soon(http_get(site->instance->http_port, "/readyz", NULL) != 200);
    process_signal(&site->instance->process, SIGTERM);
    assert_true(process_wait(&site->instance->process, 5000));
    mysql_close(busy);
    site_replace(site, NULL);
}

static void shutdown_by_the_admin_port_drains(void **state)
{
    struct site *site = *state;
    MYSQL *admin = instance_admin(site->instance);
    client_run(admin, "SHUTDOWN");
    assert_true(process_wait(&site->instance->process, WAIT_MS));
    assert_int_equal(site->instance->process.code, 0);
    mysql_close(admin);
    site_replace(site, NULL);
}

static void a_reload_changes_what_can_change(void **state)
{
    struct site *site = *state;
    MYSQL *client = site_client(site), *admin = instance_admin(site->instance);
    assert_on_replica(client);
    instance_rewrite(site->instance, site->stack,
                     (const char *const[]){"routing.default_target = primary", NULL});
    client_run(admin, "RELOAD DRY RUN");
    assert_on_replica(client);
    client_run(admin, "RELOAD");
    assert_soon(strcmp(site_where(client).text, "db1") == 0);
    instance_rewrite(site->instance, site->stack, NULL);
    process_signal(&site->instance->process, SIGHUP);
    assert_soon(strcmp(site_where(client).text, "db1") != 0);
    mysql_close(client);
    mysql_close(admin);
}

static bool has_tls(const struct client_options *options)
{
    MYSQL *client = client_connect(options);
    bool has = mysql_get_ssl_cipher(client) != NULL;
    mysql_close(client);
    return has;
}

// What clients are offered changes for those that come from then on.
static void a_reload_changes_tls_and_what_waits_for_a_restart_stays(void **state)
{
    static const char workers[] = "SELECT value FROM config WHERE key = 'workers'";
    struct site *site = *state;
    struct client_options secure = instance_options(site->instance, "app", "app-secret");
    MYSQL *admin = instance_admin(site->instance);
    struct client_text before = client_text(admin, workers);
    secure.with_tls = true;
    MYSQL *client = client_connect(&secure);
    instance_rewrite(site->instance, site->stack,
                     (const char *const[]){"proxy.tls = disabled", "proxy.workers = 7", NULL});
    client_run(admin, "RELOAD");
    assert_client_text(admin, workers, before.text);
    assert_on_replica(client);
    assert_false(has_tls(&secure)); // libmariadb goes on without where none is offered
    instance_rewrite(site->instance, site->stack, NULL);
    client_run(admin, "RELOAD");
    mysql_close(client);
    assert_true(has_tls(&secure));
    mysql_close(admin);
}

static void a_wrong_file_changes_nothing(void **state)
{
    struct site *site = *state;
    MYSQL *client = site_client(site), *admin = instance_admin(site->instance);
    instance_rewrite(site->instance, site->stack,
                     (const char *const[]){"routing.default_target = primary",
                                           "routing.balence = p2c", "proxy.max_clients = many",
                                           NULL});
    assert_client_error(admin, "RELOAD", 1105, "balance");
    assert_on_replica(client);
    instance_rewrite(site->instance, site->stack, NULL);
    client_run(admin, "RELOAD");
    mysql_close(client);
    mysql_close(admin);
}

// With the limit of the file the second client would be one too many.
static void a_reload_that_is_not_put_to_work_leaves_limits_as_they_are(void **state)
{
    struct site *site = *state;
    MYSQL *client = site_client(site), *admin = instance_admin(site->instance);
    instance_rewrite(site->instance, site->stack,
                     (const char *const[]){"proxy.max_clients = 1", "user:app.max_connections = 1",
                                           "backend:db1.max_connections = 1", NULL});
    client_run(admin, "RELOAD DRY RUN");
    mysql_close(site_client(site));
    instance_rewrite(site->instance, site->stack,
                     (const char *const[]){"proxy.max_clients = 1", "user:app.max_connections = 1",
                                           "backend:db1.max_connections = 1",
                                           "rule:broken.match = (", NULL});
    assert_client_error(admin, "RELOAD", 1105, "match");
    mysql_close(site_client(site));
    instance_rewrite(site->instance, site->stack, NULL);
    client_run(admin, "RELOAD");
    mysql_close(client);
    mysql_close(admin);
}

// A client has read that there is TLS, and asks for it behind a reload that ended it.
static void what_a_greeting_offered_stays_offered(void **state)
{
    enum { REQUEST_SIZE = 32 };
    static const char request[REQUEST_SIZE] = "\x00\x8a\x08"; // with CAPABILITY_TLS
    struct site *site = *state;
    MYSQL *admin = instance_admin(site->instance);
    struct peer *peer = peer_connect(site->instance->port);
    peer_read_greeting(peer);
    instance_rewrite(site->instance, site->stack,
                     (const char *const[]){"proxy.tls = disabled", NULL});
    client_run(admin, "RELOAD");
    peer_send_packet(peer, slice_make(request, REQUEST_SIZE));
    peer_send(peer, S("no hello of TLS"));
    assert_peer_closed(peer);
    peer_close(peer);
    mysql_close(site_client(site));
    instance_rewrite(site->instance, site->stack, NULL);
    client_run(admin, "RELOAD");
    mysql_close(admin);
}

// The server comes back at another address only when the operator says so.
static void a_server_taken_out_stays_out_when_its_address_changes(void **state)
{
    static const char out[] = "SELECT COUNT(*) FROM backends WHERE name = 'db3' AND state = '%s'";
    struct site *site = *state;
    MYSQL *admin = instance_admin(site->instance);
    char address[64], is_offline[128], is_up[128];
    snprintf(is_offline, sizeof(is_offline), out, "offline");
    snprintf(is_up, sizeof(is_up), out, "up");
    snprintf(address, sizeof(address), "backend:db3.address = localhost:%u",
             stack_server(site->stack, "db3")->port);
    client_run(admin, "SET BACKEND db3 OFFLINE");
    assert_soon(client_number(admin, is_offline) == 1);
    instance_rewrite(site->instance, site->stack, (const char *const[]){address, NULL});
    client_run(admin, "RELOAD");
    client_run(admin, "SET BACKEND db2 DRAIN"); // told behind the reload
    assert_soon(client_number(admin, "SELECT COUNT(*) FROM backends WHERE state = 'draining'") ==
                1);
    assert_client_number(admin, is_offline, 1);
    client_run(admin, "SET BACKEND db2 ONLINE");
    client_run(admin, "SET BACKEND db3 ONLINE");
    assert_soon(client_number(admin, is_up) == 1);
    instance_rewrite(site->instance, site->stack, NULL);
    client_run(admin, "RELOAD");
    instance_wait_up(site->instance);
    mysql_close(admin);
}

static void a_reload_may_bring_servers_but_not_take_them_away(void **state)
{
    struct site *site = *state;
    static const char *const without_db3[] = {"backend:db3.*", NULL};
    site_restart(site, without_db3);
    MYSQL *client = site_client(site), *admin = instance_admin(site->instance);
    for (int i = 0; i < 30; i++) {
        assert_client_text(client, "SELECT name FROM whoami", "db2");
    }
    instance_rewrite(site->instance, site->stack, NULL);
    client_run(admin, "RELOAD");
    assert_soon(client_number(admin, "SELECT COUNT(*) FROM backends WHERE state = 'up'") == 3);
    assert_soon(strcmp(site_where(client).text, "db3") == 0);
    instance_rewrite(site->instance, site->stack, without_db3);
    assert_client_error(admin, "RELOAD", 1105, "db3");
    assert_client_number(admin, "SELECT COUNT(*) FROM backends WHERE state = 'up'", 3);
    mysql_close(client);
    mysql_close(admin);
}

static void set_changes_one_option(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site), *admin = instance_admin(site->instance);
    client_run(admin, "SET routing.default_target = primary");
    assert_soon(strcmp(site_where(client).text, "db1") == 0);
    assert_client_text(admin,
                       "SELECT value FROM config WHERE section = 'routing' AND key = "
                       "'default_target'",
                       "primary");
    client_run(admin, "SET routing.default_target = split");
    assert_soon(strcmp(site_where(client).text, "db1") != 0);
    assert_client_error(admin, "SET proxy.workers = 3", 1105, "restart");
    assert_client_error(admin, "SET routing.nothing = 3", 1105, "nothing");
    mysql_close(client);
    mysql_close(admin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kill_query_ends_the_statement_on_its_server),
        cmocka_unit_test(an_order_that_its_statement_did_not_end_by_hits_nothing_else),
        cmocka_unit_test(kill_ends_the_session),
        cmocka_unit_test(kill_obeys_who_may),
        cmocka_unit_test(the_operator_kills_by_the_admin_port),
        cmocka_unit_test(a_client_that_goes_away_ends_its_statement),
        cmocka_unit_test(a_goodbye_behind_a_question_waits_for_the_answer),
        cmocka_unit_test(time_limits_end_statements_and_idle_clients),
        cmocka_unit_test(a_time_limit_that_is_reloaded_reaches_who_is_idle_already),
        cmocka_unit_test(hints_and_rules_limit_time_too),
        cmocka_unit_test(sigterm_drains),
        cmocka_unit_test(drain_timeout_ends_what_does_not_end),
        cmocka_unit_test(a_second_signal_ends_it_at_once),
        cmocka_unit_test(shutdown_by_the_admin_port_drains),
        cmocka_unit_test(a_reload_changes_what_can_change),
        cmocka_unit_test(a_reload_changes_tls_and_what_waits_for_a_restart_stays),
        cmocka_unit_test(a_wrong_file_changes_nothing),
        cmocka_unit_test(a_reload_that_is_not_put_to_work_leaves_limits_as_they_are),
        cmocka_unit_test(what_a_greeting_offered_stays_offered),
        cmocka_unit_test(a_server_taken_out_stays_out_when_its_address_changes),
        cmocka_unit_test(a_reload_may_bring_servers_but_not_take_them_away),
        cmocka_unit_test(set_changes_one_option),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
