// Clients that come, do something and go, in every way that a client can: politely or not, in the
// middle of a login, a result, a transaction, an upload. Each looks whether the answers it gets are
// its own, and counts what it did as far as a client can know. Threads of their own, on which
// cmocka may not fail a test: what should not be is written down as a fault.
#pragma once

#include "tests/lib/instance.h"
#include "tests/soak/checker.h"

#include <stddef.h>

// What app needs: statements for the primary.
extern const char churn_schema[];

// --- what the clients know -----------------------------------------------------------------------

struct tally {
    double connections; // made
    struct range logins;
    struct range commands; // as sluice_queries_total counts them
    struct range rows;     // of the table ledger
    double acts;
    double errors; // where servers are troubled, or a client was killed
};

// --- life ----------------------------------------------------------------------------------------

enum churn_phase {
    CHURN_PARKED, // the clients wait, without connections
    CHURN_CALM,   // all servers are well: no statement may fail but for what its client did itself
    CHURN_STORM,  // servers come and go: errors are expected, wrong answers are not
    CHURN_OVER,
};

struct churn;

// The clients are parked at first. Borrows the instance.
struct churn *churn_start(const struct instance *instance);
// Ends the clients and frees it.
void churn_stop(struct churn *churn);

// Returns once it is so: parking waits until every client has come to the end of what it does.
void churn_enter(struct churn *churn, enum churn_phase phase);

// --- reading, while parked -----------------------------------------------------------------------

struct tally churn_tally(const struct churn *churn);
// How often each kind of act was done, as "name count, name count".
void churn_acts_print(const struct churn *churn, char *out, size_t size);
// How many faults there were; the first of them go to the standard error output.
size_t churn_faults_show(struct churn *churn);
