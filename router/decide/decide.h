// Where a statement goes, and why: decide_route() is called for every statement of traffic and,
// with an explanation to fill, by EXPLAIN ROUTE. It only reads what it is given (but for the turns
// of the balancer, the scratch of the rules and the thread's random numbers); no clock, no lock, no
// heap, no log.
//
// Who wins, first to last:
//   block     a rule says that the statement is not to run; a read-only user writes
//   safety    an open transaction, a pin, what the statement itself says of replicas
//   hint      /* sluice: ... */
//   rule      the first that matches
//   user      the account's section (consistency)
//   default   routing.default_target
// Nothing below safety ever sends a statement where safety does not.
//
// A read that must see what its session wrote goes to a replica that is known to have it; where
// none is, to one that can be expected to have it in a moment, and waits for it there (wait_us);
// else to the primary.
//
// With every replica out, reads go to the primary. With no primary, plain reads go on, and so does
// what any server may answer (server-specific reads, SET, a COMMIT without a transaction) on a
// replica; the rest waits (must_wait).
#pragma once

#include "conf/config.h"
#include "proxy/base/buffer.h"
#include "proxy/base/slice.h"
#include "router/rules/rules.h"
#include "router/statement/pin.h"
#include "router/statement/reason.h"
#include "router/statement/statement.h"
#include "router/topology/balance.h"
#include "router/topology/position.h"
#include "router/topology/topology.h"

#include <stdbool.h>
#include <stdint.h>

struct sockaddr;

// The words of `target` everywhere: "primary", "replica", "backend", "cache", "proxy", "blocked".
enum route_target {
    ROUTE_PRIMARY, // the server that takes writes
    ROUTE_REPLICA, // a server that takes reads only
    ROUTE_BACKEND, // the one that a hint or rule names
    ROUTE_CACHE,
    ROUTE_PROXY,   // sluice answers it
    ROUTE_BLOCKED, // the client gets an error
    ROUTE_TARGET_COUNT
};
const char *route_target_name(enum route_target target);

enum route_transaction { TRANSACTION_NONE, TRANSACTION_READ_WRITE, TRANSACTION_READ_ONLY };

// What a session contributes. All borrowed.
struct route_session {
    struct slice user;                 // the account's name, as rules match it
    const struct conf_user *conf_user; // its section, or NULL
    struct slice schema;               // the current one; empty: none
    const struct sockaddr *client;     // NULL: a Unix socket
    struct slice listen;               // the address it came in by, as configured

    enum route_transaction transaction; // the open one (IN_TRANS, or autocommit off with work
                                        // begun)
    int transaction_server; // index of the server that it runs on; read only with a transaction
    bool autocommit_is_off; // the next statement opens a transaction
    bool next_is_read_only; // the next transaction is READ ONLY (SET TRANSACTION, or the
                            // session's)
    bool is_serializable;   // plain reads of a transaction lock

    enum pin_reason pin; // why it keeps its connection; PIN_NONE: it does not
    int pin_server;      // index of that connection's server; read only with a pin
};

// Why a server was or was not chosen, for EXPLAIN ROUTE. Texts in explain.c.
enum route_verdict {
    VERDICT_NOT_ASKED, // no server is needed
    VERDICT_CHOSEN,
    VERDICT_STATE,       // it takes no new work of that kind; the server's own reason says more
    VERDICT_IS_PRIMARY,  // kept for writes while a replica can take reads
    VERDICT_NOT_PRIMARY, // only the primary may run it
    VERDICT_LAG,         // further behind than the statement allows
    VERDICT_NO_WEIGHT,   // weight = 0, and others have some
    VERDICT_NOT_DRAWN,   // could have taken it; the balancer drew another
    VERDICT_NOT_NAMED,   // a hint or rule names another
    VERDICT_ELSEWHERE,   // the session's transaction or pin is on another
    VERDICT_COUNT
};
struct route_explanation {
    enum route_verdict verdicts[TOPOLOGY_SERVERS_MAX]; // by server index
};

struct decide_input {
    const struct config *config;
    const struct statement *statement;
    struct slice text;   // as the client sent it, for rules
    struct slice digest; // its digest text, where rules_want_digest()
    const struct route_session *session;
    const struct rules *rules;     // NULL: there are none
    struct rules_scratch *scratch; // the thread's, where there are rules
    const struct topology *topology;
    const struct server_load *loads;   // by server index; NULL: nothing is known
    struct balancer *balancer;         // the thread's; EXPLAIN gives a copy
    const struct positions *positions; // the thread's; read only where there is a position
    const struct position *position;   // what the session has written; NULL: nothing
    int64_t wait_us; // how long the statement may wait for a replica to have that; 0: not at all
    int64_t now_us;  // monotonic; read only where there is a position
    struct route_explanation *explanation; // NULL: nobody asks
};

// A blocked statement has one of these reasons: RULE_BLOCKED; USER_READ_ONLY (a write, error 1290);
// READ_ONLY_TRANSACTION (the transaction runs on a replica, where this may not: 1792); TRANSACTION
// or PINNED (the server that the session is bound to is not the primary any more, and a write would
// go there).
struct route {
    enum route_target target;
    int server;           // index; -1: proxy, cache, blocked, or must_wait
    bool must_wait;       // no server may run it now: hold it until a topology offers one, decide
                          // again; target says what is waited for
    bool opens_read_only; // it opens a READ ONLY transaction that stays on `server`
    bool leaves_transaction; // it begins a transaction elsewhere and ends the open READ ONLY one on
                             // transaction_server, whose connection wants a reset
    enum route_reason reason;
    const struct rule *rule;           // the one that matched, or NULL: borrowed from the rules
    const struct rule *tried_rule;     // one before it that matched and has dry_run, or NULL
    enum conf_consistency consistency; // never CONF_CONSISTENCY_INHERIT
    int64_t max_lag_us;                // of the hint or rule; 0: none
    int64_t wait_us; // `server` is to be waited for at most so long, until it has what the session
                     // wrote; 0: it has it, or nobody asks for that
    int64_t timeout_us;   // of the hint, rule or proxy.query_timeout; 0: none
    bool log;             // the rule wants it in the log
    struct slice message; // blocked by a rule: what the client reads, or empty; borrowed from it
    struct slice unknown_backend; // a hint's backend=NAME that no section has: a warning wants to
                                  // be left; borrowed
};

// Fills all of `out`.
void decide_route(struct route *out, const struct decide_input *in);

// Appends "db1: reason; db2: chosen" for every server of the topology.
void route_explain_print(const struct route_explanation *explanation,
                         const struct topology *topology, struct buffer *out);
