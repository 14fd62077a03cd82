// What statement_parse() says beyond the target: kinds, effects, asks, tables, details.
#include "router/statement/statement.h"

#include "proxy/base/buffer.h"
#include "proxy/base/memory.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

struct fixture {
    struct arena arena;
    struct statement statement;
    struct statement_context context;
    struct buffer text;
};

// Of a server without views and functions.
static const struct catalogue *catalogue_make(void)
{
    struct catalogue_builder *builder = catalogue_builder_create();
    for (int id = 0; id < CATALOGUE_QUERY_COUNT; id++) {
        catalogue_builder_done(builder, (enum catalogue_query_id)id);
    }
    return catalogue_builder_finish(&builder, statement_inspect);
}

static int fixture_setup(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));
    fixture->context.syntax = SQL_SYNTAX_DEFAULT;
    fixture->context.schema = S("app");
    fixture->context.catalogue = catalogue_make();
    *state = fixture;
    return 0;
}

static int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    catalogue_unref(fixture->context.catalogue);
    arena_release(&fixture->arena);
    buffer_release(&fixture->text);
    mem_free(fixture);
    return 0;
}

static const struct statement *parse(struct fixture *fixture, const char *sql)
{
    arena_reset(&fixture->arena);
    statement_parse(&fixture->statement, &fixture->arena, slice_text(sql), &fixture->context);
    return &fixture->statement;
}

static const char *text_end(struct fixture *fixture)
{
    buffer_append(&fixture->text, "", 1);
    return (const char *)buffer_ptr(&fixture->text);
}

// --- kinds

static void test_kinds_are_what_the_statement_is(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *sql;
        enum statement_kind kind;
        enum statement_kind inner;
    } cases[] = {
        {"SELECT 1", STATEMENT_SELECT, STATEMENT_SELECT},
        {"(SELECT 1)", STATEMENT_SELECT, STATEMENT_SELECT},
        {"WITH x AS (SELECT 1) SELECT * FROM x", STATEMENT_SELECT, STATEMENT_SELECT},
        {"WITH x AS (SELECT 1) UPDATE t SET a = 1", STATEMENT_UPDATE, STATEMENT_UPDATE},
        {"WITH x AS (SELECT 1) DELETE FROM t", STATEMENT_DELETE, STATEMENT_DELETE},
        {"EXPLAIN SELECT 1", STATEMENT_EXPLAIN, STATEMENT_SELECT},
        {"EXPLAIN WITH x AS (SELECT 1) DELETE FROM t", STATEMENT_EXPLAIN, STATEMENT_DELETE},
        {"ANALYZE UPDATE t SET a = 1", STATEMENT_EXPLAIN, STATEMENT_UPDATE},
        {"ANALYZE TABLE t", STATEMENT_MAINTAIN, STATEMENT_MAINTAIN},
        {"DESC t", STATEMENT_DESCRIBE, STATEMENT_DESCRIBE},
        {"SET STATEMENT a = 1 FOR DELETE FROM t", STATEMENT_SET, STATEMENT_DELETE},
        {"BEGIN", STATEMENT_BEGIN, STATEMENT_BEGIN},
        {"BEGIN NOT ATOMIC SELECT 1; END", STATEMENT_COMPOUND, STATEMENT_COMPOUND},
        {"START TRANSACTION", STATEMENT_BEGIN, STATEMENT_BEGIN},
        {"START SLAVE", STATEMENT_ADMINISTRATION, STATEMENT_ADMINISTRATION},
        {"ROLLBACK TO x", STATEMENT_ROLLBACK_TO, STATEMENT_ROLLBACK_TO},
        {"DROP PREPARE p", STATEMENT_DEALLOCATE, STATEMENT_DEALLOCATE},
        {"DROP USER u", STATEMENT_ACCOUNT, STATEMENT_ACCOUNT},
        {"SET PASSWORD = 'x'", STATEMENT_ACCOUNT, STATEMENT_ACCOUNT},
        {"LOAD INDEX INTO CACHE t", STATEMENT_MAINTAIN, STATEMENT_MAINTAIN},
        {"", STATEMENT_EMPTY, STATEMENT_EMPTY},
        {"/* */ ;", STATEMENT_EMPTY, STATEMENT_EMPTY},
        {"FROBNICATE", STATEMENT_UNKNOWN, STATEMENT_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct statement *statement = parse(fixture, cases[i].sql);
        assert_int_equal(statement->kind, cases[i].kind);
        assert_int_equal(statement->inner, cases[i].inner);
    }
}

// --- effects and asks

// "+effect ?ask" of all that are set.
static const char *effects_of(struct fixture *fixture, const char *sql)
{
    const struct statement *statement = parse(fixture, sql);
    buffer_clear(&fixture->text);
    for (int i = 0; i < EFFECT_COUNT; i++) {
        if (statement_has(statement, (enum statement_effect)i)) {
            struct slice name = statement_effect_name((enum statement_effect)i);
            buffer_print(&fixture->text, "+%.*s ", SLICE_ARG(name));
        }
    }
    for (int i = 0; i < ASK_COUNT; i++) {
        if (statement_asks(statement, (enum statement_ask)i)) {
            struct slice name = statement_ask_name((enum statement_ask)i);
            buffer_print(&fixture->text, "?%.*s ", SLICE_ARG(name));
        }
    }
    return text_end(fixture);
}

static void test_effects_and_asks_of_every_kind_of_statement(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *sql;
        const char *effects;
    } cases[] = {
        {"SELECT a FROM t", ""},
        {"SELECT @@version", ""},
        {"SELECT @@autocommit", "?session_variable "},
        {"SELECT @v", "?user_variable "},
        {"SELECT @v := @v + 1", "+user_variable ?user_variable "},
        {"SELECT a INTO @v FROM t", "+user_variable "},
        {"SELECT a INTO @v, @w FROM t", "+user_variable "},
        {"SELECT SQL_CALC_FOUND_ROWS a FROM t", "+found_rows "},
        {"SELECT FOUND_ROWS(), ROW_COUNT()", "?found_rows ?row_count "},
        {"SELECT LAST_INSERT_ID()", "?insert_id "},
        {"SELECT LAST_INSERT_ID( /* nothing */ )", "?insert_id "},
        {"UPDATE c SET n = LAST_INSERT_ID(n + 1)", "+insert_id ?insert_id "},
        {"INSERT INTO t (a) VALUES (1) RETURNING id", "+insert_id ?insert_id "},
        {"REPLACE INTO t (a) VALUES (1) RETURNING id", "+insert_id ?insert_id "},
        {"DELETE FROM t WHERE a = 1 RETURNING id", ""},
        {"SELECT CONNECTION_ID(), @@pseudo_thread_id", "?connection_id "},
        {"SELECT @@sluice_token", "?token "},
        {"SHOW PROCESSLIST", "?processlist "},
        {"SHOW FULL PROCESSLIST", "?processlist ?full_processlist "},
        {"SELECT * FROM t JOIN information_schema.PROCESSLIST AS p", "?id_table "},
        {"SELECT * FROM information_schema.innodb_trx", "?id_table "},
        {"SELECT * FROM performance_schema.processlist", "?id_table "},
        {"SELECT * FROM performance_schema.innodb_trx", ""},
        {"SELECT * FROM processlist", ""},
        {"SHOW WARNINGS", "?warnings "},
        {"SHOW STATUS", "?status "},
        {"SHOW SESSION STATUS LIKE 'a'", "?status "},
        {"SHOW GLOBAL STATUS", ""},
        {"SELECT @@warning_count", "?warnings "},
        {"SHOW PROFILE", "?profile "},
        {"GET DIAGNOSTICS @n = NUMBER", "+user_variable ?warnings "},
        {"SELECT GET_LOCK('a', 1)", "+lock_take ?user_lock "},
        {"SELECT RELEASE_LOCK('a')", "+lock_release ?user_lock "},
        {"SELECT RELEASE_ALL_LOCKS()", "+lock_release_all ?user_lock "},
        {"SELECT IS_FREE_LOCK('a')", "?user_lock "},
        {"SELECT NEXTVAL(s)", "+sequence "},
        {"SELECT NEXT VALUE FOR s", "+sequence "},
        {"SELECT LASTVAL(s)", "?sequence "},
        {"SELECT PREVIOUS VALUE FOR s", "?sequence "},
        {"SELECT stored(1)", "+insert_id +function ?insert_id "},
        {"SELECT DEFAULT(a) FROM t", ""},
        {"USE x", "+schema "},
        {"SET NAMES utf8", "+charset "},
        {"SET CHARACTER SET utf8", "+charset "},
        {"SET CHAR SET latin1", "+charset "},
        {"SET a = 1", "+variable "},
        {"SET GLOBAL a = 1", "+global_variable "},
        {"SET PERSIST a = 1", "+global_variable "},
        {"SET @a = 1", "+user_variable "},
        {"SET @a = @b", "+user_variable ?user_variable "},
        {"SET autocommit = 0", "+variable +implicit_commit "},
        {"SET profiling = 1", "+variable +profiling "},
        {"SET profiling = OFF", "+variable "},
        {"SET TRANSACTION READ ONLY", "+next_transaction "},
        {"SET @@transaction_isolation = 'SERIALIZABLE'", "+next_transaction "},
        {"SET SESSION TRANSACTION READ ONLY", "+variable "},
        {"SET GLOBAL TRANSACTION READ ONLY", "+global_variable "},
        {"SET ROLE r", "+role "},
        {"SET STATEMENT a = 1 FOR SELECT 1", ""},
        {"SET STATEMENT a = 1, @@b = 2, @@session.c = 3 FOR SELECT 1", ""}, // no server takes it
        {"BEGIN", "+begin "},
        {"START TRANSACTION READ ONLY", "+begin "},
        {"COMMIT", "+end "},
        {"COMMIT AND CHAIN", "+end +chain "},
        {"COMMIT AND NO CHAIN", "+end "},
        {"COMMIT WORK RELEASE", "+end +release "},
        {"COMMIT NO RELEASE", "+end +no_release "},
        {"ROLLBACK AND CHAIN NO RELEASE", "+end +chain +no_release "},
        {"ROLLBACK TO SAVEPOINT s", "+savepoint "},
        {"SAVEPOINT s", "+savepoint "},
        {"RELEASE SAVEPOINT s", "+savepoint "},
        {"XA START 'a'", "+begin +xa "},
        {"XA END 'a'", "+xa "},
        {"XA COMMIT 'a'", "+end +xa "},
        {"CREATE TEMPORARY TABLE t (a INT)", "+temporary_create "},
        {"CREATE TABLE t (a INT)", "+implicit_commit "},
        {"CREATE TABLE t (a INT REFERENCES u (a))", "+implicit_commit +catalogue "},
        {"CREATE TABLE t (a INT) WITH SYSTEM VERSIONING PARTITION BY RANGE (a) "
         "(PARTITION p0 VALUES LESS THAN (10))",
         "+implicit_commit "},
        {"CREATE INDEX i ON t (a)", "+implicit_commit "},
        {"DROP TEMPORARY TABLE t", "+temporary_drop "},
        {"DROP TABLE t", "+implicit_commit +temporary_drop "},
        {"ALTER TABLE t ADD a INT", "+implicit_commit "},
        {"ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (a)", "+implicit_commit +catalogue "},
        {"ALTER TABLE t RENAME COLUMN a TO b", "+implicit_commit "},
        {"ALTER TABLE t RENAME TO u", "+implicit_commit +catalogue "},
        {"CREATE VIEW v AS SELECT 1", "+implicit_commit +catalogue "},
        {"CREATE PROCEDURE p () BEGIN DELETE FROM t; END", "+implicit_commit +catalogue "},
        {"TRUNCATE t", "+implicit_commit "},
        {"LOCK TABLES t READ", "+implicit_commit +lock_tables "},
        {"UNLOCK TABLES", "+implicit_commit +unlock_tables "},
        {"FLUSH TABLES WITH READ LOCK", "+implicit_commit +lock_tables "},
        {"FLUSH TABLES t FOR EXPORT", "+implicit_commit +lock_tables "},
        {"FLUSH PRIVILEGES", "+implicit_commit +account "},
        {"FLUSH STATUS", "+implicit_commit +status "},
        {"FLUSH LOCAL HOSTS, STATUS", "+implicit_commit +status "},
        {"FLUSH GLOBAL STATUS", "+implicit_commit "},
        {"LOCK INSTANCE FOR BACKUP", "+global_lock "},
        {"UNLOCK INSTANCE", "+global_unlock "},
        {"BACKUP STAGE START", "+global_lock "},
        {"BACKUP STAGE END", "+global_unlock "},
        {"BACKUP UNLOCK", "+global_unlock "},
        {"PREPARE p FROM 'SELECT 1'", "+prepare "},
        {"EXECUTE p", "+execute +unknown "},
        {"EXECUTE IMMEDIATE 'SELECT 1'", "+execute +unknown "},
        {"DEALLOCATE PREPARE p", "+deallocate "},
        {"LOAD DATA INFILE 'x' INTO TABLE t", ""},
        {"LOAD DATA LOCAL INFILE 'x' INTO TABLE t", "+local_file "},
        {"LOAD DATA CONCURRENT LOCAL INFILE 'x' INTO TABLE t (@a)", "+user_variable +local_file "},
        {"LOAD DATA INFILE 'x' INTO TABLE t CHARACTER SET utf8mb4 (a)", ""},
        {"HANDLER t OPEN", "+handler_open "},
        {"HANDLER t READ FIRST", ""},
        {"HANDLER t CLOSE", "+handler_close "},
        {"CALL p()", "+insert_id +function ?insert_id "},
        {"BEGIN NOT ATOMIC SET @a = 1; END", "+insert_id +unknown ?insert_id "},
        {"KILL 5", "+kill "},
        {"DROP USER u", "+implicit_commit +account "},
        {"FROBNICATE", "+unknown "},
        {"SELECT 'a", "+unknown "},
        {"SELECT 1", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(effects_of(fixture, cases[i].sql), cases[i].effects);
    }
}

static void test_effects_of_several_statements_add_up(void **state)
{
    struct fixture *fixture = *state;
    assert_string_equal(effects_of(fixture, "SET @a = 1; USE x; SELECT FOUND_ROWS()"),
                        "+schema +user_variable ?found_rows ");
    assert_int_equal(fixture->statement.count, 3);
    assert_int_equal(fixture->statement.class, STATEMENT_CLASS_SESSION);
    assert_int_equal(fixture->statement.kind, STATEMENT_SET);
    assert_int_equal(parse(fixture, "SELECT 1;;; ; SELECT 2;")->count, 2);
    assert_int_equal(parse(fixture, "SELECT 1; KILL 5")->class, STATEMENT_CLASS_PROXY);
    assert_int_equal(parse(fixture, "KILL 5; DELETE FROM t")->class, STATEMENT_CLASS_WRITE);
    assert_true(statement_has(&fixture->statement, EFFECT_KILL));
}

// SET sql_mode and SET NAMES change how the rest of the text is read, at a time nobody knows.
static void test_a_text_that_changes_its_own_syntax_is_unsure_behind_that(void **state)
{
    struct fixture *fixture = *state;
    assert_string_equal(effects_of(fixture, "SET NAMES gbk"), "+charset ");
    assert_string_equal(effects_of(fixture, "SET NAMES gbk;"), "+charset ");
    assert_string_equal(effects_of(fixture, "SET NAMES gbk; SELECT 1"), "+charset ");
    assert_string_equal(effects_of(fixture, "SET NAMES gbk; SELECT '\x81\x5c'"),
                        "+charset +unknown ");
    assert_string_equal(effects_of(fixture, "SET NAMES gbk; SET time_zone = '+00:00'; DO 0"),
                        "+charset +variable ");
    assert_string_equal(effects_of(fixture, "SET sql_mode = 'ANSI'; SET @a = 1; SELECT 'a\\b'"),
                        "+variable +user_variable +unknown ");
    assert_string_equal(effects_of(fixture, "SET sql_mode = 'ANSI,STRICT_ALL_TABLES'; SELECT 1"),
                        "+variable ");
    assert_string_equal(effects_of(fixture, "SET sql_mode = 'ANSI,ORACLE'; SELECT 1"),
                        "+variable +unknown ");
    assert_string_equal(effects_of(fixture, "SET sql_mode = @a; SELECT 1"),
                        "+variable +unknown ?user_variable ");
    assert_string_equal(effects_of(fixture, "SET NAMES gbk; SET NAMES utf8; SELECT 'é'"),
                        "+charset +unknown ");
    assert_string_equal(effects_of(fixture, "SET sql_mode = 'ANSI'; SELECT \"a\""),
                        "+variable +unknown ");
    assert_string_equal(effects_of(fixture, "SELECT 1; SET sql_mode = 'ANSI'"), "+variable ");
}

// --- blocks and bodies

static void test_a_body_with_semicolons_is_one_statement(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *sql;
        uint32_t count;
    } cases[] = {
        {"CREATE PROCEDURE p () BEGIN SELECT 1; SELECT 2; END", 1},
        {"CREATE PROCEDURE p () BEGIN SELECT 1; END; SELECT 2", 2},
        {"CREATE PROCEDURE p () SELECT 1; SELECT 2", 2},
        {"CREATE PROCEDURE p () BEGIN IF a THEN SELECT 1; ELSEIF b THEN SELECT IF(1, 2, 3); END "
         "IF; END; "
         "SELECT 2",
         2},
        {"CREATE PROCEDURE p () BEGIN CASE a WHEN 1 THEN SELECT 1; END CASE; SELECT CASE 1 WHEN 1 "
         "THEN "
         "2 END; END; SELECT 2",
         2},
        {"CREATE PROCEDURE p () BEGIN l: LOOP LEAVE l; END LOOP l; REPEAT SELECT REPEAT('a', 2); "
         "UNTIL 1 "
         "END REPEAT; WHILE 0 DO SELECT 1; END WHILE; END; SELECT 2",
         2},
        {"CREATE TRIGGER t AFTER INSERT ON u FOR EACH ROW BEGIN DELETE FROM v; END; SELECT 2", 2},
        {"CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN DELETE FROM v; END; SELECT 2", 2},
        {"BEGIN NOT ATOMIC SELECT 1; BEGIN SELECT 2; END; END; SELECT 3", 2},
        {"IF 1 THEN SELECT 1; END IF; SELECT 2", 2},
        {"FOR i IN 1..2 DO SELECT i; END FOR; SELECT 2", 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parse(fixture, cases[i].sql)->count, cases[i].count);
        assert_int_equal(fixture->statement.class, STATEMENT_CLASS_WRITE);
    }
    // A block that does not end may hide a statement.
    assert_true(statement_has(parse(fixture, "CREATE PROCEDURE p () BEGIN SELECT 1; SELECT 2"),
                              EFFECT_UNKNOWN));
}

static void test_a_body_may_be_a_block_without_begin(void **state)
{
    struct fixture *fixture = *state;
    static const char *const programs[] = {
        "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW IF NEW.a IS NULL THEN SET NEW.a = 1; "
        "SET NEW.b = 2; END IF",
        "CREATE TRIGGER IF NOT EXISTS app.tr AFTER UPDATE ON t FOR EACH ROW FOLLOWS other "
        "IF NOT EXISTS (SELECT 1 FROM u) THEN DELETE FROM v; DELETE FROM w; END IF",
        "CREATE TRIGGER tr AFTER DELETE ON t FOR EACH ROW PRECEDES `other` CASE OLD.a WHEN 1 THEN "
        "DELETE FROM v; ELSE DELETE FROM w; END CASE",
        "CREATE PROCEDURE p(x INT) IF x THEN SET @a = 1; END IF",
        "CREATE PROCEDURE IF NOT EXISTS `app`.`p` (x DECIMAL(5, 2), y ENUM('a', 'b')) "
        "IF x THEN SET @a = 1; ELSE SET @a = IF(y, 1, 2); END IF",
        "CREATE PROCEDURE p(x INT) LANGUAGE SQL NOT DETERMINISTIC MODIFIES SQL DATA SQL SECURITY "
        "INVOKER COMMENT 'x' WHILE x > 0 DO SET x = x - 1; DELETE FROM t; END WHILE",
        "CREATE PROCEDURE p() NO SQL LOOP SELECT 1; SELECT 2; END LOOP",
        "CREATE PROCEDURE p() CONTAINS SQL l: REPEAT SELECT REPEAT('a', 2); UNTIL 1 END REPEAT l",
        "CREATE PROCEDURE p() FOR i IN 1..2 DO SELECT i; SELECT 2; END FOR",
        "CREATE PROCEDURE p(x INT) CASE WHEN x THEN SELECT 1; ELSE SELECT 2; END CASE",
        "CREATE PROCEDURE p() BEGIN SET @x = CASE WHEN a THEN IF(b, 1, 2) ELSE REPEAT('a', 2) END; "
        "END",
        "CREATE FUNCTION f(a INT) RETURNS INT RETURN CASE WHEN a THEN CASE a WHEN 1 THEN "
        "IF(a, 1, 2) END ELSE IF(a, 2, 3) END",
        "CREATE FUNCTION f(x INT) RETURNS VARCHAR(9) CHARSET latin1 IF x THEN RETURN 1; "
        "ELSE RETURN 2; END IF",
        "CREATE FUNCTION f(x INT) RETURNS SET('a', 'b') CHARACTER SET utf8mb4 DETERMINISTIC READS "
        "SQL DATA IF x THEN RETURN 1; ELSE RETURN IF(x, 1, 2); END IF",
        "CREATE EVENT IF NOT EXISTS e ON SCHEDULE EVERY 1 DAY DO IF (SELECT 1) THEN DELETE FROM v; "
        "DELETE FROM w; END IF",
    };
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        char sql[512];
        parse(fixture, programs[i]);
        assert_int_equal(fixture->statement.count, 1);
        assert_false(statement_has(&fixture->statement, EFFECT_UNKNOWN));
        snprintf(sql, sizeof(sql), "%s; SET @behind = 1", programs[i]);
        parse(fixture, sql);
        assert_int_equal(fixture->statement.count, 2);
        assert_true(statement_has(&fixture->statement, EFFECT_USER_VARIABLE));
        assert_false(statement_has(&fixture->statement, EFFECT_UNKNOWN));
    }
}

// IF and REPEAT are functions there, FOR belongs to the query.
static void test_a_body_of_one_statement_ends_at_its_semicolon(void **state)
{
    struct fixture *fixture = *state;
    static const char *const programs[] = {
        "CREATE PROCEDURE IF NOT EXISTS p() SELECT IF(1, 2, 3), REPEAT('a', 2)",
        "CREATE PROCEDURE p() DETERMINISTIC SELECT * FROM t WHERE a IN (1) FOR UPDATE",
        "CREATE PROCEDURE p() DROP TABLE IF EXISTS t",
        "CREATE FUNCTION f(x INT) RETURNS INT DETERMINISTIC RETURN IF(x, 1, 2)",
        "CREATE FUNCTION f(x INT) RETURNS INT RETURN CASE x WHEN 1 THEN 2 END",
        "CREATE FUNCTION IF NOT EXISTS f RETURNS STRING SONAME 'f.so'",
        "CREATE FUNCTION f(x INT) RETURNS INT LANGUAGE JAVASCRIPT AS 'if (x) { return 1; }'",
        "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = IF(NEW.b, 1, 2)",
    };
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        char sql[512];
        snprintf(sql, sizeof(sql), "%s; SET @behind = 1", programs[i]);
        parse(fixture, sql);
        assert_int_equal(fixture->statement.count, 2);
        assert_true(statement_has(&fixture->statement, EFFECT_USER_VARIABLE));
        assert_false(statement_has(&fixture->statement, EFFECT_UNKNOWN));
    }
}

// --- what LOAD DATA assigns

static void test_load_data_assigns_variables_behind_a_character_set(void **state)
{
    struct fixture *fixture = *state;
    static const char *const loads[] = {
        "LOAD DATA INFILE 'x' INTO TABLE t CHARACTER SET utf8mb4 (a, @v)",
        "LOAD DATA INFILE 'x' INTO TABLE t CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' (a, @v)",
        "LOAD DATA INFILE 'x' INTO TABLE t PARTITION (p0) CHAR SET 'utf8mb4' (a, @v) SET b = 1",
        "LOAD XML INFILE 'x' INTO TABLE t CHARSET binary ROWS IDENTIFIED BY '<r>' (charset, @v)",
        "LOAD DATA INFILE 'x' INTO TABLE t (charset, @v) SET b = UPPER(a)",
    };
    for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        const struct statement *statement = parse(fixture, loads[i]);
        assert_int_equal(statement->reason, ROUTE_REASON_LOAD_DATA);
        assert_int_equal(statement->effects, EFFECT_BIT(EFFECT_USER_VARIABLE));
        assert_int_equal(statement->subjects_count, 1);
        assert_int_equal(statement->subjects[0].kind, SUBJECT_USER_VARIABLE);
        assert_true(slice_equal(statement->subjects[0].name, S("v")));
    }
}

// --- tables

// "schema.name" of all tables, "!" behind those that are written, "t" behind temporary ones.
static const char *tables_of(struct fixture *fixture, const char *sql)
{
    const struct statement *statement = parse(fixture, sql);
    buffer_clear(&fixture->text);
    for (uint32_t i = 0; i < statement->tables_count; i++) {
        const struct statement_table *table = &statement->tables[i];
        buffer_print(&fixture->text, "%s%.*s%s%.*s%s%s", i > 0 ? " " : "", SLICE_ARG(table->schema),
                     table->schema.len > 0 ? "." : "", SLICE_ARG(table->name),
                     table->is_written ? "!" : "", table->is_temporary ? "t" : "");
    }
    if (!statement->are_tables_complete) {
        buffer_append_slice(&fixture->text, S(" ..."));
    }
    return text_end(fixture);
}

static void test_tables_are_found_at_every_depth(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *sql;
        const char *tables;
    } cases[] = {
        {"SELECT 1", ""},
        {"SELECT 1 FROM DUAL", ""},
        {"SELECT * FROM t", "t"},
        {"SELECT * FROM `a b`.`c``d`", "a b.c`d"},
        {"SELECT * FROM a . b AS x", "a.b"},
        {"SELECT * FROM a, b.c x, d", "a b.c d"},
        {"SELECT * FROM a JOIN b USING (x), c", "a b c"},
        {"SELECT * FROM a LEFT JOIN (b, c) ON b.x = c.x AND a.y IN (1, 2), d", "a b c d"},
        {"SELECT * FROM ((a CROSS JOIN b)) NATURAL JOIN c", "a b c"},
        {"SELECT * FROM a STRAIGHT_JOIN b", "a b"},
        {"SELECT STRAIGHT_JOIN x FROM a", "a"},
        {"SELECT * FROM (SELECT * FROM a, (SELECT * FROM b) AS c) AS d, e", "a b e"},
        {"SELECT (SELECT x FROM a), b FROM c WHERE d IN (SELECT y FROM e) ORDER BY f, g", "a c e"},
        {"SELECT a, b FROM c GROUP BY d, e HAVING f ORDER BY g, h LIMIT 1, 2", "c"},
        {"SELECT * FROM a UNION SELECT * FROM b UNION (SELECT * FROM c)", "a b c"},
        {"WITH x AS (SELECT * FROM a) SELECT * FROM x, b", "a x b"},
        {"SELECT * FROM a USE INDEX (i, j), b", "a b"},
        {"SELECT * FROM a USE INDEX FOR ORDER BY (i), b FORCE INDEX FOR GROUP BY (j), c", "a b c"},
        {"SELECT * FROM a PARTITION (p0, p1) AS x, b", "a b"},
        {"SELECT * FROM a FOR SYSTEM_TIME ALL, b", "a b"},
        {"SELECT * FROM { OJ a LEFT OUTER JOIN b ON 1 }, c", "a b c"},
        {"SELECT * FROM a, LATERAL (SELECT * FROM b) AS c, d", "a b d"},
        {"SELECT EXTRACT(YEAR FROM x), TRIM(LEADING 'a' FROM y), SUBSTRING(z FROM 2) FROM a", "a"},
        {"SELECT EXTRACT(YEAR FROM (SELECT x FROM b)) FROM a", "b a"},
        {"TABLE a", "a"},
        {"(TABLE a) UNION (TABLE b)", "a b"},
        {"SELECT * FROM t FOR UPDATE OF t", "t"},
        {"SELECT NEXT VALUE FOR a.s, NEXTVAL(r), LASTVAL(q)", "a.s! r! q"},
        {"SELECT s.nextval FROM a", "s! a"},
        {"SELECT stored(1) FROM a", "a ..."},
        {"EXPLAIN SELECT * FROM a", "a"},
        {"DESC a.b", "a.b"},
        {"SHOW COLUMNS FROM a FROM b", "b.a"},
        {"SHOW INDEX FROM b.a", "b.a"},
        {"SHOW CREATE TABLE a", "a"},
        {"CHECKSUM TABLE a, b.c", "a b.c"},
        {"CALL p()", " ..."},
        {"EXECUTE p", " ..."},
        {"SET @a = (SELECT x FROM a)", "a"},
        {"DO (SELECT x FROM a)", "a"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(tables_of(fixture, cases[i].sql), cases[i].tables);
    }
}

static void test_tables_that_are_written_are_marked(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *sql;
        const char *tables;
    } cases[] = {
        {"INSERT INTO a VALUES (1)", "a!"},
        {"INSERT LOW_PRIORITY IGNORE a.b (c, d) SELECT * FROM e", "a.b! e"},
        {"INSERT INTO a PARTITION (p0) (b) VALUES ((SELECT c FROM d))", "a! d"},
        {"INSERT INTO a SET b = (SELECT c FROM d) ON DUPLICATE KEY UPDATE b = 1", "a! d"},
        {"REPLACE DELAYED INTO a (SELECT * FROM b)", "a! b"},
        {"UPDATE a SET b = 1, c = (SELECT d FROM e) WHERE f IN (SELECT g FROM h)", "a! e h"},
        {"UPDATE LOW_PRIORITY IGNORE a, b.c AS x JOIN d SET x.e = 1", "a! b.c! d!"},
        {"DELETE FROM a WHERE b IN (SELECT c FROM d)", "a! d"},
        {"DELETE QUICK a, b.* FROM a JOIN b", "a! b! a! b!"},
        {"DELETE FROM a USING a JOIN b ON 1", "a! a! b!"},
        {"WITH x AS (SELECT * FROM a) UPDATE b, x SET b.c = 1", "a b! x!"},
        {"WITH x AS (SELECT * FROM a) DELETE FROM b WHERE c IN (SELECT d FROM x)", "a b! x"},
        {"TRUNCATE TABLE a.b", "a.b!"},
        {"LOAD DATA INFILE 'x' REPLACE INTO TABLE a.b (c)", "a.b!"},
        {"LOCK TABLES a READ, b AS x WRITE, c.d LOW_PRIORITY WRITE", "a b! c.d!"},
        {"CREATE TABLE a (b INT REFERENCES c (d)) AS SELECT * FROM e", "a! c e"},
        {"CREATE TABLE IF NOT EXISTS a LIKE b.c", "a! b.c"},
        {"CREATE TEMPORARY TABLE a SELECT * FROM b", "a!t b"},
        {"CREATE TABLE a (b TEXT, FULLTEXT KEY i (b) WITH PARSER ngram) SELECT * FROM c", "a! c"},
        {"CREATE TABLE a (WITH x AS (SELECT * FROM b) SELECT * FROM x)", "a! b x"},
        {"CREATE TABLE a (b INT) WITH SYSTEM VERSIONING AS WITH x AS (SELECT * FROM c) TABLE x",
         "a! c x"},
        {"CREATE INDEX i ON a (b)", "a!"},
        {"CREATE VIEW a AS SELECT * FROM b", "a! b"},
        {"ALTER TABLE a RENAME TO b", "a! b!"},
        {"ALTER TABLE a RENAME COLUMN b TO c, ADD FOREIGN KEY (x) REFERENCES d (e)", "a! d"},
        {"ALTER TABLE a EXCHANGE PARTITION p WITH TABLE b", "a! b!"},
        {"DROP TABLE IF EXISTS a, b.c", "a! b.c!"},
        {"DROP TEMPORARY TABLE a", "a!t"},
        {"DROP INDEX i ON a", "a!"},
        {"RENAME TABLE a TO b, c.d TO e.f", "a! b! c.d! e.f!"},
        {"OPTIMIZE TABLE a, b", "a! b!"},
        {"DROP DATABASE a", " ..."},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(tables_of(fixture, cases[i].sql), cases[i].tables);
    }
}

// WITH PARSER and WITH SYSTEM VERSIONING are options, a partition's VALUES are bounds.
static void test_a_query_is_told_from_the_definition_of_a_table(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *sql;
        const char *effects;
    } cases[] = {
        {"CREATE TABLE c (id INT, body TEXT, FULLTEXT KEY ft (body) /*!50100 WITH PARSER ngram */, "
         "CONSTRAINT x FOREIGN KEY (id) REFERENCES p (id))",
         "+implicit_commit +catalogue "},
        {"CREATE TABLE c (a INT WITH SYSTEM VERSIONING, b INT REFERENCES p (id))",
         "+implicit_commit +catalogue "},
        {"CREATE TABLE c (a INT) WITH SYSTEM VERSIONING PARTITION BY RANGE (a) "
         "(PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (f(20)))",
         "+implicit_commit "},
        {"CREATE TABLE c VALUES ROW(1, 2), ROW(3, 4)", "+implicit_commit "},
        {"CREATE TABLE c AS VALUES (1, f(2))", "+implicit_commit +insert_id +function ?insert_id "},
        {"CREATE TABLE c (VALUES ROW(f(1)))", "+implicit_commit +insert_id +function ?insert_id "},
        {"CREATE TABLE c (a INT) SELECT f(1)", "+implicit_commit +insert_id +function ?insert_id "},
        {"CREATE TABLE c AS WITH x AS (SELECT f(1)) SELECT * FROM x",
         "+implicit_commit +insert_id +function ?insert_id "},
        {"CREATE TABLE c AS WITH `system` (a) AS (SELECT 1) SELECT f(a) FROM `system`",
         "+implicit_commit +insert_id +function ?insert_id "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(effects_of(fixture, cases[i].sql), cases[i].effects);
        assert_int_equal(fixture->statement.reason, ROUTE_REASON_DDL);
    }
}

static void test_more_tables_than_fit_at_first_are_all_there(void **state)
{
    struct fixture *fixture = *state;
    struct buffer sql = BUFFER_INIT;
    buffer_append_slice(&sql, S("SELECT * FROM t0"));
    for (int i = 1; i < 1000; i++) {
        buffer_print(&sql, ", s%d.t%d", i, i);
    }
    buffer_append(&sql, "", 1);
    const struct statement *statement = parse(fixture, (const char *)buffer_ptr(&sql));
    assert_int_equal(statement->tables_count, 1000);
    assert_true(slice_equal(statement->tables[999].schema, S("s999")));
    assert_true(slice_equal(statement->tables[999].name, S("t999")));
    buffer_release(&sql);
}

static void test_a_table_is_named_with_or_without_its_schema(void **state)
{
    struct fixture *fixture = *state;
    const struct statement *statement = parse(fixture, "SELECT * FROM T, other.u");
    assert_true(statement_names_table(statement, S("app"), S("app"), S("t")));
    assert_true(statement_names_table(statement, S("app"), S("OTHER"), S("U")));
    assert_false(statement_names_table(statement, S("app"), S("other"), S("t")));
    assert_false(statement_names_table(statement, S("app"), S("app"), S("u")));
    assert_false(statement_names_table(statement, SLICE_NONE, S("app"), S("t")));
}

static void test_a_system_schema_is_server_specific_when_it_is_the_current_one(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(parse(fixture, "SELECT * FROM user")->class, STATEMENT_CLASS_READ);
    fixture->context.schema = S("MySQL");
    assert_int_equal(parse(fixture, "SELECT * FROM user")->class, STATEMENT_CLASS_SERVER_READ);
    assert_int_equal(parse(fixture, "SELECT * FROM app.t")->class, STATEMENT_CLASS_READ);
    assert_int_equal(parse(fixture, "SELECT 1")->class, STATEMENT_CLASS_READ);
}

// --- details

static void test_transactions_say_how_they_begin(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(parse(fixture, "BEGIN")->access, STATEMENT_ACCESS_DEFAULT);
    assert_int_equal(parse(fixture, "START TRANSACTION")->access, STATEMENT_ACCESS_DEFAULT);
    assert_int_equal(parse(fixture, "START TRANSACTION READ ONLY")->access, STATEMENT_READ_ONLY);
    assert_int_equal(parse(fixture, "START TRANSACTION READ WRITE")->access, STATEMENT_READ_WRITE);
    parse(fixture, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
    assert_int_equal(fixture->statement.access, STATEMENT_READ_ONLY);
    assert_true(fixture->statement.with_snapshot);
    // Something behind it that is not known: not to be taken for read only.
    assert_int_equal(parse(fixture, "START TRANSACTION READ ONLY FROBNICATE")->access,
                     STATEMENT_ACCESS_DEFAULT);
}

static void test_names_of_schemas_statements_and_savepoints(void **state)
{
    struct fixture *fixture = *state;
    assert_true(slice_equal(parse(fixture, "USE `a``b`")->schema, S("a`b")));
    assert_true(slice_equal(parse(fixture, "USE Plain")->schema, S("Plain")));
    assert_true(slice_equal(parse(fixture, "DROP DATABASE IF EXISTS x")->schema, S("x")));
    assert_true(slice_equal(parse(fixture, "USE a; DROP DATABASE x")->schema, S("a")));
    assert_true(slice_equal(parse(fixture, "DROP DATABASE x; USE a; USE b")->schema, S("b")));
    assert_true(slice_equal(parse(fixture, "SAVEPOINT `s p`")->name, S("s p")));
    assert_true(slice_equal(parse(fixture, "ROLLBACK WORK TO SAVEPOINT sp")->name, S("sp")));
    assert_true(slice_equal(parse(fixture, "EXECUTE `p` USING @a")->name, S("p")));
    assert_true(slice_equal(parse(fixture, "DEALLOCATE PREPARE p")->name, S("p")));
    parse(fixture, "PREPARE p FROM 'SELECT ''x'' FROM t'");
    assert_true(slice_equal(fixture->statement.name, S("p")));
    assert_true(slice_equal(fixture->statement.prepared, S("SELECT 'x' FROM t")));
    parse(fixture, "EXECUTE IMMEDIATE 'SELECT ?' USING 1");
    assert_true(slice_equal(fixture->statement.prepared, S("SELECT ?")));
    assert_int_equal(parse(fixture, "PREPARE p FROM @v")->prepared.len, 0);
    assert_int_equal(parse(fixture, "EXECUTE IMMEDIATE 'a' 'b'")->prepared.len, 0);
}

static void test_kill_in_every_form(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *sql;
        enum kill_form form;
        bool is_query;
        uint64_t id;
    } cases[] = {
        {"KILL 5", KILL_ID, false, 5},
        {"kill connection 18446744073709551615", KILL_ID, false, UINT64_MAX},
        {"KILL QUERY 7", KILL_ID, true, 7},
        {"KILL HARD CONNECTION 7", KILL_ID, false, 7},
        {"KILL SOFT QUERY 7", KILL_ID, true, 7},
        {"KILL CONNECTION_ID()", KILL_SELF, false, 0},
        {"KILL QUERY connection_id ( )", KILL_SELF, true, 0},
        {"KILL QUERY ID 9", KILL_QUERY_ID, true, 9},
        {"KILL USER bob", KILL_USER, false, 0},
        {"KILL QUERY USER 'bob'@'host'", KILL_USER, true, 0},
        {"KILL 5 + 1", KILL_OTHER, false, 0},
        {"KILL @id", KILL_OTHER, false, 0},
        {"KILL 18446744073709551616", KILL_OTHER, false, 0},
        {"KILL -1", KILL_OTHER, false, 0},
        {"KILL ?", KILL_OTHER, false, 0},
        {"KILL", KILL_OTHER, false, 0},
        {"SELECT 1", KILL_NONE, false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct statement *statement = parse(fixture, cases[i].sql);
        assert_int_equal(statement->kill.form, cases[i].form);
        assert_int_equal(statement->kill.is_query, cases[i].is_query);
        if (cases[i].form == KILL_ID || cases[i].form == KILL_QUERY_ID) {
            assert_int_equal(statement->kill.id, cases[i].id);
        }
    }
    assert_true(slice_equal(parse(fixture, "KILL USER 'bob'@'host'")->kill.user, S("bob")));

    static const struct {
        const char *sql, *expression;
    } expressions[] = {
        {"KILL 5 + 1", "5 + 1"},
        {"KILL QUERY @id", "@id"},
        {"KILL HARD CONNECTION (SELECT 5) ; ", "(SELECT 5)"},
        {"KILL CONNECTION_ID() + 1 -- behind", "CONNECTION_ID() + 1"},
        {"KILL", ""},
        {"KILL 5", ""},
    };
    for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
        struct slice expression = parse(fixture, expressions[i].sql)->kill.expression;
        assert_true(slice_equal(expression, slice_text(expressions[i].expression)));
    }
}

// "user@host" of all accounts; "*" where all are meant.
static const char *accounts_of(struct fixture *fixture, const char *sql)
{
    const struct statement *statement = parse(fixture, sql);
    buffer_clear(&fixture->text);
    for (uint32_t i = 0; i < statement->accounts_count; i++) {
        const struct statement_account *account = &statement->accounts[i];
        buffer_print(&fixture->text, "%s%.*s@%.*s%s", i > 0 ? " " : "", SLICE_ARG(account->user),
                     SLICE_ARG(account->host), account->is_current ? "current" : "");
    }
    if (statement->accounts_are_all) {
        buffer_append_slice(&fixture->text, S("*"));
    }
    return text_end(fixture);
}

static void test_accounts_whose_logins_are_to_be_forgotten(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *sql;
        const char *accounts;
    } cases[] = {
        {"DROP USER 'a'@'b', c, `d`@`e`", "a@b c@ d@e"},
        {"DROP USER IF EXISTS a@localhost", "a@localhost"},
        {"CREATE USER 'a'@'%' IDENTIFIED BY 'b,c', d", "a@% d@"},
        {"ALTER USER a IDENTIFIED WITH mysql_native_password BY 'x' ACCOUNT LOCK", "a@"},
        {"ALTER USER CURRENT_USER() IDENTIFIED BY 'x'", "@current"},
        {"ALTER USER CURRENT_USER IDENTIFIED BY 'x'", "@current"},
        {"ALTER USER USER() IDENTIFIED BY 'x'", "@current"},
        {"ALTER USER user IDENTIFIED BY 'x'", "user@"},
        {"RENAME USER a TO b, 'c'@'d' TO e", "a@ b@ c@d e@"},
        {"SET PASSWORD = 'x'", "@current"},
        {"SET DEFAULT ROLE r", "@current"},
        {"SET DEFAULT ROLE r FOR 'a'@'b'", "a@b"},
        {"SET DEFAULT ROLE r, s TO a, 'b'@'c'", "a@ b@c"},
        {"SET PASSWORD FOR 'a'@'b' = PASSWORD('x')", "a@b"},
        {"GRANT SELECT (x, y), INSERT ON a.* TO 'b'@'c' WITH GRANT OPTION", "b@c"},
        {"GRANT r TO a, b", "a@ b@"},
        {"REVOKE ALL PRIVILEGES, GRANT OPTION FROM a, b", "a@ b@"},
        {"REVOKE SELECT (x) ON a.b FROM 'c'@'d'", "c@d"},
        {"DROP ROLE r", "*"},
        {"FLUSH PRIVILEGES", "*"},
        {"DROP USER", ""},
        {"DROP USER 5", "*"},
        {"GRANT SELECT", "*"},
        {"SELECT 1", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(accounts_of(fixture, cases[i].sql), cases[i].accounts);
    }
}

static void test_reasons_name_what_was_found(void **state)
{
    struct fixture *fixture = *state;
    assert_true(slice_equal(parse(fixture, "SELECT a, stored(b) FROM t")->detail, S("stored")));
    assert_true(slice_equal(parse(fixture, "SELECT Version()")->detail, S("Version")));
    assert_true(slice_equal(parse(fixture, "SELECT @v := 1 FROM t")->detail, S("@v")));
    assert_true(slice_equal(parse(fixture, "SELECT @@hostname")->detail, S("hostname")));
    assert_int_equal(parse(fixture, "SELECT 1")->detail.len, 0);
}

static void test_facts_about_queries(void **state)
{
    struct fixture *fixture = *state;
    assert_true(parse(fixture, "SELECT ? + 1")->has_parameters);
    assert_true(parse(fixture, "INSERT INTO t VALUES (1, ?)")->has_parameters);
    assert_false(parse(fixture, "SELECT '?'")->has_parameters);
    assert_true(parse(fixture, "SELECT /*+ X() */ 1")->has_optimizer_hints);
    assert_false(parse(fixture, "SELECT /* + */ 1")->has_optimizer_hints);
    assert_true(parse(fixture, "SELECT a FROM t LIMIT 1")->has_limit_or_order);
    assert_true(parse(fixture, "SELECT (SELECT a FROM t ORDER BY a) x")->has_limit_or_order);
    assert_false(parse(fixture, "SELECT a FROM t GROUP BY a")->has_limit_or_order);
    assert_true(parse(fixture, "INSERT INTO t VALUES (1) RETURNING id")->has_returning);
    assert_true(parse(fixture, "DELETE FROM t RETURNING a")->has_returning);
    assert_false(parse(fixture, "DELETE FROM t")->has_returning);
    assert_true(parse(fixture, "EXPLAIN SELECT 1")->is_explained);
    assert_false(parse(fixture, "SELECT 1")->is_explained);
}

static void test_why_a_result_may_not_be_kept(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *sql;
        enum uncacheable_reason reason;
    } cases[] = {
        {"SELECT a FROM t", UNCACHEABLE_NONE},
        {"SELECT UPPER(a), COUNT(*), DATABASE() FROM t", UNCACHEABLE_NONE},
        {"WITH x AS (SELECT a FROM t) SELECT * FROM x", UNCACHEABLE_NONE},
        {"TABLE t", UNCACHEABLE_NONE},
        {"SELECT 1", UNCACHEABLE_NO_TABLES},
        {"SELECT NOW() FROM t", UNCACHEABLE_FUNCTION},
        {"SELECT CURRENT_DATE FROM t", UNCACHEABLE_FUNCTION},
        {"SELECT a FROM t WHERE b > (SELECT MAX(c) FROM u WHERE d < RAND())", UNCACHEABLE_FUNCTION},
        {"SELECT CURRENT_USER FROM t", UNCACHEABLE_SESSION_FUNCTION},
        {"SELECT CONNECTION_ID() FROM t", UNCACHEABLE_SESSION_FUNCTION},
        {"SELECT @v FROM t", UNCACHEABLE_USER_VARIABLE},
        {"SELECT @@sql_mode FROM t", UNCACHEABLE_SYSTEM_VARIABLE},
        {"SELECT * FROM mysql.user", UNCACHEABLE_SYSTEM_TABLE},
        {"SELECT a FROM t FOR UPDATE", UNCACHEABLE_NO_READ},
        {"SHOW TABLES", UNCACHEABLE_NO_READ},
        {"EXPLAIN SELECT a FROM t", UNCACHEABLE_NO_READ},
        {"INSERT INTO t VALUES (1)", UNCACHEABLE_NO_READ},
        {"", UNCACHEABLE_NO_READ},
        {"SELECT a FROM t; SELECT b FROM u", UNCACHEABLE_SEVERAL},
        {"SELECT stored(a) FROM t", UNCACHEABLE_FUNCTION},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parse(fixture, cases[i].sql)->uncacheable, cases[i].reason);
    }
}

static void test_hints_come_along(void **state)
{
    struct fixture *fixture = *state;
    parse(fixture, "/* sluice: replica */ SELECT a -- sluice: max_lag=5s, nonsense\nFROM t");
    assert_int_equal(fixture->statement.hints.target, HINT_TARGET_REPLICA);
    assert_true(fixture->statement.hints.has_max_lag);
    assert_int_equal(fixture->statement.hints.max_lag_us, 5000000);
    assert_int_equal(fixture->statement.hints.unknown_count, 1);
    assert_true(slice_equal(fixture->statement.hints.unknown, S("nonsense")));
    // Between quotes it is no comment.
    assert_int_equal(parse(fixture, "SELECT '/* sluice: replica */'")->hints.target,
                     HINT_TARGET_NONE);
}

// --- views

static const struct catalogue *views_make(const char *const (*views)[2], size_t count)
{
    struct catalogue_builder *builder = catalogue_builder_create();
    for (size_t i = 0; i < count; i++) {
        const struct slice row[] = {S("app"), slice_text(views[i][0]), slice_text(views[i][1])};
        assert_true(catalogue_builder_row(builder, CATALOGUE_QUERY_VIEWS, row, 3));
    }
    for (int id = 0; id < CATALOGUE_QUERY_COUNT; id++) {
        catalogue_builder_done(builder, (enum catalogue_query_id)id);
    }
    return catalogue_builder_finish(&builder, statement_inspect);
}

// They neither bind the session to its connection nor are refused to those who may only read.
static void test_views_that_each_server_answers_in_its_own_way_are_no_writes(void **state)
{
    struct fixture *fixture = *state;
    static const char *const views[][2] = {
        {"v_tables", "select `information_schema`.`tables`.`TABLE_NAME` AS `table_name` from "
                     "`information_schema`.`tables`"},
        {"v_version", "select version() AS `v`,@@hostname AS `h` from `app`.`t`"},
        {"v_id", "select connection_id() AS `i`"},
        {"v_processes", "select `information_schema`.`processlist`.`ID` AS `id` from "
                        "`information_schema`.`processlist`"},
        {"v_over", "select `v_version`.`v` AS `v` from `app`.`v_version`"},
        {"v_insert_id", "select last_insert_id() AS `i`"},
    };
    catalogue_unref(fixture->context.catalogue);
    fixture->context.catalogue = views_make(views, sizeof(views) / sizeof(views[0]));
    for (size_t i = 0; i < 5; i++) {
        buffer_clear(&fixture->text);
        buffer_print(&fixture->text, "SELECT * FROM %s", views[i][0]);
        const struct statement *statement = parse(fixture, text_end(fixture));
        assert_int_equal(statement->class, STATEMENT_CLASS_SERVER_READ);
        assert_int_equal(statement->reason, ROUTE_REASON_SERVER_SPECIFIC);
        assert_true(slice_equal(statement->detail, slice_text(views[i][0])));
        assert_int_equal(statement->effects, 0);
        assert_int_equal(statement->asks, 0);
        assert_int_equal(statement->uncacheable, UNCACHEABLE_VIEW);
        assert_true(statement->are_tables_complete);
        assert_false(statement->runs_program);
    }
    assert_int_equal(parse(fixture, "INSERT INTO u SELECT v FROM v_over")->effects, 0);
    assert_int_equal(fixture->statement.reason, ROUTE_REASON_WRITE);
    // Another connection than the one that made the id knows nothing of it.
    assert_int_equal(parse(fixture, "SELECT * FROM v_insert_id")->reason, ROUTE_REASON_UNSAFE_VIEW);
    assert_true(statement_has(&fixture->statement, EFFECT_FUNCTION));
}

// --- stored functions

static void test_pure_functions_are_allowed_as_the_option_names_them(void **state)
{
    struct fixture *fixture = *state;
    static const struct slice pure[] = {SLICE_INIT("app.price"), SLICE_INIT("other.tax"),
                                        SLICE_INIT("loaded")};
    static const struct {
        const char *sql;
        bool is_allowed;
    } cases[] = {
        {"SELECT price(1)", true},        {"SELECT PRICE (1)", true},
        {"SELECT app.price(1)", true},    {"SELECT `app`.`Price`(1)", true},
        {"SELECT `price`(1)", true},      {"SELECT other.price(1)", false},
        {"SELECT tax(1)", false},         {"SELECT other.tax(1)", true},
        {"SELECT other . tax (1)", true}, {"SELECT loaded(1)", true},
        {"SELECT app.loaded(1)", false},  {"SELECT price(other(1))", false},
        {"SELECT app.price.x(1)", false}, {"SELECT prices(1)", false},
        {"SELECT @@app.price(1)", false}, {"SELECT app.a + @@x.price(1)", false},
    };
    fixture->context.pure_functions = pure;
    fixture->context.pure_functions_count = 3;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum statement_class class = parse(fixture, cases[i].sql)->class;
        assert_int_equal(class == STATEMENT_CLASS_READ, cases[i].is_allowed);
        assert_false(fixture->statement.are_tables_complete);
    }
}

// White space before the parenthesis turns COUNT into another function's name, but for a mode.
static void test_ignore_space_makes_built_in_functions_of_words_with_space(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(parse(fixture, "SELECT COUNT (a) FROM t")->class, STATEMENT_CLASS_WRITE);
    assert_int_equal(parse(fixture, "SELECT CONCAT (a) FROM t")->class, STATEMENT_CLASS_READ);
    fixture->context.syntax.ignore_space = true;
    assert_int_equal(parse(fixture, "SELECT COUNT (a) FROM t")->class, STATEMENT_CLASS_READ);
    assert_int_equal(parse(fixture, "SELECT COUNT /* */ (a) FROM t")->class, STATEMENT_CLASS_WRITE);
}

// Without a catalogue nobody knows whether a server that lacks the built-in one has a stored one.
static void test_functions_that_only_some_servers_have_want_a_catalogue(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(parse(fixture, "SELECT UUID_TO_BIN(a) FROM t")->reason, ROUTE_REASON_READ);
    catalogue_unref(fixture->context.catalogue);
    fixture->context.catalogue = NULL;
    assert_int_equal(parse(fixture, "SELECT UUID_TO_BIN(a) FROM t")->reason,
                     ROUTE_REASON_UNKNOWN_FUNCTION);
    assert_int_equal(parse(fixture, "SELECT MD5(a) FROM t")->reason,
                     ROUTE_REASON_UNKNOWN_FUNCTION); // MySQL 9.6 took it out
    assert_int_equal(parse(fixture, "SELECT CRC32(a) FROM t")->reason, ROUTE_REASON_READ);
    assert_int_equal(parse(fixture, "SELECT NEXTVAL(s)")->reason, ROUTE_REASON_SEQUENCE);
    assert_true(statement_has(&fixture->statement, EFFECT_SEQUENCE));
    assert_true(statement_has(&fixture->statement, EFFECT_FUNCTION));
}

// --- several readings

static void test_an_unknown_sql_mode_is_no_trouble_without_quotes_and_backslashes(void **state)
{
    struct fixture *fixture = *state;
    fixture->context.syntax.is_mode_unknown = true;
    assert_int_equal(parse(fixture, "SELECT a FROM t WHERE b = 'x'")->reason, ROUTE_REASON_READ);
    assert_int_equal(parse(fixture, "SELECT a FROM t WHERE b = 'it\\'s'")->reason,
                     ROUTE_REASON_UNCLEAR_SYNTAX);
    assert_int_equal(parse(fixture, "SELECT a FROM t WHERE b = 'a\\\\b'")->reason,
                     ROUTE_REASON_READ);
    assert_int_equal(parse(fixture, "SELECT \"a\" FROM t")->reason, ROUTE_REASON_READ);
    assert_int_equal(parse(fixture, "SELECT a FROM \"t\"")->reason, ROUTE_REASON_UNCLEAR_SYNTAX);
    assert_int_equal(parse(fixture, "DELETE FROM t WHERE a = 'x\\'y'")->class,
                     STATEMENT_CLASS_WRITE);
}

static void test_what_one_mode_hides_in_a_string_the_other_reads(void **state)
{
    struct fixture *fixture = *state;
    const char *sql = "SELECT '\\' INTO OUTFILE '/tmp/x' -- '";
    assert_int_equal(parse(fixture, sql)->reason, ROUTE_REASON_UNCLEAR_SYNTAX);
    fixture->context.syntax.no_backslash_escapes = true;
    assert_int_equal(parse(fixture, sql)->reason, ROUTE_REASON_INTO_FILE);
    fixture->context.syntax.is_mode_unknown = true;
    parse(fixture, sql);
    assert_int_equal(fixture->statement.class, STATEMENT_CLASS_WRITE);
    assert_int_equal(fixture->statement.reason, ROUTE_REASON_UNCLEAR_SYNTAX);
}

static void test_doubtful_comments_count_for_the_worse(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *sql;
        enum route_reason reason;
    } cases[] = {
        {"SELECT 1 /*!80000 FOR UPDATE */", ROUTE_REASON_LOCKING_READ},
        {"/*!80000 SELECT 1; */", ROUTE_REASON_UNCLEAR_SYNTAX},
        {"/*!80000 DELETE FROM t */", ROUTE_REASON_WRITE},
        {"/*!80000 SELECT 1 */ /*!80001 , 2 */", ROUTE_REASON_UNKNOWN_STATEMENT},
        {"SELECT 1 FOR /*!80001 SYSTEM_TIME */ /*M!100100 UPDATE */", ROUTE_REASON_WRITE},
        {"SELECT 1 FOR /*!80001 SHARE */ /*M!100100 OF */ t", ROUTE_REASON_LOCKING_READ},
        {"SELECT 1 /*!80000 , 2 */ /*!80001 , 3 */ /*M!100100 , 4 */", ROUTE_REASON_READ},
        {"EXPLAIN /*!80000 ANALYZE */ SELECT 1", ROUTE_REASON_READ},
        {"CREATE /*!80000 TEMPORARY */ TABLE t (a INT)", ROUTE_REASON_TEMPORARY_TABLE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parse(fixture, cases[i].sql)->reason, cases[i].reason);
    }
    // The effects of every reading count.
    parse(fixture, "CREATE /*!80000 TEMPORARY */ TABLE t (a INT)");
    assert_true(statement_has(&fixture->statement, EFFECT_TEMPORARY_CREATE));
    assert_true(statement_has(&fixture->statement, EFFECT_IMPLICIT_COMMIT));
    parse(fixture, "/*!80000 SET @a = 1 */");
    assert_true(statement_has(&fixture->statement, EFFECT_USER_VARIABLE));
    assert_true(statement_has(&fixture->statement, EFFECT_UNKNOWN));
    assert_int_equal(fixture->statement.class, STATEMENT_CLASS_SESSION);
    // What is undone at the end anyway leaves nothing that could be in doubt.
    parse(fixture, "SET STATEMENT a = 1 /*!80000 , b = 2 */ FOR SELECT 1");
    assert_false(statement_has(&fixture->statement, EFFECT_UNKNOWN));
    assert_int_equal(fixture->statement.class, STATEMENT_CLASS_READ);
    parse(fixture, "SET STATEMENT a = 1 /*!80000 , b = 2 */ FOR CALL p()"); // which may set b
    assert_true(statement_has(&fixture->statement, EFFECT_UNKNOWN));
}

// Details that differ from one reading to the other are not known.
static void test_details_that_doubtful_comments_change_are_not_believed(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(
        parse(fixture, "START TRANSACTION READ ONLY /*!80000 , WITH CONSISTENT SNAPSHOT */")
            ->access,
        STATEMENT_READ_ONLY);
    assert_int_equal(parse(fixture, "START TRANSACTION /*!80000 READ ONLY */")->access,
                     STATEMENT_ACCESS_DEFAULT);
    assert_int_equal(parse(fixture, "KILL 5 /*!80000 5 */")->kill.form, KILL_OTHER);
    assert_true(parse(fixture, "DROP USER a /*!80000 , b */")->accounts_are_all);
    assert_false(parse(fixture, "SELECT * FROM a /*!80000 , b */")->are_tables_complete);
    assert_true(statement_has(parse(fixture, "USE /*!80000 a */ /*M!100100 b */"), EFFECT_UNKNOWN));
    assert_int_equal(parse(fixture, "PREPARE p FROM /*!80000 'a' */ 'b'")->prepared.len, 0);
}

static void test_a_long_text_is_not_read_many_times(void **state)
{
    struct fixture *fixture = *state;
    struct buffer sql = BUFFER_INIT;
    buffer_append_slice(&sql, S("SELECT 1 /*!80000 , 2 */ /*!80001 , 3 */ FROM t WHERE a IN (1"));
    while (buffer_len(&sql) < 1 << 18) {
        buffer_append_slice(&sql, S(", 1"));
    }
    size_t len = 1 << 18;
    buffer_append_slice(&sql, S(", 1, 1, 1)"));
    for (int longer = 0; longer <= 1; longer++) {
        statement_parse(&fixture->statement, &fixture->arena,
                        slice_make(buffer_ptr(&sql), len + (size_t)longer), &fixture->context);
        assert_int_equal(fixture->statement.class,
                         longer ? STATEMENT_CLASS_WRITE : STATEMENT_CLASS_READ);
    }
    assert_int_equal(fixture->statement.reason, ROUTE_REASON_UNCLEAR_SYNTAX);
    buffer_release(&sql);
}

// --- what must not bring it down

// "head", and "item" as often as said, with commas.
static const struct statement *parse_many(struct fixture *fixture, const char *head,
                                          const char *item, int count)
{
    buffer_clear(&fixture->text);
    buffer_append_slice(&fixture->text, slice_text(head));
    for (int i = 0; i < count; i++) {
        buffer_append_slice(&fixture->text, i > 0 ? S(", ") : S(" "));
        buffer_append_slice(&fixture->text, slice_text(item));
    }
    statement_parse(&fixture->statement, &fixture->arena, buffer_slice(&fixture->text),
                    &fixture->context);
    return &fixture->statement;
}

static void test_what_a_text_names_is_kept_up_to_a_limit(void **state)
{
    struct fixture *fixture = *state;
    const struct statement *statement = parse_many(fixture, "SELECT * FROM", "t", 4096);
    assert_int_equal(statement->class, STATEMENT_CLASS_READ);
    assert_true(statement->are_tables_complete);
    statement = parse_many(fixture, "SELECT * FROM", "t", 4097);
    assert_int_equal(statement->tables_count, 4096);
    assert_int_equal(statement->class, STATEMENT_CLASS_WRITE);
    assert_false(statement->are_tables_complete);
    statement = parse_many(fixture, "SET", "@a = 1", 4096);
    assert_int_equal(statement->assignments_count, 4096);
    assert_false(statement_has(statement, EFFECT_UNKNOWN));
    statement = parse_many(fixture, "SET", "@a = 1", 4097);
    assert_int_equal(statement->assignments_count, 4096);
    assert_true(statement_has(statement, EFFECT_UNKNOWN));
    assert_false(parse_many(fixture, "DROP USER", "u", 1024)->accounts_are_all);
    assert_true(parse_many(fixture, "DROP USER", "u", 1025)->accounts_are_all);
}

static void test_deep_nesting_goes_to_the_primary(void **state)
{
    struct fixture *fixture = *state;
    struct buffer sql = BUFFER_INIT;
    for (int depth = 255; depth <= 257; depth++) {
        buffer_clear(&sql);
        buffer_append_slice(&sql, S("SELECT "));
        for (int i = 0; i < depth; i++) {
            buffer_append_slice(&sql, S("("));
        }
        buffer_append_slice(&sql, S("1"));
        for (int i = 0; i < depth; i++) {
            buffer_append_slice(&sql, S(")"));
        }
        buffer_append(&sql, "", 1);
        parse(fixture, (const char *)buffer_ptr(&sql));
        assert_int_equal(fixture->statement.reason,
                         depth <= 256 ? ROUTE_REASON_READ : ROUTE_REASON_UNCLEAR_SYNTAX);
    }
    buffer_release(&sql);
}

static void test_statements_in_statements_in_statements_end(void **state)
{
    struct fixture *fixture = *state;
    struct buffer sql = BUFFER_INIT;
    for (int i = 0; i < 100000; i++) {
        buffer_append_slice(&sql, S("SET STATEMENT a=1 FOR "));
    }
    buffer_append(&sql, "", 1);
    assert_int_equal(parse(fixture, (const char *)buffer_ptr(&sql))->class, STATEMENT_CLASS_WRITE);
    buffer_release(&sql);
}

static void test_a_variable_without_a_name_makes_a_read_no_read(void **state)
{
    struct fixture *fixture = *state;
    const char *sql = "SET STATEMENT a = 0, , b = 1 FOR SELECT 1";
    assert_int_equal(parse(fixture, sql)->reason, ROUTE_REASON_UNKNOWN_STATEMENT);
    assert_int_equal(fixture->statement.class, STATEMENT_CLASS_WRITE);
    assert_true(statement_has(&fixture->statement, EFFECT_UNKNOWN));
}

static void test_unbalanced_parentheses_are_the_servers_business(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(parse(fixture, "SELECT 1))) FROM t")->class, STATEMENT_CLASS_READ);
    assert_int_equal(parse(fixture, "SELECT (((1 FROM t FOR UPDATE")->reason,
                     ROUTE_REASON_LOCKING_READ);
    assert_int_equal(parse(fixture, "SELECT (1; DELETE FROM t")->class, STATEMENT_CLASS_WRITE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_kinds_are_what_the_statement_is),
        TEST(test_effects_and_asks_of_every_kind_of_statement),
        TEST(test_effects_of_several_statements_add_up),
        TEST(test_a_text_that_changes_its_own_syntax_is_unsure_behind_that),
        TEST(test_a_body_with_semicolons_is_one_statement),
        TEST(test_a_body_may_be_a_block_without_begin),
        TEST(test_a_body_of_one_statement_ends_at_its_semicolon),
        TEST(test_load_data_assigns_variables_behind_a_character_set),
        TEST(test_tables_are_found_at_every_depth),
        TEST(test_tables_that_are_written_are_marked),
        TEST(test_a_query_is_told_from_the_definition_of_a_table),
        TEST(test_more_tables_than_fit_at_first_are_all_there),
        TEST(test_a_table_is_named_with_or_without_its_schema),
        TEST(test_a_system_schema_is_server_specific_when_it_is_the_current_one),
        TEST(test_transactions_say_how_they_begin),
        TEST(test_names_of_schemas_statements_and_savepoints),
        TEST(test_kill_in_every_form),
        TEST(test_accounts_whose_logins_are_to_be_forgotten),
        TEST(test_reasons_name_what_was_found),
        TEST(test_facts_about_queries),
        TEST(test_why_a_result_may_not_be_kept),
        TEST(test_hints_come_along),
        TEST(test_views_that_each_server_answers_in_its_own_way_are_no_writes),
        TEST(test_pure_functions_are_allowed_as_the_option_names_them),
        TEST(test_ignore_space_makes_built_in_functions_of_words_with_space),
        TEST(test_functions_that_only_some_servers_have_want_a_catalogue),
        TEST(test_an_unknown_sql_mode_is_no_trouble_without_quotes_and_backslashes),
        TEST(test_what_one_mode_hides_in_a_string_the_other_reads),
        TEST(test_doubtful_comments_count_for_the_worse),
        TEST(test_details_that_doubtful_comments_change_are_not_believed),
        TEST(test_a_long_text_is_not_read_many_times),
        TEST(test_what_a_text_names_is_kept_up_to_a_limit),
        TEST(test_deep_nesting_goes_to_the_primary),
        TEST(test_statements_in_statements_in_statements_end),
        TEST(test_a_variable_without_a_name_makes_a_read_no_read),
        TEST(test_unbalanced_parentheses_are_the_servers_business),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
