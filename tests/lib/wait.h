// Waiting for a condition in a test, never for a time: a condition is looked at again and again
// until it holds, and a test whose condition does not come fails with its words.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// How long a test waits for what should come at once on an idle machine; generous, since machines
// are busy.
enum { WAIT_MS = 20000 };

struct deadline {
    int64_t at_us;
};

struct deadline deadline_in(int64_t ms);
// Milliseconds left, at least 0: for poll().
int deadline_left_ms(struct deadline deadline);
// False once the time is over; else lets a few milliseconds pass.
bool deadline_pause(struct deadline deadline);

// Fails the test where `condition` does not hold within `ms` milliseconds.
#define assert_within(ms, condition)                                                               \
    for (struct deadline deadline_here = deadline_in(ms); !(condition);)                           \
        if (!deadline_pause(deadline_here))                                                        \
    fail_msg("waited %d ms in vain for: %s", (int)(ms), #condition)

#define assert_soon(condition) assert_within(WAIT_MS, condition)
