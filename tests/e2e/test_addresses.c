// Clients and servers by every kind of address: IPv4, IPv6, Unix sockets, and one kind towards
// clients with another towards servers.
#include "tests/lib/site.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char schema[] = "CREATE TABLE app.t (id INT PRIMARY KEY, a INT);"
                             "INSERT INTO app.t VALUES (1, 0);"
                             "CREATE TABLE app.many AS SELECT i FROM " NUMBERS_TO(1000);

// Servers that listen on IPv6 as well, and on MariaDB take PROXY headers.
static int setup(void **state)
{
    static const char *const mariadb[] = {"--general-log",
                                          "--set",
                                          "bind-address=127.0.0.1,::1",
                                          "--set",
                                          "proxy-protocol-networks=*",
                                          NULL};
    static const char *const mysql[] = {"--general-log", "--set", "bind-address=127.0.0.1,::1",
                                        NULL};
    *state = site_create(servers_are_mysql() ? mysql : mariadb, schema, NULL);
    return 0;
}

// --- proxy.ini -----------------------------------------------------------------------------------

enum { CHANGES_MOST = 16, CHANGE_SIZE = FILE_PATH_SIZE + 64 };

struct changes {
    char texts[CHANGES_MOST][CHANGE_SIZE];
    const char *list[CHANGES_MOST + 1];
    size_t count;
};

__attribute__((format(printf, 2, 3))) static void change(struct changes *changes,
                                                         const char *format, ...)
{
    va_list args;
    va_start(args, format);
    assert_true(changes->count < CHANGES_MOST);
    int len = vsnprintf(changes->texts[changes->count], CHANGE_SIZE, format, args);
    va_end(args);
    assert_true(len < CHANGE_SIZE);
    changes->list[changes->count] = changes->texts[changes->count];
    changes->list[++changes->count] = NULL;
}

static void change_servers_to_ip6(struct changes *changes, const struct stack *stack)
{
    for (size_t i = 0; i < stack->count; i++) {
        change(changes, "backend:%s.address = [::1]:%u", stack->servers[i].name,
               stack->servers[i].port);
    }
}

static void change_servers_to_sockets(struct changes *changes, const struct stack *stack)
{
    for (size_t i = 0; i < stack->count; i++) {
        change(changes, "backend:%s.address = %s", stack->servers[i].name,
               stack->servers[i].socket);
    }
}

// --- clients -------------------------------------------------------------------------------------

// Over IPv6; the instance listens there alone.
static MYSQL *ip6_client(const struct site *site, const char *user, const char *password)
{
    MYSQL *client = mysql_init(NULL);
    my_bool no = 0;
    mysql_optionsv(client, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &no);
    if (mysql_real_connect(client, "::1", user, password, "app", site->instance->port, NULL, 0) ==
        NULL) {
        fail_msg("%s", mysql_error(client));
    }
    return client;
}

static MYSQL *socket_client(const struct site *site)
{
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    options.port = 0;
    options.socket = site->instance->socket;
    return client_connect(&options);
}

// A server is at it: told to end it earlier than that, it would forget the order.
static bool has_begun(MYSQL *other)
{
    long long count = 0;
    for (int i = 1; i <= 3; i++) {
        char statement[160];
        snprintf(statement, sizeof(statement),
                 "SELECT COUNT(*) FROM information_schema.processlist"
                 " WHERE info LIKE 'SELECT SLEEP(600)%%' /* sluice: backend=db%d */",
                 i);
        count += client_number(other, statement);
    }
    return count > 0;
}

// Its statement is with a server.
static bool sleeps(MYSQL *client, MYSQL *other)
{
    bool is_running = false;
    client_send(other, "SHOW PROCESSLIST");
    assert_int_equal(mysql_read_query_result(other), 0);
    MYSQL_RES *result = mysql_store_result(other);
    for (MYSQL_ROW row; (row = mysql_fetch_row(result)) != NULL;) {
        is_running |=
            strtoul(row[0], NULL, 10) == mysql_thread_id(client) && strcmp(row[6], "running") == 0;
    }
    mysql_free_result(result);
    return is_running;
}

// Reads and writes go where they belong, results are whole, and a statement can be ended.
static void assert_served(MYSQL *client, MYSQL *other)
{
    long long before = client_number(client, "SELECT a FROM t FOR UPDATE");
    assert_soon_on_replica(client);
    client_run(client, "UPDATE t SET a = a + 1");
    assert_client_number(client, "SELECT a FROM t", before + 1);
    assert_int_equal(client_row_count(client, "SELECT a.i FROM many a, many b LIMIT 100000"),
                     100000);
    client_send(client, "SELECT SLEEP(600) FROM t");
    assert_soon(sleeps(client, other) && has_begun(other));
    client_runf(other, "KILL QUERY %lu", mysql_thread_id(client));
    client_finish(client);
    assert_client_number(client, "SELECT a FROM t", before + 1);
}

static void assert_client_shown(const struct site *site, MYSQL *client, const char *like)
{
    MYSQL *admin = instance_admin(site->instance);
    char query[256];
    snprintf(query, sizeof(query), "SELECT client LIKE '%s' FROM sessions WHERE id = %lu", like,
             mysql_thread_id(client));
    assert_client_number(admin, query, 1);
    mysql_close(admin);
}

static void over_ip6_both_ways(void **state)
{
    struct site *site = *state;
    struct changes changes = {.count = 0};
    change(&changes, "proxy.listen = [::1]:0");
    change_servers_to_ip6(&changes, site->stack);
    site_restart(site, changes.list);
    MYSQL *client = ip6_client(site, "app", "app-secret");
    MYSQL *other = ip6_client(site, "app", "app-secret");
    assert_served(client, other);
    assert_client_text(client, "SELECT USER()", "app@::1");
    assert_client_shown(site, client, "[::1]:%");
    mysql_close(client);
    mysql_close(other);
}

// The server is asked, and its account or refusal is the client's.
static void an_account_of_the_servers_logs_in_over_ip6(void **state)
{
    const struct site *site = *state;
    MYSQL *client = ip6_client(site, "guest", "guest-secret");
    assert_client_text(client, "SELECT CURRENT_USER()", "guest@%");
    mysql_close(client);
    client = mysql_init(NULL);
    assert_null(
        mysql_real_connect(client, "::1", "guest", "wrong", "app", site->instance->port, NULL, 0));
    assert_int_equal(mysql_errno(client), 1045);
    assert_non_null(strstr(mysql_error(client), "'guest'@'::1'"));
    mysql_close(client);
}

static void servers_are_told_of_clients_of_ip6(void **state)
{
    struct site *site = *state;
    if (servers_are_mysql()) {
        skip(); // knows no PROXY header
    }
    struct changes changes = {.count = 0};
    change(&changes, "proxy.listen = [::1]:0");
    change(&changes, "backend:db1.send_proxy = v2");
    change(&changes, "backend:db2.send_proxy = v2");
    change(&changes, "backend:db3.send_proxy = v2");
    site_restart(site, changes.list); // servers by IPv4
    MYSQL *client = ip6_client(site, "app", "app-secret");
    assert_client_text(client, "SELECT USER() FROM t", "app@::1");
    assert_client_text(client, "SELECT USER() FROM t FOR UPDATE", "app@::1");
    mysql_close(client);
}

static void over_unix_sockets_both_ways(void **state)
{
    struct site *site = *state;
    struct changes changes = {.count = 0};
    change_servers_to_sockets(&changes, site->stack);
    site_restart(site, changes.list);
    MYSQL *client = socket_client(site), *other = socket_client(site);
    assert_served(client, other);
    assert_client_text(client, "SELECT USER()", "app@localhost");
    mysql_close(client);
    mysql_close(other);
    client = site_client(site); // by IPv4 to the same servers
    other = socket_client(site);
    assert_served(client, other);
    assert_client_shown(site, client, "127.0.0.1:%");
    mysql_close(client);
    mysql_close(other);
}

static void each_server_may_be_elsewhere(void **state)
{
    struct site *site = *state;
    struct changes changes = {.count = 0};
    change(&changes, "backend:db2.address = [::1]:%u", site->stack->servers[1].port);
    change(&changes, "backend:db3.address = %s", site->stack->servers[2].socket);
    site_restart(site, changes.list);
    bool seen[2] = {false, false};
    MYSQL *client = site_client(site), *other = socket_client(site);
    assert_served(client, other);
    for (struct deadline deadline = deadline_in(WAIT_MS); !seen[0] || !seen[1];) {
        struct client_text where = site_where(client);
        seen[0] |= strcmp(where.text, "db2") == 0;
        seen[1] |= strcmp(where.text, "db3") == 0;
        assert_true(deadline_pause(deadline));
    }
    assert_client_text(client, "SELECT name FROM whoami FOR UPDATE", "db1");
    mysql_close(client);
    mysql_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_ip6_both_ways),
        cmocka_unit_test(an_account_of_the_servers_logs_in_over_ip6),
        cmocka_unit_test(servers_are_told_of_clients_of_ip6),
        cmocka_unit_test(over_unix_sockets_both_ways),
        cmocka_unit_test(each_server_may_be_elsewhere),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
