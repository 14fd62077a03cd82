// One statement of an asker and its answer: a text comes in, is found to be a command, a SHOW or a
// SELECT, whatever it needs is asked of control, and an answer comes out. Each exchange is an
// object of its own on the heap, which goes with its answer or when the asker gives up. One thread:
// the control thread's.
#pragma once

#include "proxy/admin/asker.h"
#include "proxy/admin/cell.h"
#include "proxy/admin/desk.h"
#include "proxy/admin/table.h"
#include "proxy/base/error.h"
#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct exchange;

// What came of it: an error (code not 0), rows (a table with columns), or done.
struct exchange_answer {
    struct error error;
    struct table table;
    struct slice info;   // done: a few words, may be empty
    struct slice schema; // done: not empty where the asker's schema is another from now on
};

// The answer is borrowed for the call.
typedef void exchange_fn(void *owner, const struct exchange_answer *answer);

// Starts one. The text and the parameters (as many as exchange_inspect() said; NULL: none) are
// copied, the asker's texts borrowed until the end. `done` is called once, from the loop, never
// from inside this call.
struct exchange *exchange_start(const struct desk *desk, struct slice text,
                                const struct cell *parameters, const struct asker *asker,
                                exchange_fn *done, void *owner);
// Gives up: done() is not called. What was ordered may still happen. Nulls; NULL is nothing.
void exchange_abandon(struct exchange **exchange);

// What a statement would answer with, for COM_STMT_PREPARE.
struct exchange_outline {
    size_t parameter_count;
    const struct slice *columns; // in the arena that was given
    size_t column_count;         // 0: it answers OK
};

// False with a mistake in `error`.
bool exchange_inspect(const struct desk *desk, struct slice text, const struct asker *asker,
                      struct arena *arena, struct exchange_outline *outline, struct error *error);
