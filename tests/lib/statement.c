#include "tests/lib/statement.h"

#include "tests/lib/cmocka.h"

#include <string.h>

MYSQL_STMT *statement_prepare(MYSQL *client, const char *text)
{
    MYSQL_STMT *statement = mysql_stmt_init(client);
    if (mysql_stmt_prepare(statement, text, strlen(text)) != 0) {
        fail_msg("%s: %u %s", text, mysql_stmt_errno(statement), mysql_stmt_error(statement));
    }
    return statement;
}

unsigned statement_prepare_error(MYSQL *client, const char *text)
{
    MYSQL_STMT *statement = mysql_stmt_init(client);
    mysql_stmt_prepare(statement, text, strlen(text));
    unsigned number = mysql_stmt_errno(statement);
    mysql_stmt_close(statement);
    return number;
}

void statement_execute(MYSQL_STMT *statement)
{
    if (mysql_stmt_execute(statement) != 0) {
        fail_msg("execute: %u %s", mysql_stmt_errno(statement), mysql_stmt_error(statement));
    }
}

void statement_bind_number(MYSQL_STMT *statement, int *number)
{
    MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_LONG, .buffer = number};
    assert_int_equal(mysql_stmt_bind_param(statement, &bind), 0);
}

void statement_bind_text(MYSQL_STMT *statement, char *text, unsigned long *len)
{
    MYSQL_BIND bind = {
        .buffer_type = MYSQL_TYPE_STRING, .buffer = text, .buffer_length = *len, .length = len};
    assert_int_equal(mysql_stmt_bind_param(statement, &bind), 0);
}

struct client_text statement_result(MYSQL_STMT *statement)
{
    struct client_text value = {""};
    unsigned long len = 0;
    my_bool is_null = 0;
    MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_STRING,
                       .buffer = value.text,
                       .buffer_length = sizeof(value.text) - 1,
                       .is_null = &is_null,
                       .length = &len};
    assert_int_equal(mysql_stmt_bind_result(statement, &bind), 0);
    if (mysql_stmt_fetch(statement) != 0) {
        fail_msg("fetch: %u %s", mysql_stmt_errno(statement), mysql_stmt_error(statement));
    }
    assert_true(len < sizeof(value.text));
    value.text[len] = '\0';
    assert_int_equal(mysql_stmt_fetch(statement), MYSQL_NO_DATA);
    mysql_stmt_free_result(statement);
    return is_null ? (struct client_text){"NULL"} : value;
}

struct client_text statement_text(MYSQL_STMT *statement)
{
    statement_execute(statement);
    return statement_result(statement);
}

void assert_statement_error(MYSQL_STMT *statement, unsigned number)
{
    if (mysql_stmt_execute(statement) == 0) {
        fail_msg("it was executed, and should have failed with %u", number);
    }
    if (mysql_stmt_errno(statement) != number) {
        fail_msg("%u %s, not %u", mysql_stmt_errno(statement), mysql_stmt_error(statement), number);
    }
}
