// Trap 45. A client that goes away leaves nothing: what it had running is ended on its server, its
// connection is closed and given to nobody, and nothing of what was under way is kept.
#include "tests/lib/http.h"
#include "tests/lib/peer.h"
#include "tests/lib/sharing.h"

#include "protocol/packet/capability.h"

#include <stdio.h>
#include <sys/socket.h>

static const char schema[] = "CREATE TABLE app.t (id INT PRIMARY KEY, a INT) ENGINE = InnoDB;"
                             "INSERT INTO app.t VALUES (1, 1);"
                             "CREATE TABLE app.loaded (a INT, b VARCHAR(64)) ENGINE = InnoDB;"
                             "CREATE TABLE app.many AS SELECT i FROM " NUMBERS_TO(1000);

// Pools so small that the next session would get the connection that was left.
static int setup(void **state)
{
    *state = site_create(site_logging, schema, sharing_changes);
    return 0;
}

// How many connections of app run a statement with that mark, or are in the middle of reading for
// it.
static long long running(const struct site *site, const char *mark)
{
    char query[256];
    long long count = 0;
    snprintf(query, sizeof(query),
             "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app' AND info LIKE "
             "'%%%s%%'",
             mark);
    for (size_t i = 0; i < site->stack->count; i++) {
        count += stack_number(site->stack, site->stack->servers[i].name, query);
    }
    return count;
}

// The server on which it runs, and the id of its connection there.
struct place {
    const char *server;
    long long id;
};

static struct place place_of(const struct site *site, const char *mark)
{
    char query[256];
    snprintf(query, sizeof(query),
             "SELECT COALESCE(MAX(id), 0) FROM information_schema.processlist WHERE user = 'app' "
             "AND info LIKE '%%%s%%'",
             mark);
    for (size_t i = 0; i < site->stack->count; i++) {
        struct place place = {.server = site->stack->servers[i].name};
        place.id = stack_number(site->stack, place.server, query);
        if (place.id != 0) {
            return place;
        }
    }
    fail_msg("%s does not run", mark);
    return (struct place){0};
}

static bool is_there(const struct site *site, struct place place)
{
    char query[128];
    snprintf(query, sizeof(query),
             "SELECT COUNT(*) FROM information_schema.processlist WHERE id = %lld", place.id);
    return stack_number(site->stack, place.server, query) > 0;
}

static void assert_served(const struct site *site)
{
    MYSQL *client = site_client(site);
    for (int i = 0; i < 10; i++) {
        assert_client_number(client, "SELECT COUNT(*) FROM many", 1000);
        assert_client_number(client, "SELECT COUNT(*) FROM many FOR UPDATE", 1000);
    }
    mysql_close(client);
    assert_site_idle(site);
}

static void a_read_is_ended_and_its_connection_given_to_nobody(void **state)
{
    const struct site *site = *state;
    static const char *const reads[] = {"SELECT SLEEP(601) FROM whoami",
                                        "SELECT SLEEP(601) FROM whoami FOR UPDATE"};
    for (int i = 0; i < 2; i++) {
        MYSQL *client = site_client(site);
        client_send(client, reads[i]);
        assert_soon(running(site, "SLEEP(601)") == 1);
        struct place place = place_of(site, "SLEEP(601)");
        shutdown((int)mysql_get_socket(client), SHUT_RDWR);
        assert_soon(!is_there(site, place));
        mysql_close(client);
        assert_served(site);
    }
    assert_true(http_metric_sum(site->instance->http_port, "sluice_kills_total", "") >= 2);
}

static void a_result_is_given_up_in_its_middle(void **state)
{
    const struct site *site = *state;
    static const char statement[] = "SELECT /* long */ a.i, REPEAT('x', 1000) FROM many a, many b";
    for (int round = 0; round < 4; round++) {
        struct peer *peer = peer_connect(site->instance->port);
        peer_login(peer, "app", "app-secret", "app");
        peer_send_query(peer, statement);
        peer_read(peer);
        assert_soon(running(site, "/* long */") == 1);
        struct place place = place_of(site, "/* long */");
        round % 2 == 0 ? peer_close(peer) : peer_reset(peer);
        assert_soon(!is_there(site, place));
    }
    assert_served(site);
}

static void a_write_is_ended_and_nothing_of_it_is_kept(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    client_send(client, "INSERT INTO loaded SELECT SLEEP(602), 'x' FROM many");
    assert_soon(running(site, "SLEEP(602)") == 1);
    shutdown((int)mysql_get_socket(client), SHUT_RDWR);
    assert_soon(running(site, "SLEEP(602)") == 0);
    mysql_close(client);
    client = site_client(site);
    assert_client_number(client, "SELECT COUNT(*) FROM loaded FOR UPDATE", 0);
    mysql_close(client);
    assert_served(site);
}

static void an_open_transaction_is_rolled_back(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    client_run(client, "START TRANSACTION");
    client_run(client, "UPDATE t SET a = 2 WHERE id = 1");
    shutdown((int)mysql_get_socket(client), SHUT_RDWR);
    mysql_close(client);
    client = site_client(site);
    assert_client_number(client, "SELECT a FROM t WHERE id = 1 FOR UPDATE", 1);
    mysql_close(client);
    assert_served(site);
}

// The server has asked for the file, and gets `rows` of it.
static struct peer *upload_begin(const struct site *site, bool in_transaction, int rows)
{
    struct buffer payload = BUFFER_INIT;
    struct peer *peer = peer_connect(site->instance->port);
    peer_read_greeting(peer);
    peer_login_payload(peer, "app", "app-secret", "app", CAPABILITY_LOCAL_FILES, &payload);
    peer_send_packet(peer, buffer_slice(&payload));
    peer_read_login(peer, "app-secret");
    if (in_transaction) {
        peer_query(peer, "START TRANSACTION");
        peer_query(peer, "INSERT INTO loaded VALUES (0, 'before the file')");
    }
    peer_send_query(peer, "LOAD DATA LOCAL INFILE '/* file */' INTO TABLE loaded "
                          "FIELDS TERMINATED BY ','");
    assert_int_equal((uint8_t)peer_read(peer).ptr[0], 0xFB);
    buffer_clear(&payload);
    for (int i = 0; i < rows; i++) {
        buffer_print(&payload, "%d,the row of number %d\n", i, i);
    }
    if (rows > 0) {
        peer_send_packet(peer, buffer_slice(&payload));
    }
    buffer_release(&payload);
    return peer;
}

static void an_upload_is_given_up_and_nothing_of_it_is_kept(void **state)
{
    const struct site *site = *state;
    static const int rows[] = {0, 1, 100, 20000};
    for (size_t i = 0; i < 4 * sizeof(rows) / sizeof(rows[0]); i++) {
        struct peer *peer = upload_begin(site, (i & 1) != 0, rows[i / 4]);
        struct place place = place_of(site, "/* file */");
        (i & 2) == 0 ? peer_close(peer) : peer_reset(peer);
        assert_soon(!is_there(site, place));
        MYSQL *client = site_client(site);
        assert_client_number(client, "SELECT COUNT(*) FROM loaded FOR UPDATE", 0);
        client_run(client, "DELETE FROM loaded"); // no lock is left
        mysql_close(client);
    }
    assert_served(site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_is_ended_and_its_connection_given_to_nobody),
        cmocka_unit_test(a_result_is_given_up_in_its_middle),
        cmocka_unit_test(a_write_is_ended_and_nothing_of_it_is_kept),
        cmocka_unit_test(an_open_transaction_is_rolled_back),
        cmocka_unit_test(an_upload_is_given_up_and_nothing_of_it_is_kept),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
