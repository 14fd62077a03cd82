// What FOUND_ROWS() is behind a statement: by what its answer says where that is certain, else the
// connection's to tell.
#include "proxy/session/session_priv.h"

#include "router/sql/lexer.h"

enum found {
    FOUND_SAME,   // as before
    FOUND_COUNT,  // so many
    FOUND_THERE,  // the server set it, and alone knows
    FOUND_NEEDED, // the same, and somebody is about to ask
    FOUND_UNSURE, // the server may have set it
};

// LIMIT of a SELECT or union, as far as FOUND_ROWS() cares: without SQL_CALC_FOUND_ROWS rows are
// counted up to the last one that is sent, also those that OFFSET leaves out.
struct limit {
    bool is_unsure;
    int64_t offset;
};

static bool is_word(const struct token *token, struct slice word)
{
    return (token->kind == TOKEN_WORD || token->kind == TOKEN_NAME) &&
           slice_equal_nocase(token_text(token), word);
}

static bool joins_selects(const struct token *token)
{
    return token->kind == TOKEN_WORD &&
           (token->keyword == KEYWORD_UNION || token->keyword == KEYWORD_EXCEPT ||
            token->keyword == KEYWORD_INTERSECT);
}

static bool number_of(const struct token *token, int64_t *number)
{
    return token->kind == TOKEN_NUMBER && slice_to_i64(token_text(token), number);
}

// Behind LIMIT, up to what cannot be its part.
static void limit_read(struct limit *limit, struct lexer *lexer, struct token *token)
{
    struct token first = *token, sign, second;
    int64_t number;
    lexer_next(lexer, &sign);
    *token = sign;
    bool is_comma = sign.kind == TOKEN_SYMBOL && sign.symbol == ',';
    if (!is_comma && !is_word(&sign, S("offset"))) {
        return;
    }
    lexer_next(lexer, &second);
    *token = second;
    limit->is_unsure |= !number_of(is_comma ? &first : &second, &number);
    limit->offset = limit->is_unsure ? 0 : number;
}

static struct limit limit_of(struct slice sql, const struct sql_syntax *syntax)
{
    struct limit limit = {0};
    struct lexer lexer;
    struct token token;
    int depth = 0;
    bool is_joined = false, has_limit = false;
    lexer_init(&lexer, sql, syntax, 0);
    lexer_next(&lexer, &token);
    while (token.kind != TOKEN_END && token.kind != TOKEN_BROKEN) {
        bool is_limit = token.kind == TOKEN_WORD && token.keyword == KEYWORD_LIMIT;
        if (token.kind == TOKEN_SYMBOL) {
            depth += (token.symbol == '(') - (token.symbol == ')');
        }
        is_joined |= joins_selects(&token) && depth == 0;
        limit.is_unsure |= is_word(&token, S("fetch"));
        lexer_next(&lexer, &token);
        if (is_limit && depth == 0) {
            has_limit = true;
            limit_read(&limit, &lexer, &token);
        }
    }
    limit.is_unsure |=
        (is_joined && has_limit) || token.kind == TOKEN_BROKEN || lexer.executables > 0;
    return limit;
}

static enum found found_by_select(const struct session *session, uint64_t *count)
{
    const struct run *run = session->run;
    const struct reply *reply = &run->reply;
    struct limit limit = {0};
    if (statement_has(&run->statement, EFFECT_FOUND_ROWS)) {
        return FOUND_NEEDED;
    }
    if (reply->result_sets > 1 || (reply->status & STATUS_CURSOR_EXISTS) != 0) {
        return FOUND_THERE;
    }
    if (run->statement.has_limit_or_order) {
        limit = limit_of(run->sql, &session->syntax);
    }
    *count = reply->result_sets == 1 ? reply->rows : (uint64_t)run->left.row_count; // INTO
    if (limit.is_unsure || (limit.offset > 0 && *count == 0)) {
        return FOUND_THERE;
    }
    *count += (uint64_t)limit.offset;
    return FOUND_COUNT;
}

// The word that says what is shown.
static struct slice shown_word(struct slice sql, const struct sql_syntax *syntax)
{
    static const struct slice passed[] = {SLICE_INIT("show"),     SLICE_INIT("full"),
                                          SLICE_INIT("extended"), SLICE_INIT("global"),
                                          SLICE_INIT("session"),  SLICE_INIT("local")};
    struct lexer lexer;
    struct token token;
    bool is_passed;
    lexer_init(&lexer, sql, syntax, 0);
    do {
        lexer_next(&lexer, &token);
        is_passed = false;
        for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
            is_passed |= is_word(&token, passed[i]);
        }
    } while (is_passed);
    return token_text(&token);
}

static bool is_one_of(struct slice word, const struct slice *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal_nocase(word, words[i])) {
            return true;
        }
    }
    return false;
}

// What is read out of tables of information_schema counts as a SELECT does.
static enum found found_by_show(const struct session *session, uint64_t *count)
{
    static const struct slice tables[] = {
        SLICE_INIT("tables"),  SLICE_INIT("table"),  SLICE_INIT("databases"),
        SLICE_INIT("schemas"), SLICE_INIT("status"), SLICE_INIT("variables"),
        SLICE_INIT("columns"), SLICE_INIT("fields"), SLICE_INIT("index"),
        SLICE_INIT("indexes"), SLICE_INIT("keys"),   SLICE_INIT("engines"),
        SLICE_INIT("count"),
    };
    static const struct slice others[] = {
        SLICE_INIT("create"),   SLICE_INIT("grants"), SLICE_INIT("processlist"),
        SLICE_INIT("warnings"), SLICE_INIT("errors"),
    };
    struct slice word = shown_word(session->run->sql, &session->syntax);
    if (is_one_of(word, tables, sizeof(tables) / sizeof(tables[0]))) {
        *count = session->run->reply.rows;
        return FOUND_COUNT;
    }
    return is_one_of(word, others, sizeof(others) / sizeof(others[0])) ? FOUND_SAME : FOUND_UNSURE;
}

// Up to where rows or a query begin.
static bool inserts_query(struct slice sql, const struct sql_syntax *syntax)
{
    struct lexer lexer;
    struct token token;
    lexer_init(&lexer, sql, syntax, 0);
    do {
        lexer_next(&lexer, &token);
        if (is_word(&token, S("values")) || is_word(&token, S("value")) ||
            is_word(&token, S("set"))) {
            return false;
        }
    } while (token.kind != TOKEN_END && token.kind != TOKEN_BROKEN &&
             !is_word(&token, S("select")) && !is_word(&token, S("with")) &&
             !is_word(&token, S("table")));
    return true;
}

static enum found found_by_insert(const struct session *session, uint64_t *count)
{
    const struct run *run = session->run;
    if (run->statement.kind == STATEMENT_SET) { // whose text begins otherwise
        return FOUND_UNSURE;
    }
    if (!inserts_query(run->sql, &session->syntax)) {
        return FOUND_SAME;
    }
    *count = (uint64_t)run->left.told_rows;
    return run->left.told_rows >= 0 ? FOUND_COUNT : FOUND_UNSURE;
}

static enum found found_by_update(const struct session *session, uint64_t *count)
{
    const struct run *run = session->run;
    if (run->statement.tables_count > 1) {
        return FOUND_UNSURE;
    }
    if (conn_peer(pooled_conn(session->pooled))->is_mariadb) {
        return FOUND_SAME;
    }
    *count = (uint64_t)run->left.told_rows;
    return run->left.told_rows >= 0 ? FOUND_COUNT : FOUND_UNSURE;
}

// MariaDB: SET STATEMENT ... FOR leaves what the statement behind it does.
static enum statement_kind kind_of(const struct statement *statement)
{
    return statement->kind == STATEMENT_SET ? statement->inner : statement->kind;
}

static enum found found_by_other(const struct session *session, uint64_t *count)
{
    const struct run *run = session->run;
    const struct statement *statement = &run->statement;
    switch (kind_of(statement)) {
    case STATEMENT_DELETE:
        return statement->tables_count > 1 ? FOUND_UNSURE : FOUND_SAME;
    case STATEMENT_SET:
        return statement->tables_count > 0 ? FOUND_UNSURE : FOUND_SAME;
    case STATEMENT_DO:
        *count = 1;
        if (statement->tables_count > 0) {
            return FOUND_UNSURE;
        }
        return conn_peer(pooled_conn(session->pooled))->is_mariadb ? FOUND_SAME : FOUND_COUNT;
    case STATEMENT_CREATE:
        return run->left.told_rows >= 0 ? FOUND_UNSURE : FOUND_SAME;
    case STATEMENT_DESCRIBE:
        *count = run->reply.rows;
        return FOUND_COUNT;
    case STATEMENT_UNKNOWN:
    case STATEMENT_EXPLAIN:
    case STATEMENT_CALL:
    case STATEMENT_COMPOUND:
    case STATEMENT_EXECUTE:
    case STATEMENT_HELP:
        return run->reply.result_sets > 0 && statement->kind != STATEMENT_EXPLAIN ? FOUND_THERE
                                                                                  : FOUND_UNSURE;
    default:
        return FOUND_SAME;
    }
}

static enum found found_by(const struct session *session, bool is_error, uint64_t *count)
{
    const struct run *run = session->run;
    const struct statement *statement = &run->statement;
    if (run->command == COMMAND_STMT_PREPARE || run->command == COMMAND_INIT_DB) {
        return FOUND_SAME;
    }
    if (statement->count > 1) {
        return run->reply.result_sets > 0 && !is_error ? FOUND_THERE : FOUND_UNSURE;
    }
    if (is_error) {
        return run->reply.rows > 0 ? FOUND_UNSURE : FOUND_SAME;
    }
    if (statement->runs_program && kind_of(statement) != STATEMENT_SELECT) {
        return FOUND_UNSURE;
    }
    switch (kind_of(statement)) {
    case STATEMENT_SELECT:
    case STATEMENT_VALUES:
    case STATEMENT_TABLE:
        return found_by_select(session, count);
    case STATEMENT_SHOW:
        return found_by_show(session, count);
    case STATEMENT_INSERT:
    case STATEMENT_REPLACE:
        return found_by_insert(session, count);
    case STATEMENT_UPDATE:
        return found_by_update(session, count);
    default:
        return found_by_other(session, count);
    }
}

void found_note(struct session *session, bool is_error)
{
    struct last *last = &session->last;
    struct pool_tie *tie = &session->ties.of[POOL_TIE_FOUND_ROWS];
    uint64_t count = 0;
    enum found found = found_by(session, is_error, &count);
    if (found == FOUND_SAME) {
        return;
    }
    if (found == FOUND_UNSURE && tie->pooled != session->pooled) {
        pool_tie_cut(tie); // what it was before is with another connection, or was
    } else {
        pool_tie_bind(&session->ties, POOL_TIE_FOUND_ROWS, session->pooled, found == FOUND_NEEDED);
    }
    last->is_found_known = found == FOUND_COUNT;
    last->found_rows = count;
}
