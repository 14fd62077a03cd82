// Both roles against each other: every kind of account, secret and line, as a fresh login and as a
// change of user.
#include "tests/unit/protocol/login/pair.h"

#include "protocol/packet/attribute.h"

#include "tests/lib/cmocka.h"

// --- what there is -------------------------------------------------------------------------------

enum account_kind {
    SECTION,   // its password is known
    ROTATED,   // two passwords are, the right one is the second
    BLANK,     // its password is known to be empty
    HASHED,    // only its native hash is known
    HASHED2,   // passthrough, with a section of which only the native hash is known
    LEARNT,    // passthrough: verified before, by its sha2 hash
    BOTH,      // passthrough, with a section whose password is known
    NEW,       // passthrough: nothing is known
    MISSING,   // there is no such account, and nobody to ask
    NO_PROOFS, // an account that nothing is known of, and nobody to ask
    ACCOUNTS,
};

enum secret_kind { RIGHT, WRONG, EMPTY, RIGHT_SHA1, RIGHT_SHA256, WRONG_SHA1, SECRETS };

#define PASSWORD S("correct horse")

static struct login_account accounts[ACCOUNTS];
static struct secret *secrets[SECRETS];
static uint8_t native_hash[SHA1_SIZE];
static uint8_t sha2_hash[SHA256_SIZE];

static int everything_setup(void **state)
{
    (void)state;
    struct secret *right = secrets[RIGHT] = secret_from_password(PASSWORD);
    struct secret *wrong = secrets[WRONG] = secret_from_password(S("incorrect horse"));
    uint8_t key[SHA256_SIZE];

    secret_sha1(right, key);
    secrets[RIGHT_SHA1] = secret_from_sha1(key);
    secret_sha256(right, key);
    secrets[RIGHT_SHA256] = secret_from_sha256(key);
    secret_sha1(wrong, key);
    secrets[WRONG_SHA1] = secret_from_sha1(key);
    secret_native_hash(right, native_hash);
    secret_sha2_hash(right, sha2_hash);

    accounts[SECTION] = (struct login_account){.password = PASSWORD, .has_password = true};
    accounts[ROTATED] = (struct login_account){.password = S("an older horse"),
                                               .has_password = true,
                                               .password2 = PASSWORD,
                                               .has_password2 = true};
    accounts[BLANK] = (struct login_account){.has_password = true};
    accounts[HASHED] = (struct login_account){.native_hash = native_hash};
    accounts[HASHED2] = (struct login_account){.native_hash = native_hash, .server_decides = true};
    accounts[LEARNT] = (struct login_account){.sha2_hash = sha2_hash, .server_decides = true};
    accounts[BOTH] =
        (struct login_account){.password = PASSWORD, .has_password = true, .server_decides = true};
    accounts[NEW] = (struct login_account){.server_decides = true};
    return 0;
}

static int everything_teardown(void **state)
{
    (void)state;
    for (int i = 0; i < SECRETS; i++) {
        secret_unref(&secrets[i]);
    }
    struct login_key *key = pair_key();
    login_key_unref(&key);
    return 0;
}

// --- what has to come of it ----------------------------------------------------------------------

enum outcome {
    FAST,     // by a proof; the account's password is known
    BY_SHA1,  // by a native proof, which shows SHA1(pw)
    BY_SHA2,  // by a fast proof, which shows SHA256(pw)
    NO_PROOF, // by an empty password
    FULL,     // the password was sent, and is the account's
    ASKED,    // the password was sent, and a server took it
    DENIED,   // 1045 by sluice, after a proof
    FULL_NO,  // 1045 by sluice, after the password was sent
    REJECTED, // 1045 by the server that was asked
    GIVEN_UP, // the client's side has not the secret that is asked for
};

static const char *const outcome_names[] = {"accepted by proof",
                                            "accepted by SHA1",
                                            "accepted by SHA256",
                                            "accepted without password",
                                            "accepted by full exchange",
                                            "accepted by a server",
                                            "denied",
                                            "denied after full exchange",
                                            "rejected by a server",
                                            "given up"};

// Plain line, Unix socket, TLS.
static const enum outcome expected[ACCOUNTS][SECRETS][LINES] = {
    [SECTION] = {[RIGHT] = {FAST, FAST, FAST},
                 [WRONG] = {DENIED, DENIED, DENIED},
                 [EMPTY] = {DENIED, DENIED, DENIED},
                 [RIGHT_SHA1] = {FAST, FAST, FAST},
                 [RIGHT_SHA256] = {FAST, FAST, FAST},
                 [WRONG_SHA1] = {DENIED, DENIED, DENIED}},
    [ROTATED] = {[RIGHT] = {FAST, FAST, FAST},
                 [WRONG] = {DENIED, DENIED, DENIED},
                 [EMPTY] = {DENIED, DENIED, DENIED},
                 [RIGHT_SHA1] = {FAST, FAST, FAST},
                 [RIGHT_SHA256] = {FAST, FAST, FAST},
                 [WRONG_SHA1] = {DENIED, DENIED, DENIED}},
    [BLANK] = {[RIGHT] = {DENIED, DENIED, DENIED},
               [WRONG] = {DENIED, DENIED, DENIED},
               [EMPTY] = {NO_PROOF, NO_PROOF, NO_PROOF},
               [RIGHT_SHA1] = {DENIED, DENIED, DENIED},
               [RIGHT_SHA256] = {DENIED, DENIED, DENIED},
               [WRONG_SHA1] = {DENIED, DENIED, DENIED}},
    [HASHED] = {[RIGHT] = {BY_SHA1, FULL, FULL},
                [WRONG] = {DENIED, FULL_NO, FULL_NO},
                [EMPTY] = {DENIED, DENIED, DENIED},
                [RIGHT_SHA1] = {BY_SHA1, BY_SHA1, BY_SHA1},
                [RIGHT_SHA256] = {GIVEN_UP, GIVEN_UP, GIVEN_UP},
                [WRONG_SHA1] = {DENIED, DENIED, DENIED}},
    [HASHED2] = {[RIGHT] = {BY_SHA1, FULL, FULL},
                 [WRONG] = {REJECTED, REJECTED, REJECTED},
                 [EMPTY] = {REJECTED, REJECTED, REJECTED},
                 [RIGHT_SHA1] = {BY_SHA1, BY_SHA1, BY_SHA1},
                 [RIGHT_SHA256] = {GIVEN_UP, GIVEN_UP, GIVEN_UP},
                 [WRONG_SHA1] = {GIVEN_UP, GIVEN_UP, GIVEN_UP}},
    [LEARNT] = {[RIGHT] = {BY_SHA2, BY_SHA2, BY_SHA2},
                [WRONG] = {REJECTED, REJECTED, REJECTED},
                [EMPTY] = {REJECTED, REJECTED, REJECTED},
                [RIGHT_SHA1] = {GIVEN_UP, GIVEN_UP, GIVEN_UP},
                [RIGHT_SHA256] = {BY_SHA2, BY_SHA2, BY_SHA2},
                [WRONG_SHA1] = {GIVEN_UP, GIVEN_UP, GIVEN_UP}},
    [BOTH] = {[RIGHT] = {FAST, FAST, FAST},
              [WRONG] = {REJECTED, REJECTED, REJECTED},
              [EMPTY] = {REJECTED, REJECTED, REJECTED},
              [RIGHT_SHA1] = {FAST, FAST, FAST},
              [RIGHT_SHA256] = {FAST, FAST, FAST},
              [WRONG_SHA1] = {GIVEN_UP, GIVEN_UP, GIVEN_UP}},
    [NEW] = {[RIGHT] = {ASKED, ASKED, ASKED},
             [WRONG] = {REJECTED, REJECTED, REJECTED},
             [EMPTY] = {REJECTED, REJECTED, REJECTED},
             [RIGHT_SHA1] = {GIVEN_UP, GIVEN_UP, GIVEN_UP},
             [RIGHT_SHA256] = {GIVEN_UP, GIVEN_UP, GIVEN_UP},
             [WRONG_SHA1] = {GIVEN_UP, GIVEN_UP, GIVEN_UP}},
    [MISSING] = {[RIGHT] = {DENIED, DENIED, DENIED},
                 [WRONG] = {DENIED, DENIED, DENIED},
                 [EMPTY] = {DENIED, DENIED, DENIED},
                 [RIGHT_SHA1] = {DENIED, DENIED, DENIED},
                 [RIGHT_SHA256] = {DENIED, DENIED, DENIED},
                 [WRONG_SHA1] = {DENIED, DENIED, DENIED}},
    [NO_PROOFS] = {[RIGHT] = {FULL_NO, FULL_NO, FULL_NO},
                   [WRONG] = {FULL_NO, FULL_NO, FULL_NO},
                   [EMPTY] = {DENIED, DENIED, DENIED},
                   [RIGHT_SHA1] = {GIVEN_UP, GIVEN_UP, GIVEN_UP},
                   [RIGHT_SHA256] = {GIVEN_UP, GIVEN_UP, GIVEN_UP},
                   [WRONG_SHA1] = {GIVEN_UP, GIVEN_UP, GIVEN_UP}},
};

// Set by the tamper hook, which changes nothing here: the client sent its password, in any form.
static bool password_was_sent;

static enum outcome outcome_of_accepted(const struct pair *pair)
{
    uint8_t hash[SHA256_SIZE];

    if (pair->questions > 0) {
        return ASKED;
    }
    if (secret_is_empty(pair->shown)) {
        return NO_PROOF;
    }
    if (!secret_has_password(pair->shown)) {
        return secret_sha1(pair->shown, hash) ? BY_SHA1 : BY_SHA2;
    }
    return password_was_sent ? FULL : FAST;
}

static enum outcome outcome_of_refused(const struct pair *pair)
{
    const struct refusal *refusal = login_client_refusal(&pair->client);

    if (refusal->cause != REFUSAL_BY_SERVER) {
        assert_int_equal(refusal->cause, REFUSAL_SERVER_NEEDS_PASSWORD);
        return GIVEN_UP;
    }
    assert_int_equal(refusal->code, 1045);
    assert_string_equal(refusal->sqlstate, "28000");
    assert_string_equal(refusal->text, login_server_refusal(&pair->server)->text);
    if (login_server_refusal(&pair->server)->cause == REFUSAL_BY_CALLER) {
        return REJECTED;
    }
    assert_int_equal(login_server_refusal(&pair->server)->cause, REFUSAL_ACCESS_DENIED);
    return password_was_sent ? FULL_NO : DENIED;
}

static void watch(struct pair *pair, bool from_client, struct slice *payload, uint8_t *sequence)
{
    (void)sequence;
    if (from_client &&
        (pair->server.state == LOGIN_SERVER_PASSWORD || pair->server.state == LOGIN_SERVER_KEY)) {
        password_was_sent = true;
    }
    bool is_plain = !pair->client.peer.is_secure;
    if (from_client && is_plain) {
        assert_int_equal(slice_find_slice(*payload, PASSWORD), payload->len);
    }
}

static enum outcome outcome_of(const struct pair *pair)
{
    return pair_is_accepted(pair) ? outcome_of_accepted(pair) : outcome_of_refused(pair);
}

static void pair_prepare(struct pair *pair, enum account_kind account, enum secret_kind secret,
                         enum line line)
{
    pair_init(pair, line);
    pair->found = account == MISSING ? NULL : &accounts[account];
    pair->truth = PASSWORD;
    pair->client_options.secret = secrets[secret];
    pair->tamper = watch;
    password_was_sent = false;
}

static void pair_assert(struct pair *pair, enum account_kind account, enum secret_kind secret,
                        enum line line)
{
    enum outcome outcome = outcome_of(pair);

    if (outcome != expected[account][secret][line]) {
        print_error("account %d, secret %d, line %d: %s, expected %s; client: %s server: %s\n",
                    account, secret, line, outcome_names[outcome],
                    outcome_names[expected[account][secret][line]], pair->client.refusal.text,
                    pair->server.refusal.text);
        fail();
    }
    bool is_full = outcome == FULL || outcome == FULL_NO || outcome == ASKED ||
                   (outcome == REJECTED && secret != EMPTY);
    assert_int_equal(password_was_sent, is_full);
    assert_int_equal(pair->decryptions, is_full && line == LINE_PLAIN ? 1 : 0);
    assert_int_equal(pair->questions, outcome == ASKED || outcome == REJECTED ? 1 : 0);
}

// --- the tests -----------------------------------------------------------------------------------

static void every_login_ends_as_the_table_says(void **state)
{
    (void)state;
    for (int account = 0; account < ACCOUNTS; account++) {
        for (int secret = 0; secret < SECRETS; secret++) {
            for (int line = 0; line < LINES; line++) {
                struct pair pair;
                pair_prepare(&pair, account, secret, line);
                pair_login(&pair);
                pair_assert(&pair, account, secret, line);
                pair_release(&pair);
            }
        }
    }
}

// The session's first login, which leaves what the change of user starts from.
static struct login_peer first_login(enum line line)
{
    struct pair pair;

    pair_prepare(&pair, SECTION, RIGHT, line);
    pair_login(&pair);
    assert_true(pair_is_accepted(&pair));
    struct login_peer peer = *login_client_peer(&pair.client);
    pair_release(&pair);
    return peer;
}

static void every_change_of_user_ends_as_the_table_says(void **state)
{
    (void)state;
    for (int line = 0; line < LINES; line++) {
        struct login_peer peer = first_login(line);
        for (int account = 0; account < ACCOUNTS; account++) {
            for (int secret = 0; secret < SECRETS; secret++) {
                struct pair pair;
                pair_prepare(&pair, account, secret, line);
                pair_change_user(&pair, &peer);
                pair_assert(&pair, account, secret, line);
                pair_release(&pair);
            }
        }
    }
}

static void both_sides_agree_on_what_was_negotiated(void **state)
{
    (void)state;
    for (int line = 0; line < LINES; line++) {
        struct pair pair;
        pair_prepare(&pair, SECTION, RIGHT, line);
        pair_login(&pair);
        const struct login_request *request = login_server_request(&pair.server);
        const struct login_peer *peer = login_client_peer(&pair.client);

        assert_true(slice_equal(request->user, S("app")));
        assert_true(slice_equal(request->schema, S("shop")));
        assert_int_equal(request->collation, 45);
        assert_int_equal(request->max_packet, 1 << 24);
        assert_int_equal(request->plugin, AUTH_PLUGIN_SHA2);
        assert_int_equal(request->is_tls, line == LINE_TLS);
        assert_int_equal(request->is_secure, line != LINE_PLAIN);
        assert_int_equal(peer->is_tls, line == LINE_TLS);
        assert_int_equal(peer->is_secure, line != LINE_PLAIN);
        assert_true(request->capabilities == peer->capabilities);
        assert_string_equal(peer->version, "8.0.36-sluice");
        assert_false(peer->is_mariadb);
        assert_int_equal(peer->connection_id, 7);
        assert_int_equal(peer->status, STATUS_AUTOCOMMIT);
        struct reader pairs = reader_make(request->attributes);
        struct attribute attribute;
        assert_true(attribute_next(&pairs, &attribute));
        assert_true(slice_equal(attribute.name, S("program_name")));
        assert_true(slice_equal(attribute.value, S("sluice")));
        assert_false(attribute_next(&pairs, &attribute));
        pair_release(&pair);
    }
}

static void a_change_of_user_says_who_and_where(void **state)
{
    (void)state;
    struct login_peer peer = first_login(LINE_TLS);
    struct pair pair;

    pair_prepare(&pair, SECTION, RIGHT, LINE_TLS);
    pair.client_options.user = S("other");
    pair.client_options.schema = SLICE_NONE;
    pair.client_options.collation = 33;
    pair_change_user(&pair, &peer);
    assert_true(pair_is_accepted(&pair));
    const struct login_request *request = login_server_request(&pair.server);
    assert_true(slice_equal(request->user, S("other")));
    assert_int_equal(request->schema.len, 0);
    assert_int_equal(request->collation, 33);
    assert_true(request->is_tls && request->is_secure);
    assert_true(request->capabilities == peer.capabilities);
    pair_release(&pair);
}

// What the first login left is enough for a second change after the first.
static void users_change_again_and_again(void **state)
{
    (void)state;
    struct login_peer peer = first_login(LINE_PLAIN);

    for (int i = 0; i < 3; i++) {
        struct pair pair;
        pair_prepare(&pair, i % 2 == 0 ? HASHED : LEARNT, RIGHT, LINE_PLAIN);
        pair_change_user(&pair, &peer);
        assert_true(pair_is_accepted(&pair));
        peer = *login_client_peer(&pair.client);
        pair_release(&pair);
    }
}

// Without a key pair a login over a plain line can't be told the password safely.
static void without_a_key_the_full_exchange_needs_a_safe_line(void **state)
{
    (void)state;
    for (int line = 0; line < LINES; line++) {
        struct pair pair;
        pair_prepare(&pair, NEW, RIGHT, line);
        pair.server_options.key = NULL;
        pair_login(&pair);
        assert_int_equal(pair_is_accepted(&pair), line != LINE_PLAIN);
        if (line == LINE_PLAIN) {
            assert_int_equal(login_client_refusal(&pair.client)->code, 3159);
            assert_int_equal(login_server_refusal(&pair.server)->cause, REFUSAL_UNSAFE_LINE);
        }
        assert_int_equal(pair.decryptions, 0);
        pair_release(&pair);
    }
}

static void required_tls_is_asked_for_before_any_look_up(void **state)
{
    (void)state;
    struct pair pair;

    pair_prepare(&pair, SECTION, RIGHT, LINE_TLS);
    pair.server_options.requires_tls = true;
    pair.client_options.tls = LOGIN_CLIENT_TLS_DISABLED;
    pair_login(&pair);
    assert_int_equal(login_client_refusal(&pair.client)->code, 3159);
    assert_int_equal(login_server_refusal(&pair.server)->cause, REFUSAL_TLS_REQUIRED);
    assert_int_equal(pair.packets, 3);
    pair_release(&pair);

    for (int line = LINE_SOCKET; line <= LINE_TLS; line++) {
        pair_prepare(&pair, SECTION, RIGHT, line);
        pair.server_options.requires_tls = true;
        pair_login(&pair);
        assert_true(pair_is_accepted(&pair));
        pair_release(&pair);
    }
}

static void preferred_tls_goes_without_where_it_is_not_offered(void **state)
{
    (void)state;
    for (int offered = 0; offered < 2; offered++) {
        struct pair pair;
        pair_prepare(&pair, SECTION, RIGHT, offered ? LINE_TLS : LINE_PLAIN);
        pair.client_options.tls = LOGIN_CLIENT_TLS_PREFERRED;
        pair_login(&pair);
        assert_true(pair_is_accepted(&pair));
        assert_int_equal(login_client_peer(&pair.client)->is_tls, offered);
        pair_release(&pair);
    }
}

// Who is refused knows no more of an account that is there than of one that is not.
static void a_wrong_password_and_an_unknown_user_look_the_same(void **state)
{
    (void)state;
    for (int secret = 0; secret < SECRETS; secret++) {
        for (int line = 0; line < LINES; line++) {
            struct login_account account = {.password = S("another"), .has_password = true};
            struct pair known, unknown;
            pair_prepare(&known, SECTION, secret, line);
            known.found = &account;
            pair_login(&known);
            pair_prepare(&unknown, MISSING, secret, line);
            pair_login(&unknown);
            assert_int_equal(known.packets, unknown.packets);
            assert_int_equal(known.client.sequence, unknown.client.sequence);
            assert_string_equal(known.client.refusal.text, unknown.client.refusal.text);
            assert_int_equal(known.client.refusal.code, unknown.client.refusal.code);
            pair_release(&known);
            pair_release(&unknown);
        }
    }
}

// --- packets cut short, out of order, too long ---------------------------------------------------

// One login of each course, so that every packet of either role is in one of them.
static const struct course {
    enum account_kind account;
    enum secret_kind secret;
    enum line line;
    bool is_change;
} courses[] = {
    {SECTION, RIGHT, LINE_PLAIN, false}, // fast
    {SECTION, WRONG, LINE_PLAIN, false}, // an error
    {HASHED, RIGHT, LINE_PLAIN, false},  // auth switch
    {NEW, RIGHT, LINE_PLAIN, false},     // RSA
    {NEW, RIGHT, LINE_TLS, false},       // TLS request, password
    {NEW, RIGHT, LINE_PLAIN, true},      // COM_CHANGE_USER
};

enum { COURSES = sizeof(courses) / sizeof(courses[0]) };

// What is done to one packet of a course, counted from 0 over both directions.
static struct {
    int packet;
    size_t len;     // cut to this; SIZE_MAX: left whole
    int shift;      // added to the sequence id
    bool is_longer; // made longer than any packet may be
} blow;

// What that packet was.
static struct {
    bool came;
    bool from_client;
    size_t len;
    uint8_t first;
    size_t names_end; // behind the schema's name, or 0
} hit;

// What is delivered in its place, of just this size, so that a read past the end is found.
static char *blown;

static void strike(struct pair *pair, bool from_client, struct slice *payload, uint8_t *sequence)
{
    if (pair->packets != blow.packet) {
        return;
    }
    size_t schema = slice_find_slice(*payload, slice_make("shop", 5));
    hit.came = true;
    hit.from_client = from_client;
    hit.len = payload->len;
    hit.first = payload->len > 0 ? (uint8_t)payload->ptr[0] : 0;
    hit.names_end = schema < payload->len ? schema + 5 : 0;
    *sequence = (uint8_t)(*sequence + blow.shift);
    size_t len = blow.is_longer            ? LOGIN_PACKET_MAX + 1
                 : blow.len < payload->len ? blow.len
                                           : payload->len;
    blown = calloc(1, len > 0 ? len : 1);
    if (payload->len > 0) {
        memcpy(blown, payload->ptr, len < payload->len ? len : payload->len);
    }
    *payload = slice_make(blown, len);
}

static void course_run(struct pair *pair, const struct course *course)
{
    struct login_peer peer;

    if (course->is_change) {
        peer = first_login(course->line);
    }
    pair_prepare(pair, course->account, course->secret, course->line);
    pair->tamper = strike;
    hit.came = false;
    if (course->is_change) {
        pair_change_user(pair, &peer);
    } else {
        pair_login(pair);
    }
    free(blown);
    blown = NULL;
}

static bool pair_is_refused(const struct pair *pair)
{
    return pair->client_verb == LOGIN_REFUSED || pair->server_verb == LOGIN_REFUSED;
}

// The fields that a peer may leave out at a packet's end, as real ones do.
static bool may_be_accepted(size_t len)
{
    if (hit.from_client) {
        return hit.names_end > 0 && len >= hit.names_end;
    }
    switch (hit.first) {
    case OK_HEADER:
        return len >= 7; // no message
    case 0xFE:
        return len == hit.len - 1; // an auth switch without the zero byte behind the nonce
    case 0x01:
        return len > 2 && len == hit.len - 1; // a public key without its last newline
    default:
        return false;
    }
}

static void a_packet_cut_anywhere_ends_the_login_cleanly(void **state)
{
    (void)state;
    int packets_cut = 0;

    for (size_t i = 0; i < COURSES; i++) {
        for (blow.packet = 0;; blow.packet++) {
            struct pair pair;
            blow.len = SIZE_MAX;
            course_run(&pair, &courses[i]);
            pair_release(&pair);
            if (!hit.came) {
                break;
            }
            packets_cut++;
            size_t whole = hit.len;
            for (blow.len = 0; blow.len < whole; blow.len++) {
                course_run(&pair, &courses[i]);
                bool is_accepted = pair_is_accepted(&pair);
                if (is_accepted ? !may_be_accepted(blow.len) : !pair_is_refused(&pair)) {
                    print_error("course %zu, packet %d cut to %zu of %zu: %s\n", i, blow.packet,
                                blow.len, whole, is_accepted ? "accepted" : "stands still");
                    fail();
                }
                pair_release(&pair);
            }
        }
    }
    assert_in_range(packets_cut, 30, 50);
}

static void a_packet_out_of_order_is_refused(void **state)
{
    (void)state;
    static const int shifts[] = {1, -1, 128};

    blow.len = SIZE_MAX;
    for (size_t i = 0; i < COURSES; i++) {
        for (size_t k = 0; k < sizeof(shifts) / sizeof(shifts[0]); k++) {
            blow.shift = shifts[k];
            for (blow.packet = 0;; blow.packet++) {
                struct pair pair;
                course_run(&pair, &courses[i]);
                if (!hit.came) {
                    pair_release(&pair);
                    break;
                }
                if (hit.from_client) {
                    assert_int_equal(login_server_refusal(&pair.server)->cause,
                                     REFUSAL_CLIENT_ORDER);
                    assert_int_equal(login_server_refusal(&pair.server)->code, 1156);
                } else {
                    assert_int_equal(login_client_refusal(&pair.client)->cause,
                                     REFUSAL_SERVER_ORDER);
                }
                pair_release(&pair);
            }
        }
    }
    blow.shift = 0;
}

static void a_packet_longer_than_any_may_be_is_refused(void **state)
{
    (void)state;
    blow.len = SIZE_MAX;
    blow.is_longer = true;
    for (size_t i = 0; i < COURSES; i++) {
        for (blow.packet = 0;; blow.packet++) {
            struct pair pair;
            course_run(&pair, &courses[i]);
            if (!hit.came) {
                pair_release(&pair);
                break;
            }
            if (hit.from_client) {
                assert_int_equal(login_server_refusal(&pair.server)->cause,
                                 REFUSAL_CLIENT_TOO_LONG);
                if (pair.client_verb == LOGIN_REFUSED) { // else it waits for TLS
                    assert_int_equal(login_client_refusal(&pair.client)->code, 1153);
                }
            } else {
                assert_int_equal(login_client_refusal(&pair.client)->cause,
                                 REFUSAL_SERVER_MALFORMED);
            }
            pair_release(&pair);
        }
    }
    blow.is_longer = false;
}

// A client or server may go away at any packet. What is left behind, the sanitizer finds.
static void a_login_that_stops_anywhere_leaves_nothing_behind(void **state)
{
    (void)state;
    blow.packet = -1;
    for (size_t i = 0; i < COURSES; i++) {
        for (int packets = 1; packets < 10; packets++) {
            struct pair pair;
            pair_prepare(&pair, courses[i].account, courses[i].secret, courses[i].line);
            pair.stop_after = packets;
            pair_login(&pair);
            assert_true(pair.packets <= packets);
            assert_true(login_server_state_text(&pair.server).len > 0);
            assert_true(login_client_state_text(&pair.client).len > 0);
            pair_release(&pair);
            assert_null(pair.server.out.data);
            assert_null(pair.client.out.data);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_login_ends_as_the_table_says),
        cmocka_unit_test(every_change_of_user_ends_as_the_table_says),
        cmocka_unit_test(both_sides_agree_on_what_was_negotiated),
        cmocka_unit_test(a_change_of_user_says_who_and_where),
        cmocka_unit_test(users_change_again_and_again),
        cmocka_unit_test(without_a_key_the_full_exchange_needs_a_safe_line),
        cmocka_unit_test(required_tls_is_asked_for_before_any_look_up),
        cmocka_unit_test(preferred_tls_goes_without_where_it_is_not_offered),
        cmocka_unit_test(a_wrong_password_and_an_unknown_user_look_the_same),
        cmocka_unit_test(a_packet_cut_anywhere_ends_the_login_cleanly),
        cmocka_unit_test(a_packet_out_of_order_is_refused),
        cmocka_unit_test(a_packet_longer_than_any_may_be_is_refused),
        cmocka_unit_test(a_login_that_stops_anywhere_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, everything_setup, everything_teardown);
}
