#include "proxy/base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void sets_all_three_and_returns_false(void **state)
{
    (void)state;
    struct error error = ERROR_NONE;
    assert_int_equal(error.code, 0);
    assert_false(error_set(&error, 1045, "db1", "no %s since %d", "way", 3));
    assert_int_equal(error.code, 1045);
    assert_string_equal(error.where, "db1");
    assert_string_equal(error.text, "no way since 3");
    assert_false(error_set(&error, 1, NULL, "again"));
    assert_string_equal(error.where, "");
    assert_string_equal(error.text, "again");
}

static void nobody_needs_to_read_it(void **state)
{
    (void)state;
    assert_false(error_set(NULL, 1, "x", "%s", "y"));
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    char big[2000];
    memset(big, 'x', sizeof(big));
    big[sizeof(big) - 1] = '\0';
    struct error error = ERROR_NONE;
    error_set(&error, 1, big, "%s", big);
    assert_int_equal(strlen(error.where), ERROR_WHERE_SIZE - 1);
    assert_int_equal(strlen(error.text), ERROR_TEXT_SIZE - 1);
}

// "server db1: connection refused" is made out of "connection refused" in place.
static void an_error_may_be_told_again_with_more_words(void **state)
{
    (void)state;
    struct error error = ERROR_NONE;
    error_set(&error, 111, "db1", "connection refused");
    error_set(&error, error.code, error.where, "server %s: %s", error.where, error.text);
    assert_int_equal(error.code, 111);
    assert_string_equal(error.where, "db1");
    assert_string_equal(error.text, "server db1: connection refused");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_all_three_and_returns_false),
        cmocka_unit_test(nobody_needs_to_read_it),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(an_error_may_be_told_again_with_more_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
