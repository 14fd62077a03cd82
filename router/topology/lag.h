// How far behind a replica is, measured by GTIDs: the primary's set is noted with the time it was
// seen; a replica that lacks a noted set has been behind since that time at least. It counts from
// the commit on the primary, in the resolution of the probes, and does not lie where
// Seconds_Behind_Source does (0 while the receiver is behind, whole seconds, leaps with long
// transactions). One thread: the monitor's.
#pragma once

#include "router/topology/gtid.h"

#include <stdbool.h>
#include <stdint.h>

enum { LAG_SAMPLES = 128 };

struct lag_sample {
    int64_t at_us;
    struct gtid_set set; // what the primary had by then
};

struct lag_history {
    struct lag_sample samples[LAG_SAMPLES]; // a ring, oldest at `first`
    int first;
    int count;
};

#define LAG_HISTORY_INIT ((struct lag_history){.first = 0, .count = 0})

void lag_history_release(struct lag_history *history);
// Forgets all samples: the primary has changed.
void lag_history_clear(struct lag_history *history);

// The primary had `set` at `at_us` (monotonic, not before the last one noted). A set equal to the
// last one adds nothing.
void lag_history_note(struct lag_history *history, const struct gtid_set *set, int64_t at_us);

// The lag at `now_us` of a replica that has `set` by then: 0 where it lacks nothing noted. -1 where
// it cannot be told: the replica has none of the noted sets in full (GTIDs are off, the sets are
// not comparable, or it is further behind than the history reaches).
int64_t lag_history_measure(const struct lag_history *history, const struct gtid_set *set,
                            int64_t now_us);
// Whether the primary had exactly this set at one of the samples.
bool lag_history_knows(const struct lag_history *history, const struct gtid_set *set);
// Where it cannot be told: how far behind the replica is at least. It is further behind than the
// history reaches where it ends before the oldest sample. 0: nothing is known.
int64_t lag_history_least(const struct lag_history *history, const struct gtid_set *set,
                          int64_t now_us);
