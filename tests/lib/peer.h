// One end of a connection that a test plays byte by byte: it sends what it likes, whole packets or
// parts, and looks at what comes. Everything waits with a deadline and fails the test there. One
// thread.
#pragma once

#include "protocol/packet/handshake.h"

#include "proxy/base/buffer.h"
#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer {
    int fd;                // -1 once closed
    uint8_t sequence;      // of the next packet either way
    uint64_t capabilities; // what both sides have, once logged in
    uint64_t offered;      // what the greeting offered
    uint32_t connection_id;
    uint8_t nonce[HANDSHAKE_NONCE_SIZE];
    struct buffer in;      // what came and was not taken yet
    struct buffer payload; // of the packet read last
};

// --- life ---------------------------------------------------------------------------------------

// To a port of 127.0.0.1.
struct peer *peer_connect(uint16_t port);
// To a port of the address `to`, from the address `from`; both are in 127.0.0.0/8.
struct peer *peer_connect_between(const char *from, const char *to, uint16_t port);
struct peer *peer_connect_socket(const char *path);
// Takes over an accepted connection.
struct peer *peer_adopt(int fd);
// Ends the connection in the ordinary way (FIN) and frees it.
void peer_close(struct peer *peer);
// Ends it by a reset (RST), as a machine that went away does, and frees it.
void peer_reset(struct peer *peer);

// A listening socket on a free port of 127.0.0.1, for close().
int peer_listen(uint16_t *port);

// --- sending ------------------------------------------------------------------------------------

// False where the other side is gone.
bool peer_try_send(struct peer *peer, struct slice bytes);
void peer_send(struct peer *peer, struct slice bytes);
// One packet with the next sequence id, cut into frames where it is long.
void peer_send_packet(struct peer *peer, struct slice payload);
// The same, of which only the first `len` bytes, header included, are sent.
void peer_send_part(struct peer *peer, struct slice payload, size_t len);
// Starts a command: the sequence begins at 0.
void peer_send_command(struct peer *peer, uint8_t command, struct slice argument);
void peer_send_query(struct peer *peer, const char *statement);

// --- reading ------------------------------------------------------------------------------------

// The next packet's payload, borrowed until the next read. False where the connection ended before
// a whole one came.
bool peer_try_read(struct peer *peer, struct slice *payload);
struct slice peer_read(struct peer *peer);
// The next bytes as they come, at most `max`; 0 at the end.
size_t peer_read_bytes(struct peer *peer, uint8_t *bytes, size_t max);
// Whether the other side has ended the connection; what comes before is thrown away.
void assert_peer_closed(struct peer *peer);
// An ERR packet with this number and this in its text.
void assert_peer_err(struct peer *peer, unsigned number, const char *text);
// As assert_peer_err(); then the connection ends.
void assert_peer_refused(struct peer *peer, unsigned number, const char *text);
void assert_peer_ok(struct peer *peer);

// --- a client's side ----------------------------------------------------------------------------

// Reads the greeting and keeps its nonce.
void peer_read_greeting(struct peer *peer);
// The payload of an answer to that greeting, by mysql_native_password, for writing into `out`.
void peer_login_payload(struct peer *peer, const char *user, const char *password,
                        const char *schema, uint64_t capabilities, struct buffer *out);
// What comes behind that payload: an auth switch is followed, then OK. Fails the test on a refusal.
void peer_read_login(struct peer *peer, const char *password);
// Reads the greeting and logs in by mysql_native_password, auth switches followed: by
// caching_sha2_password only an account that the server has let in before. The schema may be NULL.
// Fails the test where the login is refused.
void peer_login(struct peer *peer, const char *user, const char *password, const char *schema);
// The same, with these capabilities beside the usual where the greeting offered them.
void peer_login_with(struct peer *peer, const char *user, const char *password, const char *schema,
                     uint64_t capabilities);

// Runs a statement and takes its answer: OK, or rows up to their end. Fails the test on an error.
// Returns the number of packets of the answer.
size_t peer_query(struct peer *peer, const char *statement);
// The first value of the first row.
struct slice peer_query_value(struct peer *peer, const char *statement);
// The same of the answer to what was sent; `statement` stands in the failure.
struct slice peer_read_value(struct peer *peer, const char *statement);
