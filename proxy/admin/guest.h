// A guest: a client of the SQL port. Login, commands, answers; one command at a time, what it sends
// while one is answered is left in its stream. Its memory is its own and goes at the end of the
// turn in which its connection ended. One thread: the control thread's.
#pragma once

#include "protocol/login/login_server.h"
#include "proxy/admin/desk.h"
#include "proxy/base/list.h"
#include "proxy/net/address.h"
#include "proxy/net/tls.h"

#include <stdint.h>

enum {
    GUESTS_MAX = 32,            // at once; one more gets 1040, and is closed unheard if as many
                                // again are being turned away
    GUEST_PACKET_MAX = 1 << 20, // bytes of a command
    GUEST_STATEMENTS_MAX = 64,  // prepared ones of a guest
};

struct guest;

// What all of them share. Embedded in the admin.
struct front {
    struct desk desk;
    struct tls_context *tls; // NULL: none
    struct account_fakes fakes;
    struct list guests;
    unsigned guest_count;
    uint32_t last_id;
    int64_t started_us; // loop time
};

// Takes over a socket that was accepted.
void guest_open(struct front *front, int fd, const struct address *peer);
// Closes every guest without a word.
void guests_close(struct front *front);
