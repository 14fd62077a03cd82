#include "protocol/wire/frame.h"

#include "tests/lib/cmocka.h"

static void headers_are_read_as_they_are_written(void **state)
{
    (void)state;
    static const struct frame FRAMES[] = {{0, 0}, {1, 255}, {0x010203, 4}, {FRAME_PAYLOAD_MAX, 9}};
    for (size_t i = 0; i < sizeof(FRAMES) / sizeof(FRAMES[0]); i++) {
        uint8_t bytes[FRAME_HEADER_SIZE];
        frame_write(bytes, FRAMES[i]);
        struct frame frame = frame_read(bytes);
        assert_int_equal(frame.len, FRAMES[i].len);
        assert_int_equal(frame.sequence, FRAMES[i].sequence);
    }
    uint8_t bytes[FRAME_HEADER_SIZE];
    frame_write(bytes, (struct frame){0x010203, 4});
    assert_memory_equal(bytes, "\x03\x02\x01\x04", 4);
}

static void only_the_longest_frame_is_continued(void **state)
{
    (void)state;
    assert_true(frame_is_continued((struct frame){FRAME_PAYLOAD_MAX, 0}));
    assert_false(frame_is_continued((struct frame){FRAME_PAYLOAD_MAX - 1, 0}));
    assert_false(frame_is_continued((struct frame){0, 0}));
}

static void an_exact_multiple_takes_an_empty_frame_more(void **state)
{
    (void)state;
    assert_int_equal(frame_count(0), 1);
    assert_int_equal(frame_count(FRAME_PAYLOAD_MAX - 1), 1);
    assert_int_equal(frame_count(FRAME_PAYLOAD_MAX), 2);
    assert_int_equal(frame_count(2 * (size_t)FRAME_PAYLOAD_MAX - 1), 2);
    assert_int_equal(frame_count(2 * (size_t)FRAME_PAYLOAD_MAX), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_read_as_they_are_written),
        cmocka_unit_test(only_the_longest_frame_is_continued),
        cmocka_unit_test(an_exact_multiple_takes_an_empty_frame_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
