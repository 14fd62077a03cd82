// What tokens say: without quotes and escapes.
#include "router/sql/byte_priv.h"
#include "router/sql/lexer.h"

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
