#include "proxy/base/random.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void a_seed_makes_it_repeatable(void **state)
{
    (void)state;
    uint64_t first[8];
    random_seed(1);
    for (int i = 0; i < 8; i++) {
        first[i] = random_u64();
    }
    random_seed(1);
    for (int i = 0; i < 8; i++) {
        assert_true(random_u64() == first[i]);
    }
    random_seed(2);
    assert_true(random_u64() != first[0]);
}

// The generator's first numbers from seed 1, computed from the definitions of splitmix64 and
// xoroshiro128+ by another program.
static void the_generator_is_the_one_named(void **state)
{
    (void)state;
    static const uint64_t expected[] = {0x4ff5bb8dee914928U, 0xf4bb636399efc448U,
                                        0x676ce74bb045e184U, 0x85a5e2153b0d8255U};
    random_seed(1);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_true(random_u64() == expected[i]);
    }
}

static void below_stays_below_and_is_even(void **state)
{
    (void)state;
    unsigned seen[10] = {0};
    random_seed(5);
    assert_int_equal(random_below(1), 0);
    for (int i = 0; i < 100000; i++) {
        uint32_t number = random_below(10);
        assert_true(number < 10);
        seen[number]++;
    }
    for (int i = 0; i < 10; i++) {
        assert_in_range(seen[i], 9000, 11000);
    }
    uint32_t most = 0;
    for (int i = 0; i < 1000; i++) {
        uint32_t number = random_below(UINT32_MAX);
        assert_true(number < UINT32_MAX);
        most = number > most ? number : most;
    }
    assert_true(most > UINT32_MAX / 2);
}

// Longer than what one call of the kernel fills in any case, and different each time.
static void the_kernel_fills_all_of_it(void **state)
{
    (void)state;
    static unsigned char a[100000], b[100000];
    size_t zeros = 0;
    random_bytes(a, sizeof(a));
    random_bytes(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    assert_memory_not_equal(a + sizeof(a) - 32, b + sizeof(b) - 32, 32);
    for (size_t i = 0; i < sizeof(a); i++) {
        zeros += a[i] == 0;
    }
    assert_in_range(zeros, 200, 600);
    random_bytes(NULL, 0);
}

static void *number_take(void *arg)
{
    *(uint64_t *)arg = random_u64();
    return NULL;
}

static void each_thread_has_its_own_seed(void **state)
{
    (void)state;
    uint64_t numbers[2];
    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, number_take, &numbers[i]), 0);
        pthread_join(thread, NULL);
    }
    assert_true(numbers[0] != numbers[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_makes_it_repeatable),
        cmocka_unit_test(the_generator_is_the_one_named),
        cmocka_unit_test(below_stays_below_and_is_even),
        cmocka_unit_test(the_kernel_fills_all_of_it),
        cmocka_unit_test(each_thread_has_its_own_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
