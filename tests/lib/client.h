// A client of the proxy or of a server, on libmariadb. What fails here fails the test, with the
// statement and the server's words.
#pragma once

#include "proxy/base/slice.h"

#include <mariadb/mysql.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client_options {
    uint16_t port;      // on 127.0.0.1; 0: the socket
    const char *socket; // path
    const char *user;
    const char *password;
    const char *schema;  // NULL: none
    const char *plugin;  // authentication plugin to start with; NULL: the library's choice
    const char *charset; // NULL: utf8mb4
    const char *tls_ca;  // verify by this file; NULL: no verification
    bool with_tls;       // demand TLS
    bool with_compression;
    bool with_local_files;
    unsigned long flags; // CLIENT_MULTI_STATEMENTS, CLIENT_FOUND_ROWS, ...
};

// A connection, for mysql_close().
MYSQL *client_connect(const struct client_options *options);
// The same where it may fail: true with a connection, or false with the unconnected handle that has
// the error; both for mysql_close().
bool client_try(const struct client_options *options, MYSQL **handle);
// A login that must be refused with this number and with this in the text.
void assert_login_error(const struct client_options *options, unsigned number, const char *text);

// Runs a statement, or several, and throws their results away.
void client_run(MYSQL *client, const char *statement);
__attribute__((format(printf, 2, 3))) void client_runf(MYSQL *client, const char *format, ...);

// Runs a statement to the end of its last result. Returns the number of the error that ended it, or
// 0.
unsigned client_outcome(MYSQL *client, struct slice statement);
// The same in two steps: between them it runs.
void client_send(MYSQL *client, const char *statement);
unsigned client_finish(MYSQL *client);

struct client_text {
    char text[1024]; // cut to fit; "NULL" for NULL
};
// The first column of the one row that the statement answers with.
struct client_text client_text(MYSQL *client, const char *statement);
long long client_number(MYSQL *client, const char *statement);
// How many rows it answers with.
size_t client_row_count(MYSQL *client, const char *statement);
// The value of a column of the first row, by name.
struct client_text client_column(MYSQL *client, const char *statement, const char *column);

#define assert_client_text(client, statement, expected)                                            \
    assert_string_equal(client_text((client), (statement)).text, (expected))
#define assert_client_number(client, statement, expected)                                          \
    assert_int_equal(client_number((client), (statement)), (expected))

// The statement must fail with this number; `text` must stand in the error's text ("" for any).
void assert_client_error(MYSQL *client, const char *statement, unsigned number, const char *text);
// The connection must be gone: the statement fails with 2006 or 2013.
void assert_client_lost(MYSQL *client, const char *statement);
