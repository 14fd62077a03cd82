// A statement that asks about the one before it: SHOW WARNINGS, FOUND_ROWS(), ROW_COUNT(),
// @@warning_count, GET DIAGNOSTICS. It gets the connection that ran that one, where that still has
// what is asked for. What is known here (struct last) takes the place of the questions in its text,
// or is the answer; what another connection alone has is asked of it first.
#include "proxy/session/process_list.h"
#include "proxy/session/rewriting.h"
#include "proxy/session/session_priv.h"

#include "protocol/wire/writer.h"

enum { TEXT_MOST = 1 << 20 }; // a longer text stays as it is
enum { ER_NO_SUCH_CONDITION = 1758 };

enum asked { ASKED_CONDITIONS = 1, ASKED_FOUND_ROWS = 2, ASKED_ROW_COUNT = 4 };

static unsigned asked_by(const struct statement *statement)
{
    bool has_row_count = statement->kind == STATEMENT_GET_DIAGNOSTICS; // among what it may name
    return (statement_asks(statement, ASK_WARNINGS) ? ASKED_CONDITIONS : 0) |
           (has_row_count ? ASKED_ROW_COUNT : 0) |
           (statement_asks(statement, ASK_FOUND_ROWS) ? ASKED_FOUND_ROWS : 0) |
           (statement_asks(statement, ASK_ROW_COUNT) ? ASKED_ROW_COUNT : 0);
}

static bool runs_prepared(const struct session *session)
{
    return execution_is_meant(session->run);
}

// --- who knows -----------------------------------------------------------------------------------

static struct pooled *tied(const struct session *session, enum pool_tie_kind kind)
{
    return session->ties.of[kind].pooled;
}

// Whether that connection itself gives the right answers, asked without a word of sluice's between.
static bool knows_all(const struct session *session, const struct pooled *pooled, unsigned asked)
{
    const struct last *last = &session->last;
    bool ran_last = tied(session, POOL_TIE_LAST) == pooled && last->is_here;
    bool has_conditions = tied(session, POOL_TIE_CONDITIONS) == pooled;
    return pooled != NULL && ((asked & ASKED_ROW_COUNT) == 0 || ran_last) &&
           ((asked & ASKED_CONDITIONS) == 0 || has_conditions) &&
           ((asked & ASKED_FOUND_ROWS) == 0 || tied(session, POOL_TIE_FOUND_ROWS) == pooled);
}

// PREPARE comes between, and MariaDB's ROW_COUNT() is 0 behind it.
static bool must_be_prepared(const struct session *session)
{
    struct statements *statements = conn_statements(pooled_conn(session->pooled));
    return runs_prepared(session) && statements_find(statements, session->run->text) == NULL;
}

// The connection that the session has knows all of it.
static bool is_all_here(const struct session *session, unsigned asked)
{
    return session->pooled != NULL && !attach_wants_insert_id(session) &&
           knows_all(session, session->pooled, asked) && !must_be_prepared(session);
}

static enum recall ask_first(struct session *session, enum pool_tie_kind kind)
{
    return pool_save_tied(&session->ties, kind) ? RECALL_WAIT : RECALL_GONE;
}

// One that holds what is not known here: the statement runs there, or it is asked first where the
// statement must run elsewhere.
static enum recall go_to(struct session *session, enum pool_tie_kind kind)
{
    if (tied(session, kind) != NULL && tied(session, kind) == session->pooled) {
        return RECALL_NONE;
    }
    if (session->pooled == NULL && !runs_prepared(session) && attach_take_tied(session, kind)) {
        return RECALL_TIED;
    }
    return ask_first(session, kind);
}

// A text that nothing can be put into: the connection that knows everything, or none.
static enum recall go_as_is(struct session *session, unsigned asked)
{
    const struct last *last = &session->last;
    struct pooled *pooled =
        session->pooled != NULL ? session->pooled : tied(session, POOL_TIE_LAST);
    if (last->conditions == LAST_NONE) {
        asked &= ~(unsigned)ASKED_CONDITIONS; // what ran there left none
        asked |= ASKED_ROW_COUNT;
    }
    if (!knows_all(session, pooled, asked)) {
        return RECALL_GONE;
    }
    if (session->pooled != NULL) {
        return RECALL_NONE;
    }
    return attach_take_tied(session, POOL_TIE_LAST) ? RECALL_TIED : RECALL_GONE;
}

// --- SHOW WARNINGS -------------------------------------------------------------------------------

// SHOW WARNINGS | ERRORS [LIMIT [offset,] n | LIMIT n OFFSET offset], SHOW COUNT(*) WARNINGS |
// ERRORS
struct show {
    bool is_errors;
    bool is_count;
    uint64_t offset;
    uint64_t most;
};

static bool take_word(struct lexer *lexer, struct token *token, struct slice word)
{
    bool is_it = (token->kind == TOKEN_WORD || token->kind == TOKEN_NAME) &&
                 slice_equal_nocase(token_text(token), word);
    if (is_it) {
        lexer_next(lexer, token);
    }
    return is_it;
}

static bool take_symbol(struct lexer *lexer, struct token *token, char symbol)
{
    bool is_it = token_is_symbol(token, symbol);
    if (is_it) {
        lexer_next(lexer, token);
    }
    return is_it;
}

static bool take_number(struct lexer *lexer, struct token *token, uint64_t *number)
{
    bool is_it = token->kind == TOKEN_NUMBER && slice_to_u64(token_text(token), number);
    if (is_it) {
        lexer_next(lexer, token);
    }
    return is_it;
}

static bool limit_clause_take(struct lexer *lexer, struct token *token, struct show *show)
{
    if (!take_word(lexer, token, S("limit"))) {
        return true;
    }
    if (!take_number(lexer, token, &show->most)) {
        return false;
    }
    if (take_symbol(lexer, token, ',')) {
        show->offset = show->most;
        return take_number(lexer, token, &show->most);
    }
    return !take_word(lexer, token, S("offset")) || take_number(lexer, token, &show->offset);
}

static bool show_read(struct show *show, struct slice sql, const struct sql_syntax *syntax)
{
    struct lexer lexer;
    struct token token;
    *show = (struct show){.most = UINT64_MAX};
    lexer_init(&lexer, sql, syntax, 0);
    lexer_next(&lexer, &token);
    if (!take_word(&lexer, &token, S("show"))) {
        return false;
    }
    if (take_word(&lexer, &token, S("count"))) {
        show->is_count = true;
        if (!take_symbol(&lexer, &token, '(') || !take_symbol(&lexer, &token, '*') ||
            !take_symbol(&lexer, &token, ')')) {
            return false;
        }
    }
    show->is_errors = take_word(&lexer, &token, S("errors"));
    if (!show->is_errors && !take_word(&lexer, &token, S("warnings"))) {
        return false;
    }
    if (!show->is_count && !limit_clause_take(&lexer, &token, show)) {
        return false;
    }
    take_symbol(&lexer, &token, ';');
    return token.kind == TOKEN_END && lexer.executables == 0;
}

static bool counts(const struct last *last, bool is_errors, uint64_t *count)
{
    return is_errors ? last_error_count(last, count) : last_warning_count(last, count);
}

static void count_answer(struct session *session, const struct show *show)
{
    struct column column = {
        .name = show->is_errors ? S("@@session.error_count") : S("@@session.warning_count"),
        .collation = COLUMN_BYTES,
        .length = 21,
        .type = TYPE_LONGLONG,
        .flags = COLUMN_UNSIGNED | COLUMN_BINARY,
    };
    char text[24];
    uint64_t count = 0;
    bool is_known = counts(&session->last, show->is_errors, &count);
    (void)is_known; // it was when the answer was begun
    int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)count);
    struct slice cell = slice_make(text, (size_t)len);
    last_told(session, 1, true);
    answer_rows(session, &column, 1, &cell, 1);
}

static void list_answer(struct session *session, const struct show *show)
{
    const struct conditions *saved =
        session->last.conditions == LAST_SAVED ? session->last.saved : NULL;
    size_t kept = saved != NULL ? saved->count : 0, count = 0;
    uint64_t passed = 0;
    struct slice(*rows)[CONDITION_CELLS] =
        arena_alloc(&session->run->arena, (kept + 1) * sizeof(*rows));
    for (size_t i = 0; i < kept && count < show->most; i++) {
        bool is_error = slice_equal(saved->cells[i][CONDITION_LEVEL], S("Error"));
        if ((show->is_errors && !is_error) || passed++ < show->offset) {
            continue;
        }
        memcpy(rows[count++], saved->cells[i], sizeof(*rows));
    }
    last_told(session, 0, false);
    answer_rows(session, last_columns(session), CONDITION_CELLS, &rows[0][0], count);
}

static enum recall show_find(struct session *session)
{
    const struct last *last = &session->last;
    struct show show;
    uint64_t count;
    if (!show_read(&show, session->run->sql, &session->syntax)) {
        return go_as_is(session, ASKED_CONDITIONS);
    }
    if (last->conditions == LAST_HELD) {
        return go_to(session, POOL_TIE_CONDITIONS);
    }
    if (show.is_count) {
        return counts(last, show.is_errors, &count) ? RECALL_ANSWER : RECALL_GONE;
    }
    if (last->conditions == LAST_NONE && session->run->command == COMMAND_QUERY) {
        run_put_text(session->run, S("SHOW WARNINGS LIMIT 0")); // a server knows the columns
        return RECALL_NONE;
    }
    return RECALL_ANSWER;
}

bool recall_is_show_warnings(const struct session *session)
{
    struct show show;
    return show_read(&show, session->run->sql, &session->syntax) && !show.is_errors &&
           !show.is_count;
}

void recall_answer(struct session *session)
{
    struct show show;
    if (session->run->statement.kind == STATEMENT_GET_DIAGNOSTICS) {
        last_add_error(&session->last, last_columns(session), ER_NO_SUCH_CONDITION,
                       S("Invalid condition number"));
        last_counted(session, -1);
        answer_warned(session, 1);
        return;
    }
    bool is_read = show_read(&show, session->run->sql, &session->syntax);
    (void)is_read; // it was when it was found to be sluice's to answer
    show.is_count ? count_answer(session, &show) : list_answer(session, &show);
}

// --- GET DIAGNOSTICS -----------------------------------------------------------------------------

// What servers say of those that statements leave as warnings.
static const struct {
    uint16_t code;
    char sqlstate[LAST_SQLSTATE_SIZE + 1];
} warning_states[] = {
    {1048, "23000"}, {1050, "42S01"}, {1051, "42S02"}, {1062, "23000"}, {1264, "22003"},
    {1265, "01000"}, {1287, "HY000"}, {1292, "22007"}, {1364, "HY000"}, {1365, "22012"},
};

static struct slice sqlstate_of(const struct last *last, const struct slice *cells)
{
    uint64_t code = 0;
    bool is_number = slice_to_u64(cells[CONDITION_CODE], &code);
    bool is_error = slice_equal(cells[CONDITION_LEVEL], S("Error"));
    if (!is_number || (is_error && code != last->error)) {
        return SLICE_NONE;
    }
    if (is_error) {
        return slice_make(last->sqlstate, LAST_SQLSTATE_SIZE);
    }
    for (size_t i = 0; i < sizeof(warning_states) / sizeof(warning_states[0]); i++) {
        if (warning_states[i].code == code) {
            return slice_make(warning_states[i].sqlstate, LAST_SQLSTATE_SIZE);
        }
    }
    return SLICE_NONE;
}

// A text as the servers have it there, in the charset of their own words, whatever the session's
// is. MySQL warns of that charset's name, so it is not named.
#define OF_SERVERS_CHARSET "CONCAT(LEFT(VERSION(),0),"

static void text_write(const struct session *session, struct slice text, struct buffer *out)
{
    const struct image_variable *charset =
        image_variable(session->image, S("character_set_results"));
    bool is_named = charset != NULL && !charset->is_null && charset->value.len > 0 &&
                    !slice_starts_nocase(charset->value, S("utf8"));
    buffer_print(out, OF_SERVERS_CHARSET "_%.*s X'",
                 SLICE_ARG(is_named ? charset->value : S("utf8mb4")));
    for (size_t i = 0; i < text.len; i++) {
        buffer_print(out, "%02X", (unsigned)(uint8_t)text.ptr[i]);
    }
    buffer_append_slice(out, S("')"));
}

// Of most conditions the list does not say at which row they came; GET DIAGNOSTICS has none.
static bool is_of_no_row(const struct slice *cells)
{
    uint64_t code = 0;
    return slice_to_u64(cells[CONDITION_CODE], &code) && code == ER_NO_SUCH_CONDITION;
}

// `cells`: of the condition; NULL: of the statement. False where it is not known.
static bool item_write(const struct session *session, const struct slice *cells, struct slice item,
                       struct buffer *out)
{
    const struct last *last = &session->last;
    size_t count = last->conditions == LAST_SAVED ? last->saved->count : 0;
    if (cells == NULL && slice_equal_nocase(item, S("number"))) {
        buffer_print(out, "CAST(%zu AS UNSIGNED)", count);
    } else if (cells == NULL && slice_equal_nocase(item, S("row_count"))) {
        buffer_print(out, "%lld", (long long)last->row_count);
    } else if (cells != NULL && slice_equal_nocase(item, S("mysql_errno"))) {
        buffer_print(out, "CAST(%.*s AS UNSIGNED)", SLICE_ARG(cells[CONDITION_CODE]));
    } else if (cells != NULL && slice_equal_nocase(item, S("message_text"))) {
        text_write(session, cells[CONDITION_MESSAGE], out);
    } else if (cells != NULL && slice_equal_nocase(item, S("returned_sqlstate"))) {
        struct slice state = sqlstate_of(last, cells);
        buffer_print(out, OF_SERVERS_CHARSET "'%.*s')", SLICE_ARG(state));
        return state.len > 0;
    } else if (cells != NULL && slice_equal_nocase(item, S("row_number"))) {
        buffer_append_slice(out, S("CAST(0 AS UNSIGNED)"));
        return session_is_mariadb(session) && is_of_no_row(cells);
    } else {
        return false;
    }
    return true;
}

static bool items_write(const struct session *session, const struct slice *cells,
                        struct lexer *lexer, struct token *token, struct buffer *out)
{
    buffer_append_slice(out, S("SET "));
    for (;;) {
        struct token target = *token;
        lexer_next(lexer, token);
        if (target.kind != TOKEN_USER_VARIABLE || !take_symbol(lexer, token, '=')) {
            return false;
        }
        buffer_print(out, "%.*s = ", SLICE_ARG(token_text(&target)));
        struct slice item = token_text(token);
        if (token->kind != TOKEN_WORD || !item_write(session, cells, item, out)) {
            return false;
        }
        lexer_next(lexer, token);
        if (!take_symbol(lexer, token, ',')) {
            take_symbol(lexer, token, ';');
            return token->kind == TOKEN_END && lexer->executables == 0;
        }
        buffer_append_slice(out, S(", "));
    }
}

// 2 or '2'.
static bool take_condition_number(struct lexer *lexer, struct token *token, uint64_t *number)
{
    if (token->kind != TOKEN_STRING) {
        return take_number(lexer, token, number);
    }
    struct slice text = token_text(token);
    if (text.len < 3 || !slice_to_u64(slice_make(text.ptr + 1, text.len - 2), number)) {
        return false;
    }
    lexer_next(lexer, token);
    return true;
}

// Goes behind GET [CURRENT] DIAGNOSTICS. False where the text does not begin so.
static bool diagnostics_open(const struct session *session, struct lexer *lexer,
                             struct token *token)
{
    lexer_init(lexer, session->run->sql, &session->syntax, 0);
    lexer_next(lexer, token);
    bool is_get = take_word(lexer, token, S("get"));
    take_word(lexer, token, S("current"));
    return is_get && take_word(lexer, token, S("diagnostics"));
}

enum translation { TRANSLATION_SET, TRANSLATION_NO_CONDITION, TRANSLATION_UNSURE };

// Writes the SET that GET [CURRENT] DIAGNOSTICS means.
static enum translation diagnostics_write(const struct session *session, struct buffer *out)
{
    const struct last *last = &session->last;
    const struct slice *cells = NULL;
    struct lexer lexer;
    struct token token;
    uint64_t number = 0;
    if (!diagnostics_open(session, &lexer, &token)) {
        return TRANSLATION_UNSURE;
    }
    if (take_word(&lexer, &token, S("condition"))) {
        if (take_word(&lexer, &token, S("null"))) {
            return TRANSLATION_NO_CONDITION;
        }
        if (!take_condition_number(&lexer, &token, &number)) {
            return TRANSLATION_UNSURE;
        }
        size_t count = last->conditions == LAST_SAVED ? last->saved->count : 0;
        if (number == 0 || number > count) {
            return TRANSLATION_NO_CONDITION;
        }
        cells = last->saved->cells[number - 1];
    }
    return items_write(session, cells, &lexer, &token, out) ? TRANSLATION_SET : TRANSLATION_UNSURE;
}

// Those of a condition do not.
static bool names_row_count(const struct session *session)
{
    struct lexer lexer;
    struct token token;
    bool is_named = false;
    lexer_init(&lexer, session->run->sql, &session->syntax, 0);
    do {
        lexer_next(&lexer, &token);
        is_named |= slice_equal_nocase(token_text(&token), S("row_count"));
    } while (token.kind != TOKEN_END && token.kind != TOKEN_BROKEN);
    return is_named;
}

static bool is_item(struct lexer *lexer, struct token *token)
{
    bool has_target = token->kind == TOKEN_USER_VARIABLE;
    lexer_next(lexer, token);
    bool has_sign = token_is_symbol(token, '=');
    lexer_next(lexer, token);
    bool has_name = token->kind == TOKEN_WORD;
    lexer_next(lexer, token);
    return has_target && has_sign && has_name;
}

// Whether it has the form of one outside of programs. To what has not, every server says so.
static bool is_whole_diagnostics(const struct session *session)
{
    struct lexer lexer;
    struct token token;
    if (!diagnostics_open(session, &lexer, &token)) {
        return false;
    }
    if (take_word(&lexer, &token, S("condition"))) {
        bool is_null = slice_equal_nocase(token_text(&token), S("null"));
        if (!is_null && (token.kind == TOKEN_WORD || token.kind == TOKEN_NAME)) {
            return false; // a program's variable, where there is no program
        }
        lexer_next(&lexer, &token);
    }
    bool is_whole = is_item(&lexer, &token);
    while (is_whole && token_is_symbol(&token, ',')) {
        lexer_next(&lexer, &token);
        is_whole = is_item(&lexer, &token);
    }
    return is_whole && token.kind == TOKEN_END;
}

static enum recall diagnostics_find(struct session *session, unsigned asked)
{
    struct buffer text = BUFFER_INIT;
    if (!is_whole_diagnostics(session)) {
        return RECALL_NONE;
    }
    if (!names_row_count(session)) {
        asked &= ~(unsigned)ASKED_ROW_COUNT;
    }
    if (session->last.conditions == LAST_HELD) {
        struct pooled *holder = tied(session, POOL_TIE_CONDITIONS);
        bool can_tell = holder == session->pooled || knows_all(session, holder, asked);
        return can_tell ? go_to(session, POOL_TIE_CONDITIONS)
                        : ask_first(session, POOL_TIE_CONDITIONS);
    }
    enum recall found = RECALL_NONE;
    switch (diagnostics_write(session, &text)) {
    case TRANSLATION_SET:
        run_put_text(session->run, buffer_slice(&text));
        break;
    case TRANSLATION_NO_CONDITION:
        found = RECALL_ANSWER;
        break;
    default:
        found = go_as_is(session, asked);
        break;
    }
    buffer_release(&text);
    return found;
}

// --- questions in a text -------------------------------------------------------------------------

struct recalling {
    const struct session *session;
    bool is_fresh;    // MariaDB has forgotten the warnings where the statement uses tables
    unsigned unknown; // ASKED_ bits of what stays in the text
};

// As wide as what the servers answer. `unless`: what would be the value if that were NULL, and
// warns where it stands as the function itself does.
static void number_write(struct rewriting *at, const char *start, int64_t number,
                         struct slice unless)
{
    unsigned long long size = (unsigned long long)(number < 0 ? -number : number);
    rewriting_replace(at, start);
    buffer_print(at->out, "COALESCE(CAST(%s%020llu AS SIGNED)%.*s)", number < 0 ? "-" : "", size,
                 SLICE_ARG(unless));
}

// A variable may be NULL, as far as the servers say.
static void count_write(struct rewriting *at, const char *start, uint64_t count)
{
    rewriting_replace(at, start);
    buffer_print(at->out, "IF(TRUE,CAST(%021llu AS UNSIGNED),NULL)", (unsigned long long)count);
}

static bool count_take(struct rewriting *at, struct recalling *recalling)
{
    const char *start = at->token.ptr;
    uint64_t count = 0;
    struct slice name;
    bool is_variable = rewriting_take_variable(at, &name);
    bool is_errors = is_variable && slice_equal_nocase(name, S("error_count"));
    if (!is_errors && !(is_variable && slice_equal_nocase(name, S("warning_count")))) {
        return false;
    }
    if (!recalling->is_fresh && !counts(&recalling->session->last, is_errors, &count)) {
        recalling->unknown |= ASKED_CONDITIONS;
        return false;
    }
    count_write(at, start, count);
    return true;
}

static bool call_take(struct rewriting *at, struct recalling *recalling)
{
    const struct last *last = &recalling->session->last;
    struct rewriting before = *at;
    const char *start = at->token.ptr;
    if (rewriting_take_call(at, S("row_count"))) {
        number_write(at, start, last->row_count, SLICE_NONE);
        return true;
    }
    *at = before;
    if (!rewriting_take_call(at, S("found_rows"))) {
        return false;
    }
    if (!last->is_found_known) {
        recalling->unknown |= ASKED_FOUND_ROWS;
        return false;
    }
    struct slice unless = session_is_mariadb(recalling->session) ? SLICE_NONE : S(",FOUND_ROWS()");
    number_write(at, start, (int64_t)last->found_rows, unless);
    return true;
}

static bool take_question(struct rewriting *at, void *context)
{
    struct rewriting before = *at;
    if (count_take(at, context)) {
        return true;
    }
    *at = before;
    return call_take(at, context);
}

static enum recall unknown_find(struct session *session, unsigned unknown)
{
    struct pooled *conditions = tied(session, POOL_TIE_CONDITIONS);
    struct pooled *found = tied(session, POOL_TIE_FOUND_ROWS);
    if (unknown == 0) {
        return RECALL_NONE;
    }
    if (unknown == ASKED_CONDITIONS) {
        return go_to(session, POOL_TIE_CONDITIONS);
    }
    if (unknown == ASKED_FOUND_ROWS || conditions == found) {
        return go_to(session, POOL_TIE_FOUND_ROWS);
    }
    if (conditions == session->pooled || (found != session->pooled && found != NULL)) {
        return ask_first(session, POOL_TIE_FOUND_ROWS);
    }
    return ask_first(session, POOL_TIE_CONDITIONS);
}

// The text as it goes on so far.
static struct slice text_of(const struct run *run)
{
    return run->text != NULL ? run->text->text : run_text(run);
}

static void text_put(struct session *session, struct slice text)
{
    struct run *run = session->run;
    if (run->text != NULL) {
        preparation_swap(session, text);
    } else {
        run_put_text(run, text);
    }
    if (run->processes != NULL) {
        run->processes->sql = arena_copy(&run->processes->arena, text);
    }
}

static bool is_fresh(const struct session *session)
{
    return session_is_mariadb(session) && session->run->statement.tables_count > 0 &&
           session->run->statement.count == 1;
}

static bool can_rewrite(const struct session *session)
{
    const struct run *run = session->run;
    bool is_text =
        run->command == COMMAND_QUERY ||
        (run->command == COMMAND_STMT_EXECUTE && run->statement.reason != ROUTE_REASON_PREPARED);
    return is_text && text_of(run).len < TEXT_MOST && !session->syntax.is_mode_unknown;
}

// What stands in front of the first semicolon counts: later statements ask about those before them.
static enum recall text_find(struct session *session, unsigned asked)
{
    struct run *run = session->run;
    struct buffer text = BUFFER_INIT;
    struct recalling recalling = {.session = session, .is_fresh = is_fresh(session)};
    struct rewriting at;
    if (!can_rewrite(session)) {
        return go_as_is(session, asked);
    }
    struct slice sql = arena_copy(&run->arena, text_of(run));
    rewriting_begin(&at, sql, &session->syntax, &text);
    rewriting_calls(&at, true, take_question, &recalling);
    bool is_read = rewriting_end(&at);
    if (is_read && !slice_equal(buffer_slice(&text), sql)) {
        text_put(session, buffer_slice(&text));
    }
    buffer_release(&text);
    return is_read ? unknown_find(session, recalling.unknown) : go_as_is(session, asked);
}

// --- which way -----------------------------------------------------------------------------------

// The first of several is SHOW WARNINGS or the like: its answer is one of several.
static bool begins_with_conditions(const struct session *session)
{
    struct lexer lexer;
    struct token token;
    lexer_init(&lexer, session->run->sql, &session->syntax, 0);
    lexer_next(&lexer, &token);
    if (take_word(&lexer, &token, S("get"))) {
        return true;
    }
    return take_word(&lexer, &token, S("show")) &&
           (take_word(&lexer, &token, S("warnings")) || take_word(&lexer, &token, S("errors")) ||
            take_word(&lexer, &token, S("count")));
}

// What an OK told may be an id that was given, and LAST_INSERT_ID() another one: the connection
// that told it is asked, where the session goes on with another.
static bool insert_id_waits(struct session *session)
{
    const struct pooled *knows = tied(session, POOL_TIE_INSERT_ID);
    bool is_unsure = session->told_ids[0] != 0 && session->pooled != NULL && knows != NULL &&
                     knows != session->pooled;
    return pool_is_saving(&session->ties, POOL_TIE_INSERT_ID) ||
           (is_unsure && pool_save_tied(&session->ties, POOL_TIE_INSERT_ID));
}

// A COM_INIT_DB that fails on MySQL adds its error to the list that there is: another connection is
// asked for it first.
static bool conditions_wait(struct session *session)
{
    const struct pooled *knows = tied(session, POOL_TIE_CONDITIONS);
    bool is_added_to = session->run->command == COMMAND_INIT_DB && !session_is_mariadb(session) &&
                       session->last.conditions == LAST_HELD;
    return is_added_to && knows != NULL && knows != session->pooled &&
           (pool_is_saving(&session->ties, POOL_TIE_CONDITIONS) ||
            pool_save_tied(&session->ties, POOL_TIE_CONDITIONS));
}

// Texts that live on would keep the numbers.
static bool keeps_text(const struct statement *statement)
{
    return statement->kind == STATEMENT_CREATE || statement->kind == STATEMENT_ALTER;
}

enum recall recall_find(struct session *session)
{
    const struct run *run = session->run;
    const struct statement *statement = &run->statement;
    unsigned asked = asked_by(statement);
    bool is_question = run->command == COMMAND_QUERY || runs_prepared(session);
    if (is_question && statement_asks(statement, ASK_INSERT_ID) && insert_id_waits(session)) {
        return RECALL_WAIT;
    }
    if (conditions_wait(session)) {
        return RECALL_WAIT;
    }
    if (!is_question || asked == 0 || keeps_text(statement) || is_all_here(session, asked)) {
        return RECALL_NONE;
    }
    if (statement->count > 1) {
        return begins_with_conditions(session) ? go_as_is(session, ASKED_CONDITIONS)
                                               : text_find(session, asked);
    }
    if (statement->kind == STATEMENT_SHOW) {
        return show_find(session);
    }
    return statement->kind == STATEMENT_GET_DIAGNOSTICS ? diagnostics_find(session, asked)
                                                        : text_find(session, asked);
}
