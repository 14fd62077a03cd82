// A command that is sent again and again with another number in it: made once, then copied with the
// number filled in. In a statement's text `{id}` is the place of the number. One thread.
#pragma once

#include "proxy/base/buffer.h"
#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct request {
    struct slice text;   // as given, borrowed
    struct slice before; // the text around the number
    struct slice after;
    bool has_number;
};

// Longest text: requests are one frame.
enum { REQUEST_TEXT_MAX = 64 * 1024 };

// False where the text is longer than REQUEST_TEXT_MAX.
bool request_init(struct request *request, struct slice text);

// The text to be prepared: with `?` in place of the number. Appended to `out`.
void request_write_prepare(const struct request *request, struct buffer *out);
// COM_QUERY with the number in decimal, framed, in place of what `out` held.
void request_write_query(const struct request *request, uint64_t number, struct buffer *out);
// COM_STMT_EXECUTE of that statement with the number as its only parameter (a BIGINT), framed, in
// place of what `out` held.
void request_write_execute(const struct request *request, uint32_t statement_id, uint64_t number,
                           struct buffer *out);
