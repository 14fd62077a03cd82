// MySQL's SQL into SQLite's: what clients of MySQL servers write so that SQLite, behind the views,
// understands it. Strings and names are quoted anew (so that a backslash ends nowhere else than the
// client meant), @@variables become calls of a function, comments go, LIKE gets its backslash. Only
// the words change; whether the statement may run is the engine's to judge. Pure; any thread.
#pragma once

#include "proxy/base/arena.h"
#include "proxy/base/buffer.h"
#include "proxy/base/error.h"
#include "proxy/base/slice.h"

#include <stdbool.h>

// The function that @@name and @@scope.name become: one text argument.
#define DIALECT_VARIABLE "sluice_variable"

// Appends the statement in SQLite's words. False with a syntax error in `error` where the text can
// not be cut into tokens, or holds more than one statement.
bool dialect_translate(struct slice sql, struct buffer *out, struct error *error);

// A column's name as the client wrote it: with @@variables again where the function's calls stand.
struct slice dialect_name(struct slice name, struct arena *arena);

// Appends text as a string literal of SQLite.
void dialect_string(struct slice text, struct buffer *out);
