// Files that hold one secret. The room's own.
#pragma once

#include "conf/diagnostic.h"
#include "proxy/base/buffer.h"

enum { SECRET_SIZE_MAX = 4096 };

// Appends the file's content without the line break at its end; the caller wipes `out`. Returns
// NULL, or the complaint. `is_exposed` says whether everybody on the machine may read the file.
const char *secret_read(const char *path, struct buffer *out, bool *is_exposed);
