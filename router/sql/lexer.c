#include "router/sql/lexer.h"

#include "router/sql/byte_priv.h"
#include "router/sql/gap_priv.h"

#include <assert.h>

// --- life

void lexer_init(struct lexer *lexer, struct slice sql, const struct sql_syntax *syntax,
                uint32_t skipped)
{
    assert(sql.len < UINT32_MAX);
    lexer->ptr = (const unsigned char *)(sql.ptr != NULL ? sql.ptr : "");
    lexer->end = lexer->ptr + sql.len;
    lexer->word_end = NULL;
    lexer->executable_end = NULL;
    lexer->syntax = *syntax;
    lexer->skipped = skipped;
    lexer->parameters = 0;
    lexer->executables = 0;
    lexer->is_broken = false;
    lexer->after_dot = false;
    lexer->has_optimizer_hints = false;
    lexer->hints_count = 0;
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
    const unsigned char *end = lexer_limit(lexer);
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
    const unsigned char *end = lexer_limit(lexer);
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
    const unsigned char *end = lexer_limit(lexer);
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
    const unsigned char *end = lexer_limit(lexer);
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
    if (lexer_limit(lexer) - lexer->ptr < 2 || lexer->ptr[1] != '\'') {
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
    const unsigned char *end = lexer_limit(lexer);
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
    const unsigned char *end = lexer_limit(lexer);
    const unsigned char *p = ++lexer->ptr;
    if (p == end) {
        return TOKEN_USER_VARIABLE;
    }
    switch (byte_classes[*p]) {
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
    bool has_next = lexer_limit(lexer) - p >= 2;
    switch (byte_classes[*p]) {
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
        lexer->parameters++;
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
