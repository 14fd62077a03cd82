#include "proxy/session/prepared.h"

#include "proxy/base/memory.h"

#include <assert.h>
#include <string.h>

enum { CAP_LEAST = 4, IDS_TURN = INT32_MAX };

static void prepared_clear(struct prepared *prepared)
{
    prepared_drop_long_data(prepared);
    prepared_types_set(prepared->text, &prepared->types, NULL);
    mem_free(prepared->cursor_kinds);
    prepared->text->open--;
    prepared_text_unref(&prepared->text);
}

void prepared_release(struct prepared_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        prepared_clear(&list->items[i]);
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

bool prepared_has_room(const struct prepared_list *list, const struct prepared_text *text)
{
    bool has_bytes = list->count == 0 || (list->text_bytes < PREPARED_TEXT_MOST &&
                                          text->text.len <= PREPARED_TEXT_MOST - list->text_bytes);
    return list->count < PREPARED_MOST && has_bytes && list->given < PREPARED_LAST - 1;
}

uint32_t prepared_next_id(const struct prepared_list *list)
{
    return list->given + 1;
}

struct prepared *prepared_add(struct prepared_list *list, struct prepared_text *text)
{
    if (list->count == list->cap) {
        list->cap = list->cap > 0 ? list->cap * 2 : CAP_LEAST;
        list->items = mem_grow(list->items, list->cap * sizeof(*list->items));
    }
    struct prepared *added = &list->items[list->count++];
    *added = (struct prepared){.id = ++list->given, .text = prepared_text_ref(text)};
    text->open++;
    list->text_bytes += text->text.len;
    list->last_id = added->id;
    return added;
}

void prepared_add_failed(struct prepared_list *list)
{
    list->last_id = 0;
}

void prepared_remove(struct prepared_list *list, struct prepared *prepared)
{
    size_t place = (size_t)(prepared - list->items);
    assert(place < list->count);
    if (prepared->id == list->last_id) {
        list->last_id = 0;
    }
    list->text_bytes -= prepared->text->text.len;
    list->cursors -= prepared_has_cursor(prepared);
    prepared_clear(prepared);
    list->count--;
    memmove(prepared, prepared + 1, (list->count - place) * sizeof(*list->items));
    if (list->count == 0) {
        mem_free(list->items);
        list->items = NULL;
        list->cap = 0;
        list->given =
            list->given > IDS_TURN ? 0 : list->given; // there is no id to mistake them for
    }
}

struct prepared *prepared_find(const struct prepared_list *list, uint32_t id)
{
    if (id == PREPARED_LAST) {
        id = list->last_id;
    }
    size_t place = place_of(list, id);
    bool is_there = place < list->count && list->items[place].id == id;
    return is_there ? &list->items[place] : NULL;
}

void prepared_add_long_data(struct prepared *prepared, struct slice packet, size_t most)
{
    if (prepared->long_data == NULL) {
        prepared->long_data = mem_zero(1, sizeof(*prepared->long_data));
    }
    struct long_data *data = prepared->long_data;
    if (packet.len > most || buffer_len(&data->packets) > most - packet.len) {
        data->is_too_long = true;
        buffer_release(&data->packets);
    }
    if (!data->is_too_long) {
        buffer_append_slice(&data->packets, packet);
    }
}

void prepared_drop_long_data(struct prepared *prepared)
{
    if (prepared->long_data != NULL) {
        buffer_release(&prepared->long_data->packets);
        mem_free(prepared->long_data);
        prepared->long_data = NULL;
    }
}
