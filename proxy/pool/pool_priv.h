// Inside the room only: how connections, pools and accounts hang together.
//
//     pool.c       one pool: its lists, its waiters, taking and giving
//     opening.c    when another connection is opened, and what it means that one was not
//     sharing.c    what accounts and workers leave to each other of what a server may have
//     ties.c       what connections hold for sessions that do not have them
//     growth.c     how many connections are worth having
//     pools.c      all of a worker's: accounts, what changes around them, expiry, showing
//     silence.c    servers whose machine has vanished
//     tokens.c     how many connections a server may have from all workers
//
//     pools --by user and traits--> pool_account --by server--> pool --lists by place--> pooled
#pragma once

#include "proxy/base/clock.h"
#include "proxy/pool/growth.h"
#include "proxy/pool/pool.h"

// On which of its pool's lists a connection stands.
enum place { OPENING, IDLE, CHANGING, LENT, PLACE_COUNT };

struct pooled {
    struct list link;
    struct pool *pool;
    struct conn *conn;
    struct pool_ties *ties[POOL_TIE_KINDS]; // sessions that it holds something for
    struct pool_waiter *waiter;             // CHANGING: for whom; NULL: for nobody
    unsigned saving;                        // CHANGING: bits of the kinds that are being asked for
    struct limit_token token;
    enum place place;
    int64_t since_us;     // when it came to its place
    int64_t opening_us;   // when its opening began
    int64_t opened_us;    // and ended; 0: not yet, or it was lent since
    unsigned secret;      // which of the account's it was opened with
    struct image *wanted; // OPENING: what it was opened for; a reference
    bool is_outdated;
};

struct pool {
    struct list link; // in pools->servers[]
    struct pools *pools;
    struct pool_account *account;
    int server;
    struct list places[PLACE_COUNT]; // IDLE: used most recently first
    uint32_t counts[PLACE_COUNT];
    struct list waiters; // those without a connection being changed for them
    uint32_t waiting;
    int64_t full_until_us;
    bool is_starving; // it found no token, and nothing of its own would come back soon
    struct growth growth;
    int64_t came_us;       // a connection came back
    int64_t progress_us;   // one came back that is of use still, or the first of them was lent
    struct loop_task task; // serves the waiters at the end of the turn
    unsigned secret;       // which of the account's is tried next
    bool is_other_tried;   // one was refused lately, the other one is on trial
    uint64_t opened, reused, closed;
};

static inline uint32_t pool_size(const struct pool *pool)
{
    return pool->counts[OPENING] + pool->counts[IDLE] + pool->counts[CHANGING] + pool->counts[LENT];
}

struct pool_account {
    struct pools *owner;
    struct slice key; // in pools->accounts; owned
    struct slice user;
    struct slice attributes; // of its new connections; owned
    uint32_t sessions;       // that have found it and not left
    bool is_retired;         // nobody finds it any more
    struct conn_traits traits;
    struct secret *secrets[POOL_SECRETS];     // the second may be NULL
    struct pool *pools[TOPOLOGY_SERVERS_MAX]; // NULL until used
};

struct pools {
    struct pools_settings settings;
    struct map accounts; // by user and traits; retired ones by a number
    uint64_t retired;    // how many there were
    struct list servers[TOPOLOGY_SERVERS_MAX];
    uint32_t used[TOPOLOGY_SERVERS_MAX];
    uint32_t waiting[TOPOLOGY_SERVERS_MAX];
    int64_t gave_way_us[TOPOLOGY_SERVERS_MAX]; // a connection was given up while sessions waited
    struct conn_target
        *targets[TOPOLOGY_SERVERS_MAX]; // a copy: what changed is told from what stayed
    int count;
    struct pool_tokens *tokens;
    const struct topology *topology;
    struct timer expiry;
    struct timer retry; // waiters are looked at again, those of a server that was full among them
    int64_t retry_us;   // when
    struct timer silence;
};

// --- pool.c --------------------------------------------------------------------------------------

// Nobody waits and nothing is lent.
void pool_destroy(struct pool *pool);
// Serves the waiters at the end of the turn.
void pool_wake(struct pool *pool);
// Closes and frees a connection that is not lent and that nobody waits for.
void pooled_close(struct pooled *pooled, enum conn_end end);
// The same of one that is outdated, once it has told what it holds for a session.
void pooled_retire(struct pooled *pooled);
void pool_refuse_all(struct pool *pool);
// The one function that moves a connection from one list to another.
void pooled_move(struct pooled *pooled, enum place place);
// The connection is READY again: to the waiter that it was changed for, else to the idle ones.
void pooled_ready(struct pooled *pooled);

// Opens one, with a token that is its own from then on.
void pooled_open(struct pool *pool, const struct pool_request *request, struct limit_token token);

// --- opening.c -----------------------------------------------------------------------------------

// Opens what the waiters are worth.
void opening_fill(struct pool *pool);
// How many come back soon, of those that are there.
uint32_t opening_circulating(const struct pool *pool, int64_t now_us);
// Sessions wait, and fewer connections would serve them as well.
bool opening_has_surplus(const struct pool *pool);
// One that was to be opened with that of the account's passwords was not. Whether the first waiter
// hears of it: not where there is another password to try, nor where the server only takes no more
// (it is full, or the account has changed since they logged in) and there are connections that
// others can do without.
bool opening_is_refused(struct pool *pool, unsigned secret, const struct conn_loss *loss);

// --- sharing.c -----------------------------------------------------------------------------------

// When those who wait look again, though nothing has come.
enum { SHARING_LOOK_AGAIN_US = 10 * CLOCK_MS };

// A token to open a connection with, if need be that of one that is idle here.
bool sharing_token_take(struct pool *pool, struct limit_token *token);
// There was none: others are asked for one, and those of whom nothing would come back are told
// apart.
void sharing_token_missed(struct pool *pool);
// The server takes no more connections, fewer than sluice may have: what is idle here or at another
// worker, whoever it is of, makes room. Returns whether something here has gone.
bool sharing_make_room(struct pool *pool);
// A token came back: if another worker waits for one, or another account of this one, it is told.
void sharing_token_came(struct pools *pools, int server);
// Sessions wait here, and elsewhere some have waited without a single connection to work with: one
// is to be given up for those. From time to time: opening another costs more than most statements.
bool sharing_is_asked(const struct pool *pool);
void sharing_give_way(struct pooled *pooled);

// --- silence.c -----------------------------------------------------------------------------------

void silence_init(struct pools *pools);
// That server has gone down, or is so no more.
void silence_follow(struct pools *pools, int server, bool is_down);

// --- ties.c --------------------------------------------------------------------------------------

// The session that it holds something for that must be asked for first. NULL: none.
struct pool_ties *pooled_holder(const struct pooled *pooled);
// Idle: asks for what it holds for that session, and is idle again behind it.
void pooled_save(struct pooled *pooled);
// What it holds is gone for those that it held it for.
void pooled_untie(struct pooled *pooled);
// Somebody else uses it now: others find nothing of theirs there any more.
void pooled_untie_others(struct pooled *pooled, const struct pool_ties *ties);

// --- pools.c -------------------------------------------------------------------------------------

// Closes the idle connection of that server, of any account, that nobody has used for longest.
// False: there is none that can be given up.
bool pools_give_up_idle(struct pools *pools, int server);
// The worker looks after idle connections from now on.
void pools_expire_later(struct pools *pools);
// Those that wait for that server look again at the end of the turn; first those who have nothing.
void pools_wake(struct pools *pools, int server);
// At that time those that wait for a server that was full try again.
void pools_retry_later(struct pools *pools, int64_t at_us);
