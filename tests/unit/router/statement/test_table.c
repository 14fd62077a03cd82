// tests/statements.table against the classifier: some hundred statements with the server they go to
// and the reason.
#include "router/catalogue/builder.h"
#include "router/sql/digest.h"
#include "router/statement/statement_cache.h"

#include "proxy/base/map.h"
#include "proxy/base/memory.h"
#include "tests/unit/router/statement/alike.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

// --- the schema of tests/statements.sql, as a server's information_schema shows it

static const char *const views[][3] = {
    {"app", "v_plain",
     "select `app`.`t`.`id` AS `id`,ucase(`app`.`t`.`b`) AS `b`,`app`.`t`.`a` + `app`.`t`.`c` AS "
     "`total` from `app`.`t` where `app`.`t`.`a` > 0"},
    {"app", "v_hidden", "select `v_function`.`id` AS `id` from `app`.`v_function`"},
    {"app", "v_user",
     "select `app`.`t`.`id` AS `id` from `app`.`t` where `app`.`t`.`b` = "
     "substring_index(current_user(),'@',1)"},
    {"app", "v_nested",
     "select `v`.`id` AS `id`,`app`.`u`.`x` AS `x` from (`app`.`v_plain` `v` join `app`.`u` "
     "on(`app`.`u`.`t_id` = `v`.`id`))"},
    {"app", "v_function",
     "select `app`.`t`.`id` AS `id`,`count_call`(`app`.`t`.`a`) AS `n` from `app`.`t`"},
    {"app", "v_now",
     "select `app`.`t`.`id` AS `id`,`app`.`t`.`d` > current_timestamp() AS `is_future` from "
     "`app`.`t`"},
    {"app", "v_net",
     "select `app`.`t`.`id` AS `id`,`app`.`net`(`app`.`t`.`c`) AS `net` from `app`.`t`"},
    {"app", "v_processes",
     "select `information_schema`.`processlist`.`ID` AS `id` from "
     "`information_schema`.`processlist`"},
};

static const char *const routines[][5] = {
    {"app", "age_of", "FUNCTION", "", "RETURN TIMESTAMPDIFF(YEAR, born, CURDATE())"},
    {"app", "count_call", "FUNCTION", "",
     "BEGIN UPDATE counter SET counter.n = counter.n + 1 WHERE id = 1; RETURN n; END"},
    {"app", "discount", "FUNCTION", "",
     "BEGIN IF price > 100 THEN RETURN price * 0.9; END IF; RETURN price; END"},
    {"app", "net", "FUNCTION", "STRICT_TRANS_TABLES", "RETURN ROUND(price / 1.19, 2)"},
    {"app", "p_read", "PROCEDURE", "", "SELECT COUNT(*) FROM t"},
    {"app", "p_write", "PROCEDURE", "", "BEGIN UPDATE counter SET n = 1; END"},
    {"app", "to_json", "FUNCTION", "", "BEGIN SET @to_json = n; RETURN n; END"},
    {"app", "uuid_to_bin", "FUNCTION", "", "BEGIN UPDATE counter SET n = 1; RETURN n; END"},
};

static void rows_add(struct catalogue_builder *builder, enum catalogue_query_id id,
                     const char *const *row, size_t columns)
{
    struct slice values[8];
    for (size_t i = 0; i < columns; i++) {
        values[i] = slice_text(row[i]);
    }
    assert_true(catalogue_builder_row(builder, id, values, columns));
}

static const struct catalogue *catalogue_make(void)
{
    struct catalogue_builder *builder = catalogue_builder_create();
    for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
        rows_add(builder, CATALOGUE_QUERY_VIEWS, views[i], 3);
    }
    for (size_t i = 0; i < sizeof(routines) / sizeof(routines[0]); i++) {
        rows_add(builder, CATALOGUE_QUERY_ROUTINES, routines[i], 5);
    }
    for (int id = 0; id < CATALOGUE_QUERY_COUNT; id++) {
        catalogue_builder_done(builder, (enum catalogue_query_id)id);
    }
    return catalogue_builder_finish(&builder, statement_inspect);
}

// --- the table

struct row {
    int line;
    struct slice target, reason, group, family, run;
    struct slice sql; // on the heap
};

// The next word of `line`, which is cut off.
static struct slice word_take(struct slice *line)
{
    size_t len = slice_find(*line, ' ');
    struct slice word = slice_first(*line, len);
    *line = slice_from(*line, len);
    while (line->len > 0 && line->ptr[0] == ' ') {
        *line = slice_from(*line, 1);
    }
    return word;
}

// A copy with the newlines that the table writes as a character of three bytes.
static struct slice sql_copy(struct slice text)
{
    struct slice mark = S("\xe2\x8f\x8e");
    char *out = mem_alloc(text.len + 1);
    size_t len = 0;
    while (text.len > 0) {
        bool is_newline = slice_starts_nocase(text, mark);
        out[len++] = is_newline ? '\n' : text.ptr[0];
        text = slice_from(text, is_newline ? mark.len : 1);
    }
    return slice_make(out, len);
}

static bool row_read(struct row *row, struct slice line)
{
    if (line.len == 0 || line.ptr[0] == '#') {
        return false;
    }
    row->target = word_take(&line);
    row->reason = word_take(&line);
    row->group = word_take(&line);
    row->family = word_take(&line);
    row->run = word_take(&line);
    row->sql = sql_copy(line);
    return true;
}

typedef void row_fn(const struct row *row, void *arg);

static size_t table_each(row_fn *each, void *arg)
{
    char text[8192];
    struct row row = {.line = 0};
    size_t count = 0;
    FILE *file = fopen("tests/statements.table", "r");
    assert_non_null(file);
    while (fgets(text, sizeof(text), file) != NULL) {
        row.line++;
        struct slice line = slice_text(text);
        assert_true(line.len > 0 && line.ptr[line.len - 1] == '\n');
        if (row_read(&row, slice_first(line, line.len - 1))) {
            each(&row, arg);
            mem_free((char *)row.sql.ptr);
            count++;
        }
    }
    fclose(file);
    return count;
}

// --- where an autocommit session's statement goes

static struct slice target_of(const struct statement *statement)
{
    switch (statement->class) {
    case STATEMENT_CLASS_READ:
        return S("replica");
    case STATEMENT_CLASS_PROXY:
        return S("proxy");
    case STATEMENT_CLASS_TRANSACTION:
        return statement->access == STATEMENT_READ_ONLY && statement->kind == STATEMENT_BEGIN
                   ? S("replica")
                   : S("primary");
    default:
        return S("primary");
    }
}

static struct slice reason_of(const struct statement *statement)
{
    bool is_read_only =
        statement->kind == STATEMENT_BEGIN && statement->access == STATEMENT_READ_ONLY;
    return route_reason_name(is_read_only ? ROUTE_REASON_READ_ONLY_TRANSACTION : statement->reason);
}

struct check {
    struct statement_context context;
    struct arena arena;
    size_t wrong;
};

static void row_check(const struct row *row, void *arg)
{
    struct check *check = arg;
    struct statement statement;
    statement_parse(&statement, &check->arena, row->sql, &check->context);
    if (!slice_equal(target_of(&statement), row->target) ||
        !slice_equal(reason_of(&statement), row->reason)) {
        print_error("statements.table:%d: %.*s %.*s: got %.*s %.*s: %.*s\n", row->line,
                    SLICE_ARG(row->target), SLICE_ARG(row->reason),
                    SLICE_ARG(target_of(&statement)), SLICE_ARG(reason_of(&statement)),
                    SLICE_ARG(row->sql));
        check->wrong++;
    }
    arena_reset(&check->arena);
}

static void check_table(struct check *check)
{
    static const struct slice pure[] = {SLICE_INIT("app.discount")};
    check->context.schema = S("app");
    check->context.catalogue = catalogue_make();
    check->context.pure_functions = pure;
    check->context.pure_functions_count = 1;
    size_t count = table_each(row_check, check);
    print_message("%zu statements\n", count);
    assert_true(count >= 450);
    catalogue_unref(check->context.catalogue);
    arena_release(&check->arena);
}

static void test_every_statement_goes_where_the_table_says(void **state)
{
    (void)state;
    struct check check = {.context.syntax = SQL_SYNTAX_DEFAULT};
    check_table(&check);
    assert_int_equal(check.wrong, 0);
}

// --- the same with other literals, from the cache

struct cache_check {
    struct check check;
    struct statement_cache *cache;
    size_t known;
};

static void alike_check(const struct row *row, void *arg)
{
    struct cache_check *check = arg;
    const struct statement_context *context = &check->check.context;
    struct arena *arena = &check->check.arena;
    struct statement first, statement, read;
    struct slice other = alike_text(row->sql, &context->syntax);
    if (other.ptr != NULL) {
        struct statement_entry *entry =
            statement_cache_read(check->cache, &first, arena, row->sql, context);
        statement_entry_unref(&entry);
        entry = statement_cache_read(check->cache, &statement, arena, other, context);
        check->known += entry != NULL;
        statement_parse(&read, arena, other, context);
        if (!alike_statements(&statement, &read)) {
            fail_msg("line %d: not as it is read: %.*s", row->line, SLICE_ARG(other));
        }
        statement_entry_unref(&entry);
    }
    free((char *)other.ptr);
    arena_reset(arena);
}

static void test_a_statement_from_the_cache_is_what_reading_it_says(void **state)
{
    (void)state;
    struct cache_check check = {.check.context.syntax = SQL_SYNTAX_DEFAULT};
    check.check.context.schema = S("app");
    check.check.context.catalogue = catalogue_make();
    check.cache = statement_cache_create();
    table_each(alike_check, &check);
    print_message("%zu from the cache\n", check.known);
    assert_true(check.known >= 200);
    statement_cache_destroy(check.cache);
    catalogue_unref(check.check.context.catalogue);
    arena_release(&check.check.arena);
}

// --- what must hold of the table itself

static void shape_count(const struct row *row, void *arg)
{
    struct map *shapes = arg;
    struct sql_syntax syntax = SQL_SYNTAX_DEFAULT;
    char text[1024];
    size_t len;
    sql_digest_text(row->sql, &syntax, text, sizeof(text), &len);
    uintptr_t count = (uintptr_t)map_get(shapes, slice_make(text, len)) + 1;
    map_put(shapes, slice_make(text, len), (void *)count);
    if (count > 10) {
        fail_msg("line %d: the %zuth statement of its shape", row->line, (size_t)count);
    }
}

static void test_no_more_than_ten_statements_have_one_shape(void **state)
{
    (void)state;
    struct map shapes = MAP_INIT;
    table_each(shape_count, &shapes);
    map_release(&shapes);
}

static bool is_one_of(struct slice word, const char *words)
{
    struct slice rest = slice_text(words);
    struct slice each;
    while (slice_cut(&rest, ' ', &each)) {
        if (slice_equal(word, each)) {
            return true;
        }
    }
    return false;
}

static void words_check(const struct row *row, void *arg)
{
    (void)arg;
    bool is_reason = false;
    for (int i = 0; i < ROUTE_REASON_COUNT; i++) {
        is_reason |= slice_equal(row->reason, route_reason_name((enum route_reason)i));
    }
    if (!is_reason || !is_one_of(row->target, "replica primary proxy") ||
        !is_one_of(row->group, "- own multi") || !is_one_of(row->family, "any mariadb mysql") ||
        !is_one_of(row->run, "run error mariadb mysql prepare never") || row->sql.len == 0) {
        fail_msg("line %d has a word that means nothing", row->line);
    }
}

static void test_every_word_of_the_table_means_something(void **state)
{
    (void)state;
    table_each(words_check, NULL);
}

// Every prefix of every statement, in memory of just its size: nothing is read behind it, whatever
// the mode.
static void prefixes_parse(const struct row *row, void *arg)
{
    struct check *check = arg;
    struct statement statement;
    for (size_t len = 0; len <= row->sql.len; len++) {
        char *exact = mem_alloc(len > 0 ? len : 1);
        memcpy(exact, row->sql.ptr, len);
        statement_parse(&statement, &check->arena, slice_make(exact, len), &check->context);
        sql_digest_hash(slice_make(exact, len), &check->context.syntax);
        mem_free(exact);
        arena_reset(&check->arena);
    }
}

static void test_every_prefix_of_every_statement_is_read_within_its_bounds(void **state)
{
    (void)state;
    struct check check = {.context.syntax = SQL_SYNTAX_DEFAULT};
    table_each(prefixes_parse, &check);
    check.context.syntax.is_mode_unknown = true;
    check.context.syntax.charset = SQL_CHARSET_GBK;
    table_each(prefixes_parse, &check);
    arena_release(&check.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_statement_goes_where_the_table_says),
        cmocka_unit_test(test_a_statement_from_the_cache_is_what_reading_it_says),
        cmocka_unit_test(test_no_more_than_ten_statements_have_one_shape),
        cmocka_unit_test(test_every_word_of_the_table_means_something),
        cmocka_unit_test(test_every_prefix_of_every_statement_is_read_within_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
