// The catalogue: rows in, answers out; views in views; what is not known for sure.
#include "router/catalogue/builder.h"
#include "router/catalogue/catalogue_queries.h"

#include "proxy/base/arena.h"

#include <stdarg.h>
#include <setjmp.h>

#include <cmocka.h>

// --- an inspector that reads definitions of its own: words that say what is in them ("safe",
// "server", "changes", "incomplete"), and tables as schema.name

static bool has_word(struct slice text, struct slice word)
{
    struct slice each;
    while (slice_cut(&text, ' ', &each)) {
        if (slice_equal(each, word)) {
            return true;
        }
    }
    return false;
}

static void inspect(struct catalogue_definition *out, struct arena *arena,
                    const struct catalogue_source *source, const struct catalogue *known)
{
    struct slice text = source->text;
    struct slice word;
    struct catalogue_name *tables = arena_alloc(arena, 100 * sizeof(*tables));
    *out = (struct catalogue_definition){.safety = CATALOGUE_UNSAFE};
    if (has_word(text, S("safe"))) {
        out->safety = has_word(text, S("server")) ? CATALOGUE_SERVER_SPECIFIC : CATALOGUE_SAFE;
    }
    out->is_deterministic = out->safety == CATALOGUE_SAFE && !has_word(text, S("changes"));
    out->are_tables_complete = !has_word(text, S("incomplete"));
    out->tables = tables;
    out->tables_count = 0;
    if (has_word(text, S("calls_pure"))) {
        const struct catalogue_routine *function =
            catalogue_function_find(known, source->schema, S("pure"));
        out->safety = function != NULL && function->is_pure ? CATALOGUE_SAFE : CATALOGUE_UNSAFE;
        out->is_waiting =
            out->safety == CATALOGUE_UNSAFE && source->kind != CATALOGUE_VIEW_DEFINITION;
    }
    while (slice_cut(&text, ' ', &word)) {
        size_t dot = slice_find(word, '.');
        if (dot < word.len) {
            tables[out->tables_count++] =
                (struct catalogue_name){slice_first(word, dot), slice_from(word, dot + 1)};
        }
    }
}

// --- building

static void row(struct catalogue_builder *builder, enum catalogue_query_id id, const char *a,
                const char *b, const char *c, const char *d, const char *e, const char *f)
{
    const char *const texts[] = {a, b, c, d, e, f};
    struct slice values[6];
    for (size_t i = 0; i < 6; i++) {
        values[i] = slice_text(texts[i]);
    }
    assert_true(catalogue_builder_row(builder, id, values, catalogue_queries[id].columns));
}

static void view(struct catalogue_builder *builder, const char *schema, const char *name,
                 const char *definition)
{
    row(builder, CATALOGUE_QUERY_VIEWS, schema, name, definition, NULL, NULL, NULL);
}

static void routine(struct catalogue_builder *builder, const char *schema, const char *name,
                    const char *type, const char *body)
{
    row(builder, CATALOGUE_QUERY_ROUTINES, schema, name, type, "", body, NULL);
}

static void all_done(struct catalogue_builder *builder)
{
    for (int id = 0; id < CATALOGUE_QUERY_COUNT; id++) {
        catalogue_builder_done(builder, (enum catalogue_query_id)id);
    }
}

static const struct catalogue *finish(struct catalogue_builder *builder)
{
    const struct catalogue *catalogue = catalogue_builder_finish(&builder, inspect);
    assert_null(builder);
    return catalogue;
}

static const struct catalogue_view *find(const struct catalogue *catalogue, const char *name)
{
    return catalogue_view_find(catalogue, S("app"), slice_text(name));
}

static void expect_tables(const struct catalogue_view *view, const char *expected)
{
    struct slice rest = slice_text(expected);
    struct slice each;
    size_t count = 0;
    while (rest.len > 0 && slice_cut(&rest, ' ', &each)) {
        assert_true(count < view->tables_count);
        assert_true(slice_equal(view->tables[count].schema, S("app")));
        assert_true(slice_equal(view->tables[count].name, each));
        count++;
    }
    assert_int_equal(view->tables_count, count);
}

// --- tests

static void test_an_empty_catalogue_knows_nothing(void **state)
{
    (void)state;
    struct catalogue_builder *builder = catalogue_builder_create();
    all_done(builder);
    const struct catalogue *catalogue = finish(builder);
    size_t count = 1;
    assert_null(find(catalogue, "v"));
    assert_null(catalogue_function_find(catalogue, S("app"), S("f")));
    assert_false(catalogue_has_function_named(catalogue, S("f")));
    assert_null(catalogue_triggers(catalogue, S("app"), S("t"), &count));
    assert_int_equal(count, 0);
    catalogue_unref(catalogue);
    catalogue_unref(NULL);
    catalogue_builder_destroy(NULL);
}

static void test_a_builder_that_is_given_up_leaves_nothing(void **state)
{
    (void)state;
    struct catalogue_builder *builder = catalogue_builder_create();
    view(builder, "app", "v", "safe app.t");
    catalogue_builder_destroy(builder);
}

static void test_views_are_what_their_definitions_are(void **state)
{
    (void)state;
    struct catalogue_builder *builder = catalogue_builder_create();
    view(builder, "app", "plain", "safe app.t app.u");
    view(builder, "app", "clock", "safe changes app.t");
    view(builder, "app", "unsafe", "app.t");
    view(builder, "app", "hidden", "");
    view(builder, "app", "partly", "safe incomplete app.t");
    view(builder, "other", "plain", "app.t");
    all_done(builder);
    const struct catalogue *catalogue = finish(builder);
    assert_int_equal(find(catalogue, "plain")->safety, CATALOGUE_SAFE);
    assert_true(find(catalogue, "plain")->is_deterministic);
    assert_true(find(catalogue, "plain")->is_complete);
    expect_tables(find(catalogue, "plain"), "t u");
    assert_int_equal(find(catalogue, "clock")->safety, CATALOGUE_SAFE);
    assert_false(find(catalogue, "clock")->is_deterministic);
    assert_int_equal(find(catalogue, "unsafe")->safety, CATALOGUE_UNSAFE);
    assert_int_equal(find(catalogue, "hidden")->safety, CATALOGUE_UNSAFE);
    assert_false(find(catalogue, "hidden")->is_complete);
    assert_false(find(catalogue, "partly")->is_complete);
    assert_int_equal(catalogue_view_find(catalogue, S("other"), S("plain"))->safety,
                     CATALOGUE_UNSAFE);
    assert_null(catalogue_view_find(catalogue, S("other"), S("clock")));
    assert_int_equal(catalogue_counts(catalogue).views, 6);
    assert_int_equal(catalogue_counts(catalogue).unsafe_views, 3);
    catalogue_unref(catalogue);
}

static void test_a_view_of_views_is_as_good_as_the_worst_of_them(void **state)
{
    (void)state;
    struct catalogue_builder *builder = catalogue_builder_create();
    view(builder, "app", "top", "safe app.middle app.u");
    view(builder, "app", "middle", "safe app.bottom app.t");
    view(builder, "app", "bottom", "safe changes app.s");
    view(builder, "app", "over_unsafe", "safe app.unsafe");
    view(builder, "app", "unsafe", "app.t");
    view(builder, "app", "over_over", "safe app.over_unsafe app.top");
    all_done(builder);
    const struct catalogue *catalogue = finish(builder);
    assert_int_equal(find(catalogue, "top")->safety, CATALOGUE_SAFE);
    assert_false(find(catalogue, "top")->is_deterministic);
    expect_tables(find(catalogue, "top"), "s t u");
    assert_int_equal(find(catalogue, "over_unsafe")->safety, CATALOGUE_UNSAFE);
    assert_int_equal(find(catalogue, "over_over")->safety, CATALOGUE_UNSAFE);
    catalogue_unref(catalogue);
}

static void test_a_view_of_a_server_specific_one_is_that_too(void **state)
{
    (void)state;
    struct catalogue_builder *builder = catalogue_builder_create();
    view(builder, "app", "over", "safe app.version app.t");
    view(builder, "app", "version", "safe server app.s");
    view(builder, "app", "over_both", "safe app.version app.unsafe");
    view(builder, "app", "unsafe", "app.t");
    all_done(builder);
    const struct catalogue *catalogue = finish(builder);
    assert_int_equal(find(catalogue, "version")->safety, CATALOGUE_SERVER_SPECIFIC);
    assert_true(find(catalogue, "version")->is_complete);
    assert_int_equal(find(catalogue, "over")->safety, CATALOGUE_SERVER_SPECIFIC);
    assert_false(find(catalogue, "over")->is_deterministic);
    expect_tables(find(catalogue, "over"), "s t");
    assert_int_equal(find(catalogue, "over_both")->safety, CATALOGUE_UNSAFE);
    assert_int_equal(catalogue_counts(catalogue).unsafe_views, 2);
    catalogue_unref(catalogue);
}

// No server makes one, but what a server says is not to be trusted with the stack.
static void test_views_in_a_circle_are_not_safe(void **state)
{
    (void)state;
    struct catalogue_builder *builder = catalogue_builder_create();
    view(builder, "app", "a", "safe app.b");
    view(builder, "app", "b", "safe app.c");
    view(builder, "app", "c", "safe app.a");
    view(builder, "app", "self", "safe app.self");
    all_done(builder);
    const struct catalogue *catalogue = finish(builder);
    assert_int_equal(find(catalogue, "a")->safety, CATALOGUE_UNSAFE);
    assert_int_equal(find(catalogue, "b")->safety, CATALOGUE_UNSAFE);
    assert_int_equal(find(catalogue, "c")->safety, CATALOGUE_UNSAFE);
    assert_int_equal(find(catalogue, "self")->safety, CATALOGUE_UNSAFE);
    catalogue_unref(catalogue);
}

static void test_views_too_deep_are_not_safe(void **state)
{
    (void)state;
    struct catalogue_builder *builder = catalogue_builder_create();
    char names[200][16];
    char definition[64];
    for (int i = 0; i < 200; i++) {
        snprintf(names[i], sizeof(names[i]), "v%d", i);
        snprintf(definition, sizeof(definition), "safe app.v%d", i + 1);
        view(builder, "app", names[i], i < 199 ? definition : "safe app.t");
    }
    all_done(builder);
    const struct catalogue *catalogue = finish(builder);
    assert_int_equal(find(catalogue, "v199")->safety, CATALOGUE_SAFE);
    assert_true(find(catalogue, "v199")->is_complete);
    size_t unsafe = catalogue_counts(catalogue).unsafe_views;
    assert_true(unsafe < 200);
    catalogue_unref(catalogue);
}

static void test_names_compare_without_case_and_twins_are_not_safe(void **state)
{
    (void)state;
    struct catalogue_builder *builder = catalogue_builder_create();
    view(builder, "App", "Mixed", "safe app.t");
    view(builder, "app", "twin", "safe app.t");
    view(builder, "app", "TWIN", "safe app.t");
    all_done(builder);
    const struct catalogue *catalogue = finish(builder);
    assert_int_equal(catalogue_view_find(catalogue, S("aPP"), S("mIXED"))->safety, CATALOGUE_SAFE);
    assert_int_equal(find(catalogue, "twin")->safety, CATALOGUE_UNSAFE);
    catalogue_unref(catalogue);
}

static void test_without_a_schema_the_least_safe_view_of_the_name_counts(void **state)
{
    (void)state;
    struct catalogue_builder *builder = catalogue_builder_create();
    view(builder, "a", "v", "safe app.t");
    view(builder, "b", "v", "app.t");
    view(builder, "c", "v", "safe app.t");
    view(builder, "a", "w", "safe app.t");
    view(builder, "a", "x", "safe changes incomplete app.t");
    view(builder, "b", "x", "safe server app.t");
    all_done(builder);
    const struct catalogue *catalogue = finish(builder);
    assert_int_equal(catalogue_view_find(catalogue, S("a"), S("v"))->safety, CATALOGUE_SAFE);
    assert_int_equal(catalogue_view_find(catalogue, SLICE_NONE, S("V"))->safety, CATALOGUE_UNSAFE);
    assert_int_equal(catalogue_view_find(catalogue, SLICE_NONE, S("w"))->safety, CATALOGUE_SAFE);
    assert_int_equal(catalogue_view_find(catalogue, SLICE_NONE, S("x"))->safety,
                     CATALOGUE_SERVER_SPECIFIC);
    assert_null(catalogue_view_find(catalogue, SLICE_NONE, S("y")));
    assert_int_equal(catalogue_counts(catalogue).views, 6);
    catalogue_unref(catalogue);
}

static void test_functions_are_pure_only_where_their_body_is(void **state)
{
    (void)state;
    struct catalogue_builder *builder = catalogue_builder_create();
    routine(builder, "app", "pure", "FUNCTION", "safe");
    routine(builder, "app", "clock", "FUNCTION", "safe changes app.t");
    routine(builder, "app", "writes", "FUNCTION", "app.t");
    routine(builder, "app", "hidden", "FUNCTION", NULL);
    routine(builder, "app", "procedure", "PROCEDURE", "safe");
    routine(builder, "app", "of_view", "FUNCTION", "safe app.v");
    routine(builder, "app", "partly", "FUNCTION", "safe incomplete app.t");
    view(builder, "app", "v", "safe app.t");
    all_done(builder);
    const struct catalogue *catalogue = finish(builder);
#define FUNCTION(name) catalogue_function_find(catalogue, S("app"), S(name))
    assert_true(FUNCTION("pure")->is_pure && FUNCTION("pure")->is_deterministic);
    assert_true(FUNCTION("Clock")->is_pure && !FUNCTION("clock")->is_deterministic);
    assert_int_equal(FUNCTION("clock")->tables_count, 1);
    assert_false(FUNCTION("writes")->is_pure);
    assert_false(FUNCTION("hidden")->is_pure);
    assert_null(FUNCTION("procedure"));
    assert_true(FUNCTION("of_view")->is_pure);
    assert_false(FUNCTION("partly")->is_pure);
    assert_null(catalogue_function_find(catalogue, S("other"), S("pure")));
    assert_int_equal(catalogue_counts(catalogue).routines, 7);
    assert_int_equal(catalogue_counts(catalogue).pure_functions, 3);
    catalogue_unref(catalogue);
}

static void test_a_view_may_call_a_function_that_is_proven(void **state)
{
    (void)state;
    struct catalogue_builder *builder = catalogue_builder_create();
    view(builder, "app", "v", "calls_pure app.t");
    view(builder, "other", "w", "calls_pure app.t");
    routine(builder, "app", "pure", "FUNCTION", "safe");
    all_done(builder);
    const struct catalogue *catalogue = finish(builder);
    assert_int_equal(find(catalogue, "v")->safety, CATALOGUE_SAFE);
    assert_int_equal(catalogue_view_find(catalogue, S("other"), S("w"))->safety, CATALOGUE_UNSAFE);
    catalogue_unref(catalogue);
}

// Two functions that call each other: none may lean on the other.
static void test_a_function_that_calls_another_is_not_proven(void **state)
{
    (void)state;
    struct catalogue_builder *builder = catalogue_builder_create();
    routine(builder, "app", "first", "FUNCTION", "calls_pure");
    routine(builder, "app", "pure", "FUNCTION", "calls_pure");
    all_done(builder);
    const struct catalogue *catalogue = finish(builder);
    assert_false(FUNCTION("first")->is_pure);
    assert_false(FUNCTION("pure")->is_pure);
    catalogue_unref(catalogue);
}

static void test_names_of_stored_and_loadable_functions_are_taken(void **state)
{
    (void)state;
    struct catalogue_builder *builder = catalogue_builder_create();
    routine(builder, "app", "Stored", "FUNCTION", "");
    routine(builder, "app", "procedure", "PROCEDURE", "");
    row(builder, CATALOGUE_QUERY_LOADABLE, "loadable", NULL, NULL, NULL, NULL, NULL);
    all_done(builder);
    const struct catalogue *catalogue = finish(builder);
    assert_true(catalogue_has_function_named(catalogue, S("stored")));
    assert_true(catalogue_has_function_named(catalogue, S("LOADABLE")));
    assert_false(catalogue_has_function_named(catalogue, S("procedure")));
    assert_false(catalogue_has_function_named(catalogue, S("uuid_to_bin")));
    catalogue_unref(catalogue);
}

static void test_a_query_that_was_refused_makes_every_name_taken(void **state)
{
    (void)state;
    static const enum catalogue_query_id needed[] = {CATALOGUE_QUERY_ROUTINES,
                                                     CATALOGUE_QUERY_LOADABLE};
    for (size_t i = 0; i < 2; i++) {
        struct catalogue_builder *builder = catalogue_builder_create();
        catalogue_builder_done(builder, needed[i]);
        const struct catalogue *catalogue = finish(builder);
        assert_true(catalogue_has_function_named(catalogue, S("uuid_to_bin")));
        catalogue_unref(catalogue);
    }
}

static void test_a_row_of_another_shape_is_refused_and_remembered(void **state)
{
    (void)state;
    struct slice values[6] = {S("a"), S("b"), S("c"), S("d"), S("e"), S("f")};
    struct catalogue_builder *builder = catalogue_builder_create();
    assert_false(catalogue_builder_row(builder, CATALOGUE_QUERY_ROUTINES, values, 4));
    assert_false(catalogue_builder_row(builder, CATALOGUE_QUERY_ROUTINES, values, 6));
    all_done(builder);
    const struct catalogue *catalogue = finish(builder);
    assert_true(catalogue_has_function_named(catalogue, S("x")));
    catalogue_unref(catalogue);
}

static void test_triggers_and_foreign_keys_are_found_by_table(void **state)
{
    (void)state;
    struct catalogue_builder *builder = catalogue_builder_create();
    for (int i = 0; i < 5; i++) {
        row(builder, CATALOGUE_QUERY_TRIGGERS, "app", "t", "trigger", "", "", NULL);
    }
    row(builder, CATALOGUE_QUERY_TRIGGERS, "app", "u", "other", "", "", NULL);
    row(builder, CATALOGUE_QUERY_FOREIGN_KEYS, "app", "parent", "app", "child", "CASCADE",
        "SET NULL");
    row(builder, CATALOGUE_QUERY_FOREIGN_KEYS, "app", "parent", "other", "child", "NO ACTION",
        "RESTRICT");
    all_done(builder);
    const struct catalogue *catalogue = finish(builder);
    size_t count;
    const struct catalogue_trigger *triggers =
        catalogue_triggers(catalogue, S("app"), S("T"), &count);
    assert_int_equal(count, 5);
    assert_true(slice_equal(triggers[4].name.name, S("trigger")));
    const struct catalogue_foreign_key *keys =
        catalogue_children(catalogue, S("app"), S("parent"), &count);
    assert_int_equal(count, 2);
    assert_int_equal(keys[0].on_update, CATALOGUE_CASCADE);
    assert_int_equal(keys[0].on_delete, CATALOGUE_SET_NULL);
    assert_int_equal(keys[1].on_update, CATALOGUE_RESTRICT);
    assert_true(slice_equal(keys[1].child.schema, S("other")));
    assert_null(catalogue_children(catalogue, S("app"), S("child"), &count));
    assert_int_equal(count, 0);
    assert_int_equal(catalogue_counts(catalogue).triggers, 6);
    assert_int_equal(catalogue_counts(catalogue).foreign_keys, 2);
    catalogue_unref(catalogue);
}

static void test_the_columns_of_tables_with_ids_come_in_the_servers_order(void **state)
{
    (void)state;
    struct catalogue_builder *builder = catalogue_builder_create();
    row(builder, CATALOGUE_QUERY_ID_TABLES, "information_schema", "PROCESSLIST", "ID", NULL, NULL,
        NULL);
    row(builder, CATALOGUE_QUERY_ID_TABLES, "information_schema", "INNODB_TRX", "trx_id", NULL,
        NULL, NULL);
    row(builder, CATALOGUE_QUERY_ID_TABLES, "information_schema", "PROCESSLIST", "USER", NULL, NULL,
        NULL);
    all_done(builder);
    const struct catalogue *catalogue = finish(builder);
    size_t count;
    const struct slice *columns = catalogue_id_columns(catalogue, CATALOGUE_PROCESSLIST, &count);
    assert_int_equal(count, 2);
    assert_true(slice_equal(columns[0], S("ID")));
    assert_true(slice_equal(columns[1], S("USER")));
    columns = catalogue_id_columns(catalogue, CATALOGUE_INNODB_TRX, &count);
    assert_int_equal(count, 1);
    assert_true(slice_equal(columns[0], S("trx_id")));
    catalogue_unref(catalogue);
}

static void test_without_an_answer_the_columns_of_tables_with_ids_are_not_known(void **state)
{
    (void)state;
    struct catalogue_builder *builder = catalogue_builder_create();
    row(builder, CATALOGUE_QUERY_ID_TABLES, "information_schema", "PROCESSLIST", "ID", NULL, NULL,
        NULL);
    const struct catalogue *catalogue = finish(builder); // the answer did not end
    size_t count;
    catalogue_id_columns(catalogue, CATALOGUE_PROCESSLIST, &count);
    assert_int_equal(count, 0);
    catalogue_unref(catalogue);
}

static void test_a_reference_keeps_it(void **state)
{
    (void)state;
    struct catalogue_builder *builder = catalogue_builder_create();
    view(builder, "app", "v", "safe app.t");
    all_done(builder);
    const struct catalogue *catalogue = finish(builder);
    const struct catalogue *other = catalogue_ref(catalogue);
    catalogue_unref(catalogue);
    assert_int_equal(find(other, "v")->safety, CATALOGUE_SAFE);
    catalogue_unref(other);
}

static void test_names_longer_than_any_are_not_found(void **state)
{
    (void)state;
    char name[2000];
    memset(name, 'x', sizeof(name));
    struct catalogue_builder *builder = catalogue_builder_create();
    view(builder, "app", "v", "safe app.t");
    all_done(builder);
    const struct catalogue *catalogue = finish(builder);
    for (size_t len = 500; len <= sizeof(name); len += 4) {
        assert_null(catalogue_view_find(catalogue, S("app"), slice_make(name, len)));
        assert_null(catalogue_view_find(catalogue, slice_make(name, len), S("v")));
    }
    catalogue_unref(catalogue);
}

static void test_queries_stand_in_the_order_of_their_ids(void **state)
{
    (void)state;
    for (int id = 0; id < CATALOGUE_QUERY_COUNT; id++) {
        assert_int_equal(catalogue_queries[id].id, id);
        assert_true(slice_starts_nocase(catalogue_queries[id].sql, S("SELECT ")));
        assert_in_range(catalogue_queries[id].columns, 1, 6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_catalogue_knows_nothing),
        cmocka_unit_test(test_a_builder_that_is_given_up_leaves_nothing),
        cmocka_unit_test(test_views_are_what_their_definitions_are),
        cmocka_unit_test(test_a_view_of_views_is_as_good_as_the_worst_of_them),
        cmocka_unit_test(test_a_view_of_a_server_specific_one_is_that_too),
        cmocka_unit_test(test_views_in_a_circle_are_not_safe),
        cmocka_unit_test(test_views_too_deep_are_not_safe),
        cmocka_unit_test(test_names_compare_without_case_and_twins_are_not_safe),
        cmocka_unit_test(test_without_a_schema_the_least_safe_view_of_the_name_counts),
        cmocka_unit_test(test_functions_are_pure_only_where_their_body_is),
        cmocka_unit_test(test_a_view_may_call_a_function_that_is_proven),
        cmocka_unit_test(test_a_function_that_calls_another_is_not_proven),
        cmocka_unit_test(test_names_of_stored_and_loadable_functions_are_taken),
        cmocka_unit_test(test_a_query_that_was_refused_makes_every_name_taken),
        cmocka_unit_test(test_a_row_of_another_shape_is_refused_and_remembered),
        cmocka_unit_test(test_triggers_and_foreign_keys_are_found_by_table),
        cmocka_unit_test(test_the_columns_of_tables_with_ids_come_in_the_servers_order),
        cmocka_unit_test(test_without_an_answer_the_columns_of_tables_with_ids_are_not_known),
        cmocka_unit_test(test_a_reference_keeps_it),
        cmocka_unit_test(test_names_longer_than_any_are_not_found),
        cmocka_unit_test(test_queries_stand_in_the_order_of_their_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
