// Which of several servers gets the next statement: shares over many draws.
#include "router/topology/balance.h"

#include "proxy/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { DRAWS = 30000 };

// A server that runs so many statements and has room for more.
#define BUSY(runs, latency)                                                                        \
    {                                                                                              \
        .used = (runs), .latency_us = (latency)                                                    \
    }

static struct topology *servers_make(const uint32_t *weights, int count)
{
    struct topology *topology = topology_create(count);
    for (int i = 0; i < count; i++) {
        topology->servers[i].weight = weights[i];
    }
    random_seed(7);
    return topology;
}

// How many of DRAWS go where.
static void draw(enum conf_balance kind, const struct topology *topology, uint64_t set,
                 const struct server_load *loads, int hits[TOPOLOGY_SERVERS_MAX])
{
    struct balancer balancer = {{0}};
    memset(hits, 0, TOPOLOGY_SERVERS_MAX * sizeof(*hits));
    for (int i = 0; i < DRAWS; i++) {
        int server = balance_choose(kind, topology, set, loads, &balancer);
        assert_true(server_set_has(set, server));
        hits[server]++;
    }
}

static void assert_share(int hits, double share)
{
    double error = (double)hits / DRAWS - share;
    if (error < -0.015 || error > 0.015) {
        fail_msg("%d of %d draws, %.3f expected", hits, DRAWS, share);
    }
}

static const enum conf_balance kinds[] = {CONF_BALANCE_P2C, CONF_BALANCE_ROUND_ROBIN,
                                          CONF_BALANCE_LEAST_CONNECTIONS};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static void nobody_is_chosen_of_nobody(void **state)
{
    (void)state;
    struct balancer balancer = {{0}};
    struct topology *topology = servers_make((const uint32_t[]){1, 1}, 2);
    for (int k = 0; k < KINDS; k++) {
        assert_int_equal(balance_choose(kinds[k], topology, 0, NULL, &balancer), -1);
    }
    topology_unref(topology);
}

static void idle_servers_share_by_weight(void **state)
{
    (void)state;
    int hits[TOPOLOGY_SERVERS_MAX];
    struct topology *topology = servers_make((const uint32_t[]){100, 300, 100, 999}, 4);
    const struct server_load idle[4] = {BUSY(0, 500), BUSY(0, 500), BUSY(0, 500), BUSY(0, 1)};
    for (int k = 0; k < KINDS; k++) {
        draw(kinds[k], topology, 0x7, k == 0 ? idle : NULL, hits);
        assert_share(hits[0], 0.2);
        assert_share(hits[1], 0.6);
        assert_share(hits[2], 0.2);
    }
    topology_unref(topology);
}

static void weight_zero_is_for_want_of_others(void **state)
{
    (void)state;
    int hits[TOPOLOGY_SERVERS_MAX];
    struct topology *topology = servers_make((const uint32_t[]){0, 1, 0}, 3);
    for (int k = 0; k < KINDS; k++) {
        draw(kinds[k], topology, 0x7, NULL, hits);
        assert_int_equal(hits[1], DRAWS);
        draw(kinds[k], topology, 0x5, NULL, hits);
        assert_share(hits[0], 0.5);
        assert_share(hits[2], 0.5);
    }
    topology_unref(topology);
}

static void the_last_server_of_the_most_can_be_chosen(void **state)
{
    (void)state;
    struct balancer balancer = {{0}};
    struct topology *topology = topology_create(TOPOLOGY_SERVERS_MAX);
    topology->servers[TOPOLOGY_SERVERS_MAX - 1].weight = 1;
    for (int k = 0; k < KINDS; k++) {
        assert_int_equal(balance_choose(kinds[k], topology, UINT64_MAX, NULL, &balancer),
                         TOPOLOGY_SERVERS_MAX - 1);
    }
    topology_unref(topology);
}

// --- p2c

static void p2c_prefers_the_less_loaded_of_two(void **state)
{
    (void)state;
    int hits[TOPOLOGY_SERVERS_MAX];
    struct topology *topology = servers_make((const uint32_t[]){100, 100, 100}, 3);
    const struct server_load loads[3] = {BUSY(10, 500), BUSY(20, 500), BUSY(30, 500)};
    // of nine pairs: five have the first, three the second without it, one is the third twice
    draw(CONF_BALANCE_P2C, topology, 0x7, loads, hits);
    assert_share(hits[0], 5.0 / 9);
    assert_share(hits[1], 3.0 / 9);
    assert_share(hits[2], 1.0 / 9);
    topology_unref(topology);
}

static void p2c_prefers_the_faster_of_two(void **state)
{
    (void)state;
    int hits[TOPOLOGY_SERVERS_MAX];
    struct topology *topology = servers_make((const uint32_t[]){100, 100}, 2);
    const struct server_load loads[2] = {BUSY(5, 2000), BUSY(5, 500)};
    draw(CONF_BALANCE_P2C, topology, 0x3, loads, hits);
    assert_share(hits[0], 0.25);
    topology_unref(topology);
}

static void p2c_does_not_follow_noise(void **state)
{
    (void)state;
    int hits[TOPOLOGY_SERVERS_MAX];
    struct topology *topology = servers_make((const uint32_t[]){100, 100}, 2);
    const struct server_load loads[2] = {BUSY(0, 520), BUSY(0, 500)};
    draw(CONF_BALANCE_P2C, topology, 0x3, loads, hits);
    assert_share(hits[0], 0.5);
    topology_unref(topology);
}

static void p2c_takes_the_probes_latency_where_there_was_no_traffic(void **state)
{
    (void)state;
    int hits[TOPOLOGY_SERVERS_MAX];
    struct topology *topology = servers_make((const uint32_t[]){100, 100}, 2);
    const struct server_load loads[2] = {BUSY(0, 0), BUSY(0, 500)};
    topology->servers[0].latency_us = 5000;
    draw(CONF_BALANCE_P2C, topology, 0x3, loads, hits);
    assert_share(hits[0], 0.25);
    topology_unref(topology);
}

// A server takes statements and ends them at its own pace: in the long run work goes by weight.
static void p2c_under_load_keeps_queues_by_weight(void **state)
{
    (void)state;
    struct balancer balancer = {{0}};
    struct topology *topology = servers_make((const uint32_t[]){100, 300}, 2);
    struct server_load loads[2] = {BUSY(0, 500), BUSY(0, 500)};
    uint64_t sums[2] = {0, 0};
    for (int i = 0; i < DRAWS; i++) {
        loads[balance_choose(CONF_BALANCE_P2C, topology, 0x3, loads, &balancer)].used++;
        if (loads[0].used + loads[1].used > 40) { // one of all those that run ends
            int ends = random_below(loads[0].used + loads[1].used) < loads[0].used ? 0 : 1;
            loads[ends].used--;
        }
        sums[0] += loads[0].used;
        sums[1] += loads[1].used;
    }
    double share = (double)sums[1] / (double)(sums[0] + sums[1]);
    assert_true(share > 0.70 && share < 0.80);
    topology_unref(topology);
}

static void p2c_leaves_nothing_to_chance_where_statements_wait(void **state)
{
    (void)state;
    int hits[TOPOLOGY_SERVERS_MAX];
    struct topology *topology = servers_make((const uint32_t[]){100, 100, 100}, 3);
    const struct server_load loads[3] = {{4, 500, 20, 300}, {4, 500, 20, 300}, {4, 500, 2, 300}};
    draw(CONF_BALANCE_P2C, topology, 0x7, loads, hits);
    assert_int_equal(hits[2], DRAWS);
    const struct server_load equals[3] = {{4, 500, 20, 300}, {4, 480, 21, 300}, {4, 520, 20, 300}};
    draw(CONF_BALANCE_P2C, topology, 0x7, equals, hits);
    for (int i = 0; i < 3; i++) {
        assert_share(hits[i], 1.0 / 3);
    }
    topology_unref(topology);
}

static void p2c_sends_nothing_behind_a_server_that_is_stuck(void **state)
{
    (void)state;
    int hits[TOPOLOGY_SERVERS_MAX];
    struct topology *topology = servers_make((const uint32_t[]){100, 100}, 2);
    const struct server_load loads[2] = {{4, 500, 1, 1000000}, {4, 500, 60, 300}};
    draw(CONF_BALANCE_P2C, topology, 0x3, loads, hits);
    assert_int_equal(hits[1], DRAWS);
    const struct server_load roomy[2] = {{4, 500, 1, UINT32_MAX}, {20, 500, 0, 0}};
    draw(CONF_BALANCE_P2C, topology, 0x3, roomy, hits);
    assert_int_equal(hits[1], DRAWS);
    topology_unref(topology);
}

static void p2c_spreads_what_would_wait_by_weight(void **state)
{
    (void)state;
    int hits[TOPOLOGY_SERVERS_MAX];
    struct topology *topology = servers_make((const uint32_t[]){100, 100, 100, 100}, 4);
    const struct server_load loads[4] = {
        {4, 500, 20, 90000}, {1, 500, 0, 0}, {1, 510, 0, 0}, {1, 490, 0, 0}};
    draw(CONF_BALANCE_P2C, topology, 0xe, loads, hits);
    assert_share(hits[1], 1.0 / 3);
    draw(CONF_BALANCE_P2C, topology, 0xf, loads, hits);
    assert_int_equal(hits[0], 0);
    for (int i = 1; i < 4; i++) {
        assert_share(hits[i], 1.0 / 3);
    }
    topology_unref(topology);
}

static void p2c_keeps_the_weights_where_statements_wait(void **state)
{
    (void)state;
    int hits[TOPOLOGY_SERVERS_MAX];
    struct topology *topology = servers_make((const uint32_t[]){1, 99}, 2);
    const struct server_load loads[2] = {{0, 500, 0, 0}, {4, 500, 40, 300}};
    draw(CONF_BALANCE_P2C, topology, 0x3, loads, hits);
    assert_share(hits[0], 0.01);
    topology_unref(topology);
}

// --- round robin

static void round_robin_is_smooth(void **state)
{
    (void)state;
    struct balancer balancer = {{0}};
    struct topology *topology = servers_make((const uint32_t[]){5, 1, 1}, 3);
    const int expected[] = {0, 0, 1, 0, 2, 0, 0};
    for (int i = 0; i < 21; i++) {
        assert_int_equal(balance_choose(CONF_BALANCE_ROUND_ROBIN, topology, 0x7, NULL, &balancer),
                         expected[i % 7]);
    }
    topology_unref(topology);
}

static void round_robin_goes_on_when_a_server_leaves_and_returns(void **state)
{
    (void)state;
    struct balancer balancer = {{0}};
    int hits[3] = {0, 0, 0};
    struct topology *topology = servers_make((const uint32_t[]){1, 1, 1}, 3);
    for (int i = 0; i < 3000; i++) {
        uint64_t set = i >= 1000 && i < 2000 ? 0x5 : 0x7;
        hits[balance_choose(CONF_BALANCE_ROUND_ROBIN, topology, set, NULL, &balancer)]++;
    }
    assert_in_range(hits[0], 1165, 1169);
    assert_in_range(hits[1], 665, 669);
    assert_in_range(hits[2], 1165, 1169);
    topology_unref(topology);
}

// --- least connections

static void least_connections_go_by_weight(void **state)
{
    (void)state;
    int hits[TOPOLOGY_SERVERS_MAX];
    struct topology *topology = servers_make((const uint32_t[]){100, 300, 100}, 3);
    const struct server_load loads[3] = {BUSY(2, 1), BUSY(5, 9000), BUSY(2, 1)};
    draw(CONF_BALANCE_LEAST_CONNECTIONS, topology, 0x7, loads, hits);
    assert_int_equal(hits[1], DRAWS); // 5/300 is less than 2/100
    const struct server_load equal[3] = {BUSY(2, 1), BUSY(6, 9000), BUSY(2, 1)};
    draw(CONF_BALANCE_LEAST_CONNECTIONS, topology, 0x5, equal, hits);
    assert_share(hits[0], 0.5);
    draw(CONF_BALANCE_LEAST_CONNECTIONS, topology, 0x7, equal, hits);
    assert_share(hits[1], 0.6);
    const struct server_load waiting[3] = {{4, 1, 9, 1}, {4, 1, 9, 1}, {4, 1, 0, 0}};
    draw(CONF_BALANCE_LEAST_CONNECTIONS, topology, 0x5, waiting, hits);
    assert_int_equal(hits[2], DRAWS);
    topology_unref(topology);
}

static void loads_of_any_size_are_compared(void **state)
{
    (void)state;
    int hits[TOPOLOGY_SERVERS_MAX];
    struct topology *topology = servers_make((const uint32_t[]){1000000, 1}, 2);
    const struct server_load loads[2] = {BUSY(UINT32_MAX, UINT32_MAX),
                                         BUSY(UINT32_MAX, UINT32_MAX)};
    draw(CONF_BALANCE_LEAST_CONNECTIONS, topology, 0x3, loads, hits);
    assert_int_equal(hits[0], DRAWS);
    draw(CONF_BALANCE_P2C, topology, 0x3, loads, hits);
    assert_true(hits[0] > DRAWS - 10);
    topology_unref(topology);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_chosen_of_nobody),
        cmocka_unit_test(idle_servers_share_by_weight),
        cmocka_unit_test(weight_zero_is_for_want_of_others),
        cmocka_unit_test(the_last_server_of_the_most_can_be_chosen),
        cmocka_unit_test(p2c_prefers_the_less_loaded_of_two),
        cmocka_unit_test(p2c_prefers_the_faster_of_two),
        cmocka_unit_test(p2c_does_not_follow_noise),
        cmocka_unit_test(p2c_takes_the_probes_latency_where_there_was_no_traffic),
        cmocka_unit_test(p2c_under_load_keeps_queues_by_weight),
        cmocka_unit_test(p2c_leaves_nothing_to_chance_where_statements_wait),
        cmocka_unit_test(p2c_sends_nothing_behind_a_server_that_is_stuck),
        cmocka_unit_test(p2c_spreads_what_would_wait_by_weight),
        cmocka_unit_test(p2c_keeps_the_weights_where_statements_wait),
        cmocka_unit_test(round_robin_is_smooth),
        cmocka_unit_test(round_robin_goes_on_when_a_server_leaves_and_returns),
        cmocka_unit_test(least_connections_go_by_weight),
        cmocka_unit_test(loads_of_any_size_are_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
