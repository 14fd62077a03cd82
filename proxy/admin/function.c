#include "proxy/admin/function.h"

#include "proxy/admin/dialect.h"
#include "proxy/admin/variable.h"
#include "proxy/base/clock.h"

#include <sqlite3.h>
#include <stdio.h>

// --- giving results -----------------------------------------------------------------------------

static void result_text(sqlite3_context *context, struct slice text)
{
    sqlite3_result_text64(context, text.len > 0 ? text.ptr : "", text.len, SQLITE_TRANSIENT,
                          SQLITE_UTF8);
}

void function_result(sqlite3_context *context, const struct cell *cell)
{
    switch (cell->kind) {
    case CELL_INT:
        sqlite3_result_int64(context, cell->number);
        break;
    case CELL_REAL:
        sqlite3_result_double(context, cell->real);
        break;
    case CELL_TEXT:
        result_text(context, cell->text);
        break;
    case CELL_NULL:
    default:
        sqlite3_result_null(context);
        break;
    }
}

static const struct asker *asker_of(sqlite3_context *context)
{
    return ((const struct function_context *)sqlite3_user_data(context))->asker;
}

static struct slice argument(sqlite3_value *value)
{
    const unsigned char *text = sqlite3_value_text(value);
    return slice_make(text, (size_t)sqlite3_value_bytes(value));
}

// --- the functions ------------------------------------------------------------------------------

static void call_variable(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct slice name = argument(argv[0]);
    struct cell value;
    (void)argc;
    if (variable_answer(name, asker_of(context), &value)) {
        function_result(context, &value);
    } else {
        char text[200];
        snprintf(text, sizeof(text), "unknown system variable '%.*s'",
                 SLICE_ARG(slice_first(name, 128)));
        sqlite3_result_error(context, text, -1);
    }
}

static void call_schema(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct cell schema = cell_text_or_null(asker_of(context)->schema);
    (void)argc, (void)argv;
    function_result(context, &schema);
}

static void call_user(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    char text[512];
    const struct asker *asker = asker_of(context);
    (void)argc, (void)argv;
    snprintf(text, sizeof(text), "%.*s@%.*s", SLICE_ARG(slice_first(asker->user, 128)),
             SLICE_ARG(slice_first(asker->host, 128)));
    result_text(context, slice_text(text));
}

static void call_version(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc, (void)argv;
    result_text(context, S(VARIABLE_SERVER_VERSION));
}

static void call_connection_id(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc, (void)argv;
    sqlite3_result_int64(context, (sqlite3_int64)asker_of(context)->id);
}

// "2026-01-31 12:34:56", as MySQL shows it.
static void call_now(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    char text[CLOCK_TEXT_SIZE];
    (void)argc, (void)argv;
    clock_text(clock_wall_us(), text);
    text[10] = ' ';
    text[19] = '\0';
    result_text(context, slice_text(text));
}

static void call_unix_timestamp(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc, (void)argv;
    sqlite3_result_int64(context, clock_wall_us() / CLOCK_SECOND);
}

static void call_zero(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc, (void)argv;
    sqlite3_result_int64(context, 0);
}

// NULL where any argument is NULL, as with MySQL.
static void call_concat(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct buffer text = BUFFER_INIT;
    for (int i = 0; i < argc; i++) {
        if (sqlite3_value_type(argv[i]) == SQLITE_NULL) {
            buffer_release(&text);
            sqlite3_result_null(context);
            return;
        }
        buffer_append_slice(&text, argument(argv[i]));
    }
    result_text(context, buffer_slice(&text));
    buffer_release(&text);
}

static void call_if(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    bool is_true = sqlite3_value_type(argv[0]) != SQLITE_NULL && sqlite3_value_double(argv[0]) != 0;
    sqlite3_result_value(context, argv[is_true ? 1 : 2]);
}

static const struct {
    const char *name;
    int arguments; // -1: any number
    void (*call)(sqlite3_context *context, int argc, sqlite3_value **argv);
} functions[] = {
    {DIALECT_VARIABLE, 1, call_variable},
    {"database", 0, call_schema},
    {"schema", 0, call_schema},
    {"user", 0, call_user},
    {"current_user", 0, call_user},
    {"session_user", 0, call_user},
    {"system_user", 0, call_user},
    {"version", 0, call_version},
    {"connection_id", 0, call_connection_id},
    {"now", 0, call_now},
    {"sysdate", 0, call_now},
    {"utc_timestamp", 0, call_now},
    {"unix_timestamp", 0, call_unix_timestamp},
    {"last_insert_id", 0, call_zero},
    {"found_rows", 0, call_zero},
    {"row_count", 0, call_zero},
    {"concat", -1, call_concat},
    {"if", 3, call_if},
};

int functions_create(sqlite3 *db, struct function_context *context)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        int result =
            sqlite3_create_function_v2(db, functions[i].name, functions[i].arguments, SQLITE_UTF8,
                                       context, functions[i].call, NULL, NULL, NULL);
        if (result != SQLITE_OK) {
            return result;
        }
    }
    return SQLITE_OK;
}

bool function_is_allowed(struct slice name)
{
    static const struct slice outside[] = {
        SLICE_INIT("load_extension"), SLICE_INIT("fts3_tokenizer"), SLICE_INIT("readfile"),
        SLICE_INIT("writefile"),      SLICE_INIT("edit"),
    };
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        if (slice_equal_nocase(outside[i], name)) {
            return false;
        }
    }
    return !slice_starts_nocase(name, S("sqlite_"));
}
