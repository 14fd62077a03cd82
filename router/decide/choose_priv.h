// Inside the room: from what is wanted of a server to the server.
#pragma once

#include "router/decide/decide.h"

// What kind of server is wanted.
enum want_kind {
    WANT_NONE,    // no server: sluice answers, or nobody
    WANT_BOUND,   // the one that the session is bound to
    WANT_PRIMARY, // the one that takes writes
    WANT_NEWEST,  // the primary, though it may be read only just now
    WANT_ANSWER,  // the primary; without one, whoever takes reads
    WANT_REPLICA, // a replica; without one, the primary
    WANT_BACKEND, // `server`
};

struct want {
    enum want_kind kind;
    int server;               // BOUND, BACKEND
    enum route_reason reason; // where it can be had; a stand-in has a reason of its own
};

// Fills target, server, must_wait and reason. `out` has max_lag_us.
void want_choose(struct route *out, const struct decide_input *in, const struct want *want);

// Whether server `index` takes a read now that allows `max_lag_us`.
bool server_can_read(const struct topology *topology, int index, int64_t max_lag_us);

// --- explain.c

// Says of each server why it is or is not `out`'s.
void want_explain(const struct route *out, const struct decide_input *in, const struct want *want);
