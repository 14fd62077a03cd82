#include "router/topology/facts.h"

#include "router/topology/judge_priv.h"

// --- what is taken over as it is

// Without line breaks, which MySQL puts between uuids.
static struct slice gtid_text_copy(struct topology *topology, struct slice text)
{
    char *copy = arena_alloc(&topology->arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\n' && text.ptr[i] != '\r') {
            copy[len++] = text.ptr[i];
        }
    }
    return slice_make(copy, len);
}

static void gtid_take(struct topology *topology, struct server *server, struct slice text)
{
    server->gtid_text = gtid_text_copy(topology, text);
    if (!gtid_set_parse(&server->gtid, server->family, server->gtid_text)) {
        server->gtid_text = SLICE_NONE;
    }
}

static void server_copy(struct judge *judge, int i)
{
    const struct conf_backend *backend = &judge->config->backends[i];
    const struct server_facts *facts = &judge->facts[i];
    struct topology *next = judge->next;
    struct server *server = &next->servers[i];
    struct version version;

    server->name = topology_text(next, backend->name);
    server->address = topology_text(next, backend->address.text);
    server->zone = topology_text(next, backend->zone);
    server->max_connections = backend->max_connections;
    version_parse(facts->version, &version);
    server->family = version.family;
    server->version_number = version.number;
    server->version = topology_text(next, facts->version);
    server->capabilities = facts->capabilities;
    server->sql_mode = topology_text(next, facts->sql_mode);
    server->is_autocommit_off = facts->is_autocommit_off;
    server->latency_us = facts->latency_us;
    server->is_super_read_only = facts->is_super_read_only;
    server->is_read_only = facts->is_read_only || facts->is_super_read_only;
    server->gtid_us = facts->gtid_us;
    gtid_take(next, server, facts->gtid);
}

// The primary is found by all that each server has; how far a replica is, by what it has of others.
static void replica_gtid_take(struct judge *judge, int i)
{
    struct server *server = &judge->next->servers[i];
    if (server->role == ROLE_REPLICA) {
        gtid_take(judge->next, server, facts_replica_gtid(&judge->facts[i]));
    }
}

// --- how much of its share it gets

// A replica that was away comes back to a cold cache: its share grows from nothing to the whole.
static int64_t warmed_at(const struct judge *judge, const struct server *server)
{
    const struct server *before = judge->before[server->index];
    int64_t warmed_us = before != NULL ? before->warmed_us : 0;
    switch (server->state) {
    case SERVER_DOWN:
    case SERVER_OFFLINE:
    case SERVER_SHUNNED:
        return WARMED_LATER;
    case SERVER_UP:
        return warmed_us == WARMED_LATER ? judge->now_us + judge->config->monitor.slow_start_us
                                         : warmed_us;
    default:
        return warmed_us;
    }
}

static void weight_judge(struct judge *judge, int i)
{
    struct server *server = &judge->next->servers[i];
    int64_t slow_start_us = judge->config->monitor.slow_start_us;

    server->weight = judge->config->backends[i].weight;
    server->warmed_us = warmed_at(judge, server);
    int64_t left_us = server->warmed_us - judge->now_us;
    bool is_warming = server->role == ROLE_REPLICA && server->state == SERVER_UP && left_us > 0;
    if (is_warming && server->weight > 0) {
        int64_t warm_us = slow_start_us > left_us ? slow_start_us - left_us : 0;
        double share = (double)server->weight * (double)warm_us / (double)slow_start_us;
        server->weight = share > 1 ? (uint32_t)share : 1;
    }
}

// --- what clients are told

// The server that the others are expected to be like; NULL: none has greeted us yet.
static const struct server *server_told(const struct topology *next)
{
    if (next->last_primary >= 0 && next->servers[next->last_primary].family != FAMILY_UNKNOWN) {
        return &next->servers[next->last_primary];
    }
    for (int i = 0; i < next->count; i++) {
        if (next->servers[i].family != FAMILY_UNKNOWN) {
            return &next->servers[i];
        }
    }
    return NULL;
}

// The lowest version, for a driver that believes it finds every server able; and what all of them
// can do. A server that is away for a while still counts: it comes back.
static void version_judge(struct topology *next)
{
    const struct server *told = server_told(next);
    enum server_family family = told != NULL ? told->family : FAMILY_UNKNOWN;
    const struct server *lowest = NULL;
    uint64_t common = UINT64_MAX;

    for (int i = 0; i < next->count; i++) {
        const struct server *server = &next->servers[i];
        if (server->family == FAMILY_UNKNOWN || server->state == SERVER_OFFLINE) {
            continue;
        }
        common &= server->capabilities;
        if (server->family == family &&
            (lowest == NULL || server->version_number < lowest->version_number)) {
            lowest = server;
        }
    }
    next->common_capabilities = common != UINT64_MAX ? common : 0;
    next->server_version = lowest != NULL ? lowest->version : SLICE_NONE;
    next->sql_mode = told != NULL ? told->sql_mode : SLICE_NONE;
    next->is_autocommit_off = told != NULL && told->is_autocommit_off;
}

// --- who gets writes

// Why the server with the role gets no writes.
static struct slice head_explain(struct topology *next, const struct server *head)
{
    if (head->state == SERVER_UP) {
        return arena_print(&next->arena, "%.*s is read only", SLICE_ARG(head->name));
    }
    return arena_print(&next->arena, "%.*s is %s: %.*s", SLICE_ARG(head->name),
                       server_state_name(head->state), SLICE_ARG(head->reason));
}

static void writes_judge(struct judge *judge)
{
    struct topology *next = judge->next;
    const struct server *head = topology_head(next);

    bool is_settled = true;
    for (int i = 0; i < next->count; i++) {
        is_settled = is_settled && judge_is_settled(judge, i);
    }
    next->is_settled = is_settled || (judge->previous != NULL && judge->previous->is_settled);
    if (judge->is_elected && server_state_takes_writes(head->state)) {
        next->primary = head->index;
    } else if (next->absence == ABSENCE_NONE) {
        next->absence = ABSENCE_STATE;
        next->no_primary = head_explain(next, head);
    }
}

// --- public

struct topology *topology_build(const struct config *config, const struct server_facts *facts,
                                const struct topology *previous, int64_t now_us, int64_t wall_us)
{
    struct topology *next = topology_create((int)config->backend_count);
    struct judge judge = {.config = config,
                          .facts = facts,
                          .previous = previous,
                          .next = next,
                          .now_us = now_us,
                          .wall_us = wall_us};

    next->version = previous != NULL ? previous->version + 1 : 1;
    for (int i = 0; i < next->count; i++) {
        judge.before[i] =
            previous != NULL ? topology_find(previous, config->backends[i].name) : NULL;
        server_copy(&judge, i);
    }
    relations_judge(&judge);
    primary_judge(&judge);
    for (int i = 0; i < next->count; i++) {
        replica_gtid_take(&judge, i);
        state_judge(&judge, i);
        weight_judge(&judge, i);
    }
    version_judge(next);
    writes_judge(&judge);
    return next;
}
