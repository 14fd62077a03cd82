// What the answers say of what they leave, by the rules that both families of servers were seen to
// follow.
#include "proxy/session/last.h"
#include "proxy/session/session_priv.h"

#include "proxy/base/memory.h"

// --- what is kept --------------------------------------------------------------------------------

static void saved_drop(struct last *last)
{
    mem_free(last->saved);
    last->saved = NULL;
}

void last_release(struct last *last)
{
    saved_drop(last);
    *last = (struct last){.is_found_known = true};
}

// What the session is tied to there is with the connection that it has.
static bool is_here(const struct session *session, enum pool_tie_kind kind)
{
    return session->ties.of[kind].pooled == session->pooled;
}

static void conditions_none(struct session *session)
{
    saved_drop(&session->last);
    pool_tie_cut(&session->ties.of[POOL_TIE_CONDITIONS]);
    session->last.conditions = LAST_NONE;
    session->last.error = 0;
}

#define USUAL_COLUMNS(code_length, text_decimals)                                                  \
    {                                                                                              \
        {.name = SLICE_INIT("Level"),                                                              \
         .collation = COLUMN_UTF8MB4,                                                              \
         .length = 28,                                                                             \
         .type = TYPE_VAR_STRING,                                                                  \
         .flags = COLUMN_NOT_NULL,                                                                 \
         .decimals = (text_decimals)},                                                             \
            {.name = SLICE_INIT("Code"),                                                           \
             .collation = COLUMN_BYTES,                                                            \
             .length = (code_length),                                                              \
             .type = TYPE_LONG,                                                                    \
             .flags = COLUMN_NOT_NULL | COLUMN_UNSIGNED | COLUMN_BINARY},                          \
            {.name = SLICE_INIT("Message"),                                                        \
             .collation = COLUMN_UTF8MB4,                                                          \
             .length = 2048,                                                                       \
             .type = TYPE_VAR_STRING,                                                              \
             .flags = COLUMN_NOT_NULL,                                                             \
             .decimals = (text_decimals)},                                                         \
    }

static const struct column usual_of_mariadb[CONDITION_CELLS] = USUAL_COLUMNS(4, 39);
static const struct column usual_of_mysql[CONDITION_CELLS] = USUAL_COLUMNS(5, 31);

const struct column *last_columns(const struct session *session)
{
    const struct last *last = &session->last;
    return last->conditions == LAST_SAVED ? last->saved->columns
           : session_is_mariadb(session)  ? usual_of_mariadb
                                          : usual_of_mysql;
}

// The columns as a server has them: under the names that we know.
static void columns_set(struct conditions *made, const struct column *columns)
{
    for (size_t i = 0; i < CONDITION_CELLS; i++) {
        struct column *column = &made->columns[i];
        *column = usual_of_mysql[i];
        column->collation = columns[i].collation;
        column->length = columns[i].length;
        column->flags = columns[i].flags;
        column->decimals = columns[i].decimals;
    }
}

// A copy of so many rows, in one piece.
static struct conditions *conditions_make(const struct column *columns,
                                          struct slice (*rows)[CONDITION_CELLS], size_t count)
{
    const struct slice *cells = &rows[0][0];
    size_t head_size = sizeof(struct conditions) + count * sizeof(*rows), text_size = 0;
    for (size_t i = 0; i < count * CONDITION_CELLS; i++) {
        text_size += cells[i].len;
    }
    if (count > CONDITIONS_ROWS_MOST || text_size > CONDITIONS_BYTES_MOST) {
        return NULL;
    }
    struct conditions *made = mem_zero(1, head_size + text_size);
    struct slice *copies = &made->cells[0][0];
    char *text = (char *)made + head_size;
    made->count = count;
    columns_set(made, columns);
    for (size_t i = 0; i < count * CONDITION_CELLS; i++) {
        struct slice value = cells[i];
        memcpy(text, value.len > 0 ? value.ptr : "", value.len);
        copies[i] = slice_make(text, value.len);
        text += value.len;
    }
    return made;
}

static bool saved_set(struct last *last, struct conditions *saved)
{
    saved_drop(last);
    last->saved = saved;
    last->conditions = saved != NULL ? LAST_SAVED : LAST_HELD; // by nobody any more
    return saved != NULL;
}

bool last_save(struct last *last, const struct conn_result *result)
{
    if (result->code != 0 || result->column_count != CONDITION_CELLS) {
        return false;
    }
    if (result->row_count == 0 && !last->is_count_known) { // the server has dropped them since
        saved_drop(last);
        last->conditions = LAST_NONE;
        return true;
    }
    struct slice(*rows)[CONDITION_CELLS] = mem_zero(result->row_count + 1, sizeof(*rows));
    for (size_t i = 0; i < result->row_count; i++) {
        memcpy(rows[i], result->rows[i].cells, sizeof(*rows));
    }
    bool is_saved = saved_set(last, conditions_make(result->definitions, rows, result->row_count));
    mem_free(rows);
    return is_saved;
}

void last_add_error(struct last *last, const struct column *columns, uint16_t code,
                    struct slice message)
{
    char number[8];
    size_t count = last->conditions == LAST_SAVED ? last->saved->count : 0;
    struct slice(*rows)[CONDITION_CELLS] = mem_zero(count + 1, sizeof(*rows));
    int len = snprintf(number, sizeof(number), "%u", (unsigned)code);
    if (count > 0) {
        memcpy(rows, last->saved->cells, count * sizeof(*rows));
    } else {
        last->is_count_known = true;
        last->condition_count = 0;
    }
    rows[count][CONDITION_LEVEL] = S("Error");
    rows[count][CONDITION_CODE] = slice_make(number, (size_t)len);
    rows[count][CONDITION_MESSAGE] = message;
    last->condition_count++;
    last->row_count = -1;
    saved_set(last, conditions_make(columns, rows, count + 1));
    mem_free(rows);
}

// --- counts --------------------------------------------------------------------------------------

// A server keeps so many unless it was told otherwise: where there are fewer, they are all.
enum { KEPT_BY_SERVERS = 64 };

static bool is_whole(const struct last *last)
{
    size_t count = last->saved->count;
    return last->is_count_known ? last->condition_count == count
                                : count > 0 && count < KEPT_BY_SERVERS;
}

bool last_warning_count(const struct last *last, uint64_t *count)
{
    if (last->conditions == LAST_NONE) {
        *count = 0;
        return true;
    }
    if (last->conditions == LAST_SAVED && (last->is_count_known || is_whole(last))) {
        *count = last->is_count_known ? last->condition_count : last->saved->count;
        return true;
    }
    return false;
}

bool last_error_count(const struct last *last, uint64_t *count)
{
    *count = 0;
    if (last->conditions == LAST_NONE) {
        return true;
    }
    if (last->conditions != LAST_SAVED || !is_whole(last)) {
        return false;
    }
    for (size_t i = 0; i < last->saved->count; i++) {
        *count += slice_equal(last->saved->cells[i][CONDITION_LEVEL], S("Error"));
    }
    return true;
}

// --- packets of the answer -----------------------------------------------------------------------

// The number behind that word in an OK's message; -1: none.
static int64_t told_number(struct slice message, struct slice word)
{
    size_t at = slice_find_slice(message, word);
    int64_t number = 0;
    if (at == message.len) {
        return -1;
    }
    for (size_t i = at + word.len; i < message.len; i++) {
        if (message.ptr[i] < '0' || message.ptr[i] > '9' || number > INT64_MAX / 16) {
            break;
        }
        number = number * 10 + (message.ptr[i] - '0');
    }
    return number;
}

void last_counted(struct session *session, int64_t row_count)
{
    session->last.row_count = row_count;
    session->last.is_here = false;
    pool_tie_cut(&session->ties.of[POOL_TIE_LAST]);
}

void last_begin(struct run *run)
{
    run->left = (struct left){.row_count = -1, .told_rows = -1};
}

void last_ok(struct run *run, const struct ok *ok, bool ends_rows)
{
    struct left *left = &run->left;
    left->row_count = ends_rows ? -1 : (int64_t)ok->affected_rows;
    left->has_warned |= ok->warnings > 0;
    left->told_rows = -1;
    if (!ends_rows && ok->message.len > 0) {
        int64_t matched = told_number(ok->message, S("Rows matched: "));
        left->told_rows = matched >= 0 ? matched : told_number(ok->message, S("Records: "));
    }
}

static void sqlstate_copy(char *sqlstate, const struct err *err)
{
    bool is_given = err->sqlstate.len == LAST_SQLSTATE_SIZE;
    memcpy(sqlstate, is_given ? err->sqlstate.ptr : "HY000", LAST_SQLSTATE_SIZE);
}

void last_err(struct run *run, const struct err *err)
{
    run->left.row_count = -1;
    sqlstate_copy(run->left.sqlstate, err);
    if (run->command == COMMAND_INIT_DB) {
        run->left.message = arena_copy(&run->arena, err->message);
    }
}

// --- warnings and errors -------------------------------------------------------------------------

bool last_is_told_by(const struct statement *statement)
{
    return statement_asks(statement, ASK_WARNINGS) &&
           (statement->kind == STATEMENT_SHOW || statement->kind == STATEMENT_GET_DIAGNOSTICS);
}

enum clearing { CLEARING_ALL, CLEARING_NONE, CLEARING_UNSURE };

// MySQL begins every statement without the warnings of the one before; MariaDB only those that use
// tables.
static enum clearing clearing_on_mariadb(struct session *session, const struct statement *statement)
{
    const struct statement *inner;
    bool is_behind_set =
        statement->inner == STATEMENT_EXECUTE || statement->inner == STATEMENT_PREPARE;
    if (statement->tables_count > 0) {
        return CLEARING_ALL;
    }
    switch (is_behind_set ? statement->inner : statement->kind) {
    case STATEMENT_SELECT:
    case STATEMENT_DO:
    case STATEMENT_SET:
    case STATEMENT_USE:
    case STATEMENT_BEGIN:
    case STATEMENT_COMMIT:
    case STATEMENT_ROLLBACK:
    case STATEMENT_ROLLBACK_TO:
    case STATEMENT_SAVEPOINT:
    case STATEMENT_RELEASE_SAVEPOINT:
    case STATEMENT_SET_TRANSACTION:
    case STATEMENT_UNLOCK_TABLES:
    case STATEMENT_XA:
    case STATEMENT_DEALLOCATE:
    case STATEMENT_HELP:
    case STATEMENT_VALUES:
    case STATEMENT_EXPLAIN:
    case STATEMENT_KILL:
    case STATEMENT_ACCOUNT:
    case STATEMENT_CREATE: // of databases, procedures, events
    case STATEMENT_ALTER:
    case STATEMENT_DROP:
    case STATEMENT_RENAME:
        return CLEARING_NONE;
    case STATEMENT_PREPARE:
        inner = effects_inner(session, statement);
        return inner == NULL             ? CLEARING_UNSURE
               : inner->tables_count > 0 ? CLEARING_ALL
                                         : CLEARING_NONE;
    case STATEMENT_EXECUTE:
        inner = effects_inner(session, statement);
        return inner == NULL || inner->kind == STATEMENT_EXECUTE
                   ? CLEARING_UNSURE
                   : clearing_on_mariadb(session, inner);
    case STATEMENT_CALL:
    case STATEMENT_COMPOUND:
    case STATEMENT_SHOW: // some read tables of information_schema
    case STATEMENT_ADMINISTRATION:
        return CLEARING_UNSURE;
    default:
        return CLEARING_ALL;
    }
}

static enum clearing clearing(struct session *session)
{
    const struct run *run = session->run;
    const struct statement *statement = &run->statement;
    if (last_is_told_by(statement)) {
        return CLEARING_NONE;
    }
    return conn_peer(pooled_conn(session->pooled))->is_mariadb
               ? clearing_on_mariadb(session, statement)
               : CLEARING_ALL;
}

static void conditions_clear(struct session *session)
{
    struct last *last = &session->last;
    enum clearing found = clearing(session);
    bool is_held_here = last->conditions == LAST_HELD && is_here(session, POOL_TIE_CONDITIONS);
    if (found == CLEARING_UNSURE && is_held_here) {
        last->is_count_known = false; // the connection knows
    } else if (found != CLEARING_NONE) {
        conditions_none(session);
    }
}

// MySQL adds the error of a COM_INIT_DB to what its connection had before, which may be another
// session's.
static void init_db_error_add(struct session *session)
{
    const struct run *run = session->run;
    struct last *last = &session->last;
    if (last->conditions == LAST_HELD && is_here(session, POOL_TIE_CONDITIONS)) {
        last->condition_count++;
    } else {
        last_add_error(last, last_columns(session), run->reply.error, run->left.message);
        pool_tie_cut(&session->ties.of[POOL_TIE_CONDITIONS]);
    }
    last->error = run->reply.error;
    memcpy(last->sqlstate, run->left.sqlstate, LAST_SQLSTATE_SIZE);
}

// The server said so of the preparation, and forgets it where the connection takes the session's
// state again.
static void refusal_note(struct session *session, const struct err *err)
{
    struct last *last = &session->last;
    conditions_none(session);
    last_add_error(last, last_columns(session), err->code, err->message);
    pool_tie_cut(&session->ties.of[POOL_TIE_CONDITIONS]);
    last->error = err->code;
    sqlstate_copy(last->sqlstate, err);
}

static void conditions_note(struct session *session, bool is_error)
{
    struct run *run = session->run;
    struct last *last = &session->last;
    struct err err;
    if (run->refusal.len > 0 && err_decode(&err, run->refusal)) {
        refusal_note(session, &err);
        return;
    }
    if (run->command == COMMAND_INIT_DB && is_error && !session_is_mariadb(session)) {
        init_db_error_add(session);
        return;
    }
    if (run->command == COMMAND_INIT_DB && !is_error) {
        return; // its OK counts what the connection had before, which may be another session's
    }
    bool is_several = run->statement.count > 1;
    bool has_warned = run->reply.warnings > 0 || (is_several && run->left.has_warned);
    bool is_kept = last->conditions != LAST_NONE && last_is_told_by(&run->statement) && !is_several;
    if (is_error || (has_warned && !is_kept)) {
        saved_drop(last);
        last->conditions = LAST_HELD;
        last->is_count_known = !is_error && !is_several;
        last->condition_count = run->reply.warnings;
        last->error = is_error ? run->reply.error : 0;
        pool_tie_bind(&session->ties, POOL_TIE_CONDITIONS, session->pooled, true);
    } else if (has_warned) { // GET DIAGNOSTICS added one
        last->condition_count += run->reply.warnings;
    } else {
        conditions_clear(session);
    }
    if (is_error) {
        memcpy(last->sqlstate, run->left.sqlstate, LAST_SQLSTATE_SIZE);
    }
}

// --- behind the answer ---------------------------------------------------------------------------

void last_prepared(struct session *session)
{
    if (!session_is_mariadb(session) || session->run->statement.tables_count > 0) {
        conditions_none(session); // as running it would
    }
}

// It leaves ROW_COUNT() as it was, on the connection as well, unless it went out as a SET.
static void diagnostics_note(struct session *session, bool is_error)
{
    const struct run *run = session->run;
    if (is_error || run->reply.warnings > 0) {
        session->last.row_count = -1;
    }
    session->last.is_here = is_here(session, POOL_TIE_LAST) && buffer_is_empty(&run->sent);
}

void last_note(struct session *session, bool is_error)
{
    const struct run *run = session->run;
    bool is_prepare = run->command == COMMAND_STMT_PREPARE;
    bool is_statement = run->command == COMMAND_QUERY || run->command == COMMAND_INIT_DB ||
                        is_prepare || execution_is_meant(run);
    if (!is_statement) {
        return;
    }
    if (is_prepare && !is_error && run->reply.warnings == 0) {
        last_prepared(session);
        return;
    }
    conditions_note(session, is_error);
    found_note(session, is_error);
    if (is_prepare && !is_error) {
        return;
    }
    if (run->statement.kind == STATEMENT_GET_DIAGNOSTICS) {
        diagnostics_note(session, is_error);
    } else {
        session->last.row_count = is_error ? -1 : run->left.row_count;
        pool_tie_bind(&session->ties, POOL_TIE_LAST, session->pooled, false);
        session->last.is_here = true;
    }
}

void last_refused(struct session *session, const struct err *err)
{
    struct last *last = &session->last;
    conditions_none(session);
    last_add_error(last, last_columns(session), err->code, err->message);
    last->error = err->code;
    sqlstate_copy(last->sqlstate, err);
    last_counted(session, -1);
}

// MariaDB begins anew where a question uses tables.
static bool would_clear_conditions(const struct session *session, bool uses_tables)
{
    return uses_tables || !conn_peer(pooled_conn(session->pooled))->is_mariadb;
}

size_t last_questions(const struct session *session, bool uses_tables,
                      struct last_question out[LAST_QUESTIONS])
{
    const struct pool_tie *found = &session->ties.of[POOL_TIE_FOUND_ROWS];
    size_t count = 0;
    if (is_here(session, POOL_TIE_CONDITIONS) && would_clear_conditions(session, uses_tables)) {
        out[count++] = (struct last_question){POOL_TIE_CONDITIONS, S("SHOW WARNINGS")};
    }
    if (found->pooled == session->pooled && found->is_needed) {
        out[count++] = (struct last_question){POOL_TIE_FOUND_ROWS, S("SELECT FOUND_ROWS()")};
    }
    return count;
}

void last_answered(struct session *session, enum pool_tie_kind kind,
                   const struct conn_result *result)
{
    struct pool_saved saved = {.kind = kind, .rows = result, .is_known = result->code == 0};
    if (kind == POOL_TIE_FOUND_ROWS) {
        saved.is_known = saved.is_known && result->row_count == 1 && result->column_count == 1 &&
                         slice_to_u64(result->rows[0].cells[0], &saved.value);
    }
    last_saved(&session->ties, &saved);
}

void last_cover(struct session *session, bool uses_tables)
{
    session->last.is_here = false;
    if (is_here(session, POOL_TIE_CONDITIONS) && would_clear_conditions(session, uses_tables)) {
        pool_tie_cut(&session->ties.of[POOL_TIE_CONDITIONS]);
    }
    if (is_here(session, POOL_TIE_FOUND_ROWS)) {
        pool_tie_cut(&session->ties.of[POOL_TIE_FOUND_ROWS]);
    }
    if (is_here(session, POOL_TIE_LAST)) {
        pool_tie_cut(&session->ties.of[POOL_TIE_LAST]);
    }
}

void last_told(struct session *session, uint64_t rows, bool sets_found)
{
    struct last *last = &session->last;
    last_counted(session, -1);
    if (sets_found) {
        pool_tie_cut(&session->ties.of[POOL_TIE_FOUND_ROWS]);
        last->is_found_known = true;
        last->found_rows = rows;
    }
}

void last_saved(struct pool_ties *ties, const struct pool_saved *saved)
{
    struct session *session = container_of(ties, struct session, ties);
    struct last *last = &session->last;
    if (saved != NULL && saved->is_known) {
        switch (saved->kind) {
        case POOL_TIE_INSERT_ID:
            attach_know_insert_id(session, saved->value);
            break;
        case POOL_TIE_FOUND_ROWS:
            last->found_rows = saved->value;
            last->is_found_known = true;
            break;
        case POOL_TIE_CONDITIONS:
            if (!last_save(last, saved->rows)) {
                log_debug(&session->source, "session.conditions_lost",
                          kv_uint("rows", saved->rows->row_count));
            }
            break;
        default:
            break;
        }
    }
    if (session->state == SESSION_HOLDING) {
        loop_defer(session->worker->loop, &session->wake);
    }
}
