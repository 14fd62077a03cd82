#include "router/sql/digest.h"

#include "router/sql/function.h"
#include "router/sql/lexer.h"

#include <assert.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

// --- where the text goes: a window for the hash, and the caller's buffer

enum {
    WINDOW_SIZE = 1024,
    WINDOW_KEPT = 64, // what a fold may still take back
    PIECE_MAX = 512,  // longer names are written in pieces
};

struct sink {
    char window[WINDOW_SIZE];
    size_t base; // bytes of the digest in front of the window
    size_t end;  // bytes of the digest
    bool is_streaming;
    XXH3_state_t state;
    char *out; // NULL: nobody wants the text
    size_t size;
};

static void sink_flush(struct sink *sink)
{
    size_t len = sink->end - sink->base;
    size_t gone = len - WINDOW_KEPT;
    if (!sink->is_streaming) {
        XXH3_64bits_reset(&sink->state);
        sink->is_streaming = true;
    }
    XXH3_64bits_update(&sink->state, sink->window, gone);
    memmove(sink->window, sink->window + gone, WINDOW_KEPT);
    sink->base += gone;
}

static void sink_add(struct sink *sink, const char *bytes, size_t len)
{
    while (len > 0) {
        size_t n = len < PIECE_MAX ? len : PIECE_MAX;
        if (sink->end - sink->base + n > WINDOW_SIZE) {
            sink_flush(sink);
        }
        memcpy(sink->window + (sink->end - sink->base), bytes, n);
        if (sink->out != NULL && sink->end < sink->size) {
            size_t room = sink->size - sink->end;
            memcpy(sink->out + sink->end, bytes, n < room ? n : room);
        }
        sink->end += n;
        bytes += n;
        len -= n;
    }
}

static void sink_add_slice(struct sink *sink, struct slice s)
{
    sink_add(sink, s.ptr, s.len);
}

static void sink_truncate(struct sink *sink, size_t end)
{
    assert(end >= sink->base && end <= sink->end);
    sink->end = end;
}

// The last `name.len` bytes are written anew: the same letters in upper case.
static void sink_rewrite(struct sink *sink, struct slice name)
{
    if (name.len <= sink->end - sink->base) {
        sink_truncate(sink, sink->end - name.len);
        sink_add_slice(sink, name);
    }
}

static uint64_t sink_hash(struct sink *sink)
{
    size_t len = sink->end - sink->base;
    if (!sink->is_streaming) {
        return XXH3_64bits(sink->window, len);
    }
    XXH3_64bits_update(&sink->state, sink->window, len);
    return XXH3_64bits_digest(&sink->state);
}

// --- folding

// What the digest ends with, as far as it matters for what comes.
enum tail {
    TAIL_START,         // of a statement
    TAIL_OTHER,         // something that an operator may follow
    TAIL_OPERATOR,      // something that an operand follows
    TAIL_OPEN,          // "("
    TAIL_LITERAL,       // ? or ?, ...
    TAIL_LITERAL_COMMA, // the same and a comma
    TAIL_GROUP,         // (?, ...)
    TAIL_GROUP_COMMA,
    TAIL_ROW,       // the first row of VALUES
    TAIL_ROW_COMMA, // a comma that is not written yet
};

enum { FRAMES_MAX = 64 }; // deeper parentheses are not folded

struct frame {
    bool is_list;       // IN ( or VALUES (: one literal is a list of one
    bool is_row;        // VALUES (
    bool follows_group; // a group and a comma stand before it, the group up to `group_end`
    size_t group_end;
    size_t content; // where the content begins
};

struct digest {
    struct sink sink;
    struct lexer lexer;
    enum tail tail;
    bool is_many;     // of TAIL_LITERAL: ", ..." stands there
    size_t run_start; // of TAIL_LITERAL
    size_t run_end;
    size_t depth;
    struct frame frames[FRAMES_MAX];
    struct token last; // token before this one
    bool has_last;
    bool folds_keywords;   // words that are not reserved too: SET, SHOW, BEGIN, ...
    bool is_separator_due; // a semicolon, if anything follows
    bool has_sign;         // - or + that is not written yet
    char sign;
};

static enum keyword last_keyword(const struct digest *digest)
{
    return digest->has_last ? (enum keyword)digest->last.keyword : KEYWORD_NONE;
}

static bool last_is_symbol(const struct digest *digest, unsigned symbol)
{
    return digest->has_last && digest->last.kind == TOKEN_SYMBOL && digest->last.symbol == symbol;
}

// Whether white space stands between what there is and `symbol` (0: no symbol).
static bool wants_space(const struct digest *digest, unsigned symbol)
{
    if (digest->sink.end == 0 || digest->tail == TAIL_OPEN || last_is_symbol(digest, '.') ||
        (digest->has_last && digest->last.kind == TOKEN_SYSTEM_VARIABLE)) {
        return false;
    }
    return symbol != ',' && symbol != ')' && symbol != '.' && symbol != ';';
}

static void separator_add(struct digest *digest)
{
    if (digest->is_separator_due) {
        digest->is_separator_due = false;
        sink_add_slice(&digest->sink, S(";"));
    }
}

// What was held back in case something else would follow.
static void held_add(struct digest *digest)
{
    separator_add(digest);
    if (digest->tail == TAIL_ROW_COMMA) {
        sink_add_slice(&digest->sink, S(","));
        digest->tail = TAIL_OPERATOR;
    }
    if (digest->has_sign) {
        digest->has_sign = false;
        if (wants_space(digest, 0)) {
            sink_add_slice(&digest->sink, S(" "));
        }
        sink_add(&digest->sink, &digest->sign, 1);
    }
}

static void text_add(struct digest *digest, struct slice text, unsigned symbol)
{
    bool had_sign = digest->has_sign; // a sign and what it is for stand together
    held_add(digest);
    if (!had_sign && wants_space(digest, symbol)) {
        sink_add_slice(&digest->sink, S(" "));
    }
    sink_add_slice(&digest->sink, text);
}

static void literal_add(struct digest *digest)
{
    struct sink *sink = &digest->sink;
    digest->has_sign = false;
    if (digest->tail == TAIL_LITERAL) { // 'a' 'b' is one string
        return;
    }
    if (digest->tail == TAIL_LITERAL_COMMA) {
        sink_truncate(sink, digest->run_end);
        if (!digest->is_many) {
            sink_add_slice(sink, S(", ..."));
            digest->is_many = true;
        }
    } else {
        text_add(digest, S("?"), 0);
        digest->run_start = sink->end - 1;
        digest->is_many = false;
    }
    digest->run_end = sink->end;
    digest->tail = TAIL_LITERAL;
}

static bool is_plain_identifier(struct slice name)
{
    bool has_letter = false;
    for (size_t i = 0; i < name.len; i++) {
        unsigned c = (unsigned char)name.ptr[i];
        bool is_letter = (c | 0x20) - 'a' < 26 || c == '_' || c >= 0x80;
        if (!is_letter && c - '0' > 9) {
            return false;
        }
        has_letter |= i == 0 && is_letter;
    }
    return has_letter && !keyword_is_reserved(keyword_find(name));
}

// A name in quotes loses them where it can.
static void name_add(struct digest *digest, const struct token *token)
{
    struct slice text = token_text(token);
    if (text.len >= 2 && (text.ptr[0] == '`' || text.ptr[0] == '"')) {
        struct slice content = slice_make(text.ptr + 1, text.len - 2);
        text = is_plain_identifier(content) ? content : text;
    }
    text_add(digest, text, 0);
    digest->tail = TAIL_OTHER;
}

static bool folds_keywords(enum keyword verb)
{
    switch (verb) {
    case KEYWORD_SET:
    case KEYWORD_SHOW:
    case KEYWORD_BEGIN:
    case KEYWORD_START:
    case KEYWORD_COMMIT:
    case KEYWORD_ROLLBACK:
    case KEYWORD_LOCK:
    case KEYWORD_UNLOCK:
    case KEYWORD_FLUSH:
    case KEYWORD_XA:
        return true;
    default:
        return false;
    }
}

// NULL, TRUE and FALSE are literals, but for IS NOT NULL.
static bool is_literal_word(const struct digest *digest, enum keyword keyword)
{
    enum keyword before = last_keyword(digest);
    return (keyword == KEYWORD_NULL || keyword == KEYWORD_TRUE || keyword == KEYWORD_FALSE) &&
           before != KEYWORD_IS && before != KEYWORD_NOT;
}

// Reserved words that stand for a value: a minus behind them is no sign.
static bool is_operand(enum keyword keyword)
{
    switch (keyword) {
    case KEYWORD_CURRENT_DATE:
    case KEYWORD_CURRENT_TIME:
    case KEYWORD_CURRENT_TIMESTAMP:
    case KEYWORD_CURRENT_USER:
    case KEYWORD_DEFAULT:
    case KEYWORD_LOCALTIME:
    case KEYWORD_LOCALTIMESTAMP:
    case KEYWORD_NULL:
    case KEYWORD_TRUE:
    case KEYWORD_FALSE:
    case KEYWORD_UTC_DATE:
    case KEYWORD_UTC_TIME:
    case KEYWORD_UTC_TIMESTAMP:
        return true;
    default:
        return false;
    }
}

static void word_add(struct digest *digest, const struct token *token)
{
    enum keyword keyword = (enum keyword)token->keyword;
    if (is_literal_word(digest, keyword)) {
        literal_add(digest);
        return;
    }
    bool is_verb = digest->tail == TAIL_START;
    if (is_verb) {
        digest->folds_keywords = folds_keywords(keyword);
    }
    bool is_reserved = keyword_is_reserved(keyword);
    bool is_upper = is_reserved || (keyword != KEYWORD_NONE && (is_verb || digest->folds_keywords));
    text_add(digest, is_upper ? keyword_name(keyword) : token_text(token), 0);
    digest->tail = is_reserved && !is_operand(keyword) ? TAIL_OPERATOR : TAIL_OTHER;
}

static void open_add(struct digest *digest)
{
    bool follows_group = digest->tail == TAIL_GROUP_COMMA;
    enum keyword before = last_keyword(digest);
    const struct sql_function *function = NULL;
    if (digest->has_last && digest->last.kind == TOKEN_WORD && digest->tail != TAIL_START) {
        function = sql_function_find(token_text(&digest->last));
    }
    bool is_row = before == KEYWORD_VALUES || before == KEYWORD_VALUE || before == KEYWORD_ROW;
    if (function != NULL && !is_row) {
        held_add(digest);
        sink_rewrite(&digest->sink, sql_function_name(function));
        sink_add_slice(&digest->sink, S("("));
    } else {
        text_add(digest, S("("), '(');
    }
    if (digest->depth < FRAMES_MAX) {
        digest->frames[digest->depth] = (struct frame){
            .is_list = is_row || before == KEYWORD_IN || follows_group,
            .is_row = is_row,
            .follows_group = follows_group,
            .group_end = digest->run_end,
            .content = digest->sink.end,
        };
    }
    digest->depth++;
    digest->tail = TAIL_OPEN;
}

static void close_add(struct digest *digest)
{
    const struct frame *frame = NULL;
    if (digest->depth > 0 && --digest->depth < FRAMES_MAX) {
        frame = &digest->frames[digest->depth];
    }
    bool is_group =
        frame != NULL && digest->tail == TAIL_LITERAL && digest->run_start == frame->content;
    if (is_group && frame->is_list && !digest->is_many) {
        sink_add_slice(&digest->sink, S(", ..."));
    }
    text_add(digest, S(")"), ')');
    digest->tail = TAIL_OTHER;
    if (is_group && frame->follows_group) {
        sink_truncate(&digest->sink, frame->group_end);
    }
    if (is_group) {
        digest->run_end = digest->sink.end;
        digest->tail = TAIL_GROUP;
    }
    if (frame != NULL && frame->is_row) {
        digest->tail = TAIL_ROW;
    }
}

static void comma_add(struct digest *digest)
{
    switch (digest->tail) {
    case TAIL_ROW:
        digest->tail = TAIL_ROW_COMMA;
        return;
    case TAIL_LITERAL:
    case TAIL_GROUP: {
        enum tail tail = digest->tail == TAIL_LITERAL ? TAIL_LITERAL_COMMA : TAIL_GROUP_COMMA;
        text_add(digest, S(","), ',');
        digest->tail = tail;
        return;
    }
    default:
        text_add(digest, S(","), ',');
        digest->tail = TAIL_OPERATOR;
    }
}

static void semicolon_add(struct digest *digest)
{
    if (digest->tail != TAIL_START) {
        held_add(digest);
        digest->is_separator_due = true;
    }
    digest->tail = TAIL_START;
    digest->depth = 0;
    digest->folds_keywords = false;
}

// "<=", "->" and the like are several tokens that stand together.
static bool joins_operator(const struct digest *digest, const struct token *token)
{
    return token->gap == GAP_NONE && digest->has_last && digest->last.kind == TOKEN_SYMBOL &&
           digest->last.symbol < 128 && strchr("<>=!|&-", digest->last.symbol) != NULL &&
           token->symbol < 128 && strchr("<>=|&", token->symbol) != NULL;
}

static void operator_add(struct digest *digest, const struct token *token)
{
    if (joins_operator(digest, token) && digest->has_sign) { // "->" with nothing before it
        held_add(digest);
    }
    if (joins_operator(digest, token)) {
        sink_add(&digest->sink, token->ptr, token->len);
    } else {
        text_add(digest, token_text(token), token->symbol);
    }
    digest->tail = token->symbol == '.' ? TAIL_OTHER : TAIL_OPERATOR;
}

static bool is_sign_place(enum tail tail)
{
    return tail == TAIL_OPERATOR || tail == TAIL_OPEN || tail == TAIL_LITERAL_COMMA ||
           tail == TAIL_GROUP_COMMA;
}

static void symbol_add(struct digest *digest, const struct token *token)
{
    switch (token->symbol) {
    case '(':
        open_add(digest);
        return;
    case ')':
        close_add(digest);
        return;
    case ',':
        comma_add(digest);
        return;
    case ';':
        semicolon_add(digest);
        return;
    case '-':
    case '+':
        if (is_sign_place(digest->tail) && !digest->has_sign) {
            digest->has_sign = true;
            digest->sign = (char)token->symbol;
            return;
        }
        break;
    default:
        break;
    }
    operator_add(digest, token);
}

static void token_add(struct digest *digest, const struct token *token)
{
    switch (token->kind) {
    case TOKEN_STRING:
    case TOKEN_NUMBER:
    case TOKEN_NULL:
    case TOKEN_PARAMETER:
        literal_add(digest);
        break;
    case TOKEN_WORD:
        word_add(digest, token);
        break;
    case TOKEN_NAME:
        name_add(digest, token);
        break;
    case TOKEN_SYMBOL:
        symbol_add(digest, token);
        break;
    default: // variables
        text_add(digest, token_text(token), 0);
        digest->tail = TAIL_OTHER;
    }
    digest->last = *token;
    digest->has_last = token->kind != TOKEN_SYMBOL || token->symbol != ';';
}

// Behind the first row of VALUES and a comma: where `token` begins another row, skips all of that
// row and returns true.
static bool row_skip(struct digest *digest, struct token *token)
{
    if (digest->tail != TAIL_ROW_COMMA) {
        return false;
    }
    struct lexer before = digest->lexer;
    struct token next = *token;
    if (next.kind == TOKEN_WORD && next.keyword == KEYWORD_ROW) {
        lexer_next(&digest->lexer, &next);
    }
    if (next.kind != TOKEN_SYMBOL || next.symbol != '(') {
        digest->lexer = before;
        return false;
    }
    for (size_t depth = 1; depth > 0;) {
        lexer_next(&digest->lexer, &next);
        if (next.kind == TOKEN_END || next.kind == TOKEN_BROKEN) {
            break;
        }
        depth += next.kind == TOKEN_SYMBOL && next.symbol == '(';
        depth -= next.kind == TOKEN_SYMBOL && next.symbol == ')';
    }
    digest->tail = TAIL_ROW;
    digest->last = next;
    return true;
}

static uint64_t digest_run(struct digest *digest, struct slice sql, const struct sql_syntax *syntax,
                           char *out, size_t size)
{
    struct token token;
    digest->sink.base = digest->sink.end = 0;
    digest->sink.is_streaming = false;
    digest->sink.out = out;
    digest->sink.size = size;
    digest->tail = TAIL_START;
    digest->depth = 0;
    digest->has_last = false;
    digest->folds_keywords = false;
    digest->is_separator_due = false;
    digest->has_sign = false;
    lexer_init(&digest->lexer, sql, syntax, 0);
    for (lexer_next(&digest->lexer, &token); token.kind != TOKEN_END;
         lexer_next(&digest->lexer, &token)) {
        if (token.kind == TOKEN_BROKEN) {
            text_add(digest, S("?"), 0);
            break;
        }
        if (!row_skip(digest, &token)) {
            token_add(digest, &token);
        }
    }
    return sink_hash(&digest->sink);
}

uint64_t sql_digest_hash(struct slice sql, const struct sql_syntax *syntax)
{
    struct digest digest;
    return digest_run(&digest, sql, syntax, NULL, 0);
}

uint64_t sql_digest_text(struct slice sql, const struct sql_syntax *syntax, char *out, size_t size,
                         size_t *len)
{
    struct digest digest;
    uint64_t hash = digest_run(&digest, sql, syntax, out, size);
    *len = digest.sink.end < size ? digest.sink.end : size;
    return hash;
}
