// Inside the room only: a client's session, and what its files owe each other.
//
//     session.c    life, state, the client's stream
//     greet.c      logging in, COM_CHANGE_USER
//     command.c    which command is which
//     query.c      a statement: read, decide where it goes
//     attach.c     its connection: found, made what the session wants, the statement sent
//     relay.c      the answer on its way to the client
//     outcome.c    behind the answer: counted, remembered, the connection given back
//     effects.c    what a statement did to the session
//     loss.c       when the connection goes away
//     answer.c     what sluice says by itself
//     kill.c       ending sessions and statements
//     account.c    passwords that servers have taken
//     prepared.c   the statements that a session has open
//     digests.c    what commands count under in the table of digests
//     phases.c     where their time went
//     worker.c     what the sessions of a thread share
//
// The life of a command:
//
//     on_data -> command_begin -> query_route -> attach_begin -> attach_send -> relay_answer
//                                  |  HOLDING ^    | WAITING,  ^                     |
//                                                    PREPARING            outcome_end -> IDLE
#pragma once

#include "proxy/session/prepared.h"
#include "proxy/session/worker.h"

#include "protocol/login/login_server.h"
#include "protocol/packet/command.h"
#include "protocol/packet/error_row.h"
#include "protocol/packet/session_change.h"
#include "protocol/packet/status.h"
#include "protocol/reply/reply.h"
#include "protocol/wire/frame.h"
#include "proxy/base/arena.h"
#include "proxy/base/error.h"
#include "proxy/base/list.h"
#include "proxy/base/map.h"
#include "proxy/base/slab.h"
#include "proxy/net/resolver.h"
#include "proxy/net/stream.h"
#include "proxy/net/timer.h"
#include "router/decide/decide.h"
#include "router/sql/syntax.h"
#include "router/statement/pin.h"
#include "router/statement/statement.h"
#include "router/statement/statement_cache.h"

enum session_state {
#define STATE(name, word, from, sentence) SESSION_##name,
#include "proxy/session/states.def"
#undef STATE
    SESSION_STATE_COUNT,
};

// --- a command on its way ------------------------------------------------------------------------

// What its server was told to end a running statement for; the statement then ends with this error.
enum run_order { ORDER_NONE, ORDER_TIME_LIMIT, ORDER_KILL };
enum { ER_QUERY_INTERRUPTED = 1317 };

// Taken from the worker's spare ones when a command begins, given back when it ends, with its
// memory: so that the steady state takes nothing from the heap and an idle session holds nothing.
struct run {
    struct run *next_spare;
    struct buffer packet; // the command as the client sent it, frame headers included
    struct slice payload; // of the packet, in one piece: in `packet`, or in the arena
    enum command command;
    struct arena arena; // of the statement
    struct statement statement;
    struct statement_entry *entry; // what the statement's slices point into; NULL: the arena
    struct slice sql;              // the statement's text; empty for commands without one
    struct route route;
    struct reply reply;
    int64_t started_us;    // the command came
    int64_t connect_us;    // it waited so long for a new connection to open
    int64_t sent_us;       // it went to the server
    int64_t answered_us;   // its first bytes came
    int64_t clogged_us;    // since when the answer stands still for the client; 0: it does not
    int64_t client_us;     // it stood still so long before that
    uint64_t changed_rows; // by the OK packets of the answer
    char trouble[ERROR_TEXT_SIZE]; // why no connection could be had, the last time
    uint8_t attempts;              // servers it was sent to
    bool is_forwarded;             // bytes of the answer are with the client
    enum run_order order;
};

// --- a session -----------------------------------------------------------------------------------

enum { LAST_QUERY_SIZE = 128 };

// What the session's last statement left that the next one may ask about.
enum last_statement {
    LAST_NONE,   // there was none since the login or the last reset
    LAST_QUIET,  // its counts alone
    LAST_WARNED, // warnings or an error as well
};

struct session {
    struct stream stream; // to the client
    struct worker *worker;
    struct list link;      // in worker->sessions
    struct list holding;   // in worker->holding, HOLDING
    struct loop_task task; // frees
    struct timer timer;    // what it means goes by the state
    enum session_state state;
    uint32_t id;
    struct address peer;
    struct slice listen; // borrowed from the listener, which outlives sessions
    struct log_source source;
    struct greeting *greeting; // LOGIN, ASKING

    struct slice user;                 // owned
    const struct conf_user *conf_user; // of the worker's configuration
    struct pool_account *account;
    struct limit_token client_token, user_token;
    uint64_t capabilities; // of both sides
    uint16_t collation;    // for the handshake of new connections
    uint8_t nonce[NONCE_SIZE];

    struct image *image;      // what the session wants
    struct sql_syntax syntax; // comes of the image
    uint16_t status;          // the last status flags: of a transaction, autocommit, sql_mode
    int lost_on;   // index of the server that an open transaction was lost with; -1: none was
    uint32_t pins; // PIN_BIT()s
    struct prepared_list prepared; // open on the connection
    int64_t transaction_us;        // when the open one began
    int64_t since_us;              // when the state began
    uint64_t queries;
    uint8_t last_query_len;
    char last_query[LAST_QUERY_SIZE]; // the beginning of the last statement
    char *hint_warning; // owned: what was wrong with the last statement's hints; NULL: nothing

    struct run *run;       // the command on its way
    struct pooled *pooled; // the connection it has
    struct pool_ties ties;
    struct pool_waiter waiter;
    uint64_t insert_id; // LAST_INSERT_ID(), where no connection knows it any more
    enum last_statement last;
};

// --- session.c -----------------------------------------------------------------------------------

struct session *session_create(struct worker *worker, int fd, const struct address *peer,
                               struct slice listen);
void session_enter(struct session *session, enum session_state state);
// Whether the connection is kept only since the next statement may ask about the last one.
bool session_keeps_last_statement(const struct session *session);
// Ends it at once: connection given back or closed, stream closed.
void session_close(struct session *session);
// Ends it after what was sent has gone out.
void session_finish(struct session *session);
// The command is answered: IDLE again, and the next one if it is there already.
void session_idle(struct session *session);
// Does what a session at a boundary does when sluice drains. Returns whether it ended.
bool session_drain(struct session *session);
const char *session_state_word(enum session_state state);
bool session_is_mariadb(const struct session *session); // what the client was told
// Status flags as they are true now, for packets of sluice's own.
uint16_t session_status(const struct session *session);

// --- greet.c -------------------------------------------------------------------------------------

void greet_start(struct session *session);
size_t greet_data(struct session *session, const uint8_t *bytes, size_t len);
void greet_secured(struct session *session);
void greet_change_user(struct session *session);
void greet_timed_out(struct session *session);
void greet_release(struct session *session);

// --- command.c -----------------------------------------------------------------------------------

// `bytes` begin with a command. Returns how many it took; 0: there is less than a whole one.
size_t command_begin(struct session *session, const uint8_t *bytes, size_t len);
void command_end(struct session *session); // gives the run back

// --- query.c -------------------------------------------------------------------------------------

void query_begin(struct session *session, struct slice sql);
// A command without a statement's text: `statement` says what it is like.
void query_begin_command(struct session *session, const struct statement *statement);
// For commands that belong to the connection that the session has.
void query_begin_attached(struct session *session);
// Decides, and goes on; again whenever something changed while it was HOLDING.
void query_route(struct session *session);
// No server may run it now: it waits for the monitor's next word, up to queue_timeout since it
// came.
void query_hold(struct session *session);
void query_timed_out(struct session *session);
bool session_is_attached(const struct session *session);

// The open transaction, by the status flags of the last answer.
enum route_transaction session_transaction(const struct session *session);
bool session_autocommit_is_off(const struct session *session);

// --- attach.c ------------------------------------------------------------------------------------

// The next statement does not ask about the last one: what was kept for that is free.
void attach_leave_last(struct session *session);
// Gets the connection that the route names, the session's own or one of the pool, and sends.
void attach_begin(struct session *session);
// Sends on the connection that the session has, as it is.
void attach_send(struct session *session);

extern const struct conn_handler session_conn_handler;

// --- outcome.c -----------------------------------------------------------------------------------

// How an answer ended.
struct outcome {
    bool is_error;     // with an ERR
    bool has_status;   // with a packet that has status flags
    bool has_leftover; // and bytes came behind it
    uint16_t status;   // the last that came, also before an ERR; 0: none
};

// The answer has ended (or none is due): the command is over.
void outcome_end(struct session *session, const struct outcome *outcome);

// --- loss.c --------------------------------------------------------------------------------------

enum { QUERY_ATTEMPTS_MOST = 3 }; // servers that a statement is tried on

// The connection is gone, whatever the session was doing with it.
void query_lost(struct session *session, const struct conn_loss *loss);
// Gives the connection back, or closes it in the middle of whatever it is.
void query_let_go(struct session *session);
// The same, and gives up the command.
void query_abandon(struct session *session);

// --- relay.c -------------------------------------------------------------------------------------

void relay_begin(struct session *session, enum command command);
size_t relay_answer(struct session *session, const uint8_t *bytes, size_t len);
size_t relay_upload(struct session *session, const uint8_t *bytes, size_t len);
void relay_client_writable(struct session *session);
void relay_server_writable(struct session *session);

// --- effects.c -----------------------------------------------------------------------------------

// An OK came in the answer: what it says of the session's changes.
void effects_ok(struct session *session, const struct ok *ok);
// The answer has ended: what the statement's text says.
void effects_end(struct session *session, bool is_error);
// The session's state is as after the login.
void effects_reset(struct session *session);
void effects_pin(struct session *session, enum pin_reason pin);
// A statement was prepared on the connection, under the server's id.
void effects_prepared(struct session *session, uint32_t id);
bool effects_has_prepared(const struct session *session);
// The reason that is shown where there are several.
enum pin_reason effects_shown_pin(const struct session *session);
void effects_image_changed(struct session *session);
bool effects_is_client_tracked(const struct session_change *change);

// --- answer.c ------------------------------------------------------------------------------------

// Sends an OK with the session's status, and the command is over.
void answer_ok(struct session *session);
void answer_eof(struct session *session);
void answer_payload(struct session *session, struct slice payload);
// The words in which a server refused the connection that the statement needs.
void answer_refusal(struct session *session, struct slice refusal);
// A statement of class PROXY.
void answer_statement(struct session *session);
// An error of errors.def; the command is over.
#define answer_error(session, name, ...)                                                           \
    do {                                                                                           \
        struct buffer answer_packet = BUFFER_INIT;                                                 \
        struct writer answer_writer = answer_writer_make(session, &answer_packet);                 \
        writer_packet_begin(&answer_writer);                                                       \
        error_write(&answer_writer, session_is_mariadb(session), name, ##__VA_ARGS__);             \
        answer_send_error(session, &answer_writer, ERROR_ROW_##name);                              \
        buffer_release(&answer_packet);                                                            \
    } while (0)
struct writer answer_writer_make(struct session *session, struct buffer *buf);
void answer_send_error(struct session *session, struct writer *writer, enum error_row row);

// --- digests.c -----------------------------------------------------------------------------------

// The command ends now: adds it to the entry of its text, or of the statement that it runs.
void digests_count(struct session *session, enum metric_target target, bool is_error,
                   int64_t now_us);
// The digest of the text that is being prepared; the caller's, for digest_text_unref().
struct digest_text *digests_prepared(const struct session *session);

// --- phases.c ------------------------------------------------------------------------------------

// The answer waits for the client to read; it goes on.
void phases_clogged(struct session *session);
void phases_flowing(struct session *session);
// The statement's answer has ended; one of sluice's own has.
void phases_count(struct session *session, enum metric_target target, int64_t now_us);
void phases_count_own(const struct session *session, enum metric_target target, int64_t now_us);

// --- kill.c --------------------------------------------------------------------------------------

// Ends the statement that runs on the connection, by a connection of its own.
void kill_statement(struct session *session);
void kill_begin(struct session *session, uint64_t id, bool is_query);
// Gives up what is still on its way to a server.
void kills_release(struct worker *worker);

// --- account.c -----------------------------------------------------------------------------------

// What the worker knows about an account; NULL: nothing.
struct account_entry {
    struct secret *secret;
    uint8_t sha2_hash[SHA256_SIZE];
    uint8_t native_hash[SHA1_SIZE];
    bool has_native_hash;
    int64_t verified_us;
    bool is_rechecked; // a server is being asked again
};
const struct account_entry *account_find(struct worker *worker, struct slice user);
// Whether it was verified so lately that its fast proof is enough.
bool account_is_trusted(const struct worker *worker, const struct account_entry *entry);
// Asks a server again, in the background, where the last time was longer ago than `recheck`.
void account_recheck(struct worker *worker, struct slice user);
// A server took it: known to every worker from now on.
void account_learn(struct worker *worker, struct slice user, struct secret *secret);
// It changed, or may have: every worker forgets it. Empty: every account.
void account_forget(struct worker *worker, struct slice user);
// Whether that user has been let into that schema before: then nobody need be asked again.
bool account_has_schema(const struct worker *worker, struct slice user, struct slice schema);
void account_add_schema(struct worker *worker, struct slice user, struct slice schema);
// A schema is gone: every worker asks again.
void account_forget_schemas(struct worker *worker);
void accounts_release(struct worker *worker);

// --- worker.c ------------------------------------------------------------------------------------

struct worker {
    struct worker_shared *shared;
    unsigned index;
    struct loop *loop;
    struct metrics *metrics;
    struct log_source source;
    struct worker_setup *setup;
    struct worker_setup *first_setup; // its addresses are those that clients come in by
    const struct config *config;      // of the setup
    struct topology *topology;        // NULL until the monitor's first
    const struct catalogue *catalogue;
    struct resolver *resolver;
    struct conn_target **targets; // by server index
    struct conn_target *target_list[TOPOLOGY_SERVERS_MAX];
    struct list old_targets;
    struct image_table images;
    struct pools *pools;
    struct map accounts;
    struct map schemas; // "user\0schema" of logins that a server has let in
    struct list sessions;
    struct list holding;
    struct list killers;  // connections that end statements
    struct list rechecks; // connections that verify passwords again
    size_t session_count;
    uint32_t next_id;
    struct run *spare_runs;
    struct statement_cache *statements;
    struct rules_scratch *scratch;
    struct balancer balancer;
    struct server_load loads[TOPOLOGY_SERVERS_MAX];
    uint32_t latency_us[TOPOLOGY_SERVERS_MAX]; // of answers, smoothed
    struct listener *listeners[CONF_LISTEN_MAX];
    size_t listener_count;
    uint64_t routes[ROUTE_REASON_COUNT][ROUTE_TARGET_COUNT];
    struct rule_hits *rule_hits; // by the rule's index
    struct digest_table *digests;
    bool is_paused;
    bool is_draining;
};

// The server that passwords are tried on: the primary, or, with it away, a replica; -1: none.
int worker_server_for_logins(const struct worker *worker);
// The session of that id, or NULL.
struct session *worker_session(const struct worker *worker, uint32_t id);
struct run *run_take(struct worker *worker);
void run_give(struct worker *worker, struct run *run);
