// What both roles of a login have in common. A login is bytes in, bytes out, and after each step a
// verb that says what the caller does next:
//
//   1. send all of `out` (there may be nothing), whatever the verb is;
//   2. do what the verb says.
//
// The roles never touch a socket and never wait: login_server.h (towards clients), login_client.h
// (towards servers). Each shows the whole loop.
#pragma once

#include <stdint.h>

enum login_verb {
    LOGIN_READ,       // read one frame and feed its payload and sequence id
    LOGIN_START_TLS,  // shake hands; what was read behind the last frame belongs to TLS
    LOGIN_LOOK_UP,    // server role: find the account
    LOGIN_DECRYPT,    // server role: decrypt on a helper thread
    LOGIN_ASK_SERVER, // server role: try the password on a server
    LOGIN_ACCEPTED,   // server role: proved, the OK is yours to give; client role: logged in
    LOGIN_REFUSED,    // it is over: send `out`, close; the refusal says why
};

// Longest payload of a login, either way: a frame whose header says more is refused before it is
// read (login_server_too_long(), login_client_too_long()). Room for the attributes' 64 KiB and the
// longest of everything else.
enum { LOGIN_PACKET_MAX = 80 * 1024 };
