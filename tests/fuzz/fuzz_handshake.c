// The packets of a login from anywhere: what is read is written so that the other side reads the
// same fields.
// Input: a byte for the packet, a byte for what the server announced, the payload.
#include "protocol/packet/change_user.h"
#include "protocol/packet/handshake.h"
#include "protocol/packet/handshake_response.h"

#include "tests/unit/protocol/bytes.h"

#include <stdlib.h>

#define require(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void handshake_holds(struct slice payload)
{
    struct handshake first;
    struct handshake again;
    struct buffer out = BUFFER_INIT;
    struct writer writer = writer_make(&out, 0);

    if (handshake_decode(&first, payload)) {
        handshake_encode(&first, &writer);
        require(!writer_is_failed(&writer));
        require(handshake_decode(&again, buffer_slice(&out)));
        require(slice_equal(first.server_version, again.server_version));
        require(slice_equal(first.plugin, again.plugin));
        require(first.has_prefix == again.has_prefix);
        require(first.connection_id == again.connection_id);
        require(first.capabilities == again.capabilities);
        require(first.collation == again.collation);
        require(first.status == again.status);
        require(first.nonce_len >= HANDSHAKE_NONCE_SIZE);
        require(handshake_is_mariadb(&first) == handshake_is_mariadb(&again));
        require(first.nonce_len == again.nonce_len);
        require(memcmp(first.nonce, again.nonce, first.nonce_len) == 0);
    }
    buffer_release(&out);
}

static void attributes_hold(struct slice attributes)
{
    struct reader pairs = reader_make(attributes);
    struct attribute attribute;
    struct buffer out = BUFFER_INIT;
    struct writer writer = writer_make(&out, 0);
    size_t count = 0;

    while (attribute_next(&pairs, &attribute)) {
        attribute_encode(&attribute, &writer);
        count++;
    }
    require(reader_is_done(&pairs)); // they were checked as they were read
    struct reader again = reader_make(buffer_slice(&out));
    while (attribute_next(&again, &attribute)) {
        count--;
    }
    require(count == 0);
    buffer_release(&out);
}

static void response_holds(struct slice payload, uint64_t server_capabilities)
{
    struct handshake_response first;
    struct handshake_response again;
    struct buffer out = BUFFER_INIT;
    struct writer writer = writer_make(&out, 0);

    if (handshake_response_decode(&first, payload, server_capabilities)) {
        require((first.capabilities & ~server_capabilities) == 0);
        handshake_response_encode(&first, &writer);
        require(!writer_is_failed(&writer));
        require(handshake_response_decode(&again, buffer_slice(&out), server_capabilities));
        require(first.capabilities == again.capabilities);
        require(first.is_tls_request == again.is_tls_request);
        require(slice_equal(first.user, again.user));
        require(slice_equal(first.auth_data, again.auth_data));
        require(slice_equal(first.schema, again.schema));
        require(slice_equal(first.plugin, again.plugin));
        require(slice_equal(first.attributes, again.attributes));
        require(first.zstd_level == again.zstd_level);
        attributes_hold(first.attributes);
    }
    buffer_release(&out);
}

static void change_user_holds(struct slice payload, uint64_t capabilities)
{
    struct change_user first;
    struct change_user again;
    struct buffer out = BUFFER_INIT;
    struct writer writer = writer_make(&out, 0);

    if (change_user_decode(&first, payload, capabilities)) {
        change_user_encode(&first, &writer, capabilities);
        require(!writer_is_failed(&writer));
        require(change_user_decode(&again, buffer_slice(&out), capabilities));
        require(slice_equal(first.user, again.user));
        require(slice_equal(first.auth_data, again.auth_data));
        require(slice_equal(first.schema, again.schema));
        require(slice_equal(first.plugin, again.plugin));
        require(first.collation == again.collation);
        attributes_hold(first.attributes);
    }
    buffer_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t SERVERS[] = {CAPABILITIES_OFFERED | CAPABILITY_SSL, ~UINT64_C(0),
                                       CAPABILITIES_OFFERED &
                                           ~(uint64_t)CAPABILITY_PLUGIN_AUTH_LENENC_DATA,
                                       CAPABILITY_PROTOCOL_41};
    if (size < 2) {
        return 0;
    }
    struct slice payload = bytes_copy(slice_make(data + 2, size - 2));
    uint64_t capabilities = SERVERS[data[1] % (sizeof(SERVERS) / sizeof(SERVERS[0]))];

    switch (data[0] % 3) {
    case 0:
        handshake_holds(payload);
        break;
    case 1:
        response_holds(payload, capabilities);
        break;
    default:
        change_user_holds(payload, capabilities);
        break;
    }
    bytes_free(payload);
    return 0;
}
