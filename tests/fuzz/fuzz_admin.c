// Any bytes may come to the admin port as a statement: it is a command, a SHOW, a SELECT that can
// run over the views, or a mistake with a number and words; and only reading comes of it.
#include "proxy/admin/admin_command.h"
#include "proxy/admin/engine.h"
#include "proxy/admin/show.h"
#include "proxy/base/memory.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct asker asker = {.id = 1, .user = SLICE_INIT("u"), .right = ADMIN_COMMAND};

static void error_check(const struct error *error)
{
    assert(error->code >= 1000 && error->code < 5000);
    assert(slice_starts_nocase(slice_text(error->text), S("sluice: ")));
}

static void captures_check(const struct grammar_match *match, struct slice text, const char *room)
{
    for (size_t i = 0; i < match->captures_count; i++) {
        struct slice value = match->captures[i].value;
        bool in_text = value.ptr >= text.ptr && value.ptr + value.len <= text.ptr + text.len;
        bool in_room = value.ptr >= room && value.ptr + value.len <= room + text.len;
        assert(value.len == 0 || in_text || in_room);
    }
}

static bool is_command(struct slice text)
{
    struct error error = ERROR_NONE;
    struct grammar_match match;
    enum admin_command id;
    char *room = mem_alloc(text.len);
    bool is_good = admin_command_match(text, &asker, room, &id, &match, &error);
    if (!is_good) {
        error_check(&error);
    } else if (id != ADMIN_COMMAND_COUNT) {
        captures_check(&match, text, room);
    }
    mem_free(room);
    return !is_good || id != ADMIN_COMMAND_COUNT;
}

static void select_run(struct engine *engine, struct slice text, const struct view_rows *rows)
{
    static const struct cell parameters[1000];
    struct error error = ERROR_NONE;
    struct table table = TABLE_INIT;
    struct engine_statement *statement = engine_prepare(engine, text, &error);
    if (statement == NULL) {
        error_check(&error);
        return;
    }
    if (engine_run(statement, rows, parameters, &asker, &table, &error)) {
        assert(table.width > 0);
    } else {
        error_check(&error);
        assert(table.width == 0);
    }
    table_release(&table);
    engine_release(&statement);
}

static struct view_rows *rows_make(void)
{
    struct view_rows *rows = mem_alloc(VIEW_COUNT * sizeof(*rows));
    for (enum view view = 0; view < VIEW_COUNT; view++) {
        view_rows_init(&rows[view], view);
        for (int i = 0; i < 3 && view_info(view)->width > 0; i++) {
            struct cell cells[VIEW_WIDTH_MAX] = {cell_text(S("db1")), cell_int(i), cell_real(0.5)};
            view_rows_add(&rows[view], cells);
        }
    }
    return rows;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct engine *engine;
    static struct view_rows *rows;
    struct slice text = slice_make(data, size);
    struct buffer select = BUFFER_INIT;
    struct error error = ERROR_NONE;
    if (engine == NULL) {
        engine = engine_create();
        rows = rows_make();
    }
    if (is_command(text)) {
        return 0;
    }
    switch (show_translate(text, SLICE_NONE, &select, &error)) {
    case SHOW_SELECT:
        select_run(engine, buffer_slice(&select), rows);
        break;
    case SHOW_NONE:
        select_run(engine, text, rows);
        break;
    case SHOW_ERROR:
        error_check(&error);
        break;
    }
    buffer_release(&select);
    return 0;
}
