#include "proxy/net/proxy_header.h"

#include <string.h>

// This room stands below protocol/wire and has no reader: the few fields are taken by offset, each
// behind a check of the whole length.
enum {
    V1_MOST = 107, // with its CR LF
    V2_FIXED = 16, // signature, command, family, length
    V2_IP4 = 12,
    V2_IP6 = 36,
    V2_UNIX = 216,
};

static const uint8_t v2_signature[12] = {'\r', '\n', '\r', '\n', 0,   '\r',
                                         '\n', 'Q',  'U',  'I',  'T', '\n'};

static enum proxy_header_result bad(struct proxy_header *header, const char *fault)
{
    header->fault = fault;
    return PROXY_HEADER_BAD;
}

// Whether the bytes are `beginning`, as far as they go.
static bool may_begin_with(struct slice bytes, struct slice beginning)
{
    size_t len = bytes.len < beginning.len ? bytes.len : beginning.len;
    return memcmp(bytes.ptr, beginning.ptr, len) == 0;
}

// --- version 1 -----------------------------------------------------------------------------------

// "192.0.2.1 198.51.100.1 56324 3306": each with a single space.
static bool v1_addresses(struct proxy_header *header, struct slice line, enum address_kind kind)
{
    struct slice parts[4];
    struct address server;
    uint64_t ports[2];
    for (size_t i = 0; i < 4; i++) {
        if (!slice_cut(&line, ' ', &parts[i])) {
            return false;
        }
    }
    bool is_over = line.ptr == NULL;
    if (!is_over || !slice_to_u64(parts[2], &ports[0]) || !slice_to_u64(parts[3], &ports[1]) ||
        ports[0] > UINT16_MAX || ports[1] > UINT16_MAX) {
        return false;
    }
    bool is_read = address_from_ip(&header->client, parts[0], (uint16_t)ports[0]) &&
                   address_from_ip(&server, parts[1], (uint16_t)ports[1]);
    return is_read && header->client.kind == kind && server.kind == kind &&
           header->client.scope == 0;
}

static enum proxy_header_result v1_decode(struct proxy_header *header, struct slice bytes)
{
    struct slice seen = slice_first(bytes, V1_MOST);
    size_t end = slice_find_slice(seen, S("\r\n"));
    if (end == seen.len) {
        return seen.len < V1_MOST ? PROXY_HEADER_MORE : bad(header, "its line is too long");
    }
    struct slice line = slice_from(slice_first(bytes, end), 6);
    header->len = end + 2;
    if (slice_equal(slice_first(line, 7), S("UNKNOWN")) && (line.len == 7 || line.ptr[7] == ' ')) {
        return PROXY_HEADER_READ;
    }
    bool is_ip4 = slice_equal(slice_first(line, 5), S("TCP4 "));
    bool is_ip6 = slice_equal(slice_first(line, 5), S("TCP6 "));
    if (!is_ip4 && !is_ip6) {
        return bad(header, "it is neither of TCP4 nor of TCP6");
    }
    header->has_client = true;
    return v1_addresses(header, slice_from(line, 5), is_ip4 ? ADDRESS_IP4 : ADDRESS_IP6)
               ? PROXY_HEADER_READ
               : bad(header, "its addresses are none");
}

// --- version 2 -----------------------------------------------------------------------------------

static uint16_t number_at(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

// A path, or nothing where it is empty or not in the file system.
static void unix_client(struct address *client, const uint8_t *path)
{
    size_t len = strnlen((const char *)path, ADDRESS_PATH_SIZE - 1);
    if (!address_from_path(client, slice_make(path, len))) {
        *client = (struct address){.kind = ADDRESS_NONE};
    }
}

static enum proxy_header_result v2_client(struct proxy_header *header, uint8_t family,
                                          const uint8_t *bytes, size_t len)
{
    struct address *client = &header->client;
    switch (family) {
    case 0x00: // UNSPEC
        return PROXY_HEADER_READ;
    case 0x11:
        if (len < V2_IP4) {
            return bad(header, "its addresses are cut short");
        }
        *client = (struct address){.kind = ADDRESS_IP4, .port = number_at(bytes + 8)};
        memcpy(client->ip4, bytes, sizeof(client->ip4));
        break;
    case 0x21:
        if (len < V2_IP6) {
            return bad(header, "its addresses are cut short");
        }
        *client = (struct address){.kind = ADDRESS_IP6, .port = number_at(bytes + 32)};
        memcpy(client->ip6, bytes, sizeof(client->ip6));
        break;
    case 0x31:
        if (len < V2_UNIX) {
            return bad(header, "its addresses are cut short");
        }
        unix_client(client, bytes);
        break;
    default:
        return bad(header, "it is of no stream");
    }
    header->has_client = true;
    return PROXY_HEADER_READ;
}

static enum proxy_header_result v2_decode(struct proxy_header *header, struct slice bytes)
{
    const uint8_t *at = (const uint8_t *)bytes.ptr;
    if (bytes.len < V2_FIXED) {
        return PROXY_HEADER_MORE;
    }
    uint8_t command = at[12];
    uint16_t len = number_at(at + 14);
    if (command != 0x20 && command != 0x21) {
        return bad(header, "its version or command is unknown");
    }
    if (len > PROXY_HEADER_MOST - V2_FIXED) {
        return bad(header, "it is too long");
    }
    if (bytes.len - V2_FIXED < len) {
        return PROXY_HEADER_MORE;
    }
    header->len = V2_FIXED + (size_t)len;
    return command == 0x20 ? PROXY_HEADER_READ : v2_client(header, at[13], at + V2_FIXED, len);
}

enum proxy_header_result proxy_header_decode(struct proxy_header *header, struct slice bytes)
{
    struct slice signature = slice_make(v2_signature, sizeof(v2_signature));
    *header = (struct proxy_header){.client = {.kind = ADDRESS_NONE}};
    if (bytes.len == 0) {
        return PROXY_HEADER_MORE;
    }
    if (may_begin_with(bytes, signature)) {
        return v2_decode(header, bytes);
    }
    if (may_begin_with(bytes, S("PROXY "))) {
        return v1_decode(header, bytes);
    }
    return bad(header, "it begins with something else");
}

// --- out -----------------------------------------------------------------------------------------

static uint8_t *number_put(uint8_t *at, unsigned number)
{
    *at++ = (uint8_t)(number >> 8);
    *at++ = (uint8_t)number;
    return at;
}

size_t proxy_header_encode(const struct address *client, const struct address *server,
                           uint8_t out[PROXY_HEADER_OUT_SIZE])
{
    bool is_ip4 = client->kind == ADDRESS_IP4;
    bool has_client = is_ip4 || client->kind == ADDRESS_IP6;
    size_t size = is_ip4 ? sizeof(client->ip4) : sizeof(client->ip6);
    memset(out, 0, PROXY_HEADER_OUT_SIZE);
    memcpy(out, v2_signature, sizeof(v2_signature));
    out[12] = has_client ? 0x21 : 0x20;
    if (!has_client) {
        return V2_FIXED;
    }
    out[13] = is_ip4 ? 0x11 : 0x21;
    uint8_t *at = number_put(out + 14, is_ip4 ? V2_IP4 : V2_IP6);
    memcpy(at, client->ip6, size);
    if (server->kind == client->kind) { // else the place of the other family stays empty
        memcpy(at + size, server->ip6, size);
    }
    at = number_put(at + 2 * size, client->port);
    at = number_put(at, server->port);
    return (size_t)(at - out);
}
