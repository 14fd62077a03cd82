// The servers as they stand: one immutable snapshot, published by the monitor, read by every
// thread. It owns all that it points to; whoever keeps it past the current event holds a
// reference. A new state of affairs is a new snapshot with a higher version.
//
// What always holds:
//   - servers[i].index == i, in the order of the configuration's [backend:...] sections;
//   - `primary` is -1 or the one server that may get writes: its role is ROLE_PRIMARY and its
//     state is SERVER_UP. No snapshot ever names two;
//   - at most one server has ROLE_PRIMARY: `primary`, or the one that would be it if it could take
//     writes now (it is down, draining, read only);
//   - a server gets new reads only in a state whose row in states.def says so.
#pragma once

#include "conf/config.h"
#include "proxy/base/arena.h"
#include "proxy/base/refcount.h"
#include "proxy/base/slice.h"
#include "router/topology/gtid.h"
#include "router/topology/version.h"

#include <stdbool.h>
#include <stdint.h>

// As many servers as one configuration may name: sets of servers are bits of a uint64_t.
enum { TOPOLOGY_SERVERS_MAX = CONF_BACKENDS_MAX };

enum server_role { ROLE_UNKNOWN, ROLE_PRIMARY, ROLE_REPLICA };

enum server_state {
#define SERVER_STATE(state, name, takes_reads, takes_writes, sentence) state,
#include "router/topology/states.def"
#undef SERVER_STATE
    SERVER_STATE_COUNT
};

#define WARMED_LATER INT64_MAX

// Bits of server.warnings, by their place in the table.
enum server_warning {
#define SERVER_WARNING(warning, kind, sentence) warning,
#include "router/topology/warnings.def"
#undef SERVER_WARNING
    SERVER_WARNING_COUNT
};

struct server {
    int index;
    struct slice name;    // the section's name: db1
    struct slice address; // as configured: host:port or a socket's path
    struct slice zone;

    enum server_role role;
    enum server_state state;
    struct slice reason; // a sentence: why this role and this state
    int64_t since_us;    // when the state began, wall clock
    uint32_t warnings;   // bits by enum server_warning

    int64_t lag_us;    // replicas: how far behind at most; -1: unknown, or replication stopped
    int64_t lag_at_us; // when that was so, monotonic
    int source;        // index of the server it replicates from; -1: none, or none of ours
    bool is_read_only; // read_only or super_read_only
    bool is_super_read_only;
    uint32_t latency_us; // round trip of the last good probe, smoothed; 0: unknown

    enum server_family family; // FAMILY_UNKNOWN until it greeted us once
    uint32_t version_number;   // 101106
    struct slice version;      // as the server greets: "5.5.5-10.11.6-MariaDB-log"
    uint64_t capabilities;     // as the server greets; MariaDB's extended ones in the upper half
    struct slice sql_mode;     // of new sessions; empty where none is, or it is not known
    bool is_autocommit_off;    // in new sessions

    uint32_t weight; // of now: smaller while a server that came back warms up; 0: no balanced reads
    int64_t warmed_us; // until when it warms up after it was away, monotonic; 0: it never was away;
                       // WARMED_LATER: it is
    uint32_t max_connections;

    struct slice gtid_text; // as the server prints it, line breaks left out; empty: GTIDs are off
    struct gtid_set gtid;   // the same, parsed
    int64_t gtid_us;        // when it was asked for, monotonic: what was committed by then is in it
    bool may_succeed;       // has replicated from the primary, and not written beside it since
    int64_t beside_us; // since when it is writable without being the primary, monotonic; 0: not
};

// Why nobody gets writes.
enum primary_absence {
    ABSENCE_NONE,     // there is a primary
    ABSENCE_WAITING,  // servers have not answered yet
    ABSENCE_SEVERAL,  // more than one takes writes, and none is known to be the newest
    ABSENCE_STRANGER, // the only one that does is not known to have the last primary's transactions
    ABSENCE_NOBODY,   // none does
    ABSENCE_STATE     // the one with the role is down, draining, read only
};

struct topology {
    struct refcount refcount;
    uint64_t version; // grows with each snapshot
    struct server *servers;
    int count;
    int primary;      // index, or -1: there is none that may get writes now
    int last_primary; // the primary of now, or the latest there was; -1: none yet
    enum primary_absence absence;
    struct slice no_primary; // a sentence: why there is none; empty where there is one
    bool is_settled;         // every server was once probed to an end, of those that there were

    struct slice server_version;  // what clients are told: the lowest server's of the primary's
                                  // family; empty until a server greeted us
    uint64_t common_capabilities; // what every server that ever greeted us can; 0 where none did
    struct slice sql_mode;        // of new sessions, on the server that writes go to, or did last
    bool is_autocommit_off;       // in new sessions there

    struct arena arena; // texts
};

// A new empty snapshot of `count` servers, all SERVER_STARTING, for its maker to fill before anyone
// else sees it. One reference. Texts are copied by topology_text().
struct topology *topology_create(int count);
struct slice topology_text(struct topology *topology, struct slice text);

// Both take NULL for nothing. topology_unref() with the last reference frees all.
struct topology *topology_ref(const struct topology *topology);
void topology_unref(const struct topology *topology);

// --- asking

// The server of that name (case matters, as in proxy.ini), or NULL.
const struct server *topology_find(const struct topology *topology, struct slice name);
// The server that may get writes, or NULL.
const struct server *topology_primary(const struct topology *topology);

// The server with ROLE_PRIMARY, in whatever state, or NULL: it may get reads where no replica can
// and its state allows it, though it may take no writes.
const struct server *topology_head(const struct topology *topology);

// The set of replicas that may get new reads: their state allows it and their lag is at most
// `max_lag_us` (0: the state alone decides). Those of unknown lag fit no limit.
uint64_t topology_replicas(const struct topology *topology, int64_t max_lag_us);

static inline bool server_set_has(uint64_t set, int index)
{
    return index >= 0 && (set >> index & 1) != 0;
}

const char *server_role_name(enum server_role role);
const char *server_state_name(enum server_state state);
// The row's sentence.
const char *server_state_text(enum server_state state);
const char *server_warning_kind(enum server_warning warning);
const char *server_warning_text(enum server_warning warning);
// Whether a server in that state gets new reads, or, as the primary, new writes.
bool server_state_takes_reads(enum server_state state);
bool server_state_takes_writes(enum server_state state);
