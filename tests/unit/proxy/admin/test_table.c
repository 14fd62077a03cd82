#include "proxy/admin/table.h"

#include "protocol/packet/column.h"
#include "protocol/packet/eof.h"
#include "protocol/packet/ok.h"
#include "protocol/packet/text_row.h"
#include "protocol/packet/binary_row.h"
#include "protocol/wire/frame.h"
#include "tests/lib/cmocka.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static const struct cell null = {.kind = CELL_NULL};

static struct table make(void)
{
    struct table table = TABLE_INIT;
    table_columns_list(&table, S("number,text,real,mixed,empty"));
    table_add(&table,
              (struct cell[]){cell_int(-5), cell_text(S("a\"b")), cell_int(1), cell_int(1), null});
    table_add(&table, (struct cell[]){null, cell_text(SLICE_NONE), cell_real(0.25),
                                      cell_text(S("x")), null});
    return table;
}

static void types_follow_the_values(void **state)
{
    (void)state;
    struct table table = make();
    assert_int_equal(table_type(&table, 0), VIEW_INT);
    assert_int_equal(table_type(&table, 1), VIEW_TEXT);
    assert_int_equal(table_type(&table, 2), VIEW_REAL);
    assert_int_equal(table_type(&table, 3), VIEW_TEXT);
    assert_int_equal(table_type(&table, 4), VIEW_TEXT);
    table_release(&table);
    assert_int_equal(table.width, 0);
}

// The payload of the next packet, whose sequence id must be `*sequence`.
static struct slice packet_next(struct slice *rest, uint8_t *sequence)
{
    assert_true(rest->len >= FRAME_HEADER_SIZE);
    struct frame frame = frame_read((const uint8_t *)rest->ptr);
    assert_int_equal(frame.sequence, (*sequence)++);
    struct slice payload = slice_first(slice_from(*rest, FRAME_HEADER_SIZE), frame.len);
    *rest = slice_make(rest->ptr + FRAME_HEADER_SIZE + frame.len,
                       rest->len - FRAME_HEADER_SIZE - frame.len);
    return payload;
}

static void a_table_becomes_a_text_result(void **state)
{
    (void)state;
    static const uint8_t types[] = {TYPE_LONGLONG, TYPE_VAR_STRING, TYPE_DOUBLE, TYPE_VAR_STRING,
                                    TYPE_VAR_STRING};
    const uint64_t capabilities = CAPABILITY_PROTOCOL_41 | CAPABILITY_DEPRECATE_EOF;
    struct table table = make();
    struct buffer packets = BUFFER_INIT;
    struct writer writer = writer_make(&packets, 1);
    uint8_t sequence = 1;
    assert_true(table_write(&table, &writer, capabilities, false, 2));
    struct slice rest = buffer_slice(&packets);
    assert_int_equal(packet_next(&rest, &sequence).ptr[0], 5);
    for (size_t i = 0; i < 5; i++) {
        struct column column;
        assert_true(column_decode(&column, packet_next(&rest, &sequence), capabilities));
        assert_int_equal(column.type, types[i]);
    }
    struct slice values[5];
    assert_true(text_row_decode(values, 5, packet_next(&rest, &sequence)));
    assert_true(slice_equal(values[0], S("-5")));
    assert_true(slice_equal(values[1], S("a\"b")));
    assert_null(values[4].ptr);
    assert_true(text_row_decode(values, 5, packet_next(&rest, &sequence)));
    assert_null(values[0].ptr);
    assert_non_null(values[1].ptr);
    assert_int_equal(values[1].len, 0);
    assert_true(slice_equal(values[2], S("0.25")));
    struct ok ok;
    assert_true(ok_decode(&ok, packet_next(&rest, &sequence), capabilities));
    assert_true(ok.is_end_of_result);
    assert_int_equal(rest.len, 0);
    buffer_release(&packets);
    table_release(&table);
}

static void a_prepared_statements_rows_are_text_as_it_was_told(void **state)
{
    (void)state;
    const uint64_t capabilities = CAPABILITY_PROTOCOL_41;
    struct table table = make();
    struct buffer packets = BUFFER_INIT;
    struct writer writer = writer_make(&packets, 1);
    struct column columns[5];
    struct slice values[5];
    struct eof eof;
    uint8_t sequence = 1;
    assert_true(table_write(&table, &writer, capabilities, true, 2));
    struct slice rest = buffer_slice(&packets);
    packet_next(&rest, &sequence);
    for (size_t i = 0; i < 5; i++) {
        assert_true(column_decode(&columns[i], packet_next(&rest, &sequence), capabilities));
        assert_int_equal(columns[i].type, TYPE_VAR_STRING);
    }
    assert_true(eof_decode(&eof, packet_next(&rest, &sequence)));
    assert_true(binary_row_decode(values, columns, 5, packet_next(&rest, &sequence)));
    assert_true(slice_equal(values[0], S("-5")));
    assert_null(values[4].ptr);
    packet_next(&rest, &sequence);
    assert_true(eof_decode(&eof, packet_next(&rest, &sequence)));
    assert_int_equal(rest.len, 0);
    buffer_release(&packets);
    table_release(&table);
}

static void a_table_becomes_json_that_can_be_read(void **state)
{
    (void)state;
    struct table table = make();
    struct buffer text = BUFFER_INIT;
    table_add(&table, (struct cell[]){cell_int(INT64_MIN), cell_text(S("\x01\xe2\x82\xac")),
                                      cell_real((double)NAN), null, null});
    table_json(&table, &text);
    json_error_t error;
    json_t *root = json_loadb((const char *)buffer_ptr(&text), buffer_len(&text), 0, &error);
    assert_non_null(root);
    json_t *rows = json_object_get(root, "rows");
    assert_int_equal(json_array_size(rows), 3);
    json_t *first = json_array_get(rows, 0);
    assert_int_equal(json_integer_value(json_object_get(first, "number")), -5);
    assert_string_equal(json_string_value(json_object_get(first, "text")), "a\"b");
    assert_true(json_is_null(json_object_get(first, "empty")));
    json_t *third = json_array_get(rows, 2);
    assert_string_equal(json_string_value(json_object_get(third, "text")), "\x01\xe2\x82\xac");
    assert_true(json_is_null(json_object_get(third, "real")));
    json_decref(root);
    buffer_release(&text);
    table_release(&table);

    struct table none = TABLE_INIT;
    table_columns_list(&none, S("a"));
    table_json(&none, &text);
    root = json_loadb((const char *)buffer_ptr(&text), buffer_len(&text), 0, &error);
    assert_int_equal(json_array_size(json_object_get(root, "rows")), 0);
    json_decref(root);
    buffer_release(&text);
    table_release(&none);
}

static void a_full_table_takes_no_more(void **state)
{
    (void)state;
    static char text[CELL_TEXT_MAX];
    struct table table = TABLE_INIT;
    size_t added = 0;
    memset(text, 'x', sizeof(text));
    table_columns_list(&table, S("a"));
    while (table_add(&table, &(struct cell){.kind = CELL_TEXT, .text = {text, sizeof(text)}})) {
        added++;
        assert_true(added < TABLE_MAX / CELL_TEXT_MAX + 1);
    }
    assert_true(table.is_full);
    assert_int_equal(table.count, added);
    assert_false(table_add(&table, &null)); // and is not to be filled with crumbs
    assert_true(buffer_len(&table.bytes) <= TABLE_MAX);
    table_release(&table);
}

static void numbers_print_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        double real;
        const char *text;
    } rows[] = {{0.1, "0.1"},    {1.0 / 3, "0.33333333333333331"},
                {1e21, "1e+21"}, {12345.5, "12345.5"},
                {0, "0"},        {-2.5e-9, "-2.5e-09"}};
    char out[CELL_PRINT_SIZE];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cell cell = cell_real(rows[i].real);
        assert_true(slice_equal(cell_print(&cell, out), slice_text(rows[i].text)));
    }
    struct cell cell = cell_int(INT64_MIN);
    assert_true(slice_equal(cell_print(&cell, out), S("-9223372036854775808")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_follow_the_values),
        cmocka_unit_test(a_table_becomes_a_text_result),
        cmocka_unit_test(a_prepared_statements_rows_are_text_as_it_was_told),
        cmocka_unit_test(a_table_becomes_json_that_can_be_read),
        cmocka_unit_test(a_full_table_takes_no_more),
        cmocka_unit_test(numbers_print_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
