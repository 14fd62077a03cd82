// The table of statements, run: each is sent through the proxy and looked for in the servers' own
// logs, and EXPLAIN ROUTE must say the same of it.
#include "tests/lib/general_log.h"
#include "tests/lib/site.h"

#include "proxy/base/memory.h"

#include <stdio.h>
#include <string.h>

enum { ROWS_MAX = 2000, COLUMNS = 6 };

struct row {
    char target[16];
    char reason[40];
    char group[8];
    char family[8];
    char run[8];
    struct buffer statement; // NUL behind its length
};

struct table {
    struct site *site;
    struct general_log *logs[STACK_SERVERS_MAX];
    char log_paths[STACK_SERVERS_MAX][FILE_PATH_SIZE];
    struct row *rows;
    size_t count;
};

// --- reading the table --------------------------------------------------------------------------

// "⏎" stands for a newline.
static void statement_read(struct row *row, struct slice text)
{
    static const struct slice mark = SLICE_INIT("\xE2\x8F\x8E");
    row->statement = BUFFER_INIT;
    for (size_t at; (at = slice_find_slice(text, mark)) < text.len;) {
        buffer_append_slice(&row->statement, slice_first(text, at));
        buffer_append(&row->statement, "\n", 1);
        text = slice_from(text, at + mark.len);
    }
    buffer_append_slice(&row->statement, text);
    buffer_append(&row->statement, "", 1);
    buffer_truncate(&row->statement, buffer_len(&row->statement) - 1);
}

static void row_read(struct row *row, struct slice line)
{
    struct {
        char *out;
        size_t size;
    } columns[COLUMNS - 1] = {{row->target, sizeof(row->target)},
                              {row->reason, sizeof(row->reason)},
                              {row->group, sizeof(row->group)},
                              {row->family, sizeof(row->family)},
                              {row->run, sizeof(row->run)}};
    for (size_t i = 0; i < COLUMNS - 1; i++) {
        size_t space = slice_find(line, ' ');
        assert_true(slice_to_text(slice_first(line, space), columns[i].out, columns[i].size));
        while (space < line.len && line.ptr[space] == ' ') {
            space++;
        }
        line = slice_from(line, space);
    }
    statement_read(row, line);
}

static void rows_read(struct table *table)
{
    struct buffer text = BUFFER_INIT;
    assert_true(file_read("tests/statements.table", &text));
    table->rows = mem_zero(ROWS_MAX, sizeof(*table->rows));
    struct slice rest = buffer_slice(&text), line;
    while (slice_cut(&rest, '\n', &line)) {
        if (line.len > 0 && line.ptr[0] != '#') {
            assert_true(table->count < ROWS_MAX);
            row_read(&table->rows[table->count++], line);
        }
    }
    buffer_release(&text);
    assert_true(table->count >= 400);
}

// --- setup --------------------------------------------------------------------------------------

// With the tool, which knows DELIMITER.
static void schema_load(const struct stack *stack)
{
    char command[FILE_PATH_SIZE + 128];
    snprintf(command, sizeof(command),
             "mariadb --no-defaults --socket=%s -uroot -proot-secret < tests/statements.sql",
             stack_server(stack, "db1")->socket);
    assert_int_equal(
        process_run((const char *const[]){"sh", "-c", command, NULL}, NULL, NULL, WAIT_MS), 0);
    stack_sync(stack);
}

static int setup(void **state)
{
    struct table *table = mem_zero(1, sizeof(*table));
    rows_read(table);
    table->site = mem_zero(1, sizeof(*table->site));
    table->site->stack = stack_start(site_logging);
    schema_load(table->site->stack);
    table->site->instance =
        instance_start(table->site->stack, (const char *const[]){"user:root.password = root-secret",
                                                                 "routing.pure_functions = "
                                                                 "app.discount",
                                                                 NULL});
    instance_wait_catalogue(table->site->instance);
    for (size_t i = 0; i < table->site->stack->count; i++) {
        stack_general_log(table->site->stack, table->site->stack->servers[i].name,
                          table->log_paths[i]);
        table->logs[i] = general_log_open(table->log_paths[i], "root@127.0.0.1");
    }
    *state = table;
    return 0;
}

static int teardown(void **state)
{
    struct table *table = *state;
    if (table == NULL) { // the setup failed
        return 0;
    }
    for (size_t i = 0; i < table->count; i++) {
        buffer_release(&table->rows[i].statement);
    }
    for (size_t i = 0; i < table->site->stack->count; i++) {
        general_log_close(table->logs[i]);
    }
    instance_kill(table->site->instance);
    stack_remove(table->site->stack);
    mem_free(table->site);
    mem_free(table->rows);
    mem_free(table);
    return 0;
}

// --- running it ---------------------------------------------------------------------------------

static bool is_family(const char *word)
{
    return strcmp(word, dialect("mariadb", "mysql")) == 0;
}

static bool is_of_other_family(const char *word)
{
    return strcmp(word, dialect("mysql", "mariadb")) == 0;
}

static bool is_for_these_servers(const struct row *row)
{
    return !is_of_other_family(row->family);
}

static bool works(const struct row *row)
{
    return strcmp(row->run, "run") == 0 || is_family(row->run);
}

static bool is_refused(const struct row *row)
{
    return strcmp(row->run, "error") == 0 || is_of_other_family(row->run);
}

static const char *text_of(const struct row *row)
{
    return (const char *)buffer_ptr(&row->statement);
}

// In a session of its own. Returns the number of the error that it ended in.
static unsigned row_send(const struct table *table, const struct row *row)
{
    struct client_options options = instance_options(table->site->instance, "root", "root-secret");
    options.with_local_files = true;
    if (strcmp(row->group, "multi") == 0) {
        options.flags = CLIENT_MULTI_STATEMENTS;
    }
    MYSQL *client = client_connect(&options);
    unsigned number = client_outcome(client, buffer_slice(&row->statement));
    mysql_close(client);
    return number;
}

// What servers see of a text in which something gives way: CONNECTION_ID() to the number and the
// name of the column, the table of sessions to a query over it.
static const struct {
    const char *text, *mark;
} rewritten[] = {
    {"SELECT CONNECTION_ID()", " AS `CONNECTION_ID()`"},
    {"SELECT t.id FROM t, `information_schema`.`processlist` p", "SELECT t.id FROM t, ("},
};

static bool was_seen(struct general_log *log, const struct row *row)
{
    for (size_t i = 0; i < sizeof(rewritten) / sizeof(rewritten[0]); i++) {
        if (strcmp(text_of(row), rewritten[i].text) == 0) {
            return general_log_count_lines(log, rewritten[i].mark) > 0;
        }
    }
    return general_log_count(log, buffer_slice(&row->statement)) > 0;
}

// Which servers saw it: a bit for each.
static unsigned servers_that_saw(const struct table *table, const struct row *row)
{
    unsigned saw = 0;
    for (size_t i = 0; i < table->site->stack->count; i++) {
        if (was_seen(table->logs[i], row)) {
            saw |= 1U << i;
        }
    }
    return saw;
}

enum { UNKNOWN_ROUTINE = 1305 }; // a replica may not have it yet: the primary is asked too

static bool is_right(const struct row *row, unsigned saw, unsigned number)
{
    bool is_replicas = strcmp(row->target, "replica") == 0;
    if (is_replicas && number == UNKNOWN_ROUTINE && (saw & 1) != 0) {
        return saw == 3 || saw == 5;
    }
    if (strcmp(row->target, "proxy") == 0) {
        return saw == 0;
    }
    // What the last statement left, sluice says itself as far as it knows, or asks in other words:
    // in a session of its own it knows that there was none.
    if (strcmp(row->reason, "last_statement") == 0) {
        return saw == 0 || saw == 1;
    }
    return strcmp(row->target, "primary") == 0 ? saw == 1 : saw == 2 || saw == 4;
}

static bool row_check(const struct table *table, const struct row *row)
{
    unsigned number = row_send(table, row);
    unsigned saw = servers_that_saw(table, row);
    bool is_expected = (number != 0) == is_refused(row);
    if (!is_right(row, saw, number) || !is_expected) {
        print_error("%s: %.300s: error %u, seen by%s%s%s\n", row->target, text_of(row), number,
                    saw & 1 ? " db1" : "", saw & 2 ? " db2" : "", saw & 4 ? " db3" : "");
        return false;
    }
    return true;
}

static void every_statement_runs_where_the_table_says(void **state)
{
    const struct table *table = *state;
    size_t wrong = 0, run = 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct row *row = &table->rows[i];
        if (!is_for_these_servers(row) || (!works(row) && !is_refused(row))) {
            continue;
        }
        wrong += !row_check(table, row);
        run++;
        if (strcmp(row->target, "primary") == 0) {
            stack_sync(table->site->stack); // what was made can be read everywhere
        }
    }
    print_message("%zu statements were run\n", run);
    assert_true(run >= 400);
    assert_int_equal(wrong, 0);
}

// What EXPLAIN ROUTE cannot be asked: a text without a statement, or one that stands in quotes.
static bool is_explainable(const struct row *row)
{
    char first = text_of(row)[0];
    return strcmp(text_of(row), "/* nothing but a comment */") != 0 && first != ';' &&
           first != '\'' && first != '"' && first != '\0';
}

// The table says what the statement is; a hint of sluice's own in it decides before that.
static bool is_reason(const struct row *row, const char *found)
{
    return strcmp(found, row->reason) == 0 ||
           (strcmp(found, "hint") == 0 && strstr(text_of(row), "sluice: ") != NULL);
}

static bool row_explain(MYSQL *admin, const struct row *row)
{
    struct buffer statement = BUFFER_INIT;
    buffer_print(&statement, "EXPLAIN ROUTE USER root SCHEMA app ");
    buffer_append_slice(&statement, buffer_slice(&row->statement));
    struct slice text = buffer_slice(&statement);
    bool is_same = false;
    MYSQL_RES *result =
        mysql_real_query(admin, text.ptr, text.len) == 0 ? mysql_store_result(admin) : NULL;
    MYSQL_ROW found = result != NULL ? mysql_fetch_row(result) : NULL;
    if (found == NULL) {
        print_error("%.300s: %s\n", text_of(row), mysql_error(admin));
    } else if (strcmp(found[1], row->target) != 0 || !is_reason(row, found[3])) {
        print_error("%.300s: %s %s, the table says %s %s\n", text_of(row), found[1], found[3],
                    row->target, row->reason);
    } else {
        is_same = true;
    }
    mysql_free_result(result);
    buffer_release(&statement);
    return is_same;
}

static void explain_route_says_what_the_table_says(void **state)
{
    const struct table *table = *state;
    MYSQL *admin = instance_admin(table->site->instance);
    size_t wrong = 0;
    for (size_t i = 0; i < table->count; i++) {
        if (is_for_these_servers(&table->rows[i]) && is_explainable(&table->rows[i])) {
            wrong += !row_explain(admin, &table->rows[i]);
        }
    }
    mysql_close(admin);
    assert_int_equal(wrong, 0);
}

// What no server of ours lacks, a stored function cannot stand in for.
static void functions_that_every_server_has_are_built_in(void **state)
{
    static const char *const names[] = {
#define FUNCTION_ALL(name) #name,
#define FUNCTION_SOME(name)
#define FUNCTION(name, kind, form, where) FUNCTION_##where(name)
#define LETTER(letter)
#include "router/sql/functions.def"
#undef FUNCTION
#undef LETTER
    };
    enum { NO_SUCH_FUNCTION = 1305 };
    const struct table *table = *state;
    MYSQL *client = stack_connect(table->site->stack, "db1");
    size_t missing = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char statement[128];
        snprintf(statement, sizeof(statement), "SELECT %s()", names[i]);
        if (client_outcome(client, slice_text(statement)) == NO_SUCH_FUNCTION) {
            print_error("no built-in: %s\n", names[i]);
            missing++;
        }
    }
    mysql_close(client);
    assert_int_equal(missing, 0);
}

static void the_table_leaves_nothing_behind(void **state)
{
    struct table *table = *state;
    void *site = table->site;
    the_proxy_leaves_nothing_behind(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(explain_route_says_what_the_table_says),
        cmocka_unit_test(every_statement_runs_where_the_table_says),
        cmocka_unit_test(functions_that_every_server_has_are_built_in),
        cmocka_unit_test(the_table_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
