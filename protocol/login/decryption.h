// One client's encrypted password on its way through a helper thread. It owns all it needs (a
// reference to the key, a copy of the bytes), so that the login may end in the meantime.
//
//     struct decryption *job = login_server_take_decryption(login);     // loop's thread
//     ... to the helper:  decryption_run(job);                           // any one thread
//     ... back:           verb = login_server_decrypted(login, &job);    // loop's thread
//     ... or, where the session is gone:  decryption_destroy(&job);
//
// One thread at a time.
#pragma once

#include "protocol/login/login_key.h"
#include "protocol/login/secret.h"

struct decryption;

// Takes a reference to the key. `cipher` has at most LOGIN_KEY_SIZE_MAX bytes.
struct decryption *decryption_create(struct login_key *key, struct slice cipher,
                                     const uint8_t nonce[NONCE_SIZE]);
// Wipes, frees and nulls; NULL there is fine.
void decryption_destroy(struct decryption **decryption);

// The work: milliseconds.
void decryption_run(struct decryption *decryption);
// What came of it, now the caller's: NULL where the bytes held no password.
struct secret *decryption_take(struct decryption *decryption);
