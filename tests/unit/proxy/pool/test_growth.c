// How a pool finds out how many connections are worth having: servers that can do more side by
// side, and such that cannot, as far as the numbers go.
#include "proxy/pool/growth.h"

#include "tests/lib/cmocka.h"

#include "proxy/base/clock.h"

#include <stdlib.h>

// Statements a millisecond that come back from a server with that many connections.
typedef double server_fn(uint32_t connections);

static double of_two_cores(uint32_t connections)
{
    return 2.0 * (connections < 2 ? connections : 2);
}

// Each statement waits ten milliseconds for a disk, of which there are enough.
static double of_many_disks(uint32_t connections)
{
    return 0.1 * connections;
}

static double of_twenty_disks(uint32_t connections)
{
    return 0.1 * (connections < 20 ? connections : 20);
}

// Sessions wait: whether one more connection is opened.
static bool grows(struct growth *growth, uint32_t there, uint64_t others, int64_t now_us)
{
    if (growth_is_due(growth, there, now_us)) {
        growth_judge(growth, others, now_us);
    }
    return growth_allows(growth, there);
}

// Sessions wait all the time. What comes back is uneven, as it is.
static uint32_t run(struct growth *growth, server_fn *server, uint32_t there, int64_t seconds,
                    int64_t *now_us)
{
    double due = 0;
    uint64_t sum = 0;
    uint64_t looks = 0;
    int64_t until_us = *now_us + seconds * CLOCK_SECOND;
    for (; *now_us < until_us; *now_us += CLOCK_MS) {
        due += server(there) * (0.5 + (rand() % 1000) / 1000.0);
        for (; due >= 1; due--) {
            growth_came(growth);
        }
        if (growth_is_surplus(growth, there)) {
            there--;
        } else if (*now_us / CLOCK_MS % 20 == 0 && grows(growth, there, 0, *now_us)) {
            there++;
        }
        if (*now_us > until_us - CLOCK_SECOND) {
            sum += there;
            looks++;
        }
    }
    return (uint32_t)((sum + looks / 2) / looks);
}

static uint32_t settled(server_fn *server, int64_t seconds)
{
    struct growth growth;
    int64_t now_us = 1000 * CLOCK_SECOND;
    srand(1);
    growth_init(&growth);
    return run(&growth, server, 1, seconds, &now_us);
}

static void a_server_that_does_no_more_side_by_side_gets_few(void **state)
{
    (void)state;
    assert_in_range(settled(of_two_cores, 5), GROWTH_FREE, GROWTH_FREE + 2);
    assert_in_range(settled(of_two_cores, 300), GROWTH_FREE, GROWTH_FREE + 2);
}

// Somebody else takes the machine for a moment, again and again.
static void a_machine_that_others_use_too_opens_no_more(void **state)
{
    struct growth growth;
    int64_t now_us = 1000 * CLOCK_SECOND;
    uint32_t there = GROWTH_FREE;
    double share = 1, due = 0;
    unsigned above = 0, looks = 0;
    (void)state;
    srand(1);
    growth_init(&growth);
    for (int ms = 0; ms < 600 * 1000; ms++, now_us += CLOCK_MS) {
        share = ms % 130 == 0 ? 0.3 + rand() % 700 / 1000.0 : share;
        for (due += 4 * share; due >= 1; due--) {
            growth_came(&growth);
        }
        if (growth_is_surplus(&growth, there)) {
            there--;
        } else if (grows(&growth, there, 0, now_us)) {
            there++;
        }
        above += there > GROWTH_FREE + 2; // more than a trial's
        looks++;
    }
    assert_in_range(above, 0, looks / 200);
}

static void a_server_that_waits_gets_as_many_as_it_can_use(void **state)
{
    (void)state;
    assert_in_range(settled(of_twenty_disks, 60), 17, 26);
    assert_in_range(settled(of_many_disks, 40), 30, 10000);
}

static void what_was_right_for_one_load_is_unlearnt_for_another(void **state)
{
    struct growth growth;
    int64_t now_us = 1000 * CLOCK_SECOND;
    (void)state;
    srand(1);
    growth_init(&growth);
    uint32_t there = run(&growth, of_twenty_disks, 1, 60, &now_us);
    assert_true(there >= 17);
    there = run(&growth, of_two_cores, there, 60, &now_us);
    assert_in_range(there, GROWTH_FREE, 8);
    there = run(&growth, of_twenty_disks, there, 60, &now_us);
    assert_in_range(there, 17, 26);
}

// Workers before one server: each connection gets an equal share of what that does, and whoever has
// more of them gets more.
static void what_others_lose_is_not_won(void **state)
{
    enum { WORKERS = 8, SECONDS = 120 };
    struct growth growths[WORKERS];
    uint32_t there[WORKERS] = {0}, connections = 0;
    uint64_t came[WORKERS] = {0}, all = 0;
    double due[WORKERS] = {0};
    int64_t begin_us = 1000 * CLOCK_SECOND;
    uint64_t sum = 0;
    (void)state;
    srand(1);
    for (int i = 0; i < WORKERS; i++) {
        growth_init(&growths[i]);
        connections += there[i] = 1;
    }
    for (int64_t ms = 0; ms < SECONDS * 1000; ms++) {
        double rate = 80 * (0.5 + (rand() % 1000) / 1000.0) / connections;
        for (int i = 0; i < WORKERS; i++) {
            int64_t now_us = begin_us + ms * CLOCK_MS;
            if (ms < i * 300) {
                continue; // they do not begin together
            }
            for (due[i] += rate * there[i]; due[i] >= 1; due[i]--, came[i]++, all++) {
                growth_came(&growths[i]);
            }
            connections -= there[i];
            if (growth_is_surplus(&growths[i], there[i])) {
                there[i]--;
            } else if (grows(&growths[i], there[i], all - came[i], now_us)) {
                there[i]++;
            }
            connections += there[i];
        }
        sum += connections;
    }
    assert_true(sum / SECONDS / 1000 < WORKERS * (GROWTH_FREE + 1));
}

// Nobody waits any more while more connections are tried: what the next load needs is unknown.
static void a_trial_that_the_load_left_is_taken_back(void **state)
{
    struct growth growth;
    int64_t now_us = 1000 * CLOCK_SECOND;
    (void)state;
    growth_init(&growth);
    while (growth.state != GROWTH_UP) {
        growth_came(&growth);
        (void)grows(&growth, GROWTH_FREE, 0, now_us);
        now_us += CLOCK_MS;
    }
    assert_true(grows(&growth, GROWTH_FREE, 0, now_us));
    assert_false(grows(&growth, GROWTH_FREE, 0, now_us + 10 * CLOCK_SECOND));
    assert_int_equal(growth.most, GROWTH_FREE);
}

static void the_first_few_are_not_asked_for_what_they_bring(void **state)
{
    struct growth growth;
    (void)state;
    growth_init(&growth);
    for (uint32_t there = 0; there < GROWTH_FREE; there++) {
        assert_true(grows(&growth, there, 0, 0));
        assert_false(growth_is_surplus(&growth, there));
    }
    assert_false(grows(&growth, GROWTH_FREE, 0, 0));
    assert_false(growth_is_surplus(&growth, GROWTH_FREE));
    assert_true(growth_is_surplus(&growth, GROWTH_FREE + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_does_no_more_side_by_side_gets_few),
        cmocka_unit_test(a_machine_that_others_use_too_opens_no_more),
        cmocka_unit_test(a_server_that_waits_gets_as_many_as_it_can_use),
        cmocka_unit_test(what_was_right_for_one_load_is_unlearnt_for_another),
        cmocka_unit_test(what_others_lose_is_not_won),
        cmocka_unit_test(a_trial_that_the_load_left_is_taken_back),
        cmocka_unit_test(the_first_few_are_not_asked_for_what_they_bring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
