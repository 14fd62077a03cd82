// The authentication plugins that sluice speaks: see auth_plugins.def. Any thread.
#pragma once

#include "proxy/base/slice.h"

#include <stddef.h>

enum auth_plugin {
    AUTH_PLUGIN_UNKNOWN, // any other
#define ROW(name, wire, proof, sentence) AUTH_PLUGIN_##name,
#include "protocol/login/auth_plugins.def"
#undef ROW
};

// By the name that packets carry.
enum auth_plugin auth_plugin_find(struct slice name);
// The name that packets carry; empty for AUTH_PLUGIN_UNKNOWN.
struct slice auth_plugin_name(enum auth_plugin plugin);
// Bytes of a proof that is not of an empty password; 0 where any number is right.
size_t auth_plugin_proof_size(enum auth_plugin plugin);
