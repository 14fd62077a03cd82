// Commands whose answers have several parts, and uploads: cut at each byte of what the server says,
// and by the client at each of its turns.
#include "tests/lib/scene.h"

#include "protocol/packet/command.h"
#include "protocol/packet/err.h"

#include <stdio.h>
#include <sys/socket.h>

enum { STATEMENT_ID = 7 };

static const char prepared_key[] = "\x16SELECT a FROM scripted WHERE b = ?";
static const char executed_key[] = "\x17";
static const char multi[] = "SELECT a FROM scripted; SELECT a FROM scripted";
static const char load[] = "LOAD DATA LOCAL INFILE 'rows' INTO TABLE scripted";

// --- what a client of each kind gets ------------------------------------------------------------

// Reads `ends` packets that end something. False at an error or at the end of the connection.
static bool read_ends(struct peer *peer, int ends)
{
    struct slice payload;
    while (ends > 0 && peer_try_read(peer, &payload)) {
        uint8_t first = payload.len > 0 ? (uint8_t)payload.ptr[0] : 0;
        if (first == ERR_HEADER) {
            return false;
        }
        ends -= first == 0xFE && payload.len < 9;
    }
    return ends == 0;
}

static bool prepare(struct peer *peer)
{
    peer_send_command(peer, COMMAND_STMT_PREPARE, slice_text(prepared_key + 1));
    return read_ends(peer, 2); // of the parameters and of the columns
}

static bool execute(struct peer *peer)
{
    // Of whatever id the proxy gave it, the first of a session being 1; one text parameter.
    static const struct slice arguments =
        SLICE_INIT("\x01\x00\x00\x00\x00\x01\x00\x00\x00\x00\x01\xFD\x00\x01x");
    peer_send_command(peer, COMMAND_STMT_EXECUTE, arguments);
    return read_ends(peer, 2);
}

static bool prepare_and_execute(struct peer *peer)
{
    return prepare(peer) && execute(peer);
}

static bool two_results(struct peer *peer)
{
    peer_send_query(peer, multi);
    return read_ends(peer, 4);
}

typedef bool conversation_fn(struct peer *peer);

static bool in_session(const struct scene *scene, conversation_fn *run)
{
    struct peer *peer = peer_connect(scene->instance->port);
    struct buffer payload = BUFFER_INIT;
    peer_read_greeting(peer);
    peer_login_payload(peer, "app", "app-secret", NULL, CAPABILITY_MULTI_STATEMENTS, &payload);
    peer_send_packet(peer, buffer_slice(&payload));
    buffer_release(&payload);
    peer_read_login(peer, "app-secret");
    bool is_whole = run(peer);
    peer_close(peer);
    return is_whole;
}

static void usual_answers(const struct scene *scene)
{
    struct buffer bytes = BUFFER_INIT;
    fake_write_prepared(&bytes, STATEMENT_ID);
    fake_answer(scene->fake, prepared_key, buffer_slice(&bytes), FAKE_USUALLY);
    buffer_clear(&bytes);
    fake_write_binary_rows(&bytes, 2, 5);
    fake_answer(scene->fake, executed_key, buffer_slice(&bytes), FAKE_USUALLY);
    buffer_clear(&bytes);
    fake_write_two_results(&bytes, 2, 5);
    fake_answer(scene->fake, multi, buffer_slice(&bytes), FAKE_USUALLY);
    buffer_release(&bytes);
}

// --- cut by the server --------------------------------------------------------------------------

static void cut_at_each_byte(const struct scene *scene, const char *key, struct slice bytes,
                             conversation_fn *run)
{
    static const enum fake_ending endings[] = {FAKE_CLOSE, FAKE_RESET};
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        for (size_t sent = 0; sent < bytes.len; sent++) {
            fake_answer(scene->fake, key, bytes, (struct fake_manner){sent, endings[i], false});
            if (in_session(scene, run)) {
                fail_msg("%zu of %zu bytes passed for a whole answer", sent, bytes.len);
            }
        }
    }
    fake_answer(scene->fake, key, bytes, (struct fake_manner){FAKE_ALL, FAKE_GO_ON, true});
    assert_true(in_session(scene, run)); // byte by byte is whole
    usual_answers(scene);
    assert_true(in_session(scene, run));
    assert_scene_sound(scene);
}

static void a_prepare_cut_at_each_byte_is_none(void **state)
{
    const struct scene *scene = *state;
    struct buffer bytes = BUFFER_INIT;
    usual_answers(scene);
    fake_write_prepared(&bytes, STATEMENT_ID);
    cut_at_each_byte(scene, prepared_key, buffer_slice(&bytes), prepare);
    buffer_release(&bytes);
}

static void an_execute_cut_at_each_byte_is_none(void **state)
{
    const struct scene *scene = *state;
    struct buffer bytes = BUFFER_INIT;
    usual_answers(scene);
    fake_write_binary_rows(&bytes, 2, 5);
    cut_at_each_byte(scene, executed_key, buffer_slice(&bytes), prepare_and_execute);
    buffer_release(&bytes);
}

static void several_results_cut_at_each_byte_are_not_whole(void **state)
{
    const struct scene *scene = *state;
    struct buffer bytes = BUFFER_INIT;
    usual_answers(scene);
    fake_write_two_results(&bytes, 2, 5);
    cut_at_each_byte(scene, multi, buffer_slice(&bytes), two_results);
    buffer_release(&bytes);
}

static void an_unknown_statement_is_told(void **state)
{
    const struct scene *scene = *state;
    struct peer *peer = scene_client(scene);
    peer_send_command(peer, COMMAND_STMT_EXECUTE,
                      slice_make("\x63\x00\x00\x00\x00\x01\x00\x00\x00", 9));
    assert_peer_err(peer, 1243, "sluice:");
    peer_send_command(peer, COMMAND_STMT_CLOSE, slice_make("\x63\x00\x00\x00", 4)); // no answer
    assert_true(slice_equal(peer_query_value(peer, "SELECT 11"), S("11")));
    peer_close(peer);
    assert_scene_sound(scene);
}

// --- uploads ------------------------------------------------------------------------------------

static struct peer *upload_begin(const struct scene *scene)
{
    struct buffer request = BUFFER_INIT, payload = BUFFER_INIT;
    fake_write_file_request(&request, "rows");
    fake_answer(scene->fake, "LOAD DATA LOCAL", buffer_slice(&request), FAKE_USUALLY);
    struct peer *peer = peer_connect(scene->instance->port);
    peer_read_greeting(peer);
    peer_login_payload(peer, "app", "app-secret", NULL, CAPABILITY_LOCAL_FILES, &payload);
    peer_send_packet(peer, buffer_slice(&payload));
    peer_read_login(peer, "app-secret");
    peer_send_query(peer, load);
    struct slice wish = peer_read(peer);
    assert_true(wish.len > 1 && (uint8_t)wish.ptr[0] == 0xFB);
    buffer_release(&request);
    buffer_release(&payload);
    return peer;
}

static void an_upload_arrives(void **state)
{
    const struct scene *scene = *state;
    for (int packets = 0; packets < 300; packets += 50) { // sequence ids wrap at 256
        struct peer *peer = upload_begin(scene);
        for (int i = 0; i < packets; i++) {
            peer_send_packet(peer, S("a row of the file\n"));
        }
        peer_send_packet(peer, SLICE_NONE);
        assert_peer_ok(peer);
        assert_true(slice_equal(peer_query_value(peer, "SELECT 12"), S("12")));
        peer_close(peer);
    }
    assert_scene_sound(scene);
}

static void an_upload_that_its_client_leaves_is_given_up(void **state)
{
    const struct scene *scene = *state;
    static const struct slice piece = SLICE_INIT("a row of the file\n");
    for (size_t len = 0; len <= piece.len + 4; len++) {
        struct peer *peer = upload_begin(scene);
        peer_send_part(peer, piece, len);
        len % 2 == 0 ? peer_close(peer) : peer_reset(peer);
    }
    assert_scene_sound(scene);
}

// In the middle of a file nothing can be said to a client.
static void an_upload_whose_server_dies_ends_the_session(void **state)
{
    const struct scene *scene = *state;
    struct peer *peer = upload_begin(scene);
    peer_send_packet(peer, S("a row of the file\n"));
    fake_disconnect(scene->fake);
    assert_peer_closed(peer);
    peer_close(peer);
    assert_scene_sound(scene);
}

static void a_client_that_offers_no_files_is_not_asked_for_one(void **state)
{
    const struct scene *scene = *state;
    size_t before = fake_statement_count(scene->fake, "LOAD DATA LOCAL");
    struct peer *peer = scene_client(scene); // without the capability
    peer_send_query(peer, load);
    assert_peer_err(peer, 4166, "sluice:");
    assert_int_equal(fake_statement_count(scene->fake, "LOAD DATA LOCAL"), before);
    peer_close(peer);
    assert_scene_sound(scene);
}

// --- KILL QUERY between the words ---------------------------------------------------------------

static void kill_query(const struct scene *scene, const struct peer *victim)
{
    char statement[32];
    snprintf(statement, sizeof(statement), "KILL QUERY %u", victim->connection_id);
    peer_query(scene->witness, statement);
}

// The server hears of it, and answers behind the file's end.
static void kill_query_reaches_an_upload(void **state)
{
    const struct scene *scene = *state;
    struct buffer ok = BUFFER_INIT;
    fake_write_ok(&ok);
    fake_answer(scene->fake, "KILL QUERY", buffer_slice(&ok), FAKE_USUALLY);
    struct peer *peer = upload_begin(scene);
    peer_send_packet(peer, S("a row of the file\n"));
    size_t ended = fake_accepted(scene->fake) - fake_open(scene->fake);
    kill_query(scene, peer);
    assert_soon(fake_statement_count(scene->fake, "KILL QUERY") == 1);
    peer_send_packet(peer, SLICE_NONE);
    assert_peer_ok(peer);
    // The order's connection ends, and that which it may still hit.
    assert_soon(fake_accepted(scene->fake) - fake_open(scene->fake) >= ended + 2);
    peer_close(peer);
    assert_scene_sound(scene);
    buffer_release(&ok);
}

// A read would be run again where its connection is lost.
static void a_read_that_was_killed_does_not_run_again(void **state)
{
    const struct scene *scene = *state;
    struct buffer ok = BUFFER_INIT;
    fake_write_ok(&ok);
    fake_answer(scene->fake, "KILL QUERY", buffer_slice(&ok), FAKE_USUALLY);
    fake_answer(scene->fake, "SELECT stalls", SLICE_NONE,
                (struct fake_manner){0, FAKE_STALL, false});
    struct peer *peer = scene_client(scene);
    size_t orders = fake_statement_count(scene->fake, "KILL QUERY");
    peer_send_query(peer, "SELECT stalls");
    assert_soon(fake_statement_count(scene->fake, "SELECT stalls") == 1);
    kill_query(scene, peer);
    assert_soon(fake_statement_count(scene->fake, "KILL QUERY") == orders + 1);
    fake_disconnect(scene->fake);
    assert_peer_err(peer, 1158, "lost server");
    assert_int_equal(fake_statement_count(scene->fake, "SELECT stalls"), 1);
    fake_resume(scene->fake);
    peer_close(peer);
    assert_scene_sound(scene);
    buffer_release(&ok);
}

// A write on a connection that has served somebody else since is preceded by what the session has
// set. One worker, so that there is somebody else.
static void kill_query_ends_a_statement_whose_connection_is_not_ready_yet(void **state)
{
    struct scene *scene = scene_create((const char *const[]){"proxy.workers = 1", NULL});
    void *alone = scene;
    struct buffer ok = BUFFER_INIT;
    struct peer *peer = scene_client(scene);
    (void)state;
    fake_write_ok(&ok);
    fake_answer(scene->fake, "SET sql_select_limit=7", buffer_slice(&ok),
                (struct fake_manner){0, FAKE_STALL, false});
    peer_query(peer, "SET sql_select_limit = 7");
    peer_query(scene->witness, "SELECT 1");
    peer_send_query(peer, "UPDATE t SET a = 1");
    assert_soon(fake_statement_count(scene->fake, "SET sql_select_limit=7") == 1);
    kill_query(scene, peer);
    assert_peer_err(peer, 1317, "Query execution was interrupted");
    fake_answer(scene->fake, "SET sql_select_limit=7", buffer_slice(&ok), FAKE_USUALLY);
    assert_true(slice_equal(peer_query_value(peer, "SELECT 12"), S("12")));
    fake_resume(scene->fake);
    peer_close(peer);
    buffer_release(&ok);
    the_proxy_ends_well(&alone);
    scene_teardown(&alone);
}

// --- TLS that is none ---------------------------------------------------------------------------

static void a_tls_request_without_tls_ends_the_connection(void **state)
{
    const struct scene *scene = *state;
    static const char *const behind[] = {"", "\x16", "\x16\x03\x01\x02\x00\x01",
                                         "garbage in place of a hello"};
    for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
        struct peer *peer = peer_connect(scene->instance->port);
        uint8_t request[32] = {0x05, 0xAA, 0x3E, 0x19, 0, 0, 0, 1, 45}; // with CAPABILITY_SSL
        request[1] |= 0x08;
        peer_read_greeting(peer);
        assert_true((peer->offered & CAPABILITY_SSL) != 0);
        peer_send_packet(peer, slice_make(request, sizeof(request)));
        peer_send(peer, slice_text(behind[i]));
        shutdown(peer->fd, SHUT_WR);
        assert_peer_closed(peer);
        peer_close(peer);
    }
    assert_scene_sound(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prepare_cut_at_each_byte_is_none),
        cmocka_unit_test(an_execute_cut_at_each_byte_is_none),
        cmocka_unit_test(several_results_cut_at_each_byte_are_not_whole),
        cmocka_unit_test(an_unknown_statement_is_told),
        cmocka_unit_test(an_upload_arrives),
        cmocka_unit_test(an_upload_that_its_client_leaves_is_given_up),
        cmocka_unit_test(an_upload_whose_server_dies_ends_the_session),
        cmocka_unit_test(a_client_that_offers_no_files_is_not_asked_for_one),
        cmocka_unit_test(kill_query_reaches_an_upload),
        cmocka_unit_test(a_read_that_was_killed_does_not_run_again),
        cmocka_unit_test(kill_query_ends_a_statement_whose_connection_is_not_ready_yet),
        cmocka_unit_test(a_tls_request_without_tls_ends_the_connection),
        cmocka_unit_test(the_proxy_ends_well),
    };
    return cmocka_run_group_tests(tests, scene_setup, scene_teardown);
}
