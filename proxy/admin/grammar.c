#include "proxy/admin/grammar.h"

#include "router/sql/lexer.h"

#include <assert.h>
#include <ctype.h>

// What a failed alternative is taken back to, and what it has found.
struct matcher {
    struct lexer lexer;
    struct token token;   // the next one
    const char *last_end; // where the token before it ends
    const char *text_end;
    char *room; // next free byte
    bool is_cut;
    int depth; // of groups
    struct grammar_match match;
};

static const struct sql_syntax syntax = {.charset = SQL_CHARSET_UTF8};

static void token_take(struct matcher *at)
{
    at->last_end = at->token.ptr + at->token.len;
    lexer_next(&at->lexer, &at->token);
}

static bool is_at_end(const struct matcher *at)
{
    struct matcher ahead = *at;
    while (ahead.token.kind == TOKEN_SYMBOL && ahead.token.symbol == ';') {
        token_take(&ahead);
    }
    return ahead.token.kind == TOKEN_END;
}

// --- reading the grammar ------------------------------------------------------------------------

static const char *spaces_skip(const char *grammar)
{
    while (*grammar == ' ') {
        grammar++;
    }
    return grammar;
}

// From inside a group to the `|` or the bracket that ends the present alternative.
static const char *alternative_end(const char *grammar)
{
    int depth = 0;
    while (depth > 0 || (*grammar != '|' && *grammar != ']' && *grammar != '}')) {
        assert(*grammar != '\0');
        depth += (*grammar == '[' || *grammar == '{') - (*grammar == ']' || *grammar == '}');
        grammar++;
    }
    return grammar;
}

static const char *group_end(const char *grammar)
{
    while (*(grammar = alternative_end(grammar)) == '|') {
        grammar++;
    }
    return grammar + 1;
}

static bool ends_sequence(char c)
{
    return c == '\0' || c == '|' || c == ']' || c == '}';
}

// --- holding the text against it ----------------------------------------------------------------

// A value goes on while nothing stands between its tokens: db-1, 10.0.0.1, backend:db1.weight.
static bool value_goes_on(const struct token *token)
{
    static const char stops[] = "=,;()";
    if (token->gap != GAP_NONE || token->kind == TOKEN_END || token->kind == TOKEN_BROKEN) {
        return false;
    }
    return token->kind != TOKEN_SYMBOL || token->symbol > 127 ||
           memchr(stops, token->symbol, sizeof(stops)) == NULL;
}

static struct slice value_take(struct matcher *at)
{
    struct token first = at->token;
    token_take(at);
    if (!value_goes_on(&at->token)) {
        struct slice value = token_value(&first, &syntax, at->room);
        at->room += value.ptr == at->room ? value.len : 0;
        return value.ptr != NULL ? value : S("");
    }
    while (value_goes_on(&at->token)) {
        token_take(at);
    }
    return slice_make(first.ptr, (size_t)(at->last_end - first.ptr));
}

static bool is_last(const struct matcher *at)
{
    struct matcher ahead = *at;
    token_take(&ahead);
    return is_at_end(&ahead);
}

// All that is left; where that is one quoted text, what it says. Comments in front of it belong to
// it: they may be hints.
static struct slice rest_take(struct matcher *at)
{
    if (at->token.kind == TOKEN_STRING && is_last(at)) {
        return value_take(at);
    }
    struct slice rest = slice_make(at->last_end, (size_t)(at->text_end - at->last_end));
    rest = slice_trim(rest);
    while (rest.len > 0 && rest.ptr[rest.len - 1] == ';') {
        rest.len--;
        rest = slice_trim(rest);
    }
    at->token.kind = TOKEN_END;
    return rest;
}

static bool is_value(const struct token *token)
{
    return token->kind == TOKEN_WORD || token->kind == TOKEN_NAME || token->kind == TOKEN_STRING ||
           token->kind == TOKEN_NUMBER;
}

// <name>, <name...>, <a.b>. `*grammar` stands behind the `<`.
static bool capture(struct matcher *at, const char **grammar)
{
    struct slice name = slice_make(*grammar, strcspn(*grammar, ">"));
    bool is_rest = name.len > 3 && memcmp(name.ptr + name.len - 3, "...", 3) == 0;
    struct slice value;
    *grammar += name.len + 1;
    if (is_rest) {
        name.len -= 3;
        if (is_at_end(at)) {
            return false;
        }
        value = rest_take(at);
    } else {
        if (!is_value(&at->token)) {
            return false;
        }
        value = value_take(at);
        if (slice_find(name, '.') < name.len && slice_find(value, '.') == value.len) {
            return false;
        }
    }
    assert(at->match.captures_count < GRAMMAR_CAPTURES_MAX);
    at->match.captures[at->match.captures_count].name = name;
    at->match.captures[at->match.captures_count++].value = value;
    return true;
}

// A word of letters, or one symbol.
static bool word_match(struct matcher *at, const char **grammar)
{
    size_t len = 0;
    while (isupper((unsigned char)(*grammar)[len]) || (*grammar)[len] == '_') {
        len++;
    }
    struct slice word = slice_make(*grammar, len > 0 ? len : 1);
    *grammar += word.len;
    if ((at->token.kind != TOKEN_WORD && at->token.kind != TOKEN_SYMBOL) ||
        !slice_equal_nocase(token_text(&at->token), word)) {
        return false;
    }
    token_take(at);
    bool is_whole = len == 0 || !value_goes_on(&at->token); // not BACKEND of backend:db1
    if (is_whole && at->depth > 0) {
        assert(at->match.words_count < GRAMMAR_CAPTURES_MAX);
        at->match.words[at->match.words_count++] = word;
    }
    return is_whole;
}

static bool sequence_match(struct matcher *at, const char **grammar);

// Tries one alternative after the other; `*grammar` stands behind the bracket and ends behind the
// closing one.
static bool group_match(struct matcher *at, const char **grammar)
{
    const char *alternative = *grammar;
    *grammar = group_end(alternative);
    for (;;) {
        struct matcher trial = *at;
        const char *form = alternative;
        trial.depth++;
        if (sequence_match(&trial, &form)) {
            trial.depth--;
            *at = trial;
            return true;
        }
        alternative = alternative_end(alternative);
        if (*alternative != '|') {
            return false;
        }
        alternative++;
    }
}

static bool item_match(struct matcher *at, const char **grammar)
{
    switch (**grammar) {
    case '!':
        ++*grammar;
        at->is_cut = true;
        return true;
    case '[':
        ++*grammar;
        (void)group_match(at, grammar);
        return true;
    case '{':
        ++*grammar;
        return group_match(at, grammar);
    case '<':
        ++*grammar;
        return capture(at, grammar);
    default:
        return word_match(at, grammar);
    }
}

static bool sequence_match(struct matcher *at, const char **grammar)
{
    *grammar = spaces_skip(*grammar);
    while (!ends_sequence(**grammar)) {
        if (!item_match(at, grammar)) {
            return false;
        }
        *grammar = spaces_skip(*grammar);
    }
    return true;
}

enum grammar_verdict grammar_match(struct grammar_match *match, const char *grammar,
                                   struct slice text, char *room)
{
    struct matcher at = {.last_end = text.ptr, .text_end = text.ptr + text.len, .room = room};
    lexer_init(&at.lexer, text, &syntax, 0);
    lexer_next(&at.lexer, &at.token);
    bool is_match = sequence_match(&at, &grammar) && is_at_end(&at);
    *match = at.match;
    if (is_match) {
        return GRAMMAR_YES;
    }
    return at.is_cut ? GRAMMAR_MISTAKE : GRAMMAR_NO;
}

// --- reading what was found ---------------------------------------------------------------------

struct slice grammar_value(const struct grammar_match *match, const char *name)
{
    for (size_t i = 0; i < match->captures_count; i++) {
        if (slice_equal(match->captures[i].name, slice_text(name))) {
            return match->captures[i].value;
        }
    }
    return SLICE_NONE;
}

bool grammar_has(const struct grammar_match *match, const char *word)
{
    for (size_t i = 0; i < match->words_count; i++) {
        if (slice_equal(match->words[i], slice_text(word))) {
            return true;
        }
    }
    return false;
}

void grammar_print(const char *grammar, struct buffer *out)
{
    for (; *grammar != '\0'; grammar++) {
        if (*grammar == '!') {
            grammar = spaces_skip(grammar + 1) - 1;
        } else {
            buffer_append(out, grammar, 1);
        }
    }
}
