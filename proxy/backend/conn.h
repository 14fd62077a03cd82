// One connection to one server: opening it, logging in, bringing its session state to a wanted
// image, resetting it, running commands of our own with the result collected, and passing somebody
// else's command and its answer through.
//
//     CLOSED --conn_open--> CONNECTING --> LOGIN --> PREPARING --> READY --conn_relay--> RELAYING
//                                                       ^            |  <--conn_settle----/
//                                                       '------------'  conn_apply, conn_reset,
//                                                       conn_query
//     any --loss, refusal, conn_close--> CLOSED
//
// The connection tells its holder by callbacks, from the loop only, never from inside a function of
// this header. Its memory is its own: conn_close() frees it at the end of the turn, and no callback
// comes after it. One thread: the loop's.
#pragma once

#include "conf/config.h"
#include "protocol/login/login_client.h"
#include "protocol/packet/collation.h"
#include "protocol/packet/column.h"
#include "proxy/backend/image.h"
#include "proxy/backend/statements.h"
#include "proxy/base/error.h"
#include "proxy/base/list.h"
#include "proxy/net/loop.h"
#include "proxy/net/resolver.h"
#include "proxy/net/stream.h"
#include "proxy/net/timer.h"

struct conn;

// --- what a connection goes to, and as whom ------------------------------------------------------

// A server as one loop sees it. Belongs to the loop; outlives its connections.
struct conn_target {
    struct slice name; // the section's: db1
    int index;         // in the topology
    struct conf_address address;
    enum conf_tls_mode tls;
    struct tls_context *tls_context; // NULL with tls = disabled
    struct resolver *resolver;       // for a host that is no IP address
    int64_t connect_timeout_us;      // from the start to a finished login
    enum conf_compression compression;
    bool sends_proxy; // connections begin with a PROXY header that names the client
    struct statement_budget *statements; // of the connections to it; NULL: they prepare none
};

// What cannot be changed once a connection is logged in (a pool's key, with the target and the
// user).
struct conn_traits {
    bool found_rows;
    bool ignore_space;
    bool interactive;
    bool deprecate_eof;
    bool extended_types;
    bool query_attributes;
    // On whose behalf it is, where the server is told: the client's IP address, without a port.
    // ADDRESS_NONE: sluice's own.
    struct address client;
};

struct conn_settings {
    struct loop *loop;
    const struct conn_target *target; // borrowed for the connection's life
    struct slice user;                // borrowed for the call
    struct secret *secret;            // the connection takes a reference until the login has ended
    struct conn_traits traits;
    uint16_t collation;      // number for the handshake
    struct slice schema;     // borrowed for the call; empty: none
    struct slice attributes; // borrowed for the call: pairs that tell of the client
    bool multi_statements;
    struct image_table *images; // where the connection's image is interned; NULL: a connection for
                                // conn_query() alone
    bool is_replica; // its session is set READ ONLY: a second line against misrouted writes
};

// --- why one ended -------------------------------------------------------------------------------

enum conn_end {
#define CONN_END(name, word, sentence) CONN_END_##name,
#include "proxy/backend/conn_end.def"
#undef CONN_END
    CONN_END_COUNT,
};

const char *conn_end_word(enum conn_end end);
const char *conn_end_sentence(enum conn_end end);

// Told to the holder when the connection is lost, or when it could not be prepared. `refusal` is
// the server's own ERR packet where there was one (its payload, borrowed for the call), as a login
// refused with 1045 or a SET with 1231.
struct conn_loss {
    enum conn_end end;
    struct slice refusal;
    uint16_t code;             // the refusal's number, or 0
    const struct error *error; // never NULL; a sentence that names the server
};

// Whether the server does not let the account in: its password was changed, it is gone or locked,
// or may not come from here.
bool conn_loss_is_of_account(const struct conn_loss *loss);
// Whether no more connections can be had while there are so many: the server takes no more, of that
// account or at all, or sluice itself is at an end.
bool conn_loss_is_full(const struct conn_loss *loss);
// Whether it says something of the server, not of one account or session: for the monitor.
bool conn_loss_tells_of_server(const struct conn_loss *loss);

// --- the holder ----------------------------------------------------------------------------------

struct conn_handler {
    // Logged in, or applied, or reset: the connection is READY.
    void (*on_ready)(struct conn *conn);
    // RELAYING: bytes of the answer, as stream_handler's on_data().
    size_t (*on_answer)(struct conn *conn, const uint8_t *bytes, size_t len);
    // RELAYING: what was sent has gone out after the stream was congested.
    void (*on_writable)(struct conn *conn);
    // The connection is CLOSED and frees itself; the last callback.
    void (*on_closed)(struct conn *conn, const struct conn_loss *loss);
};

// --- life ----------------------------------------------------------------------------------------

// Starts to connect; on_ready() or on_closed() tells how it went. Never NULL.
struct conn *conn_open(const struct conn_settings *settings, const struct conn_handler *handler,
                       void *holder);
// Who is told from now on.
void conn_hold(struct conn *conn, const struct conn_handler *handler, void *holder);
void *conn_holder(const struct conn *conn);
// Closes and frees at the end of the turn; says COM_QUIT where the protocol is at a boundary.
// Silent.
void conn_close(struct conn *conn);

// The holder is told, from the loop, that the connection closed for that reason: when it must not
// be used any more.
void conn_break(struct conn *conn, enum conn_end end, const char *text);

// The server is in trouble, or is not any more: whether its machine is asked every second if it is
// still there; and whether it has stopped answering. A server that hangs answers all the same: its
// machine does.
void conn_watch(const struct conn *conn, bool closely);
bool conn_is_unheard(const struct conn *conn);

// --- state ---------------------------------------------------------------------------------------

enum conn_state {
#define CONN_STATE(name, word, sentence) CONN_##name,
#include "proxy/backend/conn_state.def"
#undef CONN_STATE
    CONN_STATE_COUNT,
};

enum conn_state conn_state(const struct conn *conn);

// Whether the connection is as `image` wants it: READY and no difference. One pointer comparison in
// the ordinary case.
bool conn_is_as(const struct conn *conn, const struct image *image);
// Whether conn_apply() can make that of it: a schema once chosen cannot be left again.
bool conn_can_become(const struct conn *conn, const struct image *image);
// READY: brings the session state to `image`, everything in one round trip; on_ready() follows, or
// on_closed() with the server's refusal. The connection takes a reference of its own.
void conn_apply(struct conn *conn, struct image *image);
// The same, with a whole command of the holder's sent right behind it, in one piece: where
// on_ready() calls conn_relay(), the rest of what comes is that command's answer. It runs whatever
// the server says to the state before it.
void conn_apply_ahead(struct conn *conn, struct image *image, struct slice behind);
// READY: forgets all session state (temporary tables, locks, variables, prepared statements, an
// open transaction) in one round trip; on_ready() or on_closed() follows.
void conn_reset(struct conn *conn);

// What the holder has learnt of the session state by the answers that it passed on; the connection
// takes over the reference. NULL: unknown, the next conn_apply() sets everything.
void conn_became(struct conn *conn, struct image *image);
struct image *conn_image(const struct conn *conn); // borrowed; NULL: unknown

// The statements that the server has prepared for this connection.
struct statements *conn_statements(struct conn *conn);
// The server has no room for more: every connection of the loop to it gives some up. False: none
// had any.
bool conn_shrink_statements(struct conn *conn);

// Whether the servers report changes of that session variable with their OK packets.
bool conn_tracks(struct slice name);

// The MariaDB variable whose changes say what was committed on a connection to the primary: they
// are reported with the OK packets, as MySQL's GTIDs are.
#define CONN_LAST_GTID S("last_gtid")

// --- passing through -----------------------------------------------------------------------------

// READY -> RELAYING: from now on the holder sends and on_answer() brings what comes.
void conn_relay(struct conn *conn);
// RELAYING -> READY: the answer has come to its end.
void conn_settle(struct conn *conn);

struct stream *conn_stream(struct conn *conn); // RELAYING: for sending, pausing, resuming

// --- commands of our own -------------------------------------------------------------------------

// A text result, collected; lives until `done` returns. At most CONN_RESULT_MOST bytes of an
// answer.
enum { CONN_RESULT_MOST = 16 << 20 };

struct conn_row {
    struct slice *cells; // ptr NULL: SQL NULL
};

struct conn_result {
    size_t column_count;
    struct slice *columns; // names
    struct column *definitions;
    size_t row_count;
    struct conn_row *rows;
    uint16_t status; // of the last OK
    uint16_t code;   // 0, or the number of the server's error
    size_t left;     // conn_query_all(): how many results come behind it
    struct slice error;
    struct slice sqlstate; // of the error
};

typedef void conn_result_fn(struct conn *conn, const struct conn_result *result, void *context);

// READY: runs one statement and calls `done` with its result (the last one, where there are
// several); the connection is READY again when it is called. If the connection is lost, on_closed()
// comes instead.
void conn_query(struct conn *conn, struct slice sql, conn_result_fn *done, void *context);
// The same, with a whole command of the holder's sent right behind it, in one piece (empty: none):
// where `done` calls conn_relay(), the rest of what comes is that command's answer. It runs
// whatever the statement before it ends in. How long that may take is the holder's to mind.
void conn_query_ahead(struct conn *conn, struct slice sql, struct slice behind,
                      conn_result_fn *done, void *context);
// READY: runs as many statements, at most CONN_QUERIES_MOST, sent in one piece. `done` is called
// for each, whatever the others end in; the connection is READY again at the last.
enum { CONN_QUERIES_MOST = 8 };
void conn_query_all(struct conn *conn, const struct slice *texts, size_t count,
                    conn_result_fn *done, void *context);
// READY: a COM_PING in the same way; result->code is 0.
void conn_ping(struct conn *conn, conn_result_fn *done, void *context);

// How it went to prepare a text: `refusal` is the server's ERR packet (its payload, borrowed for
// the call), or empty: then the statement stands among conn_statements().
typedef void conn_prepared_fn(struct conn *conn, struct slice refusal, void *context);

// READY: prepares a text that the connection's session state fits. The packets in `behind` go out
// right behind it; `done` is called when the answer to the preparation has come, with the
// connection READY, and answers to what stood behind it are still to come: the caller relays them.
void conn_prepare(struct conn *conn, struct prepared_text *text, struct slice behind,
                  conn_prepared_fn *done, void *context);

// --- asking --------------------------------------------------------------------------------------

const struct conn_target *conn_target(const struct conn *conn);
// What the login found out: version, family, capabilities, and the server's own id of the
// connection, for KILL.
const struct login_peer *conn_peer(const struct conn *conn);
bool conn_is_replica(const struct conn *conn); // carries the READ ONLY guard
// The server told what a statement set it to; the guard is on again behind the next reset.
void conn_note_access_mode(struct conn *conn, struct slice value);
bool conn_has_lost_guard(const struct conn *conn);
// As the server calls the variable of that guard: transaction_read_only, or tx_read_only.
struct slice conn_access_mode_name(const struct conn *conn);
