#include "protocol/wire/writer.h"

#include "protocol/wire/reader.h"

#include "tests/lib/cmocka.h"
#include "tests/unit/protocol/bytes.h"

static void assert_content(struct buffer *buf, const char *hex)
{
    struct slice expected = bytes_from_hex(hex);
    assert_int_equal(buffer_len(buf), expected.len);
    if (expected.len > 0) {
        assert_memory_equal(buffer_ptr(buf), expected.ptr, expected.len);
    }
    bytes_free(expected);
}

static void fields_are_written_as_they_are_read(void **state)
{
    (void)state;
    struct buffer buf = BUFFER_INIT;
    struct writer writer = writer_make(&buf, 0);
    writer_u8(&writer, 0x01);
    writer_u16(&writer, 0x0302);
    writer_u24(&writer, 0x060504);
    writer_u32(&writer, 0x0a090807);
    writer_u64(&writer, 0x1211100f0e0d0c0b);
    writer_slice(&writer, S("ab"));
    writer_lenenc_slice(&writer, S("cd"));
    writer_u8_slice(&writer, S("e"));
    writer_nul_slice(&writer, S("f"));
    writer_lenenc_slice_or_null(&writer, SLICE_NONE);
    writer_lenenc_slice_or_null(&writer, S(""));
    writer_fill(&writer, 0x7f, 3);
    writer_fill(&writer, 0x7f, 0);
    assert_false(writer_is_failed(&writer));
    assert_content(&buf, "01 0203 040506 0708090a 0b0c0d0e0f101112 6162 026364 0165 6600 fb 00 "
                         "7f7f7f");
    buffer_release(&buf);
}

static void length_encoded_numbers_take_their_shortest_form(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        size_t size;
    } CASES[] = {
        {0, 1},       {0xfa, 1},     {0xfb, 3},      {0xffff, 3},
        {0x10000, 4}, {0xffffff, 4}, {0x1000000, 9}, {UINT64_MAX, 9},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct buffer buf = BUFFER_INIT;
        struct writer writer = writer_make(&buf, 0);
        writer_lenenc(&writer, CASES[i].value);
        assert_int_equal(buffer_len(&buf), CASES[i].size);
        assert_int_equal(writer_lenenc_size(CASES[i].value), CASES[i].size);
        struct reader reader = reader_make(buffer_slice(&buf));
        assert_true(reader_lenenc(&reader) == CASES[i].value);
        assert_true(reader_is_done(&reader));
        buffer_release(&buf);
    }
}

static void a_value_too_large_for_its_field_fails_the_packet(void **state)
{
    (void)state;
    struct buffer buf = BUFFER_INIT;
    char long_text[256] = {0};
    memset(long_text, 'x', sizeof(long_text));

    struct writer writer = writer_make(&buf, 0);
    writer_u8_slice(&writer, slice_make(long_text, 255));
    assert_false(writer_is_failed(&writer));
    writer_u8_slice(&writer, slice_make(long_text, 256));
    assert_true(writer_is_failed(&writer));

    writer = writer_make(&buf, 0);
    writer_u24(&writer, 0xffffff);
    assert_false(writer_is_failed(&writer));
    writer_u24(&writer, 0x1000000);
    assert_true(writer_is_failed(&writer));

    writer = writer_make(&buf, 0);
    writer_nul_slice(&writer, S(""));
    assert_false(writer_is_failed(&writer));
    writer_nul_slice(&writer, S("a\0b"));
    assert_true(writer_is_failed(&writer));
    buffer_release(&buf);
}

static void packets_get_a_header_and_count_on(void **state)
{
    (void)state;
    struct buffer buf = BUFFER_INIT;
    struct writer writer = writer_make(&buf, 0xfe);
    for (int i = 0; i < 3; i++) {
        writer_packet_begin(&writer);
        writer_slice(&writer, slice_first(S("abc"), (size_t)i));
        assert_int_equal(writer_packet_len(&writer), i);
        assert_true(writer_packet_end(&writer));
    }
    assert_content(&buf, "000000fe 010000ff61 020000006162");
    assert_int_equal(writer.sequence, 1);
    buffer_release(&buf);
}

static void a_failed_packet_leaves_nothing_behind(void **state)
{
    (void)state;
    struct buffer buf = BUFFER_INIT;
    buffer_append(&buf, "kept", 4);
    struct writer writer = writer_make(&buf, 7);
    writer_packet_begin(&writer);
    writer_u32(&writer, 1);
    writer_fail(&writer);
    writer_u32(&writer, 1);
    assert_false(writer_packet_end(&writer));
    assert_content(&buf, "6b657074");
    assert_int_equal(writer.sequence, 7);

    writer_packet_begin(&writer);
    writer_u8(&writer, 9);
    assert_true(writer_packet_end(&writer));
    assert_content(&buf, "6b657074 01000007 09");
    buffer_release(&buf);
}

static void a_packet_may_open_behind_consumed_bytes(void **state)
{
    (void)state;
    struct buffer buf = BUFFER_INIT;
    buffer_append(&buf, "0123456789", 10);
    buffer_consume(&buf, 9);
    struct writer writer = writer_make(&buf, 0);
    writer_packet_begin(&writer);
    writer_fill(&writer, 1, 300); // makes the buffer move its content
    assert_true(writer_packet_end(&writer));
    assert_int_equal(buffer_len(&buf), 1 + 4 + 300);
    assert_memory_equal(buffer_ptr(&buf), "9\x2c\x01\0\0\1\1", 7);
    buffer_release(&buf);
}

// Position-dependent bytes, so that a chunk moved to the wrong place is seen.
static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 31 + i / 65536);
}

static void assert_frames(const struct buffer *buf, uint8_t sequence, size_t len)
{
    struct reader reader = reader_make(buffer_slice(buf));
    size_t at = 0;
    bool is_continued = true;
    while (is_continued) {
        struct frame frame = frame_read(reader_take(&reader, FRAME_HEADER_SIZE));
        assert_int_equal(frame.sequence, sequence++);
        struct slice chunk = reader_slice(&reader, frame.len);
        assert_false(reader_is_failed(&reader));
        for (size_t i = 0; i < chunk.len; i++) {
            if ((uint8_t)chunk.ptr[i] != pattern(at + i)) {
                fail_msg("byte %zu is wrong", at + i);
            }
        }
        at += chunk.len;
        is_continued = frame_is_continued(frame);
    }
    assert_int_equal(at, len);
    assert_true(reader_is_done(&reader));
}

static void large_payloads_are_cut_at_16_mib(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        size_t frames;
    } CASES[] = {
        {FRAME_PAYLOAD_MAX - 1, 1},         {FRAME_PAYLOAD_MAX, 2},
        {FRAME_PAYLOAD_MAX + 1, 2},         {2 * (size_t)FRAME_PAYLOAD_MAX - 1, 2},
        {2 * (size_t)FRAME_PAYLOAD_MAX, 3}, {2 * (size_t)FRAME_PAYLOAD_MAX + 5, 3},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        size_t len = CASES[i].len;
        struct buffer payload = BUFFER_INIT;
        uint8_t *bytes = buffer_reserve(&payload, len);
        for (size_t k = 0; k < len; k++) {
            bytes[k] = pattern(k);
        }
        buffer_added(&payload, len);
        assert_int_equal(frame_count(len), CASES[i].frames);

        struct buffer buf = BUFFER_INIT;
        struct writer writer = writer_make(&buf, 0xff);
        writer_packet_begin(&writer);
        writer_slice(&writer, buffer_slice(&payload));
        assert_true(writer_packet_end(&writer));
        assert_int_equal((uint8_t)(writer.sequence - 0xff), CASES[i].frames);
        assert_int_equal(buffer_len(&buf), len + CASES[i].frames * FRAME_HEADER_SIZE);
        assert_frames(&buf, 0xff, len);

        buffer_clear(&buf);
        writer = writer_make(&buf, 3);
        writer_packet(&writer, buffer_slice(&payload));
        assert_frames(&buf, 3, len);
        buffer_release(&buf);
        buffer_release(&payload);
    }
}

static void a_payload_at_hand_may_be_empty(void **state)
{
    (void)state;
    struct buffer buf = BUFFER_INIT;
    struct writer writer = writer_make(&buf, 2);
    writer_packet(&writer, SLICE_NONE);
    writer_packet(&writer, S("z"));
    assert_content(&buf, "00000002 01000003 7a");
    buffer_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_written_as_they_are_read),
        cmocka_unit_test(length_encoded_numbers_take_their_shortest_form),
        cmocka_unit_test(a_value_too_large_for_its_field_fails_the_packet),
        cmocka_unit_test(packets_get_a_header_and_count_on),
        cmocka_unit_test(a_failed_packet_leaves_nothing_behind),
        cmocka_unit_test(a_packet_may_open_behind_consumed_bytes),
        cmocka_unit_test(large_payloads_are_cut_at_16_mib),
        cmocka_unit_test(a_payload_at_hand_may_be_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
