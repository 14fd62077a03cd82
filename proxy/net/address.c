#include "proxy/net/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>

enum { IP_TEXT_SIZE = 64 };

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// --- cutting host and port ----------------------------------------------------------------------

static bool port_parse(struct slice text, uint16_t *port)
{
    uint64_t number;
    if (!slice_to_u64(text, &number) || number > UINT16_MAX) {
        return false;
    }
    *port = (uint16_t)number;
    return true;
}

// "[host]" with or without ":port". `rest` stands behind the bracket.
static bool split_bracketed(struct slice text, struct slice *host, struct slice *rest)
{
    size_t close = slice_find(text, ']');
    if (close == text.len) {
        return false;
    }
    *host = slice_first(slice_from(text, 1), close - 1);
    *rest = slice_from(text, close + 1);
    return true;
}

static void split_bare(struct slice text, struct slice *host, struct slice *rest)
{
    size_t colon = slice_find(text, ':');
    bool is_v6 = slice_find(slice_from(text, colon + 1), ':') < slice_from(text, colon + 1).len;
    *host = is_v6 ? text : slice_first(text, colon);
    *rest = is_v6 ? SLICE_NONE : slice_from(text, colon);
}

bool address_split(struct slice text, uint16_t default_port, struct slice *host, uint16_t *port,
                   struct error *error)
{
    struct slice rest;
    if (text.len > 0 && text.ptr[0] == '[') {
        if (!split_bracketed(text, host, &rest)) {
            return error_set(error, 1, NULL, "'%.*s': the closing ] is missing", SLICE_ARG(text));
        }
    } else {
        split_bare(text, host, &rest);
    }
    if (host->len == 0) {
        return error_set(error, 1, NULL, "'%.*s' names no host", SLICE_ARG(text));
    }
    *port = default_port;
    if (rest.len > 0 && (rest.ptr[0] != ':' || !port_parse(slice_from(rest, 1), port))) {
        return error_set(error, 1, NULL, "'%.*s': a port is a number from 0 to 65535",
                         SLICE_ARG(text));
    }
    return true;
}

// --- literals -----------------------------------------------------------------------------------

// The number of an interface, by name or number; 0: there is none.
static uint32_t scope_parse(struct slice text)
{
    char name[IF_NAMESIZE];
    uint64_t number;
    if (slice_to_u64(text, &number)) {
        return number <= UINT32_MAX ? (uint32_t)number : 0;
    }
    return slice_to_text(text, name, sizeof(name)) ? if_nametoindex(name) : 0;
}

static bool ip6_parse(struct address *address, struct slice host)
{
    char text[IP_TEXT_SIZE];
    size_t percent = slice_find(host, '%');
    if (percent < host.len) {
        address->scope = scope_parse(slice_from(host, percent + 1));
        if (address->scope == 0) {
            return false;
        }
    }
    return slice_to_text(slice_first(host, percent), text, sizeof(text)) &&
           inet_pton(AF_INET6, text, address->ip6) == 1;
}

static bool ip4_parse(struct address *address, struct slice host)
{
    char text[IP_TEXT_SIZE];
    return slice_to_text(host, text, sizeof(text)) && inet_pton(AF_INET, text, address->ip4) == 1;
}

bool address_from_ip(struct address *address, struct slice host, uint16_t port)
{
    bool is_text = host.len > 0 && memchr(host.ptr, '\0', host.len) == NULL;
    *address = (struct address){.kind = ADDRESS_IP4, .port = port};
    if (is_text && ip4_parse(address, host)) {
        return true;
    }
    *address = (struct address){.kind = ADDRESS_IP6, .port = port};
    if (is_text && ip6_parse(address, host)) {
        return true;
    }
    *address = (struct address){.kind = ADDRESS_NONE};
    return false;
}

bool address_from_path(struct address *address, struct slice path)
{
    *address = (struct address){.kind = ADDRESS_PATH};
    if (path.len > 0 && memchr(path.ptr, '\0', path.len) == NULL &&
        slice_to_text(path, address->path, sizeof(address->path))) {
        return true;
    }
    *address = (struct address){.kind = ADDRESS_NONE};
    return false;
}

static bool path_parse(struct address *address, struct slice text, struct error *error)
{
    if (!address_from_path(address, text)) {
        return error_set(error, 1, NULL, "'%.*s': a socket's path has at most %d bytes",
                         SLICE_ARG(text), ADDRESS_PATH_SIZE - 1);
    }
    return true;
}

bool address_parse(struct address *address, struct slice text, uint16_t default_port,
                   struct error *error)
{
    struct slice host;
    uint16_t port;
    if (text.len > 0 && text.ptr[0] == '/') {
        return path_parse(address, text, error);
    }
    if (!address_split(text, default_port, &host, &port, error)) {
        return false;
    }
    if (slice_equal(host, S("*"))) {
        *address = (struct address){.kind = ADDRESS_IP4, .port = port};
        return true;
    }
    if (!address_from_ip(address, host, port)) {
        return error_set(error, 1, NULL, "'%.*s' is no IP address", SLICE_ARG(host));
    }
    return true;
}

// --- printing -----------------------------------------------------------------------------------

static void ip6_print(const struct address *address, char out[IP_TEXT_SIZE])
{
    inet_ntop(AF_INET6, address->ip6, out, IP_TEXT_SIZE);
    if (address->scope != 0) {
        size_t len = strlen(out);
        snprintf(out + len, IP_TEXT_SIZE - len, "%%%u", address->scope);
    }
}

static char *print(const struct address *address, char out[ADDRESS_TEXT_SIZE], bool with_port)
{
    char ip[IP_TEXT_SIZE];
    switch (address->kind) {
    case ADDRESS_IP4:
        inet_ntop(AF_INET, address->ip4, ip, sizeof(ip));
        snprintf(out, ADDRESS_TEXT_SIZE, with_port ? "%s:%u" : "%s", ip, address->port);
        break;
    case ADDRESS_IP6:
        ip6_print(address, ip);
        snprintf(out, ADDRESS_TEXT_SIZE, with_port ? "[%s]:%u" : "%s", ip, address->port);
        break;
    case ADDRESS_PATH:
        snprintf(out, ADDRESS_TEXT_SIZE, "%s", address->path);
        break;
    case ADDRESS_NONE:
        snprintf(out, ADDRESS_TEXT_SIZE, "local");
        break;
    }
    return out;
}

char *address_print(const struct address *address, char out[ADDRESS_TEXT_SIZE])
{
    return print(address, out, true);
}

char *address_print_host(const struct address *address, char out[ADDRESS_TEXT_SIZE])
{
    return print(address, out, false);
}

// --- asking -------------------------------------------------------------------------------------

// The same address, as v4 where it is one mapped into v6.
static struct address unmapped(const struct address *address)
{
    if (address->kind != ADDRESS_IP6 || memcmp(address->ip6, mapped_prefix, 12) != 0) {
        return *address;
    }
    struct address v4 = {.kind = ADDRESS_IP4, .port = address->port};
    memcpy(v4.ip4, address->ip6 + 12, 4);
    return v4;
}

bool address_is_equal(const struct address *first, const struct address *second)
{
    struct address a = unmapped(first);
    struct address b = unmapped(second);
    if (a.kind != b.kind || a.port != b.port) {
        return false;
    }
    switch (a.kind) {
    case ADDRESS_IP4:
        return memcmp(a.ip4, b.ip4, sizeof(a.ip4)) == 0;
    case ADDRESS_IP6:
        return memcmp(a.ip6, b.ip6, sizeof(a.ip6)) == 0 && a.scope == b.scope;
    case ADDRESS_PATH:
        return strcmp(a.path, b.path) == 0;
    case ADDRESS_NONE:
        break;
    }
    return true;
}

bool address_is_local(const struct address *address)
{
    static const uint8_t loopback[16] = {[15] = 1};
    struct address plain = unmapped(address);
    switch (plain.kind) {
    case ADDRESS_IP4:
        return plain.ip4[0] == 127;
    case ADDRESS_IP6:
        return memcmp(plain.ip6, loopback, sizeof(loopback)) == 0;
    case ADDRESS_PATH:
    case ADDRESS_NONE:
        break;
    }
    return true;
}

// --- networks -----------------------------------------------------------------------------------

// Whether the first `bits` bits are the same.
static bool bits_are_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned bytes = bits / 8;
    uint8_t mask = (uint8_t)(0xff00u >> bits % 8);
    return memcmp(a, b, bytes) == 0 && (mask == 0 || ((a[bytes] ^ b[bytes]) & mask) == 0);
}

static bool bits_behind_are_zero(const uint8_t *ip, unsigned prefix, unsigned bits)
{
    for (unsigned i = prefix; i < bits; i++) {
        if ((ip[i / 8] & 0x80u >> i % 8) != 0) {
            return false;
        }
    }
    return true;
}

bool address_network_parse(struct address_network *network, struct slice text, struct error *error)
{
    struct address address;
    size_t slash = slice_find(text, '/');
    if (!address_from_ip(&address, slice_first(text, slash), 0)) {
        return error_set(error, 1, NULL, "'%.*s' is no network such as 10.0.0.0/8 or 2001:db8::/32",
                         SLICE_ARG(text));
    }
    unsigned bits = address.kind == ADDRESS_IP4 ? 32 : 128;
    uint64_t prefix = bits;
    if (slash < text.len &&
        (!slice_to_u64(slice_from(text, slash + 1), &prefix) || prefix > bits)) {
        return error_set(error, 1, NULL, "'%.*s': the prefix is a number from 0 to %u",
                         SLICE_ARG(text), bits);
    }
    *network = (struct address_network){.kind = address.kind, .prefix = (uint8_t)prefix};
    memcpy(network->ip, address.ip6, bits / 8);
    if (!bits_behind_are_zero(network->ip, network->prefix, bits)) {
        return error_set(error, 1, NULL, "'%.*s' has bits set behind its prefix", SLICE_ARG(text));
    }
    return true;
}

bool address_network_contains(const struct address_network *network, const struct address *address)
{
    struct address plain = unmapped(address);
    return plain.kind == network->kind && bits_are_equal(network->ip, plain.ip6, network->prefix);
}
