// The commands of the protocol: what is answered by sluice, what is passed on, what is refused.
#include "tests/unit/proxy/session/bench.h"

static void every_byte_that_is_no_command_is_told_and_the_session_goes_on(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    // Those of old, of replicas, of the servers' insides, and those that never were.
    static const uint8_t unknown[] = {0x00, 0x05, 0x06, 0x07, 0x08, 0x0b, 0x0f, 0x10, 0x12, 0x13,
                                      0x14, 0x15, 0x1d, 0x1e, 0x20, 0x7f, 0xfb, 0xfe, 0xff};
    notes_wipe(&bench);
    for (size_t i = 0; i < sizeof(unknown); i++) {
        struct answer answer = client_command(&client, unknown[i], S("x"));
        if (answer.kind != ANSWER_ERR || answer.code != 1047) {
            fail_msg("%#x: kind %d, error %u %s", unknown[i], answer.kind, answer.code,
                     answer.text);
        }
    }
    assert_int_equal(client_command(&client, COMMAND_PING, SLICE_NONE).kind, ANSWER_OK);
    assert_string_equal(bench.servers[0].asked, "");
    client_close(&client);
    bench_close(&bench);
}

static void a_command_without_what_it_needs_is_told(void **state)
{
    static const struct {
        uint8_t command;
        struct slice argument;
    } malformed[] = {
        {COMMAND_SET_OPTION, SLICE_INIT("")},
        {COMMAND_SET_OPTION, SLICE_INIT("\x00")},
        {COMMAND_SET_OPTION, SLICE_INIT("\x02\x00")},
        {COMMAND_PROCESS_KILL, SLICE_INIT("\x01\x00\x00")},
        {COMMAND_STMT_EXECUTE, SLICE_INIT("\x01\x00\x00")},
        {COMMAND_STMT_RESET, SLICE_INIT("")},
        {COMMAND_STMT_FETCH, SLICE_INIT("\x01")},
        {COMMAND_STMT_BULK_EXECUTE, SLICE_INIT("\x01")},
        {COMMAND_STMT_FETCH, SLICE_INIT("\x01\x00\x00\x00\x01")},
    };
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        struct answer answer = client_command(&client, malformed[i].command, malformed[i].argument);
        if (answer.kind != ANSWER_ERR || answer.code != 1835) {
            fail_msg("%zu: kind %d, error %u %s", i, answer.kind, answer.code, answer.text);
        }
    }
    client_close(&client);
    bench_close(&bench);
}

static void packets_that_break_the_protocol_end_the_session(void **state)
{
    static const struct {
        struct slice bytes;
        uint16_t code;
    } broken[] = {
        {SLICE_INIT("\x01\0\0\x01\x0e"), 1156}, // a sequence id that is not 0
        {SLICE_INIT("\0\0\0\0"), 1835},         // no byte at all
        {SLICE_INIT("\x01\x08\0\0"), 1153},     // 2049 bytes, told by the header alone
    };
    struct bench bench;
    (void)state;
    bench_open(&bench, "[proxy]\nmax_packet = 2K\n");
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct client client;
        client_open(&client, &bench);
        client_send_bytes(&client, broken[i].bytes);
        client.sequence = 1;
        assert_int_equal(client_answer(&client).code, broken[i].code);
        assert_int_equal(client_answer(&client).kind, ANSWER_END);
        client_close(&client);
    }
    bench_close(&bench);
}

static void a_packet_of_just_max_packet_is_run(void **state)
{
    struct bench bench;
    struct client client;
    char text[2048];
    (void)state;
    bench_open(&bench, "[proxy]\nmax_packet = 2K\n");
    client_open(&client, &bench);
    memset(text, ' ', sizeof(text));
    memcpy(text, "DO 1", 4);
    assert_int_equal(client_command(&client, COMMAND_QUERY, slice_make(text, 2047)).kind,
                     ANSWER_OK);
    assert_int_equal(client_command(&client, COMMAND_QUERY, slice_make(text, 2048)).code, 1153);
    client_close(&client);
    bench_close(&bench);
}

static void commands_sent_ahead_are_run_one_after_the_other(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    notes_wipe(&bench);
    client_send(&client, COMMAND_QUERY, S("UPDATE t SET a = 1"));
    client_send(&client, COMMAND_PING, SLICE_NONE);
    client_send(&client, COMMAND_QUERY, S("UPDATE t SET a = 2"));
    for (int i = 0; i < 3; i++) {
        client.sequence = 1;
        assert_int_equal(client_answer(&client).kind, ANSWER_OK);
    }
    assert_string_equal(bench.servers[0].asked, "Q:UPDATE t SET a = 1\nQ:UPDATE t SET a = 2\n");
    client_close(&client);
    bench_close(&bench);
}

static void what_only_sluice_knows_is_answered_by_it(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    notes_wipe(&bench);
    assert_int_equal(client_command(&client, COMMAND_PING, SLICE_NONE).kind, ANSWER_OK);
    assert_int_equal(client_command(&client, COMMAND_SET_OPTION, S("\0\0")).kind, ANSWER_EOF);
    char id[16];
    snprintf(id, sizeof(id), "%u", client.peer.connection_id);
    const enum command lists[] = {COMMAND_QUERY, COMMAND_PROCESS_INFO};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        client_send(&client, lists[i], i == 0 ? S("SHOW PROCESSLIST") : SLICE_NONE);
        tick_until(&bench, !buffer_is_empty(&client.in)); // every worker is asked
        struct answer list = client_answer(&client);
        assert_int_equal(list.kind, ANSWER_ROWS);
        assert_int_equal(list.rows, 1);
        assert_string_equal(list.text, id);
    }
    assert_string_equal(bench.servers[0].asked, "Q:SHOW GRANTS\nC:1 \n"); // once for both
    assert_string_equal(bench.servers[1].asked, "");
    client_close(&client);
    bench_close(&bench);
}

// Whether several statements may come in one text: the server that runs them must think so too.
static void permission_for_several_statements_is_passed_on_when_they_run(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    client_run(&client, "UPDATE t SET a = 1");
    client_command(&client, COMMAND_SET_OPTION, S("\0\0"));
    notes_wipe(&bench);
    client_run(&client, "UPDATE t SET a = 1; UPDATE t SET a = 2");
    assert_string_equal(bench.servers[0].asked,
                        "C:27 \nQ:UPDATE t SET a = 1; UPDATE t SET a = 2\n");
    client_close(&client);
    bench_close(&bench);
}

static void each_server_s_own_numbers_come_from_a_server(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    notes_wipe(&bench);
    assert_int_equal(client_command(&client, COMMAND_DEBUG, SLICE_NONE).kind, ANSWER_OK);
    assert_string_equal(bench.servers[0].asked, "C:13 \n");
    client_close(&client);
    bench_close(&bench);
}

// --- KILL ----------------------------------------------------------------------------------------

static struct slice id_of(const struct client *client, uint8_t bytes[4])
{
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(client->peer.connection_id >> 8 * i);
    }
    return slice_make(bytes, 4);
}

static void a_session_may_be_killed_by_its_user_alone(void **state)
{
    struct bench bench;
    struct client victim, own, stranger;
    uint8_t id[4];
    (void)state;
    bench_open(&bench, NULL);
    client_open(&victim, &bench);
    client_open(&own, &bench);
    client_open_as(&stranger, &bench, "other", "", 0);
    assert_int_equal(client_command(&stranger, COMMAND_PROCESS_KILL, id_of(&victim, id)).code,
                     1095);
    assert_int_equal(client_command(&own, COMMAND_PROCESS_KILL, id_of(&victim, id)).kind,
                     ANSWER_OK);
    assert_int_equal(client_answer(&victim).kind, ANSWER_END); // without a word
    turn_until(bench.loop, worker_session_count(bench.workers[0]) == 2);
    assert_int_equal(client_command(&own, COMMAND_PROCESS_KILL, id_of(&victim, id)).code, 1094);
    assert_query_error(&own, "KILL 0", 1094);
    assert_query_error(&own, "KILL 4294967296", 1094);
    client_close(&victim);
    client_close(&own);
    client_close(&stranger);
    bench_close(&bench);
}

static void kill_query_ends_a_statement_that_waits(void **state)
{
    struct bench bench;
    struct client victim, own;
    char kill[64];
    (void)state;
    bench_open(&bench, NULL);
    client_open(&victim, &bench);
    client_open(&own, &bench);
    bench_topology(&bench, false);
    client_send(&victim, COMMAND_QUERY, S("UPDATE t SET a = 1"));
    snprintf(kill, sizeof(kill), "KILL QUERY %u", victim.peer.connection_id);
    while (buffer_is_empty(&victim.in)) {
        client_run(&own, kill);
    }
    assert_int_equal(client_answer(&victim).code, 1317);
    assert_int_equal(client_command(&victim, COMMAND_PING, SLICE_NONE).kind, ANSWER_OK);
    client_close(&victim);
    client_close(&own);
    bench_close(&bench);
}

// A statement that runs is ended on its server, by a connection of its own.
static void kill_query_is_passed_on_under_the_server_s_id(void **state)
{
    struct bench bench;
    struct client victim, own;
    char kill[64], expected[64];
    (void)state;
    bench_open(&bench, NULL);
    client_open(&own, &bench);
    client_open(&victim, &bench);
    server_answer(&bench.servers[0], "UPDATE", SLICE_NONE);
    client_send(&victim, COMMAND_QUERY, S("UPDATE t SET a = 1"));
    turn_until(bench.loop, server_was_asked(&bench.servers[0], "UPDATE t SET a = 1"));
    uint32_t runs_on = 0;
    for (uint32_t i = 0; i < bench.servers[0].link_count; i++) {
        runs_on = bench.servers[0].links[i]->is_closed ? runs_on : i + 1;
    }
    snprintf(kill, sizeof(kill), "KILL QUERY %u", victim.peer.connection_id);
    snprintf(expected, sizeof(expected), "KILL QUERY %u", runs_on);
    client_run(&own, kill);
    turn_until(bench.loop, server_was_asked(&bench.servers[0], expected));
    client_close(&own);
    client_close(&victim);
    bench_close(&bench);
}

// --- another user --------------------------------------------------------------------------------

static void quit_ends_the_session_at_once(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    bench_open(&bench, NULL);
    client_open(&client, &bench);
    client_send(&client, COMMAND_QUIT, SLICE_NONE);
    turn_until(bench.loop, client.is_closed);
    assert_int_equal(worker_session_count(bench.workers[0]), 0);
    assert_true(buffer_is_empty(&client.in));
    client_close(&client);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_that_is_no_command_is_told_and_the_session_goes_on),
        cmocka_unit_test(a_command_without_what_it_needs_is_told),
        cmocka_unit_test(packets_that_break_the_protocol_end_the_session),
        cmocka_unit_test(a_packet_of_just_max_packet_is_run),
        cmocka_unit_test(commands_sent_ahead_are_run_one_after_the_other),
        cmocka_unit_test(what_only_sluice_knows_is_answered_by_it),
        cmocka_unit_test(permission_for_several_statements_is_passed_on_when_they_run),
        cmocka_unit_test(each_server_s_own_numbers_come_from_a_server),
        cmocka_unit_test(a_session_may_be_killed_by_its_user_alone),
        cmocka_unit_test(kill_query_ends_a_statement_that_waits),
        cmocka_unit_test(kill_query_is_passed_on_under_the_server_s_id),
        cmocka_unit_test(quit_ends_the_session_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
