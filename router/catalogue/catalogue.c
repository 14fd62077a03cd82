#include "router/catalogue/catalogue.h"

#include "router/catalogue/catalogue_priv.h"

#include "proxy/base/memory.h"

// --- life

void catalogue_destroy(struct catalogue *catalogue)
{
    map_release(&catalogue->views);
    map_release(&catalogue->functions);
    map_release(&catalogue->procedures);
    map_release(&catalogue->function_names);
    map_release(&catalogue->triggers);
    map_release(&catalogue->children);
    arena_release(&catalogue->arena);
    mem_free(catalogue);
}

const struct catalogue *catalogue_ref(const struct catalogue *catalogue)
{
    refcount_ref(&((struct catalogue *)catalogue)->ref);
    return catalogue;
}

void catalogue_unref(const struct catalogue *catalogue)
{
    struct catalogue *owned = (struct catalogue *)catalogue;
    if (owned != NULL && refcount_unref(&owned->ref)) {
        catalogue_destroy(owned);
    }
}

// --- keys

static char *fold(char *out, struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        *out++ = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    return out;
}

bool catalogue_key(char buf[CATALOGUE_KEY_MAX], struct slice schema, struct slice name,
                   struct slice *key)
{
    if (schema.len >= CATALOGUE_KEY_MAX / 2 || name.len >= CATALOGUE_KEY_MAX / 2) {
        return false;
    }
    char *end = fold(buf, schema);
    *end++ = '\0';
    end = fold(end, name);
    *key = slice_make(buf, (size_t)(end - buf));
    return true;
}

void catalogue_put(struct map *map, struct slice schema, struct slice name, void *value)
{
    char buf[CATALOGUE_KEY_MAX];
    struct slice key;
    if (catalogue_key(buf, schema, name, &key)) {
        map_put(map, key, value);
    }
}

void *catalogue_get(const struct map *map, struct slice schema, struct slice name)
{
    char buf[CATALOGUE_KEY_MAX];
    struct slice key;
    if (map->count == 0 || !catalogue_key(buf, schema, name, &key)) {
        return NULL;
    }
    return map_get(map, key);
}

// --- reading

const struct catalogue_view *catalogue_view_find(const struct catalogue *catalogue,
                                                 struct slice schema, struct slice name)
{
    return catalogue_get(&catalogue->views, schema, name);
}

const struct catalogue_routine *catalogue_function_find(const struct catalogue *catalogue,
                                                        struct slice schema, struct slice name)
{
    return catalogue_get(&catalogue->functions, schema, name);
}

const struct catalogue_routine *catalogue_procedure_find(const struct catalogue *catalogue,
                                                         struct slice schema, struct slice name)
{
    return catalogue_get(&catalogue->procedures, schema, name);
}

bool catalogue_has_function_named(const struct catalogue *catalogue, struct slice name)
{
    return !catalogue->are_functions_known ||
           catalogue_get(&catalogue->function_names, SLICE_NONE, name) != NULL;
}

static const void *list_find(const struct map *map, struct slice schema, struct slice table,
                             size_t *count)
{
    const struct catalogue_list *list = catalogue_get(map, schema, table);
    *count = list != NULL ? list->count : 0;
    return list != NULL ? list->items : NULL;
}

const struct catalogue_trigger *catalogue_triggers(const struct catalogue *catalogue,
                                                   struct slice schema, struct slice table,
                                                   size_t *count)
{
    return list_find(&catalogue->triggers, schema, table, count);
}

const struct catalogue_foreign_key *catalogue_children(const struct catalogue *catalogue,
                                                       struct slice schema, struct slice table,
                                                       size_t *count)
{
    return list_find(&catalogue->children, schema, table, count);
}

static const struct catalogue_name id_tables[CATALOGUE_ID_TABLE_COUNT] = {
    [CATALOGUE_PROCESSLIST] = {SLICE_INIT("information_schema"), SLICE_INIT("PROCESSLIST")},
    [CATALOGUE_PROCESSLIST_OF_PERFORMANCE] = {SLICE_INIT("performance_schema"),
                                              SLICE_INIT("processlist")},
    [CATALOGUE_INNODB_TRX] = {SLICE_INIT("information_schema"), SLICE_INIT("INNODB_TRX")},
};

enum catalogue_id_table catalogue_id_table(struct slice schema, struct slice name)
{
    int table = 0;
    while (table < CATALOGUE_ID_TABLE_COUNT &&
           !(slice_equal_nocase(name, id_tables[table].name) &&
             slice_equal_nocase(schema, id_tables[table].schema))) {
        table++;
    }
    return (enum catalogue_id_table)table;
}

struct catalogue_name catalogue_id_table_name(enum catalogue_id_table table)
{
    return id_tables[table];
}

const struct slice *catalogue_id_columns(const struct catalogue *catalogue,
                                         enum catalogue_id_table table, size_t *count)
{
    *count = catalogue->id_columns_count[table];
    return catalogue->id_columns[table];
}

uint64_t catalogue_changes(const struct catalogue *catalogue)
{
    return catalogue->changes;
}

struct catalogue_counts catalogue_counts(const struct catalogue *catalogue)
{
    return catalogue->counts;
}
