// A server that is none: it greets, lets everybody in and answers as a writable MariaDB would as
// far as a proxy asks, and breaks the protocol where the test says so. Threads of its own; every
// function here may be called by the test's thread while they run.
#pragma once

#include "proxy/base/buffer.h"
#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake;

// What the server does once it has sent what it was to send.
enum fake_ending {
    FAKE_GO_ON, // waits for the next command
    FAKE_CLOSE,
    FAKE_RESET, // as a machine that went away
    FAKE_STALL, // neither sends nor reads until fake_resume()
};

struct fake_manner {
    size_t sent; // how many bytes of the answer; FAKE_ALL: all of them
    enum fake_ending ending;
    bool is_slow; // one byte at a time, each a segment of its own
};

#define FAKE_ALL     SIZE_MAX
#define FAKE_USUALLY ((struct fake_manner){FAKE_ALL, FAKE_GO_ON, false})

// Listens on a free port of 127.0.0.1.
struct fake *fake_start(void);
void fake_stop(struct fake *fake);
uint16_t fake_port(const struct fake *fake);

// From now on statements that start with `statement` get these bytes (copied), in this manner.
// Replaces what was said of the same beginning; the longest beginning counts.
// A command other than COM_QUERY is told by its byte: "\x16SELECT" is what prepares such a
// statement.
void fake_answer(struct fake *fake, const char *statement, struct slice bytes,
                 struct fake_manner manner);
// The greeting and what ends the login: whole and at once, until the test says otherwise.
void fake_greet(struct fake *fake, struct fake_manner manner);
void fake_accept(struct fake *fake, struct fake_manner manner);
// Other bytes in place of the greeting; an empty slice: the usual one again.
void fake_greet_with(struct fake *fake, struct slice bytes);

// Lets stalled connections go on.
void fake_resume(struct fake *fake);
// How often an answer was given that fake_answer() was told for just this beginning.
size_t fake_statement_count(struct fake *fake, const char *statement);
// How many connections have come, and how many are open.
size_t fake_accepted(struct fake *fake);
size_t fake_open(struct fake *fake);
// Ends all open connections, the proxy's monitor's too.
void fake_disconnect(struct fake *fake);
// As if its machine were unplugged, for good: what is sent to it is lost, and nobody is told. For
// the connections that there are, and for new ones.
void fake_vanish(struct fake *fake);

// Whole answers, framed, appended to `out`.
void fake_write_ok(struct buffer *out);
void fake_write_err(struct buffer *out, unsigned number, const char *text);
// One text column `a`; each row holds the same value of `len` bytes.
void fake_write_rows(struct buffer *out, size_t rows, size_t len);
// The same twice, as of a multi-statement.
void fake_write_two_results(struct buffer *out, size_t rows, size_t len);
// The same as rows of a prepared statement.
void fake_write_binary_rows(struct buffer *out, size_t rows, size_t len);
// What COM_STMT_PREPARE gets: this id, one parameter, one column.
void fake_write_prepared(struct buffer *out, uint32_t statement_id);
// What an execution with a cursor gets: a column, and these status flags behind it.
void fake_write_cursor(struct buffer *out, uint16_t status);
// One EOF packet.
void fake_write_eof(struct buffer *out, uint16_t status);
// The wish for a file.
void fake_write_file_request(struct buffer *out, const char *name);
