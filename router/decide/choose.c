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

static void answer_choose(struct route *out, const struct decide_input *in, const struct want *want)
{
    int newest = newest_find(in->topology);
    int replica = newest < 0 ? replica_draw(in, topology_replicas(in->topology, 0)) : -1;
    if (newest >= 0) {
        take(out, in->topology, newest, want->reason);
    } else if (replica >= 0) {
        take(out, in->topology, replica, ROUTE_REASON_NO_PRIMARY);
    } else {
        wait_for(out, ROUTE_PRIMARY, ROUTE_REASON_NO_SERVER);
    }
}

static void replica_choose(struct route *out, const struct decide_input *in,
                           const struct want *want)
{
    uint64_t set = topology_replicas(in->topology, out->max_lag_us);
    int newest = set == 0 ? newest_find(in->topology) : -1;
    if (set != 0) {
        take(out, in->topology, replica_draw(in, set), want->reason);
    } else if (newest >= 0) {
        bool is_lag = topology_replicas(in->topology, 0) != 0;
        take(out, in->topology, newest, is_lag ? ROUTE_REASON_LAG : ROUTE_REASON_NO_REPLICA);
    } else {
        wait_for(out, ROUTE_REPLICA, ROUTE_REASON_NO_SERVER);
    }
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
        out->server = want->server;
        out->target = ROUTE_BACKEND;
        out->reason = want->reason;
        break;
    }
}
