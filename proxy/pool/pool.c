#include "proxy/pool/pool_priv.h"

#include "proxy/base/memory.h"

#include <assert.h>

enum { LOOK_MOST = 8 }; // idle connections looked at for one that needs no change

static void pool_serve(struct pool *pool);

// --- lists ---------------------------------------------------------------------------------------

static enum metric_state place_metric(enum place place)
{
    static const enum metric_state states[PLACE_COUNT] = {
        [OPENING] = METRIC_STATE_CONNECTING,
        [IDLE] = METRIC_STATE_IDLE,
        [CHANGING] = METRIC_STATE_USED,
        [LENT] = METRIC_STATE_USED,
    };
    return states[place];
}

static void place_count(struct pooled *pooled, int by)
{
    struct pool *pool = pooled->pool;
    pool->counts[pooled->place] += (uint32_t)by;
    pool->pools->used[pool->server] += pooled->place != IDLE ? (uint32_t)by : 0;
    metric_add(pool->pools->settings.metrics, METRIC_BACKEND_CONNECTIONS, by,
               metric_backend(pool->server), place_metric(pooled->place));
}

void pooled_move(struct pooled *pooled, enum place place)
{
    place_count(pooled, -1);
    list_remove(&pooled->link);
    pooled->place = place;
    pooled->since_us = loop_now_us(pooled->pool->pools->settings.loop);
    list_push_front(&pooled->pool->places[place], &pooled->link);
    place_count(pooled, 1);
}

void pool_wake(struct pool *pool)
{
    if (pool->waiting > 0) {
        loop_defer(pool->pools->settings.loop, &pool->task);
    }
}

static void pool_task_run(struct loop_task *task)
{
    pool_serve(container_of(task, struct pool, task));
}

static struct pool *pool_of(struct pools *pools, struct pool_account *account, int server)
{
    struct pool *pool = account->pools[server];
    if (pool != NULL) {
        return pool;
    }
    pool = mem_zero(1, sizeof(*pool));
    pool->pools = pools;
    pool->account = account;
    pool->server = server;
    for (int i = 0; i < PLACE_COUNT; i++) {
        list_init(&pool->places[i]);
    }
    list_init(&pool->waiters);
    loop_task_init(&pool->task, pool_task_run);
    growth_init(&pool->growth);
    list_push_back(&pools->servers[server], &pool->link);
    account->pools[server] = pool;
    return pool;
}

// --- ending connections --------------------------------------------------------------------------

static void pooled_free(struct pooled *pooled, enum conn_end end)
{
    struct pool *pool = pooled->pool;
    struct pools *pools = pool->pools;

    pooled_untie(pooled);
    image_unref(&pooled->wanted);
    place_count(pooled, -1);
    list_remove(&pooled->link);
    limit_give(&pooled->token);
    if (pooled->place != OPENING) {
        pool->closed++;
        metric_add(pools->settings.metrics, METRIC_BACKEND_CLOSED, 1, metric_backend(pool->server),
                   end);
    }
    mem_free(pooled);
    sharing_token_came(pools, pool->server);
}

void pooled_close(struct pooled *pooled, enum conn_end end)
{
    assert(pooled->waiter == NULL);
    conn_close(pooled->conn);
    pooled_free(pooled, end);
}

// --- waiters -------------------------------------------------------------------------------------

static void waiting_count(struct pool *pool, int by)
{
    pool->waiting += (uint32_t)by;
    pool->pools->waiting[pool->server] += (uint32_t)by;
    metric_add(pool->pools->settings.metrics, METRIC_POOL_WAITING, by,
               metric_backend(pool->server));
}

// Takes the waiter out of whatever it waits in.
static void waiter_leave(struct pool_waiter *waiter)
{
    struct pool *pool = waiter->pool;
    if (pool == NULL) {
        return;
    }
    if (waiter->pooled != NULL) {
        waiter->pooled->waiter = NULL;
        waiter->pooled = NULL;
    }
    list_remove(&waiter->link);
    timer_release(&waiter->timer);
    waiter->pool = NULL;
    waiting_count(pool, -1);
    if (pool->pools->waiting[pool->server] == 0) {
        pool_tokens_sated(pool->pools->tokens, pool->server, pool->pools->settings.worker);
    }
}

static void waiter_refuse(struct pool_waiter *waiter, enum pool_refusal refusal,
                          const struct conn_loss *loss)
{
    waiter_leave(waiter);
    waiter->refused(waiter, refusal, loss);
}

static void waiter_timed_out(struct timer *timer)
{
    struct pool_waiter *waiter = container_of(timer, struct pool_waiter, timer);
    struct pool *pool = waiter->pool;
    metric_add(pool->pools->settings.metrics, METRIC_POOL_TIMEOUTS, 1,
               metric_backend(pool->server));
    waiter_refuse(waiter, POOL_TIMED_OUT, NULL);
}

void pool_waiter_init(struct pool_waiter *waiter)
{
    list_init(&waiter->link);
    timer_init(&waiter->timer, waiter_timed_out);
    waiter->pool = NULL;
    waiter->pooled = NULL;
}

void pool_cancel(struct pool_waiter *waiter)
{
    waiter_leave(waiter);
}

// What of the wait was for a connection that is being opened since then.
static void connect_note(struct pool_waiter *waiter, int64_t opening_us)
{
    int64_t from_us = opening_us > waiter->since_us ? opening_us : waiter->since_us;
    waiter->connect_us = loop_now_us(waiter->pool->pools->settings.loop) - from_us;
}

static void pooled_lend(struct pooled *pooled, struct pool_ties *ties)
{
    struct pool *pool = pooled->pool;
    pooled->opened_us = 0;
    pool->is_starving = false;
    pooled_move(pooled, LENT);
    pool->progress_us = pool->counts[LENT] == 1 ? pooled->since_us : pool->progress_us;
    pooled_untie_others(pooled, ties);
    if (ties != NULL) {
        pool_tie_bind(ties, POOL_TIE_LAST, pooled, false);
    }
}

static void waiter_grant(struct pool_waiter *waiter, struct pooled *pooled)
{
    if (pooled->opened_us >= waiter->since_us) {
        connect_note(waiter, pooled->opening_us);
    }
    pooled_lend(pooled, waiter->ties);
    waiter_leave(waiter);
    waiter->granted(waiter, pooled);
}

void pool_refuse_all(struct pool *pool)
{
    while (!list_is_empty(&pool->waiters)) {
        waiter_refuse(container_of(pool->waiters.next, struct pool_waiter, link), POOL_GONE, NULL);
    }
}

// To the idle ones, unless another worker or another account waits for a connection to that server
// and nobody here does.
static void pooled_rest(struct pooled *pooled)
{
    struct pool *pool = pooled->pool;
    struct pools *pools = pool->pools;
    unsigned worker = pools->settings.worker;

    pooled_move(pooled, IDLE);
    if (pool->waiting == 0 && pool_tokens_is_hungry(pools->tokens, pool->server, worker)) {
        pools_retry(pools, pool->server);
    } else if (pool->waiting == 0 && pool_tokens_is_wanted(pools->tokens, pool->server, worker)) {
        pools_yield(pools, pool->server);
    } else {
        pools_expire_later(pools);
    }
}

// --- what the connections tell -------------------------------------------------------------------

void pooled_retire(struct pooled *pooled)
{
    if (pooled_holder(pooled) != NULL) {
        pooled_save(pooled); // comes to pooled_ready() then
    } else {
        pooled_close(pooled, CONN_END_OUTDATED);
    }
}

// max_connections was lowered below what there is.
static bool is_over_limit(const struct pool *pool)
{
    return pool_tokens_is_over(pool->pools->tokens, pool->server);
}

void pooled_ready(struct pooled *pooled)
{
    struct conn *conn = pooled->conn;
    struct pool *pool = pooled->pool;
    struct pool_waiter *waiter = pooled->waiter;
    bool was_used = pooled->place == CHANGING;

    if (pooled->place == OPENING) {
        pooled->opened_us = loop_now_us(pool->pools->settings.loop);
        pool->opened++;
        pool->is_other_tried = false;
        metric_add(pool->pools->settings.metrics, METRIC_BACKEND_OPENED, 1,
                   metric_backend(pool->server));
        image_unref(&pooled->wanted);
        pooled_move(pooled, IDLE); // from here on its end counts as that of an open one
    }
    if (pooled->is_outdated) {
        pooled->waiter = NULL;
        if (waiter != NULL) {
            waiter->pooled = NULL;
            list_push_front(&pool->waiters, &waiter->link);
        }
        pooled_close(pooled, CONN_END_OUTDATED);
    } else if (waiter != NULL && conn_is_as(conn, waiter->request.image)) {
        waiter_grant(waiter, pooled);
        return;
    } else if (waiter != NULL) {
        conn_apply(conn, waiter->request.image);
        return;
    } else if (was_used && is_over_limit(pool)) {
        pooled->is_outdated = true;
        pooled_retire(pooled);
    } else if (was_used && sharing_is_asked(pool)) {
        sharing_give_way(pooled);
    } else {
        pooled_rest(pooled);
    }
    pool_wake(pool);
}

static void on_ready(struct conn *conn)
{
    pooled_ready(conn_holder(conn));
}

// Whether the loss says something of what the connection was opened for, and of nothing else.
static bool is_about_image(const struct conn_loss *loss)
{
    enum { SCHEMA_DENIED = 1044, SCHEMA_UNKNOWN = 1049 };
    return loss->end == CONN_END_PREPARE || loss->code == SCHEMA_DENIED ||
           loss->code == SCHEMA_UNKNOWN;
}

// Who hears that a connection could not be opened: the first who waits, or the first who wants the
// same as the one that it was opened for. NULL: nobody.
static struct pool_waiter *blamed(const struct pool *pool, const struct image *wanted,
                                  const struct conn_loss *loss)
{
    list_each (link, (struct list *)&pool->waiters) {
        struct pool_waiter *waiter = container_of(link, struct pool_waiter, link);
        if (!is_about_image(loss) || slice_equal(waiter->request.image->schema, wanted->schema)) {
            return waiter;
        }
    }
    return NULL;
}

// A connection that was to be opened for the waiters was not.
static void opening_failed(struct pool *pool, int64_t opening_us, unsigned secret,
                           const struct image *wanted, const struct conn_loss *loss)
{
    struct pool_waiter *waiter =
        opening_is_refused(pool, secret, loss) ? blamed(pool, wanted, loss) : NULL;
    if (waiter != NULL) {
        connect_note(waiter, opening_us);
        waiter_refuse(waiter, POOL_FAILED, loss);
    }
}

// The server refused what one session wants: that session hears of it. Lost in the middle: another
// connection is looked for.
static void changing_failed(struct pool *pool, struct pool_waiter *waiter,
                            const struct conn_loss *loss)
{
    if (loss->end == CONN_END_PREPARE) {
        waiter_refuse(waiter, POOL_FAILED, loss);
        return;
    }
    list_remove(&waiter->link);
    list_push_front(&pool->waiters, &waiter->link);
}

static void on_closed(struct conn *conn, const struct conn_loss *loss)
{
    struct pooled *pooled = conn_holder(conn);
    struct pool *pool = pooled->pool;
    struct pools *pools = pool->pools;
    enum place place = pooled->place;
    int64_t opening_us = pooled->opening_us;
    unsigned secret = pooled->secret;
    struct pool_waiter *waiter = pooled->waiter;
    struct image *wanted = pooled->wanted;

    pooled->wanted = NULL;
    if (waiter != NULL) {
        waiter->pooled = NULL;
        pooled->waiter = NULL;
    }
    if (conn_loss_tells_of_server(loss)) {
        pools->settings.report(pools->settings.context, pool->server, loss);
    }
    pooled_free(pooled, loss->end);
    if (waiter != NULL) {
        changing_failed(pool, waiter, loss);
    } else if (place == OPENING) {
        opening_failed(pool, opening_us, secret, wanted, loss);
    }
    image_unref(&wanted);
    pool_wake(pool);
}

static size_t on_answer(struct conn *conn, const uint8_t *bytes, size_t len)
{
    (void)conn;
    (void)bytes;
    (void)len;
    assert(!"the pool relays nothing");
    return 0;
}

static const struct conn_handler handler = {
    .on_ready = on_ready,
    .on_answer = on_answer,
    .on_closed = on_closed,
};

// --- opening -------------------------------------------------------------------------------------

static bool is_replica(const struct pools *pools, int server)
{
    return pools->topology == NULL || server >= pools->topology->count ||
           pools->topology->servers[server].role != ROLE_PRIMARY;
}

void pooled_open(struct pool *pool, const struct pool_request *request, struct limit_token token)
{
    struct pools *pools = pool->pools;
    struct pooled *pooled = mem_zero(1, sizeof(*pooled));
    struct conn_settings settings = {
        .loop = pools->settings.loop,
        .target = pools->targets[pool->server],
        .user = pool->account->user,
        .secret = pool_account_secret(pool->account, pool->server),
        .traits = pool->account->traits,
        .collation = request->collation,
        .schema = request->image->schema,
        .attributes = pool->account->attributes,
        .multi_statements = request->image->multi_statements,
        .images = pools->settings.images,
        .is_replica = is_replica(pools, pool->server),
    };

    list_init(&pooled->link);
    pooled->pool = pool;
    pooled->token = token;
    pooled->place = OPENING;
    pooled->secret = pool->secret;
    pooled->wanted = image_ref(request->image);
    pooled->since_us = loop_now_us(pools->settings.loop);
    pooled->opening_us = pooled->since_us;
    list_push_front(&pool->places[OPENING], &pooled->link);
    place_count(pooled, 1);
    pooled->conn = conn_open(&settings, &handler, pooled);
}

// --- serving -------------------------------------------------------------------------------------

static bool can_take(const struct pooled *pooled, const struct pool_ties *ties)
{
    const struct pool_ties *holder = pooled_holder(pooled);
    return holder == NULL || holder == ties;
}

// A connection that holds something for the session and is idle in this pool.
static struct pooled *own_idle(const struct pool *pool, const struct pool_ties *ties,
                               enum pool_tie_kind kind)
{
    struct pooled *own = ties != NULL ? ties->of[kind].pooled : NULL;
    return own != NULL && own->place == IDLE && own->pool == pool ? own : NULL;
}

// An idle connection that is as the image wants it: the session's own, else one of those used last.
static struct pooled *idle_equal(struct pool *pool, const struct image *image,
                                 const struct pool_ties *ties)
{
    for (int kind = POOL_TIE_KINDS - 1; kind >= 0; kind--) {
        struct pooled *own = own_idle(pool, ties, (enum pool_tie_kind)kind);
        if (own != NULL && conn_is_as(own->conn, image) && can_take(own, ties)) {
            return own;
        }
    }
    int looked = 0;
    list_each (link, &pool->places[IDLE]) {
        struct pooled *pooled = container_of(link, struct pooled, link);
        if (looked++ == LOOK_MOST) {
            break;
        }
        if (conn_is_as(pooled->conn, image) && can_take(pooled, ties)) {
            return pooled;
        }
    }
    return NULL;
}

// The one to change: used longest ago, so that those that fit somebody stay as they are; one that
// holds something of somebody's only where there is no other.
static struct pooled *idle_oldest(struct pool *pool, const struct image *image,
                                  const struct pool_ties *ties)
{
    struct pooled *holding = NULL;
    for (int kind = POOL_TIE_KINDS - 1; kind > POOL_TIE_LAST; kind--) {
        struct pooled *own = own_idle(pool, ties, (enum pool_tie_kind)kind);
        if (own != NULL && conn_can_become(own->conn, image) && can_take(own, ties)) {
            return own;
        }
    }
    for (struct list *link = pool->places[IDLE].prev; link != &pool->places[IDLE];
         link = link->prev) {
        struct pooled *pooled = container_of(link, struct pooled, link);
        if (!conn_can_become(pooled->conn, image)) {
            continue;
        }
        if (can_take(pooled, ties)) {
            return pooled;
        }
        holding = holding != NULL ? holding : pooled;
    }
    return holding;
}

// Begins to bring `pooled` to what the waiter wants.
static void pooled_change(struct pooled *pooled, struct pool_waiter *waiter)
{
    list_remove(&waiter->link);
    pooled->waiter = waiter;
    waiter->pooled = pooled;
    if (!can_take(pooled, waiter->ties)) {
        pooled_save(pooled);
        return;
    }
    pooled_untie_others(pooled, waiter->ties); // the change covers up their traces
    pooled_move(pooled, CHANGING);
    conn_apply(pooled->conn, waiter->request.image);
}

// Gives what is idle to those that wait, first come first served, and opens more where there are
// too few.
static void pool_serve(struct pool *pool)
{
    while (!list_is_empty(&pool->waiters)) {
        struct pool_waiter *waiter = container_of(pool->waiters.next, struct pool_waiter, link);
        struct pooled *equal = idle_equal(pool, waiter->request.image, waiter->ties);
        if (equal != NULL) {
            waiter_grant(waiter, equal);
            continue;
        }
        struct pooled *other = idle_oldest(pool, waiter->request.image, waiter->ties);
        if (other == NULL) {
            break;
        }
        if (waiter->request.will_apply && can_take(other, waiter->ties)) {
            waiter_grant(waiter, other);
        } else {
            pooled_change(other, waiter);
        }
    }
    opening_fill(pool);
}

// What can be had at once.
static struct pooled *idle_found(struct pool *pool, const struct pool_request *request,
                                 const struct pool_ties *ties)
{
    struct pooled *pooled = idle_equal(pool, request->image, ties);
    if (pooled == NULL && request->will_apply) {
        pooled = idle_oldest(pool, request->image, ties);
    }
    return pooled != NULL && can_take(pooled, ties) ? pooled : NULL;
}

struct pooled *pool_take(struct pools *pools, const struct pool_request *request,
                         struct pool_waiter *waiter, struct pool_ties *ties)
{
    struct pool *pool = pool_of(pools, request->account, request->server);
    if (pool->waiting == 0) {
        struct pooled *pooled = idle_found(pool, request, ties);
        if (pooled != NULL) {
            pooled_lend(pooled, ties);
            pool->reused++;
            metric_add(pools->settings.metrics, METRIC_BACKEND_REUSED, 1,
                       metric_backend(pool->server));
            return pooled;
        }
    }
    waiter->pool = pool;
    waiter->pooled = NULL;
    waiter->request = *request;
    waiter->ties = ties;
    waiter->since_us = loop_now_us(pools->settings.loop);
    waiter->connect_us = 0;
    timer_set(&waiter->timer, pools->settings.loop, request->timeout_us);
    list_push_back(&pool->waiters, &waiter->link);
    waiting_count(pool, 1);
    metric_add(pools->settings.metrics, METRIC_POOL_WAITS, 1, metric_backend(pool->server));
    pool_wake(pool);
    return NULL;
}

struct pooled *pool_take_tied(struct pool_ties *ties, enum pool_tie_kind kind)
{
    struct pooled *pooled = ties->of[kind].pooled;
    if (pooled == NULL || pooled->place != IDLE || pooled->is_outdated) {
        return NULL;
    }
    pooled_lend(pooled, ties);
    return pooled;
}

// --- giving --------------------------------------------------------------------------------------

static void came_back(struct pool *pool)
{
    const struct pools *pools = pool->pools;
    pool->came_us = loop_now_us(pools->settings.loop);
    growth_came(&pool->growth);
    pool_tokens_came(pools->tokens, pool->server, pools->settings.worker);
}

void pool_give(struct pooled *pooled, enum pool_fate fate)
{
    struct pool *pool = pooled->pool;

    assert(pooled->place == LENT);
    came_back(pool);
    pool->progress_us = fate != POOL_CLOSE ? pool->came_us : pool->progress_us;
    conn_hold(pooled->conn, &handler, pooled);
    if (fate == POOL_KEEP && conn_has_lost_guard(pooled->conn)) {
        fate = POOL_RESET;
    }
    if (fate == POOL_CLOSE) {
        pooled_close(pooled, CONN_END_ABORTED);
    } else if (pooled->is_outdated && fate == POOL_RESET) {
        pooled_close(pooled, CONN_END_OUTDATED);
    } else if (pooled->is_outdated) {
        pooled_retire(pooled);
    } else if (fate == POOL_RESET) {
        pooled_untie(pooled);
        pooled_move(pooled, CHANGING);
        conn_reset(pooled->conn);
    } else if (is_over_limit(pool)) {
        pooled->is_outdated = true;
        pooled_retire(pooled);
    } else if (opening_has_surplus(pool) && pooled_holder(pooled) == NULL) {
        pooled_close(pooled, CONN_END_SURPLUS);
    } else if (sharing_is_asked(pool)) {
        sharing_give_way(pooled);
    } else {
        pooled_rest(pooled);
    }
    pool_wake(pool);
}

void pool_lost(struct pooled *pooled, enum conn_end end)
{
    struct pool *pool = pooled->pool;
    assert(pooled->place == LENT);
    pooled_free(pooled, end);
    pool_wake(pool);
}

struct conn *pooled_conn(const struct pooled *pooled)
{
    return pooled->conn;
}

int pooled_server(const struct pooled *pooled)
{
    return pooled->pool->server;
}

const struct pool_account *pooled_account(const struct pooled *pooled)
{
    return pooled->pool->account;
}

bool pooled_is_outdated(const struct pooled *pooled)
{
    return pooled->is_outdated;
}

// --- the end -------------------------------------------------------------------------------------

void pool_destroy(struct pool *pool)
{
    assert(pool->waiting == 0 && pool->counts[LENT] == 0);
    for (int place = 0; place < PLACE_COUNT; place++) {
        list_each_safe (link, &pool->places[place]) {
            pooled_close(container_of(link, struct pooled, link), CONN_END_CLOSED);
        }
    }
    loop_task_cancel(&pool->task);
    list_remove(&pool->link);
    mem_free(pool);
}
