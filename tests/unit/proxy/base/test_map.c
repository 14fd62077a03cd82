#include "proxy/base/map.h"

#include "proxy/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static int one = 1, two = 2;

static void an_empty_map_answers_and_holds_no_memory(void **state)
{
    (void)state;
    struct map map = MAP_INIT;
    assert_null(map_get(&map, S("a")));
    assert_null(map_remove(&map, S("a")));
    map_each (slot, &map) {
        fail_msg("an empty map has no slots, not even %.*s", SLICE_ARG(slot->key));
    }
    assert_null(map.slots);
    map_release(&map);
}

static void putting_again_replaces_and_returns_what_stood_there(void **state)
{
    (void)state;
    struct map map = MAP_INIT;
    assert_null(map_put(&map, S("a"), &one));
    assert_ptr_equal(map_put(&map, S("a"), &two), &one);
    assert_int_equal(map.count, 1);
    assert_ptr_equal(map_get(&map, S("a")), &two);
    assert_ptr_equal(map_remove(&map, S("a")), &two);
    assert_null(map_remove(&map, S("a")));
    assert_int_equal(map.count, 0);
    assert_null(map_get(&map, S("a")));
    map_release(&map);
}

static void keys_are_bytes_and_copied(void **state)
{
    (void)state;
    struct map map = MAP_INIT;
    char key[] = {'a', 0, 'b'};
    map_put(&map, slice_make(key, 3), &one);
    map_put(&map, SLICE_NONE, &two);
    key[2] = 'c';
    assert_null(map_get(&map, slice_make(key, 3)));
    assert_ptr_equal(map_get(&map, S("a\0b")), &one);
    assert_null(map_get(&map, S("a")));
    assert_ptr_equal(map_get(&map, S("")), &two);
    map_release(&map);
    assert_int_equal(map.cap, 0);
}

static struct slice key_of(uint32_t number, char out[16])
{
    return slice_make(out, (size_t)snprintf(out, 16, "k%u", number));
}

// Random puts, removals and questions against an array; few keys, so that runs of slots collide,
// wrap round the end of the table and close again.
static void agrees_with_a_model(void **state)
{
    (void)state;
    enum { KEYS = 60, STEPS = 100000 };
    static char values[KEYS][2];
    char *model[KEYS] = {NULL};
    struct map map = MAP_INIT;
    size_t count = 0;
    random_seed(99);
    for (int step = 0; step < STEPS; step++) {
        uint32_t k = random_below(KEYS);
        char text[16];
        struct slice key = key_of(k, text);
        if (random_below(2) == 0) {
            char *value = &values[k][random_below(2)];
            assert_ptr_equal(map_put(&map, key, value), model[k]);
            count += model[k] == NULL;
            model[k] = value;
        } else {
            assert_ptr_equal(map_remove(&map, key), model[k]);
            count -= model[k] != NULL;
            model[k] = NULL;
        }
        assert_int_equal(map.count, count);
        if (step % 16 == 0) {
            for (uint32_t i = 0; i < KEYS; i++) {
                assert_ptr_equal(map_get(&map, key_of(i, text)), model[i]);
            }
        }
    }
    map_release(&map);
}

static void growing_loses_nothing_and_the_walk_sees_each_once(void **state)
{
    (void)state;
    enum { KEYS = 5000 };
    static int values[KEYS];
    struct map map = MAP_INIT;
    char text[16];
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_null(map_put(&map, key_of(i, text), &values[i]));
        assert_true(map.count * 4 <= map.cap * 3);
    }
    map_each (slot, &map) {
        ++*(int *)slot->value;
    }
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(values[i], 1);
        assert_ptr_equal(map_get(&map, key_of(i, text)), &values[i]);
    }
    map_release(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_answers_and_holds_no_memory),
        cmocka_unit_test(putting_again_replaces_and_returns_what_stood_there),
        cmocka_unit_test(keys_are_bytes_and_copied),
        cmocka_unit_test(agrees_with_a_model),
        cmocka_unit_test(growing_loses_nothing_and_the_walk_sees_each_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
