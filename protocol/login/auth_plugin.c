#include "protocol/login/auth_plugin.h"

struct plugin_row {
    struct slice name;
    size_t proof_size;
};

static const struct plugin_row rows[] = {
    [AUTH_PLUGIN_UNKNOWN] = {SLICE_INIT(""), 0},
#define ROW(name, wire, proof, sentence) [AUTH_PLUGIN_##name] = {SLICE_INIT(wire), proof},
#include "protocol/login/auth_plugins.def"
#undef ROW
};

enum auth_plugin auth_plugin_find(struct slice name)
{
    for (size_t i = AUTH_PLUGIN_UNKNOWN + 1; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (slice_equal_nocase(name, rows[i].name)) {
            return (enum auth_plugin)i;
        }
    }
    return AUTH_PLUGIN_UNKNOWN;
}

struct slice auth_plugin_name(enum auth_plugin plugin)
{
    return rows[plugin].name;
}

size_t auth_plugin_proof_size(enum auth_plugin plugin)
{
    return rows[plugin].proof_size;
}
