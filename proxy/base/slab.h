// Objects of one size, taken and given back often: sessions, connections, timers of one loop.
// Memory comes from the heap a page of objects at a time and goes back only with the slab, so that
// the steady state costs two pointer moves. One thread: each loop has slabs of its own.
//
// Under AddressSanitizer an object that was given back is poisoned: whoever still uses it is found.
#pragma once

#include <stddef.h>

struct slab_page;
struct slab_free;

struct slab {
    size_t size;            // bytes of one object, rounded up to the alignment of any type
    size_t per_page;        // objects in one page
    size_t used;            // objects out now
    struct slab_free *free; // newest given back first: still warm in the cache
    struct slab_page *pages;
};

// `size` bytes an object, `per_page` (not 0) of them to a piece of heap. Takes no memory yet.
void slab_init(struct slab *slab, size_t size, size_t per_page);

// An object, aligned for any type, not cleared. The caller owns it until slab_give().
void *slab_take(struct slab *slab);
void *slab_take_zero(struct slab *slab);

// Takes back `*object`, which came from this slab, and nulls it; NULL is allowed.
#define slab_give(slab, object) (slab_put((slab), *(object)), (void)(*(object) = NULL))
void slab_put(struct slab *slab, void *object);

// Frees all memory. Every object must have been given back.
void slab_release(struct slab *slab);
