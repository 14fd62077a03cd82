// The inside of a TLS context, for the other files of the room.
#pragma once

#include "proxy/base/refcount.h"
#include "proxy/net/tls.h"

#include <openssl/ssl.h>
#include <stdatomic.h>

// A ticket costs a twelfth of a handshake, and nearly all drivers throw it away. Who comes with one
// gets the next, and so does one in so many of the others, the first of them: a client that keeps
// tickets has one soon.
enum { TICKETS_EVERY = 8 };

struct tls_context {
    struct refcount ref;
    SSL_CTX *ssl;
    bool is_server;
    bool is_self_signed;
    uint8_t fingerprint[TLS_FINGERPRINT_SIZE];
    char *sni; // NULL: none
    // Client: the server's newest ticket, at most one. Whoever connects takes it out, since a
    // ticket is good for one connection (RFC 8446, C.4); a lock is not needed for that.
    _Atomic(SSL_SESSION *) ticket;
    atomic_uint newcomers; // server: connections that resumed none; see TICKETS_EVERY
};

// Sets `error` from OpenSSL's queue of errors, and empties that. Returns false.
bool tls_error_take(struct error *error, const char *where, const char *what);

// A new P-256 key and a certificate signed by itself, for SSL_CTX_use_...(); both the caller's.
// False where OpenSSL refuses.
bool tls_certificate_make(EVP_PKEY **key, X509 **certificate);
