// The inside of a stream, for its four files: stream.c (life and states), stream_output.c
// (sending), stream_input.c (receiving, TLS included), stream_packing.c (compression).
#pragma once

#include "proxy/net/stream.h"
#include "proxy/net/timer.h"

// What only a stream needs that is not simply open and idle: on the heap for that time.
struct stream_output {
    struct stream *stream;
    struct buffer bytes;      // for the wire, in order
    struct event writable;    // watched as long as this struct lives
    bool was_congested;       // on_writable() is owed
    struct timer timeout;     // of connecting
    struct address connected; // to whom, while connecting
};

// What only a compressed stream has.
struct stream_packing {
    struct compression *compression;
    struct buffer held; // came, and not uncompressed yet: the owner does not read
    struct buffer out;  // empty but for the time of a send
    bool has_more;      // the compression has bytes ready beside those
};

// --- stream.c -----------------------------------------------------------------------------------

void stream_state_set(struct stream *stream, enum stream_state state);
// Ends the stream and tells its owner, who may open it anew at once: nothing follows this.
void stream_tell_end(struct stream *stream, enum stream_end end, const struct error *error);
// The same for what the system says; `code` is an errno or 0.
void stream_end_errno(struct stream *stream, enum stream_end end, int code);
enum stream_end stream_end_of_errno(int code);
// For failures inside a call of the owner's: told later, from the loop.
void stream_failure_note(struct stream *stream, enum stream_end end, int code);
// The socket that is being connected has become writable.
void stream_connect_finish(struct stream *stream);
timer_fn stream_connect_timed_out;

// --- stream_output.c ----------------------------------------------------------------------------

struct stream_output *stream_output_make(struct stream *stream);
void stream_output_drop(struct stream *stream);
// Bytes for the wire: to the system at once, or behind those that wait for it.
void stream_wire_send(struct stream *stream, const struct slice *parts, size_t count);
// Sends what the TLS engine has made.
void stream_tls_send(struct stream *stream);

// --- stream_input.c -----------------------------------------------------------------------------

// Watches the socket.
void stream_read_begin(struct stream *stream);
// Shows bytes that were kept once more, and tells of an end that had to wait for that.
void stream_unread_show(struct stream *stream);
// Whether the peer has said goodbye through TLS.
bool stream_is_ended(const struct stream *stream);
// Takes bytes that came behind a request for TLS: the beginning of a client's handshake, or an
// attack.
void stream_handshake_unread(struct stream *stream);

// What is shown to the owner: used by the files that receive.
struct sink {
    uint8_t *bytes;     // kept ones first
    size_t len;         // of all that is there
    size_t room;        // behind them
    struct buffer held; // empty where the bytes stand in the loop's area
};

struct sink sink_open(struct stream *stream, size_t room);
void sink_added(struct sink *sink, size_t n);
// Shows the bytes, and keeps what the owner leaves.
void sink_show(struct stream *stream, struct sink *sink);
// Nobody looks at the socket until the owner reads again.
void reading_off(struct stream *stream);

// --- stream_packing.c ---------------------------------------------------------------------------

// Where compressed bytes are received: as large as the loop's own area, which the uncompressed ones
// take.
uint8_t *packing_area(struct loop *loop);
void packing_drop(struct stream *stream);
// What was kept came compressed.
void packing_begin(struct stream *stream);
// Bytes that came, compressed, to be shown uncompressed as far as the owner reads.
void packing_input(struct stream *stream, struct slice bytes);
// Whether bytes were kept compressed.
bool packing_is_waiting(const struct stream *stream);
// The parts, compressed; borrowed until packing_sent().
struct slice packing_encode(struct stream *stream, const struct slice *parts, size_t count);
void packing_sent(struct stream *stream);
