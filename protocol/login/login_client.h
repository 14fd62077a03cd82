// The login as we go through it at a server: its greeting (or error), TLS request, handshake
// response, auth switches, the proofs of mysql_native_password, caching_sha2_password (fast; full
// by TLS, Unix socket or RSA), sha256_password (by TLS or RSA) and mysql_clear_password, up to its
// OK or error. Also COM_CHANGE_USER. The states and what is true in each: login_client.def.
//
// A password never leaves in the clear but over TLS or a Unix socket.
//
// Lives as long as the login and is then released; what outlives it is copied from
// login_client_peer(). One thread.
//
// The caller's loop (see login.h for the rule about `out`):
//
//     login_client_init(&login, &options);
//     verb = login_client_connect(&login);            // or login_client_change_user(), see there
//     for (;;) {
//         send(login.out); login_client_sent(&login);
//         switch (verb) {
//         case LOGIN_READ:                             // header first: its length is the peer's
//             verb = header.len > LOGIN_PACKET_MAX
//                  ? login_client_too_long(&login)
//                  : login_client_feed(&login, payload, header.sequence);
//             break;
//         case LOGIN_START_TLS:                        // verifying as the server's tls mode says
//             verb = tls_connect() ? login_client_tls_started(&login) : close();
//             break;
//         case LOGIN_ACCEPTED:
//             peer = *login_client_peer(&login);       // a plain struct: copy it
//             login_client_release(&login); return;
//         case LOGIN_REFUSED:                          // login_client_refusal(&login)
//             login_client_release(&login); close(); return;
//         default: unreachable
//         }
//     }
#pragma once

#include "protocol/login/auth_plugin.h"
#include "protocol/login/login.h"
#include "protocol/login/refusal.h"
#include "protocol/login/scramble.h"
#include "protocol/login/secret.h"
#include "protocol/packet/ok.h"

#include "proxy/base/buffer.h"
#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum login_client_state {
#define ROW(state, speaker, from, step, sentence) LOGIN_CLIENT_##state,
#include "protocol/login/login_client.def"
#undef ROW
};

enum login_client_tls {
    LOGIN_CLIENT_TLS_DISABLED,
    LOGIN_CLIENT_TLS_PREFERRED, // where the server offers it
    LOGIN_CLIENT_TLS_REQUIRED,  // verify_ca and verify_identity too: verifying is the caller's
};

// How we come. Slices and the secret are borrowed until login_client_release().
struct login_client_options {
    struct slice server; // its name, for error texts
    struct slice user;
    struct slice schema;         // empty: none
    const struct secret *secret; // NULL: no password
    uint64_t capabilities;       // wanted of CAPABILITIES_ASKED_WHERE_SET, beside those of
                                 // CAPABILITIES_ASKED; SSL and CONNECT_WITH_DB go by the rest here
    uint8_t collation;
    uint32_t max_packet;
    enum login_client_tls tls;
    bool is_secure;          // nobody reads along: a Unix socket
    struct slice attributes; // pairs beside that of this program, as attribute_encode() writes them
};

enum { LOGIN_PEER_VERSION_SIZE = 128 };

// What is known of the server, and of the connection to it. A plain value: copy it. A connection
// that will change its user keeps it.
struct login_peer {
    char version[LOGIN_PEER_VERSION_SIZE]; // without "5.5.5-", cut where it is longer
    bool is_mariadb;
    uint32_t connection_id;
    uint64_t offered;      // what the server has
    uint64_t capabilities; // what both sides have: these count
    uint8_t collation;     // the server's own
    uint16_t status;       // from the greeting, then from the OK
    bool is_secure;        // TLS or a Unix socket
    bool is_tls;
    enum auth_plugin plugin;   // of the proof that was made last
    uint8_t nonce[NONCE_SIZE]; // it was made over
};

struct login_client {
    struct buffer out; // to be sent after every call
    // --- private ---
    enum login_client_state state;
    uint8_t sequence; // of the next frame, either way
    uint8_t switches; // auth switches seen
    bool is_change;   // by COM_CHANGE_USER
    struct ok ok;
    struct login_peer peer;
    struct login_client_options options;
    struct refusal refusal;
};

// --- life --------------------------------------------------------------------------------------

void login_client_init(struct login_client *login, const struct login_client_options *options);
// Wipes and frees everything, `out` included.
void login_client_release(struct login_client *login);

// --- starting, one of these --------------------------------------------------------------------

// For a fresh connection. Next: LOGIN_READ, with nothing to send.
enum login_verb login_client_connect(struct login_client *login);

// For a connection that is logged in: COM_CHANGE_USER (sequence id 0) is in `out`. `peer` is what
// the login before left, and the connection keeps its capabilities and its line: of the options
// only user, schema, secret, collation and attributes count. A refusal leaves the connection
// unusable: servers close it.
enum login_verb login_client_change_user(struct login_client *login, const struct login_peer *peer);

// --- going on, as the verb says ----------------------------------------------------------------

// All of `out` was sent: wipes and empties it.
void login_client_sent(struct login_client *login);
// LOGIN_READ: the payload of one frame, read in this call alone (but see login_client_ok()).
enum login_verb login_client_feed(struct login_client *login, struct slice payload,
                                  uint8_t sequence);
// LOGIN_READ, and the frame's header says more than LOGIN_PACKET_MAX.
enum login_verb login_client_too_long(struct login_client *login);
// LOGIN_START_TLS, done.
enum login_verb login_client_tls_started(struct login_client *login);

// --- reading -----------------------------------------------------------------------------------

// After LOGIN_ACCEPTED; after LOGIN_REFUSED as far as the server had told.
const struct login_peer *login_client_peer(const struct login_client *login);
// After LOGIN_ACCEPTED: the server's OK. Its slices point into the frame that was fed last.
const struct ok *login_client_ok(const struct login_client *login);
// After LOGIN_REFUSED.
const struct refusal *login_client_refusal(const struct login_client *login);
// What is true in the present state, for the log.
struct slice login_client_state_text(const struct login_client *login);
