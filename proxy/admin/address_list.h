// Where a port listens: the addresses of a configuration's option, host names looked up. For the
// start alone: looking up waits. One thread.
#pragma once

#include "conf/address.h"
#include "proxy/base/error.h"
#include "proxy/net/address.h"

#include <stddef.h>

enum { ADDRESS_LIST_MAX = 64 };

struct address_list {
    size_t count;
    struct address addresses[ADDRESS_LIST_MAX];
};

// Adds every address that `conf` stands for; a name may stand for several. False with the reason in
// `error`.
bool address_list_add(struct address_list *list, const struct conf_address *conf,
                      struct error *error);
