// Counters, gauges and histograms: declared in metrics.def, counted by each thread for itself. A
// struct metrics belongs to one thread, which alone writes and reads it; others ask by message for
// a copy (metrics_merge() into one of theirs). Counting is an add to memory that nobody else
// touches.
//
//     metric_add(metrics, METRIC_ROUTE_REASONS, 1, reason);
//     metric_add(metrics, METRIC_QUERIES, 1, TARGET_REPLICA, metric_backend(server),
//     METRIC_RESULT_OK); metric_record(metrics, METRIC_QUERY_DURATION, took_us, TARGET_REPLICA,
//     METRIC_PHASE_TOTAL);
//
// Labels are given as small numbers, in the order of the row; what they are called is only needed
// for printing.
#pragma once

#include "proxy/base/buffer.h"
#include "proxy/observe/histogram.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// --- dimensions ---------------------------------------------------------------------------------

enum metric_dimension {
    METRIC_DIMENSION_NONE,
    METRIC_DIMENSION_TARGET,  // enum metric_target
    METRIC_DIMENSION_RESULT,  // enum metric_result
    METRIC_DIMENSION_PHASE,   // enum metric_phase
    METRIC_DIMENSION_STATE,   // enum metric_state
    METRIC_DIMENSION_SIDE,    // enum metric_side
    METRIC_DIMENSION_TLS,     // enum metric_tls
    METRIC_DIMENSION_RELOAD,  // enum metric_reload
    METRIC_DIMENSION_VERSION, // one: this program's
    METRIC_DIMENSION_GIVEN,   // from here on sizes and names are the creator's:
    METRIC_DIMENSION_BACKEND = METRIC_DIMENSION_GIVEN, // metric_backend(server index)
    METRIC_DIMENSION_REASON,                           // route reasons
    METRIC_DIMENSION_PIN,                              // pin reasons
    METRIC_DIMENSION_CLOSE,                            // why backend connections were closed
    METRIC_DIMENSION_ERROR,                            // sluice's own errors
    METRIC_DIMENSION_COUNT,
};

enum { METRIC_GIVEN_COUNT = METRIC_DIMENSION_COUNT - METRIC_DIMENSION_GIVEN };

// The words of `target`, the same everywhere.
enum metric_target {
    METRIC_TARGET_PRIMARY,
    METRIC_TARGET_REPLICA,
    METRIC_TARGET_BACKEND,
    METRIC_TARGET_CACHE,
    METRIC_TARGET_PROXY,
    METRIC_TARGET_BLOCKED,
    METRIC_TARGET_COUNT,
};

enum metric_result {
    METRIC_RESULT_OK,      // the answer was sent, whatever it was but an error
    METRIC_RESULT_ERROR,   // a backend's error was sent
    METRIC_RESULT_FAILED,  // an error of sluice's own was sent
    METRIC_RESULT_ABORTED, // client or backend went away in the middle
    METRIC_RESULT_COUNT,
};

enum metric_phase {
    METRIC_PHASE_QUEUE,
    METRIC_PHASE_CONNECT,
    METRIC_PHASE_WAIT,
    METRIC_PHASE_SERVER,
    METRIC_PHASE_CLIENT,
    METRIC_PHASE_TOTAL,
    METRIC_PHASE_COUNT,
};

enum metric_state {
    METRIC_STATE_CONNECTING,
    METRIC_STATE_IDLE,
    METRIC_STATE_USED,
    METRIC_STATE_COUNT
};

enum metric_side {
    METRIC_SIDE_CLIENT,
    METRIC_SIDE_BACKEND,
    METRIC_SIDE_ADMIN,
    METRIC_SIDE_OTHER,
    METRIC_SIDE_COUNT
};

enum metric_tls { METRIC_TLS_FULL, METRIC_TLS_RESUMED, METRIC_TLS_FAILED, METRIC_TLS_COUNT };

enum metric_reload { METRIC_RELOAD_OK, METRIC_RELOAD_REFUSED, METRIC_RELOAD_COUNT };

// Index of dimension BACKEND: `server` is the server's, -1 where no server was involved (printed as
// an empty label).
static inline unsigned metric_backend(int server)
{
    return (unsigned)(server + 1);
}

// Sizes and names of the dimensions that upper rooms own, by METRIC_GIVEN(dimension). The names are
// borrowed for as long as what they were passed to needs them.
#define METRIC_GIVEN(dimension) ((dimension)-METRIC_DIMENSION_GIVEN)

struct metric_labels {
    unsigned size[METRIC_GIVEN_COUNT]; // BACKEND: number of servers + 1
    const char *const
        *names[METRIC_GIVEN_COUNT]; // size[] of them; BACKEND: "" first; only for printing
};

// --- counting -----------------------------------------------------------------------------------

enum metric {
#define METRIC(name, kind, text, a, b, c, sentence) METRIC_##name,
#include "proxy/observe/metrics.def"
#undef METRIC
    METRIC_COUNT,
};

// Where a metric's cells begin, and how its label indexes find them.
struct metric_place {
    uint32_t first;   // of values[] or histograms[]
    uint32_t size[3]; // 1 for a dimension that it does not have
};

struct metrics {
    struct metric_place values_at[METRIC_COUNT];     // of a histogram: no cells
    struct metric_place histograms_at[METRIC_COUNT]; // of anything else: no cells
    uint64_t *values;
    struct histogram *histograms;
    size_t value_count;
    size_t histogram_count;
    unsigned given[METRIC_GIVEN_COUNT];
};

// A gauge that is not known now: it is not printed.
#define METRIC_UNKNOWN INT64_MIN

// The sizes of `labels` are copied, its names are not needed. Everything begins at 0.
struct metrics *metrics_create(const struct metric_labels *labels);
void metrics_destroy(struct metrics *metrics);
// New sizes (a reload brought servers), none smaller than before: what was counted stays.
void metrics_resize(struct metrics *metrics, const struct metric_labels *labels);

static inline size_t metric_cell(const struct metric_place *place, unsigned a, unsigned b,
                                 unsigned c)
{
    assert(a < place->size[0] && b < place->size[1] && c < place->size[2]);
    return place->first + ((size_t)a * place->size[1] + b) * place->size[2] + c;
}

// Adds `n` (of a gauge: may be negative) to a counter or gauge; label indexes that the row does not
// have are left out.
#define metric_add(metrics, metric, n, ...)                                                        \
    (*metric_value(metrics, metric, METRIC_PAD(__VA_ARGS__)) += (uint64_t)(n))
// Sets a gauge (GAUGE_US: microseconds), to METRIC_UNKNOWN if need be. Gauges of several threads
// are added up, so each cell is set by one thread only.
#define metric_set(metrics, metric, value, ...)                                                    \
    (*metric_value(metrics, metric, METRIC_PAD(__VA_ARGS__)) = (uint64_t)(value))
#define metric_get(metrics, metric, ...)                                                           \
    ((uint64_t)*metric_value(metrics, metric, METRIC_PAD(__VA_ARGS__)))

// One duration into a histogram.
#define metric_record(metrics, metric, us, ...)                                                    \
    histogram_record(metric_histogram(metrics, metric, METRIC_PAD(__VA_ARGS__)), us)

#define METRIC_PAD(...)                    METRIC_FIRST3(, ##__VA_ARGS__, 0, 0, 0, 0)
#define METRIC_FIRST3(...)                 METRIC_FIRST3_(__VA_ARGS__)
#define METRIC_FIRST3_(none, a, b, c, ...) (unsigned)(a), (unsigned)(b), (unsigned)(c)

static inline uint64_t *metric_value(struct metrics *metrics, enum metric metric, unsigned a,
                                     unsigned b, unsigned c)
{
    return &metrics->values[metric_cell(&metrics->values_at[metric], a, b, c)];
}

static inline struct histogram *metric_histogram(struct metrics *metrics, enum metric metric,
                                                 unsigned a, unsigned b, unsigned c)
{
    return &metrics->histograms[metric_cell(&metrics->histograms_at[metric], a, b, c)];
}

// --- reading ------------------------------------------------------------------------------------

// Adds everything in `from`, whose sizes may be smaller.
void metrics_merge(struct metrics *into, const struct metrics *from);

// One sample as people see it: `labels` is "" or "target=\"replica\",backend=\"db1\"", escaped as
// the Prometheus text format says.
typedef void metric_sample_fn(void *user, struct slice name, struct slice labels, double value);
// Calls `fn` for each sample; a histogram is shown as its count, sum and quantiles 0.5, 0.95, 0.99.
void metrics_each(const struct metrics *metrics, const struct metric_labels *labels,
                  metric_sample_fn *fn, void *user);

// Prometheus text format, version 0.0.4. Series with labels that were never counted are left out.
void metrics_print(const struct metrics *metrics, const struct metric_labels *labels,
                   struct buffer *out);
// Every row: name, kind, labels, sentence; for `sluice --metrics` and the README.
void metric_print_reference(struct buffer *out);
