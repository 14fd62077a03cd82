#include "router/topology/lag.h"

static struct lag_sample *sample_at(const struct lag_history *history, int place)
{
    const struct lag_sample *sample = &history->samples[(history->first + place) % LAG_SAMPLES];
    return (struct lag_sample *)sample;
}

void lag_history_clear(struct lag_history *history)
{
    for (int i = 0; i < history->count; i++) {
        gtid_set_release(&sample_at(history, i)->set);
    }
    history->first = 0;
    history->count = 0;
}

void lag_history_release(struct lag_history *history)
{
    lag_history_clear(history);
}

static void oldest_drop(struct lag_history *history)
{
    gtid_set_release(&sample_at(history, 0)->set);
    history->first = (history->first + 1) % LAG_SAMPLES;
    history->count--;
}

void lag_history_note(struct lag_history *history, const struct gtid_set *set, int64_t at_us)
{
    if (gtid_set_is_empty(set) ||
        (history->count > 0 && gtid_set_equal(&sample_at(history, history->count - 1)->set, set))) {
        return;
    }
    if (history->count == LAG_SAMPLES) {
        oldest_drop(history);
    }
    struct lag_sample *sample = sample_at(history, history->count++);
    sample->at_us = at_us;
    sample->set = GTID_SET_INIT;
    gtid_set_copy(&sample->set, set);
}

int64_t lag_history_measure(const struct lag_history *history, const struct gtid_set *set,
                            int64_t now_us)
{
    int64_t missing_since_us = now_us; // the oldest sample behind the newest that the replica has
    for (int i = history->count - 1; i >= 0; i--) {
        const struct lag_sample *sample = sample_at(history, i);
        if (gtid_set_contains(set, &sample->set)) {
            return now_us > missing_since_us ? now_us - missing_since_us : 0;
        }
        missing_since_us = sample->at_us;
    }
    return -1;
}

bool lag_history_knows(const struct lag_history *history, const struct gtid_set *set)
{
    bool is_known = false;
    for (int i = 0; i < history->count && !is_known; i++) {
        is_known = gtid_set_equal(&sample_at(history, i)->set, set);
    }
    return is_known;
}

// --- further behind than the history reaches

// Whether the primary got something after the oldest sample, and `set` has none of it.
static bool lacks_all_newer(const struct lag_history *history, const struct gtid_set *set)
{
    struct gtid_set newer = GTID_SET_INIT;
    gtid_set_copy(&newer, &sample_at(history, history->count - 1)->set);
    gtid_set_subtract(&newer, &sample_at(history, 0)->set);
    bool lacks_all =
        !gtid_set_is_empty(&newer) && gtid_set_missing(&newer, set) == gtid_set_size(&newer);
    gtid_set_release(&newer);
    return lacks_all;
}

// Whether `set` ends before the oldest sample does. A hole in it is no end: a replica made from a
// copy without the ids lacks them for good. Nor is a MariaDB domain that it has nothing of, which
// it may not follow at all, or a uuid of MySQL's while it goes on with newer transactions.
static bool ends_before(const struct lag_history *history, const struct gtid_set *set)
{
    const struct gtid_set *oldest = &sample_at(history, 0)->set;
    bool lacks_source = false;
    for (size_t i = 0; i < oldest->count; i++) {
        const struct gtid_range *range = &oldest->ranges[i];
        uint64_t last = gtid_set_last(set, &range->source, range->server_id);
        if (last > 0 && last < range->last) {
            return true;
        }
        lacks_source = lacks_source || last == 0;
    }
    return lacks_source && set->family == FAMILY_MYSQL && lacks_all_newer(history, set);
}

int64_t lag_history_least(const struct lag_history *history, const struct gtid_set *set,
                          int64_t now_us)
{
    if (history->count == 0) {
        return 0;
    }
    const struct lag_sample *oldest = sample_at(history, 0);
    if (set->family != oldest->set.family || !ends_before(history, set)) {
        return 0;
    }
    return now_us > oldest->at_us ? now_us - oldest->at_us : 0;
}
