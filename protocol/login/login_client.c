#include "protocol/login/login_client.h"

#include "protocol/login/ed25519.h"
#include "protocol/login/login_key.h"
#include "protocol/login/login_priv.h"
#include "protocol/packet/attribute.h"
#include "protocol/packet/auth_more.h"
#include "protocol/packet/auth_switch.h"
#include "protocol/packet/change_user.h"
#include "protocol/packet/handshake.h"
#include "protocol/packet/handshake_response.h"
#include "protocol/wire/compression.h"

#include "proxy/base/memory.h"

#include <assert.h>
#include <string.h>

// How much of a name an error text shows.
enum { NAME_SHOWN_MAX = 80 };

// What caching_sha2_password says in its own conversation, and sha256_password in its.
enum { SHA2_KEY_REQUEST = 0x02, SHA2_FAST_OK = 0x03, SHA2_FULL = 0x04, SHA256_KEY_REQUEST = 0x01 };

// A MariaDB account may have several plugins, which the server tries one after the other.
enum { SWITCHES_MAX = 10 };

// Room for the largest packet that holds a secret, taken before it is written: a buffer that grows
// leaves a copy behind.
enum { SECRET_ROOM = SECRET_PASSWORD_MAX + 512 };

// --- the table ---------------------------------------------------------------------------------

enum speaker { NOBODY, SERVER, CALLER };

typedef enum login_verb step_fn(struct login_client *login, struct slice payload);

static step_fn step_greeting, step_proof, step_confirmed, step_password, step_key;

struct state_row {
    enum speaker speaker;
    uint32_t from;
    step_fn *step;
    struct slice sentence;
};

#define FROM(state) (UINT32_C(1) << LOGIN_CLIENT_##state)

static const struct state_row states[] = {
#define ROW(state, speaker, from, step, sentence)                                                  \
    [LOGIN_CLIENT_##state] = {speaker, from, step, SLICE_INIT(sentence)},
#include "protocol/login/login_client.def"
#undef ROW
};

static enum login_verb state_enter(struct login_client *login, enum login_client_state next,
                                   enum login_verb verb)
{
    assert((states[next].from >> login->state & 1) != 0);
    login->state = next;
    return verb;
}

// What kind of packet it is; -1 for an empty one.
static int first_byte(struct slice payload)
{
    return payload.len > 0 ? (uint8_t)payload.ptr[0] : -1;
}

// --- giving up ---------------------------------------------------------------------------------

static enum login_verb refused(struct login_client *login)
{
    return state_enter(login, LOGIN_CLIENT_REFUSED, LOGIN_REFUSED);
}

// The refusal with these words, and the end.
#define refuse(login, cause, ...)                                                                  \
    (refusal_set(&(login)->refusal, REFUSAL_##cause, __VA_ARGS__), refused(login))

static struct slice user_shown(const struct login_client *login)
{
    return slice_first(login->options.user, NAME_SHOWN_MAX);
}

static enum login_verb malformed(struct login_client *login, const char *what)
{
    return refuse(login, SERVER_MALFORMED,
                  "sluice: server %.*s breaks the protocol of the login: its %s cannot be read; "
                  "check that the address is that of a MySQL or MariaDB server",
                  SLICE_ARG(login->options.server), what);
}

static enum login_verb refused_by_server(struct login_client *login, struct slice payload)
{
    struct err err;

    if (!err_decode(&err, payload)) {
        return malformed(login, "error packet");
    }
    refusal_set_err(&login->refusal, REFUSAL_BY_SERVER, &err);
    return refused(login);
}

static enum login_verb accepted(struct login_client *login, struct slice payload)
{
    if (!ok_decode(&login->ok, payload, login->peer.capabilities)) {
        return malformed(login, "OK packet");
    }
    login->peer.status = login->ok.status;
    return state_enter(login, LOGIN_CLIENT_ACCEPTED, LOGIN_ACCEPTED);
}

// --- proofs ------------------------------------------------------------------------------------

// What proves the secret by one plugin.
struct proof {
    size_t len;
    uint8_t bytes[ED25519_PROOF_SIZE];
};

static bool proof_make_native(struct proof *proof, const struct secret *secret,
                              const uint8_t nonce[NONCE_SIZE])
{
    uint8_t key[SHA1_SIZE];

    if (secret_is_empty(secret)) {
        proof->len = 0;
        return true;
    }
    if (!secret_sha1(secret, key)) {
        return false;
    }
    scramble_native(key, nonce, proof->bytes);
    proof->len = SHA1_SIZE;
    mem_wipe(key, sizeof(key));
    return true;
}

static bool proof_make_sha2(struct proof *proof, const struct secret *secret,
                            const uint8_t nonce[NONCE_SIZE])
{
    uint8_t key[SHA256_SIZE];

    if (secret_is_empty(secret)) {
        proof->bytes[0] = '\0'; // how this plugin says that there is no password
        proof->len = 1;
        return true;
    }
    if (!secret_sha256(secret, key)) {
        return false;
    }
    scramble_sha2(key, nonce, proof->bytes);
    proof->len = SHA256_SIZE;
    mem_wipe(key, sizeof(key));
    return true;
}

// False where the secret cannot prove itself by this plugin.
static bool proof_make(struct proof *proof, enum auth_plugin plugin, const struct secret *secret,
                       const uint8_t nonce[NONCE_SIZE])
{
    switch (plugin) {
    case AUTH_PLUGIN_NATIVE:
        return proof_make_native(proof, secret, nonce);
    case AUTH_PLUGIN_SHA2:
        return proof_make_sha2(proof, secret, nonce);
    case AUTH_PLUGIN_ED25519: // over a nonce of its own
    case AUTH_PLUGIN_SHA256:
    case AUTH_PLUGIN_CLEAR:
    case AUTH_PLUGIN_UNKNOWN:
        break;
    }
    return false;
}

static bool has(const struct login_client *login, uint64_t capability)
{
    return capability_has(login->peer.capabilities, capability);
}

// The proof that goes with the first packet: by the plugin that the server named where the secret
// can, else by the other one; the server then asks for a switch where it wants another.
static bool proof_make_first(struct login_client *login, struct proof *proof)
{
    struct login_peer *peer = &login->peer;
    const struct secret *secret = login->options.secret;

    if (!has(login, CAPABILITY_PLUGIN_AUTH)) {
        peer->plugin = AUTH_PLUGIN_NATIVE;
        return proof_make(proof, peer->plugin, secret, peer->nonce);
    }
    if (proof_make(proof, peer->plugin, secret, peer->nonce)) {
        return true;
    }
    peer->plugin = AUTH_PLUGIN_NATIVE;
    if (proof_make(proof, peer->plugin, secret, peer->nonce)) {
        return true;
    }
    peer->plugin = AUTH_PLUGIN_SHA2;
    return proof_make(proof, peer->plugin, secret, peer->nonce);
}

static enum login_verb needs_password(struct login_client *login, enum auth_plugin plugin)
{
    return refuse(login, SERVER_NEEDS_PASSWORD,
                  "sluice: server %.*s wants more by %.*s than the hash that is known of user "
                  "'%.*s'; log in to sluice by caching_sha2_password over TLS, or put the password "
                  "into the user's section in place of password_hash",
                  SLICE_ARG(login->options.server), SLICE_ARG(auth_plugin_name(plugin)),
                  SLICE_ARG(user_shown(login)));
}

// For packets without names: nothing in them can fail to fit.
static void packet_end(struct login_client *login, struct writer *writer)
{
    bool is_written = packet_close(writer, &login->sequence);
    assert(is_written);
    (void)is_written;
}

// The password and a zero byte, which only a safe line may carry.
static enum login_verb password_send(struct login_client *login)
{
    struct slice password = secret_password(login->options.secret);

    assert(login->peer.is_secure && secret_has_password(login->options.secret));
    buffer_reserve(&login->out, SECRET_ROOM);
    struct writer writer = packet_open(&login->out, login->sequence);
    writer_slice(&writer, password);
    writer_u8(&writer, '\0');
    packet_end(login, &writer);
    return state_enter(login, LOGIN_CLIENT_PASSWORD, LOGIN_READ);
}

// --- the handshake response --------------------------------------------------------------------

static uint64_t capabilities_choose(const struct login_client *login, bool with_tls)
{
    uint64_t derived = CAPABILITY_SSL | CAPABILITY_CONNECT_WITH_DB;
    uint64_t wanted = login->options.capabilities & CAPABILITIES_ASKED_WHERE_SET & ~derived;

    wanted |= CAPABILITIES_ASKED;
    if (with_tls) {
        wanted |= CAPABILITY_SSL;
    }
    if (login->options.schema.len > 0) {
        wanted |= CAPABILITY_CONNECT_WITH_DB;
    }
    return wanted & login->peer.offered;
}

static bool names_program(struct slice pairs)
{
    struct reader reader = reader_make(pairs);
    struct attribute attribute;
    bool is_named = false;
    while (attribute_next(&reader, &attribute)) {
        is_named |= slice_equal(attribute.name, S("program_name"));
    }
    return is_named;
}

// The name of this program, and what the caller adds; where that names a program, this one is what
// stands between.
static void attributes_write(const struct login_client *login, struct buffer *pairs)
{
    bool is_other = names_program(login->options.attributes);
    struct attribute name = {.name = is_other ? S("_proxy") : S("program_name"),
                             .value = S("sluice")};
    struct writer writer = writer_make(pairs, 0);

    attribute_encode(&name, &writer);
    writer_slice(&writer, login->options.attributes);
}

static bool response_write(struct login_client *login, const struct proof *proof)
{
    struct buffer pairs = BUFFER_INIT;
    attributes_write(login, &pairs);
    struct handshake_response response = {
        .capabilities = login->peer.capabilities,
        .max_packet = login->options.max_packet,
        .collation = login->options.collation,
        .user = login->options.user,
        .auth_data = slice_make(proof->bytes, proof->len),
        .schema = login->options.schema,
        .plugin = auth_plugin_name(login->peer.plugin),
        .attributes = buffer_slice(&pairs),
        .zstd_level = COMPRESSION_LEVEL_ZSTD,
    };
    struct writer writer = packet_open(&login->out, login->sequence);
    handshake_response_encode(&response, &writer);
    bool is_written = packet_close(&writer, &login->sequence);
    buffer_release(&pairs);
    return is_written;
}

static enum login_verb names_malformed(struct login_client *login)
{
    return refuse(login, CLIENT_MALFORMED, ERROR_FORMAT_HANDSHAKE_BAD,
                  SLICE_ARG(S("the name of user or schema holds a zero byte")));
}

static enum login_verb respond(struct login_client *login)
{
    struct proof proof;

    if (!proof_make_first(login, &proof)) {
        return needs_password(login, login->peer.plugin);
    }
    if (!response_write(login, &proof)) {
        return names_malformed(login);
    }
    return state_enter(login, LOGIN_CLIENT_PROOF, LOGIN_READ);
}

// --- the greeting ------------------------------------------------------------------------------

static void peer_read(struct login_peer *peer, const struct handshake *handshake)
{
    slice_to_text(handshake->server_version, peer->version, sizeof(peer->version));
    peer->is_mariadb = handshake_is_mariadb(handshake);
    peer->connection_id = handshake->connection_id;
    peer->offered = handshake->capabilities;
    peer->collation = handshake->collation;
    peer->status = handshake->status;
    peer->plugin = auth_plugin_find(handshake->plugin);
    memcpy(peer->nonce, handshake->nonce, NONCE_SIZE);
}

static enum login_verb tls_request(struct login_client *login)
{
    struct handshake_response request = {
        .capabilities = login->peer.capabilities,
        .max_packet = login->options.max_packet,
        .collation = login->options.collation,
        .is_tls_request = true,
    };
    struct writer writer = packet_open(&login->out, login->sequence);
    handshake_response_encode(&request, &writer);
    packet_end(login, &writer);
    return state_enter(login, LOGIN_CLIENT_TLS, LOGIN_START_TLS);
}

static enum login_verb step_greeting(struct login_client *login, struct slice payload)
{
    struct handshake handshake;

    if (first_byte(payload) == ERR_HEADER) {
        return refused_by_server(login, payload);
    }
    if (!handshake_decode(&handshake, payload)) {
        return malformed(login, "greeting");
    }
    peer_read(&login->peer, &handshake);
    if (!capability_has(handshake.capabilities, CAPABILITY_SECURE_CONNECTION)) {
        return refuse(login, SERVER_OLD,
                      "sluice: server %.*s is too old; use MySQL 5.7, MariaDB 10.6 or later",
                      SLICE_ARG(login->options.server));
    }
    bool has_tls = capability_has(handshake.capabilities, CAPABILITY_SSL);
    bool with_tls = has_tls && login->options.tls != LOGIN_CLIENT_TLS_DISABLED;
    if (!has_tls && login->options.tls == LOGIN_CLIENT_TLS_REQUIRED) {
        return refuse(login, SERVER_NO_TLS,
                      "sluice: server %.*s does not offer TLS, which its section requires; set up "
                      "TLS on the server, or set tls = preferred",
                      SLICE_ARG(login->options.server));
    }
    login->peer.capabilities = capabilities_choose(login, with_tls);
    return with_tls ? tls_request(login) : respond(login);
}

// --- the full exchange -------------------------------------------------------------------------

static enum login_verb key_request(struct login_client *login, uint8_t request)
{
    packet_bare(&login->out, &login->sequence, slice_make(&request, 1));
    return state_enter(login, LOGIN_CLIENT_KEY, LOGIN_READ);
}

// --- the auth switch ---------------------------------------------------------------------------

// A nonce, mostly with a zero byte behind it.
static bool nonce_take(struct login_client *login, struct slice data)
{
    if (data.len != NONCE_SIZE && data.len != NONCE_SIZE + 1) {
        return false;
    }
    memcpy(login->peer.nonce, data.ptr, NONCE_SIZE);
    return true;
}

static enum login_verb proof_send(struct login_client *login, enum auth_plugin plugin,
                                  struct slice data)
{
    struct proof proof;

    if (!nonce_take(login, data)) {
        return malformed(login, "auth switch");
    }
    login->peer.plugin = plugin;
    if (!proof_make(&proof, plugin, login->options.secret, login->peer.nonce)) {
        return needs_password(login, plugin);
    }
    packet_bare(&login->out, &login->sequence, slice_make(proof.bytes, proof.len));
    return state_enter(login, LOGIN_CLIENT_PROOF, LOGIN_READ);
}

// MariaDB signs with an empty password as with any other, and never lets it in.
static enum login_verb ed25519_send(struct login_client *login, struct slice data)
{
    uint8_t proof[ED25519_PROOF_SIZE];

    if (data.len != ED25519_NONCE_SIZE) {
        return malformed(login, "auth switch");
    }
    if (!secret_has_password(login->options.secret)) {
        return needs_password(login, AUTH_PLUGIN_ED25519);
    }
    login->peer.plugin = AUTH_PLUGIN_ED25519;
    ed25519_sign(secret_password(login->options.secret), (const uint8_t *)data.ptr, proof);
    packet_bare(&login->out, &login->sequence, slice_make(proof, sizeof(proof)));
    return state_enter(login, LOGIN_CLIENT_PROOF, LOGIN_READ);
}

static enum login_verb clear_send(struct login_client *login)
{
    if (!login->peer.is_secure) {
        return refuse(login, SERVER_UNSAFE_LINE,
                      "sluice: server %.*s wants the clear password of user '%.*s' on a line that "
                      "is not safe; set up TLS between sluice and the server",
                      SLICE_ARG(login->options.server), SLICE_ARG(user_shown(login)));
    }
    if (!secret_has_password(login->options.secret)) {
        return needs_password(login, AUTH_PLUGIN_CLEAR);
    }
    login->peer.plugin = AUTH_PLUGIN_CLEAR;
    return password_send(login);
}

// There is no proof but the password. To this plugin a Unix socket is no safe line.
static enum login_verb sha256_send(struct login_client *login, struct slice data)
{
    const struct secret *secret = login->options.secret;

    if (!nonce_take(login, data)) {
        return malformed(login, "auth switch");
    }
    login->peer.plugin = AUTH_PLUGIN_SHA256;
    if (secret_is_empty(secret)) {
        packet_bare(&login->out, &login->sequence, slice_make("", 1));
        return state_enter(login, LOGIN_CLIENT_PASSWORD, LOGIN_READ);
    }
    if (!secret_has_password(secret)) {
        return needs_password(login, AUTH_PLUGIN_SHA256);
    }
    return login->peer.is_tls ? password_send(login) : key_request(login, SHA256_KEY_REQUEST);
}

static enum login_verb switched(struct login_client *login, struct slice payload)
{
    struct auth_switch request;

    if (!auth_switch_decode(&request, payload) || ++login->switches > SWITCHES_MAX) {
        return malformed(login, "auth switch");
    }
    enum auth_plugin plugin = auth_plugin_find(request.plugin);
    switch (plugin) {
    case AUTH_PLUGIN_NATIVE:
    case AUTH_PLUGIN_SHA2:
        return proof_send(login, plugin, request.data);
    case AUTH_PLUGIN_ED25519:
        return ed25519_send(login, request.data);
    case AUTH_PLUGIN_SHA256:
        return sha256_send(login, request.data);
    case AUTH_PLUGIN_CLEAR:
        return clear_send(login);
    case AUTH_PLUGIN_UNKNOWN:
        break;
    }
    return refuse(login, SERVER_PLUGIN, ERROR_FORMAT_SERVER_PLUGIN_UNSUPPORTED,
                  SLICE_ARG(login->options.server), SLICE_ARG(user_shown(login)),
                  SLICE_ARG(slice_first(request.plugin, NAME_SHOWN_MAX)));
}

// --- what the server asks for more -------------------------------------------------------------

static enum login_verb more(struct login_client *login, struct slice payload)
{
    struct auth_more said;

    if (login->peer.plugin != AUTH_PLUGIN_SHA2 || !auth_more_decode(&said, payload) ||
        said.data.len != 1) {
        return malformed(login, "authentication data");
    }
    switch (said.data.ptr[0]) {
    case SHA2_FAST_OK:
        return state_enter(login, LOGIN_CLIENT_CONFIRMED, LOGIN_READ);
    case SHA2_FULL:
        if (!secret_has_password(login->options.secret)) {
            return needs_password(login, AUTH_PLUGIN_SHA2);
        }
        return login->peer.is_secure ? password_send(login) : key_request(login, SHA2_KEY_REQUEST);
    default:
        return malformed(login, "authentication data");
    }
}

static enum login_verb step_key(struct login_client *login, struct slice payload)
{
    struct buffer cipher = BUFFER_INIT;
    struct auth_more said;

    if (first_byte(payload) == ERR_HEADER) {
        return refused_by_server(login, payload);
    }
    if (!auth_more_decode(&said, payload)) {
        return malformed(login, "public key");
    }
    if (!login_key_encrypt(said.data, secret_password(login->options.secret), login->peer.nonce,
                           &cipher)) {
        return refuse(login, SERVER_KEY,
                      "sluice: the password of user '%.*s' cannot be encrypted with the public "
                      "key of server %.*s; set up TLS between sluice and the server",
                      SLICE_ARG(user_shown(login)), SLICE_ARG(login->options.server));
    }
    packet_bare(&login->out, &login->sequence, buffer_slice(&cipher));
    buffer_release(&cipher);
    return state_enter(login, LOGIN_CLIENT_PASSWORD, LOGIN_READ);
}

// --- what the server answers -------------------------------------------------------------------

static enum login_verb step_proof(struct login_client *login, struct slice payload)
{
    if (first_byte(payload) == AUTH_MORE_HEADER) {
        return more(login, payload);
    }
    return step_password(login, payload);
}

static enum login_verb step_password(struct login_client *login, struct slice payload)
{
    if (first_byte(payload) == AUTH_SWITCH_HEADER) {
        return switched(login, payload);
    }
    return step_confirmed(login, payload);
}

static enum login_verb step_confirmed(struct login_client *login, struct slice payload)
{
    switch (first_byte(payload)) {
    case OK_HEADER:
        return accepted(login, payload);
    case ERR_HEADER:
        return refused_by_server(login, payload);
    default:
        return malformed(login, "answer to the proof");
    }
}

// --- life --------------------------------------------------------------------------------------

void login_client_init(struct login_client *login, const struct login_client_options *options)
{
    *login = (struct login_client){.out = BUFFER_INIT, .options = *options};
    login->peer.is_secure = options->is_secure;
}

void login_client_release(struct login_client *login)
{
    buffer_wipe(&login->out);
    mem_wipe(login, sizeof(*login));
}

// --- starting ----------------------------------------------------------------------------------

enum login_verb login_client_connect(struct login_client *login)
{
    return state_enter(login, LOGIN_CLIENT_GREETING, LOGIN_READ);
}

static bool change_write(struct login_client *login, const struct proof *proof)
{
    struct buffer pairs = BUFFER_INIT;
    attributes_write(login, &pairs);
    struct change_user change = {
        .user = login->options.user,
        .auth_data = slice_make(proof->bytes, proof->len),
        .schema = login->options.schema,
        .has_collation = true,
        .collation = login->options.collation,
        .plugin = auth_plugin_name(login->peer.plugin),
        .attributes = buffer_slice(&pairs),
    };
    struct writer writer = packet_open(&login->out, login->sequence);
    change_user_encode(&change, &writer, login->peer.capabilities);
    bool is_written = packet_close(&writer, &login->sequence);
    buffer_release(&pairs);
    return is_written;
}

enum login_verb login_client_change_user(struct login_client *login, const struct login_peer *peer)
{
    struct proof proof;

    login->peer = *peer;
    if (!proof_make_first(login, &proof)) {
        return needs_password(login, login->peer.plugin);
    }
    if (!change_write(login, &proof)) {
        return names_malformed(login);
    }
    return state_enter(login, LOGIN_CLIENT_PROOF, LOGIN_READ);
}

// --- going on ----------------------------------------------------------------------------------

void login_client_sent(struct login_client *login)
{
    buffer_clean(&login->out);
}

enum login_verb login_client_feed(struct login_client *login, struct slice payload,
                                  uint8_t sequence)
{
    const struct state_row *row = &states[login->state];

    if (login->state == LOGIN_CLIENT_REFUSED) {
        return LOGIN_REFUSED;
    }
    if (payload.len > LOGIN_PACKET_MAX) {
        return login_client_too_long(login);
    }
    // A server that speaks before the TLS handshake has no turn, whatever the packet's number.
    if (row->speaker != SERVER || sequence != login->sequence) {
        return refuse(
            login, SERVER_ORDER,
            "sluice: server %.*s sent a packet with sequence id %u where %u was due; look "
            "at what stands between",
            SLICE_ARG(login->options.server), (unsigned)sequence, (unsigned)login->sequence);
    }
    login->sequence++;
    return row->step(login, payload);
}

enum login_verb login_client_too_long(struct login_client *login)
{
    return malformed(login, "packet of excessive length");
}

enum login_verb login_client_tls_started(struct login_client *login)
{
    assert(login->state == LOGIN_CLIENT_TLS);
    login->peer.is_tls = true;
    login->peer.is_secure = true;
    return respond(login);
}

// --- reading -----------------------------------------------------------------------------------

const struct login_peer *login_client_peer(const struct login_client *login)
{
    return &login->peer;
}

const struct ok *login_client_ok(const struct login_client *login)
{
    return &login->ok;
}

const struct refusal *login_client_refusal(const struct login_client *login)
{
    return &login->refusal;
}

struct slice login_client_state_text(const struct login_client *login)
{
    return states[login->state].sentence;
}
