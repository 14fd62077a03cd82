// Who asks something of the admin room: what functions like USER() and variables answer with, and
// what it may do. A plain value whose texts are borrowed from the asker's connection. One thread.
#pragma once

#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum admin_right {
    ADMIN_LOOK,    // views and whatever changes nothing
    ADMIN_COMMAND, // everything
};

struct asker {
    uint64_t id; // of the connection
    struct slice user;
    struct slice host;        // where the client is
    struct slice schema;      // the current one; empty: none
    struct slice tls_version; // empty: no TLS
    struct slice tls_cipher;
    enum admin_right right;
};
