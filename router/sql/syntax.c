#include "router/sql/syntax.h"

enum mode_bit {
    MODE_ANSI_QUOTES = 1 << 2,
    MODE_IGNORE_SPACE = 1 << 3,
    MODE_NO_BACKSLASH_ESCAPES = 1 << 20,
    MODE_COMBINED = MODE_ANSI_QUOTES | MODE_IGNORE_SPACE,
};

// The words of sql_mode that reach the lexer; servers store the combined ones beside their parts.
static const struct {
    struct slice name;
    enum mode_bit bits;
} mode_words[] = {
    {SLICE_INIT("ANSI_QUOTES"), MODE_ANSI_QUOTES},
    {SLICE_INIT("IGNORE_SPACE"), MODE_IGNORE_SPACE},
    {SLICE_INIT("NO_BACKSLASH_ESCAPES"), MODE_NO_BACKSLASH_ESCAPES},
    {SLICE_INIT("ANSI"), MODE_COMBINED},
    {SLICE_INIT("DB2"), MODE_COMBINED},
    {SLICE_INIT("MAXDB"), MODE_COMBINED},
    {SLICE_INIT("MSSQL"), MODE_COMBINED},
    {SLICE_INIT("ORACLE"), MODE_COMBINED},
    {SLICE_INIT("POSTGRESQL"), MODE_COMBINED},
};

// Bits that stand for a combination when sql_mode is set to a number.
enum {
    NUMBER_COMBINED = 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 18,
};

static unsigned mode_word_bits(struct slice word)
{
    for (size_t i = 0; i < sizeof(mode_words) / sizeof(mode_words[0]); i++) {
        if (slice_equal_nocase(mode_words[i].name, word)) {
            return mode_words[i].bits;
        }
    }
    return 0;
}

static bool is_mode_word(struct slice word)
{
    for (size_t i = 0; i < word.len; i++) {
        unsigned char c = (unsigned char)word.ptr[i];
        if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9') && c != '_') {
            return false;
        }
    }
    return true;
}

// False where the text is no list of words.
static bool mode_words_read(struct slice mode, uint64_t *bits)
{
    struct slice word;
    while (slice_cut(&mode, ',', &word)) {
        if (!is_mode_word(word)) {
            return false;
        }
        *bits |= mode_word_bits(word);
    }
    return true;
}

void sql_syntax_set_mode(struct sql_syntax *syntax, struct slice mode)
{
    uint64_t bits = 0;
    bool is_known = slice_to_u64(mode, &bits);
    if (is_known && (bits & NUMBER_COMBINED) != 0) {
        bits |= MODE_COMBINED;
    }
    if (!is_known) {
        bits = 0;
        is_known = mode_words_read(mode, &bits);
    }
    syntax->is_mode_unknown = !is_known;
    syntax->ansi_quotes = is_known && (bits & MODE_ANSI_QUOTES) != 0;
    syntax->ignore_space = is_known && (bits & MODE_IGNORE_SPACE) != 0;
    syntax->no_backslash_escapes = is_known && (bits & MODE_NO_BACKSLASH_ESCAPES) != 0;
}

// Character sets by name; a collation is its character set's name, "_" and more.
static const struct {
    struct slice name;
    enum sql_charset charset;
} charsets[] = {
    {SLICE_INIT("utf8mb4"), SQL_CHARSET_UTF8},
    {SLICE_INIT("utf8mb3"), SQL_CHARSET_UTF8},
    {SLICE_INIT("utf8"), SQL_CHARSET_UTF8},
    {SLICE_INIT("uca1400"), SQL_CHARSET_UTF8}, // MariaDB: a collation of whichever utf8 is in use
    {SLICE_INIT("ascii"), SQL_CHARSET_UTF8},
    {SLICE_INIT("binary"), SQL_CHARSET_UTF8},
    {SLICE_INIT("latin1"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("gbk"), SQL_CHARSET_GBK},
    {SLICE_INIT("big5"), SQL_CHARSET_BIG5},
    {SLICE_INIT("sjis"), SQL_CHARSET_SJIS},
    {SLICE_INIT("cp932"), SQL_CHARSET_SJIS},
    {SLICE_INIT("gb18030"), SQL_CHARSET_GB18030},
    {SLICE_INIT("latin2"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("latin5"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("latin7"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("cp1250"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("cp1251"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("cp1256"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("cp1257"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("cp850"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("cp852"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("cp866"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("dec8"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("hp8"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("koi8r"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("koi8u"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("greek"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("hebrew"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("armscii8"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("geostd8"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("keybcs2"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("macce"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("macroman"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("tis620"), SQL_CHARSET_SINGLE_BYTE},
    // Multi-byte, and no byte of a character is a quote, a backslash or a backtick.
    {SLICE_INIT("euckr"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("gb2312"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("ujis"), SQL_CHARSET_SINGLE_BYTE},
    {SLICE_INIT("eucjpms"), SQL_CHARSET_SINGLE_BYTE},
};

enum sql_charset sql_charset_find(struct slice name)
{
    for (size_t i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++) {
        struct slice charset = charsets[i].name;
        if (slice_starts_nocase(name, charset) &&
            (name.len == charset.len || name.ptr[charset.len] == '_')) {
            return charsets[i].charset;
        }
    }
    return SQL_CHARSET_UNKNOWN;
}
