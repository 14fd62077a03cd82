// A point in time at which a function is called, on a loop's timing wheel. Embedded in its owner.
// One thread: the loop's.
//
// Setting a timer to a later time than it was set to, and clearing it, only writes its deadline:
// the wheel finds out when it comes to the old place. So a time limit for each statement costs two
// stores. A timer never runs early; it runs up to some 10 ms late (steps of 1 ms, and libevent's
// coarse clock of 4 ms, asked twice). A loop without set timers never wakes.
#pragma once

#include "proxy/base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct timer;

typedef void timer_fn(struct timer *timer);

struct timer {
    struct list link;    // in a slot of the wheel
    int64_t deadline_us; // when it is to run; TIMER_NEVER where it is not set
    uint64_t queued;     // tick of the slot it stands in; means something while linked
    timer_fn *run;
};

#define TIMER_NEVER INT64_MAX

// `run` may set, clear, release or free its timer.
static inline void timer_init(struct timer *timer, timer_fn *run)
{
    list_init(&timer->link);
    timer->deadline_us = TIMER_NEVER;
    timer->queued = 0;
    timer->run = run;
}

// Runs once, `delay_us` from loop_now_us(); 0 or less: at the wheel's next step. Replaces an
// earlier setting.
void timer_set(struct timer *timer, struct loop *loop, int64_t delay_us);

// Does not run any more. The wheel may still hold the timer: see timer_release().
static inline void timer_clear(struct timer *timer)
{
    timer->deadline_us = TIMER_NEVER;
}

// Clears the timer and takes it off the wheel: before its memory goes.
static inline void timer_release(struct timer *timer)
{
    timer->deadline_us = TIMER_NEVER;
    list_remove(&timer->link);
}

static inline bool timer_is_set(const struct timer *timer)
{
    return timer->deadline_us != TIMER_NEVER;
}
