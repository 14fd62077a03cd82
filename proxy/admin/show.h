// SHOW and DESCRIBE as the SELECT that answers them: see shows.def. Pure; any thread.
#pragma once

#include "proxy/base/buffer.h"
#include "proxy/base/error.h"
#include "proxy/base/slice.h"

enum show_verdict {
    SHOW_NONE, // it is no SHOW
    SHOW_SELECT,
    SHOW_ERROR,
};

// Appends the SELECT (in MySQL's dialect) for `text`. `schema`: the current one, empty for none.
enum show_verdict show_translate(struct slice text, struct slice schema, struct buffer *select,
                                 struct error *error);
