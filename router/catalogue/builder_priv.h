// The inside of a builder, for builder.c and programs.c.
#pragma once

#include "router/catalogue/builder.h"
#include "router/catalogue/catalogue_priv.h"

enum { CATALOGUE_COLUMNS_MAX = 6 };

// Rows as they come, in lists.
struct row {
    struct row *next;
    struct slice values[CATALOGUE_COLUMNS_MAX];
};

struct rows {
    struct row *first;
    struct row **last;
    bool is_done;
    bool is_refused; // a row was not what was asked for
};

struct catalogue_builder {
    struct catalogue *catalogue; // being built
    struct arena arena;          // rows, and what only the building needs
    struct rows rows[CATALOGUE_QUERY_COUNT];
    struct map view_names; // schema and name -> something
    struct body *bodies;   // of programs, still to be read
    bool are_views_known;
};

// All of them came, and as they should.
static inline bool rows_are_complete(const struct rows *rows)
{
    return rows->is_done && !rows->is_refused;
}

struct catalogue_name name_copy(struct catalogue *catalogue, struct slice schema,
                                struct slice name);
// `*names` of `*count` gets `added` more; the old array is left to the arena.
void names_append(struct catalogue *catalogue, const struct catalogue_name **names, size_t *count,
                  const struct catalogue_name *more, size_t added);
// Adds `item` of `size` bytes to the list under the name; what was returned for the same name
// before is not valid any more.
void list_put(struct catalogue *catalogue, struct map *map, const struct catalogue_name *name,
              const void *item, size_t size);

// The names of functions, procedures and triggers.
void programs_collect(struct catalogue_builder *builder);
// What they do, as far as it can be known by now: without a view before the views are known, for
// these may call functions, and the others behind them.
void programs_read(struct catalogue_builder *builder, catalogue_inspect_fn *inspect);
