#include "proxy/server/labels.h"

#include "protocol/packet/error_row.h"
#include "proxy/backend/conn.h"
#include "proxy/base/memory.h"
#include "router/statement/pin.h"
#include "router/statement/reason.h"

static void dimension_set(struct metric_labels *labels, enum metric_dimension dimension,
                          const char **names, size_t count)
{
    labels->size[METRIC_GIVEN(dimension)] = (unsigned)count;
    labels->names[METRIC_GIVEN(dimension)] = names;
}

static const char **names_make(size_t count)
{
    return mem_zero(count, sizeof(const char *));
}

static void backends_name(struct metric_labels *labels, const struct config *config)
{
    const char **names = names_make(config->backend_count + 1);
    names[0] = "";
    for (size_t i = 0; i < config->backend_count; i++) {
        names[i + 1] = config->backends[i].name.ptr;
    }
    dimension_set(labels, METRIC_DIMENSION_BACKEND, names, config->backend_count + 1);
}

static void tables_name(struct metric_labels *labels)
{
    const char **reasons = names_make(ROUTE_REASON_COUNT);
    const char **pins = names_make(PIN_COUNT);
    const char **ends = names_make(CONN_END_COUNT);
    for (int i = 0; i < ROUTE_REASON_COUNT; i++) {
        reasons[i] = route_reason_name((enum route_reason)i).ptr;
    }
    for (int i = 0; i < PIN_COUNT; i++) {
        pins[i] = pin_reason_name((enum pin_reason)i).ptr;
    }
    for (int i = 0; i < CONN_END_COUNT; i++) {
        ends[i] = conn_end_word((enum conn_end)i);
    }
    dimension_set(labels, METRIC_DIMENSION_REASON, reasons, ROUTE_REASON_COUNT);
    dimension_set(labels, METRIC_DIMENSION_PIN, pins, PIN_COUNT);
    dimension_set(labels, METRIC_DIMENSION_CLOSE, ends, CONN_END_COUNT);
}

static void errors_name(struct metric_labels *labels)
{
    size_t count;
    const struct error_row_info *rows = error_rows(&count);
    const char **names = names_make(count);
    for (size_t i = 0; i < count; i++) {
        names[i] = rows[i].name.ptr;
    }
    dimension_set(labels, METRIC_DIMENSION_ERROR, names, count);
}

void labels_init(struct metric_labels *labels, const struct config *config)
{
    backends_name(labels, config);
    tables_name(labels);
    errors_name(labels);
}
