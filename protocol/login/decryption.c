#include "protocol/login/decryption.h"

#include "proxy/base/memory.h"

#include <assert.h>
#include <string.h>

struct decryption {
    struct login_key *key;
    struct secret *secret; // the result
    size_t len;
    uint8_t cipher[LOGIN_KEY_SIZE_MAX];
    uint8_t nonce[NONCE_SIZE];
};

struct decryption *decryption_create(struct login_key *key, struct slice cipher,
                                     const uint8_t nonce[NONCE_SIZE])
{
    assert(cipher.len > 0 && cipher.len <= LOGIN_KEY_SIZE_MAX);
    struct decryption *decryption = mem_zero(1, sizeof(*decryption));

    decryption->key = login_key_ref(key);
    decryption->len = cipher.len;
    memcpy(decryption->cipher, cipher.ptr, cipher.len);
    memcpy(decryption->nonce, nonce, NONCE_SIZE);
    return decryption;
}

void decryption_destroy(struct decryption **decryption)
{
    struct decryption *held = *decryption;

    *decryption = NULL;
    if (held != NULL) {
        login_key_unref(&held->key);
        secret_unref(&held->secret);
        mem_wipe(held, sizeof(*held));
        mem_free(held);
    }
}

void decryption_run(struct decryption *decryption)
{
    secret_unref(&decryption->secret);
    decryption->secret = login_key_decrypt(
        decryption->key, slice_make(decryption->cipher, decryption->len), decryption->nonce);
}

struct secret *decryption_take(struct decryption *decryption)
{
    struct secret *secret = decryption->secret;

    decryption->secret = NULL;
    return secret;
}
