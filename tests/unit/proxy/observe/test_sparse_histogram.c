#include "proxy/observe/sparse_histogram.h"

#include "proxy/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

// Values of every size that a histogram tells apart, and some beyond.
static int64_t draw(void)
{
    return (int64_t)(random_u64() >> random_below(64));
}

static void it_holds_what_the_full_one_holds(void **state)
{
    (void)state;
    static struct histogram full, read;
    struct sparse_histogram sparse = SPARSE_HISTOGRAM_INIT;
    random_seed(3);
    for (int i = 0; i < 100000; i++) {
        int64_t value = draw();
        histogram_record(&full, value);
        sparse_histogram_record(&sparse, value);
    }
    sparse_histogram_add_to(&read, &sparse);
    assert_memory_equal(&read, &full, sizeof(full));
    assert_int_equal(sparse.octave_count, HISTOGRAM_OCTAVES);
    sparse_histogram_release(&sparse);
}

static void merging_is_as_if_one_had_recorded_all(void **state)
{
    (void)state;
    static struct histogram both, read;
    struct sparse_histogram a = SPARSE_HISTOGRAM_INIT, b = SPARSE_HISTOGRAM_INIT;
    random_seed(5);
    for (int i = 0; i < 1000; i++) {
        int64_t value = i % 3 == 0 ? 5 + i % 7 : draw();
        sparse_histogram_record(i % 2 == 0 ? &a : &b, value);
        histogram_record(&both, value);
    }
    struct sparse_histogram sum = SPARSE_HISTOGRAM_INIT;
    sparse_histogram_merge(&sum, &(struct sparse_histogram){0}); // nothing to nothing
    assert_int_equal(sparse_histogram_bytes(&sum), 0);
    sparse_histogram_merge(&sum, &a);
    sparse_histogram_merge(&sum, &b);
    sparse_histogram_add_to(&read, &sum);
    assert_memory_equal(&read, &both, sizeof(both));
    sparse_histogram_release(&sum);
    sparse_histogram_release(&a);
    sparse_histogram_release(&b);
}

static void values_that_are_alike_take_little_memory(void **state)
{
    (void)state;
    struct sparse_histogram sparse = SPARSE_HISTOGRAM_INIT;
    assert_int_equal(sparse_histogram_bytes(&sparse), 0);
    for (int64_t value = 300; value < 1000; value++) { // two octaves
        sparse_histogram_record(&sparse, value);
    }
    assert_int_equal(sparse_histogram_bytes(&sparse), 2 * HISTOGRAM_SUB * sizeof(uint64_t));
    sparse_histogram_record(&sparse, 2000000);
    assert_int_equal(sparse_histogram_bytes(&sparse), 3 * HISTOGRAM_SUB * sizeof(uint64_t));
    sparse_histogram_release(&sparse);
    assert_int_equal(sparse_histogram_bytes(&sparse), 0);
}

static void a_negative_duration_counts_as_none(void **state)
{
    (void)state;
    struct sparse_histogram sparse = SPARSE_HISTOGRAM_INIT;
    sparse_histogram_record(&sparse, -5);
    assert_int_equal(sparse.octaves[sparse.places[0] - 1][0], 1);
    assert_int_equal(sparse.sum, 0);
    sparse_histogram_release(&sparse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_holds_what_the_full_one_holds),
        cmocka_unit_test(merging_is_as_if_one_had_recorded_all),
        cmocka_unit_test(values_that_are_alike_take_little_memory),
        cmocka_unit_test(a_negative_duration_counts_as_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
