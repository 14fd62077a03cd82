#include "proxy/base/clock.h"
#include "proxy/pool/pool_priv.h"

static const int64_t give_way_us = 100 * CLOCK_MS; // at most one connection in that time

// --- asking --------------------------------------------------------------------------------------

bool sharing_token_take(struct pool *pool, struct limit_token *token)
{
    struct pools *pools = pool->pools;
    unsigned worker = pools->settings.worker;
    if (pool_tokens_take(pools->tokens, pool->server, worker, token)) {
        return true;
    }
    if (pools_give_up_idle(pools, pool->server) &&
        pool_tokens_take(pools->tokens, pool->server, worker, token)) {
        return true;
    }
    return false;
}

void sharing_token_missed(struct pool *pool)
{
    const struct pools *pools = pool->pools;
    int64_t now_us = loop_now_us(pools->settings.loop);
    pool->is_starving = opening_circulating(pool, now_us) == 0;
    if (pool->is_starving) {
        pool_tokens_starve(pools->tokens, pool->server, pools->settings.worker);
    }
    pools->settings.ask_others(pools->settings.context, pool->server);
    pools_retry_later(pool->pools, now_us + SHARING_LOOK_AGAIN_US);
}

bool sharing_make_room(struct pool *pool)
{
    struct pools *pools = pool->pools;
    if (pools_give_up_idle(pools, pool->server)) {
        return true;
    }
    pool_tokens_want(pools->tokens, pool->server, pools->settings.worker);
    pools->settings.ask_others(pools->settings.context, pool->server);
    return false;
}

// --- giving --------------------------------------------------------------------------------------

void sharing_token_came(struct pools *pools, int server)
{
    int worker = pool_tokens_hungry(pools->tokens, server, pools->settings.worker);
    if (worker >= 0) {
        pools->settings.token_free(pools->settings.context, server, (unsigned)worker);
    }
    if (pools->waiting[server] > 0) {
        pools_wake(pools, server);
    }
}

bool sharing_is_asked(const struct pool *pool)
{
    const struct pools *pools = pool->pools;
    int64_t before_us = pools->gave_way_us[pool->server];
    return pool->waiting > 0 && !pool->is_starving &&
           pool_tokens_has_starving(pools->tokens, pool->server) &&
           loop_now_us(pools->settings.loop) - before_us >= give_way_us;
}

void sharing_give_way(struct pooled *pooled)
{
    struct pools *pools = pooled->pool->pools;
    int server = pooled->pool->server;
    int64_t now_us = loop_now_us(pools->settings.loop);
    int worker = pool_tokens_starving(pools->tokens, server);
    pools->gave_way_us[server] = now_us;
    list_each (link, &pools->servers[server]) { // the token is for none that has something
        struct pool *pool = container_of(link, struct pool, link);
        pool->full_until_us =
            pool_size(pool) > 0 ? now_us + SHARING_LOOK_AGAIN_US : pool->full_until_us;
    }
    if (pooled_holder(pooled) != NULL) {
        pooled->is_outdated = true;
        pooled_save(pooled); // and closes
    } else {
        pooled_close(pooled, CONN_END_YIELDED);
    }
    if (worker >= 0 && (unsigned)worker != pools->settings.worker) {
        pools->settings.token_free(pools->settings.context, server, (unsigned)worker);
    }
}
