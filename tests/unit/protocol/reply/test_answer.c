#include "protocol/reply/answer.h"

#include "tests/lib/cmocka.h"
#include "tests/unit/protocol/captured.h"

enum { VALUES_MAX = 16 };

static void a_result_is_read_row_by_row(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"E_NULLS", "D_NULLS"};
    for (size_t i = 0; i < 2; i++) {
        const struct captured *row = captured_find(NAMES[i]);
        struct slice bytes = bytes_from_hex(row->answer);
        struct slice values[VALUES_MAX];
        struct answer answer;
        assert_true(answer_open(&answer, bytes, row->capabilities));
        assert_int_equal(answer.columns, 4);
        assert_true(answer_row(&answer, values));
        assert_null(values[0].ptr);
        assert_true(slice_equal(values[1], S("x")));
        assert_non_null(values[2].ptr);
        assert_int_equal(values[2].len, 0);
        assert_true(answer_row(&answer, values));
        assert_true(slice_equal(values[3], S("c")));
        assert_false(answer_row(&answer, values));
        assert_false(answer_row(&answer, values)); // and stays so
        assert_false(answer.failed);
        assert_int_equal(answer.err.code, 0);
        assert_int_equal(answer.ok.status, 0x0002);
        assert_true(reader_is_done(&answer.frames));
        bytes_free(bytes);
    }
}

static void columns_are_found_by_name(void **state)
{
    (void)state;
    struct slice bytes = captured_answer("D_NULLS");
    struct answer answer;
    struct column column;
    assert_true(answer_open(&answer, bytes, CAPTURED));
    assert_int_equal(answer_column(&answer, S("x")), 1);
    assert_int_equal(answer_column(&answer, S("X")), 1);
    assert_int_equal(answer_column(&answer, S("null")), 0);
    assert_int_equal(answer_column(&answer, S("nowhere")), answer.columns);
    assert_true(answer_definition(&answer, 1, &column));
    assert_true(slice_equal(column.name, S("x")));
    assert_false(answer_definition(&answer, 4, &column));
    bytes_free(bytes);
}

static void an_ok_has_no_columns(void **state)
{
    (void)state;
    struct slice bytes = captured_answer("D_UPDATE");
    struct slice values[VALUES_MAX];
    struct answer answer;
    assert_true(answer_open(&answer, bytes, CAPTURED));
    assert_int_equal(answer.columns, 0);
    assert_int_equal(answer.ok.affected_rows, 2);
    assert_false(answer_row(&answer, values));
    assert_int_equal(answer_column(&answer, S("x")), 0);
    bytes_free(bytes);
}

static void an_error_ends_it_at_once_or_after_rows(void **state)
{
    (void)state;
    struct slice bytes = captured_answer("D_ERR");
    struct slice values[VALUES_MAX];
    struct answer answer;
    assert_false(answer_open(&answer, bytes, CAPTURED));
    assert_int_equal(answer.err.code, 1054);
    assert_false(answer.failed);
    bytes_free(bytes);

    bytes = captured_answer("E_MIDERR");
    assert_true(answer_open(&answer, bytes, CAPTURED_EOF));
    assert_true(answer_row(&answer, values));
    assert_true(answer_row(&answer, values));
    assert_false(answer_row(&answer, values));
    assert_int_equal(answer.err.code, 1242);
    assert_false(answer.failed);
    bytes_free(bytes);
}

// However it is cut, it is not taken for a whole answer.
static void an_answer_cut_short_fails(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"E_NULLS", "D_NULLS", "D_ERR", "D_UPDATE"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        const struct captured *row = captured_find(NAMES[i]);
        struct slice bytes = bytes_from_hex(row->answer);
        for (size_t len = 0; len < bytes.len; len++) {
            struct slice cut = bytes_copy(slice_first(bytes, len));
            struct slice values[VALUES_MAX];
            struct answer answer;
            if (answer_open(&answer, cut, row->capabilities)) {
                while (answer_row(&answer, values)) {
                }
            }
            if (!answer.failed) {
                fail_msg("%s: %zu of %zu bytes were enough", row->name, len, bytes.len);
            }
            bytes_free(cut);
        }
        bytes_free(bytes);
    }
}

static void what_is_no_answer_fails(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "00000001",                                      // empty
        "01000001 00",                                   // half an OK
        "03000001 fb2f78",                               // a file is wanted
        "01000001 fe",                                   // no first packet
        "01000001 01 01000002 03",                       // half a result
        "01000001 01 02000002 0364 05000003 ff00000000", // an error with code 0
    };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct slice bytes = bytes_from_hex(BAD[i]);
        struct slice values[VALUES_MAX];
        struct answer answer;
        if (answer_open(&answer, bytes, CAPTURED)) {
            assert_false(answer_row(&answer, values));
        }
        assert_true(answer.failed);
        bytes_free(bytes);
    }
}

static void a_result_without_definitions_is_not_read(void **state)
{
    (void)state;
    const struct captured *row = captured_find("M_EXEC2");
    struct slice bytes = bytes_from_hex(row->answer);
    struct answer answer;
    assert_false(answer_open(&answer, bytes, row->capabilities));
    assert_true(answer.failed);
    assert_int_equal(answer.columns, 0);
    bytes_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_is_read_row_by_row),
        cmocka_unit_test(columns_are_found_by_name),
        cmocka_unit_test(an_ok_has_no_columns),
        cmocka_unit_test(an_error_ends_it_at_once_or_after_rows),
        cmocka_unit_test(an_answer_cut_short_fails),
        cmocka_unit_test(what_is_no_answer_fails),
        cmocka_unit_test(a_result_without_definitions_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
