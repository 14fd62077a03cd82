// From facts to a topology, told as stories: each step is what the probes say of every server, and
// what the snapshot makes of it.
#include "router/topology/facts.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { SERVERS = 4, CHANNELS = 3, EVENTS = 32, FAILURES = 3 };

static const char *const names[SERVERS] = {"db1", "db2", "db3", "db4"};
static const char *const hosts[SERVERS] = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"};

struct world {
    struct config config;
    struct conf_backend backends[SERVERS];
    struct server_facts facts[SERVERS];
    struct channel_facts channels[SERVERS][CHANNELS];
    struct topology *topology; // the latest
    int64_t now_us;
    char told[EVENTS][TOPOLOGY_EVENT_TEXT_SIZE + 64]; // events of the latest step: "kind: text"
    int told_count;
};

static void world_init(struct world *world, size_t count)
{
    memset(world, 0, sizeof(*world));
    world->now_us = 1000 * CLOCK_SECOND;
    world->config.backends = world->backends;
    world->config.backend_count = count;
    world->config.monitor.failures = FAILURES;
    world->config.monitor.max_lag_us = 10 * CLOCK_SECOND;
    world->config.monitor.slow_start_us = 10 * CLOCK_SECOND;
    for (size_t i = 0; i < count; i++) {
        struct conf_backend *backend = &world->backends[i];
        backend->name = slice_text(names[i]);
        backend->address = (struct conf_address){.kind = CONF_ADDRESS_TCP,
                                                 .port = 3306,
                                                 .host = slice_text(hosts[i]),
                                                 .text = slice_text(hosts[i])};
        backend->weight = 100;
        backend->max_connections = 50;
    }
}

static void world_release(struct world *world)
{
    topology_unref(world->topology);
}

// --- the small language of facts

// The server's place by name, or -1.
static int place_of(struct slice name)
{
    for (int i = 0; i < SERVERS; i++) {
        if (slice_equal(name, slice_text(names[i]))) {
            return i;
        }
    }
    return -1;
}

static struct channel_facts *channel_last(struct world *world, int i)
{
    assert_true(world->facts[i].channel_count > 0);
    return &world->channels[i][world->facts[i].channel_count - 1];
}

static void channel_add(struct world *world, int i, struct slice source)
{
    struct channel_facts *channel = &world->channels[i][world->facts[i].channel_count++];
    int place = place_of(source);
    *channel = (struct channel_facts){.receiver = THREAD_RUNNING, .applier_runs = true};
    channel->source_port = 3306;
    channel->source_host = place >= 0 ? slice_text(hosts[place]) : source;
    world->facts[i].channels = world->channels[i];
}

static int64_t number_of(struct slice text)
{
    int64_t number;
    if (!slice_to_i64(text, &number)) {
        fail_msg("no number: %.*s", SLICE_ARG(text));
    }
    return number;
}

// Words without a value. Returns whether it was one.
static bool word_apply(struct world *world, int i, struct slice word)
{
    struct server_facts *facts = &world->facts[i];
    if (slice_equal(word, S("new"))) {
        facts->has_answered = false;
    } else if (slice_equal(word, S("rw"))) {
        facts->is_read_only = false;
    } else if (slice_equal(word, S("ro"))) {
        facts->is_read_only = true;
    } else if (slice_equal(word, S("sro"))) {
        facts->is_super_read_only = true;
    } else if (slice_equal(word, S("stopped"))) {
        *channel_last(world, i) = (struct channel_facts){
            .receiver = THREAD_STOPPED,
            .behind_us = -1,
            .error = S("Got fatal error 1236"),
            .source_host = channel_last(world, i)->source_host,
            .source_port = channel_last(world, i)->source_port,
        };
    } else if (slice_equal(word, S("noapply"))) {
        channel_last(world, i)->applier_runs = false;
        channel_last(world, i)->behind_us = -1;
    } else if (slice_equal(word, S("connecting"))) {
        channel_last(world, i)->receiver = THREAD_CONNECTING;
        channel_last(world, i)->behind_us = -1;
    } else if (slice_equal(word, S("null"))) {
        channel_last(world, i)->behind_us = -1;
    } else if (slice_equal(word, S("old"))) { // of the probe before
        facts->answered_us -= 400 * CLOCK_MS;
    } else if (slice_equal(word, S("known"))) {
        facts->is_gtid_known = true;
    } else if (slice_equal(word, S("drain"))) {
        facts->admin = ADMIN_DRAIN;
    } else if (slice_equal(word, S("offline"))) {
        facts->admin = ADMIN_OFFLINE;
    } else {
        return false;
    }
    return true;
}

static void value_apply(struct world *world, int i, struct slice key, struct slice value)
{
    struct server_facts *facts = &world->facts[i];
    if (slice_equal(key, S("fail"))) {
        facts->failures = (uint32_t)number_of(value);
        facts->error = S("connection refused");
    } else if (slice_equal(key, S("behind"))) {
        channel_last(world, i)->behind_us = number_of(value) * CLOCK_SECOND;
    } else if (slice_equal(key, S("measured"))) {
        facts->measured_lag_us = number_of(value) * CLOCK_MS;
    } else if (slice_equal(key, S("measured-before"))) { // the primary's last answers
        facts->measured_lag_us = number_of(value) * CLOCK_MS;
        facts->is_measure_old = true;
    } else if (slice_equal(key, S("least"))) {
        facts->least_lag_us = number_of(value) * CLOCK_MS;
    } else if (slice_equal(key, S("gtid"))) {
        facts->gtid = value;
        facts->replicated_gtid = value;
    } else if (slice_equal(key, S("replicated"))) {
        facts->replicated_gtid = value;
    } else if (slice_equal(key, S("id"))) {
        facts->server_id = (uint32_t)number_of(value);
    } else if (slice_equal(key, S("sourceid"))) {
        channel_last(world, i)->source_server_id = (uint32_t)number_of(value);
    } else if (slice_equal(key, S("uuid"))) {
        facts->uuid = value;
    } else if (slice_equal(key, S("sourceuuid"))) {
        channel_last(world, i)->source_uuid = value;
    } else if (slice_equal(key, S("host"))) {
        facts->report_host = value;
        facts->report_port = 3306;
    } else if (slice_equal(key, S("version"))) {
        facts->version = value;
    } else if (slice_equal(key, S("caps"))) {
        facts->capabilities = (uint64_t)number_of(value);
    } else if (slice_equal(key, S("shun"))) {
        facts->shunned_until_us = world->now_us + number_of(value) * CLOCK_MS;
        facts->shunned_for = S("5 connections failed");
    } else {
        fail_msg("unknown word: %.*s", SLICE_ARG(key));
    }
}

// "rw gtid=0-1-5" or "ro <db1 behind=3": a server that answers, unless it says otherwise.
static void facts_read(struct world *world, int i, struct slice text)
{
    struct slice word;
    world->facts[i] = (struct server_facts){.has_answered = true,
                                            .version = S("10.11.6-MariaDB"),
                                            .answered_us = world->now_us,
                                            .measured_lag_us = -1};
    text = slice_trim(text);
    while (slice_cut(&text, ' ', &word)) {
        size_t at = slice_find(word, '=');
        if (word.len == 0) {
            continue;
        }
        if (word.ptr[0] == '<') {
            channel_add(world, i, slice_from(word, 1));
        } else if (at < word.len) {
            value_apply(world, i, slice_first(word, at), slice_from(word, at + 1));
        } else if (!word_apply(world, i, word)) {
            fail_msg("unknown word: %.*s", SLICE_ARG(word));
        }
    }
}

// --- steps

static void event_note(void *context, const struct topology_event *event)
{
    struct world *world = context;
    assert_true(world->told_count < EVENTS);
    snprintf(world->told[world->told_count++], sizeof(world->told[0]), "%s: %s", event->kind,
             event->text);
}

// "[db1] db1 primary up, db2 replica up".
static void topology_render(const struct topology *topology, char *out, size_t size)
{
    const struct server *primary = topology_primary(topology);
    int len = snprintf(out, size, "[%.*s]", SLICE_ARG(primary != NULL ? primary->name : S("-")));
    for (int i = 0; i < topology->count; i++) {
        const struct server *server = &topology->servers[i];
        len += snprintf(out + len, size - (size_t)len, "%s %.*s %s %s", i > 0 ? "," : "",
                        SLICE_ARG(server->name), server_role_name(server->role),
                        server_state_name(server->state));
    }
}

// What topology.h promises of every snapshot.
static void assert_invariants(const struct topology *topology)
{
    int heads = 0;
    for (int i = 0; i < topology->count; i++) {
        assert_int_equal(topology->servers[i].index, i);
        heads += topology->servers[i].role == ROLE_PRIMARY;
    }
    assert_true(heads <= 1);
    const struct server *primary = topology_primary(topology);
    if (primary != NULL) {
        assert_int_equal(primary->role, ROLE_PRIMARY);
        assert_int_equal(primary->state, SERVER_UP);
        assert_int_equal(topology->last_primary, primary->index);
    }
    assert_int_equal(primary == NULL, topology->no_primary.len > 0);
    assert_int_equal(primary == NULL, topology->absence != ABSENCE_NONE);
}

static void step_in(struct world *world, int64_t later_us, const char *facts, const char *expected)
{
    struct slice rest = slice_text(facts);
    struct slice part;
    char rendered[512];

    world->now_us += later_us;
    for (int i = 0; i < (int)world->config.backend_count; i++) {
        assert_true(slice_cut(&rest, '|', &part));
        facts_read(world, i, part);
    }
    struct topology *next = topology_build(&world->config, world->facts, world->topology,
                                           world->now_us, 5 * CLOCK_SECOND + world->now_us);
    world->told_count = 0;
    topology_compare(world->topology, next, event_note, world);
    topology_unref(world->topology);
    world->topology = next;
    topology_render(next, rendered, sizeof(rendered));
    if (strcmp(rendered, expected) != 0) {
        fail_msg("%s\n  gives    %s\n  expected %s\n  (%.*s)", facts, rendered, expected,
                 SLICE_ARG(next->no_primary));
    }
    assert_invariants(next);
}

static void step(struct world *world, const char *facts, const char *expected)
{
    step_in(world, 500 * CLOCK_MS, facts, expected);
}

static const struct server *server_of(const struct world *world, const char *name)
{
    const struct server *server = topology_find(world->topology, slice_text(name));
    assert_non_null(server);
    return server;
}

static void assert_holds(struct slice text, const char *part)
{
    if (slice_find_slice(text, slice_text(part)) == text.len) {
        fail_msg("\"%.*s\" does not hold \"%s\"", SLICE_ARG(text), part);
    }
}

static void assert_reason(const struct world *world, const char *name, const char *part)
{
    assert_holds(server_of(world, name)->reason, part);
}

static void assert_no_primary(const struct world *world, const char *part)
{
    assert_holds(world->topology->no_primary, part);
}

static bool has_event(const struct world *world, const char *start)
{
    for (int i = 0; i < world->told_count; i++) {
        if (strncmp(world->told[i], start, strlen(start)) == 0) {
            return true;
        }
    }
    return false;
}

static void assert_event(const struct world *world, const char *start)
{
    if (!has_event(world, start)) {
        fail_msg("no event \"%s\" in the last step", start);
    }
}

#define STORY(name, count)                                                                         \
    static void name##_told(struct world *world);                                                  \
    static void name(void **state)                                                                 \
    {                                                                                              \
        struct world world;                                                                        \
        (void)state;                                                                               \
        world_init(&world, count);                                                                 \
        name##_told(&world);                                                                       \
        world_release(&world);                                                                     \
    }                                                                                              \
    static void name##_told(struct world *world)

// --- who is primary

STORY(the_writable_one_that_replicates_from_nobody_is_primary, 3)
{
    step(world, "rw | ro <db1 | ro <db1", "[db1] db1 primary up, db2 replica up, db3 replica up");
    assert_reason(world, "db1", "takes writes and replicates from nobody");
    assert_reason(world, "db2", "replicates from db1");
    assert_event(world, "topology.primary: writes go to db1");
    assert_int_equal(server_of(world, "db2")->source, 0);
    assert_true(world->topology->is_settled);
    step(world, "rw | ro <db1 | ro <db1", "[db1] db1 primary up, db2 replica up, db3 replica up");
    assert_int_equal(world->told_count, 0);
}

STORY(a_lone_server_is_primary, 1)
{
    step(world, "new", "[-] db1 unknown starting");
    assert_no_primary(world, "waiting for the first answer of db1");
    step(world, "rw", "[db1] db1 primary up");
}

STORY(the_first_to_answer_is_not_taken_for_the_only_one, 2)
{
    step(world, "new | rw", "[-] db1 unknown starting, db2 unknown starting");
    assert_false(world->topology->is_settled);
    assert_no_primary(world, "waiting for the first answer of db1");
    assert_reason(world, "db2", "waiting for the first answer of db1");
    assert_int_equal(world->told_count, 0); // no news while everybody is only arriving
    step(world, "new fail=2 | rw", "[-] db1 unknown starting, db2 unknown starting");
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
}

STORY(a_server_down_from_the_start_is_not_waited_for, 3)
{
    step(world, "new fail=3 | rw | ro <db2",
         "[db2] db1 unknown down, db2 primary up, db3 replica up");
    assert_reason(world, "db1", "3 probes in a row failed: connection refused");
    assert_true(world->topology->is_settled);
}

STORY(a_server_added_later_does_not_take_the_primary_away, 2)
{
    world->config.backend_count = 1;
    step(world, "rw", "[db1] db1 primary up");
    world->config.backend_count = 2;
    step(world, "rw | new", "[db1] db1 primary up, db2 unknown starting");
}

STORY(the_source_is_known_by_its_uuid, 2)
{
    step(world, "rw uuid=3e11-a | ro <tunnel sourceuuid=3E11-A uuid=4f",
         "[db1] db1 primary up, db2 replica up");
    assert_int_equal(server_of(world, "db2")->source, 0);
}

STORY(a_uuid_of_nobody_is_not_outdone_by_a_server_id_that_fits, 2)
{
    step(world, "rw uuid=3e id=1 | ro <elsewhere sourceuuid=77 sourceid=1 uuid=4f id=2",
         "[db1] db1 primary up, db2 replica up");
    assert_int_equal(server_of(world, "db2")->source, -1);
}

STORY(the_source_is_known_by_its_server_id_where_only_one_has_it, 3)
{
    step(world, "rw id=7 | ro <tunnel sourceid=7 id=8 | ro <tunnel sourceid=7 id=9",
         "[db1] db1 primary up, db2 replica up, db3 replica up");
    assert_int_equal(server_of(world, "db3")->source, 0);
    step(world, "rw id=7 | ro <tunnel sourceid=7 id=8 | ro <tunnel sourceid=7 id=7",
         "[db1] db1 primary up, db2 replica up, db3 replica up");
    assert_int_equal(server_of(world, "db2")->source, -1);
}

STORY(the_source_is_known_by_the_name_that_it_reports, 2)
{
    step(world, "rw host=mysql-a | ro <MYSQL-A", "[db1] db1 primary up, db2 replica up");
    assert_int_equal(server_of(world, "db2")->source, 0);
}

STORY(a_replica_of_an_outsider_is_no_primary_while_another_is_nobodys_replica, 2)
{
    step(world, "rw | rw <elsewhere", "[db1] db1 primary up, db2 unknown lagging");
    assert_event(world, "backend.second_writer: db2");
}

STORY(a_writable_server_may_have_a_source_outside, 2)
{
    step(world, "rw <elsewhere | ro <db1", "[db1] db1 primary up, db2 replica up");
}

STORY(a_writable_replica_is_no_primary_but_worth_an_event, 2)
{
    step(world, "rw | rw <db1", "[db1] db1 primary up, db2 replica up");
    assert_event(world, "backend.writable: db2");
    assert_reason(world, "db2", "replicates from db1, though it is writable");
    step(world, "rw | rw <db1", "[db1] db1 primary up, db2 replica up");
    assert_int_equal(world->told_count, 0);
    step(world, "rw fail=3 | rw <db1 connecting", "[-] db1 primary down, db2 replica up");
    assert_no_primary(world, "db1 is down: 3 probes in a row failed: connection refused");
    assert_event(world, "topology.no_primary: no server gets writes: db1 is down");
}

STORY(a_primary_that_stays_away_is_news_once, 2)
{
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    step(world, "rw fail=3 | ro <db1 connecting", "[-] db1 primary down, db2 replica up");
    assert_event(world, "topology.no_primary: no server gets writes: db1 is down: 3 probes");
    step(world, "rw fail=4 | ro <db1 connecting", "[-] db1 primary down, db2 replica up");
    assert_int_equal(world->told_count, 0);
    assert_no_primary(world, "db1 is down: 4 probes in a row failed");
    step(world, "rw drain | ro <db1", "[-] db1 primary draining, db2 replica up");
    assert_event(world, "topology.no_primary: no server gets writes: db1 is draining");
}

STORY(replicas_down_a_chain_are_replicas, 3)
{
    step(world, "rw | ro <db1 | ro <db2", "[db1] db1 primary up, db2 replica up, db3 replica up");
}

STORY(in_a_ring_the_writable_one_is_primary, 2)
{
    step(world, "ro <db2 | rw <db1", "[db2] db1 replica up, db2 primary up");
}

// Each asks the other's transactions a little later: neither is newer for that.
STORY(a_ring_of_two_writable_ones_keeps_its_primary, 2)
{
    step(world, "ro <db2 gtid=0-2-5 | rw <db1 gtid=0-2-5", "[db2] db1 replica up, db2 primary up");
    step(world, "rw <db2 gtid=0-2-6 | rw <db1 gtid=0-2-5", "[db2] db1 replica up, db2 primary up");
    assert_event(world, "backend.writable: db1");
    step(world, "rw <db2 gtid=0-2-6 | rw <db1 gtid=0-2-7", "[db2] db1 replica up, db2 primary up");
}

// --- never two writers

STORY(of_two_writable_ones_the_primary_stays, 2)
{
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    step(world, "rw | rw", "[db1] db1 primary up, db2 unknown lagging");
    assert_event(world, "backend.second_writer: db2");
    assert_reason(world, "db2", "takes writes, but is not the primary");
}

STORY(of_two_writable_ones_at_the_start_the_followed_one_is_primary, 3)
{
    step(world, "rw | rw | ro <db2", "[db2] db1 unknown lagging, db2 primary up, db3 replica up");
    assert_event(world, "backend.second_writer: db1");
}

STORY(of_two_writable_ones_at_the_start_the_newer_one_is_primary, 2)
{
    step(world, "rw gtid=0-1-100 | rw gtid=0-1-90", "[db1] db1 primary up, db2 unknown lagging");
}

STORY(of_two_writable_ones_that_went_apart_none_is_primary, 2)
{
    step(world, "rw gtid=0-1-100 | rw gtid=0-2-100",
         "[-] db1 unknown lagging, db2 unknown lagging");
    assert_no_primary(world, "db1 and db2 take writes");
    assert_event(world, "topology.no_primary: no server gets writes: db1 and db2 take writes");
    assert_event(world, "backend.second_writer: db1");
    assert_event(world, "backend.second_writer: db2");
}

STORY(of_two_writable_ones_without_gtids_none_is_primary, 2)
{
    step(world, "rw | rw", "[-] db1 unknown lagging, db2 unknown lagging");
    step(world, "rw gtid=0-1-5 | rw", "[-] db1 unknown lagging, db2 unknown lagging");
}

STORY(three_writable_ones_and_one_newer_than_both, 3)
{
    step(world, "rw gtid=0-1-5 | rw gtid=0-1-7 | rw gtid=0-1-6",
         "[db2] db1 unknown lagging, db2 primary up, db3 unknown lagging");
    step(world, "rw gtid=0-1-5,1-1-1 | rw gtid=0-1-7 | rw gtid=0-1-6",
         "[db2] db1 unknown lagging, db2 primary up, db3 unknown lagging");
}

// A failover by somebody else while the old primary is only away for a moment.
STORY(the_old_primary_returns_writable_and_does_not_get_its_place_back, 3)
{
    step(world, "rw gtid=0-1-100 | ro <db1 gtid=0-1-100 | ro <db1 gtid=0-1-100",
         "[db1] db1 primary up, db2 replica up, db3 replica up");
    step(world, "rw gtid=0-1-100 fail=3 | ro <db1 connecting gtid=0-1-100 | ro <db1 connecting",
         "[-] db1 primary down, db2 replica up, db3 replica up");
    step(world, "rw gtid=0-1-100 fail=4 | rw gtid=0-1-100 | ro <db2",
         "[db2] db1 unknown down, db2 primary up, db3 replica up");
    assert_event(world, "topology.primary: writes go to db2");
    step(world, "rw gtid=0-1-100 | rw gtid=0-2-120 | ro <db2",
         "[db2] db1 unknown lagging, db2 primary up, db3 replica up");
    assert_event(world, "backend.second_writer: db1");
}

STORY(the_primary_of_before_gives_way_to_one_that_has_all_and_more, 3)
{
    step(world, "rw gtid=0-1-100 | ro <db1 gtid=0-1-100 | ro <db1",
         "[db1] db1 primary up, db2 replica up, db3 replica up");
    step(world, "rw gtid=0-1-100 | rw gtid=0-2-110 | ro <db2",
         "[db2] db1 unknown lagging, db2 primary up, db3 replica up");
}

// Its source is db1 by a name that we don't know, and it was asked later: more is not newer.
STORY(an_unrecognized_replica_that_was_asked_later_does_not_become_primary, 2)
{
    step(world, "rw gtid=0-1-100 | rw <tunnel gtid=0-1-100",
         "[db1] db1 primary up, db2 unknown lagging");
    step(world, "rw gtid=0-1-100 | rw <tunnel gtid=0-1-105",
         "[db1] db1 primary up, db2 unknown lagging");
    step(world, "rw gtid=0-1-106 | rw <tunnel gtid=0-1-105",
         "[db1] db1 primary up, db2 unknown lagging");
}

// --- who may succeed

STORY(a_stranger_does_not_succeed_a_dead_primary, 2)
{
    step(world, "rw | rw <elsewhere", "[db1] db1 primary up, db2 unknown lagging");
    step(world, "rw | rw", "[db1] db1 primary up, db2 unknown lagging");
    step(world, "rw fail=3 | rw", "[-] db1 primary down, db2 unknown lagging");
    assert_no_primary(world, "db2 takes writes, but is not known to have the transactions of db1");
    world->backends[1].role = CONF_ROLE_PRIMARY;
    step(world, "rw fail=3 | rw", "[db2] db1 unknown down, db2 primary up");
}

STORY(a_replica_made_writable_succeeds, 2)
{
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    step(world, "rw fail=1 | rw", "[db1] db1 primary up, db2 unknown lagging");
    step(world, "rw fail=3 | rw", "[db2] db1 unknown down, db2 primary up");
}

STORY(an_orderly_switchover_is_followed, 2)
{
    step(world, "rw gtid=0-1-9 | ro <db1", "[db1] db1 primary up, db2 replica up");
    step(world, "ro gtid=0-1-9 | ro <db1", "[-] db1 primary up, db2 replica up");
    assert_no_primary(world, "db1 is read only");
    assert_reason(world, "db1", "read only, and replicates from nobody");
    step(world, "ro gtid=0-1-9 | rw gtid=0-1-9", "[db2] db1 unknown lagging, db2 primary up");
    assert_event(world, "backend.orphan: db1");
    assert_reason(world, "db1", "read only and replicates from nobody: its data may be old");
    step(world, "ro <db2 | rw", "[db2] db1 replica up, db2 primary up");
}

// It wrote on its own while the primary was alive: it is no heir until its data proves it.
STORY(who_wrote_beside_a_living_primary_does_not_succeed_it, 2)
{
    step(world, "rw gtid=0-1-9 | ro <db1 gtid=0-1-9", "[db1] db1 primary up, db2 replica up");
    step(world, "rw gtid=0-1-20 | rw gtid=0-2-10", "[db1] db1 primary up, db2 unknown lagging");
    step(world, "rw gtid=0-1-20 | rw gtid=0-2-10", "[db1] db1 primary up, db2 unknown lagging");
    step(world, "rw gtid=0-1-20 fail=3 | rw gtid=0-2-11",
         "[-] db1 primary down, db2 unknown lagging");
    step(world, "rw gtid=0-1-20 fail=3 | rw gtid=0-2-21", "[db2] db1 unknown down, db2 primary up");
}

// Without GTIDs, and the new primary was asked before the old one, which had stepped down already.
STORY(a_switchover_seen_from_its_end_is_followed, 2)
{
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    step(world, "rw old | rw", "[db1] db1 primary up, db2 unknown lagging");
    step(world, "ro | rw old", "[db2] db1 unknown lagging, db2 primary up");
}

STORY(whom_others_replicate_from_succeeds, 3)
{
    step(world, "rw | rw | ro <db1", "[db1] db1 primary up, db2 unknown lagging, db3 replica up");
    step(world, "rw fail=3 | rw | ro <db1 connecting",
         "[-] db1 primary down, db2 unknown lagging, db3 replica up");
    step(world, "rw fail=3 | rw | ro <db2",
         "[db2] db1 unknown down, db2 primary up, db3 replica up");
}

STORY(the_primary_that_was_away_returns, 2)
{
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    step(world, "rw fail=1 | ro <db1", "[db1] db1 primary up, db2 replica up");
    step(world, "rw fail=2 | ro <db1", "[db1] db1 primary up, db2 replica up");
    step(world, "rw fail=3 | ro <db1 connecting", "[-] db1 primary down, db2 replica up");
    assert_event(world, "backend.state: db1: up -> down: 3 probes in a row failed");
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    assert_event(world, "topology.primary: writes go to db1");
    assert_event(world, "backend.state: db1: down -> up");
}

// --- configured roles

STORY(configured_roles_win, 3)
{
    world->backends[0].role = CONF_ROLE_PRIMARY;
    world->backends[1].role = CONF_ROLE_REPLICA;
    world->backends[2].role = CONF_ROLE_REPLICA;
    step(world, "rw | rw | rw", "[db1] db1 primary up, db2 replica up, db3 replica up");
    assert_event(world, "backend.contradicted: db2");
    assert_false(has_event(world, "backend.contradicted: db1"));
    assert_reason(world, "db2", "role = replica");
}

STORY(a_configured_primary_is_obeyed_though_it_is_read_only, 2)
{
    world->backends[0].role = CONF_ROLE_PRIMARY;
    step(world, "ro | rw", "[db1] db1 primary up, db2 unknown lagging");
    assert_event(world, "backend.contradicted: db1");
    step(world, "ro <db2 | rw", "[db1] db1 primary up, db2 unknown lagging");
    step(world, "ro <db2 fail=3 | rw", "[-] db1 primary down, db2 unknown lagging");
    assert_no_primary(world, "db1 is down");
}

STORY(a_configured_primary_is_not_waited_for_others, 2)
{
    world->backends[0].role = CONF_ROLE_PRIMARY;
    step(world, "rw | new", "[db1] db1 primary up, db2 unknown starting");
    assert_false(world->topology->is_settled);
}

STORY(a_configured_replica_never_becomes_primary, 2)
{
    world->backends[1].role = CONF_ROLE_REPLICA;
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    step(world, "rw fail=3 | rw", "[-] db1 primary down, db2 replica up");
}

STORY(two_configured_primaries_are_one_at_most, 2)
{
    world->backends[0].role = CONF_ROLE_PRIMARY;
    world->backends[1].role = CONF_ROLE_PRIMARY;
    step(world, "rw | rw", "[-] db1 unknown lagging, db2 unknown lagging");
    step(world, "rw gtid=0-1-9 | rw gtid=0-1-8", "[db1] db1 primary up, db2 unknown lagging");
    step(world, "rw | rw", "[db1] db1 primary up, db2 unknown lagging");
}

STORY(a_configured_primary_taken_offline_makes_room, 2)
{
    world->backends[0].role = CONF_ROLE_PRIMARY;
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    step(world, "rw offline | ro <db1", "[-] db1 unknown offline, db2 replica up");
    assert_no_primary(world, "db1, the last primary, was set OFFLINE");
    step(world, "rw offline | rw", "[db2] db1 unknown offline, db2 primary up");
}

// --- no primary

STORY(read_only_servers_of_an_outside_primary_take_reads, 2)
{
    step(world, "ro <elsewhere | sro <elsewhere", "[-] db1 replica up, db2 replica up");
    assert_no_primary(world, "every server is read only or a replica");
}

STORY(a_lone_read_only_server_is_the_head_without_writes, 1)
{
    step(world, "sro", "[-] db1 primary up");
    assert_no_primary(world, "db1 is read only");
    assert_ptr_equal(topology_head(world->topology), server_of(world, "db1"));
    assert_true(server_of(world, "db1")->is_read_only);
}

STORY(a_read_only_source_is_the_head_without_writes, 3)
{
    step(world, "ro | ro <db1 | ro", "[-] db1 primary up, db2 replica up, db3 unknown lagging");
}

// --- lag

STORY(a_replica_too_far_behind_lags, 2)
{
    step(world, "rw | ro <db1 behind=10", "[db1] db1 primary up, db2 replica up");
    assert_int_equal(server_of(world, "db2")->lag_us, 10 * CLOCK_SECOND);
    step(world, "rw | ro <db1 behind=11", "[db1] db1 primary up, db2 replica lagging");
    assert_reason(world, "db2", "11.0 s behind db1, max_lag is 10.0 s");
    assert_event(world, "backend.state: db2: up -> lagging: 11.0 s behind");
    assert_int_equal(topology_replicas(world->topology, 0), 0);
    step(world, "rw | ro <db1 behind=9", "[db1] db1 primary up, db2 replica up");
}

STORY(stopped_replication_is_lag_without_a_number, 2)
{
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    step(world, "rw | ro <db1 stopped", "[db1] db1 primary up, db2 replica lagging");
    assert_reason(world, "db2", "replication stopped (from db1): Got fatal error 1236");
    assert_int_equal(server_of(world, "db2")->lag_us, -1);
    step(world, "rw | ro <db1 noapply", "[db1] db1 primary up, db2 replica lagging");
}

// A probe that fails says nothing new: what was lagging stays so.
STORY(a_timed_out_probe_does_not_readmit, 2)
{
    step(world, "rw | ro <db1 behind=60", "[db1] db1 primary up, db2 replica lagging");
    step(world, "rw | ro <db1 behind=60 fail=2", "[db1] db1 primary up, db2 replica lagging");
}

STORY(a_lost_receiver_is_forgiven_for_max_lag, 2)
{
    step(world, "rw | ro <db1 behind=2", "[db1] db1 primary up, db2 replica up");
    step_in(world, 3 * CLOCK_SECOND, "rw | ro <db1 connecting",
            "[db1] db1 primary up, db2 replica up");
    assert_int_equal(server_of(world, "db2")->lag_us, 5 * CLOCK_SECOND);
    step_in(world, 5 * CLOCK_SECOND, "rw | ro <db1 connecting",
            "[db1] db1 primary up, db2 replica up");
    step_in(world, CLOCK_SECOND, "rw | ro <db1 connecting",
            "[db1] db1 primary up, db2 replica lagging");
    step_in(world, CLOCK_SECOND, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
}

STORY(seconds_behind_of_a_lost_receiver_are_not_believed, 2)
{
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    step_in(world, 11 * CLOCK_SECOND, "rw | ro <db1 connecting behind=0",
            "[db1] db1 primary up, db2 replica lagging");
}

STORY(a_replica_never_seen_connected_lags, 2)
{
    step(world, "rw | ro <db1 connecting", "[db1] db1 primary up, db2 replica lagging");
    assert_reason(world, "db2", "not connected to its source db1");
}

STORY(replicas_of_a_dead_primary_serve_what_they_have, 3)
{
    step(world, "rw | ro <db1 behind=1 | ro <db1 behind=60",
         "[db1] db1 primary up, db2 replica up, db3 replica lagging");
    step_in(world, 60 * CLOCK_SECOND, "rw fail=1 | ro <db1 connecting | ro <db1 connecting",
            "[db1] db1 primary up, db2 replica up, db3 replica lagging");
    step_in(world, 60 * CLOCK_SECOND, "rw fail=3 | ro <db1 connecting | ro <db1 connecting",
            "[-] db1 primary down, db2 replica up, db3 replica lagging");
    assert_int_equal(server_of(world, "db2")->lag_us, CLOCK_SECOND);
    assert_reason(world, "db2", "its source db1 does not answer: serves what it has");
}

// Its source is dead, and the primary above goes on: what it has grows old.
STORY(a_replica_below_a_dead_link_of_a_chain_falls_behind, 3)
{
    step(world, "rw | ro <db1 | ro <db2", "[db1] db1 primary up, db2 replica up, db3 replica up");
    step_in(world, 8 * CLOCK_SECOND, "rw | ro <db1 fail=3 | ro <db2 connecting",
            "[db1] db1 primary up, db2 replica down, db3 replica up");
    assert_int_equal(server_of(world, "db3")->lag_us, 8 * CLOCK_SECOND);
    step_in(world, 3 * CLOCK_SECOND, "rw | ro <db1 fail=9 | ro <db2 connecting",
            "[db1] db1 primary up, db2 replica down, db3 replica lagging");
    step(world, "rw | ro <db1 fail=9 | ro <db2 connecting measured=200",
         "[db1] db1 primary up, db2 replica down, db3 replica up"); // nothing was written
    step(world, "rw | ro <db1 fail=9 | ro <db2 connecting measured=15000",
         "[db1] db1 primary up, db2 replica down, db3 replica lagging");
}

// It counts from when there was another that takes writes.
STORY(a_replica_left_with_the_dead_primary_falls_behind_the_new_one, 3)
{
    step(world, "rw | ro <db1 | ro <db1 behind=2",
         "[db1] db1 primary up, db2 replica up, db3 replica up");
    step_in(world, 60 * CLOCK_SECOND, "rw fail=3 | ro <db1 connecting | ro <db1 connecting",
            "[-] db1 primary down, db2 replica up, db3 replica up");
    step_in(world, CLOCK_SECOND, "rw fail=4 | rw | ro <db1 connecting",
            "[db2] db1 unknown down, db2 primary up, db3 replica up");
    assert_int_equal(server_of(world, "db3")->lag_us, 3 * CLOCK_SECOND);
    step_in(world, 8 * CLOCK_SECOND, "rw fail=20 | rw | ro <db1 connecting",
            "[db2] db1 unknown down, db2 primary up, db3 replica lagging");
}

STORY(a_replica_of_a_dead_server_without_a_known_lag_lags_beside_a_primary, 3)
{
    step(world, "new fail=3 | rw | ro <db1 connecting",
         "[db2] db1 unknown down, db2 primary up, db3 replica lagging");
    assert_reason(world, "db3", "not connected to its source db1");
}

STORY(a_start_without_a_primary_serves_reads, 2)
{
    step(world, "new fail=3 | ro <db1 connecting", "[-] db1 unknown down, db2 replica up");
    assert_no_primary(world, "db1 is down, and every other server is read only or a replica");
    assert_int_equal(server_of(world, "db2")->lag_us, -1);
    assert_int_equal(topology_replicas(world->topology, 0), 0x2);
    assert_int_equal(topology_replicas(world->topology, CLOCK_SECOND), 0);
}

STORY(measured_lag_is_believed_over_the_servers_own, 2)
{
    step(world, "rw | ro <db1 behind=0 measured=15000",
         "[db1] db1 primary up, db2 replica lagging");
    step(world, "rw | ro <db1 behind=100 measured=200", "[db1] db1 primary up, db2 replica up");
    assert_int_equal(server_of(world, "db2")->lag_us, 200 * CLOCK_MS);
}

// It has all that the primary said to have, and the primary has not said anything since.
STORY(where_the_primary_does_not_answer_a_measure_is_no_more_than_the_servers_own, 2)
{
    step(world, "rw fail=1 | ro <db1 behind=300 measured-before=0",
         "[db1] db1 primary up, db2 replica lagging");
    assert_int_equal(server_of(world, "db2")->lag_us, 300 * CLOCK_SECOND);
    step(world, "rw fail=1 | ro <db1 behind=0 measured-before=200",
         "[db1] db1 primary up, db2 replica up");
    assert_int_equal(server_of(world, "db2")->lag_us, 200 * CLOCK_MS);
}

// The primary's history does not reach back to what it lacks.
STORY(what_is_known_of_the_lag_at_least_outdoes_the_servers_own, 2)
{
    step(world, "rw | ro <db1 behind=0 least=15000", "[db1] db1 primary up, db2 replica lagging");
    assert_int_equal(server_of(world, "db2")->lag_us, 15 * CLOCK_SECOND);
    step(world, "rw | ro <db1 behind=20 least=15000", "[db1] db1 primary up, db2 replica lagging");
    assert_int_equal(server_of(world, "db2")->lag_us, 20 * CLOCK_SECOND);
    step(world, "rw | ro <db1 behind=1 measured=200", "[db1] db1 primary up, db2 replica up");
}

STORY(the_worst_channel_counts, 2)
{
    step(world, "rw | ro <db1 behind=1 <elsewhere behind=4 <else2 behind=2",
         "[db1] db1 primary up, db2 replica up");
    assert_int_equal(server_of(world, "db2")->lag_us, 4 * CLOCK_SECOND);
    step(world, "rw | ro <db1 behind=1 <elsewhere behind=40",
         "[db1] db1 primary up, db2 replica lagging");
    assert_reason(world, "db2", "40.0 s behind elsewhere:3306");
    step(world, "rw | ro <elsewhere stopped <db1", "[db1] db1 primary up, db2 replica lagging");
}

// --- what operators and traffic say

STORY(a_draining_replica_gets_nothing_new, 2)
{
    step(world, "rw | ro <db1 drain", "[db1] db1 primary up, db2 replica draining");
    assert_int_equal(topology_replicas(world->topology, 0), 0);
    step(world, "rw | ro <db1 drain fail=3", "[db1] db1 primary up, db2 replica down");
    step(world, "rw | ro <db1 offline fail=3", "[db1] db1 primary up, db2 replica offline");
}

STORY(a_draining_primary_keeps_the_role_and_gets_no_writes, 2)
{
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    step(world, "rw drain | ro <db1", "[-] db1 primary draining, db2 replica up");
    assert_no_primary(world, "db1 is draining: set to DRAIN by an operator");
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
}

STORY(a_shunned_replica_comes_back_by_time, 2)
{
    step(world, "rw | ro <db1 shun=700", "[db1] db1 primary up, db2 replica shunned");
    assert_reason(world, "db2", "left alone for a while: 5 connections failed");
    step(world, "rw shun=700 | ro <db1", "[db1] db1 primary up, db2 replica up"); // no stand-in
    step(world, "rw | ro <db1 shun=0", "[db1] db1 primary up, db2 replica up");
}

STORY(since_is_when_the_state_began, 1)
{
    step(world, "rw", "[db1] db1 primary up");
    int64_t since_us = server_of(world, "db1")->since_us;
    assert_int_equal(since_us, 5 * CLOCK_SECOND + world->now_us);
    step(world, "rw fail=2", "[db1] db1 primary up");
    assert_int_equal(server_of(world, "db1")->since_us, since_us);
    step(world, "rw fail=3", "[-] db1 primary down");
    assert_int_equal(server_of(world, "db1")->since_us, 5 * CLOCK_SECOND + world->now_us);
}

// --- weight

STORY(a_server_that_was_away_warms_up, 2)
{
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    assert_int_equal(server_of(world, "db2")->weight, 100);
    step(world, "rw | ro <db1 fail=3", "[db1] db1 primary up, db2 replica down");
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    assert_int_equal(server_of(world, "db2")->weight, 1);
    step_in(world, 4 * CLOCK_SECOND, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    assert_int_equal(server_of(world, "db2")->weight, 40);
    step_in(world, 6 * CLOCK_SECOND, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    assert_int_equal(server_of(world, "db2")->weight, 100);
    step(world, "rw | ro <db1 behind=60", "[db1] db1 primary up, db2 replica lagging");
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    assert_int_equal(server_of(world, "db2")->weight, 100); // it was not away
}

STORY(a_server_that_an_operator_brings_back_warms_up, 2)
{
    step(world, "rw | ro <db1 offline", "[db1] db1 primary up, db2 replica offline");
    step(world, "rw | new", "[db1] db1 primary up, db2 unknown starting");
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    assert_int_equal(server_of(world, "db2")->weight, 1);
}

STORY(a_primary_that_was_away_needs_no_warming, 2)
{
    step(world, "rw fail=3 | ro <db1 connecting", "[-] db1 unknown down, db2 replica up");
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    assert_int_equal(server_of(world, "db1")->weight, 100);
}

STORY(without_slow_start_a_server_gets_its_share_at_once, 2)
{
    world->config.monitor.slow_start_us = 0;
    step(world, "rw | ro <db1 fail=3", "[db1] db1 primary up, db2 replica down");
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    assert_int_equal(server_of(world, "db2")->weight, 100);
}

// --- versions

STORY(clients_are_told_the_lowest_version_of_the_primarys_family, 4)
{
    world->backends[3].role = CONF_ROLE_REPLICA;
    step(world,
         "rw version=10.11.6-MariaDB caps=15 | ro <db1 version=5.5.5-10.6.12-MariaDB-log caps=7 | "
         "ro <db1 version=8.0.36 caps=14 | ro version=11.4.2-MariaDB caps=31",
         "[db1] db1 primary up, db2 replica up, db3 replica up, db4 replica up");
    assert_true(slice_equal(world->topology->server_version, S("5.5.5-10.6.12-MariaDB-log")));
    assert_int_equal(world->topology->common_capabilities, 6);
    assert_event(world, "backend.family: db3");
    assert_false(has_event(world, "backend.family: db2"));
    // one that is away still counts; one that was taken out does not
    step(world,
         "rw version=10.11.6-MariaDB caps=15 | ro <db1 version=10.6.12-MariaDB caps=7 fail=3 | "
         "ro <db1 offline version=8.0.36 caps=14 | ro version=11.4.2-MariaDB caps=31",
         "[db1] db1 primary up, db2 replica down, db3 replica offline, db4 replica up");
    assert_true(slice_equal(world->topology->server_version, S("10.6.12-MariaDB")));
    assert_int_equal(world->topology->common_capabilities, 7);
}

STORY(nothing_is_told_before_a_server_greeted, 1)
{
    step(world, "new version=", "[-] db1 unknown starting");
    assert_int_equal(world->topology->server_version.len, 0);
    assert_int_equal(world->topology->common_capabilities, 0);
}

STORY(positions_are_parsed_and_shown_without_line_breaks, 2)
{
    world->config.backend_count = 1;
    step(world,
         "rw version=8.0.36 gtid=3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5,\n"
         "4e11fa47-71ca-11e1-9e33-c80aa9429562:1",
         "[db1] db1 primary up");
    const struct server *server = server_of(world, "db1");
    assert_int_equal(gtid_set_size(&server->gtid), 6);
    assert_true(slice_equal(server->gtid_text, S("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5,"
                                                 "4e11fa47-71ca-11e1-9e33-c80aa9429562:1")));
    step(world, "rw version=8.0.36 gtid=nonsense", "[db1] db1 primary up");
    assert_int_equal(server_of(world, "db1")->gtid_text.len, 0);
}

static void assert_gtid(const struct world *world, const char *name, const char *gtid)
{
    struct gtid_set set = GTID_SET_INIT;
    assert_true(slice_equal(server_of(world, name)->gtid_text, slice_text(gtid)));
    assert_true(gtid_set_parse(&set, FAMILY_MARIADB, slice_text(gtid)));
    assert_true(gtid_set_equal(&server_of(world, name)->gtid, &set));
    gtid_set_release(&set);
}

// MariaDB's numbers go on in what a replica writes to its own binlog.
STORY(what_a_replica_wrote_itself_is_not_the_primarys, 2)
{
    step(world, "rw gtid=0-1-110 replicated= | ro <db1 gtid=0-2-120 replicated=0-1-100",
         "[db1] db1 primary up, db2 replica up");
    assert_gtid(world, "db1", "0-1-110");
    assert_gtid(world, "db2", "0-1-100");
    step(world, "ro <db2 gtid=0-1-130 replicated=0-2-125 | rw gtid=0-2-130 replicated=0-1-100",
         "[db2] db1 replica up, db2 primary up");
    assert_gtid(world, "db1", "0-2-125");
    assert_gtid(world, "db2", "0-2-130");
}

STORY(a_primary_with_a_source_outside_has_what_it_wrote_itself, 2)
{
    step(world, "rw <elsewhere gtid=0-1-110 replicated=0-9-10 | ro <db1 gtid=0-1-110",
         "[db1] db1 primary up, db2 replica up");
    assert_gtid(world, "db1", "0-1-110");
}

// The old primary has replicated nothing yet: what it wrote itself, the new one had as well.
STORY(what_a_replica_wrote_as_the_primary_counts, 2)
{
    step(world, "ro <db2 gtid=0-1-100 replicated=0-2-50 known | rw gtid=0-1-100",
         "[db2] db1 replica up, db2 primary up");
    assert_gtid(world, "db1", "0-1-100");
}

// --- a new configuration

STORY(a_reload_that_reorders_keeps_the_primary_by_name, 2)
{
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    struct conf_backend first = world->backends[0];
    world->backends[0] = world->backends[1];
    world->backends[1] = first;
    step(world, "new | rw", "[db1] db2 unknown starting, db1 primary up");
    step(world, "ro <db1 | rw", "[db1] db2 replica up, db1 primary up");
    assert_int_equal(world->topology->primary, 1);
    assert_int_equal(server_of(world, "db2")->source, 1);
}

static struct topology *build_again(struct world *world)
{
    return topology_build(&world->config, world->facts, world->topology, world->now_us, 0);
}

STORY(what_cannot_wait_is_told_from_what_can, 2)
{
    step(world, "rw | ro <db1", "[db1] db1 primary up, db2 replica up");
    assert_true(topology_is_urgent(NULL, world->topology));

    facts_read(world, 1, S("ro <db1 behind=3 gtid=0-1-9"));
    struct topology *next = build_again(world);
    assert_false(topology_is_urgent(world->topology, next));
    topology_unref(next);
    facts_read(world, 1, S("ro <db1 behind=30"));
    next = build_again(world);
    assert_true(topology_is_urgent(world->topology, next));
    topology_unref(next);
    facts_read(world, 1, S("rw <db1"));
    next = build_again(world);
    assert_true(topology_is_urgent(world->topology, next));
    topology_unref(next);
}

STORY(a_snapshot_lives_as_long_as_its_last_reader, 1)
{
    step(world, "rw", "[db1] db1 primary up");
    struct topology *held = topology_ref(world->topology);
    uint64_t version = held->version;
    step(world, "rw", "[db1] db1 primary up");
    assert_int_equal(world->topology->version, version + 1);
    assert_true(slice_equal(held->servers[0].name, S("db1")));
    topology_unref(held);
    topology_unref(NULL);
    assert_null(topology_ref(NULL));
}

// Every combination of three servers with a handful of facts each: whatever is true of them, no
// snapshot names two writers, and none breaks what topology.h promises.
static void no_combination_makes_two_writers(void **state)
{
    (void)state;
    static const char *const kinds[] = {"rw",          "ro",       "rw <db1",       "ro <db2",
                                        "rw <outside", "ro stray", "rw gtid=0-1-5", "rw gtid=0-2-5",
                                        "rw fail=3",   "new",      "rw drain"};
    enum { COUNT = sizeof(kinds) / sizeof(kinds[0]) };
    struct world world;
    world_init(&world, 3);
    for (int n = 0; n < COUNT * COUNT * COUNT * 2; n++) {
        int pick = n % (COUNT * COUNT * COUNT);
        for (int i = 0; i < 3; i++, pick /= COUNT) {
            const char *kind = kinds[pick % COUNT];
            facts_read(&world, i, slice_text(strcmp(kind, "ro stray") == 0 ? "ro" : kind));
        }
        world.now_us += CLOCK_SECOND;
        struct topology *next = build_again(&world);
        assert_invariants(next);
        topology_unref(world.topology);
        world.topology = next;
    }
    world_release(&world);
}

static void tables_are_whole(void **state)
{
    (void)state;
    for (int i = 0; i < SERVER_STATE_COUNT; i++) {
        assert_true(strlen(server_state_name((enum server_state)i)) > 0);
        assert_true(strlen(server_state_text((enum server_state)i)) > 20);
        assert_int_equal(server_state_takes_reads((enum server_state)i), i == SERVER_UP);
        assert_int_equal(server_state_takes_writes((enum server_state)i), i == SERVER_UP);
    }
    for (int i = 0; i < SERVER_WARNING_COUNT; i++) {
        assert_non_null(strchr(server_warning_kind((enum server_warning)i), '.'));
        assert_true(strlen(server_warning_text((enum server_warning)i)) > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_writable_one_that_replicates_from_nobody_is_primary),
        cmocka_unit_test(a_lone_server_is_primary),
        cmocka_unit_test(the_first_to_answer_is_not_taken_for_the_only_one),
        cmocka_unit_test(a_server_down_from_the_start_is_not_waited_for),
        cmocka_unit_test(a_server_added_later_does_not_take_the_primary_away),
        cmocka_unit_test(the_source_is_known_by_its_uuid),
        cmocka_unit_test(a_uuid_of_nobody_is_not_outdone_by_a_server_id_that_fits),
        cmocka_unit_test(the_source_is_known_by_its_server_id_where_only_one_has_it),
        cmocka_unit_test(the_source_is_known_by_the_name_that_it_reports),
        cmocka_unit_test(a_replica_of_an_outsider_is_no_primary_while_another_is_nobodys_replica),
        cmocka_unit_test(a_writable_server_may_have_a_source_outside),
        cmocka_unit_test(a_writable_replica_is_no_primary_but_worth_an_event),
        cmocka_unit_test(a_primary_that_stays_away_is_news_once),
        cmocka_unit_test(replicas_down_a_chain_are_replicas),
        cmocka_unit_test(in_a_ring_the_writable_one_is_primary),
        cmocka_unit_test(a_ring_of_two_writable_ones_keeps_its_primary),
        cmocka_unit_test(of_two_writable_ones_the_primary_stays),
        cmocka_unit_test(of_two_writable_ones_at_the_start_the_followed_one_is_primary),
        cmocka_unit_test(of_two_writable_ones_at_the_start_the_newer_one_is_primary),
        cmocka_unit_test(of_two_writable_ones_that_went_apart_none_is_primary),
        cmocka_unit_test(of_two_writable_ones_without_gtids_none_is_primary),
        cmocka_unit_test(three_writable_ones_and_one_newer_than_both),
        cmocka_unit_test(the_old_primary_returns_writable_and_does_not_get_its_place_back),
        cmocka_unit_test(the_primary_of_before_gives_way_to_one_that_has_all_and_more),
        cmocka_unit_test(an_unrecognized_replica_that_was_asked_later_does_not_become_primary),
        cmocka_unit_test(a_stranger_does_not_succeed_a_dead_primary),
        cmocka_unit_test(a_replica_made_writable_succeeds),
        cmocka_unit_test(an_orderly_switchover_is_followed),
        cmocka_unit_test(who_wrote_beside_a_living_primary_does_not_succeed_it),
        cmocka_unit_test(a_switchover_seen_from_its_end_is_followed),
        cmocka_unit_test(whom_others_replicate_from_succeeds),
        cmocka_unit_test(the_primary_that_was_away_returns),
        cmocka_unit_test(configured_roles_win),
        cmocka_unit_test(a_configured_primary_is_obeyed_though_it_is_read_only),
        cmocka_unit_test(a_configured_primary_is_not_waited_for_others),
        cmocka_unit_test(a_configured_replica_never_becomes_primary),
        cmocka_unit_test(two_configured_primaries_are_one_at_most),
        cmocka_unit_test(a_configured_primary_taken_offline_makes_room),
        cmocka_unit_test(read_only_servers_of_an_outside_primary_take_reads),
        cmocka_unit_test(a_lone_read_only_server_is_the_head_without_writes),
        cmocka_unit_test(a_read_only_source_is_the_head_without_writes),
        cmocka_unit_test(a_replica_too_far_behind_lags),
        cmocka_unit_test(stopped_replication_is_lag_without_a_number),
        cmocka_unit_test(a_timed_out_probe_does_not_readmit),
        cmocka_unit_test(a_lost_receiver_is_forgiven_for_max_lag),
        cmocka_unit_test(seconds_behind_of_a_lost_receiver_are_not_believed),
        cmocka_unit_test(a_replica_never_seen_connected_lags),
        cmocka_unit_test(replicas_of_a_dead_primary_serve_what_they_have),
        cmocka_unit_test(a_replica_below_a_dead_link_of_a_chain_falls_behind),
        cmocka_unit_test(a_replica_left_with_the_dead_primary_falls_behind_the_new_one),
        cmocka_unit_test(a_replica_of_a_dead_server_without_a_known_lag_lags_beside_a_primary),
        cmocka_unit_test(a_start_without_a_primary_serves_reads),
        cmocka_unit_test(measured_lag_is_believed_over_the_servers_own),
        cmocka_unit_test(
            where_the_primary_does_not_answer_a_measure_is_no_more_than_the_servers_own),
        cmocka_unit_test(what_is_known_of_the_lag_at_least_outdoes_the_servers_own),
        cmocka_unit_test(the_worst_channel_counts),
        cmocka_unit_test(a_draining_replica_gets_nothing_new),
        cmocka_unit_test(a_draining_primary_keeps_the_role_and_gets_no_writes),
        cmocka_unit_test(a_shunned_replica_comes_back_by_time),
        cmocka_unit_test(since_is_when_the_state_began),
        cmocka_unit_test(a_server_that_was_away_warms_up),
        cmocka_unit_test(a_server_that_an_operator_brings_back_warms_up),
        cmocka_unit_test(a_primary_that_was_away_needs_no_warming),
        cmocka_unit_test(without_slow_start_a_server_gets_its_share_at_once),
        cmocka_unit_test(clients_are_told_the_lowest_version_of_the_primarys_family),
        cmocka_unit_test(nothing_is_told_before_a_server_greeted),
        cmocka_unit_test(positions_are_parsed_and_shown_without_line_breaks),
        cmocka_unit_test(what_a_replica_wrote_itself_is_not_the_primarys),
        cmocka_unit_test(a_primary_with_a_source_outside_has_what_it_wrote_itself),
        cmocka_unit_test(what_a_replica_wrote_as_the_primary_counts),
        cmocka_unit_test(a_reload_that_reorders_keeps_the_primary_by_name),
        cmocka_unit_test(what_cannot_wait_is_told_from_what_can),
        cmocka_unit_test(a_snapshot_lives_as_long_as_its_last_reader),
        cmocka_unit_test(no_combination_makes_two_writers),
        cmocka_unit_test(tables_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
