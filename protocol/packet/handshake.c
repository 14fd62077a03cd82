#include "protocol/packet/handshake.h"

#include "protocol/wire/reader.h"

enum {
    NONCE_FIRST = 8,     // bytes of the nonce that stand before the capabilities
    NONCE_REST_MIN = 13, // bytes behind them, the zero byte included
    RESERVED_MYSQL = 6,  // zeros that both families send
};

#define PREFIX S("5.5.5-")

// MariaDB puts its extended capabilities where MySQL has four more zeros.
static uint64_t extended_read(struct reader *reader, uint64_t capabilities)
{
    reader_skip(reader, RESERVED_MYSQL);
    uint64_t extended = reader_u32(reader);
    return capability_has(capabilities, CAPABILITY_LONG_PASSWORD) ? 0 : extended << 32;
}

// `declared` counts the whole nonce with the byte that ends it, a zero that is no part of it; what
// it says is raised to the size that every client expects.
static void nonce_read(struct handshake *handshake, struct reader *reader,
                       const uint8_t first[NONCE_FIRST], uint8_t declared)
{
    size_t rest_len =
        declared > NONCE_FIRST + NONCE_REST_MIN ? (size_t)declared - NONCE_FIRST : NONCE_REST_MIN;
    struct slice rest = reader_slice(reader, rest_len);
    if (reader_is_failed(reader)) {
        return;
    }
    memcpy(handshake->nonce, first, NONCE_FIRST);
    memcpy(handshake->nonce + NONCE_FIRST, rest.ptr, rest.len - 1);
    handshake->nonce_len = (uint8_t)(NONCE_FIRST + rest.len - 1);
}

static void version_read(struct handshake *handshake, struct reader *reader)
{
    handshake->server_version = reader_nul_slice(reader);
    handshake->has_prefix = slice_starts_nocase(handshake->server_version, PREFIX);
    if (handshake->has_prefix) {
        handshake->server_version = slice_from(handshake->server_version, PREFIX.len);
    }
}

bool handshake_decode(struct handshake *handshake, struct slice payload)
{
    struct reader reader = reader_make(payload);
    *handshake = (struct handshake){0};

    if (reader_u8(&reader) != HANDSHAKE_VERSION) {
        return false;
    }
    version_read(handshake, &reader);
    handshake->connection_id = reader_u32(&reader);
    const uint8_t *nonce_first = reader_take(&reader, NONCE_FIRST);
    reader_skip(&reader, 1);
    handshake->capabilities = reader_u16(&reader);
    handshake->collation = reader_u8(&reader);
    handshake->status = reader_u16(&reader);
    handshake->capabilities |= (uint64_t)reader_u16(&reader) << 16;
    uint8_t nonce_declared = reader_u8(&reader);
    handshake->capabilities |= extended_read(&reader, handshake->capabilities);
    bool has_plugin = capability_has(handshake->capabilities, CAPABILITY_PLUGIN_AUTH);
    nonce_read(handshake, &reader, nonce_first, has_plugin ? nonce_declared : 0);
    if (has_plugin) {
        handshake->plugin = reader_nul_slice(&reader);
    }
    return !reader_is_failed(&reader) &&
           capability_has(handshake->capabilities, CAPABILITY_PROTOCOL_41);
}

void handshake_encode(const struct handshake *handshake, struct writer *writer)
{
    uint64_t capabilities = handshake->capabilities;
    uint32_t extended = (uint32_t)(capabilities >> 32);
    bool has_plugin = capability_has(capabilities, CAPABILITY_PLUGIN_AUTH);

    if (handshake->nonce_len < HANDSHAKE_NONCE_SIZE) {
        writer_fail(writer);
        return;
    }
    if (extended != 0) {
        capabilities &= ~(uint64_t)CAPABILITY_LONG_PASSWORD;
    }
    writer_u8(writer, HANDSHAKE_VERSION);
    writer_slice(writer, handshake->has_prefix ? PREFIX : SLICE_NONE);
    writer_nul_slice(writer, handshake->server_version);
    writer_u32(writer, handshake->connection_id);
    writer_slice(writer, slice_make(handshake->nonce, NONCE_FIRST));
    writer_u8(writer, 0);
    writer_u16(writer, (uint16_t)capabilities);
    writer_u8(writer, handshake->collation);
    writer_u16(writer, handshake->status);
    writer_u16(writer, (uint16_t)(capabilities >> 16));
    writer_u8(writer, has_plugin ? handshake->nonce_len + 1 : 0);
    writer_fill(writer, 0, RESERVED_MYSQL);
    writer_u32(writer, extended);
    writer_slice(writer, slice_make(handshake->nonce + NONCE_FIRST,
                                    (size_t)handshake->nonce_len - NONCE_FIRST));
    writer_u8(writer, 0);
    if (has_plugin) {
        writer_nul_slice(writer, handshake->plugin);
    }
}

bool handshake_is_mariadb(const struct handshake *handshake)
{
    struct slice version = handshake->server_version;

    return handshake->has_prefix ||
           !capability_has(handshake->capabilities, CAPABILITY_LONG_PASSWORD) ||
           slice_find_slice(version, S("MariaDB")) != version.len;
}
