#include "proxy/observe/digest_table.h"

#include "proxy/base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct digest_scope app = {SLICE_INIT("shop"), SLICE_INIT("app"),
                                        METRIC_TARGET_REPLICA};

// A digest that has one shape, its own number.
static void run(struct digest_table *table, uint64_t digest, const struct digest_scope *scope,
                const struct digest_sample *sample)
{
    struct digest_entry *entry = digest_table_find(table, digest, scope);
    if (entry == NULL) {
        char bytes[64];
        int len = snprintf(bytes, sizeof(bytes), "SELECT %llu", (unsigned long long)digest);
        struct digest_text *text = digest_text_create(digest, slice_make(bytes, (size_t)len));
        entry = digest_table_add(table, digest, scope, text);
        digest_text_unref(&text);
    }
    digest_table_record(table, entry, sample);
}

static void run_at(struct digest_table *table, uint64_t digest, int64_t at_us)
{
    run(table, digest, &app, &(struct digest_sample){.at_us = at_us, .took_us = 100});
}

// Keeps the facts of one digest and scope.
struct wanted {
    uint64_t digest;
    const struct digest_scope *scope;
    struct digest_facts facts;
    size_t found;
};

static void want(const struct digest_facts *facts, void *context)
{
    struct wanted *wanted = context;
    if (facts->digest == wanted->digest && facts->scope.target == wanted->scope->target &&
        slice_equal(facts->scope.user, wanted->scope->user) &&
        slice_equal(facts->scope.schema, wanted->scope->schema)) {
        wanted->facts = *facts;
        wanted->found++;
    }
}

static struct digest_facts facts_of(const struct digest_table *table, uint64_t digest,
                                    const struct digest_scope *scope)
{
    struct wanted wanted = {.digest = digest, .scope = scope};
    digest_table_each(table, want, &wanted);
    assert_int_equal(wanted.found, 1);
    return wanted.facts;
}

static bool has(const struct digest_table *table, uint64_t digest)
{
    struct wanted wanted = {.digest = digest, .scope = &app};
    digest_table_each(table, want, &wanted);
    return wanted.found == 1;
}

static void what_a_statement_did_is_added_up(void **state)
{
    (void)state;
    struct digest_table *table = digest_table_create(DIGEST_TABLE_BYTES);
    run(table, 7, &app, &(struct digest_sample){.at_us = 1000, .took_us = 40, .rows = 3});
    run(table, 7, &app, &(struct digest_sample){.at_us = 1500, .took_us = 50, .is_error = true});
    run(table, 7, &app, &(struct digest_sample){.at_us = 3000, .took_us = 60, .rows = 2});
    digest_entry_add_rows(digest_table_find(table, 7, &app), 10);
    struct digest_facts facts = facts_of(table, 7, &app);
    assert_int_equal(facts.count, 3);
    assert_int_equal(facts.errors, 1);
    assert_int_equal(facts.rows, 15);
    assert_int_equal(facts.total_us, 150);
    assert_int_equal(facts.p50_us, 50);
    assert_int_equal(facts.first_us, 1000);
    assert_int_equal(facts.last_us, 3000);
    assert_true(slice_equal(facts.text, S("SELECT 7")));
    digest_table_destroy(table);
}

static void each_scope_has_an_entry_of_its_own(void **state)
{
    (void)state;
    const struct digest_scope scopes[] = {
        app,
        {S("shop"), S("report"), METRIC_TARGET_REPLICA},
        {S("crm"), S("app"), METRIC_TARGET_REPLICA},
        {S("shop"), S("app"), METRIC_TARGET_PRIMARY},
        {S(""), S("app"), METRIC_TARGET_REPLICA},
        {S("app"), S("shop"), METRIC_TARGET_REPLICA},
        {S("shopa"), S("pp"), METRIC_TARGET_REPLICA},
    };
    enum { SCOPES = sizeof(scopes) / sizeof(scopes[0]) };
    struct digest_table *table = digest_table_create(DIGEST_TABLE_BYTES);
    for (uint64_t i = 0; i < SCOPES; i++) {
        for (uint64_t times = 0; times <= i; times++) {
            run(table, 7, &scopes[i], &(struct digest_sample){.took_us = 1});
        }
    }
    assert_int_equal(digest_table_count(table), SCOPES);
    for (uint64_t i = 0; i < SCOPES; i++) {
        assert_int_equal(facts_of(table, 7, &scopes[i]).count, i + 1);
    }
    digest_table_destroy(table);
}

// A digest of any number of shapes is one entry, and the shapes met last find it.
static void shapes_of_one_digest_share_an_entry(void **state)
{
    (void)state;
    struct digest_table *table = digest_table_create(DIGEST_TABLE_BYTES);
    struct digest_text *text = digest_text_create(7, S("SELECT ?"));
    struct digest_entry *entry = digest_table_add(table, 0, &app, text);
    size_t bytes = digest_table_bytes(table);
    for (uint64_t shape = 100; shape < 1100; shape++) {
        assert_null(digest_table_find(table, shape, &app));
        assert_ptr_equal(digest_table_add(table, shape, &app, text), entry);
        assert_ptr_equal(digest_table_find(table, shape, &app), entry);
    }
    assert_ptr_equal(digest_table_find(table, 1098, &app), entry);
    assert_null(digest_table_find(table, 100, &app));
    assert_int_equal(digest_table_count(table), 1);
    assert_int_equal(digest_table_bytes(table), bytes);
    assert_ptr_equal(digest_entry_text(entry), text);
    digest_text_unref(&text);
    assert_null(text);
    digest_table_destroy(table);
}

static void a_text_outlives_its_entry_where_it_is_held(void **state)
{
    (void)state;
    struct digest_table *table = digest_table_create(DIGEST_TABLE_BYTES);
    run_at(table, 7, 1);
    struct digest_text *held =
        digest_text_ref(digest_entry_text(digest_table_find(table, 7, &app)));
    digest_table_destroy(table);
    assert_true(slice_equal(slice_make(held->bytes, held->len), S("SELECT 7")));
    digest_text_unref(&held);
}

static void a_long_text_is_cut(void **state)
{
    (void)state;
    char bytes[DIGEST_TEXT_MAX + 100];
    memset(bytes, 'x', sizeof(bytes));
    struct digest_text *text = digest_text_create(1, slice_make(bytes, sizeof(bytes)));
    assert_int_equal(text->len, DIGEST_TEXT_MAX);
    digest_text_unref(&text);
}

// --- the bound ----------------------------------------------------------------------------------

enum { SMALL = 64 << 10 };

static void a_full_table_forgets_what_was_not_used_for_longest(void **state)
{
    (void)state;
    struct digest_table *table = digest_table_create(SMALL);
    for (uint64_t digest = 1; digest <= 5000; digest++) {
        run_at(table, digest, (int64_t)digest);
        run_at(table, 42, (int64_t)digest); // used all the time
        assert_true(digest_table_bytes(table) <= SMALL);
    }
    size_t count = digest_table_count(table);
    assert_true(count > 50 && count < 200);
    assert_true(has(table, 42));
    assert_true(facts_of(table, 42, &app).count > 4900);
    // The others are those that came last, without a gap.
    for (uint64_t digest = 5000; digest > 5000 - count + 1; digest--) {
        assert_true(has(table, digest));
    }
    assert_false(has(table, 5000 - count));
    assert_null(digest_table_find(table, 1, &app));
    digest_table_destroy(table);
}

static void times_that_spread_count_against_the_bound_too(void **state)
{
    (void)state;
    struct digest_table *table = digest_table_create(SMALL);
    for (uint64_t digest = 1; digest <= 500; digest++) {
        run_at(table, digest, 1);
    }
    size_t before = digest_table_count(table);
    for (int64_t took_us = 1; took_us < (int64_t)1 << HISTOGRAM_TOP_BITS; took_us *= 2) {
        run(table, 500, &app, &(struct digest_sample){.took_us = took_us});
        assert_true(digest_table_bytes(table) <= SMALL);
    }
    assert_true(digest_table_count(table) < before);
    assert_int_equal(facts_of(table, 500, &app).count, 1 + HISTOGRAM_TOP_BITS);
    digest_table_destroy(table);
}

static void an_entry_that_is_forgotten_begins_anew(void **state)
{
    (void)state;
    struct digest_table *table = digest_table_create(SMALL);
    run_at(table, 1, 10);
    for (uint64_t digest = 2; digest <= 500; digest++) {
        run_at(table, digest, 20);
    }
    run_at(table, 1, 30);
    struct digest_facts facts = facts_of(table, 1, &app);
    assert_int_equal(facts.count, 1);
    assert_int_equal(facts.first_us, 30);
    digest_table_destroy(table);
}

// --- merging and precision -----------------------------------------------------------------------

enum { VALUES = 30000, WORKERS = 3 };

static int compare_values(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void assert_near(uint64_t found, const int64_t *sorted, double quantile)
{
    double exact = (double)sorted[(size_t)ceil(quantile * VALUES) - 1];
    assert_true(fabs((double)found - exact) <= exact * 0.03);
}

static void merged_percentiles_are_within_three_percent(void **state)
{
    (void)state;
    static int64_t values[VALUES];
    struct digest_table *workers[WORKERS], *all = digest_table_create(SIZE_MAX);
    random_seed(13);
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = digest_table_create(DIGEST_TABLE_BYTES);
    }
    for (int i = 0; i < VALUES; i++) {
        double share = ((double)random_below(1u << 30) + 0.5) / (1u << 30);
        values[i] = i % 50 == 0 ? 2000000 + i : (int64_t)(80 - log(share) * 300);
        run(workers[i % 7 % WORKERS], 7, &app,
            &(struct digest_sample){.at_us = 5000 + i, .took_us = values[i], .rows = 2});
    }
    run_at(workers[1], 8, 77);
    for (int i = 0; i < WORKERS; i++) {
        digest_table_merge(all, workers[i]);
        digest_table_destroy(workers[i]);
    }
    qsort(values, VALUES, sizeof(*values), compare_values);
    struct digest_facts facts = facts_of(all, 7, &app);
    assert_near(facts.p50_us, values, 0.5);
    assert_near(facts.p95_us, values, 0.95);
    assert_near(facts.p99_us, values, 0.99);
    assert_int_equal(facts.count, VALUES);
    assert_int_equal(facts.rows, 2 * VALUES);
    assert_int_equal(facts.first_us, 5000);
    assert_int_equal(facts.last_us, 5000 + VALUES - 1);
    assert_int_equal(facts_of(all, 8, &app).first_us, 77);
    assert_int_equal(digest_table_count(all), 2);
    digest_table_destroy(all);
}

static void an_empty_table_shows_nothing(void **state)
{
    (void)state;
    struct digest_table *table = digest_table_create(SMALL);
    assert_false(has(table, 1));
    assert_int_equal(digest_table_count(table), 0);
    assert_int_equal(digest_table_bytes(table), 0);
    digest_table_destroy(table);
    digest_table_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_statement_did_is_added_up),
        cmocka_unit_test(each_scope_has_an_entry_of_its_own),
        cmocka_unit_test(shapes_of_one_digest_share_an_entry),
        cmocka_unit_test(a_text_outlives_its_entry_where_it_is_held),
        cmocka_unit_test(a_long_text_is_cut),
        cmocka_unit_test(a_full_table_forgets_what_was_not_used_for_longest),
        cmocka_unit_test(times_that_spread_count_against_the_bound_too),
        cmocka_unit_test(an_entry_that_is_forgotten_begins_anew),
        cmocka_unit_test(merged_percentiles_are_within_three_percent),
        cmocka_unit_test(an_empty_table_shows_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
