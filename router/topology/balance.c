#include "router/topology/balance.h"

#include "proxy/base/random.h"

#include <assert.h>

// Two servers whose costs differ by less than an eighth are equals: who was drawn first wins, so
// that noise in the latencies does not send everything to one.
#define COST_NOISE 0.875

// What is left of the set when it comes to choosing: servers with their shares.
struct candidates {
    int servers[TOPOLOGY_SERVERS_MAX];
    uint32_t shares[TOPOLOGY_SERVERS_MAX];
    uint64_t total; // of the shares
    int count;
};

static void candidate_add(struct candidates *candidates, int server, uint32_t share)
{
    candidates->servers[candidates->count] = server;
    candidates->shares[candidates->count] = share;
    candidates->total += share;
    candidates->count++;
}

// Those of weight 0 count only where there is no other, and are equals then.
static void candidates_gather(struct candidates *candidates, const struct topology *topology,
                              uint64_t set)
{
    candidates->total = 0;
    candidates->count = 0;
    for (uint64_t rest = set; rest != 0; rest &= rest - 1) {
        int server = __builtin_ctzll(rest);
        assert(server < topology->count);
        if (topology->servers[server].weight > 0) {
            candidate_add(candidates, server, topology->servers[server].weight);
        }
    }
    for (uint64_t rest = candidates->count == 0 ? set : 0; rest != 0; rest &= rest - 1) {
        candidate_add(candidates, __builtin_ctzll(rest), 1);
    }
}

// Place of one of them by chance, each as likely as its share is large.
static int candidate_draw(const struct candidates *candidates)
{
    uint64_t point = random_u64() % candidates->total;
    int place = 0;
    while (point >= candidates->shares[place]) {
        point -= candidates->shares[place++];
    }
    return place;
}

// --- the least loaded

// Of a server that gives nothing back the latency is not what it was. Never 0.
static uint32_t latency_of(const struct topology *topology, const struct server_load *loads,
                           int server)
{
    const struct server_load *load = &loads[server];
    uint32_t latency_us =
        load->latency_us != 0 ? load->latency_us : topology->servers[server].latency_us;
    if (load->stalled_us > latency_us) {
        return load->stalled_us;
    }
    return latency_us > 0 ? latency_us : 1;
}

static uint64_t outstanding(const struct server_load *load)
{
    return (uint64_t)load->used + load->waiting;
}

// What the next statement costs there: the latency, once for itself and once for each that is there
// already, those weighed by the server's share against the mean one.
static double candidate_cost(const struct candidates *candidates, int place,
                             const struct topology *topology, const struct server_load *loads)
{
    int server = candidates->servers[place];
    double mean_share = (double)candidates->total / candidates->count;
    double queue = (double)outstanding(&loads[server]) * mean_share / candidates->shares[place];
    return latency_of(topology, loads, server) * (1 + queue);
}

// The same, with itself weighed as well: nobody was drawn by weight.
static double share_cost(const struct candidates *candidates, int place,
                         const struct topology *topology, const struct server_load *loads)
{
    int server = candidates->servers[place];
    return latency_of(topology, loads, server) * (1.0 + (double)outstanding(&loads[server])) /
           candidates->shares[place];
}

// The cheapest of all; one of the equals by weight.
static int cheapest_choose(const struct candidates *candidates, const struct topology *topology,
                           const struct server_load *loads)
{
    struct candidates equals = {.total = 0, .count = 0};
    double costs[TOPOLOGY_SERVERS_MAX];
    double least = 0;
    for (int i = 0; i < candidates->count; i++) {
        costs[i] = share_cost(candidates, i, topology, loads);
        least = i == 0 || costs[i] < least ? costs[i] : least;
    }
    for (int i = 0; i < candidates->count; i++) {
        if (costs[i] * COST_NOISE <= least) {
            candidate_add(&equals, candidates->servers[i], candidates->shares[i]);
        }
    }
    assert(equals.total > 0); // the cheapest itself is one
    return equals.servers[candidate_draw(&equals)];
}

// The two are drawn each on its own, so that both may be the same: else the lightest of three
// would get a third however small its weight. Where sessions wait already nothing is left to
// chance: it would send more to a server that is stuck than that one ends, until all of them wait
// there.
static int p2c_choose(const struct candidates *candidates, const struct topology *topology,
                      const struct server_load *loads)
{
    int first = candidate_draw(candidates);
    if (loads != NULL && loads[candidates->servers[first]].waiting > 0) {
        return cheapest_choose(candidates, topology, loads);
    }
    int second = candidate_draw(candidates);
    if (first == second || loads == NULL) {
        return candidates->servers[first];
    }
    double first_cost = candidate_cost(candidates, first, topology, loads);
    double second_cost = candidate_cost(candidates, second, topology, loads);
    return candidates->servers[second_cost < first_cost * COST_NOISE ? second : first];
}

// --- round robin

// Smooth: everybody gains its share each turn, who has most goes and pays the total.
static int round_robin_choose(const struct candidates *candidates, struct balancer *balancer)
{
    int best = candidates->servers[0];
    for (int i = 0; i < candidates->count; i++) {
        int server = candidates->servers[i];
        balancer->turn[server] += candidates->shares[i];
        if (balancer->turn[server] > balancer->turn[best]) {
            best = server;
        }
    }
    balancer->turn[best] -= (int64_t)candidates->total;
    return best;
}

// --- least connections

static int least_connections_choose(const struct candidates *candidates,
                                    const struct server_load *loads)
{
    struct candidates equals = {.total = 0, .count = 0};
    uint64_t best_count = 0;
    uint32_t best_share = 1;

    for (int i = 0; i < candidates->count; i++) {
        uint64_t count = loads != NULL ? outstanding(&loads[candidates->servers[i]]) : 0;
        uint32_t share = candidates->shares[i];
        // count / share against best_count / best_share
        uint64_t mine = count * best_share;
        uint64_t best = best_count * share;
        if (equals.count > 0 && mine > best) {
            continue;
        }
        if (mine < best) {
            equals.count = 0;
            equals.total = 0;
        }
        best_count = count;
        best_share = share;
        candidate_add(&equals, candidates->servers[i], share);
    }
    return equals.servers[candidate_draw(&equals)];
}

// --- public

int balance_choose(enum conf_balance kind, const struct topology *topology, uint64_t set,
                   const struct server_load *loads, struct balancer *balancer)
{
    struct candidates candidates;

    if (set == 0) {
        return -1;
    }
    candidates_gather(&candidates, topology, set);
    if (candidates.count == 1) {
        return candidates.servers[0];
    }
    switch (kind) {
    case CONF_BALANCE_ROUND_ROBIN:
        return round_robin_choose(&candidates, balancer);
    case CONF_BALANCE_LEAST_CONNECTIONS:
        return least_connections_choose(&candidates, loads);
    case CONF_BALANCE_P2C:
        break;
    }
    return p2c_choose(&candidates, topology, loads);
}
