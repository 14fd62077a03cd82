#include "router/topology/version.h"

// What MariaDB below 11 puts in front, so that old replicas take it for a server that they know.
static const struct slice disguise = SLICE_INIT("5.5.5-");

const char *server_family_name(enum server_family family)
{
    static const char *const names[] = {
        [FAMILY_UNKNOWN] = "unknown",
        [FAMILY_MARIADB] = "mariadb",
        [FAMILY_MYSQL] = "mysql",
    };
    return names[family];
}

// Cuts a number of at most four digits off the front.
static bool number_cut(struct slice *rest, uint32_t *number)
{
    size_t len = 0;
    *number = 0;
    while (len < rest->len && len < 4 && rest->ptr[len] >= '0' && rest->ptr[len] <= '9') {
        *number = *number * 10 + (uint32_t)(rest->ptr[len] - '0');
        len++;
    }
    *rest = slice_from(*rest, len);
    return len > 0;
}

static bool dot_cut(struct slice *rest)
{
    if (rest->len == 0 || rest->ptr[0] != '.') {
        return false;
    }
    *rest = slice_from(*rest, 1);
    return true;
}

static bool is_mariadb(struct slice text)
{
    static const struct slice name = SLICE_INIT("MariaDB");
    for (size_t i = 0; i + name.len <= text.len; i++) {
        if (slice_starts_nocase(slice_from(text, i), name)) {
            return true;
        }
    }
    return false;
}

bool version_parse(struct slice text, struct version *out)
{
    uint32_t major;
    uint32_t minor;
    uint32_t patch;
    bool mariadb = is_mariadb(text);
    struct slice rest = text;

    *out = (struct version){FAMILY_UNKNOWN, 0};
    if (mariadb && slice_starts_nocase(rest, disguise)) {
        rest = slice_from(rest, disguise.len);
    }
    if (!number_cut(&rest, &major) || !dot_cut(&rest) || !number_cut(&rest, &minor) ||
        !dot_cut(&rest) || !number_cut(&rest, &patch)) {
        return false;
    }
    out->family = mariadb ? FAMILY_MARIADB : FAMILY_MYSQL;
    out->number = major * 10000 + minor * 100 + patch;
    return true;
}
