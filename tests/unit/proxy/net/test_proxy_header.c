// PROXY headers: versions 1 and 2 byte by byte, what is none, and our own.
#include "proxy/net/proxy_header.h"

#include "proxy/base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define IP4_PAIR  "\xc0\0\2\1\xc6\x33\x64\1\xdc\4\x0c\xea"

// Whole it is read, every beginning of it waits for more, and what follows is not looked at.
static struct proxy_header read_whole(struct slice bytes)
{
    struct proxy_header header;
    struct buffer more = BUFFER_INIT;
    for (size_t len = 0; len < bytes.len; len++) {
        assert_int_equal(proxy_header_decode(&header, slice_first(bytes, len)), PROXY_HEADER_MORE);
    }
    buffer_append_slice(&more, bytes);
    buffer_append_slice(&more, bytes);
    assert_int_equal(proxy_header_decode(&header, buffer_slice(&more)), PROXY_HEADER_READ);
    assert_int_equal(header.len, bytes.len);
    buffer_release(&more);
    return header;
}

static void assert_client(struct slice bytes, const char *expected)
{
    char text[ADDRESS_TEXT_SIZE];
    struct proxy_header header = read_whole(bytes);
    assert_true(header.has_client);
    assert_string_equal(address_print(&header.client, text), expected);
}

static void version_1_names_the_client(void **state)
{
    (void)state;
    assert_client(S("PROXY TCP4 192.0.2.1 198.51.100.1 56324 3306\r\n"), "192.0.2.1:56324");
    assert_client(S("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
                  "255.255.255.255:65535");
    assert_client(S("PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n"), "[2001:db8::1]:1");
    assert_client(S("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
                  "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

static void version_2_names_the_client(void **state)
{
    static const char ip6[] =
        SIGNATURE "\x21\x21\0\x24"
                  "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2"
                  "\xdc\4\x0c\xea";
    (void)state;
    assert_client(S(SIGNATURE "\x21\x11\0\x0c" IP4_PAIR), "192.0.2.1:56324");
    assert_client(slice_make(ip6, sizeof(ip6) - 1), "[2001:db8::1]:56324");
}

static void notes_behind_the_addresses_are_skipped(void **state)
{
    struct buffer bytes = BUFFER_INIT;
    (void)state;
    assert_client(S(SIGNATURE "\x21\x11\0\x13" IP4_PAIR "\4\0\4abcd"), "192.0.2.1:56324");
    buffer_append_slice(&bytes, S(SIGNATURE "\x21\x11\x0f\xf0" IP4_PAIR));
    for (size_t left = PROXY_HEADER_MOST - buffer_len(&bytes); left > 0; left--) {
        buffer_append(&bytes, "x", 1);
    }
    assert_client(buffer_slice(&bytes), "192.0.2.1:56324"); // the longest
    buffer_release(&bytes);
}

static void a_unix_client_is_told_by_its_path(void **state)
{
    static const char signature[] = SIGNATURE "\x21\x31\0\xd8";
    char bytes[16 + 216] = {0};
    (void)state;
    memcpy(bytes, signature, sizeof(signature) - 1);
    memcpy(bytes + 16, "/run/app.sock", 13);
    assert_client(slice_make(bytes, sizeof(bytes)), "/run/app.sock");
    bytes[16] = '\0'; // an abstract one
    assert_client(slice_make(bytes, sizeof(bytes)), "local");
    memset(bytes + 16, 'x', 108); // a path that never ends
    bytes[16] = '/';
    assert_true(read_whole(slice_make(bytes, sizeof(bytes))).has_client);
}

static void local_and_unknown_leave_the_connection_as_it_is(void **state)
{
    (void)state;
    assert_false(read_whole(S("PROXY UNKNOWN\r\n")).has_client);
    assert_false(read_whole(S("PROXY UNKNOWN 1 2 3 4 whatever\r\n")).has_client);
    assert_false(read_whole(S(SIGNATURE "\x20\0\0\0")).has_client);
    assert_false(read_whole(S(SIGNATURE "\x20\x11\0\x0c" IP4_PAIR)).has_client); // a health check
    assert_false(read_whole(S(SIGNATURE "\x21\0\0\2xx")).has_client);            // UNSPEC
}

static void what_is_no_header_is_bad_at_its_first_wrong_byte(void **state)
{
    static const struct slice none[] = {
        SLICE_INIT("x"),
        SLICE_INIT("PROXZ"),
        SLICE_INIT("\r\n\r\n\r"),
        SLICE_INIT("GET / HTTP/1.1"),
        SLICE_INIT("\x16\x03\x01"),
        SLICE_INIT("PROXY \r\n"),
        SLICE_INIT("PROXY TCP4\r\n"),
        SLICE_INIT("PROXY UNKNOWNX\r\n"),
        SLICE_INIT("PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n"),
        SLICE_INIT("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n"),
        SLICE_INIT("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n"),
        SLICE_INIT("PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n"),
        SLICE_INIT("PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n"),
        SLICE_INIT("PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n"),
        SLICE_INIT("PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n"),
        SLICE_INIT("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n"),
        SLICE_INIT("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n"),
        SLICE_INIT("PROXY TCP6 fe80::1%lo fe80::2 1 2\r\n"),
        SLICE_INIT("PROXY TCP6 fe80::1\0 fe80::2 1 2\r\n"),
        SLICE_INIT(SIGNATURE "\x11\x11\0\x0c" IP4_PAIR), // version 1 in version 2's form
        SLICE_INIT(SIGNATURE "\x22\x11\0\x0c" IP4_PAIR),
        SLICE_INIT(SIGNATURE "\x21\x12\0\x0c" IP4_PAIR), // UDP
        SLICE_INIT(SIGNATURE "\x21\x11\0\x0b" IP4_PAIR),
        SLICE_INIT(SIGNATURE "\x21\x21\0\x0c" IP4_PAIR),
        SLICE_INIT(SIGNATURE "\x21\x31\0\x0c" IP4_PAIR),
        SLICE_INIT(SIGNATURE "\x21\x11\x0f\xf1" IP4_PAIR), // one byte too long
    };
    struct proxy_header header;
    (void)state;
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        if (proxy_header_decode(&header, none[i]) != PROXY_HEADER_BAD) {
            fail_msg("number %zu is taken", i);
        }
        assert_non_null(header.fault);
    }
}

static void a_line_that_does_not_end_is_bad(void **state)
{
    char line[108];
    struct proxy_header header;
    (void)state;
    memset(line, 'x', sizeof(line));
    memcpy(line, "PROXY UNKNOWN ", 14);
    assert_int_equal(proxy_header_decode(&header, slice_make(line, 106)), PROXY_HEADER_MORE);
    assert_int_equal(proxy_header_decode(&header, slice_make(line, 107)), PROXY_HEADER_BAD);
    memcpy(line + 105, "\r\n", 2);
    assert_int_equal(proxy_header_decode(&header, slice_make(line, 108)), PROXY_HEADER_READ);
}

// --- out -----------------------------------------------------------------------------------------

static struct address ip(const char *text, uint16_t port)
{
    struct address address;
    assert_true(address_from_ip(&address, slice_text(text), port));
    return address;
}

static void our_own_is_read_back(void **state)
{
    uint8_t out[PROXY_HEADER_OUT_SIZE];
    struct address client = ip("192.0.2.1", 56324), server = ip("198.51.100.1", 3306);
    struct slice expected = S(SIGNATURE "\x21\x11\0\x0c" IP4_PAIR);
    (void)state;
    assert_int_equal(proxy_header_encode(&client, &server, out), expected.len);
    assert_memory_equal(out, expected.ptr, expected.len);

    client = ip("2001:db8::1", 7);
    size_t len = proxy_header_encode(&client, &server, out); // of two families
    assert_int_equal(len, PROXY_HEADER_OUT_SIZE);
    assert_client(slice_make(out, len), "[2001:db8::1]:7");

    client = (struct address){.kind = ADDRESS_NONE};
    expected = S(SIGNATURE "\x20\0\0\0");
    assert_int_equal(proxy_header_encode(&client, &server, out), expected.len);
    assert_memory_equal(out, expected.ptr, expected.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1_names_the_client),
        cmocka_unit_test(version_2_names_the_client),
        cmocka_unit_test(notes_behind_the_addresses_are_skipped),
        cmocka_unit_test(a_unix_client_is_told_by_its_path),
        cmocka_unit_test(local_and_unknown_leave_the_connection_as_it_is),
        cmocka_unit_test(what_is_no_header_is_bad_at_its_first_wrong_byte),
        cmocka_unit_test(a_line_that_does_not_end_is_bad),
        cmocka_unit_test(our_own_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
