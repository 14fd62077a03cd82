// How often a program that a test runs asks the heap for memory and gives some back.
#pragma once

#include "tests/lib/file.h"

#include <stdatomic.h>

// Shared by the test and the program under tests/preload/allocations.so. What was taken and not
// freed is held.
struct allocation_counts {
    atomic_ullong taken; // malloc and all of its kind
    atomic_ullong freed;
};

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
