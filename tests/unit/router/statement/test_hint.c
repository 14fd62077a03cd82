// Hints: what is understood, what is not, and what one mistake does to the rest.
#include "router/statement/hint.h"

#include <stdarg.h>
#include <setjmp.h>

#include <cmocka.h>

static struct hints read(const char *comment)
{
    struct hints hints = {.target = HINT_TARGET_NONE};
    assert_true(hints_read(&hints, slice_text(comment)));
    return hints;
}

static void test_targets(void **state)
{
    (void)state;
    assert_int_equal(read("sluice: primary").target, HINT_TARGET_PRIMARY);
    assert_int_equal(read(" Sluice:REPLICA ").target, HINT_TARGET_REPLICA);
    struct hints hints = read("sluice: backend = db2");
    assert_int_equal(hints.target, HINT_TARGET_BACKEND);
    assert_true(slice_equal(hints.backend, S("db2")));
    assert_int_equal(read("sluice: primary, replica").target, HINT_TARGET_REPLICA);
}

static void test_durations_of_every_unit(void **state)
{
    (void)state;
    static const struct {
        const char *comment;
        int64_t us;
    } cases[] = {
        {"sluice: cache=30s", 30000000}, {"sluice: cache=5ms", 5000},      {"sluice: cache=7us", 7},
        {"sluice: cache=2m", 120000000}, {"sluice: cache=1h", 3600000000}, {"sluice: cache=0", 0},
        {"sluice:cache = 1S", 1000000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hints hints = read(cases[i].comment);
        assert_int_equal(hints.cache, HINT_CACHE_YES);
        assert_int_equal(hints.cache_us, cases[i].us);
        assert_int_equal(hints.unknown_count, 0);
    }
}

static void test_all_at_once(void **state)
{
    (void)state;
    struct hints hints = read("sluice: replica, nocache, max_lag=500ms, timeout=1s, "
                              "consistency=global, token=0-1-5");
    assert_int_equal(hints.target, HINT_TARGET_REPLICA);
    assert_int_equal(hints.cache, HINT_CACHE_NO);
    assert_true(hints.has_max_lag && hints.has_timeout);
    assert_int_equal(hints.max_lag_us, 500000);
    assert_int_equal(hints.timeout_us, 1000000);
    assert_int_equal(hints.consistency, HINT_CONSISTENCY_GLOBAL);
    assert_true(slice_equal(hints.token, S("0-1-5")));
    assert_int_equal(hints.unknown_count, 0);
    assert_int_equal(read("sluice: consistency=eventual").consistency, HINT_CONSISTENCY_EVENTUAL);
    assert_int_equal(read("sluice: consistency=session").consistency, HINT_CONSISTENCY_SESSION);
}

static void test_mistakes_are_counted_and_the_rest_is_taken(void **state)
{
    (void)state;
    static const char *const mistakes[] = {
        "master",      "primary=1",
        "backend",     "backend=",
        "cache",       "cache=30",
        "cache=x",     "cache=-1s",
        "cache=1 s",   "cache=99999999999999999h",
        "nocache=yes", "max_lag",
        "timeout=",    "consistency=x",
        "token=",      "",
        "replica x",   "cache=30s=5",
        "max_lag=s",
    };
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        char comment[128];
        snprintf(comment, sizeof(comment), "sluice: %s , timeout=2s", mistakes[i]);
        struct hints hints = read(comment);
        assert_int_equal(hints.unknown_count, 1);
        assert_true(slice_equal(hints.unknown, slice_text(mistakes[i])));
        assert_int_equal(hints.timeout_us, 2000000);
        assert_int_equal(hints.target, HINT_TARGET_NONE);
        assert_int_equal(hints.cache, HINT_CACHE_NONE);
        assert_false(hints.has_max_lag);
    }
}

static void test_the_first_of_several_mistakes_is_named(void **state)
{
    (void)state;
    struct hints hints = read("sluice: one, two");
    assert_true(hints_read(&hints, S("sluice: three")));
    assert_int_equal(hints.unknown_count, 3);
    assert_true(slice_equal(hints.unknown, S("one")));
}

static void test_other_comments_are_none(void **state)
{
    (void)state;
    struct hints hints = {.target = HINT_TARGET_NONE};
    assert_false(hints_read(&hints, S("replica")));
    assert_false(hints_read(&hints, S("sluic: replica")));
    assert_false(hints_read(&hints, S("x sluice: replica")));
    assert_false(hints_read(&hints, SLICE_NONE));
    assert_int_equal(hints.target, HINT_TARGET_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_durations_of_every_unit),
        cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_mistakes_are_counted_and_the_rest_is_taken),
        cmocka_unit_test(test_the_first_of_several_mistakes_is_named),
        cmocka_unit_test(test_other_comments_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
