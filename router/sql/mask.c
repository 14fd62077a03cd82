#include "router/sql/mask.h"

#include "router/sql/byte_priv.h"

#include <string.h>

// What stands for a literal: a text with these bytes of its own cannot be masked.
enum { MARK_NUMBER = 1, MARK_STRING = 2 };

struct cursor {
    const unsigned char *ptr;
    const unsigned char *end;
    char *out;
    bool has_literals;
};

static void copy_to(struct cursor *cursor, const unsigned char *end)
{
    size_t len = (size_t)(end - cursor->ptr);
    memcpy(cursor->out, cursor->ptr, len);
    cursor->out += len;
    cursor->ptr = end;
}

static void mark(struct cursor *cursor, char byte, const unsigned char *end)
{
    *cursor->out++ = byte;
    cursor->ptr = end;
    cursor->has_literals = true;
}

static const unsigned char *digits_skip(const unsigned char *p, const unsigned char *end)
{
    while (p < end && is_digit(*p)) {
        p++;
    }
    return p;
}

// 12 or 12.5; nothing that goes on behind that, and no part of a name (t.5).
static bool number_pass(struct cursor *cursor, const unsigned char *start)
{
    const unsigned char *end = cursor->end;
    const unsigned char *p = digits_skip(cursor->ptr, end);
    if (cursor->ptr > start && cursor->ptr[-1] == '.') {
        return false;
    }
    if (end - p >= 2 && p[0] == '.' && is_digit(p[1])) {
        p = digits_skip(p + 1, end);
    }
    if (p < end && (is_identifier_byte(*p) || *p == '.')) {
        return false;
    }
    mark(cursor, MARK_NUMBER, p);
    return true;
}

// Between two quotes, with neither a backslash nor the same quote in between.
static bool string_pass(struct cursor *cursor)
{
    const unsigned char *start = cursor->ptr + 1;
    size_t room = (size_t)(cursor->end - start);
    const unsigned char *close = memchr(start, *cursor->ptr, room);
    if (close == NULL || memchr(start, '\\', (size_t)(close - start)) != NULL ||
        (close + 1 < cursor->end && close[1] == *cursor->ptr)) {
        return false;
    }
    mark(cursor, MARK_STRING, close + 1);
    return true;
}

// A name in backticks, as it stands.
static bool name_pass(struct cursor *cursor)
{
    const unsigned char *start = cursor->ptr + 1;
    const unsigned char *close = memchr(start, '`', (size_t)(cursor->end - start));
    if (close == NULL || memchr(start, '\0', (size_t)(close - start)) != NULL) {
        return false;
    }
    copy_to(cursor, close + 1);
    return true;
}

// A word; a quote right behind it would make it a prefix.
static bool word_pass(struct cursor *cursor)
{
    const unsigned char *p = cursor->ptr;
    const unsigned char *end = cursor->end;
    char *out = cursor->out;
    while (p < end && is_ascii_identifier_byte(*p)) {
        *out++ = (char)*p++;
    }
    cursor->ptr = p;
    cursor->out = out;
    return p == end || (*p < 0x80 && *p != '\'' && *p != '"');
}

// A byte that is a token, or part of one that is no comment: as it stands.
static bool symbol_pass(struct cursor *cursor)
{
    unsigned char c = *cursor->ptr;
    bool is_last = cursor->end - cursor->ptr == 1;
    bool begins_comment =
        !is_last && ((c == '/' && cursor->ptr[1] == '*') || (c == '-' && cursor->ptr[1] == '-'));
    *cursor->out++ = (char)*cursor->ptr++;
    return c > ' ' && c < 0x7f && c != ';' && !begins_comment;
}

static bool byte_pass(struct cursor *cursor, const struct sql_syntax *syntax,
                      const unsigned char *start)
{
    switch (byte_classes[*cursor->ptr]) {
    case CLASS_IDENTIFIER:
    case CLASS_PREFIX:
        return word_pass(cursor);
    case CLASS_SPACE:
        *cursor->out++ = (char)*cursor->ptr++;
        return true;
    case CLASS_DIGIT:
        return number_pass(cursor, start);
    case CLASS_QUOTE:
        return string_pass(cursor);
    case CLASS_DOUBLE_QUOTE:
        return !syntax->ansi_quotes && string_pass(cursor);
    case CLASS_BACKTICK:
        return name_pass(cursor);
    case CLASS_DOT:
    case CLASS_MINUS:
    case CLASS_SLASH:
    case CLASS_SYMBOL:
        return symbol_pass(cursor);
    default:
        return false;
    }
}

// In the other character sets a byte of a string may look like its end.
static bool has_plain_strings(const struct sql_syntax *syntax)
{
    return !syntax->is_mode_unknown &&
           (syntax->charset == SQL_CHARSET_UTF8 || syntax->charset == SQL_CHARSET_SINGLE_BYTE);
}

struct sql_mask sql_mask_write(struct slice sql, const struct sql_syntax *syntax, char *out)
{
    const unsigned char *start = (const unsigned char *)sql.ptr;
    struct cursor cursor = {.ptr = start, .end = start + sql.len, .out = out};
    if (!has_plain_strings(syntax)) {
        return (struct sql_mask){0};
    }
    while (cursor.ptr < cursor.end) {
        if (!byte_pass(&cursor, syntax, start)) {
            return (struct sql_mask){0};
        }
    }
    return (struct sql_mask){(size_t)(cursor.out - out), cursor.has_literals};
}
