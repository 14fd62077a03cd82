#include "tests/lib/allocations.h"

#include "tests/lib/cmocka.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char file_name[] = "counts", library[] = "tests/preload/allocations.so";

void allocations_init(struct allocations *allocations)
{
    folder_create(allocations->folder);
    const char *build = getenv("BUILD");
    char relative[256], *library_path;
    snprintf(relative, sizeof(relative), "%s/%s", build != NULL ? build : "build", library);
    library_path = realpath(relative, NULL);
    assert_non_null(library_path);
    snprintf(allocations->preload, sizeof(allocations->preload), "LD_PRELOAD=%s", library_path);
    free(library_path);
    snprintf(allocations->path, sizeof(allocations->path), "ALLOCATIONS=%s/%s", allocations->folder,
             file_name);
    allocations->environment[0] = allocations->preload;
    allocations->environment[1] = allocations->path;
    allocations->environment[2] = NULL;

    int fd = open(strchr(allocations->path, '/'), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, sizeof(*allocations->counts)), 0);
    allocations->counts =
        mmap(NULL, sizeof(*allocations->counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(allocations->counts, MAP_FAILED);
    close(fd);
}

void allocations_release(struct allocations *allocations)
{
    munmap(allocations->counts, sizeof(*allocations->counts));
    folder_remove(allocations->folder);
}

unsigned long long allocations_count(const struct allocations *allocations)
{
    return allocations->counts->taken + allocations->counts->freed;
}

void allocations_trace(struct allocations *allocations, bool is_on)
{
    atomic_store(&allocations->counts->wants_callers, is_on);
}

void allocations_print_callers(const struct allocations *allocations)
{
    struct buffer text = BUFFER_INIT;
    char path[FILE_PATH_SIZE + 64];
    snprintf(path, sizeof(path), "%s%s", strchr(allocations->path, '/'), ALLOCATION_CALLERS_SUFFIX);
    if (file_read(path, &text)) {
        fwrite(buffer_ptr(&text), 1, buffer_len(&text), stderr);
    }
    buffer_release(&text);
}
