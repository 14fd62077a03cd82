#include "proxy/session/prepared.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void add(struct prepared_list *list, uint32_t id)
{
    prepared_add(list, id, 1000 + id, digest_text_create(id, S("SELECT ?")));
}

static void statements_are_found_by_their_ids(void **state)
{
    (void)state;
    struct prepared_list list = PREPARED_LIST_INIT;
    assert_null(prepared_find(&list, 1));
    assert_null(prepared_find(&list, PREPARED_LAST));
    for (uint32_t id = 1; id <= 99; id += 2) {
        add(&list, id);
    }
    for (uint32_t id = 0; id <= 100; id++) {
        const struct prepared *found = prepared_find(&list, id);
        if (id % 2 == 0) {
            assert_null(found);
        } else {
            assert_int_equal(found->shape, 1000 + id);
            assert_int_equal(found->text->digest, id);
        }
    }
    prepared_release(&list);
    assert_true(prepared_is_empty(&list));
}

static void the_last_one_is_the_newest_whatever_was_closed(void **state)
{
    (void)state;
    struct prepared_list list = PREPARED_LIST_INIT;
    for (uint32_t id = 1; id <= 4; id++) {
        add(&list, id);
    }
    prepared_remove(&list, 1);
    prepared_remove(&list, 3);
    prepared_remove(&list, 77);
    assert_int_equal(prepared_find(&list, PREPARED_LAST)->id, 4);
    prepared_remove(&list, 4);
    assert_int_equal(prepared_find(&list, PREPARED_LAST)->id, 2);
    assert_null(prepared_find(&list, 3));
    prepared_release(&list);
}

static void an_id_that_comes_again_is_another_statement(void **state)
{
    (void)state;
    struct prepared_list list = PREPARED_LIST_INIT;
    add(&list, 9);
    add(&list, 5); // not in the order of ids
    prepared_add(&list, 9, 1, digest_text_create(77, S("SELECT a")));
    assert_int_equal(list.count, 2);
    assert_int_equal(prepared_find(&list, 9)->text->digest, 77);
    assert_int_equal(prepared_find(&list, 5)->text->digest, 5);
    prepared_release(&list);
}

static void the_last_to_go_takes_the_memory_along(void **state)
{
    (void)state;
    struct prepared_list list = PREPARED_LIST_INIT;
    add(&list, 1);
    assert_false(prepared_is_empty(&list));
    prepared_remove(&list, 1);
    assert_true(prepared_is_empty(&list));
    assert_null(list.items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_are_found_by_their_ids),
        cmocka_unit_test(the_last_one_is_the_newest_whatever_was_closed),
        cmocka_unit_test(an_id_that_comes_again_is_another_statement),
        cmocka_unit_test(the_last_to_go_takes_the_memory_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
