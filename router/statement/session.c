// Statements on the session: schema, statements by name, locks, KILL.
#include "router/statement/scan_priv.h"
#include "router/statement/verb_priv.h"

void read_use(struct parser *parser)
{
    parser_classify(parser, STATEMENT_USE, STATEMENT_CLASS_SESSION, ROUTE_REASON_SESSION_STATE);
    parser_effect(parser, EFFECT_SCHEMA);
    if (parser_take_name(parser, &parser->out->schema)) {
        parser_choose_schema(parser, parser->out->schema);
    }
}

// --- statements by name

// FROM 'text' or FROM @v: what is run is known only as a literal.
static void read_text(struct parser *parser)
{
    if (parser->token.kind == TOKEN_STRING) {
        struct token text = parser->token;
        parser_advance(parser);
        if (parser_at_end(parser) || parser_at(parser, KEYWORD_USING)) {
            parser->out->prepared = parser_value(parser, &text);
        }
    }
    parser->out->are_tables_complete = false;
}

void read_prepare(struct parser *parser)
{
    parser_classify(parser, STATEMENT_PREPARE, STATEMENT_CLASS_SESSION, ROUTE_REASON_PREPARED_TEXT);
    parser_effect(parser, EFFECT_PREPARE);
    parser_take_name(parser, &parser->out->name);
    if (parser_take(parser, KEYWORD_FROM)) {
        read_text(parser);
    }
}

// Behind USING: a CALL may assign what it is given.
static void note_used(struct parser *parser)
{
    struct parser_place place = parser_place(parser);
    while (!parser_at_end(parser)) {
        if (parser->token.kind == TOKEN_USER_VARIABLE) {
            parser_add_subject(parser, SUBJECT_USER_VARIABLE, parser_value(parser, &parser->token));
        }
        parser_advance(parser);
    }
    parser_return(parser, &place);
}

// EXECUTE s [USING ...], EXECUTE IMMEDIATE text [USING ...]
void read_execute(struct parser *parser)
{
    parser_classify(parser, STATEMENT_EXECUTE, STATEMENT_CLASS_WRITE, ROUTE_REASON_PREPARED_TEXT);
    parser_effect(parser, EFFECT_EXECUTE);
    parser_unknown(parser);
    if (parser_take(parser, KEYWORD_IMMEDIATE)) {
        read_text(parser);
    } else {
        parser_take_name(parser, &parser->out->name);
    }
    note_used(parser);
}

// DEALLOCATE PREPARE s, DROP PREPARE s
void read_deallocate(struct parser *parser)
{
    parser_classify(parser, STATEMENT_DEALLOCATE, STATEMENT_CLASS_SESSION,
                    ROUTE_REASON_PREPARED_TEXT);
    parser_effect(parser, EFFECT_DEALLOCATE);
    parser_take(parser, KEYWORD_PREPARE);
    parser_take_name(parser, &parser->out->name);
}

// GET [CURRENT|STACKED] DIAGNOSTICS ...: sets variables from the last statement's conditions.
void read_get(struct parser *parser)
{
    parser_classify(parser, STATEMENT_GET_DIAGNOSTICS, STATEMENT_CLASS_CONNECTION,
                    ROUTE_REASON_LAST_STATEMENT);
    parser_ask(parser, ASK_WARNINGS);
    parser_effect(parser, EFFECT_USER_VARIABLE);
    while (!parser_at_end(parser)) {
        if (parser->token.kind == TOKEN_USER_VARIABLE) {
            parser_add_subject(parser, SUBJECT_USER_VARIABLE, parser_value(parser, &parser->token));
        }
        parser_advance(parser);
    }
}

// --- locks

// t [AS a] READ|WRITE, ...: a table's lock follows its name.
static void take_locked_tables(struct parser *parser)
{
    do {
        uint32_t first = parser->out->tables_count;
        parser_take_table(parser, TABLE_READ);
        bool is_written = false;
        while (!parser_at_end(parser) && !parser_at_symbol(parser, ',')) {
            is_written |= parser_at(parser, KEYWORD_WRITE);
            parser_advance(parser);
        }
        for (uint32_t i = first; i < parser->out->tables_count; i++) {
            parser->tables[i].is_written = is_written;
        }
    } while (parser_take_symbol(parser, ','));
}

// LOCK TABLES ..., LOCK INSTANCE FOR BACKUP
void read_lock(struct parser *parser)
{
    if (!parser_take(parser, KEYWORD_TABLES) && !parser_take(parser, KEYWORD_TABLE)) {
        parser_classify(parser, STATEMENT_ADMINISTRATION, STATEMENT_CLASS_WRITE,
                        ROUTE_REASON_ADMINISTRATION);
        parser_effect(parser, EFFECT_GLOBAL_LOCK);
        return;
    }
    parser_classify(parser, STATEMENT_LOCK_TABLES, STATEMENT_CLASS_WRITE, ROUTE_REASON_LOCK_TABLES);
    parser_effect(parser, EFFECT_LOCK_TABLES);
    parser_effect(parser, EFFECT_IMPLICIT_COMMIT);
    take_locked_tables(parser);
}

void read_unlock(struct parser *parser)
{
    if (!parser_take(parser, KEYWORD_TABLES) && !parser_take(parser, KEYWORD_TABLE)) {
        parser_classify(parser, STATEMENT_ADMINISTRATION, STATEMENT_CLASS_WRITE,
                        ROUTE_REASON_ADMINISTRATION);
        parser_effect(parser, EFFECT_GLOBAL_UNLOCK);
        return;
    }
    parser_classify(parser, STATEMENT_UNLOCK_TABLES, STATEMENT_CLASS_WRITE,
                    ROUTE_REASON_LOCK_TABLES);
    parser_effect(parser, EFFECT_UNLOCK_TABLES);
    parser_effect(parser, EFFECT_IMPLICIT_COMMIT);
}

// --- KILL

static enum kill_form read_kill_id(struct parser *parser)
{
    struct statement_kill *kill = &parser->out->kill;
    struct token token = parser->token;
    parser_advance(parser);
    if (token.kind == TOKEN_NUMBER && parser_at_end(parser) &&
        slice_to_u64(token_text(&token), &kill->id)) {
        return KILL_ID;
    }
    if (slice_equal_nocase(token_text(&token), S("connection_id")) && token.kind == TOKEN_WORD &&
        parser_take_symbol(parser, '(') && parser_take_symbol(parser, ')') &&
        parser_at_end(parser)) {
        return KILL_SELF;
    }
    return KILL_OTHER;
}

static enum kill_form read_kill_user(struct parser *parser)
{
    struct statement_kill *kill = &parser->out->kill;
    if (!parser_at(parser, KEYWORD_CURRENT_USER)) {
        parser_take_name(parser, &kill->user);
        if (parser->token.kind == TOKEN_USER_VARIABLE) {
            kill->host = parser_value(parser, &parser->token);
        }
    }
    return KILL_USER;
}

static void read_kill_expression(struct parser *parser)
{
    const char *begin = parser->token.ptr;
    while (!parser_at_end(parser)) {
        parser_advance(parser);
    }
    const char *end = parser->last.ptr + parser->last.len;
    if (end > begin) {
        parser->out->kill.expression = slice_make(begin, (size_t)(end - begin));
    }
}

// KILL [HARD|SOFT] [CONNECTION|QUERY [ID]] id | USER account
void read_kill(struct parser *parser)
{
    struct statement_kill *kill = &parser->out->kill;
    parser_classify(parser, STATEMENT_KILL, STATEMENT_CLASS_PROXY, ROUTE_REASON_PROXY_STATEMENT);
    parser_effect(parser, EFFECT_KILL);
    if (!parser_take(parser, KEYWORD_HARD)) {
        parser_take(parser, KEYWORD_SOFT);
    }
    if (!parser_take(parser, KEYWORD_CONNECTION)) {
        kill->is_query = parser_take(parser, KEYWORD_QUERY);
    }
    bool is_query_id = kill->is_query && parser_take(parser, KEYWORD_ID);
    struct parser_place place = parser_place(parser);
    kill->form = parser_take(parser, KEYWORD_USER) ? read_kill_user(parser) : read_kill_id(parser);
    if (is_query_id) { // the primary's list has it
        kill->form = KILL_QUERY_ID;
        parser_classify(parser, STATEMENT_KILL, STATEMENT_CLASS_WRITE, ROUTE_REASON_ADMINISTRATION);
    } else if (kill->form == KILL_OTHER) {
        parser_return(parser, &place);
        read_kill_expression(parser);
    }
    while (!parser_at_end(parser)) {
        parser_advance(parser);
    }
}
