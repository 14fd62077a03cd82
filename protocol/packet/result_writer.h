// Writes a result set as a server does: the columns, rows, and what ends them, each packet framed.
// For answers of sluice's own. Embedded or on the stack; borrows the writer. One thread.
//
//     struct result_writer result = result_writer_make(&writer, capabilities);
//     result_writer_begin(&result, columns, count, status);
//     while (...) result_writer_row(&result, values);
//     if (!result_writer_end(&result, status, warnings)) ...  // a value that cannot be written
#pragma once

#include "protocol/packet/column.h"
#include "protocol/wire/writer.h"

struct result_writer {
    struct writer *writer;
    uint64_t capabilities;        // of the connection it goes to
    bool is_binary;               // rows for a prepared statement; set before the first row
    bool failed;                  // a packet could not be written and was left out
    const struct column *columns; // borrowed until the last row
    size_t count;
};

struct result_writer result_writer_make(struct writer *writer, uint64_t capabilities);
// The columns, at least one, and what ends them with `status`.
void result_writer_begin(struct result_writer *result, const struct column *columns, size_t count,
                         uint16_t status);
// As many values as there are columns; the pointer of a NULL is NULL.
void result_writer_row(struct result_writer *result, const struct slice *values);
// What ends the rows. False where a packet could not be written: the answer is unusable.
__attribute__((warn_unused_result)) bool result_writer_end(struct result_writer *result,
                                                           uint16_t status, uint16_t warnings);
