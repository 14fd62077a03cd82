// The first packet of a connection, from the server: who it is, what it can, and the nonce for the
// client's proof. In its place a server may send an ERR packet (see err.h). Any thread.
// Manual: page_protocol_connection_phase_packets_protocol_handshake_v10
#pragma once

#include "protocol/packet/capability.h"
#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

enum {
    HANDSHAKE_VERSION = 10, // first byte of the payload
    HANDSHAKE_NONCE_MAX = 254,
    HANDSHAKE_NONCE_SIZE = 20, // what every plugin of today that starts with a handshake uses
};

struct handshake {
    struct slice server_version; // without the prefix
    bool has_prefix;             // "5.5.5-" stands before it, as MariaDB 10 does for old replicas
    uint32_t connection_id;
    uint64_t capabilities; // extended ones only where LONG_PASSWORD is off
    uint8_t collation;     // lowest byte of the server's collation id
    uint16_t status;
    struct slice plugin; // empty without CAPABILITY_PLUGIN_AUTH
    uint8_t nonce_len;
    uint8_t nonce[HANDSHAKE_NONCE_MAX]; // without the zero byte that ends it
};

// Reads a payload; the slices point into it. False where it is no handshake of version 10 or lacks
// CAPABILITY_PROTOCOL_41.
__attribute__((warn_unused_result)) bool handshake_decode(struct handshake *handshake,
                                                          struct slice payload);
// Writes a payload. Extended capabilities are sent where there are any, and LONG_PASSWORD is then
// left out, by which clients know that they are there. A nonce has at least HANDSHAKE_NONCE_SIZE
// bytes.
void handshake_encode(const struct handshake *handshake, struct writer *writer);

// Whether the server is of MariaDB's family.
bool handshake_is_mariadb(const struct handshake *handshake);
