#include "proxy/backend/prepared_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { OURS = 1 }; // a scope

struct bench {
    struct image_table images;
    struct prepared_table texts;
    struct image *image;
    unsigned freed; // readings
};

static void reading_free(void *reading)
{
    (*(unsigned *)reading)++;
}

static int setup(void **state)
{
    static struct bench bench;
    bench.freed = 0;
    image_table_init(&bench.images);
    prepared_table_init(&bench.texts, reading_free);
    bench.image = image_make(&bench.images, S("utf8mb4"), S("utf8mb4_general_ci"), S("app"), false);
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    prepared_table_release(&bench->texts);
    image_unref(&bench->image);
    image_table_release(&bench->images);
    return 0;
}

static struct prepared_text *take(struct bench *bench, struct image *image, const char *sql)
{
    return prepared_text_take(&bench->texts, OURS, image, slice_text(sql));
}

static void the_same_text_of_the_same_state_is_one(void **state)
{
    struct bench *bench = *state;
    struct prepared_text *one = take(bench, bench->image, "SELECT ?");
    struct prepared_text *two = take(bench, bench->image, "SELECT ?");
    struct prepared_text *other = take(bench, bench->image, "SELECT  ?");
    struct prepared_text *foreign =
        prepared_text_take(&bench->texts, OURS + 1, bench->image, S("SELECT ?"));
    assert_ptr_equal(one, two);
    assert_ptr_not_equal(one, other);
    assert_ptr_not_equal(one, foreign); // who shares with whom is part of it
    assert_true(slice_equal(one->text, S("SELECT ?")));
    prepared_text_unref(&one);
    assert_null(one);
    one = take(bench, bench->image, "SELECT ?");
    assert_ptr_equal(one, two);
    prepared_text_unref(&one);
    prepared_text_unref(&two);
    prepared_text_unref(&other);
    prepared_text_unref(&foreign);
    assert_int_equal(bench->texts.texts.count, 0);
}

// Trap 27: a statement is shared under the same schema, sql_mode and character sets only.
static void what_a_server_reads_a_text_by_is_its_identity(void **state)
{
    static const struct {
        const char *name, *value;
        bool is_other; // another text
    } rows[] = {
        {"sql_mode", "ANSI_QUOTES", true},
        {"character_set_client", "gbk", true},
        {"collation_connection", "utf8mb4_bin", true},
        {"character_set_results", "latin1", true},
        {"div_precision_increment", "9", true},
        {"a_variable_of_tomorrow", "1", true},
        {"time_zone", "+05:00", false},
        {"autocommit", "0", false},
        {"transaction_isolation", "SERIALIZABLE", false},
        {"innodb_lock_wait_timeout", "7", false},
        {"max_execution_time", "1000", false},
        {"@a", "1", false},
    };
    struct bench *bench = *state;
    struct prepared_text *plain = take(bench, bench->image, "SELECT ?");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct image *image = image_ref(bench->image);
        image_set_variable(&image, slice_text(rows[i].name), slice_text(rows[i].value), false);
        struct prepared_text *text = take(bench, image, "SELECT ?");
        if ((text != plain) != rows[i].is_other ||
            prepared_text_fits(plain, image) != (text == plain)) {
            fail_msg("%s", rows[i].name);
        }
        assert_true(prepared_text_fits(text, image));
        prepared_text_unref(&text);
        image_unref(&image);
    }
    struct image *image = image_ref(bench->image);
    image_set_schema(&image, S("other"));
    assert_false(prepared_text_fits(plain, image));
    image_unref(&image);
    assert_false(prepared_text_fits(plain, NULL));
    prepared_text_unref(&plain);
}

// To prepare it under a session's later state: read as then, run as now.
static void what_only_matters_to_run_it_stays_as_it_is(void **state)
{
    struct bench *bench = *state;
    struct image *then = image_ref(bench->image), *now = image_ref(bench->image);
    image_set_variable(&then, S("sql_mode"), S("ANSI_QUOTES"), false);
    image_set_variable(&then, S("time_zone"), S("+01:00"), false);
    image_set_variable(&now, S("autocommit"), S("OFF"), false);
    struct prepared_text *text = take(bench, then, "SELECT ?");
    struct image *meant = prepared_text_meant(text, now);
    assert_true(prepared_text_fits(text, meant));
    assert_true(slice_equal(image_variable(meant, S("sql_mode"))->value, S("ANSI_QUOTES")));
    assert_true(slice_equal(image_variable(meant, S("autocommit"))->value, S("OFF")));
    assert_null(image_variable(meant, S("time_zone")));
    image_unref(&meant);
    prepared_text_unref(&text);
    image_unref(&then);
    image_unref(&now);
}

static void texts_of_one_hash_are_told_apart(void **state)
{
    struct bench *bench = *state;
    struct prepared_text *one = take(bench, bench->image, "SELECT 1");
    struct prepared_text *two = take(bench, bench->image, "SELECT 2");
    // As if they had the same: both hang on one place of the table.
    uint64_t hash = one->hash;
    map_remove(&bench->texts.texts, slice_make(&two->hash, sizeof(two->hash)));
    two->hash = hash;
    two->next = one;
    map_put(&bench->texts.texts, slice_make(&hash, sizeof(hash)), two);
    struct prepared_text *found = take(bench, bench->image, "SELECT 1");
    assert_ptr_equal(found, one);
    prepared_text_unref(&found);
    prepared_text_unref(&one); // behind the other
    assert_int_equal(bench->texts.texts.count, 1);
    prepared_text_unref(&two);
    assert_int_equal(bench->texts.texts.count, 0);
}

static void equal_types_are_the_same(void **state)
{
    struct bench *bench = *state;
    struct prepared_text *text = take(bench, bench->image, "SELECT ?, ?");
    struct prepared_types *one = prepared_types_take(text, S("\x03\x00\xfd\x00"));
    struct prepared_types *two = prepared_types_take(text, S("\x03\x00\xfd\x00"));
    struct prepared_types *other = prepared_types_take(text, S("\x03\x80\xfd\x00"));
    assert_ptr_equal(one, two);
    assert_ptr_not_equal(one, other);
    struct prepared_types *place = NULL;
    prepared_types_set(text, &place, other);
    prepared_types_set(text, &place, one);
    prepared_types_set(text, &one, NULL);
    prepared_types_set(text, &two, NULL);
    assert_int_equal(place->refs, 1);
    prepared_types_set(text, &place, NULL);
    prepared_types_set(text, &other, NULL);
    assert_null(text->types);
    prepared_text_unref(&text);
}

static void what_hangs_on_a_text_goes_with_it(void **state)
{
    struct bench *bench = *state;
    struct prepared_text *text = take(bench, bench->image, "SELECT 1");
    struct prepared_text *more = prepared_text_ref(text);
    text->reading = &bench->freed;
    buffer_append_slice(&text->answer.bytes, S("an answer"));
    prepared_text_unref(&text);
    assert_int_equal(bench->freed, 0);
    prepared_text_unref(&more);
    assert_int_equal(bench->freed, 1);
    prepared_text_unref(&more); // NULL by now
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_same_text_of_the_same_state_is_one),
        TEST(what_a_server_reads_a_text_by_is_its_identity),
        TEST(what_only_matters_to_run_it_stays_as_it_is),
        TEST(texts_of_one_hash_are_told_apart),
        TEST(equal_types_are_the_same),
        TEST(what_hangs_on_a_text_goes_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
