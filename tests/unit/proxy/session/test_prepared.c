#include "proxy/session/prepared.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct bench {
    struct image_table images;
    struct prepared_table texts;
    struct image *image;
    struct prepared_list list;
};

static int setup(void **state)
{
    static struct bench bench;
    image_table_init(&bench.images);
    prepared_table_init(&bench.texts, NULL);
    bench.image = image_make(&bench.images, S("utf8mb4"), S("utf8mb4_general_ci"), S("app"), false);
    bench.list = PREPARED_LIST_INIT;
    *state = &bench;
    return 0;
}

// Every text and image must be gone with the statements.
static int teardown(void **state)
{
    struct bench *bench = *state;
    prepared_release(&bench->list);
    prepared_table_release(&bench->texts);
    image_unref(&bench->image);
    image_table_release(&bench->images);
    return 0;
}

static struct prepared *add(struct bench *bench, const char *sql)
{
    struct prepared_text *text =
        prepared_text_take(&bench->texts, 1, bench->image, slice_text(sql));
    struct prepared *added = prepared_add(&bench->list, text);
    prepared_text_unref(&text);
    return added;
}

static void statements_are_found_by_their_ids(void **state)
{
    struct bench *bench = *state;
    assert_null(prepared_find(&bench->list, 1));
    assert_null(prepared_find(&bench->list, PREPARED_LAST));
    for (uint32_t id = 1; id <= 99; id++) {
        assert_int_equal(prepared_next_id(&bench->list), id);
        assert_int_equal(add(bench, "SELECT ?")->id, id);
    }
    for (uint32_t id = 2; id <= 98; id += 2) {
        prepared_remove(&bench->list, prepared_find(&bench->list, id));
    }
    for (uint32_t id = 0; id <= 100; id++) {
        const struct prepared *found = prepared_find(&bench->list, id);
        if (id % 2 == 0) {
            assert_null(found);
        } else {
            assert_int_equal(found->id, id);
        }
    }
    assert_int_equal(prepared_find(&bench->list, 1)->text->open, 50);
}

static void the_last_one_is_the_one_prepared_last_and_no_other(void **state)
{
    struct bench *bench = *state;
    add(bench, "SELECT 1");
    struct prepared *last = add(bench, "SELECT 2");
    assert_ptr_equal(prepared_find(&bench->list, PREPARED_LAST), last);
    prepared_remove(&bench->list, last);
    assert_null(prepared_find(&bench->list, PREPARED_LAST));
    add(bench, "SELECT 3");
    prepared_add_failed(&bench->list);
    assert_null(prepared_find(&bench->list, PREPARED_LAST));
    assert_non_null(prepared_find(&bench->list, 3));
}

static void ids_are_not_given_twice_while_statements_are_open(void **state)
{
    struct bench *bench = *state;
    add(bench, "SELECT 1");
    prepared_remove(&bench->list, add(bench, "SELECT 2"));
    assert_int_equal(add(bench, "SELECT 3")->id, 3);
    bench->list.given = UINT32_MAX - 1;
    struct prepared_text *text = prepared_text_take(&bench->texts, 1, bench->image, S("SELECT 4"));
    assert_false(prepared_has_room(&bench->list, text)); // the next one would mean "the last one"
    while (bench->list.count > 0) {
        prepared_remove(&bench->list, &bench->list.items[0]);
    }
    assert_true(prepared_has_room(&bench->list, text));
    assert_int_equal(prepared_next_id(&bench->list), 1);
    prepared_text_unref(&text);
}

static void a_session_has_room_for_so_many_statements(void **state)
{
    struct bench *bench = *state;
    struct prepared_text *text = prepared_text_take(&bench->texts, 1, bench->image, S("SELECT 1"));
    for (int i = 0; i < PREPARED_MOST; i++) {
        assert_true(prepared_has_room(&bench->list, text));
        prepared_add(&bench->list, text);
    }
    assert_false(prepared_has_room(&bench->list, text));
    prepared_text_unref(&text);
}

static void long_data_is_kept_up_to_a_limit(void **state)
{
    struct bench *bench = *state;
    struct prepared *prepared = add(bench, "INSERT INTO t VALUES (?)");
    prepared_add_long_data(prepared, S("12345"), 10);
    prepared_add_long_data(prepared, S("67890"), 10);
    assert_int_equal(buffer_len(&prepared->long_data->packets), 10);
    assert_false(prepared->long_data->is_too_long);
    prepared_add_long_data(prepared, S("x"), 10);
    assert_true(prepared->long_data->is_too_long);
    assert_int_equal(buffer_len(&prepared->long_data->packets), 0);
    prepared_add_long_data(prepared, S("x"), 10);
    assert_int_equal(buffer_len(&prepared->long_data->packets), 0);
    prepared_drop_long_data(prepared);
    assert_null(prepared->long_data);
    prepared_add_long_data(prepared, S("12345678901"), 10); // one that is too long by itself
    assert_true(prepared->long_data->is_too_long);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(statements_are_found_by_their_ids),
        TEST(the_last_one_is_the_one_prepared_last_and_no_other),
        TEST(ids_are_not_given_twice_while_statements_are_open),
        TEST(a_session_has_room_for_so_many_statements),
        TEST(long_data_is_kept_up_to_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
