// System variables by what it means to read them. Constant table. Any thread.
#pragma once

#include "proxy/base/slice.h"

#include <stdbool.h>

enum variable_kind {
    VARIABLE_SERVER,  // each server has its own answer; all that are not in the table
    VARIABLE_SESSION, // part of the session's image: any server answers once it is applied
    VARIABLE_WARNINGS,
    VARIABLE_INSERT_ID,
    VARIABLE_CONNECTION_ID,
    VARIABLE_TOKEN,
    VARIABLE_ACCESS_MODE, // connections to replicas are set READ ONLY as a second line, so that
                          // only a primary's tells the session's
    VARIABLE_TRACKING,    // what connections report to sluice is not what the session asked for
    VARIABLE_LAST_GTID,   // MariaDB: a connection's, whoever wrote there
};

// `name` without scope, in whatever case.
enum variable_kind variable_find(struct slice name);
// Whether a session that sets it keeps its connection, since no other one can be given the value.
bool variable_is_of_connection(struct slice name);
