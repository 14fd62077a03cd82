#include "proxy/pool/growth.h"

#include "proxy/base/clock.h"

// A trial is over when that many statements have come back for each connection, but not before the
// first time has passed nor after the second.
enum { CAME_EACH = 60 };
static const int64_t window_least_us = 100 * CLOCK_MS;
static const int64_t window_most_us = 400 * CLOCK_MS;
// What is known of longer ago says nothing of now.
static const int64_t stale_us = 2 * CLOCK_SECOND;
static const int64_t hold_least_us = 500 * CLOCK_MS;
static const int64_t hold_most_us = 4 * CLOCK_SECOND;

// Connections count where each brings this share of what one did so far.
static const double worth = 0.75;

void growth_init(struct growth *growth)
{
    *growth = (struct growth){.most = GROWTH_FREE, .hold_us = hold_least_us};
}

void growth_came(struct growth *growth)
{
    growth->came++;
}

static void window_begin(struct growth *growth, int64_t now_us)
{
    growth->began_us = now_us;
    growth->came = 0;
}

static bool is_window_over(const struct growth *growth, uint32_t there, int64_t now_us)
{
    int64_t took_us = now_us - growth->began_us;
    bool is_enough = growth->came >= (uint64_t)CAME_EACH * there;
    return took_us >= window_most_us || (took_us >= window_least_us && is_enough);
}

static void hold(struct growth *growth, int64_t now_us, bool is_down_next, bool was_right)
{
    growth->state = GROWTH_STEADY;
    growth->is_down_next = is_down_next;
    growth->hold_us = was_right                            ? hold_least_us
                      : growth->hold_us * 2 > hold_most_us ? hold_most_us
                                                           : growth->hold_us * 2;
    growth->next_us = now_us + growth->hold_us;
}

static uint32_t step_of(uint32_t connections)
{
    return (connections + 3) / 4;
}

static void up(struct growth *growth, double rate)
{
    growth->state = GROWTH_UP;
    growth->before = rate;
    growth->tried = step_of(growth->most);
    growth->most += growth->tried;
}

static void down(struct growth *growth, double rate)
{
    uint32_t step = step_of(growth->most), spare = growth->most - GROWTH_FREE;
    growth->state = GROWTH_DOWN;
    growth->before = rate;
    growth->tried = step < spare ? step : spare;
    growth->most -= growth->tried;
}

static void steady(struct growth *growth, double rate, int64_t now_us)
{
    if (now_us < growth->next_us) {
        return;
    }
    if (growth->is_down_next && growth->most > GROWTH_FREE) {
        down(growth, rate);
    } else {
        up(growth, rate);
    }
}

// What the trial must have changed the rate by, as a share of what that was.
static double share_of(const struct growth *growth)
{
    uint32_t before =
        growth->state == GROWTH_UP ? growth->most - growth->tried : growth->most + growth->tried;
    return worth * growth->tried / before;
}

static void window_end(struct growth *growth, double rate, int64_t now_us)
{
    switch (growth->state) {
    case GROWTH_STEADY:
        steady(growth, rate, now_us);
        break;
    case GROWTH_UP:
        if (rate >= growth->before * (1 + share_of(growth))) {
            growth->hold_us = hold_least_us;
            up(growth, rate);
        } else {
            growth->most -= growth->tried;
            hold(growth, now_us, true, false);
        }
        break;
    case GROWTH_DOWN:
        if (rate >= growth->before * (1 - share_of(growth))) {
            hold(growth, now_us, true, true);
        } else {
            growth->most += growth->tried;
            hold(growth, now_us, false, false);
        }
        break;
    }
}

// The load went away in the middle of it.
static void trial_leave(struct growth *growth)
{
    if (growth->state == GROWTH_UP) {
        growth->most -= growth->tried;
    } else if (growth->state == GROWTH_DOWN) {
        growth->most += growth->tried;
    }
    growth->state = GROWTH_STEADY;
}

bool growth_allows(struct growth *growth, uint32_t there, int64_t now_us)
{
    if (there < GROWTH_FREE) {
        return true;
    }
    if (now_us - growth->began_us > stale_us) {
        trial_leave(growth);
        window_begin(growth, now_us);
    } else if (is_window_over(growth, there, now_us)) {
        double rate = (double)growth->came / (double)(now_us - growth->began_us);
        window_end(growth, rate, now_us);
        window_begin(growth, now_us);
    }
    return there < growth->most;
}

void growth_insist(struct growth *growth, uint32_t there)
{
    growth->most = there + 1 > growth->most ? there + 1 : growth->most;
}

bool growth_is_surplus(const struct growth *growth, uint32_t there)
{
    return there > growth->most;
}
