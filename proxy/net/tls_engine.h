// TLS as a filter: bytes of the wire go in, bytes for the wire come out, no socket is touched. One
// engine serves all TLS streams of a loop, one call at a time; each stream has its SSL. Inside the
// room only; one thread.
//
//     wire --received--> tls_engine_input() --> tls_engine_read() --> plain bytes
//     plain bytes --> tls_engine_write() --> engine->output --sent--> wire
//
// Since the engine takes all output into memory, nothing but missing input ever makes a call wait.
#pragma once

#include "proxy/base/buffer.h"
#include "proxy/base/error.h"
#include "proxy/net/tls.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_engine {
    BIO_METHOD *method;
    const uint8_t *input; // borrowed; what the SSL of the running call may read
    size_t input_len;
    struct buffer output; // for the wire, of the last call; its owner empties it by
                          // tls_engine_sent()
    uint8_t *record;      // where small pieces meet to become one record
};

enum tls_result {
    TLS_DONE,   // did what was asked
    TLS_WANTS,  // needs more bytes of the wire
    TLS_ENDED,  // the peer has said goodbye
    TLS_FAILED, // bad bytes or a certificate that does not pass; tls_engine_error() says
};

enum { TLS_RECORD_SIZE = 16 * 1024 }; // most plain bytes in one record (RFC 8446, 5.1)

struct tls_engine *tls_engine_create(void);
void tls_engine_destroy(struct tls_engine *engine);

// An SSL in the context's role, which holds a reference to it. tls_engine_detach() frees both.
SSL *tls_engine_attach(struct tls_engine *engine, struct tls_context *context);
void tls_engine_detach(SSL *tls);
struct tls_context *tls_engine_context(const SSL *tls);

// `bytes` (borrowed) stand ready for the calls that follow.
void tls_engine_input(struct tls_engine *engine, const uint8_t *bytes, size_t len);

// Each call may add to engine->output, a failing one too (an alert).
enum tls_result tls_engine_handshake(struct tls_engine *engine, SSL *tls);
// Decrypts the whole input into `out`, as far as `size` goes. `*len` bytes came, whatever the
// result.
enum tls_result tls_engine_read(struct tls_engine *engine, SSL *tls, uint8_t *out, size_t size,
                                size_t *len);
// Encrypts the parts, as few records as they fit in. False where the SSL has failed.
bool tls_engine_write(struct tls_engine *engine, SSL *tls, const struct slice *parts, size_t count);
// Nothing is read for a while: gives back the memory for records (SSL_free_buffers(3)), some 34 KB
// of a connection that keeps it otherwise.
void tls_engine_rest(SSL *tls);
// Says goodbye.
void tls_engine_shutdown(struct tls_engine *engine, SSL *tls);

// The output was taken: forgets it, and gives back what was exceptionally large.
void tls_engine_sent(struct tls_engine *engine);

// Whether the last failure was that of the peer's certificate.
bool tls_engine_is_unverified(const SSL *tls);
// OpenSSL's words for the last failure.
void tls_engine_error(const SSL *tls, struct error *error);
