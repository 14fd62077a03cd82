// Bytes as the lexer sees them: classes, and the characters of several bytes.
#pragma once

#include "router/sql/syntax.h"

#include <stdbool.h>
#include <stddef.h>

// Letters and the rest of an identifier are at the end, so that one comparison finds them.
enum byte_class {
    CLASS_SYMBOL,
    CLASS_NUL,
    CLASS_SPACE,
    CLASS_QUOTE,
    CLASS_DOUBLE_QUOTE,
    CLASS_BACKTICK,
    CLASS_DOT,
    CLASS_MINUS,
    CLASS_HASH,
    CLASS_SLASH,
    CLASS_AT,
    CLASS_COLON,
    CLASS_PARAMETER,
    CLASS_BACKSLASH,
    CLASS_IDENTIFIER, // from here on: may stand in an identifier
    CLASS_DOLLAR,
    CLASS_PREFIX, // b, n, x: a quote behind it makes a literal
    CLASS_DIGIT,
    CLASS_HIGH, // 0x80 and above
};

extern const unsigned char byte_classes[256];

static inline bool is_identifier_byte(unsigned char c)
{
    return byte_classes[c] >= CLASS_IDENTIFIER;
}

static inline bool is_ascii_identifier_byte(unsigned char c)
{
    return (unsigned)byte_classes[c] - CLASS_IDENTIFIER < CLASS_HIGH - CLASS_IDENTIFIER;
}

static inline bool is_digit(unsigned char c)
{
    return (unsigned)c - '0' < 10;
}

static inline bool is_hex_digit(unsigned char c)
{
    return is_digit(c) || ((unsigned)c | 0x20) - 'a' < 6;
}

static inline bool is_within(unsigned char c, unsigned first, unsigned last)
{
    return c >= first && c <= last;
}

static inline bool has_ascii_tails(enum sql_charset charset)
{
    return charset != SQL_CHARSET_UTF8 && charset != SQL_CHARSET_SINGLE_BYTE &&
           charset != SQL_CHARSET_UNKNOWN;
}

// The length of the multi-byte character at `p` (2 or 4), or 1 where there is none: as the servers'
// my_ismbchar() for the character sets in which a later byte may look like ASCII.
size_t character_len(enum sql_charset charset, const unsigned char *p, const unsigned char *end);
