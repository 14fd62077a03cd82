#include "proxy/net/tls.h"

#include "proxy/base/memory.h"
#include "proxy/base/slice.h"
#include "proxy/net/address.h"
#include "proxy/net/tls_priv.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

// --- errors -------------------------------------------------------------------------------------

bool tls_error_take(struct error *error, const char *where, const char *what)
{
    unsigned long code = ERR_peek_error();
    const char *reason = ERR_reason_error_string(code);
    if (ERR_GET_LIB(code) == ERR_LIB_SYS) {
        reason = strerrordesc_np(ERR_GET_REASON(code));
    }
    error_set(error, 1, where, "%s: %s", what, reason != NULL ? reason : "unknown error");
    ERR_clear_error();
    return false;
}

// --- what both roles have -----------------------------------------------------------------------

static const char *either(const char *path, const char *instead)
{
    return path != NULL ? path : instead;
}

static bool certificate_load(SSL_CTX *ssl, const char *cert, const char *key, struct error *error)
{
    if (SSL_CTX_use_certificate_chain_file(ssl, cert) != 1) {
        return tls_error_take(error, cert, "cannot use the certificate");
    }
    const char *key_file = either(key, cert);
    if (SSL_CTX_use_PrivateKey_file(ssl, key_file, SSL_FILETYPE_PEM) != 1) {
        return tls_error_take(error, key_file, "cannot use the private key");
    }
    return true;
}

// A key under a passphrase is an error, not a question on the terminal.
static int passphrase_refuse(char *out, int size, int is_writing, void *user)
{
    (void)out;
    (void)size;
    (void)is_writing;
    (void)user;
    return -1;
}

// OpenSSL prefers AES-256 with SHA-384; AES-128 with SHA-256 is as safe for what passes here, and
// its handshake, some forty hashes, is cheaper.
static const char SUITES[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

// Nobody may renegotiate.
static SSL_CTX *ssl_create(const SSL_METHOD *method)
{
    SSL_CTX *ssl = SSL_CTX_new(method);
    if (ssl != NULL) {
        SSL_CTX_set_ciphersuites(ssl, SUITES);
        SSL_CTX_set_default_passwd_cb(ssl, passphrase_refuse);
        SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
        SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    }
    return ssl;
}

static struct tls_context *context_create(const SSL_METHOD *method, struct error *error)
{
    struct tls_context *context = mem_zero(1, sizeof(*context));
    ERR_clear_error();
    refcount_init(&context->ref);
    atomic_init(&context->ticket, NULL);
    atomic_init(&context->newcomers, 0);
    context->ssl = ssl_create(method);
    if (context->ssl == NULL) {
        tls_error_take(error, NULL, "cannot start TLS");
        mem_free(context);
        return NULL;
    }
    SSL_CTX_set_app_data(context->ssl, context);
    return context;
}

// For whoever makes a context: all of it or nothing.
static struct tls_context *checked(struct tls_context *context, bool is_good)
{
    if (!is_good) {
        tls_context_unref(context);
        return NULL;
    }
    return context;
}

// --- server -------------------------------------------------------------------------------------

static bool self_signed_use(struct tls_context *context, struct error *error)
{
    EVP_PKEY *key;
    X509 *certificate;
    if (!tls_certificate_make(&key, &certificate)) {
        return tls_error_take(error, NULL, "cannot make a certificate");
    }
    bool is_used = SSL_CTX_use_certificate(context->ssl, certificate) == 1 &&
                   SSL_CTX_use_PrivateKey(context->ssl, key) == 1;
    EVP_PKEY_free(key);
    X509_free(certificate);
    context->is_self_signed = true;
    return is_used || tls_error_take(error, NULL, "cannot use the certificate made here");
}

static bool own_certificate_use(struct tls_context *context,
                                const struct tls_server_settings *settings, struct error *error)
{
    if (settings->cert == NULL) {
        return self_signed_use(context, error);
    }
    return certificate_load(context->ssl, settings->cert, settings->key, error);
}

static bool fingerprint_take(struct tls_context *context, struct error *error)
{
    unsigned len = 0;
    X509 *certificate = SSL_CTX_get0_certificate(context->ssl);
    if (X509_digest(certificate, EVP_sha256(), context->fingerprint, &len) != 1) {
        return tls_error_take(error, NULL, "cannot read the certificate");
    }
    assert(len == TLS_FINGERPRINT_SIZE);
    return true;
}

static bool authorities_use(SSL_CTX *ssl, const char *ca, struct error *error)
{
    if (ca == NULL) {
        return true;
    }
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca);
    if (names == NULL || SSL_CTX_load_verify_file(ssl, ca) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return tls_error_take(error, ca, "cannot use the authorities");
    }
    SSL_CTX_set_client_CA_list(ssl, names);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    return true;
}

// Tickets hold all that a session is, so the server keeps nothing and threads share no cache. The
// engine gives one with the first bytes that it sends, not in a packet of its own before.
static void tickets_give(SSL_CTX *ssl)
{
    static const unsigned char id[] = "sluice";
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(ssl, id, sizeof(id) - 1);
    SSL_CTX_set_num_tickets(ssl, 0);
}

// What goes out behind the certificate: what its file brought, or else what the authorities have of
// its chain. Left to itself, OpenSSL verifies the certificate in every handshake to find that.
static bool chain_complete(SSL_CTX *ssl, struct error *error)
{
    const int flags = SSL_BUILD_CHAIN_FLAG_IGNORE_ERROR | SSL_BUILD_CHAIN_FLAG_CLEAR_ERROR |
                      SSL_BUILD_CHAIN_FLAG_NO_ROOT;
    STACK_OF(X509) *chain = NULL;
    SSL_CTX_get0_chain_certs(ssl, &chain);
    SSL_CTX_set_mode(ssl, SSL_MODE_NO_AUTO_CHAIN);
    return sk_X509_num(chain) > 0 || SSL_CTX_build_cert_chain(ssl, flags) != 0 ||
           tls_error_take(error, NULL, "cannot complete the certificate's chain");
}

struct tls_context *tls_context_create_server(const struct tls_server_settings *settings,
                                              struct error *error)
{
    struct tls_context *context = context_create(TLS_server_method(), error);
    if (context == NULL) {
        return NULL;
    }
    context->is_server = true;
    // The order of the suites above is obeyed; who names ChaCha20 first lacks AES in hardware.
    SSL_CTX_set_options(context->ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    // Clients are many and mostly idle: no buffers for those. Connections to servers are few and
    // busy.
    SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS);
    tickets_give(context->ssl);
    return checked(context, own_certificate_use(context, settings, error) &&
                                fingerprint_take(context, error) &&
                                authorities_use(context->ssl, settings->ca, error) &&
                                chain_complete(context->ssl, error));
}

// --- client -------------------------------------------------------------------------------------

static int ticket_keep(SSL *ssl, SSL_SESSION *session)
{
    struct tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    SSL_SESSION *before = atomic_exchange(&context->ticket, session);
    SSL_SESSION_free(before);
    return 1; // the reference is ours
}

static bool trust_use(SSL_CTX *ssl, const struct tls_client_settings *settings, struct error *error)
{
    if (settings->verify == TLS_VERIFY_NONE) {
        return true;
    }
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    if (settings->ca == NULL) {
        return SSL_CTX_set_default_verify_paths(ssl) == 1 ||
               tls_error_take(error, NULL, "cannot use the system's authorities");
    }
    return SSL_CTX_load_verify_file(ssl, settings->ca) == 1 ||
           tls_error_take(error, settings->ca, "cannot use the authorities");
}

static bool is_ip(const char *host)
{
    struct address address;
    return address_from_ip(&address, slice_text(host), 0);
}

// Who the certificate must be made out to. A name is checked as RFC 6125 says, an address as it is.
static bool identity_use(SSL_CTX *ssl, const struct tls_client_settings *settings,
                         struct error *error)
{
    if (settings->verify != TLS_VERIFY_IDENTITY) {
        return true;
    }
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ssl);
    if (settings->host == NULL) {
        return error_set(error, 1, NULL, "verify_identity needs the name of a host");
    }
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    bool is_set = is_ip(settings->host)
                      ? X509_VERIFY_PARAM_set1_ip_asc(param, settings->host) == 1
                      : X509_VERIFY_PARAM_set1_host(param, settings->host, 0) == 1;
    return is_set || tls_error_take(error, settings->host, "cannot be checked as a host's name");
}

static bool client_certificate_use(SSL_CTX *ssl, const struct tls_client_settings *settings,
                                   struct error *error)
{
    return settings->cert == NULL || certificate_load(ssl, settings->cert, settings->key, error);
}

struct tls_context *tls_context_create_client(const struct tls_client_settings *settings,
                                              struct error *error)
{
    struct tls_context *context = context_create(TLS_client_method(), error);
    if (context == NULL) {
        return NULL;
    }
    SSL_CTX_set_session_cache_mode(context->ssl,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context->ssl, ticket_keep);
    if (settings->host != NULL && !is_ip(settings->host)) {
        context->sni = mem_text(settings->host, strlen(settings->host));
    }
    return checked(context, trust_use(context->ssl, settings, error) &&
                                identity_use(context->ssl, settings, error) &&
                                client_certificate_use(context->ssl, settings, error));
}

// --- sharing and asking -------------------------------------------------------------------------

struct tls_context *tls_context_ref(struct tls_context *context)
{
    refcount_ref(&context->ref);
    return context;
}

void tls_context_unref(struct tls_context *context)
{
    if (context == NULL || !refcount_unref(&context->ref)) {
        return;
    }
    SSL_SESSION_free(atomic_load(&context->ticket));
    SSL_CTX_free(context->ssl);
    mem_free(context->sni);
    mem_free(context);
}

bool tls_context_is_server(const struct tls_context *context)
{
    return context->is_server;
}

bool tls_context_is_self_signed(const struct tls_context *context)
{
    return context->is_self_signed;
}

const uint8_t *tls_context_fingerprint(const struct tls_context *context)
{
    assert(context->is_server);
    return context->fingerprint;
}
