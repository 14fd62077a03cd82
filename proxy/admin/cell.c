#include "proxy/admin/cell.h"

#include "proxy/base/clock.h"

#include <stdio.h>
#include <stdlib.h>

_Static_assert((int)CELL_TIME_SIZE == (int)CLOCK_TEXT_SIZE, "a time fits its cell's text");

struct cell cell_time(int64_t wall_us, char out[CELL_TIME_SIZE])
{
    return wall_us != 0 ? cell_text(slice_text(clock_text(wall_us, out)))
                        : (struct cell){.kind = CELL_NULL};
}

// --- text ---

// Bytes of the UTF-8 character that starts here, 0 where none does. RFC 3629: no surrogates, no
// longer form than needed, nothing above U+10FFFF.
static size_t character_len(const unsigned char *text, size_t left)
{
    static const struct {
        unsigned char from, to;  // first byte
        unsigned char low, high; // second byte
        unsigned char len;
    } forms[] = {
        {0x01, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (text[0] < forms[i].from || text[0] > forms[i].to) {
            continue;
        }
        if (forms[i].len > left ||
            (forms[i].len > 1 && (text[1] < forms[i].low || text[1] > forms[i].high))) {
            return 0;
        }
        for (size_t k = 2; k < forms[i].len; k++) {
            if ((text[k] & 0xC0) != 0x80) {
                return 0;
            }
        }
        return forms[i].len;
    }
    return 0;
}

// Appends the text with every byte that is no UTF-8, and every NUL, as a question mark; cut at a
// character's border. Returns the bytes appended.
static size_t text_append(struct buffer *buf, struct slice text)
{
    size_t room = CELL_TEXT_MAX - 3;
    uint8_t *out = buffer_reserve(buf, text.len < CELL_TEXT_MAX ? text.len : CELL_TEXT_MAX);
    size_t len = 0;
    for (size_t at = 0; at < text.len;) {
        size_t n = character_len((const unsigned char *)text.ptr + at, text.len - at);
        size_t taken = n > 0 ? n : 1;
        if (len + taken > room && text.len > CELL_TEXT_MAX) {
            memcpy(out + len, "...", 3);
            len += 3;
            break;
        }
        memcpy(out + len, n > 0 ? text.ptr + at : "?", taken);
        len += taken;
        at += taken;
    }
    buffer_added(buf, len);
    return len;
}

// --- as bytes ---

// A cell is its kind and its content; a text has its length before it.
static void cell_append(struct buffer *bytes, const struct cell *cell)
{
    uint8_t kind = (uint8_t)cell->kind;
    buffer_append(bytes, &kind, sizeof(kind));
    if (cell->kind == CELL_INT) {
        buffer_append(bytes, &cell->number, sizeof(cell->number));
    } else if (cell->kind == CELL_REAL) {
        buffer_append(bytes, &cell->real, sizeof(cell->real));
    } else if (cell->kind == CELL_TEXT) {
        size_t place = buffer_len(bytes);
        uint32_t len = 0;
        buffer_append(bytes, &len, sizeof(len));
        len = (uint32_t)text_append(bytes, cell->text);
        memcpy(buffer_ptr(bytes) + place, &len, sizeof(len));
    }
}

void cells_append(struct buffer *bytes, const struct cell *cells, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        cell_append(bytes, &cells[i]);
    }
}

static size_t cell_read(const uint8_t *bytes, struct cell *cell)
{
    cell->kind = (enum cell_kind)bytes[0];
    if (cell->kind == CELL_INT) {
        memcpy(&cell->number, bytes + 1, sizeof(cell->number));
        return 1 + sizeof(cell->number);
    }
    if (cell->kind == CELL_REAL) {
        memcpy(&cell->real, bytes + 1, sizeof(cell->real));
        return 1 + sizeof(cell->real);
    }
    if (cell->kind == CELL_TEXT) {
        uint32_t len;
        memcpy(&len, bytes + 1, sizeof(len));
        cell->text = slice_make(bytes + 1 + sizeof(len), len);
        return 1 + sizeof(len) + len;
    }
    return 1;
}

size_t cells_read(const uint8_t *bytes, struct cell *cells, size_t width)
{
    size_t at = 0;
    for (size_t i = 0; i < width; i++) {
        at += cell_read(bytes + at, &cells[i]);
    }
    return at;
}

// --- as text ---

// Fifteen digits say most numbers as people wrote them; seventeen say any.
static int real_print(double real, char out[CELL_PRINT_SIZE])
{
    int len = snprintf(out, CELL_PRINT_SIZE, "%.15g", real);
    return strtod(out, NULL) == real ? len : snprintf(out, CELL_PRINT_SIZE, "%.17g", real);
}

struct slice cell_print(const struct cell *cell, char out[CELL_PRINT_SIZE])
{
    if (cell->kind == CELL_TEXT) {
        return cell->text;
    }
    int len = cell->kind == CELL_REAL
                  ? real_print(cell->real, out)
                  : snprintf(out, CELL_PRINT_SIZE, "%lld", (long long)cell->number);
    return slice_make(out, (size_t)len);
}
