// Our role towards clients, against clients that are made by hand: what real ones are known to
// send, and what none should.
#include "tests/unit/protocol/login/pair.h"

#include "protocol/packet/auth_switch.h"
#include "protocol/packet/change_user.h"
#include "protocol/packet/handshake.h"
#include "protocol/packet/handshake_response.h"

#include "tests/lib/cmocka.h"

// --- a client by hand ----------------------------------------------------------------------------

struct fixture {
    struct login_server_options options;
    struct login_server login;
    enum login_verb verb;
    struct buffer heard; // payload of the packet that was sent last
    uint8_t sequence;    // of the next packet
};

static const struct login_account section = {.password = SLICE_INIT("secret"),
                                             .has_password = true};
static const struct login_account stranger = {.server_decides = true};

static void fixture_init(struct fixture *client)
{
    struct pair pair;

    pair_init(&pair, LINE_PLAIN);
    *client = (struct fixture){.options = pair.server_options};
}

static void fixture_release(struct fixture *client)
{
    login_server_release(&client->login);
    buffer_release(&client->heard);
}

// Takes the next packet that was sent. Its payload is borrowed until the next.
static struct slice hear(struct fixture *client)
{
    uint8_t sequence;

    buffer_clear(&client->heard);
    assert_true(pair_frame_take(&client->login.out, &client->heard, &sequence));
    assert_int_equal(sequence, client->sequence);
    client->sequence++;
    return buffer_slice(&client->heard);
}

static void start(struct fixture *client)
{
    login_server_init(&client->login, &client->options);
    client->verb = login_server_greet(&client->login);
    assert_int_equal(client->verb, LOGIN_READ);
    hear(client);
}

static void say(struct fixture *client, struct slice payload)
{
    char *exact = malloc(payload.len > 0 ? payload.len : 1);

    if (payload.len > 0) {
        memcpy(exact, payload.ptr, payload.len);
    }
    client->verb =
        login_server_feed(&client->login, slice_make(exact, payload.len), client->sequence++);
    free(exact);
}

static struct handshake_response response_make(struct slice plugin, struct slice proof)
{
    return (struct handshake_response){
        .capabilities = CAPABILITIES_ASKED,
        .max_packet = 1 << 24,
        .collation = 45,
        .user = S("app"),
        .auth_data = proof,
        .plugin = plugin,
    };
}

static void say_response(struct fixture *client, const struct handshake_response *response)
{
    struct buffer bytes = BUFFER_INIT;
    struct writer writer = writer_make(&bytes, 0);

    handshake_response_encode(response, &writer);
    assert_false(writer_is_failed(&writer));
    say(client, buffer_slice(&bytes));
    buffer_release(&bytes);
}

// The usual beginning: a client that names this plugin, has this proof, and this account.
static void begin(struct fixture *client, struct slice plugin, struct slice proof,
                  const struct login_account *account)
{
    struct handshake_response response = response_make(plugin, proof);

    start(client);
    say_response(client, &response);
    assert_int_equal(client->verb, LOGIN_LOOK_UP);
    client->verb = login_server_account(&client->login, account);
}

static const uint8_t *nonce_of(const struct fixture *client)
{
    return login_server_nonce(&client->login);
}

static struct slice native_proof(const uint8_t *nonce, const char *password, uint8_t *proof)
{
    uint8_t key[SHA1_SIZE];

    digest_sha1(slice_text(password), key);
    scramble_native(key, nonce, proof);
    return slice_make(proof, SHA1_SIZE);
}

static struct slice sha2_proof(const uint8_t *nonce, const char *password, uint8_t *proof)
{
    uint8_t key[SHA256_SIZE];

    digest_sha256(slice_text(password), key);
    scramble_sha2(key, nonce, proof);
    return slice_make(proof, SHA256_SIZE);
}

static void assert_accepted(struct fixture *client, const char *password)
{
    struct ok ok = {.status = STATUS_AUTOCOMMIT};

    assert_int_equal(client->verb, LOGIN_ACCEPTED);
    assert_true(
        slice_equal(secret_password(login_server_secret(&client->login)), slice_text(password)));
    assert_int_equal(login_server_accept(&client->login, &ok), LOGIN_READ);
}

static void assert_refused(struct fixture *client, enum refusal_cause cause, unsigned code)
{
    struct err err;

    assert_int_equal(client->verb, LOGIN_REFUSED);
    assert_int_equal(login_server_refusal(&client->login)->cause, cause);
    assert_true(err_decode(&err, hear(client)));
    assert_int_equal(err.code, code);
    assert_int_equal(err.sqlstate.len, ERR_SQLSTATE_SIZE);
    assert_true(slice_equal(err.message, slice_text(login_server_refusal(&client->login)->text)));
    assert_true(buffer_is_empty(&client->login.out));
}

static void assert_switched(struct fixture *client, const char *plugin)
{
    struct auth_switch request;

    assert_int_equal(client->verb, LOGIN_READ);
    assert_true(auth_switch_decode(&request, hear(client)));
    assert_true(slice_equal(request.plugin, slice_text(plugin)));
    assert_int_equal(request.data.len, NONCE_SIZE + 1);
    assert_memory_equal(request.data.ptr, nonce_of(client), NONCE_SIZE);
    assert_int_equal(request.data.ptr[NONCE_SIZE], '\0');
}

#define NATIVE "mysql_native_password"
#define SHA2   "caching_sha2_password"
#define CLEAR  "mysql_clear_password"

// --- the greeting --------------------------------------------------------------------------------

static void the_greeting_says_what_is_offered(void **state)
{
    (void)state;
    for (int offers_tls = 0; offers_tls < 2; offers_tls++) {
        struct fixture client;
        struct handshake greeting;
        fixture_init(&client);
        client.options.offers_tls = offers_tls;
        client.options.capabilities = CAPABILITY_FOUND_ROWS | CAPABILITY_SSL;
        login_server_init(&client.login, &client.options);
        client.verb = login_server_greet(&client.login);
        assert_true(handshake_decode(&greeting, hear(&client)));
        assert_true(slice_equal(greeting.server_version, S("8.0.36-sluice")));
        assert_true(slice_equal(greeting.plugin, S(SHA2)));
        assert_int_equal(greeting.connection_id, 7);
        assert_int_equal(greeting.collation, 45);
        assert_int_equal(greeting.status, STATUS_AUTOCOMMIT);
        assert_int_equal(greeting.nonce_len, NONCE_SIZE);
        assert_memory_equal(greeting.nonce, nonce_of(&client), NONCE_SIZE);
        uint64_t expected = CAPABILITY_FOUND_ROWS | LOGIN_SERVER_CAPABILITIES;
        expected |= offers_tls ? CAPABILITY_SSL : 0;
        assert_true(greeting.capabilities == expected);
        fixture_release(&client);
    }
}

static void the_greeting_may_name_the_native_plugin(void **state)
{
    (void)state;
    struct fixture client;
    struct handshake greeting;
    uint8_t proof[SHA1_SIZE];

    fixture_init(&client);
    client.options.greeting = AUTH_PLUGIN_NATIVE;
    login_server_init(&client.login, &client.options);
    client.verb = login_server_greet(&client.login);
    assert_true(handshake_decode(&greeting, hear(&client)));
    assert_true(slice_equal(greeting.plugin, S(NATIVE)));
    struct handshake_response response =
        response_make(S(NATIVE), native_proof(nonce_of(&client), "secret", proof));
    say_response(&client, &response);
    client.verb = login_server_account(&client.login, &section);
    assert_accepted(&client, "secret");
    fixture_release(&client);
}

// --- first answers of real clients ---------------------------------------------------------------

// Connector/J and old clients send a native proof over the greeting's nonce whatever it named.
static void a_native_proof_over_the_greetings_nonce_counts(void **state)
{
    (void)state;
    struct fixture client;
    uint8_t proof[SHA1_SIZE];

    fixture_init(&client);
    start(&client);
    struct handshake_response response =
        response_make(S(NATIVE), native_proof(nonce_of(&client), "secret", proof));
    say_response(&client, &response);
    client.verb = login_server_account(&client.login, &section);
    assert_accepted(&client, "secret");
    fixture_release(&client);
}

// libmariadb and libmysqlclient with another default plugin than the greeting's: they hide the
// nonce from it, send nothing, and wait for the auth switch.
static void a_client_that_waits_for_the_switch_is_not_taken_for_one_without_password(void **state)
{
    (void)state;
    struct fixture client;
    uint8_t proof[SHA1_SIZE];

    fixture_init(&client);
    begin(&client, S(NATIVE), SLICE_NONE, &section);
    assert_switched(&client, NATIVE);
    say(&client, native_proof(nonce_of(&client), "secret", proof));
    assert_accepted(&client, "secret");
    fixture_release(&client);
}

static void nor_is_one_without_password_refused_for_waiting(void **state)
{
    (void)state;
    struct login_account blank = {.has_password = true};
    struct fixture client;

    fixture_init(&client);
    begin(&client, S(NATIVE), SLICE_NONE, &blank);
    assert_switched(&client, NATIVE);
    say(&client, SLICE_NONE);
    assert_accepted(&client, "");
    fixture_release(&client);
}

static void no_password_is_said_by_nothing_or_by_a_zero_byte(void **state)
{
    (void)state;
    struct login_account blank = {.has_password = true};

    for (size_t len = 0; len < 2; len++) {
        struct fixture client;
        fixture_init(&client);
        begin(&client, S(SHA2), slice_make("", len), &blank);
        assert_accepted(&client, "");
        fixture_release(&client);

        fixture_init(&client);
        begin(&client, S(SHA2), slice_make("", len), &section);
        assert_refused(&client, REFUSAL_ACCESS_DENIED, 1045);
        assert_non_null(strstr(client.login.refusal.text, "(using password: NO)"));
        fixture_release(&client);
    }
}

static void the_error_says_who_and_from_where(void **state)
{
    (void)state;
    struct fixture client;
    uint8_t proof[SHA1_SIZE] = {1};

    fixture_init(&client);
    begin(&client, S(NATIVE), slice_make(proof, sizeof(proof)), &section);
    assert_refused(&client, REFUSAL_ACCESS_DENIED, 1045);
    assert_string_equal(client.login.refusal.text,
                        "Access denied for user 'app'@'10.0.0.1' (using password: YES)");
    fixture_release(&client);
}

// libmariadb without the plugin file names its stand-in, and would answer an auth switch to the
// same plugin by an empty packet, as if it had no password.
static void a_client_without_the_greetings_plugin_is_told_both_ways_out(void **state)
{
    (void)state;
    struct fixture client;

    fixture_init(&client);
    begin(&client, S("dummy_fallback_auth"), SLICE_NONE, &stranger);
    assert_refused(&client, REFUSAL_CLIENT_PLUGIN, 1251);
    assert_non_null(strstr(client.login.refusal.text, SHA2));
    assert_non_null(strstr(client.login.refusal.text, "[user:"));
    fixture_release(&client);
}

static void a_client_without_the_greetings_plugin_logs_in_where_a_section_is(void **state)
{
    (void)state;
    struct fixture client;
    uint8_t proof[SHA1_SIZE];

    fixture_init(&client);
    begin(&client, S("dummy_fallback_auth"), SLICE_NONE, &section);
    assert_switched(&client, NATIVE);
    say(&client, native_proof(nonce_of(&client), "secret", proof));
    assert_accepted(&client, "secret");
    fixture_release(&client);
}

static void a_proof_by_another_plugin_is_not_looked_at(void **state)
{
    (void)state;
    uint8_t garbage[64] = {1};
    struct fixture client;

    fixture_init(&client);
    begin(&client, S("client_ed25519"), slice_make(garbage, sizeof(garbage)), &stranger);
    assert_switched(&client, SHA2);
    fixture_release(&client);

    fixture_init(&client);
    begin(&client, S("client_ed25519"), slice_make(garbage, sizeof(garbage)), &section);
    assert_switched(&client, NATIVE);
    fixture_release(&client);

    fixture_init(&client);
    begin(&client, SLICE_NONE, SLICE_NONE, &stranger);
    assert_switched(&client, SHA2);
    fixture_release(&client);
}

static void a_client_that_answers_the_switch_by_something_else_is_told_both_ways_out(void **state)
{
    (void)state;
    uint8_t proof[SHA256_SIZE + 1] = {1};
    static const size_t wrong[] = {2, SHA1_SIZE, SHA256_SIZE - 1, SHA256_SIZE + 1};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct fixture client;
        fixture_init(&client);
        begin(&client, S(NATIVE), slice_make(proof, SHA1_SIZE), &stranger);
        assert_switched(&client, SHA2);
        say(&client, slice_make(proof, wrong[i]));
        assert_refused(&client, REFUSAL_CLIENT_PLUGIN, 1251);
        fixture_release(&client);
    }
    static const size_t wrong_native[] = {1, SHA1_SIZE - 1, SHA1_SIZE + 1, SHA256_SIZE};
    for (size_t i = 0; i < sizeof(wrong_native) / sizeof(wrong_native[0]); i++) {
        struct fixture client;
        fixture_init(&client);
        begin(&client, S(NATIVE), slice_make(proof, wrong_native[i]), &section);
        assert_refused(&client, REFUSAL_CLIENT_PLUGIN, 1251);
        fixture_release(&client);
    }
}

// --- clients of before plugins -------------------------------------------------------------------

static void begin_old(struct fixture *client, const char *password,
                      const struct login_account *account)
{
    uint8_t proof[SHA1_SIZE];
    struct handshake_response response = response_make(SLICE_NONE, SLICE_NONE);

    start(client);
    response.capabilities &= ~(uint64_t)CAPABILITY_PLUGIN_AUTH;
    response.capabilities &= ~(uint64_t)CAPABILITY_PLUGIN_AUTH_LENENC_DATA;
    if (*password != '\0') {
        response.auth_data = native_proof(nonce_of(client), password, proof);
    }
    say_response(client, &response);
    assert_int_equal(client->verb, LOGIN_LOOK_UP);
    client->verb = login_server_account(&client->login, account);
}

static void a_client_without_plugins_logs_in_where_a_section_is(void **state)
{
    (void)state;
    struct login_account blank = {.has_password = true};
    struct fixture client;

    fixture_init(&client);
    begin_old(&client, "secret", &section);
    assert_accepted(&client, "secret");
    fixture_release(&client);

    fixture_init(&client);
    begin_old(&client, "", &blank);
    assert_accepted(&client, "");
    fixture_release(&client);
}

static void a_client_without_plugins_is_told_both_ways_out_where_none_is(void **state)
{
    (void)state;
    struct fixture client;

    fixture_init(&client);
    begin_old(&client, "secret", &stranger);
    assert_refused(&client, REFUSAL_CLIENT_PLUGIN, 1251);
    fixture_release(&client);
}

static void a_client_without_plugins_is_denied_where_servers_have_no_say(void **state)
{
    (void)state;
    struct fixture wrong, unknown;

    fixture_init(&wrong);
    begin_old(&wrong, "wrong", &section);
    assert_refused(&wrong, REFUSAL_ACCESS_DENIED, 1045);
    fixture_init(&unknown);
    begin_old(&unknown, "wrong", NULL);
    assert_refused(&unknown, REFUSAL_ACCESS_DENIED, 1045);
    assert_string_equal(wrong.login.refusal.text, unknown.login.refusal.text);
    fixture_release(&wrong);
    fixture_release(&unknown);
}

static void a_client_of_before_4_1_is_told_so(void **state)
{
    (void)state;
    static const uint64_t lacking[] = {CAPABILITY_PROTOCOL_41, CAPABILITY_SECURE_CONNECTION,
                                       CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION};

    for (size_t i = 0; i < sizeof(lacking) / sizeof(lacking[0]); i++) {
        struct fixture client;
        struct handshake_response response = response_make(SLICE_NONE, SLICE_NONE);
        fixture_init(&client);
        start(&client);
        response.capabilities &= ~lacking[i];
        say_response(&client, &response);
        assert_refused(&client, REFUSAL_CLIENT_OLD, 1043);
        assert_non_null(strstr(client.login.refusal.text, "too old"));
        fixture_release(&client);
    }
}

// --- TLS -----------------------------------------------------------------------------------------

static void a_tls_request_where_tls_is_not_offered_is_refused(void **state)
{
    (void)state;
    struct handshake_response request = {.capabilities = CAPABILITIES_ASKED | CAPABILITY_SSL,
                                         .is_tls_request = true};
    struct fixture client;

    fixture_init(&client);
    start(&client);
    say_response(&client, &request);
    assert_refused(&client, REFUSAL_CLIENT_MALFORMED, 1043);
    fixture_release(&client);
}

static void a_tls_request_within_tls_is_refused(void **state)
{
    (void)state;
    struct handshake_response request = {.capabilities = CAPABILITIES_ASKED | CAPABILITY_SSL,
                                         .is_tls_request = true};
    struct fixture client;

    fixture_init(&client);
    client.options.offers_tls = true;
    start(&client);
    say_response(&client, &request);
    assert_int_equal(client.verb, LOGIN_START_TLS);
    assert_int_equal(login_server_tls_started(&client.login), LOGIN_READ);
    say_response(&client, &request);
    assert_refused(&client, REFUSAL_CLIENT_MALFORMED, 1043);
    fixture_release(&client);
}

// The flag alone encrypts nothing: a line is safe by what the caller says of it.
static void a_flag_does_not_make_a_line_safe(void **state)
{
    (void)state;
    struct fixture client;
    struct handshake_response response = response_make(S(CLEAR), S("secret"));

    fixture_init(&client);
    client.options.offers_tls = true;
    start(&client);
    response.capabilities |= CAPABILITY_SSL;
    say_response(&client, &response);
    assert_int_equal(client.verb, LOGIN_LOOK_UP);
    const struct login_request *request = login_server_request(&client.login);
    assert_false(request->is_tls || request->is_secure);
    assert_false(capability_has(request->capabilities, CAPABILITY_SSL));
    fixture_release(&client);
}

static void the_capabilities_of_both_count(void **state)
{
    (void)state;
    struct fixture client;
    struct handshake_response response = response_make(S(SHA2), SLICE_NONE);

    fixture_init(&client);
    client.options.capabilities = CAPABILITY_FOUND_ROWS | CAPABILITY_MULTI_RESULTS;
    start(&client);
    response.capabilities = LOGIN_SERVER_CAPABILITIES | CAPABILITY_LONG_PASSWORD |
                            CAPABILITY_FOUND_ROWS | CAPABILITY_DEPRECATE_EOF | CAPABILITY_COMPRESS;
    say_response(&client, &response);
    assert_true(login_server_request(&client.login)->capabilities ==
                (LOGIN_SERVER_CAPABILITIES | CAPABILITY_FOUND_ROWS));
    fixture_release(&client);
}

// --- the clear password --------------------------------------------------------------------------

static void a_clear_password_counts_on_a_safe_line(void **state)
{
    (void)state;
    struct fixture client;

    fixture_init(&client);
    client.options.is_secure = true;
    begin(&client, S(CLEAR), slice_make("secret", 7), &section);
    assert_accepted(&client, "secret");
    fixture_release(&client);

    fixture_init(&client);
    client.options.is_secure = true;
    begin(&client, S(CLEAR), S("secret"), &section);
    assert_accepted(&client, "secret");
    fixture_release(&client);

    fixture_init(&client);
    client.options.is_secure = true;
    begin(&client, S(CLEAR), S("wrong"), &section);
    assert_refused(&client, REFUSAL_ACCESS_DENIED, 1045);
    assert_non_null(strstr(client.login.refusal.text, "(using password: YES)"));
    fixture_release(&client);

    fixture_init(&client);
    client.options.is_secure = true;
    begin(&client, S(CLEAR), slice_make("", 1), &section);
    assert_refused(&client, REFUSAL_ACCESS_DENIED, 1045);
    assert_non_null(strstr(client.login.refusal.text, "(using password: NO)"));
    fixture_release(&client);

    fixture_init(&client);
    client.options.is_secure = true;
    begin(&client, S(CLEAR), S("anything"), &stranger);
    assert_int_equal(client.verb, LOGIN_ASK_SERVER);
    assert_true(slice_equal(secret_password(login_server_secret(&client.login)), S("anything")));
    fixture_release(&client);
}

static void a_clear_password_on_an_unsafe_line_is_not_looked_at(void **state)
{
    (void)state;
    struct fixture client;

    fixture_init(&client);
    begin(&client, S(CLEAR), slice_make("secret", 7), &stranger);
    assert_switched(&client, SHA2);
    fixture_release(&client);
}

static void the_longest_password_is_taken_and_one_byte_more_is_not(void **state)
{
    (void)state;
    char password[SECRET_PASSWORD_MAX + 1];
    struct fixture client;

    memset(password, 'p', sizeof(password));
    fixture_init(&client);
    client.options.is_secure = true;
    begin(&client, S(CLEAR), slice_make(password, SECRET_PASSWORD_MAX), &stranger);
    assert_int_equal(client.verb, LOGIN_ASK_SERVER);
    fixture_release(&client);

    fixture_init(&client);
    client.options.is_secure = true;
    begin(&client, S(CLEAR), slice_make(password, SECRET_PASSWORD_MAX + 1), &stranger);
    assert_refused(&client, REFUSAL_CLIENT_TOO_LONG, 1153);
    fixture_release(&client);
}

// --- the full exchange ---------------------------------------------------------------------------

static void full_exchange(struct fixture *client, bool is_secure)
{
    uint8_t proof[SHA256_SIZE];

    client->options.is_secure = is_secure;
    start(client);
    struct handshake_response response =
        response_make(S(SHA2), sha2_proof(nonce_of(client), "secret", proof));
    say_response(client, &response);
    client->verb = login_server_account(&client->login, &stranger);
    assert_int_equal(client->verb, LOGIN_READ);
    assert_true(slice_equal(hear(client), slice_make("\x01\x04", 2)));
}

static struct slice cipher_make(const struct fixture *client, const char *password,
                                struct buffer *cipher)
{
    assert_true(login_key_encrypt(login_key_public_pem(pair_key()), slice_text(password),
                                  nonce_of(client), cipher));
    return buffer_slice(cipher);
}

static void decrypt(struct fixture *client)
{
    assert_int_equal(client->verb, LOGIN_DECRYPT);
    struct decryption *job = login_server_take_decryption(&client->login);
    decryption_run(job);
    client->verb = login_server_decrypted(&client->login, &job);
    assert_null(job);
}

static void a_client_that_has_the_key_need_not_ask_for_it(void **state)
{
    (void)state;
    struct buffer cipher = BUFFER_INIT;
    struct fixture client;

    fixture_init(&client);
    full_exchange(&client, false);
    say(&client, cipher_make(&client, "secret", &cipher));
    decrypt(&client);
    assert_int_equal(client.verb, LOGIN_ASK_SERVER);
    client.verb = login_server_verified(&client.login);
    assert_accepted(&client, "secret");
    buffer_release(&cipher);
    fixture_release(&client);
}

// Some clients don't take a Unix socket for safe.
static void a_client_may_ask_for_the_key_on_a_safe_line(void **state)
{
    (void)state;
    struct buffer cipher = BUFFER_INIT;
    struct fixture client;

    fixture_init(&client);
    full_exchange(&client, true);
    say(&client, S("\x02"));
    struct slice pem = slice_from(hear(&client), 1);
    assert_true(slice_equal(pem, login_key_public_pem(pair_key())));
    say(&client, cipher_make(&client, "secret", &cipher));
    decrypt(&client);
    assert_int_equal(client.verb, LOGIN_ASK_SERVER);
    buffer_release(&cipher);
    fixture_release(&client);
}

// A password that is just that byte ends in a zero byte, as every password does.
static void the_password_of_one_byte_is_no_request_for_the_key(void **state)
{
    (void)state;
    struct fixture client;

    fixture_init(&client);
    full_exchange(&client, true);
    say(&client, slice_make("\x02", 2));
    assert_int_equal(client.verb, LOGIN_ASK_SERVER);
    assert_true(slice_equal(secret_password(login_server_secret(&client.login)), S("\x02")));
    fixture_release(&client);
}

static void without_a_key_none_is_sent(void **state)
{
    (void)state;
    struct fixture client;

    fixture_init(&client);
    client.options.key = NULL;
    full_exchange(&client, true);
    say(&client, S("\x02"));
    assert_refused(&client, REFUSAL_CLIENT_MALFORMED, 1043);
    fixture_release(&client);
}

static void a_password_without_its_end_is_refused(void **state)
{
    (void)state;
    struct fixture client;

    fixture_init(&client);
    full_exchange(&client, true);
    say(&client, S("secret"));
    assert_refused(&client, REFUSAL_CLIENT_MALFORMED, 1043);
    fixture_release(&client);
}

// A client that takes an unsafe line for safe is not listened to.
static void a_clear_password_is_not_taken_on_an_unsafe_line(void **state)
{
    (void)state;
    struct fixture client;

    fixture_init(&client);
    full_exchange(&client, false);
    say(&client, slice_make("secret", 7));
    assert_refused(&client, REFUSAL_CLIENT_MALFORMED, 1043);
    fixture_release(&client);
}

static void what_cannot_be_decrypted_is_a_wrong_password(void **state)
{
    (void)state;
    uint8_t garbage[LOGIN_KEY_BITS / 8];
    struct fixture client;

    memset(garbage, 0x11, sizeof(garbage));
    fixture_init(&client);
    full_exchange(&client, false);
    say(&client, slice_make(garbage, sizeof(garbage)));
    decrypt(&client);
    assert_refused(&client, REFUSAL_ACCESS_DENIED, 1045);
    fixture_release(&client);
}

// --- out of turn ---------------------------------------------------------------------------------

// While a helper thread works, a client's impatience must end its own login and nothing else; the
// helper's answer comes when the login is over.
static void a_packet_while_the_helper_works_ends_the_login(void **state)
{
    (void)state;
    struct buffer cipher = BUFFER_INIT;
    struct fixture client;

    fixture_init(&client);
    full_exchange(&client, false);
    say(&client, cipher_make(&client, "secret", &cipher));
    assert_int_equal(client.verb, LOGIN_DECRYPT);
    struct decryption *job = login_server_take_decryption(&client.login);
    say(&client, S("more"));
    client.sequence--; // it was not read
    assert_refused(&client, REFUSAL_CLIENT_ORDER, 1156);
    decryption_run(job);
    assert_int_equal(login_server_decrypted(&client.login, &job), LOGIN_REFUSED);
    assert_null(job);
    assert_true(buffer_is_empty(&client.login.out));
    buffer_release(&cipher);
    fixture_release(&client);
}

static void a_packet_while_a_server_is_asked_ends_the_login(void **state)
{
    (void)state;
    struct err err = {.code = 1045, .sqlstate = S("28000"), .message = S("no")};
    struct fixture client;

    fixture_init(&client);
    begin(&client, S(SHA2), SLICE_NONE, &stranger);
    assert_int_equal(client.verb, LOGIN_ASK_SERVER);
    assert_int_equal(login_server_too_long(&client.login, client.sequence), LOGIN_REFUSED);
    client.verb = login_server_verified(&client.login);
    assert_refused(&client, REFUSAL_CLIENT_ORDER, 1156);
    assert_int_equal(login_server_refuse(&client.login, &err), LOGIN_REFUSED);
    assert_int_equal(login_server_refusal(&client.login)->cause, REFUSAL_CLIENT_ORDER);
    say(&client, S("more"));
    assert_int_equal(client.verb, LOGIN_REFUSED);
    assert_true(buffer_is_empty(&client.login.out));
    fixture_release(&client);
}

// A client reads an error only under the number that follows its own.
static void the_error_of_a_wrong_number_comes_under_the_number_after_it(void **state)
{
    (void)state;
    struct fixture client;

    fixture_init(&client);
    start(&client);
    client.sequence = 9;
    say(&client, S("x"));
    assert_refused(&client, REFUSAL_CLIENT_ORDER, 1156);
    assert_int_equal(client.sequence, 11);
    fixture_release(&client);
}

// --- the caller's own refusals -------------------------------------------------------------------

static void the_caller_may_refuse_before_the_greeting(void **state)
{
    (void)state;
    struct err full = {.code = 1040, .sqlstate = S("08004"), .message = S("sluice: full")};
    struct err err;
    struct fixture client;

    fixture_init(&client);
    login_server_init(&client.login, &client.options);
    assert_int_equal(login_server_refuse(&client.login, &full), LOGIN_REFUSED);
    assert_true(err_decode(&err, hear(&client)));
    assert_int_equal(err.code, 1040);
    assert_int_equal(err.sqlstate.len, 0); // the client does not know that form yet
    assert_true(slice_equal(err.message, S("sluice: full")));
    fixture_release(&client);
}

static void the_caller_may_refuse_whom_the_login_accepted(void **state)
{
    (void)state;
    struct err full = {.code = 1203, .sqlstate = S("42000"), .message = S("sluice: too many")};
    struct fixture client;
    uint8_t proof[SHA256_SIZE];

    fixture_init(&client);
    start(&client);
    struct handshake_response response =
        response_make(S(SHA2), sha2_proof(nonce_of(&client), "secret", proof));
    say_response(&client, &response);
    client.verb = login_server_account(&client.login, &section);
    assert_int_equal(client.verb, LOGIN_ACCEPTED);
    client.verb = login_server_refuse(&client.login, &full);
    assert_true(slice_equal(hear(&client), slice_make("\x01\x03", 2)));
    assert_refused(&client, REFUSAL_BY_CALLER, 1203);
    fixture_release(&client);
}

static void the_secret_can_be_taken_out(void **state)
{
    (void)state;
    struct fixture client;

    fixture_init(&client);
    client.options.is_secure = true;
    begin(&client, S(CLEAR), S("secret"), &section);
    struct secret *secret = login_server_take_secret(&client.login);
    assert_null(login_server_secret(&client.login));
    fixture_release(&client);
    assert_true(slice_equal(secret_password(secret), S("secret")));
    secret_unref(&secret);
}

// --- names ---------------------------------------------------------------------------------------

static void begin_named(struct fixture *client, size_t user_len, size_t schema_len)
{
    char name[600];
    struct handshake_response response = response_make(S(SHA2), SLICE_NONE);

    memset(name, 'n', sizeof(name));
    fixture_init(client);
    start(client);
    response.capabilities |= CAPABILITY_CONNECT_WITH_DB;
    response.user = slice_make(name, user_len);
    response.schema = slice_make(name, schema_len);
    say_response(client, &response);
}

static void names_are_taken_up_to_their_longest(void **state)
{
    (void)state;
    struct fixture client;

    begin_named(&client, 512, 256);
    assert_int_equal(client.verb, LOGIN_LOOK_UP);
    assert_int_equal(login_server_request(&client.login)->user.len, 512);
    assert_int_equal(login_server_request(&client.login)->schema.len, 256);
    fixture_release(&client);
    begin_named(&client, 513, 0);
    assert_refused(&client, REFUSAL_CLIENT_TOO_LONG, 1153);
    fixture_release(&client);
    begin_named(&client, 1, 257);
    assert_refused(&client, REFUSAL_CLIENT_TOO_LONG, 1153);
    fixture_release(&client);
}

// The error is sent before anything is known of the client, and has a size of its own.
static void a_long_name_is_cut_in_the_error(void **state)
{
    (void)state;
    struct fixture client;

    begin_named(&client, 512, 0);
    client.verb = login_server_account(&client.login, NULL);
    assert_refused(&client, REFUSAL_ACCESS_DENIED, 1045);
    assert_non_null(strstr(client.login.refusal.text, "'@'10.0.0.1' (using password: NO)"));
    fixture_release(&client);
}

// --- COM_CHANGE_USER -----------------------------------------------------------------------------

static void change(struct fixture *client, uint64_t capabilities, struct slice plugin,
                   struct slice proof, const uint8_t *nonce, const struct login_account *account)
{
    struct change_user command = {.user = S("app"),
                                  .auth_data = proof,
                                  .has_collation = true,
                                  .collation = 45,
                                  .plugin = plugin};
    struct buffer bytes = BUFFER_INIT;
    struct writer writer = writer_make(&bytes, 0);

    fixture_init(client);
    login_server_init(&client->login, &client->options);
    client->verb = login_server_change_user(&client->login, capabilities, nonce);
    assert_int_equal(client->verb, LOGIN_READ);
    change_user_encode(&command, &writer, capabilities);
    say(client, buffer_slice(&bytes));
    buffer_release(&bytes);
    assert_int_equal(client->verb, LOGIN_LOOK_UP);
    client->verb = login_server_account(&client->login, account);
}

static const uint8_t session_nonce[NONCE_SIZE] = "the session's nonce";

// Client libraries make it over various nonces, since no server ever looks at it.
static void the_proof_that_comes_with_a_change_of_user_is_not_looked_at(void **state)
{
    (void)state;
    uint8_t proof[SHA256_SIZE];
    struct fixture client;

    change(&client, LOGIN_SERVER_CAPABILITIES, S(NATIVE),
           native_proof((const uint8_t *)"another nonce of 20b", "secret", proof), session_nonce,
           &section);
    assert_memory_equal(nonce_of(&client), session_nonce, NONCE_SIZE);
    assert_switched(&client, NATIVE);
    say(&client, native_proof(session_nonce, "secret", proof));
    assert_accepted(&client, "secret");
    fixture_release(&client);

    change(&client, LOGIN_SERVER_CAPABILITIES, S(SHA2), SLICE_NONE, session_nonce, &section);
    assert_switched(&client, SHA2);
    say(&client, sha2_proof(session_nonce, "secret", proof));
    assert_true(slice_equal(hear(&client), slice_make("\x01\x03", 2)));
    assert_accepted(&client, "secret");
    fixture_release(&client);
}

// libmariadb changes users by the native plugin and keeps to the nonce it has, whatever the auth
// switch says.
static void a_change_of_user_goes_on_with_the_sessions_nonce_from_plugin_to_plugin(void **state)
{
    (void)state;
    uint8_t proof[SHA256_SIZE];
    uint8_t hash[SHA256_SIZE];
    struct secret *secret = secret_from_password(S("secret"));
    secret_sha2_hash(secret, hash);
    struct login_account learnt = {.sha2_hash = hash, .server_decides = true};
    struct fixture client;

    change(&client, LOGIN_SERVER_CAPABILITIES, S(NATIVE), SLICE_NONE, session_nonce, &learnt);
    assert_switched(&client, SHA2);
    say(&client, sha2_proof(session_nonce, "secret", proof));
    assert_int_equal(client.verb, LOGIN_ACCEPTED);
    secret_unref(&secret);
    fixture_release(&client);
}

static void a_client_without_plugins_changes_its_user_over_the_sessions_nonce(void **state)
{
    (void)state;
    uint8_t proof[SHA1_SIZE];
    struct fixture client;

    change(&client, CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION, SLICE_NONE,
           native_proof(session_nonce, "secret", proof), session_nonce, &section);
    assert_accepted(&client, "secret");
    fixture_release(&client);
}

static void another_command_is_no_change_of_user(void **state)
{
    (void)state;
    struct fixture client;

    fixture_init(&client);
    login_server_init(&client.login, &client.options);
    client.verb = login_server_change_user(&client.login, LOGIN_SERVER_CAPABILITIES, session_nonce);
    say(&client, S("\x03select 1"));
    assert_refused(&client, REFUSAL_CLIENT_MALFORMED, 1043);
    fixture_release(&client);
}

// --- the log -------------------------------------------------------------------------------------

static void whoever_hangs_up_at_the_switch_leaves_a_hint_for_the_operator(void **state)
{
    (void)state;
    struct fixture client;

    fixture_init(&client);
    begin(&client, S(NATIVE), SLICE_NONE, &stranger);
    assert_switched(&client, SHA2);
    struct slice text = login_server_state_text(&client.login);
    assert_true(slice_find_slice(text, S("[user:")) < text.len);
    fixture_release(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_greeting_says_what_is_offered),
        cmocka_unit_test(the_greeting_may_name_the_native_plugin),
        cmocka_unit_test(a_native_proof_over_the_greetings_nonce_counts),
        cmocka_unit_test(a_client_that_waits_for_the_switch_is_not_taken_for_one_without_password),
        cmocka_unit_test(nor_is_one_without_password_refused_for_waiting),
        cmocka_unit_test(no_password_is_said_by_nothing_or_by_a_zero_byte),
        cmocka_unit_test(the_error_says_who_and_from_where),
        cmocka_unit_test(a_client_without_the_greetings_plugin_is_told_both_ways_out),
        cmocka_unit_test(a_client_without_the_greetings_plugin_logs_in_where_a_section_is),
        cmocka_unit_test(a_proof_by_another_plugin_is_not_looked_at),
        cmocka_unit_test(a_client_that_answers_the_switch_by_something_else_is_told_both_ways_out),
        cmocka_unit_test(a_client_without_plugins_logs_in_where_a_section_is),
        cmocka_unit_test(a_client_without_plugins_is_told_both_ways_out_where_none_is),
        cmocka_unit_test(a_client_without_plugins_is_denied_where_servers_have_no_say),
        cmocka_unit_test(a_client_of_before_4_1_is_told_so),
        cmocka_unit_test(a_tls_request_where_tls_is_not_offered_is_refused),
        cmocka_unit_test(a_tls_request_within_tls_is_refused),
        cmocka_unit_test(a_flag_does_not_make_a_line_safe),
        cmocka_unit_test(the_capabilities_of_both_count),
        cmocka_unit_test(a_clear_password_counts_on_a_safe_line),
        cmocka_unit_test(a_clear_password_on_an_unsafe_line_is_not_looked_at),
        cmocka_unit_test(the_longest_password_is_taken_and_one_byte_more_is_not),
        cmocka_unit_test(a_client_that_has_the_key_need_not_ask_for_it),
        cmocka_unit_test(a_client_may_ask_for_the_key_on_a_safe_line),
        cmocka_unit_test(the_password_of_one_byte_is_no_request_for_the_key),
        cmocka_unit_test(without_a_key_none_is_sent),
        cmocka_unit_test(a_password_without_its_end_is_refused),
        cmocka_unit_test(a_clear_password_is_not_taken_on_an_unsafe_line),
        cmocka_unit_test(what_cannot_be_decrypted_is_a_wrong_password),
        cmocka_unit_test(a_packet_while_the_helper_works_ends_the_login),
        cmocka_unit_test(a_packet_while_a_server_is_asked_ends_the_login),
        cmocka_unit_test(the_error_of_a_wrong_number_comes_under_the_number_after_it),
        cmocka_unit_test(the_caller_may_refuse_before_the_greeting),
        cmocka_unit_test(the_caller_may_refuse_whom_the_login_accepted),
        cmocka_unit_test(the_secret_can_be_taken_out),
        cmocka_unit_test(names_are_taken_up_to_their_longest),
        cmocka_unit_test(a_long_name_is_cut_in_the_error),
        cmocka_unit_test(the_proof_that_comes_with_a_change_of_user_is_not_looked_at),
        cmocka_unit_test(a_change_of_user_goes_on_with_the_sessions_nonce_from_plugin_to_plugin),
        cmocka_unit_test(a_client_without_plugins_changes_its_user_over_the_sessions_nonce),
        cmocka_unit_test(another_command_is_no_change_of_user),
        cmocka_unit_test(whoever_hangs_up_at_the_switch_leaves_a_hint_for_the_operator),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    struct login_key *key = pair_key();
    login_key_unref(&key);
    return failed;
}
