#include "proxy/net/stream.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"
#include "proxy/net/loop_priv.h"
#include "proxy/net/tls_engine.h"
#include "proxy/net/tls_priv.h"
#include "tests/unit/proxy/net/stream_owner.h"

#include <openssl/ssl.h>
#include <sys/socket.h>

static struct fixture f;
static struct tls_context *server_context;
static struct tls_context *client_context;
static struct owner server, client;

static struct tls_context *client_context_make(void)
{
    struct tls_client_settings settings = {.verify = TLS_VERIFY_NONE};
    struct tls_context *context = tls_context_create_client(&settings, NULL);
    assert_non_null(context);
    return context;
}

static int contexts_make(void **state)
{
    (void)state;
    struct tls_server_settings settings = {.cert = NULL};
    struct error error = ERROR_NONE;
    server_context = tls_context_create_server(&settings, &error);
    assert_non_null(server_context);
    client_context = client_context_make();
    return 0;
}

static int contexts_drop(void **state)
{
    (void)state;
    tls_context_unref(server_context);
    tls_context_unref(client_context);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    fixture_open(&f);
    owner_init(&server, f.loop);
    owner_init(&client, f.loop);
    client.stream.side = METRIC_SIDE_BACKEND;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    owner_release(&server);
    owner_release(&client);
    fixture_close(&f);
    return 0;
}

static void pair_make(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

// Both ends on the loop, joined directly.
static void join(void)
{
    int fds[2];
    pair_make(fds);
    stream_adopt(&server.stream, fds[0]);
    stream_adopt(&client.stream, fds[1]);
}

static void join_secure(void)
{
    join();
    stream_start_tls(&server.stream, server_context);
    stream_start_tls(&client.stream, client_context);
    turn_until(f.loop, server.secured == 1 && client.secured == 1);
}

static uint64_t handshakes(enum metric_side side, enum metric_tls result)
{
    return metric_get(f.metrics, METRIC_TLS_HANDSHAKES, side, result);
}

static uint8_t *pattern(size_t len)
{
    uint8_t *bytes = mem_alloc(len);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
    }
    return bytes;
}

// --- handshake ----------------------------------------------------------------------------------

static void both_roles_agree_and_bytes_pass_both_ways(void **state)
{
    (void)state;
    join_secure();
    assert_true(stream_is_secure(&server.stream));
    assert_string_equal(stream_tls_version(&client.stream), "TLSv1.3");
    assert_string_equal(stream_tls_version(&server.stream), "TLSv1.3");
    assert_string_equal(stream_tls_cipher(&server.stream), stream_tls_cipher(&client.stream));
    stream_send(&client.stream, "question", 8);
    turn_until(f.loop, server.shown == 1);
    assert_true(owner_has(&server, "question"));
    stream_send2(&server.stream, S("ans"), S("wer"));
    turn_until(f.loop, client.shown == 1); // two parts, one record
    assert_true(owner_has(&client, "answer"));
    assert_int_equal(handshakes(METRIC_SIDE_CLIENT, METRIC_TLS_FULL), 1);
    assert_int_equal(handshakes(METRIC_SIDE_BACKEND, METRIC_TLS_FULL), 1);
}

static void a_plain_stream_has_no_tls_to_tell_of(void **state)
{
    (void)state;
    join();
    assert_null(stream_tls_version(&server.stream));
    assert_null(stream_tls_cipher(&server.stream));
    assert_false(stream_tls_is_resumed(&server.stream));
}

// The two ends are joined through the test, which passes on `step` bytes at a time.
struct wire {
    int a, b; // our ends of the two pairs
    size_t step;
};

static struct wire wire_join(size_t step)
{
    int fds[2];
    struct wire wire = {.step = step};
    pair_make(fds);
    stream_adopt(&server.stream, fds[0]);
    wire.a = fds[1];
    pair_make(fds);
    stream_adopt(&client.stream, fds[0]);
    wire.b = fds[1];
    return wire;
}

static bool wire_pass_one(int from, int to, size_t step)
{
    char bytes[65536];
    ssize_t n = read(from, bytes, step);
    if (n <= 0) {
        return false;
    }
    assert_int_equal(write(to, bytes, (size_t)n), n);
    loop_turn(f.loop);
    return true;
}

static void wire_pass(const struct wire *wire)
{
    bool is_any;
    do {
        is_any = wire_pass_one(wire->a, wire->b, wire->step);
        is_any |= wire_pass_one(wire->b, wire->a, wire->step);
    } while (is_any);
}

static void wire_close(const struct wire *wire)
{
    close(wire->a);
    close(wire->b);
}

static void check_split(size_t step)
{
    struct wire wire = wire_join(step);
    stream_start_tls(&server.stream, server_context);
    stream_start_tls(&client.stream, client_context);
    wire_pass(&wire);
    assert_int_equal(server.secured, 1);
    assert_int_equal(client.secured, 1);
    stream_send(&client.stream, "in small pieces", 15);
    stream_send(&server.stream, "there and back", 14);
    wire_pass(&wire);
    assert_true(owner_has(&server, "in small pieces"));
    assert_true(owner_has(&client, "there and back"));
    stream_close(&client.stream);
    wire_pass(&wire);
    turn_until(f.loop, server.closed == 1);
    assert_int_equal(server.end, STREAM_END_PEER);
    wire_close(&wire);
}

static void a_wire_that_brings_one_byte_at_a_time(void **state)
{
    (void)state;
    check_split(1);
}

static void a_wire_that_brings_seven_bytes_at_a_time(void **state)
{
    (void)state;
    check_split(7);
}

static void start_server_tls(struct owner *who)
{
    who->act = NULL;
    stream_start_tls(&who->stream, server_context);
}

// Clients send their request for TLS and the beginning of the handshake without a pause between
// them, and both may come in one piece.
static void a_clients_hello_right_behind_its_request_goes_to_tls(void **state)
{
    (void)state;
    char together[4096];
    struct wire wire = wire_join(65536);
    server.act = start_server_tls;
    server.use_at_most = 7;
    stream_send(&client.stream, "request", 7);
    stream_start_tls(&client.stream, client_context);
    ssize_t n = read(wire.b, together, sizeof(together));
    assert_true(n > 100);
    assert_int_equal(write(wire.a, together, (size_t)n), n);
    turn_until(f.loop, server.shown == 1);
    server.use_at_most = SIZE_MAX;
    assert_true(owner_has(&server, "request"));
    wire_pass(&wire);
    assert_int_equal(server.secured, 1);
    assert_int_equal(client.secured, 1);
    assert_int_equal(server.shown, 1); // nothing of the handshake was shown
    wire_close(&wire);
}

static void request_send(struct owner *who)
{
    who->act = NULL;
    stream_send(&who->stream, "request", 7);
    stream_start_tls(&who->stream, client_context);
}

static void check_injected(size_t used)
{
    int fds[2];
    pair_make(fds);
    stream_adopt(&client.stream, fds[0]);
    client.act = request_send;
    client.use_at_most = used;
    peer_write(fds[1], "greeting+evil");
    turn_until(f.loop, client.closed == 1);
    assert_int_equal(client.end, STREAM_END_TLS_INJECTED);
    assert_int_equal(client.shown, 1);
    close(fds[1]);
}

// Whoever sits between server and sluice must not slip words in that count as said through TLS.
static void a_servers_bytes_in_the_clear_before_tls_are_an_attack(void **state)
{
    (void)state;
    check_injected(8);
}

static void kept_bytes_in_the_clear_are_an_attack_too(void **state)
{
    (void)state;
    int fds[2];
    pair_make(fds);
    stream_adopt(&client.stream, fds[0]);
    client.use_at_most = 8;
    peer_write(fds[1], "greeting+evil");
    turn_until(f.loop, client.shown == 1);
    stream_start_tls(&client.stream, client_context);
    assert_int_equal(client.closed, 0);
    turn_until(f.loop, client.closed == 1);
    assert_int_equal(client.end, STREAM_END_TLS_INJECTED);
    close(fds[1]);
}

static void garbage_instead_of_a_handshake_ends_the_stream_with_an_alert(void **state)
{
    (void)state;
    char alert[64];
    int fds[2];
    pair_make(fds);
    stream_adopt(&server.stream, fds[0]);
    stream_start_tls(&server.stream, server_context);
    peer_write(fds[1], "GET / HTTP/1.1\r\n\r\n");
    turn_until(f.loop, server.closed == 1);
    assert_int_equal(server.end, STREAM_END_TLS);
    assert_non_null(strstr(server.error.text, "http request"));
    assert_int_equal(handshakes(METRIC_SIDE_CLIENT, METRIC_TLS_FAILED), 1);
    assert_true(read(fds[1], alert, sizeof(alert)) >= 0);
    close(fds[1]);
}

static void half_a_handshake_and_an_end(void **state)
{
    (void)state;
    int fds[2];
    pair_make(fds);
    stream_adopt(&server.stream, fds[0]);
    stream_start_tls(&server.stream, server_context);
    assert_int_equal(write(fds[1], "\x16\x03\x01\x02\x00\x01", 6), 6);
    close(fds[1]);
    turn_until(f.loop, server.closed == 1);
    assert_int_equal(server.end, STREAM_END_PEER);
    assert_int_equal(server.secured, 0);
}

static void nothing_can_be_sent_before_the_handshake_is_done(void **state)
{
    (void)state;
    join();
    stream_start_tls(&server.stream, server_context);
    stream_send(&server.stream, "in the clear", 12);
    stream_start_tls(&client.stream, client_context);
    turn_until(f.loop, client.secured == 1 && server.secured == 1);
    assert_int_equal(client.shown, 0);
}

static void send_on_secured(struct owner *who)
{
    stream_send(&who->stream, "at once", 7);
}

// The client's first bytes may come together with the end of its handshake; the server, on its
// side, speaks as soon as it is secure. Neither gets lost.
static void words_sent_as_soon_as_it_is_secure_arrive(void **state)
{
    (void)state;
    struct wire wire = wire_join(65536);
    client.act_secured = send_on_secured;
    server.act_secured = send_on_secured;
    stream_start_tls(&server.stream, server_context);
    stream_start_tls(&client.stream, client_context);
    wire_pass(&wire);
    assert_true(owner_has(&server, "at once"));
    assert_true(owner_has(&client, "at once"));
    wire_close(&wire);
}

static void close_on_secured(struct owner *who)
{
    stream_close(&who->stream);
}

static void closing_when_secured_is_safe(void **state)
{
    (void)state;
    join();
    server.act_secured = close_on_secured;
    client.act_secured = send_on_secured;
    stream_start_tls(&server.stream, server_context);
    stream_start_tls(&client.stream, client_context);
    turn_until(f.loop, client.closed == 1);
    assert_int_equal(server.secured, 1);
    assert_int_equal(server.closed, 0);
    assert_int_equal(server.shown, 0);
}

// --- resumption ---------------------------------------------------------------------------------

static void owners_reopen(void)
{
    owner_release(&server);
    owner_release(&client);
    owner_init(&server, f.loop);
    owner_init(&client, f.loop);
}

// The next newcomer gets a ticket.
static void ticket_is_next(void)
{
    atomic_store(&server_context->newcomers, 0);
}

// A packet of its own would wake the client for nothing.
static void the_ticket_comes_with_the_first_bytes(void **state)
{
    (void)state;
    struct tls_context *fresh = client_context_make();
    struct tls_context *shared = client_context;
    client_context = fresh;
    ticket_is_next();
    join_secure();
    uint64_t sent = metric_get(f.metrics, METRIC_BYTES_SENT, METRIC_SIDE_CLIENT);
    stream_send(&client.stream, "question", 8);
    turn_until(f.loop, server.shown == 1);
    assert_int_equal(metric_get(f.metrics, METRIC_BYTES_SENT, METRIC_SIDE_CLIENT), sent);
    assert_null(atomic_load(&fresh->ticket));
    stream_send(&server.stream, "answer", 6);
    turn_until(f.loop, client.shown == 1);
    assert_non_null(atomic_load(&fresh->ticket));
    client_context = shared;
    tls_context_unref(fresh);
}

static void the_next_connection_resumes_and_each_ticket_serves_once(void **state)
{
    (void)state;
    struct tls_context *fresh = client_context_make();
    struct tls_context *shared = client_context;
    client_context = fresh;
    ticket_is_next();
    join_secure();
    assert_false(stream_tls_is_resumed(&client.stream));
    stream_send(&server.stream, "x", 1);
    turn_until(f.loop, atomic_load(&fresh->ticket) != NULL);
    for (int i = 0; i < 3; i++) {
        owners_reopen(); // without goodbye from the other side
        join();
        stream_start_tls(&server.stream, server_context);
        stream_start_tls(&client.stream, client_context);
        assert_null(atomic_load(&fresh->ticket));
        turn_until(f.loop, server.secured == 1 && client.secured == 1);
        assert_true(stream_tls_is_resumed(&client.stream));
        assert_true(stream_tls_is_resumed(&server.stream));
        stream_send(&server.stream, "x", 1);
        turn_until(f.loop, atomic_load(&fresh->ticket) != NULL);
    }
    assert_int_equal(handshakes(METRIC_SIDE_CLIENT, METRIC_TLS_RESUMED), 6);
    client_context = shared;
    tls_context_unref(fresh);
}

static void a_new_servers_context_knows_no_old_tickets(void **state)
{
    (void)state;
    struct tls_server_settings settings = {.cert = NULL};
    struct tls_context *reloaded = tls_context_create_server(&settings, NULL);
    struct tls_context *before = server_context;
    ticket_is_next();
    join_secure();
    stream_send(&server.stream, "x", 1);
    turn_until(f.loop, atomic_load(&client_context->ticket) != NULL);
    owners_reopen();
    server_context = reloaded;
    join_secure();
    assert_false(stream_tls_is_resumed(&server.stream));
    server_context = before;
    tls_context_unref(reloaded); // the stream keeps it until it is closed
}

// --- bytes --------------------------------------------------------------------------------------

enum { LARGE = 3 * 1024 * 1024 };

static void much_passes_in_order_with_high_and_low_water(void **state)
{
    (void)state;
    uint8_t *bytes = pattern(LARGE);
    join_secure();
    stream_send_parts(&server.stream,
                      (const struct slice[]){slice_make(bytes, 4), slice_make(bytes + 4, 20000),
                                             slice_make(bytes + 20004, LARGE - 20004)},
                      3);
    assert_true(stream_is_congested(&server.stream));
    turn_until(f.loop, buffer_len(&client.got) == LARGE);
    assert_memory_equal(buffer_ptr(&client.got), bytes, LARGE);
    turn_until(f.loop, server.stream.output == NULL);
    assert_int_equal(server.writable, 1);
    mem_free(bytes);
}

static void a_frame_waited_for_whole_comes_in_one_piece(void **state)
{
    (void)state;
    static const size_t lengths[] = {100, 16 * 1024, 16 * 1024 + 1, 100000, 1000000};
    join_secure();
    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        uint8_t *bytes = pattern(lengths[i]);
        client.use_from = lengths[i];
        for (size_t at = 0; at < lengths[i]; at += 10000) {
            size_t left = lengths[i] - at;
            stream_send(&server.stream, bytes + at, left < 10000 ? left : 10000);
            loop_turn(f.loop);
        }
        turn_until(f.loop, buffer_len(&client.got) == lengths[i]);
        assert_memory_equal(buffer_ptr(&client.got), bytes, lengths[i]);
        assert_null(client.stream.unread.data);
        buffer_clear(&client.got);
        mem_free(bytes);
    }
}

// A receive call that takes all it can brings several records and a part of the next; the part and
// the next call's bytes make more than one call's size.
static void records_across_receive_calls_fit_the_loops_area(void **state)
{
    (void)state;
    uint8_t *bytes = pattern(LARGE);
    join_secure();
    client.use_from = 16 * 1024; // keeps up to 16 KiB in front, too
    size_t total = 0;
    for (int i = 0; i < 40; i++) {
        stream_send(&server.stream, bytes, 70000);
        total += 70000;
    }
    turn_until(f.loop, server.stream.output == NULL &&
                           buffer_len(&client.got) + stream_unread(&client.stream).len == total);
    assert_int_equal(client.closed, 0);
    for (size_t at = 0; at < buffer_len(&client.got); at++) {
        assert_int_equal(buffer_ptr(&client.got)[at], bytes[at % 70000]);
    }
    mem_free(bytes);
}

static void pausing_keeps_what_was_decrypted_and_the_goodbye_waits(void **state)
{
    (void)state;
    join_secure();
    stream_pause(&server.stream);
    stream_send(&client.stream, "before", 6);
    stream_send(&client.stream, " after", 6);
    stream_close(&client.stream);
    turn_until(f.loop, server.stream.reading == STREAM_READING_OFF);
    assert_int_equal(server.closed, 0);
    assert_int_equal(server.shown, 0);
    stream_resume(&server.stream);
    turn_until(f.loop, server.closed == 1);
    assert_true(owner_has(&server, "before after"));
    assert_int_equal(server.end, STREAM_END_PEER);
}

// The goodbye alone, without the end of the socket: the wire stays open.
static void a_goodbye_that_came_with_kept_bytes_is_told_at_resuming(void **state)
{
    (void)state;
    struct wire wire = wire_join(65536);
    stream_start_tls(&server.stream, server_context);
    stream_start_tls(&client.stream, client_context);
    wire_pass(&wire);
    stream_pause(&server.stream);
    stream_send(&client.stream, "bye", 3);
    stream_close(&client.stream);
    wire_pass(&wire);
    assert_int_equal(server.closed, 0);
    stream_resume(&server.stream);
    turn_until(f.loop, server.closed == 1);
    assert_true(owner_has(&server, "bye"));
    wire_close(&wire);
}

static void a_goodbye_is_noticed_while_paused(void **state)
{
    (void)state;
    join_secure();
    stream_pause(&server.stream);
    stream_close(&client.stream);
    turn_until(f.loop, server.closed == 1);
    assert_int_equal(server.end, STREAM_END_PEER);
}

static void a_record_that_was_tampered_with_ends_the_stream(void **state)
{
    (void)state;
    char record[256];
    struct wire wire = wire_join(65536);
    stream_start_tls(&server.stream, server_context);
    stream_start_tls(&client.stream, client_context);
    wire_pass(&wire);
    stream_send(&client.stream, "pay 10", 6);
    ssize_t n = read(wire.b, record, sizeof(record));
    record[n - 3] ^= 1;
    assert_int_equal(write(wire.a, record, (size_t)n), n);
    turn_until(f.loop, server.closed == 1);
    assert_int_equal(server.end, STREAM_END_TLS);
    assert_int_equal(server.shown, 0);
    assert_true(read(wire.a, record, sizeof(record)) > 0); // the alert
    wire_close(&wire);
}

static ssize_t bytes_for_client(void)
{
    uint8_t bytes[64];
    return recv(client.stream.fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
}

static void leaving_says_no_goodbye_and_closing_does(void **state)
{
    (void)state;
    join_secure();
    stream_leave(&server.stream);
    assert_int_equal(bytes_for_client(), 0);
    owners_reopen();
    join_secure();
    stream_close(&server.stream);
    assert_true(bytes_for_client() > 0);
}

static void finishing_says_goodbye_behind_the_queue(void **state)
{
    (void)state;
    uint8_t *bytes = pattern(LARGE);
    join_secure();
    stream_send(&server.stream, bytes, LARGE);
    stream_finish(&server.stream);
    turn_until(f.loop, client.closed == 1);
    assert_int_equal(client.end, STREAM_END_PEER);
    assert_int_equal(buffer_len(&client.got), LARGE);
    assert_memory_equal(buffer_ptr(&client.got), bytes, LARGE);
    turn_until(f.loop, server.closed == 1);
    mem_free(bytes);
}

static void closing_tells_the_peer(void **state)
{
    (void)state;
    join_secure();
    stream_close(&server.stream);
    turn_until(f.loop, client.closed == 1);
    assert_int_equal(client.end, STREAM_END_PEER);
    assert_int_equal(client.error.code, 0);
}

static void echo(struct owner *who)
{
    stream_send(&who->stream, buffer_ptr(&who->got), buffer_len(&who->got));
    buffer_clear(&who->got);
}

static void an_echo_keeps_nothing(void **state)
{
    (void)state;
    enum { ROUNDS = 5000 };
    join_secure();
    server.act = echo;
    uint64_t before = metric_get(f.metrics, METRIC_LOOP_WATCHES);
    size_t output_cap = f.loop->tls->output.cap;
    char bytes[100] = {0};
    int64_t begun = clock_now_us();
    for (int i = 1; i <= ROUNDS; i++) {
        stream_send(&client.stream, bytes, sizeof(bytes));
        turn_until(f.loop, client.shown == i);
        buffer_clear(&client.got);
        assert_null(server.stream.unread.data);
        assert_null(server.stream.output);
    }
    print_message("echo of 100 bytes through TLS, both ends: %.0f ns\n",
                  (double)(clock_now_us() - begun) * 1e3 / ROUNDS);
    assert_int_equal(metric_get(f.metrics, METRIC_LOOP_WATCHES), before);
    assert_int_equal(f.loop->tls->output.cap, output_cap);
}

int main(void)
{
#define IN_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_LOOP(both_roles_agree_and_bytes_pass_both_ways),
        IN_LOOP(a_plain_stream_has_no_tls_to_tell_of),
        IN_LOOP(a_wire_that_brings_one_byte_at_a_time),
        IN_LOOP(a_wire_that_brings_seven_bytes_at_a_time),
        IN_LOOP(a_clients_hello_right_behind_its_request_goes_to_tls),
        IN_LOOP(a_servers_bytes_in_the_clear_before_tls_are_an_attack),
        IN_LOOP(kept_bytes_in_the_clear_are_an_attack_too),
        IN_LOOP(garbage_instead_of_a_handshake_ends_the_stream_with_an_alert),
        IN_LOOP(half_a_handshake_and_an_end),
        IN_LOOP(nothing_can_be_sent_before_the_handshake_is_done),
        IN_LOOP(words_sent_as_soon_as_it_is_secure_arrive),
        IN_LOOP(closing_when_secured_is_safe),
        IN_LOOP(the_ticket_comes_with_the_first_bytes),
        IN_LOOP(the_next_connection_resumes_and_each_ticket_serves_once),
        IN_LOOP(a_new_servers_context_knows_no_old_tickets),
        IN_LOOP(much_passes_in_order_with_high_and_low_water),
        IN_LOOP(a_frame_waited_for_whole_comes_in_one_piece),
        IN_LOOP(records_across_receive_calls_fit_the_loops_area),
        IN_LOOP(pausing_keeps_what_was_decrypted_and_the_goodbye_waits),
        IN_LOOP(a_goodbye_that_came_with_kept_bytes_is_told_at_resuming),
        IN_LOOP(a_goodbye_is_noticed_while_paused),
        IN_LOOP(a_record_that_was_tampered_with_ends_the_stream),
        IN_LOOP(leaving_says_no_goodbye_and_closing_does),
        IN_LOOP(finishing_says_goodbye_behind_the_queue),
        IN_LOOP(closing_tells_the_peer),
        IN_LOOP(an_echo_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, contexts_make, contexts_drop);
}
