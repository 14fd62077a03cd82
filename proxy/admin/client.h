// A client of the SQL port: login, commands, answers. One at a time; what it sends while one is
// answered is left in its stream. Its memory is its own and goes at the end of the turn in which
// its connection ended. One thread: the control thread's.
#pragma once

#include "protocol/login/login_server.h"
#include "proxy/admin/desk.h"
#include "proxy/base/list.h"
#include "proxy/net/address.h"
#include "proxy/net/tls.h"

#include <stdint.h>

enum {
    CLIENTS_MAX = 32,            // at once; one more gets 1040
    CLIENT_PACKET_MAX = 1 << 20, // bytes of a command
    CLIENT_STATEMENTS_MAX = 64,  // prepared ones of a client
};

struct client;

// What all of them share. Embedded in the admin.
struct front {
    struct desk desk;
    struct tls_context *tls; // NULL: none
    struct login_key *key;   // NULL: none
    struct account_fakes fakes;
    struct list clients;
    unsigned client_count;
    uint32_t last_id;
    int64_t started_us; // loop time
};

// Takes over a socket that was accepted.
void client_open(struct front *front, int fd, const struct address *peer);
// Closes every client without a word.
void clients_close(struct front *front);
