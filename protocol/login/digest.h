// The three digests that proofs are made of. They cannot fail: where the library refuses one, the
// process ends. Any thread.
#pragma once

#include "proxy/base/slice.h"

#include <stdint.h>

enum { SHA1_SIZE = 20, SHA256_SIZE = 32 };

void digest_sha1(struct slice bytes, uint8_t out[SHA1_SIZE]);
void digest_sha256(struct slice bytes, uint8_t out[SHA256_SIZE]);
// HMAC-SHA256 of `bytes` under `key`.
void digest_hmac(struct slice key, struct slice bytes, uint8_t out[SHA256_SIZE]);
