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

static void test_views_of_pure_queries_are_safe(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *text;
        bool is_safe;
        bool is_deterministic;
    } cases[] = {
        {"select `app`.`t`.`id` AS `id`,ucase(`app`.`t`.`b`) AS `b` from `app`.`t`", true, true},
        {"select (case when (`a`.`x` > 1) then 'y' else 'z' end) AS `c` from `app`.`t` `a` group "
         "by `a`.`x`",
         true, true},
        {"select row_number() over ( order by `app`.`t`.`id`) AS `n` from `app`.`t`", true, true},
        {"select regexp_replace(`app`.`t`.`b`,'a','b') AS `b` from `app`.`t`", true, true},
        {"select 1 AS `1`", true, true},
        {"with `x` as (select 1 AS `i`) select `x`.`i` AS `i` from `x`", true, true},
        {"select current_timestamp() AS `now` from `app`.`t`", true, false},
        {"select current_user() AS `me` from `app`.`t`", true, false},
        {"select @@sql_mode AS `m`", true, false},
        {"select `app`.`f`(1) AS `f`", false, false},
        {"select `f`(1) AS `f`", false, false},
        {"select get_lock('a',1) AS `l`", false, false},
        {"select last_insert_id() AS `i`", false, false},
        {"select connection_id() AS `i`", false, false},
        {"select version() AS `v`", false, false},
        {"select `information_schema`.`processlist`.`ID` AS `id` from "
         "`information_schema`.`processlist`",
         false, false},
        {"select nextval(`app`.`s`) AS `n`", false, false},
        {"select `app`.`t`.`id` AS `id` from `app`.`t` for update", false, false},
        {"delete from t", false, false},
        {"select 1; delete from t", false, false},
        {"select 'unterminated", false, false},
        {"", false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct catalogue_definition definition =
            inspect(fixture, CATALOGUE_VIEW_DEFINITION, "", cases[i].text);
        assert_int_equal(definition.is_safe, cases[i].is_safe);
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
        assert_int_equal(definition.is_safe, cases[i].is_safe);
        assert_int_equal(definition.is_deterministic, cases[i].is_deterministic);
    }
}

// The body is read in the mode that the function was made in.
static void test_bodies_are_read_in_their_own_sql_mode(void **state)
{
    struct fixture *fixture = *state;
    const char *body = "RETURN '\\' + f('a') -- '";
    assert_true(inspect(fixture, CATALOGUE_FUNCTION_BODY, "", "RETURN '\\'a'").is_safe);
    assert_false(inspect(fixture, CATALOGUE_FUNCTION_BODY, "NO_BACKSLASH_ESCAPES", body).is_safe);
    assert_true(
        inspect(fixture, CATALOGUE_FUNCTION_BODY, "IGNORE_SPACE", "RETURN MAX (1)").is_safe);
    assert_false(inspect(fixture, CATALOGUE_FUNCTION_BODY, "", "RETURN MAX (1)").is_safe);
    assert_false(
        inspect(fixture, CATALOGUE_FUNCTION_BODY, "?", "RETURN (SELECT a FROM \"t\")").is_safe);
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
        TEST(test_views_of_pure_queries_are_safe),
        TEST(test_functions_that_only_return_are_pure),
        TEST(test_bodies_are_read_in_their_own_sql_mode),
        TEST(test_tables_have_their_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
