// The errors that sluice itself makes to clients: see errors.def. Any thread.
//
//     error_write(&writer, is_mariadb, QUEUE_TIMEOUT, SLICE_ARG(server), waited_ms);
//
// writes the payload of an ERR packet; the compiler checks the arguments against the row's text.
#pragma once

#include "protocol/packet/err.h"
#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

enum error_row {
#define ROW(name, codes, text, sentence) ERROR_ROW_##name,
#include "protocol/packet/errors.def"
#undef ROW
};

enum { ERROR_ROW_TEXT_SIZE = 512 }; // longer texts are cut, as clients do

// The texts under names of their own: constants that the compiler can check a call against.
#define ROW(name, codes, text, sentence)                                                           \
    static const char ERROR_FORMAT_##name[] __attribute__((unused)) = text;
#include "protocol/packet/errors.def"
#undef ROW

struct error_code {
    uint16_t number;
    char sqlstate[ERR_SQLSTATE_SIZE + 1];
};

struct error_row_info {
    struct slice name;
    struct error_code mysql;
    struct error_code mariadb; // the same, mostly
    struct slice text;         // printf
    struct slice sentence;
};

// Writes an ERR payload: the row's code for the family that the client was told of, and its text
// with these arguments.
#define error_write(writer, is_mariadb, name, ...)                                                 \
    error_row_write(writer, is_mariadb, ERROR_ROW_##name, ERROR_FORMAT_##name, ##__VA_ARGS__)

// For error_write().
__attribute__((format(printf, 4, 5))) void error_row_write(struct writer *writer, bool is_mariadb,
                                                           enum error_row row, const char *format,
                                                           ...);

// Writes an ERR payload with the row's code and a text at hand: where the text was made earlier, or
// is an operator's own.
void error_row_write_text(struct writer *writer, bool is_mariadb, enum error_row row,
                          struct slice text);

const struct error_code *error_row_code(enum error_row row, bool is_mariadb);

// The table in the order of the rows; `*count` rows.
const struct error_row_info *error_rows(size_t *count);
