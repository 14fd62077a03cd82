#include "router/statement/scan_priv.h"

#include "router/sql/function.h"
#include "router/statement/variable.h"

// --- where we are

// What holds between a parenthesis and its end, or in the statement outside of all of them.
enum frame {
    FRAME_PLAIN = 0,
    FRAME_FROM = 1 << 0,    // in a list of tables: a comma is followed by another one
    FRAME_EXPECT = 1 << 1,  // a table's name is next
    FRAME_CLAUSE = 1 << 2,  // of a function: FROM is part of its arguments
    FRAME_WITH = 1 << 3,    // between WITH and its statement: names, columns, queries
    FRAME_WRITTEN = 1 << 4, // the tables named are written
};

enum { FRAMES_MAX = 256 };

struct scan {
    struct parser *parser;
    unsigned place;
    unsigned stop;
    size_t depth;
    struct token qualifier;           // what stood before the last dot
    unsigned char frame;              // the innermost
    unsigned char frames[FRAMES_MAX]; // those around it
};

static inline void frame_set(struct scan *scan, unsigned bits)
{
    scan->frame |= (unsigned char)bits;
}

static inline void frame_clear(struct scan *scan, unsigned bits)
{
    scan->frame &= (unsigned char)~bits;
}

// A place deeper than anything real: nobody vouches for what stands there.
static void frame_push(struct scan *scan, unsigned frame)
{
    if (scan->depth == FRAMES_MAX) {
        parser_raise(scan->parser, STATEMENT_CLASS_WRITE, ROUTE_REASON_UNCLEAR_SYNTAX, SLICE_NONE);
        parser_unknown(scan->parser);
    }
    scan->frames[scan->depth % FRAMES_MAX] = scan->frame;
    scan->depth++;
    scan->frame = (unsigned char)frame;
}

static void frame_pop(struct scan *scan)
{
    if (scan->depth > 0) {
        scan->depth--;
        scan->frame = scan->frames[scan->depth % FRAMES_MAX];
    }
}

// --- calls

static void unknown_function(struct scan *scan, struct slice name)
{
    parser_raise(scan->parser, STATEMENT_CLASS_WRITE, ROUTE_REASON_UNKNOWN_FUNCTION, name);
    parser_uncacheable(scan->parser, UNCACHEABLE_FUNCTION);
    parser_effect(scan->parser, EFFECT_FUNCTION);
    scan->parser->out->are_tables_complete = false;
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

// The catalogue has read the function's body and found nothing in it.
static bool is_proven(struct parser *parser, struct slice schema, struct slice name)
{
    const struct catalogue *catalogue = parser->context->catalogue;
    const struct catalogue_routine *function =
        catalogue != NULL ? catalogue_function_find(catalogue, schema, name) : NULL;
    if (function == NULL || !function->is_pure) {
        return false;
    }
    for (size_t i = 0; i < function->tables_count; i++) {
        parser_add_table(parser, function->tables[i].schema, function->tables[i].name, TABLE_READ);
    }
    if (!function->is_deterministic) {
        parser_uncacheable(parser, UNCACHEABLE_FUNCTION);
    }
    return true;
}

// A stored or loadable function. Without a schema it is a loadable one or the current schema's.
static void call_stored(struct scan *scan, struct slice schema, struct slice name,
                        bool is_qualified)
{
    struct parser *parser = scan->parser;
    if (is_proven(parser, schema, name)) {
        return;
    }
    if (!is_allowed(parser, schema, name, is_qualified)) {
        unknown_function(scan, name);
        return;
    }
    parser_uncacheable(parser, UNCACHEABLE_FUNCTION);
    parser->out->are_tables_complete = false;
}

static void call_lock(struct scan *scan, struct slice name, enum function_kind kind)
{
    struct parser *parser = scan->parser;
    parser_raise(parser, STATEMENT_CLASS_WRITE, ROUTE_REASON_USER_LOCK, name);
    parser_ask(parser, ASK_USER_LOCK);
    parser_uncacheable(parser, UNCACHEABLE_SESSION_FUNCTION);
    if (kind == FUNCTION_LOCK_TAKE) {
        parser_effect(parser, EFFECT_LOCK_TAKE);
    } else if (kind == FUNCTION_LOCK_RELEASE) {
        parser_effect(parser, EFFECT_LOCK_RELEASE);
    } else if (kind == FUNCTION_LOCK_RELEASE_ALL) {
        parser_effect(parser, EFFECT_LOCK_RELEASE_ALL);
    }
}

static void ask_last_statement(struct parser *parser, enum statement_ask ask, struct slice name)
{
    parser_raise(parser, STATEMENT_CLASS_CONNECTION, ROUTE_REASON_LAST_STATEMENT, name);
    parser_ask(parser, ask);
}

// The next token is the parenthesis, or, for CURRENT_USER and the like, not one.
static void call_builtin(struct scan *scan, struct slice name, enum function_kind kind)
{
    struct parser *parser = scan->parser;
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
        ask_last_statement(parser, ASK_FOUND_ROWS, name);
        break;
    case FUNCTION_ROW_COUNT:
        ask_last_statement(parser, ASK_ROW_COUNT, name);
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
        call_lock(scan, name, kind);
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
    case KEYWORD_ESCAPE:
        return (parser->before_last.kind == TOKEN_WORD && before == KEYWORD_NONE) ||
               parser->before_last.kind == TOKEN_NAME;
    default:
        return false;
    }
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

// A call through a dot is a stored function's, whatever its name.
static void call_qualified(struct scan *scan)
{
    struct parser *parser = scan->parser;
    struct slice schema = parser_value(parser, &scan->qualifier);
    call_stored(scan, schema, parser_value(parser, &parser->last), true);
}

static void call_unqualified(struct scan *scan)
{
    struct parser *parser = scan->parser;
    call_stored(scan, parser->context->schema, parser_value(parser, &parser->last), false);
}

static enum function_kind call_word(struct scan *scan)
{
    struct parser *parser = scan->parser;
    enum keyword keyword = (enum keyword)parser->last.keyword;
    struct slice name = token_text(&parser->last);
    bool is_quiet = keyword_is_grammar(keyword) && keyword != KEYWORD_DEFAULT;
    if (is_quiet || is_clause_word(parser)) { // CURRENT_DATE and the like were seen before
        return FUNCTION_PURE;
    }
    const struct sql_function *function = sql_function_find(name);
    if (function != NULL && is_builtin(parser, function, name)) {
        call_builtin(scan, name, function->kind);
        return function->kind;
    }
    if (function != NULL && is_sequence(function->kind)) { // whichever of the two it is
        call_builtin(scan, name, function->kind);
    }
    call_unqualified(scan);
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

// The next token is a parenthesis: what is called, if anything is. In WITH a name is a table's.
static enum function_kind call(struct scan *scan)
{
    struct parser *parser = scan->parser;
    bool is_word = parser->last.kind == TOKEN_WORD;
    if ((!is_word && parser->last.kind != TOKEN_NAME) || (scan->frame & FRAME_WITH) != 0) {
        return FUNCTION_PURE;
    }
    if (token_is_symbol(&parser->before_last, '.')) {
        call_qualified(scan);
        return FUNCTION_PURE;
    }
    if (is_no_call_behind(&parser->before_last)) {
        return FUNCTION_PURE;
    }
    if (is_word) {
        return call_word(scan);
    }
    call_unqualified(scan);
    return FUNCTION_PURE;
}

// --- parentheses

static unsigned frame_of_call(enum function_kind kind)
{
    switch (kind) {
    case FUNCTION_CLAUSE:
        return FRAME_CLAUSE;
    case FUNCTION_SEQUENCE_NEXT:
        return FRAME_EXPECT | FRAME_WRITTEN;
    case FUNCTION_SEQUENCE_LAST:
        return FRAME_EXPECT;
    default:
        return FRAME_PLAIN;
    }
}

static void scan_open(struct scan *scan)
{
    struct parser *parser = scan->parser;
    unsigned frame = FRAME_PLAIN;
    if ((scan->frame & FRAME_EXPECT) != 0) { // joined tables, or a query in their place
        frame = FRAME_FROM | FRAME_EXPECT | (scan->frame & FRAME_WRITTEN);
        frame_clear(scan, FRAME_EXPECT);
    }
    enum function_kind kind = call(scan);
    frame_push(scan, frame | frame_of_call(kind));
    parser_advance(parser);
    if (kind == FUNCTION_INSERT_ID && !parser_at_symbol(parser, ')')) {
        parser_effect(parser, EFFECT_INSERT_ID);
    }
}

static void scan_close(struct scan *scan)
{
    frame_pop(scan);
    frame_clear(scan, FRAME_EXPECT);
    parser_advance(scan->parser);
}

// --- tables

static void scan_table(struct scan *scan)
{
    struct parser *parser = scan->parser;
    unsigned use = (scan->frame & FRAME_WRITTEN) != 0 ? TABLE_WRITTEN : TABLE_READ;
    frame_clear(scan, FRAME_EXPECT);
    struct slice name = parser_value(parser, &parser->token);
    parser_advance(parser);
    if (parser_at_symbol(parser, '(')) { // JSON_TABLE, LATERAL
        return;
    }
    struct slice schema = SLICE_NONE;
    if (parser_at_symbol(parser, '.')) {
        parser_advance(parser);
        if (parser_at_name(parser)) {
            schema = name;
            name = parser_value(parser, &parser->token);
            parser_advance(parser);
        }
    }
    parser_add_table(parser, schema, name, use);
}

// --- variables

static void assign_user_variable(struct parser *parser)
{
    parser_raise(parser, STATEMENT_CLASS_CONNECTION, ROUTE_REASON_USER_VARIABLE, SLICE_NONE);
    parser_effect(parser, EFFECT_USER_VARIABLE);
    parser_uncacheable(parser, UNCACHEABLE_USER_VARIABLE);
}

static void scan_user_variable(struct parser *parser)
{
    parser_raise(parser, STATEMENT_CLASS_CONNECTION, ROUTE_REASON_USER_VARIABLE,
                 token_text(&parser->token));
    parser_ask(parser, ASK_USER_VARIABLE);
    parser_uncacheable(parser, UNCACHEABLE_USER_VARIABLE);
    parser_advance(parser);
}

static void read_variable(struct parser *parser, struct slice name)
{
    switch (variable_find(name)) {
    case VARIABLE_SESSION:
        parser_ask(parser, ASK_SESSION_VARIABLE);
        return;
    case VARIABLE_WARNINGS:
        ask_last_statement(parser, ASK_WARNINGS, name);
        return;
    case VARIABLE_INSERT_ID:
        parser_raise(parser, STATEMENT_CLASS_CONNECTION, ROUTE_REASON_INSERT_ID, name);
        parser_ask(parser, ASK_INSERT_ID);
        return;
    case VARIABLE_CONNECTION_ID:
        parser_ask(parser, ASK_CONNECTION_ID);
        return;
    case VARIABLE_TOKEN:
        parser_raise(parser, STATEMENT_CLASS_PROXY, ROUTE_REASON_PROXY_STATEMENT, name);
        parser_ask(parser, ASK_TOKEN);
        return;
    case VARIABLE_SERVER:
        parser_raise(parser, STATEMENT_CLASS_SERVER_READ, ROUTE_REASON_SERVER_SPECIFIC, name);
        return;
    }
}

static bool is_session_scope(struct slice word)
{
    return slice_equal_nocase(word, S("session")) || slice_equal_nocase(word, S("local"));
}

// @@name, @@session.name, @@global.name, @@component.name
static void scan_system_variable(struct parser *parser)
{
    struct slice name;
    parser_uncacheable(parser, UNCACHEABLE_SYSTEM_VARIABLE);
    parser_advance(parser);
    if (!parser_take_name(parser, &name)) {
        return; // the server will refuse it
    }
    if (!parser_at_symbol(parser, '.')) {
        read_variable(parser, name);
        return;
    }
    struct slice scope = name;
    parser_advance(parser);
    if (parser_take_name(parser, &name) && is_session_scope(scope)) {
        read_variable(parser, name);
        return;
    }
    parser_raise(parser, STATEMENT_CLASS_SERVER_READ, ROUTE_REASON_SERVER_SPECIFIC, name);
}

// INTO behind a query: a file of the server's host, or variables.
static void scan_into(struct parser *parser)
{
    parser_advance(parser);
    if (parser_at(parser, KEYWORD_OUTFILE) || parser_at(parser, KEYWORD_DUMPFILE)) {
        parser_raise(parser, STATEMENT_CLASS_WRITE, ROUTE_REASON_INTO_FILE, SLICE_NONE);
        return;
    }
    if (parser->token.kind != TOKEN_USER_VARIABLE) {
        parser_raise(parser, STATEMENT_CLASS_WRITE, ROUTE_REASON_INTO_VARIABLE, SLICE_NONE);
        return;
    }
    parser_raise(parser, STATEMENT_CLASS_CONNECTION, ROUTE_REASON_INTO_VARIABLE,
                 token_text(&parser->token));
    assign_user_variable(parser);
    while (parser->token.kind == TOKEN_USER_VARIABLE) {
        parser_advance(parser);
        parser_take_symbol(parser, ',');
    }
}

// --- words

static void locking_read(struct parser *parser)
{
    parser_raise(parser, STATEMENT_CLASS_WRITE, ROUTE_REASON_LOCKING_READ, SLICE_NONE);
}

// UPDATE, DELETE, INSERT or REPLACE behind a WITH list, or where no query has one: a write.
static void scan_verb(struct scan *scan, enum statement_kind kind)
{
    struct parser *parser = scan->parser;
    if (scan->depth == 0 && (scan->frame & FRAME_WITH) != 0) {
        parser->part.kind = parser->part.is_explained ? parser->part.kind : kind;
        parser->part.inner = kind;
        frame_clear(scan, FRAME_WITH);
        frame_set(scan, FRAME_WRITTEN);
        if (kind != STATEMENT_DELETE) {
            frame_set(scan, FRAME_FROM | FRAME_EXPECT);
        }
    }
    parser_raise(parser, STATEMENT_CLASS_WRITE, ROUTE_REASON_WRITE, SLICE_NONE);
}

static void scan_update(struct scan *scan)
{
    struct parser *parser = scan->parser;
    if (parser->last.keyword == KEYWORD_FOR) {
        locking_read(parser);
    } else if (parser->last.keyword != KEYWORD_KEY) { // ON DUPLICATE KEY UPDATE
        scan_verb(scan, STATEMENT_UPDATE);
    }
    parser_advance(parser);
}

// INSERT( and REPLACE( are functions.
static void scan_insert(struct scan *scan, enum statement_kind kind)
{
    struct parser *parser = scan->parser;
    parser_advance(parser);
    if (!parser_at_symbol(parser, '(')) {
        scan_verb(scan, kind);
        parser_take(parser, KEYWORD_INTO);
    }
}

// NEXT VALUE FOR s, PREVIOUS VALUE FOR s; ptr stands on VALUE.
static void scan_value(struct scan *scan)
{
    struct parser *parser = scan->parser;
    enum keyword before = (enum keyword)parser->last.keyword;
    parser_advance(parser);
    if (!parser_at(parser, KEYWORD_FOR) || (before != KEYWORD_NEXT && before != KEYWORD_PREVIOUS)) {
        return;
    }
    bool is_next = before == KEYWORD_NEXT;
    call_builtin(scan, token_text(&parser->last),
                 is_next ? FUNCTION_SEQUENCE_NEXT : FUNCTION_SEQUENCE_LAST);
    parser_advance(parser);
    parser_take_table(parser, is_next ? TABLE_WRITTEN : TABLE_READ);
}

// WITH begins a list of tables where a query begins; elsewhere it is WITH ROLLUP and the like.
static void scan_with(struct scan *scan)
{
    struct parser *parser = scan->parser;
    bool is_first = parser->last.kind == TOKEN_END && (scan->place & SCAN_QUERY) != 0;
    if (is_first || token_is_symbol(&parser->last, '(')) {
        frame_set(scan, FRAME_WITH);
    }
    parser_advance(parser);
}

// Tables behind DELETE FROM ... USING; of a join it has columns in parentheses.
static void scan_using(struct scan *scan)
{
    parser_advance(scan->parser);
    if ((scan->frame & FRAME_FROM) != 0 && !parser_at_symbol(scan->parser, '(')) {
        frame_set(scan, FRAME_EXPECT);
    }
}

// Reserved words and the few others that say something. Returns false where the scan stops.
static bool scan_keyword(struct scan *scan)
{
    struct parser *parser = scan->parser;
    enum keyword keyword = (enum keyword)parser->token.keyword;
    switch (keyword) {
    case KEYWORD_SELECT:
        frame_clear(scan, FRAME_FROM | FRAME_EXPECT | FRAME_CLAUSE | FRAME_WITH | FRAME_WRITTEN);
        break;
    case KEYWORD_FROM:
        if (scan->depth == 0 && (scan->stop & SCAN_TO_FROM) != 0) {
            return false;
        }
        if ((scan->frame & FRAME_CLAUSE) == 0) {
            frame_set(scan, FRAME_FROM | FRAME_EXPECT);
        }
        break;
    case KEYWORD_JOIN:
    case KEYWORD_STRAIGHT_JOIN:
        if ((scan->frame & FRAME_FROM) != 0) {
            frame_set(scan, FRAME_EXPECT);
        }
        break;
    case KEYWORD_TABLE:
        frame_clear(scan, FRAME_WITH);
        frame_set(scan, FRAME_EXPECT);
        break;
    case KEYWORD_ORDER:
    case KEYWORD_GROUP: // USE INDEX FOR ORDER BY (...) stands among tables
        parser->out->has_limit_or_order |= keyword == KEYWORD_ORDER;
        if (parser->last.keyword != KEYWORD_FOR) {
            frame_clear(scan, FRAME_FROM | FRAME_EXPECT);
        }
        break;
    case KEYWORD_LIMIT:
    case KEYWORD_FETCH:
        parser->out->has_limit_or_order = true;
        frame_clear(scan, FRAME_FROM | FRAME_EXPECT);
        break;
    case KEYWORD_WHERE:
    case KEYWORD_HAVING:
    case KEYWORD_UNION:
    case KEYWORD_PROCEDURE:
        frame_clear(scan, FRAME_FROM | FRAME_EXPECT);
        break;
    case KEYWORD_VALUES:
        frame_clear(scan, FRAME_FROM | FRAME_EXPECT | FRAME_WITH);
        break;
    case KEYWORD_SET:
        if (scan->depth == 0 && (scan->stop & SCAN_TO_SET) != 0) {
            return false;
        }
        frame_clear(scan, FRAME_FROM | FRAME_EXPECT);
        break;
    case KEYWORD_FOR:
        if (scan->depth == 0 && (scan->stop & SCAN_TO_FOR) != 0) {
            return false;
        }
        break;
    case KEYWORD_INTO:
        scan_into(parser);
        return true;
    case KEYWORD_USING:
        scan_using(scan);
        return true;
    case KEYWORD_WITH:
        scan_with(scan);
        return true;
    case KEYWORD_UPDATE:
        scan_update(scan);
        return true;
    case KEYWORD_DELETE:
        scan_verb(scan, STATEMENT_DELETE);
        break;
    case KEYWORD_INSERT:
        scan_insert(scan, STATEMENT_INSERT);
        return true;
    case KEYWORD_REPLACE:
        scan_insert(scan, STATEMENT_REPLACE);
        return true;
    case KEYWORD_LOCK: // LOCK IN SHARE MODE
        locking_read(parser);
        break;
    case KEYWORD_SHARE:
        if (parser->last.keyword == KEYWORD_FOR) {
            locking_read(parser);
        }
        break;
    case KEYWORD_VALUE:
        scan_value(scan);
        return true;
    case KEYWORD_RETURNING:
        parser->out->has_returning |= scan->depth == 0;
        break;
    case KEYWORD_SQL_CALC_FOUND_ROWS:
        parser_effect(parser, EFFECT_FOUND_ROWS);
        break;
    default:
        if (is_bare_function(keyword)) {
            call_builtin(scan, keyword_name(keyword),
                         sql_function_find(keyword_name(keyword))->kind);
        }
        break;
    }
    parser_advance(parser);
    return true;
}

static bool scan_word(struct scan *scan)
{
    enum keyword keyword = (enum keyword)scan->parser->token.keyword;
    if ((scan->frame & FRAME_EXPECT) != 0 && !keyword_is_reserved(keyword)) {
        scan_table(scan);
        return true;
    }
    if (keyword != KEYWORD_NONE) {
        return scan_keyword(scan);
    }
    parser_advance(scan->parser);
    return true;
}

// seq.nextval, seq.currval: sequences, in one of MariaDB's modes.
static void scan_name(struct scan *scan)
{
    struct parser *parser = scan->parser;
    if ((scan->frame & FRAME_EXPECT) != 0) {
        scan_table(scan);
        return;
    }
    if (parser->token.len == 7 && token_is_symbol(&parser->last, '.')) {
        bool is_next = parser_at_word(parser, S("nextval"));
        if (is_next || parser_at_word(parser, S("currval"))) {
            call_builtin(scan, token_text(&parser->token),
                         is_next ? FUNCTION_SEQUENCE_NEXT : FUNCTION_SEQUENCE_LAST);
            parser_add_table(parser, SLICE_NONE, parser_value(parser, &scan->qualifier),
                             is_next ? TABLE_WRITTEN : TABLE_READ);
        }
    }
    parser_advance(parser);
}

// { OJ a LEFT JOIN b ... } among tables, { fn NOW() } and the like elsewhere.
static void scan_brace(struct scan *scan)
{
    struct parser *parser = scan->parser;
    parser_advance(parser);
    if ((scan->frame & FRAME_EXPECT) != 0 && parser_take(parser, KEYWORD_OJ)) {
        parser->last.kind = TOKEN_SYMBOL; // no name that a parenthesis makes a call of
        parser->last.symbol = '{';
    }
}

// Returns false where the scan stops.
static bool scan_symbol(struct scan *scan)
{
    struct parser *parser = scan->parser;
    switch (parser->token.symbol) {
    case '(':
        scan_open(scan);
        return true;
    case ')':
        scan_close(scan);
        return true;
    case ';':
        return false;
    case ',':
        if (scan->depth == 0 && (scan->stop & SCAN_TO_COMMA) != 0) {
            return false;
        }
        if ((scan->frame & FRAME_FROM) != 0) {
            frame_set(scan, FRAME_EXPECT);
        }
        break;
    case '.':
        scan->qualifier = parser->last;
        break;
    case '{':
        scan_brace(scan);
        return true;
    case SYMBOL_ASSIGN:
        if (parser->last.kind == TOKEN_USER_VARIABLE) {
            assign_user_variable(parser);
        }
        break;
    default:
        break;
    }
    parser_advance(parser);
    return true;
}

void scan(struct parser *parser, unsigned place, unsigned stop)
{
    struct scan scan;
    scan.parser = parser;
    scan.place = place;
    scan.stop = stop;
    scan.depth = 0;
    scan.frame = FRAME_PLAIN;
    if ((place & SCAN_TABLES) != 0) {
        frame_set(&scan, FRAME_FROM | FRAME_EXPECT);
    }
    if ((place & SCAN_WRITTEN) != 0) {
        frame_set(&scan, FRAME_WRITTEN);
    }
    parser->last.kind = parser->before_last.kind = TOKEN_END; // nothing before it is meant
    parser->last.keyword = parser->before_last.keyword = KEYWORD_NONE;
    for (bool goes_on = true; goes_on;) {
        switch (parser->token.kind) {
        case TOKEN_END:
        case TOKEN_BROKEN:
            return;
        case TOKEN_WORD:
            goes_on = scan_word(&scan);
            break;
        case TOKEN_NAME:
            scan_name(&scan);
            break;
        case TOKEN_SYMBOL:
            goes_on = scan_symbol(&scan);
            break;
        case TOKEN_USER_VARIABLE:
            scan_user_variable(parser);
            break;
        case TOKEN_SYSTEM_VARIABLE:
            scan_system_variable(parser);
            break;
        case TOKEN_PARAMETER:
            parser->out->has_parameters = true;
            parser_advance(parser);
            break;
        default:
            parser_advance(parser);
        }
    }
}
