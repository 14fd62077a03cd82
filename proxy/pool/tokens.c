#include "proxy/pool/tokens.h"

#include "proxy/base/memory.h"
#include "proxy/base/refcount.h"

#include <stdatomic.h>

enum { CACHE_LINE = 64 };

// What one thread writes often, in a line of the cache of its own.
struct counter {
    atomic_uint_fast64_t value;
    char rest[CACHE_LINE - sizeof(atomic_uint_fast64_t)];
};

struct server {
    struct counter hungry; // a bit for each worker
    struct counter came[POOL_WORKERS_MAX];
};

struct pool_tokens {
    struct refcount refs;
    struct limit_tokens *limits;
    unsigned count;
    struct server servers[];
};

struct pool_tokens *pool_tokens_create(const struct limit_row *servers, unsigned count,
                                       const struct pool_tokens *before)
{
    struct pool_tokens *tokens = mem_zero(1, sizeof(*tokens) + count * sizeof(tokens->servers[0]));
    refcount_init(&tokens->refs);
    tokens->count = count;
    tokens->limits = limit_tokens_create(servers, count, before != NULL ? before->limits : NULL);
    return tokens;
}

struct pool_tokens *pool_tokens_ref(struct pool_tokens *tokens)
{
    refcount_ref(&tokens->refs);
    return tokens;
}

void pool_tokens_unref(struct pool_tokens *tokens)
{
    if (tokens != NULL && refcount_unref(&tokens->refs)) {
        limit_tokens_unref(tokens->limits);
        mem_free(tokens);
    }
}

static uint_fast64_t bit_of(unsigned worker)
{
    return UINT64_C(1) << worker;
}

void pool_tokens_want(struct pool_tokens *tokens, int server, unsigned worker)
{
    atomic_fetch_or(&tokens->servers[server].hungry.value, bit_of(worker));
}

bool pool_tokens_take(struct pool_tokens *tokens, int server, unsigned worker,
                      struct limit_token *token)
{
    if (limit_take(tokens->limits, (unsigned)server, token)) {
        return true;
    }
    // A token that comes back between the two is not missed: whoever gives it may not see the note
    // yet.
    pool_tokens_want(tokens, server, worker);
    return limit_take(tokens->limits, (unsigned)server, token);
}

bool pool_tokens_is_wanted(const struct pool_tokens *tokens, int server, unsigned except)
{
    uint_fast64_t hungry =
        atomic_load_explicit(&tokens->servers[server].hungry.value, memory_order_relaxed);
    return (hungry & ~bit_of(except)) != 0;
}

bool pool_tokens_is_hungry(const struct pool_tokens *tokens, int server, unsigned worker)
{
    uint_fast64_t hungry =
        atomic_load_explicit(&tokens->servers[server].hungry.value, memory_order_relaxed);
    return (hungry & bit_of(worker)) != 0;
}

int pool_tokens_hungry(struct pool_tokens *tokens, int server, unsigned except)
{
    uint_fast64_t others =
        atomic_load_explicit(&tokens->servers[server].hungry.value, memory_order_relaxed);
    others &= ~bit_of(except);
    if (others == 0) {
        return -1;
    }
    int worker = __builtin_ctzll(others);
    uint_fast64_t before =
        atomic_fetch_and(&tokens->servers[server].hungry.value, ~bit_of((unsigned)worker));
    return (before & bit_of((unsigned)worker)) != 0 ? worker : -1;
}

void pool_tokens_sated(struct pool_tokens *tokens, int server, unsigned worker)
{
    if (atomic_load_explicit(&tokens->servers[server].hungry.value, memory_order_relaxed) &
        bit_of(worker)) {
        atomic_fetch_and(&tokens->servers[server].hungry.value, ~bit_of(worker));
    }
}

void pool_tokens_came(struct pool_tokens *tokens, int server, unsigned worker)
{
    if ((unsigned)server >= tokens->count) {
        return; // it is no longer ours
    }
    atomic_uint_fast64_t *count = &tokens->servers[server].came[worker].value;
    uint_fast64_t now = atomic_load_explicit(count, memory_order_relaxed) + 1;
    atomic_store_explicit(count, now, memory_order_relaxed);
}

uint64_t pool_tokens_came_to_others(const struct pool_tokens *tokens, int server, unsigned worker)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < POOL_WORKERS_MAX; i++) {
        const struct counter *counter = &tokens->servers[server].came[i];
        sum += i == worker ? 0 : atomic_load_explicit(&counter->value, memory_order_relaxed);
    }
    return sum;
}

uint32_t pool_tokens_used(const struct pool_tokens *tokens, int server)
{
    return limit_used(tokens->limits, (unsigned)server);
}
