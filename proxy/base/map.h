// Hash map from bytes to a pointer: open addressing, keys copied. Made for tables that are built
// once and asked often (users, schemas, servers) and for small ones that change. One thread, or
// immutable.
#pragma once

#include "proxy/base/slice.h"

struct map_slot {
    uint64_t hash;
    struct slice key; // owned by the map
    void *value;
    bool is_used;
};

struct map {
    struct map_slot *slots;
    size_t cap; // a power of two, or 0
    size_t count;
};

#define MAP_INIT ((struct map){NULL, 0, 0})

// The value under `key`, or NULL.
void *map_get(const struct map *map, struct slice key);
// Puts `value` (not NULL) under `key` and returns the value that stood there, or NULL.
void *map_put(struct map *map, struct slice key, void *value);
// Takes the key out and returns its value, or NULL.
void *map_remove(struct map *map, struct slice key);
// Frees the keys and the table, not the values.
void map_release(struct map *map);

// Runs over the used slots, in no order. The body may not change the map.
#define map_each(slot, map)                                                                        \
    for (struct map_slot *slot = (map)->slots; slot != (map)->slots + (map)->cap; slot++)          \
        if (!slot->is_used) {                                                                      \
            continue;                                                                              \
        } else
