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

// Words that begin what END ends. IF, LOOP and their like are functions elsewhere.
static bool opens_block(const struct parser *parser)
{
    switch (parser->token.keyword) {
    case KEYWORD_BEGIN:
    case KEYWORD_CASE:
        return true;
    case KEYWORD_IF:
    case KEYWORD_LOOP:
    case KEYWORD_REPEAT:
    case KEYWORD_WHILE:
    case KEYWORD_FOR:
        return is_statement_start(parser);
    default:
        return false;
    }
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
    while (parser->token.kind != TOKEN_END && parser->token.kind != TOKEN_BROKEN) {
        if (parser_at_symbol(parser, ';') && depth == 0) {
            return;
        }
        if (parser_at(parser, KEYWORD_END) && depth > 0) {
            depth--;
            take_end(parser);
            continue;
        }
        depth += opens_block(parser);
        parser_advance(parser);
    }
    if (depth > 0) { // not understood: there may be another statement behind it
        parser_unknown(parser);
    }
}

void skip_body(struct parser *parser)
{
    skip_blocks(parser, 0);
}

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
