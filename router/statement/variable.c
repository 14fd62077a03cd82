#include "router/statement/variable.h"

static const struct {
    struct slice name;
    enum variable_kind kind;
} variables[] = {
#define VARIABLE(name, kind) {SLICE_INIT(#name), VARIABLE_##kind},
#include "router/statement/variables.def"
#undef VARIABLE
};

enum variable_kind variable_find(struct slice name)
{
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        if (slice_equal_nocase(variables[i].name, name)) {
            return variables[i].kind;
        }
    }
    return VARIABLE_SERVER;
}
