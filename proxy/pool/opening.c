#include "proxy/base/clock.h"
#include "proxy/pool/pool_priv.h"

enum {
    OPENING_MOST = 4, // at a time
    FULL_SECONDS = 1, // how long a server that said "too many connections" is not asked for more
    CIRCULATING_MOST = 1024,
};

static const int64_t kept_us = 100 * CLOCK_MS; // lent for so long
static const int64_t still_us = 50 * CLOCK_MS; // since one came back
static const int64_t patience_us = 5 * CLOCK_MS;

// --- how many there are to be --------------------------------------------------------------------
//
// Connections that somebody keeps (a transaction, a long statement) do not come back soon: growth
// (growth.h) is about the others. Where nothing has come back for a while, more are opened at once.

// The newest come first.
static uint32_t lent_lately(const struct pool *pool, int64_t now_us)
{
    uint32_t count = 0;
    list_each (link, (struct list *)&pool->places[LENT]) {
        bool is_kept = now_us - container_of(link, struct pooled, link)->since_us >= kept_us;
        if (is_kept || count == CIRCULATING_MOST) {
            break;
        }
        count++;
    }
    return count;
}

uint32_t opening_circulating(const struct pool *pool, int64_t now_us)
{
    return pool->counts[IDLE] + pool->counts[OPENING] + pool->counts[CHANGING] +
           lent_lately(pool, now_us);
}

// One of several that circulate, for the first of those that wait.
static bool is_worth_opening(struct pool *pool, uint32_t there, int64_t now_us)
{
    struct pool_waiter *first = container_of(pool->waiters.next, struct pool_waiter, link);
    int64_t waited_us = now_us - first->since_us;
    if (pool->counts[IDLE] > 0) { // none of which it can use
        return true;
    }
    if (waited_us < patience_us || pool->counts[OPENING] > 0) {
        return false;
    }
    if (waited_us >= still_us && now_us - pool->came_us >= still_us) {
        growth_insist(&pool->growth, there);
        return true;
    }
    if (growth_is_due(&pool->growth, there, now_us)) {
        const struct pools *pools = pool->pools;
        growth_judge(
            &pool->growth,
            pool_tokens_came_to_others(pools->tokens, pool->server, pools->settings.worker),
            now_us);
    }
    return growth_allows(&pool->growth, there);
}

// Connections on their way are enough for the waiters, or more may be opened.
static bool wants_opening(struct pool *pool)
{
    struct pools *pools = pool->pools;
    int64_t now_us = loop_now_us(pools->settings.loop);
    uint32_t there = opening_circulating(pool, now_us);
    if (pool->counts[OPENING] >= OPENING_MOST || pool->counts[OPENING] >= pool->waiting) {
        return false;
    }
    if (now_us < pool->full_until_us) {
        pools_retry_later(pools, pool->full_until_us);
        return false;
    }
    if (there >= GROWTH_FREE && !is_worth_opening(pool, there, now_us)) {
        pools_retry_later(pools, now_us + SHARING_LOOK_AGAIN_US);
        return false;
    }
    return true;
}

void opening_fill(struct pool *pool)
{
    while (!list_is_empty(&pool->waiters) && wants_opening(pool)) {
        struct limit_token token = LIMIT_TOKEN_NONE;
        if (!sharing_token_take(pool, &token)) {
            sharing_token_missed(pool);
            break;
        }
        pooled_open(pool, &container_of(pool->waiters.next, struct pool_waiter, link)->request,
                    token);
    }
}

bool opening_has_surplus(const struct pool *pool)
{
    return pool->waiting > 0 && growth_is_surplus(&pool->growth, pool_size(pool)) &&
           growth_is_surplus(&pool->growth,
                             opening_circulating(pool, loop_now_us(pool->pools->settings.loop)));
}

// --- those that were not opened ------------------------------------------------------------------

// The server took that password not: whether there is another one to try.
static bool other_secret_try(struct pool *pool, unsigned refused)
{
    bool is_last = refused == pool->secret && pool->is_other_tried;
    if (pool->account->secrets[1] == NULL || is_last) {
        pool->is_other_tried = false;
        return false;
    }
    if (refused == pool->secret) { // else it was opened before the first was refused
        pool->secret = 1 - refused;
        pool->is_other_tried = true;
    }
    return true;
}

bool opening_is_refused(struct pool *pool, unsigned secret, const struct conn_loss *loss)
{
    metric_add(pool->pools->settings.metrics, METRIC_BACKEND_FAILURES, 1,
               metric_backend(pool->server));
    if (conn_loss_is_of_account(loss) && other_secret_try(pool, secret)) {
        return false;
    }
    if (conn_loss_is_full(loss) && pool->waiting > 0 && sharing_make_room(pool)) {
        return false;
    }
    bool is_closed_to_new = conn_loss_is_full(loss) || conn_loss_is_of_account(loss);
    if (is_closed_to_new && pool->counts[LENT] + pool->counts[CHANGING] > 0) {
        pool->full_until_us = loop_now_us(pool->pools->settings.loop) + FULL_SECONDS * CLOCK_SECOND;
        pools_retry_later(pool->pools, pool->full_until_us);
        return false;
    }
    return true;
}
