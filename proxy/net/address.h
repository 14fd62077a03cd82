// Where a socket is: an IP address with a port, or the path of a Unix socket. A plain value, copied
// freely; holds no memory. Names are the resolver's. Any thread.
#pragma once

#include "proxy/base/error.h"
#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum { ADDRESS_PATH_SIZE = 108, ADDRESS_TEXT_SIZE = 112, ADDRESS_PORT_NONE = 0 };

enum address_kind {
    ADDRESS_NONE, // nothing, or a Unix socket's nameless client
    ADDRESS_IP4,
    ADDRESS_IP6,
    ADDRESS_PATH,
};

struct address {
    enum address_kind kind;
    uint16_t port;  // host byte order; 0 for paths
    uint32_t scope; // IPv6 interface of a link-local address, else 0
    union {
        uint8_t ip4[4];  // network byte order
        uint8_t ip6[16]; // network byte order
        char path[ADDRESS_PATH_SIZE];
    };
};

// --- reading and printing -----------------------------------------------------------------------

// "host:port", "[v6]:port", "host", "[v6]", a bare v6 literal: cut in two; `default_port` stands
// where the text names none. Both results are not empty and borrow from `text`. False with a
// sentence in `error` where the text is none of these.
bool address_split(struct slice text, uint16_t default_port, struct slice *host, uint16_t *port,
                   struct error *error);

// A literal IP address (v4, v6, v6%interface) and a port. False where `host` is a name.
bool address_from_ip(struct address *address, struct slice host, uint16_t port);
// A path; false where it is empty or longer than the system takes.
bool address_from_path(struct address *address, struct slice path);
// "ip:port", "[v6]:port", "*:port" (every IPv4 address) or, where it begins with '/', a path. A
// name is refused: that is the resolver's.
bool address_parse(struct address *address, struct slice text, uint16_t default_port,
                   struct error *error);

// "127.0.0.1:3306", "[::1]:3306", "/run/x.sock", "local" for ADDRESS_NONE. Returns `out`.
char *address_print(const struct address *address, char out[ADDRESS_TEXT_SIZE]);
// The same without port and brackets.
char *address_print_host(const struct address *address, char out[ADDRESS_TEXT_SIZE]);

// --- asking -------------------------------------------------------------------------------------

// A v4 address mapped into v6 (::ffff:1.2.3.4) equals the v4 one.
bool address_is_equal(const struct address *a, const struct address *b);
// Whether only this machine can be at the other end: 127.0.0.0/8, ::1, a Unix socket.
bool address_is_local(const struct address *address);

// --- networks -----------------------------------------------------------------------------------

struct address_network {
    enum address_kind kind; // ADDRESS_IP4 or ADDRESS_IP6
    uint8_t prefix;         // leading bits that count
    uint8_t ip[16];
};

// "10.0.0.0/8", "2001:db8::/32", or one address. Bits behind the prefix must be zero.
bool address_network_parse(struct address_network *network, struct slice text, struct error *error);
// A v4 address mapped into v6 is looked up as v4. Paths are in no network.
bool address_network_contains(const struct address_network *network, const struct address *address);
