// What a session has on its connection, by name.
#include "proxy/session/held.h"

#include "tests/lib/cmocka.h"

#include <stdio.h>

static void nothing_is_kept_where_nothing_is_held(void **state)
{
    struct held *held = NULL;
    (void)state;
    held_remove(&held, HELD_HANDLER, S("t"));
    held_clear(&held, HELD_HANDLER);
    held_doubt(held, HELD_USER_LOCK, true);
    assert_false(held_is_in_doubt(held, HELD_USER_LOCK));
    assert_null(held);
    held_add(&held, HELD_HANDLER, S("t"));
    assert_non_null(held);
    held_remove(&held, HELD_HANDLER, S("t"));
    assert_null(held);
}

static void each_kind_has_names_of_its_own(void **state)
{
    struct held *held = NULL;
    (void)state;
    held_add(&held, HELD_TEMPORARY_TABLE, S("app.t"));
    held_add(&held, HELD_TEMPORARY_TABLE, S("app.T")); // another table
    held_add(&held, HELD_TEMPORARY_TABLE, S("app.t"));
    held_add(&held, HELD_USER_LOCK, S("app.t"));
    assert_int_equal(held_count(held, HELD_TEMPORARY_TABLE), 2);
    assert_true(held_has(held, HELD_USER_LOCK, S("app.t")));
    assert_false(held_has(held, HELD_HANDLER, S("app.t")));
    held_remove(&held, HELD_TEMPORARY_TABLE, S("app.t"));
    assert_int_equal(held_count(held, HELD_TEMPORARY_TABLE), 1);
    assert_true(slice_equal(held_name(held, HELD_TEMPORARY_TABLE, 0), S("app.T")));
    held_doubt(held, HELD_USER_LOCK, true);
    assert_true(held_is_in_doubt(held, HELD_USER_LOCK));
    held_release(&held);
    assert_null(held);
}

static void what_nobody_can_name_stays_until_its_kind_is_cleared(void **state)
{
    struct held *held = NULL;
    (void)state;
    held_add(&held, HELD_USER_LOCK, SLICE_NONE);
    held_remove(&held, HELD_USER_LOCK, SLICE_NONE);
    held_remove(&held, HELD_USER_LOCK, S("x"));
    assert_true(held_has(held, HELD_USER_LOCK, SLICE_NONE));
    for (int i = 0; i < HELD_MOST + 10; i++) {
        char name[16];
        int len = snprintf(name, sizeof(name), "%d", i);
        held_add(&held, HELD_TEMPORARY_TABLE, slice_make(name, (size_t)len));
    }
    assert_true(held_has(held, HELD_TEMPORARY_TABLE, SLICE_NONE)); // those that were too many
    assert_int_equal(held_count(held, HELD_TEMPORARY_TABLE), HELD_MOST + 1);
    held_clear(&held, HELD_TEMPORARY_TABLE);
    held_clear(&held, HELD_USER_LOCK);
    assert_null(held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_kept_where_nothing_is_held),
        cmocka_unit_test(each_kind_has_names_of_its_own),
        cmocka_unit_test(what_nobody_can_name_stays_until_its_kind_is_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
