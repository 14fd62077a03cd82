#include "proxy/session/rewriting.h"

#include "tests/lib/cmocka.h"

#include <string.h>

// Puts 7 in place of every FOUND_ROWS().
static bool take_found_rows(struct rewriting *at, void *context)
{
    const char *start = at->token.ptr;
    size_t *taken = context;
    if (!rewriting_take_call(at, S("found_rows"))) {
        return false;
    }
    rewriting_replace(at, start);
    buffer_append_slice(at->out, S("7"));
    ++*taken;
    return true;
}

struct rewritten {
    const char *sql;
    const char *expected;
    size_t taken;
};

static void assert_rewritten(const struct rewritten *one, bool is_first_only)
{
    struct sql_syntax syntax = SQL_SYNTAX_DEFAULT;
    struct buffer out = BUFFER_INIT;
    struct rewriting at;
    size_t taken = 0;
    rewriting_begin(&at, slice_text(one->sql), &syntax, &out);
    rewriting_calls(&at, is_first_only, take_found_rows, &taken);
    assert_true(rewriting_end(&at));
    if (!slice_equal(buffer_slice(&out), slice_text(one->expected)) || taken != one->taken) {
        fail_msg("%s became %.*s", one->sql, SLICE_ARG(buffer_slice(&out)));
    }
    buffer_release(&out);
}

static void calls_are_replaced_and_columns_keep_their_names(void **state)
{
    static const struct rewritten cases[] = {
        {"SELECT FOUND_ROWS()", "SELECT 7 AS `FOUND_ROWS()`", 1},
        {"SELECT found_rows ( ) AS n", "SELECT 7 AS n", 1},
        {"SELECT FOUND_ROWS() n, a", "SELECT 7 n, a", 1},
        {"SELECT a, 1 + FOUND_ROWS() FROM t", "SELECT a, 1 + 7 AS `1 + FOUND_ROWS()` FROM t", 1},
        {"SELECT DISTINCT (FOUND_ROWS())", "SELECT DISTINCT (7) AS `(FOUND_ROWS())`", 1},
        {"SELECT FOUND_ROWS() UNION SELECT FOUND_ROWS()",
         "SELECT 7 AS `FOUND_ROWS()` UNION SELECT 7 AS `FOUND_ROWS()`", 2},
        {"SELECT (FOUND_ROWS()+`a``b`)", "SELECT (7+`a``b`) AS `(FOUND_ROWS()+``a````b``)`", 1},
        {"SET @a = FOUND_ROWS(), @b = 1", "SET @a = 7, @b = 1", 1},
        {"INSERT INTO t VALUES (FOUND_ROWS())", "INSERT INTO t VALUES (7)", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_rewritten(&cases[i], false);
    }
}

// In GBK a backtick may be the second byte of a character.
static void a_column_keeps_its_name_where_its_backticks_are_sure(void **state)
{
    static const struct {
        enum sql_charset charset;
        const char *sql;
        const char *expected;
    } cases[] = {
        {SQL_CHARSET_GBK, "SELECT (FOUND_ROWS()+`a`)", "SELECT (7+`a`)"},
        {SQL_CHARSET_GBK, "SELECT (FOUND_ROWS()+1)", "SELECT (7+1) AS `(FOUND_ROWS()+1)`"},
        {SQL_CHARSET_SINGLE_BYTE, "SELECT (FOUND_ROWS()+`a`)",
         "SELECT (7+`a`) AS `(FOUND_ROWS()+``a``)`"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sql_syntax syntax = {.charset = cases[i].charset};
        struct buffer out = BUFFER_INIT;
        struct rewriting at;
        size_t taken = 0;
        rewriting_begin(&at, slice_text(cases[i].sql), &syntax, &out);
        rewriting_calls(&at, false, take_found_rows, &taken);
        assert_true(rewriting_end(&at));
        if (!slice_equal(buffer_slice(&out), slice_text(cases[i].expected))) {
            fail_msg("%s became %.*s", cases[i].sql, SLICE_ARG(buffer_slice(&out)));
        }
        buffer_release(&out);
    }
}

static void what_only_looks_like_a_call_stays(void **state)
{
    static const char *const texts[] = {
        "SELECT 'FOUND_ROWS()', \"FOUND_ROWS()\", `FOUND_ROWS()`",
        "SELECT found_rows FROM t",
        "SELECT app.found_rows()",
        "SELECT found_rows(1)",
        "SELECT 1 /* FOUND_ROWS() */ -- FOUND_ROWS()",
        "",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct rewritten same = {texts[i], texts[i], 0};
        assert_rewritten(&same, false);
    }
}

static void the_first_statement_alone_can_be_meant(void **state)
{
    static const struct rewritten two = {"SELECT FOUND_ROWS(); SELECT FOUND_ROWS()",
                                         "SELECT 7 AS `FOUND_ROWS()`; SELECT FOUND_ROWS()", 1};
    (void)state;
    assert_rewritten(&two, true);
}

static void a_text_that_cannot_be_read_with_certainty_is_told(void **state)
{
    static const char *const texts[] = {"SELECT FOUND_ROWS(), 'open",
                                        "SELECT /*!99999 1, */ FOUND_ROWS()"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct sql_syntax syntax = SQL_SYNTAX_DEFAULT;
        struct buffer out = BUFFER_INIT;
        struct rewriting at;
        size_t taken = 0;
        rewriting_begin(&at, slice_text(texts[i]), &syntax, &out);
        rewriting_calls(&at, false, take_found_rows, &taken);
        assert_false(rewriting_end(&at));
        buffer_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_replaced_and_columns_keep_their_names),
        cmocka_unit_test(a_column_keeps_its_name_where_its_backticks_are_sure),
        cmocka_unit_test(what_only_looks_like_a_call_stays),
        cmocka_unit_test(the_first_statement_alone_can_be_meant),
        cmocka_unit_test(a_text_that_cannot_be_read_with_certainty_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
