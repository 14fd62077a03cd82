#include "proxy/base/error.h"

#include <stdarg.h>
#include <stdio.h>

bool error_set(struct error *error, int code, const char *where, const char *format, ...)
{
    if (error == NULL) {
        return false;
    }
    va_list args;
    error->code = code;
    snprintf(error->where, sizeof(error->where), "%s", where != NULL ? where : "");
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return false;
}
