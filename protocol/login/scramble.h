// The algebra of proofs: how a client shows that it knows a password without sending it. Below, H
// is SHA1 for mysql_native_password and SHA256 for caching_sha2_password.
//
//     native   H(pw) XOR H(nonce + H(H(pw)))
//     sha2     H(pw) XOR H(H(H(pw)) + nonce)
//
// The side that checks holds H(H(pw)), the "hash", takes the right half of the XOR off the proof
// and gets H(pw), the "key", by which it may in turn log in elsewhere. Every comparison takes the
// same time wherever the bytes differ. Any thread. Manual:
// page_protocol_connection_phase_authentication_methods_native_password_authentication,
// page_caching_sha2_authentication_exchanges
#pragma once

#include "protocol/login/digest.h"

#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NONCE_SIZE = 20 };

// A new nonce from the kernel's generator: 7-bit bytes, none of them zero (clients read the nonce
// as text) or '$' (which MySQL's stored hashes use as a separator). About 139 random bits.
void scramble_nonce_make(uint8_t nonce[NONCE_SIZE]);

// --- proving -----------------------------------------------------------------------------------

void scramble_native(const uint8_t key[SHA1_SIZE], const uint8_t nonce[NONCE_SIZE],
                     uint8_t proof[SHA1_SIZE]);
void scramble_sha2(const uint8_t key[SHA256_SIZE], const uint8_t nonce[NONCE_SIZE],
                   uint8_t proof[SHA256_SIZE]);

// --- checking ----------------------------------------------------------------------------------

// True where `proof` was made from the password whose hash this is; `key` then holds H(pw), which
// the caller wipes, else zeros.
bool scramble_native_check(const uint8_t proof[SHA1_SIZE], const uint8_t nonce[NONCE_SIZE],
                           const uint8_t hash[SHA1_SIZE], uint8_t key[SHA1_SIZE]);
bool scramble_sha2_check(const uint8_t proof[SHA256_SIZE], const uint8_t nonce[NONCE_SIZE],
                         const uint8_t hash[SHA256_SIZE], uint8_t key[SHA256_SIZE]);

// Whether `size` bytes are the same, in a time that depends on `size` alone.
bool scramble_equal(const void *a, const void *b, size_t size);

// --- around them -------------------------------------------------------------------------------

// The native hash as servers store it, "*" and 40 hexadecimal digits. False where it is none.
bool scramble_native_hash_parse(struct slice text, uint8_t hash[SHA1_SIZE]);

// XOR with the nonce, repeated: how a password is dressed before RSA. Doing it twice undoes it.
void scramble_obfuscate(uint8_t *bytes, size_t len, const uint8_t nonce[NONCE_SIZE]);
