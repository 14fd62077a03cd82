#include "protocol/login/secret.h"

#include "proxy/base/memory.h"
#include "proxy/base/refcount.h"

#include <openssl/crypto.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum secret_kind { SECRET_PASSWORD, SECRET_SHA1, SECRET_SHA256 };

struct secret {
    struct refcount ref;
    enum secret_kind kind;
    size_t len;
    uint8_t bytes[]; // the password, or the hash
};

// --- life --------------------------------------------------------------------------------------

static struct secret *secret_create(enum secret_kind kind, struct slice bytes)
{
    // The secure heap may be used up: a secret on the plain heap is better than no login.
    struct secret *secret = OPENSSL_secure_malloc(sizeof(*secret) + bytes.len);
    if (secret == NULL) {
        secret = OPENSSL_malloc(sizeof(*secret) + bytes.len);
    }
    if (secret == NULL) {
        abort();
    }
    refcount_init(&secret->ref);
    secret->kind = kind;
    secret->len = bytes.len;
    if (bytes.len > 0) {
        memcpy(secret->bytes, bytes.ptr, bytes.len);
    }
    return secret;
}

struct secret *secret_from_password(struct slice password)
{
    assert(password.len <= SECRET_PASSWORD_MAX);
    return secret_create(SECRET_PASSWORD, password);
}

struct secret *secret_from_sha1(const uint8_t sha1[SHA1_SIZE])
{
    return secret_create(SECRET_SHA1, slice_make(sha1, SHA1_SIZE));
}

struct secret *secret_from_sha256(const uint8_t sha256[SHA256_SIZE])
{
    return secret_create(SECRET_SHA256, slice_make(sha256, SHA256_SIZE));
}

struct secret *secret_ref(struct secret *secret)
{
    if (secret != NULL) {
        refcount_ref(&secret->ref);
    }
    return secret;
}

void secret_unref(struct secret **secret)
{
    struct secret *held = *secret;

    *secret = NULL;
    if (held != NULL && refcount_unref(&held->ref)) {
        OPENSSL_secure_clear_free(held, sizeof(*held) + held->len);
    }
}

// --- reading -----------------------------------------------------------------------------------

bool secret_has_password(const struct secret *secret)
{
    return secret == NULL || secret->kind == SECRET_PASSWORD;
}

struct slice secret_password(const struct secret *secret)
{
    if (secret == NULL || secret->kind != SECRET_PASSWORD) {
        return SLICE_NONE;
    }
    return slice_make(secret->bytes, secret->len);
}

bool secret_is_empty(const struct secret *secret)
{
    return secret_has_password(secret) && secret_password(secret).len == 0;
}

bool secret_sha1(const struct secret *secret, uint8_t out[SHA1_SIZE])
{
    if (secret_has_password(secret)) {
        digest_sha1(secret_password(secret), out);
        return true;
    }
    if (secret->kind == SECRET_SHA1) {
        memcpy(out, secret->bytes, SHA1_SIZE);
        return true;
    }
    return false;
}

bool secret_sha256(const struct secret *secret, uint8_t out[SHA256_SIZE])
{
    if (secret_has_password(secret)) {
        digest_sha256(secret_password(secret), out);
        return true;
    }
    if (secret->kind == SECRET_SHA256) {
        memcpy(out, secret->bytes, SHA256_SIZE);
        return true;
    }
    return false;
}

bool secret_native_hash(const struct secret *secret, uint8_t out[SHA1_SIZE])
{
    uint8_t key[SHA1_SIZE];

    if (!secret_sha1(secret, key)) {
        return false;
    }
    digest_sha1(slice_make(key, SHA1_SIZE), out);
    mem_wipe(key, sizeof(key));
    return true;
}

bool secret_sha2_hash(const struct secret *secret, uint8_t out[SHA256_SIZE])
{
    uint8_t key[SHA256_SIZE];

    if (!secret_sha256(secret, key)) {
        return false;
    }
    digest_sha256(slice_make(key, SHA256_SIZE), out);
    mem_wipe(key, sizeof(key));
    return true;
}

bool secret_is_same(const struct secret *a, const struct secret *b)
{
    uint8_t of_a[SHA256_SIZE], of_b[SHA256_SIZE];
    if (secret_native_hash(a, of_a) && secret_native_hash(b, of_b)) {
        return memcmp(of_a, of_b, SHA1_SIZE) == 0;
    }
    return secret_sha2_hash(a, of_a) && secret_sha2_hash(b, of_b) &&
           memcmp(of_a, of_b, SHA256_SIZE) == 0;
}
