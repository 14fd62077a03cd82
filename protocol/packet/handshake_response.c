#include "protocol/packet/handshake_response.h"

#include "protocol/wire/reader.h"

enum { RESERVED_MYSQL = 19 }; // zeros that both families send; four bytes of MariaDB's follow

static void head_read(struct handshake_response *response, struct reader *reader,
                      uint64_t server_capabilities)
{
    uint64_t capabilities = reader_u32(reader);
    response->max_packet = reader_u32(reader);
    response->collation = reader_u8(reader);
    reader_skip(reader, RESERVED_MYSQL);
    uint64_t extended = reader_u32(reader);
    if (!capability_has(capabilities, CAPABILITY_LONG_PASSWORD)) {
        capabilities |= extended << 32;
    }
    response->capabilities = capabilities & server_capabilities;
}

static struct slice auth_data_read(struct reader *reader, uint64_t capabilities)
{
    if (capability_has(capabilities, CAPABILITY_PLUGIN_AUTH_LENENC_DATA)) {
        return reader_lenenc_slice(reader);
    }
    if (capability_has(capabilities, CAPABILITY_SECURE_CONNECTION)) {
        return reader_u8_slice(reader);
    }
    return reader_nul_slice(reader);
}

// What old clients may leave out at the end of the packet, the servers take for empty.
static void tail_read(struct handshake_response *response, struct reader *reader)
{
    uint64_t capabilities = response->capabilities;

    if (capability_has(capabilities, CAPABILITY_PLUGIN_AUTH) && reader_left(reader) > 0) {
        response->plugin = reader_nul_slice(reader);
    }
    if (capability_has(capabilities, CAPABILITY_CONNECT_ATTRS) && reader_left(reader) > 0) {
        response->attributes = attributes_read(reader);
    }
    if (capability_has(capabilities, CAPABILITY_ZSTD_COMPRESS) && reader_left(reader) > 0) {
        response->zstd_level = reader_u8(reader);
    }
}

bool handshake_response_decode(struct handshake_response *response, struct slice payload,
                               uint64_t server_capabilities)
{
    struct reader reader = reader_make(payload);
    *response = (struct handshake_response){0};

    head_read(response, &reader, server_capabilities);
    if (reader_is_failed(&reader) ||
        !capability_has(response->capabilities, CAPABILITY_PROTOCOL_41)) {
        return false;
    }
    if (capability_has(response->capabilities, CAPABILITY_SSL) && reader_left(&reader) == 0) {
        response->is_tls_request = true;
        return true;
    }
    response->user = reader_nul_slice(&reader);
    response->auth_data = auth_data_read(&reader, response->capabilities);
    if (capability_has(response->capabilities, CAPABILITY_CONNECT_WITH_DB)) {
        response->schema = reader_nul_slice(&reader);
    }
    tail_read(response, &reader);
    return !reader_is_failed(&reader);
}

static void head_write(const struct handshake_response *response, struct writer *writer)
{
    uint64_t capabilities = response->capabilities;
    uint32_t extended = (uint32_t)(capabilities >> 32);

    if (extended != 0) {
        capabilities &= ~(uint64_t)CAPABILITY_LONG_PASSWORD;
    }
    writer_u32(writer, (uint32_t)capabilities);
    writer_u32(writer, response->max_packet);
    writer_u8(writer, response->collation);
    writer_fill(writer, 0, RESERVED_MYSQL);
    writer_u32(writer, extended);
}

static void auth_data_write(const struct handshake_response *response, struct writer *writer)
{
    if (capability_has(response->capabilities, CAPABILITY_PLUGIN_AUTH_LENENC_DATA)) {
        writer_lenenc_slice(writer, response->auth_data);
    } else if (capability_has(response->capabilities, CAPABILITY_SECURE_CONNECTION)) {
        writer_u8_slice(writer, response->auth_data);
    } else {
        writer_nul_slice(writer, response->auth_data);
    }
}

void handshake_response_encode(const struct handshake_response *response, struct writer *writer)
{
    uint64_t capabilities = response->capabilities;

    head_write(response, writer);
    if (response->is_tls_request) {
        return;
    }
    writer_nul_slice(writer, response->user);
    auth_data_write(response, writer);
    if (capability_has(capabilities, CAPABILITY_CONNECT_WITH_DB)) {
        writer_nul_slice(writer, response->schema);
    }
    if (capability_has(capabilities, CAPABILITY_PLUGIN_AUTH)) {
        writer_nul_slice(writer, response->plugin);
    }
    if (capability_has(capabilities, CAPABILITY_CONNECT_ATTRS)) {
        writer_lenenc_slice(writer, response->attributes);
    }
    if (capability_has(capabilities, CAPABILITY_ZSTD_COMPRESS)) {
        writer_u8(writer, response->zstd_level);
    }
}
