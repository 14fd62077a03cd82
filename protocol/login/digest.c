#include "protocol/login/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdlib.h>

static void digest(const EVP_MD *method, struct slice bytes, uint8_t *out)
{
    if (EVP_Digest(bytes.ptr, bytes.len, out, NULL, method, NULL) != 1) {
        abort();
    }
}

void digest_sha1(struct slice bytes, uint8_t out[SHA1_SIZE])
{
    digest(EVP_sha1(), bytes, out);
}

void digest_sha256(struct slice bytes, uint8_t out[SHA256_SIZE])
{
    digest(EVP_sha256(), bytes, out);
}

void digest_hmac(struct slice key, struct slice bytes, uint8_t out[SHA256_SIZE])
{
    if (HMAC(EVP_sha256(), key.ptr, (int)key.len, (const unsigned char *)bytes.ptr, bytes.len, out,
             NULL) == NULL) {
        abort();
    }
}
