#include "router/statement/parser_priv.h"

#include "router/statement/program.h"

// --- the cursor

void parser_begin(struct parser *parser, struct slice sql, const struct sql_syntax *syntax,
                  uint32_t skipped)
{
    struct token *first = &parser->token;
    lexer_init(&parser->lexer, sql, syntax, skipped);
    lexer_next(&parser->lexer, first);
    shape_init(&parser->shape, syntax, first);
    shape_add(&parser->shape, first, first);
    parser->last = *first;
}

void parser_advance(struct parser *parser)
{
    parser->before_last = parser->last;
    parser->last = parser->token;
    lexer_next(&parser->lexer, &parser->token);
    shape_add(&parser->shape, &parser->last, &parser->token);
}

bool parser_at_end(const struct parser *parser)
{
    return parser->token.kind <= TOKEN_BROKEN || parser_at_symbol(parser, ';');
}

bool parser_at_word(const struct parser *parser, struct slice word)
{
    return (parser->token.kind == TOKEN_WORD || parser->token.kind == TOKEN_NAME) &&
           slice_equal_nocase(token_text(&parser->token), word);
}

bool parser_at_name(const struct parser *parser)
{
    return parser->token.kind == TOKEN_WORD || parser->token.kind == TOKEN_NAME;
}

bool parser_take(struct parser *parser, enum keyword keyword)
{
    if (!parser_at(parser, keyword)) {
        return false;
    }
    parser_advance(parser);
    return true;
}

bool parser_take_symbol(struct parser *parser, unsigned symbol)
{
    if (!parser_at_symbol(parser, symbol)) {
        return false;
    }
    parser_advance(parser);
    return true;
}

bool parser_take_word(struct parser *parser, struct slice word)
{
    if (!parser_at_word(parser, word)) {
        return false;
    }
    parser_advance(parser);
    return true;
}

void parser_take_if_exists(struct parser *parser)
{
    if (parser_take(parser, KEYWORD_IF)) {
        parser_take(parser, KEYWORD_NOT);
        parser_take(parser, KEYWORD_EXISTS);
    }
}

void parser_take_local(struct parser *parser)
{
    if (!parser_take(parser, KEYWORD_LOCAL)) {
        parser_take(parser, KEYWORD_NO_WRITE_TO_BINLOG);
    }
}

bool parser_take_charset(struct parser *parser)
{
    if (!parser_at(parser, KEYWORD_CHARACTER) && !parser_at(parser, KEYWORD_CHAR)) {
        return parser_take(parser, KEYWORD_CHARSET);
    }
    struct parser_place place = parser_place(parser);
    parser_advance(parser);
    bool is_taken = parser_take(parser, KEYWORD_SET);
    if (!is_taken) {
        parser_return(parser, &place);
    }
    return is_taken;
}

void parser_skip_parenthesis(struct parser *parser)
{
    size_t depth = 0;
    do {
        depth += parser_at_symbol(parser, '(');
        depth -= parser_at_symbol(parser, ')') && depth > 0;
        parser_advance(parser);
    } while (depth > 0 && !parser_at_end(parser));
}

struct slice parser_value(struct parser *parser, const struct token *token)
{
    char *out = token_is_plain(token) ? NULL : arena_alloc(parser->arena, token->len);
    return token_value(token, &parser->lexer.syntax, out);
}

struct slice parser_value_lower(struct parser *parser, const struct token *token)
{
    struct slice value = parser_value(parser, token);
    char *out = arena_alloc(parser->arena, value.len + 1);
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    return slice_make(out, value.len);
}

bool parser_take_name(struct parser *parser, struct slice *name)
{
    if (!parser_at_name(parser) && parser->token.kind != TOKEN_STRING) {
        return false;
    }
    *name = parser_value(parser, &parser->token);
    parser_advance(parser);
    return true;
}

struct slice parser_text_since(const struct parser *parser, const char *start)
{
    const char *end = parser->last.ptr + parser->last.len;
    return end > start ? slice_make(start, (size_t)(end - start)) : SLICE_NONE;
}

struct parser_place parser_place(const struct parser *parser)
{
    return (struct parser_place){parser->lexer, parser->shape, parser->token, parser->last,
                                 parser->before_last};
}

void parser_return(struct parser *parser, const struct parser_place *place)
{
    parser->lexer = place->lexer;
    parser->shape = place->shape;
    parser->token = place->token;
    parser->last = place->last;
    parser->before_last = place->before_last;
}

// --- findings

void parser_ask_last_statement(struct parser *parser, enum statement_ask ask, struct slice name)
{
    parser_raise(parser, STATEMENT_CLASS_CONNECTION, ROUTE_REASON_LAST_STATEMENT, name);
    parser_ask(parser, ask);
}

void parser_uncacheable(struct parser *parser, enum uncacheable_reason reason)
{
    if (parser->out->uncacheable == UNCACHEABLE_NONE) {
        parser->out->uncacheable = reason;
    }
}

void parser_classify(struct parser *parser, enum statement_kind kind, enum statement_class class,
                     enum route_reason reason)
{
    parser->part.kind = kind;
    parser->part.inner = kind;
    parser_raise(parser, class, reason, SLICE_NONE);
}

void parser_unknown(struct parser *parser)
{
    parser_effect(parser, EFFECT_UNKNOWN);
    parser->out->are_tables_complete = false;
}

// Room for one more of `count` elements, of which `*cap` fit.
static void *array_grow(struct arena *arena, void *array, uint32_t count, uint32_t *cap,
                        size_t size)
{
    if (count < *cap) {
        return array;
    }
    *cap = *cap == 0 ? 4 : *cap * 2;
    void *grown = arena_alloc(arena, *cap * size);
    if (count > 0) {
        memcpy(grown, array, count * size);
    }
    return grown;
}

void parser_add_assignment(struct parser *parser, const struct assignment *assignment)
{
    struct statement *out = parser->out;
    if (out->assignments_count == ASSIGNMENTS_MAX) {
        parser_unknown(parser);
        return;
    }
    parser->assignments = array_grow(parser->arena, parser->assignments, out->assignments_count,
                                     &parser->assignments_cap, sizeof(*parser->assignments));
    out->assignments = parser->assignments;
    parser->assignments[out->assignments_count++] = *assignment;
}

void parser_add_account(struct parser *parser, const struct statement_account *account)
{
    struct statement *out = parser->out;
    if (out->accounts_count == ACCOUNTS_MAX) {
        out->accounts_are_all = true;
        return;
    }
    parser->accounts = array_grow(parser->arena, parser->accounts, out->accounts_count,
                                  &parser->accounts_cap, sizeof(*parser->accounts));
    out->accounts = parser->accounts;
    parser->accounts[out->accounts_count++] = *account;
}

void parser_add_subject(struct parser *parser, enum statement_subject_kind kind, struct slice name)
{
    struct statement *out = parser->out;
    if (out->subjects_count == SUBJECTS_MAX) {
        parser_unknown(parser);
        return;
    }
    parser->subjects = array_grow(parser->arena, parser->subjects, out->subjects_count,
                                  &parser->subjects_cap, sizeof(*parser->subjects));
    out->subjects = parser->subjects;
    parser->subjects[out->subjects_count++] =
        (struct statement_subject){.kind = kind, .name = name};
}

void parser_add_parameter_subject(struct parser *parser, enum statement_subject_kind kind)
{
    uint32_t before = parser->out->subjects_count;
    uint32_t number = parser->lexer.parameters;
    parser_add_subject(parser, kind, SLICE_NONE);
    if (parser->out->subjects_count > before && number <= UINT16_MAX) {
        parser->subjects[before].parameter = (uint16_t)number;
    }
}

// --- tables

bool is_system_schema(struct slice schema)
{
    switch (schema.len) {
    case 3:
        return slice_equal_nocase(schema, S("sys"));
    case 5:
        return slice_equal_nocase(schema, S("mysql"));
    case 18:
        return slice_equal_nocase(schema, S("information_schema")) ||
               slice_equal_nocase(schema, S("performance_schema"));
    default:
        return false;
    }
}

static void append_table(struct parser *parser, struct slice schema, struct slice name,
                         unsigned use)
{
    struct statement *out = parser->out;
    if (out->tables_count == TABLES_MAX) { // one of those may be a temporary table
        parser_raise(parser, STATEMENT_CLASS_WRITE, ROUTE_REASON_UNCLEAR_SYNTAX, SLICE_NONE);
        out->are_tables_complete = false;
        return;
    }
    parser->tables = array_grow(parser->arena, parser->tables, out->tables_count,
                                &parser->tables_cap, sizeof(*parser->tables));
    out->tables = parser->tables;
    parser->tables[out->tables_count++] = (struct statement_table){
        .schema = schema.len == 0 && parser->is_schema_chosen ? parser->schema : schema,
        .name = name,
        .is_written = (use & TABLE_WRITTEN) != 0,
        .is_temporary = (use & TABLE_TEMPORARY) != 0,
    };
}

// A table that the catalogue names, which may go before the statement does.
static void append_known(struct parser *parser, struct slice schema, struct slice name,
                         unsigned use)
{
    append_table(parser, arena_copy(parser->arena, schema), arena_copy(parser->arena, name), use);
}

// --- stored programs

void parser_add_local(struct parser *parser, struct slice name)
{
    parser->locals = array_grow(parser->arena, parser->locals, parser->locals_count,
                                &parser->locals_cap, sizeof(*parser->locals));
    parser->locals[parser->locals_count++] = name;
}

bool parser_is_local(const struct parser *parser, struct slice name)
{
    for (uint32_t i = 0; i < parser->locals_count; i++) {
        if (slice_equal_nocase(parser->locals[i], name)) {
            return true;
        }
    }
    return false;
}

static void add_program_table(struct parser *parser, const struct statement_table *table)
{
    struct statement *out = parser->out;
    if (out->program_tables_count == TABLES_MAX) {
        parser_unknown(parser);
        return;
    }
    parser->program_tables =
        array_grow(parser->arena, parser->program_tables, out->program_tables_count,
                   &parser->program_tables_cap, sizeof(*parser->program_tables));
    out->program_tables = parser->program_tables;
    struct statement_table *added = &parser->program_tables[out->program_tables_count++];
    *added = *table;
    added->schema = arena_copy(parser->arena, table->schema);
    added->name = arena_copy(parser->arena, table->name);
}

// The program's names are the catalogue's, which may go before the statement does.
static void add_names(struct parser *parser, const struct program *program)
{
    for (uint32_t i = 0; i < program->assignments_count; i++) {
        struct assignment assignment = program->assignments[i];
        assignment.name = arena_copy(parser->arena, assignment.name);
        assignment.component = arena_copy(parser->arena, assignment.component);
        parser_add_assignment(parser, &assignment);
    }
    for (uint32_t i = 0; i < program->subjects_count; i++) {
        const struct statement_subject *subject = &program->subjects[i];
        parser_add_subject(parser, subject->kind, arena_copy(parser->arena, subject->name));
    }
    for (uint32_t i = 0; i < program->tables_count; i++) {
        add_program_table(parser, &program->tables[i]);
    }
}

void parser_insert_id(struct parser *parser)
{
    parser_ask(parser, ASK_INSERT_ID);
    parser_effect(parser, EFFECT_INSERT_ID);
}

void parser_add_program(struct parser *parser, const struct program *program)
{
    struct statement *out = parser->out;
    out->runs_program = true;
    if (program == NULL || parser->is_catalogue_old) {
        parser_effect(parser, EFFECT_FUNCTION);
        parser_insert_id(parser);
        out->are_tables_complete = false;
        out->may_turn = true;
        return;
    }
    out->effects |= program->effects;
    out->asks |= program->asks;
    out->may_turn |= program->may_turn;
    out->accounts_are_all |= (program->effects & EFFECT_BIT(EFFECT_ACCOUNT)) != 0;
    out->are_tables_complete &= program->are_tables_complete;
    add_names(parser, program);
}

// --- what the catalogue knows of a table

static bool is_change_of_rows(enum statement_kind kind)
{
    switch (kind) {
    case STATEMENT_INSERT:
    case STATEMENT_REPLACE:
    case STATEMENT_UPDATE:
    case STATEMENT_DELETE:
    case STATEMENT_LOAD:
        return true;
    default:
        return false;
    }
}

// Which of them it sets off is not worth a look at what is done to the rows.
static void add_triggers(struct parser *parser, struct slice schema, struct slice name,
                         unsigned use)
{
    size_t count = 0;
    if ((use & TABLE_WRITTEN) == 0 || !is_change_of_rows(parser->part.inner)) {
        return;
    }
    const struct catalogue_trigger *triggers = catalogue_triggers(
        parser->context->catalogue, schema.len > 0 ? schema : parser->schema, name, &count);
    for (size_t i = 0; i < count; i++) {
        parser_add_program(parser, triggers[i].program);
    }
}

// What reading a view does beside reading its tables.
static void raise_view(struct parser *parser, const struct catalogue_view *view)
{
    struct slice name = view->name.name;
    switch (view->safety) {
    case CATALOGUE_SAFE:
        break;
    case CATALOGUE_SERVER_SPECIFIC:
        parser_raise(parser, STATEMENT_CLASS_SERVER_READ, ROUTE_REASON_SERVER_SPECIFIC,
                     arena_copy(parser->arena, name));
        break;
    case CATALOGUE_UNSAFE:
        parser_raise(parser, STATEMENT_CLASS_WRITE, ROUTE_REASON_UNSAFE_VIEW,
                     arena_copy(parser->arena, name));
        parser_add_program(parser, NULL);
        break;
    }
}

// What is behind a view's name.
static void add_view(struct parser *parser, const struct catalogue_view *view, unsigned use)
{
    raise_view(parser, view);
    if (!view->is_deterministic) {
        parser_uncacheable(parser, UNCACHEABLE_VIEW);
    }
    if (!view->is_complete) {
        parser->out->are_tables_complete = false;
    }
    for (size_t i = 0; i < view->tables_count; i++) {
        append_known(parser, view->tables[i].schema, view->tables[i].name, use);
        add_triggers(parser, view->tables[i].schema, view->tables[i].name, use);
    }
}

void parser_add_table(struct parser *parser, struct slice schema, struct slice name, unsigned use)
{
    append_table(parser, schema, name, use);
    if (schema.len > 0 ? is_system_schema(schema) : parser->schema_is_system) {
        parser_raise(parser, STATEMENT_CLASS_SERVER_READ, ROUTE_REASON_SERVER_SPECIFIC,
                     schema.len > 0 ? schema : name);
        parser_uncacheable(parser, UNCACHEABLE_SYSTEM_TABLE);
        if (catalogue_id_table(schema.len > 0 ? schema : parser->schema, name) !=
            CATALOGUE_ID_TABLE_COUNT) {
            parser_ask(parser, ASK_ID_TABLE);
        }
    }
    const struct catalogue *catalogue = parser->context->catalogue;
    if (catalogue == NULL) {
        return;
    }
    const struct catalogue_view *view =
        catalogue_view_find(catalogue, schema.len > 0 ? schema : parser->schema, name);
    if (view != NULL) {
        add_view(parser, view, use);
    } else {
        add_triggers(parser, schema, name, use);
    }
}

bool parser_take_table(struct parser *parser, unsigned use)
{
    struct slice schema = SLICE_NONE;
    struct slice name;
    if (!parser_at_name(parser)) {
        return false;
    }
    name = parser_value(parser, &parser->token);
    parser_advance(parser);
    if (parser_at_symbol(parser, '.')) {
        parser_advance(parser);
        if (parser_at_name(parser)) {
            schema = name;
            name = parser_value(parser, &parser->token);
            parser_advance(parser);
        }
    }
    parser_add_table(parser, schema, name, use);
    return true;
}

void parser_take_tables(struct parser *parser, unsigned use)
{
    size_t depth = 0;
    parser_take_table(parser, use);
    while (!parser_at_end(parser)) {
        if (parser_at_symbol(parser, ',') && depth == 0) {
            parser_advance(parser);
            parser_take_table(parser, use);
            continue;
        }
        depth += parser_at_symbol(parser, '(');
        depth -= parser_at_symbol(parser, ')') && depth > 0;
        parser_advance(parser);
    }
}

bool statement_names_table(const struct statement *statement, struct slice current,
                           struct slice schema, struct slice name)
{
    for (uint32_t i = 0; i < statement->tables_count; i++) {
        const struct statement_table *table = &statement->tables[i];
        struct slice in = table->schema.len > 0 ? table->schema : current;
        if (slice_equal_nocase(table->name, name) && slice_equal_nocase(in, schema)) {
            return true;
        }
    }
    return false;
}
