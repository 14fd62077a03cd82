// Those who do not keep up: clients that do not read their answers or send far ahead, servers that
// do not read what is sent to them. Each costs a bounded amount of memory, and goes on where it
// stood.
#include "tests/lib/scene.h"

#include "protocol/packet/command.h"
#include "protocol/wire/writer.h"

#include "proxy/base/memory.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { MIB = 1024 * 1024, KIB = 1024 };

static uint64_t memory_of(const struct scene *scene)
{
    return process_resident_bytes(scene->instance->process.pid);
}

// What the proxy may hold for one client that does not keep up, buffers of both sides and the
// allocator's slack included.
enum { MOST_HELD = 16 * MIB + PROCESS_SANITIZER_BYTES };

static void command_write(struct buffer *out, uint8_t command, struct slice argument)
{
    struct writer writer = writer_make(out, 0);
    writer_packet_begin(&writer);
    writer_u8(&writer, command);
    writer_slice(&writer, argument);
    assert_true(writer_packet_end(&writer));
}

// Sends until the other side has taken nothing for a while, or all is sent. Returns how much went.
static size_t send_what_goes(struct peer *peer, struct slice bytes)
{
    enum { NOTHING_GOES_MS = 500 };
    size_t sent = 0;
    struct pollfd wait = {.fd = peer->fd, .events = POLLOUT};
    while (sent < bytes.len && poll(&wait, 1, NOTHING_GOES_MS) == 1) {
        ssize_t n = send(peer->fd, bytes.ptr + sent, bytes.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        assert_true(n > 0 || errno == EAGAIN || errno == EINTR);
        sent += n > 0 ? (size_t)n : 0;
    }
    return sent;
}

// One whole answer, which is an OK or rows of one column.
static void answer_read(struct peer *peer)
{
    peer->sequence = 1;
    int eofs = 0;
    do {
        struct slice payload = peer_read(peer);
        assert_true(payload.len > 0 && (uint8_t)payload.ptr[0] != 0xFF);
        if (eofs == 0 && payload.ptr[0] == 0x00) {
            return;
        }
        eofs += (uint8_t)payload.ptr[0] == 0xFE && payload.len < 9;
    } while (eofs < 2);
}

// How many statements the server has got, once that number no longer grows.
static size_t settled_count(const struct scene *scene, const char *statement)
{
    size_t before, now = fake_statement_count(scene->fake, statement);
    do {
        before = now;
        for (int i = 0; i < 100; i++) { // the proxy's threads have had their turns
            assert_true(slice_equal(peer_query_value(scene->witness, "SELECT 1"), S("1")));
        }
        now = fake_statement_count(scene->fake, statement);
    } while (now != before);
    return now;
}

// Sends so many statements at once, whose answers are so large, and reads nothing; then everything.
static void ask_without_reading(const struct scene *scene, size_t statements, size_t answer)
{
    static const char statement[] = "SELECT unread";
    struct buffer rows = BUFFER_INIT, commands = BUFFER_INIT;
    fake_write_rows(&rows, 1, answer);
    fake_answer(scene->fake, statement, buffer_slice(&rows), FAKE_USUALLY);
    for (size_t i = 0; i < statements; i++) {
        command_write(&commands, COMMAND_QUERY, slice_text(statement));
    }
    struct peer *peer = scene_client(scene);
    uint64_t memory = memory_of(scene);
    size_t before = fake_statement_count(scene->fake, statement);
    peer_send(peer, buffer_slice(&commands));
    assert_soon(fake_statement_count(scene->fake, statement) > before);
    // What the kernel's buffers take of the answers is begun, and little more.
    size_t begun = settled_count(scene, statement) - before;
    print_message("answers of %zu KiB, begun for a client that reads nothing: %zu of %zu\n",
                  answer / KIB, begun, statements);
    assert_true(begun < statements / 2);
    assert_true(memory_of(scene) < memory + MOST_HELD);
    for (size_t i = 0; i < statements; i++) {
        answer_read(peer);
    }
    assert_int_equal(fake_statement_count(scene->fake, statement) - before, statements);
    peer_close(peer);
    buffer_release(&rows);
    buffer_release(&commands);
    assert_scene_sound(scene);
}

// An answer larger than what may wait for a client stops in its middle; smaller ones add up.
static void nothing_new_is_begun_for_a_client_that_does_not_read(void **state)
{
    ask_without_reading(*state, 400, 200 * KIB);
    ask_without_reading(*state, 16000, 4 * KIB);
}

// The server answers, and then reads nothing until told to go on.
static void server_stalls_behind(const struct scene *scene, const char *statement)
{
    struct buffer ok = BUFFER_INIT;
    fake_write_ok(&ok);
    fake_answer(scene->fake, statement, buffer_slice(&ok),
                (struct fake_manner){FAKE_ALL, FAKE_STALL, false});
    buffer_release(&ok);
}

static void what_is_sent_ahead_of_a_slow_server_waits_at_the_client(void **state)
{
    enum { COMMANDS = 4000, SIZE = 16 * KIB };
    const struct scene *scene = *state;
    struct buffer ok = BUFFER_INIT, commands = BUFFER_INIT;
    char *statement = mem_alloc(SIZE);
    memset(statement, ' ', SIZE);
    memcpy(statement, "UPDATE ahead SET a = 1", 22);
    fake_write_ok(&ok);
    fake_answer(scene->fake, "UPDATE ahead", buffer_slice(&ok), FAKE_USUALLY);
    server_stalls_behind(scene, "BEGIN"); // the next one goes to the same connection
    for (int i = 0; i < COMMANDS; i++) {
        command_write(&commands, COMMAND_QUERY, slice_make(statement, SIZE));
    }
    struct peer *peer = scene_client(scene);
    peer_send_query(peer, "SET @pinned = 1"); // every statement goes to one connection
    assert_peer_ok(peer);
    peer_send_query(peer, "BEGIN");
    assert_peer_ok(peer);
    uint64_t before = memory_of(scene);
    size_t sent = send_what_goes(peer, buffer_slice(&commands));
    print_message("sent ahead of a server that is slow: %zu of %zu MiB\n", sent / MIB,
                  buffer_len(&commands) / MIB);
    assert_true(sent < buffer_len(&commands) / 2);
    assert_true(memory_of(scene) < before + MOST_HELD);
    assert_int_equal(fake_statement_count(scene->fake, "UPDATE ahead"), 0);
    fake_resume(scene->fake);
    for (size_t i = 0; i < COMMANDS; i++) {
        if (sent < buffer_len(&commands)) { // the rest goes as answers come
            size_t piece =
                buffer_len(&commands) - sent < SIZE + 5 ? buffer_len(&commands) - sent : SIZE + 5;
            peer_send(peer, slice_make(buffer_ptr(&commands) + sent, piece));
            sent += piece;
        }
        answer_read(peer);
    }
    assert_int_equal(fake_statement_count(scene->fake, "UPDATE ahead"), COMMANDS);
    peer_close(peer);
    mem_free(statement);
    buffer_release(&ok);
    buffer_release(&commands);
    assert_scene_sound(scene);
}

// It has no answer, and waits here for its execution: so much of it, and no more.
static void long_data_is_kept_up_to_max_packet(void **state)
{
    enum { PIECES = 2000, PIECE = 64 * KIB };
    static const char prepared[] = "\x16INSERT INTO wide VALUES (?)";
    static const struct slice execution = SLICE_INIT("\x01\0\0\0\0\x01\0\0\0\0\x01\xFC\0");
    const struct scene *scene = *state;
    struct buffer bytes = BUFFER_INIT, data = BUFFER_INIT, pieces = BUFFER_INIT;
    fake_write_prepared(&bytes, 7);
    fake_answer(scene->fake, prepared, buffer_slice(&bytes), FAKE_USUALLY);
    buffer_clear(&bytes);
    fake_write_ok(&bytes);
    fake_answer(scene->fake, "\x17", buffer_slice(&bytes), FAKE_USUALLY);
    buffer_append(&data, "\x01\0\0\0\0\0", 6); // statement, parameter
    memset(buffer_reserve(&data, PIECE), 'x', PIECE);
    buffer_added(&data, PIECE);
    for (int i = 0; i < PIECES; i++) {
        command_write(&pieces, COMMAND_STMT_SEND_LONG_DATA, buffer_slice(&data));
    }
    struct peer *peer = scene_client(scene);
    peer_send_command(peer, COMMAND_STMT_PREPARE, slice_text(prepared + 1));
    for (int i = 0; i < 5; i++) { // the answer: what was prepared, a parameter, a column
        peer_read(peer);
    }
    uint64_t before = memory_of(scene);
    peer_send(peer, buffer_slice(&pieces));
    peer_send_command(peer, COMMAND_STMT_EXECUTE, execution);
    assert_peer_err(peer, 1153, "max_packet");
    assert_true(memory_of(scene) < before + MOST_HELD);
    peer_send(peer, slice_first(buffer_slice(&pieces), buffer_len(&pieces) / 4));
    peer_send_command(peer, COMMAND_STMT_EXECUTE, execution);
    assert_peer_ok(peer);
    peer_close(peer);
    buffer_release(&bytes);
    buffer_release(&data);
    buffer_release(&pieces);
    assert_scene_sound(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_new_is_begun_for_a_client_that_does_not_read),
        cmocka_unit_test(what_is_sent_ahead_of_a_slow_server_waits_at_the_client),
        cmocka_unit_test(long_data_is_kept_up_to_max_packet),
        cmocka_unit_test(the_proxy_ends_well),
    };
    return cmocka_run_group_tests(tests, scene_setup, scene_teardown);
}
