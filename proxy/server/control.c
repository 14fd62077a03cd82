// What the admin port may ask for and order, carried out: questions go round the threads by
// message, orders go where they belong.
#include "proxy/server/process_priv.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"
#include "router/statement/reason.h"

// --- how things stand ----------------------------------------------------------------------------

static void state_tell(void *context, struct control_state *out)
{
    struct process *process = context;
    *out = (struct control_state){
        .config = process->setup->config,
        .topology = process->topology,
        .rules = process->setup->rules,
        .catalogue = process->catalogue,
        .is_listening = process->phase == PROCESS_RUNNING,
        .is_draining = process->phase >= PROCESS_DRAINING,
        .is_paused = process->is_paused,
    };
}

// --- asking every thread -------------------------------------------------------------------------

// One thread's part of a question.
struct part {
    struct worker_question question; // to a worker
    struct loop_message to_monitor;
    struct loop_message back;
    struct round *round;
    struct view_rows rows[VIEW_COUNT];
    struct metrics *metrics;
    struct digest_table *digests; // NULL: not wanted
    const struct config *config;  // for the names of servers; the round holds it
};

// A question on its way; ends with its last part.
struct round {
    struct process *process;
    struct control_gather *gather;
    struct worker_setup *setup;
    struct digest_table *digests; // all parts' merged; NULL: not wanted
    unsigned waiting;
    struct part parts[POOL_WORKERS_MAX + 1];
};

static bool is_wanted(const struct part *part, enum view view)
{
    return (part->round->gather->views & VIEW_BIT(view)) != 0;
}

static struct cell backend_cell(const struct part *part, int server)
{
    const struct config *config = part->config;
    if (server < 0 || (size_t)server >= config->backend_count) {
        return (struct cell){.kind = CELL_NULL};
    }
    return cell_text(config->backends[server].name);
}

static void pool_show(const struct pool_facts *facts, void *context)
{
    struct part *part = context;
    view_rows_add(&part->rows[VIEW_POOLS],
                  (struct cell[VIEW_POOLS_WIDTH]){
                      [VIEW_POOLS_BACKEND] = backend_cell(part, facts->server),
                      [VIEW_POOLS_USER] = cell_text(facts->user),
                      [VIEW_POOLS_USED] = cell_int(facts->used),
                      [VIEW_POOLS_IDLE] = cell_int(facts->idle),
                      [VIEW_POOLS_WAITING] = cell_int(facts->waiting),
                      [VIEW_POOLS_OPENED] = cell_int((int64_t)facts->opened),
                      [VIEW_POOLS_REUSED] = cell_int((int64_t)facts->reused),
                      [VIEW_POOLS_CLOSED] = cell_int((int64_t)facts->closed),
                  });
}

enum { QUERY_SHOWN = 1024 }; // of each session: there may be thousands, with megabytes each

static void session_show(const struct session_facts *facts, void *context)
{
    struct part *part = context;
    view_rows_add(
        &part->rows[VIEW_SESSIONS],
        (struct cell[VIEW_SESSIONS_WIDTH]){
            [VIEW_SESSIONS_ID] = cell_int(facts->id),
            [VIEW_SESSIONS_USER] = cell_text_or_null(facts->user),
            [VIEW_SESSIONS_CLIENT] = cell_text(slice_text(facts->client)),
            [VIEW_SESSIONS_SCHEMA] = cell_text_or_null(facts->schema),
            [VIEW_SESSIONS_STATE] = cell_text(slice_text(facts->state)),
            [VIEW_SESSIONS_SINCE_MS] = cell_int(facts->since_ms),
            [VIEW_SESSIONS_BACKEND] = backend_cell(part, facts->backend),
            [VIEW_SESSIONS_IN_TRANSACTION] = cell_int(facts->in_transaction),
            [VIEW_SESSIONS_PIN_REASON] = cell_text_or_null(facts->pin_reason),
            [VIEW_SESSIONS_QUERIES] = cell_int((int64_t)facts->queries),
            [VIEW_SESSIONS_QUERY] = cell_text_or_null(slice_first(facts->query, QUERY_SHOWN)),
        });
}

static void routes_show(struct part *part, const struct worker *worker)
{
    for (int reason = 0; reason < ROUTE_REASON_COUNT; reason++) {
        for (int target = 0; target < ROUTE_TARGET_COUNT; target++) {
            uint64_t count =
                worker_route_count(worker, (enum route_reason)reason, (enum route_target)target);
            if (count == 0) {
                continue;
            }
            struct slice name = slice_text(route_target_name((enum route_target)target));
            view_rows_add(
                &part->rows[VIEW_ROUTES],
                (struct cell[VIEW_ROUTES_WIDTH]){
                    [VIEW_ROUTES_REASON] = cell_text(route_reason_name((enum route_reason)reason)),
                    [VIEW_ROUTES_TARGET] = cell_text(name),
                    [VIEW_ROUTES_COUNT] = cell_int((int64_t)count),
                });
        }
    }
}

static void rules_show(struct part *part, const struct worker *worker)
{
    for (size_t i = 0; i < part->config->rule_count; i++) {
        struct rule_hits hits = worker_rule_hits(worker, i);
        char at[CELL_TIME_SIZE];
        view_rows_add(&part->rows[VIEW_RULES],
                      (struct cell[VIEW_RULES_WIDTH]){
                          [VIEW_RULES_NAME] = cell_text(part->config->rules[i].name),
                          [VIEW_RULES_HITS] = cell_int((int64_t)hits.count),
                          [VIEW_RULES_LAST_HIT] = cell_time(hits.last_us, at),
                      });
    }
}

static void digests_copy(struct part *part, const struct worker *worker)
{
    part->digests = digest_table_create(SIZE_MAX);
    digest_table_merge(part->digests, worker_digests(worker));
}

static void metrics_copy(struct part *part, struct metrics *from)
{
    part->metrics = metrics_create(&part->round->setup->labels);
    metrics_merge(part->metrics, from);
}

static void part_came(struct loop_message *message, struct loop *loop);

static void part_return(struct part *part)
{
    part->back.run = part_came;
    loop_post(part->round->process->loop, &part->back);
}

static void worker_asked(struct worker_question *question)
{
    struct part *part = container_of(question, struct part, question);
    struct worker *worker = question->worker;
    if (is_wanted(part, VIEW_POOLS)) {
        pools_each(worker_pools(worker), pool_show, part);
    }
    if (is_wanted(part, VIEW_SESSIONS)) {
        worker_each_session(worker, session_show, part);
    }
    if (is_wanted(part, VIEW_ROUTES)) {
        routes_show(part, worker);
    }
    if (is_wanted(part, VIEW_RULES)) {
        rules_show(part, worker);
    }
    if (is_wanted(part, VIEW_DIGESTS)) {
        digests_copy(part, worker);
    }
    if (part->round->gather->wants_metrics) {
        metrics_copy(part, worker_metrics(worker));
    }
    part_return(part);
}

static void monitor_asked(struct loop_message *message, struct loop *loop)
{
    struct part *part = container_of(message, struct part, to_monitor);
    (void)loop;
    if (part->round->gather->wants_metrics) {
        metrics_copy(part, monitor_metrics(part->round->process->monitor));
    }
    part_return(part);
}

// --- putting the parts together ------------------------------------------------------------------

static void versions_show(const struct process *process, struct view_rows *rows)
{
    for (size_t i = 0; i < process->version_count; i++) {
        const struct config_version *version = &process->versions[i];
        char at[CELL_TIME_SIZE];
        view_rows_add(
            rows,
            (struct cell[VIEW_CONFIG_VERSIONS_WIDTH]){
                [VIEW_CONFIG_VERSIONS_VERSION] = cell_int((int64_t)version->number),
                [VIEW_CONFIG_VERSIONS_AT] = cell_time(version->at_us, at),
                [VIEW_CONFIG_VERSIONS_ORIGIN] = cell_text(slice_text(version->origin)),
                [VIEW_CONFIG_VERSIONS_IS_CURRENT] = cell_int(i + 1 == process->version_count),
                [VIEW_CONFIG_VERSIONS_CHANGES] = cell_text_or_null(slice_text(version->changes)),
            });
    }
}

// A point on the loops' clock as text.
static struct cell loop_time_cell(int64_t at_us, char out[CELL_TIME_SIZE])
{
    return cell_time(clock_wall_us() - (clock_now_us() - at_us), out);
}

static void digest_show(const struct digest_facts *facts, void *context)
{
    struct view_rows *rows = context;
    char digest[17], first[CELL_TIME_SIZE], last[CELL_TIME_SIZE];
    enum route_target target = (enum route_target)facts->scope.target; // the same words
    snprintf(digest, sizeof(digest), "%016llx", (unsigned long long)facts->digest);
    view_rows_add(
        rows,
        (struct cell[VIEW_DIGESTS_WIDTH]){
            [VIEW_DIGESTS_DIGEST] = cell_text(slice_text(digest)),
            [VIEW_DIGESTS_SCHEMA] = cell_text_or_null(facts->scope.schema),
            [VIEW_DIGESTS_USER] = cell_text(facts->scope.user),
            [VIEW_DIGESTS_TARGET] = cell_text(slice_text(route_target_name(target))),
            [VIEW_DIGESTS_COUNT] = cell_int((int64_t)facts->count),
            [VIEW_DIGESTS_ERRORS] = cell_int((int64_t)facts->errors),
            [VIEW_DIGESTS_ROWS] = cell_int((int64_t)facts->rows),
            [VIEW_DIGESTS_P50_US] = cell_int((int64_t)facts->p50_us),
            [VIEW_DIGESTS_P95_US] = cell_int((int64_t)facts->p95_us),
            [VIEW_DIGESTS_P99_US] = cell_int((int64_t)facts->p99_us),
            [VIEW_DIGESTS_TOTAL_US] = cell_int((int64_t)facts->total_us),
            [VIEW_DIGESTS_CACHE_HITS] = cell_int(target == ROUTE_CACHE ? (int64_t)facts->count : 0),
            [VIEW_DIGESTS_FIRST_SEEN] = loop_time_cell(facts->first_us, first),
            [VIEW_DIGESTS_LAST_SEEN] = loop_time_cell(facts->last_us, last),
            [VIEW_DIGESTS_TEXT] = cell_text(facts->text),
        });
}

// What the control thread itself counts: the process, and how servers stand.
static void own_metrics_set(struct process *process)
{
    struct metrics *metrics = process->metrics;
    metric_set(metrics, METRIC_UPTIME, loop_now_us(process->loop) - process->started_us);
    metric_set(metrics, METRIC_START_TIME,
               clock_wall_us() - (loop_now_us(process->loop) - process->started_us));
    metric_set(metrics, METRIC_WORKERS, process->shared.count);
    metric_set(metrics, METRIC_BUILD_INFO, 1);
    metric_set(metrics, METRIC_LOG_DROPPED, log_dropped(process->log));
}

static void round_end(struct round *round)
{
    struct process *process = round->process;
    struct control_gather *gather = round->gather;
    if (gather->views & VIEW_BIT(VIEW_EVENTS)) {
        events_show(process, &gather->rows[VIEW_EVENTS]);
    }
    if (gather->views & VIEW_BIT(VIEW_CONFIG_VERSIONS)) {
        versions_show(process, &gather->rows[VIEW_CONFIG_VERSIONS]);
    }
    if (round->digests != NULL) {
        digest_table_each(round->digests, digest_show, &gather->rows[VIEW_DIGESTS]);
        digest_table_destroy(round->digests);
    }
    if (gather->wants_metrics) {
        own_metrics_set(process);
        metrics_resize(gather->metrics, &process->setup->labels); // a reload came in between
        metrics_merge(gather->metrics, process->metrics);
        gather->labels = &process->setup->labels;
    }
    gather->done(gather);
    worker_setup_unref(round->setup);
    mem_free(round);
}

static void part_came(struct loop_message *message, struct loop *loop)
{
    struct part *part = container_of(message, struct part, back);
    struct round *round = part->round;
    (void)loop;
    for (int view = 0; view < VIEW_COUNT; view++) {
        view_rows_take(&round->gather->rows[view], &part->rows[view]);
        view_rows_release(&part->rows[view]);
    }
    if (part->metrics != NULL) {
        metrics_merge(round->gather->metrics, part->metrics);
        metrics_destroy(part->metrics);
    }
    if (part->digests != NULL) {
        digest_table_merge(round->digests, part->digests);
        digest_table_destroy(part->digests);
    }
    if (--round->waiting == 0) {
        round_end(round);
    }
}

static void gather_begin(void *context, struct control_gather *gather)
{
    struct process *process = context;
    struct round *round = mem_zero(1, sizeof(*round));
    round->process = process;
    round->gather = gather;
    round->setup = worker_setup_ref(process->setup);
    round->waiting = process->shared.count + 1;
    if (gather->views & VIEW_BIT(VIEW_DIGESTS)) {
        round->digests = digest_table_create(SIZE_MAX);
    }
    if (gather->wants_metrics) {
        gather->metrics = metrics_create(&round->setup->labels);
    }
    for (unsigned i = 0; i <= process->shared.count; i++) {
        struct part *part = &round->parts[i];
        part->round = round;
        part->config = round->setup->config;
        for (int view = 0; view < VIEW_COUNT; view++) {
            view_rows_init(&part->rows[view], (enum view)view);
        }
        if (i < process->shared.count) {
            part->question.ask = worker_asked;
            worker_ask(process->shared.workers[i], &part->question);
        } else {
            part->to_monitor.run = monitor_asked;
            loop_post(monitor_loop(process->monitor), &part->to_monitor);
        }
    }
}

// --- orders --------------------------------------------------------------------------------------

static void reload_order(void *context, struct control_reload *reload)
{
    reload_run(context, reload);
}

static void backend_order(void *context, struct control_call *call, struct slice backend,
                          enum control_backend what)
{
    static const enum admin_state states[] = {
        [CONTROL_BACKEND_ONLINE] = ADMIN_ONLINE,
        [CONTROL_BACKEND_DRAIN] = ADMIN_DRAIN,
        [CONTROL_BACKEND_OFFLINE] = ADMIN_OFFLINE,
    };
    struct process *process = context;
    int index = config_backend(process->setup->config, backend);
    if (index < 0) {
        error_set(&call->error, 1105, NULL, "there is no backend %.*s", SLICE_ARG(backend));
    } else {
        monitor_set_admin_state(process->monitor, index, states[what]);
    }
    call->done(call);
}

struct kill_order {
    struct kill_request request;
    struct control_call *call;
};

static void kill_done(struct kill_request *request)
{
    struct kill_order *order = container_of(request, struct kill_order, request);
    if (request->result == KILL_UNKNOWN) {
        error_set(&order->call->error, 1094, NULL, "there is no session %u", request->id);
    }
    order->call->done(order->call);
    mem_free(order);
}

static void kill_order_send(void *context, struct control_call *call, uint64_t id, bool is_query)
{
    struct process *process = context;
    if (id == 0 || id > UINT32_MAX) {
        error_set(&call->error, 1094, NULL, "there is no session %llu", (unsigned long long)id);
        call->done(call);
        return;
    }
    struct kill_order *order = mem_zero(1, sizeof(*order));
    order->call = call;
    order->request.reply = process->loop;
    order->request.id = (uint32_t)id;
    order->request.is_query = is_query;
    order->request.is_operator = true;
    order->request.done = kill_done;
    worker_kill(&process->shared, &order->request);
}

static void pause_all(struct process *process, bool is_paused)
{
    process->is_paused = is_paused;
    for (unsigned i = 0; i < process->shared.count; i++) {
        worker_pause(process->shared.workers[i], is_paused);
    }
    events_add(process, is_paused ? "proxy.paused" : "proxy.resumed", SLICE_NONE,
               is_paused ? "statements are held" : "statements go on");
}

static void pause_order(void *context, struct control_call *call)
{
    pause_all(context, true);
    call->done(call);
}

static void resume_order(void *context, struct control_call *call)
{
    pause_all(context, false);
    call->done(call);
}

static void shutdown_order(void *context, struct control_call *call)
{
    process_drain(context);
    call->done(call);
}

void control_init(struct process *process)
{
    process->control = (struct control){
        .context = process,
        .state = state_tell,
        .gather = gather_begin,
        .reload = reload_order,
        .set_backend = backend_order,
        .kill = kill_order_send,
        .pause = pause_order,
        .resume = resume_order,
        .shutdown = shutdown_order,
    };
}
