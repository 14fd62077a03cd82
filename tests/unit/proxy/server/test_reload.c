// From one configuration to the next, without workers: what is built, published and kept, and what
// the view `events` and the log say of it.
#include "proxy/server/process_priv.h"

#include "proxy/server/setup.h"

#include "proxy/admin/rows.h"
#include "proxy/base/memory.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/file.h"

#include <stdio.h>
#include <string.h>

struct bench {
    struct process process;
    char folder[FILE_PATH_SIZE];
    char path[FILE_PATH_SIZE + 16]; // proxy.ini
    struct control_reload reload;   // the last one
    int done;
};

static const char first[] = "[backend:db1]\naddress = 10.0.0.1:3306\nweight = 10\n"
                            "[log]\nlevel = info\n";
static const char second[] = "[backend:db1]\naddress = 10.0.0.1:3306\nweight = 20\n"
                             "[log]\nlevel = warn\n";
static const char wrong[] = "[backend:db1]\naddress = 10.0.0.1:3306\nwieght = 20\n";

// --- the bench -----------------------------------------------------------------------------------

static void on_topology(void *context, struct topology *topology)
{
    (void)context;
    (void)topology;
}

static void on_catalogue(void *context, const struct catalogue *catalogue)
{
    (void)context;
    (void)catalogue;
}

static void on_event(void *context, const char *kind, int server, const char *text)
{
    (void)context;
    (void)kind;
    (void)server;
    (void)text;
}

static void ini_write(struct bench *bench, const char *text)
{
    file_write(bench->path, slice_text(text));
}

static struct bench *bench_create(void)
{
    struct bench *bench = mem_zero(1, sizeof(*bench));
    struct process *process = &bench->process;
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    folder_create(bench->folder);
    snprintf(bench->path, sizeof(bench->path), "%s/proxy.ini", bench->folder);
    ini_write(bench, first);
    const struct config *config = config_load(bench->path, &diagnostics);
    assert_non_null(config);
    process->path = bench->path;
    process->log = log_create_capture(LOG_INFO, LOG_TEXT);
    process->source.log = process->log;
    process->setup = setup_make(config, NULL, &diagnostics);
    assert_non_null(process->setup);
    process->metrics = metrics_create(&process->setup->labels);
    process->monitor = monitor_create(&(struct monitor_settings){
        .log = process->log,
        .labels = &process->setup->labels,
        .setup = {.config = config},
        .on_topology = on_topology,
        .on_catalogue = on_catalogue,
        .on_event = on_event,
    });
    reload_begin(process);
    config_unref(config);
    diagnostics_release(&diagnostics);
    return bench;
}

static void reload_forget(struct bench *bench)
{
    diagnostics_release(&bench->reload.diagnostics);
    arena_release(&bench->reload.arena);
}

static void bench_destroy(struct bench *bench)
{
    struct process *process = &bench->process;
    reload_forget(bench);
    monitor_stop(process->monitor);
    monitor_destroy(process->monitor);
    reload_release(process);
    worker_setup_unref(process->setup);
    metrics_destroy(process->metrics);
    log_destroy(process->log);
    folder_remove(bench->folder);
    mem_free(bench);
}

static void done(struct control_call *call)
{
    container_of(call, struct bench, reload.call)->done++;
}

// Carries it out; whether the new configuration is at work.
static bool run(struct bench *bench, struct control_reload reload)
{
    reload_forget(bench);
    bench->reload = reload;
    bench->reload.call.done = done;
    bench->done = 0;
    reload_run(&bench->process, &bench->reload);
    assert_int_equal(bench->done, 1);
    return bench->reload.call.error.code == 0;
}

static bool run_file(struct bench *bench)
{
    return run(bench, (struct control_reload){.kind = CONTROL_RELOAD_FILE});
}

static uint32_t weight(const struct bench *bench)
{
    return bench->process.setup->config->backends[0].weight;
}

static const struct config_version *last_version(const struct bench *bench)
{
    return &bench->process.versions[bench->process.version_count - 1];
}

static const struct process_event *last_event(const struct bench *bench)
{
    return &bench->process.events[(bench->process.event_count - 1) % EVENTS_MAX];
}

// --- tests ---------------------------------------------------------------------------------------

static void the_file_is_read_again(void **state)
{
    struct bench *bench = bench_create();
    (void)state;
    ini_write(bench, second);
    assert_true(run_file(bench));
    assert_int_equal(weight(bench), 20);
    assert_int_equal(bench->reload.change_count, 2);
    assert_int_equal(bench->process.version_count, 2);
    assert_int_equal(last_version(bench)->number, 2);
    assert_string_equal(last_version(bench)->origin, "reload");
    assert_non_null(strstr(last_version(bench)->changes, "backend:db1.weight"));
    assert_non_null(strstr(last_version(bench)->changes, "log.level"));
    assert_string_equal(last_event(bench)->kind, "config.reloaded");
    assert_string_equal(last_event(bench)->text, "2 changes are in effect");
    assert_int_equal(metric_get(bench->process.metrics, METRIC_CONFIG_RELOADS, METRIC_RELOAD_OK),
                     1);
    bench_destroy(bench);
}

static void a_wrong_file_changes_nothing(void **state)
{
    struct bench *bench = bench_create();
    (void)state;
    struct worker_setup *before = bench->process.setup;
    ini_write(bench, wrong);
    assert_false(run_file(bench));
    assert_ptr_equal(bench->process.setup, before);
    assert_int_equal(bench->process.version_count, 1);
    assert_int_equal(bench->reload.diagnostics.errors, 1);
    assert_int_equal(bench->reload.diagnostics.items[0].line, 3);
    assert_string_equal(last_event(bench)->kind, "config.refused");
    assert_string_equal(last_event(bench)->text, "refused for 1 mistakes");
    assert_int_equal(
        metric_get(bench->process.metrics, METRIC_CONFIG_RELOADS, METRIC_RELOAD_REFUSED), 1);
    bench_destroy(bench);
}

// Each part is good by itself; what is refused is the step from one to the other, or what the file
// names.
static void what_cannot_follow_or_cannot_be_made_changes_nothing(void **state)
{
    static const char *const texts[] = {
        "[backend:other]\naddress = 10.0.0.1:3306\n",
        "[backend:db1]\naddress = 10.0.0.1:3306\n[rule:r]\nmatch = (\n",
    };
    struct bench *bench = bench_create();
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct worker_setup *before = bench->process.setup;
        ini_write(bench, texts[i]);
        assert_false(run_file(bench));
        assert_true(bench->reload.diagnostics.errors > 0);
        assert_ptr_equal(bench->process.setup, before);
        assert_int_equal(bench->process.version_count, 1);
    }
    bench_destroy(bench);
}

static void a_dry_run_tells_what_would_change_and_leaves_no_trace(void **state)
{
    struct bench *bench = bench_create();
    (void)state;
    ini_write(bench, second);
    assert_true(run(bench, (struct control_reload){.is_dry_run = true}));
    assert_int_equal(bench->reload.change_count, 2);
    assert_int_equal(weight(bench), 10);
    ini_write(bench, wrong);
    assert_false(run(bench, (struct control_reload){.is_dry_run = true}));
    assert_int_equal(bench->process.version_count, 1);
    assert_int_equal(bench->process.event_count, 0);
    bench_destroy(bench);
}

static void one_option_is_set(void **state)
{
    struct bench *bench = bench_create();
    struct control_reload reload = {
        .kind = CONTROL_RELOAD_OPTION, .path = S("backend:db1.weight"), .value = S("33")};
    (void)state;
    assert_true(run(bench, reload));
    assert_int_equal(weight(bench), 33);
    assert_string_equal(last_version(bench)->origin, "set");
    reload.value = S("heavy");
    assert_false(run(bench, reload));
    reload.path = S("backend:db1.wieght");
    assert_false(run(bench, reload));
    assert_int_equal(weight(bench), 33);
    bench_destroy(bench);
}

static void what_needs_a_restart_waits_for_it(void **state)
{
    static const char more[] = "[backend:db1]\naddress = 10.0.0.1:3306\nweight = 20\n"
                               "[proxy]\nworkers = 7\n";
    struct bench *bench = bench_create();
    const struct process *process = &bench->process;
    (void)state;
    ini_write(bench, more);
    for (unsigned i = 0; i < 2; i++) { // it is told until it is done
        assert_true(run_file(bench));
        assert_int_equal(bench->reload.change_count, 2 - i);
        assert_false(bench->reload.changes[0].is_live);
        assert_string_equal(bench->reload.changes[0].key.ptr, "workers");
        assert_string_equal(last_event(bench)->text,
                            i == 0 ? "1 changes are in effect, 1 after a restart"
                                   : "0 changes are in effect, 1 after a restart");
        assert_int_equal(process->setup->config->proxy.workers, 0);
        assert_int_equal(weight(bench), 20);
    }
    bench_destroy(bench);
}

static void what_does_not_go_with_what_waits_changes_nothing(void **state)
{
    static const char open[] = "[admin]\nlisten = 0.0.0.0:6032\npassword = secret\n";
    struct bench *bench = bench_create();
    struct buffer text = BUFFER_INIT;
    (void)state;
    buffer_print(&text, "%s%s", first, open);
    const struct config *config =
        config_parse(buffer_slice(&text), bench->path, CONFIG_SEALED, &bench->reload.diagnostics);
    worker_setup_unref(bench->process.setup);
    bench->process.setup = setup_make(config, NULL, &bench->reload.diagnostics);
    assert_false(run_file(bench)); // which would take the password away
    assert_int_equal(bench->reload.diagnostics.errors, 1);
    assert_string_equal(bench->reload.diagnostics.items[0].hint,
                        "it does not go with what stands until a restart");
    assert_ptr_equal(bench->process.setup->config, config);
    config_unref(config);
    buffer_release(&text);
    bench_destroy(bench);
}

static void an_earlier_version_can_be_had_back(void **state)
{
    struct bench *bench = bench_create();
    (void)state;
    ini_write(bench, second);
    assert_true(run_file(bench));
    struct control_reload back = {.kind = CONTROL_RELOAD_VERSION, .version = 1};
    assert_true(run(bench, back));
    assert_int_equal(weight(bench), 10);
    assert_int_equal(last_version(bench)->number, 3); // a new one, made of the first
    assert_string_equal(last_version(bench)->origin, "version");
    back.version = 4;
    assert_false(run(bench, back));
    assert_int_equal(weight(bench), 10);
    bench_destroy(bench);
}

static void only_so_many_versions_are_kept(void **state)
{
    struct bench *bench = bench_create();
    (void)state;
    for (int i = 1; i <= VERSIONS_MAX; i++) {
        char value[16];
        int len = snprintf(value, sizeof(value), "%d", 50 + i);
        assert_true(run(bench, (struct control_reload){.kind = CONTROL_RELOAD_OPTION,
                                                       .path = S("backend:db1.weight"),
                                                       .value = slice_make(value, (size_t)len)}));
    }
    assert_int_equal(bench->process.version_count, VERSIONS_MAX);
    assert_int_equal(bench->process.versions[0].number, 2);
    assert_int_equal(last_version(bench)->number, VERSIONS_MAX + 1);
    struct control_reload back = {.kind = CONTROL_RELOAD_VERSION, .version = 1};
    assert_false(run(bench, back));
    back.version = 2;
    assert_true(run(bench, back));
    assert_int_equal(weight(bench), 51);
    bench_destroy(bench);
}

// SIGHUP has nobody to tell: what comes of it is in the log.
static void a_signal_reads_the_file_and_logs_what_is_wrong(void **state)
{
    struct bench *bench = bench_create();
    (void)state;
    ini_write(bench, wrong);
    reload_by_signal(&bench->process);
    char *lines = log_captured(bench->process.log);
    assert_non_null(strstr(lines, "config.refused"));
    assert_non_null(strstr(lines, "config.diagnostic"));
    assert_non_null(strstr(lines, "wieght"));
    mem_free(lines);
    ini_write(bench, second);
    reload_by_signal(&bench->process);
    assert_int_equal(weight(bench), 20);
    bench_destroy(bench);
}

static void the_log_follows_its_options(void **state)
{
    struct bench *bench = bench_create();
    (void)state;
    ini_write(bench, second); // level = warn
    assert_true(run_file(bench));
    mem_free(log_captured(bench->process.log));
    log_info(&bench->process.source, "not.seen");
    log_warn(&bench->process.source, "seen");
    char *lines = log_captured(bench->process.log);
    assert_null(strstr(lines, "not.seen"));
    assert_non_null(strstr(lines, "seen"));
    mem_free(lines);
    bench_destroy(bench);
}

// --- events --------------------------------------------------------------------------------------

static void of_events_the_latest_are_shown_the_oldest_first(void **state)
{
    enum { MORE = 5 };
    struct bench *bench = bench_create();
    struct view_rows rows;
    (void)state;
    for (int i = 0; i < EVENTS_MAX + MORE; i++) {
        char text[32];
        snprintf(text, sizeof(text), "event %d", i);
        events_add(&bench->process, "test", i == MORE ? S("db1") : SLICE_NONE, text);
    }
    view_rows_init(&rows, VIEW_EVENTS);
    events_show(&bench->process, &rows);
    struct cell cells[VIEW_EVENTS_WIDTH];
    struct view_walk walk = view_walk(&rows);
    size_t count = 0;
    while (view_walk_next(&walk, cells)) {
        char expected[32];
        snprintf(expected, sizeof(expected), "event %zu", MORE + count);
        assert_true(slice_equal(cells[VIEW_EVENTS_TEXT].text, slice_text(expected)));
        assert_int_equal(cells[VIEW_EVENTS_BACKEND].kind, count == 0 ? CELL_TEXT : CELL_NULL);
        count++;
    }
    assert_int_equal(count, EVENTS_MAX);
    view_rows_release(&rows);
    bench_destroy(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_is_read_again),
        cmocka_unit_test(a_wrong_file_changes_nothing),
        cmocka_unit_test(what_cannot_follow_or_cannot_be_made_changes_nothing),
        cmocka_unit_test(a_dry_run_tells_what_would_change_and_leaves_no_trace),
        cmocka_unit_test(one_option_is_set),
        cmocka_unit_test(what_needs_a_restart_waits_for_it),
        cmocka_unit_test(what_does_not_go_with_what_waits_changes_nothing),
        cmocka_unit_test(an_earlier_version_can_be_had_back),
        cmocka_unit_test(only_so_many_versions_are_kept),
        cmocka_unit_test(a_signal_reads_the_file_and_logs_what_is_wrong),
        cmocka_unit_test(the_log_follows_its_options),
        cmocka_unit_test(of_events_the_latest_are_shown_the_oldest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
