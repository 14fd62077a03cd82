// Keeps the catalogue fresh: loads it from the primary (where there is none from the start, from a
// replica) as soon as there is one, when another server or version comes to be it, when told of a
// change, and every half minute for changes that nobody tells of. Embedded in the monitor; its
// thread.
#pragma once

#include "conf/config.h"
#include "proxy/monitor/loader.h"
#include "proxy/net/loop.h"
#include "proxy/net/timer.h"
#include "router/topology/topology.h"

#include <stdatomic.h>

struct keeper_settings {
    struct loop *loop;
    // Counts changes of what the catalogue holds; any thread moves it on. NULL: nobody does.
    const atomic_uint_fast64_t *changes;
    // The server's target, which lasts until keeper_pause().
    const struct conn_target *(*target)(void *context, int server);
    // A new catalogue; borrowed for the call.
    void (*on_catalogue)(void *context, const struct catalogue *catalogue);
    // It could not be loaded, or not all of it. Each text once, until it changes.
    void (*on_refusal)(void *context, int server, const struct error *refusal);
    void *context;
};

struct keeper {
    struct keeper_settings settings;
    const struct config *config; // borrowed from the monitor
    struct loader *loader;       // NULL: none is on its way
    struct timer timer;
    int source;              // index of the server to load from; -1: none
    char loaded_name[128];   // of the server that the latest catalogue is of; "": there is none
    uint32_t loaded_version; // its version
    bool wants_another;      // it was due while one was on its way, or while there was no server
    int asked;               // index of the server that the latest was asked of
    int64_t retry_us;        // the latest pause behind one that failed; 0: none has
    struct error refusal;    // the latest that was told
};

void keeper_init(struct keeper *keeper, const struct keeper_settings *settings,
                 const struct config *config);
void keeper_release(struct keeper *keeper);

// How the servers stand now.
void keeper_follow(struct keeper *keeper, const struct topology *topology);
// Something that the catalogue holds has changed.
void keeper_refresh(struct keeper *keeper);
// Drops what is on its way: the targets go. keeper_follow() goes on.
void keeper_pause(struct keeper *keeper, const struct config *config);
