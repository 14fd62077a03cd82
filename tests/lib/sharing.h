// Sessions that share one connection to each server: whoever comes next gets the one that was left.
#pragma once

#include "tests/lib/site.h"

// The changes of proxy.ini for that, NULL-ended.
extern const char *const sharing_changes[];

// For a group's setup: these statements run on the primary before the proxy starts. What waits in
// vain for one of so few connections may stand in the log.
struct site *sharing_create(const char *statements);

// As app, through the proxy; with several statements in a text.
MYSQL *sharing_client(const struct site *site);

// Another session, with a state of its own, has the connections to all servers. Needs a table app.t
// with columns id and a.
void sharing_others_come(MYSQL *other);

// Statements with "; " between them, one after the other, whether or not one fails. Returns the
// number of the last error, 0 where there was none.
unsigned sharing_run_each(MYSQL *client, const char *statements);
