// Names to addresses without waiting: c-ares on a loop, with a cache that keeps what the name
// server allows. /etc/hosts is honoured. One thread: the loop's.
#pragma once

#include "proxy/base/error.h"
#include "proxy/base/list.h"
#include "proxy/base/slice.h"
#include "proxy/net/address.h"
#include "proxy/net/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct resolver;
struct resolver_name;
struct resolver_query;

enum { RESOLVER_ADDRESSES_MAX = 16, RESOLVER_HOST_SIZE = 256 };

struct resolver_settings {
    const char
        *servers; // "10.0.0.1,10.0.0.2:5353" instead of those of /etc/resolv.conf; NULL: those
    int64_t timeout_us;  // for one try at one server; 0: 2 s
    unsigned tries;      // 0: 3
    int64_t longest_us;  // an answer is kept at most so long; 0: 60 s
    int64_t shortest_us; // and at least so long (/etc/hosts names no time); 0: 5 s
    int64_t failed_us;   // a failure is kept so long; 0: 1 s
    int64_t late_us;     // an old answer is given where no new one has come by then; 0: 500 ms
};

// NULL with the reason in `error` where c-ares cannot start.
struct resolver *resolver_create(struct loop *loop, const struct resolver_settings *settings,
                                 struct error *error);
// Queries still open are dropped without a word.
void resolver_destroy(struct resolver *resolver);

// `addresses`: `count` of them with the port filled in, in the order to try; borrowed. Where count
// is 0, `error` says why. May free the query.
typedef void resolver_fn(struct resolver_query *query, const struct address *addresses,
                         size_t count, const struct error *error);

// Embedded in the asker; its fields are the resolver's.
struct resolver_query {
    struct list link;
    resolver_fn *done;
    struct loop_task task;
    struct resolver_name *name;
    struct resolver *resolver;
    uint16_t port;
};

void resolver_query_init(struct resolver_query *query, resolver_fn *done);
// Looks up `host` (a name, or a literal that is answered without asking anybody). done() is called
// once, from the loop, never from inside this call. Addresses of both families, v4 first.
void resolver_ask(struct resolver *resolver, struct resolver_query *query, struct slice host,
                  uint16_t port);
// done() is not called any more. Also for a query that was never asked or is answered.
void resolver_cancel(struct resolver_query *query);
