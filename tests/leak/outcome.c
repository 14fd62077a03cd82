#include "tests/leak/outcome.h"

#include "proxy/base/memory.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/family.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CELL_SIZE = 512, COLUMNS_MOST = 32, ROWS_SHOWN_MOST = 4096 };

// Flags that only tell how a server ran the statement.
enum {
    NO_GOOD_INDEX = 1 << 4,
    NO_INDEX = 1 << 5,
    WAS_SLOW = 1 << 11,
    IGNORED = NO_GOOD_INDEX | NO_INDEX | WAS_SLOW,
};

// --- parts --------------------------------------------------------------------------------------

static unsigned flags_of(const MYSQL *client)
{
    return client->server_status & ~(unsigned)IGNORED;
}

// That a list of changes comes is said behind rows as well, where there is no room for one: servers
// say so of the schema of a procedure, for example.
static unsigned flags_behind_rows(const MYSQL *client)
{
    return flags_of(client) & ~(unsigned)SERVER_SESSION_STATE_CHANGED;
}

// Bytes in any charset, in one line that can be read.
static void cell_write(const char *cell, size_t len, struct buffer *out)
{
    if (cell == NULL) {
        buffer_append_slice(out, S("NULL"));
        return;
    }
    buffer_append_slice(out, S("'"));
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)cell[i];
        if (byte < ' ' || byte > '~') {
            buffer_print(out, "\\x%02x", byte);
        } else {
            buffer_append(out, &byte, 1);
        }
    }
    buffer_append_slice(out, S("'"));
}

// A user variable without a value has the type of a value that it had once, wherever it had it.
static bool is_of_user_variable(const MYSQL_FIELD *field)
{
    const char *at = strchr(field->name, '@');
    return at != NULL && at[1] != '@';
}

// A list of warnings is in the charset that the session's results had when the statement that left
// them ran, once another session has had the connection.
static bool is_of_warnings(const MYSQL_FIELD *field)
{
    return field->table_length == 0 &&
           (strcmp(field->name, "Level") == 0 || strcmp(field->name, "Message") == 0);
}

static bool is_text(const MYSQL_FIELD *field)
{
    return field->type == MYSQL_TYPE_VAR_STRING || field->type == MYSQL_TYPE_STRING ||
           field->type == MYSQL_TYPE_BLOB;
}

static void column_write(const MYSQL_FIELD *field, bool is_null, struct buffer *out)
{
    buffer_append_slice(out, S("  column "));
    cell_write(field->name, field->name_length, out);
    if (is_null && is_of_user_variable(field)) {
        buffer_append_slice(out, S(" without a value\n"));
        return;
    }
    unsigned flags = field->flags;
    if (strcmp(field->name, "?") == 0) { // as whoever prepared the text first used the parameter
        flags &= ~(unsigned)BINARY_FLAG;
    }
    // A number in a user variable has the collation that the connection had when it was set there,
    // which only this flag shows.
    if (servers_are_mysql() && is_of_user_variable(field) && is_text(field)) {
        flags &= ~(unsigned)BINARY_FLAG;
    }
    if (is_of_warnings(field)) {
        buffer_print(out, " of a warning, type %d\n", (int)field->type);
        return;
    }
    buffer_print(out, " of %s.%s.%s (%s.%s) type %d length %lu flags 0x%x decimals %u charset %u\n",
                 field->db, field->table, field->org_table, field->org_name, field->catalog,
                 (int)field->type, field->length, flags, field->decimals, field->charsetnr);
}

// Without rows, or with nothing but NULL in that column of them.
static bool is_null_column(MYSQL_RES *result, unsigned column)
{
    mysql_data_seek(result, 0);
    for (MYSQL_ROW row; (row = mysql_fetch_row(result)) != NULL;) {
        if (row[column] != NULL) {
            return false;
        }
    }
    return true;
}

// Sluice itself refuses what may not run in a READ ONLY transaction, before a replica sees it: the
// number is the server's, the words are its own.
enum { ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION = 1792 };

static bool is_refusal(const char *text)
{
    return text != NULL && strstr(text, " execute statement in a READ ONLY transaction") != NULL;
}

static void error_write(unsigned number, const char *state, const char *text, struct buffer *out)
{
    buffer_print(out, "  error %u (%s) %s\n", number, state,
                 is_refusal(text) || number == ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
                     ? "(read only)"
                     : text);
}

static int change_compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

// What the servers report of the session, which they do in any order. They tell of the schema with
// OKs of other statements too, where one that was prepared in another schema ran before. Returns
// whether there is anything.
static bool changes_write(MYSQL *client, struct buffer *out)
{
    enum { CHANGES_MOST = 32, CHANGE_SIZE = 256 };
    char changes[CHANGES_MOST][CHANGE_SIZE];
    size_t count = 0;
    for (int type = SESSION_TRACK_BEGIN; type <= SESSION_TRACK_END; type++) {
        const char *text;
        size_t len;
        if (type == SESSION_TRACK_SCHEMA) {
            continue;
        }
        int code = mysql_session_track_get_first(client, type, &text, &len);
        for (; code == 0; code = mysql_session_track_get_next(client, type, &text, &len)) {
            bool is_name = type == SESSION_TRACK_SYSTEM_VARIABLES;
            assert_true(count < CHANGES_MOST && len < CHANGE_SIZE / 2);
            int at = snprintf(changes[count], CHANGE_SIZE, "%d: %.*s", type, (int)len, text);
            if (is_name && mysql_session_track_get_next(client, type, &text, &len) == 0) {
                assert_true(len < CHANGE_SIZE / 2 - 8);
                snprintf(changes[count] + at, CHANGE_SIZE - (size_t)at, "=%.*s", (int)len, text);
            }
            count++;
        }
    }
    qsort(changes, count, CHANGE_SIZE, change_compare);
    for (size_t i = 0; i < count; i++) {
        buffer_print(out, "  change %s\n", changes[i]);
    }
    return count > 0;
}

// MySQL warns of FOUND_ROWS(), which it will do without one day; sluice puts the number in its
// place.
static bool asks_found_rows(MYSQL_RES *result)
{
    const char *name = result != NULL ? mysql_fetch_field_direct(result, 0)->name : "";
    return strncmp(name, "FOUND_ROWS()", strlen("FOUND_ROWS()")) == 0;
}

static void end_write(MYSQL *client, unsigned flags, unsigned warnings, struct buffer *out)
{
    if ((flags & SERVER_SESSION_STATE_CHANGED) != 0 && !changes_write(client, out)) {
        flags &= ~(unsigned)SERVER_SESSION_STATE_CHANGED;
    }
    const char *info = mysql_info(client);
    buffer_print(out, "  end: affected %lld, insert id %llu, warnings %u, status 0x%x, %s\n",
                 (long long)mysql_affected_rows(client),
                 (unsigned long long)mysql_insert_id(client), warnings, flags,
                 info != NULL ? info : "no info");
}

// --- texts --------------------------------------------------------------------------------------

static void rows_write(MYSQL_RES *result, struct buffer *out)
{
    mysql_data_seek(result, 0);
    for (MYSQL_ROW row; (row = mysql_fetch_row(result)) != NULL;) {
        const unsigned long *lengths = mysql_fetch_lengths(result);
        buffer_append_slice(out, S("  row"));
        for (unsigned i = 0; i < mysql_num_fields(result); i++) {
            buffer_append_slice(out, S(" "));
            if (is_refusal(row[i])) {
                buffer_append_slice(out, S("(read only)"));
            } else {
                cell_write(row[i], lengths[i], out);
            }
        }
        buffer_append_slice(out, S("\n"));
    }
}

static bool result_write(MYSQL *client, struct buffer *out)
{
    MYSQL_RES *result = mysql_store_result(client);
    if (result == NULL && mysql_errno(client) != 0) {
        error_write(mysql_errno(client), mysql_sqlstate(client), mysql_error(client), out);
        return false;
    }
    unsigned warnings = asks_found_rows(result) ? 0 : mysql_warning_count(client);
    if (result != NULL) {
        for (unsigned i = 0; i < mysql_num_fields(result); i++) {
            column_write(mysql_fetch_field_direct(result, i), is_null_column(result, i), out);
        }
        rows_write(result, out);
        mysql_free_result(result);
    }
    end_write(client, result != NULL ? flags_behind_rows(client) : flags_of(client), warnings, out);
    return true;
}

void outcome_of_text(MYSQL *client, struct slice sql, struct buffer *out)
{
    bool is_error = mysql_real_query(client, sql.ptr, sql.len) != 0;
    int next = 0;
    while (!is_error && next == 0 && result_write(client, out)) {
        next = mysql_next_result(client);
        is_error = next > 0;
    }
    if (is_error) {
        error_write(mysql_errno(client), mysql_sqlstate(client), mysql_error(client), out);
    }
}

void outcome_of_command(MYSQL *client, int code, struct buffer *out)
{
    if (code != 0) {
        error_write(mysql_errno(client), mysql_sqlstate(client), mysql_error(client), out);
    } else {
        buffer_print(out, "  done: status 0x%x\n", flags_behind_rows(client));
    }
}

// --- prepared -----------------------------------------------------------------------------------

static void stmt_error_write(MYSQL_STMT *stmt, struct buffer *out)
{
    error_write(mysql_stmt_errno(stmt), mysql_stmt_sqlstate(stmt), mysql_stmt_error(stmt), out);
}

// Which charset the results have that it is run under shows in the columns only where the library
// does not take them for those of the preparation.
static void stmt_columns_write(MYSQL_STMT *stmt, struct buffer *out)
{
    MYSQL_RES *metadata = mysql_stmt_result_metadata(stmt);
    for (unsigned i = 0; metadata != NULL && i < mysql_num_fields(metadata); i++) {
        MYSQL_FIELD field = *mysql_fetch_field_direct(metadata, i);
        if (is_text(&field)) {
            field.length = field.charsetnr = 0;
        }
        column_write(&field, true, out);
    }
    mysql_free_result(metadata);
}

void outcome_of_prepare(MYSQL_STMT *stmt, struct slice sql, struct buffer *out)
{
    if (mysql_stmt_prepare(stmt, sql.ptr, sql.len) != 0) {
        stmt_error_write(stmt, out);
        return;
    }
    buffer_print(out, "  prepared: %lu parameters, warnings %u, status 0x%x\n",
                 mysql_stmt_param_count(stmt), mysql_warning_count(stmt->mysql),
                 flags_of(stmt->mysql));
    stmt_columns_write(stmt, out);
}

static bool parameters_bind(MYSQL_STMT *stmt, const struct outcome_parameter *parameters)
{
    MYSQL_BIND binds[OUTCOME_PARAMETERS_MOST];
    memset(binds, 0, sizeof(binds));
    assert_true(mysql_stmt_param_count(stmt) <= OUTCOME_PARAMETERS_MOST);
    for (size_t i = 0; i < mysql_stmt_param_count(stmt); i++) {
        const struct outcome_parameter *from = &parameters[i];
        binds[i].buffer_type = from->type;
        binds[i].buffer = from->type == MYSQL_TYPE_LONGLONG ? (void *)&from->number
                          : from->type == MYSQL_TYPE_DOUBLE ? (void *)&from->real
                                                            : (void *)from->text.ptr;
        binds[i].buffer_length = from->text.len;
    }
    return mysql_stmt_bind_param(stmt, binds) == 0;
}

struct cells {
    MYSQL_BIND binds[COLUMNS_MOST];
    unsigned long lengths[COLUMNS_MOST];
    my_bool nulls[COLUMNS_MOST];
    char values[COLUMNS_MOST][CELL_SIZE];
};

static void cells_bind(MYSQL_STMT *stmt, struct cells *cells)
{
    unsigned count = mysql_stmt_field_count(stmt);
    assert_true(count <= COLUMNS_MOST);
    for (unsigned i = 0; i < count; i++) {
        cells->binds[i] = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_STRING,
                                       .buffer = cells->values[i],
                                       .buffer_length = CELL_SIZE,
                                       .length = &cells->lengths[i],
                                       .is_null = &cells->nulls[i]};
    }
    assert_int_equal(mysql_stmt_bind_result(stmt, cells->binds), 0);
}

static void stmt_rows_write(MYSQL_STMT *stmt, struct buffer *out)
{
    struct cells *cells = mem_zero(1, sizeof(*cells));
    int code = 0;
    cells_bind(stmt, cells);
    while ((code = mysql_stmt_fetch(stmt)) == 0 || code == MYSQL_DATA_TRUNCATED) {
        buffer_append_slice(out, S("  row"));
        for (unsigned i = 0; i < mysql_stmt_field_count(stmt); i++) {
            size_t len = cells->lengths[i] < CELL_SIZE ? cells->lengths[i] : CELL_SIZE;
            buffer_append_slice(out, S(" "));
            cell_write(cells->nulls[i] ? NULL : cells->values[i], len, out);
        }
        buffer_append_slice(out, S("\n"));
    }
    if (code != MYSQL_NO_DATA) {
        stmt_error_write(stmt, out);
    }
    mem_free(cells);
}

static void stmt_result_write(MYSQL_STMT *stmt, struct buffer *out)
{
    if (mysql_stmt_field_count(stmt) > 0) {
        stmt_columns_write(stmt, out);
        stmt_rows_write(stmt, out);
    }
    buffer_print(out, "  end: affected %lld, insert id %llu, warnings %u, status 0x%x\n",
                 (long long)mysql_stmt_affected_rows(stmt),
                 (unsigned long long)mysql_stmt_insert_id(stmt), mysql_warning_count(stmt->mysql),
                 flags_behind_rows(stmt->mysql));
}

void outcome_of_execute(MYSQL_STMT *stmt, const struct outcome_parameter *parameters,
                        bool with_cursor, struct buffer *out)
{
    unsigned long cursor = with_cursor ? CURSOR_TYPE_READ_ONLY : CURSOR_TYPE_NO_CURSOR;
    unsigned long rows = 3;
    mysql_stmt_attr_set(stmt, STMT_ATTR_CURSOR_TYPE, &cursor);
    mysql_stmt_attr_set(stmt, STMT_ATTR_PREFETCH_ROWS, &rows);
    assert_true(parameters_bind(stmt, parameters));
    if (mysql_stmt_execute(stmt) != 0) {
        stmt_error_write(stmt, out);
        return;
    }
    int next = 0;
    while (next == 0) {
        stmt_result_write(stmt, out);
        next = mysql_stmt_more_results(stmt) ? mysql_stmt_next_result(stmt) : -1;
    }
    if (next > 0) {
        stmt_error_write(stmt, out);
    }
    mysql_stmt_free_result(stmt);
}
