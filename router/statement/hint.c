#include "router/statement/hint.h"

// --- values

// "500ms": a number and a unit; 0 alone needs none.
static bool duration_read(struct slice text, int64_t *us)
{
    static const struct {
        struct slice unit;
        uint64_t us;
    } units[] = {
        {SLICE_INIT("us"), 1},       {SLICE_INIT("ms"), 1000},      {SLICE_INIT("s"), 1000000},
        {SLICE_INIT("m"), 60000000}, {SLICE_INIT("h"), 3600000000},
    };
    size_t digits = 0;
    uint64_t number;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9') {
        digits++;
    }
    if (!slice_to_u64(slice_first(text, digits), &number)) {
        return false;
    }
    struct slice unit = slice_from(text, digits);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (slice_equal_nocase(unit, units[i].unit) && number <= INT64_MAX / units[i].us) {
            *us = (int64_t)(number * units[i].us);
            return true;
        }
    }
    *us = 0;
    return unit.len == 0 && number == 0;
}

static bool consistency_read(struct slice text, enum hint_consistency *consistency)
{
    if (slice_equal_nocase(text, S("eventual"))) {
        *consistency = HINT_CONSISTENCY_EVENTUAL;
    } else if (slice_equal_nocase(text, S("session"))) {
        *consistency = HINT_CONSISTENCY_SESSION;
    } else if (slice_equal_nocase(text, S("global"))) {
        *consistency = HINT_CONSISTENCY_GLOBAL;
    } else {
        return false;
    }
    return true;
}

// --- hints. Each function takes the value and returns whether it makes sense; a hint without a
// value has an empty one, whose `ptr` is NULL.

static bool set_target(struct hints *hints, struct slice value, enum hint_target target)
{
    if (value.ptr != NULL) {
        return false;
    }
    hints->target = target;
    return true;
}

static bool set_primary(struct hints *hints, struct slice value)
{
    return set_target(hints, value, HINT_TARGET_PRIMARY);
}

static bool set_replica(struct hints *hints, struct slice value)
{
    return set_target(hints, value, HINT_TARGET_REPLICA);
}

static bool set_backend(struct hints *hints, struct slice value)
{
    if (value.len == 0) {
        return false;
    }
    hints->target = HINT_TARGET_BACKEND;
    hints->backend = value;
    return true;
}

static bool set_cache(struct hints *hints, struct slice value)
{
    if (!duration_read(value, &hints->cache_us)) {
        return false;
    }
    hints->cache = HINT_CACHE_YES;
    return true;
}

static bool set_no_cache(struct hints *hints, struct slice value)
{
    if (value.ptr != NULL) {
        return false;
    }
    hints->cache = HINT_CACHE_NO;
    return true;
}

static bool set_max_lag(struct hints *hints, struct slice value)
{
    hints->has_max_lag = duration_read(value, &hints->max_lag_us);
    return hints->has_max_lag;
}

static bool set_timeout(struct hints *hints, struct slice value)
{
    hints->has_timeout = duration_read(value, &hints->timeout_us);
    return hints->has_timeout;
}

static bool set_consistency(struct hints *hints, struct slice value)
{
    return consistency_read(value, &hints->consistency);
}

static bool set_token(struct hints *hints, struct slice value)
{
    hints->token = value;
    return value.len > 0;
}

static const struct {
    struct slice name;
    bool (*set)(struct hints *hints, struct slice value);
} known[] = {
    {SLICE_INIT("primary"), set_primary},  {SLICE_INIT("replica"), set_replica},
    {SLICE_INIT("backend"), set_backend},  {SLICE_INIT("cache"), set_cache},
    {SLICE_INIT("nocache"), set_no_cache}, {SLICE_INIT("max_lag"), set_max_lag},
    {SLICE_INIT("timeout"), set_timeout},  {SLICE_INIT("consistency"), set_consistency},
    {SLICE_INIT("token"), set_token},
};

static bool hint_set(struct hints *hints, struct slice hint)
{
    size_t at = slice_find(hint, '=');
    struct slice name = slice_trim(slice_first(hint, at));
    struct slice value = SLICE_NONE;
    if (at < hint.len) {
        value = slice_trim(slice_make(hint.ptr + at + 1, hint.len - at - 1));
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (slice_equal_nocase(name, known[i].name)) {
            return known[i].set(hints, value);
        }
    }
    return false;
}

bool hints_read(struct hints *hints, struct slice comment)
{
    struct slice mark = S("sluice:");
    struct slice rest = slice_trim(comment);
    struct slice hint;
    if (!slice_starts_nocase(rest, mark)) {
        return false;
    }
    rest = slice_make(rest.ptr + mark.len, rest.len - mark.len);
    while (slice_cut(&rest, ',', &hint)) {
        hint = slice_trim(hint);
        if (!hint_set(hints, hint) && hints->unknown_count++ == 0) {
            hints->unknown = hint;
        }
    }
    return true;
}
