#include "protocol/packet/parameters.h"

#include "protocol/packet/value.h"

enum { TYPE_UNSIGNED = 0x80 }; // in the second byte of a type

static size_t bitmap_size(size_t count)
{
    return (count + 7) / 8;
}

static bool bitmap_has(struct slice bitmap, size_t index)
{
    return index / 8 < bitmap.len && ((uint8_t)bitmap.ptr[index / 8] >> index % 8 & 1) != 0;
}

// --- reading -----------------------------------------------------------------------------------

static void type_read(struct reader *types, bool has_name, struct parameter *parameter)
{
    parameter->type = reader_u8(types);
    parameter->is_unsigned = (reader_u8(types) & TYPE_UNSIGNED) != 0;
    parameter->name = has_name ? reader_lenenc_slice(types) : SLICE_NONE;
}

static struct slice types_read(struct reader *reader, size_t count, bool has_names)
{
    const uint8_t *start = reader->ptr;
    struct parameter parameter;

    for (size_t i = 0; i < count && !reader_is_failed(reader); i++) {
        type_read(reader, has_names, &parameter);
    }
    return reader_is_failed(reader) ? SLICE_NONE : slice_make(start, (size_t)(reader->ptr - start));
}

bool parameters_types_first(struct slice *types, size_t count, bool has_names)
{
    struct reader reader = reader_make(*types);
    *types = types_read(&reader, count, has_names);
    return !reader_is_failed(&reader);
}

void parameters_read(struct parameters *parameters, struct reader *reader, uint64_t count,
                     bool has_names)
{
    *parameters = (struct parameters){.has_names = has_names};
    if (count == 0) {
        return;
    }
    if (count > PARAMETERS_MAX) {
        reader_fail(reader);
        return;
    }
    parameters->count = (size_t)count;
    parameters->nulls = reader_slice(reader, bitmap_size(parameters->count));
    parameters->are_types_sent = reader_u8(reader) != 0;
    if (parameters->are_types_sent) {
        parameters->types = types_read(reader, parameters->count, has_names);
    }
    parameters->values = slice_make(reader->ptr, reader_left(reader));
}

struct parameter_walk parameter_walk(const struct parameters *parameters)
{
    return (struct parameter_walk){
        .parameters = parameters,
        .types = reader_make(parameters->types),
        .values = reader_make(parameters->values),
    };
}

bool parameter_type_next(struct parameter_walk *walk, struct parameter *parameter)
{
    if (walk->index >= walk->parameters->count) {
        return false;
    }
    walk->index++;
    type_read(&walk->types, walk->parameters->has_names, parameter);
    return !reader_is_failed(&walk->types);
}

bool parameter_next(struct parameter_walk *walk, struct parameter *parameter)
{
    const struct parameters *parameters = walk->parameters;
    size_t index = walk->index;

    if (!parameter_type_next(walk, parameter)) {
        return false;
    }
    parameter->is_long_data = bitmap_has(parameters->long_data, index);
    parameter->value = SLICE_NONE;
    if (!parameter->is_long_data && !bitmap_has(parameters->nulls, index)) {
        parameter->value = value_read(&walk->values, parameter->type);
    }
    return !parameter_walk_is_failed(walk);
}

bool parameter_walk_is_failed(const struct parameter_walk *walk)
{
    return reader_is_failed(&walk->types) || reader_is_failed(&walk->values);
}

// --- writing -----------------------------------------------------------------------------------

// The first `count` bits, those behind them zero.
static void nulls_write(struct writer *writer, struct slice nulls, size_t count)
{
    size_t size = bitmap_size(count);

    if (nulls.len < size) {
        writer_fail(writer);
        return;
    }
    uint8_t *bits = writer_space(writer, size);
    memcpy(bits, nulls.ptr, size);
    if (count % 8 != 0) {
        bits[size - 1] &= (uint8_t)((1u << count % 8) - 1);
    }
}

static void types_write(const struct parameters *parameters, size_t count, bool with_names,
                        struct writer *writer)
{
    struct reader types = reader_make(parameters->types);
    struct parameter parameter;

    if (count == parameters->count && with_names == parameters->has_names) {
        writer_slice(writer, parameters->types);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        type_read(&types, parameters->has_names, &parameter);
        writer_u8(writer, parameter.type);
        writer_u8(writer, parameter.is_unsigned ? TYPE_UNSIGNED : 0);
        if (with_names) {
            writer_lenenc_slice(writer, parameter.name);
        }
    }
    if (reader_is_failed(&types)) {
        writer_fail(writer);
    }
}

// All of them end where the packet ends; fewer end where walking over them says.
static void values_write(const struct parameters *parameters, size_t count, struct writer *writer)
{
    if (count == parameters->count) {
        writer_slice(writer, parameters->values);
        return;
    }
    struct parameter_walk walk = parameter_walk(parameters);
    struct parameter parameter;
    for (size_t i = 0; i < count && parameter_next(&walk, &parameter); i++) {
    }
    if (parameter_walk_is_failed(&walk)) {
        writer_fail(writer);
        return;
    }
    size_t size = parameters->values.len - reader_left(&walk.values);
    writer_slice(writer, slice_first(parameters->values, size));
}

void parameters_write(const struct parameters *parameters, size_t count, bool with_names,
                      struct writer *writer)
{
    if (count == 0) {
        return;
    }
    if (count > parameters->count) {
        writer_fail(writer);
        return;
    }
    nulls_write(writer, parameters->nulls, count);
    writer_u8(writer, parameters->are_types_sent);
    if (parameters->are_types_sent) {
        types_write(parameters, count, with_names, writer);
    }
    values_write(parameters, count, writer);
}
