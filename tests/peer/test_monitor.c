// The monitor against scripted servers: what it publishes as they change, hang, refuse and come
// back. Where its interval is an hour, what happens comes of what it was told, not of waiting.
#include "tests/lib/cmocka.h"
#include "tests/lib/fake.h"
#include "tests/lib/wait.h"

#include "protocol/packet/column.h"
#include "protocol/packet/result_writer.h"
#include "protocol/packet/status.h"
#include "protocol/wire/writer.h"
#include "proxy/base/memory.h"
#include "proxy/monitor/monitor.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SERVERS = 3, TEXT_SIZE = 4096 };

static const char *const names[SERVERS] = {"db1", "db2", "db3"};

struct world {
    struct fake *fakes[SERVERS];
    int count;
    const struct config *config;
    struct metric_labels labels;
    struct log *log;
    struct monitor *monitor;

    pthread_mutex_t lock; // everything below
    struct topology *topology;
    int topologies;
    int catalogues;
    char events[TEXT_SIZE]; // "kind: text\n" each
};

// --- what the monitor tells ---------------------------------------------------------------------

static void topology_came(void *context, struct topology *topology)
{
    struct world *world = context;
    pthread_mutex_lock(&world->lock);
    topology_unref(world->topology);
    world->topology = topology_ref(topology);
    world->topologies++;
    pthread_mutex_unlock(&world->lock);
}

static void catalogue_came(void *context, const struct catalogue *catalogue)
{
    struct world *world = context;
    (void)catalogue;
    pthread_mutex_lock(&world->lock);
    world->catalogues++;
    pthread_mutex_unlock(&world->lock);
}

static void event_came(void *context, const char *kind, int server, const char *text)
{
    struct world *world = context;
    (void)server;
    pthread_mutex_lock(&world->lock);
    size_t len = strlen(world->events);
    snprintf(world->events + len, TEXT_SIZE - len, "%s: %s\n", kind, text);
    pthread_mutex_unlock(&world->lock);
}

static int catalogues_of(struct world *world)
{
    pthread_mutex_lock(&world->lock);
    int catalogues = world->catalogues;
    pthread_mutex_unlock(&world->lock);
    return catalogues;
}

static bool was_told(struct world *world, const char *part)
{
    pthread_mutex_lock(&world->lock);
    bool was = strstr(world->events, part) != NULL;
    pthread_mutex_unlock(&world->lock);
    return was;
}

// Whether the latest topology reads so: "[db1] db1 primary up, db2 replica up".
static bool stands(struct world *world, const char *expected)
{
    char text[512];
    pthread_mutex_lock(&world->lock);
    const struct topology *topology = world->topology;
    if (topology == NULL) {
        pthread_mutex_unlock(&world->lock);
        return false;
    }
    const struct server *primary = topology_primary(topology);
    int len =
        snprintf(text, sizeof(text), "[%.*s]", SLICE_ARG(primary != NULL ? primary->name : S("-")));
    for (int i = 0; i < topology->count; i++) {
        const struct server *server = &topology->servers[i];
        len += snprintf(text + len, sizeof(text) - (size_t)len, "%s %.*s %s %s", i > 0 ? "," : "",
                        SLICE_ARG(server->name), server_role_name(server->role),
                        server_state_name(server->state));
    }
    pthread_mutex_unlock(&world->lock);
    return strcmp(text, expected) == 0;
}

static void events_forget(struct world *world)
{
    pthread_mutex_lock(&world->lock);
    world->events[0] = '\0';
    pthread_mutex_unlock(&world->lock);
}

static bool reason_holds(struct world *world, const char *name, const char *part)
{
    pthread_mutex_lock(&world->lock);
    struct slice reason = topology_find(world->topology, slice_text(name))->reason;
    bool holds = slice_find_slice(reason, slice_text(part)) < reason.len;
    pthread_mutex_unlock(&world->lock);
    return holds;
}

static int64_t lag_of(struct world *world, const char *name)
{
    pthread_mutex_lock(&world->lock);
    int64_t lag_us = topology_find(world->topology, slice_text(name))->lag_us;
    pthread_mutex_unlock(&world->lock);
    return lag_us;
}

// --- what the servers say -----------------------------------------------------------------------

static void row_answer(struct fake *fake, const char *statement, const char *const *columns,
                       const char *const *values, size_t count)
{
    struct buffer bytes = BUFFER_INIT;
    struct writer writer = writer_make(&bytes, 1);
    struct result_writer result = result_writer_make(&writer, 0);
    struct column heads[16];
    struct slice cells[16];
    for (size_t i = 0; i < count; i++) {
        heads[i] = (struct column){.name = slice_text(columns[i]), .collation = 45};
        cells[i] = slice_text(values[i]);
    }
    result_writer_begin(&result, heads, count, STATUS_AUTOCOMMIT);
    result_writer_row(&result, cells);
    assert_true(result_writer_end(&result, STATUS_AUTOCOMMIT, 0));
    fake_answer(fake, statement, buffer_slice(&bytes), FAKE_USUALLY);
    buffer_release(&bytes);
}

static void say_positions(struct fake *fake, const char *read_only, const char *server_id,
                          const char *gtid, const char *replicated)
{
    const char *const columns[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"};
    const char *const values[] = {read_only, "0",  server_id, "host",
                                  "3306",    "",   "3306",    "STRICT_TRANS_TABLES",
                                  "1",       gtid, replicated};
    row_answer(fake, "SELECT @@global.read_only", columns, values, 11);
}

static void say_variables(struct fake *fake, const char *read_only, const char *server_id,
                          const char *gtid)
{
    say_positions(fake, read_only, server_id, gtid, gtid);
}

// A replica of db1.
static void say_replica(struct fake *fake, const char *receiver, const char *applier)
{
    const char *const columns[] = {"Connection_name",  "Master_Host",       "Master_Port",
                                   "Slave_IO_Running", "Slave_SQL_Running", "Seconds_Behind_Master",
                                   "Master_Server_Id", "Last_IO_Error"};
    const char *const values[] = {"", "inside", "3306", receiver, applier, "0", "1", ""};
    row_answer(fake, "SHOW ALL SLAVES STATUS", columns, values, 8);
}

static void say_nobodys_replica(struct fake *fake)
{
    struct buffer bytes = BUFFER_INIT;
    fake_write_rows(&bytes, 0, 1);
    fake_answer(fake, "SHOW ALL SLAVES STATUS", buffer_slice(&bytes), FAKE_USUALLY);
    buffer_release(&bytes);
}

// --- life ---------------------------------------------------------------------------------------

static const struct config *config_make(const struct world *world, const char *options,
                                        const int *order)
{
    struct buffer text = BUFFER_INIT;
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    buffer_print(&text, "[monitor]\npassword = x\n%s\n", options);
    for (int i = 0; i < world->count; i++) {
        int server = order[i];
        buffer_print(&text, "[backend:%s]\naddress = 127.0.0.1:%u\ntls = disabled\n", names[server],
                     fake_port(world->fakes[server]));
    }
    const struct config *config =
        config_parse(buffer_slice(&text), "test.ini", CONFIG_SEALED, &diagnostics);
    if (config == NULL) {
        diagnostics_print(&diagnostics, stderr);
        fail_msg("the configuration is not right");
    }
    diagnostics_release(&diagnostics);
    buffer_release(&text);
    return config;
}

// db1 is writable, the others replicate from it; all are only made, and nobody watches yet.
static struct world *world_make(int count)
{
    struct world *world = mem_zero(1, sizeof(*world));
    static const char *const ids[SERVERS] = {"1", "2", "3"};
    world->count = count;
    for (int i = 0; i < count; i++) {
        world->fakes[i] = fake_start();
        say_variables(world->fakes[i], i == 0 ? "0" : "1", ids[i], "0-1-10");
        if (i > 0) {
            say_replica(world->fakes[i], "Yes", "Yes");
        }
    }
    pthread_mutex_init(&world->lock, NULL);
    world->log = log_create_capture(LOG_DEBUG, LOG_TEXT);
    return world;
}

static const int in_order[SERVERS] = {0, 1, 2};

static void world_watch(struct world *world, const char *options)
{
    world->config = config_make(world, options, in_order);
    for (int i = 0; i < METRIC_GIVEN_COUNT; i++) {
        world->labels.size[i] = SERVERS + 1;
    }
    const struct monitor_settings settings = {
        .log = world->log,
        .labels = &world->labels,
        .setup = {.config = world->config},
        .on_topology = topology_came,
        .on_catalogue = catalogue_came,
        .on_event = event_came,
        .context = world,
    };
    world->monitor = monitor_create(&settings);
    monitor_start(world->monitor);
}

static void world_end(struct world *world)
{
    monitor_stop(world->monitor);
    monitor_destroy(world->monitor);
    config_unref(world->config);
    topology_unref(world->topology);
    for (int i = 0; i < world->count; i++) {
        fake_stop(world->fakes[i]);
    }
    pthread_mutex_destroy(&world->lock);
    log_destroy(world->log);
    mem_free(world);
}

static void report(struct world *world, int server, enum conn_end end)
{
    const struct conn_loss loss = {.end = end};
    monitor_report(world->monitor, server, &loss);
}

#define OFTEN  "interval = 20ms\ntimeout = 300ms\nfailures = 2\nslow_start = 0"
#define SELDOM "interval = 1h\ntimeout = 5s\nfailures = 1\nslow_start = 0"

// --- finding out --------------------------------------------------------------------------------

static void servers_are_found_out(void **state)
{
    (void)state;
    struct world *world = world_make(3);
    world_watch(world, SELDOM);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up, db3 replica up"));
    assert_true(was_told(world, "topology.primary: writes go to db1"));
    assert_true(reason_holds(world, "db2", "replicates from db1"));
    assert_int_equal(lag_of(world, "db2"), 0);
    world_end(world);
}

static void the_catalogue_is_loaded_and_loaded_again_when_told(void **state)
{
    (void)state;
    struct world *world = world_make(2);
    world_watch(world, SELDOM);
    assert_soon(catalogues_of(world) > 0);
    int before = catalogues_of(world);
    monitor_refresh_catalogue(world->monitor);
    assert_soon(catalogues_of(world) > before);
    world_end(world);
}

// Whoever told of it waits for nothing: it is loaded as soon as there is a primary again.
static void a_change_that_is_told_while_there_is_no_primary_is_loaded_later(void **state)
{
    (void)state;
    struct world *world = world_make(2);
    world_watch(world, OFTEN);
    assert_soon(catalogues_of(world) > 0);
    say_variables(world->fakes[0], "1", "1", "0-1-10");
    assert_soon(stands(world, "[-] db1 primary up, db2 replica up"));
    int before = catalogues_of(world);
    monitor_refresh_catalogue(world->monitor);
    say_variables(world->fakes[0], "0", "1", "0-1-10");
    assert_soon(catalogues_of(world) > before);
    world_end(world);
}

static void one_connection_is_enough_for_many_probes(void **state)
{
    (void)state;
    struct world *world = world_make(2);
    world_watch(world, OFTEN);
    assert_soon(fake_statement_count(world->fakes[1], "SELECT @@global.read_only") > 20);
    assert_int_equal(fake_accepted(world->fakes[1]), 1);
    assert_int_equal(fake_open(world->fakes[1]), 1);
    world_end(world);
}

// --- changes ------------------------------------------------------------------------------------

static void a_primary_made_read_only_takes_no_writes(void **state)
{
    (void)state;
    struct world *world = world_make(2);
    world_watch(world, OFTEN);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up"));
    say_variables(world->fakes[0], "1", "1", "0-1-10");
    assert_soon(stands(world, "[-] db1 primary up, db2 replica up"));
    assert_true(was_told(world, "topology.no_primary: no server gets writes: db1 is read only"));
    say_variables(world->fakes[0], "0", "1", "0-1-10");
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up"));
    world_end(world);
}

static void stopped_replication_takes_reads_away(void **state)
{
    (void)state;
    struct world *world = world_make(2);
    world_watch(world, OFTEN);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up"));
    say_replica(world->fakes[1], "Yes", "No");
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica lagging"));
    say_replica(world->fakes[1], "Yes", "Yes");
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up"));
    world_end(world);
}

// Its threads run and it says 0 seconds: the positions know better.
static void lag_is_measured_by_positions(void **state)
{
    (void)state;
    struct world *world = world_make(2);
    world_watch(world, "interval = 20ms\ntimeout = 300ms\nmax_lag = 100ms\nslow_start = 0");
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up"));
    say_variables(world->fakes[0], "0", "1", "0-1-20");
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica lagging"));
    assert_true(lag_of(world, "db2") > 100000);
    say_variables(world->fakes[1], "1", "2", "0-1-20");
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up"));
    world_end(world);
}

// It wrote to its own binlog, and its numbers are ahead of the primary's.
static void what_a_replica_wrote_itself_hides_no_lag(void **state)
{
    (void)state;
    struct world *world = world_make(2);
    world_watch(world, "interval = 20ms\ntimeout = 300ms\nmax_lag = 100ms\nslow_start = 0");
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up"));
    say_positions(world->fakes[1], "1", "2", "0-2-120", "0-1-10");
    say_positions(world->fakes[0], "0", "1", "0-1-20", "");
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica lagging"));
    say_positions(world->fakes[1], "1", "2", "0-2-120", "0-1-20");
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up"));
    world_end(world);
}

// It was the primary, and the new one has written nothing since.
static void an_old_primary_that_has_replicated_nothing_yet_is_not_behind(void **state)
{
    (void)state;
    struct world *world = world_make(2);
    say_positions(world->fakes[0], "0", "1", "0-2-10", "0-1-5");
    say_positions(world->fakes[1], "1", "2", "0-2-10", "0-1-5");
    world_watch(world, "interval = 20ms\ntimeout = 300ms\nmax_lag = 100ms\nslow_start = 0");
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up"));
    say_positions(world->fakes[0], "0", "1", "0-1-11", "0-1-5");
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica lagging"));
    say_positions(world->fakes[1], "1", "2", "0-1-11", "0-1-11");
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up"));
    world_end(world);
}

// --- trouble ------------------------------------------------------------------------------------

static void a_server_that_hangs_holds_up_no_other(void **state)
{
    (void)state;
    struct world *world = world_make(3);
    fake_greet(world->fakes[2], (struct fake_manner){0, FAKE_STALL, false});
    world_watch(world, OFTEN);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up, db3 unknown down"));
    assert_true(reason_holds(world, "db3", "no login within 300 ms"));
    size_t before = fake_statement_count(world->fakes[0], "SELECT @@global.read_only");
    assert_soon(fake_statement_count(world->fakes[0], "SELECT @@global.read_only") > before + 20);
    fake_greet(world->fakes[2], FAKE_USUALLY);
    fake_resume(world->fakes[2]);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up, db3 replica up"));
    world_end(world);
}

static void an_answer_that_stops_in_the_middle_fails_the_probe(void **state)
{
    (void)state;
    struct world *world = world_make(2);
    struct buffer bytes = BUFFER_INIT;
    world_watch(world, OFTEN);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up"));
    fake_write_rows(&bytes, 1, 10);
    fake_answer(world->fakes[1], "SHOW ALL SLAVES STATUS", buffer_slice(&bytes),
                (struct fake_manner){7, FAKE_STALL, false});
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica down"));
    assert_true(reason_holds(world, "db2", "no answer within 300 ms"));
    say_replica(world->fakes[1], "Yes", "Yes");
    fake_resume(world->fakes[1]);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up"));
    buffer_release(&bytes);
    world_end(world);
}

static void nonsense_and_refusals_fail_the_probe(void **state)
{
    (void)state;
    struct world *world = world_make(2);
    struct buffer bytes = BUFFER_INIT;
    world_watch(world, OFTEN);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up"));
    fake_write_err(&bytes, 1227, "you need SLAVE MONITOR");
    fake_answer(world->fakes[1], "SHOW ALL SLAVES STATUS", buffer_slice(&bytes), FAKE_USUALLY);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica down"));
    assert_true(reason_holds(world, "db2", "you need SLAVE MONITOR"));
    fake_answer(world->fakes[1], "SHOW ALL SLAVES STATUS", S("\x05\x00\x00\x01garbage"),
                FAKE_USUALLY);
    fake_disconnect(world->fakes[1]);
    say_replica(world->fakes[1], "Yes", "Yes");
    fake_disconnect(world->fakes[1]);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up"));
    buffer_release(&bytes);
    world_end(world);
}

static void the_primary_goes_and_reads_go_on(void **state)
{
    (void)state;
    struct world *world = world_make(2);
    world_watch(world, OFTEN);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up"));
    fake_greet(world->fakes[0], (struct fake_manner){0, FAKE_RESET, false});
    fake_disconnect(world->fakes[0]);
    say_replica(world->fakes[1], "Connecting", "Yes");
    assert_soon(stands(world, "[-] db1 primary down, db2 replica up"));
    assert_true(was_told(world, "topology.no_primary: no server gets writes: db1 is down"));
    fake_greet(world->fakes[0], FAKE_USUALLY);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up"));
    world_end(world);
}

// --- what is told -------------------------------------------------------------------------------

static void a_report_brings_a_probe_at_once(void **state)
{
    (void)state;
    struct world *world = world_make(1);
    world_watch(world, SELDOM);
    assert_soon(stands(world, "[db1] db1 primary up"));
    say_variables(world->fakes[0], "1", "1", "0-1-10");
    report(world, 0, CONN_END_EXPIRED); // we closed it: no news
    report(world, 7, CONN_END_LOST);    // of no server
    report(world, 0, CONN_END_LOST);
    assert_soon(stands(world, "[-] db1 primary up"));
    world_end(world);
}

// A switchover by somebody else: the one that was asked is told from, the other is asked at once.
static void where_one_has_changed_the_others_are_asked(void **state)
{
    (void)state;
    struct world *world = world_make(2);
    world_watch(world, SELDOM);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up"));
    say_variables(world->fakes[0], "1", "1", "0-1-10");
    say_nobodys_replica(world->fakes[1]);
    say_variables(world->fakes[1], "0", "2", "0-1-10");
    report(world, 1, CONN_END_LOST);
    assert_soon(stands(world, "[db2] db1 unknown lagging, db2 primary up"));
    world_end(world);
}

static void a_connection_that_goes_while_it_rests_is_no_failure(void **state)
{
    (void)state;
    struct world *world = world_make(1);
    world_watch(world, SELDOM);
    assert_soon(stands(world, "[db1] db1 primary up"));
    assert_soon(catalogues_of(world) > 0); // its connection is gone, the probe's rests
    fake_disconnect(world->fakes[0]);
    say_variables(world->fakes[0], "1", "1", "0-1-10");
    assert_soon(stands(world, "[-] db1 primary up"));
    assert_false(was_told(world, "down"));
    world_end(world);
}

static void operators_take_servers_out_and_in(void **state)
{
    (void)state;
    struct world *world = world_make(2);
    world_watch(world, SELDOM);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up"));
    monitor_set_admin_state(world->monitor, 1, ADMIN_DRAIN);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica draining"));
    monitor_set_admin_state(world->monitor, 1, ADMIN_OFFLINE);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica offline"));
    assert_soon(fake_open(world->fakes[1]) == 0);
    monitor_set_admin_state(world->monitor, 1, ADMIN_ONLINE);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up"));
    monitor_set_admin_state(world->monitor, 9, ADMIN_OFFLINE); // of no server
    monitor_set_admin_state(world->monitor, 0, ADMIN_DRAIN);
    assert_soon(stands(world, "[-] db1 primary draining, db2 replica up"));
    world_end(world);
}

static void reload(struct world *world, const char *options, const int *order)
{
    const struct config *config = config_make(world, options, order);
    const struct monitor_setup setup = {.config = config};
    monitor_set_setup(world->monitor, &setup, &world->labels);
    config_unref(config);
}

// Facts stay with the name: nobody is left without a primary while the probes begin anew.
static void a_reload_keeps_what_is_known(void **state)
{
    (void)state;
    static const int turned[SERVERS] = {2, 0, 1};
    struct world *world = world_make(3);
    world_watch(world, OFTEN);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up, db3 replica up"));
    monitor_set_admin_state(world->monitor, 1, ADMIN_DRAIN);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica draining, db3 replica up"));

    reload(world, OFTEN, turned);
    assert_soon(stands(world, "[db1] db3 replica up, db1 primary up, db2 replica draining"));
    assert_false(was_told(world, "no_primary"));
    assert_soon(fake_accepted(world->fakes[0]) > 1 && fake_open(world->fakes[2]) == 1);
    world_end(world);
}

// Who takes a server out, moves it and reloads has not said that it is to come back.
static void what_an_operator_said_of_a_server_stays_when_its_address_changes(void **state)
{
    (void)state;
    struct world *world = world_make(3);
    world_watch(world, SELDOM);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up, db3 replica up"));
    monitor_set_admin_state(world->monitor, 1, ADMIN_OFFLINE);
    monitor_set_admin_state(world->monitor, 2, ADMIN_DRAIN);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica offline, db3 replica draining"));

    struct fake *left[] = {world->fakes[1], world->fakes[2]};
    for (int i = 1; i < 3; i++) {
        world->fakes[i] = fake_start();
        say_variables(world->fakes[i], "1", i == 1 ? "2" : "3", "0-1-10");
        say_replica(world->fakes[i], "Yes", "Yes");
    }
    reload(world, SELDOM, in_order);
    assert_soon(stands(world, "[db1] db1 primary up, db2 unknown offline, db3 replica draining"));
    assert_true(fake_accepted(world->fakes[2]) > 0); // found out anew
    assert_int_equal(fake_accepted(world->fakes[1]), 0);
    monitor_set_admin_state(world->monitor, 1, ADMIN_ONLINE);
    monitor_set_admin_state(world->monitor, 2, ADMIN_ONLINE);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up, db3 replica up"));
    fake_stop(left[0]);
    fake_stop(left[1]);
    world_end(world);
}

// As above it says 0 seconds: without the positions of before it would be believed.
static void a_reload_does_not_make_a_replica_that_is_behind_look_fresh(void **state)
{
    static const char options[] =
        "interval = 20ms\ntimeout = 300ms\nmax_lag = 100ms\nslow_start = 0";
    static const int turned[SERVERS] = {1, 0};
    (void)state;
    struct world *world = world_make(2);
    world_watch(world, options);
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica up"));
    say_variables(world->fakes[0], "0", "1", "0-1-20");
    assert_soon(stands(world, "[db1] db1 primary up, db2 replica lagging"));
    events_forget(world);
    for (int round = 0; round < 2; round++) { // the second time the primary has moved
        size_t came = fake_accepted(world->fakes[1]);
        reload(world, options, round == 0 ? in_order : turned);
        assert_soon(fake_accepted(world->fakes[1]) > came);
        size_t asked = fake_statement_count(world->fakes[1], "SELECT @@global.read_only");
        assert_soon(fake_statement_count(world->fakes[1], "SELECT @@global.read_only") > asked + 5);
        assert_true(lag_of(world, "db2") > 100000);
    }
    assert_false(was_told(world, "backend.state"));
    say_variables(world->fakes[1], "1", "2", "0-1-20");
    assert_soon(stands(world, "[db1] db2 replica up, db1 primary up"));
    world_end(world);
}

static void what_never_ran_ends_too(void **state)
{
    (void)state;
    struct world *world = world_make(1);
    world->config = config_make(world, SELDOM, in_order);
    for (int i = 0; i < METRIC_GIVEN_COUNT; i++) {
        world->labels.size[i] = SERVERS + 1;
    }
    const struct monitor_settings settings = {
        .log = world->log,
        .labels = &world->labels,
        .setup = {.config = world->config},
        .on_topology = topology_came,
        .on_catalogue = catalogue_came,
        .on_event = event_came,
        .context = world,
    };
    world->monitor = monitor_create(&settings);
    report(world, 0, CONN_END_LOST);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_are_found_out),
        cmocka_unit_test(the_catalogue_is_loaded_and_loaded_again_when_told),
        cmocka_unit_test(a_change_that_is_told_while_there_is_no_primary_is_loaded_later),
        cmocka_unit_test(one_connection_is_enough_for_many_probes),
        cmocka_unit_test(a_primary_made_read_only_takes_no_writes),
        cmocka_unit_test(stopped_replication_takes_reads_away),
        cmocka_unit_test(lag_is_measured_by_positions),
        cmocka_unit_test(what_a_replica_wrote_itself_hides_no_lag),
        cmocka_unit_test(an_old_primary_that_has_replicated_nothing_yet_is_not_behind),
        cmocka_unit_test(a_server_that_hangs_holds_up_no_other),
        cmocka_unit_test(an_answer_that_stops_in_the_middle_fails_the_probe),
        cmocka_unit_test(nonsense_and_refusals_fail_the_probe),
        cmocka_unit_test(the_primary_goes_and_reads_go_on),
        cmocka_unit_test(a_report_brings_a_probe_at_once),
        cmocka_unit_test(where_one_has_changed_the_others_are_asked),
        cmocka_unit_test(a_connection_that_goes_while_it_rests_is_no_failure),
        cmocka_unit_test(operators_take_servers_out_and_in),
        cmocka_unit_test(a_reload_keeps_what_is_known),
        cmocka_unit_test(what_an_operator_said_of_a_server_stays_when_its_address_changes),
        cmocka_unit_test(a_reload_does_not_make_a_replica_that_is_behind_look_fresh),
        cmocka_unit_test(what_never_ran_ends_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
