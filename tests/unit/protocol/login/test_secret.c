#include "protocol/login/secret.h"

#include "tests/lib/cmocka.h"

#include <openssl/crypto.h>

static void assert_digests(const struct secret *secret, bool has_sha1, bool has_sha256)
{
    uint8_t sha1[SHA1_SIZE], sha256[SHA256_SIZE], expected[SHA256_SIZE];

    assert_int_equal(secret_sha1(secret, sha1), has_sha1);
    if (has_sha1) {
        digest_sha1(S("secret"), expected);
        assert_memory_equal(sha1, expected, SHA1_SIZE);
        assert_true(secret_native_hash(secret, sha1));
        digest_sha1(slice_make(expected, SHA1_SIZE), expected);
        assert_memory_equal(sha1, expected, SHA1_SIZE);
    } else {
        assert_false(secret_native_hash(secret, sha1));
    }
    assert_int_equal(secret_sha256(secret, sha256), has_sha256);
    if (has_sha256) {
        digest_sha256(S("secret"), expected);
        assert_memory_equal(sha256, expected, SHA256_SIZE);
        assert_true(secret_sha2_hash(secret, sha256));
        digest_sha256(slice_make(expected, SHA256_SIZE), expected);
        assert_memory_equal(sha256, expected, SHA256_SIZE);
    } else {
        assert_false(secret_sha2_hash(secret, sha256));
    }
}

static void a_password_gives_every_digest(void **state)
{
    (void)state;
    char text[] = "secret";
    struct secret *secret = secret_from_password(slice_text(text));

    memset(text, 'x', sizeof(text) - 1); // it is a copy
    assert_true(secret_has_password(secret));
    assert_false(secret_is_empty(secret));
    assert_true(slice_equal(secret_password(secret), S("secret")));
    assert_digests(secret, true, true);
    secret_unref(&secret);
    assert_null(secret);
}

static void a_hash_gives_only_what_it_is(void **state)
{
    (void)state;
    uint8_t key[SHA256_SIZE];

    digest_sha1(S("secret"), key);
    struct secret *sha1 = secret_from_sha1(key);
    assert_false(secret_has_password(sha1));
    assert_false(secret_is_empty(sha1));
    assert_int_equal(secret_password(sha1).len, 0);
    assert_digests(sha1, true, false);
    secret_unref(&sha1);

    digest_sha256(S("secret"), key);
    struct secret *sha256 = secret_from_sha256(key);
    assert_false(secret_has_password(sha256));
    assert_digests(sha256, false, true);
    secret_unref(&sha256);
}

static void nothing_is_an_empty_password(void **state)
{
    (void)state;
    struct secret *none = NULL;
    struct secret *empty = secret_from_password(SLICE_NONE);
    uint8_t of_none[SHA1_SIZE], of_empty[SHA1_SIZE];

    assert_true(secret_has_password(none) && secret_has_password(empty));
    assert_true(secret_is_empty(none) && secret_is_empty(empty));
    assert_true(secret_sha1(none, of_none) && secret_sha1(empty, of_empty));
    assert_memory_equal(of_none, of_empty, SHA1_SIZE);
    assert_null(secret_ref(none));
    secret_unref(&none);
    secret_unref(&empty);
}

static void a_secret_lives_until_its_last_reference(void **state)
{
    (void)state;
    struct secret *first = secret_from_password(S("secret"));
    struct secret *second = secret_ref(first);

    secret_unref(&first);
    assert_true(slice_equal(secret_password(second), S("secret")));
    secret_unref(&second);
}

static void the_longest_password_fits(void **state)
{
    (void)state;
    char text[SECRET_PASSWORD_MAX];

    memset(text, 'p', sizeof(text));
    struct secret *secret = secret_from_password(slice_make(text, sizeof(text)));
    assert_true(slice_equal(secret_password(secret), slice_make(text, sizeof(text))));
    secret_unref(&secret);
}

static void secrets_of_one_password_are_the_same(void **state)
{
    (void)state;
    uint8_t sha1[SHA1_SIZE], sha256[SHA256_SIZE];
    struct secret *one = secret_from_password(S("one")), *other = secret_from_password(S("other"));
    assert_true(secret_sha1(one, sha1) && secret_sha256(one, sha256));
    struct secret *by_sha1 = secret_from_sha1(sha1), *by_sha256 = secret_from_sha256(sha256);
    assert_true(secret_is_same(one, one) && secret_is_same(NULL, NULL));
    assert_false(secret_is_same(one, other) || secret_is_same(one, NULL));
    assert_true(secret_is_same(one, by_sha1) && secret_is_same(by_sha256, one));
    assert_false(secret_is_same(other, by_sha1) || secret_is_same(by_sha256, other));
    assert_false(secret_is_same(by_sha1, by_sha256)); // nobody knows
    secret_unref(&one);
    secret_unref(&other);
    secret_unref(&by_sha1);
    secret_unref(&by_sha256);
}

// Where the process has a secure heap, secrets are in it; once it is full, logins go on without.
static void secrets_live_in_the_secure_heap_while_there_is_room(void **state)
{
    (void)state;
    enum { MANY = 64 };
    struct secret *secrets[MANY];
    int secure = 0;

    assert_int_equal(CRYPTO_secure_malloc_init(4096, 16), 1);
    for (int i = 0; i < MANY; i++) {
        secrets[i] = secret_from_password(S("a password of more than sixty-four bytes, so that the "
                                            "heap is soon full of them"));
        secure += CRYPTO_secure_allocated(secrets[i]);
    }
    assert_in_range(secure, 1, MANY - 1);
    for (int i = 0; i < MANY; i++) {
        secret_unref(&secrets[i]);
    }
    assert_int_equal(CRYPTO_secure_used(), 0);
    assert_int_equal(CRYPTO_secure_malloc_done(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_gives_every_digest),
        cmocka_unit_test(a_hash_gives_only_what_it_is),
        cmocka_unit_test(nothing_is_an_empty_password),
        cmocka_unit_test(a_secret_lives_until_its_last_reference),
        cmocka_unit_test(the_longest_password_fits),
        cmocka_unit_test(secrets_of_one_password_are_the_same),
        cmocka_unit_test(secrets_live_in_the_secure_heap_while_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
