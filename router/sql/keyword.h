// The words that mean something: keywords.def. Constant tables. Any thread.
#pragma once

#include "proxy/base/slice.h"

#include <stdbool.h>

enum keyword {
    KEYWORD_NONE,
#define LETTER(letter)
#define KEYWORD(name, kind) KEYWORD_##name,
#include "router/sql/keywords.def"
#undef KEYWORD
#undef LETTER
    KEYWORD_COUNT_OF,
};

// The keyword that `word` is, in whatever case; KEYWORD_NONE where it is none.
enum keyword keyword_find(struct slice word);
// In upper case; empty for KEYWORD_NONE.
struct slice keyword_name(enum keyword keyword);
// Every server reserves it: unquoted it is never an identifier.
bool keyword_is_reserved(enum keyword keyword);
// A parenthesis behind it never makes a call of a stored function of it.
bool keyword_is_grammar(enum keyword keyword);
