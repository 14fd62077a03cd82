// TLS on both sides, in each of its modes, with the right and the wrong authority.
#include "tests/lib/peer.h"
#include "tests/lib/site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int setup(void **state)
{
    *state = site_create(NULL, NULL, NULL);
    return 0;
}

// "KEY = FILE" with a file of tests/servers/certificates.
struct change {
    char text[512];
};

static struct change file_change(const char *key, const char *file)
{
    struct change change;
    char *path = realpath("build/servers/tls", NULL);
    assert_non_null(path);
    snprintf(change.text, sizeof(change.text), "%s = %s/%s", key, path, file);
    free(path);
    return change;
}

static struct client_options app_options(const struct site *site)
{
    return instance_options(site->instance, "app", "app-secret");
}

// --- towards clients ----------------------------------------------------------------------------

static void by_default_clients_may_have_tls_or_not(void **state)
{
    const struct site *site = *state;
    struct client_options options = app_options(site);
    options.with_tls = true;
    MYSQL *client = client_connect(&options);
    assert_non_null(mysql_get_ssl_cipher(client));
    assert_on_replica(client);
    client_run(client, "SELECT REPEAT('x', 3000000)");
    mysql_close(client);
    options.with_tls = false;
    client = client_connect(&options);
    assert_on_replica(client);
    mysql_close(client);
}

static void required_refuses_plain_clients_but_not_the_socket(void **state)
{
    struct site *site = *state;
    struct change cert = file_change("proxy.tls_cert", "server.pem");
    struct change key = file_change("proxy.tls_key", "server.key");
    struct change ca = file_change("", "ca.pem");
    struct change other = file_change("", "other.pem");
    site_restart(site, (const char *const[]){"proxy.tls = required", cert.text, key.text, NULL});
    struct peer *peer = peer_connect(site->instance->port);
    struct buffer payload = BUFFER_INIT;
    peer_read_greeting(peer);
    peer_login_payload(peer, "app", "app-secret", NULL, 0, &payload);
    peer_send_packet(peer, buffer_slice(&payload));
    assert_peer_refused(peer, 3159, "TLS");
    buffer_release(&payload);
    peer_close(peer);

    struct client_options options = app_options(site);
    options.tls_ca = ca.text + strlen(" = ");
    MYSQL *client = client_connect(&options);
    assert_on_replica(client);
    mysql_close(client);
    options.tls_ca = other.text + strlen(" = ");
    MYSQL *refused;
    assert_false(client_try(&options, &refused));
    mysql_close(refused);

    options = app_options(site);
    options.port = 0;
    options.socket = site->instance->socket;
    client = client_connect(&options);
    assert_on_replica(client);
    mysql_close(client);
}

static void disabled_offers_none(void **state)
{
    struct site *site = *state;
    site_restart(site, (const char *const[]){"proxy.tls = disabled", NULL});
    struct client_options options = app_options(site);
    options.with_tls = true;
    MYSQL *client = client_connect(&options); // this library gives in where it need not verify
    assert_null(mysql_get_ssl_cipher(client));
    assert_on_replica(client);
    // The password goes by RSA where there is no TLS.
    options = instance_options(site->instance, "guest", "guest-secret");
    options.plugin = "caching_sha2_password";
    mysql_close(client_connect(&options));
    mysql_close(client);
}

// --- towards servers ----------------------------------------------------------------------------

// How many of the proxy's connections to db1 are encrypted, by the server's own count of TLS
// logins.
static long long server_tls_accepts(const struct site *site)
{
    return stack_number(site->stack, "db1",
                        dialect("SELECT VARIABLE_VALUE FROM information_schema.global_status WHERE "
                                "VARIABLE_NAME = 'Ssl_finished_accepts'",
                                "SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE "
                                "VARIABLE_NAME = 'Ssl_finished_accepts'"));
}

// Whether the session's own connection to the primary is encrypted, by the server's word.
static long long is_encrypted(MYSQL *client)
{
    return client_number(
        client, dialect("SELECT VARIABLE_VALUE <> '' FROM information_schema.session_status "
                        "WHERE VARIABLE_NAME = 'Ssl_cipher'",
                        "SELECT VARIABLE_VALUE <> '' FROM performance_schema.session_status "
                        "WHERE VARIABLE_NAME = 'Ssl_cipher'"));
}

enum { CHANGES_MAX = 16 };

struct changes {
    const char *list[CHANGES_MAX]; // NULL-ended
    struct change room[CHANGES_MAX];
};

// The same keys for each backend.
static void backends_change(struct changes *changes, const char *const keys[])
{
    size_t at = 0;
    for (int server = 1; server <= 3; server++) {
        for (size_t i = 0; keys[i] != NULL; i++, at++) {
            assert_true(at < CHANGES_MAX - 1);
            struct change *change = &changes->room[at];
            snprintf(change->text, sizeof(change->text), "backend:db%d.%s", server, keys[i]);
            changes->list[at] = change->text;
        }
    }
    changes->list[at] = NULL;
}

static void restart_with_backends(struct site *site, const char *const keys[])
{
    struct changes changes;
    backends_change(&changes, keys);
    site_restart(site, changes.list);
}

static void servers_are_reached_by_tls_where_they_have_it(void **state)
{
    struct site *site = *state;
    long long before = server_tls_accepts(site);
    site_restart(site, NULL);
    MYSQL *client = site_client(site);
    assert_int_equal(is_encrypted(client), 1);
    mysql_close(client);
    assert_true(server_tls_accepts(site) > before);
}

static void disabled_towards_servers_is_plain(void **state)
{
    struct site *site = *state;
    restart_with_backends(site, (const char *const[]){"tls = disabled", NULL});
    MYSQL *client = site_client(site);
    assert_int_equal(is_encrypted(client), 0);
    mysql_close(client);
}

static void the_right_authority_is_accepted(void **state)
{
    struct site *site = *state;
    struct change ca = file_change("tls_ca", "ca.pem");
    restart_with_backends(site, (const char *const[]){"tls = verify_ca", ca.text, NULL});
    MYSQL *client = site_client(site);
    assert_on_replica(client);
    mysql_close(client);
    restart_with_backends(site, (const char *const[]){"tls = verify_identity", ca.text, NULL});
    client = site_client(site);
    assert_on_replica(client);
    mysql_close(client);
}

static void the_wrong_authority_is_refused(void **state)
{
    const struct site *site = *state;
    struct change other = file_change("tls_ca", "other.pem");
    struct changes changes;
    backends_change(&changes, (const char *const[]){"tls = verify_ca", other.text, NULL});
    struct instance *instance = instance_start_unready(site->stack, changes.list);
    assert_soon(instance_admin_number(instance,
                                      "SELECT COUNT(*) FROM backends WHERE state = 'down' AND "
                                      "reason LIKE '%certificate%'") == 3);
    // Each server is told of once, and, with the last of them, that nobody gets writes.
    assert_soon(instance_event_count(instance, "topology.no_primary") == 1);
    assert_int_equal(instance_event_count(instance, "backend.state"), 3);
    instance_stop(instance, (const char *const[]){"backend.state", "topology.no_primary", NULL});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_default_clients_may_have_tls_or_not),
        cmocka_unit_test(required_refuses_plain_clients_but_not_the_socket),
        cmocka_unit_test(disabled_offers_none),
        cmocka_unit_test(servers_are_reached_by_tls_where_they_have_it),
        cmocka_unit_test(disabled_towards_servers_is_plain),
        cmocka_unit_test(the_right_authority_is_accepted),
        cmocka_unit_test(the_wrong_authority_is_refused),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
