#include "proxy/admin/http_request.h"

#include <openssl/evp.h>

// --- lines --------------------------------------------------------------------------------------

// The next line of the head without its end; false where there is none. A bare line feed ends a
// line too (RFC 9112, 2.2).
static bool line_cut(struct slice *rest, struct slice *line)
{
    if (!slice_cut(rest, '\n', line)) {
        return false;
    }
    if (line->len > 0 && line->ptr[line->len - 1] == '\r') {
        line->len--;
    }
    return true;
}

// Length of the head, the empty line at its end included; 0 where it has not ended.
static size_t head_len(struct slice bytes)
{
    struct slice rest = bytes;
    struct slice line;
    while (line_cut(&rest, &line) && rest.ptr != NULL) {
        if (line.len == 0) {
            return (size_t)(rest.ptr - bytes.ptr);
        }
    }
    return 0;
}

// --- the request line ---------------------------------------------------------------------------

static bool is_token(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c <= ' ' || c >= 0x7f || memchr("()<>@,;:\\\"/[]?={}", c, 17) != NULL) {
            return false;
        }
    }
    return text.len > 0;
}

// What can't become a request whatever comes: another protocol, which may wait for an answer.
static bool begins_wrongly(struct slice bytes)
{
    return bytes.len > 0 && !is_token(slice_first(bytes, slice_find(bytes, ' ')));
}

static bool is_printable(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

static bool request_line_read(struct http_request *request, struct slice line)
{
    struct slice target, version, none;
    if (!slice_cut(&line, ' ', &request->method) || !slice_cut(&line, ' ', &target) ||
        !slice_cut(&line, ' ', &version) || slice_cut(&line, ' ', &none)) {
        return false;
    }
    request->path = slice_first(target, slice_find(target, '?'));
    return is_token(request->method) && target.len > 0 && target.ptr[0] == '/' &&
           is_printable(target) && slice_starts_nocase(version, S("HTTP/1."));
}

// --- headers ------------------------------------------------------------------------------------

// "host:port", "[v6]:port", "host".
static struct slice host_only(struct slice value)
{
    if (value.len > 0 && value.ptr[0] == '[') {
        return slice_from(slice_first(value, slice_find(value, ']')), 1);
    }
    return slice_first(value, slice_find(value, ':'));
}

static void header_take(struct http_request *request, struct slice name, struct slice value)
{
    const struct slice basic = S("Basic ");
    if (slice_equal_nocase(name, S("Host"))) {
        request->host = host_only(value);
    } else if (slice_equal_nocase(name, S("Authorization")) && slice_starts_nocase(value, basic)) {
        request->user = slice_trim(slice_from(value, basic.len));
    } else if (slice_equal_nocase(name, S("Transfer-Encoding"))) {
        request->has_body = true;
    } else if (slice_equal_nocase(name, S("Content-Length"))) {
        request->has_body |= !slice_equal(value, S("0"));
    }
}

static bool header_read(struct http_request *request, struct slice line)
{
    struct slice name;
    size_t colon = slice_find(line, ':');
    if (colon == line.len) {
        return false;
    }
    name = slice_first(line, colon);
    header_take(request, name, slice_trim(slice_from(line, colon + 1)));
    return is_token(name); // no space before the colon, no line that goes on from the one above
}

enum http_verdict http_request_read(struct http_request *request, struct slice bytes)
{
    struct slice rest = slice_first(bytes, HTTP_HEAD_MAX);
    struct slice line;
    size_t len = head_len(rest);
    *request = (struct http_request){.has_body = false};
    if (len == 0) {
        return begins_wrongly(bytes) || bytes.len >= HTTP_HEAD_MAX ? HTTP_BAD : HTTP_MORE;
    }
    rest = slice_first(rest, len);
    if (!line_cut(&rest, &line) || !request_line_read(request, line)) {
        return HTTP_BAD;
    }
    while (line_cut(&rest, &line) && line.len > 0) {
        if (!header_read(request, line)) {
            return HTTP_BAD;
        }
    }
    return HTTP_WHOLE;
}

// --- who asks -----------------------------------------------------------------------------------

bool http_request_account(const struct http_request *request, char *room, struct slice *user,
                          struct slice *password)
{
    struct slice text = request->user;
    int len =
        EVP_DecodeBlock((unsigned char *)room, (const unsigned char *)text.ptr, (int)text.len);
    if (text.len == 0 || len < 0) {
        return false;
    }
    // The padding is decoded too, as zeros.
    for (size_t i = 1; i <= 2 && i <= text.len && text.ptr[text.len - i] == '='; i++) {
        len--;
    }
    struct slice pair = slice_make(room, (size_t)len);
    size_t colon = slice_find(pair, ':');
    *user = slice_first(pair, colon);
    *password = slice_from(pair, colon + 1);
    return colon < pair.len;
}
