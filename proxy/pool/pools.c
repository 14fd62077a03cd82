#include "proxy/pool/pool_priv.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"

enum {
    KEPT_IDLE = 1, // in each pool, however long nobody uses it
    EXPIRY_SECONDS = 60,
};

// --- giving up -----------------------------------------------------------------------------------

// The idle connection of that server, of any account, that nobody has used for longest; one
// that holds nothing of a session's where there is such a one.
static struct pooled *server_oldest_idle(struct pools *pools, int server)
{
    struct pooled *oldest = NULL;
    bool oldest_holds = false;
    list_each (link, &pools->servers[server]) {
        struct pool *pool = container_of(link, struct pool, link);
        if (list_is_empty(&pool->places[IDLE])) {
            continue;
        }
        struct pooled *last = container_of(pool->places[IDLE].prev, struct pooled, link);
        bool holds = pooled_holder(last) != NULL;
        if (oldest == NULL || (oldest_holds && !holds) ||
            (oldest_holds == holds && last->since_us < oldest->since_us)) {
            oldest = last;
            oldest_holds = holds;
        }
    }
    return oldest;
}

// A connection that holds something of a session's ends here only when that is safe: it is asked
// for first.
bool pools_give_up_idle(struct pools *pools, int server)
{
    struct pooled *oldest = server_oldest_idle(pools, server);
    if (oldest == NULL) {
        return false;
    }
    if (pooled_holder(oldest) != NULL) {
        pooled_save(oldest); // given up the next time that somebody asks
        return false;
    }
    pooled_close(oldest, CONN_END_YIELDED);
    return true;
}

// --- accounts that go when nobody is left: of a client's address, or retired ---------------------

static bool account_is_passing(const struct pool_account *account)
{
    return account->traits.client.kind != ADDRESS_NONE || account->is_retired;
}

static void account_free(struct pool_account *account)
{
    secret_unref(&account->secrets[0]);
    secret_unref(&account->secrets[1]);
    mem_free((char *)account->key.ptr);
    mem_free((char *)account->user.ptr);
    mem_free((char *)account->attributes.ptr);
    mem_free(account);
}

static bool account_is_left(const struct pool_account *account)
{
    bool is_used = account->sessions > 0 || !account_is_passing(account);
    for (int i = 0; i < TOPOLOGY_SERVERS_MAX && !is_used; i++) {
        const struct pool *pool = account->pools[i];
        for (int place = 0; pool != NULL && place < PLACE_COUNT; place++) {
            is_used |= pool->counts[place] > 0;
        }
    }
    return !is_used;
}

static struct pool_account *account_left(const struct pools *pools)
{
    map_each (slot, &pools->accounts) {
        if (account_is_left(slot->value)) {
            return slot->value;
        }
    }
    return NULL;
}

static void accounts_expire(struct pools *pools)
{
    for (struct pool_account *left; (left = account_left(pools)) != NULL;) {
        for (int i = 0; i < TOPOLOGY_SERVERS_MAX; i++) {
            if (left->pools[i] != NULL) {
                pool_destroy(left->pools[i]);
            }
        }
        map_remove(&pools->accounts, left->key);
        account_free(left);
    }
}

// --- expiry --------------------------------------------------------------------------------------

// Those that have logged in before their account changed could not open another one.
static bool is_kept(const struct pool_account *account)
{
    return !account_is_passing(account) || (account->is_retired && account->sessions > 0);
}

// Closes what nobody has used for long; returns whether there is more to look after.
static bool pool_expire(struct pool *pool, int64_t now_us)
{
    struct list *idle = &pool->places[IDLE];
    uint32_t kept = is_kept(pool->account) ? KEPT_IDLE : 0;
    while (pool->counts[IDLE] > kept) {
        struct pooled *last = container_of(idle->prev, struct pooled, link);
        if (now_us - last->since_us < EXPIRY_SECONDS * CLOCK_SECOND) {
            return true;
        }
        if (pooled_holder(last) != NULL) {
            pooled_save(last);
            continue;
        }
        pooled_close(last, CONN_END_EXPIRED);
    }
    return false;
}

void pools_wake(struct pools *pools, int server)
{
    for (int pass = 0; pass < 2; pass++) {
        list_each (link, &pools->servers[server]) {
            struct pool *pool = container_of(link, struct pool, link);
            if ((pool_size(pool) == 0) == (pass == 0)) {
                pool_wake(pool);
            }
        }
    }
}

void pools_retry_later(struct pools *pools, int64_t at_us)
{
    if (!timer_is_set(&pools->retry) || at_us < pools->retry_us) {
        pools->retry_us = at_us;
        timer_set(&pools->retry, pools->settings.loop, at_us - loop_now_us(pools->settings.loop));
    }
}

static void retry_run(struct timer *timer)
{
    struct pools *pools = container_of(timer, struct pools, retry);
    for (int server = 0; server < TOPOLOGY_SERVERS_MAX; server++) {
        pools_wake(pools, server);
    }
}

void pools_expire_later(struct pools *pools)
{
    if (!timer_is_set(&pools->expiry)) {
        timer_set(&pools->expiry, pools->settings.loop, EXPIRY_SECONDS * CLOCK_SECOND / 4);
    }
}

static void expiry_run(struct timer *timer)
{
    struct pools *pools = container_of(timer, struct pools, expiry);
    int64_t now_us = loop_now_us(pools->settings.loop);
    bool goes_on = false;
    for (int server = 0; server < TOPOLOGY_SERVERS_MAX; server++) {
        list_each (link, &pools->servers[server]) {
            goes_on |= pool_expire(container_of(link, struct pool, link), now_us);
        }
    }
    accounts_expire(pools);
    if (goes_on) {
        pools_expire_later(pools);
    }
}

// --- what changes around them --------------------------------------------------------------------

static void pool_close_idle(struct pool *pool, enum conn_end end)
{
    list_each_safe (link, &pool->places[IDLE]) {
        pooled_close(container_of(link, struct pooled, link), end);
    }
}

// Everything that is out is marked; what is idle goes now.
static void pool_outdate(struct pool *pool)
{
    for (int place = 0; place < PLACE_COUNT; place++) {
        list_each (link, &pool->places[place]) {
            container_of(link, struct pooled, link)->is_outdated = true;
        }
    }
    list_each_safe (link, &pool->places[IDLE]) {
        pooled_retire(container_of(link, struct pooled, link));
    }
    pool_wake(pool);
}

static void pool_break_lent(struct pool *pool, enum conn_end end, const char *text)
{
    list_each_safe (link, &pool->places[LENT]) {
        conn_break(container_of(link, struct pooled, link)->conn, end, text);
    }
}

static const struct server *server_at(const struct topology *topology, int server)
{
    return topology != NULL && server < topology->count ? &topology->servers[server] : NULL;
}

static bool takes_nothing(const struct server *server)
{
    return server == NULL ||
           !(server_state_takes_reads(server->state) || server_state_takes_writes(server->state));
}

// Another one is the primary now, also where nobody can ask this one what it is.
static bool is_replaced(const struct server *server, const struct topology *topology)
{
    const struct server *head = topology_head(topology);
    return server->role == ROLE_REPLICA || (head != NULL && head != server);
}

static bool is_down(const struct server *server)
{
    return server != NULL && server->state == SERVER_DOWN;
}

static void server_changed(struct pools *pools, int index, const struct server *before,
                           const struct topology *topology)
{
    const struct server *now = server_at(topology, index);
    bool was_primary = before != NULL && before->role == ROLE_PRIMARY;
    bool is_primary = now != NULL && now->role == ROLE_PRIMARY;
    list_each (link, &pools->servers[index]) {
        struct pool *pool = container_of(link, struct pool, link);
        if (was_primary != is_primary || now == NULL) {
            pool_outdate(pool);
        }
        if (was_primary && now != NULL && is_replaced(now, topology)) {
            pool_break_lent(pool, CONN_END_DEMOTED, "the server is not the primary any more");
        }
        if (now != NULL && now->state == SERVER_OFFLINE) {
            pool_outdate(pool);
            pool_break_lent(pool, CONN_END_OFFLINE, "the server was set OFFLINE");
        }
        if (takes_nothing(now)) {
            pool_refuse_all(pool);
        }
        if (is_down(now)) {
            pool_close_idle(pool, CONN_END_LOST);
        }
    }
    if (is_down(before) != is_down(now)) {
        silence_follow(pools, index, is_down(now));
    }
}

void pools_set_topology(struct pools *pools, const struct topology *topology)
{
    const struct topology *before = pools->topology;
    pools->topology = topology;
    for (int i = 0; i < TOPOLOGY_SERVERS_MAX; i++) {
        const struct server *was = server_at(before, i);
        if (was != NULL || server_at(topology, i) != NULL) {
            server_changed(pools, i, was, topology);
        }
    }
}

void pools_set_targets(struct pools *pools, struct conn_target *const *targets, int count,
                       struct pool_tokens *tokens)
{
    pool_tokens_unref(pools->tokens);
    pools->tokens = pool_tokens_ref(tokens);
    for (int i = 0; i < pools->count; i++) {
        if (i < count && targets[i] == pools->targets[i]) {
            continue;
        }
        list_each (link, &pools->servers[i]) {
            pool_outdate(container_of(link, struct pool, link));
        }
    }
    memcpy(pools->targets, targets, (size_t)count * sizeof(pools->targets[0]));
    pools->count = count;
    for (int i = 0; i < count; i++) {
        while (pool_tokens_is_over(tokens, i) && pools_give_up_idle(pools, i)) {
            // what is used goes when it comes back
        }
    }
}

void pools_yield(struct pools *pools, int server)
{
    pools_give_up_idle(pools, server);
}

void pools_retry(struct pools *pools, int server)
{
    list_each (link, &pools->servers[server]) {
        container_of(link, struct pool, link)->full_until_us = 0;
    }
    pools_wake(pools, server);
}

// --- accounts ------------------------------------------------------------------------------------

static void account_key_write(struct buffer *key, struct slice user,
                              const struct conn_traits *traits)
{
    char text[ADDRESS_TEXT_SIZE];
    buffer_print(key, "%d%d%d%d%d%d", traits->found_rows, traits->ignore_space, traits->interactive,
                 traits->deprecate_eof, traits->extended_types, traits->query_attributes);
    if (traits->client.kind != ADDRESS_NONE) {
        buffer_print(key, "%s", address_print_host(&traits->client, text));
    }
    buffer_print(key, "/");
    buffer_append_slice(key, user);
}

static void secret_replace(struct secret **place, struct secret *secret)
{
    struct secret *before = *place;
    *place = secret != NULL ? secret_ref(secret) : NULL;
    secret_unref(&before);
}

struct pool_account *pools_account(struct pools *pools, struct slice user,
                                   struct conn_traits traits, struct secret *secret,
                                   struct secret *other)
{
    struct buffer key = BUFFER_INIT;
    account_key_write(&key, user, &traits);
    struct pool_account *account = map_get(&pools->accounts, buffer_slice(&key));
    if (account == NULL) {
        account = mem_zero(1, sizeof(*account));
        account->owner = pools;
        account->key = slice_make(slice_copy_text(buffer_slice(&key)), buffer_len(&key));
        account->user = slice_make(slice_copy_text(user), user.len);
        account->traits = traits;
        map_put(&pools->accounts, buffer_slice(&key), account);
    }
    buffer_release(&key);
    account->sessions++;
    secret_replace(&account->secrets[0], secret);
    secret_replace(&account->secrets[1], other);
    return account;
}

static void account_retire(struct pools *pools, struct pool_account *account)
{
    struct buffer key = BUFFER_INIT;
    map_remove(&pools->accounts, account->key);
    mem_free((char *)account->key.ptr);
    buffer_print(&key, "retired %llu", (unsigned long long)++pools->retired);
    account->key = slice_make(slice_copy_text(buffer_slice(&key)), buffer_len(&key));
    account->is_retired = true;
    map_put(&pools->accounts, account->key, account);
    buffer_release(&key);
}

// `user` NULL: those of everybody.
static void accounts_retire(struct pools *pools, const struct slice *user)
{
    struct pool_account **found =
        mem_zero(pools->accounts.count + 1, sizeof(struct pool_account *));
    size_t count = 0;
    map_each (slot, &pools->accounts) {
        struct pool_account *account = slot->value;
        if (!account->is_retired && (user == NULL || slice_equal(account->user, *user))) {
            found[count++] = account;
        }
    }
    for (size_t i = 0; i < count; i++) {
        account_retire(pools, found[i]);
    }
    mem_free(found);
    pools_expire_later(pools);
}

void pools_renew(struct pools *pools)
{
    accounts_retire(pools, NULL);
}

void pools_forget_user(struct pools *pools, struct slice user)
{
    accounts_retire(pools, &user);
}

void pools_account_leave(struct pool_account **account)
{
    struct pool_account *left = *account;
    *account = NULL;
    if (left != NULL && --left->sessions == 0 && account_is_passing(left)) {
        pools_expire_later(left->owner);
    }
}

void pool_account_tell(struct pool_account *account, struct slice attributes)
{
    if (!slice_equal(account->attributes, attributes)) {
        mem_free((char *)account->attributes.ptr);
        account->attributes = slice_make(slice_copy_text(attributes), attributes.len);
    }
}

struct slice pool_account_user(const struct pool_account *account)
{
    return account->user;
}

struct secret *pool_account_secret(const struct pool_account *account, int server)
{
    const struct pool *pool = account->pools[server];
    return account->secrets[pool != NULL && account->secrets[1] != NULL ? pool->secret : 0];
}

const struct conn_traits *pool_account_traits(const struct pool_account *account)
{
    return &account->traits;
}

// --- life ----------------------------------------------------------------------------------------

struct pools *pools_create(const struct pools_settings *settings)
{
    struct pools *pools = mem_zero(1, sizeof(*pools));
    pools->settings = *settings;
    for (int i = 0; i < TOPOLOGY_SERVERS_MAX; i++) {
        list_init(&pools->servers[i]);
    }
    timer_init(&pools->expiry, expiry_run);
    timer_init(&pools->retry, retry_run);
    silence_init(pools);
    return pools;
}

void pools_destroy(struct pools *pools)
{
    for (int i = 0; i < TOPOLOGY_SERVERS_MAX; i++) {
        list_each_safe (link, &pools->servers[i]) {
            pool_destroy(container_of(link, struct pool, link));
        }
    }
    map_each (slot, &pools->accounts) {
        account_free(slot->value);
    }
    map_release(&pools->accounts);
    pool_tokens_unref(pools->tokens);
    timer_release(&pools->expiry);
    timer_release(&pools->retry);
    timer_release(&pools->silence);
    mem_free(pools);
}

// --- showing -------------------------------------------------------------------------------------

void pools_each(struct pools *pools, void (*show)(const struct pool_facts *facts, void *context),
                void *context)
{
    for (int i = 0; i < TOPOLOGY_SERVERS_MAX; i++) {
        list_each (link, &pools->servers[i]) {
            const struct pool *pool = container_of(link, struct pool, link);
            struct pool_facts facts = {
                .server = i,
                .user = pool->account->user,
                .used = pool->counts[LENT] + pool->counts[CHANGING] + pool->counts[OPENING],
                .idle = pool->counts[IDLE],
                .waiting = pool->waiting,
                .opened = pool->opened,
                .reused = pool->reused,
                .closed = pool->closed,
            };
            show(&facts, context);
        }
    }
}

uint32_t pools_used(const struct pools *pools, int server)
{
    return pools->used[server];
}

struct pool_queue pool_account_queue(const struct pool_account *account, int server)
{
    const struct pool *pool = account->pools[server];
    if (pool == NULL || pool->waiting == 0) {
        return (struct pool_queue){.waiting = 0};
    }
    int64_t now_us = loop_now_us(pool->pools->settings.loop), since_us = now_us;
    if (pool->counts[LENT] > 0) {
        since_us = pool->progress_us;
    } else if (!list_is_empty(&pool->waiters)) { // for the first connection
        since_us = container_of(pool->waiters.next, struct pool_waiter, link)->since_us;
    }
    return (struct pool_queue){.waiting = pool->waiting, .stalled_us = now_us - since_us};
}
