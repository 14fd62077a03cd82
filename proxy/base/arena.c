#include "proxy/base/arena.h"

#include "proxy/base/memory.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>

enum { CHUNK_SIZE = 8192 };

struct arena_chunk {
    struct arena_chunk *older;
    size_t size; // bytes in data
    alignas(max_align_t) char data[];
};

static void chunk_add(struct arena *arena, size_t size)
{
    struct arena_chunk *chunk = mem_alloc(sizeof(*chunk) + size);
    chunk->older = arena->chunk;
    chunk->size = size;
    arena->chunk = chunk;
    arena->used = 0;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    assert(rounded >= size);
    if (arena->chunk == NULL || rounded > arena->chunk->size - arena->used) {
        chunk_add(arena, rounded > CHUNK_SIZE ? rounded : CHUNK_SIZE);
    }
    void *piece = arena->chunk->data + arena->used;
    arena->used += rounded;
    return piece;
}

void *arena_zero(struct arena *arena, size_t size)
{
    return memset(arena_alloc(arena, size), 0, size);
}

struct slice arena_copy(struct arena *arena, struct slice s)
{
    char *copy = arena_alloc(arena, s.len + 1);
    slice_to_text(s, copy, s.len + 1);
    return slice_make(copy, s.len);
}

struct slice arena_print(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_list again;

    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(len >= 0);
    char *text = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return slice_make(text, (size_t)len);
}

static void chunks_free(struct arena_chunk *chunk)
{
    while (chunk != NULL) {
        struct arena_chunk *older = chunk->older;
        mem_free(chunk);
        chunk = older;
    }
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *kept = NULL;
    while (arena->chunk != NULL) {
        struct arena_chunk *chunk = arena->chunk;
        arena->chunk = chunk->older;
        if (kept == NULL && chunk->size == CHUNK_SIZE) {
            kept = chunk;
            kept->older = NULL;
        } else {
            mem_free(chunk);
        }
    }
    arena->chunk = kept;
    arena->used = 0;
}

void arena_release(struct arena *arena)
{
    chunks_free(arena->chunk);
    *arena = ARENA_INIT;
}

void arena_wipe(struct arena *arena)
{
    for (struct arena_chunk *chunk = arena->chunk; chunk != NULL; chunk = chunk->older) {
        mem_wipe(chunk->data, chunk->size);
    }
    arena_release(arena);
}
