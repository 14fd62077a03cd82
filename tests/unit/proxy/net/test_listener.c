#include "proxy/net/listener.h"

#include "proxy/net/socket.h"
#include "tests/unit/proxy/net/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

static struct fixture f;
static char folder[64];
static char path[96];

enum { ACCEPTED_MAX = 64 };

static struct {
    int fds[ACCEPTED_MAX];
    struct address peers[ACCEPTED_MAX];
    int count;
    struct listener *last;
    bool closes; // the listener closes itself when it accepts
} accepted;

static void on_accept(struct listener *listener, int fd, const struct address *peer)
{
    assert_true(accepted.count < ACCEPTED_MAX);
    accepted.fds[accepted.count] = fd;
    accepted.peers[accepted.count++] = *peer;
    accepted.last = listener;
    if (accepted.closes) {
        listener_close(listener);
    }
}

static int setup(void **state)
{
    (void)state;
    fixture_open(&f);
    memset(&accepted, 0, sizeof(accepted));
    snprintf(folder, sizeof(folder), "/tmp/test_listener.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/socket", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < accepted.count; i++) {
        close(accepted.fds[i]);
    }
    unlink(path);
    rmdir(folder);
    fixture_close(&f);
    return 0;
}

static struct address address_of(const char *text)
{
    struct address address;
    assert_true(address_parse(&address, slice_text(text), 0, NULL));
    return address;
}

static const struct listener_settings plain_settings = {.on_accept = on_accept};

static struct listener *listen_on(const char *text, struct listener_settings settings)
{
    struct error error = ERROR_NONE;
    struct address address = address_of(text);
    settings.on_accept = on_accept;
    struct listener *listener = listener_create(f.loop, &address, &settings, &error);
    if (listener == NULL) {
        fail_msg("%s: %s", error.where, error.text);
    }
    return listener;
}

static int client_of(const struct listener *listener)
{
    int fd;
    int result = socket_connect(listener_address(listener), &fd);
    assert_true(result == 0 || result == -EINPROGRESS);
    return fd;
}

// --- accepting ----------------------------------------------------------------------------------

static void check_accepts(const char *text, bool has_peer)
{
    char out[ADDRESS_TEXT_SIZE];
    int owner;
    struct listener *listener =
        listen_on(text, (struct listener_settings){.owner = &owner, .index = 3});
    accepted.count = 0;
    int client = client_of(listener);
    turn_until(f.loop, accepted.count == 1);
    assert_ptr_equal(accepted.last, listener);
    assert_ptr_equal(listener_owner(listener), &owner);
    assert_int_equal(listener_index(listener), 3);
    if (has_peer) {
        struct address mine = socket_local(client);
        assert_true(address_is_equal(&accepted.peers[0], &mine));
        assert_true(address_is_local(&accepted.peers[0]));
    } else {
        assert_string_equal(address_print(&accepted.peers[0], out), "local");
    }
    assert_true((fcntl(accepted.fds[0], F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(accepted.fds[0], F_GETFD) & FD_CLOEXEC) != 0);
    close(client);
    close(accepted.fds[0]);
    accepted.count = 0;
    listener_close(listener);
}

static void connections_come_with_their_peers_address(void **state)
{
    (void)state;
    check_accepts("127.0.0.1:0", true);
    check_accepts(path, false);
}

static void connections_over_ipv6(void **state)
{
    (void)state;
    struct address address = address_of("[::1]:0");
    struct listener *probe = listener_create(f.loop, &address, &plain_settings, NULL);
    if (probe == NULL) {
        print_message("there is no IPv6 here\n");
        skip();
    }
    listener_close(probe);
    check_accepts("[::1]:0", true);
}

static void many_waiting_connections_are_all_taken(void **state)
{
    (void)state;
    int clients[50];
    struct listener *listener = listen_on("127.0.0.1:0", (struct listener_settings){.backlog = 64});
    for (int i = 0; i < 50; i++) {
        clients[i] = client_of(listener);
    }
    turn_until(f.loop, accepted.count == 50);
    assert_true(metric_get(f.metrics, METRIC_LOOP_TURNS) >= 4); // others had their turn in between
    for (int i = 0; i < 50; i++) {
        close(clients[i]);
    }
    listener_close(listener);
}

static void a_listener_may_close_itself_while_accepting(void **state)
{
    (void)state;
    int clients[3];
    struct listener *listener = listen_on("127.0.0.1:0", plain_settings);
    accepted.closes = true;
    for (int i = 0; i < 3; i++) {
        clients[i] = client_of(listener);
    }
    turn_until(f.loop, accepted.count == 1);
    for (int i = 0; i < 3; i++) {
        close(clients[i]);
    }
}

static void workers_share_an_address_only_if_both_say_so(void **state)
{
    (void)state;
    struct error error = ERROR_NONE;
    struct listener_settings shared = {.on_accept = on_accept, .is_shared = true};
    struct listener *first = listen_on("127.0.0.1:0", shared);
    struct address address = *listener_address(first);
    struct listener *second = listener_create(f.loop, &address, &shared, &error);
    assert_non_null(second);
    assert_null(listener_create(f.loop, &address, &plain_settings, &error));
    assert_int_equal(error.code, EADDRINUSE);
    char text[ADDRESS_TEXT_SIZE];
    assert_string_equal(error.where, address_print(&address, text));
    listener_close(first);
    listener_close(second);
}

static void both_families_may_listen_on_one_port(void **state)
{
    (void)state;
    struct listener *v4 = listen_on("0.0.0.0:0", plain_settings);
    struct address any6 = address_of("[::]:0");
    any6.port = listener_address(v4)->port;
    struct error error = ERROR_NONE;
    struct listener *v6 = listener_create(f.loop, &any6, &plain_settings, &error);
    if (v6 == NULL && error.code == EAFNOSUPPORT) {
        print_message("there is no IPv6 here\n");
        listener_close(v4);
        skip();
    }
    assert_non_null(v6);
    listener_close(v4);
    listener_close(v6);
}

// --- files of Unix sockets ----------------------------------------------------------------------

static void a_socket_file_is_open_to_all_and_goes_with_its_listener(void **state)
{
    (void)state;
    struct stat status;
    mode_t before = umask(077);
    struct listener *listener = listen_on(path, plain_settings);
    umask(before);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0777);
    listener_close(listener);
    assert_int_equal(stat(path, &status), -1);
}

static void a_stale_socket_file_is_replaced(void **state)
{
    (void)state;
    struct address address = address_of(path);
    struct socket_listen_options options = {.backlog = 1};
    int stale = socket_listen(&address, &options);
    assert_true(stale >= 0);
    close(stale); // as a process that was killed
    assert_int_equal(access(path, F_OK), 0);
    listener_close(listen_on(path, plain_settings));
}

static void a_live_socket_file_is_left_alone(void **state)
{
    (void)state;
    struct error error = ERROR_NONE;
    struct address address = address_of(path);
    struct listener *live = listen_on(path, plain_settings);
    assert_null(listener_create(f.loop, &address, &plain_settings, &error));
    assert_int_equal(error.code, EADDRINUSE);
    int client = client_of(live);
    turn_until(f.loop, accepted.count >= 1); // it still listens
    close(client);
    listener_close(live);
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
    (void)state;
    struct error error = ERROR_NONE;
    struct address address = address_of(path);
    FILE *file = fopen(path, "w");
    fputs("precious", file);
    fclose(file);
    assert_null(listener_create(f.loop, &address, &plain_settings, &error));
    assert_int_equal(error.code, EADDRINUSE);
    assert_int_equal(access(path, F_OK), 0);
}

// A new process has taken the path over before the old one closes.
static void a_successors_socket_file_is_not_removed(void **state)
{
    (void)state;
    struct listener *old = listen_on(path, plain_settings);
    assert_int_equal(unlink(path), 0);
    struct listener *successor = listen_on(path, plain_settings);
    listener_close(old);
    assert_int_equal(access(path, F_OK), 0);
    listener_close(successor);
    assert_int_equal(access(path, F_OK), -1);
}

// --- taking over --------------------------------------------------------------------------------

static void a_listening_descriptor_is_taken_over_and_leaves_its_file(void **state)
{
    (void)state;
    struct listener *first = listen_on(path, plain_settings);
    int handed = dup(listener_fd(first));
    struct listener *second = listener_adopt(f.loop, handed, &plain_settings, NULL);
    assert_non_null(second);
    assert_string_equal(listener_address(second)->path, path);
    int client = client_of(second);
    turn_until(f.loop, accepted.count == 1);
    listener_close(second);
    assert_int_equal(access(path, F_OK), 0);
    listener_close(first);
    close(client);
}

static void a_descriptor_that_does_not_listen_is_refused(void **state)
{
    (void)state;
    struct error error = ERROR_NONE;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_null(listener_adopt(f.loop, fds[0], &plain_settings, &error));
    assert_non_null(strstr(error.text, "no listening socket"));
    close(fds[0]);
    close(fds[1]);
}

static void an_address_of_somebody_else_is_an_error(void **state)
{
    (void)state;
    struct error error = ERROR_NONE;
    struct address address = address_of("192.0.2.1:1");
    assert_null(listener_create(f.loop, &address, &plain_settings, &error));
    assert_int_equal(error.code, EADDRNOTAVAIL);
    assert_string_equal(error.where, "192.0.2.1:1");
}

// --- no descriptors left ------------------------------------------------------------------------

static void descriptors_limit(rlim_t soft)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = soft;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

// The lowest descriptor that is free: a limit of it leaves none.
static int lowest_free(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

// Clients are told and closed instead of left hanging, the loop rests instead of spinning, and goes
// on once there are descriptors again.
static void without_descriptors_clients_are_refused_and_later_ones_served(void **state)
{
    (void)state;
    struct rlimit before;
    char words[16];
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct listener *listener =
        listen_on("127.0.0.1:0", (struct listener_settings){.refusal = S("full")});
    int first = client_of(listener);
    int second = client_of(listener);
    descriptors_limit((rlim_t)lowest_free());
    turn_until(f.loop, metric_get(f.metrics, METRIC_CLIENTS_REFUSED) == 2);
    assert_int_equal(accepted.count, 0);
    uint64_t turns = metric_get(f.metrics, METRIC_LOOP_TURNS);
    assert_int_equal(recv(first, words, sizeof(words), 0), 4);
    assert_memory_equal(words, "full", 4);
    assert_int_equal(recv(first, words, sizeof(words), 0), 0);
    assert_int_equal(recv(second, words, sizeof(words), 0), 4);
    descriptors_limit(before.rlim_cur);
    int third = client_of(listener);
    turn_until(f.loop, accepted.count == 1);
    assert_true(metric_get(f.metrics, METRIC_LOOP_TURNS) - turns < 10);
    close(first);
    close(second);
    close(third);
    listener_close(listener);
}

static void a_listener_may_be_closed_while_it_rests(void **state)
{
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct listener *listener = listen_on("127.0.0.1:0", plain_settings);
    int client = client_of(listener);
    descriptors_limit((rlim_t)lowest_free());
    turn_until(f.loop, metric_get(f.metrics, METRIC_CLIENTS_REFUSED) == 1);
    listener_close(listener);
    descriptors_limit(before.rlim_cur);
    close(client);
}

int main(void)
{
#define IN_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_LOOP(connections_come_with_their_peers_address),
        IN_LOOP(connections_over_ipv6),
        IN_LOOP(many_waiting_connections_are_all_taken),
        IN_LOOP(a_listener_may_close_itself_while_accepting),
        IN_LOOP(workers_share_an_address_only_if_both_say_so),
        IN_LOOP(both_families_may_listen_on_one_port),
        IN_LOOP(a_socket_file_is_open_to_all_and_goes_with_its_listener),
        IN_LOOP(a_stale_socket_file_is_replaced),
        IN_LOOP(a_live_socket_file_is_left_alone),
        IN_LOOP(a_file_that_is_no_socket_is_left_alone),
        IN_LOOP(a_successors_socket_file_is_not_removed),
        IN_LOOP(a_listening_descriptor_is_taken_over_and_leaves_its_file),
        IN_LOOP(a_descriptor_that_does_not_listen_is_refused),
        IN_LOOP(an_address_of_somebody_else_is_an_error),
        IN_LOOP(without_descriptors_clients_are_refused_and_later_ones_served),
        IN_LOOP(a_listener_may_be_closed_while_it_rests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
