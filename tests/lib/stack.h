// Real servers of a test program's own: a primary (db1) with replicas (db2, db3, ...), started in a
// second or two by tests/servers and gone with the program. Accounts: tests/servers/mariadb.sql and
// mysql.sql. Which servers: SERVERS in the environment, see tests/lib/family.h.
#pragma once

#include "tests/lib/family.h"
#include "tests/lib/file.h"

#include <mariadb/mysql.h>
#include <stddef.h>
#include <stdint.h>

enum { STACK_SERVERS_MAX = 4 };

struct stack_server {
    char name[8];
    uint16_t port; // on 127.0.0.1
    char socket[FILE_PATH_SIZE];
};

struct stack {
    enum servers kind;
    char folder[FILE_PATH_SIZE];
    struct stack_server servers[STACK_SERVERS_MAX]; // the primary first
    size_t count;
};

// Starts them with the options of tests/servers/mariadb, ended by NULL. Fails the test where they
// do not start.
struct stack *stack_start(const char *const options[]);
// The same of servers that the test wants whatever SERVERS says.
struct stack *stack_start_of(enum servers kind, const char *const options[]);
// Ends the servers, removes their data and frees it.
void stack_remove(struct stack *stack);

const struct stack_server *stack_server(const struct stack *stack, const char *name);

// start, stop, kill, freeze, thaw; returns when it is done.
void stack_server_do(const struct stack *stack, const char *name, const char *action);
// Makes that one the primary: all others that run are read-only and follow it.
void stack_promote(const struct stack *stack, const char *name);

// A connection past the proxy, as root, schema app, for mysql_close().
MYSQL *stack_connect(const struct stack *stack, const char *name);
// Runs statements on one server as root, past the proxy; what they answer is thrown away.
void stack_run(const struct stack *stack, const char *name, const char *statements);
// The same on that server alone: past replication, and where it is read-only as well.
void stack_run_alone(const struct stack *stack, const char *name, const char *statements);
// The one value that the statement answers with, as a number.
long long stack_number(const struct stack *stack, const char *name, const char *statement);
// Waits until every replica has what the primary has now.
void stack_sync(const struct stack *stack);

// The file to which that server writes every statement, with the option --general-log.
void stack_general_log(const struct stack *stack, const char *name, char out[FILE_PATH_SIZE]);
