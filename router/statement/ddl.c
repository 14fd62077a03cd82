// Statements on the schema: what is made, changed or dropped, and what ends with it.
#include "router/statement/scan_priv.h"
#include "router/statement/verb_priv.h"

static void classify_ddl(struct parser *parser, enum statement_kind kind)
{
    parser_classify(parser, kind, STATEMENT_CLASS_WRITE, ROUTE_REASON_DDL);
}

// Views, routines, triggers, foreign keys: the catalogue may lack something now. Tables come and go
// without it: keys and triggers of one that is gone harm nobody, and reading it all anew for each
// of them would keep a server busy that makes many.
static void changes_catalogue(struct parser *parser)
{
    parser_effect(parser, EFFECT_IMPLICIT_COMMIT);
    parser_effect(parser, EFFECT_CATALOGUE);
}

static void take_schema(struct parser *parser)
{
    changes_catalogue(parser);
    parser_take_if_exists(parser);
    struct slice schema;
    bool has_used = (parser->out->effects & EFFECT_BIT(EFFECT_SCHEMA)) != 0;
    if (parser_take_name(parser, &schema) && !has_used) {
        parser->out->schema = schema;
    }
    parser->out->are_tables_complete = false;
}

// [UNIQUE|FULLTEXT|SPATIAL|VECTOR] INDEX i ON t
static void take_index(struct parser *parser)
{
    parser_effect(parser, EFFECT_IMPLICIT_COMMIT);
    while (!parser_at_end(parser) && !parser_take(parser, KEYWORD_ON)) {
        parser_advance(parser);
    }
    parser_take_table(parser, TABLE_WRITTEN);
}

// Only ever the names: what stands behind them are columns and options, no calls.
static void skip_to_end(struct parser *parser)
{
    while (!parser_at_end(parser)) {
        parser_advance(parser);
    }
}

// --- CREATE

// WITH x AS (...) SELECT, not WITH PARSER x or WITH SYSTEM VERSIONING.
static bool at_common_table(struct parser *parser)
{
    struct parser_place place = parser_place(parser);
    parser_advance(parser);
    bool is_option = parser_at_word(parser, S("parser")) || parser_at(parser, KEYWORD_SYSTEM);
    parser_return(parser, &place);
    return !is_option;
}

// A query stands behind the definitions, or begins a parenthesis; elsewhere WITH and VALUES are
// options of indexes and bounds of partitions.
static bool at_query(struct parser *parser, size_t depth)
{
    bool may_begin = depth == 0 || token_is_symbol(&parser->last, '(');
    switch (parser->token.keyword) {
    case KEYWORD_SELECT:
    case KEYWORD_TABLE:
        return true;
    case KEYWORD_VALUES:
        return may_begin;
    case KEYWORD_WITH:
        return may_begin && at_common_table(parser);
    default:
        return false;
    }
}

// CREATE TABLE t (...) [options] [[AS] SELECT ...]: names of columns, types and keys are no calls,
// the query behind them is read.
static void read_create_columns(struct parser *parser, bool is_temporary)
{
    size_t depth = 0;
    while (!parser_at_end(parser) && !at_query(parser, depth)) {
        if (parser_take(parser, KEYWORD_LIKE)) {
            parser_take_table(parser, TABLE_READ);
            continue;
        }
        if (parser_take(parser, KEYWORD_REFERENCES)) {
            if (!is_temporary) {
                changes_catalogue(parser);
            }
            parser_take_table(parser, TABLE_READ);
            continue;
        }
        depth += parser_at_symbol(parser, '(');
        depth -= parser_at_symbol(parser, ')') && depth > 0;
        parser_advance(parser);
    }
    scan(parser, SCAN_QUERY, SCAN_TO_END);
}

static void read_create_table(struct parser *parser, bool is_temporary)
{
    if (is_temporary) {
        parser_effect(parser, EFFECT_TEMPORARY_CREATE);
        parser->part.reason = ROUTE_REASON_TEMPORARY_TABLE;
    } else {
        parser_effect(parser, EFFECT_IMPLICIT_COMMIT);
    }
    parser_take_if_exists(parser);
    parser_take_table(parser, TABLE_WRITTEN | (is_temporary ? TABLE_TEMPORARY : 0));
    read_create_columns(parser, is_temporary);
}

static void read_create_view(struct parser *parser)
{
    changes_catalogue(parser);
    parser_take_if_exists(parser);
    parser_take_table(parser, TABLE_WRITTEN);
    while (!parser_at_end(parser) && !parser_take(parser, KEYWORD_AS)) {
        parser_advance(parser);
    }
    scan(parser, SCAN_QUERY, SCAN_TO_END);
}

// A program that is stored, not run.
static void read_create_program(struct parser *parser, enum keyword what)
{
    changes_catalogue(parser);
    skip_program(parser, what);
}

static void read_create_sequence(struct parser *parser, bool is_temporary)
{
    read_create_table(parser, is_temporary);
    skip_to_end(parser);
}

// OR REPLACE, ALGORITHM = x, DEFINER = 'u'@'h', SQL SECURITY x, AGGREGATE, UNIQUE ...: up to the
// word that says what is created.
static bool take_create_option(struct parser *parser)
{
    switch (parser->token.keyword) {
    case KEYWORD_OR:
    case KEYWORD_REPLACE:
    case KEYWORD_ALGORITHM:
    case KEYWORD_UNDEFINED:
    case KEYWORD_MERGE:
    case KEYWORD_TEMPTABLE:
    case KEYWORD_SQL:
    case KEYWORD_SECURITY:
    case KEYWORD_INVOKER:
    case KEYWORD_AGGREGATE:
    case KEYWORD_UNIQUE:
    case KEYWORD_FULLTEXT:
    case KEYWORD_SPATIAL:
    case KEYWORD_ONLINE:
    case KEYWORD_IGNORE:
    case KEYWORD_UNDO:
    case KEYWORD_LOGFILE:
        parser_advance(parser);
        return true;
    case KEYWORD_DEFINER: // = 'u'@'h', = CURRENT_USER(), or SQL SECURITY DEFINER
        parser_advance(parser);
        if (parser_take_symbol(parser, '=')) {
            struct slice user;
            parser_take_name(parser, &user);
            if (parser->token.kind == TOKEN_USER_VARIABLE) {
                parser_advance(parser);
            }
            parser_take_symbol(parser, '(');
            parser_take_symbol(parser, ')');
        }
        return true;
    default:
        return parser_take_symbol(parser, '=') || parser_take_word(parser, S("vector"));
    }
}

void read_create(struct parser *parser)
{
    classify_ddl(parser, STATEMENT_CREATE);
    bool is_temporary = false;
    while (take_create_option(parser) || parser_at(parser, KEYWORD_TEMPORARY)) {
        is_temporary |= parser_take(parser, KEYWORD_TEMPORARY);
    }
    enum keyword what = (enum keyword)parser->token.keyword;
    parser_advance(parser);
    switch (what) {
    case KEYWORD_TABLE:
        read_create_table(parser, is_temporary);
        break;
    case KEYWORD_SEQUENCE:
        read_create_sequence(parser, is_temporary);
        break;
    case KEYWORD_VIEW:
        read_create_view(parser);
        break;
    case KEYWORD_INDEX:
        take_index(parser);
        skip_to_end(parser);
        break;
    case KEYWORD_DATABASE:
    case KEYWORD_SCHEMA:
        take_schema(parser);
        break;
    case KEYWORD_PROCEDURE:
    case KEYWORD_FUNCTION:
    case KEYWORD_TRIGGER:
    case KEYWORD_EVENT:
    case KEYWORD_PACKAGE:
    case KEYWORD_LIBRARY:
        read_create_program(parser, what);
        break;
    case KEYWORD_USER:
        read_user(parser);
        break;
    case KEYWORD_ROLE:
        read_role(parser);
        break;
    default: // SERVER, TABLESPACE, RESOURCE GROUP, ...
        parser_effect(parser, EFFECT_IMPLICIT_COMMIT);
        skip_to_end(parser);
    }
}

// --- ALTER

// ... RENAME [TO|AS] x, ... EXCHANGE PARTITION p WITH TABLE x, REFERENCES x
static void read_alter_table(struct parser *parser)
{
    parser_effect(parser, EFFECT_IMPLICIT_COMMIT);
    parser_take_if_exists(parser);
    parser_take_table(parser, TABLE_WRITTEN);
    while (!parser_at_end(parser)) {
        if (parser_take(parser, KEYWORD_RENAME)) {
            bool is_table = parser_take(parser, KEYWORD_TO) || parser_take(parser, KEYWORD_AS) ||
                            !(parser_at(parser, KEYWORD_COLUMN) ||
                              parser_at(parser, KEYWORD_INDEX) || parser_at(parser, KEYWORD_KEY));
            if (is_table) {
                changes_catalogue(parser);
                parser_take_table(parser, TABLE_WRITTEN);
            }
        } else if (parser_take(parser, KEYWORD_TABLE)) {
            parser_take_table(parser, TABLE_WRITTEN);
        } else if (parser_take(parser, KEYWORD_REFERENCES)) {
            changes_catalogue(parser);
            parser_take_table(parser, TABLE_READ);
        } else {
            parser_advance(parser);
        }
    }
}

void read_alter(struct parser *parser)
{
    classify_ddl(parser, STATEMENT_ALTER);
    while (take_create_option(parser)) {
    }
    enum keyword what = (enum keyword)parser->token.keyword;
    parser_advance(parser);
    switch (what) {
    case KEYWORD_TABLE:
    case KEYWORD_SEQUENCE:
        read_alter_table(parser);
        break;
    case KEYWORD_VIEW:
        read_create_view(parser);
        break;
    case KEYWORD_DATABASE:
    case KEYWORD_SCHEMA:
        take_schema(parser);
        break;
    case KEYWORD_EVENT: // ... DO body
        read_create_program(parser, what);
        break;
    case KEYWORD_USER:
        read_user(parser);
        break;
    case KEYWORD_ROLE:
        read_role(parser);
        break;
    case KEYWORD_PROCEDURE:
    case KEYWORD_FUNCTION:
        changes_catalogue(parser);
        skip_to_end(parser);
        break;
    default: // SERVER, TABLESPACE, INSTANCE, ...
        parser_effect(parser, EFFECT_IMPLICIT_COMMIT);
        skip_to_end(parser);
    }
}

// --- DROP, RENAME

static void read_drop_table(struct parser *parser, bool is_temporary)
{
    parser_effect(parser, EFFECT_TEMPORARY_DROP); // a temporary table goes before one of its name
    if (is_temporary) {
        parser->part.reason = ROUTE_REASON_TEMPORARY_TABLE;
    } else {
        parser_effect(parser, EFFECT_IMPLICIT_COMMIT);
    }
    parser_take_if_exists(parser);
    parser_take_tables(parser, TABLE_WRITTEN | (is_temporary ? TABLE_TEMPORARY : 0));
}

void read_drop(struct parser *parser)
{
    if (parser_take(parser, KEYWORD_PREPARE)) {
        read_deallocate(parser);
        return;
    }
    classify_ddl(parser, STATEMENT_DROP);
    bool is_temporary = parser_take(parser, KEYWORD_TEMPORARY);
    enum keyword what = (enum keyword)parser->token.keyword;
    parser_advance(parser);
    switch (what) {
    case KEYWORD_TABLE:
    case KEYWORD_TABLES:
    case KEYWORD_SEQUENCE:
        read_drop_table(parser, is_temporary);
        break;
    case KEYWORD_VIEW:
        changes_catalogue(parser);
        parser_take_if_exists(parser);
        parser_take_tables(parser, TABLE_WRITTEN);
        break;
    case KEYWORD_INDEX:
        take_index(parser);
        break;
    case KEYWORD_DATABASE:
    case KEYWORD_SCHEMA:
        take_schema(parser);
        break;
    case KEYWORD_USER:
        read_user(parser);
        break;
    case KEYWORD_ROLE:
        read_role(parser);
        break;
    default: // PROCEDURE, FUNCTION, TRIGGER, EVENT, SERVER, ...
        changes_catalogue(parser);
        skip_to_end(parser);
    }
}

// RENAME TABLE a TO b, c TO d
void read_rename(struct parser *parser)
{
    if (parser_take(parser, KEYWORD_USER)) {
        read_user(parser);
        return;
    }
    classify_ddl(parser, STATEMENT_RENAME);
    changes_catalogue(parser);
    if (!parser_take(parser, KEYWORD_TABLE)) {
        parser_take(parser, KEYWORD_TABLES);
    }
    parser_take_if_exists(parser);
    while (parser_take_table(parser, TABLE_WRITTEN)) {
        while (!parser_at_end(parser) && !parser_take(parser, KEYWORD_TO) &&
               !parser_take_symbol(parser, ',')) {
            parser_advance(parser); // WAIT n, NOWAIT
        }
    }
}

// --- maintenance

static void read_maintain(struct parser *parser)
{
    parser_classify(parser, STATEMENT_MAINTAIN, STATEMENT_CLASS_WRITE, ROUTE_REASON_ADMINISTRATION);
    parser_effect(parser, EFFECT_IMPLICIT_COMMIT);
    parser_take_local(parser);
    if (parser_take(parser, KEYWORD_TABLE) || parser_take(parser, KEYWORD_TABLES)) {
        parser_take_tables(parser, TABLE_WRITTEN);
    }
    skip_to_end(parser);
}

// ANALYZE TABLE t, or MariaDB's ANALYZE [FORMAT = JSON] statement, which runs it.
void read_analyze(struct parser *parser)
{
    if (parser_at(parser, KEYWORD_LOCAL) || parser_at(parser, KEYWORD_NO_WRITE_TO_BINLOG) ||
        parser_at(parser, KEYWORD_TABLE) || parser_at(parser, KEYWORD_TABLES)) {
        read_maintain(parser);
        return;
    }
    read_explain(parser);
}

// OPTIMIZE, REPAIR, CHECK
void read_optimize(struct parser *parser)
{
    read_maintain(parser);
}

void read_checksum(struct parser *parser)
{
    parser_classify(parser, STATEMENT_CHECKSUM, STATEMENT_CLASS_READ, ROUTE_REASON_READ);
    if (parser_take(parser, KEYWORD_TABLE) || parser_take(parser, KEYWORD_TABLES)) {
        parser_take_tables(parser, TABLE_READ);
    }
}

// CACHE INDEX t IN c
void read_cache(struct parser *parser)
{
    parser_classify(parser, STATEMENT_MAINTAIN, STATEMENT_CLASS_WRITE, ROUTE_REASON_ADMINISTRATION);
    parser_effect(parser, EFFECT_IMPLICIT_COMMIT);
    skip_to_end(parser);
}
