// A client's inside, for the files that make it up:
//
//     client.c             its life, its states, frames in, packets out
//     client_login.c       who it is
//     client_command.c     the protocol's commands
//     client_statement.c   prepared statements
#pragma once

#include "proxy/admin/asker.h"
#include "proxy/admin/client.h"
#include "proxy/admin/exchange.h"
#include "proxy/net/stream.h"
#include "proxy/net/timer.h"

#include "protocol/packet/error_row.h"

enum client_state {
#define CLIENT_STATE(name, from, sentence) CLIENT_##name,
#include "proxy/admin/client_states.def"
#undef CLIENT_STATE
};

enum { CLIENT_NAME_SIZE = 128 };

struct client_login;     // client_login.c
struct client_statement; // client_statement.c

struct client {
    struct stream stream;
    struct front *front;
    struct list link; // in front->clients
    struct log_source source;
    enum client_state state;
    struct timer timer;    // the present state's time limit
    struct loop_task task; // frees it
    struct address peer;
    char host[ADDRESS_TEXT_SIZE];
    uint32_t id;

    struct client_login *login; // while in LOGIN, SECURING, DECRYPTING

    // From the login on.
    char user[CLIENT_NAME_SIZE];
    char schema[CLIENT_NAME_SIZE];
    enum admin_right right;
    uint64_t capabilities;
    struct exchange *exchange; // while BUSY
    bool is_binary;            // its answer goes out in binary rows
    struct list statements;
    uint32_t last_statement_id;
    unsigned statement_count;
};

// --- client.c -----------------------------------------------------------------------------------

void client_enter(struct client *client, enum client_state state);
// Says nothing more, and is gone.
void client_close(struct client *client);
// Says what is queued, and is gone when that has arrived, or soon.
void client_finish(struct client *client);

// The answer to a command, each one packet or more with sequence ids from 1.
void client_answer_ok(struct client *client, struct slice info);
void client_answer_error(struct client *client, const struct error *error);
// client_answer_fault(client, UNKNOWN_STATEMENT, id)
#define client_answer_fault(client, row, ...)                                                      \
    do {                                                                                           \
        struct error client_fault = ERROR_NONE;                                                    \
        fault_set(&client_fault, row, ##__VA_ARGS__);                                              \
        client_answer_error((client), &client_fault);                                              \
    } while (0)
// A packet that is not what its first byte says: an error, and the end.
void client_malformed(struct client *client, const char *what);
// Sends packets that were written by a writer of that buffer, and frees it.
void client_send(struct client *client, struct buffer *packets);

struct asker client_asker(const struct client *client);

// --- client_login.c -----------------------------------------------------------------------------

void client_login_start(struct client *client);
// `payload`: a COM_CHANGE_USER.
void client_login_change(struct client *client, struct slice payload);
// The next frame.
void client_login_frame(struct client *client, struct slice payload, uint8_t sequence);
void client_login_too_long(struct client *client, uint8_t sequence);
void client_login_secured(struct client *client);
// Refuses a client that just came.
void client_login_refuse(struct client *client, const struct error *error);
void client_login_release(struct client *client);

// --- client_command.c ---------------------------------------------------------------------------

// READY: carries the command out or starts to.
void client_command(struct client *client, struct slice payload);
// Starts an exchange for a text; the client is BUSY until its answer was sent. `parameters` may be
// NULL.
void client_ask(struct client *client, struct slice text, const struct cell *parameters);

// --- client_statement.c -------------------------------------------------------------------------

void client_prepare(struct client *client, struct slice payload);
void client_execute(struct client *client, struct slice payload);
void client_statement_close(struct client *client, struct slice payload);
void client_statement_reset(struct client *client, struct slice payload);
void client_long_data(struct client *client, struct slice payload);
void client_fetch(struct client *client, struct slice payload);
void client_statements_release(struct client *client);
