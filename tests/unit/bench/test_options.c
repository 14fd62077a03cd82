// The load generator's command line.
#include "tests/bench/lib/options.h"

#include "tests/lib/cmocka.h"

#include <string.h>

static bool parse(struct options *options, struct error *error, const char *const words[])
{
    int count = 1;
    char *argv[32] = {(char *)"load"};
    for (; words[count - 1] != NULL; count++) {
        argv[count] = (char *)words[count - 1];
    }
    *error = ERROR_NONE;
    return options_parse(options, count, argv, error);
}

static void assert_text(struct slice text, const char *wanted)
{
    assert_true(slice_equal(text, slice_text(wanted)));
}

static void a_mode_alone_has_defaults(void **state)
{
    struct options options;
    struct error error;
    (void)state;
    assert_true(parse(&options, &error, (const char *const[]){"query", NULL}));
    assert_int_equal(options.mode, LOAD_QUERY);
    assert_int_equal(options.port_count, 1);
    assert_int_equal(options.ports[0], 3306);
    assert_int_equal(options.clients, 1);
    assert_int_equal(options.count, 0);
    assert_int_equal(options.statement_count, 1);
    assert_text(options.statements[0].text, "SELECT 1");
}

static void every_option_is_read(void **state)
{
    static const char *const words[] = {
        "connect",     "--port",     "6033", "--user",    "me", "--password",
        "secret",      "--schema",   "app",  "--clients", "64", "--seconds",
        "2.5",         "--warmup",   "0.5",  "--numbers", "77", "--statement",
        "SELECT {id}", "--prepared", "yes",  "--tls",     "no", "--process",
        "proxy=42",    NULL};
    struct options options;
    struct error error;
    (void)state;
    assert_true(parse(&options, &error, words));
    assert_int_equal(options.mode, LOAD_CONNECT);
    assert_int_equal(options.ports[0], 6033);
    assert_text(options.user, "me");
    assert_text(options.password, "secret");
    assert_text(options.schema, "app");
    assert_int_equal(options.clients, 64);
    assert_true(options.seconds == 2.5 && options.warmup == 0.5);
    assert_int_equal(options.numbers, 77);
    assert_true(options.statements[0].has_number);
    assert_true(options.is_prepared);
    assert_false(options.is_tls);
    assert_text(options.processes[0].name, "proxy");
    assert_int_equal(options.processes[0].pid, 42);
}

static void what_may_be_said_again_adds_up(void **state)
{
    static const char *const words[] = {
        "query",  "--statement", "SELECT 1", "--process", "a=1",         "--process", "b=2",
        "--port", "1",           "--port",   "2",         "--statement", "SELECT 2",  NULL};
    struct options options;
    struct error error;
    (void)state;
    assert_true(parse(&options, &error, words));
    assert_int_equal(options.statement_count, 2);
    assert_text(options.statements[1].text, "SELECT 2");
    assert_int_equal(options.process_count, 2);
    assert_text(options.processes[1].name, "b");
    assert_int_equal(options.port_count, 2);
    assert_int_equal(options.ports[1], 2);
}

static void mistakes_are_named(void **state)
{
    static const char *const mistakes[][2] = {
        {"--port", "0"},        {"--port", "65536"},    {"--clients", "0"},
        {"--clients", "many"},  {"--seconds", "-1"},    {"--seconds", "nan"},
        {"--warmup", "1s"},     {"--count", "0"},       {"--numbers", "0"},
        {"--statement", ""},    {"--prepared", "1"},    {"--tls", ""},
        {"--process", "proxy"}, {"--process", "=1"},    {"--process", "a=0"},
        {"--colour", "red"},    {"--process", "a=1=2"}, {"--process", "proxy="},
        {"port", "1"},
    };
    struct options options;
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        const char *const words[] = {"query", mistakes[i][0], mistakes[i][1], NULL};
        if (parse(&options, &error, words)) {
            fail_msg("%s %s was understood", mistakes[i][0], mistakes[i][1]);
        }
        assert_non_null(strstr(error.text, mistakes[i][0]));
    }
}

static void a_value_and_a_mode_must_be_there(void **state)
{
    struct options options;
    struct error error;
    (void)state;
    assert_false(parse(&options, &error, (const char *const[]){NULL}));
    assert_false(parse(&options, &error, (const char *const[]){"run", NULL}));
    assert_false(parse(&options, &error, (const char *const[]){"query", "--port", NULL}));
    assert_non_null(strstr(error.text, "--port (no value)"));
}

static void no_more_than_there_is_room_for(void **state)
{
    const char *words[2 + 2 * (OPTIONS_PROCESSES_MAX + 1)] = {"query"};
    struct options options;
    struct error error;
    (void)state;
    for (size_t i = 0; i <= OPTIONS_PROCESSES_MAX; i++) {
        words[1 + 2 * i] = "--process";
        words[2 + 2 * i] = "a=1";
    }
    assert_false(parse(&options, &error, words));
    words[1 + 2 * OPTIONS_PROCESSES_MAX] = NULL;
    assert_true(parse(&options, &error, words));
    assert_int_equal(options.process_count, OPTIONS_PROCESSES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mode_alone_has_defaults),
        cmocka_unit_test(every_option_is_read),
        cmocka_unit_test(what_may_be_said_again_adds_up),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(a_value_and_a_mode_must_be_there),
        cmocka_unit_test(no_more_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
