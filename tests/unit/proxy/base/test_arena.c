#include "proxy/base/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void pieces_are_aligned_and_apart(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    unsigned char *pieces[300];
    for (size_t i = 0; i < 300; i++) {
        pieces[i] = arena_alloc(&arena, i);
        assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        memset(pieces[i], (int)(i & 0xff), i);
    }
    for (size_t i = 0; i < 300; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_int_equal(pieces[i][k], i & 0xff);
        }
    }
    arena_release(&arena);
    assert_null(arena.chunk);
}

static void zeroed_pieces_are_zero_even_when_the_chunk_was_used(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    memset(arena_alloc(&arena, 1000), 0xff, 1000);
    arena_reset(&arena);
    const unsigned char *piece = arena_zero(&arena, 1000);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(piece[i], 0);
    }
    arena_release(&arena);
}

static void copies_end_in_nul(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct slice copy = arena_copy(&arena, slice_first(S("abc"), 2));
    assert_int_equal(copy.len, 2);
    assert_string_equal(copy.ptr, "ab");
    assert_string_equal(arena_copy(&arena, SLICE_NONE).ptr, "");
    struct slice printed = arena_print(&arena, "%s %d", "x", 12);
    assert_int_equal(printed.len, 4);
    assert_string_equal(printed.ptr, "x 12");
    printed = arena_print(&arena, "%*d", 20000, 3);
    assert_int_equal(printed.len, 20000);
    assert_int_equal(printed.ptr[19999], '3');
    assert_int_equal(printed.ptr[20000], 0);
    arena_release(&arena);
}

static void the_steady_state_keeps_its_chunk(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    arena_reset(&arena); // of nothing
    arena_alloc(&arena, 100);
    for (int turn = 0; turn < 5; turn++) {
        arena_alloc(&arena, 5000);
        arena_alloc(&arena, 5000);
        arena_reset(&arena);
        assert_non_null(arena.chunk);
        assert_int_equal(arena.used, 0);
    }

    arena_release(&arena);
}

// One large statement among many small ones used to cost every later command a trip to the heap.
static void a_large_piece_does_not_cost_the_kept_chunk(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    arena_alloc(&arena, 100);
    const struct arena_chunk *ordinary = arena.chunk;
    memset(arena_alloc(&arena, 100000), 1, 100000);
    assert_ptr_not_equal(arena.chunk, ordinary);
    arena_reset(&arena);
    assert_ptr_equal(arena.chunk, ordinary);

    // And a large piece alone leaves nothing behind.
    arena_release(&arena);
    arena_alloc(&arena, 100000);
    arena_reset(&arena);
    assert_null(arena.chunk);
    arena_release(&arena);
}

static void wiping_leaves_an_empty_arena_that_can_be_used(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    arena_copy(&arena, S("secret"));
    memset(arena_alloc(&arena, 20000), 'x', 20000);
    arena_wipe(&arena);
    assert_null(arena.chunk);
    assert_int_equal(arena.used, 0);
    assert_true(slice_equal(arena_copy(&arena, S("again")), S("again")));
    arena_wipe(&arena);
    arena_wipe(&arena);
    assert_null(arena.chunk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_and_apart),
        cmocka_unit_test(zeroed_pieces_are_zero_even_when_the_chunk_was_used),
        cmocka_unit_test(copies_end_in_nul),
        cmocka_unit_test(the_steady_state_keeps_its_chunk),
        cmocka_unit_test(a_large_piece_does_not_cost_the_kept_chunk),
        cmocka_unit_test(wiping_leaves_an_empty_arena_that_can_be_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
