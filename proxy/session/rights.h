// What an account may do to the sessions of others, as the servers' grants have it.
#pragma once

#include "proxy/base/slice.h"

enum right {
    RIGHT_SEE = 1 << 0,  // all sessions are shown: PROCESS
    RIGHT_KILL = 1 << 1, // any session may be ended: CONNECTION ADMIN, SUPER
};

// The rights that a line of SHOW GRANTS gives on everything.
unsigned rights_of_grant(struct slice line);
