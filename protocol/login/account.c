#include "protocol/login/account.h"

#include "proxy/base/memory.h"

#include <assert.h>
#include <string.h>

// --- accounts that are made up -----------------------------------------------------------------

enum { FAKE_RANDOM_SIZE = 16, FAKE_PASSWORD_SIZE = 2 * FAKE_RANDOM_SIZE };

struct fake {
    char password[FAKE_PASSWORD_SIZE];
    uint8_t native_hash[SHA1_SIZE];
    struct login_account account;
};

// The same account for the same name as long as the process lives: one who asks twice sees no
// difference to a real one.
static void fake_make(struct fake *fake, const struct account_fakes *fakes, struct slice user)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t random[SHA256_SIZE];
    uint32_t choice;

    digest_hmac(slice_make(fakes->key, sizeof(fakes->key)), user, random);
    for (size_t i = 0; i < FAKE_RANDOM_SIZE; i++) {
        fake->password[2 * i] = digits[random[i] >> 4];
        fake->password[2 * i + 1] = digits[random[i] & 0xF];
    }
    memcpy(fake->native_hash, random, SHA1_SIZE);
    memcpy(&choice, random + SHA1_SIZE, sizeof(choice));
    if ((uint64_t)choice * fakes->accounts >> 32 < fakes->by_hash) {
        fake->account = (struct login_account){.native_hash = fake->native_hash};
    } else {
        fake->account = (struct login_account){
            .password = slice_make(fake->password, FAKE_PASSWORD_SIZE),
            .has_password = true,
        };
    }
    mem_wipe(random, sizeof(random));
}

// --- life --------------------------------------------------------------------------------------

static void account_copy(struct account *account, const struct login_account *from)
{
    assert(from->has_password || !from->has_password2);
    if (from->has_password) {
        account->has_password = true;
        account->passwords[0] = secret_from_password(from->password);
        account->passwords[1] = from->has_password2 ? secret_from_password(from->password2)
                                                    : secret_ref(account->passwords[0]);
    }
    if (from->native_hash != NULL) {
        account->has_native_hash = true;
        memcpy(account->native_hash, from->native_hash, SHA1_SIZE);
    }
    if (from->sha2_hash != NULL) {
        account->has_sha2_hash = true;
        memcpy(account->sha2_hash, from->sha2_hash, SHA256_SIZE);
    }
    account->server_decides = from->server_decides;
}

void account_init(struct account *account, const struct login_account *found,
                  const struct account_fakes *fakes, struct slice user)
{
    struct fake fake;

    *account = (struct account){0};
    fake_make(&fake, fakes, user);
    account_copy(account, found != NULL ? found : &fake.account);
    mem_wipe(&fake, sizeof(fake));
}

void account_release(struct account *account)
{
    secret_unref(&account->passwords[0]);
    secret_unref(&account->passwords[1]);
    mem_wipe(account, sizeof(*account));
}

// --- judging -----------------------------------------------------------------------------------

bool account_checks_native(const struct account *account)
{
    return account->has_password || account->has_native_hash;
}

bool account_checks_sha2(const struct account *account)
{
    return account->has_password || account->has_sha2_hash;
}

// The first that fits; both were tried before.
static struct secret *password_ref(const struct account *account, const bool fits[2])
{
    if (fits[0] || fits[1]) {
        return secret_ref(account->passwords[fits[0] ? 0 : 1]);
    }
    return NULL;
}

static bool native_fits(const struct secret *password, const uint8_t proof[SHA1_SIZE],
                        const uint8_t nonce[NONCE_SIZE])
{
    uint8_t hash[SHA1_SIZE];
    uint8_t key[SHA1_SIZE];

    bool fits =
        secret_native_hash(password, hash) && scramble_native_check(proof, nonce, hash, key);
    mem_wipe(hash, sizeof(hash));
    mem_wipe(key, sizeof(key));
    return fits;
}

struct secret *account_prove_native(const struct account *account, const uint8_t proof[SHA1_SIZE],
                                    const uint8_t nonce[NONCE_SIZE])
{
    struct secret *shown = NULL;
    uint8_t key[SHA1_SIZE];

    if (account->has_password) {
        bool fits[2];
        for (int i = 0; i < 2; i++) {
            fits[i] = native_fits(account->passwords[i], proof, nonce);
        }
        shown = password_ref(account, fits);
    }
    if (account->has_native_hash &&
        scramble_native_check(proof, nonce, account->native_hash, key) && shown == NULL) {
        shown = secret_from_sha1(key);
    }
    mem_wipe(key, sizeof(key));
    return shown;
}

static bool sha2_fits(const struct secret *password, const uint8_t proof[SHA256_SIZE],
                      const uint8_t nonce[NONCE_SIZE])
{
    uint8_t hash[SHA256_SIZE];
    uint8_t key[SHA256_SIZE];

    bool fits = secret_sha2_hash(password, hash) && scramble_sha2_check(proof, nonce, hash, key);
    mem_wipe(hash, sizeof(hash));
    mem_wipe(key, sizeof(key));
    return fits;
}

struct secret *account_prove_sha2(const struct account *account, const uint8_t proof[SHA256_SIZE],
                                  const uint8_t nonce[NONCE_SIZE])
{
    struct secret *shown = NULL;
    uint8_t key[SHA256_SIZE];

    if (account->has_password) {
        bool fits[2];
        for (int i = 0; i < 2; i++) {
            fits[i] = sha2_fits(account->passwords[i], proof, nonce);
        }
        shown = password_ref(account, fits);
    }
    if (account->has_sha2_hash && scramble_sha2_check(proof, nonce, account->sha2_hash, key) &&
        shown == NULL) {
        shown = secret_from_sha256(key);
    }
    mem_wipe(key, sizeof(key));
    return shown;
}

// Digests are compared, not texts: time tells nothing of a length or a common beginning.
static bool password_fits(const struct secret *password, const uint8_t given[SHA256_SIZE])
{
    uint8_t sha256[SHA256_SIZE];

    bool fits = secret_sha256(password, sha256) && scramble_equal(sha256, given, SHA256_SIZE);
    mem_wipe(sha256, sizeof(sha256));
    return fits;
}

static bool native_hash_fits(const struct account *account, const struct secret *given)
{
    uint8_t hash[SHA1_SIZE];

    bool fits =
        secret_native_hash(given, hash) && scramble_equal(hash, account->native_hash, SHA1_SIZE);
    mem_wipe(hash, sizeof(hash));
    return fits;
}

static bool sha2_hash_fits(const struct account *account, const struct secret *given)
{
    uint8_t hash[SHA256_SIZE];

    bool fits =
        secret_sha2_hash(given, hash) && scramble_equal(hash, account->sha2_hash, SHA256_SIZE);
    mem_wipe(hash, sizeof(hash));
    return fits;
}

bool account_prove_password(const struct account *account, const struct secret *password)
{
    uint8_t given[SHA256_SIZE];
    bool fits = false;

    assert(secret_has_password(password));
    secret_sha256(password, given);
    if (account->has_password) {
        fits |= password_fits(account->passwords[0], given);
        fits |= password_fits(account->passwords[1], given);
    }
    if (account->has_native_hash) {
        fits |= native_hash_fits(account, password);
    }
    if (account->has_sha2_hash) {
        fits |= sha2_hash_fits(account, password);
    }
    mem_wipe(given, sizeof(given));
    return fits;
}
