// Heap memory that does not fail: a small allocation that the system refuses aborts the process.
// Every size that a peer chooses is checked against a limit before it comes here. Any thread.
#pragma once

#include <stddef.h>

// `size` bytes, not cleared. The caller owns them until mem_free().
__attribute__((malloc, returns_nonnull)) void *mem_alloc(size_t size);

// `count` objects of `size` bytes, all zero. Aborts where the product overflows.
__attribute__((malloc, returns_nonnull)) void *mem_zero(size_t count, size_t size);

// As realloc(): `ptr` may be NULL, and is the caller's no more.
__attribute__((returns_nonnull)) void *mem_grow(void *ptr, size_t size);

// A NUL-terminated copy of `len` bytes.
__attribute__((malloc, returns_nonnull)) char *mem_text(const char *text, size_t len);

void mem_free(void *ptr);

// Clears memory that held a secret, in a way that no optimizer removes.
void mem_wipe(void *ptr, size_t size);
