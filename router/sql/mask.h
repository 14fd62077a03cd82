// A masked text: the text itself with each plain literal (12, 12.5, 'text') replaced by one byte.
// Two texts that are equal once masked, read with the same syntax, have the same tokens but for
// what their literals say. Cheaper than lexing by far, since it only has to be right about plain
// texts: what it would have to think about (comments, backslashes, prefixes, exponents, several
// statements) cannot be masked, and is read in the ordinary way.
//
//   SELECT c FROM t WHERE id=5012 AND s = 'on'      SELECT c FROM t WHERE id=<1> AND s = <2>
//
// White space, case and the length of lists are kept: this is no digest. Any thread.
#pragma once

#include "proxy/base/slice.h"
#include "router/sql/syntax.h"

#include <stdbool.h>
#include <stddef.h>

struct sql_mask {
    size_t len;        // of what was written; 0: the text cannot be masked
    bool has_literals; // else only the very same text is equal
};

// Writes the masked `sql` to `out`, which has room for `sql.len` bytes.
struct sql_mask sql_mask_write(struct slice sql, const struct sql_syntax *syntax, char *out);
