// A server's version as it says it of itself ("10.11.6-MariaDB-1", "5.5.5-10.6.12-MariaDB-log",
// "8.4.3", "9.1.0-commercial"): which family it belongs to, and a number to compare. Any thread.
#pragma once

#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum server_family { FAMILY_UNKNOWN, FAMILY_MARIADB, FAMILY_MYSQL };

// "unknown", "mariadb", "mysql".
const char *server_family_name(enum server_family family);

struct version {
    enum server_family family;
    uint32_t number; // major * 10000 + minor * 100 + patch, as the servers count: 101106, 80403
};

// Reads `text`, the "5.5.5-" that MariaDB below 11 greets with included. Returns false, and
// FAMILY_UNKNOWN with 0, where it does not start with three numbers.
bool version_parse(struct slice text, struct version *out);
