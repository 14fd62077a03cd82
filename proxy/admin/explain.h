// EXPLAIN ROUTE: where a statement would go now, said by the very functions that traffic calls, as
// for a fresh session in autocommit. Nothing runs. One thread: the control thread's.
#pragma once

#include "proxy/admin/control.h"
#include "proxy/admin/table.h"
#include "proxy/base/error.h"
#include "proxy/base/slice.h"

#include <stdbool.h>

struct explain_question {
    struct slice user;   // empty: of no section, no rule's
    struct slice schema; // empty: none
    struct slice text;
    const struct control_state *state;
    const struct metrics *metrics; // for the servers' load
};

// Fills `table` with the one row; its columns are set. False with the reason in `error`.
bool explain_route(const struct explain_question *question, struct table *table,
                   struct error *error);
