#include "proxy/base/map.h"

#include "proxy/base/memory.h"

#include <assert.h>

enum { SMALLEST = 16 };

static struct map_slot *slot_find(const struct map *map, uint64_t hash, struct slice key)
{
    size_t mask = map->cap - 1;
    size_t at = hash & mask;
    while (map->slots[at].is_used &&
           (map->slots[at].hash != hash || !slice_equal(map->slots[at].key, key))) {
        at = (at + 1) & mask;
    }
    return &map->slots[at];
}

void *map_get(const struct map *map, struct slice key)
{
    if (map->count == 0) {
        return NULL;
    }
    const struct map_slot *slot = slot_find(map, slice_hash(key), key);
    return slot->is_used ? slot->value : NULL;
}

static void map_resize(struct map *map, size_t cap)
{
    struct map old = *map;
    map->slots = mem_zero(cap, sizeof(*map->slots));
    map->cap = cap;
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i].is_used) {
            *slot_find(map, old.slots[i].hash, old.slots[i].key) = old.slots[i];
        }
    }
    mem_free(old.slots);
}

void *map_put(struct map *map, struct slice key, void *value)
{
    assert(value != NULL);
    if ((map->count + 1) * 4 > map->cap * 3) {
        map_resize(map, map->cap > 0 ? map->cap * 2 : SMALLEST);
    }
    uint64_t hash = slice_hash(key);
    struct map_slot *slot = slot_find(map, hash, key);
    if (slot->is_used) {
        void *before = slot->value;
        slot->value = value;
        return before;
    }
    slot->hash = hash;
    slot->key = slice_make(slice_copy_text(key), key.len);
    slot->value = value;
    slot->is_used = true;
    map->count++;
    return NULL;
}

// Closes the gap: slots behind it that could not stand at their own place move up.
static void gap_close(struct map *map, size_t gap)
{
    size_t mask = map->cap - 1;
    for (size_t at = (gap + 1) & mask; map->slots[at].is_used; at = (at + 1) & mask) {
        size_t home = map->slots[at].hash & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            map->slots[gap] = map->slots[at];
            gap = at;
        }
    }
    memset(&map->slots[gap], 0, sizeof(map->slots[gap]));
}

void *map_remove(struct map *map, struct slice key)
{
    if (map->count == 0) {
        return NULL;
    }
    struct map_slot *slot = slot_find(map, slice_hash(key), key);
    if (!slot->is_used) {
        return NULL;
    }
    void *value = slot->value;
    mem_free((char *)slot->key.ptr);
    gap_close(map, (size_t)(slot - map->slots));
    map->count--;
    return value;
}

void map_release(struct map *map)
{
    for (size_t i = 0; i < map->cap; i++) {
        if (map->slots[i].is_used) {
            mem_free((char *)map->slots[i].key.ptr);
        }
    }
    mem_free(map->slots);
    *map = MAP_INIT;
}
