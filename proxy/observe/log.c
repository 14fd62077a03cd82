#include "proxy/observe/log.h"

#include "proxy/base/buffer.h"
#include "proxy/base/clock.h"
#include "proxy/base/memory.h"
#include "proxy/observe/log_line.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

// Lines wait here for the writing thread. A ring and not a write by whoever logs: a full pipe or a
// slow disk behind standard error would stop a loop, and lines of several threads would meet.
enum { RING_SIZE = 1 << 20 };
// A reader that does not read (a stopped pager behind a pipe) may hold the end up so long.
enum { LAST_WORDS_MS = 1000 };

struct log {
    atomic_int level;  // enum log_level
    atomic_int format; // enum log_format
    atomic_uint_least64_t dropped;

    pthread_mutex_t lock;    // holds for what follows
    pthread_cond_t asked;    // lines, another file, or the end: for the writer
    pthread_cond_t answered; // the ring was emptied or the file changed: for log_flush() and others
    uint64_t written;        // bytes taken out of the ring since the start
    uint64_t added;          // bytes put into it
    bool is_writer_idle;
    bool is_ending;
    int next_file; // the writer's next descriptor, -1: none
    char *path;    // of the file; NULL: standard error
    char *ring;    // NULL: capturing
    struct buffer captured;

    pthread_t writer; // from here on the writer's
    int file;
    uint64_t dropped_told;
};

// --- putting lines in ---------------------------------------------------------------------------

static void ring_copy_in(struct log *log, struct slice line)
{
    size_t at = log->added % RING_SIZE;
    size_t first = line.len < RING_SIZE - at ? line.len : RING_SIZE - at;
    memcpy(log->ring + at, line.ptr, first);
    memcpy(log->ring, line.ptr + first, line.len - first);
    log->added += line.len;
}

static void line_put(struct log *log, struct slice line)
{
    pthread_mutex_lock(&log->lock);
    if (log->ring == NULL) {
        buffer_append_slice(&log->captured, line);
    } else if (line.len > RING_SIZE - (log->added - log->written)) {
        atomic_fetch_add_explicit(&log->dropped, 1, memory_order_relaxed);
    } else {
        ring_copy_in(log, line);
        if (log->is_writer_idle) {
            log->is_writer_idle = false;
            pthread_cond_signal(&log->asked);
        }
    }
    pthread_mutex_unlock(&log->lock);
}

bool log_is_on(const struct log_source *source, enum log_level level)
{
    return (int)level >= atomic_load_explicit(&source->log->level, memory_order_relaxed);
}

void log_write(const struct log_source *source, enum log_level level, const char *event,
               const struct kv *values)
{
    struct log_line line;
    log_line_begin(&line, atomic_load_explicit(&source->log->format, memory_order_relaxed),
                   clock_wall_us(), level, event);
    for (const struct kv *value = values; value->type != KV_END; value++) {
        log_line_add(&line, *value);
    }
    if (source->describe != NULL) {
        source->describe(source, &line);
    }
    line_put(source->log, log_line_end(&line));
}

// --- the writing thread -------------------------------------------------------------------------

static void lines_lost(struct log *log, struct slice bytes)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        lines += bytes.ptr[i] == '\n';
    }
    atomic_fetch_add_explicit(&log->dropped, lines, memory_order_relaxed);
}

static bool is_ending(struct log *log)
{
    pthread_mutex_lock(&log->lock);
    bool answer = log->is_ending;
    pthread_mutex_unlock(&log->lock);
    return answer;
}

// Waits until the file takes bytes again; false where the log ends and nobody reads.
static bool file_wait(struct log *log)
{
    struct pollfd file = {.fd = log->file, .events = POLLOUT};
    int ready;
    do {
        ready = poll(&file, 1, LAST_WORDS_MS);
    } while ((ready == 0 && !is_ending(log)) || (ready < 0 && errno == EINTR));
    return ready > 0;
}

// Standard error may be a pipe, whose other descriptors are not ours to make non-blocking: it is
// asked first, and given no more than a pipe that is ready always takes.
static ssize_t file_write_some(struct log *log, struct slice bytes)
{
    if (log->file != STDERR_FILENO) {
        return write(log->file, bytes.ptr, bytes.len);
    }
    if (!file_wait(log)) {
        return -1;
    }
    return write(log->file, bytes.ptr, bytes.len < PIPE_BUF ? bytes.len : PIPE_BUF);
}

static void file_write(struct log *log, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t n = file_write_some(log, bytes);
        if (n > 0) {
            bytes = slice_from(bytes, (size_t)n);
        } else if (errno != EINTR && !(errno == EAGAIN && file_wait(log))) {
            lines_lost(log, bytes);
            return;
        }
    }
}

// What stands in the ring up to its border. Stays where it is until `written` moves on.
static struct slice ring_next(const struct log *log)
{
    size_t at = log->written % RING_SIZE;
    uint64_t len = log->added - log->written;
    return slice_make(log->ring + at, len < RING_SIZE - at ? len : RING_SIZE - at);
}

static void file_change(struct log *log)
{
    if (log->next_file < 0) {
        return;
    }
    if (log->file != STDERR_FILENO) {
        close(log->file);
    }
    log->file = log->next_file;
    log->next_file = -1;
}

// Says how many lines are missing, now that there is room.
static void dropped_tell(struct log *log)
{
    uint64_t dropped = atomic_load_explicit(&log->dropped, memory_order_relaxed);
    if (dropped == log->dropped_told) {
        return;
    }
    struct log_line line;
    log_line_begin(&line, atomic_load_explicit(&log->format, memory_order_relaxed), clock_wall_us(),
                   LOG_WARN, "log.dropped");
    log_line_add(&line, kv_uint("lines", dropped - log->dropped_told));
    log->dropped_told = dropped;
    file_write(log, log_line_end(&line));
}

// Under the lock: waits for something to do and takes over another file. False at the end.
static bool writer_wait(struct log *log)
{
    while (log->added == log->written && log->next_file < 0 && !log->is_ending) {
        log->is_writer_idle = true;
        pthread_cond_wait(&log->asked, &log->lock);
    }
    log->is_writer_idle = false;
    file_change(log);
    return log->added != log->written || !log->is_ending;
}

static void *writer_run(void *arg)
{
    struct log *log = arg;
    pthread_setname_np(pthread_self(), "log");
    pthread_mutex_lock(&log->lock);
    while (writer_wait(log)) {
        struct slice bytes = ring_next(log);
        pthread_mutex_unlock(&log->lock);
        file_write(log, bytes);
        dropped_tell(log);
        pthread_mutex_lock(&log->lock);
        log->written += bytes.len;
        pthread_cond_broadcast(&log->answered);
    }
    pthread_mutex_unlock(&log->lock);
    return NULL;
}

static bool writer_start(struct log *log, struct error *error)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&log->writer, NULL, writer_run, log);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed == 0 || error_set(error, failed, "log", "no thread to write the log with");
}

// --- life ---------------------------------------------------------------------------------------

// Descriptor of the file, or -1.
static int file_open(const char *path, struct error *error)
{
    if (path == NULL) {
        return STDERR_FILENO;
    }
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
    if (file < 0) {
        char reason[128];
        error_set(error, errno, path, "cannot open the log file: %s",
                  strerror_r(errno, reason, sizeof(reason)));
    }
    return file;
}

static struct log *log_new(enum log_level level, enum log_format format)
{
    struct log *log = mem_zero(1, sizeof(*log));
    atomic_init(&log->level, (int)level);
    atomic_init(&log->format, (int)format);
    atomic_init(&log->dropped, 0);
    pthread_mutex_init(&log->lock, NULL);
    pthread_cond_init(&log->asked, NULL);
    pthread_cond_init(&log->answered, NULL);
    log->next_file = -1;
    log->file = STDERR_FILENO;
    return log;
}

static void log_free(struct log *log)
{
    if (log->file != STDERR_FILENO) {
        close(log->file);
    }
    pthread_cond_destroy(&log->answered);
    pthread_cond_destroy(&log->asked);
    pthread_mutex_destroy(&log->lock);
    buffer_release(&log->captured);
    mem_free(log->path);
    mem_free(log->ring);
    mem_free(log);
}

static char *path_copy(const char *path)
{
    return path != NULL ? mem_text(path, strlen(path)) : NULL;
}

struct log *log_create(const struct log_settings *settings, struct error *error)
{
    int file = file_open(settings->file, error);
    if (file < 0) {
        return NULL;
    }
    struct log *log = log_new(settings->level, settings->format);
    log->file = file;
    log->path = path_copy(settings->file);
    log->ring = mem_alloc(RING_SIZE);
    if (!writer_start(log, error)) {
        log_free(log);
        return NULL;
    }
    return log;
}

struct log *log_create_capture(enum log_level level, enum log_format format)
{
    return log_new(level, format);
}

void log_destroy(struct log *log)
{
    if (log->ring != NULL) {
        pthread_mutex_lock(&log->lock);
        log->is_ending = true;
        pthread_cond_signal(&log->asked);
        pthread_mutex_unlock(&log->lock);
        pthread_join(log->writer, NULL);
    }
    log_free(log);
}

// --- changing and asking ------------------------------------------------------------------------

void log_set_level(struct log *log, enum log_level level)
{
    atomic_store_explicit(&log->level, (int)level, memory_order_relaxed);
}

void log_set_format(struct log *log, enum log_format format)
{
    atomic_store_explicit(&log->format, (int)format, memory_order_relaxed);
}

// Hands the file to the writer and waits until the old one is closed, so that what rotates files
// may go on. Takes over `path`.
static void file_hand_over(struct log *log, int file, char *path)
{
    pthread_mutex_lock(&log->lock);
    mem_free(log->path);
    log->path = path;
    while (log->next_file >= 0) {
        pthread_cond_wait(&log->answered, &log->lock);
    }
    log->next_file = file;
    pthread_cond_signal(&log->asked);
    while (log->next_file >= 0) {
        pthread_cond_wait(&log->answered, &log->lock);
    }
    pthread_mutex_unlock(&log->lock);
}

bool log_set_file(struct log *log, const char *path, struct error *error)
{
    int file = file_open(path, error);
    if (file < 0) {
        return false;
    }
    assert(log->ring != NULL);
    file_hand_over(log, file, path_copy(path));
    return true;
}

bool log_reopen(struct log *log, struct error *error)
{
    pthread_mutex_lock(&log->lock);
    char *path = path_copy(log->path);
    pthread_mutex_unlock(&log->lock);
    bool is_done = path == NULL || log_set_file(log, path, error);
    mem_free(path);
    return is_done;
}

void log_flush(struct log *log)
{
    pthread_mutex_lock(&log->lock);
    uint64_t until = log->added;
    while (log->ring != NULL && log->written < until) {
        pthread_cond_wait(&log->answered, &log->lock);
    }
    pthread_mutex_unlock(&log->lock);
}

uint64_t log_dropped(struct log *log)
{
    return atomic_load_explicit(&log->dropped, memory_order_relaxed);
}

char *log_captured(struct log *log)
{
    pthread_mutex_lock(&log->lock);
    char *copy = slice_copy_text(buffer_slice(&log->captured));
    buffer_clear(&log->captured);
    pthread_mutex_unlock(&log->lock);
    return copy;
}
