#include "router/statement/scan_priv.h"

#include "router/statement/call_priv.h"
#include "router/statement/variable.h"

// --- where we are

// What holds between a parenthesis and its end, or in the statement outside of all of them.
enum frame {
    FRAME_PLAIN = 0,
    FRAME_FROM = 1 << 0,    // in a list of tables: a comma is followed by another one
    FRAME_EXPECT = 1 << 1,  // a table's name is next
    FRAME_CLAUSE = 1 << 2,  // of a function: FROM is part of its arguments
    FRAME_WITH = 1 << 3,    // in the list of WITH: names, columns, queries
    FRAME_MAIN = 1 << 4,    // behind that list
    FRAME_WRITTEN = 1 << 5, // the tables named are written
};

enum { FRAMES_MAX = 256 };

struct scan {
    struct parser *parser;
    unsigned place;
    unsigned stop;
    size_t depth;
    size_t cases;                     // CASE ... END that are open
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

// GET_LOCK('name', ...): the name, where it is written and no part of an expression.
static void lock_name_read(struct parser *parser)
{
    struct parser_place place = parser_place(parser);
    struct token name = parser->token;
    parser_advance(parser);
    bool is_whole = parser_at_symbol(parser, ',');
    parser_return(parser, &place);
    if (is_whole && name.kind == TOKEN_PARAMETER) {
        parser_add_parameter_subject(parser, SUBJECT_USER_LOCK);
    } else {
        bool is_known = is_whole && name.kind == TOKEN_STRING;
        parser_add_subject(parser, SUBJECT_USER_LOCK,
                           is_known ? parser_value(parser, &name) : SLICE_NONE);
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
    bool is_listed = (scan->frame & FRAME_WITH) != 0; // a table of WITH and its columns
    enum function_kind kind = is_listed ? FUNCTION_PURE : call_read(parser, &scan->qualifier);
    frame_push(scan, frame | frame_of_call(kind));
    parser_advance(parser);
    if (kind == FUNCTION_INSERT_ID && !parser_at_symbol(parser, ')')) {
        parser_effect(parser, EFFECT_INSERT_ID);
    } else if (kind == FUNCTION_LOCK_TAKE) {
        lock_name_read(parser);
    }
}

static void scan_close(struct scan *scan)
{
    struct parser *parser = scan->parser;
    frame_pop(scan);
    frame_clear(scan, FRAME_EXPECT);
    parser_advance(parser);
    // Behind a query of WITH comes another one, or the statement.
    if ((scan->frame & FRAME_WITH) != 0 && !parser_at_symbol(parser, ',') &&
        !parser_at(parser, KEYWORD_AS)) {
        frame_clear(scan, FRAME_WITH);
        frame_set(scan, FRAME_MAIN);
    }
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
        scan->qualifier = parser->last;
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

static void assign_user_variable(struct parser *parser, const struct token *variable)
{
    parser_raise(parser, STATEMENT_CLASS_CONNECTION, ROUTE_REASON_USER_VARIABLE,
                 token_text(variable));
    parser_effect(parser, EFFECT_USER_VARIABLE);
    parser_add_subject(parser, SUBJECT_USER_VARIABLE, parser_value(parser, variable));
    parser_uncacheable(parser, UNCACHEABLE_USER_VARIABLE);
}

// Every connection that the session gets has its variables: it may be read anywhere.
static void scan_user_variable(struct parser *parser)
{
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
        parser_ask_last_statement(parser, ASK_WARNINGS, name);
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
    case VARIABLE_ACCESS_MODE:
        parser_ask(parser, ASK_ACCESS_MODE);
        parser_raise(parser, STATEMENT_CLASS_SERVER_READ, ROUTE_REASON_SERVER_SPECIFIC, name);
        return;
    case VARIABLE_TRACKING:
        parser_ask(parser, ASK_TRACKING);
        return;
    case VARIABLE_LAST_GTID:
        parser_ask(parser, ASK_TRACKING);
        parser_raise(parser, STATEMENT_CLASS_SERVER_READ, ROUTE_REASON_SERVER_SPECIFIC, name);
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
static void scan_system_variable(struct scan *scan)
{
    struct parser *parser = scan->parser;
    struct slice name;
    scan->qualifier.kind = TOKEN_END; // what stands before its dot is no schema
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

// A variable of the stored program's own, or a field of one.
static bool take_local(struct parser *parser)
{
    bool is_name = parser->token.kind == TOKEN_NAME ||
                   (parser->token.kind == TOKEN_WORD &&
                    !keyword_is_reserved((enum keyword)parser->token.keyword));
    if (!parser->is_program || !is_name) {
        return false;
    }
    parser_advance(parser);
    if (parser_take_symbol(parser, '.')) {
        parser_advance(parser);
    }
    return true;
}

static bool take_target(struct parser *parser)
{
    if (parser->token.kind != TOKEN_USER_VARIABLE) {
        return take_local(parser);
    }
    parser_raise(parser, STATEMENT_CLASS_CONNECTION, ROUTE_REASON_INTO_VARIABLE,
                 token_text(&parser->token));
    assign_user_variable(parser, &parser->token);
    parser_advance(parser);
    return true;
}

// INTO behind a query: a file of the server's host, or variables.
static void scan_into(struct parser *parser)
{
    parser_advance(parser);
    if (parser_at(parser, KEYWORD_OUTFILE) || parser_at(parser, KEYWORD_DUMPFILE)) {
        parser_raise(parser, STATEMENT_CLASS_WRITE, ROUTE_REASON_INTO_FILE, SLICE_NONE);
        return;
    }
    if (!take_target(parser)) {
        parser_raise(parser, STATEMENT_CLASS_WRITE, ROUTE_REASON_INTO_VARIABLE, SLICE_NONE);
        return;
    }
    while (parser_take_symbol(parser, ',') && take_target(parser)) {
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
    if (scan->depth == 0 && (scan->frame & FRAME_MAIN) != 0) {
        parser->part.kind = parser->part.is_explained ? parser->part.kind : kind;
        parser->part.inner = kind;
        frame_clear(scan, FRAME_MAIN);
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
    call_builtin(parser, token_text(&parser->last),
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

// Words of programs that end an expression, unless they belong to a CASE in it.
static bool ends_expression(struct scan *scan, enum keyword keyword)
{
    switch (keyword) {
    case KEYWORD_THEN:
        return (scan->stop & SCAN_TO_THEN) != 0;
    case KEYWORD_WHEN:
        return (scan->stop & SCAN_TO_WHEN) != 0;
    case KEYWORD_DO:
        return (scan->stop & SCAN_TO_DO) != 0;
    case KEYWORD_END:
        return (scan->stop & SCAN_TO_BLOCK_END) != 0;
    default:
        return false;
    }
}

static void count_cases(struct scan *scan, enum keyword keyword)
{
    if (token_is_symbol(&scan->parser->last, '.')) {
        return; // a column's name
    }
    if (keyword == KEYWORD_CASE) {
        scan->cases++;
    } else if (keyword == KEYWORD_END && scan->cases > 0) {
        scan->cases--;
    }
}

// Reserved words and the few others that say something. Returns false where the scan stops.
static bool scan_keyword(struct scan *scan)
{
    struct parser *parser = scan->parser;
    enum keyword keyword = (enum keyword)parser->token.keyword;
    if (scan->stop >= SCAN_TO_THEN) {
        if (scan->depth == 0 && scan->cases == 0 && ends_expression(scan, keyword)) {
            return false;
        }
        count_cases(scan, keyword);
    }
    switch (keyword) {
    case KEYWORD_SELECT:
        scan->frame = FRAME_PLAIN;
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
        frame_clear(scan, FRAME_MAIN);
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
        frame_clear(scan, FRAME_FROM | FRAME_EXPECT | FRAME_MAIN);
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
        call_bare(parser, keyword);
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
            call_builtin(parser, token_text(&parser->token),
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
            assign_user_variable(parser, &parser->last);
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
    scan.cases = 0;
    scan.frame = FRAME_PLAIN;
    scan.qualifier.kind = TOKEN_END;
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
            scan_system_variable(&scan);
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
