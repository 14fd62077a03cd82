// What a statement leaves (warnings, counts, the insert id) is there for the next one of its
// session, as on a direct connection, though another session had the connection in between: there
// is one connection to each server.
#include "tests/lib/sharing.h"
#include "tests/lib/statement.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char schema[] = "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, a INT);"
                             "INSERT INTO app.t (a) VALUES (1), (2), (3), (4), (5);"
                             "CREATE TABLE app.u (a INT);"
                             "CREATE TABLE app.w (id INT PRIMARY KEY AUTO_INCREMENT, a INT)";

static int setup(void **state)
{
    *state = site_create(site_logging, schema, sharing_changes);
    return 0;
}

// A session, the same on a direct connection, and one that takes the connections in between.
struct pair {
    const struct site *site;
    MYSQL *client, *direct, *other;
};

static struct pair pair_open(const struct site *site)
{
    stack_sync(site->stack); // what other tests wrote directly is no session's own
    return (struct pair){.site = site,
                         .client = site_client(site),
                         .direct = stack_connect(site->stack, "db1"),
                         .other = site_client(site)};
}

static void pair_close(struct pair *pair)
{
    mysql_close(pair->client);
    mysql_close(pair->direct);
    mysql_close(pair->other);
}

// Another session runs something on every connection, with warnings and counts of its own.
static void others_come(const struct pair *pair)
{
    client_run(pair->other, "SELECT CAST('other' AS SIGNED) FROM t WHERE id < 5 "
                            "/* sluice: backend=db2 */");
    client_run(pair->other, "SELECT CAST('other' AS SIGNED) FROM t WHERE id < 5 "
                            "/* sluice: backend=db3 */");
    client_run(pair->other, "INSERT INTO w (a) VALUES (1), (2), (3)");
    client_run(pair->other, "SELECT CAST('other' AS SIGNED) FROM t WHERE id < 5 FOR UPDATE");
}

enum { SEEN_SIZE = 4096 };

struct seen {
    char text[SEEN_SIZE];
};

__attribute__((format(printf, 2, 3))) static void seen_add(struct seen *seen, const char *format,
                                                           ...)
{
    size_t len = strlen(seen->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(seen->text + len, sizeof(seen->text) - len, format, arguments);
    va_end(arguments);
}

static void result_add(struct seen *seen, MYSQL_RES *result)
{
    MYSQL_FIELD *fields = mysql_fetch_fields(result);
    unsigned count = mysql_num_fields(result);
    for (unsigned i = 0; i < count; i++) {
        seen_add(seen, "%s type %d length %lu flags 0x%x decimals %u charset %u|", fields[i].name,
                 fields[i].type, fields[i].length, fields[i].flags, fields[i].decimals,
                 fields[i].charsetnr);
    }
    for (MYSQL_ROW row; (row = mysql_fetch_row(result)) != NULL;) {
        seen_add(seen, "\n");
        for (unsigned i = 0; i < count; i++) {
            seen_add(seen, "%s|", row[i] != NULL ? row[i] : "NULL");
        }
    }
}

// Everything that the client sees of the answer, or its error.
static struct seen seen(MYSQL *client, const char *statement)
{
    struct seen seen = {""};
    if (mysql_query(client, statement) != 0) {
        seen_add(&seen, "error %u %s", mysql_errno(client), mysql_error(client));
        return seen;
    }
    MYSQL_RES *result = mysql_store_result(client);
    if (result == NULL) {
        seen_add(&seen, "ok %llu", (unsigned long long)mysql_affected_rows(client));
        return seen;
    }
    result_add(&seen, result);
    mysql_free_result(result);
    return seen;
}

// The same statement says the same on both.
static void assert_alike(const struct pair *pair, const char *before, const char *statement)
{
    struct seen expected = seen(pair->direct, statement), found = seen(pair->client, statement);
    if (strcmp(expected.text, found.text) != 0) {
        fail_msg("behind %s, %s\nsays on a direct connection\n%s\nand through sluice\n%s", before,
                 statement, expected.text, found.text);
    }
}

// `statement`, then others, then the questions, each behind the one before.
static void assert_left_alike(const struct pair *pair, const char *statement,
                              const char *const questions[])
{
    assert_alike(pair, "nothing", statement);
    for (size_t i = 0; questions[i] != NULL; i++) {
        others_come(pair);
        assert_alike(pair, statement, questions[i]);
    }
}

static const char *const statements[] = {
    "SELECT CAST('1x' AS SIGNED) FROM t WHERE id = 1",
    "SELECT CAST('1x' AS SIGNED), CAST('2x' AS SIGNED), CAST('3x' AS SIGNED) FROM t WHERE id = 1",
    "SELECT missing FROM t",
    "SELECT * FROM t WHERE a = 3",
    "SELECT a FROM t LIMIT 2",
    "SELECT a FROM t ORDER BY a LIMIT 1, 2",
    "SELECT a FROM t ORDER BY a LIMIT 2 OFFSET 1",
    "SELECT SQL_CALC_FOUND_ROWS a FROM t LIMIT 1",
    "SELECT 1 UNION SELECT 2 UNION SELECT 3",
    "SELECT 1",
    "SELECT a FROM t WHERE 1 = 0",
    "UPDATE t SET a = a WHERE id <= 3",
    "UPDATE t SET a = a + 1 WHERE id <= 4",
    "DELETE FROM t WHERE id > 100000",
    "INSERT INTO u VALUES (1), (2)",
    "INSERT INTO u SELECT a FROM t WHERE id <= 3",
    "INSERT INTO t VALUES (1, 1)",
    "INSERT IGNORE INTO t VALUES (1, 1), (2, 2)",
    "CREATE TABLE IF NOT EXISTS t (a INT)",
    "DROP TABLE IF EXISTS nowhere",
    "SHOW COLUMNS FROM t",
    "SHOW CREATE TABLE u",
    "SET time_zone = 'SYSTEM'",
    "DO 1",
    "USE app",
    "nonsense",
    NULL,
};

static void assert_all_left_alike(const struct site *site, const char *const questions[])
{
    struct pair pair = pair_open(site);
    for (size_t i = 0; statements[i] != NULL; i++) {
        assert_left_alike(&pair, "SELECT id FROM t WHERE id <= 4", (const char *const[]){NULL});
        assert_left_alike(&pair, statements[i], questions);
    }
    pair_close(&pair);
}

static void warnings_are_those_of_the_session(void **state)
{
    assert_all_left_alike(
        *state,
        (const char *const[]){"SHOW WARNINGS", "SHOW ERRORS", "SHOW COUNT(*) WARNINGS",
                              "SHOW COUNT(*) ERRORS", "SHOW WARNINGS", "SHOW WARNINGS LIMIT 1",
                              "SHOW WARNINGS LIMIT 1, 1", "show warnings limit 2 offset 1;", NULL});
}

static void counts_of_warnings_are_those_of_the_session(void **state)
{
    assert_all_left_alike(
        *state, (const char *const[]){"SELECT @@warning_count AS w, @@error_count", NULL});
    assert_all_left_alike(
        *state, (const char *const[]){"SELECT 1 + @@session.warning_count", "SHOW WARNINGS", NULL});
    assert_all_left_alike(*state,
                          (const char *const[]){"SELECT @@error_count FROM t WHERE id = 1", NULL});
}

static void row_count_is_that_of_the_session(void **state)
{
    assert_all_left_alike(*state,
                          (const char *const[]){"SELECT ROW_COUNT()", "SELECT ROW_COUNT()", NULL});
    assert_all_left_alike(
        *state, (const char *const[]){"SELECT 5 - row_count( ) AS n FROM t WHERE id = 1", NULL});
}

static void found_rows_is_that_of_the_session(void **state)
{
    assert_all_left_alike(
        *state, (const char *const[]){"SELECT FOUND_ROWS()", "SELECT FOUND_ROWS()", NULL});
    assert_all_left_alike(*state,
                          (const char *const[]){"SHOW WARNINGS", "SELECT FOUND_ROWS() + 1", NULL});
}

// A session that has set a user variable keeps its connection: it begins afresh each time.
static void assert_diagnosed_alike(const struct pair *pair, const char *statement,
                                   const char *question, const char *variables)
{
    assert_alike(pair, "nothing", statement);
    others_come(pair);
    assert_alike(pair, statement, question);
    assert_int_equal(mysql_warning_count(pair->client), mysql_warning_count(pair->direct));
    assert_alike(pair, question, variables);
    assert_int_equal(mysql_reset_connection(pair->client), 0);
    assert_int_equal(mysql_reset_connection(pair->direct), 0);
}

// On MariaDB, SET does not end the warnings: they are asked for in another charset than they are
// in.
static void diagnostics_are_there_where_results_are_not_converted(void **state)
{
    struct pair pair = pair_open(*state);
    MYSQL *both[] = {pair.client, pair.direct};
    for (int i = 0; i < 2 && !servers_are_mysql(); i++) {
        assert_int_not_equal(mysql_query(both[i], "SELECT missing FROM t"), 0);
        client_run(both[i], "SET character_set_results = NULL");
        others_come(&pair);
        client_run(both[i], "GET DIAGNOSTICS CONDITION 1 @s = RETURNED_SQLSTATE, "
                            "@m = MESSAGE_TEXT, @n = MYSQL_ERRNO");
        assert_client_text(both[i], "SELECT CONCAT(@s, ' ', @n, ' ', @m)",
                           "42S22 1054 Unknown column 'missing' in 'SELECT'");
    }
    pair_close(&pair);
}

static void diagnostics_are_those_of_the_session(void **state)
{
    static const char condition[] = "GET CURRENT DIAGNOSTICS CONDITION 1 @p1 = RETURNED_SQLSTATE, "
                                    "@p2 = MESSAGE_TEXT, @c = MYSQL_ERRNO";
    static const char *const with_condition[] = {
        "SELECT missing FROM t",         "SELECT CAST('1x' AS SIGNED) FROM t WHERE id = 1",
        "INSERT INTO t VALUES (1, 1)",   "INSERT IGNORE INTO t VALUES (1, 1)",
        "DROP TABLE IF EXISTS nowhere",  "CREATE TABLE IF NOT EXISTS t (a INT)",
        "SET sql_mode = 'NO_SUCH_MODE'", "SET NAMES utf8mb4 COLLATE latin1_german1_ci",
    };
    struct pair pair = pair_open(*state);
    for (size_t i = 0; statements[i] != NULL; i++) {
        assert_diagnosed_alike(&pair, statements[i], "GET DIAGNOSTICS @n = NUMBER, @r = ROW_COUNT",
                               "SELECT @n, @r, ROW_COUNT()");
    }
    for (size_t i = 0; i < sizeof(with_condition) / sizeof(with_condition[0]); i++) {
        assert_diagnosed_alike(&pair, with_condition[i], condition,
                               "SELECT @p1, @p2, @c, CHARSET(@p1), CHARSET(@p2)");
    }
    assert_diagnosed_alike(&pair, "SELECT a FROM t", condition, "SHOW COUNT(*) ERRORS");
    assert_diagnosed_alike(&pair, "SELECT a FROM t", condition,
                           "SELECT @@error_count, ROW_COUNT()");
    assert_diagnosed_alike(&pair, "SELECT CAST('1x' AS SIGNED) FROM t WHERE id = 1",
                           "GET DIAGNOSTICS CONDITION 2 @c = MYSQL_ERRNO",
                           "SHOW COUNT(*) WARNINGS");
    pair_close(&pair);
}

static void a_condition_that_is_not_there_is_one_more_each_time(void **state)
{
    static const char *const asked[] = {"SELECT a FROM t",
                                        "GET DIAGNOSTICS CONDITION 9 @c = MYSQL_ERRNO",
                                        "SELECT ROW_COUNT()",
                                        "GET DIAGNOSTICS CONDITION 9 @c = MYSQL_ERRNO",
                                        "GET DIAGNOSTICS CONDITION NULL @c = MYSQL_ERRNO",
                                        "GET DIAGNOSTICS CONDITION '7' @c = CLASS_ORIGIN",
                                        "SHOW COUNT(*) ERRORS",
                                        "SELECT @@warning_count"};
    struct pair pair = pair_open(*state);
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        assert_alike(&pair, i == 0 ? "nothing" : asked[i - 1], asked[i]);
    }
    pair_close(&pair);
}

// MariaDB says at which row a condition came; one of a question about conditions came at none.
static void a_condition_that_was_not_there_came_at_no_row(void **state)
{
    static const char *const asked[] = {"INSERT INTO w (a) VALUES (1), (2)",
                                        "GET DIAGNOSTICS CONDITION 5 @m = MESSAGE_TEXT",
                                        "GET DIAGNOSTICS CONDITION 1 @n = ROW_NUMBER", "SELECT @n"};
    struct pair pair = pair_open(*state);
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]) && !servers_are_mysql(); i++) {
        assert_alike(&pair, i == 0 ? "nothing" : asked[i - 1], asked[i]);
    }
    pair_close(&pair);
}

static void the_insert_id_is_that_of_the_session(void **state)
{
    struct pair pair = pair_open(*state);
    client_run(pair.client, "INSERT INTO w (a) VALUES (1), (2)");
    unsigned long long id = mysql_insert_id(pair.client);
    for (int i = 0; i < 3; i++) {
        others_come(&pair);
        assert_client_number(pair.client, "SELECT LAST_INSERT_ID()", (long long)id);
    }
    client_run(pair.client, "INSERT INTO w VALUES (LAST_INSERT_ID(4711) + 1000000, 5)");
    others_come(&pair);
    assert_client_number(pair.client, "SELECT LAST_INSERT_ID()", 4711);
    client_run(pair.client, "DELETE FROM w WHERE id > 1000000");
    pair_close(&pair);
}

// --- in other shapes -----------------------------------------------------------------------------

// All cells of the answer, as texts.
static struct seen seen_prepared(MYSQL_STMT *statement)
{
    enum { CELLS = 3, CELL_SIZE = 256 };
    char cells[CELLS][CELL_SIZE];
    unsigned long lengths[CELLS];
    MYSQL_BIND binds[CELLS] = {0};
    struct seen seen = {""};
    statement_execute(statement);
    unsigned count = mysql_stmt_field_count(statement);
    assert_in_range(count, 1, CELLS);
    for (unsigned i = 0; i < count; i++) {
        binds[i].buffer_type = MYSQL_TYPE_STRING;
        binds[i].buffer = cells[i];
        binds[i].buffer_length = CELL_SIZE;
        binds[i].length = &lengths[i];
    }
    assert_int_equal(mysql_stmt_bind_result(statement, binds), 0);
    while (mysql_stmt_fetch(statement) == 0) {
        for (unsigned i = 0; i < count; i++) {
            seen_add(&seen, "%.*s|", (int)lengths[i], cells[i]);
        }
        seen_add(&seen, "\n");
    }
    mysql_stmt_free_result(statement);
    return seen;
}

// A connection that has not prepared it yet does so in between.
static void preparing_a_question_is_no_statement_that_it_asks_about(void **state)
{
    struct pair pair = pair_open(*state);
    MYSQL *both[] = {pair.client, pair.direct};
    MYSQL_STMT *statements_of[2];
    struct seen seen[2];
    for (int i = 0; i < 2; i++) {
        statements_of[i] = statement_prepare(both[i], "SELECT ROW_COUNT(), LAST_INSERT_ID()");
    }
    others_come(&pair);
    for (int i = 0; i < 2; i++) {
        client_run(both[i], "START TRANSACTION");
        client_run(both[i], "SELECT LAST_INSERT_ID()");
        seen[i] = seen_prepared(statements_of[i]);
        client_run(both[i], "ROLLBACK");
        mysql_stmt_close(statements_of[i]);
    }
    assert_string_equal(seen[0].text, seen[1].text);
    pair_close(&pair);
}

// Statements that were prepared before ask as their texts would.
static void prepared_statements_ask_the_same(void **state)
{
    static const char *const questions[] = {
        "SELECT ROW_COUNT()",     "SELECT FOUND_ROWS()",    "SELECT ROW_COUNT() + ?",
        "SELECT @@warning_count", "SHOW COUNT(*) WARNINGS", "SHOW WARNINGS",
    };
    enum { ALL = sizeof(questions) / sizeof(questions[0]) };
    const int count = servers_are_mysql() ? 3 : ALL; // MySQL prepares no questions about warnings
    struct pair pair = pair_open(*state);
    MYSQL_STMT *client[ALL], *direct[ALL];
    int number = 7;
    for (int i = 0; i < count; i++) {
        client[i] = statement_prepare(pair.client, questions[i]);
        direct[i] = statement_prepare(pair.direct, questions[i]);
        if (mysql_stmt_param_count(direct[i]) == 1) {
            statement_bind_number(client[i], &number);
            statement_bind_number(direct[i], &number);
        }
    }
    for (size_t at = 0; statements[at] != NULL; at++) {
        for (int i = 0; i < count; i++) {
            assert_alike(&pair, "nothing", statements[at]);
            others_come(&pair);
            struct seen expected = seen_prepared(direct[i]), found = seen_prepared(client[i]);
            if (strcmp(expected.text, found.text) != 0) {
                fail_msg("behind %s, %s, prepared, says %s on a direct connection, %s through "
                         "sluice",
                         statements[at], questions[i], expected.text, found.text);
            }
        }
    }
    for (int i = 0; i < count; i++) {
        mysql_stmt_close(client[i]);
        mysql_stmt_close(direct[i]);
    }
    pair_close(&pair);
}

static struct seen seen_several(MYSQL *client, const char *text)
{
    struct seen seen = {""};
    int status = mysql_query(client, text);
    while (status == 0) {
        MYSQL_RES *result = mysql_store_result(client);
        if (result != NULL) {
            result_add(&seen, result);
            mysql_free_result(result);
        }
        seen_add(&seen, ";\n");
        status = mysql_next_result(client);
    }
    if (status > 0) {
        seen_add(&seen, "error %u", mysql_errno(client));
    }
    return seen;
}

// The first of several asks about what was before, the others about those in front of them.
static void several_statements_ask_the_same(void **state)
{
    static const char *const texts[] = {
        "SELECT ROW_COUNT(); UPDATE t SET a = a + 1 WHERE id < 3; SELECT ROW_COUNT()",
        "SELECT FOUND_ROWS(); SELECT a FROM t LIMIT 3; SELECT FOUND_ROWS()",
        "SELECT CAST('1x' AS SIGNED) FROM t WHERE id = 1; SHOW WARNINGS; SELECT 1",
        ("SELECT @@warning_count; SELECT CAST('1x' AS SIGNED) FROM t WHERE id = 1; "
         "SELECT @@warning_count"),
    };
    struct pair pair = pair_open(*state);
    mysql_set_server_option(pair.client, MYSQL_OPTION_MULTI_STATEMENTS_ON);
    mysql_set_server_option(pair.direct, MYSQL_OPTION_MULTI_STATEMENTS_ON);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_alike(&pair, "nothing", "SELECT a FROM t WHERE id < 3");
        assert_alike(&pair, "nothing", "INSERT IGNORE INTO t VALUES (1, 1), (2, 2)");
        others_come(&pair);
        struct seen expected = seen_several(pair.direct, texts[i]);
        assert_string_equal(seen_several(pair.client, texts[i]).text, expected.text);
    }
    pair_close(&pair);
}

// What was before the transaction is asked for in it, and the other way round.
static void transactions_ask_the_same(void **state)
{
    static const char *const story[] = {
        "SELECT CAST('1x' AS SIGNED), a FROM t WHERE id <= 3",
        "BEGIN",
        "SELECT FOUND_ROWS(), ROW_COUNT()",
        "UPDATE t SET a = a + 1 WHERE id <= 2",
        "SELECT ROW_COUNT()",
        "SELECT SQL_CALC_FOUND_ROWS a FROM t LIMIT 1",
        "SELECT FOUND_ROWS()",
        "INSERT INTO t VALUES (1, 1)",
        "SHOW WARNINGS",
        "SHOW ERRORS LIMIT 1",
        "SELECT CAST('2x' AS SIGNED) FROM t WHERE id = 1",
        "SHOW COUNT(*) WARNINGS",
        "SHOW WARNINGS",
        "ROLLBACK",
        "SELECT ROW_COUNT()",
        "SHOW WARNINGS",
    };
    enum { STEPS = sizeof(story) / sizeof(story[0]) };
    static struct seen expected[STEPS];
    struct pair pair = pair_open(*state);
    for (int i = 0; i < STEPS;
         i++) { // it ends before the other one begins: they lock the same rows
        expected[i] = seen(pair.direct, story[i]);
    }
    for (int i = 0; i < STEPS; i++) {
        struct seen found = seen(pair.client, story[i]);
        if (strcmp(found.text, expected[i].text) != 0) {
            fail_msg("%s says on a direct connection\n%s\nand through sluice\n%s", story[i],
                     expected[i].text, found.text);
        }
    }
    pair_close(&pair);
}

// SHOW WARNINGS goes to the connection that has them, as long as nobody else needs it.
static void a_connection_that_nobody_needed_is_asked_itself(void **state)
{
    struct site *site = *state;
    struct pair pair = pair_open(site);
    client_run(pair.client, "SELECT CAST('1x' AS SIGNED) FROM t WHERE id = 1 "
                            "/* sluice: backend=db3 */");
    assert_int_equal(client_row_count(pair.client, "SHOW WARNINGS /* own warnings */"), 1);
    assert_string_equal(site_server_of(site, "own warnings"), "db3");
    pair_close(&pair);
}

// --- connections that go -------------------------------------------------------------------------

static long long connection_of_app(MYSQL *root)
{
    return client_number(root, "SELECT COALESCE(MAX(id), 0) FROM information_schema.processlist "
                               "WHERE user = 'app'");
}

static void connections_kill(const struct site *site, const char *name)
{
    MYSQL *root = stack_connect(site->stack, name);
    for (long long id; (id = connection_of_app(root)) != 0;) {
        client_runf(root, "KILL %lld", id);
        assert_soon(connection_of_app(root) != id);
    }
    mysql_close(root);
}

static void what_is_known_outlives_the_connection(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    client_run(client, "SELECT id FROM t WHERE id <= 3 FOR UPDATE");
    client_run(client, "INSERT INTO w (a) VALUES (1), (2)");
    long long id = (long long)mysql_insert_id(client);
    assert_soon(site_connections_to(site, "db1") == 1);
    connections_kill(site, "db1");
    assert_client_number(client, "SELECT ROW_COUNT()", 2);
    connections_kill(site, "db1");
    assert_client_number(client, "SELECT LAST_INSERT_ID()", id);
    client_run(client, "SELECT id FROM t WHERE id <= 3 FOR UPDATE");
    connections_kill(site, "db1");
    assert_client_number(client, "SELECT FOUND_ROWS()", 3);
    // MySQL warns of the function.
    assert_int_equal(client_row_count(client, "SHOW WARNINGS"), servers_are_mysql());
    mysql_close(client);
}

static void warnings_that_went_with_the_connection_are_no_empty_list(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    client_run(client, "SELECT CAST('1x' AS SIGNED) FROM t WHERE id = 1 FOR UPDATE");
    connections_kill(site, "db1");
    assert_client_error(client, "SHOW WARNINGS", 1105, "gone");
    assert_client_number(client, "SELECT @@error_count", 1); // that error is the last one now
    assert_client_number(client, "SELECT ROW_COUNT()", -1);
    client_run(client, "SELECT a FROM t WHERE id = 1");
    assert_int_equal(client_row_count(client, "SHOW WARNINGS"), 0);
    mysql_close(client);
}

// The connection that has the insert id may be a replica's, as behind a READ ONLY transaction.
static void a_write_that_asks_for_the_insert_id_goes_to_the_primary(void **state)
{
    struct pair pair = pair_open(*state);
    MYSQL *both[] = {pair.client, pair.direct};
    for (int i = 0; i < 2; i++) {
        client_run(both[i], "INSERT INTO w (a) VALUES (1)");
        long long id = (long long)mysql_insert_id(both[i]);
        client_run(both[i], "START TRANSACTION READ ONLY");
        assert_client_number(both[i], "SELECT LAST_INSERT_ID()", id);
        client_run(both[i], "COMMIT");
        client_run(both[i], "UPDATE w SET a = 7 + LAST_INSERT_ID() WHERE id = LAST_INSERT_ID()");
        assert_int_equal(mysql_affected_rows(both[i]), 1);
    }
    pair_close(&pair);
}

// An id that a statement was given is not LAST_INSERT_ID(), on whatever server that is asked.
static void a_given_id_is_not_the_insert_id_elsewhere(void **state)
{
    struct pair pair = pair_open(*state);
    MYSQL *both[] = {pair.client, pair.direct};
    for (int i = 0; i < 2; i++) {
        client_run(both[i], "INSERT INTO w (a) VALUES (1)");
        long long id = (long long)mysql_insert_id(both[i]);
        others_come(&pair);
        client_runf(both[i], "INSERT INTO w (id, a) VALUES (%d, 1)", 70000 + i);
        client_run(both[i], "START TRANSACTION READ ONLY");
        assert_client_number(both[i], "SELECT LAST_INSERT_ID()", id);
        client_run(both[i], "COMMIT");
    }
    pair_close(&pair);
}

// It is the server that says what is wrong with it.
static void what_is_no_get_diagnostics_is_the_servers_to_refuse(void **state)
{
    static const char *const texts[] = {
        "GET DIAGNOSTICS CONDITION",
        "GET DIAGNOSTICS CONDITION 1",
        "GET DIAGNOSTICS CONDITION 1 @a",
        "GET DIAGNOSTICS CONDITION 1 @a = ",
        "GET DIAGNOSTICS @a NUMBER",
        "GET DIAGNOSTICS CONDITION 1 @a = MESSAGE_TEXT,",
        "GET CURRENT DIAGNOSTICS",
        "GET DIAGNOSTICS CONDITION 1 + 1 @a =",
        "GET DIAGNOSTICS",
    };
    struct pair pair = pair_open(*state);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        client_outcome(pair.direct, S("SELECT * FROM missing"));
        client_outcome(pair.client, S("SELECT * FROM missing"));
        others_come(&pair);
        assert_alike(&pair, "an error", texts[i]);
        assert_alike(&pair, texts[i], "SHOW WARNINGS");
    }
    pair_close(&pair);
}

// Each read may ask about the last insert id then, and stays a read.
static void rows_are_counted_in_a_read_only_transaction_whatever_null_means(void **state)
{
    MYSQL *client = site_client(*state);
    client_run(client, "SET sql_auto_is_null = 1");
    client_run(client, "START TRANSACTION READ ONLY");
    assert_on_replica(client);
    client_run(client, "SELECT SQL_CALC_FOUND_ROWS id FROM t ORDER BY id LIMIT 1");
    assert_client_number(client, "SELECT FOUND_ROWS()", 5);
    client_run(client, "COMMIT");
    mysql_close(client);
}

// The connection may have told another session of the very same number.
static void an_insert_id_of_another_session_is_not_taken_for_a_given_one(void **state)
{
    const struct site *site = *state;
    MYSQL *other = site_client(site), *client = site_client(site);
    client_run(other, "INSERT INTO w (a) VALUES (1)");
    client_runf(client, "REPLACE INTO t (id, a) VALUES (%lld, 1)",
                (long long)mysql_insert_id(other));
    assert_client_number(client, "SELECT LAST_INSERT_ID()", 0);
    client_run(client, "DELETE FROM t WHERE id > 5");
    mysql_close(client);
    mysql_close(other);
}

// A fresh connection has none, which is not the session's.
static void a_given_id_on_a_fresh_connection_is_not_the_insert_id(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    client_run(client, "INSERT INTO w (a) VALUES (1)");
    long long id = (long long)mysql_insert_id(client);
    connections_kill(site, "db1");
    client_run(client, "INSERT INTO w (id, a) VALUES (80000, 1)");
    assert_client_number(client, "SELECT LAST_INSERT_ID()", id);
    mysql_close(client);
}

// What sluice refuses is the session's last statement as well.
static void an_error_of_sluices_own_is_the_last_one(void **state)
{
    struct pair pair = pair_open(*state);
    assert_alike(&pair, "nothing", "SELECT CAST('1x' AS SIGNED) FROM t WHERE id = 1");
    assert_alike(&pair, "a warning", "START TRANSACTION READ ONLY");
    assert_int_not_equal(mysql_query(pair.client, "INSERT INTO u VALUES (1)"), 0);
    assert_int_not_equal(mysql_query(pair.direct, "INSERT INTO u VALUES (1)"), 0);
    assert_int_equal(mysql_errno(pair.client), mysql_errno(pair.direct));
    assert_alike(&pair, "a refused write", "SELECT @@warning_count, @@error_count, ROW_COUNT()");
    pair_close(&pair);
}

// Commands that are no statements count too.
static void commands_leave_a_row_count(void **state)
{
    struct pair pair = pair_open(*state);
    MYSQL *both[] = {pair.client, pair.direct};
    for (int i = 0; i < 2; i++) {
        client_run(both[i], "INSERT INTO u VALUES (1), (2)");
        assert_int_equal(mysql_set_server_option(both[i], MYSQL_OPTION_MULTI_STATEMENTS_ON), 0);
    }
    assert_alike(&pair, "COM_SET_OPTION", "SELECT ROW_COUNT()");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mysql_ping(both[i]), 0);
    }
    assert_alike(&pair, "COM_PING", "SELECT ROW_COUNT()");
    for (int i = 0; i < 2; i++) {
        assert_int_not_equal(mysql_query(both[i], "SELECT missing FROM t"), 0);
        assert_int_equal(mysql_ping(both[i]), 0);
        client_run(both[i], "GET DIAGNOSTICS CONDITION 1 @m = MYSQL_ERRNO");
        client_run(both[i], "GET DIAGNOSTICS @r = ROW_COUNT");
    }
    assert_alike(&pair, "an error and COM_PING", "SELECT @r");
    pair_close(&pair);
}

// MariaDB keeps warnings over what uses no tables, by whatever way it is prepared or run.
static void texts_with_tables_end_the_warnings(void **state)
{
    static const char *const texts[] = {"PREPARE s FROM 'SELECT a FROM t'",
                                        "PREPARE s FROM 'SET @x = 1'",
                                        "EXECUTE IMMEDIATE 'SELECT a FROM t WHERE id = 1'",
                                        "EXECUTE IMMEDIATE 'SET @x = 1'",
                                        "EXPLAIN SELECT 1",
                                        "EXPLAIN SELECT a FROM t",
                                        "VALUES (1)",
                                        "KILL QUERY 4000000000",
                                        "DROP PROCEDURE app.no_such",
                                        NULL};
    struct pair pair = pair_open(*state);
    for (size_t i = 0; texts[i] != NULL && !servers_are_mysql(); i++) {
        assert_alike(&pair, "nothing", "SELECT CAST('1x' AS SIGNED) FROM t WHERE id = 1");
        others_come(&pair);
        assert_alike(&pair, "a warning", texts[i]);
        assert_alike(&pair, texts[i], "SELECT @@warning_count");
        assert_int_equal(mysql_reset_connection(pair.client), 0);
        assert_int_equal(mysql_reset_connection(pair.direct), 0);
    }
    pair_close(&pair);
}

// SHOW reads tables of information_schema, or does not.
static void what_ended_the_warnings_the_connection_knows(void **state)
{
    static const char *const texts[] = {"SHOW PRIVILEGES", "SHOW VARIABLES LIKE 'license'",
                                        "SHOW CREATE DATABASE app", "SHOW TABLES", NULL};
    struct pair pair = pair_open(*state);
    for (size_t i = 0; texts[i] != NULL && !servers_are_mysql(); i++) {
        assert_alike(&pair, "nothing", "START TRANSACTION");
        assert_alike(&pair, "nothing", "SELECT CAST('1x' AS SIGNED) FROM t WHERE id = 1");
        assert_alike(&pair, "a warning", texts[i]);
        assert_alike(&pair, texts[i], "SELECT @@warning_count");
        assert_alike(&pair, texts[i], "ROLLBACK");
    }
    pair_close(&pair);
}

static void what_is_prepared_ends_the_warnings_where_it_has_tables(void **state)
{
    static const char *const texts[] = {"SELECT a FROM t WHERE id = ?", "SELECT ?"};
    struct pair pair = pair_open(*state);
    for (size_t i = 0; i < 2 && !servers_are_mysql(); i++) {
        for (int times = 0; times < 2; times++) { // its answer is known the second time
            assert_alike(&pair, "nothing", "SELECT CAST('1x' AS SIGNED) FROM t WHERE id = 1");
            others_come(&pair);
            mysql_stmt_close(statement_prepare(pair.client, texts[i]));
            mysql_stmt_close(statement_prepare(pair.direct, texts[i]));
            assert_alike(&pair, texts[i], "SELECT @@warning_count");
        }
    }
    pair_close(&pair);
}

// As a server does, whose connection has the option and not its user.
static void several_statements_stay_allowed_behind_a_change_of_user(void **state)
{
    struct pair pair = pair_open(*state);
    MYSQL *both[] = {pair.client, pair.direct};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mysql_set_server_option(both[i], MYSQL_OPTION_MULTI_STATEMENTS_ON), 0);
        assert_int_equal(mysql_change_user(both[i], "app", "app-secret", "app"), 0);
    }
    assert_string_equal(seen_several(pair.client, "SELECT 1; SELECT 2").text,
                        seen_several(pair.direct, "SELECT 1; SELECT 2").text);
    pair_close(&pair);
}

// MySQL tells with it how many there are on the connection: what sluice had set there warned.
static void a_change_of_schema_leaves_the_warnings_of_its_session(void **state)
{
    struct pair pair = pair_open(*state);
    MYSQL *both[] = {pair.client, pair.direct};
    for (int i = 0; i < 2; i++) {
        client_run(both[i], "SET character_set_client = utf8mb3"); // a warning, of MySQL
        client_run(both[i], "DO 0");
    }
    others_come(&pair);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mysql_select_db(both[i], "other"), 0);
    }
    assert_string_equal(seen(pair.client, "SHOW COUNT(*) WARNINGS").text,
                        seen(pair.direct, "SHOW COUNT(*) WARNINGS").text);
    assert_string_equal(seen(pair.client, "SHOW WARNINGS").text,
                        seen(pair.direct, "SHOW WARNINGS").text);
    pair_close(&pair);
}

// MySQL adds the error to the warnings that the session had, and to nobody else's.
static void a_change_of_schema_that_fails_leaves_the_warnings_of_its_session(void **state)
{
    struct pair pair = pair_open(*state);
    mysql_close(pair.direct);
    pair.direct = site_direct_client(pair.site); // with the same rights
    MYSQL *both[] = {pair.client, pair.direct};
    for (int comes_another = 0; comes_another < 2; comes_another++) {
        for (int i = 0; i < 2; i++) {
            client_run(both[i], "SELECT CAST('x' AS SIGNED)");
            if (comes_another && i == 0) {
                others_come(&pair);
            }
            assert_int_not_equal(mysql_select_db(both[i], "no_such_schema"), 0);
        }
        assert_string_equal(seen(pair.client, "SHOW COUNT(*) WARNINGS").text,
                            seen(pair.direct, "SHOW COUNT(*) WARNINGS").text);
        assert_string_equal(seen(pair.client, "SHOW WARNINGS").text,
                            seen(pair.direct, "SHOW WARNINGS").text);
    }
    pair_close(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warnings_are_those_of_the_session),
        cmocka_unit_test(counts_of_warnings_are_those_of_the_session),
        cmocka_unit_test(row_count_is_that_of_the_session),
        cmocka_unit_test(found_rows_is_that_of_the_session),
        cmocka_unit_test(diagnostics_are_there_where_results_are_not_converted),
        cmocka_unit_test(diagnostics_are_those_of_the_session),
        cmocka_unit_test(a_condition_that_is_not_there_is_one_more_each_time),
        cmocka_unit_test(a_condition_that_was_not_there_came_at_no_row),
        cmocka_unit_test(the_insert_id_is_that_of_the_session),
        cmocka_unit_test(preparing_a_question_is_no_statement_that_it_asks_about),
        cmocka_unit_test(prepared_statements_ask_the_same),
        cmocka_unit_test(several_statements_ask_the_same),
        cmocka_unit_test(transactions_ask_the_same),
        cmocka_unit_test(a_connection_that_nobody_needed_is_asked_itself),
        cmocka_unit_test(what_is_known_outlives_the_connection),
        cmocka_unit_test(warnings_that_went_with_the_connection_are_no_empty_list),
        cmocka_unit_test(a_write_that_asks_for_the_insert_id_goes_to_the_primary),
        cmocka_unit_test(a_given_id_is_not_the_insert_id_elsewhere),
        cmocka_unit_test(what_is_no_get_diagnostics_is_the_servers_to_refuse),
        cmocka_unit_test(rows_are_counted_in_a_read_only_transaction_whatever_null_means),
        cmocka_unit_test(an_insert_id_of_another_session_is_not_taken_for_a_given_one),
        cmocka_unit_test(a_given_id_on_a_fresh_connection_is_not_the_insert_id),
        cmocka_unit_test(an_error_of_sluices_own_is_the_last_one),
        cmocka_unit_test(commands_leave_a_row_count),
        cmocka_unit_test(texts_with_tables_end_the_warnings),
        cmocka_unit_test(what_ended_the_warnings_the_connection_knows),
        cmocka_unit_test(what_is_prepared_ends_the_warnings_where_it_has_tables),
        cmocka_unit_test(several_statements_stay_allowed_behind_a_change_of_user),
        cmocka_unit_test(a_change_of_schema_leaves_the_warnings_of_its_session),
        cmocka_unit_test(a_change_of_schema_that_fails_leaves_the_warnings_of_its_session),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
