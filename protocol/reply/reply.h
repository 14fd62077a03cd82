// The reply tracker: it is shown a server's answer to one command as the bytes come in, and says
// what of them can be sent on as they are, where a packet stands that the relay must look at, and
// where the answer ends. It looks at frame headers and the first bytes of packets and keeps no
// bytes: rows of any size stream past it.
//
// Embedded in its owner; holds no memory. One thread. reply_feed() passes over as many packets as
// it can in one call: a whole small answer is one call, and one more where something is held before
// its end. The caller keeps what a call left unread, puts more bytes behind it and feeds both
// again:
//
//      bytes
//        |------- forward -------|-- held --|------- unread -------|
//         send on as they are     one packet: behind it: feed next
//                                 rewrite,
//                                 send or drop
//
// The relay's loop, for the answer to one command:
//
//     reply_begin(&reply, command->reply, capabilities, sequence);
//     while (!reply_is_ended(&reply)) {
//         struct reply_step step;
//         reply_feed(&reply, bytes, len, &step);
//         send(bytes, step.forward);                     // never any byte twice
//         switch (step.event) {
//         case REPLY_MORE:                               // unread: fewer than step.need bytes
//             keep(bytes + step.forward, len - step.forward);
//             return WAIT;                               // until more come
//         case REPLY_HELD:                               // OK with more results behind it, EOF
//         case REPLY_END:                                // behind columns, id of a prepared ...
//             if (step.packet == REPLY_PACKET_OK) {
//                 learn(&step.ok);                       // what changed in the session
//                 reply_status_set(&step, bytes, session_status);
//             }
//             send(bytes + step.forward, step.held);     // or something in its place
//             break;
//         case REPLY_UPLOAD:                             // a file is wanted: send the request on,
//             ...                                        // relay the file, then reply_resume()
//         case REPLY_FAULT:
//             return close(step.fault);                  // reply_is_at_boundary(): an ERR packet
//         }                                              // still fits in
//         bytes += step.forward + step.held;
//         len -= step.forward + step.held;
//     }
//
// Nothing has to be held back to put it in order: where the caller sends everything as it is, or
// has rewritten held packets in place, it sends forward and held parts of several steps in one
// piece.
//
// An answer that is thrown away is fed in the same way and not sent.
#pragma once

#include "protocol/packet/capability.h"
#include "protocol/packet/command.h"
#include "protocol/packet/err.h"
#include "protocol/packet/infile_request.h"
#include "protocol/packet/ok.h"
#include "protocol/packet/prepare_ok.h"
#include "protocol/wire/frame.h"

#include "proxy/base/slice.h"

enum {
    // Largest payload that is held: OK packets with what changed in the session, errors, file
    // names. So a caller never keeps more than this and a header.
    REPLY_HELD_MAX = 1024 * 1024,
};

enum reply_state {
#define ROW(name, function, from, what) REPLY_STATE_##name,
#include "protocol/reply/reply_states.def"
#undef ROW
};

enum reply_fault {
    REPLY_FAULT_NONE,
#define ROW(name, sentence) REPLY_FAULT_##name,
#include "protocol/reply/reply_faults.def"
#undef ROW
};

struct reply {
    // What was seen, for the owner to read.
    uint64_t bytes;       // of the server's, headers included
    uint64_t rows;        // of all results; packets of a COMMAND_REPLY_ROWS answer
    uint32_t result_sets; // that have columns
    uint16_t status;      // of the last OK or EOF packet; an ERR packet has none, and after one the
                          // session's status is not known from the answer
    uint16_t warnings;    // of the last OK or EOF packet
    uint16_t error;       // of the ERR packet that ended the answer; 0: none
    uint8_t sequence;     // of the server's next frame
    uint8_t shift;        // added to the sequence ids of frames that are passed or held; see below
    // The tracker's own.
    enum reply_state state;
    enum command_reply kind;
    enum reply_fault fault;
    bool is_continued;     // the last frame's payload goes on in the next one
    uint32_t frame_left;   // bytes of the last frame that are to come
    uint32_t packets_left; // definitions that are to come
    uint16_t columns;      // of a prepared statement, while its parameters come
    uint64_t capabilities;
};

enum reply_event {
    REPLY_MORE,   // more bytes are needed
    REPLY_HELD,   // a packet to look at; the answer goes on behind it
    REPLY_UPLOAD, // the wish for a file (held); the answer goes on after reply_resume()
    REPLY_END,    // the answer has ended, with the held packet where there is one
    REPLY_FAULT,  // the server breaks the protocol
};

enum reply_packet {
    REPLY_PACKET_NONE,        // nothing is held
    REPLY_PACKET_OK,          // `ok`, also where it ends a result set
    REPLY_PACKET_EOF,         // `ok` with the EOF packet's status and warnings: ends rows. MariaDB
                              // may set STATUS_SESSION_CHANGED in it, and cannot say what changed
    REPLY_PACKET_COLUMNS_END, // the same, behind definitions: status as the rows' end will have it
    REPLY_PACKET_ERR,         // `err`
    REPLY_PACKET_PREPARED,    // `prepared`; see statement_id_set()
    REPLY_PACKET_INFILE,      // `infile`
};

struct reply_step {
    enum reply_event event;
    enum reply_packet packet; // what is held
    size_t forward;           // bytes to be sent on as they are
    size_t held;              // bytes behind them: one packet and its frame header
    size_t need; // REPLY_MORE: the unread bytes are of use once there are so many; 1 where all were
                 // read
    // The held packet, checked; slices point into the bytes.
    union {
        struct ok ok;
        struct err err;
        struct prepare_ok prepared;
        struct infile_request infile;
    };
};

// --- life --------------------------------------------------------------------------------------

// Before the first byte of an answer. `kind`: the command's (struct command_row), not
// COMMAND_REPLY_LOGIN; with COMMAND_REPLY_NONE the answer has ended. `capabilities`: those of the
// connection to the server. `sequence`: one more than that of the command's last frame, so
// mostly 1.
//
// Where the client must see other sequence ids than the server's (its command had another number of
// frames, or frames were put in or left out), the caller sets or changes `shift`; frames are then
// renumbered in the fed bytes as they are passed or held.
void reply_begin(struct reply *reply, enum command_reply kind, uint64_t capabilities,
                 uint8_t sequence);

// After REPLY_UPLOAD, once the empty packet behind the file is sent: `sequence` is one more than
// that packet's. Bytes that are fed before are an early answer of the server's, of any sequence id.
void reply_resume(struct reply *reply, uint8_t sequence);

// --- feeding -----------------------------------------------------------------------------------

// Looks at `len` bytes that follow those read so far (forward and held of all steps). Changes only
// sequence ids in them, and those only where `shift` is not 0 or the conversation is a compressed
// one. A fault is final.
void reply_feed(struct reply *reply, uint8_t *bytes, size_t len, struct reply_step *step);

// Puts other status flags into a held OK or EOF packet, in the bytes that were fed.
void reply_status_set(const struct reply_step *step, uint8_t *bytes, uint16_t status);

// --- reading -----------------------------------------------------------------------------------

static inline bool reply_is_ended(const struct reply *reply)
{
    return reply->state == REPLY_STATE_ENDED;
}

// Whether what was read so far ends where a packet ends: one of the caller's may follow, with
// sequence id `sequence` + `shift`.
static inline bool reply_is_at_boundary(const struct reply *reply)
{
    return reply->frame_left == 0 && !reply->is_continued;
}

// Payload of the held packet.
static inline struct slice reply_held_payload(const struct reply_step *step, const uint8_t *bytes)
{
    return slice_make(bytes + step->forward + FRAME_HEADER_SIZE, step->held - FRAME_HEADER_SIZE);
}

// What a fault is, to stand behind "sent an answer that breaks the protocol: ".
struct slice reply_fault_text(enum reply_fault fault);
