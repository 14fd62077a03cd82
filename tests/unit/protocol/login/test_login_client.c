// Our role towards servers, against servers that are made by hand: what real ones are known to
// send, and what none should.
#include "protocol/login/ed25519.h"
#include "protocol/login/login_client.h"
#include "protocol/login/login_key.h"
#include "protocol/packet/attribute.h"
#include "protocol/packet/auth_switch.h"
#include "protocol/packet/change_user.h"
#include "protocol/packet/handshake.h"
#include "protocol/packet/handshake_response.h"
#include "protocol/packet/status.h"

#include "tests/lib/cmocka.h"

// --- a server by hand ----------------------------------------------------------------------------

struct fixture {
    struct login_client_options options;
    struct login_client login;
    enum login_verb verb;
    struct secret *secret;
    struct handshake greeting;
    struct buffer heard; // payload of the packet that came last
    uint8_t sequence;    // of the next packet
};

#define NONCE S("01234567890123456789")

static void fixture_init(struct fixture *server)
{
    *server = (struct fixture){
        .options = {.server = S("db1"),
                    .user = S("app"),
                    .capabilities = CAPABILITIES_ASKED_WHERE_SET,
                    .collation = 45,
                    .max_packet = 1 << 24},
        .secret = secret_from_password(S("secret")),
        .greeting = {.server_version = S("8.0.36"),
                     .connection_id = 99,
                     .capabilities = CAPABILITIES_MYSQL & ~(uint64_t)CAPABILITY_SSL,
                     .collation = 255,
                     .status = STATUS_AUTOCOMMIT,
                     .plugin = S("caching_sha2_password"),
                     .nonce_len = NONCE_SIZE},
    };
    memcpy(server->greeting.nonce, NONCE.ptr, NONCE_SIZE);
}

static void fixture_release(struct fixture *server)
{
    login_client_release(&server->login);
    secret_unref(&server->secret);
    buffer_release(&server->heard);
}

static void secret_set(struct fixture *server, struct secret *secret)
{
    secret_unref(&server->secret);
    server->secret = secret;
}

static void say(struct fixture *server, struct slice payload)
{
    char *exact = malloc(payload.len > 0 ? payload.len : 1);

    if (payload.len > 0) {
        memcpy(exact, payload.ptr, payload.len);
    }
    server->verb =
        login_client_feed(&server->login, slice_make(exact, payload.len), server->sequence++);
    free(exact);
}

static void say_greeting(struct fixture *server)
{
    struct buffer bytes = BUFFER_INIT;
    struct writer writer = writer_make(&bytes, 0);

    handshake_encode(&server->greeting, &writer);
    say(server, buffer_slice(&bytes));
    buffer_release(&bytes);
}

// Connects and greets.
static void begin(struct fixture *server)
{
    server->options.secret = server->secret;
    login_client_init(&server->login, &server->options);
    assert_int_equal(login_client_connect(&server->login), LOGIN_READ);
    assert_true(buffer_is_empty(&server->login.out));
    say_greeting(server);
}

static void say_switch(struct fixture *server, const char *plugin, struct slice nonce)
{
    struct buffer bytes = BUFFER_INIT;
    struct writer writer = writer_make(&bytes, 0);

    auth_switch_encode(&(struct auth_switch){.plugin = slice_text(plugin), .data = nonce}, &writer);
    say(server, buffer_slice(&bytes));
    buffer_release(&bytes);
}

static void say_more(struct fixture *server, struct slice data)
{
    struct buffer bytes = BUFFER_INIT;

    buffer_append(&bytes, "\x01", 1);
    buffer_append_slice(&bytes, data);
    say(server, buffer_slice(&bytes));
    buffer_release(&bytes);
}

#define say_ok(server) say(server, slice_make("\0\0\0\x02\0\0\0", 7))

// Takes the packet that was sent: one, with the next sequence id.
static struct slice hear(struct fixture *server)
{
    struct buffer *out = &server->login.out;

    assert_true(buffer_len(out) >= FRAME_HEADER_SIZE);
    struct frame frame = frame_read(buffer_ptr(out));
    assert_int_equal(buffer_len(out), FRAME_HEADER_SIZE + frame.len);
    assert_int_equal(frame.sequence, server->sequence);
    server->sequence++;
    buffer_clear(&server->heard);
    buffer_append(&server->heard, buffer_ptr(out) + FRAME_HEADER_SIZE, frame.len);
    login_client_sent(&server->login);
    return buffer_slice(&server->heard);
}

static struct handshake_response hear_response(struct fixture *server)
{
    struct handshake_response response;

    assert_true(handshake_response_decode(&response, hear(server), server->greeting.capabilities));
    return response;
}

static void assert_refused(struct fixture *server, enum refusal_cause cause, unsigned code)
{
    const struct refusal *refusal = login_client_refusal(&server->login);

    assert_int_equal(server->verb, LOGIN_REFUSED);
    assert_int_equal(refusal->cause, cause);
    assert_int_equal(refusal->code, code);
    assert_true(buffer_is_empty(&server->login.out));
    if (cause != REFUSAL_BY_SERVER) {
        assert_ptr_equal(strstr(refusal->text, "sluice: "), refusal->text);
        assert_non_null(strstr(refusal->text, "db1"));
        assert_true(slice_starts_nocase(slice_text(refusal->text + 8), refusal_phrase(refusal)));
        assert_true(refusal_sentence(refusal).len > 0);
    }
}

static bool holds_password(struct slice bytes)
{
    return slice_find_slice(bytes, S("secret")) < bytes.len;
}

// --- the greeting --------------------------------------------------------------------------------

static void an_error_in_place_of_the_greeting_is_the_servers_own(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    login_client_init(&server.login, &server.options);
    login_client_connect(&server.login);
    say(&server, S("\xFF\x10\x04Too many connections")); // 1040, before the form with an SQLSTATE
    assert_refused(&server, REFUSAL_BY_SERVER, 1040);
    assert_string_equal(login_client_refusal(&server.login)->text, "Too many connections");
    assert_string_equal(login_client_refusal(&server.login)->sqlstate, "");
    fixture_release(&server);

    fixture_init(&server);
    login_client_init(&server.login, &server.options);
    login_client_connect(&server.login);
    say(&server, S("\xFF\x69\x04#HY000Host 'x' is blocked")); // 1129
    assert_refused(&server, REFUSAL_BY_SERVER, 1129);
    assert_string_equal(login_client_refusal(&server.login)->sqlstate, "HY000");
    fixture_release(&server);
}

static void mysql_is_known_by_its_greeting(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    begin(&server);
    const struct login_peer *peer = login_client_peer(&server.login);
    assert_string_equal(peer->version, "8.0.36");
    assert_false(peer->is_mariadb);
    assert_int_equal(peer->connection_id, 99);
    assert_int_equal(peer->collation, 255);
    assert_true(capability_has(peer->capabilities, CAPABILITY_LONG_PASSWORD));
    fixture_release(&server);
}

static void mariadb_is_known_by_its_greeting(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    server.greeting.has_prefix = true;
    server.greeting.server_version = S("10.11.6-MariaDB");
    server.greeting.plugin = S("mysql_native_password");
    server.greeting.capabilities |= CAPABILITIES_EXTENDED;
    begin(&server);
    const struct login_peer *peer = login_client_peer(&server.login);
    assert_string_equal(peer->version, "10.11.6-MariaDB");
    assert_true(peer->is_mariadb);
    assert_true(capability_has(peer->offered, CAPABILITY_MARIADB_BULK));
    assert_false(capability_has(peer->capabilities, CAPABILITY_LONG_PASSWORD));
    uint64_t extended = peer->capabilities & CAPABILITIES_EXTENDED;
    assert_true(extended == (CAPABILITY_MARIADB_BULK | CAPABILITY_MARIADB_EXTENDED_TYPES));
    fixture_release(&server);
}

static void a_version_that_is_too_long_is_cut(void **state)
{
    (void)state;
    char version[300];
    struct fixture server;

    memset(version, '8', sizeof(version));
    fixture_init(&server);
    server.greeting.server_version = slice_make(version, sizeof(version));
    begin(&server);
    assert_int_equal(strlen(login_client_peer(&server.login)->version),
                     LOGIN_PEER_VERSION_SIZE - 1);
    fixture_release(&server);
}

static void what_is_no_greeting_is_refused(void **state)
{
    (void)state;
    static const struct slice wrong[] = {SLICE_INIT(""),
                                         SLICE_INIT("\x09"),
                                         SLICE_INIT("HTTP/1.1 400 Bad Request\r\n"),
                                         SLICE_INIT("SSH-2.0-OpenSSH_9.2p1"),
                                         SLICE_INIT("\xFF"),
                                         SLICE_INIT("\xFF\x10")};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct fixture server;
        fixture_init(&server);
        login_client_init(&server.login, &server.options);
        login_client_connect(&server.login);
        say(&server, wrong[i]);
        assert_refused(&server, REFUSAL_SERVER_MALFORMED, 1429);
        fixture_release(&server);
    }
}

static void a_server_of_before_4_1_is_refused(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    server.greeting.capabilities &= ~(uint64_t)CAPABILITY_SECURE_CONNECTION;
    begin(&server);
    assert_refused(&server, REFUSAL_SERVER_OLD, 1429);
    fixture_release(&server);
}

// --- the answer ----------------------------------------------------------------------------------

static void the_answer_asks_for_what_is_wanted_and_offered(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    server.options.capabilities = CAPABILITY_FOUND_ROWS | CAPABILITY_DEPRECATE_EOF |
                                  CAPABILITY_COMPRESS | CAPABILITY_CONNECT_WITH_DB |
                                  CAPABILITY_SSL | CAPABILITY_MARIADB_BULK;
    server.greeting.capabilities &= ~(uint64_t)CAPABILITY_DEPRECATE_EOF;
    begin(&server);
    struct handshake_response response = hear_response(&server);
    uint64_t expected =
        (CAPABILITIES_ASKED | CAPABILITY_FOUND_ROWS | CAPABILITY_COMPRESS) & CAPABILITIES_MYSQL;
    assert_true(response.capabilities == expected);
    assert_true(login_client_peer(&server.login)->capabilities == expected);
    assert_true(slice_equal(response.user, S("app")));
    assert_true(slice_equal(response.plugin, S("caching_sha2_password")));
    assert_int_equal(response.auth_data.len, SHA256_SIZE);
    assert_int_equal(response.schema.len, 0);
    assert_int_equal(response.collation, 45);
    assert_int_equal(response.max_packet, 1 << 24);
    fixture_release(&server);
}

static void a_schema_is_asked_for_where_one_is_given(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    server.options.schema = S("shop");
    begin(&server);
    struct handshake_response response = hear_response(&server);
    assert_true(capability_has(response.capabilities, CAPABILITY_CONNECT_WITH_DB));
    assert_true(slice_equal(response.schema, S("shop")));
    fixture_release(&server);
}

static void the_program_names_itself_and_what_the_caller_adds(void **state)
{
    (void)state;
    struct buffer pairs = BUFFER_INIT;
    struct writer writer = writer_make(&pairs, 0);
    struct attribute attribute = {.name = S("role"), .value = S("monitor")};
    struct fixture server;

    attribute_encode(&attribute, &writer);
    fixture_init(&server);
    server.options.attributes = buffer_slice(&pairs);
    begin(&server);
    struct handshake_response response = hear_response(&server);
    struct reader reader = reader_make(response.attributes);
    assert_true(attribute_next(&reader, &attribute));
    assert_true(slice_equal(attribute.name, S("program_name")));
    assert_true(slice_equal(attribute.value, S("sluice")));
    assert_true(attribute_next(&reader, &attribute));
    assert_true(slice_equal(attribute.name, S("role")));
    assert_true(slice_equal(attribute.value, S("monitor")));
    assert_false(attribute_next(&reader, &attribute));
    fixture_release(&server);

    attribute = (struct attribute){.name = S("program_name"), .value = S("shop")};
    attribute_encode(&attribute, &writer);
    fixture_init(&server);
    server.options.attributes = buffer_slice(&pairs);
    begin(&server);
    response = hear_response(&server);
    reader = reader_make(response.attributes);
    assert_true(attribute_next(&reader, &attribute));
    assert_true(slice_equal(attribute.name, S("_proxy"))); // what stands between
    assert_true(slice_equal(attribute.value, S("sluice")));
    buffer_release(&pairs);
    fixture_release(&server);
}

// A session's schema comes from its client: COM_INIT_DB carries any bytes.
static void a_name_with_a_zero_byte_is_not_sent(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    server.options.schema = slice_make("sh\0p", 4);
    begin(&server);
    assert_int_equal(server.verb, LOGIN_REFUSED);
    assert_int_equal(login_client_refusal(&server.login)->cause, REFUSAL_CLIENT_MALFORMED);
    assert_true(buffer_is_empty(&server.login.out));
    fixture_release(&server);
}

static void a_switch_to_ed25519_is_answered_by_a_signature(void **state)
{
    (void)state;
    static const struct slice nonce = SLICE_INIT("abcdefghijklmnopqrstuvwxyz012345");
    uint8_t proof[ED25519_PROOF_SIZE];
    struct fixture server;

    fixture_init(&server);
    begin(&server);
    hear(&server);
    say_switch(&server, "client_ed25519", nonce);
    ed25519_sign(S("secret"), (const uint8_t *)nonce.ptr, proof);
    assert_true(slice_equal(hear(&server), slice_make(proof, sizeof(proof))));
    say_ok(&server);
    assert_int_equal(server.verb, LOGIN_ACCEPTED);
    fixture_release(&server);
}

static void ed25519_wants_the_password_and_a_nonce_of_its_length(void **state)
{
    (void)state;
    static const struct slice nonce = SLICE_INIT("abcdefghijklmnopqrstuvwxyz012345");
    uint8_t key[SHA1_SIZE];
    struct fixture server;

    fixture_init(&server);
    begin(&server);
    hear(&server);
    say_switch(&server, "client_ed25519", NONCE);
    assert_refused(&server, REFUSAL_SERVER_MALFORMED, 1429);
    fixture_release(&server);

    fixture_init(&server);
    digest_sha1(S("secret"), key);
    secret_set(&server, secret_from_sha1(key));
    begin(&server);
    hear(&server);
    say_switch(&server, "client_ed25519", nonce);
    assert_refused(&server, REFUSAL_SERVER_NEEDS_PASSWORD, 1429);
    assert_non_null(strstr(login_client_refusal(&server.login)->text, "client_ed25519"));
    fixture_release(&server);
}

static void a_plugin_that_is_not_spoken_is_answered_by_one_that_is(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    server.greeting.plugin = S("sha256_password");
    begin(&server);
    struct handshake_response response = hear_response(&server);
    assert_true(slice_equal(response.plugin, S("mysql_native_password")));
    assert_int_equal(response.auth_data.len, SHA1_SIZE);
    fixture_release(&server);
}

static void a_server_without_plugins_gets_a_native_proof(void **state)
{
    (void)state;
    uint8_t hash[SHA256_SIZE] = {1};
    struct fixture server;

    fixture_init(&server);
    server.greeting.capabilities &= ~(uint64_t)CAPABILITY_PLUGIN_AUTH;
    begin(&server);
    struct handshake_response response = hear_response(&server);
    assert_int_equal(response.auth_data.len, SHA1_SIZE);
    fixture_release(&server);

    fixture_init(&server);
    server.greeting.capabilities &= ~(uint64_t)CAPABILITY_PLUGIN_AUTH;
    secret_set(&server, secret_from_sha256(hash));
    begin(&server);
    assert_refused(&server, REFUSAL_SERVER_NEEDS_PASSWORD, 1429);
    fixture_release(&server);
}

static void a_hash_proves_itself_by_its_own_plugin(void **state)
{
    (void)state;
    uint8_t hash[SHA256_SIZE] = {1};
    struct fixture server;

    fixture_init(&server);
    secret_set(&server, secret_from_sha1(hash));
    begin(&server);
    assert_true(slice_equal(hear_response(&server).plugin, S("mysql_native_password")));
    fixture_release(&server);

    fixture_init(&server);
    server.greeting.plugin = S("mysql_native_password");
    secret_set(&server, secret_from_sha256(hash));
    begin(&server);
    assert_true(slice_equal(hear_response(&server).plugin, S("caching_sha2_password")));
    fixture_release(&server);
}

static void no_password_is_said_as_each_plugin_says_it(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    secret_set(&server, NULL);
    begin(&server);
    assert_true(slice_equal(hear_response(&server).auth_data, slice_make("", 1)));
    say_switch(&server, "mysql_native_password", NONCE);
    assert_int_equal(hear(&server).len, 0);
    say_switch(&server, "caching_sha2_password", NONCE);
    assert_true(slice_equal(hear(&server), slice_make("", 1)));
    say_ok(&server);
    assert_int_equal(server.verb, LOGIN_ACCEPTED);
    fixture_release(&server);
}

// --- TLS -----------------------------------------------------------------------------------------

static void nobody_is_named_before_tls(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    server.options.tls = LOGIN_CLIENT_TLS_PREFERRED;
    server.greeting.capabilities |= CAPABILITY_SSL;
    begin(&server);
    assert_int_equal(server.verb, LOGIN_START_TLS);
    struct slice request = hear(&server);
    assert_int_equal(request.len, HANDSHAKE_RESPONSE_TLS_SIZE);
    assert_int_equal(slice_find_slice(request, S("app")), request.len);
    assert_int_equal(login_client_tls_started(&server.login), LOGIN_READ);
    struct handshake_response response = hear_response(&server);
    assert_true(capability_has(response.capabilities, CAPABILITY_SSL));
    assert_true(slice_equal(response.user, S("app")));
    fixture_release(&server);
}

static void required_tls_that_is_not_offered_ends_the_login_at_once(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    server.options.tls = LOGIN_CLIENT_TLS_REQUIRED;
    begin(&server);
    assert_refused(&server, REFUSAL_SERVER_NO_TLS, 1429);
    fixture_release(&server);
}

// What comes in the clear between the TLS request and the handshake was put there by somebody else.
static void a_packet_before_the_tls_handshake_ends_the_login(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    server.options.tls = LOGIN_CLIENT_TLS_REQUIRED;
    server.greeting.capabilities |= CAPABILITY_SSL;
    begin(&server);
    hear(&server);
    say_ok(&server);
    assert_refused(&server, REFUSAL_SERVER_ORDER, 1429);
    say_ok(&server);
    assert_int_equal(server.verb, LOGIN_REFUSED);
    fixture_release(&server);
}

// --- auth switches -------------------------------------------------------------------------------

static void an_auth_switch_is_answered_over_its_own_nonce(void **state)
{
    (void)state;
    static const struct slice other = SLICE_INIT("abcdefghijklmnopqrst");
    uint8_t key[SHA1_SIZE], proof[SHA1_SIZE];
    struct fixture server;

    fixture_init(&server);
    begin(&server);
    hear(&server);
    say_switch(&server, "mysql_native_password", other);
    digest_sha1(S("secret"), key);
    scramble_native(key, (const uint8_t *)other.ptr, proof);
    assert_true(slice_equal(hear(&server), slice_make(proof, sizeof(proof))));
    say_ok(&server);
    assert_int_equal(server.verb, LOGIN_ACCEPTED);
    assert_int_equal(login_client_peer(&server.login)->plugin, AUTH_PLUGIN_NATIVE);
    assert_memory_equal(login_client_peer(&server.login)->nonce, other.ptr, NONCE_SIZE);
    fixture_release(&server);
}

static void a_plugin_that_is_not_spoken_is_named_with_its_server_and_user(void **state)
{
    (void)state;
    static const char *const plugins[] = {"auth_gssapi_client", "authentication_ldap_sasl_client",
                                          "parsec", ""};

    for (size_t i = 0; i < sizeof(plugins) / sizeof(plugins[0]); i++) {
        char named[64];
        struct fixture server;
        fixture_init(&server);
        begin(&server);
        hear(&server);
        say_switch(&server, plugins[i], NONCE);
        assert_refused(&server, REFUSAL_SERVER_PLUGIN, 1524);
        snprintf(named, sizeof(named), "'%s'", plugins[i]);
        assert_non_null(strstr(login_client_refusal(&server.login)->text, named));
        assert_non_null(strstr(login_client_refusal(&server.login)->text, "'app'"));
        fixture_release(&server);
    }
}

static void the_old_form_of_the_switch_is_refused_by_name(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    begin(&server);
    hear(&server);
    say(&server, S("\xFE"));
    assert_refused(&server, REFUSAL_SERVER_PLUGIN, 1524);
    assert_non_null(strstr(login_client_refusal(&server.login)->text, "mysql_old_password"));
    fixture_release(&server);
}

// A MariaDB account may have several plugins, tried one after the other; a server that never ends
// to ask is not one.
static void auth_switches_have_an_end(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    begin(&server);
    hear(&server);
    for (int i = 0; i < 10; i++) {
        say_switch(&server, i % 2 == 0 ? "mysql_native_password" : "caching_sha2_password", NONCE);
        assert_int_equal(server.verb, LOGIN_READ);
        hear(&server);
    }
    say_switch(&server, "mysql_native_password", NONCE);
    assert_refused(&server, REFUSAL_SERVER_MALFORMED, 1429);
    fixture_release(&server);
}

static void a_nonce_of_another_size_is_refused(void **state)
{
    (void)state;
    static const struct slice nonces[] = {SLICE_INIT(""), SLICE_INIT("0123456789012345678"),
                                          SLICE_INIT("0123456789012345678901")};

    for (size_t i = 0; i < sizeof(nonces) / sizeof(nonces[0]); i++) {
        struct fixture server;
        fixture_init(&server);
        begin(&server);
        hear(&server);
        say_switch(&server, "mysql_native_password", nonces[i]);
        assert_refused(&server, REFUSAL_SERVER_MALFORMED, 1429);
        fixture_release(&server);
    }
}

// --- the password itself -------------------------------------------------------------------------

// A server that is not ours asks for it in the hope of getting it.
static void the_clear_password_does_not_leave_on_an_unsafe_line(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    begin(&server);
    assert_false(holds_password(hear(&server)));
    say_switch(&server, "mysql_clear_password", SLICE_NONE);
    assert_refused(&server, REFUSAL_SERVER_UNSAFE_LINE, 1429);
    fixture_release(&server);
}

static void the_clear_password_leaves_on_a_safe_line(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    server.options.is_secure = true;
    begin(&server);
    assert_false(holds_password(hear(&server)));
    say_switch(&server, "mysql_clear_password", SLICE_NONE);
    assert_true(slice_equal(hear(&server), slice_make("secret", 7)));
    say_ok(&server);
    assert_int_equal(server.verb, LOGIN_ACCEPTED);
    fixture_release(&server);
}

static void a_hash_is_no_clear_password(void **state)
{
    (void)state;
    uint8_t hash[SHA1_SIZE] = {1};
    struct fixture server;

    fixture_init(&server);
    server.options.is_secure = true;
    secret_set(&server, secret_from_sha1(hash));
    begin(&server);
    hear(&server);
    say_switch(&server, "mysql_clear_password", SLICE_NONE);
    assert_refused(&server, REFUSAL_SERVER_NEEDS_PASSWORD, 1429);
    fixture_release(&server);
}

// The server's cache is cold, and only the hash was ever shown to us.
static void a_hash_cannot_go_through_the_full_exchange(void **state)
{
    (void)state;
    uint8_t hash[SHA256_SIZE] = {1};

    for (int is_secure = 0; is_secure < 2; is_secure++) {
        struct fixture server;
        fixture_init(&server);
        server.options.is_secure = is_secure;
        secret_set(&server, secret_from_sha256(hash));
        begin(&server);
        hear(&server);
        say_more(&server, S("\x04"));
        assert_refused(&server, REFUSAL_SERVER_NEEDS_PASSWORD, 1429);
        assert_non_null(strstr(login_client_refusal(&server.login)->text, "caching_sha2_password"));
        fixture_release(&server);
    }
}

static void begin_key(struct fixture *server)
{
    begin(server);
    hear(server);
    say_more(server, S("\x04"));
    assert_true(slice_equal(hear(server), S("\x02")));
}

static void on_an_unsafe_line_the_password_leaves_encrypted(void **state)
{
    (void)state;
    struct login_key *key = login_key_create();
    struct fixture server;

    fixture_init(&server);
    begin_key(&server);
    say_more(&server, login_key_public_pem(key));
    struct slice cipher = hear(&server);
    assert_false(holds_password(cipher));
    struct secret *secret = login_key_decrypt(key, cipher, (const uint8_t *)NONCE.ptr);
    assert_true(slice_equal(secret_password(secret), S("secret")));
    secret_unref(&secret);
    say_ok(&server);
    assert_int_equal(server.verb, LOGIN_ACCEPTED);
    fixture_release(&server);
    login_key_unref(&key);
}

static void a_key_that_is_none_gets_nothing(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    begin_key(&server);
    say_more(&server, S("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"));
    assert_refused(&server, REFUSAL_SERVER_KEY, 1429);
    fixture_release(&server);

    fixture_init(&server);
    begin_key(&server);
    say(&server, S("\xFF\x15\x04#28000Access denied"));
    assert_refused(&server, REFUSAL_BY_SERVER, 1045);
    fixture_release(&server);

    fixture_init(&server);
    begin_key(&server);
    say_ok(&server);
    assert_refused(&server, REFUSAL_SERVER_MALFORMED, 1429);
    fixture_release(&server);
}

static void a_password_too_long_for_the_key_is_not_sent(void **state)
{
    (void)state;
    struct login_key *key = login_key_create();
    char password[300];
    struct fixture server;

    memset(password, 'p', sizeof(password));
    fixture_init(&server);
    secret_set(&server, secret_from_password(slice_make(password, sizeof(password))));
    begin_key(&server);
    say_more(&server, login_key_public_pem(key));
    assert_refused(&server, REFUSAL_SERVER_KEY, 1429);
    fixture_release(&server);
    login_key_unref(&key);
}

// MySQL asks so of some accounts that it does not have: the refusal must be its own.
static void begin_sha256(struct fixture *server)
{
    begin(server);
    hear(server);
    say_switch(server, "sha256_password", S("abcdefghijklmnopqrst\0"));
}

static void sha256_password_leaves_over_tls(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    server.options.tls = LOGIN_CLIENT_TLS_PREFERRED;
    server.greeting.capabilities |= CAPABILITY_SSL;
    begin(&server);
    hear(&server);
    assert_int_equal(login_client_tls_started(&server.login), LOGIN_READ);
    hear(&server);
    say_switch(&server, "sha256_password", S("abcdefghijklmnopqrst\0"));
    assert_true(slice_equal(hear(&server), slice_make("secret", 7)));
    say(&server, S("\xFF\x15\x04#28000Access denied"));
    assert_refused(&server, REFUSAL_BY_SERVER, 1045);
    fixture_release(&server);
}

static void sha256_password_leaves_encrypted_where_there_is_no_tls(void **state)
{
    (void)state;
    struct login_key *key = login_key_create();

    for (int is_secure = 0; is_secure < 2; is_secure++) { // a Unix socket is not enough
        struct fixture server;
        fixture_init(&server);
        server.options.is_secure = is_secure;
        begin_sha256(&server);
        assert_true(slice_equal(hear(&server), S("\x01")));
        say_more(&server, login_key_public_pem(key));
        struct slice cipher = hear(&server);
        assert_false(holds_password(cipher));
        struct secret *secret =
            login_key_decrypt(key, cipher, (const uint8_t *)"abcdefghijklmnopqrst");
        assert_true(slice_equal(secret_password(secret), S("secret")));
        secret_unref(&secret);
        say_ok(&server);
        assert_int_equal(server.verb, LOGIN_ACCEPTED);
        fixture_release(&server);
    }
    login_key_unref(&key);
}

static void sha256_password_without_a_password(void **state)
{
    (void)state;
    uint8_t hash[SHA256_SIZE] = {1};
    struct fixture server;

    fixture_init(&server);
    secret_set(&server, secret_from_password(SLICE_NONE));
    begin_sha256(&server);
    assert_true(slice_equal(hear(&server), slice_make("", 1)));
    say_ok(&server);
    assert_int_equal(server.verb, LOGIN_ACCEPTED);
    fixture_release(&server);

    fixture_init(&server);
    secret_set(&server, secret_from_sha256(hash));
    begin_sha256(&server);
    assert_refused(&server, REFUSAL_SERVER_NEEDS_PASSWORD, 1429);
    fixture_release(&server);

    fixture_init(&server);
    begin(&server);
    hear(&server);
    say_switch(&server, "sha256_password", S("too short"));
    assert_refused(&server, REFUSAL_SERVER_MALFORMED, 1429);
    fixture_release(&server);
}

static void a_password_that_was_sent_does_not_stay_in_the_buffer(void **state)
{
    (void)state;
    char password[SECRET_PASSWORD_MAX];
    struct fixture server;

    memset(password, 'p', sizeof(password));
    fixture_init(&server);
    server.options.is_secure = true;
    secret_set(&server, secret_from_password(slice_make(password, sizeof(password))));
    begin(&server);
    hear(&server);
    const uint8_t *before = NULL;
    say_more(&server, S("\x04"));
    before = server.login.out.data;
    assert_int_equal(hear(&server).len, sizeof(password) + 1);
    assert_ptr_equal(server.login.out.data, before);
    for (size_t i = 0; i < sizeof(password) + FRAME_HEADER_SIZE; i++) {
        assert_int_equal(server.login.out.data[i], 0);
    }
    fixture_release(&server);
}

// --- answers -------------------------------------------------------------------------------------

// A buffer that grows leaves its old bytes on the heap: room for any password is there before.
static void a_password_is_written_into_a_buffer_that_need_not_grow(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    server.options.is_secure = true;
    begin(&server);
    hear(&server);
    assert_true(server.login.out.cap < SECRET_PASSWORD_MAX);
    say_more(&server, S("\x04"));
    assert_true(server.login.out.cap > SECRET_PASSWORD_MAX + FRAME_HEADER_SIZE);
    fixture_release(&server);
}

static void the_ok_says_how_the_session_stands(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    begin(&server);
    hear(&server);
    say_more(&server, S("\x03"));
    assert_int_equal(server.verb, LOGIN_READ);
    assert_true(buffer_is_empty(&server.login.out));
    say(&server, slice_make("\0\0\0\x02\x40\0\0\0\x04\x05\x02\x01x", 13));
    assert_int_equal(server.verb, LOGIN_ACCEPTED);
    assert_int_equal(login_client_peer(&server.login)->status,
                     STATUS_AUTOCOMMIT | STATUS_SESSION_CHANGED);
    assert_int_equal(login_client_ok(&server.login)->session.len, 4);
    fixture_release(&server);
}

static void a_refusal_is_the_servers_own_to_the_letter(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    begin(&server);
    hear(&server);
    say(&server, S("\xFF\x19\x04#42000Unknown database 'shop'")); // 1049
    assert_refused(&server, REFUSAL_BY_SERVER, 1049);
    struct err err = refusal_err(login_client_refusal(&server.login));
    assert_int_equal(err.code, 1049);
    assert_true(slice_equal(err.sqlstate, S("42000")));
    assert_true(slice_equal(err.message, S("Unknown database 'shop'")));
    assert_true(slice_equal(refusal_phrase(login_client_refusal(&server.login)), err.message));
    fixture_release(&server);
}

static void a_refusal_after_the_proof_was_found_right_counts(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    begin(&server);
    hear(&server);
    say_more(&server, S("\x03"));
    say(&server, S("\xFF\x19\x04#42000Unknown database 'shop'"));
    assert_refused(&server, REFUSAL_BY_SERVER, 1049);
    fixture_release(&server);
}

static void answers_that_no_server_gives_are_refused(void **state)
{
    (void)state;
    static const struct slice wrong[] = {
        SLICE_INIT(""),         SLICE_INIT("\x02"),         SLICE_INIT("\x0A"),
        SLICE_INIT("\x01"),     SLICE_INIT("\x01\x05"),     SLICE_INIT("\x01\x03\x03"),
        SLICE_INIT("\x01\x00"), SLICE_INIT("\xFE\x61\x62"), SLICE_INIT("\xFF\x15"),
        SLICE_INIT("\x00"),     SLICE_INIT("\x00\x00\x00"), SLICE_INIT("\xFB")};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct fixture server;
        fixture_init(&server);
        begin(&server);
        hear(&server);
        say(&server, wrong[i]);
        assert_refused(&server, REFUSAL_SERVER_MALFORMED, 1429);
        fixture_release(&server);
    }
}

static void once_the_proof_is_right_no_other_is_asked_for(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    begin(&server);
    hear(&server);
    say_more(&server, S("\x03"));
    say_switch(&server, "mysql_native_password", NONCE);
    assert_refused(&server, REFUSAL_SERVER_MALFORMED, 1429);
    fixture_release(&server);
}

static void a_native_proof_has_no_more_to_be_said(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    server.greeting.plugin = S("mysql_native_password");
    begin(&server);
    hear(&server);
    say_more(&server, S("\x04"));
    assert_refused(&server, REFUSAL_SERVER_MALFORMED, 1429);
    fixture_release(&server);
}

// MariaDB tries an account's next plugin after the password was sent for the one before.
static void another_plugin_may_be_asked_for_after_the_password(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    server.options.is_secure = true;
    begin(&server);
    hear(&server);
    say_switch(&server, "mysql_clear_password", SLICE_NONE);
    hear(&server);
    say_switch(&server, "mysql_clear_password", SLICE_NONE);
    hear(&server);
    say_switch(&server, "mysql_native_password", NONCE);
    assert_int_equal(hear(&server).len, SHA1_SIZE);
    say_ok(&server);
    assert_int_equal(server.verb, LOGIN_ACCEPTED);
    fixture_release(&server);
}

// --- COM_CHANGE_USER -----------------------------------------------------------------------------

static struct login_peer peer_of_login(bool is_secure)
{
    struct fixture server;

    fixture_init(&server);
    server.options.is_secure = is_secure;
    begin(&server);
    hear(&server);
    say_more(&server, S("\x03"));
    say_ok(&server);
    assert_int_equal(server.verb, LOGIN_ACCEPTED);
    struct login_peer peer = *login_client_peer(&server.login);
    fixture_release(&server);
    return peer;
}

static void a_change_of_user_starts_anew_and_keeps_the_line(void **state)
{
    (void)state;
    struct login_peer peer = peer_of_login(true);
    struct change_user command;
    struct fixture server;

    fixture_init(&server);
    server.options.secret = server.secret;
    server.options.user = S("other");
    server.options.schema = S("shop");
    server.options.tls = LOGIN_CLIENT_TLS_REQUIRED; // counts for fresh connections
    login_client_init(&server.login, &server.options);
    server.verb = login_client_change_user(&server.login, &peer);
    assert_int_equal(server.verb, LOGIN_READ);
    assert_true(change_user_decode(&command, hear(&server), peer.capabilities));
    assert_true(slice_equal(command.user, S("other")));
    assert_true(slice_equal(command.schema, S("shop")));
    assert_true(slice_equal(command.plugin, S("caching_sha2_password")));
    assert_int_equal(command.collation, 45);
    assert_int_equal(command.auth_data.len, SHA256_SIZE);
    say_switch(&server, "caching_sha2_password", NONCE);
    assert_int_equal(hear(&server).len, SHA256_SIZE);
    say_more(&server, S("\x04"));
    assert_true(slice_equal(hear(&server), slice_make("secret", 7))); // the line is as safe as ever
    say_ok(&server);
    assert_int_equal(server.verb, LOGIN_ACCEPTED);
    assert_true(login_client_peer(&server.login)->capabilities == peer.capabilities);
    assert_string_equal(login_client_peer(&server.login)->version, "8.0.36");
    fixture_release(&server);
}

static void a_change_of_user_that_cannot_be_proved_sends_nothing(void **state)
{
    (void)state;
    struct login_peer peer = peer_of_login(false);
    uint8_t hash[SHA256_SIZE] = {1};
    struct fixture server;

    peer.capabilities &= ~(uint64_t)CAPABILITY_PLUGIN_AUTH;
    fixture_init(&server);
    secret_set(&server, secret_from_sha256(hash));
    server.options.secret = server.secret;
    login_client_init(&server.login, &server.options);
    server.verb = login_client_change_user(&server.login, &peer);
    assert_refused(&server, REFUSAL_SERVER_NEEDS_PASSWORD, 1429);
    fixture_release(&server);

    fixture_init(&server);
    server.options.user = slice_make("a\0b", 3);
    login_client_init(&server.login, &server.options);
    server.verb = login_client_change_user(&server.login, &peer);
    assert_int_equal(server.verb, LOGIN_REFUSED);
    assert_true(buffer_is_empty(&server.login.out));
    fixture_release(&server);
}

static void every_state_has_a_sentence_for_the_log(void **state)
{
    (void)state;
    struct fixture server;

    fixture_init(&server);
    begin(&server);
    assert_true(login_client_state_text(&server.login).len > 0);
    fixture_release(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_in_place_of_the_greeting_is_the_servers_own),
        cmocka_unit_test(mysql_is_known_by_its_greeting),
        cmocka_unit_test(mariadb_is_known_by_its_greeting),
        cmocka_unit_test(a_version_that_is_too_long_is_cut),
        cmocka_unit_test(what_is_no_greeting_is_refused),
        cmocka_unit_test(a_server_of_before_4_1_is_refused),
        cmocka_unit_test(the_answer_asks_for_what_is_wanted_and_offered),
        cmocka_unit_test(a_schema_is_asked_for_where_one_is_given),
        cmocka_unit_test(the_program_names_itself_and_what_the_caller_adds),
        cmocka_unit_test(a_name_with_a_zero_byte_is_not_sent),
        cmocka_unit_test(a_switch_to_ed25519_is_answered_by_a_signature),
        cmocka_unit_test(ed25519_wants_the_password_and_a_nonce_of_its_length),
        cmocka_unit_test(a_plugin_that_is_not_spoken_is_answered_by_one_that_is),
        cmocka_unit_test(a_server_without_plugins_gets_a_native_proof),
        cmocka_unit_test(a_hash_proves_itself_by_its_own_plugin),
        cmocka_unit_test(no_password_is_said_as_each_plugin_says_it),
        cmocka_unit_test(nobody_is_named_before_tls),
        cmocka_unit_test(required_tls_that_is_not_offered_ends_the_login_at_once),
        cmocka_unit_test(a_packet_before_the_tls_handshake_ends_the_login),
        cmocka_unit_test(an_auth_switch_is_answered_over_its_own_nonce),
        cmocka_unit_test(a_plugin_that_is_not_spoken_is_named_with_its_server_and_user),
        cmocka_unit_test(the_old_form_of_the_switch_is_refused_by_name),
        cmocka_unit_test(auth_switches_have_an_end),
        cmocka_unit_test(a_nonce_of_another_size_is_refused),
        cmocka_unit_test(the_clear_password_does_not_leave_on_an_unsafe_line),
        cmocka_unit_test(the_clear_password_leaves_on_a_safe_line),
        cmocka_unit_test(a_hash_is_no_clear_password),
        cmocka_unit_test(a_hash_cannot_go_through_the_full_exchange),
        cmocka_unit_test(on_an_unsafe_line_the_password_leaves_encrypted),
        cmocka_unit_test(a_key_that_is_none_gets_nothing),
        cmocka_unit_test(a_password_too_long_for_the_key_is_not_sent),
        cmocka_unit_test(sha256_password_leaves_over_tls),
        cmocka_unit_test(sha256_password_leaves_encrypted_where_there_is_no_tls),
        cmocka_unit_test(sha256_password_without_a_password),
        cmocka_unit_test(a_password_that_was_sent_does_not_stay_in_the_buffer),
        cmocka_unit_test(a_password_is_written_into_a_buffer_that_need_not_grow),
        cmocka_unit_test(the_ok_says_how_the_session_stands),
        cmocka_unit_test(a_refusal_is_the_servers_own_to_the_letter),
        cmocka_unit_test(a_refusal_after_the_proof_was_found_right_counts),
        cmocka_unit_test(answers_that_no_server_gives_are_refused),
        cmocka_unit_test(once_the_proof_is_right_no_other_is_asked_for),
        cmocka_unit_test(a_native_proof_has_no_more_to_be_said),
        cmocka_unit_test(another_plugin_may_be_asked_for_after_the_password),
        cmocka_unit_test(a_change_of_user_starts_anew_and_keeps_the_line),
        cmocka_unit_test(a_change_of_user_that_cannot_be_proved_sends_nothing),
        cmocka_unit_test(every_state_has_a_sentence_for_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
