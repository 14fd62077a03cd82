#include "protocol/packet/result_header.h"

#include "protocol/wire/reader.h"

static bool has_flag(uint64_t capabilities)
{
    return capability_has(capabilities,
                          CAPABILITY_OPTIONAL_METADATA | CAPABILITY_MARIADB_CACHE_METADATA);
}

bool result_header_decode(struct result_header *header, struct slice payload, uint64_t capabilities)
{
    struct reader reader = reader_make(payload);

    uint64_t columns = reader_lenenc(&reader);
    header->has_definitions = !has_flag(capabilities) || reader_u8(&reader) != 0;
    header->columns = (uint32_t)columns;
    return reader_is_done(&reader) && columns > 0 && columns <= RESULT_COLUMNS_MAX;
}

void result_header_encode(const struct result_header *header, struct writer *writer,
                          uint64_t capabilities)
{
    writer_lenenc(writer, header->columns);
    if (has_flag(capabilities)) {
        writer_u8(writer, header->has_definitions);
    }
}
