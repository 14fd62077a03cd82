#include "proxy/base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct item {
    int number;
    struct list link;
};

static void items_init(struct item *items, int count)
{
    for (int i = 0; i < count; i++) {
        items[i].number = i;
        list_init(&items[i].link);
    }
}

// Holds the list against the numbers, forwards and backwards; -1 ends them.
static void assert_list(const struct list *head, const int *numbers)
{
    const struct list *back = head;
    int count = 0;
    list_each (link, (struct list *)head) {
        assert_int_equal(list_entry(link, struct item, link)->number, numbers[count]);
        assert_ptr_equal(link->prev, back);
        back = link;
        count++;
    }
    assert_int_equal(numbers[count], -1);
    assert_ptr_equal(head->prev, back);
}

#define assert_numbers(head, ...) assert_list((head), (const int[]){__VA_ARGS__})

static void members_join_at_both_ends_and_in_the_middle(void **state)
{
    (void)state;
    struct list head;
    struct item items[4];
    list_init(&head);
    items_init(items, 4);
    assert_true(list_is_empty(&head));
    assert_false(list_is_linked(&items[0].link));
    list_push_back(&head, &items[1].link);
    list_push_back(&head, &items[2].link);
    list_push_front(&head, &items[0].link);
    list_insert_before(&items[2].link, &items[3].link);
    assert_numbers(&head, 0, 1, 3, 2, -1);
    assert_true(list_is_linked(&items[3].link));
    assert_false(list_is_empty(&head));
}

static void removal_leaves_a_lone_link_that_may_be_removed_again(void **state)
{
    (void)state;
    struct list head;
    struct item items[3];
    list_init(&head);
    items_init(items, 3);
    for (int i = 0; i < 3; i++) {
        list_push_back(&head, &items[i].link);
    }
    list_remove(&items[1].link);
    assert_false(list_is_linked(&items[1].link));
    list_remove(&items[1].link);
    assert_numbers(&head, 0, 2, -1);
    assert_ptr_equal(list_pop_front(&head), &items[0].link);
    assert_false(list_is_linked(&items[0].link));
    assert_ptr_equal(list_pop_front(&head), &items[2].link);
    assert_null(list_pop_front(&head));
    assert_numbers(&head, -1);
}

static void splice_moves_all_and_empties_the_other(void **state)
{
    (void)state;
    struct list a, b;
    struct item items[4];
    list_init(&a);
    list_init(&b);
    items_init(items, 4);
    list_splice_back(&a, &b); // nothing to nothing
    assert_numbers(&a, -1);
    list_push_back(&b, &items[0].link);
    list_push_back(&b, &items[1].link);
    list_splice_back(&a, &b);
    assert_numbers(&a, 0, 1, -1);
    assert_true(list_is_empty(&b));
    list_push_back(&b, &items[2].link);
    list_push_back(&b, &items[3].link);
    list_splice_back(&a, &b);
    list_splice_back(&a, &b);
    assert_numbers(&a, 0, 1, 2, 3, -1);
    assert_numbers(&b, -1);
}

static void the_safe_walk_may_take_members_off(void **state)
{
    (void)state;
    struct list head;
    struct item items[6];
    list_init(&head);
    items_init(items, 6);
    for (int i = 0; i < 6; i++) {
        list_push_back(&head, &items[i].link);
    }
    list_each_safe (link, &head) {
        if (list_entry(link, struct item, link)->number % 2 == 0) {
            list_remove(link);
        }
    }
    assert_numbers(&head, 1, 3, 5, -1);
    list_each_safe (link, &head) {
        list_remove(link);
    }
    assert_true(list_is_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_join_at_both_ends_and_in_the_middle),
        cmocka_unit_test(removal_leaves_a_lone_link_that_may_be_removed_again),
        cmocka_unit_test(splice_moves_all_and_empties_the_other),
        cmocka_unit_test(the_safe_walk_may_take_members_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
