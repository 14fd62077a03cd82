#include "protocol/login/scramble.h"

#include "tests/lib/cmocka.h"

static const uint8_t nonce[NONCE_SIZE] = {10,  47, 74, 111, 75, 73, 34, 48, 88, 76,
                                          114, 74, 37, 13,  3,  80, 82, 2,  23, 21};

static void from_hex(const char *hex, uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
}

// --- the algebra, against values computed apart from this code -----------------------------------

struct vector {
    const char *password, *hash, *proof;
};

static const struct vector native_vectors[] = {
    {"secret", "14e65567abdb5135d0cfd9a70b3032c179a49ee7",
     "6a149bdd80bda1ebf0fa2bd2cf2e9717fecc34bb"},
    {"secret2", "305d7bca9d65d8d5c4677f05cd2ea2ebe350158f",
     "650f07df353cce5370eea34d580f2e9118818b56"},
    {"password", "2470c0c06dee42fd1618bb99005adca2ec9d1e19",
     "3e2981e32f0cc074364202acf1068f23daa7fc6b"},
    {"p\xc3\xa4ss w\xc3\xb6rd", "8fd0f5148138e420d84e3bb37856b3aae07a29ab",
     "16fc1f912f4bf7346e88cbcb446615d8025c131e"},
};

static const struct vector sha2_vectors[] = {
    {"secret", "3881219d087dd9c634373fd33dfa33a2cb6bfc6c520b64b8bb60ef2ceb534ae7",
     "f490e76f66d9d86665ce54d98c78d0acfe2fb0b08b423da807144873d30b312c"},
    {"secret2", "047d2dee887046ba139f9f82053dec0bc25dbbc934f67fdd674facf7f5139944",
     "abc3934a012cf342e876071c8ee202de51785b430258a7a0138bc79c4d800bc6"},
    {"password", "73641c99f7719f57d8f4beb11a303afcd190243a51ced8782ca6d3dbe014d146",
     "e9fba768a8a086bf5ce9229b2424a966db8548a9824dd2ed3ef7ccb95efb6e3a"},
    {"p\xc3\xa4ss w\xc3\xb6rd", "2be6e01a9fc5dc296a99ffc173821c8a8e39efca639a7fdfb371feab8e6da583",
     "99d93ba8c3bebf5a3086f20a4b3beb9d676b744b728c97471a5e633624f044df"},
};

static void native_proofs_are_those_of_the_servers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(native_vectors) / sizeof(native_vectors[0]); i++) {
        uint8_t key[SHA1_SIZE], expected[SHA1_SIZE], proof[SHA1_SIZE];
        digest_sha1(slice_text(native_vectors[i].password), key);
        from_hex(native_vectors[i].proof, expected, sizeof(expected));
        scramble_native(key, nonce, proof);
        assert_memory_equal(proof, expected, sizeof(proof));
    }
}

static void native_proofs_give_the_key_to_who_holds_the_hash(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(native_vectors) / sizeof(native_vectors[0]); i++) {
        uint8_t key[SHA1_SIZE], hash[SHA1_SIZE], proof[SHA1_SIZE], found[SHA1_SIZE];
        digest_sha1(slice_text(native_vectors[i].password), key);
        from_hex(native_vectors[i].hash, hash, sizeof(hash));
        from_hex(native_vectors[i].proof, proof, sizeof(proof));
        assert_true(scramble_native_check(proof, nonce, hash, found));
        assert_memory_equal(found, key, sizeof(key));
    }
}

static void sha2_proofs_are_those_of_the_servers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sha2_vectors) / sizeof(sha2_vectors[0]); i++) {
        uint8_t key[SHA256_SIZE], expected[SHA256_SIZE], proof[SHA256_SIZE];
        digest_sha256(slice_text(sha2_vectors[i].password), key);
        from_hex(sha2_vectors[i].proof, expected, sizeof(expected));
        scramble_sha2(key, nonce, proof);
        assert_memory_equal(proof, expected, sizeof(proof));
    }
}

static void sha2_proofs_give_the_key_to_who_holds_the_hash(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sha2_vectors) / sizeof(sha2_vectors[0]); i++) {
        uint8_t key[SHA256_SIZE], hash[SHA256_SIZE], proof[SHA256_SIZE], found[SHA256_SIZE];
        digest_sha256(slice_text(sha2_vectors[i].password), key);
        from_hex(sha2_vectors[i].hash, hash, sizeof(hash));
        from_hex(sha2_vectors[i].proof, proof, sizeof(proof));
        assert_true(scramble_sha2_check(proof, nonce, hash, found));
        assert_memory_equal(found, key, sizeof(key));
    }
}

static void a_proof_with_any_bit_changed_fits_no_more_and_leaves_no_key(void **state)
{
    (void)state;
    uint8_t hash[SHA256_SIZE], proof[SHA256_SIZE], found[SHA256_SIZE];
    uint8_t zeros[SHA256_SIZE] = {0};

    from_hex(sha2_vectors[0].hash, hash, SHA256_SIZE);
    for (size_t bit = 0; bit < 8 * SHA256_SIZE; bit++) {
        from_hex(sha2_vectors[0].proof, proof, SHA256_SIZE);
        proof[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(scramble_sha2_check(proof, nonce, hash, found));
        assert_memory_equal(found, zeros, SHA256_SIZE);
    }
    from_hex(native_vectors[0].hash, hash, SHA1_SIZE);
    for (size_t bit = 0; bit < 8 * SHA1_SIZE; bit++) {
        from_hex(native_vectors[0].proof, proof, SHA1_SIZE);
        proof[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(scramble_native_check(proof, nonce, hash, found));
        assert_memory_equal(found, zeros, SHA1_SIZE);
    }
}

static void a_proof_counts_for_its_nonce_only(void **state)
{
    (void)state;
    uint8_t hash[SHA256_SIZE], proof[SHA256_SIZE], found[SHA256_SIZE], other[NONCE_SIZE];

    memcpy(other, nonce, NONCE_SIZE);
    other[NONCE_SIZE - 1]++;
    from_hex(sha2_vectors[0].hash, hash, SHA256_SIZE);
    from_hex(sha2_vectors[0].proof, proof, SHA256_SIZE);
    assert_false(scramble_sha2_check(proof, other, hash, found));
    from_hex(native_vectors[0].hash, hash, SHA1_SIZE);
    from_hex(native_vectors[0].proof, proof, SHA1_SIZE);
    assert_false(scramble_native_check(proof, other, hash, found));
}

// --- the nonce -----------------------------------------------------------------------------------

// A zero byte would end the nonce for clients that read it as text; '$' separates fields in what
// MySQL stores.
static void nonces_have_no_zero_no_dollar_and_no_eighth_bit(void **state)
{
    (void)state;
    unsigned seen[256] = {0};

    for (int i = 0; i < 5000; i++) {
        uint8_t made[NONCE_SIZE];
        scramble_nonce_make(made);
        for (size_t at = 0; at < NONCE_SIZE; at++) {
            seen[made[at]]++;
        }
    }
    for (unsigned byte = 0; byte < 256; byte++) {
        bool is_allowed = byte > 0 && byte < 128 && byte != '$';
        // 100000 bytes over 126 values: some 794 of each.
        assert_in_range(seen[byte], is_allowed ? 500 : 0, is_allowed ? 1200 : 0);
    }
}

static void nonces_do_not_repeat(void **state)
{
    (void)state;
    uint8_t first[NONCE_SIZE], second[NONCE_SIZE];

    scramble_nonce_make(first);
    scramble_nonce_make(second);
    assert_memory_not_equal(first, second, NONCE_SIZE);
}

// --- around them ---------------------------------------------------------------------------------

static void stored_hashes_are_read_in_either_case(void **state)
{
    (void)state;
    uint8_t expected[SHA1_SIZE], hash[SHA1_SIZE];

    from_hex(native_vectors[2].hash, expected, sizeof(expected));
    assert_true(scramble_native_hash_parse(S("*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"), hash));
    assert_memory_equal(hash, expected, sizeof(hash));
    assert_true(scramble_native_hash_parse(S("*2470c0c06dee42fd1618bb99005adca2ec9d1e19"), hash));
    assert_memory_equal(hash, expected, sizeof(hash));
}

static void what_is_no_stored_hash_is_not_read(void **state)
{
    (void)state;
    uint8_t hash[SHA1_SIZE];
    static const struct slice wrong[] = {
        SLICE_INIT(""),
        SLICE_INIT("*"),
        SLICE_INIT("2470C0C06DEE42FD1618BB99005ADCA2EC9D1E190"),
        SLICE_INIT("*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E1"),
        SLICE_INIT("*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E199"),
        SLICE_INIT("*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E1G"),
        SLICE_INIT("*/470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"),
        SLICE_INIT("*:470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"),
        SLICE_INIT("*@470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"),
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(scramble_native_hash_parse(wrong[i], hash));
    }
}

static void obfuscation_repeats_the_nonce_and_undoes_itself(void **state)
{
    (void)state;
    uint8_t bytes[2 * NONCE_SIZE + 1] = {0};
    uint8_t zeros[sizeof(bytes)] = {0};

    scramble_obfuscate(bytes, sizeof(bytes), nonce);
    assert_memory_equal(bytes, nonce, NONCE_SIZE);
    assert_memory_equal(bytes + NONCE_SIZE, nonce, NONCE_SIZE);
    assert_int_equal(bytes[2 * NONCE_SIZE], nonce[0]);
    scramble_obfuscate(bytes, sizeof(bytes), nonce);
    assert_memory_equal(bytes, zeros, sizeof(bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(native_proofs_are_those_of_the_servers),
        cmocka_unit_test(native_proofs_give_the_key_to_who_holds_the_hash),
        cmocka_unit_test(sha2_proofs_are_those_of_the_servers),
        cmocka_unit_test(sha2_proofs_give_the_key_to_who_holds_the_hash),
        cmocka_unit_test(a_proof_with_any_bit_changed_fits_no_more_and_leaves_no_key),
        cmocka_unit_test(a_proof_counts_for_its_nonce_only),
        cmocka_unit_test(nonces_have_no_zero_no_dollar_and_no_eighth_bit),
        cmocka_unit_test(nonces_do_not_repeat),
        cmocka_unit_test(stored_hashes_are_read_in_either_case),
        cmocka_unit_test(what_is_no_stored_hash_is_not_read),
        cmocka_unit_test(obfuscation_repeats_the_nonce_and_undoes_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
