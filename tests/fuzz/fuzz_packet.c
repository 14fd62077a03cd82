// Payloads from anywhere, to every decoder: what is read writes, and what was written reads and
// writes the same again.
// Input: a byte for the packet, a byte for the capabilities, the payload.
#include "tests/unit/protocol/bytes.h"
#include "tests/unit/protocol/codecs.h"

#include <stdlib.h>

#define require(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint64_t CAPABILITIES[] = {
    ALL_CAPABILITIES,
    0,
    CAPABILITIES_OFFERED,
    CAPABILITIES_ASKED,
    CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION,
    CAPABILITIES_MYSQL & ~(uint64_t)CAPABILITY_QUERY_ATTRIBUTES,
};

enum { CAPABILITY_SETS = sizeof(CAPABILITIES) / sizeof(CAPABILITIES[0]) };

static bool recode(const struct codec *codec, struct slice payload, uint64_t capabilities,
                   struct buffer *out)
{
    struct slice exact = bytes_copy(payload);
    struct writer writer = writer_make(out, 0);
    bool is_read = codec->recode(exact, &writer, capabilities);

    require(!is_read || !writer_is_failed(&writer));
    bytes_free(exact);
    return is_read;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    const struct codec *codec = &CODECS[data[0] % CODEC_COUNT];
    uint64_t capabilities = CAPABILITIES[data[1] % CAPABILITY_SETS];
    struct buffer once = BUFFER_INIT;
    struct buffer twice = BUFFER_INIT;

    if (recode(codec, slice_make(data + 2, size - 2), capabilities, &once)) {
        require(recode(codec, buffer_slice(&once), capabilities, &twice));
        require(slice_equal(buffer_slice(&once), buffer_slice(&twice)));
    }
    buffer_release(&once);
    buffer_release(&twice);
    return 0;
}
