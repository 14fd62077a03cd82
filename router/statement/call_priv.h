// Calls of functions, and what each means for the statement that makes it.
#pragma once

#include "router/sql/function.h"
#include "router/statement/parser_priv.h"

// The next token is a parenthesis: finds out what is called, if anything is, and notes what that
// means. `qualifier` stands before the dot, where one stands before the name. Returns the kind of
// the built-in function; PURE where it is none.
enum function_kind call_read(struct parser *parser, const struct token *qualifier);

// The next token is a keyword: some are functions without a parenthesis (CURRENT_USER).
void call_bare(struct parser *parser, enum keyword keyword);

// Notes what a call of a built-in function of that kind means.
void call_builtin(struct parser *parser, struct slice name, enum function_kind kind);
