// Where a statement's text begins for a pattern. The room's own; pure.
#pragma once

#include "proxy/base/slice.h"

// What stands behind leading white space and comments. Executable comments (/*! and /*M!) are code
// and stay.
struct slice text_first_word(struct slice text);
