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
