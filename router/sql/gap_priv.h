// What stands between tokens: white space, comments, the marks of executable comments.
#pragma once

#include "router/sql/lexer.h"

// Where the text, or the executable comment that is being read, ends: no token goes past it.
static inline const unsigned char *lexer_limit(const struct lexer *lexer)
{
    return lexer->executable_end != NULL ? lexer->executable_end : lexer->end;
}

// Goes to the first byte of the next token, or to the text's end; says what was between.
enum token_gap gap_skip(struct lexer *lexer);
