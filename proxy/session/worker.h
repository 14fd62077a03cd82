// One worker: a thread with its loop and all that is its own on it: the sessions of its clients,
// the pools of its connections to servers, its snapshots of configuration and topology, its
// counters. Workers share nothing but what struct worker_shared names: values that never change,
// atomics, and messages.
#pragma once

#include "conf/config.h"
#include "protocol/login/account.h"
#include "protocol/login/login_key.h"
#include "proxy/base/file_stamp.h"
#include "proxy/base/helpers.h"
#include "proxy/base/refcount.h"
#include "proxy/net/listener.h"
#include "proxy/net/loop.h"
#include "proxy/net/tls.h"
#include "proxy/observe/digest_table.h"
#include "proxy/observe/log.h"
#include "proxy/observe/metric.h"
#include "proxy/pool/pool.h"
#include "router/catalogue/catalogue.h"
#include "router/decide/decide.h"
#include "router/rules/rules.h"
#include "router/topology/topology.h"

#include <stdatomic.h>

struct worker;

// --- what workers are given ----------------------------------------------------------------------

// As they were when they were read.
struct backend_files {
    struct file_stamp ca, cert, key;
};

// Everything that comes of one configuration, made and checked as a whole, then immutable: a reload
// makes another.
struct worker_setup {
    struct refcount refs;
    const struct config *config;
    const struct rules *rules;
    struct tls_context *client_tls;                        // NULL: clients get none
    struct tls_context *backend_tls[TOPOLOGY_SERVERS_MAX]; // by server index; NULL: none
    struct backend_files backend_files[TOPOLOGY_SERVERS_MAX];
    struct pool_tokens *tokens;
    struct limit_tokens *clients; // one counter: all clients
    struct limit_tokens *users;   // by section's index: its clients
    struct metric_labels labels;  // sizes and names for these servers; the arrays are the setup's
    bool *are_targets_kept;       // by server index: address and TLS are those of the setup before
};

struct worker_setup *worker_setup_ref(struct worker_setup *setup);
void worker_setup_unref(struct worker_setup *setup);

// Between the workers of one process; outlives them.
struct worker_shared {
    struct worker **workers;
    unsigned count;
    struct log *log;
    struct helpers *helpers;
    struct login_key *key;
    struct account_fakes fakes;
    atomic_uint
        sessions[POOL_WORKERS_MAX]; // open, by worker: new clients go where there are fewest
    atomic_bool is_draining;
    atomic_uint_fast64_t definitions; // grows when tables or rights may have changed
    // Grows when views, routines, triggers or foreign keys have changed; then catalogue_changed().
    // Begins with 1 where a first catalogue is to be waited for.
    atomic_uint_fast64_t catalogue_changes;
    // A server refused, lost or denied something: for the monitor. Any thread.
    void (*report)(void *context, int server, const struct conn_loss *loss);
    // Any thread.
    void (*catalogue_changed)(void *context);
    void *context;
};

// --- life ----------------------------------------------------------------------------------------

// On the creator's thread; the worker runs from worker_start() on.
struct worker *worker_create(struct worker_shared *shared, unsigned index,
                             struct worker_setup *setup);
void worker_start(struct worker *worker);
// Any thread. Closes everything and ends the thread.
void worker_stop(struct worker *worker);
// On the creator's thread: waits until the worker's thread has ended, if it ever ran.
void worker_join(struct worker *worker);
// After worker_join() of every worker: they may still have had words for each other.
void worker_destroy(struct worker *worker);

struct loop *worker_loop(const struct worker *worker);

// Before worker_start(): clients come in by that listener, which is on the worker's loop and the
// worker's from now on. `text` is the address as configured; it outlives the worker.
void worker_add_listener(struct worker *worker, struct listener *listener);
// For the settings of such a listener: the owner is the worker.
void worker_on_accept(struct listener *listener, int fd, const struct address *peer);

// --- news, from any thread; each takes effect between two events ---------------------------------

void worker_set_setup(struct worker *worker, struct worker_setup *setup);
void worker_set_topology(struct worker *worker, struct topology *topology);
void worker_set_catalogue(struct worker *worker, const struct catalogue *catalogue);
// Statements that need no connection a session already has are held back until resumed.
void worker_pause(struct worker *worker, bool is_paused);
// No new clients; sessions end when they stand at a boundary, the rest when worker_stop() comes.
void worker_drain(struct worker *worker);

// --- clients -------------------------------------------------------------------------------------

// The worker's own thread (a listener's callback): a new client, given to the worker with the
// fewest.
void worker_accept(struct worker *worker, int fd, const struct address *peer, struct slice listen);

// --- asking, from any thread ---------------------------------------------------------------------

// Runs `ask` on the worker's thread.
struct worker_question {
    struct loop_message message;
    struct worker *worker;
    void (*ask)(struct worker_question *question);
};
void worker_ask(struct worker *worker, struct worker_question *question);

// On the worker's thread:
struct metrics *worker_metrics(struct worker *worker);
struct pools *worker_pools(struct worker *worker);
size_t worker_session_count(const struct worker *worker);

// How many statements went where and why.
uint64_t worker_route_count(const struct worker *worker, enum route_reason reason,
                            enum route_target target);
struct rule_hits {
    uint64_t count;
    int64_t last_us; // wall clock; 0: never
};
struct rule_hits worker_rule_hits(const struct worker *worker, size_t rule);
// Times are on the loop's clock.
const struct digest_table *worker_digests(const struct worker *worker);

enum { SHOWN_ROOM = 1024, SHOWN_LONGEST = 1 << 20 };

struct session_facts {
    uint32_t id;
    struct slice user, schema, query; // borrowed
    char client[ADDRESS_TEXT_SIZE];
    const char *state;
    int64_t since_ms;
    int backend;            // server index, -1: none
    uint32_t connection_id; // there
    bool in_transaction;
    struct slice pin_reason; // empty: none
    uint64_t queries;
    bool is_running;        // `query` runs; else it was the last one
    char shown[SHOWN_ROOM]; // `query`, where it is not as it came
};
void worker_each_session(struct worker *worker,
                         void (*show)(const struct session_facts *facts, void *context),
                         void *context);

// Any thread. Ends a session or its statement; `done` is called on `reply`'s thread. `user` is who
// asks (only his own sessions), or empty for an operator.
enum kill_result { KILL_DONE, KILL_UNKNOWN, KILL_DENIED };
struct kill_request {
    struct worker_question question;
    struct loop_message back;
    struct loop *reply;
    uint32_t id;
    bool is_query;
    char user[128];
    bool is_operator;
    enum kill_result result;
    void (*done)(struct kill_request *request); // owns the request from then on
};
void worker_kill(struct worker_shared *shared, struct kill_request *request);
