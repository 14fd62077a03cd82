#include "proxy/base/file_stamp.h"

#include <sys/stat.h>

struct file_stamp file_stamp_read(struct slice path)
{
    struct stat status;
    if (path.len == 0 || stat(path.ptr, &status) != 0) {
        return (struct file_stamp){.inode = 0};
    }
    return (struct file_stamp){
        .device = status.st_dev,
        .inode = status.st_ino,
        .size = status.st_size,
        .modified = status.st_mtim,
        .changed = status.st_ctim,
    };
}

static bool time_equal(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           time_equal(a->modified, b->modified) && time_equal(a->changed, b->changed);
}
