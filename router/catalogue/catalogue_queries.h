// What the monitor asks a server to fill a catalogue. Rows go to catalogue_builder_row() as they
// come. Both families and all their versions understand all of the queries. The monitor's account
// needs, beside what it needs anyway:
//
//   views        SHOW VIEW and SELECT on *.*: a definition that is not shown counts as unsafe
//   routines     MariaDB: SELECT on mysql.proc, or SHOW CREATE ROUTINE; MySQL: SHOW_ROUTINE
//   parameters   the same
//   loadable     SELECT on mysql.func
//   triggers     TRIGGER on *.*
//   foreign keys any privilege on the tables
//   id tables    MySQL: SELECT on performance_schema.processlist
#pragma once

#include "proxy/base/slice.h"

#include <stddef.h>

enum catalogue_query_id {
    CATALOGUE_QUERY_VIEWS,
    CATALOGUE_QUERY_ROUTINES,
    CATALOGUE_QUERY_PARAMETERS,
    CATALOGUE_QUERY_LOADABLE,
    CATALOGUE_QUERY_TRIGGERS,
    CATALOGUE_QUERY_FOREIGN_KEYS,
    CATALOGUE_QUERY_ID_TABLES,
    CATALOGUE_QUERY_COUNT,
};

struct catalogue_query {
    enum catalogue_query_id id;
    size_t columns; // how many a row has
    struct slice sql;
};

// In the order of their ids.
extern const struct catalogue_query catalogue_queries[CATALOGUE_QUERY_COUNT];
