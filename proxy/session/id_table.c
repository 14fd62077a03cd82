// The servers' tables of connections in a statement's text. The server knows connections by
// ids of its own, and most of them are of the pool; the session is told of sessions, by the ids
// that KILL takes: the table's name gives way to a query that has the sessions' ids. Of
// PROCESSLIST, it has the rows of the sessions' connections, the sessions that have no connection
// now, and the server's own threads; who may see whom is the server's to say, and for sessions
// without a connection as SHOW PROCESSLIST has it. What stands in a view, a routine or a prepared
// statement is the server's own to answer.
#include "proxy/session/process_list.h"
#include "proxy/session/rewriting.h"
#include "proxy/session/session_priv.h"

#include "router/catalogue/catalogue.h"

enum {
    OWN_TEXT_MOST = 16 * 1024, // bytes of the statement itself that its row shows
    SQL_MOST = 1 << 20,        // a longer text stays as it is
};

// A walk over the tokens, and what it needs to know.
struct naming {
    struct rewriting walk;
    struct lexer start;  // where it began
    struct slice schema; // the current one
    const struct process_list *list;
    int server;
    const struct catalogue *catalogue;
    enum catalogue_id_table table; // the one that was met
    const struct slice *columns;   // its
    size_t columns_count;
};

// --- the query that takes the table's place ------------------------------------------------------

// Without its quotes; empty where it is none.
static struct slice name_of(const struct token *token)
{
    struct slice text = token_text(token);
    if (token->kind != TOKEN_WORD && token->kind != TOKEN_NAME) {
        return SLICE_NONE;
    }
    bool is_quoted = token->kind == TOKEN_NAME && text.len > 2 && text.ptr[0] == '`';
    return is_quoted ? slice_make(text.ptr + 1, text.len - 2) : text;
}

// A column's name as the statement has it first: so it names the column of the result.
static struct slice spelling_of(const struct naming *at, struct slice column)
{
    struct lexer lexer = at->start;
    struct token token;
    do {
        lexer_next(&lexer, &token);
        if (slice_equal_nocase(name_of(&token), column)) {
            return name_of(&token);
        }
    } while (token.kind != TOKEN_END && token.kind != TOKEN_BROKEN);
    return column;
}

// The same in every sql_mode and character set.
static void literal_write(struct buffer *out, struct slice text)
{
    if (text.ptr == NULL) {
        buffer_append_slice(out, S("NULL"));
        return;
    }
    buffer_append_slice(out, S("_utf8mb4 X'"));
    for (size_t i = 0; i < text.len; i++) {
        buffer_print(out, "%02X", (unsigned)(uint8_t)text.ptr[i]);
    }
    buffer_append_slice(out, S("'"));
}

// The asker's connection is not known before it has one.
static bool has_row(const struct naming *at, const struct process *process)
{
    return process->id != at->list->id && process->server == at->server && process->server >= 0;
}

static const struct process *own_process(const struct naming *at)
{
    const struct process_list *list = at->list;
    size_t i = 0;
    while (list->processes[i].id != list->id) { // it runs: it is there
        i++;
    }
    return &list->processes[i];
}

static void id_write(struct naming *at, struct slice column)
{
    const struct process_list *list = at->list;
    buffer_print(at->walk.out, "CASE %.*s WHEN CONNECTION_ID() THEN %u", SLICE_ARG(column),
                 list->id);
    for (size_t i = 0; i < list->count; i++) {
        const struct process *process = &list->processes[i];
        if (has_row(at, process)) {
            buffer_print(at->walk.out, " WHEN %u THEN %u", process->server_id, process->id);
        }
    }
    buffer_print(at->walk.out, " ELSE %.*s END", SLICE_ARG(column));
}

static void host_write(struct naming *at)
{
    const struct process_list *list = at->list;
    buffer_append_slice(at->walk.out, S("CASE ID WHEN CONNECTION_ID() THEN "));
    literal_write(at->walk.out, own_process(at)->values[PROCESS_HOST]);
    for (size_t i = 0; i < list->count; i++) {
        const struct process *process = &list->processes[i];
        if (has_row(at, process)) {
            buffer_print(at->walk.out, " WHEN %u THEN ", process->server_id);
            literal_write(at->walk.out, process->values[PROCESS_HOST]);
        }
    }
    buffer_append_slice(at->walk.out, S(" ELSE HOST END"));
}

// The statement shows as the client wrote it.
static void info_write(struct naming *at)
{
    struct slice info = own_process(at)->values[PROCESS_INFO];
    if (info.len > OWN_TEXT_MOST || !slice_is_ascii(info)) {
        buffer_append_slice(at->walk.out, S("INFO"));
        return;
    }
    buffer_append_slice(at->walk.out, S("CASE ID WHEN CONNECTION_ID() THEN "));
    literal_write(at->walk.out, info);
    buffer_append_slice(at->walk.out, S(" ELSE INFO END"));
}

static bool is_column(struct slice column, const char *name)
{
    return slice_equal_nocase(column, slice_text(name));
}

// Else every row of the server's stays.
static bool is_list(const struct naming *at)
{
    return at->table == CATALOGUE_PROCESSLIST || at->table == CATALOGUE_PROCESSLIST_OF_PERFORMANCE;
}

static void column_write(struct naming *at, struct slice column)
{
    if (is_column(column, "ID") || is_column(column, "trx_mysql_thread_id")) {
        id_write(at, column);
    } else if (!is_list(at)) {
        buffer_print(at->walk.out, "`%.*s`", SLICE_ARG(column));
    } else if (is_column(column, "HOST")) {
        host_write(at);
    } else if (is_column(column, "INFO")) {
        info_write(at);
    } else {
        buffer_print(at->walk.out, "`%.*s`", SLICE_ARG(column));
    }
    buffer_print(at->walk.out, " AS `%.*s`", SLICE_ARG(spelling_of(at, column)));
}

static void columns_write(struct naming *at)
{
    buffer_append_slice(at->walk.out, S("(SELECT "));
    for (size_t i = 0; i < at->columns_count; i++) {
        buffer_append_slice(at->walk.out, i > 0 ? S(", ") : S(""));
        column_write(at, at->columns[i]);
    }
}

// A value of a session that has no connection to the server.
static void cell_write(struct buffer *out, const struct process *process, struct slice column)
{
    static const char *const names[] = {"ID",      "USER", "HOST",  "DB",
                                        "COMMAND", "TIME", "STATE", "INFO"};
    const struct slice *values = process->values;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (is_column(column, names[i])) {
            bool is_number = i == PROCESS_ID || i == PROCESS_TIME;
            is_number ? buffer_append_slice(out, values[i]) : literal_write(out, values[i]);
            return;
        }
    }
    if (is_column(column, "TIME_MS")) {
        buffer_print(out, "%.*s000.000", SLICE_ARG(values[PROCESS_TIME]));
    } else if (is_column(column, "EXECUTION_ENGINE")) {
        buffer_append_slice(out, S("'PRIMARY'"));
    } else if (is_column(column, "INFO_BINARY")) {
        literal_write(out, values[PROCESS_INFO]);
    } else {
        buffer_append_slice(out, S("0")); // MariaDB's figures of the statement that runs
    }
}

static void absent_write(struct naming *at, const struct process *process)
{
    buffer_append_slice(at->walk.out, S(" UNION ALL SELECT "));
    for (size_t i = 0; i < at->columns_count; i++) {
        buffer_append_slice(at->walk.out, i > 0 ? S(", ") : S(""));
        cell_write(at->walk.out, process, at->columns[i]);
    }
}

static void source_write(struct naming *at)
{
    struct catalogue_name name = catalogue_id_table_name(at->table);
    columns_write(at);
    buffer_print(at->walk.out, " FROM %.*s.%.*s", SLICE_ARG(name.schema), SLICE_ARG(name.name));
}

static void processes_write(struct naming *at)
{
    const struct process_list *list = at->list;
    source_write(at);
    buffer_append_slice(at->walk.out, S(" WHERE ID IN (CONNECTION_ID()"));
    for (size_t i = 0; i < list->count; i++) {
        if (has_row(at, &list->processes[i])) {
            buffer_print(at->walk.out, ", %u", list->processes[i].server_id);
        }
    }
    buffer_append_slice(at->walk.out,
                        S(") OR USER IN ('system user', 'event_scheduler')"
                          " OR COMMAND IN ('Daemon', 'Binlog Dump', 'Binlog Dump GTID')"
                          " OR COMMAND = 'Connect' AND USER <> 'unauthenticated user'"));
    for (size_t i = 0; i < list->count; i++) {
        const struct process *process = &list->processes[i];
        if (!has_row(at, process) && process->id != list->id) {
            absent_write(at, process);
        }
    }
    buffer_append_slice(at->walk.out, S(")"));
}

// --- where the table stands ----------------------------------------------------------------------

static bool can_be_alias(const struct token *token)
{
    return token->kind == TOKEN_NAME ||
           (token->kind == TOKEN_WORD && !keyword_is_grammar((enum keyword)token->keyword)) ||
           (token->kind == TOKEN_WORD && token->keyword == KEYWORD_AS);
}

// Behind what a table's name may stand.
static bool can_precede_table(const struct token *token)
{
    return token_is_symbol(token, ',') || token_is_symbol(token, '(') ||
           (token->kind == TOKEN_WORD &&
            (token->keyword == KEYWORD_FROM || token->keyword == KEYWORD_JOIN ||
             token->keyword == KEYWORD_STRAIGHT_JOIN));
}

// Goes past the present token where it is one of that schema's tables and the columns are known.
static bool take_name(struct naming *at, struct slice schema)
{
    at->table = catalogue_id_table(schema, name_of(&at->walk.token));
    if (at->table == CATALOGUE_ID_TABLE_COUNT) {
        return false;
    }
    at->columns = catalogue_id_columns(at->catalogue, at->table, &at->columns_count);
    rewriting_advance(&at->walk);
    return at->columns_count > 0;
}

// Goes past the table's name, where the present token begins it.
static bool take_table(struct naming *at)
{
    struct naming before = *at;
    struct slice schema = name_of(&at->walk.token);
    if (!token_is_symbol(&at->walk.last, '.') && take_name(at, at->schema)) {
        return true;
    }
    *at = before;
    if (schema.len > 0) {
        rewriting_advance(&at->walk);
        if (token_is_symbol(&at->walk.token, '.')) {
            rewriting_advance(&at->walk);
            if (take_name(at, schema)) {
                return true;
            }
        }
    }
    *at = before;
    return false;
}

static void step(struct naming *at)
{
    struct token before = at->walk.last, first = at->walk.token;
    if (!take_table(at)) {
        rewriting_advance(&at->walk);
        return;
    }
    bool is_qualifier = token_is_symbol(&at->walk.token, '.'); // of a column, or of *
    if (!is_qualifier && !can_precede_table(&before)) {
        return;
    }
    rewriting_copy(&at->walk, first.ptr);
    at->walk.copied = token_end(&at->walk.last);
    struct slice name = catalogue_id_table_name(at->table).name;
    if (is_qualifier) {
        buffer_append_slice(at->walk.out, name);
        return;
    }
    if (is_list(at)) {
        processes_write(at);
    } else {
        source_write(at);
        buffer_append_slice(at->walk.out, S(")"));
    }
    if (!can_be_alias(&at->walk.token)) {
        buffer_print(at->walk.out, " AS %.*s", SLICE_ARG(name));
    }
}

// --- for a statement -----------------------------------------------------------------------------

bool id_table_is_wanted(const struct session *session)
{
    const struct run *run = session->run;
    const struct statement *statement = &run->statement;
    bool may_read = statement->kind == STATEMENT_SELECT || statement->kind == STATEMENT_SET ||
                    statement->kind == STATEMENT_DO;
    return run->command == COMMAND_QUERY && may_read && statement->count == 1 &&
           session->worker->catalogue != NULL && run->sql.len < SQL_MOST &&
           !session->syntax.is_mode_unknown;
}

void id_table_put(struct session *session)
{
    struct run *run = session->run;
    struct buffer text = BUFFER_INIT;
    struct naming at = {
        .schema = session->image->schema,
        .list = run->processes,
        .server = pooled_server(session->pooled),
        .catalogue = session->worker->catalogue,
    };
    rewriting_begin(&at.walk, run->processes->sql, &session->syntax, &text);
    lexer_init(&at.start, run->processes->sql, &session->syntax, 0);
    while (at.walk.token.kind != TOKEN_END && !at.walk.is_broken) {
        step(&at);
    }
    if (rewriting_end(&at.walk)) {
        run_put_text(run, buffer_slice(&text));
    }
    buffer_release(&text);
}
