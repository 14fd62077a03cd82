#include "proxy/monitor/monitor.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"
#include "proxy/monitor/keeper.h"
#include "proxy/monitor/probe.h"
#include "proxy/monitor/trouble.h"
#include "router/topology/lag.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

// One server.
struct watched {
    struct probe *probe;
    struct trouble trouble;
};

struct monitor {
    struct monitor_settings settings; // of `setup` the first, which is not looked at again
    struct log_source source;
    struct metrics *metrics;
    struct loop *loop;
    struct resolver *resolver;
    pthread_t thread;
    bool is_running; // the thread is there; the creator's
    bool is_stopped; // monitor_stop() has come through: nothing begins any more

    const struct config *config; // a reference
    struct watched servers[TOPOLOGY_SERVERS_MAX];
    int count;

    struct topology *topology;  // the latest judgement; NULL: none yet
    int64_t published_us;       // monotonic; 0: never
    struct lag_history history; // of the primary
    int history_of;             // index of that primary; -1: none yet
    int64_t history_at_us;      // when it last said what it has
    struct keeper keeper;
};

// --- news ---

static struct slice name_of(const struct monitor *monitor, int server)
{
    bool is_known = server >= 0 && server < monitor->count;
    return is_known ? monitor->config->backends[server].name : S("-");
}

static void tell(struct monitor *monitor, enum log_level level, const char *kind, int server,
                 const char *text)
{
    log_at(&monitor->source, level, kind, kv_slice("backend", name_of(monitor, server)),
           kv_str("text", text));
    monitor->settings.on_event(monitor->settings.context, kind, server, text);
}

// Whether an operator may want to act: a server gets nothing that no operator took out, nobody gets
// writes, or something is wrong with how the servers are set up.
static bool is_worth_a_warning(const struct topology *topology, const struct topology_event *event)
{
    if (strcmp(event->kind, "topology.primary") == 0 || strcmp(event->kind, "backend.role") == 0) {
        return false;
    }
    if (strcmp(event->kind, "backend.state") != 0) {
        return true;
    }
    enum server_state state = topology->servers[event->server].state;
    return state == SERVER_DOWN || state == SERVER_LAGGING || state == SERVER_SHUNNED;
}

struct news {
    struct monitor *monitor;
    const struct topology *topology;
};

static void event_tell(void *context, const struct topology_event *event)
{
    const struct news *news = context;
    bool is_warning = is_worth_a_warning(news->topology, event);
    tell(news->monitor, is_warning ? LOG_WARN : LOG_INFO, event->kind, event->server, event->text);
}

// --- lag by positions ---

static struct gtid_set position_of(const struct server_facts *facts, struct slice gtid)
{
    struct gtid_set position = GTID_SET_INIT;
    struct version version;
    version_parse(facts->version, &version);
    gtid_set_parse(&position, version.family, gtid);
    return position;
}

// The primary's positions are the measure; another primary is another measure. `server` has just
// been probed, or become the primary.
static void history_note(struct monitor *monitor, int server)
{
    const struct server_facts *facts = probe_facts(monitor->servers[server].probe);
    struct gtid_set position = position_of(facts, facts->gtid);
    if (monitor->history_of != server) {
        lag_history_clear(&monitor->history);
        monitor->history_of = server;
    }
    monitor->history_at_us = loop_now_us(monitor->loop);
    lag_history_note(&monitor->history, &position, monitor->history_at_us);
    gtid_set_release(&position);
}

static bool is_gtid_known(const struct monitor *monitor, const struct server_facts *facts)
{
    struct gtid_set position = position_of(facts, facts->gtid);
    bool knows = lag_history_knows(&monitor->history, &position);
    gtid_set_release(&position);
    return knows;
}

// Whether a probe or two of the primary's should have come since it last said what it has.
static bool is_history_old(const struct monitor *monitor, int64_t now_us)
{
    const struct conf_monitor *options = &monitor->config->monitor;
    return now_us - monitor->history_at_us > 2 * options->interval_us + options->timeout_us;
}

static void lag_measure(struct monitor *monitor, int server)
{
    struct server_facts *facts = probe_facts(monitor->servers[server].probe);
    int64_t now_us = loop_now_us(monitor->loop);
    if (server == monitor->history_of) {
        history_note(monitor, server);
    }
    facts->measured_lag_us = -1;
    facts->is_measure_old = is_history_old(monitor, now_us);
    facts->least_lag_us = 0;
    if (facts->channel_count > 0) {
        facts->is_gtid_known = is_gtid_known(monitor, facts);
        struct gtid_set position = position_of(facts, facts_replica_gtid(facts));
        facts->measured_lag_us = lag_history_measure(&monitor->history, &position, now_us);
        facts->least_lag_us = facts->measured_lag_us < 0
                                  ? lag_history_least(&monitor->history, &position, now_us)
                                  : 0;
        gtid_set_release(&position);
    }
}

static void history_follow(struct monitor *monitor)
{
    const struct server *head = topology_head(monitor->topology);
    if (head != NULL && head->index != monitor->history_of) {
        history_note(monitor, head->index);
    }
}

// --- judging ---

static void server_count(struct monitor *monitor, const struct server *server)
{
    unsigned label = metric_backend(server->index);
    bool is_up = server_state_takes_reads(server->state);
    metric_set(monitor->metrics, METRIC_BACKEND_UP, is_up, label);
    metric_set(monitor->metrics, METRIC_BACKEND_LAG,
               server->lag_us >= 0 ? server->lag_us : METRIC_UNKNOWN, label);
}

static void publish(struct monitor *monitor)
{
    monitor->published_us = loop_now_us(monitor->loop);
    monitor->settings.on_topology(monitor->settings.context, monitor->topology);
}

// Whether a server has come to be something else.
static bool has_turned(const struct topology *previous, const struct topology *next)
{
    if (previous == NULL || previous->count != next->count) {
        return false;
    }
    for (int i = 0; i < next->count; i++) {
        if (previous->servers[i].role != next->servers[i].role ||
            previous->servers[i].state != next->servers[i].state) {
            return true;
        }
    }
    return false;
}

// Servers change together (a switchover by somebody else): where one has, the others' facts are
// old.
static void probes_hurry(struct monitor *monitor)
{
    for (int i = 0; i < monitor->count; i++) {
        probe_hurry(monitor->servers[i].probe);
    }
}

// What is urgent goes out at once; the rest once in an interval.
static void topology_accept(struct monitor *monitor, struct topology *next)
{
    struct topology *previous = monitor->topology;
    const struct news news = {monitor, next};
    int64_t age_us = loop_now_us(monitor->loop) - monitor->published_us;
    bool is_due = topology_is_urgent(previous, next) || monitor->published_us == 0 ||
                  age_us >= monitor->config->monitor.interval_us;

    monitor->topology = next;
    topology_compare(previous, next, event_tell, (void *)&news);
    if (has_turned(previous, next)) {
        probes_hurry(monitor);
    }
    topology_unref(previous);
    for (int i = 0; i < next->count; i++) {
        server_count(monitor, &next->servers[i]);
    }
    if (is_due) {
        publish(monitor);
    }
    history_follow(monitor);
    keeper_follow(&monitor->keeper, next);
}

static void judge(struct monitor *monitor)
{
    struct server_facts facts[TOPOLOGY_SERVERS_MAX];
    for (int i = 0; i < monitor->count; i++) {
        facts[i] = *probe_facts(monitor->servers[i].probe);
    }
    topology_accept(monitor, topology_build(monitor->config, facts, monitor->topology,
                                            loop_now_us(monitor->loop), clock_wall_us()));
}

// --- servers that fail live traffic ---

// Never more replicas at once than outlier_limit allows.
static bool may_shun(const struct monitor *monitor, int server)
{
    uint32_t replicas = 0;
    uint32_t shunned = 1;
    const struct topology *topology = monitor->topology;
    for (int i = 0; i < topology->count; i++) {
        replicas += topology->servers[i].role == ROLE_REPLICA;
        shunned += i != server && topology->servers[i].state == SERVER_SHUNNED;
    }
    return shunned * 100 <= replicas * monitor->config->monitor.outlier_limit_percent;
}

static void shun(struct monitor *monitor, int server)
{
    struct watched *watched = &monitor->servers[server];
    struct server_facts *facts = probe_facts(watched->probe);
    facts->shunned_for = slice_text(conn_end_sentence(watched->trouble.end));
    facts->shunned_until_us = loop_now_us(monitor->loop) + TROUBLE_SHUN_US;
}

// --- probes ---

static int watched_find(const struct monitor *monitor, const struct probe *probe)
{
    int server = 0;
    while (monitor->servers[server].probe != probe) {
        server++;
    }
    return server;
}

static void probe_done(struct probe *probe, void *context)
{
    struct monitor *monitor = context;
    int server = watched_find(monitor, probe);
    bool is_good = probe_facts(probe)->failures == 0;
    int64_t now_us = loop_now_us(monitor->loop);

    if (is_good) {
        lag_measure(monitor, server);
    } else {
        metric_add(monitor->metrics, METRIC_PROBE_FAILURES, 1, metric_backend(server));
        log_debug(&monitor->source, "monitor.probe_failed",
                  kv_slice("backend", name_of(monitor, server)),
                  kv_slice("error", probe_facts(probe)->error));
    }
    if (trouble_weigh(&monitor->servers[server].trouble, is_good, now_us) &&
        may_shun(monitor, server)) {
        shun(monitor, server);
    }
    judge(monitor);
}

static struct probe *probe_make(struct monitor *monitor, const struct monitor_setup *setup,
                                int server)
{
    const struct probe_settings settings = {
        .loop = monitor->loop,
        .resolver = monitor->resolver,
        .config = setup->config,
        .server = server,
        .tls_context = setup->backend_tls[server],
        .on_done = probe_done,
        .context = monitor,
    };
    return probe_create(&settings);
}

// --- the catalogue ---

static const struct conn_target *catalogue_target(void *context, int server)
{
    const struct monitor *monitor = context;
    return probe_target(monitor->servers[server].probe);
}

static void catalogue_came(void *context, const struct catalogue *catalogue)
{
    struct monitor *monitor = context;
    struct catalogue_counts counts = catalogue_counts(catalogue);
    log_debug(&monitor->source, "monitor.catalogue", kv_uint("views", counts.views),
              kv_uint("routines", counts.routines), kv_uint("triggers", counts.triggers),
              kv_uint("foreign_keys", counts.foreign_keys));
    monitor->settings.on_catalogue(monitor->settings.context, catalogue);
}

static void catalogue_refused(void *context, int server, const struct error *refusal)
{
    char text[ERROR_TEXT_SIZE];
    snprintf(text, sizeof(text), "the catalogue is not known in full: %.400s", refusal->text);
    tell(context, LOG_WARN, "monitor.catalogue", server, text);
}

// --- setting up, again and again ---

// The old server of that name, or -1.
static int old_find(const struct monitor *monitor, struct slice name)
{
    for (int i = 0; i < monitor->count; i++) {
        if (slice_equal(monitor->config->backends[i].name, name)) {
            return i;
        }
    }
    return -1;
}

// Makes the server of that index. Its old index where what was found out of it is still true: where
// the address is the same too; else -1.
static int watched_make(struct monitor *monitor, const struct monitor_setup *setup, int server,
                        struct watched *out)
{
    const struct conf_backend *backend = &setup->config->backends[server];
    int old = old_find(monitor, backend->name);
    *out = (struct watched){.probe = probe_make(monitor, setup, server)};
    if (old < 0) {
        return -1;
    }
    const struct watched *before = &monitor->servers[old];
    if (!conf_address_equal(&monitor->config->backends[old].address, &backend->address)) {
        probe_facts(out->probe)->admin = probe_facts(before->probe)->admin; // said of the name
        return -1;
    }
    out->trouble = before->trouble;
    probe_inherit(out->probe, before->probe);
    return old;
}

// The primary's positions go on where it is the same server, whatever its index is now.
static void history_move(struct monitor *monitor, int server)
{
    if (server < 0) {
        lag_history_clear(&monitor->history);
    }
    monitor->history_of = server;
}

static void servers_set_up(struct monitor *monitor, const struct monitor_setup *setup)
{
    struct watched servers[TOPOLOGY_SERVERS_MAX];
    int count = (int)setup->config->backend_count;
    int history_of = -1;

    for (int i = 0; i < count; i++) {
        int old = watched_make(monitor, setup, i, &servers[i]);
        if (old >= 0 && old == monitor->history_of) {
            history_of = i;
        }
    }
    for (int i = 0; i < monitor->count; i++) {
        probe_destroy(monitor->servers[i].probe);
    }
    memcpy(monitor->servers, servers, (size_t)count * sizeof(*servers));
    monitor->count = count;
    config_ref(setup->config);
    config_unref(monitor->config);
    monitor->config = setup->config;
    history_move(monitor, history_of);
}

static void probes_start(struct monitor *monitor)
{
    for (int i = 0; i < monitor->count; i++) {
        struct probe *probe = monitor->servers[i].probe;
        if (probe_facts(probe)->admin != ADMIN_OFFLINE) {
            probe_start(probe);
        }
    }
}

static void monitor_close(struct monitor *monitor)
{
    monitor->is_stopped = true;
    keeper_release(&monitor->keeper);
    for (int i = 0; i < monitor->count; i++) {
        probe_destroy(monitor->servers[i].probe);
    }
    monitor->count = 0;
}

// --- orders from other threads ---

struct order {
    struct loop_message message;
    struct monitor *monitor;
    void (*run)(struct monitor *monitor, const struct order *order);
    int server;
    enum admin_state admin;
    struct conn_loss loss;       // without texts
    struct monitor_setup setup;  // with references of its own; config NULL: none
    struct metric_labels labels; // sizes only
};

static void setup_release(struct monitor_setup *setup)
{
    for (int i = 0; i < TOPOLOGY_SERVERS_MAX; i++) {
        if (setup->backend_tls[i] != NULL) {
            tls_context_unref(setup->backend_tls[i]);
        }
    }
    config_unref(setup->config);
}

static void order_free(struct order *order)
{
    setup_release(&order->setup);
    mem_free(order);
}

static void order_run(struct loop_message *message, struct loop *loop)
{
    struct order *order = container_of(message, struct order, message);
    (void)loop;
    if (!order->monitor->is_stopped) {
        order->run(order->monitor, order);
    }
    order_free(order);
}

static void order_send(struct monitor *monitor, const struct order *order)
{
    struct order *sent = mem_alloc(sizeof(*sent));
    *sent = *order;
    sent->monitor = monitor;
    sent->message.run = order_run;
    loop_post(monitor->loop, &sent->message);
}

static bool has_server(const struct monitor *monitor, int server)
{
    return server >= 0 && server < monitor->count;
}

static void setup_change(struct monitor *monitor, const struct order *order)
{
    metrics_resize(monitor->metrics, &order->labels);
    keeper_pause(&monitor->keeper, order->setup.config);
    servers_set_up(monitor, &order->setup);
    probes_start(monitor);
    judge(monitor);
}

static void admin_change(struct monitor *monitor, const struct order *order)
{
    if (!has_server(monitor, order->server)) {
        return;
    }
    struct probe *probe = monitor->servers[order->server].probe;
    struct server_facts *facts = probe_facts(probe);
    enum admin_state before = facts->admin;
    facts->admin = order->admin;
    if (order->admin == ADMIN_OFFLINE) {
        probe_stop(probe);
    } else if (before == ADMIN_OFFLINE) {
        facts->has_answered = false; // who knows what it has become
        facts->failures = 0;
        probe_start(probe);
    }
    judge(monitor);
}

static void trouble_take(struct monitor *monitor, const struct order *order)
{
    if (!has_server(monitor, order->server) || !trouble_is_news(&order->loss)) {
        return;
    }
    trouble_note(&monitor->servers[order->server].trouble, &order->loss);
    probe_hurry(monitor->servers[order->server].probe);
}

static void catalogue_change(struct monitor *monitor, const struct order *order)
{
    (void)order;
    keeper_refresh(&monitor->keeper);
}

static void start_take(struct monitor *monitor, const struct order *order)
{
    (void)order;
    probes_start(monitor);
    judge(monitor);
}

static void stop_take(struct monitor *monitor, const struct order *order)
{
    (void)order;
    monitor_close(monitor);
    loop_stop(monitor->loop);
}

void monitor_set_setup(struct monitor *monitor, const struct monitor_setup *setup,
                       const struct metric_labels *labels)
{
    struct order order = {.run = setup_change, .setup = *setup, .labels = *labels};
    config_ref(setup->config);
    for (int i = 0; i < TOPOLOGY_SERVERS_MAX; i++) {
        if (setup->backend_tls[i] != NULL) {
            tls_context_ref(setup->backend_tls[i]);
        }
    }
    order_send(monitor, &order);
}

void monitor_set_admin_state(struct monitor *monitor, int server, enum admin_state state)
{
    order_send(monitor, &(struct order){.run = admin_change, .server = server, .admin = state});
}

void monitor_report(struct monitor *monitor, int server, const struct conn_loss *loss)
{
    order_send(monitor, &(struct order){.run = trouble_take,
                                        .server = server,
                                        .loss = {.end = loss->end, .code = loss->code}});
}

void monitor_refresh_catalogue(struct monitor *monitor)
{
    order_send(monitor, &(struct order){.run = catalogue_change});
}

// --- life ---

static void keeper_set_up(struct monitor *monitor)
{
    const struct keeper_settings settings = {
        .loop = monitor->loop,
        .changes = monitor->settings.catalogue_changes,
        .target = catalogue_target,
        .on_catalogue = catalogue_came,
        .on_refusal = catalogue_refused,
        .context = monitor,
    };
    keeper_init(&monitor->keeper, &settings, monitor->config);
}

static void resolver_set_up(struct monitor *monitor)
{
    struct error error;
    monitor->resolver =
        resolver_create(monitor->loop, &(struct resolver_settings){.servers = NULL}, &error);
    if (monitor->resolver == NULL) {
        log_error(&monitor->source, "monitor.no_resolver", kv_error("error", &error));
        abort();
    }
}

struct monitor *monitor_create(const struct monitor_settings *settings)
{
    struct monitor *monitor = mem_zero(1, sizeof(*monitor));
    monitor->settings = *settings;
    monitor->source.log = settings->log;
    monitor->metrics = metrics_create(settings->labels);
    monitor->loop = loop_create(&(struct loop_settings){
        .name = "monitor", .metrics = monitor->metrics, .helpers = settings->helpers});
    resolver_set_up(monitor);
    servers_set_up(monitor, &settings->setup);
    keeper_set_up(monitor);
    return monitor;
}

static void *thread_run(void *argument)
{
    struct monitor *monitor = argument;
    loop_run(monitor->loop);
    return NULL;
}

void monitor_start(struct monitor *monitor)
{
    order_send(monitor, &(struct order){.run = start_take});
    if (pthread_create(&monitor->thread, NULL, thread_run, monitor) != 0) {
        log_error(&monitor->source, "monitor.no_thread");
        abort();
    }
    monitor->is_running = true;
}

void monitor_stop(struct monitor *monitor)
{
    if (monitor->is_running) {
        order_send(monitor, &(struct order){.run = stop_take});
        pthread_join(monitor->thread, NULL);
        monitor->is_running = false;
    }
}

void monitor_destroy(struct monitor *monitor)
{
    if (!monitor->is_stopped) {
        monitor_close(monitor); // it never ran
    }
    resolver_destroy(monitor->resolver);
    loop_destroy(monitor->loop);
    metrics_destroy(monitor->metrics);
    topology_unref(monitor->topology);
    lag_history_release(&monitor->history);
    config_unref(monitor->config);
    mem_free(monitor);
}

// --- asking it ---

struct loop *monitor_loop(const struct monitor *monitor)
{
    return monitor->loop;
}

struct metrics *monitor_metrics(struct monitor *monitor)
{
    return monitor->metrics;
}
