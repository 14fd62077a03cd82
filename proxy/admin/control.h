// What the admin room asks of the program around it: a struct of functions, given at creation. Each
// is called on the control thread's loop and answers there, at once or later, exactly once.
//
// A request is a struct that belongs to the admin room; from the call until its done() it is
// control's to keep and fill in. Slices in it are valid until done(). The asker may be gone by
// then: done() sees to that. done() may be called from inside the function itself.
#pragma once

#include "conf/config.h"
#include "proxy/admin/rows.h"
#include "proxy/admin/view.h"
#include "proxy/base/arena.h"
#include "proxy/base/error.h"
#include "proxy/base/slice.h"
#include "proxy/observe/metric.h"
#include "router/catalogue/catalogue.h"
#include "router/rules/rules.h"
#include "router/topology/topology.h"

#include <stdbool.h>
#include <stdint.h>

// --- how things stand ---------------------------------------------------------------------------

// What the control thread itself holds. Borrowed for the turn of the loop.
struct control_state {
    const struct config *config;
    const struct topology *topology;   // NULL before the monitor's first one
    const struct rules *rules;         // NULL: none
    const struct catalogue *catalogue; // NULL before the monitor's first one
    bool is_listening;                 // every worker accepts clients
    bool is_draining;                  // SIGTERM or SHUTDOWN came
    bool is_paused;                    // PAUSE holds statements
};

// --- asking every thread ------------------------------------------------------------------------

// Goes to every worker and to the monitor, also where nothing is wanted of them: an answer says
// that all of them are alive.
struct control_gather {
    uint64_t views; // VIEW_BIT()s of those whose source is GATHERED or BOTH
    bool wants_metrics;

    // Filled in by control. Threads fill view_rows of their own, which control puts together here
    // with view_rows_take(); parts of a row (a pool's counts by worker) are merged by the asker.
    struct view_rows rows[VIEW_COUNT];  // initialised by the asker, for every view
    struct metrics *metrics;            // all threads' merged; the asker's, for metrics_destroy()
    const struct metric_labels *labels; // their names; borrowed for the call of done()

    void (*done)(struct control_gather *gather);
};

// --- having something done ----------------------------------------------------------------------

// `error` stays ERROR_NONE where it was done. Else its code is the MySQL error number for the
// client (1105 where no other fits) and its text a sentence without "sluice:".
struct control_call {
    struct error error;
    void (*done)(struct control_call *call);
};

enum control_reload_kind {
    CONTROL_RELOAD_FILE,    // read the file again
    CONTROL_RELOAD_VERSION, // back to a configuration of before: `version`
    CONTROL_RELOAD_OPTION,  // the present one with one option changed: `path`, `value`
};

// A new configuration: built, checked, sent to every thread, and put to work when all have it; or
// nothing is changed.
struct control_reload {
    enum control_reload_kind kind;
    bool is_dry_run; // check only
    uint64_t version;
    struct slice path;
    struct slice value;

    // Filled in by control.
    struct diagnostics diagnostics;      // with errors: refused
    const struct config_change *changes; // in `arena`
    size_t change_count;
    struct arena arena;

    struct control_call call;
};

// What SET BACKEND asks for.
enum control_backend { CONTROL_BACKEND_ONLINE, CONTROL_BACKEND_DRAIN, CONTROL_BACKEND_OFFLINE };

struct control {
    void *context; // first argument of each

    // Answers at once.
    void (*state)(void *context, struct control_state *out);

    void (*gather)(void *context, struct control_gather *gather);
    void (*reload)(void *context, struct control_reload *reload);
    // `backend` is a name of the configuration.
    void (*set_backend)(void *context, struct control_call *call, struct slice backend,
                        enum control_backend what);
    // Ends a session, or with is_query its running statement only. 1094 where there is none.
    void (*kill)(void *context, struct control_call *call, uint64_t id, bool is_query);
    // Holds statements (open transactions go on), and lets them go on.
    void (*pause)(void *context, struct control_call *call);
    void (*resume)(void *context, struct control_call *call);
    // As SIGTERM. Done when the drain has begun.
    void (*shutdown)(void *context, struct control_call *call);
};
