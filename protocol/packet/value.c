#include "protocol/packet/value.h"

static const uint8_t FORMS[UINT8_MAX + 1] = {
#define ROW(name, code, form) [code] = VALUE_FORM_##form,
#include "protocol/packet/type.def"
#undef ROW
};

static const uint8_t WIDTHS[] = {
    [VALUE_FORM_FIXED1] = 1,
    [VALUE_FORM_FIXED2] = 2,
    [VALUE_FORM_FIXED4] = 4,
    [VALUE_FORM_FIXED8] = 8,
};

enum value_form value_form(uint8_t type)
{
    return FORMS[type];
}

struct slice value_read(struct reader *reader, uint8_t type)
{
    enum value_form form = value_form(type);

    switch (form) {
    case VALUE_FORM_BYTES:
        return reader_lenenc_slice(reader);
    case VALUE_FORM_TIME:
        return reader_u8_slice(reader);
    case VALUE_FORM_NOTHING:
        return SLICE_NONE;
    default:
        return reader_slice(reader, WIDTHS[form]);
    }
}

void value_write(struct writer *writer, uint8_t type, struct slice content)
{
    enum value_form form = value_form(type);

    switch (form) {
    case VALUE_FORM_BYTES:
        writer_lenenc_slice(writer, content);
        return;
    case VALUE_FORM_TIME:
        writer_u8_slice(writer, content);
        return;
    case VALUE_FORM_NOTHING:
        return;
    default:
        if (content.len != WIDTHS[form]) {
            writer_fail(writer);
        }
        writer_slice(writer, content);
        return;
    }
}

static int64_t sign_extend(uint64_t value, unsigned width)
{
    unsigned unused = 64 - 8 * width;

    return (int64_t)(value << unused) >> unused;
}

int64_t value_integer(uint8_t type, bool is_unsigned, struct slice content)
{
    struct reader reader = reader_make(content);

    if (type == TYPE_FLOAT || type == TYPE_DOUBLE) {
        return 0;
    }
    switch (value_form(type)) {
    case VALUE_FORM_FIXED1:
        return is_unsigned ? reader_u8(&reader) : sign_extend(reader_u8(&reader), 1);
    case VALUE_FORM_FIXED2:
        return is_unsigned ? reader_u16(&reader) : sign_extend(reader_u16(&reader), 2);
    case VALUE_FORM_FIXED4:
        return is_unsigned ? reader_u32(&reader) : sign_extend(reader_u32(&reader), 4);
    case VALUE_FORM_FIXED8:
        return (int64_t)reader_u64(&reader);
    default:
        return 0;
    }
}
