// Inside the room only: a client's session, and what its files owe each other.
//
//     session.c    life, state, the client's stream
//     header.c     who the client is, where a PROXY header tells
//     greet.c      logging in, COM_CHANGE_USER
//     asking.c     the same: asking a server whether the password is right
//     command.c    which command is which
//     query.c      a statement: read, decide where it goes
//     run.c        what a command needs while it is on its way
//     learn.c      waiting for the catalogue of stored programs
//     rewriting.c  a walk over a text that puts something else in place of what it finds
//     sent.c       the text that the server gets in place of the client's
//     own_id.c     CONNECTION_ID() in a statement's text
//     guard.c      what would show that a replica's connection is READ ONLY
//     last.c       what the last statement left: warnings, counts
//     found.c      FOUND_ROWS()
//     recall.c     a statement that asks about that
//     attach.c     its connection: found, made what the session wants, the statement sent
//     wait.c       a replica is waited for, until it has what the session wrote
//     relay.c      the answer on its way to the client
//     outcome.c    behind the answer: counted, remembered, the connection given back
//     shown.c      what of a statement's text operators see
//     effects.c    what a statement did to the session
//     variables.c  the same: what it assigned
//     tracking.c   session_track_..., whatever its connection reports to sluice
//     held.c       what only its connection has, by name
//     settle.c     asking the server what a statement left in doubt
//     written.c    what it wrote, so that the session's reads see it
//     loss.c       when the connection goes away
//     missing.c    what a replica does not have yet
//     answer.c     what sluice says by itself
//     process_list.c  SHOW PROCESSLIST
//     id_table.c   the tables of information_schema that have connections' ids
//     kill.c       ending sessions and statements
//     account.c    passwords that servers have taken
//     rights.c     what accounts may do to others' sessions
//     prepared.c   the statements that a session has open
//     named.c      those that it has prepared by name
//     preparation.c    preparing them: asking a server, or knowing its answer
//     execution.c  running them on whichever connection the text is routed to
//     digests.c    what commands count under in the table of digests
//     phases.c     where their time went
//     worker.c     what the sessions of a thread share
//     newcomer.c   a client that comes: which worker gets it, or why none does
//
// The life of a command:
//
//     on_data -> command_begin -> query_route -> attach_begin -> attach_send -> relay_answer
//                                  |  HOLDING ^    | WAITING,  ^                     |
//                                                    PREPARING,
//                                                    CATCHING             outcome_end -> IDLE
#pragma once

#include "proxy/session/account.h"
#include "proxy/session/held.h"
#include "proxy/session/last.h"
#include "proxy/session/named.h"
#include "proxy/session/prepared.h"
#include "proxy/session/rights.h"
#include "proxy/session/run.h"
#include "proxy/session/worker_priv.h"

#include "protocol/login/login_server.h"
#include "protocol/packet/column.h"
#include "protocol/packet/command.h"
#include "protocol/packet/error_row.h"
#include "protocol/packet/prepare_ok.h"
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

#include <sys/socket.h>

enum session_state {
#define STATE(name, word, from, sentence) SESSION_##name,
#include "proxy/session/states.def"
#undef STATE
    SESSION_STATE_COUNT,
};

// --- a session -----------------------------------------------------------------------------------

// What session_track_... the session has by itself, whatever its connection reports to sluice.
// TRACKED_LAST_GTID is what servers have reported to sluice of the session's own writes.
enum tracked { TRACKED_GTIDS, TRACKED_SCHEMA, TRACKED_VARIABLES, TRACKED_LAST_GTID, TRACKED_COUNT };

enum { LAST_QUERY_SIZE = 128 };

struct session {
    struct stream stream; // to the client
    struct worker *worker;
    struct list link; // in worker->sessions
    // In worker->holding, HOLDING; in worker->learning, LEARNING; in waits.sessions, CATCHING; in
    // worker->asking, ASKING.
    struct list holding;
    struct loop_task task; // frees
    struct loop_task wake; // HOLDING: what a connection knew was saved, or is gone
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

    struct image *image;        // what the session wants
    struct sql_syntax syntax;   // comes of the image
    uint16_t status;            // the last status flags: of a transaction, autocommit, sql_mode
    uint64_t catalogue_change;  // the latest of the session's own statements that changed programs
    bool is_transaction_unsure; // an error came that may have ended the open one: it said nothing
    int lost_on;   // index of the server that an open transaction was lost with; -1: none was
    uint32_t pins; // PIN_BIT()s
    char *tracking[TRACKED_COUNT]; // owned: what each is set to; NULL: as for a new session
    struct held *held;             // what its connection has for it, by name
    struct prepared_list prepared; // open
    struct named_list named;       // prepared by name, on the connection
    int64_t transaction_us;        // when the open one began
    int64_t since_us;              // when the state began
    uint64_t queries;
    uint8_t changes_refused; // COM_CHANGE_USER
    uint8_t last_query_len;
    char last_query[LAST_QUERY_SIZE]; // the beginning of the last statement
    char *hint_warning; // owned: what was wrong with the last statement's hints; NULL: nothing

    struct run *run;       // the command on its way
    struct pooled *pooled; // the connection it has
    struct pool_ties ties;
    struct pool_waiter waiter;
    uint64_t insert_id; // LAST_INSERT_ID(), where no connection knows it any more; with told_ids,
                        // what it was before
    uint64_t told_ids[TOLD_IDS_MOST]; // by OKs on the connection that is tied for it, the last one
                                      // first: one of them is the id, where the connection says so;
                                      // 0: none is in doubt
    struct last last;
    struct position position; // what it has written: its reads see that. A reset leaves it.
};

// --- session.c -----------------------------------------------------------------------------------

struct session *session_create(struct worker *worker, int fd, const struct address *peer,
                               struct slice listen);
void session_enter(struct session *session, enum session_state state);
// Ends it at once: connection given back or closed, stream closed.
void session_close(struct session *session);
// Ends it after what was sent has gone out.
void session_finish(struct session *session);
// The command is answered: IDLE again, and the next one if it is there already.
void session_idle(struct session *session);
// The configuration has changed: the limits of who is idle count from when it became idle.
void session_limits_changed(struct session *session);
// Does what a session at a boundary does when sluice drains. Returns whether it ended.
bool session_drain(struct session *session);
const char *session_state_word(enum session_state state);
bool session_is_mariadb(const struct session *session); // what the client was told
// What a login with that collation leaves.
struct slice session_login_collation(const struct session *session,
                                     const struct collation *collation);
// Status flags as they are true now, for packets of sluice's own.
uint16_t session_status(const struct session *session);

// The client's address in the form of the sockets' interface. NULL: a Unix socket.
const struct sockaddr *session_sockaddr(const struct session *session,
                                        struct sockaddr_storage *storage);

// --- header.c ------------------------------------------------------------------------------------

// Whether the connection must begin with a PROXY header.
bool header_is_due(const struct session *session);
void header_start(struct session *session);
// Takes the header, and greets whoever it names. Returns how many bytes it took.
size_t header_data(struct session *session, const uint8_t *bytes, size_t len);
void header_timed_out(struct session *session);

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
// Reads the text as the session means it: the run's `sql` and `statement`.
void query_read_text(struct session *session, struct slice sql);
// The same, and puts the session's id into what is sent, where that is asked for.
void query_read(struct session *session, struct slice sql);
// Under sql_auto_is_null a comparison with NULL may mean the last insert id.
void query_null_asks(const struct session *session, struct statement *statement);
// Goes on with a statement that was read.
void query_go(struct session *session);
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

// --- sent.c --------------------------------------------------------------------------------------

// Makes run->sent of the text with something else in place of what `take` finds in it
// (rewriting.h); nothing where that cannot be read with certainty.
struct rewriting;
void run_rewrite(struct session *session, bool (*take)(struct rewriting *at, void *context));

// --- own_id.c ------------------------------------------------------------------------------------

// Puts the session's id into a text that asks for the connection's.
void own_id_put(struct session *session);

// --- found.c -------------------------------------------------------------------------------------

// The statement has ended.
void found_note(struct session *session, bool is_error);

// --- last.c --------------------------------------------------------------------------------------

// The command goes to a server; packets of its answer; and it has ended.
void last_begin(struct run *run);
void last_ok(struct run *run, const struct ok *ok, bool ends_rows);
void last_err(struct run *run, const struct err *err);
void last_note(struct session *session, bool is_error);
// A text was prepared, and it left no warnings of its own.
void last_prepared(struct session *session);
// sluice itself ends the command with an error.
void last_refused(struct session *session, const struct err *err);
// What the session's connection alone knows of the last statement, and a statement of sluice's own
// would cover up: what to ask before it, by whether that uses tables. Returns how many questions.
enum { LAST_QUESTIONS = 2 };
struct last_question {
    enum pool_tie_kind kind;
    struct slice text;
};
size_t last_questions(const struct session *session, bool uses_tables,
                      struct last_question out[LAST_QUESTIONS]);
void last_answered(struct session *session, enum pool_tie_kind kind,
                   const struct conn_result *result);
// A statement of sluice's own covers up what the session's connection had of the last one.
void last_cover(struct session *session, bool uses_tables);
// The columns of SHOW WARNINGS: those of what is kept, or as the session's servers have them.
const struct column *last_columns(const struct session *session);
// A command that is no statement leaves this ROW_COUNT().
void last_counted(struct session *session, int64_t row_count);
// sluice itself has answered with so many rows.
void last_told(struct session *session, uint64_t rows, bool sets_found);
// pool_ties->saved().
void last_saved(struct pool_ties *ties, const struct pool_saved *saved);
// SHOW WARNINGS, GET DIAGNOSTICS and the like: what they tell of stays as it is.
bool last_is_told_by(const struct statement *statement);

// --- missing.c -----------------------------------------------------------------------------------

// Whether the error of the session's connection is about what a replica may not have yet, and the
// primary can be asked without anybody seeing a difference.
bool missing_is_worth_a_try(const struct session *session, uint16_t code);
// The answer is this error: whether the client is to hear nothing of it.
bool missing_takes_error(struct session *session, const struct err *err);
// It has ended: the primary's turn.
void missing_go_on(struct session *session, bool has_leftover);

// --- guard.c -------------------------------------------------------------------------------------

// The session has a replica's connection, and the statement goes out: what would show that the
// connection is READ ONLY is replaced.
void guard_put(struct session *session);

// --- recall.c ------------------------------------------------------------------------------------

enum recall {
    RECALL_NONE,   // it goes where it is routed to
    RECALL_ANSWER, // recall_answer() has the answer
    RECALL_TIED,   // the session has the right connection now: attach_own()
    RECALL_WAIT,   // a connection is being asked: session->wake comes
    RECALL_GONE,   // nobody knows any more
};

// Where a statement that asks about the last one finds the answer; may put what is known into the
// text.
enum recall recall_find(struct session *session);
// SHOW WARNINGS, not their count, nor the errors alone.
bool recall_is_show_warnings(const struct session *session);
void recall_answer(struct session *session);

// --- attach.c ------------------------------------------------------------------------------------

// Gets the connection that the route names, the session's own or one of the pool, and sends.
void attach_begin(struct session *session);
// The session has its connection, in the right state: does what must come first, and sends.
void attach_go(struct session *session);
// Takes the tied connection, where it is idle, can be as the session wants it, and the statement
// may run there, and goes on there.
bool attach_take_tied(struct session *session, enum pool_tie_kind kind);
// The session has its connection, in whatever state.
void attach_own(struct session *session);
// Sends on the connection that the session has, as it is.
void attach_send(struct session *session);
// The same, where the command went out ahead and its answer is next.
void attach_sent(struct session *session);
// The server would not have the session's state: the client hears what it says of that.
void attach_refused(struct session *session, const struct conn_loss *loss);
// An OK tells of an insert id.
void attach_note_insert_id(struct session *session, uint64_t id);
// The connection that was tied for it says that this is LAST_INSERT_ID() there.
void attach_know_insert_id(struct session *session, uint64_t id);
// It is known which of those that it told of it is.
void attach_forget_told_ids(struct session *session);
// Whether what the session keeps to itself must be given to its connection first.
bool attach_wants_insert_id(const struct session *session);

extern const struct conn_handler session_conn_handler;

// --- wait.c --------------------------------------------------------------------------------------

// The route wants the replica that the session has a connection to waited for: asks it to say when
// it has what the session wrote. Then attach_go() again, or the primary.
void wait_begin(struct session *session);
void waits_init(struct waits *waits);
// Gives up answers that nobody wants.
void waits_release(struct worker *worker);

// --- learn.c -------------------------------------------------------------------------------------

// What views and stored programs do has changed since the worker's catalogue was read.
bool learn_is_due(const struct worker *worker);
// The session's own statement changed something of it.
void learn_note_change(struct session *session);
// Whether the statement needs what is not known yet; then it waits, and query_route() comes.
bool learn_begin(struct session *session);
// A new catalogue is there.
void learn_wake(struct worker *worker);
// It did not come in time: what the programs do is not known.
void learn_timed_out(struct session *session);

// --- written.c -----------------------------------------------------------------------------------

// The server says what was committed.
void written_note(struct session *session, enum server_family family, struct slice gtids);
// The answer has ended: where something may have been committed without a word of it.
void written_end(struct session *session, bool is_error, bool was_in_transaction);
// The connection went away under the command: if it was sent, nobody knows whether it ran, or is
// still running.
void written_lost(struct session *session);

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
// The same for what was asked behind it.
void outcome_settled(struct session *session);
// The same behind kill_await().
void outcome_absorbed(struct session *session);
// The session ends, and its connection is closed.
void outcome_end_session(struct session *session);
// Nothing may hold the connection any more: then it is given back.
void outcome_release(struct session *session);
// The flags of an OK that the session is to believe.
void outcome_status_note(struct session *session, uint16_t status);
// The client or the server goes away in the middle of the command, if there is one: it is counted.
void outcome_abort(struct session *session);
// A statement that took as long as log.slow_query says is logged.
void outcome_log_slow(struct session *session, int64_t now_us);

// --- loss.c --------------------------------------------------------------------------------------

enum { QUERY_ATTEMPTS_MOST = 3 }; // servers that a statement is tried on

// The connection is gone, whatever the session was doing with it.
void query_lost(struct session *session, const struct conn_loss *loss);
// Gives the connection back, or closes it in the middle of whatever it is.
void query_let_go(struct session *session);
// The same, and gives up the command.
void query_abandon(struct session *session);

// --- preparation.c -------------------------------------------------------------------------------

// COM_STMT_PREPARE.
void preparation_begin(struct session *session, struct slice sql);
// The server has prepared it: `payload` says so, and gets the id that the client knows.
void preparation_answered(struct session *session, const struct prepare_ok *prepared,
                          struct slice payload);
void preparation_capture(struct session *session, const uint8_t *bytes, size_t len);
void preparation_end(struct session *session, bool is_error);
// What the text is, by the catalogue of now; what the slices point into is kept for the run.
const struct statement *preparation_statement(struct session *session, struct prepared_text *text);
// Lets go of `*reading` and nulls it; NULL is allowed.
void preparation_reading_unref(struct reading **reading);
void preparation_reading_free(void *reading); // the text's
// The execution runs this text in place of the one that was prepared; neither has parameters.
void preparation_swap(struct session *session, struct slice sql);
// The statement changes what statements are prepared by: tables, rights.
void preparation_note_definitions(struct session *session);

// --- execution.c ---------------------------------------------------------------------------------

// COM_STMT_EXECUTE, _BULK_EXECUTE, _FETCH, _RESET, _CLOSE, _SEND_LONG_DATA.
void execution_begin(struct session *session);
// What the command runs, by the catalogue of now.
void execution_read(struct session *session);
void execution_begin_bulk(struct session *session);
void execution_fetch(struct session *session);
void execution_reset(struct session *session);
void execution_close(struct session *session);
void execution_add_long_data(struct session *session);
// The command runs a statement that was prepared.
static inline bool execution_is_meant(const struct run *run)
{
    return run->command == COMMAND_STMT_EXECUTE || run->command == COMMAND_STMT_BULK_EXECUTE;
}
// Whether the connection has the statement that the command runs; else it is being prepared there,
// and attach_send() comes again.
bool execution_is_ready(struct session *session);
// The packets to send, as many as it returns; they stay the run's and the connection's until they
// are sent.
enum { EXECUTION_PARTS_MOST = 3 };
size_t execution_pack(struct session *session, struct slice parts[EXECUTION_PARTS_MOST]);
// The answer is this error: whether the command is to be sent again, and the client to hear nothing
// of it.
bool execution_takes_error(struct session *session, const struct err *err);
// An answer that the client does not hear of has ended.
void execution_go_on(struct session *session);
void execution_end(struct session *session, bool is_error);

// --- relay.c -------------------------------------------------------------------------------------

void relay_begin(struct session *session);
// The answer to the run's command comes next on that connection: for whoever follows it.
void relay_expect(const struct run *run, const struct conn *conn, struct reply *reply);
size_t relay_answer(struct session *session, const uint8_t *bytes, size_t len);
// Writes what the client is told where the server says by this error that it ended the statement
// for its time limit. False: it ended for another reason.
bool relay_timeout_write(struct session *session, struct writer *writer, uint16_t code);
size_t relay_upload(struct session *session, const uint8_t *bytes, size_t len);
void relay_client_writable(struct session *session);
void relay_server_writable(struct session *session);

// --- shown.c -------------------------------------------------------------------------------------

// At most so many bytes of the text of the command that is on its way: as it came, or written to
// `room`.
struct slice shown_text(const struct session *session, size_t most, char room[SHOWN_ROOM]);

// --- effects.c -----------------------------------------------------------------------------------

// An OK came in the answer: what it says of the session's changes.
void effects_ok(struct session *session, const struct ok *ok);
// The statement that EXECUTE runs, or PREPARE gives a name; NULL: nobody knows. Lives as the run.
const struct statement *effects_inner(struct session *session, const struct statement *statement);
// Whether other statements may have run inside the command, before it ended in whatever error:
// those of a stored program, or of what it executes.
bool effects_may_have_run(struct session *session);
// Whether one of those may have begun or ended a transaction.
bool effects_may_have_turned(struct session *session);
// The answer has ended: what the statement's text says.
void effects_end(struct session *session, bool is_error);
// The session's state is as after the login.
void effects_reset(struct session *session);
void effects_pin(struct session *session, enum pin_reason pin);
void effects_unpin(struct session *session, enum pin_reason pin);
// What session->held says.
void effects_pins_update(struct session *session);
// The reason that is shown where there are several.
enum pin_reason effects_shown_pin(const struct session *session);
// The same, or what else keeps the connection: an open transaction, say.
enum pin_reason effects_keeping(const struct session *session);
void effects_image_changed(struct session *session);
// Whether SET STATEMENT gives the variable a value for the statement alone.
bool effects_is_for_statement(const struct statement *statement, struct slice name);

// --- tracking.c ----------------------------------------------------------------------------------

// The session has set session_track_...
void tracking_note(struct session *session, const struct assignment *assignment);
// It may have, before the statement failed.
void tracking_doubt(struct session *session, struct slice name);
// Whether the client is to hear of what a server reports.
bool tracking_is_heard(const struct session *session, const struct session_change *change);
// MariaDB says that the session's own statement has committed this.
void tracking_note_gtid(struct session *session, struct slice gtid);
// Puts the session's own values into the text of a query that asks for them.
void tracking_put(struct session *session);
void tracking_release(struct session *session);

// --- variables.c ---------------------------------------------------------------------------------

// What the statement assigned; where it failed, nobody knows how far it came.
void variables_note(struct session *session, const struct statement *statement, bool is_error);
// Of the user variables that the statement assigns, or may, only the server knows the values.
void variables_note_assigned(struct session *session, const struct statement *statement);
// The value of a user variable as SQL that means the same everywhere; empty: as if never set.
void variables_user_set(struct session *session, struct slice name, struct slice sql);
// It has a value that cannot be said so.
void variables_user_keep(struct session *session, struct slice name);
// Whether the bytes are surely a string of that charset.
bool variables_can_write(struct slice bytes, struct slice charset);
// Appends a string of that charset and collation as such SQL; an empty collation is the charset's.
void variables_string_write(struct slice bytes, struct slice charset, struct slice collation,
                            struct buffer *sql);
struct slice variables_collation_charset(struct slice collation); // by its name

// --- settle.c ------------------------------------------------------------------------------------

// Behind an answer: asks what is in doubt, where that may set the connection free; then
// outcome_settled(). False: there is nothing to ask.
bool settle_begin(struct session *session);

// --- answer.c ------------------------------------------------------------------------------------

// Sends an OK with the session's status, and the command is over.
void answer_ok(struct session *session);
void answer_affected(struct session *session, uint64_t rows);   // the same of so many rows
void answer_warned(struct session *session, uint16_t warnings); // and with so many warnings
void answer_eof(struct session *session);
// Counts a command that no server ran.
void answer_count(struct session *session, enum metric_result result);
// Packets that are framed already.
void answer_packets(struct session *session, struct slice packets);
void answer_payload(struct session *session, struct slice payload);
// The words in which a server refused the connection that the statement needs.
void answer_refusal(struct session *session, struct slice refusal);
// A result: rows of as many values as there are columns.
void answer_rows(struct session *session, const struct column *columns, size_t column_count,
                 const struct slice *values, size_t row_count);
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

// --- process_list.c ------------------------------------------------------------------------------

// SHOW PROCESSLIST: the sessions of all workers, or those of the session's user alone.
void process_list_begin(struct session *session);
// For a statement that reads a table with their ids: gathers them into run->processes, then
// query_go().
void process_list_gather(struct session *session);
// Gathers them for other_plan_go().
void process_list_for_plan(struct session *session);
void process_list_destroy(struct process_list *list);

// --- other_plan.c --------------------------------------------------------------------------------

// EXPLAIN FOR CONNECTION and its like: looks for the session that is named, and asks its server.
void other_plan_begin(struct session *session);
void other_plan_go(struct session *session, const struct process_list *list);
// The session has named itself: its connection's id takes the place of its own.
void other_plan_put(struct session *session);

// --- id_table.c ----------------------------------------------------------------------------------

// Whether the statement is one whose text can be given another table.
bool id_table_is_wanted(const struct session *session);
// Makes run->sent of it, for the server that the session has its connection to.
void id_table_put(struct session *session);

// --- digests.c -----------------------------------------------------------------------------------

// The command ends now: adds it to the entry of its text, or of the statement that it runs.
void digests_count(struct session *session, enum metric_target target, bool is_error,
                   int64_t now_us);

// --- phases.c ------------------------------------------------------------------------------------

// The answer waits for the client to read; it goes on.
void phases_clogged(struct session *session);
void phases_flowing(struct session *session);
// The statement's answer has ended; one of sluice's own has.
void phases_count(struct session *session, enum metric_target target, int64_t now_us);
void phases_count_own(const struct session *session, enum metric_target target, int64_t now_us);

// --- kill.c --------------------------------------------------------------------------------------

// Ends the statement that runs on the connection, by another one of the same account, whose client
// is told as that of the first.
void kill_pooled(struct worker *worker, const struct pooled *pooled);
// The same of the session's connection.
void kill_statement(struct session *session);
// The statement is over, and the order to end it may hit the next one on the connection, which the
// session keeps: once the server has answered it, a statement of sluice's own takes the blow; then
// outcome_absorbed(), or the session ends.
void kill_await(struct session *session);
// The text with a KILL that the statement, an EXECUTE, runs; NULL: it runs none that is known.
const struct statement *kill_executed(struct session *session);
void kill_begin(struct session *session, uint64_t id, bool is_query);
// Every session of that user (empty: the asker's own) from that host.
void kill_user_begin(struct session *session, const struct statement_kill *asked);
// KILL with an expression: it is a statement of its own on its way to the primary, and
// kill_compute() when its connection is ready.
void kill_begin_expression(struct session *session);
void kill_compute(struct session *session);
// Gives up what is still on its way to a server.
void kills_release(struct worker *worker);

// Who servers with send_proxy are told that the client is; ADDRESS_NONE: nobody is told, or the
// client is on this machine, where sluice's own address is right.
struct address session_announced(const struct session *session);

// --- rights.c ------------------------------------------------------------------------------------

// `session` is NULL where it is gone, or its command was ended meanwhile.
typedef void rights_fn(struct session *session, unsigned rights, void *context);
// Calls `then` with what the session's account may do: at once where that is known, else the
// session is HOLDING until a server has said it.
void rights_ask(struct session *session, rights_fn *then, void *context);
// Grants may have changed.
void rights_forget(struct worker *worker);
void rights_release(struct worker *worker);
