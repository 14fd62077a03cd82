// Statements that administer a server.
#include "router/statement/verb_priv.h"

static void classify_administration(struct parser *parser)
{
    parser_classify(parser, STATEMENT_ADMINISTRATION, STATEMENT_CLASS_WRITE,
                    ROUTE_REASON_ADMINISTRATION);
}

static void skip_to_end(struct parser *parser)
{
    while (!parser_at_end(parser)) {
        parser_advance(parser);
    }
}

// RESET, PURGE, CHANGE, STOP, INSTALL, SHUTDOWN, CLONE, BINLOG, ...
void read_administration(struct parser *parser)
{
    classify_administration(parser);
    parser_effect(parser, EFFECT_IMPLICIT_COMMIT);
    skip_to_end(parser);
}

// FLUSH TABLES ... WITH READ LOCK and FLUSH TABLES ... FOR EXPORT, which UNLOCK TABLES releases;
// FLUSH PRIVILEGES; FLUSH STATUS, MariaDB's FLUSH GLOBAL STATUS not being the connection's
void read_flush(struct parser *parser)
{
    classify_administration(parser);
    parser_effect(parser, EFFECT_IMPLICIT_COMMIT);
    parser_take_local(parser);
    if (parser_at(parser, KEYWORD_PRIVILEGES)) {
        parser_effect(parser, EFFECT_ACCOUNT);
        parser->out->accounts_are_all = true;
    }
    while (!parser_at_end(parser)) {
        if (parser_at(parser, KEYWORD_LOCK) || parser_at(parser, KEYWORD_EXPORT)) {
            parser_effect(parser, EFFECT_LOCK_TABLES);
        } else if (parser_at(parser, KEYWORD_OPTIMIZER_COSTS)) { // which new sessions begin with
            parser_effect(parser, EFFECT_GLOBAL_VARIABLE);
        } else if (parser_at(parser, KEYWORD_STATUS)) {
            parser_effect(parser, EFFECT_STATUS);
        } else if (parser_take(parser, KEYWORD_GLOBAL) && parser_at_end(parser)) {
            return;
        }
        parser_advance(parser);
    }
}

// MariaDB: BACKUP STAGE x, BACKUP LOCK t, BACKUP UNLOCK
void read_backup(struct parser *parser)
{
    classify_administration(parser);
    if (parser_at(parser, KEYWORD_UNLOCK)) {
        parser_effect(parser, EFFECT_GLOBAL_UNLOCK);
    } else if (parser_take(parser, KEYWORD_STAGE) && parser_at(parser, KEYWORD_END)) {
        parser_effect(parser, EFFECT_GLOBAL_UNLOCK);
    } else {
        parser_effect(parser, EFFECT_GLOBAL_LOCK);
    }
    skip_to_end(parser);
}
