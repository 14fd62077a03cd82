// Commands with parameters or attributes: COM_QUERY, COM_STMT_EXECUTE, and the ids of statements.
#include "protocol/packet/query.h"

#include "protocol/packet/command.h"
#include "protocol/packet/statement_id.h"
#include "protocol/packet/stmt_execute.h"
#include "protocol/packet/value.h"

#include "tests/lib/cmocka.h"
#include "tests/unit/protocol/bytes.h"

#define ATTRIBUTES CAPABILITY_QUERY_ATTRIBUTES

static void assert_written(const struct buffer *out, const char *hex)
{
    struct slice expected = bytes_from_hex(hex);
    assert_int_equal(buffer_len(out), expected.len);
    assert_memory_equal(buffer_ptr(out), expected.ptr, expected.len);
    bytes_free(expected);
}

static void the_text_stands_behind_the_attributes(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        uint64_t capabilities;
        size_t attributes;
    } CASES[] = {
        {"03 53454c4543542031", 0, 0},
        {"03 00 01 53454c4543542031", ATTRIBUTES, 0},
        {"03 01 01 00 01 fe00016e 0176 53454c4543542031", ATTRIBUTES, 1},
        {"03 01 01 01 01 060000 53454c4543542031", ATTRIBUTES, 1},
        {"03 02 01 02 01 0800016e 0b00016f 0102030405060708 53454c4543542031", ATTRIBUTES, 2},
        {"03 02 01 00 01 0800016e 0b00016f 0102030405060708 00 53454c4543542031", ATTRIBUTES, 2},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct slice payload = bytes_from_hex(CASES[i].hex);
        struct buffer out = BUFFER_INIT;
        struct writer writer = writer_make(&out, 0);
        struct query query;
        assert_true(query_decode(&query, payload, CASES[i].capabilities));
        assert_true(slice_equal(query.text, S("SELECT 1")));
        assert_int_equal(query.attributes.count, CASES[i].attributes);

        // To a server without them, they are left out; to one with them, they stay.
        query_encode(&query, &writer, 0);
        assert_written(&out, "03 53454c4543542031");
        buffer_clear(&out);
        query_encode(&query, &writer, CASES[i].capabilities);
        assert_written(&out, CASES[i].hex);
        bytes_free(payload);
        buffer_release(&out);
    }
}

static void a_query_without_attributes_says_so_to_a_server_that_has_them(void **state)
{
    (void)state;
    struct query query;
    struct buffer out = BUFFER_INIT;
    struct writer writer = writer_make(&out, 0);
    assert_true(query_decode(&query, S("\3SELECT 1"), 0));
    query_encode(&query, &writer, ATTRIBUTES);
    assert_written(&out, "03 00 01 53454c4543542031");
    buffer_release(&out);
}

static void malformed_attributes_are_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "03",                                       // no counts
        "03 00",                                    // one count
        "03 00 02 53",                              // two sets
        "03 00 00 53",                              // no set
        "03 fb 01 53",                              // NULL attributes
        "03 01 01",                                 // no bitmap
        "03 01 01 00",                              // no flag
        "03 01 01 00 00 53454c454354",              // no types
        "03 01 01 00 01 fe00 02 6e",                // a name cut short
        "03 01 01 00 01 fe00 01 6e 05 76",          // a value cut short
        "03 01 01 00 01 0800 01 6e 01020304050607", // a number cut short
        "03 fd ffff01 01 00",                       // more than there can be
        "03 fe ffffffffffffffff 01 00",             // more than can be counted
        "03 fc ffff 01 00 01",                      // more than the packet holds
    };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct slice payload = bytes_from_hex(BAD[i]);
        struct query query;
        if (query_decode(&query, payload, ATTRIBUTES)) {
            fail_msg("taken: %s", BAD[i]);
        }
        bytes_free(payload);
    }
}

static void attributes_can_be_walked(void **state)
{
    (void)state;
    struct slice payload = bytes_from_hex("03 03 01 02 01 fe00016e 08800161 01000162 0176 ff 31");
    struct query query;
    struct parameter attribute;
    assert_true(query_decode(&query, payload, ATTRIBUTES));
    struct parameter_walk walk = parameter_walk(&query.attributes);
    assert_true(parameter_next(&walk, &attribute));
    assert_int_equal(attribute.type, TYPE_STRING);
    assert_true(slice_equal(attribute.name, S("n")));
    assert_true(slice_equal(attribute.value, S("v")));
    assert_true(parameter_next(&walk, &attribute));
    assert_int_equal(attribute.type, TYPE_LONGLONG);
    assert_true(attribute.is_unsigned);
    assert_null(attribute.value.ptr); // NULL
    assert_true(parameter_next(&walk, &attribute));
    assert_int_equal(value_integer(attribute.type, false, attribute.value), -1);
    assert_false(parameter_next(&walk, &attribute));
    assert_false(parameter_walk_is_failed(&walk));
    assert_true(slice_equal(query.text, S("1")));
    bytes_free(payload);
}

static void the_first_of_some_types_are_taken_with_their_names(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        size_t count;
        bool has_names;
        const char *first; // NULL: there are not so many
    } CASES[] = {
        {"0800 fe00", 2, false, "0800 fe00"},   {"0800 fe00", 1, false, "0800"},
        {"0800 fe00", 3, false, NULL},          {"", 0, true, ""},
        {"080000 fe00016e", 1, true, "080000"}, {"080000 fe00016e", 2, true, "080000 fe00016e"},
        {"080000 fe00016e", 3, true, NULL},     {"080000 fe00056e", 2, true, NULL},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct slice bytes = bytes_from_hex(CASES[i].hex);
        struct slice types = bytes;
        bool are_there = parameters_types_first(&types, CASES[i].count, CASES[i].has_names);
        assert_int_equal(are_there, CASES[i].first != NULL);
        if (are_there) {
            struct slice first = bytes_from_hex(CASES[i].first);
            assert_true(slice_equal(types, first));
            bytes_free(first);
        }
        bytes_free(bytes);
    }
}

// --- executions --------------------------------------------------------------------------------

static void an_execution_is_read_with_its_statements_count(void **state)
{
    (void)state;
    struct slice payload =
        bytes_from_hex("17 02000000 00 01000000 02 01 0800 fe00 6400000000000000");
    struct stmt_execute execute;
    struct parameters parameters;
    struct parameter parameter;
    assert_true(stmt_execute_decode(&execute, payload));
    assert_int_equal(execute.statement_id, 2);
    assert_int_equal(execute.iterations, 1);
    assert_true(stmt_execute_parameters(&execute, 2, 0, &parameters));
    assert_true(parameters.are_types_sent);
    struct parameter_walk walk = parameter_walk(&parameters);
    assert_true(parameter_next(&walk, &parameter));
    assert_int_equal(value_integer(parameter.type, parameter.is_unsigned, parameter.value), 100);
    assert_true(parameter_next(&walk, &parameter));
    assert_null(parameter.value.ptr);
    assert_false(parameter_next(&walk, &parameter));

    assert_true(stmt_execute_parameters(&execute, 0, 0, &parameters)); // a statement without any
    assert_int_equal(parameters.count, 0);
    assert_false(stmt_execute_parameters(&execute, 200, 0, &parameters));
    bytes_free(payload);
}

// Trap: the types are sent once, and must be known when the statement runs on another connection.
static void types_that_are_not_sent_again_come_from_the_caller(void **state)
{
    (void)state;
    struct slice payload = bytes_from_hex("17 02000000 00 01000000 00 00 6400000000000000 0179");
    struct slice types = bytes_from_hex("0800 fe00");
    struct stmt_execute execute;
    struct parameters parameters;
    struct parameter parameter;
    assert_true(stmt_execute_decode(&execute, payload));
    assert_true(stmt_execute_parameters(&execute, 2, 0, &parameters));
    assert_false(parameters.are_types_sent);

    struct parameter_walk walk = parameter_walk(&parameters);
    assert_false(parameter_next(&walk, &parameter));
    assert_true(parameter_walk_is_failed(&walk));

    parameters.types = types;
    walk = parameter_walk(&parameters);
    assert_true(parameter_next(&walk, &parameter));
    assert_true(parameter_next(&walk, &parameter));
    assert_true(slice_equal(parameter.value, S("y")));

    // Sent again, with the types that are meant.
    struct buffer out = BUFFER_INIT;
    struct writer writer = writer_make(&out, 0);
    parameters.are_types_sent = true;
    stmt_execute_encode(&execute, &parameters, 2, &writer, 0);
    assert_written(&out, "17 02000000 00 01000000 00 01 0800 fe00 6400000000000000 0179");
    buffer_release(&out);
    bytes_free(types);
    bytes_free(payload);
}

static void long_data_has_no_value_in_the_packet(void **state)
{
    (void)state;
    struct slice payload = bytes_from_hex("17 02000000 00 01000000 00 01 fc00 fe00 0179");
    struct stmt_execute execute;
    struct parameters parameters;
    struct parameter parameter;
    assert_true(stmt_execute_decode(&execute, payload));
    assert_true(stmt_execute_parameters(&execute, 2, 0, &parameters));
    parameters.long_data = S("\1");
    struct parameter_walk walk = parameter_walk(&parameters);
    assert_true(parameter_next(&walk, &parameter));
    assert_true(parameter.is_long_data);
    assert_null(parameter.value.ptr);
    assert_true(parameter_next(&walk, &parameter));
    assert_false(parameter.is_long_data);
    assert_true(slice_equal(parameter.value, S("y")));
    bytes_free(payload);
}

static void attributes_of_an_execution_are_dropped_for_a_server_without_them(void **state)
{
    (void)state;
    // Two parameters and an attribute, counted and named; the third bit of the bitmap is its.
    struct slice payload =
        bytes_from_hex("17 02000000 08 01000000 03 06 01 080000 fe0000 fe00016e 6400000000000000");
    struct stmt_execute execute;
    struct parameters parameters;
    struct buffer out = BUFFER_INIT;
    struct writer writer = writer_make(&out, 0);
    assert_true(stmt_execute_decode(&execute, payload));
    assert_true(stmt_execute_parameters(&execute, 2, ATTRIBUTES, &parameters));
    assert_int_equal(parameters.count, 3);
    stmt_execute_encode(&execute, &parameters, 2, &writer, 0);
    assert_false(writer_is_failed(&writer));
    assert_written(&out, "17 02000000 00 01000000 02 01 0800 fe00 6400000000000000");

    buffer_clear(&out);
    stmt_execute_encode(&execute, &parameters, 0, &writer, 0);
    assert_written(&out, "17 02000000 00 01000000");
    buffer_release(&out);
    bytes_free(payload);
}

static void parameters_get_empty_names_for_a_server_that_wants_some(void **state)
{
    (void)state;
    struct slice payload = bytes_from_hex("17 02000000 01 01000000 00 01 0880 fe00 "
                                          "6400000000000000 0179");
    struct stmt_execute execute;
    struct parameters parameters;
    struct buffer out = BUFFER_INIT;
    struct writer writer = writer_make(&out, 0);
    assert_true(stmt_execute_decode(&execute, payload));
    assert_true(stmt_execute_parameters(&execute, 2, 0, &parameters));
    stmt_execute_encode(&execute, &parameters, 2, &writer, ATTRIBUTES);
    assert_written(&out, "17 02000000 09 01000000 02 00 01 088000 fe0000 6400000000000000 0179");
    buffer_release(&out);
    bytes_free(payload);
}

// A statement's own parameters are counted with the capability, whatever the flags say.
static void parameters_are_counted_without_the_flag_too(void **state)
{
    (void)state;
    struct slice payload =
        bytes_from_hex("17 02000000 00 01000000 01 00 01 080000 6400000000000000");
    struct stmt_execute execute;
    struct parameters parameters;
    assert_true(stmt_execute_decode(&execute, payload));
    assert_true(stmt_execute_parameters(&execute, 1, ATTRIBUTES, &parameters));
    assert_int_equal(parameters.count, 1);
    assert_true(parameters.are_types_sent);
    assert_int_equal(parameters.values.len, 8);
    assert_true(stmt_execute_parameters(&execute, 0, ATTRIBUTES, &parameters));
    assert_int_equal(parameters.count, 0);
    bytes_free(payload);
}

static void a_block_has_65535_parameters_at_most(void **state)
{
    (void)state;
    struct buffer block = BUFFER_INIT;
    struct writer writer = writer_make(&block, 0);
    struct parameters parameters;
    writer_fill(&writer, 0xff, (PARAMETERS_MAX + 8) / 8);
    writer_u8(&writer, 0);
    struct reader reader = reader_make(buffer_slice(&block));
    parameters_read(&parameters, &reader, PARAMETERS_MAX, false);
    assert_false(reader_is_failed(&reader));
    assert_int_equal(parameters.count, PARAMETERS_MAX);
    reader = reader_make(buffer_slice(&block));
    parameters_read(&parameters, &reader, PARAMETERS_MAX + 1, false);
    assert_true(reader_is_failed(&reader));
    buffer_release(&block);
}

static void too_few_parameters_are_refused(void **state)
{
    (void)state;
    struct slice payload = bytes_from_hex("17 02000000 08 01000000 01 00 01 080000 "
                                          "6400000000000000");
    struct stmt_execute execute;
    struct parameters parameters;
    assert_true(stmt_execute_decode(&execute, payload));
    assert_true(stmt_execute_parameters(&execute, 1, ATTRIBUTES, &parameters));
    assert_false(stmt_execute_parameters(&execute, 2, ATTRIBUTES, &parameters));

    // And none is written that is not there, or whose end cannot be found.
    struct buffer out = BUFFER_INIT;
    struct writer writer = writer_make(&out, 0);
    assert_true(stmt_execute_parameters(&execute, 1, ATTRIBUTES, &parameters));
    parameters_write(&parameters, 2, true, &writer);
    assert_true(writer_is_failed(&writer));
    buffer_release(&out);
    bytes_free(payload);
}

static void bitmaps_are_cut_at_their_last_bit(void **state)
{
    (void)state;
    static const struct {
        size_t keep;
        const char *nulls;
    } CASES[] = {{1, "01"}, {7, "7f"}, {8, "ff"}, {9, "ff01"}, {10, "ff03"}};
    struct buffer block = BUFFER_INIT;
    struct writer writer = writer_make(&block, 0);
    writer_fill(&writer, 0xff, 2); // ten NULLs
    writer_u8(&writer, 0);
    struct reader reader = reader_make(buffer_slice(&block));
    struct parameters parameters;
    parameters_read(&parameters, &reader, 10, false);
    assert_false(reader_is_failed(&reader));
    struct buffer types = BUFFER_INIT;
    struct writer types_writer = writer_make(&types, 0);
    writer_fill(&types_writer, 0, 20);
    parameters.types = buffer_slice(&types);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct buffer out = BUFFER_INIT;
        struct writer out_writer = writer_make(&out, 0);
        parameters_write(&parameters, CASES[i].keep, false, &out_writer);
        assert_false(writer_is_failed(&out_writer));
        struct slice nulls = bytes_from_hex(CASES[i].nulls);
        assert_int_equal(buffer_len(&out), nulls.len + 1);
        assert_memory_equal(buffer_ptr(&out), nulls.ptr, nulls.len);
        bytes_free(nulls);
        buffer_release(&out);
    }
    buffer_release(&block);
    buffer_release(&types);
}

// --- ids ---------------------------------------------------------------------------------------

static void ids_are_replaced_in_place(void **state)
{
    (void)state;
    uint8_t payload[] = {COMMAND_STMT_EXECUTE, 2, 0, 0, 0, 0xaa};
    uint32_t id = 0;
    assert_true(statement_id_get(payload, sizeof(payload), &id));
    assert_int_equal(id, 2);
    assert_true(statement_id_set(payload, sizeof(payload), 0x01020304));
    assert_memory_equal(payload, "\x17\x04\x03\x02\x01\xaa", sizeof(payload));
    assert_true(statement_id_set(payload, 5, STATEMENT_ID_LAST));
    assert_true(statement_id_get(payload, 5, &id));
    assert_true(id == STATEMENT_ID_LAST);
    assert_false(statement_id_get(payload, 4, &id));
    assert_false(statement_id_set(payload, 4, 0));
    assert_memory_equal(payload, "\x17\xff\xff\xff\xff\xaa", sizeof(payload));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_stands_behind_the_attributes),
        cmocka_unit_test(a_query_without_attributes_says_so_to_a_server_that_has_them),
        cmocka_unit_test(malformed_attributes_are_refused),
        cmocka_unit_test(attributes_can_be_walked),
        cmocka_unit_test(the_first_of_some_types_are_taken_with_their_names),
        cmocka_unit_test(an_execution_is_read_with_its_statements_count),
        cmocka_unit_test(types_that_are_not_sent_again_come_from_the_caller),
        cmocka_unit_test(long_data_has_no_value_in_the_packet),
        cmocka_unit_test(attributes_of_an_execution_are_dropped_for_a_server_without_them),
        cmocka_unit_test(parameters_get_empty_names_for_a_server_that_wants_some),
        cmocka_unit_test(parameters_are_counted_without_the_flag_too),
        cmocka_unit_test(a_block_has_65535_parameters_at_most),
        cmocka_unit_test(too_few_parameters_are_refused),
        cmocka_unit_test(bitmaps_are_cut_at_their_last_bit),
        cmocka_unit_test(ids_are_replaced_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
