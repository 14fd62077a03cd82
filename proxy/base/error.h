// What went wrong, for somebody who will read it: a number whose meaning is its user's (an errno, a
// MySQL error number), where it happened (a file:line, a server's name), and a sentence. Embedded
// or on the stack; holds no memory.
#pragma once

#include <stdbool.h>

enum { ERROR_TEXT_SIZE = 512, ERROR_WHERE_SIZE = 128 };

struct error {
    int code; // 0: no error
    char where[ERROR_WHERE_SIZE];
    char text[ERROR_TEXT_SIZE];
};

#define ERROR_NONE ((struct error){0, "", ""})

// Sets all three; texts that are too long are cut. `error` may be NULL: nobody reads it. `where`
// and the arguments may be texts of `error` itself, to say more about it. Returns false, for
// `return error_set(...)`.
__attribute__((format(printf, 4, 5))) bool error_set(struct error *error, int code,
                                                     const char *where, const char *format, ...);
