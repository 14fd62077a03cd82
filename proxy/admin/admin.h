// The operator's ports: SQL over the MySQL protocol (views, commands) and HTTP (metrics, health,
// the views as JSON). Lives on the control thread's loop and touches no other thread's memory: what
// it shows it asks for through struct control.
//
// Accounts ([admin] user and stats_user) are read from the configuration at each login, so that a
// reload changes them. An account without password is let in from this machine only (loopback, Unix
// socket).
#pragma once

#include "proxy/admin/control.h"
#include "proxy/base/error.h"
#include "proxy/net/address.h"
#include "proxy/net/loop.h"
#include "proxy/net/tls.h"
#include "proxy/observe/log.h"

#include <stddef.h>
#include <stdint.h>

struct admin;

struct admin_settings {
    struct loop *loop;             // the control thread's; not running yet, or the calling thread's
    const struct control *control; // borrowed for the admin's life
    const struct log_source *log;  // borrowed
    struct tls_context *tls;       // shown to clients of the SQL port; NULL: none. A reference is
                                   // taken
    int64_t patience_us;           // longest wait for every thread's answer; 0: 5 s
};

// Opens the ports of control's configuration ([admin] listen and http_listen; host names are looked
// up here, waiting). NULL with the reason in `error` where one can't be had.
struct admin *admin_create(const struct admin_settings *settings, struct error *error);
// Closes the ports and every client. Requests still out answer into nothing; each one's memory is
// freed by its done(). Before the loop is destroyed.
void admin_destroy(struct admin *admin);

// Shown to clients that connect from now on; NULL: none. A reference is taken.
void admin_set_tls(struct admin *admin, struct tls_context *tls);

// Closes the ports, lets clients that are connected go on: for a drain.
void admin_stop_listening(struct admin *admin);

// Where the SQL port listens: the addresses of admin.listen in their order, as far as they became
// sockets (a name may stand for several). Of HTTP the same.
size_t admin_address_count(const struct admin *admin);
const struct address *admin_address(const struct admin *admin, size_t index);
size_t admin_http_address_count(const struct admin *admin);
const struct address *admin_http_address(const struct admin *admin, size_t index);
