// An answer of rows: named columns and rows of cells, put together row by row and then written as a
// result of the MySQL protocol or as JSON. Its memory is bounded: a table that would outgrow
// TABLE_MAX takes no more rows and says so. One thread.
#pragma once

#include "protocol/wire/writer.h"
#include "proxy/admin/cell.h"
#include "proxy/admin/view.h"
#include "proxy/base/arena.h"
#include "proxy/base/buffer.h"
#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TABLE_MAX = 16 << 20,   // bytes of rows
    TABLE_WIDTH_MAX = 1024, // columns
};

struct table_column {
    struct slice name; // in the table's arena
    bool has_reals;    // which kinds of values it has, to tell its type
    bool has_texts;
    bool has_numbers;
};

struct table {
    struct arena arena;
    struct table_column *columns;
    struct slice name; // of the view that it comes from, for clients that show it; may be empty
    size_t width;      // 0: no table at all
    size_t count;
    struct buffer bytes;
    bool is_full; // rows were left out
};

#define TABLE_INIT ((struct table){.arena = ARENA_INIT, .bytes = BUFFER_INIT})

void table_release(struct table *table);

// Sets the columns, 1 to TABLE_WIDTH_MAX of them; once, before the rows. Names are copied.
void table_columns(struct table *table, const struct slice *names, size_t width);
// The same from names with commas: "kind,target,backend".
void table_columns_list(struct table *table, struct slice names);
// As many cells as there are columns, copied. False where the table is full.
bool table_add(struct table *table, const struct cell *cells);

// INT where every value is a whole number or NULL, and there is one; REAL where some are not whole;
// else TEXT.
enum view_type table_type(const struct table *table, size_t column);

// Writes the result's packets. Binary rows are for prepared statements; all their columns are text,
// as prepare said. False where a row does not fit the protocol; the answer is then unusable.
bool table_write(const struct table *table, struct writer *writer, uint64_t capabilities,
                 bool is_binary, uint16_t status);
// Writes the definitions of `width` columns or parameters of text by these names (NULL: "?"), each
// a packet, and what ends them in an answer to COM_STMT_PREPARE. False as table_write().
bool table_definitions_write(const struct slice *names, size_t width, struct writer *writer,
                             uint64_t capabilities, uint16_t status);
// What ends rows, or stands alone: OK in EOF's place or EOF, as the client has it.
bool table_end_write(struct writer *writer, uint64_t capabilities, uint16_t status);
// The definitions of a view's columns, in an answer to COM_FIELD_LIST.
bool table_fields_write(const struct view_info *info, struct writer *writer, uint64_t capabilities,
                        uint16_t status);

// Appends {"rows": [{"name": value, ...}, ...]}.
void table_json(const struct table *table, struct buffer *out);
