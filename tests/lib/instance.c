#include "tests/lib/instance.h"

#include "proxy/base/memory.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/http.h"
#include "tests/lib/ini.h"
#include "tests/lib/wait.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS_MAX = 32, STOP_MS = 60000, SURPRISES_SHOWN = 10 };

// --- its proxy.ini ------------------------------------------------------------------------------

// MySQL's accounts want TLS or RSA at the first login: one server is reached by nothing but TLS.
static void backends_set(struct ini *ini, const struct stack *stack)
{
    for (size_t i = 0; stack != NULL && i < stack->count; i++) {
        char section[INI_NAME_SIZE];
        snprintf(section, sizeof(section), "backend:%s", stack->servers[i].name);
        ini_set(ini, section, "address", "127.0.0.1:%u", stack->servers[i].port);
        if (stack->kind == SERVERS_MYSQL && i == 2) {
            ini_set(ini, section, "tls", "required");
        }
    }
}

static void defaults_set(struct ini *ini, const struct instance *instance)
{
    ini_set(ini, "proxy", "listen", "127.0.0.1:%u, %s", instance->port, instance->socket);
    ini_set(ini, "proxy", "workers", "2");
    ini_set(ini, "user:app", "password", "app-secret");
    ini_set(ini, "monitor", "user", "monitor");
    ini_set(ini, "monitor", "password", "monitor-secret");
    ini_set(ini, "monitor", "interval", "50ms");
    ini_set(ini, "monitor", "max_lag", "10m");          // machines are busy
    ini_set(ini, "routing", "consistency_wait", "10s"); // and replicas too
    ini_set(ini, "admin", "listen", "127.0.0.1:%u", instance->admin_port);
    ini_set(ini, "admin", "http_listen", "127.0.0.1:%u", instance->http_port);
    ini_set(ini, "log", "format", "json");
    ini_set(ini, "log", "file", "%s", instance->log);
    ini_set(ini, "log", "slow_query", "1h"); // machines are busy
}

void instance_rewrite(struct instance *instance, const struct stack *stack,
                      const char *const changes[])
{
    struct ini *ini = ini_create();
    defaults_set(ini, instance);
    backends_set(ini, stack);
    for (size_t i = 0; changes != NULL && changes[i] != NULL; i++) {
        ini_change(ini, changes[i]);
    }
    buffer_clear(&instance->ini);
    ini_print(ini, &instance->ini);
    ini_destroy(ini);
    char path[FILE_PATH_SIZE + 16];
    snprintf(path, sizeof(path), "%s/proxy.ini", instance->folder);
    file_write(path, buffer_slice(&instance->ini));
}

// --- its log ------------------------------------------------------------------------------------

// Calls `fn` for each line; false from it ends the walk.
typedef bool log_line_fn(void *user, const json_t *line);

static void log_each(const struct instance *instance, log_line_fn *fn, void *user)
{
    struct buffer content = BUFFER_INIT;
    file_read(instance->log, &content);
    struct slice rest = buffer_slice(&content), text;
    bool goes_on = true;
    while (goes_on && slice_cut(&rest, '\n', &text) && rest.ptr != NULL) {
        json_t *line = json_loadb(text.ptr, text.len, 0, NULL);
        if (line == NULL) {
            fail_msg("a log line that is no JSON: %.*s", SLICE_ARG(text));
        }
        goes_on = fn(user, line);
        json_decref(line);
    }
    buffer_release(&content);
}

static const char *member(const json_t *line, const char *name)
{
    const char *text = json_string_value(json_object_get(line, name));
    return text != NULL ? text : "";
}

struct event_search {
    const char *event;
    size_t count;
};

static bool event_count_one(void *user, const json_t *line)
{
    struct event_search *search = user;
    search->count += strcmp(member(line, "event"), search->event) == 0;
    return true;
}

size_t instance_event_count(const struct instance *instance, const char *event)
{
    struct event_search search = {event, 0};
    log_each(instance, event_count_one, &search);
    return search.count;
}

static bool is_expected(const char *event, const char *const expected[])
{
    for (size_t i = 0; expected != NULL && expected[i] != NULL; i++) {
        size_t len = strlen(expected[i]);
        bool is_prefix = len > 0 && expected[i][len - 1] == '*';
        if (is_prefix ? strncmp(event, expected[i], len - 1) == 0
                      : strcmp(event, expected[i]) == 0) {
            return true;
        }
    }
    return false;
}

struct surprise_search {
    const char *const *expected;
    size_t count;
};

static bool surprise_show(void *user, const json_t *line)
{
    struct surprise_search *search = user;
    const char *level = member(line, "level");
    if ((strcmp(level, "warn") == 0 || strcmp(level, "error") == 0) &&
        !is_expected(member(line, "event"), search->expected)) {
        search->count++;
        if (search->count > SURPRISES_SHOWN) {
            return true;
        }
        char *text = json_dumps(line, 0);
        fprintf(stderr, "surprise in the log: %.1000s\n", text);
        free(text);
    }
    return true;
}

// --- life ---------------------------------------------------------------------------------------

static void output_path(const struct instance *instance, char *out, size_t size)
{
    snprintf(out, size, "%s/output", instance->folder);
}

static void show_file(const char *path)
{
    struct buffer content = BUFFER_INIT;
    file_read(path, &content);
    // Not by cmocka's own, which cuts at 1024 bytes.
    fprintf(stderr, "%s:\n%.*s\n", path, SLICE_ARG(buffer_slice(&content)));
    buffer_release(&content);
}

static void fail_with_output(struct instance *instance, const char *what)
{
    char path[FILE_PATH_SIZE + 16];
    output_path(instance, path, sizeof(path));
    show_file(path);
    show_file(instance->log);
    instance_kill(instance);
    fail_msg("sluice %s", what);
}

struct port_search {
    const char *kind;
    uint16_t port;
};

static bool port_take(void *user, const json_t *line)
{
    struct port_search *search = user;
    const char *colon = strrchr(member(line, "address"), ':');
    if (strcmp(member(line, "event"), "proxy.listening") == 0 && colon != NULL &&
        strcmp(member(line, "for"), search->kind) == 0) {
        search->port = (uint16_t)strtoul(colon + 1, NULL, 10);
    }
    return search->port == 0;
}

static uint16_t port_of(const struct instance *instance, const char *kind)
{
    struct port_search search = {kind, 0};
    log_each(instance, port_take, &search);
    return search.port;
}

// The ports stand in the log once everything listens.
static bool ports_known(struct instance *instance)
{
    instance->port = port_of(instance, "clients");
    instance->admin_port = port_of(instance, "admin");
    instance->http_port = port_of(instance, "http");
    return instance->port != 0 && instance->admin_port != 0 && instance->http_port != 0;
}

static struct instance *instance_create(void)
{
    struct instance *instance = mem_zero(1, sizeof(*instance));
    folder_create(instance->folder);
    int len = snprintf(instance->log, sizeof(instance->log), "%s/log", instance->folder);
    assert_true(len < FILE_PATH_SIZE);
    len = snprintf(instance->socket, sizeof(instance->socket), "%s/socket", instance->folder);
    assert_true(len < FILE_PATH_SIZE);
    return instance;
}

static void launch(struct instance *instance, const char *const prefix[],
                   const char *const environment[])
{
    char ini[FILE_PATH_SIZE + 16], output[FILE_PATH_SIZE + 16];
    snprintf(ini, sizeof(ini), "%s/proxy.ini", instance->folder);
    output_path(instance, output, sizeof(output));
    const char *program = getenv("SLUICE");
    const char *argv[ARGUMENTS_MAX] = {NULL};
    size_t count = 0;
    for (; prefix != NULL && prefix[count] != NULL; count++) {
        assert_true(count < ARGUMENTS_MAX - 4);
        argv[count] = prefix[count];
    }
    argv[count++] = program != NULL ? program : "build/sluice";
    argv[count++] = "-c";
    argv[count++] = ini;
    instance->process = process_start(argv, environment, output);
}

static struct instance *start(const struct stack *stack, const char *const changes[],
                              const char *const prefix[], const char *const environment[])
{
    struct instance *instance = instance_create();
    instance_rewrite(instance, stack, changes);
    launch(instance, prefix, environment);
    struct deadline deadline = deadline_in(WAIT_MS);
    while (!ports_known(instance)) {
        if (!process_is_running(&instance->process)) {
            fail_with_output(instance, "did not start");
        }
        if (!deadline_pause(deadline)) {
            fail_with_output(instance, "does not listen");
        }
    }
    return instance;
}

struct instance *instance_start_unready(const struct stack *stack, const char *const changes[])
{
    return start(stack, changes, NULL, NULL);
}

struct instance *instance_start_under(const struct stack *stack, const char *const changes[],
                                      const char *const prefix[], const char *const environment[])
{
    struct instance *instance = start(stack, changes, prefix, environment);
    instance_wait_ready(instance);
    instance_wait_up(instance);
    return instance;
}

struct instance *instance_start(const struct stack *stack, const char *const changes[])
{
    return instance_start_under(stack, changes, NULL, NULL);
}

void instance_wait_ready(const struct instance *instance)
{
    struct deadline deadline = deadline_in(WAIT_MS);
    struct buffer body = BUFFER_INIT;
    while (buffer_clear(&body), http_get(instance->http_port, "/readyz", &body) != 200) {
        if (!deadline_pause(deadline)) {
            show_file(instance->log);
            fail_msg("sluice is not ready: %.*s", SLICE_ARG(buffer_slice(&body)));
        }
    }
    buffer_release(&body);
}

static bool all_are_up(const struct instance *instance)
{
    struct buffer body = BUFFER_INIT;
    assert_int_equal(http_get(instance->http_port, "/api/backends", &body), 200);
    json_t *json = json_loadb((const char *)buffer_ptr(&body), buffer_len(&body), 0, NULL);
    json_t *row, *rows = json_object_get(json, "rows");
    bool are_up = json_array_size(rows) > 0;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        are_up = are_up && strcmp(member(row, "state"), "up") == 0;
    }
    json_decref(json);
    buffer_release(&body);
    return are_up;
}

void instance_wait_up(const struct instance *instance)
{
    assert_soon(all_are_up(instance));
}

void instance_wait_catalogue(const struct instance *instance)
{
    static const char question[] = "EXPLAIN ROUTE SELECT ROW_NUMBER() OVER (ORDER BY a) FROM t";
    MYSQL *admin = instance_admin(instance);
    assert_soon(strcmp(client_column(admin, question, "reason").text, "read") == 0);
    mysql_close(admin);
}

static void instance_free(struct instance *instance)
{
    folder_remove(instance->folder);
    buffer_release(&instance->ini);
    mem_free(instance);
}

void instance_kill(struct instance *instance)
{
    if (instance != NULL) {
        process_kill(&instance->process);
        instance_free(instance);
    }
}

void instance_stop(struct instance *instance, const char *const expected[])
{
    process_signal(&instance->process, SIGTERM);
    if (!process_wait(&instance->process, STOP_MS)) {
        fail_with_output(instance, "did not end within its time");
    }
    if (instance->process.code != 0) {
        print_error("exit code %d\n", instance->process.code);
        fail_with_output(instance, "did not end well");
    }
    struct surprise_search search = {expected, 0};
    log_each(instance, surprise_show, &search);
    instance_free(instance);
    assert_int_equal(search.count, 0);
}

// --- clients of it ------------------------------------------------------------------------------

struct client_options instance_options(const struct instance *instance, const char *user,
                                       const char *password)
{
    return (struct client_options){
        .port = instance->port, .user = user, .password = password, .schema = "app"};
}

MYSQL *instance_client(const struct instance *instance)
{
    struct client_options options = instance_options(instance, "app", "app-secret");
    return client_connect(&options);
}

MYSQL *instance_admin(const struct instance *instance)
{
    return client_connect(
        &(struct client_options){.port = instance->admin_port, .user = "admin", .password = ""});
}

long long instance_admin_number(const struct instance *instance, const char *statement)
{
    MYSQL *admin = instance_admin(instance);
    long long number = client_number(admin, statement);
    mysql_close(admin);
    return number;
}
