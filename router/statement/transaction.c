// Statements that begin, end or shape transactions.
#include "router/statement/verb_priv.h"

static void classify_transaction(struct parser *parser, enum statement_kind kind)
{
    parser_classify(parser, kind, STATEMENT_CLASS_TRANSACTION, ROUTE_REASON_TRANSACTION_CONTROL);
}

// --- beginning

static void begin(struct parser *parser)
{
    classify_transaction(parser, STATEMENT_BEGIN);
    parser_effect(parser, EFFECT_BEGIN);
}

// BEGIN [WORK]; with anything behind it, a block.
void read_begin(struct parser *parser)
{
    parser_take(parser, KEYWORD_WORK);
    if (!parser_at_end(parser)) {
        read_compound(parser);
        return;
    }
    begin(parser);
}

// READ ONLY, READ WRITE; false where it is neither.
static bool take_access(struct parser *parser, enum statement_access *access)
{
    if (!parser_take(parser, KEYWORD_READ)) {
        return false;
    }
    if (parser_take(parser, KEYWORD_ONLY)) {
        *access = STATEMENT_READ_ONLY;
        return true;
    }
    *access = STATEMENT_READ_WRITE;
    return parser_take(parser, KEYWORD_WRITE);
}

static void read_characteristics(struct parser *parser)
{
    struct statement *out = parser->out;
    do {
        if (take_access(parser, &out->access)) {
            continue;
        }
        if (parser_take(parser, KEYWORD_WITH) && parser_take(parser, KEYWORD_CONSISTENT) &&
            parser_take(parser, KEYWORD_SNAPSHOT)) {
            out->with_snapshot = true;
        }
    } while (parser_take_symbol(parser, ','));
}

// START TRANSACTION; else a server is started: START REPLICA.
void read_start(struct parser *parser)
{
    if (!parser_take(parser, KEYWORD_TRANSACTION)) {
        read_administration(parser);
        return;
    }
    begin(parser);
    read_characteristics(parser);
    if (!parser_at_end(parser)) { // something that may change what it says
        parser->out->access = STATEMENT_ACCESS_DEFAULT;
    }
}

// --- ending

// [WORK] [AND [NO] CHAIN] [[NO] RELEASE]
static void read_completion(struct parser *parser)
{
    parser_take(parser, KEYWORD_WORK);
    if (parser_take(parser, KEYWORD_AND) && !parser_take(parser, KEYWORD_NO) &&
        parser_at(parser, KEYWORD_CHAIN)) {
        parser_effect(parser, EFFECT_CHAIN);
    }
    parser_take(parser, KEYWORD_CHAIN);
    bool is_not = parser_take(parser, KEYWORD_NO);
    if (parser_take(parser, KEYWORD_RELEASE)) {
        parser_effect(parser, is_not ? EFFECT_NO_RELEASE : EFFECT_RELEASE);
    }
}

void read_commit(struct parser *parser)
{
    classify_transaction(parser, STATEMENT_COMMIT);
    parser_effect(parser, EFFECT_END);
    read_completion(parser);
}

static void take_savepoint(struct parser *parser, enum statement_kind kind)
{
    classify_transaction(parser, kind);
    parser_effect(parser, EFFECT_SAVEPOINT);
    parser_take(parser, KEYWORD_SAVEPOINT);
    parser_take_name(parser, &parser->out->name);
}

void read_rollback(struct parser *parser)
{
    parser_take(parser, KEYWORD_WORK);
    if (parser_take(parser, KEYWORD_TO)) {
        take_savepoint(parser, STATEMENT_ROLLBACK_TO);
        return;
    }
    classify_transaction(parser, STATEMENT_ROLLBACK);
    parser_effect(parser, EFFECT_END);
    read_completion(parser);
}

void read_savepoint(struct parser *parser)
{
    take_savepoint(parser, STATEMENT_SAVEPOINT);
}

void read_release(struct parser *parser)
{
    take_savepoint(parser, STATEMENT_RELEASE_SAVEPOINT);
}

// --- SET TRANSACTION

static void add(struct parser *parser, enum assignment_scope scope, struct slice name,
                struct slice value, const char *start)
{
    const struct assignment assignment = {
        .scope = scope,
        .name = name,
        .kind = ASSIGNMENT_STRING,
        .value = value,
        .text = parser_text_since(parser, start),
    };
    parser_add_assignment(parser, &assignment);
}

// The level as the variable shows it.
static struct slice take_level(struct parser *parser)
{
    if (parser_take(parser, KEYWORD_SERIALIZABLE)) {
        return S("SERIALIZABLE");
    }
    if (parser_take(parser, KEYWORD_REPEATABLE)) {
        parser_take(parser, KEYWORD_READ);
        return S("REPEATABLE-READ");
    }
    parser_take(parser, KEYWORD_READ);
    if (parser_take(parser, KEYWORD_COMMITTED)) {
        return S("READ-COMMITTED");
    }
    parser_take(parser, KEYWORD_UNCOMMITTED);
    return S("READ-UNCOMMITTED");
}

void read_set_transaction(struct parser *parser, enum assignment_scope scope)
{
    classify_transaction(parser, STATEMENT_SET_TRANSACTION);
    do {
        const char *start = parser->token.ptr;
        enum statement_access access;
        if (parser_take(parser, KEYWORD_ISOLATION)) {
            parser_take(parser, KEYWORD_LEVEL);
            struct slice level = take_level(parser);
            add(parser, scope, S("transaction_isolation"), level, start);
        } else if (take_access(parser, &access)) {
            parser->out->access = access;
            add(parser, scope, S("transaction_read_only"),
                access == STATEMENT_READ_ONLY ? S("1") : S("0"), start);
        }
    } while (parser_take_symbol(parser, ','));
}

// --- XA

void read_xa(struct parser *parser)
{
    if (parser_take(parser, KEYWORD_RECOVER)) {
        parser_classify(parser, STATEMENT_XA, STATEMENT_CLASS_SERVER_READ,
                        ROUTE_REASON_SERVER_SPECIFIC);
        return;
    }
    parser_classify(parser, STATEMENT_XA, STATEMENT_CLASS_WRITE, ROUTE_REASON_XA);
    parser_effect(parser, EFFECT_XA);
    if (parser_at(parser, KEYWORD_START) || parser_at(parser, KEYWORD_BEGIN)) {
        parser_effect(parser, EFFECT_BEGIN);
    } else if (parser_at(parser, KEYWORD_COMMIT) || parser_at(parser, KEYWORD_ROLLBACK)) {
        parser_effect(parser, EFFECT_END);
    }
}
