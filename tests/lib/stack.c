#include "tests/lib/stack.h"

#include "proxy/base/memory.h"
#include "tests/lib/client.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/process.h"
#include "tests/lib/wait.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 32, SCRIPT_MS = 90000 };

static const char *script_of(enum servers kind)
{
    return kind == SERVERS_MYSQL ? "tests/servers/mysql" : "tests/servers/mariadb";
}

static void script_run(const char *const argv[])
{
    struct buffer output = BUFFER_INIT;
    int code = process_run(argv, NULL, &output, SCRIPT_MS);
    if (code != 0) {
        fail_msg("%s %s: exit %d\n%.*s", argv[0], argv[1], code, SLICE_ARG(buffer_slice(&output)));
    }
    buffer_release(&output);
}

static void addresses_read(struct stack *stack)
{
    char path[FILE_PATH_SIZE + 16];
    snprintf(path, sizeof(path), "%s/stack/addresses", stack->folder);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (struct stack_server *server = stack->servers;
         fscanf(file, "%7s %*s %hu %107s", server->name, &server->port, server->socket) == 3;
         server++) {
        stack->count++;
        assert_true(stack->count < STACK_SERVERS_MAX);
    }
    fclose(file);
    assert_true(stack->count > 0);
}

struct stack *stack_start_of(enum servers kind, const char *const options[])
{
    struct stack *stack = mem_zero(1, sizeof(*stack));
    stack->kind = kind;
    folder_create(stack->folder);
    char folder[FILE_PATH_SIZE + 16], parent[16];
    snprintf(folder, sizeof(folder), "%s/stack", stack->folder);
    snprintf(parent, sizeof(parent), "%d", (int)getpid());
    const char *argv[ARGUMENTS_MAX + 1] = {script_of(kind), "start", folder, "--parent", parent};
    size_t to = 5;
    if (kind == SERVERS_MARIADB_11) {
        argv[to++] = "--release";
        argv[to++] = "mariadb-11";
    }
    for (size_t from = 0; options != NULL && options[from] != NULL; to++, from++) {
        assert_true(to < ARGUMENTS_MAX);
        argv[to] = options[from];
    }
    script_run(argv);
    addresses_read(stack);
    return stack;
}

struct stack *stack_start(const char *const options[])
{
    return stack_start_of(servers_of_run(), options);
}

void stack_remove(struct stack *stack)
{
    if (stack == NULL) {
        return;
    }
    char folder[FILE_PATH_SIZE + 16];
    snprintf(folder, sizeof(folder), "%s/stack", stack->folder);
    script_run((const char *const[]){script_of(stack->kind), "remove", folder, NULL});
    folder_remove(stack->folder);
    mem_free(stack);
}

const struct stack_server *stack_server(const struct stack *stack, const char *name)
{
    for (size_t i = 0; i < stack->count; i++) {
        if (strcmp(stack->servers[i].name, name) == 0) {
            return &stack->servers[i];
        }
    }
    fail_msg("no server %s", name);
    return NULL;
}

void stack_server_do(const struct stack *stack, const char *name, const char *action)
{
    char folder[FILE_PATH_SIZE + 16];
    snprintf(folder, sizeof(folder), "%s/stack", stack->folder);
    script_run((const char *const[]){script_of(stack->kind), "server", action, folder, name, NULL});
}

void stack_promote(const struct stack *stack, const char *name)
{
    char folder[FILE_PATH_SIZE + 16];
    snprintf(folder, sizeof(folder), "%s/stack", stack->folder);
    script_run((const char *const[]){script_of(stack->kind), "promote", folder, name, NULL});
}

MYSQL *stack_connect(const struct stack *stack, const char *name)
{
    return client_connect(&(struct client_options){
        .socket = stack_server(stack, name)->socket,
        .user = "root",
        .password = "root-secret",
        .schema = "app",
        .flags = CLIENT_MULTI_STATEMENTS,
    });
}

void stack_run(const struct stack *stack, const char *name, const char *statements)
{
    MYSQL *conn = stack_connect(stack, name);
    client_run(conn, statements);
    mysql_close(conn);
}

void stack_run_alone(const struct stack *stack, const char *name, const char *statements)
{
    bool is_mysql = stack->kind == SERVERS_MYSQL;
    MYSQL *conn = stack_connect(stack, name);
    long long is_closed = is_mysql ? client_number(conn, "SELECT @@super_read_only") : 0;
    if (is_closed) { // to root as well
        client_run(conn, "SET GLOBAL super_read_only = 0");
    }
    client_run(conn, "SET sql_log_bin = 0");
    client_run(conn, statements);
    if (is_closed) {
        client_run(conn, "SET GLOBAL super_read_only = 1");
    }
    mysql_close(conn);
}

long long stack_number(const struct stack *stack, const char *name, const char *statement)
{
    MYSQL *conn = stack_connect(stack, name);
    long long number = client_number(conn, statement);
    mysql_close(conn);
    return number;
}

void stack_sync(const struct stack *stack)
{
    bool is_mysql = stack->kind == SERVERS_MYSQL;
    MYSQL *primary = stack_connect(stack, stack->servers[0].name);
    struct client_text position = client_text(primary, is_mysql ? "SELECT @@global.gtid_executed"
                                                                : "SELECT @@gtid_current_pos");
    mysql_close(primary);
    char wait[sizeof(position) + 64];
    snprintf(wait, sizeof(wait), "SELECT %s('%s', %d)",
             is_mysql ? "WAIT_FOR_EXECUTED_GTID_SET" : "MASTER_GTID_WAIT", position.text,
             WAIT_MS / 1000);
    for (size_t i = 1; i < stack->count; i++) {
        assert_int_equal(stack_number(stack, stack->servers[i].name, wait), 0);
    }
}

void stack_general_log(const struct stack *stack, const char *name, char out[FILE_PATH_SIZE])
{
    int len = snprintf(out, FILE_PATH_SIZE, "%s/stack/%s/general.log", stack->folder, name);
    assert_true(len < FILE_PATH_SIZE);
}
