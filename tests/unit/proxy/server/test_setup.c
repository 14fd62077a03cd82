// From a configuration to what workers need of it: checked as a whole, and what did not change is
// taken over from the one before.
#include "proxy/server/setup.h"

#include "proxy/server/labels.h"

#include "protocol/packet/error_row.h"
#include "proxy/backend/conn.h"
#include "proxy/base/memory.h"
#include "proxy/net/tls_priv.h"
#include "router/statement/pin.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/file.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

static const char two_servers[] = "[backend:db1]\naddress = 10.0.0.1:3306\nmax_connections = 5\n"
                                  "[backend:db2]\naddress = 10.0.0.2:3306\n"
                                  "[user:ann]\npassword = a\nmax_connections = 2\n";

static const struct config *parse(const char *text)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    const struct config *config =
        config_parse(slice_text(text), "proxy.ini", CONFIG_SEALED, &diagnostics);
    if (config == NULL) {
        diagnostics_print(&diagnostics, stderr);
        fail();
    }
    diagnostics_release(&diagnostics);
    return config;
}

static struct worker_setup *make(const char *text, struct worker_setup *before)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    const struct config *config = parse(text);
    struct worker_setup *setup = setup_make(config, before, &diagnostics);
    assert_non_null(setup);
    assert_int_equal(diagnostics.count, 0);
    assert_ptr_equal(setup->config, config);
    config_unref(config); // the setup has a reference of its own
    diagnostics_release(&diagnostics);
    return setup;
}

// --- the whole -----------------------------------------------------------------------------------

static void a_good_configuration_is_all_there(void **state)
{
    (void)state;
    struct worker_setup *setup = make(two_servers, NULL);
    assert_non_null(setup->client_tls);     // self-signed, by default
    assert_non_null(setup->backend_tls[0]); // preferred, by default
    assert_non_null(setup->backend_tls[1]);
    assert_int_equal(rules_count(setup->rules), 0);
    assert_false(setup->are_targets_kept[0]);
    struct limit_token token = LIMIT_TOKEN_NONE, tokens[2] = {LIMIT_TOKEN_NONE, LIMIT_TOKEN_NONE};
    for (int i = 0; i < 2; i++) {
        assert_true(limit_take(setup->users, 0, &tokens[i]));
    }
    assert_false(limit_take(setup->users, 0, &token));
    limit_give(&tokens[0]);
    limit_give(&tokens[1]);
    worker_setup_unref(setup);
}

static void without_tls_there_are_no_contexts(void **state)
{
    (void)state;
    struct worker_setup *setup = make("[proxy]\ntls = disabled\n"
                                      "[backend:db1]\naddress = 10.0.0.1:3306\ntls = disabled\n",
                                      NULL);
    assert_null(setup->client_tls);
    assert_null(setup->backend_tls[0]);
    worker_setup_unref(setup);
}

// What only its making finds out: each with the line of the section that it is about.
static void mistakes_are_told_with_their_place_and_nothing_is_made(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *part;
    } cases[] = {
        {"[backend:db1]\naddress = 10.0.0.1:3306\n[rule:r]\nmatch = (\n", 4, "match"},
        {"[backend:db1]\naddress = 10.0.0.1:3306\ntls = verify_ca\ntls_ca = %s/missing\n", 1,
         "the authorities"},
        {"[proxy]\ntls_cert = %s/junk\ntls_key = %s/junk\n"
         "[backend:db1]\naddress = 10.0.0.1:3306\n",
         1, "certificate"},
    };
    char folder[FILE_PATH_SIZE], path[FILE_PATH_SIZE + 16];
    (void)state;
    folder_create(folder);
    snprintf(path, sizeof(path), "%s/junk", folder);
    file_write(path, S("no certificate"));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        struct buffer text = BUFFER_INIT;
        struct slice rest = slice_text(cases[i].text);
        while (slice_find_slice(rest, S("%s")) < rest.len) {
            size_t at = slice_find_slice(rest, S("%s"));
            buffer_append_slice(&text, slice_first(rest, at));
            buffer_append_slice(&text, slice_text(folder));
            rest = slice_from(rest, at + 2);
        }
        buffer_append_slice(&text, rest);
        struct diagnostics parsing = DIAGNOSTICS_INIT;
        const struct config *config =
            config_parse(buffer_slice(&text), "proxy.ini", CONFIG_SEALED, &parsing);
        diagnostics_print(&parsing, stderr);
        assert_non_null(config);
        assert_null(setup_make(config, NULL, &diagnostics));
        assert_int_equal(diagnostics.errors, 1);
        assert_int_equal(diagnostics.items[0].line, cases[i].line);
        const char *told = diagnostics_text(&diagnostics, &diagnostics.items[0]);
        if (strstr(told, cases[i].part) == NULL) {
            fail_msg("%s", told);
        }
        config_unref(config);
        diagnostics_release(&parsing);
        diagnostics_release(&diagnostics);
        buffer_release(&text);
    }
    folder_remove(folder);
}

// --- from one to the next ------------------------------------------------------------------------

static void what_did_not_change_is_taken_over(void **state)
{
    (void)state;
    struct worker_setup *before = make(two_servers, NULL);
    struct worker_setup *after = make("[backend:db1]\naddress = 10.0.0.1:3306\nweight = 7\n"
                                      "[backend:db2]\naddress = 10.0.0.9:3306\n"
                                      "[backend:db3]\naddress = 10.0.0.3:3306\n",
                                      before);
    assert_true(after->are_targets_kept[0]); // another weight is no other address
    assert_false(after->are_targets_kept[1]);
    assert_false(after->are_targets_kept[2]);
    assert_ptr_equal(after->backend_tls[0], before->backend_tls[0]);
    assert_ptr_not_equal(after->backend_tls[1], before->backend_tls[1]);
    assert_ptr_equal(after->client_tls, before->client_tls); // made here: clients may know it
    worker_setup_unref(before);
    worker_setup_unref(after); // what they shared is still there
}

static void another_way_of_tls_makes_another_target(void **state)
{
    (void)state;
    struct worker_setup *before = make(two_servers, NULL);
    struct worker_setup *after = make("[proxy]\ntls = required\n"
                                      "[backend:db1]\naddress = 10.0.0.1:3306\ntls = required\n",
                                      before);
    assert_false(after->are_targets_kept[0]);
    assert_ptr_not_equal(after->backend_tls[0], before->backend_tls[0]);
    assert_ptr_not_equal(after->client_tls, before->client_tls);
    worker_setup_unref(before);
    worker_setup_unref(after);
}

static void servers_may_be_added_behind_but_not_taken_out_or_moved(void **state)
{
    static const struct {
        const char *after;
        const char *missing; // NULL: it can follow
    } cases[] = {
        {"[backend:db1]\naddress = h:1\n[backend:db2]\naddress = h:2\n", NULL},
        {"[backend:db1]\naddress = h:9\n[backend:db2]\naddress = h:2\n[backend:db3]\naddress = "
         "h:3\n",
         NULL},
        {"[backend:db1]\naddress = h:1\n", "db2"},
        {"[backend:db2]\naddress = h:2\n[backend:db1]\naddress = h:1\n", "db1"},
        {"[backend:db1]\naddress = h:1\n[backend:new]\naddress = h:2\n", "db2"},
        {"[backend:db0]\naddress = h:7\n[backend:db1]\naddress = h:1\n[backend:db2]\naddress = "
         "h:2\n",
         "db1"},
    };
    (void)state;
    const struct config *before = parse(two_servers);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        const struct config *after = parse(cases[i].after);
        bool can_follow = setup_can_follow(before, after, &diagnostics);
        assert_int_equal(can_follow, cases[i].missing == NULL);
        assert_int_equal(diagnostics.errors, !can_follow);
        if (!can_follow) {
            const char *told = diagnostics_text(&diagnostics, &diagnostics.items[0]);
            assert_non_null(strstr(told, cases[i].missing));
            assert_non_null(strstr(told, "restart"));
        }
        config_unref(after);
        diagnostics_release(&diagnostics);
    }
    config_unref(before);
}

// --- files that are replaced --------------------------------------------------------------------

struct files {
    char folder[FILE_PATH_SIZE];
    char text[4 * FILE_PATH_SIZE + 512]; // of the configuration
};

// db1 trusts an authority, db2 is shown a certificate, db3 has no file.
static void files_init(struct files *files)
{
    folder_create(files->folder);
    snprintf(files->text, sizeof(files->text),
             "[backend:db1]\naddress = 10.0.0.1:3306\ntls = verify_ca\ntls_ca = %s/ca.pem\n"
             "[backend:db2]\naddress = 10.0.0.2:3306\ntls_cert = %s/own.pem\n"
             "tls_key = %s/own.key\n"
             "[backend:db3]\naddress = 10.0.0.3:3306\n",
             files->folder, files->folder, files->folder);
}

static FILE *file_begin(const struct files *files, const char *name)
{
    char path[FILE_PATH_SIZE + 32];
    snprintf(path, sizeof(path), "%s/%s.new", files->folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    return file;
}

static void file_end(const struct files *files, const char *name, FILE *file)
{
    char from[FILE_PATH_SIZE + 32], to[FILE_PATH_SIZE + 32];
    assert_int_equal(fclose(file), 0);
    snprintf(from, sizeof(from), "%s/%s.new", files->folder, name);
    snprintf(to, sizeof(to), "%s/%s", files->folder, name);
    assert_int_equal(rename(from, to), 0);
}

// A new certificate and its key in the place of those before, as a rotation has it.
static void pair_replace(const struct files *files, const char *cert, const char *key)
{
    EVP_PKEY *pair = NULL;
    X509 *certificate = NULL;
    assert_true(tls_certificate_make(&pair, &certificate));
    FILE *file = file_begin(files, cert);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    file_end(files, cert, file);
    file = file_begin(files, key);
    assert_int_equal(PEM_write_PrivateKey(file, pair, NULL, NULL, 0, NULL, NULL), 1);
    file_end(files, key, file);
    EVP_PKEY_free(pair);
    X509_free(certificate);
}

static void file_append(const struct files *files, const char *name, const char *text)
{
    char path[FILE_PATH_SIZE + 32];
    snprintf(path, sizeof(path), "%s/%s", files->folder, name);
    FILE *file = fopen(path, "ae");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

// Makes the next setup of the same configuration in the place of `*setup`: just the targets of
// these servers are new ones, TLS and all.
static void assert_renews(const struct files *files, struct worker_setup **setup,
                          const char *servers)
{
    struct worker_setup *before = *setup;
    struct worker_setup *after = make(files->text, before);
    for (int i = 0; i < 3; i++) {
        bool is_kept = strchr(servers, '1' + i) == NULL;
        assert_int_equal(after->are_targets_kept[i], is_kept);
        assert_int_equal(after->backend_tls[i] == before->backend_tls[i], is_kept);
    }
    worker_setup_unref(before);
    *setup = after;
}

static void a_servers_tls_files_that_were_replaced_make_another_target(void **state)
{
    struct files files;
    (void)state;
    files_init(&files);
    pair_replace(&files, "ca.pem", "ca.key");
    pair_replace(&files, "own.pem", "own.key");
    struct worker_setup *setup = make(files.text, NULL);
    assert_renews(&files, &setup, "");
    pair_replace(&files, "ca.pem", "ca.key");
    assert_renews(&files, &setup, "1");
    pair_replace(&files, "own.pem", "own.key");
    assert_renews(&files, &setup, "2");
    file_append(&files, "own.key", "\n"); // the key alone, and in its place
    assert_renews(&files, &setup, "2");
    assert_renews(&files, &setup, "");
    worker_setup_unref(setup);
    folder_remove(files.folder);
}

static void a_tls_file_that_was_spoiled_is_told_and_the_setup_before_stays(void **state)
{
    struct files files;
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    (void)state;
    files_init(&files);
    pair_replace(&files, "ca.pem", "ca.key");
    pair_replace(&files, "own.pem", "own.key");
    struct worker_setup *setup = make(files.text, NULL);
    file_end(&files, "ca.pem", file_begin(&files, "ca.pem")); // empty
    assert_null(setup_make(setup->config, setup, &diagnostics));
    assert_int_equal(diagnostics.errors, 1);
    assert_int_equal(diagnostics.items[0].line, 1);
    pair_replace(&files, "ca.pem", "ca.key");
    assert_renews(&files, &setup, "1");
    diagnostics_release(&diagnostics);
    worker_setup_unref(setup);
    folder_remove(files.folder);
}

// --- limits --------------------------------------------------------------------------------------

// Connections of before count under the new limit.
static void counts_go_on(void **state)
{
    (void)state;
    struct worker_setup *before = make(two_servers, NULL);
    struct limit_token client = LIMIT_TOKEN_NONE, server = LIMIT_TOKEN_NONE,
                       more = LIMIT_TOKEN_NONE;
    assert_true(limit_take(before->clients, 0, &client));
    assert_true(pool_tokens_take(before->tokens, 0, 0, &server));
    struct worker_setup *after =
        make("[proxy]\nmax_clients = 1\n"
             "[backend:db1]\naddress = 10.0.0.1:3306\nmax_connections = 1\n",
             before);
    assert_false(limit_take(after->clients, 0, &more));
    assert_false(pool_tokens_take(after->tokens, 0, 0, &more));
    limit_give(&client);
    limit_give(&server);
    assert_true(limit_take(after->clients, 0, &more));
    limit_give(&more);
    assert_true(pool_tokens_take(after->tokens, 0, 0, &more));
    limit_give(&more);
    worker_setup_unref(before);
    worker_setup_unref(after);
}

// What RELOAD DRY RUN makes, and a reload that is refused for something else.
static void a_setup_that_is_thrown_away_leaves_the_limits_as_they_were(void **state)
{
    static const char lower[] = "[proxy]\nmax_clients = 1\n"
                                "[backend:db1]\naddress = 10.0.0.1:3306\nmax_connections = 1\n"
                                "[user:ann]\npassword = a\nmax_connections = 1\n";
    (void)state;
    struct worker_setup *before = make(two_servers, NULL);
    worker_setup_unref(make(lower, before));

    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    struct buffer text = BUFFER_INIT;
    buffer_print(&text, "%s[rule:r]\nmatch = (\n", lower);
    buffer_append(&text, "", 1);
    const struct config *config = parse((const char *)buffer_ptr(&text));
    assert_null(setup_make(config, before, &diagnostics));

    struct limit_token clients[2] = {LIMIT_TOKEN_NONE, LIMIT_TOKEN_NONE};
    struct limit_token users[2] = {LIMIT_TOKEN_NONE, LIMIT_TOKEN_NONE};
    struct limit_token servers[2] = {LIMIT_TOKEN_NONE, LIMIT_TOKEN_NONE};
    for (int i = 0; i < 2; i++) {
        assert_true(limit_take(before->clients, 0, &clients[i]));
        assert_true(limit_take(before->users, 0, &users[i]));
        assert_true(pool_tokens_take(before->tokens, 0, 0, &servers[i]));
    }
    for (int i = 0; i < 2; i++) {
        limit_give(&clients[i]);
        limit_give(&users[i]);
        limit_give(&servers[i]);
    }
    config_unref(config);
    buffer_release(&text);
    diagnostics_release(&diagnostics);
    worker_setup_unref(before);
}

// --- labels --------------------------------------------------------------------------------------

static void every_dimension_has_its_names(void **state)
{
    static const struct {
        enum metric_dimension dimension;
        unsigned size;
    } tables[] = {
        {METRIC_DIMENSION_REASON, ROUTE_REASON_COUNT},
        {METRIC_DIMENSION_PIN, PIN_COUNT},
        {METRIC_DIMENSION_CLOSE, CONN_END_COUNT},
    };
    struct metric_labels labels = {0};
    (void)state;
    const struct config *config = parse(two_servers);
    labels_init(&labels, config);
    const char *const *backends = labels.names[METRIC_GIVEN(METRIC_DIMENSION_BACKEND)];
    assert_int_equal(labels.size[METRIC_GIVEN(METRIC_DIMENSION_BACKEND)], 3);
    assert_string_equal(backends[0], ""); // statements that no server got
    assert_string_equal(backends[1], "db1");
    assert_string_equal(backends[2], "db2");
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        unsigned given = METRIC_GIVEN(tables[i].dimension);
        assert_int_equal(labels.size[given], tables[i].size);
        for (unsigned row = 0; row < tables[i].size; row++) {
            assert_non_null(labels.names[given][row]);
        }
    }
    assert_string_equal(labels.names[METRIC_GIVEN(METRIC_DIMENSION_PIN)][PIN_XA], "xa");
    size_t errors;
    error_rows(&errors);
    assert_int_equal(labels.size[METRIC_GIVEN(METRIC_DIMENSION_ERROR)], errors);
    for (int i = 0; i < METRIC_GIVEN_COUNT; i++) {
        mem_free((void *)labels.names[i]);
    }
    config_unref(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_configuration_is_all_there),
        cmocka_unit_test(without_tls_there_are_no_contexts),
        cmocka_unit_test(mistakes_are_told_with_their_place_and_nothing_is_made),
        cmocka_unit_test(what_did_not_change_is_taken_over),
        cmocka_unit_test(another_way_of_tls_makes_another_target),
        cmocka_unit_test(a_servers_tls_files_that_were_replaced_make_another_target),
        cmocka_unit_test(a_tls_file_that_was_spoiled_is_told_and_the_setup_before_stays),
        cmocka_unit_test(counts_go_on),
        cmocka_unit_test(a_setup_that_is_thrown_away_leaves_the_limits_as_they_were),
        cmocka_unit_test(servers_may_be_added_behind_but_not_taken_out_or_moved),
        cmocka_unit_test(every_dimension_has_its_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
