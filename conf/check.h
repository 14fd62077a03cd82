// What no option says by itself: whether the options fit each other. The room's own.
#pragma once

#include "conf/config.h"

// Resolves the names in rules to servers, and adds every contradiction to `diagnostics`. Texts and
// numbers of single options are right already.
void config_check(struct config *config, struct diagnostics *diagnostics);
