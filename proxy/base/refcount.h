// Reference count of a value that is immutable once published and shared by threads.
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>

struct refcount {
    atomic_uint count;
};

static inline void refcount_init(struct refcount *ref)
{
    atomic_init(&ref->count, 1);
}

static inline void refcount_ref(struct refcount *ref)
{
    unsigned before = atomic_fetch_add_explicit(&ref->count, 1, memory_order_relaxed);
    assert(before > 0);
    (void)before;
}

// True where this was the last reference: the caller destroys the value.
static inline bool refcount_unref(struct refcount *ref)
{
    unsigned before = atomic_fetch_sub_explicit(&ref->count, 1, memory_order_acq_rel);
    assert(before > 0);
    return before == 1;
}
