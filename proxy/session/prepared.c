#include "proxy/session/prepared.h"

#include "proxy/base/memory.h"

#include <string.h>

enum { CAP_LEAST = 4 };

void prepared_release(struct prepared_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        digest_text_unref(&list->items[i].text);
    }
    mem_free(list->items);
    *list = PREPARED_LIST_INIT;
}

// The place of the first one whose id is not below `id`.
static size_t place_of(const struct prepared_list *list, uint32_t id)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->items[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_at(const struct prepared_list *list, size_t place, uint32_t id)
{
    return place < list->count && list->items[place].id == id;
}

void prepared_add(struct prepared_list *list, uint32_t id, uint64_t shape, struct digest_text *text)
{
    prepared_remove(list, id);
    size_t place = place_of(list, id);
    if (list->count == list->cap) {
        list->cap = list->cap > 0 ? list->cap * 2 : CAP_LEAST;
        list->items = mem_grow(list->items, list->cap * sizeof(*list->items));
    }
    memmove(list->items + place + 1, list->items + place,
            (list->count - place) * sizeof(*list->items));
    list->items[place] = (struct prepared){.id = id, .shape = shape, .text = text};
    list->count++;
}

void prepared_remove(struct prepared_list *list, uint32_t id)
{
    size_t place = place_of(list, id);
    if (!is_at(list, place, id)) {
        return;
    }
    digest_text_unref(&list->items[place].text);
    list->count--;
    memmove(list->items + place, list->items + place + 1,
            (list->count - place) * sizeof(*list->items));
    if (list->count == 0) {
        prepared_release(list);
    }
}

const struct prepared *prepared_find(const struct prepared_list *list, uint32_t id)
{
    if (id == PREPARED_LAST && list->count > 0) {
        return &list->items[list->count - 1];
    }
    size_t place = place_of(list, id);
    return is_at(list, place, id) ? &list->items[place] : NULL;
}
