// CONNECTION_ID() is sluice's id of the session, which the client was greeted with, and no server
// knows: the statement gets the number in its place. A column that was to be named by the call
// keeps its name. What stands in a view, a routine or a text prepared from a string is the
// server's own to answer.
#include "proxy/session/session_priv.h"

#include "protocol/wire/writer.h"
#include "router/sql/lexer.h"

enum {
    ALIAS_MOST = 200,      // bytes of a name; a server refuses longer ones
    ROOM_MOST = 64 * 1024, // a text that comes near the end of its frame stays as it is
};

// A walk over the tokens, with what is written so far.
struct rewriting {
    struct lexer lexer;
    struct token token, before, last; // the present one, and those before it
    struct slice sql;
    struct buffer *out;
    const char *copied; // what stands before it is written
    const char *item;   // where the item of the select list begins; NULL: not in one
    const char *item_end;
    uint32_t id;
    int depth;
    bool has_call;  // the item has one
    bool has_alias; // the item has AS
    bool is_broken;
};

static const char *token_end(const struct token *token)
{
    return token->ptr + token->len;
}

static void copy_until(struct rewriting *at, const char *end)
{
    buffer_append(at->out, at->copied, (size_t)(end - at->copied));
    at->copied = end;
}

static void advance(struct rewriting *at)
{
    at->before = at->last;
    at->last = at->token;
    lexer_next(&at->lexer, &at->token);
    at->is_broken |= at->token.kind == TOKEN_BROKEN || at->lexer.executables > 0;
}

static bool is_symbol(const struct token *token, char symbol)
{
    return token->kind == TOKEN_SYMBOL && token->symbol == (uint16_t)symbol;
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
    bool ends =
        is_symbol(&at->before, ')') || can_name(&at->before) || at->before.kind == TOKEN_NUMBER;
    return at->has_alias || (ends && at->before.ptr >= at->item && can_name(&at->last));
}

static void item_end(struct rewriting *at)
{
    struct slice text = slice_make(at->item, (size_t)(token_end(&at->last) - at->item));
    bool is_plain = slice_find(text, '`') == text.len && text.len <= ALIAS_MOST;
    if (at->has_call && !is_named(at) && is_plain) {
        copy_until(at, token_end(&at->last));
        buffer_print(at->out, " AS `%.*s`", SLICE_ARG(text));
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
        advance(at);
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
    case KEYWORD_FOR:
    case KEYWORD_LOCK:
        return token->kind == TOKEN_WORD;
    default:
        return token->kind == TOKEN_END || is_symbol(token, ';');
    }
}

// The present token in the list, outside of parentheses.
static void list_step(struct rewriting *at)
{
    if (ends_list(&at->token)) {
        item_end(at);
    } else if (is_symbol(&at->token, ',')) {
        item_end(at);
        advance(at);
        item_begin(at);
    } else if (at->token.kind == TOKEN_WORD && at->token.keyword == KEYWORD_AS) {
        at->has_alias = true;
    }
}

// --- calls ---------------------------------------------------------------------------------------

// CONNECTION_ID ( ), and nothing before it that makes it another's function or column.
static void call_try(struct rewriting *at)
{
    struct rewriting before = *at;
    if (at->token.kind != TOKEN_WORD || is_symbol(&at->last, '.') ||
        !slice_equal_nocase(token_text(&at->token), S("connection_id"))) {
        return;
    }
    advance(at);
    bool is_open = is_symbol(&at->token, '(');
    advance(at);
    if (!is_open || !is_symbol(&at->token, ')')) {
        *at = before; // a column of that name, say
        return;
    }
    copy_until(at, before.token.ptr);
    buffer_print(at->out, "%u", at->id);
    at->copied = token_end(&at->token);
    at->has_call = true;
}

static void step(struct rewriting *at)
{
    if (at->item != NULL && at->depth == 0) {
        list_step(at);
    }
    call_try(at);
    if (is_symbol(&at->token, '(')) {
        at->depth++;
    } else if (is_symbol(&at->token, ')') && at->copied != token_end(&at->token)) {
        at->depth--;
    }
    bool is_select = at->token.kind == TOKEN_WORD && at->token.keyword == KEYWORD_SELECT;
    advance(at);
    if (is_select && at->depth == 0) {
        item_begin(at);
    }
}

// False where the text cannot be read with certainty.
static bool rewrite(struct rewriting *at, const struct sql_syntax *syntax)
{
    lexer_init(&at->lexer, at->sql, syntax, 0);
    advance(at);
    while (at->token.kind != TOKEN_END && !at->is_broken) {
        step(at);
    }
    if (at->item != NULL && !at->is_broken) {
        item_end(at);
    }
    copy_until(at, at->sql.ptr + at->sql.len);
    return !at->is_broken;
}

// Statements whose text is over once they ran: elsewhere the number would outlive the session.
static bool is_momentary(const struct statement *statement)
{
    switch (statement->kind) {
    case STATEMENT_SELECT:
        return true;
    case STATEMENT_INSERT:
    case STATEMENT_REPLACE:
    case STATEMENT_UPDATE:
    case STATEMENT_DELETE:
    case STATEMENT_SET:
    case STATEMENT_DO:
    case STATEMENT_CALL:
        return statement->count == 1;
    default:
        return false;
    }
}

struct slice own_id_text(const struct run *run)
{
    return slice_from(buffer_slice(&run->sent), FRAME_HEADER_SIZE + 1);
}

void run_put_text(struct run *run, struct slice sql)
{
    if (sql.len >= FRAME_PAYLOAD_MAX - 1) {
        return;
    }
    buffer_release(&run->sent);
    struct writer writer = writer_make(&run->sent, 0);
    writer_packet_begin(&writer);
    writer_u8(&writer, (uint8_t)run->command);
    writer_slice(&writer, sql);
    if (!writer_packet_end(&writer)) {
        buffer_release(&run->sent);
    }
}

void own_id_put(struct session *session, struct slice sql)
{
    struct run *run = session->run;
    struct buffer text = BUFFER_INIT;
    struct rewriting at = {.sql = sql, .out = &text, .copied = sql.ptr, .id = session->id};
    bool is_short = sql.len < FRAME_PAYLOAD_MAX - ROOM_MOST;
    if (is_momentary(&run->statement) && !session->syntax.is_mode_unknown && is_short &&
        rewrite(&at, &session->syntax)) {
        run_put_text(run, buffer_slice(&text));
    }
    buffer_release(&text);
}
