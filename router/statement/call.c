// Calls of functions: built in, stored, loadable.
#include "router/statement/call_priv.h"

static void unknown_function(struct parser *parser, struct slice name)
{
    parser_raise(parser, STATEMENT_CLASS_WRITE, ROUTE_REASON_UNKNOWN_FUNCTION, name);
    parser_uncacheable(parser, UNCACHEABLE_FUNCTION);
    parser_add_program(parser, NULL);
}

static bool is_function_named(struct slice entry, struct slice schema, struct slice name)
{
    size_t dot = slice_find(entry, '.');
    if (dot == entry.len) {
        return slice_equal_nocase(entry, name);
    }
    return slice_equal_nocase(slice_first(entry, dot), schema) &&
           slice_equal_nocase(slice_from(entry, dot + 1), name);
}

// routing.pure_functions names it. An entry without schema is a loadable function's, which is
// called without one.
static bool is_allowed(const struct parser *parser, struct slice schema, struct slice name,
                       bool is_qualified)
{
    const struct statement_context *context = parser->context;
    for (size_t i = 0; i < context->pure_functions_count; i++) {
        struct slice entry = context->pure_functions[i];
        bool is_plain = slice_find(entry, '.') == entry.len;
        if (!(is_plain && is_qualified) && is_function_named(entry, schema, name)) {
            return true;
        }
    }
    return false;
}

static const struct catalogue_routine *function_find(const struct parser *parser,
                                                     struct slice schema, struct slice name)
{
    const struct catalogue *catalogue = parser->context->catalogue;
    return catalogue != NULL ? catalogue_function_find(catalogue, schema, name) : NULL;
}

// The catalogue has read the function's body and found nothing in it.
static bool is_proven(struct parser *parser, const struct catalogue_routine *function)
{
    if (function == NULL || !function->is_pure || parser->is_catalogue_old) {
        return false;
    }
    for (size_t i = 0; i < function->tables_count; i++) {
        parser_add_table(parser, arena_copy(parser->arena, function->tables[i].schema),
                         arena_copy(parser->arena, function->tables[i].name), TABLE_READ);
    }
    if (!function->is_deterministic) {
        parser_uncacheable(parser, UNCACHEABLE_FUNCTION);
    }
    return true;
}

// It does something, and what that is is known.
static void known_function(struct parser *parser, const struct program *program, struct slice name)
{
    parser_raise(parser, STATEMENT_CLASS_WRITE, ROUTE_REASON_WRITING_FUNCTION, name);
    parser_uncacheable(parser, UNCACHEABLE_FUNCTION);
    parser_add_program(parser, program);
}

// A stored or loadable function. Without a schema it is a loadable one or the current schema's.
static void call_stored(struct parser *parser, struct slice schema, struct slice name,
                        bool is_qualified)
{
    const struct catalogue_routine *function = function_find(parser, schema, name);
    if (is_proven(parser, function)) {
        return;
    }
    if (!is_allowed(parser, schema, name, is_qualified)) {
        if (function != NULL && function->program != NULL && !parser->is_catalogue_old) {
            known_function(parser, function->program, name);
        } else {
            unknown_function(parser, name);
        }
        return;
    }
    parser_uncacheable(parser, UNCACHEABLE_FUNCTION);
    parser->out->are_tables_complete = false;
}

static void call_lock(struct parser *parser, struct slice name, enum function_kind kind)
{
    parser_raise(parser, STATEMENT_CLASS_WRITE, ROUTE_REASON_USER_LOCK, name);
    parser_ask(parser, ASK_USER_LOCK);
    parser_uncacheable(parser, UNCACHEABLE_SESSION_FUNCTION);
    if (kind == FUNCTION_LOCK_OWNER) {
        parser_ask(parser, ASK_CONNECTION_ID);
    } else if (kind == FUNCTION_LOCK_TAKE) {
        parser_effect(parser, EFFECT_LOCK_TAKE);
    } else if (kind == FUNCTION_LOCK_RELEASE) {
        parser_effect(parser, EFFECT_LOCK_RELEASE);
    } else if (kind == FUNCTION_LOCK_RELEASE_ALL) {
        parser_effect(parser, EFFECT_LOCK_RELEASE_ALL);
    }
}

void call_builtin(struct parser *parser, struct slice name, enum function_kind kind)
{
    switch (kind) {
    case FUNCTION_PURE:
    case FUNCTION_CLAUSE:
        return;
    case FUNCTION_CHANGES:
        parser_uncacheable(parser, UNCACHEABLE_FUNCTION);
        return;
    case FUNCTION_SESSION:
        break;
    case FUNCTION_SERVER:
        parser_raise(parser, STATEMENT_CLASS_SERVER_READ, ROUTE_REASON_SERVER_SPECIFIC, name);
        break;
    case FUNCTION_FOUND_ROWS:
        parser_ask_last_statement(parser, ASK_FOUND_ROWS, name);
        break;
    case FUNCTION_ROW_COUNT:
        parser_ask_last_statement(parser, ASK_ROW_COUNT, name);
        break;
    case FUNCTION_INSERT_ID:
        parser_raise(parser, STATEMENT_CLASS_CONNECTION, ROUTE_REASON_INSERT_ID, name);
        parser_ask(parser, ASK_INSERT_ID);
        break;
    case FUNCTION_CONNECTION_ID:
        parser_ask(parser, ASK_CONNECTION_ID);
        break;
    case FUNCTION_LOCK_TAKE:
    case FUNCTION_LOCK_RELEASE:
    case FUNCTION_LOCK_RELEASE_ALL:
    case FUNCTION_LOCK_ASK:
    case FUNCTION_LOCK_OWNER:
        call_lock(parser, name, kind);
        return;
    case FUNCTION_SEQUENCE_NEXT:
        parser_raise(parser, STATEMENT_CLASS_WRITE, ROUTE_REASON_SEQUENCE, name);
        parser_effect(parser, EFFECT_SEQUENCE);
        break;
    case FUNCTION_SEQUENCE_LAST:
        parser_raise(parser, STATEMENT_CLASS_CONNECTION, ROUTE_REASON_SEQUENCE, name);
        parser_ask(parser, ASK_SEQUENCE);
        break;
    case FUNCTION_WRITES:
        parser_raise(parser, STATEMENT_CLASS_WRITE, ROUTE_REASON_WRITING_FUNCTION, name);
        break;
    }
    parser_uncacheable(parser, UNCACHEABLE_SESSION_FUNCTION);
}

// Whether the word before the parenthesis is the built-in function and not another one of its name.
static bool is_builtin(const struct parser *parser, const struct sql_function *function,
                       struct slice name)
{
    const struct statement_context *context = parser->context;
    if (function->is_token && parser->token.gap != GAP_NONE &&
        !(parser->lexer.syntax.ignore_space && parser->token.gap == GAP_SPACE)) {
        return false;
    }
    return function->is_everywhere ||
           (context->catalogue != NULL && !catalogue_has_function_named(context->catalogue, name));
}

static bool is_sequence(enum function_kind kind)
{
    return kind == FUNCTION_SEQUENCE_NEXT || kind == FUNCTION_SEQUENCE_LAST;
}

// Words that are no functions where they stand though a parenthesis follows.
static bool is_clause_word(const struct parser *parser)
{
    enum keyword before = (enum keyword)parser->before_last.keyword;
    switch (parser->last.keyword) {
    case KEYWORD_ANALYSE:
        return before == KEYWORD_PROCEDURE;
    case KEYWORD_OF:
        return before == KEYWORD_MEMBER;
    case KEYWORD_AGAINST: // MATCH a, b AGAINST (...)
    case KEYWORD_OVER:    // RESPECT NULLS OVER (...)
    case KEYWORD_ESCAPE:
        return (parser->before_last.kind == TOKEN_WORD && before == KEYWORD_NONE) ||
               parser->before_last.kind == TOKEN_NAME;
    default:
        return false;
    }
}

// A call through a dot is a stored function's, whatever its name.
static void call_qualified(struct parser *parser, const struct token *qualifier)
{
    struct slice name = parser_value(parser, &parser->last);
    if (qualifier->kind != TOKEN_WORD && qualifier->kind != TOKEN_NAME) {
        unknown_function(parser, name);
        return;
    }
    call_stored(parser, parser_value(parser, qualifier), name, true);
}

static void call_unqualified(struct parser *parser)
{
    call_stored(parser, parser->schema, parser_value(parser, &parser->last), false);
}

static enum function_kind call_word(struct parser *parser)
{
    enum keyword keyword = (enum keyword)parser->last.keyword;
    struct slice name = token_text(&parser->last);
    bool is_quiet = keyword_is_grammar(keyword) && keyword != KEYWORD_DEFAULT;
    if (is_quiet || is_clause_word(parser)) { // CURRENT_DATE and the like were seen before
        return FUNCTION_PURE;
    }
    const struct sql_function *function = sql_function_find(name);
    if (function != NULL && is_builtin(parser, function, name)) {
        call_builtin(parser, name, function->kind);
        return function->kind;
    }
    if (function != NULL && is_sequence(function->kind)) { // whichever of the two it is
        call_builtin(parser, name, function->kind);
    }
    call_unqualified(parser);
    return FUNCTION_PURE;
}

// Behind a parenthesis, a literal or AS no call can stand: the name is an alias, a type, or a word
// as OVER and ESCAPE.
static bool is_no_call_behind(const struct token *before)
{
    switch (before->kind) {
    case TOKEN_STRING:
    case TOKEN_NUMBER:
    case TOKEN_PARAMETER:
        return true;
    default:
        return token_is_symbol(before, ')') || before->keyword == KEYWORD_AS;
    }
}

enum function_kind call_read(struct parser *parser, const struct token *qualifier)
{
    switch (parser->last.kind) {
    case TOKEN_WORD:
    case TOKEN_NAME:
        break;
    default:
        return FUNCTION_PURE;
    }
    if (token_is_symbol(&parser->before_last, '.')) {
        call_qualified(parser, qualifier);
        return FUNCTION_PURE;
    }
    if (is_no_call_behind(&parser->before_last)) {
        return FUNCTION_PURE;
    }
    if (parser->last.kind == TOKEN_WORD) {
        return call_word(parser);
    }
    call_unqualified(parser);
    return FUNCTION_PURE;
}

// Words that are functions without a parenthesis.
static bool is_bare_function(enum keyword keyword)
{
    switch (keyword) {
    case KEYWORD_CURRENT_DATE:
    case KEYWORD_CURRENT_ROLE:
    case KEYWORD_CURRENT_TIME:
    case KEYWORD_CURRENT_TIMESTAMP:
    case KEYWORD_CURRENT_USER:
    case KEYWORD_LOCALTIME:
    case KEYWORD_LOCALTIMESTAMP:
    case KEYWORD_UTC_DATE:
    case KEYWORD_UTC_TIME:
    case KEYWORD_UTC_TIMESTAMP:
        return true;
    default:
        return false;
    }
}

void call_bare(struct parser *parser, enum keyword keyword)
{
    if (is_bare_function(keyword)) {
        struct slice name = keyword_name(keyword);
        call_builtin(parser, name, sql_function_find(name)->kind);
    }
}
