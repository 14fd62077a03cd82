#include "proxy/observe/metric.h"

#include "proxy/base/memory.h"

#include <stdio.h>

// --- the rows -----------------------------------------------------------------------------------

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_GAUGE_US, METRIC_HISTOGRAM };

struct metric_row {
    enum metric_kind kind;
    const char *name;
    enum metric_dimension labels[3];
    const char *sentence;
};

static const struct metric_row rows[METRIC_COUNT] = {
#define METRIC(id, kind_, text, a, b, c, words)                                                    \
    [METRIC_##id] = {                                                                              \
        METRIC_##kind_,                                                                            \
        "sluice_" text,                                                                            \
        {METRIC_DIMENSION_##a, METRIC_DIMENSION_##b, METRIC_DIMENSION_##c},                        \
        words,                                                                                     \
    },
#include "proxy/observe/metrics.def"
#undef METRIC
};

static const char *const kind_names[] = {
    [METRIC_COUNTER] = "counter",
    [METRIC_GAUGE] = "gauge",
    [METRIC_GAUGE_US] = "gauge",
    [METRIC_HISTOGRAM] = "histogram",
};

static const char *const label_names[METRIC_DIMENSION_COUNT] = {
    [METRIC_DIMENSION_TARGET] = "target",   [METRIC_DIMENSION_RESULT] = "result",
    [METRIC_DIMENSION_PHASE] = "phase",     [METRIC_DIMENSION_STATE] = "state",
    [METRIC_DIMENSION_SIDE] = "side",       [METRIC_DIMENSION_TLS] = "result",
    [METRIC_DIMENSION_RELOAD] = "result",   [METRIC_DIMENSION_VERSION] = "version",
    [METRIC_DIMENSION_BACKEND] = "backend", [METRIC_DIMENSION_REASON] = "reason",
    [METRIC_DIMENSION_PIN] = "reason",      [METRIC_DIMENSION_CLOSE] = "reason",
    [METRIC_DIMENSION_ERROR] = "error",
};

static const char *const target_names[] = {"primary", "replica", "backend",
                                           "cache",   "proxy",   "blocked"};
static const char *const result_names[] = {"ok", "error", "failed", "aborted"};
static const char *const phase_names[] = {"queue", "connect", "wait", "server", "client", "total"};
static const char *const state_names[] = {"connecting", "idle", "used"};
static const char *const side_names[] = {"client", "backend", "admin", "other"};
static const char *const tls_names[] = {"full", "resumed", "failed"};
static const char *const reload_names[] = {"ok", "refused"};
static const char *const version_names[] = {SLUICE_VERSION};

struct dimension {
    unsigned size;
    const char *const *names;
};

#define DIMENSION(names)                                                                           \
    {                                                                                              \
        sizeof(names) / sizeof((names)[0]), names                                                  \
    }

static const struct dimension own_dimensions[METRIC_DIMENSION_GIVEN] = {
    [METRIC_DIMENSION_NONE] = {1, NULL},
    [METRIC_DIMENSION_TARGET] = DIMENSION(target_names),
    [METRIC_DIMENSION_RESULT] = DIMENSION(result_names),
    [METRIC_DIMENSION_PHASE] = DIMENSION(phase_names),
    [METRIC_DIMENSION_STATE] = DIMENSION(state_names),
    [METRIC_DIMENSION_SIDE] = DIMENSION(side_names),
    [METRIC_DIMENSION_TLS] = DIMENSION(tls_names),
    [METRIC_DIMENSION_RELOAD] = DIMENSION(reload_names),
    [METRIC_DIMENSION_VERSION] = DIMENSION(version_names),
};

_Static_assert(sizeof(target_names) / sizeof(*target_names) == METRIC_TARGET_COUNT, "targets");
_Static_assert(sizeof(result_names) / sizeof(*result_names) == METRIC_RESULT_COUNT, "results");
_Static_assert(sizeof(phase_names) / sizeof(*phase_names) == METRIC_PHASE_COUNT, "phases");
_Static_assert(sizeof(state_names) / sizeof(*state_names) == METRIC_STATE_COUNT, "states");
_Static_assert(sizeof(side_names) / sizeof(*side_names) == METRIC_SIDE_COUNT, "sides");
_Static_assert(sizeof(tls_names) / sizeof(*tls_names) == METRIC_TLS_COUNT, "handshakes");
_Static_assert(sizeof(reload_names) / sizeof(*reload_names) == METRIC_RELOAD_COUNT, "reloads");

// --- life ---------------------------------------------------------------------------------------

static unsigned dimension_size(const unsigned *given, enum metric_dimension dimension)
{
    return dimension < METRIC_DIMENSION_GIVEN ? own_dimensions[dimension].size
                                              : given[METRIC_GIVEN(dimension)];
}

// Gives the row its cells behind `*end`, which moves on.
static void place_row(struct metric_place *place, const struct metric_row *row,
                      const unsigned *given, size_t *end)
{
    size_t cells = 1;
    for (int i = 0; i < 3; i++) {
        place->size[i] = dimension_size(given, row->labels[i]);
        cells *= place->size[i];
    }
    place->first = (uint32_t)*end;
    *end += cells;
    assert(*end <= UINT32_MAX);
}

struct metrics *metrics_create(const struct metric_labels *labels)
{
    struct metrics *metrics = mem_zero(1, sizeof(*metrics));
    memcpy(metrics->given, labels->size, sizeof(metrics->given));
    for (int i = 0; i < METRIC_COUNT; i++) {
        if (rows[i].kind == METRIC_HISTOGRAM) {
            place_row(&metrics->histograms_at[i], &rows[i], metrics->given,
                      &metrics->histogram_count);
        } else {
            place_row(&metrics->values_at[i], &rows[i], metrics->given, &metrics->value_count);
        }
    }
    metrics->values = mem_zero(metrics->value_count, sizeof(*metrics->values));
    metrics->histograms = mem_zero(metrics->histogram_count, sizeof(*metrics->histograms));
    return metrics;
}

static void cells_free(struct metrics *metrics)
{
    mem_free(metrics->values);
    mem_free(metrics->histograms);
}

void metrics_destroy(struct metrics *metrics)
{
    if (metrics != NULL) {
        cells_free(metrics);
        mem_free(metrics);
    }
}

void metrics_resize(struct metrics *metrics, const struct metric_labels *labels)
{
    struct metrics *larger = metrics_create(labels);
    struct metrics before = *metrics;
    metrics_merge(larger, metrics);
    *metrics = *larger;
    *larger = before;
    metrics_destroy(larger);
}

// --- walking over the cells of a row ------------------------------------------------------------

struct cell {
    size_t at;         // in values or histograms
    unsigned index[3]; // of its labels
};

static const struct metric_place *place_of(const struct metrics *metrics, int metric)
{
    return rows[metric].kind == METRIC_HISTOGRAM ? &metrics->histograms_at[metric]
                                                 : &metrics->values_at[metric];
}

static size_t place_cells(const struct metric_place *place)
{
    return (size_t)place->size[0] * place->size[1] * place->size[2];
}

static struct cell cell_at(const struct metric_place *place, size_t n)
{
    return (struct cell){
        .at = place->first + n,
        .index = {(unsigned)(n / place->size[2] / place->size[1]),
                  (unsigned)(n / place->size[2] % place->size[1]), (unsigned)(n % place->size[2])},
    };
}

// --- merging ------------------------------------------------------------------------------------

static void row_merge(struct metrics *into, const struct metrics *from, int metric)
{
    const struct metric_place *to_place = place_of(into, metric);
    const struct metric_place *place = place_of(from, metric);
    for (size_t n = 0; n < place_cells(place); n++) {
        struct cell cell = cell_at(place, n);
        size_t to = metric_cell(to_place, cell.index[0], cell.index[1], cell.index[2]);
        if (rows[metric].kind == METRIC_HISTOGRAM) {
            histogram_merge(&into->histograms[to], &from->histograms[cell.at]);
        } else {
            into->values[to] += from->values[cell.at];
        }
    }
}

void metrics_merge(struct metrics *into, const struct metrics *from)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        row_merge(into, from, i);
    }
}

// --- labels in words ----------------------------------------------------------------------------

static const char *label_value(const struct metric_labels *labels, enum metric_dimension dimension,
                               unsigned index)
{
    const char *const *names = dimension < METRIC_DIMENSION_GIVEN
                                   ? own_dimensions[dimension].names
                                   : labels->names[METRIC_GIVEN(dimension)];
    assert(names != NULL && names[index] != NULL);
    return names[index];
}

static void escaped_append(struct buffer *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\n') {
            buffer_append(out, "\\n", 2);
            continue;
        }
        if (*c == '"' || *c == '\\') {
            buffer_append(out, "\\", 1);
        }
        buffer_append(out, c, 1);
    }
}

// target="replica",backend="db1"
static void labels_append(struct buffer *out, const struct metric_row *row,
                          const struct metric_labels *labels, const struct cell *cell)
{
    for (int i = 0; i < 3 && row->labels[i] != METRIC_DIMENSION_NONE; i++) {
        buffer_print(out, "%s%s=\"", i > 0 ? "," : "", label_names[row->labels[i]]);
        escaped_append(out, label_value(labels, row->labels[i], cell->index[i]));
        buffer_append(out, "\"", 1);
    }
}

// --- what is shown ------------------------------------------------------------------------------

// Whether a label stands for "no server", which only counters know.
static bool is_nobody(const struct metric_row *row, const struct cell *cell)
{
    for (int i = 0; i < 3; i++) {
        if (row->labels[i] == METRIC_DIMENSION_BACKEND && cell->index[i] == metric_backend(-1)) {
            return true;
        }
    }
    return false;
}

static bool value_is_shown(const struct metric_row *row, const struct cell *cell, int64_t value)
{
    if (row->kind == METRIC_COUNTER) {
        return value != 0 || row->labels[0] == METRIC_DIMENSION_NONE;
    }
    return value != METRIC_UNKNOWN && !is_nobody(row, cell);
}

static bool cell_is_shown(const struct metrics *metrics, const struct metric_row *row,
                          const struct cell *cell)
{
    if (row->kind == METRIC_HISTOGRAM) {
        return metrics->histograms[cell->at].count > 0;
    }
    return value_is_shown(row, cell, (int64_t)metrics->values[cell->at]);
}

// --- samples ------------------------------------------------------------------------------------

struct sampling {
    const struct metrics *metrics;
    metric_sample_fn *fn;
    void *user;
    struct buffer name;
    struct buffer labels;
};

static void sample(struct sampling *sampling, const char *suffix, double value)
{
    size_t len = buffer_len(&sampling->name);
    buffer_append(&sampling->name, suffix, strlen(suffix));
    sampling->fn(sampling->user, buffer_slice(&sampling->name), buffer_slice(&sampling->labels),
                 value);
    buffer_truncate(&sampling->name, len);
}

static double in_seconds(uint64_t us)
{
    return (double)us / 1e6;
}

static void sample_histogram(struct sampling *sampling, const struct histogram *histogram)
{
    static const double quantiles[] = {0.5, 0.95, 0.99};
    sample(sampling, "_count", (double)histogram->count);
    sample(sampling, "_sum", in_seconds(histogram->sum));
    size_t len = buffer_len(&sampling->labels);
    for (size_t i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++) {
        buffer_print(&sampling->labels, "%squantile=\"%.9g\"", len > 0 ? "," : "", quantiles[i]);
        sample(sampling, "", in_seconds(histogram_quantile(histogram, quantiles[i])));
        buffer_truncate(&sampling->labels, len);
    }
}

static void sample_cell(struct sampling *sampling, enum metric_kind kind, size_t at)
{
    switch (kind) {
    case METRIC_HISTOGRAM:
        sample_histogram(sampling, &sampling->metrics->histograms[at]);
        break;
    case METRIC_GAUGE_US:
        sample(sampling, "", (double)(int64_t)sampling->metrics->values[at] / 1e6);
        break;
    case METRIC_GAUGE:
        sample(sampling, "", (double)(int64_t)sampling->metrics->values[at]);
        break;
    case METRIC_COUNTER:
        sample(sampling, "", (double)sampling->metrics->values[at]);
        break;
    }
}

void metrics_each(const struct metrics *metrics, const struct metric_labels *labels,
                  metric_sample_fn *fn, void *user)
{
    struct sampling sampling = {metrics, fn, user, BUFFER_INIT, BUFFER_INIT};
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct metric_place *place = place_of(metrics, i);
        buffer_clear(&sampling.name);
        buffer_append(&sampling.name, rows[i].name, strlen(rows[i].name));
        for (size_t n = 0; n < place_cells(place); n++) {
            struct cell cell = cell_at(place, n);
            if (cell_is_shown(metrics, &rows[i], &cell)) {
                buffer_clear(&sampling.labels);
                labels_append(&sampling.labels, &rows[i], labels, &cell);
                sample_cell(&sampling, rows[i].kind, cell.at);
            }
        }
    }
    buffer_release(&sampling.name);
    buffer_release(&sampling.labels);
}

// --- Prometheus text format ---------------------------------------------------------------------
// https://prometheus.io/docs/instrumenting/exposition_formats/

static void seconds_append(struct buffer *out, int64_t us)
{
    uint64_t size = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    buffer_print(out, "%s%llu.%06u", us < 0 ? "-" : "", (unsigned long long)(size / 1000000),
                 (unsigned)(size % 1000000));
}

static void value_append(struct buffer *out, enum metric_kind kind, uint64_t value)
{
    if (kind == METRIC_GAUGE_US) {
        seconds_append(out, (int64_t)value);
    } else if (kind == METRIC_GAUGE) {
        buffer_print(out, "%lld", (long long)value);
    } else {
        buffer_print(out, "%llu", (unsigned long long)value);
    }
}

// The bounds shown are powers of two of microseconds, from 32 us to 67 s, which are borders of our
// own finer buckets, so that each count is exact.
enum { BOUND_FIRST_BITS = 5, BOUND_LAST_BITS = 26 };

// The name with suffix and labels; `more` is one label more, or "".
static void series_append(struct buffer *out, const char *name, const char *suffix,
                          struct slice labels, const char *more)
{
    buffer_print(out, "%s%s", name, suffix);
    if (labels.len > 0 || *more != '\0') {
        buffer_print(out, "{%.*s%s%s}", SLICE_ARG(labels),
                     labels.len > 0 && *more != '\0' ? "," : "", more);
    }
    buffer_append(out, " ", 1);
}

static void histogram_print(struct buffer *out, const char *name, struct slice labels,
                            const struct histogram *histogram)
{
    char bound[32];
    for (unsigned bits = BOUND_FIRST_BITS; bits <= BOUND_LAST_BITS; bits++) {
        uint64_t us = (uint64_t)1 << bits;
        snprintf(bound, sizeof(bound), "le=\"%.9g\"", in_seconds(us));
        series_append(out, name, "_bucket", labels, bound);
        buffer_print(out, "%llu\n", (unsigned long long)histogram_below(histogram, us));
    }
    series_append(out, name, "_bucket", labels, "le=\"+Inf\"");
    buffer_print(out, "%llu\n", (unsigned long long)histogram->count);
    series_append(out, name, "_sum", labels, "");
    seconds_append(out, (int64_t)histogram->sum);
    buffer_append(out, "\n", 1);
    series_append(out, name, "_count", labels, "");
    buffer_print(out, "%llu\n", (unsigned long long)histogram->count);
}

static void cell_print(const struct metrics *metrics, const struct metric_row *row,
                       struct slice labels, size_t at, struct buffer *out)
{
    if (row->kind == METRIC_HISTOGRAM) {
        histogram_print(out, row->name, labels, &metrics->histograms[at]);
        return;
    }
    series_append(out, row->name, "", labels, "");
    value_append(out, row->kind, metrics->values[at]);
    buffer_append(out, "\n", 1);
}

void metrics_print(const struct metrics *metrics, const struct metric_labels *labels,
                   struct buffer *out)
{
    struct buffer words = BUFFER_INIT;
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct metric_row *row = &rows[i];
        const struct metric_place *place = place_of(metrics, i);
        buffer_print(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->sentence, row->name,
                     kind_names[row->kind]);
        for (size_t n = 0; n < place_cells(place); n++) {
            struct cell cell = cell_at(place, n);
            if (cell_is_shown(metrics, row, &cell)) {
                buffer_clear(&words);
                labels_append(&words, row, labels, &cell);
                cell_print(metrics, row, buffer_slice(&words), cell.at, out);
            }
        }
    }
    buffer_release(&words);
}

// --- reference ----------------------------------------------------------------------------------

void metric_print_reference(struct buffer *out)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct metric_row *row = &rows[i];
        buffer_print(out, "%s", row->name);
        for (int k = 0; k < 3 && row->labels[k] != METRIC_DIMENSION_NONE; k++) {
            buffer_print(out, "%s%s", k == 0 ? "{" : ",", label_names[row->labels[k]]);
        }
        buffer_print(out, "%s (%s)\n    %s\n", row->labels[0] != METRIC_DIMENSION_NONE ? "}" : "",
                     kind_names[row->kind], row->sentence);
    }
}
