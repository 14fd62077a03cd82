// PROXY headers: from whoever stands in front of sluice, and to servers that understand them.
#include "tests/lib/http.h"
#include "tests/lib/peer.h"
#include "tests/lib/site.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static const char accounts[] = "CREATE USER 'near'@'127.0.0.4' IDENTIFIED BY 'near-secret';"
                               "GRANT SELECT ON app.* TO 'near'@'127.0.0.4';"
                               "CREATE USER 'near'@'127.0.0.5' IDENTIFIED BY 'other-secret';"
                               "GRANT SELECT ON app.* TO 'near'@'127.0.0.5';"
                               "CREATE USER 'writer'@'127.0.0.4' IDENTIFIED BY 'writer-secret';"
                               "GRANT ALL PRIVILEGES ON app.* TO 'writer'@'127.0.0.4';"
                               "CREATE TABLE app.written (id INT PRIMARY KEY)";

// Balancers are at 127.0.0.2 and 127.0.0.3; MariaDB's servers take headers from sluice.
static int setup(void **state)
{
    static const char *const mariadb[] = {"--general-log", "--set", "proxy-protocol-networks=*",
                                          NULL};
    *state =
        site_create(servers_are_mysql() ? site_logging : mariadb, accounts,
                    (const char *const[]){"proxy.proxy_protocol = 127.0.0.2, 127.0.0.3/32", NULL});
    return 0;
}

static struct peer *balancer(const struct site *site, struct slice header)
{
    struct peer *peer = peer_connect_between("127.0.0.2", "127.0.0.1", site->instance->port);
    peer_send(peer, header);
    return peer;
}

// What sluice shows of the session that asks.
static void assert_shown_client(const struct site *site, struct peer *peer, const char *expected)
{
    MYSQL *admin = instance_admin(site->instance);
    char sql[128];
    snprintf(sql, sizeof(sql), "SELECT client FROM sessions WHERE id = %u", peer->connection_id);
    assert_client_text(admin, sql, expected);
    mysql_close(admin);
}

static void assert_named(const struct site *site, struct slice header, const char *expected)
{
    struct peer *peer = balancer(site, header);
    peer_login(peer, "app", "app-secret", "app");
    assert_shown_client(site, peer, expected);
    peer_query(peer, "SELECT 1");
    peer_close(peer);
}

static void the_header_names_the_client(void **state)
{
    static const char v6[] =
        SIGNATURE "\x21\x21\0\x24"
                  "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2"
                  "\xdc\4\x0c\xea";
    assert_named(*state, S("PROXY TCP4 192.0.2.1 198.51.100.1 56324 3306\r\n"), "192.0.2.1:56324");
    assert_named(*state, S("PROXY TCP6 2001:db8::1 2001:db8::2 7 3306\r\n"), "[2001:db8::1]:7");
    assert_named(*state, slice_make(v6, sizeof(v6) - 1), "[2001:db8::1]:56324");
    assert_named(*state,
                 S(SIGNATURE "\x21\x11\0\x13\xc0\0\2\1\xc6\x33\x64\1\xdc\4\x0c\xea"
                             "\4\0\4abcd"),
                 "192.0.2.1:56324");
}

static void a_header_in_pieces_is_one(void **state)
{
    const struct site *site = *state;
    struct slice header = S("PROXY TCP4 192.0.2.9 198.51.100.1 5 3306\r\n");
    struct peer *peer = balancer(site, SLICE_NONE);
    for (size_t i = 0; i < header.len; i++) {
        peer_send(peer, slice_first(slice_from(header, i), 1));
    }
    peer_login(peer, "app", "app-secret", "app");
    assert_shown_client(site, peer, "192.0.2.9:5");
    peer_close(peer);
}

static void local_and_unknown_are_the_balancers_own(void **state)
{
    static const struct slice headers[] = {SLICE_INIT("PROXY UNKNOWN\r\n"),
                                           SLICE_INIT(SIGNATURE "\x20\0\0\0"),
                                           SLICE_INIT(SIGNATURE "\x21\0\0\2xx")};
    const struct site *site = *state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        struct peer *peer = balancer(site, headers[i]);
        char sql[128];
        peer_login(peer, "app", "app-secret", "app");
        MYSQL *admin = instance_admin(site->instance);
        snprintf(sql, sizeof(sql), "SELECT client LIKE '127.0.0.2:%%' FROM sessions WHERE id = %u",
                 peer->connection_id);
        assert_client_number(admin, sql, 1);
        mysql_close(admin);
        peer_close(peer);
    }
}

static void what_is_no_header_is_refused_at_once(void **state)
{
    static const struct slice none[] = {SLICE_INIT("GET / HTTP/1.1\r\n"), SLICE_INIT("\x16\x03"),
                                        SLICE_INIT("PROXY TCP4 nonsense\r\n"),
                                        SLICE_INIT(SIGNATURE "\x21\x11\xff\xff")};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        struct peer *peer = balancer(*state, none[i]);
        assert_peer_refused(peer, 1043,
                            "connections from 127.0.0.2 must start with a PROXY header");
        peer_close(peer);
    }
}

// It waits for the greeting, which waits for the header.
static void a_client_without_a_header_is_told_so_in_time(void **state)
{
    struct peer *peer = balancer(*state, S("PROXY TCP4 "));
    assert_peer_refused(peer, 1043, "none came in time");
    peer_close(peer);
}

static void a_client_that_leaves_in_its_header_leaves_nothing(void **state)
{
    struct slice header = S("PROXY TCP4 192.0.2.1 198.51.100.1 56324 3306\r\n");
    for (size_t len = 0; len <= header.len; len++) {
        struct peer *peer = balancer(*state, slice_first(header, len));
        shutdown(peer->fd, SHUT_WR);
        assert_peer_closed(peer);
        peer_close(peer);
    }
    assert_site_idle(*state);
}

// A header from anybody else is a login that cannot be understood, and names nobody.
static void others_are_plain(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    assert_client_number(client, "SELECT 1", 1);
    mysql_close(client);
    struct peer *peer = peer_connect(site->instance->port);
    peer_read_greeting(peer);
    peer_send(peer, S("PROXY TCP4 192.0.2.1 198.51.100.1 56324 3306\r\n"));
    assert_peer_closed(peer);
    peer_close(peer);
}

// --- out -----------------------------------------------------------------------------------------

static const char *const sending[] = {"proxy.proxy_protocol = 127.0.0.2",
                                      "backend:db1.send_proxy = v2",
                                      "backend:db2.send_proxy = v2",
                                      "backend:db3.send_proxy = v2",
                                      "proxy.workers = 2",
                                      NULL};

static struct peer *client_at(const struct site *site, const char *address, const char *user,
                              const char *password)
{
    char header[128];
    snprintf(header, sizeof(header), "PROXY TCP4 %s 198.51.100.1 1000 3306\r\n", address);
    struct peer *peer = balancer(site, slice_text(header));
    peer_login(peer, user, password, "app");
    return peer;
}

static void assert_seen_as(struct peer *peer, const char *expected)
{
    static const char *const statements[] = {"SELECT USER()", "SELECT USER() FROM whoami",
                                             "SELECT USER() FROM whoami FOR UPDATE"};
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        struct slice value = peer_query_value(peer, statements[i]);
        if (!slice_equal(value, slice_text(expected))) {
            fail_msg("%s: %.*s in place of %s", statements[i], SLICE_ARG(value), expected);
        }
    }
}

static void servers_see_the_clients_address(void **state)
{
    struct site *site = *state;
    if (servers_are_mysql()) {
        skip(); // knows no PROXY header
    }
    site_restart(site, sending);
    struct peer *first = client_at(site, "10.9.8.7", "app", "app-secret");
    struct peer *second = client_at(site, "10.9.8.6", "app", "app-secret");
    for (int round = 0; round < 3; round++) {
        assert_seen_as(first, "app@10.9.8.7");
        assert_seen_as(second, "app@10.9.8.6");
    }
    peer_close(first);
    peer_close(second);
    MYSQL *local = site_client(site); // 127.0.0.1 by TCP
    assert_client_text(local, "SELECT USER()", "app@127.0.0.1");
    mysql_close(local);
}

// The client of a Unix socket is of this machine, which need not be the server's.
static void a_client_of_the_socket_is_sluices_own(void **state)
{
    struct site *site = *state;
    if (servers_are_mysql()) {
        skip();
    }
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    options.port = 0;
    options.socket = site->instance->socket;
    MYSQL *client = client_connect(&options);
    const char *user = client_text(client, "SELECT USER()").text;
    assert_true(strcmp(user, "app@localhost") == 0 || strcmp(user, "app@127.0.0.1") == 0);
    mysql_close(client);
}

// As near from that address of this machine; the error's number, or 0.
static unsigned near_outcome(const struct site *site, const char *from, const char *password)
{
    MYSQL *client = mysql_init(NULL);
    unsigned code = 0;
    mysql_options(client, MYSQL_OPT_BIND, from);
    if (mysql_real_connect(client, "127.0.0.1", "near", password, "app", site->instance->port, NULL,
                           0) == NULL) {
        code = mysql_errno(client);
    } else {
        char expected[64];
        snprintf(expected, sizeof(expected), "near@%s", from);
        assert_client_text(client, "SELECT CURRENT_USER()", expected);
    }
    mysql_close(client);
    return code;
}

// Two accounts of one name, each with a password of its own: what one has proved does not open the
// other, nor is it forgotten for it.
static void accounts_of_a_host_keep_working(void **state)
{
    const struct site *site = *state;
    if (servers_are_mysql()) {
        skip();
    }
    for (int round = 0; round < 2; round++) {
        assert_int_equal(near_outcome(site, "127.0.0.4", "near-secret"), 0);
        assert_int_equal(near_outcome(site, "127.0.0.5", "near-secret"), 1045);
        assert_int_equal(near_outcome(site, "127.0.0.5", "other-secret"), 0);
        assert_int_equal(near_outcome(site, "127.0.0.4", "other-secret"), 1045);
        assert_int_equal(near_outcome(site, "127.0.0.6", "near-secret"), 1045);
    }
    stack_run(site->stack, "db1", "SET PASSWORD FOR 'near'@'127.0.0.4' = PASSWORD('newer')");
    stack_sync(site->stack);
    assert_int_equal(near_outcome(site, "127.0.0.5", "other-secret"), 0);
    assert_int_equal(near_outcome(site, "127.0.0.4", "newer"), 0);
}

static MYSQL *writer_client(const struct site *site)
{
    MYSQL *client = mysql_init(NULL);
    mysql_options(client, MYSQL_OPT_BIND, "127.0.0.4");
    if (mysql_real_connect(client, "127.0.0.1", "writer", "writer-secret", "app",
                           site->instance->port, NULL, 0) == NULL) {
        fail_msg("%s", mysql_error(client));
    }
    return client;
}

static bool sleeps(const struct site *site, const char *server)
{
    return stack_number(site->stack, server,
                        "SELECT COUNT(*) FROM information_schema.processlist "
                        "WHERE user = 'writer' AND info LIKE '%SLEEP%'") > 0;
}

static bool sleeps_somewhere(const struct site *site)
{
    return sleeps(site, "db1") || sleeps(site, "db2") || sleeps(site, "db3");
}

// Each is ended by a connection of its own, which must come from where the account is at home.
static void what_is_ended_on_a_server_is_ended_as_the_client(void **state)
{
    struct site *site = *state;
    if (servers_are_mysql()) {
        skip();
    }
    site_restart(site, sending);
    MYSQL *client = writer_client(site), *other = writer_client(site);
    client_send(client, "SELECT SLEEP(600) FROM whoami");
    assert_soon(sleeps_somewhere(site));
    client_runf(other, "KILL QUERY %lu", mysql_thread_id(client));
    assert_int_equal(client_finish(client), 1317);
    assert_soon(!sleeps_somewhere(site));
    mysql_close(client);
    mysql_close(other);
}

// The statement behind a wait in vain runs on the replica alone: it is quick where the row is.
static void what_runs_in_vain_is_ended_as_the_client(void **state)
{
    static const char *const changes[] = {
        "backend:db1.send_proxy = v2",     "backend:db2.send_proxy = v2",
        "backend:db3.send_proxy = v2",     "monitor.interval = 1h",
        "routing.consistency_wait = 50ms", NULL};
    struct site *site = *state;
    if (servers_are_mysql()) {
        skip();
    }
    site_restart(site, changes);
    MYSQL *client = writer_client(site);
    MYSQL *holds[] = {stack_connect(site->stack, "db2"), stack_connect(site->stack, "db3")};
    client_run(holds[0], "FLUSH TABLES WITH READ LOCK");
    client_run(holds[1], "FLUSH TABLES WITH READ LOCK");
    client_run(client, "INSERT INTO written VALUES (1)");
    client_run(client, "SELECT SLEEP(IF((SELECT COUNT(*) FROM written), 0, 600)) FROM whoami");
    assert_soon(http_metric_sum(site->instance->http_port, "sluice_kills_total", "") == 1);
    assert_soon(!sleeps_somewhere(site));
    mysql_close(holds[0]);
    mysql_close(holds[1]);
    mysql_close(client);
    stack_sync(site->stack);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_names_the_client),
        cmocka_unit_test(a_header_in_pieces_is_one),
        cmocka_unit_test(local_and_unknown_are_the_balancers_own),
        cmocka_unit_test(what_is_no_header_is_refused_at_once),
        cmocka_unit_test(a_client_without_a_header_is_told_so_in_time),
        cmocka_unit_test(a_client_that_leaves_in_its_header_leaves_nothing),
        cmocka_unit_test(others_are_plain),
        cmocka_unit_test(servers_see_the_clients_address),
        cmocka_unit_test(a_client_of_the_socket_is_sluices_own),
        cmocka_unit_test(accounts_of_a_host_keep_working),
        cmocka_unit_test(what_is_ended_on_a_server_is_ended_as_the_client),
        cmocka_unit_test(what_runs_in_vain_is_ended_as_the_client),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
