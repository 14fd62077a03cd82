// Values as the binary protocol writes them: fixed-width numbers, times behind a byte of length,
// everything else behind a length-encoded length. A value is held as the bytes of its content,
// without that length. Any thread.
// Manual: page_protocol_binary_resultset, "Binary Protocol Value"
#pragma once

#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

enum type {
#define ROW(name, code, form) TYPE_##name = (code),
#include "protocol/packet/type.def"
#undef ROW
};

enum value_form {
    VALUE_FORM_BYTES, // also of types that are not listed, as the servers take them
    VALUE_FORM_FIXED1,
    VALUE_FORM_FIXED2,
    VALUE_FORM_FIXED4,
    VALUE_FORM_FIXED8,
    VALUE_FORM_TIME,
    VALUE_FORM_NOTHING,
};

enum value_form value_form(uint8_t type);

// The content of the next value, which is not NULL. Of TYPE_NULL: a slice whose pointer is NULL.
struct slice value_read(struct reader *reader, uint8_t type);
// Writes a value with its length; fails where the content is not as wide as the type.
void value_write(struct writer *writer, uint8_t type, struct slice content);

// The number in the content of a TINY, SHORT, LONG, INT24, LONGLONG or YEAR, sign-extended unless
// is_unsigned; 0 for other types and wrong sizes.
int64_t value_integer(uint8_t type, bool is_unsigned, struct slice content);
