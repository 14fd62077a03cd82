// Regular expressions with limits.
#include "router/rules/pattern.h"

#include "proxy/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct pattern *pattern_of(const char *text)
{
    char error[PATTERN_ERROR_SIZE];
    struct pattern *pattern = pattern_create(slice_text(text), error);
    if (pattern == NULL) {
        fail_msg("%s: %s", text, error);
    }
    return pattern;
}

static int scratch_setup(void **state)
{
    *state = rules_scratch_create();
    return 0;
}

static int scratch_teardown(void **state)
{
    rules_scratch_destroy(*state);
    return 0;
}

static enum pattern_result match(void **state, const char *pattern_text, struct slice text)
{
    struct pattern *pattern = pattern_of(pattern_text);
    enum pattern_result result = pattern_match(pattern, *state, text);
    pattern_destroy(pattern);
    return result;
}

static void test_what_matches(void **state)
{
    static const struct {
        const char *pattern, *text;
        enum pattern_result result;
    } cases[] = {
        {"^SELECT .* FROM products", "select a\n from Products p", PATTERN_YES}, // caseless, dotall
        {"^SELECT", "(SELECT 1)", PATTERN_NO},
        {"SELECT", "(SELECT 1)", PATTERN_YES},
        {"^b", "a\nb", PATTERN_NO}, // the text's start, not a line's
        {"a$", "a\n", PATTERN_YES},
        {"^$", "", PATTERN_YES},
        {"x", "", PATTERN_NO},
        {"(a)(b)(c)", "abc", PATTERN_YES},
        {"(\\w+) \\1", "tick tick", PATTERN_YES},
        {"[\\x80-\\xff]", "\xe4", PATTERN_YES}, // bytes, where the pattern is ASCII
        {"\xc3\xa4", "\xc3\x84", PATTERN_YES},  // characters, where it is not: a-umlaut in any case
        {"^.$", "\xc3\xa4", PATTERN_NO},
        {"\xc3\xa4|^.$", "\xc3\xb6", PATTERN_YES},
        {"\xc3\xa4", "\xff\xc3\xa4\xff", PATTERN_YES}, // in a text that is not UTF-8
        {"\xc3\xa4", "\xe4", PATTERN_NO},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(match(state, cases[i].pattern, slice_text(cases[i].text)),
                         cases[i].result);
    }
    assert_int_equal(match(state, "a.b", slice_make("a\0b", 3)), PATTERN_YES);
    assert_int_equal(match(state, "^$", SLICE_NONE), PATTERN_YES);
    assert_int_equal(rules_scratch_exhausted(*state), 0);
}

static void test_what_is_wrong_is_told_with_its_place(void **state)
{
    static const char *const bad[][2] = {
        {"(a", "missing closing parenthesis (at byte 3)"},
        {"a)", "unmatched closing parenthesis (at byte 2)"},
        {"*", "quantifier does not follow a repeatable item (at byte 1)"},
        {"[b", "missing terminating ] for character class (at byte 3)"},
        {"\\", "\\ at end of pattern (at byte 2)"},
    };
    char error[PATTERN_ERROR_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_null(pattern_create(slice_text(bad[i][0]), error));
        // The libraries of other systems word it a little differently.
        assert_non_null(strstr(error, strstr(bad[i][1], "(at byte")));
    }
    assert_null(pattern_create(S("\xff"), error));
    assert_null(pattern_create(S("a\\Cb"), error));
    pattern_destroy(NULL);
}

static void test_backtracking_without_end_is_given_up(void **state)
{
    char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!b";
    // The b at the end keeps PCRE2 from seeing at once that there is no match.
    assert_int_equal(match(state, "^(a|aa)+\\d*b", slice_text(text)), PATTERN_EXHAUSTED);
    assert_int_equal(rules_scratch_exhausted(*state), 1);
    assert_int_equal(match(state, "^(a|aa)+!b", slice_text(text)), PATTERN_YES);
    assert_int_equal(rules_scratch_exhausted(*state), 1);
}

static void test_the_stack_has_a_limit(void **state)
{
    size_t len = PATTERN_TEXT_MAX;
    char *text = mem_alloc(len);
    memset(text, 'a', len);
    assert_int_equal(match(state, "^(a|(?:aa))+b?$(?<!a)", slice_make(text, len)),
                     PATTERN_EXHAUSTED);
    mem_free(text);
}

static void test_what_stands_far_behind_is_not_seen(void **state)
{
    size_t len = PATTERN_TEXT_MAX + 1;
    char *text = mem_alloc(len);
    memset(text, ' ', len);
    text[PATTERN_TEXT_MAX - 1] = 'x';
    text[PATTERN_TEXT_MAX] = 'y';
    assert_int_equal(match(state, "x", slice_make(text, len)), PATTERN_YES);
    assert_int_equal(match(state, "y", slice_make(text, len)), PATTERN_NO);
    mem_free(text);
}

// Patterns of operators and texts of clients, all with all: nothing breaks and nothing takes long.
static void test_patterns_and_texts_of_all_kinds(void **state)
{
    static const char *const patterns[] = {
        "^SELECT .* FROM products",
        "(a+)+$",
        "(a|b)*c",
        "(.*,){20}x",
        "a.*b.*c.*d.*e",
        "(?=.*a)(?=.*b)(?=.*z)",
        "\\w+ from",
        "(\\w+\\s?)+!",
        "(?i)x(?-i)Y",
        "^(?>a*)b",
        "(?<!x)y(?!z)",
        "\\bfrom\\b",
        "(?R)?x",
        "\xe2\x82\xac",
        "[^\\x00-\\x7f]",
        "(*COMMIT)a|b",
        "a{0,1000}b",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
    };
    static const char *const units[] = {"a",        "ab", "a,",     "select ", "from ", "\xff",
                                        "\xc3\xa4", "\n", "('x'),", "/**/",    "aB!",   "z"};
    char *text = mem_alloc(PATTERN_TEXT_MAX);
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        struct pattern *pattern = pattern_of(patterns[i]);
        for (size_t k = 0; k < sizeof(units) / sizeof(units[0]); k++) {
            size_t len = strlen(units[k]);
            for (size_t at = 0; at < PATTERN_TEXT_MAX; at++) {
                text[at] = units[k][at % len];
            }
            for (size_t cut = 0; cut <= PATTERN_TEXT_MAX; cut = cut * 4 + 1) {
                enum pattern_result result = pattern_match(pattern, *state, slice_make(text, cut));
                assert_in_range(result, PATTERN_NO, PATTERN_EXHAUSTED);
            }
        }
        pattern_destroy(pattern);
    }
    mem_free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_matches),
        TEST(test_what_is_wrong_is_told_with_its_place),
        TEST(test_backtracking_without_end_is_given_up),
        TEST(test_the_stack_has_a_limit),
        TEST(test_what_stands_far_behind_is_not_seen),
        TEST(test_patterns_and_texts_of_all_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
