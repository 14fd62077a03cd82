// Any bytes are a statement: it is read within its bounds, says nothing that contradicts itself,
// neither other white space nor other comments change what it is or its digest, and what is kept of
// it serves a text with other literals as reading that would.
#include "router/sql/digest.h"
#include "router/sql/lexer.h"
#include "router/statement/statement_cache.h"

#include "proxy/base/buffer.h"
#include "tests/unit/router/statement/alike.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sql_syntax syntax_read(uint8_t flags)
{
    return (struct sql_syntax){
        .ansi_quotes = (flags & 1) != 0,
        .no_backslash_escapes = (flags & 2) != 0,
        .ignore_space = (flags & 4) != 0,
        .is_mode_unknown = (flags & 8) != 0,
        .charset = (enum sql_charset)((flags >> 4) % (SQL_CHARSET_UNKNOWN + 1)),
    };
}

static void statement_check(const struct statement *statement)
{
    assert((statement->class == STATEMENT_CLASS_READ) == (statement->reason == ROUTE_REASON_READ));
    assert(statement->count > 0 || statement->kind == STATEMENT_EMPTY);
    assert(statement->uncacheable != UNCACHEABLE_NONE ||
           (statement->class == STATEMENT_CLASS_READ && statement->count == 1 &&
            statement->tables_count > 0));
    uint64_t lasting = EFFECT_BIT(EFFECT_VARIABLE) | EFFECT_BIT(EFFECT_SCHEMA) |
                       EFFECT_BIT(EFFECT_LOCK_TAKE) | EFFECT_BIT(EFFECT_TEMPORARY_CREATE) |
                       EFFECT_BIT(EFFECT_UNKNOWN) | EFFECT_BIT(EFFECT_USER_VARIABLE);
    assert(statement->class != STATEMENT_CLASS_READ || (statement->effects & lasting) == 0);
}

// The same tokens with other white space and comments between them, where any stood: nothing else
// stands for the executable comments that are code. False where the text cannot be read.
static bool respace(struct buffer *out, struct slice sql, const struct sql_syntax *syntax)
{
    static const char *const spaces[] = {" ", "\n", "\t ", "\r\n"};
    struct lexer lexer;
    struct token token;
    size_t count = 0;
    lexer_init(&lexer, sql, syntax, 0);
    do {
        lexer_next(&lexer, &token);
        if (token.gap == GAP_SPACE) {
            buffer_append_slice(out, slice_text(spaces[count++ % 4]));
        } else if (token.gap == GAP_COMMENT) {
            buffer_append_slice(out, S("/* other */"));
        }
        buffer_append(out, token.ptr, token.len);
    } while (token.kind > TOKEN_BROKEN);
    return token.kind == TOKEN_END && lexer.executables == 0;
}

static void digest_check(struct slice sql, const struct sql_syntax *syntax, uint64_t *hash)
{
    char *text = malloc(300);
    size_t len;
    *hash = sql_digest_text(sql, syntax, text, 300, &len);
    assert(len <= 300 && sql_digest_hash(sql, syntax) == *hash);
    assert(len == 300 || slice_hash(slice_make(text, len)) == *hash);
    free(text);
}

static void respaced_check(struct slice sql, const struct statement *statement, uint64_t hash,
                           const struct statement_context *context)
{
    struct buffer respaced = BUFFER_INIT;
    struct arena arena = ARENA_INIT;
    if (!context->syntax.is_mode_unknown && respace(&respaced, sql, &context->syntax)) {
        struct statement other;
        uint64_t other_hash;
        digest_check(buffer_slice(&respaced), &context->syntax, &other_hash);
        statement_parse(&other, &arena, buffer_slice(&respaced), context);
        assert(other_hash == hash);
        assert(other.class == statement->class && other.reason == statement->reason);
        assert(other.kind == statement->kind && other.count == statement->count);
        assert(other.effects == statement->effects && other.asks == statement->asks);
        assert(other.tables_count == statement->tables_count);
        assert(other.assignments_count == statement->assignments_count);
    }
    arena_release(&arena);
    buffer_release(&respaced);
}

static void alike_check(struct slice sql, uint64_t hash, const struct statement_context *context)
{
    struct slice other = alike_text(sql, &context->syntax);
    if (other.ptr == NULL) {
        return;
    }
    struct arena arena = ARENA_INIT;
    struct statement statement, read;
    struct statement_cache *cache = statement_cache_create();
    struct statement_entry *first = statement_cache_read(cache, &statement, &arena, sql, context);
    assert(first == NULL);
    struct statement_entry *entry = statement_cache_read(cache, &statement, &arena, other, context);
    statement_parse(&read, &arena, other, context);
    assert(alike_statements(&statement, &read));
    assert(sql_digest_hash(other, &context->syntax) == hash);
    statement_entry_unref(&entry);
    statement_cache_destroy(cache);
    arena_release(&arena);
    free((char *)other.ptr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct slice pure[] = {SLICE_INIT("app.price")};
    if (size < 1) {
        return 0;
    }
    struct statement_context context = {
        .syntax = syntax_read(data[0]),
        .schema = S("app"),
        .pure_functions = pure,
        .pure_functions_count = 1,
    };
    struct statement statement;
    struct arena arena = ARENA_INIT;
    uint64_t hash;
    char *exact = malloc(size > 1 ? size - 1 : 1);
    memcpy(exact, data + 1, size - 1);
    struct slice sql = slice_make(exact, size - 1);
    statement_parse(&statement, &arena, sql, &context);
    statement_check(&statement);
    digest_check(sql, &context.syntax, &hash);
    respaced_check(sql, &statement, hash, &context);
    alike_check(sql, hash, &context);
    arena_release(&arena);
    free(exact);
    return 0;
}
