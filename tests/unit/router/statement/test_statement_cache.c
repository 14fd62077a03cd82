// What is taken from the cache is what reading the text would say.
#include "router/statement/statement_cache.h"

#include "tests/unit/router/statement/alike.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

static const struct statement_context app = {
    .syntax = SQL_SYNTAX_DEFAULT,
    .schema = SLICE_INIT("app"),
};

static int setup(void **state)
{
    *state = statement_cache_create();
    return 0;
}

static int teardown(void **state)
{
    statement_cache_destroy(*state);
    return 0;
}

// Whether the text was known; what comes out must be as statement_parse() has it.
static bool is_known_in(struct statement_cache *cache, struct slice sql,
                        const struct statement_context *context)
{
    struct arena arena = ARENA_INIT;
    struct statement statement, read;
    struct statement_entry *entry = statement_cache_read(cache, &statement, &arena, sql, context);
    bool is_known = entry != NULL;
    statement_parse(&read, &arena, sql, context);
    if (!alike_statements(&statement, &read)) {
        fail_msg("not as it is read: %.*s", SLICE_ARG(sql));
    }
    statement_entry_unref(&entry);
    arena_release(&arena);
    return is_known;
}

static bool is_known(struct statement_cache *cache, const char *sql)
{
    return is_known_in(cache, slice_text(sql), &app);
}

static void a_text_with_other_literals_is_known(void **state)
{
    assert_false(is_known(*state, "SELECT c FROM shop.t, `u` WHERE id = 1 AND s = 'a'"));
    assert_true(is_known(*state, "SELECT c FROM shop.t, `u` WHERE id = 1 AND s = 'a'"));
    assert_true(is_known(*state, "SELECT c FROM shop.t, `u` WHERE id = 99.5 AND s = 'b c'"));
    assert_false(is_known(*state, "SELECT c FROM shop.t, `u` WHERE id = 1 AND s = 2"));
    assert_false(is_known(*state, "INSERT INTO t VALUES (1, 'x')"));
    assert_true(is_known(*state, "INSERT INTO t VALUES (2, 'y')"));
    assert_false(is_known(*state, "SELECT a FROM t WHERE id = 1 FOR UPDATE"));
    assert_true(is_known(*state, "SELECT a FROM t WHERE id = 2 FOR UPDATE"));
}

// Where the literal is what the statement does, only the very same text could be known.
static void a_literal_that_means_something_is_read_each_time(void **state)
{
    static const char *const texts[][2] = {
        {"KILL 5", "KILL 6"},
        {"SET autocommit = 0", "SET autocommit = 1"},
        {"SET NAMES 'utf8'", "SET NAMES 'gbk'"},
        {"SELECT GET_LOCK('a', 1)", "SELECT GET_LOCK('b', 1)"},
        {"SELECT LAST_INSERT_ID(5)", "SELECT LAST_INSERT_ID(6)"},
        {"PREPARE p FROM 'SELECT 1'", "PREPARE p FROM 'DELETE FROM t'"},
        {"DROP USER 'a'", "DROP USER 'b'"},
        {"EXPLAIN 'a'", "EXPLAIN 'b'"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(is_known(*state, texts[i][0]));
        assert_false(is_known(*state, texts[i][1]));
    }
}

static void a_text_without_literals_is_known_by_itself(void **state)
{
    assert_false(is_known(*state, "COMMIT"));
    assert_true(is_known(*state, "COMMIT"));
    assert_false(is_known(*state, "commit"));
    assert_false(is_known(*state, "START TRANSACTION READ ONLY"));
    assert_true(is_known(*state, "START TRANSACTION READ ONLY"));
}

static void a_text_is_known_only_as_it_was_read(void **state)
{
    struct statement_context other = app;
    assert_false(is_known(*state, "SELECT a FROM t WHERE id = 1"));
    other.schema = S("mysql");
    assert_false(is_known_in(*state, S("SELECT a FROM t WHERE id = 1"), &other));
    other = app;
    other.schema = SLICE_NONE;
    assert_false(is_known_in(*state, S("SELECT a FROM t WHERE id = 1"), &other));
    other = app;
    other.syntax.ignore_space = true;
    assert_false(is_known_in(*state, S("SELECT a FROM t WHERE id = 1"), &other));
    other = app;
    other.syntax.charset = SQL_CHARSET_SINGLE_BYTE;
    assert_false(is_known_in(*state, S("SELECT a FROM t WHERE id = 1"), &other));
    assert_true(is_known(*state, "SELECT a FROM t WHERE id = 1"));
}

static void nothing_is_known_after_a_clear(void **state)
{
    assert_false(is_known(*state, "SELECT a FROM t WHERE id = 1"));
    statement_cache_clear(*state);
    assert_false(is_known(*state, "SELECT a FROM t WHERE id = 1"));
    assert_true(is_known(*state, "SELECT a FROM t WHERE id = 1"));
}

static void a_held_entry_outlives_its_table(void **state)
{
    struct statement_cache *cache = *state;
    struct arena arena = ARENA_INIT;
    struct statement statement;
    assert_false(is_known(cache, "SELECT a FROM shop.t WHERE id = 1"));
    struct statement_entry *entry = statement_cache_read(
        cache, &statement, &arena, S("SELECT a FROM shop.t WHERE id = 2"), &app);
    assert_non_null(entry);
    statement_cache_clear(cache);
    assert_int_equal(statement.tables_count, 1);
    assert_true(slice_equal(statement.tables[0].schema, S("shop")));
    assert_true(slice_equal(statement.tables[0].name, S("t")));
    statement_entry_unref(&entry);
    assert_null(entry);
    arena_release(&arena);
}

static void what_was_used_longest_ago_goes(void **state)
{
    char sql[64];
    assert_false(is_known(*state, "SELECT a FROM first WHERE id = 1"));
    assert_false(is_known(*state, "SELECT a FROM second WHERE id = 1"));
    for (int i = 0; i < STATEMENT_CACHE_MAX - 2; i++) {
        snprintf(sql, sizeof(sql), "SELECT a FROM t_%d WHERE id = 1", i);
        assert_false(is_known(*state, sql));
    }
    assert_true(is_known(*state, "SELECT a FROM first WHERE id = 2"));
    assert_false(is_known(*state, "SELECT a FROM one_more WHERE id = 1"));
    assert_true(is_known(*state, "SELECT a FROM first WHERE id = 3"));
    assert_false(is_known(*state, "SELECT a FROM second WHERE id = 2"));
}

static void a_long_text_is_read_each_time(void **state)
{
    char sql[STATEMENT_CACHE_TEXT_MAX + 64];
    int len = snprintf(sql, sizeof(sql), "SELECT a FROM t WHERE s = '%*s'",
                       STATEMENT_CACHE_TEXT_MAX, "x");
    struct slice text = slice_make(sql, (size_t)len);
    assert_false(is_known_in(*state, text, &app));
    assert_false(is_known_in(*state, text, &app));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_text_with_other_literals_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(a_literal_that_means_something_is_read_each_time, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_text_without_literals_is_known_by_itself, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_text_is_known_only_as_it_was_read, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_known_after_a_clear, setup, teardown),
        cmocka_unit_test_setup_teardown(a_held_entry_outlives_its_table, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_used_longest_ago_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_text_is_read_each_time, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
