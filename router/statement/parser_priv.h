// The parser of one reading of a text: a cursor over its tokens, and what was found so far. Lives
// on the stack of statement_parse(). Files of this room only.
#pragma once

#include "router/sql/lexer.h"
#include "router/sql/shape.h"
#include "router/statement/statement.h"

// Of the one statement that is being read.
struct part {
    enum statement_kind kind;
    enum statement_kind inner;
    enum statement_class class;
    enum route_reason reason;
    struct slice detail;
    bool is_explained;
};

// What a statement has set of that by which servers read those behind it.
enum syntax_change {
    SYNTAX_SAME,
    SYNTAX_OF_QUOTES, // what quotes, backslashes and bytes beyond ASCII mean
    SYNTAX_PLAIN,     // the same, and none of them stands in what is left of the text
    SYNTAX_UNKNOWN,
};

struct parser {
    struct statement *out;
    struct arena *arena;
    const struct statement_context *context;
    struct lexer lexer;
    struct shape shape;       // of the tokens up to `token`
    struct token token;       // the next one to be read
    struct token last;        // the one before it, in this statement
    struct token before_last; // and the one before that
    struct part part;
    enum syntax_change syntax_change;
    struct slice schema;   // the current one: the session's, or that of a USE further ahead
    bool is_schema_chosen; // by such a USE
    bool schema_is_system;
    bool is_catalogue_old; // what programs do may have changed since it was read
    uint8_t nesting;       // statements in statements: SET STATEMENT ... FOR, EXPLAIN
    // Room in the growing arrays of `out`; they belong to the arena.
    uint32_t tables_cap;
    uint32_t program_tables_cap;
    uint32_t assignments_cap;
    uint32_t accounts_cap;
    uint32_t subjects_cap;
    uint32_t locals_cap;
    struct statement_table *tables;
    struct statement_table *program_tables;
    struct assignment *assignments;
    struct statement_account *accounts;
    struct statement_subject *subjects;
    // Of a stored program's body: its variables and parameters.
    bool is_program;
    struct slice *locals;
    uint32_t locals_count;
};

// Nothing is found yet; the cursor stands nowhere.
void parser_init(struct parser *parser, struct statement *out, struct arena *arena,
                 const struct statement_context *context);
// USE: what follows is in that schema.
void parser_choose_schema(struct parser *parser, struct slice schema);
// What follows is a statement of its own.
void parser_begin_part(struct parser *parser);

// --- the cursor

// The first token, and each further one.
void parser_begin(struct parser *parser, struct slice sql, const struct sql_syntax *syntax,
                  uint32_t skipped);
void parser_advance(struct parser *parser);

static inline bool parser_at(const struct parser *parser, enum keyword keyword)
{
    return parser->token.keyword == keyword;
}

static inline bool token_is_symbol(const struct token *token, unsigned symbol)
{
    return token->kind == TOKEN_SYMBOL && token->symbol == symbol;
}

static inline bool parser_at_symbol(const struct parser *parser, unsigned symbol)
{
    return token_is_symbol(&parser->token, symbol);
}

// The statement's end: a semicolon, the text's end, or where it cannot be read any more.
bool parser_at_end(const struct parser *parser);
// A word, keyword or not, compared without case.
bool parser_at_word(const struct parser *parser, struct slice word);
// Something that may be an identifier: a word, or a name in quotes.
bool parser_at_name(const struct parser *parser);

// Where the next token is that one: goes past it and returns true.
bool parser_take(struct parser *parser, enum keyword keyword);
bool parser_take_symbol(struct parser *parser, unsigned symbol);
bool parser_take_word(struct parser *parser, struct slice word);
// IF EXISTS, IF NOT EXISTS.
void parser_take_if_exists(struct parser *parser);
// LOCAL or NO_WRITE_TO_BINLOG.
void parser_take_local(struct parser *parser);

// CHARACTER SET, CHAR SET or CHARSET: the character set's name follows.
bool parser_take_charset(struct parser *parser);
// From an opening parenthesis past the one that closes it, or to the statement's end.
void parser_skip_parenthesis(struct parser *parser);

// The value of the token: quotes gone, escapes resolved, in the text or the arena.
struct slice parser_value(struct parser *parser, const struct token *token);
// The same in lower case.
struct slice parser_value_lower(struct parser *parser, const struct token *token);
// Reads an identifier or string into `name`; false and nothing read where there is none.
bool parser_take_name(struct parser *parser, struct slice *name);
// The text from `start` to the last token that was read.
struct slice parser_text_since(const struct parser *parser, const char *start);

// A place to come back to.
struct parser_place {
    struct lexer lexer;
    struct shape shape;
    struct token token;
    struct token last;
    struct token before_last;
};
struct parser_place parser_place(const struct parser *parser);
void parser_return(struct parser *parser, const struct parser_place *place);

// --- findings

// What is of class WRITE for it, and changes no data.
static inline bool reason_only_locks(enum route_reason reason)
{
    switch (reason) {
    case ROUTE_REASON_LOCKING_READ:
    case ROUTE_REASON_USER_LOCK:
    case ROUTE_REASON_LOCK_TABLES:
    case ROUTE_REASON_HANDLER:
    case ROUTE_REASON_INTO_VARIABLE:
    case ROUTE_REASON_USER_VARIABLE:
        return true;
    default:
        return false;
    }
}

// The statement is at least of this class; the first reason of the highest class stays.
static inline void parser_raise(struct parser *parser, enum statement_class class,
                                enum route_reason reason, struct slice detail)
{
    if (class == STATEMENT_CLASS_WRITE && !reason_only_locks(reason)) {
        parser->out->may_write = true;
    }
    if (class > parser->part.class) {
        parser->part.class = class;
        parser->part.reason = reason;
        parser->part.detail = detail;
    }
}

static inline void parser_effect(struct parser *parser, enum statement_effect effect)
{
    parser->out->effects |= EFFECT_BIT(effect);
}

static inline void parser_ask(struct parser *parser, enum statement_ask ask)
{
    parser->out->asks |= ASK_BIT(ask);
}

// It asks about the statement before it.
void parser_ask_last_statement(struct parser *parser, enum statement_ask ask, struct slice name);

void parser_uncacheable(struct parser *parser, enum uncacheable_reason reason);

// What kind of statement it is and what that alone says of it.
void parser_classify(struct parser *parser, enum statement_kind kind, enum statement_class class,
                     enum route_reason reason);

// It may ask for the last insert id, and set it.
void parser_insert_id(struct parser *parser);
// Something may have happened that the text does not show: session and tables.
void parser_unknown(struct parser *parser);

// A text may name more than anybody needs to know: what is beyond these limits is not kept, and
// what that leaves open is said.
enum { TABLES_MAX = 4096, ASSIGNMENTS_MAX = 4096, ACCOUNTS_MAX = 1024, SUBJECTS_MAX = 256 };

void parser_add_assignment(struct parser *parser, const struct assignment *assignment);
void parser_add_account(struct parser *parser, const struct statement_account *account);
void parser_add_subject(struct parser *parser, enum statement_subject_kind kind, struct slice name);

// Its name is the value of the parameter that stands at the cursor.
void parser_add_parameter_subject(struct parser *parser, enum statement_subject_kind kind);

// A name that SET may assign without meaning a variable of the session's.
void parser_add_local(struct parser *parser, struct slice name);
bool parser_is_local(const struct parser *parser, struct slice name);

// The statement runs this program: what it does is done by the statement too. NULL: it runs one
// that is not known.
struct program;
void parser_add_program(struct parser *parser, const struct program *program);

// --- tables

enum table_use {
    TABLE_READ = 0,
    TABLE_WRITTEN = 1,
    TABLE_TEMPORARY = 2, // created or dropped as one
};

// mysql, information_schema and the like: each server's own.
bool is_system_schema(struct slice schema);
// Adds a table and what the catalogue knows of it.
void parser_add_table(struct parser *parser, struct slice schema, struct slice name, unsigned use);
// Reads `name` or `schema.name`, adds it; false and nothing read where there is none.
bool parser_take_table(struct parser *parser, unsigned use);
// A list of them with commas; what stands behind each name up to the comma is passed over.
void parser_take_tables(struct parser *parser, unsigned use);

// Reads one statement by its first word; the cursor may stop before its end.
void parser_read_statement(struct parser *parser);
