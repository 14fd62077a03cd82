// What a text is like but for its literals and comments, as a number that is made on the way of
// whoever reads the tokens: it costs a few nanoseconds, where the digest is a reading of its own.
// Texts of the same shape have the same digest; texts of one digest may have several shapes (other
// white space, other case). So a table by shapes spares the digest of what was seen before.
//
// The text is cut at its literals and comments, and the pieces between them are hashed as they
// stand. Lists of literals and rows of such lists count the same from two members on, as the digest
// folds them. (It does not where more than 64 parentheses are open; texts that differ only in the
// number of rows in there share a shape.) One thread; no heap.
#pragma once

#include "router/sql/lexer.h"

struct shape {
    uint64_t hash;    // of the pieces so far
    const char *from; // where the piece begins
    uint8_t cut;      // what stands there: enum shape_cut
    uint8_t row;      // of a list of rows: enum shape_row
    bool is_list;     // a comma and another literal stand behind the last literal
};

enum shape_cut { SHAPE_CUT_NONE, SHAPE_CUT_COMMENT, SHAPE_CUT_LITERAL };

// `first`: the text's first token, which shape_add() is given too.
void shape_init(struct shape *shape, const struct sql_syntax *syntax, const struct token *first);

// Ends the piece at `end`; the next one begins at `from`.
void shape_cut(struct shape *shape, const char *end, enum shape_cut cut, const char *from);

// NULL, TRUE and FALSE are literals, but for IS NOT NULL.
static inline bool shape_is_literal(const struct token *last, const struct token *token)
{
    if (token->kind != TOKEN_WORD) {
        return token->kind >= TOKEN_STRING && token->kind <= TOKEN_PARAMETER;
    }
    return (token->keyword == KEYWORD_NULL || token->keyword == KEYWORD_TRUE ||
            token->keyword == KEYWORD_FALSE) &&
           last->keyword != KEYWORD_IS && last->keyword != KEYWORD_NOT;
}

// The next token of the text, and the one before it (the first has itself before it).
static inline void shape_add(struct shape *shape, const struct token *last,
                             const struct token *token)
{
    if (token->gap == GAP_COMMENT && token->kind > TOKEN_BROKEN && last != token) {
        shape_cut(shape, last->ptr + last->len, SHAPE_CUT_COMMENT, token->ptr);
    }
    if (shape_is_literal(last, token)) {
        shape_cut(shape, token->ptr, SHAPE_CUT_LITERAL, token->ptr + token->len);
    }
}

// The shape of a text that ends behind `last`. Never 0.
uint64_t shape_end(struct shape *shape, const struct token *last);
