// What bodies of stored programs do, as servers show them, and what a statement does that runs one.
#include "router/statement/program.h"
#include "router/statement/statement_cache.h"

#include "proxy/base/buffer.h"

#include <stdarg.h>
#include <setjmp.h>

#include <cmocka.h>

// --- a body in words -----------------------------------------------------------------------------

static const char *assignment_mark(enum assignment_scope scope)
{
    switch (scope) {
    case ASSIGNMENT_USER:
        return "@";
    case ASSIGNMENT_GLOBAL:
        return "global ";
    case ASSIGNMENT_NEXT_TRANSACTION:
        return "next ";
    default:
        return "session ";
    }
}

// "read", effects with a plus, what is assigned, tables (written ones with a !).
static void program_print(const struct program *program, struct buffer *out)
{
    buffer_append_slice(out, program->is_read ? S("read") : S("known"));
    for (enum statement_effect effect = 0; effect < EFFECT_COUNT; effect++) {
        if ((program->effects & EFFECT_BIT(effect)) != 0) {
            buffer_print(out, " +%.*s", SLICE_ARG(statement_effect_name(effect)));
        }
    }
    for (uint32_t i = 0; i < program->assignments_count; i++) {
        buffer_print(out, " %s%.*s", assignment_mark(program->assignments[i].scope),
                     SLICE_ARG(program->assignments[i].name));
    }
    for (uint32_t i = 0; i < program->subjects_count; i++) {
        bool is_lock = program->subjects[i].kind == SUBJECT_USER_LOCK;
        buffer_print(out, " %s%.*s", is_lock ? "lock " : "@", SLICE_ARG(program->subjects[i].name));
    }
    for (uint32_t i = 0; i < program->tables_count; i++) {
        const struct statement_table *table = &program->tables[i];
        buffer_print(out, " %.*s.%.*s%s%s", SLICE_ARG(table->schema), SLICE_ARG(table->name),
                     table->is_temporary ? "~" : "", table->is_written ? "!" : "");
    }
}

static const struct slice parameters[] = {SLICE_INIT("p"), SLICE_INIT("`q")};

static void body_print(enum catalogue_definition_kind kind, struct slice mode, const char *body,
                       struct buffer *out)
{
    struct arena arena = ARENA_INIT;
    struct program program;
    struct catalogue_source source = {
        .kind = kind,
        .schema = S("app"),
        .sql_mode = mode,
        .text = slice_text(body),
        .parameters = parameters,
        .parameters_count = 2,
    };
    buffer_clear(out);
    switch (program_read(&program, &arena, &source, NULL)) {
    case PROGRAM_UNKNOWN:
        buffer_append_slice(out, S("unknown"));
        break;
    case PROGRAM_WAITING:
        buffer_append_slice(out, S("waiting"));
        break;
    case PROGRAM_KNOWN:
        program_print(&program, out);
        break;
    }
    buffer_append(out, "", 1);
    arena_release(&arena);
}

struct body_case {
    const char *body;
    const char *expected;
};

static void expect(enum catalogue_definition_kind kind, const struct body_case *cases, size_t count)
{
    struct buffer out = BUFFER_INIT;
    for (size_t i = 0; i < count; i++) {
        body_print(kind, SLICE_NONE, cases[i].body, &out);
        if (strcmp((const char *)buffer_ptr(&out), cases[i].expected) != 0) {
            fail_msg("%s\n    is      %s\n    but was %s", cases[i].body, cases[i].expected,
                     (const char *)buffer_ptr(&out));
        }
    }
    buffer_release(&out);
}

#define EXPECT(kind, cases) expect(kind, cases, sizeof(cases) / sizeof((cases)[0]))

// --- tests ---------------------------------------------------------------------------------------

static void functions_that_only_read_are_reads_whatever_is_around_it(void **state)
{
    static const struct body_case cases[] = {
        {"RETURN p + 1", "read"},
        {"BEGIN RETURN p; END", "read"},
        {"BEGIN DECLARE a, b INT DEFAULT 0; SELECT x INTO a FROM t WHERE id = p; SET b = a * 2; "
         "RETURN b; END",
         "read app.t"},
        {"BEGIN IF p > 1 THEN RETURN 1; ELSEIF p = 1 THEN RETURN 2; ELSE RETURN 3; END IF; END",
         "read"},
        {"BEGIN IF CASE WHEN p THEN 1 ELSE 2 END = 1 THEN RETURN 1; END IF; RETURN 2; END", "read"},
        {"BEGIN IF (SELECT COUNT(*) FROM t) > 0 THEN RETURN 1; END IF; RETURN IF(p, 1, 2); END",
         "read app.t"},
        {"BEGIN CASE p WHEN 1 THEN RETURN 1; WHEN 2 THEN RETURN 2; ELSE BEGIN END; END CASE; "
         "RETURN 3; END",
         "read"},
        {"BEGIN CASE WHEN p = 1 THEN RETURN 1; END CASE; RETURN 0; END", "read"},
        {"BEGIN DECLARE i INT; SET i = 0; l: WHILE i < p DO SET i = i + 1; IF i = 3 THEN LEAVE l; "
         "END IF; ITERATE l; END WHILE l; RETURN i; END",
         "read"},
        {"BEGIN DECLARE i INT DEFAULT 0; REPEAT SET i := i + 1; UNTIL i > CASE p WHEN 1 THEN 2 "
         "ELSE 3 END END REPEAT; RETURN i; END",
         "read"},
        {"BEGIN DECLARE s VARCHAR(100) CHARACTER SET utf8mb4 DEFAULT ''; l: LOOP SET s = "
         "CONCAT(s, p); IF LENGTH(s) > 10 THEN LEAVE l; END IF; END LOOP; RETURN s; END",
         "read"},
        {"BEGIN DECLARE done INT DEFAULT 0; DECLARE v INT; DECLARE c CURSOR FOR SELECT a FROM t "
         "WHERE b = p; DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = 1; OPEN c; FETCH c INTO "
         "v; "
         "CLOSE c; RETURN v; END",
         "read app.t"},
        {"BEGIN DECLARE x CONDITION FOR SQLSTATE '45000'; DECLARE EXIT HANDLER FOR x, 1062, "
         "SQLSTATE VALUE '23000', SQLWARNING BEGIN RETURN -1; END; RETURN p; END",
         "read"},
        {"BEGIN IF p IS NULL THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no', MYSQL_ERRNO = "
         "1644; END IF; RETURN p; END",
         "read"},
        {"BEGIN FOR i IN 1 .. 10 DO SET p = p + i; END FOR; RETURN p; END", "read"},
        {"BEGIN FOR r IN (SELECT a, b FROM t) DO SET p = r.a; SET r.b = 1; END FOR; RETURN p; END",
         "read app.t"},
        {"BEGIN DECLARE names INT; SET names = 1, p = 2; RETURN names; END", "read"},
        {"BEGIN DECLARE r ROW (a INT, b INT); SELECT a, b INTO r.a, r.b FROM t; RETURN r.a; END",
         "read app.t"},
        {"BEGIN RETURN (SELECT t.end FROM t); END", "read app.t"},
    };
    (void)state;
    EXPECT(CATALOGUE_FUNCTION_BODY, cases);
}

static void what_functions_do_to_their_session_is_known(void **state)
{
    static const struct body_case cases[] = {
        {"BEGIN SET @a = 1; RETURN 1; END", "known +user_variable @a"},
        {"RETURN @a := p", "known +user_variable @a"},
        {"RETURN @a", "known"},
        {"BEGIN SELECT MAX(id), 1 INTO @m, p FROM t; RETURN 1; END",
         "known +user_variable @m app.t"},
        {"BEGIN SELECT 1, 2 INTO p, @m; RETURN 1; END", "known +user_variable @m"},
        {"BEGIN UPDATE counter SET n = n + 1 WHERE id = p; RETURN 1; END", "known app.counter!"},
        {"BEGIN INSERT INTO other.log (a) VALUES (p); RETURN LAST_INSERT_ID(); END",
         "known other.log!"},
        {"BEGIN SET SESSION sort_buffer_size = p; RETURN 1; END",
         "known +variable session sort_buffer_size"},
        {"BEGIN SET @@sort_buffer_size = p, lc_time_names = 'de_DE'; RETURN 1; END",
         "known +variable session sort_buffer_size session lc_time_names"},
        {"BEGIN RETURN GET_LOCK('job', 1); END", "known +lock_take lock job"},
        {"BEGIN RETURN GET_LOCK(p, 1); END", "known +lock_take lock "},
        {"BEGIN CREATE TEMPORARY TABLE x (a INT); RETURN 1; END",
         "known +temporary_create app.x~!"},
        {"BEGIN RETURN (SELECT a FROM t FOR UPDATE); END", "known app.t"},
        {"BEGIN RETURN NEXT VALUE FOR s; END", "known +sequence app.s!"},
        {"BEGIN RETURN CONNECTION_ID(); END", "known"},
    };
    (void)state;
    EXPECT(CATALOGUE_FUNCTION_BODY, cases);
}

static void what_procedures_and_triggers_do_is_known(void **state)
{
    static const struct body_case procedures[] = {
        {"SELECT COUNT(*) FROM t", "read app.t"},
        {"BEGIN END", "read"},
        {"BEGIN SET p = 1; SET q = 2; END", "known +variable session q"},
        // What is inserted may be asked for by LAST_INSERT_ID() afterwards.
        {"INSERT INTO t VALUES (p)", "known +insert_id app.t!"},
        {"BEGIN START TRANSACTION; UPDATE t SET a = 1; SAVEPOINT s; ROLLBACK TO s; COMMIT; END",
         "known +insert_id app.t!"},
        {"BEGIN NOT ATOMIC SELECT 1; END", "read"},
        {"BEGIN SET NAMES utf8mb4; END", "known +charset session names"},
        {"BEGIN SET GLOBAL max_connections = 10; END",
         "known +global_variable global max_connections"},
        {"BEGIN SET TRANSACTION ISOLATION LEVEL READ COMMITTED; END",
         "known +next_transaction next transaction_isolation"},
        {"BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN GET DIAGNOSTICS CONDITION 1 @m = "
         "MESSAGE_TEXT; ROLLBACK; RESIGNAL; END; SELECT 1; END",
         "known +user_variable @m"},
        {"BEGIN CREATE TABLE x (a INT); DROP TABLE x; CREATE OR REPLACE VIEW v AS SELECT 1; END",
         "known +temporary_drop +insert_id +catalogue app.x! app.x! app.v!"},
        {"BEGIN GRANT SELECT ON app.* TO u; END", "known +account"},
        {"BEGIN SELECT SQL_CALC_FOUND_ROWS a FROM t LIMIT 1; SELECT FOUND_ROWS(); END",
         "known app.t"},
    };
    static const struct body_case triggers[] = {
        {"SET NEW.a = 1, NEW.b = NEW.a + 1", "read"},
        {"SET @sum = @sum + NEW.amount", "known +user_variable @sum"},
        {"BEGIN IF NEW.a <> OLD.a THEN INSERT INTO log VALUES (@who, NEW.a); END IF; END",
         "known app.log!"},
        {"FOLLOWS", "unknown"},
    };
    (void)state;
    EXPECT(CATALOGUE_PROCEDURE_BODY, procedures);
    EXPECT(CATALOGUE_TRIGGER_BODY, triggers);
}

// No text of the program's own shows what it does.
static void what_is_hidden_or_not_understood_is_not_known(void **state)
{
    static const struct body_case cases[] = {
        {"", "unknown"},
        {" /* nothing */ ", "unknown"},
        {"BEGIN PREPARE s FROM @sql; EXECUTE s; DEALLOCATE PREPARE s; END", "unknown"},
        {"BEGIN EXECUTE IMMEDIATE 'SET @a = 1'; END", "unknown"},
        {"BEGIN XA START 'x'; END", "unknown"},
        {"BEGIN SET ROLE r; END", "unknown"},
        {"BEGIN KILL p; END", "unknown"},
        {"BEGIN LOCK TABLES t WRITE; END", "unknown"},
        {"BEGIN FROBNICATE t; END", "unknown"},
        {"BEGIN SELECT 1", "unknown"},
        {"BEGIN IF p THEN SELECT 1; END", "unknown"},
        {"BEGIN SELECT 1; END; END", "unknown"},
        {"BEGIN IF p SELECT 1; END IF; END", "unknown"},
        {"BEGIN WHILE p LOOP SELECT 1; END LOOP; END", "unknown"},
        {"BEGIN END SELECT 1", "unknown"},
        {"SELECT 'open", "unknown"},
        {"BEGIN /*!99999 SET @a = 1; */ SELECT 1; END", "unknown"},
        // Of programs that nobody has told about yet.
        {"BEGIN SELECT other(1); END", "waiting"},
        {"BEGIN CALL other(1); END", "waiting"},
        {"BEGIN CALL other.p(); PREPARE s FROM 'SELECT 1'; END", "unknown"},
        // MariaDB's other dialect.
        {"AS x INT; BEGIN :NEW.a := 1; END", "unknown"},
        {"return p;", "read"},
        {"const x = 1; return x;", "unknown"},
    };
    (void)state;
    EXPECT(CATALOGUE_PROCEDURE_BODY, cases);
}

// --- statements that run them --------------------------------------------------------------------

static const char *const routines[][5] = {
    {"app", "f_read", "FUNCTION", "", "BEGIN DECLARE n INT; SELECT a INTO n FROM t; RETURN n; END"},
    {"app", "f_over", "FUNCTION", "", "BEGIN RETURN f_read() + 1; END"},
    {"app", "f_user", "FUNCTION", "", "BEGIN SET @f = 1; RETURN 1; END"},
    {"app", "f_out", "FUNCTION", "", "BEGIN SET x = 1; RETURN 1; END"},
    {"app", "f_view", "FUNCTION", "", "RETURN (SELECT COUNT(*) FROM v)"},
    {"app", "f_odd_view", "FUNCTION", "", "RETURN (SELECT COUNT(*) FROM v_user)"},
    {"app", "f_first", "FUNCTION", "", "BEGIN RETURN f_second(); END"},
    {"app", "f_second", "FUNCTION", "", "BEGIN RETURN f_first(); END"},
    {"app", "p", "PROCEDURE", "", "BEGIN SET x = f_user(); CALL p_inner(); END"},
    {"app", "p_inner", "PROCEDURE", "", "INSERT INTO audited VALUES (1)"},
    {"app", "p_sets", "PROCEDURE", "", "SET x = 1"},
    {"app", "p_log", "PROCEDURE", "", "BEGIN INSERT INTO t VALUES (1); DELETE FROM other.t; END"},
    {"app", "p_hidden", "PROCEDURE", "", NULL},
};

static const char *const triggers[][5] = {
    {"app", "audited", "a", "", "SET @audited = NEW.a"},
    {"app", "chained", "b", "", "INSERT INTO audited VALUES (NEW.a)"},
    {"app", "hidden", "c", "", NULL},
    {"app", "quiet", "d", "", "SET NEW.a = 1"},
    {"app", "logged", "e", "", "DELETE FROM other.t WHERE a = NEW.a"},
};

static const char *const views[][3] = {
    {"app", "v", "select `app`.`t`.`a` AS `a` from `app`.`t`"},
    {"app", "v_user", "select `app`.`f_user`() AS `f`"},
    {"app", "v_audited", "select `app`.`audited`.`a` AS `a` from `app`.`audited`"},
};

static void rows_add(struct catalogue_builder *builder, enum catalogue_query_id id,
                     const char *const *row)
{
    struct slice values[8];
    for (size_t i = 0; i < catalogue_queries[id].columns; i++) {
        values[i] = row[i] != NULL ? slice_text(row[i]) : SLICE_NONE;
    }
    assert_true(catalogue_builder_row(builder, id, values, catalogue_queries[id].columns));
}

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const struct catalogue *catalogue_make(void)
{
    static const char *const parameters_of[][5] = {
        {"app", "p", "PROCEDURE", "x", "OUT"},
        {"app", "f_user", "FUNCTION", "x", "IN"},
        {"app", "f_out", "FUNCTION", "x", "INOUT"},
    };
    struct catalogue_builder *builder = catalogue_builder_create();
    for (size_t i = 0; i < COUNT(routines); i++) {
        rows_add(builder, CATALOGUE_QUERY_ROUTINES, routines[i]);
    }
    for (size_t i = 0; i < COUNT(triggers); i++) {
        rows_add(builder, CATALOGUE_QUERY_TRIGGERS, triggers[i]);
    }
    for (size_t i = 0; i < COUNT(views); i++) {
        rows_add(builder, CATALOGUE_QUERY_VIEWS, views[i]);
    }
    for (size_t i = 0; i < COUNT(parameters_of); i++) {
        rows_add(builder, CATALOGUE_QUERY_PARAMETERS, parameters_of[i]);
    }
    for (int id = 0; id < CATALOGUE_QUERY_COUNT; id++) {
        catalogue_builder_done(builder, (enum catalogue_query_id)id);
    }
    return catalogue_builder_finish(&builder, statement_inspect);
}

static void statement_print(const struct statement *statement, struct buffer *out)
{
    buffer_clear(out);
    buffer_append_slice(out, statement->class == STATEMENT_CLASS_READ ? S("read") : S("write"));
    for (enum statement_effect effect = 0; effect < EFFECT_COUNT; effect++) {
        if (statement_has(statement, effect)) {
            buffer_print(out, " +%.*s", SLICE_ARG(statement_effect_name(effect)));
        }
    }
    for (uint32_t i = 0; i < statement->assignments_count; i++) {
        buffer_print(out, " %s%.*s", assignment_mark(statement->assignments[i].scope),
                     SLICE_ARG(statement->assignments[i].name));
    }
    for (uint32_t i = 0; i < statement->subjects_count; i++) {
        buffer_print(out, " @%.*s", SLICE_ARG(statement->subjects[i].name));
    }
    if (statement->runs_program) {
        buffer_append_slice(out, S(" runs"));
    }
    for (uint32_t i = 0; i < statement->program_tables_count; i++) {
        const struct statement_table *table = &statement->program_tables[i];
        buffer_print(out, " %.*s%s", SLICE_ARG(table->name), table->is_written ? "!" : "");
    }
    buffer_append(out, "", 1);
}

// Twice: what the first reading left in the cache may be all that the second one has.
static void read_from_cache(const struct body_case *one, const struct statement_context *context,
                            struct buffer *out)
{
    struct statement_cache *cache = statement_cache_create();
    for (int i = 0; i < 2; i++) {
        struct arena arena = ARENA_INIT;
        struct statement statement;
        struct statement_entry *entry =
            statement_cache_read(cache, &statement, &arena, slice_text(one->body), context);
        statement_print(&statement, out);
        statement_entry_unref(&entry);
        arena_release(&arena);
    }
    statement_cache_destroy(cache);
}

static void expect_statements(const struct body_case *cases, size_t count, bool is_old)
{
    struct buffer out = BUFFER_INIT;
    struct buffer cached = BUFFER_INIT;
    for (size_t i = 0; i < count; i++) {
        const struct catalogue *catalogue = catalogue_make();
        struct statement_context context = {
            .syntax = SQL_SYNTAX_DEFAULT,
            .schema = S("app"),
            .catalogue = catalogue,
            .is_catalogue_old = is_old,
        };
        struct arena arena = ARENA_INIT;
        struct statement statement;
        read_from_cache(&cases[i], &context, &cached);
        statement_parse(&statement, &arena, slice_text(cases[i].body), &context);
        catalogue_unref(catalogue); // a new one came while the statement runs
        statement_print(&statement, &out);
        assert_string_equal((const char *)buffer_ptr(&cached), (const char *)buffer_ptr(&out));
        if (strcmp((const char *)buffer_ptr(&out), cases[i].expected) != 0) {
            fail_msg("%s\n    is      %s\n    but was %s", cases[i].body, cases[i].expected,
                     (const char *)buffer_ptr(&out));
        }
        arena_release(&arena);
    }
    buffer_release(&cached);
    buffer_release(&out);
}

static void a_statement_does_what_the_programs_do_that_it_runs(void **state)
{
    static const struct body_case cases[] = {
        {"SELECT f_read()", "read"},
        {"SELECT f_over()", "read"},
        {"SELECT f_view()", "read"},
        {"SELECT app.f_user()", "write +user_variable @f runs"},
        {"SELECT * FROM v_user", "write +insert_id +function runs"},
        {"SET @r = f_out(@x)", "write +user_variable +insert_id +function @r runs"},
        {"SELECT f_odd_view()", "write +insert_id +function runs"},
        {"SELECT f_first()", "write +insert_id +function runs"},
        {"SELECT f_unheard_of()", "write +insert_id +function runs"},
        {"CALL p_inner()", "write +user_variable +insert_id @audited runs audited!"},
        {"CALL p(1)", "write +user_variable +insert_id @f @audited runs audited!"},
        {"CALL app.p(@out)", "write +user_variable +insert_id @f @audited @out runs audited!"},
        {"CALL p_sets", "write +variable session x runs"},
        {"CALL p_hidden()", "write +insert_id +function runs"},
        {"CALL a.b.c()", "write +insert_id +function runs"},
        {"CALL other.p()", "write +insert_id +function runs"},
        {"INSERT INTO audited VALUES (1)", "write +user_variable @audited runs"},
        {"REPLACE app.audited SET a = 1", "write +user_variable @audited runs"},
        {"UPDATE t, audited SET t.a = 1", "write +user_variable @audited runs"},
        {"DELETE FROM audited", "write +user_variable @audited runs"},
        {"LOAD DATA INFILE 'x' INTO TABLE audited", "write +user_variable @audited runs"},
        {"INSERT INTO v_audited VALUES (1)", "write +user_variable @audited runs"},
        {"INSERT INTO chained VALUES (1)", "write +user_variable @audited runs audited!"},
        {"INSERT INTO hidden VALUES (1)", "write +insert_id +function runs"},
        {"INSERT INTO quiet VALUES (1)", "write runs"},
        {"CALL p_log()", "write +insert_id runs t! t!"},
        {"INSERT INTO logged VALUES (1)", "write runs t!"},
        {"INSERT INTO other.audited VALUES (1)", "write"},
        {"INSERT INTO t SELECT a FROM audited", "write"},
        {"SELECT * FROM audited", "read"},
        {"USE other; CALL p_sets()", "write +schema +insert_id +function runs"},
        {"USE other; SELECT f_read()", "write +schema +insert_id +function runs"},
        {"USE other; INSERT INTO audited VALUES (1)", "write +schema"},
        {"USE other; USE app; CALL p_sets()", "write +schema +variable session x runs"},
        {"CREATE OR REPLACE FUNCTION f_read() RETURNS INT RETURN @a := 1; SELECT f_read()",
         "write +implicit_commit +insert_id +catalogue +function runs"},
        {"ALTER TABLE hidden ADD b INT", "write +implicit_commit"},
    };
    (void)state;
    expect_statements(cases, COUNT(cases), false);
}

static void programs_that_may_have_changed_are_not_known(void **state)
{
    static const struct body_case cases[] = {
        {"SELECT f_read()", "write +insert_id +function runs"},
        {"SELECT f_user()", "write +insert_id +function runs"},
        {"CALL p_inner()", "write +insert_id +function runs"},
        {"INSERT INTO audited VALUES (1)", "write +insert_id +function runs"},
        {"INSERT INTO t VALUES (1)", "write"},
        {"SELECT a FROM t", "read"},
    };
    (void)state;
    expect_statements(cases, COUNT(cases), true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_that_only_read_are_reads_whatever_is_around_it),
        cmocka_unit_test(what_functions_do_to_their_session_is_known),
        cmocka_unit_test(what_procedures_and_triggers_do_is_known),
        cmocka_unit_test(what_is_hidden_or_not_understood_is_not_known),
        cmocka_unit_test(a_statement_does_what_the_programs_do_that_it_runs),
        cmocka_unit_test(programs_that_may_have_changed_are_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
