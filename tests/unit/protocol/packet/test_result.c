// Result sets: columns, rows in text and in binary, and writing whole ones as a server does.
#include "protocol/packet/result_writer.h"

#include "protocol/packet/binary_row.h"
#include "protocol/packet/result_header.h"
#include "protocol/packet/text_row.h"

#include "tests/lib/cmocka.h"
#include "tests/unit/protocol/captured.h"

enum { COLUMNS_MAX = 8, ROWS_MAX = 8 };

// A captured result, read.
struct result {
    struct slice frames;
    size_t count;
    struct column columns[COLUMNS_MAX];
    size_t rows;
    struct slice values[ROWS_MAX][COLUMNS_MAX];
};

static void result_read(struct result *result, const char *name, bool is_binary)
{
    const struct captured *row = captured_find(name);
    bool has_eof = !capability_has(row->capabilities, CAPABILITY_DEPRECATE_EOF);
    struct result_header header;

    *result = (struct result){.frames = bytes_from_hex(row->answer)};
    assert_true(result_header_decode(&header, bytes_payload(result->frames, 0), row->capabilities));
    result->count = header.columns;
    for (size_t i = 0; i < result->count; i++) {
        assert_true(column_decode(&result->columns[i], bytes_payload(result->frames, 1 + i),
                                  row->capabilities));
    }
    for (size_t frame = 1 + result->count + has_eof;; frame++) {
        struct slice payload = bytes_payload(result->frames, frame);
        if ((uint8_t)payload.ptr[0] == 0xfe) {
            return;
        }
        struct slice *values = result->values[result->rows++];
        assert_true(is_binary ? binary_row_decode(values, result->columns, result->count, payload)
                              : text_row_decode(values, result->count, payload));
    }
}

// Written again, it is the captured answer byte by byte.
static void assert_written_as_captured(const char *name, bool is_binary, uint16_t status,
                                       uint16_t warnings)
{
    const struct captured *row = captured_find(name);
    struct buffer out = BUFFER_INIT;
    struct writer writer = writer_make(&out, 1);
    struct result result;

    result_read(&result, name, is_binary);
    struct result_writer set = result_writer_make(&writer, row->capabilities);
    set.is_binary = is_binary;
    result_writer_begin(&set, result.columns, result.count, status);
    for (size_t i = 0; i < result.rows; i++) {
        result_writer_row(&set, result.values[i]);
    }
    assert_true(result_writer_end(&set, status, warnings));
    if (!slice_equal(buffer_slice(&out), result.frames)) {
        fail_msg("%s is written otherwise", name);
    }
    buffer_release(&out);
    bytes_free(result.frames);
}

static void results_are_written_as_a_server_writes_them(void **state)
{
    (void)state;
    assert_written_as_captured("E_SELECT1", false, 0x0002, 0);
    assert_written_as_captured("D_SELECT1", false, 0x0002, 0);
    assert_written_as_captured("E_NULLS", false, 0x0002, 0);
    assert_written_as_captured("D_NULLS", false, 0x0002, 0);
    assert_written_as_captured("D_EMPTY", false, 0x0002, 0);
    assert_written_as_captured("D_BIGVAL", false, 0x0002, 0);
    assert_written_as_captured("E_EXEC", true, 0x0022, 0);
    assert_written_as_captured("D_EXEC", true, 0x0022, 0);
    assert_written_as_captured("X_JSON2", false, 0x0022, 0);
}

static void columns_say_what_they_are(void **state)
{
    (void)state;
    struct result result;
    result_read(&result, "D_EXEC", true);
    assert_int_equal(result.count, 7);
    static const struct {
        const char *name;
        enum type type;
        uint16_t flags;
    } COLUMNS[] = {
        {"id", TYPE_LONG, 0x4203},  {"a", TYPE_VAR_STRING, 0}, {"b", TYPE_LONGLONG, 0x20},
        {"c", TYPE_DATETIME, 0x80}, {"d", TYPE_DOUBLE, 0},     {"e", TYPE_TIME, 0x80},
        {"f", TYPE_BLOB, 0x90},
    };
    for (size_t i = 0; i < result.count; i++) {
        assert_true(slice_equal(result.columns[i].name, slice_text(COLUMNS[i].name)));
        assert_true(slice_equal(result.columns[i].org_name, slice_text(COLUMNS[i].name)));
        assert_true(slice_equal(result.columns[i].schema, S("shop")));
        assert_true(slice_equal(result.columns[i].org_table, S("t")));
        assert_int_equal(result.columns[i].type, COLUMNS[i].type);
        assert_int_equal(result.columns[i].flags, COLUMNS[i].flags);
        assert_false(result.columns[i].has_default);
    }
    assert_true((result.columns[0].flags & COLUMN_PRIMARY_KEY) != 0);
    assert_int_equal(result.columns[5].decimals, 6);
    assert_int_equal(result.columns[6].collation, COLUMN_BYTES);
    bytes_free(result.frames);
}

static void binary_values_have_the_width_of_their_type(void **state)
{
    (void)state;
    struct result result;
    result_read(&result, "D_EXEC", true);
    assert_int_equal(result.rows, 2);
    const struct slice *row = result.values[0];
    assert_int_equal(value_integer(TYPE_LONG, false, row[0]), 1);
    assert_true(slice_equal(row[1], S("y")));
    assert_true((uint64_t)value_integer(TYPE_LONGLONG, true, row[2]) == UINT64_MAX);
    assert_int_equal(row[3].len, 7);
    assert_int_equal(row[4].len, 8);
    assert_int_equal(row[5].len, 12);
    assert_int_equal(row[6].len, 2);
    row = result.values[1];
    assert_int_equal(value_integer(TYPE_LONG, false, row[0]), 2);
    for (size_t i = 2; i < result.count; i++) {
        assert_null(row[i].ptr);
    }
    bytes_free(result.frames);
}

static void defaults_come_with_the_list_of_fields(void **state)
{
    (void)state;
    struct slice frames = captured_answer("D_FIELDLIST2");
    struct column column;
    assert_true(column_decode(&column, bytes_payload(frames, 0), CAPTURED));
    assert_true(column.has_default);
    assert_true(slice_equal(column.default_value, S("0")));
    assert_true(column_decode(&column, bytes_payload(frames, 1), CAPTURED));
    assert_true(column.has_default);
    assert_null(column.default_value.ptr);
    bytes_free(frames);
}

static void extended_types_name_what_mysql_types_cannot(void **state)
{
    (void)state;
    struct slice frames = captured_answer("X_JSON2");
    uint64_t capabilities = CAPTURED | CAPABILITY_MARIADB_EXTENDED_TYPES;
    struct column column;
    assert_true(column_decode(&column, bytes_payload(frames, 1), capabilities));
    assert_true(slice_equal(column.extended, S("\1\4json")));
    assert_true(column_decode(&column, bytes_payload(frames, 2), capabilities));
    assert_true(slice_equal(column.extended, slice_make("\0\5inet6", 7)));
    assert_true(column_decode(&column, bytes_payload(frames, 5), capabilities));
    assert_int_equal(column.extended.len, 0);
    assert_int_equal(column.type, TYPE_LONG);
    bytes_free(frames);
}

static void a_column_with_too_few_fields_is_refused(void **state)
{
    (void)state;
    struct slice payload = bytes_from_hex("03646566 00 00 00 00 00 0b 3f00 01000000 03 8100 00 00");
    struct column column;
    assert_false(column_decode(&column, payload, CAPTURED));
    bytes_free(payload);
}

static void rows_with_values_too_few_or_too_many_are_refused(void **state)
{
    (void)state;
    static const struct column COLUMNS[3] = {
        {.type = TYPE_TINY}, {.type = TYPE_TINY}, {.type = TYPE_TINY}};
    struct slice values[3];
    struct slice text = bytes_from_hex("0161 fb");
    assert_true(text_row_decode(values, 2, text));
    assert_true(slice_equal(values[0], S("a")));
    assert_null(values[1].ptr);
    assert_false(text_row_decode(values, 1, text));
    assert_false(text_row_decode(values, 3, text));
    bytes_free(text);

    struct slice binary = bytes_from_hex("00 00 07 08");
    assert_true(binary_row_decode(values, COLUMNS, 2, binary));
    assert_int_equal(value_integer(TYPE_TINY, false, values[0]), 7);
    assert_int_equal(value_integer(TYPE_TINY, false, values[1]), 8);
    assert_false(binary_row_decode(values, COLUMNS, 1, binary));
    assert_false(binary_row_decode(values, COLUMNS, 3, binary));
    ((uint8_t *)binary.ptr)[0] = 1;
    assert_false(binary_row_decode(values, COLUMNS, 2, binary));
    bytes_free(binary);
}

static void nulls_have_their_bit_wherever_they_stand(void **state)
{
    (void)state;
    enum { COUNT = 20 };
    struct column columns[COUNT];
    struct slice values[COUNT];
    for (size_t null = 0; null < COUNT; null++) {
        for (size_t i = 0; i < COUNT; i++) {
            columns[i] = (struct column){.type = TYPE_VAR_STRING};
            values[i] = i == null ? SLICE_NONE : S("");
        }
        struct buffer out = BUFFER_INIT;
        struct writer writer = writer_make(&out, 0);
        binary_row_encode(values, columns, COUNT, &writer);
        assert_int_equal(buffer_len(&out), 1 + (COUNT + 9) / 8 + COUNT - 1);
        assert_int_equal(buffer_ptr(&out)[1 + (null + 2) / 8], 1 << (null + 2) % 8);
        assert_true(binary_row_decode(values, columns, COUNT, buffer_slice(&out)));
        for (size_t i = 0; i < COUNT; i++) {
            assert_int_equal(values[i].ptr == NULL, i == null);
        }
        buffer_release(&out);
    }
}

static void a_value_of_the_wrong_width_makes_the_result_unusable(void **state)
{
    (void)state;
    static const struct column COLUMN = {.type = TYPE_LONG};
    struct slice value = S("123");
    struct buffer out = BUFFER_INIT;
    struct writer writer = writer_make(&out, 1);
    struct result_writer set = result_writer_make(&writer, CAPTURED);
    set.is_binary = true;
    result_writer_begin(&set, &COLUMN, 1, 0);
    result_writer_row(&set, &value);
    assert_false(result_writer_end(&set, 0, 0));

    set = result_writer_make(&writer, CAPTURED);
    result_writer_begin(&set, &COLUMN, 0, 0); // no columns
    assert_false(result_writer_end(&set, 0, 0));
    buffer_release(&out);
}

static void integers_are_sign_extended(void **state)
{
    (void)state;
    static const struct {
        enum type type;
        const char *hex;
        int64_t with_sign;
        int64_t without;
    } CASES[] = {
        {TYPE_TINY, "ff", -1, 0xff},
        {TYPE_TINY, "7f", 0x7f, 0x7f},
        {TYPE_SHORT, "0080", INT16_MIN, 0x8000},
        {TYPE_YEAR, "ea07", 2026, 2026},
        {TYPE_INT24, "000080ff", -0x800000, 0xff800000},
        {TYPE_LONG, "ffffffff", -1, 0xffffffff},
        {TYPE_LONGLONG, "feffffffffffffff", -2, -2},
        {TYPE_DOUBLE, "000000000000f83f", 0, 0},
        {TYPE_VAR_STRING, "31", 0, 0},
        {TYPE_LONG, "ff", 0, 0},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct slice content = bytes_from_hex(CASES[i].hex);
        assert_true(value_integer(CASES[i].type, false, content) == CASES[i].with_sign);
        assert_true(value_integer(CASES[i].type, true, content) == CASES[i].without);
        bytes_free(content);
    }
}

// Types of later servers, and any other number, are taken for bytes, as servers take them.
static void unknown_types_are_bytes(void **state)
{
    (void)state;
    struct reader reader = reader_make(S("\3abc"));
    assert_int_equal(value_form(200), VALUE_FORM_BYTES);
    assert_true(slice_equal(value_read(&reader, 200), S("abc")));
    assert_int_equal(value_form(TYPE_VECTOR), VALUE_FORM_BYTES);
    assert_null(value_read(&reader, TYPE_NULL).ptr);
    assert_true(reader_is_done(&reader));
}

static void a_result_has_at_least_one_column_and_more_than_a_table_may(void **state)
{
    (void)state;
    struct result_header header;
    assert_false(result_header_decode(&header, slice_make("\0", 1), 0));
    assert_true(result_header_decode(&header, S("\1"), 0));
    assert_true(result_header_decode(&header, S("\xfc\xff\xff"), 0));
    assert_int_equal(header.columns, 65535);
    assert_true(result_header_decode(&header, slice_make("\xfd\xa1\x09\1", 4), 0));
    assert_int_equal(header.columns, 68001);
    assert_false(result_header_decode(&header, S("\xfd\xff\xff\xff"), 0));
    assert_false(result_header_decode(&header, S("\1\1"), 0));
    assert_true(result_header_decode(&header, S("\1\1"), CAPABILITY_OPTIONAL_METADATA));
    assert_true(header.has_definitions);
    assert_false(result_header_decode(&header, S("\1"), CAPABILITY_OPTIONAL_METADATA));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_written_as_a_server_writes_them),
        cmocka_unit_test(columns_say_what_they_are),
        cmocka_unit_test(binary_values_have_the_width_of_their_type),
        cmocka_unit_test(defaults_come_with_the_list_of_fields),
        cmocka_unit_test(extended_types_name_what_mysql_types_cannot),
        cmocka_unit_test(a_column_with_too_few_fields_is_refused),
        cmocka_unit_test(rows_with_values_too_few_or_too_many_are_refused),
        cmocka_unit_test(nulls_have_their_bit_wherever_they_stand),
        cmocka_unit_test(a_value_of_the_wrong_width_makes_the_result_unusable),
        cmocka_unit_test(integers_are_sign_extended),
        cmocka_unit_test(unknown_types_are_bytes),
        cmocka_unit_test(a_result_has_at_least_one_column_and_more_than_a_table_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
