// What the admin port answers to @@name: see variables.def. Constant tables; any thread.
#pragma once

#include "proxy/admin/asker.h"
#include "proxy/admin/cell.h"
#include "proxy/admin/rows.h"
#include "proxy/base/slice.h"

#include <stdbool.h>

// The version that the admin port tells its clients: drivers take it for a MySQL 8.0.
#define VARIABLE_SERVER_VERSION "8.0.11-sluice-" SLUICE_VERSION

// The value as @@name has it; `name` in any case, with or without a scope before it ("session.x").
// False where there is no such variable.
bool variable_answer(struct slice name, const struct asker *asker, struct cell *value);

// Every variable as SHOW VARIABLES has it, for VIEW_VARIABLES.
void variables_fill(struct view_rows *rows, const struct asker *asker);
