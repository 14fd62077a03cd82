// What the definitions of views and stored programs do, for the catalogue.
#include "router/catalogue/builder.h"
#include "router/sql/lexer.h"
#include "router/statement/program.h"
#include "router/statement/statement.h"

static bool is_deterministic(enum uncacheable_reason reason)
{
    return reason == UNCACHEABLE_NONE || reason == UNCACHEABLE_NO_TABLES;
}

static void tables_copy(struct catalogue_definition *out, struct arena *arena, struct slice schema,
                        const struct statement_table *tables, uint32_t count)
{
    struct catalogue_name *names = arena_alloc(arena, (count + 1) * sizeof(*names));
    for (uint32_t i = 0; i < count; i++) {
        names[i].schema = arena_copy(arena, tables[i].schema.len > 0 ? tables[i].schema : schema);
        names[i].name = arena_copy(arena, tables[i].name);
    }
    out->tables = names;
    out->tables_count = count;
}

// --- queries: a view's, and what a function returns

// Into a statement's text sluice puts what it knows better than the server. A view's is out of its
// reach: there the server tells its own ids and settings. What the last statement left is another
// matter, for the connection at hand may have nothing of it.
static const uint32_t session_asks = ASK_BIT(ASK_SESSION_VARIABLE);
static const uint32_t server_asks = ASK_BIT(ASK_SESSION_VARIABLE) | ASK_BIT(ASK_CONNECTION_ID) |
                                    ASK_BIT(ASK_ID_TABLE) | ASK_BIT(ASK_ACCESS_MODE) |
                                    ASK_BIT(ASK_TRACKING);

static enum catalogue_safety query_safety(const struct statement *statement)
{
    bool is_query = statement->kind == STATEMENT_SELECT && statement->count == 1;
    if (!is_query || statement->effects != 0 || (statement->asks & ~server_asks) != 0) {
        return CATALOGUE_UNSAFE;
    }
    switch (statement->class) {
    case STATEMENT_CLASS_READ:
        return (statement->asks & ~session_asks) == 0 ? CATALOGUE_SAFE : CATALOGUE_SERVER_SPECIFIC;
    case STATEMENT_CLASS_SERVER_READ:
        return CATALOGUE_SERVER_SPECIFIC;
    default:
        return CATALOGUE_UNSAFE;
    }
}

static void query_inspect(struct catalogue_definition *out, struct arena *arena,
                          const struct catalogue_source *source, struct slice query,
                          const struct catalogue *known)
{
    struct statement_context context = {
        .syntax = SQL_SYNTAX_DEFAULT,
        .schema = source->schema,
        .catalogue = known,
    };
    struct arena scratch = ARENA_INIT;
    struct statement statement;
    sql_syntax_set_mode(&context.syntax, source->sql_mode);
    statement_parse(&statement, &scratch, query, &context);
    out->safety = query_safety(&statement);
    out->is_deterministic =
        out->safety == CATALOGUE_SAFE && is_deterministic(statement.uncacheable);
    out->are_tables_complete = statement.are_tables_complete;
    tables_copy(out, arena, source->schema, statement.tables, statement.tables_count);
    arena_release(&scratch);
}

// --- programs

static void program_inspect(struct catalogue_definition *out, struct arena *arena,
                            const struct catalogue_source *source, const struct catalogue *known)
{
    struct program *program = arena_alloc(arena, sizeof(*program));
    enum program_reading reading = program_read(program, arena, source, known);
    out->is_waiting = reading == PROGRAM_WAITING;
    if (reading == PROGRAM_KNOWN) {
        out->program = program;
        out->safety = program->is_read ? CATALOGUE_SAFE : CATALOGUE_UNSAFE;
        out->are_tables_complete = program->are_tables_complete;
        tables_copy(out, arena, source->schema, program->tables, program->tables_count);
    }
}

// The expression of a body that is RETURN and nothing else, as a query; false where it is more.
static bool body_as_query(struct arena *arena, const struct catalogue_source *source,
                          struct slice *query)
{
    struct lexer lexer;
    struct token token;
    struct sql_syntax syntax = SQL_SYNTAX_DEFAULT;
    sql_syntax_set_mode(&syntax, source->sql_mode);
    lexer_init(&lexer, source->text, &syntax, 0);
    lexer_next(&lexer, &token);
    if (token.keyword != KEYWORD_RETURN) {
        return false;
    }
    size_t begin = (size_t)((const char *)lexer.ptr - source->text.ptr);
    *query = arena_print(arena, "SELECT %.*s", SLICE_ARG(slice_from(source->text, begin)));
    return true;
}

// Of a query more is known than of a program: what it depends on, and that other readings of the
// same text do nothing either.
static void function_inspect(struct catalogue_definition *out, struct arena *arena,
                             const struct catalogue_source *source, const struct catalogue *known)
{
    struct arena scratch = ARENA_INIT;
    struct slice query;
    program_inspect(out, arena, source, known);
    if (body_as_query(&scratch, source, &query)) {
        query_inspect(out, arena, source, query, known);
        out->is_waiting &= out->safety == CATALOGUE_UNSAFE;
    }
    arena_release(&scratch);
}

void statement_inspect(struct catalogue_definition *out, struct arena *arena,
                       const struct catalogue_source *source, const struct catalogue *known)
{
    *out = (struct catalogue_definition){.safety = CATALOGUE_UNSAFE};
    switch (source->kind) {
    case CATALOGUE_VIEW_DEFINITION:
        query_inspect(out, arena, source, source->text, known);
        break;
    case CATALOGUE_FUNCTION_BODY:
        function_inspect(out, arena, source, known);
        break;
    case CATALOGUE_PROCEDURE_BODY:
    case CATALOGUE_TRIGGER_BODY:
        program_inspect(out, arena, source, known);
        break;
    }
}
