// What the sessions of the leak test do, drawn by weight from the rows of acts.def.
#pragma once

#include "tests/leak/twins.h"

#include <stdbool.h>

// Does one act, or goes on with the one that is pending. Returns whether the twins got the same.
bool acts_run(struct twins *twins);
// How often each kind was done, a line each.
void acts_show(void);
