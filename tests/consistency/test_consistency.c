// Many sessions write and read what they wrote, through one sluice, while the replicas are held,
// stopped and delayed: no read may miss what its own session has written before it.
// CONSISTENCY_SECONDS says how long (20).
#include "tests/lib/http.h"
#include "tests/lib/site.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SESSIONS = 16, READS_MOST = 6, TEXT_SIZE = 256, PLANS = 4 };

struct test {
    struct site *site;
    int64_t until_us; // by the clock that only runs on
    atomic_ulong writes, reads, stale;
    atomic_bool is_over;
};

// One client and the row that only it writes.
struct session {
    struct test *test;
    pthread_t thread;
    MYSQL *client;
    MYSQL_STMT *put, *get; // prepared; NULL: not this time
    unsigned seed;
    int id;
    long long value;         // what the row holds
    char failure[TEXT_SIZE]; // "": nothing has gone wrong
    char stale[TEXT_SIZE];   // the first read that missed something
};

static unsigned draw(struct session *session, unsigned below)
{
    return (unsigned)rand_r(&session->seed) % below;
}

// Threads of their own may not fail a test: they say what happened, and end.
static bool went_wrong(struct session *session, const char *what)
{
    snprintf(session->failure, TEXT_SIZE, "%s: %s", what, mysql_error(session->client));
    return false;
}

static bool run(struct session *session, const char *statement)
{
    return client_outcome(session->client, slice_text(statement)) == 0 ||
           went_wrong(session, statement);
}

// --- writing ------------------------------------------------------------------------------------

static bool put_text(struct session *session, long long value)
{
    char statement[128];
    snprintf(statement, sizeof(statement), "UPDATE t SET a = %lld WHERE id = %d", value,
             session->id);
    return run(session, statement);
}

static bool put_prepared(struct session *session, long long value)
{
    MYSQL_BIND binds[2] = {{.buffer_type = MYSQL_TYPE_LONGLONG, .buffer = &value},
                           {.buffer_type = MYSQL_TYPE_LONG, .buffer = &session->id}};
    if (session->put == NULL) {
        return put_text(session, value);
    }
    return (mysql_stmt_bind_param(session->put, binds) == 0 &&
            mysql_stmt_execute(session->put) == 0) ||
           went_wrong(session, "EXECUTE");
}

static bool put_in_transaction(struct session *session, long long value)
{
    bool is_kept = draw(session, 4) != 0;
    if (!run(session, "BEGIN") || !put_text(session, is_kept ? value : -1)) {
        return false;
    }
    if (!is_kept) {
        return run(session, "ROLLBACK") && put_text(session, value);
    }
    return run(session, "COMMIT");
}

static bool put_by_procedure(struct session *session, long long value)
{
    char statement[128];
    snprintf(statement, sizeof(statement), "CALL put(%d, %lld)", session->id, value);
    return run(session, statement);
}

static bool row_write(struct session *session)
{
    long long value = session->value + 1;
    unsigned way = draw(session, 80);
    bool is_written = way == 0   ? put_by_procedure(session, value)
                      : way < 20 ? put_in_transaction(session, value)
                      : way < 40 ? put_prepared(session, value)
                                 : put_text(session, value);
    if (!is_written) {
        return false;
    }
    session->value = value;
    atomic_fetch_add(&session->test->writes, 1);
    return true;
}

// --- reading ------------------------------------------------------------------------------------

static bool get_text(struct session *session, const char *hint, long long *found)
{
    char statement[128];
    snprintf(statement, sizeof(statement), "SELECT a FROM t WHERE id = %d%s", session->id, hint);
    if (mysql_query(session->client, statement) != 0) {
        return went_wrong(session, statement);
    }
    MYSQL_RES *result = mysql_store_result(session->client);
    MYSQL_ROW row = result != NULL ? mysql_fetch_row(result) : NULL;
    *found = row != NULL ? strtoll(row[0], NULL, 10) : -1;
    mysql_free_result(result);
    return true;
}

static bool get_prepared(struct session *session, long long *found)
{
    MYSQL_BIND id = {.buffer_type = MYSQL_TYPE_LONG, .buffer = &session->id};
    MYSQL_BIND value = {.buffer_type = MYSQL_TYPE_LONGLONG, .buffer = found};
    *found = -1;
    bool is_read =
        mysql_stmt_bind_param(session->get, &id) == 0 && mysql_stmt_execute(session->get) == 0 &&
        mysql_stmt_bind_result(session->get, &value) == 0 && mysql_stmt_fetch(session->get) == 0;
    mysql_stmt_free_result(session->get);
    return is_read || went_wrong(session, "EXECUTE of a read");
}

static bool get_in_transaction(struct session *session, long long *found)
{
    return run(session, "START TRANSACTION READ ONLY") && get_text(session, "", found) &&
           run(session, "COMMIT");
}

static bool row_read(struct session *session)
{
    long long found = 0;
    unsigned way = draw(session, 10);
    bool is_read = way == 0               ? get_in_transaction(session, &found)
                   : way == 1             ? get_text(session, " /* sluice: replica */", &found)
                   : way == 2             ? get_text(session, " /* sluice: backend=db2 */", &found)
                   : session->get != NULL ? get_prepared(session, &found)
                                          : get_text(session, "", &found);
    if (!is_read) {
        return false;
    }
    atomic_fetch_add(&session->test->reads, 1);
    if (found != session->value && atomic_fetch_add(&session->test->stale, 1) == 0) {
        snprintf(session->stale, TEXT_SIZE, "session %d wrote %lld and read %lld (way %u)",
                 session->id, session->value, found, way);
    }
    return true;
}

// --- a session ----------------------------------------------------------------------------------

static MYSQL_STMT *prepare(struct session *session, const char *statement)
{
    MYSQL_STMT *prepared = mysql_stmt_init(session->client);
    if (mysql_stmt_prepare(prepared, statement, strlen(statement)) != 0) {
        went_wrong(session, statement);
    }
    return prepared;
}

static void session_open(struct session *session)
{
    struct client_options options =
        instance_options(session->test->site->instance, "app", "app-secret");
    if (!client_try(&options, &session->client)) {
        went_wrong(session, "the login");
    } else if (draw(session, 5) == 0) {
        session->put = prepare(session, "UPDATE t SET a = ? WHERE id = ?");
        session->get = prepare(session, "SELECT a FROM t WHERE id = ?");
    }
}

static void session_close(struct session *session)
{
    if (session->put != NULL) {
        mysql_stmt_close(session->put);
        mysql_stmt_close(session->get);
        session->put = session->get = NULL;
    }
    mysql_close(session->client);
}

// A while on one connection. Of those before it nothing is promised: it writes first.
static void session_live(struct session *session)
{
    enum { ROUNDS = 60 };
    session_open(session);
    for (int i = 0; i < ROUNDS && session->failure[0] == '\0'; i++) {
        if (atomic_load(&session->test->is_over) || !row_write(session)) {
            break;
        }
        for (unsigned reads = 1 + draw(session, READS_MOST); reads > 0; reads--) {
            if (!row_read(session)) {
                break;
            }
        }
    }
    session_close(session);
}

static void *session_run(void *argument)
{
    struct session *session = argument;
    mysql_thread_init();
    while (!atomic_load(&session->test->is_over) && session->failure[0] == '\0') {
        session_live(session);
    }
    mysql_thread_end();
    return NULL;
}

// --- what happens to the replicas ---------------------------------------------------------------

struct plan {
    const char *begin[2]; // MariaDB's words, MySQL's
    const char *end[2];
    int most_ms;
};

static const struct plan plans[PLANS] = {
    {{"FLUSH TABLES WITH READ LOCK", "FLUSH TABLES WITH READ LOCK"},
     {"UNLOCK TABLES", "UNLOCK TABLES"},
     300},
    {{"STOP SLAVE SQL_THREAD", "STOP REPLICA SQL_THREAD"},
     {"START SLAVE SQL_THREAD", "START REPLICA SQL_THREAD"},
     500},
    {{"STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = 1; START SLAVE",
      "STOP REPLICA SQL_THREAD; CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 1; "
      "START REPLICA SQL_THREAD"},
     {"STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = 0; START SLAVE",
      "STOP REPLICA SQL_THREAD; CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 0; "
      "START REPLICA SQL_THREAD"},
     1500},
    {{"DO 0", "DO 0"}, {"DO 0", "DO 0"}, 500}, // nothing: they catch up
};

static const char *words(const char *const both[2])
{
    return dialect(both[0], both[1]);
}

static void trouble_make(const struct test *test)
{
    const char *const names[] = {"db2", "db3"};
    MYSQL *of[2];
    unsigned seed = 7;
    for (int i = 0; i < 2; i++) {
        of[i] = stack_connect(test->site->stack, names[i]);
        mysql_set_server_option(of[i], MYSQL_OPTION_MULTI_STATEMENTS_ON);
    }
    while (clock_now_us() < test->until_us) {
        const struct plan *plan = &plans[(unsigned)rand_r(&seed) % PLANS];
        int first = rand_r(&seed) % 2, count = 1 + rand_r(&seed) % 2;
        for (int i = 0; i < count; i++) {
            client_run(of[(first + i) % 2], words(plan->begin));
        }
        struct deadline deadline = deadline_in(50 + rand_r(&seed) % plan->most_ms);
        while (deadline_left_ms(deadline) > 0) {
            deadline_pause(deadline);
        }
        for (int i = 0; i < count; i++) {
            client_run(of[(first + i) % 2], words(plan->end));
        }
    }
    mysql_close(of[0]);
    mysql_close(of[1]);
}

// --- the test -----------------------------------------------------------------------------------

static const char schema[] =
    "CREATE TABLE app.t (id INT PRIMARY KEY, a BIGINT);"
    "INSERT INTO app.t SELECT i, 0 FROM " NUMBERS_TO(
        100) ";"
             "CREATE PROCEDURE app.put(n INT, v BIGINT) UPDATE app.t SET a = v WHERE id = n";

static int setup(void **state)
{
    static const char *const changes[] = {"monitor.interval = 100ms",
                                          "routing.consistency_wait = 50ms", NULL};
    static const char *const warnings[] = {"backend.*", "topology.*", "monitor.*", "pool.*", NULL};
    struct site *site = site_create(NULL, schema, changes);
    site->expected = warnings;
    *state = site;
    return 0;
}

static double metric(const struct test *test, const char *name, const char *labels)
{
    return http_metric_sum(test->site->instance->http_port, name, labels);
}

static void no_session_misses_what_it_wrote(void **state)
{
    const char *seconds = getenv("CONSISTENCY_SECONDS");
    static struct session sessions[SESSIONS];
    struct test test = {.site = *state};
    test.until_us =
        clock_now_us() + (seconds != NULL ? strtol(seconds, NULL, 10) : 20) * CLOCK_SECOND;
    for (int i = 0; i < SESSIONS; i++) {
        sessions[i] = (struct session){.test = &test, .seed = (unsigned)i + 1, .id = i + 1};
        assert_int_equal(pthread_create(&sessions[i].thread, NULL, session_run, &sessions[i]), 0);
    }
    trouble_make(&test);
    atomic_store(&test.is_over, true);
    for (int i = 0; i < SESSIONS; i++) {
        pthread_join(sessions[i].thread, NULL);
        if (sessions[i].stale[0] != '\0') {
            print_message("a stale read: %s\n", sessions[i].stale);
        }
    }
    print_message("%lu writes, %lu reads, %lu of them stale; on replicas %.0f, waits %.0f, of them "
                  "in vain %.0f, left to the primary %.0f\n",
                  atomic_load(&test.writes), atomic_load(&test.reads), atomic_load(&test.stale),
                  metric(&test, "sluice_queries_total", "target=\"replica\""),
                  metric(&test, "sluice_consistency_waits_total", ""),
                  metric(&test, "sluice_consistency_wait_timeouts_total", ""),
                  metric(&test, "sluice_route_reasons_total", "reason=\"consistency\""));
    for (int i = 0; i < SESSIONS; i++) {
        assert_string_equal(sessions[i].failure, "");
    }
    assert_int_equal(atomic_load(&test.stale), 0);
    // It was worth something: replicas answered, after waits too, and waits were in vain.
    assert_true(atomic_load(&test.reads) > 500);
    assert_true(metric(&test, "sluice_queries_total", "target=\"replica\"") > 200);
    assert_true(metric(&test, "sluice_consistency_wait_timeouts_total", "") > 0);
    assert_true(metric(&test, "sluice_consistency_waits_total", "") >
                2 * metric(&test, "sluice_consistency_wait_timeouts_total", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_session_misses_what_it_wrote),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
