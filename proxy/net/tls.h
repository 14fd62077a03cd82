// What TLS needs to know before a connection: certificates, keys, whom to trust. Made whole, then
// immutable and refcounted; shared by all threads. A reload makes a new one, and connections keep
// the one they began with. TLS 1.2 and newer, no renegotiation, no compression.
#pragma once

#include "proxy/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct tls_context;

// Server: what clients are shown. Tickets are on, so that a client's next connection is cheap on
// whatever worker it lands; their keys live and end with the context.
struct tls_server_settings {
    const char *cert; // PEM file with the certificate and its chain; NULL: a self-signed P-256 one
    const char *key;  // PEM file; NULL: in the file of `cert`
    const char
        *ca; // PEM file of authorities: a client may show a certificate of theirs; NULL: none
};

enum tls_verify {
    TLS_VERIFY_NONE,     // any certificate: against listeners only
    TLS_VERIFY_CA,       // one that a trusted authority has signed
    TLS_VERIFY_IDENTITY, // and that is made out to `host`
};

// Client: one context for each server. It remembers the server's last ticket for the next
// connection.
struct tls_client_settings {
    enum tls_verify verify;
    const char *ca;   // PEM file of authorities; NULL: the system's
    const char *cert; // shown to the server; NULL: none
    const char *key;  // NULL: in the file of `cert`
    const char *host; // name or IP address for SNI and TLS_VERIFY_IDENTITY; NULL: no SNI
};

// Reads files: not on a worker. NULL with the file and OpenSSL's words in `error`.
struct tls_context *tls_context_create_server(const struct tls_server_settings *settings,
                                              struct error *error);
struct tls_context *tls_context_create_client(const struct tls_client_settings *settings,
                                              struct error *error);
struct tls_context *tls_context_ref(struct tls_context *context);
void tls_context_unref(struct tls_context *context);

bool tls_context_is_server(const struct tls_context *context);
// Whether the certificate is one made here, which no authority vouches for.
bool tls_context_is_self_signed(const struct tls_context *context);

enum { TLS_FINGERPRINT_SIZE = 32 };
// SHA-256 of the server's own certificate (DER), as MariaDB's proof of a self-signed certificate
// takes it. Server contexts only.
const uint8_t *tls_context_fingerprint(const struct tls_context *context);
