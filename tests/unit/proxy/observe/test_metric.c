#include "proxy/observe/metric.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const backend_names[] = {"", "db1", "db\"2\\\n", "db3"};
static const char *const reason_names[] = {"read", "write", "unknown"};
static const char *const error_names[] = {"1040", "1045"};

static const struct metric_labels labels = {
    .size = {3, 3, 3, 3, 2},
    .names = {backend_names, reason_names, reason_names, reason_names, error_names},
};

static const struct metric_labels more_labels = {
    .size = {4, 3, 3, 3, 2},
    .names = {backend_names, reason_names, reason_names, reason_names, error_names},
};

static char *printed(const struct metrics *metrics, const struct metric_labels *words)
{
    struct buffer out = BUFFER_INIT;
    metrics_print(metrics, words, &out);
    char *text = slice_copy_text(buffer_slice(&out));
    buffer_release(&out);
    return text;
}

static void assert_has_line(const char *text, const char *line)
{
    size_t len = strlen(line);
    for (const char *at = text; (at = strstr(at, line)) != NULL; at++) {
        if ((at == text || at[-1] == '\n') && at[len] == '\n') {
            return;
        }
    }
    fail_msg("no line '%s' in:\n%s", line, text);
}

// --- counting -----------------------------------------------------------------------------------

static void each_combination_of_labels_counts_for_itself(void **state)
{
    (void)state;
    struct metrics *m = metrics_create(&labels);
    uint64_t n = 0;

    for (unsigned target = 0; target < METRIC_TARGET_COUNT; target++) {
        for (int server = -1; server < 2; server++) {
            for (unsigned result = 0; result < METRIC_RESULT_COUNT; result++) {
                metric_add(m, METRIC_QUERIES, ++n, target, metric_backend(server), result);
            }
        }
    }
    n = 0;
    for (unsigned target = 0; target < METRIC_TARGET_COUNT; target++) {
        for (int server = -1; server < 2; server++) {
            for (unsigned result = 0; result < METRIC_RESULT_COUNT; result++) {
                assert_int_equal(
                    metric_get(m, METRIC_QUERIES, target, metric_backend(server), result), ++n);
            }
        }
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < m->value_count; i++) {
        sum += m->values[i];
    }
    assert_int_equal(sum, n * (n + 1) / 2);
    metrics_destroy(m);
}

static void rows_lie_side_by_side(void **state)
{
    (void)state;
    struct metrics *m = metrics_create(&labels);
    size_t values = 0;
    size_t histograms = 0;
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct metric_place *v = &m->values_at[i];
        const struct metric_place *h = &m->histograms_at[i];
        if (v->size[0] > 0) {
            assert_int_equal(v->first, values);
            values += (size_t)v->size[0] * v->size[1] * v->size[2];
        } else {
            assert_int_equal(h->first, histograms);
            histograms += (size_t)h->size[0] * h->size[1] * h->size[2];
        }
    }
    assert_int_equal(values, m->value_count);
    assert_int_equal(histograms, m->histogram_count);
    metrics_destroy(m);
}

static bool dies(void (*deed)(struct metrics *))
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        fclose(stderr);
        signal(SIGABRT, SIG_DFL);
        deed(metrics_create(&labels));
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void count_beyond_the_last_label(struct metrics *m)
{
    metric_add(m, METRIC_ROUTE_REASONS, 1, 3);
}

static void count_with_a_label_too_many(struct metrics *m)
{
    metric_add(m, METRIC_ROUTE_REASONS, 1, 2, 1);
}

static void count_what_is_a_histogram(struct metrics *m)
{
    metric_add(m, METRIC_QUERY_DURATION, 1);
}

static void record_what_is_a_counter(struct metrics *m)
{
    metric_record(m, METRIC_QUERIES, 1);
}

static void count_the_last_label(struct metrics *m)
{
    metric_add(m, METRIC_ROUTE_REASONS, 1, 2);
}

static void a_wrong_label_or_kind_is_a_bug_that_shows(void **state)
{
    (void)state;
    assert_false(dies(count_the_last_label));
    assert_true(dies(count_beyond_the_last_label));
    assert_true(dies(count_with_a_label_too_many));
    assert_true(dies(count_what_is_a_histogram));
    assert_true(dies(record_what_is_a_counter));
}

static void gauges_go_up_and_down(void **state)
{
    (void)state;
    struct metrics *m = metrics_create(&labels);
    metric_add(m, METRIC_CLIENTS, 1);
    metric_add(m, METRIC_CLIENTS, 1);
    metric_add(m, METRIC_CLIENTS, -1);
    char *text = printed(m, &labels);
    assert_has_line(text, "sluice_clients 1");
    free(text);
    metric_add(m, METRIC_CLIENTS, -2);
    text = printed(m, &labels);
    assert_has_line(text, "sluice_clients -1");
    free(text);
    metrics_destroy(m);
}

// --- several threads' ---------------------------------------------------------------------------

static void merging_adds_up_what_threads_counted(void **state)
{
    (void)state;
    struct metrics *all = metrics_create(&labels);
    struct metrics *one = metrics_create(&labels);
    struct metrics *two = metrics_create(&labels);

    metric_add(one, METRIC_CLIENTS, 3);
    metric_add(two, METRIC_CLIENTS, -1);
    metric_add(one, METRIC_PINS, 2, 1);
    metric_add(two, METRIC_PINS, 5, 1);
    metric_record(one, METRIC_QUERY_DURATION, 100, METRIC_TARGET_PRIMARY, METRIC_PHASE_TOTAL);
    metric_record(two, METRIC_QUERY_DURATION, 200, METRIC_TARGET_PRIMARY, METRIC_PHASE_TOTAL);
    metrics_merge(all, one);
    metrics_merge(all, two);
    assert_int_equal((int64_t)metric_get(all, METRIC_CLIENTS), 2);
    assert_int_equal(metric_get(all, METRIC_PINS, 1), 7);
    const struct histogram *h =
        metric_histogram(all, METRIC_QUERY_DURATION, METRIC_TARGET_PRIMARY, METRIC_PHASE_TOTAL, 0);
    assert_int_equal(h->count, 2);
    assert_int_equal(h->sum, 300);
    metrics_destroy(one);
    metrics_destroy(two);
    metrics_destroy(all);
}

static void a_server_more_keeps_what_was_counted(void **state)
{
    (void)state;
    struct metrics *m = metrics_create(&labels);
    struct metrics *larger = metrics_create(&more_labels);

    metric_add(m, METRIC_QUERIES, 4, METRIC_TARGET_REPLICA, metric_backend(1), METRIC_RESULT_ERROR);
    metrics_merge(larger, m);
    metrics_resize(m, &more_labels);
    metric_add(m, METRIC_BACKEND_ERRORS, 6, metric_backend(2));
    for (int i = 0; i < 2; i++) {
        struct metrics *which = i == 0 ? m : larger;
        assert_int_equal(metric_get(which, METRIC_QUERIES, METRIC_TARGET_REPLICA, metric_backend(1),
                                    METRIC_RESULT_ERROR),
                         4);
    }
    assert_int_equal(metric_get(m, METRIC_BACKEND_ERRORS, metric_backend(2)), 6);
    metrics_destroy(larger);
    metrics_destroy(m);
}

// --- printing -----------------------------------------------------------------------------------

static void counters_are_printed_once_they_counted(void **state)
{
    (void)state;
    struct metrics *m = metrics_create(&labels);
    char *text = printed(m, &labels);
    assert_has_line(text, "# TYPE sluice_pins_total counter");
    assert_null(strstr(text, "sluice_pins_total{"));
    assert_has_line(text, "sluice_logins_total 0");
    free(text);

    metric_add(m, METRIC_QUERIES, 7, METRIC_TARGET_BLOCKED, metric_backend(-1),
               METRIC_RESULT_FAILED);
    text = printed(m, &labels);
    assert_has_line(text,
                    "sluice_queries_total{target=\"blocked\",backend=\"\",result=\"failed\"} 7");
    free(text);
    metrics_destroy(m);
}

static void label_values_are_escaped(void **state)
{
    (void)state;
    struct metrics *m = metrics_create(&labels);
    metric_set(m, METRIC_BACKEND_UP, 1, metric_backend(1));
    char *text = printed(m, &labels);
    assert_has_line(text, "sluice_backend_up{backend=\"db\\\"2\\\\\\n\"} 1");
    assert_has_line(text, "sluice_backend_up{backend=\"db1\"} 0");
    assert_null(strstr(text, "sluice_backend_up{backend=\"\"}"));
    free(text);
    metrics_destroy(m);
}

static void an_unknown_lag_is_absent_and_a_known_one_in_seconds(void **state)
{
    (void)state;
    struct metrics *m = metrics_create(&labels);
    metric_set(m, METRIC_BACKEND_LAG, METRIC_UNKNOWN, metric_backend(0));
    metric_set(m, METRIC_BACKEND_LAG, 1500042, metric_backend(1));
    char *text = printed(m, &labels);
    assert_null(strstr(text, "sluice_backend_lag_seconds{backend=\"db1\"}"));
    assert_has_line(text, "sluice_backend_lag_seconds{backend=\"db\\\"2\\\\\\n\"} 1.500042");
    free(text);
    metrics_destroy(m);
}

static void a_histogram_is_printed_with_exact_cumulative_counts(void **state)
{
    (void)state;
    struct metrics *m = metrics_create(&labels);
    static const int64_t values[] = {31, 32, 63, 64, 1000000, 100000000};
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        metric_record(m, METRIC_QUERY_DURATION, values[i], METRIC_TARGET_REPLICA,
                      METRIC_PHASE_SERVER);
    }
    char *text = printed(m, &labels);
#define SERIES(suffix) "sluice_query_duration_seconds" suffix "{target=\"replica\",phase=\"server\""
    assert_has_line(text, SERIES("_bucket") ",le=\"3.2e-05\"} 1");
    assert_has_line(text, SERIES("_bucket") ",le=\"6.4e-05\"} 3");
    assert_has_line(text, SERIES("_bucket") ",le=\"0.000128\"} 4");
    assert_has_line(text, SERIES("_bucket") ",le=\"1.048576\"} 5");
    assert_has_line(text, SERIES("_bucket") ",le=\"67.108864\"} 5");
    assert_has_line(text, SERIES("_bucket") ",le=\"+Inf\"} 6");
    assert_has_line(text, SERIES("_sum") "} 101.000190");
    assert_has_line(text, SERIES("_count") "} 6");
    free(text);
    metrics_destroy(m);
}

// Something in every row.
static struct metrics *all_counted(void)
{
    struct metrics *m = metrics_create(&labels);
    for (size_t i = 0; i < m->value_count; i++) {
        m->values[i] = i + 1;
    }
    for (size_t i = 0; i < m->histogram_count; i++) {
        histogram_record(&m->histograms[i], (int64_t)(i * 100));
    }
    return m;
}

static void promtool_finds_nothing_to_mend(void **state)
{
    (void)state;
    if (system("command -v promtool >/dev/null") != 0) {
        print_message("promtool is not installed: the Prometheus format is not checked\n");
        skip();
    }
    struct metrics *m = all_counted();
    char *text = printed(m, &labels);
    FILE *tool = popen("promtool check metrics", "w");
    assert_non_null(tool);
    assert_int_equal(fwrite(text, 1, strlen(text), tool), strlen(text));
    assert_int_equal(pclose(tool), 0);
    free(text);
    metrics_destroy(m);
}

struct seen {
    size_t count;
    bool quantile;
    bool plain;
};

static void see(void *user, struct slice name, struct slice words, double value)
{
    struct seen *seen = user;
    seen->count++;
    assert_true(slice_starts_nocase(name, S("sluice_")));
    if (slice_equal(name, S("sluice_query_duration_seconds")) &&
        slice_equal(words, S("target=\"primary\",phase=\"connect\",quantile=\"0.95\""))) {
        seen->quantile = true;
        assert_true(value > 0.000097 && value < 0.000103);
    }
    if (slice_equal(name, S("sluice_clients")) && words.len == 0) {
        seen->plain = true;
    }
}

static void every_sample_is_shown_to_whoever_lists_them(void **state)
{
    (void)state;
    struct metrics *m = all_counted();
    struct seen seen = {0};
    metrics_each(m, &labels, see, &seen);
    assert_true(seen.quantile);
    assert_true(seen.plain);
    assert_true(seen.count > 100);
    metrics_destroy(m);
}

static void the_reference_names_every_row_with_a_sentence(void **state)
{
    (void)state;
    struct buffer out = BUFFER_INIT;
    metric_print_reference(&out);
    struct slice rest = buffer_slice(&out);
    struct slice line;
    unsigned rows = 0;

    while (slice_cut(&rest, '\n', &line) && line.len > 0) {
        assert_true(slice_starts_nocase(line, S("sluice_")));
        assert_true(slice_cut(&rest, '\n', &line));
        assert_true(slice_starts_nocase(line, S("    ")));
        assert_int_equal(line.ptr[line.len - 1], '.');
        rows++;
    }
    assert_int_equal(rows, METRIC_COUNT);
    assert_true(slice_find_slice(buffer_slice(&out),
                                 S("sluice_queries_total{target,backend,result} (counter)")) <
                buffer_len(&out));
    buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_combination_of_labels_counts_for_itself),
        cmocka_unit_test(rows_lie_side_by_side),
        cmocka_unit_test(a_wrong_label_or_kind_is_a_bug_that_shows),
        cmocka_unit_test(gauges_go_up_and_down),
        cmocka_unit_test(merging_adds_up_what_threads_counted),
        cmocka_unit_test(a_server_more_keeps_what_was_counted),
        cmocka_unit_test(counters_are_printed_once_they_counted),
        cmocka_unit_test(label_values_are_escaped),
        cmocka_unit_test(an_unknown_lag_is_absent_and_a_known_one_in_seconds),
        cmocka_unit_test(a_histogram_is_printed_with_exact_cumulative_counts),
        cmocka_unit_test(promtool_finds_nothing_to_mend),
        cmocka_unit_test(every_sample_is_shown_to_whoever_lists_them),
        cmocka_unit_test(the_reference_names_every_row_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
