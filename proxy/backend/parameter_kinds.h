// What MySQL takes the parameters of one prepared statement for. It decides that when the statement
// first runs with a value in its place, and makes later values of it: behind a number, the text
// 'abc' is 0. Who shares a statement must not see what others gave it. (MariaDB takes each value as
// it comes.) A byte for each parameter; 0: it had no value but NULL. Any thread.
#pragma once

#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Whether values of these types stay what they are. `types`: of at least `count` parameters, as
// COM_STMT_EXECUTE has them, with names where the connection has query attributes.
bool parameter_kinds_fit(const uint8_t *kinds, size_t count, struct slice types, bool has_names);
// The statement runs with such values, which fit.
void parameter_kinds_note(uint8_t *kinds, size_t count, struct slice types, bool has_names);
