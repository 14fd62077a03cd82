// When a server that answers probes is left alone for failing live traffic.
#include "proxy/monitor/trouble.h"

#include "proxy/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct conn_loss unreachable = {.end = CONN_END_CONNECT};
static const struct conn_loss lost = {.end = CONN_END_LOST};

// Probes every half second, each with that trouble before it; the number of the first that shuns.
static int probes_until_shunned(struct trouble *trouble, const struct conn_loss *loss, int most)
{
    for (int i = 1; i <= most; i++) {
        if (loss != NULL) {
            trouble_note(trouble, loss);
        }
        if (trouble_weigh(trouble, true, i * CLOCK_SECOND / 2)) {
            return i;
        }
    }
    return 0;
}

static void a_server_that_nobody_else_reaches_is_shunned(void **state)
{
    struct trouble trouble = {.is_new = false};
    (void)state;
    assert_int_equal(probes_until_shunned(&trouble, &unreachable, 10), 5);
    assert_int_equal(trouble.end, CONN_END_CONNECT);
}

static void afterwards_it_starts_anew(void **state)
{
    struct trouble trouble = {.is_new = false};
    (void)state;
    assert_int_equal(probes_until_shunned(&trouble, &unreachable, 10), 5);
    assert_int_equal(probes_until_shunned(&trouble, &unreachable, 4), 0);
}

static void a_good_while_forgives(void **state)
{
    struct trouble trouble = {.is_new = false};
    (void)state;
    assert_int_equal(probes_until_shunned(&trouble, &unreachable, 4), 0);
    assert_int_equal(probes_until_shunned(&trouble, NULL, 1), 0);
    assert_int_equal(probes_until_shunned(&trouble, &unreachable, 4), 0);
}

// Then the probes speak for themselves.
static void a_server_that_fails_its_probes_is_not_shunned(void **state)
{
    struct trouble trouble = {.is_new = false};
    (void)state;
    assert_int_equal(probes_until_shunned(&trouble, &unreachable, 4), 0);
    trouble_note(&trouble, &unreachable);
    assert_false(trouble_weigh(&trouble, false, 3 * CLOCK_SECOND));
    assert_int_equal(probes_until_shunned(&trouble, &unreachable, 4), 0);
}

static void many_failures_at_one_moment_are_one(void **state)
{
    struct trouble trouble = {.is_new = false};
    (void)state;
    for (int i = 0; i < 1000; i++) {
        trouble_note(&trouble, &unreachable);
    }
    assert_false(trouble_weigh(&trouble, true, CLOCK_SECOND));
    assert_int_equal(trouble.probes, 1);
}

static void probes_in_a_hurry_do_not_shun_in_a_moment(void **state)
{
    struct trouble trouble = {.is_new = false};
    (void)state;
    for (int i = 0; i < 40; i++) { // every 50 ms: 1950 ms from the first to the last
        trouble_note(&trouble, &unreachable);
        assert_false(trouble_weigh(&trouble, true, i * 50 * CLOCK_MS));
    }
    trouble_note(&trouble, &unreachable);
    assert_true(trouble_weigh(&trouble, true, 40 * 50 * CLOCK_MS));
}

static void connections_that_somebody_killed_are_no_trouble(void **state)
{
    struct trouble trouble = {.is_new = false};
    (void)state;
    assert_int_equal(probes_until_shunned(&trouble, &lost, 20), 0);
}

struct news {
    enum conn_end end;
    uint16_t code;
    bool is_news;
};

static void what_we_did_ourselves_is_no_news(void **state)
{
    static const struct news rows[] = {
        {CONN_END_CONNECT, 0, true},     {CONN_END_TIMEOUT, 0, true},
        {CONN_END_LOST, 0, true},        {CONN_END_IDLE, 0, true},
        {CONN_END_PROTOCOL, 0, true},    {CONN_END_NONE, 1290, true},
        {CONN_END_REFUSED, 1040, true},  {CONN_END_REFUSED, 1045, false},
        {CONN_END_REFUSED, 1044, false}, {CONN_END_REFUSED, 1049, false},
        {CONN_END_CLOSED, 0, false},     {CONN_END_DEMOTED, 0, false},
        {CONN_END_OFFLINE, 0, false},    {CONN_END_EXPIRED, 0, false},
        {CONN_END_OUTDATED, 0, false},   {CONN_END_YIELDED, 0, false},
        {CONN_END_ABORTED, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct conn_loss loss = {.end = rows[i].end, .code = rows[i].code};
        assert_int_equal(trouble_is_news(&loss), rows[i].is_news);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_nobody_else_reaches_is_shunned),
        cmocka_unit_test(afterwards_it_starts_anew),
        cmocka_unit_test(a_good_while_forgives),
        cmocka_unit_test(a_server_that_fails_its_probes_is_not_shunned),
        cmocka_unit_test(many_failures_at_one_moment_are_one),
        cmocka_unit_test(probes_in_a_hurry_do_not_shun_in_a_moment),
        cmocka_unit_test(connections_that_somebody_killed_are_no_trouble),
        cmocka_unit_test(what_we_did_ourselves_is_no_news),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
