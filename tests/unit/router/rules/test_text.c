// Where a statement's text begins for a pattern.
#include "router/rules/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void test_white_space_and_comments_in_front_are_left_out(void **state)
{
    static const char *const texts[][2] = {
        {"", ""},
        {"SELECT 1", "SELECT 1"},
        {" \t\r\n\v\fSELECT 1 ", "SELECT 1 "},
        {"/* a */SELECT /* b */ 1", "SELECT /* b */ 1"},
        {"/**/ /***/ /*/*/SELECT 1", "SELECT 1"},
        {"/* sluice: primary */ SELECT 1", "SELECT 1"},
        {"-- a\nSELECT 1", "SELECT 1"},
        {"--\nSELECT 1", "SELECT 1"},
        {"--\tx\n# y\n/* z */\nSELECT 1", "SELECT 1"},
        {"#x\n#y", ""},
        {"-- no end", ""},
        {"--", ""},
        {"/* no end", ""},
        {"/*", ""},
        {"/*/", ""},
        {"   ", ""},
        // No comments.
        {"--1", "--1"},
        {"-1", "-1"},
        {"/ *x*/", "/ *x*/"},
        {"(SELECT 1)", "(SELECT 1)"},
        // Code, for one server or the other.
        {"/*! SELECT */ 1", "/*! SELECT */ 1"},
        {"/*!50000 SELECT */ 1", "/*!50000 SELECT */ 1"},
        {"/*M! SELECT */ 1", "/*M! SELECT */ 1"},
        {"/*Mx*/SELECT 1", "SELECT 1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct slice found = text_first_word(slice_text(texts[i][0]));
        assert_true(slice_equal(found, slice_text(texts[i][1])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_white_space_and_comments_in_front_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
