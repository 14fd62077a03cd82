#include "protocol/packet/collation.h"

#include <stddef.h>

static const struct collation collations[256] = {
#define X(number, charset, name) [number] = {SLICE_INIT(charset), SLICE_INIT(name)},
#include "protocol/packet/collations.def"
#undef X
};

const struct collation *collation_by_number(uint16_t number)
{
    if (number > 255 || collations[number].charset.ptr == NULL) {
        return &collations[COLLATION_UTF8MB4_GENERAL_CI];
    }
    return &collations[number];
}

uint16_t collation_number(struct slice name)
{
    for (uint16_t i = 1; i < 256; i++) {
        if (collations[i].name.ptr != NULL && slice_equal_nocase(collations[i].name, name)) {
            return i;
        }
    }
    return 0;
}

struct slice collation_of_login(const struct collation *collation, bool is_mariadb)
{
    static const struct slice unicode[] = {
        SLICE_INIT("utf8_general_ci"),
        SLICE_INIT("utf8mb3_general_ci"),
        SLICE_INIT("utf8mb4_general_ci"),
    };
    for (size_t i = 0; i < sizeof(unicode) / sizeof(unicode[0]) && is_mariadb; i++) {
        if (slice_equal(collation->name, unicode[i])) {
            return SLICE_NONE;
        }
    }
    return collation->name;
}
