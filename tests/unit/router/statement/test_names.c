// The tables of reasons and pins: every row has a name of its own and a sentence.
#include "router/statement/pin.h"
#include "router/statement/reason.h"
#include "router/statement/statement.h"

#include <stdarg.h>
#include <setjmp.h>

#include <cmocka.h>

typedef struct slice text_fn(int row);

static struct slice reason_name(int row)
{
    return route_reason_name((enum route_reason)row);
}

static struct slice reason_sentence(int row)
{
    return route_reason_sentence((enum route_reason)row);
}

static struct slice pin_name(int row)
{
    return pin_reason_name((enum pin_reason)row);
}

static struct slice pin_sentence(int row)
{
    return pin_reason_sentence((enum pin_reason)row);
}

static struct slice kind_name(int row)
{
    return statement_kind_name((enum statement_kind)row);
}

static struct slice effect_name(int row)
{
    return statement_effect_name((enum statement_effect)row);
}

static struct slice ask_name(int row)
{
    return statement_ask_name((enum statement_ask)row);
}

static struct slice uncacheable_sentence(int row)
{
    return uncacheable_reason_sentence((enum uncacheable_reason)row);
}

// Names are labels of metrics and words of EXPLAIN ROUTE.
static void expect_names(text_fn *name, int count)
{
    for (int i = 0; i < count; i++) {
        struct slice text = name(i);
        assert_true(text.len > 0);
        for (size_t at = 0; at < text.len; at++) {
            assert_true((text.ptr[at] >= 'a' && text.ptr[at] <= 'z') || text.ptr[at] == '_');
        }
        for (int other = 0; other < i; other++) {
            assert_false(slice_equal(text, name(other)));
        }
    }
}

static void expect_sentences(text_fn *sentence, int count)
{
    for (int i = 0; i < count; i++) {
        struct slice text = sentence(i);
        assert_true(text.len > 0 && text.ptr[text.len - 1] == '.');
    }
}

static void test_names_are_words_and_differ(void **state)
{
    (void)state;
    expect_names(reason_name, ROUTE_REASON_COUNT);
    expect_names(pin_name, PIN_COUNT);
    expect_names(kind_name, STATEMENT_KIND_COUNT);
    expect_names(effect_name, EFFECT_COUNT);
    expect_names(ask_name, ASK_COUNT);
}

static void test_sentences_are_sentences(void **state)
{
    (void)state;
    expect_sentences(reason_sentence, ROUTE_REASON_COUNT);
    expect_sentences(pin_sentence, PIN_COUNT);
    for (int i = 0; i < UNCACHEABLE_COUNT; i++) {
        assert_true(uncacheable_sentence(i).len > 0);
    }
}

static void test_nothing_is_the_first_pin(void **state)
{
    (void)state;
    assert_int_equal(PIN_NONE, 0);
    assert_true(slice_equal(pin_reason_name(PIN_NONE), S("none")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_words_and_differ),
        cmocka_unit_test(test_sentences_are_sentences),
        cmocka_unit_test(test_nothing_is_the_first_pin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
