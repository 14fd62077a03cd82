#include "proxy/net/loop.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"
#include "proxy/net/loop_priv.h"
#include "proxy/net/tls_engine.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void must(bool is_had, const char *what)
{
    if (!is_had) {
        fprintf(stderr, "sluice: no event loop without %s\n", what);
        abort();
    }
}

// --- descriptors --------------------------------------------------------------------------------

void loop_watch(struct loop *loop, struct event *event)
{
    metric_add(loop->metrics, METRIC_LOOP_WATCHES, 1);
    must(event_add(event, NULL) == 0, "watching a descriptor");
}

void loop_unwatch(struct loop *loop, struct event *event)
{
    metric_add(loop->metrics, METRIC_LOOP_WATCHES, 1);
    event_del(event);
}

// --- mailbox ------------------------------------------------------------------------------------

// The counter of an eventfd cannot overflow by single steps, and a full one has woken the loop.
static void loop_wake(struct loop *loop)
{
    uint64_t one = 1;
    while (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

void loop_post(struct loop *loop, struct loop_message *message)
{
    if (mpsc_put(&loop->mailbox, &message->node)) {
        loop_wake(loop);
    }
}

// Runs what is in the mailbox; false where it was empty.
static bool mailbox_run(struct loop *loop)
{
    struct mpsc_node *node = mpsc_take_all(&loop->mailbox);
    bool is_any = node != NULL;
    while (node != NULL) {
        struct loop_message *message = container_of(node, struct loop_message, node);
        node = node->next; // run() may free the message
        metric_add(loop->metrics, METRIC_LOOP_MESSAGES, 1);
        message->run(message, loop);
    }
    return is_any;
}

// Read first, then taken: whoever puts after the taking finds the mailbox empty and writes again.
static void woken(evutil_socket_t fd, short what, void *arg)
{
    struct loop *loop = arg;
    uint64_t count;
    (void)what;
    (void)!read(fd, &count, sizeof(count));
    mailbox_run(loop);
}

// --- end of the turn ----------------------------------------------------------------------------

void loop_defer(struct loop *loop, struct loop_task *task)
{
    if (!list_is_linked(&task->link)) {
        list_push_back(&loop->tasks, &task->link);
    }
}

// Runs the tasks that stand there now; those they put off wait for the next turn.
static bool tasks_run(struct loop *loop)
{
    struct list now;
    struct list *link;
    list_init(&now);
    list_splice_back(&now, &loop->tasks);
    bool is_any = !list_is_empty(&now);
    while ((link = list_pop_front(&now)) != NULL) {
        struct loop_task *task = list_entry(link, struct loop_task, link);
        task->run(task);
    }
    return is_any;
}

// --- life ---------------------------------------------------------------------------------------

// No lock, since one thread uses it; and no timerfd, which would cost a system call a turn for a
// precision that nobody here needs.
static struct event_base *base_create(void)
{
    struct event_config *config = event_config_new();
    must(config != NULL, "libevent");
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    must(base != NULL, "epoll");
    return base;
}

static void mailbox_init(struct loop *loop)
{
    mpsc_init(&loop->mailbox);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    must(loop->wake_fd >= 0, "an eventfd");
    event_assign(&loop->wake, loop->base, loop->wake_fd, EV_READ | EV_PERSIST, woken, loop);
    must(event_add(&loop->wake, NULL) == 0, "a mailbox");
}

struct loop *loop_create(const struct loop_settings *settings)
{
    struct loop *loop = mem_zero(1, sizeof(*loop));
    snprintf(loop->name, sizeof(loop->name), "%s", settings->name);
    loop->metrics = settings->metrics;
    loop->helpers = settings->helpers;
    loop->base = base_create();
    loop->read_area = mem_alloc(LOOP_READ_FRONT + LOOP_READ_SIZE + LOOP_READ_BACK);
    list_init(&loop->tasks);
    atomic_init(&loop->is_stopping, false);
    atomic_init(&loop->works_posting, 0);
    mailbox_init(loop);
    loop_timers_init(loop);
    return loop;
}

// Everything that others have sent or put off is run, since only its receiver can free it.
void loop_settle(struct loop *loop)
{
    while (loop->works_out > 0) {
        loop_turn(loop);
    }
    while (atomic_load_explicit(&loop->works_posting, memory_order_acquire) > 0) {
        sched_yield();
    }
    bool is_any;
    do {
        is_any = mailbox_run(loop);
        is_any |= tasks_run(loop);
    } while (is_any);
}

void loop_destroy(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    loop_settle(loop);
    loop_timers_release(loop);
    event_del(&loop->wake);
    close(loop->wake_fd);
    tls_engine_destroy(loop->tls);
    event_base_free(loop->base);
    mem_free(loop->record_area);
    mem_free(loop->packing_area);
    mem_free(loop->read_area);
    mem_free(loop);
}

void loop_turn(struct loop *loop)
{
    int flags = EVLOOP_ONCE | (list_is_empty(&loop->tasks) ? 0 : EVLOOP_NONBLOCK);
    loop->is_turning = true;
    event_base_loop(loop->base, flags);
    tasks_run(loop);
    outbox_flush(&loop->outbox);
    loop->is_turning = false;
    loop->now_us = 0;
    metric_add(loop->metrics, METRIC_LOOP_TURNS, 1);
}

void loop_run(struct loop *loop)
{
    pthread_setname_np(pthread_self(), loop->name);
    while (!atomic_load_explicit(&loop->is_stopping, memory_order_acquire)) {
        loop_turn(loop);
    }
    atomic_store_explicit(&loop->is_stopping, false, memory_order_relaxed);
}

void loop_stop(struct loop *loop)
{
    atomic_store_explicit(&loop->is_stopping, true, memory_order_release);
    loop_wake(loop);
}

// --- asking -------------------------------------------------------------------------------------

const char *loop_name(const struct loop *loop)
{
    return loop->name;
}

struct metrics *loop_metrics(struct loop *loop)
{
    return loop->metrics;
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

// Read by the first who asks in a turn: that is after the wait, and not at all where nobody asks.
int64_t loop_now_us(struct loop *loop)
{
    if (loop->now_us != 0) {
        return loop->now_us;
    }
    int64_t now_us = clock_now_us();
    loop->now_us = loop->is_turning ? now_us : 0;
    return now_us;
}

int64_t loop_now_exact_us(struct loop *loop)
{
    (void)loop;
    return clock_now_us();
}

// --- work that takes long -----------------------------------------------------------------------

static void work_done(struct loop_message *message, struct loop *loop)
{
    struct loop_work *work = container_of(message, struct loop_work, back);
    assert(loop->works_out > 0);
    loop->works_out--;
    work->done(work);
}

// The loop may end as soon as it has the message, but not before this thread is out of loop_post():
// rest_run() waits for that.
static void work_run(struct helper_job *job)
{
    struct loop_work *work = container_of(job, struct loop_work, job);
    struct loop *loop = work->loop;
    work->work(work);
    atomic_fetch_add_explicit(&loop->works_posting, 1, memory_order_relaxed);
    loop_post(loop, &work->back);
    atomic_fetch_sub_explicit(&loop->works_posting, 1, memory_order_release);
}

void loop_work(struct loop *loop, struct loop_work *work)
{
    assert(loop->helpers != NULL);
    work->loop = loop;
    work->job.run = work_run;
    work->back.run = work_done;
    loop->works_out++;
    helpers_run(loop->helpers, &work->job);
}
