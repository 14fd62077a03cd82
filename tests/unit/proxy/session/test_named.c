#include "proxy/session/named.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void statements_are_found_by_name_without_case(void **state)
{
    (void)state;
    struct named_list list = NAMED_LIST_INIT;
    struct sql_syntax quotes = {.ansi_quotes = true};
    assert_null(named_find(&list, S("s")));
    for (int i = 0; i < 20; i++) {
        char name[8], text[32];
        snprintf(name, sizeof(name), "s%d", i);
        snprintf(text, sizeof(text), "SELECT %d", i);
        named_add(&list, slice_text(name), slice_text(text), S("app"), quotes);
    }
    const struct named *found = named_find(&list, S("S13"));
    assert_true(slice_equal(found->text, S("SELECT 13")));
    assert_true(found->syntax.ansi_quotes);
    named_add(&list, S("S13"), SLICE_NONE, S("app"), quotes);
    assert_int_equal(named_find(&list, S("s13"))->text.len, 0);
    assert_int_equal(list.count, 20);
    named_release(&list);
    assert_true(named_is_empty(&list));
}

static void the_list_is_empty_when_the_last_one_is_gone(void **state)
{
    (void)state;
    struct named_list list = NAMED_LIST_INIT;
    named_add(&list, S("a"), S("SELECT 1"), S("app"), SQL_SYNTAX_DEFAULT);
    named_add(&list, S("b"), S("SELECT 2"), S("app"), SQL_SYNTAX_DEFAULT);
    named_remove(&list, S("c"));
    named_remove(&list, S("A"));
    assert_false(named_is_empty(&list));
    named_remove(&list, S("b"));
    assert_true(named_is_empty(&list));
    assert_null(list.items);
    list.is_unsure = true;
    named_add(&list, S("a"), S("SELECT 1"), S("app"), SQL_SYNTAX_DEFAULT);
    named_remove(&list, S("a"));
    assert_false(named_is_empty(&list)); // there may be others
    named_release(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_are_found_by_name_without_case),
        cmocka_unit_test(the_list_is_empty_when_the_last_one_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
