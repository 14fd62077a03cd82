// One client of the churn, as its acts see it.
#pragma once

#include "tests/soak/churn.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { MARK_SIZE = 48 };

struct actor {
    struct churn *churn;
    const struct instance *instance;
    unsigned number;
    uint64_t dice;
    struct tally tally; // its own, read while parked
    MYSQL *client;      // of the act that goes on; NULL: none, or not yet
    bool is_doomed;     // the act itself has somebody end this connection or its statement
    char mark[MARK_SIZE];
};

// The acts: a table of acts.c.
struct act {
    const char *name;
    unsigned share; // how often, against the others'
    void (*run)(struct actor *actor);
};

extern const struct act acts[];
extern const size_t acts_count;

// At least 0, below `limit`.
unsigned actor_roll(struct actor *actor, unsigned limit);
// Lets some time pass, at most `ms`; less where the clients are to park.
void actor_pause(struct actor *actor, unsigned ms);
// Writes down what should not be.
__attribute__((format(printf, 2, 3))) void actor_fault(struct actor *actor, const char *format,
                                                       ...);
// An error that the client got: a fault, unless servers are troubled or the actor is doomed and it
// is one of the errors that then come.
void actor_error(struct actor *actor, const char *doing, unsigned number, const char *text);

static inline void range_add(struct range *range, unsigned least, unsigned most)
{
    range->least += least;
    range->most += most;
}
