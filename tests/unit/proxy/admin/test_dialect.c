#include "proxy/admin/dialect.h"

#include "proxy/admin/show.h"
#include "tests/lib/cmocka.h"

#include <string.h>

static void assert_translated(const char *sql, const char *expected)
{
    struct buffer out = BUFFER_INIT;
    struct error error = ERROR_NONE;
    if (!dialect_translate(slice_text(sql), &out, &error)) {
        fail_msg("%s: %s", sql, error.text);
    }
    buffer_append(&out, "", 1);
    assert_string_equal((const char *)buffer_ptr(&out), expected);
    buffer_release(&out);
}

static void what_both_know_stays(void **state)
{
    (void)state;
    assert_translated("SELECT a, count(*) FROM x WHERE b <> 1.5e3 GROUP BY a LIMIT 5, 10",
                      "SELECT a, count(*) FROM x WHERE b <> 1.5e3 GROUP BY a LIMIT 5, 10");
    assert_translated("select ? ;", "select ? ");
    assert_translated("", "");
    assert_translated("  /* only */ -- a comment", "");
}

// A backslash or a doubled quote must not end a string elsewhere than the client meant.
static void strings_and_names_are_quoted_anew(void **state)
{
    (void)state;
    assert_translated("SELECT 'it''s', \"it's\", 'a\\'b', 'c\\\\'",
                      "SELECT 'it''s', 'it''s', 'a''b', 'c\\'");
    assert_translated("SELECT \"say \"\"x\"\"\"", "SELECT 'say \"x\"'");
    assert_translated("SELECT `a``b`, `c\"d` FROM `sluice`.`backends`",
                      "SELECT \"a`b\", \"c\"\"d\" FROM \"sluice\".\"backends\"");
    assert_translated("SELECT t.state", "SELECT \"t\".\"state\"");
    assert_translated("SELECT 'a' 'b'", "SELECT 'a' ||'b'");
    assert_translated("SELECT 'a\\0b'", "SELECT 'a?b'");
    assert_translated("SELECT _utf8mb4'x', N'y'", "SELECT 'x', 'y'");
}

static void variables_become_calls_and_back(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    assert_translated("SELECT @@version_comment LIMIT 1",
                      "SELECT sluice_variable('version_comment') LIMIT 1");
    assert_translated("SELECT @@session.`sql_mode` AS m, @@GLOBAL.x",
                      "SELECT sluice_variable('session.sql_mode') AS m, "
                      "sluice_variable('GLOBAL.x')");
    assert_translated("SELECT @v, @`w x`", "SELECT NULL, NULL");
    assert_true(slice_equal(dialect_name(S("sluice_variable('version_comment')"), &arena),
                            S("@@version_comment")));
    assert_true(
        slice_equal(dialect_name(S("1+sluice_variable('a.b') + sluice_variable('c')"), &arena),
                    S("1+@@a.b + @@c")));
    assert_true(slice_equal(dialect_name(S("plain"), &arena), S("plain")));
    assert_true(slice_equal(dialect_name(S("sluice_variable('"), &arena), S("@@")));
    assert_true(slice_equal(dialect_name(S(""), &arena), S("")));
    arena_release(&arena);
}

static void like_gets_its_backslash(void **state)
{
    (void)state;
    assert_translated("SELECT a LIKE 'x\\_y' FROM b", "SELECT a LIKE 'x\\_y' ESCAPE '\\' FROM b");
    assert_translated("SELECT a LIKE 'x' 'y', 1", "SELECT a LIKE 'x' ||'y' ESCAPE '\\', 1");
    assert_translated("SELECT a LIKE ?", "SELECT a LIKE ? ESCAPE '\\'");
    assert_translated("SELECT a LIKE 'x' ESCAPE '!' FROM b", "SELECT a LIKE 'x' ESCAPE '!' FROM b");
    assert_translated("SELECT a LIKE b", "SELECT a LIKE b");
}

static void words_of_mysql_alone_go(void **state)
{
    (void)state;
    assert_translated("SELECT 1 FROM DUAL", "SELECT 1 ");
    assert_translated("SELECT a COLLATE utf8mb4_general_ci FROM b", "SELECT a  FROM b");
    assert_translated("SELECT CURRENT_USER, current_user()",
                      "SELECT current_user(), current_user()");
    assert_translated("/*!40101 SELECT */ 1 # end", "SELECT 1");
}

static void what_can_not_be_understood_is_told(void **state)
{
    (void)state;
    static const char *const bad[] = {"SELECT 'x",    "SELECT `x",     "SELECT /* x",
                                      "SELECT @@",    "SELECT @@a.",   "SELECT 1; SELECT 2",
                                      "SELECT @@'x'", "SELECT @a := 1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct buffer out = BUFFER_INIT;
        struct error error = ERROR_NONE;
        if (dialect_translate(slice_text(bad[i]), &out, &error)) {
            fail_msg("%s became %.*s", bad[i], SLICE_ARG(buffer_slice(&out)));
        }
        assert_int_equal(error.code, 1064);
        buffer_release(&out);
    }
}

// --- SHOW ---------------------------------------------------------------------------------------

static void assert_show(const char *text, const char *schema, const char *expected)
{
    struct buffer out = BUFFER_INIT;
    struct error error = ERROR_NONE;
    if (show_translate(slice_text(text), slice_text(schema), &out, &error) != SHOW_SELECT) {
        fail_msg("%s: no SHOW; %s", text, error.text);
    }
    buffer_append(&out, "", 1);
    assert_string_equal((const char *)buffer_ptr(&out), expected);
    buffer_release(&out);
}

static void views_are_shown_with_what_stands_behind(void **state)
{
    (void)state;
    assert_show("SHOW BACKENDS", "", "SELECT * FROM sluice.`backends`  ");
    assert_show("show Sessions where user = 'x' order by id limit 3;", "",
                "SELECT * FROM sluice.`sessions`  where user = 'x' order by id limit 3");
    assert_show("SHOW POOLS LIKE 'db%'", "",
                "SELECT * FROM sluice.`pools` WHERE `backend` LIKE 'db%' ");
    assert_show("SHOW CONFIG VERSIONS", "", "SELECT * FROM config_versions");
    assert_show("SHOW EVENTS", "", "SELECT * FROM sluice.`events`  ");
    assert_show("SHOW STATUS", "", "SELECT * FROM sluice.`status`  ");
}

static void what_clients_ask_becomes_a_select(void **state)
{
    (void)state;
    assert_show("SHOW DATABASES", "",
                "SELECT SCHEMA_NAME AS `Database` FROM information_schema.schemata");
    assert_show("SHOW DATABASES LIKE 'o''x'", "",
                "SELECT * FROM (SELECT SCHEMA_NAME AS `Database` FROM information_schema.schemata) "
                "AS shown WHERE `Database` LIKE 'o''x'");
    assert_show("SHOW SCHEMAS WHERE `Database` = 'x'", "",
                "SELECT * FROM (SELECT SCHEMA_NAME AS `Database` FROM information_schema.schemata) "
                "AS shown WHERE `Database` = 'x'");
    assert_show("SHOW TABLES", "",
                "SELECT TABLE_NAME AS `Tables_in_sluice` FROM information_schema.tables WHERE "
                "TABLE_SCHEMA = 'sluice'");
    assert_show("SHOW TABLES", "information_schema",
                "SELECT TABLE_NAME AS `Tables_in_sluice` FROM information_schema.tables WHERE "
                "TABLE_SCHEMA = 'information_schema'");
    assert_show("SHOW TABLES FROM `x'y`", "sluice",
                "SELECT TABLE_NAME AS `Tables_in_sluice` FROM information_schema.tables WHERE "
                "TABLE_SCHEMA = 'x''y'");
}

static void a_table_may_have_its_schema_before_it(void **state)
{
    (void)state;
    static const char *const same[] = {
        "DESCRIBE sluice.backends",   "DESC `sluice`.`backends`",
        "SHOW COLUMNS FROM backends", "show fields in backends from sluice",
        "EXPLAIN backends",
    };
    struct buffer first = BUFFER_INIT;
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        struct buffer out = BUFFER_INIT;
        struct error error;
        assert_int_equal(show_translate(slice_text(same[i]), S(""), &out, &error), SHOW_SELECT);
        if (i == 0) {
            buffer_append_slice(&first, buffer_slice(&out));
        }
        assert_true(slice_equal(buffer_slice(&out), buffer_slice(&first)));
        buffer_release(&out);
    }
    buffer_release(&first);
}

static void what_is_no_show_is_left_alone(void **state)
{
    (void)state;
    struct buffer out = BUFFER_INIT;
    struct error error = ERROR_NONE;
    assert_int_equal(show_translate(S("SELECT 1"), S(""), &out, &error), SHOW_NONE);
    assert_int_equal(show_translate(S(""), S(""), &out, &error), SHOW_NONE);
    assert_int_equal(show_translate(S("EXPLAIN SELECT 1"), S(""), &out, &error), SHOW_NONE);
    assert_int_equal(error.code, 0);
    assert_int_equal(show_translate(S("SHOW NONSENSE"), S(""), &out, &error), SHOW_ERROR);
    assert_int_equal(error.code, 1146);
    assert_int_equal(show_translate(S("SHOW"), S(""), &out, &error), SHOW_ERROR);
    assert_int_equal(buffer_len(&out), 0);
    buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_both_know_stays),
        cmocka_unit_test(strings_and_names_are_quoted_anew),
        cmocka_unit_test(variables_become_calls_and_back),
        cmocka_unit_test(like_gets_its_backslash),
        cmocka_unit_test(words_of_mysql_alone_go),
        cmocka_unit_test(what_can_not_be_understood_is_told),
        cmocka_unit_test(views_are_shown_with_what_stands_behind),
        cmocka_unit_test(what_clients_ask_becomes_a_select),
        cmocka_unit_test(a_table_may_have_its_schema_before_it),
        cmocka_unit_test(what_is_no_show_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
