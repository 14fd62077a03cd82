// Statements on accounts and privileges: whose verified logins are to be forgotten.
#include "router/statement/verb_priv.h"

static void classify_account(struct parser *parser)
{
    parser->part.kind = parser->part.inner = STATEMENT_ACCOUNT;
    parser->part.reason = ROUTE_REASON_ACCOUNT; // CREATE and the like have said: DDL
    parser_raise(parser, STATEMENT_CLASS_WRITE, ROUTE_REASON_ACCOUNT, SLICE_NONE);
    parser_effect(parser, EFFECT_ACCOUNT);
    parser_effect(parser, EFFECT_IMPLICIT_COMMIT);
}

// CURRENT_USER, CURRENT_USER(), and MySQL's USER().
static bool take_current_user_rest(struct parser *parser, enum keyword keyword)
{
    bool is_call = (keyword == KEYWORD_USER || keyword == KEYWORD_CURRENT_USER) &&
                   parser_take_symbol(parser, '(') && parser_take_symbol(parser, ')');
    return is_call || keyword == KEYWORD_CURRENT_USER;
}

static bool take_account(struct parser *parser)
{
    enum keyword keyword = (enum keyword)parser->token.keyword;
    struct slice user;
    if (!parser_take_name(parser, &user)) {
        return false;
    }
    struct statement_account account = {.user = user};
    if (take_current_user_rest(parser, keyword)) {
        account = (struct statement_account){.is_current = true};
    } else if (parser->token.kind == TOKEN_USER_VARIABLE) {
        account.host = parser_value(parser, &parser->token);
        parser_advance(parser);
    }
    parser_add_account(parser, &account);
    return true;
}

// Accounts at the beginning and behind every comma; what stands between are their options. An
// option's list (DEFAULT ROLE a, b) makes an account too many, which is no harm.
static void take_accounts(struct parser *parser)
{
    size_t depth = 0;
    bool is_expected = true;
    while (!parser_at_end(parser)) {
        if (is_expected && !take_account(parser)) {
            parser->out->accounts_are_all = true;
        }
        if (parser_at_end(parser)) {
            break;
        }
        depth += parser_at_symbol(parser, '(');
        depth -= parser_at_symbol(parser, ')') && depth > 0;
        is_expected =
            depth == 0 && (parser_at_symbol(parser, ',') || parser_at(parser, KEYWORD_TO));
        parser_advance(parser);
    }
}

void read_user(struct parser *parser)
{
    classify_account(parser);
    parser_take_if_exists(parser);
    take_accounts(parser);
}

// A role's privileges are many accounts'.
void read_role(struct parser *parser)
{
    classify_account(parser);
    parser->out->accounts_are_all = true;
    while (!parser_at_end(parser)) {
        parser_advance(parser);
    }
}

// The accounts behind the last TO or FROM: privileges and objects stand before it.
static void take_accounts_behind(struct parser *parser, enum keyword keyword)
{
    classify_account(parser);
    while (!parser_at_end(parser) && !parser_take(parser, keyword)) {
        parser_advance(parser);
    }
    parser->out->accounts_are_all |= parser_at_end(parser);
    take_accounts(parser);
}

void read_grant(struct parser *parser)
{
    take_accounts_behind(parser, KEYWORD_TO);
}

void read_revoke(struct parser *parser)
{
    take_accounts_behind(parser, KEYWORD_FROM);
}

// SET PASSWORD [FOR account] = ...
void read_password(struct parser *parser)
{
    classify_account(parser);
    if (!parser_take(parser, KEYWORD_FOR)) {
        const struct statement_account current = {.is_current = true};
        parser_add_account(parser, &current);
    } else if (!take_account(parser)) {
        parser->out->accounts_are_all = true;
    }
    while (!parser_at_end(parser)) {
        parser_advance(parser);
    }
}

// SET DEFAULT ROLE role [TO account, ... | FOR account]
void read_default_role(struct parser *parser)
{
    classify_account(parser);
    while (!parser_at_end(parser) && !parser_at(parser, KEYWORD_TO) &&
           !parser_at(parser, KEYWORD_FOR)) {
        parser_advance(parser);
    }
    if (parser_at_end(parser)) {
        const struct statement_account current = {.is_current = true};
        parser_add_account(parser, &current);
        return;
    }
    parser_advance(parser);
    take_accounts(parser);
}
