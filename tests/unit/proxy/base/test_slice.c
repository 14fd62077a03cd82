#include "proxy/base/slice.h"

#include "proxy/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void assert_slice(struct slice s, const char *text)
{
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.len > 0 ? s.ptr : "", text, s.len);
}

static void equality_minds_length_and_bytes(void **state)
{
    (void)state;
    assert_true(slice_equal(S("abc"), slice_text("abc")));
    assert_false(slice_equal(S("abc"), S("abd")));
    assert_false(slice_equal(S("abc"), S("ab")));
    assert_false(slice_equal(S("a\0b"), S("a\0c")));
    assert_true(slice_equal(SLICE_NONE, S("")));
    assert_true(slice_equal(slice_text(NULL), S("")));
}

static void caseless_equality_folds_ascii_letters_only(void **state)
{
    (void)state;
    assert_true(slice_equal_nocase(S("Select @[`{"), S("sELECT @[`{")));
    // '@' and '`', '[' and '{' differ in the very bit that tells the cases of letters apart.
    assert_false(slice_equal_nocase(S("@"), S("`")));
    assert_false(slice_equal_nocase(S("["), S("{")));
    assert_false(slice_equal_nocase(S("\xc4"), S("\xe4")));
    assert_false(slice_equal_nocase(S("abc"), S("ABCD")));
    assert_true(slice_equal_nocase(SLICE_NONE, S("")));
}

static void a_start_may_be_all_of_the_text_and_no_more(void **state)
{
    (void)state;
    assert_true(slice_starts_nocase(S("SHOW TABLES"), S("show ")));
    assert_true(slice_starts_nocase(S("show"), S("SHOW")));
    assert_false(slice_starts_nocase(S("sho"), S("SHOW")));
    assert_true(slice_starts_nocase(S("x"), SLICE_NONE));
    assert_true(slice_starts_nocase(SLICE_NONE, SLICE_NONE));
}

static void order_is_by_bytes_then_by_length(void **state)
{
    (void)state;
    assert_true(slice_compare(S("a"), S("b")) < 0);
    assert_true(slice_compare(S("b"), S("a")) > 0);
    assert_true(slice_compare(S("a"), S("ab")) < 0);
    assert_true(slice_compare(S("ab"), S("a")) > 0);
    assert_true(slice_compare(S("\x7f"), S("\x80")) < 0);
    assert_int_equal(slice_compare(SLICE_NONE, S("")), 0);
    assert_int_equal(slice_compare(S("ab"), S("ab")), 0);
}

static void parts_stay_inside(void **state)
{
    (void)state;
    assert_slice(slice_first(S("abc"), 2), "ab");
    assert_slice(slice_first(S("abc"), 3), "abc");
    assert_slice(slice_first(S("abc"), 4), "abc");
    assert_slice(slice_first(S("abc"), SIZE_MAX), "abc");
    assert_slice(slice_from(S("abc"), 0), "abc");
    assert_slice(slice_from(S("abc"), 2), "c");
    assert_slice(slice_from(S("abc"), 3), "");
    assert_slice(slice_from(S("abc"), SIZE_MAX), "");
    assert_slice(slice_first(SLICE_NONE, 1), "");
    assert_slice(slice_from(SLICE_NONE, 0), "");
}

static void trim_takes_all_ascii_space_at_both_ends(void **state)
{
    (void)state;
    assert_slice(slice_trim(S(" \t\r\n\v\fa b\f\v\n\r\t ")), "a b");
    assert_slice(slice_trim(S("a")), "a");
    assert_slice(slice_trim(S(" \t ")), "");
    assert_slice(slice_trim(SLICE_NONE), "");
    // Below tab and above carriage return is no space, nor is a no-break space.
    assert_slice(slice_trim(S("\x08")), "\x08");
    assert_slice(slice_trim(S("\x0e")), "\x0e");
    assert_slice(slice_trim(S("\xa0")), "\xa0");
}

static void bytes_beyond_ascii_and_control_bytes_are_told(void **state)
{
    (void)state;
    assert_true(slice_is_ascii(S("")) && slice_is_printable(S("")));
    assert_true(slice_is_ascii(S(" a~")) && slice_is_printable(S(" a~")));
    assert_true(slice_is_ascii(S("a\x7f")) && slice_is_ascii(S("\n")));
    assert_false(slice_is_printable(S("a\x7f")) || slice_is_printable(S("\n")));
    assert_false(slice_is_ascii(S("\xC3\xBC")) || slice_is_printable(S("\xC3\xBC")));
}

static void the_length_of_parts_is_that_of_all(void **state)
{
    const struct slice parts[] = {S("ab"), SLICE_NONE, S("c")};
    (void)state;
    assert_int_equal(slices_len(parts, 3), 3);
    assert_int_equal(slices_len(parts, 0), 0);
}

static void find_gives_the_first_place_or_the_length(void **state)
{
    (void)state;
    assert_int_equal(slice_find(S("a,b,c"), ','), 1);
    assert_int_equal(slice_find(S(",a"), ','), 0);
    assert_int_equal(slice_find(S("ab,"), ','), 2);
    assert_int_equal(slice_find(S("abc"), ','), 3);
    assert_int_equal(slice_find(slice_first(S("ab,"), 2), ','), 2);
    assert_int_equal(slice_find(SLICE_NONE, ','), 0);
    assert_int_equal(slice_find_slice(S("xxabx"), S("ab")), 2);
    assert_int_equal(slice_find_slice(S("xxa"), S("ab")), 3);
    assert_int_equal(slice_find_slice(S("ab"), S("abc")), 2);
    assert_int_equal(slice_find_slice(S("ab"), SLICE_NONE), 0);
    assert_int_equal(slice_find_slice(SLICE_NONE, S("a")), 0);
}

static void cut_gives_every_part_the_empty_ones_too(void **state)
{
    (void)state;
    struct slice rest = S("a,,b,");
    struct slice part;

    assert_true(slice_cut(&rest, ',', &part));
    assert_slice(part, "a");
    assert_true(slice_cut(&rest, ',', &part));
    assert_slice(part, "");
    assert_true(slice_cut(&rest, ',', &part));
    assert_slice(part, "b");
    assert_true(slice_cut(&rest, ',', &part));
    assert_slice(part, "");
    assert_false(slice_cut(&rest, ',', &part));
    assert_false(slice_cut(&rest, ',', &part));

    rest = S("");
    assert_true(slice_cut(&rest, ',', &part));
    assert_slice(part, "");
    assert_false(slice_cut(&rest, ',', &part));
    rest = SLICE_NONE;
    assert_false(slice_cut(&rest, ',', &part));
}

static void unsigned_numbers_end_at_their_type(void **state)
{
    (void)state;
    uint64_t value = 7;
    assert_true(slice_to_u64(S("0"), &value));
    assert_true(value == 0);
    assert_true(slice_to_u64(S("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
    assert_true(slice_to_u64(S("00018446744073709551615"), &value));
    value = 7;
    const char *bad[] = {"",
                         "18446744073709551616",
                         "99999999999999999999",
                         "-1",
                         "+1",
                         " 1",
                         "1 ",
                         "1x",
                         "0x1",
                         ":",
                         "/"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(slice_to_u64(slice_text(bad[i]), &value));
    }
    assert_false(slice_to_u64(SLICE_NONE, &value));
    assert_true(value == 7);
}

static void signed_numbers_end_at_their_type(void **state)
{
    (void)state;
    int64_t value = 7;
    assert_true(slice_to_i64(S("-9223372036854775808"), &value));
    assert_true(value == INT64_MIN);
    assert_true(slice_to_i64(S("9223372036854775807"), &value));
    assert_true(value == INT64_MAX);
    assert_true(slice_to_i64(S("+5"), &value));
    assert_true(value == 5);
    assert_true(slice_to_i64(S("-0"), &value));
    assert_true(value == 0);
    const char *bad[] = {"",    "-",   "+", "9223372036854775808", "-9223372036854775809", "--1",
                         "-+1", "+-1", "1-"};
    value = 7;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(slice_to_i64(slice_text(bad[i]), &value));
    }
    assert_true(value == 7);
}

static void text_is_cut_at_its_room_and_says_so(void **state)
{
    (void)state;
    char out[4] = "zzz";
    assert_true(slice_to_text(S("abc"), out, sizeof(out)));
    assert_string_equal(out, "abc");
    assert_false(slice_to_text(S("abcd"), out, sizeof(out)));
    assert_string_equal(out, "abc");
    assert_true(slice_to_text(SLICE_NONE, out, 1));
    assert_string_equal(out, "");
    assert_false(slice_to_text(S("a"), out, 1));
    assert_string_equal(out, "");

    char *copy = slice_copy_text(slice_first(S("abc"), 2));
    assert_string_equal(copy, "ab");
    mem_free(copy);
    copy = slice_copy_text(SLICE_NONE);
    assert_string_equal(copy, "");
    mem_free(copy);

    char block[8], *at = block;
    struct slice first = slice_keep(&at, S("ab")), none = slice_keep(&at, SLICE_NONE);
    struct slice last = slice_keep(&at, S("cde"));
    assert_memory_equal(block, "abcde", 5);
    assert_true(first.ptr == block && first.len == 2);
    assert_true(none.ptr == block + 2 && none.len == 0);
    assert_true(last.ptr == block + 2 && last.len == 3);
    assert_ptr_equal(at, block + 5);
}

// Lengths around the block in which caseless hashing works.
static void caseless_hash_agrees_with_caseless_equality(void **state)
{
    (void)state;
    char upper[200];
    char lower[200];
    memset(upper, 'Q', sizeof(upper));
    memset(lower, 'q', sizeof(lower));
    for (size_t len = 0; len <= sizeof(upper); len++) {
        struct slice a = slice_make(upper, len);
        struct slice b = slice_make(lower, len);
        assert_true(slice_hash_nocase(a) == slice_hash_nocase(b));
        assert_true(slice_hash_nocase(b) == slice_hash(b));
        if (len > 0) {
            assert_true(slice_hash(a) != slice_hash(b));
            assert_true(slice_hash_nocase(b) != slice_hash_nocase(slice_first(b, len - 1)));
        }
    }
    assert_true(slice_hash(SLICE_NONE) == slice_hash(S("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equality_minds_length_and_bytes),
        cmocka_unit_test(caseless_equality_folds_ascii_letters_only),
        cmocka_unit_test(a_start_may_be_all_of_the_text_and_no_more),
        cmocka_unit_test(order_is_by_bytes_then_by_length),
        cmocka_unit_test(parts_stay_inside),
        cmocka_unit_test(trim_takes_all_ascii_space_at_both_ends),
        cmocka_unit_test(bytes_beyond_ascii_and_control_bytes_are_told),
        cmocka_unit_test(the_length_of_parts_is_that_of_all),
        cmocka_unit_test(find_gives_the_first_place_or_the_length),
        cmocka_unit_test(cut_gives_every_part_the_empty_ones_too),
        cmocka_unit_test(unsigned_numbers_end_at_their_type),
        cmocka_unit_test(signed_numbers_end_at_their_type),
        cmocka_unit_test(text_is_cut_at_its_room_and_says_so),
        cmocka_unit_test(caseless_hash_agrees_with_caseless_equality),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
