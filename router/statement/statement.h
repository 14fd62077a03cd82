// What a statement is and does, read from its text alone: kind, where it may run and why, what it
// does to its session, what it asks of it, its tables and hints. Pure: no clock, no lock, no heap
// but the arena, no log; it never waits and never fails. Any thread.
//
// The rule behind all of it: what is not known for sure goes to the primary. Tokens are looked at
// at every depth, never only the first word or the end. Where a text has several readings
// (executable comments, an unknown sql_mode) all of them are read, and the worst one counts.
//
// Every slice points into the text that was parsed, into the arena or into static memory.
#pragma once

#include "proxy/base/arena.h"
#include "proxy/base/slice.h"
#include "router/catalogue/builder.h"
#include "router/catalogue/catalogue.h"
#include "router/sql/syntax.h"
#include "router/statement/assignment.h"
#include "router/statement/hint.h"
#include "router/statement/reason.h"

#include <stdbool.h>
#include <stdint.h>

enum statement_kind {
#define KIND(name, text) STATEMENT_##name,
#include "router/statement/kinds.def"
#undef KIND
    STATEMENT_KIND_COUNT,
};

// Where it may run, from the least to the most demanding; of several statements the most demanding
// counts.
enum statement_class {
    // Any replica may answer it.
    STATEMENT_CLASS_READ,
    // A read of what the session's connection alone knows (`reason` says what: user_variable,
    // last_statement, insert_id, user_lock, ...). Once the session can give that, `asks` tells what
    // else there is: nothing worse is in it.
    STATEMENT_CLASS_CONNECTION,
    // Each server has an answer of its own: the primary; with none, an up replica.
    STATEMENT_CLASS_SERVER_READ,
    // Changes the session only (SET, USE, PREPARE, ...); a primary's connection, so that the
    // server checks it.
    STATEMENT_CLASS_SESSION,
    // Begins, ends or shapes a transaction: see `transaction`.
    STATEMENT_CLASS_TRANSACTION,
    // sluice answers it: KILL, SHOW PROCESSLIST, SELECT @@sluice_token. Part of a text with more
    // than
    // one statement (`count`), no server may see it either: its ids are not the client's.
    STATEMENT_CLASS_PROXY,
    // The primary and nothing else: writes, and all that is not known.
    STATEMENT_CLASS_WRITE,
};

// Rows of effects.def and asks.def, and sets of them.
enum statement_effect {
#define EFFECT(name, text, sentence) EFFECT_##name,
#include "router/statement/effects.def"
#undef EFFECT
    EFFECT_COUNT,
};
#define EFFECT_BIT(effect) ((uint64_t)1 << (effect))
_Static_assert(EFFECT_COUNT <= 64, "sets of effects are kept in a uint64_t");

enum statement_ask {
#define ASK(name, text, sentence) ASK_##name,
#include "router/statement/asks.def"
#undef ASK
    ASK_COUNT,
};
#define ASK_BIT(ask) ((uint32_t)1 << (ask))
_Static_assert(ASK_COUNT <= 32, "sets of asks are kept in a uint32_t");

enum uncacheable_reason {
#define UNCACHEABLE(name, sentence) UNCACHEABLE_##name,
#include "router/statement/uncacheable.def"
#undef UNCACHEABLE
    UNCACHEABLE_COUNT,
};

// A table (or view, or sequence) that is named. Quotes are gone; the case is as written. A name
// that is a CTE's is listed too: to leave it out could leave out a table of the same name.
struct statement_table {
    struct slice schema; // empty: the current one
    struct slice name;
    bool is_written;   // changed, created, dropped, locked for writing: not only read
    bool is_temporary; // CREATE TEMPORARY TABLE, DROP TEMPORARY TABLE
};

// BEGIN, START TRANSACTION, SET TRANSACTION.
enum statement_access { STATEMENT_ACCESS_DEFAULT, STATEMENT_READ_ONLY, STATEMENT_READ_WRITE };

// KILL [CONNECTION | QUERY] ...
enum kill_form {
    KILL_NONE,
    KILL_ID,       // a plain number: `id`
    KILL_SELF,     // CONNECTION_ID()
    KILL_USER,     // MariaDB: every connection of an account
    KILL_QUERY_ID, // MariaDB: by the server's own query id
    KILL_OTHER,    // `expression`, which a server must compute; empty: nobody knows what
};
struct statement_kill {
    enum kill_form form;
    bool is_query; // the running statement only, not the connection
    uint64_t id;
    struct slice user;       // KILL_USER; empty: CURRENT_USER
    struct slice host;       // KILL_USER; empty or %: every host
    struct slice expression; // KILL_OTHER
};

// An account that is changed. An empty host is '%', as the servers take it.
struct statement_account {
    struct slice user;
    struct slice host;
    bool is_current; // the session's own
};

// Something of the connection's own that the text names: what becomes of it can be asked for by
// that name.
enum statement_subject_kind {
    SUBJECT_USER_VARIABLE, // assigned; in a SET with an assignment of its own
    SUBJECT_USER_LOCK,     // taken, or asked for
    SUBJECT_HANDLER,       // opened
};
struct statement_subject {
    enum statement_subject_kind kind;
    struct slice name;  // empty: only the server knows which
    uint16_t parameter; // the ? that names it, from 1; 0: none does
};

struct statement {
    enum statement_kind kind; // of several statements: that of the one that decided the class
    enum statement_class class;
    enum route_reason reason; // READ exactly where class is READ
    // What was found: a function's or table's name; empty where the reason says it all.
    struct slice detail;
    uint64_t shape;   // see sql/shape.h; 0: the text cannot be read with certainty
    uint32_t count;   // statements in the text; 0: none, the server will say that it is empty
    uint64_t effects; // EFFECT_BIT()s, of all the statements
    uint32_t asks;    // ASK_BIT()s, of all the statements
    enum uncacheable_reason uncacheable;
    bool is_explained;         // EXPLAIN or ANALYZE of the kind that stands in `inner`
    enum statement_kind inner; // of EXPLAIN and SET STATEMENT ... FOR; else kind
    bool has_returning;        // INSERT, DELETE, REPLACE ... RETURNING: rows come back
    bool has_optimizer_hints;  // /*+ ... */: part of what the text means
    bool has_parameters;       // ? stands in it
    bool runs_program;         // part of this is done by stored programs, or may be
    bool may_turn;             // one of those begins or ends transactions, or may
    bool may_write;            // changes data, or may: class is WRITE for more than locks
    bool has_limit_or_order;   // LIMIT or ORDER BY at any depth: same rows only with the same plan

    // Tables named at any depth. Not complete: some are hidden (CALL, a stored function, a text
    // prepared from a variable, something unknown): whoever invalidates takes all.
    const struct statement_table *tables;
    uint32_t tables_count;
    bool are_tables_complete;
    // And those of the stored programs that it runs, which its text does not name.
    const struct statement_table *program_tables;
    uint32_t program_tables_count;

    const struct assignment *assignments; // of SET, in order; of all the statements
    uint32_t assignments_count;

    const struct statement_subject *subjects; // of all the statements
    uint32_t subjects_count;

    // With EFFECT_SCHEMA: USE x: x, of several the last. Else DDL of a schema (CREATE DATABASE x,
    // DROP DATABASE x): x.
    struct slice schema;
    struct slice name;     // of a prepared statement, savepoint or HANDLER
    struct slice prepared; // PREPARE p FROM 'literal', EXECUTE IMMEDIATE 'literal': the text

    enum statement_access access;
    bool with_snapshot; // WITH CONSISTENT SNAPSHOT

    struct statement_kill kill;

    // EFFECT_ACCOUNT: whose logins are to be forgotten; without `accounts_are_all`, just these.
    const struct statement_account *accounts;
    uint32_t accounts_count;
    bool accounts_are_all; // or nobody can tell from the text

    struct hints hints;
};

// What a statement is read against. Everything is borrowed for the call.
struct statement_context {
    struct sql_syntax syntax;
    struct slice schema;               // the current one; empty: none, or not known
    const struct catalogue *catalogue; // NULL: views are taken for tables, and built-in functions
                                       // that not every server has for unknown ones
    bool is_catalogue_old;             // what programs do may have changed since it was read
    // routing.pure_functions: "schema.function", or a plain name for loadable functions.
    const struct slice *pure_functions;
    size_t pure_functions_count;
};

// Reads `sql` (the text of COM_QUERY or COM_STMT_PREPARE) and fills all of `out`. `sql` and `arena`
// must outlive `out`. Any bytes are a valid input.
void statement_parse(struct statement *out, struct arena *arena, struct slice sql,
                     const struct statement_context *context);

static inline bool statement_has(const struct statement *statement, enum statement_effect effect)
{
    return (statement->effects & EFFECT_BIT(effect)) != 0;
}

static inline bool statement_asks(const struct statement *statement, enum statement_ask ask)
{
    return (statement->asks & ASK_BIT(ask)) != 0;
}

// Whether the table is named as `schema`.`name`, or as `name` while `schema` is `current`. Names
// compare without case: a table too many is no harm where this is asked.
bool statement_names_table(const struct statement *statement, struct slice current,
                           struct slice schema, struct slice name);

// Stable names for people.
struct slice statement_kind_name(enum statement_kind kind);
struct slice statement_effect_name(enum statement_effect effect);
struct slice statement_ask_name(enum statement_ask ask);
struct slice uncacheable_reason_sentence(enum uncacheable_reason reason);

// Judges the definition of a view (a SELECT) or of a function (its body) for the catalogue, as
// catalogue_builder_finish() wants it.
catalogue_inspect_fn statement_inspect;
