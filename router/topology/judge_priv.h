// One judgement: what is known while topology_build() makes a snapshot. Inside the room only.
//
// relation.c says who follows whom, primary.c who is the primary, state.c in what state each server
// is; facts.c calls them in that order and owns the struct.
#pragma once

#include "router/topology/facts.h"

struct judge {
    const struct config *config;
    const struct server_facts *facts; // by index
    const struct topology *previous;  // or NULL
    struct topology *next;            // being made; its texts go into its arena
    int64_t now_us;
    int64_t wall_us;

    const struct server *before[TOPOLOGY_SERVERS_MAX]; // the server in `previous`, or NULL
    int followers[TOPOLOGY_SERVERS_MAX];               // how many that answer replicate from it
    uint64_t named;                                    // who is to be primary by configuration
    uint64_t writers; // who may take writes: those, else by the facts
    bool is_elected;  // the server with ROLE_PRIMARY is to get writes
    bool is_waiting;  // nobody is, before more servers have answered
};

// --- what is said of one server

static inline bool judge_is_down(const struct judge *judge, int i)
{
    return judge->facts[i].failures >= judge->config->monitor.failures;
}

// Whether its facts are worth something for whom it serves: it has answered, is not down, and no
// operator took it out.
static inline bool judge_is_alive(const struct judge *judge, int i)
{
    return judge->facts[i].has_answered && !judge_is_down(judge, i) &&
           judge->facts[i].admin != ADMIN_OFFLINE;
}

// Whether there is nothing to wait for: it has answered, is known not to, or does not count.
static inline bool judge_is_settled(const struct judge *judge, int i)
{
    return judge->facts[i].has_answered || judge_is_down(judge, i) ||
           judge->facts[i].admin == ADMIN_OFFLINE;
}

static inline bool judge_is_writable(const struct judge *judge, int i)
{
    return !judge->facts[i].is_read_only && !judge->facts[i].is_super_read_only;
}

static inline enum conf_role judge_configured_role(const struct judge *judge, int i)
{
    return judge->config->backends[i].role;
}

static inline struct slice judge_name(const struct judge *judge, int i)
{
    return judge->config->backends[i].name;
}

// --- relation.c

// Index of the server of ours that the channel of server `i` comes from, or -1.
int channel_source_find(const struct judge *judge, int i, const struct channel_facts *channel);
// Fills server.source and judge->followers.
void relations_judge(struct judge *judge);
// Whether the chain of sources that starts at `i` comes back to it.
bool relation_is_ring(const struct judge *judge, int i);

// --- primary.c

// Fills server.role, beside_us and may_succeed, last_primary, no_primary (where nobody is elected),
// judge->writers and judge->is_elected. Wants the relations and the servers' GTIDs.
void primary_judge(struct judge *judge);

// --- state.c

// Fills state, since, reason, lag and warnings of server `i`. Wants its role.
void state_judge(struct judge *judge, int i);
