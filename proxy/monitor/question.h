// What a probe asks a server, and how the answers become facts. Pure: text out, a collected result
// in. The monitor's account needs no more than the grants that README names: REPLICA MONITOR on
// MariaDB, REPLICATION CLIENT on MySQL.
//
// https://mariadb.com/kb/en/show-replica-status/
// https://dev.mysql.com/doc/refman/9.1/en/show-replica-status.html
#pragma once

#include "proxy/backend/conn.h"
#include "proxy/base/arena.h"
#include "proxy/base/error.h"
#include "proxy/base/slice.h"
#include "router/topology/facts.h"
#include "router/topology/version.h"

// In the order in which they are asked: the position before the state of replication, so that what
// is found stopped has not moved since.
enum question {
    QUESTION_VARIABLES,   // read_only, who it is, its position
    QUESTION_REPLICATION, // from whom it replicates, and how that goes
    QUESTION_COUNT
};

// The statement, in the words of that server. Static text.
struct slice question_sql(enum question question, struct version version);

// Adds what `result` says to `facts`; texts are copied to `arena`, which must outlive the facts.
// False with a sentence in `error` where it is not an answer to the question (an error of the
// server's included): the probe has failed.
bool question_read(enum question question, const struct conn_result *result,
                   struct server_facts *facts, struct arena *arena, struct error *error);
