// Transactions through the proxy: whole on one server, with the servers' own meaning.
#include "tests/lib/site.h"

#include <mariadb/errmsg.h>
#include <stdio.h>
#include <string.h>

static const char schema[] = "CREATE TABLE app.account (id INT PRIMARY KEY, sum INT);"
                             "INSERT INTO app.account VALUES (1, 100), (2, 200);"
                             "CREATE TABLE app.made (a INT)";

static int setup(void **state)
{
    *state = site_create(site_logging, schema, NULL);
    return 0;
}

static void reads_of_a_transaction_stay_on_the_primary(void **state)
{
    MYSQL *client = site_client(*state);
    client_run(client, "START TRANSACTION");
    assert_on_primary(client);
    client_run(client, "UPDATE account SET sum = sum - 10 WHERE id = 1");
    assert_client_number(client, "SELECT sum FROM account WHERE id = 1", 90);
    assert_on_primary(client);
    client_run(client, "COMMIT");
    assert_soon_on_replica(client);
    client_run(client, "BEGIN WORK");
    assert_on_primary(client);
    client_run(client, "ROLLBACK");
    assert_soon_on_replica(client);
    mysql_close(client);
}

static void what_is_rolled_back_never_was(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    client_run(client, "START TRANSACTION");
    client_run(client, "UPDATE account SET sum = 0 WHERE id = 2");
    client_run(client, "SAVEPOINT s");
    client_run(client, "UPDATE account SET sum = -1 WHERE id = 2");
    client_run(client, "ROLLBACK TO s");
    assert_client_number(client, "SELECT sum FROM account WHERE id = 2", 0);
    client_run(client, "ROLLBACK");
    assert_client_number(client, "SELECT sum FROM account WHERE id = 2 FOR UPDATE", 200);
    mysql_close(client);
}

// The server closes the connection behind it: nobody else gets it, and the client loses its own.
static void release_ends_the_session_as_it_does_directly(void **state)
{
    static const char *const releases[][2] = {
        {"COMMIT RELEASE", NULL},
        {"ROLLBACK WORK AND NO CHAIN RELEASE", NULL},
        {"SET completion_type = 'RELEASE'", "COMMIT"},
        {"SET completion_type = 2", "ROLLBACK"},
    };
    const struct site *site = *state;
    MYSQL *other = site_client(site);
    for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++) {
        MYSQL *client = site_client(site);
        client_run(client, "START TRANSACTION");
        assert_client_number(client, "SELECT COUNT(*) FROM account", 2);
        client_run(client, releases[i][0]);
        if (releases[i][1] != NULL) {
            client_run(client, releases[i][1]);
        }
        client_run(other, "UPDATE account SET sum = sum WHERE id = 1");
        assert_int_not_equal(mysql_query(client, "SELECT 1"), 0);
        assert_true(mysql_errno(client) == CR_SERVER_GONE_ERROR ||
                    mysql_errno(client) == CR_SERVER_LOST);
        mysql_close(client);
    }
    MYSQL *client = site_client(site);
    client_run(client, "SET completion_type = 2");
    client_run(client, "START TRANSACTION");
    client_run(client, "COMMIT NO RELEASE");
    assert_client_number(client, "SELECT COUNT(*) FROM account", 2);
    client_run(client, "XA START 'kept'");
    client_run(client, "XA END 'kept'");
    client_run(client, "XA ROLLBACK 'kept'");
    assert_client_number(client, "SELECT COUNT(*) FROM account", 2);
    mysql_close(client);
    mysql_close(other);
}

static void a_transaction_whose_text_ends_in_an_error_is_still_the_sessions_own(void **state)
{
    const struct site *site = *state;
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    options.flags = CLIENT_MULTI_STATEMENTS;
    MYSQL *client = client_connect(&options);
    assert_int_equal(mysql_query(client, "BEGIN; UPDATE account SET sum = 1 WHERE id = 1; "
                                         "INSERT INTO account VALUES (2, 2)"),
                     0);
    assert_int_equal(mysql_next_result(client), 0);
    assert_true(mysql_next_result(client) > 0);
    assert_int_equal(mysql_errno(client), 1062);
    char query[160];
    snprintf(query, sizeof(query),
             "SELECT COUNT(*) FROM sessions WHERE id = %lu AND in_transaction",
             mysql_thread_id(client));
    assert_int_equal(instance_admin_number(site->instance, query), 1);
    client_run(client, "ROLLBACK");
    assert_int_equal(instance_admin_number(site->instance, query), 0);
    mysql_close(client);
}

static void a_write_may_follow_a_read_that_failed_on_a_replica(void **state)
{
    MYSQL *client = site_client(*state);
    for (int i = 0; i < 5; i++) {
        assert_client_error(client, "SELECT * FROM app.not_there", 1146, "not_there");
        client_run(client, "UPDATE account SET sum = 100 WHERE id = 1");
        client_run(client, "SELECT 1 / 0");
        client_run(client, "START TRANSACTION");
        client_run(client, "COMMIT");
    }
    mysql_close(client);
}

static void a_begin_may_leave_a_read_only_transaction(void **state)
{
    MYSQL *client = site_client(*state);
    client_run(client, "START TRANSACTION READ ONLY");
    assert_soon_on_replica(client);
    client_run(client, "BEGIN");
    assert_on_primary(client);
    client_run(client, "UPDATE account SET sum = 100 WHERE id = 1");
    client_run(client, "COMMIT");
    assert_soon_on_replica(client);
    mysql_close(client);
}

static void a_client_that_leaves_rolls_back(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    client_run(client, "START TRANSACTION");
    client_run(client, "UPDATE account SET sum = 7 WHERE id = 2");
    mysql_close(client);
    static const char locking[] = "SELECT sum FROM account WHERE id = 2 FOR UPDATE";
    assert_int_equal(stack_number(site->stack, "db1", locking), 200); // waits for the rollback
}

static void without_autocommit_every_statement_is_a_transactions(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    client_run(client, "SET autocommit = 0");
    assert_on_primary(client);
    client_run(client, "UPDATE account SET sum = 201 WHERE id = 2");
    assert_int_equal(stack_number(site->stack, "db1", "SELECT sum FROM app.account WHERE id = 2"),
                     200);
    client_run(client, "COMMIT");
    assert_on_primary(client);
    client_run(client, "UPDATE account SET sum = 200 WHERE id = 2");
    client_run(client, "SET autocommit = 1");
    assert_int_equal(stack_number(site->stack, "db1", "SELECT sum FROM app.account WHERE id = 2"),
                     200);
    assert_soon_on_replica(client);
    mysql_close(client);
}

static void a_client_librarys_autocommit_call_does_the_same(void **state)
{
    MYSQL *client = site_client(*state);
    assert_int_equal(mysql_autocommit(client, 0), 0);
    assert_on_primary(client);
    assert_int_equal(mysql_rollback(client), 0);
    assert_int_equal(mysql_autocommit(client, 1), 0);
    assert_soon_on_replica(client);
    mysql_close(client);
}

static void ddl_commits_and_ends_the_transaction(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    client_run(client, "START TRANSACTION");
    client_run(client, "INSERT INTO made VALUES (1)");
    client_run(client, "CREATE TABLE made_too (a INT)");
    assert_int_equal(stack_number(site->stack, "db1", "SELECT COUNT(*) FROM app.made"), 1);
    assert_soon_on_replica(client);
    mysql_close(client);
}

static void commit_and_chain_opens_the_next_one(void **state)
{
    MYSQL *client = site_client(*state);
    client_run(client, "START TRANSACTION");
    client_run(client, "COMMIT AND CHAIN");
    assert_on_primary(client);
    client_run(client, "ROLLBACK");
    assert_soon_on_replica(client);
    mysql_close(client);
}

static void a_read_only_transaction_is_whole_on_one_replica(void **state)
{
    MYSQL *client = site_client(*state);
    client_run(client, "START TRANSACTION READ ONLY");
    struct client_text first = site_where(client);
    assert_string_not_equal(first.text, "db1");
    for (int i = 0; i < 20; i++) {
        assert_string_equal(site_where(client).text, first.text);
    }
    assert_client_error(client, "UPDATE account SET sum = 1 WHERE id = 1", 1792, "READ ONLY");
    assert_string_equal(site_where(client).text, first.text);
    client_run(client, "COMMIT");
    client_run(client, "UPDATE account SET sum = sum WHERE id = 1");
    mysql_close(client);
}

// MariaDB's replicas refuse to commit it.
static void a_read_only_transaction_with_savepoints_can_be_committed(void **state)
{
    MYSQL *client = site_client(*state);
    client_run(client, "START TRANSACTION READ ONLY");
    client_run(client, "SAVEPOINT q");
    client_run(client, "SELECT sum FROM account WHERE id = 1");
    client_run(client, "SAVEPOINT r");
    client_run(client, "/* and on */ COMMIT AND CHAIN -- as before");
    client_run(client, "SAVEPOINT q");
    assert_client_error(client, "UPDATE account SET sum = 1 WHERE id = 1", 1792, "READ ONLY");
    client_run(client, "COMMIT");
    client_run(client, "UPDATE account SET sum = sum WHERE id = 1");
    mysql_close(client);
}

static void a_read_only_transaction_sees_one_snapshot(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    client_run(client, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
    struct client_text before = client_text(client, "SELECT SUM(sum) FROM account");
    stack_run(site->stack, "db1", "UPDATE app.account SET sum = sum + 1");
    stack_sync(site->stack);
    assert_client_text(client, "SELECT SUM(sum) FROM account", before.text);
    client_run(client, "COMMIT");
    stack_run(site->stack, "db1", "UPDATE app.account SET sum = sum - 1");
    stack_sync(site->stack);
    mysql_close(client);
}

static void set_transaction_counts_for_the_next_one_only(void **state)
{
    MYSQL *client = site_client(*state);
    client_run(client, "SET TRANSACTION READ ONLY");
    client_run(client, "START TRANSACTION");
    assert_client_error(client, "UPDATE account SET sum = 1 WHERE id = 1", 1792, "READ ONLY");
    client_run(client, "COMMIT");
    client_run(client, "START TRANSACTION");
    client_run(client, "UPDATE account SET sum = sum WHERE id = 1");
    client_run(client, "COMMIT");
    mysql_close(client);
}

static void a_read_only_session_does_not_leak_to_the_next(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    client_run(client, "SET SESSION TRANSACTION READ ONLY");
    assert_client_error(client, "UPDATE account SET sum = 1 WHERE id = 1", 1792, "READ ONLY");
    mysql_close(client);
    for (int i = 0; i < 10; i++) {
        MYSQL *other = site_client(site);
        client_run(other, "UPDATE account SET sum = sum WHERE id = 1");
        mysql_close(other);
    }
}

// What JDBC's setReadOnly() and setAutoCommit() come to, as frameworks call them around each piece
// of work that only reads.
static void reads_without_autocommit_go_to_a_replica_where_the_session_is_read_only(void **state)
{
    static const char *const begins[][2] = {
        {"SET SESSION TRANSACTION READ ONLY", "SET autocommit = 0"},
        {"SET autocommit = 0", "SET SESSION TRANSACTION READ ONLY"},
    };
    static const char *const ends[] = {"COMMIT", "ROLLBACK", "SET autocommit = 1"};
    MYSQL *client = site_client(*state);
    for (int i = 0; i < 6; i++) {
        client_run(client, begins[i % 2][0]);
        client_run(client, begins[i % 2][1]);
        assert_client_number(client, "SELECT 1", 1); // begins none
        struct client_text first = site_where(client);
        assert_string_not_equal(first.text, "db1");
        assert_string_equal(site_where(client).text, first.text);
        assert_client_error(client, "UPDATE account SET sum = 1 WHERE id = 1", 1792, "READ ONLY");
        assert_string_equal(site_where(client).text, first.text);
        client_run(client, ends[i / 2]);
        client_run(client, "SET SESSION TRANSACTION READ WRITE");
        client_run(client, "SET autocommit = 0");
        client_run(client, "UPDATE account SET sum = sum WHERE id = 1");
        assert_on_primary(client);
        client_run(client, "COMMIT");
        client_run(client, "SET autocommit = 1");
        assert_soon_on_replica(client);
    }
    client_run(client, "SET SESSION TRANSACTION READ ONLY");
    client_run(client, "SET autocommit = 0");
    assert_client_number(client, "SELECT 1", 1);
    client_run(client, "SET SESSION TRANSACTION READ WRITE"); // no transaction has begun
    client_run(client, "UPDATE account SET sum = sum WHERE id = 1");
    client_run(client, "COMMIT");
    mysql_close(client);
}

// A snapshot and the locks on tables' definitions stay on the connection behind an error, and the
// latter behind a read of tables without transactions, though the server says that none is open.
static void what_a_read_without_autocommit_leaves_on_a_replica_reaches_nobody(void **state)
{
    static const char *const leaving[] = {
        "SELECT (SELECT sum FROM account) FROM account", // 1242
        "SELECT nothing FROM account",
        "SELECT COUNT(*) FROM plain",
    };
    struct site *site = *state;
    site_restart(site, (const char *const[]){"proxy.workers = 1", "backend:db2.max_connections = 1",
                                             "backend:db3.max_connections = 1", NULL});
    stack_run(site->stack, "db1", "CREATE TABLE app.plain (a INT) ENGINE = MyISAM");
    stack_sync(site->stack);
    MYSQL *one = site_client(site), *two = site_client(site);
    for (size_t i = 0; i < sizeof(leaving) / sizeof(leaving[0]); i++) {
        MYSQL *both[] = {one, two};
        for (int k = 0; k < 2; k++) {
            client_run(both[k], "SET SESSION TRANSACTION READ ONLY");
            client_run(both[k], "SET autocommit = 0");
        }
        for (int k = 0; k < 4; k++) { // on both replicas
            if (mysql_query(one, leaving[i]) == 0) {
                mysql_free_result(mysql_store_result(one));
            }
        }
        client_run(one, "COMMIT"); // which ends what a server says that there is
        stack_run(site->stack, "db1", "UPDATE app.account SET sum = sum + 1 WHERE id = 1");
        stack_run(site->stack, "db1", "ALTER TABLE app.plain COMMENT = 'x'");
        stack_run(site->stack, "db1", "ALTER TABLE app.account COMMENT = 'x'");
        stack_sync(site->stack);
        for (int k = 0; k < 4; k++) {
            assert_client_number(
                two, "SELECT sum FROM account WHERE id = 1",
                stack_number(site->stack, "db1", "SELECT sum FROM app.account WHERE id = 1"));
            client_run(two, "COMMIT");
        }
        for (int k = 0; k < 2; k++) {
            client_run(both[k], "SET autocommit = 1");
            client_run(both[k], "SET SESSION TRANSACTION READ WRITE");
        }
    }
    mysql_close(one);
    mysql_close(two);
    stack_run(site->stack, "db1", "DROP TABLE app.plain");
    site_restart(site, NULL);
}

static void the_session_does_not_see_the_guard_of_replica_connections(void **state)
{
    MYSQL *client = site_client(*state);
    for (int i = 0; i < 10; i++) {
        assert_soon_on_replica(client);
        assert_client_number(
            client,
            dialect("SELECT @@session.tx_read_only", "SELECT @@session.transaction_read_only"), 0);
    }
    mysql_close(client);
}

static void serializable_reads_go_to_the_primary(void **state)
{
    MYSQL *client = site_client(*state);
    client_run(client, "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE");
    assert_on_primary(client);
    client_run(client, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    assert_soon_on_replica(client);
    mysql_close(client);
}

static void an_error_does_not_end_the_transaction(void **state)
{
    MYSQL *client = site_client(*state);
    client_run(client, "START TRANSACTION");
    client_run(client, "UPDATE account SET sum = sum + 5 WHERE id = 1");
    assert_client_error(client, "INSERT INTO account VALUES (1, 0)", 1062, "Duplicate");
    assert_client_error(client, "SELECT missing FROM account", 1054, "missing");
    assert_on_primary(client);
    client_run(client, "ROLLBACK");
    assert_soon_on_replica(client);
    mysql_close(client);
}

static void a_deadlock_reaches_the_application_and_ends_the_transaction(void **state)
{
    const struct site *site = *state;
    MYSQL *one = site_client(site), *two = site_client(site);
    client_run(one, "START TRANSACTION");
    client_run(two, "START TRANSACTION");
    client_run(one, "UPDATE account SET sum = sum WHERE id = 1");
    client_run(two, "UPDATE account SET sum = sum WHERE id = 2");
    static const char crossing[] = "UPDATE account SET sum = sum WHERE id = 2";
    client_send(one, crossing);
    assert_soon(
        stack_number(site->stack, "db1",
                     "SELECT COUNT(*) FROM information_schema.processlist WHERE info = "
                     "'UPDATE account SET sum = sum WHERE id = 2' AND state = 'Updating'") == 1);
    unsigned second =
        mysql_query(two, "UPDATE account SET sum = sum WHERE id = 1") != 0 ? mysql_errno(two) : 0;
    unsigned first = client_finish(one);
    assert_true((first == 1213) != (second == 1213));
    // An error carries no status: only the next answer says that the transaction is over.
    MYSQL *victim = first == 1213 ? one : two;
    client_run(victim, "SELECT * FROM account");
    assert_soon_on_replica(victim);
    mysql_close(one);
    mysql_close(two);
}

static void the_status_flags_are_the_sessions_own(void **state)
{
    MYSQL *client = site_client(*state);
    client_run(client, "DO 1");
    assert_int_equal(client->server_status & SERVER_STATUS_IN_TRANS, 0);
    assert_int_not_equal(client->server_status & SERVER_STATUS_AUTOCOMMIT, 0);
    client_run(client, "START TRANSACTION");
    client_run(client, "SELECT * FROM account");
    assert_int_not_equal(client->server_status & SERVER_STATUS_IN_TRANS, 0);
    client_run(client, "COMMIT");
    client_run(client, "SET autocommit = 0");
    client_run(client, "SELECT * FROM account");
    assert_int_equal(client->server_status & SERVER_STATUS_AUTOCOMMIT, 0);
    client_run(client, "SET autocommit = 1");
    client_run(client, "SELECT * FROM account");
    assert_int_equal(client->server_status & SERVER_STATUS_IN_TRANS, 0);
    assert_int_not_equal(client->server_status & SERVER_STATUS_AUTOCOMMIT, 0);
    mysql_close(client);
}

static void xa_stays_on_one_connection(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    client_run(client, "XA START 'x1'");
    client_run(client, "UPDATE account SET sum = sum WHERE id = 1");
    assert_on_primary(client);
    client_run(client, "XA END 'x1'");
    client_run(client, "XA PREPARE 'x1'");
    assert_int_equal(client_row_count(client, "XA RECOVER"), 1);
    client_run(client, "XA COMMIT 'x1'");
    assert_soon_on_replica(client);
    mysql_close(client);
}

// The transaction is where it was: the next statements must find it.
static void an_xa_commit_that_fails_changes_nothing(void **state)
{
    const struct site *site = *state;
    // Of another one, while one is open: unknown, or not now.
    unsigned other_xa = servers_are_mysql() ? 1399 : 1400;
    MYSQL *client = site_client(site), *other = site_client(site);
    client_run(client, "XA START 'x2'");
    client_run(client, "UPDATE account SET sum = sum WHERE id = 1");
    assert_client_error(client, "XA COMMIT 'x2'", 1399, ""); // it is not at its end yet
    assert_client_error(client, "XA COMMIT 'y2'", other_xa, "");
    for (int i = 0; i < 5; i++) {
        assert_on_primary(client);
        assert_soon_on_replica(other);
        client_run(other, "UPDATE account SET sum = sum WHERE id = 2");
    }
    client_run(client, "XA END 'x2'");
    client_run(client, "XA ROLLBACK 'x2'");
    assert_soon_on_replica(client);
    mysql_close(other);
    mysql_close(client);
}

static void a_prepared_xa_is_its_sessions_until_it_is_finished_on_mariadb(void **state)
{
    const struct site *site = *state;
    if (servers_are_mysql()) {
        skip();
    }
    MYSQL *client = site_client(site);
    client_run(client, "XA START 'x3'");
    client_run(client, "UPDATE account SET sum = sum WHERE id = 1");
    client_run(client, "XA END 'x3'");
    client_run(client, "XA PREPARE 'x3'");
    assert_client_error(client, "XA COMMIT 'y3'", 1400, "");
    assert_client_error(client, "SELECT name FROM whoami", 1399, ""); // not before it is finished
    assert_client_error(client, "XA ROLLBACK 'y3'", 1400, "");
    assert_client_error(client, "SELECT name FROM whoami", 1399, "");
    client_run(client, "XA ROLLBACK 'x3'");
    assert_soon_on_replica(client);
    mysql_close(client);
}

static void a_prepared_xa_is_finished_by_name_on_mysql(void **state)
{
    const struct site *site = *state;
    if (!servers_are_mysql()) {
        skip();
    }
    MYSQL *client = site_client(site);
    client_run(client, "XA START 'x3'");
    client_run(client, "UPDATE account SET sum = sum WHERE id = 1");
    client_run(client, "XA END 'x3'");
    client_run(client, "XA PREPARE 'x3'"); // lets go of it
    assert_client_error(client, "XA COMMIT 'y3'", 1397, "");
    client_run(client, "SELECT name FROM whoami");
    client_run(client, "XA ROLLBACK 'x3'");
    assert_soon_on_replica(client);
    mysql_close(client);
}

static void a_prepared_xa_of_a_client_that_left_is_another_ones_to_end(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    client_run(client, "CREATE TABLE prepared (a INT) ENGINE=InnoDB");
    client_run(client, "XA START 'x4'");
    client_run(client, "INSERT INTO prepared VALUES (1)");
    client_run(client, "XA END 'x4'");
    client_run(client, "XA PREPARE 'x4'");
    mysql_close(client);

    client = site_client(site);
    assert_soon(mysql_query(client, "XA ROLLBACK 'x4'") == 0); // once the server has noticed
    client_run(client, "SET lock_wait_timeout = 20");
    client_run(client, "DROP TABLE prepared"); // nobody's locks are left
    mysql_close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_of_a_transaction_stay_on_the_primary),
        cmocka_unit_test(what_is_rolled_back_never_was),
        cmocka_unit_test(release_ends_the_session_as_it_does_directly),
        cmocka_unit_test(a_transaction_whose_text_ends_in_an_error_is_still_the_sessions_own),
        cmocka_unit_test(a_write_may_follow_a_read_that_failed_on_a_replica),
        cmocka_unit_test(a_begin_may_leave_a_read_only_transaction),
        cmocka_unit_test(a_client_that_leaves_rolls_back),
        cmocka_unit_test(without_autocommit_every_statement_is_a_transactions),
        cmocka_unit_test(a_client_librarys_autocommit_call_does_the_same),
        cmocka_unit_test(ddl_commits_and_ends_the_transaction),
        cmocka_unit_test(commit_and_chain_opens_the_next_one),
        cmocka_unit_test(a_read_only_transaction_is_whole_on_one_replica),
        cmocka_unit_test(a_read_only_transaction_with_savepoints_can_be_committed),
        cmocka_unit_test(a_read_only_transaction_sees_one_snapshot),
        cmocka_unit_test(set_transaction_counts_for_the_next_one_only),
        cmocka_unit_test(a_read_only_session_does_not_leak_to_the_next),
        cmocka_unit_test(reads_without_autocommit_go_to_a_replica_where_the_session_is_read_only),
        cmocka_unit_test(what_a_read_without_autocommit_leaves_on_a_replica_reaches_nobody),
        cmocka_unit_test(the_session_does_not_see_the_guard_of_replica_connections),
        cmocka_unit_test(serializable_reads_go_to_the_primary),
        cmocka_unit_test(an_error_does_not_end_the_transaction),
        cmocka_unit_test(a_deadlock_reaches_the_application_and_ends_the_transaction),
        cmocka_unit_test(the_status_flags_are_the_sessions_own),
        cmocka_unit_test(xa_stays_on_one_connection),
        cmocka_unit_test(an_xa_commit_that_fails_changes_nothing),
        cmocka_unit_test(a_prepared_xa_is_its_sessions_until_it_is_finished_on_mariadb),
        cmocka_unit_test(a_prepared_xa_is_finished_by_name_on_mysql),
        cmocka_unit_test(a_prepared_xa_of_a_client_that_left_is_another_ones_to_end),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
