// What a browser or Prometheus would ask of the HTTP port.
#pragma once

#include "proxy/base/buffer.h"

#include <stdint.h>

// GET on 127.0.0.1. Returns the status and appends the body (`body` may be NULL); 0 where nobody
// answers within the usual wait.
int http_get(uint16_t port, const char *path, struct buffer *body);

// The sum of all samples of that name whose labels have this part ("state=\"used\""; "" for all).
double http_metric_sum(uint16_t port, const char *name, const char *label);
