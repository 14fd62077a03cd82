#include "tests/lib/file.h"

#include "tests/lib/cmocka.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void folder_create(char out[FILE_PATH_SIZE])
{
    const char *base = getenv("TMPDIR");
    snprintf(out, FILE_PATH_SIZE, "%s/sluice-test.XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(out));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

void folder_remove(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

bool file_read(const char *path, struct buffer *out)
{
    enum { PIECE = 65536 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t n;
    while ((n = read(fd, buffer_reserve(out, PIECE), PIECE)) > 0) {
        buffer_added(out, (size_t)n);
    }
    close(fd);
    return n == 0;
}

void file_write(const char *path, struct slice text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.ptr, text.len), text.len);
    close(fd);
}

size_t file_count(const char *path, const char *text)
{
    struct buffer content = BUFFER_INIT;
    size_t count = 0;
    if (file_read(path, &content)) {
        struct slice rest = buffer_slice(&content), needle = slice_text(text);
        for (size_t at; (at = slice_find_slice(rest, needle)) < rest.len; count++) {
            rest = slice_from(rest, at + needle.len);
        }
    }
    buffer_release(&content);
    return count;
}
