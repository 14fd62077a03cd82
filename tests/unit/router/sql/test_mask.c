// Masked texts: what falls together, what does not, and what cannot be masked.
#include "router/sql/mask.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct sql_syntax utf8 = SQL_SYNTAX_DEFAULT;

static void expect_with(const char *expected, struct slice sql, const struct sql_syntax *syntax)
{
    char *out = malloc(sql.len > 0 ? sql.len : 1); // of just its size, for the sanitizer
    struct sql_mask masked = sql_mask_write(sql, syntax, out);
    assert_int_equal(masked.len, strlen(expected));
    assert_memory_equal(out, expected, masked.len);
    free(out);
}

static void expect(const char *expected, const char *sql)
{
    expect_with(expected, slice_text(sql), &utf8);
}

static void expect_none(const char *sql)
{
    expect("", sql);
}

static void plain_literals_are_one_byte(void **state)
{
    (void)state;
    expect("SELECT c FROM t WHERE id=\1", "SELECT c FROM t WHERE id=5012");
    expect("SELECT c FROM t WHERE id=\1", "SELECT c FROM t WHERE id=1");
    expect("SELECT \1+-\1", "SELECT 1.25+-3");
    expect("SELECT a FROM t WHERE s=\2 AND n=\2", "SELECT a FROM t WHERE s='x' AND n=\"it's\"");
    expect("(\1,\2),(\1,\2)", "(1,''),(22,'\xc3\xa9 -- /* ;')");
    expect("SELECT \2 \2", "SELECT 'a' 'b'");
}

static void everything_else_stays_as_it_is(void **state)
{
    (void)state;
    expect("select  T1.c2\n, `a 1` from t1", "select  T1.c2\n, `a 1` from t1");
    expect("COMMIT", "COMMIT");
    expect("SELECT a-\1 / b FROM t", "SELECT a-1 / b FROM t");
}

static void a_text_without_literals_says_so(void **state)
{
    (void)state;
    char out[64];
    assert_false(sql_mask_write(S("SELECT a1 FROM `t 1`"), &utf8, out).has_literals);
    assert_true(sql_mask_write(S("SELECT 1"), &utf8, out).has_literals);
    assert_true(sql_mask_write(S("SELECT ''"), &utf8, out).has_literals);
}

static void what_wants_thought_cannot_be_masked(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "SELECT 1 /* sluice: primary */",
        "/*! SELECT 1 */",
        "SELECT 1 -- x",
        "SELECT 1 --",
        "SELECT 1 # x",
        "SELECT 1; SELECT 2",
        "SELECT 1;",
        "SELECT 'a\\'b'",
        "SELECT 'a''b'",
        "SELECT 'a",
        "SELECT \"a",
        "SELECT `a",
        "SELECT x'1F'",
        "SELECT b'01'",
        "SELECT N'x'",
        "SELECT _utf8'x'",
        "SELECT 0x1F",
        "SELECT 1e10",
        "SELECT 1st FROM t",
        "SELECT t.5 FROM t",
        "SELECT .5",
        "SELECT 1.",
        "SELECT 1.2.3",
        "SELECT @a",
        "SELECT @@version",
        "SELECT a := 1",
        "SELECT ?",
        "SELECT \\N",
        "SELECT $1",
        "SELECT \xc3\xa9 FROM t",
        "SELECT a\xc3\xa9 FROM t",
        "SELECT \1",
        "SELECT \2 FROM t WHERE a = 1",
        "SELECT \x7f",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        expect_none(texts[i]);
    }
    expect_with("", slice_make("SELECT 1\0", 9), &utf8);
    expect_with("", slice_make("SELECT `a\0b`", 12), &utf8);
}

static void the_syntax_decides_what_a_literal_is(void **state)
{
    (void)state;
    struct sql_syntax syntax = utf8;
    syntax.ansi_quotes = true;
    expect_with("", S("SELECT \"a\" FROM t"), &syntax);
    expect_with("SELECT \2 FROM t", S("SELECT 'a' FROM t"), &syntax);
    syntax = utf8;
    syntax.is_mode_unknown = true;
    expect_with("", S("SELECT 1"), &syntax);
    static const enum sql_charset unsure[] = {SQL_CHARSET_GBK, SQL_CHARSET_BIG5, SQL_CHARSET_SJIS,
                                              SQL_CHARSET_GB18030, SQL_CHARSET_UNKNOWN};
    for (size_t i = 0; i < sizeof(unsure) / sizeof(unsure[0]); i++) {
        syntax = (struct sql_syntax){.charset = unsure[i]};
        expect_with("", S("SELECT 'a'"), &syntax);
    }
    syntax = (struct sql_syntax){.charset = SQL_CHARSET_SINGLE_BYTE};
    expect_with("SELECT \2", S("SELECT '\xe9'"), &syntax);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_literals_are_one_byte),
        cmocka_unit_test(everything_else_stays_as_it_is),
        cmocka_unit_test(a_text_without_literals_says_so),
        cmocka_unit_test(what_wants_thought_cannot_be_masked),
        cmocka_unit_test(the_syntax_decides_what_a_literal_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
