// A byte stream over a socket, plain or TLS, that never blocks. Embedded in its owner (a session, a
// backend connection). One thread: the loop's.
//
//     CLOSED --stream_adopt------------------> OPEN --stream_start_tls--> HANDSHAKE --> SECURE
//     CLOSED --stream_connect--> CONNECTING --> OPEN
//     any --the peer, a failure--> CLOSED, with on_closed();  any --stream_close--> CLOSED,
//     silently
//
// Reading. The bytes of one receive call stand in a buffer that all streams of the loop share; they
// are shown to on_data(), which says how many it has used. What is left is kept (memory is taken
// for it only then, and given back once it is used up) and shown again together with the next
// bytes, or after stream_resume(). One receive call for each time the socket is ready.
//
// Writing. What is sent goes to the kernel at once; what the kernel does not take is copied and
// queued. A queue above the handler's high_water is the owner's sign to stop sending
// (stream_queued, stream_is_congested); on_writable() says when it has fallen to low_water. The
// stream itself never refuses bytes.
//
// Compression. Between the owner and TLS: from stream_start_compression() on, what is sent is
// compressed and what comes is uncompressed, a buffer's worth at a time; a stream that is paused
// keeps what came as it came.
//
// Calling back. on_connected, on_secured, on_data, on_writable and on_closed are called from the
// loop only, never from inside a function of this header, so an owner need not expect them while it
// sends or closes. stream_close() is allowed anywhere, in callbacks too, and ends all callbacks;
// the memory of the stream must then stay until the end of the turn: free its owner by
// loop_defer().
#pragma once

#include "protocol/wire/compression.h"
#include "proxy/base/buffer.h"
#include "proxy/base/error.h"
#include "proxy/base/slice.h"
#include "proxy/net/address.h"
#include "proxy/net/loop.h"
#include "proxy/net/tls.h"
#include "proxy/observe/metric.h"

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream;
struct stream_output;
struct stream_packing;
struct ssl_st; // OpenSSL's SSL

enum stream_end {
    STREAM_END_NONE,
#define STREAM_END(name, word, sentence) STREAM_END_##name,
#include "proxy/net/stream_end.def"
#undef STREAM_END
    STREAM_END_COUNT,
};

const char *stream_end_word(enum stream_end end);
const char *stream_end_sentence(enum stream_end end);

// One constant table for each kind of owner. Functions that an owner never needs may be NULL
// (on_connected where it only adopts, ...); on_data and on_closed are not.
struct stream_handler {
    // stream_connect() came through; sending and reading may begin.
    void (*on_connected)(struct stream *stream);
    // The TLS handshake is done (the certificate has passed the check that the context asks for).
    void (*on_secured)(struct stream *stream);
    // `len` > 0 bytes in order, beginning with those left unused last time. Returns how many are
    // used; the rest is shown again with the next bytes. Borrowed for the call. An owner that waits
    // for more than it was shown has checked what it waits for against a limit, since the stream
    // keeps as much as that takes.
    size_t (*on_data)(struct stream *stream, const uint8_t *bytes, size_t len);
    // The queue has fallen to low_water after it was above high_water.
    void (*on_writable)(struct stream *stream);
    // The stream ended without the owner's doing; the socket is closed, unused bytes can still be
    // seen by stream_unread() during the call. `error` (borrowed): errno or 0, peer, sentence.
    void (*on_closed)(struct stream *stream, enum stream_end end, const struct error *error);
    size_t high_water; // bytes queued above which the stream is congested
    size_t low_water;  // bytes queued at which it is not any more; below high_water
};

enum stream_state {
    STREAM_CLOSED,     // no socket
    STREAM_CONNECTING, // waits for the kernel's word; output holds what is sent meanwhile
    STREAM_OPEN,       // bytes pass as they are
    STREAM_HANDSHAKE,  // TLS is being agreed on; output holds nothing but the handshake
    STREAM_SECURE,     // bytes pass through TLS
};

enum stream_reading {
    STREAM_READING,        // bytes are read as they come
    STREAM_READING_PAUSED, // they are not wanted, but the socket is still watched
    STREAM_READING_OFF,    // bytes came while paused: the socket is not watched
    STREAM_READING_DRAIN,  // after stream_finish(): read and thrown away
};

struct stream {
    struct event readable; // the rest is the stream's own: use the functions
    const struct stream_handler *handler;
    struct loop *loop;
    struct ssl_st *tls;             // from HANDSHAKE on
    struct stream_packing *packing; // with compression
    struct stream_output *output;   // only while connecting or while something is queued
    struct buffer unread;  // received (and decrypted) and not used yet; empty holds no memory
    struct loop_task task; // shows unread bytes again, or tells of a failed send
    int fd;
    uint8_t state;        // enum stream_state
    uint8_t reading;      // enum stream_reading
    uint8_t side;         // enum metric_side
    uint8_t failed;       // enum stream_end of a send that failed, told from the loop
    int failed_code;      // its errno
    uint8_t outbox_place; // of its bytes in the loop's outbox, from 1; 0: none are there
};

static inline bool stream_is_compressed(const struct stream *stream)
{
    return stream->packing != NULL;
}

void stream_packing_turn(struct stream *stream); // stream_turn()'s

// --- life ---------------------------------------------------------------------------------------

// A closed stream. `side` says under which label its bytes are counted.
void stream_init(struct stream *stream, struct loop *loop, const struct stream_handler *handler,
                 enum metric_side side);

// Takes over a connected socket (as a listener gives it): open at once.
void stream_adopt(struct stream *stream, int fd);
// Opens a connection; on_connected() or on_closed() tells how it went, never from inside this call.
void stream_connect(struct stream *stream, const struct address *address, int64_t timeout_us);

// From now on bytes pass through TLS: `context` says in which role and how the peer is checked.
// Only between packets of an open, plain stream. What a client has already sent behind its request
// for TLS is its ClientHello and goes to TLS, never to on_data(); a server's bytes at this place
// are an attack and end the stream. Nothing can be sent until on_secured(); that or on_closed()
// follows. The stream takes a reference.
void stream_start_tls(struct stream *stream, struct tls_context *context);

// Open or secure: from now on both directions are compressed, beginning with bytes that came and
// were not used (those behind what on_data() uses in the call that this is called in). The stream
// takes the compression over.
void stream_start_compression(struct stream *stream, struct compression *compression);
// What is being answered came compressed: see compression_turn().
static inline void stream_turn(struct stream *stream)
{
    if (stream->packing != NULL) {
        stream_packing_turn(stream);
    }
}

// Closes at once; what is queued is lost. TLS says goodbye first if that can be done without
// waiting. Silent, may be repeated; no memory is held afterwards.
void stream_close(struct stream *stream);
// The peer has said that it leaves: the same, without a goodbye that nobody would read.
void stream_leave(struct stream *stream);
// Nothing more is sent: what is queued goes out, then the sending side is shut down. Bytes that
// still come are thrown away, so that the kernel does not reset what is on its way. on_closed()
// follows when the peer closes too; the owner sets a time limit for that.
void stream_finish(struct stream *stream);

// --- reading ------------------------------------------------------------------------------------

// on_data() is not called until stream_resume(). Costs nothing: only where bytes do come meanwhile
// is the socket taken out of the loop. The peer's end is still noticed, unless bytes came before
// it: an owner that must hear of it lets on_data() use 0 bytes, up to a limit, instead of pausing.
void stream_pause(struct stream *stream);
// Reads again; bytes kept are shown at the end of this turn. Also for a stream that was not paused:
// shows again what on_data() left.
void stream_resume(struct stream *stream);

// Bytes received and not used. Inside on_data() those of the call are not among them.
static inline bool stream_has_unread(const struct stream *stream)
{
    return !buffer_is_empty(&stream->unread);
}

static inline struct slice stream_unread(const struct stream *stream)
{
    return buffer_slice(&stream->unread);
}

// --- writing ------------------------------------------------------------------------------------

enum { STREAM_PARTS_MAX = 16 };

// The bytes are borrowed for the call. A stream that is closed or has failed throws them away:
// on_closed() tells or has told.
void stream_send(struct stream *stream, const void *bytes, size_t len);
// Up to STREAM_PARTS_MAX pieces in one system call.
void stream_send_parts(struct stream *stream, const struct slice *parts, size_t count);

static inline void stream_send2(struct stream *stream, struct slice first, struct slice second)
{
    stream_send_parts(stream, (const struct slice[]){first, second}, 2);
}

// Bytes (on the wire, TLS included) that the kernel has not taken yet.
size_t stream_queued(const struct stream *stream);

static inline bool stream_is_congested(const struct stream *stream)
{
    return stream->output != NULL && stream_queued(stream) > stream->handler->high_water;
}

// --- asking -------------------------------------------------------------------------------------

// Whether bytes can be sent and may come.
static inline bool stream_is_open(const struct stream *stream)
{
    return stream->state == STREAM_OPEN || stream->state == STREAM_SECURE;
}

static inline bool stream_is_secure(const struct stream *stream)
{
    return stream->state == STREAM_SECURE;
}

// The other end, asked of the kernel; ADDRESS_NONE where it is unnamed or gone. An owner that shows
// it for long keeps the copy that the listener gave.
struct address stream_peer(const struct stream *stream);
// Whether the other end's machine is asked every second if it is there; and whether it has stopped
// answering (socket.h).
void stream_watch(const struct stream *stream, bool closely);
bool stream_is_unheard(const struct stream *stream);
// "TLSv1.3", "TLS_AES_256_GCM_SHA384"; NULL without TLS.
const char *stream_tls_version(const struct stream *stream);
const char *stream_tls_cipher(const struct stream *stream);
// Whether the TLS session was an earlier one resumed.
bool stream_tls_is_resumed(const struct stream *stream);
