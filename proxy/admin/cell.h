// Cells and rows of cells: numbers, texts and NULLs, as values and as a flat run of bytes that may
// be moved between threads. One thread at a time.
#pragma once

#include "proxy/base/buffer.h"
#include "proxy/base/slice.h"

#include <stddef.h>
#include <stdint.h>

enum { CELL_TEXT_MAX = 64 << 10 }; // bytes of one text; a longer one is cut and ends in "..."

enum cell_kind { CELL_NULL, CELL_INT, CELL_REAL, CELL_TEXT };

struct cell {
    enum cell_kind kind;
    union {
        int64_t number;
        double real;
        struct slice text; // borrowed
    };
};

static inline struct cell cell_int(int64_t number)
{
    return (struct cell){.kind = CELL_INT, .number = number};
}

static inline struct cell cell_real(double real)
{
    return (struct cell){.kind = CELL_REAL, .real = real};
}

static inline struct cell cell_text(struct slice text)
{
    return (struct cell){.kind = CELL_TEXT, .text = text};
}

// NULL where the text is empty: "no schema", "no pin".
static inline struct cell cell_text_or_null(struct slice text)
{
    return text.len > 0 ? cell_text(text) : (struct cell){.kind = CELL_NULL};
}

enum { CELL_TIME_SIZE = 32 };
// A point in time (microseconds since 1970) as text in `out`; 0 is NULL.
struct cell cell_time(int64_t wall_us, char out[CELL_TIME_SIZE]);

// --- a row of them as bytes ---

// Appends `width` cells. Text is made valid UTF-8 as it comes in, so that every client and JSON can
// take it: every byte that is none, and every NUL, becomes a question mark.
void cells_append(struct buffer *bytes, const struct cell *cells, size_t width);
// Reads the row at `bytes` into `cells`, whose texts borrow from there; returns its size.
size_t cells_read(const uint8_t *bytes, struct cell *cells, size_t width);

// --- as text ---

enum { CELL_PRINT_SIZE = 32 };
// A number's shortest text that reads back as the same, in `out`; a text is itself. Not for NULL.
struct slice cell_print(const struct cell *cell, char out[CELL_PRINT_SIZE]);
