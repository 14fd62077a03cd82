// The fingerprint of a statement: what is left when literals, comments and white space are gone.
//
//   SELECT c FROM t WHERE id=5012 -- x         SELECT c FROM t WHERE id = ?
//   select * from t where a in (1,2, 3)        SELECT * FROM t WHERE a IN (?, ...)
//   INSERT INTO t VALUES (1,'a'),(2,NULL)      INSERT INTO t VALUES (?, ...)
//
// Keywords and built-in functions are in upper case, identifiers keep theirs (and lose quotes that
// they don't need); literals, NULL, TRUE, FALSE and their signs are `?`, a run of them between
// commas is `?, ...`, and further rows of VALUES are gone. Executable comments count as executed.
// The hash is XXH3 of the digest's text: the same on every machine and in every version that folds
// alike. Any bytes are a valid input. No heap. Any thread.
#pragma once

#include "proxy/base/slice.h"
#include "router/sql/syntax.h"

#include <stdint.h>

// The hash; the text is never built.
uint64_t sql_digest_hash(struct slice sql, const struct sql_syntax *syntax);

// The hash, and the text in `out`, cut at `size` bytes (not NUL-terminated); `*len` bytes were
// written.
uint64_t sql_digest_text(struct slice sql, const struct sql_syntax *syntax, char *out, size_t size,
                         size_t *len);
