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

static void window_begin(struct growth *growth, uint64_t others, int64_t now_us)
{
    growth->began_us = now_us;
    growth->came = 0;
    growth->others = others;
}

static bool is_window_over(const struct growth *growth, uint32_t there, int64_t now_us)
{
    int64_t took_us = now_us - growth->began_us;
    bool is_enough = growth->came >= (uint64_t)CAME_EACH * there;
    return took_us >= window_most_us || (took_us >= window_least_us && is_enough);
}

// Statements a microsecond, in the window that is over.
struct rates {
    double own;
    double others;
};

static double rate_of(uint64_t count, int64_t took_us)
{
    return (double)count / (double)took_us;
}

// The others' count begins anew where the configuration is read again.
static struct rates rates_of(const struct growth *growth, uint64_t others, int64_t now_us)
{
    int64_t took_us = now_us - growth->began_us;
    return (struct rates){
        .own = rate_of(growth->came, took_us),
        .others = others < growth->others ? 0 : rate_of(others - growth->others, took_us),
    };
}

static void trial_begin(struct growth *growth, enum growth_state state, struct rates rates,
                        uint32_t tried)
{
    growth->state = state;
    growth->before = rates.own;
    growth->others_before = rates.others;
    growth->tried = tried;
}

static void hold(struct growth *growth, int64_t now_us, bool is_down_next, bool was_right)
{
    growth->state = GROWTH_STEADY;
    growth->best = 0;
    growth->is_down_next = is_down_next;
    growth->hold_us = was_right                            ? hold_least_us
                      : growth->hold_us * 2 > hold_most_us ? hold_most_us
                                                           : growth->hold_us * 2;
    growth->next_us = now_us + growth->hold_us;
}

static uint32_t step_of(uint32_t connections)
{
    return connections / 4 + 1;
}

static void up(struct growth *growth, struct rates rates)
{
    trial_begin(growth, GROWTH_UP, rates, step_of(growth->most));
    growth->most += growth->tried;
}

static void down(struct growth *growth, struct rates rates)
{
    uint32_t step = step_of(growth->most), spare = growth->most - GROWTH_FREE;
    trial_begin(growth, GROWTH_DOWN, rates, step < spare ? step : spare);
    growth->most -= growth->tried;
}

static void steady(struct growth *growth, struct rates rates, int64_t now_us)
{
    growth->best = rates.own > growth->best ? rates.own : growth->best;
    if (now_us < growth->next_us) {
        return;
    }
    if (growth->is_down_next && growth->most > GROWTH_FREE) {
        down(growth, rates);
    } else {
        up(growth, (struct rates){.own = growth->best, .others = rates.others});
    }
}

// What the trial must have changed the rate by.
static double wanted_change(const struct growth *growth)
{
    uint32_t before =
        growth->state == GROWTH_UP ? growth->most - growth->tried : growth->most + growth->tried;
    return growth->before * worth * growth->tried / before;
}

static double above_zero(double number)
{
    return number > 0 ? number : 0;
}

static bool is_up_right(const struct growth *growth, struct rates rates)
{
    double lost_by_others = above_zero(growth->others_before - rates.others);
    return rates.own - growth->before - lost_by_others >= wanted_change(growth);
}

static bool is_down_right(const struct growth *growth, struct rates rates)
{
    double won_by_others = above_zero(rates.others - growth->others_before);
    return growth->before - rates.own - won_by_others <= wanted_change(growth);
}

static void window_end(struct growth *growth, struct rates rates, int64_t now_us)
{
    switch (growth->state) {
    case GROWTH_STEADY:
        steady(growth, rates, now_us);
        break;
    case GROWTH_UP:
        if (is_up_right(growth, rates)) {
            growth->hold_us = hold_least_us;
            up(growth, rates);
        } else {
            growth->most -= growth->tried;
            hold(growth, now_us, true, false);
        }
        break;
    case GROWTH_DOWN:
        if (is_down_right(growth, rates)) {
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
    growth->best = 0;
}

static bool is_stale(const struct growth *growth, int64_t now_us)
{
    return now_us - growth->began_us > stale_us;
}

bool growth_is_due(const struct growth *growth, uint32_t there, int64_t now_us)
{
    return there >= GROWTH_FREE &&
           (is_stale(growth, now_us) || is_window_over(growth, there, now_us));
}

void growth_judge(struct growth *growth, uint64_t others, int64_t now_us)
{
    if (is_stale(growth, now_us)) {
        trial_leave(growth);
    } else {
        window_end(growth, rates_of(growth, others, now_us), now_us);
    }
    window_begin(growth, others, now_us);
}

bool growth_allows(const struct growth *growth, uint32_t there)
{
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
