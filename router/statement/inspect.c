// What the definitions of views and functions do, for the catalogue.
#include "router/catalogue/builder.h"
#include "router/sql/lexer.h"
#include "router/statement/statement.h"

// The expression of a body that is RETURN and nothing else, as a query; false where it is more.
static bool body_as_query(struct arena *arena, struct slice body, const struct sql_syntax *syntax,
                          struct slice *query)
{
    struct lexer lexer;
    struct token token;
    lexer_init(&lexer, body, syntax, 0);
    lexer_next(&lexer, &token);
    if (token.keyword != KEYWORD_RETURN) {
        return false;
    }
    struct slice expression = slice_from(body, (size_t)((const char *)lexer.ptr - body.ptr));
    *query = arena_print(arena, "SELECT %.*s", SLICE_ARG(expression));
    return true;
}

static bool is_deterministic(enum uncacheable_reason reason)
{
    return reason == UNCACHEABLE_NONE || reason == UNCACHEABLE_NO_TABLES;
}

static void tables_copy(struct catalogue_definition *out, struct arena *arena, struct slice schema,
                        const struct statement *statement)
{
    struct catalogue_name *tables =
        arena_alloc(arena, (statement->tables_count + 1) * sizeof(*tables));
    for (uint32_t i = 0; i < statement->tables_count; i++) {
        const struct statement_table *table = &statement->tables[i];
        tables[i].schema = arena_copy(arena, table->schema.len > 0 ? table->schema : schema);
        tables[i].name = arena_copy(arena, table->name);
    }
    out->tables = tables;
    out->tables_count = statement->tables_count;
}

void statement_inspect(struct catalogue_definition *out, struct arena *arena,
                       enum catalogue_definition_kind kind, struct slice schema,
                       struct slice sql_mode, struct slice text, const struct catalogue *known)
{
    struct statement_context context = {
        .syntax = SQL_SYNTAX_DEFAULT,
        .schema = schema,
        .catalogue = known,
    };
    struct statement statement;
    *out = (struct catalogue_definition){.is_safe = false};
    sql_syntax_set_mode(&context.syntax, sql_mode);
    if (kind == CATALOGUE_FUNCTION_BODY && !body_as_query(arena, text, &context.syntax, &text)) {
        return;
    }
    statement_parse(&statement, arena, text, &context);
    uint32_t harmless = ASK_BIT(ASK_SESSION_VARIABLE);
    out->is_safe = statement.kind == STATEMENT_SELECT && statement.count == 1 &&
                   statement.class == STATEMENT_CLASS_READ && statement.effects == 0 &&
                   (statement.asks & ~harmless) == 0;
    out->is_deterministic = out->is_safe && is_deterministic(statement.uncacheable);
    out->are_tables_complete = statement.are_tables_complete;
    tables_copy(out, arena, schema, &statement);
}
