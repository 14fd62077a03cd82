// Counts the heap calls of the program under which it is loaded, all threads together, in a file
// that the test maps as well ($ALLOCATIONS): tests/lib/allocations.h reads it. Stands on glibc's
// own names for its functions, so that nothing has to be looked up before the first call.
#include "tests/lib/allocations.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *ptr, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *ptr);

static struct allocation_counts nowhere;
static struct allocation_counts *counts = &nowhere;

__attribute__((constructor)) static void counts_map(void)
{
    const char *path = getenv("ALLOCATIONS");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) {
        return;
    }
    void *shared = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared != MAP_FAILED) {
        counts = shared;
    }
    close(fd);
}

static void count(atomic_ullong *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void *malloc(size_t size)
{
    count(&counts->taken);
    return __libc_malloc(size);
}

void *calloc(size_t members, size_t size)
{
    count(&counts->taken);
    return __libc_calloc(members, size);
}

void *realloc(void *ptr, size_t size)
{
    count(&counts->taken);
    if (ptr != NULL) {
        count(&counts->freed);
    }
    return __libc_realloc(ptr, size);
}

void *memalign(size_t alignment, size_t size)
{
    count(&counts->taken);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    count(&counts->taken);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    count(&counts->taken);
    *out = __libc_memalign(alignment, size);
    return *out != NULL ? 0 : ENOMEM;
}

void free(void *ptr)
{
    if (ptr != NULL) {
        count(&counts->freed);
    }
    __libc_free(ptr);
}
