// What statements do to their session: pins by their texts, the image by their texts and by what
// servers report, and what ends either.
#include "tests/unit/proxy/session/bench.h"

// --- pins ----------------------------------------------------------------------------------------

struct pin_case {
    const char *takes;
    const char *pin; // as the view shows it
    const char *releases;
};

static const struct pin_case pin_cases[] = {
    {"SET @`a\xfc` = 1", "user_variable", NULL},
    {"CREATE TEMPORARY TABLE u (a INT)", "temporary_table", "DROP TABLE u"},
    {"CREATE TEMPORARY TABLE other.u (a INT)", "temporary_table", "DROP TEMPORARY TABLE other.u"},
    {"CREATE /*!80000 TEMPORARY */ TABLE u (a INT)", "temporary_table", NULL},
    {"SELECT GET_LOCK('x', 1)", "user_lock", "SELECT RELEASE_ALL_LOCKS()"},
    {"LOCK TABLES t WRITE", "lock_tables", "UNLOCK TABLES"},
    {"FLUSH TABLES WITH READ LOCK", "lock_tables", "UNLOCK TABLES"},
    {"FLUSH TABLES t FOR EXPORT", "lock_tables", "UNLOCK TABLES"},
    {"LOCK INSTANCE FOR BACKUP", "global_lock", "UNLOCK INSTANCE"},
    {"BACKUP STAGE START", "global_lock", "BACKUP STAGE END"},
    {"PREPARE s FROM 'SELECT 1'", "prepared_text", "DEALLOCATE PREPARE s"},
    {"PREPARE s FROM 'SELECT 1'", "prepared_text", "DROP PREPARE `S`"},
    {"PREPARE s FROM @text", "prepared_text", "DEALLOCATE PREPARE s"},
    {"EXECUTE IMMEDIATE @text", "unknown_state", NULL},
    {"EXECUTE IMMEDIATE 'CREATE TEMPORARY TABLE u (a INT)'", "temporary_table", NULL},
    {"HANDLER t OPEN", "handler", "HANDLER t CLOSE"},
    {"HANDLER shop.t OPEN", "handler", "HANDLER t CLOSE"},
    {"HANDLER t OPEN AS h", "handler", "HANDLER h CLOSE"},
    {"LOCK TABLES t READ", "lock_tables", "BEGIN"},
    {"SELECT NEXT VALUE FOR s", "sequence", NULL},
    {"SET ROLE r", "role", NULL},
    {"SET profiling = 1", "session_variable", NULL},
    {"XA START 'a'", "xa", "XA COMMIT 'a'"},
    {"XA START 'a'", "xa", "XA ROLLBACK 'a'"},
    {"CALL p()", "procedure", NULL},
    {"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "next_transaction", NULL},
    {"SET sql_log_bin = 0", "session_variable", NULL},
    {"SET max_error_count = @@global.max_error_count + 1", "session_variable", NULL},
    {"SET CHARACTER SET latin1", "session_variable", NULL},
    // What the session itself knows pins nothing.
    {"SET @a = 1", "", NULL},
    {"SET timestamp = 1", "", NULL},
    {"SET profiling = 0", "", NULL},
    {"SET time_zone = '+02:00'", "", NULL},
    {"SET NAMES latin1", "", NULL},
    {"USE other", "", NULL},
    {"EXECUTE IMMEDIATE 'UPDATE t SET a = 1'", "", NULL},
    {"UPDATE t SET a = 1", "", NULL},
    {"SELECT a FROM t FOR UPDATE", "", NULL},
    {"SELECT SQL_CALC_FOUND_ROWS a FROM t FOR UPDATE", "", NULL},
};

enum { PIN_CASES = sizeof(pin_cases) / sizeof(pin_cases[0]) };

static void pin_expect(const struct bench *bench, const struct pin_case *one, const char *when,
                       const char *expected)
{
    struct shown shown = bench_shown(bench);
    if (strcmp(shown.pin, expected) != 0 || (shown.backend >= 0) != (expected[0] != '\0')) {
        fail_msg("%s, %s: pin \"%s\" on server %d", one->takes, when, shown.pin, shown.backend);
    }
}

static void what_a_text_takes_pins_until_it_is_released(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, NULL);
    for (size_t i = 0; i < PIN_CASES; i++) {
        struct client client;
        client_open_as(&client, &bench, "app", "shop", CAPABILITY_MULTI_STATEMENTS);
        client_run(&client, pin_cases[i].takes);
        pin_expect(&bench, &pin_cases[i], "taken", pin_cases[i].pin);
        client_run(&client, "SELECT a FROM t");
        pin_expect(&bench, &pin_cases[i], "a statement later", pin_cases[i].pin);
        if (pin_cases[i].releases != NULL) {
            client_run(&client, pin_cases[i].releases);
            pin_expect(&bench, &pin_cases[i], "released", "");
        }
        client_close(&client);
    }
    bench_close(&bench);
}

static void what_is_as_usual_again_pins_no_more(void **state)
{
    static const struct {
        const char *set;
        const char *usual;
        const char *pin; // behind both
    } cases[] = {
        {"SET sql_log_bin = 0", "SET sql_log_bin = 1", ""},
        {"SET @@session.sql_log_bin = OFF", "SET sql_log_bin = ON", ""},
        {"SET gtid_next = 'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa:1'", "SET gtid_next = AUTOMATIC",
         ""},
        {"SET profiling = 1", "SET profiling = 0", "profiling"}, // the profiles are there
    };
    struct bench bench;
    (void)state;
    bench_open(&bench, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client client;
        client_open(&client, &bench);
        client_run(&client, cases[i].set);
        assert_pin(&bench, "session_variable");
        client_run(&client, cases[i].usual);
        assert_pin(&bench, cases[i].pin);
        client_close(&client);
    }
    bench_close(&bench);
}

// The server keeps the traces, which hold statements.
static void traces_are_gone_before_another_session_comes(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    client_run(&client, "SET optimizer_trace = 'enabled=on'");
    assert_pin(&bench, "session_variable");
    bench.servers[0].asked[0] = '\0';
    client_run(&client, "SET optimizer_trace = DEFAULT");
    assert_pin(&bench, "");
    assert_non_null(strstr(bench.servers[0].asked, "C:31"));
    client_close(&client);
    bench_close(&bench);
}

// What was there before LOCK TABLES is gone where it fails, and nothing new has come. FLUSH TABLES
// may fail behind its locks.
static void a_lock_of_tables_that_failed_locks_nothing(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    server_answer_err(&bench.servers[0], "LOCK TABLES", 1146, "no such table");
    assert_query_error(&client, "LOCK TABLES missing READ", 1146);
    assert_pin(&bench, "");
    server_answer_err(&bench.servers[0], "FLUSH TABLES", 1205, "waited in vain");
    assert_query_error(&client, "FLUSH TABLES WITH READ LOCK", 1205);
    assert_pin(&bench, "lock_tables");
    client_close(&client);
    bench_close(&bench);
}

// No flag tells of a transaction that began and ended in one text.
static void what_is_set_for_the_next_transaction_goes_with_one_in_a_text(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open_as(&client, &bench, "app", "shop", CAPABILITY_MULTI_STATEMENTS);
    client_run(&client, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED");
    assert_pin(&bench, "next_transaction");
    client_run(&client, "BEGIN; UPDATE t SET a = 1; COMMIT");
    assert_pin(&bench, "");
    client_close(&client);
    bench_close(&bench);
}

// A release that failed is none, and one among several statements may not have been the last word.
static void only_a_release_that_surely_happened_counts(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, NULL);
    for (size_t i = 0; i < PIN_CASES; i++) {
        const char *releases = pin_cases[i].releases;
        char several[128];
        struct client client;
        if (releases == NULL) {
            continue;
        }
        client_open_as(&client, &bench, "app", "shop", CAPABILITY_MULTI_STATEMENTS);
        client_run(&client, pin_cases[i].takes);
        server_answer_err(&bench.servers[0], releases, 1399, "not now");
        assert_query_error(&client, releases, 1399);
        pin_expect(&bench, &pin_cases[i], "not released", pin_cases[i].pin);
        snprintf(several, sizeof(several), "DO 1; %s", releases);
        client_run(&client, several);
        pin_expect(&bench, &pin_cases[i], "released among others", pin_cases[i].pin);
        server_answer_status(&bench.servers[0], releases, STATUS_AUTOCOMMIT);
        client_run(&client, releases);
        pin_expect(&bench, &pin_cases[i], "released", "");
        client_close(&client);
    }
    bench_close(&bench);
}

// How far a text of several came is not known where it ends in an error; one that was not even
// understood did nothing.
static void what_failed_may_have_happened_in_part(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open_as(&client, &bench, "app", "shop", CAPABILITY_MULTI_STATEMENTS);
    server_answer_err(&bench.servers[0], "BEGIN; ", 1146, "no such table");
    assert_query_error(&client, "BEGIN; UPDATE missing SET a = 1", 1146);
    client_run(&client, "SELECT a FROM t");
    assert_pin(&bench, "unknown_state");
    assert_int_equal(client_command(&client, COMMAND_RESET_CONNECTION, SLICE_NONE).kind, ANSWER_OK);
    assert_pin(&bench, "");

    server_answer_err(&bench.servers[0], "CREATE TEMPORARY", 1064, "syntax");
    assert_query_error(&client, "CREATE TEMPORARY TABLE u (", 1064);
    client_run(&client, "SELECT a FROM t");
    assert_pin(&bench, "");
    server_answer_err(&bench.servers[0], "CREATE TEMPORARY", 1050, "is there already");
    assert_query_error(&client, "CREATE TEMPORARY TABLE u (a INT)", 1050);
    client_run(&client, "SELECT a FROM t");
    assert_pin(&bench, "");
    server_answer_err(&bench.servers[0], "CREATE TEMPORARY", 1146, "no such table");
    assert_query_error(&client, "CREATE TEMPORARY TABLE u (a INT); DELETE FROM missing", 1146);
    assert_pin(&bench, "temporary_table");
    client_close(&client);
    bench_close(&bench);
}

static void what_is_set_for_the_next_transaction_pins_until_that_has_ended(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    client_run(&client, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED");
    assert_pin(&bench, "next_transaction");
    server_answer_status(&bench.servers[0], "BEGIN", STATUS_AUTOCOMMIT | STATUS_IN_TRANSACTION);
    server_answer_status(&bench.servers[0], "UPDATE", STATUS_AUTOCOMMIT | STATUS_IN_TRANSACTION);
    client_run(&client, "BEGIN");
    client_run(&client, "UPDATE t SET a = 1");
    assert_pin(&bench, "next_transaction");
    client_run(&client, "COMMIT");
    assert_pin(&bench, "");
    client_close(&client);
    bench_close(&bench);
}

// EXECUTE does what its text does, and DEALLOCATE ends what PREPARE began.
static void what_a_statement_by_name_does_stands_in_its_text(void **state)
{
    static const struct {
        const char *sql;
        uint16_t error; // that the server gives; 0: none
        const char *pin;
    } story[] = {
        {"PREPARE s FROM 'UPDATE t SET a = 1'", 0, "prepared_text"},
        {"EXECUTE s", 0, "prepared_text"},
        {"PREPARE more FROM 'SELECT GET_LOCK(\'x\', 1)'", 0, "prepared_text"},
        {"DEALLOCATE PREPARE S", 0, "prepared_text"},
        {"EXECUTE more", 0, "user_lock"},
        {"DEALLOCATE PREPARE more", 0, "user_lock"},
        {"SELECT RELEASE_ALL_LOCKS()", 0, ""},
        {"EXECUTE more", 1243, ""},
        {"DO 1", 0, ""},
        {"PREPARE s FROM 'SELECT 1'", 0, "prepared_text"},
        {"PREPARE s FROM 'SELECT nothing'", 1054, ""}, // the one before is gone too
        {"DO 2", 0, ""},
        {"PREPARE s FROM @text", 0, "prepared_text"},
        {"EXECUTE s", 0, "prepared_text"},
        {"DEALLOCATE PREPARE s", 0, "unknown_state"}, // nobody knows what that did
    };
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    for (size_t i = 0; i < sizeof(story) / sizeof(story[0]); i++) {
        if (story[i].error != 0) {
            server_answer_err(&bench.servers[0], story[i].sql, story[i].error, "no");
            assert_query_error(&client, story[i].sql, story[i].error);
            server_answer_status(&bench.servers[0], story[i].sql, STATUS_AUTOCOMMIT);
        } else {
            client_run(&client, story[i].sql);
        }
        if (strcmp(bench_shown(&bench).pin, story[i].pin) != 0) {
            fail_msg("%zu, %s: %s", i, story[i].sql, bench_shown(&bench).pin);
        }
    }
    client_close(&client);
    bench_close(&bench);
}

// --- the image -----------------------------------------------------------------------------------

// What was set on one server is set on the other before a statement runs there, and is taken back
// for the next session.
static void what_a_set_says_follows_the_session(void **state)
{
    struct bench bench;
    struct client client, other;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    client_run(&client, "SET sql_select_limit = 7, time_zone = '+02:00'");
    assert_where(&client, "SELECT a FROM t", "db2");
    assert_non_null(strstr(bench.servers[1].asked,
                           "Q:SET sql_select_limit=7,time_zone='+02:00'\nQ:SELECT a FROM t\n"));
    client_run(&client, "SET time_zone = DEFAULT");
    client_open(&other, &bench);
    assert_where(&other, "SELECT a FROM t", "db2");
    assert_non_null(strstr(bench.servers[1].asked, "SET sql_select_limit=DEFAULT"));
    client_close(&other);
    client_close(&client);
    bench_close(&bench);
}

// The statement goes out behind what it needs, in the same piece.
static void a_change_of_image_costs_no_round_trip(void **state)
{
    struct bench bench;
    struct client client, other;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    client_open(&other, &bench);
    client_run(&client, "SET sql_select_limit = 7, time_zone = '+02:00'");
    assert_where(&client, "SELECT a FROM t", "db2");
    for (int i = 0; i < 4; i++) {
        bench.servers[1].arrivals = 0;
        bench.servers[1].asked[0] = '\0';
        assert_where(i % 2 == 0 ? &other : &client, "SELECT a FROM t", "db2");
        assert_non_null(strstr(bench.servers[1].asked, "Q:SET "));
        assert_int_equal(bench.servers[1].arrivals, 1);
    }
    client_close(&other);
    client_close(&client);
    bench_close(&bench);
}

// Nothing is left on the connection that the next one could not take back on its way.
static void a_reset_costs_no_round_trip(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    client_run(&client, "SET sql_select_limit = 7, @v = 5");
    assert_where(&client, "SELECT a FROM t", "db2");
    bench.servers[0].arrivals = bench.servers[1].arrivals = 0;
    assert_int_equal(client_command(&client, COMMAND_RESET_CONNECTION, SLICE_NONE).kind, ANSWER_OK);
    assert_int_equal(bench.servers[0].arrivals + bench.servers[1].arrivals, 0);
    assert_where(&client, "SELECT a FROM t", "db2");
    assert_int_equal(bench.servers[1].arrivals, 1);
    client_close(&client);
    bench_close(&bench);
}

static void a_set_that_failed_sets_nothing(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    for (int i = 0; i < BENCH_SERVERS; i++) {
        server_answer_err(&bench.servers[i], "SET sql_select_limit", 1231, "no such value");
    }
    assert_query_error(&client, "SET sql_select_limit = 7", 1231);
    server_answer_status(&bench.servers[0], "SET sql_select_limit", STATUS_AUTOCOMMIT);
    server_answer_status(&bench.servers[1], "SET sql_select_limit", STATUS_AUTOCOMMIT);
    assert_where(&client, "UPDATE t SET a = 1", "db1");
    assert_where(&client, "SELECT a FROM t", "db2");
    assert_null(strstr(bench.servers[1].asked, "sql_select_limit="));
    client_close(&client);
    bench_close(&bench);
}

static void the_schema_follows_the_session(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    client_run(&client, "SELECT a FROM t");
    client_command(&client, COMMAND_INIT_DB, S("other"));
    assert_string_equal(bench_shown(&bench).schema, "other");
    client_run(&client, "USE third");
    assert_string_equal(bench_shown(&bench).schema, "third");
    for (int i = 0; i < BENCH_SERVERS; i++) {
        server_answer_err(&bench.servers[i], "USE ", 1049, "Unknown database");
    }
    assert_query_error(&client, "USE missing", 1049);
    assert_string_equal(bench_shown(&bench).schema, "third");
    client_close(&client);
    bench_close(&bench);
}

// What a statement's text does not show (a procedure's SET and USE) is in the server's report.
static void what_a_server_reports_follows_the_session(void **state)
{
    struct bench bench;
    struct client client;
    struct buffer changes = BUFFER_INIT;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    client_run(&client, "SELECT a FROM t"); // each server has a connection
    change_add(&changes, SESSION_CHANGE_SCHEMA, SLICE_NONE, S("other"));
    change_add(&changes, SESSION_CHANGE_VARIABLE, S("time_zone"), S("+03:00"));
    change_add(&changes, SESSION_CHANGE_VARIABLE, S("sql_select_limit"), S("9"));
    change_add(&changes, SESSION_CHANGE_VARIABLE, S("session_track_schema"), S("OFF"));
    server_answer_ok(&bench.servers[0], "UPDATE",
                     (struct ok){.status = STATUS_AUTOCOMMIT | STATUS_SESSION_CHANGED,
                                 .session = buffer_slice(&changes)});
    // The client hears of what it would hear of on a direct connection, and of nothing else.
    struct answer answer = client_query(&client, "UPDATE t SET a = 1");
    assert_string_equal(answer.changes, "=other;time_zone=+03:00;");
    assert_string_equal(bench_shown(&bench).schema, "other");
    assert_where(&client, "SELECT a FROM t", "db2");
    assert_non_null(strstr(bench.servers[1].asked, "C:2 other\n"));
    assert_non_null(strstr(bench.servers[1].asked, "sql_select_limit=9"));
    assert_non_null(strstr(bench.servers[1].asked, "time_zone='+03:00'"));
    assert_null(strstr(bench.servers[1].asked, "session_track_"));
    buffer_release(&changes);
    client_close(&client);
    bench_close(&bench);
}

// The server's word on sql_mode changes how texts are read: what was one string is one no more.
static void the_reported_sql_mode_is_read_by(void **state)
{
    struct bench bench;
    struct client client;
    struct buffer changes = BUFFER_INIT;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    static const char text[] = "SELECT \"a\\\" FOR UPDATE -- \"";
    assert_where(&client, text, "db2");
    change_add(&changes, SESSION_CHANGE_VARIABLE, S("sql_mode"), S("ANSI_QUOTES"));
    server_answer_ok(&bench.servers[0], "UPDATE",
                     (struct ok){.status = STATUS_AUTOCOMMIT | STATUS_SESSION_CHANGED,
                                 .session = buffer_slice(&changes)});
    client_run(&client, "UPDATE t SET a = 1");
    assert_where(&client, text, "db1"); // a name, and a locking read
    buffer_release(&changes);
    client_close(&client);
    bench_close(&bench);
}

static void the_flag_of_backslashes_is_read_by(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    static const char text[] = "SELECT 'a\\' FOR UPDATE -- '";
    assert_where(&client, text, "db2");
    server_answer_status(&bench.servers[0], "UPDATE",
                         STATUS_AUTOCOMMIT | STATUS_NO_BACKSLASH_ESCAPES);
    client_run(&client, "UPDATE t SET a = 1");
    assert_where(&client, text, "db1");
    client_close(&client);
    bench_close(&bench);
}

static void a_reset_clears_what_the_session_set(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    client_run(&client, "SET sql_select_limit = 7");
    client_run(&client, "SET @a = 1");
    client_command(&client, COMMAND_RESET_CONNECTION, SLICE_NONE);
    assert_pin(&bench, "");
    assert_where(&client, "SELECT a FROM t", "db2");
    assert_null(strstr(bench.servers[1].asked, "sql_select_limit=7"));
    assert_string_equal(bench_shown(&bench).schema, "shop"); // which a reset keeps
    client_close(&client);
    bench_close(&bench);
}

// --- what others must hear of --------------------------------------------------------------------

static void ddl_that_changes_the_catalogue_is_told(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    client_run(&client, "UPDATE t SET a = 1");
    assert_int_equal(bench.catalogue_changes, 0);
    client_run(&client, "CREATE VIEW v AS SELECT 1");
    assert_int_equal(bench.catalogue_changes, 1);
    server_answer_err(&bench.servers[0], "DROP VIEW", 1051, "no such view");
    assert_query_error(&client, "DROP VIEW missing", 1051);
    assert_int_equal(bench.catalogue_changes, 1);
    client_close(&client);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_statement_by_name_does_stands_in_its_text),
        cmocka_unit_test(what_a_text_takes_pins_until_it_is_released),
        cmocka_unit_test(what_is_as_usual_again_pins_no_more),
        cmocka_unit_test(traces_are_gone_before_another_session_comes),
        cmocka_unit_test(what_is_set_for_the_next_transaction_goes_with_one_in_a_text),
        cmocka_unit_test(a_lock_of_tables_that_failed_locks_nothing),
        cmocka_unit_test(only_a_release_that_surely_happened_counts),
        cmocka_unit_test(what_failed_may_have_happened_in_part),
        cmocka_unit_test(what_is_set_for_the_next_transaction_pins_until_that_has_ended),
        cmocka_unit_test(what_a_set_says_follows_the_session),
        cmocka_unit_test(a_change_of_image_costs_no_round_trip),
        cmocka_unit_test(a_reset_costs_no_round_trip),
        cmocka_unit_test(a_set_that_failed_sets_nothing),
        cmocka_unit_test(the_schema_follows_the_session),
        cmocka_unit_test(what_a_server_reports_follows_the_session),
        cmocka_unit_test(the_reported_sql_mode_is_read_by),
        cmocka_unit_test(the_flag_of_backslashes_is_read_by),
        cmocka_unit_test(a_reset_clears_what_the_session_set),
        cmocka_unit_test(ddl_that_changes_the_catalogue_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
