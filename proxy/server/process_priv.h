// Inside the room only: the process's parts.
//
//     process.c    starting, signals, draining, stopping
//     control.c    what the admin port may ask for and order
//     reload.c     from one configuration to the next
//     events.c     what happened, for the view `events`
#pragma once

#include "proxy/server/process.h"

#include "proxy/admin/admin.h"
#include "proxy/admin/control.h"
#include "proxy/base/list.h"
#include "proxy/monitor/monitor.h"
#include "proxy/net/timer.h"
#include "proxy/session/worker.h"

#include <event2/event_struct.h>

enum { EVENTS_MAX = 1000, VERSIONS_MAX = 20 };

// A line of the view `events`.
struct process_event {
    int64_t at_us; // wall clock
    char kind[32];
    char backend[64];
    char text[512];
};

// A configuration that was at work.
struct config_version {
    uint64_t number;
    int64_t at_us; // wall clock
    const char *origin;
    const struct config *config;
    char *changes; // owned
};

enum process_phase { PROCESS_STARTING, PROCESS_RUNNING, PROCESS_DRAINING, PROCESS_STOPPING };

struct process {
    enum process_phase phase;
    const char *path;
    struct log *log;
    struct log_source source;
    struct metrics *metrics; // the control thread's
    struct loop *loop;       // the control thread's
    struct worker_shared shared;
    struct worker_setup *setup;
    struct monitor *monitor;
    struct admin *admin;
    struct control control;
    struct topology *topology; // NULL before the monitor's first
    const struct catalogue *catalogue;
    bool is_paused;
    struct event signals[4];
    struct timer drain;
    int64_t drain_until_us;
    int64_t started_us;
    struct process_event events[EVENTS_MAX];      // a ring
    uint64_t event_count;                         // that were ever added
    struct config_version versions[VERSIONS_MAX]; // the oldest first
    size_t version_count;
    uint64_t version_next;
};

// --- process.c -----------------------------------------------------------------------------------

void process_drain(struct process *process);

// --- control.c -----------------------------------------------------------------------------------

void control_init(struct process *process);

// --- reload.c ------------------------------------------------------------------------------------

// Puts the first configuration on the list of versions.
void reload_begin(struct process *process);
void reload_run(struct process *process, struct control_reload *reload);
// SIGHUP: as RELOAD, with what comes of it in the log.
void reload_by_signal(struct process *process);
void reload_release(struct process *process);

// --- events.c ------------------------------------------------------------------------------------

void events_add(struct process *process, const char *kind, struct slice backend, const char *text);
void events_show(const struct process *process, struct view_rows *rows);
