#include "conf/diagnostic.h"

#include "proxy/base/memory.h"

#include <stdlib.h>

void diagnostics_release(struct diagnostics *diagnostics)
{
    mem_free(diagnostics->items);
    arena_release(&diagnostics->arena);
    *diagnostics = DIAGNOSTICS_INIT;
}

static struct diagnostic *diagnostics_push(struct diagnostics *diagnostics)
{
    if (diagnostics->count == diagnostics->cap) {
        diagnostics->cap = diagnostics->cap > 0 ? diagnostics->cap * 2 : 16;
        diagnostics->items =
            mem_grow(diagnostics->items, diagnostics->cap * sizeof(*diagnostics->items));
    }
    return &diagnostics->items[diagnostics->count++];
}

static const char *text_keep(struct diagnostics *diagnostics, const char *text)
{
    return arena_copy(&diagnostics->arena, slice_text(text != NULL ? text : "")).ptr;
}

void diagnostics_add_list(struct diagnostics *diagnostics, enum diagnostic_severity severity,
                          const char *file, unsigned line, const char *hint, const char *format,
                          va_list args)
{
    char *text;
    int len = vasprintf(&text, format, args);
    if (len < 0) {
        abort(); // no memory, as mem_alloc()
    }
    struct diagnostic *item = diagnostics_push(diagnostics);
    item->severity = severity;
    item->order = diagnostics->count;
    item->file = text_keep(diagnostics, file);
    item->line = line;
    item->text = text_keep(diagnostics, text);
    item->hint = text_keep(diagnostics, hint);
    diagnostics->errors += severity == DIAGNOSTIC_ERROR ? 1 : 0;
    free(text);
}

void diagnostics_add(struct diagnostics *diagnostics, enum diagnostic_severity severity,
                     const char *file, unsigned line, const char *hint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    diagnostics_add_list(diagnostics, severity, file, line, hint, format, args);
    va_end(args);
}

static int diagnostic_compare(const void *left, const void *right)
{
    const struct diagnostic *a = left, *b = right;
    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    return a->order < b->order ? -1 : a->order > b->order;
}

void diagnostics_sort(struct diagnostics *diagnostics)
{
    if (diagnostics->count > 0) {
        qsort(diagnostics->items, diagnostics->count, sizeof(*diagnostics->items),
              diagnostic_compare);
    }
}

const char *diagnostics_text(struct diagnostics *diagnostics, const struct diagnostic *item)
{
    static const char *const names[] = {"note", "warning", "error"};
    const char *name = names[item->severity];
    struct slice place = item->line > 0
                             ? arena_print(&diagnostics->arena, "%s:%u", item->file, item->line)
                             : slice_text(item->file);
    return arena_print(&diagnostics->arena, "%.*s: %s: %s%s%s", SLICE_ARG(place), name, item->text,
                       item->hint[0] != '\0' ? "; " : "", item->hint)
        .ptr;
}

void diagnostics_print(struct diagnostics *diagnostics, FILE *out)
{
    for (size_t i = 0; i < diagnostics->count; i++) {
        fprintf(out, "%s\n", diagnostics_text(diagnostics, &diagnostics->items[i]));
    }
}
