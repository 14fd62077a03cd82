// Stored programs: what a procedure, a function or a trigger does to its session is known from its
// body. It follows the session to other connections, and nothing is kept because of it; what cannot
// be known from the body keeps the connection, and the view says why.
#include "tests/lib/sharing.h"

#include <stdio.h>
#include <string.h>

static const char schema[] =
    "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, a INT);"
    "INSERT INTO app.t (a) VALUES (1), (2), (3);"
    "CREATE TABLE app.account (id INT PRIMARY KEY, amount INT);"
    "CREATE TABLE app.log (id INT PRIMARY KEY AUTO_INCREMENT, what INT, who VARCHAR(20));"
    "CREATE TRIGGER app.adds BEFORE INSERT ON app.account FOR EACH ROW"
    " SET @sum = COALESCE(@sum, 0) + NEW.amount;"
    "CREATE TRIGGER app.logs AFTER UPDATE ON app.account FOR EACH ROW"
    " INSERT INTO app.log (what, who) VALUES (NEW.id, @who);"
    "CREATE PROCEDURE app.sets(IN x INT, OUT y INT) BEGIN DECLARE n INT DEFAULT 2;"
    " SET n = n * x; SET @v = n, y = n + 1; END;"
    "CREATE PROCEDURE app.configures() BEGIN SET SESSION div_precision_increment = 4 + 3;"
    " SET time_zone = CONCAT('+0', 4, ':00'); SET NAMES latin1; END;"
    "CREATE PROCEDURE app.adds_row(IN x INT) INSERT INTO t (a) VALUES (x);"
    "CREATE PROCEDURE app.calls(IN x INT) BEGIN CALL sets(x, @inner); CALL adds_row(x); END;"
    "CREATE PROCEDURE app.reports() BEGIN SELECT a FROM t ORDER BY a LIMIT 2; SELECT COUNT(*) > 0"
    " FROM t; END;"
    "CREATE PROCEDURE app.warns() BEGIN SELECT CAST('x' AS SIGNED) AS w; END;"
    "CREATE PROCEDURE app.fails() BEGIN SET @before = 'set'; SIGNAL SQLSTATE '45000' SET"
    " MESSAGE_TEXT = 'on purpose'; END;"
    "CREATE PROCEDURE app.hides() BEGIN SET @q = 'SET @hidden = 1'; PREPARE s FROM @q; EXECUTE s;"
    " DEALLOCATE PREPARE s; END;"
    "CREATE PROCEDURE app.opens(IN x INT) BEGIN START TRANSACTION; INSERT INTO account VALUES (x, "
    "1);"
    " INSERT INTO account VALUES (x, 1); COMMIT; END;"
    "CREATE PROCEDURE app.misspells() BEGIN CREATE TEMPORARY TABLE made (a INT); SET @q = 'SELEC "
    "1';"
    " PREPARE s FROM @q; EXECUTE s; END;"
    "CREATE PROCEDURE app.makes_table() CREATE TEMPORARY TABLE made (a INT);"
    "CREATE PROCEDURE app.uses_table(IN x INT) BEGIN CREATE TEMPORARY TABLE made (a INT);"
    " INSERT INTO made VALUES (x); SELECT a FROM made; DROP TEMPORARY TABLE made; END;"
    "CREATE PROCEDURE app.hides_insert() BEGIN SET @q = 'INSERT INTO t (a) VALUES (5)';"
    " PREPARE s FROM @q; EXECUTE s; DEALLOCATE PREPARE s; END;"
    "CREATE PROCEDURE app.locks() DO GET_LOCK('of a program', 1);"
    "CREATE FUNCTION app.only_reads(x INT) RETURNS INT READS SQL DATA BEGIN DECLARE n INT;"
    " SELECT COUNT(*) INTO n FROM t WHERE a >= x; IF n > 1 THEN SET n = n + 0; END IF; RETURN n;"
    " END;"
    "CREATE FUNCTION app.remembers(x INT) RETURNS INT NO SQL BEGIN SET @seen = x; RETURN x; END;"
    "CREATE FUNCTION app.writes(x INT) RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO log (what)"
    " VALUES (x); RETURN x; END";

static int setup(void **state)
{
    *state = sharing_create(schema);
    return 0;
}

// --- what follows --------------------------------------------------------------------------------

static const struct {
    const char *run;
    const char *ask[4]; // each answers with one value
} following[] = {
    {"CALL sets(3, @out)", {"SELECT @v", "SELECT @out", "SELECT @v + a FROM t WHERE id = 2"}},
    {"SET @x = 4; CALL app.sets(@x, @out)", {"SELECT @v", "SELECT @out", "SELECT @x"}},
    {"CALL configures()",
     {"SELECT 1 / 7", "SELECT @@time_zone", "SELECT @@character_set_client",
      "SELECT @@div_precision_increment"}},
    {"CALL calls(5)",
     {"SELECT @v", "SELECT @inner", "SELECT a FROM t WHERE id = LAST_INSERT_ID()"}},
    {"CALL adds_row(7)", {"SELECT a FROM t WHERE id = LAST_INSERT_ID()", "SELECT ROW_COUNT()"}},
    {"INSERT INTO t (a) VALUES (8); CALL reports()",
     {"SELECT a FROM t WHERE id = LAST_INSERT_ID()"}},
    {"DELETE FROM account; INSERT INTO account VALUES (1, 14), (2, 1937)", {"SELECT @sum"}},
    {"DELETE FROM account; SET @sum = 0; REPLACE account VALUES (1, 2)", {"SELECT @sum"}},
    {"SET @sum = 5; INSERT INTO account VALUES (2, 1), (2, 2)", {"SELECT @sum"}}, // which fails
    {"SET @who = 'me'; UPDATE account SET amount = 0",
     {"SELECT COUNT(*) > 0 FROM log WHERE who = 'me'", "SELECT @who"}},
    {"SELECT remembers(9)", {"SELECT @seen"}},
    {"SELECT MAX(remembers(a)) FROM t WHERE a < 3", {"SELECT @seen"}},
    {"CALL fails()", {"SELECT @before"}},
    {"CALL warns()", {"SELECT @@warning_count"}},
    {"SET @v = 3; CALL uses_table(@v)", {"SELECT @v"}},
    {"SET @x = 4; PREPARE s FROM 'CALL sets(?, ?)'; EXECUTE s USING @x, @out; DEALLOCATE PREPARE s",
     {"SELECT @out", "SELECT @v"}},
};

static void what_programs_set_follows_the_session_and_keeps_nothing(void **state)
{
    const struct site *site = *state;
    for (size_t i = 0; i < sizeof(following) / sizeof(following[0]); i++) {
        const char *const *ask = following[i].ask;
        MYSQL *client = sharing_client(site);
        MYSQL *direct = site_direct_client(site);
        MYSQL *other = sharing_client(site);
        // Some are to fail.
        assert_int_equal(sharing_run_each(direct, following[i].run),
                         sharing_run_each(client, following[i].run));
        assert_site_pin(site, following[i].run, "");
        for (int k = 0; k < 4 && ask[k] != NULL; k++) {
            struct client_text wanted = client_text(direct, ask[k]);
            if (strstr(ask[k], "ROW_COUNT") == NULL && strstr(ask[k], "warning") == NULL) {
                sharing_others_come(other);
            }
            struct client_text got = client_text(client, ask[k]);
            if (strcmp(got.text, wanted.text) != 0) {
                fail_msg("%s: %s is %s, not %s", following[i].run, ask[k], got.text, wanted.text);
            }
        }
        mysql_close(other);
        mysql_close(direct);
        mysql_close(client);
    }
}

static void a_procedure_that_was_prepared_keeps_nothing_either(void **state)
{
    const struct site *site = *state;
    MYSQL *client = sharing_client(site);
    MYSQL *other = sharing_client(site);
    MYSQL_STMT *statement = mysql_stmt_init(client);
    static const char sql[] = "CALL calls(6)";
    assert_int_equal(mysql_stmt_prepare(statement, sql, sizeof(sql) - 1), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mysql_stmt_execute(statement), 0);
        while (mysql_stmt_next_result(statement) == 0) {
        }
        assert_site_pin(site, sql, "");
        sharing_others_come(other);
        assert_client_text(client, "SELECT @v", "12");
    }
    mysql_stmt_close(statement);
    mysql_close(other);
    mysql_close(client);
}

static void a_session_that_called_a_procedure_reads_from_replicas_what_it_wrote(void **state)
{
    const struct site *site = *state;
    MYSQL *client = sharing_client(site);
    for (int i = 0; i < 20; i++) {
        client_run(client, "CALL adds_row(1000)");
        assert_client_text(client, "SELECT a FROM t ORDER BY id DESC LIMIT 1", "1000");
    }
    assert_soon_on_replica(client);
    mysql_close(client);
}

// --- what does not -------------------------------------------------------------------------------

static void what_a_program_holds_or_hides_keeps_the_connection(void **state)
{
    static const char *const cases[][2] = {
        {"CALL hides()", "procedure"},
        {"CALL makes_table()", "temporary_table"},
        {"CALL locks()", "user_lock"},
    };
    const struct site *site = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        MYSQL *client = sharing_client(site);
        client_run(client, cases[i][0]);
        assert_site_pin(site, cases[i][0], cases[i][1]);
        assert_int_equal(mysql_reset_connection(client), 0);
        assert_site_pin(site, "reset", "");
        mysql_close(client);
    }
}

static void assert_in_transaction(const struct site *site)
{
    assert_soon(instance_admin_number(site->instance, "SELECT SUM(in_transaction) FROM sessions") ==
                1);
}

// An error says nothing of the transaction that the procedure began; nor do errors of others that
// have run it.
static void a_transaction_that_a_failed_procedure_left_open_is_the_sessions(void **state)
{
    static const char *const calls[] = {
        "CALL opens(50)",
        "SET @q = 1; CALL opens(50)",
        "PREPARE s FROM 'CALL opens(50)'; EXECUTE s; DEALLOCATE PREPARE s",
    };
    const struct site *site = *state;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        MYSQL *client = sharing_client(site), *other = sharing_client(site);
        sharing_run_each(client, calls[i]);
        assert_in_transaction(site);
        client_run(client, "ROLLBACK");
        assert_site_pin(site, calls[i], "");
        client_run(other, "INSERT INTO t (a) VALUES (1)");
        assert_client_number(client, "SELECT COUNT(*) FROM account WHERE id = 50", 0);
        mysql_close(other);
        mysql_close(client);
    }
}

// The same of several statements in one text.
static void a_transaction_that_one_of_several_left_open_is_the_sessions(void **state)
{
    const struct site *site = *state;
    MYSQL *client = sharing_client(site);
    assert_int_equal(client_outcome(client, S("SELECT 1; CALL opens(51)")), 1062);
    assert_in_transaction(site);
    mysql_close(client);
    client = sharing_client(site);
    assert_client_number(client, "SELECT COUNT(*) FROM account WHERE id = 51", 0);
    assert_site_pin(site, "who came behind it", "");
    mysql_close(client);
}

// 1064 may come from what the procedure prepares, behind all that it has done.
static void what_a_procedure_did_in_front_of_a_syntax_error_counts(void **state)
{
    const struct site *site = *state;
    MYSQL *client = sharing_client(site);
    assert_client_error(client, "CALL misspells()", 1064, "SELEC");
    assert_client_number(client, "SELECT COUNT(*) FROM made", 0);
    assert_client_text(client, "SELECT @q", "SELEC 1");
    assert_int_equal(mysql_reset_connection(client), 0);
    assert_site_pin(site, "reset", "");
    mysql_close(client);
}

// And what it made goes with what another one, or the session, does to it.
static void a_table_of_a_program_may_be_dropped(void **state)
{
    const struct site *site = *state;
    MYSQL *client = sharing_client(site);
    client_run(client, "CALL makes_table()");
    client_run(client, "DROP TEMPORARY TABLE made");
    assert_site_pin(site, "DROP TEMPORARY TABLE", "");
    client_run(client, "CALL uses_table(1)");
    assert_client_error(client, "DROP TEMPORARY TABLE made", 1051, "");
    assert_site_pin(site, "a table that the program dropped", "");
    client_run(client, "PREPARE s FROM 'CREATE TEMPORARY TABLE made (a INT)'"); // app's
    client_run(client, "USE other");
    client_run(client, "EXECUTE s");
    client_run(client, "DEALLOCATE PREPARE s");
    client_run(client, "DROP TEMPORARY TABLE IF EXISTS other.made");
    assert_site_pin(site, "a table of the schema that it was prepared in", "temporary_table");
    client_run(client, "DROP TEMPORARY TABLE app.made");
    assert_site_pin(site, "DROP TEMPORARY TABLE", "");
    client_run(client, "USE app");
    client_run(client, "CALL makes_table()");
    assert_client_error(client, "CALL uses_table(1)", 1050, "");
    assert_site_pin(site, "a table that was there", "temporary_table");
    mysql_close(client);
}

// Whatever it does: the id that a statement in it generated is the session's last one, and what it
// asks for is the session's.
static void a_program_that_is_not_read_has_the_last_id_too(void **state)
{
    const struct site *site = *state;
    MYSQL *client = sharing_client(site);
    MYSQL *other = sharing_client(site);
    client_run(other, "INSERT INTO t (a) VALUES (1)");
    client_run(client, "CALL hides_insert()");
    long long id = client_number(client, "SELECT MAX(id) FROM t");
    assert_client_number(client, "SELECT LAST_INSERT_ID()", id);
    assert_int_equal(mysql_reset_connection(client), 0);
    client_run(client, "INSERT INTO t (a) VALUES (1)");
    client_run(other, "INSERT INTO t (a) VALUES (1)");
    client_run(client, "PREPARE s FROM 'SELECT LAST_INSERT_ID()'");
    assert_client_number(client, "EXECUTE s", id + 1);
    assert_int_equal(mysql_reset_connection(client), 0);
    client_run(client, "INSERT INTO t (a) VALUES (1)");
    client_run(other, "INSERT INTO t (a) VALUES (1)");
    client_run(client, "PREPARE s FROM 'SELECT ROW_COUNT()'");
    client_run(client, "UPDATE t SET a = a + 1 WHERE id < 4");
    assert_client_number(client, "EXECUTE s", 3); // and nothing is asked between
    client_run(client, "DEALLOCATE PREPARE s");
    id = client_number(client, "SELECT LAST_INSERT_ID()") - 1;
    if (!servers_are_mysql()) {
        client_run(other, "INSERT INTO t (a) VALUES (1)");
        assert_client_number(client, "EXECUTE IMMEDIATE 'SELECT LAST_INSERT_ID()'", id + 1);
        client_run(other, "INSERT INTO t (a) VALUES (1)");
        assert_client_number(client,
                             "SET STATEMENT max_statement_time = 5 FOR EXECUTE IMMEDIATE "
                             "'SELECT LAST_INSERT_ID()'",
                             id + 1);
        client_run(client, "PREPARE s FROM 'SELECT a FROM t WHERE id < 4'");
        client_run(client, "SELECT 1");
        client_run(client, "SET STATEMENT max_statement_time = 5 FOR EXECUTE s");
        assert_client_number(client, "SELECT FOUND_ROWS()", 3);
        client_run(client, "SET STATEMENT max_statement_time = 5 FOR SELECT SQL_CALC_FOUND_ROWS a"
                           " FROM t WHERE id < 4 LIMIT 1");
        assert_client_number(client, "SELECT FOUND_ROWS()", 3);
        assert_client_error(client, "SET STATEMENT no_such = 1 FOR PREPARE s FROM 'SELECT 2'", 1193,
                            "no_such");
        assert_site_pin(site, "what is prepared still", "prepared_text");
        client_run(client, "DEALLOCATE PREPARE s");
        client_run(client, "BEGIN NOT ATOMIC INSERT INTO t (a) VALUES (1); END");
        assert_client_number(client, "SELECT LAST_INSERT_ID()",
                             client_number(client, "SELECT MAX(id) FROM t"));
    }
    mysql_close(other);
    mysql_close(client);
}

// --- where functions run -------------------------------------------------------------------------

static void functions_that_only_read_run_on_replicas(void **state)
{
    struct site *site = *state;
    MYSQL *client = sharing_client(site);
    client_run(client, "SELECT /* reading function */ only_reads(2)");
    assert_string_not_equal(site_server_of(site, "reading function"), "db1");
    client_run(client, "SELECT /* remembering function */ remembers(2)");
    assert_string_equal(site_server_of(site, "remembering function"), "db1");
    client_run(client, "SELECT /* writing function */ writes(2)");
    assert_string_equal(site_server_of(site, "writing function"), "db1");
    assert_site_pin(site, "functions", "");
    mysql_close(client);
}

// --- changes -------------------------------------------------------------------------------------

// Whoever changes one uses it at once: migrations and tests do.
static void a_trigger_is_known_as_soon_as_it_was_made(void **state)
{
    const struct site *site = *state;
    MYSQL *client = sharing_client(site);
    MYSQL *other = sharing_client(site);
    client_run(client, "CREATE TABLE sums (a INT)");
    for (int i = 1; i <= 5; i++) {
        char ask[64];
        char wanted[16];
        snprintf(ask, sizeof(ask), "SELECT @made%d", i);
        snprintf(wanted, sizeof(wanted), "%d", i * 10);
        client_runf(client,
                    "CREATE TRIGGER adds%d BEFORE INSERT ON sums FOR EACH ROW SET @made%d = NEW.a",
                    i, i);
        client_runf(client, "INSERT INTO sums VALUES (%d)", i * 10);
        sharing_others_come(other);
        assert_client_text(client, ask, wanted);
        client_runf(client, "DROP TRIGGER adds%d", i);
    }
    assert_site_pin(site, "triggers", "");
    client_run(client, "DROP TABLE sums");
    mysql_close(other);
    mysql_close(client);
}

// Sessions are asked for their ids first, then the catalogue is waited for.
static void the_list_of_processes_may_be_read_as_soon_as_a_program_was_made(void **state)
{
    const struct site *site = *state;
    MYSQL *client = sharing_client(site);
    for (int i = 0; i < 3; i++) {
        client_run(client, "CREATE PROCEDURE fresh() BEGIN END");
        client_number(client, "SELECT COUNT(*) FROM information_schema.PROCESSLIST");
        client_run(client, "DROP PROCEDURE fresh");
    }
    mysql_close(client);
}

static void a_procedure_that_one_session_changed_is_known_to_others_at_once(void **state)
{
    const struct site *site = *state;
    MYSQL *maker = sharing_client(site);
    MYSQL *client = sharing_client(site);
    MYSQL *other = sharing_client(site);
    for (int i = 1; i <= 5; i++) {
        char ask[64];
        snprintf(ask, sizeof(ask), "SELECT @changed%d", i);
        client_run(maker, "DROP PROCEDURE IF EXISTS changing");
        client_runf(maker, "CREATE PROCEDURE changing() SET @changed%d = 'set'", i);
        client_run(client, "CALL changing()");
        assert_site_pin(site, "CALL changing()", "");
        sharing_others_come(other);
        assert_client_text(client, ask, "set");
    }
    client_run(maker, "DROP PROCEDURE changing");
    mysql_close(other);
    mysql_close(client);
    mysql_close(maker);
}

// A function that read and now writes: the reader's prepared statement goes where it may write.
static void a_function_that_began_to_write_leaves_the_replicas_at_once(void **state)
{
    const struct site *site = *state;
    MYSQL *maker = sharing_client(site);
    MYSQL *client = sharing_client(site);
    client_run(maker, "CREATE FUNCTION turns() RETURNS INT NO SQL BEGIN RETURN 1; END");
    MYSQL_STMT *statement = mysql_stmt_init(client);
    static const char sql[] = "SELECT turns()";
    assert_int_equal(mysql_stmt_prepare(statement, sql, sizeof(sql) - 1), 0);
    assert_int_equal(mysql_stmt_execute(statement), 0);
    mysql_stmt_free_result(statement);
    client_run(maker, "DROP FUNCTION turns");
    client_run(maker, "CREATE FUNCTION turns() RETURNS INT MODIFIES SQL DATA BEGIN"
                      " INSERT INTO log (what) VALUES (77); RETURN 2; END");
    assert_int_equal(mysql_stmt_execute(statement), 0);
    mysql_stmt_free_result(statement);
    client_run(client, "SELECT turns()");
    assert_client_number(client, "SELECT COUNT(*) FROM log WHERE what = 77", 2);
    assert_site_pin(site, sql, "");
    mysql_stmt_close(statement);
    client_run(maker, "DROP FUNCTION turns");
    mysql_close(client);
    mysql_close(maker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_programs_set_follows_the_session_and_keeps_nothing),
        cmocka_unit_test(a_procedure_that_was_prepared_keeps_nothing_either),
        cmocka_unit_test(a_session_that_called_a_procedure_reads_from_replicas_what_it_wrote),
        cmocka_unit_test(what_a_program_holds_or_hides_keeps_the_connection),
        cmocka_unit_test(a_transaction_that_a_failed_procedure_left_open_is_the_sessions),
        cmocka_unit_test(a_transaction_that_one_of_several_left_open_is_the_sessions),
        cmocka_unit_test(what_a_procedure_did_in_front_of_a_syntax_error_counts),
        cmocka_unit_test(a_table_of_a_program_may_be_dropped),
        cmocka_unit_test(a_program_that_is_not_read_has_the_last_id_too),
        cmocka_unit_test(functions_that_only_read_run_on_replicas),
        cmocka_unit_test(a_trigger_is_known_as_soon_as_it_was_made),
        cmocka_unit_test(the_list_of_processes_may_be_read_as_soon_as_a_program_was_made),
        cmocka_unit_test(a_procedure_that_one_session_changed_is_known_to_others_at_once),
        cmocka_unit_test(a_function_that_began_to_write_leaves_the_replicas_at_once),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
