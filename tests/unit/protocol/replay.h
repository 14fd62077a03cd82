// Feeds an answer to the reply tracker as a relay does, in pieces as they may come off a socket,
// and writes down what happened: for tests and the fuzz target, which compare what different pieces
// give.
#pragma once

#include "protocol/reply/reply.h"

#include "proxy/base/buffer.h"

#include "tests/unit/protocol/bytes.h"

#include <inttypes.h>
#include <stdlib.h>

struct replay {
    struct reply reply;
    struct buffer unread; // came, and was not read yet
    struct buffer out;    // what a client would have got
    struct buffer trace;  // a line for every step but REPLY_MORE
    bool is_over;         // ended, or at a fault
    bool is_paused;       // a file is wanted: replay_resume()
    enum reply_event last;
    size_t need;
    size_t calls;
    uint8_t file_frames; // how many a file is taken to have been sent in: see replay_run()
};

#define REPLAY_CHECK(condition)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (false)

static inline struct replay replay_make(enum command_reply kind, uint64_t capabilities,
                                        uint8_t sequence)
{
    struct replay replay = {
        .unread = BUFFER_INIT, .out = BUFFER_INIT, .trace = BUFFER_INIT, .file_frames = 2};
    reply_begin(&replay.reply, kind, capabilities, sequence);
    replay.is_over = reply_is_ended(&replay.reply);
    return replay;
}

static inline void replay_release(struct replay *replay)
{
    buffer_release(&replay->unread);
    buffer_release(&replay->out);
    buffer_release(&replay->trace);
}

static inline void replay_note(struct replay *replay, const struct reply_step *step)
{
    static const char *const EVENTS[] = {"more", "held", "upload", "end", "fault"};
    static const char *const PACKETS[] = {"",     " ok",       " eof",   " columns-end",
                                          " err", " prepared", " infile"};
    struct buffer *trace = &replay->trace;

    buffer_print(trace, "%s%s", EVENTS[step->event], PACKETS[step->packet]);
    switch (step->packet) {
    case REPLY_PACKET_OK:
    case REPLY_PACKET_EOF:
    case REPLY_PACKET_COLUMNS_END:
        buffer_print(trace, " %04x", step->ok.status);
        break;
    case REPLY_PACKET_ERR:
        buffer_print(trace, " %u", step->err.code);
        break;
    case REPLY_PACKET_PREPARED:
        buffer_print(trace, " %u/%u", step->prepared.parameters, step->prepared.columns);
        break;
    case REPLY_PACKET_INFILE:
        buffer_print(trace, " %.*s", SLICE_ARG(step->infile.filename));
        break;
    case REPLY_PACKET_NONE:
        break;
    }
    if (step->event == REPLY_FAULT) {
        buffer_print(trace, " %d", (int)replay->reply.fault);
    }
    buffer_print(trace, "; ");
}

// One call. The bytes stand in memory of exactly their size.
static inline void replay_step(struct replay *replay)
{
    struct slice bytes = bytes_copy(buffer_slice(&replay->unread));
    uint8_t *at = (uint8_t *)bytes.ptr;
    struct reply_step step;

    bool was_boundary = reply_is_at_boundary(&replay->reply);
    reply_feed(&replay->reply, at, bytes.len, &step);
    replay->calls++;
    REPLAY_CHECK(step.forward <= bytes.len && step.held <= bytes.len - step.forward);
    REPLAY_CHECK((step.held > 0) == (step.packet != REPLY_PACKET_NONE));
    REPLAY_CHECK(step.held == 0 || reply_is_at_boundary(&replay->reply));
    REPLAY_CHECK(step.held <= REPLY_HELD_MAX + FRAME_HEADER_SIZE);
    buffer_append(&replay->out, at, step.forward + step.held);
    buffer_consume(&replay->unread, step.forward + step.held);
    if (step.event != REPLY_MORE) {
        replay_note(replay, &step);
    }
    bytes_free(bytes);
    replay->last = step.event;
    if (step.event == REPLY_MORE) {
        REPLAY_CHECK(buffer_len(&replay->unread) < step.need);
        REPLAY_CHECK(buffer_is_empty(&replay->unread) || reply_is_at_boundary(&replay->reply) ||
                     replay->reply.is_continued);
        REPLAY_CHECK(!was_boundary || step.need <= REPLY_HELD_MAX + FRAME_HEADER_SIZE);
        replay->need = step.need;
        return;
    }
    REPLAY_CHECK(step.event == REPLY_FAULT || reply_is_at_boundary(&replay->reply));
    replay->is_over = step.event == REPLY_END || step.event == REPLY_FAULT;
    replay->is_paused = step.event == REPLY_UPLOAD;
}

// Takes what came, and everything that can be done with it.
static inline void replay_feed(struct replay *replay, struct slice bytes)
{
    buffer_append_slice(&replay->unread, bytes);
    while (!replay->is_over && !replay->is_paused) {
        replay_step(replay);
        if (replay->last == REPLY_MORE) {
            return;
        }
    }
}

// The file was sent.
static inline void replay_resume(struct replay *replay, uint8_t sequence)
{
    reply_resume(&replay->reply, sequence);
    replay->is_paused = false;
    replay_feed(replay, SLICE_NONE);
}

// Goes on over an upload as if the file had been sent, by default as one packet and the empty one.
static inline void replay_upload(struct replay *replay)
{
    while (replay->is_paused) {
        replay_resume(replay, (uint8_t)(replay->reply.sequence + replay->file_frames));
    }
}

// Feeds the whole of `bytes` in pieces of `piece` bytes.
static inline void replay_run(struct replay *replay, struct slice bytes, size_t piece)
{
    while (bytes.len > 0) {
        struct slice part = slice_first(bytes, piece);
        replay_feed(replay, part);
        replay_upload(replay);
        bytes = slice_from(bytes, part.len);
    }
}

static inline bool replay_is_same(const struct replay *a, const struct replay *b)
{
    return slice_equal(buffer_slice(&a->trace), buffer_slice(&b->trace)) &&
           slice_equal(buffer_slice(&a->out), buffer_slice(&b->out)) && a->is_over == b->is_over &&
           a->reply.bytes == b->reply.bytes && a->reply.rows == b->reply.rows &&
           a->reply.result_sets == b->reply.result_sets && a->reply.status == b->reply.status &&
           a->reply.warnings == b->reply.warnings && a->reply.error == b->reply.error &&
           a->reply.fault == b->reply.fault;
}
