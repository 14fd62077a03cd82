// What streams send within a turn of the loop, kept back until its end: all that came is looked at
// first, then all that goes out is sent in a row. Whoever is woken by the first bytes finds the
// next ones there as well, instead of being put to sleep and woken again for each; and what is sent
// to one stream in pieces goes out in one call. Small pieces only: what is larger goes out at once.
// Inside the room; one thread, the loop's.
#pragma once

#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream;

enum {
    OUTBOX_PIECE_MOST = 2 * 1024, // bytes; copying more costs what is won
    OUTBOX_SIZE = 16 * 1024,      // bytes of all streams, and
    OUTBOX_STREAMS = 32,          // so many streams: then they go out before the turn ends
};

struct outbox {
    size_t count;
    size_t len;
    struct outbox_entry {
        struct stream *stream; // NULL: it went out earlier
        uint32_t begin, len;   // of bytes
    } entries[OUTBOX_STREAMS];
    uint8_t bytes[OUTBOX_SIZE];
};

// Keeps the bytes back; false where they are too many, and nothing of the stream is kept then.
bool outbox_put(struct outbox *outbox, struct stream *stream, const struct slice *parts,
                size_t count);
// Sends what is kept of the stream, if anything is.
void outbox_send(struct outbox *outbox, struct stream *stream);
// Sends what is kept of all streams.
void outbox_flush(struct outbox *outbox);
