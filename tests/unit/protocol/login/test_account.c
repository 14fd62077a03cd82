// Accounts, those that are made up included. Work is counted in digests, comparisons and
// decryptions, whose library functions are replaced here by counting ones: a clock would tell less
// and fail more.
#include "tests/unit/protocol/login/pair.h"

#include "tests/lib/cmocka.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <dlfcn.h>

// --- counting ------------------------------------------------------------------------------------

struct work {
    int digests;
    size_t digested; // bytes
    int hmacs;
    int comparisons;
    int decryptions;
};

static struct work work;

#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

int EVP_Digest(const void *data, size_t count, unsigned char *md, unsigned int *size,
               const EVP_MD *type, ENGINE *impl)
{
    work.digests++;
    work.digested += count;
    return REAL(EVP_Digest)(data, count, md, size, type, impl);
}

unsigned char *HMAC(const EVP_MD *evp_md, const void *key, int key_len, const unsigned char *data,
                    size_t data_len, unsigned char *md, unsigned int *md_len)
{
    work.hmacs++;
    return REAL(HMAC)(evp_md, key, key_len, data, data_len, md, md_len);
}

int CRYPTO_memcmp(const void *in_a, const void *in_b, size_t len)
{
    work.comparisons++;
    return REAL(CRYPTO_memcmp)(in_a, in_b, len);
}

int EVP_PKEY_decrypt(EVP_PKEY_CTX *ctx, unsigned char *out, size_t *outlen, const unsigned char *in,
                     size_t inlen)
{
    work.decryptions++;
    return REAL(EVP_PKEY_decrypt)(ctx, out, outlen, in, inlen);
}

// The work of a login that is denied, over this line, with a secret of this kind.
static struct work denied(const struct login_account *found, const struct account_fakes *fakes,
                          const struct secret *secret, enum line line)
{
    struct pair pair;

    pair_init(&pair, line);
    pair.found = found;
    pair.server_options.fakes = fakes;
    pair.client_options.secret = secret;
    work = (struct work){0};
    pair_login(&pair);
    assert_int_equal(login_server_refusal(&pair.server)->cause, REFUSAL_ACCESS_DENIED);
    struct work done = work;
    pair_release(&pair);
    return done;
}

static void assert_same_work(const struct login_account *found, const struct account_fakes *fakes)
{
    uint8_t key[SHA256_SIZE] = {1};
    struct secret *secrets[] = {secret_from_password(S("wrong")), NULL, secret_from_sha1(key)};

    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        for (int line = 0; line < LINES; line++) {
            struct work known = denied(found, fakes, secrets[i], line);
            struct work unknown = denied(NULL, fakes, secrets[i], line);
            assert_int_equal(known.digests, unknown.digests);
            assert_int_equal(known.digested, unknown.digested);
            assert_int_equal(known.hmacs, unknown.hmacs);
            assert_int_equal(known.comparisons, unknown.comparisons);
            assert_int_equal(known.decryptions, unknown.decryptions);
            assert_true(known.digests > 2 && known.hmacs > 0 && known.comparisons > 0);
        }
        secret_unref(&secrets[i]);
    }
}

static void an_unknown_user_costs_what_a_wrong_password_costs(void **state)
{
    (void)state;
    // As long as the ones that are made up, so that the bytes can be compared too.
    struct login_account one = {.password = S("0123456789abcdef0123456789abcdef"),
                                .has_password = true};
    struct login_account two = one;

    assert_same_work(&one, &pair_fakes);
    two.password2 = S("fedcba9876543210fedcba9876543210");
    two.has_password2 = true;
    assert_same_work(&two, &pair_fakes);
}

static void an_unknown_user_among_hashed_ones_costs_what_a_wrong_password_costs(void **state)
{
    (void)state;
    uint8_t hash[SHA1_SIZE] = {7};
    struct login_account hashed = {.native_hash = hash};
    struct account_fakes fakes = pair_fakes;

    fakes.accounts = 5;
    fakes.by_hash = 5;
    assert_same_work(&hashed, &fakes);
}

// --- made up accounts ----------------------------------------------------------------------------

static struct account made_up(const struct account_fakes *fakes, const char *user)
{
    struct account account;

    account_init(&account, NULL, fakes, slice_text(user));
    return account;
}

static void a_name_has_the_same_made_up_account_each_time(void **state)
{
    (void)state;
    struct account first = made_up(&pair_fakes, "ghost");
    struct account second = made_up(&pair_fakes, "ghost");

    assert_true(
        slice_equal(secret_password(first.passwords[0]), secret_password(second.passwords[0])));
    account_release(&first);
    account_release(&second);
}

static void another_name_or_process_has_another_account(void **state)
{
    (void)state;
    struct account_fakes restarted = pair_fakes;
    restarted.key[0]++;
    struct account ghost = made_up(&pair_fakes, "ghost");
    struct account other = made_up(&pair_fakes, "ghost2");
    struct account later = made_up(&restarted, "ghost");

    assert_false(
        slice_equal(secret_password(ghost.passwords[0]), secret_password(other.passwords[0])));
    assert_false(
        slice_equal(secret_password(ghost.passwords[0]), secret_password(later.passwords[0])));
    account_release(&ghost);
    account_release(&other);
    account_release(&later);
}

static int hashed_of_1000(const struct account_fakes *fakes)
{
    int hashed = 0;

    for (int i = 0; i < 1000; i++) {
        char user[32];
        snprintf(user, sizeof(user), "ghost%d", i);
        struct account account = made_up(fakes, user);
        assert_true(account.has_password != account.has_native_hash);
        assert_false(account.has_sha2_hash || account.server_decides);
        hashed += account.has_native_hash;
        account_release(&account);
    }
    return hashed;
}

// Else the kinds of answers would tell who is there.
static void made_up_accounts_are_of_the_kinds_of_the_real_ones(void **state)
{
    (void)state;
    struct account_fakes fakes = pair_fakes;

    assert_int_equal(hashed_of_1000(&fakes), 0);
    fakes.accounts = 4;
    assert_int_equal(hashed_of_1000(&fakes), 0);
    fakes.by_hash = 1;
    assert_in_range(hashed_of_1000(&fakes), 200, 300);
    fakes.by_hash = 4;
    assert_int_equal(hashed_of_1000(&fakes), 1000);
}

// --- judging -------------------------------------------------------------------------------------

static const uint8_t nonce[NONCE_SIZE] = "0123456789abcdefghi";

static struct secret *prove_native(const struct account *account, const char *password)
{
    uint8_t key[SHA1_SIZE], proof[SHA1_SIZE];

    digest_sha1(slice_text(password), key);
    scramble_native(key, nonce, proof);
    return account_prove_native(account, proof, nonce);
}

static struct secret *prove_sha2(const struct account *account, const char *password)
{
    uint8_t key[SHA256_SIZE], proof[SHA256_SIZE];

    digest_sha256(slice_text(password), key);
    scramble_sha2(key, nonce, proof);
    return account_prove_sha2(account, proof, nonce);
}

static bool prove_password(const struct account *account, const char *password)
{
    struct secret *secret = secret_from_password(slice_text(password));
    bool fits = account_prove_password(account, secret);

    secret_unref(&secret);
    return fits;
}

static void assert_shown(struct secret *secret, const char *password)
{
    assert_true(slice_equal(secret_password(secret), slice_text(password)));
    secret_unref(&secret);
}

// The servers may know only one of them yet: the session logs in by the one that its client knows.
static void either_of_two_passwords_is_shown_as_it_was_proved(void **state)
{
    (void)state;
    struct login_account found = {
        .password = S("old"), .has_password = true, .password2 = S("new"), .has_password2 = true};
    struct account account;

    account_init(&account, &found, &pair_fakes, S("app"));
    assert_shown(prove_native(&account, "old"), "old");
    assert_shown(prove_native(&account, "new"), "new");
    assert_shown(prove_sha2(&account, "old"), "old");
    assert_shown(prove_sha2(&account, "new"), "new");
    assert_true(prove_password(&account, "old") && prove_password(&account, "new"));
    assert_null(prove_native(&account, "other"));
    assert_null(prove_sha2(&account, "other"));
    assert_false(prove_password(&account, "other") || prove_password(&account, ""));
    account_release(&account);
}

static void a_native_hash_checks_native_proofs_and_passwords(void **state)
{
    (void)state;
    uint8_t hash[SHA1_SIZE], key[SHA1_SIZE], expected[SHA1_SIZE];
    struct login_account found = {.native_hash = hash};
    struct account account;

    assert_true(scramble_native_hash_parse(S("*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"), hash));
    account_init(&account, &found, &pair_fakes, S("app"));
    assert_true(account_checks_native(&account));
    assert_false(account_checks_sha2(&account));
    struct secret *shown = prove_native(&account, "password");
    assert_true(secret_sha1(shown, key));
    digest_sha1(S("password"), expected);
    assert_memory_equal(key, expected, SHA1_SIZE);
    secret_unref(&shown);
    assert_null(prove_native(&account, "other"));
    assert_null(prove_sha2(&account, "password"));
    assert_true(prove_password(&account, "password"));
    assert_false(prove_password(&account, "other"));
    account_release(&account);
}

static void a_sha2_hash_checks_fast_proofs_and_passwords(void **state)
{
    (void)state;
    uint8_t hash[SHA256_SIZE], key[SHA256_SIZE], expected[SHA256_SIZE];
    struct login_account found = {.sha2_hash = hash, .server_decides = true};
    struct account account;

    digest_sha256(S("password"), expected);
    digest_sha256(slice_make(expected, SHA256_SIZE), hash);
    account_init(&account, &found, &pair_fakes, S("app"));
    assert_true(account_checks_sha2(&account));
    assert_false(account_checks_native(&account));
    struct secret *shown = prove_sha2(&account, "password");
    assert_true(secret_sha256(shown, key));
    assert_memory_equal(key, expected, SHA256_SIZE);
    secret_unref(&shown);
    assert_null(prove_sha2(&account, "other"));
    assert_null(prove_native(&account, "password"));
    assert_true(prove_password(&account, "password"));
    assert_false(prove_password(&account, "other"));
    account_release(&account);
}

static void nothing_known_fits_nothing(void **state)
{
    (void)state;
    struct login_account found = {.server_decides = true};
    struct account account;

    account_init(&account, &found, &pair_fakes, S("app"));
    assert_false(account_checks_native(&account) || account_checks_sha2(&account));
    assert_null(prove_native(&account, ""));
    assert_null(prove_sha2(&account, ""));
    assert_false(prove_password(&account, ""));
    account_release(&account);
}

static void the_accounts_bytes_are_copied(void **state)
{
    (void)state;
    char password[] = "secret";
    struct login_account found = {.password = slice_text(password), .has_password = true};
    struct account account;

    account_init(&account, &found, &pair_fakes, S("app"));
    memset(password, 'x', sizeof(password) - 1);
    assert_true(prove_password(&account, "secret"));
    account_release(&account);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_user_costs_what_a_wrong_password_costs),
        cmocka_unit_test(an_unknown_user_among_hashed_ones_costs_what_a_wrong_password_costs),
        cmocka_unit_test(a_name_has_the_same_made_up_account_each_time),
        cmocka_unit_test(another_name_or_process_has_another_account),
        cmocka_unit_test(made_up_accounts_are_of_the_kinds_of_the_real_ones),
        cmocka_unit_test(either_of_two_passwords_is_shown_as_it_was_proved),
        cmocka_unit_test(a_native_hash_checks_native_proofs_and_passwords),
        cmocka_unit_test(a_sha2_hash_checks_fast_proofs_and_passwords),
        cmocka_unit_test(nothing_known_fits_nothing),
        cmocka_unit_test(the_accounts_bytes_are_copied),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    struct login_key *key = pair_key();
    login_key_unref(&key);
    return failed;
}
