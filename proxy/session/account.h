// Inside the room only: passwords that servers have taken.
#pragma once

#include "protocol/login/digest.h"
#include "proxy/base/buffer.h"
#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct secret;
struct session;
struct worker;

// What the worker knows about an account; NULL: nothing. Accounts go by the name of the user, or,
// where servers are told whose client it is (they may have an account for each host), by
// "user\0address": account_name().
struct account_entry {
    struct secret *secret;
    uint8_t sha2_hash[SHA256_SIZE];
    uint8_t native_hash[SHA1_SIZE];
    bool has_native_hash;
    int64_t verified_us;
    bool is_rechecked; // a server is being asked again
    bool is_doubted;   // somebody tried another password
};
// Borrows `user`, or is written to `out`, which the caller releases.
struct slice account_name(const struct session *session, struct slice user, struct buffer *out);
const struct account_entry *account_find(struct worker *worker, struct slice user);
// Whether it was verified so lately that its fast proof is enough.
bool account_is_trusted(const struct worker *worker, const struct account_entry *entry);
// Asks a server again, in the background, where the last time was longer ago than `recheck`.
void account_recheck(struct worker *worker, struct slice user);
// A server took it: known to every worker from now on.
void account_learn(struct worker *worker, struct slice user, struct secret *secret);
// Somebody tried another password: the next who proves the right one is shown to a server, at every
// worker. Servers count those tries, and a good login ends the count.
void account_doubt(struct worker *worker, struct slice user);
// It changed, or may have: every worker forgets it; without an address those of every address.
// Empty: every account.
void account_forget(struct worker *worker, struct slice user);
// Global variables changed: sessions that log in from now on, at any worker, get connections of
// their own time.
void account_renew_connections(struct worker *worker);
// Whether that user has been let into that schema before: then nobody need be asked again.
bool account_has_schema(const struct worker *worker, struct slice user, struct slice schema);
void account_add_schema(struct worker *worker, struct slice user, struct slice schema);
// A schema is gone: every worker asks again.
void account_forget_schemas(struct worker *worker);
void accounts_release(struct worker *worker);
