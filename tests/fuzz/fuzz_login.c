// Whatever the other side says, a login ends: accepted, refused, or waiting for more. What it sends
// is whole frames, and a password is never among them on a line that is not safe.
//
// The first byte chooses the role and the line, the second the account or the secret, the third
// what the caller answers; frames follow, each with two bytes of length. A length with its highest
// bit set comes with a wrong sequence id.
#include "protocol/login/login_client.h"
#include "protocol/login/login_server.h"
#include "protocol/wire/frame.h"
#include "protocol/wire/reader.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PASSWORD S("a secret not to be seen")

enum { AS_CLIENT = 1, IS_SECURE = 2, WITH_TLS = 4, IS_CHANGE = 8, NEEDS_TLS = 16, NO_KEY = 32 };

// What is said to the login, and how it is answered.
struct script {
    struct reader frames;
    uint8_t settings;
    uint8_t held;    // of the account or the secret
    uint8_t answers; // of the caller
    uint8_t sequence;
};

static const struct account_fakes fakes = {.key = "fuzz", .accounts = 2, .by_hash = 1};
static const uint8_t nonce[NONCE_SIZE] = "a nonce of 20 bytes";

static struct login_key *key_get(void)
{
    static struct login_key *key;
    if (key == NULL) {
        key = login_key_create();
    }
    return key;
}

static bool has(const struct script *script, uint8_t setting)
{
    return (script->settings & setting) != 0;
}

// The next frame; false at the end.
static bool frame_next(struct script *script, struct slice *payload, uint8_t *sequence)
{
    uint16_t head = reader_u16(&script->frames);
    *payload = reader_slice(&script->frames, head & 0x7FFF);
    *sequence = (head & 0x8000) != 0 ? (uint8_t)(script->sequence + 1) : script->sequence;
    return !reader_is_failed(&script->frames);
}

// Whole frames in order, which the script counts on from.
static void sent_check(struct script *script, struct slice out, bool may_hold_password)
{
    struct reader reader = reader_make(out);

    assert(may_hold_password || slice_find_slice(out, PASSWORD) == out.len);
    while (reader_left(&reader) > 0) {
        const uint8_t *header = reader_take(&reader, FRAME_HEADER_SIZE);
        assert(header != NULL);
        struct frame frame = frame_read(header);
        reader_skip(&reader, frame.len);
        script->sequence = (uint8_t)(frame.sequence + 1);
    }
    assert(!reader_is_failed(&reader));
}

// --- our role towards clients --------------------------------------------------------------------

static enum login_verb account_give(struct login_server *login, const struct script *script)
{
    static const uint8_t hash[SHA256_SIZE] = {1};
    struct login_account account = {
        .password = PASSWORD,
        .has_password = (script->held & 1) != 0,
        .password2 = S(""),
        .has_password2 = (script->held & 3) == 3,
        .native_hash = (script->held & 4) != 0 ? hash : NULL,
        .sha2_hash = (script->held & 8) != 0 ? hash : NULL,
        .server_decides = (script->held & 16) != 0,
    };
    assert(login_server_request(login)->user.len <= 512);
    return login_server_account(login, (script->held & 32) != 0 ? NULL : &account);
}

static enum login_verb decrypt(struct login_server *login, const struct script *script)
{
    struct decryption *job = login_server_take_decryption(login);
    if ((script->answers & 1) != 0) {
        decryption_run(job);
    }
    return login_server_decrypted(login, &job);
}

static enum login_verb serve(struct login_server *login, const struct script *script,
                             enum login_verb verb)
{
    struct err err = {.code = 1045, .sqlstate = S("28000"), .message = S("no")};
    struct ok ok = {.status = 2};

    switch (verb) {
    case LOGIN_LOOK_UP:
        return account_give(login, script);
    case LOGIN_DECRYPT:
        return decrypt(login, script);
    case LOGIN_ASK_SERVER:
        assert(secret_has_password(login_server_secret(login)));
        return (script->answers & 2) != 0 ? login_server_verified(login)
                                          : login_server_refuse(login, &err);
    case LOGIN_START_TLS:
        return login_server_tls_started(login);
    case LOGIN_ACCEPTED:
        if ((script->answers & 4) == 0) {
            return login_server_refuse(login, &err);
        }
        login_server_accept(login, &ok);
        return LOGIN_ACCEPTED;
    case LOGIN_READ:
    case LOGIN_REFUSED:
        break;
    }
    return verb;
}

static enum login_verb server_start(struct login_server *login, const struct script *script)
{
    struct login_server_options options = {
        .server_version = S("8.0.36"),
        .capabilities = CAPABILITIES_OFFERED,
        .greeting = (script->answers & 8) != 0 ? AUTH_PLUGIN_NATIVE : AUTH_PLUGIN_SHA2,
        .offers_tls = has(script, WITH_TLS),
        .requires_tls = has(script, NEEDS_TLS),
        .is_secure = has(script, IS_SECURE),
        .key = has(script, NO_KEY) ? NULL : key_get(),
        .fakes = &fakes,
        .peer = S("10.0.0.1"),
    };
    uint64_t capabilities =
        (script->answers & 16) != 0 ? CAPABILITIES_OFFERED : CAPABILITY_PROTOCOL_41;

    login_server_init(login, &options);
    return has(script, IS_CHANGE) ? login_server_change_user(login, capabilities, nonce)
                                  : login_server_greet(login);
}

static void server_run(struct script *script)
{
    struct login_server login;
    enum login_verb verb = server_start(&login, script);

    for (;;) {
        struct slice payload;
        uint8_t sequence;
        sent_check(script, buffer_slice(&login.out), true); // errors name users, who may be anybody
        buffer_clear(&login.out);
        if (verb == LOGIN_READ && frame_next(script, &payload, &sequence)) {
            verb = login_server_feed(&login, payload, sequence);
            continue;
        }
        if (verb == LOGIN_DECRYPT && (script->answers & 32) != 0) {
            verb = login_server_feed(&login, PASSWORD, 0); // out of turn
            continue;
        }
        enum login_verb before = verb;
        verb = serve(&login, script, verb);
        if (verb == before) {
            break;
        }
    }
    if (verb == LOGIN_REFUSED) {
        assert(login_server_refusal(&login)->cause != REFUSAL_NONE);
        assert(login_server_refusal(&login)->code != 0);
        assert(login_server_feed(&login, S("x"), 0) == LOGIN_REFUSED);
        assert(buffer_is_empty(&login.out));
    }
    login_server_release(&login);
}

// --- our role towards servers --------------------------------------------------------------------

static struct secret *secret_make(const struct script *script)
{
    static const uint8_t hash[SHA256_SIZE] = {1};

    switch (script->held & 3) {
    case 0:
        return NULL;
    case 1:
        return secret_from_sha1(hash);
    case 2:
        return secret_from_sha256(hash);
    default:
        return secret_from_password(PASSWORD);
    }
}

static enum login_verb client_start(struct login_client *login, const struct script *script,
                                    const struct secret *secret)
{
    struct login_client_options options = {
        .server = S("db1"),
        .user = S("app"),
        .schema = (script->answers & 1) != 0 ? S("shop") : SLICE_NONE,
        .secret = secret,
        .capabilities = CAPABILITIES_ASKED_WHERE_SET,
        .tls = has(script, NEEDS_TLS)  ? LOGIN_CLIENT_TLS_REQUIRED
               : has(script, WITH_TLS) ? LOGIN_CLIENT_TLS_PREFERRED
                                       : LOGIN_CLIENT_TLS_DISABLED,
        .is_secure = has(script, IS_SECURE),
    };
    struct login_peer peer = {
        .capabilities = (script->answers & 2) != 0 ? CAPABILITIES_ASKED : 0,
        .plugin = AUTH_PLUGIN_SHA2,
        .is_secure = has(script, IS_SECURE),
    };

    login_client_init(login, &options);
    return has(script, IS_CHANGE) ? login_client_change_user(login, &peer)
                                  : login_client_connect(login);
}

static void client_run(struct script *script)
{
    struct secret *secret = secret_make(script);
    struct login_client login;
    enum login_verb verb = client_start(&login, script, secret);
    bool is_over = false;

    while (!is_over) {
        struct slice payload;
        uint8_t sequence;
        sent_check(script, buffer_slice(&login.out), login_client_peer(&login)->is_secure);
        login_client_sent(&login);
        if (verb == LOGIN_READ && frame_next(script, &payload, &sequence)) {
            script->sequence = (uint8_t)(sequence + 1);
            verb = login_client_feed(&login, payload, sequence);
        } else if (verb == LOGIN_START_TLS) {
            verb = login_client_tls_started(&login);
        } else {
            is_over = true;
        }
    }
    assert(verb == LOGIN_READ || verb == LOGIN_ACCEPTED || verb == LOGIN_REFUSED);
    assert((verb == LOGIN_REFUSED) == (login_client_refusal(&login)->cause != REFUSAL_NONE));
    login_client_release(&login);
    secret_unref(&secret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script = {.frames = reader_make(slice_make(data, size))};

    script.settings = reader_u8(&script.frames);
    script.held = reader_u8(&script.frames);
    script.answers = reader_u8(&script.frames);
    if (has(&script, AS_CLIENT)) {
        client_run(&script);
    } else {
        server_run(&script);
    }
    return 0;
}
