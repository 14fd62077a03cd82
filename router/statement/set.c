// SET: its list of assignments, with scope, name and value of each.
#include "router/statement/scan_priv.h"
#include "router/statement/verb_priv.h"

// --- values

// Right sides that are one token.
static enum assignment_value word_kind(const struct token *token)
{
    switch (token->keyword) {
    case KEYWORD_NULL:
        return ASSIGNMENT_NULL;
    case KEYWORD_DEFAULT:
        return ASSIGNMENT_DEFAULT;
    default:
        return ASSIGNMENT_WORD;
    }
}

static enum assignment_value token_value_kind(const struct token *token)
{
    switch (token->kind) {
    case TOKEN_STRING:
        return ASSIGNMENT_STRING;
    case TOKEN_NUMBER:
        return ASSIGNMENT_NUMBER;
    case TOKEN_NULL:
        return ASSIGNMENT_NULL;
    case TOKEN_NAME:
        return ASSIGNMENT_WORD;
    case TOKEN_WORD:
        return word_kind(token);
    default:
        return ASSIGNMENT_EXPRESSION;
    }
}

// Where a value ends.
static bool at_value_end(const struct parser *parser, unsigned stop)
{
    return parser_at_end(parser) || parser_at_symbol(parser, ',') ||
           ((stop & SCAN_TO_FOR) != 0 && parser_at(parser, KEYWORD_FOR));
}

// A number with its sign: goes past both and returns true; else nothing is read.
static bool take_signed_number(struct parser *parser)
{
    if (!parser_at_symbol(parser, '-') && !parser_at_symbol(parser, '+')) {
        return false;
    }
    parser_advance(parser);
    if (parser->token.kind != TOKEN_NUMBER) {
        return false;
    }
    parser_advance(parser);
    return true;
}

// One token, or a number with its sign, and nothing behind it.
static enum assignment_value take_literal(struct parser *parser, unsigned stop)
{
    enum assignment_value kind = token_value_kind(&parser->token);
    if (kind == ASSIGNMENT_EXPRESSION) {
        kind = take_signed_number(parser) ? ASSIGNMENT_NUMBER : ASSIGNMENT_EXPRESSION;
    } else {
        parser_advance(parser);
    }
    return at_value_end(parser, stop) ? kind : ASSIGNMENT_EXPRESSION;
}

// TRUE and FALSE are numbers, which 'TRUE' is not; and no number is set as '+5'.
static void number_read(struct assignment *assignment, const struct token *first)
{
    bool is_word = assignment->kind == ASSIGNMENT_WORD && first->kind == TOKEN_WORD;
    if (is_word && (first->keyword == KEYWORD_TRUE || first->keyword == KEYWORD_FALSE)) {
        assignment->kind = ASSIGNMENT_NUMBER;
        assignment->value = first->keyword == KEYWORD_TRUE ? S("1") : S("0");
    } else if (assignment->kind == ASSIGNMENT_NUMBER && assignment->value.ptr[0] == '+') {
        assignment->value = slice_trim(slice_from(assignment->value, 1));
    }
}

static void read_value(struct parser *parser, struct assignment *assignment, unsigned stop)
{
    struct parser_place place = parser_place(parser);
    struct token first = parser->token;
    assignment->kind = take_literal(parser, stop);
    if (assignment->kind == ASSIGNMENT_EXPRESSION) {
        parser_return(parser, &place);
        scan(parser, SCAN_EXPRESSION, SCAN_TO_COMMA | stop);
    }
    assignment->text = parser_text_since(parser, first.ptr);
    assignment->value = assignment->text;
    number_read(assignment, &first);
    if (assignment->kind == ASSIGNMENT_STRING ||
        (assignment->kind == ASSIGNMENT_WORD && first.kind == TOKEN_NAME)) {
        assignment->value = parser_value(parser, &first);
    }
}

// --- names

static void note_syntax(struct parser *parser, enum syntax_change change)
{
    if (change > parser->syntax_change) {
        parser->syntax_change = change;
    }
}

// Oracle's mode has a grammar of its own.
static bool may_be_oracle(const struct assignment *assignment)
{
    struct slice modes = assignment->value, mode;
    bool may_be = assignment->kind != ASSIGNMENT_STRING && assignment->kind != ASSIGNMENT_WORD;
    while (!may_be && slice_cut(&modes, ',', &mode)) {
        may_be = slice_equal_nocase(mode, S("oracle"));
    }
    return may_be;
}

static bool switches_off(const struct assignment *assignment)
{
    return assignment->kind == ASSIGNMENT_DEFAULT ||
           (assignment_is_literal(assignment) && (slice_equal(assignment->value, S("0")) ||
                                                  slice_equal_nocase(assignment->value, S("off"))));
}

// What a variable means beyond its value.
static void note_variable(struct parser *parser, const struct assignment *assignment)
{
    struct slice name = assignment->name;
    if (slice_equal(name, S("autocommit"))) {
        parser_effect(parser, EFFECT_IMPLICIT_COMMIT);
    } else if (slice_equal(name, S("profiling")) && !switches_off(assignment)) {
        parser_effect(parser, EFFECT_PROFILING);
    } else if (slice_equal(name, S("character_set_client"))) {
        note_syntax(parser, SYNTAX_OF_QUOTES);
    } else if (slice_equal(name, S("sql_mode"))) {
        note_syntax(parser, may_be_oracle(assignment) ? SYNTAX_UNKNOWN : SYNTAX_OF_QUOTES);
    }
}

// The two families' different names of one thing.
static struct slice common_name(struct slice name)
{
    if (slice_equal(name, S("tx_isolation"))) {
        return S("transaction_isolation");
    }
    return slice_equal(name, S("tx_read_only")) ? S("transaction_read_only") : name;
}

// SET @@transaction_isolation, without a scope, is for the next transaction only.
static bool is_of_transaction(struct slice name)
{
    return slice_equal(name, S("transaction_isolation")) ||
           slice_equal(name, S("transaction_read_only"));
}

static const struct {
    struct slice word;
    enum assignment_scope scope;
} scopes[] = {
    {SLICE_INIT("global"), ASSIGNMENT_GLOBAL},
    {SLICE_INIT("session"), ASSIGNMENT_SESSION},
    {SLICE_INIT("local"), ASSIGNMENT_SESSION},
    {SLICE_INIT("persist"), ASSIGNMENT_PERSIST},
    {SLICE_INIT("persist_only"), ASSIGNMENT_PERSIST_ONLY},
};

static bool scope_find(struct slice word, enum assignment_scope *scope)
{
    for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
        if (slice_equal_nocase(word, scopes[i].word)) {
            *scope = scopes[i].scope;
            return true;
        }
    }
    return false;
}

// [@@[scope.]] [component.] name
static void read_variable_name(struct parser *parser, struct assignment *assignment)
{
    bool has_scope = false;
    bool is_marked = parser->token.kind == TOKEN_SYSTEM_VARIABLE;
    if (is_marked) {
        parser_advance(parser);
        has_scope = scope_find(token_text(&parser->token), &assignment->scope);
        if (has_scope) {
            parser_advance(parser);
            parser_take_symbol(parser, '.');
        } else {
            assignment->scope = ASSIGNMENT_SESSION; // a scope before it is not for it
            assignment->is_bare = true;
        }
    }
    if (parser_at_name(parser)) {
        assignment->name = parser_value_lower(parser, &parser->token);
        parser_advance(parser);
    }
    if (parser_take_symbol(parser, '.') && parser_at_name(parser)) {
        assignment->component = assignment->name;
        assignment->name = parser_value_lower(parser, &parser->token);
        parser_advance(parser);
    }
    assignment->name = common_name(assignment->name);
    if (is_marked && !has_scope && is_of_transaction(assignment->name)) {
        assignment->scope = ASSIGNMENT_NEXT_TRANSACTION;
    }
}

static void note_scope(struct parser *parser, enum assignment_scope scope)
{
    switch (scope) {
    case ASSIGNMENT_SESSION:
        parser_effect(parser, EFFECT_VARIABLE);
        break;
    case ASSIGNMENT_GLOBAL:
    case ASSIGNMENT_PERSIST:
    case ASSIGNMENT_PERSIST_ONLY:
        parser_raise(parser, STATEMENT_CLASS_WRITE, ROUTE_REASON_GLOBAL_STATE, SLICE_NONE);
        parser_effect(parser, EFFECT_GLOBAL_VARIABLE);
        break;
    case ASSIGNMENT_NEXT_TRANSACTION:
        parser_effect(parser, EFFECT_NEXT_TRANSACTION);
        break;
    case ASSIGNMENT_USER:
        parser_effect(parser, EFFECT_USER_VARIABLE);
        break;
    case ASSIGNMENT_STATEMENT:
        break;
    }
}

// --- assignments

static void take_equals(struct parser *parser)
{
    if (!parser_take_symbol(parser, '=')) {
        parser_take_symbol(parser, SYMBOL_ASSIGN);
    }
}

static void read_user_variable(struct parser *parser)
{
    struct assignment assignment = {.scope = ASSIGNMENT_USER};
    assignment.name = parser_value(parser, &parser->token);
    parser_advance(parser);
    take_equals(parser);
    read_value(parser, &assignment, SCAN_TO_END);
    note_scope(parser, ASSIGNMENT_USER);
    parser_add_assignment(parser, &assignment);
}

static void read_variable(struct parser *parser, enum assignment_scope scope, unsigned stop)
{
    struct assignment assignment = {.scope = scope};
    read_variable_name(parser, &assignment);
    if (scope == ASSIGNMENT_STATEMENT) {
        assignment.scope = scope; // whatever stands before the name, which no server takes
    }
    if (assignment.name.len == 0) { // which no server takes
        parser_raise(parser, STATEMENT_CLASS_WRITE, ROUTE_REASON_UNKNOWN_STATEMENT, SLICE_NONE);
        parser_unknown(parser);
        return;
    }
    take_equals(parser);
    read_value(parser, &assignment, stop);
    note_scope(parser, assignment.scope);
    note_variable(parser, &assignment);
    parser_add_assignment(parser, &assignment);
}

// The value of NAMES and CHARACTER SET, to the next comma or COLLATE.
static void read_charset(struct parser *parser, struct slice name)
{
    struct assignment assignment = {.scope = ASSIGNMENT_SESSION, .name = name};
    struct token first = parser->token;
    assignment.kind = token_value_kind(&first);
    if (assignment.kind != ASSIGNMENT_EXPRESSION) {
        parser_advance(parser);
    }
    assignment.text = token_text(&first);
    assignment.value = parser_value(parser, &first);
    parser_effect(parser, EFFECT_CHARSET);
    note_syntax(parser, SYNTAX_OF_QUOTES);
    parser_add_assignment(parser, &assignment);
}

// NAMES x [COLLATE y]; NAMES = x sets a variable of that name.
static void read_names(struct parser *parser)
{
    read_charset(parser, S("names"));
    if (parser_take(parser, KEYWORD_COLLATE)) {
        read_charset(parser, ASSIGNMENT_NAMES_COLLATION);
    }
}

// Behind a name of a stored program's own: what the session is does not change.
static bool take_local(struct parser *parser)
{
    struct parser_place place = parser_place(parser);
    if (!parser->is_program || !parser_at_name(parser)) {
        return false;
    }
    struct slice name = parser_value(parser, &parser->token);
    parser_advance(parser);
    bool is_row = parser_at_symbol(parser, '.') &&
                  (slice_equal_nocase(name, S("new")) || slice_equal_nocase(name, S("old")));
    if (!is_row && !parser_is_local(parser, name)) {
        parser_return(parser, &place);
        return false;
    }
    if (parser_take_symbol(parser, '.')) {
        parser_advance(parser);
    }
    take_equals(parser);
    scan(parser, SCAN_EXPRESSION, SCAN_TO_COMMA);
    return true;
}

// One item of the list. `scope` is what GLOBAL and the like before an item said: it holds for those
// behind it too.
static void read_item(struct parser *parser, enum assignment_scope *scope)
{
    struct token first = parser->token;
    if (first.kind == TOKEN_USER_VARIABLE) {
        read_user_variable(parser);
        return;
    }
    if (take_local(parser)) {
        return;
    }
    if (parser_take(parser, KEYWORD_NAMES)) {
        read_names(parser);
        return;
    }
    if (parser_take_charset(parser)) {
        read_charset(parser, S("character_set"));
        return;
    }
    if (parser_take(parser, KEYWORD_PASSWORD)) {
        read_password(parser);
        return;
    }
    if (first.kind == TOKEN_WORD && scope_find(token_text(&first), scope)) {
        parser_advance(parser);
    }
    read_variable(parser, *scope, SCAN_TO_END);
}

static void read_list(struct parser *parser, enum assignment_scope scope)
{
    // In a program it may be about the program's own variables.
    enum statement_class class =
        parser->is_program ? STATEMENT_CLASS_READ : STATEMENT_CLASS_SESSION;
    parser_classify(parser, STATEMENT_SET, class, ROUTE_REASON_SESSION_STATE);
    do {
        read_item(parser, &scope);
    } while (parser_take_symbol(parser, ','));
}

// --- other forms

// MariaDB: SET STATEMENT a = b, ... FOR statement. Its class is the statement's.
static void read_set_statement(struct parser *parser)
{
    do {
        read_variable(parser, ASSIGNMENT_STATEMENT, SCAN_TO_FOR);
    } while (parser_take_symbol(parser, ','));
    if (parser_take(parser, KEYWORD_FOR)) {
        parser_read_statement(parser);
        parser->part.kind = STATEMENT_SET;
        return;
    }
    parser_classify(parser, STATEMENT_SET, STATEMENT_CLASS_SESSION, ROUTE_REASON_SESSION_STATE);
}

static void read_role_setting(struct parser *parser)
{
    parser_classify(parser, STATEMENT_SET, STATEMENT_CLASS_SESSION, ROUTE_REASON_SESSION_STATE);
    parser_effect(parser, EFFECT_ROLE);
    while (!parser_at_end(parser)) {
        parser_advance(parser);
    }
}

// Behind [scope] TRANSACTION, unless it is a variable's name.
static bool take_transaction(struct parser *parser, enum assignment_scope scope)
{
    struct parser_place place = parser_place(parser);
    if (!parser_take(parser, KEYWORD_TRANSACTION)) {
        return false;
    }
    if (parser_at_symbol(parser, '=') || parser_at_symbol(parser, SYMBOL_ASSIGN)) {
        parser_return(parser, &place);
        return false;
    }
    read_set_transaction(parser, scope);
    note_scope(parser, scope);
    return true;
}

// SET ROLE x, SET DEFAULT ROLE x, SET RESOURCE GROUP x; `role = 1` would be a variable.
static bool take_special(struct parser *parser)
{
    struct parser_place place = parser_place(parser);
    if (parser_take(parser, KEYWORD_STATEMENT) && parser_at_name(parser)) {
        read_set_statement(parser);
        return true;
    }
    parser_return(parser, &place);
    if (parser_take(parser, KEYWORD_ROLE) && !parser_at_symbol(parser, '=')) {
        read_role_setting(parser);
        return true;
    }
    parser_return(parser, &place);
    if (parser_take(parser, KEYWORD_DEFAULT) && parser_take(parser, KEYWORD_ROLE)) {
        read_default_role(parser);
        return true;
    }
    parser_return(parser, &place);
    if (parser_take(parser, KEYWORD_RESOURCE) && parser_take(parser, KEYWORD_GROUP)) {
        parser_classify(parser, STATEMENT_SET, STATEMENT_CLASS_SESSION, ROUTE_REASON_SESSION_STATE);
        parser_effect(parser, EFFECT_UNKNOWN); // a thread's, for as long as it lives
        return true;
    }
    parser_return(parser, &place);
    return false;
}

void read_set(struct parser *parser)
{
    enum assignment_scope scope = ASSIGNMENT_SESSION;
    if (take_special(parser) || take_transaction(parser, ASSIGNMENT_NEXT_TRANSACTION)) {
        return;
    }
    struct parser_place place = parser_place(parser);
    if (parser->token.kind == TOKEN_WORD && scope_find(token_text(&parser->token), &scope)) {
        parser_advance(parser);
        if (take_transaction(parser, scope)) {
            return;
        }
        parser_return(parser, &place);
    }
    read_list(parser, ASSIGNMENT_SESSION);
}
