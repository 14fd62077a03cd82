// The operator's ports as clients meet them: the admin room on a loop of its own thread, over a
// fake struct control, asked by libmariadb, PyMySQL, the mariadb command line, MariaDB Connector/J,
// promtool and plain sockets.
#include "proxy/admin/admin.h"

#include "proxy/base/clock.h"
#include "proxy/base/helpers.h"
#include "proxy/base/memory.h"
#include "router/decide/decide.h"
#include "tests/lib/client.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/file.h"
#include "tests/lib/http.h"
#include "tests/lib/peer.h"
#include "tests/lib/process.h"
#include "tests/lib/wait.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// --- a control that only remembers --------------------------------------------------------------

static const char ini[] = "[backend:db1]\n"
                          "address = 127.0.0.1:3311\n"
                          "[backend:db2]\n"
                          "address = 127.0.0.1:3312\n"
                          "max_connections = 7\n"
                          "[user:app]\n"
                          "password = x\n"
                          "[rule:hot]\n"
                          "match = FROM hot\n"
                          "route = primary\n"
                          "[rule:never]\n"
                          "match = FROM never\n"
                          "[admin]\n"
                          "listen = 127.0.0.1:0, %s/admin.sock\n"
                          "http_listen = 127.0.0.1:0\n"
                          "user = boss\n"
                          "password = b0ss pass\n"
                          "stats_user = watcher\n"
                          "stats_password = w\n";

enum { HELD_MAX = 8, TEXT_SIZE = 256 };

struct stage {
    char folder[FILE_PATH_SIZE];
    struct helpers *helpers;
    struct metrics *metrics;
    struct log *log;
    struct log_source source;
    struct loop *loop;
    pthread_t thread;
    const struct config *config;
    const struct rules *rules;
    struct topology *topology;
    struct tls_context *tls;
    struct control control;
    int64_t patience_us;
    struct admin *admin;
    uint16_t port;
    uint16_t http_port;

    // What the tests turn, and what they look at.
    atomic_bool is_listening, is_draining, is_paused, is_primary_gone;
    atomic_bool is_holding; // gathers are kept and not answered
    atomic_uint held_count;
    struct control_gather *held[HELD_MAX];
    char said[TEXT_SIZE]; // the last order
    atomic_bool is_refusing;
};

static struct stage stage;
static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    pthread_mutex_lock(&said_lock);
    vsnprintf(stage.said, sizeof(stage.said), format, args);
    pthread_mutex_unlock(&said_lock);
    va_end(args);
}

static void state_tell(void *context, struct control_state *out)
{
    (void)context;
    *out = (struct control_state){
        .config = stage.config,
        .topology = stage.topology,
        .rules = stage.rules,
        .is_listening = stage.is_listening,
        .is_draining = stage.is_draining,
        .is_paused = stage.is_paused,
    };
    stage.topology->primary = stage.is_primary_gone ? -1 : 0;
}

static void rows_bring(struct control_gather *gather)
{
    struct view_rows *sessions = &gather->rows[VIEW_SESSIONS];
    struct view_rows *pools = &gather->rows[VIEW_POOLS];
    for (int worker = 0; worker < 2; worker++) { // each tells its part
        view_rows_add(sessions, (struct cell[VIEW_SESSIONS_WIDTH]){
                                    [VIEW_SESSIONS_ID] = cell_int(100 + worker),
                                    [VIEW_SESSIONS_USER] = cell_text(S("app")),
                                    [VIEW_SESSIONS_QUERY] = cell_text(S("SELECT '\xc3\xa9\xff'")),
                                });
        view_rows_add(pools, (struct cell[VIEW_POOLS_WIDTH]){
                                 [VIEW_POOLS_BACKEND] = cell_text(S("db1")),
                                 [VIEW_POOLS_USER] = cell_text(S("app")),
                                 [VIEW_POOLS_USED] = cell_int(1 + worker),
                             });
        view_rows_add(&gather->rows[VIEW_RULES], (struct cell[VIEW_RULES_WIDTH]){
                                                     [VIEW_RULES_NAME] = cell_text(S("never")),
                                                     [VIEW_RULES_HITS] = cell_int(worker),
                                                 });
    }
}

static const char *const backend_names[] = {"", "db1", "db2"};
static const char *const given_names[] = {"a", "b", "c"};

static struct metric_labels labels_make(void)
{
    struct metric_labels labels;
    for (int i = 0; i < METRIC_GIVEN_COUNT; i++) {
        labels.size[i] = 3;
        labels.names[i] = i == METRIC_GIVEN(METRIC_DIMENSION_BACKEND) ? backend_names : given_names;
    }
    return labels;
}

static void gather_answer(struct control_gather *gather)
{
    struct metric_labels labels = labels_make();
    rows_bring(gather);
    if (gather->wants_metrics) {
        gather->metrics = metrics_create(&labels);
        metric_add(gather->metrics, METRIC_QUERIES, 41, METRIC_TARGET_REPLICA, metric_backend(1),
                   METRIC_RESULT_OK);
        metric_add(gather->metrics, METRIC_QUERIES, 1, METRIC_TARGET_REPLICA, metric_backend(1),
                   METRIC_RESULT_ERROR);
        metric_add(gather->metrics, METRIC_BACKEND_CONNECTIONS, 3, metric_backend(1),
                   METRIC_STATE_IDLE);
        metric_record(gather->metrics, METRIC_QUERY_DURATION, 1500, METRIC_TARGET_REPLICA,
                      METRIC_PHASE_TOTAL);
        gather->labels = &labels;
    }
    gather->done(gather);
}

struct later {
    struct loop_message message;
    struct control_gather *gather;
};

static void later_come(struct loop_message *message, struct loop *loop)
{
    struct later *later = container_of(message, struct later, message);
    (void)loop;
    gather_answer(later->gather);
    mem_free(later);
}

// Every other one is answered inside the call, as a control with nobody to ask might.
static void gather_begin(void *context, struct control_gather *gather)
{
    static unsigned turn;
    (void)context;
    if (stage.is_holding) {
        stage.held[stage.held_count++ % HELD_MAX] = gather;
    } else if (turn++ % 2 == 0) {
        gather_answer(gather);
    } else {
        struct later *later = mem_zero(1, sizeof(*later));
        later->message.run = later_come;
        later->gather = gather;
        loop_post(stage.loop, &later->message);
    }
}

static void call_answer(struct control_call *call)
{
    if (stage.is_refusing) {
        error_set(&call->error, 1094, NULL, "it can't be done");
    }
    call->done(call);
}

static void reload_order(void *context, struct control_reload *reload)
{
    static const char *const kinds[] = {"file", "version", "option"};
    (void)context;
    say("reload %s%s %llu %.*s=%.*s", kinds[reload->kind], reload->is_dry_run ? " dry" : "",
        (unsigned long long)reload->version, SLICE_ARG(reload->path), SLICE_ARG(reload->value));
    if (stage.is_refusing) {
        diagnostics_add(&reload->diagnostics, DIAGNOSTIC_WARNING, "proxy.ini", 3, NULL, "careful");
        diagnostics_add(&reload->diagnostics, DIAGNOSTIC_ERROR, "proxy.ini", 7, "say listen",
                        "unknown key lisen");
        reload->call.done(&reload->call);
        return;
    }
    struct config_change *changes = arena_zero(&reload->arena, 2 * sizeof(*changes));
    changes[0] = (struct config_change){CONFIG_CHANGED, S("routing"),     S("balance"),
                                        S("p2c"),       S("round_robin"), true};
    changes[1] = (struct config_change){CONFIG_ADDED, S("backend:db3"), SLICE_NONE,
                                        SLICE_NONE,   SLICE_NONE,       false};
    reload->changes = changes;
    reload->change_count = 2;
    reload->call.done(&reload->call);
}

static void backend_order(void *context, struct control_call *call, struct slice backend,
                          enum control_backend what)
{
    static const char *const words[] = {"online", "drain", "offline"};
    (void)context;
    say("backend %.*s %s", SLICE_ARG(backend), words[what]);
    call_answer(call);
}

static void kill_order(void *context, struct control_call *call, uint64_t id, bool is_query)
{
    (void)context;
    say("kill %s%llu", is_query ? "query " : "", (unsigned long long)id);
    call_answer(call);
}

static void pause_order(void *context, struct control_call *call)
{
    (void)context;
    say("pause");
    call_answer(call);
}

static void resume_order(void *context, struct control_call *call)
{
    (void)context;
    say("resume");
    call_answer(call);
}

static void shutdown_order(void *context, struct control_call *call)
{
    (void)context;
    say("shutdown");
    call_answer(call);
}

static const struct control fake_control = {
    .state = state_tell,
    .gather = gather_begin,
    .reload = reload_order,
    .set_backend = backend_order,
    .kill = kill_order,
    .pause = pause_order,
    .resume = resume_order,
    .shutdown = shutdown_order,
};

// --- the stage ----------------------------------------------------------------------------------

// A clock that a test can turn on, for time limits.
static atomic_llong clock_ahead_us;

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return now.tv_sec * CLOCK_SECOND + now.tv_nsec / 1000 + clock_ahead_us;
}

static int64_t now_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static int64_t wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

static void wake(struct loop_message *message, struct loop *loop)
{
    (void)loop;
    mem_free(message);
}

static void clock_turn(int64_t by_us)
{
    struct loop_message *message = mem_zero(1, sizeof(*message));
    clock_ahead_us += by_us;
    message->run = wake;
    loop_post(stage.loop, message);
}

static struct topology *topology_make(void)
{
    static const char *const names[] = {"db1", "db2"};
    struct topology *topology = topology_create(2);
    for (int i = 0; i < 2; i++) {
        struct server *server = &topology->servers[i];
        server->index = i;
        server->name = topology_text(topology, slice_text(names[i]));
        server->role = i == 0 ? ROLE_PRIMARY : ROLE_REPLICA;
        server->state = SERVER_UP;
        server->reason = topology_text(topology, S("as it should be"));
        server->since_us = 1000000;
        server->lag_us = i == 0 ? -1 : 2500;
        server->weight = 100;
        server->latency_us = 300;
    }
    topology->primary = topology->last_primary = 0;
    topology->no_primary = topology_text(topology, S("db1 is gone"));
    topology->is_settled = true;
    return topology;
}

static const struct config *config_make(void)
{
    char text[2048];
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    snprintf(text, sizeof(text), ini, stage.folder);
    const struct config *config =
        config_parse(slice_text(text), "proxy.ini", CONFIG_SEALED, &diagnostics);
    if (config == NULL) {
        diagnostics_print(&diagnostics, stderr);
        fail();
    }
    diagnostics_release(&diagnostics);
    return config;
}

static void *stage_run(void *arg)
{
    (void)arg;
    loop_run(stage.loop);
    return NULL;
}

static void admin_start(void)
{
    struct error error = ERROR_NONE;
    stage.admin = admin_create(
        &(struct admin_settings){
            .loop = stage.loop,
            .control = &stage.control,
            .log = &stage.source,
            .tls = stage.tls,
            .patience_us = stage.patience_us,
        },
        &error);
    if (stage.admin == NULL) {
        fail_msg("%s: %s", error.where, error.text);
    }
    assert_int_equal(admin_address_count(stage.admin), 2);
    stage.port = admin_address(stage.admin, 0)->port;
    stage.http_port = admin_http_address(stage.admin, 0)->port;
}

static int stage_setup(void **state)
{
    static const struct clock_source clock = {now_us, wall_us};
    struct metric_labels labels = labels_make();
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    struct error error = ERROR_NONE;
    (void)state;
    clock_replace(&clock);
    folder_create(stage.folder);
    stage.helpers = helpers_create(1);
    stage.metrics = metrics_create(&labels);
    stage.log = log_create_capture(LOG_INFO, LOG_TEXT);
    stage.source.log = stage.log;
    stage.loop = loop_create(&(struct loop_settings){"control", stage.metrics, stage.helpers});
    stage.config = config_make();
    stage.rules = rules_compile(stage.config, &diagnostics);
    stage.topology = topology_make();
    stage.tls = tls_context_create_server(&(struct tls_server_settings){NULL, NULL, NULL}, &error);
    assert_non_null(stage.tls);
    stage.control = fake_control;
    stage.is_listening = true;
    admin_start();
    assert_int_equal(pthread_create(&stage.thread, NULL, stage_run, NULL), 0);
    diagnostics_release(&diagnostics);
    return 0;
}

// Waits less long for threads that don't answer.
static int impatient_setup(void **state)
{
    memset(&stage, 0, sizeof(stage));
    stage.patience_us = 200 * CLOCK_MS;
    return stage_setup(state);
}

// Whatever was still out when the ports closed is answered afterwards.
static void held_answer(void)
{
    unsigned count = stage.held_count;
    stage.is_holding = false;
    stage.held_count = 0;
    for (unsigned i = 0; i < count; i++) {
        gather_answer(stage.held[i]);
    }
}

static int stage_teardown(void **state)
{
    (void)state;
    loop_stop(stage.loop);
    pthread_join(stage.thread, NULL);
    admin_destroy(stage.admin);
    held_answer();
    loop_destroy(stage.loop);
    tls_context_unref(stage.tls);
    topology_unref(stage.topology);
    rules_unref(stage.rules);
    config_unref(stage.config);
    log_destroy(stage.log);
    metrics_destroy(stage.metrics);
    helpers_destroy(stage.helpers);
    folder_remove(stage.folder);
    clock_replace(NULL);
    return 0;
}

// --- clients ------------------------------------------------------------------------------------

static struct client_options as(const char *user, const char *password)
{
    return (struct client_options){.port = stage.port, .user = user, .password = password};
}

static MYSQL *boss(void)
{
    struct client_options options = as("boss", "b0ss pass");
    return client_connect(&options);
}

static MYSQL *watcher(void)
{
    struct client_options options = as("watcher", "w");
    return client_connect(&options);
}

static void assert_said(const char *expected)
{
    char said[TEXT_SIZE];
    pthread_mutex_lock(&said_lock);
    memcpy(said, stage.said, sizeof(said));
    stage.said[0] = '\0';
    pthread_mutex_unlock(&said_lock);
    assert_string_equal(said, expected);
}

static void log_forget(void)
{
    mem_free(log_captured(stage.log));
}

// --- logging in ---------------------------------------------------------------------------------

static void clients_log_in_by_either_plugin_and_by_tls(void **state)
{
    static const char *const plugins[] = {"mysql_native_password", "caching_sha2_password"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        for (int tls = 0; tls < 2; tls++) {
            struct client_options options = as("boss", "b0ss pass");
            options.plugin = plugins[i];
            options.with_tls = tls == 1;
            MYSQL *client = client_connect(&options);
            assert_client_text(client, "SELECT USER()", "boss@127.0.0.1");
            struct client_text cipher =
                client_column(client, "SHOW SESSION STATUS LIKE 'Ssl_cipher'", "Value");
            assert_int_equal(cipher.text[0] != '\0', tls);
            mysql_close(client);
        }
    }
    char path[FILE_PATH_SIZE + 16];
    snprintf(path, sizeof(path), "%s/admin.sock", stage.folder);
    struct client_options options = as("boss", "b0ss pass");
    options.port = 0;
    options.socket = path;
    MYSQL *client = client_connect(&options);
    assert_client_number(client, "SELECT 1", 1);
    mysql_close(client);
}

static void strangers_get_the_same_answer_whoever_they_name(void **state)
{
    (void)state;
    static const char *const names[] = {"boss", "watcher", "nobody", ""};
    for (size_t i = 0; i < 4; i++) {
        struct client_options options = as(names[i], "wrong");
        assert_login_error(&options, 1045, "Access denied");
        options.password = "";
        assert_login_error(&options, 1045, "Access denied");
    }
    struct client_options options = as("boss", "b0ss pass");
    options.schema = "shop";
    assert_login_error(&options, 1105, "two schemas");
    options.schema = "information_schema";
    MYSQL *client = client_connect(&options);
    assert_client_text(client, "SELECT DATABASE()", "information_schema");
    mysql_close(client);
    log_forget();
}

// --- views --------------------------------------------------------------------------------------

static void views_show_what_threads_told(void **state)
{
    (void)state;
    MYSQL *client = watcher();
    assert_int_equal(client_row_count(client, "SHOW BACKENDS"), 2);
    static const struct {
        const char *column, *value;
    } db1[] = {
        {"address", "127.0.0.1:3311"},
        {"role", "primary"},
        {"state", "up"},
        {"lag_ms", "NULL"},
        {"idle", "3"},
        {"used", "0"},
        {"queries", "0"},
        {"latency_us", "300"},
    };
    for (size_t i = 0; i < sizeof(db1) / sizeof(db1[0]); i++) {
        struct client_text text =
            client_column(client, "SHOW BACKENDS WHERE name = 'db1'", db1[i].column);
        if (strcmp(db1[i].column, "idle") == 0 || strcmp(db1[i].column, "queries") == 0) {
            continue; // counted for the other one, see below
        }
        assert_string_equal(text.text, db1[i].value);
    }
    // metric_backend(1) is the server of index 1.
    assert_client_number(client, "SELECT queries FROM backends WHERE name = 'db2'", 42);
    assert_client_number(client, "SELECT idle FROM backends WHERE name = 'db2'", 3);
    assert_client_number(client, "SELECT lag_ms FROM backends WHERE name = 'db2'", 2);
    assert_client_number(client, "SELECT max FROM backends WHERE name = 'db2'", 7);
    assert_client_text(client, "SELECT since FROM backends WHERE name = 'db1'",
                       "1970-01-01T00:00:01.000Z");

    assert_client_number(client, "SELECT count(*) FROM pools", 1);
    assert_client_number(client, "SELECT used FROM pools", 3);
    assert_client_text(client, "SELECT query FROM sessions WHERE id = 101", "SELECT '\xc3\xa9?'");
    assert_client_text(client, "SELECT group_concat(name) FROM rules", "hot,never");
    assert_client_number(client, "SELECT hits FROM rules WHERE name = 'never'", 1);
    assert_client_text(client, "SELECT definition FROM rules WHERE name = 'hot'",
                       "match = FROM hot; route = primary");
    assert_client_text(client,
                       "SELECT value FROM config WHERE section = 'admin' AND `key` = 'password'",
                       "********");
    assert_client_text(client,
                       "SELECT value FROM config WHERE section = 'backend:db2' AND `key` = "
                       "'max_connections'",
                       "7");
    assert_client_number(
        client, "SELECT value FROM status WHERE name LIKE 'sluice\\_queries\\_total%ok%'", 41);
    assert_client_error(client, "SELECT * FROM cache", 1105, "not yet active");
    assert_client_error(client, "SHOW CACHE_ADVICE", 1105, "not yet active");
    assert_client_error(client, "SELECT * FROM nowhere", 1146, "nowhere");
    assert_client_error(client, "SELECT FROM", 1064, "syntax");
    assert_client_error(client, "DELETE FROM sessions", 1064, "");
    assert_client_number(client, "SELECT 1", 1); // and still there
    mysql_close(client);
}

static void prepared_statements_are_answered(void **state)
{
    (void)state;
    MYSQL *client = boss();
    MYSQL_STMT *statement = mysql_stmt_init(client);
    const char *sql = "SELECT name, lag_ms, ? FROM backends WHERE name LIKE ? ORDER BY name";
    assert_int_equal(mysql_stmt_prepare(statement, sql, strlen(sql)), 0);
    assert_int_equal(mysql_stmt_param_count(statement), 2);
    assert_int_equal(mysql_stmt_field_count(statement), 3);
    for (int turn = 0; turn < 2; turn++) { // types are sent the first time only
        long long number = 40 + turn;
        char pattern[] = "db%";
        MYSQL_BIND in[2] = {
            {.buffer_type = MYSQL_TYPE_LONGLONG, .buffer = &number},
            {.buffer_type = MYSQL_TYPE_STRING, .buffer = pattern, .buffer_length = 3},
        };
        char name[32];
        unsigned long name_len = 0;
        long long lag = 0, echo = 0;
        my_bool is_null = 0;
        MYSQL_BIND out[3] = {
            {.buffer_type = MYSQL_TYPE_STRING,
             .buffer = name,
             .buffer_length = sizeof(name),
             .length = &name_len},
            {.buffer_type = MYSQL_TYPE_LONGLONG, .buffer = &lag, .is_null = &is_null},
            {.buffer_type = MYSQL_TYPE_LONGLONG, .buffer = &echo},
        };
        if (turn == 0) {
            assert_int_equal(mysql_stmt_bind_param(statement, in), 0);
        } else {
            // Binding again would send the types again.
            *(long long *)statement->params[0].buffer = number;
            statement->params[1].buffer = pattern;
        }
        assert_int_equal(mysql_stmt_execute(statement), 0);
        assert_int_equal(mysql_stmt_bind_result(statement, out), 0);
        assert_int_equal(mysql_stmt_fetch(statement), 0);
        assert_int_equal(name_len, 3);
        assert_memory_equal(name, "db1", 3);
        assert_true(is_null);
        assert_int_equal(echo, 40 + turn);
        assert_int_equal(mysql_stmt_fetch(statement), 0);
        assert_int_equal(lag, 2);
        assert_int_equal(mysql_stmt_fetch(statement), MYSQL_NO_DATA);
        mysql_stmt_free_result(statement);
    }
    assert_int_equal(mysql_stmt_reset(statement), 0);
    sql = "SELECT FROM";
    assert_int_not_equal(mysql_stmt_prepare(statement, sql, strlen(sql)), 0);
    assert_int_equal(mysql_stmt_errno(statement), 1064);
    mysql_stmt_close(statement);

    statement = mysql_stmt_init(client);
    sql = "SET BACKEND db2 DRAIN";
    assert_int_equal(mysql_stmt_prepare(statement, sql, strlen(sql)), 0);
    assert_int_equal(mysql_stmt_field_count(statement), 0);
    assert_int_equal(mysql_stmt_execute(statement), 0);
    assert_said("backend db2 drain");
    mysql_stmt_close(statement);
    assert_client_error(client, "SELECT ?", 1105, "prepared");
    mysql_close(client);
}

static void the_protocols_small_commands_are_answered(void **state)
{
    (void)state;
    MYSQL *client = boss();
    assert_int_equal(mysql_ping(client), 0);
    assert_int_equal(mysql_select_db(client, "information_schema"), 0);
    assert_client_text(client, "SELECT DATABASE()", "information_schema");
    assert_int_not_equal(mysql_select_db(client, "shop"), 0);
    assert_client_text(client, "SELECT DATABASE()", "information_schema");
    client_run(client, "USE sluice");
    assert_client_text(client, "SELECT SCHEMA()", "sluice");
    assert_non_null(strstr(mysql_stat(client), "Uptime"));
    assert_int_equal(mysql_set_server_option(client, MYSQL_OPTION_MULTI_STATEMENTS_ON), 0);
    assert_client_error(client, "SELECT 1; SELECT 2", 1064, "one statement");
    MYSQL_RES *fields = mysql_list_fields(client, "routes", NULL);
    assert_non_null(fields);
    assert_int_equal(mysql_num_fields(fields), 3);
    assert_string_equal(mysql_fetch_field_direct(fields, 2)->name, "count");
    mysql_free_result(fields);
    assert_null(mysql_list_fields(client, "nowhere", NULL));
    assert_int_equal(mysql_errno(client), 1146);
    assert_int_equal(mysql_reset_connection(client), 0);
    assert_int_equal(mysql_kill(client, 77), 0);
    assert_said("kill 77");
    assert_int_equal(mysql_change_user(client, "watcher", "w", "sluice"), 0);
    assert_client_text(client, "SELECT USER()", "watcher@127.0.0.1");
    assert_client_error(client, "SHUTDOWN", 1227, "'watcher'");
    assert_int_not_equal(mysql_change_user(client, "boss", "wrong", NULL), 0);
    mysql_close(client);
    log_forget();
}

// --- commands -----------------------------------------------------------------------------------

static void commands_reach_control(void **state)
{
    (void)state;
    MYSQL *client = boss();
    static const struct {
        const char *command, *said;
    } rows[] = {
        {"SET BACKEND db2 DRAIN", "backend db2 drain"},
        {"SET BACKEND `db1` OFFLINE;", "backend db1 offline"},
        {"set backend db1 online", "backend db1 online"},
        {"KILL 5", "kill 5"},
        {"KILL QUERY 5", "kill query 5"},
        {"KILL CONNECTION 18446744073709551615", "kill 18446744073709551615"},
        {"PAUSE", "pause"},
        {"RESUME", "resume"},
        {"SHUTDOWN", "shutdown"},
        {"RELOAD", "reload file 0 ="},
        {"RELOAD DRY RUN", "reload file dry 0 ="},
        {"RELOAD VERSION 3", "reload version 3 ="},
        {"SET routing.balance = 'round_robin'", "reload option 0 routing.balance=round_robin"},
        {"SET backend:db1.weight=50", "reload option 0 backend:db1.weight=50"},
        {"SET routing.pure_functions = ''", "reload option 0 routing.pure_functions="},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        client_run(client, rows[i].command);
        assert_said(rows[i].said);
    }
    assert_int_equal(client_row_count(client, "RELOAD DRY RUN"), 2);
    assert_string_equal(client_column(client, "RELOAD", "section").text, "routing");
    assert_string_equal(client_column(client, "RELOAD", "after").text, "round_robin");
    assert_string_equal(client_column(client, "RELOAD", "effect").text, "now");

    stage.is_refusing = true;
    assert_client_error(client, "SET BACKEND db1 DRAIN", 1094, "sluice: it can't be done");
    assert_client_error(client, "RELOAD", 1105, "proxy.ini:7");
    assert_client_error(client, "SET routing.balance = x", 1105, "unknown key lisen");
    stage.is_refusing = false;
    assert_said("reload option 0 routing.balance=x");

    assert_client_error(client, "SET BACKEND db9 DRAIN", 1105, "no backend 'db9'");
    assert_client_error(client, "KILL x", 1064, "number");
    assert_client_error(client, "RELOAD VERSION x", 1064, "number");
    assert_client_error(client, "SET BACKEND db1", 1064, "it reads SET BACKEND <backend>");
    assert_client_error(client, "SWITCHOVER TO db2", 1105, "not yet active");
    assert_client_error(client, "FAILOVER", 1105, "not yet active");
    assert_client_error(client, "FLUSH CACHE", 1105, "not yet active");
    assert_said("");
    client_run(client, "SET NAMES utf8mb4 COLLATE utf8mb4_general_ci");
    client_run(client, "SET autocommit=1, sql_mode='ANSI'");
    client_run(client, "BEGIN");
    client_run(client, "COMMIT");
    assert_true(client_row_count(client, "HELP") > 20);
    mysql_close(client);
}

static void who_may_only_look_changes_nothing(void **state)
{
    (void)state;
    MYSQL *client = watcher();
    static const char *const commands[] = {"SHUTDOWN", "PAUSE",
                                           "KILL 5",   "SET BACKEND db1 OFFLINE",
                                           "RELOAD",   "SET log.level = debug"};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        assert_client_error(client, commands[i], 1227, "'watcher' may only look");
    }
    assert_said("");
    mysql_close(client);
}

static void explain_route_says_where_and_why(void **state)
{
    (void)state;
    MYSQL *client = watcher();
    static const struct {
        const char *statement, *kind, *target, *backend, *reason;
    } rows[] = {
        {"SELECT * FROM t", "select", "replica", "db2", "read"},
        {"INSERT INTO t VALUES (1)", "insert", "primary", "db1", "write"},
        {"SELECT * FROM t FOR UPDATE", "select", "primary", "db1", "locking_read"},
        {"SELECT a FROM hot", "select", "primary", "db1", "rule"},
        {"/* sluice: primary */ SELECT * FROM t", "select", "primary", "db1", "hint"},
        {"USER app SCHEMA shop SELECT * FROM t WHERE a = 'it''s;'", "select", "replica", "db2",
         "read"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "EXPLAIN ROUTE %s", rows[i].statement);
        assert_int_equal(client_row_count(client, text), 1);
        assert_string_equal(client_column(client, text, "kind").text, rows[i].kind);
        assert_string_equal(client_column(client, text, "target").text, rows[i].target);
        assert_string_equal(client_column(client, text, "backend").text, rows[i].backend);
        assert_string_equal(client_column(client, text, "reason").text, rows[i].reason);
        assert_memory_equal(client_column(client, text, "cache").text, "no: ", 4);
        assert_non_null(strstr(client_column(client, text, "servers").text, "chosen"));
    }
    struct client_text effects = client_column(client, "EXPLAIN ROUTE USE shop", "effects");
    assert_string_equal(effects.text, "schema");
    assert_string_equal(client_column(client, "EXPLAIN ROUTE SELECT 1", "wait").text,
                        "for what its session wrote, at most 50 ms");
    static const char eventual[] = "EXPLAIN ROUTE SELECT 1 /* sluice: consistency=eventual */";
    assert_string_equal(client_column(client, eventual, "wait").text, "no");
    assert_string_equal(client_column(client, "EXPLAIN ROUTE DELETE FROM t", "wait").text, "no");
    stage.is_primary_gone = true;
    struct client_text wait = client_column(client, "EXPLAIN ROUTE DELETE FROM t", "wait");
    assert_non_null(strstr(wait.text, "at most 10000 ms"));
    stage.is_primary_gone = false;
    mysql_close(client);
}

// --- other programs -----------------------------------------------------------------------------

static void program_run(const char *const argv[], const char *const expected[])
{
    struct buffer output = BUFFER_INIT;
    int code = process_run(argv, NULL, &output, 3 * WAIT_MS);
    buffer_append(&output, "", 1);
    const char *text = (const char *)buffer_ptr(&output);
    if (code != 0) {
        fail_msg("%s ended with %d: %s", argv[0], code, text);
    }
    for (size_t i = 0; expected[i] != NULL; i++) {
        if (strstr(text, expected[i]) == NULL) {
            fail_msg("%s: no \"%s\" in: %s", argv[0], expected[i], text);
        }
    }
    buffer_release(&output);
}

static void the_mariadb_command_line_works(void **state)
{
    char port[16];
    (void)state;
    snprintf(port, sizeof(port), "-P%u", stage.port);
    // --auto-rehash asks for every view's columns; \s for status.
    const char *const argv[] = {
        "mariadb",
        "--no-defaults",
        "-h127.0.0.1",
        port,
        "-uboss",
        "-pb0ss pass",
        "--auto-rehash",
        "--table",
        "-e",
        "\\s\n SHOW BACKENDS; USE sluice; SHOW TABLES; SELECT name, `max` FROM backends; "
        "EXPLAIN ROUTE SELECT 1; SHOW WARNINGS; SHOW VARIABLES LIKE 'version%'",
        NULL};
    const char *const expected[] = {"sluice admin port", "Server version:",   "| db2 ", "cache",
                                    "| sessions",        "| version_comment", NULL};
    const char *const without_cache[] = {expected[0], expected[1], expected[2],
                                         expected[4], expected[5], NULL};
    program_run(argv, without_cache);
}

static void pymysql_works(void **state)
{
    static const char script[] =
        "import pymysql, sys\n"
        "c = pymysql.connect(host='127.0.0.1', port=int(sys.argv[1]), user='boss',\n"
        "                    password='b0ss pass', database='sluice', autocommit=True)\n"
        "k = c.cursor(pymysql.cursors.DictCursor)\n"
        "k.execute('SELECT name, lag_ms, max FROM backends WHERE name = %s', ('db2',))\n"
        "row = k.fetchone()\n"
        "assert row == {'name': 'db2', 'lag_ms': 2, 'max': 7}, row\n"
        "k.execute('SELECT count(*) AS n, %s AS t FROM sessions', (\"it's \\\\ \\u20ac\",))\n"
        "row = k.fetchone()\n"
        "assert row == {'n': 2, 't': \"it's \\\\ \\u20ac\"}, row\n"
        "try:\n"
        "    k.execute('SELECT * FROM nowhere')\n"
        "    assert False\n"
        "except pymysql.err.ProgrammingError as e:\n"
        "    assert e.args[0] == 1146, e\n"
        "c.begin(); c.commit(); c.ping(); c.select_db('information_schema')\n"
        "k.execute('SHOW STATUS'); k.fetchall()\n"
        "c.close()\n"
        "print('pymysql done')\n";
    char port[16];
    (void)state;
    snprintf(port, sizeof(port), "%u", stage.port);
    const char *const argv[] = {"/usr/bin/python3", "-c", script, port, NULL};
    program_run(argv, (const char *const[]){"pymysql done", NULL});
}

static void connector_j_works(void **state)
{
    static const char source[] =
        "import java.sql.*;\n"
        "public class Admin {\n"
        "  public static void main(String[] a) throws Exception {\n"
        "    for (String options : new String[] {\"\", \"&useServerPrepStmts=true\"}) {\n"
        "      String url = \"jdbc:mariadb://127.0.0.1:\" + a[0]\n"
        "          + \"/sluice?\" + options;\n"
        "      try (Connection c = DriverManager.getConnection(url, \"boss\", \"b0ss pass\")) {\n"
        "        try (PreparedStatement s = c.prepareStatement(\n"
        "            \"SELECT name, lag_ms, max FROM backends WHERE name = ?\")) {\n"
        "          s.setString(1, \"db2\");\n"
        "          ResultSet r = s.executeQuery();\n"
        "          if (!r.next() || r.getInt(2) != 2 || r.getLong(\"max\") != 7) throw new "
        "Exception(\"row\");\n"
        "        }\n"
        "        DatabaseMetaData m = c.getMetaData();\n"
        "        System.out.println(m.getDatabaseProductVersion());\n"
        "        ResultSet t = m.getTables(null, null, \"backends\", null);\n"
        "        if (!t.next()) throw new Exception(\"tables\");\n"
        "        if (!c.isValid(5)) throw new Exception(\"valid\");\n"
        "        c.setAutoCommit(false);\n"
        "        c.rollback();\n"
        "      }\n"
        "    }\n"
        "    System.out.println(\"connector done\");\n"
        "  }\n"
        "}\n";
    static const char jar[] = "/usr/share/java/mariadb-java-client.jar";
    char path[FILE_PATH_SIZE + 16], port[16];
    (void)state;
    if (access(jar, R_OK) != 0 || system("command -v javac >/dev/null") != 0) {
        skip();
    }
    snprintf(path, sizeof(path), "%s/Admin.java", stage.folder);
    snprintf(port, sizeof(port), "%u", stage.port);
    file_write(path, slice_text(source));
    const char *const argv[] = {"java", "-cp", jar, path, port, NULL};
    program_run(argv, (const char *const[]){"connector done", NULL});
}

// --- HTTP ---------------------------------------------------------------------------------------

static struct buffer body;

static const char *page(const char *path, int status)
{
    buffer_clear(&body);
    assert_int_equal(http_get(stage.http_port, path, &body), status);
    buffer_append(&body, "", 1);
    return (const char *)buffer_ptr(&body);
}

static void metrics_are_what_promtool_takes(void **state)
{
    char path[FILE_PATH_SIZE + 16], command[512];
    (void)state;
    const char *text = page("/metrics", 200);
    assert_non_null(
        strstr(text, "sluice_queries_total{target=\"replica\",backend=\"db2\",result=\"ok\"} 41"));
    assert_non_null(strstr(text, "# HELP sluice_backend_up "));
    assert_non_null(strstr(text, "sluice_query_duration_seconds_bucket{"));
    snprintf(path, sizeof(path), "%s/metrics", stage.folder);
    file_write(path, slice_text(text));
    if (system("PATH=$PATH:${BUILD:-build}/tools command -v promtool >/dev/null") == 0) {
        snprintf(command, sizeof(command),
                 "PATH=$PATH:${BUILD:-build}/tools promtool check metrics <%s", path);
        program_run((const char *const[]){"sh", "-c", command, NULL}, (const char *const[]){NULL});
    }
}

static void readiness_says_what_is_missing(void **state)
{
    (void)state;
    assert_string_equal(page("/healthz", 200), "ok\n");
    assert_string_equal(page("/readyz", 200), "ready\n");
    stage.is_primary_gone = true; // reads go on
    assert_string_equal(page("/readyz", 200), "ready\nwrites wait: no primary (db1 is gone)\n");
    stage.is_primary_gone = false;
    stage.is_paused = true;
    assert_string_equal(page("/readyz", 503), "statements are held by PAUSE\n");
    stage.is_paused = false;
    stage.is_draining = true;
    assert_string_equal(page("/readyz", 503), "shutting down\n");
    stage.is_draining = false;
    stage.is_listening = false;
    assert_string_equal(page("/readyz", 503), "not listening for clients yet\n");
    stage.is_listening = true;
    assert_string_equal(page("/healthz", 200), "ok\n");
}

static void views_are_json(void **state)
{
    (void)state;
    json_t *root = json_loads(page("/api/backends", 200), 0, NULL);
    json_t *second = json_array_get(json_object_get(root, "rows"), 1);
    assert_string_equal(json_string_value(json_object_get(second, "name")), "db2");
    assert_int_equal(json_integer_value(json_object_get(second, "lag_ms")), 2);
    assert_true(json_is_null(json_object_get(second, "gtid")));
    json_decref(root);
    static const char *const views[] = {"pools",  "sessions", "routes",          "rules",
                                        "status", "config",   "config_versions", "events"};
    for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
        char path[64];
        snprintf(path, sizeof(path), "/api/%s", views[i]);
        root = json_loads(page(path, 200), 0, NULL);
        assert_true(json_is_array(json_object_get(root, "rows")));
        json_decref(root);
    }
    assert_non_null(strstr(page("/api/nowhere", 404), "/api/backends"));
    assert_non_null(strstr(page("/api/cache", 404), "/api/sessions"));
    assert_non_null(strstr(page("/api/backends;drop", 404), "/api/sessions"));
    assert_non_null(strstr(page("/", 404), "/metrics"));
    assert_non_null(strstr(page("/metricsx", 404), "/metrics"));
}

// Sends bytes and gives back all that comes until the end.
static const char *http_say(const char *bytes)
{
    uint8_t piece[4096];
    size_t n;
    struct peer *peer = peer_connect(stage.http_port);
    peer_send(peer, slice_text(bytes));
    buffer_clear(&body);
    while ((n = peer_read_bytes(peer, piece, sizeof(piece))) > 0) {
        buffer_append(&body, piece, n);
    }
    peer_close(peer);
    buffer_append(&body, "", 1);
    return (const char *)buffer_ptr(&body);
}

static void other_requests_are_refused(void **state)
{
    (void)state;
    assert_memory_equal(http_say("POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 405", 12);
    assert_memory_equal(http_say("GET /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"),
                        "HTTP/1.1 400", 12);
    assert_memory_equal(http_say("\x16\x03\x01\x02"), "HTTP/1.1 400", 12);
    assert_memory_equal(http_say("GET / HTTP/9\r\n\r\n"), "HTTP/1.1 400", 12);
    const char *head = http_say("HEAD /healthz HTTP/1.1\r\n\r\n");
    assert_memory_equal(head, "HTTP/1.1 200", 12);
    assert_non_null(strstr(head, "Content-Length: 3\r\n"));
    assert_string_equal(strstr(head, "\r\n\r\n"), "\r\n\r\n");
    // Two in one: the first is answered, and that is all.
    const char *once = http_say("GET /healthz HTTP/1.1\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n");
    assert_null(strstr(once + 1, "HTTP/1.1"));

    static char big[20000];
    memset(big, 'a', sizeof(big) - 1);
    memcpy(big, "GET / HTTP/1.1\r\nX: ", 19);
    assert_memory_equal(http_say(big), "HTTP/1.1 400", 12);
}

// A page from elsewhere that leads the operator's browser here names another host.
static void views_are_guarded_against_other_names(void **state)
{
    (void)state;
    assert_memory_equal(http_say("GET /api/backends HTTP/1.1\r\nHost: evil.example:6070\r\n\r\n"),
                        "HTTP/1.1 401", 12);
    assert_non_null(strstr((const char *)buffer_ptr(&body), "WWW-Authenticate: Basic"));
    // watcher:w, boss:wrong
    assert_memory_equal(http_say("GET /api/backends HTTP/1.1\r\nHost: evil.example\r\n"
                                 "Authorization: Basic d2F0Y2hlcjp3\r\n\r\n"),
                        "HTTP/1.1 200", 12);
    assert_memory_equal(http_say("GET /api/backends HTTP/1.1\r\nHost: evil.example\r\n"
                                 "Authorization: Basic Ym9zczp3cm9uZw==\r\n\r\n"),
                        "HTTP/1.1 401", 12);
    assert_memory_equal(http_say("GET /api/backends HTTP/1.1\r\nHost: localhost:1\r\n\r\n"),
                        "HTTP/1.1 200", 12);
    assert_memory_equal(http_say("GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
                        "HTTP/1.1 200", 12);
}

// --- bad input and limits -----------------------------------------------------------------------

static void garbage_is_told_and_closed(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(stage.port);
    peer_send(peer, S("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_peer_closed(peer);
    peer_close(peer);

    peer = peer_connect(stage.port);
    peer_login(peer, "boss", "b0ss pass", NULL);
    peer_send(peer, S("\x01\x00\x00\x05\x0e")); // COM_PING out of its turn
    peer->sequence = 1;
    assert_peer_refused(peer, 1156, "sequence");
    peer_close(peer);

    peer = peer_connect(stage.port);
    peer_login(peer, "boss", "b0ss pass", NULL);
    peer_send(peer, S("\xff\xff\xff\x00\x03")); // 16 MiB are announced
    peer->sequence = 1;
    assert_peer_refused(peer, 1153, "larger than");
    peer_close(peer);

    peer = peer_connect(stage.port);
    peer_login(peer, "boss", "b0ss pass", NULL);
    peer_send(peer, S("\x00\x00\x00\x00")); // no command at all
    peer->sequence = 1;
    assert_peer_refused(peer, 1835, "empty command");
    peer_close(peer);

    peer = peer_connect(stage.port);
    peer_login(peer, "boss", "b0ss pass", NULL);
    peer_send_command(peer, 0x12, SLICE_NONE); // COM_BINLOG_DUMP
    assert_peer_err(peer, 1047, "BINLOG_DUMP");
    peer_send_command(peer, 0x99, SLICE_NONE);
    assert_peer_err(peer, 1047, "unknown");
    peer_send_command(peer, 0x17, S("\x09\x00\x00\x00\x00\x01\x00\x00\x00")); // STMT_EXECUTE 9
    assert_peer_err(peer, 1243, "9");
    peer_send_command(peer, 0x1c, S("\x09\x00\x00\x00\x01\x00\x00\x00")); // STMT_FETCH
    assert_peer_err(peer, 1105, "cursors");
    peer_query(peer, "SELECT 1");
    peer_send_command(peer, 0x17, S("\x09")); // STMT_EXECUTE, cut
    assert_peer_refused(peer, 1835, "STMT_EXECUTE");
    peer_close(peer);
    log_forget();
}

static void half_a_login_leaves_nothing(void **state)
{
    (void)state;
    struct buffer payload = BUFFER_INIT;
    struct peer *peer = peer_connect(stage.port);
    peer_read_greeting(peer);
    peer_login_payload(peer, "boss", "b0ss pass", NULL, 0, &payload);
    size_t whole = buffer_len(&payload) + 4;
    peer_close(peer);
    for (size_t len = 0; len < whole; len += 3) {
        peer = peer_connect(stage.port);
        peer_read_greeting(peer);
        peer_send_part(peer, buffer_slice(&payload), len);
        if (len % 2 == 0) {
            peer_reset(peer);
        } else {
            peer_close(peer);
        }
    }
    buffer_release(&payload);
    MYSQL *client = boss();
    assert_client_number(client, "SELECT 1", 1);
    mysql_close(client);
    log_forget();
}

static void commands_that_come_together_are_answered_in_order(void **state)
{
    (void)state;
    struct peer *peer = peer_connect(stage.port);
    struct buffer both = BUFFER_INIT;
    peer_login(peer, "boss", "b0ss pass", NULL);
    for (int i = 0; i < 50; i++) {
        buffer_append_slice(&both, S("\x16\x00\x00\x00\x03SELECT 'x' FROM pools"));
        buffer_append_slice(&both, S("\x01\x00\x00\x00\x0e"));
    }
    peer_send(peer, buffer_slice(&both));
    buffer_release(&both);
    for (int i = 0; i < 50; i++) {
        struct slice payload;
        peer->sequence = 1;
        payload = peer_read(peer);
        assert_int_equal(payload.ptr[0], 1);
        do {
            payload = peer_read(peer);
        } while ((uint8_t)payload.ptr[0] != 0xfe || payload.len >= 9);
        if ((peer->capabilities & CAPABILITY_DEPRECATE_EOF) == 0) {
            do {
                payload = peer_read(peer);
            } while ((uint8_t)payload.ptr[0] != 0xfe || payload.len >= 9);
        }
        peer->sequence = 1;
        assert_peer_ok(peer);
    }
    peer_close(peer);
}

static void one_client_too_many_is_told(void **state)
{
    enum { CLIENTS_MAX = 32 };
    (void)state;
    MYSQL *clients[CLIENTS_MAX];
    struct client_options options = as("boss", "b0ss pass");
    for (int i = 0; i < CLIENTS_MAX; i++) {
        clients[i] = boss();
    }
    assert_login_error(&options, 1040, "admin port has");
    for (int i = 0; i < CLIENTS_MAX; i++) {
        assert_client_number(clients[i], "SELECT count(*) FROM backends", 2);
        mysql_close(clients[i]);
    }
    MYSQL *client;
    assert_soon(client_try(&options, &client) || (mysql_close(client), false));
    mysql_close(client);
    log_forget();
}

static void http_clients_beyond_the_limit_are_closed(void **state)
{
    enum { CLIENTS_MAX = 64 };
    (void)state;
    struct peer *peers[CLIENTS_MAX];
    for (int i = 0; i < CLIENTS_MAX; i++) {
        peers[i] = peer_connect(stage.http_port);
        peer_send(peers[i], S("GET /healthz HTTP/1.1\r\n")); // and never ends it
    }
    struct peer *more = peer_connect(stage.http_port);
    assert_peer_closed(more);
    peer_close(more);
    clock_turn(11 * CLOCK_SECOND); // the others have had their time
    for (int i = 0; i < CLIENTS_MAX; i++) {
        assert_peer_closed(peers[i]);
        peer_close(peers[i]);
    }
    assert_string_equal(page("/healthz", 200), "ok\n");
}

// --- a thread that does not answer --------------------------------------------------------------

struct asking {
    MYSQL *client;
    const char *statement;
    unsigned number;
};

static void *ask(void *arg)
{
    struct asking *asking = arg;
    mysql_query(asking->client, asking->statement);
    asking->number = mysql_errno(asking->client);
    mysql_thread_end();
    return NULL;
}

static void a_thread_that_hangs_is_told_of_after_a_while(void **state)
{
    (void)state;
    static const char *const statements[] = {"SELECT * FROM sessions", "EXPLAIN ROUTE SELECT 1"};
    MYSQL *other = boss();
    stage.is_holding = true;
    for (size_t i = 0; i < 2; i++) {
        struct asking asking = {boss(), statements[i], 0};
        pthread_t thread;
        unsigned before = stage.held_count;
        assert_int_equal(pthread_create(&thread, NULL, ask, &asking), 0);
        assert_soon(stage.held_count == before + 1);
        assert_client_number(other, "SELECT 1", 1); // others go on
        pthread_join(thread, NULL);
        assert_int_equal(asking.number, 1105);
        assert_client_number(asking.client, "SELECT 1", 1);
        mysql_close(asking.client);
    }
    struct peer *peer = peer_connect(stage.http_port);
    unsigned before = stage.held_count;
    peer_send(peer, S("GET /healthz HTTP/1.1\r\n\r\n"));
    assert_soon(stage.held_count == before + 1);
    char line[13] = "";
    peer_read_bytes(peer, (uint8_t *)line, 12);
    assert_string_equal(line, "HTTP/1.1 503");
    peer_close(peer);
    mysql_close(other);
}

struct answering {
    struct loop_message message;
    atomic_bool is_done;
};

static void answer_held(struct loop_message *message, struct loop *loop)
{
    (void)loop;
    held_answer();
    container_of(message, struct answering, message)->is_done = true;
}

// The answers come when those who asked have long gone.
static void answers_that_nobody_waits_for_any_more_do_no_harm(void **state)
{
    (void)state;
    stage.is_holding = true;
    struct peer *sql = peer_connect(stage.port);
    struct peer *http = peer_connect(stage.http_port);
    unsigned before = stage.held_count;
    peer_login(sql, "boss", "b0ss pass", NULL);
    peer_send_query(sql, "SELECT * FROM backends");
    peer_send(http, S("GET /metrics HTTP/1.1\r\n\r\n"));
    assert_soon(stage.held_count == before + 2);
    peer_reset(sql);
    peer_reset(http);
    MYSQL *client = boss();
    assert_client_number(client, "SELECT 1", 1);
    static struct answering answering = {.message = {.run = answer_held}};
    loop_post(stage.loop, &answering.message);
    assert_soon(answering.is_done);
    assert_client_number(client, "SELECT count(*) FROM sessions", 2);
    mysql_close(client);
}

// printf ... | nc -N: the client's end has come before there is an answer.
static void a_client_that_sends_no_more_gets_its_answer(void **state)
{
    static struct answering answering = {.message = {.run = answer_held}};
    char line[13] = "";
    (void)state;
    stage.is_holding = true;
    struct peer *peer = peer_connect(stage.http_port);
    unsigned before = stage.held_count;
    peer_send(peer, S("GET /healthz HTTP/1.0\r\n\r\n"));
    assert_soon(stage.held_count == before + 1);
    assert_int_equal(shutdown(peer->fd, SHUT_WR), 0);
    assert_string_equal(page("/readyz", 200), "ready\n"); // was asked for behind that end
    loop_post(stage.loop, &answering.message);
    assert_int_equal(peer_read_bytes(peer, (uint8_t *)line, 12), 12);
    assert_string_equal(line, "HTTP/1.1 200");
    peer_close(peer);
}

// The last one: what is out when the ports are closed is answered into nothing (stage_teardown()).
static void ports_may_be_closed_while_something_is_out(void **state)
{
    (void)state;
    stage.is_holding = true;
    struct peer *sql = peer_connect(stage.port);
    struct peer *http = peer_connect(stage.http_port);
    unsigned before = stage.held_count;
    peer_login(sql, "boss", "b0ss pass", NULL);
    peer_send_query(sql, "EXPLAIN ROUTE SELECT 1");
    peer_send(http, S("GET /api/sessions HTTP/1.1\r\n\r\n"));
    assert_soon(stage.held_count == before + 2);
    log_flush(stage.log);
    char *log = log_captured(stage.log);
    assert_null(strstr(log, " error "));
    mem_free(log);
    buffer_release(&body);
    // Both are closed by their end of the process: the ports go first.
    close(sql->fd);
    close(http->fd);
    sql->fd = http->fd = -1;
    peer_close(sql);
    peer_close(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_log_in_by_either_plugin_and_by_tls),
        cmocka_unit_test(strangers_get_the_same_answer_whoever_they_name),
        cmocka_unit_test(views_show_what_threads_told),
        cmocka_unit_test(prepared_statements_are_answered),
        cmocka_unit_test(the_protocols_small_commands_are_answered),
        cmocka_unit_test(commands_reach_control),
        cmocka_unit_test(who_may_only_look_changes_nothing),
        cmocka_unit_test(explain_route_says_where_and_why),
        cmocka_unit_test(the_mariadb_command_line_works),
        cmocka_unit_test(pymysql_works),
        cmocka_unit_test(connector_j_works),
        cmocka_unit_test(metrics_are_what_promtool_takes),
        cmocka_unit_test(readiness_says_what_is_missing),
        cmocka_unit_test(views_are_json),
        cmocka_unit_test(other_requests_are_refused),
        cmocka_unit_test(views_are_guarded_against_other_names),
        cmocka_unit_test(garbage_is_told_and_closed),
        cmocka_unit_test(half_a_login_leaves_nothing),
        cmocka_unit_test(commands_that_come_together_are_answered_in_order),
        cmocka_unit_test(one_client_too_many_is_told),
        cmocka_unit_test(http_clients_beyond_the_limit_are_closed),
        cmocka_unit_test(answers_that_nobody_waits_for_any_more_do_no_harm),
        cmocka_unit_test(a_client_that_sends_no_more_gets_its_answer),
        cmocka_unit_test(ports_may_be_closed_while_something_is_out),
    };
    const struct CMUnitTest impatient[] = {
        cmocka_unit_test(a_thread_that_hangs_is_told_of_after_a_while),
    };
    return cmocka_run_group_tests(tests, stage_setup, stage_teardown) +
           cmocka_run_group_tests(impatient, impatient_setup, stage_teardown);
}
