// Token by token, with an eye on the items of the select list.
#include "proxy/session/rewriting.h"

enum { ALIAS_MOST = 200 }; // bytes of a name; a server refuses longer ones

void rewriting_copy(struct rewriting *at, const char *end)
{
    buffer_append(at->out, at->copied, (size_t)(end - at->copied));
    at->copied = end;
}

void rewriting_advance(struct rewriting *at)
{
    at->before = at->last;
    at->last = at->token;
    lexer_next(&at->lexer, &at->token);
    at->is_broken |= at->token.kind == TOKEN_BROKEN || at->lexer.executables > 0;
}

// --- items of a select list ----------------------------------------------------------------------

// What may stand at the end of an item and name it.
static bool can_name(const struct token *token)
{
    return token->kind == TOKEN_NAME || token->kind == TOKEN_STRING ||
           (token->kind == TOKEN_WORD && !keyword_is_reserved((enum keyword)token->keyword) &&
            token->keyword != KEYWORD_END);
}

// Whether the item's last token, `last`, is a name of its own: `before` ends an expression.
static bool is_named(const struct rewriting *at)
{
    bool ends = token_is_symbol(&at->before, ')') || can_name(&at->before) ||
                at->before.kind == TOKEN_NUMBER;
    return at->has_alias || (ends && at->before.ptr >= at->item && can_name(&at->last));
}

// As a name between backticks.
static void alias_write(struct slice text, struct buffer *out)
{
    buffer_append_slice(out, S(" AS `"));
    for (size_t i = 0; i < text.len; i++) {
        buffer_append(out, text.ptr + i, 1);
        if (text.ptr[i] == '`') {
            buffer_append(out, "`", 1);
        }
    }
    buffer_append(out, "`", 1);
}

// Whether each of its backticks is one: in some charsets it may be the end of a character.
static bool are_backticks_sure(const struct rewriting *at, struct slice text)
{
    enum sql_charset charset = at->lexer.syntax.charset;
    return charset == SQL_CHARSET_UTF8 || charset == SQL_CHARSET_SINGLE_BYTE ||
           slice_find(text, '`') == text.len;
}

static void item_end(struct rewriting *at)
{
    const char *end = token_end(&at->last);
    struct slice text =
        end > at->item ? slice_make(at->item, (size_t)(end - at->item)) : SLICE_NONE;
    bool can_be_kept = text.len <= ALIAS_MOST && are_backticks_sure(at, text);
    if (at->has_call && !is_named(at) && can_be_kept) {
        rewriting_copy(at, token_end(&at->last));
        alias_write(text, at->out);
    }
    at->item = NULL;
}

// Words between SELECT and its first item.
static bool is_option(const struct token *token)
{
    static const struct slice options[] = {
        SLICE_INIT("all"),
        SLICE_INIT("distinct"),
        SLICE_INIT("distinctrow"),
        SLICE_INIT("high_priority"),
        SLICE_INIT("straight_join"),
        SLICE_INIT("sql_small_result"),
        SLICE_INIT("sql_big_result"),
        SLICE_INIT("sql_buffer_result"),
        SLICE_INIT("sql_cache"),
        SLICE_INIT("sql_no_cache"),
        SLICE_INIT("sql_calc_found_rows"),
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (token->kind == TOKEN_WORD && slice_equal_nocase(token_text(token), options[i])) {
            return true;
        }
    }
    return false;
}

static void item_begin(struct rewriting *at)
{
    while (is_option(&at->token)) {
        rewriting_advance(at);
    }
    at->item = at->token.ptr;
    at->has_call = false;
    at->has_alias = false;
}

static bool ends_list(const struct token *token)
{
    switch (token->keyword) {
    case KEYWORD_FROM:
    case KEYWORD_INTO:
    case KEYWORD_WHERE:
    case KEYWORD_GROUP:
    case KEYWORD_HAVING:
    case KEYWORD_ORDER:
    case KEYWORD_LIMIT:
    case KEYWORD_UNION:
    case KEYWORD_EXCEPT:
    case KEYWORD_INTERSECT:
    case KEYWORD_PROCEDURE:
    case KEYWORD_ON: // DUPLICATE KEY UPDATE
    case KEYWORD_FETCH:
    case KEYWORD_FOR:
    case KEYWORD_LOCK:
        return token->kind == TOKEN_WORD;
    default:
        return token->kind == TOKEN_END || token_is_symbol(token, ';');
    }
}

// The present token in the list, outside of parentheses.
static void list_step(struct rewriting *at)
{
    if (ends_list(&at->token)) {
        item_end(at);
    } else if (token_is_symbol(&at->token, ',')) {
        item_end(at);
        rewriting_advance(at);
        item_begin(at);
    } else if (at->token.kind == TOKEN_WORD && at->token.keyword == KEYWORD_AS) {
        at->has_alias = true;
    }
}

// --- what is replaced ----------------------------------------------------------------------------

void rewriting_replace(struct rewriting *at, const char *start)
{
    rewriting_copy(at, start);
    at->copied = token_end(&at->token);
    at->has_call = true;
}

bool rewriting_take_call(struct rewriting *at, struct slice name)
{
    if (at->token.kind != TOKEN_WORD || token_is_symbol(&at->last, '.') ||
        !slice_equal_nocase(token_text(&at->token), name)) {
        return false;
    }
    rewriting_advance(at);
    bool is_open = token_is_symbol(&at->token, '(');
    rewriting_advance(at);
    return is_open && token_is_symbol(&at->token, ')');
}

bool rewriting_take_variable(struct rewriting *at, struct slice *name)
{
    if (at->token.kind != TOKEN_SYSTEM_VARIABLE) {
        return false;
    }
    rewriting_advance(at);
    *name = token_text(&at->token);
    if (slice_equal_nocase(*name, S("session")) || slice_equal_nocase(*name, S("local"))) {
        rewriting_advance(at);
        if (!token_is_symbol(&at->token, '.')) {
            return false;
        }
        rewriting_advance(at);
        *name = token_text(&at->token);
    }
    return true;
}

static void step(struct rewriting *at, rewriting_take_fn *take, void *context)
{
    if (at->item != NULL && at->depth == 0) {
        list_step(at);
    }
    struct rewriting before = *at;
    if (!take(at, context)) {
        *at = before;
    }
    if (token_is_symbol(&at->token, '(')) {
        at->depth++;
    } else if (token_is_symbol(&at->token, ')') && at->copied != token_end(&at->token)) {
        at->depth--;
    }
    bool is_select = at->token.kind == TOKEN_WORD && at->token.keyword == KEYWORD_SELECT;
    rewriting_advance(at);
    if (is_select && at->depth == 0) {
        item_begin(at);
    }
}

void rewriting_calls(struct rewriting *at, bool is_first_only, rewriting_take_fn *take,
                     void *context)
{
    while (at->token.kind != TOKEN_END && !at->is_broken) {
        if (is_first_only && token_is_symbol(&at->token, ';')) {
            break;
        }
        step(at, take, context);
    }
    if (at->item != NULL && !at->is_broken) {
        item_end(at);
    }
}

// --- a walk --------------------------------------------------------------------------------------

void rewriting_begin(struct rewriting *at, struct slice sql, const struct sql_syntax *syntax,
                     struct buffer *out)
{
    *at = (struct rewriting){.sql = sql, .out = out, .copied = sql.ptr};
    lexer_init(&at->lexer, sql, syntax, 0);
    rewriting_advance(at);
}

bool rewriting_end(struct rewriting *at)
{
    rewriting_copy(at, at->sql.ptr + at->sql.len);
    return !at->is_broken;
}
