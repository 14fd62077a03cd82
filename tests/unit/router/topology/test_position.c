// What a session has written against what servers are known to have.
#include "router/topology/position.h"

#include "proxy/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define A "3e11fa47-71ca-11e1-9e33-c80aa9429562"
#define B "4f11fa47-71ca-11e1-9e33-c80aa9429562"

enum { SERVERS = 3, PRIMARY = 1 << 0, DB2 = 1 << 1, DB3 = 1 << 2, REPLICAS = DB2 | DB3 };

struct scene {
    struct positions positions;
    struct position position;
    const struct topology *topology;
    enum server_family family;
    int64_t now_us;
};

static struct scene scene_of(enum server_family family)
{
    return (struct scene){.family = family, .now_us = CLOCK_SECOND};
}

static void scene_release(struct scene *scene)
{
    positions_release(&scene->positions);
    topology_unref(scene->topology);
}

static void clock_go(struct scene *scene)
{
    scene->now_us += 10 * CLOCK_MS;
}

// A probe of all of them, a moment later: what each has. `primary` is an index, or -1.
static void probe_with(struct scene *scene, int primary, const char *const gtids[SERVERS])
{
    static const char *const names[SERVERS] = {"db1", "db2", "db3"};
    struct topology *next = topology_create(SERVERS);
    clock_go(scene);
    for (int i = 0; i < SERVERS; i++) {
        struct server *server = &next->servers[i];
        server->name = slice_text(names[i]);
        server->family = scene->family;
        server->version_number = 110803;
        server->role = i == primary ? ROLE_PRIMARY : ROLE_REPLICA;
        server->state = SERVER_UP;
        server->lag_us = i == primary ? -1 : 0;
        server->gtid_us = scene->now_us;
        assert_true(gtid_set_parse(&server->gtid, scene->family, slice_text(gtids[i])));
    }
    next->primary = primary;
    positions_follow(&scene->positions, next);
    topology_unref(scene->topology);
    scene->topology = next;
    clock_go(scene);
}

static void probe(struct scene *scene, const char *db1, const char *db2, const char *db3)
{
    const char *const gtids[SERVERS] = {db1, db2, db3};
    probe_with(scene, 0, gtids);
}

static void wrote(struct scene *scene, const char *gtid)
{
    clock_go(scene);
    assert_true(positions_note(&scene->positions, &scene->position, scene->family, slice_text(gtid),
                               scene->now_us));
    clock_go(scene);
}

static uint64_t having(const struct scene *scene)
{
    return positions_having(&scene->positions, &scene->position, REPLICAS, scene->now_us);
}

static uint64_t hopeful(const struct scene *scene)
{
    return positions_hopeful(&scene->positions, &scene->position, REPLICAS, 50 * CLOCK_MS,
                             scene->now_us);
}

// What the wait on that server says; "" where there is nothing to wait for.
static const char *wait_text(const struct scene *scene, int server, struct position *waited)
{
    static char text[512];
    struct buffer sql = BUFFER_INIT;
    bool waits = positions_wait_write(&scene->positions, &scene->position, server, 50 * CLOCK_MS,
                                      waited, &sql);
    buffer_append(&sql, "", 1);
    snprintf(text, sizeof(text), "%s", waits ? (const char *)buffer_ptr(&sql) : "");
    buffer_release(&sql);
    return text;
}

static void waited_for(struct scene *scene, int server)
{
    struct position waited;
    assert_string_not_equal(wait_text(scene, server, &waited), "");
    positions_reached(&scene->positions, &waited, server);
}

// --- who has it

static void a_session_that_wrote_nothing_may_read_anywhere(void **state)
{
    (void)state;
    struct scene scene = scene_of(FAMILY_MARIADB);
    probe(&scene, "0-1-10", "0-1-9", "");
    assert_true(position_is_empty(&scene.position));
    assert_int_equal(having(&scene), REPLICAS);
    scene_release(&scene);
}

static void a_probe_says_who_has_it(void **state)
{
    (void)state;
    struct scene scene = scene_of(FAMILY_MARIADB);
    probe(&scene, "0-1-10", "0-1-10", "0-1-10");
    wrote(&scene, "0-1-11");
    assert_int_equal(having(&scene), 0);
    assert_int_equal(hopeful(&scene), REPLICAS);
    probe(&scene, "0-1-12", "0-1-11", "0-1-10");
    assert_int_equal(having(&scene), DB2);
    probe(&scene, "0-1-12", "0-1-12", "0-1-12");
    assert_int_equal(having(&scene), REPLICAS);
    scene_release(&scene);
}

static void a_wait_that_ended_well_says_it_to_every_session(void **state)
{
    (void)state;
    struct scene scene = scene_of(FAMILY_MYSQL);
    probe(&scene, A ":1-10", A ":1-10", A ":1-9");
    wrote(&scene, A ":12");
    assert_int_equal(having(&scene), 0);
    waited_for(&scene, 2);
    assert_int_equal(having(&scene), DB3);
    struct position waited;
    assert_string_equal(wait_text(&scene, 2, &waited), "");

    scene.position = (struct position){.count = 0}; // another session, which wrote before
    wrote(&scene, A ":11");
    assert_int_equal(having(&scene), DB3);
    probe(&scene, A ":1-12", A ":1-12", A ":1-11"); // older than the wait
    assert_int_equal(having(&scene), REPLICAS);
    wrote(&scene, A ":12");
    assert_int_equal(having(&scene), REPLICAS);
    scene_release(&scene);
}

static void the_wait_names_what_is_missing(void **state)
{
    (void)state;
    struct position waited;
    struct scene scene = scene_of(FAMILY_MYSQL);
    probe(&scene, A ":1-10," B ":1-5", A ":1-10," B ":1-5", A ":1-7," B ":1-5");
    wrote(&scene, A ":12");
    assert_string_equal(wait_text(&scene, 1, &waited),
                        "SELECT WAIT_FOR_EXECUTED_GTID_SET(_latin1'" A ":11-12',0.050000) LIMIT 1");
    assert_string_equal(wait_text(&scene, 2, &waited),
                        "SELECT WAIT_FOR_EXECUTED_GTID_SET(_latin1'" A ":8-12',0.050000) LIMIT 1");
    wrote(&scene, A ":blue:1");
    assert_string_equal(wait_text(&scene, 1, &waited),
                        "SELECT WAIT_FOR_EXECUTED_GTID_SET(_latin1'" A ":11-12," A
                        ":blue:1',0.050000) LIMIT 1");
    scene_release(&scene);

    scene = scene_of(FAMILY_MARIADB);
    probe(&scene, "0-1-10", "0-1-10", "");
    wrote(&scene, "0-1-12");
    assert_string_equal(wait_text(&scene, 2, &waited),
                        "SELECT MASTER_GTID_WAIT(_latin1'0-1-12',0.050000) LIMIT 1");
    wrote(&scene, "5-1-1");
    assert_string_equal(wait_text(&scene, 1, &waited),
                        "SELECT MASTER_GTID_WAIT(_latin1'0-1-12,5-1-1',0.050000) LIMIT 1");
    scene_release(&scene);
}

static void an_older_mysql_is_given_whole_seconds(void **state)
{
    (void)state;
    struct position waited;
    struct scene scene = scene_of(FAMILY_MYSQL);
    probe(&scene, A ":1-10", A ":1-10", A ":1-10");
    wrote(&scene, A ":11");
    ((struct topology *)scene.topology)->servers[1].version_number = 50744;
    assert_string_equal(wait_text(&scene, 1, &waited),
                        "SELECT WAIT_FOR_EXECUTED_GTID_SET(_latin1'" A ":11',1) LIMIT 1");
    scene_release(&scene);
}

// --- histories

static void what_a_failover_lost_is_not_waited_for(void **state)
{
    (void)state;
    static const char *const promoted[] = {"0-1-12", "0-1-11", "0-1-11"};
    static const char *const gone_on[] = {"0-1-12", "0-2-12", "0-2-12"};
    struct scene scene = scene_of(FAMILY_MARIADB);
    probe(&scene, "0-1-10", "0-1-10", "0-1-10");
    wrote(&scene, "0-1-12");
    probe_with(&scene, -1, promoted); // nobody is the primary: it may still turn out to be there
    assert_int_equal(having(&scene), 0);
    probe_with(&scene, 1, promoted);
    assert_int_equal(having(&scene), REPLICAS);
    probe_with(&scene, 1, gone_on); // 0-2-12 is not 0-1-12
    assert_int_equal(having(&scene), REPLICAS);
    wrote(&scene, "0-2-13"); // what it writes now is in the new history
    assert_int_equal(having(&scene), 0);
    assert_int_equal(scene.position.count, 1);
    scene_release(&scene);

    static const char *const before[] = {A ":1-12", A ":1-11", A ":1-11"};
    static const char *const after[] = {A ":1-12", A ":1-11," B ":1-3", A ":1-11," B ":1-2"};
    scene = scene_of(FAMILY_MYSQL);
    probe(&scene, A ":1-10", A ":1-10", A ":1-10");
    wrote(&scene, A ":12");
    probe_with(&scene, -1, before);
    assert_int_equal(having(&scene), 0);
    probe_with(&scene, 1, after);
    assert_int_equal(having(&scene), REPLICAS);
    wrote(&scene, B ":4");
    assert_int_equal(having(&scene), 0);
    scene_release(&scene);
}

static void a_probe_from_before_the_write_loses_nothing(void **state)
{
    (void)state;
    struct scene scene = scene_of(FAMILY_MARIADB);
    probe(&scene, "0-1-10", "0-1-10", "0-1-10");
    wrote(&scene, "0-1-11");
    scene.position.since_us += CLOCK_SECOND; // the answer came late; the next probe was on its way
    probe(&scene, "0-1-10", "0-1-10", "0-1-10");
    assert_int_equal(having(&scene), 0);
    scene_release(&scene);
}

static void a_server_with_another_history_is_known_anew(void **state)
{
    (void)state;
    struct scene scene = scene_of(FAMILY_MYSQL);
    probe(&scene, A ":1-10", A ":1-10", A ":1-10");
    wrote(&scene, A ":11");
    probe(&scene, A ":1-11", A ":1-11", A ":1-11");
    assert_int_equal(having(&scene), REPLICAS);
    probe(&scene, A ":1-11", A ":1-5", A ":1-11"); // restored from a backup
    assert_int_equal(having(&scene), DB3);
    scene_release(&scene);
}

static void numbers_that_were_never_given_out_are_no_gap(void **state)
{
    (void)state;
    struct scene scene = scene_of(FAMILY_MYSQL);
    probe(&scene, A ":1-5:8-10", A ":1-5:8-10", A ":1-5:8-10");
    wrote(&scene, A ":11");
    probe(&scene, A ":1-5:8-11", A ":1-5:8-11", A ":1-5:8-10");
    assert_int_equal(having(&scene), DB2);
    scene_release(&scene);
}

// Somebody committed with GTID_NEXT = 'A:100': MySQL gives out what is below it all the same.
static void a_number_given_out_of_turn_does_not_hide_those_below(void **state)
{
    (void)state;
    struct scene scene = scene_of(FAMILY_MYSQL);
    struct position waited;
    probe(&scene, A ":1-10", A ":1-10", A ":1-10");
    wrote(&scene, A ":10");
    probe(&scene, A ":1-10:100", A ":1-10:100", A ":1-10:100");
    probe(&scene, A ":1-10:100", A ":1-10:100", A ":1-10:100");
    assert_int_equal(having(&scene), REPLICAS);
    wrote(&scene, A ":11");
    assert_int_equal(having(&scene), 0);
    assert_string_equal(wait_text(&scene, 1, &waited),
                        "SELECT WAIT_FOR_EXECUTED_GTID_SET(_latin1'" A ":11',0.050000) LIMIT 1");
    waited_for(&scene, 1);
    assert_int_equal(having(&scene), DB2);
    probe(&scene, A ":1-10:100", A ":1-11:100", A ":1-10:100"); // the primary before the write
    assert_int_equal(having(&scene), DB2);
    probe(&scene, A ":1-10:100", A ":1-11:100", A ":1-10:100");
    assert_int_equal(having(&scene), DB2);
    probe(&scene, A ":1-11:100", A ":1-11:100", A ":1-10:100");
    assert_int_equal(having(&scene), DB2);
    probe(&scene, A ":1-12:100", A ":1-12:100", A ":1-11:100"); // 12: by another
    assert_int_equal(having(&scene), REPLICAS);
    wrote(&scene, A ":14");
    wrote(&scene, A ":13");
    wrote(&scene, A ":14");
    assert_int_equal(having(&scene), 0);
    probe(&scene, A ":1-12:100", A ":1-14:100", A ":1-13:100");
    probe(&scene, A ":1-12:100", A ":1-14:100", A ":1-13:100");
    assert_int_equal(having(&scene), DB2);
    scene_release(&scene);
}

// What it learns of only by the probe: the answer to the write comes after it.
static void a_gap_that_the_primary_fills_is_one_of_the_replicas(void **state)
{
    (void)state;
    static const char *const nobody[] = {A ":1-11:100", A ":1-10:100", A ":1-10:100"};
    struct scene scene = scene_of(FAMILY_MYSQL);
    probe(&scene, A ":1-10:100", A ":1-10:100", A ":1-10:100");
    wrote(&scene, A ":10");
    probe(&scene, A ":1-10:100", A ":1-10:100", A ":1-10:100");
    probe(&scene, A ":1-11:100", A ":1-10:100", A ":1-11:100");
    wrote(&scene, A ":11");
    assert_int_equal(having(&scene), DB3);
    scene_release(&scene);

    // and where nobody was the primary in between
    scene = scene_of(FAMILY_MYSQL);
    probe(&scene, A ":1-10:100", A ":1-10:100", A ":1-10:100");
    wrote(&scene, A ":10");
    probe(&scene, A ":1-10:100", A ":1-10:100", A ":1-10:100");
    probe_with(&scene, -1, nobody);
    probe(&scene, A ":1-11:100", A ":1-10:100", A ":1-10:100");
    wrote(&scene, A ":11");
    assert_int_equal(having(&scene), 0);
    scene_release(&scene);
}

// The primary shows 13 before 12: that one is just being committed, and a replica that lacks it may
// not be taken for one that has all.
static void a_number_that_is_still_being_committed_is_a_gap(void **state)
{
    (void)state;
    struct scene scene = scene_of(FAMILY_MYSQL);
    probe(&scene, A ":1-10", A ":1-10", A ":1-10");
    wrote(&scene, A ":11");
    probe(&scene, A ":1-11:13", A ":1-11:13", A ":1-11:13");
    wrote(&scene, A ":12");
    assert_int_equal(having(&scene), 0);
    probe(&scene, A ":1-13", A ":1-13", A ":1-11:13");
    assert_int_equal(having(&scene), DB2);
    scene_release(&scene);
}

// A replica with parallel appliers that keep no order has 13, and 12 is on its way.
static void what_is_applied_out_of_order_counts_up_to_the_gap(void **state)
{
    (void)state;
    struct scene scene = scene_of(FAMILY_MYSQL);
    probe(&scene, A ":1-10", A ":1-10", A ":1-10");
    wrote(&scene, A ":12");
    probe(&scene, A ":1-13", A ":1-11:13", A ":1-12");
    assert_int_equal(having(&scene), DB3);
    wrote(&scene, A ":13");
    assert_int_equal(having(&scene), 0);
    scene_release(&scene);
}

// --- without ids

static void an_unknown_write_is_over_once_a_replica_has_all_of_a_later_primary(void **state)
{
    (void)state;
    struct scene scene = scene_of(FAMILY_MARIADB);
    probe(&scene, "0-1-10", "0-1-10", "0-1-10");
    position_note_unknown(&scene.position, scene.now_us);
    clock_go(&scene);
    assert_false(positions_is_held(&scene.position, scene.now_us));
    assert_int_equal(having(&scene), 0);
    assert_int_equal(hopeful(&scene), 0); // there is nothing to wait for
    probe(&scene, "0-1-11", "0-1-11", "0-1-10");
    assert_int_equal(having(&scene), DB2);
    probe(&scene, "0-1-12", "0-1-11", "0-1-11"); // all that the primary had at the probe before
    assert_int_equal(having(&scene), REPLICAS);
    scene_release(&scene);
}

static void without_gtids_the_time_alone_counts(void **state)
{
    (void)state;
    struct scene scene = scene_of(FAMILY_MYSQL);
    probe(&scene, "", "", "");
    position_note_unknown(&scene.position, scene.now_us + 2 * CLOCK_SECOND);
    position_note_unknown(&scene.position, scene.now_us + CLOCK_SECOND); // the later one counts
    assert_true(positions_is_held(&scene.position, scene.now_us));
    assert_int_equal(having(&scene), 0);
    scene.now_us += 2 * CLOCK_SECOND;
    assert_false(positions_is_held(&scene.position, scene.now_us));
    assert_int_equal(having(&scene), REPLICAS);
    scene_release(&scene);
}

static void what_cannot_be_kept_is_said(void **state)
{
    (void)state;
    struct scene scene = scene_of(FAMILY_MARIADB);
    probe(&scene, "0-1-10", "0-1-10", "0-1-10");
    assert_false(positions_note(&scene.positions, &scene.position, FAMILY_MARIADB, S("nonsense"),
                                scene.now_us));
    assert_true(
        positions_note(&scene.positions, &scene.position, FAMILY_MARIADB, S(""), scene.now_us));
    assert_true(position_is_empty(&scene.position));
    assert_true(positions_note(&scene.positions, &scene.position, FAMILY_MARIADB,
                               S("1-1-1,2-1-1,3-1-1,4-1-1"), scene.now_us));
    assert_false(positions_note(&scene.positions, &scene.position, FAMILY_MARIADB, S("5-1-1"),
                                scene.now_us));
    for (unsigned domain = 6; domain < 6 + POSITION_LINES_MAX; domain++) {
        char text[32];
        struct position other = {.count = 0};
        snprintf(text, sizeof(text), "%u-1-1", domain);
        bool is_kept = positions_note(&scene.positions, &other, FAMILY_MARIADB, slice_text(text),
                                      scene.now_us);
        assert_int_equal(is_kept, domain < 1 + POSITION_LINES_MAX);
    }
    scene_release(&scene);
}

// --- whom to wait for

static void nobody_waits_for_a_replica_that_is_further_behind_than_the_wait(void **state)
{
    (void)state;
    struct scene scene = scene_of(FAMILY_MARIADB);
    probe(&scene, "0-1-10", "0-1-10", "0-1-10");
    struct server *servers = ((struct topology *)scene.topology)->servers;
    wrote(&scene, "0-1-11");
    servers[1].lag_us = 51 * CLOCK_MS;
    assert_int_equal(hopeful(&scene), DB3);
    servers[2].lag_us = -1; // not known
    assert_int_equal(hopeful(&scene), 0);
    servers[1].lag_us = 50 * CLOCK_MS;
    assert_int_equal(hopeful(&scene), DB2);
    assert_int_equal(
        positions_hopeful(&scene.positions, &scene.position, REPLICAS, 0, scene.now_us), 0);
    scene_release(&scene);
}

static void waits_in_vain_are_tried_more_and_more_rarely(void **state)
{
    (void)state;
    struct scene scene = scene_of(FAMILY_MARIADB);
    probe(&scene, "0-1-10", "0-1-10", "0-1-10");
    wrote(&scene, "0-1-11");
    int64_t rest_before_us = 0;
    for (int i = 0; i < 5; i++) {
        positions_missed(&scene.positions, 1, scene.now_us);
        assert_int_equal(hopeful(&scene), DB3);
        int64_t rest_us = scene.positions.rest_us[1] - scene.now_us;
        assert_true(rest_us >= 2 * rest_before_us);
        rest_before_us = rest_us;
        scene.now_us += rest_us;
        assert_int_equal(hopeful(&scene), REPLICAS);
    }
    for (int i = 0; i < 300; i++) {
        positions_missed(&scene.positions, 1, scene.now_us);
    }
    assert_true(scene.positions.rest_us[1] - scene.now_us <= 60 * CLOCK_SECOND);
    assert_int_equal(hopeful(&scene), DB3);
    probe(&scene, "0-1-11", "0-1-10", "0-1-11"); // it has what the primary had at the last probe
    assert_int_equal(hopeful(&scene) & DB2, DB2);
    scene_release(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_that_wrote_nothing_may_read_anywhere),
        cmocka_unit_test(a_probe_says_who_has_it),
        cmocka_unit_test(a_wait_that_ended_well_says_it_to_every_session),
        cmocka_unit_test(the_wait_names_what_is_missing),
        cmocka_unit_test(an_older_mysql_is_given_whole_seconds),
        cmocka_unit_test(what_a_failover_lost_is_not_waited_for),
        cmocka_unit_test(a_probe_from_before_the_write_loses_nothing),
        cmocka_unit_test(a_server_with_another_history_is_known_anew),
        cmocka_unit_test(numbers_that_were_never_given_out_are_no_gap),
        cmocka_unit_test(a_number_given_out_of_turn_does_not_hide_those_below),
        cmocka_unit_test(a_gap_that_the_primary_fills_is_one_of_the_replicas),
        cmocka_unit_test(a_number_that_is_still_being_committed_is_a_gap),
        cmocka_unit_test(what_is_applied_out_of_order_counts_up_to_the_gap),
        cmocka_unit_test(an_unknown_write_is_over_once_a_replica_has_all_of_a_later_primary),
        cmocka_unit_test(without_gtids_the_time_alone_counts),
        cmocka_unit_test(what_cannot_be_kept_is_said),
        cmocka_unit_test(nobody_waits_for_a_replica_that_is_further_behind_than_the_wait),
        cmocka_unit_test(waits_in_vain_are_tried_more_and_more_rarely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
