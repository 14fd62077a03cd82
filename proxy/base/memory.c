#include "proxy/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *ptr, size_t size)
{
    if (ptr == NULL && size > 0) {
        fprintf(stderr, "sluice: out of memory (%zu bytes)\n", size);
        abort();
    }
    return ptr;
}

void *mem_alloc(size_t size)
{
    size_t at_least = size > 0 ? size : 1;
    return must(malloc(at_least), at_least);
}

void *mem_zero(size_t count, size_t size)
{
    size_t at_least = count > 0 ? count : 1;
    return must(calloc(at_least, size > 0 ? size : 1), at_least);
}

void *mem_grow(void *ptr, size_t size)
{
    size_t at_least = size > 0 ? size : 1;
    return must(realloc(ptr, at_least), at_least);
}

char *mem_text(const char *text, size_t len)
{
    char *copy = mem_alloc(len + 1);
    if (len > 0) {
        memcpy(copy, text, len);
    }
    copy[len] = '\0';
    return copy;
}

void mem_free(void *ptr)
{
    free(ptr);
}

void mem_wipe(void *ptr, size_t size)
{
    if (size > 0) {
        explicit_bzero(ptr, size);
    }
}
