// The PROXY header, by which whoever stands between says who a connection's client really is:
// version 1 (a line of text) and 2 (binary) in, version 2 out. Bytes only; any thread.
// Specification: https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt
#pragma once

#include "proxy/base/slice.h"
#include "proxy/net/address.h"

#include <stddef.h>
#include <stdint.h>

// A longer header is refused: addresses take 232 bytes, the rest are notes (TLVs), which are
// skipped.
enum { PROXY_HEADER_MOST = 4096, PROXY_HEADER_OUT_SIZE = 52 };

enum proxy_header_result {
    PROXY_HEADER_MORE, // `bytes` are the beginning of one
    PROXY_HEADER_READ,
    PROXY_HEADER_BAD, // they are none; `fault` says why
};

struct proxy_header {
    // Who the client is. ADDRESS_NONE with has_client: a Unix socket's nameless client. Without
    // has_client (LOCAL, UNKNOWN, UNSPEC) the connection is whoever's it seems.
    bool has_client;
    struct address client;
    size_t len;        // of the header: what follows is the client's
    const char *fault; // a sentence's end, BAD alone
};

enum proxy_header_result proxy_header_decode(struct proxy_header *header, struct slice bytes);

// Writes version 2's header into `out` and returns its length. `client` and `server` are IP
// addresses; a client that is none makes a LOCAL one: the connection is the sender's own.
size_t proxy_header_encode(const struct address *client, const struct address *server,
                           uint8_t out[PROXY_HEADER_OUT_SIZE]);
