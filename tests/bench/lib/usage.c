#include "tests/bench/lib/usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// The program's name, in parentheses, may hold anything: fields are counted from the last one.
bool usage_stat_parse(const char *text, uint64_t *user, uint64_t *system)
{
    const char *rest = strrchr(text, ')');
    return rest != NULL &&
           sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64, user,
                  system) == 2;
}

static bool file_read(pid_t pid, const char *name, char *out, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    size_t len = fread(out, 1, size - 1, file);
    fclose(file);
    out[len] = '\0';
    return len > 0;
}

static bool clock_read(pid_t pid, int64_t *ns)
{
    clockid_t clock;
    struct timespec time;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) {
        return false;
    }
    *ns = (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
    return true;
}

bool usage_read(pid_t pid, struct usage *usage)
{
    char text[1024];
    uint64_t user, system;
    if (!file_read(pid, "stat", text, sizeof(text)) || !usage_stat_parse(text, &user, &system) ||
        !clock_read(pid, &usage->cpu_ns)) {
        return false;
    }
    int64_t tick_ns = 1000000000 / sysconf(_SC_CLK_TCK);
    usage->user_ns = (int64_t)user * tick_ns;
    usage->system_ns = (int64_t)system * tick_ns;
    return true;
}

struct usage usage_between(const struct usage *before, const struct usage *after)
{
    int64_t user = after->user_ns - before->user_ns;
    int64_t ticks = user + after->system_ns - before->system_ns;
    struct usage usage = {.cpu_ns = after->cpu_ns - before->cpu_ns};
    usage.user_ns =
        ticks > 0 ? (int64_t)((double)usage.cpu_ns * (double)user / (double)ticks) : usage.cpu_ns;
    usage.system_ns = usage.cpu_ns - usage.user_ns;
    return usage;
}

// VmRSS lags behind by some pages of each processor; the sum over the mappings does not.
uint64_t usage_resident_bytes(pid_t pid)
{
    char text[4096];
    uint64_t kib = 0;
    if (!file_read(pid, "smaps_rollup", text, sizeof(text))) {
        return 0;
    }
    const char *line = strstr(text, "\nRss:");
    if (line == NULL || sscanf(line, "\nRss: %" SCNu64, &kib) != 1) {
        return 0;
    }
    return kib * 1024;
}
