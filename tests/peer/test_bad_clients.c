// Clients that break the protocol, stop in the middle or go away: a clear error where one can still
// be said, then the end, and no other session notices.
#include "tests/lib/scene.h"

#include "protocol/packet/capability.h"
#include "protocol/packet/command.h"

#include "proxy/base/random.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

// --- before the login ---------------------------------------------------------------------------

static void garbage_on_the_port_ends_that_connection(void **state)
{
    const struct scene *scene = *state;
    static const char *const texts[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "SSH-2.0-x\r\n",
                                        "\x16\x03\x01\x02\x01\x01\x01", "\r\n\r\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct peer *peer = peer_connect(scene->instance->port);
        peer_send(peer, slice_text(texts[i]));
        shutdown(peer->fd, SHUT_WR);
        assert_peer_closed(peer);
        peer_close(peer);
    }
    assert_scene_sound(scene);
}

static void random_bytes_end_that_connection(void **state)
{
    const struct scene *scene = *state;
    random_seed(4711);
    for (int round = 0; round < 100; round++) {
        uint8_t bytes[512];
        size_t len = 1 + random_below(sizeof(bytes));
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (uint8_t)random_below(256);
        }
        struct peer *peer = peer_connect(scene->instance->port);
        if (peer_try_send(peer, slice_make(bytes, len))) {
            shutdown(peer->fd, SHUT_WR);
        }
        assert_peer_closed(peer);
        peer_close(peer);
    }
    assert_scene_sound(scene);
}

static void login_payload(struct peer *peer, struct buffer *payload)
{
    peer_read_greeting(peer);
    peer_login_payload(peer, "app", "app-secret", "app", 0, payload);
}

// The login's packet ends at each byte, by an ordinary end and by a reset.
static void half_a_login_leaves_nothing(void **state)
{
    const struct scene *scene = *state;
    size_t size = SIZE_MAX;
    for (size_t len = 0; len < size; len++) {
        struct peer *peer = peer_connect(scene->instance->port);
        struct buffer payload = BUFFER_INIT;
        login_payload(peer, &payload);
        size = buffer_len(&payload) + 4;
        peer_send_part(peer, buffer_slice(&payload), len);
        if (len % 2 == 0) {
            shutdown(peer->fd, SHUT_WR);
            assert_peer_closed(peer);
            peer_close(peer);
        } else {
            peer_reset(peer);
        }
        buffer_release(&payload);
    }
    assert_scene_sound(scene);
}

// The payload is shorter than it should be, and says so itself: whatever is missing, the proxy
// answers.
static void a_login_cut_short_is_refused_or_judged(void **state)
{
    const struct scene *scene = *state;
    size_t size = SIZE_MAX;
    for (size_t len = 0; len < size; len++) {
        struct peer *peer = peer_connect(scene->instance->port);
        struct buffer payload = BUFFER_INIT;
        struct slice answer;
        login_payload(peer, &payload);
        size = buffer_len(&payload);
        peer_send_packet(peer, slice_first(buffer_slice(&payload), len));
        shutdown(peer->fd, SHUT_WR);
        while (peer_try_read(peer, &answer)) {
            assert_true(answer.len > 0);
        }
        peer_close(peer);
        buffer_release(&payload);
    }
    assert_scene_sound(scene);
}

static void a_login_byte_by_byte_is_let_in(void **state)
{
    const struct scene *scene = *state;
    struct peer *peer = peer_connect(scene->instance->port);
    struct buffer payload = BUFFER_INIT;
    login_payload(peer, &payload);
    uint8_t header[4] = {(uint8_t)buffer_len(&payload), (uint8_t)(buffer_len(&payload) >> 8), 0, 1};
    for (size_t i = 0; i < sizeof(header); i++) {
        peer_send(peer, slice_make(header + i, 1));
    }
    for (size_t i = 0; i < buffer_len(&payload); i++) {
        peer_send(peer, slice_make(buffer_ptr(&payload) + i, 1));
    }
    peer->sequence = 2;
    struct slice answer = peer_read(peer);
    assert_true(answer.len > 0 &&
                ((uint8_t)answer.ptr[0] == 0x00 || (uint8_t)answer.ptr[0] == 0xFE));
    peer_close(peer);
    buffer_release(&payload);
    assert_scene_sound(scene);
}

static void a_login_with_a_wrong_sequence_id_is_refused(void **state)
{
    const struct scene *scene = *state;
    struct peer *peer = peer_connect(scene->instance->port);
    struct buffer payload = BUFFER_INIT;
    login_payload(peer, &payload);
    peer->sequence = 7;
    peer_send_packet(peer, buffer_slice(&payload));
    assert_peer_refused(peer, 1156, "");
    peer_close(peer);
    buffer_release(&payload);
    assert_scene_sound(scene);
}

static void a_huge_login_is_refused_by_its_header(void **state)
{
    const struct scene *scene = *state;
    struct peer *peer = peer_connect(scene->instance->port);
    peer_read_greeting(peer);
    peer_send(peer, slice_make("\xFF\xFF\xFF\x01", 4));
    peer->sequence = 2;
    assert_peer_refused(peer, 1153, "");
    peer_close(peer);
    assert_scene_sound(scene);
}

static void clients_that_say_nothing_hold_nobody_up(void **state)
{
    enum { SILENT = 50 };
    const struct scene *scene = *state;
    struct peer *silent[SILENT];
    for (int i = 0; i < SILENT; i++) {
        silent[i] = peer_connect(scene->instance->port);
    }
    struct peer *peer = scene_client(scene);
    assert_true(slice_equal(peer_query_value(peer, "SELECT 12"), S("12")));
    peer_close(peer);
    for (int i = 0; i < SILENT; i++) {
        i % 2 == 0 ? peer_close(silent[i]) : peer_reset(silent[i]);
    }
    assert_scene_sound(scene);
}

// --- commands -----------------------------------------------------------------------------------

static void an_unknown_command_gets_an_error(void **state)
{
    const struct scene *scene = *state;
    static const uint8_t unknown[] = {0x00, 0x05, 0x0B, 0x14, 0x20, 0x7F, 0xF0, 0xFF};
    for (size_t i = 0; i < sizeof(unknown); i++) {
        struct peer *peer = scene_client(scene);
        peer_send_command(peer, unknown[i], S("x"));
        assert_peer_err(peer, 1047, "sluice:");
        peer_close(peer);
    }
    assert_scene_sound(scene);
}

static void an_empty_command_gets_an_error(void **state)
{
    const struct scene *scene = *state;
    struct peer *peer = scene_client(scene);
    peer->sequence = 0;
    peer_send_packet(peer, SLICE_NONE);
    assert_peer_err(peer, 1835, "sluice:");
    peer_close(peer);
    assert_scene_sound(scene);
}

static void a_command_out_of_order_ends_the_session(void **state)
{
    const struct scene *scene = *state;
    struct peer *peer = scene_client(scene);
    peer->sequence = 3;
    peer_send_packet(peer, S("\x03SELECT 1"));
    struct slice answer;
    uint8_t bytes[512];
    size_t n = peer_read_bytes(peer, bytes, sizeof(bytes));
    assert_true(n > 7 && bytes[4] == 0xFF);
    assert_int_equal(bytes[5] | bytes[6] << 8, 1156);
    assert_false(peer_try_read(peer, &answer));
    peer_close(peer);
    assert_scene_sound(scene);
}

static void a_command_larger_than_max_packet_is_refused(void **state)
{
    const struct scene *scene = *state;
    struct peer *peer = scene_client(scene);
    enum { MIB = 1024 * 1024 };
    struct buffer statement = BUFFER_INIT;
    memset(buffer_reserve(&statement, 65 * MIB), ' ', 65 * MIB);
    buffer_added(&statement, 65 * MIB);
    memcpy(buffer_ptr(&statement), "\x03SELECT 1", 9);
    struct buffer framed = BUFFER_INIT;
    for (int i = 0; i < 4; i++) { // four whole frames of 16 MiB and the beginning of one more
        buffer_append(&framed, (uint8_t[]){0xFF, 0xFF, 0xFF, (uint8_t)i}, 4);
        buffer_append(&framed, buffer_ptr(&statement) + (size_t)i * 0xFFFFFF, 0xFFFFFF);
    }
    buffer_append(&framed, (uint8_t[]){0xFF, 0xFF, 0x0F, 4}, 4);
    peer_try_send(peer, buffer_slice(&framed)); // it may hang up before all was sent
    uint8_t bytes[512];
    size_t n = peer_read_bytes(peer, bytes, sizeof(bytes));
    if (n > 7) {
        assert_int_equal(bytes[5] | bytes[6] << 8, 1153);
    }
    assert_peer_closed(peer);
    peer_close(peer);
    buffer_release(&statement);
    buffer_release(&framed);
    assert_scene_sound(scene);
}

// A well-formed payload of each command, cut at each byte of its frame, and then the client is
// gone.
static void half_a_command_leaves_nothing(void **state)
{
    static const struct slice payloads[] = {
        SLICE_INIT("\x03SELECT a FROM t"),
        SLICE_INIT("\x02schema"),
        SLICE_INIT("\x16SELECT a FROM t WHERE a = ?"),
        SLICE_INIT("\x17\x01\x00\x00\x00\x00\x01\x00\x00\x00\x00\x01\x03\x00\x05\x00\x00\x00"),
        SLICE_INIT("\x18\x01\x00\x00\x00\x00\x00long data"),
        SLICE_INIT("\x19\x01\x00\x00\x00"),
        SLICE_INIT("\x1A\x01\x00\x00\x00"),
        SLICE_INIT("\x1B\x00\x00"),
        SLICE_INIT("\x1C\x01\x00\x00\x00\x01\x00\x00\x00"),
        SLICE_INIT("\x11user\0\x14nnnnnnnnnnnnnnnnnnnnschema\0\x2D\0mysql_native_password\0"),
        SLICE_INIT("\x04t\0%"),
        SLICE_INIT("\x0C\xFF\xFF\xFF\x7F"),
    };
    const struct scene *scene = *state;
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        for (size_t len = 1; len < payloads[i].len + 4; len++) {
            struct peer *peer = scene_client(scene);
            peer->sequence = 0;
            peer_send_part(peer, payloads[i], len);
            len % 2 == 0 ? peer_close(peer) : peer_reset(peer);
        }
    }
    assert_scene_sound(scene);
}

// The same payloads, cut short and framed as if that were all: each gets an answer or none is due,
// and the session is either usable or closed.
static void commands_cut_short_are_answered(void **state)
{
    static const struct slice payloads[] = {
        SLICE_INIT("\x17\x01\x00\x00\x00\x00\x01\x00\x00\x00\x00\x01\x03\x00\x05\x00\x00\x00"),
        SLICE_INIT("\x1A\x01\x00\x00\x00"),
        SLICE_INIT("\x1B\x00\x00"),
        SLICE_INIT("\x1C\x01\x00\x00\x00\x01\x00\x00\x00"),
        SLICE_INIT("\x0C\xFF\xFF\xFF\x7F"),
        SLICE_INIT("\x11user\0\x14nnnnnnnnnnnnnnnnnnnnschema\0\x2D\0mysql_native_password\0"),
    };
    const struct scene *scene = *state;
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        for (size_t len = 1; len <= payloads[i].len; len++) {
            struct peer *peer = scene_client(scene);
            struct slice answer;
            peer->sequence = 0;
            peer_send_packet(peer, slice_first(payloads[i], len));
            shutdown(peer->fd, SHUT_WR);
            while (peer_try_read(peer, &answer)) {
            }
            peer_close(peer);
        }
    }
    assert_scene_sound(scene);
}

// --- order and pace -----------------------------------------------------------------------------

static void commands_sent_ahead_are_answered_in_order(void **state)
{
    enum { COMMANDS = 50 };
    const struct scene *scene = *state;
    struct peer *peer = scene_client(scene);
    struct buffer out = BUFFER_INIT;
    for (int i = 0; i < COMMANDS; i++) {
        char statement[32];
        int len = snprintf(statement, sizeof(statement), "\x03SELECT %d", 1000 + i);
        buffer_append(&out, (uint8_t[]){(uint8_t)len, 0, 0, 0}, 4);
        buffer_append(&out, statement, (size_t)len);
    }
    peer_send(peer, buffer_slice(&out));
    for (int i = 0; i < COMMANDS; i++) {
        char expected[16];
        snprintf(expected, sizeof(expected), "%d", 1000 + i);
        peer->sequence = 1;
        for (int packet = 0; packet < 3; packet++) {
            peer_read(peer); // how many columns, the column, its end
        }
        struct slice row = peer_read(peer);
        assert_true(slice_equal(slice_from(row, 1), slice_text(expected)));
        peer_read(peer);
    }
    buffer_release(&out);
    peer_close(peer);
    assert_scene_sound(scene);
}

static void a_command_byte_by_byte_is_run(void **state)
{
    const struct scene *scene = *state;
    struct peer *peer = scene_client(scene);
    static const char command[] = "\x0A\x00\x00\x00\x03SELECT 77";
    for (size_t i = 0; i < sizeof(command) - 1; i++) {
        peer_send(peer, slice_make(command + i, 1));
    }
    peer->sequence = 1;
    for (int packet = 0; packet < 3; packet++) {
        peer_read(peer);
    }
    assert_true(slice_equal(slice_from(peer_read(peer), 1), S("77")));
    peer_close(peer);
    assert_scene_sound(scene);
}

static void a_client_that_reads_nothing_and_leaves_costs_nothing(void **state)
{
    const struct scene *scene = *state;
    struct buffer rows = BUFFER_INIT;
    fake_write_rows(&rows, 3000, 10000);
    fake_answer(scene->fake, "SELECT much", buffer_slice(&rows), FAKE_USUALLY);
    for (int i = 0; i < 10; i++) {
        struct peer *peer = scene_client(scene);
        uint8_t bytes[1000];
        peer_send_query(peer, "SELECT much");
        assert_true(peer_read_bytes(peer, bytes, sizeof(bytes)) > 0);
        i % 2 == 0 ? peer_close(peer) : peer_reset(peer);
    }
    buffer_release(&rows);
    assert_scene_sound(scene);
}

static void quit_is_obeyed_at_once(void **state)
{
    const struct scene *scene = *state;
    struct peer *peer = scene_client(scene);
    peer_send_command(peer, COMMAND_QUIT, SLICE_NONE);
    assert_peer_closed(peer);
    peer_close(peer);
    assert_scene_sound(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(garbage_on_the_port_ends_that_connection),
        cmocka_unit_test(random_bytes_end_that_connection),
        cmocka_unit_test(half_a_login_leaves_nothing),
        cmocka_unit_test(a_login_cut_short_is_refused_or_judged),
        cmocka_unit_test(a_login_byte_by_byte_is_let_in),
        cmocka_unit_test(a_login_with_a_wrong_sequence_id_is_refused),
        cmocka_unit_test(a_huge_login_is_refused_by_its_header),
        cmocka_unit_test(clients_that_say_nothing_hold_nobody_up),
        cmocka_unit_test(an_unknown_command_gets_an_error),
        cmocka_unit_test(an_empty_command_gets_an_error),
        cmocka_unit_test(a_command_out_of_order_ends_the_session),
        cmocka_unit_test(a_command_larger_than_max_packet_is_refused),
        cmocka_unit_test(half_a_command_leaves_nothing),
        cmocka_unit_test(commands_cut_short_are_answered),
        cmocka_unit_test(commands_sent_ahead_are_answered_in_order),
        cmocka_unit_test(a_command_byte_by_byte_is_run),
        cmocka_unit_test(a_client_that_reads_nothing_and_leaves_costs_nothing),
        cmocka_unit_test(quit_is_obeyed_at_once),
        cmocka_unit_test(the_proxy_ends_well),
    };
    return cmocka_run_group_tests(tests, scene_setup, scene_teardown);
}
