// Compressed frames: whatever one end packs the other unpacks, cut anywhere; and frames that lie.
#include "protocol/wire/compression.h"
#include "protocol/wire/writer.h"

#include "proxy/base/memory.h"
#include "proxy/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

// Feeds `in` in pieces of at most `piece` bytes and takes at most `room` bytes at a time.
static bool unpack_all(struct compression *compression, struct slice in, size_t piece, size_t room,
                       struct buffer *out)
{
    struct slice given = SLICE_NONE;
    size_t used, made;
    do {
        if (given.len == 0) {
            given = slice_first(in, piece);
            in = slice_from(in, given.len);
        }
        uint8_t *at = buffer_reserve(out, room);
        if (!compression_decode(compression, given, &used, at, room, &made)) {
            return false;
        }
        assert_true(used <= given.len && made <= room);
        buffer_added(out, made);
        given = slice_from(given, used);
        assert_true(made == room || given.len == 0);
    } while (in.len > 0 || given.len > 0 || made == room);
    return true;
}

static void assert_unpacks(enum compression_kind kind, struct slice packed, struct slice plain,
                           size_t piece, size_t room)
{
    struct compression *compression = compression_create(kind, 0, false);
    struct buffer out = BUFFER_INIT;
    assert_true(unpack_all(compression, packed, piece, room, &out));
    assert_true(slice_equal(buffer_slice(&out), plain));
    buffer_release(&out);
    compression_destroy(compression);
}

static void fill(struct buffer *buf, size_t len, bool is_random)
{
    uint8_t *at = buffer_reserve(buf, len);
    for (size_t i = 0; i < len; i++) {
        at[i] = is_random ? (uint8_t)random_below(256) : (uint8_t)(i / 100);
    }
    buffer_added(buf, len);
}

static void what_is_packed_is_unpacked(void **state)
{
    static const size_t sizes[] = {1, 49, 50, 51, 1000, 65535, 65536, 65537, 300000, 17000000};
    static const size_t pieces[] = {1, 7, 1000, 1 << 20};
    (void)state;
    random_seed(99);
    for (int kind = COMPRESSION_ZLIB; kind <= COMPRESSION_ZSTD; kind++) {
        for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
            struct compression *compression =
                compression_create((enum compression_kind)kind, 0, false);
            struct buffer plain = BUFFER_INIT, packed = BUFFER_INIT;
            fill(&plain, sizes[i / 2], i % 2 == 1);
            struct slice whole = buffer_slice(&plain);
            compression_encode(compression, &whole, 1, &packed);
            for (size_t p = 0; p < 4; p++) {
                if (whole.len < 400000 || pieces[p] > 100) {
                    size_t room = pieces[3 - p] < 5 ? 5 : pieces[3 - p];
                    assert_unpacks((enum compression_kind)kind, buffer_slice(&packed), whole,
                                   pieces[p], whole.len < 400000 ? room : 65536);
                }
            }
            buffer_release(&plain);
            buffer_release(&packed);
            compression_destroy(compression);
        }
    }
}

static void short_payloads_are_stored(void **state)
{
    struct compression *compression = compression_create(COMPRESSION_ZLIB, 0, false);
    struct buffer packed = BUFFER_INIT;
    struct slice parts[] = {SLICE_INIT("\1\0\0\1"), SLICE_INIT("\x00")};
    (void)state;
    compression_turn(compression);
    compression_encode(compression, parts, 2, &packed);
    assert_true(slice_equal(buffer_slice(&packed), S("\5\0\0\1\0\0\0\1\0\0\1\0")));
    buffer_release(&packed);
    compression_destroy(compression);
}

// The manual's example: an OK packet of 32 bytes, then a query that shrinks.
static void a_captured_frame_is_understood(void **state)
{
    static const char query[] =
        "\x22\x00\x00\x00\x32\x00\x00\x78\x9c\xd3\x63\x60\x60\x60\x2e\x4e\xcd\x49\x4d\x2e\x51"
        "\x50\x32\x30\x34\x32\x36\x31\x35\x33\xb7\xb0\xc4\xcd\x52\x02\x00\x0c\xd1\x0a\x6c";
    static const char plain[] = "\x2e\0\0\0\3select \"012345678901234567890123456789012345\"";
    (void)state;
    for (size_t piece = 1; piece < sizeof(query); piece++) {
        assert_unpacks(COMPRESSION_ZLIB, slice_make(query, sizeof(query) - 1),
                       slice_make(plain, sizeof(plain) - 1), piece, 7);
    }
}

// --- frames that lie -----------------------------------------------------------------------------

static void frame_write_packed(struct buffer *out, size_t len, size_t packed_len, size_t plain_len)
{
    struct buffer plain = BUFFER_INIT;
    fill(&plain, len, false);
    uLongf n = compressBound(len);
    uint8_t *bytes = mem_zero(1, n + 100);
    compress(bytes, &n, buffer_ptr(&plain), len);
    n = packed_len == 0 ? n : packed_len;
    struct writer writer = writer_make(out, 0);
    writer_u24(&writer, (uint32_t)n);
    writer_u8(&writer, 0);
    writer_u24(&writer, (uint32_t)plain_len);
    writer_slice(&writer, slice_make(bytes, n));
    mem_free(bytes);
    buffer_release(&plain);
}

static void assert_lie(struct slice packed)
{
    for (int kind = COMPRESSION_ZLIB; kind <= COMPRESSION_ZSTD; kind++) {
        for (size_t piece = 1; piece <= 4096; piece *= 16) {
            struct compression *compression =
                compression_create((enum compression_kind)kind, 0, false);
            struct buffer out = BUFFER_INIT;
            if (unpack_all(compression, packed, piece, 1 << 16, &out)) {
                fail_msg("kind %d, in pieces of %zu: %zu bytes of a frame for %u", kind, piece,
                         buffer_len(&out), frame_read((const uint8_t *)packed.ptr + 4).len);
            }
            buffer_release(&out);
            compression_destroy(compression);
        }
    }
}

static void a_frame_that_gives_more_or_less_than_it_says_is_a_lie(void **state)
{
    struct buffer packed = BUFFER_INIT;
    (void)state;
    frame_write_packed(&packed, 10000, 0, 9999); // more
    assert_lie(buffer_slice(&packed));
    buffer_clear(&packed);
    frame_write_packed(&packed, 10000, 0, 10001); // less
    assert_lie(buffer_slice(&packed));
    buffer_clear(&packed);
    frame_write_packed(&packed, 10000, compressBound(10000) + 50, 10000); // and something behind
    assert_lie(buffer_slice(&packed));
    buffer_clear(&packed);
    frame_write_packed(&packed, 10000, 20, 10000); // cut short
    assert_lie(buffer_slice(&packed));
    buffer_release(&packed);
}

static void what_is_not_compressed_is_a_lie(void **state)
{
    (void)state;
    assert_lie(S("\5\0\0\0\1\0\0hello"));
    assert_lie(S("\0\0\0\0\1\0\0\0\0\0\0\0\0\0")); // nothing that comes to one byte
}

// 16 MiB of one byte in 16 KiB: never more at a time than there is room for.
static void a_bomb_goes_off_a_roomful_at_a_time(void **state)
{
    struct buffer packed = BUFFER_INIT;
    struct compression *compression = compression_create(COMPRESSION_ZLIB, 0, false);
    uint8_t *zeros = mem_zero(1, FRAME_PAYLOAD_MAX);
    uLongf n = compressBound(FRAME_PAYLOAD_MAX);
    uint8_t *bytes = mem_zero(1, n);
    (void)state;
    compress(bytes, &n, zeros, FRAME_PAYLOAD_MAX);
    struct writer writer = writer_make(&packed, 0);
    writer_u24(&writer, (uint32_t)n);
    writer_u8(&writer, 0);
    writer_u24(&writer, FRAME_PAYLOAD_MAX);
    writer_slice(&writer, slice_make(bytes, n));
    uint8_t room[4096];
    size_t used, made, total = 0;
    struct slice in = buffer_slice(&packed);
    do {
        assert_true(compression_decode(compression, in, &used, room, sizeof(room), &made));
        in = slice_from(in, used);
        total += made;
    } while (made == sizeof(room));
    assert_int_equal(total, FRAME_PAYLOAD_MAX);
    mem_free(zeros);
    mem_free(bytes);
    buffer_release(&packed);
    compression_destroy(compression);
}

static void empty_frames_are_nothing(void **state)
{
    (void)state;
    assert_unpacks(COMPRESSION_ZLIB, S("\0\0\0\0\0\0\0\2\0\0\1\0\0\0hi\0\0\0\2\0\0\0"), S("hi"), 3,
                   10);
}

// --- numbers -------------------------------------------------------------------------------------

// The sequence ids of the frames.
static size_t ids_of(struct slice packed, uint8_t ids[16])
{
    size_t count = 0;
    while (packed.len > 0) {
        struct frame frame = frame_read((const uint8_t *)packed.ptr);
        ids[count++] = frame.sequence;
        packed = slice_from(packed, COMPRESSION_HEADER_SIZE + frame.len);
    }
    return count;
}

// Commands that are sent in one go are frames of their own, each numbered 0.
static void each_command_of_a_client_begins_a_frame_of_its_own(void **state)
{
    struct compression *compression = compression_create(COMPRESSION_ZLIB, 0, true);
    struct buffer packed = BUFFER_INIT;
    struct slice three = S("\1\0\0\0\x1f\2\0\0\0\3x\1\0\0\0\x0e");
    uint8_t ids[16];
    (void)state;
    compression_encode(compression, &three, 1, &packed);
    assert_int_equal(ids_of(buffer_slice(&packed), ids), 3);
    assert_int_equal(ids[0] | ids[1] | ids[2], 0);
    buffer_release(&packed);
    compression_destroy(compression);
}

// A file in 300 packets, whose ids pass 255: the frames are numbered on.
static void an_upload_is_numbered_through(void **state)
{
    struct compression *compression = compression_create(COMPRESSION_ZLIB, 0, true);
    struct buffer packed = BUFFER_INIT, one = BUFFER_INIT, made = BUFFER_INIT;
    (void)state;
    struct slice command = S("\1\0\0\0\3");
    compression_encode(compression, &command, 1, &packed);
    assert_true(unpack_all(compression, S("\5\0\0\1\0\0\0\1\0\0\1\xfb"), 100, 100, &made));
    for (int i = 2; i < 302; i++) {
        struct writer writer = writer_make(&one, (uint8_t)i);
        buffer_clear(&one);
        writer_packet(&writer, i < 301 ? S("some bytes") : SLICE_NONE);
        struct slice bytes = buffer_slice(&one);
        buffer_clear(&packed);
        compression_encode(compression, &bytes, 1, &packed);
        assert_int_equal(frame_read(buffer_ptr(&packed)).sequence, i & 255);
    }
    buffer_release(&packed);
    buffer_release(&one);
    buffer_release(&made);
    compression_destroy(compression);
}

static void answers_are_numbered_behind_what_they_answer(void **state)
{
    struct compression *compression = compression_create(COMPRESSION_ZLIB, 0, false);
    struct buffer packed = BUFFER_INIT, out = BUFFER_INIT;
    struct slice answer = S("\1\0\0\1\0");
    uint8_t ids[16];
    (void)state;
    for (int round = 0; round < 3; round++) {
        assert_true(unpack_all(compression, S("\5\0\0\4\0\0\0\1\0\0\0\x0e"), 100, 100, &out));
        compression_turn(compression);
        buffer_clear(&packed);
        compression_encode(compression, &answer, 1, &packed);
        compression_encode(compression, &answer, 1, &packed);
        assert_int_equal(ids_of(buffer_slice(&packed), ids), 2);
        assert_int_equal(ids[0], 5);
        assert_int_equal(ids[1], 6);
    }
    buffer_release(&packed);
    buffer_release(&out);
    compression_destroy(compression);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_is_unpacked),
        cmocka_unit_test(short_payloads_are_stored),
        cmocka_unit_test(a_captured_frame_is_understood),
        cmocka_unit_test(a_frame_that_gives_more_or_less_than_it_says_is_a_lie),
        cmocka_unit_test(what_is_not_compressed_is_a_lie),
        cmocka_unit_test(a_bomb_goes_off_a_roomful_at_a_time),
        cmocka_unit_test(empty_frames_are_nothing),
        cmocka_unit_test(each_command_of_a_client_begins_a_frame_of_its_own),
        cmocka_unit_test(an_upload_is_numbered_through),
        cmocka_unit_test(answers_are_numbered_behind_what_they_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
