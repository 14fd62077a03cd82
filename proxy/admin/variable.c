#include "proxy/admin/variable.h"

enum variable {
#define VARIABLE(name, kind, value) VARIABLE_##name,
#define COMPUTED(name, kind)        VARIABLE_##name,
#include "proxy/admin/variables.def"
#undef VARIABLE
#undef COMPUTED
    VARIABLE_COUNT,
};

enum variable_kind { VARIABLE_TEXT, VARIABLE_NUMBER, VARIABLE_SWITCH };

static const struct {
    struct slice name;
    enum variable_kind kind;
    struct slice value; // no pointer: computed
} variables[VARIABLE_COUNT] = {
#define VARIABLE(name, kind, value) {SLICE_INIT(#name), VARIABLE_##kind, SLICE_INIT(value)},
#define COMPUTED(name, kind)        {SLICE_INIT(#name), VARIABLE_##kind, {NULL, 0}},
#include "proxy/admin/variables.def"
#undef VARIABLE
#undef COMPUTED
};

static struct cell computed_value(enum variable variable, const struct asker *asker)
{
    switch (variable) {
    case VARIABLE_version:
        return cell_text(S(VARIABLE_SERVER_VERSION));
    case VARIABLE_version_comment:
        return cell_text(S("sluice admin port"));
    case VARIABLE_pseudo_thread_id:
        return cell_int((int64_t)asker->id);
    case VARIABLE_ssl_version:
        return cell_text(asker->tls_version);
    case VARIABLE_ssl_cipher:
        return cell_text(asker->tls_cipher);
    default:
        return (struct cell){.kind = CELL_NULL};
    }
}

static struct cell value_of(enum variable variable, const struct asker *asker)
{
    struct slice text = variables[variable].value;
    int64_t number;
    if (text.ptr == NULL) {
        return computed_value(variable, asker);
    }
    if (variables[variable].kind != VARIABLE_TEXT && slice_to_i64(text, &number)) {
        return cell_int(number);
    }
    return cell_text(text);
}

bool variable_answer(struct slice name, const struct asker *asker, struct cell *value)
{
    size_t dot = slice_find(name, '.');
    struct slice bare = dot < name.len ? slice_from(name, dot + 1) : name;
    for (enum variable variable = 0; variable < VARIABLE_COUNT; variable++) {
        if (slice_equal_nocase(variables[variable].name, bare)) {
            *value = value_of(variable, asker);
            return true;
        }
    }
    return false;
}

void variables_fill(struct view_rows *rows, const struct asker *asker)
{
    for (enum variable variable = 0; variable < VARIABLE_COUNT; variable++) {
        struct cell value = value_of(variable, asker);
        char text[CELL_PRINT_SIZE];
        if (variables[variable].kind == VARIABLE_SWITCH) {
            value = cell_text(value.number != 0 ? S("ON") : S("OFF"));
        } else if (value.kind != CELL_NULL) {
            value = cell_text(cell_print(&value, text));
        }
        view_rows_add(rows, (struct cell[VIEW_VARIABLES_WIDTH]){
                                [VIEW_VARIABLES_NAME] = cell_text(variables[variable].name),
                                [VIEW_VARIABLES_VALUE] = value,
                            });
    }
}
