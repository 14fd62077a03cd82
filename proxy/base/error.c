#include "proxy/base/error.h"

#include <stdarg.h>
#include <stdio.h>

bool error_set(struct error *error, int code, const char *where, const char *format, ...)
{
    if (error == NULL) {
        return false;
    }
    struct error made = {.code = code};
    va_list args;
    snprintf(made.where, sizeof(made.where), "%s", where != NULL ? where : "");
    va_start(args, format);
    vsnprintf(made.text, sizeof(made.text), format, args);
    va_end(args);
    *error = made; // at the end: `where` and the arguments may stand in `error` itself
    return false;
}
