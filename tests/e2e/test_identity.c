// One id for each session, everywhere: the greeting's, CONNECTION_ID()'s, the process list's, and
// that of KILL; and who may see and end whose.
#include "tests/lib/peer.h"
#include "tests/lib/site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char schema[] = "CREATE TABLE app.t (id BIGINT);"
                             "INSERT INTO app.t VALUES (1);"
                             "CREATE TABLE app.named (connection_id INT);"
                             "INSERT INTO app.named VALUES (42)";

// Accounts with a right over others' sessions; that of roled comes from its role.
static const char accounts[] = "CREATE USER 'seer'@'%%' IDENTIFIED BY 'seer-secret';"
                               "GRANT SELECT ON app.* TO 'seer'@'%%';"
                               "GRANT PROCESS ON *.* TO 'seer'@'%%';"
                               "CREATE USER 'reaper'@'%%' IDENTIFIED BY 'reaper-secret';"
                               "GRANT SELECT ON app.* TO 'reaper'@'%%';"
                               "GRANT %s ON *.* TO 'reaper'@'%%';"
                               "CREATE USER 'roled'@'%%' IDENTIFIED BY 'roled-secret';"
                               "GRANT SELECT ON app.* TO 'roled'@'%%';"
                               "CREATE ROLE watchers;"
                               "GRANT PROCESS ON *.* TO watchers;"
                               "GRANT watchers TO 'roled'@'%%';"
                               "SET DEFAULT ROLE watchers %s 'roled'@'%%'";

static int setup(void **state)
{
    char statements[4096];
    int len = snprintf(statements, sizeof(statements), "%s;", schema);
    snprintf(statements + len, sizeof(statements) - (size_t)len, accounts,
             dialect("CONNECTION ADMIN", "CONNECTION_ADMIN"), dialect("FOR", "TO"));
    *state = site_create(site_logging, statements, NULL);
    return 0;
}

static long long id_of(MYSQL *client)
{
    return (long long)mysql_thread_id(client);
}

static void connection_id_is_the_greetings(void **state)
{
    static const char *const plain[] = {
        "SELECT CONNECTION_ID()",
        "select connection_id ( )",
        "SELECT DISTINCT CONNECTION_ID() FROM t",
        "SELECT /* CONNECTION_ID() */ CONNECTION_ID() FROM t -- CONNECTION_ID()",
        "SELECT CONNECTION_ID() AS x FROM t",
        "SELECT CONNECTION_ID() x FROM t WHERE id = 1 OR id = CONNECTION_ID()",
        "SELECT (SELECT CONNECTION_ID())",
        "SELECT MAX(CONNECTION_ID()) FROM t GROUP BY id",
        "SELECT CONNECTION_ID() UNION SELECT CONNECTION_ID()",
        "SELECT IF('CONNECTION_ID()' = 'x', 0, CONNECTION_ID()) FROM t LIMIT 1",
        "SELECT x FROM (SELECT CONNECTION_ID() AS x) AS y",
        "SELECT CONNECTION_ID() FROM t FOR UPDATE",
        "WITH c AS (SELECT CONNECTION_ID() AS x) SELECT x FROM c",
        "SELECT @@pseudo_thread_id",
        "SELECT @@session.pseudo_thread_id FROM t",
        "SELECT IF(@@local.pseudo_thread_id = CONNECTION_ID(), @@pseudo_thread_id, 0)",
    };
    MYSQL *client = site_client(*state);
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        long long id = client_number(client, plain[i]);
        if (id != id_of(client)) {
            fail_msg("%s: %lld in place of %lld", plain[i], id, id_of(client));
        }
    }
    assert_client_number(client, "SELECT CONNECTION_ID() + 5", id_of(client) + 5);
    assert_client_text(client, "SELECT 'CONNECTION_ID()'", "CONNECTION_ID()");
    assert_client_number(client, "SELECT connection_id FROM named", 42);
    client_run(client, "START TRANSACTION");
    client_run(client, "INSERT INTO t VALUES (CONNECTION_ID())");
    assert_client_number(client, "SELECT MAX(id) FROM t", id_of(client));
    client_run(client, "ROLLBACK");
    client_run(client, "SET @me = CONNECTION_ID()");
    assert_client_number(client, "SELECT @me", id_of(client));
    mysql_close(client);
}

static void the_holder_of_a_lock_is_the_session(void **state)
{
    MYSQL *client = site_client(*state), *other = site_client(*state);
    assert_client_text(client, "SELECT IS_USED_LOCK('its')", "NULL");
    assert_client_number(client, "SELECT GET_LOCK('its', 0)", 1);
    assert_client_number(client, "SELECT IS_USED_LOCK('its')", id_of(client));
    assert_client_number(client, "SELECT IS_USED_LOCK(CONCAT('it', ('s'))) = CONNECTION_ID()", 1);
    assert_client_number(client, "SELECT is_used_lock ( 'its' ) + 0 AS x", id_of(client));
    assert_client_number(other, "SELECT IS_USED_LOCK('its') = CONNECTION_ID()", 0);
    assert_client_number(other, "SELECT IS_USED_LOCK('its') IS NULL", 0);
    client_run(client, "DO RELEASE_LOCK('its')");
    assert_client_text(client, "SELECT IS_USED_LOCK('its')", "NULL");
    assert_client_number(client, "SELECT is_used_lock FROM (SELECT 7 AS is_used_lock) AS x", 7);
    mysql_close(client);
    mysql_close(other);
}

// What the other one runs, wherever that is; not what a server's own thread of the same id runs.
static void the_plan_of_another_session_is_asked_of_its_server(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site), *other = site_client(site);
    const char *form =
        dialect("SHOW EXPLAIN FOR %lld", "EXPLAIN FORMAT=TRADITIONAL FOR CONNECTION %lld");
    char sql[128];
    client_runf(client, "DO 1");
    snprintf(sql, sizeof(sql), form, id_of(other));
    if (servers_are_mysql()) { // it runs nothing
        client_run(client, sql);
    } else {
        assert_client_error(client, sql, 1933, "not executing");
    }
    static const char *const running[] = {
        "SELECT MAX(SLEEP(20)) FROM t AS where_it_is",
        "SELECT MAX(SLEEP(20)) FROM t AS where_it_is FOR UPDATE", // on the primary
    };
    client_run(client, "INSERT INTO t VALUES (1234567)");
    for (int i = 0; i < 2; i++) {
        client_send(other, running[i]);
        struct deadline deadline = deadline_in(WAIT_MS);
        bool is_there = false;
        while (!is_there) {
            assert_true(deadline_pause(deadline));
            if (mysql_query(client, sql) == 0) {
                MYSQL_RES *result = mysql_store_result(client);
                MYSQL_ROW row = result != NULL ? mysql_fetch_row(result) : NULL;
                is_there = row != NULL && row[2] != NULL && strcmp(row[2], "where_it_is") == 0;
                mysql_free_result(result);
            }
        }
        char kill[64];
        snprintf(kill, sizeof(kill), "KILL QUERY %lld", id_of(other));
        client_run(client, kill);
        if (mysql_read_query_result(other) == 0) {
            mysql_free_result(mysql_store_result(other));
        }
    }
    snprintf(sql, sizeof(sql), form, id_of(client)); // its own: never a thread that is not there
    assert_int_not_equal(mysql_query(client, sql), 0);
    assert_int_not_equal(mysql_errno(client), 1094);
    snprintf(sql, sizeof(sql), form, 999999999LL);
    assert_client_error(client, sql, 1094, "999999999");
    client_run(client, "DELETE FROM t WHERE id = 1234567");
    mysql_close(client);
    mysql_close(other);
}

static void assert_column(MYSQL *client, const char *statement, const char *name)
{
    client_send(client, statement);
    if (mysql_read_query_result(client) != 0) {
        fail_msg("%s: %s", statement, mysql_error(client));
    }
    MYSQL_RES *result = mysql_store_result(client);
    assert_non_null(result);
    assert_string_equal(mysql_fetch_field_direct(result, mysql_num_fields(result) - 1)->name, name);
    mysql_free_result(result);
}

static void columns_keep_their_names(void **state)
{
    static const char *const statements[] = {
        "SELECT CONNECTION_ID()",
        "SELECT connection_id()",
        "SELECT SQL_NO_CACHE CONNECTION_ID()",
        "SELECT IS_USED_LOCK('its')",
        "SELECT 1, CONNECTION_ID()+1 FROM t",
        "SELECT CONNECTION_ID() AS `the id`",
        "SELECT CONNECTION_ID() id",
        "SELECT connection_id, connection_id() FROM named",
        "SELECT connection_id(), connection_id FROM named",
        "SELECT CONNECTION_ID() IS NULL",
        "SELECT MAX(CONNECTION_ID()) FROM t GROUP BY id",
        "SELECT (SELECT CONNECTION_ID())",
        "SELECT CONNECTION_ID() + `id` FROM t",
        "SELECT (`id` = 'a`b' OR\n CONNECTION_ID() + 1) FROM t",
    };
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    MYSQL *direct = stack_connect(site->stack, "db1");
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        client_send(direct, statements[i]);
        assert_int_equal(mysql_read_query_result(direct), 0);
        MYSQL_RES *result = mysql_store_result(direct);
        unsigned last = mysql_num_fields(result) - 1;
        assert_column(client, statements[i], mysql_fetch_field_direct(result, last)->name);
        mysql_free_result(result);
    }
    mysql_close(direct);
    mysql_close(client);
}

static void a_prepared_statement_knows_it_too(void **state)
{
    MYSQL *client = site_client(*state);
    static const char sql[] = "SELECT CONNECTION_ID() FROM t WHERE id = ?";
    MYSQL_STMT *stmt = mysql_stmt_init(client);
    long long id = 0, one = 1;
    MYSQL_BIND parameter = {.buffer_type = MYSQL_TYPE_LONGLONG, .buffer = &one};
    MYSQL_BIND column = {.buffer_type = MYSQL_TYPE_LONGLONG, .buffer = &id};
    assert_int_equal(mysql_stmt_prepare(stmt, sql, sizeof(sql) - 1), 0);
    mysql_stmt_bind_param(stmt, &parameter);
    assert_int_equal(mysql_stmt_execute(stmt), 0);
    mysql_stmt_bind_result(stmt, &column);
    assert_int_equal(mysql_stmt_fetch(stmt), 0);
    assert_int_equal(id, id_of(client));
    mysql_stmt_close(stmt);
    mysql_close(client);
}

// The number must not become part of what outlives the session.
static void what_is_kept_keeps_the_call(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    client_run(client, "CREATE VIEW seen AS SELECT CONNECTION_ID() AS id FROM t");
    MYSQL *root = stack_connect(site->stack, "db1");
    assert_client_number(root, "SELECT id FROM seen", id_of(root));
    mysql_close(root);
    client_run(client, "DROP VIEW seen");
    mysql_close(client);
}

static void the_process_list_and_kill_agree(void **state)
{
    MYSQL *client = site_client(*state);
    MYSQL *other = site_client(*state);
    bool is_found = false;
    client_send(other, "SHOW PROCESSLIST");
    assert_int_equal(mysql_read_query_result(other), 0);
    MYSQL_RES *result = mysql_store_result(other);
    char id[32];
    snprintf(id, sizeof(id), "%lld", client_number(client, "SELECT CONNECTION_ID()"));
    for (MYSQL_ROW row; (row = mysql_fetch_row(result)) != NULL;) {
        is_found |= strcmp(row[0], id) == 0;
    }
    mysql_free_result(result);
    assert_true(is_found);
    client_runf(other, "KILL %s", id);
    assert_true(mysql_query(client, "SELECT 1") != 0); // it is told why
    mysql_close(client);
    mysql_close(other);
}

static void the_process_list_comes_by_command_too(void **state)
{
    MYSQL *client = site_client(*state);
    bool is_found = false;
    MYSQL_RES *result = mysql_list_processes(client);
    assert_non_null(result);
    for (MYSQL_ROW row; (row = mysql_fetch_row(result)) != NULL;) {
        is_found |= strtoll(row[0], NULL, 10) == id_of(client);
    }
    mysql_free_result(result);
    assert_true(is_found);
    mysql_close(client);
}

static void kill_user_ends_the_users_own_sessions(void **state)
{
    const struct site *site = *state;
    MYSQL *clients[6];
    struct client_options guest = instance_options(site->instance, "guest", "guest-secret");
    guest.with_tls = true;
    MYSQL *other = client_connect(&guest);
    for (int i = 0; i < 6; i++) {
        clients[i] = site_client(site);
    }
    assert_client_error(other, "KILL USER app", 1095, "ended by that user");
    assert_client_error(other, "KILL QUERY ID 0", servers_are_mysql() ? 1064 : 1957, "");
    client_run(clients[0], "KILL USER app@192.0.2.7"); // nobody is there
    assert_int_equal(mysql_affected_rows(clients[0]), 0);
    assert_client_number(clients[5], "SELECT 1", 1);
    assert_true(mysql_query(clients[0], "KILL USER app@'127.0.0.1'") != 0);
    for (int i = 0; i < 6; i++) {
        assert_true(mysql_query(clients[i], "SELECT 1") != 0);
        mysql_close(clients[i]);
    }
    assert_client_number(other, "SELECT 1", 1);
    mysql_close(other);
}

// As an account that the servers alone know.
static MYSQL *client_as(const struct site *site, const char *user)
{
    char password[64];
    snprintf(password, sizeof(password), "%s-secret", user);
    struct client_options options = instance_options(site->instance, user, password);
    options.with_tls = true;
    return client_connect(&options);
}

static bool sees(MYSQL *client, MYSQL *other)
{
    bool is_seen = false;
    client_send(client, "SHOW PROCESSLIST");
    assert_int_equal(mysql_read_query_result(client), 0);
    MYSQL_RES *result = mysql_store_result(client);
    for (MYSQL_ROW row; (row = mysql_fetch_row(result)) != NULL;) {
        is_seen |= strtoll(row[0], NULL, 10) == id_of(other);
    }
    mysql_free_result(result);
    return is_seen;
}

static void sessions_of_others_are_shown_with_process(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site), *guest = client_as(site, "guest");
    MYSQL *seer = client_as(site, "seer"), *roled = client_as(site, "roled");
    MYSQL *reaper = client_as(site, "reaper");
    for (int round = 0; round < 2; round++) {
        assert_true(sees(client, client) && !sees(client, guest) && !sees(client, seer));
        assert_true(sees(guest, guest) && !sees(guest, client));
        assert_true(sees(seer, seer) && sees(seer, client) && sees(seer, guest));
        assert_true(sees(roled, client) && sees(roled, seer));
        assert_true(!sees(reaper, client));
    }
    mysql_close(client);
    mysql_close(guest);
    mysql_close(seer);
    mysql_close(roled);
    mysql_close(reaper);
}

static void what_is_granted_or_revoked_counts_at_once(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site), *guest = client_as(site, "guest");
    MYSQL *root = client_as(site, "root");
    assert_false(sees(guest, client));
    client_run(root, "GRANT PROCESS ON *.* TO 'guest'@'%'");
    assert_soon(sees(guest, client)); // the other worker hears of it by message
    client_run(root, "REVOKE PROCESS ON *.* FROM 'guest'@'%'");
    assert_soon(!sees(guest, client));
    client_run(root, "CREATE ROLE lookers");
    client_run(root, "GRANT PROCESS ON *.* TO lookers");
    client_run(root, "GRANT lookers TO 'guest'@'%'");
    MYSQL *again = client_as(site, "guest");
    assert_false(sees(again, client)); // it is no default role yet
    client_run(root, dialect("SET DEFAULT ROLE lookers FOR 'guest'@'%'",
                             "SET DEFAULT ROLE lookers TO 'guest'@'%'"));
    assert_soon(sees(again, client));
    client_run(root, "REVOKE PROCESS ON *.* FROM lookers");
    assert_soon(!sees(again, client));
    client_run(root, "DROP ROLE lookers");
    mysql_close(again);
    mysql_close(client);
    mysql_close(guest);
    mysql_close(root);
}

static void sessions_of_others_are_ended_with_the_right_to(void **state)
{
    const struct site *site = *state;
    MYSQL *victim = site_client(site), *client = site_client(site);
    MYSQL *guest = client_as(site, "guest"), *seer = client_as(site, "seer");
    MYSQL *reaper = client_as(site, "reaper");
    char kill[64];
    snprintf(kill, sizeof(kill), "KILL %lld", id_of(victim));
    for (int round = 0; round < 2; round++) {
        assert_client_error(guest, kill, 1095, "You are not owner");
        assert_client_error(seer, kill, 1095, "You are not owner");
        assert_client_error(guest, "KILL USER app", 1095, "ended by that user");
    }
    assert_client_number(victim, "SELECT 1", 1);
    client_run(reaper, kill);
    assert_client_lost(victim, "SELECT 1");
    assert_client_error(reaper, kill, 1094, "Unknown thread id");
    client_run(reaper, "KILL USER app");
    assert_int_equal(mysql_affected_rows(reaper), 1);
    assert_client_lost(client, "SELECT 1");
    client_run(reaper, "KILL USER nobody_of_that_name");
    assert_int_equal(mysql_affected_rows(reaper), 0);
    assert_client_number(guest, "SELECT 1", 1);
    mysql_close(victim);
    mysql_close(client);
    mysql_close(guest);
    mysql_close(seer);
    mysql_close(reaper);
}

// What the list shows of the running statement of a session; "" while it does not run.
static struct client_text info_of(MYSQL *client, const char *list, MYSQL *other)
{
    struct client_text info = {""};
    client_send(client, list);
    assert_int_equal(mysql_read_query_result(client), 0);
    MYSQL_RES *result = mysql_store_result(client);
    for (MYSQL_ROW row; (row = mysql_fetch_row(result)) != NULL;) {
        if (strtoll(row[0], NULL, 10) == id_of(other) && row[7] != NULL) {
            snprintf(info.text, sizeof(info.text), "%s", row[7]);
        }
    }
    mysql_free_result(result);
    return info;
}

static void full_shows_statements_whole(void **state)
{
    MYSQL *client = site_client(*state), *other = site_client(*state);
    char statement[400];
    snprintf(statement, sizeof(statement), "SELECT SLEEP(60), '%0150d', '\xC3\xA4'", 7);
    client_send(client, statement);
    assert_soon(info_of(other, "SHOW FULL PROCESSLIST", client).text[0] != '\0');
    assert_string_equal(info_of(other, "SHOW FULL PROCESSLIST", client).text, statement);
    statement[100] = '\0';
    assert_string_equal(info_of(other, "SHOW PROCESSLIST", client).text, statement);
    client_runf(other, "KILL QUERY %lld", id_of(client));
    assert_int_equal(client_finish(client), servers_are_mysql() ? 0 : 1317);
    mysql_close(client);
    mysql_close(other);
}

// How many rows of information_schema's list are like that.
static long long listed(MYSQL *client, const char *condition, long long id)
{
    char sql[300];
    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM information_schema.processlist WHERE %s%lld",
             condition, id);
    return client_number(client, sql);
}

static void the_table_of_processes_has_the_sessions_and_their_ids(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site), *other = site_client(site);
    MYSQL *guest = client_as(site, "guest"), *guest_too = client_as(site, "guest");
    assert_soon(listed(client, "user = 'app' AND id <> ", 0) == 2); // and no idle connection's
    assert_int_equal(listed(client, "command = 'Sleep' AND info IS NULL AND id = ", id_of(other)),
                     1);
    assert_int_equal(listed(client, "command = 'Query' AND id = ", id_of(client)), 1);
    assert_int_equal(listed(client, "id = CONNECTION_ID() AND id = ", id_of(client)), 1);
    assert_int_equal(listed(guest, "user <> 'guest' AND id <> ", 0), 0);
    assert_int_equal(listed(guest, "id = ", id_of(guest)), 1);

    // On this server, as it has it; on another one, as sluice has it.
    client_send(other, "SELECT SLEEP(62) /* sluice: primary */");
    assert_soon(listed(client, "state = 'User sleep' AND info LIKE 'SELECT SLEEP(62)%' AND id = ",
                       id_of(other)) == 1);
    client_send(guest, "SELECT SLEEP(63) /* sluice: replica */");
    assert_soon(listed(guest_too, "state = 'running' AND info LIKE 'SELECT SLEEP(63)%' AND id = ",
                       id_of(guest)) == 1);
    client_runf(guest_too, "KILL QUERY %lld", id_of(guest));
    client_finish(guest);
    client_run(client, "SET @id = (SELECT p.id FROM information_schema.processlist p "
                       "WHERE p.info LIKE 'SELECT SLEEP(62)%')");
    client_run(client, "KILL QUERY @id");
    client_finish(other);
    assert_client_number(other, "SELECT 1", 1);
    mysql_close(other);
    mysql_close(guest);
    mysql_close(guest_too);
    mysql_close(client);
}

static void the_process_list_of_performance_schema_knows_them_too(void **state)
{
    const struct site *site = *state;
    if (!servers_are_mysql()) {
        skip(); // MariaDB has it switched off
    }
    MYSQL *root = stack_connect(site->stack, "db1"), *client = site_client(site);
    client_run(root, "GRANT SELECT ON performance_schema.* TO seer");
    MYSQL *seer = client_as(site, "seer");
    assert_client_number(seer,
                         "SELECT p.id FROM performance_schema.processlist AS p "
                         "WHERE p.id = CONNECTION_ID()",
                         id_of(seer));
    char sql[160];
    snprintf(sql, sizeof(sql), "SELECT id FROM performance_schema.processlist WHERE id = %lld",
             id_of(client));
    assert_client_number(seer, sql, id_of(client)); // it has no connection now
    mysql_close(seer);
    mysql_close(client);
    mysql_close(root);
}

// A query's id is the primary's, which ends it.
static void a_query_is_ended_by_its_own_id(void **state)
{
    if (servers_are_mysql()) {
        skip();
    }
    MYSQL *client = site_client(*state), *other = site_client(*state);
    client_send(client, "SELECT SLEEP(64) /* sluice: primary */");
    assert_soon(listed(other, "state = 'User sleep' AND id = ", id_of(client)) == 1);
    char sql[160];
    snprintf(sql, sizeof(sql),
             "SELECT query_id FROM information_schema.processlist WHERE id = %lld", id_of(client));
    client_runf(other, "KILL QUERY ID %lld", client_number(other, sql));
    assert_int_equal(client_finish(client), 1317);
    mysql_close(client);
    mysql_close(other);
}

// Trap: an id of the server's that is some other session's here, and KILL takes it.
static void transactions_are_those_of_sessions(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site), *seer = client_as(site, "seer");
    client_run(client, "CREATE TABLE held (id INT PRIMARY KEY) ENGINE = InnoDB");
    client_run(client, "BEGIN");
    client_run(client, "INSERT INTO held VALUES (1)");
    assert_client_number(seer,
                         "SELECT trx.trx_mysql_thread_id FROM information_schema.innodb_trx AS trx "
                         "JOIN information_schema.processlist AS p "
                         "ON p.id = trx.trx_mysql_thread_id WHERE trx.trx_state = 'RUNNING'",
                         id_of(client));
    client_run(client, "ROLLBACK");
    client_run(client, "DROP TABLE held");
    mysql_close(seer);
    mysql_close(client);
}

static void the_table_of_processes_is_found_wherever_it_is_named(void **state)
{
    static const char *const texts[] = {
        "SELECT id FROM information_schema.processlist WHERE id = CONNECTION_ID()",
        "SELECT information_schema.PROCESSLIST.ID FROM information_schema.PROCESSLIST WHERE "
        "information_schema.PROCESSLIST.ID = CONNECTION_ID()",
        "SELECT `p`.`id` FROM `information_schema` . `PROCESSLIST` AS `p` WHERE p.id = "
        "CONNECTION_ID() LIMIT 1",
        "SELECT id FROM (SELECT * FROM information_schema.processlist) AS p WHERE info LIKE "
        "'SELECT id FROM (SELECT%'",
        "SELECT p.id FROM t RIGHT JOIN information_schema.processlist p ON t.id = -1 WHERE "
        "p.id = CONNECTION_ID()",
        "SELECT MAX(id) FROM INFORMATION_SCHEMA.PROCESSLIST WHERE INFO LIKE 'SELECT MAX%' UNION "
        "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT MAX(id) FROM INF%'",
        "SELECT Id FROM information_schema.processlist AS p WHERE id = CONNECTION_ID()",
        "USE information_schema",
        "SELECT id FROM processlist WHERE id = CONNECTION_ID()",
        "SELECT processlist.id FROM columns JOIN processlist WHERE id = CONNECTION_ID() LIMIT 1",
    };
    MYSQL *client = site_client(*state);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strncmp(texts[i], "USE", 3) == 0) {
            client_run(client, texts[i]);
        } else {
            assert_client_number(client, texts[i], id_of(client));
        }
        if (strncmp(texts[i], "SELECT Id", 9) == 0) { // columns are named as the statement has it
            client_column(client, texts[i], "Id");
        }
    }
    mysql_close(client);
}

// A server would take the id of a client for that of one of its own threads.
static void a_kill_among_others_ends_nobody(void **state)
{
    const struct site *site = *state;
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    options.flags = CLIENT_MULTI_STATEMENTS;
    MYSQL *client = client_connect(&options);
    char text[80];
    long long id =
        stack_number(site->stack, "db1",
                     "SELECT MAX(id) FROM information_schema.processlist WHERE user = 'app'");
    snprintf(text, sizeof(text), "KILL %lld;DO 0", id);
    assert_client_error(client, text, 1235, "KILL");
    snprintf(text, sizeof(text), "DELETE FROM t WHERE id = -1;KILL %lld", id);
    assert_client_error(client, text, 1235, "KILL");
    client_run(client, "UPDATE t SET id = id");
    mysql_close(client);
}

static void a_kill_behind_a_name_means_sessions_too(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site), *victim = site_client(site);
    for (int i = 0; i < 2; i++) {
        client_runf(client, "PREPARE s FROM 'KILL %s %lld'", i == 0 ? "QUERY" : "", id_of(victim));
        client_send(victim, "SELECT SLEEP(600)");
        assert_soon(instance_admin_number(site->instance, "SELECT COUNT(*) FROM sessions WHERE "
                                                          "state = 'running'") == 1);
        client_run(client, "EXECUTE s");
        unsigned ended = servers_are_mysql() ? 0 : 1317; // to MySQL's SLEEP() it is no error
        assert_int_equal(client_finish(victim), i == 0 ? ended : 2013);
    }
    if (!servers_are_mysql()) {
        client_run(client, "SET @id = 1");
        client_run(client, "PREPARE s FROM 'KILL ?'");
        assert_client_error(client, "EXECUTE s USING @id", 1235, "KILL of an expression");
    }
    mysql_close(victim);
    mysql_close(client);
}

// Without a word: the next statement finds the connection gone.
static void an_idle_session_is_closed_as_a_server_closes_it(void **state)
{
    const struct site *site = *state;
    uint8_t byte;
    MYSQL *client = site_client(site);
    struct peer *peer = peer_connect(site->instance->port);
    peer_login(peer, "app", "app-secret", "app");
    client_runf(client, "KILL %u", peer->connection_id);
    assert_int_equal(peer_read_bytes(peer, &byte, 1), 0);
    peer_close(peer);
    mysql_close(client);

    MYSQL *root = stack_connect(site->stack, "db1"), *direct = stack_connect(site->stack, "db1");
    assert_client_number(direct, "SELECT 1", 1);
    client_runf(root, "KILL %lu", mysql_thread_id(direct));
    assert_int_equal(recv((int)mysql_get_socket(direct), &byte, 1, MSG_WAITALL), 0);
    mysql_close(direct);
    mysql_close(root);
}

// The same error in the same words as on a direct connection.
static void a_session_that_ends_itself_hears_what_servers_say(void **state)
{
    static const char *const statements[] = {"KILL CONNECTION_ID()", "KILL QUERY CONNECTION_ID()"};
    const struct site *site = *state;
    for (size_t i = 0; i < 2; i++) {
        MYSQL *client = site_client(site), *direct = stack_connect(site->stack, "db1");
        assert_true(mysql_query(direct, statements[i]) != 0);
        assert_client_error(client, statements[i], mysql_errno(direct), mysql_error(direct));
        assert_string_equal(mysql_error(client), mysql_error(direct));
        assert_string_equal(mysql_sqlstate(client), mysql_sqlstate(direct));
        assert_int_equal(mysql_ping(client) == 0, mysql_ping(direct) == 0);
        mysql_close(client);
        mysql_close(direct);
    }
}

// Without an item there is nothing to name.
static void a_list_without_items_is_the_servers_error(void **state)
{
    MYSQL *client = site_client(*state);
    assert_client_error(client, "SELECT FROM t WHERE id = CONNECTION_ID()", 1064, "");
    assert_client_error(client, "SELECT ON t WHERE id = ROW_COUNT()", 1064, "");
    assert_client_number(client, "SELECT 1", 1);
    mysql_close(client);
}

static void kill_takes_an_expression(void **state)
{
    const struct {
        const char *statement;
        unsigned code;
        const char *text;
    } refused[] = {
        {"KILL 4000000000 + 1", 1094, "Unknown thread id: 4000000001"},
        {"KILL '4000000001'", 1094, "Unknown thread id: 4000000001"},
        {"KILL 4000000000.7", 1094, "Unknown thread id: 4000000001"},
        {"KILL (SELECT 4000000001)", 1094, "Unknown thread id: 4000000001"},
        {"KILL QUERY @nothing", 1094, "Unknown thread id: 0"},
        {"KILL NULL", 1094, "Unknown thread id: 0"},
        {"KILL 1 +", 1064, ""},
        {"KILL 1, 2", 1241, ""},
        {"KILL no_such_column", 1054, "no_such_column"},
        {"KILL app.no_such_function()", servers_are_mysql() ? 1235 : 1970, "stored functions"},
        {"KILL (SELECT 1) + LASTVAL(s)", servers_are_mysql() ? 1235 : 1970, "stored functions"},
        {"KILL (SELECT MAX(id) FROM t)", servers_are_mysql() ? 1235 : 1970, "subqueries"},
    };
    MYSQL *client = site_client(*state), *victim = site_client(*state);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_client_error(client, refused[i].statement, refused[i].code, refused[i].text);
    }
    client_runf(client, "SET @id = %lld", id_of(victim));
    client_send(victim, "SELECT SLEEP(61) FROM t");
    assert_soon(info_of(client, "SHOW PROCESSLIST", victim).text[0] != '\0');
    client_run(client, "START TRANSACTION");
    client_run(client, "INSERT INTO t VALUES (5)");
    client_run(client, "KILL QUERY @id");
    client_finish(victim);
    assert_client_number(victim, "SELECT 1", 1);
    client_run(client, "KILL @id + 0");
    assert_client_lost(victim, "SELECT 1");
    assert_client_number(client, "SELECT COUNT(*) FROM t WHERE id = 5", 1);
    client_run(client, "ROLLBACK");
    assert_client_error(client, "KILL CONNECTION_ID() + 0", servers_are_mysql() ? 1317 : 1927, "");
    assert_client_lost(client, "SELECT 1");
    mysql_close(client);
    mysql_close(victim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connection_id_is_the_greetings),
        cmocka_unit_test(the_holder_of_a_lock_is_the_session),
        cmocka_unit_test(the_plan_of_another_session_is_asked_of_its_server),
        cmocka_unit_test(columns_keep_their_names),
        cmocka_unit_test(a_prepared_statement_knows_it_too),
        cmocka_unit_test(what_is_kept_keeps_the_call),
        cmocka_unit_test(the_process_list_and_kill_agree),
        cmocka_unit_test(the_process_list_comes_by_command_too),
        cmocka_unit_test(kill_user_ends_the_users_own_sessions),
        cmocka_unit_test(sessions_of_others_are_shown_with_process),
        cmocka_unit_test(what_is_granted_or_revoked_counts_at_once),
        cmocka_unit_test(sessions_of_others_are_ended_with_the_right_to),
        cmocka_unit_test(full_shows_statements_whole),
        cmocka_unit_test(the_table_of_processes_has_the_sessions_and_their_ids),
        cmocka_unit_test(the_table_of_processes_is_found_wherever_it_is_named),
        cmocka_unit_test(transactions_are_those_of_sessions),
        cmocka_unit_test(the_process_list_of_performance_schema_knows_them_too),
        cmocka_unit_test(a_query_is_ended_by_its_own_id),
        cmocka_unit_test(a_kill_among_others_ends_nobody),
        cmocka_unit_test(a_kill_behind_a_name_means_sessions_too),
        cmocka_unit_test(an_idle_session_is_closed_as_a_server_closes_it),
        cmocka_unit_test(a_session_that_ends_itself_hears_what_servers_say),
        cmocka_unit_test(a_list_without_items_is_the_servers_error),
        cmocka_unit_test(kill_takes_an_expression),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
