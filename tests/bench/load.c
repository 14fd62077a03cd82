// A load on a server or proxy of this machine that costs little itself: one thread, one receive and
// one send a query. Prints what was measured as lines of a name and a value: queries, queries a
// second, latency, and what the named processes used (--process). `load` alone says what else.
//
//   load query --port 6033 --password app-secret --schema app --clients 16 --seconds 5
//       --statement 'SELECT c FROM sbtest1 WHERE id={id}' --process proxy=1234
#include "tests/bench/lib/client.h"
#include "tests/bench/lib/descriptors.h"
#include "tests/bench/lib/die.h"
#include "tests/bench/lib/options.h"
#include "tests/bench/lib/usage.h"

#include "proxy/base/memory.h"
#include "proxy/observe/histogram.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

enum {
    EVENTS_AT_ONCE = 256,
    LOGINS_AT_ONCE = 64, // a listener's queue is short
};
static const int64_t sample_ns = 100 * 1000000LL;          // between two looks at memory
static const int64_t calm_ns = 1000 * 1000000LL;           // nothing happens for so long,
static const int64_t calm_most_ns = 30 * 1000 * 1000000LL; // or it is taken as it is then:
static const uint64_t calm_bytes = 64 * 1024;              // memory moves by so much,
static const int64_t calm_cpu_ns = 2 * 1000000LL;         // or the processes work between two looks
static const int64_t quiet_ns = 5 * 1000 * 1000000LL;     // how long idle clients are looked at
static const int64_t patience_ns = 60 * 1000 * 1000000LL; // for anything to happen at all

struct process {
    struct usage begin, end;
    uint64_t resident_before; // without any client
    uint64_t resident_most;
    uint64_t resident_after;
};

struct load {
    struct options options;
    int epoll;
    struct client *clients;
    unsigned opened; // how many clients have come so far,
    unsigned ready;  // have logged in,
    unsigned busy;   // and wait for an answer
    bool is_ending;  // nobody asks any more
    uint64_t random;
    int64_t heard_ns;     // when anything came last
    int64_t sampled_ns;   // when memory was looked at last
    int64_t quiet_cpu_ns; // of the processes, while all clients were idle
    // since the measurement began
    int64_t began_ns, ended_ns;
    uint64_t answers;
    uint64_t bytes;
    struct histogram latency; // in nanoseconds
    struct process processes[OPTIONS_PROCESSES_MAX];
};

typedef void news_fn(struct load *load, struct client *client, enum client_news news);

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// --- the processes ------------------------------------------------------------------------------

static uint64_t resident(const struct load *load, size_t i)
{
    return usage_resident_bytes(load->options.processes[i].pid);
}

static void processes_read_before(struct load *load)
{
    for (size_t i = 0; i < load->options.process_count; i++) {
        load->processes[i].resident_before = resident(load, i);
        load->processes[i].resident_most = load->processes[i].resident_before;
    }
}

static void usage_take(const struct load *load, size_t i, struct usage *usage)
{
    if (!usage_read(load->options.processes[i].pid, usage)) {
        die("process %.*s is gone", SLICE_ARG(load->options.processes[i].name));
    }
}

// Returns by how much the memory of all has changed since the look before.
static uint64_t processes_sample(struct load *load)
{
    uint64_t changed = 0;
    for (size_t i = 0; i < load->options.process_count; i++) {
        struct process *process = &load->processes[i];
        uint64_t now = resident(load, i), before = process->resident_after;
        changed += now > before ? now - before : before - now;
        process->resident_after = now;
        if (now > process->resident_most) {
            process->resident_most = now;
        }
    }
    load->sampled_ns = now_ns();
    return changed;
}

// --- clients ------------------------------------------------------------------------------------

static void open_one(struct load *load, struct client *client)
{
    int64_t now = now_ns(); // connecting counts
    size_t place = (size_t)(client - load->clients) % load->options.port_count;
    client_open(client, &load->options, load->options.ports[place]);
    client->asked_ns = now;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, client->line.fd, &event) != 0) {
        die("epoll: %s", strerror(errno));
    }
}

static void open_more(struct load *load)
{
    while (load->opened < load->options.clients && load->opened - load->ready < LOGINS_AT_ONCE) {
        open_one(load, &load->clients[load->opened++]);
    }
}

// xorshift64*
static uint64_t random_next(struct load *load)
{
    load->random ^= load->random >> 12;
    load->random ^= load->random << 25;
    load->random ^= load->random >> 27;
    return load->random * UINT64_C(0x2545F4914F6CDD1D) >> 16;
}

static void ask(struct load *load, struct client *client)
{
    size_t count = load->options.statement_count;
    size_t statement = count > 1 ? random_next(load) % count : 0;
    load->busy++;
    client_ask(client, statement, 1 + random_next(load) % load->options.numbers);
}

static void answer_count(struct load *load, struct client *client, int64_t now)
{
    load->busy--;
    if (!load->is_ending) {
        load->answers++;
        histogram_record(&load->latency, now - client->asked_ns);
    }
}

// --- the loop -----------------------------------------------------------------------------------

static void turn(struct load *load, news_fn *on_news)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int count = epoll_wait(load->epoll, events, EVENTS_AT_ONCE, 10);
    int64_t now = now_ns();
    for (int i = 0; i < count; i++) {
        struct client *client = events[i].data.ptr;
        enum client_news news = client_read(client, &load->bytes);
        if (news != CLIENT_BUSY) {
            on_news(load, client, news);
        }
    }
    if (count > 0) {
        load->heard_ns = now;
    } else if (now - load->heard_ns > patience_ns) {
        die("nothing has come for %" PRId64 " s", patience_ns / 1000000000);
    }
    if (now - load->sampled_ns > sample_ns) {
        (void)processes_sample(load);
    }
}

static void login_news(struct load *load, struct client *client, enum client_news news)
{
    (void)client;
    (void)news;
    load->ready++;
    open_more(load);
}

static void clients_log_in(struct load *load)
{
    open_more(load);
    while (load->ready < load->options.clients) {
        turn(load, login_news);
    }
}

static void measurement_begin(struct load *load)
{
    load->answers = load->bytes = 0;
    load->latency = (struct histogram){0};
    load->began_ns = now_ns();
    for (size_t i = 0; i < load->options.process_count; i++) {
        usage_take(load, i, &load->processes[i].begin);
    }
}

static void measurement_end(struct load *load)
{
    for (size_t i = 0; i < load->options.process_count; i++) {
        usage_take(load, i, &load->processes[i].end);
    }
    load->ended_ns = now_ns();
    (void)processes_sample(load);
}

static bool is_measured(const struct load *load, int64_t now)
{
    const struct options *options = &load->options;
    return options->count > 0 ? load->answers >= options->count
                              : now - load->began_ns >= (int64_t)(options->seconds * 1e9);
}

// `start` sets the clients to work; what they do while they warm up does not count, nor what ends
// after the measurement.
static void measure(struct load *load, void (*start)(struct load *), news_fn *on_news)
{
    bool is_warm = load->options.warmup > 0;
    if (is_warm) {
        start(load);
        int64_t warm_ns = now_ns() + (int64_t)(load->options.warmup * 1e9);
        while (now_ns() < warm_ns) {
            turn(load, on_news);
        }
    }
    measurement_begin(load);
    if (!is_warm) {
        start(load);
    }
    while (!is_measured(load, now_ns())) {
        turn(load, on_news);
    }
    measurement_end(load);
    load->is_ending = true;
    while (load->busy > 0) {
        turn(load, on_news);
    }
}

// --- modes --------------------------------------------------------------------------------------

static void query_news(struct load *load, struct client *client, enum client_news news)
{
    (void)news;
    int64_t now = now_ns();
    answer_count(load, client, now);
    if (!load->is_ending) {
        client->asked_ns = now;
        ask(load, client);
    }
}

static void clients_ask(struct load *load)
{
    for (unsigned i = 0; i < load->options.clients; i++) {
        load->clients[i].asked_ns = now_ns();
        ask(load, &load->clients[i]);
    }
}

static void clients_close(struct load *load)
{
    for (unsigned i = 0; i < load->options.clients; i++) {
        client_close(&load->clients[i]);
    }
}

static void run_query(struct load *load)
{
    clients_log_in(load);
    measure(load, clients_ask, query_news);
    clients_close(load);
}

// A client is busy from its coming to its going.
static void connect_news(struct load *load, struct client *client, enum client_news news)
{
    if (news == CLIENT_READY) {
        ask(load, client);
        return;
    }
    load->busy--;
    answer_count(load, client, now_ns());
    client_close(client);
    if (!load->is_ending) {
        load->busy++;
        open_one(load, client);
    }
}

static void clients_open(struct load *load)
{
    for (unsigned i = 0; i < load->options.clients; i++) {
        load->busy++;
        open_one(load, &load->clients[i]);
    }
}

static void run_connect(struct load *load)
{
    measure(load, clients_open, connect_news);
}

static void unforeseen(struct load *load, struct client *client, enum client_news news)
{
    (void)load;
    (void)client;
    (void)news;
    die("an answer to no question");
}

static int64_t processes_cpu_ns(const struct load *load)
{
    int64_t sum = 0;
    for (size_t i = 0; i < load->options.process_count; i++) {
        struct usage usage;
        if (usage_read(load->options.processes[i].pid, &usage)) {
            sum += usage.cpu_ns;
        }
    }
    return sum;
}

// Waits until the processes' memory stands still and they have no work: what the kernel holds for
// them is full by then.
static void wait_calm(struct load *load)
{
    int64_t begin = now_ns(), changed = begin, cpu_ns = processes_cpu_ns(load);
    uint64_t drift = 0;
    (void)processes_sample(load);
    while (now_ns() - changed < calm_ns && now_ns() - begin < calm_most_ns) {
        turn(load, unforeseen);
        if (now_ns() - load->sampled_ns < sample_ns / 2) {
            continue;
        }
        drift += processes_sample(load);
        int64_t cpu_now_ns = processes_cpu_ns(load);
        if (drift > calm_bytes || cpu_now_ns - cpu_ns > calm_cpu_ns) {
            drift = 0;
            changed = now_ns();
        }
        cpu_ns = cpu_now_ns;
    }
}

static void run_stall(struct load *load)
{
    clients_log_in(load);
    for (unsigned i = 0; i < load->options.clients; i++) {
        epoll_ctl(load->epoll, EPOLL_CTL_DEL, load->clients[i].line.fd, NULL);
    }
    measurement_begin(load);
    clients_ask(load);
    wait_calm(load);
    measurement_end(load);
}

static void wait_quiet(struct load *load)
{
    int64_t begin = now_ns(), cpu_ns = processes_cpu_ns(load);
    while (now_ns() - begin < quiet_ns) {
        turn(load, unforeseen);
    }
    load->quiet_cpu_ns = processes_cpu_ns(load) - cpu_ns;
}

static void run_idle(struct load *load)
{
    measurement_begin(load);
    clients_log_in(load);
    wait_calm(load);
    measurement_end(load);
    wait_quiet(load);
    clients_close(load);
}

// --- the report ---------------------------------------------------------------------------------

static void print_value(const char *name, struct slice process, double value)
{
    printf("%s%s%.*s %.3f\n", name, process.len > 0 ? "." : "", SLICE_ARG(process), value);
}

static void print_process(const struct load *load, size_t i)
{
    const struct process *process = &load->processes[i];
    struct slice name = load->options.processes[i].name;
    struct usage usage = usage_between(&process->begin, &process->end);
    double cpu_us = (double)usage.cpu_ns / 1e3, answers = (double)load->answers;
    print_value("cpu_us", name, cpu_us);
    if (load->answers > 0) {
        print_value("cpu_us_per_query", name, cpu_us / answers);
        print_value("cpu_user_us_per_query", name, (double)usage.user_ns / 1e3 / answers);
        print_value("cpu_system_us_per_query", name, (double)usage.system_ns / 1e3 / answers);
        print_value("cpu_s_per_gb", name, cpu_us * 1e3 / (double)load->bytes);
    }
    double before = (double)process->resident_before;
    print_value("resident_before", name, before);
    print_value("resident_growth", name, (double)process->resident_after - before);
    print_value("resident_growth_most", name, (double)process->resident_most - before);
    print_value("resident_per_client", name,
                ((double)process->resident_after - before) / load->options.clients);
}

static void print_latency(const struct load *load, const char *name, double quantile)
{
    print_value(name, SLICE_NONE, (double)histogram_quantile(&load->latency, quantile) / 1e3);
}

static void print_report(const struct load *load)
{
    double seconds = (double)(load->ended_ns - load->began_ns) / 1e9;
    print_value("seconds", SLICE_NONE, seconds);
    if (load->answers > 0) {
        print_value("queries", SLICE_NONE, (double)load->answers);
        print_value("queries_per_second", SLICE_NONE, (double)load->answers / seconds);
        print_value("mb_per_second", SLICE_NONE, (double)load->bytes / 1e6 / seconds);
        print_latency(load, "p50_us", 0.5);
        print_latency(load, "p95_us", 0.95);
        print_latency(load, "p99_us", 0.99);
    }
    if (load->options.mode == LOAD_IDLE) {
        print_value("idle_cpu_us_per_second", SLICE_NONE,
                    (double)load->quiet_cpu_ns / 1e3 / ((double)quiet_ns / 1e9));
    }
    for (size_t i = 0; i < load->options.process_count; i++) {
        print_process(load, i);
    }
}

// --- main ---------------------------------------------------------------------------------------

int main(int argc, char *argv[])
{
    static void (*const modes[LOAD_MODE_COUNT])(struct load *) = {
        [LOAD_QUERY] = run_query,
        [LOAD_CONNECT] = run_connect,
        [LOAD_STALL] = run_stall,
        [LOAD_IDLE] = run_idle,
    };
    struct error error = ERROR_NONE;
    struct load *load = mem_zero(1, sizeof(*load));
    if (!options_parse(&load->options, argc, argv, &error)) {
        die("load: %s\n%s", error.text, options_help);
    }
    descriptors_raise();
    load->random = UINT64_C(0x9E3779B97F4A7C15);
    load->clients = mem_zero(load->options.clients, sizeof(struct client));
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->heard_ns = now_ns();
    processes_read_before(load);
    modes[load->options.mode](load);
    print_report(load);
    return 0;
}
