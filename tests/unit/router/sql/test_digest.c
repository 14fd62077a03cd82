// Digests: what falls together and what must not.
#include "router/sql/digest.h"

#include "proxy/base/buffer.h"

#include <stdarg.h>
#include <setjmp.h>

#include <cmocka.h>

static const struct sql_syntax utf8 = {.charset = SQL_CHARSET_UTF8};

static void expect_with(const char *digest, struct slice sql, const struct sql_syntax *syntax)
{
    char out[4096];
    size_t len;
    uint64_t hash = sql_digest_text(sql, syntax, out, sizeof(out) - 1, &len);
    out[len] = '\0';
    assert_string_equal(out, digest);
    assert_int_equal(hash, sql_digest_hash(sql, syntax));
}

static void expect(const char *digest, const char *sql)
{
    expect_with(digest, slice_text(sql), &utf8);
}

static void test_literals_of_every_kind_are_folded(void **state)
{
    (void)state;
    expect("SELECT c FROM sbtest1 WHERE id = ?", "SELECT c FROM sbtest1 WHERE id=5012");
    expect("SELECT c FROM sbtest1 WHERE id = ?", "SELECT c FROM sbtest1 WHERE id=?");
    expect("SELECT c FROM sbtest1 WHERE id = ?", "SELECT c FROM sbtest1 WHERE id='x'");
    expect("SELECT c FROM sbtest1 WHERE id = ?", "SELECT c FROM sbtest1 WHERE id=-1.5e3");
    expect("SELECT c FROM sbtest1 WHERE id = ?", "SELECT c FROM sbtest1 WHERE id=NULL");
    expect("SELECT c FROM sbtest1 WHERE id = ?", "SELECT c FROM sbtest1 WHERE id=true");
    expect("SELECT c FROM sbtest1 WHERE id = ?", "SELECT c FROM sbtest1 WHERE id=0x1F");
    expect("SELECT c FROM sbtest1 WHERE id = ?", "SELECT c FROM sbtest1 WHERE id=x'1F'");
    expect("SELECT c FROM sbtest1 WHERE id = ?", "SELECT c FROM sbtest1 WHERE id='a' 'b'");
}

static void test_signs_belong_to_literals_and_minus_to_operands(void **state)
{
    (void)state;
    expect("SELECT ? FROM t", "SELECT -1 FROM t");
    expect("SELECT a - ? FROM t", "SELECT a -1 FROM t");
    expect("SELECT a - ? FROM t", "SELECT a-1 FROM t");
    expect("SELECT a - ? FROM t", "SELECT a - -1 FROM t");
    expect("SELECT -a FROM t", "SELECT - a FROM t");
    expect("SELECT (a) - ?, f (?)", "SELECT (a)-1, f (+1)");
    expect("SELECT CURRENT_DATE - ?", "SELECT CURRENT_DATE - 1");
    expect("SELECT ? - ?", "SELECT 1 - 2");
}

static void test_is_null_is_no_literal(void **state)
{
    (void)state;
    expect("SELECT * FROM t WHERE a IS NULL AND b IS NOT NULL AND c IS TRUE",
           "select * from t where a is null and b is not null and c is true");
}

static void test_white_space_and_comments_make_no_difference(void **state)
{
    (void)state;
    static const char *const same[] = {
        "SELECT a , b FROM t WHERE c IN ( 1 ) AND COUNT( x ) >= 2",
        "SELECT a,b FROM t WHERE c IN(1)AND COUNT(x)>=2",
        "/* x */ SELECT a,b # y\nFROM t -- z\nWHERE c IN(1)AND COUNT(x)>=2",
        "SELECT /*+ HINT() */ a,b FROM t WHERE c IN(1) AND COUNT(x)>=2;",
        " ; SELECT a,\n\tb FROM t WHERE c IN(1) AND COUNT(x)>=2 ; ",
    };
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        expect("SELECT a, b FROM t WHERE c IN (?, ...) AND COUNT(x) >= ?", same[i]);
    }
}

static void test_lists_of_any_length_are_alike(void **state)
{
    (void)state;
    static const char *const same[] = {
        "SELECT * FROM t WHERE a IN (1)",
        "SELECT * FROM t WHERE a IN (1,2)",
        "SELECT * FROM t WHERE a IN (1, 'b', NULL, -3, ?)",
    };
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        expect("SELECT * FROM t WHERE a IN (?, ...)", same[i]);
    }
    expect("SELECT * FROM t WHERE (a, b) IN ((?, ...))", "SELECT * FROM t WHERE (a,b) IN ((1,2))");
    expect("SELECT * FROM t WHERE (a, b) IN ((?, ...))",
           "SELECT * FROM t WHERE (a,b) IN ((1,2),(3,4),(5,6))");
    expect("SELECT * FROM t LIMIT ?, ...", "SELECT * FROM t LIMIT 10, 20");
    expect("SELECT * FROM t WHERE a IN (? + ?)", "SELECT * FROM t WHERE a IN (1 + 2)");
    expect("SELECT * FROM t WHERE a = (?)", "SELECT * FROM t WHERE a = (1)");
}

static void test_rows_of_values_are_one_row(void **state)
{
    (void)state;
    static const char *const same[] = {
        "INSERT INTO t VALUES (1,2)",
        "INSERT INTO t VALUES (1,2),(3,4)",
        "INSERT INTO t VALUES (1,2,3),(4,5,6),(7,8,9)",
        "insert into t values (1)",
    };
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        expect("INSERT INTO t VALUES (?, ...)", same[i]);
    }
    expect("INSERT INTO t (a, b) VALUES (?, NOW())",
           "INSERT INTO t (a,b) VALUES (1,NOW()),(2,NOW()),(3,(SELECT ')'))");
    expect("INSERT INTO t VALUES (?, ...) ON duplicate KEY UPDATE a = VALUES (a), b = VALUES (b)",
           "INSERT INTO t VALUES (1,2),(3,4) ON duplicate KEY UPDATE a=VALUES(a), b=VALUES(b)");
    expect("VALUES ROW (?, ...)", "VALUES ROW(1,2), ROW(3,4)");
    expect("INSERT INTO t VALUES (?, ...), x", "INSERT INTO t VALUES (1,2), x");
    expect("INSERT INTO t VALUES (?, ...)", "INSERT INTO t VALUES (1,2), (3,");
}

static void test_identifiers_keep_their_case_and_words_do_not(void **state)
{
    (void)state;
    expect("SELECT Abc FROM Tbl WHERE X = ?", "select Abc from Tbl where X = 1");
    expect("SELECT COUNT(*), MAX(Abc), myFunc (x) FROM t",
           "select count(*), Max(Abc), myFunc(x) from t");
    expect("SELECT name, `order`, `a b`, `1`, status FROM t",
           "SELECT `name`, `order`, `a b`, `1`, `status` FROM `t`");
    expect("SELECT a.b.c, t.* FROM a.b", "SELECT a.`b`.c, t.* FROM a . b");
    expect("SET NAMES utf8mb4, autocommit = ?", "set names utf8mb4, autocommit=0");
    expect("SHOW FULL TABLES LIKE ?", "show full tables like 'x%'");
    expect("START TRANSACTION", "start transaction");
}

static void test_ansi_quotes_change_what_is_folded(void **state)
{
    (void)state;
    struct sql_syntax ansi = {.ansi_quotes = true};
    expect("SELECT ? FROM t", "SELECT \"a\" FROM t");
    expect_with("SELECT a FROM t", S("SELECT \"a\" FROM t"), &ansi);
    expect_with("SELECT \"a b\" FROM t", S("SELECT \"a b\" FROM t"), &ansi);
}

static void test_operators_stay_together(void **state)
{
    (void)state;
    expect(
        "SELECT a <=> b, a <> b, a != b, a >= b, a << ?, a || b, a && b, a -> ?, a ->> ?, @v := ?",
        "SELECT a<=>b,a<>b,a!=b,a>=b,a<<1,a||b,a&&b,a->'x',a->>'y',@v:=1");
    expect("SELECT @@global.x, @a.b", "SELECT @@global.x, @a.b");
}

static void test_statements_are_parted_by_semicolons(void **state)
{
    (void)state;
    expect("BEGIN; SELECT ?; COMMIT", "begin; select 1; commit;");
    expect("", "");
    expect("", " ; /* x */ ;");
}

static void test_executable_comments_count_as_executed(void **state)
{
    (void)state;
    expect("SELECT SQL_NO_CACHE a FROM t", "SELECT /*!40001 SQL_NO_CACHE */ a FROM t");
}

static void test_broken_texts_have_a_digest_too(void **state)
{
    (void)state;
    expect("SELECT a, ?", "SELECT a, 'unterminated");
    expect("SELECT a, ?", "SELECT a, 'unterminated and longer");
    expect(")) (", ") ) (");
}

// Longer than the window that the hash is made from, and deeper than what is folded.
static void test_long_and_deep_texts_have_the_same_hash_with_and_without_text(void **state)
{
    (void)state;
    struct buffer sql = BUFFER_INIT;
    buffer_append_slice(&sql, S("SELECT "));
    for (int i = 0; i < 500; i++) {
        buffer_print(&sql, "column_%d, (column_%d + %d), IN (%d, %d), ", i, i, i, i, i + 1);
    }
    for (int i = 0; i < 200; i++) {
        buffer_append_slice(&sql, S("(("));
    }
    buffer_append_slice(&sql, S("1, 2), (3, 4) FROM t"));
    char small[100];
    char large[65536];
    size_t small_len;
    size_t large_len;
    uint64_t hash = sql_digest_hash(buffer_slice(&sql), &utf8);
    assert_int_equal(sql_digest_text(buffer_slice(&sql), &utf8, large, sizeof(large), &large_len),
                     hash);
    assert_int_equal(sql_digest_text(buffer_slice(&sql), &utf8, small, sizeof(small), &small_len),
                     hash);
    assert_int_equal(small_len, sizeof(small));
    assert_memory_equal(small, large, sizeof(small));
    assert_int_equal(slice_hash(slice_make(large, large_len)), hash);
    buffer_release(&sql);
}

static void test_a_bulk_insert_of_any_size_has_one_digest(void **state)
{
    (void)state;
    struct buffer sql = BUFFER_INIT;
    uint64_t first = sql_digest_hash(S("INSERT INTO t (a, b) VALUES (1, 'x')"), &utf8);
    buffer_append_slice(&sql, S("INSERT INTO t (a, b) VALUES (0, '')"));
    for (int i = 0; i < 10000; i++) {
        buffer_print(&sql, ", (%d, 'text %d')", i, i);
    }
    assert_int_equal(sql_digest_hash(buffer_slice(&sql), &utf8), first);
    buffer_release(&sql);
}

// People write digests into rules and keep them in graphs: they may not change by accident.
static void test_the_hash_is_the_same_everywhere(void **state)
{
    (void)state;
    assert_int_equal(sql_digest_hash(S("SELECT c FROM sbtest1 WHERE id=5012"), &utf8),
                     0x5fbc65912aea4495);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_literals_of_every_kind_are_folded),
        cmocka_unit_test(test_signs_belong_to_literals_and_minus_to_operands),
        cmocka_unit_test(test_is_null_is_no_literal),
        cmocka_unit_test(test_white_space_and_comments_make_no_difference),
        cmocka_unit_test(test_lists_of_any_length_are_alike),
        cmocka_unit_test(test_rows_of_values_are_one_row),
        cmocka_unit_test(test_identifiers_keep_their_case_and_words_do_not),
        cmocka_unit_test(test_ansi_quotes_change_what_is_folded),
        cmocka_unit_test(test_operators_stay_together),
        cmocka_unit_test(test_statements_are_parted_by_semicolons),
        cmocka_unit_test(test_executable_comments_count_as_executed),
        cmocka_unit_test(test_broken_texts_have_a_digest_too),
        cmocka_unit_test(test_long_and_deep_texts_have_the_same_hash_with_and_without_text),
        cmocka_unit_test(test_a_bulk_insert_of_any_size_has_one_digest),
        cmocka_unit_test(test_the_hash_is_the_same_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
