// What sluice knows about one account, and whether a client's proof fits it.
//
// Whoever has no account is judged against one made up for his name (struct account_fakes), by the
// same steps, so that neither answers nor time tell that there is none.
#pragma once

#include "protocol/login/scramble.h"
#include "protocol/login/secret.h"

#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

// What the caller found out. Any of it may be missing. Passwords have at most SECRET_PASSWORD_MAX
// bytes.
struct login_account {
    struct slice password; // of a section; `has_password` since it may be empty
    bool has_password;
    struct slice password2; // also valid, while a password changes; only beside `password`
    bool has_password2;
    const uint8_t *native_hash; // SHA1(SHA1(pw)) or NULL: checks native proofs and passwords
    const uint8_t *sha2_hash;   // SHA256(SHA256(pw)) or NULL: checks fast proofs and passwords
    bool server_decides;        // what does not fit the above is tried on a server (passthrough),
                                // else it is refused
};

// How accounts are made up.
struct account_fakes {
    uint8_t key[SHA256_SIZE]; // random, for the life of the process
    uint32_t accounts;        // how many sections there are (as many as fit the ratio), and how
    uint32_t by_hash;         // many of them hold a native hash alone: fakes come in that ratio
};

// --- inside the room ---------------------------------------------------------------------------

// A login_account with the bytes it points to. Embedded in the login.
struct account {
    struct secret *passwords[2]; // the same one twice where there is one, so that either costs two
    uint8_t native_hash[SHA1_SIZE];
    uint8_t sha2_hash[SHA256_SIZE];
    bool has_password;
    bool has_native_hash;
    bool has_sha2_hash;
    bool server_decides;
};

// Copies `found`, or makes an account up for `user` where it is NULL. Both take the same steps.
void account_init(struct account *account, const struct login_account *found,
                  const struct account_fakes *fakes, struct slice user);
void account_release(struct account *account);

// Whether there is something to hold such a proof against.
bool account_checks_native(const struct account *account);
bool account_checks_sha2(const struct account *account);

// The secret that the proof shows, for the caller to unref: the password where it is known, else
// H(pw). NULL where it does not fit.
struct secret *account_prove_native(const struct account *account, const uint8_t proof[SHA1_SIZE],
                                    const uint8_t nonce[NONCE_SIZE]);
struct secret *account_prove_sha2(const struct account *account, const uint8_t proof[SHA256_SIZE],
                                  const uint8_t nonce[NONCE_SIZE]);
// Whether this is the account's password.
bool account_prove_password(const struct account *account, const struct secret *password);
