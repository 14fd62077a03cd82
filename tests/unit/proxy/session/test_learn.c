// Statements that need what the catalogue does not say yet: they wait for it, not for ever, and
// what it did not say in time counts as not known.
#include "router/catalogue/builder.h"
#include "router/statement/statement.h"

#include "tests/unit/proxy/session/bench.h"

// With a procedure p that sets @a, as of so many changes.
static void catalogue_comes(struct bench *bench, uint64_t changes, const char *body)
{
    struct slice routine[] = {S("shop"), S("p"), S("PROCEDURE"), S(""), slice_text(body)};
    struct catalogue_builder *builder = catalogue_builder_create();
    catalogue_builder_set_changes(builder, changes);
    assert_true(catalogue_builder_row(builder, CATALOGUE_QUERY_ROUTINES, routine, 5));
    for (int id = 0; id < CATALOGUE_QUERY_COUNT; id++) {
        catalogue_builder_done(builder, (enum catalogue_query_id)id);
    }
    const struct catalogue *catalogue = catalogue_builder_finish(&builder, statement_inspect);
    for (int i = 0; i < BENCH_WORKERS; i++) {
        worker_set_catalogue(bench->workers[i], catalogue);
    }
    catalogue_unref(catalogue);
}

static bool is_learning(const struct bench *bench)
{
    return strcmp(bench_shown(bench).state, "learning") == 0;
}

static void begin(struct bench *bench, struct client *client, uint64_t changes)
{
    bench_open(bench, NULL);
    atomic_store(&bench->shared.catalogue_changes, changes);
    client_open_as(client, bench, "app", "shop", CAPABILITY_MULTI_STATEMENTS);
}

static void end(struct bench *bench, struct client *client)
{
    client_close(client);
    bench_close(bench);
}

static void a_call_waits_for_the_first_catalogue(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    begin(&bench, &client, 1);
    client_run(&client, "SELECT a FROM t"); // which needs none
    client_send(&client, COMMAND_QUERY, S("CALL p()"));
    tick_until(&bench, is_learning(&bench));
    assert_false(server_was_asked(&bench.servers[0], "CALL p()"));
    catalogue_comes(&bench, 1, "SELECT 1");
    assert_int_equal(client_answer(&client).kind, ANSWER_OK);
    assert_string_equal(bench_shown(&bench).pin, "");
    end(&bench, &client);
}

// A catalogue that was being read when the change came does not have it.
static void a_catalogue_of_before_the_change_is_not_enough(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    begin(&bench, &client, 0);
    catalogue_comes(&bench, 0, "SELECT 1");
    client_run(&client, "CREATE PROCEDURE p() CALL q()");
    assert_int_equal(bench.catalogue_changes, 1);
    client_run(&client, "SELECT 1"); // names no table
    client_send(&client, COMMAND_QUERY, S("CALL p()"));
    tick_until(&bench, is_learning(&bench));
    catalogue_comes(&bench, 0, "SELECT 1");
    for (int i = 0; i < 10; i++) {
        bench_tick(&bench);
    }
    assert_true(is_learning(&bench));
    catalogue_comes(&bench, 1, "CALL q()");
    assert_int_equal(client_answer(&client).kind, ANSWER_OK);
    assert_string_equal(bench_shown(&bench).pin, "procedure"); // q is not there
    end(&bench, &client);
}

static void what_does_not_come_in_time_is_not_known_and_nobody_waits_for_it_again(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    begin(&bench, &client, 0);
    catalogue_comes(&bench, 0, "SELECT 1");
    client_run(&client, "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET @a = 1");
    client_send(&client, COMMAND_QUERY, S("INSERT INTO t VALUES (1)"));
    tick_until(&bench, is_learning(&bench));
    assert_int_equal(client_answer(&client).kind, ANSWER_OK); // two seconds later
    assert_string_equal(bench_shown(&bench).pin, "procedure");
    assert_int_equal(client_command(&client, COMMAND_RESET_CONNECTION, SLICE_NONE).kind, ANSWER_OK);
    client_send(&client, COMMAND_QUERY, S("INSERT INTO t VALUES (2)"));
    tick_until(&bench, server_was_asked(&bench.servers[0], "INSERT INTO t VALUES (2)") ||
                           is_learning(&bench));
    assert_false(is_learning(&bench));
    assert_int_equal(client_answer(&client).kind, ANSWER_OK);
    end(&bench, &client);
}

static void who_waits_can_leave(void **state)
{
    struct bench bench;
    struct client client, other;
    (void)state;
    begin(&bench, &client, 1);
    client_open_as(&other, &bench, "other", "shop", 0);
    client_send(&other, COMMAND_QUERY, S("CALL p()"));
    client_send(&client, COMMAND_QUERY, S("CALL p()"));
    for (int i = 0; i < 10; i++) {
        bench_tick(&bench);
    }
    client_close(&other);
    tick_until(&bench, bench_shown(&bench).sessions == 1);
    assert_true(is_learning(&bench));
    catalogue_comes(&bench, 1, "SELECT 1");
    assert_int_equal(client_answer(&client).kind, ANSWER_OK);
    end(&bench, &client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_waits_for_the_first_catalogue),
        cmocka_unit_test(a_catalogue_of_before_the_change_is_not_enough),
        cmocka_unit_test(what_does_not_come_in_time_is_not_known_and_nobody_waits_for_it_again),
        cmocka_unit_test(who_waits_can_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
