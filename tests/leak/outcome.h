// What a client gets for a statement, written out so that two clients' answers can be held against
// each other: errors, counts, ids, warnings, status flags, columns with their types, and all rows.
#pragma once

#include "proxy/base/buffer.h"
#include "proxy/base/slice.h"

#include <mariadb/mysql.h>

// Values for a prepared statement's parameters.
enum { OUTCOME_PARAMETERS_MOST = 2 };
struct outcome_parameter {
    enum enum_field_types type; // LONGLONG, DOUBLE, STRING or NULL
    long long number;
    double real;
    struct slice text;
};

// Runs a text and appends what came, result by result.
void outcome_of_text(MYSQL *client, struct slice sql, struct buffer *out);
// Prepares; appends what came. The statement is of use where it has no error number then.
void outcome_of_prepare(MYSQL_STMT *stmt, struct slice sql, struct buffer *out);
// Executes it once, by a cursor where wanted.
void outcome_of_execute(MYSQL_STMT *stmt, const struct outcome_parameter *parameters,
                        bool with_cursor, struct buffer *out);
// Of a command without a result that has just returned this.
void outcome_of_command(MYSQL *client, int code, struct buffer *out);
