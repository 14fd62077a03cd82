#include "proxy/net/tls.h"

#include "proxy/base/memory.h"
#include "proxy/net/tls_engine.h"
#include "proxy/net/tls_priv.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// --- certificates for the tests -----------------------------------------------------------------

struct pair {
    EVP_PKEY *key;
    X509 *certificate;
};

static void extension_add(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

// `issuer` NULL: an authority, signed by itself. Ends `life_s` from now.
static struct pair pair_make(const char *name, const char *alternative, const struct pair *issuer,
                             long life_s)
{
    static long serial;
    struct pair pair = {EVP_EC_gen("P-256"), X509_new()};
    const struct pair *signer = issuer != NULL ? issuer : &pair;
    X509_NAME *subject = X509_get_subject_name(pair.certificate);
    X509_set_version(pair.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(pair.certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(pair.certificate), -86400);
    X509_gmtime_adj(X509_getm_notAfter(pair.certificate), life_s);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
    X509_set_issuer_name(pair.certificate, X509_get_subject_name(signer->certificate));
    X509_set_pubkey(pair.certificate, pair.key);
    if (issuer == NULL) {
        extension_add(pair.certificate, NID_basic_constraints, "critical,CA:TRUE");
    }
    if (alternative != NULL) {
        extension_add(pair.certificate, NID_subject_alt_name, alternative);
    }
    assert_true(X509_sign(pair.certificate, signer->key, EVP_sha256()) > 0);
    return pair;
}

// An authority that another one made.
static struct pair department_make(const char *name, const struct pair *issuer)
{
    struct pair pair = pair_make(name, NULL, issuer, 86400);
    extension_add(pair.certificate, NID_basic_constraints, "critical,CA:TRUE");
    assert_true(X509_sign(pair.certificate, issuer->key, EVP_sha256()) > 0);
    return pair;
}

static void pair_free(struct pair *pair)
{
    EVP_PKEY_free(pair->key);
    X509_free(pair->certificate);
}

static char folder[64];

// A path in the folder, valid for the next 64 calls.
static const char *path(const char *name)
{
    static char paths[64][128];
    static unsigned at;
    char *out = paths[at++ % 64];
    snprintf(out, sizeof(paths[0]), "%s/%s", folder, name);
    return out;
}

static void pair_write(const struct pair *pair, const char *name)
{
    char file_name[64];
    snprintf(file_name, sizeof(file_name), "%s.crt", name);
    FILE *file = fopen(path(file_name), "w");
    PEM_write_X509(file, pair->certificate);
    fclose(file);
    snprintf(file_name, sizeof(file_name), "%s.key", name);
    file = fopen(path(file_name), "w");
    PEM_write_PrivateKey(file, pair->key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    snprintf(file_name, sizeof(file_name), "%s.both", name);
    file = fopen(path(file_name), "w");
    PEM_write_X509(file, pair->certificate);
    PEM_write_PrivateKey(file, pair->key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    snprintf(file_name, sizeof(file_name), "%s.locked", name);
    file = fopen(path(file_name), "w");
    PEM_write_PrivateKey(file, pair->key, EVP_aes_128_cbc(), (const uint8_t *)"secret", 6, NULL,
                         NULL);
    fclose(file);
}

static void authorities_write(const struct pair *first, const struct pair *second)
{
    FILE *file = fopen(path("authorities.crt"), "w");
    PEM_write_X509(file, first->certificate);
    PEM_write_X509(file, second->certificate);
    fclose(file);
}

static void leaf_write(const char *name, const char *alternative, const struct pair *issuer,
                       long life_s)
{
    struct pair leaf = pair_make(name, alternative, issuer, life_s);
    pair_write(&leaf, name);
    pair_free(&leaf);
}

static int files_make(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/test_tls.XXXXXX");
    assert_non_null(mkdtemp(folder));
    struct pair authority = pair_make("authority", NULL, NULL, 86400);
    struct pair stranger = pair_make("stranger", NULL, NULL, 86400);
    struct pair department = department_make("department", &authority);
    pair_write(&authority, "authority");
    authorities_write(&department, &authority);
    pair_write(&stranger, "stranger");
    leaf_write("db1.example", "DNS:db1.example,DNS:*.wild.example,IP:10.0.0.1", &authority, 86400);
    leaf_write("member", NULL, &department, 86400);
    leaf_write("old.example", NULL, &authority, -10);
    leaf_write("10.0.0.2", NULL, &authority, 86400);
    leaf_write("client", NULL, &authority, 86400);
    leaf_write("forger", NULL, &stranger, 86400);
    pair_free(&authority);
    pair_free(&department);
    pair_free(&stranger);
    FILE *file = fopen(path("garbage"), "w");
    fprintf(file, "this is no PEM\n");
    fclose(file);
    return 0;
}

static int files_drop(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

// --- two ends in memory -------------------------------------------------------------------------

struct ends {
    struct tls_engine *engines[2]; // server's, client's
    SSL *tls[2];
    enum tls_result results[2];
};

static void ends_open(struct ends *ends, struct tls_context *server, struct tls_context *client)
{
    for (int i = 0; i < 2; i++) {
        ends->engines[i] = tls_engine_create();
        ends->tls[i] = tls_engine_attach(ends->engines[i], i == 0 ? server : client);
        ends->results[i] = TLS_WANTS;
    }
}

static void ends_close(struct ends *ends)
{
    for (int i = 0; i < 2; i++) {
        tls_engine_detach(ends->tls[i]);
        tls_engine_destroy(ends->engines[i]);
    }
}

// Gives what the other end has made to end `i`. False where it neither got nor made anything.
static bool ends_step(struct ends *ends, int i)
{
    struct tls_engine *from = ends->engines[1 - i];
    struct tls_engine *engine = ends->engines[i];
    uint8_t plain[64];
    size_t len;
    size_t came = buffer_len(&from->output);
    tls_engine_input(engine, buffer_ptr(&from->output), came);
    if (ends->results[i] == TLS_WANTS) {
        ends->results[i] = tls_engine_handshake(engine, ends->tls[i]);
    }
    if (ends->results[i] == TLS_DONE && came > 0) {
        ends->results[i] = tls_engine_read(engine, ends->tls[i], plain, sizeof(plain), &len);
    }
    tls_engine_sent(from);
    return came > 0 || buffer_len(&engine->output) > 0;
}

static void ends_agree(struct ends *ends)
{
    bool is_any;
    do {
        is_any = ends_step(ends, 1);
        is_any |= ends_step(ends, 0);
    } while (is_any);
}

static struct tls_context *server_of(const char *cert, const char *key, const char *ca)
{
    struct error error = ERROR_NONE;
    struct tls_server_settings settings = {cert, key, ca};
    struct tls_context *context = tls_context_create_server(&settings, &error);
    if (context == NULL) {
        fail_msg("%s: %s", error.where, error.text);
    }
    return context;
}

static struct tls_context *client_of(struct tls_client_settings settings)
{
    struct error error = ERROR_NONE;
    struct tls_context *context = tls_context_create_client(&settings, &error);
    if (context == NULL) {
        fail_msg("%s: %s", error.where, error.text);
    }
    return context;
}

// Whether a client of these settings takes the server with this certificate (NULL: self-signed).
static bool is_taken(const char *name, struct tls_client_settings settings, const char *reason)
{
    struct ends ends;
    struct error error = ERROR_NONE;
    struct tls_context *server = server_of(name != NULL ? path(name) : NULL, NULL, NULL);
    struct tls_context *client = client_of(settings);
    ends_open(&ends, server, client);
    ends_agree(&ends);
    bool is_done = ends.results[0] == TLS_DONE && ends.results[1] == TLS_DONE;
    if (!is_done) {
        assert_int_equal(ends.results[1], TLS_FAILED);
        assert_true(tls_engine_is_unverified(ends.tls[1]));
        tls_engine_error(ends.tls[1], &error);
        if (strstr(error.text, reason) == NULL) {
            fail_msg("'%s' instead of '%s'", error.text, reason);
        }
    }
    ends_close(&ends);
    tls_context_unref(server);
    tls_context_unref(client);
    return is_done;
}

// --- whom a client trusts -----------------------------------------------------------------------

static void without_verification_any_certificate_will_do(void **state)
{
    (void)state;
    struct tls_client_settings any = {.verify = TLS_VERIFY_NONE, .host = "db1.example"};
    assert_true(is_taken(NULL, any, ""));
    assert_true(is_taken("forger.both", any, ""));
    assert_true(is_taken("old.example.both", any, ""));
}

static void verify_ca_wants_an_authority_and_no_name(void **state)
{
    (void)state;
    struct tls_client_settings ca = {
        .verify = TLS_VERIFY_CA, .ca = path("authority.crt"), .host = "other.example"};
    assert_true(is_taken("db1.example.both", ca, ""));
    assert_false(is_taken(NULL, ca, "self-signed"));
    assert_false(is_taken("forger.both", ca, "issuer"));
    assert_false(is_taken("old.example.both", ca, "expired"));
}

static void verify_identity_wants_the_name_too(void **state)
{
    (void)state;
    struct tls_client_settings identity = {.verify = TLS_VERIFY_IDENTITY,
                                           .ca = path("authority.crt")};
    static const struct {
        const char *cert, *host;
        bool is_taken;
        const char *reason;
    } cases[] = {
        {"db1.example.both", "db1.example", true, ""},
        {"db1.example.both", "DB1.Example", true, ""},
        {"db1.example.both", "a.wild.example", true, ""},
        {"db1.example.both", "10.0.0.1", true, ""},
        {"db1.example.both", "db2.example", false, "hostname mismatch"},
        {"db1.example.both", "wild.example", false, "hostname mismatch"},
        {"db1.example.both", "a.b.wild.example", false, "hostname mismatch"},
        {"db1.example.both", "10.0.0.3", false, "IP address mismatch"},
        {"10.0.0.2.both", "10.0.0.2", false, "IP address mismatch"}, // a name is no address
        {"forger.both", "forger", false, "issuer"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        identity.host = cases[i].host;
        assert_int_equal(is_taken(cases[i].cert, identity, cases[i].reason), cases[i].is_taken);
    }
}

static void the_name_goes_into_the_hello_and_an_address_does_not(void **state)
{
    (void)state;
    static const char *const hosts[] = {"db1.example", "10.0.0.1", NULL};
    static const char *const expected[] = {"db1.example", NULL, NULL};
    struct tls_context *server = server_of(NULL, NULL, NULL);
    for (size_t i = 0; i < 3; i++) {
        struct ends ends;
        struct tls_context *client = client_of((struct tls_client_settings){.host = hosts[i]});
        ends_open(&ends, server, client);
        ends_agree(&ends);
        const char *name = SSL_get_servername(ends.tls[0], TLSEXT_NAMETYPE_host_name);
        assert_true(expected[i] == NULL ? name == NULL : strcmp(name, expected[i]) == 0);
        ends_close(&ends);
        tls_context_unref(client);
    }
    tls_context_unref(server);
}

// --- whom a server trusts -----------------------------------------------------------------------

static enum tls_result agree_with_client(const char *cert, bool *was_shown)
{
    struct ends ends;
    struct tls_context *server =
        server_of(path("db1.example.crt"), path("db1.example.key"), path("authority.crt"));
    struct tls_context *client =
        client_of((struct tls_client_settings){.cert = cert != NULL ? path(cert) : NULL});
    ends_open(&ends, server, client);
    ends_agree(&ends);
    *was_shown = SSL_get0_peer_certificate(ends.tls[0]) != NULL;
    enum tls_result result = ends.results[0];
    ends_close(&ends);
    tls_context_unref(server);
    tls_context_unref(client);
    return result;
}

static void a_client_may_show_a_certificate_of_the_authority_and_no_other(void **state)
{
    (void)state;
    bool was_shown;
    assert_int_equal(agree_with_client(NULL, &was_shown), TLS_DONE);
    assert_false(was_shown);
    assert_int_equal(agree_with_client("client.both", &was_shown), TLS_DONE);
    assert_true(was_shown);
    assert_int_equal(agree_with_client("forger.both", &was_shown), TLS_FAILED);
}

// --- what a server shows ------------------------------------------------------------------------

static void without_files_a_server_makes_a_certificate_of_its_own(void **state)
{
    (void)state;
    struct ends ends;
    uint8_t digest[TLS_FINGERPRINT_SIZE];
    unsigned len;
    struct tls_context *server = server_of(NULL, NULL, NULL);
    struct tls_context *other = server_of(NULL, NULL, NULL);
    struct tls_context *client = client_of((struct tls_client_settings){.verify = TLS_VERIFY_NONE});

    assert_true(tls_context_is_server(server));
    assert_true(tls_context_is_self_signed(server));
    assert_false(tls_context_is_server(client));
    assert_memory_not_equal(tls_context_fingerprint(server), tls_context_fingerprint(other),
                            TLS_FINGERPRINT_SIZE);
    ends_open(&ends, server, client);
    ends_agree(&ends);
    X509 *shown = SSL_get0_peer_certificate(ends.tls[1]);
    assert_int_equal(X509_digest(shown, EVP_sha256(), digest, &len), 1);
    assert_memory_equal(digest, tls_context_fingerprint(server), TLS_FINGERPRINT_SIZE);
    assert_int_equal(X509_check_ca(shown), 0);
    assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(shown)), 256);
    assert_true(X509_cmp_current_time(X509_get0_notBefore(shown)) < 0);
    assert_true(X509_cmp_current_time(X509_get0_notAfter(shown)) > 0);
    ends_close(&ends);
    tls_context_unref(server);
    tls_context_unref(other);
    tls_context_unref(client);
}

static void certificates_from_files_are_not_called_self_signed(void **state)
{
    (void)state;
    struct tls_context *server = server_of(path("db1.example.crt"), path("db1.example.key"), NULL);
    assert_false(tls_context_is_self_signed(server));
    tls_context_unref(server);
}

// How many certificates a client sees that trusts the authority alone.
static int chain_seen(const char *ca)
{
    struct ends ends;
    struct tls_context *server = server_of(path("member.both"), NULL, ca);
    struct tls_context *client = client_of((struct tls_client_settings){
        .verify = ca != NULL ? TLS_VERIFY_CA : TLS_VERIFY_NONE, .ca = path("authority.crt")});
    ends_open(&ends, server, client);
    ends_agree(&ends);
    assert_int_equal(ends.results[1], TLS_DONE);
    int count = sk_X509_num(SSL_get_peer_cert_chain(ends.tls[1]));
    ends_close(&ends);
    tls_context_unref(server);
    tls_context_unref(client);
    return count;
}

static void the_authorities_complete_a_chain_without_its_root(void **state)
{
    (void)state;
    assert_int_equal(chain_seen(NULL), 1);
    assert_int_equal(chain_seen(path("authorities.crt")), 2);
}

static void mistakes_in_files_name_the_file_and_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *cert, *key, *ca;
        const char *where, *reason;
    } cases[] = {
        {"missing", NULL, NULL, "missing", "No such file"},
        {"garbage", NULL, NULL, "garbage", "no start line"},
        {"client.crt", "missing", NULL, "missing", "No such file"},
        {"client.crt", NULL, NULL, "client.crt", "cannot use the private key"},
        {"client.crt", "forger.key", NULL, "forger.key", "key values mismatch"},
        {"client.crt", "client.locked", NULL, "client.locked", "cannot use the private key"},
        {"client.crt", "client.key", "missing", "missing", "No such file"},
        {"client.crt", "client.key", "garbage", "garbage", "cannot use the authorities"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct error error = ERROR_NONE;
        struct tls_server_settings settings = {path(cases[i].cert),
                                               cases[i].key != NULL ? path(cases[i].key) : NULL,
                                               cases[i].ca != NULL ? path(cases[i].ca) : NULL};
        assert_null(tls_context_create_server(&settings, &error));
        assert_string_equal(error.where, path(cases[i].where));
        if (strstr(error.text, cases[i].reason) == NULL) {
            fail_msg("'%s' instead of '%s'", error.text, cases[i].reason);
        }
    }
}

static void a_client_that_cannot_check_is_not_made(void **state)
{
    (void)state;
    struct error error = ERROR_NONE;
    struct tls_client_settings no_host = {.verify = TLS_VERIFY_IDENTITY};
    assert_null(tls_context_create_client(&no_host, &error));
    assert_non_null(strstr(error.text, "name of a host"));
    struct tls_client_settings no_ca = {.verify = TLS_VERIFY_CA, .ca = path("missing")};
    assert_null(tls_context_create_client(&no_ca, &error));
    assert_string_equal(error.where, path("missing"));
}

// --- versions -----------------------------------------------------------------------------------

// A server whose client speaks at most this version.
static enum tls_result agree_at_most(int version, struct ends *ends, struct tls_context *server)
{
    struct tls_context *client = client_of((struct tls_client_settings){.verify = TLS_VERIFY_NONE});
    SSL_CTX_set_min_proto_version(client->ssl, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(client->ssl, version);
    SSL_CTX_set_security_level(client->ssl, 0);
    SSL_CTX_set_cipher_list(client->ssl, "ALL");
    ends_open(ends, server, client);
    ends_agree(ends);
    tls_context_unref(client);
    return ends->results[0];
}

static void versions_before_1_2_are_refused(void **state)
{
    (void)state;
    struct ends ends;
    struct tls_context *server = server_of(NULL, NULL, NULL);
    SSL_CTX_set_security_level(server->ssl, 0);
    assert_int_equal(agree_at_most(TLS1_3_VERSION, &ends, server), TLS_DONE);
    assert_string_equal(SSL_get_version(ends.tls[0]), "TLSv1.3");
    ends_close(&ends);
    assert_int_equal(agree_at_most(TLS1_2_VERSION, &ends, server), TLS_DONE);
    assert_string_equal(SSL_get_version(ends.tls[0]), "TLSv1.2");
    ends_close(&ends);
    assert_int_equal(agree_at_most(TLS1_1_VERSION, &ends, server), TLS_FAILED);
    ends_close(&ends);
    tls_context_unref(server);
}

static void a_client_may_not_renegotiate(void **state)
{
    (void)state;
    struct ends ends;
    struct tls_context *server = server_of(NULL, NULL, NULL);
    assert_int_equal(agree_at_most(TLS1_2_VERSION, &ends, server), TLS_DONE);
    SSL_clear_options(ends.tls[1], SSL_OP_NO_RENEGOTIATION);
    assert_int_equal(SSL_renegotiate(ends.tls[1]), 1);
    ends.results[1] = TLS_WANTS;
    ends_agree(&ends);
    assert_int_equal(ends.results[1], TLS_FAILED);
    ends_close(&ends);
    tls_context_unref(server);
}

// --- tickets ------------------------------------------------------------------------------------

// Whether the client got one.
static bool gets_ticket(struct tls_context *server, struct tls_context *client)
{
    struct ends ends;
    ends_open(&ends, server, client);
    ends_agree(&ends);
    assert_int_equal(ends.results[0], TLS_DONE);
    assert_true(tls_engine_write(ends.engines[0], ends.tls[0], &S("x"), 1));
    assert_true(tls_engine_write(ends.engines[0], ends.tls[0], &S("y"), 1));
    ends_step(&ends, 1);
    ends_close(&ends);
    return atomic_load(&client->ticket) != NULL;
}

static void who_comes_with_a_ticket_gets_the_next_and_so_does_one_newcomer_in_so_many(void **state)
{
    (void)state;
    const struct tls_client_settings any = {.verify = TLS_VERIFY_NONE};
    struct tls_context *server = server_of(NULL, NULL, NULL);
    struct tls_context *keeper = client_of(any);
    for (int i = 0; i < 3 * TICKETS_EVERY; i++) {
        struct tls_context *newcomer = client_of(any);
        assert_int_equal(gets_ticket(server, i == 0 ? keeper : newcomer), i % TICKETS_EVERY == 0);
        assert_true(gets_ticket(server, keeper));
        tls_context_unref(newcomer);
    }
    tls_context_unref(keeper);
    tls_context_unref(server);
}

// --- threads ------------------------------------------------------------------------------------

struct sharing {
    struct tls_context *server, *client;
    int resumed;
};

enum { THREADS = 4, ROUNDS = 30 };

static void *agree_again_and_again(void *arg)
{
    struct sharing *sharing = arg;
    for (int i = 0; i < ROUNDS; i++) {
        struct ends ends;
        ends_open(&ends, sharing->server, sharing->client);
        ends_agree(&ends);
        assert_int_equal(ends.results[0], TLS_DONE);
        assert_int_equal(ends.results[1], TLS_DONE);
        assert_true(tls_engine_write(ends.engines[0], ends.tls[0], &S("x"), 1));
        ends_step(&ends, 1); // the ticket
        sharing->resumed += SSL_session_reused(ends.tls[1]);
        ends_close(&ends);
    }
    return NULL;
}

static void threads_share_contexts_and_tickets(void **state)
{
    (void)state;
    struct tls_context *server = server_of(NULL, NULL, NULL);
    struct tls_context *client = client_of((struct tls_client_settings){.verify = TLS_VERIFY_NONE});
    struct sharing sharing[THREADS];
    pthread_t threads[THREADS];
    int resumed = 0;
    for (int i = 0; i < THREADS; i++) {
        sharing[i] = (struct sharing){tls_context_ref(server), tls_context_ref(client), 0};
        assert_int_equal(pthread_create(&threads[i], NULL, agree_again_and_again, &sharing[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        tls_context_unref(sharing[i].server);
        tls_context_unref(sharing[i].client);
        resumed += sharing[i].resumed;
    }
    assert_true(resumed > 0 && resumed < THREADS * ROUNDS);
    tls_context_unref(server);
    tls_context_unref(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_verification_any_certificate_will_do),
        cmocka_unit_test(verify_ca_wants_an_authority_and_no_name),
        cmocka_unit_test(verify_identity_wants_the_name_too),
        cmocka_unit_test(the_name_goes_into_the_hello_and_an_address_does_not),
        cmocka_unit_test(a_client_may_show_a_certificate_of_the_authority_and_no_other),
        cmocka_unit_test(without_files_a_server_makes_a_certificate_of_its_own),
        cmocka_unit_test(certificates_from_files_are_not_called_self_signed),
        cmocka_unit_test(the_authorities_complete_a_chain_without_its_root),
        cmocka_unit_test(mistakes_in_files_name_the_file_and_the_reason),
        cmocka_unit_test(a_client_that_cannot_check_is_not_made),
        cmocka_unit_test(versions_before_1_2_are_refused),
        cmocka_unit_test(a_client_may_not_renegotiate),
        cmocka_unit_test(who_comes_with_a_ticket_gets_the_next_and_so_does_one_newcomer_in_so_many),
        cmocka_unit_test(threads_share_contexts_and_tickets),
    };
    return cmocka_run_group_tests(tests, files_make, files_drop);
}
