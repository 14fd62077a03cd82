#include "proxy/backend/parameter_kinds.h"

#include "protocol/packet/parameters.h"
#include "protocol/packet/value.h"

enum kind {
    KIND_NONE,
    KIND_INTEGER,
    KIND_UNSIGNED,
    KIND_REAL,
    KIND_DECIMAL,
    KIND_DATE,
    KIND_TIME,
    KIND_DATETIME,
    KIND_TEXT,
    KIND_BYTES,
    KIND_OTHER,
};

static uint8_t kind_of(const struct parameter *parameter)
{
    switch (parameter->type) {
    case TYPE_NULL:
        return KIND_NONE;
    case TYPE_TINY:
    case TYPE_SHORT:
    case TYPE_INT24:
    case TYPE_LONG:
    case TYPE_LONGLONG:
    case TYPE_YEAR:
        return parameter->is_unsigned ? KIND_UNSIGNED : KIND_INTEGER;
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
        return KIND_REAL;
    case TYPE_DECIMAL:
    case TYPE_NEWDECIMAL:
        return KIND_DECIMAL;
    case TYPE_DATE:
        return KIND_DATE;
    case TYPE_TIME:
        return KIND_TIME;
    case TYPE_DATETIME:
    case TYPE_TIMESTAMP:
        return KIND_DATETIME;
    case TYPE_VARCHAR:
    case TYPE_VAR_STRING:
    case TYPE_STRING:
    case TYPE_ENUM:
    case TYPE_SET:
        return KIND_TEXT;
    case TYPE_TINY_BLOB:
    case TYPE_MEDIUM_BLOB:
    case TYPE_LONG_BLOB:
    case TYPE_BLOB:
        return KIND_BYTES;
    default:
        return KIND_OTHER;
    }
}

// The types alone: that of a value is not looked at.
static struct parameters parameters_of(size_t count, struct slice types, bool has_names)
{
    return (struct parameters){.count = count, .has_names = has_names, .types = types};
}

bool parameter_kinds_fit(const uint8_t *kinds, size_t count, struct slice types, bool has_names)
{
    struct parameters parameters = parameters_of(count, types, has_names);
    struct parameter_walk walk = parameter_walk(&parameters);
    struct parameter parameter;
    for (size_t i = 0; parameter_type_next(&walk, &parameter); i++) {
        uint8_t kind = kind_of(&parameter);
        if (kind != KIND_NONE && kinds[i] != KIND_NONE && kind != kinds[i]) {
            return false;
        }
    }
    return true;
}

void parameter_kinds_note(uint8_t *kinds, size_t count, struct slice types, bool has_names)
{
    struct parameters parameters = parameters_of(count, types, has_names);
    struct parameter_walk walk = parameter_walk(&parameters);
    struct parameter parameter;
    for (size_t i = 0; parameter_type_next(&walk, &parameter); i++) {
        uint8_t kind = kind_of(&parameter);
        kinds[i] = kind != KIND_NONE ? kind : kinds[i];
    }
}
