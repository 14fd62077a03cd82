// The packets that open a connection: handshake, response, auth switch, change of user.
#include "protocol/packet/handshake.h"

#include "protocol/packet/auth_switch.h"
#include "protocol/packet/change_user.h"
#include "protocol/packet/handshake_response.h"
#include "protocol/packet/status.h"

#include "tests/lib/cmocka.h"
#include "tests/unit/protocol/bytes.h"

static const char *const MARIADB_HANDSHAKE =
    "0a352e352e352d31302e31312e31392d4d6172696144422d302b64656231327531000300000063262e5645372244"
    "00fef7080200ff81150000000000001d000000712e2d3667282c45555e587d006d7973716c5f6e61746976655f70"
    "617373776f726400";

static void mariadb_hides_its_capabilities_behind_a_prefix(void **state)
{
    (void)state;
    struct slice payload = bytes_from_hex(MARIADB_HANDSHAKE);
    struct handshake handshake;
    assert_true(handshake_decode(&handshake, payload));
    assert_true(handshake.has_prefix);
    assert_true(slice_equal(handshake.server_version, S("10.11.19-MariaDB-0+deb12u1")));
    assert_true(handshake_is_mariadb(&handshake));
    assert_int_equal(handshake.connection_id, 3);
    assert_true((handshake.capabilities & CAPABILITIES_MYSQL) == 0x81fff7fe);
    assert_true((handshake.capabilities & CAPABILITIES_EXTENDED) ==
                (CAPABILITY_MARIADB_PROGRESS | CAPABILITY_MARIADB_BULK |
                 CAPABILITY_MARIADB_EXTENDED_TYPES | CAPABILITY_MARIADB_CACHE_METADATA));
    assert_int_equal(handshake.collation, 8);
    assert_int_equal(handshake.status, STATUS_AUTOCOMMIT);
    assert_true(slice_equal(handshake.plugin, S("mysql_native_password")));
    assert_int_equal(handshake.nonce_len, HANDSHAKE_NONCE_SIZE);
    assert_memory_equal(handshake.nonce, "c&.VE7\"Dq.-6g(,EU^X}", HANDSHAKE_NONCE_SIZE);
    bytes_free(payload);
}

static struct handshake our_handshake(void)
{
    struct handshake handshake = {
        .server_version = S("8.4.0"),
        .connection_id = 0x01020304,
        .capabilities = CAPABILITIES_OFFERED,
        .collation = 45,
        .status = STATUS_AUTOCOMMIT,
        .plugin = S("caching_sha2_password"),
        .nonce_len = HANDSHAKE_NONCE_SIZE,
    };
    memcpy(handshake.nonce, "abcdefghijklmnopqrst", HANDSHAKE_NONCE_SIZE);
    return handshake;
}

static bool handshake_through(const struct handshake *in, struct handshake *out, struct buffer *buf)
{
    struct writer writer = writer_make(buf, 0);
    handshake_encode(in, &writer);
    return !writer_is_failed(&writer) && handshake_decode(out, buffer_slice(buf));
}

static void mysql_has_no_extended_capabilities(void **state)
{
    (void)state;
    struct handshake ours = our_handshake();
    struct handshake theirs;
    struct buffer buf = BUFFER_INIT;
    assert_true(handshake_through(&ours, &theirs, &buf));
    assert_false(handshake_is_mariadb(&theirs));
    assert_false(theirs.has_prefix);
    assert_true(theirs.capabilities == CAPABILITIES_OFFERED);
    assert_memory_equal(theirs.nonce, ours.nonce, HANDSHAKE_NONCE_SIZE);
    buffer_release(&buf);
}

// Without it, a client would not look for them.
static void extended_capabilities_turn_long_password_off(void **state)
{
    (void)state;
    struct handshake ours = our_handshake();
    struct handshake theirs;
    struct buffer buf = BUFFER_INIT;
    ours.capabilities |= CAPABILITY_MARIADB_EXTENDED_TYPES | CAPABILITY_LONG_PASSWORD;
    assert_true(handshake_through(&ours, &theirs, &buf));
    assert_true(capability_has(theirs.capabilities, CAPABILITY_MARIADB_EXTENDED_TYPES));
    assert_false(capability_has(theirs.capabilities, CAPABILITY_LONG_PASSWORD));
    assert_true(handshake_is_mariadb(&theirs));
    buffer_release(&buf);
}

static void nonces_of_any_length_that_the_field_holds(void **state)
{
    (void)state;
    static const uint8_t LENGTHS[] = {20, 21, 32, 253, 254};
    for (size_t i = 0; i < sizeof(LENGTHS); i++) {
        struct handshake ours = our_handshake();
        struct handshake theirs;
        struct buffer buf = BUFFER_INIT;
        ours.nonce_len = LENGTHS[i];
        memset(ours.nonce, 'n', LENGTHS[i]);
        ours.nonce[LENGTHS[i] - 1] = 'z';
        assert_true(handshake_through(&ours, &theirs, &buf));
        assert_int_equal(theirs.nonce_len, LENGTHS[i]);
        assert_memory_equal(theirs.nonce, ours.nonce, LENGTHS[i]);
        buffer_release(&buf);
    }
    struct handshake ours = our_handshake();
    struct handshake theirs;
    struct buffer buf = BUFFER_INIT;
    ours.nonce_len = HANDSHAKE_NONCE_SIZE - 1;
    assert_false(handshake_through(&ours, &theirs, &buf));
    buffer_release(&buf);
}

// The length that it declares means nothing then; old servers leave it zero.
static void a_handshake_without_a_plugin_has_a_nonce_of_20_bytes(void **state)
{
    (void)state;
    struct handshake ours = our_handshake();
    struct handshake theirs;
    struct buffer buf = BUFFER_INIT;
    ours.capabilities &= ~(uint64_t)CAPABILITY_PLUGIN_AUTH;
    assert_true(handshake_through(&ours, &theirs, &buf));
    assert_int_equal(theirs.nonce_len, HANDSHAKE_NONCE_SIZE);
    assert_int_equal(theirs.plugin.len, 0);
    // Behind version, id, first part, filler, flags, collation and status.
    uint8_t *declared = buffer_ptr(&buf) + 1 + 6 + 4 + 8 + 1 + 2 + 1 + 2 + 2;
    assert_int_equal(*declared, 0);
    *declared = 40;
    buffer_append(&buf, "more bytes than are read for a nonce", 36);
    assert_true(handshake_decode(&theirs, buffer_slice(&buf)));
    assert_int_equal(theirs.nonce_len, HANDSHAKE_NONCE_SIZE);
    buffer_release(&buf);
}

static void old_protocols_are_refused(void **state)
{
    (void)state;
    struct handshake handshake;
    struct slice payload = bytes_from_hex(MARIADB_HANDSHAKE);
    ((uint8_t *)payload.ptr)[0] = 9;
    assert_false(handshake_decode(&handshake, payload));
    ((uint8_t *)payload.ptr)[0] = HANDSHAKE_VERSION;
    ((uint8_t *)payload.ptr)[48] = 0xf5; // PROTOCOL_41 is among these flags
    assert_false(handshake_decode(&handshake, payload));
    bytes_free(payload);
}

// --- the client's answer -----------------------------------------------------------------------

static struct handshake_response our_response(void)
{
    return (struct handshake_response){
        .capabilities = CAPABILITIES_ASKED | CAPABILITY_CONNECT_WITH_DB,
        .max_packet = 1 << 24,
        .collation = 45,
        .user = S("app"),
        .auth_data = S("proof"),
        .schema = S("shop"),
        .plugin = S("caching_sha2_password"),
        .attributes = S("\4_pid\1\x37"),
    };
}

static bool response_through(const struct handshake_response *in, struct handshake_response *out,
                             struct buffer *buf)
{
    struct writer writer = writer_make(buf, 0);
    handshake_response_encode(in, &writer);
    return !writer_is_failed(&writer) &&
           handshake_response_decode(out, buffer_slice(buf), ~UINT64_C(0));
}

static void a_response_has_the_fields_that_its_capabilities_name(void **state)
{
    (void)state;
    struct handshake_response ours = our_response();
    struct handshake_response theirs;
    struct buffer buf = BUFFER_INIT;
    assert_true(response_through(&ours, &theirs, &buf));
    assert_true(slice_equal(theirs.user, S("app")));
    assert_true(slice_equal(theirs.auth_data, S("proof")));
    assert_true(slice_equal(theirs.schema, S("shop")));
    assert_true(slice_equal(theirs.plugin, S("caching_sha2_password")));
    assert_int_equal(theirs.max_packet, 1 << 24);
    assert_int_equal(theirs.collation, 45);
    assert_false(theirs.is_tls_request);

    struct reader pairs = reader_make(theirs.attributes);
    struct attribute attribute;
    assert_true(attribute_next(&pairs, &attribute));
    assert_true(slice_equal(attribute.name, S("_pid")));
    assert_true(slice_equal(attribute.value, S("7")));
    assert_false(attribute_next(&pairs, &attribute));
    assert_true(reader_is_done(&pairs));

    buffer_clear(&buf);
    ours.capabilities = CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION;
    assert_true(response_through(&ours, &theirs, &buf));
    assert_int_equal(theirs.schema.len + theirs.plugin.len + theirs.attributes.len, 0);
    assert_true(slice_equal(theirs.auth_data, S("proof")));
    buffer_release(&buf);
}

static void a_client_cannot_name_fields_that_were_not_offered(void **state)
{
    (void)state;
    struct handshake_response ours = our_response();
    struct handshake_response theirs;
    struct buffer buf = BUFFER_INIT;
    struct writer writer = writer_make(&buf, 0);
    ours.capabilities &= ~(uint64_t)(CAPABILITY_CONNECT_ATTRS | CAPABILITIES_EXTENDED);
    handshake_response_encode(&ours, &writer);
    // Says that it has attributes, to a server that did not offer them: what follows is not read.
    buffer_ptr(&buf)[2] |= (uint8_t)(CAPABILITY_CONNECT_ATTRS >> 16);
    buffer_append(&buf, "\xff\xff", 2);
    assert_true(handshake_response_decode(&theirs, buffer_slice(&buf), ours.capabilities));
    assert_true(theirs.capabilities == ours.capabilities);
    assert_int_equal(theirs.attributes.len, 0);
    assert_false(handshake_response_decode(&theirs, buffer_slice(&buf), ~UINT64_C(0)));
    buffer_release(&buf);
}

static void auth_data_is_as_long_as_its_length_can_say(void **state)
{
    (void)state;
    char proof[300];
    memset(proof, 'p', sizeof(proof));
    struct handshake_response ours = our_response();
    struct handshake_response theirs;
    struct buffer buf = BUFFER_INIT;
    ours.auth_data = slice_make(proof, sizeof(proof));
    assert_true(response_through(&ours, &theirs, &buf));
    assert_int_equal(theirs.auth_data.len, sizeof(proof));

    buffer_clear(&buf);
    ours.capabilities &= ~(uint64_t)CAPABILITY_PLUGIN_AUTH_LENENC_DATA;
    assert_false(response_through(&ours, &theirs, &buf));
    buffer_clear(&buf);
    ours.auth_data.len = 255;
    assert_true(response_through(&ours, &theirs, &buf));
    assert_int_equal(theirs.auth_data.len, 255);
    buffer_release(&buf);
}

static void a_tls_request_is_the_head_alone(void **state)
{
    (void)state;
    struct handshake_response ours = our_response();
    struct handshake_response theirs;
    struct buffer buf = BUFFER_INIT;
    ours.capabilities |= CAPABILITY_SSL;
    ours.is_tls_request = true;
    assert_true(response_through(&ours, &theirs, &buf));
    assert_int_equal(buffer_len(&buf), HANDSHAKE_RESPONSE_TLS_SIZE);
    assert_true(theirs.is_tls_request);
    assert_int_equal(theirs.max_packet, 1 << 24);

    // The whole one, which follows inside TLS, has the flag still.
    buffer_clear(&buf);
    ours.is_tls_request = false;
    assert_true(response_through(&ours, &theirs, &buf));
    assert_false(theirs.is_tls_request);
    assert_true(slice_equal(theirs.user, S("app")));

    // Without it, so short a packet is none.
    buffer_truncate(&buf, HANDSHAKE_RESPONSE_TLS_SIZE);
    assert_false(handshake_response_decode(&theirs, buffer_slice(&buf), ~(uint64_t)CAPABILITY_SSL));
    buffer_release(&buf);
}

static void attributes_are_limited_to_64_kib(void **state)
{
    (void)state;
    static const struct {
        size_t value_len;
        bool is_taken;
    } CASES[] = {{ATTRIBUTES_MAX - 5, true}, {ATTRIBUTES_MAX - 4, false}};
    for (size_t i = 0; i < 2; i++) {
        struct buffer value = BUFFER_INIT;
        struct buffer pairs = BUFFER_INIT;
        struct buffer buf = BUFFER_INIT;
        struct writer values = writer_make(&value, 0);
        struct writer writer = writer_make(&pairs, 0);
        writer_fill(&values, 'v', CASES[i].value_len);
        // One byte of name with its length, three of the value's length.
        struct attribute attribute = {.name = S("n"), .value = buffer_slice(&value)};
        attribute_encode(&attribute, &writer);
        struct handshake_response ours = our_response();
        struct handshake_response theirs;
        ours.attributes = buffer_slice(&pairs);
        assert_int_equal(response_through(&ours, &theirs, &buf), CASES[i].is_taken);
        buffer_release(&value);
        buffer_release(&pairs);
        buffer_release(&buf);
    }
}

static void attributes_that_do_not_end_with_a_pair_are_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {"0161", "01610262", "fb", "0161ff", "0161 0162 01"};
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct handshake_response ours = our_response();
        struct handshake_response theirs;
        struct buffer buf = BUFFER_INIT;
        ours.attributes = bytes_from_hex(BAD[i]);
        assert_false(response_through(&ours, &theirs, &buf));
        bytes_free(ours.attributes);
        buffer_release(&buf);
    }
}

// --- auth switch, change of user ---------------------------------------------------------------

static void the_old_auth_switch_is_one_byte(void **state)
{
    (void)state;
    struct auth_switch request;
    assert_true(auth_switch_decode(&request, S("\xfe")));
    assert_true(slice_equal(request.plugin, S("mysql_old_password")));
    assert_int_equal(request.data.len, 0);
    assert_false(auth_switch_decode(&request, S("\xfeplugin")));
    assert_true(auth_switch_decode(&request, slice_make("\xfeplugin", 8)));
    assert_true(slice_equal(request.plugin, S("plugin")));
    assert_false(auth_switch_decode(&request, S("\x01")));
    assert_false(auth_switch_decode(&request, SLICE_NONE));
}

static void a_change_of_user_may_end_early(void **state)
{
    (void)state;
    struct change_user change;
    uint64_t capabilities = CAPABILITIES_ASKED;
    struct slice payload = bytes_from_hex("116e6174000073686f7000"
                                          "2d006d7973716c5f6e61746976655f70617373776f726400"
                                          "06016103626364");
    assert_true(change_user_decode(&change, payload, capabilities));
    assert_true(slice_equal(change.user, S("nat")));
    assert_int_equal(change.auth_data.len, 0);
    assert_true(slice_equal(change.schema, S("shop")));
    assert_true(change.has_collation);
    assert_int_equal(change.collation, 45);
    assert_true(slice_equal(change.plugin, S("mysql_native_password")));
    assert_int_equal(change.attributes.len, 6);

    assert_true(change_user_decode(&change, slice_first(payload, 11), capabilities));
    assert_false(change.has_collation);
    assert_false(change_user_decode(&change, slice_first(payload, 12), capabilities));
    assert_true(change_user_decode(&change, slice_first(payload, 13), capabilities));
    assert_int_equal(change.collation, 45);
    assert_int_equal(change.plugin.len, 0);
    bytes_free(payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mariadb_hides_its_capabilities_behind_a_prefix),
        cmocka_unit_test(mysql_has_no_extended_capabilities),
        cmocka_unit_test(extended_capabilities_turn_long_password_off),
        cmocka_unit_test(nonces_of_any_length_that_the_field_holds),
        cmocka_unit_test(a_handshake_without_a_plugin_has_a_nonce_of_20_bytes),
        cmocka_unit_test(old_protocols_are_refused),
        cmocka_unit_test(a_response_has_the_fields_that_its_capabilities_name),
        cmocka_unit_test(a_client_cannot_name_fields_that_were_not_offered),
        cmocka_unit_test(auth_data_is_as_long_as_its_length_can_say),
        cmocka_unit_test(a_tls_request_is_the_head_alone),
        cmocka_unit_test(attributes_are_limited_to_64_kib),
        cmocka_unit_test(attributes_that_do_not_end_with_a_pair_are_refused),
        cmocka_unit_test(the_old_auth_switch_is_one_byte),
        cmocka_unit_test(a_change_of_user_may_end_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
