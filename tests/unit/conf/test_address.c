// Addresses and networks as an operator writes them.
#include "conf/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/un.h>
#include <cmocka.h>

static const char P107[] =
    "/2345678901234567890123456789012345678901234567890123456789012345678901234"
    "567890123456789012345678901234567";

static void test_addresses_are_read(void **state)
{
    static const struct {
        const char *written, *host, *text;
        int port;
        bool is_numeric;
    } good[] = {
        {"127.0.0.1:3306", "127.0.0.1", "127.0.0.1:3306", 3306, true},
        {"db-1.example_x.com:1", "db-1.example_x.com", "db-1.example_x.com:1", 1, false},
        {"[::1]:65535", "::1", "[::1]:65535", 65535, true},
        {"[FE80::1]:0", "FE80::1", "[FE80::1]:0", 0, true},
        {"1a:00080", "1a", "1a:80", 80, false},
    };
    struct arena arena = ARENA_INIT;
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct conf_address address;
        assert_null(conf_address_parse(&address, slice_text(good[i].written), &arena));
        assert_int_equal(address.kind, CONF_ADDRESS_TCP);
        assert_string_equal(address.host.ptr, good[i].host);
        assert_string_equal(address.text.ptr, good[i].text);
        assert_int_equal(address.port, good[i].port);
        assert_int_equal(address.is_numeric, good[i].is_numeric);
    }
    struct conf_address address;
    assert_null(conf_address_parse(&address, slice_text(P107), &arena));
    assert_int_equal(address.kind, CONF_ADDRESS_UNIX);
    assert_string_equal(address.path.ptr, P107);
    arena_release(&arena);
}

static void test_bad_addresses_are_told(void **state)
{
    static const char *const bad[][2] = {
        {"", "empty"},
        {"db1", "no port"},
        {"db1:", "the port is a number up to 65535"},
        {"db1:x", "the port is a number up to 65535"},
        {"db1:65536", "the port is a number up to 65535"},
        {":3306", "no host before the port; every address is 0.0.0.0 or [::]"},
        {"*:3306", "the name of a host has letters, digits, dots, hyphens and underscores"},
        {"::1:3306", "an IPv6 address stands in brackets, [::1]:3306"},
        {"1.2.3:3306", "no IPv4 address"},
        {"1.2.3.400:3306", "no IPv4 address"},
        {"[::1]", "no port"},
        {"[::1]3306", "no port"},
        {"[::1:3306", "no IPv6 address in brackets"},
        {"[1.2.3.4]:3306", "no IPv6 address in brackets"},
        {"[]:1", "no IPv6 address in brackets"},
    };
    struct arena arena = ARENA_INIT;
    char path[109];
    struct conf_address address;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_string_equal(conf_address_parse(&address, slice_text(bad[i][0]), &arena), bad[i][1]);
    }
    snprintf(path, sizeof(path), "%s8", P107);
    assert_string_equal(conf_address_parse(&address, slice_text(path), &arena),
                        "the path of a socket has at most 107 bytes");
    arena_release(&arena);
}

static struct conf_address address_of(const char *text, struct arena *arena)
{
    struct conf_address address;
    assert_null(conf_address_parse(&address, slice_text(text), arena));
    return address;
}

static void test_addresses_compare_by_the_place_they_mean(void **state)
{
    static const struct {
        const char *a, *b;
        bool is_equal, collides;
    } pairs[] = {
        {"h:1", "H:1", true, true},
        {"h:1", "h:2", false, false},
        {"h:1", "g:1", false, false},
        {"[::1]:1", "[0:0::0001]:1", true, true},
        {"127.0.0.1:1", "[::1]:1", false, false},
        {"0.0.0.0:1", "127.0.0.1:1", false, true},
        {"127.0.0.1:1", "0.0.0.0:1", false, true},
        {"0.0.0.0:1", "127.0.0.1:2", false, false},
        {"0.0.0.0:1", "[::1]:1", false, false},
        {"[::]:1", "[::1]:1", false, true},
        {"0.0.0.0:0", "0.0.0.0:0", true, false},
        {"/a", "/a", true, true},
        {"/a", "/A", false, false},
        {"/a", "a:1", false, false},
    };
    struct arena arena = ARENA_INIT;
    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct conf_address a = address_of(pairs[i].a, &arena), b = address_of(pairs[i].b, &arena);
        assert_int_equal(conf_address_equal(&a, &b), pairs[i].is_equal);
        assert_int_equal(conf_address_collides(&a, &b), pairs[i].collides);
    }
    arena_release(&arena);
}

static void test_what_only_this_machine_reaches_is_local(void **state)
{
    static const char *const local[] = {"127.0.0.1:1", "127.255.0.1:1", "[::1]:1", "LocalHost:1",
                                        "/run/x"};
    static const char *const open[] = {"0.0.0.0:1", "128.0.0.1:1", "[::]:1", "[::2]:1",
                                       "localhost.example:1"};
    struct arena arena = ARENA_INIT;
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct conf_address a = address_of(local[i], &arena), b = address_of(open[i], &arena);
        assert_true(conf_address_is_local(&a));
        assert_false(conf_address_is_local(&b));
    }
    arena_release(&arena);
}

static void test_networks_are_read_and_written(void **state)
{
    static const char *const good[][2] = {
        {"10.0.0.0/8", "10.0.0.0/8"},
        {"10.1.2.3", "10.1.2.3"},
        {"10.1.2.3/32", "10.1.2.3"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"fd00:0::/16", "fd00::/16"},
        {"::1", "::1"},
        {"::/0", "::/0"},
        {"10.1.128.0/17", "10.1.128.0/17"},
    };
    static const char *const bad[][2] = {
        {"10.0.0.0/33", "the prefix length is 0 to 32"},
        {"10.0.0.0/", "the prefix length is 0 to 32"},
        {"10.0.0.0/x", "the prefix length is 0 to 32"},
        {"::/129", "the prefix length is 0 to 128"},
        {"10.0.0.1/31", "bits are set behind the prefix"},
        {"fd00::1/127", "bits are set behind the prefix"},
        {"10.0.0/8", "no IP address"},
        {"example.com", "no IP address"},
        {"/8", "no IP address"},
        {"::ffff:10.0.0.0/104", "an IPv4 network is written as one, 10.0.0.0/8"},
    };
    struct conf_network network;
    char text[CONF_NETWORK_TEXT_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_null(conf_network_parse(&network, slice_text(good[i][0])));
        assert_string_equal(conf_network_text(&network, text), good[i][1]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_string_equal(conf_network_parse(&network, slice_text(bad[i][0])), bad[i][1]);
    }
}

static bool has_v4(const char *network_text, const char *peer)
{
    struct conf_network network;
    struct sockaddr_in address = {.sin_family = AF_INET};
    assert_null(conf_network_parse(&network, slice_text(network_text)));
    assert_int_equal(inet_pton(AF_INET, peer, &address.sin_addr), 1);
    return conf_network_has(&network, (struct sockaddr *)&address);
}

static bool has_v6(const char *network_text, const char *peer)
{
    struct conf_network network;
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    assert_null(conf_network_parse(&network, slice_text(network_text)));
    assert_int_equal(inet_pton(AF_INET6, peer, &address.sin6_addr), 1);
    return conf_network_has(&network, (struct sockaddr *)&address);
}

static void test_peers_are_found_in_networks(void **state)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct conf_network all;
    (void)state;
    assert_true(has_v4("10.0.0.0/8", "10.255.255.255"));
    assert_false(has_v4("10.0.0.0/8", "11.0.0.0"));
    assert_true(has_v4("10.128.0.0/9", "10.128.0.0"));
    assert_false(has_v4("10.128.0.0/9", "10.127.255.255"));
    assert_true(has_v4("0.0.0.0/0", "255.1.2.3"));
    assert_true(has_v4("1.2.3.4", "1.2.3.4"));
    assert_false(has_v4("1.2.3.4", "1.2.3.5"));
    assert_false(has_v4("::/0", "1.2.3.5"));
    assert_true(has_v6("fd00::/8", "fdff::1"));
    assert_false(has_v6("fd00::/8", "fe00::1"));
    assert_false(has_v6("0.0.0.0/0", "fd00::1"));
    assert_true(has_v6("::1", "::1"));
    // A socket of both families gives IPv4 clients so.
    assert_true(has_v6("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert_false(has_v6("::/0", "::ffff:10.1.2.3"));
    assert_null(conf_network_parse(&all, S("0.0.0.0/0")));
    assert_false(conf_network_has(&all, (struct sockaddr *)&local));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_are_read),
        cmocka_unit_test(test_bad_addresses_are_told),
        cmocka_unit_test(test_addresses_compare_by_the_place_they_mean),
        cmocka_unit_test(test_what_only_this_machine_reaches_is_local),
        cmocka_unit_test(test_networks_are_read_and_written),
        cmocka_unit_test(test_peers_are_found_in_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
