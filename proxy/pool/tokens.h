// How many connections each server may have from all workers together, which workers found none
// left, and how much comes back from the server to each of them. Immutable but for its counters,
// and refcounted; a reload makes a new one that goes on with the counts of the servers that stay.
// Shared by all threads; every function may be called by any of them, none waits.
#pragma once

#include "proxy/limit/limit.h"

#include <stdbool.h>
#include <stdint.h>

enum { POOL_WORKERS_MAX = 64 };

struct pool_tokens;

// One row a server, by index. `before` may be NULL.
struct pool_tokens *pool_tokens_create(const struct limit_row *servers, unsigned count,
                                       const struct pool_tokens *before);
struct pool_tokens *pool_tokens_ref(struct pool_tokens *tokens);
void pool_tokens_unref(struct pool_tokens *tokens);

// One token for one connection. False where none is left: the worker is then noted as hungry.
// limit_give() gives it back.
bool pool_tokens_take(struct pool_tokens *tokens, int server, unsigned worker,
                      struct limit_token *token);
// Notes it as hungry: it has tokens, but the server itself takes no more connections.
void pool_tokens_want(struct pool_tokens *tokens, int server, unsigned worker);

// Whether some other worker found none. One load.
bool pool_tokens_is_wanted(const struct pool_tokens *tokens, int server, unsigned except);
// Whether that worker found none. One load.
bool pool_tokens_is_hungry(const struct pool_tokens *tokens, int server, unsigned worker);
// Some other worker that found none, taken off the note; -1 where there is none. One load in the
// ordinary case.
int pool_tokens_hungry(struct pool_tokens *tokens, int server, unsigned except);
// The worker waits no more.
void pool_tokens_sated(struct pool_tokens *tokens, int server, unsigned worker);

// Some account of that worker's found none and has no connection that would come back soon: those
// who have some give one up for it, though sessions of theirs wait too.
void pool_tokens_starve(struct pool_tokens *tokens, int server, unsigned worker);
// Whether there is such a worker. One load.
bool pool_tokens_has_starving(const struct pool_tokens *tokens, int server);
// Such a worker, taken off the note; -1 where there is none.
int pool_tokens_starving(struct pool_tokens *tokens, int server);

// A connection to that server came back to that worker, which alone says so. No lock, no shared
// line of the cache.
void pool_tokens_came(struct pool_tokens *tokens, int server, unsigned worker);
// How many have come back to the others.
uint64_t pool_tokens_came_to_others(const struct pool_tokens *tokens, int server, unsigned worker);

// More are there than may be since the limit was lowered.
bool pool_tokens_is_over(const struct pool_tokens *tokens, int server);
uint32_t pool_tokens_used(const struct pool_tokens *tokens, int server);
