// MariaDB's ed25519 plugin: a signature of the server's nonce, by the key that SHA512 makes of a
// password of any length. The server stores the public key alone: who reads its tables cannot log
// in. Only the password itself can sign. Any thread.
// Manual: authentication-plugin-ed25519; RFC 8032, 5.1.6
#pragma once

#include "proxy/base/slice.h"

#include <stdint.h>

enum { ED25519_NONCE_SIZE = 32, ED25519_PROOF_SIZE = 64 };

void ed25519_sign(struct slice password, const uint8_t nonce[ED25519_NONCE_SIZE],
                  uint8_t proof[ED25519_PROOF_SIZE]);
