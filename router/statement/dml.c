// Statements on data: queries, writes, loading.
#include "router/statement/scan_priv.h"
#include "router/statement/verb_priv.h"

// --- queries

static void read_query(struct parser *parser, enum statement_kind kind, unsigned place)
{
    parser_classify(parser, kind, STATEMENT_CLASS_READ, ROUTE_REASON_READ);
    scan(parser, place, SCAN_TO_END);
}

void read_select(struct parser *parser)
{
    read_query(parser, STATEMENT_SELECT, SCAN_EXPRESSION);
}

void read_values(struct parser *parser)
{
    read_query(parser, STATEMENT_VALUES, SCAN_EXPRESSION);
}

void read_table(struct parser *parser)
{
    read_query(parser, STATEMENT_TABLE, SCAN_TABLES);
}

// The cursor stands on WITH or the parenthesis.
void read_with(struct parser *parser)
{
    read_query(parser, STATEMENT_SELECT, SCAN_QUERY);
}

void read_parenthesis(struct parser *parser)
{
    read_query(parser, STATEMENT_SELECT, SCAN_QUERY);
}

// --- writes

static void classify_write(struct parser *parser, enum statement_kind kind)
{
    parser_classify(parser, kind, STATEMENT_CLASS_WRITE, ROUTE_REASON_WRITE);
}

static bool take_priority(struct parser *parser)
{
    return parser_take(parser, KEYWORD_LOW_PRIORITY) ||
           parser_take(parser, KEYWORD_HIGH_PRIORITY) || parser_take(parser, KEYWORD_DELAYED) ||
           parser_take(parser, KEYWORD_QUICK) || parser_take(parser, KEYWORD_IGNORE);
}

static bool at_query(const struct parser *parser)
{
    return parser_at(parser, KEYWORD_SELECT) || parser_at(parser, KEYWORD_WITH) ||
           parser_at(parser, KEYWORD_VALUES) || parser_at(parser, KEYWORD_TABLE) ||
           parser_at_symbol(parser, '(');
}

// Columns, or a query in a parenthesis.
static void skip_columns(struct parser *parser)
{
    struct parser_place place = parser_place(parser);
    if (!parser_take_symbol(parser, '(')) {
        return;
    }
    bool is_query = at_query(parser);
    parser_return(parser, &place);
    if (!is_query) {
        parser_skip_parenthesis(parser);
    }
}

// [priority] [IGNORE] [INTO] t [PARTITION (...)] [(columns)] ...
static void read_into_table(struct parser *parser)
{
    while (take_priority(parser)) {
    }
    parser_take(parser, KEYWORD_INTO);
    parser_take_table(parser, TABLE_WRITTEN);
    if (parser_take(parser, KEYWORD_PARTITION) && parser_at_symbol(parser, '(')) {
        parser_skip_parenthesis(parser);
    }
    skip_columns(parser);
    scan(parser, SCAN_QUERY, SCAN_TO_END);
    // Rows that come back do not tell of an insert id: it runs where the session's last one is,
    // which is there afterwards as well, whether or not another one was made.
    if (parser->out->has_returning) {
        parser_ask(parser, ASK_INSERT_ID);
        parser_effect(parser, EFFECT_INSERT_ID);
    }
}

void read_insert(struct parser *parser)
{
    classify_write(parser, STATEMENT_INSERT);
    read_into_table(parser);
}

void read_replace(struct parser *parser)
{
    classify_write(parser, STATEMENT_REPLACE);
    read_into_table(parser);
}

void read_update(struct parser *parser)
{
    classify_write(parser, STATEMENT_UPDATE);
    while (take_priority(parser)) {
    }
    scan(parser, SCAN_TABLES | SCAN_WRITTEN, SCAN_TO_SET);
    scan(parser, SCAN_EXPRESSION, SCAN_TO_END);
}

// DELETE FROM t ..., DELETE a, b FROM t ..., DELETE FROM a, b USING t ...
void read_delete(struct parser *parser)
{
    classify_write(parser, STATEMENT_DELETE);
    while (take_priority(parser)) {
    }
    if (!parser_take(parser, KEYWORD_FROM)) {
        scan(parser, SCAN_TABLES | SCAN_WRITTEN, SCAN_TO_FROM);
        parser_take(parser, KEYWORD_FROM);
    }
    scan(parser, SCAN_TABLES | SCAN_WRITTEN, SCAN_TO_END);
}

// ... [CHARACTER SET x] ... [(column, @variable, ...)]: up to SET and what is computed there.
static void read_load_columns(struct parser *parser)
{
    while (!parser_at_end(parser) && !parser_at(parser, KEYWORD_SET)) {
        if (parser_take_charset(parser)) { // its SET is not the one that ends this
            continue;
        }
        if (parser->token.kind == TOKEN_USER_VARIABLE) {
            parser_effect(parser, EFFECT_USER_VARIABLE);
            parser_add_subject(parser, SUBJECT_USER_VARIABLE, parser_value(parser, &parser->token));
        }
        parser_advance(parser);
    }
}

// LOAD DATA|XML [LOW_PRIORITY|CONCURRENT] [LOCAL] INFILE 'f' [REPLACE|IGNORE] INTO TABLE t ...
void read_load(struct parser *parser)
{
    if (parser_take(parser, KEYWORD_INDEX)) {
        parser_classify(parser, STATEMENT_MAINTAIN, STATEMENT_CLASS_WRITE,
                        ROUTE_REASON_ADMINISTRATION);
        return;
    }
    parser_classify(parser, STATEMENT_LOAD, STATEMENT_CLASS_WRITE, ROUTE_REASON_LOAD_DATA);
    while (!parser_at_end(parser) && !parser_at(parser, KEYWORD_INTO)) {
        if (parser_take(parser, KEYWORD_LOCAL)) {
            parser_effect(parser, EFFECT_LOCAL_FILE);
            continue;
        }
        parser_advance(parser);
    }
    parser_take(parser, KEYWORD_INTO);
    parser_take(parser, KEYWORD_TABLE);
    parser_take_table(parser, TABLE_WRITTEN);
    read_load_columns(parser);
}

void read_import(struct parser *parser)
{
    parser_classify(parser, STATEMENT_IMPORT, STATEMENT_CLASS_WRITE, ROUTE_REASON_DDL);
    parser_effect(parser, EFFECT_IMPLICIT_COMMIT);
    parser_effect(parser, EFFECT_CATALOGUE);
    parser->out->are_tables_complete = false;
}

void read_truncate(struct parser *parser)
{
    parser_classify(parser, STATEMENT_TRUNCATE, STATEMENT_CLASS_WRITE, ROUTE_REASON_WRITE);
    parser_effect(parser, EFFECT_IMPLICIT_COMMIT);
    parser_take(parser, KEYWORD_TABLE);
    parser_take_table(parser, TABLE_WRITTEN);
}

// --- procedures, expressions, handlers

// [schema.] name; of a package's procedure there is one more.
static const struct program *take_procedure(struct parser *parser)
{
    struct slice schema = parser->schema;
    struct slice name = SLICE_NONE;
    const struct catalogue *catalogue = parser->context->catalogue;
    parser_take_name(parser, &name);
    for (int names = 1; parser_take_symbol(parser, '.'); names++) {
        schema = name;
        if (names > 1 || !parser_take_name(parser, &name)) {
            return NULL;
        }
    }
    const struct catalogue_routine *procedure =
        catalogue != NULL ? catalogue_procedure_find(catalogue, schema, name) : NULL;
    return procedure != NULL ? procedure->program : NULL;
}

// What stands for a parameter alone may be set by the procedure.
static void read_argument(struct parser *parser)
{
    struct token first = parser->token;
    struct parser_place place = parser_place(parser);
    parser_advance(parser);
    bool is_alone = parser_at_symbol(parser, ',') || parser_at_symbol(parser, ')');
    if (first.kind == TOKEN_USER_VARIABLE && is_alone) {
        parser_effect(parser, EFFECT_USER_VARIABLE);
        parser_add_subject(parser, SUBJECT_USER_VARIABLE, parser_value(parser, &first));
    }
    parser_return(parser, &place);
    scan(parser, SCAN_EXPRESSION, SCAN_TO_COMMA);
}

// CALL p [(a, b, ...)]
void read_call(struct parser *parser)
{
    parser_classify(parser, STATEMENT_CALL, STATEMENT_CLASS_WRITE, ROUTE_REASON_PROCEDURE);
    parser_add_program(parser, take_procedure(parser));
    if (!parser_take_symbol(parser, '(')) {
        return;
    }
    while (!parser_at_end(parser)) {
        read_argument(parser);
        parser_take_symbol(parser, ',');
    }
}

void read_do(struct parser *parser)
{
    read_query(parser, STATEMENT_DO, SCAN_EXPRESSION);
}

// HANDLER t OPEN [AS a], HANDLER t READ ..., HANDLER t CLOSE
void read_handler(struct parser *parser)
{
    parser_classify(parser, STATEMENT_HANDLER, STATEMENT_CLASS_WRITE, ROUTE_REASON_HANDLER);
    if (parser_take_table(parser, TABLE_READ)) { // its alias is its name, without the schema
        parser->out->name = parser->tables[parser->out->tables_count - 1].name;
    }
    if (parser_take(parser, KEYWORD_OPEN)) {
        parser_effect(parser, EFFECT_HANDLER_OPEN);
        parser_take(parser, KEYWORD_AS);
        parser_take_name(parser, &parser->out->name);
    } else if (parser_take(parser, KEYWORD_CLOSE)) {
        parser_effect(parser, EFFECT_HANDLER_CLOSE);
    }
}
