// The servers that every other end-to-end test stands on: what tests/servers/mariadb and mysql
// promise.
#include "protocol/packet/command.h"
#include "tests/lib/client.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/peer.h"
#include "tests/lib/process.h"
#include "tests/lib/stack.h"
#include "tests/lib/wait.h"

#include <poll.h>

static int stack_setup(void **state)
{
    *state = stack_start((const char *const[]){"--general-log", NULL});
    return 0;
}

static int stack_teardown(void **state)
{
    stack_remove(*state);
    return 0;
}

// The kernel shows no command line of a process while it loads another program: one that does
// nothing else must not seem gone.
static void a_process_runs_while_it_becomes_another_program(void **state)
{
    static const char script[] =
        "set -eu; . tests/servers/common.sh; dir=$(mktemp -d); "
        "echo '[ $2 = 0 ] || exec sh \"$0\" \"$1\" $(($2 - 1)); exec sleep 60' >\"$dir/program\"; "
        "setpriv --pdeathsig KILL sh \"$dir/program\" mark 20000 & echo $! >\"$dir/pid\"; "
        "for turn in $(seq 100); do process_runs \"$dir/pid\" mark || lost=yes; done; "
        "kill $!; wait $! || true; "
        "! process_runs \"$dir/pid\" mark || fail 'it is gone and seems to run'; rm -r \"$dir\"; "
        "[ -z \"${lost:-}\" ] || fail 'it runs and seems to be gone'";
    (void)state;
    struct buffer output = BUFFER_INIT;
    int code = process_run((const char *const[]){"sh", "-c", script, NULL}, NULL, &output, WAIT_MS);
    if (code != 0) {
        fail_msg("%.*s", SLICE_ARG(buffer_slice(&output)));
    }
    buffer_release(&output);
}

static void replicas_follow_the_primary_and_take_no_writes(void **state)
{
    const struct stack *stack = *state;
    assert_int_equal(stack->count, 3);
    stack_run(stack, "db1",
              "CREATE TABLE app.followed (a INT); INSERT INTO app.followed VALUES (7)");
    stack_sync(stack);
    static const char server_id[] = "SELECT @@server_id";
    const char *closed = dialect("SELECT @@read_only", "SELECT @@super_read_only");
    assert_int_equal(stack_number(stack, "db1", "SELECT @@read_only"), 0);
    for (size_t i = 1; i < stack->count; i++) {
        const char *name = stack->servers[i].name;
        assert_int_equal(stack_number(stack, name, "SELECT a FROM app.followed"), 7);
        assert_int_equal(stack_number(stack, name, closed), 1);
        assert_int_equal(stack_number(stack, name, server_id), i + 1);
    }
}

static void they_are_the_servers_that_were_asked_for(void **state)
{
    static const char *const versions[] = {[SERVERS_MARIADB] = "SELECT VERSION() LIKE '%MariaDB%'",
                                           [SERVERS_MYSQL] = "SELECT VERSION() LIKE '9.7.%'",
                                           [SERVERS_MARIADB_11] =
                                               "SELECT VERSION() LIKE '11.8.%MariaDB%'"};
    const struct stack *stack = *state;
    for (size_t i = 0; i < stack->count; i++) {
        const char *name = stack->servers[i].name;
        assert_int_equal(stack_number(stack, name, versions[servers_of_run()]), 1);
    }
}

static void accounts_of_mysql_have_no_plugin_but_caching_sha2(void **state)
{
    if (!servers_are_mysql()) {
        skip();
    }
    assert_int_equal(stack_number(*state, "db1",
                                  "SELECT COUNT(*) FROM mysql.user WHERE plugin <> "
                                  "'caching_sha2_password'"),
                     0);
}

static void the_general_log_holds_statements(void **state)
{
    const struct stack *stack = *state;
    char path[FILE_PATH_SIZE];
    stack_general_log(stack, "db3", path);
    assert_int_equal(file_count(path, "SELECT 'a word of its own'"), 0);
    stack_run(stack, "db3", "SELECT 'a word of its own'");
    assert_soon(file_count(path, "SELECT 'a word of its own'") == 1);
}

static void a_scripted_client_logs_in_and_asks(void **state)
{
    const struct stack *stack = *state;
    struct client_options options = {.port = stack_server(stack, "db1")->port,
                                     .user = "app",
                                     .password = "app-secret",
                                     .with_tls = true};
    mysql_close(client_connect(&options)); // so that the server knows it
    struct peer *peer = peer_connect(options.port);
    peer_login(peer, "app", "app-secret", "app");
    assert_int_equal(peer_query(peer, "DO 1"), 1);
    assert_int_equal(peer_query(peer, "SELECT 1 UNION SELECT 2"), 6);
    assert_true(slice_equal(peer_query_value(peer, "SELECT DATABASE()"), S("app")));
    peer_send_query(peer, "SELECT * FROM missing");
    assert_peer_err(peer, 1146, "missing");
    peer_send_command(peer, COMMAND_QUIT, SLICE_NONE);
    assert_peer_closed(peer);
    peer_close(peer);
}

static void a_killed_server_comes_back_with_what_it_had(void **state)
{
    const struct stack *stack = *state;
    stack_server_do(stack, "db2", "kill");
    stack_run(stack, "db1", "CREATE TABLE app.missed (a INT); INSERT INTO app.missed VALUES (8)");
    stack_server_do(stack, "db2", "start");
    stack_sync(stack);
    assert_int_equal(stack_number(stack, "db2", "SELECT a FROM app.missed"), 8);
}

static void a_frozen_server_answers_nobody_until_thawed(void **state)
{
    const struct stack *stack = *state;
    MYSQL *client = stack_connect(stack, "db3");
    client_run(client, "SELECT 1");
    stack_server_do(stack, "db3", "freeze");
    assert_int_equal(mysql_send_query(client, "SELECT 2", 8), 0);
    struct pollfd answer = {.fd = (int)mysql_get_socket(client), .events = POLLIN};
    assert_int_equal(poll(&answer, 1, 100), 0);
    stack_server_do(stack, "db3", "thaw");
    assert_int_equal(mysql_read_query_result(client), 0);
    mysql_close(client);
}

static void a_replica_can_be_promoted_and_the_others_follow_it(void **state)
{
    const struct stack *stack = *state;
    stack_promote(stack, "db2");
    stack_run(stack, "db2",
              "CREATE TABLE app.promoted (a INT); INSERT INTO app.promoted VALUES (9)");
    assert_int_equal(stack_number(stack, "db1", "SELECT @@read_only"), 1);
    struct deadline deadline = deadline_in(WAIT_MS);
    while (stack_number(
               stack, "db3",
               "SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'promoted'") ==
           0) {
        assert_true(deadline_pause(deadline));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_runs_while_it_becomes_another_program),
        cmocka_unit_test(replicas_follow_the_primary_and_take_no_writes),
        cmocka_unit_test(they_are_the_servers_that_were_asked_for),
        cmocka_unit_test(accounts_of_mysql_have_no_plugin_but_caching_sha2),
        cmocka_unit_test(the_general_log_holds_statements),
        cmocka_unit_test(a_scripted_client_logs_in_and_asks),
        cmocka_unit_test(a_killed_server_comes_back_with_what_it_had),
        cmocka_unit_test(a_frozen_server_answers_nobody_until_thawed),
        cmocka_unit_test(a_replica_can_be_promoted_and_the_others_follow_it),
    };
    return cmocka_run_group_tests(tests, stack_setup, stack_teardown);
}
