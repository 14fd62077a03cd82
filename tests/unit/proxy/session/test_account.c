// Passwords and schemas that servers have taken: learnt by one worker, known to all, and forgotten
// by all.
#include "proxy/session/session_priv.h"

#include "tests/unit/proxy/session/bench.h"

static void learn(struct bench *bench, const char *user)
{
    struct secret *secret = secret_from_password(S("secret"));
    account_learn(bench->workers[0], slice_text(user), secret);
    secret_unref(&secret);
    bench_turn_others(bench);
}

static bool is_known(const struct bench *bench, unsigned worker, const char *user)
{
    return account_find(bench->workers[worker], slice_text(user)) != NULL;
}

static bool is_known_to_all(const struct bench *bench, const char *user)
{
    return is_known(bench, 0, user) && is_known(bench, 1, user);
}

static bool is_known_to_nobody(const struct bench *bench, const char *user)
{
    return !is_known(bench, 0, user) && !is_known(bench, 1, user);
}

static void what_one_worker_learns_or_forgets_all_do(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, NULL);
    learn(&bench, "ann");
    learn(&bench, "bob");
    assert_true(is_known_to_all(&bench, "ann") && is_known_to_all(&bench, "bob"));
    assert_true(is_known_to_nobody(&bench, "an"));

    struct secret *secret = secret_from_password(S("secret"));
    uint8_t hash[SHA256_SIZE];
    assert_true(secret_sha2_hash(secret, hash));
    for (unsigned i = 0; i < BENCH_WORKERS; i++) {
        const struct account_entry *entry = account_find(bench.workers[i], S("ann"));
        assert_memory_equal(entry->sha2_hash, hash, sizeof(hash));
        assert_true(entry->has_native_hash);
    }
    secret_unref(&secret);

    account_forget(bench.workers[1], S("ann"));
    loop_turn(bench.loop);
    assert_true(is_known_to_nobody(&bench, "ann") && is_known_to_all(&bench, "bob"));
    learn(&bench, "ann");
    account_forget(bench.workers[0], SLICE_NONE); // everybody
    bench_turn_others(&bench);
    assert_true(is_known_to_nobody(&bench, "ann") && is_known_to_nobody(&bench, "bob"));
    bench_close(&bench);
}

static void a_password_is_trusted_for_twice_the_time_of_a_recheck(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, "[auth]\nrecheck = 20ms\n");
    int64_t from_us = loop_now_us(bench.loop);
    learn(&bench, "ann");
    const struct account_entry *entry = account_find(bench.workers[0], S("ann"));
    assert_true(account_is_trusted(bench.workers[0], entry));
    tick_until(&bench, !account_is_trusted(bench.workers[0], entry));
    assert_true(loop_now_us(bench.loop) - from_us >= 40 * CLOCK_MS);
    bench_close(&bench);
}

static void schemas_are_known_by_user_until_forgotten(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, NULL);
    struct worker *worker = bench.workers[0];
    account_add_schema(worker, S("ann"), S("shop"));
    assert_true(account_has_schema(worker, S("ann"), S("shop")));
    assert_false(account_has_schema(worker, S("ann"), S("other")));
    assert_false(account_has_schema(worker, S("bob"), S("shop")));
    assert_false(account_has_schema(worker, S("an"), S("nshop"))); // user and schema are apart
    account_add_schema(bench.workers[1], S("ann"), S("shop"));
    account_forget_schemas(worker);
    bench_turn_others(&bench);
    assert_false(account_has_schema(worker, S("ann"), S("shop")));
    assert_false(account_has_schema(bench.workers[1], S("ann"), S("shop")));

    account_add_schema(worker, S("ann"), S("shop"));
    account_forget(worker, S("bob")); // privileges changed, and nobody says which
    assert_false(account_has_schema(worker, S("ann"), S("shop")));
    bench_close(&bench);
}

// --- by logins and statements --------------------------------------------------------------------

static void a_stranger_s_login_is_tried_on_the_primary_once(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    for (int i = 0; i < 2; i++) {
        client_open_as(&client, &bench, "stranger", "", 0);
        assert_true(client.is_in);
        client_close(&client);
        assert_int_equal(bench.servers[0].link_count, 1); // then it is known
    }
    assert_int_equal(bench.servers[1].link_count, 0);
    bench_turn_others(&bench);
    assert_true(is_known_to_all(&bench, "stranger"));
    bench_close(&bench);
}

static void the_right_password_that_a_server_refuses_is_forgotten(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, "[auth]\nrecheck = 1ms\n");
    learn(&bench, "stranger");
    const struct account_entry *entry = account_find(bench.workers[0], S("stranger"));
    tick_until(&bench, !account_is_trusted(bench.workers[0], entry));
    bench.servers[0].refuse_login = 1045;
    client_open_as(&client, &bench, "stranger", "", 0);
    assert_false(client.is_in);
    client_close(&client);
    bench_turn_others(&bench);
    assert_true(is_known_to_nobody(&bench, "stranger"));
    bench_close(&bench);
}

static void the_server_s_refusal_is_the_client_s(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    bench.servers[0].refuse_login = 1045;
    client_open_as(&client, &bench, "stranger", "", 0);
    assert_false(client.is_in);
    assert_true(is_known_to_nobody(&bench, "stranger"));
    client_close(&client);
    bench_close(&bench);
}

static void without_a_primary_a_replica_is_asked(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    bench_topology(&bench, false);
    client_open_as(&client, &bench, "stranger", "", 0);
    assert_true(client.is_in);
    assert_int_equal(bench.servers[0].link_count, 0);
    assert_int_equal(bench.servers[1].link_count, 1);
    client_close(&client);
    bench_close(&bench);
}

static void an_account_changed_by_a_statement_is_forgotten(void **state)
{
    static const struct {
        const char *statement;
        bool forgets_ann, forgets_bob;
    } cases[] = {
        {"DROP USER ann", true, false},
        {"ALTER USER ann IDENTIFIED BY 'x'", true, false},
        {"REVOKE SELECT ON *.* FROM ann, bob", true, true},
        {"FLUSH PRIVILEGES", true, true},
        {"UPDATE t SET a = 1", false, false},
    };
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        learn(&bench, "ann");
        learn(&bench, "bob");
        client_run(&client, cases[i].statement);
        if (cases[i].forgets_ann) {
            bench_turn_others(&bench);
        }
        if (is_known_to_nobody(&bench, "ann") != cases[i].forgets_ann ||
            is_known_to_nobody(&bench, "bob") != cases[i].forgets_bob) {
            fail_msg("%s", cases[i].statement);
        }
    }
    server_answer_err(&bench.servers[0], "DROP USER", 1396, "no such user");
    learn(&bench, "ann");
    assert_query_error(&client, "DROP USER ann", 1396);
    assert_true(is_known_to_all(&bench, "ann"));
    learn(&bench, "bob");
    assert_query_error(&client, "DROP USER ann, bob", 1396); // one of them may be gone
    bench_turn_others(&bench);
    assert_true(is_known_to_nobody(&bench, "ann"));
    assert_true(is_known_to_nobody(&bench, "bob"));
    client_close(&client);
    bench_close(&bench);
}

// A login in the background, one at a time: a password that is right still is learnt anew, one that
// is not is forgotten, and a server that is away says nothing about it.
static void a_password_is_asked_for_again_in_the_background(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, "[auth]\nrecheck = 5ms\n");
    struct scripted_server *primary = &bench.servers[0];
    learn(&bench, "ann");
    int64_t learnt_us = account_find(bench.workers[0], S("ann"))->verified_us;
    account_recheck(bench.workers[0], S("ann")); // too early
    bench_tick(&bench);
    assert_int_equal(primary->link_count, 0);
    tick_until(&bench, (account_recheck(bench.workers[0], S("ann")), primary->link_count > 0));
    account_recheck(bench.workers[0], S("ann")); // one at a time
    tick_until(&bench, account_find(bench.workers[0], S("ann"))->verified_us > learnt_us);
    assert_int_equal(primary->link_count, 1);

    primary->refuse_login = 1040; // full: nothing about the password
    tick_until(&bench, (account_recheck(bench.workers[0], S("ann")), primary->link_count == 2));
    tick_until(&bench, server_links_open(primary) == 0);
    assert_true(is_known_to_all(&bench, "ann"));

    primary->refuse_login = 0; // it is asked again until it says something about it
    learnt_us = account_find(bench.workers[0], S("ann"))->verified_us;
    tick_until(&bench, (account_recheck(bench.workers[0], S("ann")),
                        account_find(bench.workers[0], S("ann"))->verified_us > learnt_us));
    bench_close(&bench);
}

static void a_password_that_is_wrong_by_now_is_forgotten(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, "[auth]\nrecheck = 1ms\n");
    learn(&bench, "ann");
    bench.servers[0].refuse_login = 1045;
    tick_until(&bench,
               (account_recheck(bench.workers[0], S("ann")), is_known_to_nobody(&bench, "ann")));
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_worker_learns_or_forgets_all_do),
        cmocka_unit_test(a_password_is_trusted_for_twice_the_time_of_a_recheck),
        cmocka_unit_test(schemas_are_known_by_user_until_forgotten),
        cmocka_unit_test(a_stranger_s_login_is_tried_on_the_primary_once),
        cmocka_unit_test(the_right_password_that_a_server_refuses_is_forgotten),
        cmocka_unit_test(the_server_s_refusal_is_the_client_s),
        cmocka_unit_test(without_a_primary_a_replica_is_asked),
        cmocka_unit_test(an_account_changed_by_a_statement_is_forgotten),
        cmocka_unit_test(a_password_is_asked_for_again_in_the_background),
        cmocka_unit_test(a_password_that_is_wrong_by_now_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
