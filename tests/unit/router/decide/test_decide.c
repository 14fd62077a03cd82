// Where statements go: each row is a statement, what its session is like, how the servers stand,
// and the route.
#include "router/decide/decide.h"

#include "proxy/base/clock.h"
#include "proxy/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static const char configuration[] = "[backend:db1]\n"
                                    "address = 10.0.0.1:3306\n"
                                    "[backend:db2]\n"
                                    "address = 10.0.0.2:3306\n"
                                    "[backend:db3]\n"
                                    "address = 10.0.0.3:3306\n"
                                    "[proxy]\n"
                                    "query_timeout = 7s\n"
                                    "[user:app]\n"
                                    "password = x\n"
                                    "[user:reader]\n"
                                    "password = x\n"
                                    "readonly = yes\n"
                                    "consistency = global\n"
                                    "[routing]\n"
                                    "pure_functions = shop.price\n"
                                    "[rule:no_deletes]\n"
                                    "match = ^DELETE FROM forbidden\n"
                                    "route = block\n"
                                    "message = not here\n"
                                    "[rule:block_reads]\n"
                                    "match = forbidden_read\n"
                                    "route = block\n"
                                    "[rule:dry]\n"
                                    "match = dry_run\n"
                                    "route = block\n"
                                    "dry_run = yes\n"
                                    "[rule:behind_dry]\n"
                                    "match = dry_run behind\n"
                                    "route = primary\n"
                                    "[rule:fresh]\n"
                                    "match = FROM fresh\n"
                                    "route = primary\n"
                                    "timeout = 3s\n"
                                    "log = yes\n"
                                    "consistency = eventual\n"
                                    "[user:lax]\n"
                                    "password = x\n"
                                    "consistency = eventual\n"
                                    "[rule:stale]\n"
                                    "match = FROM stale\n"
                                    "consistency = eventual\n"
                                    "[rule:old]\n"
                                    "match = FROM old\n"
                                    "route = replica\n"
                                    "[rule:third]\n"
                                    "match = FROM third\n"
                                    "route = backend=db3\n"
                                    "[rule:near]\n"
                                    "match = FROM near\n"
                                    "max_lag = 2s\n"
                                    "[rule:writes]\n"
                                    "match = ^INSERT INTO old_log\n"
                                    "route = replica\n";

struct row {
    const char *sql;
    // "": autocommit, nothing open. "rw db1", "ro db2": a transaction. "pin db1". "off": autocommit
    // is off. "serializable". "next_ro". "reader": that user. "default_primary",
    // "default_replica".
    const char *session;
    // db1, db2, db3: P the primary; H read only, but head; X the primary that is down; Q one that
    // drains; R a replica, R5 one 5 s behind; Z one of weight 0; L lagging; D down; U nothing
    // known.
    const char *servers;
    // target server reason; * for any of several replicas; "wait" for a server where none can.
    const char *expected;
};

#define ALL "P R R"

static const struct row rows[] = {
    // --- plain reads
    {"SELECT 1", "", ALL, "replica * read"},
    {"SELECT * FROM t WHERE a = 1", "", "P R D", "replica db2 read"},
    {"SELECT * FROM t", "", "P L R", "replica db3 read"},
    {"SELECT * FROM t", "", "P Z R", "replica db3 read"},
    {"SELECT * FROM t", "", "P Z D", "replica db2 read"},
    {"SELECT * FROM t", "", "P L D", "primary db1 no_replica"},
    {"SELECT * FROM t", "", "X R R", "replica * read"},
    {"SELECT * FROM t", "", "Q L R", "replica db3 read"},
    {"SELECT * FROM t", "", "H L L", "primary db1 no_replica"},
    {"SELECT * FROM t", "", "X L D", "wait replica no_server"},
    {"SELECT * FROM t", "", "Q D D", "wait replica no_server"},
    {"SELECT * FROM t", "", "U U U", "wait replica no_server"},
    {"WITH a AS (SELECT 1) SELECT * FROM a", "", ALL, "replica * read"},
    {"SELECT shop.price(1)", "", ALL, "replica * read"},

    // --- what is unsafe on a replica
    {"INSERT INTO t VALUES (1)", "", ALL, "primary db1 write"},
    {"UPDATE t SET a = 1", "", "P D D", "primary db1 write"},
    {"INSERT INTO t VALUES (1)", "", "X R R", "wait primary no_primary"},
    {"INSERT INTO t VALUES (1)", "", "Q R R", "wait primary no_primary"},
    {"INSERT INTO t VALUES (1)", "", "H R R", "wait primary no_primary"},
    {"CREATE TABLE t (a INT)", "", ALL, "primary db1 ddl"},
    {"SELECT * FROM t FOR UPDATE", "", ALL, "primary db1 locking_read"},
    {"SELECT * FROM t WHERE a IN (SELECT a FROM u LOCK IN SHARE MODE)", "", ALL,
     "primary db1 locking_read"},
    {"SELECT own_function(1)", "", ALL, "primary db1 unknown_function"},
    {"CALL p()", "", ALL, "primary db1 procedure"},
    {"SELECT GET_LOCK('a', 1)", "", ALL, "primary db1 user_lock"},
    {"SELECT GET_LOCK('a', 1)", "", "X R R", "wait primary no_primary"},
    {"FLUSH TABLES", "", ALL, "primary db1 administration"},
    {"NONSENSE", "", ALL, "primary db1 unknown_statement"},
    {"SELECT 1; DELETE FROM t", "", ALL, "primary db1 write"},

    // --- what each server answers differently
    {"SHOW STATUS", "", ALL, "primary db1 server_specific"},
    {"SELECT * FROM information_schema.tables", "", ALL, "primary db1 server_specific"},
    {"SHOW STATUS", "", "H R R", "primary db1 server_specific"},
    {"SHOW STATUS", "", "X R D", "replica db2 no_primary"},
    {"SHOW STATUS", "", "X D D", "wait primary no_server"},
    {"SHOW STATUS", "default_replica", ALL, "primary db1 server_specific"},
    {"SHOW STATUS /* sluice: replica */", "", "P D R", "replica db3 hint"},
    {"SHOW STATUS /* sluice: backend=db2 */", "", ALL, "backend db2 hint"},

    // --- the session's own
    {"SET NAMES utf8mb4", "", ALL, "primary db1 session_state"},
    {"SET NAMES utf8mb4", "", "X R D", "replica db2 no_primary"},
    {"USE shop", "", "X D R", "replica db3 no_primary"},
    {"SET @a = 1", "", "X R R", "wait primary no_primary"},
    {"SET sql_mode = CONCAT(@@sql_mode, ',ANSI')", "", "X R R", "wait primary no_primary"},

    // --- transactions
    {"BEGIN", "", ALL, "primary db1 transaction_control"},
    {"START TRANSACTION", "", "X R R", "wait primary no_primary"},
    {"START TRANSACTION READ WRITE", "next_ro", ALL, "primary db1 transaction_control"},
    {"COMMIT", "", ALL, "primary db1 transaction_control"},
    {"COMMIT", "", "X R D", "replica db2 no_primary"},
    {"ROLLBACK", "", "X R D", "replica db2 no_primary"},
    {"COMMIT AND CHAIN", "", "X R D", "wait primary no_primary"},
    {"SAVEPOINT a", "", "X R R", "wait primary no_primary"},
    {"SELECT * FROM t", "rw db1", ALL, "primary db1 transaction"},
    {"SELECT * FROM t /* sluice: replica */", "rw db1", ALL, "primary db1 transaction"},
    {"SELECT * FROM old", "rw db1", ALL, "primary db1 transaction"},
    {"INSERT INTO t VALUES (1)", "rw db1", ALL, "primary db1 write"},
    {"COMMIT", "rw db1", ALL, "primary db1 transaction_control"},
    {"SHOW STATUS", "rw db1", ALL, "primary db1 server_specific"},
    // it goes on where it is while its server drains or does not answer
    {"INSERT INTO t VALUES (1)", "rw db1", "Q R R", "primary db1 write"},
    {"COMMIT", "rw db1", "X R R", "primary db1 transaction_control"},
    // its server is the primary no more: nothing is written there
    {"INSERT INTO t VALUES (1)", "rw db2", ALL, "blocked - transaction"},
    {"COMMIT", "rw db2", ALL, "blocked - transaction"},
    {"COMMIT", "rw db2", "P U R", "blocked - transaction"},
    {"ROLLBACK", "rw db2", ALL, "replica db2 transaction_control"},
    {"SELECT * FROM t", "rw db2", ALL, "replica db2 transaction"},

    // --- READ ONLY transactions
    {"START TRANSACTION READ ONLY", "", "P R D", "replica db2 read_only_transaction"},
    {"START TRANSACTION READ ONLY, WITH CONSISTENT SNAPSHOT", "", "P D R",
     "replica db3 read_only_transaction"},
    {"START TRANSACTION READ ONLY", "", "P D D", "primary db1 no_replica"},
    {"START TRANSACTION READ ONLY", "", "X D D", "wait replica no_server"},
    {"START TRANSACTION READ ONLY /* sluice: primary */", "", ALL, "primary db1 hint"},
    {"START TRANSACTION READ ONLY", "default_primary", ALL, "primary db1 default_target"},
    {"START TRANSACTION READ ONLY", "serializable", ALL, "primary db1 transaction_control"},
    {"START TRANSACTION READ ONLY; SELECT 1", "", ALL, "primary db1 transaction_control"},
    {"BEGIN", "next_ro", "P R D", "replica db2 read_only_transaction"},
    {"SELECT * FROM t", "ro db2", ALL, "replica db2 read_only_transaction"},
    {"SELECT * FROM t /* sluice: primary */", "ro db2", ALL, "replica db2 read_only_transaction"},
    {"SELECT * FROM t", "ro db2", "P L R", "replica db2 read_only_transaction"},
    {"SHOW STATUS", "ro db2", ALL, "replica db2 read_only_transaction"},
    {"SET NAMES utf8mb4", "ro db2", ALL, "replica db2 read_only_transaction"},
    {"COMMIT", "ro db2", ALL, "replica db2 read_only_transaction"},
    {"ROLLBACK", "ro db2", ALL, "replica db2 read_only_transaction"},
    {"SAVEPOINT a", "ro db2", ALL, "replica db2 read_only_transaction"},
    {"INSERT INTO t VALUES (1)", "ro db2", ALL, "blocked - read_only_transaction"},
    {"INSERT INTO t VALUES (1) /* sluice: replica */", "ro db2", ALL,
     "blocked - read_only_transaction"},
    {"SELECT * FROM t FOR UPDATE", "ro db2", ALL, "blocked - read_only_transaction"},
    {"FLUSH TABLES", "ro db2", ALL, "blocked - read_only_transaction"},
    {"SET GLOBAL max_connections = 5", "ro db2", ALL, "blocked - read_only_transaction"},
    // they would leave on the replica's connection what later writes need
    {"SELECT GET_LOCK('a', 1)", "ro db2", ALL, "blocked - read_only_transaction"},
    {"SET @a = 1", "ro db2", ALL, "replica db2 read_only_transaction"},
    {"SET @a = (SELECT MAX(id) FROM t)", "ro db2", ALL, "replica db2 read_only_transaction"},
    {"SET sql_mode = CONCAT(@@sql_mode, ',ANSI')", "ro db2", ALL,
     "replica db2 read_only_transaction"},
    {"SELECT id INTO @a FROM t", "ro db2", ALL, "replica db2 read_only_transaction"},
    {"SELECT @a := 1", "ro db2", ALL, "replica db2 read_only_transaction"},
    {"DROP PREPARE s", "ro db2", ALL, "replica db2 read_only_transaction"},
    {"PREPARE s FROM 'SELECT 1'", "ro db2", ALL, "blocked - read_only_transaction"},
    {"SET autocommit = 0", "ro db2", ALL, "replica db2 read_only_transaction"},
    {"SET autocommit = 1", "off ro db2", ALL, "replica db2 read_only_transaction"},
    {"CREATE TEMPORARY TABLE x (a INT)", "ro db2", ALL, "blocked - read_only_transaction"},
    {"START TRANSACTION", "ro db2", ALL, "primary db1 transaction_control"},
    {"START TRANSACTION READ ONLY", "ro db2", ALL, "replica db2 read_only_transaction"},
    // on the primary the server says what may run
    {"INSERT INTO t VALUES (1)", "ro db1", ALL, "primary db1 read_only_transaction"},
    {"START TRANSACTION", "ro db1", ALL, "primary db1 read_only_transaction"},

    // --- autocommit off, isolation
    {"SELECT * FROM t", "off", ALL, "primary db1 autocommit_off"},
    {"SELECT * FROM t /* sluice: replica */", "off", ALL, "primary db1 autocommit_off"},
    {"SELECT * FROM t", "off", "X R R", "wait primary no_primary"},
    {"SELECT * FROM t", "off rw db1", ALL, "primary db1 autocommit_off"},
    {"INSERT INTO t VALUES (1)", "off", ALL, "primary db1 write"},
    {"COMMIT", "off", ALL, "primary db1 transaction_control"},
    // It keeps the connection, which is to be one for writes.
    {"SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "", "X R R", "wait primary no_primary"},
    {"SET sql_log_bin = 0", "", "X R R", "wait primary no_primary"},
    {"SET SESSION rand_seed1 = 5, sort_buffer_size = 100000", "", "X R R",
     "wait primary no_primary"},
    {"SET sort_buffer_size = 100000", "", "X R R", "replica * no_primary"},
    {"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "", "X R R", "replica * no_primary"},
    {"SELECT * FROM t", "off next_ro", ALL, "replica * read_only_transaction"},
    {"SELECT * FROM t", "off next_ro", "X R R", "replica * read_only_transaction"},
    {"SELECT * FROM t", "off next_ro serializable", ALL, "primary db1 serializable"},
    {"SELECT * FROM t", "off next_ro default_primary", ALL, "primary db1 default_target"},
    {"SELECT * FROM t /* sluice: primary */", "off next_ro", ALL, "primary db1 hint"},
    {"SELECT * FROM t FOR UPDATE", "off next_ro", ALL, "primary db1 locking_read"},
    {"INSERT INTO t VALUES (1)", "off next_ro", ALL, "primary db1 write"},
    {"START TRANSACTION READ ONLY", "off", ALL, "replica * read_only_transaction"},
    {"START TRANSACTION", "off", ALL, "primary db1 transaction_control"},
    {"SELECT * FROM t", "serializable", ALL, "primary db1 serializable"},
    {"SELECT * FROM old", "serializable", ALL, "primary db1 serializable"},

    // --- pins
    {"SELECT * FROM t", "pin db1", ALL, "primary db1 pinned"},
    {"SELECT * FROM t /* sluice: backend=db2 */", "pin db1", ALL, "primary db1 pinned"},
    {"INSERT INTO t VALUES (1)", "pin db1", ALL, "primary db1 write"},
    {"SELECT @a", "pin db1", ALL, "primary db1 pinned"},
    {"SELECT @a := 1", "pin db1", ALL, "primary db1 user_variable"},
    {"SELECT * FROM t", "pin db1", "Q R R", "primary db1 pinned"},
    {"SELECT * FROM t", "pin db2", ALL, "replica db2 pinned"},
    {"INSERT INTO t VALUES (1)", "pin db2", ALL, "blocked - pinned"},
    {"BEGIN", "pin db2", ALL, "blocked - pinned"},
    {"START TRANSACTION", "ro db2 pin db2", ALL, "replica db2 read_only_transaction"},

    // --- hints
    {"SELECT * FROM t /* sluice: primary */", "", ALL, "primary db1 hint"},
    {"/* sluice: primary */ SELECT * FROM t", "", "H R R", "primary db1 hint"},
    {"/* sluice: primary */ SELECT * FROM t", "", "X R R", "wait primary no_primary"},
    {"SELECT * FROM t /* sluice: replica */", "default_primary", "P R D", "replica db2 hint"},
    {"SELECT * FROM t /* sluice: replica */", "", "P D D", "primary db1 no_replica"},
    {"SELECT * FROM t /* sluice: backend=db2 */", "", ALL, "backend db2 hint"},
    {"SELECT * FROM t /* sluice: backend=db1 */", "", ALL, "backend db1 hint"},
    {"SELECT * FROM t /* sluice: backend=db2 */", "", "P L R", "replica db3 read"},
    {"SELECT * FROM t /* sluice: backend=db1 */", "", "X D R", "replica db3 read"},
    {"SELECT * FROM t /* sluice: backend=nobody */", "", "P D R", "replica db3 read"},
    {"SELECT * FROM t /* sluice: backend=db2, max_lag=1s */", "", "P R2 R", "replica db3 read"},
    {"DELETE FROM t /* sluice: replica */", "", ALL, "primary db1 write"},
    {"DELETE FROM t /* sluice: backend=db2 */", "", ALL, "primary db1 write"},
    {"SELECT * FROM t FOR UPDATE /* sluice: replica */", "", ALL, "primary db1 locking_read"},
    {"SELECT * FROM t /* sluice: max_lag=500ms */", "", "P R R2", "replica db2 read"},
    {"SELECT * FROM t /* sluice: max_lag=500ms */", "", "P R1 R2", "primary db1 lag"},
    {"SELECT * FROM t /* sluice: max_lag=0 */", "", "P R1 R", "replica db3 read"},
    {"SELECT * FROM t /* sluice: max_lag=500ms */", "", "X R1 R2", "wait replica no_server"},
    {"SELECT * FROM t /* sluice: max_lag=500ms */", "", "P L D", "primary db1 no_replica"},

    // --- rules
    {"SELECT * FROM fresh", "", ALL, "primary db1 rule"},
    {"SELECT * FROM fresh /* sluice: replica */", "", "P R D", "replica db2 hint"},
    {"SELECT * FROM old", "default_primary", "P R D", "replica db2 rule"},
    {"SELECT * FROM third", "", ALL, "backend db3 rule"},
    {"SELECT * FROM third", "", "P R L", "replica db2 read"},
    {"SELECT * FROM near", "", "P R5 R1", "replica db3 read"},
    {"SELECT * FROM near", "", "P R5 R3", "primary db1 lag"},
    {"SELECT * FROM near /* sluice: max_lag=6s */", "", "P R5 D", "replica db2 read"},
    {"INSERT INTO old_log VALUES (1)", "", ALL, "primary db1 write"},
    {"DELETE FROM forbidden", "", ALL, "blocked - rule_blocked"},
    {"DELETE FROM forbidden", "rw db1", ALL, "blocked - rule_blocked"},
    {"SELECT forbidden_read FROM t /* sluice: primary */", "", ALL, "blocked - rule_blocked"},
    {"SELECT dry_run FROM t", "", "P R D", "replica db2 read"},
    {"SELECT dry_run behind FROM t", "", ALL, "primary db1 rule"},

    // --- the account
    {"SELECT * FROM t", "reader", "P R D", "replica db2 read"},
    {"INSERT INTO t VALUES (1)", "reader", ALL, "blocked - user_read_only"},
    {"INSERT INTO t VALUES (1)", "reader rw db1", ALL, "blocked - user_read_only"},
    {"DROP TABLE t", "reader", ALL, "blocked - user_read_only"},
    {"CALL p()", "reader", ALL, "blocked - user_read_only"},
    {"SELECT GET_LOCK('x', 0), own_function(1)", "reader", ALL, "blocked - user_read_only"},
    {"SELECT a FROM t FOR UPDATE; DELETE FROM t", "reader", ALL, "blocked - user_read_only"},
    {"WITH c AS (SELECT a FROM t FOR UPDATE) DELETE FROM t WHERE a IN (SELECT a FROM c)", "reader",
     ALL, "blocked - user_read_only"},
    {"SELECT own_function(1)", "reader", ALL, "blocked - user_read_only"},
    {"SELECT * FROM t FOR UPDATE", "reader", ALL, "primary db1 locking_read"},
    {"SELECT GET_LOCK('a', 1)", "reader", ALL, "primary db1 user_lock"},
    {"BEGIN", "reader", ALL, "primary db1 transaction_control"},

    // --- the default
    {"SELECT * FROM t", "default_primary", ALL, "primary db1 default_target"},
    {"SELECT * FROM t", "default_primary", "X R R", "wait primary no_primary"},
    {"SELECT * FROM t", "default_replica", "P R D", "replica db2 default_target"},
    {"SELECT * FROM t", "default_replica", "P D D", "primary db1 no_replica"},
    {"INSERT INTO t VALUES (1)", "default_replica", ALL, "primary db1 write"},

    // --- sluice itself
    {"KILL 5", "", ALL, "proxy - proxy_statement"},
    {"KILL 5", "rw db1", ALL, "proxy - proxy_statement"},
    {"KILL 5", "", "X D D", "proxy - proxy_statement"},
};

// --- the situation

struct situation {
    struct config config; // of the file, with another default_target
    const struct config *file;
    const struct rules *rules;
    struct rules_scratch *scratch;
    struct topology *topology;
    struct route_session session;
    struct balancer balancer;
    struct positions positions;
    struct position position;
    int64_t wait_us;
    int64_t now_us;
    struct arena arena;
    struct statement statement;
    struct route_explanation explanation;
};

static int situation_open(void **state)
{
    struct situation *situation = test_calloc(1, sizeof(*situation));
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    situation->file =
        config_parse(slice_text(configuration), "test.ini", CONFIG_SEALED, &diagnostics);
    if (situation->file == NULL) {
        diagnostics_print(&diagnostics, stderr);
        return -1;
    }
    situation->rules = rules_compile(situation->file, &diagnostics);
    situation->scratch = rules_scratch_create();
    assert_non_null(situation->rules);
    diagnostics_release(&diagnostics);
    random_seed(3);
    *state = situation;
    return 0;
}

static int situation_close(void **state)
{
    struct situation *situation = *state;
    rules_scratch_destroy(situation->scratch);
    rules_unref(situation->rules);
    config_unref(situation->file);
    topology_unref(situation->topology);
    arena_release(&situation->arena);
    test_free(situation);
    return 0;
}

// One letter, and for a replica its lag in seconds.
static void server_set(struct topology *topology, int i, struct slice word)
{
    struct server *server = &topology->servers[i];
    uint64_t lag = 0;
    server->name = topology_text(topology, i == 0 ? S("db1") : i == 1 ? S("db2") : S("db3"));
    server->reason = topology_text(topology, S("so it is"));
    server->weight = word.ptr[0] == 'Z' ? 0 : 100;
    slice_to_u64(slice_from(word, 1), &lag);
    server->lag_us = (int64_t)lag * CLOCK_SECOND;
    switch (word.ptr[0]) {
    case 'P':
        topology->primary = i;
        // falls through
    case 'H':
        server->role = ROLE_PRIMARY;
        server->state = SERVER_UP;
        break;
    case 'X':
        server->role = ROLE_PRIMARY;
        server->state = SERVER_DOWN;
        break;
    case 'Q':
        server->role = ROLE_PRIMARY;
        server->state = SERVER_DRAINING;
        break;
    case 'R':
    case 'Z':
        server->role = ROLE_REPLICA;
        server->state = SERVER_UP;
        break;
    case 'L':
        server->role = ROLE_REPLICA;
        server->state = SERVER_LAGGING;
        break;
    case 'D':
        server->role = ROLE_REPLICA;
        server->state = SERVER_DOWN;
        break;
    default:
        server->role = ROLE_UNKNOWN;
        server->state = SERVER_STARTING;
    }
}

static void servers_set(struct situation *situation, const char *text)
{
    struct slice rest = slice_text(text);
    struct slice word;
    topology_unref(situation->topology);
    situation->topology = topology_create(3);
    for (int i = 0; i < 3; i++) {
        assert_true(slice_cut(&rest, ' ', &word));
        server_set(situation->topology, i, word);
    }
}

static int index_of(struct slice name)
{
    return name.ptr[2] - '1';
}

static void session_set(struct situation *situation, const char *text)
{
    struct route_session *session = &situation->session;
    struct slice rest = slice_text(text);
    struct slice word;

    situation->config = *situation->file;
    *session = (struct route_session){.user = S("app"), .schema = S("shop"), .listen = S("here")};
    while (slice_cut(&rest, ' ', &word)) {
        if (slice_equal(word, S("rw")) || slice_equal(word, S("ro"))) {
            session->transaction =
                slice_equal(word, S("rw")) ? TRANSACTION_READ_WRITE : TRANSACTION_READ_ONLY;
            assert_true(slice_cut(&rest, ' ', &word));
            session->transaction_server = index_of(word);
        } else if (slice_equal(word, S("pin"))) {
            session->pin = PIN_USER_VARIABLE;
            assert_true(slice_cut(&rest, ' ', &word));
            session->pin_server = index_of(word);
        } else if (slice_equal(word, S("off"))) {
            session->autocommit_is_off = true;
        } else if (slice_equal(word, S("serializable"))) {
            session->is_serializable = true;
        } else if (slice_equal(word, S("next_ro"))) {
            session->next_is_read_only = true;
        } else if (slice_equal(word, S("reader")) || slice_equal(word, S("lax"))) {
            session->user = word;
        } else if (slice_equal(word, S("default_primary"))) {
            situation->config.routing.default_target = CONF_TARGET_PRIMARY;
        } else if (slice_equal(word, S("default_replica"))) {
            situation->config.routing.default_target = CONF_TARGET_REPLICA;
        } else {
            assert_int_equal(word.len, 0);
        }
    }
    session->conf_user = config_user(situation->file, session->user);
}

static void decide(struct situation *situation, const char *sql, struct route *route)
{
    const struct statement_context context = {
        .schema = S("shop"),
        .pure_functions = situation->config.routing.pure_functions,
        .pure_functions_count = situation->config.routing.pure_functions_count,
    };
    arena_reset(&situation->arena);
    statement_parse(&situation->statement, &situation->arena, slice_text(sql), &context);
    const struct decide_input in = {
        .config = &situation->config,
        .positions = &situation->positions,
        .position = &situation->position,
        .wait_us = situation->wait_us,
        .now_us = situation->now_us,
        .statement = &situation->statement,
        .text = slice_text(sql),
        .session = &situation->session,
        .rules = situation->rules,
        .scratch = situation->scratch,
        .topology = situation->topology,
        .balancer = &situation->balancer,
        .explanation = &situation->explanation,
    };
    decide_route(route, &in);
}

static struct route decide_in(struct situation *situation, const char *sql, const char *session,
                              const char *servers)
{
    struct route route;
    session_set(situation, session);
    servers_set(situation, servers);
    decide(situation, sql, &route);
    return route;
}

// --- the table

static void route_render(const struct situation *situation, const struct route *route,
                         bool any_replica, char *out, size_t size)
{
    struct slice server = S("-");
    if (route->server >= 0) {
        server = situation->topology->servers[route->server].name;
    }
    if (any_replica && route->server >= 1) {
        server = S("*");
    }
    if (route->must_wait) {
        snprintf(out, size, "wait %s %.*s", route_target_name(route->target),
                 SLICE_ARG(route_reason_name(route->reason)));
    } else {
        snprintf(out, size, "%s %.*s %.*s", route_target_name(route->target), SLICE_ARG(server),
                 SLICE_ARG(route_reason_name(route->reason)));
    }
}

// What is true of every route.
static void assert_consistent(const struct situation *situation, const struct route *route)
{
    bool needs_server = route->target == ROUTE_PRIMARY || route->target == ROUTE_REPLICA ||
                        route->target == ROUTE_BACKEND;
    assert_int_equal(route->server >= 0, needs_server && !route->must_wait);
    assert_true(route->consistency != CONF_CONSISTENCY_INHERIT);
    for (int i = 0; i < situation->topology->count; i++) {
        bool is_chosen = situation->explanation.verdicts[i] == VERDICT_CHOSEN;
        assert_int_equal(is_chosen, i == route->server);
    }
}

static void statements_go_where_they_belong(void **state)
{
    struct situation *situation = *state;
    int failures = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char rendered[128];
        struct route route = decide_in(situation, rows[i].sql, rows[i].session, rows[i].servers);
        bool any = strchr(rows[i].expected, '*') != NULL;
        route_render(situation, &route, any, rendered, sizeof(rendered));
        assert_consistent(situation, &route);
        if (strcmp(rendered, rows[i].expected) != 0) {
            print_error("%s [%s] [%s]\n  gives    %s\n  expected %s\n", rows[i].sql,
                        rows[i].session, rows[i].servers, rendered, rows[i].expected);
            failures++;
        }
    }
    assert_int_equal(failures, 0);
}

// Whatever hint, rule, account or default says, and however the servers stand: a statement that is
// none of a replica's business never gets one.
static void nothing_sends_a_write_to_a_replica(void **state)
{
    static const char *const writes[] = {"INSERT INTO t VALUES (1)",
                                         "DELETE FROM old",
                                         "SELECT * FROM third FOR UPDATE",
                                         "DROP TABLE t",
                                         "CALL p()",
                                         "SELECT GET_LOCK('a', 1)",
                                         "FLUSH TABLES",
                                         "BEGIN",
                                         "SET GLOBAL x = 1"};
    static const char *const hints[] = {"", "/* sluice: replica */ ", "/* sluice: backend=db2 */ ",
                                        "/* sluice: backend=db3, max_lag=1h */ "};
    static const char *const sessions[] = {"",        "rw db1",       "rw db2",
                                           "pin db2", "off",          "off rw db3",
                                           "ro db2",  "serializable", "default_replica"};
    static const char *const servers[] = {ALL,     "X R R", "P L D", "H R R",
                                          "Q R D", "U R R", "L P R", "R R R"};
    struct situation *situation = *state;
    for (size_t w = 0; w < sizeof(writes) / sizeof(writes[0]); w++) {
        for (size_t h = 0; h < sizeof(hints) / sizeof(hints[0]); h++) {
            for (size_t n = 0; n < sizeof(sessions) / sizeof(sessions[0]); n++) {
                for (size_t s = 0; s < sizeof(servers) / sizeof(servers[0]); s++) {
                    char sql[128];
                    snprintf(sql, sizeof(sql), "%s%s", hints[h], writes[w]);
                    struct route route = decide_in(situation, sql, sessions[n], servers[s]);
                    assert_consistent(situation, &route);
                    if (route.server >= 0 &&
                        situation->topology->servers[route.server].role != ROLE_PRIMARY) {
                        fail_msg("%s [%s] [%s] goes to db%d", sql, sessions[n], servers[s],
                                 route.server + 1);
                    }
                }
            }
        }
    }
}

// --- what else a route says

static void a_read_only_transaction_says_so(void **state)
{
    struct situation *situation = *state;
    assert_true(decide_in(situation, "START TRANSACTION READ ONLY", "", ALL).opens_read_only);
    assert_true(decide_in(situation, "START TRANSACTION READ ONLY", "", "P D D").opens_read_only);
    assert_false(decide_in(situation, "START TRANSACTION", "", ALL).opens_read_only);
    assert_true(decide_in(situation, "START TRANSACTION READ ONLY", "off", ALL).opens_read_only);

    assert_true(decide_in(situation, "BEGIN", "ro db2", ALL).leaves_transaction);
    assert_false(decide_in(situation, "BEGIN", "ro db1", ALL).leaves_transaction);
    assert_false(
        decide_in(situation, "START TRANSACTION READ ONLY", "ro db2", ALL).leaves_transaction);
    assert_false(decide_in(situation, "COMMIT", "ro db2", ALL).leaves_transaction);
}

static void time_limits_go_hint_rule_option(void **state)
{
    struct situation *situation = *state;
    assert_int_equal(decide_in(situation, "SELECT * FROM t", "", ALL).timeout_us, 7 * CLOCK_SECOND);
    assert_int_equal(decide_in(situation, "SELECT * FROM fresh", "", ALL).timeout_us,
                     3 * CLOCK_SECOND);
    assert_int_equal(
        decide_in(situation, "SELECT * FROM fresh /* sluice: timeout=1s */", "", ALL).timeout_us,
        CLOCK_SECOND);
    assert_int_equal(decide_in(situation, "DELETE FROM t", "rw db1", ALL).timeout_us,
                     7 * CLOCK_SECOND);
}

static void consistency_goes_hint_rule_user_option(void **state)
{
    struct situation *situation = *state;
    assert_int_equal(decide_in(situation, "SELECT * FROM t", "", ALL).consistency,
                     CONF_CONSISTENCY_SESSION);
    assert_int_equal(decide_in(situation, "SELECT * FROM t", "reader", ALL).consistency,
                     CONF_CONSISTENCY_GLOBAL);
    assert_int_equal(decide_in(situation, "SELECT * FROM fresh", "reader", ALL).consistency,
                     CONF_CONSISTENCY_EVENTUAL);
    assert_int_equal(
        decide_in(situation, "SELECT * FROM fresh /* sluice: consistency=session */", "reader", ALL)
            .consistency,
        CONF_CONSISTENCY_SESSION);
}

// --- own writes

// db1 has written up to `written`; the replicas are where they are; the session wrote the last.
static void positions_set(struct situation *situation, const char *servers, const char *db2,
                          const char *db3)
{
    static const char written[] = "0-1-20";
    const char *const gtids[] = {written, db2, db3};
    positions_release(&situation->positions);
    situation->positions = (struct positions){.line_count = 0};
    servers_set(situation, servers);
    for (int i = 0; i < 3; i++) {
        struct server *server = &situation->topology->servers[i];
        server->lag_us = 0;
        assert_true(gtid_set_parse(&server->gtid, FAMILY_MARIADB, slice_text(gtids[i])));
    }
    positions_follow(&situation->positions, situation->topology);
    situation->position = (struct position){.count = 0};
    assert_true(positions_note(&situation->positions, &situation->position, FAMILY_MARIADB,
                               slice_text(written), 1));
    situation->now_us = CLOCK_SECOND;
    situation->wait_us = 50 * CLOCK_MS;
}

static void positions_forget(struct situation *situation)
{
    situation->position = (struct position){.count = 0};
    positions_release(&situation->positions);
    situation->positions = (struct positions){.line_count = 0};
}

static void reads_go_where_the_session_s_writes_are(void **state)
{
    struct situation *situation = *state;
    static const struct {
        const char *sql, *session, *servers, *db2, *db3, *expected;
        bool waits;
    } own[] = {
        {"SELECT * FROM t", "", ALL, "0-1-20", "0-1-19", "replica db2 read", false},
        {"SELECT * FROM t", "", ALL, "0-1-19", "0-1-20", "replica db3 read", false},
        {"SELECT * FROM t", "", "P R L", "0-1-19", "0-1-20", "replica db2 read", true},
        {"SELECT * FROM t", "", "P R Z", "0-1-19", "0-1-20", "replica db2 read", true},
        {"SELECT * FROM t", "", "P L L", "0-1-19", "0-1-19", "primary db1 no_replica", false},
        {"SELECT * FROM t /* sluice: consistency=eventual */", "", "P R D", "0-1-19", "0-1-19",
         "replica db2 read", false},
        {"SELECT * FROM t /* sluice: consistency=global */", "", "P R D", "0-1-19", "0-1-19",
         "replica db2 read", true},
        {"SELECT * FROM stale", "", "P R D", "0-1-19", "0-1-19", "replica db2 read", false},
        {"SELECT * FROM stale /* sluice: consistency=session */", "", "P R D", "0-1-19", "0-1-19",
         "replica db2 read", true},
        {"SELECT * FROM t", "lax", "P R D", "0-1-19", "0-1-19", "replica db2 read", false},
        {"SELECT * FROM t /* sluice: consistency=session */", "lax", "P R D", "0-1-19", "0-1-19",
         "replica db2 read", true},
        {"SELECT * FROM t /* sluice: replica */", "", "P R D", "0-1-19", "0-1-19",
         "replica db2 hint", true},
        {"SELECT * FROM t /* sluice: backend=db2 */", "", ALL, "0-1-19", "0-1-20",
         "backend db2 hint", true},
        {"SELECT * FROM third", "", ALL, "0-1-20", "0-1-20", "backend db3 rule", false},
        {"START TRANSACTION READ ONLY", "", "P R D", "0-1-19", "",
         "replica db2 read_only_transaction", true},
        {"SELECT * FROM t", "ro db2", ALL, "0-1-19", "", "replica db2 read_only_transaction",
         false}, // it was waited for at its beginning
        {"INSERT INTO t VALUES (1)", "", ALL, "0-1-19", "0-1-19", "primary db1 write", false},
        {"SHOW STATUS", "", ALL, "0-1-19", "0-1-19", "primary db1 server_specific", false},
    };
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        struct route route;
        char text[128];
        session_set(situation, own[i].session);
        positions_set(situation, own[i].servers, own[i].db2, own[i].db3);
        decide(situation, own[i].sql, &route);
        assert_consistent(situation, &route);
        route_render(situation, &route, false, text, sizeof(text));
        if (strcmp(text, own[i].expected) != 0 || (route.wait_us > 0) != own[i].waits) {
            fail_msg("%s: %s, waits for %lld us", own[i].sql, text, (long long)route.wait_us);
        }
    }
    positions_forget(situation);
}

static void a_replica_that_is_hopelessly_behind_leaves_reads_to_the_primary(void **state)
{
    struct situation *situation = *state;
    struct route route;
    session_set(situation, "");
    positions_set(situation, ALL, "0-1-19", "0-1-19");
    situation->topology->servers[1].lag_us = CLOCK_SECOND;
    decide(situation, "SELECT * FROM t", &route);
    assert_int_equal(route.server, 2);
    situation->topology->servers[2].lag_us = -1;
    decide(situation, "SELECT * FROM t", &route);
    assert_int_equal(route.server, 0);
    assert_int_equal(route.reason, ROUTE_REASON_CONSISTENCY);
    assert_int_equal(route.wait_us, 0);
    decide(situation, "SELECT * FROM t /* sluice: backend=db3 */", &route);
    assert_int_equal(route.server, 0);
    assert_int_equal(route.reason, ROUTE_REASON_CONSISTENCY);
    situation->topology->servers[2].lag_us = 0;
    situation->wait_us = 0; // it has waited
    decide(situation, "SELECT * FROM t", &route);
    assert_int_equal(route.server, 0);
    position_note_unknown(&situation->position, situation->now_us + 1);
    decide(situation, "SELECT * FROM t", &route);
    assert_int_equal(route.server, 0);
    assert_int_equal(route.reason, ROUTE_REASON_WRITE_HOLD);
    positions_forget(situation);
}

static void without_a_primary_a_read_waits_rather_than_to_miss_its_session_s_writes(void **state)
{
    struct situation *situation = *state;
    struct route route;
    session_set(situation, "");
    positions_set(situation, "X R D", "0-1-19", "");
    decide(situation, "SELECT * FROM t", &route);
    assert_int_equal(route.server, 1); // it may have it in a moment
    assert_true(route.wait_us > 0);
    situation->wait_us = 0;
    decide(situation, "SELECT * FROM t", &route);
    assert_true(route.must_wait);
    assert_int_equal(route.reason, ROUTE_REASON_CONSISTENCY);
    positions_forget(situation);
    decide(situation, "SELECT * FROM t", &route);
    assert_int_equal(route.server, 1);
}

static void a_rule_comes_with_the_route(void **state)
{
    struct situation *situation = *state;
    struct route route = decide_in(situation, "DELETE FROM forbidden WHERE a = 1", "", ALL);
    assert_true(slice_equal(route.rule->conf->name, S("no_deletes")));
    assert_true(slice_equal(route.message, S("not here")));

    route = decide_in(situation, "SELECT * FROM fresh", "", ALL);
    assert_true(slice_equal(route.rule->conf->name, S("fresh")));
    assert_true(route.log);

    route = decide_in(situation, "SELECT * FROM t", "", ALL);
    assert_null(route.rule);
    assert_false(route.log);
}

static void an_unknown_backend_is_told(void **state)
{
    struct situation *situation = *state;
    struct route route = decide_in(situation, "SELECT 1 /* sluice: backend=nobody */", "", ALL);
    assert_true(slice_equal(route.unknown_backend, S("nobody")));
    route = decide_in(situation, "SELECT 1 /* sluice: backend=db2 */", "", "P L R");
    assert_int_equal(route.unknown_backend.len, 0);
}

static void without_rules_nothing_matches(void **state)
{
    struct situation *situation = *state;
    const struct rules *rules = situation->rules;
    situation->rules = NULL;
    struct route route = decide_in(situation, "DELETE FROM forbidden", "", ALL);
    situation->rules = rules;
    assert_int_equal(route.target, ROUTE_PRIMARY);
    assert_null(route.rule);
}

static void reads_are_spread(void **state)
{
    struct situation *situation = *state;
    int hits[3] = {0, 0, 0};
    session_set(situation, "");
    servers_set(situation, ALL);
    for (int i = 0; i < 2000; i++) {
        struct route route;
        decide(situation, "SELECT 1", &route);
        hits[route.server]++;
    }
    assert_int_equal(hits[0], 0);
    assert_in_range(hits[1], 900, 1100);
}

// --- why not the others

static void assert_explained(struct situation *situation, const char *sql, const char *session,
                             const char *servers, const char *expected)
{
    struct buffer out = BUFFER_INIT;
    decide_in(situation, sql, session, servers);
    route_explain_print(&situation->explanation, situation->topology, &out);
    buffer_append(&out, "", 1);
    assert_string_equal((const char *)buffer_ptr(&out), expected);
    buffer_release(&out);
}

static void every_server_is_explained(void **state)
{
    struct situation *situation = *state;
    assert_explained(situation, "SELECT 1", "", "P R L",
                     "db1: the primary, kept for writes; db2: chosen; db3: lagging: so it is");
    assert_explained(situation, "SELECT 1", "", "P R Z",
                     "db1: the primary, kept for writes; db2: chosen; db3: weight = 0");
    assert_explained(situation, "SELECT 1 /* sluice: max_lag=1s */", "", "P R5 R0",
                     "db1: the primary, kept for writes; db2: further behind than this statement "
                     "allows; db3: chosen");
    assert_explained(situation, "SELECT 1", "", "P D L",
                     "db1: chosen; db2: down: so it is; db3: lagging: so it is");
    assert_explained(situation, "DELETE FROM t", "", ALL,
                     "db1: chosen; db2: not the primary; db3: not the primary");
    assert_explained(situation, "DELETE FROM t", "", "X R R",
                     "db1: down: so it is; db2: not the primary; db3: not the primary");
    assert_explained(situation, "SELECT 1 /* sluice: backend=db3 */", "", ALL,
                     "db1: another is named; db2: another is named; db3: chosen");
    assert_explained(situation, "SELECT 1", "rw db1", ALL,
                     "db1: chosen; db2: the session is bound to another; db3: the session is bound "
                     "to another");
    assert_explained(situation, "KILL 7", "", ALL,
                     "db1: not asked; db2: not asked; db3: not asked");
    assert_explained(situation, "SHOW STATUS", "", "X R D",
                     "db1: down: so it is; db2: chosen; db3: down: so it is");
    // of two that could, one was drawn
    struct route route = decide_in(situation, "SELECT 1", "", ALL);
    assert_int_equal(situation->explanation.verdicts[route.server == 1 ? 2 : 1], VERDICT_NOT_DRAWN);
}

static void words_of_target_are_those_of_the_views(void **state)
{
    static const char *const words[] = {"primary", "replica", "backend",
                                        "cache",   "proxy",   "blocked"};
    (void)state;
    for (int i = 0; i < ROUTE_TARGET_COUNT; i++) {
        assert_string_equal(route_target_name((enum route_target)i), words[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_go_where_they_belong),
        cmocka_unit_test(nothing_sends_a_write_to_a_replica),
        cmocka_unit_test(a_read_only_transaction_says_so),
        cmocka_unit_test(time_limits_go_hint_rule_option),
        cmocka_unit_test(consistency_goes_hint_rule_user_option),
        cmocka_unit_test(reads_go_where_the_session_s_writes_are),
        cmocka_unit_test(a_replica_that_is_hopelessly_behind_leaves_reads_to_the_primary),
        cmocka_unit_test(without_a_primary_a_read_waits_rather_than_to_miss_its_session_s_writes),
        cmocka_unit_test(a_rule_comes_with_the_route),
        cmocka_unit_test(an_unknown_backend_is_told),
        cmocka_unit_test(without_rules_nothing_matches),
        cmocka_unit_test(reads_are_spread),
        cmocka_unit_test(every_server_is_explained),
        cmocka_unit_test(words_of_target_are_those_of_the_views),
    };
    return cmocka_run_group_tests(tests, situation_open, situation_close);
}
