#include "protocol/packet/error_row.h"

#include "tests/lib/cmocka.h"

static void every_row_says_who_speaks_and_what_to_do(void **state)
{
    (void)state;
    size_t count;
    const struct error_row_info *rows = error_rows(&count);
    assert_true(count > 40);
    for (size_t i = 0; i < count; i++) {
        struct slice text = rows[i].text;
        bool is_servers_own = i == ERROR_ROW_ACCESS_DENIED || i == ERROR_ROW_QUERY_KILLED ||
                              i == ERROR_ROW_SESSION_KILLED || i == ERROR_ROW_CHANGES_REFUSED ||
                              i == ERROR_ROW_UNKNOWN_SESSION || i == ERROR_ROW_KILL_DENIED ||
                              i == ERROR_ROW_KILL_EXPRESSION || i == ERROR_ROW_NO_PLAN;
        if (slice_starts_nocase(text, S("sluice: ")) == is_servers_own) {
            fail_msg("%.*s: \"%.*s\"", SLICE_ARG(rows[i].name), SLICE_ARG(text));
        }
        assert_true(rows[i].sentence.len > 10);
        assert_int_equal(rows[i].sentence.ptr[rows[i].sentence.len - 1], '.');
        assert_int_not_equal(text.ptr[text.len - 1], '.'); // as the servers' texts
    }
}

static void every_code_is_one_that_drivers_know(void **state)
{
    (void)state;
    size_t count;
    const struct error_row_info *rows = error_rows(&count);
    for (size_t i = 0; i < count; i++) {
        const struct error_code *codes[] = {&rows[i].mysql, &rows[i].mariadb};
        for (size_t k = 0; k < 2; k++) {
            assert_true(codes[k]->number >= 1000 && codes[k]->number < 5000);
            assert_int_equal(strlen(codes[k]->sqlstate), ERR_SQLSTATE_SIZE);
        }
        assert_ptr_equal(error_row_code((enum error_row)i, false), &rows[i].mysql);
        assert_ptr_equal(error_row_code((enum error_row)i, true), &rows[i].mariadb);
    }
}

// Trap: a pool throws a connection away at a state of class 08, which a queue that is full for a
// moment does not deserve.
static void waiting_in_vain_does_not_cost_the_connection(void **state)
{
    (void)state;
    static const enum error_row ROWS[] = {ERROR_ROW_QUEUE_TIMEOUT, ERROR_ROW_OVERLOADED,
                                          ERROR_ROW_NO_PRIMARY, ERROR_ROW_NO_SERVER};
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        assert_memory_not_equal(error_row_code(ROWS[i], false)->sqlstate, "08", 2);
    }
    assert_memory_equal(error_row_code(ERROR_ROW_SHUTDOWN, false)->sqlstate, "08S01", 5);
}

static void assert_payload(struct buffer *out, const char *expected)
{
    assert_int_equal(buffer_len(out), strlen(expected));
    assert_memory_equal(buffer_ptr(out), expected, strlen(expected));
    buffer_release(out);
}

static void a_row_is_written_with_its_arguments(void **state)
{
    (void)state;
    struct buffer out = BUFFER_INIT;
    struct writer writer = writer_make(&out, 0);
    error_write(&writer, false, SHUTDOWN);
    assert_payload(&out, "\xff\x1d\x04#08S01sluice: shutting down; connect again");

    error_write(&writer, false, ACCESS_DENIED, SLICE_ARG(S("bob")), SLICE_ARG(S("10.0.0.1")),
                "YES");
    assert_payload(&out, "\xff\x15\x04#28000"
                         "Access denied for user 'bob'@'10.0.0.1' (using password: YES)");
}

static void the_families_have_numbers_of_their_own(void **state)
{
    (void)state;
    struct buffer out = BUFFER_INIT;
    struct writer writer = writer_make(&out, 0);
    struct err err;
    error_write(&writer, false, QUERY_TIMEOUT, 1500u, SLICE_ARG(S("db1")));
    assert_true(err_decode(&err, buffer_slice(&out)));
    assert_int_equal(err.code, 3024);
    assert_true(slice_equal(err.sqlstate, S("HY000")));
    buffer_clear(&out);
    error_write(&writer, true, QUERY_TIMEOUT, 1500u, SLICE_ARG(S("db1")));
    assert_true(err_decode(&err, buffer_slice(&out)));
    assert_int_equal(err.code, 1969);
    assert_true(slice_equal(err.sqlstate, S("70100")));
    assert_true(slice_starts_nocase(
        err.message, S("sluice: the statement ran longer than 1500 ms on server db1")));
    buffer_release(&out);
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    char detail[2000];
    memset(detail, 'x', sizeof(detail));
    struct slice text = slice_make(detail, sizeof(detail));
    struct buffer out = BUFFER_INIT;
    struct writer writer = writer_make(&out, 0);
    struct err err;
    error_write(&writer, false, ADMIN_FAILED, SLICE_ARG(text));
    assert_true(err_decode(&err, buffer_slice(&out)));
    assert_int_equal(err.message.len, ERROR_ROW_TEXT_SIZE - 1);
    buffer_clear(&out);
    error_row_write_text(&writer, false, ERROR_ROW_ADMIN_FAILED, text);
    assert_true(err_decode(&err, buffer_slice(&out)));
    assert_int_equal(err.code, 1105);
    assert_int_equal(err.message.len, ERROR_ROW_TEXT_SIZE - 1);
    buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_says_who_speaks_and_what_to_do),
        cmocka_unit_test(every_code_is_one_that_drivers_know),
        cmocka_unit_test(waiting_in_vain_does_not_cost_the_connection),
        cmocka_unit_test(a_row_is_written_with_its_arguments),
        cmocka_unit_test(the_families_have_numbers_of_their_own),
        cmocka_unit_test(long_texts_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
