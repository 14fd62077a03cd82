#include "proxy/base/clock.h"

#include <stdio.h>
#include <time.h>

// The one mutable global of this room: the seam that puts a simulated clock under the whole
// program.
static const struct clock_source *replaced;

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return now.tv_sec * CLOCK_SECOND + now.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
    return replaced != NULL ? replaced->now_us() : read_us(CLOCK_MONOTONIC);
}

int64_t clock_wall_us(void)
{
    return replaced != NULL ? replaced->wall_us() : read_us(CLOCK_REALTIME);
}

void clock_replace(const struct clock_source *source)
{
    replaced = source;
}

char *clock_text(int64_t wall_us, char out[CLOCK_TEXT_SIZE])
{
    struct tm utc;
    // Rounded down, before 1970 too.
    time_t seconds = wall_us / CLOCK_SECOND - (wall_us % CLOCK_SECOND < 0);
    int within_ms = (int)((wall_us % CLOCK_SECOND + CLOCK_SECOND) % CLOCK_SECOND / CLOCK_MS);
    char date[24];

    gmtime_r(&seconds, &utc);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out, CLOCK_TEXT_SIZE, "%s.%03dZ", date, within_ms);
    return out;
}
