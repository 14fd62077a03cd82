// Statements that show: SHOW, EXPLAIN, DESCRIBE, HELP.
#include "router/statement/scan_priv.h"
#include "router/statement/verb_priv.h"

static void classify_read(struct parser *parser, enum statement_kind kind)
{
    parser_classify(parser, kind, STATEMENT_CLASS_READ, ROUTE_REASON_READ);
}

static void classify_server_read(struct parser *parser, enum statement_kind kind)
{
    parser_classify(parser, kind, STATEMENT_CLASS_SERVER_READ, ROUTE_REASON_SERVER_SPECIFIC);
}

static void classify_last(struct parser *parser, enum statement_ask ask)
{
    parser_classify(parser, STATEMENT_SHOW, STATEMENT_CLASS_CONNECTION,
                    ROUTE_REASON_LAST_STATEMENT);
    parser_ask(parser, ask);
}

// By the id of a session, which is sluice's; a server would take it for that of its own threads.
static void classify_other_plan(struct parser *parser, enum statement_kind kind)
{
    parser_classify(parser, kind, STATEMENT_CLASS_PROXY, ROUTE_REASON_PROXY_STATEMENT);
    parser_ask(parser, ASK_OTHER_PLAN);
    while (!parser_at_end(parser)) {
        parser_advance(parser);
    }
}

// --- SHOW

// FROM|IN t [FROM|IN schema]
static void take_from_table(struct parser *parser)
{
    struct slice schema = SLICE_NONE;
    struct slice name;
    if (!parser_take(parser, KEYWORD_FROM) && !parser_take(parser, KEYWORD_IN)) {
        return;
    }
    if (!parser_take_name(parser, &name)) {
        return;
    }
    if (parser_take_symbol(parser, '.')) {
        schema = name;
        parser_take_name(parser, &name);
    } else if (parser_take(parser, KEYWORD_FROM) || parser_take(parser, KEYWORD_IN)) {
        parser_take_name(parser, &schema);
    }
    parser_add_table(parser, schema, name, TABLE_READ);
}

static void show_columns(struct parser *parser)
{
    classify_read(parser, STATEMENT_SHOW);
    take_from_table(parser);
}

// SHOW CREATE x: what is replicated as it is, any replica can show.
static void show_create(struct parser *parser)
{
    enum keyword what = (enum keyword)parser->token.keyword;
    parser_advance(parser);
    switch (what) {
    case KEYWORD_TABLE:
    case KEYWORD_VIEW:
    case KEYWORD_SEQUENCE:
        classify_read(parser, STATEMENT_SHOW);
        parser_take_if_exists(parser);
        parser_take_table(parser, TABLE_READ);
        break;
    case KEYWORD_DATABASE:
    case KEYWORD_SCHEMA:
    case KEYWORD_FUNCTION:
    case KEYWORD_PROCEDURE:
    case KEYWORD_TRIGGER:
    case KEYWORD_PACKAGE:
        classify_read(parser, STATEMENT_SHOW);
        break;
    default: // USER; EVENT, which is disabled on replicas; what is not known
        classify_server_read(parser, STATEMENT_SHOW);
    }
}

// SHOW FUNCTION|PROCEDURE|PACKAGE STATUS; CODE is a debugging server's.
static void show_routines(struct parser *parser)
{
    parser_take(parser, KEYWORD_BODY);
    if (parser_at(parser, KEYWORD_STATUS)) {
        classify_read(parser, STATEMENT_SHOW);
    } else {
        classify_server_read(parser, STATEMENT_SHOW);
    }
}

// SHOW TABLES; SHOW TABLE STATUS counts and guesses, each server on its own.
static void show_tables(struct parser *parser, enum keyword what)
{
    if (what == KEYWORD_TABLE) {
        classify_server_read(parser, STATEMENT_SHOW);
    } else {
        classify_read(parser, STATEMENT_SHOW);
    }
}

static void show_processlist(struct parser *parser, bool is_full)
{
    parser_classify(parser, STATEMENT_SHOW, STATEMENT_CLASS_PROXY, ROUTE_REASON_PROXY_STATEMENT);
    parser_ask(parser, ASK_PROCESSLIST);
    if (is_full) {
        parser_ask(parser, ASK_FULL_PROCESSLIST);
    }
}

// SHOW COUNT(*) WARNINGS, SHOW COUNT(*) ERRORS
static void show_count(struct parser *parser)
{
    classify_last(parser, ASK_WARNINGS);
    while (!parser_at_end(parser)) {
        parser_advance(parser);
    }
}

// SHOW [SESSION] STATUS, SHOW GLOBAL STATUS
static void show_status(struct parser *parser, bool is_global)
{
    classify_server_read(parser, STATEMENT_SHOW);
    if (!is_global) {
        parser_ask(parser, ASK_STATUS);
    }
}

void read_show(struct parser *parser)
{
    bool is_full = parser_take(parser, KEYWORD_FULL);
    bool is_global = parser_take(parser, KEYWORD_GLOBAL);
    while (parser_take(parser, KEYWORD_FULL) || parser_take(parser, KEYWORD_EXTENDED) ||
           parser_take(parser, KEYWORD_SESSION) || parser_take(parser, KEYWORD_LOCAL)) {
    }
    enum keyword what = (enum keyword)parser->token.keyword;
    parser_advance(parser);
    switch (what) {
    case KEYWORD_DATABASES:
    case KEYWORD_SCHEMAS:
    case KEYWORD_TRIGGERS:
        classify_read(parser, STATEMENT_SHOW);
        break;
    case KEYWORD_TABLES:
    case KEYWORD_TABLE:
        show_tables(parser, what);
        break;
    case KEYWORD_COLUMNS:
    case KEYWORD_FIELDS:
    case KEYWORD_INDEX:
    case KEYWORD_INDEXES:
    case KEYWORD_KEYS:
        show_columns(parser);
        break;
    case KEYWORD_CREATE:
        show_create(parser);
        break;
    case KEYWORD_FUNCTION:
    case KEYWORD_PROCEDURE:
    case KEYWORD_PACKAGE:
        show_routines(parser);
        break;
    case KEYWORD_WARNINGS:
    case KEYWORD_ERRORS:
        classify_last(parser, ASK_WARNINGS);
        break;
    case KEYWORD_COUNT:
        show_count(parser);
        break;
    case KEYWORD_PROFILE:
    case KEYWORD_PROFILES:
        classify_last(parser, ASK_PROFILE);
        break;
    case KEYWORD_PROCESSLIST:
        show_processlist(parser, is_full);
        break;
    case KEYWORD_STATUS:
        show_status(parser, is_global);
        break;
    case KEYWORD_EXPLAIN:
    case KEYWORD_ANALYZE:
        classify_other_plan(parser, STATEMENT_SHOW);
        break;
    default: // VARIABLES, BINARY LOGS, ENGINES, GRANTS, ... and what is not known
        classify_server_read(parser, STATEMENT_SHOW);
    }
}

// --- EXPLAIN, DESCRIBE, ANALYZE

// Options before what is explained; true where it is a connection, not a statement.
static bool take_explain_options(struct parser *parser)
{
    bool has_schema = false;
    for (;;) {
        if (parser_take(parser, KEYWORD_EXTENDED) || parser_take(parser, KEYWORD_PARTITIONS) ||
            parser_take(parser, KEYWORD_ANALYZE)) {
            continue;
        }
        if (parser_at(parser, KEYWORD_FORMAT)) {
            struct parser_place place = parser_place(parser);
            parser_advance(parser);
            if (!parser_take_symbol(parser, '=')) { // a table of that name
                parser_return(parser, &place);
                return false;
            }
            parser_advance(parser);
            continue;
        }
        if (parser_take(parser, KEYWORD_INTO)) { // MySQL: EXPLAIN ... INTO @v
            parser_effect(parser, EFFECT_USER_VARIABLE);
            parser_raise(parser, STATEMENT_CLASS_CONNECTION, ROUTE_REASON_INTO_VARIABLE,
                         token_text(&parser->token));
            parser_add_subject(parser, SUBJECT_USER_VARIABLE, parser_value(parser, &parser->token));
            parser_advance(parser);
            continue;
        }
        if (has_schema || !parser_take(parser, KEYWORD_FOR)) { // no connection of a schema's
            return false;
        }
        if (!parser_take(parser, KEYWORD_SCHEMA) && !parser_take(parser, KEYWORD_DATABASE)) {
            return true;
        }
        parser_advance(parser); // MySQL: FOR SCHEMA x
        has_schema = true;
    }
}

// What can be explained; anything else is a table that is described.
static bool at_statement(const struct parser *parser)
{
    switch (parser->token.keyword) {
    case KEYWORD_SELECT:
    case KEYWORD_INSERT:
    case KEYWORD_REPLACE:
    case KEYWORD_UPDATE:
    case KEYWORD_DELETE:
    case KEYWORD_WITH:
    case KEYWORD_TABLE:
    case KEYWORD_VALUES:
        return true;
    default:
        return parser_at_symbol(parser, '(');
    }
}

static void read_explained_statement(struct parser *parser)
{
    parser->part.is_explained = true;
    parser_read_statement(parser);
    parser->part.kind = STATEMENT_EXPLAIN;
}

// ANALYZE reaches this too: with nothing but a statement behind it.
void read_explain(struct parser *parser)
{
    bool is_connection = take_explain_options(parser);
    if (is_connection) {
        classify_other_plan(parser, STATEMENT_EXPLAIN);
    } else if (at_statement(parser)) {
        read_explained_statement(parser);
    } else {
        classify_read(parser, STATEMENT_DESCRIBE);
        parser_take_table(parser, TABLE_READ);
    }
}

void read_help(struct parser *parser)
{
    classify_server_read(parser, STATEMENT_HELP);
}
