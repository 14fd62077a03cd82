#include "proxy/net/stream.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"
#include "tests/unit/proxy/net/stream_owner.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static struct fixture f;
static struct owner owner;
static int peer;

static int setup(void **state)
{
    (void)state;
    fixture_open(&f);
    peer = owner_pair(&owner, f.loop);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    owner_release(&owner);
    if (peer >= 0) {
        close(peer);
    }
    fixture_close(&f);
    return 0;
}

static void peer_close(void)
{
    close(peer);
    peer = -1;
}

static uint64_t watches(void)
{
    return metric_get(f.metrics, METRIC_LOOP_WATCHES);
}

// `len` bytes that differ from their neighbours.
static uint8_t *pattern(size_t len)
{
    uint8_t *bytes = mem_alloc(len);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
    }
    return bytes;
}

static void assert_pattern(const struct buffer *buf, size_t len)
{
    uint8_t *expected = pattern(len);
    assert_int_equal(buffer_len(buf), len);
    assert_memory_equal(buffer_ptr(buf), expected, len);
    mem_free(expected);
}

static void inside(void (*call)(void))
{
    owner.inside = true;
    call();
    owner.inside = false;
}

// --- receiving ----------------------------------------------------------------------------------

static void bytes_are_shown_as_they_come(void **state)
{
    (void)state;
    peer_write(peer, "hello");
    turn_until(f.loop, owner.shown == 1);
    assert_true(owner_has(&owner, "hello"));
    assert_false(stream_has_unread(&owner.stream));
    assert_int_equal(metric_get(f.metrics, METRIC_BYTES_RECEIVED, METRIC_SIDE_CLIENT), 5);
}

static void what_is_left_is_shown_with_the_next_bytes_and_holds_memory_only_until_then(void **state)
{
    (void)state;
    owner.use_from = 6;
    peer_write(peer, "abc");
    turn_until(f.loop, owner.shown == 1);
    assert_true(slice_equal(stream_unread(&owner.stream), S("abc")));
    peer_write(peer, "de");
    turn_until(f.loop, owner.shown == 2);
    assert_int_equal(owner.shown_last, 5);
    peer_write(peer, "f");
    turn_until(f.loop, owner.shown == 3);
    assert_true(owner_has(&owner, "abcdef"));
    assert_null(owner.stream.unread.data);
}

static void part_of_the_bytes_may_be_used(void **state)
{
    (void)state;
    owner.use_at_most = 2;
    peer_write(peer, "abcde");
    turn_until(f.loop, owner.shown == 1);
    assert_true(slice_equal(stream_unread(&owner.stream), S("cde")));
    stream_resume(&owner.stream);
    turn_until(f.loop, owner.shown == 2);
    owner.use_at_most = SIZE_MAX;
    stream_resume(&owner.stream);
    turn_until(f.loop, owner.shown == 3);
    assert_true(owner_has(&owner, "abcde"));
    assert_null(owner.stream.unread.data);
}

static void check_whole_after(size_t len, size_t chunk)
{
    uint8_t *bytes = pattern(len);
    size_t sent = 0;
    owner.use_from = len;
    while (sent < len) {
        size_t want = len - sent < chunk ? len - sent : chunk;
        ssize_t n = write(peer, bytes + sent, want);
        sent += n > 0 ? (size_t)n : 0;
        loop_turn(f.loop);
    }
    turn_until(f.loop, buffer_len(&owner.got) == len);
    assert_pattern(&owner.got, len);
    assert_null(owner.stream.unread.data);
    buffer_clear(&owner.got);
    mem_free(bytes);
}

// The border where kept bytes move from the loop's area into memory of their own is at 16 KiB.
static void a_frame_that_is_waited_for_whole_comes_in_one_piece(void **state)
{
    (void)state;
    check_whole_after(100, 1);
    check_whole_after(16 * 1024 + 1, 16 * 1024 - 1);
    check_whole_after(16 * 1024 + 1, 16 * 1024);
    check_whole_after(16 * 1024 + 2, 16 * 1024 + 1);
    check_whole_after(200 * 1024, 5000);
    check_whole_after(3 * 1024 * 1024, 65536);
}

static void the_peers_end_is_told_with_what_was_left(void **state)
{
    (void)state;
    owner.use_from = 100;
    peer_write(peer, "half a fr");
    peer_close();
    turn_until(f.loop, owner.closed == 1);
    assert_int_equal(owner.end, STREAM_END_PEER);
    assert_string_equal(owner.left, "half a fr");
    assert_int_equal(owner.error.code, 0);
    assert_null(owner.stream.unread.data);
    assert_false(stream_is_open(&owner.stream));
}

// --- pausing ------------------------------------------------------------------------------------

static void pausing_costs_nothing_where_no_bytes_come(void **state)
{
    (void)state;
    uint64_t before = watches();
    for (int i = 0; i < 100; i++) {
        stream_pause(&owner.stream);
        stream_resume(&owner.stream);
    }
    peer_write(peer, "x");
    turn_until(f.loop, owner.shown == 1);
    assert_int_equal(watches(), before);
}

static void bytes_that_come_while_paused_take_the_socket_out_of_the_loop_once(void **state)
{
    (void)state;
    uint64_t before = watches();
    stream_pause(&owner.stream);
    peer_write(peer, "later");
    loop_turn(f.loop);
    assert_int_equal(owner.stream.reading, STREAM_READING_OFF);
    assert_int_equal(watches(), before + 1);
    peer_write(peer, " still");
    assert_int_equal(owner.shown, 0);
    stream_resume(&owner.stream);
    assert_int_equal(watches(), before + 2);
    turn_until(f.loop, owner.shown == 1);
    assert_true(owner_has(&owner, "later still"));
}

static void act_pause(struct owner *who)
{
    stream_pause(&who->stream);
}

static void bytes_left_when_pausing_inside_on_data_come_at_resuming(void **state)
{
    (void)state;
    owner.use_at_most = 1;
    owner.act = act_pause;
    peer_write(peer, "ab");
    turn_until(f.loop, owner.shown == 1);
    owner.act = NULL;
    owner.use_at_most = SIZE_MAX;
    stream_resume(&owner.stream);
    assert_int_equal(owner.shown, 1); // not inside the call
    turn_until(f.loop, owner.shown == 2);
    assert_true(owner_has(&owner, "ab"));
}

static void the_peers_end_is_noticed_while_paused(void **state)
{
    (void)state;
    stream_pause(&owner.stream);
    peer_close();
    turn_until(f.loop, owner.closed == 1);
    assert_int_equal(owner.end, STREAM_END_PEER);
}

static void bytes_before_the_end_are_not_lost_by_pausing(void **state)
{
    (void)state;
    stream_pause(&owner.stream);
    peer_write(peer, "last words");
    peer_close();
    loop_turn(f.loop);
    assert_int_equal(owner.closed, 0);
    stream_resume(&owner.stream);
    turn_until(f.loop, owner.closed == 1);
    assert_true(owner_has(&owner, "last words"));
    assert_int_equal(owner.end, STREAM_END_PEER);
}

static void kept_bytes_are_not_lost_either_when_the_peer_ends_while_paused(void **state)
{
    (void)state;
    owner.use_at_most = 0;
    owner.act = act_pause;
    peer_write(peer, "kept");
    turn_until(f.loop, owner.shown == 1);
    peer_close();
    loop_turn(f.loop);
    assert_int_equal(owner.closed, 0);
    owner.act = NULL;
    owner.use_at_most = SIZE_MAX;
    stream_resume(&owner.stream);
    turn_until(f.loop, owner.closed == 1);
    assert_true(owner_has(&owner, "kept"));
}

// --- sending ------------------------------------------------------------------------------------

static void what_the_system_takes_is_sent_at_once(void **state)
{
    (void)state;
    struct buffer got = BUFFER_INIT;
    uint64_t before = watches();
    stream_send(&owner.stream, "one", 3);
    stream_send2(&owner.stream, S(" two"), S(" three"));
    stream_send(&owner.stream, "", 0);
    stream_send_parts(&owner.stream, (const struct slice[]){S(" "), SLICE_NONE, S("four"), S("")},
                      4);
    peer_read(peer, f.loop, &got, 18);
    assert_true(slice_equal(buffer_slice(&got), S("one two three four")));
    assert_int_equal(watches(), before);
    assert_null(owner.stream.output);
    assert_int_equal(metric_get(f.metrics, METRIC_BYTES_SENT, METRIC_SIDE_CLIENT), 18);
    buffer_release(&got);
}

enum { LARGE = 4 * 1024 * 1024 };

static void send_large(void)
{
    uint8_t *bytes = pattern(LARGE);
    stream_send(&owner.stream, bytes, LARGE);
    mem_free(bytes);
}

static void what_the_system_does_not_take_is_queued_and_goes_out_in_order(void **state)
{
    (void)state;
    struct buffer got = BUFFER_INIT;
    uint64_t before = watches();
    inside(send_large);
    assert_true(stream_is_congested(&owner.stream));
    assert_true(stream_queued(&owner.stream) > LARGE / 2);
    assert_int_equal(watches(), before + 1);
    stream_send(&owner.stream, "the end", 7);
    assert_int_equal(owner.writable, 0);
    peer_read(peer, f.loop, &got, LARGE + 7);
    assert_memory_equal(buffer_ptr(&got) + LARGE, "the end", 7);
    buffer_truncate(&got, LARGE);
    assert_pattern(&got, LARGE);
    turn_until(f.loop, owner.stream.output == NULL);
    assert_int_equal(owner.writable, 1);
    assert_int_equal(watches(), before + 2);
    assert_int_equal(metric_get(f.metrics, METRIC_BYTES_SENT, METRIC_SIDE_CLIENT), LARGE + 7);
    buffer_release(&got);
}

static void on_writable_comes_at_low_water_and_not_before(void **state)
{
    (void)state;
    struct buffer got = BUFFER_INIT;
    send_large();
    while (owner.writable == 0) {
        assert_true(stream_queued(&owner.stream) > OWNER_LOW);
        peer_read(peer, f.loop, &got, buffer_len(&got) + 1);
    }
    assert_true(stream_queued(&owner.stream) <= OWNER_LOW);
    buffer_release(&got);
}

static void a_queue_below_high_water_owes_no_call(void **state)
{
    (void)state;
    struct buffer got = BUFFER_INIT;
    char bytes[1000] = {0};
    size_t sent = 0;
    while (stream_queued(&owner.stream) == 0) {
        stream_send(&owner.stream, bytes, sizeof(bytes));
        sent += sizeof(bytes);
    }
    assert_false(stream_is_congested(&owner.stream));
    peer_read(peer, f.loop, &got, sent);
    turn_until(f.loop, owner.stream.output == NULL);
    assert_int_equal(owner.writable, 0);
    buffer_release(&got);
}

static void parts_that_the_system_takes_half_are_continued_where_it_stopped(void **state)
{
    (void)state;
    struct buffer got = BUFFER_INIT;
    uint8_t *bytes = pattern(LARGE);
    stream_send_parts(&owner.stream,
                      (const struct slice[]){slice_make(bytes, 3), slice_make(bytes + 3, 70000),
                                             SLICE_NONE, slice_make(bytes + 70003, LARGE - 70004),
                                             slice_make(bytes + LARGE - 1, 1)},
                      5);
    peer_read(peer, f.loop, &got, LARGE);
    assert_pattern(&got, LARGE);
    mem_free(bytes);
    buffer_release(&got);
}

static void reading_goes_on_while_sending_waits(void **state)
{
    (void)state;
    send_large();
    peer_write(peer, "meanwhile");
    turn_until(f.loop, owner.shown == 1);
    assert_true(owner_has(&owner, "meanwhile"));
}

// --- ends ---------------------------------------------------------------------------------------

static void send_word(void)
{
    stream_send(&owner.stream, "word", 4);
}

// A server that has too many connections says so and closes; our own first bytes then fail.
static void the_peers_last_words_are_read_before_a_failed_send_ends_the_stream(void **state)
{
    (void)state;
    peer_write(peer, "too many");
    peer_close();
    inside(send_word);
    inside(send_word);
    assert_int_equal(owner.closed, 0);
    turn_until(f.loop, owner.closed == 1);
    assert_true(owner_has(&owner, "too many"));
    assert_int_equal(owner.end, STREAM_END_PEER);
}

static void a_failed_send_is_told_from_the_loop_even_when_paused(void **state)
{
    (void)state;
    stream_pause(&owner.stream);
    peer_close();
    inside(send_word);
    assert_int_equal(owner.closed, 0);
    turn_until(f.loop, owner.closed == 1);
    assert_int_equal(owner.end, STREAM_END_RESET);
    assert_int_equal(owner.error.code, EPIPE);
    assert_int_equal(owner.closed, 1);
}

static void a_failed_send_is_told_when_pausing_follows(void **state)
{
    (void)state;
    peer_write(peer, "unread");
    peer_close();
    inside(send_word);
    stream_pause(&owner.stream);
    turn_until(f.loop, owner.closed == 1);
    assert_int_equal(owner.end, STREAM_END_RESET);
}

static void a_queue_that_meets_a_closed_peer_ends_the_stream(void **state)
{
    (void)state;
    send_large();
    peer_close();
    turn_until(f.loop, owner.closed == 1);
    assert_null(owner.stream.output);
}

static void act_close(struct owner *who)
{
    who->inside = true;
    stream_close(&who->stream);
    who->inside = false;
}

static void closing_inside_on_data_is_silent_and_final(void **state)
{
    (void)state;
    char byte;
    owner.act = act_close;
    owner.use_at_most = 1;
    peer_write(peer, "abc");
    turn_until(f.loop, owner.shown == 1);
    assert_null(owner.stream.unread.data);
    assert_int_equal(read(peer, &byte, 1), 0);
    stream_send(&owner.stream, "x", 1);
    stream_resume(&owner.stream);
    stream_pause(&owner.stream);
    stream_close(&owner.stream);
    assert_int_equal(owner.closed, 0);
}

// Kept bytes that stand in memory of their own while they are shown: closing must not pull it away.
static void closing_inside_on_data_of_many_kept_bytes(void **state)
{
    (void)state;
    uint8_t *bytes = pattern(60000);
    owner.use_from = 60000;
    assert_int_equal(write(peer, bytes, 59999), 59999);
    turn_until(f.loop, stream_unread(&owner.stream).len == 59999);
    owner.act = act_close;
    assert_int_equal(write(peer, bytes + 59999, 1), 1);
    turn_until(f.loop, buffer_len(&owner.got) == 60000);
    assert_pattern(&owner.got, 60000);
    mem_free(bytes);
}

struct freed_owner {
    struct owner owner;
    struct loop_task task;
    bool *is_freed;
};

static void freed_owner_free(struct loop_task *task)
{
    struct freed_owner *freed = container_of(task, struct freed_owner, task);
    buffer_release(&freed->owner.got);
    *freed->is_freed = true;
    mem_free(freed);
}

static void act_free(struct owner *who)
{
    struct freed_owner *freed = container_of(who, struct freed_owner, owner);
    stream_close(&who->stream);
    loop_defer(f.loop, &freed->task);
}

static void check_freed(bool at_end)
{
    bool is_freed = false;
    struct freed_owner *freed = mem_zero(1, sizeof(*freed));
    int other = owner_pair(&freed->owner, f.loop);
    loop_task_init(&freed->task, freed_owner_free);
    freed->is_freed = &is_freed;
    freed->owner.act = at_end ? NULL : act_free;
    freed->owner.act_closed = act_free;
    peer_write(other, "x");
    close(other);
    turn_until(f.loop, is_freed);
}

static void an_owner_may_go_at_the_end_of_the_turn(void **state)
{
    (void)state;
    check_freed(false);
    check_freed(true);
}

static int second_peer;

static void act_reopen(struct owner *who)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    stream_adopt(&who->stream, fds[0]);
    second_peer = fds[1];
    who->act_closed = NULL;
}

static void a_stream_may_be_opened_anew_when_it_has_ended(void **state)
{
    (void)state;
    owner.use_from = 100;
    owner.act_closed = act_reopen;
    peer_write(peer, "old");
    peer_close();
    turn_until(f.loop, owner.closed == 1);
    assert_string_equal(owner.left, "old");
    owner.use_from = 0;
    peer_write(second_peer, "new");
    turn_until(f.loop, buffer_len(&owner.got) > 0);
    assert_true(owner_has(&owner, "new"));
    close(second_peer);
}

static void finishing_sends_the_queue_and_then_the_end(void **state)
{
    (void)state;
    struct buffer got = BUFFER_INIT;
    send_large();
    stream_finish(&owner.stream);
    stream_send(&owner.stream, "too late", 8);
    peer_write(peer, "nobody listens");
    peer_read_end(peer, f.loop, &got);
    assert_pattern(&got, LARGE);
    assert_int_equal(owner.closed, 0);
    peer_close();
    turn_until(f.loop, owner.closed == 1);
    assert_int_equal(owner.end, STREAM_END_PEER);
    assert_int_equal(owner.shown, 0);
    buffer_release(&got);
}

static void finishing_an_idle_stream_ends_it_at_once_even_when_its_reading_was_off(void **state)
{
    (void)state;
    char byte;
    stream_pause(&owner.stream);
    peer_write(peer, "unwanted");
    loop_turn(f.loop);
    assert_int_equal(owner.stream.reading, STREAM_READING_OFF);
    stream_finish(&owner.stream);
    assert_int_equal(read(peer, &byte, 1), 0);
    peer_close();
    turn_until(f.loop, owner.closed == 1);
    assert_int_equal(owner.shown, 0);
}

// --- connecting ---------------------------------------------------------------------------------

static int listen_somewhere(int backlog, struct address *address)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    assert_true(address_from_ip(address, S("127.0.0.1"), ntohs(in.sin_port)));
    return fd;
}

static struct address target;

static void connect_target(void)
{
    stream_connect(&owner.stream, &target, CLOCK_SECOND * 30);
}

static void connecting_opens_the_stream_and_sends_what_was_queued(void **state)
{
    (void)state;
    char greeting[5];
    stream_close(&owner.stream);
    int listening = listen_somewhere(1, &target);
    inside(connect_target);
    stream_send(&owner.stream, "first", 5);
    assert_false(stream_is_open(&owner.stream));
    turn_until(f.loop, owner.connected == 1);
    assert_true(stream_is_open(&owner.stream));
    int accepted = accept(listening, NULL, NULL);
    turn_until(f.loop, owner.stream.output == NULL);
    assert_int_equal(recv(accepted, greeting, 5, MSG_WAITALL), 5);
    assert_memory_equal(greeting, "first", 5);
    struct address other = stream_peer(&owner.stream);
    assert_true(address_is_equal(&other, &target));
    assert_int_equal(write(accepted, "ok", 2), 2);
    turn_until(f.loop, owner.shown == 1);
    close(accepted);
    turn_until(f.loop, owner.closed == 1);
    close(listening);
}

static void a_refused_connection_names_the_address(void **state)
{
    (void)state;
    char text[ADDRESS_TEXT_SIZE];
    stream_close(&owner.stream);
    close(listen_somewhere(1, &target));
    inside(connect_target);
    assert_int_equal(owner.closed, 0);
    turn_until(f.loop, owner.closed == 1);
    assert_int_equal(owner.end, STREAM_END_CONNECT);
    assert_int_equal(owner.error.code, ECONNREFUSED);
    assert_string_equal(owner.error.where, address_print(&target, text));
    assert_non_null(strstr(owner.error.text, "refused"));
}

static void a_connection_that_fails_at_once_is_told_from_the_loop(void **state)
{
    (void)state;
    stream_close(&owner.stream);
    assert_true(address_from_path(&target, S("/nonexistent/socket")));
    inside(connect_target);
    stream_send(&owner.stream, "lost", 4);
    turn_until(f.loop, owner.closed == 1);
    assert_int_equal(owner.end, STREAM_END_CONNECT);
    assert_int_equal(owner.error.code, ENOENT);
    assert_string_equal(owner.error.where, "/nonexistent/socket");
    // And one given up before the loop could tell is silent.
    inside(connect_target);
    stream_close(&owner.stream);
    struct owner fence;
    int other = owner_pair(&fence, f.loop);
    peer_write(other, "x");
    turn_until(f.loop, fence.shown == 1);
    assert_int_equal(owner.closed, 1);
    owner_release(&fence);
    close(other);
}

// A listener whose queue is full answers nothing, as a host that is gone.
static void a_connection_that_nobody_answers_ends_in_time(void **state)
{
    (void)state;
    enum { FILLERS = 16 };
    int fillers[FILLERS];
    stream_close(&owner.stream);
    int listening = listen_somewhere(0, &target);
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons(target.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < FILLERS; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&in, sizeof(in));
    }
    int64_t begun = clock_now_us();
    stream_connect(&owner.stream, &target, 30 * CLOCK_MS);
    turn_until(f.loop, owner.closed == 1);
    assert_int_equal(owner.end, STREAM_END_CONNECT_TIMEOUT);
    assert_true(clock_now_us() - begun >= 30 * CLOCK_MS);
    assert_int_equal(owner.error.code, ETIMEDOUT);
    for (int i = 0; i < FILLERS; i++) {
        close(fillers[i]);
    }
    close(listening);
}

static void a_connection_given_up_is_silent(void **state)
{
    (void)state;
    stream_close(&owner.stream);
    int listening = listen_somewhere(1, &target);
    connect_target();
    stream_close(&owner.stream);
    connect_target();
    turn_until(f.loop, owner.connected == 1);
    assert_int_equal(owner.closed, 0);
    close(listening);
}

// --- the steady state ---------------------------------------------------------------------------

static void act_echo(struct owner *who)
{
    stream_send(&who->stream, buffer_ptr(&who->got), buffer_len(&who->got));
    buffer_clear(&who->got);
}

// What a query costs: no change of what is watched, nothing kept, one turn for each readiness.
static void an_echo_changes_nothing_and_keeps_nothing(void **state)
{
    (void)state;
    enum { ROUNDS = 20000 };
    char bytes[100] = {0};
    owner.act = act_echo;
    peer_write(peer, "x");
    turn_until(f.loop, owner.shown == 1);
    (void)!read(peer, bytes, sizeof(bytes));
    uint64_t before = watches();
    uint64_t turns = metric_get(f.metrics, METRIC_LOOP_TURNS);
    int64_t begun = clock_now_us();
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(write(peer, bytes, sizeof(bytes)), sizeof(bytes));
        loop_turn(f.loop);
        assert_int_equal(read(peer, bytes, sizeof(bytes)), sizeof(bytes));
        assert_null(owner.stream.unread.data);
        assert_null(owner.stream.output);
    }
    print_message("struct stream: %zu bytes; echo of 100 bytes: %.0f ns, of which 4 are socket "
                  "calls of both ends and one is epoll_wait\n",
                  sizeof(struct stream), (double)(clock_now_us() - begun) * 1e3 / ROUNDS);
    assert_int_equal(watches(), before);
    assert_int_equal(metric_get(f.metrics, METRIC_LOOP_TURNS) - turns, ROUNDS);
}

static void each_end_has_a_word_and_a_sentence(void **state)
{
    (void)state;
    for (int end = STREAM_END_NONE; end < STREAM_END_COUNT; end++) {
        assert_null(strchr(stream_end_word(end), ' '));
        const char *sentence = stream_end_sentence(end);
        assert_int_equal(sentence[strlen(sentence) - 1], '.');
    }
}

int main(void)
{
#define IN_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_LOOP(bytes_are_shown_as_they_come),
        IN_LOOP(what_is_left_is_shown_with_the_next_bytes_and_holds_memory_only_until_then),
        IN_LOOP(part_of_the_bytes_may_be_used),
        IN_LOOP(a_frame_that_is_waited_for_whole_comes_in_one_piece),
        IN_LOOP(the_peers_end_is_told_with_what_was_left),
        IN_LOOP(pausing_costs_nothing_where_no_bytes_come),
        IN_LOOP(bytes_that_come_while_paused_take_the_socket_out_of_the_loop_once),
        IN_LOOP(bytes_left_when_pausing_inside_on_data_come_at_resuming),
        IN_LOOP(the_peers_end_is_noticed_while_paused),
        IN_LOOP(bytes_before_the_end_are_not_lost_by_pausing),
        IN_LOOP(kept_bytes_are_not_lost_either_when_the_peer_ends_while_paused),
        IN_LOOP(what_the_system_takes_is_sent_at_once),
        IN_LOOP(what_the_system_does_not_take_is_queued_and_goes_out_in_order),
        IN_LOOP(on_writable_comes_at_low_water_and_not_before),
        IN_LOOP(a_queue_below_high_water_owes_no_call),
        IN_LOOP(parts_that_the_system_takes_half_are_continued_where_it_stopped),
        IN_LOOP(reading_goes_on_while_sending_waits),
        IN_LOOP(the_peers_last_words_are_read_before_a_failed_send_ends_the_stream),
        IN_LOOP(a_failed_send_is_told_from_the_loop_even_when_paused),
        IN_LOOP(a_failed_send_is_told_when_pausing_follows),
        IN_LOOP(a_queue_that_meets_a_closed_peer_ends_the_stream),
        IN_LOOP(closing_inside_on_data_is_silent_and_final),
        IN_LOOP(closing_inside_on_data_of_many_kept_bytes),
        IN_LOOP(an_owner_may_go_at_the_end_of_the_turn),
        IN_LOOP(a_stream_may_be_opened_anew_when_it_has_ended),
        IN_LOOP(finishing_sends_the_queue_and_then_the_end),
        IN_LOOP(finishing_an_idle_stream_ends_it_at_once_even_when_its_reading_was_off),
        IN_LOOP(connecting_opens_the_stream_and_sends_what_was_queued),
        IN_LOOP(a_refused_connection_names_the_address),
        IN_LOOP(a_connection_that_fails_at_once_is_told_from_the_loop),
        IN_LOOP(a_connection_that_nobody_answers_ends_in_time),
        IN_LOOP(a_connection_given_up_is_silent),
        IN_LOOP(an_echo_changes_nothing_and_keeps_nothing),
        cmocka_unit_test(each_end_has_a_word_and_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
