// Prepared statements of a client, on libmariadb. What fails here fails the test, with the
// statement's text or the server's words.
#pragma once

#include "tests/lib/client.h"

// For mysql_stmt_close().
MYSQL_STMT *statement_prepare(MYSQL *client, const char *text);
// The number of the error that preparing the text ends in; 0: none.
unsigned statement_prepare_error(MYSQL *client, const char *text);

void statement_execute(MYSQL_STMT *statement);
// One parameter; the number or text must stay until the statement was executed for the last time.
void statement_bind_number(MYSQL_STMT *statement, int *number);
void statement_bind_text(MYSQL_STMT *statement, char *text, unsigned long *len);

// The one text of the one row of an executed statement.
struct client_text statement_result(MYSQL_STMT *statement);
// Executes it first.
struct client_text statement_text(MYSQL_STMT *statement);
#define assert_statement_text(statement, expected)                                                 \
    assert_string_equal(statement_text(statement).text, (expected))
// Executing it must fail with this number.
void assert_statement_error(MYSQL_STMT *statement, unsigned number);
