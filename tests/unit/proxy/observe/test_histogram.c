#include "proxy/observe/histogram.h"

#include "proxy/base/clock.h"
#include "proxy/base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void buckets_follow_each_other_without_gap(void **state)
{
    (void)state;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t start = histogram_bucket_start(i);
        uint64_t end = histogram_bucket_start(i + 1);
        assert_true(end > start);
        assert_int_equal(histogram_bucket(start), i);
        assert_int_equal(histogram_bucket(end - 1), i);
        assert_true((end - start) * HISTOGRAM_SUB <= start || end - start == 1);
    }
    assert_int_equal(histogram_bucket_start(HISTOGRAM_BUCKETS), (uint64_t)1 << HISTOGRAM_TOP_BITS);
}

static void values_beyond_the_top_fall_into_the_last_bucket(void **state)
{
    (void)state;
    uint64_t top = (uint64_t)1 << HISTOGRAM_TOP_BITS;
    assert_int_equal(histogram_bucket(top - 1), HISTOGRAM_BUCKETS - 1);
    assert_int_equal(histogram_bucket(top), HISTOGRAM_BUCKETS - 1);
    assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static void a_negative_duration_counts_as_none(void **state)
{
    (void)state;
    static struct histogram h;
    histogram_record(&h, -5);
    assert_int_equal(h.buckets[0], 1);
    assert_int_equal(h.sum, 0);
}

// --- precision ----------------------------------------------------------------------------------

enum { VALUES = 50000 };

typedef double draw_fn(void);

static double draw_share(void)
{
    return ((double)random_below(1u << 30) + 0.5) / (1u << 30);
}

static double draw_constant(void)
{
    return 777;
}

static double draw_uniform(void)
{
    return 100 + draw_share() * 9900;
}

static double draw_exponential(void)
{
    return -log(draw_share()) * 350;
}

static double draw_log_normal(void)
{
    double normal = sqrt(-2 * log(draw_share())) * cos(2 * 3.14159265358979 * draw_share());
    return exp(6 + 1.5 * normal);
}

static double draw_two_humps(void)
{
    return random_below(10) == 0 ? 2e6 + draw_share() * 1e6 : 80 + draw_share() * 40;
}

static double draw_small(void)
{
    return random_below(70);
}

static int compare_values(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void check_quantiles(draw_fn *draw)
{
    static const double quantiles[] = {0.001, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1};
    static int64_t values[VALUES];
    struct histogram *h = calloc(1, sizeof(*h));
    uint64_t sum = 0;

    for (size_t i = 0; i < VALUES; i++) {
        values[i] = (int64_t)draw();
        sum += (uint64_t)values[i];
        histogram_record(h, values[i]);
    }
    qsort(values, VALUES, sizeof(*values), compare_values);
    for (size_t i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++) {
        double exact = (double)values[(size_t)ceil(quantiles[i] * VALUES) - 1];
        double found = (double)histogram_quantile(h, quantiles[i]);
        assert_true(fabs(found - exact) <= exact * 0.03);
    }
    assert_int_equal(h->count, VALUES);
    assert_int_equal(h->sum, sum);
    free(h);
}

static void quantiles_are_within_three_percent_on_any_distribution(void **state)
{
    (void)state;
    random_seed(7);
    check_quantiles(draw_constant);
    check_quantiles(draw_uniform);
    check_quantiles(draw_exponential);
    check_quantiles(draw_log_normal);
    check_quantiles(draw_two_humps);
    check_quantiles(draw_small);
}

static void an_empty_histogram_has_no_quantile(void **state)
{
    (void)state;
    static struct histogram h;
    assert_int_equal(histogram_quantile(&h, 0.99), 0);
}

static void counts_below_a_power_of_two_are_exact(void **state)
{
    (void)state;
    static struct histogram h;
    for (int64_t value = 0; value < 5000; value++) {
        histogram_record(&h, value);
    }
    assert_int_equal(histogram_below(&h, 1), 1);
    assert_int_equal(histogram_below(&h, 32), 32);
    assert_int_equal(histogram_below(&h, 4096), 4096);
    assert_int_equal(histogram_below(&h, 8192), 5000);
}

static void merging_is_as_if_one_had_recorded_all(void **state)
{
    (void)state;
    static struct histogram a, b, both;
    random_seed(9);
    for (int i = 0; i < 1000; i++) {
        int64_t value = (int64_t)draw_log_normal();
        histogram_record(i % 3 == 0 ? &a : &b, value);
        histogram_record(&both, value);
    }
    histogram_merge(&a, &b);
    assert_memory_equal(&a, &both, sizeof(both));
}

static void recording_costs_a_few_nanoseconds(void **state)
{
    (void)state;
    static struct histogram h;
    enum { ROUNDS = 2000000 };
    int64_t begun = clock_now_us();
    for (int64_t i = 0; i < ROUNDS; i++) {
        histogram_record(&h, i & 0xffff);
    }
    print_message("histogram_record: %.1f ns\n",
                  (double)(clock_now_us() - begun) * 1000.0 / ROUNDS);
    assert_int_equal(h.count, ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_follow_each_other_without_gap),
        cmocka_unit_test(values_beyond_the_top_fall_into_the_last_bucket),
        cmocka_unit_test(a_negative_duration_counts_as_none),
        cmocka_unit_test(quantiles_are_within_three_percent_on_any_distribution),
        cmocka_unit_test(an_empty_histogram_has_no_quantile),
        cmocka_unit_test(counts_below_a_power_of_two_are_exact),
        cmocka_unit_test(merging_is_as_if_one_had_recorded_all),
        cmocka_unit_test(recording_costs_a_few_nanoseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
