// What one side of a login knows: a password, or only H(pw) of it (SHA1 as a native proof reveals
// it, SHA256 as a caching_sha2 proof does), which is enough to make the proofs of that plugin.
//
// Immutable once made and refcounted, for any thread; wiped with its last reference. It lives in
// OpenSSL's secure heap where the process has set that up (CRYPTO_secure_malloc_init: locked, and
// not in core files), else on the plain heap. NULL stands for no password, as an empty one does.
#pragma once

#include "protocol/login/digest.h"

#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

// Longest password, in bytes: more than any server takes, enough for the tokens of PAM and clouds.
enum { SECRET_PASSWORD_MAX = 4096 };

struct secret;

// --- life --------------------------------------------------------------------------------------

// A copy of the password, of at most SECRET_PASSWORD_MAX bytes.
struct secret *secret_from_password(struct slice password);
struct secret *secret_from_sha1(const uint8_t sha1[SHA1_SIZE]);
struct secret *secret_from_sha256(const uint8_t sha256[SHA256_SIZE]);

// NULL is its own reference.
struct secret *secret_ref(struct secret *secret);
// Gives the reference back and sets `*secret` to NULL; NULL there is fine.
void secret_unref(struct secret **secret);

// --- reading -----------------------------------------------------------------------------------

// Whether the password itself is known; of NULL it is: empty.
bool secret_has_password(const struct secret *secret);
// The password, borrowed from the secret; empty where only a hash is known.
struct slice secret_password(const struct secret *secret);
// Whether the password is known to be empty.
bool secret_is_empty(const struct secret *secret);

// H(pw). False where the secret cannot tell it. The caller wipes `out`.
bool secret_sha1(const struct secret *secret, uint8_t out[SHA1_SIZE]);
bool secret_sha256(const struct secret *secret, uint8_t out[SHA256_SIZE]);

// H(H(pw)): what checks a proof and makes none, to be remembered of a login that was verified
// (struct login_account). False where the secret cannot tell it.
bool secret_native_hash(const struct secret *secret, uint8_t out[SHA1_SIZE]);
bool secret_sha2_hash(const struct secret *secret, uint8_t out[SHA256_SIZE]);
// Whether both come of one password; false also where what is known of them cannot be compared.
bool secret_is_same(const struct secret *a, const struct secret *b);
