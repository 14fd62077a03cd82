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
    struct counter hungry;   // a bit for each worker
    struct counter starving; // the same
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

static uint_fast64_t bits_of(const struct counter *counter)
{
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

// One of the workers of these bits, taken off the note; -1 where there is none.
static int bit_take(struct counter *counter, uint_fast64_t among)
{
    uint_fast64_t found = bits_of(counter) & among;
    if (found == 0) {
        return -1;
    }
    int worker = __builtin_ctzll(found);
    uint_fast64_t bit = bit_of((unsigned)worker);
    return (atomic_fetch_and(&counter->value, ~bit) & bit) != 0 ? worker : -1;
}

static void bit_clear(struct counter *counter, uint_fast64_t bit)
{
    if ((bits_of(counter) & bit) != 0) {
        atomic_fetch_and(&counter->value, ~bit);
    }
}

void pool_tokens_want(struct pool_tokens *tokens, int server, unsigned worker)
{
    atomic_fetch_or(&tokens->servers[server].hungry.value, bit_of(worker));
}

void pool_tokens_starve(struct pool_tokens *tokens, int server, unsigned worker)
{
    atomic_fetch_or(&tokens->servers[server].starving.value, bit_of(worker));
}

bool pool_tokens_has_starving(const struct pool_tokens *tokens, int server)
{
    return bits_of(&tokens->servers[server].starving) != 0;
}

int pool_tokens_starving(struct pool_tokens *tokens, int server)
{
    return bit_take(&tokens->servers[server].starving, UINT64_MAX);
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
    return (bits_of(&tokens->servers[server].hungry) & ~bit_of(except)) != 0;
}

bool pool_tokens_is_hungry(const struct pool_tokens *tokens, int server, unsigned worker)
{
    return (bits_of(&tokens->servers[server].hungry) & bit_of(worker)) != 0;
}

int pool_tokens_hungry(struct pool_tokens *tokens, int server, unsigned except)
{
    return bit_take(&tokens->servers[server].hungry, ~bit_of(except));
}

void pool_tokens_sated(struct pool_tokens *tokens, int server, unsigned worker)
{
    bit_clear(&tokens->servers[server].hungry, bit_of(worker));
    bit_clear(&tokens->servers[server].starving, bit_of(worker));
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

bool pool_tokens_is_over(const struct pool_tokens *tokens, int server)
{
    if ((unsigned)server >= tokens->count) {
        return false; // it is no longer ours
    }
    uint32_t max = limit_max(tokens->limits, (unsigned)server);
    return max != LIMIT_NONE && limit_used(tokens->limits, (unsigned)server) > max;
}

uint32_t pool_tokens_used(const struct pool_tokens *tokens, int server)
{
    return limit_used(tokens->limits, (unsigned)server);
}
