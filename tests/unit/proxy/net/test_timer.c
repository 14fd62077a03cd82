#include "proxy/net/timer.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"
#include "proxy/base/random.h"
#include "tests/unit/proxy/net/fixture.h"

#include <event2/event.h>

static struct fixture f;

static int setup(void **state)
{
    (void)state;
    fixture_open(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

struct stamp {
    struct timer timer;
    int64_t wanted_us;
    int64_t ran_us; // 0: not yet
    int order;
    struct stamp *next; // set when this one runs
};

static int ran_count;

static void stamp_run(struct timer *timer)
{
    struct stamp *stamp = container_of(timer, struct stamp, timer);
    stamp->ran_us = clock_now_us();
    stamp->order = ++ran_count;
    assert_false(timer_is_set(timer));
    if (stamp->next != NULL) {
        timer_set(&stamp->next->timer, f.loop, CLOCK_MS);
    }
}

static void stamp_init(struct stamp *stamp)
{
    *stamp = (struct stamp){.ran_us = 0};
    ran_count = 0;
    timer_init(&stamp->timer, stamp_run);
}

static void stamp_set(struct stamp *stamp, int64_t delay_us)
{
    stamp->wanted_us = loop_now_us(f.loop) + delay_us;
    timer_set(&stamp->timer, f.loop, delay_us);
}

static const int64_t delays[] = {30, 5, 17, 1, 50, 0, -4, 70};
enum { DELAYS = sizeof(delays) / sizeof(*delays) };
static struct stamp stamps_of_delays[DELAYS];

// In a turn, so that all count from the same time.
static void set_delays(struct loop_task *task)
{
    (void)task;
    for (int i = 0; i < DELAYS; i++) {
        stamp_init(&stamps_of_delays[i]);
        stamp_set(&stamps_of_delays[i], delays[i] * CLOCK_MS);
    }
}

static void timers_run_in_order_and_never_early(void **state)
{
    (void)state;
    static const int orders[DELAYS] = {6, 4, 5, 3, 7, 1, 2, 8};
    struct loop_task task;
    ran_count = 0;
    loop_task_init(&task, set_delays);
    loop_defer(f.loop, &task);
    turn_until(f.loop, ran_count == DELAYS);
    for (int i = 0; i < DELAYS; i++) {
        assert_true(stamps_of_delays[i].ran_us >= stamps_of_delays[i].wanted_us);
        if (delays[i] > 1) {
            assert_int_equal(stamps_of_delays[i].order, orders[i]);
        }
    }
}

static void a_cleared_timer_does_not_run(void **state)
{
    (void)state;
    struct stamp cleared, later;
    stamp_init(&cleared);
    stamp_init(&later);
    stamp_set(&cleared, 2 * CLOCK_MS);
    stamp_set(&later, 20 * CLOCK_MS);
    timer_clear(&cleared.timer);
    assert_false(timer_is_set(&cleared.timer));
    turn_until(f.loop, later.ran_us != 0);
    assert_int_equal(cleared.ran_us, 0);
    assert_false(list_is_linked(&cleared.timer.link)); // the wheel has let go of it
}

static void a_released_timer_may_be_freed_at_once(void **state)
{
    (void)state;
    struct stamp *gone = mem_alloc(sizeof(*gone));
    struct stamp later;
    stamp_init(gone);
    stamp_init(&later);
    stamp_set(gone, 2 * CLOCK_MS);
    stamp_set(&later, 10 * CLOCK_MS);
    timer_release(&gone->timer);
    mem_free(gone);
    turn_until(f.loop, later.ran_us != 0);
}

// A time limit that is set anew for each statement must not cost a walk to the wheel.
static void setting_to_a_later_time_leaves_the_wheel_alone(void **state)
{
    (void)state;
    struct stamp stamp;
    stamp_init(&stamp);
    stamp_set(&stamp, 10 * CLOCK_MS);
    struct list *neighbour = stamp.timer.link.next;
    uint64_t queued = stamp.timer.queued;
    for (int i = 0; i < 1000; i++) {
        timer_clear(&stamp.timer);
        stamp_set(&stamp, 40 * CLOCK_MS);
        assert_int_equal(stamp.timer.queued, queued);
        assert_ptr_equal(stamp.timer.link.next, neighbour);
    }
    turn_until(f.loop, ran_count == 1);
    assert_true(stamp.ran_us >= stamp.wanted_us);
}

static void setting_to_an_earlier_time_takes_effect(void **state)
{
    (void)state;
    struct stamp stamp, fence;
    stamp_init(&stamp);
    stamp_init(&fence);
    stamp_set(&stamp, 3600 * CLOCK_SECOND);
    stamp_set(&stamp, 5 * CLOCK_MS);
    stamp_set(&fence, 200 * CLOCK_MS);
    turn_until(f.loop, ran_count > 0);
    assert_int_equal(stamp.order, 1);
    assert_true(stamp.ran_us >= stamp.wanted_us);
    timer_release(&fence.timer);
}

static void a_timer_may_set_itself_and_others(void **state)
{
    (void)state;
    struct stamp a, b;
    stamp_init(&a);
    stamp_init(&b);
    a.next = &b;
    b.next = &a;
    stamp_set(&a, CLOCK_MS);
    turn_until(f.loop, ran_count >= 6);
    timer_release(&a.timer);
    timer_release(&b.timer);
}

struct killer {
    struct timer timer;
    struct stamp *victim;
};

static void kill_victim(struct timer *timer)
{
    struct killer *killer = container_of(timer, struct killer, timer);
    timer_release(&killer->victim->timer);
    mem_free(killer->victim);
    killer->victim = NULL;
}

// Both are due in the same turn; the first frees the second.
static void a_timer_that_frees_another_due_one_is_safe(void **state)
{
    (void)state;
    struct killer killer = {.victim = mem_alloc(sizeof(struct stamp))};
    timer_init(&killer.timer, kill_victim);
    stamp_init(killer.victim);
    timer_set(&killer.timer, f.loop, 3 * CLOCK_MS);
    timer_set(&killer.victim->timer, f.loop, 3 * CLOCK_MS);
    turn_until(f.loop, killer.victim == NULL);
    assert_int_equal(ran_count, 0);
}

static void nothing_wakes_a_loop_without_timers(void **state)
{
    (void)state;
    struct stamp stamp;
    stamp_init(&stamp);
    stamp_set(&stamp, CLOCK_MS);
    turn_until(f.loop, ran_count == 1);
    // Only the mailbox is waited for: no timer of libevent's is left.
    assert_int_equal(event_base_get_num_events(loop_base(f.loop), EVENT_BASE_COUNT_ADDED), 1);
}

enum { MANY = 10000 };

static void ten_thousand_timers_run_each_once(void **state)
{
    (void)state;
    struct stamp *stamps = mem_zero(MANY, sizeof(*stamps));
    int64_t latest = 0;
    random_seed(5);
    for (int i = 0; i < MANY; i++) {
        stamp_init(&stamps[i]);
        stamp_set(&stamps[i], random_below(300) * CLOCK_MS);
    }
    turn_until(f.loop, ran_count == MANY);
    for (int i = 0; i < MANY; i++) {
        assert_true(stamps[i].ran_us >= stamps[i].wanted_us);
        int64_t late = stamps[i].ran_us - stamps[i].wanted_us;
        latest = late > latest ? late : latest;
    }
    print_message("latest of 10000 timers: %.1f ms\n", (double)latest / 1e3);
    mem_free(stamps);
}

static void setting_a_timer_costs_little(void **state)
{
    (void)state;
    struct stamp stamp;
    enum { ROUNDS = 1000000 };
    stamp_init(&stamp);
    int64_t begun = clock_now_us();
    for (int i = 0; i < ROUNDS; i++) {
        timer_set(&stamp.timer, f.loop, CLOCK_SECOND + i);
        timer_clear(&stamp.timer);
    }
    print_message("timer_set and timer_clear, clock included: %.1f ns\n",
                  (double)(clock_now_us() - begun) * 1e3 / ROUNDS);
    timer_release(&stamp.timer);
    assert_int_equal(ran_count, 0);
}

int main(void)
{
#define IN_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_LOOP(timers_run_in_order_and_never_early),
        IN_LOOP(a_cleared_timer_does_not_run),
        IN_LOOP(a_released_timer_may_be_freed_at_once),
        IN_LOOP(setting_to_a_later_time_leaves_the_wheel_alone),
        IN_LOOP(setting_to_an_earlier_time_takes_effect),
        IN_LOOP(a_timer_may_set_itself_and_others),
        IN_LOOP(a_timer_that_frees_another_due_one_is_safe),
        IN_LOOP(nothing_wakes_a_loop_without_timers),
        IN_LOOP(ten_thousand_timers_run_each_once),
        IN_LOOP(setting_a_timer_costs_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
