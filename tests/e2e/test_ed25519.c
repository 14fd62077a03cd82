// MariaDB's ed25519 plugin, for which the server keeps no more than a public key: sluice logs its
// accounts in with the password that their clients gave it.
#include "tests/lib/site.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char accounts[] = "CREATE USER 'signer'@'%' IDENTIFIED VIA ed25519 USING "
                               "PASSWORD('signer-secret, longer than one digest of 32 bytes');"
                               "GRANT SELECT, INSERT ON app.* TO 'signer'@'%'";
#define SIGNER_SECRET "signer-secret, longer than one digest of 32 bytes"

// The server's plugin comes apart from the server. False where it is not there.
static bool plugin_find(char folder[PATH_MAX])
{
    char path[PATH_MAX + 32];
    const char *build = getenv("BUILD");
    snprintf(path, sizeof(path), "%.1000s/tools", build != NULL ? build : "build");
    if (servers_of_run() != SERVERS_MARIADB || realpath(path, folder) == NULL) {
        return false;
    }
    snprintf(path, sizeof(path), "%s/auth_ed25519.so", folder);
    return access(path, R_OK) == 0;
}

static int setup(void **state)
{
    char folder[PATH_MAX], option[PATH_MAX + 16];
    *state = NULL;
    if (plugin_find(folder)) {
        snprintf(option, sizeof(option), "plugin-dir = %s", folder);
        const char *const options[] = {"--set", option, "--set", "plugin-load-add = auth_ed25519",
                                       NULL};
        *state = site_create(options, accounts, NULL);
    }
    return 0;
}

static void an_account_of_the_servers_logs_in(void **state)
{
    const struct site *site = site_or_skip(state);
    struct client_options options = instance_options(site->instance, "signer", SIGNER_SECRET);
    for (int i = 0; i < 2; i++) {
        MYSQL *client = client_connect(&options);
        assert_client_text(client, "SELECT CURRENT_USER()", "signer@%");
        assert_on_replica(client);
        assert_client_text(client, "SELECT name FROM whoami FOR UPDATE", "db1");
        mysql_close(client);
        options.with_tls = true;
    }
}

static void a_wrong_password_is_refused(void **state)
{
    const struct site *site = site_or_skip(state);
    static const char *const wrong[] = {"wrong", "", "signer-secret, longer than one digest"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct client_options options = instance_options(site->instance, "signer", wrong[i]);
        assert_login_error(&options, 1045, "Access denied for user 'signer'");
    }
}

static void an_account_of_a_section_logs_in(void **state)
{
    struct site *site = site_or_skip(state);
    site_restart(site, (const char *const[]){"user:signer.password = " SIGNER_SECRET, NULL});
    struct client_options options = instance_options(site->instance, "signer", SIGNER_SECRET);
    options.plugin = "mysql_native_password"; // all that a client needs then
    MYSQL *client = client_connect(&options);
    assert_on_replica(client);
    mysql_close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_account_of_the_servers_logs_in),
        cmocka_unit_test(a_wrong_password_is_refused),
        cmocka_unit_test(an_account_of_a_section_logs_in),
        cmocka_unit_test(the_proxy_leaves_nothing_behind_where_there_is_one),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
