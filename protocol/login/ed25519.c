#include "protocol/login/ed25519.h"

#include "proxy/base/memory.h"

#include <sodium.h>

#include <assert.h>
#include <string.h>

enum { SCALAR_SIZE = crypto_core_ed25519_SCALARBYTES, POINT_SIZE = crypto_core_ed25519_BYTES };

// What SHA512 makes of the password: the secret scalar, and what makes each signature's own.
struct key {
    uint8_t scalar[SCALAR_SIZE];
    uint8_t prefix[crypto_hash_sha512_BYTES - SCALAR_SIZE];
};

static void key_make(struct slice password, struct key *key)
{
    static_assert(sizeof(*key) == crypto_hash_sha512_BYTES, "one digest");
    crypto_hash_sha512((uint8_t *)key, (const uint8_t *)password.ptr, password.len);
    key->scalar[0] &= 0xF8;
    key->scalar[SCALAR_SIZE - 1] &= 0x3F;
    key->scalar[SCALAR_SIZE - 1] |= 0x40;
}

// Up to three pieces, as one number below the group's order.
static void scalar_of(const struct slice *pieces, size_t count, uint8_t scalar[SCALAR_SIZE])
{
    crypto_hash_sha512_state state;
    uint8_t digest[crypto_hash_sha512_BYTES];

    crypto_hash_sha512_init(&state);
    for (size_t i = 0; i < count; i++) {
        crypto_hash_sha512_update(&state, (const uint8_t *)pieces[i].ptr, pieces[i].len);
    }
    crypto_hash_sha512_final(&state, digest);
    crypto_core_ed25519_scalar_reduce(scalar, digest);
    mem_wipe(&state, sizeof(state));
    mem_wipe(digest, sizeof(digest));
}

static void point_of(const uint8_t scalar[SCALAR_SIZE], uint8_t point[POINT_SIZE])
{
    int failed = crypto_scalarmult_ed25519_base_noclamp(point, scalar);
    assert(failed == 0); // of the number 0 alone, which no digest is known to make
    (void)failed;
}

void ed25519_sign(struct slice password, const uint8_t nonce[ED25519_NONCE_SIZE],
                  uint8_t proof[ED25519_PROOF_SIZE])
{
    struct key key;
    uint8_t once[SCALAR_SIZE], challenge[SCALAR_SIZE], public_key[POINT_SIZE];
    struct slice message = slice_make(nonce, ED25519_NONCE_SIZE);
    uint8_t *point = proof, *answer = proof + POINT_SIZE;

    key_make(password, &key);
    const struct slice own[] = {slice_make(key.prefix, sizeof(key.prefix)), message};
    scalar_of(own, 2, once);
    point_of(once, point);
    point_of(key.scalar, public_key);
    const struct slice all[] = {slice_make(point, POINT_SIZE),
                                slice_make(public_key, sizeof(public_key)), message};
    scalar_of(all, 3, challenge);
    crypto_core_ed25519_scalar_mul(challenge, challenge, key.scalar);
    crypto_core_ed25519_scalar_add(answer, challenge, once);
    mem_wipe(&key, sizeof(key));
    mem_wipe(once, sizeof(once));
    mem_wipe(challenge, sizeof(challenge));
}
