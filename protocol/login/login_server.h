// The login as we lead it towards a client: greeting, TLS request, handshake response, auth switch,
// and the proofs of mysql_native_password, caching_sha2_password (fast; full by TLS, Unix socket or
// RSA) and mysql_clear_password, up to OK or error. Also COM_CHANGE_USER. The states and what is
// true in each: login_server.def.
//
// Lives as long as the login and is then released; what outlives it is taken out by
// login_server_take_secret() and copied from login_server_request() and login_server_nonce(). One
// thread.
//
// The caller's loop (see login.h for the rule about `out`):
//
//     login_server_init(&login, &options);
//     verb = login_server_greet(&login);              // or login_server_change_user(), see there
//     for (;;) {
//         send(login.out); buffer_clear(&login.out);
//         switch (verb) {
//         case LOGIN_READ:                             // header first: its length is the peer's
//             verb = header.len > LOGIN_PACKET_MAX
//                  ? login_server_too_long(&login, header.sequence)
//                  : login_server_feed(&login, payload, header.sequence);
//             wipe(payload);                           // it may have held a password
//             break;
//         case LOGIN_START_TLS:                        // no byte behind the frame is plain
//             verb = tls_accept() ? login_server_tls_started(&login) : close();
//             break;
//         case LOGIN_LOOK_UP:                          // by login_server_request(&login)->user
//             verb = login_server_account(&login, found ? &account : NULL);
//             break;
//         case LOGIN_DECRYPT:                          // see decryption.h
//             job = login_server_take_decryption(&login); ... helper thread ...
//             verb = login_server_decrypted(&login, &job);
//             break;
//         case LOGIN_ASK_SERVER:                       // try login_server_secret() on a server
//             verb = it_let_us_in ? login_server_verified(&login)
//                                 : login_server_refuse(&login, &its_error);
//             break;
//         case LOGIN_ACCEPTED:                         // limits, schema, ...
//             all_well ? login_server_accept(&login, &ok) : login_server_refuse(&login, &error);
//             secret = login_server_take_secret(&login);
//             send(login.out); login_server_release(&login); return;
//         case LOGIN_REFUSED:                          // log login_server_refusal(&login)
//             send(login.out); login_server_release(&login); close(); return;
//         }
//     }
//
// Frames that come while the verb is another than LOGIN_READ stay unread; one that is fed all the
// same was sent out of turn and ends the login. Once refused, every function says LOGIN_REFUSED and
// does nothing more, so that a helper's late answer needs no check. A client that hangs up: log
// login_server_state_text() and release.
#pragma once

#include "protocol/login/account.h"
#include "protocol/login/auth_plugin.h"
#include "protocol/login/decryption.h"
#include "protocol/login/login.h"
#include "protocol/login/login_key.h"
#include "protocol/login/refusal.h"
#include "protocol/login/secret.h"
#include "protocol/packet/attribute.h"
#include "protocol/packet/err.h"
#include "protocol/packet/ok.h"

#include "proxy/base/buffer.h"
#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum login_server_state {
#define ROW(state, speaker, from, step, sentence) LOGIN_SERVER_##state,
#include "protocol/login/login_server.def"
#undef ROW
};

// How the client is met. Slices and pointers are borrowed until login_server_release(); of the key
// a reference is taken.
struct login_server_options {
    struct slice server_version; // what the client is told
    uint32_t connection_id;
    uint64_t capabilities; // to offer; a login needs some (LOGIN_SERVER_CAPABILITIES), which are
                           // added, and SSL goes by offers_tls
    enum auth_plugin greeting; // the plugin it names: SHA2, also where it is left zero, or NATIVE
    uint8_t collation;
    uint16_t status; // STATUS_AUTOCOMMIT, mostly
    bool offers_tls;
    bool requires_tls;     // a login over a line that is not safe is refused before any proof
    bool is_secure;        // nobody reads along: a Unix socket
    struct login_key *key; // NULL: no full exchange without TLS or socket
    const struct account_fakes *fakes; // not NULL
    struct slice peer;                 // the client's address, for error texts
};

#define LOGIN_SERVER_CAPABILITIES                                                                  \
    (CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION | CAPABILITY_PLUGIN_AUTH |              \
     CAPABILITY_PLUGIN_AUTH_LENENC_DATA)

// What the client asked for. Slices are borrowed until login_server_release().
struct login_request {
    struct slice user;
    struct slice schema;     // empty: none
    struct slice attributes; // for attribute_next()
    uint64_t capabilities;   // what both sides have: these count from now on
    uint8_t zstd_level;      // with CAPABILITY_ZSTD_COMPRESS
    uint32_t max_packet;     // as the client says; 0 after COM_CHANGE_USER
    uint16_t collation;      // 0: none was sent, which only old clients do at COM_CHANGE_USER
    enum auth_plugin plugin; // that the client named first
    bool is_secure;          // TLS or a Unix socket
    bool is_tls;
};

struct login_server {
    struct buffer out; // to be sent after every call
    // --- private ---
    enum login_server_state state;
    uint8_t sequence; // of the next frame, either way
    uint8_t nonce[NONCE_SIZE];
    bool is_proof_empty;           // for the text of 1045
    unsigned judged;               // bits of the plugins whose proof was judged
    struct buffer packet;          // the client's answer; what `request` and `proof` point into
    struct slice proof;            // that came with it
    struct slice plugin_named;     // by the client
    struct secret *secret;         // proved, or for the server to judge
    struct decryption *decryption; // until it is taken
    struct account account;
    struct login_request request;
    struct login_server_options options;
    struct refusal refusal;
};

// --- life --------------------------------------------------------------------------------------

void login_server_init(struct login_server *login, const struct login_server_options *options);
// Wipes and frees everything, `out` included.
void login_server_release(struct login_server *login);

// --- starting, one of these --------------------------------------------------------------------

// Writes the greeting. Next: LOGIN_READ.
enum login_verb login_server_greet(struct login_server *login);

// For a COM_CHANGE_USER, whose frame is fed next (sequence id 0). `capabilities`, `nonce`: what the
// session has had since its login (login_server_request(), login_server_nonce()); options.is_secure
// counts TLS too here. A refusal ends the session, as with the servers.
enum login_verb login_server_change_user(struct login_server *login, uint64_t capabilities,
                                         const uint8_t nonce[NONCE_SIZE]);

// --- going on, as the verb says ----------------------------------------------------------------

// LOGIN_READ: the payload of one frame (not continued: LOGIN_PACKET_MAX is shorter). The payload is
// read in this call alone; it may hold a password, so the caller wipes it afterwards.
enum login_verb login_server_feed(struct login_server *login, struct slice payload,
                                  uint8_t sequence);
// LOGIN_READ, and the frame's header says more than LOGIN_PACKET_MAX.
enum login_verb login_server_too_long(struct login_server *login, uint8_t sequence);
// LOGIN_START_TLS, done.
enum login_verb login_server_tls_started(struct login_server *login);
// LOGIN_LOOK_UP. NULL: there is no such account (and no server to ask): judged against a fake one.
// Borrowed for the call.
enum login_verb login_server_account(struct login_server *login, const struct login_account *found);
// LOGIN_DECRYPT: the job, now the caller's.
struct decryption *login_server_take_decryption(struct login_server *login);
// LOGIN_DECRYPT, done: consumes the job.
enum login_verb login_server_decrypted(struct login_server *login, struct decryption **job);
// LOGIN_ASK_SERVER: a server took the secret.
enum login_verb login_server_verified(struct login_server *login);
// LOGIN_ACCEPTED: writes the OK, and the login is over. LOGIN_READ: commands come next.
enum login_verb login_server_accept(struct login_server *login, const struct ok *ok);
// In any state but after the end, the one before the greeting included: refuses with this error.
// The verb is LOGIN_REFUSED.
enum login_verb login_server_refuse(struct login_server *login, const struct err *err);

// --- reading -----------------------------------------------------------------------------------

// From LOGIN_LOOK_UP on.
const struct login_request *login_server_request(const struct login_server *login);
// Of NONCE_SIZE bytes. All proofs of a session are made over the same nonce: a session that may
// change its user keeps it.
const uint8_t *login_server_nonce(const struct login_server *login);
// From LOGIN_ASK_SERVER or LOGIN_ACCEPTED on: what the client proved to know. Borrowed.
const struct secret *login_server_secret(const struct login_server *login);
// The same, now the caller's; may be NULL (no password).
struct secret *login_server_take_secret(struct login_server *login);
// After LOGIN_REFUSED.
const struct refusal *login_server_refusal(const struct login_server *login);
// What is true in the present state, for the log.
struct slice login_server_state_text(const struct login_server *login);
