#include "proxy/server/process_priv.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"
#include "proxy/base/random.h"
#include "proxy/server/setup.h"

#include <event2/event.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HELPER_THREADS = 2, DRAIN_LOOK_MS = 20 };

// --- news from the monitor -----------------------------------------------------------------------

// From the monitor's thread to this one.
struct monitor_news {
    struct loop_message message;
    struct process *process;
    struct topology *topology;
    const struct catalogue *catalogue;
    char kind[32];
    char text[512];
    int backend;
};

static void topology_came(struct loop_message *message, struct loop *loop)
{
    struct monitor_news *news = container_of(message, struct monitor_news, message);
    (void)loop;
    topology_unref(news->process->topology);
    news->process->topology = news->topology;
    mem_free(news);
}

static void on_topology(void *context, struct topology *topology)
{
    struct process *process = context;
    struct monitor_news *news = mem_zero(1, sizeof(*news));
    for (unsigned i = 0; i < process->shared.count; i++) {
        worker_set_topology(process->shared.workers[i], topology);
    }
    news->process = process;
    news->topology = topology_ref(topology);
    news->message.run = topology_came;
    loop_post(process->loop, &news->message);
}

static void catalogue_came(struct loop_message *message, struct loop *loop)
{
    struct monitor_news *news = container_of(message, struct monitor_news, message);
    (void)loop;
    catalogue_unref(news->process->catalogue);
    news->process->catalogue = news->catalogue;
    mem_free(news);
}

static void on_catalogue(void *context, const struct catalogue *catalogue)
{
    struct process *process = context;
    struct monitor_news *news = mem_zero(1, sizeof(*news));
    for (unsigned i = 0; i < process->shared.count; i++) {
        worker_set_catalogue(process->shared.workers[i], catalogue);
    }
    news->process = process;
    news->catalogue = catalogue_ref(catalogue);
    news->message.run = catalogue_came;
    loop_post(process->loop, &news->message);
}

static void event_came(struct loop_message *message, struct loop *loop)
{
    struct monitor_news *news = container_of(message, struct monitor_news, message);
    const struct config *config = news->process->setup->config;
    (void)loop;
    bool is_known = news->backend >= 0 && (size_t)news->backend < config->backend_count;
    events_add(news->process, news->kind,
               is_known ? config->backends[news->backend].name : SLICE_NONE, news->text);
    mem_free(news);
}

static void on_event(void *context, const char *kind, int backend, const char *text)
{
    struct process *process = context;
    struct monitor_news *news = mem_zero(1, sizeof(*news));
    news->process = process;
    news->backend = backend;
    snprintf(news->kind, sizeof(news->kind), "%s", kind);
    snprintf(news->text, sizeof(news->text), "%s", text);
    news->message.run = event_came;
    loop_post(process->loop, &news->message);
}

static void on_report(void *context, int backend, const struct conn_loss *loss)
{
    struct process *process = context;
    monitor_report(process->monitor, backend, loss);
}

static void on_catalogue_changed(void *context)
{
    struct process *process = context;
    monitor_refresh_catalogue(process->monitor);
}

// --- starting ------------------------------------------------------------------------------------

static bool start_log(struct process *process, const struct config *config, struct error *error)
{
    bool is_stderr = slice_equal(config->log.file, S("stderr"));
    struct log_settings settings = {
        .level = (enum log_level)config->log.level,
        .format = (enum log_format)config->log.format,
        .file = is_stderr ? NULL : config->log.file.ptr,
    };
    process->log = log_create(&settings, error);
    process->source.log = process->log;
    return process->log != NULL;
}

// As many descriptors as the clients and connections allowed may take, as far as the system lets
// us.
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static unsigned worker_count(const struct config *config)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned wanted = config->proxy.workers > 0 ? config->proxy.workers : (unsigned)cores;
    return wanted < 1 ? 1 : wanted > POOL_WORKERS_MAX ? POOL_WORKERS_MAX : wanted;
}

static void start_workers(struct process *process, const struct config *config)
{
    struct worker_shared *shared = &process->shared;
    shared->count = worker_count(config);
    shared->workers = mem_zero(shared->count, sizeof(struct worker *));
    shared->log = process->log;
    shared->helpers = helpers_create(HELPER_THREADS);
    shared->key = login_key_create();
    shared->report = on_report;
    shared->catalogue_changed = on_catalogue_changed;
    atomic_store(&shared->catalogue_changes, 1);
    shared->context = process;
    random_bytes(shared->fakes.key, sizeof(shared->fakes.key));
    shared->fakes.accounts = (uint32_t)config->user_count;
    for (size_t i = 0; i < config->user_count; i++) {
        shared->fakes.by_hash +=
            !config->users[i].has_password && config->users[i].has_password_hash;
    }
    for (unsigned i = 0; i < shared->count; i++) {
        shared->workers[i] = worker_create(shared, i, process->setup);
    }
}

static void start_monitor(struct process *process)
{
    struct monitor_settings settings = {
        .log = process->log,
        .helpers = process->shared.helpers,
        .labels = &process->setup->labels,
        .setup = {.config = process->setup->config},
        .catalogue_changes = &process->shared.catalogue_changes,
        .on_topology = on_topology,
        .on_catalogue = on_catalogue,
        .on_event = on_event,
        .context = process,
    };
    memcpy(settings.setup.backend_tls, process->setup->backend_tls,
           sizeof(settings.setup.backend_tls));
    process->monitor = monitor_create(&settings);
}

// --- listening -----------------------------------------------------------------------------------

// A name stands for the first address that the system knows for it.
static bool address_find(const struct conf_address *from, struct address *to, struct error *error)
{
    if (from->kind == CONF_ADDRESS_UNIX) {
        return address_from_path(to, from->path) ||
               error_set(error, 1, from->text.ptr, "the path is longer than a socket's may be");
    }
    if (address_from_ip(to, from->host, from->port)) {
        return true;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    char ip[NI_MAXHOST];
    int failed = getaddrinfo(from->host.ptr, NULL, &hints, &found);
    if (failed != 0) {
        return error_set(error, failed, from->text.ptr, "%s", gai_strerror(failed));
    }
    failed =
        getnameinfo(found->ai_addr, found->ai_addrlen, ip, sizeof(ip), NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(found);
    return (failed == 0 && address_from_ip(to, slice_text(ip), from->port)) ||
           error_set(error, failed, from->text.ptr, "its address cannot be read");
}

static struct listener_settings listener_settings_of(struct worker *worker, unsigned index)
{
    return (struct listener_settings){
        .on_accept = worker_on_accept,
        .owner = worker,
        .index = index,
        .is_shared = true,
    };
}

// Each worker gets a socket of its own on an IP address; the one of a path is shared.
static bool address_listen(struct process *process, unsigned index, struct error *error)
{
    const struct conf_address *from = &process->setup->config->proxy.listen[index];
    struct address address;
    char text[ADDRESS_TEXT_SIZE];
    if (!address_find(from, &address, error)) {
        return false;
    }
    for (unsigned i = 0; i < process->shared.count; i++) {
        struct worker *worker = process->shared.workers[i];
        struct listener_settings settings = listener_settings_of(worker, index);
        struct listener *listener =
            listener_create(worker_loop(worker), &address, &settings, error);
        if (listener == NULL) {
            return false;
        }
        worker_add_listener(worker, listener);
        address = *listener_address(listener); // the port that the system chose, for the others too
        if (i == 0) {
            log_info(&process->source, "proxy.listening", kv_str("for", "clients"),
                     kv_str("address", address_print(&address, text)));
        }
        if (address.kind == ADDRESS_PATH) {
            break; // one worker accepts and deals them out
        }
    }
    return true;
}

// The folder of a socket's path, one level: /run/sluice is gone after every boot.
static void folder_make(struct slice path)
{
    char folder[ADDRESS_PATH_SIZE];
    if (slice_to_text(path, folder, sizeof(folder))) {
        char *slash = strrchr(folder, '/');
        if (slash != NULL && slash != folder) {
            *slash = '\0';
            mkdir(folder, 0755);
        }
    }
}

// A socket that only the default asks for may be more than this user is allowed to have.
static bool may_do_without(const struct process *process, const struct conf_address *address)
{
    return address->kind == CONF_ADDRESS_UNIX &&
           !config_is_set(process->setup->config, "proxy", "listen");
}

static bool listen_all(struct process *process, struct error *error)
{
    const struct conf_proxy *proxy = &process->setup->config->proxy;
    for (unsigned i = 0; i < proxy->listen_count; i++) {
        if (proxy->listen[i].kind == CONF_ADDRESS_UNIX) {
            folder_make(proxy->listen[i].path);
        }
        if (address_listen(process, i, error)) {
            continue;
        }
        if (!may_do_without(process, &proxy->listen[i])) {
            return false;
        }
        log_warn(&process->source, "proxy.not_listening",
                 kv_slice("address", proxy->listen[i].text), kv_error("error", error));
    }
    return true;
}

static void addresses_log(struct process *process)
{
    char text[ADDRESS_TEXT_SIZE];
    for (size_t i = 0; i < admin_address_count(process->admin); i++) {
        log_info(&process->source, "proxy.listening", kv_str("for", "admin"),
                 kv_str("address", address_print(admin_address(process->admin, i), text)));
    }
    for (size_t i = 0; i < admin_http_address_count(process->admin); i++) {
        log_info(&process->source, "proxy.listening", kv_str("for", "http"),
                 kv_str("address", address_print(admin_http_address(process->admin, i), text)));
    }
}

static bool start_admin(struct process *process, struct error *error)
{
    struct admin_settings settings = {
        .loop = process->loop,
        .control = &process->control,
        .log = &process->source,
        .tls = process->setup->client_tls,
    };
    control_init(process);
    process->admin = admin_create(&settings, error);
    if (process->admin != NULL) {
        addresses_log(process);
    }
    return process->admin != NULL;
}

// --- ending --------------------------------------------------------------------------------------

static unsigned sessions_open(struct process *process)
{
    unsigned open = 0;
    for (unsigned i = 0; i < process->shared.count; i++) {
        open += atomic_load(&process->shared.sessions[i]);
    }
    return open;
}

static void process_stop(struct process *process)
{
    if (process->phase != PROCESS_STOPPING) {
        process->phase = PROCESS_STOPPING;
        loop_stop(process->loop);
    }
}

static void drain_look(struct timer *timer)
{
    struct process *process = container_of(timer, struct process, drain);
    unsigned open = sessions_open(process);
    if (open == 0 || loop_now_us(process->loop) >= process->drain_until_us) {
        log_info(&process->source, "proxy.drained", kv_uint("sessions_cut", open));
        process_stop(process);
        return;
    }
    timer_set(timer, process->loop, DRAIN_LOOK_MS * CLOCK_MS);
}

void process_drain(struct process *process)
{
    if (process->phase >= PROCESS_DRAINING) {
        return;
    }
    process->phase = PROCESS_DRAINING;
    process->drain_until_us =
        loop_now_us(process->loop) + process->setup->config->proxy.drain_timeout_us;
    log_info(&process->source, "proxy.draining", kv_uint("sessions", sessions_open(process)));
    events_add(process, "proxy.draining", SLICE_NONE, "no new clients; sessions end at a boundary");
    for (unsigned i = 0; i < process->shared.count; i++) {
        worker_drain(process->shared.workers[i]);
    }
    timer_set(&process->drain, process->loop, DRAIN_LOOK_MS * CLOCK_MS);
}

static void signal_stop(evutil_socket_t number, short what, void *context)
{
    struct process *process = context;
    (void)what;
    log_info(&process->source, "proxy.signal", kv_str("signal", strsignal((int)number)));
    if (process->phase >= PROCESS_DRAINING) {
        process_stop(process);
    } else {
        process_drain(process);
    }
}

static void signal_reload(evutil_socket_t number, short what, void *context)
{
    (void)number;
    (void)what;
    reload_by_signal(context);
}

static void signal_hand_over(evutil_socket_t number, short what, void *context)
{
    struct process *process = context;
    (void)number;
    (void)what;
    log_warn(&process->source, "proxy.signal",
             kv_str("text", "restart with hand-over (SIGUSR2) is not built yet"));
}

static const struct {
    int number;
    event_callback_fn run;
} signals[] = {
    {SIGTERM, signal_stop},
    {SIGINT, signal_stop},
    {SIGHUP, signal_reload},
    {SIGUSR2, signal_hand_over},
};

static void signals_watch(struct process *process)
{
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        evsignal_assign(&process->signals[i], loop_base(process->loop), signals[i].number,
                        signals[i].run, process);
        event_add(&process->signals[i], NULL);
    }
}

static void signals_release(struct process *process)
{
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        event_del(&process->signals[i]);
    }
}

// --- the whole -----------------------------------------------------------------------------------

static bool process_start(struct process *process, struct error *error)
{
    start_workers(process, process->setup->config);
    start_monitor(process);
    if (!start_admin(process, error) || !listen_all(process, error)) {
        return false;
    }
    monitor_start(process->monitor);
    for (unsigned i = 0; i < process->shared.count; i++) {
        worker_start(process->shared.workers[i]);
    }
    return true;
}

static void process_release(struct process *process)
{
    struct worker_shared *shared = &process->shared;
    if (process->phase > PROCESS_STARTING) {
        monitor_stop(process->monitor);
        for (unsigned i = 0; i < shared->count; i++) {
            worker_stop(shared->workers[i]);
        }
    }
    for (unsigned i = 0; i < shared->count; i++) {
        worker_join(shared->workers[i]);
    }
    if (process->monitor != NULL) {
        monitor_destroy(process->monitor);
    }
    for (unsigned i = 0; i < shared->count; i++) {
        worker_destroy(shared->workers[i]);
    }
    if (process->admin != NULL) {
        admin_destroy(process->admin);
    }
    timer_release(&process->drain);
    signals_release(process);
    loop_destroy(process->loop);
    metrics_destroy(process->metrics);
    topology_unref(process->topology);
    catalogue_unref(process->catalogue);
    reload_release(process);
    worker_setup_unref(process->setup);
    if (shared->helpers != NULL) {
        helpers_destroy(shared->helpers);
    }
    login_key_unref(&shared->key);
    mem_free(shared->workers);
    log_info(&process->source, "proxy.stopped");
    log_destroy(process->log);
}

static int process_live(struct process *process)
{
    struct error error = ERROR_NONE;
    process->metrics = metrics_create(&process->setup->labels);
    process->loop =
        loop_create(&(struct loop_settings){.name = "sluice", .metrics = process->metrics});
    process->started_us = loop_now_exact_us(process->loop);
    timer_init(&process->drain, drain_look);
    signals_watch(process);
    reload_begin(process);
    if (!process_start(process, &error)) {
        log_error(&process->source, "proxy.failed", kv_str("where", error.where),
                  kv_error("error", &error));
        fprintf(stderr, "sluice: %s: %s\n", error.where, error.text);
        process_release(process);
        return 1;
    }
    process->phase = PROCESS_RUNNING;
    log_info(&process->source, "proxy.started", kv_str("version", SLUICE_VERSION),
             kv_uint("workers", process->shared.count),
             kv_uint("backends", process->setup->config->backend_count));
    events_add(process, "proxy.started", SLICE_NONE, "sluice " SLUICE_VERSION);
    loop_run(process->loop);
    process_release(process);
    return 0;
}

int process_run(const struct config *config, const char *path)
{
    struct process *process = mem_zero(1, sizeof(*process));
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    struct error error = ERROR_NONE;
    int status = 1;

    process->path = path;
    raise_file_limit();
    process->setup = setup_make(config, NULL, &diagnostics);
    if (process->setup == NULL || !start_log(process, config, &error)) {
        diagnostics_print(&diagnostics, stderr);
        fprintf(stderr, "sluice: cannot start: %s\n", error.text);
        worker_setup_unref(process->setup);
    } else {
        status = process_live(process);
    }
    diagnostics_release(&diagnostics);
    mem_free(process);
    return status;
}
