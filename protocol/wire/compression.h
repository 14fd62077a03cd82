// The compressed protocol: the frames of an ordinary conversation, cut anywhere, travel inside
// frames of their own, each with 7 bytes of header: the length of what follows (3), a sequence id
// of its own (1), and what it comes to uncompressed (3), or 0 where it is stored as it is. Begins
// behind the OK of the login.
//
// Both directions of one connection; on the heap, for the connection's life; one thread. No memory
// but the struct is held between frames. Nothing is believed: a frame gives exactly what its header
// says, in as many steps as the caller likes, so that 16 MiB of zeros fill nobody's memory.
// Manual: page_protocol_basic_compression_packet
#pragma once

#include "protocol/wire/frame.h"

#include "proxy/base/buffer.h"
#include "proxy/base/slice.h"

#include <stdbool.h>

enum compression_kind { COMPRESSION_NONE, COMPRESSION_ZLIB, COMPRESSION_ZSTD };

enum {
    COMPRESSION_HEADER_SIZE = 7,
    COMPRESSION_SHORTEST = 50,     // what is shorter is not worth compressing: the servers' number
    COMPRESSION_PIECE = 64 * 1024, // at most so much goes into one frame of ours
    COMPRESSION_LEVEL_ZLIB = 6,
    COMPRESSION_LEVEL_ZSTD = 3,
};

struct compression;

// `level`: zstd's, 1 to 22; another one is taken for the usual. `is_client`: the end that sends
// commands.
struct compression *compression_create(enum compression_kind kind, unsigned level, bool is_client);
void compression_destroy(struct compression *compression);

// Takes bytes of `in` and puts what they come to into `out`, at most `room` bytes: all that can be
// had is had where `*made` is less than `room`, else there may be more without another byte of
// `in`. False where the bytes are no such frames: nothing can be done with the connection any more.
bool compression_decode(struct compression *compression, struct slice in, size_t *used,
                        uint8_t *out, size_t room, size_t *made);

// Appends frames that hold these bytes. Whatever a client begins a command with begins a frame, so
// that the server sees each command in frames numbered from 0.
void compression_encode(struct compression *compression, const struct slice *parts, size_t count,
                        struct buffer *out);

// The server's end: what was decoded is being answered now, so frames are numbered behind it. (The
// client may have sent its next command ahead.)
void compression_turn(struct compression *compression);
