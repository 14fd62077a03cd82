#include "proxy/net/timer.h"

#include "proxy/base/clock.h"
#include "proxy/net/loop_priv.h"

#include <event2/event.h>

enum { TICK_US = 1000 };

// Rounded up for deadlines and down for now: a timer is never early.
static uint64_t tick_of_deadline(int64_t deadline_us)
{
    return (uint64_t)deadline_us / TICK_US + ((uint64_t)deadline_us % TICK_US != 0);
}

static uint64_t tick_of_now(struct loop *loop)
{
    return (uint64_t)loop_now_us(loop) / TICK_US;
}

// --- libevent's timer ---------------------------------------------------------------------------

// Arms it for the tick, unless it is armed for an earlier one: that wakes the loop once for
// nothing, which costs less than arming anew each time.
static void arm(struct loop *loop, uint64_t tick)
{
    if (tick >= loop->armed) {
        return;
    }
    int64_t delay_us = (int64_t)(tick * TICK_US) - loop_now_us(loop);
    if (delay_us < 0) {
        delay_us = 0;
    }
    struct timeval delay = {delay_us / CLOCK_SECOND, delay_us % CLOCK_SECOND};
    event_add(&loop->tick, &delay);
    loop->armed = tick;
}

static void timer_place(struct loop *loop, struct timer *timer)
{
    wheel_put(&loop->wheel, timer, tick_of_deadline(timer->deadline_us));
}

static void timer_run(struct loop *loop, struct timer *timer)
{
    if (timer->deadline_us == TIMER_NEVER) {
        return;
    }
    if (timer->deadline_us > loop_now_us(loop)) { // set to a later time meanwhile
        timer_place(loop, timer);
        return;
    }
    timer->deadline_us = TIMER_NEVER;
    timer->run(timer);
}

static void ticked(evutil_socket_t fd, short what, void *arg)
{
    struct loop *loop = arg;
    struct list due;
    struct list *link;
    (void)fd;
    (void)what;

    list_init(&due);
    loop->armed = WHEEL_NEVER;
    wheel_advance(&loop->wheel, tick_of_now(loop), &due);
    while ((link = list_pop_front(&due)) != NULL) {
        timer_run(loop, list_entry(link, struct timer, link));
    }
    arm(loop, wheel_next(&loop->wheel));
}

// --- setting ------------------------------------------------------------------------------------

// After an idle time the wheel stands behind: as long as it passes over nothing it may catch up, so
// that near timers find a fine ring.
static void wheel_catch_up(struct loop *loop)
{
    uint64_t now = tick_of_now(loop);
    if (loop->wheel.now < now && wheel_next(&loop->wheel) > now) {
        loop->wheel.now = now;
    }
}

void timer_set(struct timer *timer, struct loop *loop, int64_t delay_us)
{
    int64_t now_us = loop_now_us(loop);
    int64_t delay = delay_us > 0 ? delay_us : 0;
    timer->deadline_us = delay < TIMER_NEVER - now_us ? now_us + delay : TIMER_NEVER - 1;
    if (list_is_linked(&timer->link)) {
        if (tick_of_deadline(timer->deadline_us) >= timer->queued) {
            return;
        }
        list_remove(&timer->link);
    }
    wheel_catch_up(loop);
    timer_place(loop, timer);
    arm(loop, timer->queued);
}

// --- the loop's part ----------------------------------------------------------------------------

void loop_timers_init(struct loop *loop)
{
    wheel_init(&loop->wheel);
    loop->armed = WHEEL_NEVER;
    event_assign(&loop->tick, loop->base, -1, 0, ticked, loop);
    wheel_catch_up(loop);
}

void loop_timers_release(struct loop *loop)
{
    event_del(&loop->tick);
}
