// The tables of words: in order, and every word found in any case.
#include "router/sql/function.h"
#include "router/sql/keyword.h"

#include <stdarg.h>
#include <setjmp.h>

#include <cmocka.h>

static const struct slice keywords[] = {
#define LETTER(letter)
#define KEYWORD(name, kind) SLICE_INIT(#name),
#include "router/sql/keywords.def"
#undef KEYWORD
#undef LETTER
};

static const struct slice functions[] = {
#define LETTER(letter)
#define FUNCTION(name, kind, form, where) SLICE_INIT(#name),
#include "router/sql/functions.def"
#undef FUNCTION
#undef LETTER
};

enum {
    KEYWORDS = sizeof(keywords) / sizeof(keywords[0]),
    FUNCTIONS = sizeof(functions) / sizeof(functions[0]),
};

static struct slice in_mixed_case(struct slice word, char *out)
{
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        out[i] = i % 2 == 0 && c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    return slice_make(out, word.len);
}

static void test_the_tables_are_in_the_order_that_the_search_needs(void **state)
{
    (void)state;
    for (size_t i = 1; i < KEYWORDS; i++) {
        assert_true(slice_compare(keywords[i - 1], keywords[i]) < 0);
    }
    for (size_t i = 1; i < FUNCTIONS; i++) {
        assert_true(slice_compare(functions[i - 1], functions[i]) < 0);
    }
}

static void test_every_word_is_found_in_any_case(void **state)
{
    (void)state;
    char mixed[64];
    for (size_t i = 0; i < KEYWORDS; i++) {
        enum keyword keyword = keyword_find(keywords[i]);
        assert_int_equal(keyword, i + 1);
        assert_int_equal(keyword_find(in_mixed_case(keywords[i], mixed)), keyword);
        assert_true(slice_equal(keyword_name(keyword), keywords[i]));
    }
    for (size_t i = 0; i < FUNCTIONS; i++) {
        const struct sql_function *function = sql_function_find(functions[i]);
        assert_non_null(function);
        assert_ptr_equal(sql_function_find(in_mixed_case(functions[i], mixed)), function);
        assert_true(slice_equal(sql_function_name(function), functions[i]));
    }
}

// One letter less, one more, another last letter: what remains is another word or none.
static void test_words_that_differ_by_a_letter_are_not_found(void **state)
{
    (void)state;
    char near[64];
    for (size_t i = 0; i < KEYWORDS; i++) {
        struct slice word = keywords[i];
        memcpy(near, word.ptr, word.len);
        near[word.len] = '_';
        assert_int_equal(keyword_find(slice_make(near, word.len + 1)), KEYWORD_NONE);
        near[word.len - 1] ^= 0x40;
        assert_int_equal(keyword_find(slice_make(near, word.len)), KEYWORD_NONE);
        enum keyword shorter = keyword_find(slice_first(word, word.len - 1));
        assert_true(shorter == KEYWORD_NONE || keyword_name(shorter).len == word.len - 1);
    }
    assert_int_equal(keyword_find(SLICE_NONE), KEYWORD_NONE);
    assert_int_equal(keyword_find(S("sbtest1")), KEYWORD_NONE);
    assert_int_equal(keyword_find(S("_")), KEYWORD_NONE);
    assert_int_equal(keyword_find(S("zzz")), KEYWORD_NONE);
    assert_int_equal(keyword_find(S("\xc3\xa9")), KEYWORD_NONE);
    assert_null(sql_function_find(S("count_call")));
    assert_null(sql_function_find(S("json_array_")));
}

static void test_reserved_words_are_grammar_and_plain_ones_are_neither(void **state)
{
    (void)state;
    assert_true(keyword_is_reserved(KEYWORD_SELECT));
    assert_true(keyword_is_grammar(KEYWORD_SELECT));
    assert_false(keyword_is_reserved(KEYWORD_ANY));
    assert_true(keyword_is_grammar(KEYWORD_ANY));
    assert_false(keyword_is_reserved(KEYWORD_STATUS));
    assert_false(keyword_is_grammar(KEYWORD_STATUS));
    assert_false(keyword_is_reserved(KEYWORD_NONE));
    assert_false(keyword_is_grammar(KEYWORD_NONE));
    assert_int_equal(keyword_name(KEYWORD_NONE).len, 0);
}

static void test_functions_say_what_calling_them_means(void **state)
{
    (void)state;
    const struct sql_function *count = sql_function_find(S("count"));
    assert_true(count->is_token && count->is_everywhere && count->kind == FUNCTION_PURE);
    const struct sql_function *lock = sql_function_find(S("Get_Lock"));
    assert_true(!lock->is_token && lock->is_everywhere && lock->kind == FUNCTION_LOCK_TAKE);
    const struct sql_function *bin = sql_function_find(S("uuid_to_bin"));
    assert_true(!bin->is_everywhere && bin->kind == FUNCTION_PURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_tables_are_in_the_order_that_the_search_needs),
        cmocka_unit_test(test_every_word_is_found_in_any_case),
        cmocka_unit_test(test_words_that_differ_by_a_letter_are_not_found),
        cmocka_unit_test(test_reserved_words_are_grammar_and_plain_ones_are_neither),
        cmocka_unit_test(test_functions_say_what_calling_them_means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
