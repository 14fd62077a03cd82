// Time. Monotonic microseconds for everything that waits or measures, wall-clock microseconds for
// what people read. A test may put a clock of its own underneath. Any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CLOCK_MS     ((int64_t)1000)
#define CLOCK_SECOND ((int64_t)1000000)

// Microseconds since some start that does not change while the machine runs.
int64_t clock_now_us(void);
// Microseconds since 1970-01-01 UTC.
int64_t clock_wall_us(void);

enum { CLOCK_TEXT_SIZE = 32 };
// "2026-01-31T12:34:56.789Z". Returns `out`.
char *clock_text(int64_t wall_us, char out[CLOCK_TEXT_SIZE]);

// For tests only: from now on clock_now_us() and clock_wall_us() are asked of these. NULL: the
// machine's clocks again.
struct clock_source {
    int64_t (*now_us)(void);
    int64_t (*wall_us)(void);
};
void clock_replace(const struct clock_source *source);
