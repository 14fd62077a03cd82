// Hours in minutes: clients of every kind come and go (churn.h) while servers die and come back and
// the configuration is loaded again, in rounds. At the end of each round the clients go, and sluice
// is looked at: it must hold what it held before, and have counted what was done.
//
// SOAK_SECONDS (1800): how long. Nothing here can be waited for but the time itself, so this test
// lets it pass. Lines that begin with "# " are its report.
#include "tests/lib/allocations.h"
#include "tests/lib/http.h"
#include "tests/lib/site.h"
#include "tests/soak/checker.h"
#include "tests/soak/churn.h"

#include "proxy/base/clock.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { LOOKS_MAX = 4096, CALM_MS = 5000, TROUBLE_MS = 1000, HEAL_MS = 90000, MIB = 1024 * 1024 };

// What sluice may have more at the end than after the warm-up. The heap's own unevenness is about
// half of it.
static const struct slack slack = {.resident = 2 * MIB, .blocks = 200};

struct soak {
    struct site *site;
    struct allocations allocations;
    struct churn *churn;
    struct deadline end;
    size_t rounds;
    size_t count;
    struct look looks[LOOKS_MAX];
    struct tally own;        // what the test itself did as a client
    double reloads, refused; // as asked for
};

static const char *const changes[] = {"proxy.queue_timeout = 2s", "monitor.timeout = 300ms",
                                      "monitor.failures = 2", NULL};
static const char *const other_changes[] = {"proxy.queue_timeout = 3s",
                                            "monitor.timeout = 300ms",
                                            "monitor.failures = 2",
                                            "backend:db2.weight = 50",
                                            "rule:none.match = ^no such statement",
                                            NULL};
static const char *const wrong_changes[] = {"proxy.queue_timeout = soon", "routing.balance = fair",
                                            NULL};

// All that the log may warn of.
static const char *const expected[] = {
    "backend.lost",        // a connection in use ended
    "backend.state",       // a server went down, or was set OFFLINE
    "topology.no_primary", // db1 did
    "monitor.catalogue",   // a server went away while its catalogue was read
    "config.diagnostic",   // of the file that is refused
    "query.kill_failed",   // a server went away when a statement was to be ended there
    NULL,
};

static double metric(const struct soak *soak, const char *name, const char *label)
{
    return http_metric_sum(soak->site->instance->http_port, name, label);
}

static long long admin_number(const struct soak *soak, const char *statement)
{
    return instance_admin_number(soak->site->instance, statement);
}

static void admin_run(const struct soak *soak, const char *statement)
{
    MYSQL *admin = instance_admin(soak->site->instance);
    client_run(admin, statement);
    mysql_close(admin);
}

static void verdict_show(struct verdict verdict)
{
    printf("# %s\n", verdict.text);
    fflush(stdout);
}

static void assert_verdict(struct verdict verdict)
{
    verdict_show(verdict);
    if (!verdict.is_good) {
        fail_msg("%s", verdict.text);
    }
}

// --- life ----------------------------------------------------------------------------------------

static int setup(void **state)
{
    struct soak *soak = calloc(1, sizeof(*soak));
    const char *seconds = getenv("SOAK_SECONDS");
    soak->site = site_create(NULL, churn_schema, changes);
    soak->site->expected = expected;
    instance_kill(soak->site->instance);
    allocations_init(&soak->allocations);
    soak->site->instance =
        instance_start_under(soak->site->stack, changes, NULL, soak->allocations.environment);
    instance_wait_catalogue(soak->site->instance);
    signal(SIGPIPE, SIG_IGN);
    soak->churn = churn_start(soak->site->instance);
    soak->end = deadline_in(
        1000 * strtoll(seconds != NULL && seconds[0] != '\0' ? seconds : "1800", NULL, 10));
    *state = soak;
    return 0;
}

static int teardown(void **state)
{
    struct soak *soak = *state;
    if (soak == NULL) { // the setup failed
        return 0;
    }
    void *site = soak->site;
    churn_stop(soak->churn);
    site_teardown(&site);
    allocations_release(&soak->allocations);
    free(soak);
    return 0;
}

// --- troubles ------------------------------------------------------------------------------------

// Lets the time pass in which the clients do their part.
static void pass(int ms)
{
    poll(NULL, 0, ms);
}

// By SIGHUP: the file is taken, or refused as a whole.
static void reload(struct soak *soak, const char *const new_changes[], bool is_good)
{
    double *asked = is_good ? &soak->reloads : &soak->refused;
    const char *result = is_good ? "result=\"ok\"" : "result=\"refused\"";
    instance_rewrite(soak->site->instance, soak->site->stack, new_changes);
    process_signal(&soak->site->instance->process, SIGHUP);
    (*asked)++;
    assert_soon(metric(soak, "sluice_config_reloads_total", result) == *asked);
}

static void reload_all_ways(struct soak *soak)
{
    reload(soak, other_changes, true);
    reload(soak, wrong_changes, false);
    reload(soak, changes, true);
}

struct trouble {
    const char *server;
    const char *action;
};

enum { TROUBLES_MAX = 4 };

// Each round has one of these; what was done is undone in heal().
static const struct trouble troubles[][TROUBLES_MAX] = {
    {{"db2", "kill"}},
    {{"db3", "freeze"}},
    {{"db1", "stop"}},
    {{"db2", "stop"}, {"db3", "kill"}},
    {{"db1", "freeze"}},
    {{"db1", "kill"}, {"db1", "start"}, {"db2", "kill"}},
    {{"db3", "freeze"}, {"db3", "thaw"}, {"db3", "stop"}, {"db3", "start"}},
    {{"db2", "freeze"}, {"db1", "kill"}},
};

static void storm(struct soak *soak)
{
    const struct trouble *all = troubles[soak->rounds % (sizeof(troubles) / sizeof(troubles[0]))];
    for (size_t i = 0; i < TROUBLES_MAX && all[i].server != NULL; i++) {
        stack_server_do(soak->site->stack, all[i].server, all[i].action);
        pass(TROUBLE_MS);
    }
    reload_all_ways(soak);
    pass(TROUBLE_MS);
}

static void all_up_again(struct soak *soak)
{
    assert_within(HEAL_MS,
                  admin_number(soak, "SELECT COUNT(*) FROM backends WHERE state = 'up' AND role <> "
                                     "'unknown'") == 3);
}

static void heal(struct soak *soak)
{
    for (size_t i = 0; i < soak->site->stack->count; i++) {
        const char *name = soak->site->stack->servers[i].name;
        stack_server_do(soak->site->stack, name, "thaw");
        stack_server_do(soak->site->stack, name, "start");
    }
    all_up_again(soak);
}

// --- looks ---------------------------------------------------------------------------------------

// The rows of a view, for people.
static void view_show(const struct soak *soak, const char *name)
{
    struct buffer body = BUFFER_INIT;
    http_get(soak->site->instance->http_port, name, &body);
    fprintf(stderr, "%s: %.*s\n", name, SLICE_ARG(buffer_slice(&body)));
    buffer_release(&body);
}

static void clients_are_gone(const struct soak *soak)
{
    struct deadline deadline = deadline_in(WAIT_MS);
    while (metric(soak, "sluice_clients", "") != 0) {
        if (!deadline_pause(deadline)) {
            view_show(soak, "/api/sessions");
            fail_msg("sessions are left whose clients are gone");
        }
    }
}

static void pools_add_up(struct soak *soak)
{
    static const char *const names[] = {"db1", "db2", "db3"};
    clients_are_gone(soak);
    assert_soon(metric(soak, "sluice_backend_connections", "state=\"used\"") == 0);
    assert_soon(metric(soak, "sluice_backend_connections", "state=\"connecting\"") == 0);
    assert_int_equal(metric(soak, "sluice_pool_waiting", ""), 0);
    assert_int_equal(admin_number(soak, "SELECT COUNT(*) FROM sessions"), 0);
    assert_int_equal(admin_number(soak, "SELECT COALESCE(SUM(used) + SUM(waiting), 0) FROM pools"),
                     0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char label[32];
        snprintf(label, sizeof(label), "backend=\"%s\"", names[i]);
        double opened = metric(soak, "sluice_backend_connections_opened_total", label);
        double closed = metric(soak, "sluice_backend_connections_closed_total", label);
        assert_int_equal(opened - closed, metric(soak, "sluice_backend_connections", label));
    }
}

// Statements of which everything is known are counted one by one.
static void statements_are_counted(struct soak *soak)
{
    enum { READS = 20, WRITES = 10 };
    static const char name[] = "sluice_queries_total";
    double replica = metric(soak, name, "target=\"replica\""),
           primary = metric(soak, name, "target=\"primary\""),
           proxy = metric(soak, name, "target=\"proxy\""),
           failed = metric(soak, name, "result=\"error\"");
    MYSQL *client = site_client(soak->site);
    for (int i = 0; i < READS; i++) {
        assert_on_replica(client);
    }
    for (int i = 0; i < WRITES; i++) {
        client_run(client, "UPDATE digits SET n = n WHERE n = 3");
    }
    assert_client_error(client, "INSERT INTO missing VALUES (1)", 1146, "missing");
    assert_client_error(client, "KILL 4000000000", 1094, "Unknown thread id");
    mysql_close(client);
    assert_soon(metric(soak, "sluice_clients", "") == 0);
    soak->own.connections++;
    soak->own.logins.least++;
    soak->own.commands.least += READS + WRITES + 2;
    assert_int_equal(metric(soak, name, "target=\"replica\"") - replica, READS);
    assert_int_equal(metric(soak, name, "target=\"primary\"") - primary, WRITES + 1);
    assert_int_equal(metric(soak, name, "target=\"proxy\"") - proxy, 1);
    assert_int_equal(metric(soak, name, "result=\"error\"") - failed, 1);
}

static void backends_set(struct soak *soak, const char *state)
{
    for (size_t i = 0; i < soak->site->stack->count; i++) {
        char statement[64];
        snprintf(statement, sizeof(statement), "SET BACKEND %s %s",
                 soak->site->stack->servers[i].name, state);
        admin_run(soak, statement);
    }
}

// So that every look finds the same: no connection but the monitor's.
static void pools_empty(struct soak *soak)
{
    backends_set(soak, "OFFLINE");
    assert_soon(metric(soak, "sluice_backend_connections", "") == 0);
    backends_set(soak, "ONLINE");
    all_up_again(soak);
}

// What a question of the test itself left open goes soon; what stays is what counts.
static double descriptors_least(const struct soak *soak)
{
    enum { MS = 500 };
    double least = 1e9;
    for (struct deadline deadline = deadline_in(MS); deadline_pause(deadline);) {
        double now = process_descriptor_count(soak->site->instance->process.pid);
        least = now < least ? now : least;
    }
    return least;
}

// A connection of the monitor's that a busy machine has just ended is back in a moment.
static double descriptors_settled(const struct soak *soak)
{
    enum { MS = 20000 };
    struct deadline deadline = deadline_in(MS);
    double now = descriptors_least(soak);
    while (soak->count > 0 && now != soak->looks[0].descriptors && deadline_pause(deadline)) {
        now = descriptors_least(soak);
    }
    return now;
}

static double blocks_least(const struct soak *soak)
{
    enum { MS = 500 };
    const struct allocation_counts *counts = soak->allocations.counts;
    double least = 1e18;
    for (struct deadline deadline = deadline_in(MS); deadline_pause(deadline);) {
        double now = (double)(counts->taken - counts->freed);
        least = now < least ? now : least;
    }
    return least;
}

static void look(struct soak *soak)
{
    pools_add_up(soak);
    statements_are_counted(soak);
    pools_empty(soak);
    double descriptors = descriptors_settled(soak);
    struct look *new = &soak->looks[soak->count++];
    *new = (struct look){
        .clients = metric(soak, "sluice_clients_accepted_total", ""),
        .descriptors = descriptors,
        .blocks = blocks_least(soak),
        .resident = (double)process_resident_bytes(soak->site->instance->process.pid),
    };
    printf("# look %zu: %.0f clients, %.0f KiB, %.0f blocks, %.0f files\n", soak->count,
           new->clients, new->resident / 1024, new->blocks, new->descriptors);
    fflush(stdout);
}

// --- the tests -----------------------------------------------------------------------------------

static double seconds_used(int who)
{
    struct rusage usage;
    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec);
}

static void clients_come_and_go_while_servers_fail(void **state)
{
    struct soak *soak = *state;
    enum { VERSIONS = 20 }; // of the configuration, that sluice keeps
    for (int i = 0; i < VERSIONS; i++) {
        reload(soak, i % 2 == 0 ? other_changes : changes, true);
    }
    while (deadline_left_ms(soak->end) > 0 && soak->count < LOOKS_MAX) {
        churn_enter(soak->churn, CHURN_CALM);
        pass(CALM_MS);
        reload_all_ways(soak);
        churn_enter(soak->churn, CHURN_STORM);
        storm(soak);
        heal(soak);
        churn_enter(soak->churn, CHURN_PARKED);
        soak->rounds++;
        look(soak);
    }
    char done[1024];
    struct tally tally = churn_tally(soak->churn);
    churn_acts_print(soak->churn, done, sizeof(done));
    printf("# %zu rounds, %.0f acts (%s); %.0f clients got an error in trouble\n", soak->rounds,
           tally.acts, done, tally.errors);
    printf("# the clients took %.0f s of processor time\n", seconds_used(RUSAGE_SELF));
}

static void no_client_got_what_is_not_its_own(void **state)
{
    struct soak *soak = *state;
    assert_int_equal(churn_faults_show(soak->churn), 0);
}

// A client in trouble counts a login that is broken off among what may come. It must not be sluice
// that waits for what the client has sent; a client that the machine does not let run may be slow.
static void few_logins_time_out(void **state)
{
    struct soak *soak = *state;
    double logins = metric(soak, "sluice_logins_total", "");
    double timed_out = (double)instance_event_count(soak->site->instance, "login.timeout");
    assert_verdict(count_judge("logins timed out", timed_out, (struct range){0, logins / 100}));
}

static void memory_is_flat(void **state)
{
    struct soak *soak = *state;
    assert_verdict(looks_judge_resident(soak->looks, soak->count, slack));
}

static void the_heap_is_flat(void **state)
{
    struct soak *soak = *state;
    assert_verdict(looks_judge_blocks(soak->looks, soak->count, slack));
}

static void open_files_are_the_same(void **state)
{
    struct soak *soak = *state;
    assert_verdict(looks_judge_descriptors(soak->looks, soak->count));
}

static void what_was_counted_is_what_was_done(void **state)
{
    struct soak *soak = *state;
    struct tally tally = churn_tally(soak->churn);
    const struct tally *own = &soak->own;
    struct range connections = {tally.connections + own->connections,
                                tally.connections + own->connections};
    struct range logins = {tally.logins.least + own->logins.least,
                           tally.logins.most + own->logins.least};
    struct range commands = {tally.commands.least + own->commands.least,
                             tally.commands.most + own->commands.least};
    assert_verdict(count_judge("connections accepted",
                               metric(soak, "sluice_clients_accepted_total", ""), connections));
    assert_verdict(count_judge("connections refused",
                               metric(soak, "sluice_clients_refused_total", ""),
                               (struct range){0, 0}));
    assert_verdict(count_judge("logins", metric(soak, "sluice_logins_total", ""), logins));
    assert_verdict(count_judge("statements", metric(soak, "sluice_queries_total", ""), commands));
    assert_verdict(count_judge("log lines dropped", metric(soak, "sluice_log_lines_dropped", ""),
                               (struct range){0, 0}));
}

static void the_tables_have_what_was_acknowledged(void **state)
{
    struct soak *soak = *state;
    const struct stack *stack = soak->site->stack;
    assert_verdict(count_judge("rows written",
                               (double)stack_number(stack, "db1", "SELECT COUNT(*) FROM ledger"),
                               churn_tally(soak->churn).rows));
    assert_int_equal(
        stack_number(stack, "db1", "SELECT COUNT(*) FROM ledger WHERE mark LIKE '%undone'"), 0);
    // An upload is there as a whole or not at all.
    assert_int_equal(stack_number(stack, "db1",
                                  "SELECT COUNT(*) FROM (SELECT mark FROM loaded GROUP BY mark "
                                  "HAVING COUNT(*) <> 500) AS parts"),
                     0);
    stack_sync(stack);
    for (size_t i = 1; i < stack->count; i++) {
        assert_int_equal(stack_number(stack, stack->servers[i].name, "SELECT COUNT(*) FROM ledger"),
                         stack_number(stack, "db1", "SELECT COUNT(*) FROM ledger"));
    }
}

// For people, beside the build: the folder of the instance goes with it.
static void log_keep(const struct soak *soak)
{
    char path[FILE_PATH_SIZE];
    const char *build = getenv("BUILD");
    struct buffer content = BUFFER_INIT;
    snprintf(path, sizeof(path), "%s/soak.log", build != NULL ? build : "build");
    assert_true(file_read(soak->site->instance->log, &content));
    file_write(path, buffer_slice(&content));
    buffer_release(&content);
    printf("# the log: %s\n", path);
}

static void sluice_ends_well_and_its_log_has_no_surprise(void **state)
{
    struct soak *soak = *state;
    void *site = soak->site;
    log_keep(soak);
    the_proxy_leaves_nothing_behind(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_come_and_go_while_servers_fail),
        cmocka_unit_test(no_client_got_what_is_not_its_own),
        cmocka_unit_test(few_logins_time_out),
        cmocka_unit_test(memory_is_flat),
        cmocka_unit_test(the_heap_is_flat),
        cmocka_unit_test(open_files_are_the_same),
        cmocka_unit_test(what_was_counted_is_what_was_done),
        cmocka_unit_test(the_tables_have_what_was_acknowledged),
        cmocka_unit_test(sluice_ends_well_and_its_log_has_no_surprise),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
