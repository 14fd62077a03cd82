// sql_mode and character sets as far as they reach the lexer.
#include "router/sql/syntax.h"

#include <stdarg.h>
#include <setjmp.h>

#include <cmocka.h>

static struct sql_syntax mode_of(const char *mode)
{
    struct sql_syntax syntax = {.ansi_quotes = true, .charset = SQL_CHARSET_GBK};
    sql_syntax_set_mode(&syntax, slice_text(mode));
    assert_int_equal(syntax.charset, SQL_CHARSET_GBK);
    return syntax;
}

static void expect_mode(const char *mode, bool ansi_quotes, bool ignore_space, bool no_escapes)
{
    struct sql_syntax syntax = mode_of(mode);
    assert_false(syntax.is_mode_unknown);
    assert_int_equal(syntax.ansi_quotes, ansi_quotes);
    assert_int_equal(syntax.ignore_space, ignore_space);
    assert_int_equal(syntax.no_backslash_escapes, no_escapes);
}

static void test_modes_are_read_as_servers_write_them(void **state)
{
    (void)state;
    expect_mode("", false, false, false);
    expect_mode("STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION", false, false, false);
    expect_mode("ANSI_QUOTES", true, false, false);
    expect_mode("strict_all_tables,ansi_quotes", true, false, false);
    expect_mode("IGNORE_SPACE,NO_BACKSLASH_ESCAPES", false, true, true);
    expect_mode("REAL_AS_FLOAT,PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,ANSI", true, true, false);
}

static void test_combined_modes_stand_for_their_parts(void **state)
{
    (void)state;
    static const char *const combined[] = {"ANSI", "ORACLE", "MSSQL", "POSTGRESQL", "DB2", "MAXDB"};
    for (size_t i = 0; i < sizeof(combined) / sizeof(combined[0]); i++) {
        expect_mode(combined[i], true, true, false);
    }
}

static void test_modes_may_be_numbers(void **state)
{
    (void)state;
    expect_mode("0", false, false, false);
    expect_mode("4", true, false, false);
    expect_mode("8", false, true, false);
    expect_mode("1048576", false, false, true);
    expect_mode("512", true, true, false);    // ORACLE
    expect_mode("262144", true, true, false); // ANSI
}

static void test_what_is_no_mode_makes_it_unknown(void **state)
{
    (void)state;
    static const char *const strange[] = {
        "CONCAT(@@sql_mode, ',ANSI_QUOTES')",
        "@@sql_mode",
        "ANSI_QUOTES, IGNORE_SPACE",
        "-1",
        "'x'",
    };
    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
        struct sql_syntax syntax = mode_of(strange[i]);
        assert_true(syntax.is_mode_unknown);
        assert_false(syntax.ansi_quotes);
    }
}

static void test_character_sets_are_found_by_their_own_and_their_collations_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum sql_charset charset;
    } cases[] = {
        {"utf8mb4", SQL_CHARSET_UTF8},
        {"UTF8MB4_0900_ai_ci", SQL_CHARSET_UTF8},
        {"utf8", SQL_CHARSET_UTF8},
        {"utf8_general_ci", SQL_CHARSET_UTF8},
        {"utf8mb3_bin", SQL_CHARSET_UTF8},
        {"binary", SQL_CHARSET_UTF8},
        {"latin1", SQL_CHARSET_SINGLE_BYTE},
        {"latin1_swedish_ci", SQL_CHARSET_SINGLE_BYTE},
        {"koi8r", SQL_CHARSET_SINGLE_BYTE},
        {"eucjpms_japanese_ci", SQL_CHARSET_SINGLE_BYTE},
        {"gbk", SQL_CHARSET_GBK},
        {"gbk_chinese_ci", SQL_CHARSET_GBK},
        {"Big5", SQL_CHARSET_BIG5},
        {"sjis_bin", SQL_CHARSET_SJIS},
        {"cp932_japanese_ci", SQL_CHARSET_SJIS},
        {"gb18030", SQL_CHARSET_GB18030},
        {"", SQL_CHARSET_UNKNOWN},
        {"utf8mb5", SQL_CHARSET_UNKNOWN},
        {"gbkx", SQL_CHARSET_UNKNOWN},
        {"ucs2", SQL_CHARSET_UNKNOWN},
        {"NULL", SQL_CHARSET_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(sql_charset_find(slice_text(cases[i].name)), cases[i].charset);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modes_are_read_as_servers_write_them),
        cmocka_unit_test(test_combined_modes_stand_for_their_parts),
        cmocka_unit_test(test_modes_may_be_numbers),
        cmocka_unit_test(test_what_is_no_mode_makes_it_unknown),
        cmocka_unit_test(test_character_sets_are_found_by_their_own_and_their_collations_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
