// Programs: blocks of statements with semicolons of their own, run at once or stored.
#include "router/statement/verb_priv.h"

// Whether the last token leaves the next one at the beginning of a statement.
static bool is_statement_start(const struct parser *parser)
{
    switch (parser->last.keyword) {
    case KEYWORD_BEGIN:
    case KEYWORD_THEN:
    case KEYWORD_ELSE:
    case KEYWORD_DO:
    case KEYWORD_LOOP:
    case KEYWORD_REPEAT:
    case KEYWORD_ATOMIC:
        return true;
    default:
        return token_is_symbol(&parser->last, ';') || token_is_symbol(&parser->last, ':');
    }
}

// Words that begin what END ends.
static bool at_block_word(const struct parser *parser)
{
    switch (parser->token.keyword) {
    case KEYWORD_BEGIN:
    case KEYWORD_CASE:
    case KEYWORD_IF:
    case KEYWORD_LOOP:
    case KEYWORD_REPEAT:
    case KEYWORD_WHILE:
    case KEYWORD_FOR:
        return true;
    default:
        return false;
    }
}

// IF, LOOP and their like are functions elsewhere, and in all of a CASE that is an expression.
static bool opens_block(const struct parser *parser, bool in_expression)
{
    return parser_at(parser, KEYWORD_CASE) ||
           (!in_expression && (parser_at(parser, KEYWORD_BEGIN) ||
                               (at_block_word(parser) && is_statement_start(parser))));
}

// END, END IF, END LOOP, ...
static void take_end(struct parser *parser)
{
    parser_advance(parser);
    switch (parser->token.keyword) {
    case KEYWORD_IF:
    case KEYWORD_CASE:
    case KEYWORD_LOOP:
    case KEYWORD_REPEAT:
    case KEYWORD_WHILE:
    case KEYWORD_FOR:
        parser_advance(parser);
        break;
    default:
        break;
    }
}

// `depth` blocks are open.
static void skip_blocks(struct parser *parser, size_t depth)
{
    uint64_t expressions = 0; // bits of the blocks that are some, the innermost one's the lowest
    while (parser->token.kind != TOKEN_END && parser->token.kind != TOKEN_BROKEN) {
        if (parser_at_symbol(parser, ';') && depth == 0) {
            return;
        }
        if (parser_at(parser, KEYWORD_END) && depth > 0) {
            depth--;
            expressions >>= 1;
            take_end(parser);
            continue;
        }
        bool in_expression = (expressions & 1) != 0;
        if (opens_block(parser, in_expression)) {
            bool is_case = parser_at(parser, KEYWORD_CASE);
            depth++;
            expressions =
                expressions << 1 | (is_case && (in_expression || !is_statement_start(parser)));
        }
        parser_advance(parser);
    }
    if (depth > 0) { // not understood: there may be another statement behind it
        parser_unknown(parser);
    }
}

// --- stored programs: what stands before the body

// [IF NOT EXISTS] [schema.]name
static void skip_name(struct parser *parser)
{
    struct slice name;
    parser_take_if_exists(parser);
    parser_take_name(parser, &name);
    if (parser_take_symbol(parser, '.')) {
        parser_take_name(parser, &name);
    }
}

// {BEFORE|AFTER} event ON t FOR EACH ROW [{FOLLOWS|PRECEDES} other]
static void skip_occasion(struct parser *parser)
{
    struct slice other;
    while (!parser_at_end(parser) && !parser_take(parser, KEYWORD_EACH)) {
        parser_advance(parser);
    }
    parser_take(parser, KEYWORD_ROW);
    if (parser_take_word(parser, S("follows")) || parser_take_word(parser, S("precedes"))) {
        parser_take_name(parser, &other);
    }
}

// A word of LANGUAGE SQL, [NOT] DETERMINISTIC, CONTAINS SQL, READS SQL DATA, SQL SECURITY INVOKER,
// COMMENT 'x' and their like: no statement begins with one.
static bool take_characteristic(struct parser *parser)
{
    switch (parser->token.keyword) {
    case KEYWORD_NOT:
    case KEYWORD_DETERMINISTIC:
    case KEYWORD_CONTAINS:
    case KEYWORD_NO:
    case KEYWORD_READS:
    case KEYWORD_MODIFIES:
    case KEYWORD_SQL:
    case KEYWORD_DATA:
    case KEYWORD_SECURITY:
    case KEYWORD_DEFINER:
    case KEYWORD_INVOKER:
    case KEYWORD_COMMENT:
        parser_advance(parser);
        return true;
    default:
        break;
    }
    bool is_comment = parser->token.kind == TOKEN_STRING;
    if (is_comment) {
        parser_advance(parser);
    }
    return is_comment || parser_take_word(parser, S("language"));
}

// (parameters) [RETURNS type] characteristics. A type has words of many kinds; but what follows it
// all is RETURN or a block, for a function does nothing else.
static void skip_signature(struct parser *parser)
{
    if (parser_at_symbol(parser, '(')) {
        parser_skip_parenthesis(parser);
    }
    if (!parser_take_word(parser, S("returns"))) {
        while (take_characteristic(parser)) {
        }
        return;
    }
    while (!parser_at_end(parser) && !parser_at(parser, KEYWORD_RETURN) && !at_block_word(parser)) {
        parser_advance(parser);
    }
}

// Up to the body; an event's has DO before it, which says as much.
static void skip_head(struct parser *parser, enum keyword what)
{
    skip_name(parser);
    switch (what) {
    case KEYWORD_PROCEDURE:
    case KEYWORD_FUNCTION:
        skip_signature(parser);
        break;
    case KEYWORD_TRIGGER:
        skip_occasion(parser);
        break;
    default:
        break;
    }
}

void skip_program(struct parser *parser, enum keyword what)
{
    skip_head(parser, what);
    bool is_block = at_block_word(parser);
    if (is_block) {
        parser_advance(parser);
    }
    skip_blocks(parser, is_block);
}

// --- programs that run at once

// Behind BEGIN, IF, LOOP and the like, or a label: whatever runs in there.
void read_compound(struct parser *parser)
{
    parser_classify(parser, STATEMENT_COMPOUND, STATEMENT_CLASS_WRITE, ROUTE_REASON_COMPOUND);
    parser_unknown(parser);
    parser_insert_id(parser);
    skip_blocks(parser, 1);
}

// SIGNAL, RESIGNAL, RETURN: part of programs; outside of one they make an error or nothing.
void read_signal(struct parser *parser)
{
    parser_classify(parser, STATEMENT_COMPOUND, STATEMENT_CLASS_WRITE, ROUTE_REASON_COMPOUND);
    while (!parser_at_end(parser)) {
        parser_advance(parser);
    }
}
