// The head of an HTTP request as a plain struct: what this port needs of it. RFC 9112. Pure; any
// thread.
#pragma once

#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stddef.h>

enum { HTTP_HEAD_MAX = 8192 }; // bytes of request line and headers together

struct http_request {
    struct slice method; // "GET"
    struct slice path;   // without "?..." behind it; not decoded
    struct slice host;   // of the Host header, without port; empty: none
    struct slice user;   // of "Authorization: Basic": still in base64; empty: none
    bool has_body;
};

enum http_verdict {
    HTTP_MORE, // the head has not ended yet
    HTTP_WHOLE,
    HTTP_BAD,
};

// Reads the head at the beginning of `bytes`; the slices point into them. More than HTTP_HEAD_MAX
// bytes without an end are HTTP_BAD.
enum http_verdict http_request_read(struct http_request *request, struct slice bytes);

// Name and password of request->user, decoded into `room` (HTTP_HEAD_MAX bytes). False where there
// are none.
bool http_request_account(const struct http_request *request, char *room, struct slice *user,
                          struct slice *password);
