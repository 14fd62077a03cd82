// What the dimensions of the metrics are called: servers by their sections, reasons, pins, ends and
// errors by their tables. Made for one configuration. Immutable; any thread.
#pragma once

#include "conf/config.h"
#include "proxy/observe/metric.h"

// Sizes and names. The arrays of names are the caller's, for mem_free(); names of servers are
// borrowed from the configuration.
void labels_init(struct metric_labels *labels, const struct config *config);
