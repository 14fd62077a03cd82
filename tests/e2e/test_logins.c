// Who gets in, by which plugin, and what a refused client is told.
#include "tests/lib/http.h"
#include "tests/lib/site.h"

#include "proxy/base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char accounts[] = "CREATE USER 'empty'@'%' IDENTIFIED BY '';"
                               "GRANT SELECT ON app.* TO 'empty'@'%';"
                               "CREATE USER 'changing'@'%' IDENTIFIED BY 'first-secret';"
                               "GRANT SELECT ON app.* TO 'changing'@'%';"
                               "CREATE USER 'leaving'@'%' IDENTIFIED BY 'leaving-secret';"
                               "GRANT SELECT ON app.* TO 'leaving'@'%';"
                               "CREATE USER 'hashed'@'%' IDENTIFIED BY 'hashed-secret';"
                               "GRANT SELECT ON app.* TO 'hashed'@'%'";

static const char accounts_of_mysql[] =
    "CREATE USER 'older'@'%' IDENTIFIED WITH sha256_password BY 'older-secret';"
    "GRANT SELECT ON app.* TO 'older'@'%'";

static int passthrough_setup(void **state)
{
    static const char *const expected[] = {"backend.state", "topology.no_primary",
                                           "monitor.catalogue", NULL};
    struct site *site = site_create(NULL, accounts, NULL);
    if (servers_are_mysql()) {
        stack_run(site->stack, "db1", accounts_of_mysql);
        stack_sync(site->stack);
    }
    site->expected = expected; // of the test in which the primary is away
    *state = site;
    return 0;
}

// --- accounts that stand in proxy.ini -----------------------------------------------------------

static void known_user_logs_in_by(const struct site *site, const char *plugin, bool over_socket,
                                  bool with_tls)
{
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    options.plugin = plugin;
    options.with_tls = with_tls;
    if (over_socket) {
        options.port = 0;
        options.socket = site->instance->socket;
    }
    MYSQL *client = client_connect(&options);
    assert_client_text(client, "SELECT CURRENT_USER()", "app@%");
    assert_client_text(client, "SELECT DATABASE()", "app");
    assert_on_replica(client);
    mysql_close(client);
    options.password = "wrong";
    assert_login_error(&options, 1045, "Access denied for user 'app'");
    options.password = "";
    assert_login_error(&options, 1045, "Access denied for user 'app'");
}

static void native_password_works_everywhere(void **state)
{
    known_user_logs_in_by(*state, "mysql_native_password", false, false);
    known_user_logs_in_by(*state, "mysql_native_password", false, true);
    known_user_logs_in_by(*state, "mysql_native_password", true, false);
}

static void caching_sha2_works_everywhere(void **state)
{
    known_user_logs_in_by(*state, "caching_sha2_password", false, false);
    known_user_logs_in_by(*state, "caching_sha2_password", false, true);
    known_user_logs_in_by(*state, "caching_sha2_password", true, false);
}

static void a_plugin_that_the_proxy_lacks_is_switched(void **state)
{
    known_user_logs_in_by(*state, "client_ed25519", false, false);
}

static void a_schema_that_is_not_there_refuses_the_login(void **state)
{
    const struct site *site = *state;
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    options.schema = "nowhere";
    assert_login_error(&options, 1044, "nowhere");
    options.schema = NULL;
    MYSQL *client = client_connect(&options);
    assert_client_text(client, "SELECT DATABASE()", "NULL");
    mysql_close(client);
}

// --- accounts that only the servers know --------------------------------------------------------

static void the_servers_own_accounts_work(void **state)
{
    const struct site *site = *state;
    struct client_options options = instance_options(site->instance, "guest", "guest-secret");
    for (int i = 0; i < 3; i++) {
        MYSQL *client = client_connect(&options);
        assert_client_text(client, "SELECT CURRENT_USER()", "guest@%");
        assert_on_replica(client);
        mysql_close(client);
        options.with_tls = i == 0;
    }
    options.password = "wrong";
    assert_login_error(&options, 1045, "Access denied for user 'guest'");
    options = instance_options(site->instance, "empty", "");
    MYSQL *client = client_connect(&options);
    assert_client_text(client, "SELECT CURRENT_USER()", "empty@%");
    mysql_close(client);
}

// The plugin before caching_sha2_password: the password itself goes to the server, by TLS or RSA.
static void accounts_of_sha256_password_work(void **state)
{
    struct site *site = *state;
    if (!servers_are_mysql()) {
        skip();
    }
    static const char *const modes[] = {"backend:db1.tls = required", "backend:db1.tls = disabled"};
    for (int i = 0; i < 2; i++) {
        site_restart(site, (const char *const[]){modes[i], NULL});
        struct client_options options = instance_options(site->instance, "older", "older-secret");
        MYSQL *client = client_connect(&options);
        assert_client_text(client, "/* sluice: primary */ SELECT CURRENT_USER() FROM whoami",
                           "older@%");
        mysql_close(client);
        options.password = "wrong";
        assert_login_error(&options, 1045, "Access denied for user 'older'");
    }
}

// MySQL asks some accounts that it does not have to log in by one plugin, and some by another.
static void an_unknown_user_is_refused_whatever_plugin_the_server_asks_for(void **state)
{
    const struct site *site = *state;
    for (int i = 0; i < 20; i++) {
        char user[16];
        snprintf(user, sizeof(user), "nobody%d", i);
        struct client_options options = instance_options(site->instance, user, "secret");
        assert_login_error(&options, 1045, "Access denied for user 'nobody");
    }
}

static void a_changed_password_is_learnt(void **state)
{
    const struct site *site = *state;
    struct client_options options = instance_options(site->instance, "changing", "first-secret");
    mysql_close(client_connect(&options));
    stack_run(site->stack, "db1",
              dialect("SET PASSWORD FOR 'changing'@'%' = PASSWORD('second-secret')",
                      "SET PASSWORD FOR 'changing'@'%' = 'second-secret'"));
    stack_sync(site->stack);
    options.password = "second-secret";
    MYSQL *client = client_connect(&options);
    assert_on_replica(client);
    mysql_close(client);
}

static void an_account_dropped_through_the_proxy_is_forgotten_at_once(void **state)
{
    const struct site *site = *state;
    struct client_options options = instance_options(site->instance, "leaving", "leaving-secret");
    mysql_close(client_connect(&options));
    struct client_options root = instance_options(site->instance, "root", "root-secret");
    MYSQL *client = client_connect(&root);
    client_run(client, "DROP USER 'leaving'@'%'");
    mysql_close(client);
    assert_login_error(&options, 1045, "leaving");
}

static void an_account_that_was_locked_is_told_so_at_once(void **state)
{
    const struct site *site = *state;
    const unsigned is_locked = (unsigned)(servers_are_mysql() ? 3118 : 4151);
    struct client_options root = instance_options(site->instance, "root", "root-secret");
    MYSQL *boss = client_connect(&root);
    client_run(boss, "CREATE USER 'locking'@'%' IDENTIFIED BY 'locking-secret'");
    client_run(boss, "GRANT SELECT ON app.* TO 'locking'@'%'");
    stack_sync(site->stack);
    struct client_options options = instance_options(site->instance, "locking", "locking-secret");
    MYSQL *client = client_connect(&options);
    client_run(boss, "ALTER USER 'locking'@'%' ACCOUNT LOCK");
    stack_sync(site->stack);
    client_run(client,
               "SELECT name FROM whoami"); // with the connection of the login, as on a server
    assert_login_error(&options, is_locked, "locked");
    client_run(boss, "ALTER USER 'locking'@'%' ACCOUNT UNLOCK");
    stack_sync(site->stack);
    mysql_close(client);
    client = client_connect(&options);
    assert_on_replica(client);
    client_run(boss, "DROP USER 'locking'@'%'");
    mysql_close(client);
    mysql_close(boss);
}

static void transaction_run(MYSQL *client)
{
    client_run(client, "START TRANSACTION");
    client_run(client, "SELECT name FROM app.whoami");
    client_run(client, "COMMIT");
}

// As on a server: who is logged in is not asked again, as far as the connections that are there do.
static void who_is_logged_in_while_the_account_changes_goes_on(void **state)
{
    const struct site *site = *state;
    struct client_options root = instance_options(site->instance, "root", "root-secret");
    MYSQL *boss = client_connect(&root);
    client_run(boss, "CREATE USER 'staying'@'%' IDENTIFIED BY 'first-secret'");
    client_run(boss, "GRANT SELECT ON app.* TO 'staying'@'%'");
    stack_sync(site->stack);
    struct client_options options = instance_options(site->instance, "staying", "first-secret");
    MYSQL *client = client_connect(&options);
    transaction_run(client);
    client_run(boss, "ALTER USER 'staying'@'%' IDENTIFIED BY 'second-secret'");
    stack_sync(site->stack);
    transaction_run(client);
    for (int i = 0; i < 8;
         i++) { // on the primary where a replica has no connection of the account's
        client_run(client, "SELECT name FROM app.whoami");
    }
    assert_login_error(&options, 1045, "staying");
    options.password = "second-secret";
    MYSQL *again = client_connect(&options);
    assert_on_replica(again);
    transaction_run(client);
    client_run(boss, "DROP USER 'staying'@'%'");
    mysql_close(client);
    mysql_close(again);
    mysql_close(boss);
}

static double login_refusal_seconds(const struct site *site, const char *user)
{
    struct client_options options = instance_options(site->instance, user, "wrong");
    int64_t begin = clock_now_us();
    for (int i = 0; i < 20; i++) {
        assert_login_error(&options, 1045, "Access denied");
    }
    return (double)(clock_now_us() - begin) / 1e6;
}

static void an_unknown_user_is_refused_like_a_wrong_password(void **state)
{
    const struct site *site = *state;
    char texts[2][256];
    static const char *const users[] = {"app", "xpp"};
    for (int i = 0; i < 2; i++) {
        struct client_options options = instance_options(site->instance, users[i], "wrong");
        MYSQL *client;
        assert_false(client_try(&options, &client));
        assert_int_equal(mysql_errno(client), 1045);
        snprintf(texts[i], sizeof(texts[i]), "%s", mysql_error(client));
        mysql_close(client);
    }
    char *name = strstr(texts[1], "xpp");
    assert_non_null(name);
    *name = 'a';
    assert_string_equal(texts[0], texts[1]);
    // Accounts that the servers know and that nobody knows go the same way, so take alike.
    double known = login_refusal_seconds(site, "guest"),
           unknown = login_refusal_seconds(site, "gxest");
    assert_true(known < 4 * unknown + 0.2 && unknown < 4 * known + 0.2);
}

static void the_primary_away_a_first_login_is_tried_on_a_replica(void **state)
{
    struct site *site = *state;
    site_restart(site, NULL); // which has learnt nobody yet
    stack_server_do(site->stack, "db1", "kill");
    assert_soon(instance_admin_number(site->instance,
                                      "SELECT COUNT(*) FROM backends WHERE state = 'down'") == 1);
    struct client_options options = instance_options(site->instance, "guest", "guest-secret");
    MYSQL *client = client_connect(&options);
    assert_on_replica(client);
    mysql_close(client);
    stack_server_do(site->stack, "db1", "start");
    instance_wait_ready(site->instance);
    assert_soon(instance_admin_number(site->instance,
                                      "SELECT COUNT(*) FROM backends WHERE role = 'primary' AND "
                                      "state = 'up'") == 1);
}

// Servers that lock an account after so many wrong passwords in a row must see the right ones too.
static void a_good_login_ends_the_servers_count_of_wrong_passwords(void **state)
{
    const struct site *site = *state;
    MYSQL *root = stack_connect(site->stack, "db1");
    if (servers_are_mysql()) {
        client_run(root, "CREATE USER 'counted'@'%' IDENTIFIED BY 'counted-secret'"
                         " FAILED_LOGIN_ATTEMPTS 2 PASSWORD_LOCK_TIME UNBOUNDED");
    } else {
        client_run(root, "SET GLOBAL max_password_errors = 2");
        client_run(root, "CREATE USER 'counted'@'%' IDENTIFIED BY 'counted-secret'");
    }
    client_run(root, "GRANT SELECT ON app.* TO 'counted'@'%'");
    stack_sync(site->stack);
    struct client_options options = instance_options(site->instance, "counted", "counted-secret");
    for (int i = 0; i < 12; i++) {
        options.password = "wrong";
        assert_login_error(&options, 1045, "counted");
        options.password = "counted-secret";
        mysql_close(client_connect(&options));
    }
    if (!servers_are_mysql()) {
        client_run(root, "SET GLOBAL max_password_errors = DEFAULT");
    }
    mysql_close(root);
}

// With the probes an hour apart nobody but the login notices.
static void a_first_login_is_tried_on_a_replica_where_the_primary_does_not_answer(void **state)
{
    struct site *site = *state;
    site_restart(site, (const char *const[]){"monitor.interval = 1h", NULL});
    instance_wait_ready(site->instance);
    stack_server_do(site->stack, "db1", "kill");
    struct client_options options = instance_options(site->instance, "guest", "guest-secret");
    MYSQL *client = client_connect(&options);
    assert_on_replica(client);
    options.password = "wrong";
    assert_login_error(&options, 1045, "guest");
    mysql_close(client);
    stack_server_do(site->stack, "db1", "start");
    site_restart(site, NULL);
}

static void *login_run(void *context)
{
    const struct site *site = context;
    struct client_options options = instance_options(site->instance, "guest", "guest-secret");
    MYSQL *client;
    bool is_in = client_try(&options, &client);
    mysql_close(client);
    mysql_thread_end();
    return is_in ? context : NULL;
}

static void *login_nowhere_run(void *context)
{
    const struct site *site = context;
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    options.schema = "nowhere";
    assert_login_error(&options, 1044, "nowhere");
    mysql_thread_end();
    return NULL;
}

// Connections are opened for who waits, and the schema of the first is not the others' fault.
static void a_refused_schema_is_told_to_who_asked_for_it(void **state)
{
    enum { CLIENTS = 4, ROUNDS = 6 };
    struct site *site = *state;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[CLIENTS];
        site_restart(site, (const char *const[]){"proxy.workers = 1", NULL}); // without connections
        struct client_options options = instance_options(site->instance, "app", "app-secret");
        for (int i = 0; i < CLIENTS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, login_nowhere_run, site), 0);
        }
        for (int i = 0; i < CLIENTS; i++) {
            mysql_close(client_connect(&options));
        }
        for (int i = 0; i < CLIENTS; i++) {
            pthread_join(threads[i], NULL);
        }
    }
}

static uint64_t column_number(MYSQL *client, const char *statement)
{
    uint64_t number;
    struct client_text text = client_column(client, statement, "Value");
    assert_true(slice_to_u64(slice_text(text.text), &number));
    return number;
}

// As when a sluice takes the place of another: nobody is known, and all come at once.
static void many_first_logins_ask_a_server_for_a_few(void **state)
{
    enum { CLIENTS = 64, CONNECTIONS_MOST = 32 };
    static const char connections[] = "SHOW GLOBAL STATUS LIKE 'Connections'";
    struct site *site = *state;
    pthread_t threads[CLIENTS];
    site_restart(site, (const char *const[]){"proxy.workers = 2", NULL});
    MYSQL *root = stack_connect(site->stack, "db1");
    uint64_t before = column_number(root, connections);
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, login_run, site), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        void *is_in;
        pthread_join(threads[i], &is_in);
        assert_non_null(is_in);
    }
    assert_in_range(column_number(root, connections) - before, 1, CONNECTIONS_MOST);
    mysql_close(root);
}

// --- mode = file --------------------------------------------------------------------------------

static void in_file_mode_only_the_sections_count(void **state)
{
    struct site *site = *state;
    site_restart(site, (const char *const[]){"auth.mode = file", "user:changing.password = old",
                                             "user:changing.password2 = second-secret", NULL});
    struct client_options options = instance_options(site->instance, "guest", "guest-secret");
    assert_login_error(&options, 1045, "guest");
    options = instance_options(site->instance, "changing", "second-secret");
    mysql_close(client_connect(&options));
    options = instance_options(site->instance, "app", "app-secret");
    MYSQL *client = client_connect(&options);
    assert_on_replica(client);
    mysql_close(client);
}

static void a_stored_hash_is_enough_for_native_password(void **state)
{
    struct site *site = *state;
    if (servers_are_mysql()) { // which has no such accounts any more
        skip();
    }
    MYSQL *root = stack_connect(site->stack, "db1");
    struct client_text hash = client_text(root, "SELECT PASSWORD('hashed-secret')");
    mysql_close(root);
    char change[1200];
    snprintf(change, sizeof(change), "user:hashed.password_hash = %s", hash.text);
    site_restart(site, (const char *const[]){"auth.mode = file", change, NULL});
    struct client_options options = instance_options(site->instance, "hashed", "hashed-secret");
    options.plugin = "mysql_native_password";
    MYSQL *client = client_connect(&options);
    assert_soon(instance_admin_number(site->instance,
                                      "SELECT COUNT(*) FROM backends WHERE state = 'up'") == 3);
    assert_on_replica(client);
    assert_client_text(client, "SELECT CURRENT_USER()", "hashed@%");
    mysql_close(client);
    options.password = "wrong";
    assert_login_error(&options, 1045, "hashed");
}

// The client proves itself to sluice, and sluice cannot to the server.
static void a_stored_hash_is_not_enough_for_mysql_and_the_client_is_told(void **state)
{
    static const char hash[] =
        "user:hashed.password_hash = *75E7F0BF09E5E4271384DAB38C7511390B2E75E5";
    struct site *site = *state;
    if (!servers_are_mysql()) {
        skip();
    }
    site_restart(site, (const char *const[]){"auth.mode = file", hash, NULL});
    struct client_options options = instance_options(site->instance, "hashed", "hashed-secret");
    options.plugin = "mysql_native_password";
    MYSQL *client = client_connect(&options);
    assert_client_error(client, "SELECT * FROM whoami", 1429, "in place of password_hash");
    mysql_close(client);
    options.password = "wrong";
    assert_login_error(&options, 1045, "hashed");
}

static void limits_on_clients_are_kept(void **state)
{
    struct site *site = *state;
    site_restart(site, (const char *const[]){"proxy.max_clients = 3",
                                             "user:guest.password = guest-secret",
                                             "user:guest.max_connections = 1", NULL});
    struct client_options app = instance_options(site->instance, "app", "app-secret");
    struct client_options guest = instance_options(site->instance, "guest", "guest-secret");
    MYSQL *clients[3] = {client_connect(&app), client_connect(&guest)};
    assert_login_error(&guest, 1203, "sluice:");
    assert_soon(http_metric_sum(site->instance->http_port, "sluice_clients", "") == 2);
    clients[2] = client_connect(&app);
    assert_login_error(&app, 1040, "sluice:");
    for (int i = 0; i < 3; i++) {
        mysql_close(clients[i]);
    }
    assert_site_idle(site);
    mysql_close(client_connect(&guest));
}

// Neither its own place nor the other user's is lost.
static void a_change_to_a_user_who_may_not_come_counts_for_nothing(void **state)
{
    struct site *site = *state;
    site_restart(site, (const char *const[]){"user:app.max_connections = 1",
                                             "user:guest.password = guest-secret",
                                             "user:guest.max_connections = 1", NULL});
    struct client_options app = instance_options(site->instance, "app", "app-secret");
    struct client_options guest = instance_options(site->instance, "guest", "guest-secret");
    MYSQL *client = client_connect(&app), *other = client_connect(&guest);
    for (int i = 0; i < 2; i++) {
        assert_int_not_equal(mysql_change_user(client, "guest", "guest-secret", "app"), 0);
        assert_int_equal(mysql_errno(client), 1203);
        if (servers_are_mysql()) { // whose connections end where the change is refused
            mysql_close(client);
            assert_soon(http_metric_sum(site->instance->http_port, "sluice_clients", "") == 1);
            client = client_connect(&app);
        }
    }
    assert_client_text(client, "SELECT CURRENT_USER()", "app@%");
    assert_login_error(&app, 1203, "sluice:");
    mysql_close(other);
    assert_soon(http_metric_sum(site->instance->http_port, "sluice_clients", "") == 1);
    assert_int_equal(mysql_change_user(client, "guest", "guest-secret", "app"), 0);
    assert_login_error(&guest, 1203, "sluice:");
    mysql_close(client_connect(&app));
    mysql_close(client);
    assert_site_idle(site);
}

static void a_read_only_user_writes_nothing(void **state)
{
    struct site *site = *state;
    site_restart(site, (const char *const[]){"user:app.readonly = yes", NULL});
    MYSQL *client = site_client(site);
    assert_on_replica(client);
    assert_client_error(client, "CREATE TABLE app.refused (a INT)", 1290, "sluice:");
    mysql_close(client);
}

static long long opened_for_guests(const struct site *site)
{
    struct client_options options = instance_options(site->instance, "guest", "guest-secret");
    MYSQL *client = client_connect(&options);
    assert_client_number(client, "SELECT 1", 1);
    mysql_close(client);
    return instance_admin_number(site->instance, "SELECT SUM(opened) FROM pools");
}

// Anybody may send one, for any user: what is known of the account stays, and so do its
// connections.
static void a_wrong_password_says_nothing_of_the_right_one(void **state)
{
    struct site *site = *state;
    site_restart(site, (const char *const[]){"proxy.workers = 1", NULL});
    long long before = 0;
    for (int i = 0; i < 20; i++) { // there is one to each server then
        before = opened_for_guests(site);
    }
    for (int i = 0; i < 3; i++) {
        struct client_options options = instance_options(site->instance, "guest", "wrong");
        assert_login_error(&options, 1045, "guest");
        assert_int_equal(opened_for_guests(site), before);
    }
    site_restart(site, NULL);
}

static void nothing_secret_is_logged(void **state)
{
    const struct site *site = *state;
    static const char *const secrets[] = {"app-secret", "guest-secret", "monitor-secret",
                                          "hashed-secret"};
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        assert_int_equal(file_count(site->instance->log, secrets[i]), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(native_password_works_everywhere),
        cmocka_unit_test(caching_sha2_works_everywhere),
        cmocka_unit_test(a_plugin_that_the_proxy_lacks_is_switched),
        cmocka_unit_test(a_schema_that_is_not_there_refuses_the_login),
        cmocka_unit_test(the_servers_own_accounts_work),
        cmocka_unit_test(an_unknown_user_is_refused_whatever_plugin_the_server_asks_for),
        cmocka_unit_test(accounts_of_sha256_password_work),
        cmocka_unit_test(a_changed_password_is_learnt),
        cmocka_unit_test(an_account_dropped_through_the_proxy_is_forgotten_at_once),
        cmocka_unit_test(an_account_that_was_locked_is_told_so_at_once),
        cmocka_unit_test(who_is_logged_in_while_the_account_changes_goes_on),
        cmocka_unit_test(an_unknown_user_is_refused_like_a_wrong_password),
        cmocka_unit_test(a_wrong_password_says_nothing_of_the_right_one),
        cmocka_unit_test(nothing_secret_is_logged),
        cmocka_unit_test(the_primary_away_a_first_login_is_tried_on_a_replica),
        cmocka_unit_test(a_good_login_ends_the_servers_count_of_wrong_passwords),
        cmocka_unit_test(a_first_login_is_tried_on_a_replica_where_the_primary_does_not_answer),
        cmocka_unit_test(many_first_logins_ask_a_server_for_a_few),
        cmocka_unit_test(a_refused_schema_is_told_to_who_asked_for_it),
        cmocka_unit_test(in_file_mode_only_the_sections_count),
        cmocka_unit_test(a_stored_hash_is_enough_for_native_password),
        cmocka_unit_test(a_stored_hash_is_not_enough_for_mysql_and_the_client_is_told),
        cmocka_unit_test(limits_on_clients_are_kept),
        cmocka_unit_test(a_change_to_a_user_who_may_not_come_counts_for_nothing),
        cmocka_unit_test(a_read_only_user_writes_nothing),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, passthrough_setup, site_teardown);
}
