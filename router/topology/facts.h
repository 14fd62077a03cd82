// From facts to a snapshot: what the last probes said of each server, what the operator said, and
// what stood before give the next topology. Pure: the monitor gathers the facts, this file judges.
// Texts in the facts are borrowed for the call.
//
// Who is the primary. A server may take writes where it is writable and replicates from none of
// ours (or stands in a ring of replication). `role = primary` and `role = replica` are obeyed
// whatever the server says. Of several that may, one is taken only where it is provably right, in
// this order: one that replicates from nobody and has all transactions of the others and more; the
// primary of before; the only one that replicates from nobody at all; the only one that others
// replicate from. Else none is: writes are held, and an event says why. None is named before every
// server has been probed to an end, so that the first to answer is not taken for the only one; and
// where there was a primary, a server follows it only that has replicated from it, that others
// replicate from, or that has all of the old one's transactions.
//
// A server's state:
//
//     starting -- first good probe --> up <----> lagging    replicas: too far behind, stopped
//        |                             |  <----> shunned    live traffic fails; never the primary
//        | failures in a row           |  <----> draining   SET BACKEND name DRAIN
//        +---------> down <------------+  <----> offline    SET BACKEND name OFFLINE
//
// The first that holds, in this order: offline, down, starting, draining, shunned, lagging, up.
#pragma once

#include "conf/config.h"
#include "proxy/base/slice.h"
#include "router/topology/gtid.h"
#include "router/topology/topology.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum replication_thread { THREAD_STOPPED, THREAD_CONNECTING, THREAD_RUNNING };

// One replication channel of a server: a row of SHOW REPLICA STATUS.
struct channel_facts {
    struct slice name; // "" is the unnamed one
    struct slice source_host;
    uint16_t source_port;
    uint32_t source_server_id; // 0: not known
    struct slice source_uuid;  // MySQL; empty: not known
    enum replication_thread receiver;
    bool applier_runs;
    int64_t behind_us;  // Seconds_Behind_Source; -1: NULL
    struct slice error; // of receiver or applier; empty: none
};

enum admin_state { ADMIN_ONLINE, ADMIN_DRAIN, ADMIN_OFFLINE };

struct server_facts {
    // What an operator said.
    enum admin_state admin;

    // How the probes went.
    uint32_t failures;   // in a row; 0: the last one was good
    struct slice error;  // why the last one failed
    bool has_answered;   // there was a good one, which all of the following is of
    int64_t answered_us; // when, monotonic

    struct slice version; // as greeted
    uint64_t capabilities;
    uint32_t latency_us; // smoothed
    bool is_read_only;
    bool is_super_read_only;
    struct slice sql_mode;    // of new sessions
    bool is_autocommit_off;   // in new sessions
    uint32_t server_id;       // 0: not known
    struct slice uuid;        // MySQL
    struct slice report_host; // what it calls itself
    uint16_t report_port;
    struct slice gtid;            // executed set or current position; empty: GTIDs are off
    struct slice replicated_gtid; // MariaDB: without what it wrote itself; MySQL: the same
    int64_t gtid_us;              // when they were asked for, monotonic
    const struct channel_facts *channels;
    size_t channel_count;
    bool is_gtid_known;      // `gtid` is one that the primary had: by lag_history_knows()
    int64_t measured_lag_us; // by lag_history_measure(); -1: not known
    bool is_measure_old;     // the history goes on no more: the primary does not answer
    int64_t least_lag_us;    // where it is not: by lag_history_least(); 0: not known either

    // What live traffic said.
    int64_t shunned_until_us; // monotonic; 0: not shunned
    struct slice shunned_for;
};

// How far the server is as a replica. MariaDB's current position goes on with what a replica wrote
// to its own binlog, and only one that the primary had as well says what it has of the primary.
static inline struct slice facts_replica_gtid(const struct server_facts *facts)
{
    return facts->channel_count == 0 || facts->is_gtid_known ? facts->gtid : facts->replicated_gtid;
}

// The next snapshot, with one reference for the caller. `facts` has one entry for each of
// config->backends; `previous` may be NULL (the first) and may be of another configuration: its
// servers are found again by name. `now_us` is monotonic, `wall_us` the wall clock.
struct topology *topology_build(const struct config *config, const struct server_facts *facts,
                                const struct topology *previous, int64_t now_us, int64_t wall_us);

// --- news

enum { TOPOLOGY_EVENT_TEXT_SIZE = 512 };

// One line of the admin view `events`.
struct topology_event {
    const char *kind; // "backend.state", "backend.role", "topology.primary",
                      // "topology.no_primary", or a warning's
    int server;       // index in the new snapshot; -1: of no single one
    char text[TOPOLOGY_EVENT_TEXT_SIZE];
};
typedef void topology_event_fn(void *context, const struct topology_event *event);

// Calls `tell` for each thing that an operator wants to know of the step from `previous` (or NULL)
// to `next`.
void topology_compare(const struct topology *previous, const struct topology *next,
                      topology_event_fn *tell, void *context);

// Whether readers want to hear of `next` at once: the primary, a role, a state, a weight or what
// clients are told has changed. Lag, positions and latencies alone can wait for the next round.
bool topology_is_urgent(const struct topology *previous, const struct topology *next);
