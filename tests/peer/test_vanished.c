// Servers whose machine is gone without a word, and servers that only hang: who waits for the first
// hears of it, who waits for the second goes on waiting.
#include "tests/lib/http.h"
#include "tests/lib/scene.h"

#include <poll.h>

static const char *const changes[] = {"monitor.failures = 2", "monitor.timeout = 200ms",
                                      "monitor.interval = 100ms", NULL};

static int setup(void **state)
{
    *state = scene_create(changes);
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    if (scene != NULL) {
        peer_close(scene->witness);
    }
    return scene_teardown(state);
}

static bool is_down(const struct scene *scene)
{
    return instance_admin_number(scene->instance,
                                 "SELECT COUNT(*) FROM backends WHERE state = 'down'") == 1;
}

static double probe_failures(const struct scene *scene)
{
    return http_metric_sum(scene->instance->http_port, "sluice_probe_failures_total", "");
}

static void statement_stall(const struct scene *scene, const char *statement)
{
    fake_answer(scene->fake, statement, SLICE_NONE, (struct fake_manner){0, FAKE_STALL, false});
}

// Its statement has come and is worked on.
static struct peer *client_waiting(const struct scene *scene, const char *statement)
{
    struct peer *peer = scene_client(scene);
    statement_stall(scene, statement);
    peer_send_query(peer, statement);
    assert_soon(fake_statement_count(scene->fake, statement) == 1);
    return peer;
}

static void transaction_open(const struct scene *scene, struct peer *peer)
{
    static const struct slice ok_in_transaction =
        SLICE_INIT("\x07\x00\x00\x01\x00\x00\x00\x03\x00\x00\x00");
    fake_answer(scene->fake, "START", ok_in_transaction, FAKE_USUALLY);
    fake_answer(scene->fake, "UPDATE open", ok_in_transaction, FAKE_USUALLY);
    peer_query(peer, "START TRANSACTION");
    peer_query(peer, "UPDATE open");
}

// Both those whose statement had come there and those whose statement was lost on the way.
static void who_waits_for_a_machine_that_vanished_hears_of_it(void **state)
{
    const struct scene *scene = *state;
    struct peer *reader = client_waiting(scene, "SELECT kept");
    struct peer *writer = client_waiting(scene, "UPDATE kept");
    struct peer *late = scene_client(scene);
    transaction_open(scene, late);

    fake_vanish(scene->fake);
    peer_send_query(late, "UPDATE open");
    assert_peer_err(late, 1213, "sluice:");
    assert_peer_err(writer, 1158, "unknown");
    assert_peer_err(reader, 1290, "sluice:"); // tried again, where nobody else is to be asked
    assert_true(is_down(scene));
    peer_close(reader);
    peer_close(writer);
    peer_close(late);
}

static void who_waits_for_a_server_that_hangs_goes_on_waiting(void **state)
{
    const struct scene *scene = *state;
    struct peer *reader = client_waiting(scene, "SELECT hanging");
    statement_stall(scene, ""); // whatever it is
    assert_soon(is_down(scene));
    double before = probe_failures(scene);
    assert_soon(probe_failures(scene) >= before + 15);
    struct pollfd answer = {.fd = reader->fd, .events = POLLIN};
    assert_int_equal(poll(&answer, 1, 0), 0);
    peer_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_waits_for_a_machine_that_vanished_hears_of_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_waits_for_a_server_that_hangs_goes_on_waiting, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
