// Prepared statements of sessions: what their servers are asked, and what clients hear when those
// do not know a statement, have no room for it, or go away.
#include "tests/unit/proxy/session/bench.h"

#include "protocol/packet/prepare_ok.h"
#include "protocol/packet/stmt_execute.h"
#include "tests/lib/fake.h"

#include <stdio.h>

static const char read_text[] = "SELECT a FROM t WHERE b = ?";
static const char write_text[] = "UPDATE t SET a = 1 WHERE b = ?";

// --- the server's side ---------------------------------------------------------------------------

// Preparing gives this id; running the statement under `runs_as` (its low byte) gives a row.
static void server_prepares(struct scripted_server *server, uint32_t id)
{
    struct buffer bytes = BUFFER_INIT;
    fake_write_prepared(&bytes, id);
    server_answer(server, "\x16", buffer_slice(&bytes));
    buffer_release(&bytes);
}

static void server_runs(struct scripted_server *server, const char *key)
{
    struct buffer bytes = BUFFER_INIT;
    fake_write_binary_rows(&bytes, 1, 3);
    server_answer(server, key, buffer_slice(&bytes));
    buffer_release(&bytes);
}

// How often the servers were asked this command since their notes were wiped.
static size_t asked(const struct bench *bench, enum command command)
{
    char line[16];
    size_t count = 0;
    int len = snprintf(line, sizeof(line), "C:%d ", command);
    for (int i = 0; i < BENCH_SERVERS; i++) {
        for (const char *at = bench->servers[i].asked; (at = strstr(at, line)) != NULL; at += len) {
            count++;
        }
    }
    return count;
}

// --- the client's side ---------------------------------------------------------------------------

// The id, or 0 and the error's number.
static uint32_t client_prepare(struct client *client, const char *text, uint16_t *error)
{
    struct prepare_ok ok;
    struct err err;
    uint32_t id = 0;
    client_send(client, COMMAND_STMT_PREPARE, slice_text(text));
    struct slice payload = client_packet(client);
    if (err_decode(&err, payload)) {
        *error = err.code;
    } else {
        struct answer definitions = {0};
        assert_true(prepare_ok_decode(&ok, payload, client->peer.capabilities));
        id = ok.statement_id;
        assert_int_equal(answer_until_eof(client, &definitions, NULL), 1); // the parameter
        assert_int_equal(answer_until_eof(client, &definitions, NULL), 1); // the column
    }
    mem_free((char *)payload.ptr);
    return id;
}

static uint32_t prepare(struct client *client, const char *text)
{
    uint16_t error = 0;
    uint32_t id = client_prepare(client, text, &error);
    if (id == 0) {
        fail_msg("%s: %u", text, error);
    }
    return id;
}

static void execute_send(struct client *client, uint32_t id, uint8_t flags, bool with_types)
{
    uint8_t argument[16] = {(uint8_t)id,
                            (uint8_t)(id >> 8),
                            (uint8_t)(id >> 16),
                            (uint8_t)(id >> 24),
                            flags,
                            1,
                            0,
                            0,
                            0,
                            0,
                            with_types};
    size_t len = 11;
    if (with_types) {
        argument[len++] = 0xfd;
        argument[len++] = 0;
    }
    argument[len++] = 1;
    argument[len++] = 'x';
    client_send(client, COMMAND_STMT_EXECUTE, slice_make(argument, len));
}

static struct answer execute(struct client *client, uint32_t id)
{
    execute_send(client, id, 0, true);
    return client_answer(client);
}

#define assert_runs(client, id) assert_int_equal(execute(client, id).kind, ANSWER_ROWS)

static void scene_open_with(struct bench *bench, struct client *client, const char *options)
{
    bench_open(bench, options);
    for (int i = 0; i < BENCH_SERVERS; i++) {
        server_prepares(&bench->servers[i], 7);
        server_runs(&bench->servers[i], "\x17");
    }
    client_open(client, bench);
}

static void scene_open(struct bench *bench, struct client *client)
{
    scene_open_with(bench, client, NULL);
}

static void scene_close(struct bench *bench, struct client *client)
{
    client_close(client);
    bench_close(bench);
}

// --- the usual -----------------------------------------------------------------------------------

static void a_statement_is_prepared_once_for_all_sessions(void **state)
{
    struct bench bench;
    struct client client, other;
    (void)state;
    scene_open(&bench, &client);
    client_open(&other, &bench);
    uint32_t id = prepare(&client, read_text);
    assert_int_equal(id, 1); // not the server's
    assert_pin(&bench, "");
    notes_wipe(&bench);
    assert_int_equal(prepare(&other, read_text), 1); // known
    assert_int_equal(prepare(&other, read_text), 2);
    for (int i = 0; i < 5; i++) {
        assert_runs(&client, id);
        assert_runs(&other, 1);
        assert_runs(&other, 2);
    }
    assert_int_equal(asked(&bench, COMMAND_STMT_PREPARE), 0);
    assert_int_equal(asked(&bench, COMMAND_STMT_EXECUTE), 15);
    client_close(&other);
    scene_close(&bench, &client);
}

static void what_a_server_said_is_not_known_for_good(void **state)
{
    static const struct {
        const char *statement;
        bool is_asked;
    } rows[] = {
        {"SELECT a FROM t", false},
        {"UPDATE t SET a = 1", false},
        {"ALTER TABLE t ADD c INT", true},
        {"DROP TABLE t", true},
        {"REVOKE SELECT ON t FROM app", true},
        {"CALL p()", true},
    };
    struct bench bench;
    struct client client, other;
    (void)state;
    scene_open(&bench, &client);
    client_open(&other, &bench);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        prepare(&client, read_text);
        client_query(&other, rows[i].statement);
        notes_wipe(&bench);
        prepare(&client, read_text);
        if ((asked(&bench, COMMAND_STMT_PREPARE) != 0) != rows[i].is_asked) {
            fail_msg("%s", rows[i].statement);
        }
    }
    notes_wipe(&bench);
    prepare(&client, "SELECT * FROM t WHERE b = ?");
    prepare(&client, "SELECT * FROM t WHERE b = ?"); // its columns are the table's
    assert_int_equal(asked(&bench, COMMAND_STMT_PREPARE), 2);
    client_close(&other);
    scene_close(&bench, &client);
}

static void commands_of_what_is_not_there_are_told(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    scene_open(&bench, &client);
    uint32_t id = prepare(&client, read_text);
    assert_int_equal(execute(&client, 9).code, 1243);
    assert_int_equal(client_command(&client, COMMAND_STMT_RESET, S("\x09\0\0\0")).code, 1243);
    assert_int_equal(client_command(&client, COMMAND_STMT_FETCH, S("\x01\0\0\0\x01\0\0\0")).code,
                     1421);
    client_send(&client, COMMAND_STMT_SEND_LONG_DATA, S("\x09\0\0\0\0\0x"));
    client_send(&client, COMMAND_STMT_CLOSE, S("\x09\0\0\0"));
    assert_int_equal(client_command(&client, COMMAND_STMT_RESET, S("\x01\0\0\0")).kind, ANSWER_OK);
    execute_send(&client, id, 0, false); // nobody has said what the parameter is
    assert_int_equal(client_answer(&client).code, 1835);
    assert_runs(&client, id);
    execute_send(&client, id, 0, false); // now somebody has
    assert_int_equal(client_answer(&client).kind, ANSWER_ROWS);
    client_send(&client, COMMAND_STMT_CLOSE, S("\x01\0\0\0"));
    assert_int_equal(execute(&client, id).code, 1243);
    assert_int_equal(execute(&client, UINT32_MAX).code, 1243); // the last one is closed
    scene_close(&bench, &client);
}

static void the_last_one_prepared_needs_no_id(void **state)
{
    struct bench bench;
    struct client client;
    uint16_t error = 0;
    (void)state;
    scene_open(&bench, &client);
    assert_int_equal(execute(&client, UINT32_MAX).code, 1243);
    prepare(&client, read_text);
    assert_runs(&client, UINT32_MAX);
    server_answer_err(&bench.servers[0], "\x16UPDATE", 1146, "no such table");
    assert_int_equal(client_prepare(&client, write_text, &error), 0);
    assert_int_equal(error, 1146);
    assert_int_equal(execute(&client, UINT32_MAX).code, 1243); // never the one before
    assert_runs(&client, 1);
    scene_close(&bench, &client);
}

// By sluice itself, without a word to a server.
static void behind_a_preparation_that_was_refused_there_is_no_last_one(void **state)
{
    struct bench bench;
    struct client client;
    uint16_t error = 0;
    (void)state;
    scene_open_with(&bench, &client, "[rule:none]\nmatch = ^DELETE\nroute = block\n");
    prepare(&client, read_text);
    assert_runs(&client, UINT32_MAX);
    assert_int_equal(client_prepare(&client, "DELETE FROM t WHERE a = ?", &error), 0);
    assert_int_not_equal(error, 0);
    assert_int_equal(execute(&client, UINT32_MAX).code, 1243);
    assert_runs(&client, 1);
    scene_close(&bench, &client);
}

static void a_reset_and_a_change_of_user_forget_them(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    scene_open(&bench, &client);
    uint32_t id = prepare(&client, read_text);
    assert_int_equal(client_command(&client, COMMAND_RESET_CONNECTION, SLICE_NONE).kind, ANSWER_OK);
    assert_int_equal(execute(&client, id).code, 1243);
    scene_close(&bench, &client);
}

// --- servers that lack a statement ---------------------------------------------------------------

static void err_once_prepared(struct scripted_server *server, uint16_t number, const char *text)
{
    server_answer_err(server, "\x17\x07", number, text);
    server_prepares(server, 8);
}

// Trap 27: whatever has become of a statement on the server, the client does not hear of it.
static void a_statement_that_the_server_does_not_know_is_prepared_again(void **state)
{
    static const struct {
        const char *text;
        uint16_t number;
        const char *words;
        bool is_told;
    } rows[] = {
        {read_text, 1243, "Unknown prepared statement handler (7) given to mysqld_stmt_execute",
         false},
        {read_text, 1615, "Prepared statement needs to be re-prepared", false},
        {write_text, 1243, "Unknown prepared statement handler (7) given to mysqld_stmt_execute",
         false},
        {write_text, 1615, "Prepared statement needs to be re-prepared", false},
        {write_text, 1062, "Duplicate entry", true},
        // It may have done much before one of its own statements was not there.
        {"CALL p(?)", 1615, "Prepared statement needs to be re-prepared", true},
        {"CALL p(?)", 1243, "Unknown prepared statement handler (s) given to EXECUTE", true},
        {"CALL p(?)", 1243, "Unknown prepared statement handler (7) given to mysqld_stmt_execute",
         false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bench bench;
        struct client client;
        scene_open(&bench, &client);
        uint32_t id = prepare(&client, rows[i].text);
        assert_runs(&client, id); // on the connection that has it
        for (int j = 0; j < BENCH_SERVERS; j++) {
            err_once_prepared(&bench.servers[j], rows[i].number, rows[i].words);
        }
        notes_wipe(&bench);
        struct answer answer = execute(&client, id);
        if (answer.code != (rows[i].is_told ? rows[i].number : 0)) {
            fail_msg("%s: %u %s", rows[i].text, answer.code, answer.text);
        }
        assert_int_equal(asked(&bench, COMMAND_STMT_PREPARE), rows[i].is_told ? 0 : 1);
        scene_close(&bench, &client);
    }
}

static void a_statement_that_is_never_known_is_given_up(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    scene_open(&bench, &client);
    uint32_t id = prepare(&client, read_text);
    server_answer_err(&bench.servers[1], "\x17", 1615, "needs to be re-prepared");
    notes_wipe(&bench);
    assert_int_equal(execute(&client, id).code, 1615);
    assert_in_range(asked(&bench, COMMAND_STMT_PREPARE), 1, 12);
    scene_close(&bench, &client);
}

static void a_server_without_room_is_asked_again_with_less(void **state)
{
    struct bench bench;
    struct client client;
    uint16_t error = 0;
    (void)state;
    scene_open(&bench, &client);
    for (int i = 0; i < 8; i++) {
        char text[64];
        snprintf(text, sizeof(text), "SELECT a + %d FROM t WHERE b = ?", i);
        prepare(&client, text);
    }
    server_answer_err(&bench.servers[1], "\x16", 1461, "Can't create more than 8 statements");
    notes_wipe(&bench);
    assert_int_equal(client_prepare(&client, read_text, &error), 0);
    assert_int_equal(error, 1461); // it stays full, whatever was closed
    assert_in_range(asked(&bench, COMMAND_STMT_PREPARE), 2, 5);
    assert_in_range(asked(&bench, COMMAND_STMT_CLOSE), 4, 8);
    server_prepares(&bench.servers[1], 9);
    assert_runs(&client, 1); // closed above: is prepared again
    prepare(&client, read_text);
    assert_int_equal(prepare(&client, read_text), 10); // known by now
    scene_close(&bench, &client);
}

// The error of a preparation that the client does not know of is the answer to its execution, and
// what the server says of the execution behind it is thrown away.
static void what_cannot_be_prepared_there_is_told(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    scene_open(&bench, &client);
    uint32_t id = prepare(&client, read_text);
    assert_int_equal(client_command(&client, COMMAND_INIT_DB, S("elsewhere")).kind, ANSWER_OK);
    assert_runs(&client, id);
    server_answer_err(&bench.servers[1], "\x16", 1142, "no such right");
    server_answer_err(&bench.servers[1], "\x17\x07", 1243, "mysqld_stmt_execute");
    server_answer_err(&bench.servers[1], "\x17\xff", 1243, "mysqld_stmt_execute");
    for (int i = 0; i < 3; i++) {
        struct answer answer = execute(&client, id);
        assert_int_equal(answer.code, 1142);
        assert_string_equal(answer.text, "no such right");
    }
    assert_int_equal(client_query(&client, "SELECT a FROM t").kind, ANSWER_OK);
    server_prepares(&bench.servers[1], 8);
    server_runs(&bench.servers[1], "\x17\xff");
    server_runs(&bench.servers[1], "\x17\x08");
    assert_runs(&client, id);
    scene_close(&bench, &client);
}

// The replica may not have it yet: the primary says whether there is such a thing.
static void what_a_replica_does_not_have_the_primary_is_asked_for(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    scene_open(&bench, &client);
    uint32_t id = prepare(&client, read_text);
    assert_int_equal(client_command(&client, COMMAND_INIT_DB, S("elsewhere")).kind, ANSWER_OK);
    assert_runs(&client, id);
    server_answer_err(&bench.servers[1], "\x16", 1146, "no such table");
    server_answer_err(&bench.servers[1], "\x17\x07", 1243, "mysqld_stmt_execute");
    server_answer_err(&bench.servers[1], "\x17\xff", 1243, "mysqld_stmt_execute");
    server_prepares(&bench.servers[0], 5);
    server_runs(&bench.servers[0], "\x17\xff");
    server_runs(&bench.servers[0], "\x17\x05");
    for (int i = 0; i < 3; i++) {
        assert_runs(&client, id);
    }
    server_answer_err(&bench.servers[0], "SELECT b", 1054, "no such column");
    server_answer_err(&bench.servers[1], "SELECT b", 1054, "no such column yet");
    assert_string_equal(client_query(&client, "SELECT b FROM t").text, "no such column");
    assert_int_equal(client_query(&client, "SELECT a FROM t").kind, ANSWER_OK);
    scene_close(&bench, &client);
}

// --- servers that go away ------------------------------------------------------------------------

static void a_read_whose_server_dies_runs_on_another(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    scene_open(&bench, &client);
    uint32_t id = prepare(&client, read_text);
    server_answer_cut(&bench.servers[1], "\x17", SLICE_NONE);
    bench_topology(&bench, true);
    notes_wipe(&bench);
    struct answer answer = execute(&client, id); // the replica again, as often as it is there
    assert_int_equal(answer.kind, ANSWER_ERR);
    assert_true(asked(&bench, COMMAND_STMT_EXECUTE) > 1);
    server_runs(&bench.servers[1], "\x17");
    assert_runs(&client, id);
    scene_close(&bench, &client);
}

static void a_write_whose_server_dies_is_never_run_twice(void **state)
{
    struct bench bench;
    struct client client;
    (void)state;
    scene_open(&bench, &client);
    uint32_t id = prepare(&client, write_text);
    server_answer_cut(&bench.servers[0], "\x17", SLICE_NONE);
    notes_wipe(&bench);
    assert_int_equal(execute(&client, id).kind, ANSWER_ERR);
    assert_int_equal(asked(&bench, COMMAND_STMT_EXECUTE), 1);
    server_runs(&bench.servers[0], "\x17");
    assert_runs(&client, id); // the statement is the session's still
    scene_close(&bench, &client);
}

static void a_prepare_whose_server_dies_is_asked_of_another(void **state)
{
    struct bench bench;
    struct client client;
    uint16_t error = 0;
    (void)state;
    scene_open(&bench, &client);
    server_answer_cut(&bench.servers[0], "\x16", SLICE_NONE);
    assert_int_equal(client_prepare(&client, write_text, &error), 0);
    assert_true(asked(&bench, COMMAND_STMT_PREPARE) > 1); // it changes nothing
    server_prepares(&bench.servers[0], 3);
    prepare(&client, write_text);
    scene_close(&bench, &client);
}

// --- cursors -------------------------------------------------------------------------------------

// Trap 29.
static void a_cursor_pins_until_its_last_row(void **state)
{
    struct bench bench;
    struct client client;
    struct buffer bytes = BUFFER_INIT;
    (void)state;
    scene_open(&bench, &client);
    fake_write_cursor(&bytes, STATUS_AUTOCOMMIT | STATUS_CURSOR_EXISTS);
    server_answer(&bench.servers[0], "\x17", buffer_slice(&bytes));
    uint32_t id = prepare(&client, read_text);
    for (int round = 0; round < 3; round++) {
        struct answer columns = {0};
        execute_send(&client, id, STMT_EXECUTE_CURSOR_READ_ONLY, true);
        assert_int_equal(answer_until_eof(&client, &columns, NULL), 2); // their number, the column
        assert_pin(&bench, "cursor");
        assert_int_equal(bench_shown(&bench).backend, 0); // where writes go as well
        if (round == 0) {                                 // its last row
            buffer_clear(&bytes);
            fake_write_eof(&bytes, STATUS_AUTOCOMMIT | STATUS_LAST_ROW_SENT);
            server_answer(&bench.servers[0], "\x1c", buffer_slice(&bytes));
            client_send(&client, COMMAND_STMT_FETCH, S("\x01\0\0\0\x05\0\0\0"));
            assert_int_equal(answer_until_eof(&client, &columns, NULL), 0);
        } else if (round == 1) {
            assert_int_equal(client_command(&client, COMMAND_STMT_RESET, S("\x01\0\0\0")).kind,
                             ANSWER_OK);
        } else {
            client_send(&client, COMMAND_STMT_CLOSE, S("\x01\0\0\0"));
            client_command(&client, COMMAND_PING, SLICE_NONE);
        }
        assert_pin(&bench, "");
        assert_int_equal(bench_shown(&bench).backend, -1);
    }
    buffer_release(&bytes);
    scene_close(&bench, &client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_statement_is_prepared_once_for_all_sessions),
        cmocka_unit_test(what_a_server_said_is_not_known_for_good),
        cmocka_unit_test(commands_of_what_is_not_there_are_told),
        cmocka_unit_test(the_last_one_prepared_needs_no_id),
        cmocka_unit_test(behind_a_preparation_that_was_refused_there_is_no_last_one),
        cmocka_unit_test(a_reset_and_a_change_of_user_forget_them),
        cmocka_unit_test(a_statement_that_the_server_does_not_know_is_prepared_again),
        cmocka_unit_test(a_statement_that_is_never_known_is_given_up),
        cmocka_unit_test(a_server_without_room_is_asked_again_with_less),
        cmocka_unit_test(what_cannot_be_prepared_there_is_told),
        cmocka_unit_test(what_a_replica_does_not_have_the_primary_is_asked_for),
        cmocka_unit_test(a_read_whose_server_dies_runs_on_another),
        cmocka_unit_test(a_write_whose_server_dies_is_never_run_twice),
        cmocka_unit_test(a_prepare_whose_server_dies_is_asked_of_another),
        cmocka_unit_test(a_cursor_pins_until_its_last_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
