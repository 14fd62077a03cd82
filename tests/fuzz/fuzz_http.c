// Any bytes may come to the HTTP port: what is read of them stands in them, and more bytes never
// change what the first ones were found to be.
#include "proxy/admin/http_request.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside_check(struct slice part, struct slice whole)
{
    assert(part.len == 0 ||
           (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

static void account_check(const struct http_request *request)
{
    static char room[HTTP_HEAD_MAX];
    struct slice user, password;
    if (http_request_account(request, room, &user, &password)) {
        inside_check(user, slice_make(room, sizeof(room)));
        inside_check(password, slice_make(room, sizeof(room)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_make(data, size);
    struct http_request request, shorter;
    enum http_verdict verdict = http_request_read(&request, bytes);
    if (verdict == HTTP_WHOLE) {
        assert(request.path.len > 0 && request.path.ptr[0] == '/');
        inside_check(request.method, bytes);
        inside_check(request.path, bytes);
        inside_check(request.host, bytes);
        inside_check(request.user, bytes);
        account_check(&request);
    }
    for (size_t len = 0; len < size; len += 1 + len / 8) {
        enum http_verdict before = http_request_read(&shorter, slice_first(bytes, len));
        assert(before == HTTP_MORE || before == verdict);
    }
    return 0;
}
