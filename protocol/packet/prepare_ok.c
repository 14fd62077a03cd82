#include "protocol/packet/prepare_ok.h"

#include "protocol/packet/ok.h"
#include "protocol/wire/reader.h"

bool prepare_ok_decode(struct prepare_ok *ok, struct slice payload, uint64_t capabilities)
{
    struct reader reader = reader_make(payload);
    *ok = (struct prepare_ok){.has_definitions = true};

    if (reader_u8(&reader) != OK_HEADER) {
        return false;
    }
    ok->statement_id = reader_u32(&reader);
    ok->columns = reader_u16(&reader);
    ok->parameters = reader_u16(&reader);
    reader_skip(&reader, 1);
    ok->warnings = reader_u16(&reader);
    if (capability_has(capabilities, CAPABILITY_OPTIONAL_METADATA)) {
        ok->has_definitions = reader_u8(&reader) != 0;
    }
    return !reader_is_failed(&reader);
}

void prepare_ok_encode(const struct prepare_ok *ok, struct writer *writer, uint64_t capabilities)
{
    writer_u8(writer, OK_HEADER);
    writer_u32(writer, ok->statement_id);
    writer_u16(writer, ok->columns);
    writer_u16(writer, ok->parameters);
    writer_u8(writer, 0);
    writer_u16(writer, ok->warnings);
    if (capability_has(capabilities, CAPABILITY_OPTIONAL_METADATA)) {
        writer_u8(writer, ok->has_definitions);
    }
}
