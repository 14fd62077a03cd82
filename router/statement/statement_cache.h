// Statements that were read before: applications send the same few texts with other literals over
// and over, and a text that is known once masked (router/sql/mask.h) is not read again. What
// statement_parse() would say comes out, by one pass over the bytes and one look into a table.
//
// Kept are texts of at most STATEMENT_CACHE_TEXT_MAX bytes whose meaning does not depend on their
// literals: those without any, and plain queries and writes. At most STATEMENT_CACHE_MAX of them,
// about 1 KB each; what was used longest ago goes. What is kept was read against one catalogue and
// one list of pure functions: when others come, statement_cache_clear() must be called.
//
// One thread.
#pragma once

#include "router/statement/statement.h"

enum { STATEMENT_CACHE_MAX = 1024, STATEMENT_CACHE_TEXT_MAX = 2048 };

struct statement_cache;
struct statement_entry;

struct statement_cache *statement_cache_create(void);
// Entries that are still held stay until they are given back.
void statement_cache_destroy(struct statement_cache *cache);
void statement_cache_clear(struct statement_cache *cache);
// Grows each time it is cleared: what was read before may read otherwise now.
uint64_t statement_cache_version(const struct statement_cache *cache);

// As statement_parse(). NULL: it was read into `arena`. Else slices of `out` point into the entry,
// which the caller holds until statement_entry_unref().
struct statement_entry *statement_cache_read(struct statement_cache *cache, struct statement *out,
                                             struct arena *arena, struct slice sql,
                                             const struct statement_context *context);

// Lets go of `*entry` and nulls it; NULL is allowed.
void statement_entry_unref(struct statement_entry **entry);
