// Which of several equally right servers gets the next statement. Pure but for the thread's random
// numbers (random_seed() makes them repeatable) and the turns of round robin, which the caller
// keeps.
#pragma once

#include "conf/config.h"
#include "router/topology/topology.h"

#include <stdint.h>

// What the caller sees of a server right now.
struct server_load {
    uint32_t used;       // connections of ours that are not idle there
    uint32_t latency_us; // of recent answers, smoothed; 0: not known yet
    uint32_t waiting; // sessions that wait for a connection to it, which this one would be behind
    uint32_t stalled_us; // how long no connection has come back for them; 0: nobody waits
};

// The turns of round robin. One thread; starts as all zero.
struct balancer {
    int64_t turn[TOPOLOGY_SERVERS_MAX];
};

// One of the servers of `set` (bits by index), or -1 where it is empty. Those of weight 0 are
// chosen only where the set holds no other. `loads` is by server index, or NULL where nothing is
// known. `balancer` is changed by round robin only and may not be NULL.
//   p2c                 two are drawn by weight, the one with the lower latency x load gets it;
//                       where others wait for the first one already, whichever of all has the
//                       least latency x load for its weight
//   round_robin         smooth weighted: 5:1:1 gives a a b a c a a
//   least_connections   the fewest connections in use and sessions that wait for its weight; one
//                       of the equals by weight
int balance_choose(enum conf_balance kind, const struct topology *topology, uint64_t set,
                   const struct server_load *loads, struct balancer *balancer);
