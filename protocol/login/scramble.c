#include "protocol/login/scramble.h"

#include "proxy/base/memory.h"
#include "proxy/base/random.h"

#include <openssl/crypto.h>

#include <string.h>

bool scramble_equal(const void *a, const void *b, size_t size)
{
    return CRYPTO_memcmp(a, b, size) == 0;
}

static void xor_with(uint8_t *bytes, const uint8_t *mask, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= mask[i];
    }
}

// --- the nonce ---------------------------------------------------------------------------------

// 7 bits of each random byte; those that may not be in a nonce are left out, which keeps the others
// equally likely.
static size_t nonce_take(uint8_t *nonce, size_t room, const uint8_t *random, size_t count)
{
    size_t taken = 0;
    for (size_t i = 0; i < count && taken < room; i++) {
        uint8_t byte = random[i] & 0x7F;
        if (byte != '\0' && byte != '$') {
            nonce[taken++] = byte;
        }
    }
    return taken;
}

void scramble_nonce_make(uint8_t nonce[NONCE_SIZE])
{
    uint8_t random[2 * NONCE_SIZE];
    size_t len = 0;

    while (len < NONCE_SIZE) {
        random_bytes(random, sizeof(random));
        len += nonce_take(nonce + len, NONCE_SIZE - len, random, sizeof(random));
    }
}

// --- mysql_native_password ---------------------------------------------------------------------

// H(nonce + hash): what hides the key in the proof.
static void native_mask(const uint8_t hash[SHA1_SIZE], const uint8_t nonce[NONCE_SIZE],
                        uint8_t mask[SHA1_SIZE])
{
    uint8_t joined[NONCE_SIZE + SHA1_SIZE];

    memcpy(joined, nonce, NONCE_SIZE);
    memcpy(joined + NONCE_SIZE, hash, SHA1_SIZE);
    digest_sha1(slice_make(joined, sizeof(joined)), mask);
    mem_wipe(joined, sizeof(joined));
}

void scramble_native(const uint8_t key[SHA1_SIZE], const uint8_t nonce[NONCE_SIZE],
                     uint8_t proof[SHA1_SIZE])
{
    uint8_t hash[SHA1_SIZE];

    digest_sha1(slice_make(key, SHA1_SIZE), hash);
    native_mask(hash, nonce, proof);
    xor_with(proof, key, SHA1_SIZE);
    mem_wipe(hash, sizeof(hash));
}

bool scramble_native_check(const uint8_t proof[SHA1_SIZE], const uint8_t nonce[NONCE_SIZE],
                           const uint8_t hash[SHA1_SIZE], uint8_t key[SHA1_SIZE])
{
    uint8_t again[SHA1_SIZE];

    native_mask(hash, nonce, key);
    xor_with(key, proof, SHA1_SIZE);
    digest_sha1(slice_make(key, SHA1_SIZE), again);
    bool fits = scramble_equal(again, hash, SHA1_SIZE);
    if (!fits) {
        mem_wipe(key, SHA1_SIZE);
    }
    return fits;
}

// --- caching_sha2_password ---------------------------------------------------------------------

// H(hash + nonce): what hides the key in the proof.
static void sha2_mask(const uint8_t hash[SHA256_SIZE], const uint8_t nonce[NONCE_SIZE],
                      uint8_t mask[SHA256_SIZE])
{
    uint8_t joined[SHA256_SIZE + NONCE_SIZE];

    memcpy(joined, hash, SHA256_SIZE);
    memcpy(joined + SHA256_SIZE, nonce, NONCE_SIZE);
    digest_sha256(slice_make(joined, sizeof(joined)), mask);
    mem_wipe(joined, sizeof(joined));
}

void scramble_sha2(const uint8_t key[SHA256_SIZE], const uint8_t nonce[NONCE_SIZE],
                   uint8_t proof[SHA256_SIZE])
{
    uint8_t hash[SHA256_SIZE];

    digest_sha256(slice_make(key, SHA256_SIZE), hash);
    sha2_mask(hash, nonce, proof);
    xor_with(proof, key, SHA256_SIZE);
    mem_wipe(hash, sizeof(hash));
}

bool scramble_sha2_check(const uint8_t proof[SHA256_SIZE], const uint8_t nonce[NONCE_SIZE],
                         const uint8_t hash[SHA256_SIZE], uint8_t key[SHA256_SIZE])
{
    uint8_t again[SHA256_SIZE];

    sha2_mask(hash, nonce, key);
    xor_with(key, proof, SHA256_SIZE);
    digest_sha256(slice_make(key, SHA256_SIZE), again);
    bool fits = scramble_equal(again, hash, SHA256_SIZE);
    if (!fits) {
        mem_wipe(key, SHA256_SIZE);
    }
    return fits;
}

// --- around them -------------------------------------------------------------------------------

// -1 where it is no hexadecimal digit.
static int digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return -1;
}

bool scramble_native_hash_parse(struct slice text, uint8_t hash[SHA1_SIZE])
{
    if (text.len != 1 + 2 * SHA1_SIZE || text.ptr[0] != '*') {
        return false;
    }
    for (size_t i = 0; i < SHA1_SIZE; i++) {
        int high = digit_value(text.ptr[1 + 2 * i]);
        int low = digit_value(text.ptr[2 + 2 * i]);
        if (high < 0 || low < 0) {
            return false;
        }
        hash[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void scramble_obfuscate(uint8_t *bytes, size_t len, const uint8_t nonce[NONCE_SIZE])
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] ^= nonce[i % NONCE_SIZE];
    }
}
