#include "protocol/wire/reader.h"

#include "tests/lib/cmocka.h"
#include "tests/unit/protocol/bytes.h"

// A field that takes `size` bytes is read from just so many, and fails on one less, which empties
// the reader and makes what follows zero.
#define assert_field_size(read, size)                                                              \
    do {                                                                                           \
        for (size_t len_ = 0; len_ <= (size) + 1; len_++) {                                        \
            struct slice bytes_ =                                                                  \
                bytes_copy(slice_first(S("\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"), len_));            \
            struct reader reader = reader_make(bytes_);                                            \
            (void)(read);                                                                          \
            assert_int_equal(reader_is_failed(&reader), len_ < (size));                            \
            assert_int_equal(reader_left(&reader), len_ < (size) ? 0 : len_ - (size));             \
            assert_int_equal(reader_is_done(&reader), len_ == (size));                             \
            if (len_ < (size)) {                                                                   \
                assert_int_equal(reader_u8(&reader), 0);                                           \
                assert_int_equal(reader_rest(&reader).len, 0);                                     \
                assert_true(reader_is_failed(&reader));                                            \
            }                                                                                      \
            bytes_free(bytes_);                                                                    \
        }                                                                                          \
    } while (false)

static void every_field_reads_its_last_byte_and_none_past_it(void **state)
{
    (void)state;
    assert_field_size(reader_u8(&reader), 1);
    assert_field_size(reader_u16(&reader), 2);
    assert_field_size(reader_u24(&reader), 3);
    assert_field_size(reader_u32(&reader), 4);
    assert_field_size(reader_u64(&reader), 8);
    assert_field_size(reader_lenenc(&reader), 1);
    assert_field_size(reader_lenenc_slice(&reader).len, 2);
    assert_field_size(reader_lenenc_slice_or_null(&reader).len, 2);
    assert_field_size(reader_u8_slice(&reader).len, 2);
    assert_field_size(reader_slice(&reader, 5).len, 5);
    assert_field_size(reader_take(&reader, 5), 5);
    assert_field_size((reader_skip(&reader, 7), 0), 7);
    assert_field_size((reader_u16(&reader), reader_u32(&reader)), 6);
}

static void numbers_are_little_endian(void **state)
{
    (void)state;
    struct reader reader = reader_make(S("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e"
                                         "\xf1\xf2\xf3\xf4"));
    assert_int_equal(reader_u8(&reader), 0x01);
    assert_int_equal(reader_u16(&reader), 0x0302);
    assert_int_equal(reader_u24(&reader), 0x060504);
    assert_true(reader_u64(&reader) == 0x0e0d0c0b0a090807);
    assert_true(reader_u32(&reader) == 0xf4f3f2f1);
    assert_true(reader_is_done(&reader));
}

static void length_encoded_numbers_have_four_forms(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        uint64_t value;
    } CASES[] = {
        {"00", 0},
        {"fa", 0xfa},
        {"fc fb00", 0xfb},
        {"fc ffff", 0xffff},
        {"fd 000001", 0x10000},
        {"fd ffffff", 0xffffff},
        {"fe 0000000100000000", 0x1000000},
        {"fe ffffffffffffffff", UINT64_MAX},
        {"fc 0000", 0}, // longer than it need be
        {"fe 0100000000000000", 1},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct slice bytes = bytes_from_hex(CASES[i].hex);
        struct reader reader = reader_make(bytes);
        assert_true(reader_lenenc(&reader) == CASES[i].value);
        assert_true(reader_is_done(&reader));
        for (size_t len = 0; len < bytes.len; len++) {
            struct slice cut = bytes_copy(slice_first(bytes, len));
            reader = reader_make(cut);
            assert_int_equal(reader_lenenc(&reader), 0);
            assert_true(reader_is_failed(&reader));
            bytes_free(cut);
        }
        bytes_free(bytes);
    }
}

static void null_and_bad_are_no_numbers(void **state)
{
    (void)state;
    struct reader reader = reader_make(S("\xfb\0\0\0\0\0\0\0\0"));
    assert_int_equal(reader_lenenc(&reader), 0);
    assert_true(reader_is_failed(&reader));
    reader = reader_make(S("\xff\0\0\0\0\0\0\0\0"));
    assert_int_equal(reader_lenenc(&reader), 0);
    assert_true(reader_is_failed(&reader));
}

static void null_is_told_from_empty_by_its_pointer(void **state)
{
    (void)state;
    struct reader reader = reader_make(S("\xfb\0\1x\xff"));
    assert_null(reader_lenenc_slice_or_null(&reader).ptr);
    struct slice empty = reader_lenenc_slice_or_null(&reader);
    assert_non_null(empty.ptr);
    assert_int_equal(empty.len, 0);
    assert_true(slice_equal(reader_lenenc_slice_or_null(&reader), S("x")));
    assert_false(reader_is_failed(&reader));
    assert_int_equal(reader_lenenc_slice_or_null(&reader).len, 0);
    assert_true(reader_is_failed(&reader));
}

static void a_length_near_the_largest_number_does_not_wrap(void **state)
{
    (void)state;
    struct slice bytes = bytes_from_hex("fe ffffffffffffffff 61626364");
    struct reader reader = reader_make(bytes);
    assert_int_equal(reader_lenenc_slice(&reader).len, 0);
    assert_true(reader_is_failed(&reader));
    reader = reader_make(bytes);
    reader_skip(&reader, UINT64_MAX);
    assert_true(reader_is_failed(&reader));
    bytes_free(bytes);
}

static void a_text_ends_at_its_zero_byte(void **state)
{
    (void)state;
    struct reader reader = reader_make(S("ab\0\0c"));
    assert_true(slice_equal(reader_nul_slice(&reader), S("ab")));
    assert_int_equal(reader_nul_slice(&reader).len, 0);
    assert_false(reader_is_failed(&reader));
    assert_int_equal(reader_left(&reader), 1);
    assert_int_equal(reader_nul_slice(&reader).len, 0);
    assert_true(reader_is_failed(&reader));

    struct slice last = bytes_copy(slice_make("x", 2));
    reader = reader_make(last);
    assert_true(slice_equal(reader_nul_slice(&reader), S("x")));
    assert_true(reader_is_done(&reader));
    bytes_free(last);
}

static void looking_ahead_reads_nothing(void **state)
{
    (void)state;
    struct reader reader = reader_make(S("\xfe"));
    assert_int_equal(reader_peek(&reader), 0xfe);
    assert_int_equal(reader_left(&reader), 1);
    reader_skip(&reader, 1);
    assert_int_equal(reader_peek(&reader), -1);
    assert_false(reader_is_failed(&reader));
}

static void the_rest_may_be_empty(void **state)
{
    (void)state;
    struct reader reader = reader_make(S("abc"));
    assert_true(slice_equal(reader_rest(&reader), S("abc")));
    assert_int_equal(reader_rest(&reader).len, 0);
    assert_true(reader_is_done(&reader));
    reader = reader_make(SLICE_NONE);
    assert_int_equal(reader_rest(&reader).len, 0);
    assert_int_equal(reader_slice(&reader, 0).len, 0);
    assert_true(reader_is_done(&reader));
}

static void a_decoder_may_fail_the_reader_itself(void **state)
{
    (void)state;
    struct reader reader = reader_make(S("abc"));
    reader_fail(&reader);
    assert_true(reader_is_failed(&reader));
    assert_int_equal(reader_left(&reader), 0);
    assert_false(reader_is_done(&reader));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_reads_its_last_byte_and_none_past_it),
        cmocka_unit_test(numbers_are_little_endian),
        cmocka_unit_test(length_encoded_numbers_have_four_forms),
        cmocka_unit_test(null_and_bad_are_no_numbers),
        cmocka_unit_test(null_is_told_from_empty_by_its_pointer),
        cmocka_unit_test(a_length_near_the_largest_number_does_not_wrap),
        cmocka_unit_test(a_text_ends_at_its_zero_byte),
        cmocka_unit_test(looking_ahead_reads_nothing),
        cmocka_unit_test(the_rest_may_be_empty),
        cmocka_unit_test(a_decoder_may_fail_the_reader_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
