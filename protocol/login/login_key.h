// RSA, for the full exchange of caching_sha2_password where the line is not safe: the client asks
// for the server's public key and sends its password, XORed with the nonce, under RSA-OAEP.
//
// A key pair (ours, towards clients) is immutable, refcounted and for any thread. Making one and
// decrypting take milliseconds: a helper thread's work.
#pragma once

#include "protocol/login/scramble.h"
#include "protocol/login/secret.h"

#include "proxy/base/buffer.h"
#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LOGIN_KEY_BITS = 2048,       // of the pairs made here
    LOGIN_KEY_SIZE_MAX = 1024,   // bytes of a modulus, ours or a server's: 8192 bits
    LOGIN_KEY_PEM_MAX = 8 * 1024 // bytes of a public key that a server may send
};

// --- our pair ----------------------------------------------------------------------------------

struct login_key;

// A new pair; slow (up to a second).
struct login_key *login_key_create(void);
// From a private key's PEM text, not encrypted. NULL where it is none of RSA with 2048 to 8192
// bits.
struct login_key *login_key_from_pem(struct slice pem);
struct login_key *login_key_ref(struct login_key *key);
// Gives the reference back and sets `*key` to NULL; NULL there is fine.
void login_key_unref(struct login_key **key);

// The public half as PEM, as clients expect it. Borrowed from the key.
struct slice login_key_public_pem(const struct login_key *key);
// Bytes of everything encrypted with this key.
size_t login_key_size(const struct login_key *key);

// The password that a client encrypted over this nonce, or NULL where it is none. Slow.
struct secret *login_key_decrypt(const struct login_key *key, struct slice cipher,
                                 const uint8_t nonce[NONCE_SIZE]);

// --- a server's public half --------------------------------------------------------------------

// Encrypts the password over the nonce with a key in PEM and appends the result to `out`. False
// where the text is no RSA key of 1024 to 8192 bits, or the password too long for it (the modulus
// less 43 bytes).
__attribute__((warn_unused_result)) bool login_key_encrypt(struct slice pem, struct slice password,
                                                           const uint8_t nonce[NONCE_SIZE],
                                                           struct buffer *out);
