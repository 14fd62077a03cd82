#include "protocol/wire/compression.h"

#include "proxy/base/memory.h"

#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

// The window that a frame may ask for: that of its 16 MiB.
enum { ZSTD_WINDOW_LOG = 24 };

struct compression {
    enum compression_kind kind;
    int level;
    bool is_client;

    // In. A frame is being read while `header_len` is COMPRESSION_HEADER_SIZE.
    uint8_t header[COMPRESSION_HEADER_SIZE];
    size_t header_len;
    uint32_t packed_left; // bytes of the frame that are still to come
    uint32_t plain_left;  // and what is still to come of it; of a stored frame the same
    bool is_stored;
    z_stream *inflater;     // while a frame of zlib's is read
    ZSTD_DStream *unpacker; // while one of zstd's is

    // Out.
    uint8_t read_sequence; // of the frame read last
    uint8_t sequence;      // of the next frame to be written
    // Where the frames inside begin: the client's end looks for commands.
    uint8_t inner[FRAME_HEADER_SIZE];
    size_t inner_len;
    uint32_t inner_left;
    uint8_t last_inner; // sequence id of the last frame inside
    bool is_answered;   // something came since
};

// --- life ----------------------------------------------------------------------------------------

struct compression *compression_create(enum compression_kind kind, unsigned level, bool is_client)
{
    struct compression *compression = mem_zero(1, sizeof(*compression));
    bool is_level = level >= 1 && level <= (unsigned)ZSTD_maxCLevel();
    compression->kind = kind;
    compression->level = is_level ? (int)level : COMPRESSION_LEVEL_ZSTD;
    compression->is_client = is_client;
    compression->is_answered = true;
    return compression;
}

static void unpacking_end(struct compression *compression)
{
    if (compression->inflater != NULL) {
        inflateEnd(compression->inflater);
        mem_free(compression->inflater);
        compression->inflater = NULL;
    }
    ZSTD_freeDStream(compression->unpacker);
    compression->unpacker = NULL;
}

void compression_destroy(struct compression *compression)
{
    if (compression != NULL) {
        unpacking_end(compression);
        mem_free(compression);
    }
}

// --- in ------------------------------------------------------------------------------------------

static uint32_t length_read(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16;
}

static bool unpacking_begin(struct compression *compression)
{
    if (compression->kind == COMPRESSION_ZSTD) {
        compression->unpacker = ZSTD_createDStream();
        return compression->unpacker != NULL &&
               !ZSTD_isError(ZSTD_DCtx_setParameter(compression->unpacker, ZSTD_d_windowLogMax,
                                                    ZSTD_WINDOW_LOG));
    }
    compression->inflater = mem_zero(1, sizeof(*compression->inflater));
    return inflateInit(compression->inflater) == Z_OK;
}

static bool frame_begin(struct compression *compression)
{
    uint32_t plain = length_read(compression->header + 4);
    compression->packed_left = length_read(compression->header);
    compression->is_stored = plain == 0;
    compression->plain_left = compression->is_stored ? compression->packed_left : plain;
    compression->read_sequence = compression->header[3];
    compression->is_answered = true;
    return compression->is_stored || unpacking_begin(compression);
}

// Takes what it can of the header. True once it is whole.
static bool header_read(struct compression *compression, struct slice *in)
{
    while (in->len > 0 && compression->header_len < COMPRESSION_HEADER_SIZE) {
        compression->header[compression->header_len++] = (uint8_t)in->ptr[0];
        *in = slice_from(*in, 1);
    }
    return compression->header_len == COMPRESSION_HEADER_SIZE;
}

// One step of a decompressor, of which each has its own words.
struct unpack_step {
    size_t used, made;
    bool is_end; // the compressed stream is over
};

static bool zlib_step(z_stream *inflater, struct slice in, uint8_t *out, size_t room,
                      struct unpack_step *step)
{
    inflater->next_in = (const Bytef *)in.ptr;
    inflater->avail_in = (uInt)in.len;
    inflater->next_out = out;
    inflater->avail_out = (uInt)room;
    int result = inflate(inflater, Z_NO_FLUSH);
    *step = (struct unpack_step){in.len - inflater->avail_in, room - inflater->avail_out,
                                 result == Z_STREAM_END};
    return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
}

static bool zstd_step(ZSTD_DStream *unpacker, struct slice in, uint8_t *out, size_t room,
                      struct unpack_step *step)
{
    ZSTD_inBuffer input = {in.ptr, in.len, 0};
    ZSTD_outBuffer output = {out, room, 0};
    size_t result = ZSTD_decompressStream(unpacker, &output, &input);
    *step = (struct unpack_step){input.pos, output.pos, result == 0};
    return !ZSTD_isError(result);
}

// `room` is at most what the frame still has to give.
static bool unpack(struct compression *compression, struct slice in, uint8_t *out, size_t room,
                   struct unpack_step *step)
{
    if (compression->is_stored) {
        size_t n = in.len < room ? in.len : room;
        if (n > 0) {
            memcpy(out, in.ptr, n);
        }
        *step = (struct unpack_step){n, n, false};
        return true;
    }
    return compression->kind == COMPRESSION_ZSTD
               ? zstd_step(compression->unpacker, in, out, room, step)
               : zlib_step(compression->inflater, in, out, room, step);
}

// Whether the frame is over. False where it is not what its header said: it gives too much or too
// little, or bytes stand behind its end. `has_packed`: bytes of it were at hand.
static bool frame_check(const struct compression *compression, const struct unpack_step *step,
                        bool has_packed, bool *is_over)
{
    bool is_moving = step->used > 0 || step->made > 0;
    bool is_given = compression->packed_left == 0 && compression->plain_left == 0;
    *is_over = compression->is_stored ? is_given : step->is_end;
    if (*is_over) {
        return is_given;
    }
    return is_moving || (compression->packed_left > 0 && !has_packed);
}

static void frame_end(struct compression *compression)
{
    unpacking_end(compression);
    compression->header_len = 0;
}

// Goes on with the frame that is being read. A decompressor is asked also where nothing is left to
// be given: it has an end to check.
static bool frame_step(struct compression *compression, struct slice *in, uint8_t *out, size_t room,
                       struct unpack_step *step)
{
    struct slice packed = slice_first(*in, compression->packed_left);
    size_t most = room < compression->plain_left ? room : compression->plain_left;
    bool is_over;
    if (!unpack(compression, packed, out, most, step)) {
        return false;
    }
    *in = slice_from(*in, step->used);
    compression->packed_left -= (uint32_t)step->used;
    compression->plain_left -= (uint32_t)step->made;
    if (!frame_check(compression, step, packed.len > 0, &is_over)) {
        return false;
    }
    if (is_over) {
        frame_end(compression);
    }
    return true;
}

bool compression_decode(struct compression *compression, struct slice in, size_t *used,
                        uint8_t *out, size_t room, size_t *made)
{
    size_t len = in.len;
    *made = 0;
    while (*made < room) {
        struct unpack_step step;
        bool is_new = compression->header_len < COMPRESSION_HEADER_SIZE;
        if (is_new && !header_read(compression, &in)) {
            break;
        }
        if ((is_new && !frame_begin(compression)) ||
            !frame_step(compression, &in, out + *made, room - *made, &step)) {
            return false;
        }
        *made += step.made;
        bool is_in_frame = compression->header_len == COMPRESSION_HEADER_SIZE;
        if (is_in_frame && compression->packed_left > 0 && step.made == 0 && in.len == 0) {
            break; // the rest is still to come
        }
    }
    *used = len - in.len;
    return true;
}

// --- out -----------------------------------------------------------------------------------------

void compression_turn(struct compression *compression)
{
    compression->sequence = (uint8_t)(compression->read_sequence + 1);
}

// Compressed into `out`; 0 where it did not become shorter.
static size_t pack(const struct compression *compression, struct slice plain, uint8_t *out,
                   size_t room)
{
    if (compression->kind == COMPRESSION_ZSTD) {
        size_t n = ZSTD_compress(out, room, plain.ptr, plain.len, compression->level);
        return ZSTD_isError(n) || n >= plain.len ? 0 : n;
    }
    uLongf n = (uLongf)room;
    int result =
        compress2(out, &n, (const Bytef *)plain.ptr, (uLong)plain.len, COMPRESSION_LEVEL_ZLIB);
    return result != Z_OK || n >= plain.len ? 0 : n;
}

static size_t pack_bound(const struct compression *compression, size_t len)
{
    return compression->kind == COMPRESSION_ZSTD ? ZSTD_compressBound(len)
                                                 : compressBound((uLong)len);
}

static void frame_add(struct compression *compression, struct slice plain, struct buffer *out)
{
    size_t bound = pack_bound(compression, plain.len);
    uint8_t *frame = buffer_reserve(out, COMPRESSION_HEADER_SIZE + bound);
    uint8_t *payload = frame + COMPRESSION_HEADER_SIZE;
    size_t len = plain.len >= COMPRESSION_SHORTEST ? pack(compression, plain, payload, bound) : 0;
    size_t plain_len = len > 0 ? plain.len : 0;
    if (len == 0) {
        memcpy(payload, plain.ptr, plain.len);
        len = plain.len;
    }
    frame_write(frame, (struct frame){.len = (uint32_t)len, .sequence = compression->sequence++});
    frame[4] = (uint8_t)plain_len;
    frame[5] = (uint8_t)(plain_len >> 8);
    frame[6] = (uint8_t)(plain_len >> 16);
    buffer_added(out, COMPRESSION_HEADER_SIZE + len);
}

// Moves behind one frame inside, or as much of it as is there. Returns how many bytes that is;
// `*is_command`: they begin a command.
static size_t inner_step(struct compression *compression, struct slice bytes, bool *is_command)
{
    size_t used = 0;
    *is_command = false;
    while (compression->inner_left == 0 && used < bytes.len) {
        compression->inner[compression->inner_len++] = (uint8_t)bytes.ptr[used++];
        if (compression->inner_len < FRAME_HEADER_SIZE) {
            continue;
        }
        struct frame frame = frame_read(compression->inner);
        // Ids wrap in a long upload, which nothing of the server's interrupts.
        bool is_wrapped = compression->last_inner == UINT8_MAX && !compression->is_answered;
        *is_command = frame.sequence == 0 && !is_wrapped;
        compression->inner_len = 0;
        compression->inner_left = frame.len;
        compression->last_inner = frame.sequence;
        compression->is_answered = false;
        if (frame.len == 0) {
            return used;
        }
    }
    size_t left = bytes.len - used;
    size_t n = left < compression->inner_left ? left : compression->inner_left;
    compression->inner_left -= (uint32_t)n;
    return used + n;
}

// How many of the bytes stand before the next command. A command whose first bytes these are has
// its own numbers from now on. (Commands are sent with their whole first header.)
static size_t until_command(struct compression *compression, struct slice bytes)
{
    size_t len = 0;
    while (len < bytes.len) {
        bool is_command;
        struct compression before = *compression;
        size_t n = inner_step(compression, slice_from(bytes, len), &is_command);
        if (is_command && len > 0) {
            *compression = before;
            return len;
        }
        if (is_command) {
            compression->sequence = 0;
        }
        len += n;
    }
    return len;
}

static void bytes_add(struct compression *compression, struct slice bytes, struct buffer *out)
{
    while (bytes.len > 0) {
        struct slice piece = slice_first(bytes, COMPRESSION_PIECE);
        if (compression->is_client) {
            piece = slice_first(piece, until_command(compression, piece));
        }
        frame_add(compression, piece, out);
        bytes = slice_from(bytes, piece.len);
    }
}

void compression_encode(struct compression *compression, const struct slice *parts, size_t count,
                        struct buffer *out)
{
    struct buffer joined = BUFFER_INIT; // small pieces in one frame
    if (compression->is_client && compression->is_answered) {
        compression_turn(compression); // a file that the server asked for
    }
    if (count == 1) {
        bytes_add(compression, parts[0], out);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        buffer_append_slice(&joined, parts[i]);
    }
    bytes_add(compression, buffer_slice(&joined), out);
    buffer_release(&joined);
}
