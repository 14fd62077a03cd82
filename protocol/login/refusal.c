#include "protocol/login/refusal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

struct refusal_row {
    enum error_row error;
    struct slice sentence;
};

static const struct refusal_row rows[] = {
    [REFUSAL_NONE] = {0, SLICE_INIT("")},
#define ROW(cause, error, sentence) [REFUSAL_##cause] = {ERROR_ROW_##error, SLICE_INIT(sentence)},
#include "protocol/login/refusals.def"
#undef ROW
    [REFUSAL_BY_SERVER] = {0, SLICE_INIT("")},
    [REFUSAL_BY_CALLER] = {0, SLICE_INIT("")},
};

void refusal_set(struct refusal *refusal, enum refusal_cause cause, const char *format, ...)
{
    va_list args;

    assert(rows[cause].sentence.len > 0);
    // Both families have the same number for each of them.
    const struct error_code *code = error_row_code(rows[cause].error, false);
    refusal->cause = cause;
    refusal->code = code->number;
    memcpy(refusal->sqlstate, code->sqlstate, sizeof(refusal->sqlstate));
    va_start(args, format);
    vsnprintf(refusal->text, sizeof(refusal->text), format, args);
    va_end(args);
}

void refusal_set_err(struct refusal *refusal, enum refusal_cause cause, const struct err *err)
{
    assert(cause == REFUSAL_BY_SERVER || cause == REFUSAL_BY_CALLER);
    refusal->cause = cause;
    refusal->code = err->code;
    slice_to_text(err->sqlstate, refusal->sqlstate, sizeof(refusal->sqlstate));
    slice_to_text(err->message, refusal->text, sizeof(refusal->text));
}

struct err refusal_err(const struct refusal *refusal)
{
    return (struct err){
        .code = refusal->code,
        .sqlstate = slice_text(refusal->sqlstate),
        .message = slice_text(refusal->text),
    };
}

struct slice refusal_phrase(const struct refusal *refusal)
{
    struct slice text = slice_text(refusal->text);

    return slice_starts_nocase(text, S("sluice: ")) ? slice_from(text, strlen("sluice: ")) : text;
}

struct slice refusal_sentence(const struct refusal *refusal)
{
    return rows[refusal->cause].sentence;
}
