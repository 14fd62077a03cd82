#include "proxy/net/address.h"

#include "proxy/net/socket.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/un.h>

#include <cmocka.h>

static void assert_printed(const char *text, const char *expected)
{
    char out[ADDRESS_TEXT_SIZE];
    struct address address;
    struct error error = ERROR_NONE;
    if (!address_parse(&address, slice_text(text), 3306, &error)) {
        fail_msg("%s: %s", text, error.text);
    }
    assert_string_equal(address_print(&address, out), expected);
}

static void addresses_are_read_and_printed(void **state)
{
    (void)state;
    assert_printed("127.0.0.1:6033", "127.0.0.1:6033");
    assert_printed("127.0.0.1", "127.0.0.1:3306");
    assert_printed("*:1", "0.0.0.0:1");
    assert_printed("[::1]:65535", "[::1]:65535");
    assert_printed("[2001:DB8::1]", "[2001:db8::1]:3306");
    assert_printed("2001:db8::1", "[2001:db8::1]:3306");
    assert_printed("[fe80::1%1]:7", "[fe80::1%1]:7");
    assert_printed("[fe80::1%lo]:7", "[fe80::1%1]:7");
    assert_printed("/run/sluice/sluice.sock", "/run/sluice/sluice.sock");
    assert_printed("0.0.0.0:0", "0.0.0.0:0");
}

static void what_is_no_address_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        {"", "names no host"},
        {":3306", "names no host"},
        {"[]:3306", "names no host"},
        {"[::1", "closing ]"},
        {"[::1]x", "a port is a number"},
        {"[::1]:", "a port is a number"},
        {"127.0.0.1:", "a port is a number"},
        {"127.0.0.1:65536", "a port is a number"},
        {"127.0.0.1:-1", "a port is a number"},
        {"127.0.0.1:33 06", "a port is a number"},
        {"127.0.0.256:1", "no IP address"},
        {"127.1:1", "no IP address"},
        {"db1.example:3306", "no IP address"},
        {"[fe80::1%nosuch]:1", "no IP address"},
        {"[12345::]:1", "no IP address"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct address address;
        struct error error = ERROR_NONE;
        assert_false(address_parse(&address, slice_text(cases[i].text), 3306, &error));
        assert_non_null(strstr(error.text, cases[i].reason));
    }
}

static void a_host_with_a_nul_inside_is_no_address(void **state)
{
    (void)state;
    struct address address;
    assert_false(address_from_ip(&address, S("127.0.0.1\0.example"), 1));
    assert_false(address_from_ip(&address, S("::1\0"), 1));
    assert_false(address_from_ip(&address, SLICE_NONE, 1));
    assert_false(address_from_path(&address, S("/tmp/a\0b")));
}

static void a_path_may_fill_the_systems_space_but_one(void **state)
{
    (void)state;
    char path[ADDRESS_PATH_SIZE + 1];
    struct address address;
    struct error error = ERROR_NONE;
    memset(path, 'p', sizeof(path));
    path[0] = '/';
    assert_true(address_parse(&address, slice_make(path, ADDRESS_PATH_SIZE - 1), 0, &error));
    assert_int_equal(strlen(address.path), ADDRESS_PATH_SIZE - 1);
    assert_false(address_parse(&address, slice_make(path, ADDRESS_PATH_SIZE), 0, &error));
    assert_non_null(strstr(error.text, "107"));
    assert_false(address_from_path(&address, SLICE_NONE));
}

static void host_and_port_are_cut_apart(void **state)
{
    (void)state;
    struct slice host;
    uint16_t port;
    assert_true(address_split(S("db1.example:3307"), 3306, &host, &port, NULL));
    assert_true(slice_equal(host, S("db1.example")));
    assert_int_equal(port, 3307);
    assert_true(address_split(S("db1"), 3306, &host, &port, NULL));
    assert_true(slice_equal(host, S("db1")));
    assert_int_equal(port, 3306);
    assert_true(address_split(S("fe80::1"), 3306, &host, &port, NULL));
    assert_true(slice_equal(host, S("fe80::1")));
}

static void printing_the_host_alone_leaves_port_and_brackets_out(void **state)
{
    (void)state;
    char out[ADDRESS_TEXT_SIZE];
    struct address address;
    assert_true(address_from_ip(&address, S("::1"), 5));
    assert_string_equal(address_print_host(&address, out), "::1");
    assert_true(address_from_ip(&address, S("10.1.2.3"), 5));
    assert_string_equal(address_print_host(&address, out), "10.1.2.3");
    address = (struct address){.kind = ADDRESS_NONE};
    assert_string_equal(address_print(&address, out), "local");
}

static struct address ip(const char *text)
{
    struct address address;
    assert_true(address_from_ip(&address, slice_text(text), 1));
    return address;
}

static bool are_equal(const char *a, const char *b)
{
    struct address first = ip(a);
    struct address second = ip(b);
    return address_is_equal(&first, &second);
}

static void equality_sees_through_mapping_and_heeds_every_part(void **state)
{
    (void)state;
    assert_true(are_equal("1.2.3.4", "1.2.3.4"));
    assert_true(are_equal("::ffff:1.2.3.4", "1.2.3.4"));
    assert_false(are_equal("::ffff:1.2.3.5", "1.2.3.4"));
    assert_false(are_equal("::1", "::2"));
    assert_false(are_equal("fe80::1%1", "fe80::1%2"));
    struct address a = ip("1.2.3.4");
    struct address b = ip("1.2.3.4");
    b.port = 2;
    assert_false(address_is_equal(&a, &b));
    assert_true(address_from_path(&a, S("/a")));
    assert_true(address_from_path(&b, S("/b")));
    assert_false(address_is_equal(&a, &b));
    assert_true(address_from_path(&b, S("/a")));
    assert_true(address_is_equal(&a, &b));
}

static void local_addresses_are_told_from_others(void **state)
{
    (void)state;
    static const char *const local[] = {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"};
    static const char *const others[] = {"128.0.0.1", "126.255.255.255", "::2",
                                         "10.0.0.1",  "::ffff:10.0.0.1", "0.0.0.0"};
    for (size_t i = 0; i < sizeof(local) / sizeof(*local); i++) {
        struct address address = ip(local[i]);
        assert_true(address_is_local(&address));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        struct address address = ip(others[i]);
        assert_false(address_is_local(&address));
    }
    struct address path;
    assert_true(address_from_path(&path, S("/x")));
    assert_true(address_is_local(&path));
}

static void a_network_contains_what_its_prefix_says(void **state)
{
    (void)state;
    static const struct {
        const char *network;
        const char *first_out, *first, *last, *last_out;
    } cases[] = {
        {"10.0.0.0/8", "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"},
        {"192.168.4.0/22", "192.168.3.255", "192.168.4.0", "192.168.7.255", "192.168.8.0"},
        {"192.168.1.128/25", "192.168.1.127", "192.168.1.128", "192.168.1.255", "192.168.2.0"},
        {"1.2.3.4/32", "1.2.3.3", "1.2.3.4", "1.2.3.4", "1.2.3.5"},
        {"1.2.3.4", "1.2.3.3", "1.2.3.4", "1.2.3.4", "1.2.3.5"},
        {"0.0.0.0/0", "::", "0.0.0.0", "255.255.255.255", "::1"},
        {"2001:db8::/33", "2001:db7:ffff::", "2001:db8::", "2001:db8:7fff::1", "2001:db8:8000::"},
        {"::1/128", "::", "::1", "::1", "::2"},
        {"::/0", "1.2.3.4", "::", "ffff::", "4.3.2.1"},
        {"10.0.0.0/8", "::ffff:11.0.0.1", "::ffff:10.0.0.1", "10.9.9.9", "::ffff:9.0.0.1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct address_network network;
        struct address addresses[4] = {ip(cases[i].first_out), ip(cases[i].first),
                                       ip(cases[i].last), ip(cases[i].last_out)};
        assert_true(address_network_parse(&network, slice_text(cases[i].network), NULL));
        assert_false(address_network_contains(&network, &addresses[0]));
        assert_true(address_network_contains(&network, &addresses[1]));
        assert_true(address_network_contains(&network, &addresses[2]));
        assert_false(address_network_contains(&network, &addresses[3]));
    }
    struct address path;
    struct address_network all;
    assert_true(address_from_path(&path, S("/x")));
    assert_true(address_network_parse(&all, S("0.0.0.0/0"), NULL));
    assert_false(address_network_contains(&all, &path));
}

static void networks_with_mistakes_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",           "10.0.0.0/33", "10.0.0.0/",  "10.0.0.0/x",
                                        "10.0.0.1/8", "::/129",      "2001::1/64", "db1/8",
                                        "/8",         "10.0.0.0/-1", "10.0.0/8"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct address_network network;
        struct error error = ERROR_NONE;
        assert_false(address_network_parse(&network, slice_text(wrong[i]), &error));
        assert_int_not_equal(error.code, 0);
    }
}

static void a_name_from_the_kernel_is_read_only_as_far_as_it_goes(void **state)
{
    (void)state;
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    memset(un.sun_path, 'x', sizeof(un.sun_path));
    socklen_t head = offsetof(struct sockaddr_un, sun_path);
    assert_int_equal(address_from_sockaddr((struct sockaddr *)&un, head).kind, ADDRESS_NONE);
    struct address address = address_from_sockaddr((struct sockaddr *)&un, head + 3);
    assert_string_equal(address.path, "xxx");
    // A name without the NUL that our path needs behind it.
    assert_int_equal(address_from_sockaddr((struct sockaddr *)&un, sizeof(un)).kind, ADDRESS_NONE);
    un.sun_path[0] = '\0'; // abstract
    assert_int_equal(address_from_sockaddr((struct sockaddr *)&un, head + 4).kind, ADDRESS_NONE);
    struct sockaddr_in in = {.sin_family = AF_INET};
    assert_int_equal(address_from_sockaddr((struct sockaddr *)&in, sizeof(in) - 1).kind,
                     ADDRESS_NONE);
    assert_int_equal(address_from_sockaddr((struct sockaddr *)&in, 1).kind, ADDRESS_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_printed),
        cmocka_unit_test(what_is_no_address_is_refused_with_a_reason),
        cmocka_unit_test(a_host_with_a_nul_inside_is_no_address),
        cmocka_unit_test(a_path_may_fill_the_systems_space_but_one),
        cmocka_unit_test(host_and_port_are_cut_apart),
        cmocka_unit_test(printing_the_host_alone_leaves_port_and_brackets_out),
        cmocka_unit_test(equality_sees_through_mapping_and_heeds_every_part),
        cmocka_unit_test(local_addresses_are_told_from_others),
        cmocka_unit_test(a_network_contains_what_its_prefix_says),
        cmocka_unit_test(networks_with_mistakes_are_refused),
        cmocka_unit_test(a_name_from_the_kernel_is_read_only_as_far_as_it_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
