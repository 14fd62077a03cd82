#include "protocol/login/decryption.h"
#include "protocol/login/login_key.h"

#include "tests/lib/cmocka.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

static const uint8_t nonce[NONCE_SIZE] = "0123456789abcdefghi";
static struct login_key *key;

static int key_setup(void **state)
{
    (void)state;
    key = login_key_create();
    return 0;
}

static int key_teardown(void **state)
{
    (void)state;
    login_key_unref(&key);
    return 0;
}

// A key as PEM text in `out`; consumes it.
static struct slice pem_of(EVP_PKEY *pair, bool is_private, const char *passphrase, char *out,
                           size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    if (is_private) {
        const EVP_CIPHER *method = passphrase != NULL ? EVP_aes_128_cbc() : NULL;
        assert_int_equal(PEM_write_bio_PrivateKey(bio, pair, method, NULL, 0, NULL,
                                                  (void *)(uintptr_t)passphrase),
                         1);
    } else {
        assert_int_equal(PEM_write_bio_PUBKEY(bio, pair), 1);
    }
    int len = BIO_read(bio, out, (int)size);
    assert_in_range(len, 1, size - 1);
    BIO_free(bio);
    EVP_PKEY_free(pair);
    return slice_make(out, (size_t)len);
}

static void a_password_comes_through_for_its_nonce(void **state)
{
    (void)state;
    struct buffer cipher = BUFFER_INIT;

    assert_true(login_key_encrypt(login_key_public_pem(key), S("secret"), nonce, &cipher));
    assert_int_equal(buffer_len(&cipher), login_key_size(key));
    struct secret *secret = login_key_decrypt(key, buffer_slice(&cipher), nonce);
    assert_true(slice_equal(secret_password(secret), S("secret")));
    secret_unref(&secret);
    buffer_release(&cipher);
}

// Recorded and sent again in another login, the bytes give another password, mostly none.
static void a_password_of_another_nonce_is_another_one(void **state)
{
    (void)state;
    struct buffer cipher = BUFFER_INIT;
    uint8_t other[NONCE_SIZE];

    memcpy(other, nonce, NONCE_SIZE);
    other[0]++;
    assert_true(login_key_encrypt(login_key_public_pem(key), S("secret"), nonce, &cipher));
    struct secret *secret = login_key_decrypt(key, buffer_slice(&cipher), other);
    assert_false(slice_equal(secret_password(secret), S("secret")));
    secret_unref(&secret);
    other[6]++; // where the zero byte is
    assert_null(login_key_decrypt(key, buffer_slice(&cipher), other));
    buffer_release(&cipher);
}

static void an_empty_password_comes_through(void **state)
{
    (void)state;
    struct buffer cipher = BUFFER_INIT;

    assert_true(login_key_encrypt(login_key_public_pem(key), SLICE_NONE, nonce, &cipher));
    struct secret *secret = login_key_decrypt(key, buffer_slice(&cipher), nonce);
    assert_non_null(secret);
    assert_true(secret_is_empty(secret));
    secret_unref(&secret);
    buffer_release(&cipher);
}

// OAEP leaves the modulus less 42 bytes, and one of them is the zero byte.
static void the_longest_password_that_fits_comes_through_and_one_more_does_not(void **state)
{
    (void)state;
    struct buffer cipher = BUFFER_INIT;
    char text[LOGIN_KEY_BITS / 8];
    size_t longest = login_key_size(key) - 43;

    memset(text, 'p', sizeof(text));
    assert_true(
        login_key_encrypt(login_key_public_pem(key), slice_make(text, longest), nonce, &cipher));
    struct secret *secret = login_key_decrypt(key, buffer_slice(&cipher), nonce);
    assert_true(slice_equal(secret_password(secret), slice_make(text, longest)));
    secret_unref(&secret);
    buffer_clear(&cipher);
    assert_false(login_key_encrypt(login_key_public_pem(key), slice_make(text, longest + 1), nonce,
                                   &cipher));
    assert_true(buffer_is_empty(&cipher));
    buffer_release(&cipher);
}

// TLS reads the same thread's queue of errors: what is left there would break a healthy stream.
static void failures_leave_nothing_in_the_error_queue(void **state)
{
    (void)state;
    struct buffer out = BUFFER_INIT;
    char long_text[LOGIN_KEY_SIZE_MAX] = {0};
    uint8_t garbage[LOGIN_KEY_BITS / 8];

    memset(garbage, 0x5A, sizeof(garbage));
    assert_null(login_key_decrypt(key, slice_make(garbage, sizeof(garbage)), nonce));
    assert_int_equal(ERR_peek_error(), 0);
    assert_null(login_key_decrypt(key, slice_make(garbage, sizeof(garbage) - 1), nonce));
    assert_int_equal(ERR_peek_error(), 0);
    assert_null(login_key_decrypt(key, SLICE_NONE, nonce));
    assert_int_equal(ERR_peek_error(), 0);
    assert_false(login_key_encrypt(S("-----BEGIN PUBLIC KEY-----\n"), S("x"), nonce, &out));
    assert_int_equal(ERR_peek_error(), 0);
    assert_false(login_key_encrypt(login_key_public_pem(key),
                                   slice_make(long_text, sizeof(long_text) - 1), nonce, &out));
    assert_int_equal(ERR_peek_error(), 0);
    assert_false(login_key_encrypt(login_key_public_pem(key),
                                   slice_make(long_text, sizeof(long_text)), nonce, &out));
    assert_int_equal(ERR_peek_error(), 0);
    assert_null(login_key_from_pem(S("-----BEGIN PRIVATE KEY-----\n")));
    assert_int_equal(ERR_peek_error(), 0);
    assert_true(buffer_is_empty(&out));
}

static void a_key_cut_anywhere_is_none(void **state)
{
    (void)state;
    struct buffer out = BUFFER_INIT;
    struct slice pem = login_key_public_pem(key);

    // Its last line may lack its end.
    for (size_t len = 0; len + 1 < pem.len; len++) {
        char *exact = malloc(len + 1);
        memcpy(exact, pem.ptr, len);
        assert_false(login_key_encrypt(slice_make(exact, len), S("x"), nonce, &out));
        free(exact);
    }
    assert_true(buffer_is_empty(&out));
}

static void keys_of_other_kinds_and_sizes_are_refused(void **state)
{
    (void)state;
    struct buffer out = BUFFER_INIT;
    char text[8192];

    struct slice curve = pem_of(EVP_EC_gen("P-256"), false, NULL, text, sizeof(text));
    assert_false(login_key_encrypt(curve, S("x"), nonce, &out));
    struct slice small = pem_of(EVP_RSA_gen(512), false, NULL, text, sizeof(text));
    assert_false(login_key_encrypt(small, S("x"), nonce, &out));
    struct slice weak = pem_of(EVP_RSA_gen(1024), true, NULL, text, sizeof(text));
    assert_null(login_key_from_pem(weak));
    struct slice private_curve = pem_of(EVP_EC_gen("P-256"), true, NULL, text, sizeof(text));
    assert_null(login_key_from_pem(private_curve));
    buffer_release(&out);
}

// The library would ask the terminal for the passphrase, and the process would stand still.
static void an_encrypted_key_is_refused_without_a_question(void **state)
{
    (void)state;
    char text[8192];

    struct slice pem = pem_of(EVP_RSA_gen(2048), true, "pass", text, sizeof(text));
    assert_true(slice_find_slice(pem, S("ENCRYPTED")) < pem.len);
    assert_null(login_key_from_pem(pem));
}

static void a_pair_is_read_from_pem(void **state)
{
    (void)state;
    struct buffer cipher = BUFFER_INIT;
    char text[8192];

    struct slice pem = pem_of(EVP_RSA_gen(3072), true, NULL, text, sizeof(text));
    struct login_key *read = login_key_from_pem(pem);
    assert_int_equal(login_key_size(read), 3072 / 8);
    assert_true(login_key_encrypt(login_key_public_pem(read), S("secret"), nonce, &cipher));
    struct secret *secret = login_key_decrypt(read, buffer_slice(&cipher), nonce);
    assert_true(slice_equal(secret_password(secret), S("secret")));
    secret_unref(&secret);
    login_key_unref(&read);
    buffer_release(&cipher);
}

static void a_decryption_outlives_the_key_it_was_made_with(void **state)
{
    (void)state;
    struct buffer cipher = BUFFER_INIT;
    struct login_key *own = login_key_create();

    assert_true(login_key_encrypt(login_key_public_pem(own), S("secret"), nonce, &cipher));
    struct decryption *job = decryption_create(own, buffer_slice(&cipher), nonce);
    login_key_unref(&own);
    buffer_release(&cipher);
    decryption_run(job);
    struct secret *secret = decryption_take(job);
    assert_true(slice_equal(secret_password(secret), S("secret")));
    assert_null(decryption_take(job));
    secret_unref(&secret);
    decryption_destroy(&job);
    assert_null(job);
}

static void a_decryption_may_go_unused(void **state)
{
    (void)state;
    struct buffer cipher = BUFFER_INIT;

    assert_true(login_key_encrypt(login_key_public_pem(key), S("secret"), nonce, &cipher));
    struct decryption *never_run = decryption_create(key, buffer_slice(&cipher), nonce);
    struct decryption *never_taken = decryption_create(key, buffer_slice(&cipher), nonce);
    decryption_run(never_taken);
    decryption_destroy(&never_run);
    decryption_destroy(&never_taken);
    decryption_destroy(&never_taken);
    buffer_release(&cipher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_comes_through_for_its_nonce),
        cmocka_unit_test(a_password_of_another_nonce_is_another_one),
        cmocka_unit_test(an_empty_password_comes_through),
        cmocka_unit_test(the_longest_password_that_fits_comes_through_and_one_more_does_not),
        cmocka_unit_test(failures_leave_nothing_in_the_error_queue),
        cmocka_unit_test(a_key_cut_anywhere_is_none),
        cmocka_unit_test(keys_of_other_kinds_and_sizes_are_refused),
        cmocka_unit_test(an_encrypted_key_is_refused_without_a_question),
        cmocka_unit_test(a_pair_is_read_from_pem),
        cmocka_unit_test(a_decryption_outlives_the_key_it_was_made_with),
        cmocka_unit_test(a_decryption_may_go_unused),
    };
    return cmocka_run_group_tests(tests, key_setup, key_teardown);
}
