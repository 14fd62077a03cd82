// Sessions as their clients see them: where statements go, by what servers say of transactions,
// what is answered by sluice, and how it ends.
#include "tests/unit/proxy/session/bench.h"

static const uint16_t in_transaction = STATUS_AUTOCOMMIT | STATUS_IN_TRANSACTION;

// --- where statements go -------------------------------------------------------------------------

static void reads_go_to_the_replica_and_writes_to_the_primary(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    assert_where(&client, "SELECT a FROM t", "db2");
    assert_where(&client, "UPDATE t SET a = 1", "db1");
    assert_where(&client, "SELECT a FROM t FOR UPDATE", "db1");
    assert_where(&client, "SELECT a FROM t", "db2");
    assert_int_equal(bench_shown(&bench).backend, -1); // nothing is kept in between
    client_close(&client);
    bench_close(&bench);
}

// The flags of the server's answers count, not the statements' texts.
static void a_transaction_is_what_the_status_flags_say(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    client_run(&client, "BEGIN"); // the server's OK says that none is open
    assert_where(&client, "SELECT a FROM t", "db2");

    server_answer_status(&bench.servers[0], "BEGIN", in_transaction);
    server_answer_status(&bench.servers[0], "SELECT a", in_transaction);
    client_run(&client, "BEGIN");
    assert_true(bench_shown(&bench).in_transaction);
    assert_where(&client, "SELECT a FROM t", "db1");
    server_answer_status(&bench.servers[0], "CREATE TABLE", STATUS_AUTOCOMMIT); // commits by itself
    client_run(&client, "CREATE TABLE u (a INT)");
    assert_false(bench_shown(&bench).in_transaction);
    assert_where(&client, "SELECT a FROM t", "db2");
    client_close(&client);
    bench_close(&bench);
}

static void without_autocommit_reads_stay_on_the_primary(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    server_answer_status(&bench.servers[0], "SET autocommit=0", 0);
    server_answer_status(&bench.servers[1], "SET autocommit=0", 0);
    server_answer_status(&bench.servers[0], "SELECT", 0);
    server_answer_status(&bench.servers[0], "COMMIT", 0);
    client_run(&client, "SET autocommit=0");
    assert_where(&client, "SELECT a FROM t", "db1");
    assert_int_equal(bench_shown(&bench).backend, 0); // the next statement is its transaction's
    assert_where(&client, "COMMIT", "db1");
    assert_int_equal(bench_shown(&bench).backend, -1);
    assert_where(&client, "SELECT a FROM t", "db1");
    client_close(&client);
    bench_close(&bench);
}

static void a_read_only_transaction_stays_on_one_replica_and_refuses_writes(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    uint16_t read_only = in_transaction | STATUS_IN_READ_ONLY_TRANSACTION;
    server_answer_status(&bench.servers[1], "START TRANSACTION READ ONLY", read_only);
    server_answer_status(&bench.servers[1], "SELECT", read_only);
    assert_where(&client, "START TRANSACTION READ ONLY", "db2");
    assert_where(&client, "SELECT a FROM t", "db2");
    notes_wipe(&bench);
    assert_query_error(&client, "UPDATE t SET a = 1", 1792);
    assert_string_equal(bench.servers[0].asked, "");
    assert_string_equal(bench.servers[1].asked, "");
    notes_wipe(&bench);
    client_query(&client, "COMMIT"); // a read-only server might refuse it
    assert_true(server_was_asked(&bench.servers[1], "ROLLBACK"));
    assert_where(&client, "UPDATE t SET a = 1", "db1");
    client_close(&client);
    bench_close(&bench);
}

static void a_primary_that_says_it_is_read_only_is_reported(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    server_answer_err(&bench.servers[0], "INSERT", 1062, "duplicate"); // is no such thing
    assert_query_error(&client, "INSERT INTO t VALUES (1)", 1062);
    assert_int_equal(bench.reports, 0);
    static const unsigned codes[] = {1290, 1836};
    for (int i = 0; i < 2; i++) {
        server_answer_err(&bench.servers[0], "UPDATE", (uint16_t)codes[i], "in read-only mode");
        assert_query_error(&client, "UPDATE t SET a = 1", (uint16_t)codes[i]);
        assert_int_equal(bench.reports, 1 + i); // the monitor is to look at once
        assert_int_equal(bench.reported_code, codes[i]);
    }
    client_close(&client);
    bench_close(&bench);
}

// What sluice answers itself carries the flags of the server's last answer.
static void the_status_flags_of_sluice_s_own_packets_are_the_session_s(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    assert_int_equal(client_command(&client, COMMAND_PING, SLICE_NONE).status, STATUS_AUTOCOMMIT);
    server_answer_status(&bench.servers[0], "BEGIN",
                         in_transaction | STATUS_NO_INDEX_USED | STATUS_NO_BACKSLASH_ESCAPES);
    client_run(&client, "BEGIN");
    assert_int_equal(client_command(&client, COMMAND_PING, SLICE_NONE).status,
                     in_transaction | STATUS_NO_BACKSLASH_ESCAPES);
    client_close(&client);
    bench_close(&bench);
}

// --- losing a server -----------------------------------------------------------------------------

// A read of which nothing was sent on runs again on another server, as often as there are tries.
static void a_read_that_lost_its_server_runs_again(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    server_answer_cut(&bench.servers[1], "SELECT", SLICE_NONE);
    struct answer answer = client_query(&client, "SELECT a FROM t");
    assert_int_equal(answer.kind, ANSWER_ERR);
    assert_int_equal(answer.code, 1158);
    assert_int_equal(bench.reports, 3); // QUERY_ATTEMPTS_MOST
    assert_int_equal(client_query(&client, "UPDATE t SET a = 1").kind, ANSWER_OK);
    client_close(&client);
    bench_close(&bench);
}

static void a_write_that_lost_its_server_does_not_run_again(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    server_answer_cut(&bench.servers[0], "UPDATE", SLICE_NONE);
    struct answer answer = client_query(&client, "UPDATE t SET a = 1");
    assert_int_equal(answer.code, 1158);
    assert_non_null(strstr(answer.text, "unknown"));
    assert_int_equal(bench.reports, 1);
    client_close(&client);
    bench_close(&bench);
}

static void a_transaction_that_lost_its_server_is_told_once(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    server_answer_status(&bench.servers[0], "BEGIN", in_transaction);
    server_answer_cut(&bench.servers[0], "UPDATE", SLICE_NONE);
    client_run(&client, "BEGIN");
    assert_query_error(&client, "UPDATE t SET a = 1", 1213);
    assert_where(&client, "SELECT a FROM t", "db2"); // outside of any transaction
    server_answer_cut(&bench.servers[0], "COMMIT", SLICE_NONE);
    client_run(&client, "BEGIN");
    struct answer answer = client_query(&client, "COMMIT");
    assert_int_equal(answer.code, 1158);
    assert_non_null(strstr(answer.text, "before it answered COMMIT"));
    assert_int_equal(client_answer(&client).kind, ANSWER_END); // and the session is over
    client_close(&client);
    bench_close(&bench);
}

// Trap 24. Whoever hears that nothing of it took effect runs it again.
static void what_commits_by_the_way_may_have_taken_effect(void **state)
{
    static const char *const commits[] = {"SET autocommit = 1", "START TRANSACTION",
                                          "ALTER TABLE t ADD b INT", "UPDATE t SET a = 1; COMMIT",
                                          "CALL ends()"};
    (void)state;
    for (size_t i = 0; i < sizeof(commits) / sizeof(commits[0]); i++) {
        struct bench bench;
        struct client client;
        bench_open(&bench, NULL);
        client_open(&client, &bench);
        server_answer_status(&bench.servers[0], "BEGIN", in_transaction);
        server_answer_cut(&bench.servers[0], commits[i], SLICE_NONE);
        client_run(&client, "BEGIN");
        struct answer answer = client_query(&client, commits[i]);
        assert_int_equal(answer.code, 1158);
        assert_non_null(strstr(answer.text, "whether the transaction took effect is unknown"));
        assert_int_equal(client_answer(&client).kind, ANSWER_END);
        client_close(&client);
        bench_close(&bench);
    }
}

// Trap 24. The statement commits what is open before it fails, or the server rolled it back: an
// error does not say.
static void an_error_that_may_have_ended_a_transaction_leaves_it_unknown(void **state)
{
    static const struct {
        const char *statement;
        unsigned code;
    } cases[] = {{"CREATE TABLE t (a INT)", 1050},
                 {"ALTER TABLE nowhere ADD a INT", 1146},
                 {"INSERT INTO t VALUES (1)", 1213}};
    (void)state;
    for (int i = 0; i < 6; i++) {
        struct bench bench;
        struct client client;
        const char *statement = cases[i / 2].statement;
        bench_open(&bench, NULL);
        client_open(&client, &bench);
        server_answer_status(&bench.servers[0], "BEGIN", in_transaction);
        server_answer_err(&bench.servers[0], statement, (uint16_t)cases[i / 2].code, "no");
        client_run(&client, "BEGIN");
        assert_query_error(&client, statement, (uint16_t)cases[i / 2].code);
        if (i % 2 == 0) {
            server_answer_cut(&bench.servers[0], "UPDATE", SLICE_NONE);
        } else { // between two statements
            stream_finish(&server_last_link(&bench.servers[0])->stream);
            turn_until(bench.loop, bench.reports > 0);
        }
        struct answer answer = client_query(&client, "UPDATE t SET a = 1");
        assert_int_equal(answer.code, 1158);
        assert_non_null(strstr(answer.text, "may have ended"));
        client_close(&client);
        bench_close(&bench);
    }
}

// A replica has the table that the temporary one covers up.
static void a_read_that_lost_what_its_session_held_runs_nowhere_else(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    client_run(&client, "CREATE TEMPORARY TABLE t (a INT)");
    server_answer_cut(&bench.servers[0], "SELECT", SLICE_NONE);
    struct answer answer = client_query(&client, "SELECT a FROM t");
    assert_int_equal(answer.code, 1158);
    assert_non_null(strstr(answer.text, "temporary_table"));
    assert_false(server_was_asked(&bench.servers[1], "SELECT a FROM t"));
    client_close(&client);
    bench_close(&bench);
}

static void a_write_that_lost_what_its_session_held_is_unknown_as_any(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    client_run(&client, "CREATE TEMPORARY TABLE u (a INT)");
    server_answer_cut(&bench.servers[0], "UPDATE", SLICE_NONE);
    struct answer answer = client_query(&client, "UPDATE t SET a = 1");
    assert_int_equal(answer.code, 1158);
    assert_non_null(strstr(answer.text, "whether it took effect is unknown"));
    assert_int_equal(client_answer(&client).kind, ANSWER_END);
    client_close(&client);
    bench_close(&bench);
}

// Between two statements: a ROLLBACK is what happened, anything else must not run.
static void a_transaction_lost_between_two_statements_is_told_at_the_next(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    server_answer_status(&bench.servers[0], "BEGIN", in_transaction);
    for (int round = 0; round < 2; round++) {
        int reports = bench.reports;
        client_run(&client, "BEGIN");
        stream_finish(&server_last_link(&bench.servers[0])->stream);
        turn_until(bench.loop, bench.reports > reports);
        notes_wipe(&bench);
        if (round == 0) {
            assert_query_error(&client, "UPDATE t SET a = 1", 1213);
        } else {
            assert_int_equal(client_query(&client, "ROLLBACK").kind, ANSWER_OK);
        }
        assert_string_equal(bench.servers[0].asked, "");
        assert_where(&client, "SELECT a FROM t", "db2");
    }
    client_close(&client);
    bench_close(&bench);
}

static void state_that_is_lost_with_its_server_ends_the_session(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    client_run(&client, "CREATE TEMPORARY TABLE u (a INT)");
    stream_finish(&server_last_link(&bench.servers[0])->stream);
    client.sequence = 0; // nobody asked
    struct answer answer = client_answer(&client);
    assert_int_equal(answer.code, 1158);
    assert_non_null(strstr(answer.text, "temporary_table"));
    assert_int_equal(client_answer(&client).kind, ANSWER_END);
    client_close(&client);
    bench_close(&bench);
}

// --- waiting -------------------------------------------------------------------------------------

static void a_write_waits_for_a_primary_and_goes_on_with_the_next_word(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    bench_topology(&bench, false);
    client_send(&client, COMMAND_QUERY, S("UPDATE t SET a = 1"));
    turn_until(bench.loop, strcmp(bench_shown(&bench).state, "holding") == 0);
    assert_false(server_was_asked(&bench.servers[0], "UPDATE t SET a = 1"));
    bench_topology(&bench, true);
    assert_int_equal(client_answer(&client).kind, ANSWER_OK);
    assert_true(server_was_asked(&bench.servers[0], "UPDATE t SET a = 1"));
    client_close(&client);
    bench_close(&bench);
}

// However often it is decided anew, a statement counts once: when it goes.
static void a_statement_that_waits_is_counted_and_logged_once(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, "[rule:watched]\nmatch = ^UPDATE\nlog = yes\n");
    client_open(&client, &bench);
    bench_topology(&bench, false);
    client_send(&client, COMMAND_QUERY, S("UPDATE t SET a = 1"));
    turn_until(bench.loop, strcmp(bench_shown(&bench).state, "holding") == 0);
    for (int i = 0; i < 3; i++) {
        bench_topology(&bench, false);
    }
    struct worker *worker = bench.workers[0];
    assert_int_equal(worker_rule_hits(worker, 0).count, 0);
    bench_topology(&bench, true);
    assert_int_equal(client_answer(&client).kind, ANSWER_OK);
    assert_int_equal(worker_rule_hits(worker, 0).count, 1);
    uint64_t routes = 0;
    for (int reason = 0; reason < ROUTE_REASON_COUNT; reason++) {
        routes += worker_route_count(worker, (enum route_reason)reason, ROUTE_PRIMARY);
    }
    assert_int_equal(routes, 1);
    char *lines = log_captured(bench.shared.log);
    char *line = strstr(lines, "rule.log");
    assert_non_null(line);
    assert_null(strstr(line + 1, "rule.log"));
    mem_free(lines);
    client_close(&client);
    bench_close(&bench);
}

static void waiting_has_an_end_that_says_what_is_missing(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, "[proxy]\nqueue_timeout = 20ms\n");
    client_open(&client, &bench);
    bench_topology(&bench, false);
    struct answer answer = client_query(&client, "UPDATE t SET a = 1");
    assert_int_equal(answer.code, 1290);
    assert_non_null(strstr(answer.text, "no primary"));
    assert_where(&client, "SELECT a FROM t", "db2");
    client_close(&client);
    bench_close(&bench);
}

// A BEGIN that is to write ends a READ ONLY transaction, and waits for a primary; the replica dies
// meanwhile. Nothing ran, and nothing is left of the transaction on either side.
static void a_replica_that_dies_while_a_begin_waits_takes_its_transaction_only(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    uint16_t read_only = in_transaction | STATUS_IN_READ_ONLY_TRANSACTION;
    server_answer_status(&bench.servers[1], "START TRANSACTION READ ONLY", read_only);
    server_answer_status(&bench.servers[0], "BEGIN", in_transaction);
    client_run(&client, "START TRANSACTION READ ONLY");
    bench_topology(&bench, false);
    client_send(&client, COMMAND_QUERY, S("BEGIN"));
    turn_until(bench.loop, strcmp(bench_shown(&bench).state, "holding") == 0);
    int reports = bench.reports;
    stream_finish(&server_last_link(&bench.servers[1])->stream);
    turn_until(bench.loop, bench.reports > reports);
    struct answer answer = client_answer(&client);
    assert_int_equal(answer.kind, ANSWER_ERR);
    assert_int_equal(answer.code, 1213);
    assert_string_equal(bench_shown(&bench).state, "idle");
    assert_false(bench_shown(&bench).in_transaction);
    bench_topology(&bench, true); // wakes nothing that waited
    assert_false(server_was_asked(&bench.servers[0], "BEGIN"));
    client_run(&client, "BEGIN");
    assert_true(bench_shown(&bench).in_transaction);
    client_close(&client);
    bench_close(&bench);
}

static void the_time_of_waiting_ends_with_waiting(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, "[proxy]\nqueue_timeout = 60ms\n");
    client_open(&client, &bench);
    bench_topology(&bench, false);
    client_send(&client, COMMAND_QUERY, S("UPDATE t SET a = 1"));
    turn_until(bench.loop, strcmp(bench_shown(&bench).state, "holding") == 0);
    server_answer(&bench.servers[0], "UPDATE", SLICE_NONE); // for now
    bench_topology(&bench, true);
    turn_until(bench.loop, server_was_asked(&bench.servers[0], "UPDATE t SET a = 1"));
    int64_t from_us = loop_now_us(bench.loop);
    tick_until(&bench, loop_now_us(bench.loop) > from_us + 100 * CLOCK_MS);
    assert_string_equal(bench_shown(&bench).state, "running");
    assert_null(strstr(bench.servers[0].asked, "KILL QUERY"));
    client_close(&client);
    bench_close(&bench);
}

// The time that a statement waited for a server is none that it ran.
static void query_timeout_counts_from_sending(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, "[proxy]\nquery_timeout = 50ms\n");
    client_open(&client, &bench);
    bench_topology(&bench, false);
    client_send(&client, COMMAND_QUERY, S("UPDATE t SET a = 1"));
    int64_t from_us = loop_now_us(bench.loop);
    tick_until(&bench, loop_now_us(bench.loop) > from_us + 100 * CLOCK_MS);
    server_answer(&bench.servers[0], "UPDATE", SLICE_NONE); // for now
    bench_topology(&bench, true);
    turn_until(bench.loop, server_was_asked(&bench.servers[0], "UPDATE t SET a = 1"));
    from_us = loop_now_us(bench.loop);
    tick_until(&bench, loop_now_us(bench.loop) > from_us + 10 * CLOCK_MS);
    assert_null(strstr(bench.servers[0].asked, "KILL QUERY"));

    // But then it counts: the server is told to end it, and the client why.
    turn_until(bench.loop, strstr(bench.servers[0].asked, "KILL QUERY") != NULL);
    assert_true(loop_now_us(bench.loop) >= from_us + 40 * CLOCK_MS);
    struct buffer interrupted = BUFFER_INIT;
    fake_write_err(&interrupted, 1317, "Query execution was interrupted");
    for (size_t i = 0; i < bench.servers[0].link_count; i++) {
        struct server_link *link = bench.servers[0].links[i];
        if (link->commands > 1 && !link->is_closed) { // not the one that told
            stream_send(&link->stream, buffer_ptr(&interrupted), buffer_len(&interrupted));
        }
    }
    struct answer answer = client_answer(&client);
    assert_int_equal(answer.code, 1969);
    assert_non_null(strstr(answer.text, "longer than 50 ms on server db1"));
    buffer_release(&interrupted);
    client_close(&client);
    bench_close(&bench);
}

// A server that is full lets nobody in who could end a statement: it is tried again while that
// runs.
static void an_order_that_could_not_be_given_is_given_later(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, "[proxy]\nquery_timeout = 20ms\n");
    client_open(&client, &bench);
    server_answer(&bench.servers[0], "UPDATE", SLICE_NONE); // for now
    client_send(&client, COMMAND_QUERY, S("UPDATE t SET a = 1"));
    turn_until(bench.loop, server_was_asked(&bench.servers[0], "UPDATE t SET a = 1"));
    bench.servers[0].refuse_login = 1040;
    size_t links = bench.servers[0].link_count;
    turn_until(bench.loop, bench.servers[0].link_count > links);
    links = bench.servers[0].link_count;
    turn_until(bench.loop, bench.servers[0].link_count > links); // once more
    assert_null(strstr(bench.servers[0].asked, "KILL QUERY"));
    bench.servers[0].refuse_login = 0;
    turn_until(bench.loop, strstr(bench.servers[0].asked, "KILL QUERY") != NULL);
    client_close(&client);
    bench_close(&bench);
}

// The next try, which is waited for, goes with it.
static void a_worker_that_ends_gives_no_orders_any_more(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, "[proxy]\nquery_timeout = 20ms\n");
    client_open(&client, &bench);
    server_answer(&bench.servers[0], "UPDATE", SLICE_NONE); // for now
    client_send(&client, COMMAND_QUERY, S("UPDATE t SET a = 1"));
    turn_until(bench.loop, server_was_asked(&bench.servers[0], "UPDATE t SET a = 1"));
    bench.servers[0].refuse_login = 1040;
    size_t links = bench.servers[0].link_count;
    turn_until(bench.loop, bench.servers[0].link_count > links);
    turn_until(bench.loop, bench.servers[0].links[links]->is_closed);
    client_close(&client); // while the next try is waited for
    bench_close(&bench);
}

static void a_paused_worker_holds_back_what_needs_a_connection(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    worker_pause(bench.workers[0], true);
    loop_turn(bench.loop);
    client_send(&client, COMMAND_QUERY, S("SELECT a FROM t"));
    turn_until(bench.loop, strcmp(bench_shown(&bench).state, "holding") == 0);
    worker_pause(bench.workers[0], false);
    assert_int_equal(client_answer(&client).kind, ANSWER_OK);
    client_close(&client);
    bench_close(&bench);
}

static void in_a_transaction_a_paused_worker_holds_nothing_back(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    server_answer_status(&bench.servers[0], "BEGIN", in_transaction);
    client_run(&client, "BEGIN");
    worker_pause(bench.workers[0], true);
    loop_turn(bench.loop);
    client_run(&client, "UPDATE t SET a = 1");
    client_close(&client);
    bench_close(&bench);
}

// --- clients that come and go --------------------------------------------------------------------

static void one_client_too_many_is_turned_away(void **state)
{
    struct bench bench;
    struct client clients[2];
    (void)state;
    bench_open(&bench, "[proxy]\nmax_clients = 1\n");
    client_open(&clients[0], &bench);
    client_open_as(&clients[1], &bench, "app", "", 0);
    assert_false(clients[1].is_in);
    client_close(&clients[1]);
    client_close(&clients[0]);
    client_open(&clients[0], &bench); // its place is free again
    client_close(&clients[0]);
    bench_close(&bench);
}

static void one_client_too_many_of_a_user_is_refused(void **state)
{
    struct bench bench;
    struct client clients[2];
    (void)state;
    bench_open(&bench, NULL);
    client_open_as(&clients[0], &bench, "other", "", 0);
    assert_true(clients[0].is_in);
    client_open_as(&clients[1], &bench, "other", "", 0);
    assert_false(clients[1].is_in);
    client_close(&clients[1]);
    client_open_as(&clients[1], &bench, "app", "", 0);
    assert_true(clients[1].is_in);
    client_close(&clients[1]);
    client_close(&clients[0]);
    bench_close(&bench);
}

static void a_draining_worker_lets_nobody_in_and_ends_who_stands_at_a_boundary(void **state)
{
    struct bench bench;
    struct client idle, busy, late;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&idle, &bench);
    client_open(&busy, &bench);
    server_answer_status(&bench.servers[0], "BEGIN", in_transaction);
    server_answer_status(&bench.servers[0], "UPDATE", in_transaction);
    client_run(&busy, "BEGIN");
    worker_drain(bench.workers[0]);
    idle.sequence = 0;
    assert_int_equal(client_answer(&idle).code, 1053);
    assert_int_equal(client_answer(&idle).kind, ANSWER_END);
    client_open_as(&late, &bench, "app", "", 0);
    assert_false(late.is_in);
    client_run(&busy, "UPDATE t SET a = 1"); // its transaction may end
    client_run(&busy, "COMMIT");
    busy.sequence = 0;
    assert_int_equal(client_answer(&busy).code, 1053);
    client_close(&idle);
    client_close(&busy);
    client_close(&late);
    bench_close(&bench);
}

static void a_client_that_goes_away_leaves_no_transaction_behind(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    server_answer_status(&bench.servers[0], "BEGIN", in_transaction);
    client_run(&client, "BEGIN");
    notes_wipe(&bench);
    client_close(&client);
    turn_until(bench.loop, strstr(bench.servers[0].asked, "C:31") != NULL); // a reset
    bench_close(&bench);
}

// A question that goes round the workers may be anywhere when they end: what is left of it finds
// its memory, and no worker that is gone already. (The sanitizer looks.)
static void workers_end_whatever_they_still_have_to_tell_each_other(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    client_send(&client, COMMAND_QUERY, S("SHOW PROCESSLIST"));
    turn_until(bench.loop, strcmp(bench_shown(&bench).state, "holding") == 0);
    loop_turn(bench.loop); // it goes from the first to the second, who has no turn any more
    client_close(&client);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_go_to_the_replica_and_writes_to_the_primary),
        cmocka_unit_test(a_transaction_is_what_the_status_flags_say),
        cmocka_unit_test(without_autocommit_reads_stay_on_the_primary),
        cmocka_unit_test(a_read_only_transaction_stays_on_one_replica_and_refuses_writes),
        cmocka_unit_test(a_primary_that_says_it_is_read_only_is_reported),
        cmocka_unit_test(the_status_flags_of_sluice_s_own_packets_are_the_session_s),
        cmocka_unit_test(a_read_that_lost_its_server_runs_again),
        cmocka_unit_test(a_write_that_lost_its_server_does_not_run_again),
        cmocka_unit_test(a_transaction_that_lost_its_server_is_told_once),
        cmocka_unit_test(what_commits_by_the_way_may_have_taken_effect),
        cmocka_unit_test(an_error_that_may_have_ended_a_transaction_leaves_it_unknown),
        cmocka_unit_test(a_read_that_lost_what_its_session_held_runs_nowhere_else),
        cmocka_unit_test(a_write_that_lost_what_its_session_held_is_unknown_as_any),
        cmocka_unit_test(a_transaction_lost_between_two_statements_is_told_at_the_next),
        cmocka_unit_test(state_that_is_lost_with_its_server_ends_the_session),
        cmocka_unit_test(a_write_waits_for_a_primary_and_goes_on_with_the_next_word),
        cmocka_unit_test(a_statement_that_waits_is_counted_and_logged_once),
        cmocka_unit_test(waiting_has_an_end_that_says_what_is_missing),
        cmocka_unit_test(a_replica_that_dies_while_a_begin_waits_takes_its_transaction_only),
        cmocka_unit_test(the_time_of_waiting_ends_with_waiting),
        cmocka_unit_test(query_timeout_counts_from_sending),
        cmocka_unit_test(an_order_that_could_not_be_given_is_given_later),
        cmocka_unit_test(a_worker_that_ends_gives_no_orders_any_more),
        cmocka_unit_test(a_paused_worker_holds_back_what_needs_a_connection),
        cmocka_unit_test(in_a_transaction_a_paused_worker_holds_nothing_back),
        cmocka_unit_test(one_client_too_many_is_turned_away),
        cmocka_unit_test(one_client_too_many_of_a_user_is_refused),
        cmocka_unit_test(a_draining_worker_lets_nobody_in_and_ends_who_stands_at_a_boundary),
        cmocka_unit_test(a_client_that_goes_away_leaves_no_transaction_behind),
        cmocka_unit_test(workers_end_whatever_they_still_have_to_tell_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
