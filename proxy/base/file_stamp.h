// What tells that a file is still the same one with the same contents: one put in its place is
// another, one written over has other times. Any thread. stat(2).
#pragma once

#include "proxy/base/slice.h"

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

// All zero: no file.
struct file_stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    struct timespec changed;
};

// `path` ends with a NUL behind it, or is empty: no file.
struct file_stamp file_stamp_read(struct slice path);
bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b);
