#include "proxy/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void the_machines_clocks_move_forward(void **state)
{
    (void)state;
    int64_t before = clock_now_us();
    int64_t last = before;
    while (last == before) {
        int64_t now = clock_now_us();
        assert_true(now >= last);
        last = now;
    }
    assert_true(clock_wall_us() > 1700000000 * CLOCK_SECOND);
}

static int64_t seven(void)
{
    return 7;
}

static int64_t eight(void)
{
    return 8;
}

static void a_test_may_put_its_own_clock_underneath(void **state)
{
    (void)state;
    const struct clock_source source = {seven, eight};
    clock_replace(&source);
    assert_int_equal(clock_now_us(), 7);
    assert_int_equal(clock_wall_us(), 8);
    clock_replace(NULL);
    assert_true(clock_wall_us() > 1700000000 * CLOCK_SECOND);
}

static void text_is_iso_8601_in_utc(void **state)
{
    (void)state;
    char out[CLOCK_TEXT_SIZE];
    assert_string_equal(clock_text(0, out), "1970-01-01T00:00:00.000Z");
    assert_string_equal(clock_text(999, out), "1970-01-01T00:00:00.000Z");
    assert_string_equal(clock_text(1000, out), "1970-01-01T00:00:00.001Z");
    assert_string_equal(clock_text(951782399999999, out), "2000-02-28T23:59:59.999Z");
    assert_string_equal(clock_text(951782400000000, out), "2000-02-29T00:00:00.000Z");
    assert_string_equal(clock_text(2147483648000000, out), "2038-01-19T03:14:08.000Z");
}

// A clock that was never set must not print a second minus 1 or run over its room.
static void text_stands_in_its_room_for_every_time(void **state)
{
    (void)state;
    char out[CLOCK_TEXT_SIZE];
    assert_string_equal(clock_text(-1, out), "1969-12-31T23:59:59.999Z");
    assert_string_equal(clock_text(-1000000, out), "1969-12-31T23:59:59.000Z");
    assert_string_equal(clock_text(INT64_MAX, out), "294247-01-10T04:00:54.775Z");
    assert_string_equal(clock_text(INT64_MIN, out), "-290308-12-21T19:59:05.224Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_machines_clocks_move_forward),
        cmocka_unit_test(a_test_may_put_its_own_clock_underneath),
        cmocka_unit_test(text_is_iso_8601_in_utc),
        cmocka_unit_test(text_stands_in_its_room_for_every_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
