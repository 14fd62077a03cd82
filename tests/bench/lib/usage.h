// What running processes have used: processor time and memory, as the kernel counts them. One
// thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct usage {
    int64_t cpu_ns;    // of all its threads, ended ones too: the process's own clock, exact
    int64_t user_ns;   // the parts of cpu_ns, in the proportion of utime and stime in
    int64_t system_ns; // /proc/PID/stat, whose ticks are 10 ms
};

// Between two moments; of one process.
struct usage usage_between(const struct usage *before, const struct usage *after);

// False where there is no such process.
__attribute__((warn_unused_result)) bool usage_read(pid_t pid, struct usage *usage);
// Bytes of its memory that are resident, counted page by page; 0 where there is no such process.
uint64_t usage_resident_bytes(pid_t pid);

// utime and stime of the text of /proc/PID/stat, in ticks. False where it is none.
bool usage_stat_parse(const char *text, uint64_t *user, uint64_t *system);
