// The client's answer to the handshake: what it can, who it is, its proof, the schema it wants.
// Where it wants TLS, it first sends the beginning of this packet alone (a TLS request), shakes
// hands, and then sends all of it. Any thread. Manual:
// page_protocol_connection_phase_packets_protocol_handshake_response, ..._ssl_request
#pragma once

#include "protocol/packet/attribute.h"
#include "protocol/packet/capability.h"
#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

enum { HANDSHAKE_RESPONSE_TLS_SIZE = 32 }; // payload of a TLS request

struct handshake_response {
    uint64_t capabilities; // what the client wants of what the server has; extended ones only
                           // where LONG_PASSWORD is off
    uint32_t max_packet;
    uint8_t collation;
    bool is_tls_request; // nothing below was sent
    struct slice user;
    struct slice auth_data;  // the proof, as the plugin wants it
    struct slice schema;     // with CAPABILITY_CONNECT_WITH_DB; else empty
    struct slice plugin;     // with CAPABILITY_PLUGIN_AUTH; else empty
    struct slice attributes; // with CAPABILITY_CONNECT_ATTRS: for attribute_next()
    uint8_t zstd_level;      // with CAPABILITY_ZSTD_COMPRESS; else 0
};

// Reads a payload; the slices point into it. `server_capabilities`: what the server announced; the
// client's are cut down to them, as fields that the server did not offer are not sent. False where
// the packet is cut short, holds more than 64 KiB of attributes, or lacks CAPABILITY_PROTOCOL_41.
__attribute__((warn_unused_result)) bool
handshake_response_decode(struct handshake_response *response, struct slice payload,
                          uint64_t server_capabilities);
// Writes a payload with the fields that `capabilities` name; up to the TLS request where
// is_tls_request. The auth data may be of any length with CAPABILITY_PLUGIN_AUTH_LENENC_DATA, else
// of 255 bytes.
void handshake_response_encode(const struct handshake_response *response, struct writer *writer);
