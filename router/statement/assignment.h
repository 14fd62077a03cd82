// One assignment of a SET statement, for whoever keeps the session's image. Any thread.
#pragma once

#include "proxy/base/slice.h"

#include <stdbool.h>

enum assignment_scope {
    ASSIGNMENT_SESSION, // also LOCAL, and no scope at all
    ASSIGNMENT_GLOBAL,
    ASSIGNMENT_PERSIST,
    ASSIGNMENT_PERSIST_ONLY,
    ASSIGNMENT_NEXT_TRANSACTION, // SET TRANSACTION ..., SET @@transaction_isolation = ...
    ASSIGNMENT_STATEMENT,        // SET STATEMENT x = 1 FOR ...: undone when the statement ends
    ASSIGNMENT_USER,             // @v
};

// What stands on the right side.
enum assignment_value {
    ASSIGNMENT_STRING,     // 'x': `value` is without quotes, escapes resolved
    ASSIGNMENT_NUMBER,     // 1, -1.5, 0x1F, b'1': `value` as written
    ASSIGNMENT_WORD,       // ON, utf8mb4, TRADITIONAL: `value` as written
    ASSIGNMENT_NULL,       // NULL
    ASSIGNMENT_DEFAULT,    // DEFAULT: the global value
    ASSIGNMENT_EXPRESSION, // anything else: only the server knows
};

// No variable has that name.
#define ASSIGNMENT_NAMES_COLLATION S("names collation")

// Names are in lower case, and the two families' different ones as the list says:
//
//   SET NAMES x [COLLATE y]     "names" = x, and "names collation" = y where it is given
//   SET CHARACTER SET x         "character_set" = x
//   SET TRANSACTION ISOLATION LEVEL READ COMMITTED    "transaction_isolation" = "READ-COMMITTED"
//   SET TRANSACTION READ ONLY   "transaction_read_only" = "1"; READ WRITE: "0"
//   SET tx_isolation = ...      "transaction_isolation"; tx_read_only: "transaction_read_only"
//   SET @v = ...                "v", its scope says that it is a user variable
//   SET ROLE x, SET DEFAULT ROLE, SET PASSWORD, SET RESOURCE GROUP are no assignments: see
//   the statement's effects and accounts.
struct assignment {
    enum assignment_scope scope;
    bool is_bare; // @@x, without a scope: MariaDB does not tell of what it set so
    struct slice name;
    struct slice component; // of component.variable or key_cache.variable; else empty
    enum assignment_value kind;
    struct slice value; // as the kind says
    struct slice text;  // the right side as written
};

static inline bool assignment_is_literal(const struct assignment *assignment)
{
    return assignment->kind != ASSIGNMENT_EXPRESSION;
}
