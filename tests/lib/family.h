// On which servers the end-to-end tests run, and how a thing is said there: SERVERS in the
// environment is "mariadb" (this machine's own, also where it is not set), "mysql" or "mariadb-11"
// (of other Debian releases, see tests/servers/binaries).
#pragma once

#include <stdbool.h>

enum servers { SERVERS_MARIADB, SERVERS_MYSQL, SERVERS_MARIADB_11 };

enum servers servers_of_run(void);
bool servers_are_mysql(void);
// Whether tests/servers/binaries has unpacked them, where they are not this machine's own.
bool servers_are_there(enum servers kind);

// The one of two spellings that this run's servers understand.
const char *dialect(const char *mariadb, const char *mysql);

// A subquery with the rows 1 to `last` in the column i, as both families have it, at most 1000.
#define NUMBERS_TO(last)                                                                           \
    "(WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < " #last           \
    ") SELECT i FROM n) AS numbers"
