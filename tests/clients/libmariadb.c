// libmariadb at work, with what only C programs use: prints what it got. See run, beside this file,
// for what is done and why.
//
// libmariadb HOST PORT SOCKET USER PASSWORD SCHEMA
#include <mariadb/errmsg.h>
#include <mariadb/mysql.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LONG_STATEMENT "SELECT SLEEP(30)"

static const char *host, *path, *user, *password, *schema;
static unsigned port;

static void fail(const char *what, const char *why)
{
    printf("%s: %s\n", what, why);
    exit(1);
}

// --- what is common to all steps ----------------------------------------------------------------

enum way { BY_TCP, BY_TLS, BY_SOCKET, BY_COMPRESSED, WAYS };
static const char *const way_names[] = {"tcp", "tls", "socket", "tcp, compressed"};

static MYSQL *try_connect(enum way way, const char *secret, const char *first)
{
    MYSQL *conn = mysql_init(NULL);
    unsigned seconds = 20;
    my_bool is_verified = 0, is_secure = way == BY_TLS;
    mysql_optionsv(conn, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
    mysql_optionsv(conn, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_optionsv(conn, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &is_verified);
    mysql_optionsv(conn, MYSQL_OPT_SSL_ENFORCE, &is_secure);
    if (way == BY_COMPRESSED) {
        mysql_optionsv(conn, MYSQL_OPT_COMPRESS, NULL);
    }
    const bool is_local = way == BY_SOCKET;
    if (mysql_real_connect(conn, is_local ? NULL : host, user, secret, first, is_local ? 0 : port,
                           is_local ? path : NULL, CLIENT_MULTI_STATEMENTS) == NULL) {
        printf("refused %u %s\n", mysql_errno(conn), mysql_sqlstate(conn));
        mysql_close(conn);
        return NULL;
    }
    return conn;
}

static MYSQL *connect_by(enum way way)
{
    MYSQL *conn = try_connect(way, password, schema);
    if (conn == NULL) {
        fail("connect", way_names[way]);
    }
    return conn;
}

static void show_result(const char *what, MYSQL *conn)
{
    MYSQL_RES *result = mysql_store_result(conn);
    if (result == NULL) {
        printf("%s: %llu rows changed, id %llu, warnings %u, error %u %s %s\n", what,
               (unsigned long long)mysql_affected_rows(conn),
               (unsigned long long)mysql_insert_id(conn), mysql_warning_count(conn),
               mysql_errno(conn), mysql_sqlstate(conn), mysql_error(conn));
        return;
    }
    MYSQL_ROW row;
    while ((row = mysql_fetch_row(result)) != NULL) {
        printf("%s:", what);
        for (unsigned i = 0; i < mysql_num_fields(result); i++) {
            printf(" [%s]", row[i] != NULL ? row[i] : "NULL");
        }
        printf("\n");
    }
    mysql_free_result(result);
}

// One statement or several; each result is shown.
static void show(MYSQL *conn, const char *sql)
{
    int code = mysql_query(conn, sql);
    do {
        if (code != 0) {
            printf("%s: error %u %s %s\n", sql, mysql_errno(conn), mysql_sqlstate(conn),
                   mysql_error(conn));
            return;
        }
        show_result(sql, conn);
    } while ((code = mysql_next_result(conn)) == 0 || code > 0);
}

// --- the steps ----------------------------------------------------------------------------------

static void connecting(void)
{
    for (int way = 0; way < WAYS; way++) {
        MYSQL *conn = connect_by(way);
        printf("connected by %s: %s %lu, encrypted: %d\n", way_names[way],
               mysql_get_server_info(conn), mysql_get_server_version(conn),
               mysql_get_ssl_cipher(conn) != NULL);
        show(conn, "SELECT DATABASE(), CURRENT_USER()");
        mysql_close(conn);
    }
    try_connect(BY_SOCKET, "wrong", schema);
    try_connect(BY_SOCKET, password, "missing");
}

static void texts(MYSQL *conn)
{
    show(conn, "DROP TABLE IF EXISTS c_text, c_types");
    show(conn, "CREATE TABLE c_text (id INT PRIMARY KEY AUTO_INCREMENT, a VARCHAR(100), n INT) "
               "CHARACTER SET utf8mb4");
    show(conn,
         "INSERT INTO c_text (a, n) VALUES ('eins', 1), ('zwei \xf0\x9f\x98\x80', 2), (NULL, 3)");
    show(conn, "SELECT * FROM c_text ORDER BY id");
    show(conn, "SELECT 1; SELECT * FROM c_text WHERE id < 0; UPDATE c_text SET n = n + 1; SELECT "
               "SUM(n) FROM c_text");
    show(conn, "SELECT 1; SELECT * FROM missing; SELECT 2");
    show(conn, "SELECT CAST('x' AS SIGNED), LAST_INSERT_ID()");
    show(conn, "SHOW WARNINGS");
    printf("info: %s\n", mysql_query(conn, "UPDATE c_text SET n = 7") == 0 ? mysql_info(conn) : "");
    show(conn, "DROP PROCEDURE IF EXISTS c_several; CREATE PROCEDURE c_several(INOUT x INT) BEGIN "
               "SELECT x; SET x = x + 1; "
               "SELECT a FROM c_text ORDER BY id; END");
    show(conn, "SET @x = 5; CALL c_several(@x); SELECT @x; DROP PROCEDURE c_several");
}

static void prepared(MYSQL *conn)
{
    MYSQL_STMT *insert = mysql_stmt_init(conn);
    const char *sql = "INSERT INTO c_text (a, n) VALUES (?, ?)";
    if (mysql_stmt_prepare(insert, sql, strlen(sql)) != 0) {
        fail("prepare", mysql_stmt_error(insert));
    }
    char text[32];
    unsigned long length = 0;
    int number = 0;
    MYSQL_BIND in[2] = {{.buffer_type = MYSQL_TYPE_STRING,
                         .buffer = text,
                         .length = &length,
                         .buffer_length = sizeof(text)},
                        {.buffer_type = MYSQL_TYPE_LONG, .buffer = &number}};
    mysql_stmt_bind_param(insert, in);
    for (number = 0; number < 500; number++) {
        length = (unsigned long)snprintf(text, sizeof(text), "row %d", number);
        if (mysql_stmt_execute(insert) != 0) {
            fail("execute", mysql_stmt_error(insert));
        }
    }
    printf("prepared: id %llu, rows %llu\n", (unsigned long long)mysql_stmt_insert_id(insert),
           (unsigned long long)mysql_stmt_affected_rows(insert));
    mysql_stmt_close(insert);
    // A read by a cursor, in pieces.
    MYSQL_STMT *read = mysql_stmt_init(conn);
    unsigned long cursor = CURSOR_TYPE_READ_ONLY, rows = 7;
    mysql_stmt_attr_set(read, STMT_ATTR_CURSOR_TYPE, &cursor);
    mysql_stmt_attr_set(read, STMT_ATTR_PREFETCH_ROWS, &rows);
    sql = "SELECT n, a FROM c_text WHERE n >= ? ORDER BY id";
    mysql_stmt_prepare(read, sql, strlen(sql));
    number = 100;
    mysql_stmt_bind_param(read, &in[1]);
    if (mysql_stmt_execute(read) != 0) {
        fail("execute", mysql_stmt_error(read));
    }
    int n = 0;
    MYSQL_BIND out[2] = {{.buffer_type = MYSQL_TYPE_LONG, .buffer = &n},
                         {.buffer_type = MYSQL_TYPE_STRING,
                          .buffer = text,
                          .length = &length,
                          .buffer_length = sizeof(text)}};
    mysql_stmt_bind_result(read, out);
    int count = 0;
    long long sum = 0;
    while (mysql_stmt_fetch(read) == 0) {
        count++;
        sum += n;
    }
    printf("by cursor: %d rows, sum %lld, error %u\n", count, sum, mysql_stmt_errno(read));
    mysql_stmt_close(read);
    // Long data.
    MYSQL_STMT *longer = mysql_stmt_init(conn);
    sql = "SELECT LENGTH(?), SHA2(?, 256)";
    mysql_stmt_prepare(longer, sql, strlen(sql));
    MYSQL_BIND blobs[2] = {{.buffer_type = MYSQL_TYPE_BLOB}, {.buffer_type = MYSQL_TYPE_BLOB}};
    mysql_stmt_bind_param(longer, blobs);
    char piece[4096];
    memset(piece, 'z', sizeof(piece));
    for (int i = 0; i < 100; i++) {
        mysql_stmt_send_long_data(longer, 0, piece, sizeof(piece));
        mysql_stmt_send_long_data(longer, 1, piece, (unsigned long)i);
    }
    mysql_stmt_execute(longer);
    out[0] = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_LONG, .buffer = &n};
    mysql_stmt_bind_result(longer, out);
    mysql_stmt_fetch(longer);
    printf("long data: %d %.*s\n", n, (int)length, text);
    mysql_stmt_close(longer);
    // Several sets of values with one packet, where the server takes them.
    MYSQL_STMT *bulk = mysql_stmt_init(conn);
    sql = "INSERT INTO c_text (n) VALUES (?)";
    mysql_stmt_prepare(bulk, sql, strlen(sql));
    int numbers[] = {1000, 1001, 1002};
    unsigned sets = 3;
    mysql_stmt_attr_set(bulk, STMT_ATTR_ARRAY_SIZE, &sets);
    MYSQL_BIND set = {.buffer_type = MYSQL_TYPE_LONG, .buffer = numbers};
    mysql_stmt_bind_param(bulk, &set);
    const bool is_done = mysql_stmt_execute(bulk) == 0;
    printf("bulk: %d, %llu rows\n", is_done || mysql_stmt_errno(bulk) == CR_FUNCTION_NOT_SUPPORTED,
           is_done ? (unsigned long long)mysql_stmt_affected_rows(bulk) : 0);
    mysql_stmt_close(bulk);
    show(conn, "SELECT COUNT(*), SUM(n) FROM c_text");
}

static void states(MYSQL *conn)
{
    show(conn, "SET @mine = 'value', time_zone = '+03:00', sql_mode = 'ANSI_QUOTES'; SELECT \"a\" "
               "FROM c_text ORDER BY id LIMIT 1");
    show(conn, "CREATE TEMPORARY TABLE c_temporary (a INT); INSERT INTO c_temporary VALUES (1)");
    printf("reset: %d\n", mysql_reset_connection(conn));
    show(conn, "SELECT @mine, @@time_zone, \"a\" FROM c_text ORDER BY id LIMIT 1; SELECT * FROM "
               "c_temporary");
    printf("changed user: %d\n", mysql_change_user(conn, user, password, NULL));
    show(conn, "SELECT DATABASE()");
    printf("schema: %d\n", mysql_select_db(conn, schema));
    printf("ping: %d, missing schema: %d %u\n", mysql_ping(conn),
           mysql_select_db(conn, "missing") != 0, mysql_errno(conn));
    printf("single statements: %d\n",
           mysql_set_server_option(conn, MYSQL_OPTION_MULTI_STATEMENTS_OFF));
    show(conn, "SELECT 1; SELECT 2");
    mysql_set_server_option(conn, MYSQL_OPTION_MULTI_STATEMENTS_ON);
    show(conn, "BEGIN; UPDATE c_text SET n = 0; SAVEPOINT s; DELETE FROM c_text; ROLLBACK TO s; "
               "SELECT COUNT(*), SUM(n) FROM c_text; "
               "ROLLBACK; SELECT COUNT(*) > 3 FROM c_text WHERE n > 0");
    printf("autocommit: %d %d %d\n", mysql_autocommit(conn, 0), mysql_rollback(conn),
           mysql_autocommit(conn, 1));
}

static void big(MYSQL *conn)
{
    mysql_query(conn, "SELECT a.id, REPEAT('y', 100) FROM c_text a, c_text b");
    MYSQL_RES *result = mysql_use_result(conn);
    unsigned long long count = 0, bytes = 0;
    for (MYSQL_ROW row; (row = mysql_fetch_row(result)) != NULL; count++) {
        bytes += strlen(row[0]) + strlen(row[1]);
    }
    mysql_free_result(result);
    printf("many rows: %llu, %llu bytes\n", count, bytes);
    const size_t size = 40000000;
    char *sql = malloc(size + 64);
    char *end = stpcpy(sql, "SELECT LENGTH('");
    memset(end, 'q', size);
    memcpy(end + size, "')", 3);
    show_result("a big statement", mysql_query(conn, sql) == 0 ? conn : conn);
    free(sql);
    mysql_query(conn, "SELECT REPEAT('r', 40000000)");
    result = mysql_store_result(conn);
    MYSQL_ROW row = result != NULL ? mysql_fetch_row(result) : NULL;
    printf("a big value: %lu\n", row != NULL ? mysql_fetch_lengths(result)[0] : 0);
    mysql_free_result(result);
}

// Whether the list of processes has that one running the statement.
static bool is_running(MYSQL *conn, unsigned long id, const char *statement)
{
    bool is_there = false;
    MYSQL_RES *result =
        mysql_query(conn, "SHOW PROCESSLIST") == 0 ? mysql_store_result(conn) : NULL;
    MYSQL_ROW row;
    while (result != NULL && (row = mysql_fetch_row(result)) != NULL) {
        is_there |=
            strtoul(row[0], NULL, 10) == id && row[7] != NULL && strcmp(row[7], statement) == 0;
    }
    mysql_free_result(result);
    return is_there;
}

// As often as it takes: an order that comes before the server has begun is lost.
static void *kill_query(void *argument)
{
    MYSQL *killer = connect_by(BY_TCP);
    const unsigned long id = mysql_thread_id(argument);
    char sql[64];
    snprintf(sql, sizeof(sql), "KILL QUERY %lu", id);
    while (!is_running(killer, id, LONG_STATEMENT)) {
    }
    while (is_running(killer, id, LONG_STATEMENT)) {
        mysql_query(killer, sql);
    }
    mysql_close(killer);
    mysql_thread_end();
    return NULL;
}

static void time_outs(MYSQL *conn)
{
    pthread_t thread;
    pthread_create(&thread, NULL, kill_query, conn);
    bool is_cancelled = mysql_query(conn, LONG_STATEMENT) != 0;
    if (!is_cancelled) {
        MYSQL_RES *result = mysql_store_result(conn);
        is_cancelled = result == NULL ? mysql_errno(conn) == 1317
                                      : strcmp(mysql_fetch_row(result)[0], "1") == 0;
        mysql_free_result(result);
    }
    pthread_join(thread, NULL);
    printf("cancelled: %d\n", is_cancelled);
    show(conn, "SELECT 'goes on'");
}

static void reconnects(MYSQL *conn)
{
    char sql[64];
    snprintf(sql, sizeof(sql), "KILL %lu", mysql_thread_id(conn));
    my_bool is_wanted = 1;
    mysql_optionsv(conn, MYSQL_OPT_RECONNECT, &is_wanted);
    MYSQL *killer = connect_by(BY_TCP);
    mysql_query(killer, sql);
    mysql_close(killer);
    const unsigned long before = mysql_thread_id(conn);
    const time_t end = time(NULL) + 10;
    while (time(NULL) < end && mysql_thread_id(conn) == before) {
        mysql_ping(conn);
    }
    printf("reconnected: %d\n", mysql_thread_id(conn) != before);
    show(conn, "SELECT COUNT(*) FROM c_text; DROP TABLE c_text");
}

int main(int count, char **arguments)
{
    if (count != 7) {
        return 2;
    }
    host = arguments[1];
    port = (unsigned)strtoul(arguments[2], NULL, 10);
    path = arguments[3];
    user = arguments[4];
    password = arguments[5];
    schema = arguments[6];
    setvbuf(stdout, NULL, _IOLBF, 0);
    connecting();
    const enum way ways[] = {BY_TCP, BY_COMPRESSED, BY_TLS};
    for (int i = 0; i < 3; i++) {
        MYSQL *conn = connect_by(ways[i]);
        texts(conn);
        prepared(conn);
        states(conn);
        big(conn);
        time_outs(conn);
        reconnects(conn);
        mysql_close(conn);
    }
    return 0;
}
