// One client of the load: its login, the statements it has prepared, the answer it waits for. Every
// event says what the client has become; what to do next is the caller's. An error that the server
// sends, and anything else unforeseen, ends the program. Embedded in an array. One thread.
//
//     client_open(&client, &options, port);
//     for each time that bytes have come:
//         switch (client_read(&client)) {
//         case CLIENT_BUSY:     // nothing for the caller
//         case CLIENT_READY:    // logged in, all prepared: client_ask() or client_close()
//         case CLIENT_ANSWERED: // the answer has ended: the same
//         }
#pragma once

#include "tests/bench/lib/line.h"
#include "tests/bench/lib/options.h"

#include "protocol/login/login_client.h"
#include "protocol/reply/reply.h"
#include "proxy/base/buffer.h"

#include <stdint.h>

enum client_news { CLIENT_BUSY, CLIENT_READY, CLIENT_ANSWERED };

struct client {
    struct line line;
    int64_t asked_ns; // the caller's: when it opened or asked
    // --- private ---
    const struct options *options;
    struct login_client *login; // NULL: logged in
    bool is_shaking;            // TLS
    bool is_beginning;          // what comes before the load is not all run yet
    struct buffer unread;       // the beginning of a packet
    struct reply reply;         // to the command sent last
    uint64_t capabilities;
    uint64_t number;    // of the client
    size_t setup_count; // that were run
    size_t prepared_count;
    uint32_t prepared[OPTIONS_STATEMENTS_MAX]; // the server's ids
};

// Connects to that port and waits for the greeting. Options are borrowed for the client's life.
void client_open(struct client *client, const struct options *options, uint16_t port);
// Says goodbye.
void client_close(struct client *client);

// Reads what has come. `bytes` counts what was read.
enum client_news client_read(struct client *client, uint64_t *bytes);
// Sends one of the options' statements with this number.
void client_ask(struct client *client, size_t statement, uint64_t number);
