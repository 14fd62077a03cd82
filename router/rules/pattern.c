#include "router/rules/pattern.h"

#include "proxy/base/memory.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <assert.h>
#include <stdio.h>

// Steps and stack of one try; what a sensible pattern needs on 16 KiB is far below.
enum { MATCH_LIMIT = 200000, STACK_FIRST = 32 * 1024, STACK_MOST = 256 * 1024 };

struct rules_scratch {
    pcre2_match_context *context; // with the limits
    pcre2_match_data *data;
    pcre2_jit_stack *stack; // NULL: this machine has no just-in-time compiler
    uint64_t exhausted;
};

struct rules_scratch *rules_scratch_create(void)
{
    struct rules_scratch *scratch = mem_zero(1, sizeof(*scratch));
    scratch->context = pcre2_match_context_create(NULL);
    scratch->data = pcre2_match_data_create(1, NULL); // only whether, never where
    assert(scratch->context != NULL && scratch->data != NULL);
    scratch->stack = pcre2_jit_stack_create(STACK_FIRST, STACK_MOST, NULL);
    pcre2_set_match_limit(scratch->context, MATCH_LIMIT);
    pcre2_set_heap_limit(scratch->context, STACK_MOST / 1024); // KiB, without the compiler
    if (scratch->stack != NULL) {
        pcre2_jit_stack_assign(scratch->context, NULL, scratch->stack);
    }
    return scratch;
}

void rules_scratch_destroy(struct rules_scratch *scratch)
{
    if (scratch != NULL) {
        pcre2_jit_stack_free(scratch->stack);
        pcre2_match_data_free(scratch->data);
        pcre2_match_context_free(scratch->context);
        mem_free(scratch);
    }
}

uint64_t rules_scratch_exhausted(const struct rules_scratch *scratch)
{
    return scratch->exhausted;
}

struct pattern {
    pcre2_code *code;
};

// Letters beyond ASCII are characters where the pattern has some; the text may be in any character
// set.
static uint32_t options_of(struct slice text)
{
    uint32_t options = PCRE2_CASELESS | PCRE2_DOTALL | PCRE2_NEVER_BACKSLASH_C;
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] >= 0x80) {
            return options | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF;
        }
    }
    return options;
}

struct pattern *pattern_create(struct slice text, char error[PATTERN_ERROR_SIZE])
{
    int code;
    PCRE2_SIZE at;
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)text.ptr, text.len, options_of(text), &code, &at, NULL);
    if (compiled == NULL) {
        PCRE2_UCHAR said[PATTERN_ERROR_SIZE / 2];
        pcre2_get_error_message(code, said, sizeof(said));
        snprintf(error, PATTERN_ERROR_SIZE, "%s (at byte %zu)", (const char *)said, (size_t)at + 1);
        return NULL;
    }
    pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE); // where it fails, matching is slower
    struct pattern *pattern = mem_alloc(sizeof(*pattern));
    pattern->code = compiled;
    return pattern;
}

void pattern_destroy(struct pattern *pattern)
{
    if (pattern != NULL) {
        pcre2_code_free(pattern->code);
        mem_free(pattern);
    }
}

enum pattern_result pattern_match(const struct pattern *pattern, struct rules_scratch *scratch,
                                  struct slice text)
{
    struct slice seen = slice_first(text, PATTERN_TEXT_MAX);
    PCRE2_SPTR subject = (PCRE2_SPTR)(seen.len > 0 ? seen.ptr : "");
    int result =
        pcre2_match(pattern->code, subject, seen.len, 0, 0, scratch->data, scratch->context);
    if (result >= 0) {
        return PATTERN_YES;
    }
    if (result == PCRE2_ERROR_NOMATCH) {
        return PATTERN_NO;
    }
    scratch->exhausted++;
    return PATTERN_EXHAUSTED;
}
