// Rules by where a client comes from and by where it comes in, and the lines that rules and slow
// statements leave in the log.
#include "tests/lib/scene.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

// Two addresses of the same machine, on ports of the kernel's choice.
#define TWO_LISTENERS "proxy.listen = 127.0.0.1:0, 127.0.0.2:0"

static struct scene *scene_now; // each test has one with a configuration of its own

static struct scene *scene_of(const char *const changes[])
{
    scene_now = scene_create(changes);
    return scene_now;
}

static int teardown(void **state)
{
    (void)state;
    void *scene = scene_now;
    if (scene_now != NULL) {
        peer_close(scene_now->witness);
    }
    scene_now = NULL;
    return scene_teardown(&scene);
}

// The port of the listener on that address.
static uint16_t port_of(const struct scene *scene, const char *address)
{
    struct buffer log = BUFFER_INIT;
    char start[32];
    file_read(scene->instance->log, &log);
    int len = snprintf(start, sizeof(start), "\"%s:", address);
    struct slice text = buffer_slice(&log);
    size_t at = slice_find_slice(text, S("\"for\":\"clients\""));
    text = slice_from(text, at);
    text = slice_from(text, slice_find_slice(text, slice_text(start)) + (size_t)len);
    struct slice number;
    uint64_t port = 0;
    assert_true(slice_cut(&text, '"', &number) && slice_to_u64(number, &port));
    buffer_release(&log);
    return (uint16_t)port;
}

static struct peer *client_between(const char *from, const char *to, uint16_t port)
{
    struct peer *peer = peer_connect_between(from, to, port);
    peer_login(peer, "app", "app-secret", NULL);
    return peer;
}

static void assert_blocked(struct peer *peer, const char *rule)
{
    peer_send_query(peer, "SELECT 3");
    assert_peer_err(peer, 1148, rule);
    peer_close(peer);
}

static void assert_served(struct peer *peer)
{
    assert_true(slice_equal(peer_query_value(peer, "SELECT 3"), S("3")));
    peer_close(peer);
}

static void a_rule_may_go_by_the_address_that_a_client_comes_in_by(void **state)
{
    (void)state;
    const struct scene *scene = scene_of(
        (const char *const[]){TWO_LISTENERS, "rule:second.listen = 127.0.0.2:0",
                              "rule:second.match = ^SELECT 3", "rule:second.route = block", NULL});
    uint16_t first = port_of(scene, "127.0.0.1"), second = port_of(scene, "127.0.0.2");
    for (int i = 0; i < 8; i++) { // whichever worker accepts
        assert_served(client_between("127.0.0.1", "127.0.0.1", first));
        assert_served(client_between("127.0.0.2", "127.0.0.1", first));
        assert_blocked(client_between("127.0.0.1", "127.0.0.2", second), "second");
        assert_blocked(client_between("127.0.0.2", "127.0.0.2", second), "second");
    }
    assert_scene_sound(scene);
}

static void a_rule_may_go_by_the_address_that_a_client_has(void **state)
{
    (void)state;
    const struct scene *scene = scene_of(
        (const char *const[]){TWO_LISTENERS, "rule:guests.client = 127.0.0.2/31",
                              "rule:guests.match = ^SELECT 3", "rule:guests.route = block", NULL});
    uint16_t first = port_of(scene, "127.0.0.1"), second = port_of(scene, "127.0.0.2");
    assert_served(client_between("127.0.0.1", "127.0.0.1", first));
    assert_served(client_between("127.0.0.1", "127.0.0.2", second));
    assert_served(client_between("127.0.0.4", "127.0.0.1", first)); // outside of the network
    assert_blocked(client_between("127.0.0.2", "127.0.0.1", first), "guests");
    assert_blocked(client_between("127.0.0.3", "127.0.0.1", first), "guests");
    assert_blocked(client_between("127.0.0.2", "127.0.0.2", second), "guests");
    assert_scene_sound(scene);
}

// --- lines of the log ----------------------------------------------------------------------------

static struct buffer lines_of(const struct scene *scene, const char *event)
{
    struct buffer log = BUFFER_INIT, lines = BUFFER_INIT;
    file_read(scene->instance->log, &log);
    struct slice rest = buffer_slice(&log), line;
    while (slice_cut(&rest, '\n', &line) && rest.ptr != NULL) {
        if (slice_find_slice(line, slice_text(event)) < line.len) {
            buffer_append_slice(&lines, line);
            buffer_append(&lines, "\n", 1);
        }
    }
    buffer_release(&log);
    return lines;
}

static size_t line_count(const struct scene *scene, const char *event)
{
    struct buffer lines = lines_of(scene, event);
    size_t count = 0;
    for (size_t i = 0; i < buffer_len(&lines); i++) {
        count += buffer_ptr(&lines)[i] == '\n';
    }
    buffer_release(&lines);
    return count;
}

// The only line with that event, as JSON; for json_decref().
static json_t *only_line(const struct scene *scene, const char *event)
{
    assert_soon(line_count(scene, event) > 0);
    assert_int_equal(line_count(scene, event), 1);
    struct buffer lines = lines_of(scene, event);
    json_t *line = json_loadb((const char *)buffer_ptr(&lines), buffer_len(&lines), 0, NULL);
    assert_non_null(line);
    buffer_release(&lines);
    return line;
}

static void assert_member(const json_t *line, const char *name, const char *expected)
{
    const char *value = json_string_value(json_object_get(line, name));
    if (value == NULL || strcmp(value, expected) != 0) {
        fail_msg("%s is %s", name, value != NULL ? value : "missing");
    }
}

static const char *const logging_rule[] = {"rule:watched.match = ^UPDATE watched",
                                           "rule:watched.log = yes", NULL};

static void a_rule_that_logs_leaves_a_line_for_each_statement(void **state)
{
    (void)state;
    const struct scene *scene = scene_of(logging_rule);
    struct peer *peer = scene_client(scene);
    peer_query(peer, "UPDATE other SET a = 1");
    peer_query(peer, "UPDATE watched SET a = 'x\"y'");
    json_t *line = only_line(scene, "rule.log");
    assert_member(line, "level", "info");
    assert_member(line, "event", "rule.log");
    assert_member(line, "rule", "watched");
    assert_member(line, "target", "primary");
    assert_member(line, "query", "UPDATE watched SET a = 'x\"y'");
    assert_member(line, "user", "app");
    assert_int_equal(json_integer_value(json_object_get(line, "session")), peer->connection_id);
    json_decref(line);
    peer_query(peer, "UPDATE watched SET a = 2");
    assert_soon(line_count(scene, "rule.log") == 2);
    peer_close(peer);
    assert_scene_sound(scene);
}

static const char *const every_statement_is_slow[] = {"log.slow_query = 1us", NULL};

static void a_slow_statement_leaves_a_line(void **state)
{
    (void)state;
    const struct scene *scene = scene_of(every_statement_is_slow);
    struct peer *peer = scene_client(scene);
    peer_query(peer, "UPDATE slow SET a = 1");
    json_t *line = only_line(scene, "UPDATE slow");
    assert_member(line, "level", "warn");
    assert_member(line, "event", "query.slow");
    assert_member(line, "target", "primary");
    assert_member(line, "backend", "db1");
    assert_member(line, "query", "UPDATE slow SET a = 1");
    assert_member(line, "user", "app");
    assert_true(json_number_value(json_object_get(line, "took_us")) > 0);
    json_decref(line);
    peer_close(peer);
    assert_scene_sound(scene);
}

// Faster than an hour, or nothing at all asked for.
static void other_statements_leave_none(void **state)
{
    static const char *const settings[] = {"log.slow_query = 1h", "log.slow_query = 0"};
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        const struct scene *scene = scene_of((const char *const[]){settings[i], NULL});
        struct peer *peer = scene_client(scene);
        peer_query(peer, "UPDATE slow SET a = 1");
        peer_close(peer);
        assert_scene_sound(scene);
        assert_int_equal(line_count(scene, "query.slow"), 0);
        assert_int_equal(line_count(scene, "rule.log"), 0);
        teardown(state);
    }
}

// The ports are read from lines of JSON: the format changes once it runs.
static void in_text_the_lines_say_the_same(void **state)
{
    (void)state;
    const struct scene *scene =
        scene_of((const char *const[]){"rule:watched.match = ^UPDATE watched",
                                       "rule:watched.log = yes", "log.slow_query = 1us", NULL});
    MYSQL *admin = instance_admin(scene->instance);
    client_run(admin, "SET log.format = text");
    struct peer *peer = scene_client(scene);
    peer_query(peer, "UPDATE watched SET a = 'x y'");
    assert_soon(line_count(scene, "UPDATE watched") == 2);
    struct buffer rule = lines_of(scene, " rule.log "), slow = lines_of(scene, " query.slow ");
    buffer_append(&rule, "", 1);
    buffer_append(&slow, "", 1);
    const char *rule_line = (const char *)buffer_ptr(&rule);
    assert_non_null(strstr(rule_line, " info  rule.log rule=watched target=primary "));
    assert_non_null(strstr(rule_line, " query=\"UPDATE watched SET a = 'x y'\""));
    assert_non_null(strstr(rule_line, " user=app"));
    const char *slow_line = strstr((const char *)buffer_ptr(&slow), "backend=db1 query=\"UPDATE");
    assert_non_null(slow_line);
    assert_non_null(strstr((const char *)buffer_ptr(&slow), " warn  query.slow took_us="));
    buffer_release(&rule);
    buffer_release(&slow);
    client_run(admin, "SET log.format = json");
    mysql_close(admin);
    peer_close(peer);
    assert_scene_sound(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_rule_may_go_by_the_address_that_a_client_comes_in_by, teardown),
        cmocka_unit_test_teardown(a_rule_may_go_by_the_address_that_a_client_has, teardown),
        cmocka_unit_test_teardown(a_rule_that_logs_leaves_a_line_for_each_statement, teardown),
        cmocka_unit_test_teardown(a_slow_statement_leaves_a_line, teardown),
        cmocka_unit_test_teardown(other_statements_leave_none, teardown),
        cmocka_unit_test_teardown(in_text_the_lines_say_the_same, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
