// sluice's hints: /* sluice: replica, max_lag=500ms */ in an ordinary comment of any form. What
// was asked for, not whether it is granted: nothing here overrides safety. Any thread.
#pragma once

#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum hint_target {
    HINT_TARGET_NONE,
    HINT_TARGET_PRIMARY,
    HINT_TARGET_REPLICA,
    HINT_TARGET_BACKEND
};

enum hint_consistency {
    HINT_CONSISTENCY_NONE,
    HINT_CONSISTENCY_EVENTUAL,
    HINT_CONSISTENCY_SESSION,
    HINT_CONSISTENCY_GLOBAL,
};

enum hint_cache { HINT_CACHE_NONE, HINT_CACHE_YES, HINT_CACHE_NO };

// All zero: no hint. Of a hint that is given twice the last one counts.
struct hints {
    enum hint_target target;
    struct slice backend; // for HINT_TARGET_BACKEND
    enum hint_cache cache;
    int64_t cache_us; // for HINT_CACHE_YES
    bool has_max_lag;
    int64_t max_lag_us;
    bool has_timeout;
    int64_t timeout_us;
    enum hint_consistency consistency;
    struct slice token;     // empty: none
    uint32_t unknown_count; // hints not known, or with a value that makes no sense
    struct slice unknown;   // the first of them, for the warning
};

// Where `comment` (the text between the comment's marks) is a hint of ours, adds what it says to
// `hints`. Slices borrow from `comment`. Returns whether it was one.
bool hints_read(struct hints *hints, struct slice comment);
