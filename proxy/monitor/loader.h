// One loading of the catalogue from one server, over a connection of its own: information_schema
// can take its time, and the probe's answers may not wait for it. Questions that the server refuses
// to answer are left out, which makes the catalogue careful. Frees itself once it has told how it
// went. One thread: the loop's.
#pragma once

#include "conf/config.h"
#include "proxy/backend/conn.h"
#include "proxy/base/error.h"
#include "proxy/net/loop.h"
#include "router/catalogue/catalogue.h"

struct loader;

struct loader_settings {
    struct loop *loop;
    const struct config *config;      // a reference is taken
    const struct conn_target *target; // outlives the loader
    uint64_t changes;                 // see catalogue_changes()
    // `catalogue` is NULL where the loading failed; else its reference is the receiver's.
    // `refusal` is why it failed, or what the server would not show; ERROR_NONE: nothing.
    void (*on_done)(void *context, const struct catalogue *catalogue, const struct error *refusal);
    void *context;
};

// on_done() comes later, from the loop.
struct loader *loader_begin(const struct loader_settings *settings);
// Silent: on_done() does not come any more.
void loader_cancel(struct loader *loader);
