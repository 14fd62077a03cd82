// Servers that hang, cut, refuse or answer nonsense: it costs their own statement, never another
// one, and never a wrong answer.
#include "tests/lib/scene.h"

#include "protocol/packet/command.h"
#include "protocol/packet/err.h"
#include "protocol/wire/frame.h"

#include <stdio.h>
#include <string.h>

static const char statement[] = "SELECT a FROM scripted";

// What a client got: whole, an error, or the end of the connection.
enum outcome { OUTCOME_WHOLE, OUTCOME_ERROR, OUTCOME_CLOSED };

static enum outcome outcome_of(struct peer *peer)
{
    struct slice payload;
    peer_send_query(peer, statement);
    int ends = 0;
    while (peer_try_read(peer, &payload)) {
        uint8_t first = payload.len > 0 ? (uint8_t)payload.ptr[0] : 0;
        if (first == ERR_HEADER) {
            return OUTCOME_ERROR;
        }
        ends += first == 0xFE && payload.len < 9;
        if (ends == 2 || first == 0x00) {
            return OUTCOME_WHOLE;
        }
    }
    return OUTCOME_CLOSED;
}

static enum outcome run_in_session(const struct scene *scene)
{
    struct peer *peer = scene_client(scene);
    enum outcome outcome = outcome_of(peer);
    peer_close(peer);
    return outcome;
}

static void answer_with(const struct scene *scene, struct slice bytes, struct fake_manner manner)
{
    fake_answer(scene->fake, statement, bytes, manner);
}

// --- answers that end too early -----------------------------------------------------------------

static void cut_at_each_byte(const struct scene *scene, struct slice bytes, enum fake_ending ending)
{
    for (size_t sent = 0; sent < bytes.len; sent++) {
        answer_with(scene, bytes, (struct fake_manner){sent, ending, false});
        if (run_in_session(scene) == OUTCOME_WHOLE) {
            fail_msg("%zu of %zu bytes passed for a whole answer", sent, bytes.len);
        }
    }
    answer_with(scene, bytes, FAKE_USUALLY);
    assert_int_equal(run_in_session(scene), OUTCOME_WHOLE);
    assert_scene_sound(scene);
}

static void a_result_cut_at_each_byte_is_no_result(void **state)
{
    const struct scene *scene = *state;
    struct buffer bytes = BUFFER_INIT;
    fake_write_rows(&bytes, 2, 5);
    cut_at_each_byte(scene, buffer_slice(&bytes), FAKE_CLOSE);
    cut_at_each_byte(scene, buffer_slice(&bytes), FAKE_RESET);
    buffer_release(&bytes);
}

static void an_ok_cut_at_each_byte_is_no_ok(void **state)
{
    const struct scene *scene = *state;
    struct buffer bytes = BUFFER_INIT;
    fake_write_ok(&bytes);
    cut_at_each_byte(scene, buffer_slice(&bytes), FAKE_CLOSE);
    cut_at_each_byte(scene, buffer_slice(&bytes), FAKE_RESET);
    buffer_release(&bytes);
}

static void an_error_cut_at_each_byte_is_still_an_error(void **state)
{
    const struct scene *scene = *state;
    struct buffer bytes = BUFFER_INIT;
    fake_write_err(&bytes, 1146, "no such table");
    for (size_t sent = 0; sent < buffer_len(&bytes); sent++) {
        answer_with(scene, buffer_slice(&bytes), (struct fake_manner){sent, FAKE_CLOSE, false});
        assert_int_equal(run_in_session(scene), OUTCOME_ERROR);
    }
    buffer_release(&bytes);
    assert_scene_sound(scene);
}

// The bytes that a client gets up to the end of the connection, or so many.
static struct buffer bytes_read(struct peer *peer, size_t most)
{
    struct buffer all = BUFFER_INIT;
    uint8_t piece[512];
    size_t n = 1;
    while (n > 0 && buffer_len(&all) < most) {
        size_t room = most - buffer_len(&all);
        n = peer_read_bytes(peer, piece, room < sizeof(piece) ? room : sizeof(piece));
        buffer_append(&all, piece, n);
    }
    return all;
}

static void assert_begins(struct peer *peer, struct slice expected)
{
    struct buffer got = bytes_read(peer, expected.len);
    assert_int_equal(buffer_len(&got), expected.len);
    assert_memory_equal(buffer_ptr(&got), expected.ptr, expected.len);
    buffer_release(&got);
}

// Where the packet begins in which the first `sent` bytes of an answer end, and which one it is.
struct cut {
    size_t start;
    unsigned packet;
    bool is_eof;
};

static struct cut cut_find(struct slice answer, size_t sent)
{
    struct cut cut = {0};
    for (;;) {
        struct frame frame = frame_read((const uint8_t *)answer.ptr + cut.start);
        size_t next = cut.start + FRAME_HEADER_SIZE + frame.len;
        cut.is_eof = (uint8_t)answer.ptr[cut.start + FRAME_HEADER_SIZE] == 0xFE;
        if (next > sent) {
            return cut;
        }
        cut.start = next;
        cut.packet++;
    }
}

// A packet is passed on from its first byte behind the header; one that ends something only as a
// whole. While nothing of it was, an error can stand in its place, and the session goes on.
static bool can_be_told(struct cut cut, size_t sent)
{
    return cut.is_eof || sent - cut.start <= FRAME_HEADER_SIZE;
}

static void a_result_lost_between_two_packets_ends_in_an_error(void **state)
{
    const struct scene *scene = *state;
    struct buffer bytes = BUFFER_INIT;
    int told = 0;
    fake_write_rows(&bytes, 2, 5);
    for (size_t sent = 0; sent < buffer_len(&bytes); sent++) {
        struct cut cut = cut_find(buffer_slice(&bytes), sent);
        if (!can_be_told(cut, sent)) {
            continue;
        }
        answer_with(scene, buffer_slice(&bytes), (struct fake_manner){sent, FAKE_CLOSE, false});
        size_t before = fake_statement_count(scene->fake, statement);
        struct peer *peer = scene_client(scene);
        peer_send_query(peer, statement);
        assert_begins(peer, slice_first(buffer_slice(&bytes), cut.start));
        peer->sequence = (uint8_t)(1 + cut.packet);
        // Of which the client has nothing is tried again before.
        bool is_begun = cut.packet > 0;
        assert_peer_err(peer, 1158, is_begun ? "in the middle of the result" : "can be run again");
        assert_int_equal(fake_statement_count(scene->fake, statement) - before, is_begun ? 1 : 3);
        assert_true(slice_equal(peer_query_value(peer, "SELECT 8"), S("8")));
        peer_close(peer);
        told++;
    }
    assert_int_equal(told, 4 * 5 + 2 * 9); // headers of four packets and their ends, two EOFs
    buffer_release(&bytes);
    assert_scene_sound(scene);
}

static void a_result_lost_inside_of_a_packet_ends_the_connection(void **state)
{
    const struct scene *scene = *state;
    struct buffer bytes = BUFFER_INIT;
    int ended = 0;
    fake_write_rows(&bytes, 2, 5);
    for (size_t sent = 0; sent < buffer_len(&bytes); sent++) {
        if (can_be_told(cut_find(buffer_slice(&bytes), sent), sent)) {
            continue;
        }
        answer_with(scene, buffer_slice(&bytes), (struct fake_manner){sent, FAKE_CLOSE, false});
        size_t before = fake_statement_count(scene->fake, statement);
        struct peer *peer = scene_client(scene);
        peer_send_query(peer, statement);
        struct buffer got = bytes_read(peer, SIZE_MAX); // and then the end
        assert_int_equal(buffer_len(&got), sent);
        assert_memory_equal(buffer_ptr(&got), buffer_ptr(&bytes), sent);
        assert_int_equal(fake_statement_count(scene->fake, statement) - before, 1);
        peer_close(peer);
        buffer_release(&got);
        ended++;
    }
    assert_true(ended > 0);
    buffer_release(&bytes);
    assert_scene_sound(scene);
}

// A write that was sent and not answered may have happened: the client is told so, and it is not
// sent again.
static void a_write_that_was_sent_is_never_sent_again(void **state)
{
    const struct scene *scene = *state;
    struct buffer bytes = BUFFER_INIT;
    fake_write_ok(&bytes);
    fake_answer(scene->fake, "UPDATE once", buffer_slice(&bytes),
                (struct fake_manner){0, FAKE_CLOSE, false});
    struct peer *peer = scene_client(scene);
    peer_send_query(peer, "UPDATE once SET a = 1");
    assert_peer_err(peer, 1158, "unknown");
    assert_int_equal(fake_statement_count(scene->fake, "UPDATE once"), 1);
    peer_close(peer);
    buffer_release(&bytes);
    assert_scene_sound(scene);
}

// --- answers that come slowly -------------------------------------------------------------------

static void an_answer_byte_by_byte_is_whole(void **state)
{
    const struct scene *scene = *state;
    struct buffer bytes = BUFFER_INIT;
    fake_write_rows(&bytes, 20, 30);
    answer_with(scene, buffer_slice(&bytes), (struct fake_manner){FAKE_ALL, FAKE_GO_ON, true});
    assert_int_equal(run_in_session(scene), OUTCOME_WHOLE);
    buffer_release(&bytes);
    assert_scene_sound(scene);
}

static void an_answer_that_stops_for_a_while_holds_nobody_else_up(void **state)
{
    const struct scene *scene = *state;
    struct buffer bytes = BUFFER_INIT;
    fake_write_rows(&bytes, 2, 5);
    answer_with(scene, buffer_slice(&bytes), (struct fake_manner){20, FAKE_STALL, false});
    struct peer *peer = scene_client(scene);
    peer_send_query(peer, statement);
    assert_soon(fake_statement_count(scene->fake, statement) > 0);
    for (int i = 0; i < 20; i++) {
        assert_true(slice_equal(peer_query_value(scene->witness, "SELECT 5"), S("5")));
    }
    peer_reset(peer); // the client gives up; its connection to the server may not be used again
    fake_resume(scene->fake);
    answer_with(scene, buffer_slice(&bytes), FAKE_USUALLY);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(run_in_session(scene), OUTCOME_WHOLE);
    }
    buffer_release(&bytes);
    assert_scene_sound(scene);
}

// --- answers that are nonsense ------------------------------------------------------------------

static void nonsense_ends_the_statement(void **state)
{
    static const struct slice answers[] = {
        SLICE_INIT("\x07\x00\x00\x05\x00\x00\x00\x02\x00\x00\x00"), // OK with a wrong sequence id
        SLICE_INIT("\x00\x00\x00\x01"),                             // an empty packet
        SLICE_INIT("\x02\x00\x00\x01\x00\x00"),                     // half an OK
        SLICE_INIT("\x01\x00\x00\x01\xFC"),                         // half a number of columns
        SLICE_INIT("\x01\x00\x00\x01\x01\x02\x00\x00\x02\xFE\xFE"), // no column definition
        SLICE_INIT("HTTP/1.1 400 Bad Request\r\n\r\n"),
        SLICE_INIT("\x02\x00\x00\x01\xFF\x01"), // an error without its number
    };
    const struct scene *scene = *state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        answer_with(scene, answers[i], (struct fake_manner){FAKE_ALL, FAKE_CLOSE, false});
        assert_int_equal(run_in_session(scene), OUTCOME_ERROR);
    }
    assert_scene_sound(scene);
}

static void bytes_behind_an_answer_never_reach_the_next_client(void **state)
{
    const struct scene *scene = *state;
    struct buffer bytes = BUFFER_INIT;
    fake_write_ok(&bytes);
    fake_write_err(&bytes, 1234, "that nobody asked for");
    answer_with(scene, buffer_slice(&bytes), FAKE_USUALLY);
    for (int i = 0; i < 20; i++) {
        run_in_session(scene);
        assert_true(slice_equal(peer_query_value(scene->witness, "SELECT 6"), S("6")));
        struct peer *peer = scene_client(scene);
        assert_true(slice_equal(peer_query_value(peer, "SELECT 7"), S("7")));
        peer_close(peer);
    }
    buffer_release(&bytes);
    assert_scene_sound(scene);
}

// The server is going, or has ended that session: nobody else gets the connection, though it is
// still open.
static void a_connection_that_says_farewell_is_not_lent_again(void **state)
{
    static const unsigned farewells[] = {1053, 1077, 1153, 1927, 3169, 4031};
    const struct scene *scene = *state;
    for (size_t i = 0; i < sizeof(farewells) / sizeof(farewells[0]); i++) {
        struct buffer bytes = BUFFER_INIT;
        fake_write_err(&bytes, farewells[i], "going");
        fake_answer(scene->fake, "UPDATE bye", buffer_slice(&bytes), FAKE_USUALLY);
        struct peer *peer = scene_client(scene);
        size_t ended = fake_accepted(scene->fake) - fake_open(scene->fake);
        peer_send_query(peer, "UPDATE bye SET a = 1");
        assert_peer_err(peer, farewells[i], "going");
        assert_soon(fake_accepted(scene->fake) - fake_open(scene->fake) > ended);
        assert_true(slice_equal(peer_query_value(peer, "SELECT 11"), S("11")));
        assert_true(slice_equal(peer_query_value(scene->witness, "SELECT 11"), S("11")));
        peer_close(peer);
        buffer_release(&bytes);
    }
    assert_scene_sound(scene);
}

static void an_error_among_rows_ends_the_result(void **state)
{
    const struct scene *scene = *state;
    struct buffer bytes = BUFFER_INIT, err = BUFFER_INIT;
    fake_write_rows(&bytes, 3, 5);
    buffer_truncate(&bytes, buffer_len(&bytes) - 9); // the EOF that ends the rows
    fake_write_err(&err, 1317, "interrupted");
    buffer_ptr(&err)[3] = 7; // behind count, column, EOF and three rows
    buffer_append_slice(&bytes, buffer_slice(&err));
    answer_with(scene, buffer_slice(&bytes), FAKE_USUALLY);
    struct peer *peer = scene_client(scene);
    assert_int_equal(outcome_of(peer), OUTCOME_ERROR);
    assert_true(slice_equal(peer_query_value(peer, "SELECT 8"), S("8")));
    peer_close(peer);
    buffer_release(&bytes);
    buffer_release(&err);
    assert_scene_sound(scene);
}

static void a_file_that_nobody_offered_is_not_given(void **state)
{
    const struct scene *scene = *state;
    answer_with(scene, slice_make("\x0C\x00\x00\x01\xFB/etc/passwd", 16),
                (struct fake_manner){FAKE_ALL, FAKE_GO_ON, false});
    struct peer *peer = scene_client(scene);
    peer_send_query(peer, statement);
    assert_peer_err(peer, 1158, "sluice:");
    peer_close(peer);
    assert_scene_sound(scene);
}

// --- connections --------------------------------------------------------------------------------

static void an_idle_connection_that_was_closed_is_not_used(void **state)
{
    const struct scene *scene = *state;
    for (int i = 0; i < 20; i++) {
        assert_true(slice_equal(peer_query_value(scene->witness, "SELECT 9"), S("9")));
        size_t accepted = fake_accepted(scene->fake);
        fake_disconnect(scene->fake); // all that came so far
        assert_soon(fake_accepted(scene->fake) - fake_open(scene->fake) >= accepted);
        assert_true(slice_equal(peer_query_value(scene->witness, "SELECT 10"), S("10")));
    }
    assert_scene_sound(scene);
}

// How long a statement waits for a connection that cannot be had.
static void queue_timeout_set(const struct scene *scene, const char *value)
{
    MYSQL *admin = instance_admin(scene->instance);
    client_runf(admin, "SET proxy.queue_timeout = %s", value);
    mysql_close(admin);
}

static void a_greeting_cut_at_each_byte_costs_an_error_at_most(void **state)
{
    const struct scene *scene = *state;
    queue_timeout_set(scene, "20ms");
    struct buffer bytes = BUFFER_INIT;
    fake_write_rows(&bytes, 1, 5);
    answer_with(scene, buffer_slice(&bytes), FAKE_USUALLY);
    for (size_t sent = 0; sent < 90; sent++) {
        fake_greet(scene->fake, (struct fake_manner){sent, FAKE_CLOSE, false});
        fake_disconnect(scene->fake);
        run_in_session(scene);
    }
    fake_greet(scene->fake, FAKE_USUALLY);
    queue_timeout_set(scene, "10s");
    fake_disconnect(scene->fake);
    assert_soon(run_in_session(scene) == OUTCOME_WHOLE);
    buffer_release(&bytes);
    assert_scene_sound(scene);
}

static void greetings_that_are_none_cost_an_error_at_most(void **state)
{
    static const struct slice greetings[] = {
        SLICE_INIT("\x17\x00\x00\x00\xFF\x10\x04Too many connections"),
        SLICE_INIT("SSH-2.0-OpenSSH_9.2\r\n"),
        SLICE_INIT("\x01\x00\x00\x00\x09"),
        SLICE_INIT("\x00\x00\x00\x00"),
        SLICE_INIT("\xFF\xFF\xFF\x00"),
    };
    const struct scene *scene = *state;
    queue_timeout_set(scene, "20ms");
    struct buffer bytes = BUFFER_INIT;
    fake_write_rows(&bytes, 1, 5);
    answer_with(scene, buffer_slice(&bytes), FAKE_USUALLY);
    for (size_t i = 0; i < sizeof(greetings) / sizeof(greetings[0]); i++) {
        fake_greet_with(scene->fake, greetings[i]);
        fake_greet(scene->fake, (struct fake_manner){FAKE_ALL, FAKE_CLOSE, false});
        fake_disconnect(scene->fake);
        assert_int_equal(run_in_session(scene), OUTCOME_ERROR);
    }
    fake_greet_with(scene->fake, SLICE_NONE);
    fake_greet(scene->fake, FAKE_USUALLY);
    queue_timeout_set(scene, "10s");
    assert_soon(run_in_session(scene) == OUTCOME_WHOLE);
    buffer_release(&bytes);
    assert_scene_sound(scene);
}

static void a_login_cut_at_each_byte_costs_an_error_at_most(void **state)
{
    const struct scene *scene = *state;
    queue_timeout_set(scene, "20ms");
    struct buffer bytes = BUFFER_INIT;
    fake_write_rows(&bytes, 1, 5);
    answer_with(scene, buffer_slice(&bytes), FAKE_USUALLY);
    for (size_t sent = 0; sent < 11; sent++) {
        fake_accept(scene->fake, (struct fake_manner){sent, FAKE_CLOSE, false});
        fake_disconnect(scene->fake);
        run_in_session(scene);
    }
    fake_accept(scene->fake, FAKE_USUALLY);
    queue_timeout_set(scene, "10s");
    fake_disconnect(scene->fake);
    assert_soon(run_in_session(scene) == OUTCOME_WHOLE);
    buffer_release(&bytes);
    assert_scene_sound(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_cut_at_each_byte_is_no_result),
        cmocka_unit_test(an_ok_cut_at_each_byte_is_no_ok),
        cmocka_unit_test(an_error_cut_at_each_byte_is_still_an_error),
        cmocka_unit_test(a_result_lost_between_two_packets_ends_in_an_error),
        cmocka_unit_test(a_result_lost_inside_of_a_packet_ends_the_connection),
        cmocka_unit_test(a_write_that_was_sent_is_never_sent_again),
        cmocka_unit_test(an_answer_byte_by_byte_is_whole),
        cmocka_unit_test(an_answer_that_stops_for_a_while_holds_nobody_else_up),
        cmocka_unit_test(nonsense_ends_the_statement),
        cmocka_unit_test(bytes_behind_an_answer_never_reach_the_next_client),
        cmocka_unit_test(a_connection_that_says_farewell_is_not_lent_again),
        cmocka_unit_test(an_error_among_rows_ends_the_result),
        cmocka_unit_test(a_file_that_nobody_offered_is_not_given),
        cmocka_unit_test(an_idle_connection_that_was_closed_is_not_used),
        cmocka_unit_test(a_greeting_cut_at_each_byte_costs_an_error_at_most),
        cmocka_unit_test(greetings_that_are_none_cost_an_error_at_most),
        cmocka_unit_test(a_login_cut_at_each_byte_costs_an_error_at_most),
        cmocka_unit_test(the_proxy_ends_well),
    };
    return cmocka_run_group_tests(tests, scene_setup, scene_teardown);
}
