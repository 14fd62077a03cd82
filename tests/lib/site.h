// What most end-to-end tests stand on: a primary db1 with the replicas db2 and db3, each writing
// down the statements it gets, and a sluice in front. Each server has a row of its own in
// app.whoami, so that a read tells where it was answered; a statement with a mark of its own in a
// comment is found in the logs.
#pragma once

#include "tests/lib/client.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/general_log.h"
#include "tests/lib/instance.h"
#include "tests/lib/stack.h"
#include "tests/lib/wait.h"

#include <stdbool.h>

struct site {
    struct stack *stack;
    struct instance *instance;
    struct general_log *logs[STACK_SERVERS_MAX]; // of app's statements; NULL until asked for
    char log_paths[STACK_SERVERS_MAX][FILE_PATH_SIZE];
    const char *const *expected; // events that the log may have as warnings or errors; NULL-ended
};

// Group setup and teardown.
int site_setup(void **state);
int site_teardown(void **state);
// The last test of every group: no client and no connection in use is left, the proxy ends well,
// and its log has no surprises.
void the_proxy_leaves_nothing_behind(void **state);
// Of a group whose setup found no servers of the kind that it wants and left no site: the test is
// passed over, and says so.
struct site *site_or_skip(void **state);
void the_proxy_leaves_nothing_behind_where_there_is_one(void **state);
// For a setup of its own: with these options of the servers, these statements run on the primary
// before the proxy starts, and these changes of proxy.ini; each may be NULL.
struct site *site_create(const char *const stack_options[], const char *statements,
                         const char *const changes[]);
// The same of servers that the test wants whatever SERVERS says.
struct site *site_create_of(enum servers kind, const char *const stack_options[],
                            const char *statements, const char *const changes[]);
extern const char *const site_logging[]; // the stack option that site_setup() gives

// Replaces the sluice by a new one with these changes; the old one must end well.
void site_restart(struct site *site, const char *const changes[]);
// The same where the test has ended the old one itself, or does not care how it ends.
void site_replace(struct site *site, const char *const changes[]);

// As app, through the proxy.
MYSQL *site_client(const struct site *site);
// As app, on the primary itself; with several statements in a text.
MYSQL *site_direct_client(const struct site *site);

// Where a read of this session is answered now: "db1", ...
struct client_text site_where(MYSQL *client);
void assert_on_replica(MYSQL *client);
// The same behind a write of the session's, which a replica must have first.
void assert_soon_on_replica(MYSQL *client);
void assert_on_primary(MYSQL *client);

// The server to which app sent the statement with this mark, once and since the question before.
const char *site_server_of(struct site *site, const char *mark);

// Waits until this is all that the view `sessions` gives as reasons for keeping connections: "" for
// none, "a,b" for two sessions. `what` stands in the failure.
void assert_site_pin(const struct site *site, const char *what, const char *pin);

// Statements that clients of the server have prepared there, and connections that the proxy's pools
// have to it.
long long site_statements_on(const struct site *site, const char *name);
long long site_connections_to(const struct site *site, const char *name);

// Waits until no client is left and every backend connection is back in its pool.
void assert_site_idle(const struct site *site);
