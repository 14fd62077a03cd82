// SQL over the views: SQLite in memory with a virtual table for each view. A statement is prepared
// by an authorizer that lets SELECT, reading of views and functions through and nothing else, and
// that notes which views are read; then their rows are brought from wherever they are known; then
// the statement runs over those rows, all at once, with limits on time and memory. One thread.
//
//     statement = engine_prepare(engine, sql, &error);
//     ... get the rows of engine_views(statement) ...
//     engine_run(statement, rows, &asker, &table, &error);
//     engine_release(&statement);
#pragma once

#include "proxy/admin/asker.h"
#include "proxy/admin/cell.h"
#include "proxy/admin/rows.h"
#include "proxy/admin/table.h"
#include "proxy/admin/view.h"
#include "proxy/base/clock.h"
#include "proxy/base/error.h"
#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct engine_statement;

#define ENGINE_TIME_US (2 * CLOCK_SECOND) // longest run of a statement

enum {
    ENGINE_SQL_MAX = 256 << 10,  // bytes of a statement
    ENGINE_HEAP_MAX = 128 << 20, // bytes of all that SQLite holds, in the whole process
};

// Aborts where SQLite can't start, which is for want of memory.
struct engine *engine_create(void);
// No statement may be left.
void engine_destroy(struct engine *engine);

// One statement in MySQL's dialect (see dialect.h). NULL with number and text for the client in
// `error` where it can't be understood or is not allowed. The caller owns it.
struct engine_statement *engine_prepare(struct engine *engine, struct slice sql,
                                        struct error *error);
// Frees and nulls; NULL there is nothing.
void engine_release(struct engine_statement **statement);

// What it reads.
uint64_t engine_views(const struct engine_statement *statement);
size_t engine_parameter_count(const struct engine_statement *statement);
// Its columns' names, in `arena`.
const struct slice *engine_columns(const struct engine_statement *statement, struct arena *arena,
                                   size_t *count);

// Runs over `rows`, VIEW_COUNT of them by enum view, those of its views filled. `parameters`: as
// many cells as it has parameters. `table` is empty before. False with number and text in `error`,
// and an empty table.
bool engine_run(struct engine_statement *statement, const struct view_rows *rows,
                const struct cell *parameters, const struct asker *asker, struct table *table,
                struct error *error);
