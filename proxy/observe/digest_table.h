// What statements of one digest did, by schema, user and target: how often, how long, how many rows
// and errors. Each worker has a table of its own; whoever wants to see them all has each worker
// merge its table into an empty one and merges those.
//
// The table is bounded in bytes: where it is full, what was not used for longest is forgotten. An
// entry takes some 250 bytes, its text (cut at DIGEST_TEXT_MAX), and 256 bytes for each octave that
// its times fall into.
//
// A statement finds its entry by its shape (router/sql/shape.h), so that its digest is worked out
// only where the shape is new to the table or was forgotten:
//
//     struct digest_entry *entry = digest_table_find(table, shape, &scope);
//     if (entry == NULL) {
//         struct digest_text *text = digest_text_create(digest, bytes);
//         entry = digest_table_add(table, shape, &scope, text);
//         digest_text_unref(&text);
//     }
//     digest_table_record(table, entry, &sample);
//
// One thread: all that is here, the texts too.
#pragma once

#include "proxy/base/slice.h"
#include "proxy/observe/metric.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DIGEST_TEXT_MAX = 1024, // bytes of a text; as much as servers keep
    // Of one worker's table: room for some 3000 statements. Applications have hundreds; programs
    // that put their literals where none are recognized have any number, and those push each other
    // out.
    DIGEST_TABLE_BYTES = 4 << 20,
};

// --- texts ---------------------------------------------------------------------------------------

// A digest and its text. Shared by entries and by those who will run such a statement later.
struct digest_text {
    uint64_t digest;
    uint32_t refs;
    uint32_t len;
    char bytes[];
};

// The bytes are copied, as far as DIGEST_TEXT_MAX.
struct digest_text *digest_text_create(uint64_t digest, struct slice bytes);
struct digest_text *digest_text_ref(struct digest_text *text);
// Nulls it; NULL is allowed.
void digest_text_unref(struct digest_text **text);

// --- a table -------------------------------------------------------------------------------------

struct digest_table;
struct digest_entry;

// Who ran it and where it went. The slices are borrowed for the call.
struct digest_scope {
    struct slice schema; // the current one, empty: none
    struct slice user;
    enum metric_target target;
};

// What one run adds.
struct digest_sample {
    int64_t at_us; // clock_now_us(), or the loop's
    int64_t took_us;
    uint64_t rows;
    bool is_error;
};

// `bytes_most`: SIZE_MAX for a table that others are merged into.
struct digest_table *digest_table_create(size_t bytes_most);
void digest_table_destroy(struct digest_table *table); // NULL is allowed

// The entry that statements of this shape and scope have, or NULL. Valid until the next call of
// digest_table_add() or digest_table_record().
struct digest_entry *digest_table_find(struct digest_table *table, uint64_t shape,
                                       const struct digest_scope *scope);
// The entry of that digest and scope, made where there is none, is the one of that shape from now
// on. `shape` 0: of no shape.
struct digest_entry *digest_table_add(struct digest_table *table, uint64_t shape,
                                      const struct digest_scope *scope, struct digest_text *text);
void digest_table_record(struct digest_table *table, struct digest_entry *entry,
                         const struct digest_sample *sample);
// Rows that come later than the run that they belong to.
void digest_entry_add_rows(struct digest_entry *entry, uint64_t rows);
// The text of an entry, borrowed.
struct digest_text *digest_entry_text(const struct digest_entry *entry);

// --- reading -------------------------------------------------------------------------------------

void digest_table_merge(struct digest_table *into, const struct digest_table *from);

struct digest_facts {
    uint64_t digest;
    struct slice text; // borrowed, as the scope's
    struct digest_scope scope;
    uint64_t count, errors, rows, total_us;
    uint64_t p50_us, p95_us, p99_us;
    int64_t first_us, last_us; // on the clock of the samples
};

// Calls `show` for every entry.
void digest_table_each(const struct digest_table *table,
                       void (*show)(const struct digest_facts *facts, void *context),
                       void *context);
size_t digest_table_count(const struct digest_table *table);
// Heap that the entries hold.
size_t digest_table_bytes(const struct digest_table *table);
