// How many system calls of which kind a running program makes, counted by strace. It slows the
// program down, so only counts are taken, never times.
#pragma once

#include "tests/lib/file.h"
#include "tests/lib/process.h"

struct syscalls {
    struct process strace;
    char folder[FILE_PATH_SIZE];
    struct buffer report; // once ended
};

// Counts from now on in all threads of `pid`. Returns when strace has hold of them all.
void syscalls_begin(struct syscalls *syscalls, pid_t pid);
void syscalls_end(struct syscalls *syscalls);
// How often the call was made, by its name; 0 where never. After syscalls_end().
unsigned long syscalls_count(const struct syscalls *syscalls, const char *name);
// All calls together.
unsigned long syscalls_total(const struct syscalls *syscalls);
void syscalls_release(struct syscalls *syscalls);
