// Inside the room only: a command on its way, from the packet that began it to the end of its
// answer.
#pragma once

#include "proxy/session/last.h"

#include "protocol/packet/command.h"
#include "protocol/reply/reply.h"
#include "protocol/wire/frame.h"
#include "proxy/base/arena.h"
#include "proxy/base/buffer.h"
#include "proxy/base/error.h"
#include "proxy/base/slice.h"
#include "proxy/pool/pool.h"
#include "router/decide/decide.h"
#include "router/statement/statement.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image;
struct process_list;
struct prepared;
struct prepared_text;
struct reading;
struct statement_entry;
struct worker;

// What becomes of the answer.
enum run_answer {
    ANSWER_RELAYED,
    ANSWER_REPEATED,  // an error that another try may spare the client
    ANSWER_MISSING,   // an error of a replica that the primary may not have
    ANSWER_DISCARDED, // none for the client
};

// Of the ids that one connection tells of, so many are remembered: the first and the last ones.
enum { TOLD_IDS_MOST = 8 };

// What its server was told to end a running statement for; the statement then ends with this error.
enum run_order { ORDER_NONE, ORDER_TIME_LIMIT, ORDER_KILL };
enum { ER_QUERY_INTERRUPTED = 1317 };

// What the packets of the answer say of what it leaves, as far as it came.
struct left {
    int64_t row_count; // ROW_COUNT() behind it
    int64_t told_rows; // matched or inserted, by the last OK's words; -1: it has none
    bool has_warned;   // some of several statements did
    char sqlstate[LAST_SQLSTATE_SIZE]; // of the ERR
    struct slice message;              // of that of a COM_INIT_DB, in the run's memory
};

// KILL with an expression: what is to be ended, once a server has computed the id.
enum run_kill { RUN_KILL_NONE, RUN_KILL_SESSION, RUN_KILL_QUERY };

// Taken from the worker's spare ones when a command begins, given back when it ends, with its
// memory: so that the steady state takes nothing from the heap and an idle session holds nothing.
struct run {
    struct run *next_spare;
    struct buffer packet; // the command as the client sent it, frame headers included
    struct buffer sent;   // the command as the server gets it; empty: as the client sent it
    struct slice payload; // of the packet, in one piece: in `packet`, or in the arena
    enum command command;
    uint8_t frames;      // that the client sent it in
    bool had_connection; // the session, when it came
    struct arena arena;  // of the statement
    struct statement statement;
    struct statement_entry *entry; // what the statement's slices point into; NULL: the arena
    struct reading *reading;       // or this, a reference
    struct slice attributes;       // of a COM_QUERY, as they stand in front of its text
    struct slice sql;              // the statement's text; empty for commands without one
    struct prepared_text *text;    // the one prepared or run, a reference; NULL: none
    struct prepared *prepared;     // the statement that is run; NULL: none
    struct buffer capture;         // the answer to a preparation, as far as it came
    struct slice refusal;          // why a statement could not be prepared for its execution
    uint64_t definitions;          // their version when the statement was to be prepared
    unsigned repeats;              // how often the server was asked again
    size_t parameters;             // that an execution has, with the attributes behind them
    bool are_types_sent;           // the client sent their types
    bool is_capturing;             // the answer is to be known
    enum run_answer answer;
    bool is_order_out;      // the order to end it was sent to its server
    bool is_order_done;     // and the server has answered it
    bool is_status_unknown; // it ended in an error, and may have begun or ended a transaction
    bool has_left_schema;   // a server has reported another one
    bool is_sent;           // the command may have run
    struct route route;
    const struct image *applied; // the state that its connection was last to take; never read
    struct reply reply;
    int64_t started_us;     // the command came
    int64_t connect_us;     // it waited so long for a new connection to open
    int64_t sent_us;        // it went to the server
    int64_t answered_us;    // its first bytes came
    int64_t clogged_us;     // since when the answer stands still for the client; 0: it does not
    int64_t client_us;      // it stood still so long before that
    int64_t wait_us;        // a replica was waited for so long, to have what the session wrote
    struct position waited; // CATCHING: what that is
    uint64_t changed_rows;  // by the OK packets of the answer
    // Owned: the statement reads a table with their ids; NULL: it does not.
    struct process_list *processes;
    char trouble[ERROR_TEXT_SIZE]; // why no connection could be had, the last time
    uint8_t attempts;              // servers it was sent to
    bool is_forwarded;             // bytes of the answer are with the client
    bool is_upload_continued;      // the client's last frame goes on in the next one
    bool has_learnt;               // as far as it could be: it waits for no catalogue
    bool has_waited;               // in vain for a replica: it waits for no other
    bool wants_primary;            // a replica does not have yet what it needs
    bool is_ahead; // CATCHING, PREPARING: it went to the server behind the wait or the state
    bool has_ok;   // an OK packet came, which says what was committed
    bool has_gtid; // and it did
    struct left left;
    enum pool_tie_kind settles[2]; // SETTLING: what is asked before the state
    uint8_t settles_count;
    uint8_t settle_tables; // and these: whether so many temporary tables are there
    uint8_t settle_gone;   // bits of those of them that are not
    enum run_order order;
    enum run_kill kill;
};

// The command as the server gets it.
static inline struct slice run_packet(const struct run *run)
{
    return buffer_slice(buffer_is_empty(&run->sent) ? &run->packet : &run->sent);
}

// --- sent.c --------------------------------------------------------------------------------------

// The text as the server gets it: the client's, or the one that took its place.
struct slice run_text(const struct run *run);
// Whether the text's statements are over once they ran: elsewhere what is put into it would outlive
// the session.
bool run_is_momentary(const struct run *run);
// Makes run->sent of a text that takes the place of the client's; nothing where either is too long
// for a frame.
void run_put_text(struct run *run, struct slice sql);

// --- run.c ---------------------------------------------------------------------------------------

struct run *run_take(struct worker *worker);
void run_give(struct worker *worker, struct run *run);
