// Limits that count across threads: so many tokens of a name (a server, a user, "clients"), taken
// and given back by any thread without a lock. A set of them is immutable and refcounted; a reload
// makes a new set, which shares the counters of the same name with all that is taken of them, and
// has limits of its own: as long as nobody takes of it, nothing has changed. A token remembers its
// counter, so it is given back rightly whatever was reloaded meanwhile. Any thread.
#pragma once

#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct limit_tokens;
struct limit_counter;

struct limit_row {
    struct slice name; // copied
    uint32_t max;      // LIMIT_NONE: taking never fails, but is counted
};

enum { LIMIT_NONE = 0 };

// One token taken; embedded in the taker. Belongs to one thread at a time.
struct limit_token {
    struct limit_counter *counter; // NULL: none is held
};

#define LIMIT_TOKEN_NONE ((struct limit_token){NULL})

// A set with a counter for each row, by its index. Names differ. Counters that `before` (may be
// NULL) has under the same name are shared: each set looks at its own limit.
struct limit_tokens *limit_tokens_create(const struct limit_row *rows, unsigned count,
                                         const struct limit_tokens *before);
struct limit_tokens *limit_tokens_ref(struct limit_tokens *tokens);
void limit_tokens_unref(struct limit_tokens *tokens);

// Index of a name, or -1.
int limit_find(const struct limit_tokens *tokens, struct slice name);

// Takes one token of counter `index` into `*token`, which holds none; false where the limit is
// reached.
bool limit_take(struct limit_tokens *tokens, unsigned index, struct limit_token *token);
// Gives the token back; nothing where it holds none.
void limit_give(struct limit_token *token);

// Tokens taken now, and the limit. After a reload to a lower limit, more may be taken than the
// limit says, until they come back.
uint32_t limit_used(const struct limit_tokens *tokens, unsigned index);
uint32_t limit_max(const struct limit_tokens *tokens, unsigned index);
