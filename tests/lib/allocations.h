// How often a program that a test runs asks the heap for memory and gives some back.
#pragma once

#include "tests/lib/file.h"

#include <stdatomic.h>
#include <stdbool.h>

// Shared by the test and the program under tests/preload/allocations.so. What was taken and not
// freed is held.
struct allocation_counts {
    atomic_ullong taken; // malloc and all of its kind
    atomic_ullong freed;
    atomic_bool wants_callers; // each call writes down where it came from
};

#define ALLOCATION_CALLERS_SUFFIX ".callers"

struct allocations {
    struct allocation_counts *counts; // grow while the program runs
    char folder[FILE_PATH_SIZE];
    char preload[512]; // LD_PRELOAD=... and ALLOCATIONS=..., for the program's environment
    char path[FILE_PATH_SIZE + 32];
    const char *environment[3];
};

// Prepares the counters and the environment for process_start(). Embedded; the library is taken
// from $BUILD (build).
void allocations_init(struct allocations *allocations);
void allocations_release(struct allocations *allocations);

// How many heap calls of both kinds there have been.
unsigned long long allocations_count(const struct allocations *allocations);
// From now on (or no longer) each call's callers are written down.
void allocations_trace(struct allocations *allocations, bool is_on);
// Prints what was written down, for addr2line.
void allocations_print_callers(const struct allocations *allocations);
