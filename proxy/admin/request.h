// A request to struct control on its way: the struct that control fills in, with a time limit and
// somebody who waits. The asker may give up: the request then lives on by itself until control has
// answered. One thread: the control thread's.
#pragma once

#include "proxy/admin/control.h"
#include "proxy/admin/desk.h"

#include <stdbool.h>
#include <stdint.h>

#define REQUEST_ORDER_US (60 * CLOCK_SECOND) // longest wait for something to be done

// --- asking every thread ------------------------------------------------------------------------

struct gathering;

// `gather`: what came, the callee's to use and move out of until it returns; NULL where a thread
// did not answer in time.
typedef void gathering_fn(void *owner, struct control_gather *gather);

// Calls `done` once, from the loop, never from inside this call.
struct gathering *gathering_start(const struct desk *desk, uint64_t views, bool wants_metrics,
                                  gathering_fn *done, void *owner);
// done() is not called any more. Nulls; NULL there is nothing.
void gathering_abandon(struct gathering **gathering);

// --- having something done ----------------------------------------------------------------------

struct order;

// `reload`: all that came, for reloads; of other calls its `call` alone. NULL where nothing came in
// time.
typedef void order_fn(void *owner, struct control_reload *reload);

// Starts one of control's functions.
typedef void order_start_fn(const struct control *control, struct control_reload *reload,
                            void *argument);

// For `start`: a copy of a text that lasts as long as the order, be the asker gone or not.
struct slice order_keep(struct control_reload *reload, struct slice text);

// As gathering_start(): `start` hands `reload` (all zero but its `call`) or its `call` to control;
// it is called from inside with `argument`.
struct order *order_start(const struct desk *desk, order_start_fn *start, void *argument,
                          order_fn *done, void *owner);
void order_abandon(struct order **order);
