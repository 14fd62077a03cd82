#include "proxy/pool/tokens.h"

#include "proxy/base/memory.h"
#include "proxy/base/refcount.h"

#include <stdatomic.h>

struct pool_tokens {
    struct refcount refs;
    struct limit_tokens *limits;
    atomic_uint_fast64_t hungry[]; // by server: a bit for each worker
};

struct pool_tokens *pool_tokens_create(const struct limit_row *servers, unsigned count,
                                       const struct pool_tokens *before)
{
    struct pool_tokens *tokens = mem_zero(1, sizeof(*tokens) + count * sizeof(tokens->hungry[0]));
    refcount_init(&tokens->refs);
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
    atomic_fetch_or(&tokens->hungry[server], bit_of(worker));
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
    uint_fast64_t hungry = atomic_load_explicit(&tokens->hungry[server], memory_order_relaxed);
    return (hungry & ~bit_of(except)) != 0;
}

bool pool_tokens_is_hungry(const struct pool_tokens *tokens, int server, unsigned worker)
{
    uint_fast64_t hungry = atomic_load_explicit(&tokens->hungry[server], memory_order_relaxed);
    return (hungry & bit_of(worker)) != 0;
}

int pool_tokens_hungry(struct pool_tokens *tokens, int server, unsigned except)
{
    uint_fast64_t others = atomic_load_explicit(&tokens->hungry[server], memory_order_relaxed);
    others &= ~bit_of(except);
    if (others == 0) {
        return -1;
    }
    int worker = __builtin_ctzll(others);
    uint_fast64_t before = atomic_fetch_and(&tokens->hungry[server], ~bit_of((unsigned)worker));
    return (before & bit_of((unsigned)worker)) != 0 ? worker : -1;
}

void pool_tokens_sated(struct pool_tokens *tokens, int server, unsigned worker)
{
    if (atomic_load_explicit(&tokens->hungry[server], memory_order_relaxed) & bit_of(worker)) {
        atomic_fetch_and(&tokens->hungry[server], ~bit_of(worker));
    }
}

uint32_t pool_tokens_used(const struct pool_tokens *tokens, int server)
{
    return limit_used(tokens->limits, (unsigned)server);
}
