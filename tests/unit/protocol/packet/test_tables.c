// The tables of capabilities, commands and status flags.
#include "protocol/packet/capability.h"

#include "protocol/packet/command.h"
#include "protocol/packet/status.h"

#include "tests/lib/cmocka.h"

static void every_capability_has_a_bit_of_its_own(void **state)
{
    (void)state;
    size_t count;
    const struct capability_row *rows = capability_rows(&count);
    uint64_t all = 0;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(__builtin_popcountll(rows[i].flag), 1);
        assert_false(capability_has(all, rows[i].flag));
        assert_true(rows[i].flag > all); // in the order of bits
        assert_true(rows[i].sentence.len > 10);
        all |= rows[i].flag;
    }
    assert_true((all & CAPABILITIES_MYSQL) == CAPABILITIES_MYSQL);
}

static void the_sets_are_what_the_rows_say(void **state)
{
    (void)state;
    size_t count;
    const struct capability_row *rows = capability_rows(&count);
    uint64_t offered[3] = {0, 0, 0};
    uint64_t asked[3] = {0, 0, 0};
    for (size_t i = 0; i < count; i++) {
        offered[rows[i].offered] |= rows[i].flag;
        asked[rows[i].asked] |= rows[i].flag;
    }
    assert_true(offered[CAPABILITY_USE_ALWAYS] == CAPABILITIES_OFFERED);
    assert_true(offered[CAPABILITY_USE_WHERE_SET] == CAPABILITIES_OFFERED_WHERE_SET);
    assert_true(asked[CAPABILITY_USE_ALWAYS] == CAPABILITIES_ASKED);
    assert_true(asked[CAPABILITY_USE_WHERE_SET] == CAPABILITIES_ASKED_WHERE_SET);
}

// Trap: what changes the bytes of an answer and is not translated may be neither offered nor asked.
static void what_is_not_translated_is_not_negotiated(void **state)
{
    (void)state;
    uint64_t negotiated = CAPABILITIES_OFFERED | CAPABILITIES_OFFERED_WHERE_SET |
                          CAPABILITIES_ASKED | CAPABILITIES_ASKED_WHERE_SET;
    for (int bit = 0; bit < 64; bit++) {
        uint64_t extended = (UINT64_C(1) << bit) & CAPABILITIES_EXTENDED;
        bool is_passed_on =
            extended == CAPABILITY_MARIADB_BULK || extended == CAPABILITY_MARIADB_EXTENDED_TYPES;
        assert_true(is_passed_on || (negotiated & extended) == 0);
    }
    assert_false(capability_has(negotiated, CAPABILITY_OPTIONAL_METADATA));
    assert_false(capability_has(negotiated, CAPABILITY_MULTI_FACTOR));
}

static void what_the_login_cannot_do_without_is_always_there(void **state)
{
    (void)state;
    uint64_t needed = CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION |
                      CAPABILITY_PLUGIN_AUTH | CAPABILITY_TRANSACTIONS;
    assert_true((CAPABILITIES_OFFERED & needed) == needed);
    assert_true((CAPABILITIES_ASKED & needed) == needed);
    assert_true(capability_has(CAPABILITIES_OFFERED_WHERE_SET, CAPABILITY_SSL));
    assert_false(capability_has(CAPABILITIES_OFFERED, CAPABILITY_SSL));
}

static void commands_are_found_by_their_byte(void **state)
{
    (void)state;
    size_t count;
    const struct command_row *rows = command_rows(&count);
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(command_find((uint8_t)rows[i].command), &rows[i]);
        assert_true(i == 0 || rows[i].command > rows[i - 1].command);
        assert_true(rows[i].sentence.len > 10);
    }
    for (unsigned code = 0; code <= UINT8_MAX; code++) {
        found += command_find((uint8_t)code) != NULL;
    }
    assert_int_equal(found, count);
    assert_null(command_find(0x77));
    assert_null(command_find(0xff));
}

static void commands_have_the_answers_that_servers_give(void **state)
{
    (void)state;
    static const struct {
        enum command command;
        enum command_reply reply;
    } CASES[] = {
        {COMMAND_QUIT, COMMAND_REPLY_NONE},
        {COMMAND_QUERY, COMMAND_REPLY_RESULT},
        {COMMAND_FIELD_LIST, COMMAND_REPLY_ROWS},
        {COMMAND_STATISTICS, COMMAND_REPLY_TEXT},
        {COMMAND_CHANGE_USER, COMMAND_REPLY_LOGIN},
        {COMMAND_STMT_PREPARE, COMMAND_REPLY_PREPARED},
        {COMMAND_STMT_EXECUTE, COMMAND_REPLY_CURSOR_RESULT},
        {COMMAND_STMT_SEND_LONG_DATA, COMMAND_REPLY_NONE},
        {COMMAND_STMT_CLOSE, COMMAND_REPLY_NONE},
        {COMMAND_STMT_RESET, COMMAND_REPLY_OK},
        {COMMAND_STMT_FETCH, COMMAND_REPLY_ROWS},
        {COMMAND_STMT_BULK_EXECUTE, COMMAND_REPLY_RESULT},
        {COMMAND_SET_OPTION, COMMAND_REPLY_OK},
        {COMMAND_RESET_CONNECTION, COMMAND_REPLY_OK},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        const struct command_row *row = command_find((uint8_t)CASES[i].command);
        assert_int_equal(row->reply, CASES[i].reply);
        assert_true(row->is_served);
    }
}

// Trap: what would stop, copy or follow one server is no business of a client behind the proxy.
static void commands_for_one_server_are_not_served(void **state)
{
    (void)state;
    static const enum command COMMANDS[] = {
        COMMAND_SHUTDOWN,         COMMAND_REFRESH, COMMAND_BINLOG_DUMP, COMMAND_BINLOG_DUMP_GTID,
        COMMAND_REGISTER_REPLICA, COMMAND_CLONE,   COMMAND_MULTI,
    };
    for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++) {
        assert_false(command_find((uint8_t)COMMANDS[i])->is_served);
    }
}

static void status_flags_are_those_of_the_manual(void **state)
{
    (void)state;
    size_t count;
    const struct status_row *rows = status_rows(&count);
    uint16_t all = 0;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(__builtin_popcount(rows[i].flag), 1);
        assert_true(rows[i].flag > all);
        all |= rows[i].flag;
    }
    assert_int_equal(all, 0xfffb); // bit 2 was never used
    assert_int_equal(STATUS_MORE_RESULTS, 0x0008);
    assert_int_equal(STATUS_CURSOR_EXISTS, 0x0040);
    assert_int_equal(STATUS_SESSION_CHANGED, 0x4000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_capability_has_a_bit_of_its_own),
        cmocka_unit_test(the_sets_are_what_the_rows_say),
        cmocka_unit_test(what_is_not_translated_is_not_negotiated),
        cmocka_unit_test(what_the_login_cannot_do_without_is_always_there),
        cmocka_unit_test(commands_are_found_by_their_byte),
        cmocka_unit_test(commands_have_the_answers_that_servers_give),
        cmocka_unit_test(commands_for_one_server_are_not_served),
        cmocka_unit_test(status_flags_are_those_of_the_manual),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
