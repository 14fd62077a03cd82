// A listening socket on a loop. Created on the heap; one thread: the loop's.
#pragma once

#include "proxy/base/error.h"
#include "proxy/base/slice.h"
#include "proxy/net/address.h"
#include "proxy/net/loop.h"

#include <stdbool.h>

struct listener;

struct listener_settings {
    // A new connection: `fd` (non-blocking, close-on-exec) is the callee's. `peer` is borrowed. The
    // callee may close the listener.
    void (*on_accept)(struct listener *listener, int fd, const struct address *peer);
    void *owner;          // for listener_owner()
    unsigned index;       // for listener_index(): which of the configured addresses
    bool is_shared;       // SO_REUSEPORT: every worker has a socket of its own on the address
    int backlog;          // 0: the system's most
    struct slice refusal; // said to a client that comes while descriptors are used up, before it is
                          // closed; borrowed for the listener's life; may be empty
};

// Binds and listens. A Unix socket's file is world-connectable (the login decides who may enter); a
// stale one that nobody answers on is replaced, a live one is an error. NULL with the reason in
// `error`.
struct listener *listener_create(struct loop *loop, const struct address *address,
                                 const struct listener_settings *settings, struct error *error);
// Takes over a socket that already listens (handed over, or shared by workers as a duplicate). The
// file of a Unix socket stays when this listener goes.
struct listener *listener_adopt(struct loop *loop, int fd, const struct listener_settings *settings,
                                struct error *error);
// Closes and frees; may be called in on_accept. Removes the file of a Unix socket that it made.
void listener_close(struct listener *listener);

void *listener_owner(const struct listener *listener);
unsigned listener_index(const struct listener *listener);
// Where it listens; the port that the kernel chose where 0 was asked for.
const struct address *listener_address(const struct listener *listener);
// For handing over: stays the listener's.
int listener_fd(const struct listener *listener);
