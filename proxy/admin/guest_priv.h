// A guest's inside, for the files that make it up:
//
//     guest.c             its life, its states, frames in, packets out
//     guest_login.c       who it is
//     guest_command.c     the protocol's commands
//     guest_statement.c   prepared statements
#pragma once

#include "proxy/admin/asker.h"
#include "proxy/admin/guest.h"
#include "proxy/admin/exchange.h"
#include "proxy/net/stream.h"
#include "proxy/net/timer.h"

#include "protocol/packet/error_row.h"

enum guest_state {
#define GUEST_STATE(name, from, sentence) GUEST_##name,
#include "proxy/admin/guest_states.def"
#undef GUEST_STATE
};

enum { GUEST_NAME_SIZE = 128 };

struct guest_login;     // guest_login.c
struct guest_statement; // guest_statement.c

struct guest {
    struct stream stream;
    struct front *front;
    struct list link; // in front->guests
    struct log_source source;
    enum guest_state state;
    struct timer timer;    // the present state's time limit
    struct loop_task task; // frees it
    struct address peer;
    char host[ADDRESS_TEXT_SIZE];
    uint32_t id;

    struct guest_login *login; // while in LOGIN, SECURING

    // From the login on.
    char user[GUEST_NAME_SIZE];
    char schema[GUEST_NAME_SIZE];
    enum admin_right right;
    uint64_t capabilities;
    uint8_t nonce[NONCE_SIZE]; // for COM_CHANGE_USER
    struct exchange *exchange; // while BUSY
    bool is_binary;            // its answer goes out in binary rows
    struct list statements;
    uint32_t last_statement_id;
    unsigned statement_count;
};

// --- guest.c -----------------------------------------------------------------------------------

void guest_enter(struct guest *guest, enum guest_state state);
// Says nothing more, and is gone.
void guest_close(struct guest *guest);
// Says what is queued, and is gone when that has arrived, or soon.
void guest_finish(struct guest *guest);

// The answer to a command, each one packet or more with sequence ids from 1.
void guest_answer_ok(struct guest *guest, struct slice info);
void guest_answer_error(struct guest *guest, const struct error *error);
// guest_answer_fault(guest, UNKNOWN_STATEMENT, id)
#define guest_answer_fault(guest, row, ...)                                                        \
    do {                                                                                           \
        struct error guest_fault = ERROR_NONE;                                                     \
        fault_set(&guest_fault, row, ##__VA_ARGS__);                                               \
        guest_answer_error((guest), &guest_fault);                                                 \
    } while (0)
// A packet that is not what its first byte says: an error, and the end.
void guest_malformed(struct guest *guest, const char *what);
// Sends packets that were written by a writer of that buffer, and frees it.
void guest_send(struct guest *guest, struct buffer *packets);

struct asker guest_asker(const struct guest *guest);

// --- guest_login.c -----------------------------------------------------------------------------

void guest_login_start(struct guest *guest);
// `payload`: a COM_CHANGE_USER.
void guest_login_change(struct guest *guest, struct slice payload);
// The next frame.
void guest_login_frame(struct guest *guest, struct slice payload, uint8_t sequence);
void guest_login_too_long(struct guest *guest, uint8_t sequence);
void guest_login_secured(struct guest *guest);
// Refuses a guest that just came.
void guest_login_refuse(struct guest *guest, const struct error *error);
void guest_login_release(struct guest *guest);

// --- guest_command.c ---------------------------------------------------------------------------

// READY: carries the command out or starts to.
void guest_command(struct guest *guest, struct slice payload);
// Starts an exchange for a text; the guest is BUSY until its answer was sent. `parameters` may be
// NULL.
void guest_ask(struct guest *guest, struct slice text, const struct cell *parameters);

// --- guest_statement.c -------------------------------------------------------------------------

void guest_prepare(struct guest *guest, struct slice payload);
void guest_execute(struct guest *guest, struct slice payload);
void guest_statement_close(struct guest *guest, struct slice payload);
void guest_statement_reset(struct guest *guest, struct slice payload);
void guest_long_data(struct guest *guest, struct slice payload);
void guest_fetch(struct guest *guest, struct slice payload);
void guest_statements_release(struct guest *guest);
