// What is to be said about a configuration: every mistake, warning and note, with its place and a
// hint. Filled by conf and by whoever compiles parts of it further (rules, TLS contexts); read by
// `sluice --check`, the start and RELOAD. Owns its texts. One thread.
#pragma once

#include "proxy/base/arena.h"

#include <stdarg.h>
#include <stdio.h>

enum diagnostic_severity { DIAGNOSTIC_NOTE, DIAGNOSTIC_WARNING, DIAGNOSTIC_ERROR };

struct diagnostic {
    enum diagnostic_severity severity;
    const char *file; // as the operator named it
    unsigned line;    // 1 is the first; 0: of no line
    const char *text; // what is wrong
    const char *hint; // what is allowed, or what to do; "" where there is nothing to say
    size_t order;     // of its adding
};

struct diagnostics {
    struct arena arena;
    struct diagnostic
        *items; // in the order of their adding; of their lines after diagnostics_sort()
    size_t count;
    size_t cap;
    size_t errors; // how many of them are errors
};

#define DIAGNOSTICS_INIT ((struct diagnostics){ARENA_INIT, NULL, 0, 0, 0})

void diagnostics_release(struct diagnostics *diagnostics);

// Adds one. `hint` is copied and may be NULL; the text is printed from the format.
__attribute__((format(printf, 6, 7))) void
diagnostics_add(struct diagnostics *diagnostics, enum diagnostic_severity severity,
                const char *file, unsigned line, const char *hint, const char *format, ...);
// The same with the arguments as a list.
__attribute__((format(printf, 6, 0))) void diagnostics_add_list(struct diagnostics *diagnostics,
                                                                enum diagnostic_severity severity,
                                                                const char *file, unsigned line,
                                                                const char *hint,
                                                                const char *format, va_list args);
// By line; those of one line stay in their order.
void diagnostics_sort(struct diagnostics *diagnostics);

// "proxy.ini:7: error: unknown key "lisen" in [proxy]; did you mean "listen"?", without newline.
// Lives in the diagnostics' own memory.
const char *diagnostics_text(struct diagnostics *diagnostics, const struct diagnostic *item);
// One line each.
void diagnostics_print(struct diagnostics *diagnostics, FILE *out);
