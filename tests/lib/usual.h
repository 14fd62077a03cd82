// What a writable MariaDB would say to whatever a proxy asks of every server: its variables, its
// replication, its catalogue (empty). For servers of the tests' own. Any thread.
#pragma once

#include "protocol/packet/column.h"
#include "proxy/base/buffer.h"
#include "proxy/base/slice.h"

#include <stdint.h>

// The version that such a server greets with.
#define USUAL_VERSION "10.11.6-MariaDB"

// Appends the whole answer, framed: one row of what a SELECT's expressions mean, none where it
// reads a table, nothing to SHOW, OK to everything else. `capabilities`: the connection's.
void usual_answer(struct slice statement, uint64_t capabilities, struct buffer *out);

// A column of text.
struct column usual_column(struct slice name);
