#include "proxy/session/held.h"

#include "proxy/base/memory.h"

enum { CAP_LEAST = 4 };

struct names {
    struct slice *items; // texts owned
    size_t count;
    size_t cap;
};

struct held {
    struct names of[HELD_KINDS];
    bool is_in_doubt[HELD_KINDS];
};

static size_t place_of(const struct names *names, struct slice name)
{
    size_t at = 0;
    while (at < names->count && !slice_equal(names->items[at], name)) {
        at++;
    }
    return at;
}

static void names_clear(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        mem_free((char *)names->items[i].ptr);
    }
    mem_free(names->items);
    *names = (struct names){0};
}

static bool is_empty(const struct held *held)
{
    size_t count = 0;
    for (int kind = 0; kind < HELD_KINDS; kind++) {
        count += held->of[kind].count;
    }
    return count == 0;
}

static void free_if_empty(struct held **held)
{
    if (is_empty(*held)) {
        mem_free(*held);
        *held = NULL;
    }
}

void held_add(struct held **held, enum held_kind kind, struct slice name)
{
    if (*held == NULL) {
        *held = mem_zero(1, sizeof(**held));
    }
    struct names *names = &(*held)->of[kind];
    struct slice kept = names->count < HELD_MOST ? name : SLICE_NONE;
    if (place_of(names, kept) < names->count) {
        return;
    }
    if (names->count == names->cap) {
        names->cap = names->cap > 0 ? names->cap * 2 : CAP_LEAST;
        names->items = mem_grow(names->items, names->cap * sizeof(*names->items));
    }
    names->items[names->count++] =
        kept.len > 0 ? slice_make(slice_copy_text(kept), kept.len) : SLICE_NONE;
}

void held_remove(struct held **held, enum held_kind kind, struct slice name)
{
    if (*held == NULL || name.len == 0) {
        return;
    }
    struct names *names = &(*held)->of[kind];
    size_t at = place_of(names, name);
    if (at < names->count) {
        mem_free((char *)names->items[at].ptr);
        names->items[at] = names->items[--names->count];
        if (names->count == 0) {
            names_clear(names);
        }
    }
    free_if_empty(held);
}

void held_clear(struct held **held, enum held_kind kind)
{
    if (*held != NULL) {
        names_clear(&(*held)->of[kind]);
        free_if_empty(held);
    }
}

void held_release(struct held **held)
{
    for (int kind = 0; kind < HELD_KINDS; kind++) {
        held_clear(held, (enum held_kind)kind);
    }
}

size_t held_count(const struct held *held, enum held_kind kind)
{
    return held != NULL ? held->of[kind].count : 0;
}

bool held_has(const struct held *held, enum held_kind kind, struct slice name)
{
    return held != NULL && place_of(&held->of[kind], name) < held->of[kind].count;
}

bool held_wants_reset(const struct held *held)
{
    return held_count(held, HELD_TRACKING) > 0 || held_count(held, HELD_TRACES) > 0;
}

struct slice held_name(const struct held *held, enum held_kind kind, size_t at)
{
    return held->of[kind].items[at];
}

void held_doubt(struct held *held, enum held_kind kind, bool is_in_doubt)
{
    if (held != NULL) {
        held->is_in_doubt[kind] = is_in_doubt;
    }
}

bool held_is_in_doubt(const struct held *held, enum held_kind kind)
{
    return held != NULL && held->is_in_doubt[kind] && held->of[kind].count > 0;
}
