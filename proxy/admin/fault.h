// Errors of the admin room on their way to a client: a row of errors.def in a struct error, whose
// code is then the MySQL error number. Any thread.
#pragma once

#include "protocol/packet/error_row.h"
#include "proxy/base/error.h"

// fault_set(error, ADMIN_FAILED, SLICE_ARG(text)): number and text of that row. Returns false.
#define fault_set(error, row, ...)                                                                 \
    error_set((error), error_row_code(ERROR_ROW_##row, false)->number, "", ERROR_FORMAT_##row,     \
              ##__VA_ARGS__)

// Writes an ERR payload: the error's number with the sqlstate that errors.def has for it.
void fault_write(const struct error *error, struct writer *writer);
