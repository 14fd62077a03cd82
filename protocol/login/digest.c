#include "protocol/login/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <pthread.h>
#include <stdlib.h>

// OpenSSL 3 looks a digest up by name at each use, under locks, unless it was fetched before; that
// look-up costs more than hashing a password. Fetched once, and kept for good: not freed at exit,
// where other threads may still hash.
static EVP_MD *sha1, *sha256;

static void digests_fetch(void)
{
    sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (sha1 == NULL || sha256 == NULL) {
        abort();
    }
}

static void digests_need(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, digests_fetch);
}

static void digest(const EVP_MD *method, struct slice bytes, uint8_t *out)
{
    if (EVP_Digest(bytes.ptr, bytes.len, out, NULL, method, NULL) != 1) {
        abort();
    }
}

void digest_sha1(struct slice bytes, uint8_t out[SHA1_SIZE])
{
    digests_need();
    digest(sha1, bytes, out);
}

void digest_sha256(struct slice bytes, uint8_t out[SHA256_SIZE])
{
    digests_need();
    digest(sha256, bytes, out);
}

void digest_hmac(struct slice key, struct slice bytes, uint8_t out[SHA256_SIZE])
{
    if (HMAC(EVP_sha256(), key.ptr, (int)key.len, (const unsigned char *)bytes.ptr, bytes.len, out,
             NULL) == NULL) {
        abort();
    }
}
