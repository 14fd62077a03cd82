#include "conf/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

enum { HOST_MAX = 253, PATH_MAX_LEN = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

// --- reading an address

static const char *address_parse_path(struct conf_address *out, struct slice text,
                                      struct arena *arena)
{
    if (text.len > PATH_MAX_LEN) {
        return "the path of a socket has at most 107 bytes";
    }
    out->kind = CONF_ADDRESS_UNIX;
    out->path = arena_copy(arena, text);
    out->text = out->path;
    return NULL;
}

static const char *port_parse(struct slice text, uint16_t *port)
{
    uint64_t number;
    if (!slice_to_u64(text, &number) || number > UINT16_MAX) {
        return "the port is a number up to 65535";
    }
    *port = (uint16_t)number;
    return NULL;
}

static bool host_is_numeric(struct slice host, int family)
{
    char text[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    return slice_to_text(host, text, sizeof(text)) && inet_pton(family, text, bytes) == 1;
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

static bool is_digits_and_dots(struct slice host)
{
    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] != '.' && (host.ptr[i] < '0' || host.ptr[i] > '9')) {
            return false;
        }
    }
    return true;
}

static const char *host_check(struct slice host)
{
    if (host.len == 0) {
        return "no host before the port; every address is 0.0.0.0 or [::]";
    }
    if (host.len > HOST_MAX) {
        return "the name of a host has at most 253 bytes";
    }
    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] == ':') {
            return "an IPv6 address stands in brackets, [::1]:3306";
        }
        if (!is_name_byte(host.ptr[i])) {
            return "the name of a host has letters, digits, dots, hyphens and underscores";
        }
    }
    if (is_digits_and_dots(host) && !host_is_numeric(host, AF_INET)) {
        return "no IPv4 address";
    }
    return NULL;
}

static const char *address_parse_v6(struct conf_address *out, struct slice text,
                                    struct arena *arena)
{
    size_t end = slice_find(text, ']');
    struct slice host = slice_from(slice_first(text, end), 1);
    struct slice rest = slice_from(text, end + 1);
    if (end == text.len || !host_is_numeric(host, AF_INET6)) {
        return "no IPv6 address in brackets";
    }
    if (rest.len == 0 || rest.ptr[0] != ':') {
        return "no port";
    }
    out->is_numeric = true;
    out->host = arena_copy(arena, host);
    return port_parse(slice_from(rest, 1), &out->port);
}

static const char *address_parse_host(struct conf_address *out, struct slice text,
                                      struct arena *arena)
{
    size_t end = text.len;
    while (end > 0 && text.ptr[end - 1] != ':') {
        end--;
    }
    if (end == 0) {
        return "no port";
    }
    struct slice host = slice_first(text, end - 1);
    const char *complaint = host_check(host);
    if (complaint != NULL) {
        return complaint;
    }
    out->is_numeric = host_is_numeric(host, AF_INET);
    out->host = arena_copy(arena, host);
    return port_parse(slice_from(text, end), &out->port);
}

const char *conf_address_parse(struct conf_address *out, struct slice text, struct arena *arena)
{
    *out = (struct conf_address){.kind = CONF_ADDRESS_TCP};
    if (text.len == 0) {
        return "empty";
    }
    if (text.ptr[0] == '/') {
        return address_parse_path(out, text, arena);
    }
    bool is_v6 = text.ptr[0] == '[';
    const char *complaint =
        is_v6 ? address_parse_v6(out, text, arena) : address_parse_host(out, text, arena);
    if (complaint == NULL) {
        out->text = arena_print(arena, is_v6 ? "[%.*s]:%u" : "%.*s:%u", SLICE_ARG(out->host),
                                (unsigned)out->port);
    }
    return complaint;
}

// --- comparing addresses

// The binary address where the host is numeric; false for names.
static bool address_bytes(const struct conf_address *address, int *family, uint8_t bytes[16])
{
    *family = memchr(address->host.ptr, ':', address->host.len) != NULL ? AF_INET6 : AF_INET;
    return address->is_numeric && inet_pton(*family, address->host.ptr, bytes) == 1;
}

static bool host_equal(const struct conf_address *a, const struct conf_address *b)
{
    uint8_t x[16] = {0}, y[16] = {0};
    int x_family, y_family;
    if (address_bytes(a, &x_family, x) && address_bytes(b, &y_family, y)) {
        return x_family == y_family && memcmp(x, y, sizeof(x)) == 0;
    }
    return slice_equal_nocase(a->host, b->host);
}

bool conf_address_equal(const struct conf_address *a, const struct conf_address *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    if (a->kind == CONF_ADDRESS_TCP) {
        return a->port == b->port && host_equal(a, b);
    }
    return slice_equal(a->path, b->path);
}

bool conf_address_is_local(const struct conf_address *address)
{
    static const uint8_t v6_loopback[16] = {[15] = 1};
    uint8_t bytes[16];
    int family;
    if (address->kind != CONF_ADDRESS_TCP) {
        return true;
    }
    if (!address_bytes(address, &family, bytes)) {
        return slice_equal_nocase(address->host, S("localhost"));
    }
    return family == AF_INET ? bytes[0] == 127 : memcmp(bytes, v6_loopback, 16) == 0;
}

// Every address of the family `family`, as a listener.
static bool address_is_any(const struct conf_address *address, int *family)
{
    static const uint8_t zero[16];
    uint8_t bytes[16];
    return address_bytes(address, family, bytes) &&
           memcmp(bytes, zero, *family == AF_INET ? 4 : 16) == 0;
}

static bool address_covers(const struct conf_address *any, const struct conf_address *other)
{
    int any_family, other_family;
    uint8_t bytes[16];
    return address_is_any(any, &any_family) && address_bytes(other, &other_family, bytes) &&
           any_family == other_family;
}

bool conf_address_collides(const struct conf_address *a, const struct conf_address *b)
{
    if (a->kind != CONF_ADDRESS_TCP || b->kind != CONF_ADDRESS_TCP) {
        return conf_address_equal(a, b);
    }
    return a->port == b->port && a->port != 0 &&
           (host_equal(a, b) || address_covers(a, b) || address_covers(b, a));
}

// --- networks

// Whether the first `len` bits of both are equal.
static bool prefix_equal(const uint8_t *a, const uint8_t *b, unsigned len)
{
    unsigned bytes = len / 8, rest = len % 8;
    uint8_t mask = (uint8_t)(0xff00 >> rest);
    return memcmp(a, b, bytes) == 0 && (rest == 0 || ((a[bytes] ^ b[bytes]) & mask) == 0);
}

// ::ffff:a.b.c.d
static bool is_mapped_v4(const uint8_t bytes[16])
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(bytes, prefix, sizeof(prefix)) == 0;
}

bool conf_network_has(const struct conf_network *network, const struct sockaddr *peer)
{
    const uint8_t *bytes;
    bool is_v6 = peer->sa_family == AF_INET6;

    if (is_v6) {
        const uint8_t *address = ((const struct sockaddr_in6 *)peer)->sin6_addr.s6_addr;
        is_v6 = !is_mapped_v4(address);
        bytes = address + (is_v6 ? 0 : 12);
    } else if (peer->sa_family == AF_INET) {
        bytes = (const uint8_t *)&((const struct sockaddr_in *)peer)->sin_addr;
    } else {
        return false;
    }
    return network->is_v6 == is_v6 && prefix_equal(network->bytes, bytes, network->prefix_len);
}

// Whether all bits behind the prefix are 0.
static bool network_is_clean(const struct conf_network *network)
{
    unsigned bits = network->is_v6 ? 128 : 32;
    for (unsigned bit = network->prefix_len; bit < bits; bit++) {
        if ((network->bytes[bit / 8] & (0x80 >> bit % 8)) != 0) {
            return false;
        }
    }
    return true;
}

const char *conf_network_parse(struct conf_network *out, struct slice text)
{
    struct slice host = slice_first(text, slice_find(text, '/'));
    bool has_len = host.len < text.len;
    char host_text[INET6_ADDRSTRLEN];

    *out = (struct conf_network){.is_v6 = slice_find(host, ':') < host.len};
    unsigned bits = out->is_v6 ? 128 : 32;
    uint64_t prefix_len = bits;
    if (!slice_to_text(host, host_text, sizeof(host_text)) ||
        inet_pton(out->is_v6 ? AF_INET6 : AF_INET, host_text, out->bytes) != 1) {
        return "no IP address";
    }
    if (has_len &&
        (!slice_to_u64(slice_from(text, host.len + 1), &prefix_len) || prefix_len > bits)) {
        return out->is_v6 ? "the prefix length is 0 to 128" : "the prefix length is 0 to 32";
    }
    out->prefix_len = (uint8_t)prefix_len;
    if (out->is_v6 && prefix_len >= 96 && is_mapped_v4(out->bytes)) {
        return "an IPv4 network is written as one, 10.0.0.0/8";
    }
    return network_is_clean(out) ? NULL : "bits are set behind the prefix";
}

char *conf_network_text(const struct conf_network *network, char out[CONF_NETWORK_TEXT_SIZE])
{
    char host[INET6_ADDRSTRLEN];
    unsigned bits = network->is_v6 ? 128 : 32;
    inet_ntop(network->is_v6 ? AF_INET6 : AF_INET, network->bytes, host, sizeof(host));
    if (network->prefix_len == bits) {
        snprintf(out, CONF_NETWORK_TEXT_SIZE, "%s", host);
    } else {
        snprintf(out, CONF_NETWORK_TEXT_SIZE, "%s/%u", host, (unsigned)network->prefix_len);
    }
    return out;
}
