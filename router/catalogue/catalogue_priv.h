// The inside of a catalogue, for this room alone. Everything lives in the arena; the maps
// go from folded names to what stands there.
#pragma once

#include "proxy/base/arena.h"
#include "proxy/base/map.h"
#include "proxy/base/refcount.h"
#include "router/catalogue/catalogue.h"

enum { CATALOGUE_KEY_MAX = 1024 }; // two names of 64 characters, with room to spare

// All triggers of a table, or all keys of a parent.
struct catalogue_list {
    void *items;
    size_t count;
};

struct catalogue {
    struct refcount ref;
    struct arena arena;
    struct map views;          // schema and name -> struct catalogue_view
    struct map functions;      // schema and name -> struct catalogue_routine
    struct map procedures;     // schema and name -> struct catalogue_routine
    struct map function_names; // name -> something: stored in any schema, or loadable
    struct map triggers;       // schema and table -> struct catalogue_list
    struct map children;       // schema and table -> struct catalogue_list
    bool are_functions_known;  // the server let us see both stored and loadable ones
    struct slice *id_columns[CATALOGUE_ID_TABLE_COUNT];
    size_t id_columns_count[CATALOGUE_ID_TABLE_COUNT];
    struct catalogue_counts counts;
    uint64_t changes;
};

// Both names in lower case with a NUL byte between them, in `buf`; false where they are too long to
// be anything's name.
bool catalogue_key(char buf[CATALOGUE_KEY_MAX], struct slice schema, struct slice name,
                   struct slice *key);

void catalogue_put(struct map *map, struct slice schema, struct slice name, void *value);
// NULL: it is not there.
void *catalogue_get(const struct map *map, struct slice schema, struct slice name);

void catalogue_destroy(struct catalogue *catalogue);
