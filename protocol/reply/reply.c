// The tracker's states, as the next packet goes (ERR ends every one of them, and is not drawn):
//
//   begin --> RESULT -- OK, no more results --------------------------------------> ENDED
//              ^  |  \_ wish for a file --> UPLOAD --> RESULT                         ^
//              |  v                                                                  |
//              | COLUMNS --> COLUMNS_END (without DEPRECATE_EOF) -- cursor exists ---+
//              |  |             |                                                    |
//              |  v             v                                                    |
//              +- ROWS <--------+  -- OK or EOF, no more results --------------------+
//        more results                                                                |
//   begin --> PREPARED --> PARAMETERS --> .._END --> PREPARED_COLUMNS --> .._END ----+
//   begin --> OK, TEXT, ROWS --------------------------------------------------------+
//
// A state's function looks at what is due in it and returns TURN_ON where another state, or the
// same again, may go on with the bytes that are left, and TURN_STOP where the caller is due.
#include "protocol/reply/reply.h"

#include "protocol/packet/eof.h"
#include "protocol/packet/result_header.h"
#include "protocol/packet/status.h"
#include "protocol/wire/reader.h"

#include <assert.h>

enum { RESULT_HEADER_MAX = 10 }; // payload of a result's first packet: a number and a flag

// The bytes of one reply_feed().
struct feed {
    uint8_t *start;
    uint8_t *at; // next byte to look at
    uint8_t *end;
    struct reply_step *step;
};

enum turn { TURN_ON, TURN_STOP };

typedef enum turn state_run_fn(struct reply *reply, struct feed *feed);

#define ROW(name, function, from, what) static state_run_fn function;
#include "protocol/reply/reply_states.def"
#undef ROW

static state_run_fn *const RUNS[] = {
#define ROW(name, function, from, what) [REPLY_STATE_##name] = function,
#include "protocol/reply/reply_states.def"
#undef ROW
};

#define FROM(name) (1u << REPLY_STATE_##name)
#define BEGIN      (1u << 31)

static const uint32_t ORIGINS[] = {
#define ROW(name, function, from, what) [REPLY_STATE_##name] = (from),
#include "protocol/reply/reply_states.def"
#undef ROW
};

static const struct slice FAULT_TEXTS[] = {
    [REPLY_FAULT_NONE] = SLICE_INIT("nothing is wrong"),
#define ROW(name, sentence) [REPLY_FAULT_##name] = SLICE_INIT(sentence),
#include "protocol/reply/reply_faults.def"
#undef ROW
};

struct slice reply_fault_text(enum reply_fault fault)
{
    return FAULT_TEXTS[fault];
}

// --- moving ------------------------------------------------------------------------------------

static void state_enter(struct reply *reply, enum reply_state state)
{
    assert((ORIGINS[state] & 1u << reply->state) != 0);
    reply->state = state;
}

static bool has_eof(const struct reply *reply)
{
    return !capability_has(reply->capabilities, CAPABILITY_DEPRECATE_EOF);
}

static enum turn stop(struct feed *feed, enum reply_event event)
{
    feed->step->event = event;
    return TURN_STOP;
}

static enum turn stop_for_more(struct feed *feed, size_t need)
{
    feed->step->need = need;
    return stop(feed, REPLY_MORE);
}

static enum turn stop_at_fault(struct reply *reply, struct feed *feed, enum reply_fault fault)
{
    reply->fault = fault;
    return stop(feed, REPLY_FAULT);
}

static enum turn stop_at_end(struct reply *reply, struct feed *feed)
{
    state_enter(reply, REPLY_STATE_ENDED);
    return stop(feed, REPLY_END);
}

// --- frames ------------------------------------------------------------------------------------

static size_t feed_left(const struct feed *feed)
{
    return (size_t)(feed->end - feed->at);
}

// Whether it has the sequence id that is due. In a compressed conversation servers number what is
// inside as they number what is outside, from time to time: nobody there looks at it, but clients
// of ours do, so the id is put right.
static bool frame_is_due(const struct reply *reply, const struct feed *feed, struct frame *frame)
{
    if (frame->sequence == reply->sequence) {
        return true;
    }
    if (!capability_has(reply->capabilities, CAPABILITY_COMPRESS | CAPABILITY_ZSTD_COMPRESS)) {
        return false;
    }
    frame->sequence = reply->sequence;
    frame_write(feed->at, *frame);
    return true;
}

// Moves over the beginning of a frame, as much of it as is there.
static void frame_pass(struct reply *reply, struct feed *feed, struct frame frame)
{
    size_t here = feed_left(feed) - FRAME_HEADER_SIZE;
    size_t size = here < frame.len ? here : frame.len;

    if (reply->shift != 0) {
        frame.sequence += reply->shift;
        frame_write(feed->at, frame);
    }
    reply->sequence++;
    reply->frame_left = frame.len - (uint32_t)size;
    reply->is_continued = frame_is_continued(frame);
    feed->at += FRAME_HEADER_SIZE + size;
}

// Passes whole frames that are a packet each and nothing but a row or a definition by their first
// byte; returns how many, `limit` at most. What it stops at, the state looks at closely.
static inline size_t frames_pass(struct reply *reply, struct feed *feed, size_t limit)
{
    uint8_t *at = feed->at;
    uint8_t sequence = reply->sequence;
    size_t count = 0;

    while (count < limit && (size_t)(feed->end - at) > FRAME_HEADER_SIZE) {
        struct frame frame = frame_read(at);
        // One comparison for empty and for continued frames.
        if (frame.sequence != sequence || frame.len - 1 >= FRAME_PAYLOAD_MAX - 1 ||
            at[FRAME_HEADER_SIZE] >= EOF_HEADER ||
            frame.len > (size_t)(feed->end - at) - FRAME_HEADER_SIZE) {
            break;
        }
        if (reply->shift != 0) {
            frame.sequence += reply->shift;
            frame_write(at, frame);
        }
        at += FRAME_HEADER_SIZE + frame.len;
        sequence++;
        count++;
    }
    feed->at = at;
    reply->sequence = sequence;
    return count;
}

// Passes what is left of a packet that has begun. TURN_ON: the next packet is due.
static enum turn packet_finish(struct reply *reply, struct feed *feed)
{
    while (!reply_is_at_boundary(reply)) {
        size_t size = feed_left(feed) < reply->frame_left ? feed_left(feed) : reply->frame_left;
        feed->at += size;
        reply->frame_left -= (uint32_t)size;
        if (reply->frame_left > 0) {
            return stop_for_more(feed, 1);
        }
        if (!reply->is_continued) {
            break;
        }
        if (feed_left(feed) < FRAME_HEADER_SIZE) {
            return stop_for_more(feed, feed_left(feed) == 0 ? 1 : FRAME_HEADER_SIZE);
        }
        struct frame frame = frame_read(feed->at);
        if (!frame_is_due(reply, feed, &frame)) {
            return stop_at_fault(reply, feed, REPLY_FAULT_SEQUENCE);
        }
        frame_pass(reply, feed, frame);
    }
    return TURN_ON;
}

// Reads the header of the packet that is due, and its first byte, without passing it.
static enum turn packet_peek(struct reply *reply, struct feed *feed, struct frame *frame,
                             uint8_t *first)
{
    size_t left = feed_left(feed);

    if (left < FRAME_HEADER_SIZE) {
        return stop_for_more(feed, left == 0 ? 1 : FRAME_HEADER_SIZE);
    }
    *frame = frame_read(feed->at);
    if (!frame_is_due(reply, feed, frame)) {
        return stop_at_fault(reply, feed, REPLY_FAULT_SEQUENCE);
    }
    if (frame->len == 0) {
        return stop_at_fault(reply, feed, REPLY_FAULT_EMPTY);
    }
    if (left < FRAME_HEADER_SIZE + 1) {
        return stop_for_more(feed, FRAME_HEADER_SIZE + 1);
    }
    *first = feed->at[FRAME_HEADER_SIZE];
    return TURN_ON;
}

// Waits until the packet that is due is there as a whole, without passing it.
static enum turn packet_complete(struct reply *reply, struct feed *feed, struct frame frame,
                                 struct slice *payload)
{
    if (frame.len > REPLY_HELD_MAX) {
        return stop_at_fault(reply, feed, REPLY_FAULT_TOO_LARGE);
    }
    if (feed_left(feed) < FRAME_HEADER_SIZE + frame.len) {
        return stop_for_more(feed, FRAME_HEADER_SIZE + frame.len);
    }
    *payload = slice_make(feed->at + FRAME_HEADER_SIZE, frame.len);
    return TURN_ON;
}

// Passes a whole packet that the caller is to look at.
static void packet_hold(struct reply *reply, struct feed *feed, struct frame frame,
                        enum reply_packet packet)
{
    feed->step->packet = packet;
    feed->step->held = FRAME_HEADER_SIZE + frame.len;
    frame_pass(reply, feed, frame);
}

// --- packets that are held ---------------------------------------------------------------------

static enum turn err_run(struct reply *reply, struct feed *feed, struct frame frame)
{
    struct slice payload;

    if (packet_complete(reply, feed, frame, &payload) == TURN_STOP) {
        return TURN_STOP;
    }
    if (!err_decode(&feed->step->err, payload)) {
        return stop_at_fault(reply, feed, REPLY_FAULT_MALFORMED);
    }
    reply->error = feed->step->err.code;
    packet_hold(reply, feed, frame, REPLY_PACKET_ERR);
    return stop_at_end(reply, feed);
}

// An EOF packet, in the form of an OK packet that has no more to say.
static bool eof_read(struct ok *ok, struct slice payload)
{
    struct eof eof;

    if (!eof_decode(&eof, payload)) {
        return false;
    }
    *ok = (struct ok){.is_end_of_result = true, .status = eof.status, .warnings = eof.warnings};
    return true;
}

// An OK packet, or an EOF packet as `packet` says. TURN_ON: it is held; the state says what
// follows.
static enum turn status_hold(struct reply *reply, struct feed *feed, struct frame frame,
                             enum reply_packet packet)
{
    struct slice payload;
    struct ok *ok = &feed->step->ok;

    if (packet_complete(reply, feed, frame, &payload) == TURN_STOP) {
        return TURN_STOP;
    }
    bool is_good = packet == REPLY_PACKET_OK ? ok_decode(ok, payload, reply->capabilities)
                                             : eof_read(ok, payload);
    if (!is_good) {
        return stop_at_fault(reply, feed, REPLY_FAULT_MALFORMED);
    }
    reply->status = ok->status;
    reply->warnings = ok->warnings;
    packet_hold(reply, feed, frame, packet);
    return TURN_ON;
}

// What ends a result, or the whole answer.
static enum turn result_end_run(struct reply *reply, struct feed *feed, struct frame frame,
                                enum reply_packet packet)
{
    if (status_hold(reply, feed, frame, packet) == TURN_STOP) {
        return TURN_STOP;
    }
    bool has_results =
        reply->kind == COMMAND_REPLY_RESULT || reply->kind == COMMAND_REPLY_CURSOR_RESULT;
    if (!has_results || (reply->status & STATUS_MORE_RESULTS) == 0) {
        return stop_at_end(reply, feed);
    }
    state_enter(reply, REPLY_STATE_RESULT);
    return stop(feed, REPLY_HELD);
}

// --- results -----------------------------------------------------------------------------------

static enum turn infile_run(struct reply *reply, struct feed *feed, struct frame frame)
{
    struct slice payload;

    if (packet_complete(reply, feed, frame, &payload) == TURN_STOP) {
        return TURN_STOP;
    }
    if (!infile_request_decode(&feed->step->infile, payload)) {
        return stop_at_fault(reply, feed, REPLY_FAULT_MALFORMED);
    }
    packet_hold(reply, feed, frame, REPLY_PACKET_INFILE);
    state_enter(reply, REPLY_STATE_UPLOAD);
    return stop(feed, REPLY_UPLOAD);
}

static enum turn result_header_run(struct reply *reply, struct feed *feed, struct frame frame)
{
    struct result_header header;
    struct slice payload;

    if (frame.len > RESULT_HEADER_MAX) {
        return stop_at_fault(reply, feed, REPLY_FAULT_MALFORMED);
    }
    if (packet_complete(reply, feed, frame, &payload) == TURN_STOP) {
        return TURN_STOP;
    }
    if (!result_header_decode(&header, payload, reply->capabilities)) {
        return stop_at_fault(reply, feed, REPLY_FAULT_MALFORMED);
    }
    frame_pass(reply, feed, frame);
    reply->result_sets++;
    reply->packets_left = header.columns;
    if (header.has_definitions) {
        state_enter(reply, REPLY_STATE_COLUMNS);
    } else {
        state_enter(reply, has_eof(reply) ? REPLY_STATE_COLUMNS_END : REPLY_STATE_ROWS);
    }
    return TURN_ON;
}

static enum turn result_run(struct reply *reply, struct feed *feed)
{
    struct frame frame;
    uint8_t first;

    if (packet_peek(reply, feed, &frame, &first) == TURN_STOP) {
        return TURN_STOP;
    }
    switch (first) {
    case OK_HEADER:
        return result_end_run(reply, feed, frame, REPLY_PACKET_OK);
    case ERR_HEADER:
        return err_run(reply, feed, frame);
    case INFILE_REQUEST_HEADER:
        return infile_run(reply, feed, frame);
    default:
        return result_header_run(reply, feed, frame);
    }
}

// The answer came before the file was sent: its sequence id cannot be known.
static enum turn upload_run(struct reply *reply, struct feed *feed)
{
    if (feed_left(feed) < FRAME_HEADER_SIZE) {
        return stop_for_more(feed, feed_left(feed) == 0 ? 1 : FRAME_HEADER_SIZE);
    }
    reply_resume(reply, frame_read(feed->at).sequence);
    return TURN_ON;
}

// Passes the definitions that are due. TURN_ON: all were passed.
static enum turn definitions_pass(struct reply *reply, struct feed *feed)
{
    struct frame frame;
    uint8_t first;

    for (;;) {
        if (packet_finish(reply, feed) == TURN_STOP) {
            return TURN_STOP;
        }
        reply->packets_left -= (uint32_t)frames_pass(reply, feed, reply->packets_left);
        if (reply->packets_left == 0) {
            return TURN_ON;
        }
        if (packet_peek(reply, feed, &frame, &first) == TURN_STOP) {
            return TURN_STOP;
        }
        if (first == ERR_HEADER) {
            return err_run(reply, feed, frame);
        }
        if (first == EOF_HEADER) {
            return stop_at_fault(reply, feed, REPLY_FAULT_UNEXPECTED);
        }
        frame_pass(reply, feed, frame);
        reply->packets_left--;
    }
}

// The EOF packet behind definitions. TURN_ON: it is held; the state says what follows.
static enum turn definitions_end(struct reply *reply, struct feed *feed)
{
    struct frame frame;
    uint8_t first;

    if (packet_peek(reply, feed, &frame, &first) == TURN_STOP) {
        return TURN_STOP;
    }
    if (first == ERR_HEADER) {
        return err_run(reply, feed, frame);
    }
    if (first != EOF_HEADER || frame.len > EOF_SIZE_MAX) {
        return stop_at_fault(reply, feed, REPLY_FAULT_UNEXPECTED);
    }
    return status_hold(reply, feed, frame, REPLY_PACKET_COLUMNS_END);
}

static enum turn columns_run(struct reply *reply, struct feed *feed)
{
    if (definitions_pass(reply, feed) == TURN_STOP) {
        return TURN_STOP;
    }
    state_enter(reply, has_eof(reply) ? REPLY_STATE_COLUMNS_END : REPLY_STATE_ROWS);
    return TURN_ON;
}

// A cursor's rows are fetched by other commands. With CAPABILITY_DEPRECATE_EOF what says so looks
// like the end of a result without rows.
static enum turn columns_end_run(struct reply *reply, struct feed *feed)
{
    if (definitions_end(reply, feed) == TURN_STOP) {
        return TURN_STOP;
    }
    if (reply->kind == COMMAND_REPLY_CURSOR_RESULT && (reply->status & STATUS_CURSOR_EXISTS) != 0) {
        feed->step->packet = REPLY_PACKET_EOF;
        return stop_at_end(reply, feed);
    }
    state_enter(reply, REPLY_STATE_ROWS);
    return stop(feed, REPLY_HELD);
}

// A row may begin with EOF's first byte too, as the length of a value of 16 MiB or more: what tells
// them apart is the length of the packet.
static bool is_end_of_rows(const struct reply *reply, struct frame frame, uint8_t first)
{
    uint32_t largest = has_eof(reply) ? EOF_SIZE_MAX : FRAME_PAYLOAD_MAX - 1;

    return first == EOF_HEADER && frame.len <= largest;
}

// Where a procedure's handler takes an error in the middle of a result, the servers end that one by
// an EOF packet, whatever the capabilities say: it is shorter than any OK packet.
static bool is_eof(const struct reply *reply, struct frame frame)
{
    return has_eof(reply) || frame.len == EOF_SIZE;
}

static enum turn rows_run(struct reply *reply, struct feed *feed)
{
    struct frame frame;
    uint8_t first;

    for (;;) {
        if (packet_finish(reply, feed) == TURN_STOP) {
            return TURN_STOP;
        }
        reply->rows += frames_pass(reply, feed, SIZE_MAX);
        if (packet_peek(reply, feed, &frame, &first) == TURN_STOP) {
            return TURN_STOP;
        }
        if (first == ERR_HEADER) {
            return err_run(reply, feed, frame);
        }
        if (is_end_of_rows(reply, frame, first)) {
            return result_end_run(reply, feed, frame,
                                  is_eof(reply, frame) ? REPLY_PACKET_EOF : REPLY_PACKET_OK);
        }
        frame_pass(reply, feed, frame);
        reply->rows++;
    }
}

// --- prepared statements -----------------------------------------------------------------------

// Where the next definitions begin, or the answer ends.
static enum turn prepared_columns_enter(struct reply *reply, struct feed *feed)
{
    if (reply->columns == 0) {
        return stop_at_end(reply, feed);
    }
    reply->packets_left = reply->columns;
    state_enter(reply, REPLY_STATE_PREPARED_COLUMNS);
    return feed->step->held > 0 ? stop(feed, REPLY_HELD) : TURN_ON;
}

static enum turn prepared_ok_run(struct reply *reply, struct feed *feed, struct frame frame)
{
    struct prepare_ok *prepared = &feed->step->prepared;
    struct slice payload;

    if (packet_complete(reply, feed, frame, &payload) == TURN_STOP) {
        return TURN_STOP;
    }
    if (!prepare_ok_decode(prepared, payload, reply->capabilities)) {
        return stop_at_fault(reply, feed, REPLY_FAULT_MALFORMED);
    }
    packet_hold(reply, feed, frame, REPLY_PACKET_PREPARED);
    reply->warnings = prepared->warnings;
    reply->columns = prepared->has_definitions ? prepared->columns : 0;
    reply->packets_left = prepared->has_definitions ? prepared->parameters : 0;
    if (reply->packets_left == 0) {
        return prepared_columns_enter(reply, feed);
    }
    state_enter(reply, REPLY_STATE_PARAMETERS);
    return stop(feed, REPLY_HELD);
}

static enum turn prepared_run(struct reply *reply, struct feed *feed)
{
    struct frame frame;
    uint8_t first;

    if (packet_peek(reply, feed, &frame, &first) == TURN_STOP) {
        return TURN_STOP;
    }
    switch (first) {
    case OK_HEADER:
        return prepared_ok_run(reply, feed, frame);
    case ERR_HEADER:
        return err_run(reply, feed, frame);
    default:
        return stop_at_fault(reply, feed, REPLY_FAULT_UNEXPECTED);
    }
}

static enum turn parameters_run(struct reply *reply, struct feed *feed)
{
    if (definitions_pass(reply, feed) == TURN_STOP) {
        return TURN_STOP;
    }
    if (!has_eof(reply)) {
        return prepared_columns_enter(reply, feed);
    }
    state_enter(reply, REPLY_STATE_PARAMETERS_END);
    return TURN_ON;
}

static enum turn parameters_end_run(struct reply *reply, struct feed *feed)
{
    if (definitions_end(reply, feed) == TURN_STOP) {
        return TURN_STOP;
    }
    return prepared_columns_enter(reply, feed);
}

static enum turn prepared_columns_run(struct reply *reply, struct feed *feed)
{
    if (definitions_pass(reply, feed) == TURN_STOP) {
        return TURN_STOP;
    }
    if (!has_eof(reply)) {
        return stop_at_end(reply, feed);
    }
    state_enter(reply, REPLY_STATE_PREPARED_COLUMNS_END);
    return TURN_ON;
}

static enum turn prepared_columns_end_run(struct reply *reply, struct feed *feed)
{
    if (definitions_end(reply, feed) == TURN_STOP) {
        return TURN_STOP;
    }
    return stop_at_end(reply, feed);
}

// --- single packets ----------------------------------------------------------------------------

static enum turn ok_run(struct reply *reply, struct feed *feed)
{
    struct frame frame;
    uint8_t first;

    if (packet_peek(reply, feed, &frame, &first) == TURN_STOP) {
        return TURN_STOP;
    }
    switch (first) {
    case OK_HEADER:
        return result_end_run(reply, feed, frame, REPLY_PACKET_OK);
    case EOF_HEADER:
        return result_end_run(reply, feed, frame,
                              has_eof(reply) ? REPLY_PACKET_EOF : REPLY_PACKET_OK);
    case ERR_HEADER:
        return err_run(reply, feed, frame);
    default:
        return stop_at_fault(reply, feed, REPLY_FAULT_UNEXPECTED);
    }
}

static enum turn text_run(struct reply *reply, struct feed *feed)
{
    struct frame frame;
    uint8_t first;

    if (packet_peek(reply, feed, &frame, &first) == TURN_STOP) {
        return TURN_STOP;
    }
    if (first == ERR_HEADER) {
        return err_run(reply, feed, frame);
    }
    frame_pass(reply, feed, frame);
    state_enter(reply, REPLY_STATE_TEXT_END);
    return TURN_ON;
}

static enum turn text_end_run(struct reply *reply, struct feed *feed)
{
    if (packet_finish(reply, feed) == TURN_STOP) {
        return TURN_STOP;
    }
    return stop_at_end(reply, feed);
}

static enum turn ended_run(struct reply *reply, struct feed *feed)
{
    if (feed_left(feed) > 0) {
        return stop_at_fault(reply, feed, REPLY_FAULT_AFTER_END);
    }
    return stop(feed, REPLY_END);
}

// --- the outside -------------------------------------------------------------------------------

static enum reply_state state_first(enum command_reply kind)
{
    switch (kind) {
    case COMMAND_REPLY_NONE:
        return REPLY_STATE_ENDED;
    case COMMAND_REPLY_OK:
        return REPLY_STATE_OK;
    case COMMAND_REPLY_TEXT:
        return REPLY_STATE_TEXT;
    case COMMAND_REPLY_PREPARED:
        return REPLY_STATE_PREPARED;
    case COMMAND_REPLY_ROWS:
        return REPLY_STATE_ROWS;
    default:
        return REPLY_STATE_RESULT;
    }
}

void reply_begin(struct reply *reply, enum command_reply kind, uint64_t capabilities,
                 uint8_t sequence)
{
    assert(kind != COMMAND_REPLY_LOGIN);
    *reply = (struct reply){
        .sequence = sequence,
        .state = state_first(kind),
        .kind = kind,
        .capabilities = capabilities,
    };
    assert((ORIGINS[reply->state] & BEGIN) != 0);
}

void reply_resume(struct reply *reply, uint8_t sequence)
{
    reply->sequence = sequence;
    state_enter(reply, REPLY_STATE_RESULT);
}

void reply_feed(struct reply *reply, uint8_t *bytes, size_t len, struct reply_step *step)
{
    struct feed feed = {.start = bytes, .at = bytes, .end = bytes + len, .step = step};

    step->packet = REPLY_PACKET_NONE;
    step->held = 0;
    step->need = 0;
    if (reply->fault != REPLY_FAULT_NONE) {
        step->event = REPLY_FAULT;
    } else {
        while (RUNS[reply->state](reply, &feed) == TURN_ON) {
        }
    }
    size_t read = (size_t)(feed.at - feed.start);
    step->forward = read - step->held;
    reply->bytes += read;
}

void reply_status_set(const struct reply_step *step, uint8_t *bytes, uint16_t status)
{
    uint8_t *payload = bytes + step->forward + FRAME_HEADER_SIZE;
    size_t len = step->held - FRAME_HEADER_SIZE;

    bool is_set = step->packet == REPLY_PACKET_OK ? ok_status_set(payload, len, status)
                                                  : eof_status_set(payload, len, status);
    assert(is_set); // the packet was checked when it was held
    (void)is_set;
}
