// The load generator's statements, as bytes.
#include "tests/bench/lib/request.h"

#include "protocol/packet/query.h"
#include "protocol/packet/stmt_execute.h"
#include "protocol/wire/frame.h"

#include "proxy/base/memory.h"
#include "tests/lib/cmocka.h"

#include <string.h>

static struct request request_of(const char *text)
{
    struct request request;
    assert_true(request_init(&request, slice_text(text)));
    return request;
}

// The payload of the only frame.
static struct slice payload_of(const struct buffer *out)
{
    struct frame frame = frame_read(buffer_ptr(out));
    assert_int_equal(frame.len + FRAME_HEADER_SIZE, buffer_len(out));
    assert_int_equal(frame.sequence, 0);
    return slice_from(buffer_slice(out), FRAME_HEADER_SIZE);
}

static void assert_query(const char *text, uint64_t number, const char *wanted)
{
    struct request request = request_of(text);
    struct buffer out = BUFFER_INIT;
    struct query query;
    request_write_query(&request, 99, &out); // what was there before does not matter
    request_write_query(&request, number, &out);
    assert_true(query_decode(&query, payload_of(&out), 0));
    assert_true(slice_equal(query.text, slice_text(wanted)));
    buffer_release(&out);
}

static void a_query_has_its_number(void **state)
{
    (void)state;
    assert_query("SELECT c FROM t WHERE id={id} LIMIT 1", 5012,
                 "SELECT c FROM t WHERE id=5012 LIMIT 1");
    assert_query("SELECT {id}", 0, "SELECT 0");
    assert_query("SELECT {id}", UINT64_MAX, "SELECT 18446744073709551615");
    assert_query("SELECT 1", 5, "SELECT 1");
}

static void a_prepared_one_has_a_question_mark(void **state)
{
    struct request request = request_of("SELECT c FROM t WHERE id={id}");
    struct buffer out = BUFFER_INIT;
    (void)state;
    request_write_prepare(&request, &out);
    assert_true(slice_equal(payload_of(&out), S("\x16SELECT c FROM t WHERE id=?")));
    buffer_release(&out);
}

static void its_execution_has_the_number(void **state)
{
    struct request request = request_of("SELECT c FROM t WHERE id={id}");
    struct buffer out = BUFFER_INIT;
    struct stmt_execute execute;
    (void)state;
    request_write_execute(&request, 7, 0x0102, &out);
    assert_true(stmt_execute_decode(&execute, payload_of(&out)));
    assert_int_equal(execute.statement_id, 7);
    assert_int_equal(execute.flags, 0);
    assert_int_equal(execute.iterations, 1);
    assert_true(slice_equal(execute.block, S("\0\x01\x08\0\x02\x01\0\0\0\0\0\0")));
    buffer_release(&out);
}

static void an_execution_without_parameter_has_no_block(void **state)
{
    struct request request = request_of("SELECT 1");
    struct buffer out = BUFFER_INIT;
    struct stmt_execute execute;
    (void)state;
    request_write_execute(&request, 1, 5, &out);
    assert_true(stmt_execute_decode(&execute, payload_of(&out)));
    assert_int_equal(execute.block.len, 0);
    buffer_release(&out);
}

static void a_text_has_a_longest(void **state)
{
    struct request request;
    char *text = mem_alloc(REQUEST_TEXT_MAX + 1);
    (void)state;
    memset(text, 'x', REQUEST_TEXT_MAX + 1);
    assert_true(request_init(&request, slice_make(text, REQUEST_TEXT_MAX)));
    assert_false(request_init(&request, slice_make(text, REQUEST_TEXT_MAX + 1)));
    mem_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_has_its_number),
        cmocka_unit_test(a_prepared_one_has_a_question_mark),
        cmocka_unit_test(its_execution_has_the_number),
        cmocka_unit_test(an_execution_without_parameter_has_no_block),
        cmocka_unit_test(a_text_has_a_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
