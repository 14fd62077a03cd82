// Nothing of a session reaches another one, and nothing of it is lost, while twelve sessions of two
// users share a few connections: each runs acts drawn at random through one sluice, and the same
// directly on the primary, and what both get must be equal, answer by answer.
// LEAK_SECONDS says how long (20); LEAK_SEED=N repeats the run that printed that number.
#include "tests/leak/acts.h"
#include "tests/leak/twins.h"
#include "tests/lib/http.h"
#include "tests/lib/site.h"

#include "proxy/base/clock.h"
#include "proxy/base/random.h"

#include <mariadb/errmsg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Sessions that keep a connection for themselves leave one of the primary's for all others.
// A pin may begin a moment behind its answer: one more than that is left.
enum { SESSIONS = 12, CONNECTIONS = 5, KEEPERS_MOST = CONNECTIONS - 2 };

struct test {
    struct site *site;
    MYSQL *admin;
    uint64_t seed;
    unsigned long long moment; // statements in all
    unsigned losses;           // times that a twin lost its own connection
    unsigned rests;            // times that a session had to give up its connection
    struct twins sessions[SESSIONS];
};

// --- servers ------------------------------------------------------------------------------------

// In each schema, and called without its name: of a procedure of another schema the servers tell
// that the schema has changed, with whatever they next have to tell of the connection. Of one that
// counts no rows they tell what the statement before it counted, and MariaDB keeps the warnings of
// that where no table is used. The type of a user variable in a body is, on MySQL, the one that it
// had when the connection first called it.
#define PROCEDURES_IN(schema)                                                                      \
    "CREATE PROCEDURE " schema ".set_user(n VARCHAR(20)) BEGIN DO (SELECT MAX(i) FROM app.fixed);" \
    " SET @a = n, @b = CONCAT('p', n); END;"                                                       \
    "CREATE PROCEDURE " schema ".set_session(n INT) BEGIN DO (SELECT MAX(i) FROM app.fixed);"      \
    " SET SESSION group_concat_max_len = 100 + n; SET time_zone = '+07:00'; SET @c = n; END;"      \
    "CREATE PROCEDURE " schema ".set_and_fail(n INT) BEGIN"                                        \
    " SET SESSION div_precision_increment = 9, @d = n;"                                            \
    " SELECT no_such_column FROM app.fixed; END;"                                                  \
    "CREATE PROCEDURE " schema ".make_temporary()"                                                 \
    " CREATE TEMPORARY TABLE tmp (id INT AUTO_INCREMENT PRIMARY KEY, a VARCHAR(20));"              \
    "CREATE PROCEDURE " schema ".use_temporary(n INT) BEGIN"                                       \
    " CREATE TEMPORARY TABLE tmp2 (id INT AUTO_INCREMENT PRIMARY KEY, a VARCHAR(20));"             \
    " INSERT INTO tmp2 (a) VALUES (n); SELECT COUNT(*) FROM tmp2; DROP TEMPORARY TABLE tmp2; END;" \
    "CREATE PROCEDURE " schema ".insert_hidden(t VARCHAR(40)) BEGIN"                               \
    " SET @hidden = CONCAT('INSERT INTO ', t, ' (a) VALUES (1)'); PREPARE h FROM @hidden;"         \
    " EXECUTE h; DEALLOCATE PREPARE h; END;"                                                       \
    "CREATE PROCEDURE " schema ".two() BEGIN"                                                      \
    " SELECT i FROM app.fixed WHERE i < 3 ORDER BY i; SELECT LENGTH(@a); END;"                     \
    "CREATE PROCEDURE " schema                                                                     \
    ".set_locally() BEGIN DECLARE n INT DEFAULT 5; DO (SELECT MAX(i) FROM app.fixed);"             \
    " SET n = n + 1; SELECT n; END;"                                                               \
    "CREATE PROCEDURE " schema                                                                     \
    ".out_of(OUT n INT) BEGIN DO (SELECT MAX(i) FROM app.fixed); SET n = 17; END;"                 \
    "CREATE PROCEDURE " schema ".warned() SELECT CAST('1x' AS SIGNED), 'a' + 1;"                   \
    "CREATE FUNCTION " schema ".remembers(n INT) RETURNS INT NO SQL BEGIN SET @d = n; RETURN n;"   \
    " END;"                                                                                        \
    "CREATE FUNCTION " schema ".only_reads(n INT) RETURNS INT READS SQL DATA"                      \
    " RETURN (SELECT COUNT(*) FROM app.fixed WHERE i < n);"

static const char schema[] =
    "GRANT ALL PRIVILEGES ON other.* TO guest;"
    "CREATE TABLE app.fixed (i INT PRIMARY KEY, s VARCHAR(20));"
    "INSERT INTO app.fixed SELECT i, CONCAT('n', i) FROM " NUMBERS_TO(
        30) ";"
            "CREATE TABLE other.fixed (i INT PRIMARY KEY, s VARCHAR(20));"
            "INSERT INTO other.fixed SELECT i, CONCAT('other ', i) FROM " NUMBERS_TO(
                10) ";"
                    "CREATE TABLE app.times (at TIMESTAMP NOT NULL);"
                    "INSERT INTO app.times VALUES ('2020-02-29 12:00:00');"
                    "CREATE VIEW app.view_of_fixed AS SELECT i, s FROM app.fixed;" PROCEDURES_IN(
                        "app") PROCEDURES_IN("other");

// A table with triggers that set user variables of whoever writes it.
static void triggered_create(MYSQL *root, const char *in, char letter, int id)
{
    client_runf(root, "CREATE TABLE %s.g_x%c%02d (id INT AUTO_INCREMENT PRIMARY KEY, a INT)", in,
                letter, id);
    client_runf(root,
                "CREATE TRIGGER %s.adds_%c%02d BEFORE INSERT ON %s.g_x%c%02d FOR EACH ROW"
                " SET @e = COALESCE(CAST(@e AS SIGNED), 0) + NEW.a",
                in, letter, id, in, letter, id);
    client_runf(root,
                "CREATE TRIGGER %s.keeps_%c%02d AFTER UPDATE ON %s.g_x%c%02d FOR EACH ROW"
                " SET @c = OLD.a",
                in, letter, id, in, letter, id);
}

// Of each session in both schemas, and of each of its twins.
static void tables_create(const struct site *site)
{
    MYSQL *root = stack_connect(site->stack, "db1");
    for (int i = 0; i < 2 * SESSIONS; i++) {
        int id = i / 2;
        char letter = i % 2 == 0 ? 'p' : 'd';
        client_runf(root,
                    "CREATE TABLE app.t_x%c%02d (id INT AUTO_INCREMENT PRIMARY KEY, a INT,"
                    " b VARCHAR(40))",
                    letter, id);
        client_runf(root, "INSERT INTO app.t_x%c%02d (a, b) VALUES (%d, 'first')", letter, id, id);
        client_runf(root, "CREATE TABLE other.t_x%c%02d LIKE app.t_x%c%02d", letter, id, letter,
                    id);
        triggered_create(root, "app", letter, id);
        triggered_create(root, "other", letter, id);
        if (!servers_are_mysql()) {
            client_runf(root, "CREATE SEQUENCE app.q_x%c%02d NOCACHE", letter, id);
        }
    }
    if (!servers_are_mysql()) {
        client_run(root, "CREATE ROLE chief");
        client_run(root, "GRANT chief TO app, guest");
    }
    mysql_close(root);
    stack_sync(site->stack);
}

// Triggers that were made around sluice are known to it within half a minute. One who makes a
// program through it waits until all are.
static void programs_learn(const struct site *site)
{
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    options.with_tls = servers_are_mysql(); // its accounts want that for the first login
    MYSQL *client = client_connect(&options);
    client_run(client, "CREATE PROCEDURE last_program() BEGIN END");
    client_run(client, "CALL last_program()");
    assert_site_pin(site, "a program that is known", "");
    mysql_close(client);
}

static int setup(void **state)
{
    static const char *const changes[] = {
        "proxy.workers = 1",
        "backend:db1.max_connections = 5",
        "backend:db2.max_connections = 4",
        "backend:db3.max_connections = 4",
        "user:guest.password = guest-secret",
        "routing.balance = round_robin", // not by measured latency: a run can be repeated
        NULL};
    static const char *const options[] = {"--set", "log-bin-trust-function-creators=ON", NULL};
    static struct test test;
    test.site = site_create(options, schema, changes);
    tables_create(test.site);
    programs_learn(test.site);
    test.admin = instance_admin(test.site->instance);
    *state = &test;
    return 0;
}

static int teardown(void **state)
{
    struct test *test = *state;
    void *site = test != NULL ? test->site : NULL;
    return site_teardown(&site);
}

// --- sessions -----------------------------------------------------------------------------------

static void session_open(struct test *test, int id)
{
    struct twins *twins = &test->sessions[id];
    bool is_guest = id % 2 != 0;
    struct client_options options = instance_options(
        test->site->instance, is_guest ? "guest" : "app", is_guest ? "guest-secret" : "app-secret");
    options.with_tls = servers_are_mysql(); // its accounts want that for the first login
    options.charset = id % 4 == 3 ? "latin1" : "utf8mb4";
    twins->id = id;
    twins->is_guest = is_guest;
    twins->proxied.letter = 'p';
    twins->proxied.client = client_connect(&options);
    options.port = test->site->stack->servers[0].port;
    twins->direct.letter = 'd';
    twins->direct.client = client_connect(&options);
}

static void sessions_close(struct test *test)
{
    for (int i = 0; i < SESSIONS; i++) {
        twins_close(&test->sessions[i]);
    }
    mysql_close(test->admin);
}

static void difference_tell(struct test *test, struct twins *twins)
{
    print_message(
        "a leak: session %d (%s) got something else than its twin, at %llu of seed %llu\n",
        twins->id, twins->is_guest ? "guest" : "app", test->moment, (unsigned long long)test->seed);
    fflush(stdout);
    twins_show(twins);
    sessions_close(test);
    fail_msg("seed %llu", (unsigned long long)test->seed);
}

// 1: none was told.
static uint64_t error_got(const struct twin *twin)
{
    struct slice words = S("  error "), got = buffer_slice(&twin->got);
    uint64_t number = 1;
    if (slice_starts_nocase(got, words)) {
        got = slice_from(got, words.len);
        assert_true(slice_to_u64(slice_first(got, slice_find(got, ' ')), &number));
    }
    return number;
}

static bool ends_connection(uint64_t error)
{
    return error == CR_SERVER_GONE_ERROR || error == CR_SERVER_LOST ||
           error == CR_COMMANDS_OUT_OF_SYNC || error == CR_MALFORMED_PACKET ||
           error == CR_SSL_CONNECTION_ERROR;
}

// The client library gets out of step with a server now and then: where the direct connection has
// ended by that, there is nothing to compare with, and both begin anew. A prepared statement has an
// error of its own.
static bool is_lost(const struct twins *twins)
{
    uint64_t error = error_got(&twins->direct);
    return error == 0 || ends_connection(error) ||
           ends_connection(mysql_errno(twins->direct.client));
}

static void check(struct test *test, struct twins *twins, bool alike)
{
    twins->moment = ++test->moment;
    if (is_lost(twins)) {
        int id = twins->id;
        test->losses++;
        print_message("# lost its own connection, at %llu: session %d, by %s\n", test->moment, id,
                      twins_last(twins));
        twins_close(twins);
        *twins = (struct twins){0};
        session_open(test, id);
    } else if (!alike) {
        difference_tell(test, twins);
    }
}

// --- room ---------------------------------------------------------------------------------------

struct keeper {
    struct twins *twins; // NULL: none
    char pin[32];
};

static struct twins *session_of(struct test *test, const char *id)
{
    unsigned long number = strtoul(id, NULL, 10);
    for (int i = 0; i < SESSIONS; i++) {
        if (mysql_thread_id(test->sessions[i].proxied.client) == number) {
            return &test->sessions[i];
        }
    }
    return NULL;
}

// Counts those that keep a connection; `oldest`: which of them has not run anything for longest.
static unsigned keepers_look(struct test *test, struct keeper *oldest)
{
    static const char question[] = "SELECT id, pin_reason FROM sessions WHERE backend IS NOT NULL";
    unsigned count = 0;
    oldest->twins = NULL;
    assert_int_equal(mysql_query(test->admin, question), 0);
    MYSQL_RES *result = mysql_store_result(test->admin);
    for (MYSQL_ROW row; (row = mysql_fetch_row(result)) != NULL;) {
        struct twins *twins = session_of(test, row[0]);
        assert_non_null(twins);
        count++;
        if (oldest->twins == NULL || twins->moment < oldest->twins->moment) {
            oldest->twins = twins;
            snprintf(oldest->pin, sizeof(oldest->pin), "%s",
                     row[1] != NULL ? row[1] : "transaction");
        }
    }
    mysql_free_result(result);
    return count;
}

// Whoever keeps a connection would let the others wait in vain, since they take turns here.
static void room_make(struct test *test)
{
    struct keeper oldest;
    while (keepers_look(test, &oldest) > KEEPERS_MOST) {
        struct twins *twins = oldest.twins;
        test->rests++;
        if (strcmp(oldest.pin, "last_statement") == 0) {
            check(test, twins, twins_query(twins, "DO 0"));
        } else if (strcmp(oldest.pin, "transaction") == 0) {
            check(test, twins, twins_query(twins, random_below(2) == 0 ? "COMMIT" : "ROLLBACK"));
        } else {
            check(test, twins, twins_reset(twins));
        }
    }
}

// --- the test -----------------------------------------------------------------------------------

static double metric(const struct test *test, const char *name, const char *labels)
{
    return http_metric_sum(test->site->instance->http_port, name, labels);
}

static uint64_t seed_of_run(void)
{
    const char *seed = getenv("LEAK_SEED");
    return seed != NULL && *seed != '\0' ? strtoull(seed, NULL, 10) : random_below(1000000000);
}

static void numbers_tell(const struct test *test)
{
    print_message("# seed %llu: %llu statements by %d sessions, %.0f on replicas; %u times a "
                  "session was made to give up its connection, %u times a twin lost its own\n",
                  (unsigned long long)test->seed, test->moment, SESSIONS,
                  metric(test, "sluice_queries_total", "target=\"replica\""), test->rests,
                  test->losses);
}

static void every_session_is_as_if_alone(void **state)
{
    struct test *test = *state;
    const char *seconds = getenv("LEAK_SECONDS");
    int64_t until_us =
        clock_now_us() + (seconds != NULL ? strtol(seconds, NULL, 10) : 20) * CLOCK_SECOND;
    test->seed = seed_of_run();
    print_message("# seed %llu\n", (unsigned long long)test->seed);
    random_seed(test->seed);
    for (int i = 0; i < SESSIONS; i++) {
        session_open(test, i);
    }
    while (clock_now_us() < until_us) {
        struct twins *twins = &test->sessions[random_below(SESSIONS)];
        check(test, twins, acts_run(twins));
        room_make(test);
    }
    numbers_tell(test);
    acts_show();
    sessions_close(test);
    assert_true(test->moment > 1000);
    assert_true(test->losses * 1000 <= test->moment);
    assert_true(metric(test, "sluice_queries_total", "target=\"replica\"") > 100);
}

// MySQL answers an execution now and then as no protocol says: both twins lose their connections.
static void nothing_is_left(void **state)
{
    static const char *const expected[] = {"backend.lost", NULL};
    struct test *test = *state;
    void *site = test->site;
    assert_soon(instance_admin_number(test->site->instance, "SELECT COUNT(*) FROM sessions") == 0);
    if (servers_are_mysql() && test->losses > 0) {
        test->site->expected = expected;
    }
    the_proxy_leaves_nothing_behind(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_session_is_as_if_alone),
        cmocka_unit_test(nothing_is_left),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
