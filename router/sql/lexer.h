// Cuts SQL text into tokens as the servers do: quotes, comments, executable comments, character
// sets whose bytes look like quotes. It never reads past the text's end and takes any bytes; what
// a server refuses as a token, or what two servers read in different ways, is TOKEN_BROKEN. One
// token at a time, no heap, no copy. One thread.
//
// Plain comments never come out. Executable comments (/*! ... */, /*!50000 ... */,
// /*M!100100 ... */) are code for some servers and comments for others. Those that every server
// runs are simply code. The others are numbered from 0 as they come, and `skipped` says which of
// them are to be taken for comments: whoever wants certainty reads the text once for every set of
// them. Each ends for both kinds of servers at the same place, or the text is broken.
//
// The rules are those of the servers' own lexer (sql/sql_lex.cc in both families).
#pragma once

#include "proxy/base/slice.h"
#include "router/sql/keyword.h"
#include "router/sql/syntax.h"

#include <stdbool.h>
#include <stdint.h>

enum token_kind {
    TOKEN_END,             // of the text
    TOKEN_BROKEN,          // not to be read with certainty from here on
    TOKEN_WORD,            // identifier or keyword without quotes: `keyword` says which
    TOKEN_NAME,            // identifier in quotes, or right behind a dot: never a keyword
    TOKEN_STRING,          // 'x', "x", N'x'; of _utf8'x' the second part
    TOKEN_NUMBER,          // 1, 1.5, 1e10, .5, 0x1F, 0b01, x'1F', b'01'
    TOKEN_NULL,            // \N
    TOKEN_PARAMETER,       // ?
    TOKEN_USER_VARIABLE,   // @v, @'v', @`v`, @"v"; of an account u@h the second part
    TOKEN_SYSTEM_VARIABLE, // @@ alone; the name follows
    TOKEN_SYMBOL,          // one character, in `symbol`; := is SYMBOL_ASSIGN
};

enum { SYMBOL_ASSIGN = 256 };

// What stands between a token and the one before it.
enum token_gap { GAP_NONE, GAP_SPACE, GAP_COMMENT };

struct token {
    const char *ptr; // as written, quotes included
    uint32_t len;
    uint16_t keyword; // of a WORD: enum keyword; KEYWORD_NONE where it is none
    uint16_t symbol;  // of a SYMBOL
    uint8_t kind;     // enum token_kind
    uint8_t gap;      // enum token_gap
};

enum {
    LEXER_HINTS_MAX = 8,      // further ones are not kept
    LEXER_EXECUTABLES_MAX = 4 // with more the text is broken
};

struct lexer {
    const unsigned char *ptr;
    const unsigned char *end;
    const unsigned char *word_end;       // of the last token, where it was an unquoted identifier
    const unsigned char *executable_end; // of the executable comment that ptr stands in, or NULL
    struct sql_syntax syntax;
    uint32_t skipped;     // bit n: doubtful executable comment n is a comment
    uint32_t parameters;  // ? met so far
    uint32_t executables; // doubtful executable comments met so far
    bool is_broken;
    bool after_dot;           // an identifier follows at once, whatever its word
    bool has_optimizer_hints; // /*+ was met
    uint8_t hints_count;
    struct slice hints[LEXER_HINTS_MAX]; // comments that begin with "sluice:", without marks
};

// `skipped`: 0 reads every executable comment as code. A text has fewer than 4 GiB.
void lexer_init(struct lexer *lexer, struct slice sql, const struct sql_syntax *syntax,
                uint32_t skipped);

// Fills `out` with the next token. At the end, and once the text is broken, the same forever.
void lexer_next(struct lexer *lexer, struct token *out);

// Whether ptr stands in an executable comment.
static inline bool lexer_in_executable(const struct lexer *lexer)
{
    return lexer->executable_end != NULL;
}

static inline struct slice token_text(const struct token *token)
{
    return slice_make(token->ptr, token->len);
}

// What a name, string or user variable says: without quotes (and @), doubled quotes and escapes
// resolved. Borrows from the text where nothing is to be resolved; else it is written to `out`,
// which has room for token->len bytes. token_is_plain() says beforehand that `out` is not needed.
struct slice token_value(const struct token *token, const struct sql_syntax *syntax, char *out);
bool token_is_plain(const struct token *token);
