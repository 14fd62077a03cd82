// One thread's event loop: readiness of sockets, timers, messages from other threads, and work that
// waits for the end of the turn. A turn is one wait in the kernel and all that follows from it:
//
//     wait -> callbacks of sockets and timers, messages -> deferred tasks -> wait ...
//
// A loop belongs to the thread that runs it. loop_post(), loop_stop() and loop_name() may be called
// by any thread; everything else only by the loop's own thread, or before loop_run() by its
// creator. Nothing that happens on a loop may block.
#pragma once

#include "proxy/base/helpers.h"
#include "proxy/base/list.h"
#include "proxy/base/mpsc.h"
#include "proxy/observe/metric.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct loop;

// --- life ---------------------------------------------------------------------------------------

struct loop_settings {
    const char *name;        // of the thread: "worker-0", "monitor"; copied
    struct metrics *metrics; // where this thread counts; outlives the loop, which borrows it
    struct helpers *helpers; // for loop_work(); shared by loops, outlives them; NULL: none
};

// Never NULL: what a loop needs of the system (an epoll and an eventfd) is had at the start or the
// process ends with a message.
struct loop *loop_create(const struct loop_settings *settings);
// Not while it runs. Waits for work still out, runs what is left of messages and deferred tasks, so
// that each one's memory finds its owner, then frees the loop. Streams, timers and listeners on it
// are closed before.
void loop_destroy(struct loop *loop);
// The same waiting and running without the freeing: for an owner whose messages need what it frees
// before the loop.
void loop_settle(struct loop *loop);

// Runs until loop_stop(). Names the calling thread.
void loop_run(struct loop *loop);
// Any thread. loop_run() returns at the end of the turn.
void loop_stop(struct loop *loop);
// One turn: waits until something happens. For tests and for loops inside another.
void loop_turn(struct loop *loop);

const char *loop_name(const struct loop *loop);
struct metrics *loop_metrics(struct loop *loop);
// For libraries that want one (evhttp, signals).
struct event_base *loop_base(struct loop *loop);

// Monotonic microseconds, read from the clock once a turn: the time that everything in this turn
// happened at.
int64_t loop_now_us(struct loop *loop);
// The same, read anew: for measuring inside a turn that took long.
int64_t loop_now_exact_us(struct loop *loop);

// --- end of the turn ----------------------------------------------------------------------------

// Something to do once no callback is on the stack any more: freeing the owner of a stream that was
// closed in its own callback, above all. Embedded in its owner.
struct loop_task {
    struct list link;
    void (*run)(struct loop_task *task); // may free the task
};

static inline void loop_task_init(struct loop_task *task, void (*run)(struct loop_task *task))
{
    list_init(&task->link);
    task->run = run;
}

// Runs the task at the end of this turn, in the order of asking; a task already waiting keeps its
// place. A task put off by a task runs at the end of the next turn, which then does not wait.
void loop_defer(struct loop *loop, struct loop_task *task);

static inline void loop_task_cancel(struct loop_task *task)
{
    list_remove(&task->link);
}

// --- messages -----------------------------------------------------------------------------------

// Embedded in what is sent. From loop_post() to run() it belongs to the loop; run() takes it over.
// Messages of one sender arrive in order.
struct loop_message {
    struct mpsc_node node;
    void (*run)(struct loop_message *message, struct loop *loop);
};

// Any thread, the loop's own included. A system call only where the mailbox was empty.
void loop_post(struct loop *loop, struct loop_message *message);

// --- work that takes long -----------------------------------------------------------------------

// A calculation or file access too long for a loop: work() runs on a helper thread, done() back on
// the loop. Belongs to the loop between loop_work() and done(), and cannot be called back: an owner
// that ends meanwhile leaves it behind and done() frees it.
struct loop_work {
    void (*work)(struct loop_work *work); // helper thread
    void (*done)(struct loop_work *work); // the loop's thread
    struct helper_job job;                // from here on the loop's
    struct loop_message back;
    struct loop *loop;
};

void loop_work(struct loop *loop, struct loop_work *work);
