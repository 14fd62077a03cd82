// A server's address changes by a reload: what was connected to the old one is let go of, at once
// where nobody uses it, at the next boundary where somebody does.
#include "tests/lib/scene.h"

#include <signal.h>
#include <stdio.h>

static struct fake *moved_to; // the server's new place

static int setup(void **state)
{
    moved_to = fake_start();
    return scene_setup(state);
}

static int teardown(void **state)
{
    int failed = scene_teardown(state);
    fake_stop(moved_to);
    return failed;
}

static void ok_to(struct fake *fake, const char *statement)
{
    struct buffer ok = BUFFER_INIT;
    fake_write_ok(&ok);
    fake_answer(fake, statement, buffer_slice(&ok), FAKE_USUALLY);
    buffer_release(&ok);
}

// As the scene's own proxy.ini, with the server at that port.
static void move(const struct scene *scene, uint16_t port)
{
    char address[64];
    snprintf(address, sizeof(address), "backend:db1.address = 127.0.0.1:%u", port);
    size_t before = instance_event_count(scene->instance, "config.reloaded");
    instance_rewrite(scene->instance, NULL,
                     (const char *const[]){address, "backend:db1.role = primary",
                                           "backend:db1.tls = disabled", "monitor.failures = 1000",
                                           "proxy.queue_timeout = 2s", NULL});
    process_signal(&scene->instance->process, SIGHUP);
    assert_soon(instance_event_count(scene->instance, "config.reloaded") > before);
}

static void a_changed_address_is_gone_to_and_the_old_one_left(void **state)
{
    static const char write[] = "UPDATE moved SET a = 1", kept[] = "UPDATE kept SET a = 1";
    const struct scene *scene = *state;
    ok_to(scene->fake, write);
    ok_to(scene->fake, kept);
    ok_to(moved_to, write);
    ok_to(moved_to, kept);
    struct peer *busy = scene_client(scene);
    peer_query(busy,
               "CREATE TEMPORARY TABLE pinned (a INT)"); // its connection holds something of it
    for (int i = 0; i < 5; i++) {
        peer_query(scene->witness, write);
    }
    assert_int_equal(fake_statement_count(scene->fake, write), 5);
    move(scene, fake_port(moved_to));

    // Who holds nothing goes to the new place with the next statement, on every worker.
    struct peer *others[8];
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        others[i] = scene_client(scene);
        peer_query(others[i], write);
    }
    peer_query(scene->witness, "SELECT 2"); // its worker has had its turn since
    peer_query(scene->witness, write);
    assert_int_equal(fake_statement_count(scene->fake, write), 5);
    assert_int_equal(fake_statement_count(moved_to, write), 9);

    // Who holds something stays until it lets go; then nothing is left at the old place.
    peer_query(busy, kept);
    assert_int_equal(fake_statement_count(scene->fake, kept), 1);
    assert_soon(fake_open(scene->fake) == 1);
    peer_close(busy);
    assert_soon(fake_open(scene->fake) == 0);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        peer_close(others[i]);
    }
    assert_scene_sound(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_address_is_gone_to_and_the_old_one_left),
        cmocka_unit_test(the_proxy_ends_well),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
