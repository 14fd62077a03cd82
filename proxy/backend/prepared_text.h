// A text that was prepared by the binary protocol, as sessions and connections share it: the text
// with all of a session's state that a server reads it by. Two sessions that prepare the same text
// under the same state have the same struct, and any connection may prepare it for both of them.
//
// What belongs to a text's identity: who may share it (`scope`, a number), the schema, and every
// session variable but those that only matter while a statement runs (time limits, isolation, time
// zone,
// ...). So sql_mode and the character sets are part of it; what applications set for themselves is
// not.
//
// Immutable but for what is learnt of it: how many parameters it has, which types they were given,
// what a server said when it was prepared. It lives as long as somebody has a reference. One table
// and its texts belong to one thread.
#pragma once

#include "proxy/backend/image.h"
#include "proxy/base/buffer.h"
#include "proxy/base/map.h"
#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct prepared_table {
    struct map texts; // by hash; texts of one hash hang on each other
    struct buffer identity;
    // Frees what the owner of the table keeps in `reading`; may be NULL.
    void (*reading_free)(void *reading);
};

// Types that a client gave the parameters, as they stand in COM_STMT_EXECUTE. Equal ones of a text
// are the same pointer.
struct prepared_types {
    struct prepared_types *next;
    unsigned refs;
    size_t len;
    char bytes[];
};

// A server's whole answer to COM_STMT_PREPARE, to be given again: packets with their headers.
struct prepared_answer {
    struct buffer bytes; // empty: there is none
    int64_t at_us;
    uint64_t version; // whatever the owner compares
    uint16_t status;  // flags that stand in it
};

struct prepared_text {
    struct prepared_table *table;
    struct prepared_text *next; // of the same hash
    uint64_t hash;
    unsigned refs;
    unsigned open;       // statements that sessions have open with it
    struct image *image; // a state that it can be prepared under; a reference
    struct slice identity;
    struct slice text;
    uint16_t parameters; // known once it was prepared
    bool is_harmless;    // to run it changes nothing anywhere; the owner's word
    struct prepared_types *types;
    struct prepared_answer answer;
    void *reading; // the table's owner's
};

// --- life ----------------------------------------------------------------------------------------

void prepared_table_init(struct prepared_table *table, void (*reading_free)(void *reading));
// Every text must have been unref'd.
void prepared_table_release(struct prepared_table *table);

// The text that `scope` prepares under that state, made where there is none. The caller owns one
// reference.
struct prepared_text *prepared_text_take(struct prepared_table *table, uint64_t scope,
                                         struct image *image, struct slice bytes);
struct prepared_text *prepared_text_ref(struct prepared_text *text);
// Nulls it; NULL is allowed.
void prepared_text_unref(struct prepared_text **text);

// --- asking --------------------------------------------------------------------------------------

// Whether a server that is as `image` reads the text as it is meant.
bool prepared_text_fits(const struct prepared_text *text, const struct image *image);

// What a connection must be for the text to be read as it is meant, and beyond that as `image`:
// what only matters while a statement runs stays as the session has it now. A SET of autocommit,
// for one, would end its transaction. The caller owns the reference.
struct image *prepared_text_meant(const struct prepared_text *text, const struct image *image);

// --- types of parameters -------------------------------------------------------------------------

// The caller owns one reference.
struct prepared_types *prepared_types_take(struct prepared_text *text, struct slice bytes);
// Puts a reference to `types`, which may be NULL, in place of the one that is in `*place`.
void prepared_types_set(struct prepared_text *text, struct prepared_types **place,
                        struct prepared_types *types);
