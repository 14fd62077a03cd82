#include "proxy/base/slab.h"

#include "proxy/base/memory.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define IS_POISONING 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_POISONING 1
#endif
#endif

#ifdef IS_POISONING
#include <sanitizer/asan_interface.h>
#define poison(ptr, size)   ASAN_POISON_MEMORY_REGION(ptr, size)
#define unpoison(ptr, size) ASAN_UNPOISON_MEMORY_REGION(ptr, size)
#else
#define poison(ptr, size)   ((void)(ptr), (void)(size))
#define unpoison(ptr, size) ((void)(ptr), (void)(size))
#endif

struct slab_free {
    struct slab_free *next;
};

struct slab_page {
    struct slab_page *older;
    alignas(max_align_t) char objects[];
};

void slab_init(struct slab *slab, size_t size, size_t per_page)
{
    size_t least = size > sizeof(struct slab_free) ? size : sizeof(struct slab_free);
    size_t rounded = (least + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    assert(per_page > 0 && rounded <= (SIZE_MAX - sizeof(struct slab_page)) / per_page);
    *slab = (struct slab){.size = rounded, .per_page = per_page};
}

static void free_push(struct slab *slab, void *object)
{
    struct slab_free *link = object;
    link->next = slab->free;
    slab->free = link;
    poison(object, slab->size);
}

static void *free_pop(struct slab *slab)
{
    struct slab_free *link = slab->free;
    unpoison(link, slab->size);
    slab->free = link->next;
    return link;
}

// The last object of the page is pushed first, so that they are taken in the order of addresses.
static void page_add(struct slab *slab)
{
    struct slab_page *page = mem_alloc(sizeof(*page) + slab->per_page * slab->size);
    page->older = slab->pages;
    slab->pages = page;
    for (size_t i = slab->per_page; i > 0; i--) {
        free_push(slab, page->objects + (i - 1) * slab->size);
    }
}

void *slab_take(struct slab *slab)
{
    if (slab->free == NULL) {
        page_add(slab);
    }
    slab->used++;
    return free_pop(slab);
}

void *slab_take_zero(struct slab *slab)
{
    return memset(slab_take(slab), 0, slab->size);
}

void slab_put(struct slab *slab, void *object)
{
    if (object != NULL) {
        assert(slab->used > 0);
        slab->used--;
        free_push(slab, object);
    }
}

void slab_release(struct slab *slab)
{
    assert(slab->used == 0);
    while (slab->pages != NULL) {
        struct slab_page *page = slab->pages;
        slab->pages = page->older;
        unpoison(page->objects, slab->per_page * slab->size);
        mem_free(page);
    }
    slab->free = NULL;
}
