#include "proxy/admin/exchange_priv.h"

#include "proxy/admin/explain.h"
#include "proxy/admin/fault.h"

// --- orders -------------------------------------------------------------------------------------

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
    admin_command_help(grammar_value(&exchange->match, "topic"), &exchange->answer.table);
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

// --- which is which -----------------------------------------------------------------------------

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

// What was done and by whom, without what was said: a value may be a secret.
static void command_log(const struct exchange *exchange)
{
    const struct grammar_match *match = &exchange->match;
    struct slice on = match->captures_count > 0 ? match->captures[0].value : SLICE_NONE;
    log_info(exchange->desk->log, "admin.command",
             kv_slice("command", admin_command_info(exchange->command)->name),
             kv_slice("on", slice_first(on, 128)), kv_slice("user", exchange->asker.user),
             kv_slice("peer", exchange->asker.host));
}

void exchange_command_run(struct exchange *exchange)
{
    if (admin_command_info(exchange->command)->right == ADMIN_COMMAND) {
        command_log(exchange);
    }
    runs[exchange->command](exchange);
}
