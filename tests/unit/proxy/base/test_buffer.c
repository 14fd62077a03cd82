#include "proxy/base/buffer.h"

#include "proxy/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void an_empty_buffer_holds_no_memory(void **state)
{
    (void)state;
    struct buffer buf = BUFFER_INIT;
    assert_true(buffer_is_empty(&buf));
    assert_null(buffer_ptr(&buf));
    assert_int_equal(buffer_slice(&buf).len, 0);
    buffer_append(&buf, NULL, 0);
    buffer_append_slice(&buf, SLICE_NONE);
    buffer_consume(&buf, 5);
    buffer_truncate(&buf, 5);
    assert_null(buf.data);
    buffer_append(&buf, "x", 1);
    assert_non_null(buf.data);
    buffer_release(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.cap, 0);
    buffer_wipe(&buf);
}

static void the_last_byte_of_the_room_needs_no_other_room(void **state)
{
    (void)state;
    struct buffer buf = BUFFER_INIT;
    memset(buffer_reserve(&buf, 1), 'a', 1);
    size_t cap = buf.cap;
    const uint8_t *data = buf.data;
    memset(buffer_reserve(&buf, cap), 'b', cap);
    buffer_added(&buf, cap);
    assert_ptr_equal(buf.data, data);
    assert_ptr_equal(buffer_reserve(&buf, 0), data + cap);
    buffer_append(&buf, "c", 1); // one past
    assert_int_equal(buf.cap, 2 * cap);
    assert_int_equal(buffer_len(&buf), cap + 1);
    assert_int_equal(buffer_ptr(&buf)[cap - 1], 'b');
    assert_int_equal(buffer_ptr(&buf)[cap], 'c');
    buffer_release(&buf);
}

// A relay fills and empties its buffer all day: once the buffer is large enough for what is in it
// at one time, it never asks the heap again, however little of the front is free.
static void what_fits_is_moved_to_the_front_and_never_reallocated(void **state)
{
    (void)state;
    struct buffer buf = BUFFER_INIT;
    buffer_reserve(&buf, 1);
    size_t cap = buf.cap;
    const uint8_t *data = buf.data;
    for (size_t i = 0; i < cap; i++) {
        buffer_append(&buf, &(uint8_t){(uint8_t)i}, 1);
    }
    for (size_t i = 0; i < 3 * cap; i++) {
        assert_int_equal(buffer_ptr(&buf)[0], (uint8_t)i);
        buffer_consume(&buf, 1);
        buffer_append(&buf, &(uint8_t){(uint8_t)(cap + i)}, 1);
        assert_int_equal(buffer_len(&buf), cap);
        assert_ptr_equal(buf.data, data);
        assert_int_equal(buf.cap, cap);
    }
    buffer_release(&buf);
}

static void consume_and_truncate_stop_at_the_ends(void **state)
{
    (void)state;
    struct buffer buf = BUFFER_INIT;
    buffer_append_slice(&buf, S("abcdef"));
    buffer_truncate(&buf, 7);
    assert_int_equal(buffer_len(&buf), 6);
    buffer_truncate(&buf, 5);
    buffer_consume(&buf, 2);
    assert_true(slice_equal(buffer_slice(&buf), S("cde")));
    buffer_truncate(&buf, 3);
    assert_true(slice_equal(buffer_slice(&buf), S("cde")));
    buffer_consume(&buf, 3);
    assert_true(buffer_is_empty(&buf));
    assert_int_equal(buf.start, 0); // all of the room is free again
    buffer_append_slice(&buf, S("xy"));
    buffer_consume(&buf, 100);
    assert_true(buffer_is_empty(&buf));
    buffer_append_slice(&buf, S("z"));
    buffer_clear(&buf);
    assert_true(buffer_is_empty(&buf));
    assert_non_null(buf.data);
    buffer_release(&buf);
}

static void print_writes_all_of_a_long_text_and_no_nul(void **state)
{
    (void)state;
    struct buffer buf = BUFFER_INIT;
    buffer_append_slice(&buf, S("a"));
    buffer_print(&buf, "%s-%d", "b", 7);
    assert_true(slice_equal(buffer_slice(&buf), S("ab-7")));
    buffer_print(&buf, "%s", "");
    assert_int_equal(buffer_len(&buf), 4);
    buffer_print(&buf, "%*d", 5000, 1);
    assert_int_equal(buffer_len(&buf), 5004);
    assert_int_equal(buffer_ptr(&buf)[5003], '1');
    buffer_release(&buf);
}

// Random appends, prints, consumes and truncates against a plain array.
static void agrees_with_a_model(void **state)
{
    (void)state;
    static uint8_t model[1 << 20];
    size_t model_len = 0;
    struct buffer buf = BUFFER_INIT;
    random_seed(4711);
    for (int step = 0; step < 20000; step++) {
        size_t n = random_below(random_below(8) == 0 ? 3000 : 40);
        uint32_t choice = random_below(8);
        if (choice < 4 && model_len + n < sizeof(model)) {
            uint8_t *to = buffer_reserve(&buf, n);
            for (size_t i = 0; i < n; i++) {
                to[i] = model[model_len + i] = (uint8_t)random_u64();
            }
            buffer_added(&buf, n);
            model_len += n;
        } else if (choice < 7) {
            size_t gone = n < model_len ? n : model_len;
            buffer_consume(&buf, n);
            memmove(model, model + gone, model_len - gone);
            model_len -= gone;
        } else {
            size_t kept = random_below((uint32_t)model_len + 2);
            buffer_truncate(&buf, kept);
            model_len = kept < model_len ? kept : model_len;
        }
        assert_int_equal(buffer_len(&buf), model_len);
        assert_true(buf.end <= buf.cap);
        if (model_len > 0) {
            assert_memory_equal(buffer_ptr(&buf), model, model_len);
        }
    }
    buffer_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_holds_no_memory),
        cmocka_unit_test(the_last_byte_of_the_room_needs_no_other_room),
        cmocka_unit_test(what_fits_is_moved_to_the_front_and_never_reallocated),
        cmocka_unit_test(consume_and_truncate_stop_at_the_ends),
        cmocka_unit_test(print_writes_all_of_a_long_text_and_no_nul),
        cmocka_unit_test(agrees_with_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
