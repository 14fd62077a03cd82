// The word that somebody meant.
#include "conf/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static size_t distance(const char *a, const char *b)
{
    size_t there = nearest_distance(slice_text(a), slice_text(b));
    assert_int_equal(nearest_distance(slice_text(b), slice_text(a)), there);
    return there;
}

static void test_slips_are_counted(void **state)
{
    (void)state;
    assert_int_equal(distance("", ""), 0);
    assert_int_equal(distance("abc", "abc"), 0);
    assert_int_equal(distance("abc", "ABC"), 0);
    assert_int_equal(distance("", "abc"), 3);
    assert_int_equal(distance("abc", "abd"), 1);
    assert_int_equal(distance("abc", "ab"), 1);
    assert_int_equal(distance("abc", "xabc"), 1);
    assert_int_equal(distance("listen", "lisetn"), 1); // neighbours swapped
    assert_int_equal(distance("ab", "ba"), 1);
    assert_int_equal(distance("kitten", "sitting"), 3);
}

static void test_long_words_are_far(void **state)
{
    char word[65];
    (void)state;
    memset(word, 'a', sizeof(word));
    assert_int_equal(nearest_distance(slice_make(word, 63), slice_make(word, 63)), 0);
    assert_true(nearest_distance(slice_make(word, 64), slice_make(word, 64)) == SIZE_MAX);
    assert_true(nearest_distance(slice_make(word, 64), S("a")) == SIZE_MAX);
}

static struct slice nearest_of(const char *word, const char *const *known)
{
    struct nearest nearest = nearest_start(slice_text(word));
    for (; *known != NULL; known++) {
        nearest_offer(&nearest, slice_text(*known));
    }
    return nearest.best;
}

static void test_the_nearest_is_found_if_one_is_near(void **state)
{
    static const char *const known[] = {"weight", "role", "max_connections", "tls", "tls_ca", NULL};
    (void)state;
    assert_true(slice_equal(nearest_of("wieght", known), S("weight")));
    assert_true(slice_equal(nearest_of("maxconnections", known), S("max_connections")));
    assert_true(slice_equal(nearest_of("tls_c", known), S("tls_ca")));
    assert_true(slice_equal(nearest_of("rule", known), S("role")));
    assert_int_equal(nearest_of("password", known).len, 0);
    assert_int_equal(nearest_of("", known).len, 0);
    assert_int_equal(nearest_of("xyz", known).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slips_are_counted),
        cmocka_unit_test(test_long_words_are_far),
        cmocka_unit_test(test_the_nearest_is_found_if_one_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
