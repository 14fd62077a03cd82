// What stored programs (functions, procedures, triggers) do, read from their bodies when the
// catalogue is built: a statement that runs one does all of that as well, as far as anybody can
// tell from its text. A program is known where nothing in it is hidden: no text made at run time,
// no program that is not known itself, nothing that holds a connection in a way of its own (XA,
// LOCK TABLES, HANDLER, roles).
#pragma once

#include "router/catalogue/builder.h"
#include "router/statement/statement.h"

struct program {
    // EFFECT_BIT()s and ASK_BIT()s that outlive the program: what the server tells itself (where a
    // transaction begins and ends) and what concerns the program alone are left out.
    uint64_t effects;
    uint32_t asks;
    bool is_read;  // reads tables, and nothing else
    bool may_turn; // begins or ends transactions
    bool are_tables_complete;
    const struct statement_table *tables; // schemas filled in
    uint32_t tables_count;
    const struct assignment *assignments; // of values that only the server knows
    uint32_t assignments_count;
    const struct statement_subject *subjects;
    uint32_t subjects_count;
};

enum program_reading { PROGRAM_UNKNOWN, PROGRAM_WAITING, PROGRAM_KNOWN };

// Reads a body into `out`, everything in `arena`. WAITING: it runs programs that `known` does not
// know yet; all else about it is known.
enum program_reading program_read(struct program *out, struct arena *arena,
                                  const struct catalogue_source *source,
                                  const struct catalogue *known);
