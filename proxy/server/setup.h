// From a configuration to all that workers need of it, made and checked as a whole: rules compiled,
// certificates loaded, limits counted on. Nothing here waits for a network.
#pragma once

#include "conf/config.h"
#include "conf/diagnostic.h"
#include "proxy/session/worker.h"

// NULL with errors in `diagnostics`. `before` may be NULL; what did not change is taken over from
// it: the counts of its limits, the servers' addresses with their TLS where the files are as they
// were, a certificate made here. It is left as it is, whatever comes of this one. Takes a reference
// to the configuration.
struct worker_setup *setup_make(const struct config *config, struct worker_setup *before,
                                struct diagnostics *diagnostics);

// Whether a running sluice can take `after` over from `before`; else `diagnostics` says what needs
// a restart.
bool setup_can_follow(const struct config *before, const struct config *after,
                      struct diagnostics *diagnostics);
