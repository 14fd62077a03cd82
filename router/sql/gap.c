#include "router/sql/gap_priv.h"

#include "router/sql/byte_priv.h"

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
    while (text.len > 0 && byte_classes[(unsigned char)text.ptr[0]] == CLASS_SPACE) {
        text = slice_make(text.ptr + 1, text.len - 1);
    }
    if (slice_starts_nocase(text, S("sluice:")) && lexer->hints_count < LEXER_HINTS_MAX) {
        lexer->hints[lexer->hints_count++] = text;
    }
}

// The rest of the line is a comment, from behind its mark. A NUL byte would end it on some servers.
static void line_comment_skip(struct lexer *lexer)
{
    const unsigned char *end = lexer_limit(lexer);
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
    const unsigned char *end = lexer_limit(lexer);
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

enum token_gap gap_skip(struct lexer *lexer)
{
    enum token_gap gap = GAP_NONE;
    while (!lexer->is_broken) {
        const unsigned char *end = lexer_limit(lexer);
        if (lexer->ptr == end) {
            if (lexer->executable_end == NULL) {
                return gap;
            }
            lexer->ptr += 2;
            lexer->executable_end = NULL;
            gap = GAP_COMMENT;
            continue;
        }
        switch (byte_classes[*lexer->ptr]) {
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
