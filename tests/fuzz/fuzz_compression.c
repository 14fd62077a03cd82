// Any bytes are compressed frames or none, and give the same however they are cut; what is packed
// comes out again. The first byte chooses.
#include "protocol/wire/compression.h"

#include "proxy/base/buffer.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 1 << 20 };

// How far it came: bytes made, until the end or the first lie.
static bool unpack(enum compression_kind kind, struct slice in, size_t piece, size_t room,
                   struct buffer *out)
{
    struct compression *compression = compression_create(kind, 0, false);
    struct slice given = SLICE_NONE;
    size_t used = 0, made = 0;
    bool is_good = true;
    do {
        if (given.len == 0) {
            given = slice_first(in, piece);
            in = slice_from(in, given.len);
        }
        uint8_t *at = buffer_reserve(out, room);
        is_good = compression_decode(compression, given, &used, at, room, &made);
        buffer_added(out, made);
        given = slice_from(given, is_good ? used : 0);
    } while (is_good && buffer_len(out) < MOST && (in.len > 0 || given.len > 0 || made == room));
    compression_destroy(compression);
    return is_good;
}

static void round_trip(enum compression_kind kind, struct slice plain, bool is_client)
{
    struct compression *compression = compression_create(kind, 0, is_client);
    struct buffer packed = BUFFER_INIT, again = BUFFER_INIT;
    struct slice parts[] = {slice_first(plain, plain.len / 3), slice_from(plain, plain.len / 3)};
    compression_encode(compression, parts, 2, &packed);
    bool is_good = unpack(kind, buffer_slice(&packed), 100, 1000, &again);
    assert(is_good && slice_equal(buffer_slice(&again), plain));
    buffer_release(&packed);
    buffer_release(&again);
    compression_destroy(compression);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer whole = BUFFER_INIT, cut = BUFFER_INIT;
    if (size == 0) {
        return 0;
    }
    enum compression_kind kind = data[0] & 1 ? COMPRESSION_ZLIB : COMPRESSION_ZSTD;
    struct slice bytes = slice_make(data + 1, size - 1);
    bool is_good = unpack(kind, bytes, size, 65536, &whole);
    bool is_good_too = unpack(kind, bytes, 1, 65536, &cut);
    assert(is_good == is_good_too || buffer_len(&whole) >= MOST || buffer_len(&cut) >= MOST);
    size_t len = buffer_len(&whole) < buffer_len(&cut) ? buffer_len(&whole) : buffer_len(&cut);
    assert(len == 0 || memcmp(buffer_ptr(&whole), buffer_ptr(&cut), len) == 0);
    round_trip(kind, bytes, (data[0] & 2) != 0);
    buffer_release(&whole);
    buffer_release(&cut);
    return 0;
}
