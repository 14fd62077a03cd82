#include "proxy/admin/exchange_priv.h"

#include "proxy/admin/fault.h"
#include "proxy/admin/fill.h"
#include "proxy/admin/show.h"
#include "proxy/base/memory.h"

#include <assert.h>

static void exchange_free(struct exchange *exchange)
{
    gathering_abandon(&exchange->gathering);
    order_abandon(&exchange->order);
    loop_task_cancel(&exchange->task);
    engine_release(&exchange->statement);
    table_release(&exchange->answer.table);
    arena_release(&exchange->arena);
    mem_free(exchange);
}

void exchange_abandon(struct exchange **exchange)
{
    if (*exchange != NULL) {
        exchange_free(*exchange);
        *exchange = NULL;
    }
}

static void exchange_tell(struct loop_task *task)
{
    struct exchange *exchange = container_of(task, struct exchange, task);
    exchange->done(exchange->owner, &exchange->answer);
    exchange_free(exchange);
}

void exchange_end(struct exchange *exchange)
{
    loop_defer(exchange->desk->loop, &exchange->task);
}

void exchange_fail(struct exchange *exchange, struct slice text)
{
    fault_set(&exchange->answer.error, ADMIN_FAILED, SLICE_ARG(text));
    exchange_end(exchange);
}

// --- select -------------------------------------------------------------------------------------

static void select_run(struct exchange *exchange, struct view_rows *rows,
                       const struct metrics *metrics, const struct metric_labels *labels)
{
    const struct desk *desk = exchange->desk;
    struct control_state state;
    desk->control->state(desk->control->context, &state);
    fill_views(engine_views(exchange->statement),
               &(struct filling){
                   .state = &state,
                   .metrics = metrics,
                   .labels = labels,
                   .asker = &exchange->asker,
               },
               rows);
    engine_run(exchange->statement, rows, exchange->parameters, &exchange->asker,
               &exchange->answer.table, &exchange->answer.error);
    exchange_end(exchange);
}

static void select_gathered(void *owner, struct control_gather *gather)
{
    struct exchange *exchange = owner;
    exchange->gathering = NULL;
    if (gather == NULL) {
        exchange_fail(exchange, S("a thread of sluice did not answer in time"));
    } else {
        select_run(exchange, gather->rows, gather->metrics, gather->labels);
    }
}

static void select_run_alone(struct exchange *exchange)
{
    struct view_rows *rows = mem_alloc(VIEW_COUNT * sizeof(*rows));
    for (enum view view = 0; view < VIEW_COUNT; view++) {
        view_rows_init(&rows[view], view);
    }
    select_run(exchange, rows, NULL, NULL);
    for (enum view view = 0; view < VIEW_COUNT; view++) {
        view_rows_release(&rows[view]);
    }
    mem_free(rows);
}

static void select_start(struct exchange *exchange)
{
    uint64_t views = engine_views(exchange->statement);
    bool wants_metrics = fill_wants_metrics(views);
    if (wants_metrics || (views & views_gathered()) != 0) {
        exchange->gathering =
            gathering_start(exchange->desk, views, wants_metrics, select_gathered, exchange);
    } else {
        select_run_alone(exchange);
    }
}

// --- starting -----------------------------------------------------------------------------------

// The SELECT that a text which is no command stands for, prepared; or NULL with a mistake.
static struct engine_statement *select_prepare(const struct desk *desk, struct slice text,
                                               struct slice schema, struct error *error)
{
    struct buffer select = BUFFER_INIT;
    struct engine_statement *statement = NULL;
    switch (show_translate(text, schema, &select, error)) {
    case SHOW_SELECT:
        statement = engine_prepare(desk->engine, buffer_slice(&select), error);
        break;
    case SHOW_NONE:
        statement = engine_prepare(desk->engine, text, error);
        break;
    case SHOW_ERROR:
        break;
    }
    buffer_release(&select);
    return statement;
}

static const struct cell *parameters_copy(struct arena *arena, const struct cell *cells,
                                          size_t count)
{
    struct cell *copy = arena_alloc(arena, (count + 1) * sizeof(*copy));
    for (size_t i = 0; i < count; i++) {
        copy[i] = cells[i];
        if (copy[i].kind == CELL_TEXT) {
            copy[i].text = arena_copy(arena, cells[i].text);
        }
    }
    return copy;
}

static void exchange_dispatch(struct exchange *exchange, struct slice text,
                              const struct cell *parameters)
{
    struct error *error = &exchange->answer.error;
    char *room = arena_alloc(&exchange->arena, text.len);
    if (!admin_command_match(text, &exchange->asker, room, &exchange->command, &exchange->match,
                             error)) {
        exchange_end(exchange);
        return;
    }
    if (exchange->command != ADMIN_COMMAND_COUNT) {
        exchange_command_run(exchange);
        return;
    }
    exchange->statement = select_prepare(exchange->desk, text, exchange->asker.schema, error);
    if (exchange->statement == NULL) {
        exchange_end(exchange);
        return;
    }
    size_t count = engine_parameter_count(exchange->statement);
    if (count > 0 && parameters == NULL) {
        exchange_fail(exchange, S("? stands for a value in prepared statements only"));
        return;
    }
    exchange->parameters = parameters_copy(&exchange->arena, parameters, count);
    select_start(exchange);
}

struct exchange *exchange_start(const struct desk *desk, struct slice text,
                                const struct cell *parameters, const struct asker *asker,
                                exchange_fn *done, void *owner)
{
    struct exchange *exchange = mem_zero(1, sizeof(*exchange));
    exchange->desk = desk;
    exchange->asker = *asker;
    exchange->done = done;
    exchange->owner = owner;
    exchange->answer.table = TABLE_INIT;
    loop_task_init(&exchange->task, exchange_tell);
    exchange_dispatch(exchange, arena_copy(&exchange->arena, text), parameters);
    return exchange;
}

// --- outlines -----------------------------------------------------------------------------------

static void columns_outline(struct slice columns, struct arena *arena,
                            struct exchange_outline *outline)
{
    struct slice *names = arena_alloc(arena, VIEW_WIDTH_MAX * sizeof(*names));
    size_t count = 0;
    while (columns.len > 0 && count < VIEW_WIDTH_MAX && slice_cut(&columns, ',', &names[count])) {
        count++;
    }
    *outline = (struct exchange_outline){.columns = names, .column_count = count};
}

bool exchange_inspect(const struct desk *desk, struct slice text, const struct asker *asker,
                      struct arena *arena, struct exchange_outline *outline, struct error *error)
{
    enum admin_command command;
    struct grammar_match match;
    char *room = arena_alloc(arena, text.len);
    if (!admin_command_match(text, asker, room, &command, &match, error)) {
        return false;
    }
    if (command != ADMIN_COMMAND_COUNT) {
        columns_outline(admin_command_info(command)->columns, arena, outline);
        return true;
    }
    struct engine_statement *statement = select_prepare(desk, text, asker->schema, error);
    if (statement == NULL) {
        return false;
    }
    outline->parameter_count = engine_parameter_count(statement);
    outline->columns = engine_columns(statement, arena, &outline->column_count);
    engine_release(&statement);
    return true;
}
