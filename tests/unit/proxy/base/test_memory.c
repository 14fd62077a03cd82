#include "proxy/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void nothing_is_still_a_piece_of_its_own(void **state)
{
    (void)state;
    void *a = mem_alloc(0);
    void *b = mem_zero(0, 10);
    void *c = mem_zero(10, 0);
    void *d = mem_grow(NULL, 0);
    assert_ptr_not_equal(a, b);
    assert_ptr_not_equal(c, d);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(d);
    mem_free(NULL);
}

static void zeroed_memory_is_zero_and_growing_keeps_content(void **state)
{
    (void)state;
    char *bytes = mem_zero(3, 5);
    for (int i = 0; i < 15; i++) {
        assert_int_equal(bytes[i], 0);
    }
    memset(bytes, 'x', 15);
    bytes = mem_grow(bytes, 10000);
    for (int i = 0; i < 15; i++) {
        assert_int_equal(bytes[i], 'x');
    }
    mem_free(bytes);
}

static void text_is_copied_and_ended(void **state)
{
    (void)state;
    char *text = mem_text("abc", 2);
    assert_string_equal(text, "ab");
    mem_free(text);
    text = mem_text(NULL, 0);
    assert_string_equal(text, "");
    mem_free(text);
}

static void wiping_clears_just_that(void **state)
{
    (void)state;
    char secret[] = "secret";
    mem_wipe(secret, 5);
    assert_memory_equal(secret, "\0\0\0\0\0t", 7);
    mem_wipe(NULL, 0);
}

// Runs in a child, whose end tells: the product wraps round to something small, and a plain malloc
// of the product would have given it.
static void a_product_that_overflows_aborts(void **state)
{
    (void)state;
    volatile size_t count = SIZE_MAX / 2 + 2;
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)!freopen("/dev/null", "w", stderr);
        mem_free(mem_zero(count, 2));
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_still_a_piece_of_its_own),
        cmocka_unit_test(zeroed_memory_is_zero_and_growing_keeps_content),
        cmocka_unit_test(text_is_copied_and_ended),
        cmocka_unit_test(wiping_clears_just_that),
        cmocka_unit_test(a_product_that_overflows_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
