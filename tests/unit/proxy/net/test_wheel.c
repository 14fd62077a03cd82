#include "proxy/net/wheel.h"

#include "proxy/base/memory.h"
#include "proxy/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct wheel wheel;

static void wheel_at(uint64_t now)
{
    wheel_init(&wheel);
    wheel.now = now;
}

static struct timer *first_due(uint64_t tick)
{
    struct list due;
    list_init(&due);
    wheel_advance(&wheel, tick, &due);
    struct list *link = list_pop_front(&due);
    assert_true(list_is_empty(&due));
    return link != NULL ? list_entry(link, struct timer, link) : NULL;
}

// Turns as a loop does: only when the wheel says that there is something to do.
static uint64_t tick_when_due(struct timer *timer, unsigned *wakes)
{
    *wakes = 0;
    for (;;) {
        uint64_t next = wheel_next(&wheel);
        assert_int_not_equal(next, WHEEL_NEVER);
        assert_true(next > wheel.now);
        ++*wakes;
        struct timer *due = first_due(next);
        if (due != NULL) {
            assert_ptr_equal(due, timer);
            return next;
        }
    }
}

static void an_empty_wheel_has_nothing_to_do(void **state)
{
    (void)state;
    wheel_at(5);
    assert_int_equal(wheel_next(&wheel), WHEEL_NEVER);
    assert_null(first_due(1000000));
    assert_int_equal(wheel.now, 1000000);
}

static void timers_come_exactly_at_their_tick_from_every_ring(void **state)
{
    (void)state;
    static const uint64_t starts[] = {0,
                                      1,
                                      62,
                                      63,
                                      64,
                                      4095,
                                      4096,
                                      262143,
                                      123456789,
                                      ((uint64_t)1 << 36) - 1,
                                      (uint64_t)1 << 36,
                                      ((uint64_t)1 << 40) + 12345};
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
        for (unsigned bits = 0; bits < 36; bits++) {
            for (int off = -1; off <= 1; off++) {
                uint64_t delay = ((uint64_t)1 << bits) + (uint64_t)off;
                unsigned wakes;
                struct timer timer;
                if (delay == 0) {
                    continue;
                }
                wheel_at(starts[i]);
                timer_init(&timer, NULL);
                wheel_put(&wheel, &timer, starts[i] + delay);
                assert_int_equal(tick_when_due(&timer, &wakes), starts[i] + delay);
                assert_true(wakes <= WHEEL_RINGS);
            }
        }
    }
}

static void a_tick_that_has_passed_is_the_next_one(void **state)
{
    (void)state;
    struct timer timer;
    unsigned wakes;
    wheel_at(1000);
    timer_init(&timer, NULL);
    wheel_put(&wheel, &timer, 1000);
    assert_int_equal(tick_when_due(&timer, &wakes), 1001);
    wheel_put(&wheel, &timer, 3);
    assert_int_equal(tick_when_due(&timer, &wakes), 1002);
}

static void a_timer_beyond_the_last_ring_waits_at_its_end(void **state)
{
    (void)state;
    struct timer timer;
    unsigned wakes;
    wheel_at(77);
    timer_init(&timer, NULL);
    wheel_put(&wheel, &timer, UINT64_MAX / 2);
    assert_int_equal(tick_when_due(&timer, &wakes), 77 + ((uint64_t)1 << 36) - 1);
}

static void a_timer_taken_off_leaves_no_trace(void **state)
{
    (void)state;
    struct timer gone, stays;
    unsigned wakes;
    wheel_at(0);
    timer_init(&gone, NULL);
    timer_init(&stays, NULL);
    wheel_put(&wheel, &gone, 10);
    wheel_put(&wheel, &stays, 5000);
    timer_release(&gone);
    assert_true(wheel_next(&wheel) > 10);
    assert_int_equal(tick_when_due(&stays, &wakes), 5000);
    assert_int_equal(wheel_next(&wheel), WHEEL_NEVER);
}

static void timers_of_one_tick_come_in_the_order_of_setting(void **state)
{
    (void)state;
    struct timer timers[3];
    struct list due;
    list_init(&due);
    wheel_at(100);
    for (int i = 0; i < 3; i++) {
        timer_init(&timers[i], NULL);
        wheel_put(&wheel, &timers[i], 120);
    }
    wheel_advance(&wheel, 119, &due);
    assert_true(list_is_empty(&due));
    wheel_advance(&wheel, 120, &due);
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(list_pop_front(&due), &timers[i].link);
    }
}

enum { MANY = 10000 };

static int compare_ticks(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

// Ten thousand timers of all distances, by steps of all sizes: each comes once, in order, and never
// before its time.
static void ten_thousand_timers_come_once_and_in_order(void **state)
{
    (void)state;
    struct timer *timers = mem_zero(MANY, sizeof(*timers));
    uint64_t *ticks = mem_zero(MANY, sizeof(*ticks));
    size_t came = 0;

    random_seed(11);
    wheel_at(987654321);
    for (size_t i = 0; i < MANY; i++) {
        timer_init(&timers[i], NULL);
        ticks[i] = wheel.now + 1 + (random_u64() & (((uint64_t)1 << random_below(30)) - 1));
        wheel_put(&wheel, &timers[i], ticks[i]);
    }
    qsort(ticks, MANY, sizeof(*ticks), compare_ticks);
    while (came < MANY) {
        struct list due;
        struct list *link;
        uint64_t from = wheel.now;
        list_init(&due);
        wheel_advance(&wheel, wheel.now + 1 + random_below(1u << random_below(24)), &due);
        while ((link = list_pop_front(&due)) != NULL) {
            struct timer *timer = list_entry(link, struct timer, link);
            assert_int_equal(timer->queued, ticks[came]);
            assert_true(timer->queued > from && timer->queued <= wheel.now);
            came++;
        }
        assert_true(came == MANY || ticks[came] > wheel.now);
    }
    assert_int_equal(wheel_next(&wheel), WHEEL_NEVER);
    mem_free(ticks);
    mem_free(timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_wheel_has_nothing_to_do),
        cmocka_unit_test(timers_come_exactly_at_their_tick_from_every_ring),
        cmocka_unit_test(a_tick_that_has_passed_is_the_next_one),
        cmocka_unit_test(a_timer_beyond_the_last_ring_waits_at_its_end),
        cmocka_unit_test(a_timer_taken_off_leaves_no_trace),
        cmocka_unit_test(timers_of_one_tick_come_in_the_order_of_setting),
        cmocka_unit_test(ten_thousand_timers_come_once_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
