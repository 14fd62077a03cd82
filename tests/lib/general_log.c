#include "tests/lib/general_log.h"

#include "proxy/base/memory.h"
#include "tests/lib/cmocka.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct general_log *general_log_open(const char *path, const char *account)
{
    struct general_log *log = mem_zero(1, sizeof(*log));
    log->path = path;
    log->account = account;
    log->text = BUFFER_INIT;
    return log;
}

void general_log_close(struct general_log *log)
{
    buffer_release(&log->text);
    mem_free(log);
}

// Whole lines: a server may be in the middle of writing the last one, which is read the next time.
static void text_read(struct general_log *log)
{
    enum { PIECE = 65536 };
    int fd = open(log->path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    buffer_clear(&log->text);
    ssize_t n;
    while ((n = pread(fd, buffer_reserve(&log->text, PIECE), PIECE, (off_t)log->at)) > 0) {
        buffer_added(&log->text, (size_t)n);
        log->at += (size_t)n;
    }
    close(fd);
    struct slice text = buffer_slice(&log->text);
    size_t whole = text.len;
    while (whole > 0 && text.ptr[whole - 1] != '\n') {
        whole--;
    }
    log->at -= text.len - whole;
    buffer_truncate(&log->text, whole);
}

// A line "[time]<tab>  ID Command<tab>argument"; false for one that goes on with the argument
// before.
static bool line_read(struct slice line, unsigned *id, struct slice *command, size_t *argument)
{
    size_t at = slice_find(line, '\t');
    while (at < line.len && (line.ptr[at] == '\t' || line.ptr[at] == ' ')) {
        at++;
    }
    size_t digits = at;
    for (*id = 0; at < line.len && isdigit((unsigned char)line.ptr[at]); at++) {
        *id = *id * 10 + (unsigned)(line.ptr[at] - '0');
    }
    if (at == digits || at == line.len || line.ptr[at] != ' ') {
        return false;
    }
    struct slice rest = slice_from(line, at + 1);
    size_t tab = slice_find(rest, '\t');
    *command = slice_first(rest, tab);
    *argument = at + 1 + tab + 1;
    return tab < rest.len && *id < GENERAL_LOG_IDS;
}

static bool is_ours(const struct general_log *log, unsigned id)
{
    return (log->is_ours[id / 8] >> id % 8 & 1) != 0;
}

static void connection_note(struct general_log *log, unsigned id, struct slice argument)
{
    struct slice account = slice_text(log->account);
    if (slice_equal(slice_first(argument, account.len), account)) {
        log->is_ours[id / 8] |= (uint8_t)(1 << id % 8);
    }
}

static struct slice statement_trim(struct slice text)
{
    size_t len = text.len;
    do {
        text = slice_trim(text);
        len = text.len;
        while (text.len > 0 && text.ptr[text.len - 1] == ';') {
            text.len--;
        }
    } while (text.len != len);
    return text;
}

// Whether an entry is a statement of ours; connections are noted on the way.
static bool entry_note(struct general_log *log, unsigned id, struct slice command,
                       struct slice argument)
{
    if (slice_equal(command, S("Connect"))) {
        connection_note(log, id, argument);
    }
    return slice_equal(command, S("Query")) && is_ours(log, id);
}

size_t general_log_count(struct general_log *log, struct slice statement)
{
    text_read(log);
    statement = statement_trim(statement);
    size_t count = 0;
    struct slice rest = buffer_slice(&log->text), line;
    while (slice_cut(&rest, '\n', &line)) {
        unsigned id;
        struct slice command;
        size_t argument;
        if (!line_read(line, &id, &command, &argument)) {
            continue;
        }
        // The argument may go on in the next lines: it is compared where it begins in the whole
        // text.
        size_t at = (size_t)(line.ptr - (const char *)buffer_ptr(&log->text)) + argument;
        struct slice all = slice_from(buffer_slice(&log->text), at);
        if (entry_note(log, id, command, all)) {
            count += slice_equal(slice_first(all, statement.len), statement);
        }
    }
    return count;
}

size_t general_log_count_lines(struct general_log *log, const char *mark)
{
    text_read(log);
    size_t count = 0;
    bool is_statement_of_ours = false;
    struct slice rest = buffer_slice(&log->text), line;
    while (slice_cut(&rest, '\n', &line)) {
        unsigned id;
        struct slice command;
        size_t argument;
        if (line_read(line, &id, &command, &argument)) {
            is_statement_of_ours = entry_note(log, id, command, slice_from(line, argument));
        }
        count += is_statement_of_ours && slice_find_slice(line, slice_text(mark)) < line.len;
    }
    return count;
}
