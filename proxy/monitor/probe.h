// The probe of one server: a connection of its own, over which the same questions are asked again
// and again, and the facts that come of it. At most one connection, at most one question out; a
// server that hangs costs its own probe and nothing else.
//
//     OFF --probe_start--> RESTING --time--> CONNECTING --logged in--> ASKING --last answer-->
//     RESTING
//                             |  '------- connection is there ------------^                       ^
//                             '<-- refused, lost, out of time: one failure more (CONNECTING,
//                             ASKING)
//     any --probe_stop--> OFF
//
// A probe fails that is not through in `timeout`, however far it came. A connection found dead when
// it is used again is replaced within the same probe: that server may be well. One thread: the
// loop's.
#pragma once

#include "conf/config.h"
#include "proxy/backend/conn.h"
#include "proxy/monitor/question.h"
#include "proxy/net/loop.h"
#include "proxy/net/resolver.h"
#include "proxy/net/timer.h"
#include "router/topology/facts.h"

enum probe_state {
#define PROBE_STATE(state, word, sentence) PROBE_##state,
#include "proxy/monitor/probe_states.def"
#undef PROBE_STATE
    PROBE_STATE_COUNT
};

struct probe;

struct probe_settings {
    struct loop *loop;
    struct resolver *resolver;       // outlives the probe
    const struct config *config;     // a reference is taken
    int server;                      // index of its backend
    struct tls_context *tls_context; // a reference is taken; NULL: none
    // A probe has ended, well (facts->failures is 0) or not. May stop probes, and free none.
    void (*on_done)(struct probe *probe, void *context);
    void *context;
};

// Neither starts nor waits for anything.
struct probe *probe_create(const struct probe_settings *settings);
// Stops it and frees it at the end of the turn.
void probe_destroy(struct probe *probe);

// OFF: the first probe begins at once.
void probe_start(struct probe *probe);
void probe_stop(struct probe *probe);
// There is trouble: the next probe begins at once, or right after the one that is on its way; but
// a tenth of the interval lies between the beginnings of two (at least 10, at most 100 ms).
void probe_hurry(struct probe *probe);

// What is known of the server. The probe owns the texts, which last until on_done() or
// probe_destroy(); `admin`, `shunned_*` and the two of the lag are the caller's to set.
struct server_facts *probe_facts(struct probe *probe);
// Takes over what another probe of the same server found out.
void probe_inherit(struct probe *probe, const struct probe *from);

enum probe_state probe_state(const struct probe *probe);
const struct conn_target *probe_target(const struct probe *probe);
