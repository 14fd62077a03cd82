// What a session has set follows it: each kind of state is set by one session, another session then
// uses the only connection to each server, and the first must see what a direct connection would;
// what cannot follow keeps the connection for exactly as long as it is there.
#include "tests/lib/http.h"
#include "tests/lib/sharing.h"
#include "tests/lib/statement.h"

#include "proxy/base/memory.h"

#include <stdio.h>
#include <string.h>

// A name of 40 letters that is too long where its 80 bytes are taken for letters, and the same in
// latin1.
#define O4        "\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6"
#define OS        O4 O4 O4 O4 O4 O4 O4 O4 O4 O4
#define O8_LATIN1 "\xf6\xf6\xf6\xf6\xf6\xf6\xf6\xf6"
#define OS_LATIN1 O8_LATIN1 O8_LATIN1 O8_LATIN1 O8_LATIN1 O8_LATIN1

static const char schema[] =
    "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, a INT, b VARCHAR(100));"
    "INSERT INTO app.t (a, b) VALUES (1, 'one'), (2, 'two'), (3, 'three');"
    "CREATE TABLE other.t (a INT); INSERT INTO other.t VALUES (-1);"
    "CREATE DATABASE `" OS "`; GRANT ALL PRIVILEGES ON `" OS "`.* TO 'app'@'%';"
    "CREATE TABLE `" OS "`.t (a INT); INSERT INTO `" OS "`.t VALUES (-2)";

static int setup(void **state)
{
    *state = sharing_create(schema);
    return 0;
}

// --- state that follows --------------------------------------------------------------------------

struct following {
    const char *set;
    const char *ask[4]; // each answers with one value
};

static const struct following following[] = {
    {"SET @v = 1", {"SELECT @v", "SELECT @v + a FROM t WHERE id = 2", "SELECT COERCIBILITY(@v)"}},
    {"SET @v = -9223372036854775808", {"SELECT @v - 0"}},
    {"SET @v = 18446744073709551615", {"SELECT @v", "SELECT @v DIV 2"}},
    {"SET @v = 1.50", {"SELECT @v", "SELECT @v / 3"}},
    {"SET @v = 1.5e3", {"SELECT @v", "SELECT @v / 3"}},
    {"SET @v = 0x4142", {"SELECT @v", "SELECT CHARSET(@v)"}},
    {"SET @v = TRUE", {"SELECT @v + 1"}},
    {"SET @v = 'it''s', @w = NULL", {"SELECT @v", "SELECT @w", "SELECT COLLATION(@v)"}},
    {"SET NAMES utf8mb4; SET @v = 'gr\xc3\xbc\xc3\x9f'",
     {"SELECT HEX(@v)", "SELECT CHAR_LENGTH(@v)", "SELECT @v LIKE '%\xc3\xbc%'"}},
    {"SET NAMES latin1; SET @v = '\xfc'; SET NAMES utf8mb4",
     {"SELECT HEX(@v)", "SELECT CHARSET(@v)"}},
    {"SET @v = CONCAT('a', 'b'), @w = 1 + 1", {"SELECT @v", "SELECT @w", "SELECT CHARSET(@v)"}},
    {"SET @v = 10; SET @w = @v / 4", {"SELECT @w", "SELECT @w * 3"}},
    {"SET @v = CAST(7 AS UNSIGNED)", {"SELECT @v"}},
    {"SELECT a, b INTO @v, @w FROM t WHERE id = 2", {"SELECT @v", "SELECT @w"}},
    {"SET @v = 0; SELECT @v := @v + a FROM t", {"SELECT @v"}},
    {"SET @V = 5; SET @v = @V * 2", {"SELECT @v", "SELECT @`V`"}},
    {"SET @v = 5; SET @v = NULL",
     {"SELECT @v IS NULL", "SELECT COERCIBILITY(@v)", "SELECT CHARSET(@v)"}},
    {"SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci; SET @v = 'a'; SET @v = NULL",
     {"SELECT COLLATION(@v)", "SELECT CHARSET(@none)", "SELECT @v = @none IS NULL"}},
    {"SET NAMES big5; SET @v = CONCAT(x'C3BC', x'E282AC')", {"SELECT HEX(@v)"}},
    {"SET @`a name` = 4", {"SELECT @`a name`"}},
    {"SET time_zone = '+05:30'", {"SELECT @@time_zone", "SELECT FROM_UNIXTIME(0)"}},
    {"SET sql_mode = CONCAT(@@sql_mode, ',PIPES_AS_CONCAT')", {"SELECT 'a' || 'b'"}},
    {"SET @old = @@sql_mode; SET sql_mode = 'ANSI_QUOTES'; SET @@sql_mode = @old",
     {"SELECT \"a text\"", "SELECT @@sql_mode"}},
    {"SET @@group_concat_max_len = 2 * 50, @@session.max_sort_length = 2 * 60",
     {"SELECT @@group_concat_max_len", "SELECT @@max_sort_length"}},
    {"SET join_buffer_size = @@global.join_buffer_size + 4096", {"SELECT @@join_buffer_size"}},
    {"SET sql_mode = ''; SET group_concat_max_len = 1; SET sql_mode = DEFAULT",
     {"SELECT @@group_concat_max_len"}},
    {"SET max_sort_length = 500 + 12", {"SELECT @@session.max_sort_length"}},
    {"SET optimizer_switch = 'mrr=on'; SET optimizer_switch = 'index_merge=off'",
     {"SELECT CRC32(@@optimizer_switch)"}}, // each sets one flag
    {"SET optimizer_switch = 'mrr=on'; SET optimizer_switch = `index_merge=off`",
     {"SELECT CRC32(@@optimizer_switch)"}},
    {"SET optimizer_switch = 'index_merge_union=off'", {"SELECT CRC32(@@optimizer_switch)"}},
    {"SET optimizer_switch = 'mrr=on'; SET optimizer_switch = DEFAULT",
     {"SELECT CRC32(@@optimizer_switch)"}},
    {"SET foreign_key_checks = FALSE, unique_checks = false; SET sql_safe_updates = TRUE",
     {"SELECT @@foreign_key_checks", "SELECT @@unique_checks", "SELECT @@sql_safe_updates"}},
    {"SET div_precision_increment = + 7", {"SELECT 1 / 7"}},
    {"SET collation_connection = utf8mb4_bin; SET collation_connection = DEFAULT",
     {"SELECT @@collation_connection", "SELECT 'a' = 'A'"}},
    {"SET NAMES latin1; SET character_set_client = DEFAULT",
     {"SELECT @@character_set_client", "SELECT @@collation_connection"}},
    {"SET NAMES latin1;SET time_zone = '+05:00'", // in one text
     {"SELECT @@character_set_client", "SELECT @@time_zone"}},
    {"SET sql_mode = 'ANSI_QUOTES';SET div_precision_increment = 7;SET @v = 1",
     {"SELECT 1 / 7", "SELECT \"a\" FROM t WHERE id = 1", "SELECT @v"}},
    {"SET CHARACTER SET latin1",
     {"SELECT @@character_set_client", "SELECT @@character_set_results",
      "SELECT @@collation_connection"}},
    {"SET NAMES DEFAULT", {"SELECT @@character_set_client", "SELECT @@collation_connection"}},
    {"SET collation_connection = 45; SET @v = 'x'",
     {"SELECT @v", "SELECT COLLATION(@v)", "SELECT @@collation_connection"}},
    {"SET character_set_results = NULL", {"SELECT @@character_set_results IS NULL"}},
    {"SET @v = 1",
     {"SELECT @@session_track_schema", "SELECT @@session.session_track_system_variables"}},
    {"SET session_track_schema = OFF", {"SELECT @@session_track_schema", "SELECT DATABASE()"}},
    {"SET session_track_system_variables = 'sql_mode'; SET @@session_track_schema = 'on'",
     {"SELECT @@session_track_system_variables", "SELECT @@local.session_track_schema + 1",
      "SELECT @@global.session_track_schema"}},
    {"SET session_track_system_variables = 'sql_mode'; SET session_track_system_variables = ''",
     {"SELECT LENGTH(@@session_track_system_variables)"}},
    {"SET session_track_system_variables = 'sql_mode'; SET session_track_system_variables = "
     "DEFAULT",
     {"SELECT @@session_track_system_variables"}},
    {"SET session_track_schema = OFF; SET @v = @@session_track_schema, session_track_schema = ON",
     {"SELECT @v", "SELECT @@session_track_schema"}},
    {"SET timestamp = 1000000000", {"SELECT UNIX_TIMESTAMP()"}},
    {"SET timestamp = 1000000000; SET timestamp = DEFAULT", {"SELECT NOW() > '2020-01-01'"}},
    {"SET last_insert_id = 77", {"SELECT LAST_INSERT_ID()"}},
    {"USE other", {"SELECT a FROM t", "SELECT DATABASE()"}},
    {"USE `" OS "`", {"SELECT a FROM t", "SELECT DATABASE()"}},
    {"SET NAMES latin1; USE `" OS_LATIN1 "`", {"SELECT a FROM t", "SELECT DATABASE()"}},
};

// MariaDB's short names, which mean a collation of the charset in use.
static const struct following following_on_mariadb[] = {
    {"SET NAMES utf8mb4 COLLATE uca1400_ai_ci; SET @v = 'x'",
     {"SELECT @v", "SELECT COLLATION(@v)", "SELECT @@collation_connection",
      "SELECT COLLATION('a')"}},
    {"SET NAMES utf8 COLLATE uca1400_as_ci; SET @v = 'x'",
     {"SELECT @v", "SELECT COLLATION(@v)", "SELECT @@collation_connection"}},
    {"SET collation_connection = utf8mb4_uca1400_ai_cs; SET @v = 'x'",
     {"SELECT @v", "SELECT COLLATION(@v)", "SELECT @@collation_connection"}},
};

static void state_follows(const struct site *site, const struct following *rows, size_t count)
{
    MYSQL *other = sharing_client(site);
    for (size_t i = 0; i < count; i++) {
        const struct following *one = &rows[i];
        MYSQL *direct = site_direct_client(site);
        MYSQL *client = sharing_client(site);
        assert_int_equal(sharing_run_each(direct, one->set), 0);
        assert_int_equal(sharing_run_each(client, one->set), 0);
        assert_site_pin(site, one->set, "");
        for (int k = 0; k < 4 && one->ask[k] != NULL; k++) {
            sharing_others_come(other);
            struct client_text wanted = client_text(direct, one->ask[k]);
            struct client_text found = client_text(client, one->ask[k]);
            if (strcmp(found.text, wanted.text) != 0) {
                fail_msg("%s: %s: \"%s\", not \"%s\"", one->set, one->ask[k], found.text,
                         wanted.text);
            }
        }
        mysql_close(client);
        mysql_close(direct);
    }
    mysql_close(other);
}

static void state_follows_its_session(void **state)
{
    state_follows(*state, following, sizeof(following) / sizeof(following[0]));
    if (!servers_are_mysql()) {
        state_follows(*state, following_on_mariadb,
                      sizeof(following_on_mariadb) / sizeof(following_on_mariadb[0]));
    }
}

// An id that a statement was given is told with its OK, and is not the last one that was generated.
static void an_id_that_was_given_is_not_the_last_one(void **state)
{
    const struct site *site = *state;
    MYSQL *direct = site_direct_client(site);
    client_run(direct, "CREATE TABLE ids (id INT PRIMARY KEY AUTO_INCREMENT, a INT)");
    MYSQL *other = sharing_client(site);
    MYSQL *client = sharing_client(site);
    client_run(client, "INSERT INTO ids (a) VALUES (1)");
    client_run(other, "INSERT INTO ids (a) VALUES (2)");
    client_run(client, "INSERT INTO ids (id, a) VALUES (600, 3)");
    assert_client_number(client, "SELECT LAST_INSERT_ID()", 1);
    client_run(other, "INSERT INTO ids (a) VALUES (4)");
    client_run(client, "INSERT INTO ids (id, a) VALUES (700, 5)");
    client_run(other, "INSERT INTO ids (a) VALUES (6)"); // it is saved before
    assert_client_number(client, "SELECT LAST_INSERT_ID()", 1);
    assert_client_number(other, "SELECT LAST_INSERT_ID()", 701);
    client_run(client, "INSERT INTO ids (a) VALUES (7)");
    client_run(client, "INSERT INTO ids (id, a) VALUES (900, 8)");
    assert_client_number(client, "SELECT LAST_INSERT_ID()", 702);
    client_run(client, "INSERT INTO ids (a) VALUES (9)");
    assert_client_number(client, "SELECT LAST_INSERT_ID()", 901);
    client_run(client, "BEGIN");
    client_run(client, "INSERT INTO ids (a) VALUES (12)");
    client_run(client, "INSERT INTO ids (id, a) VALUES (1000, 13)");
    client_run(client, "INSERT INTO ids (id, a) VALUES (1001, 14)");
    for (int i = 0; i < 12; i++) {
        client_runf(client, "INSERT INTO ids (id, a) VALUES (%d, 15)", 1002 + i);
    }
    assert_client_number(client, "SELECT LAST_INSERT_ID()", 902);
    client_run(client, "COMMIT");
    client_run(client, "SET sql_auto_is_null = 1");
    client_run(client, "INSERT INTO ids (a) VALUES (10)");
    client_run(other, "INSERT INTO ids (a) VALUES (11)");
    assert_client_number(client, "SELECT a FROM ids WHERE id IS NULL", 10);
    MYSQL_STMT *statement = statement_prepare(client, "SELECT a FROM ids WHERE id IS NULL");
    client_run(client, "INSERT INTO ids (a) VALUES (12)");
    client_run(other, "INSERT INTO ids (a) VALUES (13)");
    assert_statement_text(statement, "12");
    mysql_stmt_close(statement);
    client_run(direct, "DROP TABLE ids");
    mysql_close(client);
    mysql_close(other);
    mysql_close(direct);
}

// It was to be prepared under the mode that its text was read by, which is not the session's now.
static void a_statement_that_cannot_be_prepared_leaves_no_mode_behind(void **state)
{
    const struct site *site = *state;
    static const char text[] = "SELECT * FROM \"gone\"";
    MYSQL *direct = site_direct_client(site);
    MYSQL *client = sharing_client(site);
    client_run(direct, "CREATE TABLE gone (a INT)");
    stack_sync(site->stack);
    client_run(client, "SET sql_mode = 'ANSI_QUOTES'");
    MYSQL_STMT *statement = mysql_stmt_init(client);
    assert_int_equal(mysql_stmt_prepare(statement, text, sizeof(text) - 1), 0);
    client_run(client, "SET sql_mode = ''");
    client_run(direct, "DROP TABLE gone");
    stack_sync(site->stack);
    for (int i = 0; i < 6; i++) { // on each replica
        assert_int_not_equal(mysql_stmt_execute(statement), 0);
        assert_int_equal(mysql_stmt_errno(statement), 1146);
        for (int k = 0; k < 6; k++) {
            assert_client_text(client, "SELECT \"x\" FROM whoami", "x");
        }
    }
    mysql_stmt_close(statement);
    mysql_close(client);
    mysql_close(direct);
}

// The same inside a transaction, whose next statements must not run in that schema.
static void a_statement_that_cannot_be_prepared_leaves_no_schema_to_a_transaction(void **state)
{
    const struct site *site = *state;
    static const char text[] = "SELECT * FROM gone";
    MYSQL *direct = site_direct_client(site);
    MYSQL *client = sharing_client(site);
    client_run(direct, "CREATE TABLE gone (a INT)");
    stack_sync(site->stack);
    MYSQL_STMT *statement = mysql_stmt_init(client);
    assert_int_equal(mysql_stmt_prepare(statement, text, sizeof(text) - 1), 0);
    client_run(direct, "DROP TABLE gone");
    stack_sync(site->stack);
    client_run(client, "USE other");
    client_run(client, "BEGIN");
    client_run(client, "UPDATE t SET a = -1");
    for (int i = 0; i < 2; i++) {
        assert_int_not_equal(mysql_stmt_execute(statement), 0);
        assert_int_equal(mysql_stmt_errno(statement), 1146);
        if (i == 0) {
            assert_client_text(client, "SHOW WARNINGS", "Error");
        } else {
            assert_int_equal(mysql_set_server_option(client, MYSQL_OPTION_MULTI_STATEMENTS_OFF), 0);
        }
        assert_client_text(client, "SELECT DATABASE()", "other");
        assert_client_text(client, "SELECT a FROM t", "-1");
    }
    client_run(client, "ROLLBACK");
    mysql_stmt_close(statement);
    mysql_close(client);
    mysql_close(direct);
}

// The server refuses the schema that a statement is to be prepared in, and the connection goes,
// with the transaction that was open on it.
static void a_transaction_that_goes_with_a_refused_schema_is_told_of(void **state)
{
    const struct site *site = *state;
    static const char text[] = "SELECT * FROM of_gone";
    MYSQL *direct = site_direct_client(site);
    MYSQL *root = stack_connect(site->stack, "db1");
    MYSQL *client = sharing_client(site);
    client_run(root, "CREATE DATABASE gone");
    client_run(root, "GRANT ALL PRIVILEGES ON gone.* TO app");
    client_run(root, "CREATE TABLE gone.of_gone (a INT)");
    stack_sync(site->stack);
    client_run(client, "USE gone");
    MYSQL_STMT *statement = mysql_stmt_init(client);
    assert_int_equal(mysql_stmt_prepare(statement, text, sizeof(text) - 1), 0);
    client_run(client, "USE other");
    client_run(root, "DROP DATABASE gone");
    stack_sync(site->stack);
    client_run(client, "BEGIN");
    client_run(client, "UPDATE t SET a = -7");
    assert_int_not_equal(mysql_stmt_execute(statement), 0);
    assert_int_equal(mysql_stmt_errno(statement), 1213);
    assert_site_pin(site, "a lost transaction", "");
    assert_client_text(client, "SELECT a FROM t", "-1"); // as it was before
    assert_client_text(client, "SELECT DATABASE()", "other");
    mysql_stmt_close(statement);
    mysql_close(client);
    mysql_close(root);
    mysql_close(direct);
}

static void what_others_set_is_not_seen(void **state)
{
    const struct site *site = *state;
    MYSQL *other = sharing_client(site);
    sharing_others_come(other);
    MYSQL *client = sharing_client(site);
    for (int i = 0; i < 6; i++) {
        assert_client_text(client, "SELECT @v", "NULL");
        assert_client_text(client, "SELECT @w", "NULL");
    }
    mysql_close(client);
    mysql_close(other);
}

// SET ... = DEFAULT does not turn them on again on MySQL, which shows where a session asks for
// that.
static void checks_that_one_turned_off_are_on_for_others(void **state)
{
    static const char question[] = "SELECT @@foreign_key_checks, @@unique_checks";
    const struct site *site = *state;
    MYSQL *client = sharing_client(site), *other = sharing_client(site);
    MYSQL *direct = site_direct_client(site);
    client_run(client, "SET foreign_key_checks = 0, unique_checks = 0");
    client_run(direct, "SET foreign_key_checks = 0, unique_checks = 0");
    for (int i = 0; i < 6; i++) {
        assert_client_text(client, question, "0");
        assert_client_text(other, question, "1");
        assert_client_text(other, "SELECT @@unique_checks", "1");
    }
    client_run(client, "SET foreign_key_checks = DEFAULT, unique_checks = DEFAULT");
    client_run(direct, "SET foreign_key_checks = DEFAULT, unique_checks = DEFAULT");
    for (int i = 0; i < 6; i++) {
        assert_client_text(client, question, client_text(direct, question).text);
        assert_client_text(other, question, "1");
    }
    mysql_close(client);
    mysql_close(other);
    mysql_close(direct);
}

static void reads_of_user_variables_are_split(void **state)
{
    MYSQL *client = site_client(*state);
    client_run(client, "SET @v = 3");
    for (int i = 0; i < 10; i++) {
        struct client_text where = client_text(client, "SELECT name FROM whoami WHERE 3 = @v");
        assert_string_not_equal(where.text, "db1");
    }
    mysql_close(client);
}

// What a server says of a column has the collation that SET NAMES gave the results.
static unsigned collation_of(MYSQL *client)
{
    assert_int_equal(mysql_query(client, "SELECT 'a', name FROM whoami"), 0);
    MYSQL_RES *result = mysql_store_result(client);
    unsigned number = mysql_fetch_field(result)->charsetnr;
    mysql_free_result(result);
    return number;
}

static void columns_say_the_collation_of_the_session(void **state)
{
    const struct site *site = *state;
    static const char *const sets[] = {
        "SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci",
        "SET collation_connection = utf8mb4_bin",
        "SET NAMES latin1 COLLATE latin1_german1_ci",
        "SET character_set_results = latin1",
        "SET NAMES utf8mb4",
        "SET NAMES utf8mb4 COLLATE latin1_german1_ci",
        "SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci",
        "SET NAMES utf8mb4 COLLATE utf8mb4_bin, character_set_client = latin1",
    };
    MYSQL *other = sharing_client(site);
    MYSQL *direct = site_direct_client(site);
    MYSQL *client = sharing_client(site);
    assert_int_equal(collation_of(client), collation_of(direct));
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        assert_int_equal(client_outcome(direct, slice_text(sets[i])),
                         client_outcome(client, slice_text(sets[i])));
        if (collation_of(client) != collation_of(direct)) {
            fail_msg("%s: at once", sets[i]);
        }
        sharing_others_come(other);
        if (collation_of(client) != collation_of(direct)) {
            fail_msg("%s: behind others", sets[i]);
        }
    }
    mysql_close(client);
    mysql_close(direct);
    mysql_close(other);
}

// COLLATE is of the names, and another variable of the same statement is not.
static void names_and_a_collation_of_another_charset_may_be_set_together(void **state)
{
    MYSQL *client = sharing_client(*state);
    MYSQL *other = sharing_client(*state);
    client_run(client, "SET NAMES utf8mb4, collation_connection = utf16le_general_ci");
    sharing_others_come(other);
    assert_client_text(client,
                       "SELECT CONCAT(@@character_set_results, ' ', @@collation_connection, ' ',"
                       " HEX('a')) FROM t LIMIT 1",
                       "utf8mb4 utf16le_general_ci 6100");
    mysql_close(client);
    mysql_close(other);
}

// What is to be set is written in the charset that the connection has before.
static void a_connection_of_a_wide_charset_takes_the_state_of_others(void **state)
{
    static const char *const wide[] = {"utf16le_general_ci", "ucs2_general_ci", "utf32_general_ci"};
    char statement[100];
    MYSQL *client = sharing_client(*state);
    MYSQL *other = sharing_client(*state);
    client_run(other, "SET time_zone = '-03:00', lc_time_names = 'de_DE'");
    for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
        snprintf(statement, sizeof(statement), "SET collation_connection = %s", wide[i]);
        client_run(client, statement);
        for (int server = 2; server <= 3; server++) {
            snprintf(statement, sizeof(statement), "SELECT 1 FROM t /* sluice: backend=db%d */",
                     server);
            client_run(client, statement);
            snprintf(statement, sizeof(statement),
                     "SELECT @@time_zone FROM t LIMIT 1 /* sluice: backend=db%d */", server);
            assert_client_text(other, statement, "-03:00");
        }
    }
    mysql_close(client);
    mysql_close(other);
}

// Connections to replicas are READ ONLY; whether the session's transactions to come are is another
// question.
static void the_access_mode_is_the_sessions_on_a_replica_too(void **state)
{
    const char *name = servers_are_mysql() ? "transaction_read_only" : "tx_read_only";
    char question[100];
    MYSQL *client = sharing_client(*state);
    snprintf(question, sizeof(question), "SELECT 10 * @@%s + @@session.%s", name, name);
    client_run(client, "START TRANSACTION READ ONLY");
    assert_on_replica(client);
    assert_client_number(client, question, 0);
    client_run(client, "COMMIT");
    client_run(client, "SET SESSION TRANSACTION READ ONLY");
    client_run(client, "START TRANSACTION");
    assert_on_replica(client);
    assert_client_number(client, question, 11);
    client_run(client, "COMMIT");
    mysql_close(client);
}

static void state_may_be_set_in_a_read_only_transaction_on_a_replica(void **state)
{
    const struct site *site = *state;
    MYSQL *other = sharing_client(site);
    MYSQL *client = sharing_client(site);
    client_run(client, "START TRANSACTION READ ONLY");
    client_run(client, "SET @c = (SELECT MAX(a) FROM t)");
    client_run(client, "SELECT COUNT(*) INTO @b FROM t");
    client_run(client, "SELECT REPEAT('long ', 5000) INTO @long FROM t LIMIT 1");
    client_run(client, "SET max_sort_length = 500 + 1");
    client_run(client, "SET time_zone = '+01:00'");
    assert_on_replica(client);
    client_run(client, "COMMIT");
    assert_site_pin(site, "COMMIT", "");
    sharing_others_come(other);
    assert_client_text(
        client, "SELECT CONCAT_WS(',', @b, @c, @@max_sort_length, @@time_zone) FROM t LIMIT 1",
        "3,3,501,+01:00");
    client_run(client, "UPDATE t SET a = a WHERE id = @c");
    assert_client_number(client, "SELECT LENGTH(@long) FROM t LIMIT 1", 25000);
    mysql_close(client);
    mysql_close(other);
}

// Connections to replicas are READ ONLY, whatever sessions have set on them.
static void an_access_mode_that_was_set_on_a_replica_is_not_the_next_ones(void **state)
{
    const struct site *site = *state;
    const char *name = dialect("tx_read_only", "transaction_read_only");
    MYSQL *other = sharing_client(site);
    MYSQL *client = sharing_client(site);
    client_runf(client, "SET SESSION %s = 1", name);
    for (int i = 0; i < 12; i++) {
        client_run(other, "START TRANSACTION READ ONLY");
        assert_on_replica(other);
        if (i % 3 == 0) {
            client_run(other, "SET SESSION TRANSACTION READ WRITE");
        } else {
            client_runf(other, "SET SESSION %s = %s", name, i % 3 == 1 ? "0" : "DEFAULT");
        }
        client_run(other, "COMMIT");
        client_run(client, "BEGIN");
        assert_int_not_equal(client->server_status & SERVER_STATUS_IN_TRANS_READONLY, 0);
        client_run(client, "COMMIT");
    }
    mysql_close(client);
    mysql_close(other);
}

static void what_holds_for_one_statement_is_not_the_sessions(void **state)
{
    const struct site *site = *state;
    const char *statement =
        dialect("SET STATEMENT sql_mode='ANSI_QUOTES,NO_BACKSLASH_ESCAPES', max_sort_length=77 FOR "
                "SELECT a FROM t",
                "SELECT /*+ SET_VAR(sql_mode='ANSI_QUOTES,NO_BACKSLASH_ESCAPES') */ 1");
    MYSQL *other = sharing_client(site);
    MYSQL *client = sharing_client(site);
    client_run(client, statement);
    for (int i = 0; i < 3; i++) {
        assert_client_text(client, "SELECT \"it\\'s\"", "it's");
        assert_client_text(client, "SELECT @@max_sort_length", "1024");
        client_run(client, "SET sql_notes = 1"); // with which the servers report what they restored
        sharing_others_come(other);
    }
    assert_site_pin(site, statement, "");
    mysql_close(client);
    mysql_close(other);
}

// A client that wants to hear of nothing, or of something else, makes sluice neither deaf nor
// talkative, nor does it change what others hear.
static void what_a_client_hears_of_is_its_own_affair(void **state)
{
    const struct site *site = *state;
    const char *data;
    size_t len;
    MYSQL *other = sharing_client(site);
    MYSQL *client = sharing_client(site);
    client_run(client, "SET session_track_system_variables = '', session_track_schema = OFF");
    assert_site_pin(site, "SET session_track_system_variables", "");
    client_run(client, "SET time_zone = CONCAT('+0', 4, ':00')");
    assert_int_not_equal(
        mysql_session_track_get_first(client, SESSION_TRACK_SYSTEM_VARIABLES, &data, &len), 0);
    client_run(client, "USE other");
    assert_int_not_equal(mysql_session_track_get_first(client, SESSION_TRACK_SCHEMA, &data, &len),
                         0);
    sharing_others_come(other);
    assert_client_text(client, "SELECT @@time_zone", "+04:00");
    assert_client_text(client, "SELECT DATABASE()", "other");
    client_run(client, "BEGIN");
    client_run(client, "SET session_track_system_variables = 'sql_mode'");
    client_run(client, "SET div_precision_increment = 2 + 3");
    client_run(client, "COMMIT");
    client_run(client, "SET sql_mode = CONCAT('ANSI', '_QUOTES')");
    assert_int_equal(
        mysql_session_track_get_first(client, SESSION_TRACK_SYSTEM_VARIABLES, &data, &len), 0);
    assert_true(slice_equal(slice_make(data, len), S("sql_mode")));
    sharing_others_come(other);
    assert_client_text(client, "SELECT @@div_precision_increment", "5");
    client_run(other, "SET time_zone = CONCAT('+0', 5, ':00')"); // the usual ones
    assert_int_equal(
        mysql_session_track_get_first(other, SESSION_TRACK_SYSTEM_VARIABLES, &data, &len), 0);
    mysql_close(client);
    mysql_close(other);
}

// In one text the server says what it set itself, and a comparison sets nothing.
static void what_a_text_sets_and_asks_for_is_the_servers_to_say(void **state)
{
    static const char *const texts[][2] = {
        {"SET session_track_schema = OFF; SELECT @@session_track_schema", ""},
        {"SET @v = (@@session_track_schema = 1)", "SELECT @v"},
        {"SET session_track_schema = OFF; SET @v = 1, @@session_track_schema = 1",
         "SELECT @@session_track_schema"},
        {"DO @@session_track_schema; SET @@session.session_track_schema = 0; SELECT 1",
         "SELECT @@session_track_schema"},
    };
    const struct site *site = *state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *ask = texts[i][1][0] != '\0' ? texts[i][1] : texts[i][0];
        MYSQL *direct = site_direct_client(site);
        MYSQL *client = sharing_client(site);
        assert_int_equal(client_outcome(client, slice_text(texts[i][0])),
                         client_outcome(direct, slice_text(texts[i][0])));
        if (ask == texts[i][1]) {
            assert_string_equal(client_text(client, ask).text, client_text(direct, ask).text);
        }
        mysql_close(direct);
        mysql_close(client);
    }
}

// What a text set before it failed is not known, and may have made the connection deaf.
static void a_failed_text_that_set_what_is_tracked_keeps_its_connection(void **state)
{
    const struct site *site = *state;
    const char *data;
    size_t len;
    MYSQL *other = sharing_client(site);
    MYSQL *client = sharing_client(site);
    assert_int_equal(client_outcome(client, S("SET session_track_system_variables = 'sql_mode';"
                                              " SELECT * FROM missing")),
                     1146);
    assert_site_pin(site, "a text that failed", "session_variable");
    client_run(client, "SET sql_mode = CONCAT('ANSI', '_QUOTES')");
    assert_int_equal(
        mysql_session_track_get_first(client, SESSION_TRACK_SYSTEM_VARIABLES, &data, &len), 0);
    client_run(client, "SET session_track_system_variables = DEFAULT");
    assert_site_pin(site, "set anew", "");
    sharing_others_come(other);
    for (int i = 0; i < 10; i++) { // what it wrote is heard of again
        client_run(other, "UPDATE t SET a = a + 1 WHERE id = 3");
        client_run(other, "UPDATE t SET a = a - 1 WHERE id = 3");
        assert_client_text(other, "SELECT a FROM t WHERE id = 3", "3");
    }
    mysql_close(client);
    mysql_close(other);
}

static void the_view_says_why_a_connection_is_kept(void **state)
{
    const struct site *site = *state;
    MYSQL *client = sharing_client(site);
    client_run(client, "BEGIN");
    assert_site_pin(site, "BEGIN", "transaction");
    client_run(client, "COMMIT");
    assert_site_pin(site, "COMMIT", "");
    client_run(client, "SET autocommit = 0");
    client_run(client, "SELECT 1");
    assert_site_pin(site, "SET autocommit = 0", "autocommit_off");
    client_run(client, "SET autocommit = 1");
    assert_site_pin(site, "SET autocommit = 1", "");
    mysql_close(client);
}

static void a_failed_set_leaves_what_a_direct_connection_has(void **state)
{
    const struct site *site = *state;
    static const char *const failing[] = {
        "SET @v = 2, @w = (SELECT a FROM t)",
        "SET max_sort_length = 600 + 1, sql_mode = 'no such mode'",
        "SET @v = 3; SET @w = (SELECT a FROM t)",
    };
    static const char ask[] = "SELECT CONCAT_WS(',', @v, @w, @@max_sort_length)";
    MYSQL *other = sharing_client(site);
    MYSQL *direct = site_direct_client(site);
    MYSQL *client = sharing_client(site);
    for (size_t i = 0; i < sizeof(failing) / sizeof(failing[0]); i++) {
        client_run(direct, "SET @v = 1, @w = 1");
        client_run(client, "SET @v = 1, @w = 1");
        assert_int_equal(client_outcome(direct, slice_text(failing[i])),
                         client_outcome(client, slice_text(failing[i])));
        struct client_text wanted = client_text(direct, ask);
        assert_client_text(client, ask, wanted.text);
        assert_site_pin(site, failing[i], "");
        sharing_others_come(other);
        assert_client_text(client, ask, wanted.text);
    }
    mysql_close(client);
    mysql_close(direct);
    mysql_close(other);
}

// --- pins that end -------------------------------------------------------------------------------

struct pinning {
    const char *take;
    const char *pin;
    const char *release;
    const char *still; // a statement that does not release it; NULL: none
};

static const struct pinning pinnings[] = {
    {"CREATE TEMPORARY TABLE u (a INT)", "temporary_table", "DROP TABLE u",
     "DROP TABLE IF EXISTS v"},
    {"CREATE TEMPORARY TABLE u (a INT)", "temporary_table", "DROP TEMPORARY TABLE app.u",
     "SELECT * FROM u"},
    {"CREATE TEMPORARY TABLE t (a INT)", "temporary_table", "DROP TABLE t",
     "SELECT COUNT(*) FROM t"},
    {"CREATE TEMPORARY TABLE u (a INT); CREATE TEMPORARY TABLE other.u (a INT)", "temporary_table",
     "DROP TABLE other.u", "DROP TABLE u"},
    {"SET NAMES latin1;CREATE TEMPORARY TABLE u (a INT)", "temporary_table", "DROP TABLE app.u",
     "SELECT * FROM u"}, // the state changes under it
    {"CREATE TEMPORARY TABLE u (a INT);INSERT INTO u VALUES (1)", "temporary_table",
     "DROP TEMPORARY TABLE u", "DROP TEMPORARY TABLE IF EXISTS other.u"},
    {"CREATE TEMPORARY TABLE u (a INT)", "temporary_table", "DROP TABLE u",
     "ALTER TABLE u ADD b INT"},
    {"CREATE TEMPORARY TABLE u (a INT); ALTER TABLE u RENAME TO v", "temporary_table",
     "DROP TABLE v", "ALTER TABLE v ADD b INT"},
    {"CREATE TEMPORARY TABLE other.u (a INT); ALTER TABLE other.u RENAME TO v", "temporary_table",
     "DROP TEMPORARY TABLE IF EXISTS app.v, other.v", "SELECT 1"},
    {"CREATE TEMPORARY TABLE u (a INT)", "temporary_table", "DROP TABLE u;DO 0",
     "DROP TEMPORARY TABLE IF EXISTS other.u;DO 0"},
    {"SELECT GET_LOCK('x', 1)", "user_lock", "SELECT RELEASE_LOCK('x')",
     "SELECT IS_FREE_LOCK('x')"},
    {"SELECT GET_LOCK('x', 1), GET_LOCK('x', 1)", "user_lock", "DO RELEASE_LOCK('x')",
     "SELECT RELEASE_LOCK('x')"},
    {"SELECT GET_LOCK('x', 1)", "user_lock", "SELECT RELEASE_LOCK(CONCAT('x', ''))", NULL},
    {"SELECT GET_LOCK(CONCAT('x', 'y'), 1)", "user_lock", "SELECT RELEASE_ALL_LOCKS()",
     "SELECT RELEASE_LOCK('z')"},
    {"LOCK TABLES t WRITE", "lock_tables", "UNLOCK TABLES", "SELECT COUNT(*) FROM t"},
    {"LOCK TABLES t READ", "lock_tables", "START TRANSACTION; COMMIT", NULL},
    {"HANDLER t OPEN", "handler", "HANDLER t CLOSE", "HANDLER t READ FIRST"},
    {"HANDLER t OPEN AS h", "handler", "HANDLER h CLOSE", "HANDLER h READ FIRST"},
    {"SET @v = REPEAT('x', 2000)", "user_variable", "SET @v = NULL", "SELECT LENGTH(@v)"},
    {"PREPARE s FROM 'SELECT 1'", "prepared_text", "DEALLOCATE PREPARE s", "EXECUTE s"},
    {"SET insert_id = 5", "session_variable", NULL, "SELECT 1"},
    {"SET session_track_state_change = ON", "session_variable",
     "SET session_track_state_change = OFF", "SELECT @@session_track_state_change"},
    {"SET session_track_system_variables = CONCAT('sql', '_mode')", "session_variable",
     "SET session_track_system_variables = 'time_zone'", "SELECT @@session_track_system_variables"},
    {"XA START 'a'", "xa", "XA END 'a'; XA ROLLBACK 'a'", "SELECT 1"},
};

static void a_pin_lasts_as_long_as_what_it_is_for(void **state)
{
    const struct site *site = *state;
    for (size_t i = 0; i < sizeof(pinnings) / sizeof(pinnings[0]); i++) {
        const struct pinning *one = &pinnings[i];
        MYSQL *client = sharing_client(site);
        assert_int_equal(sharing_run_each(client, one->take), 0);
        assert_site_pin(site, one->take, one->pin);
        if (one->still != NULL) {
            client_run(client, one->still);
            assert_site_pin(site, one->still, one->pin);
        }
        if (one->release != NULL) {
            assert_int_equal(sharing_run_each(client, one->release), 0);
        } else {
            assert_int_equal(mysql_reset_connection(client), 0);
        }
        assert_site_pin(site, one->release != NULL ? one->release : "reset", "");
        mysql_close(client);
    }
}

// The inner assignment stays, though the statement failed.
static void what_a_failed_set_assigned_on_its_way_is_the_session_s(void **state)
{
    const struct site *site = *state;
    MYSQL *client = sharing_client(site), *other = sharing_client(site);
    assert_client_error(client, "SET @outer = (SELECT @inner := id FROM t)", 1242, "");
    sharing_others_come(other);
    assert_client_number(other, "SELECT @inner IS NULL", 1);
    assert_client_number(other, "SELECT @inner IS NULL FROM t WHERE id = 1 FOR UPDATE", 1);
    assert_client_number(client, "SELECT @inner IS NOT NULL AND @outer IS NULL", 1);
    mysql_close(other);
    mysql_close(client);
}

// MariaDB takes expressions there.
static void what_is_assigned_behind_using_is_the_session_s(void **state)
{
    const struct site *site = *state;
    MYSQL *client = sharing_client(site), *other = sharing_client(site);
    if (!servers_are_mysql()) {
        client_run(client, "EXECUTE IMMEDIATE 'SELECT ?' USING @using := 5");
        assert_site_pin(site, "EXECUTE IMMEDIATE USING", "");
        sharing_others_come(other);
        assert_client_number(other, "SELECT @using IS NULL", 1);
        assert_client_number(client, "SELECT @using", 5);
        client_run(client, "EXECUTE IMMEDIATE 'SELECT ?' USING GET_LOCK('using', 1)");
        assert_site_pin(site, "GET_LOCK behind USING", "user_lock");
        client_run(client, "DO RELEASE_LOCK('using')");
        assert_site_pin(site, "RELEASE_LOCK", "");
    }
    mysql_close(other);
    mysql_close(client);
}

// MariaDB's @@last_gtid is the connection's, and others write there too.
static void the_last_gtid_is_that_of_the_session(void **state)
{
    const struct site *site = *state;
    MYSQL *client = sharing_client(site), *other = sharing_client(site);
    if (!servers_are_mysql()) {
        assert_client_text(client, "SELECT @@last_gtid", "");
        client_run(client, "UPDATE t SET a = a + 1 WHERE id = 1");
        long long own = client_number(client, "SELECT SUBSTRING_INDEX(@@last_gtid, '-', -1) + 0");
        assert_true(own > 0);
        client_run(other, "UPDATE t SET a = a + 1 WHERE id = 1");
        assert_client_number(client, "SELECT SUBSTRING_INDEX(@@session.last_gtid, '-', -1) + 0",
                             own);
        assert_client_number(other, "SELECT SUBSTRING_INDEX(@@last_gtid, '-', -1) + 0", own + 1);
        assert_int_equal(mysql_reset_connection(client), 0);
        assert_client_text(client, "SELECT @@last_gtid", "");
    }
    mysql_close(other);
    mysql_close(client);
}

// A hint that was not understood is warned of behind its own statement.
static void the_warning_of_a_hint_hides_no_later_ones(void **state)
{
    MYSQL *client = sharing_client(*state);
    MYSQL_STMT *statement = statement_prepare(client, "SELECT CAST('x' AS SIGNED)");
    client_run(client, "SELECT 1 /* sluice: nonsense=1 */");
    assert_client_number(client, "SHOW COUNT(*) WARNINGS", 0);
    assert_int_equal(mysql_query(client, "SHOW WARNINGS"), 0);
    MYSQL_RES *warnings = mysql_store_result(client);
    assert_string_equal(mysql_fetch_row(warnings)[1], "1105");
    mysql_free_result(warnings);
    assert_statement_text(statement, "0");
    assert_int_equal(mysql_query(client, "SHOW WARNINGS"), 0);
    warnings = mysql_store_result(client);
    assert_string_equal(mysql_fetch_row(warnings)[1], "1292");
    mysql_free_result(warnings);
    mysql_stmt_close(statement);
    mysql_close(client);
}

static void a_lock_that_was_not_got_pins_nothing(void **state)
{
    const struct site *site = *state;
    MYSQL *direct = site_direct_client(site);
    MYSQL *client = sharing_client(site);
    assert_client_text(direct, "SELECT GET_LOCK('taken', 1)", "1");
    assert_client_text(client, "SELECT GET_LOCK('taken', 0)", "0");
    assert_site_pin(site, "GET_LOCK of a lock that is taken", "");
    mysql_close(direct);
    mysql_close(client);
}

static void statement_run(MYSQL *client, const char *sql, const char *name)
{
    MYSQL_STMT *statement = mysql_stmt_init(client);
    unsigned long len = strlen(name);
    MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_STRING,
                       .buffer = (void *)name,
                       .buffer_length = len,
                       .length = &len};
    MYSQL_BIND binds[] = {{.buffer_type = MYSQL_TYPE_LONG, .buffer = &(int){0}}, bind};
    assert_int_equal(mysql_stmt_prepare(statement, sql, strlen(sql)), 0);
    assert_int_equal(
        mysql_stmt_bind_param(statement, mysql_stmt_param_count(statement) == 1 ? &bind : binds),
        0);
    assert_int_equal(mysql_stmt_execute(statement), 0);
    mysql_stmt_close(statement);
}

// As drivers do that prepare whatever has parameters.
static void a_lock_may_be_named_by_a_parameter(void **state)
{
    const struct site *site = *state;
    MYSQL *direct = site_direct_client(site);
    MYSQL *client = sharing_client(site);
    assert_client_text(direct, "SELECT GET_LOCK('taken', 1)", "1");
    statement_run(client, "SELECT ?, GET_LOCK(?, 0)", "taken");
    assert_site_pin(site, "GET_LOCK(?) of a lock that is taken", "");
    statement_run(client, "SELECT '?', ?, GET_LOCK(?, 0)", "free");
    assert_site_pin(site, "GET_LOCK(?)", "user_lock");
    assert_client_text(direct, "SELECT IS_FREE_LOCK('free')", "0");
    statement_run(client, "SELECT RELEASE_LOCK(?)", "other");
    assert_site_pin(site, "RELEASE_LOCK(?) of another", "user_lock");
    statement_run(client, "SELECT RELEASE_LOCK(?)", "free");
    assert_site_pin(site, "RELEASE_LOCK(?)", "");
    statement_run(client, "SELECT GET_LOCK(?, 0)", "it's free"); // not to be asked for
    assert_site_pin(site, "GET_LOCK(?)", "user_lock");
    client_run(client, "DO RELEASE_ALL_LOCKS()");
    assert_site_pin(site, "RELEASE_ALL_LOCKS", "");
    mysql_close(direct);
    mysql_close(client);
}

static void what_failed_pins_nothing(void **state)
{
    static const char *const failing[] = {
        "XA ROLLBACK 'unknown'",
        "XA COMMIT 'unknown'",
        "XA END 'unknown'",
        "SET ROLE nobody",
        "CREATE TEMPORARY TABLE u (a INT);SELECT * FROM none;DROP TEMPORARY TABLE u",
    };
    const struct site *site = *state;
    for (size_t i = 0; i < sizeof(failing) / sizeof(failing[0]); i++) {
        bool has_made = i == sizeof(failing) / sizeof(failing[0]) - 1;
        MYSQL *client = sharing_client(site);
        assert_int_not_equal(client_outcome(client, slice_text(failing[i])), 0);
        assert_site_pin(site, failing[i], has_made ? "temporary_table" : "");
        if (has_made) {
            client_run(client, "DROP TABLE u");
            assert_site_pin(site, "DROP TABLE", "");
        }
        mysql_close(client);
    }
}

static double replica_closures(const struct site *site)
{
    static const char name[] = "sluice_backend_connections_closed_total";
    return http_metric_sum(site->instance->http_port, name, "backend=\"db2\"") +
           http_metric_sum(site->instance->http_port, name, "backend=\"db3\"");
}

// The direct connection of an application is that to the primary.
static void what_a_replica_refuses_to_set_the_primary_answers_for(void **state)
{
    static const char zone[] =
        "REPLACE INTO mysql.time_zone VALUES (900, 'N');"
        "REPLACE INTO mysql.time_zone_name VALUES ('Only/Here', 900);"
        "REPLACE INTO mysql.time_zone_transition_type VALUES (900, 0, 3600, 0, 'HERE')";
    const struct site *site = *state;
    stack_run_alone(site->stack, "db1", zone);
    MYSQL *client = sharing_client(site);
    client_run(client, "SET time_zone = 'Only/Here'");
    double closed = replica_closures(site);
    for (int i = 0; i < 10; i++) {
        assert_client_text(client, "SELECT FROM_UNIXTIME(86400) FROM t WHERE id = 1",
                           "1970-01-02 01:00:00");
    }
    assert_in_range((unsigned long)(replica_closures(site) - closed), 1, 2); // one each at most
    client_run(client, "START TRANSACTION READ ONLY");
    assert_client_text(client, "SELECT @@time_zone FROM t WHERE id = 1", "Only/Here");
    client_run(client, "COMMIT");
    client_run(client, "SET time_zone = '+01:00'");
    assert_soon_on_replica(client);
    mysql_close(client);
}

// --- the connection's counters -------------------------------------------------------------------

static MYSQL *root_client(const struct site *site)
{
    struct client_options options = instance_options(site->instance, "root", "root-secret");
    return client_connect(&options);
}

static struct client_text counter(MYSQL *client, const char *name)
{
    char statement[128];
    snprintf(statement, sizeof(statement), "SHOW SESSION STATUS LIKE '%s'", name);
    return client_column(client, statement, "Value");
}

static void counters_are_those_of_the_connection_that_ran_the_last_statement(void **state)
{
    const struct site *site = *state;
    MYSQL *client = sharing_client(site);
    for (int i = 0; i < 4; i++) {
        client_run(client, "UPDATE t SET a = a WHERE id = 1"); // the cost on the primary
        assert_string_equal(counter(client, "Last_query_cost").text, "0.000000");
        client_run(client, "SELECT * FROM t x JOIN t y ORDER BY x.b, y.b");
        assert_string_not_equal(counter(client, "Last_query_cost").text, "0.000000");
        assert_site_pin(site, "SHOW STATUS", "");
    }
    mysql_close(client);
}

static void counters_that_began_anew_keep_their_connection(void **state)
{
    const struct site *site = *state;
    MYSQL *client = root_client(site);
    client_run(client, "FLUSH STATUS");
    assert_site_pin(site, "FLUSH STATUS", "status");
    client_run(client, "SELECT * FROM t WHERE id = 1");
    client_run(client, "SELECT * FROM t WHERE id = 2");
    assert_string_equal(counter(client, "Com_select").text, "2");
    assert_int_equal(mysql_reset_connection(client), 0);
    assert_site_pin(site, "reset", "");
    mysql_close(client);
}

static void what_a_server_refused_to_set_for_the_next_transaction_pins_nothing(void **state)
{
    const struct site *site = *state;
    MYSQL *client = sharing_client(site);
    client_run(client, "BEGIN");
    assert_client_error(client, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", 1568, "");
    client_run(client, "COMMIT");
    assert_site_pin(site, "SET TRANSACTION inside a transaction", "");
    mysql_close(client);
}

// What no server understands, in ways that sluice once read as a variable without a name.
static void a_set_of_nothing_is_an_error_and_no_more(void **state)
{
    static const char *const texts[] = {"SELECT 1; SET", "SELECT 1; SET = 5",
                                        "SELECT 1; SET @a = 1,"};
    const struct site *site = *state;
    MYSQL *client = sharing_client(site);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(client_outcome(client, slice_text(texts[i])), 1064);
        assert_client_number(client, "SELECT 2", 2);
    }
    mysql_close(client);
}

static void mode_set_on_all(const struct site *site, const char *mode)
{
    for (int i = 0; i < 3; i++) {
        static const char *const servers[] = {"db1", "db2", "db3"};
        char set[1200];
        snprintf(set, sizeof(set), "SET GLOBAL sql_mode = '%s'", mode);
        stack_run(site->stack, servers[i], set);
    }
}

static bool first_status_is(const struct site *site, bool has_no_escapes)
{
    MYSQL *client = site_client(site);
    bool has = (client->server_status & SERVER_STATUS_NO_BACKSLASH_ESCAPES) != 0;
    mysql_close(client);
    return has == has_no_escapes;
}

// Drivers escape by what the login says, and sluice reads texts as the servers do.
static void a_mode_of_the_servers_configuration_is_known_from_the_login_on(void **state)
{
    struct site *site = *state;
    MYSQL *root = stack_connect(site->stack, "db1");
    struct client_text before = client_text(root, "SELECT @@global.sql_mode");
    mode_set_on_all(site, "ANSI_QUOTES,NO_BACKSLASH_ESCAPES");
    assert_soon(first_status_is(site, true));
    MYSQL *client = site_client(site);
    char quoted[8];
    mysql_real_escape_string(client, quoted, "'", 1);
    assert_string_equal(quoted, "''");
    client_run(client, "SELECT /* quotes */ name FROM \"whoami\" WHERE name <> 'C:\\'");
    assert_string_not_equal(site_server_of(site, "quotes"), "db1");
    client_run(client, "CREATE TEMPORARY TABLE \"made\" (a INT)");
    client_run(client, "DROP TEMPORARY TABLE \"made\"");
    assert_site_pin(site, "quoted names", "");
    client_run(client, "SET NAMES utf8mb4");
    client_run(client, "SELECT /* behind SET */ name FROM \"whoami\" WHERE name <> 'C:\\'");
    assert_string_not_equal(site_server_of(site, "behind SET"), "db1");
    mysql_close(client);
    mode_set_on_all(site, before.text);
    assert_soon(first_status_is(site, false));
    mysql_close(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_follows_its_session),
        cmocka_unit_test(an_id_that_was_given_is_not_the_last_one),
        cmocka_unit_test(a_statement_that_cannot_be_prepared_leaves_no_mode_behind),
        cmocka_unit_test(a_statement_that_cannot_be_prepared_leaves_no_schema_to_a_transaction),
        cmocka_unit_test(a_transaction_that_goes_with_a_refused_schema_is_told_of),
        cmocka_unit_test(what_others_set_is_not_seen),
        cmocka_unit_test(checks_that_one_turned_off_are_on_for_others),
        cmocka_unit_test(reads_of_user_variables_are_split),
        cmocka_unit_test(columns_say_the_collation_of_the_session),
        cmocka_unit_test(names_and_a_collation_of_another_charset_may_be_set_together),
        cmocka_unit_test(a_connection_of_a_wide_charset_takes_the_state_of_others),
        cmocka_unit_test(the_access_mode_is_the_sessions_on_a_replica_too),
        cmocka_unit_test(state_may_be_set_in_a_read_only_transaction_on_a_replica),
        cmocka_unit_test(an_access_mode_that_was_set_on_a_replica_is_not_the_next_ones),
        cmocka_unit_test(what_holds_for_one_statement_is_not_the_sessions),
        cmocka_unit_test(what_a_client_hears_of_is_its_own_affair),
        cmocka_unit_test(what_a_text_sets_and_asks_for_is_the_servers_to_say),
        cmocka_unit_test(a_failed_text_that_set_what_is_tracked_keeps_its_connection),
        cmocka_unit_test(the_view_says_why_a_connection_is_kept),
        cmocka_unit_test(a_failed_set_leaves_what_a_direct_connection_has),
        cmocka_unit_test(a_pin_lasts_as_long_as_what_it_is_for),
        cmocka_unit_test(what_a_failed_set_assigned_on_its_way_is_the_session_s),
        cmocka_unit_test(what_is_assigned_behind_using_is_the_session_s),
        cmocka_unit_test(the_last_gtid_is_that_of_the_session),
        cmocka_unit_test(the_warning_of_a_hint_hides_no_later_ones),
        cmocka_unit_test(a_lock_that_was_not_got_pins_nothing),
        cmocka_unit_test(a_lock_may_be_named_by_a_parameter),
        cmocka_unit_test(what_failed_pins_nothing),
        cmocka_unit_test(what_a_replica_refuses_to_set_the_primary_answers_for),
        cmocka_unit_test(counters_are_those_of_the_connection_that_ran_the_last_statement),
        cmocka_unit_test(counters_that_began_anew_keep_their_connection),
        cmocka_unit_test(what_a_server_refused_to_set_for_the_next_transaction_pins_nothing),
        cmocka_unit_test(a_set_of_nothing_is_an_error_and_no_more),
        cmocka_unit_test(a_mode_of_the_servers_configuration_is_known_from_the_login_on),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
