// A walk over a statement's text that puts something else in place of what it finds. What stands
// around it stays byte for byte; an item of a select list that was to be named by what stood in it
// keeps its name. On the stack; borrows the text and the buffer. One thread.
//
//     struct rewriting at;
//     rewriting_begin(&at, sql, &syntax, &out);
//     rewriting_calls(&at, take, context);   // or steps of the caller's own
//     if (rewriting_end(&at)) ...            // `out` has the new text
#pragma once

#include "proxy/base/buffer.h"
#include "router/sql/lexer.h"

#include <stdbool.h>

struct rewriting {
    struct lexer lexer;
    struct token token, before, last; // the present one, and those before it
    struct slice sql;
    struct buffer *out;
    const char *copied; // what stands before it is written
    const char *item;   // where the item of the select list begins; NULL: not in one
    int depth;          // of parentheses
    bool has_call;      // the item has something that was replaced
    bool has_alias;     // the item has AS
    bool is_broken;
};

void rewriting_begin(struct rewriting *at, struct slice sql, const struct sql_syntax *syntax,
                     struct buffer *out);
// Goes to the next token.
void rewriting_advance(struct rewriting *at);
// Writes what stands before `end` and is not written yet.
void rewriting_copy(struct rewriting *at, const char *end);
// Whether the text could be read with certainty up to its end. Writes the rest.
__attribute__((warn_unused_result)) bool rewriting_end(struct rewriting *at);

// Looks whether something to be replaced begins with the present token. Where it does: goes on to
// its last token, writes what takes its place (rewriting_replace() first), and returns true. Else
// it may have gone anywhere, and has written nothing.
typedef bool rewriting_take_fn(struct rewriting *at, void *context);
// Walks to the end of the text, or of its first statement, with `take` at every token.
void rewriting_calls(struct rewriting *at, bool is_first_only, rewriting_take_fn *take,
                     void *context);
// What begins at `start` and ends with the present token is to be replaced.
void rewriting_replace(struct rewriting *at, const char *start);
// The present token begins a call without arguments of that function, and no other's function or a
// column: then the call's last token is the present one.
bool rewriting_take_call(struct rewriting *at, struct slice name);

// The present token begins @@name, @@session.name or @@local.name: then its last token is the
// present one, and `name` stands in the text.
bool rewriting_take_variable(struct rewriting *at, struct slice *name);

static inline bool token_is_symbol(const struct token *token, char symbol)
{
    return token->kind == TOKEN_SYMBOL && token->symbol == (uint16_t)symbol;
}

static inline const char *token_end(const struct token *token)
{
    return token->ptr + token->len;
}
