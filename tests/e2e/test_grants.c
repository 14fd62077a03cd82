// The rights of the monitor's account, as README.md names them: with all of them it sees what root
// sees, and without any one of them it does not.
#include "tests/lib/client.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/file.h"
#include "tests/lib/stack.h"

#include "proxy/monitor/question.h"
#include "router/catalogue/catalogue_queries.h"
#include "router/topology/version.h"

#include <stdio.h>
#include <string.h>

static const char schema[] =
    "CREATE TABLE app.parent (id INT PRIMARY KEY);"
    "CREATE TABLE app.child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES app.parent (id) "
    "ON DELETE CASCADE);"
    "CREATE TABLE other.t (a INT);"
    "CREATE VIEW app.v AS SELECT id FROM app.parent;"
    "CREATE VIEW other.v AS SELECT a FROM other.t;"
    "CREATE FUNCTION app.f() RETURNS INT NO SQL DETERMINISTIC RETURN 1;"
    "CREATE PROCEDURE other.p() SELECT 1;"
    "CREATE TRIGGER app.moved BEFORE INSERT ON app.child FOR EACH ROW SET NEW.p = 1";

static int setup(void **state)
{
    struct stack *stack = stack_start((const char *const[]){"--replicas", "1", NULL});
    stack_run(stack, "db1", schema);
    stack_sync(stack);
    *state = stack;
    return 0;
}

static int teardown(void **state)
{
    stack_remove(*state);
    return 0;
}

// --- what an account sees -----------------------------------------------------------------------

// Rows, or the number of the error in their place.
static void answer_print(MYSQL *client, struct slice sql, struct buffer *out)
{
    MYSQL_RES *result = NULL;
    if (mysql_real_query(client, sql.ptr, sql.len) == 0) {
        result = mysql_store_result(client);
    }
    if (result == NULL) {
        buffer_print(out, "error %u\n", mysql_errno(client));
        return;
    }
    for (MYSQL_ROW row; (row = mysql_fetch_row(result)) != NULL;) {
        for (unsigned i = 0; i < mysql_num_fields(result); i++) {
            buffer_print(out, "%s\t", row[i] != NULL ? row[i] : "NULL");
        }
        buffer_print(out, "\n");
    }
    mysql_free_result(result);
}

static bool replication_is_shown(MYSQL *client)
{
    struct version version;
    version_parse(slice_text(mysql_get_server_info(client)), &version);
    struct slice sql = question_sql(QUESTION_REPLICATION, version);
    return client_outcome(client, sql) == 0;
}

// All that the monitor asks for, of the replica: one text.
static void sight_print(const struct stack *stack, const char *user, const char *password,
                        struct buffer *out)
{
    MYSQL *client =
        client_connect(&(struct client_options){.port = stack_server(stack, "db2")->port,
                                                .user = user,
                                                .password = password,
                                                .with_tls = true});
    for (int id = 0; id < CATALOGUE_QUERY_COUNT; id++) {
        answer_print(client, catalogue_queries[id].sql, out);
    }
    buffer_print(out, "replication %d\n", replication_is_shown(client));
    mysql_close(client);
}

static bool monitor_sees_what_root_sees(const struct stack *stack)
{
    struct buffer monitor = BUFFER_INIT, root = BUFFER_INIT;
    sight_print(stack, "monitor", "monitor-secret", &monitor);
    sight_print(stack, "root", "root-secret", &root);
    bool is_same = slice_equal(buffer_slice(&monitor), buffer_slice(&root));
    buffer_release(&monitor);
    buffer_release(&root);
    return is_same;
}

// --- its rights ---------------------------------------------------------------------------------

static void without_this_right_something_is_missing(const struct stack *stack, struct slice right,
                                                    struct slice on)
{
    char statement[256];
    snprintf(statement, sizeof(statement), "REVOKE %.*s ON %.*s FROM 'monitor'@'%%'",
             SLICE_ARG(right), SLICE_ARG(on));
    stack_run(stack, "db1", statement);
    stack_sync(stack);
    if (monitor_sees_what_root_sees(stack)) {
        fail_msg("%.*s on %.*s is not needed", SLICE_ARG(right), SLICE_ARG(on));
    }
    snprintf(statement, sizeof(statement), "GRANT %.*s ON %.*s TO 'monitor'@'%%'", SLICE_ARG(right),
             SLICE_ARG(on));
    stack_run(stack, "db1", statement);
    stack_sync(stack);
}

// "GRANT RIGHT, RIGHT ON SOMETHING TO ..."
static size_t rights_try(const struct stack *stack, struct slice line)
{
    size_t count = 0, on_at = slice_find_slice(line, S(" ON "));
    struct slice rights = slice_from(slice_first(line, on_at), strlen("GRANT "));
    struct slice on = slice_from(line, on_at + strlen(" ON "));
    on = slice_first(on, slice_find_slice(on, S(" TO ")));
    for (struct slice right; rights.len > 0; count++) {
        size_t len = slice_find(rights, ',');
        right = slice_trim(slice_first(rights, len));
        rights = len < rights.len ? slice_from(rights, len + 1) : SLICE_NONE;
        without_this_right_something_is_missing(stack, right, on);
    }
    return count;
}

static void the_monitor_sees_all_that_it_asks_for(void **state)
{
    assert_true(monitor_sees_what_root_sees(*state));
}

static void each_of_its_rights_is_needed(void **state)
{
    struct buffer sql = BUFFER_INIT;
    size_t count = 0;
    assert_true(file_read(dialect("tests/servers/mariadb.sql", "tests/servers/mysql.sql"), &sql));
    struct slice rest = buffer_slice(&sql), line;
    while (slice_cut(&rest, '\n', &line)) {
        if (slice_starts_nocase(line, S("GRANT ")) &&
            slice_find_slice(line, S("'monitor'@")) < line.len) {
            count += rights_try(*state, line);
        }
    }
    buffer_release(&sql);
    assert_true(count >= 6);
    assert_true(monitor_sees_what_root_sees(*state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_monitor_sees_all_that_it_asks_for),
        cmocka_unit_test(each_of_its_rights_is_needed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
