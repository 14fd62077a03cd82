#include "router/decide/choose_priv.h"

#include <assert.h>

static void take(struct route *out, const struct topology *topology, int server,
                 enum route_reason reason)
{
    out->server = server;
    out->target = topology->servers[server].role == ROLE_PRIMARY ? ROUTE_PRIMARY : ROUTE_REPLICA;
    out->reason = reason;
}

// `reason` says what is missing.
static void wait_for(struct route *out, enum route_target target, enum route_reason reason)
{
    out->server = -1;
    out->must_wait = true;
    out->target = target;
    out->reason = reason;
}

bool server_can_read(const struct topology *topology, int index, int64_t max_lag_us)
{
    const struct server *server = &topology->servers[index];
    if (server->role == ROLE_PRIMARY) {
        return server_state_takes_reads(server->state);
    }
    return server_set_has(topology_replicas(topology, max_lag_us), index);
}

// The server with the newest data: the primary, or the head that takes no writes just now. -1:
// none.
static int newest_find(const struct topology *topology)
{
    const struct server *head = topology_head(topology);
    return head != NULL && server_state_takes_reads(head->state) ? head->index : -1;
}

static int replica_draw(const struct decide_input *in, uint64_t set)
{
    return balance_choose(in->config->routing.balance, in->topology, set, in->loads, in->balancer);
}

static void primary_choose(struct route *out, const struct topology *topology,
                           const struct want *want)
{
    if (topology->primary >= 0) {
        take(out, topology, topology->primary, want->reason);
    } else {
        wait_for(out, ROUTE_PRIMARY, ROUTE_REASON_NO_PRIMARY);
    }
}

static void newest_choose(struct route *out, const struct topology *topology,
                          const struct want *want)
{
    int newest = newest_find(topology);
    if (newest >= 0) {
        take(out, topology, newest, want->reason);
    } else {
        wait_for(out, ROUTE_PRIMARY, ROUTE_REASON_NO_PRIMARY);
    }
}

// --- what the session has written

static bool must_see_own_writes(const struct route *out, const struct decide_input *in)
{
    return out->consistency != CONF_CONSISTENCY_EVENTUAL && in->position != NULL &&
           !position_is_empty(in->position);
}

// Those that take a share of the reads; all of them where none has a share.
static uint64_t weighed_of(const struct topology *topology, uint64_t set)
{
    uint64_t weighed = 0;
    for (uint64_t left = set; left != 0; left &= left - 1) {
        int server = __builtin_ctzll(left);
        weighed |= (uint64_t)(topology->servers[server].weight > 0) << server;
    }
    return weighed != 0 ? weighed : set;
}

// Those of the set that may answer: at once, or after waiting for what the session wrote.
static uint64_t fresh_of(struct route *out, const struct decide_input *in, uint64_t set)
{
    if (!must_see_own_writes(out, in)) {
        return set;
    }
    set = weighed_of(in->topology, set);
    uint64_t having = positions_having(in->positions, in->position, set, in->now_us);
    if (having != 0) {
        return having;
    }
    uint64_t hopeful = positions_hopeful(in->positions, in->position, set, in->wait_us, in->now_us);
    out->wait_us = hopeful != 0 ? in->wait_us : 0;
    return hopeful;
}

// No replica may answer it that would see what the session wrote.
static void stale_choose(struct route *out, const struct decide_input *in)
{
    int newest = newest_find(in->topology);
    enum route_reason reason = positions_is_held(in->position, in->now_us)
                                   ? ROUTE_REASON_WRITE_HOLD
                                   : ROUTE_REASON_CONSISTENCY;
    if (newest >= 0) {
        take(out, in->topology, newest, reason);
    } else {
        wait_for(out, ROUTE_REPLICA, reason);
    }
}

static void answer_choose(struct route *out, const struct decide_input *in, const struct want *want)
{
    int newest = newest_find(in->topology);
    uint64_t set = newest < 0 ? topology_replicas(in->topology, 0) : 0;
    if (set != 0 && in->statement->tables_count > 0) {
        set = fresh_of(out, in, set);
    }
    if (newest >= 0) {
        take(out, in->topology, newest, want->reason);
    } else if (set != 0) {
        take(out, in->topology, replica_draw(in, set), ROUTE_REASON_NO_PRIMARY);
    } else {
        wait_for(out, ROUTE_PRIMARY, ROUTE_REASON_NO_SERVER);
    }
}

static void replica_choose(struct route *out, const struct decide_input *in,
                           const struct want *want)
{
    uint64_t set = topology_replicas(in->topology, out->max_lag_us);
    uint64_t fresh = fresh_of(out, in, set);
    int newest = set == 0 ? newest_find(in->topology) : -1;
    if (fresh != 0) {
        take(out, in->topology, replica_draw(in, fresh), want->reason);
    } else if (set != 0) {
        stale_choose(out, in);
    } else if (newest >= 0) {
        bool is_lag = topology_replicas(in->topology, 0) != 0;
        take(out, in->topology, newest, is_lag ? ROUTE_REASON_LAG : ROUTE_REASON_NO_REPLICA);
    } else {
        wait_for(out, ROUTE_REPLICA, ROUTE_REASON_NO_SERVER);
    }
}

static void backend_choose(struct route *out, const struct decide_input *in,
                           const struct want *want)
{
    bool is_primary = in->topology->servers[want->server].role == ROLE_PRIMARY;
    if (!is_primary && fresh_of(out, in, (uint64_t)1 << want->server) == 0) {
        stale_choose(out, in);
        return;
    }
    out->server = want->server;
    out->target = ROUTE_BACKEND;
    out->reason = want->reason;
}

void want_choose(struct route *out, const struct decide_input *in, const struct want *want)
{
    switch (want->kind) {
    case WANT_NONE:
        out->reason = want->reason;
        break;
    case WANT_BOUND:
        take(out, in->topology, want->server, want->reason);
        break;
    case WANT_PRIMARY:
        primary_choose(out, in->topology, want);
        break;
    case WANT_NEWEST:
        newest_choose(out, in->topology, want);
        break;
    case WANT_ANSWER:
        answer_choose(out, in, want);
        break;
    case WANT_REPLICA:
        replica_choose(out, in, want);
        break;
    case WANT_BACKEND:
        backend_choose(out, in, want);
        break;
    }
}
