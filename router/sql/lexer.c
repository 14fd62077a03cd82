#include "router/sql/lexer.h"

#include <assert.h>

// --- bytes

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

static const unsigned char classes[256] = {
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

static inline bool is_identifier_byte(unsigned char c)
{
    return classes[c] >= CLASS_IDENTIFIER;
}

static inline bool is_ascii_identifier_byte(unsigned char c)
{
    return is_identifier_byte(c) && c < 0x80;
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

// The length of the multi-byte character at `p` (2 or 4), or 1 where there is none: as the servers'
// my_ismbchar() for the character sets in which a later byte may look like ASCII.
static size_t character_len(enum sql_charset charset, const unsigned char *p,
                            const unsigned char *end)
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

static inline bool has_ascii_tails(enum sql_charset charset)
{
    return charset != SQL_CHARSET_UTF8 && charset != SQL_CHARSET_SINGLE_BYTE &&
           charset != SQL_CHARSET_UNKNOWN;
}

// --- life

void lexer_init(struct lexer *lexer, struct slice sql, const struct sql_syntax *syntax,
                uint32_t skipped)
{
    assert(sql.len < UINT32_MAX);
    lexer->ptr = (const unsigned char *)sql.ptr;
    lexer->end = lexer->ptr + sql.len;
    lexer->word_end = NULL;
    lexer->executable_end = NULL;
    lexer->syntax = *syntax;
    lexer->skipped = skipped;
    lexer->executables = 0;
    lexer->is_broken = false;
    lexer->after_dot = false;
    lexer->has_optimizer_hints = false;
    lexer->hints_count = 0;
}

// Where the text, or the executable comment that is being read, ends: no token goes past it.
static inline const unsigned char *limit(const struct lexer *lexer)
{
    return lexer->executable_end != NULL ? lexer->executable_end : lexer->end;
}

// --- comments

// The first "*/" at or behind `p`, or NULL.
static const unsigned char *comment_end_find(const unsigned char *p, const unsigned char *end)
{
    while (end - p >= 2 && (p = memchr(p, '*', (size_t)(end - p) - 1)) != NULL) {
        if (p[1] == '/') {
            return p;
        }
        p++;
    }
    return NULL;
}

static bool contains_comment_start(const unsigned char *p, const unsigned char *end)
{
    return memmem(p, (size_t)(end - p), "/*", 2) != NULL;
}

// Keeps a comment of ours; `p` to `end` is what stands between the marks.
static void hint_keep(struct lexer *lexer, const unsigned char *p, const unsigned char *end)
{
    struct slice text = slice_make(p, (size_t)(end - p));
    while (text.len > 0 && classes[(unsigned char)text.ptr[0]] == CLASS_SPACE) {
        text = slice_make(text.ptr + 1, text.len - 1);
    }
    if (slice_starts_nocase(text, S("sluice:")) && lexer->hints_count < LEXER_HINTS_MAX) {
        lexer->hints[lexer->hints_count++] = text;
    }
}

// The rest of the line is a comment, from behind its mark. A NUL byte would end it on some servers.
static void line_comment_skip(struct lexer *lexer)
{
    const unsigned char *end = limit(lexer);
    const unsigned char *start = lexer->ptr;
    const unsigned char *line = memchr(start, '\n', (size_t)(end - start));
    bool runs_out = line == NULL && lexer->executable_end != NULL; // over the closing mark
    line = line != NULL ? line : end;
    lexer->is_broken |= runs_out || memchr(start, '\0', (size_t)(line - start)) != NULL;
    hint_keep(lexer, start, line);
    lexer->ptr = line;
}

// MySQL's hint scanner knows quotes: "*/" between them does not end the hint there, and does
// elsewhere.
static bool hint_quotes_are_closed(const unsigned char *p, const unsigned char *end)
{
    unsigned char open = 0;
    for (; p < end; p++) {
        if (open != 0) {
            open = *p == open ? 0 : open;
        } else if (*p == '\'' || *p == '"' || *p == '`') {
            open = *p;
        }
    }
    return open == 0;
}

static void block_comment_skip(struct lexer *lexer)
{
    const unsigned char *start = lexer->ptr + 2;
    const unsigned char *end = limit(lexer);
    const unsigned char *close = comment_end_find(start, end);
    if (close == NULL) {
        lexer->is_broken = true;
        return;
    }
    if (start < close && *start == '+') {
        lexer->has_optimizer_hints = true;
        lexer->is_broken |= !hint_quotes_are_closed(start, close);
    } else {
        hint_keep(lexer, start, close);
    }
    lexer->ptr = close + 2;
}

// Versions below this one, written with five digits, are run by every server: MySQL from 5.7 on,
// and MariaDB, which leaves 5.7 to 9.99 alone.
enum { EXECUTED_BY_ALL = 50700 };

// Reads the digits behind the mark. Returns whether some servers run the comment and others don't.
static bool executable_version_read(const unsigned char **p, const unsigned char *end)
{
    unsigned version = 0;
    size_t digits = 0;
    while (digits < 6 && end - *p > (ptrdiff_t)digits && is_digit((*p)[digits])) {
        version = version * 10 + (unsigned)((*p)[digits++] - '0');
    }
    if (digits < 5) { // no version: the digits, if any, are content
        return false;
    }
    *p += digits;
    return digits == 6 || version >= EXECUTED_BY_ALL;
}

// ptr stands on "/*!" or "/*M!", whose "!" is `mark`. Servers that skip the comment allow another
// one inside it, those that run it have rules of their own for that: not read here.
static void executable_begin(struct lexer *lexer, const unsigned char *mark)
{
    bool is_mariadb = mark != lexer->ptr + 2;
    const unsigned char *content = mark + 1;
    const unsigned char *close = comment_end_find(content, lexer->end);
    if (close == NULL || lexer->executable_end != NULL || contains_comment_start(content, close)) {
        lexer->is_broken = true;
        return;
    }
    bool is_doubtful = executable_version_read(&content, close) || is_mariadb;
    if (is_doubtful && lexer->executables == LEXER_EXECUTABLES_MAX) {
        lexer->is_broken = true;
        return;
    }
    if (is_doubtful && (lexer->skipped >> lexer->executables++ & 1) != 0) {
        lexer->ptr = close + 2;
        return;
    }
    lexer->ptr = content;
    lexer->executable_end = close;
}

static void slash_comment_skip(struct lexer *lexer)
{
    const unsigned char *p = lexer->ptr;
    ptrdiff_t left = lexer->end - p;
    if (left >= 3 && p[2] == '!') {
        executable_begin(lexer, p + 2);
    } else if (left >= 4 && p[2] == 'M' && p[3] == '!') {
        executable_begin(lexer, p + 3);
    } else {
        block_comment_skip(lexer);
    }
}

// "--" is a comment where white space, a control byte or the text's end follows. In the 8-bit
// character sets some bytes above 0x7f are control bytes too.
static bool is_dash_comment(struct lexer *lexer, const unsigned char *end)
{
    const unsigned char *p = lexer->ptr;
    if (end - p < 2 || p[1] != '-') {
        return false;
    }
    if (end - p == 2) {
        return true;
    }
    if (p[2] >= 0x80 && lexer->syntax.charset != SQL_CHARSET_UTF8) {
        lexer->is_broken = true;
    }
    return p[2] <= ' ' || p[2] == 0x7f;
}

// Goes to the first byte of the next token; says what was between.
static enum token_gap gap_skip(struct lexer *lexer)
{
    enum token_gap gap = GAP_NONE;
    while (!lexer->is_broken) {
        const unsigned char *end = limit(lexer);
        if (lexer->ptr == end) {
            if (lexer->executable_end == NULL) {
                return gap;
            }
            lexer->ptr += 2;
            lexer->executable_end = NULL;
            gap = GAP_COMMENT;
            continue;
        }
        switch (classes[*lexer->ptr]) {
        case CLASS_SPACE:
            lexer->ptr++;
            gap = gap == GAP_NONE ? GAP_SPACE : gap;
            continue;
        case CLASS_SLASH:
            if (end - lexer->ptr < 2 || lexer->ptr[1] != '*') {
                return gap;
            }
            slash_comment_skip(lexer);
            break;
        case CLASS_HASH:
            lexer->ptr++;
            line_comment_skip(lexer);
            break;
        case CLASS_MINUS:
            if (!is_dash_comment(lexer, end)) {
                return gap;
            }
            lexer->ptr += 2;
            line_comment_skip(lexer);
            break;
        default:
            return gap;
        }
        gap = GAP_COMMENT;
    }
    return gap;
}

// --- tokens. Each function is called with ptr on the token's first byte and moves it behind the
// last one.

// Behind the closing quote of the text that begins at `p`, or NULL where it does not end. A doubled
// quote is no end.
static const unsigned char *quoted_end_find(const unsigned char *p, const unsigned char *end,
                                            unsigned char quote, bool escapes)
{
    while (p < end) {
        const unsigned char *close = memchr(p, quote, (size_t)(end - p));
        if (close == NULL) {
            return NULL;
        }
        const unsigned char *escape = escapes ? memchr(p, '\\', (size_t)(close - p)) : NULL;
        if (escape != NULL) {
            p = escape + 2;
        } else if (close + 1 < end && close[1] == quote) {
            p = close + 2;
        } else {
            return close + 1;
        }
    }
    return NULL;
}

// The same where the second byte of a character may be a quote or a backslash.
static const unsigned char *quoted_end_find_multibyte(enum sql_charset charset,
                                                      const unsigned char *p,
                                                      const unsigned char *end, unsigned char quote,
                                                      bool escapes)
{
    while (p < end) {
        size_t len = character_len(charset, p, end);
        if (len > 1) {
            p += len;
        } else if (escapes && *p == '\\') {
            p += 2;
        } else if (*p != quote) {
            p++;
        } else if (p + 1 < end && p[1] == quote) {
            p += 2;
        } else {
            return p + 1;
        }
    }
    return NULL;
}

static bool has_high_byte(const unsigned char *p, const unsigned char *end)
{
    while (p < end && *p < 0x80) {
        p++;
    }
    return p < end;
}

// ptr stands on the opening quote.
static void quoted_read(struct lexer *lexer, bool escapes)
{
    const unsigned char *start = lexer->ptr + 1;
    const unsigned char *end = limit(lexer);
    const unsigned char *close =
        has_ascii_tails(lexer->syntax.charset)
            ? quoted_end_find_multibyte(lexer->syntax.charset, start, end, *lexer->ptr, escapes)
            : quoted_end_find(start, end, *lexer->ptr, escapes);
    if (close == NULL) {
        lexer->is_broken = true;
        return;
    }
    lexer->is_broken |= lexer->syntax.charset == SQL_CHARSET_UNKNOWN && has_high_byte(start, close);
    lexer->ptr = close;
}

static void string_read(struct lexer *lexer)
{
    quoted_read(lexer, !lexer->syntax.no_backslash_escapes);
}

// An identifier in quotes; a NUL byte ends it for the servers.
static void name_read(struct lexer *lexer)
{
    const unsigned char *start = lexer->ptr;
    quoted_read(lexer, false);
    lexer->is_broken |= memchr(start, '\0', (size_t)(lexer->ptr - start)) != NULL;
}

// Bytes above 0x7f of an unquoted identifier: whether they can be taken for letters.
static const unsigned char *high_bytes_skip(struct lexer *lexer, const unsigned char *p,
                                            const unsigned char *end)
{
    enum sql_charset charset = lexer->syntax.charset;
    if (charset == SQL_CHARSET_UTF8) {
        return p + 1;
    }
    if (charset == SQL_CHARSET_SINGLE_BYTE) { // white space in some of them
        lexer->is_broken |= *p == 0xa0 || *p == 0xff;
        return p + 1;
    }
    size_t len = character_len(charset, p, end);
    lexer->is_broken |= len == 1;
    return p + len;
}

// Behind the unquoted identifier that goes on at `p`.
static const unsigned char *identifier_end_find(struct lexer *lexer, const unsigned char *p,
                                                const unsigned char *end)
{
    for (;;) {
        while (p < end && is_ascii_identifier_byte(*p)) {
            p++;
        }
        if (p == end || *p < 0x80) {
            return p;
        }
        p = high_bytes_skip(lexer, p, end);
    }
}

// Before a dot with an identifier right behind it, no word is a keyword.
static enum token_kind identifier_read(struct lexer *lexer)
{
    const unsigned char *end = limit(lexer);
    const unsigned char *p = identifier_end_find(lexer, lexer->ptr, end);
    lexer->ptr = p;
    lexer->word_end = p;
    return end - p >= 2 && *p == '.' && is_identifier_byte(p[1]) ? TOKEN_NAME : TOKEN_WORD;
}

static const unsigned char *digits_end_find(const unsigned char *p, const unsigned char *end)
{
    while (p < end && is_digit(*p)) {
        p++;
    }
    return p;
}

// Behind "e10", "e+10" at `p`, or `p` where there is no exponent.
static const unsigned char *exponent_end_find(const unsigned char *p, const unsigned char *end)
{
    if (p == end || (*p | 0x20) != 'e') {
        return p;
    }
    const unsigned char *digits = p + 1;
    if (digits < end && (*digits == '+' || *digits == '-')) {
        digits++;
    }
    const unsigned char *exponent_end = digits_end_find(digits, end);
    return exponent_end > digits ? exponent_end : p;
}

// Behind the 0x1F or 0b01 at `p`, or NULL where it is none.
static const unsigned char *base_number_end_find(const unsigned char *p, const unsigned char *end)
{
    if (end - p < 3 || p[0] != '0' || (p[1] != 'x' && p[1] != 'b')) {
        return NULL;
    }
    const unsigned char *digits = p + 2;
    const unsigned char *q = digits;
    while (q < end && (p[1] == 'x' ? is_hex_digit(*q) : (*q == '0' || *q == '1'))) {
        q++;
    }
    return q > digits && (q == end || !is_identifier_byte(*q)) ? q : NULL;
}

// What begins with a digit: 1, 1.5, 1e10, 0x1F, or an identifier as 1st.
static enum token_kind number_read(struct lexer *lexer)
{
    const unsigned char *start = lexer->ptr;
    const unsigned char *end = limit(lexer);
    const unsigned char *based = base_number_end_find(start, end);
    if (based != NULL) {
        lexer->ptr = based;
        return TOKEN_NUMBER;
    }
    const unsigned char *p = digits_end_find(start, end);
    if (p < end && is_identifier_byte(*p)) {
        lexer->ptr = exponent_end_find(p, end);
        if (lexer->ptr > p) {
            return TOKEN_NUMBER;
        }
        return identifier_read(lexer);
    }
    if (p < end && *p == '.') {
        p = exponent_end_find(digits_end_find(p + 1, end), end);
    }
    lexer->ptr = p;
    return TOKEN_NUMBER;
}

// x'1F', b'01': digits and the closing quote, or the servers refuse it.
static enum token_kind based_literal_read(struct lexer *lexer)
{
    bool is_hex = (*lexer->ptr | 0x20) == 'x';
    const unsigned char *end = limit(lexer);
    const unsigned char *p = lexer->ptr + 2;
    while (p < end && (is_hex ? is_hex_digit(*p) : (*p == '0' || *p == '1'))) {
        p++;
    }
    if (p == end || *p != '\'') {
        lexer->is_broken = true;
        return TOKEN_BROKEN;
    }
    lexer->ptr = p + 1;
    return TOKEN_NUMBER;
}

// b, n or x: of a literal or of an identifier.
static enum token_kind prefix_read(struct lexer *lexer)
{
    if (limit(lexer) - lexer->ptr < 2 || lexer->ptr[1] != '\'') {
        return identifier_read(lexer);
    }
    if ((*lexer->ptr | 0x20) != 'n') {
        return based_literal_read(lexer);
    }
    lexer->ptr++;
    string_read(lexer);
    return TOKEN_STRING;
}

// A dot: of a number, or between identifiers, where the word behind it is no keyword.
static enum token_kind dot_read(struct lexer *lexer, struct token *out)
{
    const unsigned char *end = limit(lexer);
    const unsigned char *p = lexer->ptr + 1;
    bool follows_word = lexer->word_end == lexer->ptr;
    if (p < end && is_digit(*p) && !follows_word) {
        lexer->ptr = exponent_end_find(digits_end_find(p, end), end);
        return TOKEN_NUMBER;
    }
    lexer->ptr = p;
    lexer->after_dot = p < end && is_identifier_byte(*p);
    out->symbol = '.';
    return TOKEN_SYMBOL;
}

static inline bool is_variable_byte(unsigned char c)
{
    return is_identifier_byte(c) || c == '.';
}

static enum token_kind at_read(struct lexer *lexer)
{
    const unsigned char *end = limit(lexer);
    const unsigned char *p = ++lexer->ptr;
    if (p == end) {
        return TOKEN_USER_VARIABLE;
    }
    switch (classes[*p]) {
    case CLASS_AT:
        lexer->ptr++;
        return TOKEN_SYSTEM_VARIABLE;
    case CLASS_BACKTICK:
        name_read(lexer);
        return TOKEN_USER_VARIABLE;
    case CLASS_DOUBLE_QUOTE:
        if (lexer->syntax.ansi_quotes) {
            name_read(lexer);
            return TOKEN_USER_VARIABLE;
        }
        string_read(lexer);
        return TOKEN_USER_VARIABLE;
    case CLASS_QUOTE:
        string_read(lexer);
        return TOKEN_USER_VARIABLE;
    default:
        while (p < end && is_variable_byte(*p)) {
            p = *p < 0x80 ? p + 1 : high_bytes_skip(lexer, p, end);
        }
        lexer->ptr = p;
        return TOKEN_USER_VARIABLE;
    }
}

static enum token_kind symbol_read(struct lexer *lexer, struct token *out)
{
    out->symbol = *lexer->ptr++;
    return TOKEN_SYMBOL;
}

static enum token_kind token_read(struct lexer *lexer, struct token *out)
{
    if (lexer->after_dot) {
        lexer->after_dot = false;
        identifier_read(lexer);
        return TOKEN_NAME;
    }
    const unsigned char *p = lexer->ptr;
    bool has_next = limit(lexer) - p >= 2;
    switch (classes[*p]) {
    case CLASS_IDENTIFIER:
    case CLASS_HIGH:
        return identifier_read(lexer);
    case CLASS_DOLLAR: // an identifier, or the $tag$ of a quoted text, as servers differ
        lexer->is_broken = true;
        return TOKEN_BROKEN;
    case CLASS_PREFIX:
        return prefix_read(lexer);
    case CLASS_DIGIT:
        return number_read(lexer);
    case CLASS_QUOTE:
        string_read(lexer);
        return TOKEN_STRING;
    case CLASS_DOUBLE_QUOTE:
        if (lexer->syntax.ansi_quotes) {
            name_read(lexer);
            return TOKEN_NAME;
        }
        string_read(lexer);
        return TOKEN_STRING;
    case CLASS_BACKTICK:
        name_read(lexer);
        return TOKEN_NAME;
    case CLASS_DOT:
        return dot_read(lexer, out);
    case CLASS_AT:
        return at_read(lexer);
    case CLASS_PARAMETER:
        lexer->ptr++;
        return TOKEN_PARAMETER;
    case CLASS_COLON:
        if (has_next && p[1] == '=') {
            lexer->ptr += 2;
            out->symbol = SYMBOL_ASSIGN;
            return TOKEN_SYMBOL;
        }
        return symbol_read(lexer, out);
    case CLASS_BACKSLASH:
        if (has_next && p[1] == 'N') {
            lexer->ptr += 2;
            return TOKEN_NULL;
        }
        return symbol_read(lexer, out);
    case CLASS_NUL:
        lexer->is_broken = true;
        return TOKEN_BROKEN;
    case CLASS_SYMBOL:
        // The servers end the statement here, inside the comment, and refuse what follows.
        lexer->is_broken |= *p == ';' && lexer->executable_end != NULL;
        return symbol_read(lexer, out);
    default: // '-', '#' and '/' that begin no comment
        return symbol_read(lexer, out);
    }
}

void lexer_next(struct lexer *lexer, struct token *out)
{
    out->keyword = KEYWORD_NONE;
    out->symbol = 0;
    out->gap = (uint8_t)gap_skip(lexer);
    out->ptr = (const char *)lexer->ptr;
    if (!lexer->is_broken && lexer->ptr == lexer->end) {
        out->kind = TOKEN_END;
        out->len = 0;
        return;
    }
    out->kind = lexer->is_broken ? TOKEN_BROKEN : (uint8_t)token_read(lexer, out);
    if (lexer->is_broken) {
        out->kind = TOKEN_BROKEN;
        out->symbol = 0;
        out->len = 0;
        return;
    }
    out->len = (uint32_t)((const char *)lexer->ptr - out->ptr);
    if (out->kind == TOKEN_WORD) {
        out->keyword = (uint16_t)keyword_find(token_text(out));
    }
}

// --- values

// The text between the quotes, and the quote: 0 where there is none.
static struct slice quoted_content(const struct token *token, unsigned char *quote)
{
    struct slice text = token_text(token);
    bool has_prefix = token->kind == TOKEN_USER_VARIABLE ||
                      (token->kind == TOKEN_STRING && text.ptr[0] != '\'' && text.ptr[0] != '"');
    if (has_prefix) { // @ or N
        text = slice_from(text, 1);
    }
    *quote = text.len > 0 ? (unsigned char)text.ptr[0] : 0;
    if (text.len < 2 || (*quote != '\'' && *quote != '"' && *quote != '`')) {
        *quote = 0;
        return text;
    }
    return slice_make(text.ptr + 1, text.len - 2);
}

bool token_is_plain(const struct token *token)
{
    unsigned char quote;
    struct slice text = quoted_content(token, &quote);
    return quote == 0 || (slice_find(text, (char)quote) == text.len &&
                          (quote == '`' || slice_find(text, '\\') == text.len));
}

// What "\c" stands for; the two that LIKE needs keep their backslash.
static char escape_value(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case 'b':
        return '\b';
    case '0':
        return '\0';
    case 'Z':
        return '\032';
    default:
        return c;
    }
}

struct slice token_value(const struct token *token, const struct sql_syntax *syntax, char *out)
{
    unsigned char quote;
    struct slice text = quoted_content(token, &quote);
    if (token_is_plain(token)) {
        return text;
    }
    bool is_name = quote == '`' || (quote == '"' && syntax->ansi_quotes);
    bool escapes = !is_name && !syntax->no_backslash_escapes;
    const unsigned char *p = (const unsigned char *)text.ptr;
    const unsigned char *end = p + text.len;
    char *start = out;
    while (p < end) {
        size_t len = character_len(syntax->charset, p, end);
        if (len == 1 && escapes && *p == '\\' && p + 1 < end) {
            if (p[1] == '%' || p[1] == '_') {
                *out++ = '\\';
            }
            *out++ = escape_value((char)p[1]);
            p += 2;
            continue;
        }
        memcpy(out, p, len);
        out += len;
        p += len;
        if (len == 1 && p[-1] == quote && p < end && *p == quote) {
            p++;
        }
    }
    return slice_make(start, (size_t)(out - start));
}
