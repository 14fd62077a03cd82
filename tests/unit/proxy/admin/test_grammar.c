#include "proxy/admin/grammar.h"

#include "proxy/admin/admin_command.h"
#include "tests/lib/cmocka.h"

#include <string.h>

static struct grammar_match match;
static char room[4096];

static enum grammar_verdict hold(const char *grammar, const char *text)
{
    return grammar_match(&match, grammar, slice_text(text), room);
}

static void assert_value(const char *name, const char *expected)
{
    struct slice value = grammar_value(&match, name);
    if (expected == NULL) {
        assert_null(value.ptr);
        return;
    }
    assert_non_null(value.ptr);
    assert_int_equal(value.len, strlen(expected));
    assert_memory_equal(value.ptr, expected, value.len);
}

static void words_match_in_any_case_with_space_and_comments_between(void **state)
{
    (void)state;
    assert_int_equal(hold("SHOW CONFIG VERSIONS", "show  Config\n/* x */ versions ;"), GRAMMAR_YES);
    assert_int_equal(hold("SHOW CONFIG VERSIONS", "/* ApplicationName=x */ SHOW CONFIG VERSIONS"),
                     GRAMMAR_YES);
    assert_int_equal(hold("SHOW CONFIG VERSIONS", "-- x\nSHOW CONFIG VERSIONS -- y"), GRAMMAR_YES);
    assert_int_equal(hold("SHOW CONFIG VERSIONS", "SHOW CONFIG VERSIONS;;"), GRAMMAR_YES);
    assert_int_equal(hold("SHOW CONFIG VERSIONS", "SHOW CONFIG"), GRAMMAR_NO);
    assert_int_equal(hold("SHOW CONFIG VERSIONS", "SHOW CONFIG VERSIONS x"), GRAMMAR_NO);
    assert_int_equal(hold("SHOW CONFIG VERSIONS", "SHOW CONFIG VERSIONS; SHUTDOWN"), GRAMMAR_NO);
    assert_int_equal(hold("SHOW CONFIG VERSIONS", "`SHOW` CONFIG VERSIONS"), GRAMMAR_NO);
    assert_int_equal(hold("SHOW CONFIG VERSIONS", ""), GRAMMAR_NO);
    assert_int_equal(hold("SHOW COUNT ( * ) WARNINGS", "SHOW COUNT(*) WARNINGS"), GRAMMAR_YES);
}

static void values_are_captured_without_their_quotes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *value;
    } rows[] = {
        {"KILL 12", "12"},       {"KILL db-1", "db-1"},
        {"KILL 'a b'", "a b"},   {"KILL \"a''b\"", "a''b"},
        {"KILL 'a''b'", "a'b"},  {"KILL `x``y`", "x`y"},
        {"KILL 'a\\'b'", "a'b"}, {"KILL 10.0.0.1", "10.0.0.1"},
        {"KILL ''", ""},         {"KILL a.b:c.d;", "a.b:c.d"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(hold("KILL <id>", rows[i].text), GRAMMAR_YES);
        assert_value("id", rows[i].value);
    }
    assert_int_equal(hold("KILL <id>", "KILL"), GRAMMAR_NO);
    assert_int_equal(hold("KILL <id>", "KILL ="), GRAMMAR_NO);
    assert_int_equal(hold("KILL <id>", "KILL 1 2"), GRAMMAR_NO);
    assert_int_equal(hold("KILL <id>", "KILL 'x"), GRAMMAR_NO);
    assert_int_equal(hold("KILL <id>", "KILL @x"), GRAMMAR_NO);
}

static void groups_take_one_alternative_or_none(void **state)
{
    (void)state;
    const char *grammar = "RELOAD [DRY RUN|VERSION <version>]";
    assert_int_equal(hold(grammar, "RELOAD"), GRAMMAR_YES);
    assert_false(grammar_has(&match, "DRY"));
    assert_value("version", NULL);
    assert_int_equal(hold(grammar, "RELOAD DRY RUN"), GRAMMAR_YES);
    assert_true(grammar_has(&match, "DRY"));
    assert_int_equal(hold(grammar, "RELOAD VERSION 3"), GRAMMAR_YES);
    assert_false(grammar_has(&match, "DRY"));
    assert_value("version", "3");
    assert_int_equal(hold(grammar, "RELOAD DRY"), GRAMMAR_NO);
    assert_int_equal(hold(grammar, "RELOAD DRY RUN VERSION 3"), GRAMMAR_NO);

    grammar = "SET BACKEND <backend> {ONLINE|DRAIN|OFFLINE}";
    assert_int_equal(hold(grammar, "SET BACKEND db2 DRAIN"), GRAMMAR_YES);
    assert_true(grammar_has(&match, "DRAIN"));
    assert_false(grammar_has(&match, "SET"));
    assert_value("backend", "db2");
    assert_int_equal(hold(grammar, "SET BACKEND db2"), GRAMMAR_NO);
    assert_int_equal(hold(grammar, "SET BACKEND db2 UP"), GRAMMAR_NO);

    // A group in a group: what a failed alternative has found is forgotten.
    grammar = "A [B [C <x>]|B D <y>] <z>";
    assert_int_equal(hold(grammar, "A B C 1 2"), GRAMMAR_YES);
    assert_value("x", "1");
    assert_value("z", "2");
    assert_int_equal(hold(grammar, "A 2"), GRAMMAR_YES);
    assert_value("x", NULL);
    assert_value("y", NULL);
}

static void the_rest_is_all_that_is_left(void **state)
{
    (void)state;
    const char *grammar = "EXPLAIN ROUTE [USER <user>] <statement...>";
    assert_int_equal(hold(grammar, "EXPLAIN ROUTE SELECT 1 ; "), GRAMMAR_YES);
    assert_value("statement", "SELECT 1");
    assert_int_equal(hold(grammar, "EXPLAIN ROUTE USER u /* sluice: primary */ SELECT 'a;b'"),
                     GRAMMAR_YES);
    assert_value("user", "u");
    assert_value("statement", "/* sluice: primary */ SELECT 'a;b'");
    assert_int_equal(hold(grammar, "EXPLAIN ROUTE SELECT 'unended"), GRAMMAR_YES);
    assert_value("statement", "SELECT 'unended");
    assert_int_equal(hold(grammar, "EXPLAIN ROUTE"), GRAMMAR_NO);
    assert_int_equal(hold(grammar, "EXPLAIN ROUTE ;"), GRAMMAR_NO);

    // One quoted text is what it says, an empty one too.
    assert_int_equal(hold("SET <a.b> = <value...>", "SET log.level = 'de''bug';"), GRAMMAR_YES);
    assert_value("value", "de'bug");
    assert_int_equal(hold("SET <a.b> = <value...>", "SET log.file=''"), GRAMMAR_YES);
    assert_value("value", "");
    assert_int_equal(hold("SET <a.b> = <value...>", "SET log.file = 'a' b"), GRAMMAR_YES);
    assert_value("value", "'a' b");
}

static void a_name_with_a_dot_wants_one(void **state)
{
    (void)state;
    assert_int_equal(hold("SET <a.b> = <v...>", "SET backend:db-1.weight = 5"), GRAMMAR_YES);
    assert_value("a.b", "backend:db-1.weight");
    assert_int_equal(hold("SET <a.b> = <v...>", "SET autocommit = 1"), GRAMMAR_NO);
    assert_int_equal(hold("SET <a.b> = <v...>", "SET @@session.x = 1"), GRAMMAR_NO);
}

static void behind_the_cut_a_mismatch_is_a_mistake(void **state)
{
    (void)state;
    const char *grammar = "SET BACKEND ! <backend> {ONLINE|OFFLINE}";
    assert_int_equal(hold(grammar, "SET NAMES utf8"), GRAMMAR_NO);
    assert_int_equal(hold(grammar, "SET BACKEND"), GRAMMAR_MISTAKE);
    assert_int_equal(hold(grammar, "SET BACKEND db1 UP"), GRAMMAR_MISTAKE);
    assert_int_equal(hold(grammar, "SET BACKEND db1 ONLINE now"), GRAMMAR_MISTAKE);
    assert_int_equal(hold(grammar, "SET BACKEND db1 ONLINE"), GRAMMAR_YES);

    struct buffer text = BUFFER_INIT;
    grammar_print(grammar, &text);
    assert_true(slice_equal(buffer_slice(&text), S("SET BACKEND <backend> {ONLINE|OFFLINE}")));
    buffer_release(&text);
}

// --- the table of commands ----------------------------------------------------------------------

static enum admin_command find(const char *text, enum admin_right right, struct error *error)
{
    enum admin_command id;
    const struct asker asker = {.user = S("u"), .right = right};
    *error = ERROR_NONE;
    return admin_command_match(slice_text(text), &asker, room, &id, &match, error)
               ? id
               : ADMIN_COMMAND_COUNT;
}

static void commands_are_found_by_what_is_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum admin_command id;
    } rows[] = {
        {"EXPLAIN ROUTE SELECT 1", ADMIN_COMMAND_EXPLAIN_ROUTE},
        {"explain route user app schema shop select 1", ADMIN_COMMAND_EXPLAIN_ROUTE},
        {"RELOAD", ADMIN_COMMAND_RELOAD},
        {"reload dry run;", ADMIN_COMMAND_RELOAD},
        {"RELOAD VERSION 2", ADMIN_COMMAND_RELOAD},
        {"SET BACKEND db2 DRAIN", ADMIN_COMMAND_SET_BACKEND},
        {"SET routing.balance = p2c", ADMIN_COMMAND_SET_OPTION},
        {"set backend:db1.weight=50", ADMIN_COMMAND_SET_OPTION},
        {"KILL 5", ADMIN_COMMAND_KILL},
        {"KILL QUERY 5", ADMIN_COMMAND_KILL},
        {"KILL CONNECTION 5", ADMIN_COMMAND_KILL},
        {"PAUSE", ADMIN_COMMAND_PAUSE},
        {"RESUME", ADMIN_COMMAND_RESUME},
        {"SHUTDOWN", ADMIN_COMMAND_SHUTDOWN},
        {"HELP", ADMIN_COMMAND_HELP},
        {"help set", ADMIN_COMMAND_HELP},
        {"SHOW COMMANDS", ADMIN_COMMAND_HELP},
        {"USE sluice", ADMIN_COMMAND_USE},
        {"SET NAMES utf8mb4", ADMIN_COMMAND_SET},
        {"SET autocommit=0", ADMIN_COMMAND_SET},
        {"/*!40101 SET NAMES utf8 */", ADMIN_COMMAND_SET},
        {"SET @@session.sql_mode='ANSI'", ADMIN_COMMAND_SET},
        {"SET SESSION TRANSACTION READ ONLY", ADMIN_COMMAND_SET},
        {"COMMIT", ADMIN_COMMAND_TRANSACTION},
        {"BEGIN", ADMIN_COMMAND_TRANSACTION},
        {"START TRANSACTION WITH CONSISTENT SNAPSHOT", ADMIN_COMMAND_TRANSACTION},
        {"ROLLBACK AND CHAIN", ADMIN_COMMAND_TRANSACTION},
        {"SELECT 1", ADMIN_COMMAND_COUNT},
        {"SHOW BACKENDS", ADMIN_COMMAND_COUNT},
        {"EXPLAIN SELECT 1", ADMIN_COMMAND_COUNT},
        {"", ADMIN_COMMAND_COUNT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error error;
        if (find(rows[i].text, ADMIN_COMMAND, &error) != rows[i].id || error.code != 0) {
            fail_msg("%s: %s", rows[i].text, error.text);
        }
    }
}

// A slip in a command that changes something must not be taken for a driver's SET and answered OK.
static void a_slip_in_a_command_is_told_with_its_form(void **state)
{
    (void)state;
    static const char *const slips[] = {
        "SET BACKEND db1 UP",
        "SET BACKEND",
        "SET routing.balance p2c",
        "SET routing.balance",
        "KILL",
        "KILL QUERY",
        "RELOAD NOW",
        "SHUTDOWN NOW",
        "PAUSE 5",
        "USE",
        "EXPLAIN ROUTE",
    };
    for (size_t i = 0; i < sizeof(slips) / sizeof(slips[0]); i++) {
        struct error error;
        find(slips[i], ADMIN_COMMAND, &error);
        assert_int_equal(error.code, 1064);
        assert_non_null(strstr(error.text, "it reads "));
        assert_null(strchr(error.text, '!'));
    }
}

static void who_may_only_look_may_not_command(void **state)
{
    (void)state;
    struct error error;
    static const char *const commands[] = {
        "SHUTDOWN", "KILL 1",  "SET BACKEND db1 DRAIN", "RELOAD", "SET log.level = debug",
        "PAUSE",    "FAILOVER"};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        find(commands[i], ADMIN_LOOK, &error);
        assert_int_equal(error.code, 1227);
        assert_non_null(strstr(error.text, "'u'"));
    }
    assert_int_equal(find("EXPLAIN ROUTE SELECT 1", ADMIN_LOOK, &error),
                     ADMIN_COMMAND_EXPLAIN_ROUTE);
    assert_int_equal(error.code, 0);
    find("HELP", ADMIN_LOOK, &error);
    assert_int_equal(error.code, 0);
}

static void commands_to_come_say_so(void **state)
{
    (void)state;
    struct error error;
    static const char *const commands[] = {"SWITCHOVER TO db2", "FAILOVER", "FLUSH CACHE",
                                           "FLUSH CACHE TABLE t"};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        find(commands[i], ADMIN_COMMAND, &error);
        assert_int_equal(error.code, 1105);
        assert_non_null(strstr(error.text, "not yet active"));
    }
}

static void help_names_every_command_and_view(void **state)
{
    (void)state;
    struct table table = TABLE_INIT;
    size_t views = 0;
    for (enum view view = 0; view < VIEW_COUNT; view++) {
        views += view_info(view)->schema == VIEW_SCHEMA_SLUICE;
    }
    admin_command_help(SLICE_NONE, &table);
    assert_int_equal(table.width, 2);
    assert_int_equal(table.count, ADMIN_COMMAND_COUNT + views + 2);
    table_release(&table);
    admin_command_help(S("backend"), &table); // SET BACKEND, SWITCHOVER TO <backend>, SHOW backends
    assert_int_equal(table.count, 3);
    table_release(&table);
    admin_command_help(S("nothing of the kind"), &table);
    assert_int_equal(table.count, 0);
    table_release(&table);
    for (enum admin_command id = 0; id < ADMIN_COMMAND_COUNT; id++) {
        assert_true(admin_command_info(id)->sentence.len > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_match_in_any_case_with_space_and_comments_between),
        cmocka_unit_test(values_are_captured_without_their_quotes),
        cmocka_unit_test(groups_take_one_alternative_or_none),
        cmocka_unit_test(the_rest_is_all_that_is_left),
        cmocka_unit_test(a_name_with_a_dot_wants_one),
        cmocka_unit_test(behind_the_cut_a_mismatch_is_a_mistake),
        cmocka_unit_test(commands_are_found_by_what_is_written),
        cmocka_unit_test(a_slip_in_a_command_is_told_with_its_form),
        cmocka_unit_test(who_may_only_look_may_not_command),
        cmocka_unit_test(commands_to_come_say_so),
        cmocka_unit_test(help_names_every_command_and_view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
