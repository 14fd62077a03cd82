// From one configuration to the next: built and checked as a whole, then sent to every thread; or
// nothing is changed.
#include "proxy/server/process_priv.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"
#include "proxy/server/setup.h"

#include <stdio.h>

// --- versions ------------------------------------------------------------------------------------

static void version_release(struct config_version *version)
{
    config_unref(version->config);
    mem_free(version->changes);
}

static void version_add(struct process *process, const struct config *config, const char *origin,
                        char *changes)
{
    if (process->version_count == VERSIONS_MAX) {
        version_release(&process->versions[0]);
        memmove(process->versions, process->versions + 1,
                (VERSIONS_MAX - 1) * sizeof(process->versions[0]));
        process->version_count--;
    }
    process->versions[process->version_count++] = (struct config_version){
        .number = ++process->version_next,
        .at_us = clock_wall_us(),
        .origin = origin,
        .config = config_ref(config),
        .changes = changes,
    };
}

static const struct config *version_find(const struct process *process, uint64_t number)
{
    for (size_t i = 0; i < process->version_count; i++) {
        if (process->versions[i].number == number) {
            return config_ref(process->versions[i].config);
        }
    }
    return NULL;
}

void reload_begin(struct process *process)
{
    version_add(process, process->setup->config, "start", mem_text("", 0));
}

void reload_release(struct process *process)
{
    for (size_t i = 0; i < process->version_count; i++) {
        version_release(&process->versions[i]);
    }
}

// --- building ------------------------------------------------------------------------------------

static const struct config *config_wanted(struct process *process, struct control_reload *reload)
{
    const struct config *config = NULL;
    switch (reload->kind) {
    case CONTROL_RELOAD_FILE:
        return config_load(process->path, &reload->diagnostics);
    case CONTROL_RELOAD_OPTION:
        return config_set(process->setup->config, reload->path, reload->value,
                          &reload->diagnostics);
    case CONTROL_RELOAD_VERSION:
        config = version_find(process, reload->version);
        if (config == NULL) {
            diagnostics_add(&reload->diagnostics, DIAGNOSTIC_ERROR, process->path, 0,
                            "SHOW CONFIG VERSIONS lists those that are kept",
                            "there is no version %llu", (unsigned long long)reload->version);
        }
        return config;
    }
    return NULL;
}

static char *changes_text(const struct control_reload *reload)
{
    struct buffer text = BUFFER_INIT;
    for (size_t i = 0; i < reload->change_count; i++) {
        const struct config_change *change = &reload->changes[i];
        buffer_print(&text, "%s%.*s%s%.*s", i > 0 ? ", " : "", SLICE_ARG(change->section),
                     change->key.len > 0 ? "." : "", SLICE_ARG(change->key));
    }
    char *copy = slice_copy_text(buffer_slice(&text));
    buffer_release(&text);
    return copy;
}

static const char *origin_of(enum control_reload_kind kind)
{
    static const char *const origins[] = {
        [CONTROL_RELOAD_FILE] = "reload",
        [CONTROL_RELOAD_VERSION] = "version",
        [CONTROL_RELOAD_OPTION] = "set",
    };
    return origins[kind];
}

// --- putting to work -----------------------------------------------------------------------------

static void log_change(struct process *process, const struct config *config)
{
    struct error error;
    log_set_level(process->log, (enum log_level)config->log.level);
    log_set_format(process->log, (enum log_format)config->log.format);
    bool is_stderr = slice_equal(config->log.file, S("stderr"));
    bool is_same = slice_equal(config->log.file, process->setup->config->log.file);
    if (!is_same && !log_set_file(process->log, is_stderr ? NULL : config->log.file.ptr, &error)) {
        log_error(&process->source, "log.failed", kv_error("error", &error));
    }
}

static void setup_publish(struct process *process, struct worker_setup *setup)
{
    struct monitor_setup monitored = {.config = setup->config};
    memcpy(monitored.backend_tls, setup->backend_tls, sizeof(monitored.backend_tls));
    log_change(process, setup->config);
    metrics_resize(process->metrics, &setup->labels);
    for (unsigned i = 0; i < process->shared.count; i++) {
        worker_set_setup(process->shared.workers[i], setup);
    }
    monitor_set_setup(process->monitor, &monitored, &setup->labels);
    if (process->admin != NULL) {
        admin_set_tls(process->admin, setup->client_tls);
    }
    worker_setup_unref(process->setup);
    process->setup = setup;
}

// The configuration to put to work instead of the wanted one: what needs a restart waits for it.
static const struct config *config_applicable(const struct config *running,
                                              const struct config *wanted,
                                              struct diagnostics *diagnostics)
{
    struct diagnostics again = DIAGNOSTICS_INIT; // what is to be said of `wanted` was said
    const struct config *config = config_follow(running, wanted, CONFIG_OPEN, &again);
    for (size_t i = 0; i < again.count && config == NULL; i++) {
        const struct diagnostic *item = &again.items[i];
        if (item->severity == DIAGNOSTIC_ERROR) {
            diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, running->file, item->line,
                            "it does not go with what stands until a restart", "%s", item->text);
        }
    }
    diagnostics_release(&again);
    return config;
}

static size_t live_count(const struct control_reload *reload)
{
    size_t count = 0;
    for (size_t i = 0; i < reload->change_count; i++) {
        count += reload->changes[i].is_live ? 1 : 0;
    }
    return count;
}

static bool reload_put(struct process *process, struct control_reload *reload,
                       const struct config *config)
{
    if (!setup_can_follow(process->setup->config, config, &reload->diagnostics)) {
        return false;
    }
    struct worker_setup *setup = setup_make(config, process->setup, &reload->diagnostics);
    if (setup == NULL) {
        return false;
    }
    if (reload->is_dry_run) {
        worker_setup_unref(setup);
        return true;
    }
    if (live_count(reload) > 0) { // else there would be nothing to go back to
        version_add(process, config, origin_of(reload->kind), changes_text(reload));
    }
    setup_publish(process, setup);
    return true;
}

static bool reload_apply(struct process *process, struct control_reload *reload,
                         const struct config *wanted)
{
    const struct config *running = process->setup->config;
    reload->changes = config_diff(running, wanted, &reload->arena, &reload->change_count);
    const struct config *config = config_applicable(running, wanted, &reload->diagnostics);
    bool is_done = config != NULL && reload_put(process, reload, config);
    config_unref(config);
    return is_done;
}

static void outcome_print(const struct control_reload *reload, bool is_done, char *text,
                          size_t size)
{
    size_t live = live_count(reload);
    if (!is_done) {
        snprintf(text, size, "refused for %zu mistakes", reload->diagnostics.errors);
    } else if (live == reload->change_count) {
        snprintf(text, size, "%zu changes are in effect", live);
    } else {
        snprintf(text, size, "%zu changes are in effect, %zu after a restart", live,
                 reload->change_count - live);
    }
}

void reload_run(struct process *process, struct control_reload *reload)
{
    const struct config *config = config_wanted(process, reload);
    bool is_done = config != NULL && reload_apply(process, reload, config);
    config_unref(config);
    if (!reload->is_dry_run) {
        char text[128];
        outcome_print(reload, is_done, text, sizeof(text));
        events_add(process, is_done ? "config.reloaded" : "config.refused", SLICE_NONE, text);
        log_info(&process->source, is_done ? "config.reloaded" : "config.refused",
                 kv_str("text", text));
        metric_add(process->metrics, METRIC_CONFIG_RELOADS, 1,
                   is_done ? METRIC_RELOAD_OK : METRIC_RELOAD_REFUSED);
    }
    if (!is_done) {
        error_set(&reload->call.error, 1105, NULL,
                  "the configuration was refused; nothing changed");
    }
    reload->call.done(&reload->call);
}

// --- by signal -----------------------------------------------------------------------------------

static void signal_done(struct control_call *call)
{
    (void)call;
}

void reload_by_signal(struct process *process)
{
    struct control_reload reload = {
        .kind = CONTROL_RELOAD_FILE,
        .diagnostics = DIAGNOSTICS_INIT,
        .arena = ARENA_INIT,
        .call = {.done = signal_done},
    };
    struct error error;
    if (!log_reopen(process->log, &error)) {
        log_error(&process->source, "log.failed", kv_error("error", &error));
    }
    reload_run(process, &reload);
    for (size_t i = 0; i < reload.diagnostics.count; i++) {
        const struct diagnostic *item = &reload.diagnostics.items[i];
        log_warn(&process->source, "config.diagnostic",
                 kv_str("text", diagnostics_text(&reload.diagnostics, item)));
    }
    diagnostics_release(&reload.diagnostics);
    arena_release(&reload.arena);
}
