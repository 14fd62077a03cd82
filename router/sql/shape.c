#include "router/sql/shape.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

// Of a list of rows, the rows that were last: from the second on, equal ones count once.
enum shape_row { ROW_NONE, ROW_FIRST, ROW_SINGLE, ROW_LIST };

static void mix(struct shape *shape, uint64_t value)
{
    uint64_t hash = (shape->hash << 23 | shape->hash >> 41) ^ value;
    shape->hash = hash * 0x9e3779b97f4a7c15u;
}

void shape_init(struct shape *shape, const struct sql_syntax *syntax, const struct token *first)
{
    *shape = (struct shape){
        .hash = 1u + ((unsigned)syntax->ansi_quotes | (unsigned)syntax->no_backslash_escapes << 1 |
                      (unsigned)syntax->charset << 2),
        .from = first->ptr,
    };
}

// Whether a piece goes on, from `at`, with nothing but a space and the sign of the next literal.
static bool ends_at(const char *piece, size_t len, size_t at)
{
    at += at < len && piece[at] == ' ';
    at += at < len && piece[at] == '-';
    return at == len;
}

// Between two literals: the comma of a list.
static bool is_comma(const char *piece, size_t len)
{
    return len >= 1 && piece[0] == ',' && ends_at(piece, len, 1);
}

// Between two literals: the end of a row and the start of the next.
static bool is_row_end(const char *piece, size_t len)
{
    if (len < 3 || piece[0] != ')' || piece[1] != ',') {
        return false;
    }
    size_t open = piece[2] == ' ' ? 3 : 2;
    return open < len && piece[open] == '(' && ends_at(piece, len, open + 1);
}

static void row_end(struct shape *shape)
{
    enum shape_row row = shape->is_list ? ROW_LIST : ROW_SINGLE;
    if (shape->row != row) {
        mix(shape, row);
        shape->row = shape->row == ROW_NONE ? ROW_FIRST : row;
    }
    shape->is_list = false;
}

void shape_cut(struct shape *shape, const char *end, enum shape_cut cut, const char *from)
{
    const char *piece = shape->from;
    size_t len = (size_t)(end - piece);
    bool is_between_literals = cut == SHAPE_CUT_LITERAL && shape->cut == SHAPE_CUT_LITERAL;
    shape->from = from;
    shape->cut = cut;
    if (is_between_literals && is_comma(piece, len)) {
        shape->is_list = true;
    } else if (is_between_literals && is_row_end(piece, len)) {
        row_end(shape);
    } else {
        mix(shape, XXH3_64bits(piece, len) + (unsigned)(cut << 1 | shape->is_list));
        shape->is_list = false;
        shape->row = ROW_NONE;
    }
}

uint64_t shape_end(struct shape *shape, const struct token *last)
{
    shape_cut(shape, last->ptr + last->len, SHAPE_CUT_NONE, NULL);
    return shape->hash != 0 ? shape->hash : 1;
}
