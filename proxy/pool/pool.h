// The connections to servers that one worker has: for each (server, user, traits) a pool, and in
// each pool every connection on the list that is its state: opening, idle, changing (being brought
// to an image), lent. Sessions take a connection for a statement or for as long as they must keep
// one, and give it back. One thread: the worker's.
//
// A session that finds no connection ready waits in the pool's queue, first come first served, with
// a deadline. How many connections a server gets from all workers together is limited by tokens
// (struct pool_tokens): a worker that finds none says so there, and others give up an idle
// connection for it.
//
// A connection remembers the session that used it last (struct pool_ties): that session gets it
// back if nobody needed it meanwhile. What only the server knows for that session (its last insert
// id, warnings) is asked for and told to it before somebody else gets the connection, and those
// that hold nothing of anybody's are given away first.
#pragma once

#include "proxy/backend/conn.h"
#include "proxy/backend/image.h"
#include "proxy/base/list.h"
#include "proxy/base/map.h"
#include "proxy/net/loop.h"
#include "proxy/net/timer.h"
#include "proxy/observe/metric.h"
#include "proxy/pool/tokens.h"
#include "router/topology/topology.h"

struct pool;
struct pools;
struct pooled; // a connection with its place in the pool

// --- life of a worker's pools --------------------------------------------------------------------

struct pools_settings {
    struct loop *loop;
    struct metrics *metrics;
    struct image_table *images;
    unsigned worker; // this one's index in the tokens
    // Asks the other workers to give up an idle connection to that server (pools_yield()).
    void (*ask_others)(void *context, int server);
    // A token of that server came free; that worker waits for one (pools_retry() on it).
    void (*token_free)(void *context, int server, unsigned worker);
    // A server could not be reached, or refused or lost a connection: for the monitor.
    void (*report)(void *context, int server, const struct conn_loss *loss);
    void *context;
};

struct pools *pools_create(const struct pools_settings *settings);
// Closes every connection; nobody may hold or wait for one.
void pools_destroy(struct pools *pools);

// The servers to connect to: `targets` by server index, each borrowed until the next call and by
// the connections made in between. Indexes of servers that stay do not change.
void pools_set_targets(struct pools *pools, struct conn_target *const *targets, int count,
                       struct pool_tokens *tokens);
// What the monitor says now; borrowed until the next call. Connections whose server changed its
// role are outdated: idle ones close, lent ones when they are given back; those to a primary that
// is none any more, or to a server that was set OFFLINE, are broken at once. Waiters for a server
// that takes nothing any more are refused.
void pools_set_topology(struct pools *pools, const struct topology *topology);

// --- accounts ------------------------------------------------------------------------------------

// A user with the traits that its connections cannot change later: one pool for each server. A
// session finds its own once, at the login. Lives as long as the pools; one of a client's address
// only until nobody of that address is left: there may be many of those.
struct pool_account;

enum { POOL_SECRETS = 2 };

// Takes references to the secret (NULL: no password) and to another one that servers may take in
// its place (NULL: none), while a password changes; newer ones replace the older.
struct pool_account *pools_account(struct pools *pools, struct slice user,
                                   struct conn_traits traits, struct secret *secret,
                                   struct secret *other);

// Sessions that log in from now on get connections that are opened from now on, with the servers'
// global values of now. Those that are there keep theirs.
void pools_renew(struct pools *pools);

// The session has no connection of it any more, and takes none. NULL is nothing.
void pools_account_leave(struct pool_account **account);

// What its new connections tell servers of the client, as attribute_encode() writes it: a copy.
void pool_account_tell(struct pool_account *account, struct slice attributes);
// Borrowed.
struct slice pool_account_user(const struct pool_account *account);
struct secret *pool_account_secret(const struct pool_account *account, int server);
const struct conn_traits *pool_account_traits(const struct pool_account *account);

// --- taking and giving ---------------------------------------------------------------------------

// Why a waiter got nothing.
enum pool_refusal {
    POOL_TIMED_OUT, // the deadline passed
    POOL_FAILED,    // the connection could not be opened or prepared: `loss` says why
    POOL_GONE,      // the server takes nothing any more, or is no longer ours
};

struct pool_request {
    struct pool_account *account;
    int server;
    uint16_t collation;  // for the handshake of a new connection
    struct image *image; // what the connection must be; borrowed until the waiter is told
    bool will_apply;     // or must be able to become: the taker makes it so by conn_apply()
    int64_t timeout_us;
};

// Embedded in the session. Its functions are called from the loop only.
struct pool_waiter {
    struct list link;
    struct timer timer;
    struct pool *pool;     // NULL: not waiting
    struct pooled *pooled; // being changed for it
    struct pool_request request;
    struct pool_ties *ties;
    int64_t since_us;
    int64_t connect_us; // told: how long of it the connection was being opened
    void (*granted)(struct pool_waiter *waiter, struct pooled *pooled);
    void (*refused)(struct pool_waiter *waiter, enum pool_refusal refusal,
                    const struct conn_loss *loss);
};

// Embedded in the session: connections that hold something for it, though they are idle or somebody
// else's by now.
enum pool_tie_kind {
    POOL_TIE_LAST,       // it ran the session's last statement
    POOL_TIE_CONDITIONS, // it has the warnings or the error that SHOW WARNINGS would tell of
    POOL_TIE_FOUND_ROWS, // it knows the session's FOUND_ROWS()
    POOL_TIE_INSERT_ID,  // it knows the session's LAST_INSERT_ID()
    POOL_TIE_KINDS
};

struct pool_tie {
    struct pooled *pooled; // NULL: none does
    enum pool_tie_kind kind;
    bool is_needed; // nobody else gets the connection before that has been asked for
};

// What a connection knew, where somebody else wants it.
struct pool_saved {
    enum pool_tie_kind kind;
    bool is_known;                  // else the server did not say it
    uint64_t value;                 // FOUND_ROWS, INSERT_ID
    const struct conn_result *rows; // CONDITIONS: what SHOW WARNINGS answered; lives for the call
};

struct pool_ties {
    struct pool_tie of[POOL_TIE_KINDS];
    // Tells what was saved, when the tie is cut. NULL: the connection with what was to be saved is
    // gone. It takes nothing of the pools and gives nothing back.
    void (*saved)(struct pool_ties *ties, const struct pool_saved *saved);
};

void pool_waiter_init(struct pool_waiter *waiter);
void pool_ties_init(struct pool_ties *ties,
                    void (*saved)(struct pool_ties *ties, const struct pool_saved *saved));
// From now on `pooled` holds that for the session.
void pool_tie_bind(struct pool_ties *ties, enum pool_tie_kind kind, struct pooled *pooled,
                   bool is_needed);
void pool_tie_cut(struct pool_tie *tie);
void pool_ties_cut(struct pool_ties *ties);

// A connection that is READY and as the request wants it, at once, or NULL: then the waiter is
// told. The caller becomes the holder by conn_hold(pooled_conn()). `ties` say which connections are
// preferred; the one taken is the last one from then on.
struct pooled *pool_take(struct pools *pools, const struct pool_request *request,
                         struct pool_waiter *waiter, struct pool_ties *ties);
// Takes the tied connection alone, as it is; NULL where it is not idle.
struct pooled *pool_take_tied(struct pool_ties *ties, enum pool_tie_kind kind);
// Asks the tied connection for what it holds, where it is idle or that has begun. False where there
// is no such connection, or somebody has it.
bool pool_save_tied(struct pool_ties *ties, enum pool_tie_kind kind);
bool pool_is_saving(const struct pool_ties *ties, enum pool_tie_kind kind);
// The waiter is not told any more. Also for one that does not wait.
void pool_cancel(struct pool_waiter *waiter);

enum pool_fate {
    POOL_KEEP,  // READY and clean: what conn_image() says is all the state that it has
    POOL_RESET, // READY, with state that the next session must not see
    POOL_CLOSE, // in the middle of something
};
// Gives a taken connection back; the pool is its holder again.
void pool_give(struct pooled *pooled, enum pool_fate fate);
// The holder was told that the connection closed: its place is freed.
void pool_lost(struct pooled *pooled, enum conn_end end);

struct conn *pooled_conn(const struct pooled *pooled);
int pooled_server(const struct pooled *pooled);
const struct pool_account *pooled_account(const struct pooled *pooled);
// Whether the server's role or place changed since it was opened: the holder lets go of it as soon
// as it can.
bool pooled_is_outdated(const struct pooled *pooled);

// --- between workers -----------------------------------------------------------------------------

// Another worker wants a token of that server: closes an idle connection if there is one.
void pools_yield(struct pools *pools, int server);
// A token may be free: waiters for that server try again.
void pools_retry(struct pools *pools, int server);
// The account changed: as pools_renew(), for its sessions alone. As on a server, those that are
// logged in go on.
void pools_forget_user(struct pools *pools, struct slice user);

// --- showing -------------------------------------------------------------------------------------

struct pool_facts {
    int server;
    struct slice user; // borrowed
    uint32_t used, idle, waiting;
    uint64_t opened, reused, closed;
};

// Calls `show` for every pool.
void pools_each(struct pools *pools, void (*show)(const struct pool_facts *facts, void *context),
                void *context);
// Connections that are not idle, of all accounts.
uint32_t pools_used(const struct pools *pools, int server);

// Whom a session of that account would wait behind, and for how long no connection has come back
// for them, in microseconds. Nothing where nobody waits.
struct pool_queue {
    uint32_t waiting;
    int64_t stalled_us;
};
struct pool_queue pool_account_queue(const struct pool_account *account, int server);
