#include "tests/lib/client.h"

#include "tests/lib/cmocka.h"

#include <mariadb/errmsg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void options_apply(MYSQL *client, const struct client_options *options)
{
    unsigned seconds = 60; // a packet of 16 MiB takes its time under a sanitizer
    my_bool yes = 1, no = 0;
    unsigned local_files = options->with_local_files;
    unsigned protocol = options->port != 0 ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
    mysql_optionsv(client, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
    mysql_optionsv(client, MYSQL_OPT_READ_TIMEOUT, &seconds);
    mysql_optionsv(client, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_optionsv(client, MYSQL_SET_CHARSET_NAME,
                   options->charset != NULL ? options->charset : "utf8mb4");
    mysql_optionsv(client, MYSQL_OPT_LOCAL_INFILE, &local_files);
    mysql_optionsv(client, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, options->tls_ca != NULL ? &yes : &no);
    if (options->plugin != NULL) {
        mysql_optionsv(client, MYSQL_DEFAULT_AUTH, options->plugin);
    }
    if (options->with_tls || options->tls_ca != NULL) {
        mysql_optionsv(client, MYSQL_OPT_SSL_ENFORCE, &yes);
        mysql_optionsv(client, MYSQL_OPT_SSL_CA, options->tls_ca);
    }
    if (options->with_compression) {
        mysql_optionsv(client, MYSQL_OPT_COMPRESS, NULL);
    }
}

bool client_try(const struct client_options *options, MYSQL **handle)
{
    *handle = mysql_init(NULL);
    assert_non_null(*handle);
    options_apply(*handle, options);
    return mysql_real_connect(*handle, options->port != 0 ? "127.0.0.1" : NULL, options->user,
                              options->password, options->schema, options->port, options->socket,
                              options->flags) != NULL;
}

MYSQL *client_connect(const struct client_options *options)
{
    MYSQL *client;
    if (!client_try(options, &client)) {
        fail_msg("%s cannot log in: %u %s", options->user, mysql_errno(client),
                 mysql_error(client));
    }
    return client;
}

static void assert_error_is(MYSQL *client, const char *statement, unsigned number, const char *text)
{
    if (mysql_errno(client) != number || strstr(mysql_error(client), text) == NULL) {
        fail_msg("%s: expected %u with \"%s\", got %u %s", statement, number, text,
                 mysql_errno(client), mysql_error(client));
    }
}

void assert_login_error(const struct client_options *options, unsigned number, const char *text)
{
    MYSQL *client;
    assert_false(client_try(options, &client));
    assert_error_is(client, "login", number, text);
    mysql_close(client);
}

static void fail_with(MYSQL *client, const char *statement)
{
    fail_msg("%.500s: %u %s", statement, mysql_errno(client), mysql_error(client));
}

// Takes every result to its end. Returns 0 or the number of the error that ended them.
static unsigned results_skip(MYSQL *client)
{
    for (;;) {
        MYSQL_RES *result = mysql_use_result(client);
        if (result == NULL && mysql_errno(client) != 0) {
            return mysql_errno(client);
        }
        while (result != NULL && mysql_fetch_row(result) != NULL) {
        }
        unsigned number = mysql_errno(client);
        mysql_free_result(result);
        if (number != 0 || !mysql_more_results(client)) {
            return number;
        }
        if (mysql_next_result(client) > 0) {
            return mysql_errno(client);
        }
    }
}

unsigned client_outcome(MYSQL *client, struct slice statement)
{
    return mysql_real_query(client, statement.ptr, statement.len) != 0 ? mysql_errno(client)
                                                                       : results_skip(client);
}

void client_send(MYSQL *client, const char *statement)
{
    if (mysql_send_query(client, statement, strlen(statement)) != 0) {
        fail_with(client, statement);
    }
}

unsigned client_finish(MYSQL *client)
{
    return mysql_read_query_result(client) != 0 ? mysql_errno(client) : results_skip(client);
}

void client_run(MYSQL *client, const char *statement)
{
    if (client_outcome(client, slice_text(statement)) != 0) {
        fail_with(client, statement);
    }
}

void client_runf(MYSQL *client, const char *format, ...)
{
    char *statement;
    va_list arguments;
    va_start(arguments, format);
    assert_true(vasprintf(&statement, format, arguments) >= 0);
    va_end(arguments);
    client_run(client, statement);
    free(statement);
}

static MYSQL_RES *result_take(MYSQL *client, const char *statement)
{
    if (mysql_real_query(client, statement, strlen(statement)) != 0) {
        fail_with(client, statement);
    }
    MYSQL_RES *result = mysql_store_result(client);
    if (result == NULL) {
        fail_with(client, statement);
    }
    return result;
}

static struct client_text value_take(MYSQL *client, const char *statement, const char *column)
{
    struct client_text value;
    MYSQL_RES *result = result_take(client, statement);
    MYSQL_ROW row = mysql_fetch_row(result);
    if (row == NULL) {
        fail_msg("%s: no row", statement);
    }
    unsigned at = 0;
    while (column != NULL && strcmp(mysql_fetch_field_direct(result, at)->name, column) != 0) {
        at++;
        if (at == mysql_num_fields(result)) {
            fail_msg("%s: no column %s", statement, column);
        }
    }
    snprintf(value.text, sizeof(value.text), "%s", row[at] != NULL ? row[at] : "NULL");
    if (column == NULL && mysql_num_rows(result) != 1) {
        fail_msg("%s: %llu rows where one was expected", statement,
                 (unsigned long long)mysql_num_rows(result));
    }
    mysql_free_result(result);
    return value;
}

struct client_text client_text(MYSQL *client, const char *statement)
{
    return value_take(client, statement, NULL);
}

struct client_text client_column(MYSQL *client, const char *statement, const char *column)
{
    return value_take(client, statement, column);
}

long long client_number(MYSQL *client, const char *statement)
{
    struct client_text value = client_text(client, statement);
    char *end;
    long long number = strtoll(value.text, &end, 10);
    if (end == value.text || *end != '\0') {
        fail_msg("%s: \"%s\" is no number", statement, value.text);
    }
    return number;
}

size_t client_row_count(MYSQL *client, const char *statement)
{
    MYSQL_RES *result = result_take(client, statement);
    size_t count = mysql_num_rows(result);
    mysql_free_result(result);
    return count;
}

void assert_client_error(MYSQL *client, const char *statement, unsigned number, const char *text)
{
    unsigned got = client_outcome(client, slice_text(statement));
    if (got == 0) {
        fail_msg("%s: expected error %u, it went well", statement, number);
    }
    assert_error_is(client, statement, number, text);
}

void assert_client_lost(MYSQL *client, const char *statement)
{
    unsigned got = client_outcome(client, slice_text(statement));
    if (got != CR_SERVER_GONE_ERROR && got != CR_SERVER_LOST) {
        fail_msg("%s: expected a lost connection, got %u %s", statement, got, mysql_error(client));
    }
}
