// What a session has on its connection that cannot be given to another one, by name: temporary
// tables, user-level locks, handlers, variables that act once or belong to one server; and the
// variables whose values nobody knows until the server was asked. Each keeps the connection for
// exactly as long as it is there. Embedded in the session as one pointer; no memory while there is
// nothing. One thread: the worker's.
#pragma once

#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stddef.h>

enum held_kind {
    HELD_TEMPORARY_TABLE, // "schema.name"; may be there, until the server was asked
    HELD_USER_LOCK,       // may be held, until the server was asked
    HELD_HANDLER,
    HELD_TABLE_LOCK,    // "lock", which the beginning of a transaction ends, or "flush"
    HELD_VARIABLE,      // set to what no other connection can be given
    HELD_USER_VARIABLE, // "@name", the same: too long a value, or a name that is not plain
    HELD_TRACKING, // "session_track_...": the connection reports what the client wants to hear of,
                   // and is reset before another session gets it
    HELD_TRACES,   // "optimizer_trace": the same of one that keeps what was traced
    HELD_UNSURE,   // "name", or "@name" of a user variable: the value is to be asked for
    HELD_KINDS,
};

struct held; // NULL: nothing

// Compares by bytes. An empty name, or one too many (HELD_MOST), is something that nobody can name:
// it stays until the kind is cleared.
enum { HELD_MOST = 1024 };
void held_add(struct held **held, enum held_kind kind, struct slice name);
void held_remove(struct held **held, enum held_kind kind, struct slice name);
void held_clear(struct held **held, enum held_kind kind);
void held_release(struct held **held);

size_t held_count(const struct held *held, enum held_kind kind);
bool held_has(const struct held *held, enum held_kind kind, struct slice name);
// Whether the connection is to be reset before another session gets it.
bool held_wants_reset(const struct held *held);
// The one at that place; borrowed until the next change.
struct slice held_name(const struct held *held, enum held_kind kind, size_t at);

// What is held of that kind may have gone, or not have come, since the server was last asked.
void held_doubt(struct held *held, enum held_kind kind, bool is_in_doubt);
bool held_is_in_doubt(const struct held *held, enum held_kind kind);
