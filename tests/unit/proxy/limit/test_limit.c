#include "proxy/limit/limit.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

static struct limit_tokens *set_of(const char *name, uint32_t max, struct limit_tokens *before)
{
    struct limit_row row = {slice_text(name), max};
    return limit_tokens_create(&row, 1, before);
}

static void takes_up_to_the_limit_and_not_one_more(void **state)
{
    (void)state;
    struct limit_tokens *tokens = set_of("app", 2, NULL);
    struct limit_token a = LIMIT_TOKEN_NONE;
    struct limit_token b = LIMIT_TOKEN_NONE;
    struct limit_token c = LIMIT_TOKEN_NONE;

    assert_true(limit_take(tokens, 0, &a));
    assert_true(limit_take(tokens, 0, &b));
    assert_false(limit_take(tokens, 0, &c));
    assert_null(c.counter);
    assert_int_equal(limit_used(tokens, 0), 2);
    limit_give(&a);
    limit_give(&a);
    assert_int_equal(limit_used(tokens, 0), 1);
    assert_true(limit_take(tokens, 0, &c));
    limit_give(&b);
    limit_give(&c);
    limit_tokens_unref(tokens);
}

static void without_a_limit_it_only_counts(void **state)
{
    (void)state;
    struct limit_tokens *tokens = set_of("clients", LIMIT_NONE, NULL);
    struct limit_token taken[100] = {LIMIT_TOKEN_NONE};

    for (size_t i = 0; i < 100; i++) {
        assert_true(limit_take(tokens, 0, &taken[i]));
    }
    assert_int_equal(limit_used(tokens, 0), 100);
    for (size_t i = 0; i < 100; i++) {
        limit_give(&taken[i]);
    }
    assert_int_equal(limit_used(tokens, 0), 0);
    limit_tokens_unref(tokens);
}

static void names_are_found_by_their_row(void **state)
{
    (void)state;
    struct limit_row rows[] = {{S("db1"), 1}, {S("db2"), 2}, {S("db3"), 3}};
    struct limit_tokens *tokens = limit_tokens_create(rows, 3, NULL);

    assert_int_equal(limit_find(tokens, S("db3")), 2);
    assert_int_equal(limit_max(tokens, 1), 2);
    assert_int_equal(limit_find(tokens, S("db")), -1);
    assert_int_equal(limit_find(tokens, SLICE_NONE), -1);
    limit_tokens_unref(tokens);
}

static void a_reload_that_moves_rows_keeps_what_is_taken(void **state)
{
    (void)state;
    struct limit_row old_rows[] = {{S("db1"), 5}, {S("db2"), 5}};
    struct limit_row new_rows[] = {{S("db0"), 5}, {S("db2"), 1}};
    struct limit_tokens *old = limit_tokens_create(old_rows, 2, NULL);
    struct limit_token first = LIMIT_TOKEN_NONE;
    struct limit_token second = LIMIT_TOKEN_NONE;
    struct limit_token third = LIMIT_TOKEN_NONE;

    assert_true(limit_take(old, 0, &first));
    assert_true(limit_take(old, 1, &second));
    struct limit_tokens *now = limit_tokens_create(new_rows, 2, old);
    assert_int_equal(limit_used(now, 0), 0);
    assert_int_equal(limit_used(now, 1), 1);
    assert_false(limit_take(now, 1, &third));
    limit_tokens_unref(old);
    limit_give(&first); // of a name that is no more
    limit_give(&second);
    assert_int_equal(limit_used(now, 1), 0);
    assert_true(limit_take(now, 1, &third));
    limit_give(&third);
    limit_tokens_unref(now);
}

static void a_lower_limit_waits_until_tokens_come_back(void **state)
{
    (void)state;
    struct limit_tokens *old = set_of("app", 3, NULL);
    struct limit_token taken[3] = {LIMIT_TOKEN_NONE};
    struct limit_token more = LIMIT_TOKEN_NONE;

    for (size_t i = 0; i < 3; i++) {
        assert_true(limit_take(old, 0, &taken[i]));
    }
    struct limit_tokens *now = set_of("app", 1, old);
    limit_tokens_unref(old);
    limit_give(&taken[0]);
    limit_give(&taken[1]);
    assert_false(limit_take(now, 0, &more));
    limit_give(&taken[2]);
    assert_true(limit_take(now, 0, &more));
    limit_give(&more);
    limit_tokens_unref(now);
}

// A reload that only checks, or is refused, makes a set too.
static void a_set_that_was_made_and_thrown_away_has_changed_nothing(void **state)
{
    (void)state;
    struct limit_tokens *tokens = set_of("app", 2, NULL);
    struct limit_token a = LIMIT_TOKEN_NONE;
    struct limit_token b = LIMIT_TOKEN_NONE;
    struct limit_token c = LIMIT_TOKEN_NONE;

    assert_true(limit_take(tokens, 0, &a));
    struct limit_tokens *lower = set_of("app", 1, tokens);
    struct limit_tokens *higher = set_of("app", LIMIT_NONE, tokens);
    assert_int_equal(limit_max(tokens, 0), 2);
    assert_true(limit_take(tokens, 0, &b));
    assert_false(limit_take(tokens, 0, &c));
    limit_tokens_unref(lower);
    limit_tokens_unref(higher);
    assert_int_equal(limit_max(tokens, 0), 2);
    assert_int_equal(limit_used(tokens, 0), 2);
    limit_give(&a);
    assert_true(limit_take(tokens, 0, &c));
    limit_give(&b);
    limit_give(&c);
    limit_tokens_unref(tokens);
}

// --- four threads -------------------------------------------------------------------------------

enum { THREADS = 4, ROUNDS = 20000, MAX = 3 };

struct race {
    struct limit_tokens *tokens;
    atomic_int held;
    atomic_int most;
    atomic_int got;
};

static void note_most(struct race *race, int held)
{
    int most = atomic_load(&race->most);
    while (held > most && !atomic_compare_exchange_weak(&race->most, &most, held)) {
    }
}

static void *take_and_give(void *arg)
{
    struct race *race = arg;
    for (int i = 0; i < ROUNDS; i++) {
        struct limit_token token = LIMIT_TOKEN_NONE;
        if (limit_take(race->tokens, 0, &token)) {
            note_most(race, atomic_fetch_add(&race->held, 1) + 1);
            atomic_fetch_add(&race->got, 1);
            atomic_fetch_sub(&race->held, 1);
            limit_give(&token);
        }
    }
    limit_tokens_unref(race->tokens);
    return NULL;
}

static void threads_never_hold_more_than_the_limit(void **state)
{
    (void)state;
    struct race race = {.tokens = set_of("db1", MAX, NULL)};
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++) {
        limit_tokens_ref(race.tokens);
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &race), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_true(atomic_load(&race.most) <= MAX);
    assert_true(atomic_load(&race.got) >= ROUNDS);
    assert_int_equal(limit_used(race.tokens, 0), 0);
    limit_tokens_unref(race.tokens);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_up_to_the_limit_and_not_one_more),
        cmocka_unit_test(without_a_limit_it_only_counts),
        cmocka_unit_test(names_are_found_by_their_row),
        cmocka_unit_test(a_reload_that_moves_rows_keeps_what_is_taken),
        cmocka_unit_test(a_lower_limit_waits_until_tokens_come_back),
        cmocka_unit_test(a_set_that_was_made_and_thrown_away_has_changed_nothing),
        cmocka_unit_test(threads_never_hold_more_than_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
