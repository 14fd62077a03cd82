// Which rule a statement falls under: each condition, that they are ANDed, and that the first wins.
#include "router/rules/rules.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <sys/un.h>
#include <cmocka.h>

#define SERVER                                                                                     \
    "[backend:db1]\naddress = db1:3306\n"                                                          \
    "[proxy]\nlisten = 127.0.0.1:6033, [::1]:6033, /run/sluice.sock\n"

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

static const struct rules *compile(const char *text)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    const struct config *config = parse(text);
    const struct rules *rules = rules_compile(config, &diagnostics);
    assert_non_null(rules);
    assert_int_equal(diagnostics.count, 0);
    diagnostics_release(&diagnostics);
    config_unref(config); // the rules have a reference of their own
    return rules;
}

// --- one statement

struct asked {
    const char *text;
    const char *digest;
    const char *tables; // "shop.products, prices"
    const char *user;
    const char *schema;
    const char *client; // "10.0.0.1", "::1"; NULL: a Unix socket
    const char *listen;
};

static struct sockaddr_storage client_of(const char *text)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
        v6->sin6_family = AF_INET6;
    }
    return storage;
}

static uint32_t tables_of(struct statement_table tables[4], const char *text)
{
    struct slice rest = slice_text(text), part;
    uint32_t count = 0;
    while (slice_cut(&rest, ',', &part) && part.len > 0) {
        struct slice schema, name = slice_trim(part);
        bool has_schema = slice_find(name, '.') < name.len;
        struct slice left = name;
        slice_cut(&left, '.', &schema);
        tables[count++] = (struct statement_table){.schema = has_schema ? schema : SLICE_NONE,
                                                   .name = has_schema ? left : name};
    }
    return count;
}

// The name of the rule that matches, or "".
static struct slice ask(const struct rules *rules, const struct asked *asked)
{
    struct rules_scratch *scratch = rules_scratch_create();
    struct statement_table tables[4];
    struct statement statement = {.tables = tables};
    struct sockaddr_storage client = {0};
    statement.tables_count = tables_of(tables, asked->tables);
    if (asked->client != NULL) {
        client = client_of(asked->client);
    }
    struct rules_input input = {
        .statement = &statement,
        .text = slice_text(asked->text),
        .digest = slice_text(asked->digest),
        .user = slice_text(asked->user),
        .schema = slice_text(asked->schema),
        .client = asked->client != NULL ? (const struct sockaddr *)&client : NULL,
        .listen = slice_text(asked->listen),
    };
    const struct rule *rule = rules_match(rules, scratch, &input, 0);
    rules_scratch_destroy(scratch);
    return rule != NULL ? rule->conf->name : SLICE_NONE;
}

// Whether the one rule with these conditions matches.
static bool matches(const char *conditions, struct asked asked)
{
    struct arena arena = ARENA_INIT;
    const struct rules *rules =
        compile(arena_print(&arena, SERVER "[rule:r]\n%s\n", conditions).ptr);
    bool is_match = ask(rules, &asked).len > 0;
    rules_unref(rules);
    arena_release(&arena);
    return is_match;
}

// --- conditions

static void test_match_looks_at_the_text_from_its_first_word(void **state)
{
    (void)state;
    assert_true(matches("match = ^SELECT .* FROM products",
                        (struct asked){.text = " /* x */ select *\n from products"}));
    assert_false(matches("match = ^SELECT .* FROM products",
                         (struct asked){.text = "insert into x select * from products"}));
    assert_true(
        matches("match = FROM PRODUCTS", (struct asked){.text = "select * /* y */ from products"}));
    assert_false(matches("match = sluice", (struct asked){.text = "/* sluice */ select 1"}));
    assert_false(matches("match = a", (struct asked){.text = ""}));
}

static void test_match_digest_looks_at_the_digest(void **state)
{
    struct asked asked = {.text = "select 5", .digest = "SELECT ?"};
    (void)state;
    assert_true(matches("match_digest = ^SELECT \\?$", asked));
    assert_false(matches("match_digest = 5", asked));
    assert_false(matches("match = \\?", asked));
}

static void test_tables_are_those_of_a_schema_or_the_current_one(void **state)
{
    (void)state;
    struct asked unqualified = {.tables = "products", .schema = "shop"};
    struct asked qualified = {.tables = "x, shop.products", .schema = "other"};
    assert_true(matches("tables = products", unqualified));
    assert_true(matches("tables = a, products", unqualified));
    assert_true(matches("tables = shop.products", unqualified));
    assert_false(matches("tables = other.products", unqualified));
    assert_false(matches("tables = product", unqualified));
    assert_true(matches("tables = shop.products", qualified));
    assert_false(matches("tables = products", qualified)); // of the current schema: other.products
    assert_true(matches("tables = other.x", qualified));
    assert_true(matches("tables = x", qualified));
    assert_true(matches("tables = PRODUCTS", unqualified)); // a table too many is no harm
    assert_false(matches("tables = products", (struct asked){.tables = "", .schema = "shop"}));
    assert_true(matches("tables = products", (struct asked){.tables = "products"}));
    assert_false(matches("tables = shop.products", (struct asked){.tables = "products"}));
}

static void test_user_is_one_of_the_list(void **state)
{
    (void)state;
    assert_true(matches("user = app", (struct asked){.user = "app"}));
    assert_true(matches("user = web, app", (struct asked){.user = "app"}));
    assert_false(matches("user = app", (struct asked){.user = "App"}));
    assert_false(matches("user = app", (struct asked){.user = "apps"}));
    assert_false(matches("user = app", (struct asked){.user = ""}));
}

static void test_schema_is_the_current_one(void **state)
{
    (void)state;
    assert_true(matches("schema = shop, other", (struct asked){.schema = "other"}));
    assert_true(matches("schema = shop", (struct asked){.schema = "SHOP"}));
    assert_false(matches("schema = shop", (struct asked){.schema = "shops"}));
    assert_false(matches("schema = shop", (struct asked){.schema = ""}));
}

static void test_client_is_in_a_network(void **state)
{
    (void)state;
    assert_true(matches("client = 10.0.0.0/8", (struct asked){.client = "10.1.2.3"}));
    assert_true(matches("client = fd00::/8, 10.0.0.0/8", (struct asked){.client = "10.1.2.3"}));
    assert_true(matches("client = fd00::/8", (struct asked){.client = "fd00::7"}));
    assert_true(matches("client = 10.0.0.0/8", (struct asked){.client = "::ffff:10.1.2.3"}));
    assert_true(matches("client = 10.1.2.3", (struct asked){.client = "10.1.2.3"}));
    assert_false(matches("client = 10.0.0.0/8", (struct asked){.client = "11.1.2.3"}));
    assert_false(matches("client = 0.0.0.0/0, ::/0", (struct asked){.client = NULL}));
}

static void test_listen_is_where_the_client_came_in(void **state)
{
    (void)state;
    assert_true(matches("listen = 127.0.0.1:6033", (struct asked){.listen = "127.0.0.1:6033"}));
    assert_true(
        matches("listen = /run/sluice.sock, [::1]:6033", (struct asked){.listen = "[::1]:6033"}));
    assert_false(matches("listen = 127.0.0.1:6033", (struct asked){.listen = "/run/sluice.sock"}));
}

static void test_conditions_are_anded(void **state)
{
    static const char conditions[] = "match = ^select\nmatch_digest = \\?\ntables = t\nuser = u\n"
                                     "schema = s\nclient = 10.0.0.0/8\nlisten = 127.0.0.1:6033";
    const struct asked all = {"select 1 from t", "SELECT ? FROM t", "t", "u", "s",
                              "10.0.0.1",        "127.0.0.1:6033"};
    struct asked one_off[7];
    (void)state;
    assert_true(matches(conditions, all));
    for (size_t i = 0; i < 7; i++) {
        one_off[i] = all;
    }
    one_off[0].text = "delete from t";
    one_off[1].digest = "SELECT";
    one_off[2].tables = "x";
    one_off[3].user = "x";
    one_off[4].schema = "x";
    one_off[5].client = "11.0.0.1";
    one_off[6].listen = "[::1]:6033";
    for (size_t i = 0; i < 7; i++) {
        assert_false(matches(conditions, one_off[i]));
    }
}

// --- the set

static void test_the_first_rule_that_matches_wins(void **state)
{
    const struct rules *rules =
        compile(SERVER "[rule:first]\nmatch = a\nuser = u\nroute = replica\n"
                       "[rule:second]\nmatch = a\n[rule:third]\nmatch = a|b\nroute = block\n"
                       "[rule:last]\nlog = yes\n");
    (void)state;
    assert_true(slice_equal(ask(rules, &(struct asked){.text = "a", .user = "u"}), S("first")));
    assert_true(slice_equal(ask(rules, &(struct asked){.text = "a", .user = "v"}), S("second")));
    assert_true(slice_equal(ask(rules, &(struct asked){.text = "b", .user = "u"}), S("third")));
    assert_true(slice_equal(ask(rules, &(struct asked){.text = "c", .user = "u"}), S("last")));
    assert_int_equal(rules_count(rules), 4);
    assert_int_equal(rules_at(rules, 2)->index, 2);
    assert_true(slice_equal(rules_at(rules, 2)->conf->name, S("third")));
    assert_int_equal(rules_at(rules, 2)->conf->route.target, CONF_TARGET_BLOCK);
    assert_false(rules_want_digest(rules));
    rules_unref(rules);
}

static void test_without_rules_nothing_is_asked(void **state)
{
    const struct rules *rules = compile(SERVER);
    (void)state;
    assert_null(rules_match(rules, NULL, NULL, 0)); // not even looked at
    assert_int_equal(rules_count(rules), 0);
    rules_unref(rules);
    rules_unref(NULL);
}

static void test_a_digest_is_wanted_where_a_rule_looks_at_it(void **state)
{
    const struct rules *rules = compile(SERVER "[rule:a]\nuser = u\n[rule:b]\nmatch_digest = x\n");
    (void)state;
    assert_true(rules_want_digest(rules));
    assert_ptr_equal(rules_ref(rules), rules);
    rules_unref(rules);
    assert_int_equal(rules_count(rules), 2);
    rules_unref(rules);
}

static void test_every_bad_pattern_is_told_with_its_line(void **state)
{
    const struct config *config =
        parse(SERVER "[rule:a]\nmatch = (a\n[rule:b]\nmatch = fine\nmatch_digest = [b\n");
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    (void)state;
    assert_null(rules_compile(config, &diagnostics));
    assert_int_equal(diagnostics.errors, 2);
    const char *first = diagnostics_text(&diagnostics, &diagnostics.items[0]);
    assert_ptr_equal(strstr(first, "proxy.ini:6: error: match = (a: "), first);
    assert_non_null(strstr(first, "(at byte 3); allowed: a regular expression (PCRE2)"));
    assert_int_equal(diagnostics.items[1].line, 9);
    assert_non_null(strstr(diagnostics.items[1].text, "match_digest = [b: "));
    diagnostics_release(&diagnostics);
    config_unref(config);
}

// A text of which a pattern cannot say whether it matches is blocked where the rule blocks, and
// left to what follows where it does not.
static void test_an_exhausted_pattern_opens_nothing(void **state)
{
    static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!b";
    (void)state;
    assert_true(matches("match = ^(a|aa)+\\d*b\nroute = block", (struct asked){.text = text}));
    assert_false(matches("match = ^(a|aa)+\\d*b\nroute = replica", (struct asked){.text = text}));
    assert_true(
        matches("match_digest = ^(a|aa)+\\d*b\nroute = block", (struct asked){.digest = text}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match_looks_at_the_text_from_its_first_word),
        cmocka_unit_test(test_match_digest_looks_at_the_digest),
        cmocka_unit_test(test_tables_are_those_of_a_schema_or_the_current_one),
        cmocka_unit_test(test_user_is_one_of_the_list),
        cmocka_unit_test(test_schema_is_the_current_one),
        cmocka_unit_test(test_client_is_in_a_network),
        cmocka_unit_test(test_listen_is_where_the_client_came_in),
        cmocka_unit_test(test_conditions_are_anded),
        cmocka_unit_test(test_the_first_rule_that_matches_wins),
        cmocka_unit_test(test_without_rules_nothing_is_asked),
        cmocka_unit_test(test_a_digest_is_wanted_where_a_rule_looks_at_it),
        cmocka_unit_test(test_every_bad_pattern_is_told_with_its_line),
        cmocka_unit_test(test_an_exhausted_pattern_opens_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
