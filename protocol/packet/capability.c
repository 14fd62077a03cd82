#include "protocol/packet/capability.h"

static const struct capability_row ROWS[] = {
#define ROW(name, bit, offered, asked, sentence)                                                   \
    {SLICE_INIT(#name), CAPABILITY_##name, CAPABILITY_USE_##offered, CAPABILITY_USE_##asked,       \
     SLICE_INIT(sentence)},
#include "protocol/packet/capability.def"
#undef ROW
};

const struct capability_row *capability_rows(size_t *count)
{
    *count = sizeof(ROWS) / sizeof(ROWS[0]);
    return ROWS;
}

enum compression_kind compression_of(uint64_t capabilities)
{
    if (capability_has(capabilities, CAPABILITY_COMPRESS)) {
        return COMPRESSION_ZLIB;
    }
    return capability_has(capabilities, CAPABILITY_ZSTD_COMPRESS) ? COMPRESSION_ZSTD
                                                                  : COMPRESSION_NONE;
}
