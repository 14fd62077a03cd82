#include "proxy/admin/engine.h"

#include "proxy/admin/dialect.h"
#include "proxy/admin/fault.h"
#include "proxy/admin/function.h"
#include "proxy/base/arena.h"
#include "proxy/base/memory.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

struct engine {
    sqlite3 *db;
    uint64_t *uses;               // while a statement is prepared: where its views are noted
    const struct view_rows *rows; // while one runs: by enum view
    struct function_context functions;
    int64_t deadline_us; // of the running one
};

struct engine_statement {
    struct engine *engine;
    sqlite3_stmt *stmt;
    uint64_t views;
};

// --- a view as a virtual table ------------------------------------------------------------------

struct view_table {
    sqlite3_vtab base; // first: SQLite knows no more of it
    const struct engine *engine;
    enum view view;
};

struct view_cursor {
    sqlite3_vtab_cursor base; // first
    struct view_walk walk;
    bool is_at_end;
    struct cell cells[VIEW_WIDTH_MAX]; // of the present row
};

static const char *type_sql(enum view_type type)
{
    // Text compares as the servers' collations do: letters without case.
    return type == VIEW_TEXT ? "TEXT COLLATE NOCASE" : type == VIEW_INT ? "INTEGER" : "REAL";
}

static int view_declare(sqlite3 *db, const struct view_info *info)
{
    struct buffer sql = BUFFER_INIT;
    buffer_append_slice(&sql, S("CREATE TABLE view("));
    for (size_t i = 0; i < info->width; i++) {
        buffer_print(&sql, "%s\"%.*s\" %s", i > 0 ? "," : "", SLICE_ARG(info->columns[i].name),
                     type_sql(info->columns[i].type));
    }
    buffer_append(&sql, ")", sizeof(")"));
    int result = sqlite3_declare_vtab(db, (const char *)buffer_ptr(&sql));
    buffer_release(&sql);
    return result;
}

// argv: module, schema, table, and the view's number.
static int view_connect(sqlite3 *db, void *engine, int argc, const char *const *argv,
                        sqlite3_vtab **out, char **message)
{
    uint64_t view = VIEW_COUNT;
    (void)message;
    if (argc < 4 || !slice_to_u64(slice_text(argv[3]), &view) || view >= VIEW_COUNT) {
        return SQLITE_ERROR;
    }
    struct view_table *table = mem_zero(1, sizeof(*table));
    table->engine = engine;
    table->view = (enum view)view;
    *out = &table->base;
    return view_declare(db, view_info(table->view));
}

// Another function than view_connect(): so that nobody can name the module as a table.
static int view_create(sqlite3 *db, void *engine, int argc, const char *const *argv,
                       sqlite3_vtab **out, char **message)
{
    return view_connect(db, engine, argc, argv, out, message);
}

static int view_disconnect(sqlite3_vtab *table)
{
    mem_free(table);
    return SQLITE_OK;
}

// Always the whole view: SQLite filters.
static int view_best_index(sqlite3_vtab *table, sqlite3_index_info *index)
{
    (void)table;
    index->estimatedCost = 1000;
    index->estimatedRows = 1000;
    return SQLITE_OK;
}

static int view_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
    struct view_cursor *cursor = mem_zero(1, sizeof(*cursor));
    (void)table;
    *out = &cursor->base;
    return SQLITE_OK;
}

static int view_close(sqlite3_vtab_cursor *cursor)
{
    mem_free(cursor);
    return SQLITE_OK;
}

static int view_next(sqlite3_vtab_cursor *base)
{
    struct view_cursor *cursor = (struct view_cursor *)base;
    cursor->is_at_end = !view_walk_next(&cursor->walk, cursor->cells);
    return SQLITE_OK;
}

static int view_filter(sqlite3_vtab_cursor *base, int number, const char *text, int argc,
                       sqlite3_value **argv)
{
    struct view_cursor *cursor = (struct view_cursor *)base;
    const struct view_table *table = (const struct view_table *)base->pVtab;
    (void)number, (void)text, (void)argc, (void)argv;
    if (table->engine->rows == NULL) {
        return SQLITE_MISUSE;
    }
    cursor->walk = view_walk(&table->engine->rows[table->view]);
    return view_next(base);
}

static int view_eof(sqlite3_vtab_cursor *base)
{
    return ((const struct view_cursor *)base)->is_at_end;
}

static int view_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int index)
{
    function_result(context, &((const struct view_cursor *)base)->cells[index]);
    return SQLITE_OK;
}

static int view_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid)
{
    *rowid = (sqlite3_int64)((const struct view_cursor *)base)->walk.index;
    return SQLITE_OK;
}

static const sqlite3_module view_module = {
    .iVersion = 1,
    .xCreate = view_create,
    .xConnect = view_connect,
    .xBestIndex = view_best_index,
    .xDisconnect = view_disconnect,
    .xDestroy = view_disconnect,
    .xOpen = view_open,
    .xClose = view_close,
    .xFilter = view_filter,
    .xNext = view_next,
    .xEof = view_eof,
    .xColumn = view_column,
    .xRowid = view_rowid,
};

// --- what is allowed ----------------------------------------------------------------------------

static enum view view_named(struct slice schema, struct slice name)
{
    for (enum view view = 0; view < VIEW_COUNT; view++) {
        const struct view_info *info = view_info(view);
        if (slice_equal_nocase(info->name, name) &&
            (schema.len == 0 || slice_equal_nocase(view_schema_name(info->schema), schema))) {
            return view;
        }
    }
    return VIEW_COUNT;
}

// Reading a view notes it. A name without schema that is no view is a part of the statement itself
// (WITH x AS ...).
static int read_judge(struct engine *engine, const char *table, const char *schema)
{
    enum view view = view_named(slice_text(schema), slice_text(table));
    if (view == VIEW_COUNT) {
        return schema == NULL ? SQLITE_OK : SQLITE_DENY;
    }
    if (engine->uses != NULL) {
        *engine->uses |= VIEW_BIT(view);
    }
    return SQLITE_OK;
}

// SQLite asks for everything that a statement would do, when it is prepared.
static int judge(void *user, int action, const char *first, const char *second, const char *schema,
                 const char *trigger)
{
    (void)trigger;
    switch (action) {
    case SQLITE_SELECT:
        return SQLITE_OK;
    case SQLITE_READ:
        return read_judge(user, first, schema);
    case SQLITE_FUNCTION:
        return function_is_allowed(slice_text(second)) ? SQLITE_OK : SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

static int time_judge(void *user)
{
    return clock_now_us() > ((const struct engine *)user)->deadline_us;
}

static void limits_set(sqlite3 *db)
{
    static const struct {
        int what;
        int most;
    } limits[] = {
        {SQLITE_LIMIT_LENGTH, 4 << 20},
        {SQLITE_LIMIT_SQL_LENGTH, ENGINE_SQL_MAX},
        {SQLITE_LIMIT_COLUMN, 512},
        {SQLITE_LIMIT_EXPR_DEPTH, 200},
        {SQLITE_LIMIT_COMPOUND_SELECT, 50},
        {SQLITE_LIMIT_VDBE_OP, 250000},
        {SQLITE_LIMIT_FUNCTION_ARG, 100},
        {SQLITE_LIMIT_ATTACHED, 1},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 4096},
        {SQLITE_LIMIT_VARIABLE_NUMBER, 1000},
        {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        sqlite3_limit(db, limits[i].what, limits[i].most);
    }
}

// --- life ---------------------------------------------------------------------------------------

static void must(sqlite3 *db, int result)
{
    if (result != SQLITE_OK) {
        fprintf(stderr, "sluice: SQLite: %s\n", db != NULL ? sqlite3_errmsg(db) : "out of memory");
        abort();
    }
}

static void views_create(struct engine *engine)
{
    must(engine->db, sqlite3_create_module(engine->db, "view", &view_module, engine));
    for (enum view view = 0; view < VIEW_COUNT; view++) {
        const struct view_info *info = view_info(view);
        if (info->width > 0) {
            struct buffer sql = BUFFER_INIT;
            buffer_print(&sql, "CREATE VIRTUAL TABLE %.*s.\"%.*s\" USING view(%d)",
                         SLICE_ARG(view_schema_name(info->schema)), SLICE_ARG(info->name), view);
            buffer_append(&sql, "", 1);
            must(engine->db,
                 sqlite3_exec(engine->db, (const char *)buffer_ptr(&sql), NULL, NULL, NULL));
            buffer_release(&sql);
        }
    }
}

struct engine *engine_create(void)
{
    struct engine *engine = mem_zero(1, sizeof(*engine));
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    sqlite3_hard_heap_limit64(ENGINE_HEAP_MAX);
    must(engine->db, sqlite3_open_v2(":memory:", &engine->db, flags, NULL));
    sqlite3_db_config(engine->db, SQLITE_DBCONFIG_MAINDBNAME, "sluice");
    sqlite3_db_config(engine->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL); // "x" is a name, always
    must(engine->db, sqlite3_exec(engine->db,
                                  "PRAGMA temp_store = MEMORY;"
                                  "ATTACH ':memory:' AS information_schema",
                                  NULL, NULL, NULL));
    views_create(engine);
    must(engine->db, functions_create(engine->db, &engine->functions));
    limits_set(engine->db);
    sqlite3_set_authorizer(engine->db, judge, engine);
    sqlite3_progress_handler(engine->db, 1000, time_judge, engine);
    return engine;
}

void engine_destroy(struct engine *engine)
{
    int result = sqlite3_close(engine->db);
    assert(result == SQLITE_OK);
    (void)result;
    mem_free(engine);
}

// --- preparing ----------------------------------------------------------------------------------

// SQLite's words, put as this port's errors.
static bool complain(const struct engine *engine, struct error *error)
{
    struct slice text = slice_text(sqlite3_errmsg(engine->db));
    const struct slice no_table = S("no such table: ");
    int code = sqlite3_errcode(engine->db);
    if (code == SQLITE_AUTH) {
        return fault_set(error, ADMIN_SYNTAX, SLICE_ARG(S("only views can be read here")));
    }
    if (code == SQLITE_INTERRUPT) {
        return fault_set(error, ADMIN_FAILED,
                         SLICE_ARG(S("the statement took longer than 2 s; ask for less")));
    }
    if (slice_starts_nocase(text, no_table)) {
        struct slice name = slice_from(text, no_table.len);
        const struct slice own = S("sluice.");
        bool is_own = slice_starts_nocase(name, own);
        if (view_find(is_own ? slice_from(name, own.len) : name) != VIEW_COUNT) {
            return error_set(error, error_row_code(ERROR_ROW_ADMIN_FAILED, false)->number, "",
                             "sluice: the view %.*s is not yet active", SLICE_ARG(name));
        }
        return fault_set(error, ADMIN_UNKNOWN_VIEW, SLICE_ARG(name));
    }
    if (code != SQLITE_ERROR) {
        return fault_set(error, ADMIN_FAILED, SLICE_ARG(text)); // a limit, mostly
    }
    return fault_set(error, ADMIN_SYNTAX, SLICE_ARG(text));
}

static struct engine_statement *statement_make(struct engine *engine, sqlite3_stmt *stmt,
                                               uint64_t views)
{
    struct engine_statement *statement = mem_zero(1, sizeof(*statement));
    *statement = (struct engine_statement){engine, stmt, views};
    return statement;
}

struct engine_statement *engine_prepare(struct engine *engine, struct slice sql,
                                        struct error *error)
{
    struct buffer text = BUFFER_INIT;
    sqlite3_stmt *stmt = NULL;
    uint64_t views = 0;
    bool is_good = dialect_translate(sql, &text, error);
    if (is_good) {
        engine->uses = &views;
        engine->deadline_us = clock_now_us() + ENGINE_TIME_US;
        is_good = sqlite3_prepare_v2(engine->db, (const char *)buffer_ptr(&text),
                                     (int)buffer_len(&text), &stmt, NULL) == SQLITE_OK ||
                  complain(engine, error);
        engine->uses = NULL;
    }
    // A few statements that are no SELECT go past the authorizer: VACUUM, EXPLAIN.
    if (is_good && (sqlite3_column_count(stmt) == 0 || sqlite3_stmt_isexplain(stmt) != 0)) {
        is_good = fault_set(error, ADMIN_SYNTAX, SLICE_ARG(S("this is no SELECT")));
    }
    buffer_release(&text);
    if (!is_good) {
        sqlite3_finalize(stmt);
        return NULL;
    }
    return statement_make(engine, stmt, views);
}

void engine_release(struct engine_statement **statement)
{
    struct engine_statement *gone = *statement;
    *statement = NULL;
    if (gone != NULL) {
        sqlite3_finalize(gone->stmt);
        mem_free(gone);
    }
}

uint64_t engine_views(const struct engine_statement *statement)
{
    return statement->views;
}

size_t engine_parameter_count(const struct engine_statement *statement)
{
    return (size_t)sqlite3_bind_parameter_count(statement->stmt);
}

const struct slice *engine_columns(const struct engine_statement *statement, struct arena *arena,
                                   size_t *count)
{
    *count = (size_t)sqlite3_column_count(statement->stmt);
    struct slice *names = arena_alloc(arena, (*count + 1) * sizeof(*names));
    for (size_t i = 0; i < *count; i++) {
        names[i] = dialect_name(slice_text(sqlite3_column_name(statement->stmt, (int)i)), arena);
    }
    return names;
}

// --- running ------------------------------------------------------------------------------------

static void parameters_bind(sqlite3_stmt *stmt, const struct cell *cells)
{
    int count = sqlite3_bind_parameter_count(stmt);
    for (int i = 0; i < count; i++) {
        const struct cell *cell = &cells[i];
        if (cell->kind == CELL_INT) {
            sqlite3_bind_int64(stmt, i + 1, cell->number);
        } else if (cell->kind == CELL_REAL) {
            sqlite3_bind_double(stmt, i + 1, cell->real);
        } else if (cell->kind == CELL_TEXT) {
            sqlite3_bind_text64(stmt, i + 1, cell->text.len > 0 ? cell->text.ptr : "",
                                cell->text.len, SQLITE_STATIC, SQLITE_UTF8);
        } else {
            sqlite3_bind_null(stmt, i + 1);
        }
    }
}

static struct cell value_read(sqlite3_stmt *stmt, int column)
{
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER:
        return cell_int(sqlite3_column_int64(stmt, column));
    case SQLITE_FLOAT:
        return cell_real(sqlite3_column_double(stmt, column));
    case SQLITE_NULL:
        return (struct cell){.kind = CELL_NULL};
    default: {
        const void *text = sqlite3_column_blob(stmt, column);
        return cell_text(slice_make(text, (size_t)sqlite3_column_bytes(stmt, column)));
    }
    }
}

static bool rows_step(const struct engine_statement *statement, struct table *table,
                      struct error *error)
{
    struct cell *cells = mem_alloc(table->width * sizeof(*cells));
    int result;
    while ((result = sqlite3_step(statement->stmt)) == SQLITE_ROW) {
        for (size_t i = 0; i < table->width; i++) {
            cells[i] = value_read(statement->stmt, (int)i);
        }
        if (!table_add(table, cells)) {
            break;
        }
    }
    mem_free(cells);
    if (result == SQLITE_ROW) {
        return fault_set(error, ADMIN_FAILED,
                         SLICE_ARG(S("the result is larger than 16 MiB; ask for less")));
    }
    return result == SQLITE_DONE || complain(statement->engine, error);
}

static bool is_any_cut(const struct engine_statement *statement, const struct view_rows *rows)
{
    for (enum view view = 0; view < VIEW_COUNT; view++) {
        if ((statement->views & VIEW_BIT(view)) != 0 && rows[view].is_cut) {
            return true;
        }
    }
    return false;
}

static void columns_name(const struct engine_statement *statement, struct table *table)
{
    struct arena arena = ARENA_INIT;
    size_t width;
    const struct slice *names = engine_columns(statement, &arena, &width);
    table_columns(table, names, width);
    arena_release(&arena);
    if (statement->views != 0 && (statement->views & (statement->views - 1)) == 0) {
        table->name = view_info((enum view)__builtin_ctzll(statement->views))->name;
    }
}

bool engine_run(struct engine_statement *statement, const struct view_rows *rows,
                const struct cell *parameters, const struct asker *asker, struct table *table,
                struct error *error)
{
    struct engine *engine = statement->engine;
    if (is_any_cut(statement, rows)) {
        return fault_set(error, ADMIN_FAILED,
                         SLICE_ARG(S("a view has more than 32 MiB of rows, which is too much")));
    }
    columns_name(statement, table);
    parameters_bind(statement->stmt, parameters);
    engine->rows = rows;
    engine->functions.asker = asker;
    engine->deadline_us = clock_now_us() + ENGINE_TIME_US;
    bool is_good = rows_step(statement, table, error);
    sqlite3_reset(statement->stmt);
    sqlite3_clear_bindings(statement->stmt);
    engine->functions.asker = NULL;
    engine->rows = NULL;
    if (!is_good) {
        table_release(table);
    }
    return is_good;
}
