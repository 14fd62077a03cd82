#include "proxy/limit/limit.h"

#include "proxy/base/map.h"
#include "proxy/base/memory.h"
#include "proxy/base/refcount.h"

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { CACHE_LINE = 64 };

// Alone on its cache line: every worker writes `used`. Referenced by each set that has it and by
// each token taken of it.
struct limit_counter {
    alignas(CACHE_LINE) atomic_uint used;
    struct refcount ref;
};

struct limit {
    struct limit_counter *counter;
    uint32_t max;
};

struct limit_tokens {
    struct refcount ref;
    struct map names; // to a limit's place in `limits`
    unsigned count;
    struct limit limits[];
};

// --- one counter --------------------------------------------------------------------------------

static struct limit_counter *counter_create(void)
{
    struct limit_counter *counter = aligned_alloc(CACHE_LINE, sizeof(*counter));
    if (counter == NULL) {
        abort();
    }
    atomic_init(&counter->used, 0);
    refcount_init(&counter->ref);
    return counter;
}

static struct limit_counter *counter_ref(struct limit_counter *counter)
{
    refcount_ref(&counter->ref);
    return counter;
}

static void counter_unref(struct limit_counter *counter)
{
    if (refcount_unref(&counter->ref)) {
        assert(atomic_load(&counter->used) == 0);
        free(counter);
    }
}

// Nothing is published through the count, so no order is asked for beyond its own.
static bool counter_take(struct limit_counter *counter, uint32_t max)
{
    unsigned used = atomic_load_explicit(&counter->used, memory_order_relaxed);
    do {
        if (max != LIMIT_NONE && used >= max) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&counter->used, &used, used + 1,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

// --- sets ---------------------------------------------------------------------------------------

static struct limit_counter *counter_of(const struct limit_tokens *tokens, struct slice name)
{
    int index = tokens != NULL ? limit_find(tokens, name) : -1;
    return index >= 0 ? counter_ref(tokens->limits[index].counter) : counter_create();
}

struct limit_tokens *limit_tokens_create(const struct limit_row *rows, unsigned count,
                                         const struct limit_tokens *before)
{
    struct limit_tokens *tokens = mem_zero(1, sizeof(*tokens) + count * sizeof(tokens->limits[0]));
    refcount_init(&tokens->ref);
    tokens->count = count;
    for (unsigned i = 0; i < count; i++) {
        tokens->limits[i] =
            (struct limit){.counter = counter_of(before, rows[i].name), .max = rows[i].max};
        void *twin = map_put(&tokens->names, rows[i].name, &tokens->limits[i]);
        assert(twin == NULL);
        (void)twin;
    }
    return tokens;
}

struct limit_tokens *limit_tokens_ref(struct limit_tokens *tokens)
{
    refcount_ref(&tokens->ref);
    return tokens;
}

void limit_tokens_unref(struct limit_tokens *tokens)
{
    if (!refcount_unref(&tokens->ref)) {
        return;
    }
    for (unsigned i = 0; i < tokens->count; i++) {
        counter_unref(tokens->limits[i].counter);
    }
    map_release(&tokens->names);
    mem_free(tokens);
}

int limit_find(const struct limit_tokens *tokens, struct slice name)
{
    const struct limit *place = map_get(&tokens->names, name);
    return place != NULL ? (int)(place - tokens->limits) : -1;
}

// --- tokens -------------------------------------------------------------------------------------

bool limit_take(struct limit_tokens *tokens, unsigned index, struct limit_token *token)
{
    assert(index < tokens->count && token->counter == NULL);
    const struct limit *limit = &tokens->limits[index];
    if (!counter_take(limit->counter, limit->max)) {
        return false;
    }
    token->counter = counter_ref(limit->counter);
    return true;
}

void limit_give(struct limit_token *token)
{
    if (token->counter == NULL) {
        return;
    }
    unsigned before = atomic_fetch_sub_explicit(&token->counter->used, 1, memory_order_relaxed);
    assert(before > 0);
    (void)before;
    counter_unref(token->counter);
    token->counter = NULL;
}

uint32_t limit_used(const struct limit_tokens *tokens, unsigned index)
{
    assert(index < tokens->count);
    return atomic_load_explicit(&tokens->limits[index].counter->used, memory_order_relaxed);
}

uint32_t limit_max(const struct limit_tokens *tokens, unsigned index)
{
    assert(index < tokens->count);
    return tokens->limits[index].max;
}
