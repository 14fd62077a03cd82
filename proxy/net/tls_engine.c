#include "proxy/net/tls_engine.h"

#include "proxy/base/memory.h"
#include "proxy/net/tls_priv.h"

#include <assert.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>

// Output beyond this is what one large send made; the memory goes back afterwards.
enum { OUTPUT_KEPT = 256 * 1024 };

// --- the BIO: OpenSSL's way to the bytes --------------------------------------------------------

static int input_take(BIO *bio, char *out, int size)
{
    struct tls_engine *engine = BIO_get_data(bio);
    size_t len = (size_t)size < engine->input_len ? (size_t)size : engine->input_len;
    BIO_clear_retry_flags(bio);
    if (len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(out, engine->input, len);
    engine->input += len;
    engine->input_len -= len;
    return (int)len;
}

static int output_add(BIO *bio, const char *bytes, int len)
{
    struct tls_engine *engine = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    buffer_append(&engine->output, bytes, (size_t)len);
    return len;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH; // everything else that OpenSSL asks may stay unanswered
}

static BIO_METHOD *method_create(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "loop");
    if (method != NULL) {
        BIO_meth_set_read(method, input_take);
        BIO_meth_set_write(method, output_add);
        BIO_meth_set_ctrl(method, control);
    }
    return method;
}

static void *must(void *made)
{
    if (made == NULL) {
        fprintf(stderr, "sluice: out of memory (TLS)\n");
        abort();
    }
    return made;
}

// --- life ---------------------------------------------------------------------------------------

struct tls_engine *tls_engine_create(void)
{
    struct tls_engine *engine = mem_zero(1, sizeof(*engine));
    engine->method = must(method_create());
    engine->record = mem_alloc(TLS_RECORD_SIZE);
    return engine;
}

void tls_engine_destroy(struct tls_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    BIO_meth_free(engine->method);
    mem_wipe(engine->record, TLS_RECORD_SIZE);
    mem_free(engine->record);
    buffer_release(&engine->output);
    mem_free(engine);
}

// A ticket is only good where the certificate was checked as this context asks: it came from there.
static void ticket_use(SSL *tls, struct tls_context *context)
{
    SSL_SESSION *ticket = atomic_exchange(&context->ticket, NULL);
    if (ticket != NULL) {
        SSL_set_session(tls, ticket);
        SSL_SESSION_free(ticket);
    }
}

static void role_set(SSL *tls, struct tls_context *context)
{
    if (context->is_server) {
        SSL_set_accept_state(tls);
        return;
    }
    SSL_set_connect_state(tls);
    if (context->sni != NULL) {
        SSL_set_tlsext_host_name(tls, context->sni);
    }
    ticket_use(tls, context);
}

SSL *tls_engine_attach(struct tls_engine *engine, struct tls_context *context)
{
    BIO *bio = must(BIO_new(engine->method));
    SSL *tls = must(SSL_new(context->ssl));
    BIO_set_data(bio, engine);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls, bio, bio);
    SSL_set_app_data(tls, tls_context_ref(context));
    role_set(tls, context);
    return tls;
}

// A connection that ended without goodbye would take its ticket with it, had OpenSSL its way;
// servers and clients of this protocol often end like that.
void tls_engine_detach(SSL *tls)
{
    struct tls_context *context = tls_engine_context(tls);
    SSL_set_shutdown(tls, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(tls);
    tls_context_unref(context);
}

struct tls_context *tls_engine_context(const SSL *tls)
{
    return SSL_get_app_data(tls);
}

// --- calls --------------------------------------------------------------------------------------

void tls_engine_input(struct tls_engine *engine, const uint8_t *bytes, size_t len)
{
    engine->input = bytes;
    engine->input_len = len;
}

static enum tls_result result_of(const SSL *tls, int returned)
{
    switch (SSL_get_error(tls, returned)) {
    case SSL_ERROR_NONE:
        return TLS_DONE;
    case SSL_ERROR_WANT_READ:
        return TLS_WANTS;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_ENDED;
    default:
        return TLS_FAILED;
    }
}

enum tls_result tls_engine_handshake(struct tls_engine *engine, SSL *tls)
{
    (void)engine;
    ERR_clear_error();
    return result_of(tls, SSL_do_handshake(tls));
}

enum tls_result tls_engine_read(struct tls_engine *engine, SSL *tls, uint8_t *out, size_t size,
                                size_t *len)
{
    enum tls_result result = TLS_DONE;
    (void)engine;
    *len = 0;
    ERR_clear_error();
    while (result == TLS_DONE && *len < size) {
        size_t came = 0;
        result = result_of(tls, SSL_read_ex(tls, out + *len, size - *len, &came) == 1 ? 1 : -1);
        *len += came;
    }
    return result == TLS_WANTS ? TLS_DONE : result;
}

static bool ticket_is_wanted(SSL *tls)
{
    struct tls_context *context = tls_engine_context(tls);
    return SSL_session_reused(tls) == 1 ||
           atomic_fetch_add_explicit(&context->newcomers, 1, memory_order_relaxed) %
                   TICKETS_EVERY ==
               0;
}

// The server's ticket, due with its first bytes (TLS 1.2 gives one in the handshake). That was not
// looked at yet where the number is still the context's.
static void ticket_give(SSL *tls)
{
    if (SSL_get_num_tickets(tls) == 0) {
        SSL_set_num_tickets(tls, 1);
        if (ticket_is_wanted(tls)) {
            (void)SSL_new_session_ticket(tls); // goes out before what is written next
        }
    }
}

static bool record_write(SSL *tls, const void *bytes, size_t len)
{
    size_t written;
    return len == 0 || (SSL_write_ex(tls, bytes, len, &written) == 1 && written == len);
}

// A frame's header and its body, say: one record, not two.
static bool parts_write_together(struct tls_engine *engine, SSL *tls, const struct slice *parts,
                                 size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0) {
            memcpy(engine->record + len, parts[i].ptr, parts[i].len);
            len += parts[i].len;
        }
    }
    return record_write(tls, engine->record, len);
}

bool tls_engine_write(struct tls_engine *engine, SSL *tls, const struct slice *parts, size_t count)
{
    ERR_clear_error();
    tls_engine_input(engine, NULL, 0);
    ticket_give(tls);
    if (count > 1 && slices_len(parts, count) <= TLS_RECORD_SIZE) {
        return parts_write_together(engine, tls, parts, count);
    }
    for (size_t i = 0; i < count; i++) {
        if (!record_write(tls, parts[i].ptr, parts[i].len)) {
            return false;
        }
    }
    return true;
}

void tls_engine_shutdown(struct tls_engine *engine, SSL *tls)
{
    ERR_clear_error();
    tls_engine_input(engine, NULL, 0);
    (void)SSL_shutdown(tls); // the peer's answer is not waited for
}

// SSL_free_buffers() of older libraries frees what a record that has only half come still stands in
// (CVE-2024-4741): there it is not called.
void tls_engine_rest(SSL *tls)
{
    bool is_between_records = SSL_rstate_string(tls)[1] == 'H' && !SSL_has_pending(tls);
    if (is_between_records) {
        (void)SSL_free_buffers(tls);
    }
}

void tls_engine_sent(struct tls_engine *engine)
{
    if (engine->output.cap > OUTPUT_KEPT) {
        buffer_release(&engine->output);
    }
    buffer_clear(&engine->output);
}

// --- failures -----------------------------------------------------------------------------------

bool tls_engine_is_unverified(const SSL *tls)
{
    return (SSL_get_verify_mode(tls) & SSL_VERIFY_PEER) != 0 &&
           SSL_get_verify_result(tls) != X509_V_OK;
}

void tls_engine_error(const SSL *tls, struct error *error)
{
    if (tls_engine_is_unverified(tls)) {
        error_set(error, 1, NULL, "the certificate did not pass: %s",
                  X509_verify_cert_error_string(SSL_get_verify_result(tls)));
        ERR_clear_error();
        return;
    }
    tls_error_take(error, NULL, "TLS");
}
