// What a browser or Prometheus would ask of the HTTP port.
#pragma once

#include "proxy/base/buffer.h"

#include <stdint.h>

// GET on 127.0.0.1. Returns the status and appends the body (`body` may be NULL); 0 where nobody
// answers within the usual wait.
int http_get(uint16_t port, const char *path, struct buffer *body);

// The value of one sample of /metrics, by its name with labels as printed
// ("sluice_queries_total{target=\"replica\",backend=\"db2\",result=\"ok\"}"); -1 where it is not
// there.
double http_metric(uint16_t port, const char *sample);
// The sum of all samples that start so.
double http_metric_sum(uint16_t port, const char *prefix);
