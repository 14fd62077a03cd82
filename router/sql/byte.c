#include "router/sql/byte_priv.h"

const unsigned char byte_classes[256] = {
    ['\0'] = CLASS_NUL,
    ['\t' ... '\r'] = CLASS_SPACE,
    [' '] = CLASS_SPACE,
    ['\''] = CLASS_QUOTE,
    ['"'] = CLASS_DOUBLE_QUOTE,
    ['`'] = CLASS_BACKTICK,
    ['.'] = CLASS_DOT,
    ['-'] = CLASS_MINUS,
    ['#'] = CLASS_HASH,
    ['/'] = CLASS_SLASH,
    ['@'] = CLASS_AT,
    [':'] = CLASS_COLON,
    ['?'] = CLASS_PARAMETER,
    ['\\'] = CLASS_BACKSLASH,
    ['$'] = CLASS_DOLLAR,
    ['_'] = CLASS_IDENTIFIER,
    ['A'] = CLASS_IDENTIFIER,
    ['B'] = CLASS_PREFIX,
    ['C' ... 'M'] = CLASS_IDENTIFIER,
    ['N'] = CLASS_PREFIX,
    ['O' ... 'W'] = CLASS_IDENTIFIER,
    ['X'] = CLASS_PREFIX,
    ['Y' ... 'Z'] = CLASS_IDENTIFIER,
    ['a'] = CLASS_IDENTIFIER,
    ['b'] = CLASS_PREFIX,
    ['c' ... 'm'] = CLASS_IDENTIFIER,
    ['n'] = CLASS_PREFIX,
    ['o' ... 'w'] = CLASS_IDENTIFIER,
    ['x'] = CLASS_PREFIX,
    ['y' ... 'z'] = CLASS_IDENTIFIER,
    ['0' ... '9'] = CLASS_DIGIT,
    [0x80 ... 0xff] = CLASS_HIGH,
};

size_t character_len(enum sql_charset charset, const unsigned char *p, const unsigned char *end)
{
    if (p[0] < 0x80 || end - p < 2) {
        return 1;
    }
    bool is_tail = is_within(p[1], 0x40, 0x7e) || is_within(p[1], 0x80, 0xfe);
    switch (charset) {
    case SQL_CHARSET_GBK:
        return is_within(p[0], 0x81, 0xfe) && is_tail ? 2 : 1;
    case SQL_CHARSET_BIG5:
        return is_within(p[0], 0xa1, 0xf9) && is_tail && !is_within(p[1], 0x80, 0xa0) ? 2 : 1;
    case SQL_CHARSET_SJIS:
        return (is_within(p[0], 0x81, 0x9f) || is_within(p[0], 0xe0, 0xfc)) && is_tail &&
                       p[1] <= 0xfc
                   ? 2
                   : 1;
    case SQL_CHARSET_GB18030:
        if (!is_within(p[0], 0x81, 0xfe)) {
            return 1;
        }
        if (end - p >= 4 && is_within(p[1], '0', '9') && is_within(p[2], 0x81, 0xfe) &&
            is_within(p[3], '0', '9')) {
            return 4;
        }
        return is_tail ? 2 : 1;
    case SQL_CHARSET_UTF8:
    case SQL_CHARSET_SINGLE_BYTE:
    case SQL_CHARSET_UNKNOWN:
        break;
    }
    return 1;
}
