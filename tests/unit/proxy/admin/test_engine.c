#include "proxy/admin/engine.h"

#include "proxy/admin/fill.h"
#include "proxy/admin/show.h"
#include "tests/lib/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct asker asker = {
    .id = 7,
    .user = SLICE_INIT("admin"),
    .host = SLICE_INIT("127.0.0.1"),
    .schema = SLICE_INIT("sluice"),
    .right = ADMIN_COMMAND,
};

// An engine, and rows for it as control and the room's own fillers would bring them.
struct scene {
    struct engine *engine;
    struct view_rows rows[VIEW_COUNT];
};

static void session_add(struct view_rows *rows, int64_t id, const char *user, const char *query,
                        int64_t queries)
{
    view_rows_add(rows, (struct cell[VIEW_SESSIONS_WIDTH]){
                            [VIEW_SESSIONS_ID] = cell_int(id),
                            [VIEW_SESSIONS_USER] = cell_text_or_null(slice_text(user)),
                            [VIEW_SESSIONS_STATE] = cell_text(S("idle")),
                            [VIEW_SESSIONS_SINCE_MS] = cell_int(id * 1000),
                            [VIEW_SESSIONS_QUERIES] = cell_int(queries),
                            [VIEW_SESSIONS_QUERY] = cell_text(slice_text(query)),
                        });
}

static void backend_add(struct view_rows *rows, const char *name, const char *state, int64_t lag)
{
    view_rows_add(rows, (struct cell[VIEW_BACKENDS_WIDTH]){
                            [VIEW_BACKENDS_NAME] = cell_text(slice_text(name)),
                            [VIEW_BACKENDS_STATE] = cell_text(slice_text(state)),
                            [VIEW_BACKENDS_LAG_MS] =
                                lag >= 0 ? cell_int(lag) : (struct cell){.kind = CELL_NULL},
                        });
}

static int scene_setup(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    const uint64_t constant = VIEW_BIT(VIEW_SCHEMATA) | VIEW_BIT(VIEW_TABLES) |
                              VIEW_BIT(VIEW_COLUMNS) | VIEW_BIT(VIEW_VARIABLES) |
                              VIEW_BIT(VIEW_COLLATIONS) | VIEW_BIT(VIEW_CHARACTER_SETS) |
                              VIEW_BIT(VIEW_ENGINES);
    for (enum view view = 0; view < VIEW_COUNT; view++) {
        view_rows_init(&scene->rows[view], view);
    }
    fill_views(constant, &(struct filling){.asker = &asker}, scene->rows);
    backend_add(&scene->rows[VIEW_BACKENDS], "db1", "up", -1);
    backend_add(&scene->rows[VIEW_BACKENDS], "db2", "up", 40);
    backend_add(&scene->rows[VIEW_BACKENDS], "db3", "lagging", 12000);
    session_add(&scene->rows[VIEW_SESSIONS], 1, "app", "SELECT 'it''s'", 10);
    session_add(&scene->rows[VIEW_SESSIONS], 2, "app", "", 5);
    session_add(&scene->rows[VIEW_SESSIONS], 3, NULL, "x\\y", 1);
    scene->engine = engine_create();
    *state = scene;
    return 0;
}

static int scene_teardown(void **state)
{
    struct scene *scene = *state;
    for (enum view view = 0; view < VIEW_COUNT; view++) {
        view_rows_release(&scene->rows[view]);
    }
    engine_destroy(scene->engine);
    free(scene);
    return 0;
}

// The answer as text: columns, then rows; cells between bars.
static bool ask(struct scene *scene, const char *sql, const struct cell *parameters,
                struct buffer *out, struct error *error)
{
    struct table table = TABLE_INIT;
    *error = ERROR_NONE;
    struct engine_statement *statement = engine_prepare(scene->engine, slice_text(sql), error);
    bool is_good =
        statement != NULL && engine_run(statement, scene->rows, parameters, &asker, &table, error);
    engine_release(&statement);
    if (!is_good) {
        return false;
    }
    struct cell *cells = calloc(table.width, sizeof(*cells));
    for (size_t i = 0; i < table.width; i++) {
        buffer_print(out, "%s%.*s", i > 0 ? "|" : "", SLICE_ARG(table.columns[i].name));
    }
    const uint8_t *at = buffer_ptr(&table.bytes);
    for (size_t row = 0; row < table.count; row++) {
        at += cells_read(at, cells, table.width);
        for (size_t i = 0; i < table.width; i++) {
            char print[CELL_PRINT_SIZE];
            struct slice text =
                cells[i].kind == CELL_NULL ? S("NULL") : cell_print(&cells[i], print);
            buffer_print(out, "%s%.*s", i > 0 ? "|" : "\n", SLICE_ARG(text));
        }
    }
    free(cells);
    table_release(&table);
    return true;
}

static void assert_answer(struct scene *scene, const char *sql, const char *expected)
{
    struct buffer out = BUFFER_INIT;
    struct error error;
    if (!ask(scene, sql, NULL, &out, &error)) {
        fail_msg("%s: %d %s", sql, error.code, error.text);
    }
    buffer_append(&out, "", 1);
    assert_string_equal((const char *)buffer_ptr(&out), expected);
    buffer_release(&out);
}

static void assert_refused(struct scene *scene, const char *sql, int code, const char *words)
{
    struct buffer out = BUFFER_INIT;
    struct error error;
    if (ask(scene, sql, NULL, &out, &error)) {
        fail_msg("%s was answered: %.*s", sql, SLICE_ARG(buffer_slice(&out)));
    }
    if (error.code != code || strstr(error.text, words) == NULL) {
        fail_msg("%s: %d %s", sql, error.code, error.text);
    }
    assert_memory_equal(error.text, "sluice: ", 8);
    buffer_release(&out);
}

static void views_are_tables(void **state)
{
    assert_answer(*state, "SELECT name, lag_ms FROM backends",
                  "name|lag_ms\ndb1|NULL\ndb2|40\n"
                  "db3|12000");
    assert_answer(*state,
                  "SELECT b.name AS n FROM sluice.backends b WHERE b.state = 'up' AND lag_ms IS "
                  "NOT NULL",
                  "n\ndb2");
    assert_answer(*state, "SELECT user, sum(queries) FROM sessions GROUP BY user ORDER BY 2 DESC",
                  "user|sum(queries)\napp|15\nNULL|1");
    assert_answer(*state, "SELECT count(*) FROM `sessions`, backends", "count(*)\n9");
    assert_answer(*state, "SELECT id FROM sessions ORDER BY id DESC LIMIT 1, 1", "id\n2");
    assert_answer(*state, "SELECT id FROM sessions WHERE query LIKE 'x\\\\\\\\%'", "id\n3");
    assert_answer(*state, "SELECT query FROM sessions WHERE id = 1", "query\nSELECT 'it''s'");
    assert_answer(*state,
                  "WITH slow AS (SELECT * FROM backends WHERE lag_ms > 100) SELECT count(*) FROM "
                  "slow",
                  "count(*)\n1");
    assert_answer(*state, "SELECT max FROM backends LIMIT 1", "max\nNULL");
    assert_answer(*state, "SELECT id FROM sessions WHERE id IN (SELECT max(id) FROM sessions)",
                  "id\n3");
}

// As with the servers' usual collations.
static void text_compares_without_case(void **state)
{
    assert_answer(*state, "SELECT name FROM backends WHERE state = 'UP' AND NAME = \"DB2\"",
                  "name\ndb2");
    assert_answer(*state,
                  "SELECT count(*) FROM information_schema.TABLES WHERE table_name = "
                  "'BACKENDS'",
                  "count(*)\n1");
}

static void the_views_that_are_read_are_known_beforehand(void **state)
{
    struct scene *scene = *state;
    static const struct {
        const char *sql;
        uint64_t views;
    } rows[] = {
        {"SELECT 1", 0},
        {"SELECT name FROM backends", VIEW_BIT(VIEW_BACKENDS)},
        {"SELECT count(*) FROM sluice.sessions", VIEW_BIT(VIEW_SESSIONS)},
        {"SELECT 1 WHERE EXISTS (SELECT * FROM pools)", VIEW_BIT(VIEW_POOLS)},
        {"SELECT * FROM backends JOIN pools ON name = backend",
         VIEW_BIT(VIEW_BACKENDS) | VIEW_BIT(VIEW_POOLS)},
        {"WITH x AS (SELECT * FROM events) SELECT count(*) FROM x", VIEW_BIT(VIEW_EVENTS)},
        {"SELECT * FROM information_schema.events", VIEW_BIT(VIEW_SCHEMA_EVENTS)},
        {"SELECT * FROM routes UNION ALL SELECT * FROM routes", VIEW_BIT(VIEW_ROUTES)},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error error = ERROR_NONE;
        struct engine_statement *statement =
            engine_prepare(scene->engine, slice_text(rows[i].sql), &error);
        assert_string_equal(error.text, "");
        assert_true(engine_views(statement) == rows[i].views);
        engine_release(&statement);
    }
}

// SELECT, reading of views and functions; nothing else, whatever SQLite can do besides.
static void nothing_but_reading_is_let_through(void **state)
{
    static const char *const forbidden[] = {
        "INSERT INTO backends VALUES (1)",
        "UPDATE backends SET name = 'x'",
        "DELETE FROM backends",
        "REPLACE INTO backends VALUES (1)",
        "DROP TABLE backends",
        "CREATE TABLE x (a)",
        "CREATE TEMP TABLE x (a)",
        "CREATE VIRTUAL TABLE x USING view(0)",
        "CREATE VIEW x AS SELECT 1",
        "CREATE TRIGGER x AFTER INSERT ON backends BEGIN SELECT 1; END",
        "ALTER TABLE backends RENAME TO x",
        "PRAGMA database_list",
        "PRAGMA temp_store = 0",
        "PRAGMA writable_schema = 1",
        "ATTACH '/tmp/x.db' AS x",
        "DETACH information_schema",
        "BEGIN EXCLUSIVE",
        "SAVEPOINT x",
        "VACUUM",
        "VACUUM INTO '/tmp/x.db'",
        "ANALYZE",
        "REINDEX",
        "EXPLAIN SELECT 1",
        "EXPLAIN QUERY PLAN SELECT 1",
        "SELECT load_extension('x')",
        "SELECT writefile('x', 'y')",
        "SELECT fts3_tokenizer('simple')",
        "SELECT sqlite_source_id()",
        "SELECT * FROM sqlite_master",
        "SELECT sql FROM sluice.sqlite_schema",
        "SELECT name FROM information_schema.sqlite_master",
        "SELECT * FROM sqlite_temp_schema",
        "SELECT * FROM pragma_table_info('backends')",
        "SELECT count(*) FROM pragma_database_list",
        "SELECT * FROM json_each('[1]')",
        "SELECT * FROM view",
        "WITH RECURSIVE x(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM x) SELECT a FROM x",
        "nonsense",
        "",
        ";",
        "SELECT 1; DELETE FROM backends",
    };
    for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
        struct buffer out = BUFFER_INIT;
        struct error error;
        if (ask(*state, forbidden[i], NULL, &out, &error)) {
            fail_msg("%s was answered: %.*s", forbidden[i], SLICE_ARG(buffer_slice(&out)));
        }
        assert_in_range(error.code, 1064, 1146);
        buffer_release(&out);
    }
    // And all is as it was.
    assert_answer(*state, "SELECT count(*) FROM backends", "count(*)\n3");
}

static void mistakes_are_told_by_their_number(void **state)
{
    assert_refused(*state, "SELECT * FROM nowhere", 1146, "'nowhere'");
    assert_refused(*state, "SELECT * FROM cache", 1105, "cache is not yet active");
    assert_refused(*state, "SELECT * FROM sluice.cache_advice", 1105, "not yet active");
    assert_refused(*state, "SELECT nothing FROM backends", 1064, "nothing");
    assert_refused(*state, "SELECT FROM", 1064, "syntax");
    assert_refused(*state, "SELECT @@no_such_variable", 1064, "no_such_variable");
    assert_refused(*state, "SELECT \"x\" FROM backends WHERE `no such` = 1", 1064, "no such");
    assert_refused(*state, "SELECT 'unended", 1064, "does not end");
}

static void greetings_of_drivers_are_answered(void **state)
{
    assert_answer(*state, "select @@version_comment limit 1",
                  "@@version_comment\nsluice admin port");
    assert_answer(*state, "SELECT VERSION()", "VERSION()\n8.0.11-sluice-" SLUICE_VERSION);
    assert_answer(*state, "SELECT @@version", "@@version\n8.0.11-sluice-" SLUICE_VERSION);
    assert_answer(*state, "SELECT DATABASE(), USER(), CONNECTION_ID() LIMIT 1",
                  "DATABASE()|USER()|CONNECTION_ID()\nsluice|admin@127.0.0.1|7");
    assert_answer(*state,
                  "/* mysql-connector-java-8.0 */SELECT  @@session.auto_increment_increment AS "
                  "auto_increment_increment, @@character_set_client AS character_set_client, "
                  "@@max_allowed_packet AS m, @@transaction_isolation AS t",
                  "auto_increment_increment|character_set_client|m|t\n"
                  "1|utf8mb4|1048576|REPEATABLE-READ");
    assert_answer(*state, "SELECT @@SESSION.autocommit + 1", "@@SESSION.autocommit + 1\n2");
    assert_answer(*state, "SELECT CONCAT('a', 1, NULL), CONCAT('a', 'b'), IF(1 > 2, 'x', 'y')",
                  "CONCAT('a', 1, NULL)|CONCAT('a', 'b')|IF(1 > 2, 'x', 'y')\nNULL|ab|y");
    assert_answer(*state, "SELECT 1 FROM DUAL", "1\n1");
    assert_answer(*state, "SELECT CURRENT_USER", "current_user()\nadmin@127.0.0.1");
    assert_answer(*state, "SELECT length(NOW()), UNIX_TIMESTAMP() > 1700000000",
                  "length(NOW())|UNIX_TIMESTAMP() > 1700000000\n19|1");
    assert_answer(*state, "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA",
                  "SCHEMA_NAME\ninformation_schema\nsluice");
    assert_answer(*state,
                  "SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS WHERE "
                  "TABLE_SCHEMA = 'sluice' AND TABLE_NAME = 'routes' ORDER BY ORDINAL_POSITION",
                  "COLUMN_NAME|DATA_TYPE\nreason|text\ntarget|text\ncount|bigint");
    assert_answer(*state, "SELECT count(*) FROM information_schema.ROUTINES", "count(*)\n0");
}

// What the table of SHOWs makes is understood, every row of it.
static void shows_can_all_be_run(void **state)
{
    static const char *const shows[] = {
        "SHOW CONFIG VERSIONS",
        "SHOW DATABASES",
        "SHOW SCHEMAS LIKE 'sl%'",
        "SHOW TABLES",
        "SHOW FULL TABLES FROM sluice",
        "SHOW FULL TABLES FROM sluice WHERE Table_type = 'VIEW'",
        "SHOW TABLE STATUS",
        "SHOW TABLE STATUS FROM sluice LIKE 'back%'",
        "SHOW COLUMNS FROM backends",
        "SHOW FULL COLUMNS FROM backends FROM sluice",
        "SHOW FULL FIELDS FROM `sluice`.`backends` LIKE 'n%'",
        "DESCRIBE backends",
        "DESC backends",
        "SHOW CREATE TABLE backends",
        "SHOW CREATE DATABASE sluice",
        "SHOW INDEX FROM backends",
        "SHOW KEYS FROM `backends` FROM `sluice`",
        "SHOW VARIABLES",
        "SHOW VARIABLES LIKE 'sql_mode'",
        "SHOW SESSION VARIABLES WHERE Variable_name = 'x'",
        "SHOW GLOBAL VARIABLES LIKE 'lower_case_%'",
        "SHOW SESSION STATUS LIKE 'Ssl_cipher'",
        "SHOW GLOBAL STATUS",
        "SHOW WARNINGS",
        "SHOW WARNINGS LIMIT 10",
        "SHOW ERRORS",
        "SHOW COUNT(*) WARNINGS",
        "SHOW COUNT(*) ERRORS",
        "SHOW ENGINES",
        "SHOW STORAGE ENGINES",
        "SHOW CHARSET",
        "SHOW CHARACTER SET LIKE 'utf8%'",
        "SHOW COLLATION",
        "SHOW COLLATION WHERE Charset = 'utf8mb4'",
        "SHOW PROCESSLIST",
        "SHOW FULL PROCESSLIST",
        "SHOW GRANTS",
        "SHOW GRANTS FOR CURRENT_USER()",
        "SHOW PLUGINS",
        "SHOW TRIGGERS",
        "SHOW TRIGGERS FROM `sluice`",
        "SHOW PROCEDURE STATUS WHERE Db = 'x'",
        "SHOW FUNCTION STATUS",
        "SHOW BACKENDS",
        "SHOW POOLS",
        "SHOW SESSIONS",
        "SHOW ROUTES",
        "SHOW RULES",
        "SHOW STATUS",
        "SHOW CONFIG",
        "SHOW EVENTS",
        "SHOW SESSIONS WHERE user = 'app' ORDER BY id LIMIT 1",
    };
    for (size_t i = 0; i < sizeof(shows) / sizeof(shows[0]); i++) {
        struct buffer select = BUFFER_INIT;
        struct buffer out = BUFFER_INIT;
        struct error error = ERROR_NONE;
        enum show_verdict verdict = show_translate(slice_text(shows[i]), S(""), &select, &error);
        buffer_append(&select, "", 1);
        if (verdict != SHOW_SELECT ||
            !ask(*state, (const char *)buffer_ptr(&select), NULL, &out, &error)) {
            fail_msg("%s: %s", shows[i], error.text);
        }
        buffer_release(&select);
        buffer_release(&out);
    }
}

static void parameters_are_bound(void **state)
{
    struct scene *scene = *state;
    struct error error = ERROR_NONE;
    struct buffer out = BUFFER_INIT;
    const struct cell cells[] = {
        cell_text(S("d'b%")), cell_int(2), cell_real(0.5), {.kind = CELL_NULL}, cell_text(S(""))};
    const char *sql = "SELECT ?, ? + 1, ?, ?, ? = ''";
    struct engine_statement *statement = engine_prepare(scene->engine, slice_text(sql), &error);
    assert_int_equal(engine_parameter_count(statement), 5);
    engine_release(&statement);
    assert_true(ask(scene, sql, cells, &out, &error));
    assert_true(slice_equal(buffer_slice(&out), S("?|? + 1|?|?|? = ''\nd'b%|3|0.5|NULL|1")));
    buffer_release(&out);
}

// --- limits -------------------------------------------------------------------------------------

static void sessions_fill(struct scene *scene, int count, size_t len)
{
    char *query = malloc(len + 1);
    memset(query, 'q', len);
    query[len] = '\0';
    for (int i = 0; i < count; i++) {
        session_add(&scene->rows[VIEW_SESSIONS], i, "app", query, i);
    }
    free(query);
}

static void a_statement_without_end_is_ended(void **state)
{
    struct scene *scene = *state;
    sessions_fill(scene, 500, 1);
    int64_t before = clock_now_us();
    assert_refused(scene,
                   "SELECT count(*) FROM sessions a, sessions b, sessions c, sessions d "
                   "WHERE a.id + b.id + c.id + d.id = -1",
                   1105, "longer than 2 s");
    assert_true(clock_now_us() - before < 8 * CLOCK_SECOND);
    assert_answer(scene, "SELECT count(*) FROM sessions", "count(*)\n503");
}

static void a_result_beyond_the_room_is_refused(void **state)
{
    struct scene *scene = *state;
    sessions_fill(scene, 400, 60000);
    assert_refused(scene, "SELECT * FROM sessions", 1105, "larger than 16 MiB");
    assert_refused(scene, "SELECT zeroblob(1000000000)", 1105, "");
    assert_refused(scene, "SELECT replace(hex(zeroblob(1000000)), '0', 'xxxxxxxxxx')", 1105, "");
    assert_answer(scene, "SELECT count(*) FROM sessions", "count(*)\n403");
}

// What a sort holds counts against the room that SQLite has in all.
static void a_sort_beyond_the_room_is_refused(void **state)
{
    struct scene *scene = *state;
    struct buffer out = BUFFER_INIT;
    struct error error;
    sessions_fill(scene, 300, 60000);
    assert_false(ask(scene,
                     "SELECT count(*) FROM (SELECT a.query || b.id AS q FROM sessions a, sessions "
                     "b ORDER BY q LIMIT 1000000)",
                     NULL, &out, &error));
    assert_int_equal(error.code, 1105);
    assert_answer(scene, "SELECT count(*) FROM sessions", "count(*)\n303");
    buffer_release(&out);
}

static void a_view_that_was_cut_is_not_shown_as_if_whole(void **state)
{
    struct scene *scene = *state;
    scene->rows[VIEW_SESSIONS].is_cut = true;
    assert_refused(scene, "SELECT count(*) FROM sessions", 1105, "32 MiB");
    assert_answer(scene, "SELECT count(*) FROM backends", "count(*)\n3");
}

int main(void)
{
#define SCENE_TEST(test) cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)
    const struct CMUnitTest tests[] = {
        SCENE_TEST(views_are_tables),
        SCENE_TEST(text_compares_without_case),
        SCENE_TEST(the_views_that_are_read_are_known_beforehand),
        SCENE_TEST(nothing_but_reading_is_let_through),
        SCENE_TEST(mistakes_are_told_by_their_number),
        SCENE_TEST(greetings_of_drivers_are_answered),
        SCENE_TEST(shows_can_all_be_run),
        SCENE_TEST(parameters_are_bound),
        SCENE_TEST(a_statement_without_end_is_ended),
        SCENE_TEST(a_result_beyond_the_room_is_refused),
        SCENE_TEST(a_sort_beyond_the_room_is_refused),
        SCENE_TEST(a_view_that_was_cut_is_not_shown_as_if_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
