#include "proxy/admin/exchange.h"

#include "proxy/admin/admin_command.h"
#include "proxy/admin/explain.h"
#include "proxy/admin/fault.h"
#include "proxy/admin/fill.h"
#include "proxy/admin/request.h"
#include "proxy/admin/show.h"
#include "proxy/base/memory.h"

#include <assert.h>

struct exchange {
    const struct desk *desk;
    struct arena arena; // text, parameters, values of the command
    struct asker asker;
    exchange_fn *done;
    void *owner;
    struct loop_task task; // tells the answer

    // A command, else a select.
    enum admin_command command;
    struct grammar_match match;
    struct engine_statement *statement;
    const struct cell *parameters;

    // At most one of these is out.
    struct gathering *gathering;
    struct order *order;

    struct exchange_answer answer;
};

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

// The answer stands; it is told at the end of the turn.
static void exchange_end(struct exchange *exchange)
{
    loop_defer(exchange->desk->loop, &exchange->task);
}

static void exchange_fail(struct exchange *exchange, struct slice text)
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

// --- commands that order something --------------------------------------------------------------

// An error of control's has no "sluice:" of its own.
static void order_error(struct exchange *exchange, const struct error *error)
{
    error_set(&exchange->answer.error, error->code, "", "sluice: %s", error->text);
}

static void order_done(void *owner, struct control_reload *reload)
{
    struct exchange *exchange = owner;
    exchange->order = NULL;
    if (reload == NULL) {
        exchange_fail(exchange, S("no answer yet; what was asked for may still be done"));
        return;
    }
    if (reload->call.error.code != 0) {
        order_error(exchange, &reload->call.error);
    }
    exchange_end(exchange);
}

static void command_order(struct exchange *exchange, order_start_fn *start, order_fn *done)
{
    exchange->order = order_start(exchange->desk, start, exchange, done, exchange);
}

static void pause_order(const struct control *control, struct control_reload *reload,
                        void *argument)
{
    (void)argument;
    control->pause(control->context, &reload->call);
}

static void resume_order(const struct control *control, struct control_reload *reload,
                         void *argument)
{
    (void)argument;
    control->resume(control->context, &reload->call);
}

static void shutdown_order(const struct control *control, struct control_reload *reload,
                           void *argument)
{
    (void)argument;
    control->shutdown(control->context, &reload->call);
}

static void pause_run(struct exchange *exchange)
{
    exchange->answer.info = S("statements are held until RESUME");
    command_order(exchange, pause_order, order_done);
}

static void resume_run(struct exchange *exchange)
{
    exchange->answer.info = S("statements go on");
    command_order(exchange, resume_order, order_done);
}

static void shutdown_run(struct exchange *exchange)
{
    exchange->answer.info = S("draining, then stopping");
    command_order(exchange, shutdown_order, order_done);
}

static void backend_order(const struct control *control, struct control_reload *reload,
                          void *argument)
{
    const struct grammar_match *match = &((const struct exchange *)argument)->match;
    enum control_backend what = grammar_has(match, "DRAIN")     ? CONTROL_BACKEND_DRAIN
                                : grammar_has(match, "OFFLINE") ? CONTROL_BACKEND_OFFLINE
                                                                : CONTROL_BACKEND_ONLINE;
    control->set_backend(control->context, &reload->call,
                         order_keep(reload, grammar_value(match, "backend")), what);
}

static void set_backend_run(struct exchange *exchange)
{
    const struct desk *desk = exchange->desk;
    struct control_state state;
    struct slice name = grammar_value(&exchange->match, "backend");
    desk->control->state(desk->control->context, &state);
    if (config_backend(state.config, name) < 0) {
        error_set(&exchange->answer.error, error_row_code(ERROR_ROW_ADMIN_FAILED, false)->number,
                  "", "sluice: there is no backend '%.*s'; SHOW BACKENDS lists them",
                  SLICE_ARG(slice_first(name, 64)));
        exchange_end(exchange);
        return;
    }
    command_order(exchange, backend_order, order_done);
}

static void kill_order(const struct control *control, struct control_reload *reload, void *argument)
{
    const struct grammar_match *match = &((const struct exchange *)argument)->match;
    uint64_t id = 0;
    slice_to_u64(grammar_value(match, "id"), &id);
    control->kill(control->context, &reload->call, id, grammar_has(match, "QUERY"));
}

static void kill_run(struct exchange *exchange)
{
    uint64_t id;
    if (!slice_to_u64(grammar_value(&exchange->match, "id"), &id)) {
        fault_set(&exchange->answer.error, ADMIN_SYNTAX,
                  SLICE_ARG(S("a session's id is a number; SHOW SESSIONS lists them")));
        exchange_end(exchange);
        return;
    }
    command_order(exchange, kill_order, order_done);
}

// --- RELOAD and SET -----------------------------------------------------------------------------

// All that was found, one to a line, errors first of all.
static void diagnostics_tell(struct exchange *exchange, struct diagnostics *diagnostics)
{
    struct buffer text = BUFFER_INIT;
    for (size_t i = 0; i < diagnostics->count; i++) {
        if (diagnostics->items[i].severity == DIAGNOSTIC_ERROR) {
            buffer_print(&text, "%s%s", buffer_is_empty(&text) ? "" : "\n",
                         diagnostics_text(diagnostics, &diagnostics->items[i]));
        }
    }
    fault_set(&exchange->answer.error, ADMIN_FAILED, SLICE_ARG(buffer_slice(&text)));
    buffer_release(&text);
}

// Whether it was carried out (or, for a dry run, could be).
static bool reload_is_good(struct exchange *exchange, struct control_reload *reload)
{
    if (reload == NULL) {
        fault_set(&exchange->answer.error, ADMIN_FAILED,
                  SLICE_ARG(S("no answer yet; what was asked for may still be done")));
        return false;
    }
    if (reload->diagnostics.errors > 0) {
        diagnostics_tell(exchange, &reload->diagnostics);
        return false;
    }
    if (reload->call.error.code != 0) {
        order_error(exchange, &reload->call.error);
        return false;
    }
    return true;
}

static void change_add(struct table *table, const struct config_change *change)
{
    static const struct slice whole[] = {
        [CONFIG_ADDED] = SLICE_INIT("added"),
        [CONFIG_REMOVED] = SLICE_INIT("removed"),
        [CONFIG_MOVED] = SLICE_INIT("moved"),
    };
    bool is_option = change->kind == CONFIG_CHANGED;
    struct slice effect = change->is_live ? S("now") : S("after a restart");
    table_add(table, (struct cell[]){
                         cell_text(change->section),
                         cell_text_or_null(change->key),
                         is_option ? cell_text(change->before) : (struct cell){.kind = CELL_NULL},
                         cell_text(is_option ? change->after : whole[change->kind]),
                         cell_text(effect),
                     });
}

static void reload_done(void *owner, struct control_reload *reload)
{
    struct exchange *exchange = owner;
    exchange->order = NULL;
    if (reload_is_good(exchange, reload)) {
        struct table *table = &exchange->answer.table;
        table_columns_list(table, admin_command_info(ADMIN_COMMAND_RELOAD)->columns);
        for (size_t i = 0; i < reload->change_count; i++) {
            change_add(table, &reload->changes[i]);
        }
    }
    exchange_end(exchange);
}

static void reload_order(const struct control *control, struct control_reload *reload,
                         void *argument)
{
    const struct grammar_match *match = &((const struct exchange *)argument)->match;
    reload->is_dry_run = grammar_has(match, "DRY");
    if (slice_to_u64(grammar_value(match, "version"), &reload->version)) {
        reload->kind = CONTROL_RELOAD_VERSION;
    }
    control->reload(control->context, reload);
}

static void reload_run(struct exchange *exchange)
{
    struct slice version = grammar_value(&exchange->match, "version");
    uint64_t number;
    if (version.ptr != NULL && !slice_to_u64(version, &number)) {
        fault_set(&exchange->answer.error, ADMIN_SYNTAX,
                  SLICE_ARG(S("a version is a number; SHOW CONFIG VERSIONS lists them")));
        exchange_end(exchange);
        return;
    }
    command_order(exchange, reload_order, reload_done);
}

static void option_done(void *owner, struct control_reload *reload)
{
    struct exchange *exchange = owner;
    exchange->order = NULL;
    if (reload_is_good(exchange, reload)) {
        exchange->answer.info = reload->change_count > 0 ? S("changed until the next RELOAD")
                                                         : S("it had that value already");
    }
    exchange_end(exchange);
}

static void option_order(const struct control *control, struct control_reload *reload,
                         void *argument)
{
    const struct grammar_match *match = &((const struct exchange *)argument)->match;
    reload->kind = CONTROL_RELOAD_OPTION;
    reload->path = order_keep(reload, grammar_value(match, "section.key"));
    reload->value = order_keep(reload, grammar_value(match, "value"));
    control->reload(control->context, reload);
}

static void set_option_run(struct exchange *exchange)
{
    command_order(exchange, option_order, option_done);
}

// --- commands that answer at once ---------------------------------------------------------------

static void nothing_run(struct exchange *exchange)
{
    exchange_end(exchange);
}

static void help_run(struct exchange *exchange)
{
    admin_command_help(&exchange->answer.table);
    exchange_end(exchange);
}

static void use_run(struct exchange *exchange)
{
    static const enum view_schema schemas[] = {VIEW_SCHEMA_SLUICE, VIEW_SCHEMA_INFORMATION_SCHEMA};
    struct slice wanted = grammar_value(&exchange->match, "schema");
    for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++) {
        if (slice_equal_nocase(view_schema_name(schemas[i]), wanted)) {
            exchange->answer.schema = view_schema_name(schemas[i]);
            exchange_end(exchange);
            return;
        }
    }
    exchange_fail(exchange, S("there are two schemas here: sluice and information_schema"));
}

static void explain_gathered(void *owner, struct control_gather *gather)
{
    struct exchange *exchange = owner;
    const struct desk *desk = exchange->desk;
    const struct grammar_match *match = &exchange->match;
    struct control_state state;
    exchange->gathering = NULL;
    if (gather == NULL) {
        exchange_fail(exchange, S("a thread of sluice did not answer in time"));
        return;
    }
    desk->control->state(desk->control->context, &state);
    struct explain_question question = {
        .user = grammar_value(match, "user"),
        .schema = grammar_value(match, "schema"),
        .text = grammar_value(match, "statement"),
        .state = &state,
        .metrics = gather->metrics,
    };
    table_columns_list(&exchange->answer.table,
                       admin_command_info(ADMIN_COMMAND_EXPLAIN_ROUTE)->columns);
    if (!explain_route(&question, &exchange->answer.table, &exchange->answer.error)) {
        table_release(&exchange->answer.table);
    }
    exchange_end(exchange);
}

static void explain_run(struct exchange *exchange)
{
    exchange->gathering = gathering_start(exchange->desk, 0, true, explain_gathered, exchange);
}

// --- starting -----------------------------------------------------------------------------------

// Commands that are to come have none: admin_command_match() has said so.
static void (*const runs[ADMIN_COMMAND_COUNT])(struct exchange *exchange) = {
    [ADMIN_COMMAND_EXPLAIN_ROUTE] = explain_run,
    [ADMIN_COMMAND_RELOAD] = reload_run,
    [ADMIN_COMMAND_SET_BACKEND] = set_backend_run,
    [ADMIN_COMMAND_SET_OPTION] = set_option_run,
    [ADMIN_COMMAND_KILL] = kill_run,
    [ADMIN_COMMAND_PAUSE] = pause_run,
    [ADMIN_COMMAND_RESUME] = resume_run,
    [ADMIN_COMMAND_SHUTDOWN] = shutdown_run,
    [ADMIN_COMMAND_HELP] = help_run,
    [ADMIN_COMMAND_USE] = use_run,
    [ADMIN_COMMAND_SET] = nothing_run,
    [ADMIN_COMMAND_TRANSACTION] = nothing_run,
};

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
        runs[exchange->command](exchange);
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
