// What is said of a configuration, in order and as text.
#include "conf/diagnostic.h"

#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

static void test_the_order_is_that_of_lines(void **state)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    (void)state;
    diagnostics_sort(&diagnostics);
    for (unsigned i = 0; i < 100; i++) {
        diagnostics_add(&diagnostics, i % 2 == 0 ? DIAGNOSTIC_ERROR : DIAGNOSTIC_NOTE, "f",
                        (100 - i) / 10, NULL, "%u", i);
    }
    diagnostics_sort(&diagnostics);
    assert_int_equal(diagnostics.count, 100);
    assert_int_equal(diagnostics.errors, 50);
    for (size_t i = 1; i < diagnostics.count; i++) {
        const struct diagnostic *before = &diagnostics.items[i - 1], *item = before + 1;
        assert_true(before->line < item->line ||
                    (before->line == item->line &&
                     strtol(before->text, NULL, 10) < strtol(item->text, NULL, 10)));
    }
    diagnostics_release(&diagnostics);
    assert_int_equal(diagnostics.count, 0);
}

static void test_the_text_names_the_place_and_the_hint(void **state)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    (void)state;
    diagnostics_add(&diagnostics, DIAGNOSTIC_ERROR, "a.ini", 7, "do that", "bad %d", 5);
    diagnostics_add(&diagnostics, DIAGNOSTIC_WARNING, "a.ini", 0, NULL, "odd");
    diagnostics_add(&diagnostics, DIAGNOSTIC_NOTE, "a.ini", 1, "", "fine");
    diagnostics_print(&diagnostics, out);
    fclose(out);
    assert_string_equal(text, "a.ini:7: error: bad 5; do that\n"
                              "a.ini: warning: odd\n"
                              "a.ini:1: note: fine\n");
    free(text);
    diagnostics_release(&diagnostics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_order_is_that_of_lines),
        cmocka_unit_test(test_the_text_names_the_place_and_the_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
