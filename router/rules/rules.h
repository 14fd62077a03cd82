// The operator's rules, compiled: which one, if any, a statement falls under. struct rules is
// immutable and refcounted; it belongs to the configuration that it was compiled from and holds a
// reference to it. Any thread matches, each with a scratch of its own. No clock, no lock, and no
// heap once the scratch exists; counters of hits are the caller's (a rule has an index).
//
// A rule's conditions are ANDed, the ones that cost least are asked first, and the first rule of
// the file that matches ends the search. What a rule does is in rule->conf; decide reads it.
#pragma once

#include "conf/config.h"
#include "proxy/base/slice.h"
#include "router/statement/statement.h"

struct rules;
struct rules_scratch;

struct rule {
    size_t index;                 // its place among the rules, from 0: for counters by worker
    const struct conf_rule *conf; // name, actions; lives as long as the rules
};

// What a statement is matched against. All borrowed.
struct rules_input {
    const struct statement *statement; // its tables
    struct slice text;                 // the whole text, as the client sent it
    struct slice digest;               // its digest text; read only where rules_want_digest()
    struct slice user;
    struct slice schema;           // the current one; empty: none
    const struct sockaddr *client; // NULL: a Unix socket, which is in no network
    struct slice listen;           // text of the address of proxy.listen that the client came in by
};

// --- life

// Compiles config->rules. Every mistake in a pattern goes to `diagnostics`, as an error with file
// and line; NULL where there was one. Without rules, an empty set. The caller owns one reference.
const struct rules *rules_compile(const struct config *config, struct diagnostics *diagnostics);
const struct rules *rules_ref(const struct rules *rules);
// NULL is nothing.
void rules_unref(const struct rules *rules);

// What a thread needs for matching: one for all the rules it will ever see. Owned by the thread.
struct rules_scratch *rules_scratch_create(void);
void rules_scratch_destroy(struct rules_scratch *scratch);

// --- reading

size_t rules_count(const struct rules *rules);
// `index` below rules_count().
const struct rule *rules_at(const struct rules *rules, size_t index);
// Whether any rule has match_digest: else nobody need make the digest's text for it.
bool rules_want_digest(const struct rules *rules);

// The first rule from that index on that matches, or NULL; borrowed from the rules. A pattern that
// runs into its limit (it backtracks without end on this text) counts as not matching, and
// `scratch` counts it.
const struct rule *rules_match(const struct rules *rules, struct rules_scratch *scratch,
                               const struct rules_input *input, size_t from);
// How often, since its creation, a pattern of this thread ran into its limit.
uint64_t rules_scratch_exhausted(const struct rules_scratch *scratch);
