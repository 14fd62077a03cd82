#include "protocol/packet/collation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void numbers_stand_for_their_collations(void **state)
{
    (void)state;
    static const struct {
        uint16_t number;
        struct slice charset, name;
    } known[] = {
        {1, SLICE_INIT("big5"), SLICE_INIT("big5_chinese_ci")},
        {8, SLICE_INIT("latin1"), SLICE_INIT("latin1_swedish_ci")},
        {28, SLICE_INIT("gbk"), SLICE_INIT("gbk_chinese_ci")},
        {33, SLICE_INIT("utf8mb3"), SLICE_INIT("utf8mb3_general_ci")},
        {COLLATION_UTF8MB4_GENERAL_CI, SLICE_INIT("utf8mb4"), SLICE_INIT("utf8mb4_general_ci")},
        {COLLATION_BINARY, SLICE_INIT("binary"), SLICE_INIT("binary")},
        {224, SLICE_INIT("utf8mb4"), SLICE_INIT("utf8mb4_unicode_ci")},
        {COLLATION_UTF8MB4_0900_AI_CI, SLICE_INIT("utf8mb4"), SLICE_INIT("utf8mb4_0900_ai_ci")},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const struct collation *collation = collation_by_number(known[i].number);
        assert_true(slice_equal(collation->charset, known[i].charset));
        assert_true(slice_equal(collation->name, known[i].name));
        assert_int_equal(collation_number(known[i].name), known[i].number);
    }
}

// A client may announce any byte; none may lead past the table or to nothing.
static void every_number_has_a_collation_that_servers_know(void **state)
{
    (void)state;
    const struct collation *fallback = collation_by_number(COLLATION_UTF8MB4_GENERAL_CI);
    assert_ptr_equal(collation_by_number(0), fallback);
    assert_ptr_equal(collation_by_number(17), fallback);
    assert_ptr_equal(collation_by_number(256), fallback);
    assert_ptr_equal(collation_by_number(UINT16_MAX), fallback);
    for (unsigned number = 0; number < 300; number++) {
        const struct collation *collation = collation_by_number((uint16_t)number);
        assert_non_null(collation->charset.ptr);
        assert_true(collation->name.len > 0);
    }
}

// A collation is named after its charset; a slip in the table would send SET NAMES the wrong one.
static void names_start_with_their_charset_and_are_unlike(void **state)
{
    (void)state;
    const struct collation *fallback = collation_by_number(0);
    for (unsigned number = 1; number < 256; number++) {
        const struct collation *collation = collation_by_number((uint16_t)number);
        if (collation == fallback && number != COLLATION_UTF8MB4_GENERAL_CI) {
            continue; // no collation has this number
        }
        assert_true(slice_starts_nocase(collation->name, collation->charset));
        assert_int_equal(collation_number(collation->name), number);
    }
}

static void names_are_found_in_any_case(void **state)
{
    (void)state;
    assert_int_equal(collation_number(S("UTF8MB4_General_CI")), COLLATION_UTF8MB4_GENERAL_CI);
    assert_int_equal(collation_number(S("utf8mb4_general_c")), 0);
    assert_int_equal(collation_number(S("utf8mb4_uca1400_ai_ci")), 0);
    assert_int_equal(collation_number(SLICE_NONE), 0);
}

// MariaDB has a default of its own for Unicode; MySQL takes a login by its word.
static void a_login_with_a_default_leaves_the_choice_to_mariadb(void **state)
{
    const struct collation *usual = collation_by_number(COLLATION_UTF8MB4_GENERAL_CI);
    const struct collation *other = collation_by_number(224);
    const struct collation *latin1 = collation_by_number(8);
    (void)state;
    assert_int_equal(collation_of_login(usual, true).len, 0);
    assert_true(slice_equal(collation_of_login(usual, false), S("utf8mb4_general_ci")));
    assert_true(slice_equal(collation_of_login(other, true), S("utf8mb4_unicode_ci")));
    assert_true(slice_equal(collation_of_login(latin1, true), S("latin1_swedish_ci")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_stand_for_their_collations),
        cmocka_unit_test(every_number_has_a_collation_that_servers_know),
        cmocka_unit_test(names_start_with_their_charset_and_are_unlike),
        cmocka_unit_test(names_are_found_in_any_case),
        cmocka_unit_test(a_login_with_a_default_leaves_the_choice_to_mariadb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
