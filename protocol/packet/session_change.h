// What an OK packet says of the session's changes (`session` of struct ok): a list of changes, each
// of a type and with what that type holds. Any thread.
// Manual: page_protocol_basic_ok_packet, "Session State Information"
#pragma once

#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

enum session_change_type {
    SESSION_CHANGE_VARIABLE = 0,          // name and value; an unset value may come as empty
    SESSION_CHANGE_SCHEMA = 1,            // value: the current schema
    SESSION_CHANGE_STATE = 2,             // value: "1"
    SESSION_CHANGE_GTIDS = 3,             // value: the GTIDs of what was committed
    SESSION_CHANGE_CHARACTERISTICS = 4,   // value: the statements that start such a transaction
    SESSION_CHANGE_TRANSACTION_STATE = 5, // value: eight letters
};

struct session_change {
    uint8_t type;       // one not listed above has nothing but `bytes`
    struct slice name;  // of a variable; else empty
    struct slice value; // as the type says
    struct slice bytes; // the whole change as it came
};

// The next change; the slices point into the packet. False at the end, and where the list is
// malformed, which fails the reader. `changes` comes from reader_make() of the list.
bool session_change_next(struct reader *changes, struct session_change *change);

// Appends a change to a list. Types not listed above are written as their `bytes`.
void session_change_encode(const struct session_change *change, struct writer *changes);

typedef bool session_change_keep_fn(const struct session_change *change, void *arg);

// Appends those changes of `list` that `keep` says yes to. False where the list is malformed.
__attribute__((warn_unused_result)) bool session_change_filter(struct slice list,
                                                               session_change_keep_fn *keep,
                                                               void *arg, struct writer *changes);
