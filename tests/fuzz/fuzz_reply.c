// Answers from anywhere: the tracker reads nothing past what it is given, and says the same of them
// in whatever pieces they come.
// Input: a byte for the kind of answer and for how to read the rest, a byte for the capabilities, a
// byte for the pieces; then the answer's bytes, or (first bit of the first byte) its payloads, each
// behind a byte of length, from which frames with right headers are made.
#include "tests/unit/protocol/captured.h"
#include "tests/unit/protocol/replay.h"

#include "protocol/wire/writer.h"

#include <stdlib.h>

#define require(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint64_t CAPABILITIES[] = {
    CAPTURED,
    CAPTURED_EOF,
    CAPTURED & ~(uint64_t)CAPABILITY_SESSION_TRACK,
    CAPTURED | CAPABILITY_OPTIONAL_METADATA,
    CAPTURED_EOF | CAPABILITY_MARIADB_CACHE_METADATA,
    0,
};

enum { CAPABILITY_SETS = sizeof(CAPABILITIES) / sizeof(CAPABILITIES[0]) };

static const enum command_reply KINDS[] = {
    COMMAND_REPLY_RESULT, COMMAND_REPLY_CURSOR_RESULT, COMMAND_REPLY_PREPARED, COMMAND_REPLY_ROWS,
    COMMAND_REPLY_OK,     COMMAND_REPLY_TEXT,
};

enum { KIND_COUNT = sizeof(KINDS) / sizeof(KINDS[0]) };

static void frames_make(struct slice payloads, struct buffer *out)
{
    struct reader reader = reader_make(payloads);
    struct writer writer = writer_make(out, 1);

    while (reader_left(&reader) > 0) {
        size_t len = reader_u8(&reader);
        size_t left = reader_left(&reader);
        writer_packet(&writer, reader_slice(&reader, len < left ? len : left));
    }
}

static struct replay run(enum command_reply kind, uint64_t capabilities, struct slice bytes,
                         size_t piece, uint8_t shift)
{
    struct replay replay = replay_make(kind, capabilities, 1);

    replay.file_frames = 0;
    replay.reply.shift = shift;
    replay_run(&replay, bytes, piece);
    require(replay.reply.bytes == buffer_len(&replay.out));
    require(replay.reply.bytes <= bytes.len);
    return replay;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) {
        return 0;
    }
    enum command_reply kind = KINDS[(data[0] & 0x7f) % KIND_COUNT];
    uint64_t capabilities = CAPABILITIES[data[1] % CAPABILITY_SETS];
    uint8_t shift = data[2] >> 4;
    struct slice rest = slice_make(data + 3, size - 3);
    struct buffer bytes = BUFFER_INIT;

    if ((data[0] & 0x80) != 0) {
        frames_make(rest, &bytes);
    } else {
        buffer_append_slice(&bytes, rest);
    }
    struct replay whole = run(kind, capabilities, buffer_slice(&bytes), SIZE_MAX, shift);
    struct replay pieces =
        run(kind, capabilities, buffer_slice(&bytes), 1 + (data[2] & 0x0f), shift);
    require(replay_is_same(&whole, &pieces));
    require(shift != 0 || slice_equal(buffer_slice(&whole.out),
                                      slice_first(buffer_slice(&bytes), buffer_len(&whole.out))));
    replay_release(&whole);
    replay_release(&pieces);
    buffer_release(&bytes);
    return 0;
}
