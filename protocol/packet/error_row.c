#include "protocol/packet/error_row.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define BOTH(number, sqlstate) FAMILIES(number, sqlstate, number, sqlstate)
#define FAMILIES(my, my_state, maria, maria_state)                                                 \
    .mysql = {(my), my_state}, .mariadb = {(maria), maria_state}

static const struct error_row_info ROWS[] = {
#define ROW(name, codes, text, sentence)                                                           \
    {SLICE_INIT(#name), codes, SLICE_INIT(text), SLICE_INIT(sentence)},
#include "protocol/packet/errors.def"
#undef ROW
};

const struct error_row_info *error_rows(size_t *count)
{
    *count = sizeof(ROWS) / sizeof(ROWS[0]);
    return ROWS;
}

const struct error_code *error_row_code(enum error_row row, bool is_mariadb)
{
    assert(row < sizeof(ROWS) / sizeof(ROWS[0]));
    return is_mariadb ? &ROWS[row].mariadb : &ROWS[row].mysql;
}

void error_row_write_text(struct writer *writer, bool is_mariadb, enum error_row row,
                          struct slice text)
{
    const struct error_code *code = error_row_code(row, is_mariadb);
    struct err err = {
        .code = code->number,
        .sqlstate = slice_text(code->sqlstate),
        .message = slice_first(text, ERROR_ROW_TEXT_SIZE - 1),
    };

    err_encode(&err, writer);
}

void error_row_write(struct writer *writer, bool is_mariadb, enum error_row row, const char *format,
                     ...)
{
    char text[ERROR_ROW_TEXT_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    error_row_write_text(writer, is_mariadb, row, slice_text(text));
}
