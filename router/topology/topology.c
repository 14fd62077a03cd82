#include "router/topology/topology.h"

#include "proxy/base/memory.h"

#include <assert.h>

// --- the tables

struct state_row {
    const char *name;
    const char *text;
    bool takes_reads;
    bool takes_writes;
};

static const struct state_row states[] = {
#define SERVER_STATE(state, word, reads, writes, sentence)                                         \
    [state] = {.name = word, .text = sentence, .takes_reads = reads, .takes_writes = writes},
#include "router/topology/states.def"
#undef SERVER_STATE
};

struct warning_row {
    const char *kind;
    const char *text;
};

static const struct warning_row warnings[] = {
#define SERVER_WARNING(warning, word, sentence) [warning] = {.kind = word, .text = sentence},
#include "router/topology/warnings.def"
#undef SERVER_WARNING
};

const char *server_role_name(enum server_role role)
{
    static const char *const names[] = {
        [ROLE_UNKNOWN] = "unknown",
        [ROLE_PRIMARY] = "primary",
        [ROLE_REPLICA] = "replica",
    };
    return names[role];
}

const char *server_state_name(enum server_state state)
{
    return states[state].name;
}

const char *server_state_text(enum server_state state)
{
    return states[state].text;
}

bool server_state_takes_reads(enum server_state state)
{
    return states[state].takes_reads;
}

bool server_state_takes_writes(enum server_state state)
{
    return states[state].takes_writes;
}

const char *server_warning_kind(enum server_warning warning)
{
    return warnings[warning].kind;
}

const char *server_warning_text(enum server_warning warning)
{
    return warnings[warning].text;
}

// --- life

struct topology *topology_create(int count)
{
    assert(count > 0 && count <= TOPOLOGY_SERVERS_MAX);
    struct topology *topology = mem_zero(1, sizeof(*topology));
    refcount_init(&topology->refcount);
    topology->servers = mem_zero((size_t)count, sizeof(*topology->servers));
    topology->count = count;
    topology->primary = -1;
    topology->last_primary = -1;
    for (int i = 0; i < count; i++) {
        struct server *server = &topology->servers[i];
        server->index = i;
        server->state = SERVER_STARTING;
        server->lag_us = -1;
        server->source = -1;
    }
    return topology;
}

struct slice topology_text(struct topology *topology, struct slice text)
{
    return arena_copy(&topology->arena, text);
}

// What is shared is const to all but the count of references and the last to leave.
struct topology *topology_ref(const struct topology *topology)
{
    struct topology *shared = (struct topology *)topology;
    if (shared != NULL) {
        refcount_ref(&shared->refcount);
    }
    return shared;
}

void topology_unref(const struct topology *topology)
{
    struct topology *shared = (struct topology *)topology;
    if (shared == NULL || !refcount_unref(&shared->refcount)) {
        return;
    }
    for (int i = 0; i < shared->count; i++) {
        gtid_set_release(&shared->servers[i].gtid);
    }
    mem_free(shared->servers);
    arena_release(&shared->arena);
    mem_free(shared);
}

// --- asking

const struct server *topology_find(const struct topology *topology, struct slice name)
{
    for (int i = 0; i < topology->count; i++) {
        if (slice_equal(topology->servers[i].name, name)) {
            return &topology->servers[i];
        }
    }
    return NULL;
}

const struct server *topology_primary(const struct topology *topology)
{
    return topology->primary >= 0 ? &topology->servers[topology->primary] : NULL;
}

const struct server *topology_head(const struct topology *topology)
{
    for (int i = 0; i < topology->count; i++) {
        if (topology->servers[i].role == ROLE_PRIMARY) {
            return &topology->servers[i];
        }
    }
    return NULL;
}

static bool is_reading_replica(const struct server *server, int64_t max_lag_us)
{
    if (server->role != ROLE_REPLICA || !server_state_takes_reads(server->state)) {
        return false;
    }
    return max_lag_us <= 0 || (server->lag_us >= 0 && server->lag_us <= max_lag_us);
}

uint64_t topology_replicas(const struct topology *topology, int64_t max_lag_us)
{
    uint64_t set = 0;
    for (int i = 0; i < topology->count; i++) {
        set |= (uint64_t)is_reading_replica(&topology->servers[i], max_lag_us) << i;
    }
    return set;
}
