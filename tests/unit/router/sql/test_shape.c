// Shapes: what shares one, and that whatever shares one has one digest.
#include "router/sql/shape.h"

#include "proxy/base/buffer.h"
#include "proxy/base/map.h"
#include "proxy/base/memory.h"
#include "proxy/base/random.h"
#include "router/sql/digest.h"

#include <stdarg.h>
#include <setjmp.h>

#include <cmocka.h>

static const struct sql_syntax utf8 = {.charset = SQL_CHARSET_UTF8};

// 0: the text is broken.
static uint64_t shape_of(struct slice sql, const struct sql_syntax *syntax)
{
    struct lexer lexer;
    struct shape shape;
    struct token last, token;
    lexer_init(&lexer, sql, syntax, 0);
    lexer_next(&lexer, &token);
    shape_init(&shape, syntax, &token);
    shape_add(&shape, &token, &token);
    last = token;
    while (token.kind > TOKEN_BROKEN) {
        last = token;
        lexer_next(&lexer, &token);
        shape_add(&shape, &last, &token);
    }
    return token.kind == TOKEN_END ? shape_end(&shape, &last) : 0;
}

static uint64_t shape(const char *sql)
{
    return shape_of(slice_text(sql), &utf8);
}

static void assert_same(const char *a, const char *b)
{
    if (shape(a) != shape(b)) {
        fail_msg("%s and %s have different shapes", a, b);
    }
}

static void assert_different(const char *a, const char *b)
{
    if (shape(a) == shape(b)) {
        fail_msg("%s and %s have the same shape", a, b);
    }
}

static void literals_make_no_difference(void **state)
{
    (void)state;
    assert_same("SELECT c FROM t WHERE id=1", "SELECT c FROM t WHERE id=5012");
    assert_same("SELECT c FROM t WHERE id=1", "SELECT c FROM t WHERE id='it''s'");
    assert_same("SELECT c FROM t WHERE id=1", "SELECT c FROM t WHERE id=?");
    assert_same("SELECT c FROM t WHERE id=1", "SELECT c FROM t WHERE id=NULL");
    assert_same("SELECT 'a' FROM t LIMIT 1", "SELECT x'00' FROM t LIMIT 99");
    assert_different("SELECT c FROM t WHERE id=1", "SELECT d FROM t WHERE id=1");
    assert_different("SELECT 1 FROM t", "SELECT a FROM t");
    assert_different("SELECT 1, a", "SELECT a, 1");
    assert_different("SELECT 1 + 1", "SELECT 1 - 1");
}

static void null_behind_is_and_not_is_a_word(void **state)
{
    (void)state;
    assert_different("SELECT a IS NULL", "SELECT a IS TRUE");
    assert_different("SELECT NOT NULL", "SELECT NOT TRUE");
    assert_same("SELECT a = NULL", "SELECT a = TRUE");
}

static void comments_make_no_difference(void **state)
{
    (void)state;
    assert_same("SELECT a FROM t /* request 1 */", "SELECT a FROM t /* request 4711 */");
    assert_same("/* app */ SELECT a FROM t", "SELECT a FROM t -- x\n");
    assert_same("SELECT /* 1 */ a FROM t", "SELECT /* 22 */ a FROM t");
}

static void lists_and_rows_of_two_and_more_are_alike(void **state)
{
    (void)state;
    assert_same("SELECT a FROM t WHERE a IN (1,2)", "SELECT a FROM t WHERE a IN (1,2,-3, 4)");
    assert_same("SELECT a FROM t WHERE a IN (1, 2)", "SELECT a FROM t WHERE a IN (1,NULL,'x')");
    assert_same("INSERT INTO t VALUES (1,'a'),(2,'b'),(3,'c')",
                "INSERT INTO t VALUES (1,'a'),(2,'b'),(3,'c'),(4,'d'), (-5,'e')");
    assert_same("SELECT 1 FROM t WHERE (a,b) IN ((1,2),(3,4),(5,6))",
                "SELECT 1 FROM t WHERE (a,b) IN ((1,2),(3,4),(5,6),(7,8,9))");
    assert_different("SELECT a FROM t WHERE a IN (1)", "SELECT a FROM t WHERE a IN (1,2)");
    assert_different("SELECT 1 + 2", "SELECT 1 + 2 + 3");
    assert_different("SELECT (a+1),(2),(3+4)", "SELECT (a+1),(3+4)");
}

static void the_mode_is_part_of_it(void **state)
{
    (void)state;
    struct sql_syntax ansi = utf8;
    ansi.ansi_quotes = true;
    assert_int_not_equal(shape_of(S("SELECT a"), &utf8), shape_of(S("SELECT a"), &ansi));
}

static void a_broken_text_has_none(void **state)
{
    (void)state;
    assert_int_equal(shape("SELECT 'abc"), 0);
    assert_int_not_equal(shape(""), 0);
    assert_int_not_equal(shape("-- x"), 0);
}

// --- any text -----------------------------------------------------------------------------------

static const char *const words[] = {
    "1",      "2",       "'a'",    "'b'",  "NULL", "TRUE",  "?",        ".5",      "-1",
    "a",      "b",       "f",      "IN",   "ROW",  "IS",    "NOT",      "MAX",     "VALUES",
    "SELECT", "/* c */", "-- c\n", "/*! ", "*/",   "(",     ")",        ",",       ",",
    "),(",    "), (",    "),(-",   ", ",   ",-",   "(1,2)", ";",        "+",       "-",
    "=",      "<",       ">",      ".",    "@v",   "@@s",   "`q`",      "\"d\"",   " ",
    "SET",    "x'1'",    "_utf8",  "\\N",  ":=",   "|",     "IN (1, 2", "(1),(2)",
};

enum { WORDS = sizeof(words) / sizeof(words[0]), TEXTS = 300000, PIECES = 9 };

// Few words, some of them several times in a row, so that many texts share a shape.
static void text_make(struct buffer *sql, uint32_t narrow)
{
    uint32_t from = random_below(WORDS);
    buffer_clear(sql);
    for (uint32_t i = 1 + random_below(PIECES); i > 0; i--) {
        const char *word = words[(from + random_below(narrow)) % WORDS];
        for (uint32_t again = random_below(4) == 0 ? random_below(4) : 1; again > 0; again--) {
            buffer_append_slice(sql, slice_text(word));
            if (random_below(3) == 0) {
                buffer_append_slice(sql, S(" "));
            }
        }
    }
}

struct seen {
    uint64_t digest;
    char text[200];
};

static void what_shares_a_shape_has_one_digest(void **state)
{
    (void)state;
    struct map shapes = MAP_INIT;
    struct buffer sql = BUFFER_INIT;
    size_t shared = 0;
    random_seed(11);
    for (int i = 0; i < TEXTS; i++) {
        text_make(&sql, 1 + random_below(WORDS));
        struct slice text = buffer_slice(&sql);
        uint64_t found = shape_of(text, &utf8), digest = sql_digest_hash(text, &utf8);
        struct slice key = slice_make(&found, sizeof(found));
        struct seen *before = map_get(&shapes, key);
        if (found == 0) {
            continue;
        }
        if (before == NULL) {
            before = mem_zero(1, sizeof(*before));
            before->digest = digest;
            slice_to_text(text, before->text, sizeof(before->text));
            map_put(&shapes, key, before);
        } else if (before->digest != digest) {
            fail_msg("one shape, two digests:\n%s\n%.*s", before->text, SLICE_ARG(text));
        }
        shared += strcmp(before->text, "") != 0 && !slice_equal(slice_text(before->text), text);
    }
    print_message("%zu shapes, %zu texts share one\n", shapes.count, shared);
    assert_true(shapes.count > TEXTS / 20 && shared > TEXTS / 20);
    map_each (slot, &shapes) {
        mem_free(slot->value);
    }
    map_release(&shapes);
    buffer_release(&sql);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_make_no_difference),
        cmocka_unit_test(null_behind_is_and_not_is_a_word),
        cmocka_unit_test(comments_make_no_difference),
        cmocka_unit_test(lists_and_rows_of_two_and_more_are_alike),
        cmocka_unit_test(the_mode_is_part_of_it),
        cmocka_unit_test(a_broken_text_has_none),
        cmocka_unit_test(what_shares_a_shape_has_one_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
