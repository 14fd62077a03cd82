#include "proxy/session/last.h"

#include "tests/lib/cmocka.h"

#include <stdlib.h>
#include <string.h>

static struct column columns[CONDITION_CELLS] = {
    {.collation = 8, .length = 7}, {.length = 4}, {.collation = 8, .length = 512, .decimals = 39}};

// What SHOW WARNINGS answers: so many rows, of which the first is an error.
static bool save_rows(struct last *last, size_t count, struct slice message)
{
    struct slice(*cells)[CONDITION_CELLS] = calloc(count + 1, sizeof(*cells));
    struct conn_row *rows = calloc(count + 1, sizeof(*rows));
    for (size_t i = 0; i < count; i++) {
        cells[i][CONDITION_LEVEL] = i == 0 ? S("Error") : S("Warning");
        cells[i][CONDITION_CODE] = S("1292");
        cells[i][CONDITION_MESSAGE] = message;
        rows[i].cells = cells[i];
    }
    struct conn_result result = {
        .column_count = CONDITION_CELLS, .definitions = columns, .row_count = count, .rows = rows};
    bool is_saved = last_save(last, &result);
    free(cells);
    free(rows);
    return is_saved;
}

static void saved_rows_are_kept_until_the_release(void **state)
{
    struct last last = {.conditions = LAST_HELD};
    uint64_t count = 0;
    (void)state;
    assert_false(last_warning_count(&last, &count)); // only the connection knows
    assert_true(save_rows(&last, 3, S("text")));
    assert_int_equal(last.conditions, LAST_SAVED);
    assert_true(slice_equal(last.saved->cells[2][CONDITION_MESSAGE], S("text")));
    const struct column *message = &last.saved->columns[CONDITION_MESSAGE];
    assert_true(slice_equal(message->name, S("Message")));
    assert_int_equal(message->collation, 8);
    assert_int_equal(message->length, 512);
    assert_int_equal(message->decimals, 39);
    assert_true(last_warning_count(&last, &count));
    assert_int_equal(count, 3);
    assert_true(last_error_count(&last, &count));
    assert_int_equal(count, 1);
    last_release(&last);
    assert_null(last.saved);
    assert_true(last_warning_count(&last, &count));
    assert_int_equal(count, 0);
}

// There were more than the server kept: how many is known where the answer told it.
static void a_list_that_was_cut_counts_as_the_answer_told(void **state)
{
    struct last last = {.conditions = LAST_HELD};
    uint64_t count = 0;
    (void)state;
    assert_true(save_rows(&last, 64, S("text")));
    assert_false(last_warning_count(&last, &count));
    assert_false(last_error_count(&last, &count));
    last.is_count_known = true;
    last.condition_count = 100;
    assert_true(last_warning_count(&last, &count));
    assert_int_equal(count, 100);
    assert_false(last_error_count(&last, &count));
    last_release(&last);
}

static void what_is_kept_has_a_limit(void **state)
{
    static char text[CONDITIONS_BYTES_MOST];
    struct last last = {.conditions = LAST_HELD};
    (void)state;
    memset(text, 'x', sizeof(text));
    assert_true(save_rows(&last, CONDITIONS_ROWS_MOST, S("")));
    assert_false(save_rows(&last, CONDITIONS_ROWS_MOST + 1, S("")));
    assert_null(last.saved);
    assert_int_equal(last.conditions, LAST_HELD); // by nobody
    assert_false(save_rows(&last, 1, slice_make(text, sizeof(text))));
    last_release(&last);
}

static void an_error_of_sluices_own_stands_behind_the_others(void **state)
{
    struct last last = {.conditions = LAST_NONE};
    uint64_t count = 0;
    (void)state;
    last_add_error(&last, columns, 1758, S("first"));
    last_add_error(&last, columns, 1758, S("second"));
    assert_int_equal(last.saved->count, 2);
    assert_true(slice_equal(last.saved->cells[0][CONDITION_MESSAGE], S("first")));
    assert_true(slice_equal(last.saved->cells[1][CONDITION_CODE], S("1758")));
    assert_true(last_error_count(&last, &count));
    assert_int_equal(count, 2);
    assert_int_equal(last.row_count, -1);
    last_release(&last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saved_rows_are_kept_until_the_release),
        cmocka_unit_test(a_list_that_was_cut_counts_as_the_answer_told),
        cmocka_unit_test(what_is_kept_has_a_limit),
        cmocka_unit_test(an_error_of_sluices_own_stands_behind_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
