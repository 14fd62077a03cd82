// Builds a catalogue from the rows of the queries in catalogue_queries.h. The caller runs a query,
// calls catalogue_builder_row() for each row of its answer, then catalogue_builder_done() for the
// query. A query that is never done (the server refused it) leaves the catalogue careful where it
// is needed: without routines or loadable functions every name counts as taken; without views, as
// without a catalogue, views are taken for tables. One thread: the monitor's.
//
//     struct catalogue_builder *builder = catalogue_builder_create();
//     for each query of catalogue_queries:
//         run query->sql; for each row: catalogue_builder_row(builder, query->id, values, count);
//         catalogue_builder_done(builder, query->id);
//     catalogue = catalogue_builder_finish(&builder, statement_inspect);
#pragma once

#include "proxy/base/slice.h"
#include "router/catalogue/catalogue.h"
#include "router/catalogue/catalogue_queries.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct catalogue_builder;

// A text to be judged, made while `schema` was the current one and under `sql_mode`.
enum catalogue_definition_kind {
    CATALOGUE_VIEW_DEFINITION,
    CATALOGUE_FUNCTION_BODY,
    CATALOGUE_PROCEDURE_BODY,
    CATALOGUE_TRIGGER_BODY,
};

struct catalogue_source {
    enum catalogue_definition_kind kind;
    struct slice schema;
    struct slice sql_mode; // of a program; a view's is the server's own
    struct slice text;
    const struct slice *parameters; // of a routine: their names
    size_t parameters_count;
};

// What a definition turns out to do.
struct catalogue_definition {
    enum catalogue_safety safety; // of a view or a function
    bool is_deterministic;
    bool are_tables_complete;
    // A program: what it does, in `arena`; NULL: not known. `is_waiting`: it runs others that are
    // not known yet.
    bool is_waiting;
    const struct program *program;
    // Tables and views that it names, the schema filled in; in `arena`.
    const struct catalogue_name *tables;
    size_t tables_count;
};

struct arena;

// Reads a definition. Views in it count as tables: the builder resolves them. `known` has the names
// of all functions, and which programs are known. `statement_inspect` is the one that knows SQL;
// the catalogue itself does not.
typedef void catalogue_inspect_fn(struct catalogue_definition *out, struct arena *arena,
                                  const struct catalogue_source *source,
                                  const struct catalogue *known);

struct catalogue_builder *catalogue_builder_create(void);
// NULL is nothing. Only for a builder that is given up.
void catalogue_builder_destroy(struct catalogue_builder *builder);

// How many changes of what it holds were made before the first query was sent; 0 unless said.
void catalogue_builder_set_changes(struct catalogue_builder *builder, uint64_t changes);

// One row: its values in the order of the query's columns, copied; NULL in SQL is a slice whose
// `ptr` is NULL. A row with another number of values is refused: false, and the catalogue is
// careful as if the query had not been run.
bool catalogue_builder_row(struct catalogue_builder *builder, enum catalogue_query_id id,
                           const struct slice *values, size_t count);
// All rows of that query have come.
void catalogue_builder_done(struct catalogue_builder *builder, enum catalogue_query_id id);

// Makes the catalogue and destroys the builder, whose pointer is nulled. The caller owns one
// reference.
const struct catalogue *catalogue_builder_finish(struct catalogue_builder **builder,
                                                 catalogue_inspect_fn *inspect);
