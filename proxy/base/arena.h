// Memory of one command: taken in small pieces, given back all at once. The first chunk is kept for
// the next command, so that the steady state takes nothing from the heap. One thread.
#pragma once

#include "proxy/base/slice.h"

#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunk; // newest; NULL before the first piece
    size_t used;               // bytes used in it
};

#define ARENA_INIT ((struct arena){NULL, 0})

// `size` bytes, aligned for any type, not cleared. Valid until arena_reset() or arena_release().
void *arena_alloc(struct arena *arena, size_t size);
void *arena_zero(struct arena *arena, size_t size);
// A copy of `s` in the arena, NUL-terminated behind its length.
struct slice arena_copy(struct arena *arena, struct slice s);
// printf into the arena.
__attribute__((format(printf, 2, 3))) struct slice arena_print(struct arena *arena,
                                                               const char *format, ...);

// Gives back every piece; keeps one chunk of the ordinary size.
void arena_reset(struct arena *arena);
// Gives back everything to the heap.
void arena_release(struct arena *arena);
// As arena_release(), and clears every piece first: for secrets.
void arena_wipe(struct arena *arena);
