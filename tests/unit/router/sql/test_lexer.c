// The lexer against what MariaDB 10.11's own does with each text (tried on one), and MySQL's rules
// where the two differ.
#include "router/sql/lexer.h"

#include "proxy/base/memory.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

static const struct sql_syntax utf8 = {.charset = SQL_CHARSET_UTF8};

// --- tokens as a line of text: "SELECT `a`, 'x'" is "word name , string"

static const char *const kind_names[] = {
    [TOKEN_END] = "end",       [TOKEN_BROKEN] = "broken",      [TOKEN_WORD] = "word",
    [TOKEN_NAME] = "name",     [TOKEN_STRING] = "string",      [TOKEN_NUMBER] = "number",
    [TOKEN_NULL] = "null",     [TOKEN_PARAMETER] = "?",        [TOKEN_USER_VARIABLE] = "@",
    [TOKEN_SYMBOL] = "symbol", [TOKEN_SYSTEM_VARIABLE] = "@@",
};

// Words that are keywords show which.
static int token_print(const struct token *token, char *out, size_t size)
{
    if (token->kind == TOKEN_SYMBOL) {
        return token->symbol == SYMBOL_ASSIGN ? snprintf(out, size, ":=")
                                              : snprintf(out, size, "%c", token->symbol);
    }
    if (token->keyword != KEYWORD_NONE) {
        struct slice name = keyword_name((enum keyword)token->keyword);
        return snprintf(out, size, "%.*s", SLICE_ARG(name));
    }
    return snprintf(out, size, "%s", kind_names[token->kind]);
}

// The text stands in memory of just its size, so that a read behind it is seen.
static void lex(char *out, size_t size, struct slice sql, const struct sql_syntax *syntax,
                uint32_t skipped)
{
    struct lexer lexer;
    struct token token;
    size_t len = 0;
    char *exact = mem_alloc(sql.len > 0 ? sql.len : 1);
    memcpy(exact, sql.ptr, sql.len);
    lexer_init(&lexer, slice_make(exact, sql.len), syntax, skipped);
    out[0] = '\0';
    do {
        lexer_next(&lexer, &token);
        assert_true(len < size);
        if (len > 0) {
            out[len++] = ' ';
        }
        len += (size_t)token_print(&token, out + len, size - len);
    } while (token.kind != TOKEN_END && token.kind != TOKEN_BROKEN);
    mem_free(exact);
}

static void expect_bytes(const char *expected, struct slice sql, struct sql_syntax syntax)
{
    char out[1024];
    lex(out, sizeof(out), sql, &syntax, 0);
    assert_string_equal(out, expected);
}

static void expect(const char *expected, const char *sql)
{
    expect_bytes(expected, slice_text(sql), utf8);
}

static void expect_skipped(const char *expected, const char *sql, uint32_t skipped)
{
    char out[1024];
    lex(out, sizeof(out), slice_text(sql), &utf8, skipped);
    assert_string_equal(out, expected);
}

// --- words and names

static void test_words_are_keywords_in_any_case_and_identifiers_else(void **state)
{
    (void)state;
    expect("SELECT word FROM word end", "SELECT c FROM sbtest1");
    expect("SELECT word FROM word end", "sElEcT c fRoM sbtest1");
    expect("word word word end", "selectx _select sel$ect");
    expect("end", "");
    expect("end", " \t\r\n\v\f ");
    expect("word end", "größe");
}

static void test_a_word_next_to_a_dot_is_no_keyword(void **state)
{
    (void)state;
    expect("name . name end", "t.update");
    expect("name . name end", "for.update");
    expect("name . name . name end", "a.select.from");
    expect("name . name end", "`t`.update");
    expect("word . FOR end", "t . FOR");
    expect("name . name end", "t.5");
    expect("word number end", "t .5");
    expect("name number end", "`t`.5");
    expect("name . name word end", "t.1a b");
    expect("name . name end", "t.x");
    expect("word . * end", "t.*");
}

static void test_quoted_names_may_hold_anything_but_a_nul_byte(void **state)
{
    (void)state;
    expect("name end", "`a b`");
    expect("name end", "`a``b`");
    expect("name word end", "`a\\` b");
    expect("name end", "`FOR UPDATE`");
    expect_bytes("broken", S("`a\0b`"), utf8);
    expect("broken", "`a");
    expect("broken", "`a``");
    expect("name end", "``");
}

static void test_a_dollar_at_the_front_may_begin_a_quoted_text(void **state)
{
    (void)state;
    expect("broken", "$$ ; DELETE FROM t $$");
    expect("broken", "$tag$ x");
    expect("word end", "a$b$");
    expect("name . name end", "t.$a");
}

// --- strings

static void test_strings_end_where_the_servers_end_them(void **state)
{
    (void)state;
    expect("string end", "'it''s'");
    expect("string end", "'it\\'s'");
    expect("string word end", "'a\\\\' b");
    expect("string end", "\"say \"\"hi\"\"\"");
    expect("string end", "\"it's\"");
    expect("string string end", "'a' 'b'");
    expect("string FOR end", "'a'FOR");
    expect("string end", "N'x'");
    expect("string end", "n'it''s'");
    expect("word string end", "_utf8mb4'x'");
    expect("word string end", "N 'x'");
    expect("string end", "''");
    expect("string end", "''''");
    expect_bytes("string end", S("'a\0b'"), utf8);
}

static void test_what_never_ends_is_broken(void **state)
{
    (void)state;
    expect("SELECT broken", "SELECT 'a");
    expect("SELECT broken", "SELECT 'a\\'");
    expect("SELECT broken", "SELECT 'a''");
    expect("SELECT broken", "SELECT \"a");
    expect("SELECT broken", "SELECT /* a");
    expect("SELECT broken", "SELECT /*");
    expect("SELECT broken", "SELECT /*/");
    expect("SELECT broken", "SELECT @'a");
    expect("broken", "'\\");
}

static void test_ansi_quotes_make_names_of_double_quotes(void **state)
{
    (void)state;
    struct sql_syntax ansi = {.ansi_quotes = true};
    expect_bytes("name end", S("\"a\"\"b\""), ansi);
    expect_bytes("name word broken", S("\"a\\\" b\""), ansi);
    expect_bytes("string end", S("'a\\'b'"), ansi);
    expect_bytes("@ end", S("@\"a b\""), ansi);
}

static void test_no_backslash_escapes_ends_strings_earlier(void **state)
{
    (void)state;
    struct sql_syntax plain = {.no_backslash_escapes = true};
    expect_bytes("string word end", S("'a\\' b"), plain);
    expect_bytes("string end", S("'a\\''b'"), plain);
    expect_bytes("string INTO OUTFILE string end", S("'\\' INTO OUTFILE 'y'"), plain);
    expect("string word broken", "'\\' INTO OUTFILE 'y'");
}

// --- numbers

static void test_numbers_end_where_a_word_may_begin(void **state)
{
    (void)state;
    expect("number end", "1");
    expect("number end", "1.5");
    expect("number end", "1.");
    expect("number end", ".5");
    expect("number end", "1e10");
    expect("number end", "1E+10");
    expect("number end", "1.5e-3");
    expect("number end", ".5e1");
    expect("number FOR end", "1.FOR");
    expect("number FOR end", "1e1FOR");
    expect("number word end", "1e10abc");
    expect("word end", "1FOR");
    expect("word end", "1e");
    expect("word + end", "1e+");
    expect("number number end", "1..5");
    expect("- number end", "-1");
}

static void test_hexadecimal_and_binary_numbers(void **state)
{
    (void)state;
    expect("number end", "0x1F");
    expect("number end", "0b01");
    expect("word end", "0x1G");
    expect("word end", "0b2");
    expect("word end", "0x");
    expect("word end", "0X1F");
    expect("word end", "0x1FFOR_UPDATE");
    expect("number end", "x'1F'");
    expect("number end", "X'1f'");
    expect("number end", "b'01'");
    expect("broken", "x'1G'");
    expect("broken", "b'2'");
    expect("broken", "x'41");
    expect("number FOR end", "x'41'FOR");
    expect("word string end", "x 'a'");
}

// --- variables, parameters, operators

static void test_user_variables_in_every_form(void **state)
{
    (void)state;
    expect("@ end", "@v");
    expect("@ end", "@a.b");
    expect("@ end", "@a$1");
    expect("@ end", "@'quoted one'");
    expect("@ end", "@`back``ticks`");
    expect("@ end", "@\"double\"");
    expect("@ end", "@");
    expect("@ word end", "@ v");
    expect("@ := number end", "@v:=1");
    expect("@ : = number end", "@v: =1");
    expect("string @ end", "'user'@'host'");
    expect("word @ end", "someone@localhost");
    expect("string @ % end", "'u'@%");
}

static void test_system_variables(void **state)
{
    (void)state;
    expect("@@ word end", "@@version");
    expect("@@ name . name end", "@@global.read_only");
    expect("@@ GLOBAL . word end", "@@global . version");
    expect("@@ name end", "@@`version`");
}

static void test_parameters_and_symbols(void **state)
{
    (void)state;
    expect("word = ? AND word < > ? end", "a=? AND b<>?");
    expect("word - > string end", "a->'$.x'");
    expect("null end", "\\N");
    expect("\\ word end", "\\n");
    expect("{ word word ( ) } end", "{fn pi()}");
}

// --- comments

static void test_comments_never_come_out(void **state)
{
    (void)state;
    expect("SELECT number end", "SELECT /* a */ 1 /**/");
    expect("SELECT number end", "SELECT 1 -- a\n");
    expect("SELECT number end", "SELECT 1 --");
    expect("SELECT number end", "SELECT 1 --\t");
    expect("SELECT number end", "SELECT 1 # a");
    expect("SELECT number , number end", "SELECT 1 # a\n, 2");
    expect("SELECT number - - number end", "SELECT 2--1");
    expect("SELECT number * / end", "SELECT 1 */");
    expect("SELECT number * number end", "SELECT 2*/*c*/3");
    expect("SELECT number / number end", "SELECT 4/2");
    expect("SELECT string end", "SELECT '/* a */'");
    expect("SELECT number , number end", "SELECT 1 /* /* */ , 2");
    expect("SELECT end", "SELECT /***/");
    expect("SELECT end", "SELECT /* ' */ -- '\n # '");
    expect_bytes("SELECT broken", S("SELECT # a\0b"), utf8);
    expect_bytes("SELECT end", S("SELECT /* a\0b */"), utf8);
    expect_bytes("SELECT broken", S("SELECT \0"), utf8);
    expect_bytes("SELECT end", S("SELECT --\x01x"), utf8);
}

static void test_a_comment_is_a_gap_of_its_own(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        enum token_gap gap;
    } cases[] = {
        {"COUNT(", GAP_NONE},
        {"COUNT (", GAP_SPACE},
        {"COUNT\n(", GAP_SPACE},
        {"COUNT/**/(", GAP_COMMENT},
        {"COUNT /* */ (", GAP_COMMENT},
        {"COUNT#\n(", GAP_COMMENT},
        {"COUNT/*!50000 (*/", GAP_COMMENT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lexer lexer;
        struct token token;
        lexer_init(&lexer, slice_text(cases[i].sql), &utf8, 0);
        lexer_next(&lexer, &token);
        lexer_next(&lexer, &token);
        assert_int_equal(token.symbol, '(');
        assert_int_equal(token.gap, cases[i].gap);
    }
}

static void test_executable_comments_that_every_server_runs_are_code(void **state)
{
    (void)state;
    expect("SELECT FOR UPDATE end", "SELECT /*! FOR */ /*!50000 UPDATE*/");
    expect_skipped("SELECT FOR UPDATE end", "SELECT /*! FOR */ /*!50699 UPDATE*/", UINT32_MAX);
    expect("number end", "/*!1234*/");
    expect("SELECT number end", "/*!50000SELECT*/ 1");
    expect("SELECT end", "SELECT /*!*/ /*!50000*/");
}

static void test_executable_comments_that_some_servers_leave_out_are_read_both_ways(void **state)
{
    (void)state;
    static const char *const doubtful[] = {
        "SELECT /*!50700 FOR */ 1",  "SELECT /*!80000 FOR */ 1",   "SELECT /*!99999 FOR */ 1",
        "SELECT /*!100100 FOR */ 1", "SELECT /*M!100100 FOR */ 1", "SELECT /*M! FOR */ 1",
        "SELECT /*M!50000 FOR */ 1", "SELECT /*!999999 FOR */ 1",
    };
    for (size_t i = 0; i < sizeof(doubtful) / sizeof(doubtful[0]); i++) {
        expect_skipped("SELECT FOR number end", doubtful[i], 0);
        expect_skipped("SELECT number end", doubtful[i], 1);
    }
    expect_skipped("number SHOW end", "/*!80000 SELECT */ 1 /*!80001 SHOW */", 1);
    expect_skipped("SELECT number end", "/*!80000 SELECT */ 1 /*!80001 SHOW */", 2);
    expect_skipped("number end", "/*!80000 SELECT */ 1 /*!80001 SHOW */", 3);
}

static void test_an_executable_comment_that_ends_differently_for_servers_is_broken(void **state)
{
    (void)state;
    expect("SELECT broken", "SELECT /*!50000 FOR");
    expect("SELECT broken", "SELECT /*!50000 'a */ b'");
    expect("SELECT broken", "SELECT /*!50000 `a */ b`");
    expect("SELECT broken", "SELECT /*!50000 -- */ b\n*/");
    expect("SELECT broken", "SELECT /*!50000 # */ b\n*/");
    expect("SELECT broken", "SELECT /*!50000 /* a */ b */");
    expect("SELECT broken", "SELECT /*!99999 /* a */ b */");
    expect("SELECT broken", "SELECT /*M!100100 /* a */ DELETE */");
    expect("SELECT broken", "SELECT /*! /*! 1 */ */");
    expect("SELECT number broken", "SELECT /*!50000 1; */ DELETE");
    expect("SELECT string end", "SELECT /*!50000 'a' -- b\n */");
    expect("number number number number broken",
           "/*!80000 1 *//*!80000 1 *//*!80000 1 *//*!80000 1 *//*!80000 1 */");
}

static void test_optimizer_hints_are_comments_whose_quotes_are_closed(void **state)
{
    (void)state;
    struct lexer lexer;
    struct token token;
    lexer_init(&lexer, S("SELECT /*+ QB_NAME(`a`) */ 1"), &utf8, 0);
    lexer_next(&lexer, &token);
    assert_false(lexer.has_optimizer_hints);
    lexer_next(&lexer, &token);
    assert_true(lexer.has_optimizer_hints);
    assert_int_equal(token.kind, TOKEN_NUMBER);
    expect("SELECT broken", "SELECT /*+ BNL(`*/`) */ 1");
    expect("SELECT broken", "SELECT /*+ SET_VAR(a='*/') */ 1");
    expect("SELECT number end", "SELECT /* it's */ 1");
}

static void test_hints_of_ours_are_kept_from_every_kind_of_comment(void **state)
{
    (void)state;
    struct lexer lexer;
    struct token token;
    lexer_init(&lexer,
               S("/* sluice: a */SELECT /*SLUICE:b*/ 1 -- sluice: c\n#sluice:d\n/* not sluice: */"),
               &utf8, 0);
    do {
        lexer_next(&lexer, &token);
    } while (token.kind != TOKEN_END);
    assert_int_equal(lexer.hints_count, 4);
    assert_true(slice_equal(lexer.hints[0], S("sluice: a ")));
    assert_true(slice_equal(lexer.hints[1], S("SLUICE:b")));
    assert_true(slice_equal(lexer.hints[2], S("sluice: c")));
    assert_true(slice_equal(lexer.hints[3], S("sluice:d")));
}

// --- character sets

// The second byte of a character is a backslash: what follows the closing quote is code.
static void test_a_trail_byte_that_looks_like_a_backslash_escapes_nothing(void **state)
{
    (void)state;
    static const struct {
        enum sql_charset charset;
        struct slice sql;
    } cases[] = {
        {SQL_CHARSET_GBK, SLICE_INIT("'\x81\\' FOR UPDATE")},
        {SQL_CHARSET_BIG5, SLICE_INIT("'\xa1\\' FOR UPDATE")},
        {SQL_CHARSET_SJIS, SLICE_INIT("'\x95\\' FOR UPDATE")},
        {SQL_CHARSET_GB18030, SLICE_INIT("'\x81\\' FOR UPDATE")},
        {SQL_CHARSET_GB18030, SLICE_INIT("'\x81\x30\x81\x30' FOR UPDATE")},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sql_syntax syntax = {.charset = cases[i].charset};
        expect_bytes("string FOR UPDATE end", cases[i].sql, syntax);
    }
    expect_bytes("broken", S("'\x81\\' FOR UPDATE"), utf8);
}

static void test_a_trail_byte_that_looks_like_a_backtick_ends_nothing(void **state)
{
    (void)state;
    struct sql_syntax gbk = {.charset = SQL_CHARSET_GBK};
    expect_bytes("name end", S("`\x81``"), gbk);
    expect_bytes("name word end", S("`\x81` b"), utf8);
    expect_bytes("word end", S("\x81`\x81\\"), gbk);
}

static void test_bytes_that_are_half_a_character_are_no_character(void **state)
{
    (void)state;
    struct sql_syntax gbk = {.charset = SQL_CHARSET_GBK};
    struct sql_syntax sjis = {.charset = SQL_CHARSET_SJIS};
    struct sql_syntax big5 = {.charset = SQL_CHARSET_BIG5};
    expect_bytes("string end", S("'\x81'"), gbk);
    expect_bytes("string end", S("'\x81\x20'"), gbk);
    expect_bytes("string end", S("'\xb1\\''"), sjis); // a half-width katakana and an escape
    expect_bytes("string end", S("'\x81\\''"), big5); // 0x81 begins nothing in big5
    expect_bytes("broken", S("\x81"), gbk);
    expect_bytes("broken", S("\x81 a"), gbk);
    // An escape takes one byte, not a character: the servers do the same.
    expect_bytes("string end", S("'\\\x81\\''"), gbk);
}

static void test_high_bytes_that_may_be_white_space_are_not_read(void **state)
{
    (void)state;
    struct sql_syntax latin1 = {.charset = SQL_CHARSET_SINGLE_BYTE};
    expect_bytes("word end", S("gr\xf6\xdf\x65"), latin1);
    expect_bytes("broken", S("FOR\xa0UPDATE"), latin1);
    expect_bytes("broken", S("FOR\xffUPDATE"), latin1);
    expect_bytes("string end", S("'\xa0\xff'"), latin1);
    expect_bytes("number broken", S("1 --\x81 x"), latin1);
    expect_bytes("number - - word end", S("1 --\xc3\xa9"), utf8);
}

static void test_an_unknown_charset_reads_ascii_only(void **state)
{
    (void)state;
    struct sql_syntax unknown = {.charset = SQL_CHARSET_UNKNOWN};
    expect_bytes("SELECT string FROM word end", S("SELECT 'a\\'b' FROM t"), unknown);
    expect_bytes("SELECT broken", S("SELECT '\xc3\xa9'"), unknown);
    expect_bytes("SELECT broken", S("SELECT \xc3\xa9"), unknown);
}

// --- values

static void expect_content(const char *expected, struct slice sql, struct sql_syntax syntax)
{
    struct lexer lexer;
    struct token token;
    char out[64];
    lexer_init(&lexer, sql, &syntax, 0);
    lexer_next(&lexer, &token);
    struct slice value = token_value(&token, &syntax, out);
    assert_true(slice_equal(value, slice_text(expected)));
    assert_int_equal(token_is_plain(&token), value.ptr != out);
}

static void test_values_are_without_quotes_and_escapes(void **state)
{
    (void)state;
    struct sql_syntax plain = {.no_backslash_escapes = true};
    struct sql_syntax ansi = {.ansi_quotes = true};
    struct sql_syntax gbk = {.charset = SQL_CHARSET_GBK};
    expect_content("abc", S("abc"), utf8);
    expect_content("abc", S("'abc'"), utf8);
    expect_content("it's", S("'it''s'"), utf8);
    expect_content("it's", S("'it\\'s'"), utf8);
    expect_content("a\nb\tc\\d%", S("'a\\nb\\tc\\\\d%'"), utf8);
    expect_content("\\%\\_x", S("'\\%\\_\\x'"), utf8);
    expect_content("a\\", S("'a\\'"), plain);
    expect_content("a`b", S("`a``b`"), utf8);
    expect_content("a\\`", S("`a\\```"), utf8);
    expect_content("a\"b", S("\"a\"\"b\""), utf8);
    expect_content("a\\\"b", S("\"a\\\"\"b\""), ansi);
    expect_content("v", S("@v"), utf8);
    expect_content("v w", S("@'v w'"), utf8);
    expect_content("v`w", S("@`v``w`"), utf8);
    expect_content("", S("@"), utf8);
    expect_content("", S("''"), utf8);
    expect_content("x'y", S("N'x''y'"), utf8);
    expect_content("\x81\\'", S("'\x81\\'''"), gbk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_are_keywords_in_any_case_and_identifiers_else),
        cmocka_unit_test(test_a_word_next_to_a_dot_is_no_keyword),
        cmocka_unit_test(test_quoted_names_may_hold_anything_but_a_nul_byte),
        cmocka_unit_test(test_a_dollar_at_the_front_may_begin_a_quoted_text),
        cmocka_unit_test(test_strings_end_where_the_servers_end_them),
        cmocka_unit_test(test_what_never_ends_is_broken),
        cmocka_unit_test(test_ansi_quotes_make_names_of_double_quotes),
        cmocka_unit_test(test_no_backslash_escapes_ends_strings_earlier),
        cmocka_unit_test(test_numbers_end_where_a_word_may_begin),
        cmocka_unit_test(test_hexadecimal_and_binary_numbers),
        cmocka_unit_test(test_user_variables_in_every_form),
        cmocka_unit_test(test_system_variables),
        cmocka_unit_test(test_parameters_and_symbols),
        cmocka_unit_test(test_comments_never_come_out),
        cmocka_unit_test(test_a_comment_is_a_gap_of_its_own),
        cmocka_unit_test(test_executable_comments_that_every_server_runs_are_code),
        cmocka_unit_test(test_executable_comments_that_some_servers_leave_out_are_read_both_ways),
        cmocka_unit_test(test_an_executable_comment_that_ends_differently_for_servers_is_broken),
        cmocka_unit_test(test_optimizer_hints_are_comments_whose_quotes_are_closed),
        cmocka_unit_test(test_hints_of_ours_are_kept_from_every_kind_of_comment),
        cmocka_unit_test(test_a_trail_byte_that_looks_like_a_backslash_escapes_nothing),
        cmocka_unit_test(test_a_trail_byte_that_looks_like_a_backtick_ends_nothing),
        cmocka_unit_test(test_bytes_that_are_half_a_character_are_no_character),
        cmocka_unit_test(test_high_bytes_that_may_be_white_space_are_not_read),
        cmocka_unit_test(test_an_unknown_charset_reads_ascii_only),
        cmocka_unit_test(test_values_are_without_quotes_and_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
