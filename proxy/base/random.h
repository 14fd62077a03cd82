// Random numbers: from the kernel for what must not be guessed, from a small generator of the
// calling thread for choices (which of two servers, jitter). Any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Fills `out` from the kernel's generator. Aborts where the kernel has none.
void random_bytes(void *out, size_t len);

// A number below `limit` (which is not 0), from the thread's own generator (xoroshiro128+, seeded
// by the kernel).
uint32_t random_below(uint32_t limit);
uint64_t random_u64(void);

// For tests: makes this thread's generator repeatable.
void random_seed(uint64_t seed);
