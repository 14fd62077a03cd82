// A proxy.ini under construction: sections with keys, each once, in the order of their coming.
#pragma once

#include "proxy/base/buffer.h"

#include <stddef.h>

enum { INI_ROWS_MAX = 256, INI_NAME_SIZE = 64, INI_VALUE_SIZE = 1024 };

struct ini_row {
    char section[INI_NAME_SIZE]; // "" once taken out
    char key[INI_NAME_SIZE];
    char value[INI_VALUE_SIZE];
};

struct ini {
    size_t count;
    struct ini_row rows[INI_ROWS_MAX];
};

struct ini *ini_create(void);
void ini_destroy(struct ini *ini);

// Sets or replaces. The value is printed from the format.
__attribute__((format(printf, 4, 5))) void ini_set(struct ini *ini, const char *section,
                                                   const char *key, const char *format, ...);
// "section.key = value" sets; "section.key" takes the key out, "section.*" a whole section.
void ini_change(struct ini *ini, const char *change);

void ini_print(const struct ini *ini, struct buffer *out);
