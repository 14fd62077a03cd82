#include "proxy/admin/request.h"

#include "proxy/base/memory.h"
#include "proxy/net/timer.h"

// Both kinds of request: the asker is told by the task, once, whether control or the timer was
// first. A request that nobody waits for any more goes with control's answer.
struct wait {
    struct loop *loop;
    struct timer timer;
    struct loop_task task;
    bool is_answered;  // control has done its part
    bool is_abandoned; // nobody is to be told
};

static void wait_begin(struct wait *wait, struct loop *loop, int64_t limit_us, timer_fn *on_timer,
                       void (*on_task)(struct loop_task *task))
{
    wait->loop = loop;
    loop_task_init(&wait->task, on_task);
    timer_init(&wait->timer, on_timer);
    timer_set(&wait->timer, loop, limit_us);
}

static void wait_tell(struct wait *wait)
{
    timer_clear(&wait->timer);
    loop_defer(wait->loop, &wait->task);
}

static void wait_end(struct wait *wait)
{
    timer_release(&wait->timer);
    loop_task_cancel(&wait->task);
}

// --- asking every thread ------------------------------------------------------------------------

struct gathering {
    struct control_gather gather;
    struct wait wait;
    gathering_fn *done;
    void *owner;
    struct metric_labels labels; // control's, copied: the asker is told a little later
    struct arena arena;          // their names
};

static void labels_copy(struct gathering *gathering, const struct metric_labels *from)
{
    struct arena *arena = &gathering->arena;
    for (int i = 0; i < METRIC_GIVEN_COUNT; i++) {
        const char **names = arena_alloc(arena, (from->size[i] + 1) * sizeof(*names));
        for (unsigned k = 0; k < from->size[i]; k++) {
            names[k] = arena_copy(arena, slice_text(from->names[i][k])).ptr;
        }
        gathering->labels.size[i] = from->size[i];
        gathering->labels.names[i] = names;
    }
    gathering->gather.labels = &gathering->labels;
}

static void gathering_free(struct gathering *gathering)
{
    wait_end(&gathering->wait);
    for (enum view view = 0; view < VIEW_COUNT; view++) {
        view_rows_release(&gathering->gather.rows[view]);
    }
    if (gathering->gather.metrics != NULL) {
        metrics_destroy(gathering->gather.metrics);
    }
    arena_release(&gathering->arena);
    mem_free(gathering);
}

static void gathering_answered(struct control_gather *gather)
{
    struct gathering *gathering = container_of(gather, struct gathering, gather);
    gathering->wait.is_answered = true;
    if (gathering->wait.is_abandoned) {
        gathering_free(gathering);
        return;
    }
    if (gather->labels != NULL) {
        labels_copy(gathering, gather->labels);
    }
    wait_tell(&gathering->wait);
}

static void gathering_tell(struct loop_task *task)
{
    struct gathering *gathering = container_of(task, struct gathering, wait.task);
    gathering->done(gathering->owner, &gathering->gather);
    gathering_free(gathering);
}

static void gathering_late(struct timer *timer)
{
    struct gathering *gathering = container_of(timer, struct gathering, wait.timer);
    gathering_fn *done = gathering->done;
    void *owner = gathering->owner;
    gathering_abandon(&gathering);
    done(owner, NULL);
}

struct gathering *gathering_start(const struct desk *desk, uint64_t views, bool wants_metrics,
                                  gathering_fn *done, void *owner)
{
    struct gathering *gathering = mem_zero(1, sizeof(*gathering));
    gathering->done = done;
    gathering->owner = owner;
    gathering->gather.views = views & views_gathered();
    gathering->gather.wants_metrics = wants_metrics;
    gathering->gather.done = gathering_answered;
    for (enum view view = 0; view < VIEW_COUNT; view++) {
        view_rows_init(&gathering->gather.rows[view], view);
    }
    wait_begin(&gathering->wait, desk->loop, desk->patience_us, gathering_late, gathering_tell);
    desk->control->gather(desk->control->context, &gathering->gather);
    return gathering;
}

void gathering_abandon(struct gathering **gathering)
{
    struct gathering *gone = *gathering;
    *gathering = NULL;
    if (gone == NULL) {
        return;
    }
    if (gone->wait.is_answered) {
        gathering_free(gone);
    } else {
        gone->wait.is_abandoned = true;
        wait_end(&gone->wait);
    }
}

// --- having something done ----------------------------------------------------------------------

struct order {
    struct control_reload reload;
    struct wait wait;
    order_fn *done;
    void *owner;
    struct arena texts; // what slices of the request point to
};

static void order_free(struct order *order)
{
    wait_end(&order->wait);
    diagnostics_release(&order->reload.diagnostics);
    arena_release(&order->reload.arena);
    arena_release(&order->texts);
    mem_free(order);
}

static void order_answered(struct control_call *call)
{
    struct order *order = container_of(call, struct order, reload.call);
    order->wait.is_answered = true;
    if (order->wait.is_abandoned) {
        order_free(order);
        return;
    }
    wait_tell(&order->wait);
}

static void order_tell(struct loop_task *task)
{
    struct order *order = container_of(task, struct order, wait.task);
    order->done(order->owner, &order->reload);
    order_free(order);
}

static void order_late(struct timer *timer)
{
    struct order *order = container_of(timer, struct order, wait.timer);
    order_fn *done = order->done;
    void *owner = order->owner;
    order_abandon(&order);
    done(owner, NULL);
}

struct slice order_keep(struct control_reload *reload, struct slice text)
{
    struct order *order = container_of(reload, struct order, reload);
    return arena_copy(&order->texts, text);
}

struct order *order_start(const struct desk *desk, order_start_fn *start, void *argument,
                          order_fn *done, void *owner)
{
    struct order *order = mem_zero(1, sizeof(*order));
    order->done = done;
    order->owner = owner;
    order->reload.diagnostics = DIAGNOSTICS_INIT;
    order->reload.call.done = order_answered;
    wait_begin(&order->wait, desk->loop, REQUEST_ORDER_US, order_late, order_tell);
    start(desk->control, &order->reload, argument);
    return order;
}

void order_abandon(struct order **order)
{
    struct order *gone = *order;
    *order = NULL;
    if (gone == NULL) {
        return;
    }
    if (gone->wait.is_answered) {
        order_free(gone);
    } else {
        gone->wait.is_abandoned = true;
        wait_end(&gone->wait);
    }
}
