#include "proxy/backend/image.h"

#include "proxy/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

// One table for each test; image_table_release() asserts that every reference was let go.
static int table_setup(void **state)
{
    static struct image_table table;
    image_table_init(&table);
    *state = &table;
    return 0;
}

static int table_teardown(void **state)
{
    struct image_table *table = *state;
    assert_int_equal(table->images.count, 0);
    image_table_release(table);
    return 0;
}

static const struct image_dialect plain = {false, false};

static struct image *utf8(struct image_table *table, const char *schema)
{
    return image_make(table, S("utf8mb4"), S("utf8mb4_general_ci"), slice_text(schema), false);
}

static void set(struct image **image, const char *name, const char *value)
{
    image_set_variable(image, slice_text(name), slice_text(value), false);
}

static void assert_set_text(const struct image *from, const struct image *to,
                            struct image_dialect dialect, const char *expected)
{
    struct buffer sql = BUFFER_INIT;
    image_difference_write(from, to, dialect, &sql);
    buffer_append(&sql, "", 1);
    assert_string_equal((const char *)buffer_ptr(&sql), expected);
    buffer_release(&sql);
}

static void equal_images_are_one(void **state)
{
    struct image_table *table = *state;
    struct image *a = utf8(table, "shop");
    struct image *b = utf8(table, "shop");
    struct image *c = utf8(table, "other");
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    assert_int_equal(a->refs, 2);
    assert_int_equal(table->images.count, 2);

    // Two ways to the same state meet in the same image, whatever the order.
    set(&a, "sql_mode", "ANSI");
    set(&a, "time_zone", "+00:00");
    set(&b, "TIME_ZONE", "+00:00");
    assert_ptr_not_equal(a, b);
    set(&b, "Sql_Mode", "ANSI");
    assert_ptr_equal(a, b);
    image_set_schema(&b, S("other"));
    image_unset_variable(&b, S("sql_mode"));
    image_unset_variable(&b, S("TIME_zone"));
    assert_ptr_equal(b, c);
    image_unref(&a);
    image_unref(&b);
    image_unref(&c);
    assert_null(a);
    image_unref(&a);
}

// No two states may be written alike into the key: lengths keep texts apart, and NULL is no text.
static void what_looks_alike_is_not_the_same(void **state)
{
    struct image_table *table = *state;
    struct image *images[8];
    for (size_t i = 0; i < 8; i++) {
        images[i] = utf8(table, "");
    }
    set(&images[0], "ab", "c");
    set(&images[1], "a", "bc");
    set(&images[2], "a", "");
    image_set_variable(&images[3], S("a"), S(""), true);
    image_set_schema(&images[4], S("a"));
    image_set_multi_statements(&images[5], true);
    image_set_variable(&images[6], S("a"), S("b\0c"), false);
    for (size_t i = 0; i < 8; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_ptr_not_equal(images[i], images[k]);
        }
    }
    for (size_t i = 0; i < 8; i++) {
        image_unref(&images[i]);
    }
}

static void nothing_changes_where_the_value_stood_already(void **state)
{
    struct image_table *table = *state;
    struct image *image = utf8(table, "shop");
    set(&image, "sql_mode", "ANSI");
    struct image *before = image;
    set(&image, "SQL_MODE", "ANSI");
    image_set_schema(&image, S("shop"));
    image_set_multi_statements(&image, false);
    image_unset_variable(&image, S("never_set"));
    image_set_names(&image, S("utf8mb4"), S("utf8mb4_general_ci"));
    assert_ptr_equal(image, before);
    assert_int_equal(table->images.count, 1);
    image_unref(&image);
}

static void variables_are_found_in_any_case_and_sorted(void **state)
{
    struct image *image = utf8(*state, "");
    static const char *const names[] = {"time_zone", "a", "sql_mode", "zz", "collation_server"};
    for (size_t i = 0; i < 5; i++) {
        set(&image, names[i], names[i]);
    }
    assert_int_equal(image->count, 4 + 5);
    for (size_t i = 1; i < image->count; i++) {
        assert_true(slice_compare(image->variables[i - 1].name, image->variables[i].name) < 0);
    }
    for (size_t i = 0; i < 5; i++) {
        const struct image_variable *variable = image_variable(image, slice_text(names[i]));
        assert_true(slice_equal(variable->value, slice_text(names[i])));
    }
    assert_non_null(image_variable(image, S("TIME_ZONE")));
    assert_null(image_variable(image, S("time_zon")));
    assert_null(image_variable(image, S("zzz")));
    assert_null(image_variable(image, S("")));
    image_unref(&image);
}

// The session keeps its image's texts at hand; setting one variable to another's value must not
// read what was freed in between.
static void texts_of_the_image_itself_may_be_given(void **state)
{
    struct image *image = utf8(*state, "");
    set(&image, "character_set_results", "latin1");
    set(&image, "own", "utf8mb4_bin");
    image_set_variable(&image, S("character_set_connection"), S("latin1"), false);
    image_set_variable(&image, S("collation_connection"), image_variable(image, S("own"))->value,
                       false);
    assert_true(
        slice_equal(image_variable(image, S("collation_connection"))->value, S("utf8mb4_bin")));
    struct slice charset = image_variable(image, S("character_set_results"))->value;
    image_set_names(&image, charset, SLICE_NONE);
    assert_true(slice_equal(image_variable(image, S("character_set_client"))->value, S("latin1")));
    assert_true(
        slice_equal(image_variable(image, S("character_set_connection"))->value, S("latin1")));
    image_set_schema(&image, image_variable(image, S("own"))->value);
    assert_true(slice_equal(image->schema, S("utf8mb4_bin")));
    image_unref(&image);
}

static void names_without_collation_take_the_charsets_default(void **state)
{
    struct image *image = utf8(*state, "");
    struct image *before = image_ref(image);
    image_set_names(&image, S("latin1"), SLICE_NONE);
    assert_null(image_variable(image, S("collation_connection")));
    assert_set_text(before, image, plain, "SET NAMES 'latin1'");
    // And back: the collation alone says the connection's charset too.
    assert_set_text(image, before, plain, "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_general_ci'");
    image_set_names(&image, S("utf8mb4"), S("utf8mb4_general_ci"));
    assert_ptr_equal(image, before);
    image_unref(&image);
    image_unref(&before);
}

static void the_difference_names_all_that_must_be_done_and_no_more(void **state)
{
    struct image_table *table = *state;
    struct image *from = utf8(table, "shop");
    struct image *to = utf8(table, "shop");
    struct image_difference none = image_compare(from, to);
    assert_false(none.schema || none.multi_statements || none.change_user);
    assert_set_text(from, to, plain, "");

    image_set_schema(&to, S("other"));
    struct image_difference difference = image_compare(from, to);
    assert_true(difference.schema);
    assert_false(difference.multi_statements || difference.change_user);
    assert_set_text(from, to, plain, "");

    image_set_multi_statements(&to, true);
    set(&to, "sql_mode", "ANSI");
    difference = image_compare(from, to);
    assert_true(difference.schema && difference.multi_statements);
    assert_false(difference.change_user);
    assert_set_text(from, to, plain, "SET sql_mode='ANSI'");
    image_unref(&from);
    image_unref(&to);
}

// USE has no way back to "none": such a connection goes through COM_CHANGE_USER.
static void leaving_a_schema_for_none_takes_a_change_of_user(void **state)
{
    struct image *with = utf8(*state, "shop");
    struct image *without = utf8(*state, "");
    assert_true(image_compare(with, without).change_user);
    assert_false(image_compare(with, without).schema);
    assert_false(image_compare(without, with).change_user);
    assert_true(image_compare(without, with).schema);
    image_unref(&with);
    image_unref(&without);
}

static void set_text_sets_restores_and_leaves_alone(void **state)
{
    struct image *from = utf8(*state, "");
    struct image *to = image_ref(from);
    set(&from, "autocommit", "1");
    set(&from, "gone", "x");
    set(&from, "same", "x");
    set(&to, "autocommit", "0");
    set(&to, "new", "a'b");
    set(&to, "same", "x");
    image_set_variable(&to, S("character_set_results"), SLICE_NONE, true);
    assert_set_text(from, to, plain,
                    "SET autocommit=0,character_set_results=NULL,gone=DEFAULT,new=x'612762'");
    assert_set_text(to, to, plain, "");
    image_unref(&from);
    image_unref(&to);
}

// MySQL's DEFAULT turns them off, and the next session would write past its foreign keys.
static void checks_are_restored_to_their_global_value(void **state)
{
    struct image *from = utf8(*state, "");
    struct image *to = image_ref(from);
    set(&from, "foreign_key_checks", "0");
    set(&from, "unique_checks", "0");
    assert_set_text(from, to, plain,
                    "SET foreign_key_checks=@@global.foreign_key_checks,"
                    "unique_checks=@@global.unique_checks");
    image_unref(&from);
    image_unref(&to);
}

static void of_an_unknown_connection_everything_is_set(void **state)
{
    struct image *to = utf8(*state, "shop");
    set(&to, "sql_mode", "ANSI");
    struct image_difference difference = image_compare(NULL, to);
    assert_true(difference.schema && difference.multi_statements);
    assert_set_text(NULL, to, plain,
                    "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_general_ci',sql_mode='ANSI'");
    image_unref(&to);
}

static void older_servers_get_older_names_of_the_same_variable(void **state)
{
    struct image *from = utf8(*state, "");
    struct image *to = image_ref(from);
    set(&to, "TX_isolation", "READ-COMMITTED");
    set(&to, "tx_read_only", "1");
    assert_non_null(image_variable(to, S("transaction_isolation")));
    assert_non_null(image_variable(to, S("tx_isolation")));
    assert_set_text(from, to, plain,
                    "SET transaction_isolation='READ-COMMITTED',transaction_read_only=1");
    assert_set_text(from, to, (struct image_dialect){.has_tx_names = true},
                    "SET tx_isolation='READ-COMMITTED',tx_read_only=1");
    image_unref(&from);
    image_unref(&to);
}

// The guard of a replica's connection must not be lifted by a session's image.
static void a_connection_that_keeps_its_access_mode_is_not_asked_to_change_it(void **state)
{
    const struct image_dialect keeps = {.keeps_access_mode = true};
    struct image *from = utf8(*state, "");
    struct image *to = image_ref(from);
    set(&to, "transaction_read_only", "0");
    assert_set_text(from, to, keeps, "");
    assert_set_text(to, from, keeps, "");
    set(&to, "sql_mode", "ANSI");
    assert_set_text(from, to, keeps, "SET sql_mode='ANSI'");
    image_unref(&from);
    image_unref(&to);
}

static void values_are_safe_under_every_sql_mode_and_charset(void **state)
{
    (void)state;
    static const struct {
        struct slice value;
        const char *sql;
    } rows[] = {
        {SLICE_INIT("0"), "0"},
        {SLICE_INIT("-12.5"), "-12.5"},
        {SLICE_INIT("18446744073709551615"), "18446744073709551615"},
        {SLICE_INIT(""), "''"},
        {SLICE_INIT("-"), "'-'"},
        {SLICE_INIT("."), "'.'"},
        {SLICE_INIT("1.2.3"), "'1.2.3'"},
        {SLICE_INIT("1-2"), "'1-2'"},
        {SLICE_INIT("1e5"), "'1e5'"},
        {SLICE_INIT("+00:00"), "'+00:00'"},
        {SLICE_INIT("ANSI,STRICT_ALL_TABLES"), "'ANSI,STRICT_ALL_TABLES'"},
        {SLICE_INIT(" ~"), "' ~'"},
        {SLICE_INIT("'"), "x'27'"},
        {SLICE_INIT("\\"), "x'5c'"},
        {SLICE_INIT("\""), "x'22'"},
        {SLICE_INIT("\x7f"), "x'7f'"},
        {SLICE_INIT("\x1f"), "x'1f'"},
        {SLICE_INIT("a\0b"), "x'610062'"},
        {SLICE_INIT("\xbf\x5c"), "x'bf5c'"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buffer sql = BUFFER_INIT;
        const struct image_variable variable = {.name = S("v"), .value = rows[i].value};
        image_value_write(&variable, &sql);
        buffer_append(&sql, "", 1);
        assert_string_equal((const char *)buffer_ptr(&sql), rows[i].sql);
        buffer_release(&sql);
    }
}

// --- the collation of results --------------------------------------------------------------------

static void results_have_a_collation_that_names_alone_can_give(void **state)
{
    struct image *image = utf8(*state, "");
    struct image *before = image_ref(image);
    image_set_names(&image, S("utf8mb4"), S("utf8mb4_bin"));
    assert_set_text(before, image, plain, "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'");
    set(&image, "collation_connection", "utf8mb4_unicode_ci");
    set(&image, "character_set_client", "latin1");
    assert_set_text(before, image, plain,
                    "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin',character_set_client='latin1',"
                    "collation_connection='utf8mb4_unicode_ci'");
    image_set_variable(&image, S("character_set_results"), S("utf8mb4"), false); // loses it
    assert_set_text(before, image, plain,
                    "SET character_set_client='latin1',character_set_results='utf8mb4',"
                    "collation_connection='utf8mb4_unicode_ci'");
    image_unref(&before);
    image_unref(&image);
}

// --- user variables ------------------------------------------------------------------------------

static void user_variables_are_sql_that_is_set_and_taken_back(void **state)
{
    struct image *image = utf8(*state, "");
    struct image *before = image_ref(image);
    assert_true(image_set_user_variable(&image, S("Count"), S("18446744073709551615"),
                                        IMAGE_USER_SQL_MOST));
    assert_true(image_set_user_variable(&image, S("a`b"), S("_latin1 x'fc'"), IMAGE_USER_SQL_MOST));
    assert_set_text(before, image, plain,
                    "SET @`a``b`=_latin1 x'fc',@`count`=18446744073709551615");
    assert_set_text(image, before, plain,
                    "SET @`a``b`=x'',@`a``b`=NULL,@`count`=x'',@`count`=NULL");
    assert_true(image_set_user_variable(&image, S("COUNT"), SLICE_NONE, IMAGE_USER_SQL_MOST));
    assert_true(image_set_user_variable(&image, S("a`b"), SLICE_NONE, IMAGE_USER_SQL_MOST));
    assert_ptr_equal(image, before);
    image_unref(&before);
    image_unref(&image);
}

static void what_no_image_can_have_of_user_variables_is_refused(void **state)
{
    struct image *image = utf8(*state, "");
    struct image *before = image_ref(image);
    char text[IMAGE_USER_SQL_MOST + 1];
    memset(text, '1', sizeof(text));
    assert_false(image_set_user_variable(&image, S("a"), slice_make(text, sizeof(text)),
                                         IMAGE_USER_SQL_MOST));
    assert_false(image_set_user_variable(&image, slice_make(text, IMAGE_USER_NAME_MOST + 1), S("1"),
                                         IMAGE_USER_SQL_MOST));
    assert_false(image_set_user_variable(&image, S("\xfc"), S("1"), IMAGE_USER_SQL_MOST));
    assert_false(image_set_user_variable(&image, S(""), S("1"), IMAGE_USER_SQL_MOST));
    assert_true(image_set_user_variable(&image, S("\xfc"), SLICE_NONE, IMAGE_USER_SQL_MOST));
    assert_ptr_equal(image, before);
    assert_true(image_set_user_variable(&image, S("a"), slice_make(text, sizeof(text) - 1),
                                        IMAGE_USER_SQL_MOST));
    assert_true(image_set_user_variable(&image, slice_make(text, IMAGE_USER_NAME_MOST), S("1"),
                                        IMAGE_USER_SQL_MOST));
    for (int i = 2; i < IMAGE_USER_COUNT_MOST; i++) {
        char name[16];
        snprintf(name, sizeof(name), "v%d", i);
        assert_true(image_set_user_variable(&image, slice_text(name), S("1"), IMAGE_USER_SQL_MOST));
    }
    assert_false(image_set_user_variable(&image, S("more"), S("1"), IMAGE_USER_SQL_MOST));
    assert_true(image_set_user_variable(&image, S("V2"), S("2"),
                                        IMAGE_USER_SQL_MOST)); // it is there already
    image_unref(&before);
    image_unref(&image);
}

// Servers come up with other versions: a refusal is believed for a while.
static void who_refused_an_image_is_not_asked_again_at_once(void **state)
{
    struct image *image = utf8(*state, ""), *other = utf8(*state, "other");
    assert_false(image_is_refused(image, 2, CLOCK_SECOND));
    image_note_refusal(image, 2, CLOCK_SECOND);
    assert_true(image_is_refused(image, 2, 11 * CLOCK_SECOND));
    assert_false(image_is_refused(image, 2, 12 * CLOCK_SECOND));
    assert_false(image_is_refused(image, 1, 2 * CLOCK_SECOND));
    assert_false(image_is_refused(other, 2, 2 * CLOCK_SECOND));
    image_note_refusal(image, 63, 5 * CLOCK_SECOND);
    assert_true(image_is_refused(image, 2, 12 * CLOCK_SECOND));
    image_note_refusal(image, 0, 60 * CLOCK_SECOND); // the others may have it by now
    assert_false(image_is_refused(image, 63, 61 * CLOCK_SECOND));
    image_unref(&image);
    image_unref(&other);
}

int main(void)
{
#define TABLE_TEST(test) cmocka_unit_test_setup_teardown(test, table_setup, table_teardown)
    const struct CMUnitTest tests[] = {
        TABLE_TEST(equal_images_are_one),
        TABLE_TEST(what_looks_alike_is_not_the_same),
        TABLE_TEST(nothing_changes_where_the_value_stood_already),
        TABLE_TEST(variables_are_found_in_any_case_and_sorted),
        TABLE_TEST(texts_of_the_image_itself_may_be_given),
        TABLE_TEST(names_without_collation_take_the_charsets_default),
        TABLE_TEST(the_difference_names_all_that_must_be_done_and_no_more),
        TABLE_TEST(leaving_a_schema_for_none_takes_a_change_of_user),
        TABLE_TEST(set_text_sets_restores_and_leaves_alone),
        TABLE_TEST(checks_are_restored_to_their_global_value),
        TABLE_TEST(of_an_unknown_connection_everything_is_set),
        TABLE_TEST(older_servers_get_older_names_of_the_same_variable),
        TABLE_TEST(a_connection_that_keeps_its_access_mode_is_not_asked_to_change_it),
        TABLE_TEST(values_are_safe_under_every_sql_mode_and_charset),
        TABLE_TEST(results_have_a_collation_that_names_alone_can_give),
        TABLE_TEST(user_variables_are_sql_that_is_set_and_taken_back),
        TABLE_TEST(what_no_image_can_have_of_user_variables_is_refused),
        TABLE_TEST(who_refused_an_image_is_not_asked_again_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
