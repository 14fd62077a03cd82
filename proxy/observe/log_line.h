// One line of the log while it is put together, in a fixed buffer. Pure; inside the room only, but
// for log_line_add(), which log.h shows to those that describe themselves.
#pragma once

#include "proxy/base/slice.h"
#include "proxy/observe/log.h"

#include <stdbool.h>
#include <stdint.h>

struct log_line {
    enum log_format format;
    bool is_full; // nothing more is added: a value was cut
    size_t len;
    char text[LOG_LINE_SIZE];
};

void log_line_begin(struct log_line *line, enum log_format format, int64_t wall_us,
                    enum log_level level, const char *event);
// Ends the line with a newline. Borrows from `line`.
struct slice log_line_end(struct log_line *line);
