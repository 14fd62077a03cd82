#include "proxy/admin/http_request.h"

#include "tests/lib/cmocka.h"

#include <string.h>

static struct http_request request;

static enum http_verdict read_text(const char *text)
{
    return http_request_read(&request, slice_text(text));
}

static void assert_slice(struct slice s, const char *text)
{
    assert_true(slice_equal(s, slice_text(text)));
}

static void a_request_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_text("GET /api/backends?x=1 HTTP/1.1\r\nHost: localhost:6070\r\n"
                               "Accept: */*\r\nauthorization: Basic YTpi\r\n\r\nrest"),
                     HTTP_WHOLE);
    assert_slice(request.method, "GET");
    assert_slice(request.path, "/api/backends");
    assert_slice(request.host, "localhost");
    assert_slice(request.user, "YTpi");
    assert_false(request.has_body);
    assert_int_equal(read_text("HEAD / HTTP/1.0\nhost:[::1]:80\n\n"), HTTP_WHOLE);
    assert_slice(request.host, "::1");
    assert_int_equal(read_text("GET / HTTP/1.1\r\n\r\n"), HTTP_WHOLE);
    assert_slice(request.host, "");
}

static void bodies_are_noticed(void **state)
{
    (void)state;
    assert_int_equal(read_text("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n"), HTTP_WHOLE);
    assert_true(request.has_body);
    assert_int_equal(read_text("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), HTTP_WHOLE);
    assert_true(request.has_body);
    assert_int_equal(read_text("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), HTTP_WHOLE);
    assert_false(request.has_body);
}

// Cut anywhere, it waits; only at its last byte is it whole.
static void a_request_may_come_in_pieces(void **state)
{
    (void)state;
    const struct slice text = S("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    for (size_t len = 0; len < text.len; len++) {
        assert_int_equal(http_request_read(&request, slice_first(text, len)), HTTP_MORE);
    }
    assert_int_equal(http_request_read(&request, text), HTTP_WHOLE);
}

static void what_is_no_request_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET /\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1 x\r\n\r\n",
        "GET http://x/ HTTP/1.1\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET /\x01 HTTP/1.1\r\n\r\n",
        "G\xffT / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\n: x\r\n\r\n",
        "\x16\x03\x01", // TLS, which would wait for an answer for ever
        "\r",
        "GET\t/",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(read_text(bad[i]), HTTP_BAD);
    }
}

static void a_head_without_end_is_refused_at_its_limit(void **state)
{
    (void)state;
    static char text[HTTP_HEAD_MAX + 1];
    memset(text, 'a', sizeof(text));
    memcpy(text, "GET / HTTP/1.1\r\nA: ", 19);
    assert_int_equal(http_request_read(&request, slice_make(text, HTTP_HEAD_MAX - 1)), HTTP_MORE);
    assert_int_equal(http_request_read(&request, slice_make(text, HTTP_HEAD_MAX)), HTTP_BAD);
    memcpy(text + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
    assert_int_equal(http_request_read(&request, slice_make(text, HTTP_HEAD_MAX + 1)), HTTP_WHOLE);
}

static bool account(const char *base64, struct slice *user, struct slice *password)
{
    static char room[HTTP_HEAD_MAX];
    request = (struct http_request){.user = slice_text(base64)};
    return http_request_account(&request, room, user, password);
}

static void accounts_are_decoded(void **state)
{
    (void)state;
    struct slice user, password;
    assert_true(account("YTpi", &user, &password)); // a:b
    assert_slice(user, "a");
    assert_slice(password, "b");
    assert_true(account("YWRtaW46czplY3JldA==", &user, &password)); // admin:s:ecret
    assert_slice(user, "admin");
    assert_slice(password, "s:ecret");
    assert_true(account("YWRtaW46", &user, &password)); // admin:
    assert_slice(user, "admin");
    assert_slice(password, "");
    assert_true(account("OmI=", &user, &password)); // :b
    assert_slice(user, "");
    assert_slice(password, "b");
    static const char *const bad[] = {"", "YWRtaW4=", "!!!!", "YTp", "====", "Y"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(account(bad[i], &user, &password));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_read),
        cmocka_unit_test(bodies_are_noticed),
        cmocka_unit_test(a_request_may_come_in_pieces),
        cmocka_unit_test(what_is_no_request_is_refused),
        cmocka_unit_test(a_head_without_end_is_refused_at_its_limit),
        cmocka_unit_test(accounts_are_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
