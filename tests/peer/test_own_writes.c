// Writes of which no position is known: servers without GTIDs, answers that were lost. The
// session's reads keep to the primary until replicas must have it.
#include "tests/lib/scene.h"

#include "protocol/packet/result_writer.h"
#include "protocol/packet/status.h"
#include "proxy/base/clock.h"
#include "proxy/base/memory.h"
#include "tests/lib/http.h"

#include <stdio.h>

enum { SERVERS = 2, TEXTS_MOST = 16 };

struct world {
    struct fake *fakes[SERVERS];
    struct instance *instance;
};

static void row_say(struct fake *fake, const char *statement, const char *const values[],
                    size_t count, const char *const names[])
{
    struct buffer bytes = BUFFER_INIT;
    struct writer writer = writer_make(&bytes, 1);
    struct result_writer result = result_writer_make(&writer, 0);
    struct column heads[TEXTS_MOST];
    struct slice cells[TEXTS_MOST];
    for (size_t i = 0; i < count; i++) {
        heads[i] = (struct column){.name = slice_text(names[i]), .collation = 45};
        cells[i] = slice_text(values[i]);
    }
    result_writer_begin(&result, heads, count, STATUS_AUTOCOMMIT);
    result_writer_row(&result, cells);
    assert_true(result_writer_end(&result, STATUS_AUTOCOMMIT, 0));
    fake_answer(fake, statement, buffer_slice(&bytes), FAKE_USUALLY);
    buffer_release(&bytes);
}

// Who it is, and how far: db1 is the primary, db2 its replica.
static void server_say(struct fake *fake, int server, const char *gtid)
{
    const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"};
    const char *is_replica = server > 0 ? "1" : "0";
    const char *id = server > 0 ? "2" : "1";
    const char *const values[] = {
        is_replica, "0", id, "host", "3306", "", "3306", "STRICT_TRANS_TABLES", "1", gtid, gtid};
    row_say(fake, "SELECT @@global.read_only", values, 11, names);
}

static void replica_say(struct fake *fake)
{
    const char *const names[] = {"Connection_name",  "Master_Host",       "Master_Port",
                                 "Slave_IO_Running", "Slave_SQL_Running", "Seconds_Behind_Master",
                                 "Master_Server_Id", "Last_IO_Error"};
    const char *const values[] = {"", "inside", "3306", "Yes", "Yes", "0", "1", ""};
    row_say(fake, "SHOW ALL SLAVES STATUS", values, 8, names);
}

static struct world *world_create(const char *gtid, const char *const changes[])
{
    struct world *world = mem_zero(1, sizeof(*world));
    char addresses[SERVERS][64];
    const char *const names[] = {"db1", "db2"};
    const char *all[16];
    size_t count = 0;
    for (int i = 0; i < SERVERS; i++) {
        world->fakes[i] = fake_start();
        server_say(world->fakes[i], i, gtid);
        row_say(world->fakes[i], "SELECT here", &names[i], 1, &names[i]);
        snprintf(addresses[i], sizeof(addresses[i]), "backend:db%d.address = 127.0.0.1:%u", i + 1,
                 fake_port(world->fakes[i]));
        all[count++] = addresses[i];
        all[count++] = i == 0 ? "backend:db1.tls = disabled" : "backend:db2.tls = disabled";
    }
    replica_say(world->fakes[1]);
    all[count++] = "monitor.failures = 1000";
    all[count++] = "proxy.workers = 1";
    while (*changes != NULL) {
        all[count++] = *changes++;
    }
    all[count] = NULL;
    world->instance = instance_start(NULL, all);
    return world;
}

static void world_end(struct world *world)
{
    static const char *const expected[] = {"backend.*", "monitor.*", "pool.*", "topology.*", NULL};
    instance_stop(world->instance, expected);
    for (int i = 0; i < SERVERS; i++) {
        fake_stop(world->fakes[i]);
    }
    mem_free(world);
}

static struct peer *client_of(const struct world *world)
{
    struct peer *peer = peer_connect(world->instance->port);
    peer_login(peer, "app", "app-secret", NULL);
    return peer;
}

static bool reads_from(struct peer *peer, const char *server)
{
    return slice_equal(peer_query_value(peer, "SELECT here FROM t"), slice_text(server));
}

static double reads_held(const struct world *world)
{
    return http_metric_sum(world->instance->http_port, "sluice_route_reasons_total",
                           "reason=\"write_hold\"");
}

static void without_gtids_reads_keep_to_the_primary_for_write_hold(void **state)
{
    static const char *const changes[] = {"routing.write_hold = 400ms", NULL};
    (void)state;
    struct world *world = world_create("", changes);
    struct peer *writer = client_of(world), *reader = client_of(world);
    assert_true(reads_from(writer, "db2"));
    peer_query(writer, "INSERT INTO t VALUES (1)");
    int64_t written_us = clock_now_us();
    bool is_held = reads_from(writer, "db1");
    assert_true(is_held || clock_now_us() - written_us >= 400 * CLOCK_MS); // machines are busy
    assert_true(reads_from(reader, "db2"));                                // it wrote nothing
    assert_soon(reads_from(writer, "db2"));
    assert_true(clock_now_us() - written_us >= 400 * CLOCK_MS);
    assert_true(!is_held || reads_held(world) >= 1);
    // A hint's word counts here too.
    peer_query(writer, "INSERT INTO t VALUES (1)");
    assert_true(slice_equal(
        peer_query_value(writer, "SELECT here FROM t /* sluice: consistency=eventual */"),
        S("db2")));
    peer_close(writer);
    peer_close(reader);
    world_end(world);
}

static void without_gtids_what_was_rolled_back_holds_nothing(void **state)
{
    static const char *const changes[] = {"routing.write_hold = 1h", NULL};
    (void)state;
    struct world *world = world_create("", changes);
    struct peer *peer = client_of(world);
    peer_query(peer, "ROLLBACK");
    peer_query(peer, "SET NAMES utf8mb4");
    assert_true(reads_from(peer, "db2"));
    peer_query(peer, "DELETE FROM t");
    assert_true(reads_from(peer, "db1"));
    peer_close(peer);
    world_end(world);
}

// The flags behind it are those of the next transaction.
static void without_gtids_a_commit_that_begins_another_transaction_holds(void **state)
{
    static const char *const changes[] = {"routing.write_hold = 1h", NULL};
    static const char *const statements[] = {"BEGIN", "INSERT", "COMMIT AND CHAIN"};
    const struct slice in_transaction = S("\7\0\0\1\0\0\0\3\0\0\0"); // an OK
    (void)state;
    struct world *world = world_create("", changes);
    struct peer *peer = client_of(world);
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        fake_answer(world->fakes[0], statements[i], in_transaction, FAKE_USUALLY);
    }
    assert_true(reads_from(peer, "db2"));
    peer_query(peer, "BEGIN");
    peer_query(peer, "INSERT INTO t VALUES (1)");
    peer_query(peer, "COMMIT AND CHAIN");
    peer_query(peer, "ROLLBACK");
    assert_true(reads_from(peer, "db1"));
    peer_close(peer);
    world_end(world);
}

// Trap 24. Nobody knows whether it ran, or whether it is still running: the primary answers for
// write_hold, and after that a replica only once it has all that the primary has.
static void after_a_write_whose_answer_was_lost_reads_keep_to_the_primary(void **state)
{
    static const char *const changes[] = {"routing.write_hold = 300ms", NULL};
    (void)state;
    struct world *world = world_create("0-1-10", changes);
    struct peer *peer = client_of(world);
    assert_true(reads_from(peer, "db2"));
    fake_answer(world->fakes[0], "INSERT", S("x"), (struct fake_manner){0, FAKE_RESET, false});
    peer_send_query(peer, "INSERT INTO t VALUES (1)");
    int64_t lost_us = clock_now_us();
    assert_peer_err(peer, 1158, "db1"); // a network read error
    bool is_held = reads_from(peer, "db1");
    assert_true(is_held || clock_now_us() - lost_us >= 300 * CLOCK_MS);
    server_say(world->fakes[0], 0, "0-1-11"); // it did run
    assert_soon(clock_now_us() - lost_us >= 600 * CLOCK_MS);
    for (int i = 0; i < 20; i++) {
        assert_true(reads_from(peer, "db1"));
    }
    server_say(world->fakes[1], 1, "0-1-11");
    assert_soon(reads_from(peer, "db2"));
    peer_close(peer);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_gtids_reads_keep_to_the_primary_for_write_hold),
        cmocka_unit_test(without_gtids_what_was_rolled_back_holds_nothing),
        cmocka_unit_test(without_gtids_a_commit_that_begins_another_transaction_holds),
        cmocka_unit_test(after_a_write_whose_answer_was_lost_reads_keep_to_the_primary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
