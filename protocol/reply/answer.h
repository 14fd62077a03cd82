// Reads the answer to one query that is at hand as a whole, frames and all, as the owner of a
// statement of its own has gathered it with reply_feed(): a result set of small rows, or an OK, or
// an error. Borrows the bytes. One thread.
//
//     struct answer answer;
//     if (!answer_open(&answer, bytes, capabilities)) ... answer.err says what the server said
//     size_t lag = answer_column(&answer, S("Seconds_Behind_Master"));
//     struct slice values[answer.columns];                // or an arena's
//     while (answer_row(&answer, values)) ...
#pragma once

#include "protocol/packet/column.h"
#include "protocol/packet/err.h"
#include "protocol/packet/ok.h"
#include "protocol/wire/reader.h"

#include "proxy/base/slice.h"

struct answer {
    uint16_t columns; // 0: an OK packet, no result set
    struct ok ok;     // what ended the answer, or its only packet; after the last row
    struct err err;   // code 0: no error
    bool failed;      // the bytes are no such answer
    uint64_t capabilities;
    struct slice definitions; // the frames of the columns
    struct reader frames;     // what was not read yet
};

// Reads up to the rows. False where the answer is an error (`err`) or malformed (`failed`).
// `capabilities`: those of the connection it came by.
__attribute__((warn_unused_result)) bool answer_open(struct answer *answer, struct slice bytes,
                                                     uint64_t capabilities);

// The index of the column of that name, in any case, or answer->columns where there is none.
size_t answer_column(const struct answer *answer, struct slice name);
// The definition of a column; false where `index` is none, or it is malformed.
bool answer_definition(const struct answer *answer, size_t index, struct column *column);

// The next row of a text result: as many values as there are columns; the pointer of a NULL is
// NULL. False behind the last row (`ok`), where the server ended them with an error (`err`), or
// where the bytes are no such answer (`failed`).
bool answer_row(struct answer *answer, struct slice *values);
