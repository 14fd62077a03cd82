// The log: one line is one event, with a dotted name that stays the same and named values.
//
//     log_warn(&monitor->source, "backend.lost", kv_str("server", name), kv_ms("after", 12));
//
//     2026-01-31T12:34:56.789Z warn  backend.lost server=db1 after_ms=12
//     {"time":"2026-01-31T12:34:56.789Z","level":"warn","event":"backend.lost","server":"db1","after_ms":12}
//
// Any thread may log. A line that is off costs a call and a load, and none of its values is worked
// out; one that is on is put together on the stack and copied into a bounded ring, which a thread
// of the log's own writes out, so that no loop ever waits for a disk or a terminal. Where the ring
// is full the line is dropped and counted; the log says so itself once there is room. Values that
// come from outside cannot break a line: control characters and bytes that are no UTF-8 are
// escaped.
//
// warn: an operator may want to act; error: somebody lost something. Secrets are never passed here.
#pragma once

#include "proxy/base/error.h"
#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_LEVEL_COUNT };
enum log_format { LOG_TEXT, LOG_JSON };

// A longer value is cut and ends in "..."; values that the line has no room for are left out, and
// it ends in cut=true.
enum { LOG_LINE_SIZE = 8192, LOG_VALUE_SIZE = 2048 };

// --- named values -------------------------------------------------------------------------------

enum kv_type { KV_END, KV_TEXT, KV_INT, KV_UINT, KV_BOOL, KV_MS, KV_US, KV_ERROR };

struct kv {
    const char *name; // of letters, digits and _, a literal
    enum kv_type type;
    union {
        struct slice text;
        int64_t number;
        uint64_t count;
        bool fact;
        const struct error *error;
    };
};

static inline struct kv kv_slice(const char *name, struct slice text)
{
    return (struct kv){.name = name, .type = KV_TEXT, .text = text};
}

// A NULL pointer is logged as empty text.
static inline struct kv kv_str(const char *name, const char *text)
{
    return kv_slice(name, slice_text(text));
}

static inline struct kv kv_int(const char *name, int64_t number)
{
    return (struct kv){.name = name, .type = KV_INT, .number = number};
}

static inline struct kv kv_uint(const char *name, uint64_t count)
{
    return (struct kv){.name = name, .type = KV_UINT, .count = count};
}

static inline struct kv kv_bool(const char *name, bool fact)
{
    return (struct kv){.name = name, .type = KV_BOOL, .fact = fact};
}

// Durations: the unit is added to the name, `after` becomes after_ms.
static inline struct kv kv_ms(const char *name, int64_t ms)
{
    return (struct kv){.name = name, .type = KV_MS, .number = ms};
}

static inline struct kv kv_us(const char *name, int64_t us)
{
    return (struct kv){.name = name, .type = KV_US, .number = us};
}

// The sentence of an error, with its place in front where it has one. Borrows.
static inline struct kv kv_error(const char *name, const struct error *error)
{
    return (struct kv){.name = name, .type = KV_ERROR, .error = error};
}

// --- logging ------------------------------------------------------------------------------------

struct log;
struct log_line;

// Who speaks. Embedded in whatever has more to say of itself: a session's describe() adds id, user
// and peer to each of its lines. NULL: nothing to add.
struct log_source {
    struct log *log;
    void (*describe)(const struct log_source *source, struct log_line *line);
};

// For describe() only.
void log_line_add(struct log_line *line, struct kv value);

// `values` end with KV_END. Use the macros.
void log_write(const struct log_source *source, enum log_level level, const char *event,
               const struct kv *values);

bool log_is_on(const struct log_source *source, enum log_level level);

#define log_at(source, level, event, ...)                                                          \
    do {                                                                                           \
        const struct log_source *log_at_source = (source);                                         \
        if (log_is_on(log_at_source, (level))) {                                                   \
            log_write(log_at_source, (level), (event),                                             \
                      &(const struct kv[]){{.type = KV_END}, ##__VA_ARGS__, {.type = KV_END}}[1]); \
        }                                                                                          \
    } while (0)

#define log_debug(source, event, ...) log_at(source, LOG_DEBUG, event, ##__VA_ARGS__)
#define log_info(source, event, ...)  log_at(source, LOG_INFO, event, ##__VA_ARGS__)
#define log_warn(source, event, ...)  log_at(source, LOG_WARN, event, ##__VA_ARGS__)
#define log_error(source, event, ...) log_at(source, LOG_ERROR, event, ##__VA_ARGS__)

// --- life ---------------------------------------------------------------------------------------

struct log_settings {
    enum log_level level;
    enum log_format format;
    const char *file; // path, appended to; NULL: standard error
};

// Opens the file and starts the writing thread. NULL with the reason in `error`.
struct log *log_create(const struct log_settings *settings, struct error *error);
// A log that keeps its lines in memory, for tests: log_captured() shows them.
struct log *log_create_capture(enum log_level level, enum log_format format);
// Writes out what is in the ring and frees the log. No other thread may log any more.
void log_destroy(struct log *log);

// --- changing and asking, any thread ------------------------------------------------------------

void log_set_level(struct log *log, enum log_level level);
void log_set_format(struct log *log, enum log_format format);
// Goes on in another file (NULL: standard error). False with the reason where it cannot be opened:
// the log stays where it was.
bool log_set_file(struct log *log, const char *file, struct error *error);
// Opens the file's path again, after a rotation moved it. As log_set_file().
bool log_reopen(struct log *log, struct error *error);
// Returns when every line logged before the call has been written.
void log_flush(struct log *log);
// Lines dropped since the start, because the ring was full or the file could not be written.
uint64_t log_dropped(struct log *log);
// What a capturing log holds; a copy for mem_free(). Empties the log.
char *log_captured(struct log *log);

const char *log_level_name(enum log_level level);
