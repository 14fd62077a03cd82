// Stored programs: functions, procedures, triggers. What one does is known once what it runs is:
// the bodies are read over and over, until nothing more is learnt.
#include "router/catalogue/builder_priv.h"

// A program whose body is to be read.
struct body {
    struct body *next;
    struct catalogue_source source;
    struct catalogue_routine *routine; // NULL: a trigger
    struct catalogue_name table;       // a trigger's
    size_t trigger;                    // and which of the table's it is
};

// --- names, before any body is read --------------------------------------------------------------

static bool is_function(const struct row *routine)
{
    return slice_equal_nocase(routine->values[2], S("FUNCTION"));
}

static bool is_procedure(const struct row *routine)
{
    return slice_equal_nocase(routine->values[2], S("PROCEDURE"));
}

static struct catalogue_routine *routine_add(struct catalogue *catalogue, const struct row *row)
{
    static char is_taken;
    struct map *map = is_function(row) ? &catalogue->functions : &catalogue->procedures;
    catalogue->counts.routines++;
    if (!is_function(row) && !is_procedure(row)) { // a package
        return NULL;
    }
    struct catalogue_routine *routine = arena_zero(&catalogue->arena, sizeof(*routine));
    routine->name = name_copy(catalogue, row->values[0], row->values[1]);
    routine->kind = is_function(row) ? CATALOGUE_FUNCTION : CATALOGUE_PROCEDURE;
    catalogue_put(map, row->values[0], row->values[1], routine);
    if (is_function(row)) {
        catalogue_put(&catalogue->function_names, SLICE_NONE, row->values[1], &is_taken);
    }
    return routine;
}

static void loadable_add(struct catalogue *catalogue, const struct row *row)
{
    static char is_taken;
    catalogue->counts.loadable_functions++;
    catalogue_put(&catalogue->function_names, SLICE_NONE, row->values[0], &is_taken);
}

// --- bodies --------------------------------------------------------------------------------------

// Names of the parameters of one routine.
struct parameters {
    struct slice *names;
    size_t count;
    bool has_out; // one of them is OUT or INOUT
};

// The routines of a builder that have parameters, by their names.
struct signatures {
    struct map functions;
    struct map procedures;
};

static void parameter_add(struct arena *arena, struct map *map, const struct row *row)
{
    struct parameters *parameters = catalogue_get(map, row->values[0], row->values[1]);
    if (parameters == NULL) {
        parameters = arena_zero(arena, sizeof(*parameters));
        catalogue_put(map, row->values[0], row->values[1], parameters);
    }
    if ((parameters->count & (parameters->count - 1)) == 0) { // 0 or a power of two: full
        size_t cap = parameters->count == 0 ? 1 : parameters->count * 2;
        struct slice *names = arena_alloc(arena, cap * sizeof(*names));
        if (parameters->count > 0) {
            memcpy(names, parameters->names, parameters->count * sizeof(*names));
        }
        parameters->names = names;
    }
    parameters->names[parameters->count++] = row->values[3];
    parameters->has_out |= !slice_equal_nocase(row->values[4], S("IN"));
}

static void signatures_read(struct catalogue_builder *builder, struct signatures *signatures)
{
    const struct row *row = builder->rows[CATALOGUE_QUERY_PARAMETERS].first;
    for (; row != NULL; row = row->next) {
        struct map *map = is_function(row) ? &signatures->functions : &signatures->procedures;
        parameter_add(&builder->arena, map, row);
    }
}

// False where a function sets what it is given, as those of MariaDB may: what that is, a statement
// does not show as a CALL does.
static bool parameters_find(const struct signatures *signatures, const struct row *row,
                            struct catalogue_source *source)
{
    const struct map *map = is_function(row) ? &signatures->functions : &signatures->procedures;
    const struct parameters *found = catalogue_get(map, row->values[0], row->values[1]);
    if (found != NULL) {
        source->parameters = found->names;
        source->parameters_count = found->count;
    }
    return found == NULL || !found->has_out || !is_function(row);
}

static struct body *body_add(struct catalogue_builder *builder, struct body ***last,
                             const struct catalogue_source *source)
{
    struct body *body = arena_zero(&builder->arena, sizeof(*body));
    body->source = *source;
    **last = body;
    *last = &body->next;
    return body;
}

static void routines_collect(struct catalogue_builder *builder, struct body ***last)
{
    struct signatures signatures = {MAP_INIT, MAP_INIT};
    const struct row *row = builder->rows[CATALOGUE_QUERY_ROUTINES].first;
    signatures_read(builder, &signatures);
    for (; row != NULL; row = row->next) {
        struct catalogue_routine *routine = routine_add(builder->catalogue, row);
        struct catalogue_source source = {
            .kind = is_function(row) ? CATALOGUE_FUNCTION_BODY : CATALOGUE_PROCEDURE_BODY,
            .schema = row->values[0],
            .sql_mode = row->values[3],
            .text = row->values[4],
        };
        if (routine != NULL && source.text.ptr != NULL &&
            parameters_find(&signatures, row, &source)) {
            body_add(builder, last, &source)->routine = routine;
        }
    }
    map_release(&signatures.functions);
    map_release(&signatures.procedures);
}

static void triggers_collect(struct catalogue_builder *builder, struct body ***last)
{
    struct catalogue *catalogue = builder->catalogue;
    const struct row *row = builder->rows[CATALOGUE_QUERY_TRIGGERS].first;
    for (; row != NULL; row = row->next) {
        struct catalogue_trigger trigger = {
            .table = name_copy(catalogue, row->values[0], row->values[1]),
            .name = name_copy(catalogue, row->values[0], row->values[2]),
        };
        struct catalogue_source source = {
            .kind = CATALOGUE_TRIGGER_BODY,
            .schema = row->values[0],
            .sql_mode = row->values[3],
            .text = row->values[4],
        };
        list_put(catalogue, &catalogue->triggers, &trigger.table, &trigger, sizeof(trigger));
        catalogue->counts.triggers++;
        if (source.text.ptr != NULL) {
            struct body *body = body_add(builder, last, &source);
            const struct catalogue_list *list =
                catalogue_get(&catalogue->triggers, row->values[0], row->values[1]);
            body->table = trigger.table;
            body->trigger = list != NULL ? list->count - 1 : 0;
        }
    }
}

void programs_collect(struct catalogue_builder *builder)
{
    struct catalogue *catalogue = builder->catalogue;
    const struct rows *routines = &builder->rows[CATALOGUE_QUERY_ROUTINES];
    const struct rows *loadables = &builder->rows[CATALOGUE_QUERY_LOADABLE];
    struct body **last = &builder->bodies;
    routines_collect(builder, &last);
    triggers_collect(builder, &last);
    for (const struct row *row = loadables->first; row != NULL; row = row->next) {
        loadable_add(catalogue, row);
    }
    catalogue->are_functions_known = rows_are_complete(routines) && rows_are_complete(loadables);
}

// --- what they do --------------------------------------------------------------------------------

static bool names_view(const struct catalogue_builder *builder,
                       const struct catalogue_definition *definition)
{
    for (size_t i = 0; i < definition->tables_count; i++) {
        const struct catalogue_name *table = &definition->tables[i];
        if (catalogue_get(&builder->view_names, table->schema, table->name) != NULL) {
            return true;
        }
    }
    return false;
}

static void function_note(struct catalogue *catalogue, struct catalogue_routine *function,
                          const struct catalogue_definition *definition)
{
    function->is_pure = definition->safety == CATALOGUE_SAFE && definition->are_tables_complete;
    function->is_deterministic = function->is_pure && definition->is_deterministic;
    names_append(catalogue, &function->tables, &function->tables_count, definition->tables,
                 definition->tables_count);
    catalogue->counts.pure_functions += function->is_pure;
}

static void trigger_note(struct catalogue *catalogue, const struct body *body,
                         const struct program *program)
{
    const struct catalogue_list *list =
        catalogue_get(&catalogue->triggers, body->table.schema, body->table.name);
    if (list != NULL) {
        ((struct catalogue_trigger *)list->items)[body->trigger].program = program;
    }
}

// Whether it is worth reading again once others are known.
static bool body_read(struct catalogue_builder *builder, const struct body *body,
                      catalogue_inspect_fn *inspect)
{
    struct catalogue *catalogue = builder->catalogue;
    struct catalogue_definition definition;
    inspect(&definition, &catalogue->arena, &body->source, catalogue);
    bool is_view_read = !builder->are_views_known && names_view(builder, &definition);
    if (definition.is_waiting || is_view_read) {
        return true;
    }
    catalogue->counts.known_programs += definition.program != NULL;
    if (body->routine == NULL) {
        trigger_note(catalogue, body, definition.program);
        return false;
    }
    body->routine->program = definition.program;
    if (body->routine->kind == CATALOGUE_FUNCTION) {
        function_note(catalogue, body->routine, &definition);
    }
    return false;
}

// Programs that run each other in a circle are never known.
void programs_read(struct catalogue_builder *builder, catalogue_inspect_fn *inspect)
{
    bool has_learnt = true;
    while (has_learnt) {
        has_learnt = false;
        for (struct body **at = &builder->bodies; *at != NULL;) {
            if (body_read(builder, *at, inspect)) {
                at = &(*at)->next;
            } else {
                *at = (*at)->next;
                has_learnt = true;
            }
        }
    }
}
