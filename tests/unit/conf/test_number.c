// Durations, sizes, shares and truth values.
#include "conf/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct number_case {
    const char *written;
    int64_t value;
    const char *text; // as it is written back
};

typedef bool(parse_fn)(struct slice text, int64_t *value);
typedef char *(text_fn)(int64_t value, char *out);

static void good_run(parse_fn *parse, text_fn *text, const struct number_case *cases, size_t count)
{
    char out[NUMBER_TEXT_SIZE];
    int64_t value;
    for (size_t i = 0; i < count; i++) {
        assert_true(parse(slice_text(cases[i].written), &value));
        assert_int_equal(value, cases[i].value);
        assert_string_equal(text(value, out), cases[i].text);
    }
}

static void bad_run(parse_fn *parse, const char *const *cases)
{
    int64_t value;
    for (; *cases != NULL; cases++) {
        assert_false(parse(slice_text(*cases), &value));
    }
}

#define GOOD(parse, text, cases) good_run(parse, text, cases, sizeof(cases) / sizeof((cases)[0]))

static void test_durations(void **state)
{
    static const struct number_case good[] = {
        {"0", 0, "0"},
        {"0h", 0, "0"},
        {"1us", 1, "1us"},
        {"1000us", 1000, "1ms"},
        {"1001us", 1001, "1001us"},
        {"90s", 90000000, "90s"},
        {"60s", 60000000, "1m"},
        {"24h", INT64_C(86400000000), "24h"},
        {"9223372036854775807us", INT64_MAX, "9223372036854775807us"},
        {"2562047788h", INT64_C(2562047788) * 3600000000, "2562047788h"},
    };
    static const char *const bad[] = {
        "",
        "1",
        "00",
        "s",
        "-1s",
        "+1s",
        "1 s",
        "1S",
        "1sec",
        "1.5s",
        "1d",
        "s1",
        "9223372036854775808us",
        "2562047789h",
        "99999999999999999999us",
        NULL,
    };
    (void)state;
    GOOD(number_parse_duration, number_duration_text, good);
    bad_run(number_parse_duration, bad);
}

static void test_sizes(void **state)
{
    static const struct number_case good[] = {
        {"0", 0, "0"},
        {"1", 1, "1"},
        {"1023", 1023, "1023"},
        {"1024", 1024, "1K"},
        {"64M", 64 << 20, "64M"},
        {"1536K", 1536 << 10, "1536K"},
        {"8G", INT64_C(8) << 30, "8G"},
    };
    static const char *const bad[] = {"", "K", "1k", "1KB", "1T", "-1", "8589934592G", NULL};
    (void)state;
    GOOD(number_parse_size, number_size_text, good);
    bad_run(number_parse_size, bad);
}

static void test_ratios(void **state)
{
    static const struct number_case good[] = {
        {"0", 0, "0"},           {"1", 1000000, "1"},
        {"0.01", 10000, "0.01"}, {"0.000001", 1, "0.000001"},
        {"0.50", 500000, "0.5"}, {"1.25", 1250000, "1.25"},
    };
    static const char *const bad[] = {"",   ".",   "1.",   ".5",  "0.0000001",
                                      "-1", "1e3", "1001", "0,5", NULL};
    (void)state;
    GOOD(number_parse_ratio, number_ratio_text, good);
    bad_run(number_parse_ratio, bad);
}

static void test_percentages(void **state)
{
    static const char *const bad[] = {"", "%", "10", "10 %", "1.5%", "-1%", "10%%", NULL};
    int64_t value;
    (void)state;
    assert_true(number_parse_percent(S("0%"), &value));
    assert_int_equal(value, 0);
    assert_true(number_parse_percent(S("100%"), &value));
    assert_int_equal(value, 100);
    bad_run(number_parse_percent, bad);
}

static void test_truth_values(void **state)
{
    static const char *const yes[] = {"yes", "on", "true", "1", "YES", "True"};
    static const char *const no[] = {"no", "off", "false", "0", "OFF", "nO"};
    static const char *const bad[] = {"", "y", "2", "yes ", "enable"};
    bool value;
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        assert_true(number_parse_bool(slice_text(yes[i]), &value));
        assert_true(value);
        assert_true(number_parse_bool(slice_text(no[i]), &value));
        assert_false(value);
    }
    for (size_t i = 0; i < 5; i++) {
        assert_false(number_parse_bool(slice_text(bad[i]), &value));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),    cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_ratios),       cmocka_unit_test(test_percentages),
        cmocka_unit_test(test_truth_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
