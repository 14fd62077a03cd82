// What holds of every packet: real bytes are written as they were read, and every beginning of them
// is either refused or read in full.
#include "tests/unit/protocol/codecs.h"

#include "tests/lib/cmocka.h"
#include "tests/unit/protocol/bytes.h"
#include "tests/unit/protocol/captured.h"

struct example {
    const char *title;
    recode_fn *recode;
    uint64_t capabilities;
    size_t shortest; // length of its shortest beginning that is such a packet
    const char *hex; // the payload
};

#define MYSQL_41 (UINT64_C(0xFFFFFFFF) & ~(uint64_t)CAPABILITY_QUERY_ATTRIBUTES)

static const struct example EXAMPLES[] = {
    // The login. MySQL's are the protocol manual's, MariaDB's are captured.
    {"handshake, MySQL 5.5", recode_handshake, 0, 56,
     "0a352e352e322d6d32000b00000064764840492d434a00fff7080200 0000 00 00000000000000000000"
     "2a34647c635a776b345e5d3a00"},
    {"handshake, MySQL 5.6", recode_handshake, 0, 80,
     "0a352e362e342d6d372d6c6f6700560a0000524233767a26477200ffff0802000fc015000000000000000000002b"
     "7944262f5a5a3330355a47006d7973716c5f6e61746976655f70617373776f726400"},
    {"handshake, MariaDB 10.11", recode_handshake, 0, 100,
     "0a352e352e352d31302e31312e31392d4d6172696144422d302b64656231327531000300000063262e5645372244"
     "00fef7080200ff81150000000000001d000000712e2d3667282c45555e587d006d7973716c5f6e61746976655f70"
     "617373776f726400"},
    {"response, MySQL 5.5", recode_handshake_response, ALL_CAPABILITIES, 62,
     "8da60f000000000108000000000000000000000000000000000000000000000070616d0014ab09eef6bcb1323e61"
     "143865c0991d957d75d4477465737400"
     "6d7973716c5f6e61746976655f70617373776f726400"},
    {"response, MySQL 5.6 with attributes", recode_handshake_response, ALL_CAPABILITIES, 58,
     "85a21e00000000400800000000000000000000000000000000000000000000 00726f6f7400"
     "14225079a212d4e882e5b3f41a97756bc8bedb9f806d7973716c5f6e61746976655f70617373776f726400"
     "61035f6f73 0964656269616e362e300c5f636c69656e745f6e616d65086c69626d7973716c045f706964053232"
     "333434 0f5f636c69656e745f76657273696f6e08352e362e362d6d39095f706c6174666f726d067838365f3634"
     "03666f6f03626172"},
    {"response, MariaDB with a schema", recode_handshake_response, ALL_CAPABILITIES, 44,
     "8ca2bf00000000012d0000000000000000000000000000000000000000000000726f6f7400006d7973716c006d79"
     "73716c5f6e61746976655f70617373776f7264001c0c5f636c69656e745f6e616d65076361707475726504"
     "5f7069640137"},
    {"response, MariaDB with extended capabilities", recode_handshake_response, ALL_CAPABILITIES,
     38,
     "84a2bf01000000012d0000000000000000000000000000000000000008000000726f6f7400006d7973716c5f6e61"
     "746976655f70617373776f7264001c0c5f636c69656e745f6e616d650763617074757265045f7069640137"},
    {"TLS request", recode_handshake_response, ALL_CAPABILITIES, 32,
     "8dae0f0000000001080000000000000000000000000000000000000000000000"},
    {"auth switch", recode_auth_switch, 0, 1,
     "fe6d7973716c5f6e61746976655f70617373776f7264007a51673469 6f4e79363d72484e2f3e2d62294100"},
    {"auth switch, MariaDB", recode_auth_switch, 0, 1,
     "fe6d7973716c5f6e61746976655f70617373776f726400703b755c4d4b71782651464c2c34616d2157725800"},
    {"auth more data, fast", recode_auth_more, 0, 1, "0103"},
    {"auth more data, full", recode_auth_more, 0, 1, "0104"},
    {"change user", recode_change_user, MYSQL_41, 11,
     "116e6174000073686f70002d006d7973716c5f6e61746976655f70617373776f72640006016103626364"},
    {"change user, old", recode_change_user, CAPABILITY_SECURE_CONNECTION, 27,
     "116e61740014a7a72c2ea2e6e9365e722e6bd20b2185039c410200"},

    // What ends commands.
    {"OK", recode_ok, MYSQL_41, 7, "00000002000000"},
    {"OK at login, with the schema", recode_ok, MYSQL_41, 7, "0000000240000000080106056d7973716c"},
    {"OK with a message", recode_ok, MYSQL_41, 7,
     "0002002200000028526f7773206d6174636865643a203220204368616e6765643a203220205761726e696e67733a"
     "2030"},
    {"OK with a message, untracked", recode_ok, CAPABILITY_PROTOCOL_41, 9,
     "00fc1027000000010004526f7773"},
    {"OK that ends a result", recode_ok, MYSQL_41, 7, "fe000002000000"},
    {"ERR", recode_err, 0, 3, "ff48042348593030304e6f207461626c65732075736564"},
    {"ERR before the login", recode_err, 0, 3, "ff1004546f6f206d616e7920636f6e6e656374696f6e73"},
    {"EOF", recode_eof, 0, 5, "fe00000200"},
    {"file wanted", recode_infile_request, 0, 1, "fb2f782f79"},

    // Commands.
    {"query", recode_query, MYSQL_41, 1, "0353454c4543542031"},
    {"query, no attributes", recode_query, ALL_CAPABILITIES, 3, "03000153454c4543542031"},
    {"query, two attributes", recode_query, ALL_CAPABILITIES, 22,
     "030201 00 01 fe00026e31 0380 026e32 027631 07000000 53454c4543542031"},
    {"query, a NULL attribute", recode_query, ALL_CAPABILITIES, 9,
     "030101 01 01 060001 6e 53454c4543542031"},
    {"init db", recode_init_db, 0, 1, "0274657374"},
    {"field list", recode_field_list, 0, 3, "0474006125"},
    {"process kill", recode_process_kill, 0, 5, "0c3f420f00"},
    {"set option", recode_set_option, 0, 3, "1b0100"},
    {"prepare", recode_stmt_prepare, 0, 1,
     "1653454c45435420434f4e434154283f2c203f2920415320636f6c31"},
    {"close", recode_stmt_close, 0, 5, "1901000000"},
    {"reset", recode_stmt_reset, 0, 5, "1a01000000"},
    {"fetch", recode_stmt_fetch, 0, 9, "1c0100000064000000"},
    {"long data", recode_stmt_long_data, 0, 7, "1801000000 0100 616263"},
    {"execute", recode_stmt_execute, MYSQL_41, 16,
     "17020000000001000000020108 00fe006400000000000000"},
    {"execute again", recode_stmt_execute, MYSQL_41, 12,
     "17020000000001000000000064000000000000000179"},
    {"execute with an attribute", recode_stmt_execute, ALL_CAPABILITIES, 23,
     "1702000000080100000003 00 01 080000 fe0000 fe00016e 6400000000000000 0179 0176"},
    {"bulk execute", recode_stmt_bulk_execute, 0, 11,
     "fa02000000 8000 0300 fe00 00 01000000 00 0161 01 00 0162"},
    {"bulk execute again", recode_stmt_bulk_execute, 0, 7, "fa02000000 0000 00 01000000 00 0161"},

    // Answers.
    {"prepare OK", recode_prepare_ok, MYSQL_41 & ~(uint64_t)CAPABILITY_OPTIONAL_METADATA, 12,
     "000100000001000200000000"},
    {"prepare OK, no definitions", recode_prepare_ok, CAPABILITY_OPTIONAL_METADATA, 13,
     "00010000000100020000050000"},
    {"columns", recode_result_header, 0, 1, "05"},
    {"many columns", recode_result_header, 0, 3, "fc0010"},
    {"columns that are left out", recode_result_header, CAPABILITY_MARIADB_CACHE_METADATA, 2,
     "0200"},
    {"column", recode_column, MYSQL_41, 32,
     "036465660473686f70017401740269640269640c3f000b0000000303420000 00"},
    {"column with a default", recode_column, MYSQL_41, 32,
     "036465660473686f70017401740269640269640c3f000b000000034200000000 0130"},
    {"column with an extended type", recode_column, ALL_CAPABILITIES, 37,
     "036465660473686f70016a016a01610161 06 01046a736f6e 0c2d00ffffffff fc9000000000"},
    {"text row", recode_text_row, 0, 4, "fb 00 0178"},
    {"binary row", recode_binary_row, 0, 16, "00 00 01000000 07 ea070102030405 0179"},
    {"binary row of NULLs", recode_binary_row, 0, 2, "00 1c"},
    {"session changes", recode_session_changes, 0, 0,
     "00110974696d655f7a6f6e65062b30323a3030 000a0873716c5f6d6f646500 000e0a6175746f636f6d6d697402"
     "4f4e 0106056d7973716c 020131 0509085f5f5f5f5f5f5f5f 040100 03060004 61646263 7f0161"},
};

enum { EXAMPLE_COUNT = sizeof(EXAMPLES) / sizeof(EXAMPLES[0]) };

static bool recode_to(const struct example *example, struct slice payload, struct buffer *out)
{
    struct writer writer = writer_make(out, 0);
    return example->recode(payload, &writer, example->capabilities) && !writer_is_failed(&writer);
}

static void real_bytes_are_written_as_they_were_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
        struct slice payload = bytes_from_hex(EXAMPLES[i].hex);
        struct buffer out = BUFFER_INIT;
        if (!recode_to(&EXAMPLES[i], payload, &out)) {
            fail_msg("%s: refused", EXAMPLES[i].title);
        }
        if (!slice_equal(buffer_slice(&out), payload)) {
            fail_msg("%s: written otherwise", EXAMPLES[i].title);
        }
        buffer_release(&out);
        bytes_free(payload);
    }
}

static void every_beginning_is_refused_up_to_the_last_field_that_must_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
        struct slice payload = bytes_from_hex(EXAMPLES[i].hex);
        for (size_t len = 0; len < payload.len; len++) {
            struct slice cut = bytes_copy(slice_first(payload, len));
            struct buffer out = BUFFER_INIT;
            bool is_read = recode_to(&EXAMPLES[i], cut, &out);
            if (is_read && len < EXAMPLES[i].shortest) {
                fail_msg("%s: %zu of %zu bytes were taken", EXAMPLES[i].title, len, payload.len);
            }
            if (!is_read && len == EXAMPLES[i].shortest) {
                fail_msg("%s: %zu bytes would have done", EXAMPLES[i].title, len);
            }
            buffer_release(&out);
            bytes_free(cut);
        }
        bytes_free(payload);
    }
}

// Another first byte, or another order, is no such packet: any single wrong byte is refused, or
// read and written again without harm.
static void any_wrong_byte_does_no_harm(void **state)
{
    (void)state;
    static const uint8_t WRONG[] = {0x00, 0x01, 0x7f, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff};
    size_t refused = 0;
    for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
        struct slice payload = bytes_from_hex(EXAMPLES[i].hex);
        for (size_t at = 0; at < payload.len; at++) {
            for (size_t w = 0; w < sizeof(WRONG); w++) {
                struct slice wrong = bytes_copy(payload);
                ((uint8_t *)wrong.ptr)[at] = WRONG[w];
                struct buffer out = BUFFER_INIT;
                refused += !recode_to(&EXAMPLES[i], wrong, &out);
                buffer_release(&out);
                bytes_free(wrong);
            }
        }
        bytes_free(payload);
    }
    assert_true(refused > 1000);
}

static void every_packet_has_an_example(void **state)
{
    (void)state;
    for (size_t c = 0; c < CODEC_COUNT; c++) {
        bool has_example = false;
        for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
            has_example |= EXAMPLES[i].recode == CODECS[c].recode;
        }
        if (!has_example) {
            fail_msg("no example of %s", CODECS[c].name);
        }
    }
}

// Each command of the capture, by its first byte.
static recode_fn *command_codec(uint8_t code)
{
    switch (code) {
    case COMMAND_QUERY:
        return recode_query;
    case COMMAND_INIT_DB:
        return recode_init_db;
    case COMMAND_FIELD_LIST:
        return recode_field_list;
    case COMMAND_PROCESS_KILL:
        return recode_process_kill;
    case COMMAND_SET_OPTION:
        return recode_set_option;
    case COMMAND_STMT_PREPARE:
        return recode_stmt_prepare;
    case COMMAND_STMT_CLOSE:
        return recode_stmt_close;
    case COMMAND_STMT_RESET:
        return recode_stmt_reset;
    case COMMAND_STMT_FETCH:
        return recode_stmt_fetch;
    default:
        return NULL;
    }
}

static void captured_commands_are_written_as_they_were_read(void **state)
{
    (void)state;
    size_t count = 0;
    for (size_t i = 0; i < CAPTURED_COUNT; i++) {
        struct slice payload = bytes_from_hex(CAPTURED_ROWS[i].command);
        struct example example = {.recode = command_codec((uint8_t)payload.ptr[0]),
                                  .capabilities = CAPTURED_ROWS[i].capabilities};
        if (example.recode != NULL) {
            struct buffer out = BUFFER_INIT;
            assert_true(recode_to(&example, payload, &out));
            assert_true(slice_equal(buffer_slice(&out), payload));
            buffer_release(&out);
            count++;
        }
        bytes_free(payload);
    }
    assert_true(count > 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_bytes_are_written_as_they_were_read),
        cmocka_unit_test(every_beginning_is_refused_up_to_the_last_field_that_must_be),
        cmocka_unit_test(any_wrong_byte_does_no_harm),
        cmocka_unit_test(every_packet_has_an_example),
        cmocka_unit_test(captured_commands_are_written_as_they_were_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
