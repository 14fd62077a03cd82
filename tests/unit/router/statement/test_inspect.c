// What definitions of views and bodies of functions do, as servers show them.
#include "router/statement/statement.h"

#include <stdarg.h>
#include <setjmp.h>

#include <cmocka.h>

struct fixture {
    const struct catalogue *catalogue; // without anything in it
    struct arena arena;
};

static int fixture_setup(void **state)
{
    static struct fixture fixture;
    struct catalogue_builder *builder = catalogue_builder_create();
    for (int id = 0; id < CATALOGUE_QUERY_COUNT; id++) {
        catalogue_builder_done(builder, (enum catalogue_query_id)id);
    }
    fixture.catalogue = catalogue_builder_finish(&builder, statement_inspect);
    fixture.arena = ARENA_INIT;
    *state = &fixture;
    return 0;
}

static int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    catalogue_unref(fixture->catalogue);
    arena_release(&fixture->arena);
    return 0;
}

static struct catalogue_definition inspect(struct fixture *fixture,
                                           enum catalogue_definition_kind kind, const char *mode,
                                           const char *text)
{
    struct catalogue_definition definition;
    const struct catalogue_source source = {
        .kind = kind,
        .schema = S("app"),
        .sql_mode = slice_text(mode),
        .text = slice_text(text),
    };
    statement_inspect(&definition, &fixture->arena, &source, fixture->catalogue);
    return definition;
}

// A query of the server's version, its tables or the connection's id changes nothing: it is the
// primary's to answer, and no reason to keep the session there or to refuse it to a reader.
static void test_views_are_as_safe_as_their_queries(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *text;
        enum catalogue_safety safety;
        bool is_deterministic;
    } cases[] = {
        {"select `app`.`t`.`id` AS `id`,ucase(`app`.`t`.`b`) AS `b` from `app`.`t`", CATALOGUE_SAFE,
         true},
        {"select (case when (`a`.`x` > 1) then 'y' else 'z' end) AS `c` from `app`.`t` `a` group "
         "by `a`.`x`",
         CATALOGUE_SAFE, true},
        {"select row_number() over ( order by `app`.`t`.`id`) AS `n` from `app`.`t`",
         CATALOGUE_SAFE, true},
        {"select regexp_replace(`app`.`t`.`b`,'a','b') AS `b` from `app`.`t`", CATALOGUE_SAFE,
         true},
        {"select 1 AS `1`", CATALOGUE_SAFE, true},
        {"with `x` as (select 1 AS `i`) select `x`.`i` AS `i` from `x`", CATALOGUE_SAFE, true},
        {"select current_timestamp() AS `now` from `app`.`t`", CATALOGUE_SAFE, false},
        {"select current_user() AS `me` from `app`.`t`", CATALOGUE_SAFE, false},
        {"select @@sql_mode AS `m`", CATALOGUE_SAFE, false},
        {"select `app`.`f`(1) AS `f`", CATALOGUE_UNSAFE, false},
        {"select `f`(1) AS `f`", CATALOGUE_UNSAFE, false},
        {"select get_lock('a',1) AS `l`", CATALOGUE_UNSAFE, false},
        {"select last_insert_id() AS `i`", CATALOGUE_UNSAFE, false},
        {"select last_insert_id() AS `i`,version() AS `v`", CATALOGUE_UNSAFE, false},
        {"select row_count() AS `n`", CATALOGUE_UNSAFE, false},
        {"select connection_id() AS `i`", CATALOGUE_SERVER_SPECIFIC, false},
        {"select version() AS `v`", CATALOGUE_SERVER_SPECIFIC, false},
        {"select @@hostname AS `h`", CATALOGUE_SERVER_SPECIFIC, false},
        {"select @@transaction_read_only AS `r`", CATALOGUE_SERVER_SPECIFIC, false},
        {"select @@session_track_gtids AS `g`", CATALOGUE_SERVER_SPECIFIC, false},
        {"select `information_schema`.`tables`.`TABLE_NAME` AS `table_name` from "
         "`information_schema`.`tables`",
         CATALOGUE_SERVER_SPECIFIC, false},
        {"select version() AS `v`,`f`(1) AS `f`", CATALOGUE_UNSAFE, false},
        {"select `information_schema`.`processlist`.`ID` AS `id` from "
         "`information_schema`.`processlist`",
         CATALOGUE_SERVER_SPECIFIC, false},
        {"select nextval(`app`.`s`) AS `n`", CATALOGUE_UNSAFE, false},
        {"select `app`.`t`.`id` AS `id` from `app`.`t` for update", CATALOGUE_UNSAFE, false},
        {"delete from t", CATALOGUE_UNSAFE, false},
        {"select 1; delete from t", CATALOGUE_UNSAFE, false},
        {"select 'unterminated", CATALOGUE_UNSAFE, false},
        {"", CATALOGUE_UNSAFE, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct catalogue_definition definition =
            inspect(fixture, CATALOGUE_VIEW_DEFINITION, "", cases[i].text);
        assert_int_equal(definition.safety, cases[i].safety);
        assert_int_equal(definition.is_deterministic, cases[i].is_deterministic);
    }
}

static void test_functions_that_only_return_are_pure(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *text;
        bool is_safe;
        bool is_deterministic;
    } cases[] = {
        {"RETURN ROUND(price / 1.19, 2)", true, true},
        {"return (select max(a) from t where b = x)", true, true},
        {"/* comment */ RETURN CONCAT('a', b)", true, true},
        {"RETURN NOW()", true, false},
        {"RETURN other(1)", false, false},
        {"RETURN @v", false, false},
        {"RETURN VERSION()", false, false},
        {"RETURN @v := 1", false, false},
        {"RETURN GET_LOCK('a', 1)", false, false},
        {"RETURN (SELECT a FROM t FOR UPDATE)", false, false},
        {"RETURN 1; DELETE FROM t", false, false},
        {"BEGIN RETURN 1; END", true, false},
        {"BEGIN DELETE FROM t; RETURN 1; END", false, false},
        {"RETURN", true, true}, // no server stores it; it does nothing
        {"", false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct catalogue_definition definition =
            inspect(fixture, CATALOGUE_FUNCTION_BODY, "", cases[i].text);
        assert_int_equal(definition.safety == CATALOGUE_SAFE, cases[i].is_safe);
        assert_int_equal(definition.is_deterministic, cases[i].is_deterministic);
    }
}

// The body is read in the mode that the function was made in.
static void test_bodies_are_read_in_their_own_sql_mode(void **state)
{
    struct fixture *fixture = *state;
    const char *body = "RETURN '\\' + f('a') -- '";
    assert_int_equal(inspect(fixture, CATALOGUE_FUNCTION_BODY, "", "RETURN '\\'a'").safety,
                     CATALOGUE_SAFE);
    assert_int_equal(inspect(fixture, CATALOGUE_FUNCTION_BODY, "NO_BACKSLASH_ESCAPES", body).safety,
                     CATALOGUE_UNSAFE);
    assert_int_equal(
        inspect(fixture, CATALOGUE_FUNCTION_BODY, "IGNORE_SPACE", "RETURN MAX (1)").safety,
        CATALOGUE_SAFE);
    assert_int_equal(inspect(fixture, CATALOGUE_FUNCTION_BODY, "", "RETURN MAX (1)").safety,
                     CATALOGUE_UNSAFE);
    assert_int_equal(
        inspect(fixture, CATALOGUE_FUNCTION_BODY, "?", "RETURN (SELECT a FROM \"t\")").safety,
        CATALOGUE_UNSAFE);
}

static void test_tables_have_their_schemas(void **state)
{
    struct fixture *fixture = *state;
    struct catalogue_definition definition =
        inspect(fixture, CATALOGUE_VIEW_DEFINITION, "", "select 1 from `t` join `other`.`u`");
    assert_int_equal(definition.tables_count, 2);
    assert_true(slice_equal(definition.tables[0].schema, S("app")));
    assert_true(slice_equal(definition.tables[0].name, S("t")));
    assert_true(slice_equal(definition.tables[1].schema, S("other")));
    assert_true(slice_equal(definition.tables[1].name, S("u")));
    assert_true(definition.are_tables_complete);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_views_are_as_safe_as_their_queries),
        TEST(test_functions_that_only_return_are_pure),
        TEST(test_bodies_are_read_in_their_own_sql_mode),
        TEST(test_tables_have_their_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
