#include "protocol/login/login_server.h"

#include "protocol/login/login_priv.h"
#include "protocol/packet/auth_more.h"
#include "protocol/packet/auth_switch.h"
#include "protocol/packet/change_user.h"
#include "protocol/packet/handshake.h"
#include "protocol/packet/handshake_response.h"

#include "proxy/base/memory.h"

#include <assert.h>
#include <string.h>

// The longest names that servers know: 128 characters for a user, 64 for a schema, each of up to
// four bytes.
enum { USER_MAX = 512, SCHEMA_MAX = 256 };

// How much of a name an error text shows.
enum { NAME_SHOWN_MAX = 80 };

// What caching_sha2_password says in its own conversation.
enum { SHA2_KEY_REQUEST = 0x02, SHA2_FAST_OK = 0x03, SHA2_FULL = 0x04 };

// --- the table ---------------------------------------------------------------------------------

enum speaker { NOBODY, CLIENT, CALLER };

typedef enum login_verb step_fn(struct login_server *login, struct slice payload);

static step_fn step_greeted, step_secured, step_command, step_native, step_sha2, step_password,
    step_exchange, step_cipher;

struct state_row {
    enum speaker speaker;
    uint32_t from;
    step_fn *step;
    struct slice sentence;
};

#define FROM(state) (UINT32_C(1) << LOGIN_SERVER_##state)

static const struct state_row states[] = {
#define ROW(state, speaker, from, step, sentence)                                                  \
    [LOGIN_SERVER_##state] = {speaker, from, step, SLICE_INIT(sentence)},
#include "protocol/login/login_server.def"
#undef ROW
};

static enum login_verb state_enter(struct login_server *login, enum login_server_state next,
                                   enum login_verb verb)
{
    assert((states[next].from >> login->state & 1) != 0);
    login->state = next;
    return verb;
}

// --- what is said ------------------------------------------------------------------------------

// All fields are ours or were checked: none can be too long for its place.
static void packet_end(struct login_server *login, struct writer *writer)
{
    bool is_written = packet_close(writer, &login->sequence);
    assert(is_written);
    (void)is_written;
}

static enum login_verb refusal_send(struct login_server *login)
{
    struct err err = refusal_err(&login->refusal);

    // Before the greeting a client cannot know the form with an SQLSTATE.
    if (login->state == LOGIN_SERVER_NEW) {
        err.sqlstate = SLICE_NONE;
    }
    struct writer writer = packet_open(&login->out, login->sequence);
    err_encode(&err, &writer);
    packet_end(login, &writer);
    return state_enter(login, LOGIN_SERVER_REFUSED, LOGIN_REFUSED);
}

static enum login_verb malformed(struct login_server *login, const char *what)
{
    refusal_set(&login->refusal, REFUSAL_CLIENT_MALFORMED, ERROR_FORMAT_HANDSHAKE_BAD,
                SLICE_ARG(slice_text(what)));
    return refusal_send(login);
}

static struct slice user_shown(const struct login_server *login)
{
    return slice_first(login->request.user, NAME_SHOWN_MAX);
}

static enum login_verb too_long(struct login_server *login, const char *what, int max)
{
    refusal_set(&login->refusal, REFUSAL_CLIENT_TOO_LONG,
                "sluice: the login's %s has more than %d bytes; send a shorter one", what, max);
    return refusal_send(login);
}

// The one answer to a wrong password, an unknown user, and whatever else does not prove anything.
static enum login_verb deny(struct login_server *login)
{
    refusal_set(&login->refusal, REFUSAL_ACCESS_DENIED, ERROR_FORMAT_ACCESS_DENIED,
                SLICE_ARG(user_shown(login)), SLICE_ARG(login->options.peer),
                login->is_proof_empty ? "NO" : "YES");
    return refusal_send(login);
}

// The driver cannot be asked for what would prove its account.
static enum login_verb deny_plugin(struct login_server *login)
{
    struct slice named = login->plugin_named.len > 0 ? login->plugin_named : S("none");

    refusal_set(&login->refusal, REFUSAL_CLIENT_PLUGIN, ERROR_FORMAT_CLIENT_PLUGIN_UNSUPPORTED,
                SLICE_ARG(user_shown(login)), SLICE_ARG(slice_first(named, NAME_SHOWN_MAX)));
    return refusal_send(login);
}

static void more_send(struct login_server *login, struct slice data)
{
    struct writer writer = packet_open(&login->out, login->sequence);
    auth_more_encode(&(struct auth_more){.data = data}, &writer);
    packet_end(login, &writer);
}

static void more_send_byte(struct login_server *login, uint8_t byte)
{
    more_send(login, slice_make(&byte, 1));
}

// The nonce stays that of the greeting, as with the servers: client libraries go on using it
// whatever the auth switch says, at COM_CHANGE_USER for one.
static void switch_send(struct login_server *login, enum auth_plugin plugin)
{
    uint8_t data[NONCE_SIZE + 1] = {0}; // with a zero byte behind it
    memcpy(data, login->nonce, NONCE_SIZE);

    struct writer writer = packet_open(&login->out, login->sequence);
    auth_switch_encode(&(struct auth_switch){.plugin = auth_plugin_name(plugin),
                                             .data = slice_make(data, sizeof(data))},
                       &writer);
    packet_end(login, &writer);
}

// --- judging -----------------------------------------------------------------------------------

#define JUDGED(plugin) (1U << AUTH_PLUGIN_##plugin)

static bool has(const struct login_server *login, uint64_t capability)
{
    return capability_has(login->request.capabilities, capability);
}

// Consumes the secret.
static enum login_verb accept(struct login_server *login, struct secret **secret)
{
    login->secret = *secret;
    *secret = NULL;
    return state_enter(login, LOGIN_SERVER_ACCEPTED, LOGIN_ACCEPTED);
}

static enum login_verb switch_to(struct login_server *login, enum auth_plugin plugin)
{
    switch_send(login, plugin);
    return state_enter(
        login, plugin == AUTH_PLUGIN_NATIVE ? LOGIN_SERVER_NATIVE : LOGIN_SERVER_SHA2, LOGIN_READ);
}

// The password itself, NULL where it is empty. Consumes it.
static enum login_verb judge_password(struct login_server *login, struct secret **password)
{
    login->is_proof_empty = secret_is_empty(*password);
    if (account_prove_password(&login->account, *password)) {
        return accept(login, password);
    }
    if (login->account.server_decides) {
        login->secret = *password;
        *password = NULL;
        return state_enter(login, LOGIN_SERVER_VERDICT, LOGIN_ASK_SERVER);
    }
    secret_unref(password);
    return deny(login);
}

static enum login_verb judge_password_bytes(struct login_server *login, struct slice password)
{
    if (password.len > SECRET_PASSWORD_MAX) {
        return too_long(login, "password", SECRET_PASSWORD_MAX);
    }
    struct secret *secret = secret_from_password(password);
    return judge_password(login, &secret);
}

static enum login_verb judge_empty(struct login_server *login)
{
    struct secret *none = NULL;
    return judge_password(login, &none);
}

// Nothing short of the password helps: has the client send it.
static enum login_verb password_request(struct login_server *login)
{
    if (!login->request.is_secure && login->options.key == NULL) {
        refusal_set(&login->refusal, REFUSAL_UNSAFE_LINE,
                    "sluice: the password of user '%.*s' is needed, and this line is not safe for "
                    "it; connect with TLS or over the Unix socket",
                    SLICE_ARG(user_shown(login)));
        return refusal_send(login);
    }
    more_send_byte(login, SHA2_FULL);
    return state_enter(login,
                       login->request.is_secure ? LOGIN_SERVER_PASSWORD : LOGIN_SERVER_EXCHANGE,
                       LOGIN_READ);
}

// A native proof did not settle it.
static enum login_verb judge_beyond_native(struct login_server *login)
{
    if (!has(login, CAPABILITY_PLUGIN_AUTH)) {
        return deny_plugin(login);
    }
    return switch_to(login, AUTH_PLUGIN_SHA2);
}

static enum login_verb judge_native(struct login_server *login, struct slice proof)
{
    login->judged |= JUDGED(NATIVE);
    login->is_proof_empty = proof.len == 0;
    if (proof.len == 0) {
        return judge_empty(login);
    }
    if (proof.len != SHA1_SIZE) {
        return deny_plugin(login);
    }
    struct secret *shown =
        account_prove_native(&login->account, (const uint8_t *)proof.ptr, login->nonce);
    if (shown != NULL) {
        return accept(login, &shown);
    }
    if (account_checks_native(&login->account) && !login->account.server_decides) {
        return deny(login);
    }
    return judge_beyond_native(login);
}

static enum login_verb judge_fast(struct login_server *login, struct slice proof)
{
    struct secret *shown =
        account_prove_sha2(&login->account, (const uint8_t *)proof.ptr, login->nonce);
    if (shown != NULL) {
        more_send_byte(login, SHA2_FAST_OK);
        return accept(login, &shown);
    }
    return login->account.server_decides ? password_request(login) : deny(login);
}

// Whether a native proof would do where the password cannot be asked for safely.
static bool native_is_better(const struct login_server *login)
{
    return !account_checks_sha2(&login->account) && account_checks_native(&login->account) &&
           !login->request.is_secure && (login->judged & JUDGED(NATIVE)) == 0;
}

static enum login_verb judge_sha2(struct login_server *login, struct slice proof)
{
    // A lone zero byte is how clients of this plugin say that there is no password.
    login->is_proof_empty = proof.len == 0 || (proof.len == 1 && proof.ptr[0] == '\0');
    if (login->is_proof_empty) {
        return judge_empty(login);
    }
    if (proof.len != SHA256_SIZE) {
        return deny_plugin(login);
    }
    if (account_checks_sha2(&login->account)) {
        return judge_fast(login, proof);
    }
    if (native_is_better(login)) {
        return switch_to(login, AUTH_PLUGIN_NATIVE);
    }
    return password_request(login);
}

// Some clients end the password in a zero byte, some do not.
static enum login_verb judge_clear(struct login_server *login, struct slice proof)
{
    if (proof.len > 0 && proof.ptr[proof.len - 1] == '\0') {
        proof.len--;
    }
    return judge_password_bytes(login, proof);
}

// The plugin for an auth switch. A client that did not name caching_sha2_password may not know it;
// every driver knows the native one.
static enum auth_plugin plugin_choose(const struct login_server *login)
{
    bool may_not_know_sha2 = login->request.plugin != AUTH_PLUGIN_SHA2;

    return may_not_know_sha2 && account_checks_native(&login->account) ? AUTH_PLUGIN_NATIVE
                                                                       : AUTH_PLUGIN_SHA2;
}

// What libmariadb names where it lacks the greeting's plugin. It would answer an auth switch to it
// by an empty packet, which looks like an empty password.
static bool lacks_sha2(const struct login_server *login)
{
    return login->options.greeting == AUTH_PLUGIN_SHA2 &&
           slice_equal(login->plugin_named, S("dummy_fallback_auth"));
}

static enum login_verb judge_by_switch(struct login_server *login)
{
    enum auth_plugin plugin = plugin_choose(login);

    if (plugin == AUTH_PLUGIN_SHA2 && lacks_sha2(login)) {
        return deny_plugin(login);
    }
    return switch_to(login, plugin);
}

// Whether the first packet's proof is one. A client that names another plugin than the greeting may
// have sent none and expect an auth switch: empty then does not mean an empty password. What comes
// with COM_CHANGE_USER client libraries make over various nonces, since servers never look at it.
static bool is_first_proof(const struct login_server *login)
{
    bool is_change = login->options.greeting == AUTH_PLUGIN_UNKNOWN;

    return !is_change && (login->proof.len > 0 || login->request.plugin == login->options.greeting);
}

static enum login_verb judge_first(struct login_server *login)
{
    enum auth_plugin plugin = login->request.plugin;
    struct slice proof = login->proof;

    if (!has(login, CAPABILITY_PLUGIN_AUTH)) {
        return judge_native(login, proof);
    }
    if (plugin == AUTH_PLUGIN_CLEAR && proof.len > 0 && login->request.is_secure) {
        return judge_clear(login, proof);
    }
    if (plugin == AUTH_PLUGIN_SHA2 && is_first_proof(login)) {
        return judge_sha2(login, proof);
    }
    if (plugin == AUTH_PLUGIN_NATIVE && is_first_proof(login)) {
        return judge_native(login, proof);
    }
    return judge_by_switch(login);
}

// --- steps: what the client says ---------------------------------------------------------------

// Clients of before 4.1 lack these two bits, and their packets have another form.
static bool response_is_old(struct slice payload)
{
    uint32_t needed = CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION;
    struct reader reader = reader_make(payload);
    uint32_t capabilities = reader_u16(&reader);

    return !reader_is_failed(&reader) && (capabilities & needed) != needed;
}

static enum login_verb names_check(struct login_server *login)
{
    const struct login_request *request = &login->request;

    if (request->user.len > USER_MAX) {
        return too_long(login, "user name", USER_MAX);
    }
    if (request->schema.len > SCHEMA_MAX) {
        return too_long(login, "schema name", SCHEMA_MAX);
    }
    return state_enter(login, LOGIN_SERVER_ACCOUNT, LOGIN_LOOK_UP);
}

// What counts of the client's capabilities; whether TLS does, the line says.
static uint64_t capabilities_of(const struct handshake_response *response, bool is_tls)
{
    uint64_t without = response->capabilities & ~(uint64_t)CAPABILITY_SSL;
    return is_tls ? without | CAPABILITY_SSL : without;
}

static enum login_verb response_take(struct login_server *login,
                                     const struct handshake_response *response)
{
    bool names_plugin = capability_has(response->capabilities, CAPABILITY_PLUGIN_AUTH);
    bool is_tls = login->state == LOGIN_SERVER_SECURED;

    login->proof = response->auth_data;
    login->plugin_named = names_plugin ? response->plugin : auth_plugin_name(AUTH_PLUGIN_NATIVE);
    login->request = (struct login_request){
        .user = response->user,
        .schema = response->schema,
        .attributes = response->attributes,
        .capabilities = capabilities_of(response, is_tls),
        .zstd_level = response->zstd_level,
        .max_packet = response->max_packet,
        .collation = response->collation,
        .plugin = names_plugin ? auth_plugin_find(response->plugin) : AUTH_PLUGIN_NATIVE,
        .is_secure = login->options.is_secure,
        .is_tls = is_tls,
    };
    if (login->options.requires_tls && !login->request.is_secure) {
        refusal_set(&login->refusal, REFUSAL_TLS_REQUIRED, ERROR_FORMAT_TLS_REQUIRED);
        return refusal_send(login);
    }
    return names_check(login);
}

static enum login_verb response_read(struct login_server *login, struct slice payload,
                                     bool may_be_tls_request)
{
    struct handshake_response response;

    if (response_is_old(payload)) {
        refusal_set(&login->refusal, REFUSAL_CLIENT_OLD, ERROR_FORMAT_HANDSHAKE_BAD,
                    SLICE_ARG(S("the client's protocol is too old")));
        return refusal_send(login);
    }
    buffer_append_slice(&login->packet, payload);
    if (!handshake_response_decode(&response, buffer_slice(&login->packet),
                                   login->options.capabilities)) {
        return malformed(login, "the handshake response cannot be read");
    }
    if (!response.is_tls_request) {
        return response_take(login, &response);
    }
    if (!may_be_tls_request) {
        return malformed(login, "it asks for TLS within TLS");
    }
    buffer_clear(&login->packet);
    return state_enter(login, LOGIN_SERVER_TLS, LOGIN_START_TLS);
}

static enum login_verb step_greeted(struct login_server *login, struct slice payload)
{
    return response_read(login, payload, true);
}

static enum login_verb step_secured(struct login_server *login, struct slice payload)
{
    return response_read(login, payload, false);
}

static enum login_verb step_command(struct login_server *login, struct slice payload)
{
    uint64_t capabilities = login->request.capabilities;
    bool names_plugin = capability_has(capabilities, CAPABILITY_PLUGIN_AUTH);
    struct change_user change;

    buffer_append_slice(&login->packet, payload);
    if (!change_user_decode(&change, buffer_slice(&login->packet), capabilities)) {
        return malformed(login, "COM_CHANGE_USER cannot be read");
    }
    login->proof = change.auth_data;
    login->plugin_named = names_plugin ? change.plugin : auth_plugin_name(AUTH_PLUGIN_NATIVE);
    login->request = (struct login_request){
        .user = change.user,
        .schema = change.schema,
        .attributes = change.attributes,
        .capabilities = capabilities,
        .collation = change.collation,
        .plugin = names_plugin ? auth_plugin_find(change.plugin) : AUTH_PLUGIN_NATIVE,
        .is_secure = login->options.is_secure,
        .is_tls = capability_has(capabilities, CAPABILITY_SSL),
    };
    return names_check(login);
}

static enum login_verb step_native(struct login_server *login, struct slice payload)
{
    return judge_native(login, payload);
}

static enum login_verb step_sha2(struct login_server *login, struct slice payload)
{
    return judge_sha2(login, payload);
}

static bool is_key_request(struct slice payload)
{
    return payload.len == 1 && payload.ptr[0] == SHA2_KEY_REQUEST;
}

static enum login_verb key_send(struct login_server *login)
{
    more_send(login, login_key_public_pem(login->options.key));
    return state_enter(login, LOGIN_SERVER_KEY, LOGIN_READ);
}

// Some clients do not take a Unix socket for safe and ask for the key all the same; a password ends
// in a zero byte, so that the two cannot be confused.
static enum login_verb step_password(struct login_server *login, struct slice payload)
{
    if (is_key_request(payload) && login->options.key != NULL) {
        return key_send(login);
    }
    if (payload.len == 0 || payload.ptr[payload.len - 1] != '\0') {
        return malformed(login, "the password does not end in a zero byte");
    }
    return judge_password_bytes(login, slice_first(payload, payload.len - 1));
}

static enum login_verb step_exchange(struct login_server *login, struct slice payload)
{
    return is_key_request(payload) ? key_send(login) : step_cipher(login, payload);
}

static enum login_verb step_cipher(struct login_server *login, struct slice payload)
{
    if (payload.len != login_key_size(login->options.key)) {
        return malformed(login, "the encrypted password is not as long as the key");
    }
    login->decryption = decryption_create(login->options.key, payload, login->nonce);
    return state_enter(login, LOGIN_SERVER_DECRYPT, LOGIN_DECRYPT);
}

// --- life --------------------------------------------------------------------------------------

void login_server_init(struct login_server *login, const struct login_server_options *options)
{
    assert(options->fakes != NULL);
    *login = (struct login_server){.out = BUFFER_INIT, .packet = BUFFER_INIT, .options = *options};
    login->options.key = login_key_ref(options->key);
    if (options->greeting != AUTH_PLUGIN_NATIVE) {
        login->options.greeting = AUTH_PLUGIN_SHA2;
    }
    login->options.capabilities |= LOGIN_SERVER_CAPABILITIES;
    login->options.capabilities &= ~(uint64_t)CAPABILITY_SSL;
    if (options->offers_tls) {
        login->options.capabilities |= CAPABILITY_SSL;
    }
}

void login_server_release(struct login_server *login)
{
    buffer_wipe(&login->out);
    buffer_wipe(&login->packet);
    secret_unref(&login->secret);
    decryption_destroy(&login->decryption);
    account_release(&login->account);
    login_key_unref(&login->options.key);
    mem_wipe(login, sizeof(*login));
}

// --- starting ----------------------------------------------------------------------------------

enum login_verb login_server_greet(struct login_server *login)
{
    struct handshake handshake = {
        .server_version = login->options.server_version,
        .connection_id = login->options.connection_id,
        .capabilities = login->options.capabilities,
        .collation = login->options.collation,
        .status = login->options.status,
        .plugin = auth_plugin_name(login->options.greeting),
        .nonce_len = NONCE_SIZE,
    };
    scramble_nonce_make(login->nonce);
    memcpy(handshake.nonce, login->nonce, NONCE_SIZE);

    struct writer writer = packet_open(&login->out, login->sequence);
    handshake_encode(&handshake, &writer);
    packet_end(login, &writer);
    return state_enter(login, LOGIN_SERVER_GREETED, LOGIN_READ);
}

enum login_verb login_server_change_user(struct login_server *login, uint64_t capabilities,
                                         const uint8_t nonce[NONCE_SIZE])
{
    login->request.capabilities = capabilities;
    login->options.greeting = AUTH_PLUGIN_UNKNOWN; // there is none
    memcpy(login->nonce, nonce, NONCE_SIZE);
    return state_enter(login, LOGIN_SERVER_COMMAND, LOGIN_READ);
}

// --- going on ----------------------------------------------------------------------------------

static bool is_refused(const struct login_server *login)
{
    return login->state == LOGIN_SERVER_REFUSED;
}

// The next sequence id is that of an answer to what came, in order or not.
static bool sequence_take(struct login_server *login, uint8_t sequence)
{
    bool is_next = sequence == login->sequence;

    login->sequence = (uint8_t)(sequence + 1);
    return is_next;
}

// It is the caller's turn, or a helper's: what the client sends meanwhile, it was not asked for.
static enum login_verb out_of_turn(struct login_server *login)
{
    assert(states[login->state].speaker == CALLER);
    refusal_set(&login->refusal, REFUSAL_CLIENT_ORDER,
                "sluice: a packet of the login came before it was asked for; the client or what "
                "stands between breaks the protocol");
    return refusal_send(login);
}

enum login_verb login_server_feed(struct login_server *login, struct slice payload,
                                  uint8_t sequence)
{
    const struct state_row *row = &states[login->state];
    uint8_t expected = login->sequence;

    if (is_refused(login)) {
        return LOGIN_REFUSED;
    }
    if (row->speaker != CLIENT) {
        return out_of_turn(login);
    }
    if (payload.len > LOGIN_PACKET_MAX) {
        return login_server_too_long(login, sequence);
    }
    if (!sequence_take(login, sequence)) {
        refusal_set(&login->refusal, REFUSAL_CLIENT_ORDER, ERROR_FORMAT_PACKET_OUT_OF_ORDER,
                    (unsigned)sequence, (unsigned)expected);
        return refusal_send(login);
    }
    return row->step(login, payload);
}

enum login_verb login_server_too_long(struct login_server *login, uint8_t sequence)
{
    if (is_refused(login)) {
        return LOGIN_REFUSED;
    }
    if (states[login->state].speaker != CLIENT) {
        return out_of_turn(login);
    }
    sequence_take(login, sequence);
    return too_long(login, "packet", LOGIN_PACKET_MAX);
}

enum login_verb login_server_tls_started(struct login_server *login)
{
    if (is_refused(login)) {
        return LOGIN_REFUSED;
    }
    login->options.is_secure = true;
    return state_enter(login, LOGIN_SERVER_SECURED, LOGIN_READ);
}

enum login_verb login_server_account(struct login_server *login, const struct login_account *found)
{
    if (is_refused(login)) {
        return LOGIN_REFUSED;
    }
    assert(login->state == LOGIN_SERVER_ACCOUNT);
    account_init(&login->account, found, login->options.fakes, login->request.user);
    return judge_first(login);
}

struct decryption *login_server_take_decryption(struct login_server *login)
{
    struct decryption *job = login->decryption;

    assert(login->state == LOGIN_SERVER_DECRYPT && job != NULL);
    login->decryption = NULL;
    return job;
}

enum login_verb login_server_decrypted(struct login_server *login, struct decryption **job)
{
    struct secret *password = decryption_take(*job);

    decryption_destroy(job);
    if (is_refused(login)) {
        secret_unref(&password);
        return LOGIN_REFUSED;
    }
    assert(login->state == LOGIN_SERVER_DECRYPT);
    if (password == NULL) {
        return deny(login);
    }
    return judge_password(login, &password);
}

enum login_verb login_server_verified(struct login_server *login)
{
    if (is_refused(login)) {
        return LOGIN_REFUSED;
    }
    assert(login->state == LOGIN_SERVER_VERDICT);
    return state_enter(login, LOGIN_SERVER_ACCEPTED, LOGIN_ACCEPTED);
}

enum login_verb login_server_accept(struct login_server *login, const struct ok *ok)
{
    if (is_refused(login)) {
        return LOGIN_REFUSED;
    }
    assert(login->state == LOGIN_SERVER_ACCEPTED);
    struct writer writer = packet_open(&login->out, login->sequence);
    ok_encode(ok, &writer, login->request.capabilities);
    packet_end(login, &writer);
    return state_enter(login, LOGIN_SERVER_DONE, LOGIN_READ);
}

enum login_verb login_server_refuse(struct login_server *login, const struct err *err)
{
    if (is_refused(login)) {
        return LOGIN_REFUSED;
    }
    refusal_set_err(&login->refusal, REFUSAL_BY_CALLER, err);
    return refusal_send(login);
}

// --- reading -----------------------------------------------------------------------------------

const struct login_request *login_server_request(const struct login_server *login)
{
    return &login->request;
}

const struct secret *login_server_secret(const struct login_server *login)
{
    return login->secret;
}

const uint8_t *login_server_nonce(const struct login_server *login)
{
    return login->nonce;
}

struct secret *login_server_take_secret(struct login_server *login)
{
    struct secret *secret = login->secret;

    login->secret = NULL;
    return secret;
}

const struct refusal *login_server_refusal(const struct login_server *login)
{
    return &login->refusal;
}

struct slice login_server_state_text(const struct login_server *login)
{
    return states[login->state].sentence;
}
