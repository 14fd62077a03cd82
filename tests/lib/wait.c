#include "tests/lib/wait.h"

#include "proxy/base/clock.h"

#include <poll.h>
#include <stddef.h>

struct deadline deadline_in(int64_t ms)
{
    return (struct deadline){clock_now_us() + ms * CLOCK_MS};
}

int deadline_left_ms(struct deadline deadline)
{
    int64_t left_us = deadline.at_us - clock_now_us();
    return left_us > 0 ? (int)((left_us + CLOCK_MS - 1) / CLOCK_MS) : 0;
}

bool deadline_pause(struct deadline deadline)
{
    int left_ms = deadline_left_ms(deadline);
    if (left_ms == 0) {
        return false;
    }
    enum { PAUSE_MS = 5 };
    poll(NULL, 0, left_ms < PAUSE_MS ? left_ms : PAUSE_MS);
    return true;
}
