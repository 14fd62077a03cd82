// Inside the room only: what the sessions of a thread share.
#pragma once

#include "proxy/session/worker.h"

#include "proxy/backend/image.h"
#include "proxy/backend/prepared_text.h"
#include "proxy/base/list.h"
#include "proxy/base/map.h"
#include "proxy/net/timer.h"
#include "router/statement/statement_cache.h"

struct run;
struct session;

// Sessions whose replica is waited for, oldest first. One timer looks after all of them: one each
// would cost the loop a turn for every wait.
struct waits {
    struct list sessions;
    struct timer timer; // set while there are some
};

// Logins that a server is asked about, and those whose turn it is not yet, oldest first.
struct asking {
    struct list waiting, asked;
    struct loop_task task;
};

void asking_init(struct asking *asking);

struct worker {
    struct worker_shared *shared;
    unsigned index;
    struct loop *loop;
    struct metrics *metrics;
    struct log_source source;
    struct worker_setup *setup;
    struct worker_setup *first_setup; // its addresses are those that clients come in by
    const struct config *config;      // of the setup
    struct topology *topology;        // NULL until the monitor's first
    const struct catalogue *catalogue;
    uint64_t changes_given_up; // LEARNING of so many took too long
    struct resolver *resolver;
    struct conn_target **targets; // by server index
    struct conn_target *target_list[TOPOLOGY_SERVERS_MAX];
    struct list old_targets;
    struct image_table images;
    struct pools *pools;
    struct map accounts;
    struct map schemas; // "user\0schema" of logins that a server has let in
    struct map rights;  // by the account's name
    struct list sessions;
    struct list holding;
    struct list learning;
    struct list killers;  // connections that end statements
    struct list rechecks; // connections that verify passwords again
    struct list askers;   // connections that ask for rights
    struct list drains;   // connections whose answer nobody wants
    struct waits waits;
    struct asking asking;
    size_t session_count;
    uint32_t next_id;
    struct run *spare_runs;
    struct statement_cache *statements;
    struct prepared_table texts;
    struct statement_budget budgets[TOPOLOGY_SERVERS_MAX]; // by server index
    struct rules_scratch *scratch;
    struct balancer balancer;
    struct positions positions;          // how far the servers are
    struct buffer ok_changes, ok_packet; // of the OK that is being rewritten
    struct server_load loads[TOPOLOGY_SERVERS_MAX];
    uint32_t latency_us[TOPOLOGY_SERVERS_MAX]; // of answers, smoothed
    struct listener *listeners[CONF_LISTEN_MAX];
    size_t listener_count;
    uint64_t routes[ROUTE_REASON_COUNT][ROUTE_TARGET_COUNT];
    struct rule_hits *rule_hits; // by the rule's index
    struct digest_table *digests;
    uint8_t server_collation; // the servers' own, as one of them has told; 0: none has
    bool is_paused;
    bool is_draining;
};

// The server that passwords are tried on: the primary, or, with it away, a replica; not `except`
// (-1: any may be). -1: none.
int worker_server_for_logins(const struct worker *worker, int except);
// The sql_mode that sessions begin with, and the status flags.
struct slice worker_sql_mode(const struct worker *worker);
uint16_t worker_first_status(const struct worker *worker);
// The session of that id, or NULL.
struct session *worker_session(const struct worker *worker, uint32_t id);
// The same where it is HOLDING for what somebody does for its command of that number.
struct session *session_of_command(const struct worker *worker, uint32_t id, uint64_t serial);
