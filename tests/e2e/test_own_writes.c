// A session sees what it wrote, wherever its reads are answered: consistency = session, the
// default.
#include "tests/lib/http.h"
#include "tests/lib/site.h"

#include "proxy/base/memory.h"

#include <stdio.h>
#include <string.h>

static const char schema[] =
    "CREATE TABLE app.t (id INT PRIMARY KEY, a INT);"
    "CREATE TABLE app.keys_only (id INT AUTO_INCREMENT PRIMARY KEY);"
    "CREATE TABLE app.log (note VARCHAR(64)) ENGINE = MyISAM;"
    "CREATE TABLE app.many AS SELECT i FROM " NUMBERS_TO(
        1000) ";"
              "CREATE PROCEDURE app.put(n INT) BEGIN INSERT INTO app.t VALUES (n, 1); "
              "UPDATE app.t SET a = 2 WHERE id = n; END;"
              "CREATE PROCEDURE app.put_and_fail(n INT) BEGIN INSERT INTO app.t VALUES (n, 1); "
              "INSERT INTO app.t VALUES (n, 2); END;"
              "CREATE PROCEDURE app.put_and_miss(n INT) BEGIN INSERT INTO app.t VALUES (n, 1); "
              "SELECT a FROM app.nowhere; END;"
              "CREATE FUNCTION app.put_one(n INT) RETURNS INT MODIFIES SQL DATA BEGIN "
              "INSERT INTO app.t VALUES (n, 3); RETURN n; END;"
              "CREATE DATABASE of_ucs2 CHARACTER SET ucs2; GRANT ALL ON of_ucs2.* TO 'app'@'%';"
              "CREATE DATABASE of_utf32 CHARACTER SET utf32; GRANT ALL ON of_utf32.* TO 'app'@'%'";

// Probes do not help: replicas are where the last wait has shown them to be.
static const char *const seldom[] = {"monitor.interval = 1h", "routing.consistency_wait = 10s",
                                     NULL};

static int setup(void **state)
{
    static const char *const options[] = {"--general-log", "--set",
                                          "log-bin-trust-function-creators=ON", NULL};
    static const char *const warnings[] = {"config.warning", "backend.*", "topology.*",
                                           "monitor.*",      "pool.*",    NULL};
    struct site *site = site_create(options, schema, NULL);
    site->expected = warnings;
    *state = site;
    return 0;
}

// --- replicas that do not get on ----------------------------------------------------------------

static const char *const replicas[] = {"db2", "db3"};

// What keeps each replica from applying anything: reads go on. NULL: it is not held.
struct hold {
    MYSQL *of[2];
};

static struct hold held; // one for all, so that a test that fails leaves nothing held

static void replicas_hold(const struct site *site)
{
    for (int i = 0; i < 2; i++) {
        held.of[i] = stack_connect(site->stack, replicas[i]);
        client_run(held.of[i], "FLUSH TABLES WITH READ LOCK");
    }
}

static void replicas_release(const struct site *site)
{
    for (int i = 0; i < 2; i++) {
        if (held.of[i] != NULL) {
            mysql_close(held.of[i]);
            held.of[i] = NULL;
        }
    }
    stack_sync(site->stack);
}

// Before each test.
static int heal(void **state)
{
    const struct site *site = *state;
    for (int i = 0; i < 2; i++) {
        stack_server_do(site->stack, replicas[i], "thaw");
    }
    replicas_release(site);
    return 0;
}

static int replicas_at(const struct site *site, const char *lag)
{
    char statement[96];
    snprintf(statement, sizeof(statement),
             "SELECT COUNT(*) FROM backends WHERE role = 'replica' AND lag_ms %s", lag);
    return (int)instance_admin_number(site->instance, statement);
}

// Where nothing is probed again, replicas stay as far as the first probe saw them: level.
static void restart_level(struct site *site, const char *const changes[])
{
    struct deadline deadline = deadline_in(WAIT_MS);
    do {
        assert_true(deadline_left_ms(deadline) > 0);
        site_restart(site, changes);
        assert_soon(replicas_at(site, ">= 0") == 2);
    } while (replicas_at(site, "= 0") < 2);
}

static double metric(const struct site *site, const char *name)
{
    return http_metric_sum(site->instance->http_port, name, "");
}

static double waits(const struct site *site)
{
    return metric(site, "sluice_consistency_waits_total");
}

static double timeouts(const struct site *site)
{
    return metric(site, "sluice_consistency_wait_timeouts_total");
}

static double routed(const struct site *site, const char *reason)
{
    char label[64];
    snprintf(label, sizeof(label), "reason=\"%s\"", reason);
    return http_metric_sum(site->instance->http_port, "sluice_route_reasons_total", label);
}

// --- what counts as written ---------------------------------------------------------------------

struct writing {
    const char *what;
    const char *statements[4]; // NULL-ended
    const char *read;
    const char *expected;
};

// In the order of the ids, which are used up.
static const struct writing writings[] = {
    {"an autocommit write",
     {"INSERT INTO t VALUES (101, 7)"},
     "SELECT a FROM t WHERE id = 101",
     "7"},
    {"a transaction",
     {"BEGIN", "INSERT INTO t VALUES (102, 8)", "COMMIT"},
     "SELECT a FROM t WHERE id = 102",
     "8"},
    {"a table", {"CREATE TABLE t103 (a INT)"}, "SELECT COUNT(*) FROM t103", "0"},
    {"an implicit commit (trap 19)",
     {"BEGIN", "INSERT INTO t VALUES (104, 9)", "CREATE TABLE t104 (a INT)"},
     "SELECT a FROM t WHERE id = 104",
     "9"},
    {"a procedure", {"CALL put(105)"}, "SELECT a FROM t WHERE id = 105", "2"},
    {"several statements",
     {"INSERT INTO t VALUES (106, 1); UPDATE t SET a = 6 WHERE id = 106; DO 0"},
     "SELECT a FROM t WHERE id = 106",
     "6"},
    {"a function in a read", {"SELECT put_one(107)"}, "SELECT a FROM t WHERE id = 107", "3"},
    {"the switch to autocommit",
     {"SET autocommit = 0", "INSERT INTO t VALUES (108, 4)", "SET autocommit = 1"},
     "SELECT a FROM t WHERE id = 108",
     "4"},
    {"a table without transactions",
     {"INSERT INTO log VALUES ('109')"},
     "SELECT note FROM log WHERE note = '109'",
     "109"},
    {"a replaced and a deleted row",
     {"REPLACE INTO t VALUES (110, 1)", "DELETE FROM t WHERE id = 110"},
     "SELECT COUNT(*) FROM t WHERE id = 110",
     "0"},
    {"a transaction that begins another",
     {"BEGIN", "INSERT INTO t VALUES (111, 5)", "BEGIN", "COMMIT"},
     "SELECT a FROM t WHERE id = 111",
     "5"},
    {"a distributed transaction of one phase",
     {"XA START 'x'", "INSERT INTO t VALUES (112, 2)", "XA END 'x'", "XA COMMIT 'x' ONE PHASE"},
     "SELECT a FROM t WHERE id = 112",
     "2"},
    {"a write in a schema of ucs2, where servers tell of it in their own way",
     {"USE of_ucs2", "INSERT INTO app.t VALUES (113, 1)", "DO 0"},
     "SELECT a FROM app.t WHERE id = 113",
     "1"},
    {"a write in a schema of utf32",
     {"USE of_utf32", "INSERT INTO app.t VALUES (114, 2), (115, 3)"},
     "SELECT a FROM app.t WHERE id = 115",
     "3"},
};

// An answer with rows does not say what was committed: the primary is read, without a wait.
static bool is_told(const struct writing *writing)
{
    return !slice_starts_nocase(slice_text(writing->statements[0]), S("SELECT"));
}

static void writing_run(MYSQL *client, const struct writing *writing)
{
    for (size_t i = 0; i < 4 && writing->statements[i] != NULL; i++) {
        client_run(client, writing->statements[i]);
    }
}

static MYSQL *multi_client(const struct site *site)
{
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    options.flags |= CLIENT_MULTI_STATEMENTS | CLIENT_MULTI_RESULTS;
    return client_connect(&options);
}

// Both replicas stand still, and nothing is ever answered by what they have.
static void whatever_a_session_wrote_it_reads_at_once(void **state)
{
    static const char *const changes[] = {"routing.consistency_wait = 20ms", NULL};
    struct site *site = *state;
    site_restart(site, changes);
    replicas_hold(site);
    for (size_t i = 0; i < sizeof(writings) / sizeof(writings[0]); i++) {
        MYSQL *client = multi_client(site); // another session, which wrote nothing else
        assert_on_replica(client);
        writing_run(client, &writings[i]);
        for (int round = 0; round < 3; round++) {
            struct client_text found = client_text(client, writings[i].read);
            if (strcmp(found.text, writings[i].expected) != 0) {
                fail_msg("%s: %s", writings[i].what, found.text);
            }
        }
        mysql_close(client);
    }
    assert_true(routed(site, "consistency") >= 20); // some are pinned to the primary anyway
    replicas_release(site);
}

// Sluice's own ears are on the same connection. (In a transaction, MySQL does not let it be set.)
static void a_session_that_wants_to_hear_of_nothing_reads_what_it_wrote(void **state)
{
    static const char *const changes[] = {"routing.consistency_wait = 20ms", NULL};
    struct site *site = *state;
    site_restart(site, changes);
    replicas_hold(site);
    for (int i = servers_are_mysql(); i < 2; i++) {
        char read[64];
        MYSQL *client = multi_client(site);
        assert_on_replica(client);
        client_run(client, i == 0 ? "BEGIN" : "DO GET_LOCK('deaf', 0)");
        client_runf(client, "SET %s = %s",
                    dialect("session_track_system_variables", "session_track_gtids"),
                    dialect("''", "OFF"));
        client_runf(client, "INSERT INTO t VALUES (%d, 17)", 190 + i);
        client_run(client, i == 0 ? "COMMIT" : "DO RELEASE_LOCK('deaf')");
        snprintf(read, sizeof(read), "SELECT a FROM t WHERE id = %d", 190 + i);
        for (int round = 0; round < 3; round++) {
            assert_client_text(client, read, "17");
        }
        mysql_close(client);
    }
    replicas_release(site);
}

// The same where replicas are a moment behind: they are waited for.
static void whatever_a_session_wrote_it_reads_from_a_replica_that_has_it(void **state)
{
    struct site *site = *state;
    stack_run(site->stack, "db1",
              "DELETE FROM app.t; DELETE FROM app.log; DROP TABLE app.t103, app.t104");
    stack_sync(site->stack);
    restart_level(site, seldom);
    int untold = 0;
    for (size_t i = 0; i < sizeof(writings) / sizeof(writings[0]); i++) {
        MYSQL *client = multi_client(site);
        assert_on_replica(client);
        double before = waits(site);
        writing_run(client, &writings[i]);
        assert_client_text(client, writings[i].read, writings[i].expected);
        bool is_pinned = instance_admin_number(
            site->instance, "SELECT COUNT(*) FROM sessions WHERE pin_reason IS NOT NULL AND "
                            "pin_reason <> ''");
        double wanted = before + (!is_pinned && is_told(&writings[i]));
        if (waits(site) != wanted) {
            fail_msg("%s: %g waits", writings[i].what, waits(site) - before);
        }
        assert_client_text(client, writings[i].read, writings[i].expected);
        if (waits(site) != wanted) {
            fail_msg("%s: it was waited for again", writings[i].what);
        }
        untold += !is_told(&writings[i]);
        mysql_close(client);
    }
    assert_int_equal((int)timeouts(site), 0);
    assert_int_equal((int)routed(site, "consistency"), 2 * untold);
}

// A file, the binary protocol, and what only one family has.
static void loads_prepared_statements_and_sequences_count_too(void **state)
{
    static const char *const changes[] = {"routing.consistency_wait = 20ms", NULL};
    struct site *site = *state;
    site_restart(site, changes);
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    char path[FILE_PATH_SIZE + 16], load[FILE_PATH_SIZE + 128];
    if (!servers_are_mysql()) {
        stack_run(site->stack, "db1", "CREATE SEQUENCE app.numbers");
        stack_sync(site->stack);
    }
    replicas_hold(site);

    options.with_local_files = true;
    MYSQL *client = client_connect(&options);
    snprintf(path, sizeof(path), "%s/rows", site->instance->folder);
    file_write(path, S("301\t1\n302\t2\n"));
    snprintf(load, sizeof(load), "LOAD DATA LOCAL INFILE '%s' INTO TABLE t", path);
    client_run(client, load);
    assert_client_text(client, "SELECT COUNT(*) FROM t WHERE id IN (301, 302)", "2");
    mysql_close(client);

    // Statements that only read leave nothing to be seen, however they are closed.
    client = site_client(site);
    static const char select[] = "SELECT a FROM t";
    MYSQL_STMT *reading = mysql_stmt_init(client);
    assert_int_equal(mysql_stmt_prepare(reading, select, sizeof(select) - 1), 0);
    mysql_stmt_close(reading);
    assert_on_replica(client);
    mysql_close(client);

    client = site_client(site);
    static const char insert[] = "INSERT INTO t VALUES (303, 33)";
    MYSQL_STMT *statement = mysql_stmt_init(client);
    assert_int_equal(mysql_stmt_prepare(statement, insert, sizeof(insert) - 1), 0);
    assert_int_equal(mysql_stmt_execute(statement), 0);
    mysql_stmt_close(statement);
    assert_client_text(client, "SELECT a FROM t WHERE id = 303", "33");
    client_run(client, "PREPARE p FROM 'INSERT INTO t VALUES (304, 34)'");
    client_run(client, "EXECUTE p");
    assert_client_text(client, "SELECT a FROM t WHERE id = 304", "34");
    mysql_close(client);

    if (!servers_are_mysql()) {
        client = site_client(site);
        client_run(client, "SELECT NEXT VALUE FOR numbers");
        assert_client_text(client, "SELECT a FROM t WHERE id = 304", "34");
        mysql_close(client);
    }
    replicas_release(site);
    if (!servers_are_mysql()) {
        stack_run(site->stack, "db1", "DROP SEQUENCE app.numbers");
    }
}

// What came before the error is written; the error's packet says nothing of it.
static void what_an_error_leaves_written_is_read(void **state)
{
    static const char *const changes[] = {"routing.consistency_wait = 20ms", NULL};
    struct site *site = *state;
    site_restart(site, changes);
    replicas_hold(site);

    MYSQL *client = site_client(site);
    assert_client_error(client, "CALL put_and_fail(401)", 1062, "");
    assert_client_text(client, "SELECT a FROM t WHERE id = 401", "1");
    mysql_close(client);

    client = site_client(site); // of a procedure, something may have run before any error
    assert_client_error(client, "CALL put_and_miss(404)", 1146, "");
    assert_client_text(client, "SELECT a FROM t WHERE id = 404", "1");
    mysql_close(client);

    client = multi_client(site);
    assert_int_equal(
        client_outcome(client, S("INSERT INTO t VALUES (402, 1); SELECT a FROM nowhere")), 1146);
    assert_client_text(client, "SELECT a FROM t WHERE id = 402", "1");
    mysql_close(client);

    // Of a statement of which nothing ran there is nothing to see.
    client = site_client(site);
    assert_client_error(client, "INSERT INTO nowhere VALUES (1)", 1146, "");
    assert_on_replica(client);
    mysql_close(client);
    replicas_release(site);
    // The replicas have all of it, by the probes: they answer again.
    client = multi_client(site);
    assert_int_equal(
        client_outcome(client, S("INSERT INTO t VALUES (403, 1); SELECT a FROM nowhere")), 1146);
    assert_soon(strcmp(site_where(client).text, "db1") != 0);
    assert_client_text(client, "SELECT a FROM t WHERE id = 403", "1");
    mysql_close(client);
}

// --- the wait -----------------------------------------------------------------------------------

static void assert_waited_for(struct site *site, MYSQL *client, size_t number)
{
    MYSQL_RES *result;
    char mark[32], statement[96];
    snprintf(mark, sizeof(mark), "waited_for_%zu", number);
    snprintf(statement, sizeof(statement), "SELECT a FROM t WHERE id = 1 /* %s */", mark);
    replicas_hold(site);
    client_run(client, "REPLACE INTO t VALUES (1, 11)");
    client_send(client, statement);
    assert_soon(waits(site) == 1);
    replicas_release(site);
    assert_int_equal(mysql_read_query_result(client), 0);
    assert_non_null(result = mysql_store_result(client));
    MYSQL_ROW row = mysql_fetch_row(result);
    assert_non_null(row);
    assert_string_equal(row[0], "11");
    mysql_free_result(result);
    assert_string_not_equal(site_server_of(site, mark), "db1");
    assert_int_equal((int)timeouts(site), 0);
}

static void a_replica_that_is_a_moment_behind_is_waited_for(void **state)
{
    struct site *site = *state;
    restart_level(site, seldom);
    MYSQL *client = site_client(site);
    assert_waited_for(site, client, 0);
    mysql_close(client);
}

// To a server, text in such a charset begins with a zero byte: an empty one is reached at once.
static void the_wait_is_one_whatever_charset_the_session_has(void **state)
{
    static const char *const settings[] = {"SET character_set_connection = utf16",
                                           "SET character_set_connection = ucs2",
                                           "SET collation_connection = utf32_bin", "SET NAMES gbk",
                                           "SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'"};
    struct site *site = *state;
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        restart_level(site, seldom);
        MYSQL *client = site_client(site);
        client_run(client, "DELETE FROM t WHERE id = 1");
        stack_sync(site->stack);
        client_run(client, settings[i]);
        assert_waited_for(site, client, 1 + i);
        mysql_close(client);
    }
}

// Trap 47. The statement that waits leaves no trace in what the client is told or may ask.
static void the_wait_is_kept_out_of_the_client_s_view(void **state)
{
    struct site *site = *state;
    restart_level(site, seldom);
    MYSQL *client = site_client(site);
    client_run(client, "DELETE FROM keys_only");
    client_run(client, "INSERT INTO keys_only VALUES (77), (78)");
    client_run(client, "INSERT INTO keys_only VALUES ()");
    unsigned long long id = mysql_insert_id(client);
    double before = waits(site);
    client_run(client, "SELECT SQL_CALC_FOUND_ROWS id FROM keys_only LIMIT 1");
    assert_int_equal((int)(waits(site) - before), 1);
    assert_int_equal(mysql_warning_count(client), servers_are_mysql() ? 1 : 0); // it is deprecated
    assert_client_number(client, "SELECT FOUND_ROWS()", 3);
    client_run(client, "REPLACE INTO t VALUES (2, 22)");
    before = waits(site);
    client_run(client, "SELECT 1 / 0 FROM t WHERE id = 2");
    assert_int_equal((int)(waits(site) - before), 1);
    unsigned warnings = mysql_warning_count(client);
    assert_int_equal(client_row_count(client, "SHOW WARNINGS"), warnings);
    client_run(client, "REPLACE INTO t VALUES (2, 23)");
    client_run(client, "SELECT a FROM t WHERE id = 2");
    assert_int_equal(client_row_count(client, "SHOW WARNINGS"), 0);
    client_run(client, "UPDATE t SET a = 24 WHERE id = 2");
    assert_int_equal(mysql_affected_rows(client), 1);
    assert_client_number(client, "SELECT a FROM t WHERE id = 2", 24);
    client_run(client, "INSERT INTO keys_only VALUES ()");
    assert_client_number(client, "SELECT a FROM t WHERE id = 2", 24); // waited for
    assert_client_number(client, "SELECT LAST_INSERT_ID()", (long long)id + 1);
    // Whatever the session has set for its own statements.
    client_run(client, "SET sql_select_limit = 1");
    client_run(client, "REPLACE INTO t VALUES (2, 25)");
    assert_client_number(client, "SELECT a FROM t WHERE id = 2", 25);
    assert_int_equal((int)timeouts(site), 0);
    mysql_close(client);
}

// Writes, reads, and says whether a read has gone to the primary without a wait.
static bool was_spared_a_wait(struct site *site, MYSQL *client)
{
    client_run(client, "REPLACE INTO t VALUES (500, 3)");
    assert_client_number(client, "SELECT a FROM t WHERE id = 500", 3);
    return routed(site, "consistency") > timeouts(site);
}

// Trap 47. The statement behind the wait runs whatever the wait ends in: what it answers is thrown
// away, and the connection serves again.
static void a_wait_in_vain_forwards_nothing_and_the_primary_answers(void **state)
{
    static const char *const changes[] = {"monitor.interval = 1h",
                                          "routing.consistency_wait = 50ms", NULL};
    struct site *site = *state;
    restart_level(site, changes);
    replicas_hold(site);
    enum { SESSIONS = 4 };
    MYSQL *clients[SESSIONS];
    for (int i = 0; i < SESSIONS; i++) {
        clients[i] = site_client(site);
        client_runf(clients[i], "REPLACE INTO t VALUES (%d, 1)", 500 + i);
        assert_int_equal(client_row_count(clients[i], "SELECT a.i FROM many a, many b LIMIT 9000"),
                         9000);
        client_runf(clients[i], "REPLACE INTO t VALUES (%d, 2)", 500 + i);
        char read[64];
        snprintf(read, sizeof(read), "SELECT a FROM t WHERE id = %d", 500 + i);
        assert_client_number(clients[i], read, 2);
    }
    assert_true(timeouts(site) >= 1);
    // After one they are left alone for a while: not everybody waits.
    assert_soon(was_spared_a_wait(site, clients[0]));
    for (int i = 0; i < SESSIONS; i++) {
        mysql_close(clients[i]);
    }
    assert_site_idle(site);
    assert_int_equal((int)http_metric_sum(site->instance->http_port,
                                          "sluice_backend_connections_closed_total",
                                          "backend=\"db2\""),
                     0);
    replicas_release(site);
}

// What takes long to answer in vain is ended.
static void an_answer_that_nobody_wants_is_not_waited_for(void **state)
{
    static const char *const changes[] = {"monitor.interval = 1h",
                                          "routing.consistency_wait = 50ms", NULL};
    struct site *site = *state;
    restart_level(site, changes);
    MYSQL *client = site_client(site);
    replicas_hold(site);
    client_run(client, "REPLACE INTO t VALUES (3, 1)");
    // It is quick where the row is.
    client_run(client, "SELECT SLEEP(IF((SELECT COUNT(*) FROM t WHERE id = 3), 0, 600)) FROM many "
                       "LIMIT 1");
    assert_true(timeouts(site) == 1);
    assert_soon(metric(site, "sluice_kills_total") == 1);
    mysql_close(client);
    assert_site_idle(site);
    replicas_release(site);
}

// It does not even say that it has not got there.
static void a_replica_that_freezes_in_the_wait_costs_the_wait_and_no_more(void **state)
{
    static const char *const changes[] = {"monitor.interval = 1h",
                                          "routing.consistency_wait = 50ms",
                                          "proxy.connect_timeout = 1h", NULL};
    struct site *site = *state;
    restart_level(site, changes);
    MYSQL *client = site_client(site);
    bool seen[2] = {false, false};
    for (struct deadline deadline = deadline_in(WAIT_MS); !seen[0] || !seen[1];) {
        struct client_text where = site_where(client); // connections to both are there
        seen[0] = seen[0] || strcmp(where.text, "db2") == 0;
        seen[1] = seen[1] || strcmp(where.text, "db3") == 0;
        assert_true(deadline_left_ms(deadline) > 0);
    }
    client_run(client, "REPLACE INTO t VALUES (17, 0)");
    stack_server_do(site->stack, "db2", "freeze");
    stack_server_do(site->stack, "db3", "freeze");
    // Once: a connection opened to it now would be for connect_timeout to end.
    client_run(client, "REPLACE INTO t VALUES (17, 1)");
    assert_client_number(client, "SELECT a FROM t WHERE id = 17", 1);
    assert_true(timeouts(site) == 1);
    stack_server_do(site->stack, "db2", "thaw");
    stack_server_do(site->stack, "db3", "thaw");
    stack_sync(site->stack);
    mysql_close(client);
}

// --- who has it ---------------------------------------------------------------------------------

static void what_probes_show_to_be_there_is_not_waited_for(void **state)
{
    struct site *site = *state;
    site_restart(site, NULL);
    MYSQL *client = site_client(site);
    client_run(client, "REPLACE INTO t VALUES (4, 44)");
    stack_sync(site->stack);
    double before = 0;
    // As soon as a probe has come: reads go to both replicas, and none of them is waited for.
    struct deadline deadline = deadline_in(WAIT_MS);
    bool has_both = false;
    while (!has_both && deadline_pause(deadline)) {
        bool seen[2] = {false, false};
        before = waits(site);
        for (int i = 0; i < 40; i++) {
            const char *where = site_where(client).text;
            seen[0] = seen[0] || strcmp(where, "db2") == 0;
            seen[1] = seen[1] || strcmp(where, "db3") == 0;
        }
        has_both = seen[0] && seen[1] && waits(site) == before;
    }
    assert_true(has_both);
    mysql_close(client);
}

// One session's wait tells every session of the worker.
static void a_replica_that_was_waited_for_is_known_to_have_what_came_before(void **state)
{
    static const char *const changes[] = {"proxy.workers = 1", "monitor.interval = 1h",
                                          "routing.consistency_wait = 10s", NULL};
    struct site *site = *state;
    restart_level(site, changes);
    MYSQL *early = site_client(site), *late = site_client(site);
    client_run(early, "REPLACE INTO t VALUES (5, 55)");
    client_run(late, "REPLACE INTO t VALUES (6, 66)");
    assert_client_number(late, "SELECT a FROM t WHERE id = 6", 66);
    assert_int_equal((int)waits(site), 1);
    for (int i = 0; i < 20; i++) {
        assert_client_number(early, "SELECT a FROM t WHERE id = 5", 55);
        assert_client_number(late, "SELECT a FROM t WHERE id = 6", 66);
    }
    assert_int_equal((int)waits(site), 1);
    mysql_close(early);
    mysql_close(late);
}

// --- transactions that only read ----------------------------------------------------------------

// Trap 20. The snapshot is taken at the beginning: what the session wrote is waited for before.
static void a_read_only_transaction_begins_once_the_replica_has_the_writes(void **state)
{
    struct site *site = *state;
    restart_level(site, seldom);
    MYSQL *client = site_client(site);
    replicas_hold(site);
    client_run(client, "REPLACE INTO t VALUES (7, 77)");
    client_send(client, "START TRANSACTION READ ONLY");
    assert_soon(waits(site) == 1);
    replicas_release(site);
    assert_int_equal(client_finish(client), 0);
    assert_client_number(client, "SELECT a FROM t WHERE id = 7", 77);
    assert_on_replica(client);
    client_run(client, "COMMIT");
    assert_int_equal((int)waits(site), 1);
    client_run(client, "REPLACE INTO t VALUES (7, 78)");
    client_run(client, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
    assert_client_number(client, "SELECT a FROM t WHERE id = 7", 78);
    assert_on_replica(client);
    client_run(client, "COMMIT");
    mysql_close(client);
}

static void a_read_only_transaction_that_waits_in_vain_is_the_primary_s(void **state)
{
    static const char *const changes[] = {"monitor.interval = 1h",
                                          "routing.consistency_wait = 30ms", NULL};
    struct site *site = *state;
    restart_level(site, changes);
    replicas_hold(site);
    MYSQL *client = site_client(site);
    client_run(client, "REPLACE INTO t VALUES (8, 88)");
    client_run(client, "START TRANSACTION READ ONLY");
    assert_client_number(client, "SELECT a FROM t WHERE id = 8", 88);
    assert_on_primary(client);
    client_run(client, "COMMIT");
    replicas_release(site);
    mysql_close(client);
}

// --- who wins -----------------------------------------------------------------------------------

static void consistency_is_the_hint_s_the_rule_s_the_user_s_and_the_option_s(void **state)
{
    static const char *const changes[] = {
        "routing.consistency_wait = 20ms",   "rule:lax.match = FROM t AS lax",
        "rule:lax.consistency = eventual",   "user:guest.password = guest-secret",
        "user:guest.consistency = eventual", "rule:strict.match = FROM t AS strict",
        "rule:strict.consistency = global",  NULL};
    struct site *site = *state;
    site_restart(site, changes);
    struct client_options options = instance_options(site->instance, "guest", "guest-secret");
    MYSQL *app = site_client(site), *guest = client_connect(&options);
    replicas_hold(site);
    client_run(app, "REPLACE INTO t VALUES (9, 1)");
    client_run(guest, "REPLACE INTO t VALUES (10, 1)");
    static const struct {
        const char *from;
        const char *hint;
        bool app_sees, guest_sees;
    } rows[] = {
        {"t", "", true, false},
        {"t AS lax", "", false, false},
        {"t AS strict", "", true, true},
        {"t", " /* sluice: consistency=eventual */", false, false},
        {"t", " /* sluice: consistency=session */", true, true},
        {"t AS lax", " /* sluice: consistency=session */", true, true},
        {"t AS strict", " /* sluice: consistency=eventual */", false, false},
        {"t", " /* sluice: consistency=global */", true, true},
        {"t", " /* sluice: replica */", true, false},
        {"t", " /* sluice: backend=db2 */", true, false},
        {"t", " /* sluice: backend=db2, consistency=eventual */", false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char read[160];
        snprintf(read, sizeof(read), "SELECT COUNT(*) FROM %s WHERE id = 9%s", rows[i].from,
                 rows[i].hint);
        if (client_number(app, read) != rows[i].app_sees) {
            fail_msg("%s", read);
        }
        snprintf(read, sizeof(read), "SELECT COUNT(*) FROM %s WHERE id = 10%s", rows[i].from,
                 rows[i].hint);
        if (client_number(guest, read) != rows[i].guest_sees) {
            fail_msg("guest: %s", read);
        }
    }
    replicas_release(site);
    mysql_close(app);
    mysql_close(guest);
}

static void eventual_never_waits(void **state)
{
    static const char *const changes[] = {"routing.consistency = eventual", "monitor.interval = 1h",
                                          NULL};
    struct site *site = *state;
    restart_level(site, changes);
    MYSQL *client = site_client(site);
    replicas_hold(site);
    client_run(client, "REPLACE INTO t VALUES (12, 1)");
    assert_client_number(client, "SELECT COUNT(*) FROM t WHERE id = 12", 0);
    assert_on_replica(client);
    assert_int_equal((int)waits(site), 0);
    replicas_release(site);
    mysql_close(client);
}

// A pool in the application resets its clients, and still reads what it wrote before.
static void a_reset_does_not_forget_what_was_written(void **state)
{
    static const char *const changes[] = {"routing.consistency_wait = 20ms", NULL};
    struct site *site = *state;
    site_restart(site, changes);
    MYSQL *client = site_client(site);
    replicas_hold(site);
    client_run(client, "REPLACE INTO t VALUES (13, 1)");
    assert_int_equal(mysql_reset_connection(client), 0);
    assert_client_number(client, "SELECT COUNT(*) FROM t WHERE id = 13", 1);
    assert_int_equal(mysql_change_user(client, "app", "app-secret", "app"), 0);
    assert_client_number(client, "SELECT COUNT(*) FROM t WHERE id = 13", 1);
    replicas_release(site);
    mysql_close(client);
}

// Trap 26, of a session's own making: the schema that it has just made is not on the replicas yet.
static void a_schema_that_the_replicas_do_not_have_yet_is_no_error(void **state)
{
    static const char *const changes[] = {"routing.consistency_wait = 20ms", NULL};
    struct site *site = *state;
    stack_run(site->stack, "db1", "GRANT ALL PRIVILEGES ON `own\\_%`.* TO 'app'@'%'");
    stack_sync(site->stack);
    site_restart(site, changes);
    replicas_hold(site);
    MYSQL *client = site_client(site);
    client_run(client, "CREATE DATABASE own_one");
    client_run(client, "USE own_one");
    client_run(client, "CREATE TABLE t (a INT)");
    for (int i = 0; i < 5; i++) {
        assert_client_number(client, "SELECT COUNT(*) FROM t", 0);
    }
    replicas_release(site);
    for (int i = 0; i < 5; i++) {
        assert_client_number(client, "SELECT COUNT(*) FROM t", 0);
    }
    client_run(client, "DROP DATABASE own_one");
    mysql_close(client);
    stack_sync(site->stack);
}

// Trap 26: what another session, or somebody around the proxy, has just made.
static void what_a_replica_does_not_have_yet_is_read_on_the_primary(void **state)
{
    struct site *site = *state;
    site_restart(site, NULL);
    MYSQL *client = site_client(site);
    MYSQL *direct = site_direct_client(site);
    MYSQL_STMT *statement = mysql_stmt_init(client);
    static const char sql[] = "SELECT a FROM fresh";
    replicas_hold(site);
    client_run(direct, "CREATE TABLE fresh (a INT)");
    client_run(direct, "INSERT INTO fresh VALUES (4)");
    client_run(direct, "ALTER TABLE keys_only ADD fresh INT DEFAULT 5");
    for (int i = 0; i < 3; i++) {
        assert_client_number(client, sql, 4);
        assert_client_error(client, "SELECT a FROM none", 1146, "app.none");
        assert_client_error(client, "SELECT none FROM t", 1054, "none");
        assert_client_error(client, "SELECT COUNT(fresh) FROM t", 1054, "fresh");
        client_run(client, "SELECT COUNT(fresh) FROM keys_only");
    }
    assert_int_equal(mysql_stmt_prepare(statement, sql, sizeof(sql) - 1), 0);
    assert_int_equal(mysql_stmt_execute(statement), 0);
    assert_int_equal(mysql_stmt_store_result(statement), 0);
    assert_int_equal((int)mysql_stmt_num_rows(statement), 1);
    mysql_stmt_close(statement);
    client_run(client, "START TRANSACTION READ ONLY"); // it is where it is
    assert_on_replica(client);
    assert_client_error(client, sql, 1146, "app.fresh");
    client_run(client, "COMMIT");
    assert_on_replica(client);
    client_run(direct, "DROP TABLE fresh");
    client_run(direct, "ALTER TABLE keys_only DROP fresh");
    mysql_close(direct);
    mysql_close(client);
    assert_site_idle(site);
    replicas_release(site);
}

// The replicas have prepared it while it was there; they have replayed DROP and not yet CREATE.
static void a_prepared_read_of_what_was_made_anew_is_run_on_the_primary(void **state)
{
    struct site *site = *state;
    site_restart(site, NULL);
    MYSQL *client = site_client(site);
    MYSQL *direct = site_direct_client(site);
    MYSQL_STMT *statement = mysql_stmt_init(client);
    static const char sql[] = "SELECT a FROM anew";
    client_run(direct, "CREATE TABLE anew (a INT)");
    stack_sync(site->stack);
    assert_int_equal(mysql_stmt_prepare(statement, sql, sizeof(sql) - 1), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(mysql_stmt_execute(statement), 0);
        assert_int_equal(mysql_stmt_store_result(statement), 0);
        assert_int_equal((int)mysql_stmt_num_rows(statement), 0);
    }
    client_run(direct, "DROP TABLE anew");
    stack_sync(site->stack);
    replicas_hold(site);
    client_run(direct, "CREATE TABLE anew (a INT)");
    client_run(direct, "INSERT INTO anew VALUES (4)");
    for (int i = 0; i < 4; i++) {
        assert_int_equal(mysql_stmt_execute(statement), 0);
        assert_int_equal(mysql_stmt_store_result(statement), 0);
        assert_int_equal((int)mysql_stmt_num_rows(statement), 1);
    }
    client_run(direct, "DROP TABLE anew");
    assert_int_not_equal(mysql_stmt_execute(statement), 0);
    assert_int_equal(mysql_stmt_errno(statement), 1146);
    mysql_stmt_close(statement);
    mysql_close(direct);
    mysql_close(client);
    assert_site_idle(site);
    replicas_release(site);
}

// --- replicas that will not get there -----------------------------------------------------------

// Trap 49. An applier that stands still has no lag that could be believed: nobody waits for it.
static void a_replica_whose_replication_stopped_is_not_waited_for(void **state)
{
    struct site *site = *state;
    site_restart(site, NULL);
    MYSQL *client = site_client(site);
    for (int i = 0; i < 2; i++) {
        stack_run_alone(site->stack, replicas[i],
                        dialect("STOP SLAVE SQL_THREAD", "STOP REPLICA SQL_THREAD"));
    }
    assert_soon(instance_admin_number(site->instance, "SELECT COUNT(*) FROM backends WHERE state = "
                                                      "'lagging'") == 2);
    double before = waits(site);
    client_run(client, "REPLACE INTO t VALUES (14, 1)");
    assert_client_number(client, "SELECT a FROM t WHERE id = 14", 1);
    assert_true(waits(site) == before);
    for (int i = 0; i < 2; i++) {
        stack_run_alone(site->stack, replicas[i],
                        dialect("START SLAVE SQL_THREAD", "START REPLICA SQL_THREAD"));
    }
    instance_wait_up(site->instance);
    stack_sync(site->stack);
    mysql_close(client);
}

// A replica that is told to stay behind is up, and never has what was just written.
static void a_delayed_replica_costs_no_waits(void **state)
{
    static const char *const changes[] = {"routing.consistency_wait = 50ms", NULL};
    struct site *site = *state;
    site_restart(site, changes);
    for (int i = 0; i < 2; i++) {
        stack_run_alone(site->stack, replicas[i],
                        dialect("STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = 600; START SLAVE",
                                "STOP REPLICA SQL_THREAD; CHANGE REPLICATION SOURCE TO "
                                "SOURCE_DELAY = 600; START REPLICA SQL_THREAD"));
    }
    instance_wait_up(site->instance);
    MYSQL *client = site_client(site);
    client_run(client, "REPLACE INTO t VALUES (15, 1)");
    // Once a probe has seen that they are behind.
    struct deadline deadline = deadline_in(WAIT_MS);
    double before;
    do {
        assert_true(deadline_pause(deadline));
        before = waits(site);
        for (int i = 0; i < 20; i++) {
            client_runf(client, "REPLACE INTO t VALUES (15, %d)", i);
            assert_client_number(client, "SELECT a FROM t WHERE id = 15", i);
        }
    } while (waits(site) != before);
    MYSQL *reader = site_client(site); // who wrote nothing reads what they have
    assert_on_replica(reader);
    mysql_close(reader);
    for (int i = 0; i < 2; i++) {
        stack_run_alone(site->stack, replicas[i],
                        dialect("STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = 0; START SLAVE",
                                "STOP REPLICA SQL_THREAD; CHANGE REPLICATION SOURCE TO "
                                "SOURCE_DELAY = 0; START REPLICA SQL_THREAD"));
    }
    stack_sync(site->stack);
    instance_wait_up(site->instance);
    mysql_close(client);
}

// Trap 48. Transactions that a failover lost are nowhere: nobody waits for them, nothing stalls.
static void what_a_failover_lost_stalls_no_session(void **state)
{
    static const char *const changes[] = {"routing.consistency_wait = 2s", "monitor.failures = 2",
                                          "monitor.timeout = 300ms", NULL};
    struct site *site = *state;
    site_restart(site, changes);
    MYSQL *client = site_client(site);
    client_run(client, "REPLACE INTO t VALUES (16, 1)");
    stack_sync(site->stack);
    for (int i = 0; i < 2; i++) {
        stack_run_alone(site->stack, replicas[i],
                        dialect("STOP SLAVE IO_THREAD", "STOP REPLICA IO_THREAD"));
    }
    client_run(client, "REPLACE INTO t VALUES (16, 2)"); // nobody else gets it
    assert_client_number(client, "SELECT a FROM t WHERE id = 16", 2);
    stack_server_do(site->stack, "db1", "kill");
    stack_promote(site->stack, "db2");
    assert_soon(instance_admin_number(site->instance, "SELECT COUNT(*) FROM backends WHERE name = "
                                                      "'db2' AND role = 'primary'") == 1 &&
                instance_admin_number(site->instance, "SELECT COUNT(*) FROM backends WHERE name = "
                                                      "'db3' AND state = 'up'") == 1);
    assert_soon(strcmp(site_where(client).text, "db3") == 0);
    double before = waits(site);
    for (int i = 0; i < 10; i++) {
        assert_client_text(client, "SELECT name FROM whoami", "db3");
        assert_client_number(client, "SELECT a FROM t WHERE id = 16", 1);
    }
    assert_true(waits(site) == before);
    // And what it writes to the new primary it sees.
    for (int i = 10; i < 20; i++) {
        client_runf(client, "REPLACE INTO t VALUES (16, %d)", i);
        assert_client_number(client, "SELECT a FROM t WHERE id = 16", i);
    }
    mysql_close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(whatever_a_session_wrote_it_reads_at_once, heal),
        cmocka_unit_test_setup(whatever_a_session_wrote_it_reads_from_a_replica_that_has_it, heal),
        cmocka_unit_test_setup(loads_prepared_statements_and_sequences_count_too, heal),
        cmocka_unit_test_setup(what_an_error_leaves_written_is_read, heal),
        cmocka_unit_test_setup(a_replica_that_is_a_moment_behind_is_waited_for, heal),
        cmocka_unit_test_setup(the_wait_is_one_whatever_charset_the_session_has, heal),
        cmocka_unit_test_setup(the_wait_is_kept_out_of_the_client_s_view, heal),
        cmocka_unit_test_setup(a_wait_in_vain_forwards_nothing_and_the_primary_answers, heal),
        cmocka_unit_test_setup(an_answer_that_nobody_wants_is_not_waited_for, heal),
        cmocka_unit_test_setup(a_replica_that_freezes_in_the_wait_costs_the_wait_and_no_more, heal),
        cmocka_unit_test_setup(what_probes_show_to_be_there_is_not_waited_for, heal),
        cmocka_unit_test_setup(a_replica_that_was_waited_for_is_known_to_have_what_came_before,
                               heal),
        cmocka_unit_test_setup(a_read_only_transaction_begins_once_the_replica_has_the_writes,
                               heal),
        cmocka_unit_test_setup(a_read_only_transaction_that_waits_in_vain_is_the_primary_s, heal),
        cmocka_unit_test_setup(consistency_is_the_hint_s_the_rule_s_the_user_s_and_the_option_s,
                               heal),
        cmocka_unit_test_setup(eventual_never_waits, heal),
        cmocka_unit_test_setup(a_reset_does_not_forget_what_was_written, heal),
        cmocka_unit_test_setup(a_session_that_wants_to_hear_of_nothing_reads_what_it_wrote, heal),
        cmocka_unit_test_setup(a_schema_that_the_replicas_do_not_have_yet_is_no_error, heal),
        cmocka_unit_test_setup(what_a_replica_does_not_have_yet_is_read_on_the_primary, heal),
        cmocka_unit_test_setup(a_prepared_read_of_what_was_made_anew_is_run_on_the_primary, heal),
        cmocka_unit_test_setup(a_replica_whose_replication_stopped_is_not_waited_for, heal),
        cmocka_unit_test_setup(a_delayed_replica_costs_no_waits, heal),
        cmocka_unit_test_setup(what_a_failover_lost_stalls_no_session,
                               heal), // leaves db2 the primary
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
