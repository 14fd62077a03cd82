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
    uint32_t harmless = ASK_BIT(ASK_SESSION_VARIABLE);
    out->is_safe = statement.kind == STATEMENT_SELECT && statement.count == 1 &&
                   statement.class == STATEMENT_CLASS_READ && statement.effects == 0 &&
                   (statement.asks & ~harmless) == 0;
    out->is_deterministic = out->is_safe && is_deterministic(statement.uncacheable);
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
        out->is_safe = program->is_read;
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
        out->is_waiting &= !out->is_safe;
    }
    arena_release(&scratch);
}

void statement_inspect(struct catalogue_definition *out, struct arena *arena,
                       const struct catalogue_source *source, const struct catalogue *known)
{
    *out = (struct catalogue_definition){.is_safe = false};
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
