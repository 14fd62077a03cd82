#include "proxy/session/named.h"

#include "proxy/base/memory.h"

enum { CAP_LEAST = 4 };

static void named_clear(struct named *named)
{
    mem_free((char *)named->name.ptr);
    mem_free((char *)named->text.ptr);
    mem_free((char *)named->schema.ptr);
}

void named_release(struct named_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        named_clear(&list->items[i]);
    }
    mem_free(list->items);
    *list = NAMED_LIST_INIT;
}

const struct named *named_find(const struct named_list *list, struct slice name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (slice_equal_nocase(list->items[i].name, name)) {
            return &list->items[i];
        }
    }
    return NULL;
}

void named_remove(struct named_list *list, struct slice name)
{
    struct named *gone = (struct named *)named_find(list, name);
    if (gone == NULL) {
        return;
    }
    named_clear(gone);
    *gone = list->items[--list->count];
    if (named_is_empty(list)) {
        named_release(list);
    }
}

static struct slice text_keep(struct slice text)
{
    return text.len > 0 ? slice_make(slice_copy_text(text), text.len) : SLICE_NONE;
}

void named_add(struct named_list *list, struct slice name, struct slice text, struct slice schema,
               struct sql_syntax syntax)
{
    named_remove(list, name);
    if (list->count == list->cap) {
        list->cap = list->cap > 0 ? list->cap * 2 : CAP_LEAST;
        list->items = mem_grow(list->items, list->cap * sizeof(*list->items));
    }
    list->items[list->count++] = (struct named){
        .name = text_keep(name),
        .text = text_keep(text),
        .schema = text_keep(schema),
        .syntax = syntax,
    };
}
