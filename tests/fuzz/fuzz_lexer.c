// Any bytes are SQL text: tokens stand in order and within it, the lexer comes to an end, and
// values are no longer than what they are made from.
#include "router/sql/lexer.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The first two bytes: switches, character set, executable comments that are left out.
static struct sql_syntax syntax_read(const uint8_t *data)
{
    return (struct sql_syntax){
        .ansi_quotes = (data[0] & 1) != 0,
        .no_backslash_escapes = (data[0] & 2) != 0,
        .ignore_space = (data[0] & 4) != 0,
        .charset = (enum sql_charset)((data[0] >> 3) % (SQL_CHARSET_UNKNOWN + 1)),
    };
}

static void value_check(const struct token *token, const struct sql_syntax *syntax)
{
    char *out = malloc(token->len > 0 ? token->len : 1);
    struct slice value = token_value(token, syntax, out);
    assert(value.len <= token->len);
    assert(value.ptr == out || token_is_plain(token));
    free(out);
}

static void tokens_check(struct slice sql, const struct sql_syntax *syntax, uint32_t skipped)
{
    struct lexer lexer;
    struct token token;
    const char *last = sql.ptr;
    size_t count = 0;
    lexer_init(&lexer, sql, syntax, skipped);
    for (lexer_next(&lexer, &token); token.kind > TOKEN_BROKEN; lexer_next(&lexer, &token)) {
        assert(token.ptr >= last && token.len > 0);
        assert(token.ptr + token.len <= sql.ptr + sql.len);
        assert((token.gap == GAP_NONE) == (token.ptr == last) || count == 0);
        last = token.ptr + token.len;
        count++;
        value_check(&token, syntax);
    }
    struct token again;
    lexer_next(&lexer, &again);
    assert(again.kind == token.kind && count <= sql.len);
    assert(lexer.executables <= LEXER_EXECUTABLES_MAX && lexer.hints_count <= LEXER_HINTS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct sql_syntax syntax = syntax_read(data);
    char *exact = malloc(size > 2 ? size - 2 : 1);
    memcpy(exact, data + 2, size - 2);
    tokens_check(slice_make(exact, size - 2), &syntax, data[1]);
    free(exact);
    return 0;
}
