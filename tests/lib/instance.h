// A sluice that a test runs: its proxy.ini is put together from a stack's servers and what the test
// wants different; it listens on ports of the kernel's choice and logs to a file that the test
// reads.
#pragma once

#include "tests/lib/client.h"
#include "tests/lib/file.h"
#include "tests/lib/process.h"
#include "tests/lib/stack.h"

#include <stddef.h>
#include <stdint.h>

struct instance {
    struct process process;
    char folder[FILE_PATH_SIZE]; // proxy.ini, log, output, socket
    char log[FILE_PATH_SIZE];
    char socket[FILE_PATH_SIZE]; // where it listens beside the port
    uint16_t port;
    uint16_t admin_port;
    uint16_t http_port;
    struct buffer ini;
};

// Each change is "section.key = value" in one string; a key without value ("auth.mode =" is a
// value, "auth.mode" is none) is left out. A section of its own comes with its first key. NULL ends
// them.
//
// Without changes: every server of the stack as [backend:NAME], two workers, the user app, a
// monitor that probes every 50 ms, TLS where the other side has it, the log at level info.

// Starts $SLUICE (build/sluice) and waits until it is ready for clients. Fails the test where it
// does not get there, with its log.
struct instance *instance_start(const struct stack *stack, const char *const changes[]);
// The same for one that is not to become ready (or not yet): returns when it listens.
struct instance *instance_start_unready(const struct stack *stack, const char *const changes[]);
// As instance_start(), under a program that runs it (strace, say) or with variables of its own.
struct instance *instance_start_under(const struct stack *stack, const char *const changes[],
                                      const char *const prefix[], const char *const environment[]);
// As soon as clients can be served at all.
void instance_wait_ready(const struct instance *instance);
// Every configured server is up, so that reads have replicas. instance_start() waits for that too.
void instance_wait_up(const struct instance *instance);
// Views, routines and the rarer functions are known: until then reads that need them go to the
// primary. Wants an admin user without password.
void instance_wait_catalogue(const struct instance *instance);

// Asks it to end, waits, and looks for what it should not have left: fails the test where its exit
// code is not 0 or its log has a warning or an error whose event is not in `expected` (NULL-ended;
// "backend.*" stands for all that start so). Frees it.
void instance_stop(struct instance *instance, const char *const expected[]);
// Ends it by force and frees it: for a teardown after a failed test. NULL is nothing.
void instance_kill(struct instance *instance);

// Writes a new proxy.ini with these changes; the instance is not told.
void instance_rewrite(struct instance *instance, const struct stack *stack,
                      const char *const changes[]);

// --- clients of it ------------------------------------------------------------------------------

// Options for a login as that user over TCP, schema app.
struct client_options instance_options(const struct instance *instance, const char *user,
                                       const char *password);
// As app, over TCP, schema app.
MYSQL *instance_client(const struct instance *instance);
MYSQL *instance_admin(const struct instance *instance);
// One number from the admin port.
long long instance_admin_number(const struct instance *instance, const char *statement);

// --- its log ------------------------------------------------------------------------------------

// How many lines have this event.
size_t instance_event_count(const struct instance *instance, const char *event);
