#include "proxy/admin/dialect.h"

#include "proxy/admin/fault.h"
#include "proxy/base/memory.h"
#include "router/sql/lexer.h"

// --- state of one translation ---

enum like { LIKE_NONE, LIKE_SEEN, LIKE_PATTERN_SEEN };

struct translation {
    struct lexer lexer;
    struct sql_syntax syntax;
    struct buffer *out;
    struct token before; // the token written last
    enum like like;
    struct error *error;
};

static bool syntax_error(struct translation *at, const char *what)
{
    return fault_set(at->error, ADMIN_SYNTAX, SLICE_ARG(slice_text(what)));
}

static struct token token_ahead(const struct translation *at)
{
    struct lexer lexer = at->lexer;
    struct token token;
    lexer_next(&lexer, &token);
    return token;
}

static bool is_word(const struct token *token, struct slice word)
{
    return token->kind == TOKEN_WORD && slice_equal_nocase(token_text(token), word);
}

static bool is_symbol(const struct token *token, char symbol)
{
    return token->kind == TOKEN_SYMBOL && token->symbol == (unsigned char)symbol;
}

static bool is_name(const struct token *token)
{
    return token->kind == TOKEN_WORD || token->kind == TOKEN_NAME;
}

// --- writing ---

static void quoted_append(struct slice text, char quote, struct buffer *out)
{
    buffer_append(out, &quote, 1);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i] != '\0' ? text.ptr[i] : '?'; // SQLite's texts end at a NUL
        buffer_append(out, &c, 1);
        if (c == quote) {
            buffer_append(out, &c, 1);
        }
    }
    buffer_append(out, &quote, 1);
}

void dialect_string(struct slice text, struct buffer *out)
{
    quoted_append(text, '\'', out);
}

static void value_append(const struct translation *at, const struct token *token, char quote)
{
    char *room = mem_alloc(token->len);
    quoted_append(token_value(token, &at->syntax, room), quote, at->out);
    mem_free(room);
}

// --- what differs ---

// @@name, @@scope.name, @@`name`.
static bool variable_translate(struct translation *at)
{
    struct token part;
    char room[128];
    struct buffer name = BUFFER_INIT;
    lexer_next(&at->lexer, &part);
    bool is_good = is_name(&part) && part.len <= sizeof(room);
    if (is_good) {
        buffer_append_slice(&name, token_value(&part, &at->syntax, room));
        struct token dot = token_ahead(at);
        if (is_symbol(&dot, '.')) {
            lexer_next(&at->lexer, &dot);
            lexer_next(&at->lexer, &part);
            is_good = is_name(&part) && part.len <= sizeof(room);
            buffer_append(&name, ".", 1);
            buffer_append_slice(&name,
                                is_good ? token_value(&part, &at->syntax, room) : SLICE_NONE);
        }
    }
    if (is_good) {
        buffer_append_slice(at->out, S(DIALECT_VARIABLE "("));
        dialect_string(buffer_slice(&name), at->out);
        buffer_append_slice(at->out, S(")"));
    }
    buffer_release(&name);
    return is_good || syntax_error(at, "no name behind @@");
}

// Words that SQLite has otherwise or not at all. True where the word was dealt with.
static bool word_translate(struct translation *at, const struct token *token)
{
    struct token ahead = token_ahead(at);
    if (is_word(token, S("COLLATE")) && (is_name(&ahead) || ahead.kind == TOKEN_STRING)) {
        lexer_next(&at->lexer, &ahead); // all text here is utf8mb4, compared by bytes
        return true;
    }
    if (is_word(token, S("FROM")) && is_word(&ahead, S("DUAL"))) {
        lexer_next(&at->lexer, &ahead);
        return true;
    }
    if (token->ptr[0] == '_' && ahead.kind == TOKEN_STRING && ahead.gap == GAP_NONE) {
        return true; // _utf8mb4'x'
    }
    if (is_word(token, S("CURRENT_USER")) && !is_symbol(&ahead, '(')) {
        buffer_append_slice(at->out, S("current_user()"));
        return true;
    }
    return false;
}

static bool symbol_translate(struct translation *at, const struct token *token)
{
    if (token->symbol == SYMBOL_ASSIGN) {
        return syntax_error(at, "user variables can't be set here");
    }
    if (is_symbol(token, ';')) {
        struct token ahead = token_ahead(at);
        return ahead.kind == TOKEN_END || is_symbol(&ahead, ';') ||
               syntax_error(at, "one statement at a time");
    }
    buffer_append_slice(at->out, token_text(token));
    return true;
}

static bool token_translate(struct translation *at, const struct token *token)
{
    switch ((enum token_kind)token->kind) {
    case TOKEN_STRING:
        if (at->before.kind == TOKEN_STRING) {
            buffer_append_slice(at->out, S("||")); // 'a' 'b' is 'ab'
        }
        value_append(at, token, '\'');
        return true;
    case TOKEN_NAME:
        value_append(at, token, '"');
        return true;
    case TOKEN_USER_VARIABLE:
        buffer_append_slice(at->out, S("NULL")); // never set here
        return true;
    case TOKEN_SYSTEM_VARIABLE:
        return variable_translate(at);
    case TOKEN_SYMBOL:
        return symbol_translate(at, token);
    case TOKEN_WORD:
        if (!word_translate(at, token)) {
            buffer_append_slice(at->out, token_text(token));
        }
        return true;
    case TOKEN_NULL:
        buffer_append_slice(at->out, S("NULL"));
        return true;
    case TOKEN_NUMBER:
    case TOKEN_PARAMETER:
        buffer_append_slice(at->out, token_text(token));
        return true;
    case TOKEN_BROKEN:
    case TOKEN_END:
    default:
        return syntax_error(at, "a quote or comment does not end");
    }
}

// LIKE 'a\_b' has the backslash by default with MySQL, and only by ESCAPE with SQLite.
static void like_translate(struct translation *at, const struct token *token)
{
    bool is_pattern = token->kind == TOKEN_STRING || token->kind == TOKEN_PARAMETER;
    if (is_word(token, S("LIKE"))) {
        at->like = LIKE_SEEN;
    } else if (at->like == LIKE_SEEN && is_pattern) {
        at->like = LIKE_PATTERN_SEEN;
    } else if (at->like == LIKE_PATTERN_SEEN && token->kind == TOKEN_STRING) {
        return; // goes on: 'a' 'b'
    } else {
        if (at->like == LIKE_PATTERN_SEEN && !is_word(token, S("ESCAPE"))) {
            buffer_append_slice(at->out, S(" ESCAPE '\\'"));
        }
        at->like = LIKE_NONE;
    }
}

bool dialect_translate(struct slice sql, struct buffer *out, struct error *error)
{
    struct translation at = {.syntax = SQL_SYNTAX_DEFAULT, .out = out, .error = error};
    struct token token;
    lexer_init(&at.lexer, sql, &at.syntax, 0);
    lexer_next(&at.lexer, &token);
    while (token.kind != TOKEN_END) {
        like_translate(&at, &token);
        if (token.gap != GAP_NONE && !buffer_is_empty(out)) {
            buffer_append(out, " ", 1);
        }
        if (!token_translate(&at, &token)) {
            return false;
        }
        at.before = token;
        lexer_next(&at.lexer, &token);
    }
    like_translate(&at, &token);
    return true;
}

// --- and back ---

struct slice dialect_name(struct slice name, struct arena *arena)
{
    const struct slice call = S(DIALECT_VARIABLE "('");
    struct buffer made = BUFFER_INIT;
    while (name.len > 0) {
        size_t at = slice_find_slice(name, call);
        buffer_append_slice(&made, slice_first(name, at));
        name = slice_from(name, at);
        if (name.len > 0) {
            name = slice_from(name, call.len);
            size_t end = slice_find_slice(name, S("')"));
            buffer_print(&made, "@@%.*s", SLICE_ARG(slice_first(name, end)));
            name = slice_from(name, end + 2);
        }
    }
    struct slice restored = arena_copy(arena, buffer_slice(&made));
    buffer_release(&made);
    return restored;
}
