// Drivers and tools as they are installed, on both ports: each greets in its own way.
#include "tests/lib/site.h"

#include <stdio.h>
#include <string.h>

static const char schema[] = "CREATE PROCEDURE app.given_back(IN a INT, OUT b INT) SET b = a * 2;"
                             "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, a INT);"
                             "INSERT INTO app.t (a) VALUES (1), (2), (3)";

enum { PROGRAM_MS = 120000 };

static int setup(void **state)
{
    *state = site_create(NULL, schema, NULL);
    return 0;
}

static void program_run(const char *const argv[], struct buffer *output)
{
    int code = process_run(argv, NULL, output, PROGRAM_MS);
    if (code != 0) {
        fail_msg("%s: exit %d\n%.*s", argv[0], code, SLICE_ARG(buffer_slice(output)));
    }
}

static void program_succeeds(const char *const argv[])
{
    struct buffer output = BUFFER_INIT;
    program_run(argv, &output);
    buffer_release(&output);
}

struct port_text {
    char text[8];
};

static struct port_text port_text(uint16_t port)
{
    struct port_text text;
    snprintf(text.text, sizeof(text.text), "%u", port);
    return text;
}

static void pymysql_is_an_application(void **state)
{
    const struct site *site = *state;
    program_succeeds((const char *const[]){"/usr/bin/python3",
                                           "tests/e2e/clients/pymysql_client.py", "app",
                                           port_text(site->instance->port).text, NULL});
}

static void pymysql_is_an_operator(void **state)
{
    const struct site *site = *state;
    program_succeeds((const char *const[]){"/usr/bin/python3",
                                           "tests/e2e/clients/pymysql_client.py", "admin",
                                           port_text(site->instance->admin_port).text, NULL});
}

// `product`: what the driver is to take the servers for; NULL: it is not asked.
static void connector_j_succeeds(const char *kind, uint16_t port, const char *product)
{
    program_succeeds((const char *const[]){"java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp",
                                           "/usr/share/java/mariadb-java-client.jar",
                                           "tests/e2e/clients/Connector.java", kind,
                                           port_text(port).text, product, NULL});
}

static void connector_j_is_an_application(void **state)
{
    const struct site *site = *state;
    connector_j_succeeds("app", site->instance->port, dialect("MariaDB", "MySQL"));
}

static void connector_j_is_an_operator(void **state)
{
    const struct site *site = *state;
    connector_j_succeeds("admin", site->instance->admin_port, NULL);
}

// What the tool prints for statements from its standard input.
static void assert_mariadb_prints(uint16_t port, const char *user, const char *password,
                                  const char *statements, const char *expected)
{
    char command[1024];
    snprintf(command, sizeof(command),
             "printf '%%s' \"%s\" | mariadb --no-defaults -h127.0.0.1 -P%u -u%s --password=%s "
             "--batch --skip-column-names",
             statements, port, user, password);
    struct buffer output = BUFFER_INIT;
    program_run((const char *const[]){"sh", "-c", command, NULL}, &output);
    if (!slice_equal(buffer_slice(&output), slice_text(expected))) {
        fail_msg("%s: printed %.*s", statements, SLICE_ARG(buffer_slice(&output)));
    }
    buffer_release(&output);
}

static void the_mariadb_tool_is_an_application(void **state)
{
    const struct site *site = *state;
    uint16_t port = site->instance->port;
    assert_mariadb_prints(port, "app", "app-secret", "USE app; SELECT a FROM t ORDER BY a;",
                          "1\n2\n3\n");
    assert_mariadb_prints(port, "app", "app-secret",
                          "USE app; BEGIN; UPDATE t SET a = 9; SELECT SUM(a) FROM t; ROLLBACK;",
                          "27\n");
    assert_mariadb_prints(port, "guest", "guest-secret", "SELECT CURRENT_USER();", "guest@%\n");
}

static void the_mariadb_tool_is_an_operator(void **state)
{
    const struct site *site = *state;
    uint16_t port = site->instance->admin_port;
    assert_mariadb_prints(port, "admin", "",
                          "SELECT name FROM backends ORDER BY name; SELECT 1 + 1;",
                          "db1\ndb2\ndb3\n2\n");
}

// Interactively the tool asks for more: names for completion, \s, a prompt.
static void interactive_tools_are_answered(void **state)
{
    const struct site *site = *state;
    const uint16_t ports[] = {site->instance->port, site->instance->admin_port};
    const char *const logins[] = {"-uapp --password=app-secret app", "-uadmin"};
    for (int i = 0; i < 2; i++) {
        char command[512];
        snprintf(command, sizeof(command),
                 "printf 'status\\nSHOW DATABASES;\\nSHOW TABLES;\\nSHOW VARIABLES;\\n"
                 "SHOW WARNINGS;\\n' | mariadb --no-defaults --auto-rehash --abort-source-on-error "
                 "-h127.0.0.1 -P%u %s --force=0 --verbose",
                 ports[i], logins[i]);
        struct buffer output = BUFFER_INIT;
        program_run((const char *const[]){"sh", "-c", command, NULL}, &output);
        struct slice text = buffer_slice(&output);
        assert_true(slice_find_slice(text, S("ERROR 1")) == text.len);
        assert_true(slice_find_slice(text, S("Server version")) < text.len);
        buffer_release(&output);
    }
}

static void the_mariadb_tool_sends_a_dump_through(void **state)
{
    const struct site *site = *state;
    char command[1024];
    snprintf(command, sizeof(command),
             "{ for i in $(seq 1 2000); do echo \"INSERT INTO dumped VALUES ($i, 'row $i');\"; "
             "done; } | { echo 'CREATE TABLE dumped (a INT, b TEXT);'; cat; } | "
             "mariadb --no-defaults -h127.0.0.1 -P%u -uapp --password=app-secret app",
             site->instance->port);
    program_succeeds((const char *const[]){"sh", "-c", command, NULL});
    assert_int_equal(stack_number(site->stack, "db1", "SELECT COUNT(*) FROM app.dumped"), 2000);
}

// MySQL's own tools, against either family.
#define MYSQL_TOOLS "build/binaries/mysql-server/usr/bin/"

static void mysql_tools_are_wanted(void)
{
    if (!servers_are_there(SERVERS_MYSQL)) {
        print_message("no tools of MySQL: make mysql-server\n");
        skip();
    }
}

// What a command of the shell prints, with the arguments that every tool of MySQL takes in it.
static void assert_mysql_tool_prints(const struct site *site, const char *format,
                                     const char *expected)
{
    char login[160], command[1024];
    snprintf(login, sizeof(login), "--no-defaults -h127.0.0.1 -P%u -uapp --password=app-secret",
             site->instance->port);
    snprintf(command, sizeof(command), format, login);
    struct buffer output = BUFFER_INIT;
    program_run((const char *const[]){"sh", "-c", command, NULL}, &output);
    if (!slice_equal(buffer_slice(&output), slice_text(expected))) {
        fail_msg("%s: printed %.*s", command, SLICE_ARG(buffer_slice(&output)));
    }
    buffer_release(&output);
}

static void the_mysql_tool_is_an_application(void **state)
{
    mysql_tools_are_wanted();
    static const char *const modes[] = {"DISABLED", "REQUIRED"};
    for (int i = 0; i < 2; i++) {
        char command[512];
        snprintf(
            command, sizeof(command),
            "printf 'SELECT a FROM t ORDER BY a; BEGIN; UPDATE t SET a = 9; SELECT SUM(a) FROM "
            "t; ROLLBACK; SELECT a FROM t WHERE a > 9;' | " MYSQL_TOOLS
            "mysql %%s --ssl-mode=%s --batch --skip-column-names app 2>/dev/null",
            modes[i]);
        assert_mysql_tool_prints(*state, command, "1\n2\n3\n27\n");
    }
}

static void mysqldump_reads_a_table(void **state)
{
    mysql_tools_are_wanted();
    assert_mysql_tool_prints(*state,
                             MYSQL_TOOLS "mysqldump %s --single-transaction --no-tablespaces "
                                         "--skip-extended-insert --column-statistics=0 "
                                         "--set-gtid-purged=OFF --no-create-info app t "
                                         "2>/dev/null | grep INSERT",
                             "INSERT INTO `t` VALUES (1,1);\nINSERT INTO `t` VALUES (2,2);\n"
                             "INSERT INTO `t` VALUES (3,3);\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pymysql_is_an_application),
        cmocka_unit_test(pymysql_is_an_operator),
        cmocka_unit_test(connector_j_is_an_application),
        cmocka_unit_test(connector_j_is_an_operator),
        cmocka_unit_test(the_mariadb_tool_is_an_application),
        cmocka_unit_test(the_mariadb_tool_is_an_operator),
        cmocka_unit_test(interactive_tools_are_answered),
        cmocka_unit_test(the_mariadb_tool_sends_a_dump_through),
        cmocka_unit_test(the_mysql_tool_is_an_application),
        cmocka_unit_test(mysqldump_reads_a_table),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
