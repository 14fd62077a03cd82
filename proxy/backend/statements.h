// The prepared statements that one connection has on its server: which texts, under which ids of
// the server's, with which types of parameters sent last. Sessions share them: whoever runs a text
// on the connection finds it here or has it prepared.
//
// Bounded: a server allows all its clients together a number of statements
// (max_prepared_stmt_count), and one loop's connections to it share a budget of those. Where it is
// used up, the connection closes what was used longest ago; and of statements that no session has
// open any more a connection keeps STATEMENTS_UNUSED_MOST. COM_STMT_CLOSE has no answer: what is to
// be closed stands in `closing` and goes out in front of the next command.
//
// Embedded in the connection; holds no memory while there are none. One thread: the loop's.
#pragma once

#include "proxy/backend/prepared_text.h"
#include "proxy/base/list.h"

enum {
    STATEMENTS_UNUSED_MOST = 64,
    // Of all connections of one process to one server: what servers allow by default is 16382.
    STATEMENTS_OF_SERVER_MOST = 12000,
};

// What the connections of one loop to one server share.
struct statement_budget {
    uint32_t open;
    uint32_t most;      // as experience says; grows again, slowly, where it does not suffice
    uint32_t limit;     // of `most`
    uint32_t closed;    // for want of budget
    struct list tables; // of the connections
};

void statement_budget_init(struct statement_budget *budget, uint32_t most);

struct server_statement {
    struct list link;           // in by_use
    struct prepared_text *text; // a reference
    struct prepared_types
        *types;     // a reference: what the server takes parameters for; NULL: unknown
    uint8_t *kinds; // owned: parameter_kinds.h, of a MySQL; NULL: it has not run yet
    uint32_t id;    // the server's
};

struct statements {
    struct server_statement **slots; // by text; open addressing
    size_t cap;                      // a power of two, or 0
    size_t count;
    struct list by_use;              // used last first
    struct buffer closing;           // COM_STMT_CLOSE packets to be sent
    struct statement_budget *budget; // may be NULL: no limit
    struct list in_budget;           // in budget->tables
    bool is_last_harmless;           // to run what was prepared last would change nothing
};

// --- life ----------------------------------------------------------------------------------------

void statements_init(struct statements *statements, struct statement_budget *budget);
void statements_release(struct statements *statements);

// --- reading -------------------------------------------------------------------------------------

// The statement of that text, which is the one used last from then on; or NULL. Borrowed until the
// next change.
struct server_statement *statements_find(struct statements *statements,
                                         const struct prepared_text *text);

// --- changing ------------------------------------------------------------------------------------

// The server has prepared the text, which has none here yet, under that id. May close others.
struct server_statement *statements_add(struct statements *statements, struct prepared_text *text,
                                        uint32_t id);
// Forgets the statement of that text, if there is one, and has the server forget it.
void statements_close(struct statements *statements, const struct prepared_text *text);
// The same where the server does not know it (any more).
void statements_forget(struct statements *statements, const struct prepared_text *text);
// The server has forgotten all of them.
void statements_forget_all(struct statements *statements);
// A statement of that id, which does not stand here, is to be closed.
void statements_close_id(struct statements *statements, uint32_t id);
// The server of the asker, who runs nothing, has no room for more: the budget, which there is,
// shrinks, and each of the server's connections closes the older half of what it has; but for the
// asker's, not what it may be running. `tell` is called for each that has something to send. False:
// there was nothing to close.
bool statements_shrink(struct statements *asker, void (*tell)(struct statements *statements));
