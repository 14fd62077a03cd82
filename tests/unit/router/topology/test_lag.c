// Lag measured by GTIDs.
#include "router/topology/lag.h"

#include "proxy/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define A          "3e11fa47-71ca-11e1-9e33-c80aa9429562"
#define B          "4f11fa47-71ca-11e1-9e33-c80aa9429562"
#define SECONDS(n) ((int64_t)(n)*CLOCK_SECOND)

static struct gtid_set position(uint64_t number)
{
    char text[64];
    struct gtid_set set = GTID_SET_INIT;
    snprintf(text, sizeof(text), "0-1-%llu", (unsigned long long)number);
    assert_true(gtid_set_parse(&set, FAMILY_MARIADB, slice_text(text)));
    return set;
}

static void note(struct lag_history *history, uint64_t number, int64_t at_us)
{
    struct gtid_set set = position(number);
    lag_history_note(history, &set, at_us);
    gtid_set_release(&set);
}

static int64_t measure(const struct lag_history *history, uint64_t number, int64_t now_us)
{
    struct gtid_set set = position(number);
    int64_t lag_us = lag_history_measure(history, &set, now_us);
    gtid_set_release(&set);
    return lag_us;
}

static void a_replica_is_behind_since_the_first_that_it_lacks(void **state)
{
    (void)state;
    struct lag_history history = LAG_HISTORY_INIT;
    note(&history, 10, SECONDS(1));
    note(&history, 20, SECONDS(2));
    note(&history, 30, SECONDS(3));
    assert_int_equal(measure(&history, 30, SECONDS(9)), 0);
    assert_int_equal(measure(&history, 31, SECONDS(9)), 0);
    assert_int_equal(measure(&history, 29, SECONDS(9)), SECONDS(6));
    assert_int_equal(measure(&history, 20, SECONDS(9)), SECONDS(6));
    assert_int_equal(measure(&history, 19, SECONDS(9)), SECONDS(7));
    assert_int_equal(measure(&history, 10, SECONDS(9)), SECONDS(7));
    lag_history_release(&history);
}

static void a_replica_that_has_none_of_it_cannot_be_judged(void **state)
{
    (void)state;
    struct lag_history history = LAG_HISTORY_INIT;
    struct gtid_set none = GTID_SET_INIT;
    assert_int_equal(measure(&history, 5, SECONDS(1)), -1);
    note(&history, 10, SECONDS(1));
    assert_int_equal(measure(&history, 9, SECONDS(2)), -1);
    assert_int_equal(lag_history_measure(&history, &none, SECONDS(2)), -1);
    lag_history_release(&history);
}

static int64_t least(const struct lag_history *history, enum server_family family, const char *text,
                     int64_t now_us)
{
    struct gtid_set set = GTID_SET_INIT;
    assert_true(gtid_set_parse(&set, family, slice_text(text)));
    assert_int_equal(lag_history_measure(history, &set, now_us), -1);
    int64_t lag_us = lag_history_least(history, &set, now_us);
    gtid_set_release(&set);
    return lag_us;
}

static void note_text(struct lag_history *history, enum server_family family, const char *text,
                      int64_t at_us)
{
    struct gtid_set set = GTID_SET_INIT;
    assert_true(gtid_set_parse(&set, family, slice_text(text)));
    lag_history_note(history, &set, at_us);
    gtid_set_release(&set);
}

static void further_behind_than_the_history_is_behind_all_of_it(void **state)
{
    (void)state;
    struct lag_history history = LAG_HISTORY_INIT;
    assert_int_equal(least(&history, FAMILY_MARIADB, "0-1-9", SECONDS(5)), 0); // no history
    note_text(&history, FAMILY_MARIADB, "0-1-10,7-1-3", SECONDS(1));
    note_text(&history, FAMILY_MARIADB, "0-1-20,7-1-3", SECONDS(2));
    assert_int_equal(least(&history, FAMILY_MARIADB, "0-1-9,7-1-3", SECONDS(5)), SECONDS(4));
    assert_int_equal(least(&history, FAMILY_MARIADB, "0-1-9", SECONDS(5)), SECONDS(4));
    assert_int_equal(least(&history, FAMILY_MARIADB, "0-1-9,7-1-3", 0), 0); // asked before
    // a domain that it does not follow, no GTIDs, another family
    assert_int_equal(least(&history, FAMILY_MARIADB, "0-1-20", SECONDS(5)), 0);
    assert_int_equal(least(&history, FAMILY_MARIADB, "", SECONDS(5)), 0);
    assert_int_equal(least(&history, FAMILY_MYSQL, A ":1-9", SECONDS(5)), 0);
    lag_history_release(&history);
}

// One that was made from a copy without the old transactions' ids lacks them for good.
static void a_hole_is_told_from_an_end(void **state)
{
    (void)state;
    struct lag_history history = LAG_HISTORY_INIT;
    note_text(&history, FAMILY_MYSQL, A ":1-100," B ":1-10", SECONDS(1));
    assert_int_equal(least(&history, FAMILY_MYSQL, A ":1-99", SECONDS(5)), SECONDS(4));
    assert_int_equal(least(&history, FAMILY_MYSQL, A ":50-100," B ":1-10", SECONDS(5)), 0);
    assert_int_equal(least(&history, FAMILY_MYSQL, A ":1-100", SECONDS(5)), 0);
    note_text(&history, FAMILY_MYSQL, A ":1-100," B ":1-20", SECONDS(2));
    assert_int_equal(least(&history, FAMILY_MYSQL, A ":1-100", SECONDS(5)), SECONDS(4));
    assert_int_equal(least(&history, FAMILY_MYSQL, B ":1-11", SECONDS(5)), 0);
    lag_history_release(&history);
}

static bool knows(const struct lag_history *history, const char *text)
{
    struct gtid_set set = GTID_SET_INIT;
    assert_true(gtid_set_parse(&set, FAMILY_MARIADB, slice_text(text)));
    bool is_known = lag_history_knows(history, &set);
    gtid_set_release(&set);
    return is_known;
}

static void a_position_that_the_primary_had_is_known(void **state)
{
    (void)state;
    struct lag_history history = LAG_HISTORY_INIT;
    assert_false(knows(&history, ""));
    note_text(&history, FAMILY_MARIADB, "0-2-10", SECONDS(1));
    note_text(&history, FAMILY_MARIADB, "0-1-20", SECONDS(2));
    assert_true(knows(&history, "0-2-10"));
    assert_true(knows(&history, "0-1-20"));
    assert_false(knows(&history, "0-2-20"));
    assert_false(knows(&history, "0-2-15"));
    assert_false(knows(&history, ""));
    lag_history_release(&history);
}

static void an_idle_primary_leaves_no_lag_behind(void **state)
{
    (void)state;
    struct lag_history history = LAG_HISTORY_INIT;
    note(&history, 10, SECONDS(1));
    for (int second = 2; second < 1000; second++) {
        note(&history, 10, SECONDS(second));
    }
    assert_int_equal(history.count, 1);
    assert_int_equal(measure(&history, 10, SECONDS(1000)), 0);
    note(&history, 11, SECONDS(1000));
    assert_int_equal(measure(&history, 10, SECONDS(1001)), SECONDS(1));
    lag_history_release(&history);
}

static void the_oldest_sample_makes_room(void **state)
{
    (void)state;
    struct lag_history history = LAG_HISTORY_INIT;
    for (int i = 1; i <= LAG_SAMPLES + 5; i++) {
        note(&history, (uint64_t)i, SECONDS(i));
    }
    int64_t now_us = SECONDS(LAG_SAMPLES + 6);
    assert_int_equal(history.count, LAG_SAMPLES);
    assert_int_equal(measure(&history, 5, now_us), -1); // the first five are gone
    assert_int_equal(measure(&history, 6, now_us), SECONDS(LAG_SAMPLES - 1));
    lag_history_clear(&history);
    assert_int_equal(measure(&history, 6, now_us), -1);
    lag_history_release(&history);
}

static void a_replica_asked_before_the_primary_is_not_behind_in_the_future(void **state)
{
    (void)state;
    struct lag_history history = LAG_HISTORY_INIT;
    note(&history, 10, SECONDS(1));
    note(&history, 20, SECONDS(5));
    assert_int_equal(measure(&history, 10, SECONDS(4)), 0);
    lag_history_release(&history);
}

static void no_gtids_no_history(void **state)
{
    (void)state;
    struct lag_history history = LAG_HISTORY_INIT;
    struct gtid_set none = GTID_SET_INIT;
    lag_history_note(&history, &none, SECONDS(1));
    assert_int_equal(history.count, 0);
    lag_history_release(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replica_is_behind_since_the_first_that_it_lacks),
        cmocka_unit_test(a_replica_that_has_none_of_it_cannot_be_judged),
        cmocka_unit_test(further_behind_than_the_history_is_behind_all_of_it),
        cmocka_unit_test(a_hole_is_told_from_an_end),
        cmocka_unit_test(a_position_that_the_primary_had_is_known),
        cmocka_unit_test(an_idle_primary_leaves_no_lag_behind),
        cmocka_unit_test(the_oldest_sample_makes_room),
        cmocka_unit_test(a_replica_asked_before_the_primary_is_not_behind_in_the_future),
        cmocka_unit_test(no_gtids_no_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
