// The HTTP port: /metrics, /healthz, /readyz, /api/<view>; see pages.def. GET and HEAD only; a
// connection serves one request and has to be done with it in a few seconds; so many at once, one
// more is closed. One thread: the control thread's.
//
// It stands on proxy/net's streams and not on evhttp, which bounds neither the number of its
// connections nor their life.
//
// A client may shut its own sending side behind its request (nc -N does). One that closes looks the
// same from here, so that its answer is made all the same and goes nowhere.
//
// Metrics and health are shown to whoever reaches the port. The views are shown to this machine
// without a password; to others only with the name and password of an admin account (HTTP basic
// authentication).
#pragma once

#include "proxy/admin/desk.h"
#include "proxy/base/error.h"
#include "proxy/net/address.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    HTTP_CLIENTS_MAX = 64,
    HTTP_VIEWS_MAX = 4, // views being made at a time, which may be large; one more gets 503
};

struct http;

// `desk` is borrowed for its life. Never NULL.
struct http *http_create(const struct desk *desk);
// Closes listeners and connections; requests still out answer into nothing.
void http_destroy(struct http *http);

// Listens on one more address.
bool http_listen(struct http *http, const struct address *address, struct error *error);
void http_stop_listening(struct http *http);

// Where it listens.
size_t http_address_count(const struct http *http);
const struct address *http_address(const struct http *http, size_t index);
