#include "router/catalogue/builder_priv.h"

#include "proxy/base/memory.h"

struct catalogue_builder *catalogue_builder_create(void)
{
    struct catalogue_builder *builder = mem_zero(1, sizeof(*builder));
    builder->catalogue = mem_zero(1, sizeof(*builder->catalogue));
    refcount_init(&builder->catalogue->ref);
    for (size_t i = 0; i < CATALOGUE_QUERY_COUNT; i++) {
        builder->rows[i].last = &builder->rows[i].first;
    }
    return builder;
}

void catalogue_builder_destroy(struct catalogue_builder *builder)
{
    if (builder != NULL) {
        catalogue_unref(builder->catalogue);
        map_release(&builder->view_names);
        arena_release(&builder->arena);
        mem_free(builder);
    }
}

void catalogue_builder_set_changes(struct catalogue_builder *builder, uint64_t changes)
{
    builder->catalogue->changes = changes;
}

bool catalogue_builder_row(struct catalogue_builder *builder, enum catalogue_query_id id,
                           const struct slice *values, size_t count)
{
    struct rows *rows = &builder->rows[id];
    struct arena *arena = &builder->arena;
    if (count != catalogue_queries[id].columns) {
        rows->is_refused = true;
        return false;
    }
    struct row *row = arena_zero(arena, sizeof(*row));
    for (size_t i = 0; i < count; i++) {
        if (values[i].ptr != NULL) {
            row->values[i] = arena_copy(arena, values[i]);
        }
    }
    *rows->last = row;
    rows->last = &row->next;
    return true;
}

void catalogue_builder_done(struct catalogue_builder *builder, enum catalogue_query_id id)
{
    builder->rows[id].is_done = true;
}

// --- names and lists

struct catalogue_name name_copy(struct catalogue *catalogue, struct slice schema, struct slice name)
{
    return (struct catalogue_name){arena_copy(&catalogue->arena, schema),
                                   arena_copy(&catalogue->arena, name)};
}

void names_append(struct catalogue *catalogue, const struct catalogue_name **names, size_t *count,
                  const struct catalogue_name *more, size_t added)
{
    struct catalogue_name *grown =
        arena_alloc(&catalogue->arena, (*count + added + 1) * sizeof(*grown));
    if (*count > 0) {
        memcpy(grown, *names, *count * sizeof(*grown));
    }
    for (size_t i = 0; i < added; i++) {
        grown[*count + i] = name_copy(catalogue, more[i].schema, more[i].name);
    }
    *names = grown;
    *count += added;
}

void list_put(struct catalogue *catalogue, struct map *map, const struct catalogue_name *name,
              const void *item, size_t size)
{
    struct catalogue_list *list = catalogue_get(map, name->schema, name->name);
    if (list == NULL) {
        list = arena_zero(&catalogue->arena, sizeof(*list));
        catalogue_put(map, name->schema, name->name, list);
    }
    if ((list->count & (list->count - 1)) == 0) { // 0 or a power of two: full
        size_t cap = list->count == 0 ? 1 : list->count * 2;
        void *items = arena_alloc(&catalogue->arena, cap * size);
        if (list->count > 0) {
            memcpy(items, list->items, list->count * size);
        }
        list->items = items;
    }
    memcpy((char *)list->items + list->count * size, item, size);
    list->count++;
}

// --- views

// A view while it is resolved: `tables` are what its own text names, views among them.
struct node {
    struct catalogue_view *view;
    const struct catalogue_name *names;
    size_t names_count;
    enum { NODE_NEW, NODE_OPEN, NODE_DONE } state;
};

static void view_weaken(struct catalogue_view *view)
{
    view->safety = CATALOGUE_UNSAFE;
    view->is_deterministic = view->is_complete = false;
}

enum {
    VIEWS_NESTED_MAX = 64,   // deeper, or in a circle: not safe
    VIEW_TABLES_MAX = 10000, // views of views of views multiply
};

static void view_resolve(struct catalogue *catalogue, const struct map *nodes, struct node *node,
                         size_t depth)
{
    struct catalogue_view *view = node->view;
    node->state = NODE_OPEN;
    for (size_t i = 0; i < node->names_count; i++) {
        const struct catalogue_name *name = &node->names[i];
        struct node *below = catalogue_get(nodes, name->schema, name->name);
        if (below == NULL) {
            names_append(catalogue, &view->tables, &view->tables_count, name, 1);
            continue;
        }
        if (below->state == NODE_NEW && depth < VIEWS_NESTED_MAX) {
            view_resolve(catalogue, nodes, below, depth + 1);
        }
        if (below->state != NODE_DONE || view->tables_count > VIEW_TABLES_MAX) {
            view_weaken(view);
            continue;
        }
        if (view->safety > below->view->safety) {
            view->safety = below->view->safety;
        }
        view->is_deterministic &= below->view->is_deterministic;
        view->is_complete &= below->view->is_complete;
        names_append(catalogue, &view->tables, &view->tables_count, below->view->tables,
                     below->view->tables_count);
    }
    node->state = NODE_DONE;
}

static struct node *node_create(struct catalogue_builder *builder, const struct row *row,
                                catalogue_inspect_fn *inspect)
{
    struct catalogue *catalogue = builder->catalogue;
    struct node *node = arena_zero(&builder->arena, sizeof(*node));
    struct catalogue_definition definition = {.safety = CATALOGUE_UNSAFE};
    node->view = arena_zero(&catalogue->arena, sizeof(*node->view));
    node->view->name = name_copy(catalogue, row->values[0], row->values[1]);
    if (row->values[2].len > 0) {
        const struct catalogue_source source = {
            .kind = CATALOGUE_VIEW_DEFINITION,
            .schema = row->values[0],
            .text = row->values[2],
        };
        inspect(&definition, &builder->arena, &source, catalogue);
    }
    node->view->safety = definition.safety;
    node->view->is_deterministic = definition.is_deterministic;
    node->view->is_complete =
        definition.safety != CATALOGUE_UNSAFE && definition.are_tables_complete;
    node->names = definition.tables;
    node->names_count = definition.tables_count;
    return node;
}

static unsigned view_rank(const struct catalogue_view *view)
{
    return 4 * (unsigned)view->safety + view->is_deterministic + view->is_complete;
}

// Under its name alone, the least safe view counts.
static void view_put(struct catalogue *catalogue, struct catalogue_view *view)
{
    struct slice name = view->name.name;
    const struct catalogue_view *other = catalogue_get(&catalogue->views, SLICE_NONE, name);
    catalogue_put(&catalogue->views, view->name.schema, name, view);
    if (other == NULL || view_rank(view) < view_rank(other)) {
        catalogue_put(&catalogue->views, SLICE_NONE, name, view);
    }
}

static void views_build(struct catalogue_builder *builder, catalogue_inspect_fn *inspect)
{
    struct catalogue *catalogue = builder->catalogue;
    struct map nodes = MAP_INIT;
    const struct row *row = builder->rows[CATALOGUE_QUERY_VIEWS].first;
    for (; row != NULL; row = row->next) {
        struct node *node = node_create(builder, row, inspect);
        if (catalogue_get(&nodes, row->values[0], row->values[1]) !=
            NULL) { // differs in case only: which one is meant, nobody knows
            view_weaken(node->view);
        }
        catalogue_put(&nodes, row->values[0], row->values[1], node);
    }
    map_each (slot, &nodes) {
        struct node *node = slot->value;
        if (node->state == NODE_NEW) {
            view_resolve(catalogue, &nodes, node, 0);
        }
    }
    map_each (slot, &nodes) {
        struct catalogue_view *view = ((struct node *)slot->value)->view;
        view_put(catalogue, view);
        catalogue->counts.views++;
        catalogue->counts.unsafe_views += view->safety == CATALOGUE_UNSAFE;
    }
    map_release(&nodes);
    builder->are_views_known = true;
}

static void view_names_collect(struct catalogue_builder *builder)
{
    static char is_view;
    const struct row *row = builder->rows[CATALOGUE_QUERY_VIEWS].first;
    for (; row != NULL; row = row->next) {
        catalogue_put(&builder->view_names, row->values[0], row->values[1], &is_view);
    }
}

// --- foreign keys

static enum catalogue_rule rule_read(struct slice text)
{
    if (slice_equal_nocase(text, S("RESTRICT")) || slice_equal_nocase(text, S("NO ACTION"))) {
        return CATALOGUE_RESTRICT;
    }
    if (slice_equal_nocase(text, S("SET NULL")) || slice_equal_nocase(text, S("SET DEFAULT"))) {
        return CATALOGUE_SET_NULL;
    }
    return CATALOGUE_CASCADE;
}

static void foreign_keys_build(struct catalogue_builder *builder)
{
    struct catalogue *catalogue = builder->catalogue;
    const struct row *row = builder->rows[CATALOGUE_QUERY_FOREIGN_KEYS].first;
    for (; row != NULL; row = row->next) {
        struct catalogue_foreign_key key = {
            .parent = name_copy(catalogue, row->values[0], row->values[1]),
            .child = name_copy(catalogue, row->values[2], row->values[3]),
            .on_update = rule_read(row->values[4]),
            .on_delete = rule_read(row->values[5]),
        };
        list_put(catalogue, &catalogue->children, &key.parent, &key, sizeof(key));
        catalogue->counts.foreign_keys++;
    }
}

// --- tables with ids

static void id_columns_build(struct catalogue_builder *builder, enum catalogue_id_table table)
{
    struct catalogue *catalogue = builder->catalogue;
    const struct rows *rows = &builder->rows[CATALOGUE_QUERY_ID_TABLES];
    size_t count = 0;
    for (const struct row *row = rows->first; row != NULL; row = row->next) {
        count += catalogue_id_table(row->values[0], row->values[1]) == table;
    }
    if (!rows_are_complete(rows) || count == 0) {
        return;
    }
    struct slice *columns = arena_alloc(&catalogue->arena, count * sizeof(*columns));
    catalogue->id_columns[table] = columns;
    catalogue->id_columns_count[table] = count;
    for (const struct row *row = rows->first; row != NULL; row = row->next) {
        if (catalogue_id_table(row->values[0], row->values[1]) == table) {
            *columns++ = arena_copy(&catalogue->arena, row->values[2]);
        }
    }
}

const struct catalogue *catalogue_builder_finish(struct catalogue_builder **builder_ptr,
                                                 catalogue_inspect_fn *inspect)
{
    struct catalogue_builder *builder = *builder_ptr;
    struct catalogue *catalogue = builder->catalogue;
    *builder_ptr = NULL;
    programs_collect(builder);
    view_names_collect(builder);
    programs_read(builder, inspect);
    views_build(builder, inspect);
    programs_read(builder, inspect);
    foreign_keys_build(builder);
    for (int table = 0; table < CATALOGUE_ID_TABLE_COUNT; table++) {
        id_columns_build(builder, (enum catalogue_id_table)table);
    }
    builder->catalogue = NULL;
    catalogue_builder_destroy(builder);
    return catalogue;
}
