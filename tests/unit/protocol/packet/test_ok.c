// The packets that end commands, and what OK says of the session.
#include "protocol/packet/ok.h"

#include "protocol/packet/eof.h"
#include "protocol/packet/err.h"
#include "protocol/packet/session_change.h"
#include "protocol/packet/status.h"

#include "tests/lib/cmocka.h"
#include "tests/unit/protocol/captured.h"

#include <stdio.h>

static void ok_reads_what_a_server_says(void **state)
{
    (void)state;
    struct slice frames = captured_answer("D_UPDATE");
    struct ok ok;
    assert_true(ok_decode(&ok, bytes_payload(frames, 0), CAPTURED));
    assert_int_equal(ok.affected_rows, 2);
    assert_int_equal(ok.insert_id, 0);
    assert_int_equal(ok.status, 0x0022);
    assert_true(slice_equal(ok.message, S("Rows matched: 2  Changed: 2  Warnings: 0")));
    assert_int_equal(ok.session.len, 0);
    bytes_free(frames);

    frames = captured_answer("D_INSERT");
    assert_true(ok_decode(&ok, bytes_payload(frames, 0), CAPTURED));
    assert_int_equal(ok.affected_rows, 2);
    assert_int_equal(ok.insert_id, 1);
    bytes_free(frames);
}

struct expected_change {
    enum session_change_type type;
    const char *name;
    const char *value;
};

static void assert_changes(const char *row, const struct expected_change *expected, size_t count)
{
    struct slice frames = captured_answer(row);
    struct session_change change;
    struct ok ok;
    assert_true(ok_decode(&ok, bytes_payload(frames, 0), CAPTURED));
    assert_true((ok.status & STATUS_SESSION_CHANGED) != 0);
    struct reader changes = reader_make(ok.session);
    for (size_t i = 0; i < count; i++) {
        assert_true(session_change_next(&changes, &change));
        assert_int_equal(change.type, expected[i].type);
        assert_true(slice_equal(change.name, slice_text(expected[i].name)));
        assert_true(slice_equal(change.value, slice_text(expected[i].value)));
    }
    assert_false(session_change_next(&changes, &change));
    assert_true(reader_is_done(&changes));
    bytes_free(frames);
}

static void session_tracking_tells_what_changed(void **state)
{
    (void)state;
    static const struct expected_change VARIABLES[] = {
        {SESSION_CHANGE_VARIABLE, "autocommit", "OFF"},
        {SESSION_CHANGE_VARIABLE, "time_zone", "+01:00"},
    };
    static const struct expected_change SCHEMA[] = {
        {SESSION_CHANGE_SCHEMA, "", "mysql"},
        {SESSION_CHANGE_STATE, "", "1"},
    };
    static const struct expected_change BEGIN[] = {
        {SESSION_CHANGE_TRANSACTION_STATE, "", "T_______"},
        {SESSION_CHANGE_CHARACTERISTICS, "", "START TRANSACTION READ ONLY;"},
    };
    static const struct expected_change COMMIT[] = {
        {SESSION_CHANGE_TRANSACTION_STATE, "", "________"},
        {SESSION_CHANGE_CHARACTERISTICS, "", ""},
    };
    assert_changes("D_SETVAR", VARIABLES, 2);
    assert_changes("D_USE", SCHEMA, 2);
    assert_changes("D_BEGIN", BEGIN, 2);
    assert_changes("D_COMMIT", COMMIT, 2);
}

static void gtids_and_unknown_changes_are_read_and_written(void **state)
{
    (void)state;
    struct slice list = bytes_from_hex("03 05 00 03 612d31 7f 02 ffff 02 01 31");
    struct reader changes = reader_make(list);
    struct session_change change;
    assert_true(session_change_next(&changes, &change));
    assert_int_equal(change.type, SESSION_CHANGE_GTIDS);
    assert_true(slice_equal(change.value, S("a-1")));
    assert_true(session_change_next(&changes, &change));
    assert_int_equal(change.type, 0x7f);
    assert_int_equal(change.bytes.len, 4);
    assert_true(session_change_next(&changes, &change));
    assert_true(slice_equal(change.value, S("1")));
    assert_false(session_change_next(&changes, &change));
    assert_false(reader_is_failed(&changes));
    bytes_free(list);
}

// As MariaDB sends it in a schema of ucs2, of utf32, and with a length of three bytes in utf32.
static void the_length_of_changes_may_stand_behind_zeros(void **state)
{
    (void)state;
    static const char *const LENGTHS[] = {"00 03", "00000003", "00 fc0300", "03"};
    for (size_t i = 0; i < sizeof(LENGTHS) / sizeof(LENGTHS[0]); i++) {
        char hex[96];
        struct ok ok;
        snprintf(hex, sizeof(hex), "00 01 00 0240 0000 02 6d6d %s 01 01 00", LENGTHS[i]);
        struct slice payload = bytes_from_hex(hex);
        assert_true(ok_decode(&ok, payload, CAPTURED));
        assert_true(slice_equal(ok.message, S("mm")));
        assert_true(slice_equal(ok.session, S("\1\1\0")));
        bytes_free(payload);
    }
}

static void malformed_changes_fail(void **state)
{
    (void)state;
    static const char *const BAD[] = {"00",    "00 02 0161", "00 03 0161 05", "01 01 05",
                                      "03 00", "03 01 00",   "01 fb",         "05 ff"};
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct slice list = bytes_from_hex(BAD[i]);
        struct reader changes = reader_make(list);
        struct session_change change;
        assert_false(session_change_next(&changes, &change));
        assert_true(reader_is_failed(&changes));
        bytes_free(list);
    }
}

static bool keep_type(const struct session_change *change, void *type)
{
    return change->type == *(enum session_change_type *)type;
}

static void a_client_gets_the_changes_that_it_asked_for(void **state)
{
    (void)state;
    struct slice frames = captured_answer("D_USE");
    enum session_change_type type = SESSION_CHANGE_SCHEMA;
    struct buffer kept = BUFFER_INIT;
    struct buffer out = BUFFER_INIT;
    struct writer changes = writer_make(&kept, 0);
    struct writer writer = writer_make(&out, 0);
    struct ok ok;

    assert_true(ok_decode(&ok, bytes_payload(frames, 0), CAPTURED));
    assert_true(session_change_filter(ok.session, keep_type, &type, &changes));
    ok.session = buffer_slice(&kept);
    ok_encode(&ok, &writer, CAPTURED);
    struct slice expected = bytes_from_hex("00 00 00 0240 0000 00 08 0106056d7973716c");
    assert_true(slice_equal(buffer_slice(&out), expected));
    bytes_free(expected);

    // None is left: nothing is said to have changed.
    buffer_clear(&kept);
    buffer_clear(&out);
    ok.session = SLICE_NONE;
    ok_encode(&ok, &writer, CAPTURED);
    expected = bytes_from_hex("00 00 00 0200 0000");
    assert_true(slice_equal(buffer_slice(&out), expected));
    bytes_free(expected);

    type = SESSION_CHANGE_GTIDS;
    assert_false(session_change_filter(S("\1\5"), keep_type, &type, &changes));
    assert_true(buffer_is_empty(&kept));
    buffer_release(&kept);
    buffer_release(&out);
    bytes_free(frames);
}

static void a_client_without_tracking_gets_no_changes(void **state)
{
    (void)state;
    struct slice frames = captured_answer("D_USE");
    struct buffer out = BUFFER_INIT;
    struct writer writer = writer_make(&out, 0);
    struct ok ok;
    assert_true(ok_decode(&ok, bytes_payload(frames, 0), CAPTURED));
    ok.message = S("hello");
    ok_encode(&ok, &writer, CAPABILITY_PROTOCOL_41);
    struct slice expected = bytes_from_hex("00 00 00 0200 0000 05 68656c6c6f");
    assert_true(slice_equal(buffer_slice(&out), expected));
    assert_true(ok_decode(&ok, expected, CAPABILITY_PROTOCOL_41));
    assert_true(slice_equal(ok.message, S("hello")));
    bytes_free(expected);
    buffer_release(&out);
    bytes_free(frames);
}

static void flags_are_set_in_place_behind_numbers_of_any_width(void **state)
{
    (void)state;
    static const uint64_t NUMBERS[] = {0, 250, 251, 65536, UINT64_MAX};
    for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(NUMBERS[0]); i++) {
        struct ok ok = {.affected_rows = NUMBERS[i], .insert_id = NUMBERS[4 - i], .warnings = 3};
        struct buffer out = BUFFER_INIT;
        struct writer writer = writer_make(&out, 0);
        struct ok again;
        ok_encode(&ok, &writer, CAPTURED);
        assert_true(ok_status_set(buffer_ptr(&out), buffer_len(&out), 0x1234));
        assert_true(ok_decode(&again, buffer_slice(&out), CAPTURED));
        assert_int_equal(again.status, 0x1234);
        assert_int_equal(again.warnings, 3);
        assert_true(again.affected_rows == ok.affected_rows && again.insert_id == ok.insert_id);
        buffer_release(&out);
    }
    uint8_t eof[] = {0xfe, 1, 0, 2, 0};
    assert_true(eof_status_set(eof, sizeof(eof), 0x1234));
    assert_memory_equal(eof, "\xfe\1\0\x34\x12", sizeof(eof));
    uint8_t cut[] = {0, 0, 0, 2};
    assert_false(ok_status_set(cut, sizeof(cut), 1));
    assert_false(eof_status_set(cut, sizeof(cut), 1));
    assert_memory_equal(cut, "\0\0\0\2", sizeof(cut));
}

static void an_error_may_come_without_a_state(void **state)
{
    (void)state;
    struct err err;
    assert_true(err_decode(&err, S("\xff\x10\x04Too many connections")));
    assert_int_equal(err.code, 1040);
    assert_int_equal(err.sqlstate.len, 0);
    assert_true(slice_equal(err.message, S("Too many connections")));
    assert_true(err_decode(&err, S("\xff\x10\x04#08004Too many")));
    assert_true(slice_equal(err.sqlstate, S("08004")));
    assert_true(slice_equal(err.message, S("Too many")));
    assert_true(err_decode(&err, S("\xff\x10\x04#0800"))); // too short to be one
    assert_int_equal(err.sqlstate.len, 0);
    assert_false(err_decode(&err, S("\xff\0\0#08004none")));
    assert_false(err_decode(&err, S("\xff\1")));
    assert_false(err_decode(&err, S("\x00\x10\x04")));
}

static void an_error_with_half_a_state_is_not_written(void **state)
{
    (void)state;
    struct buffer out = BUFFER_INIT;
    struct writer writer = writer_make(&out, 0);
    struct err err = {.code = 1040, .sqlstate = S("0800"), .message = S("x")};
    err_encode(&err, &writer);
    assert_true(writer_is_failed(&writer));
    buffer_release(&out);
}

static void eof_is_short(void **state)
{
    (void)state;
    struct eof eof;
    assert_true(eof_decode(&eof, S("\xfe\1\0\2\0")));
    assert_int_equal(eof.warnings, 1);
    assert_int_equal(eof.status, 2);
    assert_true(eof_decode(&eof, S("\xfe\1\0\2\0\0\0\0")));
    assert_false(eof_decode(&eof, S("\xfe\1\0\2\0\0\0\0\0")));
    assert_false(eof_decode(&eof, S("\xff\1\0\2\0")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ok_reads_what_a_server_says),
        cmocka_unit_test(session_tracking_tells_what_changed),
        cmocka_unit_test(gtids_and_unknown_changes_are_read_and_written),
        cmocka_unit_test(the_length_of_changes_may_stand_behind_zeros),
        cmocka_unit_test(malformed_changes_fail),
        cmocka_unit_test(a_client_gets_the_changes_that_it_asked_for),
        cmocka_unit_test(a_client_without_tracking_gets_no_changes),
        cmocka_unit_test(flags_are_set_in_place_behind_numbers_of_any_width),
        cmocka_unit_test(an_error_may_come_without_a_state),
        cmocka_unit_test(an_error_with_half_a_state_is_not_written),
        cmocka_unit_test(eof_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
