#include "protocol/packet/attribute.h"

bool attribute_next(struct reader *pairs, struct attribute *attribute)
{
    if (reader_left(pairs) == 0) {
        return false;
    }
    attribute->name = reader_lenenc_slice(pairs);
    attribute->value = reader_lenenc_slice(pairs);
    return !reader_is_failed(pairs);
}

struct slice attributes_read(struct reader *reader)
{
    struct slice block = reader_lenenc_slice(reader);
    struct reader pairs = reader_make(block);
    struct attribute attribute;

    while (attribute_next(&pairs, &attribute)) {
    }
    if (reader_is_failed(&pairs) || block.len > ATTRIBUTES_MAX) {
        reader_fail(reader);
        return SLICE_NONE;
    }
    return block;
}

void attribute_encode(const struct attribute *attribute, struct writer *pairs)
{
    writer_lenenc_slice(pairs, attribute->name);
    writer_lenenc_slice(pairs, attribute->value);
}
