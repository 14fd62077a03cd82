// Sends of a turn: kept back until its end, one call for each stream. The sockets here keep the
// boundaries of calls: each receive shows what one send sent.
#include "proxy/net/stream.h"

#include "proxy/base/memory.h"
#include "proxy/net/loop_priv.h"
#include "tests/unit/proxy/net/stream_owner.h"

#include <errno.h>
#include <sys/socket.h>

enum { MANY = OUTBOX_STREAMS * 2 + 5 };

static struct fixture f;
static struct owner owners[MANY];
static int peers[MANY];
static size_t joined;

static int setup(void **state)
{
    (void)state;
    fixture_open(&f);
    joined = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < joined; i++) {
        owner_release(&owners[i]);
        close(peers[i]);
    }
    fixture_close(&f);
    return 0;
}

static struct owner *join(void)
{
    int fds[2];
    int type = SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC;
    assert_int_equal(socketpair(AF_UNIX, type, 0, fds), 0);
    struct owner *owner = &owners[joined];
    owner_init(owner, f.loop);
    stream_adopt(&owner->stream, fds[0]);
    peers[joined++] = fds[1];
    return owner;
}

static void ask(size_t i)
{
    assert_int_equal(send(peers[i], "?", 1, MSG_NOSIGNAL), 1);
}

// What one call sent; "" where nothing came (yet).
static struct slice sent_to(size_t i)
{
    static char bytes[OUTBOX_SIZE * 2];
    ssize_t n = recv(peers[i], bytes, sizeof(bytes), MSG_DONTWAIT);
    assert_true(n >= 0 || errno == EAGAIN);
    return slice_make(bytes, n > 0 ? (size_t)n : 0);
}

static bool sent_is(size_t i, const char *text)
{
    return slice_equal(sent_to(i), slice_text(text));
}

// --- what owners do in on_data() ----------------------------------------------------------------

static void answer_in_pieces(struct owner *owner)
{
    stream_send(&owner->stream, "one ", 4);
    stream_send2(&owner->stream, S("two "), S("three"));
    assert_true(sent_is(0, "")); // not yet
}

static uint8_t large[OUTBOX_PIECE_MOST + 1];

static void answer_much(struct owner *owner)
{
    stream_send(&owner->stream, "head", 4);
    stream_send(&owner->stream, large, sizeof(large));
    assert_true(sent_is(0, "head"));
    assert_int_equal(sent_to(0).len, sizeof(large));
    stream_send(&owner->stream, "tail", 4);
}

static void answer_and_close(struct owner *owner)
{
    stream_send(&owner->stream, "last words", 10);
    stream_close(&owner->stream);
}

static void answer_and_leave(struct owner *owner)
{
    stream_send(&owner->stream, "last words", 10);
    stream_leave(&owner->stream);
}

static void answer_and_finish(struct owner *owner)
{
    stream_send(&owner->stream, "last words", 10);
    stream_finish(&owner->stream);
}

static void answer_to_both(struct owner *owner)
{
    (void)owner;
    stream_send(&owners[0].stream, "a", 1);
    stream_send(&owners[1].stream, "b", 1);
    stream_send(&owners[0].stream, "c", 1);
}

static void answer_to_nobody(struct owner *owner)
{
    close(peers[0]);
    peers[0] = -1;
    stream_send(&owner->stream, "answer", 6);
}

static void answer_to_all(struct owner *owner)
{
    (void)owner;
    for (size_t i = 0; i < joined; i++) {
        stream_send(&owners[i].stream, "all", 3);
    }
}

static void answer_until_full(struct owner *owner)
{
    for (size_t i = 0; i < joined; i++) {
        stream_send(&owners[i].stream, large, OUTBOX_PIECE_MOST);
    }
    stream_send(&owner->stream, "end", 3);
}

// --- tests --------------------------------------------------------------------------------------

static void pieces_of_a_turn_go_out_in_one_call_at_its_end(void **state)
{
    (void)state;
    join()->act = answer_in_pieces;
    ask(0);
    turn_until(f.loop, owners[0].shown == 1);
    assert_true(sent_is(0, "one two three"));
    assert_true(sent_is(0, ""));
    assert_int_equal(metric_get(f.metrics, METRIC_BYTES_SENT, METRIC_SIDE_CLIENT), 13);
}

static void outside_a_turn_nothing_is_kept(void **state)
{
    (void)state;
    stream_send(&join()->stream, "now", 3);
    assert_true(sent_is(0, "now"));
}

static void what_is_large_goes_at_once_and_in_order(void **state)
{
    (void)state;
    join()->act = answer_much;
    ask(0);
    turn_until(f.loop, owners[0].shown == 1);
    assert_true(sent_is(0, "tail"));
}

static void streams_keep_their_order_among_each_other(void **state)
{
    (void)state;
    join()->act = answer_to_both;
    join();
    ask(0);
    turn_until(f.loop, owners[0].shown == 1);
    assert_true(sent_is(0, "a")); // b came between: two calls
    assert_true(sent_is(0, "c"));
    assert_true(sent_is(1, "b"));
}

static void whoever_ends_a_stream_has_sent_what_was_kept(void **state)
{
    (void)state;
    static void (*const ends[])(struct owner *) = {answer_and_close, answer_and_leave,
                                                   answer_and_finish};
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        join()->act = ends[i];
        ask(i);
        turn_until(f.loop, owners[i].shown == 1);
        assert_true(sent_is(i, "last words"));
    }
}

static void a_peer_that_is_gone_is_told_later(void **state)
{
    (void)state;
    join()->act = answer_to_nobody;
    ask(0);
    turn_until(f.loop, owners[0].closed == 1);
    assert_int_equal(owners[0].end, STREAM_END_PEER);
}

static void more_streams_than_it_has_places_for_are_served(void **state)
{
    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        join();
    }
    owners[0].act = answer_to_all;
    ask(0);
    turn_until(f.loop, owners[0].shown == 1);
    for (size_t i = 0; i < MANY; i++) {
        assert_true(sent_is(i, "all"));
        assert_true(sent_is(i, ""));
    }
}

static void more_bytes_than_it_has_room_for_are_sent(void **state)
{
    (void)state;
    enum { FULL = OUTBOX_SIZE / OUTBOX_PIECE_MOST + 3 };
    for (size_t i = 0; i < FULL; i++) {
        join();
    }
    owners[0].act = answer_until_full;
    ask(0);
    turn_until(f.loop, owners[0].shown == 1);
    for (size_t i = 0; i < FULL; i++) {
        assert_int_equal(sent_to(i).len, OUTBOX_PIECE_MOST);
    }
    assert_true(sent_is(0, "end"));
}

int main(void)
{
#define IN_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_LOOP(pieces_of_a_turn_go_out_in_one_call_at_its_end),
        IN_LOOP(outside_a_turn_nothing_is_kept),
        IN_LOOP(what_is_large_goes_at_once_and_in_order),
        IN_LOOP(streams_keep_their_order_among_each_other),
        IN_LOOP(whoever_ends_a_stream_has_sent_what_was_kept),
        IN_LOOP(a_peer_that_is_gone_is_told_later),
        IN_LOOP(more_streams_than_it_has_places_for_are_served),
        IN_LOOP(more_bytes_than_it_has_room_for_are_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
