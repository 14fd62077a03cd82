// Counts the heap calls of the program under which it is loaded, all threads together, in a file
// that the test maps as well ($ALLOCATIONS): tests/lib/allocations.h reads it. Stands on glibc's
// own names for its functions, so that nothing has to be looked up before the first call. While the
// test wants to know where they come from, the callers of each are written to a file beside it.
#include "tests/lib/allocations.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
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
static int callers = -1; // file

enum { DEPTH = 24 };

static void callers_open(const char *path)
{
    char name[512];
    void *frames[DEPTH];
    snprintf(name, sizeof(name), "%s%s", path, ALLOCATION_CALLERS_SUFFIX);
    callers = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    backtrace(frames, DEPTH); // the first call loads a library
}

__attribute__((constructor)) static void counts_map(void)
{
    const char *path = getenv("ALLOCATIONS");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) {
        return;
    }
    void *shared = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared != MAP_FAILED) {
        callers_open(path);
        counts = shared;
    }
    close(fd);
}

static void count(atomic_ullong *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
    if (atomic_load_explicit(&counts->wants_callers, memory_order_relaxed)) {
        void *frames[DEPTH];
        int depth = backtrace(frames, DEPTH);
        backtrace_symbols_fd(frames, depth, callers);
        bool is_written = write(callers, "\n", 1) == 1;
        (void)is_written;
    }
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
