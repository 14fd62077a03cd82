#include "conf/number.h"

#include <inttypes.h>
#include <stdio.h>

struct unit {
    const char *name;
    int64_t size;
};

// Smallest first.
static const struct unit duration_units[] = {
    {"us", 1}, {"ms", 1000}, {"s", 1000000}, {"m", 60000000}, {"h", 3600000000},
};
static const struct unit size_units[] = {{"", 1}, {"K", 1024}, {"M", 1048576}, {"G", 1073741824}};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static size_t digits_count(struct slice text)
{
    size_t n = 0;
    while (n < text.len && text.ptr[n] >= '0' && text.ptr[n] <= '9') {
        n++;
    }
    return n;
}

static bool number_parse_unit(struct slice text, const struct unit *units, size_t count,
                              int64_t *value)
{
    size_t digits = digits_count(text);
    uint64_t number;
    if (!slice_to_u64(slice_first(text, digits), &number)) {
        return false;
    }
    struct slice name = slice_from(text, digits);
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(name, slice_text(units[i].name))) {
            bool fits = number <= (uint64_t)(INT64_MAX / units[i].size);
            *value = fits ? (int64_t)number * units[i].size : 0;
            return fits;
        }
    }
    return false;
}

bool number_parse_duration(struct slice text, int64_t *us)
{
    if (slice_equal(text, S("0"))) {
        *us = 0;
        return true;
    }
    return number_parse_unit(text, duration_units, COUNT(duration_units), us);
}

bool number_parse_size(struct slice text, int64_t *bytes)
{
    return number_parse_unit(text, size_units, COUNT(size_units), bytes);
}

bool number_parse_percent(struct slice text, int64_t *percent)
{
    static const struct unit units[] = {{"%", 1}};
    return number_parse_unit(text, units, COUNT(units), percent);
}

bool number_parse_ratio(struct slice text, int64_t *ppm)
{
    static const int64_t scale[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    struct slice whole = slice_first(text, slice_find(text, '.'));
    struct slice fraction = slice_from(text, whole.len + 1);
    bool has_point = whole.len < text.len;
    uint64_t ones, parts = 0;

    if (!slice_to_u64(whole, &ones) || ones > 1000 || fraction.len > 6) {
        return false;
    }
    if (has_point && !slice_to_u64(fraction, &parts)) {
        return false;
    }
    *ppm = (int64_t)ones * scale[0] + (int64_t)parts * scale[fraction.len];
    return true;
}

bool number_parse_bool(struct slice text, bool *value)
{
    static const struct {
        const char *name;
        bool value;
    } words[] = {
        {"yes", true},  {"no", false},    {"on", true}, {"off", false},
        {"true", true}, {"false", false}, {"1", true},  {"0", false},
    };
    for (size_t i = 0; i < COUNT(words); i++) {
        if (slice_equal_nocase(text, slice_text(words[i].name))) {
            *value = words[i].value;
            return true;
        }
    }
    return false;
}

static char *number_unit_text(int64_t value, const struct unit *units, size_t count,
                              char out[NUMBER_TEXT_SIZE])
{
    size_t best = 0;
    for (size_t i = 0; i < count; i++) {
        if (value % units[i].size == 0) {
            best = i;
        }
    }
    snprintf(out, NUMBER_TEXT_SIZE, "%" PRId64 "%s", value / units[best].size, units[best].name);
    return out;
}

char *number_duration_text(int64_t us, char out[NUMBER_TEXT_SIZE])
{
    if (us == 0) {
        snprintf(out, NUMBER_TEXT_SIZE, "0");
        return out;
    }
    return number_unit_text(us, duration_units, COUNT(duration_units), out);
}

char *number_size_text(int64_t bytes, char out[NUMBER_TEXT_SIZE])
{
    if (bytes == 0) {
        snprintf(out, NUMBER_TEXT_SIZE, "0");
        return out;
    }
    return number_unit_text(bytes, size_units, COUNT(size_units), out);
}

char *number_ratio_text(int64_t ppm, char out[NUMBER_TEXT_SIZE])
{
    int64_t fraction = ppm % 1000000;
    int digits = 6;
    if (fraction == 0) {
        snprintf(out, NUMBER_TEXT_SIZE, "%" PRId64, ppm / 1000000);
        return out;
    }
    while (fraction % 10 == 0) {
        fraction /= 10;
        digits--;
    }
    snprintf(out, NUMBER_TEXT_SIZE, "%" PRId64 ".%0*" PRId64, ppm / 1000000, digits, fraction);
    return out;
}
