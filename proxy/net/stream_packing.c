// Compression of a stream: between its owner and the socket or TLS.
#include "proxy/net/stream.h"

#include "proxy/base/memory.h"
#include "proxy/net/loop_priv.h"
#include "proxy/net/stream_priv.h"

#include <assert.h>

// What a send makes is kept for the next one up to this size.
enum { OUT_KEPT = 4096 };

uint8_t *packing_area(struct loop *loop)
{
    if (loop->packing_area == NULL) {
        loop->packing_area = mem_alloc(LOOP_READ_SIZE + LOOP_READ_BACK);
    }
    return loop->packing_area;
}

void packing_drop(struct stream *stream)
{
    struct stream_packing *packing = stream->packing;
    if (packing != NULL) {
        compression_destroy(packing->compression);
        buffer_release(&packing->held);
        buffer_release(&packing->out);
        mem_free(packing);
        stream->packing = NULL;
    }
}

void stream_start_compression(struct stream *stream, struct compression *compression)
{
    assert(stream_is_open(stream) && stream->packing == NULL);
    stream->packing = mem_zero(1, sizeof(*stream->packing));
    stream->packing->compression = compression;
    if (stream_has_unread(stream)) {
        packing_begin(stream);
    }
}

void packing_begin(struct stream *stream)
{
    stream->packing->held = stream->unread;
    stream->unread = BUFFER_INIT;
    loop_defer(stream->loop, &stream->task);
}

bool packing_is_waiting(const struct stream *stream)
{
    const struct stream_packing *packing = stream->packing;
    return packing != NULL && (packing->has_more || !buffer_is_empty(&packing->held));
}

void stream_packing_turn(struct stream *stream)
{
    compression_turn(stream->packing->compression);
}

// --- in ------------------------------------------------------------------------------------------

// Uncompresses what fits and shows it, with what was kept. False where the stream is closed, or the
// owner does not read on; `*more`: there is more to be had, before and after. Nothing is asked of
// the compression where it can have nothing: zstd takes offence at the sixteenth time.
static bool packing_step(struct stream *stream, struct slice *bytes, bool *more)
{
    struct sink sink = sink_open(stream, LOOP_READ_SIZE);
    size_t used = 0, made = 0;
    bool is_good = (bytes->len == 0 && !*more) ||
                   compression_decode(stream->packing->compression, *bytes, &used,
                                      sink.bytes + sink.len, sink.room, &made);
    *bytes = slice_from(*bytes, used);
    *more = made == sink.room;
    sink_added(&sink, made);
    sink_show(stream, &sink);
    if (stream->state == STREAM_CLOSED) {
        return false;
    }
    if (!is_good) {
        stream_end_errno(stream, STREAM_END_COMPRESSION, 0);
        return false;
    }
    return stream->reading == STREAM_READING;
}

void packing_input(struct stream *stream, struct slice bytes)
{
    struct buffer before = stream->packing->held;
    bool more = stream->packing->has_more;
    stream->packing->held = BUFFER_INIT;
    if (!buffer_is_empty(&before)) {
        buffer_append_slice(&before, bytes);
        bytes = buffer_slice(&before);
    }
    bool goes_on;
    do {
        goes_on = packing_step(stream, &bytes, &more);
    } while (goes_on && more);
    bool is_kept = stream->state != STREAM_CLOSED && stream->reading != STREAM_READING_DRAIN;
    if (is_kept) {
        buffer_append_slice(&stream->packing->held, bytes);
        stream->packing->has_more = more;
    }
    buffer_release(&before);
    if (is_kept && stream->reading == STREAM_READING_PAUSED &&
        (stream_has_unread(stream) || packing_is_waiting(stream))) {
        reading_off(stream);
    }
}

// --- out -----------------------------------------------------------------------------------------

struct slice packing_encode(struct stream *stream, const struct slice *parts, size_t count)
{
    struct stream_packing *packing = stream->packing;
    compression_encode(packing->compression, parts, count, &packing->out);
    return buffer_slice(&packing->out);
}

void packing_sent(struct stream *stream)
{
    struct buffer *out = &stream->packing->out;
    buffer_clear(out);
    if (out->cap > OUT_KEPT) {
        buffer_release(out);
    }
}
