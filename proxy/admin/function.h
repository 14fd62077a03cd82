// Functions of MySQL's that clients call in a SELECT and SQLite has not: USER(), VERSION(),
// CONCAT() and so on, and the one behind @@variables. For the engine alone. One thread.
#pragma once

#include "proxy/admin/asker.h"
#include "proxy/admin/cell.h"
#include "proxy/base/slice.h"

#include <stdbool.h>

struct sqlite3;
struct sqlite3_context;

// What the functions answer with; outlives the database.
struct function_context {
    const struct asker *asker; // of the running statement
};

// Returns SQLite's result code.
int functions_create(struct sqlite3 *db, struct function_context *context);

// Whether a statement may call it: everything but what reaches outside of the statement.
bool function_is_allowed(struct slice name);

// Gives a cell as the result of a function or column.
void function_result(struct sqlite3_context *context, const struct cell *cell);
