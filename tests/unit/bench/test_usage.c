// What a process has used.
#include "tests/bench/lib/usage.h"

#include "proxy/base/memory.h"
#include "tests/lib/cmocka.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void the_kernels_line_is_read(void **state)
{
    uint64_t user = 0, system = 0;
    (void)state;
    assert_true(usage_stat_parse("42 (a (strange) name 9) S 1 42 42 0 -1 4194560 100 0 1 0 "
                                 "123 45 6 7 20 0 3 0 100 1000 50",
                                 &user, &system));
    assert_int_equal(user, 123);
    assert_int_equal(system, 45);
    assert_false(usage_stat_parse("42 (name) S 1 42", &user, &system));
    assert_false(usage_stat_parse("", &user, &system));
}

static void the_exact_time_is_shared_out_as_ticks_say(void **state)
{
    struct usage before = {.cpu_ns = 1000, .user_ns = 0, .system_ns = 10};
    struct usage after = {.cpu_ns = 5000, .user_ns = 300, .system_ns = 110};
    struct usage none = {.cpu_ns = 1500, .user_ns = 0, .system_ns = 10};
    (void)state;
    struct usage usage = usage_between(&before, &after);
    assert_int_equal(usage.cpu_ns, 4000);
    assert_int_equal(usage.user_ns, 3000);
    assert_int_equal(usage.system_ns, 1000);
    usage = usage_between(&before, &none); // less than a tick
    assert_int_equal(usage.user_ns + usage.system_ns, 500);
}

static void another_process_time_and_memory_are_seen(void **state)
{
    enum { SIZE = 32 * 1024 * 1024 };
    struct usage before, after;
    (void)state;
    assert_true(usage_read(getpid(), &before));
    uint64_t resident = usage_resident_bytes(getpid());
    char *bytes = mem_alloc(SIZE);
    do {
        memset(bytes, 1, SIZE);
        assert_true(usage_read(getpid(), &after));
    } while (after.cpu_ns - before.cpu_ns < 1000000);
    assert_true(usage_resident_bytes(getpid()) >= resident + SIZE);
    mem_free(bytes);
}

static void a_process_that_is_gone_has_used_nothing(void **state)
{
    struct usage usage;
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_false(usage_read(child, &usage));
    assert_int_equal(usage_resident_bytes(child), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kernels_line_is_read),
        cmocka_unit_test(the_exact_time_is_shared_out_as_ticks_say),
        cmocka_unit_test(another_process_time_and_memory_are_seen),
        cmocka_unit_test(a_process_that_is_gone_has_used_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
