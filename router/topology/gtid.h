// Sets of global transaction ids, as the two families write them, and their algebra.
//
//   MySQL     3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7:tag:1-3, ...   intervals for each uuid and
//   tag MariaDB   0-1-100,1-2-7                                            a position in each
//   domain
//
// Both are held as one sorted row of ranges that neither overlap nor touch: a MariaDB position
// domain-server-n stands for 1..n of that domain. A set belongs to one family; an empty one to
// any. A value on the heap of its owner: immutable sets may be read by any thread.
//
// https://dev.mysql.com/doc/refman/9.1/en/replication-gtids-concepts.html ("GTID Sets")
// https://mariadb.com/kb/en/gtid/
#pragma once

#include "router/topology/version.h"
#include "proxy/base/buffer.h"
#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GTID_UUID_SIZE = 16, GTID_TAG_SIZE = 32 };

// Who numbered a transaction.
struct gtid_source {
    uint8_t uuid[GTID_UUID_SIZE]; // MySQL; zero for MariaDB
    char tag[GTID_TAG_SIZE];      // MySQL 8.3 and later, lower case, filled up with zeros
    uint32_t domain;              // MariaDB
};

struct gtid_range {
    struct gtid_source source;
    uint64_t first;     // at least 1
    uint64_t last;      // inclusive
    uint32_t server_id; // MariaDB: who wrote the last one; else 0
};

struct gtid_set {
    enum server_family family; // FAMILY_UNKNOWN where it is empty
    struct gtid_range *ranges; // sorted by source, then first; NULL where there is none
    size_t count;
    size_t cap;
};

#define GTID_SET_INIT ((struct gtid_set){FAMILY_UNKNOWN, NULL, 0, 0})

// Frees the ranges; the set is empty and may be used again.
void gtid_set_release(struct gtid_set *set);
// `out` is replaced by a copy of `set`.
void gtid_set_copy(struct gtid_set *out, const struct gtid_set *set);

// Replaces `out` by what `text` says, in the words of `family`. White space and line breaks around
// commas are let pass, as are empty text and empty intervals ("5-3"), as the servers do. Returns
// false and leaves `out` empty where the text is none of its family's. Room that `out` has is used
// again.
bool gtid_set_parse(struct gtid_set *out, enum server_family family, struct slice text);
// Appends the set as its family writes it, without white space; nothing for an empty set.
void gtid_set_print(const struct gtid_set *set, struct buffer *out);

static inline bool gtid_set_is_empty(const struct gtid_set *set)
{
    return set->count == 0;
}

// Whether every transaction of `part` is in `whole`. An empty part always is; sets of two families
// never contain each other. MariaDB: the same number written by two servers is two transactions
// (histories that went apart), so neither contains the other.
bool gtid_set_contains(const struct gtid_set *whole, const struct gtid_set *part);
bool gtid_set_equal(const struct gtid_set *a, const struct gtid_set *b);

// Adds all of `other` to `set`. Sets of two families: false, nothing changed.
bool gtid_set_add(struct gtid_set *set, const struct gtid_set *other);
// Takes all of `other` out of `set`. What is left of a MariaDB position 100 without 40 is 41..100,
// which prints as 100: good for counting and naming what is missing.
void gtid_set_subtract(struct gtid_set *set, const struct gtid_set *other);

// How many transactions the set holds.
uint64_t gtid_set_size(const struct gtid_set *set);
// How many of `whole` are missing from `part`.
uint64_t gtid_set_missing(const struct gtid_set *whole, const struct gtid_set *part);

// --- one source of a set: `server_id` is looked at for MariaDB alone

// Up to which number `set` has everything of that source that `whole` has, and everything without a
// gap behind the last that `whole` has. What neither has is no gap: it was never given out.
uint64_t gtid_set_reach(const struct gtid_set *set, const struct gtid_set *whole,
                        const struct gtid_source *source, uint32_t server_id);
// Fills `gap` with the numbers around `number` that the set lacks and has later ones than; its
// source is copied. False where there is no such gap, as in MariaDB's sets, ever.
bool gtid_set_gap(const struct gtid_set *set, const struct gtid_source *source, uint64_t number,
                  struct gtid_range *gap);
// The highest number of that source in the set; 0: none.
uint64_t gtid_set_last(const struct gtid_set *set, const struct gtid_source *source,
                       uint32_t server_id);
bool gtid_source_equal(const struct gtid_source *a, const struct gtid_source *b);
