#include "protocol/login/login_key.h"

#include "proxy/base/memory.h"
#include "proxy/base/refcount.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SERVER_BITS_MIN = 1024 };

struct login_key {
    struct refcount ref;
    EVP_PKEY *pair;
    char *public_pem; // of public_pem_len bytes
    size_t public_pem_len;
};

static bool is_rsa_of(EVP_PKEY *key, int bits_min)
{
    return EVP_PKEY_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_bits(key) >= bits_min &&
           EVP_PKEY_size(key) <= LOGIN_KEY_SIZE_MAX;
}

// An encrypted key has the library ask the terminal for its password unless it gets an answer here.
static int no_passphrase(char *out, int size, int is_writing, void *userdata)
{
    (void)out;
    (void)size;
    (void)is_writing;
    (void)userdata;
    return -1;
}

// --- our pair ----------------------------------------------------------------------------------

static void public_pem_make(struct login_key *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;

    if (bio == NULL || PEM_write_bio_PUBKEY(bio, key->pair) != 1) {
        abort();
    }
    key->public_pem_len = (size_t)BIO_get_mem_data(bio, &text);
    key->public_pem = mem_text(text, key->public_pem_len);
    BIO_free(bio);
}

// Consumes the pair.
static struct login_key *login_key_wrap(EVP_PKEY *pair)
{
    struct login_key *key = mem_zero(1, sizeof(*key));

    refcount_init(&key->ref);
    key->pair = pair;
    public_pem_make(key);
    return key;
}

struct login_key *login_key_create(void)
{
    EVP_PKEY *pair = EVP_RSA_gen(LOGIN_KEY_BITS);
    if (pair == NULL) {
        abort();
    }
    return login_key_wrap(pair);
}

struct login_key *login_key_from_pem(struct slice pem)
{
    BIO *bio = pem.len <= INT_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
    EVP_PKEY *pair = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;

    BIO_free(bio);
    ERR_clear_error();
    if (pair == NULL || !is_rsa_of(pair, LOGIN_KEY_BITS)) {
        EVP_PKEY_free(pair);
        return NULL;
    }
    return login_key_wrap(pair);
}

struct login_key *login_key_ref(struct login_key *key)
{
    if (key != NULL) {
        refcount_ref(&key->ref);
    }
    return key;
}

void login_key_unref(struct login_key **key)
{
    struct login_key *held = *key;

    *key = NULL;
    if (held != NULL && refcount_unref(&held->ref)) {
        EVP_PKEY_free(held->pair);
        mem_free(held->public_pem);
        mem_free(held);
    }
}

struct slice login_key_public_pem(const struct login_key *key)
{
    return slice_make(key->public_pem, key->public_pem_len);
}

size_t login_key_size(const struct login_key *key)
{
    return (size_t)EVP_PKEY_size(key->pair);
}

// --- RSA-OAEP with SHA1, as the servers have it ------------------------------------------------

// Both return how many bytes came, 0 where it failed. What the library says of a failure is
// dropped: its error queue is the thread's, and TLS reads it.
static size_t oaep_decrypt(EVP_PKEY *pair, struct slice cipher, uint8_t *plain, size_t room)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pair, NULL);
    size_t len = room;
    bool done = ctx != NULL && EVP_PKEY_decrypt_init(ctx) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
                EVP_PKEY_decrypt(ctx, plain, &len, (const uint8_t *)cipher.ptr, cipher.len) == 1;

    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return done ? len : 0;
}

static size_t oaep_encrypt(EVP_PKEY *key, struct slice plain, uint8_t *cipher, size_t room)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    size_t len = room;
    bool done = ctx != NULL && EVP_PKEY_encrypt_init(ctx) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
                EVP_PKEY_encrypt(ctx, cipher, &len, (const uint8_t *)plain.ptr, plain.len) == 1;

    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return done ? len : 0;
}

struct secret *login_key_decrypt(const struct login_key *key, struct slice cipher,
                                 const uint8_t nonce[NONCE_SIZE])
{
    uint8_t plain[LOGIN_KEY_SIZE_MAX];
    struct secret *secret = NULL;

    size_t len = oaep_decrypt(key->pair, cipher, plain, sizeof(plain));
    scramble_obfuscate(plain, len, nonce);
    if (len > 0 && plain[len - 1] == '\0') {
        secret = secret_from_password(slice_make(plain, len - 1));
    }
    mem_wipe(plain, sizeof(plain));
    return secret;
}

// --- a server's public half --------------------------------------------------------------------

static EVP_PKEY *public_key_read(struct slice pem)
{
    BIO *bio = pem.len <= LOGIN_KEY_PEM_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL) : NULL;

    BIO_free(bio);
    ERR_clear_error();
    if (key != NULL && !is_rsa_of(key, SERVER_BITS_MIN)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

// The password and a zero byte, XORed with the nonce. Returns the length, 0 where there is no room.
static size_t password_dress(struct slice password, const uint8_t nonce[NONCE_SIZE], uint8_t *plain,
                             size_t room)
{
    if (password.len >= room) {
        return 0;
    }
    if (password.len > 0) {
        memcpy(plain, password.ptr, password.len);
    }
    plain[password.len] = '\0';
    scramble_obfuscate(plain, password.len + 1, nonce);
    return password.len + 1;
}

bool login_key_encrypt(struct slice pem, struct slice password, const uint8_t nonce[NONCE_SIZE],
                       struct buffer *out)
{
    uint8_t plain[LOGIN_KEY_SIZE_MAX];
    uint8_t cipher[LOGIN_KEY_SIZE_MAX];

    EVP_PKEY *key = public_key_read(pem);
    if (key == NULL) {
        return false;
    }
    size_t plain_len = password_dress(password, nonce, plain, sizeof(plain));
    size_t len =
        plain_len > 0 ? oaep_encrypt(key, slice_make(plain, plain_len), cipher, sizeof(cipher)) : 0;
    mem_wipe(plain, sizeof(plain));
    EVP_PKEY_free(key);
    buffer_append(out, cipher, len);
    return len > 0;
}
