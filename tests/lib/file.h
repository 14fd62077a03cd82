// Files and folders that a test makes and reads.
#pragma once

#include "proxy/base/buffer.h"
#include "proxy/base/slice.h"

#include <stdbool.h>

enum { FILE_PATH_SIZE = 108 }; // as long as a Unix socket's path may be

// A new folder below TMPDIR (/tmp), for this test program; its path goes to `out`.
void folder_create(char out[FILE_PATH_SIZE]);
// Removes a folder with all that is in it.
void folder_remove(const char *path);

// Appends the whole file; false where it cannot be read.
bool file_read(const char *path, struct buffer *out);
// Replaces the file by the text; readable by its owner alone. Fails the test where it cannot.
void file_write(const char *path, struct slice text);
// How often the text stands in the file; 0 where there is no file.
size_t file_count(const char *path, const char *text);
