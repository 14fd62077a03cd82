// The statements that a session has prepared by name (PREPARE s FROM '...'): they stand on the
// connection, which the session keeps until the last one is gone, and what one of them does when it
// is run stands in its text. Embedded in the session; holds no memory while there are none. One
// thread: the worker's.
#pragma once

#include "proxy/base/slice.h"
#include "router/sql/syntax.h"

#include <stdbool.h>
#include <stddef.h>

struct named {
    struct slice name;        // owned
    struct slice text;        // owned; empty: not known, it came from a variable
    struct slice schema;      // owned; of the session when it was prepared
    struct sql_syntax syntax; // that the text was read by
};

struct named_list {
    struct named *items;
    size_t count;
    size_t cap;
    bool is_unsure; // there may be others
};

#define NAMED_LIST_INIT ((struct named_list){0})

void named_release(struct named_list *list);

// Names compare without case. One of that name is replaced.
void named_add(struct named_list *list, struct slice name, struct slice text, struct slice schema,
               struct sql_syntax syntax);
void named_remove(struct named_list *list, struct slice name);
// Borrowed until the next change; NULL: none that is known of.
const struct named *named_find(const struct named_list *list, struct slice name);

static inline bool named_is_empty(const struct named_list *list)
{
    return list->count == 0 && !list->is_unsure;
}
