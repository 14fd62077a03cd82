// The monitor: a thread with a loop of its own that probes every server, judges who is primary and
// who may take reads, loads the catalogue from the primary, and publishes both as immutable
// snapshots. A server that hangs holds up nothing but its own probe.
//
// The functions of this header may be called by any thread unless they say otherwise: each sends a
// message to the monitor's loop. The callbacks are called on the monitor's thread.
#pragma once

#include "conf/config.h"
#include "proxy/backend/conn.h"
#include "proxy/net/loop.h"
#include "proxy/net/tls.h"
#include "proxy/observe/log.h"
#include "proxy/observe/metric.h"
#include "router/catalogue/catalogue.h"
#include "router/topology/facts.h"
#include "router/topology/topology.h"

#include <stdatomic.h>

struct monitor;

// What is monitored: one configuration's servers.
struct monitor_setup {
    const struct config *config; // a reference is taken
    struct tls_context
        *backend_tls[TOPOLOGY_SERVERS_MAX]; // by server index; NULL: none; references are taken
};

struct monitor_settings {
    struct log *log;
    struct helpers *helpers;
    const struct metric_labels *labels; // sizes of the monitor's own counters
    struct monitor_setup setup;         // the first
    // Counts changes of what the catalogue holds: whoever makes one moves it on, and calls
    // monitor_refresh_catalogue(). NULL: nobody does.
    const atomic_uint_fast64_t *catalogue_changes;
    // Each new snapshot; borrowed for the call.
    void (*on_topology)(void *context, struct topology *topology);
    void (*on_catalogue)(void *context, const struct catalogue *catalogue);
    // One line for the admin view `events` (the monitor logs it too). `server` -1: of none.
    void (*on_event)(void *context, const char *kind, int server, const char *text);
    void *context;
};

// On the creator's thread; it runs from monitor_start() on.
struct monitor *monitor_create(const struct monitor_settings *settings);
void monitor_start(struct monitor *monitor);
// Ends the probes and the thread.
void monitor_stop(struct monitor *monitor);
// After monitor_stop(), on the creator's thread.
void monitor_destroy(struct monitor *monitor);

// A reload: servers keep what an operator said by their name, and what was found out where the
// address is the same too. Copies the struct and takes references.
void monitor_set_setup(struct monitor *monitor, const struct monitor_setup *setup,
                       const struct metric_labels *labels);
// SET BACKEND ... ONLINE | DRAIN | OFFLINE.
void monitor_set_admin_state(struct monitor *monitor, int server, enum admin_state state);
// A statement changed views, routines, triggers or foreign keys: the catalogue is loaded anew.
void monitor_refresh_catalogue(struct monitor *monitor);
// Live traffic met trouble with that server: it is probed at once. `loss` is borrowed for the call.
void monitor_report(struct monitor *monitor, int server, const struct conn_loss *loss);

// The monitor's loop, for messages that ask it something, and, on its thread, its counters.
struct loop *monitor_loop(const struct monitor *monitor);
struct metrics *monitor_metrics(struct monitor *monitor);
