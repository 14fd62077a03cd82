// The views that this room makes by itself, from what the control thread holds and from the metrics
// of all threads. One thread: the control thread's.
#pragma once

#include "proxy/admin/asker.h"
#include "proxy/admin/control.h"
#include "proxy/admin/rows.h"
#include "proxy/admin/view.h"

#include <stdbool.h>

struct filling {
    const struct control_state *state;
    const struct metrics *metrics;      // NULL where none of the views wants them
    const struct metric_labels *labels; // of the metrics
    const struct asker *asker;
};

// Whether one of these views is made of metrics.
bool fill_wants_metrics(uint64_t views);

// Makes or completes every one of `views` in `rows` (by enum view, initialised; those that threads
// had a part in hold their rows), so that a statement can run over them.
void fill_views(uint64_t views, const struct filling *filling, struct view_rows *rows);
