// Signatures of MariaDB's ed25519 plugin beside those of OpenSSL, which knows passwords as long as
// a seed alone.
#include "protocol/login/ed25519.h"

#include "tests/lib/cmocka.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

enum { SEED_SIZE = 32 };

static void standard_sign(const uint8_t seed[SEED_SIZE], const uint8_t nonce[ED25519_NONCE_SIZE],
                          uint8_t proof[ED25519_PROOF_SIZE])
{
    size_t len = ED25519_PROOF_SIZE;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, SEED_SIZE);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, proof, &len, nonce, ED25519_NONCE_SIZE), 1);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
}

static void a_password_as_long_as_a_seed_signs_as_the_standard_says(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        uint8_t seed[SEED_SIZE], nonce[ED25519_NONCE_SIZE];
        uint8_t expected[ED25519_PROOF_SIZE], proof[ED25519_PROOF_SIZE];
        assert_int_equal(RAND_bytes(seed, sizeof(seed)), 1);
        assert_int_equal(RAND_bytes(nonce, sizeof(nonce)), 1);
        standard_sign(seed, nonce, expected);
        ed25519_sign(slice_make(seed, sizeof(seed)), nonce, proof);
        assert_memory_equal(proof, expected, sizeof(proof));
    }
}

// Which servers take: tests/e2e/test_ed25519.c.
static void passwords_of_other_lengths_sign_differently(void **state)
{
    (void)state;
    static const struct slice passwords[] = {SLICE_INIT(""), SLICE_INIT("a"),
                                             SLICE_INIT("thirty-two bytes, and a few more")};
    static const uint8_t nonce[ED25519_NONCE_SIZE] = {1, 2, 3};
    uint8_t proofs[3][ED25519_PROOF_SIZE];
    for (int i = 0; i < 3; i++) {
        ed25519_sign(passwords[i], nonce, proofs[i]);
        for (int j = 0; j < i; j++) {
            assert_memory_not_equal(proofs[i], proofs[j], ED25519_PROOF_SIZE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_as_long_as_a_seed_signs_as_the_standard_says),
        cmocka_unit_test(passwords_of_other_lengths_sign_differently),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
