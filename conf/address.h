// Addresses and networks as an operator writes them. Plain values; their texts live in the arena
// that they were read with. Any thread.
#pragma once

#include "proxy/base/arena.h"
#include "proxy/base/slice.h"

enum conf_address_kind { CONF_ADDRESS_NONE, CONF_ADDRESS_TCP, CONF_ADDRESS_UNIX };

struct conf_address {
    enum conf_address_kind kind;
    uint16_t port;     // TCP; 0 lets the system choose (listening only)
    bool is_numeric;   // TCP: host is an IP address, not a name
    struct slice host; // TCP: without brackets; NUL-terminated behind its length
    struct slice path; // UNIX: NUL-terminated behind its length
    struct slice text; // as host:port, [v6]:port or the path; NUL-terminated behind its length
};

// A network of IPv4 or IPv6; a single address has all its bits as prefix.
struct conf_network {
    bool is_v6;
    uint8_t prefix_len; // bits
    uint8_t bytes[16];  // network byte order; 4 of them for IPv4; 0 behind the prefix
};

struct sockaddr;
// Whether a peer is in the network. An IPv4 address mapped into IPv6 (::ffff:10.0.0.1) counts as
// the IPv4 address that it is; a Unix socket is in no network.
bool conf_network_has(const struct conf_network *network, const struct sockaddr *peer);

// "host:port", "[v6]:port" or "/path", without white space around it. The texts in `out` live in
// `arena`. Returns NULL, or the complaint ("no port").
const char *conf_address_parse(struct conf_address *out, struct slice text, struct arena *arena);

// Same kind and same place, letters of host names without case.
bool conf_address_equal(const struct conf_address *a, const struct conf_address *b);
// Whether only this machine can reach it: a socket, 127.0.0.0/8, ::1 or localhost.
bool conf_address_is_local(const struct conf_address *address);
// Whether two listeners would be in each other's way: equal, or the same port where one of them is
// every address of its family. Port 0 is in nobody's way.
bool conf_address_collides(const struct conf_address *a, const struct conf_address *b);

// "10.0.0.0/8", "fd00::/8", or an address without a prefix length. Returns NULL or the complaint.
const char *conf_network_parse(struct conf_network *out, struct slice text);

enum { CONF_NETWORK_TEXT_SIZE = 64 };
// As conf_network_parse() reads it, in its shortest form. Returns `out`.
char *conf_network_text(const struct conf_network *network, char out[CONF_NETWORK_TEXT_SIZE]);
